/*
 * calibration_texts: what a model reads when a precision is fitted to it: ordinary texts of many kinds, languages and
 * lengths, from one word to a long paragraph, written for this purpose. Where values stand out, and how far, is a
 * property of the model far more than of the text, so a few dozen are enough.
 */
#ifndef RF_PROVIDER_CALIBRATION_TEXTS_H
#define RF_PROVIDER_CALIBRATION_TEXTS_H

#include <stddef.h>

extern const char *const rf__calibration_texts[];
extern const size_t rf__n_calibration_texts;

#endif
