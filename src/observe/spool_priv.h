/* spool_priv - what spool.c and spool_open.c share. */
#pragma once
#include <limits.h>
#include <pthread.h>

#include "observe/batch_file.h"
#include "observe/spool.h"

#define SPOOL_NAME "%08llu-%016llx-%020llu.batches" /* number, epoch, first sequence */
#define SPOOL_NAME_SIZE 64
#define SPOOL_ACKNOWLEDGED "acknowledged"
#define SPOOL_LOCK "lock"

/* One file: batches of one epoch with sequences from `first` on. */
struct spool_file {
	uint64_t number; /* ascending, in the order that they were written */
	uint64_t epoch, first, count;
	uint64_t bytes;
};

struct hin_spool {
	pthread_mutex_t lock;
	char folder[PATH_MAX - SPOOL_NAME_SIZE - 2];
	int lock_fd;
	struct hin_spool_settings settings;

	struct spool_file *files; /* oldest first */
	size_t file_count, file_room;
	uint64_t bytes; /* of all files */
	uint64_t next_number;

	struct hin_batch_file *writing; /* the newest file, or NULL */
	bool resume;			/* the newest file may be written on */

	struct hin_batch_file *reading;
	uint64_t reading_number,
		reading_next; /* file, and sequence of the batch at `ahead` or next */
	const uint8_t *ahead; /* a batch that was read and not taken yet, or NULL */
	size_t ahead_size;

	struct hin_spool_place acknowledged; /* { 0 }: nothing of what is here */
	uint64_t dropped_batches;

	struct hin_spool_loss losses[HIN_SPOOL_KINDS];
	size_t loss_count;
	int64_t saved_ns;   /* monotonic: `acknowledged` was written down */
	uint64_t lost_rows; /* of all losses since it was opened */
};

/* The path of a file, or of another thing in the folder. */
void spool_file_path(const struct hin_spool *s, const struct spool_file *f, char out[PATH_MAX]);
void spool_path(const struct hin_spool *s, const char *name, char out[PATH_MAX]);

/* Add a file at the end of the list. HIN_ENOMEM. */
HIN_MUST_USE enum hin_code spool_list_file(struct hin_spool *s, const struct spool_file *file,
					   struct hin_error *err);

/* Read the folder, cut the torn end, find the mark. */
HIN_MUST_USE enum hin_code spool_recover(struct hin_spool *s, const uint8_t *public_key,
					 struct hin_batch_mark *mark, struct hin_spool_found *found,
					 struct hin_error *err);
