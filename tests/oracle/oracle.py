#!/usr/bin/env python3
"""Compares our tokenizers with `tokenizers`, `tiktoken` and `sentencepiece`: ids, type ids, word ids, offsets, special
masks, truncation with its overflow, pairs, decoding. Started by `run`, which prepares what it needs.

    oracle.py --program ENCODE_CASES [--all] [--only WORD] [--jobs N] [--models DIR]

Without --all each tokenizer sees a part of the texts, another one for each; with it all of udhr, the manual pages, this
tree, NormalizationTest.txt and emoji-test.txt, every code point, and a million random and mutated strings. The last line is
"N passed, N failed" of tokenizers; exit 1 when one failed or a stage of coverage.py is missing. What the references answered is
remembered in .deps/oracle/answers: a run that was stopped, or one after a change of ours, asks them for the rest alone.
"""
import argparse
import hashlib
import multiprocessing
import multiprocessing.connection
import pathlib
import random
import sys
import tempfile
import zlib

import chains
import compare
import coverage
import files
import texts
import training
from compare import Case

HERE = pathlib.Path(__file__).resolve().parent
CHUNK = 40000  # cases for one process of ours


class Amount:
    """How much of what a tokenizer sees: one text in `texts`, one block of code points in `points`, numbers of others."""
    def __init__(self, texts, points, random, limits, ill_formed):
        self.texts, self.points, self.random, self.limits, self.ill_formed = texts, points, random, limits, ill_formed


#              CI                               --all
AMOUNTS = {
    "real":   (Amount(150, 400, 400, 300, 60), Amount(1, 1, 20000, 8000, 4000)),
    "known":  (Amount(150, 400, 400, 300, 60), Amount(2, 2, 15000, 6000, 3000)),
    "probe":  (Amount(1500, 4000, 150, 60, 15), Amount(60, 40, 1500, 500, 200)),
}


def every(items, step, first):
    return items[first % step::step]


def limited(some, rng, tokenizer):
    """Calls with limits, strides, strategies, sides, pairs and without special tokens. No limit is below what the
    post-processor adds: there `tokenizers` wraps around and cuts nothing, and we refuse."""
    cases = []
    for text in some:
        pair = rng.choice(some) if rng.random() < .5 else None
        special = rng.random() < .6
        room = rng.choice((0, 1, 2, 3, 4, 7, 8, 16, 17, 40))
        n_added = tokenizer.num_special_tokens_to_add(pair is not None)
        stride = rng.choice((0, 0, 1, 2, room // 2, max(0, room - 1)))
        strategy = rng.choice((0, 0, 0, 1, 2)) if pair is not None else rng.choice((0, 0, 0, 1))
        limit = room + n_added if room else 0
        cases.append(Case(text, pair, special, limit, stride if limit and stride < room else 0, strategy, rng.random() < .3))
    return cases


def cases_for(file, tokenizer, everything):
    """`tokenizer` is None for a reference that gives ids alone: no pairs, no limits."""
    amount = AMOUNTS.get(file.sort, AMOUNTS["real"])[everything]
    seed = zlib.crc32(file.name.encode())
    rng = random.Random(seed)
    sources = (texts.declarations(), texts.pages(), texts.code())
    for source in (texts.declarations(), texts.pages(), texts.unicode_data()):
        yield from (Case(t) for t in every(source, amount.texts, seed))
    yield from map(Case, ["", " ", "  ", "\n", "a", *texts.WORDS])
    yield from (Case(t) for t in texts.points(seed % amount.points, amount.points))
    yield from (Case(t) for t in every(texts.code(), amount.texts, seed))  # from here on, cases change with this tree
    mine = []
    for i in range(amount.random):
        source = sources[i % 3]
        mine.append(texts.random_text(rng) if i % 2 else texts.repeats(rng) if i % 8 == 0 else texts.mutated(rng.choice(source), rng) if source else "x")
        yield Case(mine[-1])
    if tokenizer is not None:
        yield from limited([rng.choice(mine) for _ in range(amount.limits)], rng, tokenizer)
    for _ in range(amount.ill_formed):
        raw = texts.ill_formed(rng)
        yield Case(raw.decode(errors="replace"), raw=raw)


def in_chunks(items, size):
    chunk = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def check(job):
    """One tokenizer. Returns (name, cases, differences, what to print)."""
    try:
        return check_file(*job)
    except BaseException as error:  # a panic of the reference is no Exception, and would end the process
        return job[0].name, 0, 1, f"{job[0].name}: {type(error).__name__}: {error}"


def check_file(file, program, everything):
    reference, tokenizer = files.open_reference(file.sort, file.path)
    memory = compare.Memory(texts.HOME / "answers", file.path.read_bytes(), file.sort.encode(), (HERE / "files.py").read_bytes(),
                            (HERE / "requirements.txt").read_bytes())
    total = differences = 0
    said = []
    for chunk in in_chunks(cases_for(file, tokenizer, everything), CHUNK):
        n, wrong, text = compare.compare(program, file.name, file.path, reference, chunk, file.sort == "lower", memory)
        total += n
        differences += wrong
        if wrong and len(said) < 2:
            said.append(text)
    return file.name, total, differences, "\n".join([*said, f"{file.name}: {total} cases, {differences} differences"])


def work(pipe):
    """A process of ours: jobs come, answers go."""
    compare.quiet()
    while (job := pipe.recv()) is not None:
        pipe.send(check(job))


def run_jobs(jobs, n_processes):
    """Yields the answers as they come. A process that ends (the reference can abort) is an answer too, and is replaced."""
    context = multiprocessing.get_context("spawn")
    waiting, busy = list(reversed(jobs)), {}

    def start():
        mine, its = context.Pipe()
        process = context.Process(target=work, args=(its,), daemon=True)
        process.start()
        its.close()
        return mine

    def give(pipe):
        job = waiting.pop() if waiting else None
        pipe.send(job)
        if job is not None:
            busy[pipe] = job
    for _ in range(min(n_processes, len(jobs))):
        give(start())
    while busy:
        for pipe in multiprocessing.connection.wait(list(busy)):
            job = busy.pop(pipe)
            try:
                yield pipe.recv()
            except EOFError:
                yield job[0].name, 0, 1, f"{job[0].name}: the process of the reference ended"
                pipe = start()
            give(pipe)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--models", default=str(texts.ROOT / ".deps/models"))
    return parser.parse_args()


def main():
    args = arguments()
    made_of = hashlib.sha256((HERE / "training.py").read_bytes() + (HERE / "requirements.txt").read_bytes()).hexdigest()
    models = training.load(texts.HOME / "made", made_of)
    passed = failed = total = 0
    with tempfile.TemporaryDirectory() as folder:
        found = files.everything(*chains.all_files(models), pathlib.Path(folder), pathlib.Path(args.models))
        seen = set().union(*(coverage.features(f.path.read_text()) for f in found if f.path.suffix == ".json"))
        for missing in sorted(coverage.REQUIRED - seen):
            print(f"no tokenizer has: {missing}")
            failed += 1
        jobs = [(f, args.program, args.all) for f in found if args.only in f.name]
        jobs.sort(key=lambda job: job[0].sort == "probe")
        for _, cases, differences, said in run_jobs(jobs, args.jobs):
            if differences or args.all or args.only:
                print(said, flush=True)
            total += cases
            passed += not differences
            failed += bool(differences)
    print(f"{passed + failed} tokenizers, {total} cases")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
