/* arch: see arch.h. */
#include "onnx/arch.h"

#include "onnx/arch_kinds.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct arch_kind *const kinds[] = {
    &rf__arch_bert,       &rf__arch_electra, &rf__arch_roberta,    &rf__arch_xlm_roberta, &rf__arch_camembert,
    &rf__arch_distilbert, &rf__arch_mpnet,   &rf__arch_albert,     &rf__arch_modernbert,  &rf__arch_nomic_bert,
    &rf__arch_gte,        &rf__arch_new,     &rf__arch_qwen2,      &rf__arch_qwen3,       &rf__arch_gemma3_text,
    &rf__arch_t5,         &rf__arch_mt5,     &rf__arch_deberta_v2,
};
/* The model_type of each. */
#define NAMES                                                                                                          \
    "bert, electra, roberta, xlm-roberta, camembert, distilbert, mpnet, albert, modernbert, nomic_bert, gte, new, "    \
    "qwen2, qwen3, gemma3_text, t5, mt5, deberta-v2"

const struct arch_kind *rf__arch_find(const char *model_type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i]->model_type, model_type) == 0)
            return kinds[i];
    }
    return NULL;
}

const char *rf__arch_names(void)
{
    return NAMES;
}

/* What a missing tensor is: a fault of the file; but where config.json names code of its own on the hub, another
 * architecture under this one's name, such as jina-embeddings-v3 or -v2-base-code. */
static rf_status missing(const struct arch *arch)
{
    return yyjson_is_obj(yyjson_obj_get(arch->config->root, "auto_map")) ? RF_UNSUPPORTED : RF_BAD_FORMAT;
}

/* Finds what stands in front of the names. */
static rf_status find_prefix(struct arch *arch, const struct arch_kind *kind)
{
    const char *prefix = rf__weights_prefix(arch->weights, kind->first_tensor, kind->prefixes);

    if (prefix != NULL) {
        arch->prefix = prefix;
        return RF_OK;
    }
    return rf__fail(rf__graph_error(arch->graph), missing(arch),
                    "%s: has no tensor '%s', which every model of model_type '%s' has; its first of %zu is '%s'. Is it "
                    "the file that belongs to config.json?",
                    rf__weights_path(arch->weights), kind->first_tensor, kind->model_type,
                    rf__weights_count(arch->weights), rf__weights_at(arch->weights, 0)->name);
}

rf_status rf__arch_build(struct arch *arch, const struct arch_kind *kind)
{
    const size_t n = rf__weights_count(arch->weights);
    rf_status status = find_prefix(arch, kind);

    arch->is_used = rf__graph_alloc(arch->graph, n * sizeof *arch->is_used);
    if (arch->is_used == NULL)
        return rf__graph_status(arch->graph);
    memset(arch->is_used, 0, n * sizeof *arch->is_used);

    rf__graph_fail(arch->graph, status);
    if (status == RF_OK && arch->precision != ONNX_OPERATORS && !kind->has_kernels)
        rf__arch_refuse(arch, RF_UNSUPPORTED, "'model_type' '%s' is not for the kernels", kind->model_type);
    else if (status == RF_OK)
        kind->build(arch);
    return rf__graph_status(arch->graph);
}

/* Whether the first layer's twin of a tensor, which has another number in its name, is used. */
static bool is_of_a_layer(const struct arch *arch, const char *name)
{
    char twin[256];
    const char *dot = name;

    while ((dot = strchr(dot, '.')) != NULL) {
        const size_t digits = strspn(++dot, "0123456789");
        const struct tensor *first;
        if (digits == 0 || dot[digits] != '.')
            continue;
        if (snprintf(twin, sizeof twin, "%.*s0%s", (int)(dot - name), name, dot + digits) >= (int)sizeof twin)
            return false;
        first = rf__weights_find(arch->weights, twin);
        if (first != NULL && arch->is_used[first - rf__weights_at(arch->weights, 0)])
            return true;
    }
    return false;
}

const struct tensor *rf__arch_left_out(const struct arch *arch)
{
    for (size_t i = 0; i < rf__weights_count(arch->weights); i++)
        if (!arch->is_used[i] && is_of_a_layer(arch, rf__weights_at(arch->weights, i)->name))
            return rf__weights_at(arch->weights, i);
    return NULL;
}

/* ---- config.json --------------------------------------------------------------------------------------------- */

struct arch_size rf__arch_size(struct arch *arch, const char *key, uint64_t fallback, uint64_t max)
{
    struct arch_size size = {0, key};
    rf_error *err = rf__graph_error(arch->graph);
    rf_status status = rf__json_get_u64(arch->config, arch->config->root, key, fallback, max, &size.n, err);

    if (status == RF_OK && size.n == 0)
        status = rf__fail(err, RF_BAD_FORMAT, "%s: '%s' is 0, expected at least 1", arch->config->name, key);
    rf__graph_fail(arch->graph, status);
    return size;
}

uint64_t rf__arch_number(struct arch *arch, const char *key, uint64_t fallback, uint64_t max)
{
    uint64_t number = 0;

    rf__graph_fail(arch->graph, rf__json_get_u64(arch->config, arch->config->root, key, fallback, max, &number,
                                                 rf__graph_error(arch->graph)));
    return number;
}

double rf__arch_double(struct arch *arch, const char *key, double fallback)
{
    double number = 0;

    rf__graph_fail(arch->graph, rf__json_get_double(arch->config, arch->config->root, key, fallback, &number,
                                                    rf__graph_error(arch->graph)));
    return number;
}

const char *rf__arch_str(struct arch *arch, const char *key, const char *fallback)
{
    const char *text = "";

    rf__graph_fail(arch->graph, rf__json_get_str(arch->config, arch->config->root, key, fallback, &text,
                                                 rf__graph_error(arch->graph)));
    return text;
}

bool rf__arch_bool(struct arch *arch, const char *key, bool fallback)
{
    bool is_on = false;

    rf__graph_fail(arch->graph, rf__json_get_bool(arch->config, arch->config->root, key, fallback, &is_on,
                                                  rf__graph_error(arch->graph)));
    return is_on;
}

void rf__arch_heads(struct arch *arch, const struct arch_size *hidden, const struct arch_size *heads,
                    struct arch_size *head)
{
    *head = (struct arch_size){1, heads->key};
    if (rf__graph_status(arch->graph) != RF_OK)
        return;
    if (hidden->n % heads->n != 0)
        rf__arch_refuse(arch, RF_BAD_FORMAT, "'%s' is %llu, expected a multiple of '%s', %llu", hidden->key,
                        (unsigned long long)hidden->n, heads->key, (unsigned long long)heads->n);
    else
        head->n = hidden->n / heads->n;
}

void rf__arch_refuse(struct arch *arch, rf_status status, const char *format, ...)
{
    rf_error *err = rf__graph_error(arch->graph);
    va_list args;

    va_start(args, format);
    rf__fail_v(err, status, format, args);
    va_end(args);
    rf__fail_prefix(err, status, "%s", arch->config->name);
    rf__graph_fail(arch->graph, status);
}

/* ---- Tensors ------------------------------------------------------------------------------------------------- */

#define SHAPE_TEXT 128

bool rf__arch_has(const struct arch *arch, const char *name)
{
    value full = rf__graph_name(arch->graph, "%s%s", arch->prefix, name);

    return full != NULL && rf__weights_find(arch->weights, full) != NULL;
}

/* "[384, 1536]" */
static const char *shape_text(const uint64_t *shape, size_t rank, char out[SHAPE_TEXT])
{
    size_t len = 1;

    snprintf(out, SHAPE_TEXT, "[");
    for (size_t i = 0; i < rank && len < SHAPE_TEXT; i++)
        len += (size_t)snprintf(out + len, SHAPE_TEXT - len, "%s%llu", i > 0 ? ", " : "", (unsigned long long)shape[i]);
    if (len < SHAPE_TEXT)
        snprintf(out + len, SHAPE_TEXT - len, "]");
    return out;
}

static rf_status check_shape(const struct arch *arch, const struct tensor *tensor, const struct arch_size *const *sizes,
                             uint32_t rank, rf_error *err)
{
    uint64_t expected[2];
    const char *keys[2] = {"", ""};
    char found_text[SHAPE_TEXT], expected_text[SHAPE_TEXT];
    bool fits = tensor->rank == rank;

    for (uint32_t i = 0; i < rank; i++) {
        bool differs = tensor->rank != rank || tensor->shape[i] != sizes[i]->n;
        expected[i] = sizes[i]->n;
        if (differs && !(i > 0 && strcmp(sizes[i]->key, keys[0]) == 0))
            keys[i] = sizes[i]->key;
        fits = fits && !differs;
    }
    if (fits)
        return RF_OK;
    return rf__fail(err, RF_BAD_FORMAT, "%s: tensor '%s' is %s, expected %s (%s%s%s of config.json)",
                    rf__weights_path(arch->weights), tensor->name, shape_text(tensor->shape, tensor->rank, found_text),
                    shape_text(expected, rank, expected_text), keys[0],
                    *keys[0] != '\0' && *keys[1] != '\0' ? ", " : "", keys[1]);
}

static rf_status find_tensor(const struct arch *arch, const char *name, const char *old_name,
                             const struct arch_size *const *sizes, uint32_t rank, const struct tensor **out,
                             rf_error *err)
{
    const char *const names[] = {name, old_name};
    const struct tensor *tensor = NULL;

    for (int i = 0; i < 2 && tensor == NULL && names[i] != NULL; i++) {
        char *full = rf__format("%s%s", arch->prefix, names[i]);
        if (full == NULL)
            return rf__fail_memory(err);
        tensor = rf__weights_find(arch->weights, full);
        rf__free(full);
    }
    if (tensor == NULL)
        return rf__fail(err, missing(arch),
                        "%s: tensor '%s%s' is missing (there are %zu tensors). Is it the file that belongs to "
                        "config.json?",
                        rf__weights_path(arch->weights), arch->prefix, name, rf__weights_count(arch->weights));
    if (!rf__dtype_is_float(tensor->dtype))
        return rf__fail(err, RF_UNSUPPORTED, "%s: tensor '%s' is of type %s, expected F32, F16, BF16 or F64",
                        rf__weights_path(arch->weights), tensor->name, rf__dtype_name(tensor->dtype));
    *out = tensor;
    arch->is_used[tensor - rf__weights_at(arch->weights, 0)] = true;
    return check_shape(arch, tensor, sizes, rank, err);
}

static const struct tensor *get_tensor(struct arch *arch, const char *name, const char *old_name,
                                       const struct arch_size *const *sizes, uint32_t rank)
{
    const struct tensor *tensor = NULL;
    rf_status status;

    if (rf__graph_status(arch->graph) != RF_OK)
        return NULL;
    status = find_tensor(arch, name, old_name, sizes, rank, &tensor, rf__graph_error(arch->graph));
    rf__graph_fail(arch->graph, status);
    return status != RF_OK ? NULL : tensor;
}

const struct tensor *rf__arch_matrix_tensor(struct arch *arch, const char *name, const struct arch_size *rows,
                                            const struct arch_size *cols)
{
    const struct arch_size *const sizes[] = {rows, cols};

    return get_tensor(arch, name, NULL, sizes, 2);
}

const struct tensor *rf__arch_vector_tensor(struct arch *arch, const char *name, const char *old_name,
                                            const struct arch_size *size)
{
    const struct arch_size *const sizes[] = {size};

    return get_tensor(arch, name, old_name, sizes, 1);
}

value rf__arch_matrix(struct arch *arch, const char *name, const struct arch_size *rows, const struct arch_size *cols)
{
    return rf__graph_tensor(arch->graph, name, rf__arch_matrix_tensor(arch, name, rows, cols));
}

value rf__arch_vector(struct arch *arch, const char *name, const char *old_name, const struct arch_size *size)
{
    return rf__graph_tensor(arch->graph, name, rf__arch_vector_tensor(arch, name, old_name, size));
}
