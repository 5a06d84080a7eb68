/*
 * unigram: the Unigram model: of all ways to write a word as pieces, the one with the highest sum of scores. A
 * character that is no piece is unknown, with a score below all others.
 *
 * The best way to each position is found from left to right (Viterbi), with the sums, their order and their ties as the
 * reference has them (encode_optimized() of `tokenizers`, EncodeOptimized() of sentencepiece): a later way must be
 * better to win. A piece reaches at most max_len bytes forward, so that the sums of the last positions are enough (a
 * ring); of each position is kept the last piece on its best way, four bytes. When a word is long, the ways to all
 * positions that matter are followed back to where they meet; what comes before is certain and is given out.
 */
#include "tokenizer/model/unigram.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tokenizer/model/double_array.h"
#include "tokenizer/model/word_cache.h"

#define WINDOW     8192u /* bytes of a word after which its beginning is given out */
#define LEN_BITS   8
#define LONG_PIECE 255u /* the length is looked up */

struct unigram {
    struct model base;
    uint64_t serial;
    struct double_array trie;
    double *scores; /* [n_ids] */
    double unk_score;
    size_t max_len; /* of a piece, at least RF_UTF8_MAX */
    size_t mask;    /* of the ring */
    uint32_t unk_id;
    bool fuse_unk, byte_fallback, single_precision;
    uint32_t byte_ids[256];
    char *name; /* for messages */
};

/* What a thread keeps from one call to the next. */
struct unigram_scratch {
    struct word_cache cache;
    double *sums;   /* [mask + 1]: the ring */
    uint8_t *marks; /* [mask + 1]: for finding where ways meet */
    uint32_t *last; /* [cap] */
    size_t cap;
};

/* ---- Scratch ------------------------------------------------------------------------------------------------ */

static void scratch_free(void *memory)
{
    struct unigram_scratch *scratch = memory;

    if (scratch == NULL)
        return;
    rf__word_cache_release(&scratch->cache);
    rf__free(scratch->sums);
    rf__free(scratch->marks);
    rf__free(scratch->last);
    rf__free(scratch);
}

static struct unigram_scratch *scratch_new(const struct unigram *model)
{
    struct unigram_scratch *scratch = rf__calloc(1, sizeof *scratch);

    if (scratch == NULL)
        return NULL;
    scratch->sums = rf__alloc_array(model->mask + 1, sizeof *scratch->sums);
    scratch->marks = rf__calloc(model->mask + 1, 1);
    if (rf__word_cache_init(&scratch->cache, NULL) != RF_OK || scratch->sums == NULL || scratch->marks == NULL) {
        scratch_free(scratch);
        return NULL;
    }
    return scratch;
}

static rf_status scratch_of(const struct unigram *model, struct model_scratch *keeper, struct unigram_scratch **out,
                            rf_error *err)
{
    if (keeper->owner != model->serial) {
        rf__model_scratch_release(keeper);
        keeper->memory = scratch_new(model);
        if (keeper->memory == NULL)
            return rf__fail_memory(err);
        keeper->free = scratch_free;
        keeper->owner = model->serial;
    }
    *out = keeper->memory;
    return RF_OK;
}

/* Makes room for the last pieces of n positions. */
static rf_status scratch_reserve(struct unigram_scratch *scratch, size_t n, rf_error *err)
{
    uint32_t *bigger;
    size_t bytes;

    if (n <= scratch->cap)
        return RF_OK;
    bigger = rf__mul(n, sizeof *bigger, &bytes) ? rf__realloc(scratch->last, bytes) : NULL;
    if (bigger == NULL)
        return rf__fail_memory(err);
    scratch->last = bigger;
    scratch->cap = n;
    return RF_OK;
}

/* ---- Tokens ------------------------------------------------------------------------------------------------- */

/* A word on its way to tokens. */
struct walk {
    const struct unigram *model;
    struct unigram_scratch *scratch;
    const char *data;
    size_t base;     /* the position of last[0] */
    size_t at;       /* whose pieces come next; the best way to it is known */
    size_t furthest; /* that a piece reached */
    size_t end;      /* of the word */
    uint32_t word;
    struct tokens *out;
    bool has_unknown; /* unknown characters wait for more of them */
    size_t unknown_begin;
};

static inline rf_status push(struct walk *walk, uint32_t id, size_t begin, size_t end, rf_error *err)
{
    return rf__tokens_push(walk->out, id, walk->word, begin, end, err);
}

static bool has_all_bytes(const struct unigram *model, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (model->byte_ids[(uint8_t)data[i]] == RF_UNIGRAM_NO_ID)
            return false;
    return true;
}

/* Gives out the unknown characters that wait, which end at `end`. Together they may be a piece after all. */
static rf_status push_unknown(struct walk *walk, size_t end, rf_error *err)
{
    const struct unigram *model = walk->model;
    const char *data = walk->data + walk->unknown_begin;
    size_t len = end - walk->unknown_begin;
    uint32_t id;
    rf_status status = RF_OK;

    walk->has_unknown = false;
    if (rf__double_array_find(&model->trie, data, len, &id))
        return push(walk, id, walk->unknown_begin, end, err);
    if (!model->byte_fallback || !has_all_bytes(model, data, len))
        return push(walk, model->unk_id, walk->unknown_begin, end, err);
    for (size_t i = 0; i < len && status == RF_OK; i++)
        status = push(walk, model->byte_ids[(uint8_t)data[i]], walk->unknown_begin, end, err);
    return status;
}

static size_t len_of(const struct unigram *model, uint32_t last)
{
    size_t len = last & LONG_PIECE;

    if (len == LONG_PIECE)
        (void)rf__vocabulary_piece(&model->base.vocabulary, last >> LEN_BITS, &len);
    return len;
}

/* Turns the way to `end` about, so that last[] tells at each position of it the piece that begins there. */
static void turn(const struct walk *walk, size_t end)
{
    uint32_t *last = walk->scratch->last, next = last[end - walk->base];

    while (end > walk->base) {
        uint32_t piece = next;
        end -= len_of(walk->model, piece);
        next = last[end - walk->base];
        last[end - walk->base] = piece;
    }
}

/* Gives out the tokens of the best way from the base to `end`. */
static rf_status push_way(struct walk *walk, size_t end, rf_error *err)
{
    const struct unigram *model = walk->model;
    size_t at = walk->base;
    rf_status status = RF_OK;

    turn(walk, end);
    while (at < end && status == RF_OK) {
        uint32_t piece = walk->scratch->last[at - walk->base], id = piece >> LEN_BITS;
        size_t next = at + len_of(model, piece);
        if (id == model->unk_id) {
            if (walk->has_unknown && !model->fuse_unk)
                status = push_unknown(walk, at, err);
            if (!walk->has_unknown)
                walk->unknown_begin = at;
            walk->has_unknown = true;
        } else {
            if (walk->has_unknown)
                status = push_unknown(walk, at, err);
            if (status == RF_OK)
                status = push(walk, id, at, next, err);
        }
        at = next;
    }
    return status;
}

/* ---- The best way ------------------------------------------------------------------------------------------- */

static inline size_t char_len(uint8_t lead)
{
    return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

static inline double rounded(const struct unigram *model, double sum)
{
    return model->single_precision ? (double)(float)sum : sum;
}

/* A way to `end` whose last piece is this; it wins when it is the first or better. */
static inline void offer(struct walk *walk, size_t end, double sum, uint32_t id, size_t len)
{
    const struct unigram *model = walk->model;
    uint32_t *last = &walk->scratch->last[end - walk->base];
    double *best = &walk->scratch->sums[end & model->mask];

    if (*last != 0 && !(sum > *best))
        return;
    *best = sum;
    *last = id << LEN_BITS | (uint32_t)(len < LONG_PIECE ? len : LONG_PIECE);
}

static rf_status offer_unknown(struct walk *walk, size_t end, double sum, size_t len, rf_error *err)
{
    const struct unigram *model = walk->model;

    if (walk->scratch->last[end - walk->base] != 0 && !(sum > walk->scratch->sums[end & model->mask]))
        return RF_OK;
    if (model->unk_id == RF_UNIGRAM_NO_ID)
        return rf__fail(err, RF_BAD_FORMAT, "%s: the text has a character that is no piece, and there is no unk_id",
                        model->name);
    offer(walk, end, sum, model->unk_id, len);
    return RF_OK;
}

/* Offers the pieces that begin between walk->at and `stop`. */
static rf_status advance(struct walk *walk, size_t stop, rf_error *err)
{
    const struct unigram *model = walk->model;
    const uint8_t *data = (const uint8_t *)walk->data;
    size_t at = walk->at, end = walk->end, furthest = walk->furthest;

    while (at < stop) {
        double sum = walk->scratch->sums[at & model->mask];
        size_t len = char_len(data[at]), to = at;
        uint64_t unit = model->trie.units[0];
        bool has_char = false;
        while (to < end && rf__double_array_step(&model->trie, &unit, data[to])) {
            uint32_t id;
            to++;
            if (!rf__unit_has_value(unit))
                continue;
            id = rf__unit_value(unit);
            offer(walk, to, rounded(model, model->scores[id] + sum), id, to - at);
            has_char |= to - at == len;
            furthest = to > furthest ? to : furthest;
        }
        if (!has_char) {
            rf_status status = offer_unknown(walk, at + len, rounded(model, model->unk_score + sum), len, err);
            if (status != RF_OK)
                return status;
            furthest = at + len > furthest ? at + len : furthest;
        }
        at += len;
    }
    walk->at = at;
    walk->furthest = furthest;
    return RF_OK;
}

/* Where the best ways to all positions that a way to the end can pass meet: those from `at` to `furthest`. */
static size_t meeting(const struct walk *walk)
{
    const uint32_t *last = walk->scratch->last;
    uint8_t *marks = walk->scratch->marks;
    size_t mask = walk->model->mask, n = 0, at = walk->furthest;

    for (size_t p = walk->at; p <= walk->furthest; p++) {
        marks[p & mask] = last[p - walk->base] != 0;
        n += marks[p & mask];
    }
    for (; n > 1; at--) {
        size_t before;
        if (!marks[at & mask])
            continue;
        marks[at & mask] = 0;
        before = at - len_of(walk->model, last[at - walk->base]);
        n -= marks[before & mask];
        marks[before & mask] = 1;
        if (before == walk->base)
            break;
    }
    if (n == 1)
        while (!marks[at & mask])
            at--;
    else
        at = walk->base;
    memset(marks, 0, mask + 1);
    return at;
}

/* Gives out what is certain of a long word, and moves the rest to the front. */
static rf_status give_out(struct walk *walk, rf_error *err)
{
    size_t at = meeting(walk);
    uint32_t *last = walk->scratch->last;
    rf_status status;

    if (at == walk->base)
        return RF_OK;
    status = push_way(walk, at, err);
    memmove(last, last + (at - walk->base), (walk->furthest + 1 - at) * sizeof *last);
    walk->base = at;
    return status;
}

/* A word of any length, window by window: pieces are offered up to `stop`, then what has become certain goes out and
 * the rest to the front. A window is no shorter than what waited before it, so that moving stays linear. Stops early
 * when `limit` tokens are there. */
static rf_status encode(struct walk *walk, size_t limit, rf_error *err)
{
    const struct unigram *model = walk->model;
    size_t cleared = 0; /* nothing was offered behind last[0, cleared), which is not zeroed yet */
    rf_status status = RF_OK;

    walk->scratch->sums[walk->at & model->mask] = 0;
    while (walk->at < walk->end && status == RF_OK) {
        size_t waiting = walk->at - walk->base;
        size_t stop = waiting + (waiting > WINDOW ? waiting : WINDOW), room;
        if (walk->end - walk->base < stop)
            stop = walk->end - walk->base;
        room = walk->end - walk->base + 1;
        if (room > stop + model->max_len)
            room = stop + model->max_len;
        status = scratch_reserve(walk->scratch, room, err);
        if (status != RF_OK)
            return status;
        memset(walk->scratch->last + cleared, 0, (room - cleared) * sizeof *walk->scratch->last);
        status = advance(walk, walk->base + stop, err);
        if (status == RF_OK && walk->at < walk->end) {
            status = give_out(walk, err);
            if (walk->out->n >= limit)
                return status;
        }
        cleared = walk->furthest + 1 - walk->base;
    }
    if (status == RF_OK)
        status = push_way(walk, walk->end, err);
    if (status == RF_OK && walk->has_unknown)
        status = push_unknown(walk, walk->end, err);
    return status;
}

/* ---- Words -------------------------------------------------------------------------------------------------- */

/* Whether the tokens from number `first` on can be kept for a word: few, and end to end. */
static bool can_cache(const struct tokens *tokens, size_t first, size_t at)
{
    if (tokens->n - first > RF_CACHED_TOKENS)
        return false;
    for (size_t i = first; i < tokens->n; at = tokens->end[i++])
        if (tokens->begin[i] != at)
            return false;
    return true;
}

static rf_status push_cached(const struct cached_word *kept, size_t begin, uint32_t word, struct tokens *out,
                             rf_error *err)
{
    const uint8_t *ends = rf__cached_ends(kept);
    size_t n = out->n, at = begin;

    if (out->cap - n < kept->n) {
        rf_status status = rf__tokens_reserve(out, kept->n, err);
        if (status != RF_OK)
            return status;
    }
    for (size_t i = 0; i < kept->n; i++, n++) {
        out->ids[n] = kept->ids[i];
        out->words[n] = word;
        out->begin[n] = at;
        out->end[n] = at = begin + ends[i];
    }
    out->n = n;
    return RF_OK;
}

static rf_status tokenize_word(struct walk *walk, struct span span, size_t limit, rf_error *err)
{
    struct word_cache *cache = &walk->scratch->cache;
    const char *bytes = walk->data + span.begin;
    size_t len = span.end - span.begin, first = walk->out->n;
    bool can_keep = len > 0 && len <= RF_CACHED_BYTES;
    uint64_t hash = 0;
    rf_status status;

    if (can_keep) {
        const struct cached_word *kept;
        hash = rf__word_cache_hash(bytes, len);
        kept = rf__word_cache_check(rf__word_cache_candidate(cache, hash), bytes, len);
        if (kept != NULL)
            return push_cached(kept, span.begin, walk->word, walk->out, err);
    }
    walk->base = walk->at = walk->furthest = span.begin;
    walk->end = span.end;
    walk->has_unknown = false;
    status = encode(walk, limit, err);
    if (status == RF_OK && can_keep && can_cache(walk->out, first, span.begin)) {
        rf__word_cache_make_room(cache);
        (void)rf__word_cache_keep(cache, hash, walk->data, span, walk->out, first);
    }
    return status;
}

static rf_status unigram_tokenize(const struct model *self, const struct pieces *pieces, size_t limit,
                                  uint32_t first_word, struct model_scratch *keeper, struct tokens *out, rf_error *err)
{
    struct walk walk = {.model = (const struct unigram *)self, .data = pieces->text->data, .out = out};
    rf_status status = scratch_of(walk.model, keeper, &walk.scratch, err);

    for (size_t i = 0; i < pieces->n && status == RF_OK; i++) {
        walk.word = first_word + (uint32_t)i;
        status = tokenize_word(&walk, pieces->items[i], limit, err);
        if (out->n >= limit)
            break;
    }
    keeper->n_bytes = walk.scratch == NULL ? 0 : walk.scratch->cap * sizeof *walk.scratch->last;
    return status;
}

/* ---- Building ----------------------------------------------------------------------------------------------- */

static bool is_unknown(const struct model *base, uint32_t id)
{
    return id == ((const struct unigram *)base)->unk_id;
}

static void unigram_free(struct model *self)
{
    struct unigram *model = (struct unigram *)self;

    rf__vocabulary_release(&self->vocabulary);
    rf__double_array_release(&model->trie);
    rf__free(model->scores);
    rf__free(model->name);
    rf__free(model);
}

static rf_status build_trie(struct unigram *model, const bool *is_unmatched, rf_error *err)
{
    const struct vocabulary *vocabulary = &model->base.vocabulary;
    const struct string_table *table = &vocabulary->table;
    struct trie_key *keys = rf__alloc_array(vocabulary->n_ids, sizeof *keys);
    size_t n = 0;
    rf_status status;

    if (keys == NULL)
        return rf__fail_memory(err);
    model->max_len = RF_UTF8_MAX;
    for (size_t i = 0; i <= table->mask; i++) {
        const char *record = vocabulary->pool + table->slots[i].record;
        if (table->slots[i].record == 0 || (is_unmatched != NULL && is_unmatched[rf__record_id(record)]))
            continue;
        keys[n++] = (struct trie_key){rf__record_bytes(record), rf__record_len(record), rf__record_id(record)};
        model->max_len = rf__record_len(record) > model->max_len ? rf__record_len(record) : model->max_len;
    }
    status = rf__double_array_build(&model->trie, keys, n, err);
    rf__free(keys);
    return status;
}

/* No settled(): where the best ways meet, the tokens before are certain, but the sums go on from there. Beginning anew
 * they would be rounded otherwise, and of two ways that are as good as each other another one could win. So a text that
 * no pre-tokenizer splits is normalized whole, and then tokenized as far as the limit needs. */
rf_status rf__unigram_new(struct vocabulary *vocabulary, double *scores, const struct unigram_settings *settings,
                          struct model **out, rf_error *err)
{
    static const struct model_ops ops = {
        .type = "Unigram", .tokenize = unigram_tokenize, .is_text = is_unknown, .free = unigram_free};
    struct unigram *model = rf__calloc(1, sizeof *model);
    rf_status status;

    if (model == NULL) {
        rf__vocabulary_release(vocabulary);
        rf__free(scores);
        return rf__fail_memory(err);
    }
    model->base.ops = &ops;
    model->base.vocabulary = *vocabulary;
    *vocabulary = (struct vocabulary){0};
    model->scores = scores;
    model->serial = rf__stage_serial();
    model->unk_score = settings->unk_score;
    model->unk_id = settings->unk_id;
    model->fuse_unk = settings->fuse_unk;
    model->byte_fallback = settings->byte_fallback;
    model->single_precision = settings->single_precision;
    model->name = rf__strdup(settings->name);
    status = model->name == NULL ? rf__fail_memory(err) : build_trie(model, settings->is_unmatched, err);
    if (status != RF_OK) {
        unigram_free(&model->base);
        return status;
    }
    for (model->mask = 7; model->mask <= model->max_len;)
        model->mask = 2 * model->mask + 1;
    rf__vocabulary_find_bytes(&model->base.vocabulary, RF_UNIGRAM_NO_ID, model->byte_ids);
    *out = &model->base;
    return RF_OK;
}
