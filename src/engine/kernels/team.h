/*
 * team: a few threads that do the pieces of one piece of work after another, for one text that should be ready soon.
 * Whoever leads goes through the work; helpers take pieces of whatever is going on. A helper that comes late or never
 * does no harm: nobody waits for one that has not taken a piece. Between two pieces of work a helper spins, for
 * microseconds, since waking it would cost more; it ends with the team.
 */
#ifndef RF_ENGINE_KERNELS_TEAM_H
#define RF_ENGINE_KERNELS_TEAM_H

#include <stddef.h>

#define TEAM_MAX 16

typedef void (*team_fn)(void *arg, size_t piece, size_t member); /* member: 0 is the leader */

struct team;

/* A leader with up to size - 1 helpers, fewer where threads cannot be started. NULL for a size of 1 or without memory:
 * then the caller is alone, which rf__team_do() takes. */
struct team *rf__team_start(size_t size);
void rf__team_end(struct team *team); /* NULL is fine */

/* Calls fn(arg, piece, member) for every piece, and returns when all are done. At most one call at a time per member.
 */
void rf__team_do(struct team *team, size_t n_pieces, team_fn fn, void *arg);

#endif
