/* external_files: what an ONNX file says of the files that it keeps its tensors in. */
#ifndef RF_HUB_EXTERNAL_FILES_H
#define RF_HUB_EXTERNAL_FILES_H

#include "base/external_data.h"

/* Reads them out of the file; each location becomes a path beside `named`, which is the file's own path or what it is
 * called in a repository. *is_known is false where the file is not there, or says nothing that can be read. */
rf_status rf__external_files(const char *onnx_file, const char *named, struct external_data *out, bool *is_known,
                             rf_error *err);

#endif
