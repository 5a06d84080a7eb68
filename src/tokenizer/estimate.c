/*
 * estimate: about how many tokens a text has for a model of which nothing is known. A rule, not a tokenizer: the text
 * is cut about as byte-level tokenizers cut it (words, groups of digits, punctuation, line breaks), and each part costs
 * what it costs on average in cl100k_base: a word by its length and by how much the text is like English or another of
 * the large languages in Latin letters, every other script by the character and by the word.
 *
 * The costs are a least-squares fit, on relative errors, to the counts of cl100k_base on the declarations of human
 * rights and manual pages of tests/golden/texts.bin (tests/oracle/estimate_oracle.py measures the error).
 */
#include "tokenizer/tokenizer.h"

#include "base/utf8.h"

#include <string.h>

/* Hundredths of a token. */
#define COST_ENGLISH_WORD   123
#define COST_EUROPEAN_WORD  138
#define COST_EUROPEAN_LONG  18 /* each letter behind the sixth */
#define COST_OTHER_WORD     82
#define COST_OTHER_LETTER   29
#define COST_OTHER_LONG     18
#define COST_ENDLESS_LETTER 40  /* each behind the twentieth, in any language: such words are data */
#define COST_DIGITS         111 /* up to three */
#define COST_PUNCTUATION    39  /* up to four in a row, after the first */
#define COST_LINE_BREAKS    102
#define COST_SPACES         61 /* more than one in a row */

#define LONG_WORD           6
#define ENDLESS_WORD        20
#define FULL_SHARE          4 /* a text is all English when one word in four is of the list */
#define PRESUMED_ENGLISH    4 /* words: what a text of few words is taken for */

/* Words that tell the language, sorted. */
static const char english[][8] = {
    "a",    "all",  "an",   "and",  "are", "as",  "at", "be",    "but",  "by",   "can", "for", "from",
    "had",  "have", "he",   "his",  "if",  "in",  "is", "it",    "not",  "of",   "on",  "one", "or",
    "that", "the",  "they", "this", "to",  "was", "we", "which", "will", "with", "you",
};

static const char european[][8] = {
    "al",  "als",  "att",  "au",  "auch",  "auf", "av",   "ce",  "che",   "com",  "como", "con", "da",   "dans", "das",
    "dat", "de",   "dei",  "del", "della", "dem", "den",  "der", "des",   "det",  "di",   "die", "do",   "du",   "een",
    "ein", "eine", "el",   "em",  "en",    "es",  "est",  "et",  "het",   "i",    "il",   "im",  "ist",  "jest", "la",
    "las", "le",   "les",  "lo",  "los",   "met", "mit",  "na",  "nicht", "nie",  "no",   "non", "o",    "och",  "op",
    "os",  "par",  "para", "pas", "per",   "por", "pour", "que", "qui",   "se",   "si",   "som", "sono", "su",   "sur",
    "te",  "um",   "uma",  "un",  "una",   "und", "une",  "van", "von",   "voor", "w",    "y",   "z",    "zijn", "zu",
};

/* Blocks of characters; the first that a character lies in counts. */
static const struct block {
    uint32_t first, last;
    uint16_t per_char, per_word;
} blocks[] = {
    {0xC0, 0x24F, 81, 0},      /* Latin with marks */
    {0x1E00, 0x1EFF, 242, 14}, /* Vietnamese */
    {0x250, 0x36F, 94, 133},   /* phonetic, combining marks */
    {0x370, 0x3FF, 97, 24},    /* Greek */
    {0x400, 0x52F, 41, 98},    /* Cyrillic */
    {0x530, 0x58F, 158, 406},  /* Armenian */
    {0x590, 0x5FF, 130, 0},    /* Hebrew */
    {0x600, 0x77F, 91, 69},    /* Arabic */
    {0x900, 0x97F, 108, 63},   /* Devanagari */
    {0x980, 0xDFF, 161, 202},  /* the other scripts of India */
    {0xE00, 0xE7F, 94, 154},   /* Thai */
    {0xE80, 0x10FF, 209, 46},  /* Lao, Tibetan, Burmese, Georgian */
    {0x1100, 0x1CFF, 295, 18}, /* Ethiopic, Cherokee, Khmer and others */
    {0x3040, 0x30FF, 92, 9},   /* Kana */
    {0x3400, 0x9FFF, 111, 0},  /* Han */
    {0xAC00, 0xD7A3, 108, 53}, /* Hangul */
    {0x2000, 0x2BFF, 23, 67},  /* punctuation and symbols */
    {0x3000, 0x303F, 112, 19}, /* wide punctuation */
    {0xFF00, 0xFFEF, 112, 19}, /* wide forms */
    {0x80, 0x7FF, 212, 0},     /* the rest, by the length in UTF-8 */
    {0x800, 0xFFFF, 298, 0},   {0x10000, 0x10FFFF, 414, 0},
};

/* What is counted of the words in ASCII letters. */
struct words {
    uint64_t n, n_letters, n_long, n_endless;
    uint64_t n_english, n_european; /* of the lists */
};

static bool is_letter(unsigned char c)
{
    return (unsigned char)((c | 0x20) - 'a') < 26;
}

static bool is_digit(unsigned char c)
{
    return (unsigned char)(c - '0') < 10;
}

static bool is_line_break(unsigned char c)
{
    return c == '\n' || c == '\r';
}

static bool is_blank(unsigned char c)
{
    return c == ' ' || c == '\t';
}

static bool is_punctuation(unsigned char c)
{
    return c > ' ' && c < 0x7F && !is_letter(c) && !is_digit(c);
}

/* One behind the characters of a kind that begin at `at`. */
static size_t end_of(const char *text, size_t at, size_t len, bool (*is_kind)(unsigned char c))
{
    while (at < len && is_kind((unsigned char)text[at]))
        at++;
    return at;
}

static bool is_in(const char (*list)[8], size_t n, const char word[8])
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(list[middle], word, 8);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static void count_word(struct words *words, const char *text, size_t len)
{
    char lower[8] = {0};

    words->n++;
    words->n_letters += len;
    words->n_long += len > LONG_WORD ? len - LONG_WORD : 0;
    words->n_endless += len > ENDLESS_WORD ? len - ENDLESS_WORD : 0;
    if (len >= sizeof lower)
        return;
    for (size_t i = 0; i < len; i++)
        lower[i] = (char)(text[i] | 0x20);
    if (is_in(english, sizeof english / sizeof english[0], lower))
        words->n_english++;
    else if (is_in(european, sizeof european / sizeof european[0], lower))
        words->n_european++;
}

/* In hundredths. The shares of the languages are hundredths as well. */
static uint64_t cost_of_words(const struct words *words)
{
    uint64_t english_share, european_share, other_share;

    if (words->n == 0)
        return 0;
    english_share = (words->n_english * FULL_SHARE + PRESUMED_ENGLISH) * 100 / (words->n + PRESUMED_ENGLISH);
    english_share = english_share > 100 ? 100 : english_share;
    european_share = words->n_european * FULL_SHARE * 100 / words->n;
    european_share = european_share > 100 - english_share ? 100 - english_share : european_share;
    other_share = 100 - english_share - european_share;
    return (words->n * COST_ENGLISH_WORD * english_share +
            (words->n * COST_EUROPEAN_WORD + words->n_long * COST_EUROPEAN_LONG) * european_share +
            (words->n * COST_OTHER_WORD + words->n_letters * COST_OTHER_LETTER + words->n_long * COST_OTHER_LONG) *
                other_share) /
               100 +
           words->n_endless * COST_ENDLESS_LETTER;
}

static const struct block *block_of(uint32_t c)
{
    const struct block *block = blocks;

    while (c < block->first || c > block->last)
        block++;
    return block;
}

/* A part in ASCII, which ends at the result. Letters are counted apart. */
static size_t ascii_part(const char *text, size_t at, size_t len, struct words *words, uint64_t *cost)
{
    unsigned char c = (unsigned char)text[at];
    size_t end = at + 1;

    if (is_letter(c)) {
        end = end_of(text, at, len, is_letter);
        count_word(words, text + at, end - at);
    } else if (is_digit(c)) {
        end = end_of(text, at, len, is_digit);
        *cost += (end - at + 2) / 3 * COST_DIGITS;
    } else if (is_blank(c)) {
        end = end_of(text, at, len, is_blank);
        *cost += end - at > 1 ? COST_SPACES : 0;
    } else if (is_line_break(c)) {
        end = end_of(text, at, len, is_line_break);
        *cost += COST_LINE_BREAKS;
    } else if (is_punctuation(c)) {
        end = end_of(text, at, len, is_punctuation);
        *cost += (1 + (end - at - 1) / 4) * COST_PUNCTUATION;
    } else {
        *cost += COST_PUNCTUATION;
    }
    return end;
}

size_t rf__estimate_tokens(rf_text text)
{
    struct words words = {0};
    const struct block *last = NULL;
    uint64_t cost = 0;

    for (size_t at = 0; at < text.len;) {
        const struct block *block;
        uint32_t c;
        if ((unsigned char)text.data[at] < 0x80) {
            at = ascii_part(text.data, at, text.len, &words, &cost);
            last = NULL;
            continue;
        }
        at += rf__utf8_decode(text.data + at, text.len - at, &c);
        block = block_of(c);
        cost += block->per_char + (block != last ? block->per_word : 0u);
        last = block;
    }
    cost += cost_of_words(&words);
    return text.len == 0 ? 0 : cost < 100 ? 1 : (size_t)((cost + 50) / 100);
}
