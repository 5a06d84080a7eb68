"""Vectors that benchmarks compare. Needs nothing but Python."""
import array
import math

# How a text's vector is made of the ONNX files of scripts/fetch-models, NAME-onnx, which do not say it: options of the program.
HOW = {"all-MiniLM-L6-v2": ["--pooling", "mean", "--max-tokens", "256"], "bge-small-en-v1.5": ["--pooling", "cls"],
       "bge-small-zh-v1.5": ["--pooling", "cls"], "e5-small-v2": ["--pooling", "mean"]}


def rows(data, n):
    """n vectors out of the bytes of floats, row by row."""
    values = array.array("f", data)
    dim = len(values) // n
    return [values[i * dim:(i + 1) * dim] for i in range(n)]


def cosine(a, b):
    dot = math.fsum(x * y for x, y in zip(a, b))
    return dot / math.sqrt(math.fsum(x * x for x in a) * math.fsum(y * y for y in b))
