"""Reads what `rag-factory embed` writes, with nothing but Python's own library: every format gives a list of rows of
floats, each exactly the float32 that was written."""
import array
import ast
import csv
import json
import math
import struct
import sys


def float32(number):
    return struct.unpack("<f", struct.pack("<f", float(number)))[0]


def floats(data, dim):
    values = array.array("f", data)
    if sys.byteorder == "big":
        values.byteswap()
    return [list(values[i:i + dim]) for i in range(0, len(values), dim)]


def read(path, dim=384):
    if path.endswith(".json"):
        with open(path, encoding="utf-8") as file:
            return [[float32(x) for x in row["embedding"]] for row in json.load(file)["embeddings"]]
    if path.endswith(".jsonl"):
        with open(path, encoding="utf-8") as file:
            return [[float32(x) for x in json.loads(line)["embedding"]] for line in file]
    if path.endswith(".csv"):
        with open(path, encoding="utf-8", newline="") as file:
            return [[float32(x) for x in row[3:]] for row in list(csv.reader(file))[1:]]
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".f32"):
        return floats(data, dim)
    assert data[:8] == b"\x93NUMPY\x01\x00", data[:8]
    (length,) = struct.unpack("<H", data[8:10])
    assert (10 + length) % 64 == 0 and data[9 + length:10 + length] == b"\n", "header is not padded"
    header = ast.literal_eval(data[10:10 + length].decode())
    assert header["descr"] == "<f4" and header["fortran_order"] is False, header
    rows = floats(data[10 + length:], header["shape"][1])
    assert len(rows) == header["shape"][0], (header, len(rows))
    return rows


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
