/*
 * adversarial: the time for each byte of texts that are made to be slow, at n, 2n and 4n bytes; it must not grow.
 *
 *     adversarial BYTES TEXTS TOKENIZER…     a table: nanoseconds for each byte, and how much more at 4n than at n
 *
 * TEXTS is a part of the names of those to try, such as "space"; "" is all of them.
 *
 * The exit code is 1 where some text takes more than twice as long for each byte when it is four times as long,
 * in each of three tries: what takes square time takes four times as long, what another program took of the machine
 * passes. That the measure finds it is shown first, by work of square time.
 */
#include "base/mem.h"
#include "tokenizer/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name;
    const char *first; /* once */
    const char *units; /* again and again */
} texts[] = {
    {"one letter", "", "a"},
    {"one word", "", "unaffablelyqzx"},
    {"white space", "", " "},
    {"white space, mixed", "", " \t\n\u00a0"},
    {"a token, then white space", "foo", " \t"},
    {"new lines", "", "\n"},
    {"a space, new lines", "", " \n"},
    {"combining marks", "a", "\u0301\u0323"},
    {"marks out of order", "a", "\u0301\u0345\u0323\u0338"},
    {"joined emoji", "", "\U0001F468\u200d"},
    {"scripts in turn", "", "a\u4e2d\u0431\u05d0\u3042"},
    {"scripts in turn, spaced", "", "a \u4e2d \u0431 "},
    {"U+2581", "", "\u2581"},
    {"digits", "", "1"},
    {"punctuation", "", "!?"},
    {"quotes", "", "'"},
    {"special tokens", "", "[SEP]"},
    {"special tokens, others", "", "<s>"},
    {"beginnings of special tokens", "", "<|begin_of_"},
    {"not UTF-8", "", "\xff"},
    {"cut characters", "", "\xf0\x9f\x98"},
    {"Hangul letters", "", "\u1100\u1161\u11a8"},
    {"unknown characters", "", "\U000F0000"},
    {"ligatures that grow", "", "\ufdfa"},
    {"capitals in turn", "", "aA"},
    {"white space in a character", "", "\u00a8"}, /* NFKC: a space and a mark */
};
#define N_TEXTS (sizeof texts / sizeof texts[0])

/* What is asked for. */
static const struct {
    const char *name;
    bool characters;
    uint32_t max_tokens, stride; /* with overflow */
} ways[] = {
    {"", false, 0, 0},
    {", characters, overflow", true, 16, 8},
};
#define N_WAYS      (sizeof ways / sizeof ways[0])
#define TRIES       3
#define MOST_GROWTH 2 /* of the time for each byte, from n to 4n */

static void die(const char *message)
{
    fprintf(stderr, "adversarial: %s\n", message);
    exit(1);
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static rf_text make_text(size_t which, size_t size)
{
    size_t first = strlen(texts[which].first), unit = strlen(texts[which].units), len = first;
    char *data = rf__alloc(size + first + unit);

    if (data == NULL)
        die("out of memory");
    for (size_t i = 0; i < first; i++)
        data[i] = texts[which].first[i];
    for (; len < size; len += unit)
        for (size_t i = 0; i < unit; i++)
            data[len + i] = texts[which].units[i];
    return (rf_text){data, len};
}

static volatile uint32_t sink; /* what is only computed to take time goes here */

/* Work of a text: for a tokenizer, or, where that is NULL, of square time. */
static void work(const struct rf_tokenizer *tokenizer, rf_text text, size_t way, struct encode_scratch *scratch,
                 struct encoding *encoding)
{
    struct encode_request request = {.text = text,
                                     .characters = ways[way].characters,
                                     .overflow = ways[way].max_tokens > 0,
                                     .max_tokens = ways[way].max_tokens,
                                     .stride = ways[way].stride};
    rf_error err;

    if (tokenizer == NULL) {
        for (size_t i = 0; i < text.len / 256; i++)
            for (size_t k = 0; k < text.len; k += 8)
                sink = sink + (uint8_t)text.data[k];
        return;
    }
    if (rf__encode(tokenizer, &request, scratch, encoding, &err) != RF_OK)
        die(err.message);
}

/* The best of some rounds, few where they take long, in nanoseconds for each byte. All but the first have their memory.
 */
static double measure(const struct rf_tokenizer *tokenizer, rf_text text, size_t way)
{
    struct encode_scratch *scratch = rf__encode_scratch_new();
    struct encoding encoding = {0};
    double best = 1e9, sum = 0;

    for (int round = 0; round < 3 && sum < 2; round++) {
        double start = seconds(), taken;
        work(tokenizer, text, way, scratch, &encoding);
        taken = seconds() - start;
        sum += taken;
        best = taken < best ? taken : best;
    }
    rf__encoding_release(&encoding);
    rf__encode_scratch_free(scratch);
    return best / (double)text.len * 1e9;
}

/* Returns whether the times are flat. */
static bool measure_text(const struct rf_tokenizer *tokenizer, const char *name, size_t which, size_t way, size_t size)
{
    double ns[3];

    for (int try = 0; try < TRIES; try++) {
        for (int i = 0; i < 3; i++) {
            rf_text text = make_text(which, size << i);
            ns[i] = measure(tokenizer, text, way);
            rf__free((void *)(uintptr_t)text.data);
        }
        printf("| %s | %s%s | %.1f | %.1f | %.1f | %.2f |\n", name, texts[which].name, ways[way].name, ns[0], ns[1],
               ns[2], ns[2] / ns[0]);
        fflush(stdout);
        if (ns[2] < MOST_GROWTH * ns[0])
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    size_t size = argc > 3 ? strtoul(argv[1], NULL, 10) : 0;
    int slow = 0;

    if (size == 0)
        die("usage: adversarial BYTES TEXTS TOKENIZER…");
    printf("| tokenizer | text | ns a byte, %zu bytes | twice | four times | growth |\n|---|---|---|---|---|---|\n",
           size);
    if (measure_text(NULL, "square time", 0, 0, size))
        die("work of square time looks flat: BYTES is too small, or the clock is wrong");
    for (int i = 3; i < argc; i++) {
        struct rf_tokenizer *tokenizer;
        rf_error err;
        if (rf__tokenizer_open(argv[i], false, NULL, &tokenizer, &err) != RF_OK)
            die(err.message);
        for (size_t which = 0; which < N_TEXTS; which++)
            for (size_t way = 0; way < N_WAYS && strstr(texts[which].name, argv[2]) != NULL; way++)
                slow += !measure_text(tokenizer, argv[i], which, way, size);
        rf__tokenizer_free(tokenizer);
    }
    fprintf(stderr, "%d slow\n", slow);
    return slow > 0;
}
