/*
 * change - which ports rise against their own past.
 *
 * Two ways. ChangeFinder (Takeuchi and Yamanishi, IEEE TKDE 2006; NICT's parameters) scores one
 * series twice through a discounting AR model; it is kept as the reference. For ports, most of
 * which are quiet most of the time, `hin_rise` keeps a discounted mean and variance of each port's
 * counts and scores a new interval in standard deviations, never trusting a variance below that of
 * chance (Poisson), and learning a risen value only in part, so that a long rise is told once and a
 * short one does not make the next invisible.
 *
 * Threads: one thread at a time for each object.
 */
#pragma once
#include "telescope/picture.h"
#include "telescope/settings.h"

#define HIN_SDAR_ORDER 2 /* NICT: AR order 2 */

struct hin_sdar {
	double mu, c[HIN_SDAR_ORDER + 1], variance;
	double past[HIN_SDAR_ORDER];
	uint64_t seen;
};

struct hin_changefinder {
	double forget; /* r, 0.005 */
	struct hin_sdar first, second;
	double window1[10], window2[5]; /* smoothing 10, then 5 */
	uint64_t seen;
};

void hin_changefinder_init(struct hin_changefinder *finder);

/* The score of the next value; NICT alerts over 3 and ignores the first 15. */
double hin_changefinder_next(struct hin_changefinder *finder, double value);

#define HIN_RISE_QUIET 1440 /* quiet intervals that are still learnt one by one */

/* A discounted mean and variance of one port's counts. */
struct hin_rise {
	float mean, variance;
	uint32_t seen;	/* intervals learnt */
	uint32_t quiet; /* intervals with nothing that are not learnt yet */
};

/*
 * Score `count` of the next interval against the past, then learn it. Returns 0 while the past is
 * shorter than `history` intervals. `expected` gets what the past led to expect.
 */
double hin_rise_next(struct hin_rise *rise, uint64_t count, uint64_t history, double *expected);

#define HIN_CHANGE_PORTS 131072u /* TCP, then UDP */
#define HIN_CHANGE_RESULTS 4096

struct hin_change_scale {
	bool hourly;
	int64_t step_us;
	struct hin_rise *ports; /* HIN_CHANGE_PORTS */
	uint64_t *counts;	/* of the running interval */
	uint64_t intervals;	/* complete ones so far */
	int64_t start_us;	/* of the running one; INT64_MIN before the first */
};

/* The strongest rise of each port and scale. */
struct hin_rise_results {
	struct hin_rising list[HIN_CHANGE_RESULTS];
	size_t count;
	uint64_t lost;
};

struct hin_change {
	const struct hin_telescope_settings *settings;
	struct hin_change_scale scales[2]; /* by the minute, by the hour */
	struct hin_rise_results results;
};

HIN_MUST_USE enum hin_code hin_change_init(struct hin_change *change,
					   const struct hin_telescope_settings *settings,
					   struct hin_error *err);
void hin_change_fini(struct hin_change *change);

/* Add the counts of the minute that begins at `minute_us` ([HIN_CHANGE_PORTS] packets by port). */
void hin_change_minute(struct hin_change *change, int64_t minute_us, const uint64_t *counts);

/* All results so far, the running intervals included as far as they go; changes nothing. */
void hin_change_results(const struct hin_change *change, struct hin_rise_results *out);
