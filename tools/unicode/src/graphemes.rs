//! The class of each code point where a text is split into grapheme clusters. `unicode-segmentation` does not show its
//! tables, so each class is told from how the clusters of small texts come out.

use crate::chars;
use unicode_segmentation::UnicodeSegmentation;

// As in grapheme.h.
const ANY: u32 = 0;
const CR: u32 = 1;
const LF: u32 = 2;
const CONTROL: u32 = 3;
const EXTEND: u32 = 4;
const ZWJ: u32 = 5;
const SPACING_MARK: u32 = 6;
const PREPEND: u32 = 7;
const REGIONAL: u32 = 8;
const L: u32 = 9;
const V: u32 = 10;
const T: u32 = 11;
const LV: u32 = 12;
const LVT: u32 = 13;
const PICTOGRAPHIC: u32 = 14;
const CONSONANT: u32 = 15;
const INDIC_EXTEND: u32 = 16;
const INDIC_LINKER: u32 = 32;

/// Whether the parts stand in one cluster.
fn is_one(parts: &[&str]) -> bool {
    parts.concat().graphemes(true).count() == 1
}

fn class(c: char) -> u32 {
    let s = &c.to_string()[..];
    match c {
        '\r' => return CR,
        '\n' => return LF,
        '\u{200D}' => return ZWJ,
        '\u{1F1E6}'..='\u{1F1FF}' => return REGIONAL,
        _ => (),
    }
    if !is_one(&[s, "\u{300}"]) {
        return CONTROL;
    }
    if is_one(&["a", s]) {
        let is_extend = ["a", s].concat().graphemes(false).count() == 1;
        return if is_extend { EXTEND } else { SPACING_MARK };
    }
    if is_one(&[s, "a"]) {
        return PREPEND;
    }
    if is_one(&[s, "\u{1100}"]) {
        return L;
    }
    if is_one(&["\u{1100}", s]) {
        return match (is_one(&[s, s]), is_one(&[s, "\u{1161}"])) {
            (true, _) => V,
            (_, true) => LV,
            _ => LVT,
        };
    }
    if is_one(&["\u{11A8}", s]) {
        return T;
    }
    if is_one(&["\u{1F600}\u{200D}", s]) {
        return PICTOGRAPHIC;
    }
    if is_one(&["\u{915}\u{94D}", s]) {
        return CONSONANT;
    }
    ANY
}

pub fn classes() -> Vec<u32> {
    let of = |c: char| {
        let s = &c.to_string()[..];
        let class = class(c);
        if class == EXTEND || class == ZWJ || class == SPACING_MARK {
            if is_one(&["\u{915}", s, "\u{915}"]) {
                return class | INDIC_LINKER;
            }
            if is_one(&["\u{915}", s, "\u{94D}\u{915}"]) {
                return class | INDIC_EXTEND;
            }
        }
        class
    };
    assert_eq!(class('\u{1100}'), L);
    assert_eq!(class('\u{AC00}'), LV);
    assert_eq!(class('\u{AC01}'), LVT);
    assert_eq!(class('\u{1161}'), V);
    chars().map(|c| c.map_or(ANY, of)).collect()
}
