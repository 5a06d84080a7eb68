/*
 * pack: the weights of linear layers in the order in which the kernels (engine/kernels/) read them, on every kind of
 * processor the same, so that a packed file is made once and memory-mapped as it is.
 *
 * A layer y = x W^T + b has W [n, k]. Both n and k are rounded up to a multiple of PACK_LANES with zeros. A panel is
 * PACK_LANES rows of W (columns of y), and panels follow each other:
 *
 *     fp32   float    [n / 16][k][16]
 *     int16  int16_t  [n / 16][k / 2][16][2]   -4095 … 4095
 *     int8   int8_t   [n / 16][k / 4][16][4]    -127 … 127
 *
 * The integers stand for value * scale with a scale for each row of W and group of PACK_GROUP_I16 or PACK_GROUP_I8 of
 * its k (the last group may be shorter): float [n / 16][n_groups][16]. 128 products of 12-bit magnitudes add up to less
 * than 2^31, so that sums of int32 are exact. int8 also has int32_t [n / 16][n_groups][16], -128 times the sum of the
 * integers of the group: where the instructions want one factor without sign, 128 is added to it and this takes it off
 * again; and x is quantized around the middle of what a group of it holds, which this multiplies.
 */
#ifndef RF_PACK_PACK_H
#define RF_PACK_PACK_H

#include "pack/fit.h" /* int8 that is fitted to what it is multiplied with */

#include <stddef.h>
#include <stdint.h>

#define PACK_LANES     16
#define PACK_GROUP_I16 128
#define PACK_GROUP_I8  64
#define PACK_MAX_I16   4095
#define PACK_MAX_I8    127
#define PACK_LAYOUT    1 /* recorded in files; changes with the above */

/* n rounded up to whole lanes; the number of groups of `group` that k values are. */
size_t rf__pack_lanes(size_t n);
size_t rf__pack_groups(size_t k, size_t group);

/* Packs rows of W, [n, k] row by row; n and k are as in the model, the outputs as large as said above with both rounded
 * up. Where several layers share their input (query, key and value) each is packed into its own place, one after the
 * other. Outputs of integers that are NULL are left out. */
void rf__pack_f32(const float *w, size_t n, size_t k, float *panels);
void rf__pack_i16(const float *w, size_t n, size_t k, int16_t *panels, float *scales);
void rf__pack_i8(const float *w, size_t n, size_t k, int8_t *panels, float *scales, int32_t *sums);

#endif
