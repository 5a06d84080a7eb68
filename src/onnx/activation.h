/* activation: the functions that config.json's hidden_act can name, as ONNX operators. */
#ifndef RF_ONNX_ACTIVATION_H
#define RF_ONNX_ACTIVATION_H

#include "onnx/arch.h"

/* The activation named by `key` of config.json, `fallback` where it names none. RF_UNSUPPORTED names one that is not
 * known. NULL after a failure. */
struct activation;
const struct activation *rf__activation_read(struct arch *arch, const char *key, const char *fallback);

/* The same by its name, which `key` gave in some way. */
const struct activation *rf__activation_find(struct arch *arch, const char *key, const char *name);

/* Its name in the kernels' operator; NULL where that has none. */
const char *rf__activation_kernel(const struct activation *activation);

/* Adds it behind `x`; `name` is the node's. */
value rf__activation_add(struct graph *graph, const char *name, const struct activation *activation, value x);

#endif
