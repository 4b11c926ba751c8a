/*
 * telescope_service - `hinomi telescope` as a service: what its manager is told, and when.
 *
 * The watchdog is fed from the reading threads alone, and only while each of them reads: a thread
 * that waits for another, for a full disk or for whoever should take its rows does not come back to
 * read, so the manager starts the service anew when capture or analysis stand still.
 *
 * Ownership: the caller's storage.
 * Threads:   open, tell and close by one; beat by each reading thread for its own queue.
 */
#pragma once
#include <stdatomic.h>

#include "base/notify.h"
#include "telescope/telescope.h"

struct telescope_service {
	struct hin_notify notify;
	unsigned queues;
	_Atomic int64_t beats[HIN_TELESCOPE_THREADS]; /* monotonic: each queue's last read */
	_Atomic int64_t fed_ns;
};

/* Find the manager, before the sandbox; without one nothing is told. As hin_notify_open(). */
HIN_MUST_USE enum hin_code telescope_service_open(struct telescope_service *service,
						  struct hin_error *err);

/* `queues` are read from now on. Say that it is ready, with a text for people. */
void telescope_service_ready(struct telescope_service *service, unsigned queues, int64_t now_ns,
			     const char *status);

/* A text for people: what it does now. */
void telescope_service_status(const struct telescope_service *service, const char *status);

/* It will end. */
void telescope_service_stopping(const struct telescope_service *service);

/* `queue` is read at the monotonic time `now_ns`. */
void telescope_service_beat(struct telescope_service *service, unsigned queue, int64_t now_ns);

void telescope_service_close(struct telescope_service *service);
