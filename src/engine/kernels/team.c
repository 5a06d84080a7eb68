/*
 * team: see team.h. `turn` holds the number of the work and of its next piece, so that a piece is taken by one
 * compare-and-swap, which fails for a helper that still has an older work in mind. fn and arg are written before the
 * number changes and read after a piece was taken: while a taken piece is not done, the leader does not go on.
 */
#include "engine/kernels/team.h"

#include "base/mem.h"
#include "os/os.h"

#include <stdatomic.h>
#include <stdint.h>

#define PIECE_BITS  20 /* of turn */
#define PIECE_MASK  (((uint64_t)1 << PIECE_BITS) - 1)
#define SPINS       2000   /* before a helper lets others have the processor */
#define HELD_UP_NS  200000 /* that a leader waits longer than its own share took */
#define LEAST_RESTS 16 /* runs without a team that was held up; doubled each time, and one less after each good run */
#define MOST_RESTS  1024

struct helper {
    struct team *team;
    struct os_thread *thread;
    size_t member;
};

struct team {
    _Atomic uint64_t turn; /* number of the work << PIECE_BITS | pieces not yet taken */
    atomic_size_t n_done;  /* pieces of the work */
    team_fn fn;
    void *arg;
    bool was_held_up; /* in this run; the leader's, as the next three */
    unsigned n_rests, rest;
    int leader_cpu;   /* which the helpers keep off */
    uint64_t process; /* which has the helpers */
    struct os_mutex *mutex;
    struct os_condition *woken;
    atomic_bool is_on, is_over; /* written under the mutex */
    size_t n_helpers;
    struct helper helpers[TEAM_MAX];
};

/* Takes a piece of the work that goes on; false when there is none. */
static bool take(struct team *team, size_t *piece)
{
    uint64_t turn = atomic_load_explicit(&team->turn, memory_order_acquire);

    while ((turn & PIECE_MASK) > 0) {
        if (atomic_compare_exchange_weak_explicit(&team->turn, &turn, turn - 1, memory_order_acq_rel,
                                                  memory_order_acquire)) {
            *piece = (size_t)(turn & PIECE_MASK) - 1;
            return true;
        }
    }
    return false;
}

static void relax(void)
{
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
    __builtin_ia32_pause();
#endif
}

/* Until the team is on again; false when it is over. */
static bool sleep_until_on(struct team *team)
{
    bool is_over;

    rf__os_mutex_lock(team->mutex);
    while (!team->is_on && !team->is_over)
        rf__os_condition_wait(team->woken, team->mutex);
    is_over = team->is_over;
    rf__os_mutex_unlock(team->mutex);
    return !is_over;
}

static void help(void *arg)
{
    const struct helper *helper = arg;
    struct team *team = helper->team;
    size_t piece;

    while (sleep_until_on(team)) {
        for (unsigned idle = 0; atomic_load_explicit(&team->is_on, memory_order_acquire);) {
            if (take(team, &piece)) {
                team->fn(team->arg, piece, helper->member);
                atomic_fetch_add_explicit(&team->n_done, 1, memory_order_acq_rel);
                idle = 0;
            } else if (++idle < SPINS) {
                relax();
            } else {
                rf__os_sleep_ms(0);
            }
        }
    }
}

static void set(struct team *team, atomic_bool *flag, bool value)
{
    rf__os_mutex_lock(team->mutex);
    *flag = value;
    rf__os_mutex_unlock(team->mutex);
}

struct team *rf__team_new(size_t size)
{
    struct team *team = size < 2 ? NULL : rf__calloc(1, sizeof *team);

    if (team == NULL)
        return NULL;
    team->leader_cpu = -1;
    team->process = rf__os_process_id();
    team->mutex = rf__os_mutex_new();
    team->woken = rf__os_condition_new();
    for (size_t i = 0; team->mutex != NULL && team->woken != NULL && i + 1 < size && i + 1 < TEAM_MAX; i++) {
        struct helper *helper = &team->helpers[i];
        *helper = (struct helper){team, NULL, i + 1};
        if (rf__os_thread_start(help, helper, &helper->thread, NULL) != RF_OK)
            break;
        team->n_helpers++;
    }
    if (team->n_helpers == 0) {
        rf__team_free(team);
        return NULL;
    }
    return team;
}

void rf__team_free(struct team *team)
{
    if (!rf__team_is_ours(team))
        return;
    if (team->n_helpers > 0) {
        set(team, &team->is_over, true);
        rf__os_condition_wake_all(team->woken);
    }
    for (size_t i = 0; i < team->n_helpers; i++)
        rf__os_thread_join(team->helpers[i].thread);
    rf__os_condition_free(team->woken);
    rf__os_mutex_free(team->mutex);
    rf__free(team);
}

bool rf__team_is_ours(const struct team *team)
{
    return team != NULL && team->process == rf__os_process_id();
}

size_t rf__team_size(const struct team *team)
{
    return team == NULL ? 1 : team->n_helpers + 1;
}

bool rf__team_start(struct team *team)
{
    int cpu;

    if (team == NULL)
        return false;
    if (team->n_rests > 0) {
        team->n_rests--;
        return false;
    }
    cpu = rf__os_cpu_now();
    team->was_held_up = false;
    if (cpu != team->leader_cpu) {
        for (size_t i = 0; i < team->n_helpers; i++)
            rf__os_thread_keep_off(team->helpers[i].thread, cpu);
        team->leader_cpu = cpu;
    }
    set(team, &team->is_on, true);
    rf__os_condition_wake_all(team->woken);
    return true;
}

void rf__team_end(struct team *team)
{
    if (team == NULL)
        return;
    set(team, &team->is_on, false);
    if (team->was_held_up) {
        team->rest = team->rest < LEAST_RESTS ? LEAST_RESTS : team->rest * 2;
        team->rest = team->rest < MOST_RESTS ? team->rest : MOST_RESTS;
        team->n_rests = team->rest;
    } else if (team->rest > 0) {
        team->rest--;
    }
}

/* Until all pieces are done. Helpers have fewer of them than the leader, which took as long for its own as it says. */
static void await_helpers(struct team *team, size_t n_pieces, uint64_t own_ns)
{
    const uint64_t begin = rf__os_now_ns();

    while (atomic_load_explicit(&team->n_done, memory_order_acquire) < n_pieces) {
        if (!team->was_held_up && rf__os_now_ns() - begin > own_ns + HELD_UP_NS)
            team->was_held_up = true;
        if (team->was_held_up)
            rf__os_sleep_ms(0);
        else
            relax();
    }
}

void rf__team_do(struct team *team, size_t n_pieces, team_fn fn, void *arg)
{
    uint64_t number, begin;
    size_t piece;

    if (team == NULL || n_pieces < 2 || n_pieces > PIECE_MASK) {
        for (size_t i = 0; i < n_pieces; i++)
            fn(arg, i, 0);
        return;
    }
    begin = rf__os_now_ns();
    team->fn = fn;
    team->arg = arg;
    atomic_store_explicit(&team->n_done, 0, memory_order_relaxed);
    number = (atomic_load_explicit(&team->turn, memory_order_relaxed) >> PIECE_BITS) + 1;
    atomic_store_explicit(&team->turn, number << PIECE_BITS | n_pieces, memory_order_release);
    while (take(team, &piece)) {
        fn(arg, piece, 0);
        atomic_fetch_add_explicit(&team->n_done, 1, memory_order_acq_rel);
    }
    await_helpers(team, n_pieces, rf__os_now_ns() - begin);
}
