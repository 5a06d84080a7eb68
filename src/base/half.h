/* half: IEEE 754 binary16, whose every value has an exact fp32. In the header, since it is called for each element. */
#ifndef RF_BASE_HALF_H
#define RF_BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float rf__half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 0x1F, mantissa = half & 0x3FF, bits;
    float value;

    if (exponent == 0x1F) {
        bits = sign | 0x7F800000 | mantissa << 13;
    } else if (exponent != 0) {
        bits = sign | (exponent + 112) << 23 | mantissa << 13;
    } else { /* zero and subnormal: mantissa * 2^-24 is exact in fp32 */
        value = (float)mantissa * (1.0f / 16777216.0f);
        return sign ? -value : value;
    }
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
