/* bpe_read: the BPE model of a tokenizer.json. Its merges are strings, "left right", or pairs, ["left", "right"]. */
#include "tokenizer/model/bpe.h"

#include "base/mem.h"

#define VERSION_LINE "#version" /* of a merges.txt that became a list */

/* ---- Pairs out of merges ------------------------------------------------------------------------------------ */

#define TOGETHER 32 /* merges whose strings are looked up at a time, so that the memory's answers overlap */

/* A string that is looked up; RF_TEXT_PAD bytes behind it can be read. */
struct wanted {
    const char *bytes;
    size_t len;
    uint64_t hash;
};

struct merge {
    rf_text left, right; /* as they are in the file */
    struct wanted parts[2], whole;
};

struct lookup {
    const struct vocabulary *vocabulary;
    const char *name;
    size_t prefix_len;
    struct merge merges[TOGETHER];
    char *bytes; /* [cap], of what is wanted */
    size_t cap;
};

static void want(const struct lookup *lookup, const char *bytes, size_t len, struct wanted *out)
{
    const struct string_table *table = &lookup->vocabulary->table;

    *out = (struct wanted){bytes, len, len == 0 ? 0 : rf__hash_padded(bytes, len, table->seed)};
    if (len > 0)
        rf__string_table_fetch(table, out->hash);
}

static void fetch(const struct lookup *lookup, const struct wanted *wanted)
{
    if (wanted->len > 0)
        rf__string_table_fetch_record(&lookup->vocabulary->table, lookup->vocabulary->pool, wanted->hash);
}

static rf_status find(const struct lookup *lookup, const struct wanted *wanted, uint32_t *id, rf_error *err)
{
    const struct vocabulary *vocabulary = lookup->vocabulary;
    const char *record = NULL;

    if (wanted->len == 0 && rf__vocabulary_find(vocabulary, "", 0, id))
        return RF_OK;
    if (wanted->len > 0)
        record = rf__string_table_find_hashed(&vocabulary->table, vocabulary->pool, 0, wanted->bytes, wanted->len,
                                              wanted->hash);
    if (record == NULL)
        return rf__fail(err, RF_BAD_FORMAT, "%s: the merges need the piece '%.*s', which the vocabulary does not have",
                        lookup->name, (int)(wanted->len < 100 ? wanted->len : 100), wanted->bytes);
    *id = rf__record_id(record);
    return RF_OK;
}

static rf_status make_room(struct lookup *lookup, size_t size, rf_error *err)
{
    char *bytes;

    if (size <= lookup->cap)
        return RF_OK;
    bytes = rf__realloc(lookup->bytes, size);
    if (bytes == NULL)
        return rf__fail_memory(err);
    lookup->bytes = bytes;
    lookup->cap = size;
    return RF_OK;
}

/* How much room the strings of a merge need: "left", without the prefix "right", and, where there is a prefix, "right"
 * with it; RF_TEXT_PAD bytes behind each. */
static rf_status measure(const struct lookup *lookup, const struct merge *merge, size_t *size, rf_error *err)
{
    rf_text left = merge->left, right = merge->right;

    if (right.len < lookup->prefix_len)
        return rf__fail(err, RF_BAD_FORMAT, "%s: '%.*s', the right side of a merge, is shorter than the prefix",
                        lookup->name, (int)right.len, right.data);
    *size += left.len + right.len + RF_TEXT_PAD; /* parts of the file: no overflow */
    if (lookup->prefix_len > 0)
        *size += right.len + RF_TEXT_PAD;
    return RF_OK;
}

/* Copies the strings of a merge; returns where they end. */
static char *copy(struct lookup *lookup, struct merge *merge, char *to)
{
    rf_text left = merge->left, right = merge->right;
    size_t whole = left.len + right.len - lookup->prefix_len;
    char *end = to + left.len;

    memcpy(to, left.data, left.len);
    memcpy(end, right.data + lookup->prefix_len, right.len - lookup->prefix_len);
    if (lookup->prefix_len > 0) {
        end = to + whole + RF_TEXT_PAD;
        memcpy(end, right.data, right.len);
    }
    want(lookup, to, left.len, &merge->parts[0]);
    want(lookup, end, right.len, &merge->parts[1]);
    want(lookup, to, whole, &merge->whole);
    return end + right.len + RF_TEXT_PAD;
}

/* The pairs of n merges, without their ranks. */
static rf_status find_pairs(struct lookup *lookup, size_t n, struct bpe_pair *pairs, rf_error *err)
{
    size_t size = 0;
    char *to;
    rf_status status = RF_OK;

    for (size_t i = 0; i < n && status == RF_OK; i++)
        status = measure(lookup, &lookup->merges[i], &size, err);
    if (status == RF_OK)
        status = make_room(lookup, size, err);
    to = lookup->bytes;
    for (size_t i = 0; i < n && status == RF_OK; i++)
        to = copy(lookup, &lookup->merges[i], to);
    for (size_t i = 0; i < n && status == RF_OK; i++) {
        fetch(lookup, &lookup->merges[i].parts[0]);
        fetch(lookup, &lookup->merges[i].parts[1]);
        fetch(lookup, &lookup->merges[i].whole);
    }
    for (size_t i = 0; i < n && status == RF_OK; i++) {
        status = find(lookup, &lookup->merges[i].parts[0], &pairs[i].left, err);
        if (status == RF_OK)
            status = find(lookup, &lookup->merges[i].parts[1], &pairs[i].right, err);
        if (status == RF_OK)
            status = find(lookup, &lookup->merges[i].whole, &pairs[i].id, err);
    }
    return status;
}

static void add_merge(struct bpe *bpe, const struct merge *merge, const struct bpe_pair *pair, bool *is_regular)
{
    rf_text left = merge->left, right = merge->right;
    size_t prefix_len = bpe->prefix_len;

    rf__bpe_add_pair(bpe, pair);
    if (prefix_len > 0 && (right.len == prefix_len || memcmp(right.data, bpe->prefix, prefix_len) != 0))
        *is_regular = false;
    rf__bpe_note_join(bpe, left.data, left.len, right.data + prefix_len, right.len - prefix_len);
}

static rf_status add_merges(struct bpe *bpe, struct lookup *lookup, struct bpe_merges *merges, bool *is_regular,
                            rf_error *err)
{
    struct bpe_pair pairs[TOGETHER];
    bool is_end = false;
    uint32_t rank = 0;

    *is_regular = true;
    while (!is_end) {
        size_t n = 0;
        rf_status status = RF_OK;
        for (; n < TOGETHER && !is_end && status == RF_OK; n += !is_end)
            status = merges->next(merges, &lookup->merges[n].left, &lookup->merges[n].right, &is_end, err);
        if (status == RF_OK)
            status = find_pairs(lookup, n, pairs, err);
        if (status != RF_OK)
            return status;
        for (size_t i = 0; i < n; i++) {
            assert(rank < merges->n);
            pairs[i].rank = rank++;
            add_merge(bpe, &lookup->merges[i], &pairs[i], is_regular);
        }
    }
    return RF_OK;
}

rf_status rf__bpe_from_merges(struct vocabulary *vocabulary, const struct bpe_settings *settings,
                              struct bpe_merges *merges, struct model **out, rf_error *err)
{
    struct lookup lookup;
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
    lookup = (struct lookup){.vocabulary = &bpe->base.vocabulary, .name = bpe->name, .prefix_len = bpe->prefix_len};
    status = add_merges(bpe, &lookup, merges, &is_regular, err);
    rf__free(lookup.bytes);
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
    } while (!merges->are_pairs && yyjson_is_str(value) && *yyjson_get_str(value) == VERSION_LINE[0] &&
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
