/*
 * pickle: what torch.save() pickled, as plain values. Python's pickle is a program for a small stack machine that can
 * call any function by name; this one runs the part that builds values and knows the few names that tensors need. Any
 * other name is refused, by that name, when it comes: nothing is ever looked up or called.
 *
 * https://github.com/python/cpython/blob/main/Lib/pickletools.py describes the operations; protocols 2 to 5 are read.
 * Memory and time are bounded by the length of the pickle: an operation makes at most one value, what is copied out of
 * tuples and lists is at most as many items as there were bytes before, and of what a value may be shared by many
 * (sizes, keys of storages) the length has a ceiling.
 */
#ifndef RF_WEIGHTS_PICKLE_H
#define RF_WEIGHTS_PICKLE_H

#include "weights/weights.h"

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_FLOAT,
    PICKLE_TEXT, /* str and bytes */
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT,   /* OrderedDict as well */
    PICKLE_GLOBAL, /* one of the names that are known */
    PICKLE_STORAGE,
    PICKLE_TENSOR
};

enum pickle_global {
    GLOBAL_ORDERED_DICT,
    GLOBAL_REBUILD_TENSOR,
    GLOBAL_REBUILD_PARAMETER,
    GLOBAL_SIZE,
    GLOBAL_STORAGE /* torch.FloatStorage …; the value's dtype says which */
};

#define PICKLE_MAX_DIMENSIONS 64 /* of a tensor; PyTorch's own limit */

struct pickle_value;

struct pickle_items {
    struct pickle_value **at; /* [n]; of a dict key, value, key, value … */
    size_t n, cap;
};

struct pickle_storage {
    enum dtype dtype;
    const struct pickle_value *key; /* text: names its bytes in the file */
    uint64_t n_elements;
    bool is_view; /* a part of another storage: old files only */
};

struct pickle_tensor {
    const struct pickle_value *storage;
    uint64_t offset;                            /* elements */
    const struct pickle_value *shape, *strides; /* tuples of whole numbers, equally long */
};

struct pickle_value {
    enum pickle_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct {
            const char *data; /* in the pickle; not terminated */
            size_t len;
        } text;
        struct pickle_items items; /* of tuple, list and dict */
        struct {
            enum pickle_global name;
            enum dtype dtype;
        } global;
        struct pickle_storage storage;
        struct pickle_tensor tensor;
    } as;
};

/* The values of one pickle; they point at each other, in circles when the pickle wants it. */
struct pickle {
    struct pickle_block *blocks;
    const struct pickle_value *root;
};

/* Reads the pickle that `data` begins with; *used is its length. `path` and `first` (the place of `data` in that file)
 * are for messages. The values point into `data`. *out needs no release after a failure. */
rf_status rf__pickle_read(const uint8_t *data, size_t size, const char *path, size_t first, struct pickle *out,
                          size_t *used, rf_error *err);
void rf__pickle_release(struct pickle *pickle); /* fine on a zeroed one */

/* The value of a text key in a dict; NULL when there is none. */
const struct pickle_value *rf__pickle_get(const struct pickle_value *dict, const char *key);

/* All values of a kind, in any order. */
struct pickle_cursor {
    const struct pickle_block *block;
    size_t i;
};
struct pickle_cursor rf__pickle_cursor(const struct pickle *pickle);
const struct pickle_value *rf__pickle_next(struct pickle_cursor *cursor, enum pickle_kind kind); /* NULL: no more */
size_t rf__pickle_count(const struct pickle *pickle, enum pickle_kind kind);

#endif
