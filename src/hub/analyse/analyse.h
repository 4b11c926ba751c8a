/*
 * analyse - the engine: rows go in, findings and cases come out, in the desk.
 *
 * Rows of the kinds that some rule looks at are taken as they come, in memory. A commit writes what
 * changed since the last one in one transaction of the desk: findings, what became of cases, acts,
 * and which batches that was of. It comes before the sync of the store, so a batch may be analysed
 * and not stored; when it is sent again, hin_analyse_begin() says so and it is not counted twice.
 *
 * Memory is bounded: one table of subjects with a budget, from which the least valuable one goes
 * (not yet a finding before a finding, long unseen before lately seen), and 65,536 changes that
 * wait for a commit. No step looks at more than a fixed number of others. What was evicted lives on
 * in the desk: the next row about it continues its finding.
 *
 * Time is the stream's own (the end of the newest row), so that a replay says what a live run said.
 *
 * Ownership: the caller owns an engine and ends it with hin_analyse_close(); desk and owners are
 *            borrowed.
 * Threads:   one at a time; counters may be read by any.
 */
#pragma once
#include "hub/analyse/rule.h"
#include "hub/analyse/settings.h"
#include "hub/owners/owners.h"
#include "store/store.h"

#define HIN_ANALYSE_NEWS 65536u	   /* subjects whose changes wait for a commit */
#define HIN_ANALYSE_BATCHES 65536u /* analysed, and perhaps not stored */
#define HIN_ANALYSE_RULES 16
#define HIN_ANALYSE_UNLEASED_US                                                                    \
	INT64_C(86400000000) /* an address without a lease joins so long                           \
			      */

struct hin_analyse;

struct hin_analyse_rule_counters {
	_Atomic uint64_t rows, found, updates; /* looked at; new findings; writes to known ones */
	_Atomic uint64_t cpu_ns;	       /* only with `price` */
};

struct hin_analyse_counters {
	_Atomic uint64_t rows;		   /* that some rule looked at */
	_Atomic uint64_t repeats;	   /* batches that were analysed before */
	_Atomic uint64_t subjects;	   /* in the table now */
	_Atomic uint64_t evicted;	   /* subjects that made way */
	_Atomic uint64_t evicted_findings; /* of them, known as findings to the desk */
	_Atomic uint64_t refused;	   /* rows for which there was no room */
	_Atomic uint64_t late;		   /* rows too old for what is known of their address */
	_Atomic uint64_t opened, grown, reopened; /* cases */
	_Atomic uint64_t settled;		  /* cases that closed: the trouble was over */
	_Atomic uint64_t held;	    /* findings that wait for a case: too many were opened */
	_Atomic uint64_t forgotten; /* findings in no case, not seen for long */
	_Atomic uint64_t stale;	    /* cases that closed, nothing was seen of them for long */
	_Atomic uint64_t summed_up; /* findings of cases closed long ago, put together */
	_Atomic uint64_t crowded;   /* findings left out of a case that has too many */
	_Atomic uint64_t skipped;   /* findings that the desk does not admit: left out */
	_Atomic uint64_t commits, failed_commits;
	struct hin_analyse_rule_counters rule[HIN_ANALYSE_RULES];
};

struct hin_analyse_open {
	const struct hin_analyse_settings *settings; /* copied */
	struct hin_desk *desk;			     /* to write; the engine alone uses it */
	struct hin_owners_box *owners;		     /* NULL: nobody is known */
	void (*changed)(void *user); /* after a commit that changed something; or NULL */
	/* each new finding, in the commit that writes it, before it is durable; or NULL */
	void (*found)(void *user, const struct hin_rule *rule, int64_t finding, int64_t when_us);
	void *user;
	bool price; /* measure what each rule costs */
};

/* Open, and read which batches wait to be stored. */
HIN_MUST_USE enum hin_code hin_analyse_open(struct hin_analyse **out,
					    const struct hin_analyse_open *how,
					    struct hin_error *err);
void hin_analyse_close(struct hin_analyse *analyse); /* NULL is fine */

/* Does a rule that is switched on look at rows of `kind`? Cheap. */
bool hin_analyse_wants(const struct hin_analyse *analyse, uint16_t kind);

/* The kinds for which that is so; returns how many, at most `room`. */
size_t hin_analyse_kinds(const struct hin_analyse *analyse, uint16_t *kinds, size_t room);

/*
 * A batch begins that was appended to the store. False when its rows were analysed before (the
 * process ended between desk and store): do not take them.
 */
bool hin_analyse_begin(struct hin_analyse *analyse, const uint8_t sensor[16], uint64_t epoch,
		       uint64_t sequence);

/* Take a row, of a kind that is wanted or any other. */
void hin_analyse_take(struct hin_analyse *analyse, const struct hin_observation *row,
		      const uint8_t sensor[16]);

/* From now on no row ends later than that: what is longer is cut. 0 = no bound. */
void hin_analyse_limit(struct hin_analyse *analyse, int64_t latest_us);

/* The same of many; with `price` each rule's time is taken once for all. */
void hin_analyse_take_rows(struct hin_analyse *analyse, const struct hin_store_rows *rows);

/*
 * Make durable in the desk what came of the rows taken. Nothing happens when nothing did. `now_us`
 * is when the hub knew of it; 0 = when the stream told it, as a replay has it. On failure nothing
 * of it is in the desk, and the rows since the last commit must be taken again after
 * hin_analyse_reset().
 */
HIN_MUST_USE enum hin_code hin_analyse_commit(struct hin_analyse *analyse, int64_t now_us,
					      struct hin_error *err);

/* The store has synced: the batches since the last call are stored. */
void hin_analyse_stored(struct hin_analyse *analyse);

/* The store lost what it had not synced: the batches since the last call will be sent again. */
void hin_analyse_unstored(struct hin_analyse *analyse);

/* At the start: of the batches that wait to be stored these are. */
void hin_analyse_check_stored(struct hin_analyse *analyse, const struct hin_store *store);

/* Forget every subject, and the batches since the last commit. What the desk has stays. */
void hin_analyse_reset(struct hin_analyse *analyse);

/*
 * Look at what the store has of the last settings->history (until `now_us`) without making findings
 * of it, so that after a start the rules know what is usual and what goes on.
 */
HIN_MUST_USE enum hin_code hin_analyse_learn(struct hin_analyse *analyse, struct hin_store *store,
					     int64_t now_us, struct hin_error *err);

/*
 * Now and then, by the wall clock: findings that were not seen for their rule's time are not live
 * any more, and those in no case are forgotten in the end; what closed long ago is put together
 * (hub/case/keep.h). A transaction of its own; of a full table at most some ten thousand at a time.
 */
HIN_MUST_USE enum hin_code hin_analyse_tick(struct hin_analyse *analyse, int64_t now_us,
					    struct hin_error *err);

/* Other thresholds from now on; memory stays as it is. */
void hin_analyse_tune(struct hin_analyse *analyse, const struct hin_analyse_settings *settings);

const struct hin_analyse_counters *hin_analyse_count(const struct hin_analyse *analyse);

/* The end of the newest row so far. */
int64_t hin_analyse_now_us(const struct hin_analyse *analyse);

/* The filter of a store that wants what the rules look at; hin_filter_free(). */
HIN_MUST_USE enum hin_code hin_analyse_filter(const struct hin_analyse *analyse,
					      struct hin_filter **out, struct hin_error *err);

/* Bytes that its tables hold now. */
size_t hin_analyse_memory(const struct hin_analyse *analyse);
