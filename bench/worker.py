"""The protocol of bench/embed_texts.c, line by line over a pipe: a process that speaks it, and how to be one."""
import os
import subprocess
import sys
import time

import bench_texts


class Worker:
    """A process that answers each line with one; it stays open until end()."""

    def __init__(self, command, threads=1, **how):
        env = {**os.environ, "OMP_NUM_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1",
               "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false", **how.pop("env", {})}
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env, **how)

    def answer(self):
        """The next line that begins with a digit; libraries print others."""
        while line := self.process.stdout.readline():
            if line[0].isdigit():
                return line
        raise SystemExit(f"{' '.join(self.process.args)} ended")

    def ask(self, *question):
        self.process.stdin.write(" ".join(map(str, question)) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def timed(self, *question):
        """Seconds that it says it took, and those of the processor."""
        before = self.processor_seconds()
        return float(self.ask(*question)), self.processor_seconds() - before

    def processor_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        """Its peak memory in bytes."""
        self.process.stdin.close()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_maxrss * 1024


def serve(open_model, files):
    """open_model() gives embed(texts, batch); files are those of bench_texts. A batch of 0 leaves it to the peer."""
    import numpy as np
    sets = [[text.decode() for text in bench_texts.read(path)] for path in files]
    start = time.perf_counter()
    embed = open_model()
    embed(sets[0][:1], 1)
    print(f"{time.perf_counter() - start:.6f}", flush=True)
    for line in sys.stdin:
        what, number, *rest = line.rstrip("\n").split(" ", 2)
        texts = sets[int(number)]
        if what == "latency":
            print(" ".join(f"{took(embed, [texts[i % len(texts)]], 1):.7f}" for i in range(int(rest[0]))), flush=True)
        elif what == "embed":
            print(f"{took(embed, texts, int(rest[0]) if rest else 0):.6f}", flush=True)
        elif what == "vectors":
            vectors = np.ascontiguousarray(embed(texts, 0), np.float32)
            vectors.tofile(rest[0])
            print(vectors.shape[1], flush=True)


def took(embed, texts, batch):
    start = time.perf_counter()
    embed(texts, batch)
    return time.perf_counter() - start
