/*
 * reader: what a file format gives to weights.c. A reader looks at the bytes of one file, checks all of it, and adds
 * its tensors to a list; their names lie in one block of memory of its own.
 */
#ifndef RF_WEIGHTS_READER_H
#define RF_WEIGHTS_READER_H

#include "weights/weights.h"

struct tensor_list {
    struct tensor *items;
    size_t n, cap;
};

rf_status rf__tensor_list_add(struct tensor_list *list, const struct tensor *tensor, rf_error *err);

/* Adds the tensors of the file `data`; they point into it. *names is the memory of their names, the caller's on success
 * (rf__free). `path` is for messages. On failure the list may have grown; *names is NULL. */
rf_status rf__safetensors_read(const uint8_t *data, size_t size, const char *path, struct tensor_list *list,
                               char **names, rf_error *err);

bool rf__dtype_from_name(const char *name, enum dtype *out); /* false: not known */

#endif
