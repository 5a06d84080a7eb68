/* source: what a model source is: a path that exists, or a name on the hub with a revision. */
#ifndef RF_HUB_SOURCE_H
#define RF_HUB_SOURCE_H

#include "base/error.h"
#include "base/log.h"

#define SOURCE_DEFAULT_REVISION   "main"
#define SOURCE_MAX_NAME           96  /* bytes, as the hub has it */
#define SOURCE_MAX_REVISION       250 /* bytes */
#define SOURCE_MAX_PATH           4096
#define SOURCE_COMMIT_LEN         40 /* hexadecimal digits of a commit's sha1 */
#define SOURCE_SHA256_LEN         64
#define SOURCE_DEFAULT_MODEL_HINT "sentence-transformers/all-MiniLM-L6-v2"

enum source_kind { SOURCE_DIRECTORY, SOURCE_ONNX_FILE, SOURCE_WEIGHTS_FILE, SOURCE_HUB };

struct source {
    enum source_kind kind;
    char *path;     /* a path: as given, slashes at the end taken off */
    char *name;     /* SOURCE_HUB: "org/name", or one of the old names without an organisation */
    char *revision; /* SOURCE_HUB: of the text, of `revision`, or "main" */
    bool prefixed;  /* SOURCE_HUB: the organisation was not said and the reference's default was put in front */
};

/* Reads `text`, what the user typed. `revision` is NULL or the option; it may not contradict what follows '@'.
 * What ends as a file's name does is taken for one, unless a revision is said. The result is to be released after
 * success alone. RF_NOT_FOUND: a path to nothing. RF_INVALID_ARGUMENT: neither. */
rf_status rf__source_read(const char *text, const char *revision, const struct logger *logger, struct source *out,
                          rf_error *err);
void rf__source_release(struct source *source); /* fine on a zeroed one */

/* Whether `path` stays inside the folder that it is relative to: no "..", no empty or "." step, no '\', no ':' and no
 * control characters. What a repository or a file of it names is trusted only then. */
bool rf__source_is_safe_path(const char *path);

/* Whether `s` is `len` lower-case hexadecimal digits. */
bool rf__source_is_hex(const char *s, size_t len);

#endif
