/* noted: the hash of a large file, which takes longer than opening a model, is written down: in FOLDER/KEY, 64 digits
 * and a line's end; KEY = SHA-256 of what tells that the file is still the same. */
#include "hash/hash.h"

#include "base/buf.h"
#include "base/mem.h"
#include "os/os.h"

#include <string.h>
#include <time.h>

#define LARGE         ((uint64_t)1 << 20)
#define HEX_LEN       (2 * SHA256_BYTES)
#define SETTLED_S     2 /* a file changed twice within a clock's step looks like one changed once */
#define KEY_MAX_BYTES 65536

/* The note's path; NULL when out of memory, and where no note would hold. */
static char *note_path(const char *path, const char *folder)
{
    const struct os_stat stat = rf__os_stat(path);
    char *real_path, *note = NULL, name[HEX_LEN + 1];
    uint8_t hash[SHA256_BYTES];
    struct buf key;

    if (folder == NULL || stat.size < LARGE || stat.ctime_ns == 0 || (real_path = rf__os_real_path(path)) == NULL)
        return NULL;
    rf__buf_init(&key, KEY_MAX_BYTES);
    if (rf__buf_printf(&key, NULL, "%s\n%llu %lld %lld", real_path, (unsigned long long)stat.size,
                       (long long)stat.mtime_ns, (long long)stat.ctime_ns) == RF_OK &&
        rf__sha256(key.data, key.len, hash)) {
        rf__hash_hex(hash, sizeof hash, name);
        note = rf__path_join(folder, name);
    }
    rf__buf_release(&key);
    rf__free(real_path);
    return note;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False for what is no whole note, such as the zeros that a power cut leaves. */
static bool read_note(const char *note, uint8_t out[SHA256_BYTES])
{
    struct buf text;
    bool is_whole;

    rf__buf_init(&text, HEX_LEN + 1);
    is_whole = rf__os_is_file(note) && rf__os_read_file(note, &text, NULL) == RF_OK && text.len == HEX_LEN + 1 &&
               text.data[HEX_LEN] == '\n';
    for (size_t i = 0; i < SHA256_BYTES && is_whole; i++) {
        int high = digit(text.data[2 * i]), low = digit(text.data[2 * i + 1]);
        is_whole = high >= 0 && low >= 0;
        out[i] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
    }
    rf__buf_release(&text);
    return is_whole;
}

static bool is_settled(const char *path)
{
    return (int64_t)time(NULL) - rf__os_stat(path).ctime_ns / 1000000000 >= SETTLED_S;
}

rf_status rf__sha256_noted(const char *path, const char *folder, uint8_t out[SHA256_BYTES], rf_error *err)
{
    char *note = note_path(path, folder);
    rf_status status = RF_OK;

    if (note == NULL || !read_note(note, out)) {
        status = rf__sha256_file(path, out, err);
        if (status == RF_OK && note != NULL && is_settled(path)) {
            char text[HEX_LEN + 1];
            rf__hash_hex(out, SHA256_BYTES, text);
            text[HEX_LEN] = '\n';
            if (rf__os_make_directories(folder, NULL) == RF_OK)
                (void)rf__os_write_file(note, text, sizeof text, NULL);
        }
    }
    rf__free(note);
    return status;
}
