/*
 * onnx_file: see onnx_file.h. The format: https://github.com/onnx/onnx/blob/main/docs/IR.md, and for the tensors
 * docs/ExternalData.md: raw little-endian elements in a second file, found by name, offset and length. ONNX Runtime
 * maps that file rather than reading it: all-MiniLM-L6-v2 opens in 37 ms with a peak of 77 MB, against 125 ms and 161
 * MB for one file with the tensors inside.
 */
#include "onnx/onnx_file.h"

#include "base/mem.h"
#include "os/os.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define CHUNK       ((size_t)1 << 18) /* elements converted at a time */
#define ALIGN_LARGE 4096              /* so that pages hold one tensor's bytes; as the format advises */
#define ALIGN_SMALL 64
#define LARGE       ((size_t)65536)
#define INLINE_MAX  ((size_t)INT32_MAX - ((size_t)64 << 20)) /* protobuf's limit, less the graph itself */

/* ---- Where the tensors lie ----------------------------------------------------------------------------------- */

static bool align(size_t *offset, size_t size)
{
    size_t to = size >= LARGE ? ALIGN_LARGE : ALIGN_SMALL;

    if (!rf__add(*offset, to - 1, offset))
        return false;
    *offset -= *offset % to;
    return true;
}

static Onnx__StringStringEntryProto *make_entry(struct graph *graph, const char *key, value text)
{
    Onnx__StringStringEntryProto *entry = rf__graph_alloc(graph, sizeof *entry);

    if (entry == NULL)
        return NULL;
    onnx__string_string_entry_proto__init(entry);
    entry->key = (char *)(uintptr_t)key;
    entry->value = (char *)(uintptr_t)text;
    return entry;
}

static void set_place(struct graph *graph, Onnx__TensorProto *tensor, const char *file, size_t offset, size_t size)
{
    Onnx__StringStringEntryProto **entries = rf__graph_alloc(graph, 3 * sizeof(void *));

    if (entries == NULL)
        return;
    entries[0] = make_entry(graph, "location", rf__graph_name(graph, "%s", file));
    entries[1] = make_entry(graph, "offset", rf__graph_name(graph, "%zu", offset));
    entries[2] = make_entry(graph, "length", rf__graph_name(graph, "%zu", size));
    tensor->external_data = entries;
    tensor->n_external_data = 3;
    tensor->has_data_location = true;
    tensor->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
}

static bool external_size(const struct external *external, size_t *size)
{
    if (external->bytes != NULL) {
        *size = external->n_bytes;
        return true;
    }
    if (external->made != NULL)
        return rf__mul(external->made->n, external->made->size, size);
    return external->tensor->n_elements <= SIZE_MAX && rf__mul((size_t)external->tensor->n_elements, 4, size);
}

/* Gives every external tensor its place in `file` and returns the size of that; NULL: counts alone. */
static rf_status place_tensors(struct graph *graph, const char *path, const char *file, size_t *total, rf_error *err)
{
    struct graph_parts parts = rf__graph_parts(graph);
    size_t end = 0;

    for (size_t i = 0; i < parts.proto->n_initializer; i++) {
        size_t size, offset = end;
        if (parts.external[i] == NULL)
            continue;
        if (!external_size(parts.external[i], &size) || !align(&offset, size) || !rf__add(offset, size, &end))
            return rf__fail(err, RF_UNSUPPORTED, "%s: is too large for this machine", path);
        if (file != NULL)
            set_place(graph, parts.proto->initializer[i], file, offset, size);
    }
    *total = end;
    return rf__graph_status(graph);
}

/* ---- The tensors' file --------------------------------------------------------------------------------------- */

struct data_file {
    const struct onnx_target *target;
    struct os_writer *writer;
    float *chunk; /* [CHUNK] */
    size_t written, total;
};

static rf_status pad(struct data_file *file, size_t size, rf_error *err)
{
    static const uint8_t zeros[ALIGN_LARGE];
    size_t offset = file->written;
    rf_status status = RF_OK;

    /* It did not overflow in place_tensors(). */
    (void)align(&offset, size);
    if (offset > file->written)
        status = rf__os_writer_write(file->writer, zeros, offset - file->written, err);
    file->written = offset;
    return status;
}

static rf_status report(const struct onnx_target *target, size_t written, size_t total, rf_error *err)
{
    if (target->progress != NULL && !target->progress(target->progress_user, written, total))
        return rf__fail(err, RF_CANCELLED, "making %s was cancelled", target->path);
    return RF_OK;
}

/* Whether all are numbers; vectors of the compiler do this at the speed of memory. */
static bool all_finite(const float *values, size_t n)
{
    uint32_t found = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        found |= (uint32_t)((bits & 0x7F800000) == 0x7F800000);
    }
    return found == 0;
}

/* Elements [first, first + n) of the weights as fp32. */
static rf_status convert(const struct onnx_target *target, const struct tensor *tensor, uint64_t first, size_t n,
                         float *out, rf_error *err)
{
    rf_status status = rf__tensor_to_f32(tensor, first, n, out, err);

    if (status == RF_OK && !all_finite(out, n))
        return rf__fail(err, RF_BAD_FORMAT,
                        "%s: tensor '%s' holds NaN or infinity among its elements %llu to %llu: the weights are "
                        "damaged",
                        target->weights_path, tensor->name, (unsigned long long)first,
                        (unsigned long long)(first + n - 1));
    return status;
}

static rf_status write_bytes(struct data_file *file, const void *data, size_t size, rf_error *err)
{
    rf_status status = rf__os_writer_write(file->writer, data, size, err);

    file->written += size;
    return status == RF_OK ? report(file->target, file->written, file->total, err) : status;
}

static rf_status write_tensor(struct data_file *file, const struct tensor *tensor, rf_error *err)
{
    rf_status status = RF_OK;

    for (uint64_t i = 0; i < tensor->n_elements && status == RF_OK;) {
        uint64_t left = tensor->n_elements - i;
        size_t n = left < CHUNK ? (size_t)left : CHUNK;
        status = convert(file->target, tensor, i, n, file->chunk, err);
        if (status == RF_OK)
            status = write_bytes(file, file->chunk, n * sizeof *file->chunk, err);
        i += n;
    }
    return status;
}

static rf_status write_made(struct data_file *file, const struct made_tensor *made, rf_error *err)
{
    size_t size = made->n * made->size; /* was checked in place_tensors() */
    void *data = rf__alloc(size);
    rf_status status = data == NULL ? rf__fail_memory(err) : made->make(made->arg, data, err);

    if (status == RF_OK)
        status = write_bytes(file, data, size, err);
    rf__free(data);
    return status;
}

static rf_status write_external(struct data_file *file, const struct external *external, rf_error *err)
{
    size_t size = 0;
    rf_status status;

    (void)external_size(external, &size); /* was checked in place_tensors() */
    status = pad(file, size, err);
    if (status != RF_OK)
        return status;
    if (external->bytes != NULL)
        return write_bytes(file, external->bytes, size, err);
    return external->made != NULL ? write_made(file, external->made, err) : write_tensor(file, external->tensor, err);
}

static rf_status write_data(struct data_file *file, const struct graph_parts *parts, rf_error *err)
{
    rf_status status = RF_OK;

    file->chunk = rf__alloc_array(CHUNK, sizeof *file->chunk);
    if (file->chunk == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < parts->proto->n_initializer && status == RF_OK; i++) {
        if (parts->external[i] != NULL)
            status = write_external(file, parts->external[i], err);
    }
    rf__free(file->chunk);
    assert(status != RF_OK || file->written == file->total);
    return status;
}

/* ---- Tensors inside the model -------------------------------------------------------------------------------- */

static rf_status fill_inline(struct graph *graph, const struct onnx_target *target, const struct external *external,
                             Onnx__TensorProto *tensor, rf_error *err)
{
    size_t size = 0;
    void *data;

    (void)external_size(external, &size); /* was checked in place_tensors() */
    tensor->has_raw_data = true;
    tensor->raw_data.len = size;
    tensor->raw_data.data = (uint8_t *)(uintptr_t)external->bytes;
    if (external->bytes != NULL)
        return RF_OK;
    data = rf__graph_alloc(graph, size);
    if (data == NULL)
        return rf__graph_status(graph);
    tensor->raw_data.data = data;
    if (external->made != NULL)
        return external->made->make(external->made->arg, data, err);
    return convert(target, external->tensor, 0, (size_t)external->tensor->n_elements, data, err);
}

static rf_status fill_all_inline(struct graph *graph, const struct onnx_target *target, size_t total, rf_error *err)
{
    struct graph_parts parts = rf__graph_parts(graph);
    rf_status status = RF_OK;
    size_t done = 0, size;

    for (size_t i = 0; i < parts.proto->n_initializer && status == RF_OK; i++) {
        if (parts.external[i] == NULL)
            continue;
        status = fill_inline(graph, target, parts.external[i], parts.proto->initializer[i], err);
        if (status == RF_OK && external_size(parts.external[i], &size))
            status = report(target, done += size, total, err);
    }
    return status;
}

/* ---- The model ----------------------------------------------------------------------------------------------- */

static void set_metadata(struct graph *graph, Onnx__ModelProto *model, const struct onnx_target *target)
{
    Onnx__StringStringEntryProto **entries = rf__graph_alloc(graph, target->n_metadata * sizeof(void *));

    if (entries == NULL)
        return;
    for (size_t i = 0; i < target->n_metadata; i++) {
        if (target->metadata[i].value != NULL)
            entries[model->n_metadata_props++] = make_entry(graph, target->metadata[i].key, target->metadata[i].value);
    }
    model->metadata_props = entries;
}

static void set_opsets(struct graph *graph, Onnx__ModelProto *model, const struct onnx_target *target)
{
    Onnx__OperatorSetIdProto **list = rf__graph_alloc(graph, target->n_opsets * sizeof(void *));
    Onnx__OperatorSetIdProto *items = rf__graph_alloc(graph, target->n_opsets * sizeof *items);

    if (list == NULL || items == NULL)
        return;
    for (size_t i = 0; i < target->n_opsets; i++) {
        onnx__operator_set_id_proto__init(&items[i]);
        items[i].domain = (char *)(uintptr_t)target->opsets[i].domain;
        items[i].has_version = true;
        items[i].version = target->opsets[i].version;
        list[i] = &items[i];
    }
    model->opset_import = list;
    model->n_opset_import = target->n_opsets;
}

/* protobuf-c's buffer as a file: the message is never whole in memory. */
struct stream {
    ProtobufCBuffer base;
    struct os_writer *writer;
    rf_status status;
    rf_error *err;
};

static void append(ProtobufCBuffer *buffer, size_t len, const uint8_t *data)
{
    struct stream *stream = (struct stream *)buffer;

    if (stream->status == RF_OK)
        stream->status = rf__os_writer_write(stream->writer, data, len, stream->err);
}

static rf_status write_model(struct graph *graph, const struct onnx_target *target, struct os_writer *writer,
                             rf_error *err)
{
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    struct stream stream = {.base = {append}, .writer = writer, .err = err};

    model.has_ir_version = true;
    model.ir_version = target->ir_version;
    model.producer_name = "rag_factory";
    model.producer_version = RF_VERSION;
    model.graph = rf__graph_parts(graph).proto;
    set_opsets(graph, &model, target);
    set_metadata(graph, &model, target);
    if (rf__graph_status(graph) != RF_OK)
        return rf__graph_status(graph);
    onnx__model_proto__pack_to_buffer(&model, &stream.base);
    return stream.status;
}

/* ---- Both ---------------------------------------------------------------------------------------------------- */

/* Puts both in place. An older ONNX file goes first, so that it never stands beside newer tensors, and the new one
 * comes last: where it is, all is. Takes both writers over; `data` is NULL where all is in the model. */
static rf_status commit(struct os_writer *data, const char *data_path, struct os_writer *model, const char *model_path,
                        rf_error *err)
{
    rf_status status;

    if (data == NULL)
        return rf__os_writer_commit(model, err);
    status = rf__os_remove(model_path, err);
    if (status != RF_OK) {
        rf__os_writer_abort(data);
        rf__os_writer_abort(model);
        return status;
    }
    status = rf__os_writer_commit(data, err);
    if (status != RF_OK) {
        rf__os_writer_abort(model);
        return status;
    }
    status = rf__os_writer_commit(model, err);
    if (status != RF_OK)
        (void)rf__os_remove(data_path, NULL);
    return status;
}

/* Tensors to their file, or into the messages; file->writer is NULL in the latter case. */
static rf_status write_tensors(struct graph *graph, struct data_file *file, const char *data_path, rf_error *err)
{
    const struct onnx_target *target = file->target;
    const char *slash = strrchr(data_path, '/'), *name = slash == NULL ? data_path : slash + 1;
    struct graph_parts parts;
    size_t all = 0;
    rf_status status = place_tensors(graph, target->path, NULL, &all, err);

    if (status != RF_OK)
        return status;
    if (all <= target->inline_limit && all <= INLINE_MAX)
        return fill_all_inline(graph, target, all, err);
    status = place_tensors(graph, target->path, name, &file->total, err);
    if (status == RF_OK)
        status = rf__os_writer_open(data_path, &file->writer, err);
    parts = rf__graph_parts(graph);
    return status == RF_OK ? write_data(file, &parts, err) : status;
}

rf_status rf__onnx_file_write(struct graph *graph, const struct onnx_target *target, rf_error *err)
{
    struct data_file file = {.target = target};
    struct os_writer *model = NULL;
    char *data_path = rf__format("%s.data", target->path);
    rf_status status;

    if (data_path == NULL)
        return rf__fail_memory(err);
    status = write_tensors(graph, &file, data_path, err);
    if (status == RF_OK)
        status = rf__os_writer_open(target->path, &model, err);
    if (status == RF_OK)
        status = write_model(graph, target, model, err);
    if (status == RF_OK) {
        status = commit(file.writer, data_path, model, target->path, err);
    } else {
        rf__os_writer_abort(model);
        rf__os_writer_abort(file.writer);
    }
    rf__free(data_path);
    return status;
}
