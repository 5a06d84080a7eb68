/*
 * encode: the pipeline, from a text to tokens. encoding.c makes encodings of them.
 *
 *     text ─ search for added tokens ─┬─ token ────────────────────────────────────────────────────────┬─ tokens
 *                                     └─ plain ─ normalize ─ search again ─┬─ token ───────────────────┤
 *                                                                          └─ plain ─ split ─ model ───┘
 *
 * Plain text flows through in chunks, cut where the normalizers and the pre-tokenizers say that a cut makes no
 * difference, so that memory stays small and a long text is read only as far as a limit needs. Where no such place
 * comes, a chunk grows until one does.
 */
#include "tokenizer/encode.h"

#include "base/mem.h"
#include "base/utf8.h"

#define CHUNK           8192 /* bytes of text at a time */
#define SMALLEST_CHUNK  512
#define BYTES_PER_TOKEN 6 /* a guess, for the first chunk under a limit */

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
        rf__free(scratch->spaces[i].items);
        rf__characters_release(&scratch->characters[i]);
    }
    rf__free(scratch);
}

/* ---- One text ----------------------------------------------------------------------------------------------- */

/* One text on its way. A segment is the plain text between two added tokens of the first search. Of it,
 *
 *     source                  begin ── is normalized ── from ── waits for a cut ── known ── is not searched yet
 *     scratch->normalized     0 ── is tokenized ── piece_from ── waits to settle ── piece_known ── is not searched yet
 */
struct flow {
    const struct rf_tokenizer *tokenizer;
    struct encode_scratch *scratch;
    struct text source;
    struct align source_align; /* from there to the caller's text */
    size_t limit;              /* of tokens; with so many, is_full */
    size_t chunk;              /* bytes of the source in which a cut is looked for at a time */
    struct tokens *out;
    struct space_list *spaces; /* NULL: nobody asks for positions */
    uint32_t n_words;
    bool is_full;

    bool in_segment;
    size_t begin, from, known;
    size_t cut_seen; /* there is no cut in (from, cut_seen) */

    struct added_cursor cursor; /* of the second search */
    struct align align;         /* from the normalized text to the caller's */
    size_t piece_from, piece_known;
    bool piece_is_begin; /* nothing of this plain text is tokenized yet */
    size_t settled_seen; /* nothing has settled in (piece_from, settled_seen) */
};

static rf_status push_added(struct flow *flow, const struct text *text, const struct added_part *part,
                            struct align *align, rf_error *err)
{
    struct tokens *out = flow->out;
    size_t begin = rf__align_begin(align, part->begin), end = rf__align_end(align, part->end);
    rf_status status = RF_OK;

    if (part->begin == part->end)
        return RF_OK;
    if (flow->spaces != NULL && flow->tokenizer->postprocessor.trims)
        status = rf__spaces_of_found(flow->spaces, out->n, text->data + part->begin, part->end - part->begin, err);
    if (status == RF_OK)
        status = rf__tokens_push(out, flow->tokenizer->added.items[part->token].id, flow->n_words++, begin, end, err);
    flow->is_full = out->n >= flow->limit;
    return status;
}

/* Notes the white space of tokens from number `first` on that stand for their text. */
static rf_status note_spaces(struct flow *flow, const struct text *text, size_t first, rf_error *err)
{
    const struct model *model = flow->tokenizer->model;
    const struct tokens *tokens = flow->out;
    rf_status status = RF_OK;

    if (model->ops->is_text == NULL || !flow->tokenizer->postprocessor.trims)
        return RF_OK;
    for (size_t i = first; i < tokens->n && status == RF_OK; i++)
        if (model->ops->is_text(model, tokens->ids[i]))
            status = rf__spaces_of_found(flow->spaces, i, text->data + tokens->begin[i],
                                         tokens->end[i] - tokens->begin[i], err);
    return status;
}

/* Turns the positions of the tokens from number `first` on into the caller's. */
static void align_tokens(struct align *align, struct tokens *tokens, size_t first)
{
    for (size_t i = first; i < tokens->n; i++) {
        tokens->begin[i] = rf__align_begin(align, tokens->begin[i]);
        tokens->end[i] = rf__align_end(align, tokens->end[i]);
    }
}

/* The last position in (from, to] where what has been seen of the text can be cut; 0 when there is none. */
static size_t settled(const struct rf_tokenizer *tokenizer, const struct text *text, size_t from, size_t to)
{
    const struct model *model = tokenizer->model;

    if (tokenizer->pretokenizers.n > 0)
        return rf__pretokenize_settled(&tokenizer->pretokenizers, text, from, to);
    return model->ops->settled == NULL ? 0 : model->ops->settled(model, text, from, to);
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
    bool continues =
        tokenizer->pretokenizers.n == 0 && !flow->piece_is_begin && flow->n_words > 0; /* the word that the model cut */
    rf_status status;

    if (!is_last) {
        size_t from = flow->settled_seen > flow->piece_from ? flow->settled_seen : flow->piece_from;
        part.to = settled(tokenizer, text, from, part.to);
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
    status = tokenizer->model->ops->tokenize(tokenizer->model, pieces, flow->limit, flow->n_words - continues,
                                             &flow->scratch->model, flow->out, err);
    if (status != RF_OK)
        return status;
    flow->n_words += (uint32_t)pieces->n - continues;
    flow->is_full = flow->out->n >= flow->limit;
    if (flow->spaces == NULL)
        return RF_OK;
    status = note_spaces(flow, pieces->text, n_before, err);
    other = rf__align_of(pieces->text);
    align_tokens(pieces->text == text ? &flow->align : &other, flow->out, n_before);
    return status;
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
            status = push_added(flow, text, &part, &flow->align, err);
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
        struct text_part part = {&flow->source, flow->from, 0, flow->from == flow->begin, false};
        size_t stop, cut = 0;
        bool is_end;
        if (flow->from == flow->known && !is_last)
            return RF_OK;
        stop = flow->known > low && flow->known - low > flow->chunk ? low + flow->chunk : flow->known;
        part.to = stop;
        is_end = is_last && stop == flow->known;
        if (is_end)
            cut = flow->known;
        else if (low < stop)
            cut = rf__normalize_cut(normalizers, &part, low);
        flow->cut_seen = stop;
        if (cut == 0 && stop == flow->known)
            return RF_OK;
        if (cut == 0)
            continue;
        if (cut > flow->from) {
            part.to = cut;
            part.is_end = is_end;
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

rf_status rf__tokenize_text(const struct rf_tokenizer *tokenizer, rf_text text, size_t limit, bool no_alignment,
                            struct encode_scratch *scratch, int which, rf_error *err)
{
    const struct added_tokens *added = &tokenizer->added;
    struct flow flow = {
        .tokenizer = tokenizer,
        .scratch = scratch,
        .limit = limit,
        .chunk = CHUNK,
        .out = &scratch->tokens[which],
        .spaces = no_alignment ? NULL : &scratch->spaces[which],
    };
    struct added_cursor cursor = {0};
    rf_status status = RF_OK;

    flow.out->n = scratch->spaces[which].n = 0;
    rf__normalize_begin_text(&scratch->normalize);
    scratch->lists[0].regex_budget = &scratch->normalize.regex_budget;
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
            status = push_added(&flow, &flow.source, &part, &flow.source_align, err);
    }
    if (status == RF_OK && !flow.is_full)
        status = end_segment(&flow, err);
    return status;
}
