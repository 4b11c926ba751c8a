/*
 * Recordings of sessions against cowrie's way of keeping them: JSON lines, zlib behind it, synced
 * in groups too. Both are told of the same log-ins in one run.
 *
 * usage: hinomi-record-bench [SESSIONS [FOLDER]]
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/escape.h"
#include "base/file.h"
#include "decoy/record/recording_reader.h"
#include "decoy_logins.h"

#define FLYING 200 /* sessions at once */

static const struct hin_recording_settings settings = { .write_interval_ns = 500000000,
							.sync_interval_ns = 1000000000,
							.seal_interval_ns = 10000000000,
							.segment_bytes = 128 << 20,
							.session_bytes = 16 << 20,
							.source_bytes = 64 << 20,
							.memory_bytes = 32 << 20,
							.max_bytes = 1ull << 40 };

static int64_t real_us(void)
{
	return hin_time_now_ns() / 1000;
}

static double seconds_since(int64_t begin_ns)
{
	return (double)(hin_time_monotonic_ns() - begin_ns) / 1e9;
}

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void check(enum hin_code code, const struct hin_error *err)
{
	if (code == HIN_OK)
		return;
	fprintf(stderr, "hinomi-record-bench: %s\n", err->text);
	exit(1);
}

/* ---- ours ---- */

struct result {
	double seconds, cpu;
	uint64_t bytes;
};

static struct result ours(const char *folder, const struct hin_sensor_key *key, unsigned count,
			  bool telnet)
{
	struct {
		struct login login;
		uint64_t number;
		int64_t time_us;
	} *flying = calloc(FLYING, sizeof(*flying));
	int64_t begin = hin_time_monotonic_ns();
	double cpu = cpu_seconds();
	struct hin_recorder *recorder;
	struct hin_error err = { 0 };
	struct result result;

	check(hin_recorder_open(&recorder, folder, &settings, key, real_us(), &err), &err);
	for (unsigned k = 0; flying != NULL && k < count + FLYING; k++) {
		unsigned at = k % FLYING;

		if (k >= FLYING)
			login_end(recorder, flying[at].number, &flying[at].login,
				  &flying[at].time_us);
		if (k < count) {
			struct hin_recording_about about;

			flying[at].login = login_of(k, telnet, false);
			flying[at].time_us = real_us();
			about = login_about(&flying[at].login, flying[at].time_us);
			check(hin_recorder_begin(recorder, &about, &flying[at].number), &err);
			login_begin(recorder, flying[at].number, &flying[at].login,
				    &flying[at].time_us);
		}
		if (k % 32 == 0)
			(void)hin_recorder_run(recorder, real_us());
	}
	check(hin_recorder_flush(recorder, real_us(), &err), &err);
	result.seconds = seconds_since(begin);
	result.cpu = cpu_seconds() - cpu;
	result.bytes = hin_recorder_stats(recorder).bytes;
	if (hin_recorder_stats(recorder).lost_bytes > 0)
		fprintf(stderr, "hinomi-record-bench: bytes were lost\n");
	hin_recorder_close(recorder, real_us());
	free(flying);
	return result;
}

/* ---- JSON lines ---- */

/* What cowrie writes about one event. */
static void json_event(struct hin_buffer *out, const struct login *l, uint64_t session,
		       const char *id, const char *more, const char *message)
{
	char time[HIN_TIME_TEXT];

	hin_buffer_printf(
		out,
		"{\"eventid\":\"cowrie.%s\",%s\"message\":\"%s\",\"sensor\":\"%s\","
		"\"timestamp\":\"%s\",\"src_ip\":\"198.51.%u.%u\",\"session\":\"%012" PRIx64
		"\"}\n",
		id, more, message, l->host,
		hin_time_format_iso(time, hin_time_now_ns(), HIN_TIME_US),
		(unsigned)(session >> 8 & 255), (unsigned)(session & 255), session);
}

static void json_session(struct hin_buffer *out, struct login *l, uint64_t session)
{
	char more[1500], message[200];

	snprintf(more, sizeof(more),
		 "\"src_port\":%u,\"dst_ip\":\"10.0.0.5\",\"dst_port\":%d,\"protocol\":\"%s\",",
		 (unsigned)(1024 + login_dice(l) % 60000), l->telnet ? 23 : 22,
		 l->telnet ? "telnet" : "ssh");
	snprintf(message, sizeof(message), "New connection: 198.51.100.1:40000 (10.0.0.5:22)");
	json_event(out, l, session, "session.connect", more, message);
	if (!l->telnet) {
		snprintf(more, sizeof(more), "\"version\":\"%s\",", l->client);
		snprintf(message, sizeof(message), "Remote SSH version: %s", l->client);
		json_event(out, l, session, "client.version", more, message);
		snprintf(
			more, sizeof(more),
			"\"hassh\":\"ec7378c1a92f5a8dde7e8b7a1ddf33d1\",\"hasshAlgorithms\":\"%s\","
			"\"kexAlgs\":[\"curve25519-sha256\"],",
			login_algorithms);
		json_event(out, l, session, "client.kex", more,
			   "SSH client hassh fingerprint: ec7378c1a92f5a8dde7e8b7a1ddf33d1");
	}
	snprintf(more, sizeof(more), "\"username\":\"%s\",\"password\":\"%s\",", l->user,
		 l->password);
	snprintf(message, sizeof(message), "login attempt [%s/%s] succeeded", l->user, l->password);
	json_event(out, l, session, "login.success", more, message);
	json_event(out, l, session, "client.size", "\"width\":80,\"height\":24,",
		   "Terminal Size: 80 24");
	json_event(out, l, session, "session.params", "\"arch\":\"linux-x64-lsb\",", "");
	snprintf(more, sizeof(more),
		 "\"ttylog\":\"var/lib/cowrie/tty/%016" PRIx64 "%016" PRIx64 "\",\"size\":%u,"
		 "\"shasum\":\"%016" PRIx64 "\",\"duplicate\":false,\"duration\":1.2,",
		 login_dice(l), login_dice(l), 450, login_dice(l));
	json_event(out, l, session, "log.closed", more, "Closing TTY Log after 1 seconds");
	json_event(out, l, session, "session.closed", "\"duration\":1.5,",
		   "Connection lost after 1 seconds");
}

static struct result json(const char *path, unsigned count, bool telnet, int level)
{
	uint8_t *packed = malloc(1 << 20);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	int64_t begin = hin_time_monotonic_ns(), synced = begin;
	double cpu = cpu_seconds();
	struct hin_buffer out = { 0 };
	struct hin_error err = { 0 };
	struct result result = { 0 };
	z_stream z = { 0 };

	if (fd == -1 || packed == NULL || deflateInit2(&z, level, Z_DEFLATED, 31, 8, 0) != Z_OK)
		exit(1);
	for (unsigned k = 0; k < count; k++) {
		struct login login = login_of(k, telnet, false);
		bool last = k + 1 == count;

		json_session(&out, &login, k);
		if (out.used < 65536 && !last)
			continue;
		z.next_in = (uint8_t *)out.data;
		z.avail_in = (unsigned)out.used;
		do {
			z.next_out = packed;
			z.avail_out = 1 << 20;
			(void)deflate(&z, last ? Z_FINISH : Z_NO_FLUSH);
			check(hin_file_write_all(fd, packed, (1 << 20) - z.avail_out, &err), &err);
		} while (z.avail_out == 0);
		hin_buffer_reset(&out);
		if (hin_time_monotonic_ns() - synced > 1000000000) {
			fdatasync(fd);
			synced = hin_time_monotonic_ns();
		}
	}
	fdatasync(fd);
	result.seconds = seconds_since(begin);
	result.cpu = cpu_seconds() - cpu;
	result.bytes = (uint64_t)lseek(fd, 0, SEEK_END);
	deflateEnd(&z);
	hin_buffer_fini(&out);
	free(packed);
	close(fd);
	unlink(path);
	return result;
}

/* ---- reading ---- */

static bool take(void *into, const struct hin_recording_entry *entry)
{
	(void)entry;
	++*(unsigned *)into;
	return true;
}

static void timed_list(struct hin_recordings *recordings, const char *what,
		       const struct hin_recording_filter *filter)
{
	int64_t begin = hin_time_monotonic_ns();
	struct hin_error err = { 0 };
	unsigned count = 0;

	check(hin_recordings_list(recordings, filter, take, &count, &err), &err);
	printf("  %-34s %8.1f ms, %u sessions\n", what, seconds_since(begin) * 1000, count);
}

static void reading(const char *folder, const struct hin_sensor_key *key, uint64_t bytes)
{
	const struct hin_prefix prefix = { { { [10] = 0xff, 0xff, 198 } }, 8 };
	const struct login one = login_of(7, false, false);
	struct hin_recordings *recordings;
	struct hin_recording_check found;
	struct hin_error err = { 0 };
	int64_t begin = hin_time_monotonic_ns();
	double seconds;

	check(hin_recordings_open(&recordings, folder, &err), &err);
	check(hin_recordings_verify(recordings, 0, key->public_key, false, NULL, NULL, &found,
				    &err),
	      &err);
	seconds = seconds_since(begin);
	printf("  %-34s %8.1f MB/s, %.0f sessions/s, %" PRIu64 " whole, %" PRIu64 " bad\n",
	       "checked", (double)bytes / 1e6 / seconds, (double)found.sessions / seconds,
	       found.whole, found.bad + found.damaged_segments);
	timed_list(recordings, "list of the newest 20",
		   &(struct hin_recording_filter){ .most = 20 });
	timed_list(recordings, "list of a /8 of sources",
		   &(struct hin_recording_filter){ .source = &prefix });
	timed_list(recordings, "list by one password",
		   &(struct hin_recording_filter){ .password = one.password });
	hin_recordings_close(recordings);
}

/* A few long sessions: bytes that do not repeat. */
static void bulk(const char *folder, const struct hin_sensor_key *key)
{
	enum { BLOCK = 4096, BLOCKS = 32768 };
	struct hin_recordings *recordings;
	struct hin_recorder *recorder;
	struct hin_recording_check found;
	struct hin_error err = { 0 };
	static uint8_t block[BLOCK];
	struct login login = { .dice = 5 };
	struct hin_recording_settings large = settings;
	uint64_t number = 0, bytes;
	uint8_t digest[32];
	double seconds;
	int64_t begin;

	large.session_bytes = large.source_bytes = large.segment_bytes = 1ull << 32;
	check(hin_recorder_open(&recorder, folder, &large, key, real_us(), &err), &err);
	begin = hin_time_monotonic_ns();
	for (unsigned k = 0; k < BLOCKS; k++) {
		struct hin_recording_about about = login_about(&login, real_us());

		if (k % 2048 == 0 && number != 0)
			(void)hin_recorder_end(recorder, number, real_us(), HIN_CLOSE_CLIENT,
					       digest);
		if (k % 2048 == 0)
			check(hin_recorder_begin(recorder, &about, &number), &err);
		for (size_t at = 0; at < BLOCK; at += 8) {
			uint64_t value = login_dice(&login);

			memcpy(block + at, &value, 8);
		}
		hin_recorder_bytes(recorder, number, real_us(), 1, HIN_TO_CLIENT, block, BLOCK);
		if (k % 64 == 0)
			(void)hin_recorder_run(recorder, real_us());
	}
	check(hin_recorder_flush(recorder, real_us(), &err), &err);
	seconds = seconds_since(begin);
	bytes = hin_recorder_stats(recorder).bytes;
	hin_recorder_close(recorder, real_us());
	printf("bulk, %d MiB of bytes that do not repeat\n", BLOCK / 1024 * BLOCKS / 1024);
	printf("  %-34s %8.1f MB/s\n", "recorded", (double)BLOCK * BLOCKS / 1e6 / seconds);
	check(hin_recordings_open(&recordings, folder, &err), &err);
	begin = hin_time_monotonic_ns();
	check(hin_recordings_verify(recordings, 0, key->public_key, false, NULL, NULL, &found,
				    &err),
	      &err);
	seconds = seconds_since(begin);
	printf("  %-34s %8.1f MB/s, %" PRIu64 " bad\n", "checked", (double)bytes / 1e6 / seconds,
	       found.bad + found.damaged_segments);
	hin_recordings_close(recordings);
}

static void clear_folder(const char *folder)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf '%s'/*", folder);
	if (system(command) != 0)
		fprintf(stderr, "hinomi-record-bench: %s is not cleared\n", folder);
}

int main(int argc, char *argv[])
{
	unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 50000;
	char folder[200], path[220];
	struct hin_sensor_key key;
	struct hin_error err = { 0 };

	snprintf(folder, sizeof(folder), "%s/hinomi-record-bench-XXXXXX",
		 argc > 2 ? argv[2] : "/tmp");
	if (mkdtemp(folder) == NULL || count == 0) {
		perror(folder);
		return 1;
	}
	snprintf(path, sizeof(path), "%s/json.gz", folder);
	check(hin_sensor_key_draw(&key, &err), &err);
	for (unsigned telnet = 0; telnet < 2; telnet++) {
		struct result raw = json(path, count, telnet != 0, 0);
		struct result zlib = json(path, count, telnet != 0, 6);
		struct result own = ours(folder, &key, count, telnet != 0);

		printf("%s, %u log-ins, synced once a second\n", telnet ? "Telnet" : "SSH", count);
		printf("  %-34s %8.0f bytes a session, %7.0f sessions/s, %5.1f us of CPU each\n",
		       "recording, sealed and encrypted", (double)own.bytes / count,
		       count / own.seconds, own.cpu / count * 1e6);
		printf("  %-34s %8.0f bytes a session, %7.0f sessions/s, %5.1f us of CPU each\n",
		       "JSON lines (no bytes of terminals)", (double)raw.bytes / count,
		       count / raw.seconds, raw.cpu / count * 1e6);
		printf("  %-34s %8.0f bytes a session, %7.0f sessions/s, %5.1f us of CPU each\n",
		       "JSON lines, zlib 6", (double)zlib.bytes / count, count / zlib.seconds,
		       zlib.cpu / count * 1e6);
		printf("  ratios: %.1f times fewer bytes than JSON, %.2f than zlib; %.2f times the "
		       "sessions/s of JSON, %.1f of zlib\n",
		       (double)raw.bytes / (double)own.bytes,
		       (double)zlib.bytes / (double)own.bytes, raw.seconds / own.seconds,
		       zlib.seconds / own.seconds);
		reading(folder, &key, own.bytes);
		clear_folder(folder);
	}
	bulk(folder, &key);
	clear_folder(folder);
	rmdir(folder);
	hin_sensor_key_fini(&key);
	return 0;
}
