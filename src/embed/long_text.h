/*
 * long_text: texts with more tokens than the limit, embedded part by part (RF_LONG_TEXT_MEAN):
 *
 *     [CLS] prompt | tokens 0 … k-1  | [SEP]
 *     [CLS] prompt | tokens k … 2k-1 | [SEP]  …      vector = Σ n_tokens × vector of the part / Σ n_tokens, then l2
 *
 * The tokens are those of the whole text, so that no part is tokenized anew; k is what the limit leaves beside the
 * special tokens and those of the prompt, which do not count in the mean. To the batcher and the engine a part is a
 * text of its own: its row has a number from call->n on.
 */
#ifndef RF_EMBED_LONG_TEXT_H
#define RF_EMBED_LONG_TEXT_H

#include "embed/embed_call.h"

/* Cuts text i of the window, of which worker->encoding holds all tokens with their alignment, into parts of the worker.
 * `prompt_len`: bytes of the prompt in front of it. *n_read receives the tokens of all parts. RF_INVALID_ARGUMENT where
 * the limit has no room beside the prompt. */
rf_status rf__long_text_split(struct call *call, size_t worker, size_t i, size_t *n_read, rf_error *err);

/* Puts the workers' parts in the place of the texts that they are of, so that call->tokenized[n_items] is what there is
 * to compute. */
rf_status rf__long_text_collect(struct call *call, rf_error *err);

/* Writes the means to `out`. */
void rf__long_text_mean(struct call *call);

#endif
