/*
 * bring: see bring.h. The files that are missing wait in a line, the largest first, so that the small ones arrive
 * beside it; each thread takes the next and has a connection of its own.
 */
#include "hub/bring.h"

#include "base/mem.h"
#include "hub/blob_cache.h"
#include "os/os.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 5 /* between two looks at the helpers */

struct line {
    struct download *download;
    struct repo *repo;
    struct repo_file **files;
    size_t n;
    rf_status (*fn)(struct download *download, struct repo *repo, struct repo_file *file, rf_error *err);
    _Atomic size_t next;
    _Atomic size_t n_helpers; /* at work beside worker 0 */
    struct os_mutex *mutex;   /* for what follows */
    rf_status status;         /* of the first that failed */
    rf_error why;
};

static void note_failure(struct line *line, rf_status status, const rf_error *why)
{
    rf__os_mutex_lock(line->mutex);
    if (line->status == RF_OK) {
        line->status = status;
        line->why = *why;
    }
    rf__os_mutex_unlock(line->mutex);
    rf__tally_stop(line->download->tally);
}

static void take_next(struct line *line, struct download *download)
{
    rf_status status = RF_OK;
    size_t i;

    while (status == RF_OK && (i = atomic_fetch_add(&line->next, 1)) < line->n) {
        rf_error why = {RF_OK, ""};
        status = line->fn(download, line->repo, line->files[i], &why);
        if (status != RF_OK)
            note_failure(line, status, &why);
    }
}

/* Tells progress until the helpers have done what they took. */
static void wait_for_helpers(struct line *line)
{
    rf_error why = {RF_OK, ""};
    rf_status status = RF_OK;

    while (atomic_load(&line->n_helpers) > 0 && status == RF_OK) {
        rf__os_sleep_ms(WAIT_MS);
        status = rf__download_report(line->download, false, &why);
    }
    if (status != RF_OK)
        note_failure(line, status, &why);
}

/* Worker 0 is the calling thread, on the connection that is open already. A helper that gets none leaves the work to
 * the others. */
static void work(void *arg, size_t worker)
{
    struct line *line = arg;
    struct download own = *line->download;

    if (worker == 0) {
        take_next(line, line->download);
        wait_for_helpers(line);
        return;
    }
    atomic_fetch_add(&line->n_helpers, 1);
    own.is_helper = true;
    if (rf__download_open(&own, NULL) == RF_OK) {
        take_next(line, &own);
        rf__download_close(&own);
    }
    atomic_fetch_sub(&line->n_helpers, 1);
}

static rf_status work_off(struct line *line, rf_error *err)
{
    if (line->n == 0)
        return RF_OK;
    line->status = RF_OK;
    line->mutex = rf__os_mutex_new();
    if (line->mutex == NULL)
        return rf__fail_memory(err);
    atomic_init(&line->next, 0);
    atomic_init(&line->n_helpers, 0);
    rf__os_parallel(line->n < BRING_AT_ONCE ? line->n : BRING_AT_ONCE, work, line);
    rf__os_mutex_free(line->mutex);
    return line->status == RF_OK ? RF_OK : rf__fail(err, line->status, "%s", line->why.message);
}

/* ---- What is asked for each file ------------------------------------------------------------------------------ */

static rf_status ask(struct download *download, struct repo *repo, struct repo_file *file, rf_error *err)
{
    return rf__download_head(download, repo->commit, file, err);
}

static rf_status bring(struct download *download, struct repo *repo, struct repo_file *file, rf_error *err)
{
    return rf__download_file(download, repo->commit, file, err);
}

static bool is_unknown(const struct repo_file *file)
{
    return file->etag[0] == '\0' || file->size == REPO_UNKNOWN_SIZE;
}

/* Sizes that the listing did not have, so that the total is known. */
static rf_status ask_sizes(struct line *line, const size_t *files, size_t n, uint64_t *total, rf_error *err)
{
    rf_status status;

    line->n = 0;
    line->fn = ask;
    for (size_t i = 0; i < n; i++)
        if (is_unknown(&line->repo->files[files[i]]))
            line->files[line->n++] = &line->repo->files[files[i]];
    status = work_off(line, err);
    *total = 0;
    for (size_t i = 0; i < n && status == RF_OK; i++) {
        uint64_t size = line->repo->files[files[i]].size;
        if (size != REPO_UNKNOWN_SIZE && size <= UINT64_MAX - *total)
            *total += size;
    }
    return status;
}

/* ---- The line ------------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    uint64_t x = (*(struct repo_file *const *)a)->size, y = (*(struct repo_file *const *)b)->size;

    return x > y ? -1 : x < y;
}

/* The files that are missing; the others are counted at once. Of those with the same contents the first is in the line,
 * and the others, *n_twins, lie behind it: they need it. */
static rf_status stand_in_line(struct line *line, const size_t *files, size_t n, size_t *n_twins, rf_error *err)
{
    struct cache_view view = {line->download->model_folder, line->repo->commit, false};
    size_t end = n;

    line->n = 0;
    line->fn = bring;
    for (size_t i = 0; i < n; i++) {
        struct repo_file *file = &line->repo->files[files[i]];
        bool has_twin = false;
        if (rf__cache_has_file(&view, file)) {
            rf__tally_move(line->download->tally, 0, file->size != REPO_UNKNOWN_SIZE ? file->size : 0);
            continue;
        }
        for (size_t k = 0; k < line->n && !has_twin; k++)
            has_twin = strcmp(line->files[k]->etag, file->etag) == 0;
        line->files[has_twin ? --end : line->n++] = file;
    }
    *n_twins = n - end;
    if (view.out_of_memory)
        return rf__fail_memory(err);
    if (line->n > 0)
        qsort(line->files, line->n, sizeof *line->files, by_size);
    return RF_OK;
}

static rf_status check_space(const struct line *line, rf_error *err)
{
    const char *cache = line->download->cache;
    uint64_t need = 0, free_bytes;

    for (size_t i = 0; i < line->n; i++) {
        uint64_t missing;
        rf_status status = rf__download_missing(line->download, line->files[i], &missing, err);
        if (status != RF_OK)
            return status;
        need = missing <= UINT64_MAX - need ? need + missing : UINT64_MAX;
    }
    free_bytes = need == 0 ? 0 : rf__os_free_space(cache);
    if (free_bytes >= need)
        return RF_OK;
    return rf__fail(err, RF_IO,
                    "%.1f MB are to be downloaded to %s, where %.1f MB are free. Please ensure that there is room, or "
                    "name another folder with --cache-dir",
                    (double)need / 1e6, cache, (double)free_bytes / 1e6);
}

rf_status rf__bring(struct download *download, struct repo *repo, const size_t *files, size_t n, rf_error *err)
{
    struct line line = {.download = download, .repo = repo};
    uint64_t total = 0;
    size_t n_twins = 0;
    rf_status status;

    if (n == 0)
        return RF_OK;
    line.files = rf__alloc_array(n, sizeof *line.files);
    if (line.files == NULL)
        return rf__fail_memory(err);
    status = ask_sizes(&line, files, n, &total, err);
    if (status == RF_OK) {
        rf__tally_start(download->tally, total);
        status = stand_in_line(&line, files, n, &n_twins, err);
    }
    if (status == RF_OK)
        status = check_space(&line, err);
    if (status == RF_OK)
        status = work_off(&line, err);
    for (size_t i = 0; i < n_twins && status == RF_OK; i++)
        status = bring(download, repo, line.files[n - n_twins + i], err);
    if (status == RF_OK)
        status = rf__download_report(download, true, err);
    rf__free(line.files);
    return status;
}
