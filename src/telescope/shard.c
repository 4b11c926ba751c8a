#include "telescope/shard_priv.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "telescope/names.h"

static_assert(sizeof(struct source) == 64, "a source is one cache line");
static_assert(sizeof(struct source_cold) == 64, "and one for what is rarely needed");
static_assert(sizeof(struct event) == 64, "an event is one cache line");
static_assert(sizeof(struct target) == 64, "a target is one cache line");
static_assert(sizeof(struct target_head) == 32, "two heads are one cache line");

enum {
	CHUNK = 64,	   /* packets whose memory is fetched ahead together */
	EVICT_LOOK = 16,   /* entries compared to find the least valuable */
	EVICT_STEPS = 128, /* and those passed over on the way */
	MINUTE_US = 60000000,
};

/* ---- roles ---- */

static bool icmp_asks(bool v6, uint16_t type)
{
	if (v6)
		return type == 128 || type == 139 || type == 160;
	return type == 8 || type == 13 || type == 15 || type == 17 || type == 42;
}

static bool icmp_answers(bool v6, uint16_t type)
{
	if (v6)
		return type == 129 || type == 140 || type == 161;
	return type == 0 || type == 14 || type == 16 || type == 18 || type == 43;
}

static struct role icmp_role(const struct hin_packet *p)
{
	bool v6 = p->kind == HIN_ICMP6;
	uint16_t type_code = (uint16_t)(p->sport << 8 | (p->dport & 0xff));

	if (p->flags & HIN_PACKET_QUOTE) {
		/* the victim is whom the quoted packet went to, at the quoted port */
		if (p->quoted_proto == IPPROTO_TCP)
			return (struct role){ HIN_CLASS_TCP_ANSWER, p->quoted_port };
		if (p->quoted_proto == IPPROTO_UDP)
			return (struct role){ HIN_CLASS_UDP_ANSWER, p->quoted_port };
		return (struct role){ HIN_CLASS_ICMP_ANSWER, 0 };
	}
	if (icmp_asks(v6, p->sport))
		return (struct role){ HIN_CLASS_ICMP, type_code };
	if (icmp_answers(v6, p->sport))
		return (struct role){ HIN_CLASS_ICMP_ANSWER, 0 };
	return (struct role){ HIN_CLASS_MISC, type_code };
}

/*
 * Spoken to everyone on a link: multicast, limited broadcast, or by its looks a subnet's broadcast.
 * That is how machines find each other, and it never leaves the link.
 */
static bool to_everyone(const struct hin_packet *p)
{
	uint32_t dst;

	if (!hin_addr_is_v4(&p->dst))
		return p->dst.b[0] == 0xff;
	dst = hin_addr_v4(&p->dst);
	if (dst >> 28 == 14 || dst == UINT32_MAX)
		return true;
	return (dst & 0xff) == 0xff && hin_addr_is_v4(&p->src) &&
	       (hin_addr_v4(&p->src) ^ dst) >> 8 == 0;
}

/*
 * A neighbour's answer to a question that was spoken to everyone (SSDP, mDNS, LLMNR, NetBIOS,
 * WS-Discovery, RFC 1001, RFC 4795, RFC 6762): asked for, though not of him. Its source is private
 * or of the link.
 */
static bool is_neighbours_answer(const struct hin_packet *p)
{
	return (p->marks & HIN_MARK_UNROUTABLE) != 0 &&
	       (p->sport == 137 || p->sport == 1900 || p->sport == 3702 || p->sport == 5353 ||
		p->sport == 5355);
}

/* Do the ports alone say that it is an answer? Between two amplifiers' ports the low one serves. */
static bool udp_by_port(const struct hin_packet *p)
{
	if (p->sport == p->dport || !hin_is_amplifier_port(p->sport))
		return false;
	return p->dport >= 1024 || !hin_is_amplifier_port(p->dport);
}

struct role hin_packet_role(const struct hin_packet *p, bool two_way)
{
	switch ((enum hin_packet_kind)p->kind) {
	case HIN_TCP_SYN:
		return (struct role){ HIN_CLASS_SYN, p->dport };
	case HIN_TCP_SYN_ACK:
	case HIN_TCP_RST:
		return (struct role){ HIN_CLASS_TCP_ANSWER, p->sport };
	case HIN_TCP_ACK:
		return (struct role){ HIN_CLASS_ACK, p->dport };
	case HIN_TCP_OTHER:
		/* where conversations are possible, only what none of them contains is a probe:
		   no flags, FIN alone, FIN with PSH and URG (nmap -sN, -sF, -sX) */
		if (two_way && (p->tcp_flags & 0x3f) != 0 && (p->tcp_flags & 0x3f) != 0x01 &&
		    (p->tcp_flags & 0x3f) != 0x29)
			return (struct role){ HIN_CLASS_MISC, p->dport };
		return (struct role){ HIN_CLASS_TCP_OTHER, p->dport };
	case HIN_UDP:
		if (two_way && (to_everyone(p) || is_neighbours_answer(p)))
			return (struct role){ HIN_CLASS_MISC, p->dport };
		if ((p->flags & HIN_PACKET_UDP_ANSWER) ||
		    ((p->flags & HIN_PACKET_UDP_QUESTION) == 0 && udp_by_port(p)))
			return (struct role){ HIN_CLASS_UDP_ANSWER, p->sport };
		return (struct role){ HIN_CLASS_UDP, p->dport };
	case HIN_ICMP:
	case HIN_ICMP6:
		return icmp_role(p);
	case HIN_FRAGMENT:
	case HIN_OTHER_PROTOCOL:
	case HIN_PACKET_KIND_COUNT:
		break;
	}
	return (struct role){ HIN_CLASS_MISC, p->proto };
}

/* ---- life of a shard ---- */

/* The tables that every shard has one of: where in struct shard, item size, items by the budget. */
struct family {
	size_t offset;
	uint32_t item, limit;
};

static unsigned families_of(struct family out[12], const struct hin_shard_sizes *sizes)
{
	uint32_t ways = sizes->target_buckets * HIN_TARGET_WAYS;
	const struct family all[] = {
		{ offsetof(struct shard, sources), sizeof(struct source), sizes->sources },
		{ offsetof(struct shard, sources_cold), sizeof(struct source_cold),
		  sizes->sources },
		{ offsetof(struct shard, events), sizeof(struct event), sizes->events },
		{ offsetof(struct shard, events_cold), sizeof(struct event_cold), sizes->events },
		{ offsetof(struct shard, target_heads), sizeof(struct target_head),
		  sizes->target_buckets },
		{ offsetof(struct shard, targets), sizeof(struct target), ways },
		{ offsetof(struct shard, targets_cold), sizeof(struct target_cold), ways },
		{ offsetof(struct shard, port_sources), sizeof(uint32_t), 2 * 65536 },
	};

	memcpy(out, all, sizeof(all));
	return HIN_COUNT(all);
}

/*
 * A shard may hold as many flows as packets come between two flushes: one busy source has them all.
 * So each has a region of its own, whose first quarter is what it fills as a rule.
 */
static enum hin_code flows_init(struct shard *s, const struct hin_shard_sizes *sizes,
				struct hin_error *err)
{
	struct hin_array *flows = &s->flows;

	if (sizes->flows == 0)
		return HIN_OK;
	return hin_array_init_family(&flows, 1, sizeof(struct flow), sizes->flows * HIN_FLOW_FLUSH,
				     err);
}

enum hin_code hin_shards_init(struct shard shards[HIN_SHARDS],
			      const struct hin_telescope_settings *settings,
			      const struct hin_shard_sizes *sizes, const uint64_t secret[2],
			      bool two_way, struct hin_error *err)
{
	struct hin_distinct_pool *pools[HIN_SHARDS];
	struct hin_array *arrays[HIN_SHARDS];
	struct family families[12];
	unsigned count = families_of(families, sizes);
	enum hin_code code = HIN_OK;

	for (unsigned i = 0; i < HIN_SHARDS; i++) {
		shards[i] = (struct shard){ .settings = settings,
					    .secret = { secret[0], secret[1] },
					    .two_way = two_way,
					    .target_buckets = sizes->target_buckets };
		pools[i] = &shards[i].pool;
	}
	for (unsigned k = 0; k < count && code == HIN_OK; k++) {
		for (unsigned i = 0; i < HIN_SHARDS; i++)
			arrays[i] = (struct hin_array *)(void *)((uint8_t *)&shards[i] +
								 families[k].offset);
		code = hin_array_init_family(arrays, HIN_SHARDS, families[k].item,
					     families[k].limit, err);
	}
	for (unsigned i = 0; i < HIN_SHARDS && code == HIN_OK; i++) {
		code = hin_index_init(&shards[i].source_index, err);
		if (code == HIN_OK)
			code = hin_index_init(&shards[i].event_index, err);
		if (code == HIN_OK)
			code = hin_index_init(&shards[i].flow_index, err);
		if (code == HIN_OK)
			code = flows_init(&shards[i], sizes, err);
	}
	if (code == HIN_OK)
		code = hin_distinct_init_family(pools, HIN_SHARDS, sizes->distinct_bytes, err);
	return code;
}

void hin_shards_fini(struct shard shards[HIN_SHARDS])
{
	const struct hin_shard_sizes none = { 0 };
	struct hin_distinct_pool *pools[HIN_SHARDS];
	struct hin_array *arrays[HIN_SHARDS];
	struct family families[12];
	unsigned count = families_of(families, &none);

	for (unsigned k = 0; k < count; k++) {
		for (unsigned i = 0; i < HIN_SHARDS; i++)
			arrays[i] = (struct hin_array *)(void *)((uint8_t *)&shards[i] +
								 families[k].offset);
		hin_array_fini_family(arrays, HIN_SHARDS);
	}
	for (unsigned i = 0; i < HIN_SHARDS; i++) {
		struct hin_array *flows = &shards[i].flows;

		hin_array_fini_family(&flows, 1);
		hin_index_fini(&shards[i].source_index);
		hin_index_fini(&shards[i].event_index);
		hin_index_fini(&shards[i].flow_index);
		hin_stage_fini(&shards[i].stage);
		pools[i] = &shards[i].pool;
	}
	hin_distinct_fini_family(pools, HIN_SHARDS);
}

/* ---- sources ---- */

static uint32_t source_hash_of(const void *user, uint32_t at)
{
	return source_at(user, at)->hash;
}

static uint32_t event_hash_of(const void *user, uint32_t at)
{
	return event_at(user, at)->hash;
}

static uint32_t event_hash(const struct shard *s, uint64_t subject, uint32_t key)
{
	return (uint32_t)hin_mix(subject ^ s->secret[1], key * 0x9e3779b97f4a7c15u + 1);
}

static uint64_t subject_hash(const struct shard *s, const struct hin_addr *a, bool network)
{
	uint64_t hash = hin_subject_hash(s->secret, a);

	return network ? ~hash : hash;
}

static uint32_t source_find(const struct shard *s, const struct hin_addr *a, uint64_t subject,
			    bool network)
{
	const struct hin_index *index = &s->source_index;
	uint32_t hash = (uint32_t)subject;

	for (uint32_t i = hash & index->mask; index->slots[i] != 0; i = (i + 1) & index->mask) {
		uint32_t slot = index->slots[i];
		const struct source *source;

		if (!hin_index_match(slot, hash))
			continue;
		source = source_at(s, hin_index_at(slot));
		if (hin_addr_equal(&source->addr, a) &&
		    ((source->flags & SOURCE_NETWORK) != 0) == network)
			return hin_index_at(slot);
	}
	return HIN_NONE;
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
	struct event *e = event_at(s, at);
	struct source *source = source_at(s, e->source);
	struct source_cold *cold = source_cold_at(s, e->source);
	enum hin_class class = event_class(e);
	uint32_t *link = &source->head;

	while (*link != at)
		link = &event_cold_at(s, *link)->next;
	*link = event_cold_at(s, at)->next;
	if (event_is_any(e)) {
		cold->any[class] = HIN_NONE;
		for (uint32_t i = source->head; i != HIN_NONE; i = event_cold_at(s, i)->next)
			if (event_at(s, i)->any == at)
				event_at(s, i)->any = HIN_NONE;
	} else {
		cold->ports[class]--;
	}
	event_release(s, at);
}

static void source_remove(struct shard *s, uint32_t at)
{
	struct source *source = source_at(s, at);

	s->sources_gone |= source->packets > 0;
	for (uint32_t e = source->head; e != HIN_NONE;) {
		uint32_t next = event_cold_at(s, e)->next;

		event_release(s, e);
		e = next;
	}
	hin_index_remove(&s->source_index, source->hash, at, source_hash_of, s);
	if (source->flags & SOURCE_NETWORK)
		hin_distinct_clear(&s->pool, &source->members);
	source->flags = 0;
	hin_array_give(&s->sources, at);
}

/* Make room for one source: the least of a few, by packets, then by age. */
static void source_evict(struct shard *s)
{
	uint32_t best = HIN_NONE;

	for (uint32_t looked = 0, steps = 0; looked < EVICT_LOOK && steps < EVICT_STEPS; steps++) {
		uint32_t at = s->sources.hand++;
		struct source *c = source_at(s, at);

		if (s->sources.hand >= s->sources.used)
			s->sources.hand = 0;
		if ((c->flags & SOURCE_USED) == 0 || c->stamp == s->stamp)
			continue;
		looked++;
		if (best == HIN_NONE || c->packets < source_at(s, best)->packets ||
		    (c->packets == source_at(s, best)->packets &&
		     c->last_us < source_at(s, best)->last_us))
			best = at;
	}
	if (best == HIN_NONE)
		return;
	s->lost.sources += source_at(s, best)->packets > 0;
	source_remove(s, best);
}

static uint32_t source_add(struct shard *s, const struct hin_addr *a, uint64_t subject,
			   bool network, int64_t now_us)
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
		(struct source){ .hash = (uint32_t)subject,
				 .head = HIN_NONE,
				 .addr = *a,
				 .last_us = now_us,
				 .stamp = s->stamp,
				 .flags = (uint8_t)(SOURCE_USED | (network ? SOURCE_NETWORK : 0)) };
	*source_cold_at(s, at) = (struct source_cold){ .first_us = now_us };
	for (unsigned i = 0; i < HIN_CLASS_COUNT; i++)
		source_cold_at(s, at)->any[i] = HIN_NONE;
	if (!hin_index_put(&s->source_index, source->hash, at, source_hash_of, s)) {
		source->flags = 0;
		hin_array_give(&s->sources, at);
		return HIN_NONE;
	}
	return at;
}

/* ---- events ---- */

static uint32_t event_find_hashed(const struct shard *s, uint32_t source, uint32_t key,
				  uint32_t hash)
{
	const struct hin_index *index = &s->event_index;

	for (uint32_t i = hash & index->mask; index->slots[i] != 0; i = (i + 1) & index->mask) {
		uint32_t slot = index->slots[i];
		const struct event *e;

		if (!hin_index_match(slot, hash))
			continue;
		e = event_at(s, hin_index_at(slot));
		if (e->source == source && e->key == key)
			return hin_index_at(slot);
	}
	return HIN_NONE;
}

uint32_t hin_shard_find_event(const struct shard *s, uint32_t source, uint32_t key)
{
	const struct source *from = source_at(s, source);
	uint64_t subject = subject_hash(s, &from->addr, (from->flags & SOURCE_NETWORK) != 0);

	return event_find_hashed(s, source, key, event_hash(s, subject, key));
}

static void event_evict(struct shard *s)
{
	uint32_t best = HIN_NONE;

	for (uint32_t looked = 0, steps = 0; looked < EVICT_LOOK && steps < EVICT_STEPS; steps++) {
		uint32_t at = s->events.hand++;
		struct event *c = event_at(s, at);

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

static uint32_t event_add(struct shard *s, uint32_t source_at_, uint32_t key, uint32_t hash,
			  int64_t now_us)
{
	struct source *source = source_at(s, source_at_);
	struct source_cold *cold = source_cold_at(s, source_at_);
	enum hin_class class = (enum hin_class)(key >> 17);
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
			     .key = key,
			     .any = HIN_NONE,
			     .last_us = now_us,
			     .stamp = s->stamp,
			     .flags = EVENT_USED };
	*event_cold_at(s, at) = (struct event_cold){ .first_us = now_us, .next = source->head };
	if (!hin_index_put(&s->event_index, hash, at, event_hash_of, s)) {
		e->flags = 0;
		hin_array_give(&s->events, at);
		return HIN_NONE;
	}
	source->head = at;
	if (key & HIN_KEY_ANY)
		cold->any[class] = at;
	else
		cold->ports[class]++;
	return at;
}

/* ---- one packet ---- */

/* What the stages of one packet hand to each other. */
struct work {
	const struct hin_packet *p;
	const struct hin_addr *subject;
	uint64_t hash; /* of the subject */
	uint32_t key;  /* of the event */
	uint32_t event_hash;
	uint32_t target_hash; /* 0 = counts for no target */
	uint32_t dst_hash, src_hash;
	uint32_t event, any; /* positions, or HIN_NONE */
	uint32_t marks;	     /* with those of pairs */
	uint32_t target;
	uint16_t target_port;
	uint8_t class;
	bool first; /* one of the first packets of its source */
	bool note;  /* tells this shard what the other side of a conversation did */
};

static void event_count(struct shard *s, uint32_t at, const struct work *w, uint32_t marks)
{
	const struct hin_packet *p = w->p;
	struct event *e = event_at(s, at);
	uint32_t minute = (uint32_t)(p->time_us / MINUTE_US);
	uint8_t tool = (uint8_t)(marks & HIN_MARK_TOOL);

	if (HIN_UNLIKELY(e->packets == 0)) {
		event_cold_at(s, at)->first_us = p->time_us;
		e->last_us = p->time_us;
	} else if (p->time_us > e->last_us) {
		e->last_us = p->time_us;
	} else if (p->time_us < event_cold_at(s, at)->first_us) {
		event_cold_at(s, at)->first_us = p->time_us;
	}
	e->packets++;
	e->bytes += p->bytes;
	e->stamp = s->stamp;
	if (tool != HIN_SIGN_NONE) {
		/* majority vote (Boyer and Moore): who holds more than half is never lost */
		if (e->marks == 0)
			e->tool = tool;
		if (e->tool == tool)
			e->marks++;
		else
			e->marks--;
		if (marks & HIN_MARK_SHAPE)
			e->flags |= EVENT_SHAPE;
	}
	if (HIN_UNLIKELY(w->class >= HIN_CLASS_TCP_ANSWER)) {
		if (p->kind == HIN_TCP_SYN_ACK)
			event_cold_at(s, at)->syn_acks++;
		else if (p->flags & HIN_PACKET_QUOTE)
			event_cold_at(s, at)->icmp_errors++;
	}
	if (minute != e->minute) {
		struct event_cold *cold = event_cold_at(s, at);

		cold->peak = event_peak(e, cold);
		e->minute = minute;
		e->minute_packets = 0;
	}
	e->minute_packets++;
}

/*
 * With an event of all ports, that alone keeps the addresses: how many a single port of several had
 * matters only where answers are held against them, and for answers, each of whose ports may be
 * that of an attacked service.
 */
static bool ports_keep_targets(const struct shard *s, const struct work *w)
{
	return s->two_way || w->class >= HIN_CLASS_TCP_ANSWER;
}

static bool keeps_targets(const struct shard *s, const struct work *w)
{
	return w->event != HIN_NONE && (w->any == HIN_NONE || ports_keep_targets(s, w));
}

/* The event of all ports, born when a second port of the class appears; the first is its start. */
static uint32_t any_event(struct shard *s, uint32_t source, const struct work *w)
{
	uint32_t at = source_cold_at(s, source)->any[w->class];
	uint32_t key = (uint32_t)w->class << 17 | HIN_KEY_ANY;
	uint32_t first = HIN_NONE;

	if (at != HIN_NONE)
		return at;
	at = event_add(s, source, key, event_hash(s, w->hash, key), w->p->time_us);
	if (at == HIN_NONE)
		return HIN_NONE;
	for (uint32_t i = source_at(s, source)->head; i != HIN_NONE;
	     i = event_cold_at(s, i)->next) {
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
	if (first != HIN_NONE) {
		struct event *any = event_at(s, at), *e = event_at(s, first);
		struct event_cold *any_cold = event_cold_at(s, at);
		const struct event_cold *cold = event_cold_at(s, first);

		any->last_us = e->last_us;
		any->packets = e->packets;
		any->bytes = e->bytes;
		any->minute = e->minute;
		any->minute_packets = e->minute_packets;
		any->marks = e->marks;
		any->tool = e->tool;
		any->flags |= e->flags & EVENT_SHAPE;
		if (ports_keep_targets(s, w)) {
			hin_distinct_copy(&s->pool, &any->targets, &e->targets);
		} else { /* from now on only the new one counts them */
			any->targets = e->targets;
			e->targets = (struct hin_distinct){ 0 };
		}
		any_cold->first_us = cold->first_us;
		any_cold->peak = cold->peak;
		any_cold->syn_acks = cold->syn_acks;
		any_cold->icmp_errors = cold->icmp_errors;
	}
	return at;
}

/* A port that this source did not try before: make its event, and that of all ports if need be. */
static void first_of_port(struct shard *s, uint32_t source, struct work *w)
{
	struct source_cold *cold = source_cold_at(s, source);
	unsigned table = w->class == HIN_CLASS_SYN ? 0 : w->class == HIN_CLASS_UDP ? 1 : 2;
	bool fresh = true;

	if (cold->ports[w->class] > 0)
		w->any = any_event(s, source, w);
	if (w->event == HIN_NONE && cold->ports[w->class] < HIN_SOURCE_PORTS) {
		w->event = event_add(s, source, w->key, w->event_hash, w->p->time_us);
		if (w->event != HIN_NONE)
			event_at(s, w->event)->any = w->any;
	}
	if (w->any != HIN_NONE) {
		event_at(s, w->any)->stamp = s->stamp;
		fresh = hin_distinct_add(&s->pool, &event_cold_at(s, w->any)->ports,
					 w->key & 0xffff);
	}
	if (w->event == HIN_NONE)
		s->lost.ports_merged++;
	else
		event_at(s, w->event)->flags |= EVENT_BEGUN;
	if (fresh && table < 2 && (source_at(s, source)->flags & SOURCE_NETWORK) == 0)
		++*port_sources_at(s, table << 16 | (w->key & 0xffff));
}

/* Find or make the event of the packet's port, and that of all ports where there is one. */
static void find_events(struct shard *s, uint32_t source, struct work *w)
{
	w->event = event_find_hashed(s, source, w->key, w->event_hash);
	w->any = HIN_NONE;
	if (w->event != HIN_NONE)
		event_at(s, w->event)->stamp =
			s->stamp; /* not to be evicted before it is counted */
	/* an event that is not begun was only expected to answer so far */
	if (w->event == HIN_NONE || (event_at(s, w->event)->flags & EVENT_BEGUN) == 0)
		first_of_port(s, source, w);
	else
		w->any = event_at(s, w->event)->any;
}

/* Two more signatures, which only pairs of packets of one source show. */
static uint32_t pair_marks(struct source *source, const struct hin_packet *p)
{
	uint32_t marks = p->marks;
	uint32_t key, pair;

	if (p->kind != HIN_TCP_SYN || (marks & HIN_MARK_V6))
		return marks;
	key = p->seq ^ hin_addr_v4(&p->dst) ^ ((uint32_t)p->sport << 16 | p->dport);
	pair = p->seq ^ source->last_seq;
	if (marks & HIN_MARK_NMAP_SHAPE) {
		/* nmap's engine: sequence = mask ^ (n << 16 | n), the mask constant in a run; the
		   same sequence to the same target is only sent again */
		if ((source->flags & SOURCE_NMAP_SEQ) && key != source->run_key &&
		    pair >> 16 == (pair & 0xffff))
			marks = (marks & ~(uint32_t)HIN_MARK_TOOL) | HIN_SIGN_NMAP | HIN_MARK_SHAPE;
		source->flags |= SOURCE_NMAP_SEQ;
	} else {
		if (key == source->run_key && pair != 0 &&
		    (marks & HIN_MARK_TOOL) != HIN_SIGN_MIRAI)
			marks = (marks & ~(uint32_t)HIN_MARK_TOOL) | HIN_SIGN_UNICORNSCAN |
				HIN_MARK_SHAPE;
		source->flags &= (uint8_t)~SOURCE_NMAP_SEQ;
	}
	source->run_key = key;
	source->last_seq = p->seq;
	return marks;
}

/* ---- conversations: only where no dark space is known ---- */

static enum hin_class answer_of(enum hin_class class)
{
	switch (class) {
	case HIN_CLASS_SYN:
		return HIN_CLASS_TCP_ANSWER;
	case HIN_CLASS_UDP:
		return HIN_CLASS_UDP_ANSWER;
	case HIN_CLASS_ICMP:
		return HIN_CLASS_ICMP_ANSWER;
	default:
		return HIN_CLASS_MISC;
	}
}

static enum hin_class question_of(enum hin_class class)
{
	switch (class) {
	case HIN_CLASS_TCP_ANSWER:
		return HIN_CLASS_SYN;
	case HIN_CLASS_UDP_ANSWER:
		return HIN_CLASS_UDP;
	case HIN_CLASS_ICMP_ANSWER:
		return HIN_CLASS_ICMP;
	default:
		return HIN_CLASS_MISC;
	}
}

static uint32_t key_of(enum hin_class class, uint16_t port)
{
	return (uint32_t) class << 17 | port;
}

/* The port under which a question or its answer is filed: ICMP answers have none. */
static uint16_t filed_port(enum hin_class class, uint16_t port)
{
	return class == HIN_CLASS_ICMP_ANSWER ? 0 : port;
}

/* What `source` asked under `key` was answered by p's sender; with `asked` only if it was asked. */
static void note_answer(struct shard *s, uint32_t source, uint64_t hash, uint32_t key, bool asked,
			const struct work *w)
{
	uint32_t event = event_find_hashed(s, source, key, event_hash(s, hash, key));

	if (event != HIN_NONE &&
	    (!asked || hin_distinct_has(&s->pool, &event_at(s, event)->targets, w->src_hash)))
		(void)hin_distinct_add(&s->pool, &event_cold_at(s, event)->ports, w->src_hash);
}

/* The same for the subject and, with IPv6, for its /64, which is judged as well. */
static void note_answers(struct shard *s, uint32_t source, uint32_t key, bool asked,
			 const struct work *w)
{
	struct hin_addr prefix = *w->subject;
	uint64_t hash;

	note_answer(s, source, w->hash, key, asked, w);
	if (HIN_LIKELY(hin_addr_is_v4(w->subject)))
		return;
	memset(prefix.b + 8, 0, 8);
	hash = subject_hash(s, &prefix, true);
	source = source_find(s, &prefix, hash, true);
	if (source != HIN_NONE)
		note_answer(s, source, hash, key, asked, w);
}

/* The other side of the packet learns of it: who asked it, or who answered it. */
static void take_note(struct shard *s, const struct work *w)
{
	const struct hin_packet *p = w->p;
	uint32_t source = source_find(s, w->subject, w->hash, false);
	enum hin_class answer = answer_of(w->class);
	uint32_t event = HIN_NONE, key;

	if (answer != HIN_CLASS_MISC) { /* p asks the subject: its answer will be expected */
		key = key_of(answer, filed_port(answer, (uint16_t)(w->key & 0xffff)));
		if (source == HIN_NONE)
			source = source_add(s, w->subject, w->hash, false, p->time_us);
		if (source == HIN_NONE)
			return;
		source_at(s, source)->stamp = s->stamp;
		/* between ports of no known protocol it may be an answer itself */
		if (w->class == HIN_CLASS_UDP)
			note_answers(s, source, key_of(HIN_CLASS_UDP, p->sport), true, w);
		event = event_find_hashed(s, source, key, event_hash(s, w->hash, key));
		if (event == HIN_NONE &&
		    source_cold_at(s, source)->ports[answer] < HIN_SOURCE_PORTS)
			event = event_add(s, source, key, event_hash(s, w->hash, key), p->time_us);
	} else if (source != HIN_NONE && question_of(w->class) != HIN_CLASS_MISC &&
		   p->kind != HIN_TCP_RST && (p->flags & HIN_PACKET_QUOTE) == 0) {
		/* p answers the subject: what it asked was no probe into the void */
		uint16_t port = w->class == HIN_CLASS_ICMP_ANSWER
					? (uint16_t)((p->kind == HIN_ICMP6 ? 128 : 8) << 8)
					: (uint16_t)(w->key & 0xffff);

		note_answers(s, source, key_of(question_of(w->class), port), false, w);
	}
	if (event != HIN_NONE)
		(void)hin_distinct_add(&s->pool, &event_cold_at(s, event)->ports, w->src_hash);
}

/* Is this packet of `source` part of a conversation that its peer began, or that goes on? */
static bool in_conversation(struct shard *s, uint32_t source, const struct work *w)
{
	const struct hin_packet *p = w->p;
	uint32_t key, event;

	if (p->flags & HIN_PACKET_QUOTE)
		return false;
	switch ((enum hin_class)w->class) {
	case HIN_CLASS_UDP:
		key = key_of(HIN_CLASS_UDP_ANSWER, p->sport);
		break;
	case HIN_CLASS_TCP_ANSWER:
		/* a scanner's own RST to what it probed is part of the probe */
		key = key_of(HIN_CLASS_SYN, p->dport);
		event = event_find_hashed(s, source, key, event_hash(s, w->hash, key));
		if (event != HIN_NONE &&
		    hin_distinct_has(&s->pool, &event_at(s, event)->targets, w->dst_hash))
			return true;
		key = w->key;
		break;
	case HIN_CLASS_UDP_ANSWER:
	case HIN_CLASS_ICMP_ANSWER:
		key = w->key;
		break;
	case HIN_CLASS_ACK:
		/* data after the handshake: the SYN to that address was answered */
		key = key_of(HIN_CLASS_SYN, p->dport);
		event = event_find_hashed(s, source, key, event_hash(s, w->hash, key));
		if (event != HIN_NONE && (p->flags & HIN_PACKET_PAYLOAD))
			(void)hin_distinct_add(&s->pool, &event_cold_at(s, event)->ports,
					       w->dst_hash);
		return true;
	default:
		return false;
	}
	event = event_find_hashed(s, source, key, event_hash(s, w->hash, key));
	if (event == HIN_NONE ||
	    !hin_distinct_has(&s->pool, &event_cold_at(s, event)->ports, w->dst_hash))
		return false;
	if (w->class != HIN_CLASS_TCP_ANSWER)
		event_cold_at(s, event)->talked++;
	return true;
}

/* ---- targets ---- */

/* Does the packet count for its destination, and under which port? */
static bool counts_for_target(const struct hin_packet *p, const struct role *role, uint16_t *port)
{
	switch ((enum hin_class)role->class) {
	case HIN_CLASS_SYN:
	case HIN_CLASS_UDP:
	case HIN_CLASS_TCP_OTHER:
	case HIN_CLASS_UDP_ANSWER:
		*port = role->port;
		return (p->flags & HIN_PACKET_QUOTE) == 0;
	case HIN_CLASS_ACK:
		*port = role->port;
		return true;
	case HIN_CLASS_ICMP:
	case HIN_CLASS_ICMP_ANSWER:
		*port = p->sport; /* the type */
		return (p->flags & HIN_PACKET_QUOTE) == 0;
	case HIN_CLASS_TCP_ANSWER:
		*port = 0;
		return (p->flags & HIN_PACKET_QUOTE) == 0;
	case HIN_CLASS_MISC:
	case HIN_CLASS_COUNT:
		break;
	}
	*port = p->proto;
	return p->kind == HIN_FRAGMENT;
}

static uint32_t target_hash(const struct shard *s, const struct hin_addr *dst, unsigned class,
			    uint16_t port)
{
	uint64_t hash = hin_mix(hin_subject_hash(s->secret, dst),
				(uint64_t)(class << 16 | port) * 0xd6e8feb86659fd93u + 1);

	return (uint32_t)hash | 1; /* zero means free */
}

static uint32_t target_bucket(const struct shard *s, uint32_t hash)
{
	return (hash >> 1) & (s->target_buckets - 1);
}

/*
 * The way of a bucket that a target of `hash` has or would take: one with its tag, a free one, or
 * the lightest. Reads the head alone.
 */
static unsigned target_way(const struct target_head *head, uint32_t hash)
{
	unsigned least = 0;

	for (unsigned i = 0; i < HIN_TARGET_WAYS; i++)
		if (head->tags[i] == hash)
			return i;
	for (unsigned i = 0; i < HIN_TARGET_WAYS; i++) {
		if (head->tags[i] == 0)
			return i;
		if (head->packets[i] < head->packets[least])
			least = i;
	}
	return least;
}

/*
 * Someone without an entry asks for a place in a full bucket. Only who holds the majority of those
 * that ask gets in (Boyer and Moore), and not before the lightest has fewer packets than it
 * knocked: heavy targets find their place among any number of light ones, which touch this head
 * alone.
 */
static bool let_in(struct target_head *head, unsigned lightest, uint32_t hash)
{
	if (head->knocking != hash) {
		if (head->knocks > 0) {
			head->knocks--;
			return false;
		}
		head->knocking = hash;
	}
	if (++head->knocks < HIN_TARGET_KNOCKS)
		return false;
	if (head->packets[lightest] > head->knocks) {
		/* the standing of those inside wears off, so that a new minute can have new heroes
		 */
		head->packets[lightest] -= HIN_TARGET_KNOCKS;
		return false;
	}
	head->knocks = 0;
	return true;
}

/* Find or make the target's entry; HIN_NONE when its bucket is full of heavier ones. */
static uint32_t target_get(struct shard *s, const struct work *w)
{
	uint32_t bucket = target_bucket(s, w->target_hash);
	struct target_head *head = target_head_at(s, bucket);
	unsigned way = target_way(head, w->target_hash);
	uint32_t at = bucket * HIN_TARGET_WAYS + way;
	struct target *t = target_at(s, at);
	const struct hin_packet *p = w->p;

	if (head->tags[way] == w->target_hash && t->class == w->class &&
	    t->port == w->target_port && hin_addr_equal(&t->addr, &p->dst)) {
		if (head->packets[way] < 255)
			head->packets[way]++;
		return at;
	}
	if (head->tags[way] != 0) {
		if (!let_in(head, way, w->target_hash))
			return HIN_NONE;
		s->lost.targets++;
		hin_distinct_clear(&s->pool, &t->sources);
	}
	*t = (struct target){
		.port = w->target_port,
		.class = w->class,
		.flags = (uint8_t)((p->marks & (HIN_MARK_SPOOFED | HIN_MARK_BOGON) ? TARGET_BOGON
										   : 0) |
				   (p->kind == HIN_TCP_SYN_ACK ? TARGET_SYN_ACK : 0)),
		.addr = p->dst,
		.last_us = p->time_us,
	};
	head->tags[way] = w->target_hash;
	head->packets[way] = 1;
	return at;
}

/* What a light target does not need: kept from its second packet on. */
static void target_count_cold(struct shard *s, uint32_t at, const struct hin_packet *p)
{
	const struct target *t = target_at(s, at);
	struct target_cold *cold = target_cold_at(s, at);

	if (t->packets == 2 && t->packets_high == 0)
		*cold = (struct target_cold){ .first_us = t->last_us,
					      .bogon = (t->flags & TARGET_BOGON) != 0,
					      .syn_acks = (t->flags & TARGET_SYN_ACK) != 0 };
	if (p->time_us < cold->first_us)
		cold->first_us = p->time_us;
	if (p->marks & (HIN_MARK_SPOOFED | HIN_MARK_BOGON))
		cold->bogon++;
	if (t->class != HIN_CLASS_TCP_ANSWER)
		return;
	cold->syn_acks += p->kind == HIN_TCP_SYN_ACK;
	if (cold->port_votes == 0)
		cold->port = p->sport;
	if (cold->port == p->sport)
		cold->port_votes++;
	else
		cold->port_votes--;
}

static void target_count(struct shard *s, uint32_t at, const struct work *w)
{
	const struct hin_packet *p = w->p;
	struct target *t = target_at(s, at);
	uint32_t minute = (uint32_t)(p->time_us / MINUTE_US);

	if (HIN_UNLIKELY(++t->packets == 0))
		t->packets_high++;
	if (t->packets > 1 || t->packets_high > 0)
		target_count_cold(s, at, p);
	t->bytes += p->bytes;
	if (p->time_us > t->last_us)
		t->last_us = p->time_us;
	if (minute != t->minute) {
		t->peak = target_peak(t);
		t->minute = minute;
		t->minute_packets = 0;
	}
	t->minute_packets++;
}

/* ---- flows ---- */

static uint32_t flow_hash_of(const void *user, uint32_t at)
{
	return flow_at(user, at)->hash;
}

static void flow_count(struct shard *s, const struct work *w)
{
	const struct hin_packet *p = w->p;
	uint64_t ports = (uint64_t)p->sport << 32 | (uint64_t)p->dport << 16 | p->proto;
	uint32_t hash = (uint32_t)hin_mix(hin_subject_hash(s->secret, &p->src) ^ ports,
					  hin_subject_hash(s->secret, &p->dst) | 1);
	struct hin_index *index = &s->flow_index;
	struct flow *flow;
	uint32_t at;

	for (uint32_t i = hash & index->mask; index->slots[i] != 0; i = (i + 1) & index->mask) {
		if (!hin_index_match(index->slots[i], hash))
			continue;
		flow = flow_at(s, hin_index_at(index->slots[i]));
		if (flow->hash == hash && flow->sport == p->sport && flow->dport == p->dport &&
		    flow->proto == p->proto && hin_addr_equal(&flow->src, &p->src) &&
		    hin_addr_equal(&flow->dst, &p->dst))
			goto count;
	}
	at = hin_array_take(&s->flows);
	if (at == HIN_NONE) {
		s->lost.flows++; /* only with tables larger than an index can hold */
		return;
	}
	flow = flow_at(s, at);
	*flow = (struct flow){ .hash = hash,
			       .sport = p->sport,
			       .dport = p->dport,
			       .proto = p->proto,
			       .tool = (uint8_t)(p->marks & HIN_MARK_TOOL),
			       .src = p->src,
			       .dst = p->dst };
	(void)hin_index_put(index, hash, at, flow_hash_of, s);
count:
	flow->packets++;
	flow->bytes += p->bytes;
	flow->tcp_flags |= p->tcp_flags;
	flow->marks |= (uint8_t)((p->marks & HIN_MARK_BOGON ? 1 : 0) |
				 (p->marks & HIN_MARK_SPOOFED ? 2 : 0) |
				 (p->marks & HIN_MARK_UNROUTABLE ? 4 : 0) |
				 (p->flags & HIN_PACKET_FRAGMENTED ? 8 : 0));
}

/* ---- stages ---- */

static void stage_hash(struct shard *s, struct work *w)
{
	const struct hin_packet *p = w->p;
	struct role role = hin_packet_role(p, s->two_way);

	w->class = role.class;
	w->subject = w->note ? &p->dst : hin_subject(p);
	w->hash = hin_subject_hash(s->secret, w->subject);
	w->key = key_of((enum hin_class)role.class, role.port);
	w->event_hash = event_hash(s, w->hash, w->key);
	w->dst_hash = hin_distinct_hash_addr(&p->dst);
	w->src_hash = hin_distinct_hash_addr(&p->src);
	w->event = w->any = w->target = HIN_NONE;
	w->marks = p->marks;
	w->first = false;
	w->target_hash = 0;
	__builtin_prefetch(&s->source_index.slots[(uint32_t)w->hash & s->source_index.mask]);
	__builtin_prefetch(&s->event_index.slots[w->event_hash & s->event_index.mask]);
	if (!w->note && counts_for_target(p, &role, &w->target_port)) {
		w->target_hash = target_hash(s, &p->dst, role.class, w->target_port);
		__builtin_prefetch(target_head_at(s, target_bucket(s, w->target_hash)), 1);
	}
}

static void stage_fetch(struct shard *s, const struct work *w)
{
	uint32_t at = hin_index_guess(&s->source_index, (uint32_t)w->hash);

	if (at != HIN_NONE)
		__builtin_prefetch(source_at(s, at), 1);
	at = hin_index_guess(&s->event_index, w->event_hash);
	if (at != HIN_NONE)
		__builtin_prefetch(event_at(s, at), 1);
	if (w->target_hash != 0) {
		uint32_t bucket = target_bucket(s, w->target_hash);
		const struct target_head *head = target_head_at(s, bucket);
		unsigned way = target_way(head, w->target_hash);

		if (head->tags[way] == 0 || head->tags[way] == w->target_hash)
			__builtin_prefetch(target_at(s, bucket * HIN_TARGET_WAYS + way), 1);
	}
}

static void mark_source(struct source *source, const struct hin_packet *p)
{
	if (p->marks & (HIN_MARK_BOGON | HIN_MARK_UNROUTABLE | HIN_MARK_SPOOFED | HIN_MARK_MEMBER))
		source->flags |=
			(uint8_t)((p->marks & HIN_MARK_BOGON ? SOURCE_BOGON : 0) |
				  (p->marks & HIN_MARK_UNROUTABLE ? SOURCE_UNROUTABLE : 0) |
				  (p->marks & HIN_MARK_SPOOFED ? SOURCE_SPOOFED : 0) |
				  (p->marks & HIN_MARK_MEMBER ? SOURCE_MEMBER : 0));
}

/* Find the packet's source and events, and count it for its source. False for a conversation. */
static bool find_subject(struct shard *s, struct work *w, bool network)
{
	const struct hin_packet *p = w->p;
	uint32_t at = source_find(s, w->subject, w->hash, network);
	struct source *source;

	if (at == HIN_NONE)
		at = source_add(s, w->subject, w->hash, network, p->time_us);
	if (at == HIN_NONE)
		return true;
	source = source_at(s, at);
	source->stamp = s->stamp;
	if (source->packets == 0) {
		source->last_us = source_cold_at(s, at)->first_us = p->time_us;
		s->sources_seen += !network;
		if (!network && (p->flags & HIN_PACKET_QUOTE) == 0)
			(void)hin_distinct_add(&s->pool, &s->all_sources, w->src_hash);
	}
	source->packets++;
	source->bytes += p->bytes;
	w->first = source->packets <= HIN_VAULT_PACKETS;
	if (p->time_us > source->last_us)
		source->last_us = p->time_us;
	else if (p->time_us < source_cold_at(s, at)->first_us)
		source_cold_at(s, at)->first_us = p->time_us;
	if (w->subject == &p->src)
		mark_source(source, p);
	if (s->two_way && in_conversation(s, at, w))
		return false;
	if (w->class == HIN_CLASS_MISC)
		return true;
	if (network)
		(void)hin_distinct_add(&s->pool, &source->members, w->src_hash);
	else
		w->marks = pair_marks(source, p);
	find_events(s, at, w);
	if (w->any != HIN_NONE)
		__builtin_prefetch(event_at(s, w->any), 1);
	return true;
}

/* Count the packet for its events. */
static void count_events(struct shard *s, struct work *w)
{
	if (w->event != HIN_NONE) {
		event_count(s, w->event, w, w->marks);
		/* it may have been born since, by a later packet of the chunk */
		w->any = event_at(s, w->event)->any;
		if (keeps_targets(s, w))
			hin_distinct_prefetch(&s->pool, &event_at(s, w->event)->targets,
					      w->dst_hash);
	}
	if (w->any != HIN_NONE) {
		event_count(s, w->any, w, w->marks);
		hin_distinct_prefetch(&s->pool, &event_at(s, w->any)->targets, w->dst_hash);
	}
}

static void add_targets(struct shard *s, const struct work *w)
{
	if (keeps_targets(s, w))
		(void)hin_distinct_add(&s->pool, &event_at(s, w->event)->targets, w->dst_hash);
	if (w->any != HIN_NONE)
		(void)hin_distinct_add(&s->pool, &event_at(s, w->any)->targets, w->dst_hash);
}

/* IPv6: the same once more for the /64, so that a scanner that changes addresses is one. */
static void take_network(struct shard *s, const struct work *w)
{
	struct work net = *w;
	struct hin_addr prefix = w->p->src;

	memset(prefix.b + 8, 0, 8);
	net.subject = &prefix;
	net.hash = subject_hash(s, &prefix, true);
	net.event_hash = event_hash(s, net.hash, net.key);
	net.event = net.any = HIN_NONE;
	(void)find_subject(s, &net, true);
	count_events(s, &net);
	add_targets(s, &net);
}

static void stage_find(struct shard *s, struct work *w)
{
	if (HIN_UNLIKELY(w->note)) {
		take_note(s, w);
		return;
	}
	/* of conversations only data counts for the target: it tells a busy server from a flood */
	if (!find_subject(s, w, false) &&
	    (w->class != HIN_CLASS_ACK || (w->p->flags & HIN_PACKET_PAYLOAD) == 0))
		w->target_hash = 0;
	if (HIN_UNLIKELY(w->p->marks & HIN_MARK_V6) && w->class < HIN_CLASS_TCP_ANSWER &&
	    w->event != HIN_NONE)
		take_network(s, w);
}

static void stage_count(struct shard *s, struct work *w)
{
	if (HIN_UNLIKELY(w->note))
		return;
	count_events(s, w);
	if (w->target_hash == 0)
		return;
	w->target = target_get(s, w);
	if (w->target == HIN_NONE)
		return;
	target_count(s, w->target, w);
	hin_distinct_prefetch(&s->pool, &target_at(s, w->target)->sources, w->src_hash);
}

static void stage_distinct(struct shard *s, const struct work *w)
{
	if (w->note)
		return;
	add_targets(s, w);
	/* a later packet of the chunk may have taken the place of this target */
	if (w->target != HIN_NONE &&
	    target_head_at(s, w->target / HIN_TARGET_WAYS)->tags[w->target % HIN_TARGET_WAYS] ==
		    w->target_hash)
		(void)hin_distinct_add(&s->pool, &target_at(s, w->target)->sources, w->src_hash);
}

/* Stage the packet while its source is new: the first packets are the evidence. */
static void stage_evidence(struct shard *s, const struct work *w, const struct hin_frame *frames)
{
	uint32_t at;

	if (w->note || !w->first || w->event == HIN_NONE)
		return;
	at = event_at(s, w->event)->source;
	hin_stage_add(&s->stage, at, source_at(s, at)->hash, w->class, &frames[w->p->frame]);
}

/* Where no dark space is known: what a packet means depends on all that was said before it. */
static void take_in_turn(struct shard *s, struct work *work, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		s->stamp++;
		stage_find(s, &work[i]);
		stage_count(s, &work[i]);
		stage_distinct(s, &work[i]);
	}
}

static void take_staged(struct shard *s, struct work *work, size_t count)
{
	if (s->taken % CHUNK == 0)
		s->stamp++;
	for (size_t i = 0; i < count; i++)
		stage_find(s, &work[i]);
	for (size_t i = 0; i < count; i++)
		stage_count(s, &work[i]);
	for (size_t i = 0; i < count; i++)
		stage_distinct(s, &work[i]);
}

void hin_shard_take(struct shard *s, const struct hin_packet *packets,
		    const struct hin_frame *frames, const uint16_t *which, size_t count, bool flows)
{
	struct work work[CHUNK];

	while (count > 0) {
		/* a chunk that a batch cut goes on in the next one, so that batches change nothing
		 */
		size_t n = CHUNK - s->taken % CHUNK;

		if (n > count)
			n = count;
		for (size_t i = 0; i < n; i++) {
			work[i].p = &packets[which[i] & ~HIN_NOTE];
			work[i].note = (which[i] & HIN_NOTE) != 0;
			stage_hash(s, &work[i]);
		}
		for (size_t i = 0; i < n; i++)
			stage_fetch(s, &work[i]);
		if (s->two_way)
			take_in_turn(s, work, n);
		else
			take_staged(s, work, n);
		if (s->stage.ring != NULL)
			for (size_t i = 0; i < n; i++)
				stage_evidence(s, &work[i], frames);
		if (flows)
			for (size_t i = 0; i < n; i++)
				if (!work[i].note)
					flow_count(s, &work[i]);
		s->taken += n;
		which += n;
		count -= n;
	}
}

void hin_shard_drop_flows(struct shard *s)
{
	uint32_t rule = s->flows.limit / HIN_FLOW_FLUSH;

	if (s->flows.used > rule) /* a busy source's: not to be kept for it */
		(void)madvise(s->flows.base, (size_t)s->flows.used * sizeof(struct flow),
			      MADV_DONTNEED);
	memset(s->flow_index.slots, 0, ((size_t)s->flow_index.mask + 1) * sizeof(uint32_t));
	s->flow_index.used = 0;
	s->flows.used = s->flows.live = 0;
	s->flows.free = HIN_NONE;
}

/* Find a target's entry by what names it, or HIN_NONE. */
uint32_t hin_shard_find_target(const struct shard *s, const struct hin_addr *addr,
			       enum hin_class class, uint16_t port)
{
	uint32_t hash = target_hash(s, addr, class, port);
	uint32_t bucket = target_bucket(s, hash);
	const struct target_head *head = target_head_at(s, bucket);

	for (unsigned i = 0; i < HIN_TARGET_WAYS; i++) {
		uint32_t at = bucket * HIN_TARGET_WAYS + i;
		const struct target *t = target_at(s, at);

		if (head->tags[i] == hash && t->class == class && t->port == port &&
		    hin_addr_equal(&t->addr, addr))
			return at;
	}
	return HIN_NONE;
}

uint32_t hin_shard_answers(const struct shard *s, const struct hin_addr *addr, enum hin_class class,
			   uint16_t port)
{
	uint32_t source = source_find(s, addr, subject_hash(s, addr, false), false);
	uint32_t event = source == HIN_NONE ? HIN_NONE
					    : hin_shard_find_event(s, source, key_of(class, port));

	return event == HIN_NONE ? 0 : event_cold_at(s, event)->talked;
}

void hin_shard_drop_target(struct shard *s, uint32_t at)
{
	struct target *t = target_at(s, at);

	hin_distinct_clear(&s->pool, &t->sources);
	t->packets = 0;
	target_head_at(s, at / HIN_TARGET_WAYS)->tags[at % HIN_TARGET_WAYS] = 0;
}

void hin_shard_drop_event(struct shard *s, uint32_t at)
{
	event_remove(s, at);
}

void hin_shard_drop_source(struct shard *s, uint32_t at)
{
	source_remove(s, at);
}
