#!/usr/bin/env python3
"""Compares our normalizers with `tokenizers`: the normal form, and the bytes that each character of it stands for.

    normalizer_oracle.py --program NORMALIZE_CASES [--random N] [--chains N] [--seed N] [--all | --some] [--only WORD]
    normalizer_oracle.py --golden        writes tests/golden/normalizers/

Needs `tokenizers` and `sentencepiece`. Normalizers: each kind, well-known chains, --chains at random. Texts: random mixtures
of characters that matter to some normalizer, with --all also every code point alone and between letters, with --some the
most of them. Ends with the number of differences; exit 1
when there is one. What the reference does not survive is left out.
"""
import argparse
import base64
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

import sentencepiece
from compare import quiet
from tokenizers import Tokenizer, models

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHOWN = 4

CHARS = ("a b c e i o u f s x A B E I K Z 0 1 9 . , ' \" ` - _ & < = > ~ \\ / ; ".split() + [" "] * 8 + list("\t\n\r\v\f\0\x01\x08\x1f\x7f")
         + list("\x85\x8f\x9f\xa0\xad\u1680\u2000\u2007\u2009\u200b\u200c\u200d\u200e\u2028\u2029\u202f\u205f\u3000\ufeff\ufffd\u2581\u2060")
         + list("\u0300\u0301\u0302\u0303\u0307\u0308\u0323\u0327\u0328\u0338\u0344\u0345\u034f\u0653\u0654\u0655\u05b4\u05bc\u05c1\u064b\u0651")
         + list("\u0f71\u0f72\u0f73\u0f74\u0f77\u0f80\u0f81\u302a\u302e\u3099\u309a\uff9e\uff9f\U0001d165\U0001d16d\u20d0\u20dd\ufe0f\ufe0e\U0001e000")
         + list("éÉèüÅåÅÇçñữệḍ̇ỌşŽžİıſßẞẛΩΩµμΣσςᾴῳΐἀἂ") + list("ﬁﬃﬀĳǆÅ㎏㍿№™℻½²₃ªº①⑴Ⅳⅻ㌀ﷺﷲﹼﹱﱞ\ufdfb\u037a\u1fbf\u00a8\u00b4\u2026\u2024\u2057\u2a74")
         + list("가각갂힣ᄀᄁᅠᅡᅢᆨᆩᇂㄱㅏㅤﾡￂ한글") + list("中文字丽\uf900\ufa30\U0002f800かがガｶﾞﾊﾟパは゛゜ー｡ＡａＺ１！　～")
         + list("कखङक़ऩऩ्ािीुंঁকািোৌগ্াோௌொതമ്ൊಕೀೊ්ේෝက္ခြာွ့ำกี้์ຳເລ\u0600\u06dd\u08e2\u0d4e\U000110bd")
         + list("😀👍🏽👩👨🚀❤☺⚕🇩🇪🇫🇷©®ⓐ") + ["👩‍⚕️", "👨‍👩‍👧", "🏴\U000e0067\U000e007f", "क्ष", "क्‍ष", "e\u0301", "\r\n", "ﬁ\u0301", "\u1100\u1161\u11a8",
         "👍🏽", "''", "``", "  ", "   ", "ab", "aba", "▁▁", "\u0344\u0323", "a\u0328\u0301", "\u03b1\u0313\u0301", "\u01f5", "\u1e9b\u0323"])


def varint(data, at):
    value, shift = 0, 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def field_of(message, number):
    """The bytes of a length-delimited field of a protobuf message."""
    at = 0
    while at < len(message):
        key, at = varint(message, at)
        if key & 7 == 2:
            size, at = varint(message, at)
            if key >> 3 == number:
                return message[at:at + size]
            at += size
        elif key & 7 == 0:
            at = varint(message, at)[1]
        else:
            at += 4 if key & 7 == 5 else 8
    raise KeyError(number)


def charsmap(rule, folder, tsv=None):
    prefix = str(folder / ("m-" + rule))
    corpus = folder / "corpus.txt"
    corpus.write_text("".join(f"the quick brown fox {i} jumps over hello world again and again\n" for i in range(200)))
    more = {"normalization_rule_tsv": str(tsv)} if tsv else {"normalization_rule_name": rule}
    sentencepiece.SentencePieceTrainer.train(input=str(corpus), model_prefix=prefix, vocab_size=60, hard_vocab_limit=False, model_type="bpe",
                                             minloglevel=2, **more)
    spec = field_of(pathlib.Path(prefix + ".model").read_bytes(), 3)
    return base64.b64encode(field_of(spec, 2)).decode()


def maps(folder):
    tsv = folder / "rules.tsv"      # sequences, what grows, shrinks, goes
    rules = [("61", "62 63 64"), ("62", ""), ("65 301", "78"), ("65 302", ""), ("1F1E9", "64"), ("69", "130"), ("63 61", "7A"), ("4E2D", ""),
             ("41", "41 300"), ("300", ""), ("301", "2E 2E"), ("2E", "3002"), ("200D", ""), ("5F", "2581 2581"), ("AC00", "1100 1161")]
    tsv.write_text("".join(f"{a}\t{b}\n" for a, b in rules))
    return {"nmt_nfkc": charsmap("nmt_nfkc", folder), "nmt_nfkc_cf": charsmap("nmt_nfkc_cf", folder), "nfkc": charsmap("nfkc", folder),
            "nfkc_cf": charsmap("nfkc_cf", folder), "tsv": charsmap("tsv", folder, tsv)}


def sequence(*members):
    return {"type": "Sequence", "normalizers": list(members)}


def replace(content, string=None, regex=None):
    return {"type": "Replace", "pattern": {"String": string} if regex is None else {"Regex": regex}, "content": content}


def chains(folder):
    kind = lambda name, **more: {"type": name, **more}                                                  # noqa: E731
    strip = lambda left, right: kind("Strip", strip_left=left, strip_right=right)                       # noqa: E731
    bert = lambda clean, cjk, accents, lower: kind("BertNormalizer", clean_text=clean, handle_chinese_chars=cjk,  # noqa: E731
                                                   strip_accents=accents, lowercase=lower)
    pre = {name: kind("Precompiled", precompiled_charsmap=data) for name, data in maps(folder).items()}
    forms = [kind(f) for f in ("NFC", "NFD", "NFKC", "NFKD")]
    nmt, lower, accents, byte = kind("Nmt"), kind("Lowercase"), kind("StripAccents"), kind("ByteLevel")
    prepend = kind("Prepend", prepend="▁")
    out = {f["type"]: f for f in forms + [nmt, lower, accents, byte]}
    out |= {f"strip-{int(a)}{int(b)}": strip(a, b) for a in (True, False) for b in (True, False)}
    out |= {"prepend": prepend, "prepend-long": kind("Prepend", prepend="aé "), "bert": bert(True, True, None, True)}
    out |= {"precompiled-" + name: p for name, p in pre.items()}
    for name, more in {"space": ("▁", " "), "nothing": ("", "a"), "two": ("\"", "''"), "aba": ("X", "aba"), "aa": ("yé", "aa"), "grow": ("aaa", "a"),
                       "bytes": ("é", "é"), "accent": ("e", "e\u0301")}.items():
        out["replace-" + name] = replace(more[0], more[1])
    for i, (content, regex) in enumerate([(" ", " {2,}"), ("▁", " {2,}"), (" ", r"\s+"), (" ", r"\s"), ("", r"\n"), ("x", "ab"), (".", r"\."), ("", "é+"),
                                          ("#", r"[!\"#$%&'()*+,-./:;<=>?@\[\\\]^_`{|}~]"), ("?", r"\d"), ("-", r"[^a-z]"), ("+", r"\p{M}+"),
                                          ("_", r"^\s|\s$"), ("<>", r"a*"), ("", r"(?<=a)b|\bc"), ("z", r"'{1,}"), ("w", r"\w"), ("q", " {2}")]):
        out[f"regex-{i}"] = replace(content, regex=regex)
    double = replace(" ", regex=" {2,}")
    out |= {
        "xlm-r": sequence(pre["nmt_nfkc"], double), "xlm-r-mark": sequence(pre["nmt_nfkc"], replace("▁", regex=" {2,}")),
        "t5": sequence(pre["nmt_nfkc"], strip(False, True), replace("▁", regex=" {2,}")),
        "albert": sequence(replace("\"", "``"), replace("\"", "''"), forms[3], accents, lower, pre["nmt_nfkc"], double),
        "llama": sequence(prepend, replace("▁", " ")), "gemma": replace("▁", " "), "nmt-chain": sequence(nmt, forms[2], double),
        "clip": sequence(forms[0], replace(" ", regex=r"\s+"), lower), "deberta": sequence(strip(True, True), pre["nmt_nfkc_cf"], double),
        "roberta-like": sequence(forms[1], lower, accents), "all-strips": sequence(nmt, strip(True, True), prepend, replace("▁", " ")),
        "bytes-last": sequence(forms[0], strip(True, False), byte), "bytes-twice": sequence(byte, byte), "bert-twice": sequence(bert(False, True, True, False), bert(True, True, None, True)),
        "forms": sequence(forms[3], forms[0], forms[1], forms[2]), "grow": sequence(pre["tsv"], forms[0], strip(True, True), prepend, pre["tsv"]),
        "nested": sequence(sequence(), sequence(lower, sequence(forms[3], accents)), double), "siglip": sequence(lower, replace("", regex=r"[!\"#$%&'()*+,-./:;<=>?@\[\\\]^_`{|}~]"), replace(" ", regex=r"\s+"), strip(True, True)),
        "empty": sequence(), "bert-nfc": sequence(bert(True, True, False, False), forms[0], replace("中", "a")), "strip-replaced": sequence(replace(" ", "a"), strip(True, True), replace("a ", " ")),
    }
    return out


def random_chain(rng, single):
    return sequence(*(rng.choice(single) for _ in range(rng.randrange(2, 7))))


def reference(normalizer):
    t = Tokenizer(models.BPE(vocab={"<unk>": 0}, merges=[], unk_token="<unk>"))     # every character is a token
    t = Tokenizer.from_str(json.dumps(json.loads(t.to_str()) | {"normalizer": normalizer}))

    def answer(text):
        starts, at = [], 0
        for c in text:
            starts.append(at)
            at += len(c.encode())
        starts.append(at)
        normal = t.normalizer.normalize_str(text) if t.normalizer else text
        return normal, [(starts[a], starts[b]) for a, b in t.encode(text).offsets]
    return answer


def texts_of(rng, n, every):
    for _ in range(n):
        size = rng.choice((1, 2, 3, 5, 8, 13, 21))
        few = rng.sample(CHARS, rng.choice((3, 6, 20))) if rng.random() < 0.5 else CHARS
        yield "".join(rng.choice(few) if rng.random() < 0.97 else chr(rng.choice((rng.randrange(0xD800), rng.randrange(0xE000, 0x110000)))) for _ in range(size))
    if every:
        points = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
        if every != 1:
            points = [c for c in points if c < 0x3200 or 0xA000 <= c < 0xAC40 or 0xF900 <= c < 0x11000 or 0x16000 <= c < 0x1B000 and c < 0x17000
                      or 0x1D000 <= c < 0x1FC00 or 0x2F800 <= c < 0x2FB00 or c % 1009 == 0]
        for c in points:
            yield chr(c)
            yield "a" + chr(c) + "b"


def ours(program, folder, normalizer, texts):
    path = folder / "normalizer.json"
    path.write_text(json.dumps({"normalizer": normalizer}))
    raw = [t.encode() for t in texts]
    data = subprocess.run([program, str(path)], input=b"".join(struct.pack("<I", len(t)) + t for t in raw), stdout=subprocess.PIPE, check=True).stdout
    at, out = 0, []
    for _ in texts:
        size, = struct.unpack_from("<I", data, at)
        text = data[at + 4:at + 4 + size].decode()
        n, = struct.unpack_from("<I", data, at + 4 + size)
        flat = struct.unpack_from(f"<{2 * n}I", data, at + 8 + size)
        at += 8 + size + 8 * n
        out.append((text, list(zip(flat[::2], flat[1::2]))))
    return out


def compare(program, folder, name, normalizer, texts):
    answer, kept, expected, skipped = reference(normalizer), [], [], 0
    for text in texts:
        try:
            expected.append(answer(text))
            kept.append(text)
        except BaseException as error:      # PanicException is no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            skipped += 1
    bad = 0
    for text, e, got in zip(kept, expected, ours(program, folder, normalizer, kept)):
        if e != got:
            bad += 1
            if bad <= SHOWN:
                print(f"  {name}: {ascii(text)}\n    expected {ascii(e[0])} {e[1]}\n    got      {ascii(got[0])} {got[1]}")
    if bad:
        print(f"{name}: {json.dumps(normalizer)[:300]}: {len(kept)} texts, {bad} differences", flush=True)
    return bad, len(kept), skipped


def write_golden(folder):
    """Few texts for each chain. A charsmap of sentencepiece is 300 kB: one chain has it."""
    target = ROOT / "tests/golden/normalizers"
    target.mkdir(parents=True, exist_ok=True)
    for name, normalizer in chains(folder).items():
        header = json.dumps({"normalizer": normalizer}, separators=(",", ":"))
        if len(header) > 100_000 and name != "t5":
            continue
        answer, lines = reference(normalizer), [header]
        for text in ["", " ", "Hello  World ", *texts_of(random.Random(11), 30, 0)]:
            try:
                normal, spans = answer(text)
            except BaseException:       # PanicException is no Exception
                continue
            lines.append(json.dumps({"text": text, "normal": normal, "spans": [x for span in spans for x in span]}, separators=(",", ":")))
        (target / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program")
    parser.add_argument("--random", type=int, default=2000)
    parser.add_argument("--chains", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    for flag in ("--all", "--some", "--golden"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        if args.golden:
            write_golden(folder)
            return
        quiet()
        totals = [0, 0, 0]
        kinds, rng = chains(folder), random.Random(args.seed)
        single = [kind for kind in kinds.values() if kind["type"] != "Sequence"]
        kinds |= {f"chain {i}": random_chain(rng, single) for i in range(args.chains)}
        for name, normalizer in kinds.items():
            if args.only in name:
                found = compare(args.program, folder, name, normalizer, texts_of(rng, args.random, 1 if args.all else 2 if args.some else 0))
                totals = [a + b for a, b in zip(totals, found)]
        bad, compared, skipped = totals
        print(f"{len(kinds)} normalizers, {compared} texts, {bad} differences" + (f", {skipped} that the reference does not survive" if skipped else ""))
        sys.exit(bad > 0)


if __name__ == "__main__":
    main()
