"""Small tokenizer.json files of the BERT family, one a directory under tests/golden/tokenizers/, and what `tokenizers` says of them.

    NAME/tokenizer.json
    NAME/cases.jsonl      one call of encode() a line (tests/golden/README.md)
"""
import itertools
import json
import pathlib
import shutil

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

import edges
import tiny
from texts import byte_starts

TARGET = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/tokenizers"
PAIRS = [("hello world", "the cat"), ("", "the cat"), ("hello", ""), ("", ""), ("[SEP] a", "b [CLS]"), ("Café 中文", "İstanbul\u0000 straße"),
         ("a\nb", " \t ")]
LONG = "the quick brown fox jumps over the lazy dog and the unaffable cat sits on a mat"
COMMON = edges.short()
FEW = [t for t in tiny.sentences() if len(t) <= 70]


SMALL = list(dict.fromkeys(tiny.SPECIAL + "the hello world new ##s york mask [ ] . - ! _ ( ) 中 文 é 😀 < > / o ##o ##é".split()
                           + [p for p in tiny.LETTERS if p[-1] in "abcefhinorstxyzFOO12"]))


def base(vocab=None, **normalizer):
    ids = {piece: i for i, piece in enumerate(vocab or tiny.vocabulary())}
    t = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(**normalizer)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece(prefix="##")
    t.add_special_tokens(tiny.SPECIAL)
    t.post_processor = processors.BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    return t


def case(t, text, pair=None, special=True, truncation=None):
    line = {"text": text}
    if pair is not None:
        line["pair"] = pair
    if not special:
        line["add_special_tokens"] = False
    if not truncation:
        e = t.encode(text, pair, add_special_tokens=special)
        return line | facts(text, pair, e) | {"decoded": t.decode(e.ids, skip_special_tokens=True)}
    line["truncation"] = truncation
    t.enable_truncation(**truncation)
    try:
        e = t.encode(text, pair, add_special_tokens=special)
        return line | facts(text, pair, e) | {"overflowing": [o.ids for o in e.overflowing]}
    except Exception as error:
        return line | {"error": str(error)}
    finally:
        t.no_truncation()


def facts(text, pair, e):
    starts = [byte_starts(text), byte_starts(pair or "")]
    spans = [[0, 0] if s is None else [starts[s][a], starts[s][b]] for s, (a, b) in zip(e.sequence_ids, e.offsets)]
    return {"ids": e.ids, "type_ids": e.type_ids, "offsets": spans, "special_tokens_mask": e.special_tokens_mask}


def write(name, t, texts=FEW, pairs=PAIRS[:3], truncations=(), stored=None):
    folder = TARGET / name
    folder.mkdir(parents=True)
    t.no_truncation()
    t.no_padding()
    if stored:
        stored(t)
    t.save(str(folder / "tokenizer.json"), pretty=False)
    t = Tokenizer.from_file(str(folder / "tokenizer.json"))
    t.no_truncation()
    t.no_padding()
    lines = [case(t, text) for text in texts] + [case(t, text, special=False) for text in texts[:6]] + [case(t, a, b) for a, b in pairs]
    lines += [case(t, a, b, special, cut) for cut in truncations for special in (True, False)
              for a, b in ((LONG, None), (LONG, "hello world"), ("hello world", LONG), ("hello", "hello"))]
    (folder / "cases.jsonl").write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    return len(lines)


def normalizer_variants():
    for clean, chinese, strip, lower in itertools.product((True, False), (True, False), (None, True, False), (True, False)):
        name = "normalizer-" + "-".join(["clean" if clean else "noclean", "cjk" if chinese else "nocjk",
                                         {None: "autostrip", True: "strip", False: "nostrip"}[strip], "lower" if lower else "cased"])
        whole = clean and chinese and strip is None     # the whole list of texts for two, a third of it for the rest
        texts = COMMON if whole else COMMON[(2 * lower + clean) % 3::3]
        yield name, base(clean_text=clean, handle_chinese_chars=chinese, strip_accents=strip, lowercase=lower), {"texts": texts}


def model_variants():
    prefix = [p.replace("##", "@@", 1) if p.startswith("##") else p for p in tiny.vocabulary()]
    t = base(prefix)
    t.model = models.WordPiece({p: i for i, p in enumerate(prefix)}, unk_token="[UNK]", continuing_subword_prefix="@@")
    t.decoder = decoders.WordPiece(prefix="@@")
    yield "wordpiece-prefix-at", t, {}
    bare = list(dict.fromkeys(p.replace("##", "", 1) if p.startswith("##") else p for p in tiny.vocabulary()))
    t = base(bare)
    t.model = models.WordPiece({p: i for i, p in enumerate(bare)}, unk_token="[UNK]", continuing_subword_prefix="")
    t.decoder = decoders.WordPiece(prefix="", cleanup=False)
    yield "wordpiece-prefix-empty", t, {}
    unk = [{"[UNK]": "<unk>"}.get(p, p) for p in tiny.vocabulary()]
    t = Tokenizer(models.WordPiece({p: i for i, p in enumerate(unk)}, unk_token="<unk>", max_input_chars_per_word=10))
    t.normalizer, t.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece(cleanup=False)
    t.add_special_tokens(["[PAD]", "<unk>", "[CLS]", "[SEP]"])
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    yield "wordpiece-unk-max10", t, {"texts": FEW + ["tokenization", "a" * 10, "a" * 11, "é" * 10, "e\u0301" * 10, "é" * 11, "\U0001f600" * 10, "\U0001f600" * 11]}
    t = base()
    t.model = models.WordPiece({p: i for i, p in enumerate(tiny.vocabulary())}, unk_token="[UNK]", max_input_chars_per_word=1)
    yield "wordpiece-max1", t, {"texts": FEW[:15]}


def stage_variants():
    t = base()
    t.normalizer = None
    yield "no-normalizer", t, {"texts": COMMON[::2]}
    t = base()
    t.post_processor = None
    yield "no-postprocessor", t, {"pairs": PAIRS}
    t = base()
    t.pre_tokenizer = None
    yield "no-pretokenizer", t, {}
    t = base()
    t.decoder = None
    yield "no-decoder", t, {"texts": FEW[:12]}


def processor_variants():
    yield "bert-processing", base(), {"texts": FEW[:10], "pairs": PAIRS}
    t = base()
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                     special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    yield "template-bert", t, {"texts": FEW[:10], "pairs": PAIRS}
    t = base()
    t.post_processor = processors.TemplateProcessing(single="$A:0", pair="$B:1 $A:0", special_tokens=[])
    yield "template-bare-swapped", t, {"texts": FEW[:8], "pairs": PAIRS}
    t = base()
    multiple = {"id": "<begin>", "ids": [2, 4, 2], "tokens": ["[CLS]", "[MASK]", "[CLS]"]}
    t.post_processor = processors.TemplateProcessing(single="<begin>:3 $A:1 [SEP]:2 [SEP]:0", pair="[SEP]:5 $A:4 <begin>:3 $B:2 [SEP]:1",
                                                     special_tokens=[multiple, ("[SEP]", 3)])
    yield "template-several-ids", t, {"texts": FEW[:10], "pairs": PAIRS}
    t = base()
    t.post_processor = processors.TemplateProcessing(single="[CLS]:0 $A:0", pair="[CLS]:0 $A:0 $B:0", special_tokens=[("[CLS]", 2)])
    yield "template-no-end", t, {"texts": FEW[:8], "pairs": PAIRS}


ADDED_TEXTS = ["", "foo", "a foo b", "afoob", "foo foo", "xfoo foox foo", "  foo  ", "a  foo\tb", "\u00a0foo\u3000", "foo.foo", "(foo)", "FOO Foo foo", "foo_bar",
               "new york", "New York City", "NEW YORK", "new  york", "newyork new york!", "foobar", "foobarbaz", "foo bar", "ab abc abcd", "abcab", "é fóo FÓO fo\u0301o",
               "[MASK]", " [MASK] ", "the [MASK]. sat", "x[MASK]y", "[mask]", "中foo文", "foo\u0000", "f\u0000oo", "foo\nfoo\n\nfoo", "a [NEW] b", "[new] [NEW]", "😀foo😀",
               "foo\u0301", "1foo2", "-foo-", "foo" * 5, "hello foo world new york [MASK] end", "<s>hi</s>", "İ foo", "ﬁfoo", "\u2581foo"]


def added_variants():
    for single, left, right, normalized, special in itertools.product((False, True), repeat=5):
        flags = {"single_word": single, "lstrip": left, "rstrip": right, "normalized": normalized, "special": special}
        name = "added-" + ("".join(letter for letter, on in zip("slrnp", flags.values()) if on) or "none")
        t = base(SMALL)
        add = t.add_special_tokens if special else t.add_tokens
        add([AddedToken("foo", **flags), AddedToken("New York", **flags), AddedToken("[NEW]", **flags)])
        yield name, t, {"texts": ADDED_TEXTS[(single + 2 * left) % 2::2] if (left and right) else ADDED_TEXTS, "pairs": PAIRS[:1]}
    t = base()
    t.add_tokens(["ab", "abc", "abcd", "foo", "foobar", AddedToken("foo bar", normalized=False), "new york", "york city", AddedToken("new", single_word=True),
                  AddedToken("é", normalized=True), AddedToken("Ó", normalized=False), AddedToken("<s>", lstrip=True), AddedToken("</s>", rstrip=True)])
    t.add_special_tokens([AddedToken("[NEW]", normalized=True), AddedToken("foobarbaz", normalized=False)])
    yield "added-overlapping", t, {"texts": ADDED_TEXTS, "pairs": PAIRS}
    t = base()
    t.add_tokens([AddedToken("cat", single_word=True), AddedToken("the"), AddedToken("##s"), AddedToken("hello world", normalized=True), AddedToken(" mat "), AddedToken("\u4e2d\u6587")])
    yield "added-in-vocabulary", t, {"texts": ["the cat", "thecats cat cats", "hello world", "HELLO World", "Hello\u00a0world", "a mat b", "a mat", "中文", "中 文", "the the", "##s x##s", "Thé cat"] + FEW[:8]}
    t = base(lowercase=False)
    t.add_tokens([AddedToken("Foo", normalized=True), AddedToken("FOO", normalized=True), AddedToken("fóo", normalized=True)])
    yield "added-cased", t, {"texts": ADDED_TEXTS}


# no stride where little is kept: the reference panics when a side keeps no more than the stride
TRUNCATIONS = [{"max_length": n, "stride": s, "strategy": strategy, "direction": direction}
               for strategy in ("longest_first", "only_first", "only_second") for direction in ("right", "left") for n, s in ((8, 0), (10, 3), (5, 0), (100, 0))]


def stored(t):
    t.enable_truncation(6, stride=2, strategy="only_first", direction="left")
    t.enable_padding(direction="left", pad_id=4, pad_type_id=1, pad_token="[MASK]", length=12, pad_to_multiple_of=8)


def other_variants():
    yield "truncation", base(), {"texts": [LONG, "hello"], "truncations": TRUNCATIONS}
    yield "stored-truncation-padding", base(), {"texts": FEW[:12] + [LONG], "pairs": PAIRS, "stored": stored}


def main():
    shutil.rmtree(TARGET, ignore_errors=True)
    total = folders = 0
    for name, t, how in itertools.chain(normalizer_variants(), model_variants(), stage_variants(), processor_variants(), added_variants(), other_variants()):
        total, folders = total + write(name, t, **how), folders + 1
    size = sum(f.stat().st_size for f in TARGET.rglob("*") if f.is_file())
    print(f"{folders} tokenizers, {total} cases, {size // 1024} kB")


if __name__ == "__main__":
    main()
