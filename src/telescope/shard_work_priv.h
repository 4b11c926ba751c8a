/* shard_work_priv - one packet on its way through a shard, and what the shard's parts offer. */
#pragma once
#include "telescope/shard_priv.h"

enum {
	EVICT_LOOK = 16,   /* entries compared to find the least valuable */
	EVICT_STEPS = 128, /* and those passed over on the way */
};

/* One of two without a branch: compilers make one of ?: where they think it is foreseeable. */
static inline uint64_t pick64(bool first, uint64_t one, uint64_t other)
{
	return other ^ ((other ^ one) & (0 - (uint64_t)first));
}

static inline uint32_t pick32(bool first, uint32_t one, uint32_t other)
{
	return other ^ ((other ^ one) & (0 - (uint32_t)first));
}

/* What the stages of one packet hand to each other. */
struct work {
	const struct hin_packet *p;
	const struct hin_addr *subject;
	uint64_t hash; /* of the subject */
	uint32_t v4;   /* the subject's address, where it is IPv4 */
	uint32_t key;  /* of the event */
	uint32_t event_hash, any_hash;
	uint32_t target_hash; /* 0 = counts for no target */
	uint32_t dst_hash, flow_hash;
	uint32_t minute;	  /* number of the packet's minute */
	uint32_t event, any;	  /* positions, or HIN_NONE */
	struct event *port;	  /* where `event` lies, or NULL */
	uint32_t guess;		  /* what is likely `event`: its memory was fetched; or HIN_NONE */
	struct target_head *head; /* of the target's bucket */
	uint32_t full;		  /* event whose pending addresses are to be written, or HIN_NONE */
	uint32_t target;
	uint16_t target_port;
	uint8_t class;
	bool first;	      /* one of the first packets of its source and class */
	bool first_of_target; /* one of the first of a target that was hit more than a few times */
	bool network;	      /* the subject is a /64 */
	bool new_port;	      /* to be noted with the event of all ports */
	bool note;	      /* tells this shard what the other side of a conversation did */
};

/* Hash of the packet's source as a member of sets. */
static inline uint32_t hin_work_source(const struct work *w)
{
	return hin_distinct_hash_addr(&w->p->src);
}

static inline uint32_t hin_event_hash(const struct shard *s, uint64_t subject, uint32_t key)
{
	return (uint32_t)hin_mix(subject ^ s->secret[1], key * 0x9e3779b97f4a7c15u + 1);
}

/* Hash of a source; a /64 differs from the address of the same bytes. */
static inline uint64_t hin_source_hash(const struct shard *s, const struct hin_addr *a,
				       bool network)
{
	uint64_t hash = hin_subject_hash(s->secret, a);

	return network ? ~hash : hash;
}

/* ---- subject.c ---- */

/* Find a source, or make it; HIN_NONE when there is none, or no room. */
uint32_t hin_source_find(const struct shard *s, const struct hin_addr *a, uint64_t hash,
			 bool network);
uint32_t hin_source_add(struct shard *s, const struct hin_addr *a, uint64_t hash, bool network,
			int64_t now_us);

/* Find the event of a source (position) with `key`, which has no HIN_KEY_V6; make it. */
uint32_t hin_event_find(const struct shard *s, uint32_t source, uint64_t source_hash, uint32_t key);
uint32_t hin_event_add(struct shard *s, uint32_t source, uint32_t key, uint32_t hash,
		       int64_t now_us);

/*
 * A port that this source did not try before: make its event, and that of all ports if need be.
 * Sets w->event, w->any, and w->new_port when the port is to be noted there.
 */
void hin_event_begin(struct shard *s, uint32_t source, struct work *w);

/* Note the port of the packet with the event of all ports, w->any; a new one has one source more.
 */
void hin_event_add_port(struct shard *s, const struct work *w);

/* The port's number of sources: TCP and UDP have one, others NULL. */
static inline uint32_t *hin_port_of(const struct shard *s, const struct work *w)
{
	if (w->class == HIN_CLASS_SYN)
		return port_sources_at(s, w->key & 0xffff);
	return w->class == HIN_CLASS_UDP ? port_sources_at(s, 65536 | (w->key & 0xffff)) : NULL;
}

static inline __attribute__((always_inline)) void hin_port_fetch(const struct shard *s,
								 const struct work *w)
{
	const uint32_t *port = hin_port_of(s, w);

	if (port != NULL)
		__builtin_prefetch(port, 1);
}

/* Write the pending addresses of an event to its set. */
void hin_event_settle(struct shard *s, uint32_t event);

/*
 * With an event of all ports, that alone keeps the addresses: how many a single port of several had
 * matters only where answers are held against them, and for answers, each of whose ports may be
 * that of an attacked service.
 */
static inline bool hin_ports_keep_targets(const struct shard *s, const struct work *w)
{
	return s->two_way || w->class >= HIN_CLASS_TCP_ANSWER;
}

/* ---- conversation.c ---- */

/* The other side of the packet learns of it: who asked it, or who answered it. */
void hin_conversation_note(struct shard *s, const struct work *w);

/* Is this packet of `source` part of a conversation that its peer began, or that goes on? */
bool hin_conversation_has(struct shard *s, uint32_t source, const struct work *w);

/* ---- target.c: the stages of a chunk, for those of its packets that count for a target ---- */

void hin_targets_hash(struct shard *s, struct work *work, size_t count);
void hin_targets_count(struct shard *s, struct work *work, size_t count);
void hin_targets_add_sources(struct shard *s, const struct work *work, size_t count);

/* ---- flow.c ---- */

/* Set the hash of each packet's flow and fetch ahead; count it, once it is there. */
void hin_flows_hash(const struct shard *s, struct work *work, size_t count);
void hin_flows_count(struct shard *s, const struct work *work, size_t count);
