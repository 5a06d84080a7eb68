/*
 * bpe: the BPE model's way from the pieces of a text to tokens. What a word becomes is kept in a cache: words come
 * again and again. Longer words, and those of many tokens, are merged each time.
 */
#include "tokenizer/model/bpe.h"

#include "base/mem.h"
#include "tokenizer/model/word_cache.h"

#define AHEAD     16   /* pieces whose places are fetched at once */
#define CUTS_CHAR 0x80 /* in a cached word's n: some token begins or ends inside a character */

struct memory {
    struct bpe_word word;
    struct word_cache cache;
};

static void memory_free(void *memory)
{
    struct memory *m = memory;

    rf__bpe_word_release(&m->word);
    rf__word_cache_release(&m->cache);
    rf__free(m);
}

/* The model's own memory. */
static struct memory *memory_of(const struct bpe *bpe, struct model_scratch *scratch)
{
    struct memory *memory;

    if (scratch->owner == bpe->serial)
        return scratch->memory;
    rf__model_scratch_release(scratch);
    memory = rf__calloc(1, sizeof *memory);
    if (memory == NULL)
        return NULL;
    if (rf__word_cache_init(&memory->cache, NULL) != RF_OK) {
        memory_free(memory);
        return NULL;
    }
    *scratch = (struct model_scratch){bpe->serial, memory, memory_free};
    return memory;
}

/* ---- Tokens ------------------------------------------------------------------------------------------------- */

/* A word that is being tokenized: a piece, or a part of one. */
struct job {
    const struct bpe *bpe;
    const char *text; /* positions of the span are of this */
    struct span span;
    uint32_t number;
    struct memory *memory;
    struct tokens *out;
};

static inline void put(const struct job *job, uint32_t id, size_t begin, size_t end)
{
    struct tokens *out = job->out;

    out->ids[out->n] = id;
    out->words[out->n] = job->number;
    out->begin[out->n] = begin;
    out->end[out->n++] = end;
}

static inline bool is_inside_char(const char *text, size_t at)
{
    return ((uint8_t)text[at] & 0xC0) == 0x80;
}

/* The tokens from number `first` on get positions between characters: a token that begins or ends inside one has it
 * whole. Such come of bytes, of characters that are left out - what follows then moves forward - and of bytes of a
 * prefix or suffix, with which the last ones end behind the word. True when something was to be done. */
static bool widen(const struct job *job, size_t first)
{
    const char *text = job->text;
    struct tokens *out = job->out;
    bool is_cut = false;

    for (size_t i = first; i < out->n; i++) {
        size_t begin = out->begin[i], end = out->end[i];
        if (end > job->span.end)
            end = job->span.end;
        if (begin > end)
            begin = end;
        while (begin > job->span.begin && begin < job->span.end && is_inside_char(text, begin))
            begin--;
        while (end < job->span.end && is_inside_char(text, end))
            end++;
        is_cut |= begin != out->begin[i] || end != out->end[i];
        out->begin[i] = begin;
        out->end[i] = end;
    }
    return is_cut;
}

static rf_status merge(const struct job *job, rf_error *err)
{
    const char *bytes = job->text + job->span.begin;
    size_t len = job->span.end - job->span.begin, begin = job->span.begin;
    struct bpe_word *word = &job->memory->word;

    for (size_t at = 0; at < len;) {
        rf_status status = rf__bpe_merge_part(job->bpe, bytes, len, at, word, &at, err);
        if (status == RF_OK)
            status = rf__tokens_reserve(job->out, word->n, err);
        if (status != RF_OK)
            return status;
        for (size_t i = 0; i < word->n; begin += word->symbols[i++].len)
            put(job, word->symbols[i].id, begin, begin + word->symbols[i].len);
    }
    return RF_OK;
}

/* With ignore_merges: whether the word is a piece. */
static bool find_whole(const struct bpe *bpe, const char *word, size_t len, uint32_t *id)
{
    const struct vocabulary *words = bpe->bytes != NULL ? &bpe->bytes->words : &bpe->base.vocabulary;
    const char *record;

    if (!bpe->ignore_merges || words->n_pieces == 0 || len > bpe->max_len)
        return false;
    record = rf__string_table_find(&words->table, words->pool, 0, word, len);
    if (record != NULL)
        *id = rf__record_id(record);
    return record != NULL;
}

/* Tokenizes a word of which the cache knows nothing. Positions are not widened yet. */
static rf_status tokenize_new(const struct job *job, rf_error *err)
{
    size_t len = job->span.end - job->span.begin;
    uint32_t id;
    rf_status status;

    if (!find_whole(job->bpe, job->text + job->span.begin, len, &id))
        return merge(job, err);
    status = rf__tokens_reserve(job->out, 1, err);
    if (status == RF_OK)
        put(job, id, job->span.begin, job->span.end);
    return status;
}

/* ---- The cache ---------------------------------------------------------------------------------------------- */

/* Keeps the tokens from number `first` on, if they fit; NULL when they don't. */
static struct cached_word *keep(const struct job *job, struct cached_word *entry, size_t first)
{
    const struct tokens *out = job->out;
    size_t n = out->n - first, len = job->span.end - job->span.begin;

    if (n > RF_CACHED_TOKENS || (n > 0 && out->end[out->n - 1] - job->span.begin > UINT8_MAX))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        entry->ends[i] = (uint8_t)(out->end[first + i] - job->span.begin);
        entry->ids[i] = out->ids[first + i];
    }
    job->memory->cache.n_new++;
    entry->n = (uint8_t)n;
    entry->len = (uint8_t)len;
    memcpy(entry->bytes, job->text + job->span.begin, len);
    return entry;
}

/* `entry` is the word's place in the cache; NULL: it has none. */
static rf_status tokenize_and_keep(const struct job *job, struct cached_word *entry, rf_error *err)
{
    size_t first = job->out->n;
    rf_status status = tokenize_new(job, err);

    if (status != RF_OK)
        return status;
    if (entry != NULL)
        entry = keep(job, entry, first);
    if (widen(job, first) && entry != NULL)
        entry->n |= CUTS_CHAR;
    return RF_OK;
}

/* NULL for a long word. */
static inline struct cached_word *place_of(const struct job *job, struct span span)
{
    size_t len = span.end - span.begin;

    return len > RF_CACHED_BYTES ? NULL : rf__word_cache_place(&job->memory->cache, job->text + span.begin, len);
}

/* `entry` is the word's place. */
static inline rf_status tokenize_word(const struct job *job, struct cached_word *entry, rf_error *err)
{
    const char *word = job->text + job->span.begin;
    size_t len = job->span.end - job->span.begin, first = job->out->n, begin = job->span.begin, n;

    if (entry == NULL || !rf__word_cache_holds(entry, word, len))
        return tokenize_and_keep(job, entry, err);
    n = entry->n & ~(unsigned)CUTS_CHAR;
    if (job->out->cap - job->out->n < n) {
        rf_status status = rf__tokens_reserve(job->out, n, err);
        if (status != RF_OK)
            return status;
    }
    for (size_t i = 0; i < n; i++) {
        size_t end = job->span.begin + entry->ends[i];
        put(job, entry->ids[i], begin, end);
        begin = end;
    }
    if (entry->n & CUTS_CHAR)
        widen(job, first);
    return RF_OK;
}

/* ---- Parts before a bar ------------------------------------------------------------------------------------- */

static const char bar[] = "\xE2\x96\x81"; /* U+2581 */
#define BAR_LEN 3

static bool is_bar(const char *text, size_t at)
{
    return memcmp(text + at, bar, BAR_LEN) == 0;
}

/* The first place in (from, to) where a bar follows another character; `to` when there is none. */
static size_t next_bar(const char *text, size_t from, size_t to)
{
    for (size_t at = from + 1; at < to; at++) {
        const char *found = memchr(text + at, bar[0], to - at);
        if (found == NULL)
            break;
        at = (size_t)(found - text);
        if (to - at >= BAR_LEN && is_bar(text, at) && (at - from < BAR_LEN || !is_bar(text, at - BAR_LEN)))
            return at;
    }
    return to;
}

/* Where no merge reaches over the place before a bar, so that the two sides are words of their own. */
static size_t bpe_settled(const struct model *self, const struct text *text, size_t from, size_t to)
{
    const struct bpe *bpe = (const struct bpe *)self;

    if (!bpe->parts_before_bar || to < BAR_LEN)
        return 0;
    for (size_t at = to - BAR_LEN; at > from; at--)
        if (is_bar(text->data, at) && (at - from < BAR_LEN || !is_bar(text->data, at - BAR_LEN)))
            return at;
    return 0;
}

/* ---- The model ---------------------------------------------------------------------------------------------- */

/* The words of a piece, parted before bars. */
static rf_status tokenize_parts(struct job *job, size_t limit, rf_error *err)
{
    struct span piece = job->span;

    while (piece.begin < piece.end && job->out->n < limit) {
        rf_status status;
        job->span = (struct span){piece.begin, next_bar(job->text, piece.begin, piece.end)};
        status = tokenize_word(job, place_of(job, job->span), err);
        if (status != RF_OK)
            return status;
        piece.begin = job->span.end;
    }
    return RF_OK;
}

/* Some pieces, of which the places in the cache are fetched before the first of them is needed. */
static rf_status tokenize_some(struct job *job, const struct span *pieces, size_t n, size_t limit, uint32_t number,
                               rf_error *err)
{
    struct cached_word *places[AHEAD];
    rf_status status = RF_OK;

    for (size_t i = 0; i < n; i++) {
        places[i] = job->bpe->parts_before_bar ? NULL : place_of(job, pieces[i]);
        __builtin_prefetch(places[i]);
    }
    for (size_t i = 0; i < n && job->out->n < limit && status == RF_OK; i++) {
        job->span = pieces[i];
        job->number = number + (uint32_t)i;
        if (job->span.end - job->span.begin >= RF_BPE_NONE)
            status = rf__fail(err, RF_UNSUPPORTED, "a word of more than 4294967294 bytes");
        else if (job->bpe->parts_before_bar)
            status = tokenize_parts(job, limit, err);
        else
            status = tokenize_word(job, places[i], err);
    }
    return status;
}

static rf_status bpe_tokenize(const struct model *self, const struct pieces *pieces, size_t limit, uint32_t first_word,
                              struct model_scratch *scratch, struct tokens *out, rf_error *err)
{
    const struct bpe *bpe = (const struct bpe *)self;
    struct job job = {.bpe = bpe, .text = pieces->text->data, .memory = memory_of(bpe, scratch), .out = out};
    rf_status status = job.memory == NULL ? rf__fail_memory(err) : RF_OK;

    if (status == RF_OK)
        rf__word_cache_grow(&job.memory->cache);
    for (size_t i = 0; i < pieces->n && out->n < limit && status == RF_OK; i += AHEAD)
        status = tokenize_some(&job, pieces->items + i, pieces->n - i < AHEAD ? pieces->n - i : AHEAD, limit,
                               first_word + (uint32_t)i, err);
    return status;
}

const struct model_ops rf__bpe_ops = {
    .type = "BPE",
    .tokenize = bpe_tokenize,
    .settled = bpe_settled,
    .use_bytes = rf__bpe_use_bytes,
    .free = rf__bpe_free,
};
