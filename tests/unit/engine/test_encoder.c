/* test_encoder: the whole encoder on random weights: the same bits for a text in any company, unit, order and number of
 * threads, on every kind of kernels; and against the same in double. */
#include "golden.h"

#include "base/mem.h"
#include "engine/kernels/encoder.h"

#include <math.h>
#include <string.h>

enum { HIDDEN = 72, LD = 80, HEADS = 4, INNER = 160, LAYERS = 2, WORDS = 50, TYPES = 2, POSITIONS = 128 };

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

struct model {
    struct encoder encoder;
    struct encoder_layer layers[LAYERS];
    struct encoder_step steps[LAYERS];
    struct plain_linear plain[LAYERS][6]; /* query, key, value, out, up, down */
};

static void pack(struct linear *linear, enum precision precision, const struct plain_linear *parts, size_t n_parts)
{
    const size_t group = precision == PRECISION_INT8 ? PACK_GROUP_I8 : PACK_GROUP_I16;
    size_t n = rf__pack_lanes(parts[0].n), k = rf__pack_lanes(parts[0].k), groups = n * rf__pack_groups(k, group);
    char *panels = keep(rf__calloc(n_parts * n * k, 4));
    float *scales = keep(rf__calloc(n_parts * groups, 4)), *bias = keep(rf__calloc(n_parts * n, 4));
    int32_t *sums = keep(rf__calloc(n_parts * groups, 4));
    float *smooth = floats(k, k, k, 0, 1);

    for (size_t i = 0; i < n_parts; i++) {
        const struct plain_linear *part = &parts[i];
        size_t size = precision == PRECISION_FP32 ? 4 : precision == PRECISION_INT16 ? 2 : 1;
        void *at = panels + i * n * k * size;
        memcpy(bias + i * n, part->bias, part->n * sizeof *bias);
        if (precision == PRECISION_FP32)
            rf__pack_f32(part->w, part->n, part->k, at);
        else if (precision == PRECISION_INT16)
            rf__pack_i16(part->w, part->n, part->k, at, scales + i * groups);
        else
            rf__pack_i8(part->w, part->n, part->k, at, scales + i * groups, sums + i * groups);
    }
    *linear = (struct linear){precision, panels, scales, sums, smooth, bias, n_parts * n, k};
}

static struct plain_linear plain_linear(size_t n, size_t k)
{
    return (struct plain_linear){floats(n * k, k, k, 0.3F, 0), floats(n, n, n, 0.1F, 0), n, k};
}

static struct encoder_norm encoder_norm(void)
{
    const float *weight = floats(LD, HIDDEN, LD, 0.2F, 1);

    return (struct encoder_norm){weight, floats(LD, HIDDEN, LD, 0.2F, 0)};
}

static struct model *make_model(enum precision precision)
{
    struct model *m = keep(rf__calloc(1, sizeof *m));
    struct encoder *e = &m->encoder;

    state_of_random = 7;
    for (size_t i = 0; i < LAYERS; i++) {
        struct encoder_layer *layer = &m->layers[i];
        for (size_t k = 0; k < 4; k++)
            m->plain[i][k] = plain_linear(HIDDEN, HIDDEN);
        m->plain[i][4] = plain_linear(INNER, HIDDEN);
        m->plain[i][5] = plain_linear(HIDDEN, INNER);
        pack(&layer->qkv, precision, m->plain[i], 3);
        pack(&layer->out, precision, &m->plain[i][3], 1);
        pack(&layer->up, precision, &m->plain[i][4], 1);
        pack(&layer->down, precision, &m->plain[i][5], 1);
        layer->attention_norm = encoder_norm();
        layer->unit_norm = encoder_norm();
        m->steps[i] = (struct encoder_step){layer, ENCODER_NO_ROTATION, SIZE_MAX, SIZE_MAX};
    }
    *e = (struct encoder){.kernels = rf__kernels_best(),
                          .precision = precision,
                          .activation = ACTIVATION_GELU,
                          .hidden = HIDDEN,
                          .embedding = HIDDEN,
                          .n_heads = HEADS,
                          .n_key_heads = HEADS,
                          .head = HIDDEN / HEADS,
                          .ld = LD,
                          .embedding_ld = LD,
                          .queries = LD,
                          .keys = LD,
                          .inner = INNER,
                          .n_words = WORDS,
                          .n_types = TYPES,
                          .n_positions = POSITIONS,
                          .words = floats((size_t)WORDS * HIDDEN, HIDDEN, HIDDEN, 1, 0),
                          .types = floats((size_t)TYPES * HIDDEN, HIDDEN, HIDDEN, 1, 0),
                          .positions = floats((size_t)POSITIONS * HIDDEN, HIDDEN, HIDDEN, 1, 0),
                          .embedding_norm = encoder_norm(),
                          .padding = -1,
                          .embedding_scale = 1,
                          .score_scale = 1 / sqrtf((float)HIDDEN / HEADS),
                          .epsilon = 1e-12F,
                          .steps = m->steps,
                          .n_steps = LAYERS};
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

static void twin_norm(const struct encoder_norm *norm, double *x)
{
    double mean = 0, variance = 0;

    for (size_t c = 0; c < HIDDEN; c++)
        mean += x[c] / HIDDEN;
    for (size_t c = 0; c < HIDDEN; c++)
        variance += (x[c] - mean) * (x[c] - mean) / HIDDEN;
    for (size_t c = 0; c < HIDDEN; c++)
        x[c] = (x[c] - mean) / sqrt(variance + 1e-12) * norm->weight[c] + norm->bias[c];
}

static void twin_attention(size_t n, double qkv[][3][HIDDEN], double context[][HIDDEN])
{
    const size_t width = HIDDEN / HEADS;

    for (size_t head = 0; head < HEADS; head++) {
        for (size_t i = 0; i < n; i++) {
            double e[POSITIONS], sum = 0;
            for (size_t k = 0; k < n; k++) {
                e[k] = 0;
                for (size_t c = head * width; c < (head + 1) * width; c++)
                    e[k] += qkv[i][0][c] * qkv[k][1][c];
                sum += e[k] = exp(e[k] / sqrt((double)width));
            }
            for (size_t c = head * width; c < (head + 1) * width; c++) {
                context[i][c] = 0;
                for (size_t k = 0; k < n; k++)
                    context[i][c] += e[k] / sum * qkv[k][2][c];
            }
        }
    }
}

static void twin(const struct model *m, const int32_t *ids, const int32_t *type_ids, size_t n, double x[][HIDDEN])
{
    static double qkv[POSITIONS][3][HIDDEN], context[POSITIONS][HIDDEN];
    const struct encoder *e = &m->encoder;

    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < HIDDEN; c++)
            x[i][c] = e->words[(size_t)ids[i] * HIDDEN + c] + e->types[(size_t)type_ids[i] * HIDDEN + c] +
                      e->positions[i * HIDDEN + c];
        twin_norm(&e->embedding_norm, x[i]);
    }
    for (size_t l = 0; l < LAYERS; l++) {
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < 3; k++)
                twin_linear(&m->plain[l][k], x[i], qkv[i][k]);
        twin_attention(n, qkv, context);
        for (size_t i = 0; i < n; i++) {
            double y[HIDDEN], inner[INNER];
            twin_linear(&m->plain[l][3], context[i], y);
            for (size_t c = 0; c < HIDDEN; c++)
                x[i][c] += y[c];
            twin_norm(&m->layers[l].attention_norm, x[i]);
            twin_linear(&m->plain[l][4], x[i], inner);
            for (size_t c = 0; c < INNER; c++)
                inner[c] = 0.5 * inner[c] * (1 + erf(inner[c] / sqrt(2)));
            twin_linear(&m->plain[l][5], inner, y);
            for (size_t c = 0; c < HIDDEN; c++)
                x[i][c] += y[c];
            twin_norm(&m->layers[l].unit_norm, x[i]);
        }
    }
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

static void test_against_double(void **state)
{
    static const double bounds[] = {2e-5, 5e-3, 0.2};

    (void)state;
    for (int precision = PRECISION_FP32; precision <= PRECISION_INT8; precision++) {
        static double expected[POSITIONS][HIDDEN];
        struct model *m = make_model((enum precision)precision);
        struct texts texts;
        struct encoder_input input = arrange(&texts, in_order);
        struct workspace workspace = {0};
        float *out = keep(rf__alloc_array(input.n_rows * HIDDEN, sizeof *out));
        double worst = 0;
        assert_ok(rf__encoder_check(&m->encoder, &input, err));
        assert_ok(rf__encoder_run(&m->encoder, &input, NULL, &workspace, out, err));
        for (size_t i = 0; i < N_TEXTS; i++) {
            size_t begin = (size_t)texts.begins[i], n = (size_t)lengths[i];
            twin(m, texts.ids + begin, texts.type_ids + begin, n, expected);
            for (size_t k = 0; k < n * HIDDEN; k++)
                worst = fmax(worst, fabs(out[begin * HIDDEN + k] - expected[k / HIDDEN][k % HIDDEN]));
        }
        print_message("precision %d: largest difference %.3g\n", precision, worst);
        assert_true(worst < bounds[precision]);
        rf__workspace_release(&workspace);
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

static void test_same_bits_in_any_company(void **state)
{
    const struct kernels *kernels;

    (void)state;
    for (int precision = PRECISION_FP32; precision <= PRECISION_INT8; precision++) {
        struct model *m = make_model((enum precision)precision);
        for (size_t i = 0; (kernels = rf__kernels_at(i)) != NULL; i++) {
            m->encoder.kernels = kernels;
            check_company(m);
        }
    }
}

static void test_same_bits_on_every_kind(void **state)
{
    const struct kernels *kernels;

    (void)state;
    for (int precision = PRECISION_FP32; precision <= PRECISION_INT8; precision++) {
        struct model *m = make_model((enum precision)precision);
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
                fail_msg("%s: other bits than plain, precision %d", kernels->name, precision);
        }
        rf__workspace_release(&workspace);
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
    struct model *m = make_model(PRECISION_FP32);
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
    struct model *m = make_model(PRECISION_INT16);
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
