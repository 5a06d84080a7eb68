/*
 * reference: ids -> hidden states a second time, written to be obviously right: loops over the formulas of the papers,
 * weights as they lie in the file, one text at a time, in plain C. It shares nothing with onnx/, the kernels or ONNX
 * Runtime, so that each side checks the other; it is an engine like theirs.
 *
 *     reference.c      the engine: config.json and weights in, texts one by one
 *     ref_load.c       settings and tensors, checked as they are read
 *     ref_math.c       linear layers, norms, attention, activations
 *     ref_postnorm.c   BERT and its kin            ref_rotary.c    ModernBERT, NomicBERT, GTE, Qwen, Gemma
 *     ref_t5.c         T5, mT5                     ref_deberta.c   DeBERTa-v2
 *
 * This is the only header that other folders include.
 */
#ifndef RF_REFERENCE_REFERENCE_H
#define RF_REFERENCE_REFERENCE_H

#include "base/buf.h"
#include "engine/engine.h"

/* Opens the encoder that config.json describes on its weights, a file or a model directory. RF_UNSUPPORTED names a
 * model_type or an option that is not known; RF_BAD_FORMAT a tensor that is missing or of another shape. */
rf_status rf__reference_open(const char *config_path, const char *weights_path, struct engine **out, rf_error *err);
/* The same from the text of config.json; its path is for messages. */
rf_status rf__reference_open_config(const struct buf *config, const char *config_path, const char *weights_path,
                                    struct engine **out, rf_error *err);

#endif
