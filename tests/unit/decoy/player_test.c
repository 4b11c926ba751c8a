/* the player: strangers' escape sequences are harmless, times are kept, texts are found */
#include "recording_kit.h"

#include "decoy/record/player.h"

/* ---- the filter ---- */

static void filter_all(const char *data, size_t size, size_t piece, struct hin_buffer *out)
{
	struct hin_player_filter filter = { 0 };

	hin_buffer_reset(out);
	for (size_t at = 0; at < size; at += piece) {
		uint8_t *copy = hin_test_copy(data + at, size - at < piece ? size - at : piece);

		hin_player_filter(&filter, out, copy, size - at < piece ? size - at : piece);
		free(copy);
	}
}

static void filters(void **state)
{
#define BAD "\xef\xbf\xbd"
	static const struct {
		const char *name, *in, *want;
	} cases[] = {
		{ "text", "hello\r\n\tworld\b", "hello\r\n\tworld\b" },
		{ "colour", "\033[1;31mred\033[0m", "\033[1;31mred\033[0m" },
		{ "colour of 24 bits", "\033[38:2::255:0:0mx", "\033[38:2::255:0:0mx" },
		{ "cursor", "\033[2J\033[10;20H\0337\0338", "\033[2J\033[10;20H\0337\0338" },
		{ "alternate screen", "\033[?1049h\033[?25l", "\033[?1049h\033[?25l" },
		{ "lines", "\033(0qqq\033(B\016x\017", "\033(0qqq\033(B\016x\017" },
		{ "title", "a\033]0;owned\007b", "ab" },
		{ "title, ended by ST", "a\033]2;owned\033\\b", "ab" },
		{ "clipboard", "a\033]52;c;ZWNobyBoaQ==\007b", "ab" },
		{ "link", "\033]8;;http://x\033\\text\033]8;;\033\\", "text" },
		{ "device control", "a\033Pq#0;2;0;0;0\033\\b", "ab" },
		{ "answers asked for", "a\033[6n\033[c\033[>c\033[0x\033Zb", "ab" },
		{ "window", "a\033[8;1;1t\033[3;0;0tb", "ab" },
		{ "mouse and paste", "a\033[?1000h\033[?2004h\033[?1006lb", "ab" },
		{ "several modes", "a\033[?25;1000hb", "ab" },
		{ "reset", "a\033cb\033#8c\033%Gd\033=e", "abcde" },
		{ "keys", "a\033[>1;2mb\033[=1u\033[<u", "ab" },
		{ "bell and others",
		  "a\007\v\f\001\x7f\x05"
		  "b",
		  "ab" },
		{ "eight bits",
		  "a\x9b"
		  "31mb\x9d"
		  "0;t\x9c",
		  "a" BAD "31mb" BAD "0;t" BAD },
		{ "C1 in UTF-8",
		  "a\xc2\x9b"
		  "31mb",
		  "a" BAD "31mb" },
		{ "turns around",
		  "a\xe2\x80\xae"
		  "b\xe2\x81\xa6",
		  "a" BAD "b" BAD },
		{ "Japanese", "\xe7\x81\xab\xe3\x81\xae", "\xe7\x81\xab\xe3\x81\xae" },
		{ "no UTF-8", "\xff\xc0\x80z", BAD BAD BAD "z" },
		{ "cut character", "\xe7\x81z", BAD "z" },
		{ "surrogate", "\xed\xa0\x80", BAD },
		{ "a control in a sequence", "\033[1\n;31mx", "\n\033[1;31mx" },
		{ "given up", "\033[31\030mx\033[\032y", "mxy" },
		{ "begun anew", "\033[31\033[32mx\033\033[1my", "\033[32mx\033[1my" },
		{ "in a string", "\033]0;a\033[31mx", "\033[31mx" },
		{ "with a space", "a\033[2 qb", "ab" },
		{ "too long",
		  "\033[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1mx",
		  "x" },
	};
	struct hin_buffer out = { 0 };

	(void)state;
	for (size_t k = 0; k < HIN_COUNT(cases); k++) {
		size_t size = strlen(cases[k].in);

		for (size_t piece = 1; piece <= size; piece++) {
			filter_all(cases[k].in, size, piece, &out);
			if (strcmp(hin_buffer_text(&out), cases[k].want) != 0)
				fail_msg("%s, by %zu", cases[k].name, piece);
		}
	}
	hin_buffer_fini(&out);
}

/* A string without an end does not hide what comes for ever. */
static void endless_string(void **state)
{
	struct hin_buffer in = { 0 }, out = { 0 };

	(void)state;
	hin_buffer_puts(&in, "\033]0;");
	hin_buffer_fill(&in, 'x', 5000);
	hin_buffer_puts(&in, "seen");
	filter_all(in.data, in.used, 7, &out);
	assert_true(out.used < 1000);
	assert_string_equal(out.data + out.used - 4, "seen");
	hin_buffer_fini(&in);
	hin_buffer_fini(&out);
}

/* Whatever comes in, what goes out goes through again unchanged. */
static void twice(void **state)
{
	struct hin_buffer first = { 0 }, second = { 0 };
	char noise[4096];
	uint64_t seed = 99;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		for (size_t k = 0; k < sizeof(noise); k++) {
			static const char often[] =
				"\033\033[]?;:0123456789hlmJHnc\\\007P()B\x9b\xc2\xe2";

			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
			noise[k] = (seed >> 33 & 7) != 0 ? often[(seed >> 40) % (sizeof(often) - 1)]
							 : (char)(seed >> 50);
		}
		filter_all(noise, sizeof(noise), sizeof(noise), &first);
		filter_all(hin_buffer_text(&first), first.used, first.used + 1, &second);
		assert_int_equal(first.used, second.used);
		assert_memory_equal(hin_buffer_text(&first), hin_buffer_text(&second), first.used);
		assert_null(memmem(first.data, first.used, "\033]", 2));
		assert_null(memchr(first.data, '\007', first.used));
	}
	hin_buffer_fini(&first);
	hin_buffer_fini(&second);
}

/* ---- playing ---- */

struct screen {
	struct hin_buffer text;
	unsigned writes, sleeps;
	unsigned most; /* writes until it has enough; 0 = all */
	struct kit *kit;
	uint64_t number;
};

static bool write_text(void *user, const void *data, size_t size)
{
	struct screen *screen = user;

	hin_buffer_add(&screen->text, data, size);
	return ++screen->writes != screen->most;
}

static bool wait_time(void *user, int64_t us)
{
	struct screen *screen = user;

	hin_buffer_printf(&screen->text, "(%d)", (int)us);
	if (screen->kit != NULL && screen->sleeps++ == 2) { /* it goes on meanwhile, and ends */
		kit_say(screen->kit, screen->number, NOON + 9, HIN_TO_CLIENT, "more");
		kit_over(screen->kit, screen->number, NOON + 9);
		kit_flush(screen->kit, NOON + 10);
	}
	return true;
}

#define RESTORE                                                                                    \
	"\033[?1049l\033[r\033[4l\033[20l\033[?6l\033[?7h\033[?25h\033(B\033)B\017\033[m\r\n"

static void plays(void **state)
{
	static const struct {
		const char *name;
		struct hin_player_settings settings;
		const char *want;
		enum hin_code code;
	} cases[] = {
		{ "as it was",
		  { .speed = 1 },
		  "(1000000)$ (2000000)l(500000)s\r\n(9000000)end" RESTORE,
		  HIN_OK },
		{ "twice as fast",
		  { .speed = 2 },
		  "(500000)$ (1000000)l(250000)s\r\n(4500000)end" RESTORE,
		  HIN_OK },
		{ "at once", { .speed = 0 }, "$ ls\r\nend" RESTORE, HIN_OK },
		{ "idle",
		  { .speed = 1, .idle_limit_us = 1500000 },
		  "(1000000)$ (1500000)l(500000)s\r\n(1500000)end" RESTORE,
		  HIN_OK },
		{ "from",
		  { .speed = 1, .from_us = 3500000 },
		  "$ l(500000)s\r\n(9000000)end" RESTORE,
		  HIN_OK },
		{ "raw", { .speed = 0, .raw = true }, "$ l\033]0;t\007s\r\nend", HIN_OK },
		{ "typed", { .speed = 0, .typed = true }, "ls\r\nexit\r" RESTORE, HIN_OK },
		{ "until seen",
		  { .speed = 1, .until_text = "s\r\n" },
		  "$ ls\r\n(9000000)end" RESTORE,
		  HIN_OK },
		{ "until a piece",
		  { .speed = 1, .until_text = "$ l" },
		  "$ l(500000)s\r\n(9000000)end" RESTORE,
		  HIN_OK },
		{ "until typed",
		  { .speed = 1, .until_text = "exit" },
		  "$ ls\r\n(9000000)end" RESTORE,
		  HIN_OK },
		{ "never", { .speed = 1, .until_text = "nowhere" }, NULL, HIN_ENOENT },
		{ "events",
		  { .speed = 0, .events = true },
		  "\r\n\033[7m0.000 s log-in accepted: \"root\" \"a\\x1b\"\033[m\r\n$ l"
		  "\r\n\033[7m3.000 s command: ls\033[m\r\ns\r\nend" RESTORE,
		  HIN_OK },
	};
	struct hin_recordings *recordings;
	uint64_t number;
	struct kit kit;

	(void)state;
	kit_begin(&kit);
	number = kit_session(&kit, 1, NOON);
	hin_recorder_bytes(kit.recorder, number, NOON, 0, HIN_TO_CLIENT, "SSH-2.0", 7);
	kit_tell(&kit, number, NOON, HIN_EVENT_CREDENTIAL, "root", "a\033", 1, 1);
	kit_say(&kit, number, NOON + 1000000, HIN_TO_CLIENT, "$ ");
	kit_say(&kit, number, NOON + 3000000, HIN_FROM_CLIENT, "ls\r");
	kit_say(&kit, number, NOON + 3000000, HIN_TO_CLIENT, "l\033]0;t");
	kit_tell(&kit, number, NOON + 3000000, HIN_EVENT_COMMAND, "ls", NULL, 0, 0);
	kit_say(&kit, number, NOON + 3500000, HIN_TO_CLIENT, "\007s\r\n");
	kit_say(&kit, number, NOON + 4000000, HIN_FROM_CLIENT, "exit\r");
	kit_say(&kit, number, NOON + 12500000, HIN_TO_CLIENT, "end");
	kit_over(&kit, number, NOON + 13000000);
	kit_flush(&kit, NOON + 13000001);
	recordings = kit_read(&kit);
	for (size_t k = 0; k < HIN_COUNT(cases); k++) {
		struct hin_player_settings settings = cases[k].settings;
		struct screen screen = { .most = 0 };

		settings.write = write_text;
		settings.sleep = wait_time;
		settings.user = &screen;
		if (hin_player_play(recordings, number, &settings, NULL) != cases[k].code)
			fail_msg("%s: code", cases[k].name);
		if (cases[k].want != NULL &&
		    strcmp(hin_buffer_text(&screen.text), cases[k].want) != 0)
			fail_msg("%s: %s", cases[k].name, screen.text.data);
		hin_buffer_fini(&screen.text);
	}
	hin_recordings_close(recordings);
	kit_end(&kit);
}

static void follows_and_stops(void **state)
{
	struct screen screen = { .most = 0 };
	struct hin_player_settings settings = {
		.speed = 1, .follow = true, .write = write_text, .sleep = wait_time, .user = &screen
	};
	struct hin_recordings *recordings;
	struct kit kit;

	(void)state;
	kit_begin(&kit);
	screen.kit = &kit;
	screen.number = kit_session(&kit, 1, NOON);
	kit_say(&kit, screen.number, NOON, HIN_TO_CLIENT, "first");
	kit_flush(&kit, NOON);
	recordings = kit_read(&kit);
	assert_int_equal(hin_player_play(recordings, screen.number, &settings, NULL), HIN_OK);
	assert_string_equal(hin_buffer_text(&screen.text),
			    "first(100000)(100000)(100000)(9)more" RESTORE);
	hin_buffer_reset(&screen.text);
	screen = (struct screen){ .most = 1, .text = screen.text };
	assert_int_equal(hin_player_play(recordings, (uint64_t)1 << 24 | 1, &settings, NULL),
			 HIN_OK);
	assert_int_equal(strncmp(hin_buffer_text(&screen.text), "first", 5), 0);
	assert_int_equal(hin_player_play(recordings, (uint64_t)1 << 24 | 9, &settings, NULL),
			 HIN_ENOENT);
	hin_recordings_close(recordings);
	hin_buffer_fini(&screen.text);
	kit_end(&kit);
}

/* No event shows a stranger's bytes as they are. */
static void events_as_lines(void **state)
{
	struct hin_buffer out = { 0 };

	(void)state;
	for (uint16_t type = 0; type < 20; type++) {
		for (uint64_t number = 0; number < 8; number++) {
			struct hin_event e = { .type = type,
					       .number = number,
					       .a = "x\033[31m\ny",
					       .a_size = 8,
					       .b = "z\007\xff",
					       .b_size = 3 };

			hin_buffer_reset(&out);
			hin_player_event(&out, &e);
			assert_true(out.used > 0);
			for (size_t k = 0; k < out.used; k++)
				assert_in_range((uint8_t)out.data[k], 0x20, 0x7e);
		}
	}
	hin_buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters),
		cmocka_unit_test(endless_string),
		cmocka_unit_test(twice),
		cmocka_unit_test(plays),
		cmocka_unit_test(follows_and_stops),
		cmocka_unit_test(events_as_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
