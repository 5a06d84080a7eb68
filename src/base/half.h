/* half: IEEE 754 binary16, whose every value has an exact fp32. In the header, since it is called for each element. */
#ifndef RF_BASE_HALF_H
#define RF_BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float rf__half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 0x1F, mantissa = half & 0x3FF, bits;
    float number;

    if (exponent == 0x1F) {
        bits = sign | 0x7F800000 | mantissa << 13;
    } else if (exponent != 0) {
        bits = sign | (exponent + 112) << 23 | mantissa << 13;
    } else { /* zero and subnormal: mantissa * 2^-24 is exact in fp32 */
        number = (float)mantissa * (1.0f / 16777216.0f);
        return sign ? -number : number;
    }
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* Rounded to the nearest, ties to even; what is too large becomes infinite. */
static inline uint16_t rf__float_to_half(float number)
{
    uint32_t bits, sign, mantissa;
    int exponent;

    memcpy(&bits, &number, sizeof bits);
    sign = bits >> 16 & 0x8000;
    exponent = (int)(bits >> 23 & 0xFF) - 127 + 15;
    mantissa = bits & 0x7FFFFF;
    if ((bits >> 23 & 0xFF) == 0xFF)
        return (uint16_t)(sign | 0x7C00 | (mantissa != 0 ? 0x200 : 0));
    if (exponent >= 0x1F)
        return (uint16_t)(sign | 0x7C00);
    if (exponent <= 0) { /* subnormal: the mantissa with its leading one, shifted to 2^-24 */
        uint32_t shift = (uint32_t)(14 - exponent), whole, rest, middle;
        if (shift > 24)
            return (uint16_t)sign;
        mantissa |= 0x800000;
        whole = mantissa >> shift;
        rest = mantissa & ((1u << shift) - 1);
        middle = 1u << (shift - 1);
        whole += rest > middle || (rest == middle && (whole & 1));
        return (uint16_t)(sign | whole);
    }
    bits = (uint32_t)exponent << 10 | mantissa >> 13;
    bits += (mantissa & 0x1FFF) > 0x1000 || ((mantissa & 0x1FFF) == 0x1000 && (bits & 1)); /* may carry: still right */
    return (uint16_t)(sign | bits);
}

#endif
