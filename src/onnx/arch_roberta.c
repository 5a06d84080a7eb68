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
    static const struct postnorm_defaults defaults = {50265, 768, 12, 3072, "gelu"};
    struct postnorm roberta = {
        .names = &rf__bert_names, .layer_name = rf__bert_layer_name, .positions = POSITIONS_BEHIND_PADDING};

    rf__postnorm_refuse_decoder(arch);
    rf__postnorm_read(arch, &defaults, &roberta);
    roberta.padding = (int64_t)rf__arch_number(arch, "pad_token_id", 1, 1 << 24);
    rf__postnorm_build(arch, &roberta);
}

#define FIRST "embeddings.word_embeddings.weight"

static const char *const prefixes[] = {"roberta.", "camembert.", NULL};
const struct arch_kind rf__arch_roberta = {"roberta", prefixes, FIRST, build, true};
const struct arch_kind rf__arch_xlm_roberta = {"xlm-roberta", prefixes, FIRST, build, true};
const struct arch_kind rf__arch_camembert = {"camembert", prefixes, FIRST, build, true};
