/*
 * conversation - who asked whom, where no dark space is known.
 *
 * Each packet is also noted with its other side, so that an answer that was asked for is told from
 * backscatter, and a question that was answered from a probe.
 */
#include "telescope/shard_work_priv.h"

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

/* The port under which a question or its answer is filed: ICMP answers have none. */
static uint16_t filed_port(enum hin_class class, uint16_t port)
{
	return class == HIN_CLASS_ICMP_ANSWER ? 0 : port;
}

/* What `source` asked under `key` was answered by p's sender; with `asked` only if it was asked. */
static void note_answer(struct shard *s, uint32_t source, uint64_t hash, uint32_t key, bool asked,
			const struct work *w)
{
	uint32_t event = hin_event_find(s, source, hash, key);

	if (event != HIN_NONE && (!asked || hin_distinct_has(&s->pool, &event_at(s, event)->targets,
							     hin_work_source(w))))
		(void)hin_distinct_add(&s->pool, &event_cold_at(s, event)->ports,
				       hin_work_source(w));
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
	hash = hin_source_hash(s, &prefix, true);
	source = hin_source_find(s, &prefix, hash, true);
	if (source != HIN_NONE)
		note_answer(s, source, hash, key, asked, w);
}

void hin_conversation_note(struct shard *s, const struct work *w)
{
	const struct hin_packet *p = w->p;
	uint32_t source = hin_source_find(s, w->subject, w->hash, false);
	enum hin_class answer = answer_of(w->class);
	uint32_t event = HIN_NONE, key;

	if (answer != HIN_CLASS_MISC) { /* p asks the subject: its answer will be expected */
		key = hin_event_key(answer, filed_port(answer, (uint16_t)(w->key & 0xffff)));
		if (source == HIN_NONE)
			source = hin_source_add(s, w->subject, w->hash, false, p->time_us);
		if (source == HIN_NONE)
			return;
		source_at(s, source)->stamp = s->stamp;
		/* between ports of no known protocol it may be an answer itself */
		if (w->class == HIN_CLASS_UDP)
			note_answers(s, source, hin_event_key(HIN_CLASS_UDP, p->sport), true, w);
		event = hin_event_find(s, source, w->hash, key);
		if (event == HIN_NONE && source_at(s, source)->ports[answer] < HIN_SOURCE_PORTS)
			event = hin_event_add(s, source, key, hin_event_hash(s, w->hash, key),
					      p->time_us);
	} else if (source != HIN_NONE && question_of(w->class) != HIN_CLASS_MISC &&
		   p->kind != HIN_TCP_RST && (p->flags & HIN_PACKET_QUOTE) == 0) {
		/* p answers the subject: what it asked was no probe into the void */
		uint16_t port = w->class == HIN_CLASS_ICMP_ANSWER
					? (uint16_t)((p->kind == HIN_ICMP6 ? 128 : 8) << 8)
					: (uint16_t)(w->key & 0xffff);

		note_answers(s, source, hin_event_key(question_of(w->class), port), false, w);
	}
	if (event != HIN_NONE)
		(void)hin_distinct_add(&s->pool, &event_cold_at(s, event)->ports,
				       hin_work_source(w));
}

bool hin_conversation_has(struct shard *s, uint32_t source, const struct work *w)
{
	const struct hin_packet *p = w->p;
	uint32_t key, event;

	if (p->flags & HIN_PACKET_QUOTE)
		return false;
	switch ((enum hin_class)w->class) {
	case HIN_CLASS_UDP:
		key = hin_event_key(HIN_CLASS_UDP_ANSWER, p->sport);
		break;
	case HIN_CLASS_TCP_ANSWER:
		/* a scanner's own RST to what it probed is part of the probe */
		key = hin_event_key(HIN_CLASS_SYN, p->dport);
		event = hin_event_find(s, source, w->hash, key);
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
		key = hin_event_key(HIN_CLASS_SYN, p->dport);
		event = hin_event_find(s, source, w->hash, key);
		if (event != HIN_NONE && (p->flags & HIN_PACKET_PAYLOAD))
			(void)hin_distinct_add(&s->pool, &event_cold_at(s, event)->ports,
					       w->dst_hash);
		return true;
	default:
		return false;
	}
	event = hin_event_find(s, source, w->hash, key);
	if (event == HIN_NONE ||
	    !hin_distinct_has(&s->pool, &event_cold_at(s, event)->ports, w->dst_hash))
		return false;
	if (w->class != HIN_CLASS_TCP_ANSWER)
		event_cold_at(s, event)->talked++;
	return true;
}
