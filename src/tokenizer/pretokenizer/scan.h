/*
 * scan: the patterns that nearly every byte-level tokenizer splits with, each as a function instead of a program for
 * the engine of unicode/regex.h, of which they give exactly the matches (a test holds the two against each other). Time
 * is linear in the text whatever it is.
 */
#ifndef RF_TOKENIZER_SCAN_H
#define RF_TOKENIZER_SCAN_H

#include "tokenizer/stages.h"

/* The language of a pattern: the same characters can mean different things. */
enum pattern_dialect {
    PATTERN_ONIGURUMA, /* of a tokenizer.json */
    PATTERN_TIKTOKEN   /* of tiktoken: the Rust crate fancy-regex */
};

/* One of the patterns. */
struct scanner {
    /* Where the match ends that begins at s[at], at < end; `at` when none begins there. There is nothing behind s[end).
     */
    size_t (*match)(const struct scanner *self, const uint8_t *s, size_t at, size_t end);
    /* The first position at or behind s[at] where a match may begin; `end` when there is none. NULL: s[at] itself. */
    size_t (*skip)(const struct scanner *self, const uint8_t *s, size_t at, size_t end);
    bool is_whole;         /* a match begins wherever another one ends, so all of a text is matches */
    bool is_settled_local; /* whether a border is certain shows in the two characters beside it: rf__scan_settled() */
    uint8_t max_run;       /* of digits, or of whatever is matched; 0: any number */
    bool ends_with_slash;  /* newlines and slashes belong to the symbols in front of them; false: newlines alone */
    bool has_contractions; /* 's, 't, 're … */
    bool takes_last_space; /* whitespace at the end of a text is one match, newlines or not */
    unsigned classes;      /* 1 << enum regex_class: what a simple run is of */
};

/* NULL when the pattern is none of them. */
const struct scanner *rf__scanner_find(const char *pattern, size_t len, enum pattern_dialect dialect);

/* Appends the matches in a piece of a text, for a scanner that is_whole. */
rf_status rf__scan_whole(const struct scanner *scanner, const char *text, struct span piece, struct pieces *out,
                         rf_error *err);

/* GPT-2's, of ByteLevel. As if a space stood in front of s[at]: */
extern const struct scanner rf__gpt2_scanner;
size_t rf__gpt2_match_spaced(const uint8_t *s, size_t at, size_t end);

/* As pretokenizer_ops' settled, for a scanner that is_settled_local. */
size_t rf__scan_settled(const struct text *text, size_t from, size_t to);

#endif
