/* Includes the public header first and twice, and uses what a caller would. */
#include "rag_factory.h"
#include "rag_factory.h"

int use(const char *source);

int use(const char *source)
{
    rf_model_options options;
    rf_model *model = NULL;
    rf_error err;
    rf_text text = {"hello", 5};
    float vector[4];

    rf_model_options_init(&options, sizeof options);
    options.pooling = RF_POOLING_MEAN;
    if (rf_model_open(source, &options, &model, &err) != RF_OK)
        return (int)err.status;
    if (rf_embed_query(model, text, vector, 4, &err) != RF_OK)
        return (int)err.status;
    rf_model_free(model);
    return 0;
}
