/* npy: see npy.h. Behind a magic number, a version and a length stands a Python dict as text, padded with spaces:
 * {'descr': '<f4', 'fortran_order': False, 'shape': (2000, 384), }. The numbers follow. */
#include "npy.h"

#include "base/bytes.h"
#include "base/half.h"
#include "base/mem.h"
#include "os/os.h"

#include <string.h>

#define MAX_HEADER 4096

void rf__npy_release(struct npy *npy)
{
    rf__free(npy->values);
    npy->values = NULL;
}

/* Where the value of a key begins; NULL: there is none. */
static const char *value_of(const char *header, const char *key)
{
    const char *at = strstr(header, key);

    if (at == NULL)
        return NULL;
    at += strlen(key);
    return at + strspn(at, " :");
}

static bool read_size(const char **at, size_t *out)
{
    size_t value = 0, n_digits = strspn(*at, "0123456789");

    if (n_digits == 0 || n_digits > 15)
        return false;
    for (size_t i = 0; i < n_digits; i++)
        value = value * 10 + (size_t)(*(*at)++ - '0');
    *out = value;
    return true;
}

/* "(2000, 384)" */
static bool read_shape(const char *at, size_t *rows, size_t *cols)
{
    if (at == NULL || *at++ != '(' || !read_size(&at, rows) || *at++ != ',')
        return false;
    at += strspn(at, " ");
    if (!read_size(&at, cols))
        return false;
    at += strspn(at, ", ");
    return *at == ')';
}

static rf_status convert(const uint8_t *data, size_t width, struct npy *out, rf_error *err)
{
    const size_t n = out->rows * out->cols;

    out->values = rf__alloc_array(n, sizeof *out->values);
    if (out->values == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        if (width == 2) {
            out->values[i] = rf__half_to_float(rf__u16_at(data + 2 * i));
            continue;
        }
        bits = rf__u32_at(data + 4 * i);
        memcpy(&out->values[i], &bits, sizeof bits);
    }
    return RF_OK;
}

static rf_status parse(const uint8_t *data, size_t size, const char *path, struct npy *out, rf_error *err)
{
    char header[MAX_HEADER + 1];
    size_t begin, len, width, n, bytes;
    const char *type;

    if (size < 12 || memcmp(data, "\x93NUMPY", 6) != 0 || data[6] < 1 || data[6] > 3)
        return rf__fail(err, RF_BAD_FORMAT, "%s: is no .npy file", path);
    begin = data[6] == 1 ? 10 : 12;
    len = data[6] == 1 ? rf__u16_at(data + 8) : rf__u32_at(data + 8);
    if (len > MAX_HEADER || len > size - begin)
        return rf__fail(err, RF_BAD_FORMAT, "%s: its header is %zu bytes long, which cannot be", path, len);
    memcpy(header, data + begin, len);
    header[len] = '\0';
    type = value_of(header, "'descr'");
    width = type == NULL ? 0 : strncmp(type, "'<f4'", 5) == 0 ? 4 : strncmp(type, "'<f2'", 5) == 0 ? 2 : 0;
    if (width == 0 || value_of(header, "'fortran_order'") == NULL ||
        strncmp(value_of(header, "'fortran_order'"), "False", 5) != 0 ||
        !read_shape(value_of(header, "'shape'"), &out->rows, &out->cols))
        return rf__fail(err, RF_UNSUPPORTED, "%s: is %.200s, expected rows of '<f4' or '<f2' in C order", path, header);
    if (!rf__mul(out->rows, out->cols, &n) || !rf__mul(n, width, &bytes) || bytes != size - begin - len)
        return rf__fail(err, RF_BAD_FORMAT, "%s: has %zu bytes of numbers, which are not %zu rows of %zu", path,
                        size - begin - len, out->rows, out->cols);
    return convert(data + begin + len, width, out, err);
}

rf_status rf__npy_parse(const uint8_t *data, size_t size, const char *path, struct npy *out, rf_error *err)
{
    *out = (struct npy){0};
    return parse(data, size, path, out, err);
}

rf_status rf__npy_read(const char *path, struct npy *out, rf_error *err)
{
    struct os_map map = {0};
    rf_status status = rf__os_map_file(path, &map, err);

    *out = (struct npy){0};
    if (status == RF_OK)
        status = rf__npy_parse(map.data, map.size, path, out, err);
    rf__os_unmap(&map);
    return status;
}
