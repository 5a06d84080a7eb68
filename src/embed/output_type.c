/*
 * output_type: see embed.h. The arithmetic is that of numpy in sentence_transformers/util/quantization.py, in the
 * same order and in fp32, so that the bytes are the same:
 *
 *     uint8   clip(floor((x - low) / step), 0, 255), step = (high - low) / 255, or 1 where that is 0
 *     int8    the same less 128
 *     ubinary a bit a number, x > 0, the first in the highest bit; the last byte filled up with zeros
 *     binary  the same less 128, as signed bytes
 */
#include "embed/embed.h"

#include "base/half.h"

#include <math.h>
#include <string.h>

size_t rf__output_row_size(rf_output_type type, size_t dim)
{
    switch (type) {
    case RF_OUTPUT_FP16:
        return 2 * dim;
    case RF_OUTPUT_INT8:
    case RF_OUTPUT_UINT8:
        return dim;
    case RF_OUTPUT_BINARY:
    case RF_OUTPUT_UBINARY:
        return dim / 8 + (dim % 8 != 0);
    default:
        return 4 * dim;
    }
}

bool rf__output_needs_ranges(rf_output_type type)
{
    return type == RF_OUTPUT_INT8 || type == RF_OUTPUT_UINT8;
}

static void write_fp32(const float *vector, size_t dim, uint8_t *out)
{
    for (size_t d = 0; d < dim; d++) {
        uint32_t bits;
        memcpy(&bits, &vector[d], sizeof bits);
        for (size_t k = 0; k < 4; k++)
            out[4 * d + k] = (uint8_t)(bits >> 8 * k & 0xFF);
    }
}

static void write_fp16(const float *vector, size_t dim, uint8_t *out)
{
    for (size_t d = 0; d < dim; d++) {
        uint16_t half = rf__float_to_half(vector[d]);
        out[2 * d] = (uint8_t)(half & 0xFF);
        out[2 * d + 1] = (uint8_t)(half >> 8);
    }
}

static void write_bytes(const float *vector, size_t dim, const float *ranges, uint8_t less, uint8_t *out)
{
    for (size_t d = 0; d < dim; d++) {
        float low = ranges[d], step = (ranges[dim + d] - low) / 255, level;
        if (step == 0)
            step = 1;
        level = floorf((vector[d] - low) / step);
        level = level > 0 ? level : 0; /* NaN becomes 0 */
        out[d] = (uint8_t)((level < 255 ? (uint8_t)level : 255) - less);
    }
}

static void write_bits(const float *vector, size_t dim, uint8_t less, uint8_t *out)
{
    for (size_t begin = 0; begin < dim; begin += 8) {
        uint8_t byte = 0;
        for (size_t d = begin; d < begin + 8; d++)
            byte = (uint8_t)(byte << 1 | (d < dim && vector[d] > 0));
        out[begin / 8] = (uint8_t)(byte - less);
    }
}

void rf__quantize(const float *vectors, size_t n, size_t dim, rf_output_type type, const float *ranges, uint8_t *out)
{
    size_t row_size = rf__output_row_size(type, dim);

    for (size_t i = 0; i < n; i++, vectors += dim, out += row_size) {
        switch (type) {
        case RF_OUTPUT_FP32:
            write_fp32(vectors, dim, out);
            break;
        case RF_OUTPUT_FP16:
            write_fp16(vectors, dim, out);
            break;
        case RF_OUTPUT_INT8:
        case RF_OUTPUT_UINT8:
            write_bytes(vectors, dim, ranges, type == RF_OUTPUT_INT8 ? 128 : 0, out);
            break;
        case RF_OUTPUT_BINARY:
        case RF_OUTPUT_UBINARY:
            write_bits(vectors, dim, type == RF_OUTPUT_BINARY ? 128 : 0, out);
            break;
        }
    }
}

void rf__calibrate(const float *vectors, size_t n, size_t dim, bool first, float *ranges)
{
    for (size_t i = 0; i < n; i++, vectors += dim, first = false) {
        for (size_t d = 0; d < dim; d++) {
            if (first || vectors[d] < ranges[d])
                ranges[d] = vectors[d];
            if (first || vectors[d] > ranges[dim + d])
                ranges[dim + d] = vectors[d];
        }
    }
}
