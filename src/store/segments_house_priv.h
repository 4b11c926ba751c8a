/*
 * segments_house_priv - files read whole and replaced by others.
 *
 * House is kept by a thread of its own, beside the writer, on a store of its own: the "side" sees
 * the files of days that are over, which nobody changes any more, and writes new ones. When these
 * are durable and have their names it hands the change over, and the writer takes it into its
 * catalog and, with the next record, into the journal; then the old files go. So an append never
 * waits for it, and whatever fails before the record leaves the store as it was.
 *
 * Threads: those of a side in its thread; hin_beside_end(), _start() and _poll() in the writer's.
 */
#pragma once
#include "store/segments_view_priv.h"

/* Called for each block of a file, with all its rows and batches readable. */
typedef enum hin_code (*hin_house_fn)(void *user, const struct hin_block_rows *rows,
				      const struct hin_block_head *head, struct hin_error *err);

/* What was found in a file. */
struct hin_house_found {
	uint64_t blocks, rows;
	uint64_t damaged_blocks, damaged_rows;
	uint64_t unknown_parts; /* of a newer program: rows are not all that is there */
};

/*
 * Read all of a file. Damage is a note, is counted and skipped; other failures and those of `call`
 * (which may be NULL) end it.
 */
HIN_MUST_USE enum hin_code hin_house_read(struct hin_store *s, const struct hin_segment *segment,
					  hin_house_fn call, void *user,
					  struct hin_house_found *found, struct hin_error *err);

/* Rows on their way into new files. */
struct hin_house_writer {
	struct hin_store *store;
	int64_t day;
	unsigned kind;
	struct hin_builder builder;
	struct hin_store_batch last;
	bool started;
	uint64_t rows, blocks;
};

HIN_MUST_USE enum hin_code hin_house_add(struct hin_house_writer *w,
					 const struct hin_store_batch *batch,
					 const struct hin_observation *o, struct hin_error *err);
HIN_MUST_USE enum hin_code hin_house_flush(struct hin_house_writer *w, struct hin_error *err);
void hin_house_fini(struct hin_house_writer *w);

/* A change of files: begin, mark files as going, write others, then end or undo. */
struct hin_house_change {
	struct hin_store *store;
	uint64_t first_id;    /* files from here on are new */
	uint64_t rolled_rows; /* before */
};

void hin_house_begin(struct hin_house_change *c, struct hin_store *s);
/* Close new files, and hand over that they take the place of those that are going. */
HIN_MUST_USE enum hin_code hin_house_end(struct hin_house_change *c, struct hin_error *err);
void hin_house_undo(struct hin_house_change *c);

/* The second half of hin_house_end(): sync, name, tell the writer. */
HIN_MUST_USE enum hin_code hin_beside_hand_over(struct hin_house_change *c, struct hin_error *err);

/* Shall the work of a side end? */
bool hin_beside_stopped(const struct hin_store *side);

/* End house-keeping, if there is any; what was not taken over is forgotten. */
void hin_beside_end(struct hin_store *s);

/* The work itself, on a side. */
HIN_MUST_USE enum hin_code hin_house_retain(struct hin_store *side,
					    const struct hin_store_policy *policy, int64_t now_us,
					    struct hin_store_work *work, struct hin_error *err);
HIN_MUST_USE enum hin_code hin_house_compact(struct hin_store *side, int64_t now_us,
					     struct hin_store_work *work, struct hin_error *err);

/*
 * Give a sealed file of rows an index of their sources, when it has none and is large enough: it
 * stands behind the end, and belongs to the file once `segment->length` says so.
 */
HIN_MUST_USE enum hin_code hin_store_add_sources(struct hin_store *side,
						 struct hin_segment *segment,
						 struct hin_error *err);

/* The same of all files of a day, each handed over to the writer. */
HIN_MUST_USE enum hin_code hin_house_sources(struct hin_store *side, int64_t day,
					     struct hin_error *err);

/* Tell the writer that a file has grown. */
HIN_MUST_USE enum hin_code hin_beside_hand_over_longer(struct hin_store *side,
						       const struct hin_segment *segment,
						       struct hin_error *err);

/* Read all that stands behind the blocks of a sealed file; damage is a note, and `*good` false. */
HIN_MUST_USE enum hin_code hin_store_check_sources(struct hin_store *s,
						   const struct hin_segment *segment, bool *good,
						   struct hin_error *err);

/* Can a row of this day be over, by the rules alone? */
bool hin_house_may_drop(const struct hin_store_policy *policy, int64_t now_us, int64_t day);

/* Bytes of all files and the journal. */
uint64_t hin_house_bytes(const struct hin_store *s);
