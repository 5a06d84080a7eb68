/* convert: weights into ONNX files, and models held against others. */
#include "native.h"

/* ---- Reports ------------------------------------------------------------------------------------------------- */

static PyObject *checks_of(const rf_validate_report *report)
{
    PyObject *list = PyList_New(0);

    for (size_t i = 0; list != NULL && i < report->n_checks; i++) {
        const rf_check *check = &report->checks[i];
        PyObject *item = Py_BuildValue("{sssOsN}", "name", check->name, "passed", check->passed ? Py_True : Py_False,
                                       "detail", PyUnicode_DecodeFSDefault(check->detail));
        if (item == NULL || PyList_Append(list, item) != 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *cosines_of(const rf_validate_report *report)
{
    PyObject *list = PyList_New(0);

    for (size_t i = 0; list != NULL && i < report->n_texts; i++) {
        PyObject *item = PyFloat_FromDouble(report->cosines[i]);
        if (item == NULL || PyList_Append(list, item) != 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *validation_of(const rf_validate_report *report)
{
    PyObject *out = PyDict_New();

    if (report == NULL) {
        Py_XDECREF(out);
        Py_RETURN_NONE;
    }
    if (out != NULL &&
        (native_put(out, "passed", PyBool_FromLong(report->passed)) != 0 ||
         native_put(out, "model", PyUnicode_DecodeFSDefault(report->model)) != 0 ||
         native_put(out, "reference", PyUnicode_DecodeFSDefault(report->reference)) != 0 ||
         native_put(out, "threshold", PyFloat_FromDouble(report->threshold)) != 0 ||
         native_put(out, "checks", checks_of(report)) != 0 || native_put(out, "cosines", cosines_of(report)) != 0 ||
         native_put(out, "min", PyFloat_FromDouble(report->min)) != 0 ||
         native_put(out, "mean", PyFloat_FromDouble(report->mean)) != 0 ||
         native_put(out, "p1", PyFloat_FromDouble(report->p1)) != 0 ||
         native_put(out, "max_difference", PyFloat_FromDouble(report->max_difference)) != 0 ||
         native_put(out, "worst", PyLong_FromSize_t(report->worst)) != 0 ||
         native_put(out, "worst_text",
                    PyUnicode_DecodeFSDefault(report->worst_text != NULL ? report->worst_text : "")) != 0))
        Py_CLEAR(out);
    return out;
}

static PyObject *conversion_of(const rf_convert_report *report)
{
    PyObject *out = PyDict_New();

    if (out != NULL && (native_put(out, "directory", PyUnicode_DecodeFSDefault(report->directory)) != 0 ||
                        native_put(out, "onnx_file", PyUnicode_DecodeFSDefault(report->onnx_file)) != 0 ||
                        native_put(out, "made_of", PyUnicode_DecodeFSDefault(report->made_of)) != 0 ||
                        native_put(out, "revision", PyUnicode_DecodeFSDefault(report->revision)) != 0 ||
                        native_put(out, "bytes", PyLong_FromUnsignedLongLong(report->bytes)) != 0 ||
                        native_put(out, "convert_ns", PyLong_FromUnsignedLongLong(report->convert_ns)) != 0 ||
                        native_put(out, "validate_ns", PyLong_FromUnsignedLongLong(report->validate_ns)) != 0 ||
                        native_put(out, "validation", validation_of(report->validation)) != 0))
        Py_CLEAR(out);
    return out;
}

/* ---- Converting ------------------------------------------------------------------------------------------------ */

static PyObject *run_convert(const char *source, const char *output_dir, const rf_convert_options *options,
                             struct native_call *call)
{
    rf_convert_report *report = NULL;
    rf_error err = {RF_OK, ""};
    rf_status status;
    PyObject *out = NULL;

    Py_BEGIN_ALLOW_THREADS status = rf_convert(source, output_dir, options, &report, &err);
    Py_END_ALLOW_THREADS if (native_call_end(call, status, &err) == 0) out = conversion_of(report);
    rf_convert_report_free(report);
    return out;
}

static const struct native_choice quantizations[] = {
    {"", RF_QUANTIZE_NONE},     {"int8", RF_QUANTIZE_INT8}, {"int8-dynamic", RF_QUANTIZE_INT8_DYNAMIC},
    {"int4", RF_QUANTIZE_INT4}, {"fp16", RF_QUANTIZE_FP16}, {NULL, 0}};

PyObject *native_convert(PyObject *module, PyObject *args, PyObject *names)
{
    static char *keywords[] = {"source", "output_dir", "options", "name",     "quantize", "portable", "validate",
                               "texts",  "threshold",  "log",     "progress", "part",     NULL};
    PyObject *source = NULL, *output_dir = NULL, *name = NULL, *dict, *log = Py_None, *progress = Py_None;
    PyObject *quantize, *list = Py_None, *part = Py_None, *out = NULL;
    int portable = 0, validate = 1, quantization = 0;
    double threshold = 0;
    struct native_texts texts = {0};
    struct native_options model;
    struct native_call call = {0};
    rf_convert_options how;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, names, "O&O&O!O&U|ppOdOOO", keywords, PyUnicode_FSConverter, &source,
                                     PyUnicode_FSConverter, &output_dir, &PyDict_Type, &dict, PyUnicode_FSConverter,
                                     &name, &quantize, &portable, &validate, &list, &threshold, &log, &progress, &part))
        return NULL;
    if (native_choose(quantizations, "quantize", quantize, &quantization) == 0 &&
        (list == Py_None || native_texts_init(&texts, list) == 0) && native_options_init(&model, dict) == 0) {
        rf_convert_options_init(&how, sizeof how);
        how.name = PyBytes_Size(name) > 0 ? PyBytes_AsString(name) : NULL;
        how.cache_dir = model.options.cache_dir;
        how.revision = model.options.revision;
        how.offline = model.options.offline;
        how.precision = model.options.precision;
        how.threads = model.options.threads;
        how.onnx_file = model.options.onnx_file;
        how.quantization = (rf_quantization)quantization;
        how.texts = texts.texts;
        how.n_texts = texts.n;
        how.portable = portable != 0;
        how.no_validation = validate == 0;
        how.threshold = threshold;
        how.log = log != Py_None ? native_on_log : NULL;
        how.log_user = log;
        how.progress = native_on_progress;
        how.part = native_on_part;
        how.progress_user = &call;
        call.progress = progress != Py_None ? progress : NULL;
        call.part = part != Py_None ? part : NULL;
        out = run_convert(PyBytes_AsString(source), PyBytes_AsString(output_dir), &how, &call);
        native_options_release(&model);
    }
    native_texts_release(&texts);
    Py_DECREF(source);
    Py_DECREF(output_dir);
    Py_DECREF(name);
    return out;
}

/* ---- Validating ------------------------------------------------------------------------------------------------ */

/* `reference` may be NULL. */
static PyObject *run_validate(Model *model, Model *reference, const rf_validate_options *how, struct native_call *call)
{
    const rf_model *checked = model->model, *against = reference != NULL ? reference->model : NULL;
    rf_validate_report *report = NULL;
    rf_error err = {RF_OK, ""};
    rf_status status;
    PyObject *out = NULL;

    Py_BEGIN_ALLOW_THREADS status = rf_validate(checked, against, how, &report, &err);
    Py_END_ALLOW_THREADS if (native_call_end(call, status, &err) == 0) out = validation_of(report);
    rf_validate_report_free(report);
    return out;
}

PyObject *native_validate(PyObject *module, PyObject *args, PyObject *names)
{
    static char *keywords[] = {"model", "reference", "texts", "threshold", "progress", NULL};
    PyObject *model, *reference = Py_None, *list = Py_None, *progress = Py_None, *out = NULL;
    struct native_texts texts = {0};
    struct native_call call = {0};
    rf_validate_options how;
    Model *against;

    (void)module;
    rf_validate_options_init(&how, sizeof how);
    if (!PyArg_ParseTupleAndKeywords(args, names, "O!|OOdO", keywords, native_model_type, &model, &reference, &list,
                                     &how.threshold, &progress))
        return NULL;
    if (reference != Py_None && !PyObject_TypeCheck(reference, (PyTypeObject *)native_model_type)) {
        PyErr_SetString(PyExc_TypeError, "reference: a Model or None is wanted");
        return NULL;
    }
    against = reference != Py_None ? (Model *)reference : NULL;
    if (list != Py_None && native_texts_init(&texts, list) != 0)
        return NULL;
    how.texts = texts.texts;
    how.n_texts = texts.n;
    how.progress = native_on_progress;
    how.progress_user = &call;
    call.progress = progress != Py_None ? progress : NULL;
    if (native_enter((Model *)model) != NULL) {
        if (against == NULL || native_enter(against) != NULL) {
            out = run_validate((Model *)model, against, &how, &call);
            if (against != NULL)
                native_leave(against);
        }
        native_leave((Model *)model);
    }
    native_texts_release(&texts);
    return out;
}
