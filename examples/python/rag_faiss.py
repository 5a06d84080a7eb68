"""Retrieval for a RAG application with FAISS: a text file cut into passages, an index that is kept beside it.

    pip install rag_factory faiss-cpu numpy
    python rag_faiss.py notes.txt "Who made the first phone?"
"""

import pathlib
import sys

import faiss
import numpy as np

from rag_factory.services.embeddings import ONNXLocalEmbedding


def passages(text):
    """Paragraphs; a model reads a few hundred tokens of each, so long ones are cut at their sentences."""
    for paragraph in text.split("\n\n"):
        piece = ""
        for sentence in " ".join(paragraph.split()).replace(". ", ".\n").splitlines():
            if piece and len(piece) + len(sentence) > 800:
                yield piece
                piece = ""
            piece = f"{piece} {sentence}".strip()
        if piece:
            yield piece


def load_index(source, texts, embedder):
    """The index of a file, made when it is missing or older than the file, or of another model's dimension."""
    path = source.with_suffix(".faiss")
    if path.exists() and path.stat().st_mtime >= source.stat().st_mtime:
        index = faiss.read_index(str(path))
        if index.ntotal == len(texts) and index.d == embedder.dimension:
            return index
    index = faiss.IndexFlatIP(embedder.dimension)  # vectors of length 1: the inner product is the cosine
    index.add(embedder.embed_documents_array(texts))  # no copy on the way
    faiss.write_index(index, str(path))
    return index


def main():
    source = pathlib.Path(sys.argv[1])
    question = sys.argv[2]
    texts = list(passages(source.read_text()))
    with ONNXLocalEmbedding() as embedder:
        index = load_index(source, texts, embedder)
        query = np.array([embedder.embed_query(question)], dtype=np.float32)
    cosines, rows = index.search(query, min(3, len(texts)))
    for cosine, row in zip(cosines[0], rows[0]):
        print(f"{cosine:.3f}  {texts[row]}")


if __name__ == "__main__":
    main()
