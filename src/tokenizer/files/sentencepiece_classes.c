/*
 * sentencepiece_classes: the classes of `transformers` that read a model of sentencepiece, what each of them has of its
 * own, and which one a model is for.
 */
#include "tokenizer/files/sentencepiece.h"

#define MAX_EXTRA_IDS 10000

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

static const struct sentencepiece_class classes[] = {
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
#define N_CLASSES (sizeof classes / sizeof classes[0])

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

/* By the name of a class, fast or not, or by a model_type. NULL when it is not known. */
static const struct sentencepiece_class *find_class(const char *name)
{
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (rf__is_class(name, aliases[i].name))
            name = aliases[i].class;
    for (size_t i = 0; i < N_CLASSES; i++)
        if (rf__is_class(name, classes[i].name) || strcmp(name, classes[i].model_type) == 0)
            return &classes[i];
    return NULL;
}

static rf_status read_config(struct sentencepiece_source *source, rf_error *err)
{
    const struct json *json = &source->companions->config;
    struct sentencepiece_flags *flags = &source->flags;
    bool is_albert = source->class != NULL && source->class->family == FAMILY_ALBERT;
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
    uint64_t n_extra_ids = 0;
    rf_status status = RF_OK;

    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && status == RF_OK; i++)
        status = rf__json_get_bool(json, json->root, keys[i].key, keys[i].fallback, keys[i].out, err);
    if (status == RF_OK && source->class != NULL && source->class->layout == PIECES_EXTRA_IDS)
        status = rf__json_get_u64(json, json->root, "extra_ids", 100, MAX_EXTRA_IDS, &n_extra_ids, err);
    source->n_extra_ids = (size_t)n_extra_ids;
    return status;
}

/* A class that is named and not known may lay the pieces out in a way of its own (MBart, NLLB and Pegasus do): any ids
 * would be a guess. */
rf_status rf__sentencepiece_choose_class(struct sentencepiece_source *source, const struct logger *logger,
                                         rf_error *err)
{
    struct class_name class;
    rf_status status = rf__companions_class(source->companions, &class, err);

    if (status != RF_OK)
        return status;
    if (class.text == NULL) {
        rf__log(logger, RF_LOG_WARNING,
                "%s: nothing says which tokenizer class it is for; the ids are those of sentencepiece", source->name);
    } else {
        source->class = find_class(class.text);
        if (source->class == NULL)
            return rf__refuse_class(&class, source->name, err);
    }
    return read_config(source, err);
}
