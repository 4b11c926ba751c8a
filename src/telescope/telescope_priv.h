/* telescope_priv - what the engine, the judge and the saved state share. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "telescope/change.h"
#include "telescope/shard_priv.h"
#include "telescope/telescope.h"

#define SLOTS_A_THREAD 4	     /* batches under way at once; one alone stays in the cache */
#define SERIES_MINUTES 1440	     /* then the series goes on by the hour */
#define MEMBERS_LIMIT 65536	     /* members that are told apart */
#define DARK_BITMAP_LIMIT (1u << 24) /* largest dark space whose addresses are ticked off */

/* Counters of one thread; sums of them are all that is ever read. */
struct counters {
	uint64_t frames, packets, bytes, outside;
	uint64_t kinds[HIN_PACKET_KIND_COUNT];
	uint64_t icmp_types[256], icmp6_types[256];
	uint64_t protocols[256];
	uint64_t refused[HIN_REFUSAL_COUNT];
	uint64_t bogon, spoofed, unroutable, fragments, tunnelled, router_kill;
	int64_t first_us, last_us;
	/* since the last fold: packets in the low 28 bits, bytes above, by port (TCP, UDP) */
	uint64_t ports[HIN_CHANGE_PORTS + 1]; /* the last one: packets that ask no port */
	uint64_t minute_packets, minute_bytes;
	uint64_t minute_kinds[HIN_PACKET_KIND_COUNT];
} __attribute__((aligned(64))); /* threads share no line */

#define PORT_PACKET_BITS 28
#define FOLD_FRAMES                                                                                \
	(1u << 24) /* fold at least this often, so that the packed counts cannot run over */

/* For struct counters: the port that a packet asks, as an index of its `ports`, and its size. */
struct asked {
	uint32_t port, bytes;
};

/* One batch under way. */
struct slot {
	struct hin_batch batch;
	struct hin_packet packets[HIN_BATCH_FRAMES]; /* those of the frames that count */
	size_t packet_count;
	struct asked asked[HIN_BATCH_FRAMES]; /* of each packet */
	uint64_t kinds[HIN_PACKET_KIND_COUNT], bytes;
	int64_t first_us, last_us;
	uint16_t which[HIN_SHARDS][2 * HIN_BATCH_FRAMES];
	uint16_t counts[HIN_SHARDS];
	uint16_t members[HIN_BATCH_FRAMES];
	size_t member_count;
	/* before this batch the clock entered a new minute */
	bool tick;
	int64_t tick_us;
	_Atomic uint64_t decoded; /* number of the batch that is ready, + 1 */
	_Atomic unsigned consumed;
};

/* Frames that were read and not yet given to a slot. */
struct pending {
	struct hin_batch batch;
	size_t at;
};

#define MEMBER_PORTS 8 /* source ports of a member that are told apart between two updates */

/* What came from one port of a member since it was last told. */
struct member_part {
	uint64_t packets, bytes;
	int64_t first_us, last_us;
	struct hin_addr dst; /* where the first packet went */
	uint16_t sport, dport;
	uint8_t proto;
	bool used;
};

struct member {
	struct hin_member told; /* of the whole run, for the report */
	struct hin_distinct targets, ports;
	uint32_t marks; /* majority vote over tools */
	uint64_t asked, answered;
	/* the event that goes on, when `open` */
	bool open;
	uint64_t link;
	int64_t last_us;
	struct hin_distinct event_targets, event_ports;
	struct member_part first;		/* its first packet */
	struct member_part parts[MEMBER_PORTS]; /* by source port */
	struct member_part rest;		/* of all other ports */
};

#define SERIES_PORTS 32 /* busiest ports that are kept of each point of the series */

struct top_port {
	uint32_t port; /* 65536 and more: UDP */
	uint64_t packets;
};

/* One point of the series: its counters, and its busiest ports. */
struct point {
	struct hin_series_point sum;
	struct top_port ports[SERIES_PORTS];
	unsigned port_count;
};

struct dark_range {
	uint32_t first, last; /* host order */
	uint32_t offset;      /* in the bitmap */
};

/* A list of results: bounded, the smallest go first. */
struct result_list {
	void *items;
	size_t count, size;
	uint64_t total, packets; /* of all that were ever added */
	uint64_t floor;		 /* packets of the last that stayed when some went; 0 before */
};

/* Results by what they are. */
struct results {
	size_t limit; /* kept of each list, at least; up to twice as many are held */
	struct result_list events, victims, floods, amplifications;
	uint64_t lost; /* for lack of memory */
};

#define RESULTS_LIMIT 65536 /* ended ones that are kept of each list */

struct hin_telescope {
	struct hin_telescope_options options;
	struct hin_marker marker;
	uint64_t secret[2];
	uint64_t dark_v4, dark_v6;
	struct dark_range *dark_ranges;
	size_t dark_range_count;
	uint8_t *dark_seen; /* one bit an address; NULL when too many */
	int64_t timeout_us;
	struct shard shards[HIN_SHARDS];
	struct counters *counters; /* one a thread */
	uint32_t flow_flush;	   /* packets after which flows are flushed at the latest */

	/* reading: under `read_lock` */
	pthread_mutex_t read_lock;
	uint64_t next_batch;   /* number of the next batch to be read */
	int64_t clock_us;      /* largest time so far, INT64_MIN before the first packet */
	uint64_t flow_packets; /* since the last flush */
	uint64_t fold_frames;
	bool ended;
	enum hin_code read_code;
	struct hin_error read_error;
	hin_batch_reader_fn read;
	void *read_user;
	struct pending pending[HIN_TELESCOPE_THREADS]; /* by queue */

	struct slot *slots;
	unsigned slot_count;
	_Atomic uint64_t retired; /* batches that all threads are done with */
	_Atomic uint64_t frames;
	_Atomic uint64_t drops;
	_Atomic bool stop, pause;
	_Atomic bool failed;	    /* a sink said no */
	_Atomic uint32_t epoch;	    /* futex: something changed */
	_Atomic unsigned ticking;   /* threads that wait for the minute's work */
	_Atomic uint64_t tick_turn; /* how often it was done */

	/* the minute's work: one thread, while all others wait */
	int64_t minute_us; /* start of the running minute, INT64_MIN before the first */
	uint64_t clock_steps;
	struct hin_change change;
	uint64_t (*port_totals)[2]; /* packets, bytes; HIN_CHANGE_PORTS */
	uint64_t *port_minute;	    /* HIN_CHANGE_PORTS */
	struct point *series;
	size_t series_count, series_size;
	int64_t series_step_us;
	struct point running;
	int64_t expired_us; /* clock at the last expiry */
	uint64_t evidence_lost;
	int64_t evidence_synced_ns; /* monotonic */
	struct results over;
	struct hin_ongoing ongoing; /* of what the sink knows already */
	int64_t updated_us;	    /* clock when it was last told of what goes on */
	struct hin_tool_stat over_tools[HIN_SIGN_COUNT];

	/* members: thread 0 */
	struct member *members;
	size_t member_count, member_size;
	struct hin_index member_index;	       /* of `members`, by address */
	struct hin_distinct_pool member_pool;  /* `targets` and `ports` of all */
	struct hin_distinct_pool episode_pool; /* the same of what goes on */
	uint64_t members_lost;
	int64_t members_told_us; /* clock when what goes on was told last */
};

/*
 * Take dark space, members, exclusions, research and settings of `options` (reload.c). On failure
 * `t` is as it was. For the first time the tables are made after it.
 */
HIN_MUST_USE enum hin_code hin_telescope_place(struct hin_telescope *t,
					       const struct hin_telescope_options *options,
					       struct hin_error *err);

/* Decode the frames of a slot; mark, count and spread the packets (slot.c). */
void hin_slot_decode(struct hin_telescope *t, struct slot *slot, struct counters *counters);

/* Count what belongs to the running minute, when the slot's turn has come. */
void hin_slot_count_minute(struct counters *counters, const struct slot *slot);

/* Turn events that were idle too long into results (judge.c). */
void hin_telescope_expire(struct hin_telescope *t, int64_t now_us);

/* Tell the sink what is new of the events that go on (over.c). */
void hin_telescope_update(struct hin_telescope *t, int64_t now_us);

/* Sum what the threads counted since the last time into the running minute. */
void hin_telescope_fold(struct hin_telescope *t);

/* Sum of the threads' counters. */
void hin_telescope_sum(struct counters *out, const struct hin_telescope *t);

/* Judge everything that is known now; with `idle_us` only what was idle since before it. */
void hin_judge(const struct hin_telescope *t, int64_t idle_us, int64_t now_us, struct results *out,
	       struct hin_tool_stat tools[HIN_SIGN_COUNT]);

/* ---- member.c ---- */

HIN_MUST_USE enum hin_code hin_members_init(struct hin_telescope *t, struct hin_error *err);
void hin_members_fini(struct hin_telescope *t);

/* Make the index of the members that are there: they were loaded. */
HIN_MUST_USE enum hin_code hin_members_index(struct hin_telescope *t, struct hin_error *err);

/* A member's packet into dark space: the DAEDALUS alert, at once when its port is new. */
void hin_member_take(struct hin_telescope *t, const struct hin_packet *packet);

/* The minute's work: close events that were idle; tell what is new of the others when it is due. */
void hin_members_minute(struct hin_telescope *t, int64_t now_us);

/* The run ends: tell all that was not told yet. */
void hin_members_finish(struct hin_telescope *t);

/* ---- state_check.c ---- */

/*
 * Could the engine have saved what was loaded into `t`? HIN_EFORMAT says what cannot be so; until
 * then nothing of it may be used.
 */
HIN_MUST_USE enum hin_code hin_state_check(const struct hin_telescope *t, struct hin_error *err);

/* Forget what was loaded, sound or not: `t` is empty then, and takes no packets any more. */
void hin_state_drop(struct hin_telescope *t);

/* ---- results.c ---- */

void hin_results_add_event(struct results *results, const struct hin_event *event);
void hin_results_add_victim(struct results *results, const struct hin_victim *victim);
void hin_results_add_flood(struct results *results, struct result_list *list,
			   const struct hin_flood *flood);
struct hin_event *hin_results_events(const struct results *results);
struct hin_victim *hin_results_victims(const struct results *results);
struct hin_flood *hin_results_floods(const struct result_list *list);
/* Orders for qsort(): by packets, then by what names them. */
int hin_by_event(const void *a, const void *b);
int hin_by_victim(const void *a, const void *b);
int hin_by_flood(const void *a, const void *b);
/* Give each result the digest of what the vault has of it. */
void hin_results_name_evidence(const struct hin_telescope *t, struct results *results);
void hin_results_fini(struct results *results);

/* What the amplifiers of `flood` are called, or NULL; static. */
const char *hin_amplification_service(const struct hin_flood *flood);

/* Does what the source at `at`, if it is still the one of `hash`, did in `class` matter by now? */
bool hin_judge_matters(const struct hin_telescope *t, const struct shard *s, uint32_t at,
		       uint32_t hash, unsigned class, uint64_t *link);

/* Does what came to the target at `at`, if it is still the one of `hash`, matter by now? */
bool hin_judge_target_matters(const struct hin_telescope *t, const struct shard *s, uint32_t at,
			      uint32_t hash, uint64_t *link);
