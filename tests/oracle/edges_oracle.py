#!/usr/bin/env python3
"""What surrounds the model, against `tokenizers`: post-processors, truncation and overflow, alignment, decoders, streams.

    tests/oracle/edges_oracle.py LIBRARY [--rounds N] [--seed N] [--only WORD]
    tests/oracle/edges_oracle.py --write tests/golden/edges.jsonl     the cases that test_golden_edges.c runs

LIBRARY is librag_factory.so; it is called through its public header's functions. Every tokenizer here has a small
WordPiece vocabulary with white space, byte and sub-word pieces, so that every rule of a stage meets its cases.
"""
import argparse
import collections
import ctypes as c
import json
import pathlib
import random
import sys
import tempfile

from compare import quiet
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

NO_WORD = 0xFFFFFFFF


class Text(c.Structure):
    _fields_ = [("data", c.c_char_p), ("len", c.c_size_t)]


class Error(c.Structure):
    _fields_ = [("status", c.c_int), ("message", c.c_char * 508)]


class Options(c.Structure):
    _fields_ = [("size", c.c_size_t), ("no_special", c.c_bool), ("max_tokens", c.c_uint32), ("truncate", c.c_int),
                ("strategy", c.c_int), ("overflow", c.c_bool), ("characters", c.c_bool), ("stride", c.c_uint32),
                ("threads", c.c_uint32)]


class Encoding(c.Structure):
    pass


Encoding._fields_ = [("n", c.c_size_t), ("ids", c.POINTER(c.c_uint32)), ("type_ids", c.POINTER(c.c_uint32)),
                     ("begin", c.POINTER(c.c_size_t)), ("end", c.POINTER(c.c_size_t)), ("special", c.POINTER(c.c_uint8)),
                     ("truncated", c.c_bool), ("words", c.POINTER(c.c_uint32)), ("sequence", c.POINTER(c.c_int8)),
                     ("begin_char", c.POINTER(c.c_size_t)), ("end_char", c.POINTER(c.c_size_t)),
                     ("n_overflow", c.c_size_t), ("overflow", c.POINTER(c.POINTER(Encoding)))]


class Ids(c.Structure):
    _fields_ = [("n", c.c_size_t), ("ids", c.POINTER(c.c_uint32)), ("first", c.POINTER(c.c_size_t)),
                ("n_truncated", c.c_size_t)]


def text(s):
    data = s if isinstance(s, bytes) else s.encode()
    return Text(data, len(data))


def fields(e):
    n = e.n
    get = lambda p: list(p[:n]) if n else []
    return {"ids": get(e.ids), "types": get(e.type_ids), "bytes": list(zip(get(e.begin), get(e.end))),
            "chars": list(zip(get(e.begin_char), get(e.end_char))), "special": get(e.special),
            "words": [None if w == NO_WORD else w for w in get(e.words)],
            "sequence": [None if s < 0 else s for s in get(e.sequence)]}


class Ours:
    def __init__(self, lib, path):
        self.lib, self.t, self.err = lib, c.c_void_p(), Error()
        self.error = self.lib.rf_tokenizer_open(str(path).encode(), c.byref(self.t), c.byref(self.err))
        self.message = self.err.message.decode()

    def options(self, case):
        o = Options()
        o.size = c.sizeof(Options)
        o.no_special = not case["special"]
        limit = case["limit"]
        o.max_tokens = limit["max_length"] if limit else 0
        if limit:
            o.truncate = limit["direction"] == "left"
            o.strategy = ["longest_first", "only_first", "only_second"].index(limit["strategy"])
            o.stride, o.overflow = limit["stride"], True
        o.characters, o.threads = True, 2
        return o

    def encode(self, case):
        out, pair = c.POINTER(Encoding)(), case["pair"]
        status = self.lib.rf_tokenizer_encode(self.t, text(case["text"]), c.byref(text(pair)) if pair is not None else None,
                                              c.byref(self.options(case)), c.byref(out), c.byref(self.err))
        if status:
            return {"error": self.err.message.decode()}
        got = fields(out.contents)
        got["overflow"] = [fields(out.contents.overflow[i].contents) for i in range(out.contents.n_overflow)]
        self.lib.rf_encoding_free(out)
        return got

    def encode_ids(self, texts, case):
        arr, out = (Text * len(texts))(*map(text, texts)), c.POINTER(Ids)()
        options = self.options(case)
        if self.lib.rf_tokenizer_encode_ids(self.t, arr, None, c.c_size_t(len(texts)), c.byref(options), c.byref(out), c.byref(self.err)):
            return self.err.message.decode()
        r = out.contents
        ids = [r.ids[r.first[i]:r.first[i + 1]] for i in range(r.n)]
        self.lib.rf_ids_free(out)
        return ids

    def count(self, s, special, at_most=0):
        n = c.c_size_t()
        assert self.lib.rf_tokenizer_count(self.t, text(s), c.c_bool(not special), c.c_size_t(at_most), c.byref(n), None) == 0
        return n.value

    def decode(self, ids, skip):
        out, n = c.c_void_p(), c.c_size_t()
        if self.lib.rf_tokenizer_decode(self.t, (c.c_uint32 * len(ids))(*ids), c.c_size_t(len(ids)), c.c_bool(skip), c.byref(out), c.byref(n), c.byref(self.err)):
            return self.err.message
        got = c.string_at(out, n.value).decode()
        self.lib.rf_free(out)
        return got

    def stream(self, ids, skip):
        s, out, n = c.c_void_p(), c.c_char_p(), c.c_size_t()
        assert self.lib.rf_decode_stream_new(self.t, c.c_bool(skip), c.byref(s), c.byref(self.err)) == 0
        parts = []
        for i in list(ids) + [None]:
            if i is None:
                status = self.lib.rf_decode_stream_finish(s, c.byref(out), c.byref(n), c.byref(self.err))
            else:
                status = self.lib.rf_decode_stream_step(s, c.c_uint32(i), c.byref(out), c.byref(n), c.byref(self.err))
            assert status == 0, self.err.message
            parts.append(c.string_at(out, n.value) if n.value else b"")
        self.lib.rf_decode_stream_free(s)
        for part in parts:
            part.decode()  # every part is text of its own
        return b"".join(parts).decode()

    def free(self):
        self.lib.rf_tokenizer_free(self.t)


# ---- The reference --------------------------------------------------------------------------------------------------------

def theirs_fields(e, texts):
    """Offsets of `tokenizers` from Python are in characters."""
    return {"ids": e.ids, "types": e.type_ids, "chars": e.offsets, "special": e.special_tokens_mask, "words": e.word_ids,
            "sequence": e.sequence_ids}


def theirs(t, case):
    t.no_truncation()
    try:
        if case["limit"]:
            t.enable_truncation(**case["limit"])
    except ValueError:  # refuses some strides from the start
        return None
    try:
        e = t.encode(case["text"], case["pair"], add_special_tokens=case["special"])
    except BaseException as problem:  # a panic is not an Exception
        if isinstance(problem, KeyboardInterrupt):
            raise
        return {"error": str(problem)}
    got = theirs_fields(e, case)
    got["overflow"] = [theirs_fields(o, case) for o in e.overflowing]
    return got


def theirs_decoded(t, ids, skip):
    """None where `tokenizers` panics: Strip of pieces that are shorter than what is taken off."""
    try:
        return t.decode(ids, skip_special_tokens=skip)
    except BaseException as problem:
        if isinstance(problem, KeyboardInterrupt):
            raise
        return None


# ---- Tokenizers -----------------------------------------------------------------------------------------------------------

PIECES = (["[UNK]", "<s>", "</s>", "[CLS]", "[SEP]", "<mask>", "hello", "##lo", "world", "a", "b", "##a", "##b", "Ġ", "Ġhello",
           "ĠĠ", "ĠĠa", "aĠ", "##Ġ", "##ĠĠ", "Ġa", "##Ġb", " ", "  ", "## ", " a", "##a ", "\u3000", "##\u3000", "é", "##é",
           "中", "##中", "文", ".", ",", "!", "'", "s", "n't", "don", "##'", "##s", "▁", "▁a", "▁hello", "##▁", "▁▁b", "</w>", "a</w>",
           "b</w>", "x", "##x", "|", "<pad>", "a|b", "do not", "<0xE4>", "<0xB8>", "<0xAD>", "<0x41>", "<0xC3>", "<0xA9>",
           "<0xFF>", "<0x20>", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "<0x+A>", "<0xGG>", "Ã", "©", "Ċ", "ð", "Ł", "ĺ", "Ģ"])


def vocabulary():
    pieces = dict.fromkeys(PIECES)
    return {p: i for i, p in enumerate(pieces)}


def base(split=True):
    t = Tokenizer(models.WordPiece(vocabulary(), unk_token="[UNK]", max_input_chars_per_word=1000))
    if split:
        t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.add_special_tokens(["<s>", "</s>", "[CLS]", "[SEP]"])
    t.add_special_tokens([AddedToken("<mask>", lstrip=True, rstrip=True)])
    t.add_tokens([AddedToken("foo bar", lstrip=True, normalized=True), AddedToken("zz", rstrip=True, single_word=True)])
    return t


def template(single, pair, **tokens):
    v = vocabulary()
    special = [{"id": k, "ids": [v[x] for x in x_s], "tokens": x_s} for k, x_s in tokens.items()]
    special += [(p, v[p]) for p in ("[CLS]", "[SEP]", "<s>", "</s>")]
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=special)


def post_processors():
    v = vocabulary()
    bert = processors.BertProcessing(("[SEP]", v["[SEP]"]), ("[CLS]", v["[CLS]"]))
    out = {"none": None, "bert": bert}
    roberta = lambda trim, keep: processors.RobertaProcessing(("</s>", v["</s>"]), ("<s>", v["<s>"]), trim_offsets=trim, add_prefix_space=keep)
    for trim in (False, True):
        for keep in (False, True):
            out[f"roberta-{trim}-{keep}"] = roberta(trim, keep)
            byte_level = processors.ByteLevel(trim_offsets=trim, add_prefix_space=keep)
            out[f"bytelevel-{trim}-{keep}"] = byte_level
            out[f"sequence-bytelevel-template-{trim}-{keep}"] = processors.Sequence([byte_level, template("<s> $A </s>", "<s> $A </s> $B:1 </s>:1")])
    out["template"] = template("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1")
    out["template-types"] = template("[CLS]:3 $A:2 [SEP]:1", "[CLS]:5 $A:4 two:7 $B:0 [SEP]:6", two=["<s>", "</s>"])
    out["template-roberta"] = template("<s> $A </s>", "<s> $A </s> </s> $B </s>")
    out["template-swapped"] = template("$A", "$B:1 [SEP] $A")
    out["sequence-bert-bytelevel"] = processors.Sequence([bert, processors.ByteLevel(trim_offsets=True, add_prefix_space=True)])
    out["sequence-twice"] = processors.Sequence([processors.ByteLevel(trim_offsets=True), roberta(True, True)])
    out["sequence-bert-bert"] = processors.Sequence([bert, bert])
    out["sequence-bert-template"] = processors.Sequence([bert, template("<s> $A:1 </s>", "<s> $A:2 </s> $B:3")])
    out["sequence-roberta-roberta"] = processors.Sequence([roberta(False, True), roberta(True, False)])
    return out


def decoder_kinds():
    return {
        "replace-regex": decoders.Replace(Regex("[ab]+|Ġ"), "<>"), "replace-regex-empty": decoders.Replace(Regex("x*"), "-"),
        "fuse-regex": decoders.Sequence([decoders.Fuse(), decoders.Replace(Regex("(?<=a)b"), "")]),
        "strip-both": decoders.Strip("a", 1, 1), "fuse-strip-both": decoders.Sequence([decoders.Fuse(), decoders.Strip("Ġ", 1, 1)]),
        "none": None, "wordpiece": decoders.WordPiece(), "wordpiece-raw": decoders.WordPiece(prefix="##", cleanup=False),
        "wordpiece-prefix": decoders.WordPiece(prefix="Ġ"), "bytelevel": decoders.ByteLevel(),
        "bytefallback": decoders.ByteFallback(), "fuse": decoders.Fuse(), "metaspace": decoders.Metaspace(),
        "metaspace-never": decoders.Metaspace(prepend_scheme="never"), "metaspace-first": decoders.Metaspace(replacement="Ġ", prepend_scheme="first"),
        "bpe": decoders.BPEDecoder(), "bpe-a": decoders.BPEDecoder(suffix="a"), "ctc": decoders.CTC(),
        "ctc-raw": decoders.CTC(pad_token="a", word_delimiter_token="|", cleanup=False), "ctc-clean": decoders.CTC(pad_token="##", word_delimiter_token="a"),
        "strip": decoders.Strip("a", 1, 0), "replace": decoders.Replace("a", "<>"), "replace-empty": decoders.Replace("lo", ""),
        "llama": decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]),
        "gemma": decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]),
        "fuse-replace": decoders.Sequence([decoders.ByteFallback(), decoders.Fuse(), decoders.Replace("▁", " ")]),
        "fuse-strip": decoders.Sequence([decoders.Fuse(), decoders.Strip("Ġ", 3, 0)]),
        "bytelevel-strip": decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 2, 0), decoders.Metaspace()]),
        "bytelevel-fallback": decoders.Sequence([decoders.ByteLevel(), decoders.ByteFallback(), decoders.WordPiece()]),
        "fallback-metaspace": decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(), decoders.BPEDecoder("lo")]),
        "ctc-bytelevel": decoders.Sequence([decoders.CTC(), decoders.ByteLevel()]),
        "nested": decoders.Sequence([decoders.Sequence([decoders.Replace("a", "aa")]), decoders.Replace("aa", "b"), decoders.WordPiece()]),
    }


# ---- Cases ----------------------------------------------------------------------------------------------------------------

WORDS = ["hello", "helloworld", "world", "a", "b", "ab", "aab", "Ġ", "Ġhello", "ĠĠa", " ", "  ", "\u3000", "é", "中文", ".", ",", "<mask>",
         "foo bar", "zz", "[CLS]", "<s>", "\n", "don't", "unknownword", "𝕏", "▁a", "x"]


def random_text(rng):
    return "".join(rng.choice(WORDS) + rng.choice(("", " ", " ", "  ")) for _ in range(rng.choice((0, 1, 2, 3, 5, 8, 20))))


def random_case(rng):
    pair = random_text(rng) if rng.random() < .5 else None
    limit = None
    if rng.random() < .7:
        limit = {"max_length": rng.choice((4, 5, 6, 7, 8, 9, 10, 12, 16, 20)), "stride": rng.choice((0, 0, 1, 2, 3)),
                 "strategy": rng.choice(("longest_first", "longest_first", "only_first", "only_second")),
                 "direction": rng.choice(("right", "right", "left"))}
    return {"text": random_text(rng), "pair": pair, "special": rng.random() < .7, "limit": limit}


class Tally:
    def __init__(self):
        self.n, self.different, self.shown = 0, collections.Counter(), 0

    def check(self, name, what, ours, theirs, about):
        self.n += 1
        if ours == theirs:
            return
        self.different[f"{name}: {what}"] += 1
        if self.shown < 12:
            self.shown += 1
            print(f"{name}: {what}: {about!r}\n  ours   {ours!r}\n  theirs {theirs!r}")


def added(t, special, pair):
    return t.num_special_tokens_to_add(pair is not None) if special else 0


def compare_encoding(tally, name, case, ours, reference):
    if "error" in ours or "error" in reference:
        tally.check(name, "error", "error" in ours, "error" in reference, (case, ours.get("error"), reference.get("error")))
        return
    tally.check(name, "n overflow", len(ours["overflow"]), len(reference["overflow"]), case)
    for one, other in [(ours, reference), *zip(ours["overflow"], reference["overflow"])]:
        for key in ("ids", "types", "chars", "special", "words"):
            tally.check(name, key, one[key], other[key], case)
        if name not in ("none",) and not name.startswith("sequence"):
            tally.check(name, "sequence", one["sequence"], other["sequence"], case)


def encodings(lib, folder, rng, args, tally):
    for name, processor in post_processors().items():
        if args.only not in f"post {name}":
            continue
        for split in (True, False):
            t = base(split)
            if processor is not None:
                t.post_processor = processor
            path = folder / "tokenizer.json"
            t.save(str(path))
            t, o = Tokenizer.from_file(str(path)), Ours(lib, path)
            if o.error:
                print(f"{name}: {o.message}")
                tally.different[f"{name}: open"] += 1
                continue
            for _ in range(args.rounds):
                case = random_case(rng)
                if case["limit"] and case["limit"]["max_length"] < added(t, case["special"], case["pair"]):
                    continue
                expected = theirs(t, case)
                if expected is not None:
                    compare_encoding(tally, name, case, o.encode(case), expected)
            texts = [random_text(rng) for _ in range(args.rounds)]
            for limit in (None, {"max_length": 9, "stride": 0, "strategy": "longest_first", "direction": "right"}):
                case = {"special": True, "limit": limit}
                t.no_truncation()
                if limit:
                    t.enable_truncation(**limit)
                expected = [e.ids for e in t.encode_batch_fast(texts)]
                tally.check(name, "batch", o.encode_ids(texts, case), expected, case)
            t.no_truncation()
            for s in texts[:200]:
                n, most = len(t.encode(s).ids), rng.choice((0, 1, 5, 9))
                tally.check(name, "count", o.count(s, True, most), min(n, most) if most else n, (s, most))
            o.free()


def decodings(lib, folder, rng, args, tally):
    for name, decoder in decoder_kinds().items():
        if args.only not in f"decode {name}":
            continue
        t = base()
        if decoder is not None:
            t.decoder = decoder
        path = folder / "tokenizer.json"
        t.save(str(path))
        o = Ours(lib, path)
        if o.error:
            print(f"{name}: {o.message}")
            tally.different[f"{name}: open"] += 1
            continue
        n_ids = t.get_vocab_size()
        for _ in range(args.rounds):
            few = rng.random() < .5
            some = [rng.randrange(n_ids) for _ in range(3)]
            ids = [rng.choice(some) if few else rng.randrange(n_ids) for _ in range(rng.choice((0, 1, 2, 3, 6, 20)))]
            if name.startswith("bpe") and not ids:
                continue  # `tokenizers` counts 0 - 1 there
            for skip in (False, True):
                expected = theirs_decoded(t, ids, skip)
                if expected is None:
                    continue
                tally.check(name, "decode", o.decode(ids, skip), expected, ids)
                if hasattr(lib, "rf_decode_stream_new"):
                    tally.check(name, "stream", o.stream(ids, skip), expected, ids)
        o.free()


def found_ones():
    """Tokenizers and texts that random_oracle.py found."""
    unigram = Tokenizer(models.Unigram([("[UNK]", -9.0), ("a", -1.0), ("é", -2.0)], unk_id=0))
    unigram.post_processor = processors.ByteLevel(trim_offsets=True)
    inserted = base()
    inserted.normalizer = normalizers.Replace(Regex("^(?=hello)"), "foo bar ")
    return {"unigram-unknown-trimmed": (unigram, ("a  x a", " \u3000Ġ é x ", "x  ")), "added-token-of-nothing": (inserted, ("hello", "foo bar a"))}


def write_golden(path, rng):
    """One line a tokenizer, then its cases."""
    with open(path, "w") as out:
        put = lambda thing: out.write(json.dumps(thing, ensure_ascii=False, separators=(",", ":")) + "\n")
        for name, processor in post_processors().items():
            t = base(rng.random() < .5)
            if processor is not None:
                t.post_processor = processor
            put({"name": name, "tokenizer": json.loads(t.to_str())})
            n = 0
            while n < 12:
                case = random_case(rng)
                if not case["limit"] or case["limit"]["max_length"] >= added(t, case["special"], case["pair"]):
                    expected = theirs(t, case)
                    if expected is not None and len(expected.get("overflow", [])) < 12:
                        put(case | {"expected": expected})
                        n += 1
        for name, decoder in decoder_kinds().items():
            t = base()
            if decoder is not None:
                t.decoder = decoder
            put({"name": name, "tokenizer": json.loads(t.to_str())})
            for n in (1, 2, 2, 3, 4, 6, 8, 12):
                some = [rng.randrange(t.get_vocab_size()) for _ in range(3)]
                ids = [rng.choice(some) if n % 4 == 0 else rng.randrange(t.get_vocab_size()) for _ in range(n)]
                text = theirs_decoded(t, ids, False)
                if text is not None:
                    put({"decode": ids, "text": text})
        for name, (t, texts) in found_ones().items():
            put({"name": name, "tokenizer": json.loads(t.to_str())})
            for case in ({"text": text, "pair": None, "special": True, "limit": None} for text in texts):
                put(case | {"expected": theirs(t, case)})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library", nargs="?")
    parser.add_argument("--write")
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    if args.write:
        return write_golden(args.write, random.Random(args.seed))
    if args.library is None:
        parser.error("which library?")
    lib, rng, tally = c.CDLL(str(pathlib.Path(args.library).resolve())), random.Random(args.seed), Tally()
    for name in ("rf_tokenizer_free", "rf_encoding_free", "rf_ids_free", "rf_free", "rf_decode_stream_free"):
        if hasattr(lib, name):
            getattr(lib, name).restype = None
    lib.rf_tokenizer_encode.argtypes = [c.c_void_p, Text] + [c.c_void_p] * 4
    lib.rf_tokenizer_count.argtypes = [c.c_void_p, Text, c.c_bool, c.c_size_t, c.c_void_p, c.c_void_p]
    quiet()
    with tempfile.TemporaryDirectory() as folder:
        encodings(lib, pathlib.Path(folder), rng, args, tally)
        decodings(lib, pathlib.Path(folder), rng, args, tally)
    if tally.different:
        print(json.dumps(tally.different, indent=1))
    print(f"{tally.n} comparisons, {sum(tally.different.values())} differences")
    return 1 if tally.different else 0


if __name__ == "__main__":
    sys.exit(main())
