/*
 * external_weights: a model without its weights. An ONNX file is a protobuf message whose largest parts are the raw
 * bytes of its tensors; parsed as it is, they lie in memory twice. Here the message is copied without them, each tensor
 * pointing at the place in the file where its bytes are - ONNX's own "external data" - so that ONNX Runtime maps them.
 *
 *     ModelProto { … graph(7) { … initializer(5) { dims, data_type, name, raw_data(9) } … } … }
 *                                                  becomes external_data(13) {location, offset, length},
 * data_location(14)
 *
 * Tensors that are elsewhere already point at the places that are given for these files.
 *
 * Format: github.com/onnx/onnx, onnx.proto and docs/ExternalData.md.
 */
#ifndef RF_BASE_EXTERNAL_WEIGHTS_H
#define RF_BASE_EXTERNAL_WEIGHTS_H

#include "base/buf.h"
#include "base/external_data.h"

/* What tensors are to say that they lie in. */
struct external_places {
    const char *own;                  /* the file itself */
    const struct external_data *data; /* the others, as the file has them; NULL: these stay as they are */
    char *const *places;              /* [data->n] */
};

/* Appends the model without weights to `out`. *n_detached receives how many tensors point at the file itself.
 * RF_BAD_FORMAT, without a message, when the bytes do not read as such a message. */
rf_status rf__external_weights(const uint8_t *model, size_t len, const struct external_places *places, struct buf *out,
                               size_t *n_detached, rf_error *err);

#endif
