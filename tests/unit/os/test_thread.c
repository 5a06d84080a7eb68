/* thread: threads run and are joined; a mutex keeps them apart, a condition wakes them. */
#include "golden.h"

#include "base/mem.h"
#include "os/os.h"

#define N_THREADS 4
#define N_ROUNDS  20000

struct shared {
    struct os_mutex *mutex;
    int value;
};

static void add(void *arg)
{
    struct shared *shared = arg;

    for (int i = 0; i < N_ROUNDS; i++) {
        rf__os_mutex_lock(shared->mutex);
        shared->value++;
        rf__os_mutex_unlock(shared->mutex);
    }
}

static void thread_mutex_excludes(void **state)
{
    struct shared shared = {rf__os_mutex_new(), 0};
    struct os_thread *threads[N_THREADS];
    (void)state;

    assert_non_null(shared.mutex);
    for (size_t i = 0; i < N_THREADS; i++)
        assert_ok(rf__os_thread_start(add, &shared, &threads[i], err));
    for (size_t i = 0; i < N_THREADS; i++)
        rf__os_thread_join(threads[i]);
    assert_int_equal(shared.value, N_THREADS * N_ROUNDS);
    rf__os_mutex_free(shared.mutex);
    rf__os_mutex_free(NULL);
    rf__os_thread_join(NULL);
}

struct rally {
    struct os_mutex *mutex;
    struct os_condition *turned;
    int turn;
};

/* Waits for its turn and gives it on. */
static void play(void *arg)
{
    struct rally *rally = arg;

    for (int i = 0; i < 1000; i++) {
        rf__os_mutex_lock(rally->mutex);
        while (rally->turn % 2 == 0)
            rf__os_condition_wait(rally->turned, rally->mutex);
        rally->turn++;
        rf__os_mutex_unlock(rally->mutex);
        rf__os_condition_wake_all(rally->turned);
    }
}

static void thread_condition_wakes(void **state)
{
    struct rally rally = {rf__os_mutex_new(), rf__os_condition_new(), 0};
    struct os_thread *thread;
    (void)state;

    assert_non_null(rally.turned);
    assert_ok(rf__os_thread_start(play, &rally, &thread, err));
    for (int i = 0; i < 1000; i++) {
        rf__os_mutex_lock(rally.mutex);
        while (rally.turn % 2 == 1)
            rf__os_condition_wait(rally.turned, rally.mutex);
        rally.turn++;
        rf__os_mutex_unlock(rally.mutex);
        rf__os_condition_wake_all(rally.turned);
    }
    rf__os_thread_join(thread);
    assert_int_equal(rally.turn, 2000);
    rf__os_condition_free(rally.turned);
    rf__os_condition_free(NULL);
    rf__os_mutex_free(rally.mutex);
}

struct place {
    struct os_mutex *mutex; /* held until the thread may look */
    int cpu;
};

static void look_where(void *arg)
{
    struct place *place = arg;

    rf__os_mutex_lock(place->mutex);
    rf__os_mutex_unlock(place->mutex);
    place->cpu = rf__os_cpu_now();
}

static void thread_keeps_off_a_processor(void **state)
{
    struct place place = {rf__os_mutex_new(), -1};
    const int cpu = rf__os_cpu_now();
    struct os_thread *thread;
    (void)state;

    rf__os_mutex_lock(place.mutex);
    assert_ok(rf__os_thread_start(look_where, &place, &thread, err));
    rf__os_thread_keep_off(thread, -1);
    rf__os_thread_keep_off(thread, cpu);
    rf__os_mutex_unlock(place.mutex);
    rf__os_thread_join(thread);
#ifdef __linux__
    assert_in_range(cpu, 0, 1 << 20);
    if (rf__os_cpu_count() > 1)
        assert_int_not_equal(place.cpu, cpu);
#endif
    rf__os_mutex_free(place.mutex);
}

static void use_stack(void *arg)
{
    volatile char big[1 << 20];

    for (size_t i = 0; i < sizeof big; i += 4096)
        big[i] = 1;
    *(int *)arg = big[4096];
}

static void thread_has_a_stack_to_work_with(void **state)
{
    struct os_thread *thread;
    int done = 0;
    (void)state;

    assert_ok(rf__os_thread_start(use_stack, &done, &thread, err));
    rf__os_thread_join(thread);
    assert_int_equal(done, 1);
}

static void thread_out_of_memory(void **state)
{
    struct os_thread *thread = NULL;
    (void)state;

    rf__alloc_fail_at(1);
    assert_int_equal(rf__os_thread_start(add, NULL, &thread, NULL), RF_NO_MEMORY);
    assert_null(rf__os_mutex_new());
    assert_null(rf__os_condition_new());
    rf__alloc_fail_at(0);
    assert_null(thread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thread_mutex_excludes),        cmocka_unit_test(thread_condition_wakes),
        cmocka_unit_test(thread_keeps_off_a_processor), cmocka_unit_test(thread_has_a_stack_to_work_with),
        cmocka_unit_test(thread_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
