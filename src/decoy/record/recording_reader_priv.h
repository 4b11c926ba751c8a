/*
 * recording_reader_priv - a folder of recordings as a reader holds it, and one session of it.
 */
#pragma once
#include "decoy/record/recording_priv.h"

struct follower;

struct hin_recordings {
	char *folder;
	uint8_t master[RECORDING_KEY];
	bool has_master;
	struct recording_folder names;
	struct follower *follower; /* hin_recordings_follow() */
	int watch;		   /* inotify; -1 = none */
	char host[HIN_RECORDING_NAME + 1], persona[HIN_RECORDING_NAME + 1]; /* of find() */
};

struct hin_recording {
	struct recording_segment *segment;
	bool owned; /* the segment is its own */
	struct recording_decoder decoder;
	uint64_t *chunks;
	uint64_t count, next; /* chunks known, and the one to be read next */
	bool running;	      /* may get more */
	struct hin_buffer bytes;
	struct hin_recording_entry entry;
	char host[HIN_RECORDING_NAME + 1], persona[HIN_RECORDING_NAME + 1];
};

/* The master key, or NULL. */
static inline const uint8_t *recordings_master(const struct hin_recordings *recordings)
{
	return recordings->has_master ? recordings->master : NULL;
}

/* A session that has no seal and has not ended is one that runs, unless its segment is closed. */
static inline void recording_mark_running(const struct recording_segment *segment,
					  struct hin_recording_entry *entry)
{
	if (segment->closed || !(entry->flags & HIN_RECORDING_CUT))
		return;
	entry->flags &= ~(unsigned)HIN_RECORDING_CUT;
	entry->flags |= HIN_RECORDING_RUNNING;
}

/* A sealed session of an open segment, or one that is not sealed: `seal` is its summary. */
HIN_MUST_USE enum hin_code recording_open_in(struct hin_recording **out,
					     struct recording_segment *segment,
					     const struct recording_seal *seal, bool running,
					     struct hin_error *err);

/* Channel 0 becomes the first with a shell, or the first that has bytes. */
HIN_MUST_USE enum hin_code recording_channel(struct hin_recording *recording, uint32_t *channel,
					     struct hin_error *err);

/*
 * Give the sessions of the folder that fit to `fn`, the newest first, with their segment: what
 * list and search share. `fn` says false to end it.
 */
typedef bool (*recordings_session_fn)(void *user, struct recording_segment *segment,
				      const struct recording_seal *seal, bool running);
HIN_MUST_USE enum hin_code recordings_each(struct hin_recordings *recordings,
					   const struct hin_recording_filter *filter,
					   recordings_session_fn fn, void *user,
					   struct hin_error *err);

void follower_free(struct follower *follower);
