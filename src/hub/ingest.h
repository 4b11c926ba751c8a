/*
 * ingest - batches of sensors into the store: what is checked, and in which order.
 *
 * Each batch is proved (signature by the sensor's key), read (structure, every row, what its kind
 * allows), and set into its sensor's chain before it is appended. A repeat changes nothing. Missing
 * batches are told by a row road.gap of the hub's own, their arrival by road.filled. What is
 * refused is counted by reason, and changes nothing else.
 *
 * Rows that analysis wants go to it as they are appended. A commit is first the desk's (what the
 * rows add up to), then the store's; a batch of which only the first became durable is sent again,
 * and analysis knows it.
 *
 * What was appended counts once hin_ingest_commit() returned HIN_OK: then it may be acknowledged.
 * The hub's own rows are batches too, signed with its key, chained behind its own mark.
 *
 * Ownership: the caller owns an ingest and ends it with hin_ingest_close(); keys and tables of the
 *            settings must outlive it.
 * Threads:   one thread at a time, but hin_ingest_count() from any.
 */
#pragma once
#include "hub/analyse/analyse.h"
#include "hub/live.h"
#include "hub/sensors.h"
#include "observe/carrier.h"
#include "store/store.h"

/* name, meaning: why a batch is refused. */
#define HIN_INGEST_REFUSALS(X)                                                                     \
	X(unknown, "of a sensor that the hub does not know")                                       \
	X(stranger, "of another sensor than its certificate's")                                    \
	X(signature, "with a wrong signature")                                                     \
	X(structure, "that are no batches")                                                        \
	X(schema, "of a schema that the hub does not know")                                        \
	X(field, "with a field that the kind does not allow")                                      \
	X(value, "with a value out of its range")                                                  \
	X(clock, "of a clock that is years off")                                                   \
	X(future, "with a sequence from the future")                                               \
	X(rolled_back, "of an epoch that has ended")                                               \
	X(forked, "of a chain that forked")                                                        \
	X(limit, "over a limit of the store")

enum hin_ingest_refusal {
#define X(name, meaning) HIN_INGEST_##name,
	HIN_INGEST_REFUSALS(X)
#undef X
		HIN_INGEST_REFUSED /* how many there are */
};

struct hin_ingest_counters {
	_Atomic uint64_t stored, rows, bytes, repeats, early, gaps, filled, commits, failed_commits;
	_Atomic uint64_t refused[HIN_INGEST_REFUSED];
};

struct hin_ingest_settings {
	const char *store;		  /* folder of the store, made if there is none */
	const struct hin_sensor_key *key; /* the hub's own */
	struct hin_sensors *sensors;
	int64_t past_ns;	     /* how far before its arrival a row may lie; 0 = 366 days */
	int64_t future_ns;	     /* and how far behind; 0 = a day */
	uint64_t ahead;		     /* most batches that may be missing at once; 0 = 10^9 */
	uint64_t memory_bytes;	     /* of the store, for questions; 0 = 64 MiB */
	bool new_epoch;		     /* of our own rows: the store was restored from a backup */
	struct hin_live *live;	     /* for those who look on, or NULL; borrowed */
	struct hin_analyse *analyse; /* what rows add up to, or NULL; it learns from the store */
};

struct hin_ingest;

/* Open the store and learn where each sensor stands. As hin_store_open(). */
HIN_MUST_USE enum hin_code hin_ingest_open(struct hin_ingest **out,
					   const struct hin_ingest_settings *settings,
					   struct hin_error *err);

/* Close; what was not committed is lost (and was not acknowledged). NULL is fine. */
void hin_ingest_close(struct hin_ingest *in);

/* Who sends: what its certificate and the roster say. */
struct hin_ingest_sender {
	uint8_t id[HIN_SENSOR_ID];
	uint8_t public_key[HIN_KEY_PUBLIC];
	struct hin_spool_place known; /* as hin_carrier_load has it */
};

/*
 * Check one batch and append it. `reason` has HIN_CARRIER_REASON bytes and is filled unless the
 * batch is stored or a repeat. HIN_CARRIED_LATER: the store does not take it now (a full disk).
 */
enum hin_carried hin_ingest_batch(struct hin_ingest *in, const struct hin_ingest_sender *sender,
				  const void *bytes, size_t size, int64_t now_ns, char *reason);

/* Put a row of the hub's own; it goes with the next commit. Beyond 4096 the oldest is lost. */
void hin_ingest_tell(struct hin_ingest *in, const struct hin_observation *row);

/* Are there rows of the hub's own that wait for a commit? */
bool hin_ingest_has_told(const struct hin_ingest *in);

/*
 * Make durable what was appended. On failure nothing of it may be acknowledged; the next call tries
 * again, and opens the store anew where that is needed.
 */
HIN_MUST_USE enum hin_code hin_ingest_commit(struct hin_ingest *in, struct hin_error *err);

/* The committed mark of a sensor; { 0 } when it has none. */
struct hin_batch_mark hin_ingest_mark(const struct hin_ingest *in, const uint8_t id[HIN_SENSOR_ID]);

/* What was counted. */
const struct hin_ingest_counters *hin_ingest_count(const struct hin_ingest *in);

/* Change the bounds of time and sequence, 0 as in the settings. */
void hin_ingest_tune(struct hin_ingest *in, int64_t past_ns, int64_t future_ns, uint64_t ahead);

/* The store, for keeping house between commits; NULL while it cannot be opened. */
struct hin_store *hin_ingest_store(struct hin_ingest *in);
