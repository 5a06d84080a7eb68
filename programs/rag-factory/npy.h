/* npy: vectors in numpy's file format (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). */
#ifndef RF_PROGRAM_NPY_H
#define RF_PROGRAM_NPY_H

#include "base/error.h"

struct npy {
    float *values; /* [rows, cols] */
    size_t rows, cols;
};
void rf__npy_release(struct npy *npy); /* fine on a zeroed one */

/* Reads a two-dimensional array of little-endian float32 or float16 in C order, as `embed -o FILE.npy` writes it. */
rf_status rf__npy_read(const char *path, struct npy *out, rf_error *err);
/* The same from bytes; `path` is for messages. */
rf_status rf__npy_parse(const uint8_t *data, size_t size, const char *path, struct npy *out, rf_error *err);

#endif
