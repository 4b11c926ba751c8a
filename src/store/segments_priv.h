/*
 * segments_priv - the store that keeps files of blocks; see store.h, journal_priv.h and
 * segment_priv.h for what lies in its folder:
 *
 *	lock		held by the one who writes
 *	readers		held, shared, by those who read files; files are removed while nobody does
 *	journal		what belongs to the store, marks, and rows that are not in a file yet
 *	2026-11-22/	files of blocks of that day; "….new" is one that is being written to take
 *			the place of others, and nobody's until it has its name
 */
#pragma once
#include "store/segment_priv.h"

#define HIN_STORE_TAIL_BLOCKS 256u /* of a day, before they are written anew as one */

/* Rows of a day and kind that are not in a file yet. */
struct hin_open_day {
	int64_t day;
	uint8_t kind;
	bool cut;	      /* since the last record rows went into a file */
	uint32_t journaled;   /* rows that stand in the journal */
	uint32_t tail_blocks; /* in how many blocks */
	uint64_t touched;     /* append number that added rows last */
	struct hin_builder builder;
	struct hin_builder_mark mark; /* before that append */
};

/* A file that was written to since the last sync. */
struct hin_dirty_file {
	uint64_t id;
	int64_t day;
	int fd;
	bool fresh; /* its folder must be synced too */
};

struct hin_store {
	char *path, *journal_name;
	int folder, lock, readers, journal;
	bool writer;
	bool broken; /* an fsync failed: nothing is known of what is on disk */
	struct hin_store_options options;
	uint64_t notes;
	uint64_t journal_end, journal_limit;
	uint64_t journal_least; /* bytes before a journal is replaced */
	uint32_t sources_least; /* blocks of a file that gets an index of its sources */
	struct hin_catalog catalog;

	/* the writer's */
	struct hin_coder coder;
	struct hin_open_day *days;
	size_t day_count, day_room, day_last;
	uint64_t appends, open_rows;
	struct hin_dirty_file *dirty;
	size_t dirty_count, dirty_room;
	struct hin_buffer record, block;
	uint64_t *dropped;    /* files that the next record says do not belong here any more */
	char **dropped_names; /* `dropped_room` of them, the first ones in use */
	size_t dropped_count, dropped_room;
	char **leaving; /* files to remove when nobody reads */
	size_t leaving_count;
	uint64_t rolled_rows;	      /* as the journal has it */
	struct hin_rebuild *rebuild;  /* while it is opened to be rebuilt; rebuild_priv.h */
	struct hin_beside *beside;    /* house is being kept; segments_house_priv.h */
	struct hin_beside *beside_of; /* of the store that this one is the side of */

	/* of questions */
	struct hin_block_reader reader;
	struct hin_heads heads;
};

/* Tell what was found, and count it. */
void hin_store_note(struct hin_store *s, const struct hin_error *what);
void hin_store_note_damage(void *store, const struct hin_error *what);

/* HIN_EUSAGE unless the store was opened to write and can. */
HIN_MUST_USE enum hin_code hin_store_may_write(const struct hin_store *s, struct hin_error *err);

/* The name of a file, for messages. */
void hin_store_segment_path(const struct hin_store *s, const struct hin_segment *segment,
			    char name[4096]);

/* Open a file of the store; the name for messages goes to `name`. */
HIN_MUST_USE enum hin_code hin_store_open_segment(const struct hin_store *s,
						  const struct hin_segment *segment, int flags,
						  int *fd, char name[4096], struct hin_error *err);

/* The descriptor of a file to write to; it is kept until the sync. */
HIN_MUST_USE enum hin_code hin_store_dirty_file(struct hin_store *s,
						const struct hin_segment *segment, bool fresh,
						int *fd, char name[4096], struct hin_error *err);

/* Append one block, in `bytes`, to the file of its day and kind. */
HIN_MUST_USE enum hin_code hin_store_put_block(struct hin_store *s, int64_t day, unsigned kind,
					       const struct hin_buffer *bytes, uint32_t rows,
					       uint64_t weight, int64_t time_min, int64_t time_max,
					       struct hin_error *err);

/* Write the index of a file and close it to more blocks. */
HIN_MUST_USE enum hin_code hin_store_seal(struct hin_store *s, struct hin_segment *segment,
					  struct hin_error *err);

/* Write the first `rows` of an open day to a file. */
HIN_MUST_USE enum hin_code hin_store_cut(struct hin_store *s, struct hin_open_day *day,
					 uint32_t rows, struct hin_error *err);

/* Make files durable that were written to. */
HIN_MUST_USE enum hin_code hin_store_sync_files(struct hin_store *s, struct hin_error *err);

/* Replace the journal by one that begins with everything. */
HIN_MUST_USE enum hin_code hin_store_checkpoint(struct hin_store *s, struct hin_error *err);

/* Put the rows of the journal back into open days. */
HIN_MUST_USE enum hin_code hin_store_load_tails(struct hin_store *s, struct hin_error *err);

/* One of those rows, the first of its batch or not. */
HIN_MUST_USE enum hin_code hin_store_reload_row(struct hin_store *s, const struct hin_tail *tail,
						const struct hin_store_batch *batch,
						const struct hin_observation *o, bool first,
						struct hin_open_day **day, struct hin_error *err);

/*
 * A file that the catalog does not name any more: said with the next record, and removed when
 * nobody reads. Room for `count` is reserved first.
 */
HIN_MUST_USE enum hin_code hin_store_reserve_dropped(struct hin_store *s, size_t count,
						     struct hin_error *err);
void hin_store_drop(struct hin_store *s, const struct hin_segment *segment);
void hin_store_remove_leaving(struct hin_store *s);

/* Make the folder of a day durable. */
HIN_MUST_USE enum hin_code hin_store_sync_day(struct hin_store *s, int64_t day,
					      struct hin_error *err);

void hin_store_free_days(struct hin_store *s);

/* Begin and end to read files: none is removed meanwhile. */
HIN_MUST_USE enum hin_code hin_store_begin(struct hin_store *s, struct hin_error *err);
void hin_store_end(struct hin_store *s);

/* The head of a batch as rows of a file of heads; returns how many. */
#define HIN_HEAD_ROWS 3u
size_t hin_head_rows(const struct hin_store_head *head, struct hin_observation rows[HIN_HEAD_ROWS]);

/* Which sensors have rows of road.alive: what journals of version 1 do not say. */
HIN_MUST_USE enum hin_code hin_store_learn_alive(struct hin_store *s, struct hin_error *err);

/* Does it belong to rows of flows? */
unsigned hin_store_kind_of(uint16_t kind);
