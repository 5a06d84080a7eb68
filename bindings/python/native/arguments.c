/* arguments: Python objects -> texts and options. */
#include "native.h"

#include <stddef.h>
#include <string.h>

/* ---- Text ------------------------------------------------------------------------------------------------- */

/* UTF-16 joins the surrogates that make a character, as JSON may leave them, and replaces those that stand alone. */
static PyObject *utf8_without_surrogates(PyObject *text)
{
    PyObject *utf16 = PyUnicode_AsEncodedString(text, "utf-16-le", "surrogatepass"), *whole = NULL, *utf8 = NULL;
    char *data;
    Py_ssize_t len;
    int little = -1;

    if (utf16 != NULL && PyBytes_AsStringAndSize(utf16, &data, &len) == 0)
        whole = PyUnicode_DecodeUTF16(data, len, "replace", &little);
    if (whole != NULL)
        utf8 = PyUnicode_AsUTF8String(whole);
    Py_XDECREF(whole);
    Py_XDECREF(utf16);
    return utf8;
}

PyObject *native_utf8(PyObject *text)
{
    PyObject *utf8 = PyUnicode_AsUTF8String(text);

    if (utf8 == NULL && PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
        PyErr_Clear();
        utf8 = utf8_without_surrogates(text);
    }
    return utf8;
}

static int not_a_text(Py_ssize_t index, PyObject *item)
{
    PyObject *type = PyObject_GetAttrString((PyObject *)Py_TYPE(item), "__module__");
    PyObject *name = PyObject_GetAttrString((PyObject *)Py_TYPE(item), "__name__");

    if (type != NULL && name != NULL)
        PyErr_Format(PyExc_TypeError,
                     "texts[%zd] is a %U.%U, not a str: give the text itself; it is tokenized here, and tensors are "
                     "neither needed nor read",
                     index, type, name);
    Py_XDECREF(type);
    Py_XDECREF(name);
    return -1;
}

static int add_text(struct native_texts *out, Py_ssize_t index, PyObject *item)
{
    PyObject *utf8;
    char *data;
    Py_ssize_t len;

    if (item == NULL)
        return -1;
    if (!PyUnicode_Check(item))
        return not_a_text(index, item);
    utf8 = native_utf8(item);
    if (utf8 == NULL || PyBytes_AsStringAndSize(utf8, &data, &len) != 0 || PyList_SetItem(out->kept, index, utf8) != 0)
        return -1;
    out->texts[index] = (rf_text){data, (size_t)len};
    return 0;
}

int native_texts_init(struct native_texts *out, PyObject *texts)
{
    bool is_list = PyList_Check(texts);
    Py_ssize_t n;

    *out = (struct native_texts){0};
    if (!is_list && !PyTuple_Check(texts)) {
        PyErr_SetString(PyExc_TypeError, "texts: a list or a tuple of str is wanted");
        return -1;
    }
    n = is_list ? PyList_Size(texts) : PyTuple_Size(texts);
    out->n = (size_t)n;
    out->texts = PyMem_Calloc(out->n > 0 ? out->n : 1, sizeof *out->texts);
    out->kept = PyList_New(n);
    if (out->texts == NULL)
        PyErr_NoMemory();
    for (Py_ssize_t i = 0; !PyErr_Occurred() && i < n; i++)
        if (add_text(out, i, is_list ? PyList_GetItem(texts, i) : PyTuple_GetItem(texts, i)) != 0)
            break;
    if (PyErr_Occurred() == NULL)
        return 0;
    native_texts_release(out);
    return -1;
}

void native_texts_release(struct native_texts *texts)
{
    PyMem_Free(texts->texts);
    Py_CLEAR(texts->kept);
    texts->texts = NULL;
}

/* ---- Names of numbers -------------------------------------------------------------------------------------- */

const struct native_choice native_poolings[] = {{"mean", RF_POOLING_MEAN},
                                                {"cls", RF_POOLING_CLS},
                                                {"max", RF_POOLING_MAX},
                                                {"last", RF_POOLING_LAST},
                                                {"mean-sqrt-len", RF_POOLING_MEAN_SQRT_LEN},
                                                {"weighted-mean", RF_POOLING_WEIGHTED_MEAN},
                                                {NULL, RF_POOLING_SEVERAL}};
static const struct native_choice truncations[] = {
    {"right", RF_TRUNCATE_RIGHT}, {"left", RF_TRUNCATE_LEFT}, {"error", RF_TRUNCATE_ERROR}, {NULL, 0}};
static const struct native_choice long_texts[] = {{"cut", RF_LONG_TEXT_CUT}, {"mean", RF_LONG_TEXT_MEAN}, {NULL, 0}};
static const struct native_choice precisions[] = {{"auto", RF_PRECISION_AUTO},
                                                  {"fp32", RF_PRECISION_FP32},
                                                  {"int16", RF_PRECISION_INT16},
                                                  {"int8", RF_PRECISION_INT8},
                                                  {"reference", RF_PRECISION_REFERENCE},
                                                  {"file", RF_PRECISION_FILE},
                                                  {NULL, 0}};

const char *native_choice_name(const struct native_choice *choices, int value)
{
    while (choices->name != NULL && choices->value != value)
        choices++;
    return choices->name != NULL ? choices->name : "several";
}

int native_choose(const struct native_choice *choices, const char *what, PyObject *name, int *out)
{
    PyObject *list;

    for (const struct native_choice *c = choices; PyUnicode_Check(name) && c->name != NULL; c++) {
        if (PyUnicode_CompareWithASCIIString(name, c->name) == 0) {
            *out = c->value;
            return 0;
        }
    }
    list = PyUnicode_FromString(choices->name);
    for (const struct native_choice *c = choices + 1; list != NULL && c->name != NULL; c++) {
        PyObject *longer = PyUnicode_FromFormat("%U, %s", list, c->name);
        Py_DECREF(list);
        list = longer;
    }
    if (list != NULL)
        PyErr_Format(PyExc_ValueError, "%s is %R (one of: %U)", what, name, list);
    Py_XDECREF(list);
    return -1;
}

/* ---- Options ------------------------------------------------------------------------------------------------ */

enum kind { NUMBER, FLAG, TEXT, POOLING, L2, TRUNCATE, LONG_TEXT, PRECISION, PAIRS };

static const struct field {
    const char *name;
    enum kind kind;
    size_t offset;
} fields[] = {
    {"threads", NUMBER, offsetof(rf_model_options, threads)},
    {"max_tokens", NUMBER, offsetof(rf_model_options, max_tokens)},
    {"dimensions", NUMBER, offsetof(rf_model_options, dimensions)},
    {"offline", FLAG, offsetof(rf_model_options, offline)},
    {"cache_dir", TEXT, offsetof(rf_model_options, cache_dir)},
    {"api_key", TEXT, offsetof(rf_model_options, api_key)},
    {"base_url", TEXT, offsetof(rf_model_options, base_url)},
    {"organization", TEXT, offsetof(rf_model_options, organization)},
    {"project", TEXT, offsetof(rf_model_options, project)},
    {"api_user", TEXT, offsetof(rf_model_options, api_user)},
    {"count_with", TEXT, offsetof(rf_model_options, count_with)},
    {"timeout_s", NUMBER, offsetof(rf_model_options, timeout_s)},
    {"max_retries", NUMBER, offsetof(rf_model_options, max_retries)},
    {"max_requests", NUMBER, offsetof(rf_model_options, max_requests)},
    {"max_batch", NUMBER, offsetof(rf_model_options, max_batch)},
    {"revision", TEXT, offsetof(rf_model_options, revision)},
    {"onnx_file", TEXT, offsetof(rf_model_options, onnx_file)},
    {"fallback", TEXT, offsetof(rf_model_options, fallback)},
    {"pooling", POOLING, offsetof(rf_model_options, pooling)},
    {"normalize", L2, offsetof(rf_model_options, l2)},
    {"truncate", TRUNCATE, offsetof(rf_model_options, truncate)},
    {"long_text", LONG_TEXT, offsetof(rf_model_options, long_text)},
    {"precision", PRECISION, offsetof(rf_model_options, precision)},
    {"session_options", PAIRS, offsetof(rf_model_options, session_options)},
    {"prompts", PAIRS, offsetof(rf_model_options, prompts)},
    {"vector_cache", TEXT, offsetof(rf_model_options, vector_cache)},
    {"vector_cache_mb", NUMBER, offsetof(rf_model_options, vector_cache_mb)},
    {"vector_memory_mb", NUMBER, offsetof(rf_model_options, vector_memory_mb)},
    {"vector_cache_fp16", FLAG, offsetof(rf_model_options, vector_cache_fp16)},
};
#define N_FIELDS (sizeof fields / sizeof fields[0])

/* A NUL-terminated string that lives as long as the options do. */
static const char *keep_string(struct native_options *out, const char *what, PyObject *value)
{
    PyObject *utf8 = NULL;
    char *data = NULL;

    if (!PyUnicode_Check(value))
        PyErr_Format(PyExc_TypeError, "%s is %R, not a str", what, value);
    else
        utf8 = PyUnicode_EncodeFSDefault(value);
    if (utf8 != NULL && (PyBytes_AsStringAndSize(utf8, &data, NULL) != 0 || PyList_Append(out->kept, utf8) != 0))
        data = NULL;
    Py_XDECREF(utf8);
    return data;
}

static int set_number(const char *what, PyObject *value, uint32_t *out)
{
    unsigned long number = PyLong_Check(value) ? PyLong_AsUnsignedLong(value) : 0;

    if (!PyLong_Check(value) || PyErr_Occurred() != NULL || number > UINT32_MAX) {
        PyErr_Clear();
        PyErr_Format(PyExc_ValueError, "%s is %R, not a whole number from 0", what, value);
        return -1;
    }
    *out = (uint32_t)number;
    return 0;
}

/* A list of "name=value". */
static int set_pairs(struct native_options *out, const struct field *field, PyObject *list)
{
    Py_ssize_t n = PyList_Check(list) ? PyList_Size(list) : -1;
    PyObject *room;
    const char **pairs;

    if (n < 0) {
        PyErr_Format(PyExc_TypeError, "%s: a list of \"name=value\" is wanted", field->name);
        return -1;
    }
    room = PyBytes_FromStringAndSize(NULL, (n + 1) * (Py_ssize_t)sizeof *pairs);
    if (room == NULL || PyList_Append(out->kept, room) != 0) {
        Py_XDECREF(room);
        return -1;
    }
    pairs = (const char **)(void *)PyBytes_AsString(room);
    Py_DECREF(room);
    for (Py_ssize_t i = 0; i < n; i++)
        if ((pairs[i] = keep_string(out, field->name, PyList_GetItem(list, i))) == NULL)
            return -1;
    pairs[n] = NULL;
    *(const char *const **)(void *)((char *)&out->options + field->offset) = pairs;
    return 0;
}

static int set_field(struct native_options *out, const struct field *field, PyObject *value)
{
    void *at = (char *)&out->options + field->offset;
    int number = 0, failed = 0;

    switch (field->kind) {
    case NUMBER:
        return set_number(field->name, value, at);
    case FLAG:
        number = PyObject_IsTrue(value);
        *(bool *)at = number > 0;
        return number < 0 ? -1 : 0;
    case TEXT:
        *(const char **)at = keep_string(out, field->name, value);
        return *(const char **)at == NULL ? -1 : 0;
    case POOLING:
        failed = native_choose(native_poolings, field->name, value, &number);
        *(rf_pooling *)at = (rf_pooling)number;
        break;
    case L2:
        number = PyObject_IsTrue(value);
        *(rf_l2 *)at = number > 0 ? RF_L2_ON : RF_L2_OFF;
        failed = number < 0 ? -1 : 0;
        break;
    case TRUNCATE:
        failed = native_choose(truncations, field->name, value, &number);
        *(rf_truncate *)at = (rf_truncate)number;
        break;
    case LONG_TEXT:
        failed = native_choose(long_texts, field->name, value, &number);
        *(rf_long_text *)at = (rf_long_text)number;
        break;
    case PRECISION:
        failed = native_choose(precisions, field->name, value, &number);
        *(rf_precision *)at = (rf_precision)number;
        break;
    case PAIRS:
        return set_pairs(out, field, value);
    }
    return failed;
}

static int set_option(struct native_options *out, PyObject *name, PyObject *value)
{
    if (value == Py_None)
        return 0;
    for (size_t i = 0; i < N_FIELDS; i++)
        if (PyUnicode_CompareWithASCIIString(name, fields[i].name) == 0)
            return set_field(out, &fields[i], value);
    PyErr_Format(PyExc_TypeError, "there is no option %R", name);
    return -1;
}

int native_options_init(struct native_options *out, PyObject *dict)
{
    PyObject *name, *value;
    Py_ssize_t at = 0;

    *out = (struct native_options){0};
    rf_model_options_init(&out->options, sizeof out->options);
    out->kept = PyList_New(0);
    while (!PyErr_Occurred() && PyDict_Next(dict, &at, &name, &value))
        if (set_option(out, name, value) != 0)
            break;
    if (PyErr_Occurred() == NULL)
        return 0;
    native_options_release(out);
    return -1;
}

void native_options_release(struct native_options *options)
{
    Py_CLEAR(options->kept);
}

static PyObject *pairs_of(const char *const *pairs)
{
    PyObject *list = PyList_New(0), *item;

    for (; list != NULL && *pairs != NULL; pairs++) {
        item = PyUnicode_DecodeFSDefault(*pairs);
        if (item == NULL || PyList_Append(list, item) != 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

/* The value of a member; a new reference to None where it is the default. */
static PyObject *value_of(const struct field *field, const void *at)
{
    static const struct native_choice *const choices[] = {
        [POOLING] = native_poolings, [TRUNCATE] = truncations, [LONG_TEXT] = long_texts, [PRECISION] = precisions};

    switch (field->kind) {
    case NUMBER:
        if (*(const uint32_t *)at != 0)
            return PyLong_FromUnsignedLong(*(const uint32_t *)at);
        break;
    case FLAG:
        if (*(const bool *)at)
            return PyBool_FromLong(1);
        break;
    case TEXT:
        if (*(const char *const *)at != NULL)
            return PyUnicode_DecodeFSDefault(*(const char *const *)at);
        break;
    case PAIRS:
        if (*(const char *const *const *)at != NULL)
            return pairs_of(*(const char *const *const *)at);
        break;
    case L2:
        if (*(const rf_l2 *)at != RF_L2_DEFAULT)
            return PyBool_FromLong(*(const rf_l2 *)at == RF_L2_ON);
        break;
    case POOLING:
    case TRUNCATE:
    case LONG_TEXT:
    case PRECISION:
        if (*(const int *)at != 0) /* enumerations, whose default is 0 */
            return PyUnicode_FromString(native_choice_name(choices[field->kind], *(const int *)at));
        break;
    }
    Py_INCREF(Py_None);
    return Py_None;
}

PyObject *native_options_dict(const rf_model_options *options)
{
    PyObject *dict = PyDict_New();

    for (size_t i = 0; dict != NULL && i < N_FIELDS; i++) {
        PyObject *value = value_of(&fields[i], (const char *)options + fields[i].offset);
        if (value == NULL || (value != Py_None && PyDict_SetItemString(dict, fields[i].name, value) != 0))
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}

/* ---- A source ------------------------------------------------------------------------------------------------ */

int native_source_init(struct native_source *out, PyObject *args, PyObject *names)
{
    static char *keywords[] = {"source", "options", "log", "progress", NULL};
    PyObject *source, *options, *log = Py_None, *progress = Py_None;

    *out = (struct native_source){0};
    if (!PyArg_ParseTupleAndKeywords(args, names, "UO!|OO", keywords, &source, &PyDict_Type, &options, &log, &progress))
        return -1;
    out->path = PyUnicode_EncodeFSDefault(source);
    if (out->path == NULL || native_options_init(&out->own, options) != 0) {
        Py_CLEAR(out->path);
        return -1;
    }
    out->name = PyBytes_AsString(out->path);
    out->log = log != Py_None ? log : NULL;
    out->own.options.log = out->log != NULL ? native_on_log : NULL;
    out->own.options.log_user = out->log;
    out->call.progress = progress != Py_None ? progress : NULL;
    out->own.options.progress = native_on_progress;
    out->own.options.progress_user = &out->call;
    return 0;
}

void native_source_release(struct native_source *source)
{
    native_options_release(&source->own);
    Py_CLEAR(source->path);
}
