/* thread: threads, mutexes and conditions by POSIX; see os/os.h. */
#define _GNU_SOURCE /* sched_getcpu, pthread_setaffinity_np */
#include "base/mem.h"
#include "os/os.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#ifdef __linux__
#include <sched.h>
#endif
#include <string.h>

#define STACK_BYTES ((size_t)2 << 20) /* systems give between 128 KiB and 8 MiB by themselves */

struct os_thread {
    pthread_t id;
    void (*fn)(void *arg);
    void *arg;
};

struct os_mutex {
    pthread_mutex_t mutex;
};

struct os_condition {
    pthread_cond_t condition;
};

static void *run(void *arg)
{
    struct os_thread *thread = arg;

    thread->fn(thread->arg);
    return NULL;
}

rf_status rf__os_thread_start(void (*fn)(void *arg), void *arg, struct os_thread **out, rf_error *err)
{
    struct os_thread *thread = rf__alloc(sizeof *thread);
    pthread_attr_t attributes;
    int code;

    if (thread == NULL)
        return rf__fail_memory(err);
    *thread = (struct os_thread){.fn = fn, .arg = arg};
    code = pthread_attr_init(&attributes);
    if (code == 0) {
        (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
        code = pthread_create(&thread->id, &attributes, run, thread);
        pthread_attr_destroy(&attributes);
    }
    if (code != 0) {
        rf__free(thread);
        return rf__fail(err, RF_NO_MEMORY,
                        "a thread cannot be started (error %d): use fewer threads, or raise the "
                        "limit of processes ('ulimit -u')",
                        code);
    }
    *out = thread;
    return RF_OK;
}

void rf__os_thread_join(struct os_thread *thread)
{
    if (thread == NULL)
        return;
    pthread_join(thread->id, NULL);
    rf__free(thread);
}

#ifdef __linux__
int rf__os_cpu_now(void)
{
    return sched_getcpu();
}

void rf__os_thread_keep_off(struct os_thread *thread, int cpu)
{
    cpu_set_t allowed;

    if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    CPU_CLR((size_t)cpu, &allowed);
    if (CPU_COUNT(&allowed) > 0)
        (void)pthread_setaffinity_np(thread->id, sizeof allowed, &allowed);
}
#else
int rf__os_cpu_now(void)
{
    return -1;
}

void rf__os_thread_keep_off(struct os_thread *thread, int cpu)
{
    (void)thread;
    (void)cpu;
}
#endif

struct os_mutex *rf__os_mutex_new(void)
{
    struct os_mutex *mutex = rf__alloc(sizeof *mutex);

    if (mutex == NULL)
        return NULL;
    if (pthread_mutex_init(&mutex->mutex, NULL) != 0) {
        rf__free(mutex);
        return NULL;
    }
    return mutex;
}

void rf__os_mutex_free(struct os_mutex *mutex)
{
    if (mutex == NULL)
        return;
    pthread_mutex_destroy(&mutex->mutex);
    rf__free(mutex);
}

/* Neither fails on a mutex that is used as it should be. */
void rf__os_mutex_lock(struct os_mutex *mutex)
{
    int code = pthread_mutex_lock(&mutex->mutex);

    assert(code == 0);
    (void)code;
}

void rf__os_mutex_unlock(struct os_mutex *mutex)
{
    int code = pthread_mutex_unlock(&mutex->mutex);

    assert(code == 0);
    (void)code;
}

struct os_condition *rf__os_condition_new(void)
{
    struct os_condition *condition = rf__alloc(sizeof *condition);

    if (condition == NULL)
        return NULL;
    if (pthread_cond_init(&condition->condition, NULL) != 0) {
        rf__free(condition);
        return NULL;
    }
    return condition;
}

void rf__os_condition_free(struct os_condition *condition)
{
    if (condition == NULL)
        return;
    pthread_cond_destroy(&condition->condition);
    rf__free(condition);
}

void rf__os_condition_wait(struct os_condition *condition, struct os_mutex *mutex)
{
    int code = pthread_cond_wait(&condition->condition, &mutex->mutex);

    assert(code == 0);
    (void)code;
}

void rf__os_condition_wake_all(struct os_condition *condition)
{
    int code = pthread_cond_broadcast(&condition->condition);

    assert(code == 0);
    (void)code;
}
