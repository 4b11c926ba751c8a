/* flow - one row a minute and 5-tuple. */
#include <sys/mman.h>

#include "telescope/shard_work_priv.h"

static uint32_t flow_hash_of(const void *user, uint32_t at)
{
	return flow_at(user, at)->hash;
}

void hin_flows_hash(const struct shard *s, struct work *work, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct hin_packet *p = work[i].p;
		uint64_t ports = (uint64_t)p->sport << 32 | (uint64_t)p->dport << 16 | p->proto;

		work[i].flow_hash = (uint32_t)hin_mix(hin_subject_hash(s->secret, &p->src) ^ ports,
						      hin_subject_hash(s->secret, &p->dst) | 1);
		hin_index_fetch(&s->flow_index, work[i].flow_hash);
	}
}

static void flow_count(struct shard *s, const struct work *w)
{
	const struct hin_packet *p = w->p;
	uint32_t hash = w->flow_hash;
	struct hin_index *index = &s->flow_index;
	struct hin_index_search search = hin_index_search(index, hash);
	struct flow *flow;
	uint32_t at;

	while ((at = hin_index_next(index, hash, &search)) != HIN_NONE) {
		flow = flow_at(s, at);
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

void hin_flows_count(struct shard *s, const struct work *work, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!work[i].note)
			flow_count(s, &work[i]);
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
