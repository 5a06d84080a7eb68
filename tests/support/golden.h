/* golden: what every test program includes: cmocka, and reading the committed golden files. */
#ifndef RF_TESTS_GOLDEN_H
#define RF_TESTS_GOLDEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

/* Fails the test with the message when the status is not RF_OK. */
#define assert_ok(call)                                                                                                \
    do {                                                                                                               \
        rf_error err_ = {0};                                                                                           \
        rf_error *err = &err_;                                                                                         \
        if ((call) != RF_OK)                                                                                           \
            fail_msg("%s: %s", #call, err->message);                                                                   \
    } while (0)

/* The path of a file below the source folder; static memory, good for the next 63 calls. */
const char *golden_path(const char *relative);

/* A fresh folder below the build folder, removed and made anew; static memory as above. */
const char *scratch_directory(const char *name);

/* Writes a file, replacing it; fails the test when it cannot. */
void write_file(const char *path, const void *data, size_t len);

/* tests/golden/texts.bin or a file like it: texts with a length in front. Fails the test when it cannot be read. */
struct golden_texts {
    struct buf file;
    rf_text *texts;
    size_t n;
};
void golden_texts_read(const char *relative, struct golden_texts *out);
void golden_texts_release(struct golden_texts *texts);

/* A .npy file of float32, float16, uint32, uint16 or int64, as double or float. Row-major, rank 1 or 2. */
struct golden_array {
    struct buf file;
    size_t rows, cols; /* cols is 1 for rank 1 */
    float *values;
};
void golden_npy_read(const char *relative, struct golden_array *out);
void golden_array_release(struct golden_array *array);

/* texts.json of a tests/golden/bert-tiny-* directory. */
struct golden_tiny {
    struct json json;
    rf_text *texts; /* into json */
    size_t n;
};
void golden_tiny_read(const char *relative, struct golden_tiny *out);
void golden_tiny_release(struct golden_tiny *tiny);

/* ids.json of a tests/golden/architectures directory: the ids of all texts end to end. */
struct golden_ids {
    uint32_t ids[4096];
    size_t begin[64], n_tokens[64], n;
};
void golden_ids_read(const char *relative, struct golden_ids *out);

/* Calls `line` with each line of a file of JSON lines; their number. */
size_t golden_lines_read(const char *relative, void (*line)(void *user, yyjson_val *value), void *user);

double cosine(const float *a, const float *b, size_t n);

#endif
