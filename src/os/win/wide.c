/* wide: see wide.h. */
#include "os/win/wide.h"

#include "base/mem.h"

#include <string.h>

#define LONG_PATH 240 /* MAX_PATH is 260, and folders must leave room for a name of 12 */

static void use_backslashes(wchar_t *wide)
{
    for (wchar_t *at = wide; *at != L'\0'; at++)
        if (*at == L'/')
            *at = L'\\';
}

wchar_t *rf__wide_text(const char *path)
{
    int len = MultiByteToWideChar(CP_UTF8, 0, path, -1, NULL, 0); /* with the NUL; ill-formed bytes become U+FFFD */
    wchar_t *wide = len <= 0 ? NULL : rf__alloc_array((size_t)len, sizeof *wide);

    if (wide == NULL)
        return NULL;
    MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, len);
    use_backslashes(wide);
    return wide;
}

#define SHARE_PREFIX     L"\\\\?\\UNC" /* in front of "\server\share", which loses one of its two '\' */
#define SHARE_PREFIX_LEN 7
#define DRIVE_PREFIX     L"\\\\?\\"
#define DRIVE_PREFIX_LEN 4

static wchar_t *lengthen(const wchar_t *wide)
{
    DWORD size = GetFullPathNameW(wide, 0, NULL, NULL); /* with the NUL */
    wchar_t *out = rf__alloc_array((size_t)size + SHARE_PREFIX_LEN + 1, sizeof *out);
    wchar_t *full;
    size_t len;

    if (out == NULL)
        return NULL;
    full = out + SHARE_PREFIX_LEN;
    full[0] = L'\0';
    len = GetFullPathNameW(wide, size, full, NULL);
    if (len >= size)
        len = 0; /* the current folder changed meanwhile: what is left names nothing */
    if (wcsncmp(full, L"\\\\", 2) == 0) {
        wmemmove(full, full + 1, len);
        wmemcpy(out, SHARE_PREFIX, SHARE_PREFIX_LEN);
        full[len > 0 ? len - 1 : 0] = L'\0';
    } else {
        wmemmove(out + DRIVE_PREFIX_LEN, full, len);
        wmemcpy(out, DRIVE_PREFIX, DRIVE_PREFIX_LEN);
        out[DRIVE_PREFIX_LEN + len] = L'\0';
    }
    return out;
}

bool rf__wide_init(struct wide *wide, const char *path)
{
    wchar_t *text;

    wide->text = wide->fixed;
    if (MultiByteToWideChar(CP_UTF8, 0, path, -1, wide->fixed, LONG_PATH) > 0) {
        use_backslashes(wide->fixed);
        return true;
    }
    text = rf__wide_text(path);
    if (text == NULL)
        return false;
    if (wcsncmp(text, L"\\\\?\\", 4) == 0 || wcsncmp(text, L"\\\\.\\", 4) == 0) {
        wide->text = text;
        return true;
    }
    wide->text = lengthen(text);
    rf__free(text);
    return wide->text != NULL;
}

void rf__wide_release(struct wide *wide)
{
    if (wide->text != wide->fixed)
        rf__free(wide->text);
}

char *rf__wide_to_utf8(const wchar_t *wide)
{
    bool is_share = wcsncmp(wide, L"\\\\?\\UNC\\", 8) == 0;
    char *out;
    int len;

    if (is_share)
        wide += 6; /* one of "\server" stays; the other is put back below */
    else if (wcsncmp(wide, L"\\\\?\\", 4) == 0)
        wide += 4;
    len = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    out = len <= 0 ? NULL : rf__alloc((size_t)len);
    if (out == NULL)
        return NULL;
    WideCharToMultiByte(CP_UTF8, 0, wide, -1, out, len, NULL, NULL);
    if (is_share)
        out[0] = '\\';
    for (char *at = out; *at != '\0'; at++)
        if (*at == '\\')
            *at = '/';
    return out;
}
