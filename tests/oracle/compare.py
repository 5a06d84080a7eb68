"""One tokenizer, ours and theirs: sends the cases to encode_cases (its header has the format), asks `tokenizers` the same
meanwhile, and holds the bytes of the two answers against each other.
"""
import array
import itertools
import os
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
    spans = itertools.chain.from_iterable(e.offsets)
    mask = e.special_tokens_mask
    return b"".join((packed((len(mask),)), packed(e.ids), packed(e.type_ids), packed(words), packed(spans), bytes(mask)))


class Reference:
    """`tokenizers`; in one go for many cases, one by one where a case of those panics."""
    def __init__(self, tokenizer):
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self.tokenizer = tokenizer

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
            decoded = [self.tokenizer.decode_batch(ids, skip_special_tokens=skip) for skip in (True, False)]
        except BaseException as error:  # a panic is not an Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            if len(cases) == 1:
                return [PANIC if "panic" in type(error).__name__.lower() else ERROR]
            middle = len(cases) // 2
            return self.some(cases[:middle], special) + self.some(cases[middle:], special)
        out = []
        for e, short, full in zip(found, *decoded):
            overflow = e.overflowing
            short, full = short.encode(), full.encode()
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


def ask(program, path, lower, cases, flags, answers):
    """Runs encode_cases over the cases; the output goes into `answers`, with the exit code and what it said."""
    with tempfile.TemporaryFile() as questions, tempfile.TemporaryFile() as out:
        for case in cases:
            questions.write(case.question(flags))
        questions.seek(0)
        run = subprocess.run([program, path, *(["lower"] if lower else [])], stdin=questions, stdout=out, stderr=subprocess.PIPE)
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


def compare(program, name, path, reference, cases, lower=False):
    """Returns (cases compared, differences, what to print)."""
    answers, said = [], []
    flags = IDS if isinstance(reference, IdsReference) else DECODE
    worker = threading.Thread(target=ask, args=(program, path, lower, cases, flags, answers))
    worker.start()
    theirs = reference.answers(cases)
    worker.join()
    data, code, message = answers
    ours = list(split_answers(data))
    if code or len(ours) != len(cases):
        at = f" at {cases[len(ours)].text[:300]!r}" if 0 < len(ours) < len(cases) else ""
        return 0, 1, f"{name}: encode_cases failed with {code}{at}: {message[-1500:]}"
    compared = differences = 0
    for case, mine, other in zip(cases, ours, theirs):
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
