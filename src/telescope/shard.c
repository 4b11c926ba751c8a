#include "telescope/shard_work_priv.h"

#include <assert.h>

#define CHUNK 64 /* packets whose memory is fetched ahead together */

static_assert(sizeof(struct target) == 64, "a target is one cache line");
static_assert(sizeof(struct target_head) == 32, "two heads are one cache line");

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
		hin_stage_fini(&shards[i].target_stage);
		pools[i] = &shards[i].pool;
	}
	hin_distinct_fini_family(pools, HIN_SHARDS);
}

/* ---- one packet ---- */

/*
 * Count a packet. What senders do is mixed at random, so that branches would be guessed wrong:
 * there is none but for what is rare.
 */
static inline __attribute__((always_inline)) void event_count(struct shard *s, struct event *e,
							      uint32_t at, const struct work *w,
							      uint32_t marks)
{
	const struct hin_packet *p = w->p;
	uint8_t tool = (uint8_t)(marks & HIN_MARK_TOOL);
	bool marked = tool != HIN_SIGN_NONE;
	bool same_minute = w->minute == e->minute;
	uint32_t peak = event_peak(e);

	/* both were set when it began; who is not before the last is not before the first */
	if (HIN_UNLIKELY(p->time_us < e->last_us) && p->time_us < e->first_us)
		e->first_us = p->time_us;
	e->last_us = (int64_t)pick64(p->time_us > e->last_us, (uint64_t)p->time_us,
				     (uint64_t)e->last_us);
	e->packets++;
	e->bytes += p->bytes;
	e->stamp = s->stamp;
	/* majority vote (Boyer and Moore): who holds more than half is never lost */
	e->tool = (uint8_t)pick32(marked & (e->marks == 0), tool, e->tool);
	e->marks += (uint32_t)marked * (2 * (uint32_t)(e->tool == tool) - 1);
	e->flags |= (uint8_t)((marked & ((marks & HIN_MARK_SHAPE) != 0)) * EVENT_SHAPE);
	e->peak = pick32(same_minute, e->peak, peak);
	e->minute = w->minute;
	e->minute_packets = pick32(same_minute, e->minute_packets, 0) + 1;
	if (HIN_UNLIKELY(w->class >= HIN_CLASS_TCP_ANSWER)) {
		if (p->kind == HIN_TCP_SYN_ACK)
			event_cold_at(s, at)->syn_acks++;
		else if (p->flags & HIN_PACKET_QUOTE)
			event_cold_at(s, at)->icmp_errors++;
	}
}

/* Two more signatures, which only pairs of packets of one source show; `e` keeps the last one. */
static uint32_t pair_marks(struct event *e, const struct hin_packet *p)
{
	uint32_t marks = p->marks;
	uint32_t key, pair;

	if (p->kind != HIN_TCP_SYN || (marks & HIN_MARK_V6))
		return marks;
	key = p->seq ^ hin_addr_v4(&p->dst) ^ ((uint32_t)p->sport << 16 | p->dport);
	pair = p->seq ^ e->last_seq;
	if (marks & HIN_MARK_NMAP_SHAPE) {
		/* nmap's engine: sequence = mask ^ (n << 16 | n), the mask constant in a run; the
		   same sequence to the same target is only sent again */
		if ((e->flags & EVENT_NMAP_SEQ) && key != e->run_key &&
		    pair >> 16 == (pair & 0xffff))
			marks = (marks & ~(uint32_t)HIN_MARK_TOOL) | HIN_SIGN_NMAP | HIN_MARK_SHAPE;
		e->flags |= EVENT_NMAP_SEQ;
	} else {
		if (key == e->run_key && pair != 0 && (marks & HIN_MARK_TOOL) != HIN_SIGN_MIRAI)
			marks = (marks & ~(uint32_t)HIN_MARK_TOOL) | HIN_SIGN_UNICORNSCAN |
				HIN_MARK_SHAPE;
		e->flags &= (uint8_t)~EVENT_NMAP_SEQ;
	}
	e->run_key = key;
	e->last_seq = p->seq;
	return marks;
}

/* ---- stages ---- */

static uint32_t any_key(const struct work *w)
{
	return hin_event_key((enum hin_class)w->class, 0) | HIN_KEY_ANY;
}

static void stage_hash(struct shard *s, struct work *w)
{
	const struct hin_packet *p = w->p;

	w->class = (uint8_t)(p->key >> HIN_KEY_CLASS);
	w->key = p->key;
	if (HIN_LIKELY(!w->note)) {
		w->subject = &p->src;
		w->hash = p->hash;
		if (HIN_UNLIKELY(p->flags & HIN_PACKET_QUOTE))
			w->subject = hin_subject(p);
	} else {
		w->subject = &p->dst;
		w->hash = hin_subject_hash(s->secret, w->subject);
	}
	w->v4 = hin_addr_v4(w->subject);
	w->event_hash = hin_event_hash(s, w->hash, w->key);
	w->dst_hash = hin_distinct_hash_addr(&p->dst);
	if (HIN_UNLIKELY((uint64_t)(p->time_us - s->minute_us) >= MINUTE_US)) {
		s->minute = (uint32_t)(p->time_us / MINUTE_US);
		s->minute_us = p->time_us - p->time_us % MINUTE_US;
	}
	w->minute = s->minute;
	w->event = w->any = w->full = HIN_NONE;
	w->port = NULL;
	w->first = w->network = w->new_port = false;
	hin_index_fetch(&s->event_index, w->event_hash);
}

static inline __attribute__((always_inline)) void fetch_event(const struct shard *s, uint32_t at)
{
	__builtin_prefetch(event_at(s, at), 1);
	__builtin_prefetch((const uint8_t *)event_at(s, at) + 64, 1);
}

static void stage_fetch(struct shard *s, struct work *w)
{
	uint32_t at = hin_index_guess(&s->event_index, w->event_hash);

	w->guess = at;
	if (HIN_LIKELY(at != HIN_NONE))
		__builtin_prefetch(event_at(s, at), 1); /* its first line; stage_find() goes on */
	if (at == HIN_NONE || s->two_way) {
		w->any_hash = hin_event_hash(s, w->hash, any_key(w));
		hin_index_fetch(&s->event_index, w->any_hash);
		hin_index_fetch(&s->source_index, (uint32_t)w->hash);
	}
}

/* A port that seems new to the source: its source, and its event of all ports. */
static void stage_fetch_missing(struct shard *s, const struct work *w)
{
	uint32_t at;

	if (w->guess != HIN_NONE && !s->two_way)
		return;
	hin_port_fetch(s, w);
	at = hin_index_guess(&s->source_index, (uint32_t)w->hash);
	if (at != HIN_NONE)
		__builtin_prefetch(source_at(s, at), 1);
	at = hin_index_guess(&s->event_index, w->any_hash);
	if (at != HIN_NONE) {
		fetch_event(s, at);
		__builtin_prefetch(event_cold_at(s, at), 1);
	}
}

static void mark_source(struct source *source, const struct hin_packet *p)
{
	source->flags |= (uint8_t)((p->marks & HIN_MARK_BOGON ? SOURCE_BOGON : 0) |
				   (p->marks & HIN_MARK_UNROUTABLE ? SOURCE_UNROUTABLE : 0) |
				   (p->marks & HIN_MARK_SPOOFED ? SOURCE_SPOOFED : 0) |
				   (p->marks & HIN_MARK_MEMBER ? SOURCE_MEMBER : 0));
}

#define MARKS_OF_SOURCE (HIN_MARK_BOGON | HIN_MARK_UNROUTABLE | HIN_MARK_SPOOFED | HIN_MARK_MEMBER)

static inline bool is_event_of(const struct event *e, uint32_t v4, uint32_t key)
{
	return HIN_LIKELY((e->v4 == v4) & (e->key == key) & ((e->flags & EVENT_USED) != 0));
}

static __attribute__((noinline)) uint32_t find_v4(const struct shard *s, uint32_t v4, uint32_t key,
						  uint32_t hash)
{
	struct hin_index_search search = hin_index_search(&s->event_index, hash);
	uint32_t at;

	while ((at = hin_index_next(&s->event_index, hash, &search)) != HIN_NONE)
		if (is_event_of(event_at(s, at), v4, key))
			break;
	return at;
}

static inline __attribute__((always_inline)) bool use_event(struct shard *s, struct work *w,
							    uint32_t at, struct event *e)
{
	w->event = at;
	w->port = e;
	w->any = e->any;
	e->stamp = s->stamp; /* not to be evicted before it is counted */
	if (HIN_UNLIKELY(w->p->marks & MARKS_OF_SOURCE))
		mark_source(source_at(s, e->source), w->p);
	return true;
}

/* The same where the guess was wrong: the event may be new, or there is only that of all ports. */
static __attribute__((noinline)) bool find_again(struct shard *s, struct work *w)
{
	uint32_t at = find_v4(s, w->v4, w->key, w->event_hash), key = any_key(w);
	struct event *e;

	if (at != HIN_NONE)
		return use_event(s, w, at, event_at(s, at));
	at = find_v4(s, w->v4, key, hin_event_hash(s, w->hash, key));
	if (at == HIN_NONE)
		return false;
	e = event_at(s, at);
	if ((e->flags & EVENT_FULL) == 0)
		return false;
	(void)use_event(s, w, at, e);
	w->event = HIN_NONE;
	w->port = NULL;
	w->any = at;
	w->new_port = true;
	s->lost.ports_merged++;
	return true;
}

/*
 * Find the events of a packet whose source has tried this port before, or so many that this one
 * gets none of its own, by the events alone: nearly all packets. False for others, and where
 * conversations must be followed.
 */
static inline __attribute__((always_inline)) bool find_known(struct shard *s, struct work *w)
{
	if (HIN_UNLIKELY(s->two_way | ((w->p->marks & HIN_MARK_V6) != 0) |
			 (w->subject != &w->p->src)))
		return false;
	if (w->guess != HIN_NONE) {
		struct event *e = event_at(s, w->guess);

		if (is_event_of(e, w->v4, w->key))
			return use_event(s, w, w->guess, e);
	}
	return find_again(s, w);
}

/* The same by the source, which may be new. False for a packet of a conversation. */
static __attribute__((noinline)) bool find_by_source(struct shard *s, struct work *w)
{
	const struct hin_packet *p = w->p;
	uint32_t at = hin_source_find(s, w->subject, w->hash, w->network);
	struct source *source;

	if (at == HIN_NONE)
		at = hin_source_add(s, w->subject, w->hash, w->network, p->time_us);
	if (at == HIN_NONE)
		return true;
	source = source_at(s, at);
	source->stamp = s->stamp;
	if ((source->flags & SOURCE_SEEN) == 0) {
		source->flags |= SOURCE_SEEN;
		s->sources_seen += !w->network;
		if (!w->network && (p->flags & HIN_PACKET_QUOTE) == 0)
			(void)hin_distinct_add(&s->pool, &s->all_sources, hin_work_source(w));
	}
	source->weight++;
	if (p->time_us > source->last_us)
		source->last_us = p->time_us;
	if (w->subject == &p->src && (p->marks & MARKS_OF_SOURCE))
		mark_source(source, p);
	if (s->two_way && hin_conversation_has(s, at, w))
		return false;
	if (w->class == HIN_CLASS_MISC)
		return true;
	if (w->network)
		(void)hin_distinct_add(&s->pool, &source->members, hin_work_source(w));
	w->event = hin_event_find(s, at, w->hash, w->key);
	if (w->event != HIN_NONE)
		event_at(s, w->event)->stamp = s->stamp;
	/* an event that is not begun was only expected to answer so far */
	if (w->event == HIN_NONE || (event_at(s, w->event)->flags & EVENT_BEGUN) == 0)
		hin_event_begin(s, at, w);
	else
		w->any = event_at(s, w->event)->any;
	if (w->event != HIN_NONE)
		w->port = event_at(s, w->event);
	return true;
}

/* Note an address that the packet's event went to. */
static inline __attribute__((always_inline)) void push_target(struct shard *s, struct event *e,
							      uint32_t at, struct work *w)
{
	if (HIN_UNLIKELY(e->pending_count == HIN_EVENT_PENDING))
		hin_event_settle(s, at); /* filled by this very chunk */
	e->pending[e->pending_count++] = w->dst_hash;
	if (e->pending_count < HIN_EVENT_PENDING)
		return;
	w->full = at;
	for (unsigned i = 0; i < HIN_EVENT_PENDING; i++)
		hin_distinct_prefetch(&s->pool, &e->targets, e->pending[i]);
}

/* Count the packet for its events. */
static inline __attribute__((always_inline)) void count_events(struct shard *s, struct work *w)
{
	struct event *unit, *port = w->port;
	uint32_t marks, unit_at;

	if (HIN_LIKELY(port != NULL)) /* it may have been born since, by a later packet */
		w->any = port->any;
	unit_at = pick32(w->any != HIN_NONE, w->any, w->event);
	if (HIN_UNLIKELY(unit_at == HIN_NONE))
		return;
	unit = event_at(s, unit_at);
	marks = pair_marks(unit, w->p);
	event_count(s, unit, unit_at, w, marks);
	w->first = unit->packets <= HIN_VAULT_PACKETS;
	if (port != NULL && port != unit)
		event_count(s, port, w->event, w, marks);
	if (HIN_UNLIKELY(s->two_way))
		return; /* there they are needed at once: add_targets() */
	if (HIN_UNLIKELY(w->new_port))
		hin_distinct_prefetch(&s->pool, &event_cold_at(s, w->any)->ports, w->key & 0xffff);
	push_target(s, unit, unit_at, w);
	if (HIN_UNLIKELY(port != NULL && port != unit && hin_ports_keep_targets(s, w)))
		push_target(s, port, w->event, w);
}

/* Where no dark space is known, what was asked of whom is asked for with the next packet. */
static void add_targets(struct shard *s, const struct work *w)
{
	if (w->event != HIN_NONE)
		(void)hin_distinct_add(&s->pool, &event_at(s, w->event)->targets, w->dst_hash);
	if (w->any != HIN_NONE)
		(void)hin_distinct_add(&s->pool, &event_at(s, w->any)->targets, w->dst_hash);
}

/* IPv6: the same once more for the /64, so that a scanner that changes addresses is one. */
static __attribute__((noinline)) void take_network(struct shard *s, const struct work *w)
{
	struct work net = *w;
	struct hin_addr prefix = w->p->src;

	memset(prefix.b + 8, 0, 8);
	net.subject = &prefix;
	net.hash = hin_source_hash(s, &prefix, true);
	net.event_hash = hin_event_hash(s, net.hash, net.key);
	net.event = net.any = HIN_NONE;
	net.port = NULL;
	net.network = true;
	net.new_port = false;
	(void)find_by_source(s, &net);
	count_events(s, &net);
	if (net.new_port)
		hin_event_add_port(s, &net);
	if (s->two_way)
		add_targets(s, &net);
	else if (net.full != HIN_NONE)
		hin_event_settle(s, net.full);
}

static inline __attribute__((always_inline)) void stage_find(struct shard *s, struct work *w)
{
	uint32_t at;

	if (HIN_UNLIKELY(w->note)) {
		hin_conversation_note(s, w);
		return;
	}
	/* of conversations only data counts for the target: it tells a busy server from a flood */
	if (!find_known(s, w) && !find_by_source(s, w) &&
	    (w->class != HIN_CLASS_ACK || (w->p->flags & HIN_PACKET_PAYLOAD) == 0))
		w->target_hash = 0;
	at = pick32(w->any != HIN_NONE, w->any, w->event);
	if (HIN_LIKELY(at != HIN_NONE))
		fetch_event(s, at);
	if (HIN_UNLIKELY(w->p->marks & HIN_MARK_V6) && w->class < HIN_CLASS_TCP_ANSWER &&
	    w->event != HIN_NONE)
		take_network(s, w);
}

static void stage_distinct(struct shard *s, const struct work *w)
{
	if (HIN_UNLIKELY(w->new_port))
		hin_event_add_port(s, w);
	if (HIN_UNLIKELY(w->full != HIN_NONE))
		hin_event_settle(s, w->full);
}

/* Stage the packet while its source or its target is new: the first packets are the evidence. */
static void stage_evidence(struct shard *s, const struct work *w, const struct hin_frame *frames)
{
	const struct hin_frame *frame = &frames[w->p->frame];

	if (w->note)
		return;
	if (w->first && w->event != HIN_NONE) {
		uint32_t at = event_at(s, w->event)->source;

		hin_stage_add(&s->stage, at, source_at(s, at)->hash, w->class, frame);
	}
	if (w->first_of_target && w->target != HIN_NONE)
		hin_stage_add(&s->target_stage, w->target, w->target_hash, w->class, frame);
}

/* Where no dark space is known: what a packet means depends on all that was said before it. */
static void take_in_turn(struct shard *s, struct work *work, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct work *w = &work[i];

		s->stamp++;
		stage_find(s, w);
		if (w->note)
			continue;
		count_events(s, w);
		hin_targets_count(s, w, 1);
		stage_distinct(s, w);
		add_targets(s, w);
		hin_targets_add_sources(s, w, 1);
	}
}

static void take_staged(struct shard *s, struct work *work, size_t count)
{
	if (s->taken % CHUNK == 0)
		s->stamp++;
	for (size_t i = 0; i < count; i++)
		stage_find(s, &work[i]);
	for (size_t i = 0; i < count; i++)
		count_events(s, &work[i]);
	hin_targets_count(s, work, count);
	for (size_t i = 0; i < count; i++)
		stage_distinct(s, &work[i]);
	hin_targets_add_sources(s, work, count);
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
		hin_targets_hash(s, work, n);
		for (size_t i = 0; i < n; i++)
			stage_fetch(s, &work[i]);
		if (flows)
			hin_flows_hash(s, work, n);
		for (size_t i = 0; i < n; i++)
			stage_fetch_missing(s, &work[i]);
		if (s->two_way)
			take_in_turn(s, work, n);
		else
			take_staged(s, work, n);
		if (s->stage.ring != NULL)
			for (size_t i = 0; i < n; i++)
				stage_evidence(s, &work[i], frames);
		if (flows)
			hin_flows_count(s, work, n);
		s->taken += n;
		which += n;
		count -= n;
	}
}
