/*
 * ongoing - what was told of each event that goes on, so that the next line tells only the rest.
 *
 * A long event sends several observations under one link: the first is tagged opened, later ones
 * updated, the last one closed; packets and bytes are what came since the line before, so that
 * rows may be summed.
 *
 * Ownership: the caller's storage; hin_ongoing_fini() ends it. Items are plain data, saved as they
 *            lie; hin_ongoing_index() makes the index after they were loaded.
 * Threads:   one thread at a time.
 */
#pragma once
#include "base/table.h"

#define HIN_ONGOING_LIMIT 1000000u /* events; those above are told whole, when they are over */

struct hin_ongoing_item {
	uint64_t link;
	uint64_t packets, bytes; /* told so far */
	int64_t last_us;	 /* until when */
	bool closed;		 /* its end was told, before the tables forgot it */
};

struct hin_ongoing {
	struct hin_ongoing_item *items;
	size_t count, size;
	struct hin_index index; /* positions in `items` by link */
};

/* What a line is to tell. */
struct hin_part {
	bool opened, closed;	 /* the first, the last line; updated when neither */
	int64_t since_us;	 /* where the line before ended, or the event's start */
	uint64_t packets, bytes; /* since then */
};

HIN_MUST_USE enum hin_code hin_ongoing_init(struct hin_ongoing *ongoing, struct hin_error *err);
void hin_ongoing_fini(struct hin_ongoing *ongoing);

/*
 * The event of `link` had `packets` and `bytes` in all, from `first_us` to `last_us`, and is over
 * when `closed`. Sets `*part` to what is new and notes it as told; false when there is nothing to
 * tell. With `forget` the event is gone from the tables: its note goes too.
 */
bool hin_ongoing_tell(struct hin_ongoing *ongoing, struct hin_part *part,
		      const struct hin_ongoing_item *event, int64_t first_us, bool forget);

/* Forget what ended before `idle_us` without a word, as what a full table let go. */
void hin_ongoing_expire(struct hin_ongoing *ongoing, int64_t idle_us);

/* Make the index for the items that are there. */
HIN_MUST_USE enum hin_code hin_ongoing_index(struct hin_ongoing *ongoing, struct hin_error *err);
