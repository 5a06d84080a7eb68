/* dtype: the element types of tensors, and floating point of any width -> fp32. Every F16 and BF16 has an exact fp32;
 * F64 is rounded to the nearest. */
#include "weights/weights.h"

#include "base/half.h"
#include "base/bytes.h"
#include "weights/reader.h"

#include <assert.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
    bool is_float; /* and converted here */
} types[] = {
    [DTYPE_BOOL] = {"BOOL", 1, false}, [DTYPE_U8] = {"U8", 1, false},           [DTYPE_I8] = {"I8", 1, false},
    [DTYPE_I16] = {"I16", 2, false},   [DTYPE_I32] = {"I32", 4, false},         [DTYPE_I64] = {"I64", 8, false},
    [DTYPE_F16] = {"F16", 2, true},    [DTYPE_BF16] = {"BF16", 2, true},        [DTYPE_F32] = {"F32", 4, true},
    [DTYPE_F64] = {"F64", 8, true},    [DTYPE_U16] = {"U16", 2, false},         [DTYPE_U32] = {"U32", 4, false},
    [DTYPE_U64] = {"U64", 8, false},   [DTYPE_F8_E4M3] = {"F8_E4M3", 1, false}, [DTYPE_F8_E5M2] = {"F8_E5M2", 1, false},
};
#define N_TYPES (sizeof types / sizeof types[0])

const char *rf__dtype_name(enum dtype dtype)
{
    assert((size_t)dtype < N_TYPES);
    return types[dtype].name;
}

size_t rf__dtype_size(enum dtype dtype)
{
    assert((size_t)dtype < N_TYPES);
    return types[dtype].size;
}

bool rf__dtype_is_float(enum dtype dtype)
{
    assert((size_t)dtype < N_TYPES);
    return types[dtype].is_float;
}

bool rf__dtype_from_name(const char *name, enum dtype *out)
{
    for (size_t i = 0; i < N_TYPES; i++) {
        if (strcmp(types[i].name, name) == 0) {
            *out = (enum dtype)i;
            return true;
        }
    }
    return false;
}

static float float_of_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static float float_of_f64(const uint8_t *p)
{
    uint64_t bits = rf__u64_at(p);
    double value;

    memcpy(&value, &bits, sizeof value);
    return (float)value;
}

static float element_at(enum dtype dtype, const uint8_t *p)
{
    switch (dtype) {
    case DTYPE_F32:
        return float_of_bits(rf__u32_at(p));
    case DTYPE_F16:
        return rf__half_to_float(rf__u16_at(p));
    case DTYPE_BF16:
        return float_of_bits((uint32_t)rf__u16_at(p) << 16);
    default:
        return float_of_f64(p);
    }
}

static void strided_to_f32(const struct tensor *tensor, uint64_t first, uint64_t n, float *out)
{
    const uint64_t cols = tensor->rank == 2 ? tensor->shape[1] : 1, size = rf__dtype_size(tensor->dtype);
    uint64_t row = first / cols, col = first % cols;

    for (uint64_t i = 0; i < n; i++) {
        out[i] = element_at(tensor->dtype,
                            tensor->data + (size_t)((row * tensor->row_step + col * tensor->col_step) * size));
        if (++col == cols) {
            col = 0;
            row++;
        }
    }
}

rf_status rf__tensor_to_f32(const struct tensor *tensor, uint64_t first, uint64_t n, float *out, rf_error *err)
{
    const uint8_t *in;

    assert(first <= tensor->n_elements && n <= tensor->n_elements - first);
    if (tensor->is_strided && types[tensor->dtype].is_float) {
        strided_to_f32(tensor, first, n, out);
        return RF_OK;
    }
    in = tensor->data + (size_t)first * rf__dtype_size(tensor->dtype);
    switch (tensor->dtype) {
    case DTYPE_F32:
        for (size_t i = 0; i < n; i++)
            out[i] = float_of_bits(rf__u32_at(in + i * 4));
        return RF_OK;
    case DTYPE_F16:
        for (size_t i = 0; i < n; i++)
            out[i] = rf__half_to_float(rf__u16_at(in + i * 2));
        return RF_OK;
    case DTYPE_BF16:
        for (size_t i = 0; i < n; i++)
            out[i] = float_of_bits((uint32_t)rf__u16_at(in + i * 2) << 16);
        return RF_OK;
    case DTYPE_F64:
        for (size_t i = 0; i < n; i++)
            out[i] = float_of_f64(in + i * 8);
        return RF_OK;
    default:
        return rf__fail(err, RF_UNSUPPORTED, "tensor '%s' is of type %s, expected F32, F16, BF16 or F64", tensor->name,
                        rf__dtype_name(tensor->dtype));
    }
}
