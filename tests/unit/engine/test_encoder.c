/* test_encoder: the whole encoder on random weights: the same bits for a text in any company, unit, order and number of
 * threads, on every kind of kernels; and against the same in double. */
#include "golden.h"

#include "base/mem.h"
#include "engine/kernels/encoder.h"

#include <math.h>
#include <string.h>

enum { HIDDEN = 72, LD = 80, HEADS = 4, HEAD = 18, INNER = 160, LAYERS = 2, WORDS = 50, TYPES = 2, POSITIONS = 128 };
enum { EMBEDDING = 40, EMBEDDING_LD = 48, REACH = 9 }; /* where embeddings are projected; of a bias by distance */

/* What encoders differ in; all zero is BERT. */
static const struct variant {
    const char *name;
    enum norm_places places;
    bool is_rms, is_gated, is_turned, has_head_norms, has_first_norm, has_final_norm, is_projected, shares_weights;
    size_t n_key_heads; /* 0: as many as heads */
    enum bias_kind bias;
    size_t before[LAYERS], after[LAYERS]; /* 0 in both: all is seen */
} variants[] = {
    {.name = "BERT"},
    {.name = "MPNet", .bias = BIAS_TABLE},
    {.name = "ALiBi and gated units", .bias = BIAS_SLOPES, .is_gated = true},
    {.name = "ALBERT", .is_projected = true, .shares_weights = true},
    {.name = "rotations", .is_turned = true, .is_gated = true},
    {.name = "ModernBERT",
     .places = NORMS_BEFORE,
     .is_turned = true,
     .is_gated = true,
     .has_final_norm = true,
     .before = {0, 20},
     .after = {0, 20}},
    {.name = "Qwen",
     .places = NORMS_BEFORE,
     .is_rms = true,
     .is_turned = true,
     .is_gated = true,
     .has_head_norms = true,
     .has_first_norm = true,
     .has_final_norm = true,
     .n_key_heads = 2,
     .before = {SIZE_MAX, SIZE_MAX}},
    {.name = "Gemma",
     .places = NORMS_AROUND,
     .is_rms = true,
     .is_turned = true,
     .is_gated = true,
     .has_head_norms = true,
     .has_first_norm = true,
     .has_final_norm = true,
     .n_key_heads = 1,
     .before = {SIZE_MAX, 16},
     .after = {SIZE_MAX, 16}},
    {.name = "T5",
     .places = NORMS_BEFORE,
     .is_rms = true,
     .has_first_norm = true,
     .has_final_norm = true,
     .bias = BIAS_TABLE},
};
#define N_VARIANTS (sizeof variants / sizeof variants[0])

static uint32_t state_of_random = 7;
static void *owned[512];
static size_t n_owned;

static void *keep(void *memory)
{
    assert_non_null(memory);
    owned[n_owned++] = memory;
    return memory;
}

/* [n], 0 from `width` on in each row of `ld`. */
static float *floats(size_t n, size_t width, size_t ld, float size, float around)
{
    float *x = keep(rf__alloc_array(n, sizeof *x));

    for (size_t i = 0; i < n; i++) {
        state_of_random = state_of_random * 1664525u + 1013904223u;
        x[i] = i % ld < width ? around + size * ((float)(state_of_random >> 8) / (float)(1 << 23) - 1) : 0;
    }
    return x;
}

/* Weights as they are, for the twin in double: [n, k] without padding. */
struct plain_linear {
    const float *w, *bias;
    size_t n, k;
};

enum { QUERY, KEY, VALUE, OUT, UP, OTHER_UP, DOWN, N_LINEAR };

struct model {
    const struct variant *variant;
    struct encoder encoder;
    struct encoder_layer layers[LAYERS];
    struct encoder_step steps[LAYERS];
    struct plain_linear plain[LAYERS][N_LINEAR], projection;
    const float *frequencies[2];
};

/* Parts that share their input, each rounded up. */
static struct linear pack(enum precision precision, const struct plain_linear *parts, size_t n_parts)
{
    const size_t group = precision == PRECISION_INT8 ? PACK_GROUP_I8 : PACK_GROUP_I16, k = rf__pack_lanes(parts[0].k);
    const size_t n_groups = rf__pack_groups(k, group), size = precision == PRECISION_FP32    ? 4
                                                              : precision == PRECISION_INT16 ? 2
                                                                                             : 1;
    size_t all = 0, before = 0;
    char *panels;
    float *scales, *bias;
    int32_t *sums;

    for (size_t i = 0; i < n_parts; i++)
        all += rf__pack_lanes(parts[i].n);
    panels = keep(rf__calloc(all * k, 4));
    scales = keep(rf__calloc(all * n_groups, 4));
    bias = keep(rf__calloc(all, 4));
    sums = keep(rf__calloc(all * n_groups, 4));
    for (size_t i = 0; i < n_parts; i++) {
        const struct plain_linear *part = &parts[i];
        void *at = panels + before * k * size;
        memcpy(bias + before, part->bias, part->n * sizeof *bias);
        if (precision == PRECISION_FP32)
            rf__pack_f32(part->w, part->n, part->k, at);
        else if (precision == PRECISION_INT16)
            rf__pack_i16(part->w, part->n, part->k, at, scales + before * n_groups);
        else
            rf__pack_i8(part->w, part->n, part->k, at, scales + before * n_groups, sums + before * n_groups);
        before += rf__pack_lanes(part->n);
    }
    return (struct linear){precision, panels, scales, sums, floats(k, k, k, 0, 1), bias, all, k};
}

static struct plain_linear plain_linear(size_t n, size_t k)
{
    const float *w = floats(n * k, k, k, 0.3F, 0);

    return (struct plain_linear){w, floats(n, n, n, 0.1F, 0), n, k};
}

static struct encoder_norm norm_of(size_t width)
{
    const size_t ld = rf__pack_lanes(width);
    const float *weight = floats(ld, width, ld, 0.2F, 1);

    return (struct encoder_norm){weight, floats(ld, width, ld, 0.2F, 0)};
}

static void make_layer(struct model *m, size_t i, size_t keys)
{
    const struct variant *v = m->variant;
    const enum precision precision = m->encoder.precision;
    struct encoder_layer *layer = &m->layers[i];
    struct plain_linear *plain = m->plain[i];

    plain[QUERY] = plain_linear(HIDDEN, HIDDEN);
    plain[KEY] = plain_linear(keys, HIDDEN);
    plain[VALUE] = plain_linear(keys, HIDDEN);
    plain[OUT] = plain_linear(HIDDEN, HIDDEN);
    plain[UP] = plain_linear(INNER, HIDDEN);
    plain[OTHER_UP] = plain_linear(INNER, HIDDEN);
    plain[DOWN] = plain_linear(HIDDEN, INNER);
    layer->qkv = pack(precision, &plain[QUERY], 3);
    layer->out = pack(precision, &plain[OUT], 1);
    layer->up = pack(precision, &plain[UP], v->is_gated ? 2 : 1);
    layer->down = pack(precision, &plain[DOWN], 1);
    if (v->places == NORMS_END || i > 0 || v->has_first_norm)
        layer->attention_norm = norm_of(HIDDEN);
    layer->unit_norm = norm_of(HIDDEN);
    if (v->places == NORMS_AROUND) {
        layer->attention_after = norm_of(HIDDEN);
        layer->unit_after = norm_of(HIDDEN);
    }
    if (v->has_head_norms) {
        layer->query_norm = floats(HEAD, HEAD, HEAD, 0.2F, 1);
        layer->key_norm = floats(HEAD, HEAD, HEAD, 0.2F, 1);
    }
}

static void make_steps(struct model *m)
{
    const struct variant *v = m->variant;

    for (size_t i = 0; i < LAYERS; i++) {
        const bool sees_all = v->before[i] == 0 && v->after[i] == 0;
        m->steps[i] =
            (struct encoder_step){&m->layers[v->shares_weights ? 0 : i], v->is_turned ? i % 2 : ENCODER_NO_ROTATION,
                                  sees_all ? SIZE_MAX : v->before[i], sees_all ? SIZE_MAX : v->after[i]};
    }
}

static struct model *make_model(enum precision precision, const struct variant *v)
{
    struct model *m = keep(rf__calloc(1, sizeof *m));
    struct encoder *e = &m->encoder;
    const size_t n_key_heads = v->n_key_heads > 0 ? v->n_key_heads : HEADS;
    const size_t embedding = v->is_projected ? EMBEDDING : HIDDEN;

    state_of_random = 7;
    m->variant = v;
    e->precision = precision;
    for (size_t i = 0; i < LAYERS; i++)
        make_layer(m, i, n_key_heads * HEAD);
    make_steps(m);
    for (size_t i = 0; i < 2; i++)
        m->frequencies[i] = floats(HEAD / 2, HEAD / 2, HEAD / 2, 0.5F, 0.6F);
    *e = (struct encoder){.kernels = rf__kernels_best(),
                          .precision = precision,
                          .activation = ACTIVATION_GELU,
                          .is_gated = v->is_gated,
                          .hidden = HIDDEN,
                          .embedding = embedding,
                          .n_heads = HEADS,
                          .n_key_heads = n_key_heads,
                          .head = HEAD,
                          .ld = LD,
                          .embedding_ld = rf__pack_lanes(embedding),
                          .inner = INNER,
                          .queries = LD,
                          .keys = rf__pack_lanes(n_key_heads * HEAD),
                          .n_words = WORDS,
                          .n_types = TYPES,
                          .n_positions = v->is_turned ? 0 : POSITIONS,
                          .words = floats(WORDS * embedding, embedding, embedding, 1, 0),
                          .types = floats(TYPES * embedding, embedding, embedding, 1, 0),
                          .positions = floats(POSITIONS * embedding, embedding, embedding, 1, 0),
                          .embedding_norm = norm_of(embedding),
                          .padding = -1,
                          .embedding_scale = v->is_turned ? 1.5F : 1,
                          .places = v->places,
                          .is_rms = v->is_rms,
                          .score_scale = 1 / sqrtf((float)HEAD),
                          .epsilon = 1e-12F,
                          .bias_kind = v->bias,
                          .bias = floats(HEADS * (2 * REACH + 1), HEADS, HEADS, v->bias == BIAS_SLOPES ? 0.1F : 1, 0),
                          .reach = v->bias == BIAS_TABLE ? REACH : 0,
                          .n_rotations = v->is_turned ? 2 : 0,
                          .frequencies = m->frequencies,
                          .steps = m->steps,
                          .n_steps = LAYERS};
    if (v->has_final_norm)
        e->final_norm = norm_of(HIDDEN);
    if (v->is_projected) {
        m->projection = plain_linear(HIDDEN, EMBEDDING);
        e->projection = pack(precision, &m->projection, 1);
    }
    return m;
}

static int release_all(void **state)
{
    (void)state;
    while (n_owned > 0)
        rf__free(owned[--n_owned]);
    return 0;
}

/* ---- The twin in double ------------------------------------------------------------------------------------------ */

static void twin_linear(const struct plain_linear *l, const double *x, double *y)
{
    for (size_t n = 0; n < l->n; n++) {
        y[n] = l->bias[n];
        for (size_t k = 0; k < l->k; k++)
            y[n] += x[k] * l->w[n * l->k + k];
    }
}

/* Of norms that there are. */
static void twin_norm(const struct encoder *e, const struct encoder_norm *norm, double *x, size_t width)
{
    double mean = 0, variance = 0;

    if (norm->weight == NULL)
        return;
    for (size_t c = 0; c < width && !e->is_rms; c++)
        mean += x[c] / (double)width;
    for (size_t c = 0; c < width; c++)
        variance += (x[c] - mean) * (x[c] - mean) / (double)width;
    for (size_t c = 0; c < width; c++)
        x[c] = (x[c] - mean) / sqrt(variance + 1e-12) * norm->weight[c] + norm->bias[c];
}

/* Norms and turns the heads of queries or keys at a place. */
static void twin_turn(const struct model *m, size_t step, const float *weight, size_t place, double *x, size_t n_heads)
{
    const float *frequencies = m->frequencies[step % 2];

    for (size_t head = 0; head < n_heads; head++, x += HEAD) {
        double squares = 0;
        for (size_t c = 0; c < HEAD; c++)
            squares += x[c] * x[c] / HEAD;
        for (size_t c = 0; c < HEAD && weight != NULL; c++)
            x[c] *= weight[c] / sqrt(squares + 1e-12);
        for (size_t c = 0; c < HEAD / 2 && m->variant->is_turned; c++) {
            const double angle = (double)place * frequencies[c], a = x[c], b = x[c + HEAD / 2];
            x[c] = a * cos(angle) - b * sin(angle);
            x[c + HEAD / 2] = b * cos(angle) + a * sin(angle);
        }
    }
}

static double twin_bias(const struct encoder *e, size_t head, size_t i, size_t k)
{
    const double distance = (double)k - (double)i;

    if (e->bias_kind == BIAS_SLOPES)
        return e->bias[head] * fabs(distance);
    if (e->bias_kind == BIAS_TABLE)
        return e->bias[head * (2 * REACH + 1) + (size_t)(fmax(-REACH, fmin(REACH, distance)) + REACH)];
    return 0;
}

static void twin_attention(const struct model *m, size_t step, size_t n, double qkv[][3][HIDDEN],
                           double context[][HIDDEN])
{
    const struct encoder *e = &m->encoder;

    for (size_t head = 0; head < HEADS; head++) {
        const size_t q = head * HEAD, kv = head / (HEADS / e->n_key_heads) * HEAD;
        for (size_t i = 0; i < n; i++) {
            double weights[POSITIONS], sum = 0;
            for (size_t k = 0; k < n; k++) {
                double score = 0;
                for (size_t c = 0; c < HEAD; c++)
                    score += qkv[i][0][q + c] * qkv[k][1][kv + c];
                score = score / sqrt(HEAD) + twin_bias(e, head, i, k);
                weights[k] = (k <= i ? i - k <= m->steps[step].before : k - i <= m->steps[step].after) ? exp(score) : 0;
                sum += weights[k];
            }
            for (size_t c = 0; c < HEAD; c++) {
                context[i][q + c] = 0;
                for (size_t k = 0; k < n; k++)
                    context[i][q + c] += weights[k] / sum * qkv[k][2][kv + c];
            }
        }
    }
}

static void twin_embed(const struct model *m, int32_t id, int32_t type, size_t place, double *x)
{
    const struct encoder *e = &m->encoder;
    const size_t n = e->embedding;
    double y[HIDDEN];

    for (size_t c = 0; c < n; c++) {
        y[c] = (double)e->words[(size_t)id * n + c] + e->types[(size_t)type * n + c];
        y[c] = e->n_positions > 0 ? y[c] + e->positions[place * n + c] : y[c] * e->embedding_scale;
    }
    twin_norm(e, &e->embedding_norm, y, n);
    if (m->variant->is_projected)
        twin_linear(&m->projection, y, x);
    else
        memcpy(x, y, sizeof y);
}

static void twin_unit(const struct model *m, const struct plain_linear *plain, const double *x, double *y)
{
    double inner[INNER], other[INNER];

    twin_linear(&plain[UP], x, inner);
    twin_linear(&plain[OTHER_UP], x, other);
    for (size_t c = 0; c < INNER; c++)
        inner[c] = 0.5 * inner[c] * (1 + erf(inner[c] / sqrt(2))) * (m->variant->is_gated ? other[c] : 1);
    twin_linear(&plain[DOWN], inner, y);
}

/* x = end(x + after(y)) */
static void twin_end(const struct encoder *e, const struct encoder_norm *norm, const struct encoder_norm *after,
                     double *y, double *x)
{
    twin_norm(e, after, y, HIDDEN);
    for (size_t c = 0; c < HIDDEN; c++)
        x[c] += y[c];
    if (e->places == NORMS_END)
        twin_norm(e, norm, x, HIDDEN);
}

static void twin(const struct model *m, const int32_t *ids, const int32_t *type_ids, size_t n, double x[][HIDDEN])
{
    static double qkv[POSITIONS][3][HIDDEN], context[POSITIONS][HIDDEN];
    const struct encoder *e = &m->encoder;
    const bool is_before = e->places != NORMS_END;

    for (size_t i = 0; i < n; i++)
        twin_embed(m, ids[i], type_ids[i], i, x[i]);
    for (size_t s = 0; s < LAYERS; s++) {
        const struct encoder_layer *layer = m->steps[s].layer;
        const struct plain_linear *plain = m->plain[layer - m->layers];
        for (size_t i = 0; i < n; i++) {
            double read[HIDDEN];
            memcpy(read, x[i], sizeof read);
            if (is_before)
                twin_norm(e, &layer->attention_norm, read, HIDDEN);
            for (size_t k = 0; k < 3; k++)
                twin_linear(&plain[QUERY + k], read, qkv[i][k]);
            twin_turn(m, s, layer->query_norm, i, qkv[i][0], HEADS);
            twin_turn(m, s, layer->key_norm, i, qkv[i][1], e->n_key_heads);
        }
        twin_attention(m, s, n, qkv, context);
        for (size_t i = 0; i < n; i++) {
            double y[HIDDEN], read[HIDDEN];
            twin_linear(&plain[OUT], context[i], y);
            twin_end(e, &layer->attention_norm, &layer->attention_after, y, x[i]);
            memcpy(read, x[i], sizeof read);
            if (is_before)
                twin_norm(e, &layer->unit_norm, read, HIDDEN);
            twin_unit(m, plain, read, y);
            twin_end(e, &layer->unit_norm, &layer->unit_after, y, x[i]);
        }
    }
    for (size_t i = 0; i < n; i++)
        twin_norm(e, &e->final_norm, x[i], HIDDEN);
}

/* ---- Texts ------------------------------------------------------------------------------------------------------- */

#define N_TEXTS 9
static const int lengths[N_TEXTS] = {1, 17, 2, 128, 33, 5, 64, 100, 16};

struct texts {
    int32_t ids[512], type_ids[512], begins[N_TEXTS + 1];
};

/* The texts in an order; ids follow from the text alone. */
static struct encoder_input arrange(struct texts *t, const int *order)
{
    int32_t row = 0;

    for (int i = 0; i < N_TEXTS; i++) {
        t->begins[i] = row;
        for (int k = 0; k < lengths[order[i]]; k++, row++) {
            t->ids[row] = (order[i] * 31 + k * 7) % WORDS;
            t->type_ids[row] = k > lengths[order[i]] / 2;
        }
    }
    t->begins[N_TEXTS] = row;
    return (struct encoder_input){t->ids, t->type_ids, t->begins, N_TEXTS, (size_t)row};
}

static const int in_order[N_TEXTS] = {0, 1, 2, 3, 4, 5, 6, 7, 8}, other_order[N_TEXTS] = {7, 2, 8, 0, 5, 3, 6, 1, 4};

static void check_against_double(enum precision precision, const struct variant *variant, double bound)
{
    static double expected[POSITIONS][HIDDEN];
    struct model *m = make_model(precision, variant);
    struct texts texts;
    struct encoder_input input = arrange(&texts, in_order);
    struct workspace workspace = {0};
    float *out = keep(rf__alloc_array(input.n_rows * HIDDEN, sizeof *out));
    double length = 0, away = 0;

    assert_ok(rf__encoder_check(&m->encoder, &input, err));
    assert_ok(rf__encoder_run(&m->encoder, &input, NULL, &workspace, out, err));
    for (size_t i = 0; i < N_TEXTS; i++) {
        size_t begin = (size_t)texts.begins[i], n = (size_t)lengths[i];
        twin(m, texts.ids + begin, texts.type_ids + begin, n, expected);
        for (size_t k = 0; k < n * HIDDEN; k++) {
            const double is = expected[k / HIDDEN][k % HIDDEN], by = out[begin * HIDDEN + k] - is;
            length += is * is;
            away += by * by;
        }
    }
    if (!(sqrt(away / length) < bound))
        fail_msg("%s, precision %d: away by %.3g of the length", variant->name, (int)precision, sqrt(away / length));
    rf__workspace_release(&workspace);
}

static void test_against_double(void **state)
{
    static const double bounds[] = {5e-6, 2e-3, 0.05};

    for (size_t v = 0; v < N_VARIANTS; v++)
        for (int precision = PRECISION_FP32; precision <= PRECISION_INT8; precision++) {
            check_against_double((enum precision)precision, &variants[v], bounds[precision]);
            release_all(state);
        }
}

static void check_company(struct model *m)
{
    struct texts texts, others;
    struct encoder_input input = arrange(&texts, in_order), shuffled = arrange(&others, other_order);
    struct workspace workspace = {0};
    float *out = keep(rf__alloc_array(input.n_rows * HIDDEN, sizeof *out));
    float *again = keep(rf__alloc_array(input.n_rows * HIDDEN, sizeof *out));

    assert_ok(rf__encoder_run(&m->encoder, &input, NULL, &workspace, out, err));
    for (size_t threads = 1; threads <= 3; threads++) {
        struct team *team = rf__team_new(threads);
        (void)rf__team_start(team);
        assert_ok(rf__encoder_run(&m->encoder, &shuffled, team, &workspace, again, err));
        for (int i = 0; i < N_TEXTS; i++) {
            size_t n = (size_t)lengths[other_order[i]] * HIDDEN;
            if (memcmp(again + (size_t)others.begins[i] * HIDDEN, out + (size_t)texts.begins[other_order[i]] * HIDDEN,
                       n * sizeof *out) != 0)
                fail_msg("%s: text %d has other bits among others, %zu threads", m->encoder.kernels->name,
                         other_order[i], threads);
        }
        for (int i = 0; i < N_TEXTS; i++) {
            const int32_t begins[2] = {0, lengths[i]};
            const struct encoder_input alone = {texts.ids + texts.begins[i], texts.type_ids + texts.begins[i], begins,
                                                1, (size_t)lengths[i]};
            assert_ok(rf__encoder_run(&m->encoder, &alone, team, &workspace, again, err));
            if (memcmp(again, out + (size_t)texts.begins[i] * HIDDEN, alone.n_rows * HIDDEN * sizeof *out) != 0)
                fail_msg("%s: text %d has other bits alone, %zu threads", m->encoder.kernels->name, i, threads);
        }
        rf__team_end(team);
        rf__team_free(team);
    }
    rf__workspace_release(&workspace);
}

/* On every kind of kernels for BERT, on the best for the others: test_same_bits_on_every_kind() has the rest. */
static void test_same_bits_in_any_company(void **state)
{
    const struct kernels *kernels;

    (void)state;
    for (size_t v = 0; v < N_VARIANTS; v++)
        for (int precision = PRECISION_FP32; precision <= PRECISION_INT8; precision++) {
            struct model *m = make_model((enum precision)precision, &variants[v]);
            for (size_t i = 0; (kernels = rf__kernels_at(i)) != NULL && (i == 0 || v == 0); i++) {
                m->encoder.kernels = kernels;
                check_company(m);
            }
            release_all(state);
        }
}

static void check_kinds(enum precision precision, const struct variant *variant)
{
    const struct kernels *kernels;
    struct model *m = make_model(precision, variant);
    struct texts texts;
    struct encoder_input input = arrange(&texts, in_order);
    struct workspace workspace = {0};
    size_t n = input.n_rows * HIDDEN;
    float *plain = keep(rf__alloc_array(n, sizeof *plain)), *out = keep(rf__alloc_array(n, sizeof *out));

    m->encoder.kernels = rf__kernels_plain;
    assert_ok(rf__encoder_run(&m->encoder, &input, NULL, &workspace, plain, err));
    for (size_t i = 0; (kernels = rf__kernels_at(i)) != NULL; i++) {
        m->encoder.kernels = kernels;
        assert_ok(rf__encoder_run(&m->encoder, &input, NULL, &workspace, out, err));
        if (memcmp(out, plain, n * sizeof *out) != 0)
            fail_msg("%s, %s: other bits than plain, precision %d", variant->name, kernels->name, (int)precision);
    }
    rf__workspace_release(&workspace);
}

static void test_same_bits_on_every_kind(void **state)
{
    for (size_t v = 0; v < N_VARIANTS; v++)
        for (int precision = PRECISION_FP32; precision <= PRECISION_INT8; precision++) {
            check_kinds((enum precision)precision, &variants[v]);
            release_all(state);
        }
}

static void test_wrong_inputs(void **state)
{
    static const struct {
        int32_t ids[3], type_ids[3], begins[3];
        size_t n_texts;
        const char *message;
    } cases[] = {
        {{0, 1, WORDS}, {0}, {0, 1, 3}, 2, "id 50"},     {{0, -1, 0}, {0}, {0, 1, 3}, 2, "id -1"},
        {{0}, {0, TYPES, 0}, {0, 1, 3}, 2, "type id 2"}, {{0}, {0}, {0, 3, 3}, 2, "without tokens"},
        {{0}, {0}, {0, 4, 3}, 2, "without tokens"},      {{0}, {0}, {1, 2, 3}, 2, "do not cover"},
        {{0}, {0}, {0, 2, 0}, 1, "do not cover"},        {{0}, {0}, {0, 3, 0}, 0, "do not cover"},
    };
    struct model *m = make_model(PRECISION_FP32, &variants[0]);
    static int32_t many[POSITIONS + 1];
    const int32_t begins[2] = {0, POSITIONS + 1};
    rf_error fault = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct encoder_input input = {cases[i].ids, cases[i].type_ids, cases[i].begins, cases[i].n_texts, 3};
        assert_int_equal(rf__encoder_check(&m->encoder, &input, &fault), RF_INVALID_ARGUMENT);
        if (strstr(fault.message, cases[i].message) == NULL)
            fail_msg("%s: %s", cases[i].message, fault.message);
    }
    assert_int_equal(
        rf__encoder_check(&m->encoder, &(struct encoder_input){many, many, begins, 1, POSITIONS + 1}, &fault),
        RF_INVALID_ARGUMENT);
}

static void test_no_memory(void **state)
{
    struct model *m = make_model(PRECISION_INT16, &variants[0]);
    struct texts texts;
    struct encoder_input input = arrange(&texts, in_order);
    float *out = keep(rf__alloc_array(input.n_rows * HIDDEN, sizeof *out));
    rf_status status = RF_NO_MEMORY;

    (void)state;
    for (uint64_t n = 1; status != RF_OK; n++) {
        struct workspace workspace = {0};
        assert_int_equal(status, RF_NO_MEMORY);
        rf__alloc_fail_at(n);
        status = rf__encoder_run(&m->encoder, &input, NULL, &workspace, out, NULL);
        rf__alloc_fail_at(0);
        rf__workspace_release(&workspace);
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_against_double, release_all),
        cmocka_unit_test_teardown(test_same_bits_in_any_company, release_all),
        cmocka_unit_test_teardown(test_same_bits_on_every_kind, release_all),
        cmocka_unit_test_teardown(test_wrong_inputs, release_all),
        cmocka_unit_test_teardown(test_no_memory, release_all),
    };

    return cmocka_run_group_tests_name("engine: encoder", tests, NULL, NULL);
}
