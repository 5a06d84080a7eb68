/*
 * tiktoken: an encoding of OpenAI's tiktoken, from its ranks: a line for each piece, its bytes in base64, a space, and
 * its rank, which is its id.
 *
 *     IQ== 0
 *     Ig== 1
 *
 * The pattern that splits texts and the special tokens are no part of the file; they go with the encoding, of which
 * there are four (tiktoken_ext/openai_public.py). Which one it is tells the name of the file, or else the number of its
 * lines: in tiktoken's own cache the name is a hash.
 *
 * Special tokens in a text are found, as those of a tokenizer.json are: tiktoken's allowed_special="all".
 *
 * It is BPE: two neighbours merge when their bytes, end to end, are a piece, the piece of the lowest rank first. So the
 * merges are all the ways to cut a piece into two pieces. A piece of the text that is a piece of the file is that, with
 * or without merges.
 */
#include "tokenizer/model/bpe.h"
#include "tokenizer/files/files.h"

#include "base/base64.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "os/os.h"

#define MAX_SPECIAL 5
#define TOGETHER    64    /* places in pieces that are looked at together, so that the memory's answers overlap */
#define MAX_HOLES   65536 /* ids without a piece, above one for each piece: no short file costs much memory */

static const struct encoding_kind {
    const char *name;
    uint32_t n_ranks;
    const char *pattern;
    struct {
        const char *content;
        uint32_t id;
    } special[MAX_SPECIAL];
} kinds[] = {
#define R50K       "'(?:[sdmt]|ll|ve|re)| ?\\p{L}++| ?\\p{N}++| ?[^\\s\\p{L}\\p{N}]++|\\s++$|\\s+(?!\\S)|\\s"
#define O200K_TAIL "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    {"r50k_base", 50256, R50K, {{"<|endoftext|>", 50256}}},
    {"p50k_base", 50280, R50K, {{"<|endoftext|>", 50256}}},
    {"cl100k_base",
     100256,
     "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|"
     "\\s*[\\r\\n]|\\s+(?!\\S)|\\s",
     {{"<|endoftext|>", 100257},
      {"<|fim_prefix|>", 100258},
      {"<|fim_middle|>", 100259},
      {"<|fim_suffix|>", 100260},
      {"<|endofprompt|>", 100276}}},
    {"o200k_base",
     199998,
     "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+" O200K_TAIL
     "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*" O200K_TAIL
     "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
     {{"<|endoftext|>", 199999}, {"<|endofprompt|>", 200018}}},
};

/* ---- Lines -------------------------------------------------------------------------------------------------- */

/* One line that has been read: a piece in base64, and its rank. */
struct line {
    const char *base64;
    size_t len;
    uint32_t rank;
};

/* Reads the line at *at and moves behind it; false when it is none. */
static bool read_line(const char *text, size_t len, size_t *at, struct line *out)
{
    const char *end = memchr(text + *at, '\n', len - *at), *begin = text + *at, *space;
    size_t size = end == NULL ? len - *at : (size_t)(end - begin);
    uint64_t rank = 0;

    *at += size + (end != NULL);
    if (size > 0 && begin[size - 1] == '\r')
        size--;
    space = size == 0 ? NULL : memchr(begin, ' ', size);
    if (space == NULL || space == begin || space + 1 == begin + size)
        return false;
    for (const char *p = space + 1; p < begin + size; p++) {
        if (*p < '0' || *p > '9' || rank >= RF_VOCABULARY_MAX_IDS)
            return false;
        rank = rank * 10 + (uint64_t)(*p - '0');
    }
    *out = (struct line){begin, (size_t)(space - begin), (uint32_t)rank};
    return rank < RF_VOCABULARY_MAX_IDS;
}

static bool is_blank(const char *text, size_t len, size_t at)
{
    return at < len && (text[at] == '\n' || (text[at] == '\r' && at + 1 < len && text[at + 1] == '\n'));
}

bool rf__is_tiktoken(const char *text, size_t len)
{
    struct line line;
    uint8_t bytes[64];
    size_t at = 0, n;

    return len > 0 && read_line(text, len, &at, &line) && rf__base64_room(line.len) <= sizeof bytes &&
           rf__base64_decode(line.base64, line.len, bytes, &n);
}

/* The pieces of the file as bytes. */
static rf_status read_pieces(const char *text, size_t len, const char *name, struct vocabulary *out, rf_error *err)
{
    uint8_t *bytes = rf__alloc(len);
    uint32_t n_ids = 0;
    size_t n_lines = 0, number = 0, n;
    struct line line;
    rf_status status;

    if (bytes == NULL)
        return rf__fail_memory(err);
    for (size_t at = 0; at < len; n_lines++)
        if (is_blank(text, len, at))
            at += text[at] == '\r' ? 2 : 1;
        else if (read_line(text, len, &at, &line) && line.rank >= n_ids)
            n_ids = line.rank + 1;
    if (n_ids > 2 * n_lines + MAX_HOLES)
        status = rf__fail(err, RF_BAD_FORMAT, "%s: rank %u among %zu ranks; ranks follow each other", name, n_ids - 1,
                          n_lines);
    else
        status = rf__vocabulary_init(out, n_lines, len, n_ids, err);
    for (size_t at = 0; at < len && status == RF_OK;) {
        number++;
        if (is_blank(text, len, at))
            at += text[at] == '\r' ? 2 : 1;
        else if (!read_line(text, len, &at, &line) || !rf__base64_decode(line.base64, line.len, bytes, &n) || n == 0)
            status = rf__fail(err, RF_BAD_FORMAT, "%s: line %zu is not 'BASE64 RANK' with a rank below %u", name,
                              number, RF_VOCABULARY_MAX_IDS);
        else
            rf__vocabulary_add(out, (const char *)bytes, n, line.rank);
    }
    rf__free(bytes);
    if (status == RF_OK && (status = rf__vocabulary_finish(out, err)) != RF_OK)
        return rf__fail_prefix(err, status, "%s", name);
    return status;
}

/* ---- Which one ---------------------------------------------------------------------------------------------- */

static rf_status find_kind(const char *name, const struct vocabulary *pieces, const struct logger *logger,
                           const struct encoding_kind **out, rf_error *err)
{
    const char *base = name + rf__os_folder_len(name);

    for (int by_name = 1; by_name >= 0; by_name--)
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
            if (by_name ? strncmp(base, kinds[i].name, strlen(kinds[i].name)) == 0
                        : pieces->n_pieces == kinds[i].n_ranks) {
                *out = &kinds[i];
                if (pieces->n_pieces != kinds[i].n_ranks)
                    rf__log(logger, RF_LOG_WARNING,
                            "%s: has %u ranks, where %s has %u: is it cut short, or of another encoding?", name,
                            pieces->n_pieces, kinds[i].name, kinds[i].n_ranks);
                return RF_OK;
            }
    return rf__fail(err, RF_UNSUPPORTED,
                    "%s: unsupported: ranks of %u pieces of an unknown tiktoken encoding; name the file after its "
                    "encoding if it is r50k_base, p50k_base, cl100k_base or o200k_base",
                    name, pieces->n_pieces);
}

/* ---- The model ---------------------------------------------------------------------------------------------- */

/* The pieces in printable characters, with the special tokens. */
static rf_status print_pieces(const struct vocabulary *pieces, const struct encoding_kind *kind, struct vocabulary *out,
                              rf_error *err)
{
    const char *record = NULL;
    uint32_t n_ids = pieces->n_ids;
    size_t n_bytes = 0, n = MAX_SPECIAL, longest = 0;
    char *printable = NULL;
    rf_status status;

    while ((record = rf__vocabulary_next(pieces, record)) != NULL) {
        n++;
        n_bytes += 2 * (size_t)rf__record_len(record);
        longest = rf__record_len(record) > longest ? rf__record_len(record) : longest;
    }
    for (size_t i = 0; i < MAX_SPECIAL && kind->special[i].content != NULL; i++) {
        n_bytes += strlen(kind->special[i].content);
        n_ids = kind->special[i].id >= n_ids ? kind->special[i].id + 1 : n_ids;
    }
    printable = rf__alloc_array(longest, 2);
    status = printable == NULL ? rf__fail_memory(err) : rf__vocabulary_init(out, n, n_bytes, n_ids, err);
    if (status != RF_OK)
        goto out;
    while ((record = rf__vocabulary_next(pieces, record)) != NULL) {
        size_t len = rf__bpe_chars_of_bytes(rf__record_bytes(record), rf__record_len(record), printable);
        rf__vocabulary_add(out, printable, len, rf__record_id(record));
    }
    for (size_t i = 0; i < MAX_SPECIAL && kind->special[i].content != NULL; i++)
        rf__vocabulary_add(out, kind->special[i].content, strlen(kind->special[i].content), kind->special[i].id);
    status = rf__vocabulary_finish(out, err);
out:
    rf__free(printable);
    return status;
}

/* A way to cut a piece in two. */
struct cut {
    struct bpe_pair pair;
    char left, right; /* the bytes on both sides */
};

struct cuts {
    struct cut *items;
    size_t n, cap;
};

static rf_status push_cut(struct cuts *cuts, const struct cut *cut, rf_error *err)
{
    if (cuts->n == cuts->cap) {
        size_t cap = cuts->cap * 2 + 1024, size;
        struct cut *items;
        if (!rf__mul(cap, sizeof *items, &size) || (items = rf__realloc(cuts->items, size)) == NULL)
            return rf__fail_memory(err);
        cuts->items = items;
        cuts->cap = cap;
    }
    cuts->items[cuts->n++] = *cut;
    return RF_OK;
}

/* A place in a piece, and the pieces on its sides: first the right one is looked for, by its hash, then the left. */
struct place {
    const char *record, *right;
    size_t at;
    uint64_t hash;
};

/* Of n places, leaves those behind which there is a piece; asks for the memory of what comes before. */
static size_t find_right(const struct vocabulary *pieces, struct place *places, size_t n)
{
    const struct string_table *table = &pieces->table;
    size_t n_left = 0;

    for (size_t i = 0; i < n; i++)
        rf__string_table_fetch_record(table, pieces->pool, places[i].hash);
    for (size_t i = 0; i < n; i++) {
        struct place place = places[i];
        const char *bytes = rf__record_bytes(place.record);
        size_t len = rf__record_len(place.record) - place.at;
        place.right = rf__string_table_find_hashed(table, pieces->pool, 0, bytes + place.at, len, place.hash);
        if (place.right == NULL)
            continue;
        place.hash = rf__hash_padded(bytes, place.at, table->seed);
        rf__string_table_fetch(table, place.hash);
        places[n_left++] = place;
    }
    for (size_t i = 0; i < n_left; i++)
        rf__string_table_fetch_record(table, pieces->pool, places[i].hash);
    return n_left;
}

/* Of n places, those that part a piece into two pieces. The memory of the right sides was asked for. */
static rf_status push_cuts(const struct vocabulary *pieces, struct place *places, size_t n, struct cuts *out,
                           rf_error *err)
{
    rf_status status = RF_OK;

    n = find_right(pieces, places, n);
    for (size_t i = 0; i < n && status == RF_OK; i++) {
        size_t at = places[i].at;
        const char *bytes = rf__record_bytes(places[i].record);
        uint32_t id = rf__record_id(places[i].record);
        const char *left = rf__string_table_find_hashed(&pieces->table, pieces->pool, 0, bytes, at, places[i].hash);
        struct cut cut = {.left = bytes[at - 1], .right = bytes[at]};
        if (left == NULL)
            continue;
        cut.pair = (struct bpe_pair){rf__record_id(left), rf__record_id(places[i].right), id, id};
        status = push_cut(out, &cut, err);
    }
    return status;
}

static rf_status find_cuts(const struct vocabulary *pieces, struct cuts *out, rf_error *err)
{
    struct place places[TOGETHER];
    const char *record = NULL;
    size_t n = 0;
    rf_status status = RF_OK;

    while (status == RF_OK && (record = rf__vocabulary_next(pieces, record)) != NULL) {
        size_t len = rf__record_len(record);
        for (size_t at = 1; at < len && status == RF_OK; at++) {
            places[n] = (struct place){record, NULL, at,
                                       rf__hash_padded(rf__record_bytes(record) + at, len - at, pieces->table.seed)};
            rf__string_table_fetch(&pieces->table, places[n++].hash);
            if (n < TOGETHER)
                continue;
            status = push_cuts(pieces, places, n, out, err);
            n = 0;
        }
    }
    return status != RF_OK ? status : push_cuts(pieces, places, n, out, err);
}

static rf_status check_bytes(const struct vocabulary *pieces, const char *name, rf_error *err)
{
    for (unsigned b = 0; b < 256; b++) {
        char byte = (char)b;
        uint32_t id;
        if (!rf__vocabulary_find(pieces, &byte, 1, &id))
            return rf__fail(err, RF_BAD_FORMAT, "%s: has no rank of the byte 0x%02X", name, b);
    }
    return RF_OK;
}

static rf_status make_model(const struct vocabulary *pieces, const struct encoding_kind *kind, const char *name,
                            struct model **out, rf_error *err)
{
    struct bpe_settings settings = {.ignore_merges = true, .name = name};
    struct vocabulary printable = {0};
    struct cuts cuts = {0};
    struct bpe *bpe = NULL;
    rf_status status = find_cuts(pieces, &cuts, err);

    if (status == RF_OK)
        status = print_pieces(pieces, kind, &printable, err);
    if (status == RF_OK)
        status = rf__bpe_new(&printable, &settings, cuts.n > pieces->n_ids ? cuts.n : pieces->n_ids, &bpe, err);
    for (size_t i = 0; i < cuts.n && status == RF_OK; i++) {
        char left[2], right[2];
        rf__bpe_note_join(bpe, left, rf__bpe_chars_of_bytes(&cuts.items[i].left, 1, left), right,
                          rf__bpe_chars_of_bytes(&cuts.items[i].right, 1, right));
        rf__bpe_add_pair(bpe, &cuts.items[i].pair);
    }
    rf__free(cuts.items);
    rf__vocabulary_release(&printable);
    if (status == RF_OK)
        status = rf__bpe_finish(bpe, true, err);
    if (status != RF_OK) {
        if (bpe != NULL)
            rf__bpe_free(&bpe->base);
        return status;
    }
    *out = &bpe->base;
    return RF_OK;
}

/* ---- The tokenizer ------------------------------------------------------------------------------------------ */

static rf_status add_special(struct rf_tokenizer *tokenizer, const struct encoding_kind *kind, rf_error *err)
{
    const struct vocabulary *vocabulary = &tokenizer->model->vocabulary;
    rf_status status = rf__added_tokens_init(&tokenizer->added, vocabulary, MAX_SPECIAL, err);

    for (size_t i = 0; i < MAX_SPECIAL && kind->special[i].content != NULL && status == RF_OK; i++) {
        struct added_spec spec = {kind->special[i].content, strlen(kind->special[i].content), {.special = true}};
        uint32_t id;
        status = rf__added_tokens_add(&tokenizer->added, vocabulary, &tokenizer->normalizers, &spec, &id, err);
    }
    return status;
}

static rf_status build(struct rf_tokenizer *tokenizer, const struct vocabulary *pieces, const char *name,
                       const struct logger *logger, rf_error *err)
{
    static const char stages[] = "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
                                 "\"trim_offsets\":false,\"use_regex\":false},\"decoder\":{\"type\":\"ByteLevel\"}}";
    const struct encoding_kind *kind = NULL;
    struct pretokenizer *pretokenizer;
    rf_status status = find_kind(name, pieces, logger, &kind, err);

    if (status == RF_OK)
        status = check_bytes(pieces, name, err);
    if (status == RF_OK)
        status = make_model(pieces, kind, name, &tokenizer->model, err);
    if (status == RF_OK)
        status = rf__tiktoken_pretokenizer_new(kind->pattern, strlen(kind->pattern), &pretokenizer, err);
    if (status == RF_OK)
        status = rf__pretokenizers_add(&tokenizer->pretokenizers, pretokenizer, err);
    if (status == RF_OK)
        status = rf__tokenizer_read_stages(tokenizer, stages, name, err);
    return status != RF_OK ? status : add_special(tokenizer, kind, err);
}

rf_status rf__tokenizer_read_tiktoken(struct rf_tokenizer *tokenizer, const char *text, size_t len, const char *name,
                                      const struct logger *logger, rf_error *err)
{
    struct vocabulary pieces = {0};
    rf_status status = read_pieces(text, len, name, &pieces, err);

    if (status == RF_OK)
        status = build(tokenizer, &pieces, name, logger, err);
    rf__vocabulary_release(&pieces);
    return status != RF_OK ? status : rf__tokenizer_finish(tokenizer, logger, err);
}
