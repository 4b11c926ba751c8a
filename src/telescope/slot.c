/*
 * slot - what becomes of a batch of frames in one thread: packets, their marks, counts, and a list
 * for each shard of the packets that are its own.
 */
#include <assert.h>
#include <netinet/in.h>

#include "telescope/telescope_priv.h"

/* ---- the dark space ---- */

/* Tick off the dark address of number `at`. */
static inline __attribute__((always_inline)) void dark_tick(struct hin_telescope *t, uint32_t at)
{
	_Atomic uint8_t *byte = (_Atomic uint8_t *)&t->dark_seen[at / 8];
	uint8_t bit = (uint8_t)(1u << at % 8);

	/* relaxed: bits are only ever set, and read when all threads are done */
	if (HIN_UNLIKELY((atomic_load_explicit(byte, memory_order_relaxed) & bit) == 0))
		atomic_fetch_or_explicit(byte, bit, memory_order_relaxed);
}

static inline void dark_see(struct hin_telescope *t, const struct hin_addr *dst)
{
	uint32_t low = 0, high = (uint32_t)t->dark_range_count;

	if (!hin_addr_is_v4(dst))
		return;
	while (HIN_UNLIKELY(high - low > 1)) {
		uint32_t middle = (low + high) / 2;

		if (t->dark_ranges[middle].first <= hin_addr_v4(dst))
			low = middle;
		else
			high = middle;
	}
	dark_tick(t, t->dark_ranges[low].offset + (hin_addr_v4(dst) - t->dark_ranges[low].first));
}

/* ---- counters ---- */

static inline bool is_tcp(unsigned kind)
{
	return kind <= HIN_TCP_OTHER;
}

static_assert(HIN_TCP_SYN == 0 && HIN_TCP_OTHER < HIN_UDP, "the kinds of TCP come first");

/* What is counted as soon as a packet is decoded, beside its kind, size and time. */
static inline void count_packet(struct counters *c, const struct hin_packet *p)
{
	if (HIN_UNLIKELY(!is_tcp(p->kind))) {
		c->protocols[p->proto]++;
		if (p->kind == HIN_ICMP)
			c->icmp_types[p->sport & 0xff]++;
		else if (p->kind == HIN_ICMP6)
			c->icmp6_types[p->sport & 0xff]++;
		c->router_kill += (p->flags & HIN_PACKET_ROUTER_KILL) != 0;
	}
	if (HIN_UNLIKELY(p->marks & (HIN_MARK_BOGON | HIN_MARK_SPOOFED | HIN_MARK_UNROUTABLE))) {
		c->bogon += (p->marks & HIN_MARK_BOGON) != 0;
		c->spoofed += (p->marks & HIN_MARK_SPOOFED) != 0;
		c->unroutable += (p->marks & HIN_MARK_UNROUTABLE) != 0;
	}
	if (HIN_UNLIKELY(p->flags & (HIN_PACKET_FRAGMENTED | HIN_PACKET_TUNNELLED))) {
		c->fragments += (p->flags & HIN_PACKET_FRAGMENTED) != 0;
		c->tunnelled += (p->flags & HIN_PACKET_TUNNELLED) != 0;
	}
	if (HIN_UNLIKELY(p->refusal != HIN_REFUSED_NOTHING))
		c->refused[p->refusal]++;
}

/* The sums of a slot, when all its frames are decoded. */
static void count_slot(struct counters *c, const struct slot *slot)
{
	c->frames += slot->batch.count;
	c->packets += slot->packet_count;
	c->bytes += slot->bytes;
	c->first_us = slot->first_us < c->first_us ? slot->first_us : c->first_us;
	c->last_us = slot->last_us > c->last_us ? slot->last_us : c->last_us;
	for (unsigned kind = 0; kind < HIN_PACKET_KIND_COUNT; kind++) {
		c->kinds[kind] += slot->kinds[kind];
		if (is_tcp(kind))
			c->protocols[IPPROTO_TCP] += slot->kinds[kind];
	}
}

/*
 * Where struct counters counts the port that a packet asks: SYNs and questions by UDP do. Where
 * conversations are followed its key may say that it answers; by itself it asks.
 */
static inline uint32_t asked_port(const struct hin_packet *p, bool two_way)
{
	static const struct {
		uint32_t first;
		uint16_t mask;
	} ports[HIN_CLASS_COUNT] = {
		[HIN_CLASS_SYN] = { 0, UINT16_MAX },
		[HIN_CLASS_ACK... HIN_CLASS_TCP_OTHER] = { HIN_CHANGE_PORTS, 0 },
		[HIN_CLASS_UDP] = { 65536, UINT16_MAX },
		[HIN_CLASS_ICMP... HIN_CLASS_MISC] = { HIN_CHANGE_PORTS, 0 },
	};
	uint32_t class = p->key >> HIN_KEY_CLASS;

	if (HIN_UNLIKELY(two_way && p->kind == HIN_UDP))
		class = hin_packet_role(p, false).class;
	return ports[class].first + (p->dport & ports[class].mask);
}

/* The event's key that a packet counts for; what most packets are takes no branch of its own. */
static inline uint32_t role_key(const struct hin_packet *p, bool two_way)
{
	static const uint8_t classes[] = { [HIN_TCP_SYN] = HIN_CLASS_SYN,
					   [HIN_TCP_SYN_ACK] = HIN_CLASS_TCP_ANSWER,
					   [HIN_TCP_RST] = HIN_CLASS_TCP_ANSWER,
					   [HIN_TCP_ACK] = HIN_CLASS_ACK };
	struct role role;

	if (HIN_LIKELY(p->kind < HIN_COUNT(classes))) {
		uint8_t class = classes[p->kind];

		return hin_event_key((enum hin_class) class,
				     class == HIN_CLASS_TCP_ANSWER ? p->sport : p->dport);
	}
	role = hin_packet_role(p, two_way);
	return hin_event_key((enum hin_class)role.class, role.port);
}

/* File a packet with the shard of its subject; where conversations are followed, of its target. */
static void to_shards(struct hin_telescope *t, struct slot *slot, struct hin_packet *p,
		      uint16_t which, bool two_way)
{
	const struct hin_addr *subject = hin_subject(p);
	unsigned shard;

	p->hash = hin_subject_hash(t->secret, subject);
	shard = hin_shard_of(t->secret, subject, p->hash);
	slot->which[shard][slot->counts[shard]++] = which;
	if (HIN_UNLIKELY(two_way)) {
		shard = hin_shard_of(t->secret, &p->dst, hin_subject_hash(t->secret, &p->dst));
		slot->which[shard][slot->counts[shard]++] = (uint16_t)(which | HIN_NOTE);
	}
}

/* Is it from or to whom nothing may be said of? */
static bool is_excluded(const struct hin_prefix_tree *excluded, const struct hin_packet *p)
{
	return hin_prefix_tree_find(excluded, &p->src) != HIN_PREFIX_NONE ||
	       hin_prefix_tree_find(excluded, &p->dst) != HIN_PREFIX_NONE;
}

/* Drop what goes elsewhere, or nothing may be said of; returns how many packets stay. */
static size_t keep_inside(const struct hin_telescope *t, struct hin_packet *packets, size_t count)
{
	const struct hin_prefix_tree *excluded = t->options.excluded;
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if ((packets[i].marks & HIN_MARK_OUTSIDE) ||
		    (excluded != NULL && is_excluded(excluded, &packets[i])))
			continue;
		if (n < i)
			packets[n] = packets[i];
		n++;
	}
	return n;
}

/* Count `count` packets from the one at `from` on, and hand each to its shard's list. */
static inline __attribute__((always_inline)) void spread(struct hin_telescope *t, struct slot *slot,
							 struct counters *c, size_t from,
							 size_t count, bool count_only)
{
	bool two_way = t->options.dark == NULL, ticked = t->dark_seen != NULL;
	int64_t first_us = slot->first_us, last_us = slot->last_us;
	uint64_t bytes = 0;

	for (size_t i = from; i < from + count; i++) {
		struct hin_packet *p = &slot->packets[i];

		slot->kinds[p->kind]++;
		bytes += p->bytes;
		first_us = p->time_us < first_us ? p->time_us : first_us;
		last_us = p->time_us > last_us ? p->time_us : last_us;
		count_packet(c, p);
		if (ticked)
			dark_see(t, &p->dst);
		p->key = role_key(p, two_way);
		slot->asked[i] = (struct asked){ asked_port(p, two_way), p->bytes };
		if (count_only)
			continue;
		to_shards(t, slot, p, (uint16_t)i, two_way);
		if (HIN_UNLIKELY(p->marks & HIN_MARK_MEMBER) && !two_way)
			slot->members[slot->member_count++] = (uint16_t)i;
	}
	slot->bytes += bytes;
	slot->first_us = first_us;
	slot->last_us = last_us;
}

#define TOGETHER 256 /* packets that stay in the first cache from one step to the next */

void hin_slot_decode(struct hin_telescope *t, struct slot *slot, struct counters *c)
{
	const struct hin_batch *batch = &slot->batch;
	size_t count = 0;

	memset(slot->counts, 0, sizeof(slot->counts));
	memset(slot->kinds, 0, sizeof(slot->kinds));
	slot->member_count = 0;
	slot->bytes = 0;
	slot->first_us = INT64_MAX;
	slot->last_us = INT64_MIN;
	for (size_t at = 0; at < batch->count; at += TOGETHER) {
		size_t end = at + TOGETHER < batch->count ? at + TOGETHER : batch->count;
		struct hin_packet *packets = slot->packets + count;
		size_t decoded = hin_decode_batch(packets, batch->frames, at, end, t->options.decap,
						  c->refused);
		uint32_t marks = hin_mark(packets, decoded, &t->marker);
		size_t n = decoded;

		if ((marks & HIN_MARK_OUTSIDE) || t->options.excluded != NULL)
			n = keep_inside(t, packets, decoded);
		c->outside += decoded - n;
		if (t->options.count_only)
			spread(t, slot, c, count, n, true);
		else
			spread(t, slot, c, count, n, false);
		count += n;
	}
	slot->packet_count = count;
	count_slot(c, slot);
}

void hin_slot_count_minute(struct counters *c, const struct slot *slot)
{
	c->minute_packets += slot->packet_count;
	c->minute_bytes += slot->bytes;
	for (unsigned kind = 0; kind < HIN_PACKET_KIND_COUNT; kind++)
		c->minute_kinds[kind] += slot->kinds[kind];
	for (size_t i = 0; i < slot->packet_count; i++)
		c->ports[slot->asked[i].port] +=
			(uint64_t)slot->asked[i].bytes << PORT_PACKET_BITS | 1;
}
