//! Writes src/unicode/unicode_tables.c, on standard output:
//!
//!     cd tools/unicode && cargo run --release > ../../src/unicode/unicode_tables.c
//!
//! What a tokenizer.json does to a text is defined by what `tokenizers` does, so the tables are asked from where
//! `tokenizers` asks them, each in the version that its wheel is built with (Cargo.toml), however old:
//!
//!     decomposition, combining class     unicode-normalization-alignments (Unicode 9.0)
//!     categories C*, P*, Mn              unicode_categories (Unicode 8.0)
//!     \w                                 regex-syntax
//!     grapheme clusters                  unicode-segmentation
//!     whitespace, lowercase, alphanumeric  Rust's std
//!
//! Every table has two stages: the first maps the block of a code point (its upper bits) to a block of the second;
//! equal blocks are stored once. The asserts hold what the C code relies on.

mod forms;
mod graphemes;

use std::collections::HashMap;
use std::fmt::Write;
use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::char::{canonical_combining_class, decompose_canonical};

const BLOCK: usize = 128; // code points; RF_UNICODE_SHIFT in unicode.h
const LIMIT: u32 = 0x110000;

// The bits of a property entry, as in unicode.h. The combining class is the upper byte.
const WHITESPACE: u16 = 1;
const OTHER: u16 = 2;
const PUNCTUATION: u16 = 4;
const NONSPACING: u16 = 8;
const WORD: u16 = 16;
const ALPHANUMERIC: u16 = 32;
const HAS_LOWER: u16 = 64;
const HAS_NFD: u16 = 128;

const CAPITAL_I_WITH_DOT: char = '\u{130}';

/// Every code point that is a character; surrogates are `None`.
fn chars() -> impl Iterator<Item = Option<char>> {
    (0..LIMIT).map(char::from_u32)
}

fn is_hangul_syllable(c: char) -> bool {
    ('\u{AC00}'..='\u{D7A3}').contains(&c)
}

fn decomposition(c: char) -> Vec<char> {
    let mut all = vec![];
    decompose_canonical(c, |d| all.push(d));
    all
}

fn lower(c: char) -> char {
    let mut all = c.to_lowercase();
    let first = all.next().unwrap();
    let is_single = all.next().is_none();
    assert!(is_single || (c == CAPITAL_I_WITH_DOT && first == 'i'), "{c:?} has a lowercase of several characters");
    first
}

fn properties(c: char) -> u16 {
    let mut bits = 0;
    let mut set = |bit, yes| bits |= if yes { bit } else { 0 };
    let is_white = c.is_whitespace();
    assert_eq!(is_white, regex_syntax_is_space(c), "{c:?}: two ideas of whitespace");
    set(WHITESPACE, is_white);
    set(OTHER, c.is_other());
    set(PUNCTUATION, c.is_ascii_punctuation() || c.is_punctuation());
    set(NONSPACING, c.is_mark_nonspacing());
    set(WORD, regex_syntax::is_word_character(c));
    set(ALPHANUMERIC, c.is_alphanumeric());
    set(HAS_LOWER, lower(c) != c || c == CAPITAL_I_WITH_DOT);
    set(HAS_NFD, !is_hangul_syllable(c) && decomposition(c) != [c]);
    bits | (canonical_combining_class(c) as u16) << 8
}

/// `\s` of the regex crate, which strips around added tokens.
fn regex_syntax_is_space(c: char) -> bool {
    use regex_syntax::hir::{Class, HirKind};
    thread_local! {
        static SPACE: Vec<(char, char)> = {
            let hir = regex_syntax::parse(r"\s").unwrap();
            let HirKind::Class(Class::Unicode(class)) = hir.kind() else { panic!() };
            class.ranges().iter().map(|r| (r.start(), r.end())).collect()
        };
    }
    SPACE.with(|ranges| ranges.iter().any(|&(a, b)| a <= c && c <= b))
}

fn check_decompositions() {
    let mut longest = 0;
    for c in chars().flatten() {
        let all = decomposition(c);
        longest = longest.max(all.len());
        let classes: Vec<u8> = all.iter().map(|&d| canonical_combining_class(d)).collect();
        // A nonstarter never comes before a starter within one character: a run ends between characters.
        let first_nonstarter = classes.iter().position(|&k| k != 0).unwrap_or(classes.len());
        assert!(classes[first_nonstarter..].iter().all(|&k| k != 0), "{c:?}");
        // Sorting cannot move the second piece of a character in front of the first of the text.
        assert!(classes[first_nonstarter..].windows(2).all(|w| w[0] <= w[1]), "{c:?}");
        // UTF-8 grows at most threefold, lowercase included.
        let bytes: usize = all.iter().flat_map(|d| d.to_lowercase()).map(char::len_utf8).sum();
        assert!(bytes <= 3 * c.len_utf8(), "{c:?}");
    }
    assert!(longest <= 4, "RF_UNICODE_MAX_NFD");
}

struct TwoStage {
    name: &'static str,
    values: Vec<u32>, // one for each code point
    kind: &'static str,
    per_line: usize,
    about: &'static str,
}

fn rows(out: &mut String, values: &[u32], per_line: usize) {
    for line in values.chunks(per_line) {
        let text: Vec<String> = line.iter().map(|v| v.to_string()).collect();
        writeln!(out, "    {},", text.join(", ")).unwrap();
    }
    out.push_str("};\n");
}

/// Appends the two arrays and returns how many bytes they take.
fn write_two_stage(out: &mut String, table: &TwoStage) -> usize {
    let mut seen: HashMap<&[u32], u32> = HashMap::new();
    let (mut first, mut second) = (vec![], vec![]);
    for block in table.values.chunks(BLOCK) {
        let next = seen.len() as u32;
        let index = *seen.entry(block).or_insert_with(|| {
            second.extend_from_slice(block);
            next
        });
        assert!(index < 256, "{}: too many blocks", table.name);
        first.push(index);
    }
    let (name, kind) = (table.name, table.kind);
    writeln!(out, "\n/* {} */", table.about).unwrap();
    writeln!(out, "const uint8_t rf__unicode_{name}_block[{}] = {{", first.len()).unwrap();
    rows(out, &first, 32);
    writeln!(out, "const {kind} rf__unicode_{name}[{}] = {{", second.len()).unwrap();
    rows(out, &second, table.per_line);
    first.len() + second.len() * if kind == "uint16_t" { 2 } else { 1 }
}

/// Position in the pool of the decomposition of each code point, and the pool: [length, code point, …] …
fn decompositions() -> (Vec<u32>, Vec<u32>) {
    let mut pool = vec![0];
    let positions = chars()
        .map(|c| {
            let Some(c) = c else { return 0 };
            let all = decomposition(c);
            if is_hangul_syllable(c) || all == [c] {
                return 0;
            }
            let position = pool.len() as u32;
            assert!(position <= 0xFFFF);
            pool.push(all.len() as u32);
            pool.extend(all.iter().map(|&d| d as u32));
            position
        })
        .collect();
    (positions, pool)
}

/// Which of `deltas` leads from each code point to its lowercase.
fn lowercase() -> (Vec<u32>, Vec<i32>) {
    let mut deltas = vec![0i32];
    let which = chars()
        .map(|c| {
            let Some(c) = c else { return 0 };
            let delta = lower(c) as i32 - c as i32;
            let found = deltas.iter().position(|&d| d == delta).unwrap_or_else(|| {
                deltas.push(delta);
                deltas.len() - 1
            });
            assert!(found < 256);
            found as u32
        })
        .collect();
    (which, deltas)
}

fn main() {
    check_decompositions();
    forms::check();
    let (nfd, mut pool) = decompositions();
    let nfkd = forms::compatible_positions(&mut pool);
    let compositions = forms::compositions();
    let (composed, composed_pool) = forms::composition_positions(&compositions);
    let (lower_index, deltas) = lowercase();
    let properties: Vec<u32> = chars().map(|c| c.map_or(OTHER, properties) as u32).collect();

    let (a, b, c) = unicode_normalization_alignments::UNICODE_VERSION;
    let (p, q, r) = unicode_segmentation::UNICODE_VERSION;
    let (x, y, z) = char::UNICODE_VERSION;
    let mut out = String::new();
    write!(
        out,
        "/*\n * unicode_tables: generated by tools/unicode; do not edit. See unicode_tables.h for the layout.\n *\n\
         \x20*   normal forms, marks (M*)         unicode-normalization-alignments 0.1.12 (Unicode {a}.{b}.{c})\n\
         \x20*   categories C*, P*, Mn            unicode_categories 0.1.1 (Unicode 8.0.0)\n\
         \x20*   \\w                               regex-syntax 0.8.11 (Unicode 16.0.0)\n\
         \x20*   grapheme clusters                unicode-segmentation 1.13.3 (Unicode {p}.{q}.{r})\n\
         \x20*   whitespace, lowercase, alnum     Rust's std (Unicode {x}.{y}.{z})\n */\n\
         #include \"unicode/unicode_tables.h\"\n\n/* clang-format off */\n"
    )
    .unwrap();

    let tables = [
        TwoStage {
            name: "properties",
            values: properties,
            kind: "uint16_t",
            per_line: 24,
            about: "Combining class << 8 | RF_UNICODE_ bits.",
        },
        TwoStage {
            name: "nfd_at",
            values: nfd,
            kind: "uint16_t",
            per_line: 24,
            about: "Where in the pool the canonical decomposition begins; 0 for none.",
        },
        TwoStage {
            name: "nfkd_at",
            values: nfkd,
            kind: "uint16_t",
            per_line: 24,
            about: "The same of the compatibility decomposition; 0 where it is the canonical one.",
        },
        TwoStage {
            name: "composed_at",
            values: composed,
            kind: "uint16_t",
            per_line: 24,
            about: "Where in their pool the compositions with this first character begin; 0 for none.",
        },
        TwoStage {
            name: "forms",
            values: forms::flags(&compositions),
            kind: "uint8_t",
            per_line: 32,
            about: "RF_UNICODE_FORM_ bits.",
        },
        TwoStage {
            name: "grapheme",
            values: graphemes::classes(),
            kind: "uint8_t",
            per_line: 32,
            about: "RF_GRAPHEME_ class and bits.",
        },
        TwoStage {
            name: "lower_index",
            values: lower_index,
            kind: "uint8_t",
            per_line: 32,
            about: "Which delta leads to the lowercase; 0 for none.",
        },
    ];
    let mut bytes = (pool.len() + composed_pool.len() + deltas.len()) * 4;
    for table in &tables {
        bytes += write_two_stage(&mut out, table);
    }
    out.push_str("\n/* Number of code points, then the code points, of each full decomposition. */\n");
    writeln!(out, "const uint32_t rf__unicode_nfd_pool[{}] = {{", pool.len()).unwrap();
    rows(&mut out, &pool, 20);
    out.push_str("\n/* Number of compositions, then the second character and the composite of each. */\n");
    writeln!(out, "const uint32_t rf__unicode_composed_pool[{}] = {{", composed_pool.len()).unwrap();
    rows(&mut out, &composed_pool, 20);
    writeln!(out, "const int32_t rf__unicode_lower_delta[{}] = {{", deltas.len()).unwrap();
    for line in deltas.chunks(16) {
        let text: Vec<String> = line.iter().map(|v| v.to_string()).collect();
        writeln!(out, "    {},", text.join(", ")).unwrap();
    }
    out.push_str("};\n");
    print!("{out}");
    eprintln!("{bytes} bytes of tables");
}
