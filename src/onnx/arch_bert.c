/*
 * arch_bert: transformers' BertModel (src/transformers/models/bert/modeling_bert.py) without its pooler, and ELECTRA
 * (electra/modeling_electra.py), whose embeddings may be narrower than its layers. The heads of pre-training (`cls.…`),
 * the pooler and anything else in the file are not looked at.
 */
#include "onnx/arch_kinds.h"
#include "onnx/postnorm.h"

#include <string.h>

/* The defaults are those of BertConfig. */
static void read_config(struct arch *arch, struct postnorm *bert)
{
    rf__postnorm_refuse_decoder(arch);
    bert->names = &rf__bert_names;
    bert->layer_name = rf__bert_layer_name;
    bert->vocabulary = rf__arch_size(arch, "vocab_size", 30522, 1 << 24);
    bert->hidden = rf__arch_size(arch, "hidden_size", 768, 1 << 16);
    bert->embedding = bert->hidden;
    bert->layers = rf__arch_size(arch, "num_hidden_layers", 12, 1 << 10);
    bert->heads = rf__arch_size(arch, "num_attention_heads", 12, 1 << 16);
    bert->inner = rf__arch_size(arch, "intermediate_size", 3072, 1 << 18);
    bert->n_positions = rf__arch_size(arch, "max_position_embeddings", 512, 1 << 20);
    bert->n_types = rf__arch_size(arch, "type_vocab_size", 2, 1 << 16);
    bert->epsilon = rf__arch_double(arch, "layer_norm_eps", 1e-12);
    bert->activation = rf__activation_read(arch, "hidden_act", "gelu");
}

static void build_bert(struct arch *arch)
{
    struct postnorm bert = {0};

    if (strcmp(rf__arch_str(arch, "position_embedding_type", "absolute"), "alibi") == 0) {
        if (arch->precision != ONNX_OPERATORS)
            rf__arch_refuse(arch, RF_UNSUPPORTED, "'position_embedding_type' 'alibi' is not for the kernels");
        else
            rf__jina_build(arch);
        return;
    }
    read_config(arch, &bert);
    rf__postnorm_build(arch, &bert);
}

static void build_electra(struct arch *arch)
{
    struct postnorm electra = {0};
    struct postnorm_names names = rf__bert_names;

    read_config(arch, &electra);
    electra.hidden = rf__arch_size(arch, "hidden_size", 256, 1 << 16);
    electra.heads = rf__arch_size(arch, "num_attention_heads", 4, 1 << 16);
    electra.inner = rf__arch_size(arch, "intermediate_size", 1024, 1 << 18);
    electra.embedding = rf__arch_size(arch, "embedding_size", 128, 1 << 16);
    electra.names = &names;
    if (electra.embedding.n != electra.hidden.n)
        names.projection = "embeddings_project";
    rf__postnorm_build(arch, &electra);
}

static const char *const bert_prefixes[] = {"", "bert.", "model.", NULL};
const struct arch_kind rf__arch_bert = {"bert", bert_prefixes, "embeddings.word_embeddings.weight", build_bert, true};

static const char *const electra_prefixes[] = {"", "electra.", "model.", NULL};
const struct arch_kind rf__arch_electra = {"electra", electra_prefixes, "embeddings.word_embeddings.weight",
                                           build_electra, true};
