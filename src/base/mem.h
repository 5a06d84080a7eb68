/*
 * mem: every allocation of the library goes through here, so that a test can make the n-th one fail; sizes that come
 * from a file go through the checked arithmetic.
 */
#ifndef RF_BASE_MEM_H
#define RF_BASE_MEM_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As malloc, calloc, realloc and free; a size of 0 gives a pointer that can be freed. NULL when out of memory. */
void *rf__alloc(size_t size);
void *rf__calloc(size_t n, size_t size);
void *rf__realloc(void *memory, size_t size);
void rf__free(void *memory);

/* An array of n elements; NULL when out of memory or when n * size overflows. */
void *rf__alloc_array(size_t n, size_t size);

/* False when the result does not fit; *out is then unchanged. */
bool rf__add(size_t a, size_t b, size_t *out);
bool rf__mul(size_t a, size_t b, size_t *out);

/* Asks for memory that is going to be read; it need not be valid. */
static inline void rf__prefetch(const void *memory)
{
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(memory);
#else
    (void)memory;
#endif
}

/* Copies, or NULL when out of memory. */
char *rf__strdup(const char *s);
char *rf__strndup(const char *s, size_t len);

/* printf into new memory; NULL when out of memory. */
char *rf__format(const char *format, ...) RF_PRINTF(1, 2);

/* "dir/name" in new memory; NULL when out of memory. */
char *rf__path_join(const char *dir, const char *name);

/* Whether `text` ends with `end`. */
bool rf__ends_with(const char *text, const char *end);

/* For tests: allocation number `n` from now on (1 is the next) and every later one fails; 0 switches it off. Returns
 * how many allocations were made since the last call. Not thread-safe. */
uint64_t rf__alloc_fail_at(uint64_t n);

#endif
