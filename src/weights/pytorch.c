/*
 * pytorch: the files of torch.save(), pytorch_model.bin. Since PyTorch 1.6 a zip archive:
 *
 *     NAME/data.pkl      the pickled state dict: text -> tensor, a tensor a view of a storage
 *     NAME/data/KEY      the bytes of storage KEY
 *     NAME/byteorder     "little" or "big"; missing in older files: little
 *
 * before that, pickles one behind the other (torch/serialization.py, _legacy_load):
 *
 *     magic number | protocol version 1001 | system | state dict | [KEY, …] | for each key: u64 elements, bytes
 *
 * A tensor is checked to lie in its storage and a storage in the file. One that is transposed is laid out in memory of
 * its own. A file may say so of the same bytes many times: what is copied, names included, is in sum at most as much as
 * the file has bytes.
 */
#include "weights/reader.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "base/bytes.h"
#include "weights/pickle.h"
#include "weights/zip.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t legacy_magic[] = {0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                       0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e};

#define PICKLE_NAME   "/data.pkl"
#define LEGACY_CHECKS 2 /* pickles between the magic number and the state dict: version, system */

/* A storage of an old file. */
struct storage_place {
    const char *key; /* not terminated */
    size_t key_len;
    enum dtype dtype;
    const uint8_t *data; /* NULL: not found yet */
    size_t size;         /* bytes */
};

/* A file while it is read. */
struct reading {
    const char *path;
    struct pickle pickle; /* the state dict */
    struct zip zip;
    const char *prefix; /* of the names in the archive; not terminated */
    size_t prefix_len;
    struct storage_place *places; /* [n_places] of an old file, sorted by key; NULL: it is an archive */
    size_t n_places;
    struct tensor_list *list;
    struct reader_memory *memory;
    size_t may_copy; /* bytes */
};

bool rf__is_pytorch(const uint8_t *data, size_t size)
{
    return rf__is_zip(data, size) ||
           (size >= sizeof legacy_magic && memcmp(data, legacy_magic, sizeof legacy_magic) == 0);
}

static rf_status damaged(const struct reading *in, const char *what, rf_error *err)
{
    return rf__fail(err, RF_BAD_FORMAT, "%s: %s; the file is damaged: download it again", in->path, what);
}

/* ---- The archive --------------------------------------------------------------------------------------------- */

static rf_status find_pickle(struct reading *in, const struct zip_entry **out, rf_error *err)
{
    size_t end = sizeof PICKLE_NAME - 1;

    *out = NULL;
    for (size_t i = 0; i < in->zip.n; i++) {
        const struct zip_entry *entry = &in->zip.entries[i];
        if (entry->name_len < end || memcmp(entry->name + entry->name_len - end, PICKLE_NAME, end) != 0)
            continue;
        if (*out != NULL)
            return damaged(in, "has two entries called data.pkl", err);
        *out = entry;
        in->prefix = entry->name;
        in->prefix_len = entry->name_len - end;
    }
    if (*out == NULL)
        return rf__fail(err, RF_BAD_FORMAT, "%s: is a zip archive without data.pkl: no file of torch.save()", in->path);
    return RF_OK;
}

/* The entry PREFIX/folder KEY; *out is NULL when there is none. */
static rf_status find_entry(const struct reading *in, const char *folder, const char *key, size_t len,
                            const struct zip_entry **out, rf_error *err)
{
    char *name = rf__format("%.*s%s%.*s", (int)in->prefix_len, in->prefix, folder, (int)len, key);

    if (name == NULL)
        return rf__fail_memory(err);
    *out = rf__zip_find(&in->zip, name, strlen(name));
    rf__free(name);
    return RF_OK;
}

static rf_status open_zip(struct reading *in, const uint8_t *data, size_t size, rf_error *err)
{
    const struct zip_entry *pickle, *order = NULL;
    size_t used;
    rf_status status = rf__zip_open(data, size, in->path, &in->zip, err);

    if (status == RF_OK)
        status = find_pickle(in, &pickle, err);
    if (status == RF_OK)
        status = find_entry(in, "/byteorder", "", 0, &order, err);
    if (status != RF_OK)
        return status;
    if (order != NULL && (order->size != 6 || memcmp(order->data, "little", 6) != 0))
        return rf__fail(err, RF_UNSUPPORTED, "%s: was saved on a big-endian machine; save it as safetensors", in->path);
    return rf__pickle_read(pickle->data, pickle->size, in->path, (size_t)(pickle->data - data), &in->pickle, &used,
                           err);
}

/* ---- The old form -------------------------------------------------------------------------------------------- */

static rf_status read_next(const struct reading *in, const uint8_t *data, size_t size, size_t *at, struct pickle *out,
                           rf_error *err)
{
    size_t used = 0;
    rf_status status = rf__pickle_read(data + *at, size - *at, in->path, *at, out, &used, err);

    *at += used;
    return status;
}

/* By key, then by type. */
static int compare_places(const void *a, const void *b)
{
    const struct storage_place *x = a, *y = b;
    size_t n = x->key_len < y->key_len ? x->key_len : y->key_len;
    int order = n == 0 ? 0 : memcmp(x->key, y->key, n);

    if (order != 0)
        return order;
    if (x->key_len != y->key_len)
        return x->key_len < y->key_len ? -1 : 1;
    return (x->dtype > y->dtype) - (x->dtype < y->dtype);
}

/* The storages that the state dict names, sorted, without their places. */
static rf_status list_storages(struct reading *in, rf_error *err)
{
    size_t cap = rf__pickle_count(&in->pickle, PICKLE_STORAGE), n = 0;
    struct pickle_cursor cursor = rf__pickle_cursor(&in->pickle);
    const struct pickle_value *value;

    in->places = rf__calloc(cap, sizeof *in->places);
    if (in->places == NULL)
        return rf__fail_memory(err);
    while ((value = rf__pickle_next(&cursor, PICKLE_STORAGE)) != NULL) {
        const struct pickle_value *key = value->as.storage.key;
        in->places[n++] = (struct storage_place){
            .key = key->as.text.data, .key_len = key->as.text.len, .dtype = value->as.storage.dtype};
    }
    if (n > 1)
        qsort(in->places, n, sizeof *in->places, compare_places);
    for (size_t i = 0; i < n; i++)
        if (in->n_places == 0 || compare_places(&in->places[in->n_places - 1], &in->places[i]) != 0)
            in->places[in->n_places++] = in->places[i];
    for (size_t i = 1; i < in->n_places; i++)
        if (in->places[i - 1].key_len == in->places[i].key_len &&
            memcmp(in->places[i - 1].key, in->places[i].key, in->places[i].key_len) == 0)
            return damaged(in, "a storage has two types", err);
    return RF_OK;
}

static struct storage_place *find_place(const struct reading *in, const struct pickle_value *key)
{
    for (size_t low = 0, high = in->n_places; low < high;) {
        size_t middle = low + (high - low) / 2;
        struct storage_place *place = &in->places[middle];
        struct storage_place wanted = {.key = key->as.text.data, .key_len = key->as.text.len, .dtype = place->dtype};
        int order = compare_places(&wanted, place);
        if (order == 0)
            return place;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* The storages come in the order of the keys; the length of one is known by its type alone. */
static rf_status place_storages(struct reading *in, const uint8_t *data, size_t size, size_t at,
                                const struct pickle_value *keys, rf_error *err)
{
    if (keys->kind != PICKLE_LIST)
        return damaged(in, "has no list of storages", err);
    for (size_t i = 0; i < keys->as.items.n; i++) {
        const struct pickle_value *key = keys->as.items.at[i];
        struct storage_place *place = key->kind == PICKLE_TEXT ? find_place(in, key) : NULL;
        uint64_t n;
        if (place == NULL)
            return damaged(in, "has a storage that no tensor names", err);
        if (place->data != NULL)
            return damaged(in, "has a storage twice", err);
        if (size - at < 8)
            return damaged(in, "is cut off before the bytes of a storage", err);
        n = rf__u64_at(data + at);
        at += 8;
        if (n > (size - at) / rf__dtype_size(place->dtype))
            return damaged(in, "is cut off in the bytes of a storage", err);
        place->data = data + at;
        place->size = (size_t)n * rf__dtype_size(place->dtype);
        at += place->size;
    }
    return RF_OK;
}

static rf_status open_legacy(struct reading *in, const uint8_t *data, size_t size, rf_error *err)
{
    struct pickle keys = {0};
    size_t at = sizeof legacy_magic;
    rf_status status = RF_OK;

    for (int i = 0; i < LEGACY_CHECKS && status == RF_OK; i++) {
        struct pickle skipped = {0};
        status = read_next(in, data, size, &at, &skipped, err);
        rf__pickle_release(&skipped);
    }
    if (status == RF_OK)
        status = read_next(in, data, size, &at, &in->pickle, err);
    if (status == RF_OK)
        status = list_storages(in, err);
    if (status == RF_OK)
        status = read_next(in, data, size, &at, &keys, err);
    if (status == RF_OK)
        status = place_storages(in, data, size, at, keys.root, err);
    rf__pickle_release(&keys);
    return status;
}

/* ---- Tensors ------------------------------------------------------------------------------------------------- */

static rf_status bad_tensor(const struct reading *in, const struct tensor *tensor, const char *what, rf_error *err)
{
    return rf__fail(err, RF_BAD_FORMAT, "%s: tensor '%s' %s; the file is damaged: download it again", in->path,
                    tensor->name, what);
}

/* The bytes of a tensor's storage, at least as many as it says that it has. */
static rf_status find_storage(const struct reading *in, const struct tensor *tensor,
                              const struct pickle_storage *storage, const uint8_t **data, rf_error *err)
{
    size_t size = 0, need;

    *data = NULL;
    if (storage->is_view)
        return rf__fail(err, RF_UNSUPPORTED,
                        "%s: tensor '%s' lies in a view of another storage, as PyTorch 0.1 wrote "
                        "it; save the model again",
                        in->path, tensor->name);
    if (in->places != NULL) {
        const struct storage_place *place = find_place(in, storage->key);
        *data = place == NULL ? NULL : place->data;
        size = place == NULL ? 0 : place->size;
    } else {
        const struct zip_entry *entry = NULL;
        const struct pickle_value *key = storage->key;
        rf_status status = find_entry(in, "/data/", key->as.text.data, key->as.text.len, &entry, err);
        if (status != RF_OK)
            return status;
        *data = entry == NULL ? NULL : entry->data;
        size = entry == NULL ? 0 : entry->size;
    }
    if (*data == NULL)
        return bad_tensor(in, tensor, "has no bytes in the file", err);
    if (storage->n_elements > SIZE_MAX || !rf__mul((size_t)storage->n_elements, rf__dtype_size(tensor->dtype), &need) ||
        need > size)
        return bad_tensor(in, tensor, "has a storage of fewer bytes than it says", err);
    return RF_OK;
}

static uint64_t size_at(const struct pickle_value *sizes, size_t i)
{
    return (uint64_t)sizes->as.items.at[i]->as.integer;
}

/* Fills rank, shape, n_elements and data_size. */
static rf_status read_shape(const struct reading *in, const struct pickle_tensor *from, struct tensor *tensor,
                            rf_error *err)
{
    size_t n = 1;

    if (from->shape->as.items.n > WEIGHTS_MAX_RANK)
        return rf__fail(err, RF_UNSUPPORTED, "%s: tensor '%s' has %zu dimensions, expected at most %d", in->path,
                        tensor->name, from->shape->as.items.n, WEIGHTS_MAX_RANK);
    tensor->rank = (uint32_t)from->shape->as.items.n;
    for (size_t i = 0; i < tensor->rank; i++) {
        tensor->shape[i] = size_at(from->shape, i);
        if (tensor->shape[i] > SIZE_MAX || !rf__mul(n, (size_t)tensor->shape[i], &n))
            return bad_tensor(in, tensor, "has a shape of more elements than there can be", err);
    }
    tensor->n_elements = n;
    if (!rf__mul(n, rf__dtype_size(tensor->dtype), &tensor->data_size))
        return bad_tensor(in, tensor, "has a shape of more bytes than there can be", err);
    return RF_OK;
}

/* Whether the last element lies in the storage. */
static bool is_inside(const struct pickle_tensor *from, const struct tensor *tensor, uint64_t n_storage)
{
    uint64_t last = from->offset;

    if (tensor->n_elements == 0)
        return from->offset <= n_storage;
    for (size_t i = 0; i < tensor->rank; i++) {
        uint64_t stride = size_at(from->strides, i), steps = tensor->shape[i] - 1;
        if (steps > 0 && stride > (n_storage - (last < n_storage ? last : n_storage)) / steps)
            return false;
        last += steps * stride;
    }
    return last < n_storage && tensor->n_elements <= n_storage;
}

static bool is_contiguous(const struct pickle_tensor *from, const struct tensor *tensor)
{
    uint64_t stride = 1;

    for (size_t i = tensor->rank; i-- > 0;) {
        if (tensor->shape[i] != 1 && size_at(from->strides, i) != stride)
            return false;
        stride *= tensor->shape[i];
    }
    return true;
}

/* Memory of the tensors', out of what may be copied. */
static rf_status alloc_copy(struct reading *in, size_t size, void **out, rf_error *err)
{
    if (size > in->may_copy)
        return damaged(in, "its tensors share so much that they are larger than the file", err);
    in->may_copy -= size;
    *out = rf__reader_alloc(in->memory, size);
    return *out == NULL ? rf__fail_memory(err) : RF_OK;
}

/* Lays the elements out in the order of the shape. */
static rf_status lay_out(struct reading *in, const struct pickle_tensor *from, struct tensor *tensor,
                         const uint8_t *storage, rf_error *err)
{
    size_t element = rf__dtype_size(tensor->dtype);
    uint64_t index[WEIGHTS_MAX_RANK] = {0}, at = from->offset;
    void *memory = NULL;
    uint8_t *out;
    rf_status status = alloc_copy(in, tensor->data_size, &memory, err);

    if (status != RF_OK)
        return status;
    tensor->data = out = memory;
    for (uint64_t i = 0; i < tensor->n_elements; i++) {
        memcpy(out + i * element, storage + at * element, element);
        for (size_t d = tensor->rank; d-- > 0;) {
            at += size_at(from->strides, d);
            if (++index[d] < tensor->shape[d])
                break;
            at -= tensor->shape[d] * size_at(from->strides, d);
            index[d] = 0;
        }
    }
    return RF_OK;
}

static rf_status read_name(struct reading *in, const struct pickle_value *key, struct tensor *tensor, rf_error *err)
{
    size_t len = key->as.text.len;
    rf_status status;
    void *memory = NULL;
    char *name;

    if (len == 0 || memchr(key->as.text.data, '\0', len) != NULL || !rf__utf8_valid(key->as.text.data, len))
        return damaged(in, "a tensor has a name that is no text", err);
    status = alloc_copy(in, len + 1, &memory, err);
    if (status != RF_OK)
        return status;
    name = memory;
    memcpy(name, key->as.text.data, len);
    name[len] = '\0';
    tensor->name = name;
    return RF_OK;
}

static rf_status add_tensor(struct reading *in, const struct pickle_value *key, const struct pickle_tensor *from,
                            rf_error *err)
{
    const struct pickle_storage *storage = &from->storage->as.storage;
    struct tensor tensor = {.dtype = storage->dtype};
    const uint8_t *data;
    rf_status status = read_name(in, key, &tensor, err);

    if (status == RF_OK)
        status = read_shape(in, from, &tensor, err);
    if (status == RF_OK)
        status = find_storage(in, &tensor, storage, &data, err);
    if (status == RF_OK && !is_inside(from, &tensor, storage->n_elements))
        status = bad_tensor(in, &tensor, "does not lie in its storage", err);
    if (status != RF_OK)
        return status;
    if (tensor.n_elements == 0 || is_contiguous(from, &tensor))
        tensor.data = data + (size_t)from->offset * rf__dtype_size(tensor.dtype);
    else
        status = lay_out(in, from, &tensor, data, err);
    return status != RF_OK ? status : rf__tensor_list_add(in->list, &tensor, err);
}

/* The dict with the tensors: the pickle itself, or what training scripts put it into. */
static const struct pickle_value *find_state_dict(const struct pickle_value *root)
{
    static const char *const names[] = {"state_dict", "model_state_dict", "model"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct pickle_value *inner = rf__pickle_get(root, names[i]);
        if (inner != NULL && inner->kind == PICKLE_DICT)
            return inner;
    }
    return root;
}

/* What is in the dict and no tensor (counters, settings) is left out. */
static rf_status add_tensors(struct reading *in, rf_error *err)
{
    const struct pickle_value *dict = in->pickle.root;
    rf_status status = RF_OK;

    if (dict->kind != PICKLE_DICT)
        return rf__fail(err, RF_BAD_FORMAT, "%s: holds no state dict; save model.state_dict() instead", in->path);
    dict = find_state_dict(dict);
    for (size_t i = 0; i + 1 < dict->as.items.n && status == RF_OK; i += 2) {
        const struct pickle_value *key = dict->as.items.at[i], *value = dict->as.items.at[i + 1];
        if (key->kind == PICKLE_TEXT && value->kind == PICKLE_TENSOR)
            status = add_tensor(in, key, &value->as.tensor, err);
    }
    return status;
}

rf_status rf__pytorch_read(const uint8_t *data, size_t size, const char *path, struct tensor_list *list,
                           struct reader_memory *memory, rf_error *err)
{
    struct reading in = {.path = path, .list = list, .memory = memory, .may_copy = size};
    rf_status status;

    if (!rf__is_pytorch(data, size))
        return rf__fail(err, RF_BAD_FORMAT,
                        "%s: is no file of torch.save(); is it a git-lfs pointer, or a web page? Download it again",
                        path);
    status = rf__is_zip(data, size) ? open_zip(&in, data, size, err) : open_legacy(&in, data, size, err);
    if (status == RF_OK)
        status = add_tensors(&in, err);
    rf__pickle_release(&in.pickle);
    rf__zip_release(&in.zip);
    rf__free(in.places);
    return status;
}
