/*
 * recording_reader - list, read, follow, search and check what was recorded
 *(decoy/record/recording.h).
 *
 * It only reads, so that it may run beside the recorder, as another process: what was written since
 * is seen by hin_recordings_refresh() and by a reading that goes on. Everything in the files is
 * taken as hostile.
 *
 *	hin_recordings_open(&recordings, folder, &err);
 *	hin_recordings_list(recordings, &filter, take, into, &err);
 *	hin_recording_open(&recording, recordings, number, &err);
 *	while ((code = hin_recording_next(recording, &item, &err)) == HIN_OK)
 *		...
 *	hin_recording_close(recording);
 *	hin_recordings_close(recordings);
 *
 * Ownership: the caller owns both; recordings outlive what was opened of them.
 * Threads:   one thread at a time for each folder opened.
 */
#pragma once
#include "base/buffer.h"
#include "decoy/record/recording.h"

struct hin_recordings;
struct hin_recording;

/*
 * Open the folder. HIN_ENOENT there is none; HIN_EDENIED recording.key may be read by others. A
 * folder without recording.key can be listed and checked, but not read.
 */
HIN_MUST_USE enum hin_code hin_recordings_open(struct hin_recordings **out, const char *folder,
					       struct hin_error *err);
void hin_recordings_close(struct hin_recordings *recordings); /* NULL is fine */

/* See what was written, sealed or removed since. HIN_ESYS, HIN_ENOMEM. */
HIN_MUST_USE enum hin_code hin_recordings_refresh(struct hin_recordings *recordings,
						  struct hin_error *err);

/* ---- listing ---- */

enum hin_recording_flag {
	HIN_RECORDING_RUNNING = 1,    /* it goes on, as far as is written */
	HIN_RECORDING_CUT = 2,	      /* the recorder died during it */
	HIN_RECORDING_LOGIN = 4,      /* a credential was accepted */
	HIN_RECORDING_HONEYTOKEN = 8, /* a planted thing was used */
	HIN_RECORDING_GAPS = 16,      /* bytes are missing: a limit, or a full disk */
	HIN_RECORDING_ERASED = 32,    /* hin_recording_erase(): nothing to read */
};

/* What the list tells of a session. Texts live until the next call on the recordings. */
struct hin_recording_entry {
	uint64_t number;
	struct hin_recording_about about;
	int64_t end_us; /* of its last item, so far */
	unsigned flags;
	enum hin_close why;
	uint64_t from_client, to_client; /* bytes */
	uint64_t missing;		 /* bytes of gaps */
	uint32_t credentials, commands, files, downloads, forwards;
	uint32_t chunks;
	uint8_t digest[32]; /* the end of its chain; zero while running */
};

/* All that is set must fit. { 0 } is every session. */
struct hin_recording_filter {
	const struct hin_prefix *source, *target; /* NULL = any */
	const char *host, *persona;
	uint16_t service;	     /* 0 = any */
	int64_t begin_us, end_us;    /* began at or after, and before; 0 = any */
	unsigned flags;		     /* all of them */
	bool with_commands;	     /* at least one */
	const char *word;	     /* a whole word of a command line: "wget", "/tmp/x.sh" */
	const char *user, *password; /* of one credential that was tried */
	size_t most;		     /* the newest so many; 0 = all */
};

/* Take one entry; false ends the listing. */
typedef bool (*hin_recording_entry_fn)(void *into, const struct hin_recording_entry *entry);

/*
 * Give the sessions that fit to `fn`, the newest first. Only the seals are read, and of sessions
 * that are not sealed yet all; with `word`, `user` or `password` also the sessions that may have
 * them, by a keyed mark of 64 bits in their seal. HIN_ENOMEM, HIN_ESYS; damage in a
 * segment is passed over (hin_recordings_verify() tells of it).
 */
HIN_MUST_USE enum hin_code hin_recordings_list(struct hin_recordings *recordings,
					       const struct hin_recording_filter *filter,
					       hin_recording_entry_fn fn, void *into,
					       struct hin_error *err);

/* One entry. HIN_ENOENT. */
HIN_MUST_USE enum hin_code hin_recordings_find(struct hin_recordings *recordings, uint64_t number,
					       struct hin_recording_entry *out,
					       struct hin_error *err);

/* ---- one session ---- */

enum hin_recording_kind {
	HIN_RECORDING_BYTES,
	HIN_RECORDING_EVENT,
	HIN_RECORDING_GAP, /* `size` bytes were said here that are not kept */
};

/* Data and texts live until the next call on the recording. */
struct hin_recording_item {
	enum hin_recording_kind kind;
	int64_t time_us;
	uint32_t channel;
	enum hin_direction direction; /* of bytes */
	const uint8_t *data;
	size_t size;
	struct hin_event event; /* of an event */
};

/*
 * HIN_ENOENT no such session; HIN_EDENIED it was erased, or there is no recording.key; HIN_ENOMEM,
 * HIN_ESYS.
 */
HIN_MUST_USE enum hin_code hin_recording_open(struct hin_recording **out,
					      struct hin_recordings *recordings, uint64_t number,
					      struct hin_error *err);
void hin_recording_close(struct hin_recording *recording); /* NULL is fine */

/*
 * The next item, in order. HIN_EOF behind the last; HIN_EAGAIN when the session goes on and there
 * is no more yet (call hin_recordings_refresh(), then again); HIN_EFORMAT or HIN_ETRUNCATED when
 * it is damaged from here on; HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_recording_next(struct hin_recording *recording,
					      struct hin_recording_item *item,
					      struct hin_error *err);

/* What the list knows of it, as of when it was opened. */
const struct hin_recording_entry *hin_recording_entry(const struct hin_recording *recording);

/*
 * Append the session as asciicast v2 (decoy/record/cast.h): what channel `channel` showed and, with
 * `input`, what was typed. Channel 0 takes the first that has a shell, or what there is.
 */
HIN_MUST_USE enum hin_code hin_recording_cast(struct hin_recording *recording, uint32_t channel,
					      bool input, int64_t idle_limit_us,
					      struct hin_buffer *out, struct hin_error *err);

/* The same as cowrie's ttylog (decoy/record/ttylog.h). */
HIN_MUST_USE enum hin_code hin_recording_ttylog(struct hin_recording *recording, uint32_t channel,
						struct hin_buffer *out, struct hin_error *err);

/* ---- all sessions as they happen ---- */

/* Take one item of a session; false ends the call. An item of a new session comes with its entry.
 */
typedef bool (*hin_recording_item_fn)(void *into, const struct hin_recording_entry *entry,
				      const struct hin_recording_item *item);

/*
 * Give what was written since the call before to `fn`, in the order it was written; the first call
 * begins with the sessions that begin after it, or with `number` when it is not 0, and then only
 * that one's items, those of before too. HIN_OK: that was all for now; HIN_EOF: the session
 * `number` has ended. hin_recordings_wait() waits for more.
 */
HIN_MUST_USE enum hin_code hin_recordings_follow(struct hin_recordings *recordings, uint64_t number,
						 hin_recording_item_fn fn, void *into,
						 struct hin_error *err);

/* Wait until files have changed, `timeout_ms` at the most. False: they have not. */
bool hin_recordings_wait(struct hin_recordings *recordings, int timeout_ms);

/* ---- search ---- */

struct hin_recording_hit {
	int64_t time_us;
	uint32_t channel;
	bool typed;	     /* else seen */
	const uint8_t *text; /* what stands around it, at most 80 bytes, of a stranger */
	size_t size;
	size_t at; /* of the match in `text` */
};
typedef bool (*hin_recording_hit_fn)(void *into, const struct hin_recording_entry *entry,
				     const struct hin_recording_hit *hit);

enum { HIN_RECORDING_TYPED = 1, HIN_RECORDING_SEEN = 2 };
#define HIN_RECORDING_NEEDLE 256 /* most bytes searched for */

/*
 * Search the sessions that fit `filter` for the bytes of `needle` (1 to HIN_RECORDING_NEEDLE;
 * ASCII letters match either case) in what was typed, seen, or both: also where they came in
 * pieces. HIN_ELIMIT, HIN_ENOMEM, HIN_ESYS.
 */
HIN_MUST_USE enum hin_code hin_recordings_search(struct hin_recordings *recordings,
						 const struct hin_recording_filter *filter,
						 unsigned where, const void *needle, size_t size,
						 hin_recording_hit_fn fn, void *into,
						 struct hin_error *err);

/* ---- check ---- */

enum hin_recording_verdict {
	HIN_RECORDING_WHOLE,	 /* chain, seal and signature fit */
	HIN_RECORDING_UNSEALED,	 /* its chain fits; it runs, or its seal is missing */
	HIN_RECORDING_CHANGED,	 /* bytes of it are not those that were sealed */
	HIN_RECORDING_DROPPED,	 /* chunks are missing */
	HIN_RECORDING_REORDERED, /* chunks are not in their order */
	HIN_RECORDING_TRUNCATED, /* its end is missing */
	HIN_RECORDING_UNSIGNED,	 /* its seal is not signed by the sensor's key, or was changed */
};

/* What was found of a session (`number`), or of a segment as a whole (`number` with place 0). */
struct hin_recording_finding {
	uint64_t number;
	enum hin_recording_verdict verdict;
	char text[160]; /* one line, safe to print */
};
typedef void (*hin_recording_finding_fn)(void *into, const struct hin_recording_finding *finding);

struct hin_recording_check {
	uint64_t segments, sessions, whole, unsealed, bad; /* sessions by verdict */
	uint64_t seals;					   /* signatures checked */
	uint64_t bytes;
	uint64_t damaged_segments; /* something of the segment itself is wrong */
	uint64_t head;		   /* number of the last signature */
	uint8_t head_digest[32];
};

/*
 * Check all, or the segment of `number` when that is not 0. `public_key` may be NULL: then the key
 * that the segments name is taken, which shows that nothing was damaged but not by whom it was
 * written. With `every`, `fn` is told of whole sessions too. `fn` may be NULL. HIN_OK: all was
 * looked at, and out->bad + out->damaged_segments say what was found; HIN_ESYS, HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_recordings_verify(struct hin_recordings *recordings, uint64_t number,
						 const uint8_t public_key[HIN_KEY_PUBLIC],
						 bool every, hin_recording_finding_fn fn,
						 void *into, struct hin_recording_check *out,
						 struct hin_error *err);
