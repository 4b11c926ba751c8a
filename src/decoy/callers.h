/*
 * callers - how many connections each source has, and had today: for the caps of a gate.
 *
 * Of IPv6 a source is a /64. Those without a connection are forgotten, the one that came longest
 * ago first, when there are more than HIN_CALLERS_MOST.
 *
 * Threads: one thread at a time for each.
 */
#pragma once
#include "base/addr.h"

#define HIN_CALLERS_MOST 65536u

struct hin_caller {
	struct hin_addr address;
	uint32_t open, today;
	uint32_t day;	    /* that `today` counts, since 1970 */
	uint32_t next;	    /* of its bucket, less one; 0: none */
	uint32_t worker_of; /* its hash */
};

struct hin_callers;

/* NULL without memory. `seed` keeps strangers from aiming at one place of the table. */
HIN_MUST_USE struct hin_callers *hin_callers_new(uint64_t seed);
void hin_callers_free(struct hin_callers *sources); /* NULL is fine */

/* The same for one source always, as long as the table lives. */
uint32_t hin_callers_hash(const struct hin_callers *sources, const struct hin_addr *client);

/* A connection came: it is counted for the day, not as open yet. NULL when there is no room. */
struct hin_caller *hin_callers_see(struct hin_callers *sources, const struct hin_addr *client,
				   int64_t now_us);

/* One of its connections has gone. False when none was open. */
bool hin_callers_gone(struct hin_callers *sources, const struct hin_addr *client);

/* None of those whose hash leads to worker `index` of `workers` is open any more: how many were. */
uint64_t hin_callers_forget_worker(struct hin_callers *sources, uint64_t index, uint64_t workers);
