/*
 * zip: the entries of a zip archive in memory that are stored as they are, which is how torch.save() writes them:
 *
 *     local header 30 | name | extra | data     … one for each entry
 *     central header 46 | name | extra | comment  … one for each entry, says where its local header is
 *     [zip64 end 56] [zip64 locator 20] end 22 | comment
 *
 * (APPNOTE.TXT 6.3.10 of PKWARE, sections 4.3 and 4.5.3.) Nothing is copied and nothing is unpacked: a compressed or
 * encrypted entry is refused by name, so that no archive is larger inside than outside. Entries don't overlap.
 * Checksums are not looked at: the hub's hash of the whole file is stronger.
 */
#ifndef RF_WEIGHTS_ZIP_H
#define RF_WEIGHTS_ZIP_H

#include "base/error.h"

struct zip_entry {
    const char *name; /* in the archive, not terminated */
    size_t name_len;
    const uint8_t *data;
    size_t size;
};

struct zip {
    struct zip_entry *entries; /* sorted by name; a name comes once */
    size_t n;
};

bool rf__is_zip(const uint8_t *data, size_t size);

/* `data` must outlive the archive; `path` is for messages. RF_BAD_FORMAT, RF_UNSUPPORTED: *out is empty then. */
rf_status rf__zip_open(const uint8_t *data, size_t size, const char *path, struct zip *out, rf_error *err);
void rf__zip_release(struct zip *zip);

/* NULL when there is none. */
const struct zip_entry *rf__zip_find(const struct zip *zip, const char *name, size_t len);

#endif
