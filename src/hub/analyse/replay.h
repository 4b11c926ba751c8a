/*
 * replay - today's rules over stored observations, on a desk in memory: what would have been known
 * when, and what each rule costs. Nothing that is kept is changed.
 *
 * Ownership: the caller owns a replay and ends it with hin_replay_close(); owners are borrowed.
 * Threads:   one at a time for each.
 */
#pragma once
#include "hub/analyse/analyse.h"

struct hin_replay {
	struct hin_desk *desk; /* findings and cases, of its own */
	struct hin_analyse *analyse;
	struct hin_store_effort effort;
	int64_t wall_ns;
	int64_t committed_us; /* of the stream */
};

/*
 * Make one. `owners` may be NULL: nobody is known. What a `bounded` one finds takes 64 MB at most:
 * a run that finds more ends with HIN_ELIMIT.
 */
HIN_MUST_USE enum hin_code hin_replay_open(struct hin_replay *out,
					   const struct hin_analyse_settings *settings,
					   struct hin_owners_box *owners, bool bounded,
					   struct hin_error *err);

void hin_replay_close(struct hin_replay *replay); /* NULL is fine */

/*
 * Run over the store in the folder `store`: `range` says the time and who is told how far it is;
 * when that one ends the work, what was found until then is the result.
 */
HIN_MUST_USE enum hin_code hin_replay_run(struct hin_replay *replay, const char *store,
					  const struct hin_store_range *range,
					  struct hin_error *err);

/*
 * Switch all rules off that are not in `list`, names with commas. HIN_EUSAGE when one is none.
 */
HIN_MUST_USE enum hin_code hin_replay_choose(struct hin_analyse_settings *settings,
					     const char *list, struct hin_error *err);

/* Append all of it as one line of JSON, with at most `limit` findings, as they were known. */
HIN_MUST_USE enum hin_code hin_replay_json(struct hin_replay *replay, uint64_t limit,
					   struct hin_buffer *out, struct hin_error *err);
