/*
 * weight_places: where on the disk the tensors of an ONNX file lie, so that ONNX Runtime, which takes one folder and
 * refuses links that leave it, finds them also where a hub's cache has a link for each file:
 *
 *     snapshots/COMMIT/onnx/model.onnx       → blobs/3f…          folder: …/blobs/, own: 3f…
 *     snapshots/COMMIT/onnx/model.onnx_data  → blobs/81…          model.onnx_data: 81…
 *
 * The folder is the lowest that all of them lie in once links are followed.
 */
#ifndef RF_ENGINE_WEIGHT_PLACES_H
#define RF_ENGINE_WEIGHT_PLACES_H

#include "base/external_data.h"

struct weight_places {
    char *folder;              /* with its separator; "" for a bare name */
    char *own;                 /* the ONNX file itself, in `folder` */
    struct external_data data; /* what the file says, */
    char **places;             /* [data.n] and where that is, in `folder` */
};

/* `path` names the ONNX file as it was asked for, `real_path` without links. RF_NOT_FOUND names a file that is not
 * beside the ONNX file, RF_BAD_FORMAT one that may not be read for it. */
rf_status rf__weight_places_find(const uint8_t *model, size_t len, const char *path, const char *real_path,
                                 struct weight_places *out, rf_error *err);
void rf__weight_places_release(struct weight_places *places); /* fine on a zeroed one */

#endif
