#include "telescope/telescope_priv.h"

#include <assert.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- sizes ---- */

/* Share the memory among the tables; what each gets was chosen on the benchmark's mix. */
static struct hin_shard_sizes sizes_of(const struct hin_telescope_options *o)
{
	uint64_t bytes = o->settings.memory_bytes / HIN_SHARDS;
	struct hin_shard_sizes sizes = { 0 };
	uint64_t flows = o->flows ? bytes / 4 : 0;
	uint64_t rest = bytes - flows;
	uint32_t buckets = 64;

	/* an index slot is four bytes and at most two thirds are used: eight bytes an item */
	sizes.sources = (uint32_t)(rest * 20 / 100 / (sizeof(struct source) + 8));
	sizes.events = (uint32_t)(rest * 38 / 100 /
				  (sizeof(struct event) + sizeof(struct event_cold) + 8));
	sizes.distinct_bytes = rest * 32 / 100;
	while ((uint64_t)buckets * 2 * HIN_TARGET_WAYS *
		       (sizeof(struct target) + sizeof(struct target_cold) + 8) <=
	       rest * 10 / 100)
		buckets *= 2;
	sizes.target_buckets = buckets;
	sizes.flows = (uint32_t)(flows / (sizeof(struct flow) + 8));
	return sizes;
}

/* ---- the dark space ---- */

/* ---- life ---- */

static enum hin_code engine_init(struct hin_telescope *t, struct hin_error *err)
{
	struct hin_shard_sizes sizes = sizes_of(&t->options);
	enum hin_code code = hin_telescope_place(t, &t->options, err);

	if (code != HIN_OK)
		return code;
	code = hin_shards_init(t->shards, &t->options.settings, &sizes, t->secret,
			       t->options.dark == NULL, err);
	if (code != HIN_OK)
		return code;
	t->flow_flush = sizes.flows * HIN_FLOW_FLUSH;
	code = hin_change_init(&t->change, &t->options.settings, err);
	if (code == HIN_OK)
		code = hin_ongoing_init(&t->ongoing, err);
	if (code == HIN_OK)
		code = hin_members_init(t, err);
	if (code != HIN_OK)
		return code;
	t->slot_count = t->options.threads == 1 ? 1 : t->options.threads * SLOTS_A_THREAD;
	t->counters = aligned_alloc(64, t->options.threads * sizeof(*t->counters));
	t->slots = aligned_alloc(64, t->slot_count * sizeof(*t->slots));
	t->port_totals = calloc(HIN_CHANGE_PORTS, sizeof(*t->port_totals));
	t->port_minute = calloc(HIN_CHANGE_PORTS, sizeof(*t->port_minute));
	if (t->slots != NULL) /* before anything can fail: they are released then */
		memset(t->slots, 0, t->slot_count * sizeof(*t->slots));
	if (t->counters == NULL || t->slots == NULL || t->port_totals == NULL ||
	    t->port_minute == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the counters");
	memset(t->counters, 0, t->options.threads * sizeof(*t->counters));
	for (unsigned i = 0; i < t->options.threads; i++) {
		t->counters[i].first_us = INT64_MAX;
		t->counters[i].last_us = INT64_MIN;
	}
	return HIN_OK;
}

enum hin_code hin_telescope_new(struct hin_telescope **out,
				const struct hin_telescope_options *options, struct hin_error *err)
{
	struct hin_telescope *t = calloc(1, sizeof(*t));
	enum hin_code code;

	if (t == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the telescope");
	if (options->threads < 1 || options->threads > HIN_TELESCOPE_THREADS) {
		free(t);
		return hin_fail(err, HIN_EUSAGE, "%u threads are not in 1-%d", options->threads,
				HIN_TELESCOPE_THREADS);
	}
	t->options = *options;
	pthread_mutex_init(&t->read_lock, NULL);
	t->clock_us = t->minute_us = t->expired_us = t->updated_us = INT64_MIN;
	t->members_told_us = INT64_MIN;
	t->series_step_us = MINUTE_US;
	t->over.limit = RESULTS_LIMIT;
	t->secret[0] = 0x243f6a8885a308d3u ^ options->settings.seed; /* digits of pi */
	t->secret[1] = 0x13198a2e03707344u + options->settings.seed;
	code = engine_init(t, err);
	if (code != HIN_OK) {
		hin_telescope_free(t);
		return code;
	}
	*out = t;
	return HIN_OK;
}

enum hin_code hin_telescope_set_vault(struct hin_telescope *t, struct hin_vault *vault,
				      struct hin_error *err)
{
	for (unsigned i = 0; i < HIN_SHARDS; i++) {
		enum hin_code code = hin_stage_init(&t->shards[i].stage, err);

		if (code == HIN_OK)
			code = hin_stage_init(&t->shards[i].target_stage, err);

		if (code != HIN_OK)
			return code;
	}
	t->options.vault = vault;
	return HIN_OK;
}

uint64_t hin_telescope_evidence_lost(const struct hin_telescope *t)
{
	return t->evidence_lost;
}

void hin_telescope_free(struct hin_telescope *t)
{
	if (t == NULL)
		return;
	hin_shards_fini(t->shards);
	if (t->slots != NULL)
		for (unsigned i = 0; i < t->slot_count; i++)
			hin_batch_release(&t->slots[i].batch);
	for (unsigned i = 0; i < HIN_TELESCOPE_THREADS; i++)
		hin_batch_release(&t->pending[i].batch);
	hin_change_fini(&t->change);
	hin_members_fini(t);
	pthread_mutex_destroy(&t->read_lock);
	free(t->dark_ranges);
	free(t->dark_seen);
	free(t->counters);
	free(t->slots);
	free(t->port_totals);
	free(t->port_minute);
	free(t->series);
	hin_results_fini(&t->over);
	hin_ongoing_fini(&t->ongoing);
	free(t);
}

/* ---- waiting ---- */

static void changed(struct hin_telescope *t)
{
	/* release: pairs with the acquire in wait_change() */
	atomic_fetch_add_explicit(&t->epoch, 1, memory_order_release);
	if (t->options.threads > 1)
		syscall(SYS_futex, &t->epoch, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

static void wait_change(struct hin_telescope *t, uint32_t seen)
{
	const struct timespec most = { .tv_nsec = 50000000 };

	syscall(SYS_futex, &t->epoch, FUTEX_WAIT_PRIVATE, seen, &most, NULL, 0);
}

/* ---- the minute's work ---- */

/* Sum what the threads counted since the last fold into the running minute. */
void hin_telescope_fold(struct hin_telescope *t)
{
	for (unsigned i = 0; i < t->options.threads; i++) {
		struct counters *c = &t->counters[i];

		for (uint32_t port = 0; port < HIN_CHANGE_PORTS; port++) {
			uint64_t packed = c->ports[port];
			uint64_t packets = packed & ((1u << PORT_PACKET_BITS) - 1);

			if (packed == 0)
				continue;
			t->port_minute[port] += packets;
			t->port_totals[port][0] += packets;
			t->port_totals[port][1] += packed >> PORT_PACKET_BITS;
			c->ports[port] = 0;
		}
		t->running.sum.packets += c->minute_packets;
		t->running.sum.bytes += c->minute_bytes;
		for (unsigned k = 0; k < HIN_PACKET_KIND_COUNT; k++)
			t->running.sum.by_kind[k] += c->minute_kinds[k];
		c->minute_packets = c->minute_bytes = 0;
		memset(c->minute_kinds, 0, sizeof(c->minute_kinds));
	}
}

/* Add a port's packets to a point; the least of its ports gives way to a greater one. */
static void point_add_port(struct point *point, uint32_t port, uint64_t packets)
{
	unsigned least = 0;

	for (unsigned i = 0; i < point->port_count; i++) {
		if (point->ports[i].port == port) {
			point->ports[i].packets += packets;
			return;
		}
		if (point->ports[i].packets < point->ports[least].packets)
			least = i;
	}
	if (point->port_count < SERIES_PORTS)
		least = point->port_count++;
	else if (packets <= point->ports[least].packets)
		return;
	point->ports[least] = (struct top_port){ .port = port, .packets = packets };
}

/* The busiest ports of a minute, each once, into an empty point. */
static void point_take_ports(struct point *point, const uint64_t *packets)
{
	uint64_t least = 0; /* of the ports there, once there is no more room */

	for (uint32_t port = 0; port < HIN_CHANGE_PORTS; port++) {
		if (HIN_LIKELY(packets[port] <= least))
			continue;
		point_add_port(point, port, packets[port]);
		if (point->port_count < SERIES_PORTS)
			continue;
		least = UINT64_MAX;
		for (unsigned i = 0; i < SERIES_PORTS; i++)
			least = point->ports[i].packets < least ? point->ports[i].packets : least;
	}
}

static void point_add(struct point *to, const struct point *from)
{
	to->sum.packets += from->sum.packets;
	to->sum.bytes += from->sum.bytes;
	for (unsigned k = 0; k < HIN_PACKET_KIND_COUNT; k++)
		to->sum.by_kind[k] += from->sum.by_kind[k];
	for (unsigned i = 0; i < from->port_count; i++)
		point_add_port(to, from->ports[i].port, from->ports[i].packets);
}

static void series_add(struct hin_telescope *t, const struct point *point)
{
	struct point *last = t->series_count > 0 ? &t->series[t->series_count - 1] : NULL;
	int64_t step = t->series_step_us;
	int64_t start = point->sum.time_us - (point->sum.time_us % step + step) % step;

	if (last == NULL || start > last->sum.time_us) {
		if (t->series_count == t->series_size) {
			size_t size = t->series_size > 0 ? t->series_size * 2 : 64;
			struct point *more = realloc(t->series, size * sizeof(*more));

			if (more == NULL) {
				t->over.lost++;
				return;
			}
			t->series = more;
			t->series_size = size;
		}
		last = &t->series[t->series_count++];
		*last = (struct point){ .sum = { .time_us = start } };
	}
	point_add(last, point);
}

/* Longer than a day: the same points by the hour; longer than two months: by the day. */
static void series_coarsen(struct hin_telescope *t)
{
	struct point *old = t->series;
	size_t count = t->series_count;

	if (count < SERIES_MINUTES)
		return;
	t->series_step_us =
		t->series_step_us < 60 * MINUTE_US ? 60 * MINUTE_US : t->series_step_us * 24;
	t->series = NULL;
	t->series_count = t->series_size = 0;
	for (size_t i = 0; i < count; i++)
		series_add(t, &old[i]);
	free(old);
}

static void tell_flows(struct hin_telescope *t)
{
	if (!t->options.flows)
		return;
	for (unsigned i = 0; i < HIN_SHARDS; i++) {
		struct shard *s = &t->shards[i];

		for (uint32_t at = 0; at < s->flows.used && !t->failed; at++) {
			const struct flow *f = flow_at(s, at);
			struct hin_flow_row row = { .minute_us = t->minute_us,
						    .src = f->src,
						    .dst = f->dst,
						    .sport = f->sport,
						    .dport = f->dport,
						    .proto = f->proto,
						    .tcp_flags = f->tcp_flags,
						    .bogon = f->marks & 1,
						    .spoofed = (f->marks & 2) != 0,
						    .unroutable = (f->marks & 4) != 0,
						    .fragment = (f->marks & 8) != 0,
						    .tool = (enum hin_tool)f->tool,
						    .packets = f->packets,
						    .bytes = f->bytes };

			if (t->options.sink.flow != NULL &&
			    !t->options.sink.flow(t->options.sink.user, &row))
				t->failed = true;
		}
		hin_shard_drop_flows(s);
	}
}

static int64_t minute_start(int64_t time_us)
{
	int64_t rest = time_us % MINUTE_US;

	return time_us - (rest < 0 ? rest + MINUTE_US : rest);
}

/* The clock has reached `now_us`, in a later minute, or a flush of flows is due within one. */
static void tick(struct hin_telescope *t, int64_t now_us)
{
	int64_t minute = minute_start(now_us);

	hin_telescope_fold(t);
	if (t->minute_us != INT64_MIN)
		tell_flows(t);
	if (minute <= t->minute_us)
		return; /* the same minute goes on */
	if (t->minute_us != INT64_MIN) {
		t->running.sum.time_us = t->minute_us;
		point_take_ports(&t->running, t->port_minute);
		series_add(t, &t->running);
		series_coarsen(t);
		hin_change_minute(&t->change, t->minute_us, t->port_minute);
		memset(t->port_minute, 0, HIN_CHANGE_PORTS * sizeof(*t->port_minute));
		t->running = (struct point){ 0 };
		hin_evidence_keep(t, false);
		if (t->expired_us == INT64_MIN)
			t->expired_us = t->minute_us;
		if (now_us - t->expired_us >= t->timeout_us / 8) {
			hin_telescope_expire(t, now_us);
			t->expired_us = now_us;
		}
		hin_members_minute(t, now_us);
		if (t->updated_us == INT64_MIN)
			t->updated_us = t->minute_us;
		if (t->options.update_us > 0 && now_us - t->updated_us >= t->options.update_us) {
			hin_telescope_update(t, now_us);
			t->updated_us = now_us;
		}
		if (t->options.sink.minute != NULL && !t->failed &&
		    !t->options.sink.minute(t->options.sink.user, t, now_us))
			t->failed = true;
	}
	t->minute_us = minute;
}

/* ---- reading ---- */

#define MINUTE_NS (MINUTE_US * 1000)

/* Times reach from 1677 to 2262. */
static int64_t ns_of(int64_t us)
{
	int64_t ns;

	if (__builtin_mul_overflow(us, 1000, &ns))
		return us < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

/*
 * Note how far the frames from `from` on, `most` at the most, move the input's clock; a new minute
 * cuts them there. Returns how many belong together.
 */
static size_t same_minute(struct hin_telescope *t, const struct hin_batch *batch, size_t from,
			  size_t most)
{
	size_t end = most < batch->count - from ? from + most : batch->count, i = from;
	int64_t clock_ns = batch->frames[from].time_ns, over_ns = INT64_MIN;

	if (t->clock_us != INT64_MIN) {
		clock_ns = ns_of(t->clock_us);
		over_ns = ns_of(minute_start(t->clock_us) + MINUTE_US);
	}
	for (; i < end; i++) {
		int64_t time_ns = batch->frames[i].time_ns;

		if (HIN_UNLIKELY(time_ns >= over_ns)) {
			if (i > from)
				break;
			over_ns = ns_of(minute_start(time_ns / 1000) + MINUTE_US);
		}
		t->clock_steps +=
			clock_ns > INT64_MIN + MINUTE_NS && time_ns < clock_ns - MINUTE_NS;
		clock_ns = time_ns > clock_ns ? time_ns : clock_ns;
	}
	if (t->clock_us == INT64_MIN || clock_ns / 1000 > t->clock_us)
		t->clock_us = clock_ns / 1000;
	return i - from;
}

/* Get more frames for `queue`, if what it has is used up. */
static enum hin_code fill_pending(struct hin_telescope *t, unsigned queue, struct hin_error *err)
{
	struct pending *from = &t->pending[queue];
	enum hin_code code;

	if (from->at < from->batch.count)
		return HIN_OK;
	from->at = from->batch.count = 0;
	code = t->read(t->read_user, queue, &from->batch, err);
	if (code != HIN_OK)
		from->batch.count = 0;
	return code;
}

/* Move the next of the pending frames, `most` at the most, into `slot`; returns how many. */
static size_t take_pending(struct hin_telescope *t, struct slot *slot, struct pending *from,
			   size_t most)
{
	size_t n = same_minute(t, &from->batch, from->at, most);

	hin_batch_release(&slot->batch);
	memcpy(slot->batch.frames, from->batch.frames + from->at,
	       n * sizeof(slot->batch.frames[0]));
	from->at += n;
	if (from->at == from->batch.count) {
		/* the last part keeps the memory; slots retire in order, so it goes last */
		slot->batch.hold = from->batch.hold;
		from->batch.hold = NULL;
	}
	return n;
}

/* Read frames straight into `slot`; those of a later minute, or above `most`, are pending then. */
static enum hin_code read_slot(struct hin_telescope *t, struct slot *slot, unsigned queue,
			       size_t most, size_t *count, struct hin_error *err)
{
	struct pending *rest = &t->pending[queue];
	struct hin_batch *batch = &slot->batch;
	enum hin_code code;

	batch->count = 0;
	code = t->read(t->read_user, queue, batch, err);
	if (code != HIN_OK) {
		batch->count = 0;
		return code;
	}
	*count = same_minute(t, batch, 0, most);
	if (*count == batch->count)
		return HIN_OK;
	hin_batch_release(&rest->batch);
	rest->at = 0;
	rest->batch.count = batch->count - *count;
	memcpy(rest->batch.frames, batch->frames + *count,
	       rest->batch.count * sizeof(batch->frames[0]));
	rest->batch.hold = batch->hold;
	batch->hold = NULL;
	return HIN_OK;
}

/*
 * Put the next frames of one minute from `queue` into `slot`. What has to be done before them, and
 * at what time, follows from the frames alone, not from how a reader cuts them into batches.
 */
static enum hin_code fill_slot(struct hin_telescope *t, struct slot *slot, unsigned queue,
			       struct hin_error *err)
{
	struct pending *from = &t->pending[queue];
	int64_t first_us, before = t->clock_us;
	bool full = t->options.flows && t->flow_packets == t->flow_flush;
	size_t n, most = !t->options.flows ? SIZE_MAX
			 : full		   ? t->flow_flush
					   : t->flow_flush - t->flow_packets;

	if (from->at < from->batch.count) {
		n = take_pending(t, slot, from, most);
	} else {
		enum hin_code code = read_slot(t, slot, queue, most, &n, err);

		if (code != HIN_OK)
			return code;
	}
	slot->batch.count = n;
	first_us = slot->batch.frames[0].time_ns / 1000;
	slot->tick = before == INT64_MIN || minute_start(t->clock_us) > minute_start(before) ||
		     full || t->fold_frames > FOLD_FRAMES;
	slot->tick_us = first_us > before ? first_us : before;
	if (slot->tick)
		t->flow_packets = t->fold_frames = 0;
	t->flow_packets += n;
	t->fold_frames += n;
	return HIN_OK;
}

/* Live: minutes pass also when nothing comes. An empty batch carries the news. */
static bool read_nothing(struct hin_telescope *t, struct slot *slot)
{
	struct timespec now;
	int64_t now_us;

	if (!t->options.wall_clock || t->clock_us == INT64_MIN)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	now_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 - 2000000; /* for stragglers */
	if (minute_start(now_us) <= minute_start(t->clock_us))
		return false;
	t->clock_us = now_us;
	hin_batch_release(&slot->batch);
	slot->batch.count = 0;
	slot->tick = true;
	slot->tick_us = now_us;
	t->flow_packets = t->fold_frames = 0;
	return true;
}

/* ---- threads ---- */

struct worker {
	struct hin_telescope *t;
	unsigned number;
	uint64_t next; /* batch to be consumed next */
	pthread_t thread;
	enum hin_code code; /* of its last read */
	struct hin_error err;
};

/* Read what comes next into a free slot: its number, or UINT64_MAX when there is none. */
static uint64_t claim(struct worker *w)
{
	struct hin_telescope *t = w->t;
	unsigned queue = t->options.own_queues ? w->number : 0;
	uint64_t number = t->next_batch;
	struct slot *slot = &t->slots[number % t->slot_count];

	/* acquire: pairs with the release in consume(), so that the slot is ours to fill */
	if (t->ended ||
	    number >= atomic_load_explicit(&t->retired, memory_order_acquire) + t->slot_count)
		return UINT64_MAX;
	if (t->stop || t->failed || t->pause) {
		t->ended = true;
		return UINT64_MAX;
	}
	if (!t->options.own_queues || w->code == HIN_OK)
		w->code = fill_slot(t, slot, queue, &w->err);
	if (w->code == HIN_EAGAIN) {
		if (!read_nothing(t, slot))
			return UINT64_MAX;
	} else if (w->code != HIN_OK) {
		t->read_code = w->code;
		t->read_error = w->err;
		t->ended = true;
		return UINT64_MAX;
	}
	t->next_batch++;
	return number;
}

/* Read and decode one more batch, if there is a free slot. False when nothing could be done. */
static bool produce(struct worker *w)
{
	struct hin_telescope *t = w->t;
	struct slot *slot;
	uint64_t number;

	if (t->options.own_queues)
		w->code = fill_pending(t, w->number, &w->err);
	if (t->options.threads > 1)
		pthread_mutex_lock(&t->read_lock);
	number = claim(w);
	if (t->options.threads > 1)
		pthread_mutex_unlock(&t->read_lock);
	if (number == UINT64_MAX)
		return false;
	slot = &t->slots[number % t->slot_count];
	hin_slot_decode(t, slot, &t->counters[w->number]);
	atomic_fetch_add_explicit(&t->frames, slot->batch.count, memory_order_relaxed);
	/* release: pairs with the acquire in consume() */
	atomic_store_explicit(&slot->decoded, number + 1, memory_order_release);
	changed(t);
	return true;
}

/* All threads meet before the batch; the last to come does the minute's work. */
static void meet_for_tick(struct worker *w, const struct slot *slot)
{
	struct hin_telescope *t = w->t;
	unsigned threads = t->options.threads;
	uint64_t turn;

	if (threads == 1) {
		tick(t, slot->tick_us);
		return;
	}
	turn = atomic_load_explicit(&t->tick_turn, memory_order_acquire);
	/* acq_rel: the last one sees all that the others did to their shards */
	if (atomic_fetch_add_explicit(&t->ticking, 1, memory_order_acq_rel) + 1 == threads) {
		tick(t, slot->tick_us);
		atomic_store_explicit(&t->ticking, 0, memory_order_relaxed);
		/* release: pairs with the acquire of those who wait */
		atomic_fetch_add_explicit(&t->tick_turn, 1, memory_order_release);
		changed(t);
		return;
	}
	for (;;) {
		uint32_t seen = atomic_load_explicit(&t->epoch, memory_order_acquire);

		if (atomic_load_explicit(&t->tick_turn, memory_order_acquire) != turn)
			return;
		wait_change(t, seen);
	}
}

/* Take the next batch into this thread's shards, if it is decoded. */
static bool consume(struct worker *w)
{
	struct hin_telescope *t = w->t;
	struct slot *slot = &t->slots[w->next % t->slot_count];

	if (atomic_load_explicit(&slot->decoded, memory_order_acquire) != w->next + 1)
		return false;
	if (slot->tick)
		meet_for_tick(w, slot);
	if (w->next % t->options.threads == w->number)
		hin_slot_count_minute(&t->counters[w->number], slot);
	for (unsigned i = w->number; i < HIN_SHARDS; i += t->options.threads)
		if (slot->counts[i] > 0)
			hin_shard_take(&t->shards[i], slot->packets, slot->batch.frames,
				       slot->which[i], slot->counts[i], t->options.flows);
	if (w->number == 0)
		for (size_t i = 0; i < slot->member_count; i++)
			hin_member_take(t, &slot->packets[slot->members[i]]);
	w->next++;
	/* acq_rel: whoever retires the slot has seen all uses of it */
	if (atomic_fetch_add_explicit(&slot->consumed, 1, memory_order_acq_rel) + 1 ==
	    t->options.threads) {
		atomic_store_explicit(&slot->consumed, 0, memory_order_relaxed);
		if (t->options.own_queues)
			hin_batch_release(&slot->batch); /* the ring wants its block back */
		atomic_store_explicit(&t->retired, w->next, memory_order_release);
		changed(t);
	}
	return true;
}

static void *work(void *user)
{
	struct worker *w = user;
	struct hin_telescope *t = w->t;

	for (;;) {
		uint32_t seen = atomic_load_explicit(&t->epoch, memory_order_acquire);
		bool ended;

		if (consume(w) || produce(w))
			continue;
		pthread_mutex_lock(&t->read_lock);
		ended = t->ended && w->next == t->next_batch;
		pthread_mutex_unlock(&t->read_lock);
		if (ended)
			return NULL;
		/* where each thread has its own queue, reading it was the pause */
		if (t->options.threads > 1 && !t->options.own_queues)
			wait_change(t, seen);
	}
}

enum hin_code hin_telescope_run(struct hin_telescope *t, hin_batch_reader_fn read, void *user,
				struct hin_error *err)
{
	struct worker workers[HIN_TELESCOPE_THREADS];
	unsigned threads = t->options.threads, started = 1;

	assert(threads >= 1 &&
	       threads <= HIN_TELESCOPE_THREADS); /* hin_telescope_new() saw to it */
	t->read = read;
	t->read_user = user;
	t->ended = false;
	t->read_code = HIN_OK;
	for (unsigned i = 0; i < threads; i++)
		workers[i] = (struct worker){ .t = t, .number = i, .next = t->next_batch };
	for (; started < threads; started++)
		if (pthread_create(&workers[started].thread, NULL, work, &workers[started]) != 0)
			break;
	if (started < threads) {
		/* the shards of a missing thread would stand still: end at once, say why */
		t->stop = true;
		t->failed = true;
		t->options.threads = started;
		work(&workers[0]);
		for (unsigned i = 1; i < started; i++)
			pthread_join(workers[i].thread, NULL);
		return hin_fail(err, HIN_ESYS, "only %u of %u threads could be started", started,
				threads);
	}
	work(&workers[0]);
	for (unsigned i = 1; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	hin_evidence_keep(t, true);
	if (t->read_code != HIN_OK && t->read_code != HIN_EOF && t->read_code != HIN_EAGAIN) {
		if (err != NULL)
			*err = t->read_error;
		return t->read_code;
	}
	/* cleared here and not at the start: who asks between two runs is heard too */
	if (atomic_exchange(&t->pause, false) && !t->stop && !t->failed && t->read_code != HIN_EOF)
		return hin_fail(err, HIN_EAGAIN, "paused");
	return HIN_OK;
}

void hin_telescope_stop(struct hin_telescope *t)
{
	t->stop = true;
}

void hin_telescope_pause(struct hin_telescope *t)
{
	t->pause = true;
}

enum hin_code hin_telescope_finish(struct hin_telescope *t, struct hin_error *err)
{
	hin_telescope_fold(t);
	if (t->minute_us != INT64_MIN)
		tell_flows(t);
	if (t->failed)
		return hin_fail(err, HIN_ESYS, "the results could not be written");
	return HIN_OK;
}

uint64_t hin_telescope_frames(const struct hin_telescope *t)
{
	return atomic_load_explicit(&t->frames, memory_order_relaxed);
}

void hin_telescope_set_drops(struct hin_telescope *t, uint64_t kernel_drops)
{
	t->drops = kernel_drops;
}

void hin_telescope_sum(struct counters *out, const struct hin_telescope *t)
{
	*out = (struct counters){ .first_us = INT64_MAX, .last_us = INT64_MIN };
	for (unsigned i = 0; i < t->options.threads; i++) {
		const struct counters *c = &t->counters[i];

		out->frames += c->frames;
		out->packets += c->packets;
		out->bytes += c->bytes;
		out->outside += c->outside;
		for (size_t k = 0; k < HIN_PACKET_KIND_COUNT; k++)
			out->kinds[k] += c->kinds[k];
		for (size_t k = 0; k < 256; k++) {
			out->icmp_types[k] += c->icmp_types[k];
			out->icmp6_types[k] += c->icmp6_types[k];
			out->protocols[k] += c->protocols[k];
		}
		for (size_t k = 0; k < HIN_REFUSAL_COUNT; k++)
			out->refused[k] += c->refused[k];
		out->bogon += c->bogon;
		out->spoofed += c->spoofed;
		out->unroutable += c->unroutable;
		out->fragments += c->fragments;
		out->tunnelled += c->tunnelled;
		out->router_kill += c->router_kill;
		if (c->first_us < out->first_us)
			out->first_us = c->first_us;
		if (c->last_us > out->last_us)
			out->last_us = c->last_us;
	}
}
