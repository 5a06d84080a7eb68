/*
 * vocab_txt: a tokenizer of BERT's or MPNet's from a vocab.txt, one piece a line, its id the number of the line, with
 * what tokenizer_config.json, special_tokens_map.json and added_tokens.json add: as the classes of `transformers` build
 * it. Every stage is fixed; the files choose the class, flags and tokens:
 *
 *     tokenizer_config.json    tokenizer_class, do_lower_case, strip_accents, tokenize_chinese_chars
 *     config.json              tokenizer_class, model_type, where the other names no class
 *
 * A class that is not known may do something else with the same file (BertJapaneseTokenizer, PhobertTokenizer), and is
 * refused.
 */
#include "tokenizer/files/special_tokens.h"

#include "base/mem.h"
#include "base/utf8.h"

/* ---- Which class it is for ---------------------------------------------------------------------------------- */

struct family {
    struct added_spec named[N_SPECIALS]; /* the special tokens that the files may leave out */
    uint32_t cls, sep;                   /* the ids where the files say that there is none */
    rf_status (*make_postprocessor)(struct postprocessor *processor, uint32_t cls, uint32_t sep, rf_error *err);
};

/* MPNet's class makes objects of them, see special_tokens.h. */
static const struct family families[N_WORDPIECE_FAMILIES] = {
    [FAMILY_BERT] =
        {
            {
                [SPECIAL_UNK] = {"[UNK]", 5, {.special = true}},
                [SPECIAL_SEP] = {"[SEP]", 5, {.special = true}},
                [SPECIAL_PAD] = {"[PAD]", 5, {.special = true}},
                [SPECIAL_CLS] = {"[CLS]", 5, {.special = true}},
                [SPECIAL_MASK] = {"[MASK]", 6, {.special = true}},
            },
            2,
            3,
            rf__postprocessor_bert,
        },
    [FAMILY_MPNET] =
        {
            {
                [SPECIAL_BOS] = {"<s>", 3, {.normalized = true}},
                [SPECIAL_EOS] = {"</s>", 4, {.normalized = true}},
                [SPECIAL_UNK] = {"[UNK]", 5, {.normalized = true}},
                [SPECIAL_SEP] = {"</s>", 4, {.normalized = true}},
                [SPECIAL_PAD] = {"<pad>", 5, {.normalized = true}},
                [SPECIAL_CLS] = {"<s>", 3, {.normalized = true}},
                [SPECIAL_MASK] = {"<mask>", 6, {.normalized = true, .lstrip = true}},
            },
            0,
            2,
            rf__postprocessor_roberta,
        },
};

static rf_status find_family(const struct vocab_companions *companions, const char *name, const struct logger *logger,
                             const struct family **out, rf_error *err)
{
    size_t i;
    rf_status status = rf__companions_family(companions, rf__wordpiece_families, N_WORDPIECE_FAMILIES, name, &i, err);

    if (status != RF_OK)
        return status;
    if (i == N_WORDPIECE_FAMILIES) {
        i = FAMILY_BERT;
        rf__log(logger, RF_LOG_INFO, "%s: nothing says which tokenizer class it is for; taken for BERT's", name);
    }
    *out = &families[i];
    return RF_OK;
}

/* ---- The lines ---------------------------------------------------------------------------------------------- */

/* The length of text[0, len) without the whitespace at its end. */
static size_t trim_end(const char *text, size_t len)
{
    while (len > 0) {
        size_t before = rf__text_before(text, len);
        uint32_t c;
        rf__utf8_decode(text + before, len - before, &c);
        if ((rf__unicode_properties_of(c) & RF_UNICODE_WHITESPACE) == 0)
            break;
        len = before;
    }
    return len;
}

/* The end of the line that begins at `at`. */
static size_t line_end(const char *text, size_t len, size_t at)
{
    const char *found = memchr(text + at, '\n', len - at);

    return found == NULL ? len : (size_t)(found - text);
}

static rf_status count_lines(const char *text, size_t len, const char *name, uint32_t *n, rf_error *err)
{
    *n = 0;
    for (size_t at = 0; at < len;) {
        size_t end = line_end(text, len, at);
        if (!rf__utf8_valid(text + at, end - at))
            return rf__fail(err, RF_BAD_FORMAT, "%s: line %u is not valid UTF-8", name, *n + 1);
        if (++*n == RF_VOCABULARY_MAX_IDS)
            return rf__fail(err, RF_BAD_FORMAT, "%s: has more than %u lines", name, RF_VOCABULARY_MAX_IDS - 1);
        at = end + 1;
    }
    if (*n == 0)
        return rf__fail(err, RF_BAD_FORMAT, "%s: is empty, expected one piece a line", name);
    return RF_OK;
}

static rf_status read_lines(const char *text, size_t len, const char *name, struct vocabulary *out, rf_error *err)
{
    uint32_t n, id = 0;
    rf_status status = count_lines(text, len, name, &n, err);

    if (status == RF_OK)
        status = rf__vocabulary_init(out, n, len, n, err);
    if (status != RF_OK)
        return status;
    for (size_t at = 0; at < len; id++) {
        size_t end = line_end(text, len, at);
        rf__vocabulary_add(out, text + at, trim_end(text + at, end - at), id);
        at = end + 1;
    }
    status = rf__vocabulary_finish(out, err);
    if (status == RF_OK)
        return RF_OK;
    rf__vocabulary_release(out);
    return rf__fail_prefix(err, status, "%s", name);
}

/* ---- The stages --------------------------------------------------------------------------------------------- */

static rf_status build_stages(struct rf_tokenizer *tokenizer, const struct json *config, bool lower_case, rf_error *err)
{
    struct bert_normalizer_flags flags = {.clean_text = true};
    struct normalizer *normalizer;
    struct pretokenizer *pretokenizer;
    struct decoder *decoder;
    rf_status status;

    status = rf__json_get_bool(config, config->root, "do_lower_case", true, &flags.lowercase, err);
    if (status == RF_OK)
        status = rf__json_get_bool(config, config->root, "strip_accents", flags.lowercase, &flags.strip_accents, err);
    if (status == RF_OK)
        status =
            rf__json_get_bool(config, config->root, "tokenize_chinese_chars", true, &flags.handle_chinese_chars, err);
    if (status != RF_OK)
        return status;
    normalizer = rf__bert_normalizer_new(flags);
    status = normalizer == NULL ? rf__fail_memory(err) : rf__normalizers_add(&tokenizer->normalizers, normalizer, err);
    if (status == RF_OK && lower_case)
        status = rf__normalizers_lower_first(&tokenizer->normalizers, err);
    if (status != RF_OK)
        return status;
    pretokenizer = rf__bert_pretokenizer_new();
    status = pretokenizer == NULL ? rf__fail_memory(err)
                                  : rf__pretokenizers_add(&tokenizer->pretokenizers, pretokenizer, err);
    if (status != RF_OK)
        return status;
    decoder = rf__wordpiece_decoder_new("##", 2, true);
    return decoder == NULL ? rf__fail_memory(err) : rf__decoders_add(&tokenizer->decoders, decoder, err);
}

static rf_status build(struct rf_tokenizer *tokenizer, struct vocabulary *vocabulary, const char *name,
                       const struct family *family, struct special_tokens *tokens, rf_error *err)
{
    const struct added_spec *unk = &tokens->named[SPECIAL_UNK];
    struct wordpiece_settings settings = {
        .unk_token = unk->content != NULL ? unk->content : "None", /* as transformers writes it */
        .unk_token_len = unk->content != NULL ? unk->len : 4,
        .prefix = "##",
        .prefix_len = 2,
        .max_chars = 100,
        .name = name,
    };
    rf_status status = rf__wordpiece_new(vocabulary, &settings, &tokenizer->model, err);

    tokens->ids[SPECIAL_CLS] = family->cls;
    tokens->ids[SPECIAL_SEP] = family->sep;
    if (status == RF_OK)
        status = rf__special_tokens_add(tokens, tokenizer, err);
    return status != RF_OK ? status
                           : family->make_postprocessor(&tokenizer->postprocessor, tokens->ids[SPECIAL_CLS],
                                                        tokens->ids[SPECIAL_SEP], err);
}

rf_status rf__tokenizer_read_vocab(struct rf_tokenizer *tokenizer, const char *text, size_t len, const char *name,
                                   const struct vocab_companions *companions, bool lower_case,
                                   const struct logger *logger, rf_error *err)
{
    struct special_tokens tokens = {0};
    struct vocabulary vocabulary = {0};
    const struct family *family = NULL;
    rf_status status = find_family(companions, name, logger, &family, err);

    if (status == RF_OK)
        status = rf__special_tokens_list(&tokens, companions, family->named, false, 0, err);
    if (status == RF_OK)
        status = build_stages(tokenizer, &companions->config, lower_case, err);
    if (status == RF_OK)
        status = read_lines(text, len, name, &vocabulary, err);
    if (status == RF_OK)
        status = build(tokenizer, &vocabulary, name, family, &tokens, err);
    if (status == RF_OK)
        status = rf__tokenizer_finish(tokenizer, logger, err);
    rf__special_tokens_release(&tokens);
    return status;
}
