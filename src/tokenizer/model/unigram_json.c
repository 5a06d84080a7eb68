/*
 * unigram_json: reading the Unigram model of a tokenizer.json:
 *
 *     {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["▁the", -3.1], …], "byte_fallback": false}
 *
 * Scores are what `tokenizers` reads, which is not always the nearest double: it takes the digits as an integer and
 * divides by a power of ten, which rounds twice (serde_json without its feature float_roundtrip). One score in eight is
 * another one then, and where two ways through a word are as good as equal, so are the ids. We have the nearest double;
 * its shortest digits are those of the file, since everybody writes them so, and of these we do the same.
 */
#include "tokenizer/model/unigram.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define UNK_PENALTY 10.0
#define EXACT_POWER 22 /* the highest power of ten that is a double */
#define MAX_POWER   308

static double power_of_ten(int n)
{
    static const double powers[EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    char digits[16];

    if (n <= EXACT_POWER)
        return powers[n];
    (void)snprintf(digits, sizeof digits, "1e%d", n);
    return strtod(digits, NULL);
}

/* f64_from_parts() of serde_json. */
static double from_parts(uint64_t digits, int exponent)
{
    double value = (double)digits;

    for (; exponent < -MAX_POWER && value != 0; exponent += MAX_POWER)
        value /= power_of_ten(MAX_POWER);
    if (value == 0)
        return value;
    return exponent >= 0 ? value * power_of_ten(exponent) : value / power_of_ten(-exponent);
}

/* Reads the number at *text and goes behind it. It has at most 17 digits that count, all of them together or with
 * zeros between them and the point. */
static double read_number(const char **text)
{
    const char *s = *text;
    bool is_negative = *s == '-', has_point = false;
    uint64_t digits = 0;
    int exponent = 0;

    for (s += is_negative; (*s >= '0' && *s <= '9') || *s == '.'; s++) {
        if (*s == '.') {
            has_point = true;
        } else if (digits <= (UINT64_MAX - 9) / 10) {
            digits = digits * 10 + (uint64_t)(*s - '0');
            exponent -= has_point;
        } else {
            exponent += !has_point;
        }
    }
    if (*s == 'e' || *s == 'E') {
        char *end;
        exponent += (int)strtol(s + 1, &end, 10);
        s = end;
    }
    *text = s;
    return is_negative ? -from_parts(digits, exponent) : from_parts(digits, exponent);
}

/* Goes behind the string that begins at `s`. */
static const char *skip_string(const char *s)
{
    for (s++; *s != '"'; s++)
        s += *s == '\\';
    return s + 1;
}

/* The scores of a vocabulary that was found to be one. */
static rf_status read_scores(yyjson_val *pieces, double *scores, rf_error *err)
{
    char *text;
    const char *s;
    size_t len;
    rf_status status = rf__json_text(pieces, &text, &len, err);

    if (status != RF_OK)
        return status;
    s = text;
    for (size_t i = 0; i < yyjson_arr_size(pieces); i++) {
        s = skip_string(s + 2); /* behind [[ and ,[ */
        s++;
        scores[i] = read_number(&s);
        s++;
    }
    rf__free(text);
    return RF_OK;
}

static rf_status check_piece(const struct stage_source *source, yyjson_val *item, size_t i, size_t *n_bytes,
                             rf_error *err)
{
    yyjson_val *piece = yyjson_arr_get(item, 0);

    if (yyjson_arr_size(item) != 2 || !yyjson_is_str(piece) || !yyjson_is_num(yyjson_arr_get(item, 1)))
        return rf__fail(err, RF_BAD_FORMAT, "%s: element %zu of 'model.vocab' is not a piece and its score",
                        source->json->name, i);
    *n_bytes += yyjson_get_len(piece); /* each is a part of the file: no overflow */
    return RF_OK;
}

static rf_status read_pieces(const struct stage_source *source, yyjson_val *pieces, struct vocabulary *out,
                             rf_error *err)
{
    yyjson_val *item;
    size_t i, n, n_bytes = 0;
    rf_status status = RF_OK;

    if (yyjson_arr_size(pieces) >= RF_VOCABULARY_MAX_IDS)
        return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: 'model.vocab' has %zu pieces, more than %u",
                        source->json->name, yyjson_arr_size(pieces), RF_VOCABULARY_MAX_IDS - 1);
    yyjson_arr_foreach(pieces, i, n, item)
    {
        status = check_piece(source, item, i, &n_bytes, err);
        if (status != RF_OK)
            return status;
    }
    status = rf__vocabulary_init(out, yyjson_arr_size(pieces), n_bytes, (uint32_t)yyjson_arr_size(pieces), err);
    if (status != RF_OK)
        return status;
    yyjson_arr_foreach(pieces, i, n, item)
    {
        yyjson_val *piece = yyjson_arr_get_first(item);
        rf__vocabulary_add(out, yyjson_get_str(piece), yyjson_get_len(piece), (uint32_t)i);
    }
    status = rf__vocabulary_finish(out, err);
    if (status != RF_OK)
        return rf__fail_prefix(err, status, "%s: 'model.vocab'", source->json->name);
    rf__vocabulary_name_all(out);
    out->n_pieces = out->n_ids; /* `tokenizers` counts a piece that comes twice as two */
    return RF_OK;
}

static rf_status read_settings(const struct stage_source *source, size_t n_pieces, struct unigram_settings *settings,
                               rf_error *err)
{
    uint64_t unk_id;
    rf_status status = rf__json_get_u64(source->json, source->value, "unk_id", UINT64_MAX, UINT64_MAX, &unk_id, err);

    if (status == RF_OK)
        status = rf__json_get_bool(source->json, source->value, "byte_fallback", false, &settings->byte_fallback, err);
    if (status != RF_OK)
        return status;
    if (unk_id != UINT64_MAX && unk_id >= n_pieces)
        return rf__fail(err, RF_BAD_FORMAT, "%s: 'model.unk_id' is %llu, but there are %zu pieces", source->json->name,
                        (unsigned long long)unk_id, n_pieces);
    settings->unk_id = unk_id == UINT64_MAX ? RF_UNIGRAM_NO_ID : (uint32_t)unk_id;
    return RF_OK;
}

rf_status rf__unigram_read(const struct stage_source *source, struct model **out, rf_error *err)
{
    struct unigram_settings settings = {.fuse_unk = true, .name = source->json->name};
    struct vocabulary vocabulary = {0};
    yyjson_val *pieces;
    double *scores = NULL, least = INFINITY;
    rf_status status = rf__json_get_array(source->json, source->value, "vocab", &pieces, err);

    if (status == RF_OK && pieces == NULL)
        status = rf__fail(err, RF_BAD_FORMAT, "%s: 'model' has no 'vocab'", source->json->name);
    if (status == RF_OK)
        status = read_settings(source, yyjson_arr_size(pieces), &settings, err);
    if (status == RF_OK)
        status = read_pieces(source, pieces, &vocabulary, err);
    if (status != RF_OK)
        goto out;
    scores = rf__alloc_array(vocabulary.n_ids, sizeof *scores);
    status = scores == NULL ? rf__fail_memory(err) : read_scores(pieces, scores, err);
    if (status != RF_OK)
        goto out;
    for (uint32_t i = 0; i < vocabulary.n_ids; i++)
        least = scores[i] < least ? scores[i] : least;
    settings.unk_score = least - UNK_PENALTY;
    return rf__unigram_new(&vocabulary, scores, &settings, out, err);
out:
    rf__vocabulary_release(&vocabulary);
    rf__free(scores);
    return status;
}
