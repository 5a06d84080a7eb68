/*
 * encode: the pipeline, from a text to an encoding.
 *
 *     text ─ search for added tokens ─┬─ token ────────────────────────────────────────────────────────┬─ tokens
 *                                     └─ plain ─ normalize ─ search again ─┬─ token ───────────────────┤
 *                                                                          └─ plain ─ split ─ model ───┘
 *
 * Plain text flows through in chunks, cut where the normalizers and the pre-tokenizers say that a cut makes no
 * difference, so that memory stays small and a long text is read only as far as a limit needs. Where no such place
 * comes, a chunk grows until one does.
 *
 * Cutting the right end, a text is tokenized until it has one token more than the limit. A pair is cut by comparing the
 * lengths, and there is one case in which what lies behind the limit decides: depends_on_lengths().
 */
#include "tokenizer/tokenizer_parts.h"

#include "base/mem.h"
#include "base/utf8.h"

#define CHUNK           8192 /* bytes of text at a time */
#define SMALLEST_CHUNK  512
#define BYTES_PER_TOKEN 6 /* a guess, for the first chunk under a limit */

struct encode_scratch {
    struct text_buf repaired;   /* the text made well-formed, where an added token asks for that */
    struct text_buf normalized; /* the plain text at hand */
    struct normalize_scratch normalize;
    struct pieces lists[2];
    struct model_scratch model;
    struct tokens tokens[2]; /* of the first and the second text */
};

struct encode_scratch *rf__encode_scratch_new(void)
{
    return rf__calloc(1, sizeof(struct encode_scratch));
}

void rf__encode_scratch_free(struct encode_scratch *scratch)
{
    if (scratch == NULL)
        return;
    rf__text_buf_release(&scratch->repaired);
    rf__text_buf_release(&scratch->normalized);
    rf__normalize_scratch_release(&scratch->normalize);
    rf__model_scratch_release(&scratch->model);
    for (int i = 0; i < 2; i++) {
        rf__pieces_release(&scratch->lists[i]);
        rf__tokens_release(&scratch->tokens[i]);
    }
    rf__free(scratch);
}

/* ---- One text ----------------------------------------------------------------------------------------------- */

/* One text on its way. A segment is the plain text between two added tokens of the first search. */
struct flow {
    const struct rf_tokenizer *tokenizer;
    struct encode_scratch *scratch;
    struct text source;
    struct align source_align;
    size_t limit; /* of tokens */
    size_t chunk;
    struct tokens *out;
    uint32_t n_words;
    bool is_full;

    /* The segment in the source. */
    bool in_segment;
    size_t begin;
    size_t from;     /* what comes before is normalized */
    size_t known;    /* plain up to here */
    size_t cut_seen; /* no cut lies in (from, cut_seen) */

    /* The segment in scratch->normalized. */
    struct added_cursor cursor;
    struct align align;
    size_t piece_from;   /* what comes before is tokenized */
    size_t piece_known;  /* plain up to here */
    bool piece_is_begin; /* the plain text begins with what comes next */
    size_t settled_seen; /* nothing settled in (piece_from, settled_seen) */
};

static rf_status push_added(struct flow *flow, uint32_t token, size_t begin, size_t end, rf_error *err)
{
    struct tokens *out = flow->out;
    rf_status status;

    if (begin >= end)
        return RF_OK;
    status = rf__tokens_reserve(out, 1, err);
    if (status != RF_OK)
        return status;
    out->ids[out->n] = flow->tokenizer->added.items[token].id;
    out->words[out->n] = flow->n_words++;
    out->begin[out->n] = begin;
    out->end[out->n++] = end;
    flow->is_full = out->n >= flow->limit;
    return RF_OK;
}

/* Turns the positions of the tokens from number `first` on into the caller's. */
static void align_tokens(struct align *align, struct tokens *tokens, size_t first)
{
    for (size_t i = first; i < tokens->n; i++) {
        tokens->begin[i] = rf__align_begin(align, tokens->begin[i]);
        tokens->end[i] = rf__align_end(align, tokens->end[i]);
    }
}

/* Splits and tokenizes what is known of the normalized text, up to where it has settled; all of it when the plain text
 * ends there. */
static rf_status tokenize_known(struct flow *flow, bool is_last, rf_error *err)
{
    const struct rf_tokenizer *tokenizer = flow->tokenizer;
    const struct text *text = &flow->scratch->normalized.text;
    struct text_part part = {text, flow->piece_from, flow->piece_known, flow->piece_is_begin, is_last};
    struct align other;
    struct pieces *pieces;
    size_t n_before = flow->out->n;
    rf_status status;

    if (!is_last) {
        size_t from = flow->settled_seen > flow->piece_from ? flow->settled_seen : flow->piece_from;
        part.to = rf__pretokenize_settled(&tokenizer->pretokenizers, text, from, part.to);
        flow->settled_seen = flow->piece_known;
        if (part.to == 0)
            return RF_OK;
    }
    status = rf__pretokenize(&tokenizer->pretokenizers, &part, flow->scratch->lists, &pieces, err);
    if (status != RF_OK)
        return status;
    flow->piece_from = part.to;
    flow->piece_is_begin = false;
    if (pieces->n == 0)
        return RF_OK;
    status = tokenizer->model->ops->tokenize(tokenizer->model, pieces, flow->limit, flow->n_words,
                                             &flow->scratch->model, flow->out, err);
    if (status != RF_OK)
        return status;
    flow->n_words += (uint32_t)pieces->n;
    flow->is_full = flow->out->n >= flow->limit;
    other = rf__align_of(pieces->text);
    align_tokens(pieces->text == text ? &flow->align : &other, flow->out, n_before);
    return RF_OK;
}

/* Forgets the part of the normalized text that is tokenized, when that is most of it. */
static void compact(struct flow *flow)
{
    struct text_buf *normalized = &flow->scratch->normalized;
    size_t n = flow->piece_from;

    if (n < normalized->text.len - n)
        return;
    rf__added_drop(&flow->cursor, normalized->text.data, n);
    rf__text_buf_drop(normalized, n);
    flow->align = rf__align_of(&normalized->text);
    flow->piece_from = 0;
    flow->piece_known -= n;
    flow->settled_seen = flow->settled_seen > n ? flow->settled_seen - n : 0;
}

static void begin_segment(struct flow *flow, size_t at)
{
    flow->in_segment = true;
    flow->begin = flow->from = flow->known = flow->cut_seen = at;
    rf__text_buf_clear(&flow->scratch->normalized);
    flow->cursor = (struct added_cursor){0};
    flow->align = rf__align_of(&flow->scratch->normalized.text);
    flow->piece_from = flow->piece_known = flow->settled_seen = 0;
    flow->piece_is_begin = true;
}

/* Searches, splits and tokenizes the normalized text. `is_whole`: the segment ends with it. */
static rf_status drain(struct flow *flow, bool is_whole, rf_error *err)
{
    const struct added_tokens *added = &flow->tokenizer->added;
    const struct text *text = &flow->scratch->normalized.text;
    rf_status status = RF_OK;

    while (status == RF_OK && !flow->is_full) {
        struct added_part part =
            rf__added_next(added, &added->normalized, text->data, text->len, is_whole, &flow->cursor);
        if (part.kind == ADDED_DONE || part.kind == ADDED_MORE)
            break;
        if (part.kind == ADDED_PLAIN) {
            flow->piece_known = part.end;
            status = tokenize_known(flow, part.is_last, err);
            continue;
        }
        if (flow->piece_from < flow->piece_known)
            status = tokenize_known(flow, true, err);
        if (status == RF_OK && !flow->is_full && part.begin < part.end)
            status = push_added(flow, part.token, rf__align_begin(&flow->align, part.begin),
                                rf__align_end(&flow->align, part.end), err);
        flow->piece_from = flow->piece_known = flow->settled_seen = part.end;
        flow->piece_is_begin = true;
    }
    if (status == RF_OK && is_whole && !flow->is_full && flow->piece_from < flow->piece_known)
        status = tokenize_known(flow, true, err);
    if (status == RF_OK && !is_whole && !flow->is_full)
        compact(flow);
    return status;
}

/* Sends what is known of the segment on its way, a chunk at a time, as far as it can be cut; all of it when the segment
 * ends there. */
static rf_status advance(struct flow *flow, bool is_last, rf_error *err)
{
    const struct normalizers *normalizers = &flow->tokenizer->normalizers;
    rf_status status = RF_OK;

    while (status == RF_OK && !flow->is_full) {
        size_t low = flow->cut_seen > flow->from ? flow->cut_seen : flow->from + 1;
        size_t stop, cut = 0;
        bool is_end;
        if (flow->from == flow->known && !is_last)
            return RF_OK;
        stop = flow->known > low && flow->known - low > flow->chunk ? low + flow->chunk : flow->known;
        is_end = is_last && stop == flow->known;
        if (is_end)
            cut = flow->known;
        else if (low < stop)
            cut = rf__normalize_cut(normalizers, &flow->source, low, stop);
        flow->cut_seen = stop;
        if (cut == 0 && stop == flow->known)
            return RF_OK;
        if (cut == 0)
            continue;
        if (cut > flow->from) {
            struct text_part part = {&flow->source, flow->from, cut, flow->from == flow->begin, is_end};
            status = rf__normalize(normalizers, &part, &flow->scratch->normalized, &flow->scratch->normalize, err);
        }
        flow->from = flow->cut_seen = cut;
        flow->chunk = CHUNK;
        if (status == RF_OK)
            status = drain(flow, is_end, err);
        if (is_end)
            break;
    }
    return status;
}

static rf_status end_segment(struct flow *flow, rf_error *err)
{
    if (!flow->in_segment)
        return RF_OK;
    flow->in_segment = false;
    return advance(flow, true, err);
}

/* Tokenizes a text into `out` until it has `limit` tokens. */
static rf_status tokenize_text(const struct rf_tokenizer *tokenizer, rf_text text, size_t limit,
                               struct encode_scratch *scratch, struct tokens *out, rf_error *err)
{
    const struct added_tokens *added = &tokenizer->added;
    struct flow flow = {
        .tokenizer = tokenizer,
        .scratch = scratch,
        .limit = limit,
        .chunk = CHUNK,
        .out = out,
    };
    struct added_cursor cursor = {0};
    rf_status status = RF_OK;

    out->n = 0;
    flow.source = rf__text_of_caller(text);
    if (limit < CHUNK / BYTES_PER_TOKEN)
        flow.chunk = limit * BYTES_PER_TOKEN < SMALLEST_CHUNK ? SMALLEST_CHUNK : limit * BYTES_PER_TOKEN;
    if (added->raw.finds_replacement && !rf__utf8_valid(text.data, text.len)) {
        rf__text_buf_clear(&scratch->repaired);
        status = rf__text_buf_copy(&scratch->repaired, &flow.source, 0, text.len, err);
        flow.source = scratch->repaired.text;
    }
    flow.source_align = rf__align_of(&flow.source);
    while (status == RF_OK && !flow.is_full) {
        struct added_part part = rf__added_next(added, &added->raw, flow.source.data, flow.source.len, true, &cursor);
        if (part.kind == ADDED_DONE)
            break;
        if (part.kind == ADDED_PLAIN) {
            if (!flow.in_segment)
                begin_segment(&flow, part.begin);
            flow.known = part.end;
            status = part.is_last ? end_segment(&flow, err) : advance(&flow, false, err);
            continue;
        }
        status = end_segment(&flow, err);
        if (status == RF_OK && !flow.is_full && part.begin < part.end)
            status = push_added(&flow, part.token, rf__align_begin(&flow.source_align, part.begin),
                                rf__align_end(&flow.source_align, part.end), err);
    }
    if (status == RF_OK && !flow.is_full)
        status = end_segment(&flow, err);
    return status;
}

/* ---- Truncation --------------------------------------------------------------------------------------------- */

/* Which tokens of a text stay. */
struct kept {
    size_t begin, n;
};

/* The lengths that two texts of n[0] and n[1] tokens keep in `room`: the longer one is cut first ("longest_first"). A
 * single text is a pair with nothing. */
static void share_room(size_t n[2], size_t room)
{
    size_t shorter = n[0] > n[1] ? 1 : 0, longer = 1 - shorter;

    if (n[0] + n[1] <= room)
        return;
    if (n[shorter] <= room / 2) {
        n[longer] = room - n[shorter];
    } else {
        n[shorter] = room / 2;
        n[longer] = room - n[shorter];
    }
}

/* Which tokens stay of one or two texts, when `room` is the most; true when some don't. */
static bool cut_texts(const struct tokens tokens[2], size_t room, bool is_left, struct kept kept[2])
{
    size_t n[2] = {tokens[0].n, tokens[1].n};
    bool is_cut = false;

    share_room(n, room);
    for (int i = 0; i < 2; i++) {
        kept[i] = (struct kept){is_left ? tokens[i].n - n[i] : 0, n[i]};
        is_cut |= n[i] < tokens[i].n;
    }
    return is_cut;
}

/* Tokenizes one or two texts, up to a limit for each. */
static rf_status tokenize_texts(const struct rf_tokenizer *tokenizer, const struct encode_request *request,
                                size_t limit, struct encode_scratch *scratch, rf_error *err)
{
    rf_status status = tokenize_text(tokenizer, request->text, limit, scratch, &scratch->tokens[0], err);

    scratch->tokens[1].n = 0;
    if (status == RF_OK && request->pair != NULL)
        status = tokenize_text(tokenizer, *request->pair, limit, scratch, &scratch->tokens[1], err);
    return status;
}

/* Both texts are longer than an odd room: the longer one gets the odd token, and which it is lies behind the limit. */
static bool depends_on_lengths(const struct tokens tokens[2], size_t limit, size_t room)
{
    return tokens[0].n >= limit && tokens[1].n >= limit && room % 2 == 1;
}

/* ---- Encoding ----------------------------------------------------------------------------------------------- */

void rf__encoding_release(struct encoding *encoding)
{
    rf__free(encoding->ids);
    rf__free(encoding->type_ids);
    rf__free(encoding->begin);
    rf__free(encoding->end);
    rf__free(encoding->special);
    *encoding = (struct encoding){0};
}

static rf_status encoding_make_room(struct encoding *encoding, size_t n, rf_error *err)
{
    struct encoding bigger = {.cap = n < 64 ? 64 : n};

    if (n <= encoding->cap)
        return RF_OK;
    bigger.ids = rf__alloc_array(bigger.cap, sizeof *bigger.ids);
    bigger.type_ids = rf__alloc_array(bigger.cap, sizeof *bigger.type_ids);
    bigger.begin = rf__alloc_array(bigger.cap, sizeof *bigger.begin);
    bigger.end = rf__alloc_array(bigger.cap, sizeof *bigger.end);
    bigger.special = rf__alloc_array(bigger.cap, sizeof *bigger.special);
    if (bigger.ids == NULL || bigger.type_ids == NULL || bigger.begin == NULL || bigger.end == NULL ||
        bigger.special == NULL) {
        rf__encoding_release(&bigger);
        return rf__fail_memory(err);
    }
    rf__encoding_release(encoding);
    *encoding = bigger;
    return RF_OK;
}

static void put_special(struct encoding *out, const struct template_item *item)
{
    out->ids[out->n] = item->id;
    out->type_ids[out->n] = item->type_id;
    out->begin[out->n] = out->end[out->n] = 0;
    out->special[out->n++] = 1;
}

static void put_text(struct encoding *out, const struct tokens *tokens, struct kept kept, uint32_t type_id)
{
    if (kept.n == 0)
        return;
    memcpy(out->ids + out->n, tokens->ids + kept.begin, kept.n * sizeof *out->ids);
    memcpy(out->begin + out->n, tokens->begin + kept.begin, kept.n * sizeof *out->begin);
    memcpy(out->end + out->n, tokens->end + kept.begin, kept.n * sizeof *out->end);
    memset(out->special + out->n, 0, kept.n);
    for (size_t i = 0; i < kept.n; i++)
        out->type_ids[out->n + i] = type_id;
    out->n += kept.n;
}

/* Lays the texts and the special tokens out as the template says. */
static rf_status apply_template(const struct template *template, bool no_special, const struct tokens tokens[2],
                                const struct kept kept[2], struct encoding *out, rf_error *err)
{
    size_t n = 0;
    rf_status status;

    for (size_t i = 0; i < template->n; i++) {
        const struct template_item *item = &template->items[i];
        size_t more = item->kind == TEMPLATE_SPECIAL ? !no_special : kept[item->kind == TEMPLATE_SECOND].n;
        if (!rf__add(n, more, &n))
            return rf__fail_memory(err);
    }
    status = encoding_make_room(out, n, err);
    if (status != RF_OK)
        return status;
    out->n = 0;
    for (size_t i = 0; i < template->n; i++) {
        const struct template_item *item = &template->items[i];
        int which = item->kind == TEMPLATE_SECOND;
        if (item->kind != TEMPLATE_SPECIAL)
            put_text(out, &tokens[which], kept[which], item->type_id);
        else if (!no_special)
            put_special(out, item);
    }
    return RF_OK;
}

rf_status rf__encode(const struct rf_tokenizer *tokenizer, const struct encode_request *request,
                     struct encode_scratch *scratch, struct encoding *out, rf_error *err)
{
    const struct postprocessor *processor = &tokenizer->postprocessor;
    const struct template *template = request->pair != NULL ? &processor->pair : &processor->single;
    uint32_t n_special = request->no_special_tokens ? 0 : template->n_special;
    bool is_left = request->truncate == RF_TRUNCATE_LEFT;
    size_t room = request->max_tokens == 0 ? SIZE_MAX : (size_t)request->max_tokens - n_special;
    /* One token more tells that there is more. Which tokens the left end has is known when all are. */
    size_t limit = request->max_tokens == 0 || is_left ? SIZE_MAX : (size_t)request->max_tokens + 1;
    struct kept kept[2];
    bool truncated;
    rf_status status;

    if (request->max_tokens > 0 && request->max_tokens < n_special)
        return rf__fail(err, RF_INVALID_ARGUMENT, "max_tokens is %u, but the special tokens alone are %u",
                        request->max_tokens, n_special);
    status = tokenize_texts(tokenizer, request, limit, scratch, err);
    if (status == RF_OK && depends_on_lengths(scratch->tokens, limit, room))
        status = tokenize_texts(tokenizer, request, SIZE_MAX, scratch, err);
    if (status != RF_OK)
        return status;
    truncated = cut_texts(scratch->tokens, room, is_left, kept);
    if (truncated && request->truncate == RF_TRUNCATE_ERROR)
        return rf__fail(err, RF_TRUNCATED, "the text has more than %u tokens", request->max_tokens);
    status = apply_template(template, request->no_special_tokens, scratch->tokens, kept, out, err);
    if (status == RF_OK)
        out->truncated = truncated;
    return status;
}
