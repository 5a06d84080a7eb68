"""A worker of `run`: `tokenizers` or `tiktoken`, spoken to like encode_texts.c. RAYON_NUM_THREADS is the number of threads of
the first, and cannot change later; so each number of threads has a process of its own.

    peer.py tokenizers|tiktoken TOKENIZER TEXTS
"""
import array
import base64
import pathlib
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/oracle"))

import bench_texts  # noqa: E402


def open_peer(kind, path):
    """Two functions of (texts, threads): what is timed, and lists of ids."""
    if kind == "tokenizers":
        from tokenizers import Tokenizer
        tokenizer = Tokenizer.from_file(path)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return (lambda texts, threads: tokenizer.encode_batch_fast(texts)), (lambda texts, threads: [e.ids for e in tokenizer.encode_batch_fast(texts)])
    import tiktoken
    from files import pattern
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in pathlib.Path(path).read_bytes().splitlines())}
    name = pathlib.Path(path).stem
    encoding = tiktoken.Encoding(name, pat_str=pattern(name), mergeable_ranks=ranks, special_tokens={})

    def run(texts, threads):
        return encoding.encode_ordinary_batch(texts, num_threads=threads)
    return run, run


def main():
    kind, path, source = sys.argv[1:]
    texts = [text.decode() for text in bench_texts.read(source)]
    timed, ids_of = open_peer(kind, path)
    for line in sys.stdin:
        command, argument = line.split()
        if command == "ids":
            with open(argument, "wb") as out:
                total = 0
                for ids in ids_of(texts, 1):
                    out.write(struct.pack("<I", len(ids)) + array.array("I", ids).tobytes())
                    total += len(ids)
            print(total, flush=True)
        else:
            wall, cpu = time.monotonic(), time.process_time()
            result = timed(texts, int(argument))
            print(f"{time.monotonic() - wall:.6f} {time.process_time() - cpu:.6f}", flush=True)
            del result


if __name__ == "__main__":
    main()
