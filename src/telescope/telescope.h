/*
 * telescope - the engine: packets in, the picture out.
 *
 *   reader -> batch of frames -> decode and marks -> shards -> (each minute) tick -> picture
 *
 * Batches are numbered as they are read. Any thread may decode any batch; each shard belongs to one
 * thread and takes batches strictly in the order of their numbers. When the input's clock enters a
 * new minute all threads meet, and one of them does the minute's work alone: so one thread and many
 * give the same result, and nothing on a packet's way takes a lock.
 *
 * Ownership: the caller owns a telescope and ends it with hin_telescope_free(); trees in the
 * options are borrowed for its life. Threads:   hin_telescope_run() makes its own and returns when
 * they are done; one call at a time.
 */
#pragma once
#include "base/prefix.h"
#include "packet/capture.h"
#include "telescope/ongoing.h"
#include "telescope/picture.h"
#include "telescope/settings.h"
#include "telescope/vault.h"

#define HIN_TELESCOPE_THREADS 16 /* most threads: one a shard */

struct hin_telescope;

/*
 * The reader: fill `batch` from `queue` (0 to threads - 1; a file has one queue, asked under the
 * engine's lock). HIN_OK, HIN_EAGAIN (nothing within a few ms), HIN_EOF, or an error that ends the
 * run.
 */
typedef enum hin_code (*hin_batch_reader_fn)(void *user, unsigned queue, struct hin_batch *batch,
					     struct hin_error *err);

/* One flow row of a minute that ended. */
struct hin_flow_row {
	int64_t minute_us; /* start of the interval */
	struct hin_addr src, dst;
	uint16_t sport, dport;
	uint8_t proto, tcp_flags;
	bool bogon, spoofed, unroutable, fragment;
	enum hin_tool tool;
	uint64_t packets, bytes;
};

/* One line about an event: it begins, goes on, or is over (idle for longer than the time-out). */
struct hin_news {
	enum { HIN_NEWS_EVENT, HIN_NEWS_VICTIM, HIN_NEWS_FLOOD, HIN_NEWS_AMPLIFICATION } type;
	union {
		const struct hin_event *event;
		const struct hin_victim *victim;
		const struct hin_flood *flood;
	};
	struct hin_part part; /* what of it is new */
};

/*
 * One line about a member that reaches dark space. Who is behind an address that several share is
 * known by port and time alone, so a line is about one source port; what came from more ports than
 * are told apart between two updates is in a line without ports and target.
 */
struct hin_member_news {
	const struct hin_member *member; /* all that is known of it so far */
	uint64_t link;			 /* of the event */
	struct hin_part part;		 /* what of it is new */
	int64_t last_us;		 /* until when that came */
	bool one_port;			 /* the fields that follow count */
	struct hin_addr target;		 /* where the first packet of the line went */
	uint16_t sport, dport;
	uint8_t proto;		 /* 0 = several */
	uint64_t targets, ports; /* of the event so far */
};

/* Where results go while the run goes on. Each may be NULL. Called by one thread at a time. */
struct hin_telescope_sink {
	void *user;
	/* at once: a member's first packet into dark space, from each of a few source ports; then
	 * what came since, as `news` is told */
	void (*member)(void *user, const struct hin_member_news *news);
	/* each minute, in a fixed order; false ends the run (the reader of them failed) */
	bool (*flow)(void *user, const struct hin_flow_row *row);
	/* as it ends, and with `update_us` as it goes on, in a fixed order; false ends the run */
	bool (*news)(void *user, const struct hin_news *news);
	/* each minute, after the flows: the time that the input's clock has reached */
	bool (*minute)(void *user, struct hin_telescope *telescope, int64_t now_us);
};

struct hin_telescope_options {
	struct hin_telescope_settings settings;
	const struct hin_prefix_tree *dark;	/* built, or NULL: unknown */
	const struct hin_prefix_tree *member;	/* built, or NULL */
	const struct hin_prefix_tree *excluded; /* built, or NULL: nothing is told of these */
	const struct hin_prefix_tree *research; /* value = index into research_names; or NULL */
	const char *const *research_names;
	const char *const *member_names; /* by the member tree's values; NULL = none */
	unsigned decap;			 /* HIN_DECAP_* */
	unsigned threads;		 /* 1 to HIN_TELESCOPE_THREADS */
	bool own_queues; /* live: thread i reads queue i; else all read queue 0, one at a time */
	bool count_only; /* decode, marks and counters alone */
	bool flows;
	int64_t update_us; /* tell of what goes on each time so long is over; 0 = at its end */
	bool wall_clock;   /* live: minutes pass also without packets */
	struct hin_vault *vault; /* set by hin_telescope_set_vault() */
	struct hin_telescope_sink sink;
};

HIN_MUST_USE enum hin_code hin_telescope_new(struct hin_telescope **out,
					     const struct hin_telescope_options *options,
					     struct hin_error *err);
void hin_telescope_free(struct hin_telescope *telescope);

/*
 * Read until the reader says HIN_EOF. May be called again for more input. HIN_EAGAIN: it was asked
 * to pause; what was read is done with, and the next run goes on where this one ended.
 */
HIN_MUST_USE enum hin_code hin_telescope_run(struct hin_telescope *telescope,
					     hin_batch_reader_fn read, void *user,
					     struct hin_error *err);

/* Ask a running telescope to stop; safe in a signal handler. */
void hin_telescope_stop(struct hin_telescope *telescope);

/* Ask for a pause of the run, or of the next one; safe in a signal handler and from any thread. */
void hin_telescope_pause(struct hin_telescope *telescope);

/*
 * Between two runs: take settings, prefixes, names and `update_us` of `options` from now on; the
 * trees before may be freed then. Memory, seed and all else stay as they were. What is under way
 * goes on: an event that began under the old settings is judged by the new ones. HIN_EUSAGE when
 * one has a dark space and the other has none; on failure nothing has changed.
 */
HIN_MUST_USE enum hin_code hin_telescope_reload(struct hin_telescope *telescope,
						const struct hin_telescope_options *options,
						struct hin_error *err);

/* Flush the last, partial minute to the sink. Not before saving state for a later continuation. */
HIN_MUST_USE enum hin_code hin_telescope_finish(struct hin_telescope *telescope,
						struct hin_error *err);

/* The run ends: tell the sink also of what is still open. False when the sink said no. */
bool hin_telescope_tell_open(struct hin_telescope *telescope);

/* Keep evidence in `vault`, which is borrowed; before the first run. */
HIN_MUST_USE enum hin_code hin_telescope_set_vault(struct hin_telescope *telescope,
						   struct hin_vault *vault, struct hin_error *err);

/* How often the vault could not keep what it was given. */
uint64_t hin_telescope_evidence_lost(const struct hin_telescope *telescope);

/* Frames seen so far; any thread. */
uint64_t hin_telescope_frames(const struct hin_telescope *telescope);

/* Note what the engine cannot see itself: kernel drops so far. */
void hin_telescope_set_drops(struct hin_telescope *telescope, uint64_t kernel_drops);

/* The picture of all that was seen, lists cut at `limit`. Inputs are left empty for the caller. */
HIN_MUST_USE enum hin_code hin_telescope_picture(struct hin_picture *out,
						 struct hin_telescope *telescope, size_t limit,
						 struct hin_error *err);

/*
 * Save everything, so that a telescope that loads it goes on as if it had never stopped. The file
 * is replaced whole. Loading demands the same version, memory and dark space, for they shape what
 * is saved; other thresholds and members hold from then on, as after a reload. HIN_EVERIFY says
 * what differs, HIN_EFORMAT that the file is damaged, or that the engine cannot have written what
 * it holds. When loading fails the telescope is empty and takes no packets: it can only be freed,
 * and nothing of the file is told.
 */
HIN_MUST_USE enum hin_code hin_telescope_save(const struct hin_telescope *telescope,
					      const char *path, struct hin_error *err);
HIN_MUST_USE enum hin_code hin_telescope_load(struct hin_telescope *telescope, const char *path,
					      struct hin_error *err);
