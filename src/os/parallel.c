/* parallel: the same function on several threads at once; see os.h. */
#include "os/os.h"

#define MAX_WORKERS 256

struct start {
    void (*fn)(void *arg, size_t worker);
    void *arg;
    size_t worker;
};

static void run(void *start)
{
    struct start *s = start;

    s->fn(s->arg, s->worker);
}

void rf__os_parallel(size_t n, void (*fn)(void *arg, size_t worker), void *arg)
{
    struct os_thread *threads[MAX_WORKERS];
    struct start starts[MAX_WORKERS];
    size_t n_started = 1;

    for (; n_started < n && n_started < MAX_WORKERS; n_started++) {
        starts[n_started] = (struct start){fn, arg, n_started};
        if (rf__os_thread_start(run, &starts[n_started], &threads[n_started], NULL) != RF_OK)
            break;
    }
    fn(arg, 0);
    for (size_t i = 1; i < n_started; i++)
        rf__os_thread_join(threads[i]);
}
