/*
 * wide: between our UTF-8 with '/' and the UTF-16 with '\' of Windows; and the one place that includes its header.
 */
#ifndef RF_OS_WIN_WIDE_H
#define RF_OS_WIN_WIDE_H

#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0A00 /* Windows 10 */
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>

#include <stdbool.h>
#include <wchar.h>

/* Not in every version of winerror.h. */
#ifndef ERROR_DIRECTORY_NOT_SUPPORTED
#define ERROR_DIRECTORY_NOT_SUPPORTED 336L
#endif
#ifndef ERROR_DISK_QUOTA_EXCEEDED
#define ERROR_DISK_QUOTA_EXCEEDED 1295L
#endif

/* A path to open, on the stack unless it is long, so that cleaning up works when memory has run out. '\' stands between
 * names; a path near MAX_PATH or longer is made absolute with "\\?\" in front, which lifts that limit. */
#define RF_WIDE_FIXED 260
struct wide {
    wchar_t *text; /* `fixed`, or allocated */
    wchar_t fixed[RF_WIDE_FIXED];
};

/* False when out of memory; nothing has to be released then. */
bool rf__wide_init(struct wide *wide, const char *path);
void rf__wide_release(struct wide *wide);

/* The text as it is, but for '\' between names, in new memory. NULL when out of memory. */
wchar_t *rf__wide_text(const char *path);

/* Back: '/' between names, "\\?\" taken off. NULL when out of memory. */
char *rf__wide_to_utf8(const wchar_t *wide);

#endif
