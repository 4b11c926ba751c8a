/*
 * recording - every session byte for byte with its times, so that it can be shown to be whole.
 *
 * One process writes: the recorder. It is told of sessions that begin, of their bytes and events,
 * and of their end, as they come and mixed. It keeps them in a folder of segments, each of them
 * three files that only grow (doc/recording.md has every byte):
 *
 *	00000001-20261122.hrec	what happened: chunks of many sessions, each encrypted under a key
 *of its session and chained to the chunk before by SHA-256 00000001-20261122.hkey	16 bytes a
 *session, of which and recording.key its key is made; to overwrite them is to erase what the
 *session said 00000001-20261122.hseal	the sessions that have ended: about each one a line, its
 *chain's end, and a signature of the sensor over many; this is the list too
 *	recording.key		32 random bytes, mode 0600, made by the first recorder; it may be a
 *				symbolic link to a safer place
 *
 * What was told is in memory until it is written (`write_interval`), and may be lost with the
 * machine's power until it is synced (`sync_interval`) or hin_recorder_flush() has returned. A
 * process that dies leaves a torn end at the most: the next recorder cuts it, says so, and seals
 * the sessions that had not ended as cut.
 *
 * Bytes that are over a limit, or came while the disk was full and memory was used up, are counted
 * and stand in the recording as a gap; nothing here ever stops a session.
 *
 * Ownership: the caller owns a recorder; what it is told is copied.
 * Threads:   one thread at a time for each. One recorder a folder, any number of readers
 *            (decoy/record/recording_reader.h) beside it.
 */
#pragma once
#include "base/config.h"
#include "base/time.h"
#include "decoy/session.h"
#include "observe/key.h"

#define HIN_RECORDING_NAME 255	      /* most bytes of a host's or persona's name */
#define HIN_RECORDING_SESSIONS 100000 /* most sessions at once */

/*
 * A session's number: segment << 24 | place in it, never used again. People see and give it as
 * "segment.place": "12.345".
 */
#define HIN_RECORDING_NUMBER_TEXT 32
char *hin_recording_number_format(char out[HIN_RECORDING_NUMBER_TEXT], uint64_t number);
HIN_MUST_USE enum hin_code hin_recording_number_parse(uint64_t *out, const char *text,
						      struct hin_error *err);

/* What is known when a session begins. */
struct hin_recording_about {
	int64_t time_us; /* since 1970 UTC, of the real clock */
	struct hin_addr client, server;
	uint16_t client_port, server_port;
	uint16_t service;	    /* registry services */
	const char *host, *persona; /* names of ours; longer ones are cut */
};

struct hin_recording_settings {
	int64_t write_interval_ns; /* what was told is written this much later at the most */
	int64_t sync_interval_ns;  /* and is on the disk after this much */
	int64_t seal_interval_ns;  /* a session that has ended is sealed after this much */
	uint64_t segment_bytes;	   /* a segment takes no new session above */
	uint64_t session_bytes;	   /* most kept of one session */
	uint64_t source_bytes;	   /* most kept of one source a day */
	uint64_t memory_bytes;	   /* most that waits to be written */
	uint64_t max_bytes;	   /* of all segments; the oldest goes first */
	int64_t max_age_ns;	   /* of a segment since its last session; 0 = no limit */
};

/* The rows for a program's table of settings (base/config.h); `struct_type` has a member
 * `member` of struct hin_recording_settings. */
#define HIN_RECORDING_ROWS(struct_type, member)                                                    \
	{ "recording.write_interval",                                                              \
	  { HIN_VALUE_DURATION, HIN_NS_PER_MS, HIN_NS_PER_MIN },                                   \
	  offsetof(struct_type, member.write_interval_ns),                                         \
	  "500ms",                                                                                 \
	  "what sessions say is written this much later at the most",                              \
	  "セッションの内容を書き出すまでの最大時間",                                              \
	  NULL },                                                                                  \
		{ "recording.sync_interval",                                                       \
		  { HIN_VALUE_DURATION, HIN_NS_PER_MS, HIN_NS_PER_MIN },                           \
		  offsetof(struct_type, member.sync_interval_ns),                                  \
		  "1s",                                                                            \
		  "what was written is brought to the disk after this much",                       \
		  "書き出した内容をディスクに確定するまでの時間",                                  \
		  NULL },                                                                          \
		{ "recording.seal_interval",                                                       \
		  { HIN_VALUE_DURATION, HIN_NS_PER_MS, HIN_NS_PER_HOUR },                          \
		  offsetof(struct_type, member.seal_interval_ns),                                  \
		  "10s",                                                                           \
		  "sessions that have ended are sealed together after this much",                  \
		  "終了したセッションをまとめて封印するまでの時間",                                \
		  NULL },                                                                          \
		{ "recording.segment",                                                             \
		  { HIN_VALUE_SIZE, 1 << 16, (int64_t)1 << 32 },                                   \
		  offsetof(struct_type, member.segment_bytes),                                     \
		  "128M",                                                                          \
		  "a file of recordings takes no new sessions above this size",                    \
		  "この大きさを超えた記録ファイルには新しいセッションを入れない",                  \
		  NULL },                                                                          \
		{ "recording.session",                                                             \
		  { HIN_VALUE_SIZE, 1 << 12, (int64_t)1 << 32 },                                   \
		  offsetof(struct_type, member.session_bytes),                                     \
		  "16M",                                                                           \
		  "most bytes kept of one session",                                                \
		  "一つのセッションについて保存する最大バイト数",                                  \
		  NULL },                                                                          \
		{ "recording.source",                                                              \
		  { HIN_VALUE_SIZE, 1 << 12, (int64_t)1 << 40 },                                   \
		  offsetof(struct_type, member.source_bytes),                                      \
		  "64M",                                                                           \
		  "most bytes kept of one source address a day",                                   \
		  "一つの送信元アドレスについて一日に保存する最大バイト数",                        \
		  NULL },                                                                          \
		{ "recording.memory",                                                              \
		  { HIN_VALUE_SIZE, 1 << 16, (int64_t)1 << 36 },                                   \
		  offsetof(struct_type, member.memory_bytes),                                      \
		  "32M",                                                                           \
		  "most bytes that wait to be written, as when the disk is full",                  \
		  "書き出しを待つ最大バイト数（ディスクが一杯のときなど）",                        \
		  NULL },                                                                          \
		{ "recording.max_bytes",                                                           \
		  { HIN_VALUE_SIZE, 1 << 20, INT64_MAX },                                          \
		  offsetof(struct_type, member.max_bytes),                                         \
		  "4G",                                                                            \
		  "most bytes of all recordings; the oldest go first",                             \
		  "記録全体の最大バイト数（古いものから消す）",                                    \
		  NULL },                                                                          \
	{                                                                                          \
		"recording.max_age", { HIN_VALUE_DURATION, 0, 3650 * HIN_NS_PER_DAY },             \
			offsetof(struct_type, member.max_age_ns), "180d",                          \
			"recordings older than this go; 0 keeps them",                             \
			"これより古い記録は消す（0で消さない）", NULL                              \
	}

/* Counts since the recorder was opened. */
struct hin_recorder_stats {
	uint64_t sessions;	   /* begun */
	uint64_t running;	   /* now */
	uint64_t sealed, cut;	   /* `cut`: of an earlier recorder that had died */
	uint64_t refused;	   /* sessions not recorded: no memory, or too many at once */
	uint64_t said_bytes;	   /* of sessions, as they were told */
	uint64_t written_bytes;	   /* to all files */
	uint64_t lost_bytes;	   /* told, not kept: a full disk or no memory */
	uint64_t limited_bytes;	   /* told, not kept: over a limit of a session or source */
	uint64_t write_errors;	   /* times that the disk refused */
	uint64_t torn_bytes;	   /* cut off what an earlier recorder left */
	uint64_t expired_segments; /* that went by age or size */
	uint64_t segments, bytes;  /* on the disk now */
	bool blocked;		   /* the disk refuses now; it is tried again */
};

struct hin_recorder;

/*
 * Open the folder for recording; one that does not exist is made (0700). What an earlier recorder
 * left unsealed is cut and sealed. `key` signs, and outlives the recorder. `now_us`: real clock.
 *
 * HIN_EDENIED another recorder writes there, or recording.key may be read by others; HIN_EVERIFY
 * recording.key is not the one that segments were written with; HIN_ESYS, HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_recorder_open(struct hin_recorder **out, const char *folder,
					     const struct hin_recording_settings *settings,
					     const struct hin_sensor_key *key, int64_t now_us,
					     struct hin_error *err);

/*
 * Write, seal and sync what there is, as far as the disk takes it, and free. Sessions that still
 * run are sealed as ended by HIN_CLOSE_STOP at `now_us`. NULL is fine.
 */
void hin_recorder_close(struct hin_recorder *recorder, int64_t now_us);

/* Take new limits; they hold from now on. */
void hin_recorder_settings(struct hin_recorder *recorder,
			   const struct hin_recording_settings *settings);

/*
 * A session begins; `*number` names it from now on. HIN_ELIMIT or HIN_ENOMEM: it is not recorded,
 * which is counted; `*number` is 0 then, and calls with 0 do nothing.
 */
HIN_MUST_USE enum hin_code hin_recorder_begin(struct hin_recorder *recorder,
					      const struct hin_recording_about *about,
					      uint64_t *number);

/* Bytes of the session. Times that go back are taken as those of what came before. */
void hin_recorder_bytes(struct hin_recorder *recorder, uint64_t number, int64_t time_us,
			uint32_t channel, enum hin_direction direction, const void *data,
			size_t size);

/* Something that happened in it. HIN_EVENT_OPEN and HIN_EVENT_CLOSE are kept as others are. */
void hin_recorder_event(struct hin_recorder *recorder, uint64_t number,
			const struct hin_event *event);

/*
 * It is over; `number` must not be used again. True: `digest` is the end of its chain, which its
 * seal will have; false when it was not recorded.
 */
bool hin_recorder_end(struct hin_recorder *recorder, uint64_t number, int64_t time_us,
		      enum hin_close why, uint8_t digest[32]);

/*
 * Do what is due at `now_us` (real clock): write, sync, seal, begin a new segment with a new day,
 * remove what is too old or too much. Returns when it wants to be called again. Errors of the disk
 * are logged (limited) and counted, and tried again.
 */
int64_t hin_recorder_run(struct hin_recorder *recorder, int64_t now_us);

/*
 * Write, seal and sync all now: when it returns HIN_OK, all that was told is on the disk but what
 * is counted as lost. HIN_ESYS when the disk refuses; it stays in memory then.
 */
HIN_MUST_USE enum hin_code hin_recorder_flush(struct hin_recorder *recorder, int64_t now_us,
					      struct hin_error *err);

struct hin_recorder_stats hin_recorder_stats(const struct hin_recorder *recorder);

/*
 * The last signature that is on the disk: its number since the first ever, and the SHA-256 that it
 * signs, which covers all before it. To be told elsewhere (a ledger), so that nobody can take a
 * whole end of the recordings away. False before the first.
 */
bool hin_recorder_head(const struct hin_recorder *recorder, uint64_t *number, uint8_t digest[32]);

/*
 * Erase what the session `number` said, as the law may ask: its key is overwritten and cannot be
 * made again, and so are the keys of byte strings that no other session has said too. Times,
 * addresses and sizes stay, and so do seal and chain, which are over what is encrypted: they can
 * be checked as before. It may be done beside a running recorder, by its user; the session must
 * have been sealed. Copies on other disks, and old blocks of a flash disk, are out of reach:
 * doc/recording.md tells what that means.
 *
 * HIN_ENOENT no such session, HIN_EAGAIN it is not sealed yet, HIN_ESYS.
 */
HIN_MUST_USE enum hin_code hin_recording_erase(const char *folder, uint64_t number,
					       struct hin_error *err);
