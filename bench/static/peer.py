"""A peer's worker of bench/static/run: peer.py sentence-transformers|model2vec MODEL THREADS TEXTS; answers as embed_texts does."""
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import worker  # noqa: E402


def open_model(name, model):
    if name == "model2vec":
        from model2vec import StaticModel
        static = StaticModel.from_pretrained(model)
        return lambda texts, batch: static.encode(texts, batch_size=batch or 1024, use_multiprocessing=False)
    from sentence_transformers import SentenceTransformer
    transformer = SentenceTransformer(model, device="cpu")
    return lambda texts, batch: transformer.encode(texts, batch_size=batch or 1024, show_progress_bar=False, convert_to_numpy=True)


if __name__ == "__main__":
    peer, directory, threads, *files = sys.argv[1:]
    torch.set_num_threads(int(threads))
    worker.serve(lambda: open_model(peer, directory), files)
