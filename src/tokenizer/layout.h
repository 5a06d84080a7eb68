/*
 * layout: from the kinds of a post-processor, in the order of application, to the lists that they come down to.
 *
 * A kind takes the parts that the one before it left - at first each text is one - and gives other parts; joined, the
 * last ones are the result. What a kind does depends on nothing but the number of texts and whether special tokens are
 * asked for, so it is done once, with the names of the texts in the place of their tokens.
 */
#ifndef RF_TOKENIZER_LAYOUT_H
#define RF_TOKENIZER_LAYOUT_H

#include "tokenizer/stages.h"

#define RF_LAYOUT_MAX_ITEMS 4096

/* Of a TemplateProcessing: a text, or one id of a special token. */
struct template_item {
    enum { TEMPLATE_FIRST, TEMPLATE_SECOND, TEMPLATE_SPECIAL } kind;
    uint32_t type_id;
    uint32_t id;    /* of TEMPLATE_SPECIAL */
    bool continues; /* of a special token with several ids: not the first */
};
struct template
{
    struct template_item *items;
    size_t n;
};

struct post_step {
    enum { POST_BERT, POST_ROBERTA, POST_BYTE_LEVEL, POST_TEMPLATE } kind;
    uint32_t cls, sep;                  /* of BERT and RoBERTa */
    bool trim_offsets, keeps_one_space; /* of RoBERTa and byte level */
    struct template templates[2];       /* [is a pair] */
};
struct post_steps {
    struct post_step items[RF_MAX_CHAIN];
    size_t n;
};
void rf__post_steps_release(struct post_steps *steps);

/* Fills a zeroed processor; what it holds after a failure must be released. `name` is the file's, for messages. */
rf_status rf__layouts_make(struct postprocessor *processor, const struct post_steps *steps, const char *name,
                           rf_error *err);

#endif
