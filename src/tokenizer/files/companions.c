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

rf_status rf__companions_class(const struct vocab_companions *companions, const char **class, const char **model_type,
                               rf_error *err)
{
    const struct json *config = &companions->config, *model = &companions->model_config;
    rf_status status = rf__json_get_str(config, config->root, "tokenizer_class", NULL, class, err);

    if (status == RF_OK && *class == NULL)
        status = rf__json_get_str(model, model->root, "tokenizer_class", NULL, class, err);
    return status == RF_OK ? rf__json_get_str(model, model->root, "model_type", NULL, model_type, err) : status;
}

rf_status rf__companions_family(const struct vocab_companions *companions, const struct class_family *families,
                                size_t n, const char *name, size_t *out, rf_error *err)
{
    const char *class, *model_type, *named;
    rf_status status = rf__companions_class(companions, &class, &model_type, err);

    *out = n;
    named = status != RF_OK || class != NULL ? class : model_type;
    if (status != RF_OK || named == NULL)
        return status;
    for (size_t i = 0; i < n; i++)
        if (rf__is_class_of(named, class != NULL ? families[i].classes : families[i].model_types)) {
            *out = i;
            return RF_OK;
        }
    return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: the %s '%s' on such a file; a tokenizer.json is needed",
                    name, class != NULL ? "class" : "model type", named);
}

void rf__companions_release(struct vocab_companions *companions)
{
    rf__json_release(&companions->config);
    rf__json_release(&companions->special_tokens_map);
    rf__json_release(&companions->added_tokens);
    rf__json_release(&companions->model_config);
}
