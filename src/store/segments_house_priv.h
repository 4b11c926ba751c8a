/*
 * segments_house_priv - files read whole and replaced by others.
 *
 * Housekeeping writes new files, then a new journal that names them in place of the old ones, then
 * the old files go. Whatever fails before the journal is there leaves the store as it was.
 *
 * Threads: one thread at a time for each store, that of its writer.
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

HIN_MUST_USE enum hin_code hin_house_begin(struct hin_house_change *c, struct hin_store *s,
					   struct hin_error *err);
/* Close new files, name them in a new journal, and let those that are going go. */
HIN_MUST_USE enum hin_code hin_house_end(struct hin_house_change *c, struct hin_error *err);
void hin_house_undo(struct hin_house_change *c);

/* Bytes of all files and the journal. */
uint64_t hin_house_bytes(const struct hin_store *s);
