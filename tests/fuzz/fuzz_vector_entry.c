/*
 * Property: any bytes are an entry of a store or are not; one that is read is whole, gives as many numbers as were
 * asked for and has the key that was asked for; written again it is the same bytes. The first byte chooses whether a
 * right checksum is put at the end, so that what is behind the checksum is reached.
 */
#include "fuzz.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "vector_cache/entry.h"

#include <string.h>

#define MAX_DIM 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *entry, *again;
    float *vector;
    struct vector_key key;
    struct kept_text text;
    uint32_t dim;
    size_t len;

    if (size < 1 + 64)
        return 0;
    len = size - 1;
    entry = rf__alloc(len);
    again = rf__alloc(len);
    vector = rf__alloc_array(MAX_DIM, sizeof *vector);
    check(entry != NULL && again != NULL && vector != NULL);
    memcpy(entry, data + 1, len);
    if (data[0] & 1) {
        uint64_t sum = rf__entry_sum(entry, len - 8);
        for (int i = 0; i < 8; i++)
            entry[len - 8 + i] = (uint8_t)(sum >> 8 * i);
    }
    memcpy(key.bytes, entry + 16, sizeof key.bytes);
    dim = rf__u32_at(entry + 4);
    if (dim <= MAX_DIM && rf__entry_read(entry, len, &key, dim, vector, &text)) {
        enum row_kind kind = (enum row_kind)entry[1];
        check(rf__entry_is_whole(entry, len) && rf__entry_size(kind, dim) == len);
        rf__entry_write(&key, &text, kind, vector, dim, again);
        if (kind == ROW_FP32)
            check(memcmp(entry, again, len) == 0);
        key.bytes[0] ^= 1;
        check(!rf__entry_read(entry, len, &key, dim, vector, &text));
    }
    rf__free(entry);
    rf__free(again);
    rf__free(vector);
    return 0;
}
