/*
 * wordpiece: the WordPiece model. A word becomes the longest piece that it begins with, then the longest that the rest
 * begins with among the pieces that carry the prefix ("##"), and so on; when the rest begins with none, the whole word
 * is unknown.
 *
 * The longest piece is found by asking a hash table for one length after the other, from the longest down. Which
 * lengths can be there is told by the first three bytes: a bit for each, so that few are asked in vain.
 */
#include "tokenizer/stages.h"

#include "base/mem.h"

#define N_STARTS  4096
#define STARTS    12 /* its logarithm */
#define MANY      63 /* the bit that stands for this length and all above */
#define START_LEN 3

/* The pieces that can begin a word, or those that can continue one. */
struct piece_index {
    const struct string_table *table;
    size_t skip;                /* bytes of a piece before what the word has */
    uint64_t lengths[N_STARTS]; /* bit n: some piece with this start is n bytes long, n >= START_LEN */
    uint64_t long_lengths[RF_MAX_PIECE / 64 + 1]; /* bit n: some piece is n bytes long, n >= MANY */
};

struct wordpiece {
    struct model base;
    struct string_table continuing_table; /* no slots when the prefix is empty: every piece can continue a word */
    struct piece_index initial, continuing;
    size_t max_chars;
    uint32_t unk_id;
    bool has_unk;
    char *unk_token, *name; /* for messages */
};

/* ---- The longest piece -------------------------------------------------------------------------------------- */

static unsigned highest_bit(uint64_t bits)
{
#if defined(__GNUC__) || defined(__clang__)
    return 63u - (unsigned)__builtin_clzll(bits);
#else
    unsigned n = 0;

    while (bits >>= 1)
        n++;
    return n;
#endif
}

static size_t start_of(const char *bytes)
{
    return (size_t)(rf__load_padded(bytes, START_LEN) * 0x9E3779B97F4A7C15u >> (64 - STARTS));
}

static const char *find(const struct piece_index *index, const char *pool, const char *bytes, size_t len)
{
    return rf__string_table_find(index->table, pool, index->skip, bytes, len);
}

/* The longest piece of MANY bytes or more. */
static const char *longest_of_many(const struct piece_index *index, const char *pool, const char *bytes, size_t n)
{
    const char *record;

    for (size_t len = n < RF_MAX_PIECE ? n : RF_MAX_PIECE; len >= MANY; len--)
        if ((index->long_lengths[len / 64] >> len % 64 & 1) != 0 && (record = find(index, pool, bytes, len)) != NULL)
            return record;
    return NULL;
}

/* The record of the longest piece that bytes[0, n) begins with; NULL when there is none. */
static const char *longest(const struct piece_index *index, const char *pool, const char *bytes, size_t n)
{
    const char *record;

    if (n >= START_LEN) {
        uint64_t lengths = index->lengths[start_of(bytes)];
        if (n < MANY) {
            lengths &= ((uint64_t)2 << n) - 1;
        } else if (lengths >> MANY != 0) {
            if ((record = longest_of_many(index, pool, bytes, n)) != NULL)
                return record;
            lengths &= ~((uint64_t)1 << MANY);
        }
        while (lengths != 0) {
            unsigned len = highest_bit(lengths);
            if ((record = find(index, pool, bytes, len)) != NULL)
                return record;
            lengths &= ~((uint64_t)1 << len);
        }
    }
    if (n >= 2 && (record = find(index, pool, bytes, 2)) != NULL)
        return record;
    return find(index, pool, bytes, 1);
}

/* ---- Tokenizing --------------------------------------------------------------------------------------------- */

static bool has_more_chars(const char *bytes, size_t len, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < len && n <= max; i++)
        n += ((uint8_t)bytes[i] & 0xC0) != 0x80;
    return n > max;
}

static rf_status push_unknown(const struct wordpiece *model, struct span piece, uint32_t word, struct tokens *out,
                              rf_error *err)
{
    if (!model->has_unk)
        return rf__fail(err, RF_BAD_FORMAT,
                        "%s: the text has a word that no pieces make up, and unk_token '%s' is not in the vocabulary",
                        model->name, model->unk_token);
    return rf__tokens_push(out, model->unk_id, word, piece.begin, piece.end, err);
}

static rf_status tokenize_word(const struct wordpiece *model, const char *data, struct span piece, uint32_t word,
                               struct tokens *out, rf_error *err)
{
    const struct piece_index *index = &model->initial;
    const char *pool = model->base.vocabulary.pool;
    size_t at = piece.begin, n_before = out->n;

    if (piece.end - piece.begin > model->max_chars &&
        has_more_chars(data + piece.begin, piece.end - piece.begin, model->max_chars))
        return push_unknown(model, piece, word, out, err);
    while (at < piece.end) {
        const char *record = longest(index, pool, data + at, piece.end - at);
        size_t end;
        rf_status status;
        if (record == NULL) {
            out->n = n_before;
            return push_unknown(model, piece, word, out, err);
        }
        end = at + (rf__record_len(record) - index->skip);
        status = rf__tokens_push(out, rf__record_id(record), word, at, end, err);
        if (status != RF_OK)
            return status;
        at = end;
        index = &model->continuing;
    }
    return RF_OK;
}

static rf_status wordpiece_tokenize(const struct model *self, const struct pieces *pieces, size_t limit,
                                    uint32_t first_word, struct model_scratch *scratch, struct tokens *out,
                                    rf_error *err)
{
    const struct wordpiece *model = (const struct wordpiece *)self;

    (void)scratch;
    for (size_t i = 0; i < pieces->n; i++) {
        rf_status status =
            tokenize_word(model, pieces->text->data, pieces->items[i], first_word + (uint32_t)i, out, err);
        if (status != RF_OK)
            return status;
        if (out->n >= limit)
            break;
    }
    return RF_OK;
}

/* ---- Building ----------------------------------------------------------------------------------------------- */

static void wordpiece_free(struct model *self)
{
    struct wordpiece *model = (struct wordpiece *)self;

    rf__vocabulary_release(&self->vocabulary);
    rf__string_table_release(&model->continuing_table);
    rf__free(model->unk_token);
    rf__free(model->name);
    rf__free(model);
}

static void index_lengths(struct piece_index *index, const char *pool)
{
    for (size_t i = 0; i <= index->table->mask; i++) {
        const char *record = pool + index->table->slots[i].record;
        size_t len;
        if (record == pool)
            continue;
        len = rf__record_len(record) - index->skip;
        if (len >= MANY)
            index->long_lengths[len / 64] |= (uint64_t)1 << len % 64;
        if (len >= START_LEN)
            index->lengths[start_of(rf__record_bytes(record) + index->skip)] |= (uint64_t)1
                                                                                << (len < MANY ? len : MANY);
    }
}

rf_status rf__wordpiece_new(struct vocabulary *vocabulary, const struct wordpiece_settings *settings,
                            struct model **out, rf_error *err)
{
    static const struct model_ops ops = {.type = "WordPiece", .tokenize = wordpiece_tokenize, .free = wordpiece_free};
    struct wordpiece *model = rf__calloc(1, sizeof *model);
    rf_status status;

    if (model == NULL) {
        rf__vocabulary_release(vocabulary);
        return rf__fail_memory(err);
    }
    model->base.ops = &ops;
    model->base.vocabulary = *vocabulary;
    *vocabulary = (struct vocabulary){0};
    model->max_chars = settings->max_chars;
    model->unk_token = rf__strndup(settings->unk_token, settings->unk_token_len);
    model->name = rf__strdup(settings->name);
    if (model->unk_token == NULL || model->name == NULL) {
        status = rf__fail_memory(err);
        goto out;
    }
    model->has_unk =
        rf__vocabulary_find(&model->base.vocabulary, settings->unk_token, settings->unk_token_len, &model->unk_id);
    model->initial.table = model->continuing.table = &model->base.vocabulary.table;
    status = RF_OK;
    if (settings->prefix_len > 0) {
        status = rf__vocabulary_index_suffixes(&model->base.vocabulary, settings->prefix, settings->prefix_len,
                                               &model->continuing_table, err);
        model->continuing.table = &model->continuing_table;
        model->continuing.skip = settings->prefix_len;
    }
    if (status != RF_OK)
        goto out;
    index_lengths(&model->initial, model->base.vocabulary.pool);
    index_lengths(&model->continuing, model->base.vocabulary.pool);
    *out = &model->base;
    model = NULL;
out:
    if (model != NULL)
        wordpiece_free(&model->base);
    return status;
}

/* ---- Reading ------------------------------------------------------------------------------------------------ */

static rf_status get_string(const struct stage_source *source, const char *key, const char *fallback, const char **out,
                            size_t *len, rf_error *err)
{
    rf_status status = rf__json_get_str(source->json, source->value, key, fallback, out, err);

    if (status == RF_OK)
        *len = *out == fallback ? strlen(fallback) : yyjson_get_len(yyjson_obj_get(source->value, key));
    return status;
}

rf_status rf__wordpiece_read(const struct stage_source *source, struct model **out, rf_error *err)
{
    struct wordpiece_settings settings = {.name = source->json->name};
    struct vocabulary vocabulary = {0};
    uint64_t max_chars;
    rf_status status;

    status = get_string(source, "unk_token", "[UNK]", &settings.unk_token, &settings.unk_token_len, err);
    if (status == RF_OK)
        status = get_string(source, "continuing_subword_prefix", "##", &settings.prefix, &settings.prefix_len, err);
    if (status == RF_OK)
        status =
            rf__json_get_u64(source->json, source->value, "max_input_chars_per_word", 100, UINT64_MAX, &max_chars, err);
    if (status == RF_OK)
        status = rf__vocabulary_read(source, &vocabulary, err);
    if (status != RF_OK)
        return status;
    settings.max_chars = max_chars > SIZE_MAX ? SIZE_MAX : (size_t)max_chars;
    return rf__wordpiece_new(&vocabulary, &settings, out, err);
}
