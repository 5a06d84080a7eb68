/* session_options: ONNX Runtime's options by name, as its Python binding and the story call them. */
#include "engine/ort.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct choice {
    const char *name;
    int value;
};

static const struct choice booleans[] = {{"true", 1}, {"false", 0}, {"1", 1}, {"0", 0}, {NULL, 0}};
static const struct choice execution_modes[] = {{"sequential", ORT_SEQUENTIAL},
                                                {"parallel", ORT_PARALLEL},
                                                {"ORT_SEQUENTIAL", ORT_SEQUENTIAL},
                                                {"ORT_PARALLEL", ORT_PARALLEL},
                                                {"0", ORT_SEQUENTIAL},
                                                {"1", ORT_PARALLEL},
                                                {NULL, 0}};
static const struct choice optimization_levels[] = {{"all", ORT_ENABLE_ALL},
                                                    {"extended", ORT_ENABLE_EXTENDED},
                                                    {"basic", ORT_ENABLE_BASIC},
                                                    {"disable", ORT_DISABLE_ALL},
                                                    {"ORT_ENABLE_ALL", ORT_ENABLE_ALL},
                                                    {"ORT_ENABLE_EXTENDED", ORT_ENABLE_EXTENDED},
                                                    {"ORT_ENABLE_BASIC", ORT_ENABLE_BASIC},
                                                    {"ORT_DISABLE_ALL", ORT_DISABLE_ALL},
                                                    {"99", ORT_ENABLE_ALL},
                                                    {"2", ORT_ENABLE_EXTENDED},
                                                    {"1", ORT_ENABLE_BASIC},
                                                    {"0", ORT_DISABLE_ALL},
                                                    {NULL, 0}};

static OrtStatus *set_intra_op(const OrtApi *ort, OrtSessionOptions *options, int n)
{
    return ort->SetIntraOpNumThreads(options, n);
}

static OrtStatus *set_inter_op(const OrtApi *ort, OrtSessionOptions *options, int n)
{
    return ort->SetInterOpNumThreads(options, n);
}

static OrtStatus *set_arena(const OrtApi *ort, OrtSessionOptions *options, int on)
{
    return on ? ort->EnableCpuMemArena(options) : ort->DisableCpuMemArena(options);
}

static OrtStatus *set_pattern(const OrtApi *ort, OrtSessionOptions *options, int on)
{
    return on ? ort->EnableMemPattern(options) : ort->DisableMemPattern(options);
}

static OrtStatus *set_mode(const OrtApi *ort, OrtSessionOptions *options, int mode)
{
    return ort->SetSessionExecutionMode(options, (ExecutionMode)mode);
}

static OrtStatus *set_level(const OrtApi *ort, OrtSessionOptions *options, int level)
{
    return ort->SetSessionGraphOptimizationLevel(options, (GraphOptimizationLevel)level);
}

static const struct setting {
    const char *name;
    const struct choice *choices; /* NULL: a whole number */
    OrtStatus *(*set)(const OrtApi *ort, OrtSessionOptions *options, int value);
} settings_table[] = {
    {"intra_op_num_threads", NULL, set_intra_op},  {"inter_op_num_threads", NULL, set_inter_op},
    {"enable_cpu_mem_arena", booleans, set_arena}, {"enable_mem_pattern", booleans, set_pattern},
    {"execution_mode", execution_modes, set_mode}, {"graph_optimization_level", optimization_levels, set_level},
};
#define N_SETTINGS  (sizeof settings_table / sizeof settings_table[0])
#define MAX_THREADS 1024

static rf_status wrong_value(const struct setting *setting, const char *value, rf_error *err)
{
    char list[256] = "";

    for (const struct choice *c = setting->choices; c->name != NULL; c++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", list[0] ? ", " : "", c->name);
    return rf__fail(err, RF_INVALID_ARGUMENT, "session option %s: unknown value '%s' (one of: %s)", setting->name,
                    value, list);
}

static rf_status parse_value(const struct setting *setting, const char *value, int *out, rf_error *err)
{
    if (setting->choices == NULL) {
        char *end;
        unsigned long n = strtoul(value, &end, 10);
        if (*value < '0' || *value > '9' || *end != '\0' || n > MAX_THREADS)
            return rf__fail(err, RF_INVALID_ARGUMENT, "session option %s: '%s' is not a number from 0 to %d",
                            setting->name, value, MAX_THREADS);
        *out = (int)n;
        return RF_OK;
    }
    for (const struct choice *c = setting->choices; c->name != NULL; c++) {
        if (strcmp(c->name, value) == 0) {
            *out = c->value;
            return RF_OK;
        }
    }
    return wrong_value(setting, value, err);
}

static rf_status unknown_provider(const OrtApi *ort, const char *name, rf_error *err)
{
    char **available = NULL, list[400] = "";
    int n = 0;

    if (ort->GetAvailableProviders(&available, &n) == NULL) {
        for (int i = 0; i < n; i++)
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", available[i]);
        OrtStatus *ignored = ort->ReleaseAvailableProviders(available, n);
        if (ignored != NULL)
            ort->ReleaseStatus(ignored);
    }
    return rf__fail(err, RF_INVALID_ARGUMENT,
                    "session option providers: '%s' is not in this ONNX Runtime (available: %s)", name, list);
}

/* CPUExecutionProvider is always there; any other is asked for by its short name. */
static rf_status add_provider(const OrtApi *ort, OrtSessionOptions *options, const char *name, size_t len,
                              rf_error *err)
{
    static const char suffix[] = "ExecutionProvider";
    size_t suffix_len = sizeof suffix - 1;
    char whole[64], brief[64];
    OrtStatus *refused;

    snprintf(whole, sizeof whole, "%.*s", (int)(len < sizeof whole ? len : sizeof whole - 1), name);
    if (strcmp(whole, "CPUExecutionProvider") == 0)
        return RF_OK;
    memcpy(brief, whole, sizeof brief);
    len = strlen(brief);
    if (len > suffix_len && strcmp(brief + len - suffix_len, suffix) == 0)
        brief[len - suffix_len] = '\0';
    refused = ort->SessionOptionsAppendExecutionProvider(options, brief, NULL, NULL, 0);
    if (refused == NULL)
        return RF_OK;
    ort->ReleaseStatus(refused);
    return unknown_provider(ort, whole, err);
}

static rf_status add_providers(const OrtApi *ort, OrtSessionOptions *options, const char *list, rf_error *err)
{
    rf_status status = RF_OK;

    while (status == RF_OK && *list != '\0') {
        size_t len = strcspn(list, ",");
        status = add_provider(ort, options, list, len, err);
        list += len;
        list += *list == ',';
    }
    return status;
}

static rf_status unknown_setting(const char *name, rf_error *err)
{
    char list[400] = "";

    for (size_t i = 0; i < N_SETTINGS; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s, ", settings_table[i].name);
    return rf__fail(err, RF_INVALID_ARGUMENT,
                    "unknown session option '%s' (one of: %sproviders, or a configuration key of ONNX Runtime with a "
                    "dot in it, such as session.intra_op.allow_spinning)",
                    name, list);
}

static rf_status apply(const OrtApi *ort, OrtSessionOptions *options, const char *name, const char *value,
                       rf_error *err)
{
    for (size_t i = 0; i < N_SETTINGS; i++) {
        int number = 0;
        if (strcmp(settings_table[i].name, name) != 0)
            continue;
        rf_status status = parse_value(&settings_table[i], value, &number, err);
        if (status != RF_OK)
            return status;
        return rf__ort_check(ort, settings_table[i].set(ort, options, number), err, name);
    }
    if (strcmp(name, "providers") == 0)
        return add_providers(ort, options, value, err);
    if (strchr(name, '.') != NULL)
        return rf__ort_check(ort, ort->AddSessionConfigEntry(options, name, value), err, name);
    return unknown_setting(name, err);
}

rf_status rf__session_options_apply(const OrtApi *ort, OrtSessionOptions *options, const char *const *settings,
                                    const struct logger *logger, rf_error *err)
{
    rf_status status = RF_OK;

    for (; settings != NULL && *settings != NULL && status == RF_OK; settings++) {
        const char *equals = strchr(*settings, '=');
        if (equals == NULL)
            return rf__fail(err, RF_INVALID_ARGUMENT, "session option '%s': expected NAME=VALUE", *settings);
        char *name = rf__strndup(*settings, (size_t)(equals - *settings));
        if (name == NULL)
            return rf__fail_memory(err);
        status = apply(ort, options, name, equals + 1, err);
        rf__free(name);
        if (status == RF_OK)
            rf__log(logger, RF_LOG_DEBUG, "session option %s", *settings);
    }
    return status;
}
