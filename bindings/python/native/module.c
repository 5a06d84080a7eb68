/* module: rag_factory._native itself, its errors, and the functions that need no model. */
#include "native.h"

PyObject *native_error;

PyObject *native_fail(rf_status status, const rf_error *err)
{
    PyObject *message, *error = NULL, *name = NULL;

    if (status == RF_NO_MEMORY)
        return PyErr_NoMemory();
    message = PyUnicode_DecodeUTF8(err->message, (Py_ssize_t)strlen(err->message), "replace");
    if (message != NULL)
        error = PyObject_CallFunctionObjArgs(native_error, message, NULL);
    if (error != NULL)
        name = PyUnicode_FromString(rf_status_name(status));
    if (name != NULL && PyObject_SetAttrString(error, "status", name) == 0)
        PyErr_SetObject(native_error, error);
    Py_XDECREF(message);
    Py_XDECREF(error);
    Py_XDECREF(name);
    return NULL;
}

int native_put(PyObject *dict, const char *key, PyObject *value)
{
    int failed = value == NULL ? -1 : PyDict_SetItemString(dict, key, value);

    Py_XDECREF(value);
    return failed;
}

static PyObject *path_of(char *path)
{
    PyObject *out = PyUnicode_DecodeFSDefault(path);

    rf_free(path);
    return out;
}

/* ---- Functions ------------------------------------------------------------------------------------------------- */

static PyObject *pull(PyObject *module, PyObject *args, PyObject *names)
{
    struct native_source source;
    char *directory = NULL;
    rf_error err = {RF_OK, ""};
    rf_status status;
    PyObject *out = NULL;

    (void)module;
    if (native_source_init(&source, args, names) != 0)
        return NULL;
    Py_BEGIN_ALLOW_THREADS status = rf_model_pull(source.name, &source.own.options, &directory, &err);
    Py_END_ALLOW_THREADS if (native_call_end(&source.call, status, &err) == 0) out = path_of(directory);
    native_source_release(&source);
    return out;
}

static bool add_cached(void *user, const rf_cached_model *m)
{
    PyObject *list = user;
    PyObject *item = Py_BuildValue("{sssssssNsNsKsOsL}", "name", m->name, "revision", m->revision, "refs", m->refs,
                                   "directory", PyUnicode_DecodeFSDefault(m->directory), "cache_dir",
                                   PyUnicode_DecodeFSDefault(m->cache_dir), "bytes", (unsigned long long)m->bytes,
                                   "complete", m->complete ? Py_True : Py_False, "last_used", (long long)m->last_used);
    bool added = item != NULL && PyList_Append(list, item) == 0;

    Py_XDECREF(item);
    return added;
}

/* The argument cache_dir, None for NULL. `*bytes` keeps it alive. */
static int cache_dir_of(PyObject *value, PyObject **bytes, const char **out)
{
    char *data;

    *bytes = NULL;
    *out = NULL;
    if (value == Py_None)
        return 0;
    if (!PyUnicode_FSConverter(value, bytes) || PyBytes_AsStringAndSize(*bytes, &data, NULL) != 0) {
        Py_CLEAR(*bytes);
        return -1;
    }
    *out = data;
    return 0;
}

static PyObject *cached_models(PyObject *module, PyObject *cache_dir)
{
    PyObject *list, *bytes;
    const char *folder;
    rf_error err = {RF_OK, ""};
    rf_status status;

    (void)module;
    if (cache_dir_of(cache_dir, &bytes, &folder) != 0)
        return NULL;
    list = PyList_New(0);
    if (list != NULL) {
        status = rf_cache_list(folder, add_cached, list, &err);
        if (status != RF_OK && PyErr_Occurred() == NULL)
            native_fail(status, &err);
        if (PyErr_Occurred() != NULL)
            Py_CLEAR(list);
    }
    Py_XDECREF(bytes);
    return list;
}

static PyObject *default_cache_dir(PyObject *module, PyObject *cache_dir)
{
    PyObject *bytes, *out = NULL;
    const char *folder;
    char *found = NULL;
    rf_error err = {RF_OK, ""};
    rf_status status;

    (void)module;
    if (cache_dir_of(cache_dir, &bytes, &folder) != 0)
        return NULL;
    status = rf_cache_default_dir(folder, &found, &err);
    if (status != RF_OK)
        native_fail(status, &err);
    else
        out = path_of(found);
    Py_XDECREF(bytes);
    return out;
}

static PyObject *version(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    return PyUnicode_FromString(rf_version());
}

static PyObject *onnxruntime_version(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    return PyUnicode_FromString(rf_onnxruntime_version());
}

/* ---- The module ------------------------------------------------------------------------------------------------ */

static PyMethodDef functions[] = {
    {"pull", (PyCFunction)(void (*)(void))pull, METH_VARARGS | METH_KEYWORDS,
     "Brings a model into the cache; its model directory."},
    {"config", native_config, METH_VARARGS,
     "What the configuration says for a model, and where each value comes from."},
    {"convert", (PyCFunction)(void (*)(void))native_convert, METH_VARARGS | METH_KEYWORDS,
     "Weights into a model directory with an ONNX file; what was made."},
    {"validate", (PyCFunction)(void (*)(void))native_validate, METH_VARARGS | METH_KEYWORDS,
     "Compares a model with a reference; what was found."},
    {"cached_models", cached_models, METH_O, "The models in the caches."},
    {"default_cache_dir", default_cache_dir, METH_O, "The folder that models are downloaded to."},
    {"version", version, METH_NOARGS, "The version of the library."},
    {"onnxruntime_version", onnxruntime_version, METH_NOARGS, "The version of ONNX Runtime."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                                        "rag_factory._native",
                                        "rag_factory.h for Python: arguments are turned, nothing else.",
                                        -1,
                                        functions,
                                        NULL,
                                        NULL,
                                        NULL,
                                        NULL};

static PyObject *load_error_class(void)
{
    PyObject *errors = PyImport_ImportModule("rag_factory.errors"), *error = NULL;

    if (errors != NULL)
        error = PyObject_GetAttrString(errors, "RagFactoryError");
    Py_XDECREF(errors);
    return error;
}

PyMODINIT_FUNC PyInit__native(void); /* no header has it */

PyMODINIT_FUNC PyInit__native(void)
{
    PyObject *module = PyModule_Create(&definition);

    if (module == NULL)
        return NULL;
    native_error = load_error_class();
    if (native_error == NULL || native_add_model_type(module) != 0)
        Py_CLEAR(module);
    return module;
}
