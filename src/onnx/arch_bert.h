/* arch_bert: BERT encoders. */
#ifndef RF_ONNX_ARCH_BERT_H
#define RF_ONNX_ARCH_BERT_H

#include "onnx/arch.h"

extern const struct arch_kind rf__arch_bert;

#endif
