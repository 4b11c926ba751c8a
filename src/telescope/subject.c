/* subject - sources, and what each of them does: the tables of sources and events. */
#include "telescope/shard_work_priv.h"

#include <assert.h>

static_assert(sizeof(struct source) == 96, "a source is a line and a half");
static_assert(sizeof(struct event) == 128, "an event is two cache lines");
static_assert(offsetof(struct event, pending) == 64, "the second begins with the addresses");
static_assert(sizeof(struct event_cold) == 16, "four of what is rarely needed are one");

static uint32_t source_hash_of(const void *user, uint32_t at)
{
	return source_at(user, at)->hash;
}

static uint32_t event_hash_of(const void *user, uint32_t at)
{
	return event_at(user, at)->hash;
}

/* ---- sources ---- */

uint32_t hin_source_find(const struct shard *s, const struct hin_addr *a, uint64_t hash,
			 bool network)
{
	struct hin_index_search search = hin_index_search(&s->source_index, (uint32_t)hash);
	uint32_t at;

	while ((at = hin_index_next(&s->source_index, (uint32_t)hash, &search)) != HIN_NONE) {
		const struct source *source = source_at(s, at);

		if (hin_addr_equal(&source->addr, a) &&
		    ((source->flags & SOURCE_NETWORK) != 0) == network)
			break;
	}
	return at;
}

static void event_release(struct shard *s, uint32_t at)
{
	struct event *e = event_at(s, at);

	hin_index_remove(&s->event_index, e->hash, at, event_hash_of, s);
	hin_distinct_clear(&s->pool, &e->targets);
	hin_distinct_clear(&s->pool, &event_cold_at(s, at)->ports);
	e->flags = 0;
	hin_array_give(&s->events, at);
}

/* Unlink `at` from its source and release it. */
static void event_remove(struct shard *s, uint32_t at)
{
	const struct event *e = event_at(s, at);
	struct source *source = source_at(s, e->source);
	enum hin_class class = event_class(e);
	uint32_t *link = &source->head;

	while (*link != at)
		link = &event_at(s, *link)->next;
	*link = e->next;
	if (e->last_us > source->last_us)
		source->last_us = e->last_us;
	if (event_is_any(e)) {
		source->any[class] = HIN_NONE;
		for (uint32_t i = source->head; i != HIN_NONE; i = event_at(s, i)->next)
			if (event_at(s, i)->any == at)
				event_at(s, i)->any = HIN_NONE;
	} else {
		source->ports[class]--;
		if (source->any[class] != HIN_NONE)
			event_at(s, source->any[class])->flags &= (uint8_t)~EVENT_FULL;
	}
	event_release(s, at);
}

static void source_remove(struct shard *s, uint32_t at)
{
	struct source *source = source_at(s, at);

	s->sources_gone |= (source->flags & SOURCE_SEEN) != 0;
	for (uint32_t e = source->head; e != HIN_NONE;) {
		uint32_t next = event_at(s, e)->next;

		event_release(s, e);
		e = next;
	}
	hin_index_remove(&s->source_index, source->hash, at, source_hash_of, s);
	hin_distinct_clear(&s->pool, &source->members);
	source->flags = 0;
	hin_array_give(&s->sources, at);
}

/* Is a packet of this source, or of one of its events, on its way? */
static bool source_is_busy(const struct shard *s, const struct source *source)
{
	if (source->stamp == s->stamp)
		return true;
	for (uint32_t i = source->head; i != HIN_NONE; i = event_at(s, i)->next)
		if (event_at(s, i)->stamp == s->stamp)
			return true;
	return false;
}

/* Make room for one source: the least of a few, by packets, then by age. */
static void source_evict(struct shard *s)
{
	uint32_t best = HIN_NONE;

	for (uint32_t looked = 0, steps = 0; looked < EVICT_LOOK && steps < EVICT_STEPS; steps++) {
		uint32_t at = s->sources.hand++;
		const struct source *c = source_at(s, at);

		if (s->sources.hand >= s->sources.used)
			s->sources.hand = 0;
		if ((c->flags & SOURCE_USED) == 0)
			continue;
		looked++;
		if ((best == HIN_NONE || c->weight < source_at(s, best)->weight ||
		     (c->weight == source_at(s, best)->weight &&
		      c->last_us < source_at(s, best)->last_us)) &&
		    !source_is_busy(s, c))
			best = at;
	}
	if (best == HIN_NONE)
		return;
	s->lost.sources += (source_at(s, best)->flags & SOURCE_SEEN) != 0;
	source_remove(s, best);
}

uint32_t hin_source_add(struct shard *s, const struct hin_addr *a, uint64_t hash, bool network,
			int64_t now_us)
{
	struct source *source;
	uint32_t at = hin_array_take(&s->sources);

	if (at == HIN_NONE) {
		source_evict(s);
		at = hin_array_take(&s->sources);
		if (at == HIN_NONE)
			return HIN_NONE;
	}
	source = source_at(s, at);
	*source =
		(struct source){ .hash = (uint32_t)hash,
				 .head = HIN_NONE,
				 .addr = *a,
				 .last_us = now_us,
				 .stamp = s->stamp,
				 .flags = (uint8_t)(SOURCE_USED | (network ? SOURCE_NETWORK : 0)) };
	for (unsigned i = 0; i < HIN_CLASS_COUNT; i++)
		source->any[i] = HIN_NONE;
	if (!hin_index_put(&s->source_index, source->hash, at, source_hash_of, s)) {
		source->flags = 0;
		hin_array_give(&s->sources, at);
		return HIN_NONE;
	}
	return at;
}

/* ---- events ---- */

uint32_t hin_event_find(const struct shard *s, uint32_t source, uint64_t source_hash, uint32_t key)
{
	uint32_t hash = hin_event_hash(s, source_hash, key), at;
	struct hin_index_search search = hin_index_search(&s->event_index, hash);

	while ((at = hin_index_next(&s->event_index, hash, &search)) != HIN_NONE) {
		const struct event *e = event_at(s, at);

		if (e->source == source && (e->key & ~HIN_KEY_V6) == key)
			break;
	}
	return at;
}

static void event_evict(struct shard *s)
{
	uint32_t best = HIN_NONE;

	for (uint32_t looked = 0, steps = 0; looked < EVICT_LOOK && steps < EVICT_STEPS; steps++) {
		uint32_t at = s->events.hand++;
		const struct event *c = event_at(s, at);

		if (s->events.hand >= s->events.used)
			s->events.hand = 0;
		if ((c->flags & EVENT_USED) == 0 || c->stamp == s->stamp || event_is_any(c))
			continue;
		looked++;
		if (best == HIN_NONE || c->packets < event_at(s, best)->packets ||
		    (c->packets == event_at(s, best)->packets &&
		     c->last_us < event_at(s, best)->last_us))
			best = at;
	}
	if (best == HIN_NONE)
		return;
	s->lost.events += event_at(s, best)->packets > 0;
	event_remove(s, best);
}

uint32_t hin_event_add(struct shard *s, uint32_t source_at_, uint32_t key, uint32_t hash,
		       int64_t now_us)
{
	struct source *source = source_at(s, source_at_);
	bool v4 = hin_addr_is_v4(&source->addr) && (source->flags & SOURCE_NETWORK) == 0;
	uint32_t at = hin_array_take(&s->events);
	struct event *e;

	if (at == HIN_NONE) {
		event_evict(s);
		at = hin_array_take(&s->events);
		if (at == HIN_NONE)
			return HIN_NONE;
	}
	e = event_at(s, at);
	*e = (struct event){ .hash = hash,
			     .source = source_at_,
			     .key = key | (v4 ? 0 : HIN_KEY_V6),
			     .any = HIN_NONE,
			     .v4 = v4 ? hin_addr_v4(&source->addr) : 0,
			     .last_us = now_us,
			     .first_us = now_us,
			     .next = source->head,
			     .stamp = s->stamp,
			     .flags = EVENT_USED };
	*event_cold_at(s, at) = (struct event_cold){ 0 };
	if (!hin_index_put(&s->event_index, hash, at, event_hash_of, s)) {
		e->flags = 0;
		hin_array_give(&s->events, at);
		return HIN_NONE;
	}
	source->head = at;
	if (key & HIN_KEY_ANY)
		source->any[key >> HIN_KEY_CLASS] = at;
	else
		source->ports[key >> HIN_KEY_CLASS]++;
	return at;
}

void hin_event_settle(struct shard *s, uint32_t at)
{
	struct event *e = event_at(s, at);
	uint32_t block = e->targets.handle;

	hin_distinct_add_all(&s->pool, &e->targets, e->pending, e->pending_count);
	e->pending_count = 0;
	if (e->targets.handle != block) { /* it grew: so did what the source weighs */
		struct source *source = source_at(s, e->source);

		if (e->last_us > source->last_us)
			source->last_us = e->last_us;
		if (e->packets > source->weight)
			source->weight =
				e->packets < UINT32_MAX ? (uint32_t)e->packets : UINT32_MAX;
	}
}

uint64_t hin_event_targets(const struct shard *s, const struct event *e)
{
	return hin_distinct_count_with(&s->pool, &e->targets, e->pending, e->pending_count);
}

/* Make the event of all ports begin as what the first port's was until now. */
static void any_inherit(struct shard *s, uint32_t at, uint32_t first, bool keep_targets)
{
	struct event *any = event_at(s, at), *e = event_at(s, first);

	any->last_us = e->last_us;
	any->packets = e->packets;
	any->bytes = e->bytes;
	any->minute = e->minute;
	any->minute_packets = e->minute_packets;
	any->marks = e->marks;
	any->tool = e->tool;
	any->flags |= e->flags & (EVENT_SHAPE | EVENT_NMAP_SEQ);
	any->run_key = e->run_key;
	any->last_seq = e->last_seq;
	any->first_us = e->first_us;
	any->peak = e->peak;
	any->pending_count = e->pending_count;
	memcpy(any->pending, e->pending, sizeof(any->pending));
	if (keep_targets) {
		hin_distinct_copy(&s->pool, &any->targets, &e->targets);
	} else { /* from now on only the new one counts them */
		any->targets = e->targets;
		e->targets = (struct hin_distinct){ 0 };
		e->pending_count = 0;
	}
	event_cold_at(s, at)->syn_acks = event_cold_at(s, first)->syn_acks;
	event_cold_at(s, at)->icmp_errors = event_cold_at(s, first)->icmp_errors;
}

/* The event of all ports, born when a second port of the class appears; the first is its start. */
static uint32_t any_event(struct shard *s, uint32_t source, const struct work *w)
{
	uint32_t at = source_at(s, source)->any[w->class];
	uint32_t key = hin_event_key((enum hin_class)w->class, 0) | HIN_KEY_ANY;
	uint32_t first = HIN_NONE;

	if (at != HIN_NONE)
		return at;
	at = hin_event_add(s, source, key, hin_event_hash(s, w->hash, key), w->p->time_us);
	if (at == HIN_NONE)
		return HIN_NONE;
	for (uint32_t i = source_at(s, source)->head; i != HIN_NONE; i = event_at(s, i)->next) {
		struct event *e = event_at(s, i);

		if (event_class(e) != w->class || event_is_any(e))
			continue;
		e->any = at;
		if ((e->flags & EVENT_BEGUN) == 0)
			continue;
		(void)hin_distinct_add(&s->pool, &event_cold_at(s, at)->ports, e->key & 0xffff);
		if (e->packets > 0)
			first = i;
	}
	if (first != HIN_NONE)
		any_inherit(s, at, first, hin_ports_keep_targets(s, w));
	return at;
}

/* A port of a source was seen for the first time: one more source of that port. */
static void count_port(struct shard *s, const struct work *w)
{
	uint32_t *port = hin_port_of(s, w);

	if (port != NULL && !w->network)
		++*port;
}

void hin_event_add_port(struct shard *s, const struct work *w)
{
	if (hin_distinct_add(&s->pool, &event_cold_at(s, w->any)->ports, w->key & 0xffff))
		count_port(s, w);
}

void hin_event_begin(struct shard *s, uint32_t source_at_, struct work *w)
{
	struct source *source = source_at(s, source_at_);

	if (source->ports[w->class] > 0)
		w->any = any_event(s, source_at_, w);
	if (w->event == HIN_NONE && source->ports[w->class] < HIN_SOURCE_PORTS) {
		w->event = hin_event_add(s, source_at_, w->key, w->event_hash, w->p->time_us);
		if (w->event != HIN_NONE)
			event_at(s, w->event)->any = w->any;
	}
	if (w->event == HIN_NONE) {
		s->lost.ports_merged++;
	} else { /* it may have been expected for long */
		event_at(s, w->event)->first_us = event_at(s, w->event)->last_us = w->p->time_us;
		event_at(s, w->event)->flags |= EVENT_BEGUN;
	}
	w->new_port = w->any != HIN_NONE;
	if (!w->new_port) {
		count_port(s, w);
		return;
	}
	event_at(s, w->any)->stamp = s->stamp;
	if (source->ports[w->class] >= HIN_SOURCE_PORTS)
		event_at(s, w->any)->flags |= EVENT_FULL;
}

/* ---- for the judge ---- */

uint32_t hin_shard_answers(const struct shard *s, const struct hin_addr *addr, enum hin_class class,
			   uint16_t port)
{
	uint64_t hash = hin_source_hash(s, addr, false);
	uint32_t source = hin_source_find(s, addr, hash, false);
	uint32_t event = source == HIN_NONE
				 ? HIN_NONE
				 : hin_event_find(s, source, hash, hin_event_key(class, port));

	return event == HIN_NONE ? 0 : event_cold_at(s, event)->talked;
}

void hin_shard_drop_event(struct shard *s, uint32_t at)
{
	event_remove(s, at);
}

void hin_shard_drop_source(struct shard *s, uint32_t at)
{
	source_remove(s, at);
}
