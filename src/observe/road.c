/* road - a sensor's rows on their way; see road.h */
#include "observe/road.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "observe/road_priv.h"

#define QUEUE_ROWS 8192

/* ---- from the sensor's threads ---- */

void road_lose(struct hin_road *r, const struct hin_spool_loss *loss)
{
	struct hin_spool_loss *at = NULL;

	for (size_t i = 0; i < r->loss_count && at == NULL; i++)
		if (r->losses[i].kind == loss->kind && r->losses[i].verdict == loss->verdict)
			at = &r->losses[i];
	r->stats.rows_lost += loss->rows;
	if (at == NULL && r->loss_count < ROAD_LOSSES) {
		r->losses[r->loss_count++] = *loss;
		return;
	}
	if (at == NULL) {
		at = &r->losses[ROAD_LOSSES - 1];
		at->kind = 0; /* more kinds than we tell apart in a minute */
	}
	at->rows += loss->rows;
	if (loss->first_us < at->first_us)
		at->first_us = loss->first_us;
	if (loss->last_us > at->last_us)
		at->last_us = loss->last_us;
}

/* There is no room: wait for some, or lose the row. Under the lock. */
static bool find_room(struct hin_road *r, const struct hin_observation *row)
{
	while (r->settings.wait && r->queued == r->settings.queue_rows && !r->stop_writing) {
		pthread_cond_signal(&r->work);
		road_wait(r, &r->moved, hin_time_monotonic_ns() + HIN_NS_PER_S);
	}
	if (r->queued < r->settings.queue_rows && !r->stop_writing)
		return true;
	road_lose(r,
		  &(struct hin_spool_loss){ .kind = row->kind,
					    .verdict = r->stats.disk_full ? HIN_VERDICT_DISK_FULL
									  : HIN_VERDICT_TABLE_FULL,
					    .rows = 1,
					    .first_us = row->time_us,
					    .last_us = row->time_us });
	return false;
}

enum hin_code hin_road_put(struct hin_road *r, const struct hin_observation *row)
{
	const struct hin_kind_info *kind = hin_kind_find(row->kind);
	bool room, wake;

	pthread_mutex_lock(&r->lock);
	room = r->queued < r->settings.queue_rows || find_room(r, row);
	if (room) {
		r->queue[r->queued++] = *row;
		r->put++;
		wake = r->queued == r->settings.queue_rows / 2;
		if (kind != NULL && kind->urgent) {
			wake |= !r->urgent;
			r->urgent = true;
		}
		if (wake)
			pthread_cond_signal(&r->work);
	}
	pthread_mutex_unlock(&r->lock);
	return room ? HIN_OK : HIN_ELIMIT;
}

void hin_road_watched(struct hin_road *r, uint64_t packets, uint64_t bytes)
{
	pthread_mutex_lock(&r->lock);
	r->packets += packets;
	r->bytes += bytes;
	pthread_mutex_unlock(&r->lock);
}

void hin_road_lost(struct hin_road *r, uint16_t kind, uint8_t verdict, uint64_t rows,
		   int64_t time_us)
{
	struct hin_spool_loss loss = { .kind = kind,
				       .verdict = verdict,
				       .rows = rows,
				       .first_us = time_us,
				       .last_us = time_us };

	pthread_mutex_lock(&r->lock);
	road_lose(r, &loss);
	pthread_mutex_unlock(&r->lock);
}

void hin_road_set_clock(struct hin_road *r, int32_t offset_us, uint8_t state)
{
	pthread_mutex_lock(&r->lock);
	r->clock_offset_us = offset_us;
	r->clock_state = state;
	r->news = true;
	pthread_mutex_unlock(&r->lock);
}

void hin_road_set_dark(struct hin_road *r, uint64_t addresses)
{
	pthread_mutex_lock(&r->lock);
	r->dark_addresses = addresses;
	r->news = true;
	pthread_mutex_unlock(&r->lock);
}

void hin_road_set_authority(struct hin_road *r, const uint8_t *authority)
{
	pthread_mutex_lock(&r->lock);
	if (authority != NULL)
		memcpy(r->authority, authority, sizeof(r->authority));
	else
		memset(r->authority, 0, sizeof(r->authority));
	r->news = true;
	pthread_mutex_unlock(&r->lock);
}

void hin_road_set_settings(struct hin_road *r, uint64_t number)
{
	pthread_mutex_lock(&r->lock);
	r->settings_number = number;
	pthread_mutex_unlock(&r->lock);
}

void road_wait(struct hin_road *r, pthread_cond_t *cond, int64_t until_ns)
{
	struct timespec until = { .tv_sec = until_ns / HIN_NS_PER_S,
				  .tv_nsec = until_ns % HIN_NS_PER_S };

	pthread_cond_timedwait(cond, &r->lock, &until);
}

/* Is all up to row number `put` spooled, and, when asked for, acknowledged? */
static bool is_through(struct hin_road *r, uint64_t put, bool sent)
{
	struct hin_spool_stats stats;

	if (r->durable < put)
		return false;
	if (!sent)
		return true;
	hin_spool_stats(r->spool, &stats);
	return stats.unsent == 0;
}

enum hin_code hin_road_flush(struct hin_road *r, bool sent, int64_t wait_ns)
{
	int64_t until = hin_time_monotonic_ns() + wait_ns;
	bool through;
	uint64_t put;

	pthread_mutex_lock(&r->lock);
	put = r->put;
	r->flush = true;
	pthread_cond_signal(&r->work);
	while (!(through = is_through(r, put, sent)) && hin_time_monotonic_ns() < until)
		road_wait(r, &r->moved, until);
	pthread_mutex_unlock(&r->lock);
	return through ? HIN_OK : HIN_EAGAIN;
}

/* ---- for people ---- */

void hin_road_stats(struct hin_road *r, struct hin_road_stats *out)
{
	pthread_mutex_lock(&r->lock);
	*out = r->stats;
	out->rows_put = r->put;
	pthread_mutex_unlock(&r->lock);
	hin_spool_stats(r->spool, &out->spool);
}

void hin_road_metrics(struct hin_road *r, struct hin_buffer *out)
{
	struct hin_road_stats s;

	hin_road_stats(r, &s);
#define METRIC(name, type, help, value)                                                            \
	hin_buffer_printf(out,                                                                     \
			  "# HELP hinomi_road_%s %s\n# TYPE hinomi_road_%s %s\n"                   \
			  "hinomi_road_%s %llu\n",                                                 \
			  name, help, name, type, name, (unsigned long long)(value))
	METRIC("rows_total", "counter", "Rows put on the road.", s.rows_put);
	METRIC("rows_lost_total", "counter", "Rows lost before they were spooled.", s.rows_lost);
	METRIC("rows_forked_total", "counter", "Spooled rows given up with a chain that forked.",
	       s.rows_forked);
	METRIC("rows_refused_total", "counter", "Rows whose kind does not allow what they fill.",
	       s.rows_refused);
	METRIC("batches_total", "counter", "Batches spooled.", s.batches);
	METRIC("batches_sent_total", "counter", "Batches that the hub answered as stored.",
	       s.batches_sent);
	METRIC("batches_refused_total", "counter", "Batches that the hub refused for good.",
	       s.batches_refused);
	METRIC("batches_dropped_total", "counter", "Unsent batches dropped or unreadable.",
	       s.spool.dropped_batches);
	METRIC("loads_total", "counter", "Loads that were answered.", s.loads);
	METRIC("failures_total", "counter", "Tries that were not answered.", s.failures);
	METRIC("epochs_total", "counter", "New epochs begun because the chain would fork.",
	       s.epochs);
	METRIC("spool_bytes", "gauge", "Bytes in the spool.", s.spool.bytes);
	METRIC("spool_limit_bytes", "gauge", "Most bytes of the spool.", s.spool.limit_bytes);
	METRIC("spool_unsent_batches", "gauge", "Batches not acknowledged yet.", s.spool.unsent);
	METRIC("connected", "gauge", "1 when the last try was answered.", s.connected);
	METRIC("disk_full", "gauge", "1 while batches wait for the disk.", s.disk_full);
	METRIC("sequence", "gauge", "Sequence of the newest batch.", s.mark.sequence);
	METRIC("committed_sequence", "gauge", "Sequence up to which the hub has all.",
	       s.committed.sequence);
	METRIC("answered_seconds", "gauge", "Time of the hub's last answer, 0 = never.",
	       s.answered_ns / HIN_NS_PER_S);
#undef METRIC
}

/* ---- open and close ---- */

static void set_defaults(struct hin_road *r, const struct hin_road_settings *settings)
{
	r->settings = *settings;
	if (r->settings.batch_rows == 0)
		r->settings.batch_rows = HIN_ROAD_BATCH_ROWS;
	if (r->settings.queue_rows < 2)
		r->settings.queue_rows = QUEUE_ROWS;
	if (r->settings.flush_ns <= 0)
		r->settings.flush_ns = HIN_NS_PER_MIN;
	if (r->settings.urgent_ns <= 0)
		r->settings.urgent_ns = 50 * HIN_NS_PER_MS;
	r->dark_addresses = settings->dark_addresses;
	r->settings_number = settings->settings_number;
	r->clock_state = HIN_CLOCK_STATE_FREE;
	r->news = true;
	r->stuck = (struct hin_backoff){ HIN_NS_PER_S, HIN_NS_PER_MIN, 0 };
}

static void tell_found(const struct hin_road *r, const char *folder,
		       const struct hin_spool_found *found)
{
	if (found->cut_bytes > 0)
		hin_log(HIN_LOG_WARNING, "road.cut", hin_log_text("spool", folder),
			hin_log_u64("bytes", found->cut_bytes));
	if (found->damaged)
		hin_log(HIN_LOG_ERROR, "road.damaged", hin_log_text("spool", folder),
			hin_log_text("consequence", "a new epoch"));
	hin_log(HIN_LOG_INFO, "road.open", hin_log_text("spool", folder),
		hin_log_u64("unsent", found->unsent),
		hin_log_u64("sequence", r->stats.mark.sequence));
}

static enum hin_code start(struct hin_road *r, struct hin_error *err)
{
	int64_t now = hin_time_monotonic_ns();

	r->alive_ns = now;
	r->flush_at_ns = now + r->settings.flush_ns;
	if (pthread_create(&r->writing, NULL, road_write, r) != 0)
		return hin_fail(err, HIN_ESYS, "start a thread");
	r->writing_runs = true;
	if (r->settings.carrier == NULL)
		return HIN_OK;
	if (pthread_create(&r->sending, NULL, road_send, r) != 0)
		return hin_fail(err, HIN_ESYS, "start a thread");
	r->sending_runs = true;
	return HIN_OK;
}

enum hin_code hin_road_open(struct hin_road **out, const char *folder,
			    const struct hin_sensor_key *key,
			    const struct hin_road_settings *settings, struct hin_error *err)
{
	struct hin_road *r = calloc(1, sizeof(*r));
	struct hin_spool_found found = { 0 };
	pthread_condattr_t monotonic;
	enum hin_code code;

	if (r == NULL) {
		hin_carrier_close(settings->carrier);
		return hin_fail(err, HIN_ENOMEM, "road %s", folder);
	}
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&r->work, &monotonic);
	pthread_cond_init(&r->moved, &monotonic);
	pthread_condattr_destroy(&monotonic);
	set_defaults(r, settings);
	r->key = key;
	r->queue = calloc(r->settings.queue_rows, sizeof(*r->queue));
	r->taken = calloc(r->settings.queue_rows, sizeof(*r->taken));
	if (r->queue == NULL || r->taken == NULL)
		code = hin_fail(err, HIN_ENOMEM, "road %s", folder);
	else
		code = hin_spool_open(&r->spool, folder, key->public_key, &r->settings.spool,
				      &r->stats.mark, &found, err);
	if (code == HIN_OK)
		code = hin_batch_writer_open(&r->writer, key, &r->stats.mark,
					     r->settings.batch_rows, err);
	if (code == HIN_OK) {
		tell_found(r, folder, &found);
		code = start(r, err);
	}
	if (code != HIN_OK) {
		hin_road_close(r, 0);
		return code;
	}
	*out = r;
	return HIN_OK;
}

static void stop_sending(struct hin_road *r, int64_t wait_ns)
{
	int64_t until = hin_time_monotonic_ns() + wait_ns;

	pthread_mutex_lock(&r->lock);
	while (!is_through(r, 0, true) && hin_time_monotonic_ns() < until)
		road_wait(r, &r->moved, until);
	r->stop_sending = true;
	pthread_cond_broadcast(&r->moved);
	pthread_mutex_unlock(&r->lock);
	hin_carrier_stop(r->settings.carrier);
	pthread_join(r->sending, NULL);
}

void hin_road_close(struct hin_road *r, int64_t wait_ns)
{
	if (r == NULL)
		return;
	if (r->writing_runs) {
		pthread_mutex_lock(&r->lock);
		r->stop_writing = true;
		pthread_cond_broadcast(&r->moved);
		pthread_cond_signal(&r->work);
		pthread_mutex_unlock(&r->lock);
		pthread_join(r->writing, NULL);
	}
	if (r->sending_runs)
		stop_sending(r, wait_ns);
	hin_carrier_close(r->settings.carrier);
	hin_batch_writer_close(r->writer);
	hin_spool_close(r->spool);
	hin_buffer_fini(&r->load);
	pthread_cond_destroy(&r->work);
	pthread_cond_destroy(&r->moved);
	pthread_mutex_destroy(&r->lock);
	hin_sensor_key_fini(r->own_key);
	free(r->own_key);
	free(r->queue);
	free(r->taken);
	free(r);
}
