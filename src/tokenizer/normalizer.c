/* normalizer: the kinds of normalizers, the chain of them, and Lowercase, the smallest. */
#include "tokenizer/stages.h"

#include "base/mem.h"
#include "base/utf8.h"

#define STAGE "normalizer"

/* ---- Lowercase: each character alone, whatever its neighbours ----------------------------------------------- */

static rf_status lowercase_apply(const struct normalizer *self, const struct text_part *in, struct text_buf *out,
                                 struct normalize_scratch *scratch, rf_error *err)
{
    struct align align = rf__align_of(in->text);
    size_t at = in->from;

    (void)self;
    (void)scratch;
    while (at < in->to) {
        struct text_char c = rf__align_char(&align, at);
        char bytes[2 * RF_UTF8_MAX];
        size_t len;
        rf_status status = rf__text_buf_reserve(out, sizeof bytes, 2, err);
        if (status != RF_OK)
            return status;
        len = rf__utf8_encode(rf__unicode_lower(c.c), bytes);
        rf__text_put(out, bytes, len, c.begin, c.end);
        if (c.c == RF_UNICODE_CAPITAL_I_WITH_DOT) {
            len = rf__utf8_encode(RF_UNICODE_DOT_ABOVE, bytes);
            rf__text_put(out, bytes, len, c.begin, c.end);
        }
        at += c.len;
    }
    return RF_OK;
}

static bool lowercase_can_cut_before(const struct normalizer *self, uint32_t c)
{
    (void)self;
    (void)c;
    return true;
}

static void lowercase_free(struct normalizer *self)
{
    rf__free(self);
}

static struct normalizer *lowercase_new(void)
{
    static const struct normalizer_ops ops = {lowercase_apply, lowercase_can_cut_before, lowercase_free};
    struct normalizer *normalizer = rf__alloc(sizeof *normalizer);

    if (normalizer != NULL)
        *normalizer = (struct normalizer){.ops = &ops, .lowers = true};
    return normalizer;
}

/* ---- Reading ------------------------------------------------------------------------------------------------ */

static rf_status read_lowercase(const struct stage_source *source, struct normalizer **out, rf_error *err)
{
    (void)source;
    *out = lowercase_new();
    return *out == NULL ? rf__fail_memory(err) : RF_OK;
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
    *out = rf__bert_normalizer_new(flags);
    return *out == NULL ? rf__fail_memory(err) : RF_OK;
}

static const struct {
    const char *type;
    rf_status (*read)(const struct stage_source *source, struct normalizer **out, rf_error *err);
} kinds[] = {
    {"BertNormalizer", read_bert},
    {"Lowercase", read_lowercase},
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
    lowercase = lowercase_new();
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

/* ---- Applying ----------------------------------------------------------------------------------------------- */

void rf__normalize_scratch_release(struct normalize_scratch *scratch)
{
    rf__text_buf_release(&scratch->between[0]);
    rf__text_buf_release(&scratch->between[1]);
    rf__free(scratch->pieces);
    rf__free(scratch->origins);
    *scratch = (struct normalize_scratch){0};
}

rf_status rf__normalize(const struct normalizers *chain, const struct text_part *in, struct text_buf *out,
                        struct normalize_scratch *scratch, rf_error *err)
{
    struct text_part part = *in;
    rf_status status = RF_OK;

    if (chain->n == 0)
        return rf__text_buf_copy(out, in->text, in->from, in->to, err);
    for (size_t i = 0; i < chain->n && status == RF_OK && part.from < part.to; i++) {
        const struct normalizer *normalizer = chain->items[i];
        struct text_buf *target = i + 1 == chain->n ? out : &scratch->between[i % 2];
        if (target != out)
            rf__text_buf_clear(target);
        status = normalizer->ops->apply(normalizer, &part, target, scratch, err);
        part.text = &target->text;
        part.from = 0;
        part.to = target->text.len;
    }
    return status;
}

static bool is_plain(uint32_t c)
{
    return c == ' ' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* A chain of several kinds is cut only before what none of them changes into something else than its like. */
static bool can_cut_before(const struct normalizers *chain, uint32_t c)
{
    for (size_t i = 0; i < chain->n; i++)
        if (chain->items[i]->ops->can_cut_before == NULL || !chain->items[i]->ops->can_cut_before(chain->items[i], c))
            return false;
    return chain->n < 2 || is_plain(c);
}

size_t rf__normalize_cut(const struct normalizers *chain, const struct text *in, size_t from, size_t to)
{
    for (size_t at = to; at > from;) {
        uint32_t c;
        at = rf__text_before(in->data, at);
        if (at < from)
            break;
        /* A byte that continues a character, or is ill-formed, reads as U+FFFD: no place to cut. */
        rf__utf8_decode(in->data + at, in->len - at, &c);
        if (c != RF_UTF8_REPLACEMENT && can_cut_before(chain, c))
            return at;
    }
    return 0;
}
