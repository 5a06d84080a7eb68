/*
 * doctor: what a support question needs to know, one line each: ok, warn or fail, what was found, and below it the
 * remedy where something is wrong. Fails only where no vector can be had.
 */
#include "commands.h"
#include "display.h"
#include "open.h"
#include "progress.h"

#include "base/mem.h"
#include "os/os.h"

#include <math.h>
#include <string.h>

#define LITTLE_SPACE  ((uint64_t)1000000000) /* bytes; a model takes a tenth of it to two of it */
#define LITTLE_MEMORY ((uint64_t)500000000)

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

struct doctor {
    const struct opt_common *common;
    bool offline;
    bool failed;
    bool is_color;
};

/* One line, and the remedy where there is one. */
static void tell(struct doctor *doctor, enum verdict verdict, const char *topic, const char *remedy, const char *format,
                 ...) RF_PRINTF(5, 6);

static void tell(struct doctor *doctor, enum verdict verdict, const char *topic, const char *remedy, const char *format,
                 ...)
{
    static const char *const names[] = {"ok", "warn", "FAIL"};
    static const char *const colors[] = {"\033[32m", "\033[33m", "\033[31m"};
    va_list args;

    doctor->failed = doctor->failed || verdict == VERDICT_FAIL;
    if (doctor->is_color)
        printf("%s%-4s\033[0m  %-13s ", colors[verdict], names[verdict], topic);
    else
        printf("%-4s  %-13s ", names[verdict], topic);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    if (remedy != NULL)
        printf("%20s-> %s\n", "", remedy);
    fflush(stdout);
}

/* ---- Machine ------------------------------------------------------------------------------------------------- */

/* Processors of the machine; 0 where it does not tell. "0-3", "0-1,4-7". */
static unsigned processors_present(void)
{
    struct buf text;
    unsigned n = 0, first = 0, value = 0;
    bool is_range = false;

    rf__buf_init(&text, 4096);
    if (rf__os_read_file("/sys/devices/system/cpu/present", &text, NULL) != RF_OK)
        rf__buf_clear(&text);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c >= '0' && c <= '9' && value < 100000) {
            value = value * 10 + (unsigned)(c - '0');
        } else if (c == '-') {
            first = value;
            value = 0;
            is_range = true;
        } else if (c == ',' || c == '\n') {
            n += is_range && value >= first ? value - first + 1 : 1;
            value = 0;
            is_range = false;
        }
    }
    rf__buf_release(&text);
    return n;
}

static void check_machine(struct doctor *doctor)
{
    char cpu[160], features[160], total[RF_SIZE_TEXT];
    uint32_t usable = rf__os_cpu_count();
    unsigned present = processors_present();
    uint64_t memory = rf__os_memory_total();

    rf__os_cpu_name(cpu, sizeof cpu);
    rf__os_cpu_features(features, sizeof features);
    tell(doctor, VERDICT_OK, "machine", NULL, "%s, %s", rf__os_name(), cpu);
    tell(doctor, VERDICT_OK, "instructions", NULL, "%s", features[0] != '\0' ? features : "none beyond the baseline");
    if (present > usable)
        tell(doctor, VERDICT_OK, "processors", NULL, "%u of %u may be used (affinity or container limit)", usable,
             present);
    else
        tell(doctor, VERDICT_OK, "processors", NULL, "%u", usable);
    if (memory == 0)
        tell(doctor, VERDICT_OK, "memory", NULL, "size not known");
    else
        tell(doctor, memory < LITTLE_MEMORY ? VERDICT_WARN : VERDICT_OK, "memory",
             memory < LITTLE_MEMORY ? "models larger than a third of it may not run; raise the container's limit"
                                    : NULL,
             "%s", rf__size_text(memory, total));
}

/* ---- Libraries ----------------------------------------------------------------------------------------------- */

struct libraries {
    char *onnxruntime; /* path */
    char *torch_like;  /* path of the first one found */
    size_t n;
};

static bool look_at_library(void *user, const char *path)
{
    static const char *const heavy[] = {"torch", "libc10", "tensorflow", "libcudart", "libcublas", "libpython"};
    struct libraries *libraries = user;
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;

    libraries->n++;
    if (libraries->onnxruntime == NULL && strstr(name, "onnxruntime") != NULL)
        libraries->onnxruntime = rf__strdup(path);
    for (size_t i = 0; i < sizeof heavy / sizeof heavy[0]; i++)
        if (libraries->torch_like == NULL && strstr(name, heavy[i]) != NULL)
            libraries->torch_like = rf__strdup(path);
    return true;
}

static void check_libraries(struct doctor *doctor)
{
    struct libraries libraries = {.n = 0};

    rf__os_each_library(look_at_library, &libraries);
    tell(doctor, VERDICT_OK, "ONNX Runtime", NULL, "%s, %s", rf_onnxruntime_version(),
         libraries.onnxruntime != NULL ? libraries.onnxruntime : "built in");
    if (libraries.torch_like != NULL)
        tell(doctor, VERDICT_WARN, "torch", "see LD_PRELOAD and how ONNX Runtime was built; nothing here needs it",
             "%s is in this process", libraries.torch_like);
    else
        tell(doctor, VERDICT_OK, "torch", NULL, "none: nothing torch-like among the %zu libraries of this process",
             libraries.n);
    rf__free(libraries.onnxruntime);
    rf__free(libraries.torch_like);
}

/* ---- Cache --------------------------------------------------------------------------------------------------- */

/* The folder itself, or the closest one above it that exists; NULL when out of memory. */
static char *existing_folder(const char *path)
{
    char *folder = rf__strdup(path);

    while (folder != NULL && folder[0] != '\0' && !rf__os_is_directory(folder)) {
        char *slash = strrchr(folder, '/');
        if (slash == NULL || slash == folder) {
            rf__free(folder);
            return rf__strdup(slash == NULL ? "." : "/");
        }
        *slash = '\0';
    }
    return folder;
}

static void check_cache(struct doctor *doctor)
{
    static const char remedy[] = "name a folder that can be written with --cache-dir or HF_HUB_CACHE";
    char *dir = NULL, *folder = NULL, space[RF_SIZE_TEXT];
    rf_error err;
    uint64_t bytes;

    if (rf_cache_default_dir(doctor->common->run.cache_dir, &dir, &err) != RF_OK) {
        tell(doctor, VERDICT_WARN, "cache", remedy, "%s", err.message);
        return;
    }
    folder = existing_folder(dir);
    if (folder == NULL) {
        tell(doctor, VERDICT_FAIL, "cache", NULL, "out of memory");
    } else if (!rf__os_is_writable(folder)) {
        tell(doctor, VERDICT_WARN, "cache", remedy, "%s: cannot be written; nothing can be downloaded", dir);
    } else {
        bytes = rf__os_free_space(folder);
        tell(doctor, bytes < LITTLE_SPACE ? VERDICT_WARN : VERDICT_OK, "cache",
             bytes < LITTLE_SPACE ? "make room, or name another folder with --cache-dir" : NULL, "%s%s, %s free", dir,
             rf__os_is_directory(dir) ? "" : " (made when needed)",
             bytes == UINT64_MAX ? "unknown space" : rf__size_text(bytes, space));
    }
    rf__free(folder);
    rf_free(dir);
}

/* ---- Network ------------------------------------------------------------------------------------------------- */

/* Name and password of "http://name:password@host" do not belong on a screen. */
static const char *without_credentials(const char *url)
{
    const char *at = strrchr(url, '@');

    return at != NULL ? at + 1 : url;
}

static void check_network(struct doctor *doctor)
{
    static const char *const proxies[] = {"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy",
                                          "ALL_PROXY",   "all_proxy",   "NO_PROXY",   "no_proxy"};
    char *endpoint = NULL;
    rf_error err;
    size_t n = 0;

    if (doctor->offline) {
        tell(doctor, VERDICT_OK, "network", NULL, "offline: no socket is opened (%s)",
             doctor->common->run.offline ? "--offline" : "HF_HUB_OFFLINE");
    } else if (rf_hub_check(false, &endpoint, &err) == RF_OK) {
        tell(doctor, VERDICT_OK, "network", NULL, "%s answers", endpoint);
    } else {
        tell(doctor, VERDICT_WARN, "network",
             "models in the cache work without it; behind a proxy set HTTPS_PROXY, for a mirror HF_ENDPOINT, and with "
             "--offline nothing is tried",
             "%s", err.message);
    }
    rf_free(endpoint);
    for (size_t i = 0; i < sizeof proxies / sizeof proxies[0]; i++) {
        const char *value = rf__os_env(proxies[i]);
        if (value == NULL)
            continue;
        tell(doctor, VERDICT_OK, n++ == 0 ? "proxies" : "", NULL, "%s=%s", proxies[i], without_credentials(value));
    }
    if (n == 0)
        tell(doctor, VERDICT_OK, "proxies", NULL, "none set");
    tell(doctor, VERDICT_OK, "token", NULL, "%s",
         rf__os_env("HF_TOKEN") != NULL ? "HF_TOKEN is set (not shown)"
                                        : "HF_TOKEN is not set; public models need none");
}

/* ---- Models -------------------------------------------------------------------------------------------------- */

struct census {
    const char *wanted;
    size_t wanted_len; /* without "@revision" */
    size_t n, n_partial;
    bool found;
};

static bool count_model(void *user, const rf_cached_model *model)
{
    struct census *census = user;

    census->n++;
    census->n_partial += !model->complete;
    if (model->complete && strlen(model->name) == census->wanted_len &&
        memcmp(model->name, census->wanted, census->wanted_len) == 0)
        census->found = true;
    return true;
}

/* Opens the model and embeds a sentence: the whole way, as a user goes it. With `is_here` nothing may be fetched behind
 * the user's back. */
static void try_model(struct doctor *doctor, bool is_here)
{
    static const char text[] = "hello world";
    struct opt_common common = *doctor->common;
    rf_model_info info = {.size = sizeof info};
    rf_model *model = NULL;
    float *vector = NULL;
    double squares = 0, ms;
    uint64_t start = rf__os_now_ns();
    rf_error err;
    rf_status status;

    common.run.offline = is_here || doctor->offline;
    status = rf__open_model(&common, &model, &err);
    if (status == RF_OK) {
        rf_model_get_info(model, &info);
        vector = rf__alloc_array(info.dim, sizeof *vector);
        status = vector == NULL ? rf__fail_memory(&err)
                                : rf_embed_query(model, (rf_text){text, sizeof text - 1}, vector, info.dim, &err);
    }
    ms = (double)(rf__os_now_ns() - start) / 1e6;
    for (size_t i = 0; status == RF_OK && vector != NULL && i < info.dim; i++)
        squares += (double)vector[i] * (double)vector[i];
    if (status != RF_OK)
        tell(doctor, VERDICT_FAIL, "model", NULL, "%s", err.message);
    else if (!isfinite(squares) || squares == 0)
        tell(doctor, VERDICT_FAIL, "model", "is its file damaged? fetch it again", "%s gives no usable vector",
             common.model);
    else
        tell(doctor, VERDICT_OK, "model", NULL, "%s works: %u dimensions, first vector after %.0f ms", common.model,
             info.dim, ms);
    rf__free(vector);
    rf_model_free(model);
}

static void check_models(struct doctor *doctor)
{
    const char *name = doctor->common->model;
    struct census census = {.wanted = name, .wanted_len = strcspn(name, "@")};
    bool is_here;
    char *remedy;
    rf_error err;

    if (rf_cache_list(doctor->common->run.cache_dir, count_model, &census, &err) != RF_OK)
        tell(doctor, VERDICT_WARN, "cached models", NULL, "%s", err.message);
    else if (census.n_partial > 0)
        tell(doctor, VERDICT_WARN, "cached models", "rag-factory models list names them, models pull completes them",
             "%zu, %zu of them partial", census.n, census.n_partial);
    else
        tell(doctor, VERDICT_OK, "cached models", NULL, "%zu", census.n);
    is_here = census.found || rf__os_stat(name).kind != OS_NOTHING;
    if (is_here || strchr(name, ':') != NULL) { /* no name on the hub: a server's */
        try_model(doctor, is_here);
        return;
    }
    remedy = rf__format("rag-factory models pull %s, or name a model directory with -m", name);
    tell(doctor, VERDICT_WARN, "model", remedy, "%s is not in the cache", name);
    rf__free(remedy);
}

/* ---- Command ------------------------------------------------------------------------------------------------- */

/* As the hub's own tools read it. */
static bool is_offline_by_environment(void)
{
    static const char *const yes[] = {"1", "ON", "YES", "TRUE", "on", "yes", "true"};
    const char *value = rf__os_env("HF_HUB_OFFLINE");

    for (size_t i = 0; value != NULL && i < sizeof yes / sizeof yes[0]; i++)
        if (strcmp(value, yes[i]) == 0)
            return true;
    return false;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct options options;
    struct doctor doctor = {.common = &options.common};
    int code = rf__opt_read(command, OPT_MODEL | OPT_RUN, NULL, argc, argv, &options);

    if (code == OPT_GO_ON && options.n_args > 0)
        code = rf__opt_wrong(command, "unexpected argument '%s'; name a model with -m", options.args[0]);
    if (code == OPT_GO_ON) {
        doctor.offline = options.common.run.offline || is_offline_by_environment();
        doctor.is_color = rf__display_has_color();
        tell(&doctor, VERDICT_OK, "version", NULL, "rag-factory %s", rf_version());
        check_machine(&doctor);
        check_libraries(&doctor);
        check_cache(&doctor);
        check_network(&doctor);
        check_models(&doctor);
        code = doctor.failed ? EXIT_FAILED : EXIT_DONE;
    }
    rf__opt_release(&options);
    return code;
}

const struct command rf__cmd_doctor = {
    "doctor",
    "what this machine has, and what is missing",
    "Looks at everything that a vector depends on: machine, ONNX Runtime, cache folder, network, model. One line each, "
    "with the remedy where something is wrong.",
    "[options]",
    "  rag-factory doctor",
    NULL,
    run,
    NULL,
};
