/*
 * recording_writer_priv - the recorder's side of a segment, and the recorder itself.
 *
 * A segment is written by recording_writer.c; recording.c has the sessions; recording_recover.c
 * opens a folder again and removes what is too old.
 */
#pragma once
#include "decoy/record/recording_priv.h"

#define WRITER_NAMES 6000u /* most names of a segment: hosts and personas */
#define WRITER_NAME_SLOTS 16384u
#define WRITER_SEGMENTS 16u /* most that are open at once */

/* Where the chain of signatures stands. */
struct seal_chain {
	uint64_t number, segment; /* of the last group, 0 before the first */
	uint8_t digest[32];
	bool blocked; /* a group was made and is not written yet */
};

struct tape;

struct writer {
	struct writer *next;
	uint64_t number;
	char *path; /* without ending */
	struct recording_head head;
	uint8_t head_bytes[RECORDING_HEAD];
	int files[RECORDING_FILES];
	bool dirty[RECORDING_FILES]; /* written and not synced */
	uint64_t rec_size, seal_size;
	uint32_t next_slot;
	int64_t made_day;
	bool full; /* takes no new sessions */
	bool closed;
	struct tape *tapes;	       /* all sessions that run */
	struct tape *said, *said_last; /* those with something to write, in their order */
	struct tape *ended;	       /* written whole, to be sealed */
	/* strings and names */
	struct recording_texts *texts;
	struct hin_buffer lead;		/* records to be written before chunks */
	uint64_t text_count, text_last; /* where the last one lies that a group told of */
	uint8_t text_chain[32];
	struct hin_buffer text_distances; /* of those that no group told of yet */
	uint64_t text_new;
	char **names;
	uint32_t names_count, names_sealed;
	uint32_t *name_slots; /* ordinal by hash */
	/* to be written */
	struct hin_buffer salts;
	uint32_t salts_first; /* slot of the first */
	struct hin_buffer frame;
	uint64_t frame_items;	 /* bytes of items in it */
	struct hin_buffer seals; /* of the next group */
	uint64_t seals_count;
	int64_t seals_since_us;
	struct hin_buffer group; /* made and not written */
	bool group_final;
	uint64_t last_group; /* in this file; 0 = none */
};

/*
 * What sources have said today: two rows of counters by a keyed hash of the address, of which the
 * smaller one counts. It takes the same memory however many sources there are; one that shares
 * both its counters with others is taken for a bit more than it said.
 */
#define SOURCE_ROWS 2u
#define SOURCE_SLOTS 4096u

struct sources {
	uint8_t key[crypto_shorthash_KEYBYTES];
	uint64_t bytes[SOURCE_ROWS][SOURCE_SLOTS];
	int64_t day;
};

/* One session that runs. */
struct tape {
	struct tape *hash_next, *next, *prev, *said_next, *said_prev;
	struct writer *writer;
	uint64_t number;
	struct recording_secret secret;
	uint8_t chain[32];
	uint64_t seq;
	uint32_t channel;
	int64_t last_us;
	struct hin_buffer pending; /* items of the next chunk */
	uint64_t said_bytes;
	uint64_t gap;
	uint16_t source[SOURCE_ROWS]; /* its counters */
	struct recording_seal seal;
	bool is_said, is_over;
};

/* Make a segment's files. */
HIN_MUST_USE enum hin_code writer_create(struct writer **out, const char *folder, uint64_t number,
					 int64_t now_us, const struct hin_sensor_key *key,
					 const uint8_t master[RECORDING_KEY],
					 struct hin_error *err);
/* Go on with one that a recorder left: to seal and close it only. */
HIN_MUST_USE enum hin_code writer_resume(struct writer **out, struct recording_segment *segment,
					 struct hin_error *err);
void writer_free(struct writer *writer);

/* The ordinal of a name; 0 when there is no room for it. */
uint32_t writer_name(struct writer *writer, const char *name);
/* A slot and its salt. False when all are used, or without memory. */
bool writer_slot(struct writer *writer, const uint8_t master[RECORDING_KEY], uint32_t *slot,
		 struct recording_secret *secret);
/* Append `size` bytes as pieces to `out`. */
void writer_pieces(struct writer *writer, const uint8_t master[RECORDING_KEY],
		   struct hin_buffer *out, const void *data, size_t size, bool ours);

/* A session has something to write. */
void writer_say(struct writer *writer, struct tape *tape);
/* Put what it said into the frame that is written next. False without memory, or too full. */
bool writer_take(struct writer *writer, struct tape *tape);
/* Write all that sessions have said. `*freed`: bytes of pending items that are written. */
HIN_MUST_USE enum hin_code writer_write(struct writer *writer, uint64_t *written, uint64_t *freed,
					struct hin_error *err);
HIN_MUST_USE enum hin_code writer_sync(struct writer *writer, struct hin_error *err);
/* A session waits to be sealed. False without memory. */
bool writer_add_seal(struct writer *writer, const struct recording_seal *seal, int64_t now_us);
/* Sign and write what waits to be sealed; `final` closes the segment. */
HIN_MUST_USE enum hin_code writer_seal(struct writer *writer, struct seal_chain *chain, bool final,
				       const struct hin_sensor_key *key, int64_t now_us,
				       uint64_t *written, struct hin_error *err);

/* ---- the recorder ---- */

struct hin_recorder {
	char *folder;
	int lock;
	struct hin_recording_settings settings;
	const struct hin_sensor_key *key;
	uint8_t master[RECORDING_KEY];
	struct hin_recorder_stats stats;
	struct seal_chain chain;
	uint64_t next_number;
	struct writer *writers; /* the newest first */
	struct writer *current; /* takes new sessions, or NULL */
	struct tape **tapes;	/* by number */
	size_t tape_slots;
	uint64_t waiting; /* bytes of pending items */
	struct sources *sources;
	uint64_t most_running; /* since memory was given back */
	int64_t now_us;
	int64_t write_at_us, sync_at_us, expire_at_us;
	struct old_segment {
		uint64_t number, bytes;
		int64_t end_us;
		char *path;
	} * old; /* closed ones, ascending */
	size_t old_count, old_room;
};

/* Lock and read the folder; close what was left open. */
HIN_MUST_USE enum hin_code recorder_recover(struct hin_recorder *recorder, int64_t now_us,
					    struct hin_error *err);
/* Note a closed segment; its files stay. */
HIN_MUST_USE enum hin_code recorder_add_old(struct hin_recorder *recorder, uint64_t number,
					    const char *path, int64_t end_us);
/* A segment was closed: sweep keys if there are erased ones. */
void recorder_sweep(const struct hin_recorder *recorder, const char *path);
void recorder_expire(struct hin_recorder *recorder, int64_t now_us);
