/* config: what the configuration says. */
#include "native.h"

static bool add_value(void *user, const rf_config_value *value)
{
    PyObject *list = user;
    PyObject *item = Py_BuildValue("{sNsNsNsssssO}", "key", PyUnicode_DecodeFSDefault(value->key), "value",
                                   PyUnicode_DecodeFSDefault(value->value), "origin",
                                   PyUnicode_DecodeFSDefault(value->origin), "allowed", value->allowed, "help",
                                   value->help, "is_default", value->is_default ? Py_True : Py_False);
    bool added = item != NULL && PyList_Append(list, item) == 0;

    Py_XDECREF(item);
    return added;
}

/* {"file", "source", "options", "values"}: source and options are what Model takes. */
static PyObject *describe(rf_config *config, const char *model)
{
    PyObject *out = NULL, *values;
    rf_model_options options;
    const char *source;
    rf_error err;
    rf_status status;

    rf_model_options_init(&options, sizeof options);
    status = rf_config_model_options(config, model, &source, &options, &err);
    if (status != RF_OK)
        return native_fail(status, &err);
    values = PyList_New(0);
    if (values == NULL)
        return NULL;
    rf_config_list(config, model, add_value, values);
    if (PyErr_Occurred() == NULL)
        out = PyDict_New();
    if (out != NULL && (native_put(out, "file", PyUnicode_DecodeFSDefault(rf_config_file(config))) != 0 ||
                        native_put(out, "source", PyUnicode_DecodeFSDefault(source)) != 0 ||
                        native_put(out, "options", native_options_dict(&options)) != 0 ||
                        PyDict_SetItemString(out, "values", values) != 0))
        Py_CLEAR(out);
    Py_DECREF(values);
    return out;
}

/* config(file, model), each a str or None. */
PyObject *native_config(PyObject *module, PyObject *args)
{
    PyObject *file = NULL, *model = NULL, *out = NULL;
    PyObject *file_arg, *model_arg;
    rf_config *config = NULL;
    rf_error err;
    rf_status status;

    (void)module;
    if (!PyArg_ParseTuple(args, "OO", &file_arg, &model_arg))
        return NULL;
    if ((file_arg == Py_None || PyUnicode_FSConverter(file_arg, &file)) &&
        (model_arg == Py_None || PyUnicode_FSConverter(model_arg, &model))) {
        status = rf_config_open(file != NULL ? PyBytes_AsString(file) : NULL, &config, &err);
        out = status == RF_OK ? describe(config, model != NULL ? PyBytes_AsString(model) : NULL)
                              : native_fail(status, &err);
        rf_config_free(config);
    }
    Py_XDECREF(file);
    Py_XDECREF(model);
    return out;
}
