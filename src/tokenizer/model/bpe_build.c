/* bpe_build: the tables of a BPE model, and the other set of them that reads bytes instead of characters. */
#include "tokenizer/model/bpe.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tokenizer/byte_alphabet.h"

#define BAR 0x2581u /* what stands for a space in the vocabularies of sentencepiece */

/* ---- Joins -------------------------------------------------------------------------------------------------- */

void rf__bpe_note_join(struct bpe *bpe, const char *left, size_t left_len, const char *right, size_t right_len)
{
    uint32_t before, after, bit;
    size_t last;

    if (left_len == 0 || right_len == 0)
        return;
    last = rf__text_before(left, left_len);
    rf__utf8_decode(left + last, left_len - last, &before);
    rf__utf8_decode(right, right_len, &after);
    bit = rf__bpe_join_bit(before, after);
    bpe->joins[bit / 64] |= (uint64_t)1 << bit % 64;
    if (after == BAR && before != BAR)
        bpe->parts_before_bar = false;
}

/* ---- Characters --------------------------------------------------------------------------------------------- */

static void chars_free(struct bpe_chars *chars)
{
    if (chars != NULL)
        rf__free(chars->ids);
    rf__free(chars);
}

/* Page 0: characters that have no id. */
static struct bpe_chars *chars_new(void)
{
    struct bpe_chars *chars = rf__calloc(1, sizeof *chars);

    if (chars == NULL)
        return NULL;
    chars->ids = rf__alloc_array(256, sizeof *chars->ids);
    if (chars->ids == NULL) {
        chars_free(chars);
        return NULL;
    }
    memset(chars->ids, 0xFF, 256 * sizeof *chars->ids);
    chars->n_pages = 1;
    return chars;
}

static bool chars_put(struct bpe_chars *chars, uint32_t c, uint32_t id)
{
    uint16_t *page = &chars->page_of[c >> 8];

    if (*page == 0) {
        uint32_t *ids = rf__realloc(chars->ids, (chars->n_pages + 1) * 256 * sizeof *ids);
        if (ids == NULL)
            return false;
        chars->ids = ids;
        memset(ids + chars->n_pages * 256, 0xFF, 256 * sizeof *ids);
        *page = (uint16_t)chars->n_pages++;
    }
    chars->ids[(size_t)*page * 256 + (c & 0xFF)] = id;
    return true;
}

/* Whether a piece is one character between `skip` bytes and `rest` bytes. */
static bool is_char(const char *piece, size_t len, size_t skip, size_t rest, uint32_t *c)
{
    return len > skip + rest && len - skip - rest <= RF_UTF8_MAX &&
           rf__utf8_decode(piece + skip, len - skip - rest, c) == len - skip - rest;
}

static rf_status index_chars(struct bpe *bpe, rf_error *err)
{
    const struct vocabulary *vocabulary = &bpe->base.vocabulary;
    const char *record = NULL;

    for (unsigned form = 0; form < BPE_N_FORMS; form++) {
        bool is_needed =
            ((form & BPE_PREFIXED) == 0 || bpe->prefix_len > 0) && ((form & BPE_SUFFIXED) == 0 || bpe->suffix_len > 0);
        if (is_needed && (bpe->forms[form] = chars_new()) == NULL)
            return rf__fail_memory(err);
    }
    while ((record = rf__vocabulary_next(vocabulary, record)) != NULL) {
        const char *piece = rf__record_bytes(record);
        size_t len = rf__record_len(record);
        if (len > bpe->max_len)
            bpe->max_len = len;
        if (len > bpe->prefix_len + bpe->suffix_len + RF_UTF8_MAX)
            continue;
        for (unsigned form = 0; form < BPE_N_FORMS; form++) {
            size_t skip = (form & BPE_PREFIXED) != 0 ? bpe->prefix_len : 0;
            size_t rest = (form & BPE_SUFFIXED) != 0 ? bpe->suffix_len : 0;
            uint32_t c;
            if (bpe->forms[form] != NULL && is_char(piece, len, skip, rest, &c) &&
                memcmp(piece, bpe->prefix, skip) == 0 && memcmp(piece + len - rest, bpe->suffix, rest) == 0 &&
                !chars_put(bpe->forms[form], c, rf__record_id(record)))
                return rf__fail_memory(err);
        }
    }
    return RF_OK;
}

/* ---- The model ---------------------------------------------------------------------------------------------- */

void rf__bpe_free(struct model *self)
{
    struct bpe *bpe = (struct bpe *)self;

    rf__vocabulary_release(&self->vocabulary);
    rf__bpe_pairs_release(&bpe->pairs);
    rf__free(bpe->added);
    rf__free(bpe->is_made);
    rf__free(bpe->made);
    rf__double_array_release(&bpe->trie);
    rf__free(bpe->id_of_rank);
    for (unsigned form = 0; form < BPE_N_FORMS; form++)
        chars_free(bpe->forms[form]);
    rf__free(bpe->joins);
    if (bpe->bytes != NULL)
        rf__vocabulary_release(&bpe->bytes->words);
    rf__free(bpe->bytes);
    rf__free(bpe->prefix);
    rf__free(bpe->suffix);
    rf__free(bpe->unk_token);
    rf__free(bpe->name);
    rf__free(bpe);
}

static rf_status copy_settings(struct bpe *bpe, const struct bpe_settings *settings, rf_error *err)
{
    bpe->fuse_unk = settings->fuse_unk;
    bpe->byte_fallback = settings->byte_fallback;
    bpe->ignore_merges = settings->ignore_merges;
    bpe->has_unk = settings->unk_token != NULL;
    bpe->prefix_len = settings->prefix_len;
    bpe->suffix_len = settings->suffix_len;
    bpe->prefix = rf__strndup(settings->prefix == NULL ? "" : settings->prefix, settings->prefix_len);
    bpe->suffix = rf__strndup(settings->suffix == NULL ? "" : settings->suffix, settings->suffix_len);
    bpe->unk_token = bpe->has_unk ? rf__strndup(settings->unk_token, settings->unk_token_len) : NULL;
    bpe->name = rf__strdup(settings->name);
    if (bpe->prefix == NULL || bpe->suffix == NULL || bpe->name == NULL || (bpe->has_unk && bpe->unk_token == NULL))
        return rf__fail_memory(err);
    bpe->unk_id = RF_BPE_NONE;
    if (bpe->has_unk)
        rf__vocabulary_find(&bpe->base.vocabulary, settings->unk_token, settings->unk_token_len, &bpe->unk_id);
    return RF_OK;
}

rf_status rf__bpe_new(struct vocabulary *vocabulary, const struct bpe_settings *settings, size_t n_pairs,
                      struct bpe **out, rf_error *err)
{
    struct bpe *bpe = rf__calloc(1, sizeof *bpe);
    rf_status status;

    if (bpe == NULL) {
        rf__vocabulary_release(vocabulary);
        return rf__fail_memory(err);
    }
    bpe->base.ops = &rf__bpe_ops;
    bpe->base.vocabulary = *vocabulary;
    *vocabulary = (struct vocabulary){0};
    bpe->serial = rf__stage_serial();
    bpe->parts_before_bar = true;
    status = copy_settings(bpe, settings, err);
    if (status == RF_OK) {
        bpe->n_ranks = n_pairs;
        bpe->added = rf__alloc_array(n_pairs, sizeof *bpe->added);
        bpe->id_of_rank = rf__calloc(n_pairs, sizeof *bpe->id_of_rank);
        bpe->joins = rf__calloc(RF_BPE_JOINS_BITS / 64, sizeof *bpe->joins);
        if (bpe->added == NULL || bpe->id_of_rank == NULL || bpe->joins == NULL)
            status = rf__fail_memory(err);
    }
    if (status == RF_OK)
        status = index_chars(bpe, err);
    if (status != RF_OK) {
        rf__bpe_free(&bpe->base);
        return status;
    }
    rf__vocabulary_find_bytes(&bpe->base.vocabulary, RF_BPE_NONE, bpe->fallback);
    *out = bpe;
    return RF_OK;
}

void rf__bpe_add_pair(struct bpe *bpe, const struct bpe_pair *pair)
{
    assert(bpe->n_added < bpe->n_ranks && pair->rank < bpe->n_ranks);
    bpe->id_of_rank[pair->rank] = pair->id;
    bpe->added[bpe->n_added++] = *pair;
}

static bool ends_with_bar(const char *text)
{
    uint32_t c;
    size_t len = text == NULL ? 0 : strlen(text), last = len == 0 ? 0 : rf__text_before(text, len);

    return len > 0 && rf__utf8_decode(text + last, len - last, &c) > 0 && c == BAR;
}

rf_status rf__bpe_finish(struct bpe *bpe, bool is_regular, rf_error *err)
{
    const struct vocabulary *vocabulary = &bpe->base.vocabulary;
    bool leaves_out = !bpe->has_unk; /* characters that are no piece become no token, and what follows moves forward */
    uint32_t n_named = 0;
    rf_status status = rf__bpe_pairs_build(&bpe->pairs, bpe->added, bpe->n_added, vocabulary->n_ids, bpe->n_ranks, err);

    for (unsigned b = 0; b < 256 && bpe->byte_fallback; b++)
        if (bpe->fallback[b] == RF_BPE_NONE)
            break;
        else if (b == 255)
            leaves_out = false;
    if (status != RF_OK)
        return rf__fail_prefix(err, status, "%s", bpe->name);
    for (uint32_t id = 0; id < vocabulary->n_ids; id++)
        n_named += vocabulary->record_of_id[id] != 0;
    bpe->is_plain = is_regular && n_named == vocabulary->n_pieces && bpe->n_ranks <= RF_BPE_FEW_RANKS;
    /* That no pair is merged over a U+2581 is known of the pairs; nothing else may look over it either. */
    if (!bpe->is_plain || leaves_out || bpe->ignore_merges || bpe->prefix_len + bpe->suffix_len > 0 ||
        rf__bpe_char_id(bpe->forms[0], BAR) == RF_BPE_NONE || ends_with_bar(bpe->unk_token))
        bpe->parts_before_bar = false;
    if (bpe->is_plain)
        status = rf__bpe_reduce(bpe, err);
    rf__free(bpe->added);
    bpe->added = NULL;
    return status;
}

/* ---- Bytes -------------------------------------------------------------------------------------------------- */

size_t rf__bpe_chars_of_bytes(const char *bytes, size_t len, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += rf__utf8_encode(rf__char_of_byte((uint8_t)bytes[i]), out + n);
    return n;
}

static bool is_in_utf8(unsigned byte)
{
    return byte < 0xC0 || (byte > 0xC1 && byte < 0xF5);
}

bool rf__bpe_bytes_of_chars(const char *chars, size_t len, char *out, size_t *out_len)
{
    *out_len = 0;
    for (size_t at = 0; at < len;) {
        uint32_t c;
        int byte;
        at += rf__utf8_decode(chars + at, len - at, &c);
        byte = rf__byte_of_char(c);
        if (byte < 0)
            return false;
        out[(*out_len)++] = (char)byte;
    }
    return true;
}

static bool index_words(const struct bpe *bpe, struct bpe_bytes *bytes)
{
    const struct vocabulary *vocabulary = &bpe->base.vocabulary;
    const char *record = NULL;
    char *word = rf__alloc(bpe->max_len);
    rf_error err = {0};
    bool is_done = false;

    if (word == NULL || rf__vocabulary_init(&bytes->words, vocabulary->pool_len / 9, vocabulary->pool_len,
                                            vocabulary->n_ids, &err) != RF_OK)
        goto out;
    while ((record = rf__vocabulary_next(vocabulary, record)) != NULL) {
        size_t len;
        if (bpe->is_made != NULL && bpe->is_made[rf__record_id(record)])
            continue;
        if (rf__bpe_bytes_of_chars(rf__record_bytes(record), rf__record_len(record), word, &len))
            rf__vocabulary_add(&bytes->words, word, len, rf__record_id(record));
    }
    is_done = rf__vocabulary_finish(&bytes->words, &err) == RF_OK;
out:
    rf__free(word);
    return is_done;
}

static bool index_bytes(const struct bpe *bpe, struct bpe_bytes *bytes)
{
    uint32_t chars[256];

    for (unsigned b = 0; b < 256; b++) {
        chars[b] = rf__char_of_byte((uint8_t)b);
        bytes->ids[b] = rf__bpe_char_id(bpe->forms[0], chars[b]);
        if (bytes->ids[b] == RF_BPE_NONE && is_in_utf8(b))
            return false;
    }
    for (unsigned i = 0; i < 65536; i++) {
        uint32_t left = bytes->ids[i >> 8], right = bytes->ids[i & 0xFF];
        bytes->ranks[i] =
            left == RF_BPE_NONE || right == RF_BPE_NONE ? RF_BPE_NONE : rf__bpe_rank(&bpe->pairs, left, right);
        if (rf__bpe_joins(bpe, chars[i >> 8], chars[i & 0xFF]))
            bytes->joins[i / 64] |= (uint64_t)1 << i % 64;
    }
    return !bpe->ignore_merges || index_words(bpe, bytes);
}

/* Without memory for it, characters it is. */
bool rf__bpe_use_bytes(struct model *self)
{
    struct bpe *bpe = (struct bpe *)self;
    struct bpe_bytes *bytes;

    if (bpe->prefix_len + bpe->suffix_len > 0)
        return false;
    bytes = rf__calloc(1, sizeof *bytes);
    if (bytes == NULL)
        return false;
    if (!index_bytes(bpe, bytes)) {
        rf__vocabulary_release(&bytes->words);
        rf__free(bytes);
        return false;
    }
    bpe->bytes = bytes;
    return true;
}
