/* local: a model directory or file on this machine, outside the hub's names. */
#ifndef RF_HUB_LOCAL_H
#define RF_HUB_LOCAL_H

#include "base/buf.h"
#include "hub/hub.h"
#include "hub/source.h"

/* Fills `out` for a source that is a path. */
rf_status rf__local_resolve(const struct source *source, const struct hub_options *options, struct model_source *out,
                            rf_error *err);

/* Appends the names of the model files that the directory, or the repository that it is of, has beside the chosen one:
 * "a, b". */
rf_status rf__hub_other_files(const struct model_source *source, struct buf *out, rf_error *err);

/* RF_BAD_FORMAT when a file that the model directory is read from is a git-lfs pointer. */
rf_status rf__local_check_pointers(const struct model_source *source, rf_error *err);

#endif
