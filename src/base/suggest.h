/*
 * suggest - the nearest of the names that exist, for "did you mean".
 *
 * Threads: pure functions.
 */
#pragma once
#include "base/error.h"

#define HIN_SUGGEST_LENGTH 64 /* longer names are never near */

/* The search for a name near `wanted`: { .wanted = text }, then offers, then `best`. */
struct hin_suggest {
	const char *wanted;
	const char *best; /* the nearest so far, borrowed; NULL when none is near */
	size_t distance;
};

/*
 * Offer `name`, which must stay. It is near when about a third of its letters or fewer differ, a
 * letter missing, added, changed or swapped with its neighbour each counting one.
 */
void hin_suggest_offer(struct hin_suggest *s, const char *name);

/* Fill `err` with `unknown WHAT "wanted"` and, if there is one, `; did you mean "BEFOREbest"?`. */
enum hin_code hin_suggest_fail(const struct hin_suggest *s, enum hin_code code, const char *what,
			       const char *before, struct hin_error *err);
