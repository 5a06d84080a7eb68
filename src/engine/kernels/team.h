/*
 * team: a few threads that do the pieces of one piece of work after another, for one text that should be ready soon.
 * Whoever leads goes through the work; helpers take pieces of whatever is going on. A helper that comes late or never
 * does no harm: nobody waits for one that has not taken a piece. While the team is on, a helper spins between two
 * pieces of work, for microseconds, since waking it would cost more; else it sleeps. Threads that the machine has no
 * processor for make each other wait for milliseconds: a team whose leader had to is let off for a while.
 */
#ifndef RF_ENGINE_KERNELS_TEAM_H
#define RF_ENGINE_KERNELS_TEAM_H

#include <stdbool.h>
#include <stddef.h>

#define TEAM_MAX 16

typedef void (*team_fn)(void *arg, size_t piece, size_t member); /* member: 0 is the leader */

struct team; /* one leader at a time; of the process that made it */

/* A leader with up to size - 1 helpers, fewer where threads cannot be started, that sleep. NULL for a size of 1,
 * without helpers or without memory: then whoever calls is alone, which all of these take. */
struct team *rf__team_new(size_t size);
void rf__team_free(struct team *team); /* in a child of fork(), where there are no helpers, it leaves all as it is */

bool rf__team_is_ours(const struct team *team); /* not of the process that forked this one */

size_t rf__team_size(const struct team *team); /* the leader counted */

/* Wakes the helpers, before a run. False where the next runs should do without the team, since the leader waited for a
 * helper much longer than its own share took: sixteen runs the first time, then twice as many each time. */
bool rf__team_start(struct team *team);
void rf__team_end(struct team *team); /* after the run */

/* Calls fn(arg, piece, member) for every piece, and returns when all are done. At most one call at a time per member.
 */
void rf__team_do(struct team *team, size_t n_pieces, team_fn fn, void *arg);

#endif
