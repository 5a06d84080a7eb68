/* What the hub or a cache says never leads astray: whatever the bytes, a listing is refused or has safe paths in order,
 * each once, and comes back the same through trees/COMMIT.json if it is known in full; a plan over it names files of
 * the listing alone, each once.
 *
 * The input is up to three texts with a line of one '~' between them: a listing as the API gives it, else as a cache
 * keeps it; modules.json; the name of an ONNX file. */
#include "fuzz.h"

#include "base/mem.h"
#include "hub/snapshot.h"

#include <stdlib.h>
#include <string.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_repo(const struct repo *repo)
{
    for (size_t i = 0; i < repo->n; i++) {
        const struct repo_file *file = &repo->files[i];
        must(rf__source_is_safe_path(file->path));
        must(file->etag[0] == '\0' || rf__repo_is_etag(file->etag));
        must(i == 0 || strcmp(repo->files[i - 1].path, file->path) < 0);
        must(rf__repo_find(repo, file->path) == file);
    }
}

static void check_round_trip(const struct repo *repo)
{
    struct buf text;
    struct repo again;

    rf__buf_init(&text, REPO_MAX_JSON);
    must(rf__repo_write_tree(repo, &text, NULL) == RF_OK);
    must(rf__repo_read_tree(text.data, text.len, "again", COMMIT, &again, NULL) == RF_OK);
    must(again.n == repo->n);
    for (size_t i = 0; i < repo->n; i++) {
        must(strcmp(again.files[i].path, repo->files[i].path) == 0);
        must(strcmp(again.files[i].etag, repo->files[i].etag) == 0);
        must(again.files[i].size == repo->files[i].size);
    }
    rf__repo_release(&again);
    rf__buf_release(&text);
}

static bool has_short_name(void *user, const struct repo_file *file)
{
    (void)user;
    return strlen(file->path) % 2 == 0;
}

static void check_plan(const struct repo *repo, const char *modules, size_t modules_len, const char *onnx_file)
{
    for (int i = 0; i < 4; i++) {
        const struct snapshot_wish wish = {i == 3 ? onnx_file : NULL, i == 1, i == 2};
        const struct snapshot_here here = {NULL, i == 2 ? has_short_name : NULL, NULL};
        struct snapshot_plan plan;
        if (rf__snapshot_plan(repo, &wish, modules, modules_len, &here, "here", &plan, NULL) != RF_OK)
            continue;
        must(plan.model >= repo->files && plan.model < repo->files + repo->n);
        for (size_t k = 0; k < plan.n; k++) {
            must(plan.files[k] < repo->n);
            for (size_t j = 0; j < k; j++)
                must(plan.files[j] != plan.files[k]);
        }
        rf__snapshot_plan_release(&plan);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = rf__strndup((const char *)data, size), *parts[3] = {text, NULL, NULL};
    size_t lens[3] = {size, 0, 0};
    struct repo repo;

    for (int i = 0; i < 2 && parts[i] != NULL; i++) {
        char *gap = strstr(parts[i], "\n~\n");
        if (gap == NULL)
            break;
        parts[i + 1] = gap + 3;
        lens[i + 1] = lens[i] - (size_t)(gap + 3 - parts[i]);
        lens[i] = (size_t)(gap - parts[i]);
        *gap = '\0';
    }
    if (rf__repo_read_api(parts[0], lens[0], "api", &repo, NULL) == RF_OK ||
        rf__repo_read_tree(parts[0], lens[0], "tree", COMMIT, &repo, NULL) == RF_OK) {
        check_repo(&repo);
        if (rf__repo_is_known(&repo))
            check_round_trip(&repo);
        check_plan(&repo, parts[1], lens[1], parts[2] != NULL ? parts[2] : "model.onnx");
        rf__repo_release(&repo);
    }
    rf__free(text);
    return 0;
}
