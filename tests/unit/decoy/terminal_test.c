/* The bytes wanted here are those that busybox 1.35 and bash 5.2 of Debian 12 sent back. */
#include "../../interop/imitated.h"
#include "../test.h"
#include "decoy/terminal/terminal.h"

struct bench {
	struct hin_terminal *terminal;
	struct hin_shell *shell;
	struct hin_fs_image *image;
	struct hin_fs *fs;
	struct hin_buffer seen;
	struct hin_shell_machine machine;
	int signals;
};

static void on_send(void *user, const void *data, size_t size)
{
	struct bench *b = user;

	hin_buffer_add(&b->seen, data, size);
}

static void on_signal(void *user, int number)
{
	struct bench *b = user;

	b->signals = b->signals * 100 + number;
}

static void close_bench(struct bench *b)
{
	hin_terminal_free(b->terminal);
	hin_shell_free(b->shell);
	hin_fs_free(b->fs);
	hin_fs_image_free(b->image);
	hin_buffer_fini(&b->seen);
}

static void want(struct bench *b, const char *name, const char *bytes, size_t size)
{
	if (b->seen.used != size || memcmp(hin_buffer_text(&b->seen), bytes, size) != 0)
		fail_msg("%s: \"%.*s\" (%zu bytes), not \"%s\"", name, (int)b->seen.used,
			 hin_buffer_text(&b->seen), b->seen.used, bytes);
	hin_buffer_reset(&b->seen);
}

/* ---- the discipline ---- */

static void echoes_lines_as_linux_does(void **state)
{
	static const struct {
		const char *keys, *echo, *line;
	} cases[] = {
		{ "root\r", "root\r\n", "root\n" },
		{ "root\n", "root\r\n", "root\n" },
		{ "ab\x7f\x7froot\r", "ab\b \b\b \broot\r\n", "root\n" },
		{ "\x7f\r", "\r\n", "\n" },
		{ "xyz\x7f\x08\r", "xyz\b \b^H\r\n", "xy\x08\n" },
		{ "abc def\x17\x15q\r", "abc def\b \b\b \b\b \b\b \b\b \b\b \b\b \bq\r\n", "q\n" },
		{ "a\x01\x7f\x15\r", "a^A\b \b\b \b\b \b\r\n", "\n" },
		{ "\x16\x03\r", "^\b^C\r\n", "\x03\n" },
		{ "q\x12\r", "q^R\r\nq\r\n", "q\n" },
		{ "a\tb\x7f\x7f\r", "a       b\b \b\b\b\b\b\b\b\b\r\n", "a\n" },
		{ "ab\x04", "ab", "ab" },
		{ "caf\xc3\xa9\x7f\r", "caf\xc3\xa9\b \b\r\n", "caf\n" },
		{ "x\x13y\x11\r", "xy\r\n", "xy\n" },
	};
	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct bench b = { 0 };
		struct hin_buffer line = { 0 };
		char *keys = (char *)hin_test_copy(cases[i].keys, strlen(cases[i].keys));

		b.terminal = hin_terminal_new(&(struct hin_terminal_settings){
			.utf8 = true, .expand_tabs = true, .send = on_send, .user = &b });
		assert_non_null(b.terminal);
		hin_terminal_type(b.terminal, keys, strlen(cases[i].keys));
		want(&b, cases[i].keys, cases[i].echo, strlen(cases[i].echo));
		assert_true(hin_terminal_line(b.terminal, &line));
		assert_string_equal(hin_buffer_text(&line), cases[i].line);
		assert_false(hin_terminal_line(b.terminal, &line));
		hin_buffer_fini(&line);
		free(keys);
		close_bench(&b);
	}
}

static void end_of_input_is_an_empty_line(void **state)
{
	struct bench b = { 0 };
	struct hin_buffer line = { 0 };

	(void)state;
	b.terminal =
		hin_terminal_new(&(struct hin_terminal_settings){ .send = on_send, .user = &b });
	assert_non_null(b.terminal);
	hin_terminal_type(b.terminal, "\x04", 1);
	assert_true(hin_terminal_line(b.terminal, &line));
	assert_int_equal(line.used, 0);
	hin_buffer_fini(&line);
	close_bench(&b);
}

static void signal_keys_forget_and_tell(void **state)
{
	struct bench b = { 0 };
	struct hin_buffer line = { 0 };

	(void)state;
	b.terminal = hin_terminal_new(&(struct hin_terminal_settings){
		.send = on_send, .signal = on_signal, .user = &b });
	assert_non_null(b.terminal);
	hin_terminal_type(b.terminal, "ls\x03", 3);
	want(&b, "^C with its burst", "^C", 2);
	hin_terminal_type(b.terminal, "ls", 2);
	hin_terminal_type(b.terminal, "\x1c", 1);
	want(&b, "^\\ later", "ls^\\", 4);
	hin_terminal_type(b.terminal, "\x1a\r", 2);
	want(&b, "^Z", "^Z\r\n", 4);
	assert_int_equal(b.signals, 20320); /* SIGINT 2, SIGQUIT 3, SIGTSTP 20 */
	assert_true(hin_terminal_line(b.terminal, &line));
	assert_string_equal(hin_buffer_text(&line), "\n");
	hin_buffer_fini(&line);
	close_bench(&b);
}

static void without_echo_nothing_is_seen(void **state)
{
	struct bench b = { 0 };
	struct hin_shell_modes modes = hin_shell_modes_cooked;
	struct hin_buffer line = { 0 };

	(void)state;
	b.terminal =
		hin_terminal_new(&(struct hin_terminal_settings){ .send = on_send, .user = &b });
	assert_non_null(b.terminal);
	modes.echo = false;
	hin_terminal_modes(b.terminal, &modes);
	hin_terminal_type(b.terminal, "to\x7for\x15secret\r", 13);
	assert_int_equal(b.seen.used, 0);
	assert_true(hin_terminal_line(b.terminal, &line));
	assert_string_equal(hin_buffer_text(&line), "secret\n");
	modes.canonical = false;
	hin_terminal_modes(b.terminal, &modes);
	assert_false(hin_terminal_line(b.terminal, &line));
	hin_terminal_type(b.terminal, "k\x7f", 2);
	assert_true(hin_terminal_line(b.terminal, &line));
	assert_int_equal(line.used, 2);
	hin_buffer_fini(&line);
	close_bench(&b);
}

/* A line without an end keeps 4095 bytes, lines that nobody reads 64 KiB. */
static void is_bounded(void **state)
{
	struct bench b = { 0 };
	struct hin_buffer line = { 0 };
	char block[4096];
	size_t bytes = 0;

	(void)state;
	memset(block, 'a', sizeof(block));
	b.terminal =
		hin_terminal_new(&(struct hin_terminal_settings){ .send = on_send, .user = &b });
	assert_non_null(b.terminal);
	for (size_t i = 0; i < (HIN_TEST_SLOW ? 256 : 16384); i++) {
		hin_terminal_type(b.terminal, block, sizeof(block));
		hin_buffer_reset(&b.seen);
	}
	hin_terminal_type(b.terminal, "z\n", 2);
	assert_true(hin_terminal_line(b.terminal, &line));
	assert_int_equal(line.used, HIN_TERMINAL_LINE);
	memset(block, '\n', sizeof(block));
	for (size_t i = 0; i < 64; i++) {
		hin_terminal_type(b.terminal, block, sizeof(block));
		hin_buffer_reset(&b.seen);
	}
	while (hin_terminal_line(b.terminal, &line))
		bytes += line.used;
	assert_true(bytes > 1000);
	assert_true(bytes < HIN_TERMINAL_AHEAD);
	hin_buffer_fini(&line);
	close_bench(&b);
}

static void output_is_processed(void **state)
{
	struct bench b = { 0 };

	(void)state;
	b.terminal = hin_terminal_new(&(struct hin_terminal_settings){
		.expand_tabs = true, .send = on_send, .user = &b });
	assert_non_null(b.terminal);
	hin_terminal_print(b.terminal, "a\tb\r\n\xe3\x81\x82\n", 9);
	want(&b, "cooked", "a       b\r\r\n\xe3\x81\x82\r\n", 17);
	hin_terminal_type(b.terminal, "\x13", 1);
	hin_terminal_print(b.terminal, "held", 4);
	assert_true(hin_terminal_is_stopped(b.terminal));
	assert_int_equal(b.seen.used, 0);
	hin_terminal_type(b.terminal, "\x11", 1);
	want(&b, "after ^Q", "held", 4);
	close_bench(&b);
}

/* ---- the editors ---- */

static int64_t clock_of(void *user)
{
	(void)user;
	return 1700000000000000;
}

static void on_output(void *user, int fd, const void *data, size_t size)
{
	const struct bench *b = user;

	hin_terminal_output(b->terminal, fd, data, size);
}

static void open_shell(struct bench *b, bool bash, const char *type)
{
	static const char *const variables[] = { "PATH=/bin", "HOME=/root", "PS1=$ ", NULL };
	static const struct hin_fs_quota quota = { 1 << 20, 100 };
	struct hin_terminal_settings terminal = {
		.editor = bash ? HIN_EDITOR_READLINE : HIN_EDITOR_ASH,
		.type = type,
		.send = on_send,
		.user = b,
	};
	struct hin_shell_settings shell = {
		.machine = &b->machine,
		.name = bash ? "-bash" : "-sh",
		.variables = variables,
		.folder = "/root",
		.first_pid = 100,
		.limits = hin_shell_limits_default,
		.terminal = { .is_terminal = true, .name = "pts/0" },
		.output = on_output,
		.user_data = b,
	};

	b->machine = (struct hin_shell_machine){ .dialect = bash ? HIN_SHELL_DASH : HIN_SHELL_ASH,
						 .hostname = "gate",
						 .system = "Linux",
						 .release = "6.1",
						 .version = "#1",
						 .hardware = "x86_64",
						 .now_us = clock_of };
	b->image = imitated_image();
	assert_non_null(b->image);
	b->fs = hin_fs_new(b->image, &quota);
	assert_non_null(b->fs);
	shell.fs = b->fs;
	b->terminal = hin_terminal_new(&terminal);
	assert_non_null(b->terminal);
	b->shell = hin_shell_new(&shell);
	assert_non_null(b->shell);
	assert_int_equal(hin_shell_interactive(b->shell), HIN_OK);
	hin_terminal_complete(b->terminal, b->fs, shell.user, HIN_FS_ROOT);
	hin_terminal_attach(b->terminal, b->shell);
}

static void go(struct bench *b, const char *keys)
{
	enum hin_shell_state state;

	hin_terminal_type(b->terminal, keys, strlen(keys));
	do {
		state = hin_terminal_run(b->terminal, 10000);
	} while (state == HIN_SHELL_RUNS);
}

struct keys {
	const char *keys, *want;
};

static void play(struct bench *b, const struct keys *keys, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		go(b, keys[i].keys);
		want(b, keys[i].keys, keys[i].want, strlen(keys[i].want));
	}
}

static void edits_as_busybox_does(void **state)
{
	static const struct keys keys[] = {
		{ "", "$ " },
		{ "echo hi\r\n", "echo hi\r\nhi\r\n$ \r\n$ " },
		{ "abc\x7f\x1b[D\x1b[D", "abc\b\x1b[J\b\b" },
		{ "\x03", "^C\r\n$ " },
		{ " \x15", " \r$ \x1b[J" },
		{ "\x1b[A", "\r$ echo hi\x1b[J" },
		{ "\x1b[A", "\a\a" },
		{ "\x1b[B", "\r$ \x1b[J" },
		{ "\x10\x03", "\r$ echo hi\x1b[J^C\r\n$ " },
		{ "echo abc def", "echo abc def" },
		{ "\x17", "\b\x1b[J\b\x1b[J\b\x1b[J" },
		{ "\x01", "\x1b[9D" },
		{ "X", "Xecho abc \x1b[9D" },
		{ "\x1b[C", "e" },
		{ "\x1b[D", "\b" },
		{ "\x05", "echo abc " },
		{ "\x0b\x01\x0b", "\x1b[J\x1b[10D\x1b[J" },
		{ "\x0c", "\x1b[H\x1b[J\r$ \x1b[J" },
		{ "ls /b\t", "ls /b\r$ ls /bin/\x1b[J" },
		{ "\x15zz\t", "\r$ \x1b[Jzz\a" },
		{ "\x15\x04", "\r$ \x1b[J\r\n" },
	};
	struct bench b = { 0 };

	(void)state;
	open_shell(&b, false, "vt102");
	play(&b, keys, HIN_COUNT(keys));
	assert_int_equal(hin_terminal_run(b.terminal, 100), HIN_SHELL_DONE);
	close_bench(&b);
}

#define ON "\x1b[?2004h"
#define OFF "\x1b[?2004l\r"

static void edits_as_readline_does(void **state)
{
	static const struct keys keys[] = {
		{ "", ON "$ " },
		{ "echo hi\r", "echo hi\r\n" OFF "hi\r\n" ON "$ " },
		{ "abc\x7f\x1b[D\x1b[D", "abc\b \b\b\b" },
		{ "\x03", "^C" OFF ON OFF "\r\n" ON "$ " },
		{ "echo hi \x15", "echo hi \r$ \x1b[K" },
		{ "\x1b[A", "echo hi" },
		{ "\x1b[A", "\a" },
		{ "\x1b[B", "\r$ \x1b[K" },
		{ "\x1b[B", "\a" },
		{ "echo abc def", "echo abc def" },
		{ "\x17", "\b\b\b\x1b[K" },
		{ "\x01", "\r$ " },
		{ "X", "\x1b[1@X" },
		{ "\x1b[C", "e" },
		{ "\x1b[D", "\b" },
		{ "\x05", "echo abc " },
		{ "\x0b", "" },
		{ "\x02\x02\x08", "\b\b\b\x1b[1Pc \b\b" },
		{ "\x05\x14", "c \b\b c" },
		{ "\x0c", "\x1b[H\x1b[2J$ Xecho a c" },
		{ "\x15\x15", "\r$ \x1b[K\a" },
		{ "ls /b\t", "ls /bin/" },
		{ "\x15\x16\x07", "\r$ \x1b[K^G" },
		{ "\x15\x04", "\b\b\x1b[K" OFF "\r\nlogout\r\n" },
	};
	struct bench b = { 0 };

	(void)state;
	open_shell(&b, true, "xterm");
	play(&b, keys, HIN_COUNT(keys));
	close_bench(&b);
}

static void readline_on_a_dumb_terminal(void **state)
{
	static const struct keys keys[] = {
		{ "", "$ " },
		{ "echo hi\r", "echo hi\r\nhi\r\n$ " },
		{ "\x03", "^C\r\n$ " },
		{ "echo abc \x01", "echo abc \r$ " },
		{ "X", "Xecho abc \r$ X" },
		{ "\x05\x0c", "echo abc \r\n$ Xecho abc " },
		{ "\x15\x04", "\r$           \r$ logout\r\n" },
	};
	struct bench b = { 0 };

	(void)state;
	open_shell(&b, true, NULL);
	play(&b, keys, HIN_COUNT(keys));
	close_bench(&b);
}

/* Found by fuzzing: a line of no cells at all. */
static void a_prompt_may_be_empty(void **state)
{
	static const struct keys keys[] = {
		{ "", ON "$ " },
		{ "PS1=\r", "PS1=\r\n" OFF ON },
		{ "\x14", "\a" },
		{ "a\x02\x1b[3~", "a\r\x1b[K" },
	};
	struct bench b = { 0 };

	(void)state;
	open_shell(&b, true, "xterm");
	play(&b, keys, HIN_COUNT(keys));
	close_bench(&b);
}

static void long_lines_wrap(void **state)
{
	struct bench b = { 0 };
	char line[100];

	(void)state;
	open_shell(&b, false, NULL);
	go(&b, "");
	hin_buffer_reset(&b.seen);
	memset(line, 'x', 80);
	line[80] = '\0';
	go(&b, line);
	assert_string_equal(hin_buffer_text(&b.seen) + 78, "\r\r\nxx");
	hin_buffer_reset(&b.seen);
	go(&b, "\x01");
	want(&b, "to the beginning", "\r\x1b[1A\x1b[2C", 9);
	close_bench(&b);
}

/* What is typed while a command runs is echoed, and read again by the editor. */
static void typed_ahead_is_edited_later(void **state)
{
	struct bench b = { 0 };

	(void)state;
	open_shell(&b, false, NULL);
	go(&b, "cat\r");
	hin_buffer_reset(&b.seen);
	go(&b, "abc\r\x04"
	       "echo 1");
	want(&b, "cat", "abc\r\necho 1abc\r\n$ echo 1", 24);
	close_bench(&b);
}

/* Megabytes of any keys: nothing grows without bounds. */
static void an_editor_is_bounded(void **state)
{
	struct bench b = { 0 };
	char block[4096];

	(void)state;
	for (int bash = 0; bash < 2; bash++) {
		open_shell(&b, bash == 1, "xterm");
		go(&b, "");
		memset(block, 'a', sizeof(block));
		for (int i = 0; i < (HIN_TEST_SLOW ? 40 : 200); i++) {
			hin_terminal_type(b.terminal, block, sizeof(block));
			hin_buffer_reset(&b.seen);
		}
		hin_terminal_type(b.terminal, "\r", 1);
		assert_true(b.seen.used < (size_t)1 << 20);
		close_bench(&b);
		memset(&b, 0, sizeof(b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echoes_lines_as_linux_does),
		cmocka_unit_test(end_of_input_is_an_empty_line),
		cmocka_unit_test(signal_keys_forget_and_tell),
		cmocka_unit_test(without_echo_nothing_is_seen),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(output_is_processed),
		cmocka_unit_test(edits_as_busybox_does),
		cmocka_unit_test(edits_as_readline_does),
		cmocka_unit_test(readline_on_a_dumb_terminal),
		cmocka_unit_test(a_prompt_may_be_empty),
		cmocka_unit_test(long_lines_wrap),
		cmocka_unit_test(typed_ahead_is_edited_later),
		cmocka_unit_test(an_editor_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
