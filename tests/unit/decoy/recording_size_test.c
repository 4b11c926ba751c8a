/* recordings: a session that logs in and leaves costs at most 400 bytes of all files together */
#include "recording_kit.h"

#include "../../../bench/decoy_logins.h"

static uint64_t stored(const struct kit *kit)
{
	static const char *const endings[] = { ".hrec", ".hkey", ".hseal" };
	uint64_t bytes = 0;
	struct stat st;
	char path[PATH_MAX];

	for (unsigned k = 0; k < HIN_COUNT(endings); k++) {
		kit_file(kit, endings[k], 0, path);
		assert_int_equal(stat(path, &st), 0);
		bytes += (uint64_t)st.st_size;
	}
	return bytes;
}

/* `apart_us` between two sessions: many under a signature, or one. */
static uint64_t bytes_a_session(bool telnet, bool guesses, unsigned count, int64_t apart_us)
{
	int64_t now_us = NOON;
	uint64_t number, bytes;
	struct kit kit;

	kit_begin(&kit);
	for (unsigned k = 0; k < count; k++) {
		struct login login = login_of(k, telnet, guesses);
		struct hin_recording_about about = login_about(&login, now_us);
		int64_t time_us = now_us;

		assert_int_equal(hin_recorder_begin(kit.recorder, &about, &number), HIN_OK);
		login_begin(kit.recorder, number, &login, &time_us);
		if (apart_us > 1000000) /* time goes on while it is there */
			(void)hin_recorder_run(kit.recorder, time_us + 500000);
		login_end(kit.recorder, number, &login, &time_us);
		now_us += apart_us;
		(void)hin_recorder_run(kit.recorder, now_us);
	}
	kit_flush(&kit, now_us);
	bytes = stored(&kit);
	kit_end(&kit);
	return bytes / count;
}

static void small(void **state)
{
	static const struct {
		const char *name;
		bool telnet, guesses;
		unsigned count;
		int64_t apart_us;
	} cases[] = {
		{ "SSH, many", false, false, 3000, 10000 },
		{ "SSH, many, with guesses", false, true, 3000, 10000 },
		{ "SSH, each sealed alone", false, false, 300, 20000000 },
		{ "Telnet, many", true, false, 3000, 10000 },
		{ "Telnet, many, with guesses", true, true, 3000, 10000 },
		{ "Telnet, each sealed alone", true, false, 300, 20000000 },
	};

	(void)state;
	for (unsigned k = 0; k < HIN_COUNT(cases); k++) {
		uint64_t bytes = bytes_a_session(cases[k].telnet, cases[k].guesses, cases[k].count,
						 cases[k].apart_us);

		print_message("%s: %llu bytes\n", cases[k].name, (unsigned long long)bytes);
		if (bytes > 400)
			fail_msg("%s: %llu bytes", cases[k].name, (unsigned long long)bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(small) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
