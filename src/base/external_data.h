/*
 * external_data: the files that an ONNX file keeps its tensors in, beside itself, read out of the file:
 *
 *     ModelProto { … graph(7) { … initializer(5) { …, external_data(13) {key(1) "location", value(2) PATH} … } … } … }
 *
 * Format: github.com/onnx/onnx, docs/ExternalData.md. Of initializers alone: ONNX Runtime has it nowhere else.
 */
#ifndef RF_BASE_EXTERNAL_DATA_H
#define RF_BASE_EXTERNAL_DATA_H

#include "base/error.h"
#include "base/wire.h"

#define EXTERNAL_MOST_FILES 4096

struct external_data {
    char **locations; /* each once, relative to the ONNX file's folder, as it has them */
    size_t n, cap;
};

/* Fills *out, which has nothing where the model keeps its tensors in itself. RF_BAD_FORMAT without a message where the
 * bytes do not read as an ONNX model, RF_UNSUPPORTED for too many files. */
rf_status rf__external_data_read(const uint8_t *model, size_t len, struct external_data *out, rf_error *err);
void rf__external_data_release(struct external_data *data); /* fine on a zeroed one */

/* The number of a location of `len` bytes; data->n where it is not there. */
size_t rf__external_data_find(const struct external_data *data, const char *location, size_t len);

/* Whether a location stays in the ONNX file's folder, or a folder in it. */
bool rf__external_is_inside(const char *location);

/* Whether `entry`, a field of a tensor, is its location: then *location is the field with the text. */
bool rf__external_location(const uint8_t *model, const struct field *entry, struct field *location);

#endif
