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

/* Memory that lives as long as the tensors: their names, and what no file holds as it is. Zero-initialise before first
 * use. */
struct reader_memory {
    void **blocks;
    size_t n;
};
void *rf__reader_alloc(struct reader_memory *memory, size_t size); /* NULL when out of memory */
void rf__reader_release(struct reader_memory *memory);

/* Add the tensors of the file `data`; they point into it and into `memory`. `path` is for messages. On failure the list
 * and the memory may have grown. */
rf_status rf__safetensors_read(const uint8_t *data, size_t size, const char *path, struct tensor_list *list,
                               struct reader_memory *memory, rf_error *err);
rf_status rf__pytorch_read(const uint8_t *data, size_t size, const char *path, struct tensor_list *list,
                           struct reader_memory *memory, rf_error *err);
/* Whether a file is one of torch.save(), by its first bytes. */
bool rf__is_pytorch(const uint8_t *data, size_t size);

bool rf__dtype_from_name(const char *name, enum dtype *out); /* false: not known */

#endif
