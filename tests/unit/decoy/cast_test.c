/* asciicast v2: what is written is read, characters in pieces are whole, asciinema shows it */
#include "../test.h"

#include <stdio.h>
#include <unistd.h>

#include "decoy/record/cast.h"

static const struct hin_cast_head head = { .width = 80, .height = 24, .time_s = 1763834944 };

static void pieces(void **state)
{
	static const struct {
		const char *name, *first, *second, *want; /* of the events' lines */
	} cases[] = {
		{ "ascii", "ab", "cd", "[0.000001, \"o\", \"ab\"]\n[0.000002, \"o\", \"cd\"]\n" },
		{ "two bytes", "a\xc3", "\xa9",
		  "[0.000001, \"o\", \"a\"]\n[0.000002, \"o\", \"é\"]\n" },
		{ "three, one first", "\xe7", "\x81\xab", "[0.000002, \"o\", \"火\"]\n" },
		{ "three, two first", "\xe7\x81", "\xab", "[0.000002, \"o\", \"火\"]\n" },
		{ "four", "\xf0\x9f\x94", "\xa5", "[0.000002, \"o\", \"🔥\"]\n" },
		{ "never comes", "a\xe7\x81", "",
		  "[0.000001, \"o\", \"a\"]\n[0.000002, \"o\", \"\\ufffd\\ufffd\"]\n" },
		{ "something else comes", "\xe7\x81", "a",
		  "[0.000002, \"o\", \"\\ufffd\\ufffda\"]\n" },
		{ "no UTF-8", "\xff\xfe", "\x80",
		  "[0.000001, \"o\", \"\\ufffd\\ufffd\"]\n"
		  "[0.000002, \"o\", \"\\ufffd\"]\n" },
		{ "overlong begin is none", "\xe0\x80", "",
		  "[0.000001, \"o\", \"\\ufffd\\ufffd\"]\n" },
		{ "surrogate is none", "\xed\xa0", "", "[0.000001, \"o\", \"\\ufffd\\ufffd\"]\n" },
		{ "escapes", "\x1b[1m\"\\", "\r\n",
		  "[0.000001, \"o\", \"\\u001b[1m\\\"\\\\\"]\n[0.000002, \"o\", \"\\r\\n\"]\n" },
	};

	(void)state;
	for (size_t k = 0; k < HIN_COUNT(cases); k++) {
		struct hin_buffer out = { 0 };
		struct hin_cast_writer cast;
		const char *events;

		hin_cast_begin(&cast, &out, &head, 0, 0);
		hin_cast_output(&cast, 1, cases[k].first, strlen(cases[k].first));
		hin_cast_output(&cast, 2, cases[k].second, strlen(cases[k].second));
		hin_cast_end(&cast, 2);
		events = strchr(hin_buffer_text(&out), '\n') + 1;
		if (strcmp(events, cases[k].want) != 0)
			fail_msg("%s: %s", cases[k].name, events);
		hin_buffer_fini(&out);
	}
}

static void times_and_kinds(void **state)
{
	struct hin_buffer out = { 0 };
	struct hin_cast_writer cast;

	(void)state;
	hin_cast_begin(&cast, &out,
		       &(struct hin_cast_head){ .width = 132,
						.height = 43,
						.idle_limit_s = 1.5,
						.term = "vt100\"<x>",
						.title = "日本" },
		       1000000, 2000000);
	hin_cast_output(&cast, 1500000, "a", 1);
	hin_cast_input(&cast, 11500000, "b", 1);  /* ten seconds: two of them */
	hin_cast_output(&cast, 11400000, "c", 1); /* back: as the one before */
	hin_cast_resize(&cast, 12000000, 100, 40);
	hin_cast_resize(&cast, 12000000, 0, 40);
	hin_cast_mark(&cast, 12000001, "here");
	hin_cast_end(&cast, 13000000);
	assert_string_equal(
		hin_buffer_text(&out),
		"{\"version\": 2, \"width\": 132, \"height\": 43, \"idle_time_limit\": 1.500, "
		"\"title\": \"日本\", \"env\": {\"TERM\": \"vt100\\\"\\u003cx>\"}}\n"
		"[0.500000, \"o\", \"a\"]\n[2.500000, \"i\", \"b\"]\n"
		"[2.500000, \"o\", \"c\"]\n[3.000000, \"r\", \"100x40\"]\n"
		"[3.000001, \"m\", \"here\"]\n");
	hin_buffer_fini(&out);
}

/* A file as asciinema 2 writes it, and what is not one. */
static void reads(void **state)
{
	static const char text[] =
		"{\"version\": 2, \"width\": 80, \"height\": 24, \"timestamp\": 1504467315, "
		"\"title\": \"Demo\", \"env\": {\"TERM\": \"xterm-256color\", \"SHELL\": "
		"\"/bin/zsh\"}}\n"
		"[0.248848, \"o\", \"\\u001b[1;31mHello \\u001b[32mWorld!\\u001b[0m\\n\"]\n"
		"\n"
		"[1, \"i\", \"\\u0000x\"]\r\n"
		"[1.5, \"r\", \"100x50\"]\n"
		"[2.5e0, \"z\", \"of a later version\"]\n"
		"[143.0, \"o\", \"cut of";
	struct hin_cast_reader cast;
	struct hin_cast_event e;
	struct hin_error err;

	(void)state;
	assert_int_equal(hin_cast_open(&cast, text, sizeof(text) - 1, &err), HIN_OK);
	assert_int_equal(cast.head.width, 80);
	assert_int_equal(cast.head.time_s, 1504467315);
	assert_string_equal(cast.head.title, "Demo");
	assert_string_equal(cast.head.term, "xterm-256color");
	assert_int_equal(hin_cast_next(&cast, &e, &err), HIN_OK);
	assert_int_equal(e.type, 'o');
	assert_int_equal(e.time_us, 248848);
	assert_string_equal(e.text, "\033[1;31mHello \033[32mWorld!\033[0m\n");
	assert_int_equal(hin_cast_next(&cast, &e, &err), HIN_OK);
	assert_int_equal(e.type, 'i');
	assert_int_equal(e.size, 2);
	assert_memory_equal(e.text, "\0x", 2);
	assert_int_equal(hin_cast_next(&cast, &e, &err), HIN_OK);
	assert_int_equal(e.width, 100);
	assert_int_equal(e.height, 50);
	assert_int_equal(hin_cast_next(&cast, &e, &err), HIN_OK);
	assert_int_equal(e.type, 'z');
	assert_int_equal(hin_cast_next(&cast, &e, &err), HIN_ETRUNCATED);
	hin_cast_close(&cast);
}

static void refuses(void **state)
{
	static const struct {
		const char *text;
		enum hin_code open, next;
	} cases[] = {
		{ "", HIN_EFORMAT, HIN_OK },
		{ "\n\n", HIN_EFORMAT, HIN_OK },
		{ "[]\n", HIN_EFORMAT, HIN_OK },
		{ "{\"version\": 1, \"width\": 80, \"height\": 24}\n", HIN_EFORMAT, HIN_OK },
		{ "{\"version\": 3, \"width\": 80, \"height\": 24}\n", HIN_EFORMAT, HIN_OK },
		{ "{\"version\": 2, \"width\": 0, \"height\": 24}\n", HIN_ERANGE, HIN_OK },
		{ "{\"version\": 2, \"width\": 80}\n", HIN_ERANGE, HIN_OK },
		{ "{\"version\": 2, \"width\": 80, \"height\": \"24\"}\n", HIN_ERANGE, HIN_OK },
		{ "{\"version\": 2, \"width\": 80, \"height\": 24}", HIN_OK, HIN_EOF },
		{ "{\"version\": 2, \"width\": 80, \"height\": 24}\n{}\n", HIN_OK, HIN_EFORMAT },
		{ "{\"version\": 2, \"width\": 80, \"height\": 24}\n[1, \"o\"]\n", HIN_OK,
		  HIN_EFORMAT },
		{ "{\"version\": 2, \"width\": 80, \"height\": 24}\n[-1, \"o\", \"\"]\n", HIN_OK,
		  HIN_ERANGE },
		{ "{\"version\": 2, \"width\": 80, \"height\": 24}\n[1e300, \"o\", \"\"]\n", HIN_OK,
		  HIN_ERANGE },
		{ "{\"version\": 2, \"width\": 80, \"height\": 24}\n[1, \"oo\", \"\"]\n", HIN_OK,
		  HIN_EFORMAT },
		{ "{\"version\": 2, \"width\": 80, \"height\": 24}\n[1, \"r\", \"80\"]\n", HIN_OK,
		  HIN_EFORMAT },
		{ "{\"version\": 2, \"width\": 80, \"height\": 24}\n[1, \"r\", \"80x0\"]\n", HIN_OK,
		  HIN_EFORMAT },
		{ "{\"version\": 2, \"width\": 80, \"height\": 24}\n[1, \"o\", \"\xff\"]\n", HIN_OK,
		  HIN_EFORMAT },
	};

	(void)state;
	for (size_t k = 0; k < HIN_COUNT(cases); k++) {
		uint8_t *copy = hin_test_copy(cases[k].text, strlen(cases[k].text));
		struct hin_cast_reader cast;
		struct hin_cast_event e;
		struct hin_error err = { 0 };

		if (hin_cast_open(&cast, copy, strlen(cases[k].text), &err) != cases[k].open)
			fail_msg("case %zu: %s", k, err.text);
		if (cases[k].open == HIN_OK) {
			if (hin_cast_next(&cast, &e, &err) != cases[k].next)
				fail_msg("case %zu: %s", k, err.text);
			hin_cast_close(&cast);
		}
		free(copy);
	}
}

/* Every byte, in pieces of every size, comes back as the text it was. */
static void round_trip(void **state)
{
	static const char text[] = "plain \033[31mred\033[0m 日本語 \xf0\x9f\x94\xa5 end\r\n";

	(void)state;
	for (size_t piece = 1; piece <= sizeof(text); piece++) {
		struct hin_buffer out = { 0 }, back = { 0 };
		struct hin_cast_writer writer;
		struct hin_cast_reader reader;
		struct hin_cast_event e;

		hin_cast_begin(&writer, &out, &head, 0, 0);
		for (size_t at = 0; at < sizeof(text) - 1; at += piece) {
			size_t left = sizeof(text) - 1 - at;

			hin_cast_output(&writer, (int64_t)at, text + at,
					left < piece ? left : piece);
		}
		hin_cast_end(&writer, 100);
		assert_int_equal(hin_cast_open(&reader, out.data, out.used, NULL), HIN_OK);
		while (hin_cast_next(&reader, &e, NULL) == HIN_OK)
			hin_buffer_add(&back, e.text, e.size);
		hin_cast_close(&reader);
		assert_string_equal(hin_buffer_text(&back), text);
		hin_buffer_fini(&out);
		hin_buffer_fini(&back);
	}
}

/* What a program prints on a terminal of its own. */
static void run_on_terminal(const char *program, const char *path, char *out, size_t size)
{
	char command[200];
	FILE *shown;
	size_t used;

	snprintf(command, sizeof(command),
		 "LC_ALL=C.UTF-8 script -qec 'asciinema %s %s' /dev/null < /dev/null 2>&1", program,
		 path);
	shown = popen(command, "r");
	assert_non_null(shown);
	used = fread(out, 1, size - 1, shown);
	out[used] = '\0';
	if (pclose(shown) != 0)
		fail_msg("%s: %s", command, out);
}

/* asciinema itself shows and plays what we wrote, if it is here. */
static void asciinema(void **state)
{
	static const char want[] = "a火\033[1mb\033[0m\xef\xbf\xbd\r\n";
	char path[] = "/tmp/hinomi-cast-XXXXXX", got[512];
	struct hin_buffer out = { 0 };
	struct hin_cast_writer cast;
	int fd;

	(void)state;
	if (system("command -v asciinema > /dev/null && command -v script > /dev/null") != 0)
		skip();
	hin_cast_begin(&cast, &out, &head, 0, 0);
	hin_cast_output(&cast, 1, "a\xe7\x81", 3);
	hin_cast_input(&cast, 2, "typed", 5);
	hin_cast_resize(&cast, 3, 100, 40);
	hin_cast_output(&cast, 4, "\xab\033[1mb\033[0m\xff\r\n", 13);
	hin_cast_end(&cast, 5);
	fd = mkstemp(path);
	assert_true(fd != -1);
	assert_int_equal(write(fd, out.data, out.used), (ssize_t)out.used);
	close(fd);
	run_on_terminal("cat", path, got, sizeof(got));
	assert_non_null(strstr(got, want));
	run_on_terminal("play", path, got, sizeof(got));
	assert_non_null(strstr(got, want));
	unlink(path);
	hin_buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces),     cmocka_unit_test(times_and_kinds),
		cmocka_unit_test(reads),      cmocka_unit_test(refuses),
		cmocka_unit_test(round_trip), cmocka_unit_test(asciinema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
