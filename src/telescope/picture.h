/*
 * picture - what the telescope saw, ready to be told: the one input of every report.
 *
 * All lists are sorted by packets, most first, ties by address and port, so that the same input
 * gives the same bytes. Times are µs since 1970 UTC. Counts are exact unless `lost` says that
 * detail went; counts of distinct things are exact up to HIN_DISTINCT_EXACT, beyond that within
 * about 2 % (p95).
 *
 * Ownership: made by hin_telescope_picture(), freed by hin_picture_free(); it borrows nothing.
 */
#pragma once
#include "base/addr.h"
#include "packet/capture.h"
#include "packet/decode.h"

/* Scanning tools and stacks; the numbers are those of the registry `tools` by name. */
#define HIN_TOOLS(X)                                                                               \
	X(HIN_SIGN_NONE, "unknown")                                                                \
	X(HIN_SIGN_ZMAP, "zmap")                                                                   \
	X(HIN_SIGN_ZMAP_RANDOM_ID, "zmap-random-id")                                               \
	X(HIN_SIGN_MASSCAN, "masscan")                                                             \
	X(HIN_SIGN_MIRAI, "mirai")                                                                 \
	X(HIN_SIGN_UNICORNSCAN, "unicornscan")                                                     \
	X(HIN_SIGN_NMAP, "nmap")                                                                   \
	X(HIN_SIGN_HPING, "hping3")                                                                \
	X(HIN_SIGN_LINUX, "linux-stack")                                                           \
	X(HIN_SIGN_WINDOWS, "windows-stack")                                                       \
	X(HIN_SIGN_BSD, "bsd-stack")                                                               \
	X(HIN_SIGN_MACOS, "macos-stack")

enum hin_tool {
#define X(name, text) name,
	HIN_TOOLS(X)
#undef X
		HIN_SIGN_COUNT
};

const char *hin_tool_name(enum hin_tool tool);
/* A stack is the sender's operating system, not a scanning tool. */
bool hin_tool_is_stack(enum hin_tool tool);

enum hin_scan_type { HIN_SCAN_NONE, HIN_SCAN_HORIZONTAL, HIN_SCAN_VERTICAL, HIN_SCAN_BLOCK };

const char *hin_scan_type_name(enum hin_scan_type type);

/* What an event's packets asked or answered. */
#define HIN_CLASSES(X)                                                                             \
	X(HIN_CLASS_SYN, "tcp-syn")                                                                \
	X(HIN_CLASS_ACK, "tcp-ack")                                                                \
	X(HIN_CLASS_TCP_OTHER, "tcp-other")                                                        \
	X(HIN_CLASS_UDP, "udp")                                                                    \
	X(HIN_CLASS_ICMP, "icmp")                                                                  \
	X(HIN_CLASS_TCP_ANSWER, "tcp-answer")                                                      \
	X(HIN_CLASS_UDP_ANSWER, "udp-answer")                                                      \
	X(HIN_CLASS_ICMP_ANSWER, "icmp-answer")                                                    \
	X(HIN_CLASS_MISC, "other")

enum hin_class {
#define X(name, text) name,
	HIN_CLASSES(X)
#undef X
		HIN_CLASS_COUNT
};

const char *hin_class_name(enum hin_class class);

#define HIN_TOP_PORTS 10
#define HIN_NAME_TEXT 64

struct hin_port_count {
	uint16_t port;
	uint64_t packets;
};

/* One scanning source (or IPv6 /64) and kind. `duration` is last - first. */
struct hin_event {
	struct hin_addr source;
	uint8_t source_len; /* 32 or 128; 64 = an IPv6 network of several sources */
	enum hin_class class;
	enum hin_scan_type scan;
	enum hin_tool tool;
	uint8_t confidence; /* of the tool, 0-100 */
	double share;	    /* of the packets that carry the tool's mark, 0-1 */
	uint64_t packets, bytes;
	uint64_t targets; /* distinct addresses */
	uint64_t ports;	  /* distinct ports */
	uint64_t peak;	  /* most packets in one minute */
	int64_t first_us, last_us;
	bool open; /* not idle long enough to be over */
	bool bogon, spoofed, unroutable, member;
	bool large;		      /* reached scan.large-percent of the dark space */
	char research[HIN_NAME_TEXT]; /* name of a known research scanner, or "" */
	struct hin_port_count top[HIN_TOP_PORTS];
	unsigned top_count;
	uint64_t link;	   /* the event's name, shown as 16 hex digits */
	double rate;	   /* packets/s over its duration; 0 when it is an instant */
	double world_rate; /* estimated packets/s Internet-wide; 0 when the dark size is unknown */
	double coverage;   /* share of the dark addresses hit, 0-1; 0 when unknown */
	bool has_evidence;
	uint8_t evidence[32]; /* SHA-256 of the first packets in the vault */
};

/* A source that answered many addresses which never asked: it is under attack. */
struct hin_victim {
	struct hin_addr address;
	enum hin_class class; /* TCP, UDP or ICMP answers */
	uint8_t proto;	      /* IANA */
	uint16_t port;	      /* the attacked service; 0 with many_ports */
	bool many_ports;
	uint64_t packets, bytes, targets, ports;
	uint64_t syn_acks, icmp_errors;
	uint64_t peak; /* packets in its busiest minute */
	int64_t first_us, last_us;
	bool open, member;
	double attack_rate;    /* Moore: peak packets/s x 2^32 / dark size; 0 when unknown */
	double attack_packets; /* packets x 2^32 / dark size; 0 when unknown */
	uint64_t link;
	bool has_evidence;
	uint8_t evidence[32];
};

/* Many packets to one address: a flood, or answers of many amplifiers. */
struct hin_flood {
	struct hin_addr target;
	enum hin_class class;
	uint8_t proto;
	uint16_t port;	     /* flood: destination port; amplification: the amplifiers' port (the
				commonest) */
	const char *service; /* static: "dns", "ntp", "tcp-syn-ack"...; NULL when unknown */
	uint64_t packets, bytes, sources;
	uint64_t peak;
	int64_t first_us, last_us;
	bool spoofed; /* nearly every source was seen about once, or is impossible */
	uint64_t link;
	uint64_t fragments; /* later fragments to the same target */
	bool has_evidence;
	uint8_t evidence[32];
};

/* One of our own that talked to dark space, or scans. */
struct hin_member {
	struct hin_addr address;
	char name[HIN_NAME_TEXT]; /* from the member file's second column, or "" */
	bool infected;		  /* it asked (scans); else it answers (under attack) */
	enum hin_tool tool;
	uint8_t confidence;
	uint64_t packets, targets, ports;
	int64_t first_us, last_us;
	struct hin_port_count top[HIN_TOP_PORTS];
	unsigned top_count;
	uint8_t top_proto;
	struct hin_addr first_target; /* where the first packet went */
	uint16_t first_port;
	bool of_event; /* no dark space is known: made of a judged scan, never told as a member */
	uint64_t link; /* of that scan */
};

struct hin_rising {
	uint8_t proto;
	uint16_t port;
	bool hourly;	 /* else by the minute */
	int64_t time_us; /* start of the interval that rose most */
	double score;	 /* how unlike its own past, in standard deviations */
	uint64_t count;	 /* packets in that interval */
	double expected; /* what its past led to expect */
};

/* Packets that ask, by destination port (ICMP: none). */
struct hin_port_stat {
	uint8_t proto;
	uint16_t port;
	uint64_t packets, bytes, sources;
};

struct hin_tool_stat {
	uint64_t packets, sources;
};

struct hin_series_point {
	int64_t time_us; /* start of the minute or hour */
	uint64_t packets, bytes;
	uint64_t by_kind[HIN_PACKET_KIND_COUNT];
};

/* One of the busiest ports over time, on the same grid as the series. */
struct hin_port_series {
	uint8_t proto;
	uint16_t port;
	uint64_t *counts; /* series_count of them */
};

/* Detail that a full table cost; all zero when everything is exact. */
struct hin_lost_detail {
	uint64_t sources, events, targets, distinct, ports_merged, results, flows;
};

struct hin_picture {
	/* what it is about */
	struct hin_capture_input *inputs; /* copies; names owned here */
	size_t input_count;
	char interface[32];    /* live, else "" */
	const char *recording; /* "laboratory recording" for a shipped sample, else NULL */
	bool dark_known;
	uint64_t dark_v4, dark_v6; /* distinct dark addresses; v6 saturates */
	bool decoded_only;	   /* counters alone were asked for */
	int64_t first_us, last_us; /* of the packets; 0, 0 when there were none */
	double event_timeout_s;

	/* counters */
	uint64_t frames;  /* recorded frames */
	uint64_t packets; /* IP packets, in the dark space where it is known */
	uint64_t bytes;	  /* IP bytes of these */
	uint64_t outside; /* packets to other addresses: counted and forgotten */
	uint64_t sources; /* distinct */
	bool sources_exact;
	uint64_t dark_hit; /* distinct dark addresses that got a packet; 0 when unknown */
	uint64_t kinds[HIN_PACKET_KIND_COUNT];
	uint64_t icmp_types[256], icmp6_types[256];
	uint64_t protocols[256];
	uint64_t refused[HIN_REFUSAL_COUNT];
	uint64_t bogon, spoofed, unroutable, fragments, tunnelled, router_kill;
	uint64_t kernel_drops, clock_steps;
	struct hin_tool_stat tools[HIN_SIGN_COUNT];
	struct hin_lost_detail lost;

	/* lists; *_total says how many there were before --limit */
	struct hin_port_stat *ports;
	size_t port_count, port_total;
	struct hin_event *events;
	size_t event_count, event_total;
	uint64_t event_packets; /* of all events before --limit */
	struct hin_victim *victims;
	size_t victim_count, victim_total;
	struct hin_flood *floods, *amplifications;
	size_t flood_count, flood_total, amplification_count, amplification_total;
	struct hin_member *members;
	size_t member_count, member_total;
	struct hin_rising *rising;
	size_t rising_count, rising_total;
	bool rising_too_short;		 /* too little past to say what rose */
	struct hin_series_point *series; /* by minute up to a day, else by hour */
	size_t series_count;
	int64_t series_step_us;
	struct hin_port_series *port_series;
	size_t port_series_count;
};

void hin_picture_free(struct hin_picture *picture);
