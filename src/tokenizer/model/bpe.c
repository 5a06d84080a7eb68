/*
 * bpe: the BPE model's way from the pieces of a text to tokens. A piece is a word, or is parted into words. What a word
 * becomes is kept in a cache: words come again and again. Longer words, and those of many tokens, are merged each time.
 *
 * Some words are read ahead: their places in the cache are fetched together, and those that are not there merge
 * together.
 */
#include "tokenizer/model/bpe.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tokenizer/model/word_cache.h"

#define AHEAD     RF_CACHED_BESIDE
#define CUTS_CHAR 1 /* flag of a cached word: some token begins or ends inside a character */

/* A word that is being tokenized. */
struct ahead {
    struct span span;
    uint32_t number;                /* of its piece */
    uint8_t n_parts;                /* of it, that were merged before its turn; 0: none was */
    uint64_t hash;                  /* where the cache can keep it; 0: it is too long for that */
    const struct cached_word *kept; /* NULL: it is not */
};

struct memory {
    struct bpe_word word;
    struct word_cache cache;
    struct ahead ahead[AHEAD];
    struct bpe_few parts[RF_BPE_BESIDE];
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
    *scratch = (struct model_scratch){bpe->serial, memory, memory_free, 0};
    return memory;
}

/* ---- Tokens ------------------------------------------------------------------------------------------------- */

/* A call, and the word that has its turn. */
struct job {
    const struct bpe *bpe;
    const char *text; /* positions of spans are of this */
    struct span span;
    uint32_t number;
    struct memory *memory;
    struct tokens *out;
};

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
    size_t from = job->span.begin, stop = job->span.end;
    bool is_cut = false;

    for (size_t i = first; i < out->n; i++) {
        size_t begin = out->begin[i], end = out->end[i];
        if (begin < end && end <= stop && !is_inside_char(text, begin) && (end == stop || !is_inside_char(text, end)))
            continue;
        if (end > stop)
            end = stop;
        if (begin > end)
            begin = end;
        while (begin > from && begin < stop && is_inside_char(text, begin))
            begin--;
        while (end < stop && is_inside_char(text, end))
            end++;
        is_cut |= begin != out->begin[i] || end != out->end[i];
        out->begin[i] = begin;
        out->end[i] = end;
    }
    return is_cut;
}

static rf_status put_symbols(const struct job *job, const struct bpe_word *word, size_t *begin, rf_error *err)
{
    rf_status status = rf__tokens_reserve(job->out, word->n, err);

    for (size_t i = 0; i < word->n && status == RF_OK; i++) {
        size_t end = *begin + word->symbols[i].len;
        rf__tokens_put(job->out, word->symbols[i].id, job->number, *begin, end);
        *begin = end;
    }
    return status;
}

static rf_status merge(const struct job *job, rf_error *err)
{
    const char *bytes = job->text + job->span.begin;
    size_t len = job->span.end - job->span.begin, begin = job->span.begin;
    struct bpe_word *word = &job->memory->word;
    rf_status status = RF_OK;

    for (size_t at = 0; at < len && status == RF_OK;) {
        status = rf__bpe_merge_part(job->bpe, bytes, len, at, word, &at, err);
        if (status == RF_OK)
            status = put_symbols(job, word, &begin, err);
    }
    return status;
}

/* Tokenizes a word that is no piece as a whole. */
static rf_status look_or_merge(const struct job *job, rf_error *err)
{
    size_t len = job->span.end - job->span.begin, begin = job->span.begin;
    struct bpe_word *word = &job->memory->word;
    bool is_found = false;
    rf_status status = RF_OK;

    if (rf__bpe_looks(job->bpe, len))
        status = rf__bpe_longest(job->bpe, job->text + begin, len, word, &is_found, err);
    if (status != RF_OK)
        return status;
    return is_found ? put_symbols(job, word, &begin, err) : merge(job, err);
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

/* Tokenizes a word of which nothing is known. Positions are not widened yet. */
static rf_status tokenize_new(const struct job *job, rf_error *err)
{
    size_t len = job->span.end - job->span.begin;
    uint32_t id;
    rf_status status;

    if (!find_whole(job->bpe, job->text + job->span.begin, len, &id))
        return look_or_merge(job, err);
    status = rf__tokens_reserve(job->out, 1, err);
    if (status == RF_OK)
        rf__tokens_put(job->out, id, job->number, job->span.begin, job->span.end);
    return status;
}

/* Tokenizes a word that is merged, in n parts. Positions are not widened yet. */
static rf_status put_parts(const struct job *job, const struct bpe_few *parts, size_t n, rf_error *err)
{
    size_t begin = job->span.begin;
    rf_status status = rf__tokens_reserve(job->out, n * RF_BPE_FEW, err);

    for (size_t i = 0; i < n && status == RF_OK; i++) {
        size_t part = begin;
        for (size_t k = 0; k < parts[i].n; k = parts[i].after[k]) {
            size_t end = part + rf__bpe_few_end(&parts[i], k);
            rf__tokens_put(job->out, parts[i].ids[k], job->number, begin, end);
            begin = end;
        }
    }
    return status;
}

/* ---- The cache ---------------------------------------------------------------------------------------------- */

/* Keeps the tokens from number `first` on, if they fit. */
static struct cached_word *keep(const struct job *job, uint64_t hash, size_t first)
{
    const struct tokens *out = job->out;
    size_t n = out->n - first;

    if (hash == 0 || n > RF_CACHED_TOKENS || (n > 0 && out->end[out->n - 1] - job->span.begin > UINT8_MAX))
        return NULL;
    return rf__word_cache_keep(&job->memory->cache, hash, job->text, job->span, out, first);
}

/* `parts` are those of the word, if it is merged. */
static rf_status tokenize_and_keep(const struct job *job, const struct ahead *word, const struct bpe_few *parts,
                                   rf_error *err)
{
    size_t first = job->out->n;
    rf_status status = word->n_parts > 0 ? put_parts(job, parts, word->n_parts, err) : tokenize_new(job, err);
    struct cached_word *kept;

    if (status != RF_OK)
        return status;
    kept = keep(job, word->hash, first);
    if (widen(job, first) && kept != NULL)
        kept->flags = CUTS_CHAR;
    return RF_OK;
}

static inline rf_status tokenize_word(struct job *job, const struct ahead *word, const struct bpe_few *parts,
                                      rf_error *err)
{
    const struct cached_word *kept = word->kept;
    size_t first = job->out->n, begin = word->span.begin;
    const uint8_t *ends;

    job->span = word->span;
    job->number = word->number;
    if (kept == NULL)
        return tokenize_and_keep(job, word, parts, err);
    if (job->out->cap - job->out->n < kept->n) {
        rf_status status = rf__tokens_reserve(job->out, kept->n, err);
        if (status != RF_OK)
            return status;
    }
    ends = rf__cached_ends(kept);
    for (size_t i = 0; i < kept->n; i++) {
        size_t end = job->span.begin + ends[i];
        rf__tokens_put(job->out, kept->ids[i], job->number, begin, end);
        begin = end;
    }
    if (kept->flags & CUTS_CHAR)
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

/* The words of pieces, one after the other. */
struct words {
    const struct pieces *pieces;
    size_t i, at; /* the next word begins at `at` in piece i; 0: at its beginning */
};

/* Looks for words in the cache: a step for all of them at a time, so that the memory's answers overlap. */
static void find_kept(const struct job *job, size_t n)
{
    struct cached_word *candidates[AHEAD];
    struct ahead *ahead = job->memory->ahead;

    for (size_t i = 0; i < n; i++) {
        candidates[i] = ahead[i].hash == 0 ? NULL : rf__word_cache_candidate(&job->memory->cache, ahead[i].hash);
        rf__prefetch(candidates[i]);
    }
    for (size_t i = 0; i < n; i++)
        ahead[i].kept = rf__word_cache_check(candidates[i], job->text + ahead[i].span.begin,
                                             ahead[i].span.end - ahead[i].span.begin);
}

/* Reads words ahead and looks for them in the cache. */
static rf_status read_ahead(const struct job *job, struct words *words, uint32_t first_word, size_t *n, rf_error *err)
{
    struct word_cache *cache = &job->memory->cache;
    struct ahead *ahead = job->memory->ahead;

    rf__word_cache_make_room(cache);
    for (*n = 0; *n < AHEAD && words->i < words->pieces->n;) {
        struct span span = words->pieces->items[words->i];
        size_t len;
        if (words->at > 0)
            span.begin = words->at;
        words->at = 0;
        if (job->bpe->parts_before_bar) {
            size_t end = next_bar(job->text, span.begin, span.end);
            words->at = end < span.end ? end : 0;
            span.end = end;
        }
        len = span.end - span.begin;
        if (len >= RF_BPE_NONE)
            return rf__fail(err, RF_UNSUPPORTED, "a word of more than 4294967294 bytes");
        ahead[*n] = (struct ahead){.span = span, .number = first_word + (uint32_t)words->i};
        if (len > 0 && len <= RF_CACHED_BYTES) {
            ahead[*n].hash = rf__word_cache_hash(job->text + span.begin, len);
            rf__prefetch(rf__word_cache_bucket(cache, ahead[*n].hash));
        }
        *n += len > 0;
        words->i += words->at == 0;
    }
    find_kept(job, *n);
    return RF_OK;
}

/* Reads word[at, len), or a part of it, to be merged beside others; *fits is false when it is too long for that. */
static rf_status read_part(const struct job *job, const char *word, size_t len, size_t at, struct bpe_few *part,
                           size_t *next, bool *fits, rf_error *err)
{
    struct bpe_word *symbols = &job->memory->word;
    rf_status status;

    if (job->bpe->bytes != NULL) {
        *fits = rf__bpe_few_read_bytes(job->bpe, word, len, at, part, next);
        return RF_OK;
    }
    status = rf__bpe_read_part(job->bpe, word, len, at, at + RF_BPE_FEW * RF_UTF8_MAX, symbols, next, err);
    *fits = status == RF_OK && symbols->n > 0 && symbols->n <= RF_BPE_FEW && !symbols->is_cut;
    if (*fits)
        rf__bpe_few_begin(job->bpe, word + at, symbols, part);
    return status;
}

/* Reads a word in parts, of which there is room for some; leaves it alone when they are more, do not fit, when the word
 * is a piece, or its tokens are to be looked for. */
static rf_status read_parts(const struct job *job, struct ahead *word, struct bpe_few *parts, size_t room,
                            bool *has_room, rf_error *err)
{
    const char *bytes = job->text + word->span.begin;
    size_t len = word->span.end - word->span.begin, n = 0;
    uint32_t id;

    *has_room = true;
    if (rf__bpe_looks(job->bpe, len) || find_whole(job->bpe, bytes, len, &id))
        return RF_OK;
    for (size_t at = 0; at < len; n++) {
        bool fits;
        rf_status status;
        if (n == room) {
            *has_room = false;
            return RF_OK;
        }
        status = read_part(job, bytes, len, at, &parts[n], &at, &fits, err);
        if (status != RF_OK || !fits)
            return status;
    }
    word->n_parts = (uint8_t)n;
    return RF_OK;
}

/* Merges those of the words from *n on that are not kept, until there is no room for more. Returns in *n where the rest
 * begins. */
static rf_status merge_ahead(const struct job *job, size_t *n, size_t to, rf_error *err)
{
    struct memory *m = job->memory;
    size_t n_parts = 0, i = *n;

    for (; i < to && job->bpe->is_plain; i++) {
        bool has_room = true;
        rf_status status = m->ahead[i].kept != NULL ? RF_OK
                                                    : read_parts(job, &m->ahead[i], m->parts + n_parts,
                                                                 RF_BPE_BESIDE - n_parts, &has_room, err);
        if (status != RF_OK)
            return status;
        if (!has_room && n_parts > 0)
            break;
        n_parts += m->ahead[i].n_parts;
    }
    rf__bpe_few_merge(job->bpe, m->parts, n_parts);
    *n = job->bpe->is_plain ? i : to;
    return RF_OK;
}

static rf_status tokenize_ahead(struct job *job, size_t n, size_t limit, rf_error *err)
{
    rf_status status = RF_OK;

    for (size_t from = 0, to = 0; from < n && status == RF_OK; from = to) {
        const struct bpe_few *parts = job->memory->parts;
        status = merge_ahead(job, &to, n, err);
        for (size_t i = from; i < to && job->out->n < limit && status == RF_OK; i++) {
            const struct ahead *word = &job->memory->ahead[i];
            status = tokenize_word(job, word, parts, err);
            parts += word->n_parts;
        }
    }
    return status;
}

static rf_status bpe_tokenize(const struct model *self, const struct pieces *pieces, size_t limit, uint32_t first_word,
                              struct model_scratch *scratch, struct tokens *out, rf_error *err)
{
    const struct bpe *bpe = (const struct bpe *)self;
    struct job job = {.bpe = bpe, .text = pieces->text->data, .memory = memory_of(bpe, scratch), .out = out};
    struct words words = {.pieces = pieces};
    rf_status status = job.memory == NULL ? rf__fail_memory(err) : RF_OK;

    while (words.i < pieces->n && out->n < limit && status == RF_OK) {
        size_t n;
        status = read_ahead(&job, &words, first_word, &n, err);
        if (status == RF_OK)
            status = tokenize_ahead(&job, n, limit, err);
    }
    if (job.memory != NULL) {
        const struct bpe_word *word = &job.memory->word;
        scratch->n_bytes = word->cap * sizeof *word->symbols + word->cap_queue * sizeof *word->queue;
    }
    return status;
}

const struct model_ops rf__bpe_ops = {
    .type = "BPE",
    .tokenize = bpe_tokenize,
    .settled = bpe_settled,
    .use_bytes = rf__bpe_use_bytes,
    .prepare = rf__bpe_prepare,
    .free = rf__bpe_free,
};
