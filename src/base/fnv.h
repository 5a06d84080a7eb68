/* fnv: FNV-1a, 64 bits, which tells bytes apart that nobody made to look alike. */
#ifndef RF_BASE_FNV_H
#define RF_BASE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define RF_FNV_BEGIN 0xcbf29ce484222325u

/* The hash of the bytes that `hash` is of, and of those of `data` behind them. */
static inline uint64_t rf__fnv_add(uint64_t hash, const void *data, size_t n)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

#endif
