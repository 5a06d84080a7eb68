/* small_weights: a safetensors file written by a test, out of a list of tensors. */
#ifndef RF_TESTS_SMALL_WEIGHTS_H
#define RF_TESTS_SMALL_WEIGHTS_H

#include "golden.h"

#include <stdio.h>
#include <string.h>

struct small_tensor {
    const char *name, *dtype, *shape; /* "F32", "[2,3]" */
    const void *data;
    size_t size; /* bytes */
};

/* Ended by a tensor without a name. */
static void write_safetensors(const char *path, const struct small_tensor *tensors)
{
    char header[4096] = "{", file[16384];
    size_t offset = 0, len;
    uint64_t n;

    for (const struct small_tensor *t = tensors; t->name != NULL; offset += t->size, t++) {
        len = strlen(header);
        snprintf(header + len, sizeof header - len,
                 "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}", len > 1 ? "," : "", t->name,
                 t->dtype, t->shape, offset, offset + t->size);
    }
    strcat(header, "}");
    n = strlen(header);
    for (size_t i = 0; i < 8; i++)
        file[i] = (char)(n >> 8 * i & 0xFF);
    memcpy(file + 8, header, n);
    len = 8 + (size_t)n;
    for (const struct small_tensor *t = tensors; t->name != NULL; len += t->size, t++)
        memcpy(file + len, t->data, t->size);
    write_file(path, file, len);
}

#endif
