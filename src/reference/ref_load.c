/* ref_load: settings and tensors; see ref.h. */
#include "reference/ref.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define MAX_NAME 256

void *rf__ref_take(struct ref_pool *pool, size_t n, size_t size)
{
    void *block;

    if (!pool->failed && pool->n == pool->cap) {
        size_t cap = pool->cap > 0 ? 2 * pool->cap : 64;
        void **blocks = rf__realloc(pool->blocks, cap * sizeof *blocks);
        pool->failed = blocks == NULL;
        if (blocks != NULL) {
            pool->blocks = blocks;
            pool->cap = cap;
        }
    }
    block = pool->failed ? NULL : rf__calloc(n > 0 ? n : 1, size);
    if (block == NULL) {
        pool->failed = true;
        return NULL;
    }
    pool->blocks[pool->n++] = block;
    return block;
}

void rf__ref_pool_release(struct ref_pool *pool)
{
    for (size_t i = 0; i < pool->n; i++)
        rf__free(pool->blocks[i]);
    rf__free(pool->blocks);
    *pool = (struct ref_pool){0};
}

/* ---- config.json --------------------------------------------------------------------------------------------- */

static void keep(struct ref_loader *loader, rf_status status)
{
    if (loader->status == RF_OK)
        loader->status = status;
}

size_t rf__ref_number(struct ref_loader *loader, const char *key, size_t fallback, size_t max)
{
    uint64_t number = 0;

    if (loader->status == RF_OK)
        keep(loader, rf__json_get_u64(&loader->config, loader->config.root, key, fallback, max, &number, loader->err));
    return (size_t)number;
}

size_t rf__ref_size(struct ref_loader *loader, const char *key, size_t fallback, size_t max)
{
    size_t number = rf__ref_number(loader, key, fallback, max);

    if (loader->status == RF_OK && number == 0)
        rf__ref_refuse(loader, RF_BAD_FORMAT, "'%s' is 0, expected at least 1", key);
    return number > 0 ? number : 1;
}

double rf__ref_double(struct ref_loader *loader, const char *key, double fallback)
{
    double number = fallback;

    if (loader->status == RF_OK)
        keep(loader, rf__json_get_double(&loader->config, loader->config.root, key, fallback, &number, loader->err));
    return number;
}

bool rf__ref_bool(struct ref_loader *loader, const char *key, bool fallback)
{
    bool is_on = fallback;

    if (loader->status == RF_OK)
        keep(loader, rf__json_get_bool(&loader->config, loader->config.root, key, fallback, &is_on, loader->err));
    return is_on;
}

const char *rf__ref_str(struct ref_loader *loader, const char *key, const char *fallback)
{
    const char *text = fallback;

    if (loader->status == RF_OK)
        keep(loader, rf__json_get_str(&loader->config, loader->config.root, key, fallback, &text, loader->err));
    return loader->status == RF_OK ? text : "";
}

void rf__ref_refuse(struct ref_loader *loader, rf_status status, const char *format, ...)
{
    va_list args;

    if (loader->status != RF_OK)
        return;
    va_start(args, format);
    rf__fail_v(loader->err, status, format, args);
    va_end(args);
    rf__fail_prefix(loader->err, status, "%s", loader->config.name);
    loader->status = status;
}

/* ---- Tensors ------------------------------------------------------------------------------------------------- */

bool rf__ref_has(struct ref_loader *loader, const char *format, ...)
{
    char name[MAX_NAME], full[2 * MAX_NAME];
    va_list args;

    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    snprintf(full, sizeof full, "%s%s", loader->prefix, name);
    return rf__weights_find(loader->weights, full) != NULL;
}

static const struct tensor *find(struct ref_loader *loader, const char *name, size_t rows, size_t cols)
{
    const struct tensor *tensor = rf__weights_find(loader->weights, name);
    const char *path = rf__weights_path(loader->weights);
    bool fits;

    if (tensor == NULL) {
        loader->status = rf__fail(loader->err, RF_BAD_FORMAT, "%s: tensor '%s' is missing", path, name);
        return NULL;
    }
    fits = tensor->rank == (cols > 0 ? 2u : 1u) && tensor->shape[0] == rows && (cols == 0 || tensor->shape[1] == cols);
    if (fits && rf__dtype_is_float(tensor->dtype))
        return tensor;
    if (fits)
        loader->status = rf__fail(loader->err, RF_UNSUPPORTED,
                                  "%s: tensor '%s' is of type %s, expected numbers with a "
                                  "point",
                                  path, name, rf__dtype_name(tensor->dtype));
    else if (cols > 0)
        loader->status = rf__fail(loader->err, RF_BAD_FORMAT,
                                  "%s: tensor '%s' is not [%zu, %zu], which config.json asks "
                                  "for",
                                  path, name, rows, cols);
    else
        loader->status = rf__fail(loader->err, RF_BAD_FORMAT,
                                  "%s: tensor '%s' is not [%zu], which config.json asks for", path, name, rows);
    return NULL;
}

static bool is_little_endian(void)
{
    const uint16_t one = 1;

    return *(const uint8_t *)&one == 1;
}

const float *rf__ref_tensor(struct ref_loader *loader, const char *layer, const char *name, size_t rows, size_t cols)
{
    char full[2 * MAX_NAME];
    const struct tensor *tensor;
    float *copy;

    if (loader->status != RF_OK)
        return NULL;
    snprintf(full, sizeof full, "%s%s%s", loader->prefix, layer, name);
    tensor = find(loader, full, rows, cols);
    if (tensor == NULL)
        return NULL;
    if (tensor->dtype == DTYPE_F32 && (uintptr_t)tensor->data % _Alignof(float) == 0 && is_little_endian())
        return (const float *)(const void *)tensor->data;
    copy = rf__ref_take(loader->pool, (size_t)tensor->n_elements, sizeof *copy);
    if (copy == NULL)
        keep(loader, rf__fail_memory(loader->err));
    else
        keep(loader, rf__tensor_to_f32(tensor, 0, tensor->n_elements, copy, loader->err));
    return copy;
}

struct ref_linear rf__ref_linear(struct ref_loader *loader, const char *layer, const char *name, size_t in, size_t out,
                                 bool has_bias)
{
    struct ref_linear linear = {.in = in, .out = out};
    char full[MAX_NAME];

    snprintf(full, sizeof full, "%s.weight", name);
    linear.weight = rf__ref_tensor(loader, layer, full, out, in);
    snprintf(full, sizeof full, "%s.bias", name);
    if (has_bias)
        linear.bias = rf__ref_tensor(loader, layer, full, out, 0);
    return linear;
}

struct ref_linear rf__ref_part(const struct ref_linear *linear, size_t first, size_t n)
{
    struct ref_linear part = {.in = linear->in, .out = n};

    if (linear->weight != NULL)
        part.weight = linear->weight + first * linear->in;
    if (linear->bias != NULL)
        part.bias = linear->bias + first;
    return part;
}

struct ref_norm rf__ref_norm(struct ref_loader *loader, enum ref_norm_kind kind, const char *layer, const char *name,
                             size_t size, double epsilon, bool has_bias)
{
    struct ref_norm norm = {.kind = name == NULL ? REF_NORM_NONE : kind, .size = size, .epsilon = epsilon};
    char full[MAX_NAME];
    bool is_old;

    if (name == NULL)
        return norm;
    is_old = !rf__ref_has(loader, "%s%s.weight", layer, name) && rf__ref_has(loader, "%s%s.gamma", layer, name);
    snprintf(full, sizeof full, "%s.%s", name, is_old ? "gamma" : "weight");
    norm.weight = rf__ref_tensor(loader, layer, full, size, 0);
    snprintf(full, sizeof full, "%s.%s", name, is_old ? "beta" : "bias");
    if (has_bias)
        norm.bias = rf__ref_tensor(loader, layer, full, size, 0);
    if (loader->status == RF_OK && !(epsilon >= 0 && epsilon < 1))
        rf__ref_refuse(loader, RF_BAD_FORMAT, "the norms' epsilon is %g, expected a small number from 0", epsilon);
    return norm;
}
