/* memory: see memory.h. */
#include "vector_cache/memory.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "vector_cache/entry.h"

#include <string.h>

#define ALLOCATION_BYTES 16 /* that an allocator adds to each, about */
#define MAX_BUCKETS      ((size_t)1 << 24)

struct kept {
    struct kept *next;          /* of the bucket */
    struct kept *newer, *older; /* in the order of their use */
    struct vector_key key;
    struct kept_text text;
    enum row_kind kind;
    uint8_t row[];
};

struct memory {
    struct kept **buckets; /* [n_buckets], a power of 2 */
    size_t n_buckets;
    struct kept *newest, *oldest;
    uint64_t bytes, max_bytes;
    uint32_t dim;
    bool fp16;
};

/* Bytes that one vector takes. */
static size_t cost(const struct memory *memory, enum row_kind kind)
{
    return sizeof(struct kept) + rf__row_size(kind, memory->dim) + ALLOCATION_BYTES;
}

struct memory *rf__memory_new(uint64_t max_bytes, uint32_t dim, bool fp16)
{
    struct memory *memory = rf__calloc(1, sizeof *memory);
    uint64_t most;

    if (memory == NULL)
        return NULL;
    memory->dim = dim;
    memory->fp16 = fp16;
    most = max_bytes / cost(memory, fp16 ? ROW_FP16 : ROW_FP32);
    for (memory->n_buckets = 16; memory->n_buckets < most && memory->n_buckets < MAX_BUCKETS;)
        memory->n_buckets *= 2;
    memory->bytes = memory->n_buckets * sizeof *memory->buckets;
    memory->max_bytes = memory->bytes + max_bytes;
    memory->buckets = rf__calloc(memory->n_buckets, sizeof *memory->buckets);
    if (memory->buckets == NULL) {
        rf__free(memory);
        return NULL;
    }
    return memory;
}

void rf__memory_free(struct memory *memory)
{
    if (memory == NULL)
        return;
    for (struct kept *kept = memory->newest, *older; kept != NULL; kept = older) {
        older = kept->older;
        rf__free(kept);
    }
    rf__free(memory->buckets);
    rf__free(memory);
}

/* The bucket of a key, whose bytes are those of a hash already. */
static struct kept **bucket_of(const struct memory *memory, const struct vector_key *key)
{
    return &memory->buckets[rf__u64_at(key->bytes) & (memory->n_buckets - 1)];
}

/* The place that points to the key's vector, or to NULL at the bucket's end. */
static struct kept **find(const struct memory *memory, const struct vector_key *key)
{
    struct kept **at = bucket_of(memory, key);

    while (*at != NULL && memcmp((*at)->key.bytes, key->bytes, sizeof key->bytes) != 0)
        at = &(*at)->next;
    return at;
}

static void unlink_use(struct memory *memory, struct kept *kept)
{
    *(kept->newer != NULL ? &kept->newer->older : &memory->newest) = kept->older;
    *(kept->older != NULL ? &kept->older->newer : &memory->oldest) = kept->newer;
}

static void link_newest(struct memory *memory, struct kept *kept)
{
    kept->newer = NULL;
    kept->older = memory->newest;
    *(memory->newest != NULL ? &memory->newest->newer : &memory->oldest) = kept;
    memory->newest = kept;
}

bool rf__memory_get(struct memory *memory, const struct vector_key *key, float *out, struct kept_text *text)
{
    struct kept *kept = *find(memory, key);

    if (kept == NULL)
        return false;
    unlink_use(memory, kept);
    link_newest(memory, kept);
    rf__row_read(kept->kind, kept->row, memory->dim, out);
    *text = kept->text;
    return true;
}

static void drop_oldest(struct memory *memory)
{
    struct kept *kept = memory->oldest, **at = find(memory, &kept->key);

    *at = kept->next;
    unlink_use(memory, kept);
    memory->bytes -= cost(memory, kept->kind);
    rf__free(kept);
}

void rf__memory_put(struct memory *memory, const struct vector_key *key, const float *vector,
                    const struct kept_text *text)
{
    enum row_kind kind = rf__row_kind(vector, memory->dim, memory->fp16);
    size_t bytes = cost(memory, kind);
    struct kept *kept, **bucket;

    if (*find(memory, key) != NULL || bytes > memory->max_bytes - memory->n_buckets * sizeof *memory->buckets)
        return;
    kept = rf__alloc(sizeof *kept + rf__row_size(kind, memory->dim));
    if (kept == NULL)
        return;
    while (memory->bytes + bytes > memory->max_bytes)
        drop_oldest(memory);
    kept->key = *key;
    kept->text = *text;
    kept->kind = kind;
    rf__row_write(kind, vector, memory->dim, kept->row);
    bucket = bucket_of(memory, key);
    kept->next = *bucket;
    *bucket = kept;
    link_newest(memory, kept);
    memory->bytes += bytes;
}

uint64_t rf__memory_bytes(const struct memory *memory)
{
    return memory->bytes;
}
