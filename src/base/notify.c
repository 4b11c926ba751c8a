/* notify - the service manager; see notify.h and sd_notify(3) */
#include "base/notify.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/number.h"
#include "base/time.h"

#define PATIENCE_NS (2 * HIN_NS_PER_S) /* with a manager that does not read */

/* "@name" is an abstract address, "/path" one in the file system. */
static enum hin_code parse_address(struct sockaddr_un *at, socklen_t *size, const char *text,
				   struct hin_error *err)
{
	size_t n = strlen(text);

	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n < 2 || n >= sizeof(at->sun_path) || (text[0] != '/' && text[0] != '@'))
		return hin_fail(err, HIN_EFORMAT, "NOTIFY_SOCKET is no address of a socket");
	memcpy(at->sun_path, text, n);
	if (text[0] == '@')
		at->sun_path[0] = '\0';
	*size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return HIN_OK;
}

static void read_watchdog(struct hin_notify *n)
{
	const char *time = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t us, who = (uint64_t)getpid();

	if (pid != NULL && hin_number_u64(&who, "WATCHDOG_PID", pid, 1, INT64_MAX, NULL) != HIN_OK)
		return;
	if (time != NULL && who == (uint64_t)getpid() &&
	    hin_number_u64(&us, "WATCHDOG_USEC", time, 1, INT64_MAX / 1000, NULL) == HIN_OK)
		n->watchdog_ns = (int64_t)us * 1000;
}

enum hin_code hin_notify_open(struct hin_notify *n, struct hin_error *err)
{
	const char *text = getenv("NOTIFY_SOCKET");
	enum hin_code code = HIN_OK;
	struct sockaddr_un at;
	socklen_t size = 0;

	*n = (struct hin_notify){ .fd = -1 };
	read_watchdog(n);
	if (text != NULL && text[0] != '\0') {
		code = parse_address(&at, &size, text, err);
		if (code == HIN_OK) {
			n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
			if (n->fd == -1 || connect(n->fd, (struct sockaddr *)&at, size) != 0)
				code = hin_fail(err, HIN_ESYS, "NOTIFY_SOCKET %.100s", text);
		}
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	if (code != HIN_OK)
		hin_notify_close(n);
	return code;
}

void hin_notify_close(struct hin_notify *n)
{
	if (n == NULL)
		return;
	if (n->fd != -1)
		close(n->fd);
	n->fd = -1;
}

/* What comes again soon need not wait for a manager that is busy. */
static bool comes_again(const char *lines)
{
	return strncmp(lines, "WATCHDOG=", 9) == 0 || strncmp(lines, "STATUS=", 7) == 0;
}

void hin_notify_send(const struct hin_notify *n, const char *lines)
{
	int64_t end = hin_time_monotonic_ns() + PATIENCE_NS;
	struct pollfd room = { .fd = n->fd, .events = POLLOUT };

	/* not send(): a sandbox that lets no socket send lets this through */
	while (n->fd != -1 && write(n->fd, lines, strlen(lines)) == -1 &&
	       (errno == EAGAIN || errno == EINTR) && !comes_again(lines) &&
	       hin_time_monotonic_ns() < end)
		(void)poll(&room, 1, 100); /* its queue is full: the kernel holds few messages */
}

void hin_notify_reloading(const struct hin_notify *n)
{
	char lines[80];

	snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%lld",
		 (long long)(hin_time_monotonic_ns() / 1000));
	hin_notify_send(n, lines);
}
