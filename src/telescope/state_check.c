/*
 * state_check - could the engine have saved what was loaded?
 *
 * The tables are loaded as they lie, and the engine trusts its own tables: a position beyond the
 * end, a list that runs in a circle or two counters in one block would be a wild write or a hang.
 * So all that is followed, counted on or used as an index is looked at once, in one bounded walk:
 * each entry is reached exactly as often as it should be. Mere numbers may be anything, since no
 * number of packets can break the engine; times are kept where sums of them do not run over.
 */
#include <math.h>
#include <stdlib.h>

#include "telescope/telescope_priv.h"

#define TIME_MOST (INT64_MAX / 500) /* a frame's time in µs is within half of it */

/* What is wrong, as the end of a sentence; NULL when nothing is. */
typedef const char *fault;

static bool is_time(int64_t us)
{
	return us >= -TIME_MOST && us <= TIME_MOST;
}

static bool is_time_or_none(int64_t us)
{
	return us == INT64_MIN || is_time(us);
}

static bool is_span(int64_t first_us, int64_t last_us)
{
	return is_time(first_us) && is_time(last_us) && first_us <= last_us;
}

/* A byte of the file may be no bool, and must not be read as one. */
static bool is_bool(const bool *b)
{
	return *(const uint8_t *)b <= 1;
}

static bool is_amount(double d)
{
	return isfinite(d) && d >= 0;
}

static bool is_text(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* ---- counters of distinct things ---- */

/* The blocks of a pool that have an owner, a bit for each 16 bytes. */
struct owned {
	const struct hin_distinct_pool *pool;
	uint8_t *bits;
};

/* Take the block of `handle`; false when it is none, or someone has it. */
static bool take_block(struct owned *owned, uint32_t handle)
{
	unsigned class = handle & HIN_HANDLE_CLASS;
	size_t unit = handle >> HIN_HANDLE_OFFSET, units = (size_t)1 << class;

	if (class >= HIN_DISTINCT_CLASSES || unit < 4 || unit % units != 0 ||
	    (unit + units) * 16 > owned->pool->used)
		return false;
	for (size_t i = unit; i < unit + units; i++) {
		if (owned->bits[i / 8] & 1u << i % 8)
			return false;
		owned->bits[i / 8] |= (uint8_t)(1u << i % 8);
	}
	return true;
}

static bool take_distinct(struct owned *owned, const struct hin_distinct *d)
{
	const uint8_t *block;
	size_t size = (size_t)16 << (d->handle & HIN_HANDLE_CLASS);
	uint32_t members = 0, slot;

	if (d->handle <= 1)
		return true;
	if (!take_block(owned, d->handle))
		return false;
	block = hin_distinct_block(owned->pool, d->handle);
	if (d->handle & HIN_HANDLE_SKETCH) {
		for (size_t i = 0; i < size; i++)
			if (block[i] > 64)
				return false;
		return true;
	}
	for (size_t i = 0; i < size; i += 4) {
		memcpy(&slot, block + i, 4);
		members += slot != 0;
	}
	return members == d->value; /* a set that is fuller than it says is searched for ever */
}

/* Those who gave blocks back: the rest of what may be owned. */
static fault check_free_blocks(struct owned *owned)
{
	for (unsigned class = 0; class < HIN_DISTINCT_CLASSES; class ++) {
		uint32_t handle = owned->pool->free[class];

		while (handle != 0) {
			if ((handle & ((1u << HIN_HANDLE_OFFSET) - 1)) != class ||
			    !take_block(owned, handle))
				return "a list of free blocks";
			memcpy(&handle, hin_distinct_block(owned->pool, handle), 4);
		}
	}
	return NULL;
}

static enum hin_code owned_init(struct owned *owned, const struct hin_distinct_pool *pool)
{
	*owned = (struct owned){ .pool = pool, .bits = calloc(pool->used / 128 + 1, 1) };
	return owned->bits != NULL ? HIN_OK : HIN_ENOMEM;
}

/* ---- arrays and their indexes ---- */

typedef bool (*is_used_fn)(const struct shard *s, uint32_t at);

static bool source_is_used(const struct shard *s, uint32_t at)
{
	return (source_at(s, at)->flags & SOURCE_USED) != 0;
}

static bool event_is_used(const struct shard *s, uint32_t at)
{
	return (event_at(s, at)->flags & EVENT_USED) != 0;
}

static bool flow_is_used(const struct shard *s, uint32_t at)
{
	return at < s->flows.used;
}

/* Each item is in use or in the list of free ones; that list, which ends, has no circle. */
static bool array_is_sound(const struct shard *s, const struct hin_array *a, is_used_fn is_used)
{
	uint32_t at = a->free, live = 0;

	if (a->used > a->limit || a->live > a->used || (a->hand > 0 && a->hand >= a->used))
		return false;
	for (uint32_t left = a->used - a->live; left > 0; left--) {
		if (at >= a->used || is_used(s, at))
			return false;
		memcpy(&at, hin_array_item(a, at, a->item), 4);
	}
	for (uint32_t i = 0; i < a->used; i++)
		live += is_used(s, i);
	return at == HIN_NONE && live == a->live;
}

/* An array without a list of free items. */
static bool array_is_plain(const struct hin_array *a, uint32_t used)
{
	return a->used == used && a->free == HIN_NONE && a->hand == 0;
}

/* Its slots are as many as it says and name items in use; some stay free, so that searches end. */
static bool index_is_sound(const struct shard *s, const struct hin_index *index, uint32_t items,
			   is_used_fn is_used)
{
	uint32_t used = 0;

	for (size_t i = 0; i <= index->mask; i++) {
		uint32_t at = hin_index_at(index->slots[i]);

		if (index->slots[i] == 0)
			continue;
		if (at >= items || !is_used(s, at))
			return false;
		used++;
	}
	return used == index->used && used <= index->mask / 8 * 7;
}

static bool index_has(const struct hin_index *index, uint32_t hash, uint32_t at)
{
	struct hin_index_search search = hin_index_search(index, hash);
	uint32_t found;

	while ((found = hin_index_next(index, hash, &search)) != HIN_NONE)
		if (found == at)
			return true;
	return false;
}

/* ---- a shard ---- */

/* The events of a source: each is its own, each event of all ports is the one it names. */
static bool chain_is_sound(const struct shard *s, uint32_t source, uint32_t *left)
{
	const struct source *x = source_at(s, source);
	unsigned ports[HIN_CLASS_COUNT] = { 0 }, anys = 0;

	for (uint32_t i = x->head; i != HIN_NONE; i = event_at(s, i)->next) {
		const struct event *e;
		unsigned class;

		if (i >= s->events.used || (*left)-- == 0)
			return false;
		e = event_at(s, i);
		class = event_class(e);
		if (!event_is_used(s, i) || e->source != source || class >= HIN_CLASS_COUNT)
			return false;
		if (event_is_any(e)) {
			if (x->any[class] != i || e->any != HIN_NONE)
				return false;
			anys |= 1u << class;
			continue;
		}
		if (e->any != HIN_NONE && e->any != x->any[class])
			return false;
		ports[class]++;
	}
	for (unsigned class = 0; class < HIN_CLASS_COUNT; class ++)
		if (x->ports[class] != ports[class] || ports[class] > HIN_SOURCE_PORTS ||
		    (x->any[class] != HIN_NONE) != ((anys >> class & 1) != 0))
			return false;
	return true;
}

static fault check_sources(const struct shard *s, struct owned *owned)
{
	uint32_t left = s->events.live;

	if (!array_is_sound(s, &s->sources, source_is_used))
		return "the table of sources";
	if (!index_is_sound(s, &s->source_index, s->sources.used, source_is_used) ||
	    s->source_index.used != s->sources.live)
		return "the index of sources";
	for (uint32_t at = 0; at < s->sources.used; at++) {
		const struct source *x = source_at(s, at);

		if (!source_is_used(s, at))
			continue;
		if (!index_has(&s->source_index, x->hash, at))
			return "a source's place in the index";
		if (!is_time(x->last_us))
			return "the time of a source";
		if (!take_distinct(owned, &x->members))
			return "the addresses of a network";
		if (!chain_is_sound(s, at, &left))
			return "the events of a source";
	}
	return left == 0 ? NULL : "events without a source";
}

static fault check_events(const struct shard *s, struct owned *owned)
{
	if (!array_is_sound(s, &s->events, event_is_used) ||
	    !array_is_plain(&s->events_cold, s->events.used))
		return "the table of events";
	if (!index_is_sound(s, &s->event_index, s->events.used, event_is_used) ||
	    s->event_index.used != s->events.live)
		return "the index of events";
	for (uint32_t at = 0; at < s->events.used; at++) {
		const struct event *e = event_at(s, at);

		if (!event_is_used(s, at))
			continue;
		if (!index_has(&s->event_index, e->hash, at))
			return "an event's place in the index";
		if (!is_span(e->first_us, e->last_us))
			return "the time of an event";
		if (e->pending_count > HIN_EVENT_PENDING || e->tool >= HIN_SIGN_COUNT)
			return "an event";
		if (!take_distinct(owned, &e->targets) ||
		    !take_distinct(owned, &event_cold_at(s, at)->ports))
			return "the addresses of an event";
	}
	return NULL;
}

static fault check_targets(const struct shard *s, struct owned *owned)
{
	uint32_t count = s->target_buckets * HIN_TARGET_WAYS;

	if (!array_is_plain(&s->target_heads, s->target_buckets) ||
	    !array_is_plain(&s->targets, count) || !array_is_plain(&s->targets_cold, count) ||
	    !array_is_plain(&s->port_sources, s->port_sources.limit))
		return "the table of targets";
	for (uint32_t at = 0; at < count; at++) {
		const struct target *x = target_at(s, at);

		if (!target_used(s, at))
			continue;
		if (x->class >= HIN_CLASS_COUNT || !is_time(x->last_us))
			return "a target";
		if ((x->packets != 1 || x->packets_high != 0) &&
		    !is_time(target_cold_at(s, at)->first_us))
			return "the time of a target";
		if (!take_distinct(owned, &x->sources))
			return "the sources of a target";
	}
	return NULL;
}

/* A flow that found no room in the index is only in the table. */
static fault check_flows(const struct shard *s)
{
	if (s->flows.base == NULL)
		return NULL;
	if (!array_is_plain(&s->flows, s->flows.used) || s->flows.live != s->flows.used ||
	    s->flows.used > s->flows.limit)
		return "the table of flows";
	for (uint32_t at = 0; at < s->flows.used; at++)
		if (flow_at(s, at)->tool >= HIN_SIGN_COUNT)
			return "a flow";
	if (!index_is_sound(s, &s->flow_index, s->flows.used, flow_is_used) ||
	    s->flow_index.used > s->flows.used)
		return "the index of flows";
	return NULL;
}

static enum hin_code check_shard(const struct shard *s, fault *why)
{
	struct owned owned;
	enum hin_code code = owned_init(&owned, &s->pool);

	if (code != HIN_OK)
		return code;
	*why = check_events(s, &owned);
	if (*why == NULL)
		*why = check_sources(s, &owned);
	if (*why == NULL)
		*why = check_targets(s, &owned);
	if (*why == NULL)
		*why = check_flows(s);
	if (*why == NULL && !take_distinct(&owned, &s->all_sources))
		*why = "the count of sources";
	if (*why == NULL)
		*why = check_free_blocks(&owned);
	if (*why == NULL && !is_bool(&s->sources_gone))
		*why = "a switch";
	free(owned.bits);
	return HIN_OK;
}

/* ---- what is known of the whole ---- */

static fault check_clocks(const struct hin_telescope *t)
{
	const int64_t times[] = { t->clock_us,
				  t->minute_us,
				  t->expired_us,
				  t->updated_us,
				  t->members_told_us,
				  t->change.scales[0].start_us,
				  t->change.scales[1].start_us };
	const struct counters *c = &t->counters[0];
	uint64_t packets = 0;

	for (size_t i = 0; i < HIN_COUNT(times); i++)
		if (!is_time_or_none(times[i]))
			return "a clock";
	if (t->fold_frames > 2 * (uint64_t)FOLD_FRAMES ||
	    (t->options.flows && t->flow_packets > t->flow_flush))
		return "the count of what is to be flushed";
	for (unsigned i = 0; i < HIN_PACKET_KIND_COUNT; i++)
		packets += c->kinds[i];
	if (packets != c->packets)
		return "the sum of the packets";
	if (c->packets > 0 ? !is_span(c->first_us, c->last_us)
			   : c->first_us != INT64_MAX || c->last_us != INT64_MIN)
		return "the time of the packets";
	return NULL;
}

static bool point_is_sound(const struct point *p)
{
	if (p->port_count > SERIES_PORTS || !is_time(p->sum.time_us))
		return false;
	for (unsigned i = 0; i < p->port_count; i++)
		if (p->ports[i].port >= HIN_CHANGE_PORTS)
			return false;
	return true;
}

static fault check_series(const struct hin_telescope *t)
{
	if (t->series_step_us < MINUTE_US || t->series_step_us % MINUTE_US != 0 ||
	    t->series_step_us > TIME_MOST)
		return "the step of the series";
	if (!point_is_sound(&t->running))
		return "the running minute";
	for (size_t i = 0; i < t->series_count; i++)
		if (!point_is_sound(&t->series[i]) ||
		    (i > 0 && t->series[i].sum.time_us <= t->series[i - 1].sum.time_us))
			return "the series";
	return NULL;
}

static bool part_is_sound(const struct member_part *p)
{
	return is_bool(&p->used) && is_span(p->first_us, p->last_us) &&
	       (p->used || p->packets == 0);
}

/* The event of a member that goes on; one that does not has nothing left. */
static bool episode_is_sound(const struct member *m, struct owned *owned)
{
	uint64_t waiting = m->rest.packets;

	if (!is_bool(&m->open) || !is_time(m->last_us) || !part_is_sound(&m->first) ||
	    !part_is_sound(&m->rest) || !take_distinct(owned, &m->event_targets) ||
	    !take_distinct(owned, &m->event_ports))
		return false;
	for (unsigned i = 0; i < MEMBER_PORTS; i++) {
		if (!part_is_sound(&m->parts[i]))
			return false;
		waiting |= m->parts[i].packets;
	}
	return m->open || (waiting == 0 && m->event_targets.handle == 0);
}

static enum hin_code check_members(const struct hin_telescope *t, fault *why)
{
	struct owned owned, episodes = { 0 };
	enum hin_code code = owned_init(&owned, &t->member_pool);

	if (code == HIN_OK)
		code = owned_init(&episodes, &t->episode_pool);
	for (size_t i = 0; i < t->member_count && *why == NULL && code == HIN_OK; i++) {
		const struct member *m = &t->members[i];

		if (!is_text(m->told.name, sizeof(m->told.name)) || !is_bool(&m->told.infected) ||
		    !is_bool(&m->told.of_event) || m->told.tool >= HIN_SIGN_COUNT ||
		    m->told.top_count > HIN_TOP_PORTS ||
		    !is_span(m->told.first_us, m->told.last_us) ||
		    !take_distinct(&owned, &m->targets) || !take_distinct(&owned, &m->ports) ||
		    !episode_is_sound(m, &episodes))
			*why = "a member";
	}
	if (*why == NULL && code == HIN_OK)
		*why = check_free_blocks(&owned);
	if (*why == NULL && code == HIN_OK)
		*why = check_free_blocks(&episodes);
	free(owned.bits);
	free(episodes.bits);
	return code;
}

static fault check_change(const struct hin_change *c)
{
	if (c->results.count > HIN_CHANGE_RESULTS)
		return "the list of what rose";
	for (size_t i = 0; i < c->results.count; i++) {
		const struct hin_rising *r = &c->results.list[i];

		if (!is_bool(&r->hourly) || !is_time(r->time_us) || !is_amount(r->score) ||
		    !is_amount(r->expected))
			return "what rose";
	}
	for (size_t k = 0; k < HIN_COUNT(c->scales); k++)
		for (size_t i = 0; i < HIN_CHANGE_PORTS; i++) {
			const struct hin_rise *r = &c->scales[k].ports[i];

			if (!is_amount((double)r->mean) || !is_amount((double)r->variance) ||
			    r->quiet > HIN_RISE_QUIET)
				return "the past of a port";
		}
	return NULL;
}

static bool event_result_is_sound(const struct hin_event *e)
{
	return e->class < HIN_CLASS_COUNT && e->scan <= HIN_SCAN_BLOCK &&
	       e->tool < HIN_SIGN_COUNT && e->top_count <= HIN_TOP_PORTS &&
	       (e->source_len == 32 || e->source_len == 64 || e->source_len == 128) &&
	       is_span(e->first_us, e->last_us) && is_bool(&e->open) && is_bool(&e->bogon) &&
	       is_bool(&e->spoofed) && is_bool(&e->unroutable) && is_bool(&e->member) &&
	       is_bool(&e->large) && is_bool(&e->has_evidence) &&
	       is_text(e->research, sizeof(e->research)) && is_amount(e->share) &&
	       is_amount(e->rate) && is_amount(e->world_rate) && is_amount(e->coverage);
}

static bool victim_is_sound(const struct hin_victim *v)
{
	return v->class < HIN_CLASS_COUNT && is_span(v->first_us, v->last_us) &&
	       is_bool(&v->many_ports) && is_bool(&v->open) && is_bool(&v->member) &&
	       is_bool(&v->has_evidence) && is_amount(v->attack_rate) &&
	       is_amount(v->attack_packets);
}

static bool floods_are_sound(const struct result_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct hin_flood *f = &hin_results_floods(list)[i];

		if (f->class >= HIN_CLASS_COUNT || !is_span(f->first_us, f->last_us) ||
		    !is_bool(&f->spoofed) || !is_bool(&f->has_evidence))
			return false;
	}
	return true;
}

static fault check_results(const struct results *r)
{
	for (size_t i = 0; i < r->events.count; i++)
		if (!event_result_is_sound(&hin_results_events(r)[i]))
			return "an event that is over";
	for (size_t i = 0; i < r->victims.count; i++)
		if (!victim_is_sound(&hin_results_victims(r)[i]))
			return "a victim";
	return floods_are_sound(&r->floods) && floods_are_sound(&r->amplifications) ? NULL
										    : "a flood";
}

static fault check_ongoing(const struct hin_ongoing *o)
{
	for (size_t i = 0; i < o->count; i++)
		if (!is_time(o->items[i].last_us) || !is_bool(&o->items[i].closed))
			return "what was told";
	return NULL;
}

enum hin_code hin_state_check(const struct hin_telescope *t, struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	fault why = check_clocks(t);

	if (why == NULL)
		why = check_series(t);
	if (why == NULL)
		why = check_change(&t->change);
	if (why == NULL)
		why = check_results(&t->over);
	if (why == NULL)
		why = check_ongoing(&t->ongoing);
	if (why == NULL)
		code = check_members(t, &why);
	for (unsigned i = 0; i < HIN_SHARDS && why == NULL && code == HIN_OK; i++)
		code = check_shard(&t->shards[i], &why);
	if (code != HIN_OK)
		return hin_fail(err, code, "no room to check the saved state");
	if (why != NULL)
		return hin_fail(err, HIN_EFORMAT, "the saved state is damaged: %s cannot be so",
				why);
	return HIN_OK;
}

/* ---- what was refused ---- */

static void drop_array(struct hin_array *a)
{
	a->used = a->live = a->hand = 0;
	a->free = HIN_NONE;
}

static void drop_index(struct hin_index *index)
{
	memset(index->slots, 0, ((size_t)index->mask + 1) * sizeof(*index->slots));
	index->used = 0;
}

static void drop_pool(struct hin_distinct_pool *pool)
{
	pool->used = 64;
	pool->degraded = 0;
	memset(pool->free, 0, sizeof(pool->free));
}

static void drop_shard(struct shard *s)
{
	drop_array(&s->sources);
	drop_array(&s->events);
	drop_array(&s->events_cold);
	drop_array(&s->flows);
	drop_index(&s->source_index);
	drop_index(&s->event_index);
	drop_index(&s->flow_index);
	drop_pool(&s->pool);
	for (uint32_t i = 0; i < s->target_buckets; i++)
		*target_head_at(s, i) = (struct target_head){ 0 };
	for (uint32_t i = 0; i < s->port_sources.limit; i++)
		*port_sources_at(s, i) = 0;
	s->all_sources = (struct hin_distinct){ 0 };
	s->lost = (struct hin_lost_detail){ 0 };
	s->sources_seen = 0;
	memset(&s->sources_gone, 0, sizeof(s->sources_gone));
}

void hin_state_drop(struct hin_telescope *t)
{
	size_t seen = t->dark_seen != NULL ? (size_t)(t->dark_v4 + 7) / 8 : 0;

	for (unsigned i = 0; i < HIN_SHARDS; i++)
		drop_shard(&t->shards[i]);
	for (size_t k = 0; k < HIN_COUNT(t->change.scales); k++) {
		struct hin_change_scale *scale = &t->change.scales[k];

		memset(scale->ports, 0, HIN_CHANGE_PORTS * sizeof(*scale->ports));
		memset(scale->counts, 0, HIN_CHANGE_PORTS * sizeof(*scale->counts));
		scale->intervals = 0;
		scale->start_us = INT64_MIN;
	}
	t->change.results.count = 0;
	t->change.results.lost = 0;
	memset(&t->counters[0], 0, sizeof(t->counters[0]));
	t->counters[0].first_us = INT64_MAX;
	t->counters[0].last_us = INT64_MIN;
	memset(t->port_totals, 0, HIN_CHANGE_PORTS * sizeof(*t->port_totals));
	memset(t->port_minute, 0, HIN_CHANGE_PORTS * sizeof(*t->port_minute));
	memset(t->over_tools, 0, sizeof(t->over_tools));
	if (seen > 0)
		memset(t->dark_seen, 0, seen);
	t->running = (struct point){ 0 };
	t->series_count = t->member_count = 0;
	t->series_step_us = MINUTE_US;
	t->members_lost = t->clock_steps = t->flow_packets = t->fold_frames = 0;
	t->frames = 0;
	drop_pool(&t->member_pool);
	drop_pool(&t->episode_pool);
	drop_index(&t->member_index);
	hin_results_fini(&t->over);
	drop_index(&t->ongoing.index);
	t->ongoing.count = 0;
	t->clock_us = t->minute_us = t->expired_us = t->updated_us = INT64_MIN;
	t->members_told_us = INT64_MIN;
	t->failed = true;
}
