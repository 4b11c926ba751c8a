/*
 * truth - what a generated capture really holds, counted while it is made.
 *
 * Counts of packets are exact. Distinct counts are exact for IPv4; IPv6 addresses and flows are
 * counted by a hash of 64 bits.
 *
 * Ownership: the caller owns the struct and ends it with hin_truth_fini().
 * Threads:   one thread at a time.
 */
#pragma once
#include <stdio.h>

#include "dice.h"
#include "wire.h"

/* What sent a packet, as far as its marks can show. */
#define HIN_TOOLS(X)                                                                               \
	X(HIN_TOOL_NONE, "none")                                                                   \
	X(HIN_TOOL_ZMAP_OLD, "zmap_old")                                                           \
	X(HIN_TOOL_ZMAP_WINDOWS, "zmap_windows")                                                   \
	X(HIN_TOOL_ZMAP_LINUX, "zmap_linux")                                                       \
	X(HIN_TOOL_ZMAP_BSD, "zmap_bsd")                                                           \
	X(HIN_TOOL_ZMAP_SMALLEST, "zmap_smallest")                                                 \
	X(HIN_TOOL_MASSCAN_OLD, "masscan_old")                                                     \
	X(HIN_TOOL_MASSCAN_NEW, "masscan_new")                                                     \
	X(HIN_TOOL_MIRAI, "mirai")                                                                 \
	X(HIN_TOOL_UNICORNSCAN, "unicornscan")                                                     \
	X(HIN_TOOL_NMAP, "nmap")                                                                   \
	X(HIN_TOOL_LINUX, "stack_linux")                                                           \
	X(HIN_TOOL_WINDOWS, "stack_windows")                                                       \
	X(HIN_TOOL_FREEBSD, "stack_freebsd")                                                       \
	X(HIN_TOOL_MACOS, "stack_macos")

enum hin_tool {
#define X(name, text) name,
	HIN_TOOLS(X)
#undef X
		HIN_TOOL_COUNT
};

#define HIN_KINDS(X)                                                                               \
	X(HIN_KIND_SYN, "tcp_syn")                                                                 \
	X(HIN_KIND_SYNACK, "tcp_synack")                                                           \
	X(HIN_KIND_RST, "tcp_rst")                                                                 \
	X(HIN_KIND_ACK, "tcp_ack")                                                                 \
	X(HIN_KIND_TCP_OTHER, "tcp_other")                                                         \
	X(HIN_KIND_UDP, "udp")                                                                     \
	X(HIN_KIND_ECHO, "icmp_echo_request")                                                      \
	X(HIN_KIND_ECHO_REPLY, "icmp_echo_reply")                                                  \
	X(HIN_KIND_UNREACHABLE, "icmp_unreachable")                                                \
	X(HIN_KIND_EXCEEDED, "icmp_time_exceeded")                                                 \
	X(HIN_KIND_ICMP_OTHER, "icmp_other")                                                       \
	X(HIN_KIND_FRAGMENT, "later_fragment")                                                     \
	X(HIN_KIND_OTHER, "other_protocol")

enum hin_kind {
#define X(name, text) name,
	HIN_KINDS(X)
#undef X
		HIN_KIND_COUNT
};

/* Frames that give no packet, and why. */
#define HIN_REFUSALS(X)                                                                            \
	X(HIN_REFUSED_ARP, "non_ip_arp")                                                           \
	X(HIN_REFUSED_LLDP, "non_ip_lldp")                                                         \
	X(HIN_REFUSED_STP, "non_ip_stp")                                                           \
	X(HIN_REFUSED_CUT_ETHERNET, "cut_ethernet")                                                \
	X(HIN_REFUSED_CUT_IP, "cut_ip")                                                            \
	X(HIN_REFUSED_CUT_TRANSPORT, "cut_transport")                                              \
	X(HIN_REFUSED_VERSION, "bad_ip_version")                                                   \
	X(HIN_REFUSED_IHL, "bad_ip_header_length")                                                 \
	X(HIN_REFUSED_TOTAL, "bad_ip_total_length")                                                \
	X(HIN_REFUSED_TCP_OFFSET, "bad_tcp_data_offset")                                           \
	X(HIN_REFUSED_UDP_LENGTH, "bad_udp_length")

enum hin_refusal {
#define X(name, text) name,
	HIN_REFUSALS(X)
#undef X
		HIN_REFUSED_COUNT
};

/* What a special sender or target is, and so in which list of the truth it stands. */
enum hin_role {
	HIN_ROLE_SCAN,
	HIN_ROLE_MEMBER,
	HIN_ROLE_VICTIM,
	HIN_ROLE_FLOOD,
	HIN_ROLE_AMPLIFICATION,
	HIN_ROLE_RISING,
	HIN_ROLE_BOGON,
	HIN_ROLE_COUNT
};

/* A set of 64-bit keys; 0 is no key. */
struct hin_set {
	uint64_t *slots;
	size_t count, mask;
};

struct hin_truth_actor {
	char name[24];
	enum hin_role role;
	const char *what;    /* scan shape, service or protocol, in words */
	struct hin_addr who; /* the source, or the target of a flood or an amplification */
	bool one_source;     /* `who` is the source of all its packets */
	bool spoofed;
	uint16_t port; /* service, target port or amplifier's port; 0 = none */
	uint64_t packets, kinds[HIN_KIND_COUNT], tools[HIN_TOOL_COUNT];
	int64_t first_ns, last_ns;
	struct hin_set sources, targets, ports; /* ports: proto and port; of a victim, its own */
};

#define HIN_TRUTH_ACTORS 160

struct hin_truth {
	uint64_t frames, packets;
	uint64_t kinds[HIN_KIND_COUNT], tools[HIN_TOOL_COUNT], refused[HIN_REFUSED_COUNT];
	uint64_t tcp_flags[256], icmp_types[256], icmp6_types[256], protocols[256], v6;
	uint64_t flows;		 /* distinct 5-tuples, summed over minutes */
	uint64_t chance_zmap;	 /* SYNs of others with IP ID 54321 */
	uint64_t chance_masscan; /* SYNs of others that fit Masscan's rule */
	int64_t first_ns, last_ns, minute;
	struct hin_set sources, flow_keys, pair_keys;
	struct hin_truth_port {
		uint64_t packets, syn;
		uint32_t sources; /* of SYNs (TCP) or of all packets (UDP) */
	} ports[2][65536];	  /* TCP, UDP; by destination port */
	struct hin_truth_actor actors[HIN_TRUTH_ACTORS];
	size_t actor_count;
	bool out_of_memory; /* a set could not grow: the truth is worthless */
};

/* Start an empty truth; false when memory is short. `flows_a_minute` sizes its tables. */
bool hin_truth_init(struct hin_truth *truth, size_t flows_a_minute);

void hin_truth_fini(struct hin_truth *truth);

/* Add a special sender or target; its counts start at zero. Returns its index. */
size_t hin_truth_add(struct hin_truth *truth, const struct hin_truth_actor *actor);

/* Count a good packet. `actor` is NULL or one of `truth->actors`. */
void hin_truth_packet(struct hin_truth *truth, const struct hin_probe *probe, enum hin_tool tool,
		      struct hin_truth_actor *actor, int64_t time_ns);

/* Count a frame that gives no packet. */
void hin_truth_refuse(struct hin_truth *truth, enum hin_refusal why, int64_t time_ns);

/* Write the truth as members of a JSON object (without its braces), `top` ports. */
void hin_truth_write(const struct hin_truth *truth, FILE *out, size_t top);
