/* sentencepiece_vocab: the pieces of a sentencepiece model as a vocabulary with scores or merges: the model. */
#include "tokenizer/files/sentencepiece.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tokenizer/model/bpe.h"
#include "tokenizer/model/double_array.h"
#include "tokenizer/model/unigram.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define UNK_PENALTY 10
#define MAX_STEPS   ((uint64_t)1 << 32) /* for finding merges; real models need a thousandth */

/* ---- Unigram, as transformers makes it ---------------------------------------------------------------------- */

/* A vocabulary under construction. */
struct pieces_layout {
    struct vocabulary vocabulary;
    double *scores;
    uint32_t n;
};

static void put(struct pieces_layout *layout, const char *piece, size_t len, double score)
{
    layout->scores[layout->n] = score;
    rf__vocabulary_add(&layout->vocabulary, piece, len, layout->n++);
}

static void put_named(struct pieces_layout *layout, const struct added_spec *spec)
{
    bool is_there = spec->content != NULL;

    put(layout, is_there ? spec->content : "None", is_there ? spec->len : 4, 0); /* as transformers writes it */
}

static void put_front(struct pieces_layout *layout, const struct sentencepiece_source *source)
{
    const struct added_spec *named = source->tokens.named;

    if (source->class->layout == PIECES_FAIRSEQ) {
        put_named(layout, &named[SPECIAL_BOS]);
        put_named(layout, &named[SPECIAL_PAD]);
        put_named(layout, &named[SPECIAL_EOS]);
        put_named(layout, &named[SPECIAL_UNK]);
    } else if (source->class->layout == PIECES_CAMEMBERT) {
        put(layout, "<s>NOTUSED", 10, 0);
        put_named(layout, &named[SPECIAL_PAD]);
        put(layout, "</s>NOTUSED", 11, 0);
        put_named(layout, &named[SPECIAL_UNK]);
        put(layout, "<unk>NOTUSED", 12, -100);
    }
}

static void put_back(struct pieces_layout *layout, const struct sentencepiece_source *source)
{
    if (source->class->layout == PIECES_FAIRSEQ || source->class->layout == PIECES_CAMEMBERT)
        put_named(layout, &source->tokens.named[SPECIAL_MASK]);
    for (size_t i = source->n_extra_ids; i-- > 0;) {
        char name[40];
        int len = snprintf(name, sizeof name, "<extra_id_%zu>", i);
        put(layout, name, (size_t)len, 0);
    }
}

static rf_status layout_init(struct pieces_layout *layout, const struct sentencepiece_source *source, rf_error *err)
{
    const struct sentencepiece_model *model = &source->model;
    size_t n = model->n_pieces + N_SPECIALS + source->n_extra_ids, n_bytes = 64 * (N_SPECIALS + source->n_extra_ids);
    rf_status status;

    for (size_t i = 0; i < model->n_pieces; i++)
        n_bytes += model->pieces[i].text.len; /* each is a part of the file: no overflow */
    for (int i = 0; i < N_SPECIALS; i++)
        n_bytes += source->tokens.named[i].len;
    status = rf__vocabulary_init(&layout->vocabulary, n, n_bytes, (uint32_t)n, err);
    if (status != RF_OK)
        return status;
    layout->scores = rf__alloc_array(n, sizeof *layout->scores);
    return layout->scores == NULL ? rf__fail_memory(err) : RF_OK;
}

static rf_status layout_finish(struct pieces_layout *layout, const char *name, rf_error *err)
{
    rf_status status;

    layout->vocabulary.n_ids = layout->n;
    status = rf__vocabulary_finish(&layout->vocabulary, err);
    return status == RF_OK ? RF_OK : rf__fail_prefix(err, status, "%s", name);
}

static void layout_release(struct pieces_layout *layout)
{
    rf__vocabulary_release(&layout->vocabulary);
    rf__free(layout->scores);
}

/* DeBERTa's unknown piece: [UNK] with a score of 0, else the model's. */
static uint32_t find_unknown(const struct sentencepiece_source *source)
{
    const struct added_spec *unk = &source->tokens.named[SPECIAL_UNK];

    if (source->class->unk_id >= 0)
        return (uint32_t)source->class->unk_id;
    for (size_t i = 0; i < source->model.n_pieces; i++) {
        const struct sentencepiece *piece = &source->model.pieces[i];
        if (piece->score == 0 && piece->text.len == unk->len && memcmp(piece->text.data, unk->content, unk->len) == 0)
            return (uint32_t)i;
    }
    return (uint32_t)source->model.unk_id;
}

static rf_status build_unigram(const struct sentencepiece_source *source, struct model **out, rf_error *err)
{
    static const size_t skipped[] = {[PIECES_FAIRSEQ] = 3, [PIECES_CAMEMBERT] = 1, [PIECES_EXTRA_IDS] = 0};
    const struct sentencepiece_model *model = &source->model;
    struct unigram_settings settings = {.unk_id = find_unknown(source), .fuse_unk = true, .name = source->name};
    struct pieces_layout layout = {.n = 0};
    double least = INFINITY;
    rf_status status = layout_init(&layout, source, err);

    if (status == RF_OK) {
        put_front(&layout, source);
        for (size_t i = skipped[source->class->layout]; i < model->n_pieces; i++)
            put(&layout, model->pieces[i].text.data, model->pieces[i].text.len, (double)model->pieces[i].score);
        put_back(&layout, source);
        status = layout_finish(&layout, source->name, err);
    }
    if (status == RF_OK && settings.unk_id >= layout.n)
        status = rf__fail(err, RF_BAD_FORMAT, "%s: the unknown piece has the id %u, but there are %u pieces",
                          source->name, settings.unk_id, layout.n);
    if (status != RF_OK) {
        layout_release(&layout);
        return status;
    }
    rf__vocabulary_name_all(&layout.vocabulary);
    layout.vocabulary.n_pieces = layout.n;
    for (uint32_t i = 0; i < layout.n; i++)
        least = layout.scores[i] < least ? layout.scores[i] : least;
    settings.unk_score = least - UNK_PENALTY;
    return rf__unigram_new(&layout.vocabulary, layout.scores, &settings, out, err);
}

/* ---- Unigram, as sentencepiece has it ----------------------------------------------------------------------- */

static bool is_of_text(const struct sentencepiece *piece)
{
    return piece->type == PIECE_NORMAL || piece->type == PIECE_USER_DEFINED;
}

/* The pieces as the file has them, each with its place as id. Where two are the same, the later one counts, as with
 * `transformers`; the sentencepiece library refuses such a model. */
static rf_status lay_out_plain(struct pieces_layout *layout, const struct sentencepiece_source *source, rf_error *err)
{
    const struct sentencepiece_model *model = &source->model;
    rf_status status = layout_init(layout, source, err);

    if (status != RF_OK)
        return status;
    for (size_t i = 0; i < model->n_pieces; i++)
        put(layout, model->pieces[i].text.data, model->pieces[i].text.len, 0);
    status = layout_finish(layout, source->name, err);
    if (status == RF_OK && source->class == NULL && layout->vocabulary.n_pieces < model->n_pieces)
        status = rf__fail(err, RF_BAD_FORMAT, "%s: some pieces are the same", source->name);
    return status;
}

/* Scores, and which pieces no text becomes. Returns the score of what is unknown. */
static double plain_scores(const struct sentencepiece_model *pieces, double *scores, bool *is_unmatched)
{
    float least = FLT_MAX;

    for (size_t i = 0; i < pieces->n_pieces; i++)
        if (pieces->pieces[i].type == PIECE_NORMAL && pieces->pieces[i].score < least)
            least = pieces->pieces[i].score;
    for (size_t i = 0; i < pieces->n_pieces; i++) {
        const struct sentencepiece *piece = &pieces->pieces[i];
        is_unmatched[i] = !is_of_text(piece);
        /* A piece of the user wins, as scores of others are logarithms. */
        scores[i] = piece->type == PIECE_USER_DEFINED ? (double)(float)(0.1 * (double)piece->text.len - 0.1)
                                                      : (double)piece->score;
    }
    return (double)(least - (float)UNK_PENALTY);
}

static rf_status build_plain_unigram(const struct sentencepiece_source *source, struct model **out, rf_error *err)
{
    const struct sentencepiece_model *model = &source->model;
    struct unigram_settings settings = {.unk_id = (uint32_t)model->unk_id,
                                        .fuse_unk = !model->byte_fallback,
                                        .byte_fallback = model->byte_fallback,
                                        .single_precision = true,
                                        .name = source->name};
    struct pieces_layout layout = {.n = 0};
    bool *is_unmatched = rf__calloc(model->n_pieces, sizeof *is_unmatched);
    rf_status status = is_unmatched == NULL ? rf__fail_memory(err) : lay_out_plain(&layout, source, err);

    if (status == RF_OK) {
        settings.unk_score = plain_scores(model, layout.scores, is_unmatched);
        settings.is_unmatched = is_unmatched;
        status = rf__unigram_new(&layout.vocabulary, layout.scores, &settings, out, err);
    } else {
        layout_release(&layout);
    }
    rf__free(is_unmatched);
    return status;
}

/* ---- BPE ---------------------------------------------------------------------------------------------------- */

/* The merges of a model: every way to cut a piece into two pieces. */
struct merges {
    const struct sentencepiece_model *pieces;
    struct double_array trie;
    const uint32_t *rank_of; /* [n_pieces] of all merges that give the piece; NULL: each has its own, in their order */
    struct bpe *bpe;         /* NULL: they are counted only */
    size_t n;
    uint64_t steps;
};

static bool takes_part(const struct merges *merges, size_t id)
{
    return merges->rank_of == NULL || merges->pieces->pieces[id].type == PIECE_NORMAL;
}

/* The merges that give one piece, the shortest left side first. */
static void cut_piece(struct merges *merges, uint32_t id)
{
    const struct double_array *trie = &merges->trie;
    rf_text piece = merges->pieces->pieces[id].text;
    uint64_t unit = trie->units[0];

    for (size_t i = 0; i + 1 < piece.len && rf__double_array_step(trie, &unit, (uint8_t)piece.data[i]); i++) {
        struct bpe_pair pair = {.id = id};
        merges->steps++;
        if (!rf__unit_has_value(unit) || !takes_part(merges, rf__unit_value(unit)))
            continue;
        merges->steps += piece.len - i;
        if (!rf__double_array_find(trie, piece.data + i + 1, piece.len - i - 1, &pair.right) ||
            !takes_part(merges, pair.right))
            continue;
        pair.left = rf__unit_value(unit);
        pair.rank = merges->rank_of != NULL ? merges->rank_of[id] : (uint32_t)merges->n;
        if (++merges->n >= RF_BPE_NONE || merges->bpe == NULL)
            continue;
        rf__bpe_add_pair(merges->bpe, &pair);
        rf__bpe_note_join(merges->bpe, piece.data, i + 1, piece.data + i + 1, piece.len - i - 1);
    }
}

static rf_status cut_pieces(struct merges *merges, const char *name, rf_error *err)
{
    merges->n = 0;
    merges->steps = 0;
    for (size_t i = 0; i < merges->pieces->n_pieces; i++) {
        rf_text piece = merges->pieces->pieces[i].text;
        uint32_t id;
        if (rf__double_array_find(&merges->trie, piece.data, piece.len, &id) && id == i && takes_part(merges, i))
            cut_piece(merges, id);
        if (merges->steps > MAX_STEPS || merges->n >= RF_BPE_NONE)
            return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: pieces so long and so many that cut each other",
                            name);
    }
    return RF_OK;
}

/* sentencepiece merges characters that are no pieces themselves, which our merges have no symbols for. Training leaves
 * no such piece. */
static rf_status check_characters(const struct merges *merges, const char *name, rf_error *err)
{
    for (size_t i = 0; i < merges->pieces->n_pieces; i++) {
        const rf_text piece = merges->pieces->pieces[i].text;
        size_t at = 0, n;
        if (!takes_part(merges, i))
            continue;
        for (; at < piece.len; at += n) {
            uint32_t c, id;
            n = rf__utf8_decode(piece.data + at, piece.len - at, &c);
            if (!rf__double_array_find(&merges->trie, piece.data + at, n, &id) ||
                !is_of_text(&merges->pieces->pieces[id]))
                return rf__fail(err, RF_UNSUPPORTED,
                                "%s: unsupported: a BPE model of sentencepiece whose piece '%.*s' has the character "
                                "'%.*s', which is no piece, and no tokenizer class",
                                name, (int)(piece.len < 100 ? piece.len : 100), piece.data, (int)n, piece.data + at);
        }
    }
    return RF_OK;
}

/* The vocabulary of the pieces and the trie of them; of a piece that comes twice, the later. */
static rf_status index_pieces(const struct sentencepiece_source *source, struct vocabulary *out,
                              struct double_array *trie, rf_error *err)
{
    struct trie_key *keys = rf__alloc_array(source->model.n_pieces, sizeof *keys);
    struct pieces_layout layout = {.n = 0};
    const struct string_table *table = &layout.vocabulary.table;
    size_t n = 0;
    rf_status status = keys == NULL ? rf__fail_memory(err) : lay_out_plain(&layout, source, err);

    for (size_t i = 0; status == RF_OK && i <= table->mask; i++) {
        const char *record = layout.vocabulary.pool + table->slots[i].record;
        if (table->slots[i].record != 0)
            keys[n++] = (struct trie_key){rf__record_bytes(record), rf__record_len(record), rf__record_id(record)};
    }
    if (status == RF_OK)
        status = rf__double_array_build(trie, keys, n, err);
    if (status == RF_OK) {
        *out = layout.vocabulary;
        layout.vocabulary = (struct vocabulary){0};
    }
    layout_release(&layout);
    rf__free(keys);
    return status;
}

/* `rank_of`: as in struct merges. */
static rf_status build_merges(const struct sentencepiece_source *source, const uint32_t *rank_of,
                              const struct bpe_settings *settings, struct model **out, rf_error *err)
{
    struct merges merges = {.pieces = &source->model, .rank_of = rank_of};
    struct vocabulary vocabulary = {0};
    struct bpe *bpe = NULL;
    rf_status status = index_pieces(source, &vocabulary, &merges.trie, err);

    if (status == RF_OK && rank_of != NULL)
        status = check_characters(&merges, settings->name, err);
    if (status == RF_OK)
        status = cut_pieces(&merges, settings->name, err);
    if (status == RF_OK)
        status = rf__bpe_new(&vocabulary, settings,
                             merges.n > source->model.n_pieces ? merges.n : source->model.n_pieces, &bpe, err);
    if (status == RF_OK) {
        merges.bpe = bpe;
        status = cut_pieces(&merges, settings->name, err);
    }
    if (status == RF_OK)
        status = rf__bpe_finish(bpe, true, err);
    if (status == RF_OK)
        *out = &bpe->base;
    else if (bpe != NULL)
        rf__bpe_free(&bpe->base);
    rf__vocabulary_release(&vocabulary);
    rf__double_array_release(&merges.trie);
    return status;
}

/* As `transformers` makes it: every way to put two pieces together that gives a piece is a merge. */
static rf_status build_bpe(const struct sentencepiece_source *source, struct model **out, rf_error *err)
{
    const char *unk_token = source->class->family == FAMILY_GEMMA ? "<unk>" : NULL;
    struct bpe_settings settings = {
        .unk_token = unk_token,
        .unk_token_len = unk_token == NULL ? 0 : strlen(unk_token),
        .prefix = "",
        .suffix = "",
        .fuse_unk = true,
        .byte_fallback = true,
        .name = source->name,
    };

    return build_merges(source, NULL, &settings, out, err);
}

/* A piece in the order of merging: high scores first. */
struct ranked {
    float score;
    uint32_t id;
};

static int by_score(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static rf_status build_plain_bpe(const struct sentencepiece_source *source, struct model **out, rf_error *err)
{
    const struct sentencepiece_model *model = &source->model;
    rf_text unknown = model->pieces[model->unk_id].text;
    struct bpe_settings settings = {
        .unk_token = unknown.data,
        .unk_token_len = unknown.len,
        .prefix = "",
        .suffix = "",
        .fuse_unk = true,
        .byte_fallback = model->byte_fallback,
        .name = source->name,
    };
    struct ranked *ranked = rf__alloc_array(model->n_pieces, sizeof *ranked);
    uint32_t *rank_of = rf__alloc_array(model->n_pieces, sizeof *rank_of);
    rf_status status = ranked == NULL || rank_of == NULL ? rf__fail_memory(err) : RF_OK;

    for (size_t i = 0; i < model->n_pieces && status == RF_OK; i++) {
        enum piece_type type = model->pieces[i].type;
        ranked[i] = (struct ranked){model->pieces[i].score, (uint32_t)i};
        if (type == PIECE_UNUSED)
            status =
                rf__fail(err, RF_UNSUPPORTED,
                         "%s: unsupported: a BPE model of sentencepiece with unused pieces, and no tokenizer class",
                         source->name);
    }
    if (status == RF_OK) {
        qsort(ranked, model->n_pieces, sizeof *ranked, by_score);
        for (size_t i = 0; i < model->n_pieces; i++)
            rank_of[ranked[i].id] = (uint32_t)i;
        status = build_merges(source, rank_of, &settings, out, err);
    }
    rf__free(ranked);
    rf__free(rank_of);
    return status;
}

/* ---- Either ------------------------------------------------------------------------------------------------- */

rf_status rf__sentencepiece_build_model(const struct sentencepiece_source *source, struct model **out, rf_error *err)
{
    const struct sentencepiece_class *class = source->class;
    bool is_bpe = source->model.algorithm == SENTENCEPIECE_BPE;
    bool wants_bpe = class != NULL && (class->family == FAMILY_LLAMA || class->family == FAMILY_GEMMA);

    if (class == NULL)
        return is_bpe ? build_plain_bpe(source, out, err) : build_plain_unigram(source, out, err);
    if (is_bpe != wants_bpe)
        return rf__fail(err, RF_UNSUPPORTED,
                        "%s: unsupported: a %s model of sentencepiece for the class '%s'; a tokenizer.json is needed",
                        source->name, is_bpe ? "BPE" : "Unigram", class->name);
    return is_bpe ? build_bpe(source, out, err) : build_unigram(source, out, err);
}
