/*
 * double_array: see double_array.h. The strings are sorted by their bytes, so that the strings of a node are a range,
 * and the nodes are placed depth first: the children of a node at the first base where all of them fall on free units.
 * Few bases are tried, so that building stays linear: those around the free units of the last blocks, then a new block.
 * Most nodes have one child and fill the gaps that the others leave.
 */
#include "tokenizer/model/double_array.h"

#include "base/mem.h"

#include <string.h>

#define BLOCK       256
#define OPEN_BLOCKS 16 /* older ones are not looked at again */
#define TRIES       48 /* free units that are tried for one node, in the open blocks and again in the last one */
#define MAX_UNITS   ((size_t)1 << 26) /* a hundred times what the largest vocabularies need */
#define FEW         24                /* strings that are sorted by comparing */

void rf__double_array_release(struct double_array *array)
{
    rf__free(array->units);
    *array = (struct double_array){0};
}

bool rf__double_array_find(const struct double_array *array, const char *bytes, size_t len, uint32_t *value)
{
    uint64_t unit = array->units[0];

    for (size_t i = 0; i < len; i++)
        if (!rf__double_array_step(array, &unit, (uint8_t)bytes[i]))
            return false;
    *value = rf__unit_value(unit);
    return rf__unit_has_value(unit);
}

/* ---- Sorting ------------------------------------------------------------------------------------------------ */

struct range {
    size_t begin, end, depth; /* all strings have the same first `depth` bytes */
};

/* Compares what comes behind the first `depth` bytes. */
static bool is_less(const struct trie_key *a, const struct trie_key *b, size_t depth)
{
    size_t shorter = a->len < b->len ? a->len : b->len;
    int order = memcmp(a->bytes + depth, b->bytes + depth, shorter - depth);

    return order < 0 || (order == 0 && a->len < b->len);
}

static void sort_few(struct trie_key *keys, size_t n, size_t depth)
{
    for (size_t i = 1; i < n; i++) {
        struct trie_key key = keys[i];
        size_t at = i;
        for (; at > 0 && is_less(&key, &keys[at - 1], depth); at--)
            keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

/* Where in the order of a range a string comes by its byte at `depth`; one that ends there comes first. */
static size_t bucket_of(const struct trie_key *key, size_t depth)
{
    return key->len == depth ? 0 : 1 + (size_t)(uint8_t)key->bytes[depth];
}

/* Puts a range in order by one byte and the ranges that remain to be sorted on the stack. */
static size_t sort_by_byte(struct trie_key *keys, struct trie_key *spare, struct range range, struct range *stack,
                           size_t n_stack)
{
    size_t ends[1 + 256] = {0}, at = range.begin;

    for (size_t i = range.begin; i < range.end; i++)
        ends[bucket_of(&keys[i], range.depth)]++;
    for (size_t b = 0; b < 1 + 256; b++) {
        size_t n = ends[b];
        ends[b] = at;
        at += n;
    }
    for (size_t i = range.begin; i < range.end; i++)
        spare[ends[bucket_of(&keys[i], range.depth)]++] = keys[i];
    memcpy(keys + range.begin, spare + range.begin, (range.end - range.begin) * sizeof *keys);
    for (size_t b = 1; b < 1 + 256; b++) {
        size_t begin = ends[b - 1], n = ends[b] - begin;
        if (n > FEW)
            stack[n_stack++] = (struct range){begin, ends[b], range.depth + 1};
        else if (n > 1)
            sort_few(keys + begin, n, range.depth + 1);
    }
    return n_stack;
}

/* The ranges on the stack don't overlap and have more than FEW strings each: n / FEW + 1 are room enough. */
static void sort_keys(struct trie_key *keys, struct trie_key *spare, size_t n, struct range *stack)
{
    size_t n_stack = 0;

    if (n <= FEW)
        sort_few(keys, n, 0);
    else
        stack[n_stack++] = (struct range){0, n, 0};
    while (n_stack > 0) {
        struct range range = stack[--n_stack];
        n_stack = sort_by_byte(keys, spare, range, stack, n_stack);
    }
}

/* ---- Placing ------------------------------------------------------------------------------------------------ */

struct builder {
    struct double_array *array;
    size_t cap;
    uint64_t *is_free;  /* [cap / 64]: a bit for each unit */
    uint64_t *has_base; /* [cap / 64]: the base of some node */
    size_t first_free;  /* a word of is_free; those before are 0 */
};

/* The children of one node. */
struct children {
    uint8_t bytes[256];
    size_t end[256]; /* of their strings */
    size_t n;
};

static bool bit(const uint64_t *bits, size_t i)
{
    return (bits[i / 64] >> (i % 64) & 1) != 0;
}

static unsigned lowest_bit(uint64_t bits)
{
#if defined(__GNUC__) || defined(__clang__)
    return (unsigned)__builtin_ctzll(bits);
#else
    unsigned n = 0;

    while ((bits >> n & 1) == 0)
        n++;
    return n;
#endif
}

static bool grow(void *array, size_t old_bytes, size_t new_bytes)
{
    void *old, *new_array;

    memcpy(&old, array, sizeof old);
    new_array = rf__realloc(old, new_bytes);
    if (new_array == NULL)
        return false;
    memset((char *)new_array + old_bytes, 0, new_bytes - old_bytes);
    memcpy(array, &new_array, sizeof new_array);
    return true;
}

static rf_status add_block(struct builder *b, rf_error *err)
{
    size_t n = b->array->n_units;

    if (n == b->cap) {
        size_t cap = n == 0 ? 16 * BLOCK : 2 * n;
        if (cap > MAX_UNITS)
            return rf__fail(err, RF_UNSUPPORTED,
                            "unsupported: pieces that are so many and long that their trie has %zu nodes", n);
        if (!grow(&b->array->units, n * sizeof *b->array->units, cap * sizeof *b->array->units) ||
            !grow(&b->is_free, n / 8, cap / 8) || !grow(&b->has_base, n / 8, cap / 8))
            return rf__fail_memory(err);
        b->cap = cap;
    }
    memset(b->is_free + n / 64, 0xFF, BLOCK / 8);
    b->array->n_units = n + BLOCK;
    return RF_OK;
}

static bool fits(const struct builder *b, const struct children *children, size_t base)
{
    if (base == 0 || bit(b->has_base, base))
        return false;
    for (size_t i = 1; i < children->n; i++)
        if (!bit(b->is_free, base ^ children->bytes[i]))
            return false;
    return true;
}

/* Tries the free units from a word on for the first child; 0 when none of the first ones fits. */
static size_t search_base(const struct builder *b, const struct children *children, size_t word)
{
    int tries = 0;

    for (; word < b->array->n_units / 64; word++)
        for (uint64_t bits = b->is_free[word]; bits != 0; bits &= bits - 1) {
            size_t base = (word * 64 + lowest_bit(bits)) ^ children->bytes[0];
            if (fits(b, children, base))
                return base;
            if (++tries == TRIES)
                return 0;
        }
    return 0;
}

static rf_status find_base(struct builder *b, const struct children *children, size_t *base, rf_error *err)
{
    size_t n_words = b->array->n_units / 64, open = OPEN_BLOCKS * BLOCK / 64;
    rf_status status;

    if (n_words > open && b->first_free < n_words - open)
        b->first_free = n_words - open;
    while (b->first_free < n_words && b->is_free[b->first_free] == 0)
        b->first_free++;
    *base = search_base(b, children, b->first_free);
    if (*base == 0)
        *base = search_base(b, children, n_words - BLOCK / 64);
    if (*base != 0)
        return RF_OK;
    *base = b->array->n_units;
    status = add_block(b, err);
    return status;
}

static void place(struct builder *b, size_t node, const struct children *children, size_t base)
{
    b->has_base[base / 64] |= (uint64_t)1 << (base % 64);
    b->array->units[node] |= (uint64_t)base << 8;
    for (size_t i = 0; i < children->n; i++) {
        size_t child = base ^ children->bytes[i];
        b->is_free[child / 64] &= ~((uint64_t)1 << (child % 64));
        b->array->units[child] = RF_UNIT_USED | children->bytes[i];
    }
}

/* A node whose children are to be placed. */
struct open_node {
    struct range keys;
    size_t node;
};

static void find_children(const struct trie_key *keys, struct range range, struct children *out)
{
    out->n = 0;
    for (size_t i = range.begin; i < range.end; i++) {
        uint8_t byte = (uint8_t)keys[i].bytes[range.depth];
        if (out->n == 0 || out->bytes[out->n - 1] != byte)
            out->bytes[out->n++] = byte;
        out->end[out->n - 1] = i + 1;
    }
}

/* The nodes on the stack have different strings: n are room enough. */
static rf_status place_all(struct builder *b, const struct trie_key *keys, size_t n, struct open_node *stack,
                           rf_error *err)
{
    struct children children;
    size_t n_stack = 0, base;
    rf_status status = add_block(b, err);

    if (status != RF_OK)
        return status;
    b->is_free[0] &= ~(uint64_t)1;
    b->array->units[0] = 0; /* nobody's child */
    if (n > 0)
        stack[n_stack++] = (struct open_node){{0, n, 0}, 0};
    while (n_stack > 0) {
        struct open_node open = stack[--n_stack];
        const struct trie_key *first = &keys[open.keys.begin];
        if (first->len == open.keys.depth) {
            b->array->units[open.node] |= RF_UNIT_VALUE | (uint64_t)first->value << 37;
            if (++open.keys.begin == open.keys.end)
                continue;
            if (first[1].len == first->len)
                return rf__fail(err, RF_BAD_FORMAT, "'%.*s' is there twice", (int)first->len, first->bytes);
        }
        find_children(keys, open.keys, &children);
        status = find_base(b, &children, &base, err);
        if (status != RF_OK)
            return status;
        place(b, open.node, &children, base);
        for (size_t i = children.n; i-- > 0;) {
            size_t begin = i == 0 ? open.keys.begin : children.end[i - 1];
            stack[n_stack++] =
                (struct open_node){{begin, children.end[i], open.keys.depth + 1}, base ^ children.bytes[i]};
        }
    }
    return RF_OK;
}

static void shrink(struct double_array *array)
{
    uint64_t *smaller = rf__realloc(array->units, array->n_units * sizeof *array->units);

    if (smaller != NULL)
        array->units = smaller;
}

rf_status rf__double_array_build(struct double_array *out, struct trie_key *keys, size_t n, rf_error *err)
{
    struct builder builder = {.array = out};
    struct trie_key *spare = rf__alloc_array(n, sizeof *spare);
    struct range *ranges = rf__alloc_array(n / FEW + 1, sizeof *ranges);
    struct open_node *stack = rf__alloc_array(n, sizeof *stack);
    rf_status status = RF_NO_MEMORY;

    if (spare == NULL || ranges == NULL || stack == NULL) {
        status = rf__fail_memory(err);
    } else {
        sort_keys(keys, spare, n, ranges);
        status = place_all(&builder, keys, n, stack, err);
    }
    rf__free(builder.is_free);
    rf__free(builder.has_base);
    rf__free(spare);
    rf__free(ranges);
    rf__free(stack);
    if (status == RF_OK)
        shrink(out);
    else
        rf__double_array_release(out);
    return status;
}
