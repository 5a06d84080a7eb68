/*
 * warm_up: what the first call on a model would pay for, done before it: the model's file is read into memory, and
 * each worker encodes a text and runs one of a few tokens and one of the limit, so that all memory that they need is
 * there, for as many calls at a time as there are threads.
 */
#ifndef RF_EMBED_WARM_UP_H
#define RF_EMBED_WARM_UP_H

#include "embed/pipeline.h"

#define WARM_UP_TOKENS 512 /* of the longer text, where the limit is higher: its time grows with the square */

#endif
