/* target - what was done to each address and port: the table of those that were hit most. */
#include "telescope/shard_work_priv.h"

bool hin_target_wanted(const struct hin_packet *p, enum hin_class class, uint16_t role_port,
		       uint16_t *port)
{
	switch (class) {
	case HIN_CLASS_SYN:
	case HIN_CLASS_UDP:
	case HIN_CLASS_TCP_OTHER:
	case HIN_CLASS_UDP_ANSWER:
		*port = role_port;
		return (p->flags & HIN_PACKET_QUOTE) == 0;
	case HIN_CLASS_ACK:
		*port = role_port;
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

uint32_t hin_target_hash(const struct shard *s, const struct hin_addr *dst, unsigned class,
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

void hin_target_fetch_head(const struct shard *s, uint32_t hash)
{
	__builtin_prefetch(target_head_at(s, target_bucket(s, hash)), 1);
}

void hin_target_fetch(const struct shard *s, uint32_t hash)
{
	uint32_t bucket = target_bucket(s, hash);
	const struct target_head *head = target_head_at(s, bucket);
	unsigned way = target_way(head, hash);

	if (head->tags[way] == 0 || head->tags[way] == hash)
		__builtin_prefetch(target_at(s, bucket * HIN_TARGET_WAYS + way), 1);
}

uint32_t hin_target_count(struct shard *s, const struct work *w)
{
	const struct hin_packet *p = w->p;
	uint32_t at = target_get(s, w);
	struct target *t;

	if (at == HIN_NONE)
		return HIN_NONE;
	t = target_at(s, at);
	if (HIN_UNLIKELY(++t->packets == 0))
		t->packets_high++;
	if (t->packets > 1 || t->packets_high > 0)
		target_count_cold(s, at, p);
	t->bytes += p->bytes;
	if (p->time_us > t->last_us)
		t->last_us = p->time_us;
	if (w->minute != t->minute) {
		t->peak = target_peak(t);
		t->minute = w->minute;
		t->minute_packets = 0;
	}
	t->minute_packets++;
	return at;
}

bool hin_target_holds(const struct shard *s, uint32_t target, uint32_t hash)
{
	return target_head_at(s, target / HIN_TARGET_WAYS)->tags[target % HIN_TARGET_WAYS] == hash;
}

/* Find a target's entry by what names it, or HIN_NONE. */
uint32_t hin_shard_find_target(const struct shard *s, const struct hin_addr *addr,
			       enum hin_class class, uint16_t port)
{
	uint32_t hash = hin_target_hash(s, addr, class, port);
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
