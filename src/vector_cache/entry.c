/* entry: see entry.h. */
#include "vector_cache/entry.h"

#include "base/bytes.h"
#include "base/half.h"

#include <math.h>
#include <string.h>

#define VERSION   1
#define KEY_AT    16
#define ROW_AT    (KEY_AT + sizeof(struct vector_key))
#define SUM_BYTES 16
#define HALF_MAX  65504.0f

static void write_u32(uint8_t *out, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(number >> 8 * i);
}

/* ---- Rows -------------------------------------------------------------------------------------------------------- */

enum row_kind rf__row_kind(const float *vector, size_t dim, bool fp16)
{
    for (size_t i = 0; fp16 && i < dim; i++)
        fp16 = fabsf(vector[i]) <= HALF_MAX; /* not for a NaN either */
    return fp16 ? ROW_FP16 : ROW_FP32;
}

size_t rf__row_size(enum row_kind kind, size_t dim)
{
    return dim * (kind == ROW_FP16 ? 2 : 4);
}

void rf__row_write(enum row_kind kind, const float *vector, size_t dim, uint8_t *out)
{
    for (size_t i = 0; i < dim; i++) {
        if (kind == ROW_FP16) {
            uint16_t half = rf__float_to_half(vector[i]);
            out[2 * i] = (uint8_t)half;
            out[2 * i + 1] = (uint8_t)(half >> 8);
        } else {
            uint32_t bits;
            memcpy(&bits, &vector[i], sizeof bits);
            write_u32(out + 4 * i, bits);
        }
    }
}

void rf__row_read(enum row_kind kind, const uint8_t *row, size_t dim, float *out)
{
    for (size_t i = 0; i < dim; i++) {
        if (kind == ROW_FP16) {
            out[i] = rf__half_to_float(rf__u16_at(row + 2 * i));
        } else {
            uint32_t bits = rf__u32_at(row + 4 * i);
            memcpy(&out[i], &bits, sizeof bits);
        }
    }
}

void rf__row_round(float *vector, size_t dim)
{
    if (rf__row_kind(vector, dim, true) == ROW_FP16)
        for (size_t i = 0; i < dim; i++)
            vector[i] = rf__half_to_float(rf__float_to_half(vector[i]));
}

/* ---- Entries ----------------------------------------------------------------------------------------------------- */

size_t rf__entry_size(enum row_kind kind, size_t dim)
{
    return ROW_AT + rf__row_size(kind, dim) + SUM_BYTES;
}

bool rf__entry_write(const struct vector_key *key, const struct kept_text *text, enum row_kind kind,
                     const float *vector, uint32_t dim, uint8_t *out)
{
    size_t row = rf__row_size(kind, dim);
    struct vector_key sum;

    out[0] = VERSION;
    out[1] = (uint8_t)kind;
    out[2] = text->truncated ? 1 : 0;
    out[3] = 0;
    write_u32(out + 4, dim);
    write_u32(out + 8, text->n_tokens);
    write_u32(out + 12, text->n_windows);
    memcpy(out + KEY_AT, key->bytes, sizeof key->bytes);
    rf__row_write(kind, vector, dim, out + ROW_AT);
    if (rf__vector_key_model(out, ROW_AT + row, &sum, NULL) != RF_OK)
        return false;
    memcpy(out + ROW_AT + row, sum.bytes, SUM_BYTES);
    return true;
}

bool rf__entry_is_whole(const uint8_t *entry, size_t len)
{
    struct vector_key sum;

    return len >= ROW_AT + SUM_BYTES && entry[0] == VERSION && entry[1] <= ROW_FP16 && entry[2] <= 1 && entry[3] == 0 &&
           (len - ROW_AT - SUM_BYTES) / (entry[1] == ROW_FP16 ? 2 : 4) == rf__u32_at(entry + 4) &&
           (len - ROW_AT - SUM_BYTES) % (entry[1] == ROW_FP16 ? 2 : 4) == 0 &&
           rf__vector_key_model(entry, len - SUM_BYTES, &sum, NULL) == RF_OK &&
           memcmp(entry + len - SUM_BYTES, sum.bytes, SUM_BYTES) == 0;
}

bool rf__entry_read(const uint8_t *entry, size_t len, const struct vector_key *key, uint32_t dim, float *out,
                    struct kept_text *text)
{
    if (!rf__entry_is_whole(entry, len) || rf__u32_at(entry + 4) != dim ||
        memcmp(entry + KEY_AT, key->bytes, sizeof key->bytes) != 0)
        return false;
    rf__row_read((enum row_kind)entry[1], entry + ROW_AT, dim, out);
    *text = (struct kept_text){
        .n_tokens = rf__u32_at(entry + 8), .n_windows = rf__u32_at(entry + 12), .truncated = entry[2] == 1};
    return true;
}
