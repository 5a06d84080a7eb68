/* callbacks: from the library, on any of its threads, to Python functions. */
#include "native.h"

#include <time.h>

#define CHECK_NS (50 * (int64_t)1000000) /* between two looks at signals */

static int64_t now_ns(void)
{
    struct timespec now;

    if (timespec_get(&now, TIME_UTC) != TIME_UTC)
        return 0;
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* With the GIL: keeps the exception for the end of the call. */
static void keep_exception(struct native_call *call)
{
    if (call->type == NULL)
        PyErr_Fetch(&call->type, &call->value, &call->traceback);
    else
        PyErr_Clear();
}

static bool report(struct native_call *call, uint64_t done, uint64_t total)
{
    PyObject *answer;
    bool go_on;

    answer = PyObject_CallFunction(call->progress, "KK", (unsigned long long)done, (unsigned long long)total);
    go_on = answer != NULL && answer != Py_False;
    Py_XDECREF(answer);
    return go_on;
}

/* Calls come one at a time, so `next_check` needs no lock. Signals are seen by Python's main thread alone, which is one
 * of those that compute when the call was made there. */
bool native_on_progress(void *user, uint64_t done, uint64_t total)
{
    struct native_call *call = user;
    int64_t now = now_ns();
    bool go_on = true;
    PyGILState_STATE gil;

    if (call->progress == NULL && now < call->next_check)
        return true;
    call->next_check = now + CHECK_NS;
    gil = PyGILState_Ensure();
    if (call->type != NULL)
        go_on = false;
    else if (call->progress != NULL)
        go_on = report(call, done, total);
    if (go_on && PyErr_CheckSignals() != 0)
        go_on = false;
    if (PyErr_Occurred() != NULL)
        keep_exception(call);
    PyGILState_Release(gil);
    return go_on;
}

void native_on_part(void *user, const char *part)
{
    struct native_call *call = user;
    PyGILState_STATE gil;
    PyObject *answer;

    if (call->part == NULL)
        return;
    gil = PyGILState_Ensure();
    answer = PyObject_CallFunction(call->part, "s", part);
    if (answer == NULL)
        keep_exception(call);
    Py_XDECREF(answer);
    PyGILState_Release(gil);
}

void native_on_log(void *log, rf_log_level level, const char *message)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *text = PyUnicode_DecodeUTF8(message, (Py_ssize_t)strlen(message), "replace"), *answer = NULL;

    if (text != NULL)
        answer = PyObject_CallFunction(log, "iO", (int)level, text);
    if (answer == NULL)
        PyErr_WriteUnraisable(log); /* a logger that fails is no reason to lose vectors */
    Py_XDECREF(answer);
    Py_XDECREF(text);
    PyGILState_Release(gil);
}

int native_call_end(struct native_call *call, rf_status status, const rf_error *err)
{
    if (call->type != NULL) {
        PyErr_Restore(call->type, call->value, call->traceback);
        call->type = call->value = call->traceback = NULL;
        return -1;
    }
    if (status != RF_OK)
        return native_fail(status, err), -1;
    return PyErr_CheckSignals();
}
