/*
 * sentencepiece_stages: the stages around the model. They are written as the JSON that `transformers` would save for a
 * class, and read like any tokenizer.json.
 */
#include "tokenizer/files/sentencepiece.h"

#include <stdio.h>

#define BAR "\xe2\x96\x81"

/* ---- Normalizers -------------------------------------------------------------------------------------------- */

static rf_status append_base64(struct buf *out, rf_text bytes, rf_error *err)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *s = (const uint8_t *)bytes.data;
    rf_status status = rf__buf_reserve(out, bytes.len / 3 * 4 + 4, err);

    for (size_t i = 0; i < bytes.len && status == RF_OK; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t three = (uint32_t)s[i] << 16 | (n > 1 ? (uint32_t)s[i + 1] << 8 : 0) | (n > 2 ? s[i + 2] : 0u);
        char four[4] = {digits[three >> 18], digits[three >> 12 & 63], n > 1 ? digits[three >> 6 & 63] : '=',
                        n > 2 ? digits[three & 63] : '='};
        status = rf__buf_append(out, four, 4, err);
    }
    return status;
}

/* The map of characters as a normalizer of a list, with a comma where one stands before it. */
static rf_status append_precompiled(struct buf *out, rf_text charsmap, bool is_first, rf_error *err)
{
    rf_status status;

    if (charsmap.len == 0)
        return RF_OK;
    status = rf__buf_printf(out, err, "%s{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"", is_first ? "" : ",");
    if (status == RF_OK)
        status = append_base64(out, charsmap, err);
    return status == RF_OK ? rf__buf_append_str(out, "\"}", err) : status;
}

#define REPLACE(KIND, PATTERN, BY)                                                                                     \
    "{\"type\":\"Replace\",\"pattern\":{\"" KIND "\":\"" PATTERN "\"},\"content\":\"" BY "\"}"
#define QUOTES REPLACE("String", "``", "\\\"") "," REPLACE("String", "''", "\\\"")
#define LINES  REPLACE("Regex", "\\\\s{2,}|[\\\\n\\\\r\\\\t]", " ")

static rf_status write_normalizers(const struct sentencepiece_source *source, struct buf *out, rf_error *err)
{
    enum sentencepiece_family family = source->class->family;
    bool keeps_accents = source->flags.keep_accents && family != FAMILY_XLNET;
    rf_status status = rf__buf_append_str(out, "{\"type\":\"Sequence\",\"normalizers\":[", err);

    if (status != RF_OK)
        return status;
    switch (family) {
    case FAMILY_METASPACE:
        status = append_precompiled(out, source->model.charsmap, true, err);
        break;
    case FAMILY_ALBERT:
    case FAMILY_XLNET:
        status = rf__buf_printf(out, err, "%s%s%s", QUOTES,
                                keeps_accents ? "" : ",{\"type\":\"NFKD\"},{\"type\":\"StripAccents\"}",
                                source->flags.do_lower_case ? ",{\"type\":\"Lowercase\"}" : "");
        if (status == RF_OK)
            status = append_precompiled(out, source->model.charsmap, false, err);
        break;
    case FAMILY_BIGBIRD:
        status = rf__buf_append_str(out, REPLACE("Regex", " {2,}", BAR), err);
        break;
    case FAMILY_DEBERTA:
        status = rf__buf_printf(out, err,
                                "%s%s,{\"type\":\"NFC\"},"
                                "{\"type\":\"Strip\",\"strip_left\":false,\"strip_right\":true}",
                                source->flags.do_lower_case ? "{\"type\":\"Lowercase\"}," : "", LINES);
        break;
    case FAMILY_LLAMA:
        break;
    case FAMILY_GEMMA:
        status = rf__buf_append_str(out, REPLACE("String", " ", BAR), err);
        break;
    }
    return status == RF_OK ? rf__buf_append_str(out, "]}", err) : status;
}

/* ---- Pre-tokenizers and decoders ---------------------------------------------------------------------------- */

#define METASPACE(SCHEME, SPLIT)                                                                                       \
    "{\"type\":\"Metaspace\",\"replacement\":\"" BAR "\",\"prepend_scheme\":\"" SCHEME "\",\"split\":" SPLIT "}"

static rf_status write_pretokenizers(const struct sentencepiece_source *source, struct buf *out, rf_error *err)
{
    static const char begin[] = ",\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[";
    const char *items = "";

    switch (source->class->family) {
    case FAMILY_METASPACE:
    case FAMILY_ALBERT:
        items = source->flags.add_prefix_space || source->class->layout == PIECES_EXTRA_IDS
                    ? "{\"type\":\"WhitespaceSplit\"}," METASPACE("always", "true")
                    : "{\"type\":\"WhitespaceSplit\"}," METASPACE("never", "true");
        break;
    case FAMILY_XLNET:
        items = "{\"type\":\"WhitespaceSplit\"}," METASPACE("always", "true");
        break;
    case FAMILY_BIGBIRD:
        items = source->flags.add_prefix_space ? METASPACE("always", "true") : METASPACE("never", "true");
        break;
    case FAMILY_DEBERTA:
        items = source->flags.add_prefix_space ? METASPACE("always", "true") : METASPACE("first", "true");
        if (source->flags.split_by_punct)
            return rf__buf_printf(out, err, "%s{\"type\":\"Punctuation\",\"behavior\":\"Isolated\"},%s]}", begin,
                                  items);
        break;
    case FAMILY_LLAMA:
        items = !source->flags.add_prefix_space ? METASPACE("never", "false")
                : source->flags.legacy          ? METASPACE("always", "false")
                                                : METASPACE("first", "false");
        break;
    case FAMILY_GEMMA:
        items = "{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},\"behavior\":\"MergedWithPrevious\","
                "\"invert\":false}";
        break;
    }
    return rf__buf_printf(out, err, "%s%s]}", begin, items);
}

#define DECODE_BYTES                                                                                                   \
    ",\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"" BAR           \
    "\"},\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}"
#define DECODE_STRIP ",{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}"

static rf_status write_decoders(const struct sentencepiece_source *source, struct buf *out, rf_error *err)
{
    const char *text;

    if (source->class == NULL)
        text = source->model.add_dummy_prefix && !source->model.treat_whitespace_as_suffix ? DECODE_BYTES DECODE_STRIP
                   "]}"
                                                                                           : DECODE_BYTES "]}";
    else if (source->class->family == FAMILY_GEMMA)
        text = DECODE_BYTES "]}";
    else if (source->class->family == FAMILY_LLAMA)
        text = source->flags.add_prefix_space ? DECODE_BYTES DECODE_STRIP "]}" : DECODE_BYTES "]}";
    else if (source->class->family == FAMILY_DEBERTA && !source->flags.add_prefix_space)
        text = ",\"decoder\":" METASPACE("first", "true");
    else if (source->flags.add_prefix_space || source->class->layout == PIECES_EXTRA_IDS ||
             source->class->family == FAMILY_XLNET)
        text = ",\"decoder\":" METASPACE("always", "true");
    else
        text = ",\"decoder\":" METASPACE("never", "true");
    return rf__buf_append_str(out, text, err);
}

/* ---- The post-processor ------------------------------------------------------------------------------------- */

static const char letters[] = {[SPECIAL_BOS] = 'b', [SPECIAL_EOS] = 'e', [SPECIAL_SEP] = 's', [SPECIAL_CLS] = 'c'};

unsigned rf__sentencepiece_needed(const struct sentencepiece_class *class)
{
    unsigned set = 0;

    for (unsigned i = 0; i < sizeof letters && class->pair != NULL; i++)
        if (letters[i] != '\0' && strchr(class->pair, letters[i]) != NULL)
            set |= 1u << i;
    return set;
}

/* The items of a template from a short form: A and B are the texts, b, e, c and s the special tokens bos, eos, cls and
 * sep; a 1 or 2 behind it is the type. */
static rf_status write_items(const struct sentencepiece_source *source, const char *items, struct buf *out,
                             rf_error *err)
{
    rf_status status = rf__buf_append_byte(out, '[', err);

    for (bool is_first = true; *items != '\0' && status == RF_OK; items++, is_first = false) {
        int which = 0;
        const char *comma = is_first ? "" : ",";
        char letter = *items;
        int type_id = items[1] == '1' || items[1] == '2' ? items[1] - '0' : 0;
        items += type_id > 0;
        if (letter == 'A' || letter == 'B') {
            status =
                rf__buf_printf(out, err, "%s{\"Sequence\":{\"id\":\"%c\",\"type_id\":%d}}", comma, letter, type_id);
            continue;
        }
        while (letters[which] != letter)
            which++;
        status = rf__buf_printf(out, err, "%s{\"SpecialToken\":{\"id\":", comma);
        if (status == RF_OK)
            status =
                rf__buf_append_json(out, source->tokens.named[which].content, source->tokens.named[which].len, err);
        if (status == RF_OK)
            status = rf__buf_printf(out, err, ",\"type_id\":%d}}", type_id);
    }
    return status == RF_OK ? rf__buf_append_byte(out, ']', err) : status;
}

static rf_status write_specials(const struct sentencepiece_source *source, struct buf *out, rf_error *err)
{
    static const int written[] = {SPECIAL_BOS, SPECIAL_EOS, SPECIAL_SEP, SPECIAL_CLS};
    rf_status status = rf__buf_append_str(out, ",\"special_tokens\":{", err);
    bool is_first = true;

    for (size_t i = 0; i < sizeof written / sizeof written[0] && status == RF_OK; i++) {
        const struct added_spec *spec = &source->tokens.named[written[i]];
        if (spec->content == NULL)
            continue;
        if (!is_first)
            status = rf__buf_append_byte(out, ',', err);
        is_first = false;
        if (status == RF_OK)
            status = rf__buf_append_json(out, spec->content, spec->len, err);
        if (status == RF_OK)
            status = rf__buf_printf(out, err, ":{\"ids\":[%u]}", source->tokens.ids[written[i]]);
    }
    return status == RF_OK ? rf__buf_append_str(out, "}}", err) : status;
}

static rf_status write_template(const struct sentencepiece_source *source, struct buf *out, rf_error *err)
{
    const char *bos = source->flags.add_bos && source->tokens.named[SPECIAL_BOS].content != NULL ? "b" : "";
    const char *eos = source->flags.add_eos && source->tokens.named[SPECIAL_EOS].content != NULL ? "e" : "";
    const struct sentencepiece_class *class = source->class;
    char single[8], pair[16];
    rf_status status = rf__buf_append_str(out, "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":", err);

    (void)snprintf(single, sizeof single, "%sA%s", bos, eos);
    (void)snprintf(pair, sizeof pair, "%s%s%sB1%s%s", single, bos, *bos ? "1" : "", eos, *eos ? "1" : "");
    if (status == RF_OK)
        status = write_items(source, class != NULL && class->single != NULL ? class->single : single, out, err);
    if (status == RF_OK)
        status = rf__buf_append_str(out, ",\"pair\":", err);
    if (status == RF_OK)
        status = write_items(source, class != NULL && class->pair != NULL ? class->pair : pair, out, err);
    return status == RF_OK ? write_specials(source, out, err) : status;
}

/* ---- Reading them ------------------------------------------------------------------------------------------- */

rf_status rf__sentencepiece_read_normalizers(const struct sentencepiece_source *source, struct normalizers *out,
                                             rf_error *err)
{
    struct json json = {0};
    struct buf text;
    rf_status status;

    rf__buf_init(&text, RF_JSON_MAX_BYTES);
    status = write_normalizers(source, &text, err);
    if (status == RF_OK)
        status = rf__json_parse(&json, text.data, text.len, source->name, err);
    rf__buf_release(&text);
    if (status == RF_OK)
        status = rf__normalizers_read(out, &(struct stage_source){.json = &json, .value = json.root}, err);
    rf__json_release(&json);
    return status;
}

rf_status rf__sentencepiece_read_stages(const struct sentencepiece_source *source, struct rf_tokenizer *tokenizer,
                                        rf_error *err)
{
    struct buf text;
    rf_status status;

    rf__buf_init(&text, RF_JSON_MAX_BYTES);
    status = rf__buf_append_byte(&text, '{', err);
    if (status == RF_OK)
        status = write_template(source, &text, err);
    if (status == RF_OK && source->class != NULL)
        status = write_pretokenizers(source, &text, err);
    if (status == RF_OK)
        status = write_decoders(source, &text, err);
    if (status == RF_OK)
        status = rf__buf_append_byte(&text, '}', err);
    if (status == RF_OK)
        status = rf__tokenizer_read_stages(tokenizer, text.data, source->name, err);
    rf__buf_release(&text);
    return status;
}
