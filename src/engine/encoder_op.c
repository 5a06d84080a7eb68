/*
 * encoder_op: see encoder_op.h. What ONNX Runtime asks of an operator, and the checks that turn the constants of a
 * file, which may be anybody's, into a struct encoder whose sizes are certain.
 */
#include "engine/encoder_op.h"

#include "base/mem.h"
#include "engine/kernels/encoder.h"
#include "os/os.h"

#include <math.h>
#include <string.h>

enum { IN_IDS, IN_TYPE_IDS, IN_BEGINS, IN_THREADS, IN_WEIGHTS };

#define MOST            ((int64_t)1 << 20) /* of each size that an attribute gives */
#define MOST_WORKSPACES 64                 /* kept for the next runs */
#define MOST_ROTATIONS  2

struct op {
    const OrtApi *ort;
    const struct encoder_op *maker;
    struct encoder encoder;
    struct encoder_layer *layers;
    struct encoder_step *steps;
    const float *frequencies[MOST_ROTATIONS];
    void **copies; /* [n_copies]: constants that do not lie where their type may */
    size_t n_copies;
    struct os_mutex *mutex;
    /* Under the mutex: */
    struct workspace idle[MOST_WORKSPACES];
    size_t n_idle;
    struct team *team; /* NULL: none yet; made for the first run that shares */
    bool team_is_busy; /* with a run; others go alone meanwhile */
};

/* ---- Reading the node -------------------------------------------------------------------------------------------- */

/* A cursor over the constant inputs. The first failure is kept and makes later calls give NULL. */
struct reader {
    struct op *op;
    const OrtApi *ort;
    const OrtKernelInfo *info;
    size_t next;
    rf_status status;
    rf_error *err;
};

static void fail(struct reader *r, OrtStatus *failure, const char *what)
{
    rf_status status = rf__ort_check(r->ort, failure, r->status == RF_OK ? r->err : NULL, what);

    if (r->status == RF_OK)
        r->status = status;
}

static void refuse(struct reader *r, const char *what)
{
    if (r->status == RF_OK)
        r->status = rf__fail(r->err, RF_BAD_FORMAT, "rag_factory::Encoder: %s", what);
}

static size_t read_between(struct reader *r, const char *name, int64_t least, int64_t most)
{
    int64_t number = 0;

    fail(r, r->ort->KernelInfoGetAttribute_int64(r->info, name, &number), name);
    if (number < least || number > most)
        refuse(r, "an attribute is out of range");
    return r->status == RF_OK ? (size_t)number : (size_t)least;
}

static size_t read_size(struct reader *r, const char *name)
{
    return read_between(r, name, 1, MOST);
}

static bool read_bool(struct reader *r, const char *name)
{
    return read_between(r, name, 0, 1) == 1;
}

static float read_number(struct reader *r, const char *name, float most)
{
    float number = 0;

    fail(r, r->ort->KernelInfoGetAttribute_float(r->info, name, &number), name);
    if (!(number >= 0 && number <= most))
        refuse(r, "a number is out of range");
    return number;
}

/* The place in `names`, which ends with NULL, of a string. */
static int read_choice(struct reader *r, const char *name, const char *const *names)
{
    char text[32] = "";
    size_t size = sizeof text;

    fail(r, r->ort->KernelInfoGetAttribute_string(r->info, name, text, &size), name);
    for (int i = 0; names[i] != NULL; i++)
        if (r->status == RF_OK && strcmp(text, names[i]) == 0)
            return i;
    refuse(r, "an attribute has a value that this version does not know");
    return 0;
}

/* The constant itself; a copy of one that lies at an odd place in the file, as small ones inside it may. */
static const void *aligned(struct reader *r, const void *data, ONNXTensorElementDataType type, size_t count)
{
    const size_t size = type == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64   ? 8
                        : type == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16 ? 2
                        : type == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8  ? 1
                                                                      : 4;
    void **copies, *copy;

    if (r->status != RF_OK || (uintptr_t)data % size == 0)
        return data;
    copies = rf__realloc(r->op->copies, (r->op->n_copies + 1) * sizeof *copies);
    r->op->copies = copies != NULL ? copies : r->op->copies;
    copy = copies == NULL ? NULL : rf__alloc_array(count, size);
    if (copy == NULL) {
        r->status = rf__fail_memory(r->err);
        return NULL;
    }
    copies[r->op->n_copies++] = copy;
    return memcpy(copy, data, count * size);
}

/* A constant input. */
struct constant {
    ONNXTensorElementDataType type;
    size_t count;
    const void *data;
};

static struct constant read_constant(struct reader *r)
{
    struct constant constant = {ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED, 0, NULL};
    const OrtValue *value = NULL;
    OrtTensorTypeAndShapeInfo *shape = NULL;
    void *data = NULL;
    int is_constant = 0;

    if (r->status == RF_OK)
        fail(r, r->ort->KernelInfoGetConstantInput_tensor(r->info, r->next++, &is_constant, &value), "weights");
    if (r->status == RF_OK && (!is_constant || value == NULL))
        refuse(r, "a weight is missing or no constant");
    if (r->status == RF_OK)
        fail(r, r->ort->GetTensorTypeAndShape(value, &shape), "weights");
    if (r->status != RF_OK)
        return constant;
    fail(r, r->ort->GetTensorElementType(shape, &constant.type), "weights");
    fail(r, r->ort->GetTensorShapeElementCount(shape, &constant.count), "weights");
    fail(r, r->ort->GetTensorMutableData((OrtValue *)(uintptr_t)value, &data), "weights");
    r->ort->ReleaseTensorTypeAndShapeInfo(shape);
    constant.data = aligned(r, data, constant.type, constant.count);
    return constant;
}

/* The next constant: `rows` times `columns` elements of a type. */
static const void *read_tensor(struct reader *r, ONNXTensorElementDataType type, size_t rows, size_t columns)
{
    struct constant constant = read_constant(r);
    size_t n;

    if (!rf__mul(rows, columns, &n) || constant.type != type || constant.count != n)
        refuse(r, "a weight is of another type or size than the attributes say");
    return r->status == RF_OK ? constant.data : NULL;
}

static const float *read_floats(struct reader *r, size_t rows, size_t columns)
{
    return read_tensor(r, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, rows, columns);
}

/* The next constant: a table [n, width], n as the file has it. */
static const float *read_table(struct reader *r, size_t width, size_t *n)
{
    struct constant constant = read_constant(r);

    *n = constant.count / width;
    if (constant.type != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT || *n == 0 || *n > INT32_MAX ||
        constant.count % width != 0)
        refuse(r, "a table is not of the width that the attributes say");
    return r->status == RF_OK ? constant.data : NULL;
}

static struct linear read_linear(struct reader *r, enum precision precision, size_t n, size_t k)
{
    static const ONNXTensorElementDataType types[] = {
        ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8};
    struct linear linear = {.precision = precision, .n = n, .k = k};
    size_t n_groups = rf__pack_groups(k, precision == PRECISION_INT8 ? PACK_GROUP_I8 : PACK_GROUP_I16);

    linear.panels = read_tensor(r, types[precision], n, k);
    if (precision != PRECISION_FP32)
        linear.scales = read_floats(r, n, n_groups);
    if (precision == PRECISION_INT8) {
        linear.sums = read_tensor(r, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, n, n_groups);
        linear.smooth = read_floats(r, k, 1);
    }
    linear.bias = read_floats(r, n, 1);
    return linear;
}

static struct encoder_norm read_norm(struct reader *r, size_t ld)
{
    struct encoder_norm norm = {read_floats(r, ld, 1), NULL};

    norm.bias = read_floats(r, ld, 1);
    return norm;
}

static void read_layer(struct reader *r, const struct encoder *e, bool has_head_norms, bool has_norm,
                       struct encoder_layer *layer)
{
    const bool is_around = e->places == NORMS_AROUND;

    layer->qkv = read_linear(r, e->precision, e->queries + 2 * e->keys, e->ld);
    if (has_head_norms) {
        layer->query_norm = read_floats(r, e->head, 1);
        layer->key_norm = read_floats(r, e->head, 1);
    }
    layer->out = read_linear(r, e->precision, e->ld, e->queries);
    if (has_norm)
        layer->attention_norm = read_norm(r, e->ld);
    if (is_around)
        layer->attention_after = read_norm(r, e->ld);
    layer->up = read_linear(r, e->precision, e->is_gated ? 2 * e->inner : e->inner, e->ld);
    layer->down = read_linear(r, e->precision, e->ld, e->inner);
    layer->unit_norm = read_norm(r, e->ld);
    if (is_around)
        layer->unit_after = read_norm(r, e->ld);
}

static void read_sizes(struct reader *r, struct encoder *e)
{
    e->hidden = read_size(r, "hidden");
    e->ld = rf__pack_lanes(e->hidden);
    e->embedding = read_size(r, "embedding");
    e->embedding_ld = rf__pack_lanes(e->embedding);
    e->inner = rf__pack_lanes(read_size(r, "inner"));
    e->n_heads = read_size(r, "heads");
    e->n_key_heads = read_size(r, "key_heads");
    e->head = read_size(r, "head");
    e->n_rotations = read_between(r, "rotations", 0, MOST_ROTATIONS);
    if (e->n_heads % e->n_key_heads != 0)
        refuse(r, "heads is no multiple of key_heads");
    if (e->head > (size_t)MOST / e->n_heads)
        refuse(r, "heads are too wide");
    if (e->n_rotations > 0 && e->head % 2 != 0)
        refuse(r, "a head that is turned has an odd width");
    if (e->embedding != e->hidden && !read_bool(r, "projection"))
        refuse(r, "embeddings of another width are not projected");
    e->queries = rf__pack_lanes(e->n_heads * e->head);
    e->keys = rf__pack_lanes(e->n_key_heads * e->head);
}

static void read_attributes(struct reader *r, struct encoder *e)
{
    static const char *const precisions[] = {"fp32", "int16", "int8", NULL};
    static const char *const activations[] = {"none", "gelu", "gelu_tanh", "relu", "silu", NULL};
    static const char *const places[] = {"end", "before", "around", NULL}, *const norms[] = {"layer", "rms", NULL};
    static const char *const biases[] = {"none", "table", "slopes", NULL};
    const float large = 1e6F;

    if (read_size(r, "layout") != PACK_LAYOUT)
        refuse(r, "the weights are laid out for another version");
    e->precision = (enum precision)read_choice(r, "precision", precisions);
    e->activation = (enum activation_kind)read_choice(r, "activation", activations);
    e->is_gated = read_bool(r, "gated");
    read_sizes(r, e);
    e->places = (enum norm_places)read_choice(r, "norms", places);
    e->is_rms = read_choice(r, "norm", norms) == 1;
    e->bias_kind = (enum bias_kind)read_choice(r, "bias", biases);
    e->padding = (int32_t)read_between(r, "padding", -1, MOST - 1);
    e->embedding_scale = read_number(r, "embedding_scale", large);
    e->score_scale = read_number(r, "score_scale", large);
    e->epsilon = read_number(r, "epsilon", 1);
}

/* The bias by distance, whose reach the size says. */
static void read_bias(struct reader *r, struct encoder *e)
{
    size_t n;

    if (e->bias_kind == BIAS_SLOPES)
        e->bias = read_floats(r, e->n_heads, 1);
    if (e->bias_kind != BIAS_TABLE)
        return;
    e->bias = read_table(r, e->n_heads, &n);
    if (n % 2 == 0)
        refuse(r, "a bias by distance is not of an odd number of distances");
    e->reach = n / 2;
}

/* How far a token sees; -1: all. */
static size_t to_reach(int64_t tokens)
{
    return tokens < 0 || (uint64_t)tokens > SIZE_MAX / 2 ? SIZE_MAX : (size_t)tokens;
}

/* The steps, once the layers have their places. */
static void read_steps(struct reader *r, struct op *op, size_t n_layers)
{
    enum { COLUMNS = 4 };
    struct constant constant = read_constant(r);
    struct encoder *e = &op->encoder;
    const int64_t *at = constant.data;

    if (constant.type != ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 || constant.count == 0 || constant.count % COLUMNS != 0 ||
        constant.count > (size_t)MOST)
        refuse(r, "the steps are not int64 [n, 4]");
    if (r->status != RF_OK)
        return;
    e->n_steps = constant.count / COLUMNS;
    op->steps = rf__calloc(e->n_steps, sizeof *op->steps);
    e->steps = op->steps;
    if (op->steps == NULL) {
        r->status = rf__fail_memory(r->err);
        return;
    }
    for (size_t i = 0; i < e->n_steps; i++, at += COLUMNS) {
        if (at[0] < 0 || (uint64_t)at[0] >= n_layers || at[1] < -1 || at[1] >= (int64_t)e->n_rotations) {
            refuse(r, "a step names a layer or a rotation that there is not");
            return;
        }
        op->steps[i] = (struct encoder_step){.layer = &op->layers[at[0]],
                                             .rotation = at[1] < 0 ? ENCODER_NO_ROTATION : (size_t)at[1],
                                             .before = to_reach(at[2]),
                                             .after = to_reach(at[3])};
    }
}

static void read_embeddings(struct reader *r, struct encoder *e)
{
    e->words = read_table(r, e->embedding, &e->n_words);
    e->types = read_table(r, e->embedding, &e->n_types);
    if (read_bool(r, "positions"))
        e->positions = read_table(r, e->embedding, &e->n_positions);
    else if (e->padding >= 0)
        refuse(r, "padding is given without positions");
    if (read_bool(r, "embedding_norm"))
        e->embedding_norm = read_norm(r, e->embedding_ld);
    if (read_bool(r, "projection"))
        e->projection = read_linear(r, e->precision, e->ld, e->embedding_ld);
}

static rf_status read_encoder(struct op *op, const OrtKernelInfo *info, rf_error *err)
{
    struct reader r = {.op = op, .ort = op->ort, .info = info, .next = IN_WEIGHTS, .status = RF_OK, .err = err};
    struct encoder *e = &op->encoder;
    const size_t n_layers = read_size(&r, "layers");
    const bool has_first_norm = read_bool(&r, "first_norm"), has_head_norms = read_bool(&r, "head_norms");

    e->kernels = rf__kernels_best();
    read_attributes(&r, e);
    if (!has_first_norm && e->places != NORMS_BEFORE)
        refuse(&r, "only a norm that comes before can be left out");
    if (r.status != RF_OK)
        return r.status;
    op->layers = rf__calloc(n_layers, sizeof *op->layers);
    if (op->layers == NULL)
        return rf__fail_memory(err);
    read_steps(&r, op, n_layers);
    read_embeddings(&r, e);
    read_bias(&r, e);
    for (size_t i = 0; i < e->n_rotations; i++)
        op->frequencies[i] = read_floats(&r, e->head / 2, 1);
    e->frequencies = op->frequencies;
    for (size_t i = 0; i < n_layers && r.status == RF_OK; i++)
        read_layer(&r, e, has_head_norms, i > 0 || has_first_norm, &op->layers[i]);
    if (read_bool(&r, "final_norm"))
        e->final_norm = read_norm(&r, e->ld);
    return r.status;
}

/* ---- Runs -------------------------------------------------------------------------------------------------------- */

static struct workspace borrow(struct op *op)
{
    struct workspace workspace = {0};

    rf__os_mutex_lock(op->mutex);
    if (op->n_idle > 0)
        workspace = op->idle[--op->n_idle];
    rf__os_mutex_unlock(op->mutex);
    return workspace;
}

static void release_idle(struct op *op)
{
    while (op->n_idle > 0)
        rf__workspace_release(&op->idle[--op->n_idle]);
}

static void give_back(struct op *op, struct workspace *workspace)
{
    bool is_kept = false;

    rf__os_mutex_lock(op->mutex);
    if (op->maker->trims) {
        release_idle(op);
        rf__team_free(op->team);
        op->team = NULL;
    } else if (op->n_idle < MOST_WORKSPACES) {
        op->idle[op->n_idle++] = *workspace;
        is_kept = true;
    }
    rf__os_mutex_unlock(op->mutex);
    if (!is_kept)
        rf__workspace_release(workspace);
}

/* The team, started, for a run that may have `threads`; or NULL. It is given back by end_team(). */
static struct team *start_team(struct op *op, const struct encoder_input *in, size_t threads)
{
    struct team *team = NULL;

    if (threads < 2 || !rf__encoder_is_worth_sharing(&op->encoder, in))
        return NULL;
    rf__os_mutex_lock(op->mutex);
    if (op->team != NULL && !rf__team_is_ours(op->team)) {
        op->team = NULL; /* it stays with the process that forked this one */
        op->team_is_busy = false;
    }
    if (op->team == NULL)
        op->team = rf__team_new(threads);
    if (!op->team_is_busy && rf__team_start(op->team)) {
        op->team_is_busy = true;
        team = op->team;
    }
    rf__os_mutex_unlock(op->mutex);
    return team;
}

static void end_team(struct op *op, struct team *team)
{
    if (team == NULL)
        return;
    rf__team_end(team);
    rf__os_mutex_lock(op->mutex);
    op->team_is_busy = false;
    rf__os_mutex_unlock(op->mutex);
}

static OrtStatus *to_ort(const OrtApi *ort, rf_status status, const rf_error *err)
{
    return ort->CreateStatus(status == RF_INVALID_ARGUMENT ? ORT_INVALID_ARGUMENT : ORT_FAIL, err->message);
}

/* An input of the run: int32 of rank 1. */
static OrtStatus *get_input(const struct op *op, OrtKernelContext *context, size_t i, const int32_t **data, size_t *n)
{
    const OrtValue *value = NULL;
    OrtTensorTypeAndShapeInfo *shape;
    OrtStatus *failure = op->ort->KernelContext_GetInput(context, i, &value);
    void *memory = NULL;

    if (failure == NULL)
        failure = op->ort->GetTensorTypeAndShape(value, &shape);
    if (failure != NULL)
        return failure;
    failure = op->ort->GetTensorShapeElementCount(shape, n);
    op->ort->ReleaseTensorTypeAndShapeInfo(shape);
    if (failure == NULL)
        failure = op->ort->GetTensorMutableData((OrtValue *)(uintptr_t)value, &memory);
    *data = memory;
    return failure;
}

static OrtStatus *get_inputs(const struct op *op, OrtKernelContext *context, struct encoder_input *in, size_t *threads)
{
    const int32_t *number = NULL;
    size_t n_types = 0, n_begins = 0, n_numbers = 0;
    OrtStatus *failure = get_input(op, context, IN_IDS, &in->ids, &in->n_rows);

    if (failure == NULL)
        failure = get_input(op, context, IN_TYPE_IDS, &in->type_ids, &n_types);
    if (failure == NULL)
        failure = get_input(op, context, IN_BEGINS, &in->begins, &n_begins);
    if (failure == NULL)
        failure = get_input(op, context, IN_THREADS, &number, &n_numbers);
    if (failure != NULL)
        return failure;
    if (n_types != in->n_rows || n_begins < 2 || n_numbers != 1)
        return op->ort->CreateStatus(ORT_INVALID_ARGUMENT, "rag_factory::Encoder: inputs of different lengths");
    in->n_texts = n_begins - 1;
    *threads = *number > 1 ? (size_t)*number : 1;
    return NULL;
}

static OrtStatus *ORT_API_CALL compute(void *kernel, OrtKernelContext *context)
{
    struct op *op = kernel;
    struct encoder_input in = {0};
    struct workspace workspace;
    struct team *team;
    size_t threads = 1;
    OrtValue *value = NULL;
    void *out = NULL;
    rf_error err = {0};
    rf_status status;
    OrtStatus *failure = get_inputs(op, context, &in, &threads);

    if (failure != NULL)
        return failure;
    status = rf__encoder_check(&op->encoder, &in, &err);
    if (status != RF_OK)
        return to_ort(op->ort, status, &err);
    failure = op->ort->KernelContext_GetOutput(
        context, 0, (const int64_t[]){1, (int64_t)in.n_rows, (int64_t)op->encoder.hidden}, 3, &value);
    if (failure == NULL)
        failure = op->ort->GetTensorMutableData(value, &out);
    if (failure != NULL)
        return failure;
    workspace = borrow(op);
    team = start_team(op, &in, threads);
    status = rf__encoder_run(&op->encoder, &in, team, &workspace, out, &err);
    end_team(op, team);
    give_back(op, &workspace);
    return status == RF_OK ? NULL : to_ort(op->ort, status, &err);
}

/* ---- What ONNX Runtime asks -------------------------------------------------------------------------------------- */

static void ORT_API_CALL destroy_kernel(void *kernel)
{
    struct op *op = kernel;

    if (op == NULL)
        return;
    release_idle(op);
    rf__team_free(op->team);
    rf__os_mutex_free(op->mutex);
    rf__free(op->layers);
    rf__free(op->steps);
    for (size_t i = 0; i < op->n_copies; i++)
        rf__free(op->copies[i]);
    rf__free(op->copies);
    rf__free(op);
}

static OrtStatus *ORT_API_CALL create_kernel(const OrtCustomOp *custom, const OrtApi *ort, const OrtKernelInfo *info,
                                             void **kernel)
{
    struct op *op = rf__calloc(1, sizeof *op);
    rf_error err = {0};
    rf_status status;

    if (op == NULL)
        return ort->CreateStatus(ORT_FAIL, "out of memory");
    op->ort = ort;
    op->maker = (const struct encoder_op *)custom;
    op->encoder.statistics = op->maker->statistics;
    op->mutex = rf__os_mutex_new();
    status = op->mutex == NULL ? rf__fail_memory(&err) : read_encoder(op, info, &err);
    if (status != RF_OK) {
        destroy_kernel(op);
        return to_ort(ort, status, &err);
    }
    *kernel = op;
    return NULL;
}

static const char *ORT_API_CALL get_name(const OrtCustomOp *custom)
{
    (void)custom;
    return "Encoder";
}

static const char *ORT_API_CALL get_provider(const OrtCustomOp *custom)
{
    (void)custom;
    return NULL;
}

static size_t ORT_API_CALL input_count(const OrtCustomOp *custom)
{
    (void)custom;
    return IN_WEIGHTS + 1;
}

static size_t ORT_API_CALL output_count(const OrtCustomOp *custom)
{
    (void)custom;
    return 1;
}

static ONNXTensorElementDataType ORT_API_CALL input_type(const OrtCustomOp *custom, size_t i)
{
    (void)custom;
    return i < IN_WEIGHTS ? ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32 : ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
}

static ONNXTensorElementDataType ORT_API_CALL output_type(const OrtCustomOp *custom, size_t i)
{
    (void)custom, (void)i;
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
}

static OrtCustomOpInputOutputCharacteristic ORT_API_CALL input_characteristic(const OrtCustomOp *custom, size_t i)
{
    (void)custom;
    return i < IN_WEIGHTS ? INPUT_OUTPUT_REQUIRED : INPUT_OUTPUT_VARIADIC;
}

static OrtCustomOpInputOutputCharacteristic ORT_API_CALL output_characteristic(const OrtCustomOp *custom, size_t i)
{
    (void)custom, (void)i;
    return INPUT_OUTPUT_REQUIRED;
}

static OrtMemType ORT_API_CALL input_memory(const OrtCustomOp *custom, size_t i)
{
    (void)custom, (void)i;
    return OrtMemTypeDefault;
}

static int ORT_API_CALL one(const OrtCustomOp *custom)
{
    (void)custom;
    return 1;
}

static int ORT_API_CALL zero(const OrtCustomOp *custom)
{
    (void)custom;
    return 0;
}

static const OrtCustomOp custom_op = {
    .version = RF_ORT_API,
    .GetName = get_name,
    .GetExecutionProviderType = get_provider,
    .GetInputType = input_type,
    .GetInputTypeCount = input_count,
    .GetOutputType = output_type,
    .GetOutputTypeCount = output_count,
    .KernelDestroy = destroy_kernel,
    .GetInputCharacteristic = input_characteristic,
    .GetOutputCharacteristic = output_characteristic,
    .GetInputMemoryType = input_memory,
    .GetVariadicInputMinArity = one,
    .GetVariadicInputHomogeneity = zero,
    .GetVariadicOutputMinArity = one,
    .GetVariadicOutputHomogeneity = zero,
    .CreateKernelV2 = create_kernel,
    .KernelComputeV2 = compute,
    .GetStartVersion = one,
    .GetEndVersion = one,
};

rf_status rf__encoder_op_register(const OrtApi *ort, OrtSessionOptions *options, struct encoder_op *op,
                                  OrtCustomOpDomain **domain, rf_error *err)
{
    rf_status status = rf__ort_check(ort, ort->CreateCustomOpDomain(ENCODER_DOMAIN, domain), err, ENCODER_DOMAIN);

    op->base = custom_op;
    if (status == RF_OK)
        status = rf__ort_check(ort, ort->CustomOpDomain_Add(*domain, &op->base), err, ENCODER_DOMAIN);
    return status == RF_OK ? rf__ort_check(ort, ort->AddCustomOpDomain(options, *domain), err, ENCODER_DOMAIN) : status;
}
