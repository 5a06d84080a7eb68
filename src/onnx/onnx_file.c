/*
 * onnx_file: see onnx_file.h. The format: https://github.com/onnx/onnx/blob/main/docs/IR.md, and for the tensors
 * docs/ExternalData.md: raw little-endian fp32 in a second file, found by name, offset and length. ONNX Runtime maps
 * that file rather than reading it: all-MiniLM-L6-v2 opens in 37 ms with a peak of 77 MB, against 125 ms and 161 MB for
 * one file with the tensors inside.
 */
#include "onnx/onnx_file.h"

#include "base/mem.h"
#include "os/os.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* The newest ONNX Runtime that cannot read these two is 1.16. */
#define IR_VERSION      9
#define OPSET           20
#define OPSET_MICROSOFT 1
#define OPSET_OURS      1
#define CHUNK           ((size_t)1 << 18) /* elements converted at a time */
#define ALIGN_LARGE     4096              /* so that pages hold one tensor's bytes; as the format advises */
#define ALIGN_SMALL     64
#define LARGE           ((size_t)65536)

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
    if (external->made != NULL)
        return rf__mul(external->made->n, external->made->size, size);
    return external->tensor->n_elements <= SIZE_MAX && rf__mul((size_t)external->tensor->n_elements, 4, size);
}

/* Gives every external tensor its place and returns the size of the file. */
static rf_status place_tensors(struct graph *graph, const char *file, size_t *total, rf_error *err)
{
    struct graph_parts parts = rf__graph_parts(graph);
    size_t end = 0;

    for (size_t i = 0; i < parts.proto->n_initializer; i++) {
        size_t size, offset = end;
        if (parts.external[i] == NULL)
            continue;
        if (!external_size(parts.external[i], &size) || !align(&offset, size) || !rf__add(offset, size, &end))
            return rf__fail(err, RF_UNSUPPORTED, "%s: is too large for this machine", file);
        set_place(graph, parts.proto->initializer[i], file, offset, size);
    }
    *total = end;
    return rf__graph_status(graph);
}

/* ---- The tensors' file --------------------------------------------------------------------------------------- */

struct data_file {
    const struct onnx_build *build;
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

static rf_status write_chunk(struct data_file *file, const struct tensor *tensor, uint64_t first, size_t n,
                             rf_error *err)
{
    const struct onnx_build *build = file->build;
    rf_status status = rf__tensor_to_f32(tensor, first, n, file->chunk, err);

    if (status != RF_OK)
        return status;
    if (!all_finite(file->chunk, n))
        return rf__fail(err, RF_BAD_FORMAT,
                        "%s: tensor '%s' holds NaN or infinity among its elements %llu to %llu: the weights are "
                        "damaged",
                        rf__weights_path(build->weights), tensor->name, (unsigned long long)first,
                        (unsigned long long)(first + n - 1));
    status = rf__os_writer_write(file->writer, file->chunk, n * sizeof *file->chunk, err);
    if (status != RF_OK)
        return status;
    file->written += n * sizeof *file->chunk;
    if (build->progress != NULL && !build->progress(build->progress_user, file->written, file->total))
        return rf__fail(err, RF_CANCELLED, "making %s was cancelled", build->out_path);
    return RF_OK;
}

static rf_status write_tensor(struct data_file *file, const struct tensor *tensor, rf_error *err)
{
    rf_status status = pad(file, (size_t)tensor->n_elements * 4, err);

    for (uint64_t i = 0; i < tensor->n_elements && status == RF_OK;) {
        uint64_t left = tensor->n_elements - i;
        size_t n = left < CHUNK ? (size_t)left : CHUNK;
        status = write_chunk(file, tensor, i, n, err);
        i += n;
    }
    return status;
}

static rf_status write_made(struct data_file *file, const struct made_tensor *made, rf_error *err)
{
    const struct onnx_build *build = file->build;
    size_t size = made->n * made->size; /* was checked in place_tensors() */
    rf_status status = pad(file, size, err);
    void *data = rf__alloc(size);

    if (data == NULL)
        status = rf__fail_memory(err);
    if (status == RF_OK)
        status = made->make(made->arg, data, err);
    if (status == RF_OK)
        status = rf__os_writer_write(file->writer, data, size, err);
    rf__free(data);
    file->written += size;
    if (status == RF_OK && build->progress != NULL &&
        !build->progress(build->progress_user, file->written, file->total))
        return rf__fail(err, RF_CANCELLED, "cancelled");
    return status;
}

static rf_status write_data(struct data_file *file, const struct graph_parts *parts, rf_error *err)
{
    rf_status status = RF_OK;

    file->chunk = rf__alloc_array(CHUNK, sizeof *file->chunk);
    if (file->chunk == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < parts->proto->n_initializer && status == RF_OK; i++) {
        const struct external *external = parts->external[i];
        if (external != NULL)
            status = external->made != NULL ? write_made(file, external->made, err)
                                            : write_tensor(file, external->tensor, err);
    }
    rf__free(file->chunk);
    assert(status != RF_OK || file->written == file->total);
    return status;
}

/* ---- The model ----------------------------------------------------------------------------------------------- */

static void set_metadata(struct graph *graph, Onnx__ModelProto *model, const char *source,
                         enum onnx_precision precision)
{
    Onnx__StringStringEntryProto **entries = rf__graph_alloc(graph, 4 * sizeof(void *));

    if (entries == NULL)
        return;
    entries[3] = make_entry(graph, "rag_factory.precision", rf__precision_name(precision));
    entries[0] = make_entry(graph, "rag_factory.source", source != NULL ? source : "");
    entries[1] = make_entry(graph, "rag_factory.version", RF_VERSION);
    entries[2] = make_entry(graph, "rag_factory.builder", rf__graph_name(graph, "%d", RF_ONNX_BUILDER_VERSION));
    model->metadata_props = entries;
    model->n_metadata_props = 4;
}

static rf_status write_model(struct graph *graph, const struct onnx_build *build, struct os_writer *writer,
                             rf_error *err)
{
    Onnx__OperatorSetIdProto standard = ONNX__OPERATOR_SET_ID_PROTO__INIT,
                             microsoft = ONNX__OPERATOR_SET_ID_PROTO__INIT, ours = ONNX__OPERATOR_SET_ID_PROTO__INIT;
    Onnx__OperatorSetIdProto *opsets[] = {&standard, &microsoft, &ours};
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    uint8_t *bytes;
    size_t size;
    rf_status status;

    standard.domain = "";
    standard.has_version = microsoft.has_version = ours.has_version = true;
    standard.version = OPSET;
    microsoft.domain = GRAPH_MICROSOFT;
    microsoft.version = OPSET_MICROSOFT;
    ours.domain = GRAPH_OURS;
    ours.version = OPSET_OURS;
    model.has_ir_version = true;
    model.ir_version = IR_VERSION;
    model.opset_import = opsets;
    model.n_opset_import = build->precision == ONNX_OPERATORS ? 2 : 3;
    model.producer_name = "rag_factory";
    model.producer_version = RF_VERSION;
    model.graph = rf__graph_parts(graph).proto;
    set_metadata(graph, &model, build->source, build->precision);
    if (rf__graph_status(graph) != RF_OK)
        return rf__graph_status(graph);
    size = onnx__model_proto__get_packed_size(&model);
    bytes = rf__alloc(size);
    if (bytes == NULL)
        return rf__fail_memory(err);
    onnx__model_proto__pack(&model, bytes);
    status = rf__os_writer_write(writer, bytes, size, err);
    rf__free(bytes);
    return status;
}

/* ---- Both ---------------------------------------------------------------------------------------------------- */

/* Puts both in place. An older ONNX file goes first, so that it never stands beside newer tensors, and the new one
 * comes last: where it is, all is. Takes both writers over. */
static rf_status commit(struct os_writer *data, const char *data_path, struct os_writer *model, const char *model_path,
                        rf_error *err)
{
    rf_status status = rf__os_remove(model_path, err);

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

rf_status rf__onnx_file_write(struct graph *graph, const struct onnx_build *build, rf_error *err)
{
    struct graph_parts parts = rf__graph_parts(graph);
    struct data_file file = {.build = build};
    struct os_writer *model = NULL;
    char *data_path = rf__format("%s.data", build->out_path);
    const char *slash;
    rf_status status;

    if (data_path == NULL)
        return rf__fail_memory(err);
    slash = strrchr(data_path, '/');
    status = place_tensors(graph, slash == NULL ? data_path : slash + 1, &file.total, err);
    if (status == RF_OK)
        status = rf__os_writer_open(data_path, &file.writer, err);
    if (status == RF_OK)
        status = write_data(&file, &parts, err);
    if (status == RF_OK)
        status = rf__os_writer_open(build->out_path, &model, err);
    if (status == RF_OK)
        status = write_model(graph, build, model, err);
    if (status == RF_OK) {
        status = commit(file.writer, data_path, model, build->out_path, err);
    } else {
        rf__os_writer_abort(model);
        rf__os_writer_abort(file.writer);
    }
    rf__free(data_path);
    return status;
}
