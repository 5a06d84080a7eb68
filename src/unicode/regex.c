/*
 * regex: Oniguruma behind the contract of regex.h.
 *
 * The ceiling. A search is first tried with few steps back and a small stack (FIRST_STEPS), which nearly every search
 * is content with; that is at most so much for each match, hence linear. One that needs more is repeated with
 * STEPS_GROWTH times as much, and pays for it out of the text's budget, which is in proportion to its length. Rounds of
 * loops are paid for one by one (regex_loops.h). So all matches of a text together take steps in proportion to it.
 */
#include "unicode/regex.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "os/os.h"
#include "unicode/regex_encoding.h"
#include "unicode/regex_loops.h"

#include <assert.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define FIRST_STEPS    1024u
#define STEPS_GROWTH   8u
#define BUDGET_MIN     (UINT64_C(4) << 20)
#define BUDGET_BY_BYTE 512u
#define MAX_STACK      (8u << 20) /* entries, of some 24 bytes */
#define SHOWN_BYTES    120        /* of a pattern in a message */

struct regex {
    regex_t *onig;
    char *pattern; /* for messages */
    int shown;     /* bytes of it */
};

struct regex_finder {
    const struct regex *regex;
    OnigMatchParam *param;
    OnigRegion *region;
    uint32_t steps; /* that `param` allows now */
    const char *text;
    size_t len;
    size_t at;       /* the next search begins here */
    size_t last_end; /* of the last match; SIZE_MAX: none yet */
    struct regex_budget *budget, own;
};

/* ---- Compiling ------------------------------------------------------------------------------------------------- */

/* onig_initialize() must have run once, and onig_new() is not made for several threads. */
static atomic_flag compiling = ATOMIC_FLAG_INIT;

static void lock(void)
{
    while (atomic_flag_test_and_set(&compiling))
        rf__os_sleep_ms(1);
}

static void unlock(void)
{
    atomic_flag_clear(&compiling);
}

static int compile(const char *pattern, size_t len, unsigned int max_depth, regex_t **out, OnigErrorInfo *info)
{
    static bool is_initialized;
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    const OnigUChar *begin = (const OnigUChar *)pattern;
    unsigned int depth;
    int result = ONIG_NORMAL;

    lock();
    if (!is_initialized)
        result = onig_initialize(encodings, 1);
    is_initialized = result == ONIG_NORMAL;
    if (result == ONIG_NORMAL) {
        depth = onig_get_parse_depth_limit();
        onig_set_parse_depth_limit(max_depth);
        result = onig_new(out, begin, begin + len, ONIG_OPTION_NONE, rf__regex_encoding(), ONIG_SYNTAX_ONIGURUMA, info);
        onig_set_parse_depth_limit(depth);
    }
    unlock();
    return result;
}

/* How much of a pattern a message shows: whole characters. */
static int shown_bytes(const char *pattern, size_t len)
{
    size_t n = len;

    if (n > SHOWN_BYTES)
        for (n = SHOWN_BYTES; n > 0 && ((uint8_t)pattern[n] & 0xC0) == 0x80; n--)
            ;
    return (int)n;
}

static rf_status fail_compile(int code, OnigErrorInfo *info, const struct regex *regex, rf_error *err)
{
    OnigUChar reason[ONIG_MAX_ERROR_MESSAGE_LEN + 1] = {0};
    bool is_limit = code == ONIGERR_PARSE_DEPTH_LIMIT_OVER || code == ONIGERR_TOO_BIG_NUMBER_FOR_REPEAT_RANGE ||
                    code == ONIGERR_TOO_MANY_CAPTURES;

    if (code == ONIGERR_MEMORY)
        return rf__fail_memory(err);
    onig_error_code_to_str(reason, code, info);
    return rf__fail(err, is_limit ? RF_UNSUPPORTED : RF_BAD_FORMAT, "regular expression '%.*s': %s", regex->shown,
                    regex->pattern, (const char *)reason);
}

/* Puts a pattern in the place of the compiled one, the same but that its loops are counted. */
static rf_status count_loops(struct regex *regex, size_t len, rf_error *err)
{
    OnigErrorInfo info = {0};
    regex_t *counted;
    struct buf marked;
    size_t n_loops;
    rf_status status;
    int code;

    rf__buf_init(&marked, (size_t)16 * RF_REGEX_MAX_BYTES);
    status = rf__regex_mark_loops(regex->pattern, len, &marked, &n_loops, err);
    if (status == RF_UNSUPPORTED)
        (void)rf__fail_prefix(err, status, "regular expression '%.*s'", regex->shown, regex->pattern);
    if (status == RF_OK && n_loops > 0) {
        code = compile(marked.data, marked.len, 3 * RF_REGEX_MAX_DEPTH, &counted, &info);
        if (code == ONIG_NORMAL) {
            onig_free(regex->onig);
            regex->onig = counted;
        } else {
            status = fail_compile(code, &info, regex, err);
        }
    }
    rf__buf_release(&marked);
    return status;
}

rf_status rf__regex_new(const char *pattern, size_t len, struct regex **out, rf_error *err)
{
    OnigErrorInfo info = {0};
    struct regex *regex;
    rf_status status;
    int code;

    if (len > RF_REGEX_MAX_BYTES)
        return rf__fail(err, RF_UNSUPPORTED, "regular expression '%.*s' is longer than %d bytes",
                        shown_bytes(pattern, len), pattern, RF_REGEX_MAX_BYTES);
    if (!rf__utf8_valid(pattern, len))
        return rf__fail(err, RF_BAD_FORMAT, "regular expression '%.*s' is no UTF-8", shown_bytes(pattern, len),
                        pattern);
    regex = rf__calloc(1, sizeof *regex);
    if (regex == NULL || (regex->pattern = rf__strndup(pattern, len)) == NULL) {
        rf__free(regex);
        return rf__fail_memory(err);
    }
    regex->shown = shown_bytes(pattern, len);
    code = compile(pattern, len, RF_REGEX_MAX_DEPTH, &regex->onig, &info);
    if (code == ONIG_NORMAL) {
        status = count_loops(regex, len, err);
    } else {
        regex->onig = NULL;
        status = fail_compile(code, &info, regex, err);
    }
    if (status == RF_OK)
        *out = regex;
    else
        rf__regex_free(regex);
    return status;
}

void rf__regex_free(struct regex *regex)
{
    if (regex == NULL)
        return;
    onig_free(regex->onig);
    rf__free(regex->pattern);
    rf__free(regex);
}

/* ---- Searching ------------------------------------------------------------------------------------------------- */

static uint64_t left(const struct regex_budget *budget)
{
    return BUDGET_MIN + budget->allowed - budget->taken;
}

/* One round of a loop begins. */
static int count_round(OnigCalloutArgs *args, void *user)
{
    struct regex_budget *budget = ((struct regex_finder *)user)->budget;

    (void)args;
    if (left(budget) == 0)
        return ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER;
    budget->taken++;
    return ONIG_CALLOUT_SUCCESS;
}

static void allow(struct regex_finder *finder, uint32_t steps)
{
    if (steps == finder->steps)
        return;
    finder->steps = steps;
    onig_set_retry_limit_in_match_of_match_param(finder->param, steps);
    onig_set_retry_limit_in_search_of_match_param(finder->param, steps);
    onig_set_match_stack_limit_size_of_match_param(finder->param, steps < MAX_STACK ? steps : MAX_STACK);
}

rf_status rf__regex_finder_new(const struct regex *regex, struct regex_finder **out, rf_error *err)
{
    struct regex_finder *finder = rf__calloc(1, sizeof *finder);

    if (finder == NULL)
        return rf__fail_memory(err);
    finder->regex = regex;
    finder->param = onig_new_match_param();
    finder->region = onig_region_new();
    if (finder->param == NULL || finder->region == NULL) {
        rf__regex_finder_free(finder);
        return rf__fail_memory(err);
    }
    onig_initialize_match_param(finder->param);
    onig_set_progress_callout_of_match_param(finder->param, count_round);
    onig_set_callout_user_data_of_match_param(finder->param, finder);
    allow(finder, FIRST_STEPS);
    *out = finder;
    return RF_OK;
}

void rf__regex_finder_free(struct regex_finder *finder)
{
    if (finder == NULL)
        return;
    if (finder->param != NULL)
        onig_free_match_param(finder->param);
    if (finder->region != NULL)
        onig_region_free(finder->region, 1);
    rf__free(finder);
}

rf_status rf__regex_finder_start(struct regex_finder *finder, const char *text, size_t len, struct regex_budget *budget,
                                 rf_error *err)
{
    if (len >= INT_MAX)
        return rf__fail(err, RF_UNSUPPORTED, "regular expression '%.*s': a text of 2 GiB or more", finder->regex->shown,
                        finder->regex->pattern);
    finder->text = text;
    finder->len = len;
    finder->at = 0;
    finder->last_end = SIZE_MAX;
    finder->budget = budget == NULL ? &finder->own : budget;
    finder->budget->allowed += (uint64_t)BUDGET_BY_BYTE * len;
    return RF_OK;
}

static bool is_ceiling(int code)
{
    return code == ONIGERR_MATCH_STACK_LIMIT_OVER || code == ONIGERR_RETRY_LIMIT_IN_MATCH_OVER ||
           code == ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER;
}

static rf_status fail_search(const struct regex_finder *finder, int code, rf_error *err)
{
    OnigUChar reason[ONIG_MAX_ERROR_MESSAGE_LEN + 1] = {0};

    if (code == ONIGERR_MEMORY)
        return rf__fail_memory(err);
    onig_error_code_to_str(reason, code);
    return rf__fail(err, RF_UNSUPPORTED, "regular expression '%.*s' takes too long on a text of %zu bytes: %s",
                    finder->regex->shown, finder->regex->pattern, finder->len, (const char *)reason);
}

/* The first match at or behind finder->at, in finder->region. */
static rf_status search(struct regex_finder *finder, bool *found, rf_error *err)
{
    const OnigUChar *begin = (const OnigUChar *)finder->text, *end = begin + finder->len;
    uint64_t steps = FIRST_STEPS;
    int code;

    for (;;) {
        allow(finder, (uint32_t)steps);
        code = onig_search_with_param(finder->regex->onig, begin, end, begin + finder->at, end, finder->region,
                                      ONIG_OPTION_NONE, finder->param);
        *found = code >= 0;
        if (code >= 0 || code == ONIG_MISMATCH)
            return RF_OK;
        steps *= STEPS_GROWTH;
        if (!is_ceiling(code) || steps > left(finder->budget) || steps > UINT32_MAX)
            return fail_search(finder, code, err);
        finder->budget->taken += steps;
    }
}

rf_status rf__regex_finder_next(struct regex_finder *finder, struct regex_match *match, bool *found, rf_error *err)
{
    *found = false;
    while (finder->at <= finder->len) {
        rf_status status = search(finder, found, err);
        uint32_t c;
        if (status != RF_OK || !*found)
            return status;
        *match = (struct regex_match){(size_t)finder->region->beg[0], (size_t)finder->region->end[0]};
        assert(match->begin <= match->end && match->end <= finder->len);
        if (match->begin < match->end || match->end != finder->last_end) {
            finder->at = finder->last_end = match->end;
            return RF_OK;
        }
        /* Empty, at the end of the last one: on from the next character. */
        *found = false;
        finder->at +=
            finder->at < finder->len ? rf__utf8_decode(finder->text + finder->at, finder->len - finder->at, &c) : 1;
    }
    return RF_OK;
}
