"""Hand-made texts on which a BERT tokenizer is most likely to go wrong.

texts() is the list used for the golden corpus; short() is the part of it that is small enough to be repeated
for every tokenizer variant. The order is part of the golden files: append only.
"""

SPACES = "\u0009\u000a\u000b\u000c\u000d\u0020\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006" \
         "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

BLANK = ["", " ", "   ", "\n", "\t", "\r\n", "\u00a0", "\u3000", "\u200b", "\u0000", "\u0000\u0000", "\u00ad",
         "\ufeff", "\ufffd", "\u0301", "\u007f", "\u0085", "\u2028"]

SINGLE = ["a", "A", "z", "é", "É", "ß", "İ", "ı", "1", ".", "-", "_", "$", "+", "中", "あ", "ア", "한", "ก", "ا",
          "א", "я", "Ω", "ς", "😀", "𠀀", "\u2581", "½", "²", "①", "™", "€", "Ǆ", "ǅ", "ﬁ", "Ⅷ", "\u0378"]

ACCENTS = [
    "Café déjà vu, naïve façade, coöperate, Ångström",
    "Cafe\u0301 de\u0301ja\u0300 vu, nai\u0308ve fac\u0327ade, A\u030angstro\u0308m",
    "résumé re\u0301sume\u0301 RÉSUMÉ RE\u0301SUME\u0301",
    "\u0301leading mark", "trailing mark\u0301", "a \u0301 b", "\u0300\u0301\u0302\u0303",
    "Z\u0351\u036b\u0343\u036a\u0302\u0349a\u0334\u034d\u0316l\u0321\u034a\u0360g\u0335\u031bo\u035c pile of marks",
    "a" + "\u0301" * 60 + " b", "Việt Nam đất nước Tiếng Việt", "Vie\u0323\u0302t Nam",
    "Łódź Żółć Øresund đ ħ ŧ ø ł", "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞß", "\u1e9b\u0323 \u1e69 s\u0323\u0307",
    "\u212b \u2126 \u212a \u2160 kelvin and ohm signs", "ǅ Ǆ ǆ ǈ ǋ", "ὀδυσσεύς ᾳ ᾼ ᾤ ΐ ΰ", "йцу и\u0306 ё е\u0308 Ї ї",
]

CASE = [
    "İstanbul ISTANBUL ıstanbul istanbul", "DİYARBAKIR i\u0307", "Straße STRASSE STRAẞE straße",
    "ΟΔΥΣΣΕΥΣ Σ ΣΑΣ ΑΣ. ΑΣ' σς", "ǅungla ǄUNGLA", "ŒUVRE œuvre ÆON æon", "ᏣᎳᎩ ꭰꭱ Cherokee", "ႠႡႢ ⴀⴁ აბგ ᲐᲑᲒ",
    "𐐀𐐁𐐂 𐐨𐐩 Deseret", "HELLO World mIxEd CaSe", "ŉ ǰ ΐ ﬀ ﬃ ﬆ", "ÅÄÖ åäö", "ĲSSELMEER ĳsselmeer", "K Å Ω",
]

CONTROLS = [
    "NUL\u0000inside", "\u0000leading", "trailing\u0000", "a\u0000\u0000b", "bell\u0007 esc\u001b[31mred\u001b[0m",
    "tab\there\nnewline\r\ncrlf\rcr", "vertical\u000btab form\u000cfeed", "\u001c\u001d\u001e\u001f separators",
    "c1\u0080\u0085\u009fcontrols", "del\u007fete", "line\u2028sep para\u2029sep", "a\u00a0b\u202fc\u205fd\u3000e",
    "x" + "x".join(SPACES) + "x", "zero\u200bwidth\u200cnon\u200djoiner\u2060word\ufeffjoiner", "soft\u00adhyphen",
    "\u200eLRM \u200fRLM \u202aLRE\u202c \u202eRLO\u202c \u2066LRI\u2069", "word\u180ejoin", "\u061carabic letter mark",
    "replacement \ufffd char \ufffd\ufffd", "a\ufffdb", "\u2581piece \u2581", "##hash ##ing # #", "interlinear \ufff9a\ufffab\ufffb",
    "private \ue000\uf8ff \U000f0000\U0010fffd use", "unassigned \u0378\u0530 \U000e0080 end",
    "noncharacter \ufdd0\ufffe\uffff \U0001ffff\U0010ffff end", "tag \U000e0001\U000e0061\U000e007f characters",
    "variation\ufe0e selector\ufe0f and \U000e0100", "mongolian \u180b\u1820\u180c", "object \ufffc replacement",
]

EMOJI = [
    "I ❤️ this 👍🏽 so much 😂😂", "👨‍👩‍👧‍👦 family", "🏳️‍🌈 🏴‍☠️ 👩🏿‍🚀 🧑‍🤝‍🧑", "🇩🇪🇫🇷🇯🇵 flags 🇺", "1️⃣ 2️⃣ #️⃣ keycaps", "🏴󠁧󠁢󠁳󠁣󠁴󠁿 Scotland",
    "☃☀☂ ✓ ✗ ★ ♥ ♫ → ⇒ ∞", "🙂🙃word😉", "(╯°□°)╯︵ ┻━┻", "¯\\_(ツ)_/¯",
]

CJK = [
    "中文和English混合text测试", "日本語のテキスト、カタカナとひらがな。", "한국어 텍스트 예시입니다.", "𠀀𠀁𪚥𫝀𫠝 astral ideographs",
    "㐀㐁 extension A, 豈更 compatibility, 丽丸 supplement", "ﾊﾝｶｸ ｶﾞ ｷﾞ half width", "ＦＵＬＬ　ｗｉｄｔｈ　１２３！？", "「引用」『書名』【括弧】〈〉《》",
    "〇一二三 々 〆 ヶ ー", "ㄅㄆㄇ bopomofo ㄱㄲㄳ jamo", "\u1112\u1161\u11ab\u1100\u116e\u11a8 conjoining jamo", "한\u1100\u1161국",
    "が か\u3099 パ ハ\u309a voiced marks", "㌔㍍ ㈱ ㊙ ㍻ squared", "\U00030000 \U00031350 \U0002ebf0 \U0002f800 \U0002fa1f newer planes",
    "漢字" * 60, "⿰木木 ⺀⻳ ⼀⿕ radicals", "西夏 𗀀𗀁 𛀀 𛄀",
]

SCRIPTS = [
    "مرحبا بالعالم، كيف حالك؟ ١٢٣", "السَّلَامُ عَلَيْكُمْ وَرَحْمَةُ اللَّهِ", "ﷺ ﷲ ﻻ ﺍ presentation forms", "ـــ تطويل كـــتاب",
    "שָׁלוֹם עוֹלָם", "שלום עולם", "नमस्ते दुनिया क्षत्रिय ज्ञान", "க்ஷ தமிழ் மொழி", "ภาษาไทยไม่มีช่องว่างระหว่างคำ", "ພາສາລາວ ບໍ່ມີ",
    "ខ្មែរ ភាសា", "မြန်မာဘာသာ", "አማርኛ ግዕዝ፡ቃል።", "ქართული ენა", "Հայերեն լեզու։", "ᐃᓄᒃᑎᑐᑦ", "ᠮᠣᠩᠭᠣᠯ", "བོད་སྐད་", "සිංහල භාෂාව",
    "മലയാളം ಕನ್ನಡ తెలుగు ગુજરાતી ਪੰਜਾਬੀ বাংলা ଓଡ଼ିଆ", "ⵜⴰⵎⴰⵣⵉⵖⵜ ߒߞߏ ꕙꔤ ꆈꌠ", "Русский текст с Ё и й", "Ελληνικά με τόνους: ά έ ή ί ό ύ ώ ϊ ϋ ΐ",
    "mixed עברית and العربية in English", "𝒮𝒸𝓇𝒾𝓅𝓉 𝐛𝐨𝐥𝐝 𝟙𝟚𝟛 mathematical", "𒀀𒀁 𓀀𓀁 𐎀 𐤀 ancient", "ꓐꓑ ꓒ ꛀ ꠀꠁ Lisu Bamum Sylheti",
]

SPECIALS = [
    "[CLS] [SEP] [MASK] [UNK] [PAD]", "[CLS]text[SEP]", "a[MASK]b", "the [MASK] sat", "[cls] [mask] [Sep]", "[ MASK ] [MASK", "[[MASK]]",
    "[MASK][MASK]", "[MASK] ", " [MASK]", "\n[SEP]\n", "[UNK]unk[UNK]", "<s> </s> <pad> <mask> <unk>", "[unused0] [unused99]", "[CLS\u200b]",
    "[CL\u0000S]", "[MA\u00adSK]", "x[PAD]y[PAD]", "\u00a0[MASK]\u3000", "É[MASK]é", "中[MASK]文", "[SEP]" * 20,
]

LONG_WORDS = ["x" * 99, "x" * 100, "x" * 101, "x" * 200, "é" * 100, "e\u0301" * 100, "e\u0301" * 101, "antidisestablishmentarianism" * 4,
              "😀" * 101, "𐐀" * 100, "ab" * 50 + " ok " + "ab" * 51, "a" * 100 + "\u200b", "ﷺ" * 101, "z" * 3000,
              "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", "ß" * 100, "İ" * 100]

CODE = [
    "https://example.org/a/b?x=1&y=%20#frag_1", "mailto:someone.else+tag@example.co.uk", "C:\\Users\\me\\file.txt /usr/lib/x86_64-linux-gnu",
    "int main(int argc, char **argv) { return argv[0][0] != 'a' ? 0 : 1; }", "for (;;) x <<= 2; y ^= ~z & 0xFF | 077;",
    "def f(x: int = 3) -> list[str]:\n\treturn [f\"{x!r}\" for _ in range(x)]", "<p class=\"a\">&amp;&nbsp;&#x27;</p>", "{\"k\": [1, 2.5e-3, null, true]}",
    "SELECT * FROM t WHERE a<>'b''c';", "$HOME ${x:-y} `cmd` $(cmd) |& 2>&1", "a_b_c a-b-c a.b.c a/b/c a\\b", "snake_case camelCase PascalCase kebab-case",
    "^(?:[a-z0-9]+(?:-[a-z0-9]+)*)$", "c++ c# f# .net node.js", "\\frac{a}{b} \\alpha_1^2", "0x1F600 U+1F600 \\u1F600",
]

NUMBERS = ["1234567890", "3.14159265358979", "1,234,567.89", "-1.5e-10", "2024-02-29T23:59:59.999Z", "+49 (0)30 123456-78", "½ ¼ ¾ ⅓ 1⁄2 x² x₂ 10⁹",
           "١٢٣٤ १२३४ ๑๒๓๔ 一二三四 ⅣⅫ", "$100 €200 £300 ¥400 ₹500 ₿1", "50% 5‰ 20°C 5′10″ №7 §12 ¶3", "192.168.0.1 ::1 fe80::1%eth0", "1st 2nd 3rd 100th"]

PUNCTUATION = [
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "“curly” ‘quotes’ „low“ «guillemets» ‹single›", "en–dash em—dash ‐hyphen ‑nb ‒fig ―bar −minus", "ellipsis… ... . . .",
    "don't can't won't it's o'clock rock'n'roll", "don’t can’t it’s", "¡Hola! ¿Qué tal?", "« Bonjour ! »", "a,b;c:d.e!f?g", "·•◦‣⁃ bullets", "‼⁇⁈⁉ ‽",
    "।॥ ،؛؟ 、。， ・ ፡።፣", "___ --- *** ~~~ === ///", "(((nested [brackets {here}])))", "©®™℠ ª º ¹ ²", "a\u0304.b\u0304,c", "\u0301,\u0301.\u0301", "-\u0301-",
    "^ ¨ ´ ` ¸ ¯ spacing accents", "\u02bc\u02bb\u02b9 modifier letters", "⁀⁔ ﹏ ﹍ ＿ connectors", "◌\u0301 dotted circle",
]

PROSE = [
    "The cat sits on the mat.", "A feline is resting on a rug.", "hello world", "Hello, World!", "How do I reset my password?",
    "what is the capital of france", "  leading and trailing spaces  ", "double  spaces   and    more", "line one\nline two\n\nline four\n",
    "The quick brown fox jumps over the lazy dog. " * 3, "word " * 300, "a " * 700, "tokenization embeddings sentence-transformers ONNX BERT",
    "unaffable unwanted running runs ran", ". " * 260, "the " * 254, "the " * 255, "the " * 253 + "embeddings", "the " * 510, "the " * 511,
    "中" * 254, "中" * 255, "中" * 600, "\u0000" * 300 + "end", " " * 5000 + "far away" + " " * 5000, "é " * 300,
]

GROUPS = [BLANK, SINGLE, ACCENTS, CASE, CONTROLS, EMOJI, CJK, SCRIPTS, SPECIALS, LONG_WORDS, CODE, NUMBERS, PUNCTUATION, PROSE]


def texts():
    return [text for group in GROUPS for text in group]


def short():
    """Every text of at most 60 characters outside the per-script groups, for the tokenizer variants."""
    groups = [BLANK, SINGLE[:20:3], ACCENTS, CASE, CONTROLS, EMOJI[:4], CJK[:12], SCRIPTS[:8], SPECIALS, CODE[:3], NUMBERS[:2],
              PUNCTUATION[:6], PROSE[:9]]
    return [text for group in groups for text in group if len(text) <= 60]


def invalid_utf8():
    """Byte strings that are not UTF-8 (and a few that are), for the U+FFFD replacement rule."""
    return [b"ok", b"\xff", b"\xc3", b"\xc3(", b"a\xc3", b"\xe4\xb8", b"\xe4\xb8x", b"\xf0\x9f\x98", b"\xf0\x9f\x98x", b"\xf0\x9f",
            b"\x80\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xe0\x9f\xbf", b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf",
            b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb8\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80",
            b"\xfe\xff", b"caf\xe9 latin-1", b"\xe4\xb8\xad\xe4\xb8", b"a\xf0\x9f\x98\x80b", b"\xf4\x8f\xbf\xbf", b"\xef\xbf\xbd", b"\xef\xbb\xbfbom",
            b"\xc2\x80", b"\xdf\xbf", b"x\xe2\x82y\xe2z", b"\x00\xff\x00", b"\xe2\x28\xa1", b"\xf0\x28\x8c\xbc", b"\xf0\x90\x28\xbc",
            b"\xf0\x28\x8c\x28", b"\xee\x80", b"\xf1\x80\x80\xc3\xa9"]
