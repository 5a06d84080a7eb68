//! What NFC, NFD, NFKC and NFKD need: which characters they can leave alone, compatibility decompositions, compositions.

use crate::{chars, decomposition, is_hangul_syllable};
use std::collections::{BTreeMap, BTreeSet};
use unicode_normalization_alignments::char::{
    canonical_combining_class, compose, decompose_compatible, is_combining_mark,
};
use unicode_normalization_alignments::UnicodeNormalization;

// The bits of a form entry, as in unicode.h.
const NFD_STOP: u32 = 1;
const NFC_STOP: u32 = 2;
const NFKD_STOP: u32 = 4;
const NFKC_STOP: u32 = 8;
const NONSTARTER: u32 = 16;
const JOINS: u32 = 32;
const JOINS_COMPATIBLE: u32 = 64;
const MARK: u32 = 128;

const MAX_NFKD: usize = 18;

pub fn compatible(c: char) -> Vec<char> {
    let mut all = vec![];
    decompose_compatible(c, |d| all.push(d));
    all
}

/// [first, second] -> composite, Hangul left out: it is computed.
pub fn compositions() -> BTreeMap<(char, char), char> {
    // Whatever is in a decomposition behind its first character can be a second.
    let seconds: BTreeSet<char> = chars().flatten().flat_map(|c| decomposition(c).into_iter().skip(1)).collect();
    let mut all = BTreeMap::new();
    for a in chars().flatten() {
        for &b in &seconds {
            if let Some(c) = compose(a, b) {
                if !is_hangul_syllable(c) {
                    all.insert((a, b), c);
                }
            }
        }
    }
    all
}

fn is_jamo_behind(c: char) -> bool {
    ('\u{1161}'..='\u{1175}').contains(&c) || ('\u{11A8}'..='\u{11C2}').contains(&c)
}

/// The form entry of each code point.
pub fn flags(compositions: &BTreeMap<(char, char), char>) -> Vec<u32> {
    let seconds: BTreeSet<char> = compositions.keys().map(|k| k.1).collect();
    let joins = |c: char| canonical_combining_class(c) != 0 || seconds.contains(&c) || is_jamo_behind(c);
    let of = |c: char| {
        let s = c.to_string();
        let is_same = |form: Vec<(char, isize)>| form.len() == 1 && form[0].0 == c;
        let composes_behind = seconds.contains(&c) || is_jamo_behind(c);
        let mut bits = 0;
        let mut set = |bit, yes| bits |= if yes { bit } else { 0 };
        set(NFD_STOP, !is_same(s.nfd().collect()));
        set(NFKD_STOP, !is_same(s.nfkd().collect()));
        set(NFC_STOP, !is_same(s.nfc().collect()) || composes_behind);
        set(NFKC_STOP, !is_same(s.nfkc().collect()) || composes_behind);
        set(NONSTARTER, canonical_combining_class(c) != 0);
        set(JOINS, joins(decomposition(c)[0]));
        set(JOINS_COMPATIBLE, joins(decomposition(c)[0]) || joins(compatible(c)[0]));
        set(MARK, is_combining_mark(c));
        bits
    };
    chars().map(|c| c.map_or(0, of)).collect()
}

/// What the C code relies on.
pub fn check() {
    for c in chars().flatten() {
        let all = compatible(c);
        assert!(all.len() <= MAX_NFKD, "RF_UNICODE_MAX_NFKD");
        let classes: Vec<u8> = all.iter().map(|&d| canonical_combining_class(d)).collect();
        // Within one character, runs of nonstarters are in order, and so is a nonstarter in front: the first piece of
        // a character stays in front of its others.
        assert!(classes.windows(2).all(|w| w[1] == 0 || w[0] <= w[1]), "{c:?}");
        assert!(classes[0] == 0 || classes.iter().all(|&k| k != 0), "{c:?}");
        // UTF-8 grows at most elevenfold (U+FDFA).
        assert!(all.iter().map(|d| d.len_utf8()).sum::<usize>() <= 11 * c.len_utf8(), "{c:?}");
    }
    for c in '\0'..='\x7f' {
        assert!(compatible(c) == [c] && canonical_combining_class(c) == 0);
    }
}

/// Position in the pool of the compatibility decomposition of each code point, 0 where it is the canonical one; behind
/// what the pool has.
pub fn compatible_positions(pool: &mut Vec<u32>) -> Vec<u32> {
    chars()
        .map(|c| {
            let Some(c) = c else { return 0 };
            let all = compatible(c);
            if all == decomposition(c) {
                return 0;
            }
            let mut entry = vec![all.len() as u32];
            entry.extend(all.iter().map(|&d| d as u32));
            // Entries are short and often the same: <font> variants of one letter.
            let position = pool.windows(entry.len()).position(|w| w == entry).unwrap_or_else(|| {
                pool.extend(&entry);
                pool.len() - entry.len()
            });
            assert!(position > 0 && position <= 0xFFFF);
            position as u32
        })
        .collect()
}

/// Position in the pool of the compositions that begin with each code point, 0 for none, and the pool:
/// [number, (second, composite) …] …, in the order of the second.
pub fn composition_positions(compositions: &BTreeMap<(char, char), char>) -> (Vec<u32>, Vec<u32>) {
    let mut by_first: BTreeMap<char, Vec<u32>> = BTreeMap::new();
    for (&(a, b), &c) in compositions {
        by_first.entry(a).or_default().extend([b as u32, c as u32]);
    }
    let mut pool = vec![0];
    let positions = chars()
        .map(|c| {
            let Some(pairs) = c.and_then(|c| by_first.get(&c)) else { return 0 };
            let position = pool.len() as u32;
            pool.push(pairs.len() as u32 / 2);
            pool.extend(pairs);
            position
        })
        .collect();
    (positions, pool)
}
