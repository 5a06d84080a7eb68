/*
 * vocab_json: a byte-level BPE tokenizer from a vocab.json, {"piece": id, …}, and a merges.txt, "left right" a line,
 * with what the files beside them add (special_tokens.h): as GPT2Tokenizer and RobertaTokenizer of `transformers` build
 * it. tokenizer_config.json or config.json say which of the two, or a class that is like one of them; where none does,
 * it is RoBERTa's when the vocabulary has <s> and </s>. They differ in the special tokens and where they go:
 *
 *     RoBERTa   <s> A </s>, <s> A </s> </s> B </s>
 *     GPT-2     as add_bos_token and add_eos_token ask; neither: nothing
 *
 * add_prefix_space and trim_offsets are the file's, false and true where it says nothing.
 */
#include "tokenizer/model/bpe.h"
#include "tokenizer/files/special_tokens.h"

#include "base/utf8.h"

#define STAGES_MAX_BYTES ((size_t)1 << 20)

struct family {
    const struct added_spec *fallbacks;
    bool is_roberta;
};

static const char *const gpt2_classes[] = {"GPT2Tokenizer", NULL};
static const char *const gpt2_types[] = {"gpt2", "gpt_neo", "gptj", "gpt_bigcode", "imagegpt", NULL};
static const struct added_spec gpt2_tokens[N_SPECIALS] = {
    [SPECIAL_BOS] = {"<|endoftext|>", 13, {.special = true}},
    [SPECIAL_EOS] = {"<|endoftext|>", 13, {.special = true}},
    [SPECIAL_UNK] = {"<|endoftext|>", 13, {.special = true}},
};
static const char *const roberta_classes[] = {"RobertaTokenizer", "BartTokenizer", "LongformerTokenizer",
                                              "LEDTokenizer", NULL};
static const char *const roberta_types[] = {
    "roberta", "roberta-prelayernorm", "data2vec-text", "bart", "longformer", "led", NULL};
static const struct added_spec roberta_tokens[N_SPECIALS] = {
    [SPECIAL_BOS] = {"<s>", 3, {.special = true}},     [SPECIAL_EOS] = {"</s>", 4, {.special = true}},
    [SPECIAL_UNK] = {"<unk>", 5, {.special = true}},   [SPECIAL_SEP] = {"</s>", 4, {.special = true}},
    [SPECIAL_PAD] = {"<pad>", 5, {.special = true}},   [SPECIAL_CLS] = {"<s>", 3, {.special = true}},
    [SPECIAL_MASK] = {"<mask>", 6, {.special = true}},
};
static const struct class_family names[] = {{gpt2_classes, gpt2_types}, {roberta_classes, roberta_types}};
static const struct family families[] = {{gpt2_tokens, false}, {roberta_tokens, true}};
#define N_FAMILIES (sizeof names / sizeof names[0])

static rf_status find_family(const struct vocab_companions *companions, const struct json *vocab,
                             const struct logger *logger, const struct family **out, rf_error *err)
{
    size_t i;
    rf_status status = rf__companions_family(companions, names, N_FAMILIES, vocab->name, &i, err);

    if (status != RF_OK)
        return status;
    if (i == N_FAMILIES) {
        i = yyjson_obj_get(vocab->root, "<s>") != NULL && yyjson_obj_get(vocab->root, "</s>") != NULL;
        rf__log(logger, RF_LOG_WARNING, "%s: nothing says which tokenizer class it is for; by its pieces, %s",
                vocab->name, names[i].classes[0]);
    }
    *out = &families[i];
    return RF_OK;
}

/* ---- Merges ------------------------------------------------------------------------------------------------- */

struct lines {
    struct bpe_merges base;
    const char *name, *text;
    size_t len, at, number;
};

static size_t count_lines(const char *text, size_t len)
{
    size_t n = 1;

    for (size_t i = 0; i < len; i++)
        n += text[i] == '\n';
    return n;
}

/* Empty lines and the one with the version are none. */
static bool is_merge(rf_text line)
{
    static const char version[] = "#version";

    return line.len > 0 && (line.len < sizeof version - 1 || memcmp(line.data, version, sizeof version - 1) != 0);
}

static rf_status next_line(struct bpe_merges *self, rf_text *left, rf_text *right, bool *is_end, rf_error *err)
{
    struct lines *lines = (struct lines *)self;

    while (lines->at < lines->len) {
        const char *begin = lines->text + lines->at, *end = memchr(begin, '\n', lines->len - lines->at);
        rf_text line = {begin, end == NULL ? lines->len - lines->at : (size_t)(end - begin)};
        lines->at += line.len + (end != NULL);
        lines->number++;
        if (line.len > 0 && line.data[line.len - 1] == '\r')
            line.len--;
        if (!is_merge(line))
            continue;
        if (!rf__bpe_split_merge(line, left, right))
            return rf__fail(err, RF_BAD_FORMAT, "%s: line %zu is not two pieces with a space between", lines->name,
                            lines->number);
        return RF_OK;
    }
    *is_end = true;
    return RF_OK;
}

static rf_status make_model(const struct vocab_json_files *files, const char *name, struct model **out, rf_error *err)
{
    struct bpe_settings settings = {.name = name};
    struct lines lines = {
        .base = {next_line, count_lines(files->merges.data, files->merges.len)},
        .name = files->merges_name,
        .text = files->merges.data,
        .len = files->merges.len,
    };
    struct vocabulary vocabulary = {0};
    rf_status status = rf__vocabulary_read_object(&files->vocab, "vocab", files->vocab.root, &vocabulary, err);

    return status != RF_OK ? status : rf__bpe_from_merges(&vocabulary, &settings, &lines.base, out, err);
}

/* ---- Stages ------------------------------------------------------------------------------------------------- */

static rf_status append_token(struct buf *out, const char *before, const struct added_spec *token, const char *after,
                              rf_error *err)
{
    rf_status status = rf__buf_append_str(out, before, err);

    if (status == RF_OK)
        status = rf__buf_append_json(out, token->content, token->len, err);
    return status != RF_OK ? status : rf__buf_append_str(out, after, err);
}

/* "post_processor": {"type": "RobertaProcessing", …} */
static rf_status describe_roberta(struct buf *out, const struct special_tokens *tokens, const uint32_t ids[N_SPECIALS],
                                  bool trims, bool prefixes, rf_error *err)
{
    rf_status status = append_token(out, ",\"post_processor\":{\"type\":\"RobertaProcessing\",\"sep\":[",
                                    &tokens->named[SPECIAL_SEP], ",", err);

    if (status == RF_OK)
        status = rf__buf_printf(out, err, "%u],\"cls\":[", ids[SPECIAL_SEP]);
    if (status == RF_OK)
        status = append_token(out, "", &tokens->named[SPECIAL_CLS], ",", err);
    return status != RF_OK ? status
                           : rf__buf_printf(out, err, "%u],\"trim_offsets\":%s,\"add_prefix_space\":%s}",
                                            ids[SPECIAL_CLS], trims ? "true" : "false", prefixes ? "true" : "false");
}

/* One text of a template, with its special tokens. */
static rf_status describe_text(struct buf *out, char text, int type, bool bos, bool eos, rf_error *err)
{
    rf_status status = RF_OK;

    if (bos)
        status = rf__buf_printf(out, err, "{\"SpecialToken\":{\"id\":\"bos\",\"type_id\":%d}},", type);
    if (status == RF_OK)
        status = rf__buf_printf(out, err, "{\"Sequence\":{\"id\":\"%c\",\"type_id\":%d}}", text, type);
    if (status == RF_OK && eos)
        status = rf__buf_printf(out, err, ",{\"SpecialToken\":{\"id\":\"eos\",\"type_id\":%d}}", type);
    return status;
}

/* "post_processor": {"type": "TemplateProcessing", …} */
static rf_status describe_gpt2(struct buf *out, const uint32_t ids[N_SPECIALS], bool bos, bool eos, rf_error *err)
{
    rf_status status =
        rf__buf_append_str(out, ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[", err);

    if (status == RF_OK)
        status = describe_text(out, 'A', 0, bos, eos, err);
    if (status == RF_OK)
        status = rf__buf_append_str(out, "],\"pair\":[", err);
    if (status == RF_OK)
        status = describe_text(out, 'A', 0, bos, eos, err);
    if (status == RF_OK)
        status = rf__buf_append_str(out, ",", err);
    if (status == RF_OK)
        status = describe_text(out, 'B', 1, bos, eos, err);
    return status != RF_OK ? status
                           : rf__buf_printf(out, err,
                                            "],\"special_tokens\":{\"bos\":{\"id\":\"bos\",\"ids\":[%u],\"tokens\":"
                                            "[\"bos\"]},\"eos\":{\"id\":\"eos\",\"ids\":[%u],\"tokens\":[\"eos\"]}}}",
                                            ids[SPECIAL_BOS], ids[SPECIAL_EOS]);
}

static rf_status read_stages(struct rf_tokenizer *tokenizer, const struct json *config, const char *name,
                             const struct family *family, const struct special_tokens *tokens,
                             const uint32_t ids[N_SPECIALS], rf_error *err)
{
    bool prefixes, trims, bos, eos;
    struct buf text;
    rf_status status = rf__json_get_bool(config, config->root, "add_prefix_space", false, &prefixes, err);

    if (status == RF_OK)
        status = rf__json_get_bool(config, config->root, "trim_offsets", true, &trims, err);
    if (status == RF_OK)
        status = rf__json_get_bool(config, config->root, "add_bos_token", false, &bos, err);
    if (status == RF_OK)
        status = rf__json_get_bool(config, config->root, "add_eos_token", false, &eos, err);
    if (status != RF_OK)
        return status;
    rf__buf_init(&text, STAGES_MAX_BYTES);
    status = rf__buf_printf(&text, err,
                            "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":%s,\"trim_offsets\":true,"
                            "\"use_regex\":true},\"decoder\":{\"type\":\"ByteLevel\"}",
                            prefixes ? "true" : "false");
    bos &= tokens->named[SPECIAL_BOS].content != NULL;
    eos &= tokens->named[SPECIAL_EOS].content != NULL;
    if (status == RF_OK && family->is_roberta)
        status = describe_roberta(&text, tokens, ids, trims, prefixes, err);
    else if (status == RF_OK && (bos || eos))
        status = describe_gpt2(&text, ids, bos, eos, err);
    if (status == RF_OK)
        status = rf__buf_append_str(&text, "}", err);
    if (status == RF_OK)
        status = rf__tokenizer_read_stages(tokenizer, text.data, name, err);
    rf__buf_release(&text);
    return status;
}

rf_status rf__tokenizer_read_vocab_json(struct rf_tokenizer *tokenizer, const struct vocab_json_files *files,
                                        const struct vocab_companions *companions, bool lower_case,
                                        const struct logger *logger, rf_error *err)
{
    struct special_tokens tokens = {0};
    const struct family *family = NULL;
    rf_status status;

    if (!yyjson_is_obj(files->vocab.root))
        return rf__fail(err, RF_BAD_FORMAT, "%s: is %s, expected an object", files->vocab.name,
                        rf__json_type_name(files->vocab.root));
    if (!rf__utf8_valid(files->merges.data, files->merges.len))
        return rf__fail(err, RF_BAD_FORMAT, "%s: is not valid UTF-8", files->merges_name);
    status = find_family(companions, &files->vocab, logger, &family, err);
    if (status == RF_OK)
        status = rf__special_tokens_list(&tokens, companions, family->fallbacks, false, 0, err);
    if (status == RF_OK && family->is_roberta)
        status = rf__special_tokens_require(&tokens, 1u << SPECIAL_CLS | 1u << SPECIAL_SEP, files->vocab.name, err);
    if (status == RF_OK && lower_case)
        status = rf__normalizers_lower_first(&tokenizer->normalizers, err);
    if (status == RF_OK)
        status = make_model(files, files->vocab.name, &tokenizer->model, err);
    if (status == RF_OK)
        status = rf__special_tokens_add(&tokens, tokenizer, err);
    if (status == RF_OK)
        status = read_stages(tokenizer, &companions->config, files->vocab.name, family, &tokens, tokens.ids, err);
    if (status == RF_OK)
        status = rf__tokenizer_finish(tokenizer, logger, err);
    rf__special_tokens_release(&tokens);
    return status;
}
