/* golden: see golden.h. */
#include "golden.h"

#include "base/mem.h"
#include "os/os.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_PATHS 64
#define MAX_PATH   1024

/* Rings of their own: a golden path must never take the place of a folder that a test writes to. */
struct ring {
    char paths[KEPT_PATHS][MAX_PATH];
    unsigned next;
};

static const char *path_below(struct ring *ring, const char *variable, const char *relative)
{
    const char *root = rf__os_env(variable);
    char *path = ring->paths[ring->next++ % KEPT_PATHS];

    snprintf(path, MAX_PATH, "%s/%s", root ? root : ".", relative);
    return path;
}

const char *golden_path(const char *relative)
{
    static struct ring ring;

    return path_below(&ring, "RF_SOURCE_DIR", relative);
}

const char *scratch_directory(const char *name)
{
    static struct ring ring;
    char relative[256];
    const char *path;

    snprintf(relative, sizeof relative, "scratch/%s", name);
    path = path_below(&ring, "RF_BINARY_DIR", relative);
    assert_ok(rf__os_remove_tree(path, err));
    assert_ok(rf__os_make_directories(path, err));
    return path;
}

void write_file(const char *path, const void *data, size_t len)
{
    struct os_writer *writer = NULL;

    assert_ok(rf__os_writer_open(path, &writer, err));
    assert_ok(rf__os_writer_write(writer, data, len, err));
    assert_ok(rf__os_writer_commit(writer, err));
}

static uint32_t u32_at(const char *data)
{
    const uint8_t *b = (const uint8_t *)data;

    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

void golden_texts_read(const char *relative, struct golden_texts *out)
{
    size_t at = 0, cap = 0;

    *out = (struct golden_texts){0};
    rf__buf_init(&out->file, (size_t)1 << 30);
    assert_ok(rf__os_read_file(golden_path(relative), &out->file, err));
    while (at < out->file.len) {
        assert_true(out->file.len - at >= 4);
        size_t len = u32_at(out->file.data + at);
        at += 4;
        assert_true(len <= out->file.len - at);
        if (out->n == cap) {
            cap = cap ? cap * 2 : 256;
            out->texts = rf__realloc(out->texts, cap * sizeof *out->texts);
            assert_non_null(out->texts);
        }
        out->texts[out->n++] = (rf_text){out->file.data + at, len};
        at += len;
    }
}

void golden_texts_release(struct golden_texts *texts)
{
    rf__free(texts->texts);
    rf__buf_release(&texts->file);
}

static float half_to_float(uint16_t h)
{
    uint32_t exponent = h >> 10 & 0x1F, mantissa = h & 0x3FF;
    float value = exponent == 0 ? ldexpf((float)mantissa, -24) : ldexpf((float)(mantissa | 0x400), (int)exponent - 25);

    return h & 0x8000 ? -value : value;
}

void golden_npy_read(const char *relative, struct golden_array *out)
{
    const char *header, *descr, *shape, *data;
    unsigned long long rows = 0, cols = 0;
    size_t header_len, n, item;
    int rank;

    *out = (struct golden_array){0};
    rf__buf_init(&out->file, (size_t)1 << 30);
    assert_ok(rf__os_read_file(golden_path(relative), &out->file, err));
    assert_true(out->file.len > 12 && memcmp(out->file.data, "\x93NUMPY\x01", 7) == 0);
    header_len = (uint8_t)out->file.data[8] | (size_t)(uint8_t)out->file.data[9] << 8;
    header = out->file.data + 10;
    data = header + header_len;
    descr = strstr(header, "'descr': '") + 10;
    shape = strstr(header, "'shape': (") + 10;
    rank = sscanf(shape, "%llu, %llu", &rows, &cols);
    assert_true(rank >= 1);
    out->rows = (size_t)rows;
    out->cols = rank == 2 ? (size_t)cols : 1;
    n = out->rows * out->cols;
    item = (size_t)(descr[2] - '0');
    assert_true((size_t)(out->file.data + out->file.len - data) >= n * item);
    out->values = rf__alloc_array(n, sizeof *out->values);
    assert_non_null(out->values);
    for (size_t i = 0; i < n; i++) {
        const char *at = data + i * item;
        uint16_t half;
        uint32_t word;
        int64_t wide;
        if (strncmp(descr, "<f4", 3) == 0) {
            memcpy(&out->values[i], at, 4);
        } else if (strncmp(descr, "<f2", 3) == 0 || strncmp(descr, "<u2", 3) == 0) {
            memcpy(&half, at, 2);
            out->values[i] = descr[1] == 'f' ? half_to_float(half) : (float)half;
        } else if (strncmp(descr, "<u4", 3) == 0) {
            memcpy(&word, at, 4);
            out->values[i] = (float)word;
        } else if (strncmp(descr, "<i8", 3) == 0) {
            memcpy(&wide, at, 8);
            out->values[i] = (float)wide;
        } else {
            fail_msg("%s: type %.3s is not read here", relative, descr);
        }
    }
}

void golden_array_release(struct golden_array *array)
{
    rf__free(array->values);
    rf__buf_release(&array->file);
}

void golden_tiny_read(const char *relative, struct golden_tiny *out)
{
    struct buf file;
    yyjson_val *texts = NULL, *text;
    yyjson_arr_iter it;

    *out = (struct golden_tiny){0};
    rf__buf_init(&file, 16 << 20);
    assert_ok(rf__os_read_file(golden_path(relative), &file, err));
    assert_ok(rf__json_parse(&out->json, file.data, file.len, relative, err));
    rf__buf_release(&file);
    assert_ok(rf__json_get_array(&out->json, out->json.root, "texts", &texts, err));
    out->texts = rf__alloc_array(yyjson_arr_size(texts), sizeof *out->texts);
    assert_non_null(out->texts);
    yyjson_arr_iter_init(texts, &it);
    while ((text = yyjson_arr_iter_next(&it)) != NULL)
        out->texts[out->n++] = (rf_text){yyjson_get_str(text), yyjson_get_len(text)};
}

void golden_tiny_release(struct golden_tiny *tiny)
{
    rf__free(tiny->texts);
    rf__json_release(&tiny->json);
}

void golden_ids_read(const char *relative, struct golden_ids *out)
{
    struct json json;
    struct buf text;
    yyjson_val *each, *id;
    size_t i, j, n, m, used = 0;

    rf__buf_init(&text, 1 << 20);
    assert_ok(rf__os_read_file(golden_path(relative), &text, err));
    assert_ok(rf__json_parse(&json, text.data, text.len, relative, err));
    out->n = 0;
    yyjson_arr_foreach(yyjson_obj_get(json.root, "ids"), i, n, each)
    {
        out->begin[out->n] = used;
        out->n_tokens[out->n++] = yyjson_arr_size(each);
        yyjson_arr_foreach(each, j, m, id) out->ids[used++] = (uint32_t)yyjson_get_uint(id);
    }
    rf__json_release(&json);
    rf__buf_release(&text);
}

size_t golden_lines_read(const char *relative, void (*line)(void *user, yyjson_val *value), void *user)
{
    struct buf file;
    size_t n = 0;

    rf__buf_init(&file, (size_t)64 << 20);
    assert_ok(rf__os_read_file(golden_path(relative), &file, err));
    for (size_t at = 0; at < file.len; n++) {
        size_t len = strcspn(file.data + at, "\n");
        struct json json;
        assert_ok(rf__json_parse(&json, file.data + at, len, relative, err));
        line(user, json.root);
        rf__json_release(&json);
        at += len + 1;
    }
    rf__buf_release(&file);
    return n;
}

double cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;

    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}
