/*
 * onnx_read: see onnx_read.h. protobuf-c builds the messages in the graph's memory, of which a file may take a multiple
 * of its size and no more. External tensors: https://github.com/onnx/onnx/blob/main/docs/ExternalData.md.
 */
#include "onnx/onnx_read.h"

#include "base/external_weights.h"
#include "base/mem.h"
#include "onnx/onnx_wire.h"
#include "os/os.h"

#include <stdlib.h>
#include <string.h>

#define MAX_OPSET    100
#define MAX_MAPS     64
#define MEMORY_BASE  ((size_t)64 << 20)
#define MEMORY_TIMES 8
#define SMALL_BYTES  1024 /* tensors below it stay in the message */
#define SLIM_MAX     ((size_t)2 << 30)

/* ---- protobuf-c in the graph's memory ------------------------------------------------------------------------ */

struct arena {
    struct graph *graph;
    size_t left;
};

static void *arena_alloc(void *user, size_t size)
{
    struct arena *arena = user;
    size_t with_head = size < SIZE_MAX - 16 ? size + 16 : SIZE_MAX;

    if (with_head > arena->left)
        return NULL;
    arena->left -= with_head;
    return rf__graph_alloc(arena->graph, size);
}

static void arena_free(void *user, void *memory)
{
    (void)user;
    (void)memory;
}

static rf_status unpack(struct onnx_file *file, const uint8_t *bytes, size_t len, const char *path,
                        Onnx__ModelProto **out, rf_error *err)
{
    struct arena arena = {.graph = file->graph};
    ProtobufCAllocator allocator = {arena_alloc, arena_free, &arena};

    if (!rf__mul(len, MEMORY_TIMES, &arena.left) || !rf__add(arena.left, MEMORY_BASE, &arena.left))
        return rf__fail(err, RF_BAD_FORMAT, "%s: is too large", path);
    if (!rf__onnx_is_shallow(bytes, len, ONNX_MAX_DEPTH))
        return rf__fail(err, RF_BAD_FORMAT, "%s: is no ONNX file, or a damaged one: download it again", path);
    *out = onnx__model_proto__unpack(&allocator, len, bytes);
    if (rf__graph_status(file->graph) != RF_OK)
        return rf__graph_status(file->graph);
    if (*out == NULL || (*out)->graph == NULL)
        return rf__fail(err, RF_BAD_FORMAT, "%s: is no ONNX file, or a damaged one: download it again", path);
    return RF_OK;
}

/* ---- Tensors ------------------------------------------------------------------------------------------------- */

/* Bytes of an element; 0 for types that no pass knows: text, and those of less than a byte. */
static size_t element_size(int type)
{
    switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
        return 1;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
        return 2;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
        return 4;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64:
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
        return 8;
    default:
        return 0;
    }
}

static rf_status measure(const Onnx__TensorProto *tensor, const char *path, size_t *size, rf_error *err)
{
    size_t each = element_size(tensor->data_type), n = 1;

    if (each == 0)
        return rf__fail(err, RF_UNSUPPORTED, "%s: tensor '%.128s' is of ONNX element type %d, which is not supported",
                        path, tensor->name, (int)tensor->data_type);
    for (size_t i = 0; i < tensor->n_dims; i++) {
        if (tensor->dims[i] < 0 || (uint64_t)tensor->dims[i] > SIZE_MAX || !rf__mul(n, (size_t)tensor->dims[i], &n))
            return rf__fail(err, RF_BAD_FORMAT, "%s: tensor '%.128s' has an impossible shape", path, tensor->name);
    }
    if (!rf__mul(n, each, size))
        return rf__fail(err, RF_BAD_FORMAT, "%s: tensor '%.128s' has an impossible shape", path, tensor->name);
    return RF_OK;
}

/* A file beside the ONNX file, mapped once. */
static rf_status map_beside(struct onnx_file *file, const char *path, const char *name, struct os_map *out,
                            rf_error *err)
{
    char *full;
    rf_status status;

    full = rf__format("%.*s%s", (int)rf__os_folder_len(path), path, name == NULL ? "" : name);
    if (full == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < file->n_maps; i++) { /* the ONNX file itself is the first */
        if (strcmp(file->map_paths[i], full) == 0) {
            *out = file->maps[i];
            rf__free(full);
            return RF_OK;
        }
    }
    if (name == NULL || *name == '\0' || *name == '/' || strchr(name, '\\') != NULL || strchr(name, ':') != NULL ||
        strstr(name, "..") != NULL) {
        rf__free(full);
        return rf__fail(err, RF_BAD_FORMAT, "%s: tensors lie in '%.128s', expected the name of a file beside it", path,
                        name == NULL ? "" : name);
    }
    if (file->n_maps == MAX_MAPS)
        status = rf__fail(err, RF_UNSUPPORTED, "%s: tensors lie in more than %d files", path, MAX_MAPS);
    else
        status = rf__os_map_file(full, out, err);
    if (status != RF_OK) {
        rf__free(full);
        return status;
    }
    file->maps[file->n_maps] = *out;
    file->map_paths[file->n_maps++] = full;
    return RF_OK;
}

static bool parse_size(const char *text, uint64_t *out)
{
    *out = 0;
    if (text == NULL || *text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || *out > (UINT64_MAX - 9) / 10)
            return false;
        *out = *out * 10 + (uint64_t)(*text - '0');
    }
    return true;
}

static rf_status find_external(struct onnx_file *file, const char *path, const Onnx__TensorProto *tensor, size_t size,
                               const uint8_t **out, rf_error *err)
{
    const char *location = NULL, *offset_text = "0", *length_text = NULL;
    struct os_map map = {0};
    uint64_t offset, length;
    rf_status status;

    for (size_t i = 0; i < tensor->n_external_data; i++) {
        const Onnx__StringStringEntryProto *entry = tensor->external_data[i];
        if (entry->key == NULL || entry->value == NULL)
            continue;
        if (strcmp(entry->key, "location") == 0)
            location = entry->value;
        else if (strcmp(entry->key, "offset") == 0)
            offset_text = entry->value;
        else if (strcmp(entry->key, "length") == 0)
            length_text = entry->value;
    }
    status = map_beside(file, path, location, &map, err);
    if (status != RF_OK)
        return status;
    length = size;
    if (!parse_size(offset_text, &offset) || (length_text != NULL && !parse_size(length_text, &length)) ||
        length != size || offset > map.size || length > map.size - offset)
        return rf__fail(err, RF_BAD_FORMAT, "%s: tensor '%.128s' does not lie within '%.128s': download both again",
                        path, tensor->name, location);
    *out = map.data + offset;
    return RF_OK;
}

/* int32_data holds one number for each element, whatever its type. */
static rf_status narrow(struct graph *graph, const Onnx__TensorProto *tensor, size_t each, const uint8_t **out)
{
    uint8_t *bytes = rf__graph_alloc(graph, tensor->n_int32_data * each);

    if (bytes == NULL)
        return rf__graph_status(graph);
    for (size_t i = 0; i < tensor->n_int32_data; i++)
        memcpy(bytes + i * each, &tensor->int32_data[i], each); /* the lower bytes come first */
    *out = bytes;
    return RF_OK;
}

static rf_status find_bytes(struct onnx_file *file, const char *path, const Onnx__TensorProto *tensor, size_t size,
                            const uint8_t **out, rf_error *err)
{
    static const uint8_t none[1];
    const size_t each = element_size(tensor->data_type), n = size / each;
    bool is_short = false;

    *out = none;
    if (tensor->has_data_location && tensor->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        return find_external(file, path, tensor, size, out, err);
    if (tensor->has_raw_data) {
        is_short = tensor->raw_data.len != size;
        *out = tensor->raw_data.data;
    } else if (tensor->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT) {
        is_short = tensor->n_float_data != n;
        *out = (const uint8_t *)tensor->float_data;
    } else if (tensor->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__INT64) {
        is_short = tensor->n_int64_data != n;
        *out = (const uint8_t *)tensor->int64_data;
    } else if (tensor->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE) {
        is_short = tensor->n_double_data != n;
        *out = (const uint8_t *)tensor->double_data;
    } else if (each <= 4 && tensor->data_type != ONNX__TENSOR_PROTO__DATA_TYPE__UINT32) {
        is_short = tensor->n_int32_data != n;
        if (!is_short && n > 0)
            return narrow(file->graph, tensor, each, out);
    } else {
        is_short = n > 0;
    }
    if (is_short)
        return rf__fail(err, RF_BAD_FORMAT, "%s: tensor '%.128s' has another size than its shape says", path,
                        tensor->name);
    return RF_OK;
}

/* Brings a tensor into the form that onnx_read.h promises: its bytes behind rf__graph_set_bytes(). */
static rf_status read_tensor(struct onnx_file *file, const char *path, size_t i, rf_error *err)
{
    Onnx__TensorProto *tensor = rf__graph_parts(file->graph).proto->initializer[i];
    const uint8_t *bytes = NULL;
    size_t size = 0;
    rf_status status;

    if (tensor->name == NULL || *tensor->name == '\0')
        return rf__fail(err, RF_BAD_FORMAT, "%s: a tensor has no name", path);
    status = measure(tensor, path, &size, err);
    if (status == RF_OK)
        status = find_bytes(file, path, tensor, size, &bytes, err);
    if (status == RF_OK)
        rf__graph_set_bytes(file->graph, i, bytes, size, size < SMALL_BYTES);
    return status == RF_OK ? rf__graph_status(file->graph) : status;
}

/* ---- Nodes --------------------------------------------------------------------------------------------------- */

static char *text_or_none(char *text)
{
    static char none[1];

    return text == NULL ? none : text;
}

/* Texts are never NULL, here and in the graphs inside. */
static rf_status tidy_graph(Onnx__GraphProto *graph, const char *path, rf_error *err)
{
    rf_status status = RF_OK;

    if (graph->n_sparse_initializer > 0)
        return rf__fail(err, RF_UNSUPPORTED, "%s: has sparse tensors, which are not supported", path);
    for (size_t i = 0; i < graph->n_input + graph->n_output; i++) {
        Onnx__ValueInfoProto *info = i < graph->n_input ? graph->input[i] : graph->output[i - graph->n_input];
        if (info->name == NULL || *info->name == '\0')
            return rf__fail(err, RF_BAD_FORMAT, "%s: an input or output has no name", path);
    }
    for (size_t i = 0; i < graph->n_node && status == RF_OK; i++) {
        Onnx__NodeProto *node = graph->node[i];
        node->name = text_or_none(node->name);
        node->op_type = text_or_none(node->op_type);
        node->domain = text_or_none(node->domain);
        if (strcmp(node->domain, "ai.onnx") == 0)
            node->domain = text_or_none(NULL);
        for (size_t k = 0; k < node->n_attribute && status == RF_OK; k++) {
            Onnx__AttributeProto *attribute = node->attribute[k];
            attribute->name = text_or_none(attribute->name);
            if (attribute->ref_attr_name != NULL || attribute->n_graphs > 0)
                status = rf__fail(err, RF_UNSUPPORTED, "%s: node '%.64s' has an attribute of a kind that is not known",
                                  path, node->name);
            else if (attribute->g != NULL)
                status = tidy_graph(attribute->g, path, err); /* no deeper than ONNX_MAX_DEPTH */
        }
    }
    return status;
}

/* A constant node's value as an initializer; false when it is of another kind. */
static bool constant_as_tensor(struct graph *graph, const Onnx__NodeProto *node)
{
    const Onnx__AttributeProto *a;

    if (strcmp(node->op_type, "Constant") != 0 || *node->domain != '\0' || node->n_attribute != 1 ||
        node->n_output != 1)
        return false;
    a = node->attribute[0];
    if (strcmp(a->name, "value") == 0 && a->t != NULL) {
        a->t->name = node->output[0];
        rf__graph_add_tensor(graph, a->t);
    } else if (strcmp(a->name, "value_int") == 0) {
        rf__graph_int(graph, node->output[0], a->i);
    } else if (strcmp(a->name, "value_ints") == 0) {
        rf__graph_ints(graph, node->output[0], a->ints, a->n_ints);
    } else if (strcmp(a->name, "value_float") == 0) {
        rf__graph_float(graph, node->output[0], a->f);
    } else if (strcmp(a->name, "value_floats") == 0) {
        rf__graph_floats(graph, node->output[0], a->floats, a->n_floats);
    } else {
        return false;
    }
    return true;
}

static void take_constants(struct graph *graph)
{
    Onnx__NodeProto **nodes;
    size_t n = rf__graph_take_nodes(graph, &nodes);

    for (size_t i = 0; i < n; i++) {
        if (!constant_as_tensor(graph, nodes[i]))
            rf__graph_keep_node(graph, nodes[i]);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Before version 4 of the format every initializer was an input too. */
static rf_status drop_constant_inputs(struct graph *graph, rf_error *err)
{
    Onnx__GraphProto *proto = rf__graph_parts(graph).proto;
    const char **names = rf__alloc_array(proto->n_initializer + 1, sizeof *names);
    size_t kept = 0;

    if (names == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < proto->n_initializer; i++)
        names[i] = proto->initializer[i]->name;
    qsort(names, proto->n_initializer, sizeof *names, by_text);
    for (size_t i = 0; i < proto->n_input; i++) {
        const char *name = proto->input[i]->name;
        if (bsearch(&name, names, proto->n_initializer, sizeof *names, by_text) == NULL)
            proto->input[kept++] = proto->input[i];
    }
    proto->n_input = kept;
    rf__free(names);
    return RF_OK;
}

/* ---- The model ----------------------------------------------------------------------------------------------- */

static rf_status read_opsets(struct onnx_file *file, const Onnx__ModelProto *model, const char *path, rf_error *err)
{
    if (model->n_opset_import > ONNX_MAX_OPSETS || model->n_functions > 0)
        return rf__fail(err, RF_UNSUPPORTED, "%s: defines functions or imports too many domains", path);
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *opset = model->opset_import[i];
        const char *domain = opset->domain == NULL || strcmp(opset->domain, "ai.onnx") == 0 ? "" : opset->domain;
        if (*domain == '\0')
            file->opset = opset->version;
        file->opsets[file->n_opsets++] = (struct onnx_opset){domain, opset->version};
    }
    if (file->opset < 7 || file->opset > MAX_OPSET)
        return rf__fail(err, RF_UNSUPPORTED, "%s: is written for opset %lld, expected 7 or later", path,
                        (long long)file->opset);
    return RF_OK;
}

static void read_metadata(struct onnx_file *file, const Onnx__ModelProto *model)
{
    for (size_t i = 0; i < model->n_metadata_props && file->n_metadata < ONNX_MAX_METADATA / 2; i++) {
        const Onnx__StringStringEntryProto *entry = model->metadata_props[i];
        if (entry->key != NULL && entry->value != NULL)
            rf__onnx_file_note(file, entry->key, entry->value);
    }
}

static rf_status read_all(struct onnx_file *file, const uint8_t *bytes, size_t len, const char *path, rf_error *err)
{
    Onnx__ModelProto *model = NULL;
    rf_status status = unpack(file, bytes, len, path, &model, err);

    if (status == RF_OK)
        status = read_opsets(file, model, path, err);
    if (status == RF_OK)
        status = tidy_graph(model->graph, path, err);
    if (status != RF_OK)
        return status;
    file->ir_version = model->ir_version;
    read_metadata(file, model);
    rf__graph_adopt(file->graph, model->graph);
    take_constants(file->graph);
    if (rf__graph_status(file->graph) != RF_OK)
        return rf__graph_status(file->graph);
    for (size_t i = 0; i < rf__graph_parts(file->graph).proto->n_initializer && status == RF_OK; i++)
        status = read_tensor(file, path, i, err);
    return status == RF_OK ? drop_constant_inputs(file->graph, err) : status;
}

/* `own`: the ONNX file itself, which is the new file's from now on; NULL: it is not there. */
static rf_status read_new(const uint8_t *bytes, size_t len, const char *path, struct os_map *own,
                          struct onnx_file **out, rf_error *err)
{
    struct onnx_file *file = rf__calloc(1, sizeof *file);
    rf_status status = RF_OK;

    if (file == NULL)
        return rf__fail_memory(err);
    file->graph = rf__graph_new("", err);
    file->maps = rf__calloc(MAX_MAPS, sizeof *file->maps);
    file->map_paths = rf__calloc(MAX_MAPS, sizeof *file->map_paths);
    if (file->graph == NULL || file->maps == NULL || file->map_paths == NULL)
        status = rf__fail_memory(err);
    if (status == RF_OK && own != NULL) {
        file->map_paths[0] = rf__strdup(path);
        if (file->map_paths[0] == NULL) {
            status = rf__fail_memory(err);
        } else {
            file->maps[file->n_maps++] = *own;
            *own = (struct os_map){0};
        }
    }
    if (status == RF_OK)
        status = read_all(file, bytes, len, path, err);
    if (status == RF_OK)
        *out = file;
    else
        rf__onnx_file_free(file);
    return status;
}

rf_status rf__onnx_bytes_read(const uint8_t *bytes, size_t len, const char *path, struct onnx_file **out, rf_error *err)
{
    return read_new(bytes, len, path, NULL, out, err);
}

/* What is parsed is a copy without the tensors, which then lie in the file as others lie in one beside it. */
rf_status rf__onnx_file_read(const char *path, struct onnx_file **out, rf_error *err)
{
    const struct external_places places = {.own = path + rf__os_folder_len(path)};
    struct os_map map = {0};
    struct buf slim;
    size_t n_detached = 0;
    rf_status status = rf__os_map_file(path, &map, err);

    rf__buf_init(&slim, SLIM_MAX);
    if (status == RF_OK) {
        if (rf__external_weights(map.data, map.size, &places, &slim, &n_detached, NULL) == RF_OK && n_detached > 0)
            status = read_new((const uint8_t *)slim.data, slim.len, path, &map, out, err);
        else
            status = read_new(map.data, map.size, path, NULL, out, err);
    }
    rf__buf_release(&slim);
    rf__os_unmap(&map);
    return status;
}

void rf__onnx_file_free(struct onnx_file *file)
{
    if (file == NULL)
        return;
    for (size_t i = 0; i < file->n_maps; i++) {
        rf__os_unmap(&file->maps[i]);
        rf__free(file->map_paths[i]);
    }
    rf__free(file->maps);
    rf__free(file->map_paths);
    rf__graph_free(file->graph);
    rf__free(file);
}

rf_status rf__onnx_file_rewrite(struct onnx_file *file, const struct onnx_rewrite *rewrite, rf_error *err)
{
    struct onnx_target target = {.path = rewrite->out_path,
                                 .inline_limit = rewrite->inline_limit,
                                 .weights_path = rewrite->in_path,
                                 .ir_version = file->ir_version,
                                 .opsets = file->opsets,
                                 .n_opsets = file->n_opsets,
                                 .metadata = file->metadata,
                                 .progress = rewrite->progress,
                                 .progress_user = rewrite->progress_user};

    if (rewrite->source != NULL)
        rf__onnx_file_note(file, "rag_factory.source", rewrite->source);
    if (rewrite->revision != NULL)
        rf__onnx_file_note(file, "rag_factory.revision", rewrite->revision);
    if (rewrite->options != NULL)
        rf__onnx_file_note(file, "rag_factory.options", rewrite->options);
    rf__onnx_file_note(file, "rag_factory.version", RF_VERSION);
    target.n_metadata = file->n_metadata;
    return rf__onnx_file_write(file->graph, &target, err);
}

void rf__onnx_file_import(struct onnx_file *file, const char *domain, int64_t version)
{
    for (size_t i = 0; i < file->n_opsets; i++) {
        if (strcmp(file->opsets[i].domain, domain) == 0)
            return;
    }
    file->opsets[file->n_opsets++] = (struct onnx_opset){domain, version};
}

void rf__onnx_file_note(struct onnx_file *file, const char *key, const char *text)
{
    for (size_t i = 0; i < file->n_metadata; i++) {
        if (strcmp(file->metadata[i].key, key) == 0) {
            file->metadata[i].value = text;
            return;
        }
    }
    if (file->n_metadata < ONNX_MAX_METADATA)
        file->metadata[file->n_metadata++] = (struct onnx_entry){key, text};
}
