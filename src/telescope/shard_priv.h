/*
 * shard - one part of the telescope's memory: the sources whose hash falls into it, what they sent,
 * and what these sources did to each target.
 *
 * A fixed number of shards, whatever the threads, makes one thread and many give the same bytes:
 * all packets of one subject (the source; for an ICMP error the quoted destination, which is the
 * victim) meet in one shard in the order of the input. Sets of sources are disjoint between shards,
 * so counts of them simply add up.
 *
 * Tables are dense arrays in reserved address space with an index of 32-bit slots beside each; all
 * links are array positions, so that a shard is saved and restored as plain bytes. A full table
 * lets its least valuable entry go, and counts it.
 *
 * Threads: one thread at a time for a shard.
 */
#pragma once
#include "telescope/distinct.h"
#include "telescope/evidence.h"
#include "telescope/marks.h"
#include "telescope/picture.h"
#include "telescope/settings.h"
#include "base/table.h"

#define MINUTE_US INT64_C(60000000)
#define HIN_SHARDS 16
#define HIN_SOURCE_PORTS 32    /* ports of one source and class with an entry of their own */
#define HIN_TARGET_WAYS 4      /* entries a bucket of the target table */
#define HIN_FLOW_FLUSH 4       /* flows are flushed after so many times a shard's part in packets */
#define HIN_NOTE 0x8000u       /* in a list of packets: only a note of the other side */
#define HIN_KEY_ANY 0x10000u   /* event key: all ports of the class */
#define HIN_KEY_V6 0x80000000u /* event key: the source is no IPv4 address */
#define HIN_KEY_CLASS 17       /* event key: the class stands from this bit on */

/*
 * Where packets come from. Known events are found without their source; what it says of itself is
 * brought up to date when an event is born and when its list of addresses is written out.
 */
struct source {
	uint32_t hash;
	uint32_t head; /* its events */
	struct hin_addr addr;
	int64_t last_us;		/* at least: of its events, and of packets that make none */
	struct hin_distinct members;	/* of a SOURCE_NETWORK: its addresses */
	uint32_t weight;		/* packets, nearly: the light ones go first */
	uint32_t any[HIN_CLASS_COUNT];	/* the event of all ports, by class */
	uint8_t ports[HIN_CLASS_COUNT]; /* events with a port of their own, by class */
	uint8_t stamp;			/* batch that touched it last */
	uint8_t flags;			/* SOURCE_* */
};

enum {
	SOURCE_BOGON = 1,
	SOURCE_UNROUTABLE = 2,
	SOURCE_SPOOFED = 4,
	SOURCE_MEMBER = 8,
	SOURCE_NETWORK = 16, /* an IPv6 /64, not an address */
	SOURCE_SEEN = 32,    /* a packet of it was seen; else only expected to answer */
	SOURCE_USED = 64,    /* the entry is in use */
};

#define HIN_EVENT_PENDING 8 /* addresses that wait to be written to an event's set together */

/*
 * What a source does to one port, or to all of a class: two cache lines, and every packet of a
 * known event needs no more. Where there is an event of all ports, that of a single port needs the
 * first line alone. The addresses it goes to wait in `pending`, so that their set is touched once
 * for eight of them.
 */
struct event {
	uint32_t hash;
	uint32_t source;
	uint32_t key;	 /* class << 17 | HIN_KEY_ANY | port, and HIN_KEY_V6 */
	uint32_t any;	 /* the event of all ports of the same source and class, or HIN_NONE */
	uint32_t v4;	 /* the source's address, where it is IPv4 */
	uint32_t minute; /* number of the minute that minute_packets counts */
	uint32_t minute_packets;
	uint32_t marks; /* packets with the mark of `tool`, less those of others */
	int64_t last_us;
	uint64_t packets;
	uint64_t bytes;
	uint8_t tool;
	uint8_t flags; /* EVENT_* */
	uint8_t stamp;
	uint8_t pending_count;
	uint32_t peak; /* most packets in a minute that is over */
	/* second line */
	uint32_t pending[HIN_EVENT_PENDING];
	struct hin_distinct targets; /* without those pending: hin_event_targets() has all */
	int64_t first_us;
	uint32_t run_key;  /* unicornscan: key of the last SYN */
	uint32_t last_seq; /* sequence of the last SYN */
	uint32_t next;	   /* event of the same source */
	uint32_t pad;
} __attribute__((aligned(64)));

/* What only some events need. */
struct event_cold {
	struct hin_distinct
		ports; /* of an any-event: its ports; else who answered, or who had asked */
	union {
		uint32_t syn_acks; /* of TCP answers */
		uint32_t talked;   /* of UDP and ICMP answers: those that were asked for */
	};
	uint32_t icmp_errors;
};

enum {
	EVENT_SHAPE = 1, /* a mark had its tool's other habits */
	EVENT_USED = 2,
	EVENT_BEGUN = 4,    /* had a packet, though it may not be counted yet */
	EVENT_NMAP_SEQ = 8, /* last_seq is of nmap's shape */
	EVENT_FULL = 16,    /* of an any-event: no more ports get an event of their own */
};

/* What leads to a bucket's entries, so that light newcomers touch nothing else. */
struct target_head {
	uint32_t tags[HIN_TARGET_WAYS];	  /* hashes; 0 = free */
	uint8_t packets[HIN_TARGET_WAYS]; /* of the entry, up to 255 */
	uint32_t knocking;		  /* hash of who asks for a place in a full bucket */
	uint8_t knocks;			  /* its packets, less those of others */
	uint8_t pad[7];
};

#define HIN_TARGET_KNOCKS 4 /* packets after which a newcomer is let into a full bucket */

struct target {
	uint16_t port;
	uint8_t class;
	uint8_t flags; /* TARGET_*: of its first packet */
	uint32_t packets;
	struct hin_addr addr;
	uint32_t packets_high; /* carries out of `packets` */
	uint32_t minute;
	uint64_t bytes;
	struct hin_distinct sources;
	int64_t last_us;
	uint32_t minute_packets;
	uint32_t peak; /* most packets in a minute that is over */
};

enum {
	TARGET_BOGON = 1,
	TARGET_SYN_ACK = 2,
};

/* Valid from the second packet on. */
struct target_cold {
	int64_t first_us;
	uint32_t bogon;
	uint32_t syn_acks;
	uint32_t port_votes;
	uint16_t port; /* the commonest answering port (majority vote) */
	uint8_t pad[10];
};

/* One flow of the running minute. */
struct flow {
	uint32_t hash;
	uint16_t sport, dport;
	uint8_t proto, tcp_flags;
	uint8_t marks; /* bogon, spoofed, unroutable, fragment: what becomes tags */
	uint8_t tool;
	uint32_t packets;
	uint64_t bytes;
	struct hin_addr src, dst;
	uint64_t pad;
};

struct shard {
	const struct hin_telescope_settings *settings;
	struct hin_array sources;
	struct hin_index source_index;
	struct hin_array events, events_cold;
	struct hin_index event_index;
	uint32_t target_buckets;       /* power of two */
	struct hin_array target_heads; /* one item a bucket */
	struct hin_array targets, targets_cold;
	struct hin_array flows;
	struct hin_index flow_index;
	struct hin_distinct_pool pool;
	struct hin_stage stage, target_stage; /* evidence, of sources and of targets */
	struct hin_distinct all_sources;      /* every source ever, when entries went */
	uint64_t sources_seen;		      /* entries that saw a first packet */
	bool sources_gone;		      /* entries went, so that this may count one twice */
	uint64_t secret[2];		      /* of the hashes */
	struct hin_lost_detail lost;
	struct hin_array port_sources; /* uint32_t [2][65536]: sources a port, TCP and UDP */
	int64_t minute_us;	       /* start of the minute that was seen last ... */
	uint32_t minute;	       /* ... and its number */
	uint64_t taken;		       /* packets so far: says where chunks end */
	uint8_t stamp;
	bool two_way; /* no dark space known: conversations are possible */
};

static inline uint64_t hin_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Hash of an address; IPv6 by its /64 for the shard, so that both meet. */
static inline uint64_t hin_subject_hash(const uint64_t secret[2], const struct hin_addr *a)
{
	uint64_t hi, lo;

	memcpy(&hi, a->b, 8);
	memcpy(&lo, a->b + 8, 8);
	return hin_mix(lo ^ secret[0], hi ^ secret[1]);
}

/* The address whose shard and entry a packet belongs to. */
static inline const struct hin_addr *hin_subject(const struct hin_packet *p)
{
	return HIN_UNLIKELY(p->flags & HIN_PACKET_QUOTE) ? &p->quoted_dst : &p->src;
}

/* The shard of a subject, whose hash is `hash`. */
static inline unsigned hin_shard_of(const uint64_t secret[2], const struct hin_addr *a,
				    uint64_t hash)
{
	uint64_t hi;

	if (HIN_LIKELY(hin_addr_is_v4(a)))
		return (unsigned)(hash >> 60);
	memcpy(&hi, a->b, 8);
	return (unsigned)(hin_mix(secret[0], hi ^ secret[1]) >> 60);
}

/* What a packet asks or answers, and the port that says for what. */
struct role {
	uint8_t class;
	uint16_t port;
};

/* A role as the key of an event. */
static inline uint32_t hin_event_key(enum hin_class class, uint16_t port)
{
	return (uint32_t) class << HIN_KEY_CLASS | port;
}

/* Budgets in items, worked out from the memory setting. */
struct hin_shard_sizes {
	uint32_t sources, events, target_buckets, flows;
	size_t distinct_bytes;
};

/* Make all shards; hin_shards_fini() ends them, also after a failure. */
HIN_MUST_USE enum hin_code hin_shards_init(struct shard shards[HIN_SHARDS],
					   const struct hin_telescope_settings *settings,
					   const struct hin_shard_sizes *sizes,
					   const uint64_t secret[2], bool two_way,
					   struct hin_error *err);
void hin_shards_fini(struct shard shards[HIN_SHARDS]);

/*
 * Take `count` packets of this shard, in order: positions `which` in `packets`, which came from
 * `frames`. With `flows`, every packet also counts in its flow.
 */
void hin_shard_take(struct shard *shard, const struct hin_packet *packets,
		    const struct hin_frame *frames, const uint16_t *which, size_t count,
		    bool flows);

/* Forget the flows, after they were told. */
void hin_shard_drop_flows(struct shard *shard);

/* Find or drop what is known of a target under `class` and `port`. */
uint32_t hin_shard_find_target(const struct shard *shard, const struct hin_addr *addr,
			       enum hin_class class, uint16_t port);
void hin_shard_drop_target(struct shard *shard, uint32_t target);

/* How many UDP or ICMP answers, `class`, `addr` gave from `port` to those who had asked. */
uint32_t hin_shard_answers(const struct shard *shard, const struct hin_addr *addr,
			   enum hin_class class, uint16_t port);

/* Remove an event, or a source with all its events. */
void hin_shard_drop_event(struct shard *shard, uint32_t event);
void hin_shard_drop_source(struct shard *shard, uint32_t source);

/* How many addresses an event went to. */
uint64_t hin_event_targets(const struct shard *shard, const struct event *e);

/* Which class and port a packet counts for; needs no table. */
struct role hin_packet_role(const struct hin_packet *p, bool two_way);

static inline struct source *source_at(const struct shard *s, uint32_t i)
{
	return hin_array_item(&s->sources, i, sizeof(struct source));
}

static inline struct event *event_at(const struct shard *s, uint32_t i)
{
	return hin_array_item(&s->events, i, sizeof(struct event));
}

static inline struct event_cold *event_cold_at(const struct shard *s, uint32_t i)
{
	return hin_array_item(&s->events_cold, i, sizeof(struct event_cold));
}

static inline struct target *target_at(const struct shard *s, uint32_t i)
{
	return hin_array_item(&s->targets, i, sizeof(struct target));
}

static inline struct target_cold *target_cold_at(const struct shard *s, uint32_t i)
{
	return hin_array_item(&s->targets_cold, i, sizeof(struct target_cold));
}

static inline struct target_head *target_head_at(const struct shard *s, uint32_t bucket)
{
	return hin_array_item(&s->target_heads, bucket, sizeof(struct target_head));
}

static inline bool target_used(const struct shard *s, uint32_t at)
{
	return target_head_at(s, at / HIN_TARGET_WAYS)->tags[at % HIN_TARGET_WAYS] != 0;
}

static inline uint32_t *port_sources_at(const struct shard *s, uint32_t port)
{
	return hin_array_item(&s->port_sources, port, sizeof(uint32_t));
}

/* Packets of the busiest minute, the running one included. */
static inline uint32_t event_peak(const struct event *e)
{
	return e->minute_packets > e->peak ? e->minute_packets : e->peak;
}

static inline uint32_t target_peak(const struct target *t)
{
	return t->minute_packets > t->peak ? t->minute_packets : t->peak;
}

static inline struct flow *flow_at(const struct shard *s, uint32_t i)
{
	return hin_array_item(&s->flows, i, sizeof(struct flow));
}

static inline enum hin_class event_class(const struct event *e)
{
	return (enum hin_class)((e->key & ~HIN_KEY_V6) >> HIN_KEY_CLASS);
}

static inline bool event_is_any(const struct event *e)
{
	return (e->key & HIN_KEY_ANY) != 0;
}
