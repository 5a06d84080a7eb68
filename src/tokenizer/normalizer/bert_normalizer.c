/*
 * bert_normalizer: BertNormalizer of `tokenizers`, which does in this order, each where its flag is set:
 *
 *     clean_text             drops NUL, U+FFFD and C*, turns whitespace into spaces
 *     handle_chinese_chars   puts spaces around ideographs
 *     strip_accents          canonical decomposition, then drops Mn
 *     lowercase              each character alone
 *
 * Here one pass does all of it, a character at a time. Only the canonical order looks at neighbours, and nearly never
 * matters: nearly all nonstarters are Mn and are dropped, whatever their order. A nonstarter that stays (Mc with a
 * class, or a mark younger than the category tables) sends its run, from the last starter to the next, through
 * put_run().
 *
 * Alignment follows `tokenizers`: in a sorted run, the first pieces of characters take the characters' positions in
 * the order of the text, whichever piece belongs to which; a further piece takes the position of the one before it.
 */
#include "tokenizer/stages.h"

#include "base/mem.h"
#include "base/utf8.h"

#define DROPPED 0xFFu
#define BLOCK   4096 /* bytes for which room is made at once */

#define ONES    0x0101010101010101u
#define HIGHS   0x8080808080808080u

struct bert_normalizer {
    struct normalizer base;
    struct bert_normalizer_flags flags;
    uint8_t ascii[128]; /* what each becomes, or DROPPED */
};

/* One call's state. */
struct bert_pass {
    const struct bert_normalizer *bert;
    const struct text *in;
    size_t to;
    struct text_buf *out;
    struct normalize_scratch *scratch;
    struct align align;
    bool is_linear; /* `in` is the caller's text, one linear run */
    bool has_starter;
    size_t starter; /* the last character that began with a starter and was not dropped; without one, the first */
};

static bool is_chinese(uint32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
           (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

static bool is_cleaned_away(uint32_t c, unsigned properties)
{
    if (c == '\t' || c == '\n' || c == '\r')
        return false;
    return c == 0 || c == RF_UTF8_REPLACEMENT || (properties & RF_UNICODE_OTHER) != 0;
}

static unsigned ccc_of(unsigned properties)
{
    return properties >> RF_UNICODE_CCC_SHIFT;
}

/* ---- ASCII -------------------------------------------------------------------------------------------------- */

static uint64_t lower_eight(uint64_t w)
{
    uint64_t from_a = w + ONES * (0x80 - 'A'), above_z = w + ONES * (0x80 - 'Z' - 1);

    return w | ((from_a & ~above_z & HIGHS) >> 2);
}

/* Whether all eight bytes are printable ASCII. */
static bool is_printable_eight(uint64_t w)
{
    return (((w - ONES * 0x20) | (w + ONES) | w) & HIGHS) == 0;
}

/* Normalizes the ASCII characters from `at` on and returns where they end. */
static size_t put_ascii(struct bert_pass *pass, size_t at, size_t stop)
{
    const char *data = pass->in->data;
    size_t delta = pass->in->runs[0].begin; /* from positions of the text to the caller's */
    struct text_buf *out = pass->out;
    bool lowers = pass->bert->flags.lowercase;
    size_t after_last = 0; /* behind the last one that was not dropped */

    while (at < stop) {
        uint8_t becomes;
        if (stop - at >= sizeof(uint64_t)) {
            uint64_t w;
            memcpy(&w, data + at, sizeof w);
            if (is_printable_eight(w)) {
                if (lowers)
                    w = lower_eight(w);
                rf__text_put_linear(out, (const char *)&w, sizeof w, delta + at);
                at += sizeof w;
                after_last = at;
                continue;
            }
        }
        if ((uint8_t)data[at] >= 0x80)
            break;
        becomes = pass->bert->ascii[(uint8_t)data[at]];
        at++;
        if (becomes != DROPPED) {
            rf__text_put_linear(out, (const char *)&becomes, 1, delta + at - 1);
            after_last = at;
        }
    }
    if (after_last > 0) {
        pass->has_starter = true;
        pass->starter = after_last - 1;
    }
    return at;
}

/* ---- One character ------------------------------------------------------------------------------------------ */

static struct text_char read_char(struct bert_pass *pass, size_t at)
{
    struct text_char c;

    if (!pass->is_linear)
        return rf__align_char(&pass->align, at);
    c.len = rf__utf8_decode(pass->in->data + at, pass->in->len - at, &c.c);
    c.begin = pass->in->runs[0].begin + at;
    c.end = c.begin + c.len;
    return c;
}

/* Appends a character that stands for where `origin` came from, lowered where that is asked for. */
static void put(struct bert_pass *pass, uint32_t c, unsigned properties, const struct text_char *origin)
{
    char bytes[RF_UTF8_MAX];
    bool lowers = pass->bert->flags.lowercase && (properties & RF_UNICODE_HAS_LOWER) != 0;

    rf__text_put(pass->out, bytes, rf__utf8_encode(lowers ? rf__unicode_lower(c) : c, bytes), origin->begin,
                 origin->end);
    if (lowers && c == RF_UNICODE_CAPITAL_I_WITH_DOT)
        rf__text_put(pass->out, bytes, rf__utf8_encode(RF_UNICODE_DOT_ABOVE, bytes), origin->begin, origin->end);
}

/* ---- Runs of nonstarters ------------------------------------------------------------------------------------ */

/* Whether a character begins a new run: its decomposition begins with a starter, or a space takes its place or is put
 * before it. */
static bool begins_run(const struct bert_pass *pass, uint32_t c, unsigned properties)
{
    uint32_t pieces[RF_UNICODE_MAX_NFD];
    const struct bert_normalizer_flags *flags = &pass->bert->flags;

    if ((flags->clean_text && (properties & RF_UNICODE_WHITESPACE) != 0) ||
        (flags->handle_chinese_chars && is_chinese(c)))
        return true;
    rf__unicode_decompose(c, pieces);
    return ccc_of(rf__unicode_properties_of(pieces[0])) == 0;
}

/* Gathers the nonstarters from the character at *at, whose starters are written already when there are some, up to the
 * next character that begins a run; *at is moved there. */
static rf_status gather_run(struct bert_pass *pass, size_t *at, size_t *n, size_t *n_origins, rf_error *err)
{
    struct normalize_scratch *scratch = pass->scratch;
    bool is_first_char = pass->has_starter;

    *n = *n_origins = 0;
    while (*at < pass->to) {
        struct text_char c = read_char(pass, *at);
        unsigned properties = rf__unicode_properties_of(c.c);
        uint32_t pieces[RF_UNICODE_MAX_NFD];
        size_t n_pieces;
        rf_status status;
        if (!(pass->bert->flags.clean_text && is_cleaned_away(c.c, properties))) {
            if (!is_first_char && begins_run(pass, c.c, properties))
                return RF_OK;
            status = rf__normalize_reserve_pieces(scratch, *n + RF_UNICODE_MAX_NFD, err);
            if (status != RF_OK)
                return status;
            n_pieces = rf__unicode_decompose(c.c, pieces);
            for (size_t i = 0; i < n_pieces; i++) {
                uint8_t ccc = (uint8_t)ccc_of(rf__unicode_properties_of(pieces[i]));
                if (ccc != 0)
                    scratch->pieces[(*n)++] = (struct nfd_piece){pieces[i], ccc, i == 0};
            }
            if (!is_first_char)
                scratch->origins[(*n_origins)++] = c;
        }
        is_first_char = false;
        *at += c.len;
    }
    return RF_OK;
}

/* Writes the run that the character at `at` lies in, without its starter, in canonical order, and moves *at behind
 * it. What was read of it before was all dropped. */
static rf_status put_run(struct bert_pass *pass, size_t *at, rf_error *err)
{
    struct text_char origin = read_char(pass, pass->starter);
    struct nfd_piece *pieces;
    size_t n, n_origins, used = 0;
    rf_status status;

    *at = pass->starter;
    status = gather_run(pass, at, &n, &n_origins, err);
    if (status == RF_OK)
        status = rf__text_buf_reserve(pass->out, n * RF_UTF8_MAX, n, err);
    if (status != RF_OK)
        return status;
    pieces = pass->scratch->pieces;
    rf__nfd_order(pieces, pieces + pass->scratch->cap, n);
    for (size_t i = 0; i < n; i++) {
        unsigned properties = rf__unicode_properties_of(pieces[i].c);
        if (pieces[i].is_first) {
            assert(used < n_origins);
            origin = pass->scratch->origins[used++];
        }
        if ((properties & RF_UNICODE_NONSPACING) == 0)
            put(pass, pieces[i].c, properties, &origin);
    }
    return RF_OK;
}

/* ---- The pass ----------------------------------------------------------------------------------------------- */

/* Decomposes, drops Mn and writes the rest. *needs_run is set when a nonstarter stays: it is not written then, and what
 * is before it is. */
static void put_decomposed(struct bert_pass *pass, const struct text_char *c, unsigned properties, size_t at,
                           bool *needs_run)
{
    uint32_t pieces[RF_UNICODE_MAX_NFD] = {c->c};
    bool is_decomposed = (properties & RF_UNICODE_HAS_NFD) != 0 || rf__unicode_is_hangul_syllable(c->c);
    size_t n = is_decomposed ? rf__unicode_decompose(c->c, pieces) : 1;

    *needs_run = false;
    for (size_t i = 0; i < n; i++) {
        unsigned p = is_decomposed ? rf__unicode_properties_of(pieces[i]) : properties;
        if (ccc_of(p) == 0) {
            pass->has_starter = true;
            pass->starter = at;
        } else if ((p & RF_UNICODE_NONSPACING) == 0) {
            *needs_run = true;
            return;
        }
        if ((p & RF_UNICODE_NONSPACING) == 0)
            put(pass, pieces[i], p, c);
    }
}

/* Normalizes the character at `at`, which is not ASCII or stands in a text that is not linear. Returns where the next
 * one begins. */
static rf_status put_char(struct bert_pass *pass, size_t *at, rf_error *err)
{
    const struct bert_normalizer_flags *flags = &pass->bert->flags;
    struct text_char c = read_char(pass, *at);
    unsigned properties = rf__unicode_properties_of(c.c);
    bool needs_run = false, has_spaces;

    if (flags->clean_text && is_cleaned_away(c.c, properties)) {
        *at += c.len;
        return RF_OK;
    }
    has_spaces = flags->handle_chinese_chars && is_chinese(c.c);
    if (flags->clean_text && (properties & RF_UNICODE_WHITESPACE) != 0) {
        c.c = ' ';
        properties = rf__unicode_properties_of(' ');
    }
    if (has_spaces)
        rf__text_put(pass->out, " ", 1, c.begin, c.end);
    if (flags->strip_accents)
        put_decomposed(pass, &c, properties, *at, &needs_run);
    else
        put(pass, c.c, properties, &c);
    if (has_spaces)
        rf__text_put(pass->out, " ", 1, c.begin, c.end);
    if (needs_run)
        return put_run(pass, at, err);
    *at += c.len;
    return RF_OK;
}

static rf_status bert_apply(const struct normalizer *self, const struct text_part *in, struct text_buf *out,
                            struct normalize_scratch *scratch, rf_error *err)
{
    struct bert_pass pass = {
        .bert = (const struct bert_normalizer *)self,
        .in = in->text,
        .to = in->to,
        .out = out,
        .scratch = scratch,
        .align = rf__align_of(in->text),
        .is_linear = in->text->n_runs == 1 && in->text->runs[0].end == RF_RUN_LINEAR,
        .starter = in->from,
    };
    size_t from = in->from, to = in->to;

    while (from < to) {
        size_t stop = to - from > BLOCK ? from + BLOCK : to;
        /* UTF-8 grows at most threefold (tools/unicode); spaces around an ideograph are two bytes more. One character
         * has at most four pieces and so four runs, and unless it is ASCII at least two bytes. */
        rf_status status =
            rf__text_buf_reserve(out, (stop - from) * 3 + 4 * RF_UTF8_MAX, (stop - from) * 2 + 2 * RF_UTF8_MAX, err);
        while (status == RF_OK && from < stop) {
            size_t after = pass.is_linear ? put_ascii(&pass, from, stop) : from;
            if (after > from)
                from = after;
            else
                status = put_char(&pass, &from, err);
        }
        if (status != RF_OK)
            return status;
    }
    return RF_OK;
}

static bool bert_can_cut(const struct normalizer *self, const struct text_part *in, uint32_t before, uint32_t c)
{
    uint32_t pieces[RF_UNICODE_MAX_NFD];

    (void)self;
    (void)in;
    (void)before;
    if (is_cleaned_away(c, rf__unicode_properties_of(c)))
        return false; /* what follows it would join what is before it */
    rf__unicode_decompose(c, pieces);
    return ccc_of(rf__unicode_properties_of(pieces[0])) == 0;
}

static void bert_free(struct normalizer *self)
{
    rf__free(self);
}

struct normalizer *rf__bert_normalizer_new(struct bert_normalizer_flags flags)
{
    static const struct normalizer_ops ops = {bert_apply, bert_can_cut, bert_free};
    struct bert_normalizer *bert = rf__calloc(1, sizeof *bert);

    if (bert == NULL)
        return NULL;
    bert->base = (struct normalizer){.ops = &ops, .reads_ill_formed = true};
    bert->flags = flags;
    for (uint32_t c = 0; c < 128; c++) {
        unsigned properties = rf__unicode_properties_of(c);
        if (flags.clean_text && is_cleaned_away(c, properties))
            bert->ascii[c] = DROPPED;
        else if (flags.clean_text && (properties & RF_UNICODE_WHITESPACE) != 0)
            bert->ascii[c] = ' ';
        else
            bert->ascii[c] = (uint8_t)(flags.lowercase ? rf__unicode_lower(c) : c);
    }
    return &bert->base;
}
