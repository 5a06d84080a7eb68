"""Writes the golden ids, offsets and vectors of the real models for tests/golden/texts.bin (formats: tests/golden/README.md)."""
import json
import os
import pathlib
import struct
import sys

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

import corpus
import edges
import onnx_bert
import texts

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden"
MODELS = pathlib.Path(os.environ.get("RF_MODELS_DIR") or ROOT / ".deps/models")
MINILM = MODELS / "all-MiniLM-L6-v2"
ONNX_MODELS = {"bge-small-en-v1.5": "cls_token", "e5-small-v2": "mean_tokens"}
N_EDGES = len(edges.texts())
# 300 texts: a third of the edge cases, the rest spread over the corpus
SUBSET = sorted(set(range(0, N_EDGES, 3)) | set(np.linspace(N_EDGES, texts.COUNT - 1, 300 - len(range(0, N_EDGES, 3))).astype(int).tolist()))
# all 287 edge cases and 313 others
OFFSETS = list(range(N_EDGES)) + np.linspace(N_EDGES, texts.COUNT - 1, 600 - N_EDGES).astype(int).tolist()


def plain_tokenizer(path):
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def byte_offsets(text, encoding):
    """Character offsets of tokenizers -> offsets into the UTF-8 bytes."""
    starts = texts.byte_starts(text)
    return [(starts[a], starts[b]) for a, b in encoding.offsets]


def write_ids(corpus_texts):
    encodings = plain_tokenizer(MINILM / "tokenizer.json").encode_batch(corpus_texts)
    counts = [len(e.ids) for e in encodings]
    flat = np.array([i for e in encodings for i in e.ids], "<u2")
    (GOLDEN / "minilm-ids.bin").write_bytes(struct.pack("<II", len(counts), len(flat)) + np.array(counts, "<u4").tobytes() + flat.tobytes())
    spans = [span for i in OFFSETS for span in byte_offsets(corpus_texts[i], encodings[i])]
    (GOLDEN / "minilm-offsets.bin").write_bytes(
        struct.pack("<II", len(OFFSETS), len(spans)) + np.array(OFFSETS, "<u4").tobytes() + np.array(spans, "<u2").tobytes())
    print(f"ids: {len(counts)} texts, {len(flat)} tokens; offsets: {len(OFFSETS)} texts, {len(spans)} tokens")
    return encodings


def check_ids(model, encodings, chosen, corpus_texts):
    """What sentence-transformers feeds to the model is what tokenizers says, cut to the limit."""
    different = []
    for i in chosen:
        theirs = model.preprocess([corpus_texts[i]])["input_ids"][0].tolist()
        ours, limit = encodings[i].ids, model.max_seq_length
        if len(ours) > limit:
            ours = ours[:limit - 1] + ours[-1:]
        if theirs != ours:
            different.append(i)
    print(f"  ids fed by sentence-transformers: {len(different)} of {len(chosen)} differ from tokenizers {different[:20]}")
    assert not different


def encode(model, chosen):
    """Each text alone: no padding, no neighbours."""
    return np.stack([model.encode([text], batch_size=1, convert_to_numpy=True, show_progress_bar=False)[0] for text in chosen]).astype("<f4")


def cosines(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def write_vectors(path, vectors):
    half = vectors.astype("<f2")
    worst = cosines(vectors, half).min()
    assert worst > 0.9999995, worst
    np.save(path, half)
    print(f"{path.name}: {half.shape} float16, worst cosine to float32 {worst:.9f}")


def load(path):
    return SentenceTransformer(str(path), device="cpu", model_kwargs={"dtype": torch.float32})


def main():
    torch.manual_seed(0)
    torch.set_num_threads(2)
    corpus_texts = texts.read(GOLDEN / "texts.bin")
    encodings = write_ids(corpus_texts)
    (GOLDEN / "subset.bin").write_bytes(struct.pack("<I", len(SUBSET)) + np.array(SUBSET, "<u4").tobytes())
    with open(GOLDEN / "utf8-replace.jsonl", "w") as out:
        for data in edges.invalid_utf8():
            out.write(json.dumps({"hex": data.hex(), "text": data.decode("utf-8", "replace")}) + "\n")

    model = load(MINILM)
    check_ids(model, encodings, range(len(corpus_texts)), corpus_texts)
    write_vectors(GOLDEN / "all-MiniLM-L6-v2.npy", encode(model, corpus_texts))
    for name, pooling in ONNX_MODELS.items():
        directory = onnx_bert.convert(MODELS / f"{name}-onnx", corpus.HOME / "st" / name, pooling)
        model = load(directory)
        print(f"{name}: {[type(m).__name__ for m in model]}, limit {model.max_seq_length}")
        check_ids(model, encodings, SUBSET, corpus_texts)
        write_vectors(GOLDEN / f"{name}.npy", encode(model, [corpus_texts[i] for i in SUBSET]))
    onnx_bert.convert(MODELS / "all-MiniLM-L6-v2-onnx", corpus.HOME / "st/all-MiniLM-L6-v2-from-onnx", "mean_tokens", max_seq_length=256)
    model = load(corpus.HOME / "st/all-MiniLM-L6-v2-from-onnx")
    same = cosines(np.load(GOLDEN / "all-MiniLM-L6-v2.npy")[SUBSET], encode(model, [corpus_texts[i] for i in SUBSET]))
    print(f"all-MiniLM-L6-v2 out of the ONNX file against the safetensors: worst cosine {same.min():.9f}")


if __name__ == "__main__":
    sys.exit(main())
