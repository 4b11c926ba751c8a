/* ingest_priv - what ingest.c and ingest_own.c share. */
#pragma once
#include "hub/ingest.h"
#include "observe/batch_writer.h"

#define INGEST_TOLD 4096 /* most rows of our own that wait */

struct hin_ingest {
	struct hin_ingest_settings settings;
	char *path;
	struct hin_store *store;
	bool broken; /* the store must be opened anew */
	struct hin_ingest_counters counters;

	struct hin_batch_writer *writer;  /* of our own rows, or NULL: to be made behind our mark */
	struct hin_observation *told;	  /* not committed yet */
	size_t told_count, told_appended; /* of them: in the store, not yet durable */
	size_t told_analysed; /* of them: taken by analysis, and in the desk or on the way */

	struct hin_observation *wanted; /* rows of this batch that analysis or those who look on
					   want */
	size_t wanted_count, wanted_room;
	bool analysed; /* analysis wants one of them */
	bool forget;   /* analysis lost what the desk did not take: it begins anew */
};

/* Append our own rows to the store as a batch; they stay until ingest_own_done(). */
HIN_MUST_USE enum hin_code ingest_own_append(struct hin_ingest *in, struct hin_error *err);

/* A commit went well, or failed: forget what is durable, or begin again behind our mark. */
void ingest_own_done(struct hin_ingest *in, bool durable);

/* A row about a sensor: `count` batches from `first` on are missing, or came. */
void ingest_tell_batches(struct hin_ingest *in, uint16_t kind, const uint8_t *sensor,
			 uint64_t epoch, uint64_t first, uint64_t count, int64_t now_ns);
