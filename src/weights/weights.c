/*
 * weights: see weights.h. One or several mapped files behind one list of tensors sorted by name; a name comes once.
 *
 * The index of shards: {"metadata": {…}, "weight_map": {TENSOR: FILE, …}}; the files lie beside the index.
 */
#include "weights/weights.h"

#include "weights/reader.h"

#include "base/json.h"
#include "base/mem.h"
#include "os/os.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#define SHARDS_MAX 4096

struct shard {
    struct os_map map;
    struct reader_memory memory;
    char *file; /* its name in the index; NULL for a single file */
};

struct weights {
    char *path;
    struct shard *shards;
    size_t n_shards;
    struct tensor_list tensors; /* sorted by name */
};

/* ---- The list ------------------------------------------------------------------------------------------------ */

rf_status rf__tensor_list_add(struct tensor_list *list, const struct tensor *tensor, rf_error *err)
{
    if (list->n == list->cap) {
        size_t cap = list->cap == 0 ? 64 : list->cap, bytes;
        struct tensor *items = NULL;
        if (rf__mul(cap, 2, &cap) && rf__mul(cap, sizeof *items, &bytes))
            items = rf__realloc(list->items, bytes);
        if (items == NULL)
            return rf__fail_memory(err);
        list->items = items;
        list->cap = cap;
    }
    list->items[list->n++] = *tensor;
    return RF_OK;
}

void *rf__reader_alloc(struct reader_memory *memory, size_t size)
{
    void **blocks, *block;

    if ((memory->n & (memory->n - 1)) == 0) { /* as many as there is room for: 0, 1, 2, 4 … */
        if (memory->n > SIZE_MAX / 2 / sizeof *blocks)
            return NULL;
        blocks = rf__realloc(memory->blocks, (memory->n == 0 ? 1 : 2 * memory->n) * sizeof *blocks);
        if (blocks == NULL)
            return NULL;
        memory->blocks = blocks;
    }
    block = rf__alloc(size);
    if (block != NULL)
        memory->blocks[memory->n++] = block;
    return block;
}

void rf__reader_release(struct reader_memory *memory)
{
    for (size_t i = 0; i < memory->n; i++)
        rf__free(memory->blocks[i]);
    rf__free(memory->blocks);
    *memory = (struct reader_memory){0};
}

static int compare_names(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static rf_status sort_by_name(struct tensor_list *list, const char *path, rf_error *err)
{
    if (list->n == 0)
        return rf__fail(err, RF_BAD_FORMAT, "%s: holds no tensors", path);
    qsort(list->items, list->n, sizeof *list->items, compare_names);
    for (size_t i = 1; i < list->n; i++) {
        if (strcmp(list->items[i - 1].name, list->items[i].name) == 0)
            return rf__fail(err, RF_BAD_FORMAT, "%s: tensor '%s' is there twice", path, list->items[i].name);
    }
    return RF_OK;
}

/* ---- One file ------------------------------------------------------------------------------------------------ */

/* Maps a file into the next of w->shards, for which there must be room, and adds its tensors. */
static rf_status open_file(struct weights *w, const char *path, rf_error *err)
{
    struct shard *shard = &w->shards[w->n_shards];
    size_t first = w->tensors.n;
    rf_status status = rf__os_map_file(path, &shard->map, err);

    if (status != RF_OK)
        return status;
    w->n_shards++;
    if (rf__ends_with(path, ".bin") || rf__is_pytorch(shard->map.data, shard->map.size))
        status = rf__pytorch_read(shard->map.data, shard->map.size, path, &w->tensors, &shard->memory, err);
    else
        status = rf__safetensors_read(shard->map.data, shard->map.size, path, &w->tensors, &shard->memory, err);
    for (size_t i = first; i < w->tensors.n; i++)
        w->tensors.items[i].file = w->n_shards - 1;
    return status;
}

static rf_status open_single(struct weights *w, rf_error *err)
{
    w->shards = rf__calloc(1, sizeof *w->shards);
    return w->shards == NULL ? rf__fail_memory(err) : open_file(w, w->path, err);
}

/* ---- Shards -------------------------------------------------------------------------------------------------- */

/* Whether it can only name a file beside the index. */
static bool is_plain_file_name(const char *name, size_t len)
{
    if (len == 0 || strlen(name) != len || strpbrk(name, "/\\:") != NULL)
        return false;
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int compare_files(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

/* The different files of the weight_map, sorted: an array of borrowed names. */
static rf_status list_files(const struct json *index, yyjson_val *map, const char ***out, size_t *n_out, rf_error *err)
{
    const char **files = rf__alloc_array(yyjson_obj_size(map), sizeof *files);
    yyjson_val *key, *value;
    size_t i, n_entries, n = 0;

    if (files == NULL)
        return rf__fail_memory(err);
    yyjson_obj_foreach(map, i, n_entries, key, value)
    {
        if (!yyjson_is_str(value) || !is_plain_file_name(yyjson_get_str(value), yyjson_get_len(value))) {
            rf__free(files);
            return rf__fail(err, RF_BAD_FORMAT, "%s: 'weight_map' gives '%s' for tensor '%s', expected a file name",
                            index->name, yyjson_is_str(value) ? yyjson_get_str(value) : rf__json_type_name(value),
                            yyjson_get_str(key));
        }
        files[n++] = yyjson_get_str(value);
    }
    qsort(files, n, sizeof *files, compare_files);
    *n_out = 0;
    for (i = 0; i < n; i++) {
        if (i == 0 || strcmp(files[*n_out - 1], files[i]) != 0)
            files[(*n_out)++] = files[i];
    }
    *out = files;
    return RF_OK;
}

static rf_status open_shard(struct weights *w, const char *file, rf_error *err)
{
    const char *slash = strrchr(w->path, '/');
    size_t dir_len = slash == NULL ? 0 : (size_t)(slash - w->path) + 1;
    char *path = rf__format("%.*s%s", (int)dir_len, w->path, file);
    size_t shard = w->n_shards;
    rf_status status = path == NULL ? rf__fail_memory(err) : open_file(w, path, err);

    if (status == RF_NOT_FOUND)
        rf__fail_prefix(err, status, "a file named by %s", w->path);
    if (status == RF_OK && (w->shards[shard].file = rf__strdup(file)) == NULL)
        status = rf__fail_memory(err);
    rf__free(path);
    return status;
}

/* Whether a tensor is in the file that the index names. */
static bool is_in_file(const struct weights *w, const struct tensor *tensor, const char *file)
{
    return tensor->file < w->n_shards && strcmp(w->shards[tensor->file].file, file) == 0;
}

/* Every tensor of the index is where it says. Called when the list is sorted. */
static rf_status check_map(const struct weights *w, const struct json *index, yyjson_val *map, rf_error *err)
{
    yyjson_val *key, *value;
    size_t i, n;

    yyjson_obj_foreach(map, i, n, key, value)
    {
        const struct tensor *tensor = rf__weights_find(w, yyjson_get_str(key));
        if (tensor == NULL || !is_in_file(w, tensor, yyjson_get_str(value)))
            return rf__fail(err, RF_BAD_FORMAT, "%s: tensor '%s' is not in '%s', which 'weight_map' names for it",
                            index->name, yyjson_get_str(key), yyjson_get_str(value));
    }
    return RF_OK;
}

static rf_status open_files(struct weights *w, const struct json *index, yyjson_val *map, rf_error *err)
{
    const char **files = NULL;
    size_t n_files = 0;
    rf_status status = list_files(index, map, &files, &n_files, err);

    if (status != RF_OK)
        return status;
    if (n_files > SHARDS_MAX)
        status =
            rf__fail(err, RF_UNSUPPORTED, "%s: names %zu files, expected at most %d", index->name, n_files, SHARDS_MAX);
    if (status == RF_OK && (w->shards = rf__calloc(n_files, sizeof *w->shards)) == NULL)
        status = rf__fail_memory(err);
    for (size_t i = 0; i < n_files && status == RF_OK; i++)
        status = open_shard(w, files[i], err);
    if (status == RF_OK)
        status = sort_by_name(&w->tensors, w->path, err);
    if (status == RF_OK)
        status = check_map(w, index, map, err);
    rf__free(files);
    return status;
}

static rf_status open_index(struct weights *w, rf_error *err)
{
    struct json index = {0};
    struct buf text;
    yyjson_val *map = NULL;
    rf_status status;

    rf__buf_init(&text, RF_JSON_MAX_BYTES);
    status = rf__os_read_file(w->path, &text, err);
    if (status == RF_OK)
        status = rf__json_parse(&index, text.data != NULL ? text.data : "", text.len, w->path, err);
    if (status == RF_OK)
        status = rf__json_get_object(&index, index.root, "weight_map", &map, err);
    if (status == RF_OK && yyjson_obj_size(map) == 0)
        status = rf__fail(err, RF_BAD_FORMAT, "%s: has no 'weight_map' that names the files of the weights", w->path);
    if (status == RF_OK)
        status = open_files(w, &index, map, err);
    rf__json_release(&index);
    rf__buf_release(&text);
    return status;
}

/* ---- Opening ------------------------------------------------------------------------------------------------- */

/* The weights file of a model directory, in new memory. */
static rf_status find_in_directory(const char *dir, char **out, rf_error *err)
{
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                                        "pytorch_model.bin.index.json"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        *out = rf__path_join(dir, names[i]);
        if (*out == NULL)
            return rf__fail_memory(err);
        if (rf__os_is_file(*out))
            return RF_OK;
        rf__free(*out);
        *out = NULL;
    }
    return rf__fail(err, RF_NOT_FOUND, "%s: has no weights: neither model.safetensors nor pytorch_model.bin", dir);
}

static rf_status open_path(struct weights *w, const char *path, rf_error *err)
{
    rf_status status = RF_OK;

    if (rf__os_is_directory(path)) {
        status = find_in_directory(path, &w->path, err);
    } else {
        w->path = rf__strdup(path);
        if (w->path == NULL)
            status = rf__fail_memory(err);
    }
    if (status != RF_OK)
        return status;
    if (rf__ends_with(w->path, ".index.json"))
        return open_index(w, err);
    status = open_single(w, err);
    return status != RF_OK ? status : sort_by_name(&w->tensors, w->path, err);
}

rf_status rf__weights_open(const char *path, struct weights **out, rf_error *err)
{
    struct weights *w = rf__calloc(1, sizeof *w);
    rf_status status;

    if (w == NULL)
        return rf__fail_memory(err);
    status = open_path(w, path, err);
    if (status != RF_OK) {
        rf__weights_free(w);
        return status;
    }
    *out = w;
    return RF_OK;
}

rf_status rf__weights_of(const char *path, const struct tensor *tensors, size_t n, struct weights **out, rf_error *err)
{
    struct weights *w = rf__calloc(1, sizeof *w);
    rf_status status = RF_OK;

    if (w == NULL || (w->path = rf__strdup(path)) == NULL)
        status = rf__fail_memory(err);
    for (size_t i = 0; i < n && status == RF_OK; i++)
        status = rf__tensor_list_add(&w->tensors, &tensors[i], err);
    if (status == RF_OK)
        status = sort_by_name(&w->tensors, path, err);
    if (status != RF_OK) {
        rf__weights_free(w);
        return status;
    }
    *out = w;
    return RF_OK;
}

void rf__weights_free(struct weights *w)
{
    if (w == NULL)
        return;
    for (size_t i = 0; i < w->n_shards; i++) {
        rf__os_unmap(&w->shards[i].map);
        rf__reader_release(&w->shards[i].memory);
        rf__free(w->shards[i].file);
    }
    rf__free(w->shards);
    rf__free(w->tensors.items);
    rf__free(w->path);
    rf__free(w);
}

const char *rf__weights_path(const struct weights *w)
{
    return w->path;
}

size_t rf__weights_count(const struct weights *w)
{
    return w->tensors.n;
}

const struct tensor *rf__weights_at(const struct weights *w, size_t i)
{
    return &w->tensors.items[i];
}

const struct tensor *rf__weights_find(const struct weights *w, const char *name)
{
    const struct tensor key = {.name = name};

    return bsearch(&key, w->tensors.items, w->tensors.n, sizeof key, compare_names);
}

static bool has(const struct weights *w, const char *prefix, const char *tensor)
{
    char name[256];

    return snprintf(name, sizeof name, "%s%s", prefix, tensor) < (int)sizeof name && rf__weights_find(w, name) != NULL;
}

const char *rf__weights_prefix(const struct weights *w, const char *tensor, const char *const *own)
{
    static const char *const any[] = {"", "model.", "encoder."};

    for (size_t i = 0; i < sizeof any / sizeof any[0]; i++)
        if (has(w, any[i], tensor))
            return any[i];
    while (*own != NULL && !has(w, *own, tensor))
        own++;
    return *own;
}
