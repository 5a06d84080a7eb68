"""The texts that benchmarks read. Needs nothing but Python.

A file of texts is [u32 length, little-endian][bytes] repeated, as tests/golden/texts.bin and what write() writes.
"""
import gzip
import os
import pathlib
import re
import struct

ROOT = pathlib.Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests/golden/texts.bin"
ORACLE = pathlib.Path(os.environ.get("RF_ORACLE_HOME") or ROOT / ".deps/oracle")   # tests/oracle/run fills it


def read(path):
    """The texts of a file, as bytes."""
    data, at, texts = pathlib.Path(path).read_bytes(), 0, []
    while at < len(data):
        size, = struct.unpack_from("<I", data, at)
        texts.append(data[at + 4:at + 4 + size])
        at += 4 + size
    return texts


def write(path, texts):
    """Writes str; returns their bytes, without the lengths."""
    encoded = [text.encode() for text in texts]
    with open(path, "wb") as out:
        for data in encoded:
            out.write(struct.pack("<I", len(data)) + data)
    return sum(map(len, encoded))


def manual(pages, chars, size):
    """The running text of manual pages, in texts of so many characters, up to `size` bytes."""
    out, total = [], 0
    for path in sorted((ORACLE / "man/usr/share/man").glob(pages)):
        if path.is_symlink():
            continue
        lines = [line for line in gzip.decompress(path.read_bytes()).decode("utf-8", "replace").splitlines() if line and line[0] not in ".'"]
        plain = re.sub(r"\\f[A-Z]|\\f\(..|\\&|\\", "", " ".join(lines))
        for at in range(0, len(plain) - chars // 2, chars):
            out.append(plain[at:at + chars])
            total += len(out[-1].encode())
            if total >= size:
                return out
    return out


def english(size):
    return manual("man[2-8]/*.gz", 1000, size)


def japanese(size):
    """Its characters have three bytes, and a line is a word to most tokenizers."""
    return manual("ja/man[1-8]/*.gz", 400, size)
