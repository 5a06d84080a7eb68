/* entry: see entry.h. */
#include "vector_cache/entry.h"

#include "base/bytes.h"
#include "base/half.h"

#include <math.h>
#include <string.h>

#define VERSION   2
#define KEY_AT    16
#define ROW_AT    (KEY_AT + sizeof(struct vector_key))
#define SUM_BYTES 8
#define HALF_MAX  65504.0f

static void write_u32(uint8_t *out, uint32_t number)
{
    out[0] = (uint8_t)number; /* one by one: compilers make one store of that */
    out[1] = (uint8_t)(number >> 8);
    out[2] = (uint8_t)(number >> 16);
    out[3] = (uint8_t)(number >> 24);
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

/* Each step can be undone, whatever the word: two different sums stay different. */
static uint64_t add_word(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x9E3779B97F4A7C15u;
    return sum ^ sum >> 32;
}

uint64_t rf__entry_sum(const uint8_t *bytes, size_t len)
{
    uint64_t sum = len, rest = 0;
    size_t i = 0;

    for (; len - i >= 8; i += 8)
        sum = add_word(sum, rf__u64_at(bytes + i));
    for (size_t k = len; k > i; k--)
        rest = rest << 8 | bytes[k - 1];
    return add_word(sum, rest);
}

void rf__entry_write(const struct vector_key *key, const struct kept_text *text, enum row_kind kind,
                     const float *vector, uint32_t dim, uint8_t *out)
{
    size_t row = rf__row_size(kind, dim);
    uint64_t sum;

    out[0] = VERSION;
    out[1] = (uint8_t)kind;
    out[2] = text->truncated ? 1 : 0;
    out[3] = 0;
    write_u32(out + 4, dim);
    write_u32(out + 8, text->n_tokens);
    write_u32(out + 12, text->n_windows);
    memcpy(out + KEY_AT, key->bytes, sizeof key->bytes);
    rf__row_write(kind, vector, dim, out + ROW_AT);
    sum = rf__entry_sum(out, ROW_AT + row);
    write_u32(out + ROW_AT + row, (uint32_t)sum);
    write_u32(out + ROW_AT + row + 4, (uint32_t)(sum >> 32));
}

bool rf__entry_is_whole(const uint8_t *entry, size_t len)
{
    return len >= ROW_AT + SUM_BYTES && entry[0] == VERSION && entry[1] <= ROW_FP16 && entry[2] <= 1 && entry[3] == 0 &&
           (len - ROW_AT - SUM_BYTES) / (entry[1] == ROW_FP16 ? 2 : 4) == rf__u32_at(entry + 4) &&
           (len - ROW_AT - SUM_BYTES) % (entry[1] == ROW_FP16 ? 2 : 4) == 0 &&
           rf__entry_sum(entry, len - SUM_BYTES) == rf__u64_at(entry + len - SUM_BYTES);
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
