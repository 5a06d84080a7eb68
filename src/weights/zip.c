/* zip: see zip.h. */
#include "weights/zip.h"

#include "base/mem.h"
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#define LOCAL_HEADER   30
#define CENTRAL_HEADER 46
#define END            22
#define LOCATOR64      20
#define END64          56
#define COMMENT_MAX    0xFFFF
#define ENTRIES_MAX    ((uint64_t)1 << 20)
#define IN_EXTRA       0xFFFFFFFFu /* the true number is in the zip64 extra field */
#define ENCRYPTED      1u          /* a bit of the flags */

static const uint8_t local_mark[4] = {'P', 'K', 3, 4}, central_mark[4] = {'P', 'K', 1, 2},
                     end_mark[4] = {'P', 'K', 5, 6}, locator64_mark[4] = {'P', 'K', 6, 7},
                     end64_mark[4] = {'P', 'K', 6, 6};

/* The archive while it is read. */
struct reading {
    const uint8_t *data;
    size_t size;
    const char *path;
};

struct directory {
    uint64_t offset, size, n_entries;
};

bool rf__is_zip(const uint8_t *data, size_t size)
{
    return size >= 4 && memcmp(data, local_mark, 4) == 0;
}

static rf_status damaged(const struct reading *in, const char *what, rf_error *err)
{
    return rf__fail(err, RF_BAD_FORMAT, "%s: is a damaged zip archive: %s; download it again", in->path, what);
}

static bool fits(uint64_t size, uint64_t offset, uint64_t len)
{
    return offset <= size && len <= size - offset;
}

/* ---- The directory ------------------------------------------------------------------------------------------- */

static rf_status find_end64(const struct reading *in, size_t end, struct directory *out, rf_error *err)
{
    const uint8_t *locator, *end64;
    uint64_t offset;

    if (end < LOCATOR64 || memcmp(in->data + end - LOCATOR64, locator64_mark, 4) != 0)
        return RF_OK;
    locator = in->data + end - LOCATOR64;
    offset = rf__u64_at(locator + 8);
    if (!fits(end - LOCATOR64, offset, END64) || memcmp(in->data + offset, end64_mark, 4) != 0)
        return damaged(in, "its zip64 end is not where it says", err);
    end64 = in->data + offset;
    *out = (struct directory){rf__u64_at(end64 + 48), rf__u64_at(end64 + 40), rf__u64_at(end64 + 32)};
    return RF_OK;
}

/* Searches the end from behind; a comment may follow it. */
static rf_status find_directory(const struct reading *in, struct directory *out, rf_error *err)
{
    size_t stop = in->size > END + COMMENT_MAX ? in->size - END - COMMENT_MAX : 0;
    rf_status status;

    for (size_t at = in->size >= END ? in->size - END + 1 : 0; at-- > stop;) {
        const uint8_t *end = in->data + at;
        if (memcmp(end, end_mark, 4) != 0 || rf__u16_at(end + 20) != in->size - at - END)
            continue;
        *out = (struct directory){rf__u32_at(end + 16), rf__u32_at(end + 12), rf__u16_at(end + 10)};
        status = find_end64(in, at, out, err);
        if (status != RF_OK)
            return status;
        if (!fits(at, out->offset, out->size))
            return damaged(in, "its directory lies outside of the file", err);
        return RF_OK;
    }
    return damaged(in, "it has no end; it is cut off", err);
}

/* ---- One entry ----------------------------------------------------------------------------------------------- */

struct central {
    uint64_t size, packed_size, offset;
    const uint8_t *extra;
    size_t extra_len;
    unsigned flags, method;
};

/* Takes the next number of the zip64 field, where *number says that it is there. */
static bool take64(uint64_t *number, const uint8_t **field, size_t *len)
{
    if (*number != IN_EXTRA)
        return true;
    if (*len < 8)
        return false;
    *number = rf__u64_at(*field);
    *field += 8;
    *len -= 8;
    return true;
}

static bool read_extra64(struct central *entry)
{
    const uint8_t *at = entry->extra;
    size_t left = entry->extra_len;

    while (left >= 4) {
        unsigned id = rf__u16_at(at);
        size_t len = rf__u16_at(at + 2);
        const uint8_t *field = at + 4;
        if (len > left - 4)
            return false;
        if (id == 1)
            return take64(&entry->size, &field, &len) && take64(&entry->packed_size, &field, &len) &&
                   take64(&entry->offset, &field, &len);
        at += 4 + len;
        left -= 4 + len;
    }
    return entry->size != IN_EXTRA && entry->packed_size != IN_EXTRA && entry->offset != IN_EXTRA;
}

/* The bytes that a local header says come between its begin and the data. */
static rf_status find_data(const struct reading *in, const struct central *entry, struct zip_entry *out, rf_error *err)
{
    const uint8_t *local;
    size_t head;

    if (!fits(in->size, entry->offset, LOCAL_HEADER) || memcmp(in->data + entry->offset, local_mark, 4) != 0)
        return damaged(in, "an entry is not where its directory says", err);
    local = in->data + entry->offset;
    head = (size_t)LOCAL_HEADER + rf__u16_at(local + 26) + rf__u16_at(local + 28);
    if (!fits(in->size - entry->offset, head, entry->size))
        return damaged(in, "an entry lies outside of the file", err);
    if (rf__u16_at(local + 26) != out->name_len || memcmp(local + LOCAL_HEADER, out->name, out->name_len) != 0)
        return damaged(in, "an entry has two names", err);
    out->data = local + head;
    out->size = (size_t)entry->size;
    return RF_OK;
}

/* Reads the header at *at, which is moved behind it. */
static rf_status read_entry(const struct reading *in, uint64_t *at, uint64_t stop, struct zip_entry *out, rf_error *err)
{
    const uint8_t *header = in->data + *at;
    struct central entry;
    size_t len;

    if (!fits(stop, *at, CENTRAL_HEADER) || memcmp(header, central_mark, 4) != 0)
        return damaged(in, "its directory is cut off", err);
    entry = (struct central){.flags = rf__u16_at(header + 8),
                             .method = rf__u16_at(header + 10),
                             .packed_size = rf__u32_at(header + 20),
                             .size = rf__u32_at(header + 24),
                             .extra_len = rf__u16_at(header + 30),
                             .offset = rf__u32_at(header + 42)};
    out->name = (const char *)header + CENTRAL_HEADER;
    out->name_len = rf__u16_at(header + 28);
    len = CENTRAL_HEADER + out->name_len + entry.extra_len + rf__u16_at(header + 32);
    if (!fits(stop, *at, len))
        return damaged(in, "its directory is cut off", err);
    entry.extra = header + CENTRAL_HEADER + out->name_len;
    if (!read_extra64(&entry))
        return damaged(in, "a zip64 field is cut off", err);
    if (entry.method != 0 || (entry.flags & ENCRYPTED) != 0 || entry.size != entry.packed_size)
        return rf__fail(err, RF_UNSUPPORTED, "%s: '%.*s' in it is %s; torch.save() stores its entries as they are",
                        in->path, (int)out->name_len, out->name,
                        (entry.flags & ENCRYPTED) != 0 ? "encrypted" : "compressed");
    *at += len;
    return find_data(in, &entry, out, err);
}

/* ---- All of them --------------------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    const struct zip_entry *x = a, *y = b;
    int order = memcmp(x->name, y->name, x->name_len < y->name_len ? x->name_len : y->name_len);

    return order != 0 ? order : (x->name_len > y->name_len) - (x->name_len < y->name_len);
}

static int compare_places(const void *a, const void *b)
{
    const struct zip_entry *x = a, *y = b;

    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return (x->size > y->size) - (x->size < y->size);
}

/* No entry lies in another. Leaves them sorted by place. */
static rf_status check_overlap(const struct reading *in, struct zip *zip, rf_error *err)
{
    const uint8_t *end = in->data;

    if (zip->n > 1)
        qsort(zip->entries, zip->n, sizeof *zip->entries, compare_places);
    for (size_t i = 0; i < zip->n; i++) {
        if (zip->entries[i].data < end)
            return damaged(in, "entries overlap", err);
        end = zip->entries[i].data + zip->entries[i].size;
    }
    return RF_OK;
}

static rf_status check_names(const struct reading *in, struct zip *zip, rf_error *err)
{
    if (zip->n > 1)
        qsort(zip->entries, zip->n, sizeof *zip->entries, compare_names);
    for (size_t i = 1; i < zip->n; i++)
        if (compare_names(&zip->entries[i - 1], &zip->entries[i]) == 0)
            return damaged(in, "two entries have one name", err);
    return RF_OK;
}

rf_status rf__zip_open(const uint8_t *data, size_t size, const char *path, struct zip *out, rf_error *err)
{
    struct reading in = {data, size, path};
    struct directory directory = {0};
    rf_status status = find_directory(&in, &directory, err);
    uint64_t at, stop;

    *out = (struct zip){0};
    if (status != RF_OK)
        return status;
    if (directory.n_entries > ENTRIES_MAX || directory.n_entries > directory.size / CENTRAL_HEADER)
        return damaged(&in, "its directory has fewer bytes than its entries need", err);
    out->entries = rf__alloc_array((size_t)directory.n_entries, sizeof *out->entries);
    if (out->entries == NULL)
        return rf__fail_memory(err);
    at = directory.offset;
    stop = directory.offset + directory.size;
    while (status == RF_OK && out->n < directory.n_entries) {
        status = read_entry(&in, &at, stop, &out->entries[out->n], err);
        out->n += status == RF_OK;
    }
    if (status == RF_OK)
        status = check_overlap(&in, out, err);
    if (status == RF_OK)
        status = check_names(&in, out, err);
    if (status != RF_OK)
        rf__zip_release(out);
    return status;
}

void rf__zip_release(struct zip *zip)
{
    rf__free(zip->entries);
    *zip = (struct zip){0};
}

const struct zip_entry *rf__zip_find(const struct zip *zip, const char *name, size_t len)
{
    const struct zip_entry key = {.name = name, .name_len = len};

    return zip->n == 0 ? NULL : bsearch(&key, zip->entries, zip->n, sizeof key, compare_names);
}
