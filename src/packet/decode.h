/*
 * decode - from a recorded frame to the headers that a telescope judges.
 *
 * Reads the link layer (Ethernet with 802.1Q/QinQ, MPLS, PPPoE and LLC/SNAP; SLL, SLL2, PPP, HDLC,
 * null/loop, raw IP), IPv4 and IPv6 with their extension headers and fragments, TCP, UDP and ICMP,
 * and the header quoted inside an ICMP error. Tunnels are opened only on request. Every refusal has
 * a named reason; nothing is guessed from what is not there.
 *
 * Threads: pure functions over the caller's memory.
 */
#pragma once
#include "base/addr.h"
#include "packet/capture.h"

/* What a packet is, by its outermost headers. name is what the report and JSON say. */
#define HIN_PACKET_KINDS(X)                                                                        \
	X(HIN_TCP_SYN, "tcp-syn")                                                                  \
	X(HIN_TCP_SYN_ACK, "tcp-syn-ack")                                                          \
	X(HIN_TCP_RST, "tcp-rst")                                                                  \
	X(HIN_TCP_ACK, "tcp-ack")                                                                  \
	X(HIN_TCP_OTHER, "tcp-other")                                                              \
	X(HIN_UDP, "udp")                                                                          \
	X(HIN_ICMP, "icmp")                                                                        \
	X(HIN_ICMP6, "icmp6")                                                                      \
	X(HIN_FRAGMENT, "fragment")                                                                \
	X(HIN_OTHER_PROTOCOL, "other-protocol")

enum hin_packet_kind {
#define X(name, text) name,
	HIN_PACKET_KINDS(X)
#undef X
		HIN_PACKET_KIND_COUNT
};

/* Why a frame or a part of it was refused. `fatal` ones give no packet at all. */
#define HIN_REFUSALS(X)                                                                            \
	X(HIN_REFUSED_NOT_IP, "not-ip")                                                            \
	X(HIN_REFUSED_LINK_UNKNOWN, "link-type-unknown")                                           \
	X(HIN_REFUSED_LINK_TRUNCATED, "link-header-truncated")                                     \
	X(HIN_REFUSED_LINK_DEPTH, "link-headers-too-deep")                                         \
	X(HIN_REFUSED_IP_VERSION, "ip-version-wrong")                                              \
	X(HIN_REFUSED_IP_TRUNCATED, "ip-header-truncated")                                         \
	X(HIN_REFUSED_IP_HEADER_LENGTH, "ip-header-length-wrong")                                  \
	X(HIN_REFUSED_IP_LENGTH, "ip-length-wrong")                                                \
	X(HIN_REFUSED_EXTENSION, "ipv6-extension-wrong")                                           \
	X(HIN_REFUSED_EXTENSION_DEPTH, "ipv6-extensions-too-many")                                 \
	X(HIN_REFUSED_TRANSPORT, "transport-header-truncated")                                     \
	X(HIN_REFUSED_TCP_HEADER_LENGTH, "tcp-header-length-wrong")                                \
	X(HIN_REFUSED_TCP_OPTIONS, "tcp-options-wrong")                                            \
	X(HIN_REFUSED_UDP_LENGTH, "udp-length-wrong")                                              \
	X(HIN_REFUSED_QUOTE, "icmp-quote-unusable")                                                \
	X(HIN_REFUSED_TUNNEL, "tunnel-header-wrong")                                               \
	X(HIN_REFUSED_TUNNEL_DEPTH, "tunnels-too-deep")

enum hin_refusal {
#define X(name, text) name,
	HIN_REFUSALS(X)
#undef X
		HIN_REFUSAL_COUNT,
	HIN_REFUSED_NOTHING = 255
};

const char *hin_packet_kind_name(enum hin_packet_kind kind);
const char *hin_refusal_name(enum hin_refusal reason);
/* IANA name of an ICMP or ICMPv6 type ("echo-request"), or NULL when it has none here. */
const char *hin_icmp_type_name(bool v6, uint8_t type);
bool hin_icmp_is_error(bool v6, uint8_t type);

/* Facts about one packet that a bit says. */
enum {
	HIN_PACKET_DF = 1u << 0,	   /* IPv4 "don't fragment" */
	HIN_PACKET_FRAGMENTED = 1u << 1,   /* part of a fragmented datagram */
	HIN_PACKET_TUNNELLED = 1u << 2,	   /* decapsulated */
	HIN_PACKET_PAYLOAD = 1u << 3,	   /* carries bytes behind the transport header */
	HIN_PACKET_OPTIONS = 1u << 4,	   /* tcp_options is filled: options were whole and sane */
	HIN_PACKET_QUOTE = 1u << 5,	   /* an ICMP error with a usable quoted header */
	HIN_PACKET_UDP_ANSWER = 1u << 6,   /* the payload itself says that it is an answer */
	HIN_PACKET_UDP_QUESTION = 1u << 7, /* the payload itself says that it is a question */
	HIN_PACKET_ROUTER_KILL = 1u << 8,  /* router advertisement with lifetime 0 */
	HIN_PACKET_V4 = 1u << 9,	   /* by its header, IPv4: so are both addresses */
};

/* One packet; two cache lines. Ports are in host order. */
struct hin_packet {
	int64_t time_us; /* µs since 1970 UTC */
	struct hin_addr src, dst;
	uint16_t sport, dport; /* ICMP: type and code; 0 where there are none */
	uint32_t bytes;	       /* IP length on the wire, header included */
	uint32_t seq;	       /* TCP sequence number */
	uint16_t ip_id;	       /* IPv4 identification; 0 for IPv6 */
	uint16_t window;       /* TCP */
	/* second line */
	uint64_t tcp_options; /* kinds of the options in order, four bits each, first lowest; 0xf =
				 other */
	uint32_t flags;	      /* HIN_PACKET_* */
	uint32_t marks;	      /* the telescope's own, see telescope/marks.h */
	struct hin_addr quoted_dst; /* of the header quoted in an ICMP error */
	uint16_t quoted_port;	    /* its destination port */
	uint8_t quoted_proto;
	uint8_t kind;  /* enum hin_packet_kind */
	uint8_t proto; /* IANA, of the last header that was read */
	uint8_t ttl;
	uint8_t tcp_flags; /* CWR ECE URG ACK PSH RST SYN FIN */
	uint8_t refusal;   /* a part that could not be read, or HIN_REFUSED_NOTHING */
	uint16_t frame;	   /* index in the batch it came from */
	uint16_t mss;	   /* TCP option, 0 = none */
	uint32_t key;	   /* the telescope's own: class and port that it counts for, */
	uint64_t hash;	   /* and a hash of the source; hin_decode() leaves both 0 */
} __attribute__((aligned(64)));

/* Which tunnels to open; depth is bounded by HIN_TUNNEL_DEPTH. */
enum {
	HIN_DECAP_GRE = 1,
	HIN_DECAP_VXLAN = 2,
	HIN_DECAP_IPIP = 4, /* 4in4, 6in4, 4in6, 6in6 */
};

#define HIN_TUNNEL_DEPTH 4
#define HIN_LINK_DEPTH 8	/* VLAN tags and MPLS labels, together */
#define HIN_EXTENSION_DEPTH 12	/* IPv6 extension headers */
#define HIN_TCP_OPTION_DEPTH 16 /* options noted in tcp_options */

/*
 * Decode `frame` into `out`. True when there is an IP packet: everything in `out` is set, and
 * out->refusal names a part that was damaged (then the fields behind it are zero). False when the
 * frame holds none: only out->refusal is set.
 */
bool hin_decode(struct hin_packet *out, const struct hin_frame *frame, unsigned decap);

/*
 * Decode frames[from] to frames[to - 1] into `out`, which has room for as many packets and is
 * filled densely: packet.frame says which frame it is from. Returns how many hold a packet; frames
 * without one are counted by reason in `refused`. Each as hin_decode() has it.
 */
size_t hin_decode_batch(struct hin_packet *out, const struct hin_frame *frames, size_t from,
			size_t to, unsigned decap, uint64_t refused[HIN_REFUSAL_COUNT]);
