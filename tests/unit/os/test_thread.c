/* thread: threads run and are joined; a mutex keeps them apart. */
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
    rf__alloc_fail_at(0);
    assert_null(thread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thread_mutex_excludes),
        cmocka_unit_test(thread_has_a_stack_to_work_with),
        cmocka_unit_test(thread_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
