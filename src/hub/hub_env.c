/* hub_env: see hub_env.h. The Python side is huggingface_hub's constants.py and utils/_auth.py. */
#include "hub/hub_env.h"

#include "base/buf.h"
#include "base/mem.h"
#include "hub/hub.h"
#include "os/os.h"

#include <stdlib.h>
#include <string.h>

#define PUBLIC_HUB           "https://huggingface.co"
#define MAX_TOKEN_FILE       ((size_t)64 << 10)
#define DEFAULT_METADATA_S   10
#define DEFAULT_STALL_S      30
#define DEFAULT_BACKOFF_MS   500
#define MAX_SECONDS_ACCEPTED 86400

/* ---- Reading variables ---------------------------------------------------------------------------------------- */

static bool equal_ignoring_case(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        char x = *a >= 'A' && *a <= 'Z' ? (char)(*a - 'A' + 'a') : *a;
        if (x != *b)
            return false;
    }
    return *a == *b;
}

static bool is_true(const char *value)
{
    static const char *const words[] = {"1", "on", "yes", "true"};

    for (size_t i = 0; value != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (equal_ignoring_case(value, words[i]))
            return true;
    }
    return false;
}

static uint32_t env_number(const char *name, uint32_t fallback)
{
    const char *value = rf__os_env(name);
    uint32_t number = 0;

    if (value == NULL)
        return fallback;
    for (const char *s = value; *s != '\0'; s++) {
        if (*s < '0' || *s > '9')
            return fallback;
        number = number * 10 + (uint32_t)(*s - '0');
        if (number > MAX_SECONDS_ACCEPTED)
            return MAX_SECONDS_ACCEPTED;
    }
    return number;
}

bool rf__hub_is_offline(bool asked)
{
    const char *value = rf__os_env("HF_HUB_OFFLINE");

    return asked || is_true(value != NULL ? value : rf__os_env("TRANSFORMERS_OFFLINE"));
}

/* The path in new memory, "~" as home, slashes at the end taken off. */
static char *clean_path(const char *path)
{
    char *home = NULL, *clean = NULL;
    size_t len;

    if (path[0] == '~' && (path[1] == '/' || path[1] == '\0')) {
        home = rf__os_home();
        if (home != NULL)
            clean = path[1] == '\0' ? rf__strdup(home) : rf__path_join(home, path + 2);
        rf__free(home);
    } else {
        clean = rf__strdup(path);
    }
    if (clean == NULL)
        return NULL;
    for (len = strlen(clean); len > 1 && clean[len - 1] == '/'; len--)
        clean[len - 1] = '\0';
    return clean;
}

/* ~/.cache; NULL without a home, or out of memory. */
static char *home_cache(void)
{
    char *home = rf__os_home(), *path;

    if (home == NULL)
        return NULL;
    path = rf__path_join(home, ".cache");
    rf__free(home);
    return path;
}

/* ---- Caches --------------------------------------------------------------------------------------------------- */

/* Adds "dir" or "dir/below", unless it is there already or `dir` is NULL; `*at` is where it lies then. */
static rf_status add_cache(struct hub_caches *caches, const char *dir, const char *below, size_t *at, rf_error *err)
{
    char *path = NULL, *clean;

    if (dir == NULL)
        return RF_OK;
    path = below == NULL ? rf__strdup(dir) : rf__path_join(dir, below);
    clean = path == NULL ? NULL : clean_path(path);
    rf__free(path);
    if (clean == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < caches->n; i++) {
        if (strcmp(caches->dirs[i], clean) == 0) {
            rf__free(clean);
            *at = i;
            return RF_OK;
        }
    }
    *at = caches->n;
    caches->dirs[caches->n++] = clean;
    return RF_OK;
}

rf_status rf__hub_caches_find(const char *cache_dir, struct hub_caches *out, rf_error *err)
{
    char *home = home_cache();
    const struct {
        const char *dir, *below;
        bool chosen; /* by the user: new models go there */
    } places[HUB_MAX_CACHES] = {
        {cache_dir, NULL, true},
        {rf__os_env("HF_HUB_CACHE"), NULL, true},
        {rf__os_env("HUGGINGFACE_HUB_CACHE"), NULL, true},
        {rf__os_env("HF_HOME"), "hub", true},
        {rf__os_env("XDG_CACHE_HOME"), "huggingface/hub", false},
        {home, "huggingface/hub", false},
        {home, "rag_factory/onnx_models", false},
    };
    bool is_chosen = false;
    rf_status status = RF_OK;

    *out = (struct hub_caches){0};
    for (size_t i = 0; i < HUB_MAX_CACHES && status == RF_OK; i++) {
        size_t at = out->fresh;
        status = add_cache(out, places[i].dir, places[i].below, &at, err);
        if (!is_chosen)
            out->fresh = at;
        is_chosen = is_chosen || (places[i].chosen && places[i].dir != NULL);
    }
    rf__free(home);
    if (status == RF_OK && out->n == 0)
        status =
            rf__fail(err, RF_NOT_FOUND,
                     "there is no home folder to keep models in; name a folder with --cache-dir, or set HF_HUB_CACHE");
    if (status != RF_OK)
        rf__hub_caches_release(out);
    return status;
}

void rf__hub_caches_release(struct hub_caches *caches)
{
    for (size_t i = 0; i < caches->n; i++)
        rf__free(caches->dirs[i]);
    *caches = (struct hub_caches){0};
}

/* ---- Token ---------------------------------------------------------------------------------------------------- */

/* Where a login leaves the token; *out is NULL where that is not known. */
static rf_status token_path(char **out, rf_error *err)
{
    const char *named = rf__os_env("HF_TOKEN_PATH"), *hf_home = rf__os_env("HF_HOME"),
               *xdg = rf__os_env("XDG_CACHE_HOME");
    char *home = NULL, *raw = NULL;

    *out = NULL;
    if (named != NULL) {
        raw = rf__strdup(named);
    } else if (hf_home != NULL) {
        raw = rf__path_join(hf_home, "token");
    } else if (xdg != NULL) {
        raw = rf__path_join(xdg, "huggingface/token");
    } else {
        home = home_cache();
        if (home == NULL)
            return RF_OK;
        raw = rf__path_join(home, "huggingface/token");
        rf__free(home);
    }
    if (raw != NULL)
        *out = clean_path(raw);
    rf__free(raw);
    return *out == NULL ? rf__fail_memory(err) : RF_OK;
}

/* White space around it taken off; what is left must be fit for a header. `origin` is for the message, which never
 * shows the token itself. */
static rf_status take_token(const char *text, const char *origin, char **out, rf_error *err)
{
    size_t len;

    while (*text == ' ' || *text == '\t' || *text == '\r' || *text == '\n')
        text++;
    len = strlen(text);
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r' || text[len - 1] == '\n'))
        len--;
    if (len == 0)
        return RF_OK;
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] == 0x7f)
            return rf__fail(err, RF_INVALID_ARGUMENT,
                            "the token of %s has a blank or control character at place %zu; set it anew", origin,
                            i + 1);
    }
    *out = rf__strndup(text, len);
    return *out == NULL ? rf__fail_memory(err) : RF_OK;
}

static rf_status read_token(char **out, rf_error *err)
{
    static const char *const names[] = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"};
    struct buf text;
    char *path = NULL;
    rf_status status = RF_OK;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (rf__os_env(names[i]) != NULL)
            return take_token(rf__os_env(names[i]), names[i], out, err);
    }
    if (is_true(rf__os_env("HF_HUB_DISABLE_IMPLICIT_TOKEN")))
        return RF_OK;
    rf__buf_init(&text, MAX_TOKEN_FILE);
    status = token_path(&path, err);
    /* A token file that cannot be read counts as none, as it does for somebody who never logged in. */
    if (status == RF_OK && path != NULL && rf__os_is_file(path) && rf__os_read_file(path, &text, NULL) == RF_OK)
        status = take_token(text.data != NULL ? text.data : "", path, out, err);
    rf__buf_release(&text);
    rf__free(path);
    return status;
}

/* ---- All of it ------------------------------------------------------------------------------------------------ */

rf_status rf__hub_env_read(struct hub_env *out, rf_error *err)
{
    const char *endpoint = rf__os_env("HF_ENDPOINT");
    rf_status status;
    size_t len;

    *out = (struct hub_env){
        .metadata_timeout_s = env_number("HF_HUB_ETAG_TIMEOUT", DEFAULT_METADATA_S),
        .stall_timeout_s = env_number("HF_HUB_DOWNLOAD_TIMEOUT", DEFAULT_STALL_S),
        .backoff_ms = env_number("RF_HUB_BACKOFF_MS", DEFAULT_BACKOFF_MS),
    };
    out->endpoint = rf__strdup(endpoint != NULL ? endpoint : PUBLIC_HUB);
    if (out->endpoint == NULL)
        return rf__fail_memory(err);
    for (len = strlen(out->endpoint); len > 0 && out->endpoint[len - 1] == '/'; len--)
        out->endpoint[len - 1] = '\0';
    if (strncmp(out->endpoint, "http://", 7) != 0 && strncmp(out->endpoint, "https://", 8) != 0)
        status =
            rf__fail(err, RF_INVALID_ARGUMENT, "HF_ENDPOINT is '%s', expected a URL such as " PUBLIC_HUB, endpoint);
    else
        status = read_token(&out->token, err);
    if (status != RF_OK)
        rf__hub_env_release(out);
    return status;
}

void rf__hub_env_release(struct hub_env *env)
{
    rf__free(env->endpoint);
    rf__free(env->token);
    *env = (struct hub_env){0};
}

rf_status rf__hub_cache_dir(const char *cache_dir, char **out, rf_error *err)
{
    struct hub_caches caches;
    rf_status status = rf__hub_caches_find(cache_dir, &caches, err);

    if (status != RF_OK)
        return status;
    *out = caches.dirs[caches.fresh];
    caches.dirs[caches.fresh] = NULL;
    rf__hub_caches_release(&caches);
    return RF_OK;
}
