/*
 * rebuild_priv - what is known while a store is rebuilt; see rebuild.c.
 *
 * Threads: one thread at a time for each.
 */
#pragma once
#include "store/segments_priv.h"

/* That a batch has rows of a day and kind; or, with day -1, a head. */
struct hin_found_batch {
	int64_t day;
	uint64_t kind;
	uint8_t sensor[HIN_SENSOR_ID];
	uint64_t epoch, sequence; /* sequence 0: free */
	uint8_t digest[32];
};

/* A file of a day. */
struct hin_found_file {
	uint64_t id;
	char name[HIN_SEGMENT_NAME];
	bool seen;
};

struct hin_rebuild {
	struct hin_store_rebuilt *out;
	struct hin_found_file *files; /* newest first */
	size_t file_count;
	struct hin_found_batch *slots;
	size_t slot_count, used;
};

/* Are there rows of this batch of this day and kind? Note that there are. */
bool hin_rebuild_has(const struct hin_rebuild *r, const struct hin_store_batch *batch, int64_t day,
		     unsigned kind);
HIN_MUST_USE enum hin_code hin_rebuild_take(struct hin_rebuild *r,
					    const struct hin_store_batch *batch, int64_t day,
					    unsigned kind, struct hin_error *err);

/* While a store is opened, one after the other: the journal, files, and at the end what is lost. */
HIN_MUST_USE enum hin_code hin_rebuild_journal(struct hin_store *s, struct hin_error *err);
HIN_MUST_USE enum hin_code hin_rebuild_files(struct hin_store *s, struct hin_error *err);
HIN_MUST_USE enum hin_code hin_rebuild_end(struct hin_store *s, struct hin_error *err);

/* hin_store_open(), and rebuilding when `r` is not NULL. */
HIN_MUST_USE enum hin_code hin_store_open_as(struct hin_store **out, const char *where,
					     enum hin_store_access access,
					     const struct hin_store_options *options,
					     struct hin_rebuild *r, struct hin_error *err);
