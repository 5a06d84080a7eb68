/*
 * convert: a model source -> a model directory with an ONNX file, and whether that file gives the vectors that it
 * should. This is the only header that other folders include.
 *
 *     OUTPUT_DIR/NAME/model.onnx, model.onnx.data     made of the weights
 *                    /config.json, tokenizer.json …   as the model has them (model_files.c)
 *                    /1_Pooling/…                     the folders that modules.json names
 *                    /conversion.json                 what was done, with what, and how alike the vectors are
 *
 * All of it is written to a folder beside NAME, validated there, and moved into its place at the end.
 */
#ifndef RF_CONVERT_CONVERT_H
#define RF_CONVERT_CONVERT_H

#include "provider/provider.h"

/* See rf_convert(); options are complete and checked. */
rf_status rf__convert(const char *source, const char *output_dir, const rf_convert_options *options,
                      rf_convert_report **out, rf_error *err);
void rf__convert_report_free(rf_convert_report *report); /* NULL is fine */

/* See rf_validate(); options are complete and checked, `reference` may be NULL. `file` is what the report calls the
 * model; NULL: its file. */
rf_status rf__validate(const struct rf_model *model, const struct rf_model *reference, const char *file,
                       const rf_validate_options *options, rf_validate_report **out, rf_error *err);
void rf__validate_report_free(rf_validate_report *report); /* NULL is fine */

#endif
