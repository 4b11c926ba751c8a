/*
 * store - observations kept and questioned: the one interface, whatever keeps them.
 *
 * Batches go in whole or not at all, each under its sensor, epoch and sequence. What was appended
 * is durable once hin_store_sync() returned; the committed marks are part of what is stored, so
 * that after any crash marks and rows agree. Rows come back by scan, or grouped and counted. One
 * process writes (the store is locked), any number read at the same time; a reader sees what was
 * synced when it was opened or last refreshed, and never makes the writer wait.
 *
 * Damage is named with file and offset by `note`, skipped and counted; nothing is repaired in
 * silence.
 *
 * Ownership: the caller owns a store and closes it. Batches and rows given are borrowed for the
 *            call. What callbacks get lives until they return.
 * Threads:   one thread at a time for each store.
 */
#pragma once
#include "observe/batch_reader.h"
#include "store/filter.h"

struct hin_store;

enum hin_store_access {
	HIN_STORE_READ,
	HIN_STORE_WRITE,
	HIN_STORE_CREATE, /* WRITE, and made when there is none */
};

/* Told while a store is used: a torn end was cut, a damaged block skipped. Not to be ignored. */
typedef void (*hin_store_note_fn)(void *user, const struct hin_error *what);

/* { 0 } is what most want. */
struct hin_store_options {
	uint64_t memory_bytes;	/* most for the groups of one question; 0 = 1 GiB */
	hin_store_note_fn note; /* NULL: notes are only counted */
	void *user;
};

/*
 * Open the store that `where` names: a folder. HIN_ENOENT when there is none, HIN_EDENIED when
 * another process writes to it, HIN_EUNSUPPORTED when a newer program made it, HIN_EVERIFY or
 * HIN_EFORMAT when its journal is damaged before the end. `options` may be NULL.
 */
HIN_MUST_USE enum hin_code hin_store_open(struct hin_store **out, const char *where,
					  enum hin_store_access access,
					  const struct hin_store_options *options,
					  struct hin_error *err);

/* Close and free `store`; what was not synced is lost. NULL is fine. */
void hin_store_close(struct hin_store *store);

/* A reader: see what was synced since. On failure it keeps what it saw. */
HIN_MUST_USE enum hin_code hin_store_refresh(struct hin_store *store, struct hin_error *err);

/* ---- writing ---- */

/* Where rows come from. */
struct hin_store_batch {
	uint8_t sensor[HIN_SENSOR_ID];
	uint64_t epoch, sequence;
	uint8_t digest[32];  /* SHA-256 of the batch */
	int64_t received_us; /* when the hub had it */
	uint64_t dark_addresses;
};

enum hin_store_outcome {
	HIN_STORE_ADDED,
	HIN_STORE_REPEAT, /* this (sensor, epoch, sequence) is there; nothing has changed */
};

/*
 * Append one batch of `count` rows (0 to HIN_BATCH_ROWS), that hin_observation_check() accepts:
 * whole, or on failure not at all. HIN_ERANGE for a time out of range, HIN_ELIMIT over the limits
 * of rows, epochs or gaps of a sensor. After HIN_ESYS (a full disk) it may be tried again.
 */
HIN_MUST_USE enum hin_code hin_store_append(struct hin_store *store,
					    const struct hin_store_batch *batch,
					    const struct hin_observation *rows, size_t count,
					    enum hin_store_outcome *outcome, struct hin_error *err);

/*
 * The same with the rows of `reader` (from the first on, wherever it stands), whose header gives
 * sensor, epoch, sequence and dark addresses. A row that hin_batch_reader_next() refuses refuses
 * the batch, with its code.
 */
HIN_MUST_USE enum hin_code hin_store_append_batch(struct hin_store *store,
						  struct hin_batch_reader *reader,
						  const uint8_t digest[32], int64_t received_us,
						  enum hin_store_outcome *outcome,
						  struct hin_error *err);

/*
 * Make durable what was appended. On failure the state on disk is that of the last sync; after
 * HIN_ESYS for want of space it may be tried again, while a failed fsync ends the writing: every
 * call is refused until the store is opened anew.
 */
HIN_MUST_USE enum hin_code hin_store_sync(struct hin_store *store, struct hin_error *err);

/* ---- marks ---- */

/* Where a sensor stands: the highest sequence of its newest epoch. */
struct hin_store_mark {
	uint8_t sensor[HIN_SENSOR_ID];
	struct hin_batch_mark appended;
	struct hin_batch_mark committed; /* as of the last sync; sequence 0: nothing was */
	int64_t first_us, last_us;	 /* received: first and last batch */
	uint64_t batches, rows;		 /* appended ever */
	uint64_t dark_addresses;	 /* of the batch received last */
};

/* The mark of `sensor`. False, and `out` untouched, for a sensor that never sent. */
bool hin_store_find_mark(const struct hin_store *store, const uint8_t sensor[HIN_SENSOR_ID],
			 struct hin_store_mark *out);

/* False ends the walk. */
typedef bool (*hin_store_mark_fn)(void *user, const struct hin_store_mark *mark);
typedef bool (*hin_store_range_fn)(void *user, uint64_t first, uint64_t last);

/* All marks, in order of sensor. */
void hin_store_each_mark(const struct hin_store *store, hin_store_mark_fn call, void *user);

/* Is this batch there? */
bool hin_store_has(const struct hin_store *store, const uint8_t sensor[HIN_SENSOR_ID],
		   uint64_t epoch, uint64_t sequence);

/*
 * The ranges of sequences that are there of an epoch, ascending, with a gap between each two: what
 * lies between 1 and the mark and in no range is missing.
 */
void hin_store_each_range(const struct hin_store *store, const uint8_t sensor[HIN_SENSOR_ID],
			  uint64_t epoch, hin_store_range_fn call, void *user);

/* ---- reading ---- */

#define HIN_STORE_SENSOR HIN_FIELDS /* beside enum hin_field: who sent the row */
#define HIN_STORE_BY 4		    /* most fields to group by */

/* Which rows, and who is told how far it is. */
struct hin_store_range {
	int64_t since_us, until_us; /* of `time`: from the first, before the second; 0 = open */
	const struct hin_filter *filter; /* NULL: all */
	/* Called now and then; false stops the work. NULL is fine. */
	bool (*progress)(void *user, uint64_t blocks_done, uint64_t blocks, uint64_t rows_done);
	void *user;
};

/* What a question cost, and whether its answer is whole. */
struct hin_store_effort {
	uint64_t blocks, blocks_skipped;    /* in the range; by their heads alone */
	uint64_t rows_looked, rows_matched; /* rolled up: those they stand for */
	uint64_t bytes_read;
	uint64_t damaged_blocks, damaged_rows; /* left out; each was a note */
	uint64_t rolled_rows;		       /* in the answer, of rows that rollups stand for */
	uint64_t rolled_left;		       /* left out: rollups do not have what was asked */
	bool stopped; /* by `progress` or the limit: the answer is a part */
};

/* Rows of a scan; parallel arrays. */
struct hin_store_rows {
	const struct hin_observation *rows;
	const struct hin_store_batch *const *batches; /* of each row */
	size_t count;
};

/* A code other than HIN_OK ends the scan and is its code. */
typedef enum hin_code (*hin_store_rows_fn)(void *user, const struct hin_store_rows *rows,
					   struct hin_error *err);

/*
 * Give the rows of `range` to `call`, some thousand at a time: days ascending, within a day nearly
 * by time, as they came. Of each row the fields in `fields` (1 << HIN_FIELD_...) are set, time and
 * kind always; other fields may be. `limit` ends it after so many rows, 0 = none. `effort` may be
 * NULL. Rows of rollups are not given.
 */
HIN_MUST_USE enum hin_code hin_store_scan(struct hin_store *store,
					  const struct hin_store_range *range, uint64_t fields,
					  uint64_t limit, hin_store_rows_fn call, void *user,
					  struct hin_store_effort *effort, struct hin_error *err);

enum hin_store_order { HIN_STORE_COUNT, HIN_STORE_PACKETS, HIN_STORE_BYTES, HIN_STORE_DISTINCT };

/* Group rows, and count. */
struct hin_store_question {
	struct hin_store_range range;
	unsigned by[HIN_STORE_BY];  /* enum hin_field or HIN_STORE_SENSOR; of tags: each one */
	unsigned by_count;	    /* 0: one group of all */
	uint8_t v4_len, v6_len;	    /* addresses are grouped by this prefix; 0 = whole */
	int64_t interval_us;	    /* > 0: also by the interval that `time` lies in */
	bool volume;		    /* packets and bytes are wanted */
	bool distinct;		    /* distinct values of `distinct_field` are wanted */
	unsigned distinct_field;    /* as in `by` */
	enum hin_store_order order; /* greatest first; in an interval when there are some */
	uint64_t limit;		    /* groups, or groups of each interval; 0 = all */
};

/* One value of a field. */
struct hin_store_value {
	bool given;	   /* false: an address, digest, version or tag that the rows lack */
	uint64_t number;   /* of a field that is a number, and of tags */
	uint8_t bytes[32]; /* address (16), sensor, device (16), digest (32), version (text) */
};

struct hin_store_group {
	int64_t time_us; /* start of the interval; 0 without */
	struct hin_store_value by[HIN_STORE_BY];
	uint64_t count; /* rows; a rollup counts those that it stands for */
	uint64_t packets, bytes;
	uint64_t distinct; /* absent values are not counted */
};

struct hin_store_answer {
	struct hin_store_group *groups; /* by interval, then by order, then by value */
	size_t count;
	uint64_t groups_found;	      /* before the limit */
	struct hin_store_group total; /* of all groups found; `by`, `distinct` empty */
	bool approximate; /* `distinct` is, by some percent: memory was short, or rollups count */
	struct hin_store_effort effort;
};

/*
 * Answer `question`. Rows that retention rolled up are counted as far as the question asks only
 * what rollups have. HIN_EUSAGE for fields that cannot be grouped by, HIN_ELIMIT when the groups
 * do not fit the memory given. `answer` is the caller's on HIN_OK; hin_store_answer_fini().
 */
HIN_MUST_USE enum hin_code hin_store_group(struct hin_store *store,
					   const struct hin_store_question *question,
					   struct hin_store_answer *answer, struct hin_error *err);

/* Free what an answer holds. NULL is fine. */
void hin_store_answer_fini(struct hin_store_answer *answer);

/* How much of a time was watched, by road.alive. */
struct hin_store_watched {
	uint64_t sensors;     /* that send road.alive, and had sent anything before its end */
	uint64_t expected_us; /* the time, once for each sensor, from its first batch on */
	uint64_t watched_us;  /* of that: sensors said that they were alive */
	int64_t from_us;      /* when the first of them began, or the range; 0 without any */
};

HIN_MUST_USE enum hin_code hin_store_watch(struct hin_store *store,
					   const struct hin_store_range *range,
					   struct hin_store_watched *out, struct hin_error *err);

/*
 * What is kept of each batch beside its rows, for as long as rollups are: enough to show that a
 * sensor signed it, and in which order. `previous` names the batch before, so that none can be left
 * out unseen; hin_batch_verify_digest() checks `signed_digest` and `signature` with the sensor's
 * key. That the digest is of these rows the store says alone: the batch itself is not kept.
 */
struct hin_store_head {
	struct hin_store_batch batch;
	int64_t first_us, last_us; /* time of its rows; when received, without */
	uint64_t rows;
	bool is_signed; /* all below is given */
	uint8_t previous[32], signed_digest[32], signature[64];
	uint8_t authority[32], registry[32];
	int32_t clock_offset_us;
	uint8_t clock_state;
};

/* A code other than HIN_OK ends the walk and is its code. */
typedef enum hin_code (*hin_store_head_fn)(void *user, const struct hin_store_head *head,
					   struct hin_error *err);

/*
 * The batches that have rows between the first time and before the second (0 = open), of `sensor`
 * or, NULL, of all: in order of the day of their first row, and as they came. Batches that a
 * version before 2 stored are not there. Damage is noted and skipped, as by a scan; `effort` may be
 * NULL.
 */
HIN_MUST_USE enum hin_code hin_store_batches(struct hin_store *store,
					     const uint8_t sensor[HIN_SENSOR_ID], int64_t since_us,
					     int64_t until_us, hin_store_head_fn call, void *user,
					     struct hin_store_effort *effort,
					     struct hin_error *err);

struct hin_store_stats {
	uint64_t rows, rolled_rows; /* kept; dropped, and in rollups */
	uint64_t bytes;		    /* on disk */
	uint64_t files, blocks, days;
	uint64_t sensors, batches;    /* ever */
	int64_t oldest_us, newest_us; /* of rows; both 0 without */
	uint64_t waiting_rows;	      /* in the journal, not yet in blocks */
	uint64_t notes;		      /* so far, by this handle */
};

HIN_MUST_USE enum hin_code hin_store_stats(struct hin_store *store, struct hin_store_stats *out,
					   struct hin_error *err);

/* ---- keeping house: all but check, backup, restore and rebuild need the writer ---- */

/* One line of a rule: rows of kinds `first` to `last` are kept for `age_us`. */
struct hin_store_keep {
	uint16_t first, last; /* kinds */
	int64_t age_us;	      /* 0 = for ever */
};

/* What is kept. The first line that fits a kind counts. */
struct hin_store_policy {
	const struct hin_store_keep *keep;
	size_t keep_count;
	int64_t age_us;	    /* of other kinds; 0 = for ever */
	uint64_t bytes;	    /* most on disk, rollups too: then the oldest day goes; 0 = any */
	int64_t minutes_us; /* rollups by minute are kept so long, then by the hour */
	int64_t hours_us;   /* rollups by the hour, and heads of batches; 0 = for ever */
};

struct hin_store_work {
	uint64_t files_before, files_after, bytes_before, bytes_after;
	uint64_t blocks_before, blocks_after;
	uint64_t rows_dropped; /* detail that rollups now stand for */
	uint64_t damaged_blocks;
};

/*
 * Drop detail whose time is over and roll it up by minute or hour, kind, sensor, protocol, port and
 * tool, with counts and a sketch of distinct sources. Each step is durable before files go.
 */
HIN_MUST_USE enum hin_code hin_store_retain(struct hin_store *store,
					    const struct hin_store_policy *policy, int64_t now_us,
					    struct hin_store_work *work, struct hin_error *err);

/*
 * Make full blocks and files of small ones, of days before that of `now_us`, give files an index of
 * their sources, and bring old formats to the newest. A damaged block is never dropped: its file
 * stays as it is.
 */
HIN_MUST_USE enum hin_code hin_store_compact(struct hin_store *store, int64_t now_us,
					     struct hin_store_work *work, struct hin_error *err);

/*
 * The same while rows come in: what takes long is done by a thread of the store's own, beside the
 * writer. Start it with a policy, or NULL, and whether to compact; then call hin_store_house_poll()
 * now and then, between appends: it takes some milliseconds at most. What it takes over is durable
 * with the next sync. `*done` tells that it has ended (also when nothing was started), the code
 * how, and `work` (but for files, bytes and blocks) is set then. HIN_EDENIED while it is at work.
 */
HIN_MUST_USE enum hin_code hin_store_house_start(struct hin_store *store,
						 const struct hin_store_policy *policy,
						 bool compact, int64_t now_us,
						 struct hin_error *err);
HIN_MUST_USE enum hin_code hin_store_house_poll(struct hin_store *store, bool *done,
						struct hin_store_work *work, struct hin_error *err);

struct hin_store_checked {
	uint64_t files, blocks, rows, bytes;
	uint64_t damaged_blocks, damaged_rows; /* each was a note */
	uint64_t strays; /* files that do not belong to the store; each was a note */
};

/* Read everything and check every sum, every column and the counts. HIN_OK also when damaged. */
HIN_MUST_USE enum hin_code hin_store_check(struct hin_store *store, struct hin_store_checked *out,
					   const struct hin_store_range *progress,
					   struct hin_error *err);

/*
 * Copy what this handle sees into the folder `to`, which must be new or empty. Done while others
 * write; only when all is durable there is it a store.
 */
HIN_MUST_USE enum hin_code hin_store_backup(struct hin_store *store, const char *to,
					    struct hin_store_checked *out, struct hin_error *err);

/*
 * Make the store `where`, which must not exist, of the backup `from`, after all its sums were
 * found right (else HIN_EVERIFY, and nothing is made). Marks are those of the backup: a sensor is
 * asked again for what came after it.
 */
HIN_MUST_USE enum hin_code hin_store_restore(const char *from, const char *where,
					     const struct hin_store_options *options,
					     struct hin_store_checked *out, struct hin_error *err);

struct hin_store_rebuilt {
	uint64_t damaged_bytes;		    /* of the journal, left out */
	uint64_t rows;			    /* that there are now */
	uint64_t blocks_found, files_found; /* that only damaged records named, taken in */
	uint64_t files_left;	  /* that are not of the store any more, as far as can be told */
	uint64_t batches_lost;	  /* acknowledged, and found nowhere: they show as missing now */
	uint64_t batches_partial; /* acknowledged, of which some rows may be lost */
	char aside[32];		  /* the name of the damaged journal */
};

/*
 * Make the store `where` usable again whose journal is damaged before its end, which
 * hin_store_open() refuses: out of its good records and of the files. All that is guessed is a
 * note. The damaged journal is kept, and only when a new one is whole takes that its place.
 * HIN_EUSAGE, and nothing is changed, when the journal is not damaged; HIN_EDENIED while another
 * process writes.
 */
HIN_MUST_USE enum hin_code hin_store_rebuild(const char *where,
					     const struct hin_store_options *options,
					     struct hin_store_rebuilt *out, struct hin_error *err);
