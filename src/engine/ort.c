/* ort: see ort.h. ONNX Runtime as it was found, and what it says when it fails. */
#include "engine/ort.h"

#include <string.h>

const char *rf__engine_runtime_version(void)
{
    return OrtGetApiBase()->GetVersionString();
}

rf_status rf__ort_api(const OrtApi **out, rf_error *err)
{
    *out = OrtGetApiBase()->GetApi(RF_ORT_API);
    if (*out == NULL)
        return rf__fail(err, RF_ENGINE,
                        "ONNX Runtime %s was found, 1.%d or newer is needed: update it, or run scripts/setup to bring "
                        "one",
                        rf__engine_runtime_version(), RF_ORT_API);
    return RF_OK;
}

static rf_status status_of(OrtErrorCode code)
{
    switch (code) {
    case ORT_NO_SUCHFILE:
        return RF_NOT_FOUND;
    case ORT_INVALID_PROTOBUF:
    case ORT_INVALID_GRAPH:
        return RF_BAD_FORMAT;
    case ORT_NOT_IMPLEMENTED:
        return RF_UNSUPPORTED;
    default:
        return RF_ENGINE;
    }
}

/* What comes after "/source/file.cc:46 signature(of, the::function) ", which ONNX Runtime puts in front of some
 * messages. */
static const char *useful_part(const char *message)
{
    const char *at = message[0] == '/' ? strchr(message, '(') : NULL;
    int depth = 0;

    for (; at != NULL && *at != '\0'; at++) {
        depth += (*at == '(') - (*at == ')');
        if (depth == 0 && strncmp(at, ") const ", 8) == 0)
            return at + 8;
        if (depth == 0)
            return at[1] == ' ' ? at + 2 : message;
    }
    return message;
}

/* Whether the file asks for more than this ONNX Runtime knows: a newer form of file, or newer operators. */
static bool is_too_new(const char *message)
{
    return strstr(message, "Unsupported model IR version") != NULL ||
           (strstr(message, "Opset") != NULL && strstr(message, "under development") != NULL) ||
           strstr(message, "ORT format model version") != NULL;
}

/* Whether it has an operator that this ONNX Runtime does not know, or cannot compute. */
static bool has_unknown_operator(const char *message)
{
    return strstr(message, "No Op registered for") != NULL ||
           strstr(message, "is not a registered function/op") != NULL ||
           strstr(message, "Could not find an implementation for") != NULL;
}

rf_status rf__ort_check(const OrtApi *ort, OrtStatus *failure, rf_error *err, const char *what)
{
    rf_status status;

    if (failure == NULL)
        return RF_OK;
    status = status_of(ort->GetErrorCode(failure));
    if (is_too_new(ort->GetErrorMessage(failure))) {
        status =
            rf__fail(err, RF_UNSUPPORTED,
                     "%s: is made for a newer ONNX Runtime than the one that runs, %s; install a newer one, or export "
                     "the model with a lower opset (ONNX Runtime: %.200s)",
                     what, rf__engine_runtime_version(), useful_part(ort->GetErrorMessage(failure)));
        ort->ReleaseStatus(failure);
        return status;
    }
    if (has_unknown_operator(ort->GetErrorMessage(failure))) {
        status =
            rf__fail(err, RF_UNSUPPORTED,
                     "%s: has an operator that the ONNX Runtime that runs, %s, does not have; install a newer one, or "
                     "export the model with a lower opset and standard operators (ONNX Runtime: %.200s)",
                     what, rf__engine_runtime_version(), useful_part(ort->GetErrorMessage(failure)));
        ort->ReleaseStatus(failure);
        return status;
    }
    rf__fail(err, status,
             status == RF_BAD_FORMAT ? "%s: is damaged, or no ONNX model (ONNX Runtime: %s)" : "%s: ONNX Runtime: %s",
             what, useful_part(ort->GetErrorMessage(failure)));
    ort->ReleaseStatus(failure);
    return status;
}
