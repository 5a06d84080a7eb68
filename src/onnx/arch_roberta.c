/*
 * arch_roberta: RobertaModel, XLMRobertaModel and CamembertModel of transformers (roberta/modeling_roberta.py): BERT
 * whose positions begin behind the id of padding.
 */
#include "onnx/arch_kinds.h"
#include "onnx/postnorm.h"

/* The defaults are those of RobertaConfig; XLMRobertaConfig and CamembertConfig differ in nothing that files leave out.
 */
static void build(struct arch *arch)
{
    struct postnorm roberta = {
        .names = &rf__bert_names, .layer_name = rf__bert_layer_name, .positions = POSITIONS_BEHIND_PADDING};

    rf__postnorm_refuse_decoder(arch);
    roberta.vocabulary = rf__arch_size(arch, "vocab_size", 50265, 1 << 24);
    roberta.hidden = rf__arch_size(arch, "hidden_size", 768, 1 << 16);
    roberta.embedding = roberta.hidden;
    roberta.layers = rf__arch_size(arch, "num_hidden_layers", 12, 1 << 10);
    roberta.heads = rf__arch_size(arch, "num_attention_heads", 12, 1 << 16);
    roberta.inner = rf__arch_size(arch, "intermediate_size", 3072, 1 << 18);
    roberta.n_positions = rf__arch_size(arch, "max_position_embeddings", 512, 1 << 20);
    roberta.n_types = rf__arch_size(arch, "type_vocab_size", 2, 1 << 16);
    roberta.epsilon = rf__arch_double(arch, "layer_norm_eps", 1e-12);
    roberta.activation = rf__activation_read(arch, "hidden_act", "gelu");
    roberta.padding = (int64_t)rf__arch_number(arch, "pad_token_id", 1, 1 << 24);
    rf__postnorm_build(arch, &roberta);
}

#define FIRST "embeddings.word_embeddings.weight"

static const char *const prefixes[] = {"", "roberta.", "model.", "camembert.", NULL};
const struct arch_kind rf__arch_roberta = {"roberta", prefixes, FIRST, build, true};
const struct arch_kind rf__arch_xlm_roberta = {"xlm-roberta", prefixes, FIRST, build, true};
const struct arch_kind rf__arch_camembert = {"camembert", prefixes, FIRST, build, true};
