"""The texts of the oracle. What is read lies in the folder that `sources` fills; all else is a function of a seed.

    declarations()   udhr, a text a paragraph        pages()        Debian's manual pages, in pieces
    code()           this tree                       unicode_data() lines of NormalizationTest.txt, emoji-test.txt
    points(…)        every code point                random_text()  mutated()  ill_formed()
"""
import bz2
import functools
import gzip
import html
import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = pathlib.Path(os.environ.get("RF_ORACLE_HOME") or ROOT / ".deps/oracle")


def read(path):
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    elif path.suffix == ".bz2":
        data = bz2.decompress(data)
    return data.decode("utf-8", "replace")


def golden():
    """The 2,000 texts of tests/golden/texts.bin: each with its length in front."""
    data, at, texts = (ROOT / "tests/golden/texts.bin").read_bytes(), 0, []
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "little")
        texts.append(data[at + 4:at + 4 + size].decode())
        at += 4 + size
    return texts


def in_pieces(text, size):
    """Cut at line ends into pieces of about `size` characters."""
    piece, length = [], 0
    for line in text.splitlines(keepends=True):
        piece.append(line)
        length += len(line)
        if length >= size:
            yield "".join(piece)
            piece, length = [], 0
    if piece:
        yield "".join(piece)


@functools.cache
def declarations():
    out = []
    for path in sorted((HOME / "npm/package/declaration").glob("*.html")):
        for part in re.findall(r"<(?:h1|h2|h3|h4|p|li)[^>]*>(.*?)</(?:h1|h2|h3|h4|p|li)>", read(path), re.S):
            text = html.unescape(re.sub(r"<[^>]+>", "", part)).strip()
            if text:
                out.append(text)
    return out


@functools.cache
def pages():
    """Languages in turn, so that any first part has all of them."""
    root, languages = HOME / "man/usr/share/man", []
    for language in ("", "de", "es", "fr", "ja", "pl", "ru", "zh_CN", "zh_TW"):
        found = sorted(p for p in (root / language).glob("man[1-8]/*.gz") if not p.is_symlink())
        languages.append([piece for p in found[::max(1, len(found) // 60)] for piece in in_pieces(read(p), 1500)])
    return [piece for row in zip(*languages) for piece in row] + [p for pieces in languages for p in pieces[min(map(len, languages)):]]


@functools.cache
def code():
    out = []
    for pattern in ("src/**/*.c", "include/*.h", "tests/oracle/*.py", "scripts/*", "docs/*.md", "CMakeLists.txt", "third_party/yyjson/yyjson.h"):
        for path in sorted(ROOT.glob(pattern)):
            out += in_pieces(read(path), 1200)
    return out


@functools.cache
def unicode_data():
    out = []
    for path in sorted((HOME / "unicode").glob("*")):
        for line in read(path).splitlines():
            out.append(line)
            fields = line.split("#")[0].split(";")
            if re.fullmatch(r"[0-9A-F ]+", fields[0].strip() or "-"):
                points_of = ["".join(chr(int(c, 16)) for c in f.split()) for f in fields if re.fullmatch(r"[0-9A-F]+( [0-9A-F]+)*", f.strip())]
                out.append(" ".join(points_of))
                out += points_of[:1]
    return list(dict.fromkeys(out))


def points(part, parts):
    """One part of `parts` of all code points: alone, between letters, and many to a text."""
    all_points = [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
    texts = []
    for i in range(part * 16, len(all_points), parts * 16):
        some = all_points[i:i + 16]
        texts += some + [f"a{c}B" for c in some]
        texts.append("".join(f"x{c}y {c}" for c in some))
        texts.append("e\u0323".join(some) + "\U0001D165\u0301")
    return texts


ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz", "ABCXYZabcxyz", " ", " \t\n\r\v\f\u00a0\u3000\u2028\u0085", ".,;:!?'\"()[]{}<>/\\|@#$%^&*-_=+`~",
    "0123456789", "\0\x01\x1b\x7f\u200b\u200d\ufeff\ufffd\u00ad\u202e", "éèêëàâçñöüßÅÉÎœøđłŁ", "àéxo", "中文测试漢字かなカナ한국어",
    "\u0300\u0301\u0323\u0327\u0338\u0345\u034f", "\u302e\u302f\u16ff0\U00016ff0\U0001d165\U0001d166\U0001d16d\u1ce1\u1cf7\u0b3e",
    "\u0344\u0f73\u0f75\u0f81\u1ec7\u1e69\u0390\u1f82ﬀﬁǅǆ", "\U0001d15e\U0001d160\U0001d1bb", "İIıiÏΣσςΑΒ", "привет мир ЁЙ", "שלום עולם ـكتاب",
    "हिन्दी தமிழ் ไทย ລາວ", "😀👨‍👩‍👧🇩🇪❤️", "豈更車\U0002f800\ufa0e\ufad5", "\ue000\uf8ff\U000f0000\u0378\U000e0001",
    "▁ ", "▁ab ", "½²³Ⅷⅸ①٣۴९๓", "  \n", "aA1 ", "<0x4E>", "𝐀𝟙ﬃ㎏㍿", "\u1100\u1161\u11a8각가ᄒ", "ΆΈ΄¨`´", "ſKÅΩ", "ꙮՙʰªºⓐ",
    "\x80\x9f\u200e\u2029\u1680\u180e\u202f\u205f", "aAeE'sStTdDmMlL'",
]
WORDS = ["foo", "Foo", "FOO", "fóo", "New York", "new  york", "[NEW]", "[new]", "[MASK]", "[SEP]", "[CLS]", "[UNK]", "[mask]", "<s>", "</s>",
         "don't", "do not", "it's", "unaffable", "hello", "world", "##s", "ab", "abc", "abcd", "foobar", "york city", " ", "  ", "\t", "_", ".",
         "<mask>", "<unk>", "<pad>", "<bos>", "<|endoftext|>", "<|startoftext|>", "<|im_start|>", "<|begin_of_text|>", "<0x41>", "<0xE4>", "▁",
         "▁the", "▁▁", "</w>", "  \n\n", "\r\n", "\n", "we'll", "WE'VE", "I'm", "I'M", "'re", "3.14", "1234567", "2024-03-01", "x=y+1;",
         "``quoted''", "http://a.b/c?d=e", "HelloWorld", "snake_case", "the", "The", "of", "die", "不", "是的", "こんにちは", "안녕하세요",
         "Straße", "naïve", "ﬁn", "École", "<extra_id_0>", "|||IP_ADDRESS|||", "-", "--", "...", "?!", "a-b", "100%"]


def random_text(rng):
    parts = []
    for _ in range(rng.choice((1, 2, 3, 5, 8, 20))):
        kind = rng.random()
        if kind < 0.3:
            parts.append(rng.choice(WORDS))
        elif kind < 0.35:
            c = rng.randrange(0x110000)
            parts.append(chr(c) if not 0xD800 <= c <= 0xDFFF else "?")
        else:
            alphabet = rng.choice(ALPHABETS)
            parts.append("".join(rng.choice(alphabet) for _ in range(rng.choice((1, 1, 2, 3, 6, 12)))))
        if rng.random() < 0.25:
            parts.append(" ")
    return "".join(parts)


def mutated(text, rng):
    at = rng.randrange(max(1, len(text) - 100))
    chars = list(text[at:at + rng.randrange(1, 200)])
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


def repeats(rng):
    """Runs of one thing, where greedy and pairwise choices show."""
    unit = rng.choice(("a", "ab", " ", "  ", "▁", "\n", "é", "中", "👨‍", "aA", "0", "'", "\u0301", "x ", "!?", "ـ", "ᄀ", ".", "\r\n", "\t "))
    return unit * rng.choice((2, 3, 7, 16, 33, 120)) + rng.choice(("", "b", " ", "x"))


def ill_formed(rng):
    """Bytes that are not UTF-8 (or are, by chance)."""
    data = bytearray(random_text(rng).encode())
    for _ in range(rng.randrange(1, 6)):
        i = rng.randrange(len(data) + 1)
        if rng.random() < 0.5:
            data[i:i] = bytes(rng.choice((0x80, 0xBF, 0xC0, 0xC3, 0xE0, 0xE2, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF, rng.randrange(256)))
                              for _ in range(rng.randrange(1, 4)))
        else:
            del data[i:i + rng.randrange(1, 3)]
    return bytes(data)
