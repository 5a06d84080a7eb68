/*
 * normalize_cases: our half of normalizer_oracle.py. Reads the normalizer of the JSON file {"normalizer": …} named by
 * the argument and answers what comes on standard input, until it ends. Little-endian:
 *
 *     question  u32 length, text
 *     answer    u32 length, normal form, u32 n_chars, u32 begin and end of each character in the text
 *
 * Each text goes through whole and in parts, which must make no difference.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "tokenizer/stages.h"

#include <stdio.h>
#include <stdlib.h>

static void die(const char *message)
{
    fprintf(stderr, "normalize_cases: %s\n", message);
    exit(1);
}

static void must(rf_status status, const rf_error *err)
{
    if (status != RF_OK)
        die(err->message);
}

static bool read_u32(uint32_t *x)
{
    uint8_t b[4];

    if (fread(b, 1, 4, stdin) != 4)
        return false;
    *x = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    return true;
}

static void write_u32(size_t x)
{
    uint8_t b[4] = {(uint8_t)x, (uint8_t)(x >> 8), (uint8_t)(x >> 16), (uint8_t)(x >> 24)};

    fwrite(b, 1, 4, stdout);
}

static void read_chain(const char *path, struct normalizers *chain)
{
    struct json json;
    struct buf text;
    char block[4096];
    rf_error err = {0};
    FILE *file = fopen(path, "rb");
    size_t n;

    if (file == NULL)
        die("cannot open the file");
    rf__buf_init(&text, RF_JSON_MAX_BYTES);
    while ((n = fread(block, 1, sizeof block, file)) > 0)
        must(rf__buf_append(&text, block, n, &err), &err);
    fclose(file);
    must(rf__json_parse(&json, text.data, text.len, path, &err), &err);
    must(rf__normalizers_read(chain, &(struct stage_source){&json, yyjson_obj_get(json.root, "normalizer")}, &err),
         &err);
    rf__json_release(&json);
    rf__buf_release(&text);
}

static void in_parts(const struct normalizers *chain, const struct text *in, struct text_buf *out,
                     struct normalize_scratch *scratch, size_t window)
{
    rf_error err = {0};
    size_t from = 0, low = 1;

    rf__text_buf_clear(out);
    while (from < in->len) {
        size_t stop = in->len - low > window ? low + window : in->len, cut = 0;
        struct text_part part = {in, from, stop, from == 0, false};
        if (low < stop)
            cut = rf__normalize_cut(chain, &part, low);
        low = stop;
        if (cut == 0 && stop < in->len)
            continue;
        part.is_end = cut == 0;
        part.to = part.is_end ? in->len : cut;
        must(rf__normalize(chain, &part, out, scratch, &err), &err);
        from = part.to;
        low = from + 1;
    }
}

static void check_same(const struct text *a, const struct text *b)
{
    struct align x = rf__align_of(a), y = rf__align_of(b);

    if (a->len != b->len || (a->len > 0 && memcmp(a->data, b->data, a->len) != 0))
        die("parts give another text");
    for (size_t at = 0; at < a->len;) {
        struct text_char c = rf__align_char(&x, at), d = rf__align_char(&y, at);
        if (c.begin != d.begin || c.end != d.end)
            die("parts give another alignment");
        at += c.len;
    }
}

static void write_answer(const struct text *text)
{
    struct align align = rf__align_of(text);
    size_t n = 0;

    write_u32(text->len);
    fwrite(text->len == 0 ? "" : text->data, 1, text->len, stdout);
    for (size_t at = 0; at < text->len; n++)
        at += rf__align_char(&align, at).len;
    write_u32(n);
    align = rf__align_of(text);
    for (size_t at = 0; at < text->len;) {
        struct text_char c = rf__align_char(&align, at);
        write_u32(c.begin);
        write_u32(c.end);
        at += c.len;
    }
}

int main(int argc, char **argv)
{
    struct normalizers chain = {0};
    struct normalize_scratch scratch = {0};
    struct text_buf whole = {0}, parts = {0};
    rf_error err = {0};
    uint32_t len;

    if (argc < 2)
        die("usage: normalize_cases FILE");
    read_chain(argv[1], &chain);
    while (read_u32(&len)) {
        char *data = rf__alloc(len);
        struct text in = rf__text_of_caller((rf_text){data, len});
        if (data == NULL || fread(data, 1, len, stdin) != len)
            die("a text is cut off");
        rf__text_buf_clear(&whole);
        must(rf__normalize(&chain, &(struct text_part){&in, 0, len, true, true}, &whole, &scratch, &err), &err);
        for (size_t window = 1; window < 9 && len < 400; window += 3) {
            in_parts(&chain, &in, &parts, &scratch, window);
            check_same(&whole.text, &parts.text);
        }
        write_answer(&whole.text);
        rf__free(data);
    }
    rf__text_buf_release(&whole);
    rf__text_buf_release(&parts);
    rf__normalize_scratch_release(&scratch);
    rf__normalizers_release(&chain);
    return 0;
}
