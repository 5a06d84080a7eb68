/* arch_kinds: the architectures that there are, one arch_NAME.c each, or one for a family; arch.c lists them. */
#ifndef RF_ONNX_ARCH_KINDS_H
#define RF_ONNX_ARCH_KINDS_H

#include "onnx/arch.h"

extern const struct arch_kind rf__arch_bert, rf__arch_electra;
extern const struct arch_kind rf__arch_roberta, rf__arch_xlm_roberta, rf__arch_camembert;
extern const struct arch_kind rf__arch_distilbert;
extern const struct arch_kind rf__arch_mpnet;
extern const struct arch_kind rf__arch_albert;
extern const struct arch_kind rf__arch_modernbert;
extern const struct arch_kind rf__arch_nomic_bert, rf__arch_gte, rf__arch_new;
extern const struct arch_kind rf__arch_qwen2, rf__arch_qwen3;
extern const struct arch_kind rf__arch_gemma3_text;
extern const struct arch_kind rf__arch_t5, rf__arch_mt5;
extern const struct arch_kind rf__arch_deberta_v2;

void rf__jina_build(struct arch *arch); /* its model_type is "bert" */

#endif
