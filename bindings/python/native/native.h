/* native: what the files of rag_factory._native share. The module turns Python's arguments into those of rag_factory.h
 * and back, and does nothing else. It keeps to the limited API of Python 3.8, so that one build serves every newer
 * version.
 *
 * Functions that return PyObject * or int follow Python: NULL or -1 with an exception set is a failure. */
#ifndef RAG_FACTORY_NATIVE_H
#define RAG_FACTORY_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "rag_factory.h"

/* ---- Errors ------------------------------------------------------------------------------------------------- */

extern PyObject *native_error; /* rag_factory.RagFactoryError */

/* Sets the exception that a status stands for: MemoryError, or RagFactoryError with `status`. Returns NULL. */
PyObject *native_fail(rf_status status, const rf_error *err);

/* ---- Callbacks ----------------------------------------------------------------------------------------------- */

/* A call into the library, made without the GIL, and the Python functions that it may call back. The first exception
 * of a callback, or KeyboardInterrupt, ends the call and comes out of it. */
struct native_call {
    PyObject *progress;                 /* NULL, or progress(done, total); False ends the work. Borrowed */
    PyObject *type, *value, *traceback; /* the exception that waits */
    PyObject *part;                     /* NULL, or part(name). Borrowed */
    int64_t next_check;                 /* when signals are looked at again, ns */
};

void native_on_part(void *call, const char *part);                      /* an rf_part_fn */
bool native_on_progress(void *call, uint64_t done, uint64_t total);     /* an rf_progress_fn */
void native_on_log(void *log, rf_log_level level, const char *message); /* an rf_log_fn; log(level, message) */

/* After the call, with the GIL: the exception of a callback, else that of the status. Returns 0 where there is none. */
int native_call_end(struct native_call *call, rf_status status, const rf_error *err);

/* ---- Arguments ------------------------------------------------------------------------------------------------ */

/* Options of a model, and what their strings lie in. */
struct native_options {
    rf_model_options options;
    PyObject *kept; /* list of bytes */
};

/* Fills them out of a dict, by the names of rf_model_options; None is the default. */
int native_options_init(struct native_options *out, PyObject *dict);
void native_options_release(struct native_options *options);

/* The other way: those that are not the default. */
PyObject *native_options_dict(const rf_model_options *options);

/* The arguments (source, options, log=None, progress=None) of what opens or brings a model; log and progress are wired
 * into the options. It must stay where it is. */
struct native_source {
    PyObject *path; /* bytes, which `name` lies in */
    const char *name;
    PyObject *log; /* NULL: none. Borrowed */
    struct native_options own;
    struct native_call call;
};
int native_source_init(struct native_source *out, PyObject *args, PyObject *names);
void native_source_release(struct native_source *source);

/* Bytes in UTF-8 of a str; a lone surrogate becomes U+FFFD. */
PyObject *native_utf8(PyObject *text);

struct native_texts {
    rf_text *texts;
    size_t n;
    PyObject *kept; /* list of bytes */
};

/* Fills them out of a list or tuple of str. */
int native_texts_init(struct native_texts *out, PyObject *texts);
void native_texts_release(struct native_texts *texts);

/* The number that a name stands for: pooling, role … `what` names the argument in the message. */
struct native_choice {
    const char *name;
    int value;
};
int native_choose(const struct native_choice *choices, const char *what, PyObject *name, int *out);
const char *native_choice_name(const struct native_choice *choices, int value);
extern const struct native_choice native_poolings[];

/* ---- Results -------------------------------------------------------------------------------------------------- */

/* Puts a value, whose reference it takes over, into a dict. */
int native_put(PyObject *dict, const char *key, PyObject *value);

/* ---- The type Model ------------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD rf_model *model; /* NULL once closed */
    rf_model *doomed;              /* closed while calls were inside */
    PyObject *log;                 /* NULL or a function */
    size_t n_calls;
} Model;

/* Around a call into the library that uses self->model: it stays as it is meanwhile, even where another thread closes
 * the model. NULL with an exception where it is closed. */
Model *native_enter(Model *self);
void native_leave(Model *self);

extern PyObject *native_model_type;
int native_add_model_type(PyObject *module);

/* ---- Functions of the module --------------------------------------------------------------------------------------
 */

PyObject *native_config(PyObject *module, PyObject *args);
PyObject *native_convert(PyObject *module, PyObject *args, PyObject *names);
PyObject *native_validate(PyObject *module, PyObject *args, PyObject *names);

#endif
