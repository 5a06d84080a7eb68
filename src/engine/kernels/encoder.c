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

/* What a run works on. Rows are [n_rows, …] for x, qkv, context and embedded, [block, …] for the rest. */
struct run {
    const struct encoder *encoder;
    const struct encoder_input *input;
    const struct encoder_step *step;
    struct team *team;   /* NULL: nobody helps */
    float *x, *embedded; /* embedded: before the projection, where there is one */
    float *qkv, *context;
    float *sum;                    /* of a half of a layer and x; or what a half reads, where norms come before it */
    float *wide, *inner;           /* what up gives; the same once gated */
    struct quantized q_x, q_inner; /* of int16 and int8; q_x: the block's rows of what is as wide as x or context */
    float *scratch;                /* of attention: scratch_size for each member */
    size_t scratch_size;           /* floats */
    size_t longest;                /* tokens of a text */
    float *bias;                   /* [n_heads, bias_ld], as attention_job has it for the longest text */
    size_t bias_ld;
    float *cosines, *sines; /* [n_rotations, longest, head / 2] */
    int32_t *places;        /* [n_rows]: of a row in its text */
    float *weights;         /* [n_rows]: of a row among those that are noted (statistics.h) */
    size_t begin, n;        /* the block: rows [begin, begin + n) */
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

static bool is_projected(const struct encoder *e)
{
    return e->projection.panels != NULL;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void lay_out(struct run *run, struct layout *layout, size_t members, size_t block)
{
    const struct encoder *e = run->encoder;
    const size_t rows = run->input->n_rows, widest = larger(larger(e->ld, e->queries), e->embedding_ld);
    const size_t angles = e->n_rotations * (e->head / 2);

    run->x = place(layout, rows, e->ld * sizeof(float));
    run->embedded = place(layout, is_projected(e) ? rows : 0, e->embedding_ld * sizeof(float));
    run->qkv = place(layout, rows, (e->queries + 2 * e->keys) * sizeof(float));
    run->context = place(layout, rows, e->queries * sizeof(float));
    run->sum = place(layout, block, e->ld * sizeof(float));
    run->wide = place(layout, e->is_gated ? block : 0, 2 * e->inner * sizeof(float));
    run->inner = place(layout, block, e->inner * sizeof(float));
    run->scratch = place(layout, members, run->scratch_size * sizeof(float));
    run->bias = place(layout, e->bias_kind == BIAS_NONE ? 0 : e->n_heads, run->bias_ld * sizeof(float));
    run->cosines = place(layout, run->longest, angles * sizeof(float));
    run->sines = place(layout, run->longest, angles * sizeof(float));
    run->places = place(layout, angles > 0 ? rows : 0, sizeof(int32_t));
    run->weights = place(layout, e->statistics != NULL ? rows : 0, sizeof(float));
    if (e->precision == PRECISION_FP32)
        return;
    place_quantized(layout, block, widest, &run->q_x);
    place_quantized(layout, block, e->inner, &run->q_inner);
}

static size_t longest_text(const struct encoder_input *input)
{
    size_t longest = 0;

    for (size_t i = 0; i < input->n_texts; i++)
        longest = larger((size_t)(input->begins[i + 1] - input->begins[i]), longest);
    return longest;
}

/* Columns beyond the model's width are never written and must be 0 once: hence zeroed, and laid out alike each time for
 * whom it matters (widths that are no multiple of 16), by zeroing those again. */
static rf_status make_room(struct run *run, struct workspace *workspace, size_t members, size_t block, rf_error *err)
{
    const struct encoder *e = run->encoder;
    const size_t rows = run->input->n_rows;
    struct layout layout = {0};

    run->longest = longest_text(run->input);
    run->scratch_size = rf__attention_scratch(run->longest, e->head);
    run->bias_ld = rf__pack_lanes(2 * run->longest + PACK_LANES);
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
    if (e->ld != e->hidden)
        memset(run->x, 0, rows * e->ld * sizeof *run->x);
    if (e->embedding_ld != e->embedding && is_projected(e))
        memset(run->embedded, 0, rows * e->embedding_ld * sizeof *run->embedded);
    if (e->queries != e->n_heads * e->head)
        memset(run->context, 0, rows * e->queries * sizeof *run->context);
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
        rf__statistics_add(run->encoder->statistics, w, x, run->weights + run->begin, run->n);
    if (run->team == NULL)
        work.fn(&work.job);
    else
        rf__team_do(run->team, n_pieces_of(w), do_panels, &work);
}

static struct norm norm_of(const struct encoder *e, const struct encoder_norm *norm)
{
    return (struct norm){norm->weight, norm->bias, e->hidden, e->ld, e->epsilon, e->is_rms};
}

/* Work on whole rows, each part of which may be left out: x += after(sum); y = norm(from); what the next linear layer
 * reads of y. */
struct rows_work {
    struct run *run;
    const struct encoder_norm *after; /* NULL, or of run->sum, which it changes, to x */
    const struct encoder_norm *norm;  /* NULL, or from `from` to `to` */
    const float *from;
    float *to;
    size_t ld;
    const struct linear *next;         /* NULL: none that reads other than `to` itself */
    const struct quantized *quantized; /* what it reads */
};

static void add_after(const struct rows_work *work, size_t begin, size_t n)
{
    const struct run *run = work->run;
    const struct encoder *e = run->encoder;
    const struct norm norm = norm_of(e, work->after);
    float *x = run->x + (run->begin + begin) * e->ld, *sum = run->sum + begin * e->ld;

    e->kernels->norm(&norm, sum, sum, n);
    for (size_t i = 0; i < n * e->ld; i++)
        x[i] += sum[i];
}

static void do_some_rows(void *arg, size_t piece, size_t member)
{
    const struct rows_work *work = arg;
    const struct encoder *e = work->run->encoder;
    size_t begin = piece * ROWS_AT_ONCE, left = work->run->n - begin, n = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;

    (void)member;
    if (work->after != NULL)
        add_after(work, begin, n);
    if (work->norm != NULL) {
        const struct norm norm = norm_of(e, work->norm);
        e->kernels->norm(&norm, work->from + begin * work->ld, work->to + begin * work->ld, n);
    }
    if (work->next != NULL) {
        const bool is_i16 = work->next->precision == PRECISION_INT16;
        const struct quantized *q = work->quantized;
        const struct quantized out = {(char *)q->values + begin * work->ld * (is_i16 ? 2 : 1), q->ld, q->scales + begin,
                                      q->middles + begin};
        (is_i16 ? e->kernels->quantize_i16 : e->kernels->quantize_i8)(work->next, work->to + begin * work->ld, n, &out);
    }
}

static size_t n_pieces_of_rows(const struct run *run)
{
    return (run->n + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE;
}

static void do_rows(struct run *run, const struct encoder_norm *after, const struct encoder_norm *norm,
                    const float *from, float *to, size_t ld, const struct linear *next,
                    const struct quantized *quantized)
{
    const bool is_read_as_it_is = next == NULL || next->precision == PRECISION_FP32;
    struct rows_work work = {run, after, norm, from, to, ld, is_read_as_it_is ? NULL : next, quantized};

    if (work.after != NULL || work.norm != NULL || work.next != NULL)
        rf__team_do(run->team, n_pieces_of_rows(run), do_some_rows, &work);
}

/* wide -> inner. */
static void gate_some_rows(void *arg, size_t piece, size_t member)
{
    const struct run *run = arg;
    const struct encoder *e = run->encoder;
    const size_t begin = piece * ROWS_AT_ONCE, end = begin + ROWS_AT_ONCE < run->n ? begin + ROWS_AT_ONCE : run->n;

    (void)member;
    for (size_t row = begin; row < end; row++) {
        const float *wide = run->wide + row * 2 * e->inner;
        e->kernels->gate(e->activation, wide, wide + e->inner, run->inner + row * e->inner, e->inner);
    }
}

/* The norm of each head, by its root mean square, in place. */
static void norm_heads(const struct encoder *e, const float *weight, float *x, size_t n_heads)
{
    for (size_t head = 0; head < n_heads; head++, x += e->head) {
        float squares = 0, factor;
        for (size_t c = 0; c < e->head; c++)
            squares += x[c] * x[c];
        factor = 1 / sqrtf(squares / (float)e->head + e->epsilon);
        for (size_t c = 0; c < e->head; c++)
            x[c] = x[c] * factor * weight[c];
    }
}

/* Norms of heads and rotary positions, on the block's rows of qkv. */
static void turn_some_rows(void *arg, size_t piece, size_t member)
{
    const struct run *run = arg;
    const struct encoder *e = run->encoder;
    const struct encoder_layer *layer = run->step->layer;
    const size_t begin = piece * ROWS_AT_ONCE, end = begin + ROWS_AT_ONCE < run->n ? begin + ROWS_AT_ONCE : run->n;
    const size_t half = e->head / 2;

    (void)member;
    for (size_t row = run->begin + begin; row < run->begin + end; row++) {
        float *q = run->qkv + row * (e->queries + 2 * e->keys), *k = q + e->queries;
        if (layer->query_norm != NULL) {
            norm_heads(e, layer->query_norm, q, e->n_heads);
            norm_heads(e, layer->key_norm, k, e->n_key_heads);
        }
        if (run->step->rotation != ENCODER_NO_ROTATION) {
            const size_t at = (run->step->rotation * run->longest + (size_t)run->places[row]) * half;
            e->kernels->rotate(q, e->n_heads, half, run->cosines + at, run->sines + at);
            e->kernels->rotate(k, e->n_key_heads, half, run->cosines + at, run->sines + at);
        }
    }
}

/* Where the linear layers are of integers, the products of attention are of int16, if a head is whole vectors wide. */
static bool is_attention_i16(const struct encoder *e)
{
    return e->precision != PRECISION_FP32 && e->head % PACK_LANES == 0 && e->head <= ATTENTION_I16_WIDTH;
}

/* One head of one text. */
static void do_head(void *arg, size_t piece, size_t member)
{
    const struct run *run = arg;
    const struct encoder *e = run->encoder;
    const size_t text = piece / e->n_heads, head = piece % e->n_heads, ld = e->queries + 2 * e->keys;
    const size_t begin = (size_t)run->input->begins[text], n = (size_t)run->input->begins[text + 1] - begin;
    const float *row = run->qkv + begin * ld;
    const float *k = row + e->queries + head / (e->n_heads / e->n_key_heads) * e->head;
    const bool is_biased = e->bias_kind != BIAS_NONE;
    const struct attention_job job = {.q = row + head * e->head,
                                      .k = k,
                                      .v = k + e->keys,
                                      .out = run->context + begin * e->queries + head * e->head,
                                      .n = n,
                                      .width = e->head,
                                      .ld = ld,
                                      .ldo = e->queries,
                                      .scale = e->score_scale,
                                      .before = run->step->before,
                                      .after = run->step->after,
                                      .bias = is_biased ? run->bias + head * run->bias_ld + run->longest - n : NULL,
                                      .scratch = run->scratch + member * run->scratch_size};

    (is_attention_i16(e) ? e->kernels->attention_i16 : e->kernels->attention)(&job);
}

/* ---- A run ------------------------------------------------------------------------------------------------------- */

/* The next block of at most `most` rows; false after the last. Begins with begin = n = 0. */
static bool next_block(struct run *run, size_t most)
{
    size_t left;

    run->begin += run->n;
    left = run->input->n_rows - run->begin;
    run->n = left < most ? left : most;
    return left > 0;
}

/* The sums of a text's rows of the tables. */
static void add_tables(const struct encoder *e, const struct encoder_input *in, size_t text, float *x)
{
    const size_t begin = (size_t)in->begins[text], end = (size_t)in->begins[text + 1], n = e->embedding;
    size_t position = e->padding < 0 ? 0 : (size_t)e->padding + 1;

    for (size_t row = begin; row < end; row++) {
        const bool is_padding = e->padding >= 0 && in->ids[row] == e->padding;
        const float *word = e->words + (size_t)in->ids[row] * n, *type = e->types + (size_t)in->type_ids[row] * n;
        const size_t at = is_padding ? (size_t)e->padding : position++;
        float *to = x + row * e->embedding_ld;
        if (e->n_positions > 0) {
            for (size_t c = 0; c < n; c++)
                to[c] = word[c] + type[c] + e->positions[at * n + c];
        } else {
            for (size_t c = 0; c < n; c++)
                to[c] = (word[c] + type[c]) * e->embedding_scale;
        }
    }
}

static void add_embeddings(struct run *run, size_t block)
{
    const struct encoder *e = run->encoder;
    const struct norm norm = {
        e->embedding_norm.weight, e->embedding_norm.bias, e->embedding, e->embedding_ld, e->epsilon, e->is_rms};
    float *x = is_projected(e) ? run->embedded : run->x;

    for (size_t text = 0; text < run->input->n_texts; text++)
        add_tables(e, run->input, text, x);
    if (norm.weight != NULL)
        e->kernels->norm(&norm, x, x, run->input->n_rows);
    if (!is_projected(e))
        return;
    for (run->begin = run->n = 0; next_block(run, block);) {
        float *from = x + run->begin * e->embedding_ld;
        do_rows(run, NULL, NULL, NULL, from, e->embedding_ld, &e->projection, &run->q_x);
        do_linear(run, &e->projection, from, &run->q_x, NULL, ACTIVATION_NONE, run->x + run->begin * e->ld,
                  &e->steps[0].layer->qkv);
    }
}

/* What attention adds to scores by distance, for distances within the longest text. */
static void spread_bias(struct run *run)
{
    const struct encoder *e = run->encoder;
    const size_t most = run->longest - 1;

    for (size_t head = 0; head < e->n_heads && e->bias_kind != BIAS_NONE; head++) {
        float *to = run->bias + head * run->bias_ld;
        for (size_t i = 0; i < run->bias_ld; i++) {
            const bool is_behind = i < most;
            const size_t far = is_behind ? most - i : i - most, within = far < e->reach ? far : e->reach;
            if (e->bias_kind == BIAS_SLOPES)
                to[i] = e->bias[head] * (float)far;
            else
                to[i] = e->bias[head * (2 * e->reach + 1) + (is_behind ? e->reach - within : e->reach + within)];
        }
    }
}

/* Angles are position times frequency, in single precision as torch has it. */
static void set_rotations(struct run *run)
{
    const struct encoder *e = run->encoder;
    const size_t half = e->head / 2, n = run->longest * half;

    for (size_t i = 0; i < e->n_rotations * n; i++) {
        const size_t place = i % n / half;
        const float angle = (float)place * e->frequencies[i / n][i % half];
        run->cosines[i] = cosf(angle);
        run->sines[i] = sinf(angle);
    }
}

static void set_places(struct run *run)
{
    const struct encoder_input *in = run->input;

    for (size_t text = 0; text < in->n_texts; text++)
        for (int32_t row = in->begins[text]; row < in->begins[text + 1]; row++)
            run->places[row] = row - in->begins[text];
}

/* All rows of a text together weigh 1: what is lost in a row of a short text is a larger part of its vector. */
static void set_weights(struct run *run)
{
    const struct encoder_input *in = run->input;

    for (size_t text = 0; text < in->n_texts; text++)
        for (int32_t row = in->begins[text]; row < in->begins[text + 1]; row++)
            run->weights[row] = 1 / (float)(in->begins[text + 1] - in->begins[text]);
}

/* What a half of a layer reads of the block's rows of x: x, or a norm of it. */
static float *read_by_half(struct run *run, const struct encoder_norm *norm)
{
    const struct encoder *e = run->encoder;

    return e->places == NORMS_END || norm->weight == NULL ? run->x + run->begin * e->ld : run->sum;
}

/* How a half of a layer ends, and what reads x then. */
struct ending {
    const struct linear *w; /* the half's last linear layer, and what it reads */
    const float *y;
    const struct quantized *q;
    const struct encoder_norm *end, *after; /* of the half; each where the model has such norms */
    const struct linear *likely;            /* runs next, as far as is known */
    const struct linear *next;              /* NULL, or what reads x, or a norm of it, in `read` */
    const struct encoder_norm *norm;
    float *read;
};

/* x = end(x + after(y w^T + b)), and what `next` reads. */
static void end_half(struct run *run, const struct ending *ending)
{
    const struct encoder *e = run->encoder;
    float *x = run->x + run->begin * e->ld;

    switch (e->places) {
    case NORMS_END:
        do_linear(run, ending->w, ending->y, ending->q, x, ACTIVATION_NONE, run->sum, ending->likely);
        do_rows(run, NULL, ending->end, run->sum, x, e->ld, ending->next, &run->q_x);
        break;
    case NORMS_BEFORE:
        do_linear(run, ending->w, ending->y, ending->q, x, ACTIVATION_NONE, x, ending->likely);
        do_rows(run, NULL, ending->norm, x, ending->read, e->ld, ending->next, &run->q_x);
        break;
    case NORMS_AROUND:
        do_linear(run, ending->w, ending->y, ending->q, NULL, ACTIVATION_NONE, run->sum, ending->likely);
        do_rows(run, ending->after, ending->norm, x, ending->read, e->ld, ending->next, &run->q_x);
        break;
    }
}

static void first_half(struct run *run, size_t block)
{
    const struct encoder *e = run->encoder;
    const struct encoder_layer *layer = run->step->layer;
    const bool turns = layer->query_norm != NULL || run->step->rotation != ENCODER_NO_ROTATION;

    for (run->begin = run->n = 0; next_block(run, block);) {
        float *x = run->x + run->begin * e->ld, *read = read_by_half(run, &layer->attention_norm);
        do_rows(run, NULL, read == x ? NULL : &layer->attention_norm, x, read, e->ld, &layer->qkv, &run->q_x);
        do_linear(run, &layer->qkv, read, &run->q_x, NULL, ACTIVATION_NONE,
                  run->qkv + run->begin * (e->queries + 2 * e->keys), &layer->out);
        if (turns)
            rf__team_do(run->team, n_pieces_of_rows(run), turn_some_rows, run);
    }
    rf__team_do(run->team, run->input->n_texts * e->n_heads, do_head, run);
}

static void second_half(struct run *run, size_t block)
{
    const struct encoder *e = run->encoder;
    const struct encoder_layer *layer = run->step->layer;
    const bool is_last = run->step + 1 == e->steps + e->n_steps;
    const struct linear *likely = is_last ? NULL : &run->step[1].layer->qkv;

    for (run->begin = run->n = 0; next_block(run, block);) {
        float *context = run->context + run->begin * e->queries, *read = read_by_half(run, &layer->unit_norm);
        do_rows(run, NULL, NULL, NULL, context, e->queries, &layer->out, &run->q_x);
        end_half(run, &(struct ending){.w = &layer->out,
                                       .y = context,
                                       .q = &run->q_x,
                                       .end = &layer->attention_norm,
                                       .after = &layer->attention_after,
                                       .likely = &layer->up,
                                       .next = &layer->up,
                                       .norm = &layer->unit_norm,
                                       .read = read});
        if (e->is_gated) {
            do_linear(run, &layer->up, read, &run->q_x, NULL, ACTIVATION_NONE, run->wide, &layer->down);
            rf__team_do(run->team, n_pieces_of_rows(run), gate_some_rows, run);
        } else {
            do_linear(run, &layer->up, read, &run->q_x, NULL, e->activation, run->inner, &layer->down);
        }
        do_rows(run, NULL, NULL, NULL, run->inner, e->inner, &layer->down, &run->q_inner);
        end_half(run, &(struct ending){.w = &layer->down,
                                       .y = run->inner,
                                       .q = &run->q_inner,
                                       .end = &layer->unit_norm,
                                       .after = &layer->unit_after,
                                       .likely = likely});
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
        if (encoder->n_positions > 0 && (uint64_t)n + n_before > encoder->n_positions)
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
    const struct encoder_layer *layer = e->steps[0].layer;
    const double columns = (double)(layer->qkv.n + layer->up.n + layer->out.k + layer->down.k);

    return (double)input->n_rows * (double)e->n_steps * (double)e->ld * columns * costs[e->precision] >= LEAST_SHARED;
}

rf_status rf__encoder_run(const struct encoder *encoder, const struct encoder_input *input, struct team *team,
                          struct workspace *workspace, float *out, rf_error *err)
{
    struct run run = {.encoder = encoder, .input = input, .team = team};
    const size_t most = rows_of_block(encoder), block = input->n_rows < most ? input->n_rows : most;
    const struct norm final = norm_of(encoder, &encoder->final_norm);
    rf_status status = make_room(&run, workspace, rf__team_size(team), block, err);

    if (status != RF_OK)
        return status;
    if (encoder->statistics != NULL)
        set_weights(&run);
    add_embeddings(&run, block);
    spread_bias(&run);
    if (encoder->n_rotations > 0) {
        set_places(&run);
        set_rotations(&run);
    }
    for (size_t i = 0; i < encoder->n_steps; i++) {
        run.step = &encoder->steps[i];
        first_half(&run, block);
        second_half(&run, block);
    }
    if (final.weight != NULL)
        encoder->kernels->norm(&final, run.x, run.x, input->n_rows);
    for (size_t row = 0; row < input->n_rows; row++)
        memcpy(out + row * encoder->hidden, run.x + row * encoder->ld, encoder->hidden * sizeof *out);
    return RF_OK;
}
