/*
 * keep - what the desk keeps how long, so that years do not fill it.
 *
 *	findings in no case	analyse.keep (90 d) after they were seen last	(hub/analyse)
 *	open cases		until somebody closes them, or analyse.stale (180 d) after anything
 *				of them was seen or done: then they close by themselves, as an act
 *	suppressed cases	until the suppression is lifted
 *	findings of closed	analyse.keep-closed (400 d) after the case closed and they were seen
 *	cases, by what they	last: they are put together then, a row a kind (case_summary), and
 *	join, alerts		a line of the history says what they were
 *	letters			as long, after they went out or were given up
 *	cases, their history,	for ever: a person works on a case, or it is one of at most
 *	notices, acts		analyse.cases in an hour; notices are one a trouble and contact
 *	sessions, links, codes	until they end; swept by the door (hub/people/session.h)
 *	leases			until they are forgotten by hand (hinomi directory lease forget)
 *	observations		keep.age and keep.bytes of the store
 *
 * Queries leave nothing in the desk: their answers live as long as the request.
 *
 * One step looks at a bounded number of rows of each, found by an index, and is a part of the
 * caller's transaction: what was put together is gone, or nothing is.
 *
 * Threads: those of the desk's handle.
 */
#pragma once
#include "hub/desk.h"

#define HIN_KEEP_CASES 100     /* closed or begun to be put together by one step */
#define HIN_KEEP_FINDINGS 2000 /* put together by one step */
#define HIN_KEEP_LETTERS 2000  /* dropped by one step */
#define HIN_KEEP_SUBJECTS 20   /* subjects that the line of the history names */

struct hin_keep {
	int64_t closed_us; /* details of a case, after it closed */
	int64_t stale_us;  /* an open case of which nothing is seen or done; 0 = for ever */
};

struct hin_kept {
	uint64_t stale;	   /* cases that closed by themselves */
	uint64_t findings; /* put together */
	uint64_t cases;	   /* of which nothing but the summary is left now */
	uint64_t letters;  /* dropped */
};

/* One step, in the open transaction; what was done is added to `done`. */
HIN_MUST_USE enum hin_code hin_keep_step(struct hin_desk *desk, const struct hin_keep *keep,
					 int64_t now_us, struct hin_kept *done,
					 struct hin_error *err);
