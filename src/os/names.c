/* names: see names.h. */
#include "os/names.h"

#include "base/mem.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* File systems allow 255 bytes; the rest is for the dots, a process id, a counter and ".tmp". */
#define MAX_NAME_PART 200

size_t rf__names_folder_len(const char *path)
{
    const char *last = strrchr(path, '/');

    return last == NULL ? 0 : (size_t)(last - path) + 1;
}

char *rf__names_temporary(const char *path, unsigned long pid)
{
    static _Atomic unsigned counter;
    size_t folder_len = rf__names_folder_len(path);
    const char *name = path + folder_len;
    size_t len = strlen(name);

    if (folder_len > INT32_MAX)
        return NULL;
    if (len > MAX_NAME_PART) {
        len = MAX_NAME_PART;
        while (len > 0 && ((unsigned char)name[len] & 0xC0) == 0x80) /* not inside a character */
            len--;
    }
    return rf__format("%.*s.%.*s.%lu-%u.tmp", (int)folder_len, path, (int)len, name, pid,
                      atomic_fetch_add(&counter, 1));
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **rf__names_sorted(const struct buf *names, size_t n)
{
    size_t bytes;
    char **array, *at;

    if (!rf__mul(n + 1, sizeof *array, &bytes) || !rf__add(bytes, names->len, &bytes))
        return NULL;
    array = rf__alloc(bytes);
    if (array == NULL)
        return NULL;
    at = (char *)(array + n + 1);
    if (names->len > 0)
        memcpy(at, names->data, names->len);
    for (size_t i = 0; i < n; i++) {
        array[i] = at;
        at += strlen(at) + 1;
    }
    array[n] = NULL;
    qsort(array, n, sizeof *array, by_bytes);
    return array;
}

const char *rf__names_shown(const char *path, char out[RF_NAMES_SHOWN])
{
    size_t len = strlen(path), from;

    if (len < RF_NAMES_SHOWN)
        return path;
    from = len - (RF_NAMES_SHOWN - 4);
    while (((unsigned char)path[from] & 0xC0) == 0x80)
        from++;
    snprintf(out, RF_NAMES_SHOWN, "...%s", path + from);
    return out;
}
