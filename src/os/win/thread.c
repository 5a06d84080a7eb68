/* thread: threads, mutexes and conditions by Windows; see os/os.h. */
#include "base/mem.h"
#include "os/os.h"
#include "os/win/wide.h"

#include <process.h>

#define STACK_BYTES (2u << 20)

struct os_thread {
    HANDLE handle;
    void (*fn)(void *arg);
    void *arg;
};

struct os_mutex {
    SRWLOCK lock;
};

struct os_condition {
    CONDITION_VARIABLE condition;
};

static unsigned __stdcall run(void *arg)
{
    struct os_thread *thread = arg;

    thread->fn(thread->arg);
    return 0;
}

rf_status rf__os_thread_start(void (*fn)(void *arg), void *arg, struct os_thread **out, rf_error *err)
{
    struct os_thread *thread = rf__alloc(sizeof *thread);

    if (thread == NULL)
        return rf__fail_memory(err);
    *thread = (struct os_thread){.fn = fn, .arg = arg};
    thread->handle = (HANDLE)_beginthreadex(NULL, STACK_BYTES, run, thread, 0, NULL);
    if (thread->handle == NULL) {
        rf__free(thread);
        return rf__fail(err, RF_NO_MEMORY, "a thread cannot be started: use fewer threads, or close some programs");
    }
    *out = thread;
    return RF_OK;
}

void rf__os_thread_join(struct os_thread *thread)
{
    if (thread == NULL)
        return;
    WaitForSingleObject(thread->handle, INFINITE);
    CloseHandle(thread->handle);
    rf__free(thread);
}

int rf__os_cpu_now(void)
{
    return -1;
}

void rf__os_thread_keep_off(struct os_thread *thread, int cpu)
{
    (void)thread;
    (void)cpu;
}

struct os_mutex *rf__os_mutex_new(void)
{
    struct os_mutex *mutex = rf__alloc(sizeof *mutex);

    if (mutex != NULL)
        InitializeSRWLock(&mutex->lock);
    return mutex;
}

void rf__os_mutex_free(struct os_mutex *mutex)
{
    rf__free(mutex);
}

void rf__os_mutex_lock(struct os_mutex *mutex)
{
    AcquireSRWLockExclusive(&mutex->lock);
}

void rf__os_mutex_unlock(struct os_mutex *mutex)
{
    ReleaseSRWLockExclusive(&mutex->lock);
}

struct os_condition *rf__os_condition_new(void)
{
    struct os_condition *condition = rf__alloc(sizeof *condition);

    if (condition != NULL)
        InitializeConditionVariable(&condition->condition);
    return condition;
}

void rf__os_condition_free(struct os_condition *condition)
{
    rf__free(condition);
}

void rf__os_condition_wait(struct os_condition *condition, struct os_mutex *mutex)
{
    SleepConditionVariableSRW(&condition->condition, &mutex->lock, INFINITE, 0);
}

void rf__os_condition_wake_all(struct os_condition *condition)
{
    WakeAllConditionVariable(&condition->condition);
}
