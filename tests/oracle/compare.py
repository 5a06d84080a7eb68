"""One tokenizer, ours and theirs: sends the cases to encode_cases (its header has the format), asks `tokenizers` the same
meanwhile, and holds the bytes of the two answers against each other. What the reference answered is remembered as digests
(class Memory), so that it is asked again only where ours differ.
"""
import array
import hashlib
import itertools
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import threading

os.environ["RUST_BACKTRACE"] = "0"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

PAIR, NO_SPECIAL, DECODE, IDS = 1, 2, 4, 8
STRATEGIES = ("longest_first", "only_first", "only_second")
SHOWN = 3  # differences printed for one tokenizer
GROUP = 32  # cases that share a digest
NO_WORD = 0xFFFFFFFF
ERROR = None  # an answer of theirs: refused
PANIC = False  # theirs has none


class Case:
    """One call of encode(); `raw` is what we get where that is not the text's UTF-8. `how` are the settings of a call."""
    __slots__ = ("text", "pair", "how", "raw")

    def __init__(self, text, pair=None, special=True, limit=0, stride=0, strategy=0, left=False, raw=None):
        self.text, self.pair, self.raw = text, pair, raw
        self.how = (special, limit, stride, strategy, left)

    def question(self, flags):
        special, limit, stride, strategy, left = self.how
        flags |= (PAIR if self.pair is not None else 0) | (0 if special else NO_SPECIAL)
        text = self.raw if self.raw is not None else self.text.encode()
        out = struct.pack("<BBBIII", flags, int(left), strategy, limit, stride, len(text)) + text
        if self.pair is not None:
            pair = self.pair.encode()
            out += struct.pack("<I", len(pair)) + pair
        return out


def packed(numbers):
    return array.array("I", numbers).tobytes()


def encoding_bytes(e):
    words = [NO_WORD if w is None else w for w in e.word_ids]
    mask = e.special_tokens_mask
    return packed((len(mask), *e.ids, *e.type_ids, *words, *itertools.chain.from_iterable(e.offsets))) + bytes(mask)


class Reference:
    """`tokenizers`; in one go for many cases, one by one where a case of those panics."""
    def __init__(self, tokenizer):
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self.tokenizer = tokenizer
        self.special = {i for i, token in tokenizer.get_added_tokens_decoder().items() if token.special}

    def set(self, how):
        _, limit, stride, strategy, left = how
        if limit:
            self.tokenizer.enable_truncation(limit, stride=stride, strategy=STRATEGIES[strategy], direction="left" if left else "right")
        else:
            self.tokenizer.no_truncation()

    def some(self, cases, special):
        inputs = [c.text if c.pair is None else (c.text, c.pair) for c in cases]
        try:
            found = self.tokenizer.encode_batch(inputs, add_special_tokens=special)
            ids = [e.ids for e in found]
            full = self.tokenizer.decode_batch(ids, skip_special_tokens=False)
            some = [i for i, of in enumerate(ids) if not self.special.isdisjoint(of)]
            short = list(full)
            for i, text in zip(some, self.tokenizer.decode_batch([ids[i] for i in some], skip_special_tokens=True)):
                short[i] = text
        except BaseException as error:  # a panic is not an Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            if len(cases) == 1:
                return [PANIC if "panic" in type(error).__name__.lower() else ERROR]
            middle = len(cases) // 2
            return self.some(cases[:middle], special) + self.some(cases[middle:], special)
        out = []
        for e, *texts in zip(found, short, full):
            overflow = e.overflowing
            short, full = (text.encode() for text in texts)
            out.append(b"".join((packed((0, 1 + len(overflow))), encoding_bytes(e), *map(encoding_bytes, overflow),
                                 packed((len(short),)), short, packed((len(full),)), full)))
        return out

    def answers(self, cases):
        order = sorted(range(len(cases)), key=lambda i: cases[i].how)
        out = [None] * len(cases)
        for how, group in itertools.groupby(order, key=lambda i: cases[i].how):
            group = list(group)
            self.set(how)
            for at in range(0, len(group), 256):
                part = group[at:at + 256]
                for i, answer in zip(part, self.some([cases[i] for i in part], how[0])):
                    out[i] = answer
        return out


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def text(self):
        size, = self.take("I")
        self.at += size
        return self.data[self.at - size:self.at].decode("utf-8", "replace")

    def encoding(self):
        n, = self.take("I")
        ids, types, words = (list(self.take(f"{n}I")) for _ in range(3))
        spans = self.take(f"{2 * n}I")
        return {"ids": ids, "types": types, "words": [None if w == NO_WORD else w for w in words], "spans": list(zip(spans[::2], spans[1::2])),
                "special": list(self.take(f"{n}B"))}


def readable(answer, ids_only):
    """An answer as a dictionary, to show where two differ."""
    reader = Reader(answer)
    status, = reader.take("I")
    if status:
        return {"error": answer[4:].decode("utf-8", "replace")}
    n, = reader.take("I")
    if ids_only:
        return {"ids": list(reader.take(f"{n}I"))}
    out = reader.encoding()
    for i in range(1, n):
        out.update({f"overflow {i} {key}": value for key, value in reader.encoding().items()})
    return {**out, "decoded": reader.text(), "decoded_all": reader.text()}


def ask(program, path, lower, questions, answers):
    """Runs encode_cases over the questions; the output goes into `answers`, with the exit code and what it said."""
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out:
        source.write(questions)
        source.seek(0)
        run = subprocess.run([program, path, *(["lower"] if lower else [])], stdin=source, stdout=out, stderr=subprocess.PIPE)
        out.seek(0)
        answers.extend((out.read(), run.returncode, run.stderr.decode("utf-8", "replace")))


def split_answers(data):
    at = 0
    while at < len(data):
        size, = struct.unpack_from("<I", data, at)
        yield data[at + 4:at + 4 + size]
        at += 4 + size


def shorten(value):
    text = str(value)
    return text if len(text) < 400 else text[:400] + "…"


def show(name, case, ours, theirs, ids_only):
    lines = [f"{name}: {case.text[:200]!r} pair={case.pair!r} (special, limit, stride, strategy, left)={case.how}"]
    a, b = readable(ours, ids_only), readable(theirs, ids_only) if theirs is not ERROR else {"error": "refused"}
    for key in [*a, *(k for k in b if k not in a)]:
        if a.get(key) != b.get(key):
            lines.append(f"    {key}: ours   {shorten(a.get(key))}\n    {' ' * len(key)}  theirs {shorten(b.get(key))}")
    return "\n".join(lines)


class IdsReference:
    """A reference that gives ids and nothing else: a function of a text, or None where it refuses."""
    def __init__(self, encode):
        self.encode = encode

    def answers(self, cases):
        out = []
        for case in cases:
            ids = self.encode(case.text)
            out.append(ERROR if ids is None else packed((0, len(ids))) + packed(ids))
        return out


def digest(answers):
    """Of the answers to a group; a refusal is a refusal. None where an answer is missing: then nothing is known."""
    if any(a is PANIC for a in answers):
        return None
    known = hashlib.blake2b(digest_size=16)
    for a in answers:
        a = b"refused" if a is ERROR or a[:4] != b"\0\0\0\0" else a
        known.update(struct.pack("<I", len(a)) + a)
    return known.digest()


class Memory:
    """What the reference of one tokenizer answered before: files in a folder, one for some cases, named by all that the
    answers depend on, with a digest for each group of them (zeros: not known)."""
    UNKNOWN = bytes(16)

    def __init__(self, folder, *depends_on):
        self.folder, self.depends_on = folder, hashlib.sha256()
        for part in (*depends_on, pathlib.Path(__file__).read_bytes()):
            self.depends_on.update(hashlib.sha256(part).digest())

    def path(self, questions):
        name = self.depends_on.copy()
        name.update(questions)
        return self.folder / name.hexdigest()

    def recall(self, questions):
        try:
            data = self.path(questions).read_bytes()
        except FileNotFoundError:
            return None
        return [data[i:i + 16] for i in range(0, len(data), 16)]

    def keep(self, questions, answers):
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path(questions)
        path.with_suffix(".new").write_bytes(b"".join(digest(answers[at:at + GROUP]) or self.UNKNOWN for at in range(0, len(answers), GROUP)))
        path.with_suffix(".new").rename(path)


def their_answers(reference, questions, cases, memory):
    """A function from the first case of a group, and our answers to it, to theirs: ours where they are known to be the same."""
    known = memory and memory.recall(questions)
    if not known:
        answers = reference.answers(cases)
        if memory:
            memory.keep(questions, answers)
        return lambda at, ours: answers[at:at + GROUP]

    def of_group(at, ours):
        return ours if digest(ours) == known[at // GROUP] else reference.answers(cases[at:at + GROUP])
    return of_group


def compare(program, name, path, reference, cases, lower=False, memory=None):
    """Returns (cases compared, differences, what to print)."""
    answers, said = [], []
    flags = IDS if isinstance(reference, IdsReference) else DECODE
    questions = b"".join(case.question(flags) for case in cases)
    worker = threading.Thread(target=ask, args=(program, path, lower, questions, answers))
    worker.start()
    theirs = their_answers(reference, questions, cases, memory)
    worker.join()
    data, code, message = answers
    ours = list(split_answers(data))
    if code or len(ours) != len(cases):
        at = f" at {cases[len(ours)].text[:300]!r}" if 0 < len(ours) < len(cases) else ""
        return 0, 1, f"{name}: encode_cases failed with {code}{at}: {message[-1500:]}"
    compared = differences = 0
    for first in range(0, len(cases), GROUP):
        some = ours[first:first + GROUP]
        for case, mine, other in zip(cases[first:first + GROUP], some, theirs(first, some)):
            if other is PANIC:
                continue
            compared += 1
            if mine == other or (other is ERROR and mine[:4] != b"\0\0\0\0"):
                continue
            differences += 1
            if differences <= SHOWN:
                said.append(show(name, case, mine, other, flags == IDS))
    said.append(f"{name}: {compared} cases, {differences} differences" + (f", {len(cases) - compared} without an answer of the reference" if compared < len(cases) else ""))
    return compared, differences, "\n".join(said)


def quiet():
    """Panics of the reference print; nobody wants to read that. Call in a process of the pool."""
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
