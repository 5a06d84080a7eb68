/*
 * stages: what the stages of a tokenizer.json are to the pipeline (encode.c), and the carriers between them.
 *
 *     text ─ normalizers ─ text_buf ─ pretokenizers ─ pieces ─ model ─ tokens ─ layout ─ encoding
 *
 * A kind of a stage is a file with a const struct of functions and a line in the table of its stage (normalizer.c,
 * pretokenizer.c, model.c, decoder.c). A stage of several kinds ("Sequence") is flat: a chain. Everything here is
 * immutable once read; what a call needs is in the scratch that it is given.
 */
#ifndef RF_TOKENIZER_STAGES_H
#define RF_TOKENIZER_STAGES_H

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "tokenizer/text.h"
#include "tokenizer/vocabulary.h"
#include "unicode/unicode.h"

#define RF_MAX_CHAIN 32 /* kinds in one Sequence, however nested */

/* Where a stage's description lies in its file, for the messages. */
struct stage_source {
    const struct json *json;
    yyjson_val *value; /* the object with "type" */
};

/* The "type" of a description; RF_BAD_FORMAT when it has none. `stage` is its name in the file, such as "normalizer".
 */
rf_status rf__stage_type(const struct stage_source *source, const char *stage, const char **type, rf_error *err);
/* RF_UNSUPPORTED: "PATH: unsupported: STAGE 'TYPE'", and what to do. */
rf_status rf__fail_stage(const struct json *json, const char *stage, const char *type, rf_error *err);

/* "pattern": {"String": "…"} or {"Regex": "…"} and nothing else, or RF_BAD_FORMAT. *out is borrowed. */
rf_status rf__stage_pattern(const struct stage_source *source, const char *stage, const char *type, rf_text *out,
                            bool *is_regex, rf_error *err);

/* Calls `read` for each description in a Sequence's array `key`, nested ones included, or for the one that is no
 * Sequence. Null and missing descriptions are none. */
typedef rf_status (*rf_stage_reader)(void *chain, const struct stage_source *source, const char *type, rf_error *err);
rf_status rf__stage_each(const struct stage_source *source, const char *stage, const char *key, rf_stage_reader read,
                         void *chain, rf_error *err);

/* Another number for each call in one process, never 0, by which a stage knows its own memory in a scratch. */
uint64_t rf__stage_serial(void);

/* ---- Parts of a text ---------------------------------------------------------------------------------------- */

/* text[from, to), what a stage is given at a time of a segment, the plain text between two added tokens. A part begins
 * and ends between characters. */
struct text_part {
    const struct text *text;
    size_t from, to;
    bool is_begin, is_end; /* the segment begins, ends with it */
};

/* ---- Normalizers -------------------------------------------------------------------------------------------- */

/* What one kind of a chain gave, and the next one has not read yet. */
struct normalize_queue {
    struct text_buf text;
    size_t seen;    /* the next kind cannot cut it before */
    bool has_begun; /* the next kind has read some of the segment */
};

/* What searches for a regular expression in the texts of one thread. */
struct normalize_finder {
    uint64_t owner; /* rf__stage_serial() of the normalizer; 0: none */
    struct regex_finder *finder;
};
#define RF_NORMALIZE_FINDERS 4 /* kept; no known tokenizer has more */

/* Working memory of normalizers. It is kept from one text to the next, with its finders; counts and budget are of one
 * text (rf__normalize_begin_text()), what waits in the queues is of one segment. Zero-initialise before first use. */
struct normalize_scratch {
    struct normalize_queue queues[RF_MAX_CHAIN];
    size_t n_read, n_written[RF_MAX_CHAIN]; /* bytes of a text so far, by each kind */
    size_t segment;                         /* the byte of the caller's text where it begins */
    struct text_buf repaired;               /* the text made well-formed */
    struct nfd_piece *pieces;               /* [2 * cap]: a run of nonstarters, and room to sort it */
    struct text_char *origins;              /* [cap]: the characters that they come from */
    size_t cap;
    struct regex_budget regex_budget; /* of the text */
    struct normalize_finder finders[RF_NORMALIZE_FINDERS];
    size_t oldest_finder;
};
void rf__normalize_scratch_release(struct normalize_scratch *scratch);
void rf__normalize_begin_text(struct normalize_scratch *scratch); /* another text comes */
/* Room for `n` pieces and origins; those that are there stay. */
rf_status rf__normalize_reserve_pieces(struct normalize_scratch *scratch, size_t n, rf_error *err);

struct normalizer;
struct normalizer_ops {
    /* Appends the normal form of the part to `out`. The part is not empty. */
    rf_status (*apply)(const struct normalizer *self, const struct text_part *in, struct text_buf *out,
                       struct normalize_scratch *scratch, rf_error *err);
    /* Whether a part, which may go on behind what is seen of it, can be cut between two neighbouring characters of it:
     * both sides, given one after the other, give what the whole gives. NULL: never. */
    bool (*can_cut)(const struct normalizer *self, const struct text_part *in, uint32_t before, uint32_t after);
    void (*free)(struct normalizer *self);
};
struct normalizer {
    const struct normalizer_ops *ops;
    const char *type;      /* for messages; NULL: it has no name in a file */
    bool lowers;           /* is Lowercase */
    bool reads_ill_formed; /* apply() takes what is ill-formed, as U+FFFD; for the others it is replaced before */
};

/* In the order of application; none: the text as it is, made well-formed. */
struct normalizers {
    struct normalizer *items[RF_MAX_CHAIN];
    size_t n;
};
rf_status rf__normalizers_read(struct normalizers *chain, const struct stage_source *source, rf_error *err);
/* Puts Lowercase in front, unless it is in the chain already: sentence_bert_config.json's do_lower_case. */
rf_status rf__normalizers_lower_first(struct normalizers *chain, rf_error *err);
/* Takes the normalizer over, also when it fails. */
rf_status rf__normalizers_add(struct normalizers *chain, struct normalizer *normalizer, rf_error *err);
void rf__normalizers_release(struct normalizers *chain);

/* Appends the normal form of a part to `out`, as far as it is known: the parts of a segment come in order, and what
 * depends on the next one waits in `scratch`. All has come after the part that ends the segment. RF_UNSUPPORTED where
 * the text becomes longer than rf__text_ceiling(). */
rf_status rf__normalize(const struct normalizers *chain, const struct text_part *in, struct text_buf *out,
                        struct normalize_scratch *scratch, rf_error *err);
/* The last position in [low, in->to), where low > in->from, where a part, which may go on behind in->to, can be cut
 * without a difference; 0 when there is none. */
size_t rf__normalize_cut(const struct normalizers *chain, const struct text_part *in, size_t low);

/* Normalizers that take each character alone, wherever it stands. NULL when out of memory. */
struct normalizer *rf__lowercase_normalizer_new(void);
struct normalizer *rf__nmt_normalizer_new(void);
struct normalizer *rf__strip_accents_normalizer_new(void);
struct normalizer *rf__byte_level_normalizer_new(void);

/* White space at the ends of a segment goes; something comes in front. NULL when out of memory. */
struct normalizer *rf__strip_normalizer_new(bool left, bool right);
struct normalizer *rf__prepend_normalizer_new(const char *text, size_t len);

enum normal_form { RF_FORM_NFD, RF_FORM_NFC, RF_FORM_NFKD, RF_FORM_NFKC };
struct normalizer *rf__form_normalizer_new(enum normal_form form); /* NULL when out of memory */

rf_status rf__replace_normalizer_read(const struct stage_source *source, struct normalizer **out, rf_error *err);
rf_status rf__precompiled_normalizer_read(const struct stage_source *source, struct normalizer **out, rf_error *err);

struct bert_normalizer_flags {
    bool clean_text, handle_chinese_chars, strip_accents, lowercase;
};
struct normalizer *rf__bert_normalizer_new(struct bert_normalizer_flags flags); /* NULL when out of memory */

/* ---- Pre-tokenizers ----------------------------------------------------------------------------------------- */

struct span {
    size_t begin, end;
};

/* Parts of a text that the model sees one at a time: in order, not empty, not overlapping. */
struct pieces {
    const struct text *text;
    struct span *items;
    size_t n, cap;
    bool is_begin;       /* the first piece is the beginning of what it was split from; false: the rest of it */
    struct text_buf own; /* where a kind that changes the text writes it; `text` points here then */
    struct regex_budget *regex_budget; /* of the text; NULL: each search has its own */
};
rf_status rf__pieces_reserve(struct pieces *pieces, size_t more, rf_error *err);
void rf__pieces_release(struct pieces *pieces);

struct pretokenizer;
struct pretokenizer_ops {
    /* Splits each piece of `in` further, into `out`, which comes empty. A kind that changes the text writes it to
     * out->own, which comes empty too, and lets out->text point there. */
    rf_status (*split)(const struct pretokenizer *self, const struct pieces *in, struct pieces *out, rf_error *err);
    /* The last position in (from, to] of which is known, from text[from, to) alone, that whatever follows, no piece
     * lies across it and the pieces before it stay as they are; 0 when there is none. NULL: always 0. */
    size_t (*settled)(const struct pretokenizer *self, const struct text *text, size_t from, size_t to);
    /* Whether splitting what lies before `at` and what lies behind it apart gives the same pieces, but for a border at
     * `at`. There is text on both sides. NULL: never. */
    bool (*can_cut)(const struct pretokenizer *self, const struct text *text, size_t at);
    void (*free)(struct pretokenizer *self);
};
struct pretokenizer {
    const struct pretokenizer_ops *ops;
    const char *type;  /* for messages; NULL: it has no name in a file */
    bool changes_text; /* its pieces may hold another text than it was given; without maps_bytes */
    bool adds_prefix;  /* so far as it writes something in front of a piece */
    bool maps_bytes;   /* ByteLevel: writes each byte as a printable character. Once it is set to false (model_ops'
                        * use_bytes) the pieces are slices of the text itself, and nothing is copied. */
};

/* In the order of application; none: one piece. */
struct pretokenizers {
    struct pretokenizer *items[RF_MAX_CHAIN];
    size_t n;
};
rf_status rf__pretokenizers_read(struct pretokenizers *chain, const struct stage_source *source, rf_error *err);
/* Takes the pre-tokenizer over, also when it fails. */
rf_status rf__pretokenizers_add(struct pretokenizers *chain, struct pretokenizer *pretokenizer, rf_error *err);
void rf__pretokenizers_release(struct pretokenizers *chain);

/* Splits a part. The pieces come in one of the two lists, *out. */
rf_status rf__pretokenize(const struct pretokenizers *chain, const struct text_part *in, struct pieces lists[2],
                          struct pieces **out, rf_error *err);
size_t rf__pretokenize_settled(const struct pretokenizers *chain, const struct text *text, size_t from, size_t to);

struct pretokenizer *rf__bert_pretokenizer_new(void); /* NULL when out of memory */

/* The kinds of a tokenizer.json, each in its own file but for those that come down to single characters. */
typedef rf_status (*rf_pretokenizer_reader)(const struct stage_source *source, struct pretokenizer **out,
                                            rf_error *err);
rf_status rf__byte_level_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out, rf_error *err);
rf_status rf__char_delimiter_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out,
                                               rf_error *err);
rf_status rf__digits_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out, rf_error *err);
rf_status rf__fixed_length_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out,
                                             rf_error *err);
rf_status rf__metaspace_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out, rf_error *err);
rf_status rf__punctuation_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out,
                                            rf_error *err);
rf_status rf__split_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out, rf_error *err);
rf_status rf__unicode_scripts_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out,
                                                rf_error *err);
rf_status rf__whitespace_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out, rf_error *err);
rf_status rf__whitespace_split_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out,
                                                 rf_error *err);

/* Splits as a tiktoken encoding does: the pieces are the matches of its pattern. RF_UNSUPPORTED for a pattern that
 * means something else to our engine than to tiktoken's. */
rf_status rf__tiktoken_pretokenizer_new(const char *pattern, size_t len, struct pretokenizer **out, rf_error *err);

/* ---- Model -------------------------------------------------------------------------------------------------- */

/* What the model gives. Positions are of the text of the pieces; the pipeline turns them into the caller's. */
struct tokens {
    uint32_t *ids;
    uint32_t *words; /* which piece of the text, counted from 0; added tokens are pieces too */
    size_t *begin, *end;
    size_t n, cap;
};
rf_status rf__tokens_reserve(struct tokens *tokens, size_t more, rf_error *err);
void rf__tokens_release(struct tokens *tokens);

/* One more token, for which there is room. */
static inline void rf__tokens_put(struct tokens *tokens, uint32_t id, uint32_t word, size_t begin, size_t end)
{
    size_t n = tokens->n++;

    assert(n < tokens->cap);
    tokens->ids[n] = id;
    tokens->words[n] = word;
    tokens->begin[n] = begin;
    tokens->end[n] = end;
}

/* One more token. */
static inline rf_status rf__tokens_push(struct tokens *tokens, uint32_t id, uint32_t word, size_t begin, size_t end,
                                        rf_error *err)
{
    rf_status status = tokens->n == tokens->cap ? rf__tokens_reserve(tokens, 1, err) : RF_OK;

    if (status == RF_OK)
        rf__tokens_put(tokens, id, word, begin, end);
    return status;
}

/* Working memory that a model keeps from one call to the next, such as a cache of words. Zero-initialise before first
 * use. It may come from another model: a model that uses it compares `owner` with its own number and begins anew where
 * they differ. */
struct model_scratch {
    uint64_t owner; /* rf__stage_serial(); 0: none */
    void *memory;
    void (*free)(void *memory);
    size_t n_bytes; /* of it that grow with a word */
};
void rf__model_scratch_release(struct model_scratch *scratch);

struct model;
struct model_ops {
    const char *type; /* "WordPiece" …, as tokenizer.json calls it */
    /* Appends the tokens of the pieces, the first of which is word number `first_word`; stops after the piece with
     * which `out` has `limit` tokens or more. */
    rf_status (*tokenize)(const struct model *self, const struct pieces *pieces, size_t limit, uint32_t first_word,
                          struct model_scratch *scratch, struct tokens *out, rf_error *err);
    /* Where there is no pre-tokenizer: the last position in (from, to] of which is known, from text[from, to) alone,
     * that what comes before it and what comes from it on have the tokens that they have together; 0 when there is
     * none. NULL: always 0. */
    size_t (*settled)(const struct model *self, const struct text *text, size_t from, size_t to);
    /* Asked once, before the first text, where ByteLevel is the last pre-tokenizer and no other maps bytes: true when
     * from now on pieces hold the bytes themselves instead of the printable characters that stand for them. A token may
     * then begin or end within a character; what is told of it, as everywhere, is whole characters. NULL: no. */
    bool (*use_bytes)(struct model *self);
    /* Called once, after that and before the first text: makes what depends on it. NULL: nothing. */
    rf_status (*prepare)(struct model *self, rf_error *err);
    /* Whether tokens of this id are shown as the text that they stand for instead of the id's piece, so that this is
     * trimmed. NULL: none is. */
    bool (*is_text)(const struct model *self, uint32_t id);
    void (*free)(struct model *self);
};
struct model {
    const struct model_ops *ops;
    struct vocabulary vocabulary;
    const char *note; /* a warning about what is done otherwise than the file asks; NULL: none */
};
rf_status rf__bpe_read(const struct stage_source *source, struct model **out, rf_error *err);

rf_status rf__model_read(const struct stage_source *source, struct model **out, rf_error *err);
void rf__model_free(struct model *model); /* NULL is fine */

struct wordpiece_settings {
    const char *unk_token;
    size_t unk_token_len;
    const char *prefix; /* of pieces that continue a word */
    size_t prefix_len;
    size_t max_chars; /* a longer word is unknown */
    const char *name; /* of the file, for messages */
};
/* Takes the vocabulary, finished, over, also when it fails. */
rf_status rf__wordpiece_new(struct vocabulary *vocabulary, const struct wordpiece_settings *settings,
                            struct model **out, rf_error *err);
rf_status rf__wordpiece_read(const struct stage_source *source, struct model **out, rf_error *err);

rf_status rf__unigram_read(const struct stage_source *source, struct model **out, rf_error *err);
rf_status rf__wordlevel_read(const struct stage_source *source, struct model **out, rf_error *err);

/* A 'vocab' that is an object of ids, of the kinds that have one. */
rf_status rf__vocabulary_read(const struct stage_source *source, struct vocabulary *out, rf_error *err);
/* Any such object; `what` is its name in messages. */
rf_status rf__vocabulary_read_object(const struct json *json, const char *what, yyjson_val *pieces,
                                     struct vocabulary *out, rf_error *err);

/* ---- Post-processor ----------------------------------------------------------------------------------------- */

/* What a post-processor makes of one or two texts: every chain of kinds comes down to a list. */
struct layout_item {
    enum { LAYOUT_FIRST, LAYOUT_SECOND, LAYOUT_SPECIAL } kind;
    uint32_t type_id;
    int8_t text;               /* 0, 1: the text, or the one that the special token was put around; -1: none */
    uint32_t overflow_type_id; /* where a piece of that text's overflow stands in its place */
    uint32_t id;               /* of LAYOUT_SPECIAL */
    bool is_special;           /* in the mask */
    /* Trimmings of a text's offsets, one behind the other. Of the n-th, bit n says: */
    uint8_t n_trims;
    uint32_t trim_is_front; /* no special token stood before the text */
    uint32_t trim_keeps;    /* a single space in front, which was put there, is kept (add_prefix_space) */
};
struct layout {
    struct layout_item *items;
    size_t n;
};
struct postprocessor {
    struct layout layouts[2][2]; /* [is a pair][with special tokens] */
    uint32_t n_added[2];         /* [is a pair]: what the special tokens take of a limit */
    bool trims;                  /* some item has n_trims > 0 */
};
/* Without a description: the texts one behind the other, types 0 and 1. */
rf_status rf__postprocessor_read(struct postprocessor *processor, const struct stage_source *source, rf_error *err);
/* As BERT has it: [CLS] A [SEP], [CLS] A [SEP] B [SEP]. */
rf_status rf__postprocessor_bert(struct postprocessor *processor, uint32_t cls, uint32_t sep, rf_error *err);
/* As RoBERTa has it: <s> A </s>, <s> A </s></s> B </s>. */
rf_status rf__postprocessor_roberta(struct postprocessor *processor, uint32_t cls, uint32_t sep, rf_error *err);
void rf__postprocessor_release(struct postprocessor *processor);

/* ---- Decoder ------------------------------------------------------------------------------------------------ */

/* Strings end to end. Where a text comes in several lists, as when it is streamed, a string may as well. */
struct strings {
    struct buf bytes;
    size_t *end; /* [n]: one behind the last byte of each */
    size_t n, cap;
    size_t max;     /* the most bytes that they may have; 0: no limit */
    bool continues; /* the first string is the rest of the last one of the list before */
    bool is_open;   /* the last string goes on in the next list */
};
void rf__strings_init(struct strings *strings);
void rf__strings_release(struct strings *strings);
void rf__strings_clear(struct strings *strings);
rf_status rf__strings_append(struct strings *strings, const char *data, size_t len, rf_error *err);
/* Makes the last string longer. */
rf_status rf__strings_extend(struct strings *strings, const char *data, size_t len, rf_error *err);

/* What a decoder keeps from one list of a text to the next. */
struct decode_state {
    size_t n_seen;   /* strings that came before, the open one not counted */
    size_t count;    /* of the kind's choosing, 0 at first; so is what is held */
    struct buf held; /* what waits for what comes */
    struct buf open; /* of a kind that takes whole strings: the one that is not whole yet */
    void *memory;    /* of the kind's choosing, NULL at first */
    void (*free)(void *memory);
};
void rf__decode_state_init(struct decode_state *state);
void rf__decode_state_release(struct decode_state *state);

struct decoder;
struct decoder_ops {
    /* Turns strings of a text into others, behind what `out` has, which is nothing; those of the last kind, joined, are
     * the text. `is_end`: the text ends with these; what was held is to be given out. */
    rf_status (*decode)(const struct decoder *self, struct decode_state *state, const struct strings *in, bool is_end,
                        struct strings *out, rf_error *err);
    void (*free)(struct decoder *self);
};
struct decoder {
    const struct decoder_ops *ops;
    const char *type; /* for messages */
    bool takes_parts; /* false: is given whole strings only */
};

/* In the order of application; none: the pieces with a space between them. */
struct decoders {
    struct decoder *items[RF_MAX_CHAIN];
    size_t n;
};
rf_status rf__decoders_read(struct decoders *chain, const struct stage_source *source, rf_error *err);
rf_status rf__decoders_add(struct decoders *chain, struct decoder *decoder, rf_error *err); /* takes it over always */
void rf__decoders_release(struct decoders *chain);

struct decoder *rf__wordpiece_decoder_new(const char *prefix, size_t prefix_len, bool cleanup); /* NULL: no memory */

#endif
