#!/usr/bin/env python3
"""Speed, memory and latency of rag-factory beside sentence-transformers (torch) and fastembed, in one interleaved run.

    peers.py --program build/release/rag-factory --model-dir .deps/models/all-MiniLM-L6-v2 --threads 2

Texts: as many queries (about 17 tokens) as passages (97) and chunks (189), cut from English manual pages and the English
declarations, always the same ones, shuffled. Each peer is a process of its own; round by round each embeds all texts once,
in turn, so that a slow minute of the machine hits all. The two Python peers stay loaded and are timed around the call; ours
is timed as the whole program, start and load included, and its load is shown by a run on one line. Before any number, the
vectors are compared: ours must have a cosine >= 0.99999 with sentence-transformers' on every text, else the exit is 1.
Each Python peer gets the batch size, of those tried, at which it is fastest.
"""
import argparse
import json
import os
import pathlib
import random
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import corpus
from compare import cosines

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = pathlib.Path(os.environ.get("RF_MODELS_DIR") or ROOT / ".deps/models")
KINDS = [("queries", 17), ("passages", 97), ("chunks", 189)]
SHORT = "how do I reset my password?"
BATCHES = {"sentence-transformers": [1, 8, 32], "fastembed": [1, 8, 32, 256]}      # the defaults are 32 and 256
QUIET = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "true"}


# ---- texts ----------------------------------------------------------------------------------------------------------

def bench_texts(tokenizer, each):
    """each texts of every kind, shuffled, none with a line break."""
    rng = random.Random(17_97_189)
    words = [w for code in ("eng",) for p in corpus.declarations()[code] for w in p.split()]
    for path in rng.sample(corpus.man_pages(""), 120):
        words += " ".join(corpus.render(path)).split()
    out = []
    for _, mean in KINDS:
        for _ in range(each):
            goal, at, n = rng.uniform(0.4, 1.6) * (mean - 2), rng.randrange(len(words) - 400), 0
            tokens = 0
            while tokens < goal:
                n += 1 + int((goal - tokens) / 4)
                tokens = len(tokenizer.encode(" ".join(words[at:at + n]), add_special_tokens=False).ids)
            out.append(" ".join(words[at:at + n]))
    rng.shuffle(out)
    return out


# ---- the Python peers, each in a process of its own, spoken to in JSON lines --------------------------------------------

def open_sentence_transformers(args):
    import torch
    from sentence_transformers import SentenceTransformer
    torch.set_num_threads(args.threads)
    model = SentenceTransformer(str(args.torch_dir), device="cpu", model_kwargs={"dtype": torch.float32})
    return lambda texts, batch: model.encode(texts, batch_size=batch, show_progress_bar=False)


def open_fastembed(args):
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType
    TextEmbedding.add_custom_model("local/model", pooling=PoolingType[args.pooling.upper()], normalization=True,
                                   sources=ModelSource(hf="local/model"), dim=args.dim, model_file="model.onnx")
    model = TextEmbedding("local/model", specific_model_path=str(args.fastembed_dir), threads=args.threads, providers=["CPUExecutionProvider"])
    return lambda texts, batch: np.stack(list(model.embed(texts, batch_size=batch)))


def worker(args):
    began = time.perf_counter()
    embed = {"sentence-transformers": open_sentence_transformers, "fastembed": open_fastembed}[args.worker](args)
    embed([SHORT], 1)
    say({"load": time.perf_counter() - began})
    texts = pathlib.Path(args.texts_file).read_text("utf-8").split("\n")[:-1]
    for line in sys.stdin:
        order = json.loads(line)
        began = time.perf_counter()
        if order["do"] == "embed":
            vectors = embed(texts[:order.get("count", len(texts))], order["batch"])
            seconds = time.perf_counter() - began
            if "to" in order:
                np.save(order["to"], vectors)
            say({"seconds": seconds})
        elif order["do"] == "latency":
            times = []
            for _ in range(order["times"]):
                began = time.perf_counter()
                embed([SHORT], 1)
                times.append(time.perf_counter() - began)
            say({"times": times[len(times) // 10:]})


def say(value):
    print(json.dumps(value), flush=True)


class Peer:
    """A Python peer's process; closed by close(), which returns its peak memory in bytes."""

    def __init__(self, name, args, batch=None):
        self.name, self.batch = name, batch
        command = [sys.executable, __file__, "--worker", name, "--threads", str(args.threads), "--texts-file", str(args.texts_file), "--torch-dir",
                   str(args.torch_dir), "--fastembed-dir", str(args.fastembed_dir), "--pooling", args.pooling, "--dim", str(args.dim)]
        began = time.perf_counter()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE if args.quiet else None, text=True,
                                        env={**os.environ, **QUIET, "OMP_NUM_THREADS": str(args.threads)})
        self.load = self.answer()["load"]
        self.start = time.perf_counter() - began

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended: {self.process.stderr.read() if self.process.stderr else ''}")
        return json.loads(line)

    def ask(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def tune(self, count):
        """The fastest batch size; the process is not used further, since its memory is that of the largest batch."""
        tried = {batch: self.ask(do="embed", batch=batch, count=count)["seconds"] for batch in BATCHES[self.name]}
        self.batch = min(tried, key=tried.get)
        print(f"{self.name}: batch size {self.batch} (texts/s by batch size: {', '.join(f'{b}: {count / s:.1f}' for b, s in tried.items())})")
        self.close()
        return self.batch

    def vectors(self, path):
        self.ask(do="embed", batch=self.batch, to=str(path))
        return np.load(path)

    def run(self):
        return self.ask(do="embed", batch=self.batch)["seconds"]

    def latency(self, times):
        return self.ask(do="latency", times=times)["times"]

    def close(self):
        self.process.stdin.close()
        return wait_for(self.process)


def wait_for(process):
    """Waits for a child; its peak resident memory in bytes, children of its own included."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * 1024


# ---- ours -----------------------------------------------------------------------------------------------------------

class Ours:
    name = "rag-factory"

    def __init__(self, args, folder):
        self.args, self.folder, self.peak = args, folder, 0
        self.one = folder / "one.txt"
        self.one.write_text(SHORT + "\n")
        self.embed(self.one)                                        # a cache that is filled once is filled here
        self.start = self.load = min(self.embed(self.one) for _ in range(5))

    def embed(self, source):
        out = self.folder / "ours.npy"
        command = [self.args.program, "embed", "-m", str(self.args.model_dir), "-i", str(source), "-o", str(out), "--threads", str(self.args.threads), "-q"]
        began = time.perf_counter()
        process = subprocess.Popen(command + self.args.extra)
        self.peak = max(self.peak, wait_for(process))
        seconds = time.perf_counter() - began
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}: exit {process.returncode}")
        return seconds

    def vectors(self, path):
        self.embed(self.args.texts_file)
        return np.load(self.folder / "ours.npy")

    def run(self):
        return self.embed(self.args.texts_file)

    def latency(self, times):
        """Line in, vector out, over a pipe of the streaming program; else what its own `benchmark` says."""
        process = subprocess.Popen([self.args.program, "embed", "-m", str(self.args.model_dir), "--threads", str(self.args.threads), "-q",
                                    "--format", "jsonl"] + self.args.extra, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        out = []
        try:
            for _ in range(times):
                began = time.perf_counter()
                process.stdin.write(SHORT.encode() + b"\n")
                process.stdin.flush()
                if not select.select([process.stdout], [], [], 3)[0]:
                    break
                process.stdout.readline()
                out.append(time.perf_counter() - began)
        except BrokenPipeError:
            pass
        finally:
            process.stdin.close()
            process.stdout.close()
            process.wait()
        return out[len(out) // 10:]

    def close(self):
        return self.peak


# ---- the run --------------------------------------------------------------------------------------------------------

def fastembed_folder(onnx_dir, torch_dir, folder):
    """fastembed wants tokenizer_config.json beside the model; the limit is made sentence-transformers'."""
    limit = json.loads((torch_dir / "sentence_bert_config.json").read_text())["max_seq_length"]
    shutil.copy(onnx_dir / "model.onnx", folder / "model.onnx")
    shutil.copy(onnx_dir / "tokenizer.json", folder / "tokenizer.json")
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": limit, "pad_token": "[PAD]"}))
    (folder / "config.json").write_text(json.dumps({"pad_token_id": 0}))
    return folder


def spread(values):
    return f"{statistics.median(values):.2f} (least {min(values):.2f}, most {max(values):.2f})"


def report(peers, seconds, count, times, peaks):
    print(f"\n{'':24}{'texts/s':>10}{'load s':>9}{'start s':>9}{'peak MB':>9}{'p50 ms':>9}{'p95 ms':>9}")
    for peer in peers:
        t = sorted(times[peer.name]) or [float("nan")]
        print(f"{peer.name:24}{count / statistics.median(seconds[peer.name]):10.1f}{peer.load:9.2f}{peer.start:9.2f}{peaks[peer.name] / 1e6:9.0f}"
              f"{1e3 * t[len(t) // 2]:9.2f}{1e3 * t[min(len(t) - 1, int(len(t) * 0.95))]:9.2f}")
    print("load: libraries imported, model opened, one vector; start: the same from the start of the process (ours: the whole run on one line)")
    first = peers[0]
    for peer in peers[1:]:
        ratios = [theirs / ours for ours, theirs in zip(seconds[first.name], seconds[peer.name])]
        print(f"{first.name} is {spread(ratios)} times as fast as {peer.name}")
        if isinstance(first, Ours):
            net = [theirs / (ours - first.load) for ours, theirs in zip(seconds[first.name], seconds[peer.name])]
            print(f"    with the run on one line ({first.load:.2f} s) subtracted: {spread(net)}")


def check(peers, folder):
    """The cosine of every peer's vectors with sentence-transformers'."""
    vectors = {peer.name: peer.vectors(folder / f"{peer.name}.npy") for peer in peers}
    wrong = False
    for name, theirs in vectors.items():
        least = cosines(theirs, vectors["sentence-transformers"]).min()
        print(f"{name}: least cosine with sentence-transformers {least:.7f}")
        wrong |= name == Ours.name and not least >= 0.99999
    return not wrong


def main(args):
    from tokenizers import Tokenizer
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        tokenizer = Tokenizer.from_file(str(args.torch_dir / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        texts = bench_texts(tokenizer, args.each)
        args.texts_file = pathlib.Path(args.texts_file or folder / "texts.txt")
        args.texts_file.write_text("".join(t + "\n" for t in texts), "utf-8")
        counts = np.array([len(tokenizer.encode(t).ids) for t in texts])
        print(f"{len(texts)} texts, {counts.sum()} tokens, mean {counts.mean():.0f}, least {counts.min()}, most {counts.max()}; {args.threads} threads")
        (folder / "fastembed").mkdir()
        args.fastembed_dir = fastembed_folder(args.onnx_dir, args.torch_dir, folder / "fastembed")

        batches = {name: Peer(name, args).tune(min(len(texts), 150)) for name in BATCHES}
        peers = ([Ours(args, folder)] if args.program else []) + [Peer(name, args, batch) for name, batch in batches.items()]
        if not check(peers, folder):
            print("the vectors are wrong: no number is worth printing")
            return 1
        seconds = {peer.name: [] for peer in peers}
        for number in range(args.rounds):
            for peer in peers:
                seconds[peer.name].append(peer.run())
            print(f"round {number + 1}: " + ", ".join(f"{p.name} {len(texts) / seconds[p.name][-1]:.1f} texts/s" for p in peers))
        times = {peer.name: peer.latency(args.latencies) for peer in peers}
        report(peers, seconds, len(texts), times, {peer.name: peer.close() for peer in peers})
    return 0


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--program", help="our program; left out: only the peers")
    p.add_argument("--model-dir", type=pathlib.Path, default=MODELS / "all-MiniLM-L6-v2", help="what ours opens")
    p.add_argument("--torch-dir", type=pathlib.Path, default=MODELS / "all-MiniLM-L6-v2", help="what sentence-transformers opens")
    p.add_argument("--onnx-dir", type=pathlib.Path, default=MODELS / "all-MiniLM-L6-v2-onnx", help="model.onnx and tokenizer.json for fastembed")
    p.add_argument("--pooling", default="mean", choices=["mean", "cls"], help="of fastembed")
    p.add_argument("--dim", type=int, default=384)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--each", type=int, default=200, help="texts of each kind")
    p.add_argument("--latencies", type=int, default=300)
    p.add_argument("--texts-file", help="also leave the texts here, one a line")
    p.add_argument("--extra", nargs=argparse.REMAINDER, default=[], help="further arguments for our program, last")
    p.add_argument("--quiet", action="store_true", help="hide what the peers print")
    p.add_argument("--worker", help=argparse.SUPPRESS)
    p.add_argument("--fastembed-dir", type=pathlib.Path, help=argparse.SUPPRESS)
    arguments = p.parse_args()
    sys.exit(worker(arguments) if arguments.worker else main(arguments))
