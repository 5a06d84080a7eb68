/* bytes: little-endian numbers in a file. */
#ifndef RF_BASE_BYTES_H
#define RF_BASE_BYTES_H

#include <stdint.h>

static inline uint16_t rf__u16_at(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t rf__u32_at(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t rf__u64_at(const uint8_t *p)
{
    return rf__u32_at(p) | (uint64_t)rf__u32_at(p + 4) << 32;
}

#endif
