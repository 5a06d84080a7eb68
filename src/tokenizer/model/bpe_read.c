/* bpe_read: the BPE model of a tokenizer.json. Its merges are strings, "left right", or pairs, ["left", "right"]. */
#include "tokenizer/model/bpe.h"

#include "base/mem.h"

#define VERSION_LINE "#version" /* of a merges.txt that became a list */

/* ---- Pairs out of merges ------------------------------------------------------------------------------------ */

/* Where strings are looked up: copies with room behind them. */
struct lookup {
    const struct vocabulary *vocabulary;
    const char *name;
    size_t max_len, prefix_len;
    char *left, *right; /* the left one has room for both */
};

static rf_status lookup_init(struct lookup *lookup, const struct bpe *bpe, rf_error *err)
{
    size_t size;

    *lookup = (struct lookup){&bpe->base.vocabulary, bpe->name, bpe->max_len, bpe->prefix_len, NULL, NULL};
    if (!rf__mul(bpe->max_len, 2, &size) || !rf__add(size, RF_TEXT_PAD, &size))
        return rf__fail_memory(err);
    lookup->left = rf__calloc(size, 1);
    lookup->right = rf__calloc(size, 1);
    if (lookup->left != NULL && lookup->right != NULL)
        return RF_OK;
    return rf__fail_memory(err);
}

static void lookup_release(struct lookup *lookup)
{
    rf__free(lookup->left);
    rf__free(lookup->right);
}

/* `padded` can be read RF_TEXT_PAD bytes further. */
static bool find(const struct lookup *lookup, const char *padded, size_t len, uint32_t *id)
{
    const struct vocabulary *vocabulary = lookup->vocabulary;
    const char *record;

    if (len == 0)
        return rf__vocabulary_find(vocabulary, padded, 0, id);
    if (len > lookup->max_len)
        return false;
    record = rf__string_table_find(&vocabulary->table, vocabulary->pool, 0, padded, len);
    if (record != NULL)
        *id = rf__record_id(record);
    return record != NULL;
}

static rf_status fail_unknown(const struct lookup *lookup, const char *piece, size_t len, rf_error *err)
{
    return rf__fail(err, RF_BAD_FORMAT, "%s: the merges need the piece '%.*s', which the vocabulary does not have",
                    lookup->name, (int)(len < 100 ? len : 100), piece);
}

static rf_status find_side(const struct lookup *lookup, rf_text text, char *copy, uint32_t *id, rf_error *err)
{
    if (text.len > lookup->max_len)
        return fail_unknown(lookup, text.data, text.len, err);
    memcpy(copy, text.data, text.len);
    return find(lookup, copy, text.len, id) ? RF_OK : fail_unknown(lookup, text.data, text.len, err);
}

/* The pair of a merge, without its rank. */
static rf_status find_pair(const struct lookup *lookup, rf_text left, rf_text right, struct bpe_pair *pair,
                           rf_error *err)
{
    size_t len;
    rf_status status = find_side(lookup, left, lookup->left, &pair->left, err);

    if (status == RF_OK)
        status = find_side(lookup, right, lookup->right, &pair->right, err);
    if (status != RF_OK)
        return status;
    if (right.len < lookup->prefix_len)
        return rf__fail(err, RF_BAD_FORMAT, "%s: '%.*s', the right side of a merge, is shorter than the prefix",
                        lookup->name, (int)right.len, right.data);
    len = left.len + right.len - lookup->prefix_len;
    memcpy(lookup->left + left.len, right.data + lookup->prefix_len, right.len - lookup->prefix_len);
    return find(lookup, lookup->left, len, &pair->id) ? RF_OK : fail_unknown(lookup, lookup->left, len, err);
}

static rf_status add_merges(struct bpe *bpe, const struct lookup *lookup, struct bpe_merges *merges, bool *is_regular,
                            rf_error *err)
{
    *is_regular = true;
    for (uint32_t rank = 0;; rank++) {
        struct bpe_pair pair = {.rank = rank};
        rf_text left, right;
        bool is_end = false;
        rf_status status = merges->next(merges, &left, &right, &is_end, err);
        if (status != RF_OK || is_end)
            return status;
        assert(rank < merges->n);
        status = find_pair(lookup, left, right, &pair, err);
        if (status != RF_OK)
            return status;
        rf__bpe_add_pair(bpe, &pair);
        if (bpe->prefix_len > 0 &&
            (right.len == bpe->prefix_len || memcmp(right.data, bpe->prefix, bpe->prefix_len) != 0))
            *is_regular = false;
        rf__bpe_note_join(bpe, left.data, left.len, right.data + bpe->prefix_len, right.len - bpe->prefix_len);
    }
}

rf_status rf__bpe_from_merges(struct vocabulary *vocabulary, const struct bpe_settings *settings,
                              struct bpe_merges *merges, struct model **out, rf_error *err)
{
    struct lookup lookup = {0};
    struct bpe *bpe;
    bool is_regular;
    rf_status status;

    if (merges->n >= RF_BPE_NONE) {
        rf__vocabulary_release(vocabulary);
        return rf__fail(err, RF_BAD_FORMAT, "%s: more than 4294967294 merges", settings->name);
    }
    status = rf__bpe_new(vocabulary, settings, merges->n, &bpe, err);
    if (status != RF_OK)
        return status;
    status = lookup_init(&lookup, bpe, err);
    if (status == RF_OK)
        status = add_merges(bpe, &lookup, merges, &is_regular, err);
    lookup_release(&lookup);
    if (status == RF_OK)
        status = rf__bpe_finish(bpe, is_regular, err);
    if (status != RF_OK) {
        rf__bpe_free(&bpe->base);
        return status;
    }
    *out = &bpe->base;
    return RF_OK;
}

/* ---- Merges out of JSON ------------------------------------------------------------------------------------- */

struct json_merges {
    struct bpe_merges base;
    const char *name;
    yyjson_arr_iter iter;
    bool are_pairs;
    size_t n_read; /* without the line of the version */
};

static rf_text text_of(yyjson_val *value)
{
    return (rf_text){yyjson_get_str(value), yyjson_get_len(value)};
}

bool rf__bpe_split_merge(rf_text line, rf_text *left, rf_text *right)
{
    const char *space = line.len == 0 ? NULL : memchr(line.data, ' ', line.len);

    if (space == NULL)
        return false;
    *left = (rf_text){line.data, (size_t)(space - line.data)};
    *right = (rf_text){space + 1, line.len - left->len - 1};
    return right->len == 0 || memchr(right->data, ' ', right->len) == NULL;
}

static rf_status next_pair(struct json_merges *merges, yyjson_val *value, rf_text *left, rf_text *right, rf_error *err)
{
    yyjson_val *first = yyjson_arr_get_first(value), *second = yyjson_arr_get(value, 1);

    if (yyjson_arr_size(value) != 2 || !yyjson_is_str(first) || !yyjson_is_str(second))
        return rf__fail(err, RF_BAD_FORMAT, "%s: merge %zu is no pair of strings, as the others are", merges->name,
                        merges->n_read);
    *left = text_of(first);
    *right = text_of(second);
    return RF_OK;
}

static rf_status next_merge(struct bpe_merges *self, rf_text *left, rf_text *right, bool *is_end, rf_error *err)
{
    struct json_merges *merges = (struct json_merges *)self;
    yyjson_val *value;

    do {
        value = yyjson_arr_iter_next(&merges->iter);
        if (value == NULL) {
            *is_end = true;
            return RF_OK;
        }
    } while (!merges->are_pairs && yyjson_is_str(value) &&
             strncmp(yyjson_get_str(value), VERSION_LINE, strlen(VERSION_LINE)) == 0);
    merges->n_read++;
    if (merges->are_pairs)
        return next_pair(merges, value, left, right, err);
    if (!yyjson_is_str(value))
        return rf__fail(err, RF_BAD_FORMAT, "%s: merge %zu is %s, expected a string, as the others are", merges->name,
                        merges->n_read, rf__json_type_name(value));
    if (!rf__bpe_split_merge(text_of(value), left, right))
        return rf__fail(err, RF_BAD_FORMAT, "%s: merge %zu is '%.100s', expected two pieces with a space between",
                        merges->name, merges->n_read, yyjson_get_str(value));
    return RF_OK;
}

static rf_status get_merges(const struct stage_source *source, struct json_merges *out, rf_error *err)
{
    yyjson_val *merges;
    rf_status status = rf__json_get_array(source->json, source->value, "merges", &merges, err);

    if (status == RF_OK && merges == NULL)
        status = rf__fail(err, RF_BAD_FORMAT, "%s: 'model' has no 'merges'", source->json->name);
    if (status != RF_OK)
        return status;
    *out = (struct json_merges){
        .base = {next_merge, yyjson_arr_size(merges)},
        .name = source->json->name,
        .iter = yyjson_arr_iter_with(merges),
        .are_pairs = yyjson_is_arr(yyjson_arr_get_first(merges)),
    };
    return RF_OK;
}

/* ---- Settings ----------------------------------------------------------------------------------------------- */

static rf_status get_string(const struct stage_source *source, const char *key, const char **out, size_t *len,
                            rf_error *err)
{
    rf_status status = rf__json_get_str(source->json, source->value, key, NULL, out, err);

    if (status == RF_OK)
        *len = *out == NULL ? 0 : yyjson_get_len(yyjson_obj_get(source->value, key));
    return status;
}

static rf_status get_dropout(const struct stage_source *source, bool *is_there, rf_error *err)
{
    double dropout;
    rf_status status = rf__json_get_double(source->json, source->value, "dropout", 0, &dropout, err);

    if (status == RF_OK && !(dropout >= 0 && dropout <= 1))
        return rf__fail(err, RF_BAD_FORMAT, "%s: 'dropout' is %g, expected 0 to 1", source->json->name, dropout);
    *is_there = status == RF_OK && dropout > 0;
    return status;
}

rf_status rf__bpe_read(const struct stage_source *source, struct model **out, rf_error *err)
{
    const struct json *json = source->json;
    struct bpe_settings settings = {.name = json->name};
    struct json_merges merges;
    struct vocabulary vocabulary = {0};
    bool has_dropout = false;
    rf_status status = get_dropout(source, &has_dropout, err);

    if (status == RF_OK)
        status = get_string(source, "unk_token", &settings.unk_token, &settings.unk_token_len, err);
    if (status == RF_OK)
        status = get_string(source, "continuing_subword_prefix", &settings.prefix, &settings.prefix_len, err);
    if (status == RF_OK)
        status = get_string(source, "end_of_word_suffix", &settings.suffix, &settings.suffix_len, err);
    if (status == RF_OK)
        status = rf__json_get_bool(json, source->value, "fuse_unk", false, &settings.fuse_unk, err);
    if (status == RF_OK)
        status = rf__json_get_bool(json, source->value, "byte_fallback", false, &settings.byte_fallback, err);
    if (status == RF_OK)
        status = rf__json_get_bool(json, source->value, "ignore_merges", false, &settings.ignore_merges, err);
    if (status == RF_OK)
        status = get_merges(source, &merges, err);
    if (status == RF_OK)
        status = rf__vocabulary_read(source, &vocabulary, err);
    if (status == RF_OK)
        status = rf__bpe_from_merges(&vocabulary, &settings, &merges.base, out, err);
    if (status == RF_OK && has_dropout)
        (*out)->note = "the tokenizer has a 'dropout', which makes ids random, for training; they are made without it";
    return status;
}
