/*
 * session: an engine that is ONNX Runtime. One OrtEnv for the process (ONNX Runtime keeps a single one and counts its
 * users); a session of our own for each model. A run takes place in the calling thread, unless the options ask for
 * more.
 *
 * A graph with our own operator (encoder_op.h) has the input text_begins and takes packed texts: inputs of rank 1, the
 * output [1, tokens, dim].
 *
 * Always holds: every input of the graph is one of those below; the output has rank 2 or 3 and is fp32 or fp16.
 */
#include "engine/ort.h"

#include "base/external_weights.h"
#include "base/half.h"
#include "base/mem.h"
#include "engine/encoder_op.h"
#include "engine/graph_facts.h"
#include "engine/kernels/kernels.h"
#include "engine/weight_places.h"
#include "os/os.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* What a graph may ask for, in the order of session.inputs. */
enum input_kind {
    INPUT_IDS,
    INPUT_MASK,
    INPUT_TYPE_IDS,
    INPUT_POSITIONS,
    INPUT_TASK,
    INPUT_BEGINS,
    INPUT_THREADS,
    N_INPUTS
};
static const char *const input_names[N_INPUTS] = {"input_ids", "attention_mask", "token_type_ids", "position_ids",
                                                  "task_id",   "text_begins",    "threads"};

/* Outputs that hold what we want, best first. */
static const char *const output_names[] = {"last_hidden_state", "token_embeddings", "sentence_embedding"};

struct session {
    struct engine base;
    const OrtApi *ort;
    OrtEnv *env;
    OrtSession *session;
    struct encoder_op encoder_op;
    OrtCustomOpDomain *domain; /* of our own operator */
    OrtMemoryInfo *memory;
    char *path, *inputs, *output;
    bool is_used[N_INPUTS];
    bool is_int32[N_INPUTS];
    size_t task_rank; /* of the input task_id: 0, or 1 */
    bool is_task_one; /* of rank 1 and one number for all texts, whatever their number */
    bool is_fp16;     /* the output */
};

static rf_status check(const struct session *s, OrtStatus *status, rf_error *err)
{
    return rf__ort_check(s->ort, status, err, s->path);
}

/* ONNX Runtime's own messages go nowhere: what fails comes back as a status, and the library never prints. */
static void ORT_API_CALL drop_message(void *user, OrtLoggingLevel level, const char *category, const char *id,
                                      const char *location, const char *message)
{
    (void)user, (void)level, (void)category, (void)id, (void)location, (void)message;
}

/* ---- Recognising inputs and outputs -------------------------------------------------------------------- */

struct node_list {
    char *names[64];
    size_t n;
};

static void release_names(struct node_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        rf__free(list->names[i]);
    list->n = 0;
}

/* "a, b, c" for messages. */
static void join_names(const struct node_list *list, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < list->n; i++)
        snprintf(out + strlen(out), size - strlen(out), "%s%s", i ? ", " : "", list->names[i]);
}

static rf_status read_names(struct session *s, bool inputs, struct node_list *list, rf_error *err)
{
    OrtAllocator *allocator;
    size_t n;
    rf_status status = check(s, s->ort->GetAllocatorWithDefaultOptions(&allocator), err);

    list->n = 0;
    if (status == RF_OK)
        status = check(
            s, inputs ? s->ort->SessionGetInputCount(s->session, &n) : s->ort->SessionGetOutputCount(s->session, &n),
            err);
    if (status == RF_OK && (n == 0 || n > sizeof list->names / sizeof list->names[0]))
        return rf__fail(err, RF_UNSUPPORTED, "%s: has %zu %s; is this an embedding model?", s->path, n,
                        inputs ? "inputs" : "outputs");
    for (size_t i = 0; status == RF_OK && i < n; i++) {
        char *name;
        status = check(s,
                       inputs ? s->ort->SessionGetInputName(s->session, i, allocator, &name)
                              : s->ort->SessionGetOutputName(s->session, i, allocator, &name),
                       err);
        if (status != RF_OK)
            break;
        list->names[list->n] = rf__strdup(name);
        status = check(s, s->ort->AllocatorFree(allocator, name), err);
        if (list->names[list->n] == NULL)
            status = rf__fail_memory(err);
        else
            list->n++;
    }
    if (status != RF_OK)
        release_names(list);
    return status;
}

struct node_type {
    ONNXTensorElementDataType element;
    size_t rank;
    int64_t dims[8]; /* -1: open */
};

/* Type and shape of an input or output; rank 0 and type UNDEFINED when it is no tensor. */
static rf_status read_type(struct session *s, bool input, size_t i, struct node_type *type, rf_error *err)
{
    const OrtTensorTypeAndShapeInfo *shape;
    OrtTypeInfo *info;
    rf_status status = check(s,
                             input ? s->ort->SessionGetInputTypeInfo(s->session, i, &info)
                                   : s->ort->SessionGetOutputTypeInfo(s->session, i, &info),
                             err);

    *type = (struct node_type){.element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED};
    if (status != RF_OK)
        return status;
    status = check(s, s->ort->CastTypeInfoToTensorInfo(info, &shape), err);
    if (status == RF_OK && shape != NULL)
        status = check(s, s->ort->GetTensorElementType(shape, &type->element), err);
    if (status == RF_OK && shape != NULL)
        status = check(s, s->ort->GetDimensionsCount(shape, &type->rank), err);
    if (status == RF_OK && shape != NULL && type->rank <= 8)
        status = check(s, s->ort->GetDimensions(shape, type->dims, type->rank), err);
    s->ort->ReleaseTypeInfo(info);
    return status;
}

static int input_kind(const char *name)
{
    for (int kind = 0; kind < N_INPUTS; kind++)
        if (strcmp(input_names[kind], name) == 0)
            return kind;
    return -1;
}

/* One number, for all texts or for each. */
static rf_status bind_task(struct session *s, const struct node_type *type, rf_error *err)
{
    if (type->rank > 1 || (type->rank == 1 && type->dims[0] > 1))
        return rf__fail(err, RF_UNSUPPORTED, "%s: input 'task_id' has rank %zu, expected one number", s->path,
                        type->rank);
    s->is_used[INPUT_TASK] = true;
    s->is_int32[INPUT_TASK] = type->element == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32;
    s->task_rank = type->rank;
    s->is_task_one = type->rank == 1 && type->dims[0] == 1;
    return RF_OK;
}

static rf_status bind_input(struct session *s, size_t i, const char *name, rf_error *err)
{
    int kind = input_kind(name);
    struct node_type type;
    rf_status status = read_type(s, true, i, &type, err);

    if (status != RF_OK)
        return status;
    if (kind < 0)
        return rf__fail(err, RF_UNSUPPORTED,
                        "%s: asks for an input '%s'; this version gives input_ids, attention_mask, token_type_ids, "
                        "position_ids and task_id",
                        s->path, name);
    if (type.element != ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 && type.element != ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32)
        return rf__fail(err, RF_UNSUPPORTED, "%s: input '%s' has ONNX element type %d, expected int64 or int32",
                        s->path, name, (int)type.element);
    if (kind == INPUT_TASK)
        return bind_task(s, &type, err);
    if (type.rank != (s->base.info.packs ? 1 : 2))
        return rf__fail(err, RF_UNSUPPORTED, "%s: input '%s' has rank %zu, expected 2: [batch, sequence]", s->path,
                        name, type.rank);
    for (size_t d = 0; d < type.rank && kind != INPUT_THREADS; d++)
        if (type.dims[d] >= 0)
            return rf__fail(err, RF_UNSUPPORTED,
                            "%s: input '%s' has the fixed size %lld in place %zu; export the model with dynamic axes",
                            s->path, name, (long long)type.dims[d], d);
    s->is_used[kind] = true;
    s->is_int32[kind] = type.element == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32;
    return RF_OK;
}

static rf_status bind_inputs(struct session *s, rf_error *err)
{
    struct node_list inputs;
    char list[300];
    rf_status status = read_names(s, true, &inputs, err);
    bool has_ids = false;

    if (status != RF_OK)
        return status;
    join_names(&inputs, list, sizeof list);
    for (size_t i = 0; i < inputs.n; i++) {
        has_ids |= input_kind(inputs.names[i]) == INPUT_IDS;
        s->base.info.packs |= input_kind(inputs.names[i]) == INPUT_BEGINS;
    }
    if (!has_ids)
        status = rf__fail(err, RF_UNSUPPORTED, "%s: has no input 'input_ids' (inputs: %s); is this an embedding model?",
                          s->path, list);
    for (size_t i = 0; status == RF_OK && i < inputs.n; i++)
        status = bind_input(s, i, inputs.names[i], err);
    release_names(&inputs);
    if (status == RF_OK && (s->inputs = rf__strdup(list)) == NULL)
        status = rf__fail_memory(err);
    return status;
}

/* The output to read: by name, else the only one, else the only one of rank 3. n when there is none. */
static size_t choose_output(const struct node_list *outputs, const struct node_type *types)
{
    size_t found = outputs->n;

    for (size_t k = 0; k < sizeof output_names / sizeof output_names[0]; k++)
        for (size_t i = 0; i < outputs->n; i++)
            if (strcmp(outputs->names[i], output_names[k]) == 0)
                return i;
    if (outputs->n == 1)
        return strcmp(outputs->names[0], "logits") == 0 ? 1 : 0;
    for (size_t i = 0; i < outputs->n; i++) {
        if (types[i].rank != 3)
            continue;
        if (found != outputs->n)
            return outputs->n;
        found = i;
    }
    return found;
}

static rf_status check_output(struct session *s, const char *name, const struct node_type *type, rf_error *err)
{
    s->is_fp16 = type->element == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16;
    if (type->element != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT && !s->is_fp16)
        return rf__fail(err, RF_UNSUPPORTED, "%s: output '%s' has ONNX element type %d, expected float or float16",
                        s->path, name, (int)type->element);
    if ((type->rank != 2 || s->base.info.packs) && type->rank != 3)
        return rf__fail(err, RF_UNSUPPORTED,
                        "%s: output '%s' has rank %zu, expected 3 ([batch, sequence, dim]) or 2 ([batch, dim])",
                        s->path, name, type->rank);
    s->base.info.rank = (uint32_t)type->rank;
    if (type->dims[type->rank - 1] > 0 && type->dims[type->rank - 1] <= UINT16_MAX)
        s->base.info.dim = (uint32_t)type->dims[type->rank - 1];
    return RF_OK;
}

static rf_status bind_output(struct session *s, rf_error *err)
{
    struct node_list outputs;
    struct node_type types[sizeof outputs.names / sizeof outputs.names[0]];
    char list[300];
    rf_status status = read_names(s, false, &outputs, err);
    size_t chosen;

    if (status != RF_OK)
        return status;
    for (size_t i = 0; status == RF_OK && i < outputs.n; i++)
        status = read_type(s, false, i, &types[i], err);
    if (status != RF_OK)
        goto out;
    join_names(&outputs, list, sizeof list);
    chosen = choose_output(&outputs, types);
    if (chosen == outputs.n) {
        status = rf__fail(err, RF_UNSUPPORTED,
                          "%s: has none of the outputs last_hidden_state, token_embeddings, sentence_embedding "
                          "(outputs: %s); is this an embedding model?",
                          s->path, list);
        goto out;
    }
    status = check_output(s, outputs.names[chosen], &types[chosen], err);
    if (status == RF_OK && (s->output = rf__strdup(outputs.names[chosen])) == NULL)
        status = rf__fail_memory(err);
out:
    release_names(&outputs);
    return status;
}

/* What our own operator computes with: the precision is in the file's metadata, the kernels are this processor's. */
static void describe_kernels(struct session *s)
{
    static const char *const precisions[] = {"fp32", "int16", "int8"};
    OrtModelMetadata *metadata = NULL;
    OrtAllocator *allocator = NULL;
    char *name = NULL;

    s->base.info.kernels = rf__kernels_best()->name;
    if (check(s, s->ort->GetAllocatorWithDefaultOptions(&allocator), NULL) != RF_OK ||
        check(s, s->ort->SessionGetModelMetadata(s->session, &metadata), NULL) != RF_OK)
        return;
    if (check(s, s->ort->ModelMetadataLookupCustomMetadataMap(metadata, allocator, "rag_factory.precision", &name),
              NULL) == RF_OK &&
        name != NULL) {
        for (size_t i = 0; i < sizeof precisions / sizeof precisions[0]; i++)
            if (strcmp(precisions[i], name) == 0)
                s->base.info.precision = precisions[i];
        (void)check(s, s->ort->AllocatorFree(allocator, name), NULL);
    }
    s->ort->ReleaseModelMetadata(metadata);
}

/* ---- Running ------------------------------------------------------------------------------------------- */

struct run_output {
    const OrtApi *ort;
    OrtValue *value;
    float *converted; /* of fp16, or NULL */
};

static void release_output(void *owner)
{
    struct run_output *output = owner;

    output->ort->ReleaseValue(output->value);
    rf__free(output->converted);
    rf__free(output);
}

/* Tokens of all texts. */
static size_t count_tokens(const struct engine_batch *batch)
{
    return batch->begins != NULL ? batch->n_tokens : batch->n_texts * batch->n_tokens;
}

static int64_t input_value(enum input_kind kind, const struct engine_batch *batch, size_t i)
{
    switch (kind) {
    case INPUT_IDS:
        return batch->ids[i];
    case INPUT_TYPE_IDS:
        return batch->type_ids != NULL ? batch->type_ids[i] : 0;
    case INPUT_POSITIONS:
        return (int64_t)(i % batch->n_tokens);
    case INPUT_BEGINS:
        return batch->begins != NULL ? (int64_t)batch->begins[i] : (int64_t)(i * batch->n_tokens);
    case INPUT_THREADS:
        return batch->threads;
    case INPUT_TASK:
        return batch->task;
    default:
        return 1; /* the mask: nothing is padded */
    }
}

/* The shape of one input, with 1 behind its rank, which is returned. */
static size_t input_shape(const struct session *s, enum input_kind kind, const struct engine_batch *batch,
                          int64_t shape[2])
{
    if (kind == INPUT_TASK) {
        shape[0] = s->task_rank == 0 || s->is_task_one ? 1 : (int64_t)batch->n_texts;
        shape[1] = 1;
        return s->task_rank;
    }
    if (!s->base.info.packs) {
        shape[0] = (int64_t)batch->n_texts;
        shape[1] = (int64_t)batch->n_tokens;
        return 2;
    }
    shape[0] = kind == INPUT_BEGINS    ? (int64_t)batch->n_texts + 1
               : kind == INPUT_THREADS ? 1
                                       : (int64_t)count_tokens(batch);
    shape[1] = 1;
    return 1;
}

/* The tensor of one input, in `memory`, which has room for as many int64. */
static rf_status make_input(const struct session *s, enum input_kind kind, const struct engine_batch *batch,
                            int64_t *memory, OrtValue **out, rf_error *err)
{
    int64_t shape[2];
    size_t rank = input_shape(s, kind, batch, shape), n = (size_t)(shape[0] * shape[1]);
    bool is_int32 = s->is_int32[kind];
    int32_t *narrow = (int32_t *)memory;

    for (size_t i = 0; i < n; i++) {
        if (is_int32)
            narrow[i] = (int32_t)input_value(kind, batch, i);
        else
            memory[i] = input_value(kind, batch, i);
    }
    return check(s,
                 s->ort->CreateTensorWithDataAsOrtValue(
                     s->memory, memory, n * (is_int32 ? sizeof *narrow : sizeof *memory), shape, rank,
                     is_int32 ? ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32 : ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, out),
                 err);
}

/* Checks what came back and fills *out, whose owner is already set. */
static rf_status read_output(const struct session *s, struct run_output *owner, const struct engine_batch *batch,
                             struct engine_output *out, rf_error *err)
{
    OrtTensorTypeAndShapeInfo *shape;
    const int64_t texts = s->base.info.packs ? 1 : (int64_t)batch->n_texts;
    const int64_t tokens = s->base.info.packs ? (int64_t)count_tokens(batch) : (int64_t)batch->n_tokens;
    int64_t dims[3] = {0};
    size_t rank = 0, n;
    void *data;
    rf_status status = check(s, s->ort->GetTensorTypeAndShape(owner->value, &shape), err);

    if (status != RF_OK)
        return status;
    status = check(s, s->ort->GetDimensionsCount(shape, &rank), err);
    if (status == RF_OK && rank >= 2 && rank <= 3)
        status = check(s, s->ort->GetDimensions(shape, dims, rank), err);
    s->ort->ReleaseTensorTypeAndShapeInfo(shape);
    if (status == RF_OK)
        status = check(s, s->ort->GetTensorMutableData(owner->value, &data), err);
    if (status != RF_OK)
        return status;
    if (rank != s->base.info.rank || dims[0] != texts || dims[rank - 1] <= 0 || (rank == 3 && dims[1] != tokens))
        return rf__fail(err, RF_UNSUPPORTED,
                        "%s: output '%s' came as [%lld, %lld, %lld] for %zu texts of %zu tokens; is this an embedding "
                        "model?",
                        s->path, s->output, (long long)dims[0], (long long)dims[1], (long long)dims[2], batch->n_texts,
                        batch->n_tokens);
    out->rank = (uint32_t)rank;
    out->n_texts = batch->n_texts;
    out->n_tokens = rank == 3 ? batch->n_tokens : 1;
    out->dim = (size_t)dims[rank - 1];
    out->data = data;
    if (s->is_fp16) {
        const uint16_t *halves = data;
        n = (size_t)(rank == 3 ? dims[0] * dims[1] : dims[0]) * out->dim;
        owner->converted = rf__alloc_array(n, sizeof *owner->converted);
        if (owner->converted == NULL)
            return rf__fail_memory(err);
        for (size_t i = 0; i < n; i++)
            owner->converted[i] = rf__half_to_float(halves[i]);
        out->data = owner->converted;
    }
    return RF_OK;
}

/* `run_options` may be NULL. */
static rf_status run_batch(const struct engine *engine, const struct engine_batch *batch,
                           const OrtRunOptions *run_options, struct engine_output *out, rf_error *err)
{
    const struct session *s = (const struct session *)engine;
    const char *names[N_INPUTS];
    OrtValue *values[N_INPUTS] = {NULL};
    struct run_output *owner = NULL;
    int64_t *memory = NULL;
    size_t n_inputs = 0, n = batch->n_tokens, all;
    rf_status status = RF_OK;

    assert(batch->begins == NULL || s->base.info.packs);
    if ((batch->begins == NULL && !rf__mul(batch->n_texts, batch->n_tokens, &n)) || !rf__add(n, 1, &n) ||
        !rf__mul(n, N_INPUTS, &all) || (memory = rf__alloc_array(all, sizeof *memory)) == NULL ||
        (owner = rf__calloc(1, sizeof *owner)) == NULL) {
        status = rf__fail_memory(err);
        goto out;
    }
    owner->ort = s->ort;
    for (int kind = 0; kind < N_INPUTS && status == RF_OK; kind++) {
        if (!s->is_used[kind])
            continue;
        names[n_inputs] = input_names[kind];
        status = make_input(s, (enum input_kind)kind, batch, memory + (size_t)kind * n, &values[n_inputs], err);
        n_inputs += status == RF_OK;
    }
    if (status == RF_OK) {
        const char *const output = s->output;
        status = check(s,
                       s->ort->Run(s->session, run_options, names, (const OrtValue *const *)values, n_inputs, &output,
                                   1, &owner->value),
                       err);
    }
    if (status == RF_OK)
        status = read_output(s, owner, batch, out, err);
out:
    for (size_t i = 0; i < n_inputs; i++)
        s->ort->ReleaseValue(values[i]);
    rf__free(memory);
    if (status == RF_OK) {
        out->owner = owner;
        out->release = release_output;
    } else if (owner != NULL) {
        release_output(owner);
    }
    return status;
}

static rf_status session_run(const struct engine *engine, const struct engine_batch *batch, struct engine_output *out,
                             rf_error *err)
{
    return run_batch(engine, batch, NULL, out, err);
}

/* ONNX Runtime gives the memory of its arena back at the end of a run that asks for it, one of a single token, and so
 * does our operator. */
static rf_status session_trim(const struct engine *engine, rf_error *err)
{
    struct session *s = (struct session *)(uintptr_t)engine; /* no other call is under way */
    const uint32_t id = 0;
    const struct engine_batch batch = {.ids = &id, .n_texts = 1, .n_tokens = 1};
    struct engine_output output = {0};
    OrtRunOptions *run_options = NULL;
    rf_status status = check(s, s->ort->CreateRunOptions(&run_options), err);

    if (status == RF_OK)
        status = check(s, s->ort->AddRunConfigEntry(run_options, "memory.enable_memory_arena_shrinkage", "cpu:0"), err);
    s->encoder_op.trims = true;
    if (status == RF_OK)
        status = run_batch(engine, &batch, run_options, &output, err);
    s->encoder_op.trims = false;
    rf__engine_output_release(&output);
    if (run_options != NULL)
        s->ort->ReleaseRunOptions(run_options);
    return status;
}

static void session_free(struct engine *engine)
{
    struct session *s = (struct session *)engine;

    if (s->ort != NULL) {
        s->ort->ReleaseSession(s->session);
        s->ort->ReleaseCustomOpDomain(s->domain);
        s->ort->ReleaseMemoryInfo(s->memory);
        s->ort->ReleaseEnv(s->env);
    }
    rf__free(s->path);
    rf__free(s->inputs);
    rf__free(s->output);
    rf__free(s);
}

/* ---- Opening ------------------------------------------------------------------------------------------- */

/* The options of a session: ours first, then the caller's. Lengths of texts differ from run to run, so memory planned
 * for one shape is of no use to the next and would pile up: no memory patterns. A thread that waits must not spin. */
static rf_status make_options(struct session *s, const struct engine_options *options, OrtSessionOptions **out,
                              rf_error *err)
{
    char threads[32];
    const char *const ours[] = {threads,
                                "inter_op_num_threads=1",
                                "graph_optimization_level=all",
                                "enable_mem_pattern=false",
                                "session.intra_op.allow_spinning=0",
                                "session.inter_op.allow_spinning=0",
                                NULL};
    rf_status status = check(s, s->ort->CreateSessionOptions(out), err);

    snprintf(threads, sizeof threads, "intra_op_num_threads=%u", options->threads ? options->threads : 1);
    if (status == RF_OK)
        status = check(s, s->ort->SetUserLoggingFunction(*out, drop_message, NULL), err);
    if (status == RF_OK)
        status = rf__session_options_apply(s->ort, *out, ours, &options->logger, err);
    if (status == RF_OK)
        status = rf__session_options_apply(s->ort, *out, options->session_options, &options->logger, err);
    return status;
}

/* Hands the model to ONNX Runtime with its weights left in the files that they are in. */
static rf_status create_session(struct session *s, const void *data, size_t len, const char *real_path,
                                OrtSessionOptions *options, const struct logger *logger, rf_error *err)
{
    struct weight_places places;
    struct buf slim;
    size_t n_detached = 0;
    rf_status status = rf__weight_places_find(data, len, s->path, real_path, &places, err);

    rf__buf_init(&slim, (size_t)2 << 30);
    for (size_t i = 0; i < places.data.n; i++)
        rf__log(logger, RF_LOG_DEBUG, "%s: has tensors in %s%s", s->path, places.folder, places.places[i]);
    if (status == RF_OK)
        status = check(s,
                       s->ort->AddSessionConfigEntry(options, "session.model_external_initializers_file_folder_path",
                                                     places.folder[0] != '\0' ? places.folder : "."),
                       err);
    if (status == RF_OK &&
        rf__external_weights(
            data, len, &(struct external_places){.own = places.own, .data = &places.data, .places = places.places},
            &slim, &n_detached, NULL) == RF_OK &&
        n_detached + places.data.n > 0) {
        rf__log(logger, RF_LOG_DEBUG, "%s: %zu of its tensors stay in the file itself, mapped", s->path, n_detached);
        data = slim.data;
        len = slim.len;
    }
    if (status == RF_OK)
        status = check(s, s->ort->CreateSessionFromArray(s->env, data, len, options, &s->session), err);
    rf__buf_release(&slim);
    rf__weight_places_release(&places);
    return status;
}

static rf_status open_session(struct session *s, const void *data, size_t len, const char *real_path,
                              const struct engine_options *options, rf_error *err)
{
    OrtSessionOptions *session_options = NULL;
    rf_status status = rf__ort_api(&s->ort, err);

    if (status == RF_OK)
        status = check(
            s, s->ort->CreateEnvWithCustomLogger(drop_message, NULL, ORT_LOGGING_LEVEL_ERROR, "rag_factory", &s->env),
            err);
    if (status == RF_OK)
        status = check(s, s->ort->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &s->memory), err);
    if (status == RF_OK)
        status = make_options(s, options, &session_options, err);
    s->encoder_op.statistics = options->statistics;
    if (status == RF_OK)
        status = rf__encoder_op_register(s->ort, session_options, &s->encoder_op, &s->domain, err);
    if (status == RF_OK)
        status = create_session(s, data, len, real_path, session_options, &options->logger, err);
    if (session_options != NULL)
        s->ort->ReleaseSessionOptions(session_options);
    if (status == RF_OK)
        status = bind_inputs(s, err);
    return status == RF_OK ? bind_output(s, err) : status;
}

static const struct engine_ops session_ops = {session_run, session_free, session_trim};

static rf_status open_bytes(const void *data, size_t len, const char *path, const char *real_path,
                            const struct engine_options *options, struct engine **out, rf_error *err)
{
    struct session *s = rf__calloc(1, sizeof *s);
    uint64_t begin = rf__os_now_ns();
    struct graph_facts facts;
    rf_status status;

    if (s == NULL || (s->path = rf__strdup(path)) == NULL) {
        rf__free(s);
        return rf__fail_memory(err);
    }
    s->base.ops = &session_ops;
    if (len == 0) {
        status = rf__fail(err, RF_BAD_FORMAT, "%s: is empty, expected an ONNX model", path);
    } else {
        status = open_session(s, data, len, real_path, options, err);
    }
    if (status != RF_OK) {
        session_free(&s->base);
        return status;
    }
    s->base.info.path = s->path;
    s->base.info.inputs = s->inputs;
    s->base.info.output = s->output;
    s->base.info.kernels = "";
    s->base.info.mixes_texts = !rf__graph_facts(data, len, &facts) || facts.mixes_texts;
    s->base.info.n_parameters = facts.n_parameters;
    s->base.info.precision = facts.precision;
    if (s->base.info.packs)
        describe_kernels(s);
    s->base.info.has_mask = s->is_used[INPUT_MASK];
    s->base.info.has_type_ids = s->is_used[INPUT_TYPE_IDS];
    s->base.info.has_tasks = s->is_used[INPUT_TASK];
    s->base.info.file_size = len;
    rf__log(&options->logger, RF_LOG_DEBUG,
            "%s: opened by ONNX Runtime %s, %s, inputs %s; output '%s', rank %u, dim %u; %.1f ms", path,
            rf__engine_runtime_version(),
            s->base.info.precision[0] != '\0' ? s->base.info.precision : "precision not known", s->inputs, s->output,
            s->base.info.rank, s->base.info.dim, (double)(rf__os_now_ns() - begin) / 1e6);
    *out = &s->base;
    return RF_OK;
}

rf_status rf__engine_open_bytes(const void *data, size_t len, const char *path, const struct engine_options *options,
                                struct engine **out, rf_error *err)
{
    return open_bytes(data, len, path, path, options, out, err);
}

rf_status rf__engine_open_file(const char *path, const struct engine_options *options, struct engine **out,
                               rf_error *err)
{
    struct os_map file = {0};
    char *real_path;
    rf_status status = rf__os_map_file(path, &file, err);

    if (status != RF_OK)
        return status;
    real_path = rf__os_real_path(path);
    if (real_path == NULL)
        status = rf__fail_memory(err);
    else
        status = open_bytes(file.data, file.size, path, real_path, options, out, err);
    rf__free(real_path);
    rf__os_unmap(&file);
    return status;
}

const char *rf__engine_precision_of(const char *path)
{
    struct graph_facts facts = {.precision = ""};
    struct os_map file = {0};

    if (rf__os_map_file(path, &file, NULL) == RF_OK)
        (void)rf__graph_facts(file.data, file.size, &facts);
    rf__os_unmap(&file);
    return facts.precision;
}
