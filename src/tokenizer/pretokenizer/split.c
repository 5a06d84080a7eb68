/* split: the behaviors. */
#include "tokenizer/pretokenizer/split.h"

#include "base/utf8.h"

#include <string.h>

/* ---- Descriptions ------------------------------------------------------------------------------------------------ */

static rf_status fail_missing(const struct stage_source *source, const char *kind, const char *key, rf_error *err)
{
    return rf__fail(err, RF_BAD_FORMAT, "%s: pre_tokenizer '%s' has no '%s'", source->json->name, kind, key);
}

rf_status rf__stage_need_bool(const struct stage_source *source, const char *kind, const char *key, bool *out,
                              rf_error *err)
{
    if (yyjson_obj_get(source->value, key) == NULL)
        return fail_missing(source, kind, key, err);
    return rf__json_get_bool(source->json, source->value, key, false, out, err);
}

rf_status rf__stage_need_char(const struct stage_source *source, const char *kind, const char *key, uint32_t *out,
                              rf_error *err)
{
    yyjson_val *value = yyjson_obj_get(source->value, key);
    size_t len = yyjson_get_len(value);

    if (value == NULL)
        return fail_missing(source, kind, key, err);
    if (!yyjson_is_str(value) || len == 0 || rf__utf8_decode(yyjson_get_str(value), len, out) != len)
        return rf__fail(err, RF_BAD_FORMAT, "%s: pre_tokenizer '%s': '%s' must be a string of one character",
                        source->json->name, kind, key);
    return RF_OK;
}

/* ---- Behaviors -------------------------------------------------------------------------------------------------- */

rf_status rf__split_behavior_read(const struct stage_source *source, const char *kind, bool is_needed,
                                  enum split_behavior *out, rf_error *err)
{
    static const char *const names[] = {"Removed", "Isolated", "Contiguous", "MergedWithPrevious", "MergedWithNext"};
    const char *name;
    rf_status status = rf__json_get_str(source->json, source->value, "behavior", NULL, &name, err);

    if (status != RF_OK)
        return status;
    if (name == NULL && !is_needed)
        return RF_OK;
    for (size_t i = 0; name != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (enum split_behavior)i;
            return RF_OK;
        }
    }
    if (name == NULL)
        return fail_missing(source, kind, "behavior", err);
    return rf__fail(err, RF_BAD_FORMAT, "%s: pre_tokenizer '%s' has the unknown behavior '%s'", source->json->name,
                    kind, name);
}

/* What waits is complete. */
static rf_status flush(struct splitter *splitter, rf_error *err)
{
    if (!splitter->is_waiting)
        return RF_OK;
    splitter->is_waiting = false;
    return rf__pieces_push(splitter->out, splitter->waiting.begin, splitter->waiting.end, err);
}

/* The part joins what waits, or waits in its place. */
static rf_status wait(struct splitter *splitter, size_t begin, size_t end, bool joins, rf_error *err)
{
    rf_status status;

    if (joins && splitter->is_waiting) {
        splitter->waiting.end = end;
        return RF_OK;
    }
    status = flush(splitter, err);
    splitter->waiting = (struct span){begin, end};
    splitter->is_waiting = true;
    return status;
}

/* The next part; an empty match is one too. */
static rf_status put_part(struct splitter *splitter, size_t begin, size_t end, bool is_match, rf_error *err)
{
    bool last = splitter->last_matched;

    is_match ^= splitter->invert;
    splitter->last_matched = is_match;
    switch (splitter->behavior) {
    case SPLIT_REMOVED:
        return is_match ? RF_OK : rf__pieces_push(splitter->out, begin, end, err);
    case SPLIT_ISOLATED:
        break;
    case SPLIT_CONTIGUOUS:
        return wait(splitter, begin, end, is_match == last, err);
    case SPLIT_MERGED_WITH_PREVIOUS:
        return wait(splitter, begin, end, is_match && !last, err);
    case SPLIT_MERGED_WITH_NEXT:
        return wait(splitter, begin, end, !is_match && last, err);
    }
    return rf__pieces_push(splitter->out, begin, end, err);
}

rf_status rf__splitter_match(struct splitter *splitter, size_t *done, size_t begin, size_t end, rf_error *err)
{
    rf_status status = RF_OK;

    if (*done < begin)
        status = put_part(splitter, *done, begin, false, err);
    if (status == RF_OK)
        status = put_part(splitter, begin, end, true, err);
    *done = end;
    return status;
}

rf_status rf__splitter_rest(struct splitter *splitter, size_t done, size_t end, rf_error *err)
{
    rf_status status = RF_OK;

    if (done < end)
        status = put_part(splitter, done, end, false, err);
    return status != RF_OK ? status : flush(splitter, err);
}
