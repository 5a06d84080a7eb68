/* test_team: each piece is done once, whoever is late; and when a run has a team. */
#include "golden.h"

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
        struct team *team = rf__team_start(size);
        assert_true((team == NULL) == (size < 2));
        for (int i = 0; i < 20; i++) {
            check_work(team, 0);
            check_work(team, 1);
            check_work(team, 2);
            check_work(team, 7);
            check_work(team, MOST_PIECES);
        }
        if (!rf__team_end(team))
            rf__team_wait(team);
    }
}

/* Ended before its helpers came, again and again. */
static void test_helpers_that_are_late(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct team *team = rf__team_start(4);
        int n_calls = 1;
        for (; !rf__team_end(team); n_calls++)
            rf__os_sleep_ms(1);
        assert_true(n_calls < 10000);
    }
    assert_true(rf__team_end(NULL));
    rf__team_wait(NULL);
    assert_false(rf__team_was_held_up(NULL));
}

static void test_held_up(void **state)
{
    struct team *team = rf__team_start(2);
    struct work work;

    (void)state;
    memset(&work, 0, sizeof work);
    assert_false(rf__team_was_held_up(team));
    work.is_slow_for_helpers = true;
    rf__team_do(team, 2, do_piece, &work);
    assert_true(rf__team_was_held_up(team));
    rf__team_wait(team);
}

static void test_members(void **state)
{
    const struct encoder small = {.n_layers = 2, .ld = 32, .inner = 64},
                         large = {.n_layers = 6, .ld = 384, .inner = 1536};
    const struct encoder_input few = {.n_rows = 2}, some = {.n_rows = 12};
    struct workspace workspace = {0};

    (void)state;
    assert_int_equal(rf__encoder_members(&small, &some, 4, &workspace), 1);
    assert_int_equal(rf__encoder_members(&large, &few, 4, &workspace), 1);
    assert_int_equal(rf__encoder_members(&large, &some, 4, &workspace), 4);
    assert_int_equal(rf__encoder_members(&large, &some, 1, &workspace), 1);
    workspace.n_alone = 2;
    assert_int_equal(rf__encoder_members(&large, &few, 4, &workspace), 1);
    assert_int_equal(rf__encoder_members(&large, &some, 4, &workspace), 1);
    assert_int_equal(rf__encoder_members(&large, &some, 4, &workspace), 1);
    assert_int_equal(rf__encoder_members(&large, &some, 4, &workspace), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_piece_once),
        cmocka_unit_test(test_helpers_that_are_late),
        cmocka_unit_test(test_held_up),
        cmocka_unit_test(test_members),
    };

    return cmocka_run_group_tests_name("engine: team", tests, NULL, NULL);
}
