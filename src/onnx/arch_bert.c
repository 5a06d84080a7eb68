/*
 * arch_bert: transformers' BertModel (src/transformers/models/bert/modeling_bert.py) without its pooler, and ELECTRA
 * (electra/modeling_electra.py), whose embeddings may be narrower than its layers. The heads of pre-training (`cls.…`),
 * the pooler and anything else in the file are not looked at.
 */
#include "onnx/arch_kinds.h"
#include "onnx/postnorm.h"

#include <string.h>

/* Those of BertConfig, and of ElectraConfig. */
static const struct postnorm_defaults bert_defaults = {30522, 768, 12, 3072, "gelu"};
static const struct postnorm_defaults electra_defaults = {30522, 256, 4, 1024, "gelu"};

static void build_bert(struct arch *arch)
{
    struct postnorm bert = {.names = &rf__bert_names, .layer_name = rf__bert_layer_name};

    if (strcmp(rf__arch_str(arch, "position_embedding_type", "absolute"), "alibi") == 0) {
        rf__jina_build(arch);
        return;
    }
    rf__postnorm_refuse_decoder(arch);
    rf__postnorm_read(arch, &bert_defaults, &bert);
    rf__postnorm_build(arch, &bert);
}

static void build_electra(struct arch *arch)
{
    struct postnorm_names names = rf__bert_names;
    struct postnorm electra = {.names = &names, .layer_name = rf__bert_layer_name};

    rf__postnorm_refuse_decoder(arch);
    rf__postnorm_read(arch, &electra_defaults, &electra);
    electra.embedding = rf__arch_size(arch, "embedding_size", 128, 1 << 16);
    if (electra.embedding.n != electra.hidden.n)
        names.projection = "embeddings_project";
    rf__postnorm_build(arch, &electra);
}

static const char *const bert_prefixes[] = {"bert.", NULL};
const struct arch_kind rf__arch_bert = {"bert", bert_prefixes, "embeddings.word_embeddings.weight", build_bert, true};

static const char *const electra_prefixes[] = {"electra.", NULL};
const struct arch_kind rf__arch_electra = {"electra", electra_prefixes, "embeddings.word_embeddings.weight",
                                           build_electra, true};
