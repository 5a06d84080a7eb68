/*
 * form_normalizer: NFC, NFD, NFKC and NFKD. What is in the form already is copied as it is (Unicode Standard Annex 15,
 * "Detecting Normalization Forms"); a run that is not, from a character that begins anew to the next such one, is
 * decomposed, put in canonical order and composed.
 *
 * Alignment follows `tokenizers`: each character of the result takes as many places (text.h) as first pieces of
 * decompositions went into it.
 */
#include "tokenizer/stages.h"

#include "base/mem.h"
#include "base/utf8.h"

struct form {
    struct normalizer base;
    unsigned stop;  /* RF_UNICODE_FORM_ bit of what is not in the form */
    unsigned joins; /* of what has to do with what is before it */
    bool composes, is_compatible;
};

/* One call's state. */
struct form_pass {
    const struct form *form;
    const struct text *in;
    size_t to;
    struct text_buf *out;
    struct normalize_scratch *scratch;
    struct align align;
    struct places places; /* of the run at hand */
};

static uint8_t ccc_of(uint32_t c)
{
    return (uint8_t)(rf__unicode_properties_of(c) >> RF_UNICODE_CCC_SHIFT);
}

static inline uint32_t char_at(const struct form_pass *pass, size_t at, size_t *len)
{
    uint32_t c;

    *len = rf__utf8_next(pass->in->data + at, &c);
    return c;
}

static size_t decompose(const struct form *form, uint32_t c, uint32_t out[RF_UNICODE_MAX_NFKD])
{
    return form->is_compatible ? rf__unicode_decompose_compatible(c, out) : rf__unicode_decompose(c, out);
}

/* ---- Runs --------------------------------------------------------------------------------------------------- */

/* Decomposes the run at *at, which is moved behind it. Returns the number of pieces. */
static rf_status gather(struct form_pass *pass, size_t *at, size_t *n, rf_error *err)
{
    struct normalize_scratch *scratch = pass->scratch;
    bool is_first_char = true;

    *n = 0;
    while (*at < pass->to) {
        uint32_t pieces[RF_UNICODE_MAX_NFKD];
        size_t len, n_pieces;
        uint32_t c = char_at(pass, *at, &len);
        rf_status status;
        if (!is_first_char && (rf__unicode_forms_of(c) & pass->form->joins) == 0)
            break;
        is_first_char = false;
        status = rf__normalize_reserve_pieces(scratch, *n + RF_UNICODE_MAX_NFKD, err);
        if (status != RF_OK)
            return status;
        n_pieces = decompose(pass->form, c, pieces);
        for (size_t i = 0; i < n_pieces; i++)
            scratch->pieces[(*n)++] = (struct nfd_piece){pieces[i], ccc_of(pieces[i]), i == 0};
        *at += len;
    }
    return RF_OK;
}

static void order(struct normalize_scratch *scratch, size_t n)
{
    struct nfd_piece *pieces = scratch->pieces;

    for (size_t i = 0, end; i < n; i = end + 1) {
        for (end = i; end < n && pieces[end].ccc != 0;)
            end++;
        if (end - i > 1)
            rf__nfd_order(pieces + i, pieces + scratch->cap, end - i);
    }
}

/* Composes what follows the starter at pieces[at] with it as far as that goes, and appends the result and the
 * nonstarters that stay. Returns the position of the next starter. */
static size_t put_composed(struct form_pass *pass, struct nfd_piece *pieces, size_t at, size_t n)
{
    uint32_t c = pieces[at].c;
    size_t places = pieces[at].is_first, stay = at + 1, next; /* [at + 1, stay) stay */

    for (next = at + 1; next < n; next++) {
        const struct nfd_piece *piece = &pieces[next];
        bool is_blocked = stay > at + 1 && pieces[stay - 1].ccc >= piece->ccc;
        uint32_t composite = is_blocked ? 0 : rf__unicode_compose(c, piece->c);
        if (composite != 0) {
            c = composite;
            places += piece->is_first;
        } else if (piece->ccc == 0) {
            break;
        } else {
            pieces[stay++] = *piece;
        }
    }
    rf__places_put(&pass->places, pass->out, c, places);
    for (size_t i = at + 1; i < stay; i++)
        rf__places_put(&pass->places, pass->out, pieces[i].c, pieces[i].is_first);
    return next;
}

/* Appends the normal form of the run at *at, which is moved behind it. */
static rf_status put_run(struct form_pass *pass, size_t *at, rf_error *err)
{
    struct nfd_piece *pieces;
    size_t n;
    rf_status status;

    pass->places = (struct places){.align = pass->align, .next = *at};
    status = gather(pass, at, &n, err);
    if (status == RF_OK)
        status = rf__text_buf_reserve(pass->out, n * RF_UTF8_MAX, n, err);
    if (status != RF_OK)
        return status;
    order(pass->scratch, n);
    pieces = pass->scratch->pieces;
    for (size_t i = 0; i < n;) {
        if (pass->form->composes && pieces[i].ccc == 0) {
            i = put_composed(pass, pieces, i, n);
        } else {
            rf__places_put(&pass->places, pass->out, pieces[i].c, pieces[i].is_first);
            i++;
        }
    }
    pass->align = pass->places.align; /* so that it need not go there again */
    return RF_OK;
}

/* Appends the decomposition of the character `c` at *at, which is a run by itself, and moves *at behind it. */
static rf_status put_decomposed(struct form_pass *pass, uint32_t c, size_t *at, rf_error *err)
{
    uint32_t pieces[RF_UNICODE_MAX_NFKD];
    size_t n = decompose(pass->form, c, pieces);
    struct text_char origin = rf__align_char(&pass->align, *at);
    rf_status status = rf__text_buf_reserve(pass->out, n * RF_UTF8_MAX, n, err);

    for (size_t i = 0; i < n && status == RF_OK; i++) {
        char bytes[RF_UTF8_MAX];
        rf__text_put(pass->out, bytes, rf__utf8_encode(pieces[i], bytes), origin.begin, origin.end);
    }
    *at += origin.len;
    return status;
}

/* ---- The pass ----------------------------------------------------------------------------------------------- */

/* From *at on, where a run begins, looks for a run that is not in the form. *at is the end of what was looked at, *run
 * where the last run begins; false when all is in the form. */
static bool find_run(const struct form_pass *pass, size_t *at, size_t *run)
{
    const struct form *form = pass->form;
    uint8_t last = 0; /* combining class */

    *run = *at;
    while (*at < pass->to) {
        size_t len = rf__text_ascii(pass->in->data, *at, pass->to);
        unsigned bits;
        uint32_t c;
        if (len > 0) {
            *at += len;
            *run = *at - 1;
            last = 0;
            continue;
        }
        c = char_at(pass, *at, &len);
        bits = rf__unicode_forms_of(c);
        if ((bits & form->joins) == 0)
            *run = *at;
        if ((bits & form->stop) != 0)
            return true;
        if ((bits & RF_UNICODE_FORM_NONSTARTER) != 0) {
            uint8_t ccc = ccc_of(c);
            if (ccc < last)
                return true;
            last = ccc;
        } else {
            last = 0;
        }
        *at += len;
    }
    return false;
}

/* Whether the character at `at`, of `len` bytes, is a run by itself. */
static bool is_alone(const struct form_pass *pass, size_t at, size_t len)
{
    size_t next_len;

    return at + len >= pass->to || (rf__unicode_forms_of(char_at(pass, at + len, &next_len)) & pass->form->joins) == 0;
}

static rf_status form_apply(const struct normalizer *self, const struct text_part *in, struct text_buf *out,
                            struct normalize_scratch *scratch, rf_error *err)
{
    struct form_pass pass = {
        .form = (const struct form *)self,
        .in = in->text,
        .to = in->to,
        .out = out,
        .scratch = scratch,
        .align = rf__align_of(in->text),
    };
    size_t done = in->from; /* what is before is written */
    rf_status status = RF_OK;

    while (status == RF_OK && done < in->to) {
        size_t at = done, run, len;
        uint32_t c;
        if (!find_run(&pass, &at, &run))
            return rf__text_buf_append(out, &pass.align, done, in->to, err);
        status = rf__text_buf_append(out, &pass.align, done, run, err);
        if (status != RF_OK)
            return status;
        c = char_at(&pass, run, &len);
        if (!pass.form->composes && is_alone(&pass, run, len))
            status = put_decomposed(&pass, c, &run, err);
        else
            status = put_run(&pass, &run, err);
        done = run;
    }
    return status;
}

static bool form_can_cut(const struct normalizer *self, const struct text_part *in, uint32_t before, uint32_t after)
{
    const struct form *form = (const struct form *)self;

    (void)in;
    (void)before;
    return (rf__unicode_forms_of(after) & form->joins) == 0;
}

static void form_free(struct normalizer *self)
{
    rf__free(self);
}

struct normalizer *rf__form_normalizer_new(enum normal_form which)
{
    static const struct normalizer_ops ops = {form_apply, form_can_cut, form_free};
    static const unsigned stops[] = {
        [RF_FORM_NFD] = RF_UNICODE_FORM_NFD_STOP,
        [RF_FORM_NFC] = RF_UNICODE_FORM_NFC_STOP,
        [RF_FORM_NFKD] = RF_UNICODE_FORM_NFKD_STOP,
        [RF_FORM_NFKC] = RF_UNICODE_FORM_NFKC_STOP,
    };
    struct form *form = rf__alloc(sizeof *form);

    if (form == NULL)
        return NULL;
    *form = (struct form){
        .base = {.ops = &ops},
        .stop = stops[which],
        .composes = which == RF_FORM_NFC || which == RF_FORM_NFKC,
        .is_compatible = which == RF_FORM_NFKD || which == RF_FORM_NFKC,
    };
    form->joins = form->is_compatible ? RF_UNICODE_FORM_JOINS_COMPATIBLE : RF_UNICODE_FORM_JOINS;
    return &form->base;
}
