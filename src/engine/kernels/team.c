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

#define PIECE_BITS 20 /* of turn */
#define PIECE_MASK (((uint64_t)1 << PIECE_BITS) - 1)
#define SPINS      2000 /* before a helper lets others have the processor */
#define PATIENCE   200  /* likewise, before the leader leaves a helper behind */
#define HELD_UP_NS 200000

struct helper {
    struct team *team;
    struct os_thread *thread;
    size_t member;
    atomic_bool has_ended; /* the last that it writes */
};

struct team {
    _Atomic uint64_t turn; /* number of the work << PIECE_BITS | pieces not yet taken */
    atomic_size_t n_done;  /* pieces of the work */
    atomic_bool is_over;
    team_fn fn;
    void *arg;
    size_t n_helpers;
    bool was_held_up; /* the leader's */
    uint64_t process; /* which started the helpers */
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

static void help(void *arg)
{
    struct helper *helper = arg;
    struct team *team = helper->team;
    size_t piece;

    for (unsigned idle = 0; !atomic_load_explicit(&team->is_over, memory_order_acquire);) {
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
    atomic_store_explicit(&helper->has_ended, true, memory_order_release);
}

struct team *rf__team_start(size_t size)
{
    struct team *team = size < 2 ? NULL : rf__calloc(1, sizeof *team);

    if (team == NULL)
        return NULL;
    team->process = rf__os_process_id();
    for (size_t i = 0; i + 1 < size && i < TEAM_MAX - 1; i++) {
        struct helper *helper = &team->helpers[i];
        *helper = (struct helper){.team = team, .member = i + 1};
        if (rf__os_thread_start(help, helper, &helper->thread, NULL) != RF_OK)
            break;
        team->n_helpers++;
    }
    return team;
}

void rf__team_wait(struct team *team)
{
    if (team == NULL || team->process != rf__os_process_id())
        return;
    atomic_store_explicit(&team->is_over, true, memory_order_release);
    for (size_t i = 0; i < team->n_helpers; i++)
        rf__os_thread_join(team->helpers[i].thread);
    rf__free(team);
}

bool rf__team_end(struct team *team)
{
    unsigned idle = 0;

    if (team == NULL)
        return true;
    atomic_store_explicit(&team->is_over, true, memory_order_release);
    for (size_t i = 0; i < team->n_helpers; i++) {
        while (!atomic_load_explicit(&team->helpers[i].has_ended, memory_order_acquire)) {
            if (++idle > PATIENCE)
                return false;
            relax();
        }
    }
    rf__team_wait(team);
    return true;
}

bool rf__team_was_held_up(const struct team *team)
{
    return team != NULL && team->was_held_up;
}

/* Until all pieces are done. Helpers have fewer of them than the leader, which took as long for its own as it says. */
static void await_helpers(struct team *team, size_t n_pieces, uint64_t own_ns)
{
    const uint64_t begin = rf__os_now_ns();

    for (unsigned idle = 0; atomic_load_explicit(&team->n_done, memory_order_acquire) < n_pieces;) {
        if (++idle < SPINS) {
            relax();
        } else {
            rf__os_sleep_ms(0);
            if (rf__os_now_ns() - begin > own_ns + HELD_UP_NS)
                team->was_held_up = true;
        }
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
