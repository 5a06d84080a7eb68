"""Retrieval for a RAG application with sqlite-vec: notes in one SQLite file, nothing else.

    pip install rag_factory sqlite-vec apsw
    python rag_sqlite.py "When does the train leave?"

apsw, because Python's own sqlite3 is often built without extensions.
"""

import sys

import apsw
import sqlite_vec

from rag_factory.services.embeddings import ONNXLocalEmbedding

NOTES = [
    "Bread needs flour, water, salt and time.",
    "The train to Berlin leaves at noon from platform 4.",
    "Bell invented the telephone in 1876.",
    "Cats sleep for most of the day.",
    "The library closes at eight in the evening.",
]


def open_store(path, dimension):
    store = apsw.Connection(path)
    store.enable_load_extension(True)
    store.load_extension(sqlite_vec.loadable_path())
    store.enable_load_extension(False)
    store.execute("create table if not exists notes (id integer primary key, text)")
    store.execute(f"create virtual table if not exists vectors using vec0 (vector float[{dimension}])")
    return store


def add(store, embedder, texts):
    # Each row of the buffer goes to SQLite as it is: float32, no list of Python's floats in between.
    vectors = embedder.embed_documents_buffer(texts).cast("B")
    size = embedder.dimension * 4  # bytes
    for i, text in enumerate(texts):
        store.execute("insert into notes (text) values (?)", [text])
        row = store.last_insert_rowid()
        store.execute("insert into vectors (rowid, vector) values (?, ?)", [row, vectors[i * size:(i + 1) * size]])


def search(store, embedder, question, k=2):
    query = sqlite_vec.serialize_float32(embedder.embed_query(question))
    return store.execute(
        "select notes.text, distance from vectors join notes on notes.id = vectors.rowid "
        "where vector match ? and k = ? order by distance", [query, k]).fetchall()


def main():
    question = sys.argv[1] if len(sys.argv) > 1 else "When does the train leave?"
    with ONNXLocalEmbedding() as embedder:
        store = open_store(":memory:", embedder.dimension)
        add(store, embedder, NOTES)
        found = search(store, embedder, question)
    # A language model would now get this prompt.
    print("Answer from these notes alone:")
    for text, distance in found:
        print(f"- {text}  (distance {distance:.3f})")
    print(f"Question: {question}")


if __name__ == "__main__":
    main()
