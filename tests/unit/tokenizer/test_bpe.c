/* The BPE model: every flag, as `tokenizers` 0.23 answers (tests/oracle/bpe_oracle.py compares at random), long words,
 * merges that are none, and the text cut before a bar against the text whole. */
#include "tokenizer_fixture.h"

#include "tokenizer/byte_alphabet.h"
#include "tokenizer/model/bpe.h"

#include <stdlib.h>

#define MODEL(FLAGS, VOCAB, MERGES)                                                                                    \
    "{\"model\":{\"type\":\"BPE\"," FLAGS "\"vocab\":{" VOCAB "},\"merges\":[" MERGES "]}}"
#define ABC    "\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"abc\":4,\"bc\":5,\"<unk>\":6"
#define MERGED "[\"a\",\"b\"],[\"ab\",\"c\"],[\"b\",\"c\"]"
#define UNK    "\"unk_token\":\"<unk>\","

static const struct {
    const char *json, *text;
    size_t n;
    struct {
        uint32_t id, begin, end;
    } tokens[8];
} cases[] = {
    {MODEL("", ABC, MERGED), "abcbcab", 3, {{4, 0, 3}, {5, 3, 5}, {3, 5, 7}}},
    {MODEL("", ABC, "\"a b\",\"ab c\",\"b c\""), "abcbc", 2, {{4, 0, 3}, {5, 3, 5}}},
    {MODEL("", ABC, "\"#version: 0.2\",\"b c\",\"a b\""), "abc", 2, {{0, 0, 1}, {5, 1, 3}}},
    /* The later of two merges of one pair counts. */
    {MODEL("", ABC, "\"a b\",\"b c\",\"a b\""), "abc", 2, {{0, 0, 1}, {5, 1, 3}}},
    /* Leftmost first. */
    {MODEL("", "\"a\":0,\"aa\":1", "\"a a\""), "aaa", 2, {{1, 0, 2}, {0, 2, 3}}},
    /* Unknown characters: left out, which moves the others; named; fused. */
    {MODEL("", ABC, MERGED), "axb", 1, {{3, 0, 2}}},
    {MODEL(UNK, ABC, MERGED), "axyb", 4, {{0, 0, 1}, {6, 1, 2}, {6, 2, 3}, {1, 3, 4}}},
    {MODEL(UNK "\"fuse_unk\":true,", ABC, MERGED), "ax\u00E9b", 3, {{0, 0, 1}, {6, 1, 4}, {1, 4, 5}}},
    {MODEL("\"byte_fallback\":true,", "\"a\":0,\"<0xC3>\":1,\"<0xA9>\":2", ""),
     "a\u00E9",
     3,
     {{0, 0, 1}, {1, 1, 3}, {2, 1, 3}}},
    /* What is unknown waits behind the bytes that follow. */
    {MODEL(UNK "\"byte_fallback\":true,", "\"a\":0,\"<unk>\":1,\"<0x78>\":2", ""),
     "yxa",
     3,
     {{2, 0, 1}, {1, 1, 2}, {0, 2, 3}}},
    /* A merge with a side that comes later, of bytes: also where the piece's own characters have no piece. */
    {MODEL("\"byte_fallback\":true,", "\"a\":0,\"\u4E2D\":1,\"<0x78>\":2,\"<0x78>\u4E2D\":3,\"a<0x78>\u4E2D\":4",
           "[\"a\",\"<0x78>\u4E2D\"],[\"<0x78>\",\"\u4E2D\"]"),
     "ax\u4E2D",
     1,
     {{4, 0, 5}}},
    {MODEL("\"unk_token\":\"missing\",\"byte_fallback\":true,",
           "\"\u00E9\":0,\"<0x61>\":1,\"<0x62>\":2,\"<0x61><0x62>\":3,\"\u00E9<0x61><0x62>\":4",
           "[\"\u00E9\",\"<0x61><0x62>\"],[\"<0x61>\",\"<0x62>\"]"),
     "\u00E9ab",
     1,
     {{4, 0, 4}}},
    {MODEL("", "\"a\":0,\"b\":1,\"ab\":2", ""), "ab", 2, {{0, 0, 1}, {1, 1, 2}}},
    {MODEL("\"ignore_merges\":true,", "\"a\":0,\"b\":1,\"ab\":2", ""), "ab", 1, {{2, 0, 2}}},
    {MODEL("\"continuing_subword_prefix\":\"##\",", "\"a\":0,\"##b\":1,\"ab\":2,\"##c\":3", "\"a ##b\""),
     "abc",
     2,
     {{2, 0, 2}, {3, 2, 3}}},
    {MODEL("\"end_of_word_suffix\":\"</w>\",", "\"a\":0,\"b</w>\":1,\"ab</w>\":2", "\"a b</w>\""),
     "ab",
     1,
     {{2, 0, 2}}},
    {MODEL("\"dropout\":0.0,", ABC, MERGED), "", 0, {{0, 0, 0}}},
    /* A piece that is there twice. */
    {MODEL("", "\"a\":0,\"ab\":2,\"abab\":3,\"a\":0,\"b\":1,\"ab\":2", "\"a b\",\"ab ab\""),
     "abababababababababababababab",
     7,
     {{3, 0, 4}, {3, 4, 8}, {3, 8, 12}, {3, 12, 16}, {3, 16, 20}, {3, 20, 24}, {3, 24, 28}}},
};

static void tokens(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rf_tokenizer tokenizer;
        struct fixture_call call = {0};
        struct encode_request request = {.text = text_of(cases[i].text)};
        fixture_read(&tokenizer, cases[i].json);
        for (int again = 0; again < 2; again++) { /* the second time from the cache */
            fixture_encode(&tokenizer, &call, &request);
            if (call.encoding.n != cases[i].n)
                fail_msg("case %zu: %zu tokens", i, call.encoding.n);
            for (size_t k = 0; k < cases[i].n; k++)
                if (call.encoding.ids[k] != cases[i].tokens[k].id ||
                    call.encoding.begin[k] != cases[i].tokens[k].begin ||
                    call.encoding.end[k] != cases[i].tokens[k].end)
                    fail_msg("case %zu, token %zu: %u [%zu, %zu)", i, k, call.encoding.ids[k], call.encoding.begin[k],
                             call.encoding.end[k]);
        }
        fixture_release(&call);
        rf__tokenizer_release(&tokenizer);
    }
}

static const struct {
    const char *json, *message;
} faults[] = {
    {MODEL("", ABC, "\"a x\""), "the merges need the piece 'x', which the vocabulary does not have"},
    {MODEL("", ABC, "\"x a\""), "the merges need the piece 'x', which"},
    {MODEL("", ABC, "\"c a\""), "the merges need the piece 'ca', which"},
    {MODEL("", ABC, "\"abcabcabcabc a\""), "the merges need the piece 'abcabcabcabc', which"},
    {MODEL("", ABC, "\"ab\""), "merge 1 is 'ab', expected two pieces with a space between"},
    {MODEL("", ABC, "\"#version: 1\",\"a b c\""), "merge 1 is 'a b c', expected two"},
    {MODEL("", ABC, "\"a b\",[\"a\",\"b\"]"), "merge 2 is an array, expected a string, as the others are"},
    {MODEL("", ABC, "[\"a\",\"b\"],\"a b\""), "merge 2 is no pair of strings, as the others are"},
    {MODEL("", ABC, "[\"a\",\"b\",\"c\"]"), "merge 1 is no pair of strings"},
    {MODEL("", ABC, "[\"a\"]"), "merge 1 is no pair of strings"},
    {MODEL("\"dropout\":1.5,", ABC, ""), "'dropout' is 1.5, expected 0 to 1"},
    {MODEL("\"dropout\":-1,", ABC, ""), "'dropout' is -1, expected 0 to 1"},
    {MODEL("\"fuse_unk\":1,", ABC, ""), "'fuse_unk' is"},
    {MODEL("\"continuing_subword_prefix\":\"##\",", ABC, "\"a b\""),
     "'b', the right side of a merge, is shorter than the prefix"},
    {"{\"model\":{\"type\":\"BPE\",\"vocab\":{}}}", "'model' has no 'merges'"},
    {"{\"model\":{\"type\":\"BPE\",\"merges\":[]}}", "'model' has no 'vocab'"},
};

static void refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        assert_unreadable(faults[i].json, RF_BAD_FORMAT, faults[i].message);
}

static void unknown_without_piece(void **state)
{
    struct rf_tokenizer tokenizer;
    struct encode_request request = {.text = text_of("abx")};
    struct encode_scratch *scratch = rf__encode_scratch_new();
    struct encoding encoding = {0};
    rf_error fault = {0};

    (void)state;
    fixture_read(&tokenizer, MODEL("\"unk_token\":\"none\",", ABC, MERGED));
    assert_int_equal(rf__encode(&tokenizer, &request, scratch, &encoding, &fault), RF_BAD_FORMAT);
    assert_non_null(strstr(fault.message, "unk_token 'none' is not in the vocabulary"));
    rf__encoding_release(&encoding);
    rf__encode_scratch_free(scratch);
    rf__tokenizer_release(&tokenizer);
}

static void note(void *user, rf_log_level level, const char *message)
{
    if (level == RF_LOG_WARNING && strstr(message, "'dropout'") != NULL)
        *(bool *)user = true;
}

static void dropout_is_told(void **state)
{
    static const char json[] = MODEL("\"dropout\":0.5,", ABC, MERGED);
    bool is_told = false;
    struct logger logger = {note, &is_told};
    struct rf_tokenizer tokenizer = {0};

    (void)state;
    assert_ok(rf__tokenizer_read_json(&tokenizer, json, strlen(json), "x", false, &logger, err));
    assert_true(is_told);
    rf__tokenizer_release(&tokenizer);
}

/* ---- Long words --------------------------------------------------------------------------------------------- */

/* Words of any length against the slow way: in each step, the lowest rank of all. */
static size_t merge_slowly(const struct bpe *bpe, uint32_t *ids, size_t n)
{
    for (;;) {
        uint32_t least = RF_BPE_NONE;
        size_t at = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            uint32_t rank = rf__bpe_rank(&bpe->pairs, ids[i], ids[i + 1]);
            if (rank < least) {
                least = rank;
                at = i;
            }
        }
        if (least == RF_BPE_NONE)
            return n;
        ids[at] = rf__bpe_id_of(bpe, least);
        memmove(ids + at + 1, ids + at + 2, (n - at - 2) * sizeof *ids);
        n--;
    }
}

static void long_words(void **state)
{
    static const char json[] = MODEL("",
                                     "\"a\":0,\"b\":1,\"c\":2,\"d\":3,\"aa\":4,\"ab\":5,\"aaab\":6,\"ba\":7,\"abab\":8,"
                                     "\"bb\":9,\"cab\":10,\"aaaa\":11",
                                     "\"aa ab\",\"b a\",\"ab ab\",\"a b\",\"b b\",\"c ab\",\"a a\",\"aa aa\"");
    struct rf_tokenizer tokenizer;
    struct fixture_call call = {0};
    static char text[20000];
    static uint32_t ids[20000];

    (void)state;
    fixture_read(&tokenizer, json);
    srand(1);
    for (size_t round = 0; round < 320; round++) { /* the last ones are of several windows (bpe_merge.c) */
        size_t n = round < 200 ? round + 1 : round < 300 ? 10 * round - 1000 : 1000 * (round - 300) + 500;
        int letters = 1 + rand() % 4;
        struct encode_request request = {.text = {text, n}};
        for (size_t i = 0; i < n; i++) {
            ids[i] = (uint32_t)(rand() % letters);
            text[i] = (char)('a' + ids[i]);
        }
        fixture_encode(&tokenizer, &call, &request);
        assert_ids(&call.encoding, ids, merge_slowly((struct bpe *)tokenizer.model, ids, n));
    }
    fixture_release(&call);
    rf__tokenizer_release(&tokenizer);
}

/* ---- Pairs that are left out -------------------------------------------------------------------------------- */

#define MAX_PIECES 64
#define MAX_MERGES 400

/* A model by chance: pieces of a few letters, merged in one way or in many, of ranks in any order or in that of the
 * pieces. `merges` are kept here too, to merge by. */
struct random_model {
    char pieces[MAX_PIECES][12];
    size_t n_pieces;
    struct bpe_pair merges[MAX_MERGES];
    size_t n_merges;
};

static uint32_t piece_of(const struct random_model *m, const char *bytes, size_t len)
{
    for (size_t i = 0; i < m->n_pieces; i++)
        if (strlen(m->pieces[i]) == len && memcmp(m->pieces[i], bytes, len) == 0)
            return (uint32_t)i;
    return RF_BPE_NONE;
}

static void add_cuts(struct random_model *m, size_t i, bool all)
{
    const char *piece = m->pieces[i];
    size_t len = strlen(piece);

    for (size_t at = 1; at < len && m->n_merges < MAX_MERGES; at++) {
        uint32_t left = piece_of(m, piece, at), right = piece_of(m, piece + at, len - at);
        if (left != RF_BPE_NONE && right != RF_BPE_NONE && (all || rand() % 3 == 0))
            m->merges[m->n_merges++] = (struct bpe_pair){left, right, 0, (uint32_t)i};
    }
}

static void make_random_model(struct random_model *m, int kind)
{
    *m = (struct random_model){.n_pieces = 4};
    for (int i = 0; i < 4; i++)
        m->pieces[i][0] = (char)('a' + i);
    for (int tries = 0; tries < 60 + rand() % 60 && m->n_pieces < MAX_PIECES; tries++) {
        size_t left = (size_t)rand() % m->n_pieces, right = (size_t)rand() % m->n_pieces;
        char piece[24];
        size_t len = (size_t)snprintf(piece, sizeof piece, "%s%s", m->pieces[left], m->pieces[right]);
        if (len < sizeof m->pieces[0] && piece_of(m, piece, len) == RF_BPE_NONE)
            memcpy(m->pieces[m->n_pieces++], piece, len + 1);
    }
    for (size_t i = 4; i < m->n_pieces; i++)
        add_cuts(m, i, kind != 1);
    if (kind == 2)
        for (size_t i = m->n_merges; i > 1; i--) {
            size_t k = (size_t)rand() % i;
            struct bpe_pair other = m->merges[i - 1];
            m->merges[i - 1] = m->merges[k];
            m->merges[k] = other;
        }
    for (size_t i = 0; i < m->n_merges; i++)
        m->merges[i].rank = (uint32_t)i;
}

static void write_random_model(const struct random_model *m, char *out, size_t size)
{
    size_t len = (size_t)snprintf(out, size, "{\"model\":{\"type\":\"BPE\",\"vocab\":{");

    for (size_t i = 0; i < m->n_pieces; i++)
        len += (size_t)snprintf(out + len, size - len, "%s\"%s\":%zu", i > 0 ? "," : "", m->pieces[i], i);
    len += (size_t)snprintf(out + len, size - len, "},\"merges\":[");
    for (size_t i = 0; i < m->n_merges; i++)
        len += (size_t)snprintf(out + len, size - len, "%s\"%s %s\"", i > 0 ? "," : "", m->pieces[m->merges[i].left],
                                m->pieces[m->merges[i].right]);
    snprintf(out + len, size - len, "]}}");
}

static uint32_t rank_in(const struct random_model *m, uint32_t left, uint32_t right)
{
    for (size_t i = 0; i < m->n_merges; i++)
        if (m->merges[i].left == left && m->merges[i].right == right)
            return (uint32_t)i;
    return RF_BPE_NONE;
}

static size_t merge_by_list(const struct random_model *m, uint32_t *ids, size_t n)
{
    for (;;) {
        uint32_t least = RF_BPE_NONE;
        size_t at = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            uint32_t rank = rank_in(m, ids[i], ids[i + 1]);
            if (rank < least) {
                least = rank;
                at = i;
            }
        }
        if (least == RF_BPE_NONE)
            return n;
        ids[at] = m->merges[least].id;
        memmove(ids + at + 1, ids + at + 2, (n - at - 2) * sizeof *ids);
        n--;
    }
}

/* Whether the tokens of a text are found without merging; then they are these. */
static bool are_found(const struct bpe *bpe, rf_text text, const uint32_t *ids, size_t n)
{
    struct bpe_word word = {0};
    bool is_found;

    assert_ok(rf__bpe_longest(bpe, text.data, text.len, &word, &is_found, err));
    if (is_found)
        assert_int_equal(word.n, n);
    for (size_t i = 0; i < n && is_found; i++)
        assert_int_equal(word.symbols[i].id, ids[i]);
    rf__bpe_word_release(&word);
    return is_found;
}

/* Whatever is left out, the ids stay; what is_made says of a piece is so; tokens are found without merging. */
static void pairs_left_out(void **state)
{
    static struct random_model m;
    static char json[16384];
    size_t n_left_out = 0, n_texts = 0, n_found = 0;

    (void)state;
    srand(4);
    for (int round = 0; round < 300; round++) {
        struct rf_tokenizer tokenizer;
        struct fixture_call call = {0};
        const struct bpe *bpe;
        make_random_model(&m, round % 3);
        write_random_model(&m, json, sizeof json);
        fixture_read(&tokenizer, json);
        bpe = (struct bpe *)tokenizer.model;
        assert_non_null(bpe->is_made);
        n_left_out += m.n_merges - bpe->pairs.n;
        for (size_t k = 0; k < 40 + m.n_pieces; k++) {
            char text[200];
            uint32_t ids[200];
            size_t n = 1 + (size_t)rand() % (k % 8 == 0 ? 199 : 14), letters = 1 + (size_t)rand() % 4;
            struct encode_request request = {.text = {text, n}};
            for (size_t i = 0; i < n; i++)
                text[i] = (char)('a' + (size_t)rand() % letters);
            if (k < m.n_pieces)
                memcpy(text, m.pieces[k], request.text.len = n = strlen(m.pieces[k]));
            for (size_t i = 0; i < n; i++)
                ids[i] = (uint32_t)(text[i] - 'a');
            n = merge_by_list(&m, ids, n);
            fixture_encode(&tokenizer, &call, &request);
            assert_ids(&call.encoding, ids, n);
            n_texts++;
            n_found += are_found(bpe, request.text, ids, n);
            if (k < m.n_pieces)
                assert_int_equal(bpe->is_made[k], n == 1);
        }
        fixture_release(&call);
        rf__tokenizer_release(&tokenizer);
    }
    assert_in_range(n_left_out, 1000, SIZE_MAX);
    assert_in_range(n_found, n_texts * 3 / 4, n_texts);
}

/* ---- Bars --------------------------------------------------------------------------------------------------- */

#define BARS                                                                                                           \
    MODEL(UNK, "\"\u2581\":0,\"a\":1,\"b\":2,\"\u2581a\":3,\"\u2581\u2581\":4,\"ab\":5,\"\u2581ab\":6,\"<unk>\":7",    \
          "\"\u2581 a\",\"a b\",\"\u2581 \u2581\",\"\u2581a b\"")

/* A text of many words without a pre-tokenizer, whole and by words: the same. */
static void parts_before_bars(void **state)
{
    static const char *const units[] = {"\u2581", "a", "b", "x", "\u00E9"};
    struct rf_tokenizer cut, whole;
    struct fixture_call call = {0}, other = {0};
    static char text[60000];

    (void)state;
    fixture_read(&cut, BARS);
    fixture_read(&whole, BARS);
    assert_true(((struct bpe *)cut.model)->parts_before_bar);
    ((struct bpe *)whole.model)->parts_before_bar = false;
    srand(2);
    for (size_t round = 0; round < 60; round++) {
        size_t len = 0, n = round < 30 ? round : round * 300;
        struct encode_request request = {0};
        for (size_t i = 0; i < n; i++) {
            const char *unit = units[rand() % 5];
            memcpy(text + len, unit, strlen(unit));
            len += strlen(unit);
        }
        request.text = (rf_text){text, len};
        fixture_encode(&cut, &call, &request);
        fixture_encode(&whole, &other, &request);
        assert_ids(&call.encoding, other.encoding.ids, other.encoding.n);
        for (size_t i = 0; i < other.encoding.n; i++)
            assert_true(call.encoding.begin[i] == other.encoding.begin[i] &&
                        call.encoding.end[i] == other.encoding.end[i]);
    }
    fixture_release(&call);
    fixture_release(&other);
    rf__tokenizer_release(&cut);
    rf__tokenizer_release(&whole);
}

/* Where a piece reaches over a bar, or something looks at the whole, there is no cut. */
static void no_parts(void **state)
{
    static const char *const models[] = {
        MODEL(UNK, "\"\u2581\":0,\"a\":1,\"a\u2581\":2,\"<unk>\":3", "\"a \u2581\""),
        MODEL(UNK "\"ignore_merges\":true,", "\"\u2581\":0,\"a\":1,\"<unk>\":3", ""),
        MODEL(UNK "\"end_of_word_suffix\":\"e\",", "\"\u2581\":0,\"a\":1,\"<unk>\":3", ""),
        MODEL("", "\"\u2581\":0,\"a\":1", ""),
        MODEL(UNK, "\"a\":1,\"<unk>\":3", ""),
        MODEL("\"unk_token\":\"\u2581\",", "\"\u2581\":0,\"a\":1", ""),
        MODEL(UNK, "\"\u2581\":0,\"a\":1,\"b\":1,\"<unk>\":3", ""),
    };

    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        struct rf_tokenizer tokenizer;
        fixture_read(&tokenizer, models[i]);
        if (((struct bpe *)tokenizer.model)->parts_before_bar)
            fail_msg("model %zu", i);
        rf__tokenizer_release(&tokenizer);
    }
}

/* ---- Bytes -------------------------------------------------------------------------------------------------- */

/* The alphabet of ByteLevel, and some pieces of it; texts of bytes against the same mapped. */
static size_t write_byte_model(char *out, size_t size, const char *flags)
{
    size_t len = (size_t)snprintf(out, size, "{\"model\":{\"type\":\"BPE\",%s\"vocab\":{", flags);

    for (unsigned b = 0; b < 256; b++)
        len += (size_t)snprintf(out + len, size - len, "\"\\u%04X\":%u,", rf__char_of_byte((uint8_t)b), b);
    /* "the", " the", and the first two bytes of U+4E2D: E4 B8 AD. */
    len += (size_t)snprintf(
        out + len, size - len,
        "\"th\":256,\"the\":257,\"\\u0120the\":258,\"\\u00E4\\u00B8\":259,\"he\":260},\"merges\":[\"t h\",\"th e\","
        "\"\\u0120 the\",\"\\u00E4 \\u00B8\",\"h e\"]}}");
    return len;
}

static size_t map_bytes(const char *text, size_t len, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        uint32_t c = rf__char_of_byte((uint8_t)text[i]);
        if (c < 0x80) {
            out[n++] = (char)c;
        } else {
            out[n++] = (char)(0xC0 | c >> 6);
            out[n++] = (char)(0x80 | (c & 0x3F));
        }
    }
    return n;
}

static void bytes_as_characters(void **state)
{
    static const char *const flags[] = {"", "\"ignore_merges\":true,", "\"unk_token\":\"the\",\"byte_fallback\":true,"};
    static const char *const units[] = {"t", "h", "e", " ", "\u4E2D", "\u4E2E", "\u00E9", "\U0001F600", "the", " the"};
    static char json[16384], text[4096], mapped[8192];

    (void)state;
    srand(3);
    for (size_t f = 0; f < 3; f++) {
        struct rf_tokenizer by_bytes, by_chars;
        struct fixture_call call = {0}, other = {0};
        write_byte_model(json, sizeof json, flags[f]);
        fixture_read(&by_bytes, json);
        fixture_read(&by_chars, json);
        assert_true(by_bytes.model->ops->use_bytes(by_bytes.model));
        assert_ok(by_bytes.model->ops->prepare(by_bytes.model, err));
        for (size_t round = 0; round < 300; round++) {
            size_t len = 0, n = 1 + (size_t)rand() % (round % 10 == 0 ? 800 : 12);
            struct encode_request request = {0}, request_mapped = {0};
            for (size_t i = 0; i < n; i++) {
                const char *unit = units[rand() % 10];
                memcpy(text + len, unit, strlen(unit));
                len += strlen(unit);
            }
            request.text = (rf_text){text, len};
            request_mapped.text = (rf_text){mapped, map_bytes(text, len, mapped)};
            fixture_encode(&by_bytes, &call, &request);
            fixture_encode(&by_chars, &other, &request_mapped);
            assert_ids(&call.encoding, other.encoding.ids, other.encoding.n);
        }
        fixture_release(&call);
        fixture_release(&other);
        rf__tokenizer_release(&by_bytes);
        rf__tokenizer_release(&by_chars);
    }
}

/* A character cut into tokens belongs to each of them whole. */
static void cut_characters(void **state)
{
    static char json[16384];
    static const size_t begin[] = {0, 1, 1, 4, 4, 6}, end[] = {1, 4, 4, 6, 6, 7};
    struct rf_tokenizer tokenizer;
    struct fixture_call call = {0};
    struct encode_request request = {.text = text_of("a\u4E2D\u00E9z")};

    (void)state;
    write_byte_model(json, sizeof json, "");
    fixture_read(&tokenizer, json);
    assert_true(tokenizer.model->ops->use_bytes(tokenizer.model));
    assert_ok(tokenizer.model->ops->prepare(tokenizer.model, err));
    for (int again = 0; again < 2; again++) {
        fixture_encode(&tokenizer, &call, &request);
        assert_int_equal(call.encoding.n, 6);
        assert_memory_equal(call.encoding.begin, begin, sizeof begin);
        assert_memory_equal(call.encoding.end, end, sizeof end);
    }
    fixture_release(&call);
    rf__tokenizer_release(&tokenizer);
}

/* A byte without a piece, a prefix: characters it is. */
static void no_bytes(void **state)
{
    static char json[16384];
    struct rf_tokenizer tokenizer;

    (void)state;
    write_byte_model(json, sizeof json, "\"continuing_subword_prefix\":\"\",\"end_of_word_suffix\":\"x\",");
    fixture_read(&tokenizer, json);
    assert_false(tokenizer.model->ops->use_bytes(tokenizer.model));
    rf__tokenizer_release(&tokenizer);
    fixture_read(&tokenizer, MODEL("", ABC, MERGED));
    assert_false(tokenizer.model->ops->use_bytes(tokenizer.model));
    rf__tokenizer_release(&tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens),
        cmocka_unit_test(refused),
        cmocka_unit_test(unknown_without_piece),
        cmocka_unit_test(dropout_is_told),
        cmocka_unit_test(long_words),
        cmocka_unit_test(pairs_left_out),
        cmocka_unit_test(parts_before_bars),
        cmocka_unit_test(no_parts),
        cmocka_unit_test(bytes_as_characters),
        cmocka_unit_test(cut_characters),
        cmocka_unit_test(no_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
