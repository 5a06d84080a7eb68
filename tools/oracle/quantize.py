"""tests/golden/quantize: vectors, ranges, and the bytes that sentence-transformers' quantize_embeddings makes of them."""
import pathlib

import numpy as np
from sentence_transformers.util import quantize_embeddings

TARGET = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/quantize"


def vectors(rng, n, dim):
    v = rng.standard_normal((n, dim)).astype(np.float32)
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    v[0, :4] = [0, -0.0, 1e-30, -1e-30]
    v[1, 0] = v[2, 0] = 0.125
    return v


def main():
    TARGET.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    for dim in (16, 21):
        v, calibration = vectors(rng, 60, dim), vectors(rng, 40, dim)
        calibration[:, 5] = 0.25                                    # a dimension without a range
        v[3:40, 5] = 0.25
        v[40:43] *= 3                                               # outside of every range
        ranges = np.vstack([calibration.min(axis=0), calibration.max(axis=0)]).astype(np.float32)
        v[50:52] = ranges                                           # the ends of the ranges
        np.save(TARGET / f"vectors-{dim}.npy", v)
        np.save(TARGET / f"calibration-{dim}.npy", calibration)
        np.save(TARGET / f"ranges-{dim}.npy", ranges)
        for precision in ("int8", "uint8", "binary", "ubinary"):
            bytes_ = quantize_embeddings(v, precision, ranges=ranges)
            assert np.array_equal(bytes_, quantize_embeddings(v, precision, calibration_embeddings=calibration))
            (TARGET / f"{precision}-{dim}.bin").write_bytes(bytes_.tobytes())
        (TARGET / f"fp16-{dim}.bin").write_bytes(v.astype("<f2").tobytes())
    edges = np.array([0, -0.0, 1, 65504, 65519.99, 65520, 1e30, 6e-8, 2.98e-8, 2.9802322e-8, 2.9802326e-8, 5.96e-8, 6.1035156e-5, 6.1e-5,
                      1.00048828125, 1.0014648, 0.33325195, -1.5, 2049, 2051, -6.1035156e-5, 3.1e-5], np.float32)
    np.save(TARGET / "halves.npy", edges)
    with np.errstate(over="ignore"):
        (TARGET / "halves.bin").write_bytes(edges.astype("<f2").tobytes())
    print(sum(f.stat().st_size for f in TARGET.iterdir()) // 1024, "kB")


if __name__ == "__main__":
    main()
