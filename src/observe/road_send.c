/* road_send - the thread that brings batches to the hub; see road.h */
#include <assert.h>
#include <stdio.h>

#include "observe/road_priv.h"

#define LOAD_BYTES ((size_t)4 << 20) /* a load is sent from this on */
#define SETTINGS_NS HIN_NS_PER_MIN   /* between two tries for the same settings */

static_assert(LOAD_BYTES < HIN_CARRIER_LOAD, "one more batch fits");

/* ---- a load ---- */

/* Put the batch behind `place` on the load. HIN_EOF or HIN_ELIMIT: this load is complete. */
static enum hin_code add_batch(struct hin_road *r, struct hin_spool_place *place,
			       struct hin_error *err)
{
	size_t at = r->load.used;
	struct hin_writer length;
	enum hin_code code;

	if (hin_buffer_reserve(&r->load, 4) == NULL)
		return hin_fail(err, HIN_ENOMEM, "load");
	hin_buffer_commit(&r->load, 4);
	code = hin_spool_read(r->spool, place, HIN_CARRIER_LOAD - r->load.used, &r->load, err);
	if (code != HIN_OK) {
		r->load.used = at;
		return code;
	}
	length = hin_writer_of(r->load.data + at, 4);
	hin_write_le32(&length, (uint32_t)(r->load.used - at - 4));
	return HIN_OK;
}

/* A batch too large for any load: it would stop the road for ever. */
static void give_up_giant(struct hin_road *r, struct hin_spool_place *place)
{
	struct hin_buffer bytes = { 0 };

	if (hin_spool_read(r->spool, place, SIZE_MAX, &bytes, NULL) == HIN_OK) {
		hin_spool_lose_batch(r->spool, bytes.data, bytes.used, HIN_VERDICT_REFUSED);
		hin_log(HIN_LOG_ERROR, "road.batch_too_large",
			hin_log_u64("sequence", place->sequence), hin_log_u64("bytes", bytes.used));
	}
	hin_buffer_fini(&bytes);
}

/* Collect what follows r->place. Returns how many batches. */
static size_t collect(struct hin_road *r, struct hin_error *err)
{
	struct hin_spool_place place = r->place;
	size_t count = 0;

	r->load.used = 0;
	r->load.failed = false;
	while (count < HIN_CARRIER_BATCHES && r->load.used < LOAD_BYTES) {
		enum hin_code code = add_batch(r, &place, err);

		if (code == HIN_ELIMIT && count == 0) {
			give_up_giant(r, &place);
			r->place = place;
			continue;
		}
		if (code != HIN_OK) {
			if (code != HIN_EOF && code != HIN_ELIMIT)
				hin_log_limited(HIN_LOG_ERROR, "road.spool_unreadable",
						hin_log_text("error", err->text));
			break;
		}
		r->places[count++] = place;
	}
	return count;
}

/* ---- the answer ---- */

/* No answer: the mark is asked for again, when it is time. */
static void not_answered(struct hin_road *r, enum hin_code code, const struct hin_error *why)
{
	r->asked = false;
	if (code == HIN_EAGAIN && r->stop_sending)
		return;
	hin_log_limited(HIN_LOG_WARNING, "road.not_sent", hin_log_text("error", why->text));
	if (code == HIN_ENOMEM)
		r->pause_ns = hin_time_monotonic_ns() + hin_backoff_fail(&r->stuck, 0);
	pthread_mutex_lock(&r->lock);
	r->stats.connected = false;
	r->stats.failures++;
	pthread_mutex_unlock(&r->lock);
}

static bool is_behind(const struct hin_spool_place *a, const struct hin_spool_place *b)
{
	return a->epoch == b->epoch && a->sequence > b->sequence;
}

/* The hub will never take batch `i` of the load: count its rows, once. */
static void refused(struct hin_road *r, size_t i, const char *reason)
{
	struct hin_spool_place before = r->places[i], at;
	struct hin_buffer bytes = { 0 };

	if (r->refused.epoch == before.epoch && !is_behind(&before, &r->refused))
		return;
	r->refused = r->places[i];
	before.sequence--;
	at = before;
	if (hin_spool_read(r->spool, &at, SIZE_MAX, &bytes, NULL) == HIN_OK &&
	    at.sequence == r->places[i].sequence)
		hin_spool_lose_batch(r->spool, bytes.data, bytes.used, HIN_VERDICT_REFUSED);
	hin_buffer_fini(&bytes);
	hin_log_limited(HIN_LOG_ERROR, "road.batch_refused",
			hin_log_u64("sequence", r->places[i].sequence),
			hin_log_text("reason", reason));
	pthread_mutex_lock(&r->lock);
	r->stats.batches_refused++;
	pthread_mutex_unlock(&r->lock);
}

/* Walk through the verdicts. Returns how many batches are done with; `*fork`, when one forked. */
static size_t judge(struct hin_road *r, const struct hin_carrier_answer *answer, bool *fork)
{
	for (size_t i = 0; i < answer->count; i++)
		switch ((enum hin_carried)answer->verdicts[i]) {
		case HIN_CARRIED_STORED:
		case HIN_CARRIED_REPEAT:
			break;
		case HIN_CARRIED_REFUSED:
			refused(r, i, answer->reason);
			break;
		case HIN_CARRIED_FORKED:
			*fork = true;
			return i;
		case HIN_CARRIED_EARLY:
		case HIN_CARRIED_LATER:
			return i;
		}
	return answer->count;
}

/* The hub's chain is not ours: the writing thread begins a new epoch, and we wait for it. */
static void wait_for_epoch(struct hin_road *r)
{
	pthread_mutex_lock(&r->lock);
	r->fork = true;
	pthread_cond_signal(&r->work);
	while (r->fork && !r->stop_sending && !r->stop_writing)
		road_wait(r, &r->moved, hin_time_monotonic_ns() + HIN_NS_PER_S);
	pthread_mutex_unlock(&r->lock);
	r->asked = false;
	r->place = r->refused = (struct hin_spool_place){ 0 };
	r->pause_ns = hin_time_monotonic_ns() + hin_backoff_fail(&r->stuck, 0);
}

static size_t stored_of(const struct hin_carrier_answer *answer, size_t done)
{
	size_t count = 0;

	for (size_t i = 0; i < done; i++)
		count += answer->verdicts[i] != HIN_CARRIED_REFUSED;
	return count;
}

static void note_answer(struct hin_road *r, const struct hin_carrier_answer *answer, size_t done)
{
	bool news;

	pthread_mutex_lock(&r->lock);
	news = !r->stats.connected;
	r->stats.connected = true;
	r->stats.committed = answer->committed;
	r->stats.answered_ns = hin_time_now_ns();
	r->stats.loads++;
	r->stats.batches_sent += stored_of(answer, done);
	snprintf(r->stats.hub, sizeof(r->stats.hub), "%s", hin_carrier_hub(r->settings.carrier));
	pthread_cond_broadcast(&r->moved);
	pthread_mutex_unlock(&r->lock);
	if (news)
		hin_log(HIN_LOG_INFO, "road.connected", hin_log_text("hub", r->stats.hub),
			hin_log_u64("committed", answer->committed.sequence));
}

/* Take the hub's word of a load. */
static void answered(struct hin_road *r, const struct hin_carrier_answer *answer)
{
	bool fork = false;
	size_t done = judge(r, answer, &fork);
	struct hin_spool_place before = r->known, committed = answer->committed;
	struct hin_spool_place newest = hin_spool_newest(r->spool);

	fork |= is_behind(&committed, &newest);
	if (fork && committed.sequence > r->opened) /* what came since is not what the hub has */
		committed.sequence = r->opened;
	hin_spool_forget(r->spool, committed);
	note_answer(r, answer, done);
	if (fork) {
		wait_for_epoch(r);
		return;
	}
	r->known = committed;
	r->place = committed; /* the mark decides; what was refused stands behind it */
	if (answer->count > 0 && done == answer->count)
		r->place = r->places[done - 1];
	if (answer->count == 0 || done > 0 || memcmp(&before, &r->known, sizeof(before)) != 0)
		hin_backoff_reset(&r->stuck);
	else
		r->pause_ns = hin_time_monotonic_ns() + hin_backoff_fail(&r->stuck, 0);
}

/* The hub has newer settings for us. */
static void fetch_settings(struct hin_road *r, uint64_t number)
{
	struct hin_buffer bytes = { .limit = 4u << 20 };
	struct hin_error why = { 0 };
	int64_t now = hin_time_monotonic_ns();
	uint64_t ours;

	pthread_mutex_lock(&r->lock);
	ours = r->settings_number;
	pthread_mutex_unlock(&r->lock);
	if (r->settings.settings == NULL || number <= ours ||
	    (r->settings_tried == number && now - r->settings_ns < SETTINGS_NS))
		return;
	r->settings_ns = now;
	r->settings_tried = number;
	if (hin_carrier_fetch(r->settings.carrier, "settings", &bytes, &why) == HIN_OK)
		r->settings.settings(r->settings.user, bytes.data, bytes.used);
	else
		hin_log_limited(HIN_LOG_WARNING, "road.no_settings",
				hin_log_text("error", why.text));
	hin_buffer_fini(&bytes);
}

/* ---- the thread ---- */

/* One load. Returns false when there is nothing to send. */
static bool send_one(struct hin_road *r)
{
	struct hin_carrier_load load = { .known = r->known };
	struct hin_carrier_answer answer = { 0 };
	struct hin_error why = { 0 };
	enum hin_code code;

	if (r->asked)
		load.count = collect(r, &why);
	if (r->asked && load.count == 0)
		return false;
	load.data = load.count > 0 ? r->load.data : NULL;
	load.size = load.count > 0 ? r->load.used : 0;
	pthread_mutex_lock(&r->lock);
	load.settings = r->settings_number;
	pthread_mutex_unlock(&r->lock);
	code = hin_carrier_send(r->settings.carrier, &load, &answer, &why);
	if (code != HIN_OK) {
		not_answered(r, code, &why);
		return true;
	}
	r->asked = true;
	answered(r, &answer);
	fetch_settings(r, answer.settings);
	return true;
}

/* When the next try is of use; 0 = now. */
static int64_t not_before(const struct hin_road *r)
{
	int64_t ready = hin_carrier_ready_ns(r->settings.carrier);

	return ready > r->pause_ns ? ready : r->pause_ns;
}

void *road_send(void *road)
{
	struct hin_road *r = road;
	uint64_t batches = UINT64_MAX; /* that were spooled when there was nothing to send */

	pthread_mutex_lock(&r->lock);
	while (!r->stop_sending) {
		int64_t now = hin_time_monotonic_ns(), ready = not_before(r);

		if (now < ready) {
			road_wait(r, &r->moved, ready);
			continue;
		}
		if (r->stats.batches == batches) {
			road_wait(r, &r->moved, now + HIN_NS_PER_MIN);
			continue;
		}
		uint64_t seen = r->stats.batches;
		pthread_mutex_unlock(&r->lock);
		bool sent = send_one(r);
		pthread_mutex_lock(&r->lock);
		batches = sent ? UINT64_MAX : seen;
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}
