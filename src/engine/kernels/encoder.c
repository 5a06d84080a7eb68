/* encoder: see encoder.h. */
#include "engine/kernels/encoder.h"

#include "base/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Rows that go through the linear layers together: as many as stay in a part of the second-level cache, within these
 * bounds; int8 has little to gain from more than the least. Multiples of every tile's height. */
#define BLOCK_BYTES      (432 * 1024)
#define BLOCK_ROWS_LEAST 96
#define BLOCK_ROWS_MOST  288
#define TILE_HEIGHTS     6 /* a multiple of all */

#define PANELS_AT_ONCE   4  /* of a piece of work: columns / 16 */
#define ROWS_AT_ONCE     16 /* of a piece of work on whole rows */
#define ALIGNMENT        64

/* What several threads share is worth their meeting after each piece of work: in multiplications of fp32. */
#define LEAST_SHARED 32e6

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

void rf__workspace_release(struct workspace *workspace)
{
    rf__free(workspace->memory);
    *workspace = (struct workspace){0};
}

/* What a run works on. Rows are [n_rows, …] for x, qkv and context, [block, …] for the rest. */
struct run {
    const struct encoder *encoder;
    const struct encoder_input *input;
    const struct encoder_layer *layer;
    struct team *team; /* NULL: nobody helps */
    float *x, *qkv, *context, *sum, *inner;
    struct quantized q_x, q_inner; /* of int16 and int8; q_x: the block's rows of x or context */
    float *scratch;                /* of attention: scratch_size for each member */
    size_t scratch_size;           /* floats */
    size_t begin, n;               /* the block: rows [begin, begin + n) */
};

/* Gives `count` elements of `size` bytes a place in the workspace; with memory == NULL it only counts. */
struct layout {
    char *memory;
    size_t used;
    bool overflows;
};

static void *place(struct layout *layout, size_t count, size_t size)
{
    size_t bytes, begin = layout->used;

    if (!rf__mul(count, size, &bytes) || !rf__add(bytes, ALIGNMENT - 1, &bytes) ||
        !rf__add(begin, bytes - bytes % ALIGNMENT, &layout->used))
        layout->overflows = true;
    return layout->memory == NULL ? NULL : layout->memory + begin;
}

/* For rows of `k` in whatever precision. */
static void place_quantized(struct layout *layout, size_t rows, size_t k, struct quantized *q)
{
    size_t n_groups = rf__pack_groups(k, PACK_GROUP_I8);

    q->values = place(layout, rows, k * sizeof(int16_t));
    q->ld = rows;
    q->scales = place(layout, rows, n_groups * sizeof(float));
    q->middles = place(layout, rows, n_groups * sizeof(float));
}

static void lay_out(struct run *run, struct layout *layout, size_t members, size_t block)
{
    const struct encoder *e = run->encoder;
    size_t rows = run->input->n_rows;

    run->x = place(layout, rows, e->ld * sizeof(float));
    run->qkv = place(layout, rows, 3 * e->ld * sizeof(float));
    run->context = place(layout, rows, e->ld * sizeof(float));
    run->sum = place(layout, block, e->ld * sizeof(float));
    run->inner = place(layout, block, e->inner * sizeof(float));
    run->scratch = place(layout, members, run->scratch_size * sizeof(float));
    if (e->precision == PRECISION_FP32)
        return;
    place_quantized(layout, block, e->ld, &run->q_x);
    place_quantized(layout, block, e->inner, &run->q_inner);
}

static size_t longest_text(const struct encoder_input *input)
{
    size_t longest = 0;

    for (size_t i = 0; i < input->n_texts; i++) {
        size_t n = (size_t)(input->begins[i + 1] - input->begins[i]);
        longest = n > longest ? n : longest;
    }
    return longest;
}

/* Columns beyond the model's width are never written and must be 0 once: hence zeroed, and laid out alike each time for
 * whom it matters (hidden sizes that are no multiple of 16), by zeroing those again. */
static rf_status make_room(struct run *run, struct workspace *workspace, size_t members, size_t block, rf_error *err)
{
    const struct encoder *e = run->encoder;
    struct layout layout = {0};

    run->scratch_size = rf__attention_scratch(longest_text(run->input), e->hidden / e->n_heads);
    lay_out(run, &layout, members, block);
    if (layout.overflows || layout.used > SIZE_MAX - ALIGNMENT)
        return rf__fail_memory(err);
    if (layout.used + ALIGNMENT > workspace->size) {
        rf__workspace_release(workspace);
        workspace->memory = rf__alloc(layout.used + ALIGNMENT);
        if (workspace->memory == NULL)
            return rf__fail_memory(err);
        workspace->size = layout.used + ALIGNMENT;
    }
    layout = (struct layout){.memory = workspace->memory + (ALIGNMENT - (uintptr_t)workspace->memory % ALIGNMENT)};
    lay_out(run, &layout, members, block);
    if (e->ld != e->hidden) {
        memset(run->x, 0, run->input->n_rows * e->ld * sizeof *run->x);
        memset(run->context, 0, run->input->n_rows * e->ld * sizeof *run->context);
    }
    return RF_OK;
}

/* ---- Pieces of work ---------------------------------------------------------------------------------------------- */

struct linear_work {
    struct linear_job job;
    void (*fn)(const struct linear_job *job);
    const struct linear *next; /* layer; NULL: none */
    size_t members;
};

static size_t n_pieces_of(const struct linear *w)
{
    return (w->n / PACK_LANES + PANELS_AT_ONCE - 1) / PANELS_AT_ONCE;
}

static const void *piece_of(const struct linear *w, size_t piece)
{
    static const size_t sizes[] = {[PRECISION_FP32] = 4, [PRECISION_INT16] = 2, [PRECISION_INT8] = 1};

    return (const char *)w->panels + piece * PANELS_AT_ONCE * PACK_LANES * w->k * sizes[w->precision];
}

/* Pieces are taken from the last to the first, so that a member's next is likely the one that is `members` before. */
static void do_panels(void *arg, size_t piece, size_t member)
{
    const struct linear_work *work = arg;
    struct linear_job job = work->job;
    size_t n_panels = job.w->n / PACK_LANES;

    (void)member;
    job.first = piece * PANELS_AT_ONCE;
    job.last = job.first + PANELS_AT_ONCE < n_panels ? job.first + PANELS_AT_ONCE : n_panels;
    if (piece >= work->members)
        job.ahead = piece_of(job.w, piece - work->members);
    else if (work->next != NULL && n_pieces_of(work->next) >= work->members)
        job.ahead = piece_of(work->next, n_pieces_of(work->next) + piece - work->members);
    work->fn(&job);
}

/* y = act(x W^T + b + residual) for the block. x or q is what the precision reads. */
static void do_linear(struct run *run, const struct linear *w, const float *x, const struct quantized *q,
                      const float *residual, enum activation_kind activation, float *y, const struct linear *next)
{
    const struct kernels *k = run->encoder->kernels;
    struct linear_work work = {.job = {.w = w,
                                       .x = x,
                                       .q = *q,
                                       .residual = residual,
                                       .y = y,
                                       .rows = run->n,
                                       .ldy = w->n,
                                       .last = w->n / PACK_LANES,
                                       .activation = activation,
                                       .ahead = next == NULL ? NULL : next->panels},
                               .next = next,
                               .members = rf__team_size(run->team)};

    switch (w->precision) {
    case PRECISION_FP32:
        work.fn = k->linear_f32;
        break;
    case PRECISION_INT16:
        work.fn = k->linear_i16;
        break;
    case PRECISION_INT8:
        work.fn = k->linear_i8;
        break;
    }
    if (run->encoder->statistics != NULL)
        rf__statistics_add(run->encoder->statistics, w, x, run->n);
    if (run->team == NULL)
        work.fn(&work.job);
    else
        rf__team_do(run->team, n_pieces_of(w), do_panels, &work);
}

/* Work on whole rows: an optional norm from `from` to `to`, then what the next linear layer reads of `to`. */
struct rows_work {
    struct run *run;
    const struct norm *norm; /* NULL: none */
    const float *from;
    float *to;
    size_t ld;
    const struct linear *next;         /* NULL: none that reads other than `to` itself */
    const struct quantized *quantized; /* what it reads */
};

static void do_some_rows(void *arg, size_t piece, size_t member)
{
    const struct rows_work *work = arg;
    const struct encoder *e = work->run->encoder;
    size_t begin = piece * ROWS_AT_ONCE, left = work->run->n - begin, n = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;

    (void)member;
    if (work->norm != NULL)
        e->kernels->norm(work->norm, work->from + begin * work->ld, work->to + begin * work->ld, n);
    if (work->next != NULL) {
        const bool is_i16 = work->next->precision == PRECISION_INT16;
        const struct quantized *q = work->quantized;
        const struct quantized out = {(char *)q->values + begin * work->ld * (is_i16 ? 2 : 1), q->ld, q->scales + begin,
                                      q->middles + begin};
        (is_i16 ? e->kernels->quantize_i16 : e->kernels->quantize_i8)(work->next, work->to + begin * work->ld, n, &out);
    }
}

static void do_rows(struct run *run, const struct norm *norm, const float *from, float *to, size_t ld,
                    const struct linear *next, const struct quantized *quantized)
{
    const bool is_read_as_it_is = next == NULL || next->precision == PRECISION_FP32;
    struct rows_work work = {run, norm, from, to, ld, is_read_as_it_is ? NULL : next, quantized};

    if (work.norm != NULL || work.next != NULL)
        rf__team_do(run->team, (run->n + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE, do_some_rows, &work);
}

/* Where the linear layers are of integers, the products of attention are of int16, if a head is whole vectors wide. */
static bool is_attention_i16(const struct encoder *e)
{
    const size_t width = e->hidden / e->n_heads;

    return e->precision != PRECISION_FP32 && width % PACK_LANES == 0 && width <= ATTENTION_I16_WIDTH;
}

/* One head of one text. */
static void do_head(void *arg, size_t piece, size_t member)
{
    const struct run *run = arg;
    const struct encoder *e = run->encoder;
    size_t text = piece / e->n_heads, width = e->hidden / e->n_heads, column = piece % e->n_heads * width;
    size_t begin = (size_t)run->input->begins[text], end = (size_t)run->input->begins[text + 1];
    const float *q = run->qkv + begin * 3 * e->ld + column;
    const struct attention_job job = {.q = q,
                                      .k = q + e->ld,
                                      .v = q + 2 * e->ld,
                                      .out = run->context + begin * e->ld + column,
                                      .n = end - begin,
                                      .width = width,
                                      .ld = 3 * e->ld,
                                      .ldo = e->ld,
                                      .scale = 1 / sqrtf((float)width),
                                      .scratch = run->scratch + member * run->scratch_size};

    (is_attention_i16(e) ? e->kernels->attention_i16 : e->kernels->attention)(&job);
}

/* ---- A run ------------------------------------------------------------------------------------------------------- */

static void add_embeddings(struct run *run)
{
    const struct encoder *e = run->encoder;
    const struct encoder_input *in = run->input;
    const struct norm norm = {e->norm_weight, e->norm_bias, e->hidden, e->ld, e->epsilon};

    for (size_t text = 0; text < in->n_texts; text++) {
        size_t begin = (size_t)in->begins[text], end = (size_t)in->begins[text + 1];
        size_t position = e->padding < 0 ? 0 : (size_t)e->padding + 1;
        for (size_t row = begin; row < end; row++) {
            const bool is_padding = e->padding >= 0 && in->ids[row] == e->padding;
            const float *word = e->words + (size_t)in->ids[row] * e->hidden;
            const float *type = e->types + (size_t)in->type_ids[row] * e->hidden;
            const float *place = e->positions + (is_padding ? (size_t)e->padding : position++) * e->hidden;
            float *x = run->x + row * e->ld;
            for (size_t c = 0; c < e->hidden; c++)
                x[c] = word[c] + type[c] + place[c];
        }
    }
    e->kernels->norm(&norm, run->x, run->x, in->n_rows);
}

/* The next block of at most `most` rows; false after the last. Begins with begin = n = 0. */
static bool next_block(struct run *run, size_t most)
{
    size_t left;

    run->begin += run->n;
    left = run->input->n_rows - run->begin;
    run->n = left < most ? left : most;
    return left > 0;
}

static void first_half(struct run *run, size_t block)
{
    const struct encoder *e = run->encoder;
    const struct encoder_layer *layer = run->layer;

    for (run->begin = run->n = 0; next_block(run, block);) {
        float *x = run->x + run->begin * e->ld;
        do_rows(run, NULL, NULL, x, e->ld, &layer->qkv, &run->q_x);
        do_linear(run, &layer->qkv, x, &run->q_x, NULL, ACTIVATION_NONE, run->qkv + run->begin * 3 * e->ld,
                  &layer->out);
    }
    rf__team_do(run->team, run->input->n_texts * e->n_heads, do_head, run);
}

static void second_half(struct run *run, size_t block)
{
    const struct encoder *e = run->encoder;
    const struct encoder_layer *layer = run->layer;
    const struct norm norm1 = {layer->norm1_weight, layer->norm1_bias, e->hidden, e->ld, e->epsilon};
    const struct norm norm2 = {layer->norm2_weight, layer->norm2_bias, e->hidden, e->ld, e->epsilon};
    const bool is_last = layer + 1 == e->layers + e->n_layers;
    const struct linear *after = is_last ? NULL : &layer[1].qkv;

    for (run->begin = run->n = 0; next_block(run, block);) {
        float *x = run->x + run->begin * e->ld, *context = run->context + run->begin * e->ld;
        do_rows(run, NULL, NULL, context, e->ld, &layer->out, &run->q_x);
        do_linear(run, &layer->out, context, &run->q_x, x, ACTIVATION_NONE, run->sum, &layer->up);
        do_rows(run, &norm1, run->sum, x, e->ld, &layer->up, &run->q_x);
        do_linear(run, &layer->up, x, &run->q_x, NULL, e->activation, run->inner, &layer->down);
        do_rows(run, NULL, NULL, run->inner, e->inner, &layer->down, &run->q_inner);
        do_linear(run, &layer->down, run->inner, &run->q_inner, x, ACTIVATION_NONE, run->sum, after);
        do_rows(run, &norm2, run->sum, x, e->ld, NULL, NULL);
    }
}

rf_status rf__encoder_check(const struct encoder *encoder, const struct encoder_input *input, rf_error *err)
{
    const size_t n_before = encoder->padding < 0 ? 0 : (size_t)encoder->padding + 1;

    if (input->n_texts == 0 || input->begins[0] != 0 || (uint64_t)input->begins[input->n_texts] != input->n_rows)
        return rf__fail(err, RF_INVALID_ARGUMENT, "the places where texts begin do not cover the rows");
    for (size_t i = 0; i < input->n_texts; i++) {
        int64_t n = (int64_t)input->begins[i + 1] - input->begins[i];
        if (n <= 0)
            return rf__fail(err, RF_INVALID_ARGUMENT, "a text without tokens");
        if ((uint64_t)n + n_before > encoder->n_positions)
            return rf__fail(err, RF_INVALID_ARGUMENT,
                            "a text of %lld tokens; the model has %zu positions, %zu not for use", (long long)n,
                            encoder->n_positions, n_before);
    }
    for (size_t row = 0; row < input->n_rows; row++) {
        if (input->ids[row] < 0 || (size_t)input->ids[row] >= encoder->n_words)
            return rf__fail(err, RF_INVALID_ARGUMENT, "id %d; the model's vocabulary has %zu", (int)input->ids[row],
                            encoder->n_words);
        if (input->type_ids[row] < 0 || (size_t)input->type_ids[row] >= encoder->n_types)
            return rf__fail(err, RF_INVALID_ARGUMENT, "type id %d; the model has %zu", (int)input->type_ids[row],
                            encoder->n_types);
    }
    return RF_OK;
}

static size_t rows_of_block(const struct encoder *e)
{
    size_t rows = BLOCK_BYTES / (e->ld * sizeof(float)) / TILE_HEIGHTS * TILE_HEIGHTS;

    if (rows < BLOCK_ROWS_LEAST || e->precision == PRECISION_INT8)
        return BLOCK_ROWS_LEAST;
    return rows < BLOCK_ROWS_MOST ? rows : BLOCK_ROWS_MOST;
}

bool rf__encoder_is_worth_sharing(const struct encoder *e, const struct encoder_input *input)
{
    static const double costs[] = {[PRECISION_FP32] = 1, [PRECISION_INT16] = 0.5, [PRECISION_INT8] = 0.25};
    const double weights = (double)e->n_layers * (double)e->ld * (4.0 * (double)e->ld + 2.0 * (double)e->inner);

    return (double)input->n_rows * weights * costs[e->precision] >= LEAST_SHARED;
}

rf_status rf__encoder_run(const struct encoder *encoder, const struct encoder_input *input, struct team *team,
                          struct workspace *workspace, float *out, rf_error *err)
{
    struct run run = {.encoder = encoder, .input = input, .team = team};
    const size_t most = rows_of_block(encoder), block = input->n_rows < most ? input->n_rows : most;
    rf_status status = make_room(&run, workspace, rf__team_size(team), block, err);

    if (status != RF_OK)
        return status;
    add_embeddings(&run);
    for (size_t i = 0; i < encoder->n_layers; i++) {
        run.layer = &encoder->layers[i];
        first_half(&run, block);
        second_half(&run, block);
    }
    for (size_t row = 0; row < input->n_rows; row++)
        memcpy(out + row * encoder->hidden, run.x + row * encoder->ld, encoder->hidden * sizeof *out);
    return RF_OK;
}
