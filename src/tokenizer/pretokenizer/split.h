/*
 * split: from the matches of a pattern to pieces, as `tokenizers` has it (NormalizedString::split). A text is a row of
 * parts, each a match or what lies between two of them; the behavior says what becomes of them:
 *
 *     the-final--countdown, split at "-"
 *     Removed               the | final | countdown
 *     Isolated              the | - | final | - | - | countdown
 *     Contiguous            the | - | final | -- | countdown
 *     MergedWithPrevious    the- | final- | - | countdown
 *     MergedWithNext        the | -final | - | -countdown
 */
#ifndef RF_TOKENIZER_SPLIT_H
#define RF_TOKENIZER_SPLIT_H

#include "tokenizer/stages.h"

enum split_behavior {
    SPLIT_REMOVED,
    SPLIT_ISOLATED,
    SPLIT_CONTIGUOUS,
    SPLIT_MERGED_WITH_PREVIOUS,
    SPLIT_MERGED_WITH_NEXT
};

/* Reads the key "behavior"; `is_needed`: RF_BAD_FORMAT when it is missing, else *out stays. */
rf_status rf__split_behavior_read(const struct stage_source *source, const char *kind, bool is_needed,
                                  enum split_behavior *out, rf_error *err);

/* Takes the parts of one text, from left to right. Begin it anew for each text. */
struct splitter {
    struct pieces *out;
    enum split_behavior behavior;
    bool invert;       /* what lies between the matches counts as the matches */
    bool last_matched; /* the part before this one was a match */
    bool is_waiting;
    struct span waiting; /* may still grow */
};

static inline struct splitter rf__splitter(struct pieces *out, enum split_behavior behavior, bool invert)
{
    return (struct splitter){.out = out, .behavior = behavior, .invert = invert};
}

/* A match and what lies between it and the last one, which ended at *done. */
rf_status rf__splitter_match(struct splitter *splitter, size_t *done, size_t begin, size_t end, rf_error *err);
/* What lies behind the last match. */
rf_status rf__splitter_rest(struct splitter *splitter, size_t done, size_t end, rf_error *err);

/* Appends a piece, unless it is empty. */
static inline rf_status rf__pieces_push(struct pieces *out, size_t begin, size_t end, rf_error *err)
{
    if (begin == end)
        return RF_OK;
    if (out->n == out->cap) {
        rf_status status = rf__pieces_reserve(out, 1, err);
        if (status != RF_OK)
            return status;
    }
    out->items[out->n++] = (struct span){begin, end};
    return RF_OK;
}

/* ---- What descriptions must say: RF_BAD_FORMAT where it is missing ----------------------------------------------- */

rf_status rf__stage_need_bool(const struct stage_source *source, const char *kind, const char *key, bool *out,
                              rf_error *err);
/* A string of one character. */
rf_status rf__stage_need_char(const struct stage_source *source, const char *kind, const char *key, uint32_t *out,
                              rf_error *err);

#endif
