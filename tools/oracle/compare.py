#!/usr/bin/env python3
"""Compares vectors of ours with golden ones: cosine (least, mean) and the texts that are worst. Needs numpy only.

    compare.py OURS.npy GOLDEN.npy [--subset subset.bin] [--texts texts.bin] [--least 0.99999] [--show 10]

With --subset the golden rows are those texts of OURS (rows OURS[subset]). Exit 1 when a text is below --least, when shapes
differ, or when a vector is not finite.
"""
import argparse
import pathlib
import struct
import sys

import numpy as np


def read_texts(path):
    data, at, texts = pathlib.Path(path).read_bytes(), 0, []
    while at < len(data):
        size, = struct.unpack_from("<I", data, at)
        texts.append(data[at + 4:at + 4 + size].decode())
        at += 4 + size
    return texts


def read_subset(path):
    return np.frombuffer(pathlib.Path(path).read_bytes(), "<u4")[1:].astype(int)


def cosines(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("ours")
    p.add_argument("golden")
    p.add_argument("--subset")
    p.add_argument("--texts", default=pathlib.Path(__file__).resolve().parents[2] / "tests/golden/texts.bin")
    p.add_argument("--least", type=float, default=0.99999)
    p.add_argument("--show", type=int, default=10)
    args = p.parse_args()

    ours, golden = np.load(args.ours), np.load(args.golden)
    rows = np.arange(len(golden))
    if args.subset:
        rows = read_subset(args.subset)
        ours = ours if len(ours) == len(rows) else ours[rows]
    if ours.shape != golden.shape:
        print(f"shapes differ: ours {ours.shape}, golden {golden.shape}")
        return 1
    cosine = cosines(ours, golden)
    bad = ~np.isfinite(cosine) | (cosine < args.least)
    lengths = np.linalg.norm(ours.astype(np.float64), axis=1)
    print(f"{len(ours)} vectors of {ours.shape[1]}: cosine least {np.nanmin(cosine):.8f}, mean {np.nanmean(cosine):.8f}; "
          f"length {lengths.min():.6f} to {lengths.max():.6f}; largest difference {np.abs(ours.astype(np.float64) - golden).max():.2e}")
    if bad.any():
        texts = read_texts(args.texts)
        print(f"{bad.sum()} texts below {args.least}:")
        for i in np.argsort(np.where(np.isfinite(cosine), cosine, -2))[:min(args.show, bad.sum())]:
            print(f"  text {rows[i]}: {cosine[i]:.6f}  {texts[rows[i]][:70]!r}")
    return int(bad.any())


if __name__ == "__main__":
    sys.exit(main())
