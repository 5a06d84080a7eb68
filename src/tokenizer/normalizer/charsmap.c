/* charsmap: see charsmap.h. */
#include "tokenizer/normalizer/charsmap.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "unicode/unicode.h"

#include <string.h>

#define N_BLOCKS    (RF_UNICODE_LIMIT >> RF_CHARSMAP_SHIFT)
#define BLOCK       ((size_t)1 << RF_CHARSMAP_SHIFT)
#define MAX_CLUSTER 5          /* bytes of a text that is looked up */
#define MAX_STEPS   (1u << 22) /* for looking through keys of several characters; real maps need a tenth */

/* ---- The double array --------------------------------------------------------------------------------------- */

static bool has_leaf(uint32_t unit)
{
    return (unit >> 8 & 1) == 1;
}

static size_t offset_of(uint32_t unit)
{
    return (size_t)(unit >> 10) << ((unit & 1u << 9) >> 6);
}

static size_t root(const struct charsmap *map)
{
    return offset_of(map->units[0]);
}

/* Goes from a node along a byte. False when no key goes on so. */
static bool step(const struct charsmap *map, size_t *node, uint8_t byte, bool *is_key)
{
    size_t at = *node ^ byte;
    uint32_t unit;

    if (at >= map->n_units)
        return false;
    unit = map->units[at];
    if ((unit & (1u << 31 | 0xFF)) != byte)
        return false;
    *node = at ^ offset_of(unit);
    *is_key = has_leaf(unit);
    return true;
}

/* The string of the key that ends at a node, NUL-terminated; NULL: a value that points nowhere. */
static const char *string_at(const struct charsmap *map, size_t node)
{
    size_t at;

    if (node >= map->n_units)
        return NULL;
    at = map->units[node] & 0x7FFFFFFFu;
    return at > map->strings_len || ((uint8_t)map->strings[at] & 0xC0) == 0x80 ? NULL : map->strings + at;
}

static bool removes(const char *string)
{
    return string != NULL && *string == '\0';
}

bool rf__charsmap_find(const struct charsmap *map, const char *key, size_t len, const char **string, size_t *string_len)
{
    size_t node = root(map);
    bool is_key = false;

    for (size_t i = 0; i < len && key[i] != '\0' && !is_key; i++)
        if (!step(map, &node, (uint8_t)key[i], &is_key))
            return false;
    *string = is_key ? string_at(map, node) : NULL;
    if (*string == NULL)
        return false;
    *string_len = strlen(*string);
    return true;
}

/* ---- What the map knows of each character ------------------------------------------------------------------- */

struct search {
    const struct charsmap *map;
    size_t steps;
    bool starts, removes;
};

/* How many bytes a character has that begins with this one; 0 when none does. */
static size_t length_of(unsigned lead)
{
    return lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
}

/* Looks through the keys that go on from a node with at most `room` bytes, of which `rest` complete a character. */
static void search_keys(struct search *search, size_t node, size_t room, size_t rest)
{
    unsigned first = rest > 0 ? 0x80 : 1, last = rest > 0 ? 0xBF : 0xF4;

    for (unsigned byte = first; byte <= last && room > 0; byte++) {
        size_t next = node, more = rest > 0 ? rest - 1 : length_of(byte) - 1;
        bool is_key;
        if (rest == 0 && length_of(byte) == 0)
            continue;
        if (++search->steps > MAX_STEPS) {
            search->starts = search->removes = true;
            return;
        }
        if (!step(search->map, &next, (uint8_t)byte, &is_key))
            continue;
        search->starts = true;
        if (!is_key)
            search_keys(search, next, room - 1, more);
        else if (removes(string_at(search->map, next)))
            search->removes = true;
    }
}

/* `node`: where a character of `len` bytes leads to. */
static uint8_t flags_of(struct search *search, size_t node, size_t len, bool is_key)
{
    if (is_key) {
        const char *string = string_at(search->map, node);
        return string == NULL ? 0 : removes(string) ? RF_CHARSMAP_KEY | RF_CHARSMAP_REMOVED : RF_CHARSMAP_KEY;
    }
    search->starts = search->removes = false;
    if (len < MAX_CLUSTER)
        search_keys(search, node, MAX_CLUSTER - len, 0);
    return (search->starts ? RF_CHARSMAP_STARTS : 0) | (search->removes ? RF_CHARSMAP_REMOVED : 0);
}

static bool walk(const struct charsmap *map, const char *bytes, size_t len, size_t *node, bool *is_key)
{
    *node = root(map);
    *is_key = false;
    for (size_t i = 0; i < len && !*is_key; i++)
        if (!step(map, node, (uint8_t)bytes[i], is_key))
            return false;
    return true;
}

/* Fills in the flags of a block, most of which no key goes to. Returns whether there is one. */
static bool fill_block(struct search *search, uint32_t block, uint8_t flags[BLOCK])
{
    bool any = false;

    memset(flags, 0, BLOCK);
    for (uint32_t c = block << RF_CHARSMAP_SHIFT, end = c + BLOCK; c < end; c++) {
        char bytes[RF_UTF8_MAX];
        size_t len = rf__utf8_encode(c, bytes), node;
        bool is_key;
        if (c % 64 == 0 && len > 1 && !walk(search->map, bytes, len - 1, &node, &is_key)) {
            c += 63; /* these begin alike */
            continue;
        }
        if (c == 0 || !walk(search->map, bytes, len, &node, &is_key))
            continue;
        flags[c & RF_CHARSMAP_MASK] = flags_of(search, node, len, is_key);
        any |= flags[c & RF_CHARSMAP_MASK] != 0;
    }
    return any;
}

/* Block 0 of the flags is the one of zeros. */
static rf_status fill_flags(struct charsmap *map, rf_error *err)
{
    struct search search = {.map = map};
    size_t n = 1, cap = 64;

    map->blocks = rf__calloc(N_BLOCKS, sizeof *map->blocks);
    map->flags = rf__calloc(cap, BLOCK);
    if (map->blocks == NULL || map->flags == NULL)
        return rf__fail_memory(err);
    for (uint32_t block = 0; block < N_BLOCKS; block++) {
        uint8_t flags[BLOCK];
        if (block >= 0xD800 >> RF_CHARSMAP_SHIFT && block < 0xE000 >> RF_CHARSMAP_SHIFT)
            continue; /* surrogates */
        if (!fill_block(&search, block, flags))
            continue;
        if (n == cap) {
            uint8_t *bigger = rf__realloc(map->flags, 2 * cap * BLOCK);
            if (bigger == NULL)
                return rf__fail_memory(err);
            map->flags = bigger;
            cap *= 2;
        }
        memcpy(map->flags + n * BLOCK, flags, BLOCK);
        map->blocks[block] = (uint16_t)n++;
    }
    return RF_OK;
}

/* ---- Reading ------------------------------------------------------------------------------------------------ */

static rf_status read_parts(struct charsmap *map, const uint8_t *data, size_t len, const char *name, rf_error *err)
{
    size_t trie_len = len < 4 ? 0 : rf__u32_at(data) / 4 * (size_t)4;

    if (trie_len == 0 || trie_len > len - 4)
        return rf__fail(err, RF_BAD_FORMAT, "%s: no trie of the size that it names, of %zu bytes", name, len);
    map->n_units = trie_len / 4;
    map->strings_len = len - 4 - trie_len;
    map->units = rf__alloc_array(map->n_units, sizeof *map->units);
    map->strings = rf__strndup((const char *)data + 4 + trie_len, map->strings_len);
    if (map->units == NULL || map->strings == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < map->n_units; i++)
        map->units[i] = rf__u32_at(data + 4 + 4 * i);
    if (!rf__utf8_valid(map->strings, map->strings_len))
        return rf__fail(err, RF_BAD_FORMAT, "%s: the strings are not valid UTF-8", name);
    return fill_flags(map, err);
}

rf_status rf__charsmap_read(struct charsmap *map, const uint8_t *data, size_t len, const char *name, rf_error *err)
{
    rf_status status;

    *map = (struct charsmap){0};
    status = read_parts(map, data, len, name, err);
    if (status != RF_OK)
        rf__charsmap_release(map);
    return status;
}

void rf__charsmap_release(struct charsmap *map)
{
    rf__free(map->units);
    rf__free(map->strings);
    rf__free(map->blocks);
    rf__free(map->flags);
    *map = (struct charsmap){0};
}

bool rf__charsmap_longest(const struct charsmap *map, const char *text, size_t len, size_t *key_len,
                          const char **string, size_t *string_len)
{
    size_t node = root(map);
    bool is_key;

    *string = NULL;
    for (size_t i = 0; i < len && step(map, &node, (uint8_t)text[i], &is_key); i++) {
        const char *longer = is_key ? string_at(map, node) : NULL;
        if (longer == NULL)
            continue;
        *string = longer;
        *key_len = i + 1;
    }
    if (*string == NULL)
        return false;
    *string_len = strlen(*string);
    return true;
}
