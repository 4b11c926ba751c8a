/*
 * rate - how often something may happen for each key: a bounded table of who was here lately.
 *
 * The generic cell rate algorithm: a key may come `burst` times at once, then once in `interval`.
 * What is kept of a key is one moment. When a set of the table is full, the key that owes least
 * makes way; so a flood of keys costs strangers' memory of each other, never more room.
 *
 * Ownership: the caller owns a table and ends it with hin_rate_free().
 * Threads:   any.
 */
#pragma once
#include "base/error.h"

struct hin_rate;

/* A table of `entries` keys, rounded up; NULL without memory or randomness. */
HIN_MUST_USE struct hin_rate *hin_rate_new(size_t entries);
void hin_rate_free(struct hin_rate *rate); /* NULL is fine */

/* A rule; `number` keeps the keys of rules apart. */
struct hin_rate_rule {
	uint8_t number;
	unsigned burst;	     /* at least 1 */
	int64_t interval_us; /* at least 1 */
};

/*
 * May `key` of `size` bytes come once more at `now_us` (a clock that does not step back)? When not,
 * `*wait_us` (or NULL) is how long it takes until it may.
 */
bool hin_rate_take(struct hin_rate *rate, const struct hin_rate_rule *rule, const void *key,
		   size_t size, int64_t now_us, int64_t *wait_us);

/* Give back what was taken last: it was no abuse. */
void hin_rate_give(struct hin_rate *rate, const struct hin_rate_rule *rule, const void *key,
		   size_t size);
