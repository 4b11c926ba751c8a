#include "telnet_kit.h"
#include "../test.h"

#define OPENING "\xff\xfd\x01\xff\xfd\x1f\xff\xfb\x01\xff\xfb\x03"
#define SECOND 1000000

struct talk {
	struct kit_host host;
	struct hin_session *session;
	void *service;
	int64_t next_us;
};

static void turn(struct talk *t)
{
	do {
		t->next_us = hin_service_telnet.run(t->service, t->session->now_us);
	} while (t->next_us <= t->session->now_us && !t->session->over);
}

static void begin(struct talk *t, const char *const *settings)
{
	assert_true(kit_open(&t->host, "gate", settings));
	t->session = kit_session(&t->host);
	t->service = hin_service_telnet.open(t->session);
	assert_non_null(t->service);
	turn(t);
}

static void finish(struct talk *t)
{
	hin_service_telnet.close(t->service);
	kit_session_free(t->session);
	kit_close(&t->host);
}

static void say(struct talk *t, const void *data, size_t size)
{
	uint8_t *copy = hin_test_copy(data, size);

	if (!t->session->over) {
		hin_service_telnet.receive(t->service, copy, size);
		turn(t);
	}
	free(copy);
}

static void wait(struct talk *t, int64_t us)
{
	t->session->now_us += us;
	if (!t->session->over)
		turn(t);
}

static void want(struct talk *t, const char *what, const void *bytes, size_t size)
{
	struct hin_buffer *sent = &t->session->sent;

	if (sent->used != size || (size > 0 && memcmp(sent->data, bytes, size) != 0)) {
		for (size_t i = 0; i < sent->used; i++)
			fprintf(stderr, "%02x ", (uint8_t)sent->data[i]);
		fail_msg("%s: got \"%s\" (%zu bytes)", what, hin_buffer_text(sent), sent->used);
	}
	hin_buffer_reset(sent);
}

#define SAY(t, bytes) say(t, bytes, sizeof(bytes) - 1)
#define WANT(t, what, bytes) want(t, what, bytes, sizeof(bytes) - 1)

/* ---- busybox ---- */

static void busybox_lets_the_right_pair_in(void **state)
{
	struct talk t;

	(void)state;
	begin(&t, (const char *const[]){ "telnet.banner=Gate\n", NULL });
	WANT(&t, "greeting", OPENING "\r\r\nGate\r\n\rgate login: ");
	SAY(&t, "root\r\n");
	WANT(&t, "name", "root\r\nPassword: ");
	SAY(&t, "wrong\r\n");
	WANT(&t, "at once", "\r\n");
	assert_true(t.next_us == t.session->now_us + 3 * SECOND);
	wait(&t, 2 * SECOND);
	WANT(&t, "too early", "");
	wait(&t, 1 * SECOND);
	WANT(&t, "refused", "Login incorrect\r\ngate login: ");
	SAY(&t, "  ro\x7fot\r\0");
	WANT(&t, "the name again", "  ro\b \bot\r\nPassword: ");
	SAY(&t, "toor\r");
	wait(&t, 3 * SECOND);
	WANT(&t, "another name", "\r\nLogin incorrect\r\ngate login: ");
	SAY(&t, "root\r\n");
	SAY(&t, "toor\r\n");
	WANT(&t, "in", "root\r\nPassword: \r\n~ # ");
	assert_int_equal(t.session->credentials, 3);
	SAY(&t, "echo a\r\n");
	WANT(&t, "a command", "echo a\r\na\r\n~ # ");
	SAY(&t, "exit\r\n");
	assert_true(t.session->over);
	assert_int_equal(t.session->why, HIN_CLOSE_SERVICE);
	assert_int_equal(t.session->events[HIN_EVENT_CHANNEL], 1);
	assert_int_equal(t.session->events[HIN_EVENT_CHANNEL_END], 1);
	finish(&t);
}

static void busybox_gives_up(void **state)
{
	struct talk t;

	(void)state;
	begin(&t, NULL);
	for (int i = 0; i < 3; i++) {
		assert_false(t.session->over);
		SAY(&t, "a\r\n");
		SAY(&t, "b\r\n");
		wait(&t, 3 * SECOND);
	}
	assert_true(t.session->over);
	finish(&t);
	begin(&t, NULL);
	for (int i = 0; i < 10; i++) {
		assert_false(t.session->over);
		SAY(&t, "\r\n");
	}
	assert_true(t.session->over);
	finish(&t);
}

static void nobody_waits_for_ever(void **state)
{
	struct talk t;

	(void)state;
	begin(&t, NULL);
	hin_buffer_reset(&t.session->sent);
	assert_true(t.next_us == t.session->now_us + 60 * SECOND);
	wait(&t, 60 * SECOND);
	WANT(&t, "time-out", "\r\r\nLogin timed out after 60 seconds\r\r\n");
	assert_true(t.session->over);
	assert_int_equal(t.session->why, HIN_CLOSE_TIMEOUT);
	finish(&t);
	begin(&t, (const char *const[]){ "telnet.idle=5m", NULL });
	SAY(&t, "root\r\n");
	SAY(&t, "toor\r\n");
	wait(&t, 299 * SECOND);
	assert_false(t.session->over);
	SAY(&t, "x");
	wait(&t, 299 * SECOND);
	assert_false(t.session->over);
	wait(&t, SECOND);
	assert_true(t.session->over);
	finish(&t);
}

/* Each with the answer of busybox 1.35.0. */
static void busybox_takes_commands(void **state)
{
	static const struct {
		const char *name, *sent, *want;
		size_t sent_size, want_size;
	} cases[] = {
#define CASE(name, sent, want) { name, sent, want, sizeof(sent) - 1, sizeof(want) - 1 }
		CASE("offers", "\xff\xfb\x18\xff\xfd\x03\xff\xfc\x01\xff\xfe\x05", ""),
		CASE("are you there", "\xff\xf6", "\xff\xff\xf1"),
		CASE("twice", "\xff\xf6\xff\xf6", "\xff\xff\xf1"),
		CASE("before the echo", "ro\xff\xf6ot", "\xff\xff\xf1root"),
		CASE("IAC IAC", "\xff\xff", "\xff\xff"),
		CASE("size", "\xff\xfa\x1f\0\x50\0\x18\xff\xf0x", "x"),
		CASE("size cut", "\xff\xfa\x1f\0\x50", ""),
		CASE("another sub", "\xff\xfa\x18\0xt\xff\xf0", "^@xt"),
		CASE("a verb cut", "\xff\xfb", ""),
		CASE("NUL at the end", "ab\0", "ab"),
		CASE("NUL in it", "a\0b", "a^@b"),
		CASE("CR LF and LF", "\r\n\n", "\r\n\r\ngate login: gate login: "),
#undef CASE
	};
	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct talk t;

		begin(&t, NULL);
		hin_buffer_reset(&t.session->sent);
		say(&t, cases[i].sent, cases[i].sent_size);
		want(&t, cases[i].name, cases[i].want, cases[i].want_size);
		finish(&t);
	}
}

static void an_option_that_comes_late_is_a_key(void **state)
{
	struct talk t;

	(void)state;
	begin(&t, NULL);
	hin_buffer_reset(&t.session->sent);
	SAY(&t, "\xff\xfb");
	SAY(&t, "\x1f");
	WANT(&t, "as the real one", "^_");
	SAY(&t, "\xff");
	SAY(&t, "\xfb\x1f");
	WANT(&t, "IAC alone is kept", "");
	finish(&t);
}

static void keys_of_signals(void **state)
{
	struct talk t;

	(void)state;
	begin(&t, NULL);
	SAY(&t, "ro\x1a");
	assert_false(t.session->over);
	SAY(&t, "\x03");
	assert_true(t.session->over);
	finish(&t);
	begin(&t, NULL);
	SAY(&t, "root\r\n");
	hin_buffer_reset(&t.session->sent);
	SAY(&t, "to\x03");
	WANT(&t, "^C at a password", "\r\n");
	wait(&t, 3 * SECOND);
	WANT(&t, "is a wrong one", "Login incorrect\r\ngate login: ");
	SAY(&t, "ro\x04");
	SAY(&t, "ot\r\n");
	WANT(&t, "^D in a name", "root\r\nPassword: ");
	finish(&t);
	begin(&t, NULL);
	SAY(&t, "\x04");
	assert_true(t.session->over);
	finish(&t);
}

/* ---- BSD's telnetd: the bytes are those of inetutils 2.4 of Debian 12 ---- */

#define BSD_OPENING                                                                                \
	"\xff\xfb\x25\xff\xfb\x26\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27\xff\xfd\x24"

static const char *const bsd[] = { "telnet.engine=bsd",
				   "telnet.login=shadow",
				   "telnet.editor=bash",
				   "telnet.expand_tabs=false",
				   "telnet.banner=\nLinux (%h) (%t)\n\n",
				   "telnet.incorrect=\nLogin incorrect\n",
				   "telnet.term=network",
				   NULL };

static void bsd_asks_first(void **state)
{
	struct talk t;

	(void)state;
	begin(&t, bsd);
	WANT(&t, "greeting", BSD_OPENING);
	SAY(&t, "\xff\xfb\x18\xff\xfc\x20\xff\xfc\x23\xff\xfb\x27\xff\xfc\x24\xff\xfe\x25");
	WANT(&t, "one is missing", "");
	SAY(&t, "\xff\xfe\x26");
	WANT(&t, "questions", "\xff\xfa\x27\x01\xff\xf0\xff\xfa\x18\x01\xff\xf0");
	SAY(&t, "\xff\xfa\x18\0XTERM\xff\xf0\xff\xfa\x27\0\xff\xf0");
	WANT(&t, "how", "\xff\xfb\x03\xff\xfd\x01\xff\xfd\x22\xff\xfd\x1f\xff\xfb\x05\xff\xfd\x21");
	SAY(&t, "\xff\xfc\x01\xff\xfc\x22\xff\xfb\x1f\xff\xfa\x1f\0\x50\0\x18\xff\xf0\xff\xfe\x05"
		"\xff\xfb\x21");
	WANT(&t, "log-in",
	     "\xff\xfa\x21\x03\xff\xf0\0\xff\xfb\x01\xff\xfd\x06\xff\xfd\0\r\nLinux (gate) "
	     "(pts/0)\r\n\r\n"
	     "gate login: ");
	SAY(&t, "\xff\xf6");
	WANT(&t, "are you there", "\r\n[Yes]\r\n");
	SAY(&t, "root\r\n");
	SAY(&t, "toor\r\n");
	WANT(&t, "in", "root\r\nPassword: \r\n\x1b[?2004hroot@gate:~# ");
	SAY(&t, "abc");
	SAY(&t, "\x03");
	WANT(&t, "synch",
	     "abc\xff\xf2^C\x1b[?2004l\r\0\x1b[?2004h\x1b[?2004l\r\0\r\n"
	     "\x1b[?2004hroot@gate:~# ");
	finish(&t);
}

static void bsd_refuses_and_does_not_loop(void **state)
{
	static const uint8_t verbs[] = { 251, 252, 253, 254 };
	struct talk t;

	(void)state;
	begin(&t, bsd);
	hin_buffer_reset(&t.session->sent);
	SAY(&t, "\xff\xfb\x2a\xff\xfd\x2a");
	WANT(&t, "unknown", "\xff\xfe\x2a\xff\xfc\x2a");
	SAY(&t, "\xff\xfc\x2a\xff\xfe\x2a");
	WANT(&t, "agreed", "");
	for (unsigned round = 0; round < 50; round++) { /* a mirror */
		struct hin_buffer sent = t.session->sent;

		t.session->sent = (struct hin_buffer){ 0 };
		if (sent.used > 0)
			say(&t, sent.data, sent.used);
		hin_buffer_fini(&sent);
		if (round == 0)
			say(&t, (const uint8_t[]){ 255, verbs[round % 4], 1 }, 3);
	}
	assert_int_equal(t.session->sent.used, 0);
	finish(&t);
}

/* ---- agree or refuse once ---- */

static const char *const router[] = {
	"telnet.engine=plain",
	"telnet.login=router",
	"telnet.inside=menu",
	"telnet.opening=fffb01",
	"telnet.will=1,3",
	"telnet.accept=24,31",
	"telnet.mask=*",
	"telnet.login_prompt=User: ",
	"telnet.delay=0s",
	"telnet.menu.prompt=%h> ",
	"telnet.menu.unknown=? %c\n",
	NULL,
};

static void plain_agrees_once(void **state)
{
	struct talk t;

	(void)state;
	begin(&t, router);
	WANT(&t, "greeting", "\xff\xfb\x01User: ");
	SAY(&t, "\xff\xfd\x01\xff\xfd\x01\xff\xfd\x03\xff\xfd\x03\xff\xfd\x05\xff\xfb\x18");
	WANT(&t, "answers", "\xff\xfb\x03\xff\xfc\x05\xff\xfd\x18\xff\xfa\x18\x01\xff\xf0");
	SAY(&t, "\xff\xfa\x18\0vt");
	SAY(&t, "100\xff");
	SAY(&t, "\xf0");
	assert_int_equal(t.session->events[HIN_EVENT_CLIENT], 1);
	SAY(&t, "\xff\xf6\xff\xf7");
	WANT(&t, "are you there", "\r\n[Yes]\r\n");
	SAY(&t, "roox\xff\xf7t\r\n");
	WANT(&t, "name", "roox\b \bt\r\nPassword: ");
	SAY(&t, "toor\r\0");
	WANT(&t, "in, and its keys are hidden", "****\r\ngate> ");
	SAY(&t, "show version\r");
	WANT(&t, "unknown", "show version\r\n? show version\r\ngate> ");
	finish(&t);
}

static void menus_answer(void **state)
{
	struct hin_telnet_profile *profile;
	char *items[] = { NULL, NULL, NULL };
	struct talk t;

	(void)state;
	begin(&t, router);
	profile = &t.host.profile;
	items[0] = strdup("show version\nFirmware 1.2\n");
	items[1] = strdup("quit\n@exit");
	items[2] = strdup("shell\n@shell");
	profile->menu.items = items;
	profile->menu.count = 3;
	SAY(&t, "root\r");
	SAY(&t, "toor\r");
	hin_buffer_reset(&t.session->sent);
	SAY(&t, "\r\nsh ver\r\n");
	WANT(&t, "cut short", "\r\ngate> sh ver\r\nFirmware 1.2\r\ngate> ");
	SAY(&t, "shell\r\n");
	WANT(&t, "a shell", "shell\r\n~ # ");
	SAY(&t, "echo 1\r\n");
	WANT(&t, "it runs", "echo 1\r\n1\r\n~ # ");
	profile->menu.items = NULL;
	profile->menu.count = 0;
	finish(&t);
	begin(&t, router);
	t.host.profile.menu.items = items;
	t.host.profile.menu.count = 3;
	SAY(&t, "root\rtoor\rquit\r");
	assert_true(t.session->over);
	t.host.profile.menu.items = NULL;
	t.host.profile.menu.count = 0;
	finish(&t);
	for (size_t i = 0; i < 3; i++)
		free(items[i]);
}

/* Found by fuzzing: each try of a router that asks for no name took another one. */
static void a_password_alone(void **state)
{
	struct talk t;

	(void)state;
	begin(&t, (const char *const[]){ "telnet.engine=plain", "telnet.login=password",
					 "telnet.opening=", "telnet.user=root", "telnet.delay=0s",
					 "telnet.locked=bye\n", NULL });
	WANT(&t, "greeting", "Password: ");
	SAY(&t, "a\r");
	WANT(&t, "wrong", "\r\nLogin incorrect\r\nPassword: ");
	SAY(&t, "b\r");
	SAY(&t, "c\r");
	assert_true(t.session->over);
	WANT(&t, "the end", "\r\nLogin incorrect\r\nPassword: \r\nLogin incorrect\r\nbye\r\n");
	finish(&t);
}

/* ---- profiles ---- */

static void encodings(void **state)
{
	static const struct {
		const char *setting;
		const char *want;
	} cases[] = {
		{ "telnet.encoding=utf-8", "\xe5\x90\x8d: " },
		{ "telnet.encoding=shift_jis", "\x96\xbc: " },
		{ "telnet.encoding=euc-jp", "\xcc\xbe: " },
	};
	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct talk t;

		begin(&t, (const char *const[]){
				  "telnet.engine=plain", "telnet.login=router", "telnet.opening=",
				  "telnet.login_prompt=\xe5\x90\x8d: ", cases[i].setting, NULL });
		want(&t, cases[i].setting, cases[i].want, strlen(cases[i].want));
		finish(&t);
	}
}

static void refuses_bad_profiles(void **state)
{
	static const struct {
		const char *setting, *want;
	} cases[] = {
		{ "telnet.opening=fffd0", "two digits a byte" },
		{ "telnet.opening=xy", "two digits a byte" },
		{ "telnet.will=255", "telnet.will" },
		{ "telnet.accept=1,x", "telnet.accept" },
		{ "telnet.menu.commands=show", "no line end" },
	};
	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct kit_host h = { 0 };
		struct hin_error err;

		assert_int_equal(hin_config_init(&kit_table, &h, &err), HIN_OK);
		assert_int_equal(hin_config_set(&kit_table, &h, cases[i].setting, &err), HIN_OK);
		assert_int_not_equal(hin_telnet_profile_prepare(&h.profile, &err), HIN_OK);
		assert_non_null(strstr(err.text, cases[i].want));
		hin_config_fini(&kit_table, &h);
	}
}

/* ---- hostile input ---- */

static const char *const *const engines[] = { NULL, bsd, router };

/* Storms of 64 MB: bounded, and as fast as they come. */
static void storms(void **state)
{
	static const struct {
		const char *name, *piece;
		size_t size;
	} cases[] = {
		{ "IAC", "\xff", 1 },
		{ "IAC NOP", "\xff\xf1", 2 },
		{ "DO x", "\xff\xfd\x2a", 3 },
		{ "WILL, WONT", "\xff\xfb\x01\xff\xfc\x01", 6 },
		{ "DO, DONT", "\xff\xfd\x01\xff\xfe\x01", 6 },
		{ "SB without SE", "\xff\xfa\x18", 3 },
		{ "SB of letters", "\xff\xfa\x18\0aaaaaaaaaaaaaaaa", 20 },
		{ "NUL", "\0", 1 },
		{ "a line without end", "a", 1 },
		{ "line ends", "\r\n", 2 },
		{ "are you there", "\xff\xf6", 2 },
		{ "^D", "\x04", 1 },
	};
	static uint8_t block[60000];
	size_t rounds = HIN_TEST_SLOW ? 20 : 1100;

	(void)state;
	for (size_t e = 0; e < HIN_COUNT(engines); e++) {
		for (size_t i = 0; i < HIN_COUNT(cases); i++) {
			struct talk t;

			for (size_t at = 0; at < sizeof(block); at++)
				block[at] = (uint8_t)cases[i].piece[at % cases[i].size];
			begin(&t, engines[e]);
			t.session->keep_nothing = true;
			for (size_t n = 0; n < rounds && !t.session->over; n++) {
				hin_service_telnet.receive(t.service, block, sizeof(block));
				turn(&t);
			}
			if (t.session->sent_bytes > (rounds + 1) * 5 * sizeof(block))
				fail_msg("%s: %zu bytes were sent", cases[i].name,
					 t.session->sent_bytes);
			finish(&t);
		}
	}
}

/* The connection ends after each byte of a log-in: nothing is left behind (ASan sees). */
static void ends_anywhere(void **state)
{
	static const char all[] =
		"\xff\xfb\x18\xff\xfa\x18\0xterm\xff\xf0root\r\ntoor\r\necho a|cat\r";

	(void)state;
	for (size_t e = 0; e < HIN_COUNT(engines); e++) {
		for (size_t cut = 0; cut < sizeof(all); cut++) {
			struct talk t;

			begin(&t, engines[e]);
			if (cut > 0)
				say(&t, all, cut);
			if (cut % 2 == 0 && !t.session->over)
				hin_service_telnet.end(t.service);
			assert_true(cut % 2 != 0 || t.session->over);
			finish(&t);
		}
	}
}

/* Who does not read gets no more of the shell. */
static void a_full_client_stops_the_shell(void **state)
{
	struct talk t;
	size_t before;

	(void)state;
	begin(&t, NULL);
	SAY(&t, "root\r\n");
	SAY(&t, "toor\r\n");
	t.session->full = true;
	before = t.session->sent_bytes;
	SAY(&t, "yes\r\n");
	assert_true(t.session->sent_bytes - before < 16); /* its echo */
	assert_true(t.next_us > t.session->now_us);
	finish(&t);
}

static void long_names_are_cut(void **state)
{
	struct talk t;
	char name[8192];

	(void)state;
	memset(name, 'n', sizeof(name));
	begin(&t, bsd);
	SAY(&t, "\xff\xfc\x18\xff\xfc\x20\xff\xfc\x23\xff\xfc\x27\xff\xfc\x24\xff\xfe\x26");
	SAY(&t, "\xff\xfc\x01\xff\xfc\x1f");
	say(&t, name, sizeof(name));
	SAY(&t, "\r\n");
	say(&t, name, sizeof(name));
	SAY(&t, "\r\n");
	assert_int_equal(t.session->credentials, 1);
	assert_true(t.session->last_password_size <= 256);
	finish(&t);
}

/* Found by fuzzing: one turn of `yes` was as long as its steps, whatever the client took. */
static void a_turn_is_bounded(void **state)
{
	struct talk t;

	(void)state;
	begin(&t, NULL);
	t.session->keep_nothing = true;
	t.session->most_bytes = 65536;
	SAY(&t, "root\r\n");
	SAY(&t, "toor\r\n");
	SAY(&t, "yes\r\n");
	assert_true(t.session->sent_bytes >= 65536);
	assert_true(t.session->sent_bytes < (size_t)2 << 20);
	SAY(&t, "\x03");
	t.session->most_bytes = 0;
	wait(&t, 1);
	SAY(&t, "exit\r\n");
	assert_true(t.session->over);
	finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(busybox_lets_the_right_pair_in),
		cmocka_unit_test(busybox_gives_up),
		cmocka_unit_test(nobody_waits_for_ever),
		cmocka_unit_test(busybox_takes_commands),
		cmocka_unit_test(an_option_that_comes_late_is_a_key),
		cmocka_unit_test(keys_of_signals),
		cmocka_unit_test(bsd_asks_first),
		cmocka_unit_test(bsd_refuses_and_does_not_loop),
		cmocka_unit_test(plain_agrees_once),
		cmocka_unit_test(menus_answer),
		cmocka_unit_test(a_password_alone),
		cmocka_unit_test(encodings),
		cmocka_unit_test(refuses_bad_profiles),
		cmocka_unit_test(storms),
		cmocka_unit_test(ends_anywhere),
		cmocka_unit_test(a_full_client_stops_the_shell),
		cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(a_turn_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
