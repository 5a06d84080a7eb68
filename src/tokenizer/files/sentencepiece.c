/*
 * sentencepiece: see sentencepiece.h. The stages of a class are written as the JSON that `transformers` would save for
 * it, and read like any tokenizer.json; only the vocabulary goes its own way.
 */
#include "tokenizer/files/sentencepiece.h"

#include "base/mem.h"

#include <stdio.h>

#define BAR "\xe2\x96\x81"

/* ---- Which tokenizer it is ---------------------------------------------------------------------------------- */

enum family {
    FAMILY_METASPACE,
    FAMILY_ALBERT,
    FAMILY_XLNET,
    FAMILY_BIGBIRD,
    FAMILY_DEBERTA,
    FAMILY_LLAMA,
    FAMILY_GEMMA
};

/* A special token that the files may leave out; an object is not special before it has a name. */
#define TOKEN(CONTENT, ...)                                                                                            \
    {                                                                                                                  \
        CONTENT, sizeof(CONTENT) - 1,                                                                                  \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
#define NAMED(CONTENT)    TOKEN(CONTENT, .special = true)
#define MASK_L(CONTENT)   TOKEN(CONTENT, .special = true, .lstrip = true)
#define OBJECT(CONTENT)   TOKEN(CONTENT, .normalized = true)
#define OBJECT_L(CONTENT) TOKEN(CONTENT, .normalized = true, .lstrip = true)

struct recipe {
    const char *class, *model_type;
    enum family family;
    enum piece_layout layout;
    int unk_id;                /* -1: the model's */
    const char *single, *pair; /* templates, see write_items(); NULL: by add_bos_token and add_eos_token */
    struct added_spec named[N_SPECIALS];
};

static const struct recipe recipes[] = {
    {"XLMRobertaTokenizer",
     "xlm-roberta",
     FAMILY_METASPACE,
     PIECES_FAIRSEQ,
     3,
     "bAe",
     "bAeeBe",
     {NAMED("<s>"), NAMED("</s>"), NAMED("<unk>"), NAMED("</s>"), NAMED("<pad>"), NAMED("<s>"), NAMED("<mask>")}},
    {"CamembertTokenizer",
     "camembert",
     FAMILY_METASPACE,
     PIECES_CAMEMBERT,
     3,
     "bAe",
     "bAeeBe",
     {NAMED("<s>"), NAMED("</s>"), NAMED("<unk>"), NAMED("</s>"), NAMED("<pad>"), NAMED("<s>"), MASK_L("<mask>")}},
    {"T5Tokenizer",
     "t5",
     FAMILY_METASPACE,
     PIECES_EXTRA_IDS,
     2,
     "Ae",
     "AeBe",
     {[SPECIAL_EOS] = NAMED("</s>"), [SPECIAL_UNK] = NAMED("<unk>"), [SPECIAL_PAD] = NAMED("<pad>")}},
    {"AlbertTokenizer",
     "albert",
     FAMILY_ALBERT,
     PIECES_PLAIN,
     1,
     "cAs",
     "cAsB1s1",
     {NAMED("[CLS]"), NAMED("[SEP]"), NAMED("<unk>"), NAMED("[SEP]"), NAMED("<pad>"), NAMED("[CLS]"), NAMED("[MASK]")}},
    {"XLNetTokenizer",
     "xlnet",
     FAMILY_XLNET,
     PIECES_PLAIN,
     0,
     "Asc2",
     "AsB1s1c2",
     {NAMED("<s>"), NAMED("</s>"), NAMED("<unk>"), NAMED("<sep>"), NAMED("<pad>"), NAMED("<cls>"), OBJECT_L("<mask>")}},
    {"BigBirdTokenizer",
     "big_bird",
     FAMILY_BIGBIRD,
     PIECES_PLAIN,
     -1,
     "cAs",
     "cAsB1s1",
     {OBJECT("<s>"), OBJECT("</s>"), OBJECT("<unk>"), OBJECT("[SEP]"), OBJECT("<pad>"), OBJECT("[CLS]"),
      OBJECT_L("[MASK]")}},
    {"DebertaV2Tokenizer",
     "deberta-v2",
     FAMILY_DEBERTA,
     PIECES_PLAIN,
     -1,
     "cAs",
     "cAsB1s1",
     {NAMED("[CLS]"), NAMED("[SEP]"), NAMED("[UNK]"), NAMED("[SEP]"), NAMED("[PAD]"), NAMED("[CLS]"), NAMED("[MASK]")}},
    {"LlamaTokenizer",
     "llama",
     FAMILY_LLAMA,
     PIECES_PLAIN,
     -1,
     NULL,
     NULL,
     {NAMED("<s>"), NAMED("</s>"), NAMED("<unk>")}},
    {"GemmaTokenizer",
     "gemma",
     FAMILY_GEMMA,
     PIECES_PLAIN,
     -1,
     NULL,
     NULL,
     {[SPECIAL_BOS] = NAMED("<bos>"),
      [SPECIAL_EOS] = NAMED("<eos>"),
      [SPECIAL_UNK] = NAMED("<unk>"),
      [SPECIAL_PAD] = NAMED("<pad>"),
      [SPECIAL_MASK] = NAMED("<mask>")}},
};
#define N_RECIPES (sizeof recipes / sizeof recipes[0])

/* Other names of these, as transformers has them: of a class, or of a model_type whose tokenizer has the class. */
static const struct {
    const char *name, *class;
} aliases[] = {
    {"MT5Tokenizer", "T5Tokenizer"},
    {"mt5", "T5Tokenizer"},
    {"switch_transformers", "T5Tokenizer"},
    {"xmod", "XLMRobertaTokenizer"},
    {"gte", "XLMRobertaTokenizer"},
    {"jina_embeddings_v3", "XLMRobertaTokenizer"},
    {"yoso", "AlbertTokenizer"},
    {"gemma2", "GemmaTokenizer"},
    {"gemma3", "GemmaTokenizer"},
    {"gemma3_text", "GemmaTokenizer"},
    {"gemma3n", "GemmaTokenizer"},
    {"gemma3n_text", "GemmaTokenizer"},
    {"recurrent_gemma", "GemmaTokenizer"},
    {"t5gemma", "GemmaTokenizer"},
};

/* The model that all these files are about. */
struct opened {
    struct sentencepiece_model model;
    const struct recipe *recipe; /* NULL: no class is named; as the library reads it */
    const struct vocab_companions *companions;
    struct special_tokens tokens;
    const char *name;
};

/* By the name of a class, fast or not, or by a model_type. NULL when it is not known. */
static const struct recipe *find_recipe(const char *name)
{
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (rf__is_class(name, aliases[i].name))
            name = aliases[i].class;
    for (size_t i = 0; i < N_RECIPES; i++)
        if (rf__is_class(name, recipes[i].class) || strcmp(name, recipes[i].model_type) == 0)
            return &recipes[i];
    return NULL;
}

/* A class that is named and not known may lay the pieces out in a way of its own (MBart, NLLB and Pegasus do): any ids
 * would be a guess. */
static rf_status choose(struct opened *opened, const struct logger *logger, rf_error *err)
{
    struct class_name class;
    rf_status status = rf__companions_class(opened->companions, &class, err);

    if (status != RF_OK)
        return status;
    if (class.text == NULL) {
        rf__log(logger, RF_LOG_WARNING,
                "%s: nothing says which tokenizer class it is for; the ids are those of sentencepiece", opened->name);
        return RF_OK;
    }
    opened->recipe = find_recipe(class.text);
    return opened->recipe == NULL ? rf__refuse_class(&class, opened->name, err) : RF_OK;
}

/* ---- Writing stages ----------------------------------------------------------------------------------------- */

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

#define METASPACE(SCHEME, SPLIT)                                                                                       \
    "{\"type\":\"Metaspace\",\"replacement\":\"" BAR "\",\"prepend_scheme\":\"" SCHEME "\",\"split\":" SPLIT "}"

/* What the classes read of their configuration. */
struct flags {
    bool add_prefix_space, do_lower_case, keep_accents, split_by_punct, legacy, add_bos, add_eos;
};

static rf_status read_flags(const struct opened *opened, struct flags *flags, rf_error *err)
{
    const struct json *json = &opened->companions->config;
    bool is_albert = opened->recipe != NULL && opened->recipe->family == FAMILY_ALBERT;
    struct {
        const char *key;
        bool fallback, *out;
    } const keys[] = {
        {"add_prefix_space", true, &flags->add_prefix_space},
        {"do_lower_case", is_albert, &flags->do_lower_case},
        {"keep_accents", false, &flags->keep_accents},
        {"split_by_punct", false, &flags->split_by_punct},
        {"legacy", false, &flags->legacy},
        {"add_bos_token", false, &flags->add_bos},
        {"add_eos_token", false, &flags->add_eos},
    };
    rf_status status = RF_OK;

    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && status == RF_OK; i++)
        status = rf__json_get_bool(json, json->root, keys[i].key, keys[i].fallback, keys[i].out, err);
    return status;
}

#define REPLACE(KIND, PATTERN, BY)                                                                                     \
    "{\"type\":\"Replace\",\"pattern\":{\"" KIND "\":\"" PATTERN "\"},\"content\":\"" BY "\"}"
#define QUOTES REPLACE("String", "``", "\\\"") "," REPLACE("String", "''", "\\\"")
#define LINES  REPLACE("Regex", "\\\\s{2,}|[\\\\n\\\\r\\\\t]", " ")

static rf_status write_normalizers(const struct opened *opened, const struct flags *flags, struct buf *out,
                                   rf_error *err)
{
    enum family family = opened->recipe->family;
    bool keeps_accents = flags->keep_accents && family != FAMILY_XLNET;
    rf_status status = rf__buf_append_str(out, "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[", err);

    if (status != RF_OK)
        return status;
    switch (family) {
    case FAMILY_METASPACE:
        status = append_precompiled(out, opened->model.charsmap, true, err);
        break;
    case FAMILY_ALBERT:
    case FAMILY_XLNET:
        status = rf__buf_printf(out, err, "%s%s%s", QUOTES,
                                keeps_accents ? "" : ",{\"type\":\"NFKD\"},{\"type\":\"StripAccents\"}",
                                flags->do_lower_case ? ",{\"type\":\"Lowercase\"}" : "");
        if (status == RF_OK)
            status = append_precompiled(out, opened->model.charsmap, false, err);
        break;
    case FAMILY_BIGBIRD:
        status = rf__buf_append_str(out, REPLACE("Regex", " {2,}", BAR), err);
        break;
    case FAMILY_DEBERTA:
        status = rf__buf_printf(out, err,
                                "%s%s,{\"type\":\"NFC\"},"
                                "{\"type\":\"Strip\",\"strip_left\":false,\"strip_right\":true}",
                                flags->do_lower_case ? "{\"type\":\"Lowercase\"}," : "", LINES);
        break;
    case FAMILY_LLAMA:
        break;
    case FAMILY_GEMMA:
        status = rf__buf_append_str(out, REPLACE("String", " ", BAR), err);
        break;
    }
    return status == RF_OK ? rf__buf_append_str(out, "]}", err) : status;
}

static rf_status write_pretokenizers(const struct opened *opened, const struct flags *flags, struct buf *out,
                                     rf_error *err)
{
    static const char begin[] = ",\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[";
    const char *items = "";

    switch (opened->recipe->family) {
    case FAMILY_METASPACE:
    case FAMILY_ALBERT:
        items = flags->add_prefix_space || opened->recipe->layout == PIECES_EXTRA_IDS
                    ? "{\"type\":\"WhitespaceSplit\"}," METASPACE("always", "true")
                    : "{\"type\":\"WhitespaceSplit\"}," METASPACE("never", "true");
        break;
    case FAMILY_XLNET:
        items = "{\"type\":\"WhitespaceSplit\"}," METASPACE("always", "true");
        break;
    case FAMILY_BIGBIRD:
        items = flags->add_prefix_space ? METASPACE("always", "true") : METASPACE("never", "true");
        break;
    case FAMILY_DEBERTA:
        items = flags->add_prefix_space ? METASPACE("always", "true") : METASPACE("first", "true");
        if (flags->split_by_punct)
            return rf__buf_printf(out, err, "%s{\"type\":\"Punctuation\",\"behavior\":\"Isolated\"},%s]}", begin,
                                  items);
        break;
    case FAMILY_LLAMA:
        items = !flags->add_prefix_space ? METASPACE("never", "false")
                : flags->legacy          ? METASPACE("always", "false")
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

static rf_status write_decoders(const struct opened *opened, const struct flags *flags, struct buf *out, rf_error *err)
{
    const char *text;

    if (opened->recipe == NULL)
        text = opened->model.add_dummy_prefix && !opened->model.treat_whitespace_as_suffix ? DECODE_BYTES DECODE_STRIP
                   "]}"
                                                                                           : DECODE_BYTES "]}";
    else if (opened->recipe->family == FAMILY_GEMMA)
        text = DECODE_BYTES "]}";
    else if (opened->recipe->family == FAMILY_LLAMA)
        text = flags->add_prefix_space ? DECODE_BYTES DECODE_STRIP "]}" : DECODE_BYTES "]}";
    else if (opened->recipe->family == FAMILY_DEBERTA && !flags->add_prefix_space)
        text = ",\"decoder\":" METASPACE("first", "true");
    else if (flags->add_prefix_space || opened->recipe->layout == PIECES_EXTRA_IDS ||
             opened->recipe->family == FAMILY_XLNET)
        text = ",\"decoder\":" METASPACE("always", "true");
    else
        text = ",\"decoder\":" METASPACE("never", "true");
    return rf__buf_append_str(out, text, err);
}

static const char letters[] = {[SPECIAL_BOS] = 'b', [SPECIAL_EOS] = 'e', [SPECIAL_SEP] = 's', [SPECIAL_CLS] = 'c'};

/* The named tokens of a class's template. */
static unsigned needed(const struct recipe *recipe)
{
    unsigned set = 0;

    for (unsigned i = 0; i < sizeof letters && recipe->pair != NULL; i++)
        if (letters[i] != '\0' && strchr(recipe->pair, letters[i]) != NULL)
            set |= 1u << i;
    return set;
}

/* The items of a template from a short form: A and B are the texts, b, e, c and s the special tokens bos, eos, cls and
 * sep; a 1 or 2 behind it is the type. */
static rf_status write_items(const struct opened *opened, const char *items, struct buf *out, rf_error *err)
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
                rf__buf_append_json(out, opened->tokens.named[which].content, opened->tokens.named[which].len, err);
        if (status == RF_OK)
            status = rf__buf_printf(out, err, ",\"type_id\":%d}}", type_id);
    }
    return status == RF_OK ? rf__buf_append_byte(out, ']', err) : status;
}

static rf_status write_specials(const struct opened *opened, struct buf *out, rf_error *err)
{
    static const int written[] = {SPECIAL_BOS, SPECIAL_EOS, SPECIAL_SEP, SPECIAL_CLS};
    rf_status status = rf__buf_append_str(out, ",\"special_tokens\":{", err);
    bool is_first = true;

    for (size_t i = 0; i < sizeof written / sizeof written[0] && status == RF_OK; i++) {
        const struct added_spec *spec = &opened->tokens.named[written[i]];
        if (spec->content == NULL)
            continue;
        if (!is_first)
            status = rf__buf_append_byte(out, ',', err);
        is_first = false;
        if (status == RF_OK)
            status = rf__buf_append_json(out, spec->content, spec->len, err);
        if (status == RF_OK)
            status = rf__buf_printf(out, err, ":{\"ids\":[%u]}", opened->tokens.ids[written[i]]);
    }
    return status == RF_OK ? rf__buf_append_str(out, "}}}", err) : status;
}

static rf_status write_template(const struct opened *opened, const struct flags *flags, struct buf *out, rf_error *err)
{
    const char *bos = flags->add_bos && opened->tokens.named[SPECIAL_BOS].content != NULL ? "b" : "";
    const char *eos = flags->add_eos && opened->tokens.named[SPECIAL_EOS].content != NULL ? "e" : "";
    const struct recipe *recipe = opened->recipe;
    char single[8], pair[16];
    rf_status status = rf__buf_append_str(out, "{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":", err);

    (void)snprintf(single, sizeof single, "%sA%s", bos, eos);
    (void)snprintf(pair, sizeof pair, "%s%s%sB1%s%s", single, bos, *bos ? "1" : "", eos, *eos ? "1" : "");
    if (status == RF_OK)
        status = write_items(opened, recipe != NULL && recipe->single != NULL ? recipe->single : single, out, err);
    if (status == RF_OK)
        status = rf__buf_append_str(out, ",\"pair\":", err);
    if (status == RF_OK)
        status = write_items(opened, recipe != NULL && recipe->pair != NULL ? recipe->pair : pair, out, err);
    return status == RF_OK ? write_specials(opened, out, err) : status;
}

/* ---- Building ----------------------------------------------------------------------------------------------- */

static struct stage_source stage(const struct json *json, const char *key)
{
    return (struct stage_source){.json = json, .value = yyjson_obj_get(json->root, key)};
}

/* The stages around the model that need no ids. */
static rf_status build_stages(struct rf_tokenizer *tokenizer, const struct opened *opened, const struct flags *flags,
                              rf_error *err)
{
    struct stage_source source;
    struct json json = {0};
    struct buf text;
    rf_status status;

    rf__buf_init(&text, RF_JSON_MAX_BYTES);
    status = rf__buf_append_byte(&text, '{', err);
    if (status == RF_OK && opened->recipe != NULL)
        status = write_normalizers(opened, flags, &text, err);
    if (status == RF_OK && opened->recipe != NULL)
        status = write_pretokenizers(opened, flags, &text, err);
    if (status == RF_OK && opened->recipe == NULL)
        status = rf__buf_append_str(&text, "\"normalizer\":null", err);
    if (status == RF_OK)
        status = write_decoders(opened, flags, &text, err);
    if (status == RF_OK)
        status = rf__buf_append_byte(&text, '}', err);
    if (status == RF_OK)
        status = rf__json_parse(&json, text.data, text.len, opened->name, err);
    rf__buf_release(&text);
    if (status != RF_OK)
        return status;
    source = stage(&json, "normalizer");
    status = rf__normalizers_read(&tokenizer->normalizers, &source, err);
    source = stage(&json, "pre_tokenizer");
    if (status == RF_OK)
        status = rf__pretokenizers_read(&tokenizer->pretokenizers, &source, err);
    source = stage(&json, "decoder");
    if (status == RF_OK)
        status = rf__decoders_read(&tokenizer->decoders, &source, err);
    rf__json_release(&json);
    return status;
}

static rf_status build_postprocessor(struct rf_tokenizer *tokenizer, const struct opened *opened,
                                     const struct flags *flags, rf_error *err)
{
    struct stage_source source;
    struct json json = {0};
    struct buf text;
    rf_status status;

    rf__buf_init(&text, RF_JSON_MAX_BYTES);
    status = write_template(opened, flags, &text, err);
    if (status == RF_OK)
        status = rf__json_parse(&json, text.data, text.len, opened->name, err);
    rf__buf_release(&text);
    if (status != RF_OK)
        return status;
    source = stage(&json, "post_processor");
    status = rf__postprocessor_read(&tokenizer->postprocessor, &source, err);
    rf__json_release(&json);
    return status;
}

/* DeBERTa's unknown piece: [UNK] with a score of 0, else the model's. */
static uint32_t find_unknown(const struct opened *opened)
{
    const struct added_spec *unk = &opened->tokens.named[SPECIAL_UNK];

    if (opened->recipe->unk_id >= 0)
        return (uint32_t)opened->recipe->unk_id;
    for (size_t i = 0; i < opened->model.n_pieces; i++) {
        const struct sentencepiece *piece = &opened->model.pieces[i];
        if (piece->score == 0 && piece->text.len == unk->len && memcmp(piece->text.data, unk->content, unk->len) == 0)
            return (uint32_t)i;
    }
    return (uint32_t)opened->model.unk_id;
}

static rf_status build_model(const struct opened *opened, size_t n_extra_ids, struct model **out, rf_error *err)
{
    const struct recipe *recipe = opened->recipe;
    bool is_bpe = opened->model.algorithm == SENTENCEPIECE_BPE;
    bool wants_bpe = recipe != NULL && (recipe->family == FAMILY_LLAMA || recipe->family == FAMILY_GEMMA);
    struct vocab_recipe vocab = {
        .layout = recipe == NULL ? PIECES_PLAIN : recipe->layout,
        .n_extra_ids = n_extra_ids,
        .named = opened->tokens.named,
        .name = opened->name,
    };

    if (recipe == NULL)
        return (is_bpe ? rf__sentencepiece_plain_bpe : rf__sentencepiece_plain_unigram)(&opened->model, opened->name,
                                                                                        out, err);
    if (is_bpe != wants_bpe)
        return rf__fail(err, RF_UNSUPPORTED,
                        "%s: unsupported: a %s model of sentencepiece for the class '%s'; a tokenizer.json is needed",
                        opened->name, is_bpe ? "BPE" : "Unigram", recipe->class);
    vocab.unk_id = find_unknown(opened);
    if (!is_bpe)
        return rf__sentencepiece_unigram(&opened->model, &vocab, out, err);
    return rf__sentencepiece_bpe(&opened->model, recipe->family == FAMILY_GEMMA ? "<unk>" : NULL, opened->name, out,
                                 err);
}

/* Such a piece is matched whole before the model sees the text. */
static bool is_listed(const struct sentencepiece *piece)
{
    return piece->type == PIECE_CONTROL || piece->type == PIECE_USER_DEFINED;
}

/* Those that are matched whole, special when no text was to become them, and the extra ids. */
static void list_own(struct opened *opened, char (*extra)[32], size_t n_extra_ids)
{
    for (size_t i = 0; i < opened->model.n_pieces; i++) {
        const struct sentencepiece *piece = &opened->model.pieces[i];
        struct added_spec spec = {piece->text.data, piece->text.len, {.special = piece->type == PIECE_CONTROL}};
        if (is_listed(piece))
            rf__special_tokens_append(&opened->tokens, &spec);
    }
    for (size_t i = 0; i < n_extra_ids; i++) {
        struct added_spec spec = {extra[i], 0, {.special = true}};
        spec.len = (size_t)snprintf(extra[i], sizeof extra[i], "<extra_id_%zu>", i);
        rf__special_tokens_append(&opened->tokens, &spec);
    }
}

static size_t count_listed_pieces(const struct sentencepiece_model *model)
{
    size_t n = 0;

    for (size_t i = 0; i < model->n_pieces; i++)
        n += is_listed(&model->pieces[i]);
    return n;
}

/* As a class of transformers. `extra`: room for the names of the extra ids, [n_extra_ids]. */
static rf_status build_class(struct rf_tokenizer *tokenizer, struct opened *opened, const struct flags *flags,
                             char (*extra)[32], size_t n_extra_ids, bool lower_case, rf_error *err)
{
    rf_status status = rf__special_tokens_list(&opened->tokens, opened->companions, opened->recipe->named, true,
                                               count_listed_pieces(&opened->model) + n_extra_ids, err);

    if (status == RF_OK)
        status = rf__special_tokens_require(&opened->tokens, needed(opened->recipe), opened->name, err);
    if (status != RF_OK)
        return status;
    if (opened->tokens.takes_own)
        list_own(opened, extra, n_extra_ids);
    status = build_stages(tokenizer, opened, flags, err);
    if (status == RF_OK && lower_case)
        status = rf__normalizers_lower_first(&tokenizer->normalizers, err);
    if (status == RF_OK)
        status = build_model(opened, n_extra_ids, &tokenizer->model, err);
    if (status == RF_OK)
        status = rf__special_tokens_add(&opened->tokens, tokenizer, err);
    return status == RF_OK ? build_postprocessor(tokenizer, opened, flags, err) : status;
}

static void name_piece(struct opened *opened, int which, int32_t id)
{
    if (id < 0 || (size_t)id >= opened->model.n_pieces)
        return;
    opened->tokens.named[which].content = opened->model.pieces[id].text.data;
    opened->tokens.named[which].len = opened->model.pieces[id].text.len;
    opened->tokens.ids[which] = (uint32_t)id;
}

/* BPE takes the pieces of the user out of the normalized text before it merges the rest, as added tokens are. (They are
 * not normalized themselves.) Unigram gives them a score that wins. */
static rf_status add_user_defined(struct rf_tokenizer *tokenizer, const struct opened *opened, rf_error *err)
{
    static const struct normalizers none;
    const struct sentencepiece_model *model = &opened->model;
    bool are_added = model->algorithm == SENTENCEPIECE_BPE;
    rf_status status = rf__added_tokens_init(&tokenizer->added, &tokenizer->model->vocabulary,
                                             are_added ? count_listed_pieces(model) : 0, err);

    for (size_t i = 0; i < model->n_pieces && status == RF_OK && are_added; i++) {
        const struct sentencepiece *piece = &model->pieces[i];
        struct added_spec spec = {piece->text.data, piece->text.len, {.normalized = true}};
        uint32_t id;
        if (piece->type == PIECE_USER_DEFINED)
            status = rf__added_tokens_add(&tokenizer->added, &tokenizer->model->vocabulary, &none, &spec, &id, err);
    }
    return status;
}

/* As the library has it, with its own normalizer. */
static rf_status build_plain(struct rf_tokenizer *tokenizer, struct opened *opened, const struct flags *flags,
                             bool lower_case, rf_error *err)
{
    struct normalizer *normalizer;
    rf_status status = build_model(opened, 0, &tokenizer->model, err);

    if (status == RF_OK)
        status = build_stages(tokenizer, opened, flags, err);
    if (status == RF_OK)
        status = rf__sentencepiece_normalizer(&opened->model, opened->name, &normalizer, err);
    if (status == RF_OK)
        status = rf__normalizers_add(&tokenizer->normalizers, normalizer, err);
    if (status == RF_OK && lower_case)
        status = rf__normalizers_lower_first(&tokenizer->normalizers, err);
    if (status == RF_OK)
        status = add_user_defined(tokenizer, opened, err);
    if (status != RF_OK)
        return status;
    name_piece(opened, SPECIAL_BOS, opened->model.bos_id);
    name_piece(opened, SPECIAL_EOS, opened->model.eos_id);
    return build_postprocessor(tokenizer, opened, flags, err);
}

#define MAX_EXTRA_IDS 10000

static rf_status build(struct rf_tokenizer *tokenizer, struct opened *opened, bool lower_case,
                       const struct logger *logger, rf_error *err)
{
    const struct json *config = &opened->companions->config;
    struct flags flags;
    uint64_t n_extra_ids = 0;
    char(*extra)[32] = NULL;
    rf_status status = choose(opened, logger, err);

    if (status == RF_OK)
        status = read_flags(opened, &flags, err);
    if (status == RF_OK && opened->recipe != NULL && opened->recipe->layout == PIECES_EXTRA_IDS)
        status = rf__json_get_u64(config, config->root, "extra_ids", 100, MAX_EXTRA_IDS, &n_extra_ids, err);
    if (status == RF_OK && n_extra_ids > 0) {
        extra = rf__alloc_array((size_t)n_extra_ids, sizeof *extra);
        status = extra == NULL ? rf__fail_memory(err) : RF_OK;
    }
    if (status == RF_OK && opened->recipe == NULL)
        status = build_plain(tokenizer, opened, &flags, lower_case, err);
    else if (status == RF_OK)
        status = build_class(tokenizer, opened, &flags, extra, (size_t)n_extra_ids, lower_case, err);
    rf__free(extra);
    return status;
}

rf_status rf__tokenizer_read_sentencepiece(struct rf_tokenizer *tokenizer, const char *data, size_t len,
                                           const char *name, const struct vocab_companions *companions, bool lower_case,
                                           const struct logger *logger, rf_error *err)
{
    struct opened opened = {.companions = companions, .name = name};
    rf_status status = rf__sentencepiece_model_read(&opened.model, data, len, name, err);

    if (status != RF_OK)
        return status;
    status = build(tokenizer, &opened, lower_case, logger, err);
    if (status == RF_OK)
        status = rf__tokenizer_finish(tokenizer, logger, err);
    rf__special_tokens_release(&opened.tokens);
    rf__sentencepiece_model_release(&opened.model);
    return status;
}
