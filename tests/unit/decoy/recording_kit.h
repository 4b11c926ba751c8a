/* recording_kit - what the tests of recordings share: a folder, a key, sessions. */
#pragma once
#include "../test.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "decoy/record/recording.h"
#include "decoy/record/recording_reader.h"

#define NOON INT64_C(1763812800000000) /* 2025-11-22 12:00 UTC, in us */

struct kit {
	char folder[64];
	struct hin_sensor_key key;
	struct hin_recording_settings settings;
	struct hin_recorder *recorder;
};

static inline void kit_open(struct kit *kit, int64_t now_us)
{
	struct hin_error err = { 0 };

	if (hin_recorder_open(&kit->recorder, kit->folder, &kit->settings, &kit->key, now_us,
			      &err) != HIN_OK)
		fail_msg("open: %s", err.text);
}

static inline void kit_begin(struct kit *kit)
{
	static const uint8_t seed[32] = { 7 };

	*kit = (struct kit){ .folder = "/tmp/hinomi-recording-XXXXXX",
			     .settings = { .write_interval_ns = 500000000,
					   .sync_interval_ns = 1000000000,
					   .seal_interval_ns = INT64_C(10000000000),
					   .segment_bytes = 1 << 20,
					   .session_bytes = 1 << 20,
					   .source_bytes = 1 << 24,
					   .memory_bytes = 1 << 22,
					   .max_bytes = 1 << 30 } };
	assert_non_null(mkdtemp(kit->folder));
	assert_int_equal(hin_sensor_key_of_seed(&kit->key, seed, NULL), HIN_OK);
	kit_open(kit, NOON);
}

static inline void kit_close(struct kit *kit, int64_t now_us)
{
	hin_recorder_close(kit->recorder, now_us);
	kit->recorder = NULL;
}

static inline void kit_remove(const char *folder)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	assert_int_equal(system(command), 0);
}

static inline void kit_end(struct kit *kit)
{
	kit_close(kit, NOON + 3600000000);
	kit_remove(kit->folder);
}

static inline void kit_flush(struct kit *kit, int64_t now_us)
{
	struct hin_error err = { 0 };

	if (hin_recorder_flush(kit->recorder, now_us, &err) != HIN_OK)
		fail_msg("flush: %s", err.text);
}

static inline struct hin_recordings *kit_read(const struct kit *kit)
{
	struct hin_recordings *recordings = NULL;
	struct hin_error err = { 0 };

	if (hin_recordings_open(&recordings, kit->folder, &err) != HIN_OK)
		fail_msg("read: %s", err.text);
	return recordings;
}

static inline struct hin_recording_about kit_about(unsigned client, int64_t time_us)
{
	return (struct hin_recording_about){ .time_us = time_us,
					     .client = hin_addr_of_v4(0xc6336400u + client),
					     .server = hin_addr_of_v4(0x0a000005),
					     .client_port = 40000,
					     .server_port = 22,
					     .service = 1,
					     .host = "fileserver",
					     .persona = "debian12" };
}

static inline uint64_t kit_session(struct kit *kit, unsigned client, int64_t time_us)
{
	struct hin_recording_about about = kit_about(client, time_us);
	uint64_t number;

	assert_int_equal(hin_recorder_begin(kit->recorder, &about, &number), HIN_OK);
	assert_true(number > 0);
	return number;
}

static inline void kit_say(struct kit *kit, uint64_t number, int64_t time_us,
			   enum hin_direction direction, const char *text)
{
	hin_recorder_bytes(kit->recorder, number, time_us, 1, direction, text, strlen(text));
}

static inline void kit_tell(struct kit *kit, uint64_t number, int64_t time_us, uint16_t type,
			    const char *a, const char *b, uint64_t value, uint8_t verdict)
{
	struct hin_event event = { .time_us = time_us,
				   .type = type,
				   .verdict = verdict,
				   .channel = 1,
				   .number = value,
				   .a = a,
				   .b = b,
				   .a_size = a != NULL ? strlen(a) : 0,
				   .b_size = b != NULL ? strlen(b) : 0 };

	hin_recorder_event(kit->recorder, number, &event);
}

static inline void kit_over(struct kit *kit, uint64_t number, int64_t time_us)
{
	uint8_t digest[32];

	assert_true(hin_recorder_end(kit->recorder, number, time_us, HIN_CLOSE_CLIENT, digest));
}

/* The whole of a session as text: ">" to and "<" from the client, "!" events, "?" gaps. */
static inline enum hin_code kit_text(struct hin_recordings *recordings, uint64_t number,
				     struct hin_buffer *out)
{
	struct hin_recording *recording = NULL;
	struct hin_recording_item item;
	struct hin_error err = { 0 };
	enum hin_code code = hin_recording_open(&recording, recordings, number, &err);

	while (code == HIN_OK && (code = hin_recording_next(recording, &item, &err)) == HIN_OK) {
		switch (item.kind) {
		case HIN_RECORDING_BYTES:
			hin_buffer_putc(out, item.direction == HIN_TO_CLIENT ? '>' : '<');
			hin_buffer_add(out, item.data, item.size);
			break;
		case HIN_RECORDING_EVENT:
			hin_buffer_printf(out, "!%u:", item.event.type);
			hin_buffer_add(out, item.event.a, item.event.a_size);
			hin_buffer_putc(out, ',');
			hin_buffer_add(out, item.event.b, item.event.b_size);
			break;
		case HIN_RECORDING_GAP:
			hin_buffer_printf(out, "?%zu", item.size);
			break;
		}
	}
	hin_recording_close(recording);
	assert_false(out->failed);
	return code;
}

static inline void kit_check(const struct kit *kit, struct hin_recording_check *out,
			     hin_recording_finding_fn fn, void *into)
{
	struct hin_recordings *recordings = kit_read(kit);
	struct hin_error err = { 0 };

	if (hin_recordings_verify(recordings, 0, kit->key.public_key, false, fn, into, out, &err) !=
	    HIN_OK)
		fail_msg("verify: %s", err.text);
	hin_recordings_close(recordings);
}

/* The path of file number `index` (by name) with an ending. */
static inline void kit_file(const struct kit *kit, const char *ending, unsigned index,
			    char out[PATH_MAX])
{
	struct dirent **names;
	int count = scandir(kit->folder, &names, NULL, alphasort);
	bool found = false;

	assert_true(count > 0);
	for (int k = 0; k < count; k++) {
		size_t size = strlen(names[k]->d_name);

		if (!found && size > strlen(ending) &&
		    strcmp(names[k]->d_name + size - strlen(ending), ending) == 0 && index-- == 0) {
			snprintf(out, PATH_MAX, "%s/%s", kit->folder, names[k]->d_name);
			found = true;
		}
		free(names[k]);
	}
	free(names);
	if (!found)
		fail_msg("no file %s in %s", ending, kit->folder);
}

static inline void kit_load(const char *path, struct hin_buffer *out)
{
	hin_buffer_reset(out);
	assert_int_equal(hin_file_read(out, path, 1 << 28, NULL), HIN_OK);
}

/* Write a file in place, as somebody who tampers does. */
static inline void kit_store(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd != -1);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	close(fd);
}
