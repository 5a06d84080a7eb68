//! Writes src/unicode/regex_unicode_tables.c, on standard output:
//!
//!     cd tools/unicode/regex && RUSTONIG_SYSTEM_LIBONIG=0 cargo run --release > ../../../src/unicode/regex_unicode_tables.c
//!
//! What a regular expression of a tokenizer.json means by \p{L}, \w or \s is defined by the Oniguruma that `tokenizers`
//! is built with: 6.9.10, Unicode 16. It is asked here for every code point, so that ids do not change with the
//! Oniguruma that a system has. The scripts of the pre-tokenizer UnicodeScripts are asked from `tokenizers` itself.
//! The asserts hold what the C code relies on, among that that the crate `regex`, which splits for tiktoken, has the
//! same classes.

use onig::Regex;
use std::collections::HashMap;
use std::fmt::Write;
use tokenizers::pre_tokenizers::unicode_scripts::UnicodeScripts;
use tokenizers::tokenizer::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

const LIMIT: usize = 0x110000;
const BLOCK: usize = 128; // RF_UNICODE_SHIFT in unicode_tables.h

const CATEGORIES: [&str; 30] = [
    "Cn", "Cc", "Cf", "Co", "Cs", "Ll", "Lm", "Lo", "Lt", "Lu", "Mc", "Me", "Mn", "Nd", "Nl", "No", "Pc", "Pd", "Pe",
    "Pf", "Pi", "Po", "Ps", "Sc", "Sk", "Sm", "So", "Zl", "Zp", "Zs",
];

// By number, from 1: the standard classes of oniguruma.h.
const STANDARD: [&str; 14] = [
    "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit", "word",
    "alnum", "ascii",
];

const SCRIPTS: &str = "\
    Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki \
    Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee \
    Chorasmian Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra \
    Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Garay Georgian Glagolitic Gothic Grantha Greek \
    Gujarati Gunjala_Gondi Gurmukhi Gurung_Khema Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana \
    Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana \
    Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Kirat_Rai Lao Latin Lepcha Limbu \
    Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi \
    Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro \
    Multani Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham \
    Ol_Chiki Ol_Onal Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian \
    Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa \
    Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala \
    Sogdian Sora_Sompeng Soyombo Sundanese Sunuwar Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham \
    Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Todhri Toto Tulu_Tigalari \
    Ugaritic Unknown Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square";

// enum regex_class of regex_tables.h.
const CLASSES: [(&str, &str); 8] = [
    ("UPPER", r"[\p{Lu}\p{Lt}]"),
    ("LOWER", r"\p{Ll}"),
    ("LETTER", r"[\p{Lm}\p{Lo}]"),
    ("MARK", r"\p{M}"),
    ("NUMBER", r"\p{N}"),
    ("SPACE", r"\s"),
    ("SYMBOL", r"[\p{P}\p{S}]"),
    ("OTHER", r"[^\p{L}\p{M}\p{N}\s\p{P}\p{S}]"),
];

fn all_chars() -> String {
    (0..LIMIT as u32).filter_map(char::from_u32).collect()
}

/// Which code points a one-character pattern of Oniguruma matches.
fn ask(all: &str, pattern: &str) -> Vec<bool> {
    let mut found = vec![false; LIMIT];
    let regex = Regex::new(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
    for (begin, end) in regex.find_iter(all) {
        let mut chars = all[begin..end].chars();
        found[chars.next().unwrap() as usize] = true;
        assert!(chars.next().is_none());
    }
    found
}

/// The same of the crate `regex`.
fn ask_rust(pattern: &str) -> Vec<bool> {
    use regex_syntax::hir::{Class, HirKind};
    let hir = regex_syntax::parse(pattern).unwrap();
    let HirKind::Class(Class::Unicode(class)) = hir.kind() else { panic!("{pattern}") };
    let mut found = vec![false; LIMIT];
    for range in class.ranges() {
        for c in range.start()..=range.end() {
            found[c as usize] = true;
        }
    }
    found
}

/// 1 + the number of the one pattern that matches, 0 where none does.
fn one_of(all: &str, patterns: &[String]) -> Vec<u32> {
    let mut which = vec![0; LIMIT];
    for (i, pattern) in patterns.iter().enumerate() {
        for (c, &is) in ask(all, pattern).iter().enumerate() {
            if is {
                assert_eq!(which[c], 0, "U+{c:04X}: {} and {pattern}", patterns[which[c].max(1) as usize - 1]);
                which[c] = i as u32 + 1;
            }
        }
    }
    which
}

fn pieces(text: &str) -> usize {
    let mut split = PreTokenizedString::from(text);
    UnicodeScripts::new().pre_tokenize(&mut split).unwrap();
    split.get_splits(OffsetReferential::Normalized, OffsetType::Byte).len()
}

/// The scripts of UnicodeScripts, 0 for those that go with every other. Two characters have the same script when they
/// stay together.
fn split_scripts() -> Vec<u32> {
    let (latin, greek) = ('a', 'α');
    let mut known = vec![latin, greek];
    let mut last = 0;
    (0..LIMIT as u32)
        .map(|c| {
            let Some(c) = char::from_u32(c) else { return 0 };
            let joins = |other: char| pieces(&format!("{other}{c}")) == 1;
            if joins(latin) && joins(greek) {
                return 0;
            }
            if !joins(known[last]) {
                last = known.iter().position(|&other| joins(other)).unwrap_or_else(|| {
                    known.push(c);
                    known.len() - 1
                });
            }
            last as u32 + 1
        })
        .collect()
}

/// A table of two stages, as those of unicode_tables.h.
fn two_stage(out: &mut String, name: &str, values: &[u32]) {
    let mut blocks: Vec<&[u32]> = vec![];
    let mut by_block = HashMap::new();
    let first: Vec<u32> = values
        .chunks(BLOCK)
        .map(|block| {
            *by_block.entry(block).or_insert_with(|| {
                blocks.push(block);
                blocks.len() as u32 - 1
            })
        })
        .collect();
    let second: Vec<u32> = blocks.concat();
    let c_type = |all: &[u32]| if *all.iter().max().unwrap() < 256 { "uint8_t" } else { "uint16_t" };
    array(out, c_type(&first), &format!("{name}_block"), &first);
    array(out, c_type(&second), name, &second);
}

fn array(out: &mut String, c_type: &str, name: &str, values: &[u32]) {
    writeln!(out, "const {c_type} {name}[] = {{").unwrap();
    let mut line = String::from("   ");
    for value in values {
        let one = format!(" {value},");
        if line.len() + one.len() > 120 {
            writeln!(out, "{line}").unwrap();
            line = String::from("   ");
        }
        line += &one;
    }
    writeln!(out, "{line}\n}};\n").unwrap();
}

fn main() {
    let all = all_chars();
    let scripts: Vec<&str> = SCRIPTS.split(' ').collect();
    assert_eq!(onig::version(), "6.9.10", "RUSTONIG_SYSTEM_LIBONIG=0 is needed");

    let named = |names: &[&str]| names.iter().map(|n| format!(r"\p{{{n}}}")).collect::<Vec<_>>();
    let category: Vec<u32> = one_of(&all, &named(&CATEGORIES));
    let script: Vec<u32> = one_of(&all, &named(&scripts));
    let standard: Vec<Vec<bool>> = STANDARD.iter().map(|n| ask(&all, &format!("[[:{n}:]]"))).collect();

    // What C does with them: shorthands and unions of categories. Oniguruma asks another table below U+0100 when \w
    // stands alone than when it stands in brackets, and these two differ; it is as old as Latin-1 and not kept here.
    for (i, shorthand) in [(12, r"\w"), (9, r"\s"), (4, r"\d"), (11, r"\h")] {
        let alone = ask(&all, shorthand);
        assert!((0x100..LIMIT).all(|c| alone[c] == standard[i - 1][c]), "{shorthand}");
    }
    for group in ["C", "L", "M", "N", "P", "S", "Z"] {
        let union: Vec<bool> =
            category.iter().map(|&g| g > 0 && CATEGORIES[g as usize - 1].starts_with(group)).collect();
        assert_eq!(union, ask(&all, &format!(r"\p{{{group}}}")), "{group}");
    }

    let mut records: Vec<u32> = vec![];
    let mut by_record = HashMap::new();
    let entry: Vec<u32> = (0..LIMIT)
        .map(|c| {
            if char::from_u32(c as u32).is_none() {
                return 0;
            }
            let bits: u32 = (0..STANDARD.len()).map(|i| (standard[i][c] as u32) << i).sum();
            let record = (category[c] - 1) | script[c].checked_sub(1).expect("a script") << 5 | bits << 13;
            *by_record.entry(record).or_insert_with(|| {
                records.push(record);
                records.len() as u32 - 1
            })
        })
        .collect();
    assert!(scripts.len() <= 256);

    let classes = CLASSES.map(|(_, pattern)| pattern.to_string());
    let class = one_of(&all, &classes);
    for (i, (name, pattern)) in CLASSES.iter().enumerate() {
        let rust = ask_rust(pattern);
        let same = (0..LIMIT).all(|c| char::from_u32(c as u32).is_none() || rust[c] == (class[c] == i as u32 + 1));
        assert!(same, "{name}: Oniguruma and the crate regex differ");
    }
    let scan: Vec<u32> = (0..LIMIT)
        .map(|c| {
            let Some(one) = char::from_u32(c as u32) else { return 0 };
            (class[c] - 1) | (one.is_numeric() as u32) << 3
        })
        .collect();

    let mut out = String::from("/* Generated by tools/unicode/regex: do not edit. */\n");
    out += "#include \"unicode/regex_tables.h\"\n\n";
    let names = |out: &mut String, c_name: &str, list: &[&str]| {
        writeln!(out, "const char *const {c_name}[] = {{").unwrap();
        for row in list.chunks(6) {
            writeln!(out, "    {}", row.iter().map(|n| format!("\"{n}\",")).collect::<Vec<_>>().join(" ")).unwrap();
        }
        writeln!(out, "}};\n").unwrap();
    };
    names(&mut out, "rf__regex_categories", &CATEGORIES);
    names(&mut out, "rf__regex_scripts", &scripts);
    writeln!(out, "const size_t rf__regex_n_scripts = {};\n", scripts.len()).unwrap();
    array(&mut out, "uint32_t", "rf__regex_records", &records);
    two_stage(&mut out, "rf__regex_record_of", &entry);
    two_stage(&mut out, "rf__regex_class_of", &scan);
    two_stage(&mut out, "rf__split_script_of", &split_scripts());
    print!("{}", out.trim_end().to_string() + "\n");
}
