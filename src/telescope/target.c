/* target - what was done to each address and port: the table of those that were hit most. */
#include "telescope/shard_work_priv.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Does the packet count for its destination, and under which port? */
static bool counts_for_target(const struct hin_packet *p, enum hin_class class, uint16_t role_port,
			      uint16_t *port)
{
	*port = role_port;
	if (HIN_LIKELY(class == HIN_CLASS_SYN))
		return true;
	switch (class) {
	case HIN_CLASS_SYN:
	case HIN_CLASS_UDP:
	case HIN_CLASS_TCP_OTHER:
	case HIN_CLASS_UDP_ANSWER:
		break;
	case HIN_CLASS_ACK:
		return true;
	case HIN_CLASS_ICMP:
	case HIN_CLASS_ICMP_ANSWER:
		*port = p->sport; /* the type */
		break;
	case HIN_CLASS_TCP_ANSWER:
		*port = 0;
		break;
	case HIN_CLASS_MISC:
	case HIN_CLASS_COUNT:
		*port = p->proto;
		return p->kind == HIN_FRAGMENT;
	}
	return (p->flags & HIN_PACKET_QUOTE) == 0;
}

static uint32_t target_hash(const struct shard *s, uint32_t dst_hash, unsigned class, uint16_t port)
{
	uint64_t hash = hin_mix(dst_hash ^ s->secret[0], (class << 16 | port) ^ s->secret[1]);

	return (uint32_t)hash | 1; /* zero means free */
}

static uint32_t target_bucket(const struct shard *s, uint32_t hash)
{
	return (hash >> 1) & (s->target_buckets - 1);
}

/* The ways of a bucket whose tag is `tag`, a bit each. */
static inline unsigned ways_of(const struct target_head *head, uint32_t tag)
{
#ifdef __SSE2__
	__m128i tags = _mm_load_si128((const __m128i *)(const void *)head->tags);

	return (unsigned)_mm_movemask_ps(
		_mm_castsi128_ps(_mm_cmpeq_epi32(tags, _mm_set1_epi32((int)tag))));
#else
	unsigned ways = 0;

	for (unsigned i = 0; i < HIN_TARGET_WAYS; i++)
		ways |= (unsigned)(head->tags[i] == tag) << i;
	return ways;
#endif
}

static unsigned lightest_way(const struct target_head *head)
{
	unsigned least = 0;

	for (unsigned i = 1; i < HIN_TARGET_WAYS; i++)
		if (head->packets[i] < head->packets[least])
			least = i;
	return least;
}

/*
 * Someone without an entry asks for a place in a full bucket. Only who holds the majority of those
 * that ask gets in (Boyer and Moore), and not before the lightest has fewer packets than it
 * knocked: heavy targets find their place among any number of light ones, which touch this head
 * alone. True when it has knocked often enough; who knocks is random, so no branch asks.
 */
static inline bool knock(struct target_head *head, uint32_t hash)
{
	unsigned knocks = head->knocks;
	bool same = head->knocking == hash, vacant = knocks == 0;

	head->knocking = pick32(vacant, hash, head->knocking);
	head->knocks = (uint8_t)(knocks - 1 + 2 * (unsigned)(same | vacant));
	return same & (head->knocks >= HIN_TARGET_KNOCKS);
}

/* May who knocked often enough take the place of the lightest? */
static bool let_in(struct target_head *head, unsigned lightest)
{
	if (head->packets[lightest] > head->knocks) {
		/* the standing of those inside wears off, so that a new minute can have new heroes
		 */
		head->packets[lightest] -= HIN_TARGET_KNOCKS;
		return false;
	}
	head->knocks = 0;
	return true;
}

/* A new entry, in a free way of the bucket or in place of the lightest, who has to go. */
static uint32_t target_begin(struct shard *s, struct target_head *head, unsigned way,
			     const struct work *w)
{
	uint32_t at = target_bucket(s, w->target_hash) * HIN_TARGET_WAYS + way;
	struct target *t = target_at(s, at);
	const struct hin_packet *p = w->p;

	if (head->tags[way] != 0) {
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

/* Find or make the target's entry; HIN_NONE when its bucket is full of heavier ones. */
static inline uint32_t target_get(struct shard *s, const struct work *w)
{
	struct target_head *head = w->head;
	unsigned ways = ways_of(head, w->target_hash), way;

	if (HIN_UNLIKELY(ways != 0)) {
		uint32_t at = target_bucket(s, w->target_hash) * HIN_TARGET_WAYS +
			      (way = (unsigned)__builtin_ctz(ways));
		const struct target *t = target_at(s, at);

		if (HIN_LIKELY(t->class == w->class && t->port == w->target_port &&
			       hin_addr_equal(&t->addr, &w->p->dst))) {
			if (head->packets[way] < 255)
				head->packets[way]++;
			return at;
		}
	} else {
		ways = ways_of(head, 0);
		if (HIN_UNLIKELY(ways != 0))
			return target_begin(s, head, (unsigned)__builtin_ctz(ways), w);
	}
	if (HIN_LIKELY(!knock(head, w->target_hash)))
		return HIN_NONE;
	way = ways != 0 ? (unsigned)__builtin_ctz(ways) : lightest_way(head);
	return let_in(head, way) ? target_begin(s, head, way, w) : HIN_NONE;
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

#define SKIPPED 4 /* packets of a target that are no evidence: scanners send as many to anyone */

static void target_count(struct shard *s, uint32_t at, struct work *w)
{
	const struct hin_packet *p = w->p;
	struct target *t = target_at(s, at);

	if (HIN_UNLIKELY(++t->packets == 0))
		t->packets_high++;
	if (t->packets > 1 || t->packets_high > 0)
		target_count_cold(s, at, p);
	w->first_of_target = t->packets > SKIPPED && t->packets <= SKIPPED + HIN_VAULT_PACKETS;
	t->bytes += p->bytes;
	if (p->time_us > t->last_us)
		t->last_us = p->time_us;
	if (w->minute != t->minute) {
		t->peak = target_peak(t);
		t->minute = w->minute;
		t->minute_packets = 0;
	}
	t->minute_packets++;
	hin_distinct_prefetch(&s->pool, &t->sources, hin_work_source(w));
}

void hin_targets_hash(struct shard *s, struct work *work, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct work *w = &work[i];

		w->target = HIN_NONE;
		w->first_of_target = false;
		w->target_hash = 0;
		if (w->note || !counts_for_target(w->p, (enum hin_class)w->class, (uint16_t)w->key,
						  &w->target_port))
			continue;
		w->target_hash = target_hash(s, w->dst_hash, w->class, w->target_port);
		w->head = target_head_at(s, target_bucket(s, w->target_hash));
		__builtin_prefetch(w->head, 1);
	}
}

void hin_targets_count(struct shard *s, struct work *work, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct work *w = &work[i];

		if (HIN_UNLIKELY(w->target_hash == 0))
			continue;
		w->target = target_get(s, w);
		if (HIN_UNLIKELY(w->target != HIN_NONE))
			target_count(s, w->target, w);
	}
}

void hin_targets_add_sources(struct shard *s, const struct work *work, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct work *w = &work[i];
		const struct target_head *head;

		if (HIN_LIKELY(w->target == HIN_NONE))
			continue;
		/* a later packet of the chunk may have taken the place of this target */
		head = target_head_at(s, w->target / HIN_TARGET_WAYS);
		if (head->tags[w->target % HIN_TARGET_WAYS] == w->target_hash)
			(void)hin_distinct_add(&s->pool, &target_at(s, w->target)->sources,
					       hin_work_source(w));
	}
}

/* Find a target's entry by what names it, or HIN_NONE. */
uint32_t hin_shard_find_target(const struct shard *s, const struct hin_addr *addr,
			       enum hin_class class, uint16_t port)
{
	uint32_t hash = target_hash(s, hin_distinct_hash_addr(addr), class, port);
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

void hin_shard_drop_target(struct shard *s, uint32_t at)
{
	struct target *t = target_at(s, at);

	hin_distinct_clear(&s->pool, &t->sources);
	t->packets = 0;
	target_head_at(s, at / HIN_TARGET_WAYS)->tags[at % HIN_TARGET_WAYS] = 0;
}
