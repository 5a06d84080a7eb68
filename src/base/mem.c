/* mem: see mem.h. */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic uint64_t fail_at; /* 0: never */
static _Atomic uint64_t n_allocations;

static bool must_fail(void)
{
    uint64_t limit = atomic_load_explicit(&fail_at, memory_order_relaxed);

    if (limit == 0)
        return false;
    return atomic_fetch_add_explicit(&n_allocations, 1, memory_order_relaxed) + 1 >= limit;
}

uint64_t rf__alloc_fail_at(uint64_t n)
{
    uint64_t made = atomic_exchange(&n_allocations, 0);

    atomic_store(&fail_at, n);
    return made;
}

void *rf__alloc(size_t size)
{
    return must_fail() ? NULL : malloc(size ? size : 1);
}

void *rf__calloc(size_t n, size_t size)
{
    return must_fail() ? NULL : calloc(n ? n : 1, size ? size : 1);
}

void *rf__realloc(void *memory, size_t size)
{
    return must_fail() ? NULL : realloc(memory, size ? size : 1);
}

void rf__free(void *memory)
{
    free(memory);
}

bool rf__add(size_t a, size_t b, size_t *out)
{
    if (b > SIZE_MAX - a)
        return false;
    *out = a + b;
    return true;
}

bool rf__mul(size_t a, size_t b, size_t *out)
{
    if (a != 0 && b > SIZE_MAX / a)
        return false;
    *out = a * b;
    return true;
}

void *rf__alloc_array(size_t n, size_t size)
{
    size_t bytes;

    return rf__mul(n, size, &bytes) ? rf__alloc(bytes) : NULL;
}

char *rf__strndup(const char *s, size_t len)
{
    char *copy = rf__alloc(len + 1);

    if (copy == NULL)
        return NULL;
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *rf__strdup(const char *s)
{
    return rf__strndup(s, strlen(s));
}

char *rf__format(const char *format, ...)
{
    va_list args, again;
    char *s = NULL;
    int len;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    if (len >= 0 && (s = rf__alloc((size_t)len + 1)) != NULL)
        vsnprintf(s, (size_t)len + 1, format, again);
    va_end(again);
    va_end(args);
    return s;
}

char *rf__path_join(const char *dir, const char *name)
{
    size_t len = strlen(dir);
    bool has_separator = len > 0 && dir[len - 1] == '/';

    return rf__format(has_separator || len == 0 ? "%s%s" : "%s/%s", dir, name);
}

bool rf__ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}
