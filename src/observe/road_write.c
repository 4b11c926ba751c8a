/* road_write - the thread that makes batches of rows and spools them; see road.h */
#include "observe/road_priv.h"

/* ---- one batch ---- */

/* The disk does not take a batch: it waits, and the log says so. */
static void disk_fails(struct hin_road *r, const struct hin_error *why)
{
	r->retry_ns = hin_time_monotonic_ns() + ROAD_RETRY_NS;
	if (!r->was_full)
		hin_log(HIN_LOG_ERROR, "road.disk_full", hin_log_text("error", why->text),
			hin_log_text("consequence",
				     "batches wait; rows that do not fit are counted"));
	r->was_full = true;
	pthread_mutex_lock(&r->lock);
	r->stats.disk_full = true;
	pthread_mutex_unlock(&r->lock);
}

/* The batch of the writer's mark is spooled. */
static void batch_is_safe(struct hin_road *r)
{
	if (r->was_full)
		hin_log(HIN_LOG_INFO, "road.disk_ok", hin_log_text("consequence", "batches go on"));
	r->was_full = false;
	r->waiting = NULL;
	pthread_mutex_lock(&r->lock);
	r->stats.disk_full = false;
	r->stats.batches++;
	r->stats.mark = *hin_batch_writer_mark(r->writer);
	pthread_cond_broadcast(&r->moved);
	pthread_mutex_unlock(&r->lock);
}

/* Spool what waits. False when it waits on. */
static bool spool_waiting(struct hin_road *r)
{
	struct hin_error why = { 0 };

	if (r->waiting == NULL)
		return true;
	if (hin_time_monotonic_ns() < r->retry_ns && !r->stop_writing)
		return false;
	if (hin_spool_append(r->spool, r->waiting, r->waiting_size,
			     hin_batch_writer_mark(r->writer), &why) != HIN_OK) {
		disk_fails(r, &why);
		return false;
	}
	batch_is_safe(r);
	return true;
}

/* Finish the batch and spool it. False when the disk does not take one. */
static bool finish(struct hin_road *r)
{
	struct hin_error why = { 0 };

	if (!spool_waiting(r))
		return false;
	if (hin_batch_writer_rows(r->writer) == 0)
		return true;
	if (hin_batch_writer_finish(r->writer, &r->waiting, &r->waiting_size, &why) != HIN_OK) {
		r->waiting = NULL;
		disk_fails(r, &why);
		return false;
	}
	r->retry_ns = 0;
	return spool_waiting(r);
}

/* Add a row of the road's own. False when there is no room. */
static bool add_own(struct hin_road *r, const struct hin_observation *row)
{
	enum hin_code code = hin_batch_writer_add(r->writer, row, NULL);

	if (code == HIN_ELIMIT && finish(r))
		code = hin_batch_writer_add(r->writer, row, NULL);
	return code == HIN_OK;
}

/* ---- each minute ---- */

static void add_losses(struct hin_road *r)
{
	struct hin_spool_loss loss;

	while (hin_spool_take_loss(r->spool, &loss)) {
		int64_t time = loss.first_us > 0 ? loss.first_us : hin_time_now_ns() / 1000;
		struct hin_observation row = {
			.time_us = time,
			.duration_us = loss.last_us > time ? (uint64_t)(loss.last_us - time) : 0,
			.kind = HIN_KIND_ROAD_LOSS,
			.packets = loss.rows,
			.rule = loss.kind,
			.verdict = loss.verdict,
		};

		hin_log_limited(HIN_LOG_WARNING, "road.loss", hin_log_u64("rows", loss.rows),
				hin_log_u64("kind", loss.kind),
				hin_log_u64("verdict", loss.verdict));
		if (!add_own(r, &row)) {
			hin_spool_lose(r->spool, &loss); /* told when there is room */
			return;
		}
	}
}

/* Say that we watched since the last time. */
static void add_alive(struct hin_road *r)
{
	int64_t now = hin_time_monotonic_ns(), duration = now - r->alive_ns;
	struct hin_observation row = {
		.time_us = (hin_time_now_ns() - duration) / 1000,
		.duration_us = (uint64_t)duration / 1000,
		.kind = HIN_KIND_ROAD_ALIVE,
	};

	pthread_mutex_lock(&r->lock);
	row.packets = r->packets;
	row.bytes = r->bytes;
	pthread_mutex_unlock(&r->lock);
	if (!add_own(r, &row))
		return;
	r->alive_ns = now;
	pthread_mutex_lock(&r->lock);
	r->packets -= row.packets;
	r->bytes -= row.bytes;
	pthread_mutex_unlock(&r->lock);
}

/* ---- the queue ---- */

/* Add the rows that were taken. False when the disk has no room for what came before them. */
static bool add_taken(struct hin_road *r)
{
	struct hin_error why = { 0 };

	while (r->taken_at < r->taken_count) {
		const struct hin_observation *row = &r->taken[r->taken_at];
		enum hin_code code = hin_batch_writer_add(r->writer, row, &why);

		if (code == HIN_ELIMIT) {
			if (!finish(r))
				return false;
			continue;
		}
		r->taken_at++;
		r->consumed++;
		if (code == HIN_OK)
			continue;
		hin_log_limited(HIN_LOG_ERROR, "road.row_refused", hin_log_text("error", why.text));
		pthread_mutex_lock(&r->lock);
		r->stats.rows_refused++;
		pthread_mutex_unlock(&r->lock);
	}
	return true;
}

/* Take what is queued; under the lock. */
static void take_queue(struct hin_road *r)
{
	struct hin_observation *rows = r->taken;

	if (r->taken_at < r->taken_count)
		return;
	r->taken = r->queue;
	r->taken_count = r->queued;
	r->taken_at = 0;
	r->queue = rows;
	r->queued = 0;
	if (r->taken_count > 0)
		pthread_cond_broadcast(&r->moved); /* there is room */
}

/* Take what others said; under the lock. */
static void take_news(struct hin_road *r)
{
	static const uint8_t none[32];

	for (; r->loss_count > 0; r->loss_count--)
		hin_spool_lose(r->spool, &r->losses[r->loss_count - 1]);
	if (!r->news)
		return;
	r->news = false;
	hin_batch_writer_set_clock(r->writer, r->clock_offset_us, r->clock_state);
	hin_batch_writer_set_dark(r->writer, r->dark_addresses);
	hin_batch_writer_set_authority(
		r->writer, memcmp(r->authority, none, sizeof(none)) != 0 ? r->authority : NULL);
}

/* The hub's chain of us is another one: give up what it will not take, begin anew. */
static void begin_epoch(struct hin_road *r)
{
	struct hin_batch_writer *writer = NULL;
	struct hin_error why = { 0 };
	struct hin_batch_mark mark;
	uint64_t lost = 0;

	(void)finish(r); /* counted with the rest */
	if (r->waiting == NULL && hin_batch_mark_draw(&mark, &why) == HIN_OK &&
	    hin_batch_writer_open(&writer, r->key, &mark, r->settings.batch_rows, &why) == HIN_OK) {
		lost = hin_spool_abandon(r->spool, HIN_VERDICT_REFUSED);
		hin_batch_writer_close(r->writer);
		r->writer = writer;
		hin_log(HIN_LOG_ERROR, "road.forked",
			hin_log_text(
				"reason",
				"the hub has other batches of these numbers: this folder is an "
				"old copy"),
			hin_log_u64("rows_lost", lost),
			hin_log_text("consequence", "a new epoch; the hub is told what was lost"));
	}
	pthread_mutex_lock(&r->lock);
	r->fork = false; /* when it failed, the hub will say the same again */
	r->news = true;
	if (writer != NULL) {
		r->stats.mark = mark;
		r->stats.epochs++;
		r->stats.rows_forked += lost;
	}
	pthread_cond_broadcast(&r->moved);
	pthread_mutex_unlock(&r->lock);
}

/* Wait for something to do; under the lock. Returns true when a batch is due. */
static bool wait_for_work(struct hin_road *r)
{
	for (;;) {
		int64_t now = hin_time_monotonic_ns(), until = r->flush_at_ns;
		bool blocked = r->waiting != NULL;

		if (r->stop_writing || r->flush || r->fork || now >= r->flush_at_ns)
			return true;
		if (r->urgent && now >= r->urgent_at_ns)
			return true;
		if (r->queued >= r->settings.queue_rows / 2 && !blocked)
			return false;
		if (blocked && now >= r->retry_ns)
			return false;
		if (r->urgent && r->urgent_at_ns < until)
			until = r->urgent_at_ns;
		if (blocked && r->retry_ns < until)
			until = r->retry_ns;
		road_wait(r, &r->work, until);
	}
}

/* One round: what is queued, and what is due. False when the disk blocks. */
static bool round_of(struct hin_road *r, bool due, bool minute)
{
	bool open = spool_waiting(r) && add_taken(r);

	if (minute && open) {
		add_alive(r);
		add_losses(r);
	}
	if (due && open)
		open = finish(r);
	return open;
}

/* What was put is spooled now, or cannot be; under the lock. Returns true when it is the end. */
static bool note_round(struct hin_road *r, bool due, bool open)
{
	if (open && r->waiting == NULL && hin_batch_writer_rows(r->writer) == 0)
		r->durable = r->consumed;
	if (due && !open)
		r->urgent = true; /* what was due stays so */
	pthread_cond_broadcast(&r->moved);
	if (!r->stop_writing || (open && (r->queued > 0 || r->taken_at < r->taken_count)))
		return false;
	if (!open)
		hin_log(HIN_LOG_ERROR, "road.rows_lost",
			hin_log_text("reason", "stopped while the disk was full"),
			hin_log_u64("rows", r->put - r->durable));
	return true;
}

void *road_write(void *road)
{
	struct hin_road *r = road;
	bool stop = false;

	pthread_mutex_lock(&r->lock);
	while (!stop) {
		bool due = wait_for_work(r), fork = r->fork, minute, open;

		minute = r->stop_writing || hin_time_monotonic_ns() >= r->flush_at_ns;
		r->urgent = r->flush = false;
		take_news(r);
		take_queue(r);
		pthread_mutex_unlock(&r->lock);
		open = round_of(r, due || minute, minute);
		if (fork)
			begin_epoch(r);
		if (minute)
			r->flush_at_ns = hin_time_monotonic_ns() + r->settings.flush_ns;
		if (due)
			r->urgent_at_ns = hin_time_monotonic_ns() + r->settings.urgent_ns;
		pthread_mutex_lock(&r->lock);
		/* what a fork lost is told before the end, in the new epoch */
		stop = note_round(r, due, open) && !fork;
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}
