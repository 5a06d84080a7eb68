/* test_team: each piece is done once, whoever is late; and when a run has a team. */
#include "golden.h"

#include "base/mem.h"
#include "engine/kernels/encoder.h"
#include "os/os.h"

#include <stdatomic.h>
#include <string.h>

#define MOST_PIECES 1000

struct work {
    atomic_uint done[MOST_PIECES];
    atomic_bool is_in[TEAM_MAX];
    atomic_uint n_wrong;
    bool is_slow_for_helpers;
};

static void do_piece(void *arg, size_t piece, size_t member)
{
    struct work *work = arg;

    if (atomic_exchange(&work->is_in[member], true)) /* one piece at a time */
        atomic_fetch_add(&work->n_wrong, 1);
    if (member > 0 && work->is_slow_for_helpers)
        rf__os_sleep_ms(30);
    else if (work->is_slow_for_helpers) /* until a helper has one */
        for (int i = 0; i < 10000 && !atomic_load(&work->is_in[1]); i++)
            rf__os_sleep_ms(1);
    atomic_fetch_add(&work->done[piece], 1);
    atomic_store(&work->is_in[member], false);
}

static void check_work(struct team *team, size_t n_pieces)
{
    struct work work;

    memset(&work, 0, sizeof work);
    rf__team_do(team, n_pieces, do_piece, &work);
    for (size_t i = 0; i < MOST_PIECES; i++)
        assert_int_equal(atomic_load(&work.done[i]), i < n_pieces ? 1 : 0);
    assert_int_equal(atomic_load(&work.n_wrong), 0);
}

static void test_each_piece_once(void **state)
{
    (void)state;
    for (size_t size = 0; size <= TEAM_MAX + 1; size++) {
        struct team *team = rf__team_new(size);
        assert_int_equal(rf__team_size(team), size < 2 ? 1 : size < TEAM_MAX ? size : TEAM_MAX);
        for (int i = 0; i < 20; i++) {
            const bool is_on = rf__team_start(team); /* off, a team's work is its leader's */
            check_work(team, 0);
            check_work(team, 1);
            check_work(team, 2);
            check_work(team, 7);
            check_work(team, MOST_PIECES);
            if (is_on)
                rf__team_end(team);
        }
        rf__team_free(team);
    }
}

/* Ended before its helpers came, again and again. */
static void test_helpers_that_are_late(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct team *team = rf__team_new(4);
        for (int run = 0; run < i % 5; run++) {
            assert_true(rf__team_start(team));
            rf__team_end(team);
        }
        rf__team_free(team);
    }
}

static void test_a_team_that_is_held_up_rests(void **state)
{
    struct team *team = rf__team_new(2);
    struct work work;

    (void)state;
    for (int n_rests = 16; n_rests <= 64; n_rests *= 2) {
        memset(&work, 0, sizeof work);
        work.is_slow_for_helpers = true;
        assert_true(rf__team_start(team));
        rf__team_do(team, 2, do_piece, &work);
        rf__team_end(team);
        for (int i = 0; i < n_rests; i++)
            assert_false(rf__team_start(team));
    }
    assert_true(rf__team_start(team));
    rf__team_end(team);
    rf__team_free(team);
}

static void test_nobody(void **state)
{
    (void)state;
    assert_null(rf__team_new(1));
    assert_false(rf__team_start(NULL));
    rf__team_end(NULL);
    rf__team_free(NULL);
    assert_false(rf__team_is_ours(NULL));
}

static void test_no_memory(void **state)
{
    struct team *team = NULL;

    (void)state;
    for (uint64_t n = 1; team == NULL; n++) {
        rf__alloc_fail_at(n);
        team = rf__team_new(2);
        rf__alloc_fail_at(0);
        assert_true(n < 100);
    }
    rf__team_free(team);
}

static void test_what_is_worth_sharing(void **state)
{
    const struct encoder_layer small_layer = {.qkv.n = 96, .out.k = 32, .up.n = 64, .down.k = 64};
    const struct encoder_layer large_layer = {.qkv.n = 1152, .out.k = 384, .up.n = 1536, .down.k = 1536};
    const struct encoder_step small_step = {.layer = &small_layer}, large_step = {.layer = &large_layer};
    const struct encoder small = {.n_steps = 2, .ld = 32, .steps = &small_step};
    struct encoder large = {.n_steps = 6, .ld = 384, .steps = &large_step};
    const struct encoder_input few = {.n_rows = 2}, some = {.n_rows = 6};

    (void)state;
    assert_false(rf__encoder_is_worth_sharing(&small, &some));
    assert_false(rf__encoder_is_worth_sharing(&large, &few));
    assert_true(rf__encoder_is_worth_sharing(&large, &some));
    large.precision = PRECISION_INT8; /* is four times as quick */
    assert_false(rf__encoder_is_worth_sharing(&large, &some));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_piece_once),
        cmocka_unit_test(test_helpers_that_are_late),
        cmocka_unit_test(test_a_team_that_is_held_up_rests),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_what_is_worth_sharing),
    };

    return cmocka_run_group_tests_name("engine: team", tests, NULL, NULL);
}
