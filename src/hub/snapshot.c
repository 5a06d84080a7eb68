/* snapshot: see snapshot.h. */
#include "hub/snapshot.h"

#include "base/json.h"
#include "base/mem.h"
#include "hub/blob_cache.h"
#include "hub/external_files.h"
#include "os/os.h"

#include <string.h>

#define MAX_MODULES_JSON ((size_t)1 << 20)
#define MAX_MESSAGE_LIST 6 /* files named in a message */
#define MAX_SHARDS       1000

/* Files that are wanted wherever they are. Those that change the vectors when they are overlooked must be known to be
 * absent before a cached snapshot counts as complete. */
static const struct root_file {
    const char *path;
    bool matters;
} root_files[] = {
    {"modules.json", true},
    {"config_sentence_transformers.json", true},
    {"sentence_bert_config.json", true},
    {"config.json", true},
    {"tokenizer_config.json", true},
    {"special_tokens_map.json", false},
    {"added_tokens.json", false},
    {"sentence_roberta_config.json", false},
    {"sentence_distilbert_config.json", false},
    {"sentence_camembert_config.json", false},
    {"sentence_albert_config.json", false},
    {"sentence_xlm-roberta_config.json", false},
    {"sentence_xlnet_config.json", false},
    {"README.md", false},
};
#define N_ROOT_FILES (sizeof root_files / sizeof root_files[0])

const char *const rf__snapshot_tokenizers[] = {
    "tokenizer.json", "vocab.txt", "vocab.json",      "sentencepiece.bpe.model",
    "spiece.model",   "spm.model", "tokenizer.model", NULL};

static const char *const onnx_places[] = {"onnx/model.onnx", "model.onnx"};
static const char *const weights_places[] = {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                                             "pytorch_model.bin.index.json"};
#define N_ONNX_PLACES    (sizeof onnx_places / sizeof onnx_places[0])
#define N_WEIGHTS_PLACES (sizeof weights_places / sizeof weights_places[0])
#define N_PREFERRED      2 /* of weights_places: those that are turned into an ONNX file */

/* Weights in several files, START-00001-of-00003END, and the index that names them. */
static const struct sharding {
    const char *index, *start, *end;
} shardings[] = {
    {"model.safetensors.index.json", "model-", ".safetensors"},
    {"pytorch_model.bin.index.json", "pytorch_model-", ".bin"},
};

/* ---- Names of files ------------------------------------------------------------------------------------------- */

bool rf__snapshot_is_onnx(const char *path)
{
    return rf__ends_with(path, ".onnx") || rf__ends_with(path, ".ort");
}

bool rf__snapshot_is_weights(const char *path)
{
    static const char *const ends[] = {".safetensors", ".bin", ".h5",   ".pt", ".pth",
                                       ".msgpack",     ".ot",  ".gguf", ".xml"};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (rf__ends_with(path, ends[i]))
            return true;
    }
    return false;
}

bool rf__snapshot_is_ranks(const char *path)
{
    return rf__ends_with(path, ".tiktoken") && strchr(path, '/') == NULL;
}

static bool is_any_model(const char *path)
{
    return rf__snapshot_is_onnx(path) || rf__snapshot_is_weights(path);
}

/* An ONNX file as somebody named it: "model.onnx" also means "onnx/model.onnx". *out is NULL when there is none. */
static rf_status find_named(const struct repo *repo, const char *named, const struct repo_file **out, rf_error *err)
{
    char *below;

    *out = rf__repo_find(repo, named);
    if (*out != NULL)
        return RF_OK;
    below = rf__path_join("onnx", named);
    if (below == NULL)
        return rf__fail_memory(err);
    *out = rf__repo_find(repo, below);
    rf__free(below);
    return RF_OK;
}

/* External data of an ONNX file: beside it, its whole name with something after it ("model.onnx_data",
 * "model.onnx.data", "model.onnx_data_1"), or its stem with ".data" or "_data". */
bool rf__snapshot_is_external_data(const char *path, const char *onnx)
{
    size_t len = strlen(onnx), stem = len - strlen(".onnx");

    if (!rf__ends_with(onnx, ".onnx")) /* a file in ONNX Runtime's own format has all in itself */
        return false;
    if (strncmp(path, onnx, len) == 0 && (path[len] == '_' || path[len] == '.'))
        return strchr(path + len, '/') == NULL;
    return strncmp(path, onnx, stem) == 0 && (strcmp(path + stem, ".data") == 0 || strcmp(path + stem, "_data") == 0);
}

/* The sharding whose index a model file is; NULL when it is none. */
static const struct sharding *sharding_of(const char *path)
{
    for (size_t i = 0; i < sizeof shardings / sizeof shardings[0]; i++)
        if (strcmp(path, shardings[i].index) == 0)
            return &shardings[i];
    return NULL;
}

/* The total that "model-00001-of-00003.safetensors" names; 0 when the path is no shard of this sharding. */
static unsigned shard_total(const struct sharding *sharding, const char *path)
{
    static const char middle[] = "-of-";
    const char *digits = "0123456789";
    unsigned total = 0;
    size_t n;

    if (strncmp(path, sharding->start, strlen(sharding->start)) != 0)
        return 0;
    path += strlen(sharding->start);
    n = strspn(path, digits);
    if (n == 0 || strncmp(path + n, middle, strlen(middle)) != 0)
        return 0;
    path += n + strlen(middle);
    n = strspn(path, digits);
    if (n == 0 || strcmp(path + n, sharding->end) != 0)
        return 0;
    for (size_t i = 0; i < n && total <= MAX_SHARDS; i++)
        total = total * 10 + (unsigned)(path[i] - '0');
    return total > MAX_SHARDS ? 0 : total;
}

/* ---- Plan ----------------------------------------------------------------------------------------------------- */

void rf__snapshot_plan_release(struct snapshot_plan *plan)
{
    rf__free(plan->files);
    *plan = (struct snapshot_plan){0};
}

/* NULL is no file. */
static rf_status want(struct snapshot_plan *plan, const struct repo *repo, const struct repo_file *file, rf_error *err)
{
    size_t place;

    if (file == NULL)
        return RF_OK;
    place = (size_t)(file - repo->files);
    for (size_t i = 0; i < plan->n; i++) {
        if (plan->files[i] == place)
            return RF_OK;
    }
    if (plan->n == plan->cap) {
        size_t cap = plan->cap == 0 ? 32 : plan->cap * 2;
        size_t *files = rf__realloc(plan->files, cap * sizeof *files);
        if (files == NULL)
            return rf__fail_memory(err);
        plan->files = files;
        plan->cap = cap;
    }
    plan->files[plan->n++] = place;
    return RF_OK;
}

/* What an ONNX file says of its external data, as paths in the repository. */
struct external {
    struct external_data data;
    bool is_known;
};

static rf_status read_external(const struct snapshot_here *here, const struct repo_file *model, struct external *out,
                               rf_error *err)
{
    char *path;
    rf_status status;

    *out = (struct external){.is_known = false};
    if (here == NULL || here->directory == NULL || !rf__snapshot_is_onnx(model->path))
        return RF_OK;
    path = rf__path_join(here->directory, model->path);
    if (path == NULL)
        return rf__fail_memory(err);
    status = rf__external_files(path, model->path, &out->data, &out->is_known, err);
    rf__free(path);
    return status;
}

static bool is_external(const struct external *external, const char *path, const char *onnx)
{
    if (!external->is_known)
        return rf__snapshot_is_external_data(path, onnx);
    for (size_t i = 0; i < external->data.n; i++)
        if (strcmp(external->data.locations[i], path) == 0)
            return true;
    return false;
}

/* Calls `fn` with each file that belongs to the model file, the file itself first. */
static rf_status each_part(const struct repo *repo, const struct repo_file *model, const struct external *external,
                           rf_status (*fn)(void *user, const struct repo_file *file, rf_error *err), void *user,
                           rf_error *err)
{
    const struct sharding *sharding = sharding_of(model->path);
    bool is_onnx = rf__snapshot_is_onnx(model->path);
    rf_status status = fn(user, model, err);

    for (size_t i = 0; i < repo->n && status == RF_OK; i++) {
        const struct repo_file *file = &repo->files[i];
        if (file != model && ((is_onnx && is_external(external, file->path, model->path)) ||
                              (sharding != NULL && shard_total(sharding, file->path) > 0)))
            status = fn(user, file, err);
    }
    return status;
}

struct wanting {
    const struct repo *repo;
    struct snapshot_plan *plan;
};

static rf_status want_part(void *user, const struct repo_file *file, rf_error *err)
{
    struct wanting *wanting = user;

    return want(wanting->plan, wanting->repo, file, err);
}

/* Whether every part is there. */
struct presence {
    const struct sharding *sharding; /* NULL: one file */
    bool (*has)(void *user, const struct repo_file *file);
    void *user;
    unsigned shards, shards_expected;
    bool is_whole;
};

static rf_status look_at_part(void *user, const struct repo_file *file, rf_error *err)
{
    struct presence *presence = user;
    unsigned total = presence->sharding == NULL ? 0 : shard_total(presence->sharding, file->path);

    (void)err;
    presence->is_whole = presence->is_whole && presence->has(presence->user, file);
    if (total > 0) {
        presence->shards++;
        presence->shards_expected = total;
    }
    return RF_OK;
}

static rf_status is_whole_model(const struct repo *repo, const struct repo_file *model,
                                const struct snapshot_here *here, bool *out, rf_error *err)
{
    struct presence presence = {.sharding = sharding_of(model->path), .is_whole = true};
    struct external external;
    rf_status status;

    *out = false;
    if (here == NULL || here->has == NULL)
        return RF_OK;
    status = read_external(here, model, &external, err);
    if (status != RF_OK)
        return status;
    presence.has = here->has;
    presence.user = here->user;
    (void)each_part(repo, model, &external, look_at_part, &presence, NULL);
    for (size_t i = 0; i < external.data.n; i++)
        presence.is_whole = presence.is_whole && rf__repo_find(repo, external.data.locations[i]) != NULL;
    rf__external_data_release(&external.data);
    *out = presence.is_whole &&
           (presence.sharding == NULL || (presence.shards > 0 && presence.shards >= presence.shards_expected));
    return RF_OK;
}

/* Why there is no model file, and what to do about it. */
static rf_status no_model(const struct repo *repo, const struct snapshot_wish *wish, const char *where, rf_error *err)
{
    struct buf list;
    size_t n_onnx = 0;
    rf_status status;

    for (size_t i = 0; i < repo->n; i++)
        n_onnx += rf__snapshot_is_onnx(repo->files[i].path);
    rf__buf_init(&list, (size_t)1 << 20);
    status = rf__repo_describe(repo, wish->onnx_file != NULL || n_onnx > 0 ? rf__snapshot_is_onnx : is_any_model,
                               MAX_MESSAGE_LIST, &list, err);
    if (status != RF_OK)
        status = rf__fail_memory(err);
    else if (wish->onnx_file != NULL)
        status = rf__fail(err, RF_NOT_FOUND,
                          "%s has no ONNX file '%s' (found: %.200s). Please ensure that --onnx-file names one of them",
                          where, wish->onnx_file, list.data);
    else if (n_onnx > 0)
        status = rf__fail(err, RF_NOT_FOUND,
                          "%s has no onnx/model.onnx, model.onnx%s, but %.200s, which may be quantized and give other "
                          "vectors. Please choose one with --onnx-file",
                          where, wish->onnx_only ? "" : ", model.safetensors or pytorch_model.bin", list.data);
    else
        status =
            rf__fail(err, RF_NOT_FOUND,
                     "%s has no onnx/model.onnx, model.onnx%s (found: %.200s). Please ensure the model has an ONNX "
                     "version available, or convert it; a directory with model.safetensors works too",
                     where, wish->onnx_only ? "" : ", model.safetensors or pytorch_model.bin", list.data);
    rf__buf_release(&list);
    return status;
}

/* ---- Modules -------------------------------------------------------------------------------------------------- */

/* Calls `fn` with path and type of each module that has a folder of its own. What modules.json means is for the
 * pipeline to judge; one that makes no sense names no folders here. */
static rf_status each_module(const char *text, size_t len,
                             rf_status (*fn)(void *user, const char *path, const char *type, rf_error *err), void *user,
                             rf_error *err)
{
    struct json json;
    yyjson_val *module;
    yyjson_arr_iter each;
    size_t n = 0;
    rf_status status = len > MAX_MODULES_JSON ? RF_BAD_FORMAT : rf__json_parse(&json, text, len, "modules.json", NULL);

    if (status != RF_OK)
        return status == RF_NO_MEMORY ? rf__fail_memory(err) : RF_OK;
    each = yyjson_arr_iter_with(json.root);
    while (status == RF_OK && (module = yyjson_arr_iter_next(&each)) != NULL && n++ < SNAPSHOT_MAX_MODULES) {
        const char *path = yyjson_get_str(yyjson_obj_get(module, "path"));
        const char *type = yyjson_get_str(yyjson_obj_get(module, "type"));
        if (path != NULL && rf__source_is_safe_path(path))
            status = fn(user, path, type != NULL ? type : "", err);
    }
    rf__json_release(&json);
    return status;
}

/* Everything directly in the module's folder that is configuration, vocabulary or weights: pytorch_model.bin where
 * there is no model.safetensors. */
static rf_status want_module(void *user, const char *path, const char *type, rf_error *err)
{
    struct wanting *wanting = user;
    size_t len = strlen(path);
    char *weights = rf__path_join(path, "model.safetensors");
    bool has_safetensors;
    rf_status status = RF_OK;

    (void)type;
    if (weights == NULL)
        return rf__fail_memory(err);
    has_safetensors = rf__repo_find(wanting->repo, weights) != NULL;
    rf__free(weights);
    for (size_t i = 0; i < wanting->repo->n && status == RF_OK; i++) {
        const struct repo_file *file = &wanting->repo->files[i];
        bool is_inside =
            strncmp(file->path, path, len) == 0 && file->path[len] == '/' && strchr(file->path + len + 1, '/') == NULL;
        if (is_inside && (rf__ends_with(file->path, ".json") || rf__ends_with(file->path, ".txt") ||
                          rf__ends_with(file->path, ".safetensors") ||
                          (!has_safetensors && rf__ends_with(file->path, "/pytorch_model.bin"))))
            status = want(wanting->plan, wanting->repo, file, err);
    }
    return status;
}

/* ---- The model file ------------------------------------------------------------------------------------------- */

#define MAX_PLACES (2 * N_ONNX_PLACES + N_WEIGHTS_PLACES + 1 + N_PREFERRED)

/* Where the model file may be, best first. */
struct places {
    const struct repo_file *found[MAX_PLACES]; /* NULL: nothing there */
    size_t n;
};

static rf_status add_place(const struct repo *repo, const char *folder, const char *name, struct places *places,
                           rf_error *err)
{
    char *path = folder[0] == '\0' ? rf__strdup(name) : rf__path_join(folder, name);

    if (path == NULL)
        return rf__fail_memory(err);
    places->found[places->n++] = rf__repo_find(repo, path);
    rf__free(path);
    return RF_OK;
}

/* The first module: its folder ("" for the model directory itself) in new memory, and whether its vectors are looked up
 * in a table of weights, so that no ONNX file does. */
static rf_status read_first_module(const char *text, size_t len, char **folder, bool *is_static, rf_error *err)
{
    struct json json;
    yyjson_val *module;
    const char *path, *type;
    rf_status status = len > MAX_MODULES_JSON ? RF_BAD_FORMAT : rf__json_parse(&json, text, len, "modules.json", NULL);

    *folder = NULL;
    *is_static = false;
    if (status == RF_NO_MEMORY)
        return rf__fail_memory(err);
    if (status == RF_OK) {
        module = yyjson_arr_get_first(json.root);
        path = yyjson_get_str(yyjson_obj_get(module, "path"));
        type = yyjson_get_str(yyjson_obj_get(module, "type"));
        *is_static = type != NULL && rf__ends_with(type, "StaticEmbedding");
        *folder = rf__strdup(path != NULL && rf__source_is_safe_path(path) ? path : "");
        rf__json_release(&json);
    } else {
        *folder = rf__strdup("");
    }
    return *folder == NULL ? rf__fail_memory(err) : RF_OK;
}

/* Before modules.json is there, which names the folder: any that has weights. */
static void guess_place(const struct repo *repo, struct places *places)
{
    for (size_t i = 0; i < repo->n; i++) {
        if (rf__ends_with(repo->files[i].path, "/model.safetensors")) {
            places->found[places->n++] = &repo->files[i];
            return;
        }
    }
}

/* Weights that stand before ONNX files where that is wished. */
static rf_status preferred_places(const struct repo *repo, const struct snapshot_wish *wish, const char *folder,
                                  struct places *places, rf_error *err)
{
    struct places config = {.n = 0};
    rf_status status = RF_OK;

    if (!wish->weights_first || wish->onnx_only)
        return RF_OK;
    status = add_place(repo, folder, "config.json", &config, err);
    for (size_t k = 0; k < N_PREFERRED && status == RF_OK && config.found[0] != NULL; k++)
        status = add_place(repo, folder, weights_places[k], places, err);
    return status;
}

static rf_status usual_places(const struct repo *repo, const struct snapshot_wish *wish, const char *modules,
                              size_t modules_len, struct places *places, rf_error *err)
{
    char *folder = NULL;
    bool is_static = false;
    rf_status status = RF_OK;

    if (modules != NULL)
        status = read_first_module(modules, modules_len, &folder, &is_static, err);
    if (status != RF_OK)
        return status;
    status = preferred_places(repo, wish, folder != NULL ? folder : "", places, err);
    for (size_t k = 0; k < N_ONNX_PLACES && !is_static && folder != NULL && folder[0] != '\0' && status == RF_OK; k++)
        status = add_place(repo, folder, onnx_places[k], places, err);
    for (size_t k = 0; k < N_ONNX_PLACES && !is_static && status == RF_OK; k++)
        status = add_place(repo, "", onnx_places[k], places, err);
    for (size_t k = 0; k < N_WEIGHTS_PLACES && (is_static || !wish->onnx_only) && status == RF_OK; k++)
        status = add_place(repo, folder != NULL ? folder : "", weights_places[k], places, err);
    if (status == RF_OK && modules == NULL && !wish->onnx_only && rf__repo_find(repo, "modules.json") != NULL)
        guess_place(repo, places);
    rf__free(folder);
    return status;
}

/* The model file with what belongs to it. */
static rf_status want_model(const struct repo *repo, const struct snapshot_here *here, struct snapshot_plan *plan,
                            rf_error *err)
{
    struct wanting wanting = {repo, plan};
    struct external external;
    rf_status status = read_external(here, plan->model, &external, err);

    plan->is_onnx = rf__snapshot_is_onnx(plan->model->path);
    if (status == RF_OK)
        status = each_part(repo, plan->model, &external, want_part, &wanting, err);
    rf__external_data_release(&external.data);
    return status;
}

/* Chooses the model file: of the usual places the first that is complete here, else the first that exists. */
static rf_status choose_model(const struct repo *repo, const struct snapshot_wish *wish, const char *modules,
                              size_t modules_len, const struct snapshot_here *here, const char *where,
                              struct snapshot_plan *plan, rf_error *err)
{
    struct places places = {.n = 0};
    rf_status status = wish->onnx_file != NULL ? find_named(repo, wish->onnx_file, &places.found[places.n++], err)
                                               : usual_places(repo, wish, modules, modules_len, &places, err);

    for (size_t i = 0; i < places.n && status == RF_OK; i++) {
        bool is_whole;
        if (places.found[i] == NULL)
            continue;
        if (plan->model == NULL)
            plan->model = places.found[i];
        status = is_whole_model(repo, places.found[i], here, &is_whole, err);
        if (status == RF_OK && is_whole) {
            plan->model = places.found[i];
            break;
        }
    }
    if (status == RF_OK && plan->model == NULL)
        return no_model(repo, wish, where, err);
    return status == RF_OK ? want_model(repo, here, plan, err) : status;
}

/* tokenizer.json alone, else all that one may be made of. */
static rf_status want_tokenizer(struct snapshot_plan *plan, const struct repo *repo, rf_error *err)
{
    const char *const *names = rf__snapshot_tokenizers;
    const struct repo_file *whole = rf__repo_find(repo, *names++);
    rf_status status;

    if (whole != NULL)
        return want(plan, repo, whole, err);
    status = want(plan, repo, rf__repo_find(repo, "merges.txt"), err);
    for (; *names != NULL && status == RF_OK; names++)
        status = want(plan, repo, rf__repo_find(repo, *names), err);
    for (size_t i = 0; i < repo->n && status == RF_OK; i++)
        if (rf__snapshot_is_ranks(repo->files[i].path))
            status = want(plan, repo, &repo->files[i], err);
    return status;
}

rf_status rf__snapshot_plan(const struct repo *repo, const struct snapshot_wish *wish, const char *modules,
                            size_t modules_len, const struct snapshot_here *here, const char *where,
                            struct snapshot_plan *out, rf_error *err)
{
    struct wanting wanting = {repo, out};
    rf_status status = RF_OK;

    *out = (struct snapshot_plan){0};
    for (size_t i = 0; i < N_ROOT_FILES && status == RF_OK; i++)
        status = want(out, repo, rf__repo_find(repo, root_files[i].path), err);
    if (status == RF_OK)
        status = want_tokenizer(out, repo, err);
    if (status == RF_OK && modules != NULL)
        status = each_module(modules, modules_len, want_module, &wanting, err);
    if (status == RF_OK)
        status = choose_model(repo, wish, modules, modules_len, here, where, out, err);
    if (status != RF_OK)
        rf__snapshot_plan_release(out);
    return status;
}

/* ---- What a cache has ----------------------------------------------------------------------------------------- */

struct inspection {
    struct cache_view view;
    const struct repo *repo; /* files of the snapshot */
    struct buf unknown;
};

/* Without a listing of the repository: notes a file that is neither here nor known to be absent. */
static rf_status settle(struct inspection *inspection, const char *path, rf_error *err)
{
    if (rf__repo_find(inspection->repo, path) != NULL || rf__cache_is_absent(&inspection->view, path))
        return RF_OK;
    return rf__buf_printf(&inspection->unknown, err, "%s%s", inspection->unknown.len > 0 ? ", " : "", path);
}

static rf_status settle_module(void *user, const char *path, const char *type, rf_error *err)
{
    char *config;
    rf_status status;

    if (rf__ends_with(type, ".Normalize")) /* it has no configuration */
        return RF_OK;
    config = rf__path_join(path, "config.json");
    if (config == NULL)
        return rf__fail_memory(err);
    status = settle(user, config, err);
    rf__free(config);
    return status;
}

static bool has_tokenizer(const struct repo *repo)
{
    for (const char *const *name = rf__snapshot_tokenizers; *name != NULL; name++)
        if (rf__repo_find(repo, *name) != NULL)
            return true;
    for (size_t i = 0; i < repo->n; i++)
        if (rf__snapshot_is_ranks(repo->files[i].path))
            return true;
    return false;
}

static rf_status settle_all(struct inspection *inspection, const struct buf *modules, rf_error *err)
{
    rf_status status = RF_OK;

    for (size_t i = 0; i < N_ROOT_FILES && status == RF_OK; i++) {
        if (root_files[i].matters)
            status = settle(inspection, root_files[i].path, err);
    }
    if (status == RF_OK && !has_tokenizer(inspection->repo))
        status = rf__buf_printf(&inspection->unknown, err, "%stokenizer.json", inspection->unknown.len > 0 ? ", " : "");
    else if (status == RF_OK)
        status = settle(inspection, "tokenizer.json", err);
    if (status == RF_OK && modules->data != NULL)
        status = each_module(modules->data, modules->len, settle_module, inspection, err);
    return status;
}

/* The text of the snapshot's modules.json; empty when there is none. */
static rf_status read_modules(const char *directory, struct buf *out, rf_error *err)
{
    char *path = rf__path_join(directory, "modules.json");
    rf_status status = RF_OK;

    if (path == NULL)
        return rf__fail_memory(err);
    if (rf__os_is_file(path))
        status = rf__os_read_file(path, out, err);
    rf__free(path);
    return status;
}

/* With the plan made: what state that is. */
static rf_status judge(struct inspection *inspection, const struct snapshot_plan *plan,
                       const struct snapshot_here *here, bool has_tree, const struct buf *modules, struct snapshot *out,
                       rf_error *err)
{
    bool is_whole = true;
    rf_status status = RF_OK;

    for (size_t i = 0; i < plan->n && is_whole; i++)
        is_whole = rf__cache_has_file(&inspection->view, &inspection->repo->files[plan->files[i]]);
    if (is_whole)
        status = is_whole_model(inspection->repo, plan->model, here, &is_whole, err);
    if (status == RF_OK && is_whole && !has_tree)
        status = settle_all(inspection, modules, err);
    if (inspection->view.out_of_memory)
        status = rf__fail_memory(err);
    if (status != RF_OK || !is_whole)
        return status;
    out->is_onnx = plan->is_onnx;
    out->model = rf__strdup(plan->model->path);
    out->state = inspection->unknown.len > 0 ? SNAPSHOT_PROBABLE : SNAPSHOT_COMPLETE;
    out->unknown = rf__buf_detach(&inspection->unknown);
    return out->model == NULL || out->unknown == NULL ? rf__fail_memory(err) : RF_OK;
}

static rf_status inspect_directory(const char *model_folder, const struct snapshot_wish *wish, struct snapshot *out,
                                   rf_error *err)
{
    struct repo repo = {0};
    struct snapshot_plan plan = {0};
    struct inspection inspection = {.view = {model_folder, out->commit, false}, .repo = &repo};
    const struct snapshot_here here = {out->directory, rf__cache_has_file, &inspection.view};
    struct buf modules;
    rf_error why = {RF_OK, ""};
    bool has_tree;
    rf_status status;

    rf__buf_init(&inspection.unknown, (size_t)1 << 20);
    rf__buf_init(&modules, MAX_MODULES_JSON);
    status = rf__cache_read_tree(model_folder, out->commit, &repo, NULL);
    has_tree = status == RF_OK;
    if (status == RF_NOT_FOUND)
        status = rf__repo_read_folder(out->directory, &repo, &why);
    if (status == RF_OK)
        status = read_modules(out->directory, &modules, &why);
    if (status == RF_OK)
        status = rf__snapshot_plan(&repo, wish, modules.data, modules.len, &here, "the snapshot", &plan, &why);
    if (status == RF_OK)
        status = judge(&inspection, &plan, &here, has_tree, &modules, out, &why);
    /* What cannot be read or has no model file is not there. */
    if (status == RF_NO_MEMORY)
        rf__fail_memory(err);
    else
        status = RF_OK;
    rf__snapshot_plan_release(&plan);
    rf__repo_release(&repo);
    rf__buf_release(&modules);
    rf__buf_release(&inspection.unknown);
    return status;
}

rf_status rf__snapshot_inspect(const char *model_folder, const char *revision, const struct snapshot_wish *wish,
                               struct snapshot *out, rf_error *err)
{
    rf_status status;

    *out = (struct snapshot){0};
    status = rf__cache_read_ref(model_folder, revision, out->commit, err);
    if (status != RF_OK || out->commit[0] == '\0')
        return status;
    out->directory = rf__cache_snapshot(model_folder, out->commit);
    if (out->directory == NULL)
        return rf__fail_memory(err);
    if (!rf__os_is_directory(out->directory)) {
        rf__snapshot_release(out);
        return RF_OK;
    }
    out->state = SNAPSHOT_PARTIAL;
    status = inspect_directory(model_folder, wish, out, err);
    if (status != RF_OK)
        rf__snapshot_release(out);
    return status;
}

void rf__snapshot_release(struct snapshot *snapshot)
{
    rf__free(snapshot->directory);
    rf__free(snapshot->model);
    rf__free(snapshot->unknown);
    *snapshot = (struct snapshot){0};
}
