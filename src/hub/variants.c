/*
 * variants: the ONNX files of a model directory or repository; see rf_model_variants(). What a file is made for stands
 * in its name, as optimum and sentence-transformers write it:
 *
 *     model.onnx  model_O1.onnx … model_O4.onnx  model_fp16.onnx  model_quantized.onnx  model_q4.onnx
 *     model_qint8_arm64.onnx  model_quint8_avx2.onnx  model_qint8_avx512.onnx  model_qint8_avx512_vnni.onnx
 */
#include "hub/local.h"

#include "base/mem.h"
#include "hub/blob_cache.h"
#include "hub/snapshot.h"
#include "os/os.h"

#include <string.h>

#define MAX_NAME 256

/* Parts of a name and the precision that they tell, the first that fits. */
static const struct {
    const char *part, *precision;
} precisions[] = {
    {"q4f16", "q4 with fp16"}, {"bnb4", "q4"},   {"q4", "q4"},          {"fp16", "fp16"},
    {"float16", "fp16"},       {"bf16", "bf16"}, {"quint8", "int8"},    {"qint8", "int8"},
    {"uint8", "int8"},         {"int8", "int8"}, {"quantized", "int8"}, {"_o4", "fp16"},
};

/* Parts of a name and the instructions that the file is made for, from more to fewer, as rf__os_cpu_features() and
 * rf__os_name() have them.
 */
static const struct {
    const char *part, *feature, *needed; /* as it is told, and as it is asked for */
} machines[] = {
    {"avx512_vnni", "VNNI", "AVX512-VNNI"},
    {"avx512", "AVX-512", "AVX-512F"},
    {"avx2", "AVX2", "AVX2"},
    {"arm64", "arm64", "arm64"},
};

/* The name of a file without folders and ending, in small letters. */
static void base_name(const char *path, char out[MAX_NAME])
{
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1, *dot = strrchr(name, '.');
    size_t len = dot == NULL ? strlen(name) : (size_t)(dot - name);

    if (len >= MAX_NAME)
        len = MAX_NAME - 1;
    for (size_t i = 0; i < len; i++)
        out[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 'a' - 'A') : name[i];
    out[len] = '\0';
}

static const char *precision_of(const char *name)
{
    for (size_t i = 0; i < sizeof precisions / sizeof precisions[0]; i++)
        if (strstr(name, precisions[i].part) != NULL)
            return precisions[i].precision;
    return "fp32";
}

#define N_MACHINES (sizeof machines / sizeof machines[0])

/* The place in `machines` of what a file is made for; N_MACHINES: any machine. */
static size_t machine_of(const char *name)
{
    size_t i = 0;

    while (i < N_MACHINES && strstr(name, machines[i].part) == NULL)
        i++;
    return i;
}

static bool fits(size_t machine)
{
    char features[256];

    rf__os_cpu_features(features, sizeof features);
    return machine == N_MACHINES || strstr(features, machines[machine].needed) != NULL ||
           strstr(rf__os_name(), machines[machine].needed) != NULL;
}

/* The file that makes the most of this machine's instructions; repo->n where none is made for them. */
static size_t propose(const struct repo *repo)
{
    size_t best = repo->n, least = N_MACHINES;

    for (size_t i = 0; i < repo->n; i++) {
        char name[MAX_NAME];
        if (!rf__snapshot_is_onnx(repo->files[i].path))
            continue;
        base_name(repo->files[i].path, name);
        if (machine_of(name) < least && fits(machine_of(name))) {
            least = machine_of(name);
            best = i;
        }
    }
    return best;
}

/* Bytes of a file that is not here, and of what belongs to it by name; 0 where a size is not known. */
static uint64_t size_with_data(const struct repo *repo, const struct repo_file *file)
{
    uint64_t bytes = file->size;

    for (size_t i = 0; i < repo->n && bytes != REPO_UNKNOWN_SIZE; i++) {
        uint64_t size = repo->files[i].size;
        if (rf__snapshot_is_external_data(repo->files[i].path, file->path))
            bytes = size == REPO_UNKNOWN_SIZE || size > UINT64_MAX - bytes ? REPO_UNKNOWN_SIZE : bytes + size;
    }
    return bytes == REPO_UNKNOWN_SIZE ? 0 : bytes;
}

/* What the repository holds: its listing in the cache where the directory is a snapshot, else the directory. */
static rf_status read_listing(const char *directory, struct repo *out, rf_error *err)
{
    const char *last = strrchr(directory, '/');
    char *model_folder = last == NULL ? NULL : rf__format("%.*s/..", (int)(last - directory), directory);
    rf_status status = RF_NOT_FOUND;

    if (last != NULL && model_folder == NULL)
        return rf__fail_memory(err);
    if (last != NULL && rf__source_is_hex(last + 1, SOURCE_COMMIT_LEN))
        status = rf__cache_read_tree(model_folder, last + 1, out, NULL);
    rf__free(model_folder);
    if (status == RF_NO_MEMORY)
        return rf__fail_memory(err);
    return status == RF_OK ? RF_OK : rf__repo_read_folder(directory, out, err);
}

rf_status rf__hub_other_files(const struct model_source *source, struct buf *out, rf_error *err)
{
    const char *chosen = source->onnx_file != NULL ? source->onnx_file : source->weights_file;
    struct repo repo = {0};
    rf_status status = read_listing(source->directory, &repo, err);

    for (size_t i = 0; i < repo.n && status == RF_OK; i++) {
        const char *path = repo.files[i].path;
        size_t len = strlen(chosen), own = strlen(path);
        bool is_chosen =
            len >= own && strcmp(chosen + len - own, path) == 0 && (len == own || chosen[len - own - 1] == '/');
        if (!is_chosen && strrchr(path, '/') == strchr(path, '/') &&
            (rf__snapshot_is_onnx(path) || rf__snapshot_is_weights(path)))
            status = rf__buf_printf(out, err, "%s%s", out->len > 0 ? ", " : "", path);
    }
    rf__repo_release(&repo);
    return status;
}

rf_status rf__hub_variants(const char *directory, rf_variant_fn fn, void *user, rf_error *err)
{
    struct repo repo = {0};
    rf_status status = read_listing(directory, &repo, err);
    size_t proposed = status == RF_OK ? propose(&repo) : 0;
    bool goes_on = true;

    for (size_t i = 0; i < repo.n && status == RF_OK && goes_on; i++) {
        const struct repo_file *file = &repo.files[i];
        char name[MAX_NAME], *path;
        rf_variant variant = {.path = file->path};
        if (!rf__snapshot_is_onnx(file->path))
            continue;
        path = rf__path_join(directory, file->path);
        if (path == NULL) {
            status = rf__fail_memory(err);
            break;
        }
        base_name(file->path, name);
        variant.precision = precision_of(name);
        variant.made_for = machine_of(name) < N_MACHINES ? machines[machine_of(name)].feature : "";
        variant.fits = fits(machine_of(name));
        variant.proposed = i == proposed;
        variant.is_here = rf__os_is_file(path);
        variant.bytes = variant.is_here ? rf__hub_onnx_size(path) : size_with_data(&repo, file);
        goes_on = fn(user, &variant);
        rf__free(path);
    }
    rf__repo_release(&repo);
    return status;
}
