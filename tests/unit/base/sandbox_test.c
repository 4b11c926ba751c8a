#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sandbox.h"

enum { SKIPPED = 77 };

/* Check in a child; its line is its exit status. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			dprintf(2, "line %d: %s (errno %d)\n", __LINE__, #condition, errno);       \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* Run `body` in a child; skip the test when it says so. Returns the status of waitpid(). */
static int run(void (*body)(void))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid != -1);
	if (pid == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		skip();
	return status;
}

static void no_dump(void)
{
	struct hin_sandbox s = { 0 };
	struct rlimit limit;

	CHECK(hin_sandbox_no_dump(&s, NULL) == HIN_OK);
	CHECK(s.no_dump);
	CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	CHECK(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0);
}

static void no_new_privs(void)
{
	struct hin_sandbox s = { 0 };

	CHECK(hin_sandbox_no_new_privs(&s, NULL) == HIN_OK);
	CHECK(s.no_new_privs && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
}

static void drop_user(void)
{
	struct hin_sandbox s = { 0 };
	struct hin_error err;

	CHECK(hin_sandbox_drop_user(&s, "no-such-user", &err) == HIN_ENOENT);
	CHECK(strcmp(err.text, "user \"no-such-user\" does not exist") == 0);
	CHECK(hin_sandbox_drop_user(&s, "", &err) == HIN_ENOENT);
	CHECK(hin_sandbox_drop_user(&s, "root:no-such-group", &err) == HIN_ENOENT);
	if (geteuid() != 0)
		_exit(SKIPPED);
	CHECK(!s.user);
	CHECK(hin_sandbox_drop_user(&s, "nobody", &err) == HIN_OK);
	CHECK(s.user && getuid() != 0 && geteuid() == getuid() && getgid() != 0);
	CHECK(getgroups(0, NULL) == 0);
	CHECK(setuid(0) == -1 && setgid(0) == -1);
	CHECK(hin_sandbox_drop_user(&s, "nobody", &err) == HIN_OK);
	CHECK(hin_sandbox_drop_user(&s, "root", &err) == HIN_EDENIED);
}

static void drop_caps(void)
{
	struct hin_sandbox s = { 0 };
	struct hin_error err;
	cap_t now, none = cap_init();

	CHECK(hin_sandbox_drop_caps(&s, &err) == HIN_OK);
	CHECK(s.caps && s.no_new_privs);
	now = cap_get_proc();
	CHECK(now != NULL && cap_compare(now, none) == 0);
	if (geteuid() == 0) {
		CHECK(prctl(PR_CAPBSET_READ, CAP_NET_RAW, 0, 0, 0) == 0);
		CHECK(socket(AF_PACKET, SOCK_RAW, 0) == -1 && errno == EPERM);
	}
	CHECK(hin_sandbox_drop_caps(&s, &err) == HIN_OK); /* also without any */
	cap_free(now);
	cap_free(none);
}

static char folder[] = "/tmp/hin-sandbox-XXXXXX";

static int open_in(const char *name, int flags)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return open(path, flags | O_CLOEXEC, 0600);
}

static int make_files(void **state)
{
	char path[200];

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = { "read", "write", "other" };

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		if (mkdir(path, 0700) != 0)
			return -1;
		snprintf(path, sizeof(path), "%s/file", names[i]);
		close(open_in(path, O_CREAT | O_WRONLY));
	}
	return 0;
}

static int remove_files(void **state)
{
	char command[200];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static void limit_files(void)
{
	char reading[100], writing[100], program[] = "/bin/true";
	const char *read[] = { reading, "/nonexistent/path" }, *write[] = { writing };
	char *argv[] = { program, NULL }, *environment[] = { NULL };
	struct hin_sandbox s = { 0 };
	int held = open_in("other/file", O_RDONLY);

	snprintf(reading, sizeof(reading), "%s/read", folder);
	snprintf(writing, sizeof(writing), "%s/write", folder);
	CHECK(hin_sandbox_limit_files(&s, read, 2, write, 1, NULL) == HIN_OK);
	if (s.landlock == 0)
		_exit(SKIPPED);
	CHECK(open_in("read/file", O_RDONLY) != -1);
	CHECK(open_in("read", O_RDONLY | O_DIRECTORY) != -1);
	CHECK(open_in("read/file", O_WRONLY) == -1 && errno == EACCES);
	CHECK(open_in("read/new", O_CREAT | O_WRONLY) == -1 && errno == EACCES);
	CHECK(open_in("write/file", O_RDWR | O_TRUNC) != -1);
	CHECK(open_in("write/new", O_CREAT | O_RDWR) != -1);
	CHECK(open_in("other/file", O_RDONLY) == -1 && errno == EACCES);
	CHECK(open("/etc/passwd", O_RDONLY | O_CLOEXEC) == -1 && errno == EACCES);
	CHECK(fcntl(held, F_GETFD) != -1); /* what was open stays open */
	CHECK(execve(program, argv, environment) == -1 && errno == EACCES);
}

static void limit_to_one_file(void)
{
	char reading[100], writing[100];
	const char *read[] = { reading }, *write[] = { writing };
	struct hin_sandbox s = { 0 };

	snprintf(reading, sizeof(reading), "%s/read/file", folder);
	snprintf(writing, sizeof(writing), "%s/write/file", folder);
	CHECK(hin_sandbox_limit_files(&s, read, 1, write, 1, NULL) == HIN_OK);
	if (s.landlock == 0)
		_exit(SKIPPED);
	CHECK(open_in("read/file", O_RDONLY) != -1);
	CHECK(open_in("write/file", O_WRONLY) != -1);
	CHECK(open_in("write/other", O_WRONLY | O_CREAT) == -1 && errno == EACCES);
	CHECK(open_in("read", O_RDONLY | O_DIRECTORY) == -1 && errno == EACCES);
}

static void *nothing(void *argument)
{
	return argument;
}

/* What no profile allows. */
static void check_denied(void)
{
	char program[] = "/bin/true", *argv[] = { program, NULL }, *environment[] = { NULL };
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	CHECK(mprotect(page, 4096, PROT_READ) == 0);
	CHECK(mprotect(page, 4096, PROT_READ | PROT_EXEC) == -1 && errno == EPERM);
	CHECK(mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	CHECK(execve(program, argv, environment) == -1 && errno == EPERM);
	CHECK(fork() == -1 && errno == EPERM);
	CHECK(socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EPERM);
	CHECK(socket(AF_INET6, SOCK_DGRAM, 0) == -1 && errno == EPERM);
	CHECK(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1 && errno == EPERM);
	CHECK(kill(getppid(), 0) == -1 && errno == EPERM);
	CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 1, 1 }) == -1 && errno == EPERM);
	CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == -1 && errno == EPERM);
}

static void analyse(void)
{
	struct hin_sandbox s = { 0 };
	struct rlimit limit;
	pthread_t thread;
	int fd;

	CHECK(hin_sandbox_limit_calls(&s, HIN_SANDBOX_ANALYSE, false, NULL) == HIN_OK);
	if (!s.calls)
		_exit(SKIPPED);
	check_denied();
	CHECK(socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == EPERM);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	fd = open_in("write/file", O_RDWR);
	CHECK(fd != -1 && write(fd, "x", 1) == 1 && fsync(fd) == 0 && close(fd) == 0);
	CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(isatty(0) == 0 || isatty(0) == 1);
}

static void capture(void)
{
	struct hin_sandbox s = { 0 };
	int fd;

	CHECK(hin_sandbox_limit_calls(&s, HIN_SANDBOX_CAPTURE, false, NULL) == HIN_OK);
	if (!s.calls)
		_exit(SKIPPED);
	check_denied();
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK(fd != -1);
	CHECK(send(fd, "x", 1, 0) == -1 && errno == EPERM);
	CHECK(recv(fd, &s, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
	if (geteuid() == 0)
		CHECK(socket(AF_PACKET, SOCK_RAW, 0) != -1);
}

static void carry(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(1) };
	char program[] = "/bin/true", *argv[] = { program, NULL }, *environment[] = { NULL };
	struct hin_sandbox s = { 0 };
	int fd;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(hin_sandbox_limit_calls(&s, HIN_SANDBOX_CARRY, false, NULL) == HIN_OK);
	if (!s.calls)
		_exit(SKIPPED);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(fd != -1);
	CHECK(connect(fd, (struct sockaddr *)&at, sizeof(at)) == -1 && errno != EPERM);
	CHECK(listen(fd, 1) == -1 && errno == EPERM);
	CHECK(execve(program, argv, environment) == -1 && errno == EPERM);
	CHECK(fork() == -1 && errno == EPERM);
	CHECK(mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
}

static void serve(void)
{
	struct sockaddr name = { .sa_family = AF_UNIX }; /* the kernel finds a name */
	struct hin_sandbox s = { 0 };
	socklen_t size = sizeof(name);
	int door = socket(AF_UNIX, SOCK_STREAM, 0), caller = socket(AF_UNIX, SOCK_STREAM, 0), fd;
	struct sockaddr_un at;

	CHECK(bind(door, &name, sizeof(sa_family_t)) == 0 && listen(door, 1) == 0);
	size = sizeof(at);
	CHECK(getsockname(door, (struct sockaddr *)&at, &size) == 0);
	CHECK(connect(caller, (struct sockaddr *)&at, size) == 0);
	CHECK(hin_sandbox_limit_calls(&s, HIN_SANDBOX_SERVE, false, NULL) == HIN_OK);
	if (!s.calls)
		_exit(SKIPPED);
	check_denied();
	CHECK(socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == EPERM);
	fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	CHECK(fd != -1 && send(fd, "x", 1, 0) == 1 && recv(caller, &s, 1, 0) == 1);
	CHECK(connect(caller, (struct sockaddr *)&at, size) == -1 && errno == EPERM);
	CHECK(bind(door, &name, sizeof(sa_family_t)) == -1 && errno == EPERM);
}

static void talk(void)
{
	struct hin_sandbox s = { 0 };
	int ends[2];
	char c;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	CHECK(hin_sandbox_limit_calls(&s, HIN_SANDBOX_TALK, false, NULL) == HIN_OK);
	if (!s.calls)
		_exit(SKIPPED);
	check_denied();
	CHECK(send(ends[0], "x", 1, 0) == 1 && recv(ends[1], &c, 1, 0) == 1 && c == 'x');
	CHECK(open("/dev/null", O_RDONLY) == -1 && errno == EPERM);
	CHECK(socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == EPERM);
	CHECK(unlink("/nowhere") == -1 && errno == EPERM);
	CHECK(accept4(ends[0], NULL, NULL, 0) == -1 && errno == EPERM);
}

static void spawn(void)
{
	struct hin_sandbox s = { 0 };
	int ends[2], status;
	pid_t pid;

	CHECK(hin_sandbox_limit_calls(&s, HIN_SANDBOX_SPAWN, false, NULL) == HIN_OK);
	if (!s.calls)
		_exit(SKIPPED);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	pid = fork();
	CHECK(pid != -1);
	if (pid == 0) {
		struct hin_sandbox less = { 0 };

		CHECK(hin_sandbox_limit_calls(&less, HIN_SANDBOX_TALK, false, NULL) == HIN_OK);
		CHECK(fork() == -1 && errno == EPERM);
		_exit(open("/dev/null", O_RDONLY) == -1 && errno == EPERM ? 3 : 4);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
	CHECK(socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EPERM);
	CHECK(execve("/bin/true", (char *[]){ NULL }, (char *[]){ NULL }) == -1 && errno == EPERM);
}

static void killed(void)
{
	struct hin_sandbox s = { 0 };

	CHECK(hin_sandbox_limit_calls(&s, HIN_SANDBOX_ANALYSE, true, NULL) == HIN_OK);
	if (!s.calls)
		_exit(SKIPPED);
	(void)socket(AF_INET, SOCK_STREAM, 0);
	_exit(3);
}

/* All of it, as a program does. */
static void everything(void)
{
	struct hin_sandbox s = { 0 };
	struct hin_buffer text = { 0 };
	const char *read[] = { folder };
	struct hin_error err;
	enum hin_code code = hin_sandbox_no_dump(&s, &err);

	if (code == HIN_OK && geteuid() == 0)
		code = hin_sandbox_drop_user(&s, "nobody", &err);
	if (code == HIN_OK)
		code = hin_sandbox_drop_caps(&s, &err);
	if (code == HIN_OK)
		code = hin_sandbox_limit_files(&s, read, geteuid() == 0, NULL, 0, &err);
	if (code == HIN_OK)
		code = hin_sandbox_limit_calls(&s, HIN_SANDBOX_ANALYSE, false, &err);
	CHECK(code == HIN_OK);
	hin_sandbox_describe(&s, &text);
	CHECK(strncmp(hin_buffer_text(&text), "no-dump,no-new-privs,", 21) == 0);
	check_denied();
	hin_buffer_fini(&text);
}

#define CHILD_TEST(name)                                                                           \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		assert_int_equal(run(name), 0);                                                    \
	}

CHILD_TEST(no_dump)
CHILD_TEST(no_new_privs)
CHILD_TEST(drop_user)
CHILD_TEST(drop_caps)
CHILD_TEST(limit_files)
CHILD_TEST(limit_to_one_file)
CHILD_TEST(analyse)
CHILD_TEST(capture)
CHILD_TEST(carry)
CHILD_TEST(serve)
CHILD_TEST(talk)
CHILD_TEST(spawn)
CHILD_TEST(everything)

/* The same calls by somebody without any privilege. */
static void as_nobody(void)
{
	struct hin_sandbox s = { 0 };

	if (geteuid() != 0)
		_exit(SKIPPED);
	CHECK(chmod(folder, 0755) == 0);
	CHECK(hin_sandbox_drop_user(&s, "nobody", NULL) == HIN_OK);
	drop_caps();
	everything();
}
CHILD_TEST(as_nobody)

static void kills_on_demand(void **state)
{
	int status = run(killed);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void describes(void **state)
{
	struct hin_buffer out = { 0 };

	(void)state;
	hin_sandbox_describe(&(struct hin_sandbox){ 0 }, &out);
	assert_string_equal(hin_buffer_text(&out), "nothing");
	hin_buffer_reset(&out);
	hin_sandbox_describe(&(struct hin_sandbox){ .caps = true, .calls = true, .landlock = 3 },
			     &out);
	assert_string_equal(hin_buffer_text(&out), "caps,calls,landlock-3");
	hin_buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_dump),	    cmocka_unit_test(test_no_new_privs),
		cmocka_unit_test(test_drop_user),   cmocka_unit_test(test_drop_caps),
		cmocka_unit_test(test_limit_files), cmocka_unit_test(test_limit_to_one_file),
		cmocka_unit_test(test_analyse),	    cmocka_unit_test(test_capture),
		cmocka_unit_test(test_serve),	    cmocka_unit_test(test_talk),
		cmocka_unit_test(test_spawn),	    cmocka_unit_test(test_carry),
		cmocka_unit_test(kills_on_demand),  cmocka_unit_test(test_everything),
		cmocka_unit_test(test_as_nobody),   cmocka_unit_test(describes),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
