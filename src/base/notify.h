/*
 * notify - tell the service manager how we are: systemd's protocol, datagrams to $NOTIFY_SOCKET.
 *
 * Without a service manager nothing is sent and nothing fails.
 *
 * Threads: one at a time for each.
 */
#pragma once
#include "base/error.h"

struct hin_notify {
	int fd;		     /* connected to the manager, or -1 */
	int64_t watchdog_ns; /* it wants a sign of life this often; 0 = it does not */
};

/*
 * Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID from the environment and connect; they are
 * unset, so that no child speaks for us. Before the sandbox. HIN_EFORMAT for an address that is
 * none, HIN_ESYS when nobody is there.
 */
HIN_MUST_USE enum hin_code hin_notify_open(struct hin_notify *n, struct hin_error *err);

/* NULL is fine. */
void hin_notify_close(struct hin_notify *n);

/*
 * Send lines: "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=...", with newlines between. It works
 * in every sandbox of base/sandbox.h. When the manager does not read what it was sent before, signs
 * of life and status are dropped at once, the rest after two seconds. A failure is of no matter:
 * the manager has its own time-outs.
 */
void hin_notify_send(const struct hin_notify *n, const char *lines);

/* "RELOADING=1" with the time it needs (sd_notify(3)); "READY=1" ends it. */
void hin_notify_reloading(const struct hin_notify *n);
