/*
 * static_embedding: see static_embedding.h. The weights file holds
 *
 *     embedding.weight [n_ids, dim]                        sentence-transformers
 *     embeddings [n_rows, dim], mapping [n_ids]?, weights [n_ids]?   model2vec: row of an id; factor of an id
 *
 * Weights of Zipf's law and of PCA are in the rows already. Always holds: every id below n_ids has a row.
 */
#include "embed/static_embedding.h"

#include "base/bytes.h"
#include "base/half.h"
#include "base/mem.h"
#include "embed/config_json.h"
#include "weights/weights.h"

#include <string.h>

#define MAX_DIM          65536u
#define MAX_PIECE_LENGTH 4096 /* characters of a piece; longer ones count as so long */

struct static_table {
    struct static_info info;
    struct weights *weights;
    const struct tensor *rows;
    uint64_t n_rows;
    uint32_t *mapping; /* [n_ids], or NULL: an id is its row */
    float *factors;    /* [n_ids], or NULL: 1 */
    bool is_direct;    /* rows are fp32 as this machine has them */
    bool is_model2vec;
    size_t max_chars; /* SIZE_MAX: none */
    bool has_unknown; /* model2vec leaves the unknown token out of the mean */
    uint32_t unknown;
    char *unknown_piece; /* what it is called; NULL: none, or known by its id */
};

/* ---- Computing ----------------------------------------------------------------------------------------- */

static float element(const struct tensor *rows, size_t i)
{
    const uint8_t *p = rows->data + i * rf__dtype_size(rows->dtype);
    uint32_t bits = 0;
    float value;

    switch (rows->dtype) {
    case DTYPE_I8:
        return (float)(int8_t)p[0];
    case DTYPE_F16:
        return rf__half_to_float(rf__u16_at(p));
    case DTYPE_BF16:
        bits = (uint32_t)rf__u16_at(p) << 16;
        break;
    default:
        bits = rf__u32_at(p);
    }
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The row of an id. */
static size_t row_of(const struct static_table *table, uint32_t id)
{
    return table->mapping != NULL ? table->mapping[id] : id;
}

#define LANES 16 /* numbers that are added side by side */
#define AHEAD 8  /* rows that are asked for before the first of them is added */

/* Adds rows of fp32 to `out`, one after the other for each number, as everywhere: the order of additions decides the
 * bits. `rows` of them are added for each time that `out` is read and written, and a constant number of lanes is what
 * compilers make vectors of. Data may lie at any byte. */
static void add_four(const uint8_t *const rows[4], size_t dim, float *out)
{
    size_t d = 0;

    for (; d + LANES <= dim; d += LANES) {
        float sum[LANES], row[LANES];
        memcpy(sum, out + d, sizeof sum);
        for (int r = 0; r < 4; r++) {
            memcpy(row, rows[r] + d * sizeof(float), sizeof row);
            for (int k = 0; k < LANES; k++)
                sum[k] += row[k];
        }
        memcpy(out + d, sum, sizeof sum);
    }
    for (; d < dim; d++) {
        for (int r = 0; r < 4; r++) {
            float value;
            memcpy(&value, rows[r] + d * sizeof value, sizeof value);
            out[d] += value;
        }
    }
}

static void add_one(const uint8_t *row, size_t dim, float *out)
{
    for (size_t d = 0; d < dim; d++) {
        float value;
        memcpy(&value, row + d * sizeof value, sizeof value);
        out[d] += value;
    }
}

/* Rows of any type, with factors. */
static void add_row(const struct static_table *table, uint32_t id, float *out)
{
    size_t row = row_of(table, id), dim = table->info.dim;
    float factor = table->factors != NULL ? table->factors[id] : 1;

    for (size_t d = 0; d < dim; d++)
        out[d] += factor * element(table->rows, row * dim + d);
}

/* Asks for a row before it is needed: rows lie anywhere in a table that is larger than any cache. */
static void prefetch(const uint8_t *row, size_t dim)
{
    for (size_t i = 0; i < dim * sizeof(float); i += 64)
        rf__prefetch(row + i);
}

/* Returns how many rows were added. */
static size_t sum_direct(const struct static_table *table, const uint32_t *ids, size_t n, float *out)
{
    const uint8_t *rows[AHEAD];
    size_t count = 0, waiting = 0, dim = table->info.dim;

    for (size_t i = 0; i < n; i++) {
        if (table->has_unknown && ids[i] == table->unknown)
            continue;
        rows[waiting] = table->rows->data + row_of(table, ids[i]) * dim * sizeof(float);
        prefetch(rows[waiting++], dim);
        count++;
        if (waiting == AHEAD) {
            add_four(rows, dim, out);
            waiting -= 4;
            memmove(rows, rows + 4, waiting * sizeof *rows);
        }
    }
    for (size_t r = 0; r < waiting; r++)
        add_one(rows[r], dim, out);
    return count;
}

static size_t sum_any(const struct static_table *table, const uint32_t *ids, size_t n, float *out)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        if (table->has_unknown && ids[i] == table->unknown)
            continue;
        add_row(table, ids[i], out);
        count++;
    }
    return count;
}

void rf__static_mean(const struct static_table *table, const uint32_t *ids, size_t n, float *out)
{
    size_t count, dim = table->info.dim;

    memset(out, 0, dim * sizeof *out);
    count = table->is_direct && table->factors == NULL ? sum_direct(table, ids, n, out) : sum_any(table, ids, n, out);
    for (size_t d = 0; d < dim && count > 0; d++)
        out[d] /= (float)count;
}

void rf__static_cut(const struct static_table *table, rf_text *text, bool *was_cut)
{
    size_t n_chars = 0;

    *was_cut = false;
    if (text->len <= table->max_chars)
        return;
    for (size_t i = 0; i < text->len; i++) {
        bool begins = ((uint8_t)text->data[i] & 0xC0) != 0x80;
        if (begins && n_chars++ == table->max_chars) {
            text->len = i;
            *was_cut = true;
            return;
        }
    }
}

const struct static_info *rf__static_info(const struct static_table *table)
{
    return &table->info;
}

void rf__static_bytes(const struct static_table *table, const uint8_t **data, size_t *size)
{
    *data = table->rows->data;
    *size = (size_t)table->rows->n_elements * rf__dtype_size(table->rows->dtype);
}

const char *rf__static_precision(const struct static_table *table)
{
    switch (table->rows->dtype) {
    case DTYPE_F16:
        return "fp16";
    case DTYPE_BF16:
        return "bf16";
    case DTYPE_I8:
        return "int8";
    default:
        return "fp32";
    }
}

/* ---- Opening ------------------------------------------------------------------------------------------- */

static bool is_little_endian(void)
{
    const uint16_t one = 1;
    uint8_t first;

    memcpy(&first, &one, 1);
    return first == 1;
}

static rf_status find_rows(struct static_table *table, rf_error *err)
{
    static const char *const names[] = {"embedding.weight", "embeddings"};
    const struct tensor *rows = NULL;

    for (size_t i = 0; i < sizeof names / sizeof names[0] && rows == NULL; i++)
        rows = rf__weights_find(table->weights, names[i]);
    if (rows == NULL)
        return rf__fail(err, RF_BAD_FORMAT, "%s: has neither 'embedding.weight' nor 'embeddings'", table->info.path);
    if (rows->rank != 2 || rows->n_elements == 0 || rows->shape[1] > MAX_DIM || rows->shape[0] > UINT32_MAX)
        return rf__fail(err, RF_BAD_FORMAT, "%s: '%s' has not the shape of a table of vectors", table->info.path,
                        rows->name);
    if (rows->dtype != DTYPE_F32 && rows->dtype != DTYPE_F16 && rows->dtype != DTYPE_BF16 && rows->dtype != DTYPE_I8)
        return rf__fail(err, RF_UNSUPPORTED, "%s: '%s' is of type %s, expected F32, F16, BF16 or I8", table->info.path,
                        rows->name, rf__dtype_name(rows->dtype));
    table->rows = rows;
    table->n_rows = rows->shape[0];
    table->info.dim = (uint32_t)rows->shape[1];
    table->info.n_ids = (uint32_t)rows->shape[0];
    table->is_direct = rows->dtype == DTYPE_F32 && is_little_endian();
    return RF_OK;
}

/* Element i of a tensor of whole numbers; UINT64_MAX for a negative one. */
static uint64_t integer_at(const struct tensor *tensor, size_t i)
{
    size_t size = rf__dtype_size(tensor->dtype);
    bool is_signed = tensor->dtype == DTYPE_I8 || tensor->dtype == DTYPE_I16 || tensor->dtype == DTYPE_I32 ||
                     tensor->dtype == DTYPE_I64;
    const uint8_t *p = tensor->data + i * size;
    uint64_t value = 0;

    for (size_t k = 0; k < size; k++)
        value |= (uint64_t)p[k] << 8 * k;
    return is_signed && (p[size - 1] & 0x80) ? UINT64_MAX : value;
}

static rf_status read_mapping(struct static_table *table, rf_error *err)
{
    const struct tensor *tensor = rf__weights_find(table->weights, "mapping");

    if (tensor == NULL)
        return RF_OK;
    if (tensor->rank != 1 || tensor->n_elements == 0 || tensor->n_elements > UINT32_MAX ||
        rf__dtype_is_float(tensor->dtype) || tensor->dtype == DTYPE_F8_E4M3 || tensor->dtype == DTYPE_F8_E5M2)
        return rf__fail(err, RF_BAD_FORMAT, "%s: 'mapping' is no list of rows", table->info.path);
    table->mapping = rf__alloc_array((size_t)tensor->n_elements, sizeof *table->mapping);
    if (table->mapping == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < tensor->n_elements; i++) {
        uint64_t row = integer_at(tensor, i);
        if (row >= table->n_rows)
            return rf__fail(err, RF_BAD_FORMAT, "%s: 'mapping' sends id %zu to a row that is not there",
                            table->info.path, i);
        table->mapping[i] = (uint32_t)row;
    }
    table->info.n_ids = (uint32_t)tensor->n_elements;
    return RF_OK;
}

static rf_status read_factors(struct static_table *table, rf_error *err)
{
    const struct tensor *tensor = rf__weights_find(table->weights, "weights");

    if (tensor == NULL)
        return RF_OK;
    if (tensor->rank != 1 || tensor->n_elements != table->info.n_ids)
        return rf__fail(err, RF_BAD_FORMAT, "%s: 'weights' has not one number for each of the %u ids", table->info.path,
                        table->info.n_ids);
    table->factors = rf__alloc_array(table->info.n_ids, sizeof *table->factors);
    if (table->factors == NULL)
        return rf__fail_memory(err);
    return rf__tensor_to_f32(tensor, 0, tensor->n_elements, table->factors, err);
}

/* tokenizer.json's "truncation", which the reference leaves on, and the name of the unknown token. */
static rf_status read_tokenizer(struct static_table *table, const struct model_config *config, rf_error *err)
{
    struct json json;
    yyjson_val *truncation = NULL, *model = NULL;
    const char *direction = "Right", *unknown = NULL;
    uint64_t limit = config->max_tokens, id = UINT32_MAX;
    rf_status status = rf__config_read_json(config->folder, "tokenizer.json", config->logger, &json, err);

    if (status == RF_OK && !table->is_model2vec)
        status = rf__json_get_object(&json, json.root, "truncation", &truncation, err);
    if (status == RF_OK)
        status = rf__json_get_u64(&json, truncation, "max_length", limit, UINT32_MAX, &limit, err);
    if (status == RF_OK)
        status = rf__json_get_str(&json, truncation, "direction", direction, &direction, err);
    if (status == RF_OK && table->is_model2vec)
        status = rf__json_get_object(&json, json.root, "model", &model, err);
    if (status == RF_OK)
        status = rf__json_get_str(&json, model, "unk_token", NULL, &unknown, err);
    if (status == RF_OK)
        status = rf__json_get_u64(&json, model, "unk_id", UINT32_MAX, UINT32_MAX, &id, err);
    if (status == RF_OK && unknown != NULL && (table->unknown_piece = rf__strdup(unknown)) == NULL)
        status = rf__fail_memory(err);
    if (status == RF_OK) {
        table->info.max_tokens = (uint32_t)limit;
        table->info.truncates_left = strcmp(direction, "Left") == 0;
        table->has_unknown = unknown == NULL && id != UINT32_MAX;
        table->unknown = (uint32_t)id;
    }
    rf__json_release(&json);
    return status;
}

rf_status rf__static_open(const struct model_config *config, const char *weights_file, struct static_table **out,
                          rf_error *err)
{
    struct static_table *table = rf__calloc(1, sizeof *table);
    rf_status status;

    if (table == NULL)
        return rf__fail_memory(err);
    table->is_model2vec = config->encoder == ENCODER_MODEL2VEC;
    table->max_chars = SIZE_MAX;
    status = rf__weights_open(weights_file, &table->weights, err);
    if (status == RF_OK) {
        table->info.path = rf__weights_path(table->weights);
        status = find_rows(table, err);
    }
    if (status == RF_OK)
        status = read_mapping(table, err);
    if (status == RF_OK)
        status = read_factors(table, err);
    if (status == RF_OK)
        status = read_tokenizer(table, config, err);
    if (status != RF_OK) {
        rf__static_free(table);
        return status;
    }
    rf__log(config->logger, RF_LOG_DEBUG, "%s: a table of %llu rows for %u ids, %u numbers each, %s%s%s",
            table->info.path, (unsigned long long)table->n_rows, table->info.n_ids, table->info.dim,
            rf__static_precision(table), table->mapping != NULL ? ", ids mapped to rows" : "",
            table->factors != NULL ? ", rows weighted" : "");
    *out = table;
    return RF_OK;
}

/* The median of the pieces' lengths in characters, rounded down. */
static rf_status median_length(const struct rf_tokenizer *tokenizer, size_t *out, rf_error *err)
{
    size_t *counts = rf__calloc(MAX_PIECE_LENGTH + 1, sizeof *counts), n = 0, seen = 0, length = 0, lower = 0;

    if (counts == NULL)
        return rf__fail_memory(err);
    for (uint32_t id = 0; id < rf__tokenizer_vocab_size(tokenizer); id++) {
        size_t len, n_chars = 0;
        const char *piece = rf__tokenizer_piece(tokenizer, id, &len);
        if (piece == NULL)
            continue;
        for (size_t i = 0; i < len; i++)
            n_chars += ((uint8_t)piece[i] & 0xC0) != 0x80;
        counts[n_chars < MAX_PIECE_LENGTH ? n_chars : MAX_PIECE_LENGTH]++;
        n++;
    }
    /* Of an even number the mean of the two in the middle: places (n - 1) / 2 and n / 2. */
    for (size_t place = (n - (n > 0)) / 2, k = 0; k < 2; place = n / 2, k++) {
        while (length < MAX_PIECE_LENGTH && seen + counts[length] <= place)
            seen += counts[length++];
        if (k == 0)
            lower = length;
    }
    *out = (lower + length) / 2;
    rf__free(counts);
    return RF_OK;
}

rf_status rf__static_bind(struct static_table *table, const struct rf_tokenizer *tokenizer, rf_error *err)
{
    size_t median = 0;
    rf_status status = RF_OK;

    if (table->unknown_piece != NULL)
        table->has_unknown =
            rf__tokenizer_id(tokenizer, table->unknown_piece, strlen(table->unknown_piece), &table->unknown);
    if (table->is_model2vec && table->info.max_tokens > 0) {
        status = median_length(tokenizer, &median, err);
        table->max_chars = table->info.max_tokens * median;
    }
    return status;
}

void rf__static_free(struct static_table *table)
{
    if (table == NULL)
        return;
    rf__weights_free(table->weights);
    rf__free(table->mapping);
    rf__free(table->factors);
    rf__free(table->unknown_piece);
    rf__free(table);
}
