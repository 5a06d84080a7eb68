/*
 * weights: bytes -> tensors. A view of the tensors in a model's weights files, which stay memory-mapped; nothing is
 * copied but a tensor that its file holds transposed. Every offset, shape and type was checked when it opened:
 * data_size == product(shape) * size of the type, in the file; a tensor that is strided says where else it lies.
 */
#ifndef RF_WEIGHTS_WEIGHTS_H
#define RF_WEIGHTS_WEIGHTS_H

#include "base/error.h"

#include <stdbool.h>

enum dtype {
    DTYPE_BOOL,
    DTYPE_U8,
    DTYPE_I8,
    DTYPE_I16,
    DTYPE_I32,
    DTYPE_I64,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_F32,
    DTYPE_F64,
    DTYPE_U16,
    DTYPE_U32,
    DTYPE_U64,
    DTYPE_F8_E4M3,
    DTYPE_F8_E5M2
};
#define WEIGHTS_MAX_RANK 8

struct tensor {
    const char *name;
    enum dtype dtype;
    uint32_t rank; /* 0: a scalar */
    uint64_t shape[WEIGHTS_MAX_RANK];
    const uint8_t *data; /* little-endian, not aligned */
    size_t data_size;    /* bytes */
    uint64_t n_elements;
    size_t file; /* which of the files it comes from, counted from 0 */
    /* A matrix or vector of rf__weights_of() that does not lie row by row: element (r, c) is number r * row_step + c *
     * col_step from `data` on. No file that is read here has any. */
    bool is_strided;
    uint64_t row_step, col_step;
};

struct weights;

/* Opens the weights of a model directory - model.safetensors or its shards (model.safetensors.index.json), else
 * pytorch_model.bin or its shards - or one such file. What torch.save() pickled is read without executing anything:
 * whatever is no tensor is refused by name. */
rf_status rf__weights_open(const char *path, struct weights **out, rf_error *err);
void rf__weights_free(struct weights *weights); /* NULL is fine */

/* Tensors that lie elsewhere - with their names they must live as long as *out - as if they were of the file `path`. */
rf_status rf__weights_of(const char *path, const struct tensor *tensors, size_t n, struct weights **out, rf_error *err);

/* The path of the file it was opened from (the index of shards), for messages. */
const char *rf__weights_path(const struct weights *weights);
size_t rf__weights_count(const struct weights *weights);
const struct tensor *rf__weights_at(const struct weights *weights, size_t i);           /* sorted by name */
const struct tensor *rf__weights_find(const struct weights *weights, const char *name); /* NULL: none */

/* What stands in front of all names: nothing, one of `own`, which ends with NULL, or what any model may have there:
 * with that, `tensor` is found. NULL: none is. */
const char *rf__weights_prefix(const struct weights *weights, const char *tensor, const char *const *own);

const char *rf__dtype_name(enum dtype dtype); /* "F32" … as safetensors writes it */
size_t rf__dtype_size(enum dtype dtype);
bool rf__dtype_is_float(enum dtype dtype); /* one that rf__tensor_to_f32() takes */

/* Converts elements [first, first + n) of a tensor of F64, F32, F16 or BF16 to fp32. RF_UNSUPPORTED for other types. */
rf_status rf__tensor_to_f32(const struct tensor *tensor, uint64_t first, uint64_t n, float *out, rf_error *err);

#endif
