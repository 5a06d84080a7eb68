/* pretokenizer: the kinds of pre-tokenizers and the chain of them. */
#include "tokenizer/stages.h"

#include "base/mem.h"

#define STAGE "pre_tokenizer"

static rf_status read_bert(const struct stage_source *source, struct pretokenizer **out, rf_error *err)
{
    (void)source;
    *out = rf__bert_pretokenizer_new();
    return *out == NULL ? rf__fail_memory(err) : RF_OK;
}

static const struct {
    const char *type;
    rf_pretokenizer_reader read;
} kinds[] = {
    {"BertPreTokenizer", read_bert},
    {"ByteLevel", rf__byte_level_pretokenizer_read},
    {"CharDelimiterSplit", rf__char_delimiter_pretokenizer_read},
    {"Digits", rf__digits_pretokenizer_read},
    {"FixedLength", rf__fixed_length_pretokenizer_read},
    {"Metaspace", rf__metaspace_pretokenizer_read},
    {"Punctuation", rf__punctuation_pretokenizer_read},
    {"Split", rf__split_pretokenizer_read},
    {"UnicodeScripts", rf__unicode_scripts_pretokenizer_read},
    {"Whitespace", rf__whitespace_pretokenizer_read},
    {"WhitespaceSplit", rf__whitespace_split_pretokenizer_read},
};

static rf_status read_one(void *chain, const struct stage_source *source, const char *type, rf_error *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct pretokenizer *pretokenizer;
        rf_status status;
        if (strcmp(type, kinds[i].type) != 0)
            continue;
        status = kinds[i].read(source, &pretokenizer, err);
        if (status != RF_OK)
            return status;
        pretokenizer->type = kinds[i].type;
        status = rf__pretokenizers_add(chain, pretokenizer, err);
        return status != RF_OK ? rf__fail_prefix(err, status, "%s", source->json->name) : RF_OK;
    }
    return rf__fail_stage(source->json, STAGE, type, err);
}

rf_status rf__pretokenizers_read(struct pretokenizers *chain, const struct stage_source *source, rf_error *err)
{
    return rf__stage_each(source, STAGE, "pretokenizers", read_one, chain, err);
}

rf_status rf__pretokenizers_add(struct pretokenizers *chain, struct pretokenizer *pretokenizer, rf_error *err)
{
    if (chain->n == RF_MAX_CHAIN) {
        pretokenizer->ops->free(pretokenizer);
        return rf__fail(err, RF_UNSUPPORTED, "more than %d pre-tokenizers in a row", RF_MAX_CHAIN);
    }
    chain->items[chain->n++] = pretokenizer;
    return RF_OK;
}

void rf__pretokenizers_release(struct pretokenizers *chain)
{
    for (size_t i = 0; i < chain->n; i++)
        chain->items[i]->ops->free(chain->items[i]);
    chain->n = 0;
}

/* The list that is not `in`, empty, for what `in` becomes. */
static struct pieces *other_list(struct pieces lists[2], struct pieces *in, size_t most_bytes)
{
    struct pieces *out = in == &lists[0] ? &lists[1] : &lists[0];

    if (in->text == &out->own.text) { /* written by the kind before the last, and read still: the two change buffers */
        const struct text_buf buf = in->own;
        in->own = out->own;
        out->own = buf;
        in->text = &in->own.text;
    }
    out->text = in->text;
    out->is_begin = true;
    out->regex_budget = in->regex_budget;
    out->n = 0;
    rf__text_buf_clear(&out->own);
    rf__text_buf_limit(&out->own, most_bytes);
    return out;
}

rf_status rf__pretokenize(const struct pretokenizers *chain, const struct text_part *part, struct pieces lists[2],
                          struct pieces **out, rf_error *err)
{
    struct pieces *in = &lists[0];
    rf_status status;

    in->text = part->text;
    in->is_begin = part->is_begin;
    in->n = 0;
    *out = in;
    if (part->from == part->to)
        return RF_OK;
    status = rf__pieces_reserve(in, 1, err);
    if (status != RF_OK)
        return status;
    in->items[in->n++] = (struct span){part->from, part->to};
    for (size_t i = 0; i < chain->n && status == RF_OK; i++) {
        *out = other_list(lists, in, rf__text_ceiling(part->to - part->from));
        status = chain->items[i]->ops->split(chain->items[i], in, *out, err);
        if (status == RF_UNSUPPORTED && chain->items[i]->type != NULL)
            status = rf__fail_prefix(err, status, STAGE " '%s'", chain->items[i]->type);
        in = *out;
    }
    return status;
}

/* Whether the kinds in front of number i do not mind a cut. */
static bool others_can_cut(const struct pretokenizers *chain, size_t i, const struct text *text, size_t at)
{
    for (size_t k = 0; k < i; k++)
        if (chain->items[k]->ops->can_cut == NULL || !chain->items[k]->ops->can_cut(chain->items[k], text, at))
            return false;
    return true;
}

/* Where kind number i leaves a border, and those before it cut none of their own pieces. */
static size_t settled_by(const struct pretokenizers *chain, size_t i, const struct text *text, size_t from, size_t to)
{
    const struct pretokenizer *item = chain->items[i];

    if (item->ops->settled == NULL || (i > 0 && item->adds_prefix))
        return 0;
    for (size_t at = to; at > from;) {
        at = item->ops->settled(item, text, from, at);
        if (at == 0 || i == 0 || (at < to && others_can_cut(chain, i, text, at)))
            return at;
        at = rf__text_before(text->data, at);
    }
    return 0;
}

/* Where one kind has settled, the pieces end, and the kinds behind it see them whole. */
size_t rf__pretokenize_settled(const struct pretokenizers *chain, const struct text *text, size_t from, size_t to)
{
    size_t best = 0;

    for (size_t i = 0; i < chain->n; i++) {
        size_t at = settled_by(chain, i, text, best > from ? best : from, to);
        if (at > best)
            best = at;
        /* What this kind writes, the next ones read. */
        if (chain->items[i]->maps_bytes || chain->items[i]->changes_text)
            break;
    }
    return best;
}
