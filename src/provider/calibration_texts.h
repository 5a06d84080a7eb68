/*
 * calibration_texts: what a model reads when a precision is fitted to it: ordinary texts of many kinds, languages and
 * lengths, from one word to a long paragraph, and some that hardly are texts, written for this purpose. Where values
 * stand out, and how far, is a property of the model far more than of the text, so a few dozen are enough; but what
 * none of them is like - letters of an alphabet in long rows, a sign alone, special tokens - may lose ten times as
 * much.
 */
#ifndef RF_PROVIDER_CALIBRATION_TEXTS_H
#define RF_PROVIDER_CALIBRATION_TEXTS_H

#include <stddef.h>

extern const char *const rf__calibration_texts[];
extern const size_t rf__n_calibration_texts;

#endif
