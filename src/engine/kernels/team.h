/*
 * team: a few threads that do the pieces of one piece of work after another, for one text that should be ready soon.
 * Whoever leads goes through the work; helpers take pieces of whatever is going on. A helper that comes late or never
 * does no harm: nobody waits for one that has not taken a piece, at the end neither. Between two pieces of work a
 * helper spins, for microseconds, since waking it would cost more; it ends with the team.
 */
#ifndef RF_ENGINE_KERNELS_TEAM_H
#define RF_ENGINE_KERNELS_TEAM_H

#include <stdbool.h>
#include <stddef.h>

#define TEAM_MAX 16

typedef void (*team_fn)(void *arg, size_t piece, size_t member); /* member: 0 is the leader */

struct team;

/* A leader with up to size - 1 helpers, fewer where threads cannot be started. NULL for a size of 1 or without memory:
 * then the caller is alone, which all of these take. */
struct team *rf__team_start(size_t size);

/* Sends the helpers home. True when all have gone, and the team is freed; else it is to be called again some time
 * later, as helpers that the processor has not come to yet still need the team. */
bool rf__team_end(struct team *team);

/* The same, and waits for them. In a child of fork(), where there are none, it leaves the team's memory alone. */
void rf__team_wait(struct team *team);

/* Whether the leader waited for a helper much longer than its own share took: the processor had something else to do.
 */
bool rf__team_was_held_up(const struct team *team);

/* Calls fn(arg, piece, member) for every piece, and returns when all are done. At most one call at a time per member.
 */
void rf__team_do(struct team *team, size_t n_pieces, team_fn fn, void *arg);

#endif
