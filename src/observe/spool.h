/*
 * spool - finished batches on a sensor's disk, until a hub has stored them.
 *
 * A folder of files, each of many batches one behind the other (batch_file.h). A batch that was
 * synced is there after a kill -9 or a power cut; a torn end is cut off when the spool is opened.
 * The newest batch is never deleted, so it alone decides where the sensor's chain goes on, and the
 * chain never forks. An empty folder, or one whose end cannot be trusted, begins a new epoch.
 *
 * What a hub has acknowledged is forgotten by whole files; `keep_bytes` of it stay for a hub that
 * was restored from a backup and asks again. When the spool is full the oldest file goes first:
 * acknowledged ones before others, and of those that are not, each row is counted by its kind
 * (hin_spool_take_loss). After a crash what was acknowledged in the last ten seconds may count as
 * if it was not; nothing else is written down late.
 *
 * Ownership: the caller owns a spool and closes it. One process at a time has a folder open.
 * Threads:   one thread appends and abandons; the rest from any.
 */
#pragma once
#include "base/buffer.h"
#include "observe/batch.h"

#define HIN_SPOOL_LIMIT_MIN ((uint64_t)1 << 20)
#define HIN_SPOOL_KINDS 64 /* kinds whose losses are counted apart; the rest count as kind 0 */

struct hin_spool;

/* Sizes; 0 = the default. */
struct hin_spool_settings {
	uint64_t limit_bytes; /* of all files; 1 GiB, at least HIN_SPOOL_LIMIT_MIN */
	uint64_t file_bytes;  /* a file is closed beyond this; the smaller of 8 MiB and limit / 8 */
	uint64_t keep_bytes;  /* acknowledged batches that stay; limit / 16, UINT64_MAX = none */
};

/* What was found when a spool was opened. */
struct hin_spool_found {
	uint64_t cut_bytes; /* of a torn end, which never was acknowledged to anybody */
	bool damaged;	    /* the newest file is damaged before its end: a new epoch */
	bool fresh;	    /* there was no batch: a new epoch */
	uint64_t unsent;    /* batches not known to be acknowledged */
};

/*
 * Open the spool in `folder`, which is made if there is none, for the sensor of `public_key`.
 * `*mark` is the chain's last batch, or a new epoch. `found` may be NULL. HIN_EDENIED when another
 * process has it open, HIN_EVERIFY when its batches are another sensor's, HIN_ESYS, HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_spool_open(struct hin_spool **out, const char *folder,
					  const uint8_t public_key[HIN_KEY_PUBLIC],
					  const struct hin_spool_settings *settings,
					  struct hin_batch_mark *mark,
					  struct hin_spool_found *found, struct hin_error *err);

/* Write down what is acknowledged, close and free; NULL is fine. */
void hin_spool_close(struct hin_spool *s);

/*
 * Append one batch, durably: `after` is the writer's mark once it was finished, with its epoch and
 * sequence. May drop the oldest file. On failure (HIN_ESYS: a full disk) the spool is as it was and
 * the caller tries again with the same bytes, or the chain has a gap.
 */
HIN_MUST_USE enum hin_code hin_spool_append(struct hin_spool *s, const void *bytes, size_t size,
					    const struct hin_batch_mark *after,
					    struct hin_error *err);

/* A place among the batches: one of them. { 0 } is before all. */
struct hin_spool_place {
	uint64_t epoch, sequence;
};

/*
 * Append the first batch behind `*place` to `out` and move `*place` to it. HIN_EOF when there is
 * none; HIN_ELIMIT, with nothing changed, when it has more than `size_max` bytes. A place whose
 * epoch the spool does not have is before all. What cannot be read is passed over and counted as
 * lost.
 */
HIN_MUST_USE enum hin_code hin_spool_read(struct hin_spool *s, struct hin_spool_place *place,
					  size_t size_max, struct hin_buffer *out,
					  struct hin_error *err);

/*
 * The hub has stored everything up to `place`, in the order of the spool. A place the spool does
 * not have means: nothing of what is here. Going back is allowed (a hub that was restored). Deletes
 * whole files.
 */
void hin_spool_forget(struct hin_spool *s, struct hin_spool_place place);

/*
 * Delete everything; what was not acknowledged is counted as lost by `verdict`. Returns how many
 * rows that were. For a chain that forked: the hub will not take it, and the caller begins a new
 * epoch.
 */
uint64_t hin_spool_abandon(struct hin_spool *s, uint8_t verdict);

/* The newest batch, or { 0 }. */
struct hin_spool_place hin_spool_newest(struct hin_spool *s);

/* The lowest sequence of `epoch` that can be read, or 0 when there is none. */
uint64_t hin_spool_oldest(struct hin_spool *s, uint64_t epoch);

struct hin_spool_stats {
	uint64_t bytes, limit_bytes; /* on disk */
	uint64_t batches, unsent;    /* that can be read; of them not acknowledged */
	uint64_t dropped_batches;    /* unsent ones dropped or unreadable, since open */
};

void hin_spool_stats(struct hin_spool *s, struct hin_spool_stats *out);

/* Rows lost of one kind for one reason. */
struct hin_spool_loss {
	uint16_t kind;	 /* 0 = not known (a batch that cannot be read counts as one row) */
	uint8_t verdict; /* HIN_VERDICT_SPOOL_FULL, HIN_VERDICT_BAD_INPUT... */
	uint64_t rows;
	int64_t first_us, last_us; /* times of the rows; 0 = not known */
};

/* Take one loss that was not taken yet; false when there is none. */
bool hin_spool_take_loss(struct hin_spool *s, struct hin_spool_loss *out);

/* Count something that was lost elsewhere; it comes out of hin_spool_take_loss() with the rest. */
void hin_spool_lose(struct hin_spool *s, const struct hin_spool_loss *loss);

/* Count the rows of a batch that is given up as lost by `verdict`. */
void hin_spool_lose_batch(struct hin_spool *s, const void *bytes, size_t size, uint8_t verdict);
