/*
 * normalizer: the kinds of normalizers, and the chain of them.
 *
 *     part ─ kind ─ queue ─ kind ─ queue ─ kind ─ out
 *
 * A segment flows through in parts. Each kind reads its queue as far as it can be cut without a difference; what is
 * behind that stays in the queue till more comes, so that the memory needed is small and the result is that of the
 * whole segment, whatever the kinds do to each other's texts.
 */
#include "tokenizer/stages.h"

#include "base/mem.h"
#include "base/utf8.h"

#define STAGE "normalizer"

/* ---- Reading ------------------------------------------------------------------------------------------------ */

typedef rf_status (*reader)(const struct stage_source *source, struct normalizer **out, rf_error *err);

static rf_status given(struct normalizer *normalizer, struct normalizer **out, rf_error *err)
{
    *out = normalizer;
    return normalizer == NULL ? rf__fail_memory(err) : RF_OK;
}

static rf_status read_lowercase(const struct stage_source *source, struct normalizer **out, rf_error *err)
{
    (void)source;
    return given(rf__lowercase_normalizer_new(), out, err);
}

static rf_status read_nmt(const struct stage_source *source, struct normalizer **out, rf_error *err)
{
    (void)source;
    return given(rf__nmt_normalizer_new(), out, err);
}

static rf_status read_strip_accents(const struct stage_source *source, struct normalizer **out, rf_error *err)
{
    (void)source;
    return given(rf__strip_accents_normalizer_new(), out, err);
}

static rf_status read_byte_level(const struct stage_source *source, struct normalizer **out, rf_error *err)
{
    (void)source;
    return given(rf__byte_level_normalizer_new(), out, err);
}

static rf_status read_nfd(const struct stage_source *source, struct normalizer **out, rf_error *err)
{
    (void)source;
    return given(rf__form_normalizer_new(RF_FORM_NFD), out, err);
}

static rf_status read_nfc(const struct stage_source *source, struct normalizer **out, rf_error *err)
{
    (void)source;
    return given(rf__form_normalizer_new(RF_FORM_NFC), out, err);
}

static rf_status read_nfkd(const struct stage_source *source, struct normalizer **out, rf_error *err)
{
    (void)source;
    return given(rf__form_normalizer_new(RF_FORM_NFKD), out, err);
}

static rf_status read_nfkc(const struct stage_source *source, struct normalizer **out, rf_error *err)
{
    (void)source;
    return given(rf__form_normalizer_new(RF_FORM_NFKC), out, err);
}

static rf_status read_strip(const struct stage_source *source, struct normalizer **out, rf_error *err)
{
    bool left, right;
    rf_status status = rf__json_get_bool(source->json, source->value, "strip_left", true, &left, err);

    if (status == RF_OK)
        status = rf__json_get_bool(source->json, source->value, "strip_right", true, &right, err);
    return status != RF_OK ? status : given(rf__strip_normalizer_new(left, right), out, err);
}

static rf_status read_prepend(const struct stage_source *source, struct normalizer **out, rf_error *err)
{
    yyjson_val *text = yyjson_obj_get(source->value, "prepend");

    if (!yyjson_is_str(text))
        return rf__fail(err, RF_BAD_FORMAT, "%s: %s 'Prepend': 'prepend' is %s, expected a string", source->json->name,
                        STAGE, rf__json_type_name(text));
    return given(rf__prepend_normalizer_new(yyjson_get_str(text), yyjson_get_len(text)), out, err);
}

static rf_status read_bert(const struct stage_source *source, struct normalizer **out, rf_error *err)
{
    const struct json *json = source->json;
    yyjson_val *object = source->value;
    struct bert_normalizer_flags flags;
    rf_status status;

    status = rf__json_get_bool(json, object, "clean_text", true, &flags.clean_text, err);
    if (status == RF_OK)
        status = rf__json_get_bool(json, object, "handle_chinese_chars", true, &flags.handle_chinese_chars, err);
    if (status == RF_OK)
        status = rf__json_get_bool(json, object, "lowercase", true, &flags.lowercase, err);
    if (status == RF_OK)
        status = rf__json_get_bool(json, object, "strip_accents", flags.lowercase, &flags.strip_accents, err);
    if (status != RF_OK)
        return status;
    return given(rf__bert_normalizer_new(flags), out, err);
}

static const struct {
    const char *type;
    reader read;
} kinds[] = {
    {"BertNormalizer", read_bert},
    {"ByteLevel", read_byte_level},
    {"Lowercase", read_lowercase},
    {"NFC", read_nfc},
    {"NFD", read_nfd},
    {"NFKC", read_nfkc},
    {"NFKD", read_nfkd},
    {"Nmt", read_nmt},
    {"Precompiled", rf__precompiled_normalizer_read},
    {"Prepend", read_prepend},
    {"Replace", rf__replace_normalizer_read},
    {"Strip", read_strip},
    {"StripAccents", read_strip_accents},
};

static rf_status read_one(void *chain, const struct stage_source *source, const char *type, rf_error *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct normalizer *normalizer;
        rf_status status;
        if (strcmp(type, kinds[i].type) != 0)
            continue;
        status = kinds[i].read(source, &normalizer, err);
        if (status != RF_OK)
            return status;
        normalizer->type = kinds[i].type;
        status = rf__normalizers_add(chain, normalizer, err);
        return status != RF_OK ? rf__fail_prefix(err, status, "%s", source->json->name) : RF_OK;
    }
    return rf__fail_stage(source->json, STAGE, type, err);
}

rf_status rf__normalizers_read(struct normalizers *chain, const struct stage_source *source, rf_error *err)
{
    return rf__stage_each(source, STAGE, "normalizers", read_one, chain, err);
}

rf_status rf__normalizers_add(struct normalizers *chain, struct normalizer *normalizer, rf_error *err)
{
    if (chain->n == RF_MAX_CHAIN) {
        normalizer->ops->free(normalizer);
        return rf__fail(err, RF_UNSUPPORTED, "more than %d normalizers in a row", RF_MAX_CHAIN);
    }
    chain->items[chain->n++] = normalizer;
    return RF_OK;
}

rf_status rf__normalizers_lower_first(struct normalizers *chain, rf_error *err)
{
    struct normalizer *lowercase;
    rf_status status;

    for (size_t i = 0; i < chain->n; i++)
        if (chain->items[i]->lowers)
            return RF_OK;
    lowercase = rf__lowercase_normalizer_new();
    if (lowercase == NULL)
        return rf__fail_memory(err);
    status = rf__normalizers_add(chain, lowercase, err);
    if (status != RF_OK)
        return status;
    for (size_t i = chain->n - 1; i > 0; i--)
        chain->items[i] = chain->items[i - 1];
    chain->items[0] = lowercase;
    return RF_OK;
}

void rf__normalizers_release(struct normalizers *chain)
{
    for (size_t i = 0; i < chain->n; i++)
        chain->items[i]->ops->free(chain->items[i]);
    chain->n = 0;
}

/* ---- Where to cut ------------------------------------------------------------------------------------------- */

/* The character that ends at `at`, U+FFFD for what is ill-formed. */
static uint32_t char_before(const char *data, size_t at)
{
    size_t begin = rf__text_before(data, at);
    uint32_t c;

    return rf__utf8_decode(data + begin, at - begin, &c) == at - begin ? c : RF_UTF8_REPLACEMENT;
}

/* As rf__normalize_cut(), for one kind; NULL changes nothing. */
static size_t find_cut(const struct normalizer *normalizer, const struct text_part *in, size_t low)
{
    const char *data = in->text->data;

    assert(low > in->from);
    if (normalizer != NULL && normalizer->ops->can_cut == NULL)
        return 0;
    for (size_t at = in->to; at > low;) {
        uint32_t c;
        at = rf__text_before(data, at);
        if (at < low)
            break;
        /* A byte that continues a character, or is ill-formed, reads as U+FFFD: no place to cut. */
        rf__utf8_decode(data + at, in->text->len - at, &c);
        if (c != RF_UTF8_REPLACEMENT &&
            (normalizer == NULL || normalizer->ops->can_cut(normalizer, in, char_before(data, at), c)))
            return at;
    }
    return 0;
}

size_t rf__normalize_cut(const struct normalizers *chain, const struct text_part *in, size_t low)
{
    return find_cut(chain->n == 0 ? NULL : chain->items[0], in, low);
}

/* ---- Applying ----------------------------------------------------------------------------------------------- */

void rf__normalize_scratch_release(struct normalize_scratch *scratch)
{
    for (size_t i = 0; i < RF_MAX_CHAIN; i++)
        rf__text_buf_release(&scratch->queues[i].text);
    rf__text_buf_release(&scratch->repaired);
    rf__free(scratch->pieces);
    rf__free(scratch->origins);
    for (size_t i = 0; i < RF_NORMALIZE_FINDERS; i++)
        rf__regex_finder_free(scratch->finders[i].finder);
    *scratch = (struct normalize_scratch){0};
}

rf_status rf__normalize_reserve_pieces(struct normalize_scratch *scratch, size_t n, rf_error *err)
{
    size_t cap = scratch->cap == 0 ? 256 : scratch->cap * 2, bytes;
    struct nfd_piece *pieces;
    struct text_char *origins;

    if (n <= scratch->cap)
        return RF_OK;
    if (cap < n)
        cap = n;
    if (!rf__mul(cap, 2 * sizeof *pieces, &bytes) || (pieces = rf__realloc(scratch->pieces, bytes)) == NULL)
        return rf__fail_memory(err);
    scratch->pieces = pieces;
    if (!rf__mul(cap, sizeof *origins, &bytes) || (origins = rf__realloc(scratch->origins, bytes)) == NULL)
        return rf__fail_memory(err);
    scratch->origins = origins;
    scratch->cap = cap;
    return RF_OK;
}

static void begin_segment(const struct normalizers *chain, const struct text_part *in,
                          struct normalize_scratch *scratch)
{
    struct align align = rf__align_of(in->text);

    for (size_t i = 0; i < chain->n; i++) {
        rf__text_buf_clear(&scratch->queues[i].text);
        scratch->queues[i].seen = 0;
        scratch->queues[i].has_begun = false;
    }
    scratch->segment = in->from < in->to ? rf__align_begin(&align, in->from) : 0;
}

/* Makes a part of the caller's text well-formed. */
static rf_status repair(struct text_part *part, struct normalize_scratch *scratch, rf_error *err)
{
    rf_status status;

    if (rf__utf8_valid(part->text->data + part->from, part->to - part->from))
        return RF_OK;
    rf__text_buf_clear(&scratch->repaired);
    status = rf__text_buf_copy(&scratch->repaired, part->text, part->from, part->to, err);
    part->text = &scratch->repaired.text;
    part->from = 0;
    part->to = part->text->len;
    return status;
}

/* What the kind behind a queue can read of it now; empty when that is nothing. */
static struct text_part take(struct normalize_queue *queue, const struct normalizer *normalizer, bool is_end)
{
    const struct text *text = &queue->text.text;
    struct text_part part = {text, 0, text->len, !queue->has_begun, is_end};
    size_t low = queue->seen == 0 ? 1 : queue->seen;

    if (!is_end) {
        size_t len = text->len;
        part.to = low < len ? find_cut(normalizer, &part, low) : 0;
        queue->seen = len;
    }
    return part;
}

/* Forgets what has been read. */
static void drop(struct normalize_queue *queue, size_t n)
{
    if (n == 0)
        return;
    queue->has_begun = true;
    queue->seen -= queue->seen < n ? queue->seen : n;
    rf__text_buf_drop(&queue->text, n);
}

void rf__normalize_begin_text(struct normalize_scratch *scratch)
{
    scratch->n_read = 0;
    scratch->regex_budget = (struct regex_budget){0};
    memset(scratch->n_written, 0, sizeof scratch->n_written);
}

/* Kind number i writes the normal form of the part, within what it may still write of the text. */
static rf_status apply(const struct normalizers *chain, size_t i, const struct text_part *part, struct text_buf *out,
                       struct normalize_scratch *scratch, rf_error *err)
{
    const struct normalizer *normalizer = chain->items[i];
    size_t before = out->text.len;
    rf_status status;

    rf__text_buf_limit(out, rf__text_ceiling(scratch->n_read) - scratch->n_written[i]);
    status = normalizer->ops->apply(normalizer, part, out, scratch, err);
    scratch->n_written[i] += out->text.len - before;
    if (status == RF_UNSUPPORTED && normalizer->type != NULL)
        return rf__fail_prefix(err, status, STAGE " '%s'", normalizer->type);
    return status;
}

rf_status rf__normalize(const struct normalizers *chain, const struct text_part *in, struct text_buf *out,
                        struct normalize_scratch *scratch, rf_error *err)
{
    struct text_part part = *in;
    rf_status status = RF_OK;

    if (chain->n == 0)
        return rf__text_buf_copy(out, in->text, in->from, in->to, err);
    if (in->is_begin)
        begin_segment(chain, in, scratch);
    scratch->n_read += in->to - in->from;
    if (!chain->items[0]->reads_ill_formed)
        status = repair(&part, scratch, err);
    for (size_t i = 0; i < chain->n && status == RF_OK; i++) {
        const struct normalizer *normalizer = chain->items[i];
        struct normalize_queue *queue = &scratch->queues[i]; /* the one in front */
        struct text_buf *target = i + 1 == chain->n ? out : &scratch->queues[i + 1].text;
        if (i > 0)
            part = take(queue, normalizer, in->is_end);
        if (part.from < part.to)
            status = apply(chain, i, &part, target, scratch, err);
        if (i > 0 && status == RF_OK)
            drop(queue, part.to);
    }
    return status;
}
