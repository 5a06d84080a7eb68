/* companions: the files beside a vocabulary or a model of sentencepiece, see files.h. */
#include "tokenizer/files/files.h"

#define FAST "Fast"

bool rf__is_class(const char *class, const char *name)
{
    size_t len = strlen(name);

    return strncmp(class, name, len) == 0 && (class[len] == '\0' || strcmp(class + len, FAST) == 0);
}

bool rf__is_class_of(const char *class, const char *const *names)
{
    for (; *names != NULL; names++)
        if (rf__is_class(class, *names))
            return true;
    return false;
}

rf_status rf__companions_class(const struct vocab_companions *companions, struct class_name *out, rf_error *err)
{
    const struct json *config = &companions->config, *model = &companions->model_config;
    const char *class, *model_type;
    rf_status status = rf__json_get_str(config, config->root, "tokenizer_class", NULL, &class, err);

    if (status == RF_OK && class == NULL)
        status = rf__json_get_str(model, model->root, "tokenizer_class", NULL, &class, err);
    if (status == RF_OK)
        status = rf__json_get_str(model, model->root, "model_type", NULL, &model_type, err);
    if (status == RF_OK)
        *out = (struct class_name){class != NULL ? class : model_type, class != NULL};
    return status;
}

rf_status rf__refuse_class(const struct class_name *class, const char *name, rf_error *err)
{
    return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: the %s '%s' on such a file; a tokenizer.json is needed",
                    name, class->is_class ? "class" : "model type", class->text);
}

static const char *const bert_classes[] = {
    "BertTokenizer",
    "DistilBertTokenizer",
    "ElectraTokenizer",
    "ConvBertTokenizer",
    "MobileBertTokenizer",
    "LayoutLMTokenizer",
    "SqueezeBertTokenizer",
    "LxmertTokenizer",
    "RetriBertTokenizer",
    "RealmTokenizer",
    "DPRContextEncoderTokenizer",
    "DPRQuestionEncoderTokenizer",
    NULL,
};
static const char *const bert_types[] = {
    "bert",        "distilbert", "electra",    "convbert", "mobilebert",  "layoutlm",
    "squeezebert", "lxmert",     "retribert",  "realm",    "dpr",         "megatron-bert",
    "nezha",       "qdqbert",    "nomic_bert", "ernie",    "visual_bert", NULL,
};
static const char *const mpnet_classes[] = {"MPNetTokenizer", NULL};
static const char *const mpnet_types[] = {"mpnet", NULL};

const struct class_family rf__wordpiece_families[N_WORDPIECE_FAMILIES] = {
    [FAMILY_BERT] = {bert_classes, bert_types},
    [FAMILY_MPNET] = {mpnet_classes, mpnet_types},
};

size_t rf__find_family(const struct class_name *class, const struct class_family *families, size_t n)
{
    size_t i = 0;

    if (class->text == NULL)
        return n;
    while (i < n && !rf__is_class_of(class->text, class->is_class ? families[i].classes : families[i].model_types))
        i++;
    return i;
}

rf_status rf__companions_family(const struct vocab_companions *companions, const struct class_family *families,
                                size_t n, const char *name, size_t *out, rf_error *err)
{
    struct class_name class;
    rf_status status = rf__companions_class(companions, &class, err);

    if (status != RF_OK)
        return status;
    *out = rf__find_family(&class, families, n);
    return *out == n && class.text != NULL ? rf__refuse_class(&class, name, err) : RF_OK;
}

bool rf__config_says_all_tokens(const struct json *config)
{
    return yyjson_is_obj(yyjson_obj_get(config->root, "added_tokens_decoder"));
}

void rf__companions_release(struct vocab_companions *companions)
{
    rf__json_release(&companions->config);
    rf__json_release(&companions->special_tokens_map);
    rf__json_release(&companions->added_tokens);
    rf__json_release(&companions->model_config);
}
