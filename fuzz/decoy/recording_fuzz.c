/*
 * Recordings of any bytes. An input is a mode byte and, in mode 0, the three files of a segment
 * (32-bit lengths of .hkey and .hseal, then the three); lengths that fit get a CRC that fits too,
 * so that what is behind it is reached. They are listed, read, searched, followed, checked and
 * taken over by a recorder. In mode 1 the input is what the chunks of one session hold, decrypted.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "decoy/record/recording_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];

static void path_of(char out[128], const char *ending)
{
	snprintf(out, 128, "%s/00000001-20251122%s", folder, ending);
}

static void write_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

static void make_folder(void)
{
	static const uint8_t key[RECORDING_KEY];
	char path[128];

	if (folder[0] != '\0')
		return;
	hin_log_setup(open("/dev/null", O_WRONLY), HIN_LOG_ERROR);
	snprintf(folder, sizeof(folder), "%s/hinomi-recording-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/recording.key", folder);
	write_file(path, key, sizeof(key));
}

/* Have right heads and CRCs. */
static void repair(uint8_t *file, size_t size, enum recording_file which)
{
	static const uint8_t master[RECORDING_KEY];
	struct recording_head head = { .segment = 1, .made_us = 1763812800000000 };
	size_t at = RECORDING_HEAD, one;

	if (size < RECORDING_HEAD)
		return;
	recording_key_id(head.key_id, master);
	recording_head_write(file, which, &head);
	while (which != RECORDING_KEYS && size - at >= RECORDING_FRAME_HEAD &&
	       (one = recording_frame_size(file + at, size - at)) > 0) {
		recording_frame_finish(file + at, one);
		at += RECORDING_FRAME_HEAD + one;
	}
}

static bool take_entry(void *into, const struct hin_recording_entry *entry)
{
	uint64_t *numbers = into;

	numbers[1 + numbers[0]++ % 16] = entry->number;
	return strlen(entry->about.host) <= HIN_RECORDING_NAME + 70000;
}

static bool take_item(void *into, const struct hin_recording_entry *entry,
		      const struct hin_recording_item *item)
{
	uint8_t *sum = into;

	(void)entry;
	for (size_t k = 0; item->kind == HIN_RECORDING_BYTES && k < item->size; k++)
		*sum ^= item->data[k];
	for (size_t k = 0; item->kind == HIN_RECORDING_EVENT && k < item->event.a_size; k++)
		*sum ^= ((const uint8_t *)item->event.a)[k];
	for (size_t k = 0; item->kind == HIN_RECORDING_EVENT && k < item->event.b_size; k++)
		*sum ^= ((const uint8_t *)item->event.b)[k];
	return true;
}

static bool take_hit(void *into, const struct hin_recording_entry *entry,
		     const struct hin_recording_hit *hit)
{
	(void)entry;
	(void)into;
	return hit->at < hit->size;
}

static void read_one(struct hin_recordings *recordings, uint64_t number)
{
	struct hin_recording *recording;
	struct hin_recording_item item;
	struct hin_buffer out = { .limit = 1 << 20 };
	struct hin_error err;
	uint8_t sum = 0;

	if (hin_recording_open(&recording, recordings, number, &err) != HIN_OK)
		return;
	while (hin_recording_next(recording, &item, &err) == HIN_OK)
		take_item(&sum, NULL, &item);
	hin_recording_close(recording);
	if (hin_recording_open(&recording, recordings, number, &err) != HIN_OK)
		return;
	(void)!hin_recording_cast(recording, 0, true, 1000, &out, &err);
	hin_recording_close(recording);
	hin_buffer_fini(&out);
}

static void read_all(void)
{
	static const struct hin_recording_filter all = { .most = 100 },
						 word = { .word = "wget", .most = 100 };
	struct hin_recordings *recordings;
	struct hin_recording_check check;
	uint64_t numbers[17] = { 0 };
	struct hin_error err;
	uint8_t sum = 0;

	if (hin_recordings_open(&recordings, folder, &err) != HIN_OK)
		return;
	(void)!hin_recordings_list(recordings, &all, take_entry, numbers, &err);
	for (size_t k = 0; k < numbers[0] && k < 16; k++)
		read_one(recordings, numbers[1 + k]);
	(void)!hin_recordings_list(recordings, &word, take_entry, numbers, &err);
	(void)!hin_recordings_search(recordings, &all, 3, "GET", 3, take_hit, NULL, &err);
	(void)!hin_recordings_follow(recordings, numbers[1], take_item, &sum, &err);
	(void)!hin_recordings_verify(recordings, 0, NULL, true, NULL, NULL, &check, &err);
	hin_recordings_close(recordings);
}

static void as_files(const uint8_t *data, size_t size)
{
	static const struct hin_recording_settings settings = { .write_interval_ns = 1000000,
								.sync_interval_ns = 1000000,
								.seal_interval_ns = 1000000,
								.segment_bytes = 1 << 20,
								.session_bytes = 1 << 20,
								.source_bytes = 1 << 20,
								.memory_bytes = 1 << 20,
								.max_bytes = UINT64_MAX };
	static const uint8_t seed[32];
	struct hin_reader in = hin_reader_of(data, size);
	size_t sizes[RECORDING_FILES];
	struct hin_recorder *recorder;
	struct hin_sensor_key key;
	char path[128];

	make_folder();
	sizes[RECORDING_KEYS] = hin_read_le32(&in) % (in.left + 1);
	sizes[RECORDING_SEALS] = hin_read_le32(&in) % (in.left + 1);
	if (sizes[RECORDING_KEYS] + sizes[RECORDING_SEALS] > in.left)
		return;
	sizes[RECORDING_REC] = in.left - sizes[RECORDING_KEYS] - sizes[RECORDING_SEALS];
	for (unsigned k = RECORDING_FILES; k > 0; k--) { /* .hseal, .hkey, .hrec */
		size_t one = sizes[k - 1];
		uint8_t *file = malloc(one + 1);
		const uint8_t *from = hin_read_bytes(&in, one);

		if (file == NULL || from == NULL)
			abort();
		memcpy(file, from, one);
		repair(file, one, (enum recording_file)(k - 1));
		path_of(path, recording_endings[k - 1]);
		write_file(path, file, one);
		free(file);
	}
	read_all();
	if (hin_sensor_key_of_seed(&key, seed, NULL) == HIN_OK &&
	    hin_recorder_open(&recorder, folder, &settings, &key, 1763812900000000, NULL) == HIN_OK)
		hin_recorder_close(recorder, 1763812900000001);
	read_all();
	path_of(path, ".torn");
	unlink(path);
}

static enum hin_code fetch(void *user, uint64_t ordinal, const uint8_t **text, size_t *size)
{
	static const uint8_t string[40] = "a string that was said more than once";

	(void)user;
	*text = string;
	*size = sizeof(string);
	return ordinal < 3 ? HIN_OK : HIN_EFORMAT;
}

static void as_chunks(const uint8_t *data, size_t size)
{
	static const uint8_t master[RECORDING_KEY], salt[RECORDING_SALT] = { 1 };
	struct hin_reader in = hin_reader_of(data, size);
	struct recording_decoder decoder = { .segment = 1, .slot = 5, .fetch = fetch };
	struct recording_seal seal = { 0 };
	struct hin_recording_item item;
	uint64_t seq = 0;

	recording_secret_make(&decoder.secret, master, salt, 1, 5);
	while (in.left > 0) {
		size_t one = recording_get(&in) % (in.left + 1), check = seq == 0 ? 2 : 0;
		const uint8_t *from = hin_read_bytes(&in, one);
		uint8_t *body = malloc(one + check + 1);
		struct recording_record record = { .type = RECORDING_CHUNK,
						   .slot = 5,
						   .seq = seq,
						   .body = body,
						   .size = one + check };

		if (body == NULL || from == NULL) {
			free(body);
			break;
		}
		memcpy(body, decoder.secret.check, check);
		memcpy(body + check, from, one);
		recording_cipher(body, body, one + check, &decoder.secret, seq++);
		if (recording_decoder_chunk(&decoder, &record) == HIN_OK) {
			while (recording_decoder_next(&decoder, &item) == HIN_OK)
				recording_count(&seal, &decoder.secret, &item);
		}
		free(body);
	}
	recording_decoder_fini(&decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || sodium_init() < 0)
		return 0;
	if (data[0] & 1)
		as_chunks(data + 1, size - 1);
	else
		as_files(data + 1, size - 1);
	return 0;
}
