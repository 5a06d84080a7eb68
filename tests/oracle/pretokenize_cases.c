/*
 * pretokenize_cases: our half of pretokenizer_oracle.py. Reads the pre-tokenizer of the tokenizer.json-like file named
 * by the argument, and answers what comes on standard input, until it ends. Integers are u32, little-endian:
 *
 *     question  length, text (well-formed)
 *     answer    n, then n times: begin, end (bytes of the text), length, piece; n is 0xFFFFFFFF for an error
 */
#include "base/buf.h"
#include "os/os.h"
#include "tokenizer/stages.h"

#include <stdio.h>
#include <stdlib.h>

static void die(const char *message)
{
    fprintf(stderr, "pretokenize_cases: %s\n", message);
    exit(1);
}

static bool read_u32(uint32_t *out)
{
    uint8_t b[4];

    if (fread(b, 1, 4, stdin) != 4)
        return false;
    *out = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    return true;
}

static void write_u32(size_t value)
{
    for (int i = 0; i < 4; i++)
        putchar((int)(value >> 8 * i & 0xFF));
}

static void answer(const struct pretokenizers *chain, rf_text caller, struct pieces lists[2])
{
    struct text text = rf__text_of_caller(caller);
    struct text_part part = {&text, 0, text.len, true, true};
    struct pieces *pieces;
    struct align align;
    rf_error err;

    if (rf__pretokenize(chain, &part, lists, &pieces, &err) != RF_OK) {
        fprintf(stderr, "pretokenize_cases: %s\n", err.message);
        write_u32(UINT32_MAX);
        return;
    }
    align = rf__align_of(pieces->text);
    write_u32(pieces->n);
    for (size_t i = 0; i < pieces->n; i++) {
        struct span piece = pieces->items[i];
        write_u32(rf__align_begin(&align, piece.begin));
        write_u32(rf__align_end(&align, piece.end));
        write_u32(piece.end - piece.begin);
        fwrite(pieces->text->data + piece.begin, 1, piece.end - piece.begin, stdout);
    }
}

int main(int argc, char **argv)
{
    struct pretokenizers chain = {.n = 0};
    struct pieces lists[2] = {{0}};
    struct buf file;
    struct json json;
    rf_error err;
    uint32_t len;

    if (argc != 2)
        die("name a file");
    rf__buf_init(&file, RF_JSON_MAX_BYTES);
    if (rf__os_read_file(argv[1], &file, &err) != RF_OK ||
        rf__json_parse(&json, file.data, file.len, argv[1], &err) != RF_OK)
        die(err.message);
    struct stage_source source = {&json, yyjson_obj_get(json.root, "pre_tokenizer")};
    if (rf__pretokenizers_read(&chain, &source, &err) != RF_OK)
        die(err.message);
    while (read_u32(&len)) {
        char *text = malloc((size_t)len + RF_TEXT_PAD);
        if (text == NULL || fread(text, 1, len, stdin) != len)
            die("a question is cut off");
        answer(&chain, (rf_text){text, len}, lists);
        free(text);
    }
    rf__pieces_release(&lists[0]);
    rf__pieces_release(&lists[1]);
    rf__pretokenizers_release(&chain);
    rf__json_release(&json);
    rf__buf_release(&file);
    return 0;
}
