/*
 * safetensors: https://github.com/huggingface/safetensors#format
 *
 *     u64 little-endian: length of the header
 *     header: {"__metadata__": {text: text}?, NAME: {"dtype": "F32", "shape": [384], "data_offsets": [begin, end]}, …}
 *     data: the tensors end to end; offsets count from here
 *
 * Checked as the reference's own crate does: tensors sorted by offset leave no hole, do not overlap and end with the
 * file; shape and type give just the length; a name comes once (weights.c sees to that, over all shards).
 */
#include "weights/reader.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_MAX ((uint64_t)100000000) /* bytes; the crate's own limit */
#define LFS_BEGIN  "version https://git-lfs.github.com/spec/"

/* Finds the header. A pointer file and a web page are told from a damaged file, since they are what people really have.
 */
static rf_status find_header(const uint8_t *data, size_t size, const char *path, size_t *len, rf_error *err)
{
    uint64_t n;

    if (size >= sizeof LFS_BEGIN - 1 && memcmp(data, LFS_BEGIN, sizeof LFS_BEGIN - 1) == 0)
        return rf__fail(err, RF_BAD_FORMAT,
                        "%s: is a git-lfs pointer, not the weights it stands for; run 'git lfs pull' in its "
                        "repository or download the file again",
                        path);
    if (size < 8)
        return rf__fail(err, RF_BAD_FORMAT, "%s: has %zu bytes, too few for a safetensors file; download it again",
                        path, size);
    n = rf__u64_at(data);
    if (n > HEADER_MAX)
        return rf__fail(err, RF_BAD_FORMAT,
                        "%s: is no safetensors file: its header would have %llu bytes, expected at most %llu", path,
                        (unsigned long long)n, (unsigned long long)HEADER_MAX);
    if (n > size - 8)
        return rf__fail(err, RF_BAD_FORMAT,
                        "%s: is cut off: its header has %llu bytes and the file %zu; download it again", path,
                        (unsigned long long)n, size);
    if (n == 0 || data[8] != '{')
        return rf__fail(err, RF_BAD_FORMAT, "%s: is no safetensors file: its header does not begin with '{'", path);
    *len = (size_t)n;
    return RF_OK;
}

static rf_status bad_tensor(const struct json *header, const char *name, const char *what, rf_error *err)
{
    return rf__fail(err, RF_BAD_FORMAT, "%s: tensor '%s' %s", header->name, name, what);
}

static rf_status read_dtype(const struct json *header, yyjson_val *value, struct tensor *tensor, rf_error *err)
{
    const char *dtype = yyjson_get_str(yyjson_obj_get(value, "dtype"));

    if (dtype == NULL)
        return bad_tensor(header, tensor->name, "has no \"dtype\" of text", err);
    if (!rf__dtype_from_name(dtype, &tensor->dtype))
        return rf__fail(err, RF_UNSUPPORTED, "%s: tensor '%s' is of type '%s', which is not supported", header->name,
                        tensor->name, dtype);
    return RF_OK;
}

/* Fills shape, n_elements and data_size. */
static rf_status read_shape(const struct json *header, yyjson_val *value, struct tensor *tensor, rf_error *err)
{
    yyjson_val *shape = yyjson_obj_get(value, "shape"), *dim;
    size_t n = 1, i, n_dims;

    if (!yyjson_is_arr(shape))
        return bad_tensor(header, tensor->name, "has no \"shape\" that is an array", err);
    if (yyjson_arr_size(shape) > WEIGHTS_MAX_RANK)
        return rf__fail(err, RF_UNSUPPORTED, "%s: tensor '%s' has %zu dimensions, expected at most %d", header->name,
                        tensor->name, yyjson_arr_size(shape), WEIGHTS_MAX_RANK);
    yyjson_arr_foreach(shape, i, n_dims, dim)
    {
        if (!yyjson_is_uint(dim))
            return bad_tensor(header, tensor->name, "has a \"shape\" with something else than whole numbers", err);
        if (yyjson_get_uint(dim) > SIZE_MAX || !rf__mul(n, (size_t)yyjson_get_uint(dim), &n))
            return bad_tensor(header, tensor->name, "has a shape of more elements than there can be", err);
        tensor->shape[tensor->rank++] = yyjson_get_uint(dim);
    }
    tensor->n_elements = n;
    if (!rf__mul(n, rf__dtype_size(tensor->dtype), &tensor->data_size))
        return bad_tensor(header, tensor->name, "has a shape of more bytes than there can be", err);
    return RF_OK;
}

static rf_status read_offsets(const struct json *header, yyjson_val *value, const uint8_t *data, size_t size,
                              struct tensor *tensor, rf_error *err)
{
    yyjson_val *offsets = yyjson_obj_get(value, "data_offsets");
    yyjson_val *first = yyjson_arr_get(offsets, 0), *second = yyjson_arr_get(offsets, 1);
    uint64_t begin, end;

    if (yyjson_arr_size(offsets) != 2 || !yyjson_is_uint(first) || !yyjson_is_uint(second))
        return bad_tensor(header, tensor->name, "has no \"data_offsets\" of two whole numbers", err);
    begin = yyjson_get_uint(first);
    end = yyjson_get_uint(second);
    if (begin > end || end > size)
        return rf__fail(err, RF_BAD_FORMAT,
                        "%s: tensor '%s' lies in bytes %llu to %llu of %zu: the file is damaged or cut off; download "
                        "it again",
                        header->name, tensor->name, (unsigned long long)begin, (unsigned long long)end, size);
    if (end - begin != tensor->data_size)
        return rf__fail(err, RF_BAD_FORMAT, "%s: tensor '%s' has %llu bytes, expected %zu of its shape and type %s",
                        header->name, tensor->name, (unsigned long long)(end - begin), tensor->data_size,
                        rf__dtype_name(tensor->dtype));
    tensor->data = data + begin;
    return RF_OK;
}

static rf_status check_metadata(const struct json *header, yyjson_val *metadata, rf_error *err)
{
    yyjson_val *key, *value;
    size_t i, n;

    if (yyjson_is_null(metadata))
        return RF_OK;
    if (!yyjson_is_obj(metadata))
        return rf__fail(err, RF_BAD_FORMAT, "%s: '__metadata__' is %s, expected an object", header->name,
                        rf__json_type_name(metadata));
    yyjson_obj_foreach(metadata, i, n, key, value)
    {
        if (!yyjson_is_str(value))
            return rf__fail(err, RF_BAD_FORMAT, "%s: '%s' of '__metadata__' is %s, expected a string", header->name,
                            yyjson_get_str(key), rf__json_type_name(value));
    }
    return RF_OK;
}

/* Adds the tensors that the header names. Each name fits into `names`: JSON spends at least two bytes more on it. */
static rf_status read_header(const struct json *header, const uint8_t *data, size_t size, struct tensor_list *list,
                             char *names, rf_error *err)
{
    yyjson_val *key, *value;
    size_t i, n;
    rf_status status = RF_OK;

    if (!yyjson_is_obj(header->root))
        return rf__fail(err, RF_BAD_FORMAT, "%s: the header is %s, expected an object", header->name,
                        rf__json_type_name(header->root));
    yyjson_obj_foreach(header->root, i, n, key, value)
    {
        struct tensor tensor = {.name = names};
        size_t len = yyjson_get_len(key);
        if (yyjson_equals_str(key, "__metadata__")) {
            if ((status = check_metadata(header, value, err)) != RF_OK)
                return status;
            continue;
        }
        memcpy(names, yyjson_get_str(key), len);
        names[len] = '\0';
        names += len + 1;
        if (strlen(tensor.name) != len)
            return bad_tensor(header, tensor.name, "has a NUL in its name", err);
        if ((status = read_dtype(header, value, &tensor, err)) != RF_OK ||
            (status = read_shape(header, value, &tensor, err)) != RF_OK ||
            (status = read_offsets(header, value, data, size, &tensor, err)) != RF_OK ||
            (status = rf__tensor_list_add(list, &tensor, err)) != RF_OK)
            return status;
    }
    return RF_OK;
}

static int compare_places(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;

    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return (x->data_size > y->data_size) - (x->data_size < y->data_size);
}

/* Sorts the tensors by place and sees that they cover the data, each byte once. */
static rf_status check_cover(struct tensor *tensors, size_t n, const uint8_t *data, size_t size, const char *path,
                             rf_error *err)
{
    size_t end = 0;

    if (n > 1)
        qsort(tensors, n, sizeof *tensors, compare_places);
    for (size_t i = 0; i < n; i++) {
        size_t begin = (size_t)(tensors[i].data - data);
        if (begin != end)
            return rf__fail(err, RF_BAD_FORMAT, "%s: tensor '%s' begins at byte %zu, expected %zu: tensors %s", path,
                            tensors[i].name, begin, end, begin < end ? "overlap" : "leave a hole");
        end = begin + tensors[i].data_size;
    }
    if (end != size)
        return rf__fail(err, RF_BAD_FORMAT, "%s: has %zu bytes of data, expected %zu of its tensors; download it again",
                        path, size, end);
    return RF_OK;
}

rf_status rf__safetensors_read(const uint8_t *data, size_t size, const char *path, struct tensor_list *list,
                               struct reader_memory *memory, rf_error *err)
{
    struct json header = {0};
    size_t header_len = 0, first = list->n;
    char *names;
    rf_status status;

    if ((status = find_header(data, size, path, &header_len, err)) != RF_OK)
        return status;
    status = rf__json_parse(&header, (const char *)data + 8, header_len, path, err);
    if (status != RF_OK)
        return status;
    data += 8 + header_len;
    size -= 8 + header_len;
    names = rf__reader_alloc(memory, header_len);
    status = names == NULL ? rf__fail_memory(err) : read_header(&header, data, size, list, names, err);
    /* An empty list has no memory to point into. */
    if (status == RF_OK)
        status = check_cover(list->n > first ? list->items + first : NULL, list->n - first, data, size, path, err);
    rf__json_release(&header);
    return status;
}
