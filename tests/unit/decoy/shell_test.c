/* shell_test - limits, time, input and what stays from one shell to the next. */
#include "../test.h"
#include "../../interop/imitated.h"

struct screen {
	char text[20000];
	size_t size;
};

static void show(void *user, int fd, const void *data, size_t size)
{
	struct screen *s = user;

	(void)fd;
	if (size > sizeof(s->text) - 1 - s->size)
		size = sizeof(s->text) - 1 - s->size;
	memcpy(s->text + s->size, data, size);
	s->size += size;
	s->text[s->size] = '\0';
}

static int64_t clock_us = 1000000;

static int64_t now_us(void *user)
{
	(void)user;
	return clock_us;
}

struct machine {
	struct hin_fs_image *image;
	struct hin_fs *fs;
	struct hin_shell_machine facts;
	struct hin_shell_settings settings;
	struct screen screen;
};

static void machine_init(struct machine *m)
{
	static const char *const variables[] = { "PATH=/bin", "HOME=/root", NULL };
	static const struct hin_fs_quota quota = { 1 << 20, 200 };

	memset(m, 0, sizeof(*m));
	m->image = imitated_image();
	assert_non_null(m->image);
	m->fs = hin_fs_new(m->image, &quota);
	m->facts = (struct hin_shell_machine){ .hostname = "gate",
					       .system = "Linux",
					       .release = "6.1",
					       .version = "#1",
					       .hardware = "x86_64",
					       .now_us = now_us };
	m->settings = (struct hin_shell_settings){ .machine = &m->facts,
						   .fs = m->fs,
						   .name = "sh",
						   .variables = variables,
						   .folder = "/w",
						   .first_pid = 1000,
						   .limits = hin_shell_limits_default,
						   .output = show,
						   .user_data = &m->screen };
}

static void machine_fini(struct machine *m)
{
	hin_fs_free(m->fs);
	hin_fs_image_free(m->image);
}

static struct hin_shell *start(struct machine *m, const char *line)
{
	struct hin_shell *shell = hin_shell_new(&m->settings);

	assert_non_null(shell);
	m->screen.size = 0;
	m->screen.text[0] = '\0';
	assert_int_equal(hin_shell_command(shell, line, NULL), HIN_OK);
	return shell;
}

/* Run a line to its end; its status. */
static int run(struct machine *m, const char *line)
{
	struct hin_shell *shell = start(m, line);
	int status;

	hin_shell_input_end(shell);
	for (unsigned i = 0; hin_shell_run(shell, 10000) != HIN_SHELL_DONE; i++)
		assert_true(i < 100000);
	status = hin_shell_status(shell);
	hin_shell_free(shell);
	return status;
}

/* Nothing that an intruder types goes on for ever or takes all memory. */
static void limits_hold(void **state)
{
	static const struct {
		const char *line;
		int status;
	} cases[] = {
		{ "while :; do :; done", 137 },
		{ "f() { f | f & }; f; while :; do :; done", 137 },
		{ "yes > /w/f; echo $?", 137 },
		{ "x=a; while :; do x=$x$x; done", 137 },
		{ "x=$(yes)", 137 },
		{ "f() { f; }; f", 2 },
		{ "cat /dev/zero | sort; echo $?", 0 },
		{ "eval 'eval \"$x\"'; x='eval \"$x\"'; eval \"$x\"", 2 },
		{ "echo 'x' > /w/me; echo '. /w/me' > /w/me; . /w/me", 2 },
		{ "echo /w/self > /w/self; chmod +x /w/self; /w/self", 2 },
	};
	struct machine m;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		int status;

		machine_init(&m);
		m.settings.limits.steps = 200000;
		status = run(&m, cases[i].line);
		if (status != cases[i].status)
			fail_msg("%s: %d, %s", cases[i].line, status, m.screen.text);
		machine_fini(&m);
	}
}

/* What was written is there for the next shell over the same files. */
static void files_stay(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m);
	assert_int_equal(run(&m, "echo kept > /tmp/x; mkdir /tmp/d"), 0);
	assert_int_equal(run(&m, "cat /tmp/x; ls -d /tmp/d"), 0);
	assert_string_equal(m.screen.text, "kept\n/tmp/d\n");
	machine_fini(&m);
}

static void waits_for_input_and_time(void **state)
{
	struct hin_shell *shell;
	struct machine m;

	(void)state;
	machine_init(&m);
	shell = start(&m, "read a; echo got $a; sleep 5; echo slept");
	assert_int_equal(hin_shell_run(shell, 10000), HIN_SHELL_READS);
	hin_shell_input(shell, "li", 2);
	assert_int_equal(hin_shell_run(shell, 10000), HIN_SHELL_READS);
	hin_shell_input(shell, "ne\n", 3);
	assert_int_equal(hin_shell_run(shell, 10000), HIN_SHELL_SLEEPS);
	assert_string_equal(m.screen.text, "got line\n");
	assert_int_equal(hin_shell_wakes_us(shell), clock_us + 5000000);
	assert_int_equal(hin_shell_run(shell, 10000), HIN_SHELL_SLEEPS);
	clock_us += 5000000;
	assert_int_equal(hin_shell_run(shell, 10000), HIN_SHELL_DONE);
	assert_string_equal(m.screen.text, "got line\nslept\n");
	hin_shell_free(shell);
	/* one that is left alone in the middle loses nothing */
	shell = start(&m, "sleep 1 | cat | (read x; (sleep 9)); yes | head -c 5 > /tmp/a");
	(void)hin_shell_run(shell, 100);
	hin_shell_free(shell);
	hin_shell_free(NULL);
	machine_fini(&m);
}

static void a_user_may_not_do_all(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m);
	m.settings.user = (struct hin_fs_user){ 33, 33 };
	assert_int_equal(run(&m, "echo x > /w/f"), 2);
	assert_string_equal(m.screen.text, "sh: 1: cannot create /w/f: Permission denied\n");
	assert_int_equal(run(&m, "echo x > /tmp/f && cat /tmp/f && rm -f /tmp/f && id -u"), 0);
	assert_string_equal(m.screen.text, "x\n33\n");
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(files_stay),
		cmocka_unit_test(waits_for_input_and_time),
		cmocka_unit_test(a_user_may_not_do_all),
	};

	return cmocka_run_group_tests_name("shell", tests, NULL, NULL);
}
