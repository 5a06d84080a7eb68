/* model_files: the files of a model directory beside its weights and ONNX files. */
#ifndef RF_CONVERT_MODEL_FILES_H
#define RF_CONVERT_MODEL_FILES_H

#include "base/error.h"

/* Copies configuration, tokenizer, model card and the folders that modules.json names to the folder `to`, which is
 * there. Weights are left behind where they lie in `weights_folder`, but not those of other modules (Dense …). */
rf_status rf__model_files_copy(const char *from, const char *to, const char *weights_folder, rf_error *err);

#endif
