/* added_tokens: see added_tokens.h. */
#include "tokenizer/added_tokens.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>

#define WINDOW  16384 /* bytes searched for one part of plain text */
#define MAX_RUN 1024  /* contents in a row in the hash table; chance gives some tens at most */

/* ---- The tokens --------------------------------------------------------------------------------------------- */

rf_status rf__added_flags_read(const struct json *json, yyjson_val *token, bool is_special, struct added_flags *flags,
                               rf_error *err)
{
    rf_status status = rf__json_get_bool(json, token, "single_word", false, &flags->single_word, err);

    if (status == RF_OK)
        status = rf__json_get_bool(json, token, "lstrip", false, &flags->lstrip, err);
    if (status == RF_OK)
        status = rf__json_get_bool(json, token, "rstrip", false, &flags->rstrip, err);
    flags->special = true;
    if (status == RF_OK && !is_special)
        status = rf__json_get_bool(json, token, "special", false, &flags->special, err);
    if (status == RF_OK)
        status = rf__json_get_bool(json, token, "normalized", !flags->special, &flags->normalized, err);
    return status;
}

rf_status rf__added_tokens_init(struct added_tokens *added, const struct vocabulary *vocabulary, size_t n,
                                rf_error *err)
{
    size_t slots = 16;

    if (n > RF_VOCABULARY_MAX_IDS)
        return rf__fail(err, RF_BAD_FORMAT, "%zu added tokens, expected at most %u", n, RF_VOCABULARY_MAX_IDS);
    while (slots < 2 * n)
        slots *= 2;
    added->next_id = vocabulary->n_pieces;
    added->n_ids = vocabulary->n_pieces + (uint32_t)n;
    if (added->n_ids < vocabulary->n_ids)
        added->n_ids = vocabulary->n_ids;
    added->cap = n;
    added->mask = slots - 1;
    added->items = rf__calloc(n, sizeof *added->items);
    added->by_content = rf__calloc(slots, sizeof *added->by_content);
    added->by_id = rf__calloc(added->n_ids, sizeof *added->by_id);
    if (added->items != NULL && added->by_content != NULL && added->by_id != NULL)
        return RF_OK;
    rf__added_tokens_release(added);
    return rf__fail_memory(err);
}

void rf__added_tokens_release(struct added_tokens *added)
{
    for (size_t i = 0; i < added->n; i++) {
        rf__free(added->items[i].content);
        rf__free(added->items[i].normal);
    }
    rf__free(added->items);
    rf__free(added->by_content);
    rf__free(added->by_id);
    rf__free(added->raw.items);
    rf__free(added->normalized.items);
    *added = (struct added_tokens){0};
}

static bool is_content(const struct added_token *token, const char *content, size_t len)
{
    return token->len == len && memcmp(token->content, content, len) == 0;
}

/* The slot of a content, or the empty one where it belongs; NULL when too many others are in the way. */
static uint32_t *slot_of(const struct added_tokens *added, const char *content, size_t len)
{
    uint64_t hash = 0;
    size_t i;

    for (size_t k = 0; k < len; k++)
        hash = rf__mix(hash ^ (uint8_t)content[k]);
    i = hash & added->mask;
    for (int run = 0; run < MAX_RUN; run++, i = (i + 1) & added->mask) {
        uint32_t *slot = &added->by_content[i];
        if (*slot == 0 || is_content(&added->items[*slot - 1], content, len))
            return slot;
    }
    return NULL;
}

const struct added_token *rf__added_token_of_content(const struct added_tokens *added, const char *content, size_t len)
{
    const uint32_t *slot = added->n == 0 ? NULL : slot_of(added, content, len);

    return slot == NULL || *slot == 0 ? NULL : &added->items[*slot - 1];
}

const struct added_token *rf__added_token_of_id(const struct added_tokens *added, uint32_t id)
{
    uint32_t i = id < added->n_ids ? added->by_id[id] : 0;

    return i == 0 ? NULL : &added->items[i - 1];
}

static bool same_flags(const struct added_flags *a, const struct added_flags *b)
{
    return a->single_word == b->single_word && a->lstrip == b->lstrip && a->rstrip == b->rstrip &&
           a->normalized == b->normalized && a->special == b->special;
}

/* Remembers the normal form of a token's content where that is different. */
static rf_status normalize_content(struct added_token *token, const struct normalizers *normalizers, rf_error *err)
{
    struct text in = rf__text_of_caller((rf_text){token->content, token->len});
    struct text_part part = {&in, 0, in.len, true, true};
    struct text_buf out = {0};
    struct normalize_scratch scratch = {0};
    rf_status status = rf__normalize(normalizers, &part, &out, &scratch, err);

    if (status == RF_OK && !is_content(token, out.text.len == 0 ? "" : out.text.data, out.text.len)) {
        char *normal = rf__strndup(out.text.len == 0 ? "" : out.text.data, out.text.len);
        if (normal == NULL) {
            status = rf__fail_memory(err);
        } else {
            rf__free(token->normal);
            token->normal = normal;
            token->normal_len = out.text.len;
        }
    }
    rf__text_buf_release(&out);
    rf__normalize_scratch_release(&scratch);
    return status;
}

static rf_status new_token(struct added_tokens *added, const struct vocabulary *vocabulary,
                           const struct added_spec *spec, uint32_t *slot, rf_error *err)
{
    struct added_token *token = &added->items[added->n];

    assert(added->n < added->cap);
    token->content = rf__strndup(spec->content, spec->len);
    if (token->content == NULL)
        return rf__fail_memory(err);
    token->len = spec->len;
    if (!rf__vocabulary_find(vocabulary, spec->content, spec->len, &token->id))
        token->id = added->next_id++;
    *slot = (uint32_t)++added->n;
    return RF_OK;
}

rf_status rf__added_tokens_add(struct added_tokens *added, const struct vocabulary *vocabulary,
                               const struct normalizers *normalizers, const struct added_spec *spec, uint32_t *id,
                               rf_error *err)
{
    struct added_token *token;
    uint32_t *slot;
    rf_status status = RF_OK;

    if (spec->len == 0)
        return RF_OK;
    if (spec->len > RF_MAX_PIECE)
        return rf__fail(err, RF_UNSUPPORTED, "unsupported: an added token of %zu bytes; the limit is %d", spec->len,
                        RF_MAX_PIECE);
    slot = slot_of(added, spec->content, spec->len);
    if (slot == NULL)
        return rf__fail(err, RF_BAD_FORMAT, "the added tokens collide as no real ones do");
    if (*slot == 0) {
        status = new_token(added, vocabulary, spec, slot, err);
    } else if (same_flags(&added->items[*slot - 1].flags, &spec->flags) &&
               added->by_id[added->items[*slot - 1].id] == *slot) {
        *id = added->items[*slot - 1].id;
        return RF_OK;
    }
    if (status != RF_OK)
        return status;
    token = &added->items[*slot - 1];
    token->flags = spec->flags;
    token->is_named_special |= spec->flags.special;
    added->by_id[token->id] = *slot;
    *id = token->id;
    return spec->flags.normalized ? normalize_content(token, normalizers, err) : RF_OK;
}

/* ---- Pattern sets ------------------------------------------------------------------------------------------- */

static int compare_bytes(const void *a, const void *b)
{
    const struct pattern *x = a, *y = b;
    size_t n = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->bytes, y->bytes, n);

    if (order != 0)
        return order;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return x->token < y->token ? -1 : x->token > y->token;
}

/* Leaves one pattern of those that are equal: of the token that comes first. */
static void remove_doubles(struct pattern_set *set)
{
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++) {
        const struct pattern *last = n == 0 ? NULL : &set->items[n - 1], *next = &set->items[i];
        if (last == NULL || last->len != next->len || memcmp(last->bytes, next->bytes, next->len) != 0)
            set->items[n++] = *next;
    }
    set->n = n;
}

static bool has_replacement(const struct pattern *pattern)
{
    for (size_t i = 0; i + 3 <= pattern->len; i++)
        if (memcmp(pattern->bytes + i, "\xEF\xBF\xBD", 3) == 0)
            return true;
    return false;
}

/* The tokens that are live, one for each id, whose `normalized` flag is as asked. */
static rf_status build_set(const struct added_tokens *added, bool normalized, const struct logger *logger,
                           struct pattern_set *set, rf_error *err)
{
    size_t n_begins = 0;

    set->items = rf__alloc_array(added->n, sizeof *set->items);
    if (set->items == NULL)
        return rf__fail_memory(err);
    set->only_begin = -1;
    for (size_t i = 0; i < added->n; i++) {
        const struct added_token *token = &added->items[i];
        bool has_normal = normalized && token->normal != NULL;
        struct pattern pattern = {has_normal ? token->normal : token->content,
                                  has_normal ? token->normal_len : token->len, (uint32_t)i};
        if (token->flags.normalized != normalized || added->by_id[token->id] != i + 1)
            continue;
        if (pattern.len == 0) {
            rf__log(logger, RF_LOG_WARNING, "added token '%s' is empty once it is normalized: it is never found",
                    token->content);
            continue;
        }
        set->items[set->n++] = pattern;
        set->has_lstrip |= token->flags.lstrip;
        set->finds_replacement |= has_replacement(&pattern);
        if (!set->begins[(uint8_t)pattern.bytes[0]]) {
            set->begins[(uint8_t)pattern.bytes[0]] = true;
            set->only_begin = n_begins++ == 0 ? (uint8_t)pattern.bytes[0] : -1;
        }
    }
    qsort(set->items, set->n, sizeof *set->items, compare_bytes);
    remove_doubles(set);
    return RF_OK;
}

rf_status rf__added_tokens_finish(struct added_tokens *added, const struct logger *logger, rf_error *err)
{
    rf_status status = build_set(added, false, logger, &added->raw, err);

    return status != RF_OK ? status : build_set(added, true, logger, &added->normalized, err);
}

/* ---- Searching ---------------------------------------------------------------------------------------------- */

/* The first pattern of [low, high), which agree in their first `depth` bytes and are longer, whose next byte is `byte`
 * or above. */
static size_t first_from(const struct pattern_set *set, size_t low, size_t high, size_t depth, unsigned byte)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((uint8_t)set->items[middle].bytes[depth] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The longest pattern that data[at, len) begins with; NULL when there is none. *is_open is set when the text ended
 * before it was certain that no longer one could follow. */
static const struct pattern *longest(const struct pattern_set *set, const char *data, size_t len, size_t at,
                                     bool *is_open)
{
    const struct pattern *found = NULL;
    size_t low = 0, high = set->n, depth = 0;

    while (low < high && at + depth < len) {
        unsigned byte = (uint8_t)data[at + depth];
        low = first_from(set, low, high, depth, byte);
        high = first_from(set, low, high, depth, byte + 1);
        depth++;
        if (low < high && set->items[low].len == depth)
            found = &set->items[low++];
    }
    *is_open = low < high;
    return found;
}

/* Where the next byte in [at, end) lies that some pattern begins with; `end` when there is none. */
static size_t next_begin(const struct pattern_set *set, const char *data, size_t at, size_t end)
{
    if (at < end && set->only_begin >= 0) {
        const char *found = memchr(data + at, set->only_begin, end - at);
        return found == NULL ? end : (size_t)(found - data);
    }
    while (at < end && !set->begins[(uint8_t)data[at]])
        at++;
    return at;
}

static unsigned properties_at(const char *data, size_t len, size_t at, size_t *n)
{
    uint32_t c;

    *n = rf__utf8_decode(data + at, len - at, &c);
    return rf__unicode_properties_of(c);
}

static bool is_word_before(const struct added_cursor *cursor, const char *data, size_t at)
{
    size_t n, before;

    if (at == 0)
        return cursor->has_before && cursor->before_is_word;
    before = rf__text_before(data, at);
    /* A character that does not reach `at` has something ill-formed behind it, which is no letter. */
    return (properties_at(data, at, before, &n) & RF_UNICODE_WORD) != 0 && before + n == at;
}

/* The beginning of the whitespace that ends at `end`, not before cursor->begin. No byte is walked over twice. */
static size_t skip_space_back(struct added_cursor *cursor, const char *data, size_t end)
{
    size_t at = end;

    while (at > cursor->begin && at != cursor->space_end) {
        size_t n, before = rf__text_before(data, at);
        if ((properties_at(data, at, before, &n) & RF_UNICODE_WHITESPACE) == 0 || before + n != at)
            break;
        at = before;
    }
    if (at == cursor->space_end)
        at = cursor->space_begin;
    if (at < cursor->begin)
        at = cursor->begin;
    cursor->space_begin = at;
    cursor->space_end = end;
    return at;
}

static size_t skip_space(const char *data, size_t len, size_t at)
{
    while (at < len) {
        size_t n;
        if ((properties_at(data, len, at, &n) & RF_UNICODE_WHITESPACE) == 0)
            break;
        at += n;
    }
    return at;
}

enum search_result { SEARCH_NONE, SEARCH_FOUND, SEARCH_OPEN };

/* Looks at the pattern at `at`. SEARCH_OPEN: it cannot be said before the text goes on. Otherwise cursor->search moves
 * behind it, or behind `at` when there is none. */
static enum search_result match_at(const struct added_tokens *added, const struct pattern_set *set, const char *data,
                                   size_t len, bool is_whole, struct added_cursor *cursor, size_t at)
{
    bool is_open;
    const struct pattern *pattern = longest(set, data, len, at, &is_open);
    const struct added_flags *flags;
    size_t end, behind, n;

    /* One character more than the pattern must be there: single_word asks for it. */
    if (!is_whole && (is_open || (pattern != NULL && len - at < pattern->len + RF_UTF8_MAX)))
        return SEARCH_OPEN;
    cursor->search = at + 1;
    if (pattern == NULL)
        return SEARCH_NONE;
    end = at + pattern->len;
    flags = &added->items[pattern->token].flags;
    behind = cursor->open_end > end && cursor->open_begin == at ? cursor->open_end : end;
    if (flags->rstrip)
        behind = skip_space(data, len, behind);
    if (!is_whole && flags->rstrip && len - behind < RF_UTF8_MAX) {
        cursor->search = cursor->open_begin = at;
        cursor->open_end = behind;
        return SEARCH_OPEN;
    }
    cursor->search = end;
    if (flags->single_word &&
        (is_word_before(cursor, data, at) || (end < len && (properties_at(data, len, end, &n) & RF_UNICODE_WORD) != 0)))
        return SEARCH_NONE;
    cursor->has_match = true;
    cursor->match_token = pattern->token;
    cursor->match_begin = flags->lstrip ? skip_space_back(cursor, data, at) : at;
    cursor->match_end = behind;
    return SEARCH_FOUND;
}

/* Searches one window further. */
static enum search_result search(const struct added_tokens *added, const struct pattern_set *set, const char *data,
                                 size_t len, bool is_whole, struct added_cursor *cursor)
{
    size_t end = len - cursor->search > WINDOW ? cursor->search + WINDOW : len;

    for (;;) {
        enum search_result result;
        size_t at = next_begin(set, data, cursor->search, end);
        if (at == end) {
            cursor->search = at > cursor->search ? at : cursor->search;
            return SEARCH_NONE;
        }
        result = match_at(added, set, data, len, is_whole, cursor, at);
        if (result == SEARCH_OPEN)
            cursor->search = at;
        if (result != SEARCH_NONE)
            return result;
        if (cursor->search >= end)
            return SEARCH_NONE;
    }
}

/* The beginning of the character that `at` lies in. */
static size_t char_floor(const char *data, size_t len, size_t from, size_t at)
{
    while (at < len && at > from && ((uint8_t)data[at] & 0xC0) == 0x80)
        at--;
    return at;
}

static struct added_part plain(struct added_cursor *cursor, size_t end, bool is_last)
{
    struct added_part part = {.kind = ADDED_PLAIN, .begin = cursor->begin, .end = end, .is_last = is_last};

    cursor->begin = end;
    return part;
}

/* What is certain when a match is waiting: the plain text before it, then the token. */
static struct added_part before_or_match(struct added_cursor *cursor)
{
    struct added_part part;

    if (cursor->begin < cursor->match_begin)
        return plain(cursor, cursor->match_begin, true);
    part = (struct added_part){
        .kind = ADDED_TOKEN, .begin = cursor->match_begin, .end = cursor->match_end, .token = cursor->match_token};
    cursor->has_match = false;
    cursor->begin = cursor->match_end;
    return part;
}

struct added_part rf__added_next(const struct added_tokens *added, const struct pattern_set *set, const char *data,
                                 size_t len, bool is_whole, struct added_cursor *cursor)
{
    if (set->n == 0) {
        if (cursor->begin == len)
            return (struct added_part){.kind = is_whole ? ADDED_DONE : ADDED_MORE};
        return plain(cursor, len, is_whole);
    }
    while (!cursor->has_match) {
        enum search_result result = search(added, set, data, len, is_whole, cursor);
        size_t end = cursor->search;
        if (result == SEARCH_FOUND)
            break;
        if (is_whole && end >= len) {
            if (cursor->begin >= len)
                return (struct added_part){.kind = ADDED_DONE};
            return plain(cursor, len, true);
        }
        if (end > cursor->begin)
            end = char_floor(data, len, cursor->begin, end);
        if (set->has_lstrip && end > cursor->begin)
            end = skip_space_back(cursor, data, end);
        if (end > cursor->begin)
            return plain(cursor, end, false);
        if (result == SEARCH_OPEN || cursor->search >= len)
            return (struct added_part){.kind = ADDED_MORE};
    }
    return before_or_match(cursor);
}

static size_t less(size_t position, size_t n)
{
    return position > n ? position - n : 0;
}

void rf__added_drop(struct added_cursor *cursor, const char *data, size_t n)
{
    assert(!cursor->has_match && n <= cursor->begin);
    if (n == 0)
        return;
    cursor->before_is_word = is_word_before(cursor, data, n);
    cursor->has_before = true;
    cursor->begin -= n;
    cursor->search = less(cursor->search, n);
    cursor->space_begin = less(cursor->space_begin, n);
    cursor->space_end = less(cursor->space_end, n);
    cursor->open_begin = less(cursor->open_begin, n);
    cursor->open_end = less(cursor->open_end, n);
}
