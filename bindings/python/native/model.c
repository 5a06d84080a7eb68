/* model: the type rag_factory._native.Model, an opened rf_model.
 *
 * `n_calls` counts the calls that are inside the library. It is read and written with the GIL alone. A model that is
 * closed meanwhile is freed by the last of them. After a fork the count says whether the child may use the model: locks
 * that another thread held are held for ever there. */
#include "native.h"

#include <stddef.h>

#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wpedantic" /* functions as void *: Python's slots */
#endif

Model *native_enter(Model *self)
{
    if (self->model == NULL) {
        PyErr_SetString(native_error, "the model is closed");
        return NULL;
    }
    self->n_calls++;
    return self;
}

void native_leave(Model *self)
{
    if (--self->n_calls == 0) {
        rf_model_free(self->doomed);
        self->doomed = NULL;
    }
}

/* ---- Opening and closing ------------------------------------------------------------------------------------- */

static PyObject *model_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
    struct native_source source;
    rf_error err = {RF_OK, ""};
    Model *self;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);

    if (native_source_init(&source, args, names) != 0)
        return NULL;
    self = (Model *)alloc(type, 0);
    if (self != NULL) {
        rf_status status;
        Py_XINCREF(source.log);
        self->log = source.log;
        Py_BEGIN_ALLOW_THREADS status = rf_model_open(source.name, &source.own.options, &self->model, &err);
        Py_END_ALLOW_THREADS if (native_call_end(&source.call, status, &err) != 0) Py_CLEAR(self);
    }
    native_source_release(&source);
    return (PyObject *)self;
}

static PyObject *model_close(Model *self, PyObject *ignored)
{
    (void)ignored;
    if (self->n_calls > 0 && self->model != NULL)
        self->doomed = self->model;
    else
        rf_model_free(self->model);
    self->model = NULL;
    Py_RETURN_NONE;
}

/* In a child of fork(), where threads of the parent are missing: closing would wait for them. */
static PyObject *model_abandon(Model *self, PyObject *ignored)
{
    (void)ignored;
    self->model = self->doomed = NULL;
    Py_RETURN_NONE;
}

static void model_dealloc(Model *self)
{
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    rf_model_free(self->model); /* no call is inside: each holds a reference */
    Py_XDECREF(self->log);
    release(self);
    Py_DECREF(type);
}

/* ---- Embedding ------------------------------------------------------------------------------------------------ */

static const struct native_choice roles[] = {
    {"none", RF_ROLE_NONE}, {"query", RF_ROLE_QUERY}, {"document", RF_ROLE_DOCUMENT}, {NULL, 0}};

/* The arguments of a call, turned. */
struct embed_call {
    struct native_call call;
    struct native_texts texts;
    rf_embed_options options;
    PyObject *prompt_name, *prompt; /* bytes or NULL */
    PyObject *out, *done;           /* bytearrays of an earlier call that failed, or NULL */
};

static int set_prompt(PyObject *value, PyObject **bytes, const char **out)
{
    char *data;

    if (value == Py_None)
        return 0;
    if (!PyUnicode_Check(value)) {
        PyErr_Format(PyExc_TypeError, "prompt is %R, not a str", value);
        return -1;
    }
    *bytes = native_utf8(value);
    if (*bytes == NULL || PyBytes_AsStringAndSize(*bytes, &data, NULL) != 0)
        return -1;
    *out = data;
    return 0;
}

static int parse_embed(struct embed_call *out, PyObject *args, PyObject *names)
{
    static char *keywords[] = {"texts", "role", "prompt_name", "prompt", "progress", "out", "done", NULL};
    PyObject *texts, *role, *prompt_name = Py_None, *prompt = Py_None, *progress = Py_None;
    int number;

    if (!PyArg_ParseTupleAndKeywords(args, names, "OO|OOOO!O!", keywords, &texts, &role, &prompt_name, &prompt,
                                     &progress, &PyByteArray_Type, &out->out, &PyByteArray_Type, &out->done))
        return -1;
    rf_embed_options_init(&out->options, sizeof out->options);
    if (native_choose(roles, "role", role, &number) != 0 ||
        set_prompt(prompt_name, &out->prompt_name, &out->options.prompt_name) != 0 ||
        set_prompt(prompt, &out->prompt, &out->options.prompt) != 0)
        return -1;
    out->options.role = (rf_role)number;
    out->options.progress = native_on_progress;
    out->options.progress_user = &out->call;
    out->call.progress = progress != Py_None ? progress : NULL;
    return native_texts_init(&out->texts, texts);
}

/* Both bytearrays fit, and `done` has a byte, 0 or 1, for each text. */
static int set_done(struct embed_call *e, PyObject *out, size_t size)
{
    if ((size_t)PyByteArray_Size(out) != size || (e->done != NULL && (size_t)PyByteArray_Size(e->done) != e->texts.n)) {
        PyErr_SetString(PyExc_ValueError, "out or done is of another call");
        return -1;
    }
    if (e->done != NULL)
        e->options.done = (bool *)(void *)PyByteArray_AsString(e->done);
    return 0;
}

static PyObject *run_embed(Model *self, struct embed_call *e)
{
    const rf_model *model = self->model; /* close() may take it out of self, not out of the world */
    size_t dim = rf_model_dim(model), n = e->texts.n;
    PyObject *out;
    float *floats;
    rf_error err = {RF_OK, ""};
    rf_status status;

    if (n > (size_t)PY_SSIZE_T_MAX / sizeof(float) / dim)
        return PyErr_NoMemory();
    out = e->out;
    Py_XINCREF(out);
    if (out == NULL)
        out = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(n * dim * sizeof(float)));
    if (out == NULL || set_done(e, out, n * dim * sizeof(float)) != 0) {
        Py_XDECREF(out);
        return NULL;
    }
    floats = (float *)(void *)PyByteArray_AsString(out); /* nobody else knows it yet, and its memory is malloc's */
    Py_BEGIN_ALLOW_THREADS status = rf_embed(model, e->texts.texts, n, &e->options, floats, n * dim, &err);
    Py_END_ALLOW_THREADS if (native_call_end(&e->call, status, &err) != 0) Py_CLEAR(out);
    return out;
}

static PyObject *model_embed(Model *self, PyObject *args, PyObject *names)
{
    struct embed_call e = {0};
    PyObject *out = NULL;

    if (parse_embed(&e, args, names) == 0 && native_enter(self) != NULL) {
        out = run_embed(self, &e);
        native_leave(self);
    }
    native_texts_release(&e.texts);
    Py_XDECREF(e.prompt_name);
    Py_XDECREF(e.prompt);
    return out;
}

/* ---- What it is ------------------------------------------------------------------------------------------------ */

/* The members of a struct of the library, by kind. */
static const struct member {
    const char *name;
    size_t offset;
} info_texts[] =
    {{"source", offsetof(rf_model_info, source)},       {"directory", offsetof(rf_model_info, directory)},
     {"onnx_file", offsetof(rf_model_info, onnx_file)}, {"weights_file", offsetof(rf_model_info, weights_file)},
     {"revision", offsetof(rf_model_info, revision)},   {"architecture", offsetof(rf_model_info, architecture)},
     {"precision", offsetof(rf_model_info, precision)}, {"precision_why", offsetof(rf_model_info, precision_why)},
     {"kernels", offsetof(rf_model_info, kernels)},     {"modules", offsetof(rf_model_info, modules)},
     {"prompts", offsetof(rf_model_info, prompts)},     {"default_prompt", offsetof(rf_model_info, default_prompt)},
     {"assumed", offsetof(rf_model_info, assumed)},     {"license", offsetof(rf_model_info, license)},
     {"replaces", offsetof(rf_model_info, replaces)},   {"similarity", offsetof(rf_model_info, similarity)},
     {"provider", offsetof(rf_model_info, provider)},   {NULL, 0}},
  info_numbers[] = {{"dim", offsetof(rf_model_info, dim)},
                    {"full_dim", offsetof(rf_model_info, full_dim)},
                    {"max_tokens", offsetof(rf_model_info, max_tokens)},
                    {"vocab_size", offsetof(rf_model_info, vocab_size)},
                    {"threads", offsetof(rf_model_info, threads)},
                    {NULL, 0}},
  stats_numbers[] = {{"calls", offsetof(rf_model_stats, calls)},
                     {"texts", offsetof(rf_model_stats, texts)},
                     {"tokens", offsetof(rf_model_stats, tokens)},
                     {"truncated", offsetof(rf_model_stats, truncated)},
                     {"long_texts", offsetof(rf_model_stats, long_texts)},
                     {"windows", offsetof(rf_model_stats, windows)},
                     {"requests", offsetof(rf_model_stats, requests)},
                     {"retries", offsetof(rf_model_stats, retries)},
                     {"tokenize_ns", offsetof(rf_model_stats, tokenize_ns)},
                     {"compute_ns", offsetof(rf_model_stats, compute_ns)},
                     {"open_ns", offsetof(rf_model_stats, open_ns)},
                     {"memory_now", offsetof(rf_model_stats, memory_now)},
                     {"memory_peak", offsetof(rf_model_stats, memory_peak)},
                     {"memory_tokenizer", offsetof(rf_model_stats, memory_tokenizer)},
                     {"memory_engine", offsetof(rf_model_stats, memory_engine)},
                     {"memory_calls", offsetof(rf_model_stats, memory_calls)},
                     {"memory_files", offsetof(rf_model_stats, memory_files)},
                     {"memory_limit", offsetof(rf_model_stats, memory_limit)},
                     {"repeated", offsetof(rf_model_stats, repeated)},
                     {"cache_hits", offsetof(rf_model_stats, cache_hits)},
                     {"cache_memory_hits", offsetof(rf_model_stats, cache_memory_hits)},
                     {"cache_misses", offsetof(rf_model_stats, cache_misses)},
                     {"cache_damaged", offsetof(rf_model_stats, cache_damaged)},
                     {"cache_bytes", offsetof(rf_model_stats, cache_bytes)},
                     {"cache_memory_bytes", offsetof(rf_model_stats, cache_memory_bytes)},
                     {NULL, 0}};

static PyObject *model_info(Model *self, PyObject *ignored)
{
    rf_model_info info = {.size = sizeof info};
    const char *at = (const char *)&info, *pooling;
    PyObject *out;
    int failed = 0;

    (void)ignored;
    if (self->model == NULL)
        return native_enter(self), NULL;
    rf_model_get_info(self->model, &info);
    out = PyDict_New();
    if (out == NULL)
        return NULL;
    for (const struct member *m = info_texts; failed == 0 && m->name != NULL; m++)
        failed =
            native_put(out, m->name, PyUnicode_DecodeFSDefault(*(const char *const *)(const void *)(at + m->offset)));
    for (const struct member *m = info_numbers; failed == 0 && m->name != NULL; m++)
        failed = native_put(out, m->name, PyLong_FromUnsignedLong(*(const uint32_t *)(const void *)(at + m->offset)));
    pooling = info.pooled_by_graph ? "graph" : native_choice_name(native_poolings, (int)info.pooling);
    if (failed != 0 || native_put(out, "pooling", PyUnicode_FromString(pooling)) != 0 ||
        native_put(out, "normalize", PyBool_FromLong(info.l2)) != 0 ||
        native_put(out, "long_text", PyUnicode_FromString(info.long_text == RF_LONG_TEXT_MEAN ? "mean" : "cut")) != 0 ||
        native_put(out, "n_parameters", PyLong_FromUnsignedLongLong(info.n_parameters)) != 0 ||
        native_put(out, "file_size", PyLong_FromUnsignedLongLong(info.file_size)) != 0)
        Py_CLEAR(out);
    return out;
}

static PyObject *model_stats(Model *self, PyObject *ignored)
{
    rf_model_stats stats = {.size = sizeof stats};
    const char *at = (const char *)&stats;
    PyObject *out;

    (void)ignored;
    if (self->model == NULL)
        return native_enter(self), NULL;
    rf_model_get_stats(self->model, &stats);
    out = PyDict_New();
    for (const struct member *m = stats_numbers; out != NULL && m->name != NULL; m++) {
        uint64_t number = *(const uint64_t *)(const void *)(at + m->offset);
        if (native_put(out, m->name, PyLong_FromUnsignedLongLong(number)) != 0)
            Py_CLEAR(out);
    }
    return out;
}

static PyObject *model_warm_up(Model *self, PyObject *ignored)
{
    const rf_model *model = self->model;
    rf_error err = {RF_OK, ""};
    rf_status status;

    (void)ignored;
    if (native_enter(self) == NULL)
        return NULL;
    Py_BEGIN_ALLOW_THREADS status = rf_model_warm_up(model, &err);
    Py_END_ALLOW_THREADS native_leave(self);
    if (status != RF_OK)
        return native_fail(status, &err);
    Py_RETURN_NONE;
}

/* The library wants no other call meanwhile; with the GIL held and none inside, there is none. */
static PyObject *model_trim(Model *self, PyObject *ignored)
{
    rf_error err = {RF_OK, ""};
    rf_status status;

    (void)ignored;
    if (self->model == NULL)
        return native_enter(self), NULL;
    if (self->n_calls > 0) {
        PyErr_SetString(PyExc_RuntimeError, "trim: another thread embeds with this model");
        return NULL;
    }
    status = rf_model_trim(self->model, &err);
    if (status != RF_OK)
        return native_fail(status, &err);
    Py_RETURN_NONE;
}

static PyObject *model_prompt(Model *self, PyObject *name)
{
    PyObject *utf8;
    const char *prompt;

    if (self->model == NULL)
        return native_enter(self), NULL;
    utf8 = PyUnicode_AsUTF8String(name);
    if (utf8 == NULL)
        return NULL;
    prompt = rf_model_prompt(self->model, PyBytes_AsString(utf8));
    Py_DECREF(utf8);
    if (prompt == NULL)
        Py_RETURN_NONE;
    return PyUnicode_FromString(prompt);
}

static bool add_variant(void *user, const rf_variant *v)
{
    PyObject *list = user;
    PyObject *item =
        Py_BuildValue("{sssssssKsOsOsO}", "path", v->path, "precision", v->precision, "made_for", v->made_for, "bytes",
                      (unsigned long long)v->bytes, "fits", v->fits ? Py_True : Py_False, "is_here",
                      v->is_here ? Py_True : Py_False, "proposed", v->proposed ? Py_True : Py_False);
    bool added = item != NULL && PyList_Append(list, item) == 0;

    Py_XDECREF(item);
    return added;
}

static PyObject *model_variants(Model *self, PyObject *ignored)
{
    PyObject *list;
    rf_error err = {RF_OK, ""};
    rf_status status;

    (void)ignored;
    if (self->model == NULL)
        return native_enter(self), NULL;
    list = PyList_New(0);
    if (list == NULL)
        return NULL;
    status = rf_model_variants(self->model, add_variant, list, &err);
    if (status != RF_OK && PyErr_Occurred() == NULL)
        native_fail(status, &err);
    if (PyErr_Occurred() != NULL)
        Py_CLEAR(list);
    return list;
}

static PyObject *get_dim(Model *self, void *ignored)
{
    (void)ignored;
    if (self->model == NULL)
        return native_enter(self), NULL;
    return PyLong_FromSize_t(rf_model_dim(self->model));
}

static PyObject *get_closed(Model *self, void *ignored)
{
    (void)ignored;
    return PyBool_FromLong(self->model == NULL);
}

static PyObject *get_busy(Model *self, void *ignored)
{
    (void)ignored;
    return PyBool_FromLong(self->n_calls > 0);
}

/* ---- The type -------------------------------------------------------------------------------------------------- */

static PyMethodDef methods[] = {
    {"embed", (PyCFunction)(void (*)(void))model_embed, METH_VARARGS | METH_KEYWORDS,
     "Vectors of texts, as float32 row by row."},
    {"info", (PyCFunction)model_info, METH_NOARGS, "What exactly is applied."},
    {"stats", (PyCFunction)model_stats, METH_NOARGS, "What the model did since it was opened."},
    {"warm_up", (PyCFunction)model_warm_up, METH_NOARGS, "Makes the first call as fast as the later ones."},
    {"trim", (PyCFunction)model_trim, METH_NOARGS, "Gives memory back to the system."},
    {"prompt", (PyCFunction)model_prompt, METH_O, "The text of a prompt, or None."},
    {"variants", (PyCFunction)model_variants, METH_NOARGS, "The ONNX files that could be chosen."},
    {"close", (PyCFunction)model_close, METH_NOARGS, "Releases the model; calls that are inside end first."},
    {"abandon", (PyCFunction)model_abandon, METH_NOARGS, "Forgets the model without releasing it, after a fork."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef attributes[] = {{"dim", (getter)get_dim, NULL, "Length of a vector.", NULL},
                                   {"closed", (getter)get_closed, NULL, "Whether close() was called.", NULL},
                                   {"busy", (getter)get_busy, NULL, "Whether a call is inside.", NULL},
                                   {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {{Py_tp_new, model_new},     {Py_tp_dealloc, model_dealloc},  {Py_tp_methods, methods},
                              {Py_tp_getset, attributes}, {Py_tp_doc, "An opened model."}, {0, NULL}};

static PyType_Spec spec = {"rag_factory._native.Model", sizeof(Model), 0, Py_TPFLAGS_DEFAULT, slots};

PyObject *native_model_type;

int native_add_model_type(PyObject *module)
{
    native_model_type = PyType_FromSpec(&spec);
    if (native_model_type == NULL)
        return -1;
    Py_INCREF(native_model_type); /* one reference stays here */
    return PyModule_AddObject(module, "Model", native_model_type);
}
