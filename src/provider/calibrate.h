/*
 * calibrate: quantizing a model by what it does with texts: its tokenizer and an engine read them, onnx/ does the rest.
 */
#ifndef RF_PROVIDER_CALIBRATE_H
#define RF_PROVIDER_CALIBRATE_H

#include "embed/embed.h"
#include "onnx/onnx.h"

struct calibration {
    const struct rf_tokenizer *tokenizer;
    uint32_t max_tokens;  /* the model's limit; 0: none is known */
    const rf_text *texts; /* [n]; NULL: calibration_texts.h */
    size_t n;
    uint32_t threads; /* 0: one for each processor */
    rf_part_fn part;  /* NULL, or told before "Calibrating", where there is any, and "Quantizing" */
};

/* rf__onnx_quantize() with what is measured on the texts, for the forms that are fitted to them. A model that measures
 * and a file of measurements are written beside rewrite->out_path and removed again. rewrite->progress counts texts
 * while that is done, each twice; both callbacks get its user. */
rf_status rf__calibrated_quantize(const struct onnx_rewrite *rewrite, const struct onnx_quantize *how,
                                  const struct calibration *calibration, rf_error *err);

#endif
