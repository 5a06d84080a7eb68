/* resume: see resume.h. */
#include "resume.h"

#include "base/fnv.h"
#include "base/json.h"
#include "base/mem.h"
#include "os/os.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>

#define NOTE_NS        5000000000u /* between two notes */
#define NOTE_MAX_BYTES ((size_t)64 << 10)
#define MAX_COUNT      ((uint64_t)INT64_MAX)

struct resume {
    char *path, *partial, *note, *lock_path;
    struct os_lock *lock;
    struct output *output;
    char *plan;             /* as one text; of the earlier run until it is checked, NULL where there was none */
    struct input_mark mark; /* what is done */
    uint64_t n_truncated, n_bytes;
    uint64_t begun_texts;           /* done by earlier runs */
    uint64_t noted_texts, noted_ns; /* what the note tells of, and when it was written */
};

static void free_resume(struct resume *resume)
{
    if (resume->lock != NULL)
        (void)rf__os_remove(resume->lock_path, NULL);
    rf__os_unlock(resume->lock);
    rf__free(resume->path);
    rf__free(resume->partial);
    rf__free(resume->note);
    rf__free(resume->lock_path);
    rf__free(resume->plan);
    rf__free(resume);
}

/* ---- The note ------------------------------------------------------------------------------------------------ */

static rf_status read_counts(struct resume *resume, const struct json *json, rf_error *err)
{
    const struct {
        const char *key;
        uint64_t *to;
    } counts[] = {{"texts", &resume->mark.n_texts},
                  {"lines", &resume->mark.n_lines},
                  {"bytes", &resume->mark.n_bytes},
                  {"truncated", &resume->n_truncated},
                  {"written", &resume->n_bytes}};
    rf_status status = RF_OK;

    for (size_t i = 0; i < sizeof counts / sizeof counts[0] && status == RF_OK; i++)
        status = rf__json_get_u64(json, json->root, counts[i].key, 0, MAX_COUNT, counts[i].to, err);
    return status;
}

static rf_status read_note(struct resume *resume, rf_error *err)
{
    const char *plan, *hash;
    struct json json = {0};
    struct buf text;
    rf_status status;

    rf__buf_init(&text, NOTE_MAX_BYTES);
    status = rf__os_read_file(resume->note, &text, err);
    if (status == RF_OK)
        status = rf__json_parse(&json, text.data != NULL ? text.data : "", text.len, resume->note, err);
    if (status == RF_OK)
        status = read_counts(resume, &json, err);
    if (status == RF_OK)
        status = rf__json_get_str(&json, json.root, "hash", "", &hash, err);
    if (status == RF_OK)
        status = rf__json_get_str(&json, json.root, "plan", "", &plan, err);
    if (status == RF_OK && (strlen(hash) != 16 || plan[0] == '\0' || resume->mark.n_texts == 0))
        status = rf__fail(err, RF_BAD_FORMAT, "%s: is no note of an interrupted run; remove it and %s to begin anew",
                          resume->note, resume->partial);
    if (status == RF_OK) {
        resume->mark.hash = strtoull(hash, NULL, 16);
        resume->begun_texts = resume->noted_texts = resume->mark.n_texts;
        resume->plan = rf__strdup(plan);
        status = resume->plan == NULL ? rf__fail_memory(err) : RF_OK;
    }
    rf__json_release(&json);
    rf__buf_release(&text);
    return status;
}

static rf_status write_note(struct resume *resume, rf_error *err)
{
    const struct input_mark *mark = &resume->mark;
    struct buf text;
    rf_status status = rf__output_sync(resume->output, err);

    if (status != RF_OK)
        return status;
    rf__buf_init(&text, NOTE_MAX_BYTES);
    status = rf__buf_printf(&text, err,
                            "{\"texts\": %llu, \"lines\": %llu, \"bytes\": %llu, \"hash\": \"%016llx\", "
                            "\"truncated\": %llu, \"written\": %llu, \"plan\": ",
                            (unsigned long long)mark->n_texts, (unsigned long long)mark->n_lines,
                            (unsigned long long)mark->n_bytes, (unsigned long long)mark->hash,
                            (unsigned long long)resume->n_truncated, (unsigned long long)resume->n_bytes);
    if (status == RF_OK)
        status = rf__buf_append_json(&text, resume->plan, strlen(resume->plan), err);
    if (status == RF_OK)
        status = rf__buf_append_str(&text, "}\n", err);
    if (status == RF_OK)
        status = rf__os_write_file(resume->note, text.data, text.len, err);
    rf__buf_release(&text);
    resume->noted_ns = rf__os_now_ns();
    if (status == RF_OK)
        resume->noted_texts = mark->n_texts;
    return status;
}

/* ---- Opening ------------------------------------------------------------------------------------------------- */

static bool do_not_wait(void *user)
{
    (void)user;
    return false;
}

static rf_status take_lock(struct resume *resume, rf_error *err)
{
    rf_status status = rf__os_lock(resume->lock_path, do_not_wait, NULL, &resume->lock, err);

    if (status == RF_CANCELLED)
        return rf__fail(err, RF_IO, "%s: another process is writing it", resume->path);
    return status;
}

static rf_status open_output(struct resume *resume, struct output *output, rf_error *err)
{
    rf_status status = RF_OK;

    if (rf__os_is_file(resume->note) && rf__os_is_file(resume->partial))
        status = read_note(resume, err);
    if (status == RF_OK)
        status = rf__output_resume(output, resume->path, resume->partial, resume->n_bytes, err);
    if (status == RF_OK)
        resume->output = output;
    return status;
}

rf_status rf__resume_open(const char *path, struct output *output, struct resume **out, rf_error *err)
{
    struct resume *resume = rf__calloc(1, sizeof *resume);
    rf_status status;

    if (resume == NULL)
        return rf__fail_memory(err);
    resume->path = rf__strdup(path);
    resume->partial = rf__format("%s.partial", path);
    resume->note = rf__format("%s.partial.json", path);
    resume->lock_path = rf__format("%s.partial.lock", path);
    resume->noted_ns = rf__os_now_ns();
    if (resume->path == NULL || resume->partial == NULL || resume->note == NULL || resume->lock_path == NULL)
        status = rf__fail_memory(err);
    else
        status = take_lock(resume, err);
    if (status == RF_OK)
        status = open_output(resume, output, err);
    if (status != RF_OK) {
        free_resume(resume);
        return status;
    }
    *out = resume;
    return RF_OK;
}

/* ---- Going on ------------------------------------------------------------------------------------------------ */

rf_status rf__resume_check(struct resume *resume, const struct resume_plan *plan, struct input *input, rf_error *err)
{
    char form[RF_FORM_TEXT], count[RF_SIZE_TEXT];
    const uint64_t ranges = rf__fnv_add(RF_FNV_BEGIN, plan->ranges, plan->n_ranges * sizeof *plan->ranges);
    char *text = rf__format("%s\n%s\n%d %d %016llx\n%s", plan->fingerprint, plan->model, plan->format, plan->type,
                            (unsigned long long)ranges, rf__input_form(input, form));
    rf_status status;
    rf_error line;

    if (text == NULL)
        return rf__fail_memory(err);
    if (resume->plan == NULL) {
        resume->plan = text;
        return RF_OK;
    }
    if (strcmp(text, resume->plan) != 0)
        status =
            rf__fail(err, RF_INVALID_ARGUMENT,
                     "%s: was begun with another model, other options, or by another version or processor; run it as "
                     "it was run then, or remove it to begin anew",
                     resume->partial);
    else
        status = rf__input_skip(input, &resume->mark, err);
    rf__free(text);
    if (status == RF_BAD_FORMAT)
        return rf__fail_prefix(err, status, "%s: cannot go on; remove it to begin anew", resume->partial);
    if (status != RF_OK)
        return status;
    rf__fail(&line, RF_IO, "%s: goes on after %s texts", resume->path, rf__count_text(resume->mark.n_texts, count));
    rf__say_log(NULL, RF_LOG_INFO, line.message);
    return RF_OK;
}

uint64_t rf__resume_n_texts(const struct resume *resume)
{
    return resume->mark.n_texts;
}

uint64_t rf__resume_n_truncated(const struct resume *resume)
{
    return resume->n_truncated;
}

rf_status rf__resume_step(struct resume *resume, const struct chunk *chunk, const struct vector_rows *rows,
                          rf_error *err)
{
    rf_status status = rf__output_status(resume->output, err);

    if (status != RF_OK)
        return status;
    resume->mark = chunk->end;
    resume->n_bytes = rf__output_size(resume->output);
    for (size_t i = 0; i < rows->n; i++)
        resume->n_truncated += rows->truncated[i];
    return rf__os_now_ns() - resume->noted_ns < NOTE_NS ? RF_OK : write_note(resume, err);
}

/* ---- Closing ------------------------------------------------------------------------------------------------- */

static void forget(const struct resume *resume)
{
    (void)rf__os_remove(resume->note, NULL);
    (void)rf__os_remove(resume->partial, NULL); /* in its place already, or empty */
}

rf_status rf__resume_close(struct resume *resume, rf_status status, rf_error *err)
{
    const bool failed = status != RF_OK;
    char count[RF_SIZE_TEXT];

    if (failed && resume->mark.n_texts > resume->noted_texts)
        (void)write_note(resume, NULL);
    status = rf__output_close(resume->output, status, err);
    if (status == RF_OK || resume->noted_texts == 0)
        forget(resume);
    else if (resume->noted_texts > resume->begun_texts || status == RF_CANCELLED)
        rf__say_warning("%s texts are done and kept in %s; the same command goes on from there",
                        rf__count_text(resume->noted_texts, count), resume->partial);
    free_resume(resume);
    return status;
}
