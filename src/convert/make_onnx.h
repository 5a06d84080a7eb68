/* make_onnx: the ONNX file of a conversion: built of weights, or an existing one; then quantized where that is wanted.
 */
#ifndef RF_CONVERT_MAKE_ONNX_H
#define RF_CONVERT_MAKE_ONNX_H

#include "hub/hub.h"
#include "embed/embed.h"
#include "onnx/onnx.h"

struct onnx_wish {
    const rf_convert_options *options;
    const char *source; /* as the user named it */
    const struct model_source *found;
    const struct model_config *config;
    const char *onnx_file; /* to be rewritten; NULL: the weights are converted */
    const char *out_path;
    enum onnx_precision precision;
    const struct logger *logger;
};

/* "fp32", "int8-dynamic" …: of the file that is made. */
const char *rf__made_precision(const rf_convert_options *options, enum onnx_precision precision);

/* Writes wish->out_path; in its folder nothing else is left. */
rf_status rf__make_onnx(const struct onnx_wish *wish, rf_error *err);

#endif
