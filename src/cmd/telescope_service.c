/* telescope_service - see telescope_service.h */
#include "cmd/telescope_service.h"

#include <stdio.h>

enum hin_code telescope_service_open(struct telescope_service *s, struct hin_error *err)
{
	return hin_notify_open(&s->notify, err);
}

void telescope_service_ready(struct telescope_service *s, unsigned queues, int64_t now_ns,
			     const char *status)
{
	char lines[300];

	for (unsigned i = 0; i < queues; i++)
		atomic_store_explicit(&s->beats[i], now_ns, memory_order_relaxed);
	s->queues = queues;
	snprintf(lines, sizeof(lines), "READY=1\nSTATUS=%s", status);
	hin_notify_send(&s->notify, lines);
}

void telescope_service_status(const struct telescope_service *s, const char *status)
{
	char lines[300];

	snprintf(lines, sizeof(lines), "STATUS=%s", status);
	hin_notify_send(&s->notify, lines);
}

void telescope_service_stopping(const struct telescope_service *s)
{
	hin_notify_send(&s->notify, "STOPPING=1");
}

void telescope_service_beat(struct telescope_service *s, unsigned queue, int64_t now_ns)
{
	int64_t period = s->notify.watchdog_ns, fed;

	if (period == 0)
		return;
	/* relaxed: only the age of a beat is looked at */
	atomic_store_explicit(&s->beats[queue], now_ns, memory_order_relaxed);
	fed = atomic_load_explicit(&s->fed_ns, memory_order_relaxed);
	if (now_ns - fed < period / 4)
		return;
	for (unsigned i = 0; i < s->queues; i++)
		if (now_ns - atomic_load_explicit(&s->beats[i], memory_order_relaxed) > period / 4)
			return;
	if (atomic_compare_exchange_strong_explicit(&s->fed_ns, &fed, now_ns, memory_order_relaxed,
						    memory_order_relaxed))
		hin_notify_send(&s->notify, "WATCHDOG=1");
}

void telescope_service_close(struct telescope_service *s)
{
	hin_notify_close(&s->notify);
}
