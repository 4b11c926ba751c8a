#include "../test.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/notify.h"
#include "base/sandbox.h"

static int listen_at(struct sockaddr_un *at, socklen_t *size, bool abstract)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t n;

	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = (size_t)snprintf(at->sun_path, sizeof(at->sun_path), "%s/tmp/hinomi-notify-%d",
			     abstract ? "@" : "", (int)getpid());
	*size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	setenv("NOTIFY_SOCKET", at->sun_path, 1);
	if (abstract)
		at->sun_path[0] = '\0';
	else
		unlink(at->sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)at, *size), 0);
	return fd;
}

static void speaks_to_the_manager(void **state)
{
	(void)state;
	for (int abstract = 0; abstract < 2; abstract++) {
		struct sockaddr_un at;
		struct hin_notify n;
		char said[100] = "";
		socklen_t size;
		int fd = listen_at(&at, &size, abstract == 1);

		setenv("WATCHDOG_USEC", "3000000", 1);
		assert_int_equal(hin_notify_open(&n, NULL), HIN_OK);
		assert_int_equal(n.watchdog_ns, 3000000000);
		assert_null(getenv("NOTIFY_SOCKET"));
		assert_null(getenv("WATCHDOG_USEC"));
		hin_notify_send(&n, "READY=1\nSTATUS=serving");
		assert_int_equal(recv(fd, said, sizeof(said) - 1, 0), 22);
		assert_string_equal(said, "READY=1\nSTATUS=serving");
		hin_notify_reloading(&n);
		memset(said, 0, sizeof(said));
		assert_true(recv(fd, said, sizeof(said) - 1, 0) > 20);
		assert_memory_equal(said, "RELOADING=1\nMONOTONIC_USEC=", 27);
		close(fd);
		hin_notify_send(&n, "STOPPING=1"); /* nobody is there any more: no matter */
		hin_notify_close(&n);
		if (abstract == 0)
			unlink(at.sun_path);
	}
}

/* A program that reads captures may send nothing, but this. */
static void speaks_out_of_a_sandbox(void **state)
{
	struct hin_sandbox box = { 0 };
	struct sockaddr_un at;
	char said[100] = "";
	struct hin_notify n;
	socklen_t size;
	int fd = listen_at(&at, &size, true), status;
	pid_t child;

	(void)state;
	assert_int_equal(hin_notify_open(&n, NULL), HIN_OK);
	child = fork();
	if (child == 0) {
		if (hin_sandbox_limit_calls(&box, HIN_SANDBOX_ANALYSE, false, NULL) == HIN_OK)
			hin_notify_send(&n, "WATCHDOG=1");
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(recv(fd, said, sizeof(said) - 1, MSG_DONTWAIT), 10);
	assert_string_equal(said, "WATCHDOG=1");
	hin_notify_close(&n);
	close(fd);
}

/* A manager that was busy: what matters comes when it reads again, signs of life are dropped. */
static void waits_for_a_busy_manager(void **state)
{
	struct sockaddr_un at;
	char said[100] = "";
	struct hin_notify n;
	socklen_t size;
	int fd = listen_at(&at, &size, true), status, count = 0;
	pid_t child;

	(void)state;
	assert_int_equal(hin_notify_open(&n, NULL), HIN_OK);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 2000; i++)
			hin_notify_send(&n, "WATCHDOG=1");
		hin_notify_send(&n, "STOPPING=1");
		_exit(0);
	}
	while (strcmp(said, "STOPPING=1") != 0) {
		memset(said, 0, sizeof(said));
		assert_true(recv(fd, said, sizeof(said) - 1, 0) == 10);
		if (count++ == 0)
			usleep(50000); /* so that its queue is full */
	}
	assert_true(count < 2000);
	assert_int_equal(waitpid(child, &status, 0), child);
	hin_notify_close(&n);
	close(fd);
}

static void needs_no_manager(void **state)
{
	struct hin_notify n;

	(void)state;
	assert_int_equal(hin_notify_open(&n, NULL), HIN_OK);
	assert_int_equal(n.fd, -1);
	assert_int_equal(n.watchdog_ns, 0);
	hin_notify_send(&n, "READY=1");
	hin_notify_close(&n);
	hin_notify_close(NULL);
}

static void refuses_what_is_no_address(void **state)
{
	static const char *const wrong[] = {
		"x", "name", "/tmp/hinomi-nobody-is-here",
		"/0123456789012345678901234567890123456789012345678901"
		"234567890123456789012345678901234567890123456789012345"
		"6789"
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(wrong); i++) {
		struct hin_notify n;

		setenv("NOTIFY_SOCKET", wrong[i], 1);
		assert_int_equal(hin_notify_open(&n, NULL), i == 2 ? HIN_ESYS : HIN_EFORMAT);
	}
}

static void another_process_is_watched(void **state)
{
	static const struct {
		const char *time, *pid;
	} cases[] = { { "1000", "1" }, { "x", NULL }, { "1000", "x" }, { "-1", NULL } };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_notify n;

		setenv("WATCHDOG_USEC", cases[i].time, 1);
		if (cases[i].pid != NULL)
			setenv("WATCHDOG_PID", cases[i].pid, 1);
		assert_int_equal(hin_notify_open(&n, NULL), HIN_OK);
		assert_int_equal(n.watchdog_ns, 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(speaks_to_the_manager),
		cmocka_unit_test(speaks_out_of_a_sandbox),
		cmocka_unit_test(waits_for_a_busy_manager),
		cmocka_unit_test(needs_no_manager),
		cmocka_unit_test(refuses_what_is_no_address),
		cmocka_unit_test(another_process_is_watched),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
