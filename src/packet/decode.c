#include "packet/decode_priv.h"

#include <netinet/in.h>

enum {
	ETHER_IPV6 = 0x86dd,
	ETHER_VLAN = 0x8100,
	ETHER_QINQ = 0x88a8,
	ETHER_QINQ_OLD = 0x9100,
	ETHER_MPLS = 0x8847,
	ETHER_MPLS_MULTI = 0x8848,
	ETHER_PPPOE = 0x8864,
	ETHER_FABRICPATH = 0x8903, /* Cisco: a tag, then the whole Ethernet frame */
	ETHER_BRIDGED = 0x6558,	   /* transparent Ethernet bridging, in GRE */
	PPP_IPV4 = 0x0021,
	PPP_IPV6 = 0x0057,
	PPP_MPLS = 0x0281,
	PORT_VXLAN = 4789,
};

const char *hin_packet_kind_name(enum hin_packet_kind kind)
{
	static const char *const names[] = {
#define X(name, text) text,
		HIN_PACKET_KINDS(X)
#undef X
	};

	return (size_t)kind < HIN_COUNT(names) ? names[kind] : "unknown";
}

const char *hin_refusal_name(enum hin_refusal reason)
{
	static const char *const names[] = {
#define X(name, text) text,
		HIN_REFUSALS(X)
#undef X
	};

	return (size_t)reason < HIN_COUNT(names) ? names[reason] : "none";
}

const char *hin_icmp_type_name(bool v6, uint8_t type)
{
	/* IANA "ICMP Parameters" and "ICMPv6 Parameters" */
	static const char *const v4_names[] = {
		[0] = "echo-reply",	      [3] = "destination-unreachable",
		[4] = "source-quench",	      [5] = "redirect",
		[8] = "echo-request",	      [9] = "router-advertisement",
		[10] = "router-solicitation", [11] = "time-exceeded",
		[12] = "parameter-problem",   [13] = "timestamp-request",
		[14] = "timestamp-reply",     [15] = "information-request",
		[16] = "information-reply",   [17] = "address-mask-request",
		[18] = "address-mask-reply",  [42] = "extended-echo-request",
		[43] = "extended-echo-reply",
	};
	static const char *const v6_names[] = {
		[1] = "destination-unreachable",
		[2] = "packet-too-big",
		[3] = "time-exceeded",
		[4] = "parameter-problem",
		[128] = "echo-request",
		[129] = "echo-reply",
		[130] = "multicast-listener-query",
		[131] = "multicast-listener-report",
		[132] = "multicast-listener-done",
		[133] = "router-solicitation",
		[134] = "router-advertisement",
		[135] = "neighbor-solicitation",
		[136] = "neighbor-advertisement",
		[137] = "redirect",
		[139] = "node-information-query",
		[140] = "node-information-reply",
		[143] = "multicast-listener-report-v2",
		[160] = "extended-echo-request",
		[161] = "extended-echo-reply",
	};

	if (v6)
		return type < HIN_COUNT(v6_names) ? v6_names[type] : NULL;
	return type < HIN_COUNT(v4_names) ? v4_names[type] : NULL;
}

bool hin_icmp_is_error(bool v6, uint8_t type)
{
	if (v6)
		return type >= 1 && type <= 4; /* RFC 4443, 2.1 */
	return type == 3 || type == 4 || type == 5 || type == 11 ||
	       type == 12; /* RFC 1122, 3.2.2 */
}

/* What one decoding passes from layer to layer. */
struct state {
	struct hin_packet *out;
	unsigned decap;
	unsigned link_depth;
	unsigned tunnel_depth;
};

static bool decode_ethertype(struct state *s, struct hin_reader in, uint16_t type);
static bool decode_ethernet(struct state *s, struct hin_reader in);
static bool decode_ip(struct state *s, struct hin_reader in);

static bool refuse(struct state *s, enum hin_refusal reason)
{
	s->out->refusal = (uint8_t)reason;
	return false;
}

/* A damaged part behind a good IP header: the packet counts, the rest stays zero. */
static bool damaged(struct state *s, enum hin_refusal reason)
{
	s->out->refusal = (uint8_t)reason;
	return true;
}

/* ---- TCP ---- */

/* The classes that the marks need (RFC 9293 3.1): kinds in order, and the MSS. */
static void decode_tcp_options(struct hin_packet *out, const uint8_t *at, size_t size)
{
	uint64_t order = 0;
	unsigned noted = 0;

	while (size > 0) {
		uint8_t kind = at[0];
		size_t len = 1;

		if (kind > 1) {
			if (size < 2 || at[1] < 2 || at[1] > size) {
				out->refusal = HIN_REFUSED_TCP_OPTIONS;
				return;
			}
			len = at[1];
			if (kind == 2 && len == 4)
				out->mss = (uint16_t)(at[2] << 8 | at[3]);
		}
		if (kind == 0) {
			/* zero in `order` means "no more", which an end of options is; the rest is
			 * padding */
			break;
		}
		if (noted < HIN_TCP_OPTION_DEPTH)
			order |= (uint64_t)(kind < 15 ? kind : 15) << (4 * noted++);
		at += len;
		size -= len;
	}
	out->tcp_options = order;
	out->flags |= HIN_PACKET_OPTIONS;
}

/* `size` bytes were recorded of a segment that is `wire` bytes long. */
static bool decode_tcp(struct state *s, const uint8_t *at, size_t size, size_t wire)
{
	struct hin_packet *out = s->out;
	size_t header;

	if (HIN_UNLIKELY(size < 14)) {
		/* four bytes still give the ports, as ICMP quotes do */
		if (size >= 4) {
			out->sport = be16(at);
			out->dport = be16(at + 2);
		}
		return damaged(s, HIN_REFUSED_TRANSPORT);
	}
	out->sport = be16(at);
	out->dport = be16(at + 2);
	out->seq = be32(at + 4);
	out->tcp_flags = at[13];
	out->kind = kind_of_flags(at[13]);
	header = (size_t)(at[12] >> 4) * 4;
	if (HIN_UNLIKELY(size < 20))
		return damaged(s, HIN_REFUSED_TRANSPORT);
	out->window = be16(at + 14);
	if (HIN_UNLIKELY(header < 20 || header > wire))
		return damaged(s, HIN_REFUSED_TCP_HEADER_LENGTH);
	if (wire > header)
		out->flags |= HIN_PACKET_PAYLOAD;
	if (header == 20)
		out->flags |= HIN_PACKET_OPTIONS;
	else if (header <= size)
		decode_tcp_options(out, at + 20, header - 20);
	return true;
}

/* ---- UDP ---- */

/* Does the payload of a well-known protocol say what it is? Each rule names its source. */
static uint32_t udp_role(uint16_t sport, uint16_t dport, const uint8_t *at, size_t size)
{
	uint16_t service = sport == 53 || sport == 123 || sport == 389 || sport == 1900 ||
					   sport == 11211 || sport == 5353 || sport == 5355 ||
					   sport == 6881
				   ? sport
				   : dport;

	switch (service) {
	case 53:
	case 5353:
	case 5355: /* RFC 1035 4.1.1, RFC 6762, RFC 4795: QR */
		if (size < 12)
			return 0;
		return at[2] & 0x80 ? HIN_PACKET_UDP_ANSWER : HIN_PACKET_UDP_QUESTION;
	case 123: { /* RFC 5905 7.3: modes 1 and 3 ask, 2 and 4 answer; modes 6 and 7: response bit
		     */
		unsigned mode;

		if (size < 4)
			return 0;
		mode = at[0] & 7;
		if (mode == 6)
			return at[1] & 0x80 ? HIN_PACKET_UDP_ANSWER : HIN_PACKET_UDP_QUESTION;
		if (mode == 7)
			return at[0] & 0x80 ? HIN_PACKET_UDP_ANSWER : HIN_PACKET_UDP_QUESTION;
		if (mode == 2 || mode == 4)
			return HIN_PACKET_UDP_ANSWER;
		return mode == 1 || mode == 3 ? HIN_PACKET_UDP_QUESTION : 0;
	}
	case 6881: /* BitTorrent, BEP 5: a dictionary whose first key says it; BEP 29: ST_SYN */
		if (size >= 5 && memcmp(at, "d1:", 3) == 0)
			return at[3] == 'r' || at[3] == 'e' ? HIN_PACKET_UDP_ANSWER
							    : HIN_PACKET_UDP_QUESTION;
		return size >= 20 && at[0] == 0x41 ? HIN_PACKET_UDP_QUESTION : 0;
	case 1900: /* UPnP Device Architecture 2.0, 1.3 */
		if (size >= 8 && memcmp(at, "HTTP/1.", 7) == 0)
			return HIN_PACKET_UDP_ANSWER;
		if (size >= 8 && memcmp(at, "M-SEARCH", 8) == 0)
			return HIN_PACKET_UDP_QUESTION;
		return 0;
	default:
		return 0;
	}
}

static bool decode_udp(struct state *s, const uint8_t *at, size_t size, size_t wire)
{
	struct hin_packet *out = s->out;
	size_t length;

	out->kind = HIN_UDP;
	if (HIN_UNLIKELY(size < 8)) {
		if (size >= 4) {
			out->sport = be16(at);
			out->dport = be16(at + 2);
		}
		return damaged(s, HIN_REFUSED_TRANSPORT);
	}
	out->sport = be16(at);
	out->dport = be16(at + 2);
	length = be16(at + 4);
	if (HIN_UNLIKELY((length < 8 && length != 0) ||
			 (length > wire && (out->flags & HIN_PACKET_FRAGMENTED) == 0)))
		return damaged(s, HIN_REFUSED_UDP_LENGTH);
	if (wire > 8)
		out->flags |= HIN_PACKET_PAYLOAD;
	if (s->decap & HIN_DECAP_VXLAN && out->dport == PORT_VXLAN) {
		struct hin_reader in = hin_reader_of(at + 8, size - 8);
		const uint8_t *vxlan = hin_read_bytes(&in, 8);

		if (vxlan == NULL || (vxlan[0] & 0x08) == 0) /* RFC 7348, 5: the I flag */
			return damaged(s, HIN_REFUSED_TUNNEL);
		if (++s->tunnel_depth > HIN_TUNNEL_DEPTH)
			return damaged(s, HIN_REFUSED_TUNNEL_DEPTH);
		return decode_ethernet(s, in);
	}
	out->flags |= udp_role(out->sport, out->dport, at + 8, size - 8);
	return true;
}

/* ---- ICMP ---- */

/* Note where the quoted packet went: RFC 792, RFC 4443 (the offending packet, from its IP header).
 */
static void decode_quote(struct hin_packet *out, const uint8_t *at, size_t size)
{
	struct hin_addr quoted_src;
	size_t header;

	out->refusal = HIN_REFUSED_QUOTE;
	if (size < 1)
		return;
	if (at[0] >> 4 == 4) {
		header = (size_t)(at[0] & 15) * 4;
		if (size < 20 || header < 20 || header > size)
			return;
		quoted_src = hin_addr_of_v4(be32(at + 12));
		out->quoted_dst = hin_addr_of_v4(be32(at + 16));
		out->quoted_proto = at[9];
		if ((be16(at + 6) & 0x1fff) != 0)
			header = size; /* a later fragment has no ports */
	} else if (at[0] >> 4 == 6) {
		if (size < 40)
			return;
		memcpy(quoted_src.b, at + 8, 16);
		memcpy(out->quoted_dst.b, at + 24, 16);
		out->quoted_proto = at[6];
		header = 40;
	} else {
		return;
	}
	if ((out->quoted_proto == IPPROTO_TCP || out->quoted_proto == IPPROTO_UDP) &&
	    size - header >= 4)
		out->quoted_port = be16(at + header + 2);
	out->refusal = HIN_REFUSED_NOTHING;
	/* Corsaro's dos plugin counts a mismatch: the quote must be of a packet "we" sent. */
	if (hin_addr_equal(&quoted_src, &out->dst))
		out->flags |= HIN_PACKET_QUOTE;
}

static bool decode_icmp(struct state *s, const uint8_t *at, size_t size, bool v6)
{
	struct hin_packet *out = s->out;

	out->kind = v6 ? HIN_ICMP6 : HIN_ICMP;
	if (HIN_UNLIKELY(size < 2))
		return damaged(s, HIN_REFUSED_TRANSPORT);
	out->sport = at[0];
	out->dport = at[1];
	if (HIN_UNLIKELY(size < 8))
		return damaged(s, HIN_REFUSED_TRANSPORT);
	if (v6 && at[0] == 134 && be16(at + 6) == 0) /* RFC 4861, 4.2: lifetime 0 = not a router */
		out->flags |= HIN_PACKET_ROUTER_KILL;
	if (hin_icmp_is_error(v6, at[0]))
		decode_quote(out, at + 8, size - 8);
	return true;
}

/* ---- GRE (RFC 2784, RFC 2890) ---- */

static bool decode_gre(struct state *s, const uint8_t *at, size_t size)
{
	struct hin_reader in = hin_reader_of(at, size);
	uint16_t flags = hin_read_be16(&in);
	uint16_t type = hin_read_be16(&in);
	bool erspan_like = (flags & 7) != 0;

	if (in.failed || erspan_like)
		return damaged(s, HIN_REFUSED_TUNNEL);
	if (++s->tunnel_depth > HIN_TUNNEL_DEPTH)
		return damaged(s, HIN_REFUSED_TUNNEL_DEPTH);
	if (flags & 0x8000)
		hin_read_skip(&in, 4); /* checksum, reserved */
	if (flags & 0x2000)
		hin_read_skip(&in, 4); /* key */
	if (flags & 0x1000)
		hin_read_skip(&in, 4); /* sequence */
	if (in.failed)
		return damaged(s, HIN_REFUSED_TUNNEL);
	s->out->flags |= HIN_PACKET_TUNNELLED;
	if (type == ETHER_BRIDGED)
		return decode_ethernet(s, in);
	return decode_ethertype(s, in, type);
}

/* ---- the layer above IP ---- */

static bool decode_transport(struct state *s, const uint8_t *at, size_t size, size_t wire,
			     uint8_t proto)
{
	struct hin_packet *out = s->out;

	out->proto = proto;
	switch (proto) {
	case IPPROTO_TCP:
		out->kind = HIN_TCP_OTHER;
		return decode_tcp(s, at, size, wire);
	case IPPROTO_UDP:
		return decode_udp(s, at, size, wire);
	case IPPROTO_ICMP:
		return decode_icmp(s, at, size, false);
	case IPPROTO_ICMPV6:
		return decode_icmp(s, at, size, true);
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		if ((s->decap & HIN_DECAP_IPIP) == 0)
			break;
		if (++s->tunnel_depth > HIN_TUNNEL_DEPTH)
			return damaged(s, HIN_REFUSED_TUNNEL_DEPTH);
		out->flags |= HIN_PACKET_TUNNELLED;
		return decode_ip(s, hin_reader_of(at, size));
	case IPPROTO_GRE:
		if ((s->decap & HIN_DECAP_GRE) == 0)
			break;
		return decode_gre(s, at, size);
	default:
		break;
	}
	out->kind = HIN_OTHER_PROTOCOL;
	return true;
}

/* Begin a packet: what an outer header of a tunnel left behind goes. */
static void begin_packet(struct state *s)
{
	struct hin_packet *out = s->out;
	int64_t time_us = out->time_us;
	uint16_t frame = out->frame;
	uint32_t tunnelled = s->tunnel_depth > 0 ? HIN_PACKET_TUNNELLED : 0;

	memset(out, 0, sizeof(*out));
	out->time_us = time_us;
	out->frame = frame;
	out->flags = tunnelled;
	out->kind = HIN_OTHER_PROTOCOL;
	out->refusal = HIN_REFUSED_NOTHING;
}

static bool decode_ipv4(struct state *s, const uint8_t *at, size_t size)
{
	struct hin_packet *out = s->out;
	size_t header, total;
	uint16_t offset;

	if (HIN_UNLIKELY(size < 20))
		return refuse(s, HIN_REFUSED_IP_TRUNCATED);
	header = (size_t)(at[0] & 15) * 4;
	if (HIN_UNLIKELY(header < 20))
		return refuse(s, HIN_REFUSED_IP_HEADER_LENGTH);
	total = be16(at + 2);
	begin_packet(s);
	out->flags |= HIN_PACKET_V4;
	out->src = hin_addr_of_v4(be32(at + 12));
	out->dst = hin_addr_of_v4(be32(at + 16));
	out->ip_id = be16(at + 4);
	out->ttl = at[8];
	out->proto = at[9];
	out->bytes = (uint32_t)total;
	if (total == 0) {
		/* segmentation offload writes 0 (Linux "BIG TCP"): the frame's own size is all
		 * there is */
		total = size;
		out->bytes = (uint32_t)size;
	}
	if (HIN_UNLIKELY(total < header))
		return refuse(s, HIN_REFUSED_IP_LENGTH);
	if (HIN_UNLIKELY(header > size))
		return refuse(s, HIN_REFUSED_IP_TRUNCATED);
	if (size > total)
		size = total; /* link padding */
	offset = be16(at + 6);
	if (offset & 0x4000)
		out->flags |= HIN_PACKET_DF;
	if (HIN_UNLIKELY((offset & 0x3fff) != 0)) {
		out->flags |= HIN_PACKET_FRAGMENTED;
		if ((offset & 0x1fff) != 0) {
			out->kind = HIN_FRAGMENT;
			return true;
		}
	}
	return decode_transport(s, at + header, size - header, total - header, at[9]);
}

static bool decode_ipv6(struct state *s, const uint8_t *packet, size_t size)
{
	struct hin_packet *out = s->out;
	struct hin_reader in = hin_reader_of(packet, size);
	const uint8_t *at = hin_read_bytes(&in, 40);
	size_t wire;
	uint8_t next;

	if (at == NULL)
		return refuse(s, HIN_REFUSED_IP_TRUNCATED);
	begin_packet(s);
	memcpy(out->src.b, at + 8, 16);
	memcpy(out->dst.b, at + 24, 16);
	out->ttl = at[7];
	next = at[6];
	wire = be16(at + 4);
	if (wire == 0)
		wire = in.left; /* a jumbogram (RFC 2675) or offload */
	out->bytes = (uint32_t)(wire + 40);
	if (in.left > wire)
		in.left = wire;
	for (unsigned depth = 0;; depth++) {
		struct hin_reader before = in;
		size_t length;

		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
		    next != IPPROTO_FRAGMENT && next != IPPROTO_AH && next != 135 /* mobility */ &&
		    next != 139 /* HIP */ && next != 140 /* shim6 */)
			break;
		out->proto = next;
		if (depth >= HIN_EXTENSION_DEPTH)
			return damaged(s, HIN_REFUSED_EXTENSION_DEPTH);
		at = hin_read_bytes(&in, 8);
		if (at == NULL)
			return damaged(s, HIN_REFUSED_EXTENSION);
		if (next == IPPROTO_FRAGMENT) {
			uint16_t offset = be16(at + 2);

			if ((offset & 0xfff9) != 0)
				out->flags |= HIN_PACKET_FRAGMENTED;
			next = at[0];
			out->proto = next;
			if ((offset & 0xfff8) != 0) {
				out->kind = HIN_FRAGMENT;
				return true;
			}
			wire -= wire < 8 ? wire : 8;
			continue;
		}
		/* RFC 8200 4.3: in 8-byte units beyond the first 8; RFC 4302 2.2: 4-byte units less
		 * 2 */
		length = next == IPPROTO_AH ? ((size_t)at[1] + 2) * 4 : ((size_t)at[1] + 1) * 8;
		in = before;
		next = at[0];
		hin_read_skip(&in, length);
		if (in.failed)
			return damaged(s, HIN_REFUSED_EXTENSION);
		wire -= wire < length ? wire : length;
	}
	if (next == IPPROTO_NONE) {
		out->proto = next;
		return true;
	}
	return decode_transport(s, in.pos, in.left, wire, next);
}

static bool decode_ip(struct state *s, struct hin_reader in)
{
	if (HIN_UNLIKELY(in.left < 1))
		return refuse(s, HIN_REFUSED_IP_TRUNCATED);
	switch (in.pos[0] >> 4) {
	case 4:
		return decode_ipv4(s, in.pos, in.left);
	case 6:
		return decode_ipv6(s, in.pos, in.left);
	default:
		return refuse(s, HIN_REFUSED_IP_VERSION);
	}
}

/* ---- link layers ---- */

static bool decode_mpls(struct state *s, struct hin_reader in)
{
	for (;;) { /* RFC 3032 2.1 */
		uint32_t label = hin_read_be32(&in);

		if (in.failed)
			return refuse(s, HIN_REFUSED_LINK_TRUNCATED);
		if (++s->link_depth > HIN_LINK_DEPTH)
			return refuse(s, HIN_REFUSED_LINK_DEPTH);
		if (label & 0x100) /* bottom of stack */
			break;
	}
	if (in.left < 1)
		return refuse(s, HIN_REFUSED_IP_TRUNCATED);
	if (in.pos[0] >> 4 == 4 || in.pos[0] >> 4 == 6)
		return decode_ip(s, in);
	if (in.left > 4 + 14 && in.pos[0] >> 4 == 0 && be32(in.pos) >> 28 == 0) {
		/* a pseudowire's control word (RFC 4385), then Ethernet */
		hin_read_skip(&in, 4);
		return decode_ethernet(s, in);
	}
	return refuse(s, HIN_REFUSED_NOT_IP);
}

static bool decode_ppp(struct state *s, struct hin_reader in)
{
	uint16_t protocol;

	if (in.left >= 2 && in.pos[0] == 0xff && in.pos[1] == 0x03)
		hin_read_skip(&in, 2); /* address and control, RFC 1662 */
	if (in.left > 0 && in.pos[0] & 1)
		protocol = hin_read_u8(&in); /* compressed protocol field */
	else
		protocol = hin_read_be16(&in);
	if (in.failed)
		return refuse(s, HIN_REFUSED_LINK_TRUNCATED);
	if (protocol == PPP_IPV4 || protocol == PPP_IPV6)
		return decode_ip(s, in);
	if (protocol == PPP_MPLS)
		return decode_mpls(s, in);
	return refuse(s, HIN_REFUSED_NOT_IP);
}

static bool decode_llc(struct state *s, struct hin_reader in)
{
	const uint8_t *llc = hin_read_bytes(&in, 3);

	if (llc == NULL)
		return refuse(s, HIN_REFUSED_LINK_TRUNCATED);
	if (llc[0] == 0xaa && llc[1] == 0xaa && llc[2] == 3) { /* SNAP, RFC 1042 */
		hin_read_skip(&in, 3);
		return decode_ethertype(s, in, hin_read_be16(&in));
	}
	if (llc[0] == 6 && llc[1] == 6)
		return decode_ip(s, in);
	return refuse(s, HIN_REFUSED_NOT_IP);
}

static bool decode_ethertype(struct state *s, struct hin_reader in, uint16_t type)
{
	for (;;) {
		if (HIN_LIKELY(type == ETHER_IPV4 || type == ETHER_IPV6)) {
			return decode_ip(s, in);
		}
		if (in.failed)
			return refuse(s, HIN_REFUSED_LINK_TRUNCATED);
		if (type == ETHER_VLAN || type == ETHER_QINQ || type == ETHER_QINQ_OLD) {
			hin_read_skip(&in, 2);
			type = hin_read_be16(&in);
			if (in.failed)
				return refuse(s, HIN_REFUSED_LINK_TRUNCATED);
			if (++s->link_depth > HIN_LINK_DEPTH)
				return refuse(s, HIN_REFUSED_LINK_DEPTH);
			continue;
		}
		break;
	}
	if (type == ETHER_MPLS || type == ETHER_MPLS_MULTI)
		return decode_mpls(s, in);
	if (type == ETHER_FABRICPATH) {
		hin_read_skip(&in, 2);
		if (++s->link_depth > HIN_LINK_DEPTH)
			return refuse(s, HIN_REFUSED_LINK_DEPTH);
		return decode_ethernet(s, in);
	}
	if (type == ETHER_PPPOE) {
		hin_read_skip(&in, 6); /* RFC 2516, 4 */
		return decode_ppp(s, in);
	}
	if (type < 0x600) /* IEEE 802.3: a length */
		return decode_llc(s, in);
	return refuse(s, HIN_REFUSED_NOT_IP);
}

static bool decode_ethernet(struct state *s, struct hin_reader in)
{
	const uint8_t *header = hin_read_bytes(&in, 14);

	if (HIN_UNLIKELY(header == NULL))
		return refuse(s, HIN_REFUSED_LINK_TRUNCATED);
	return decode_ethertype(s, in, be16(header + 12));
}

/* null/loop: an address family in the recorder's own byte order, or big-endian. */
static bool decode_null(struct state *s, struct hin_reader in)
{
	uint32_t family = hin_read_le32(&in);

	if (in.failed)
		return refuse(s, HIN_REFUSED_LINK_TRUNCATED);
	if ((family & 0xffff) == 0)
		family = HIN_BE32(HIN_LE32(family));
	/* AF_INET is 2 everywhere; AF_INET6 is 10 (Linux), 24, 28 or 30 (BSDs, macOS) */
	if (family == 2 || family == 10 || family == 24 || family == 28 || family == 30)
		return decode_ip(s, in);
	return refuse(s, HIN_REFUSED_NOT_IP);
}

static bool decode_link(struct state *s, struct hin_reader in, uint16_t link)
{
	uint16_t type;

	switch (link) {
	case HIN_LINK_ETHERNET:
		return decode_ethernet(s, in);
	case HIN_LINK_RAW:
	case HIN_LINK_RAW_OLD:
	case HIN_LINK_RAW_OLD_OPENBSD:
		return decode_ip(s, in);
	case HIN_LINK_IPV4:
	case HIN_LINK_IPV6:
		if (in.left > 0 && in.pos[0] >> 4 != (link == HIN_LINK_IPV4 ? 4 : 6))
			return refuse(s, HIN_REFUSED_IP_VERSION);
		return decode_ip(s, in);
	case HIN_LINK_NULL:
	case HIN_LINK_LOOP:
		return decode_null(s, in);
	case HIN_LINK_SLL:
		hin_read_skip(&in, 14);
		type = hin_read_be16(&in);
		break;
	case HIN_LINK_SLL2:
		type = hin_read_be16(&in);
		hin_read_skip(&in, 18);
		break;
	case HIN_LINK_PPP:
		/* the recorder may not have known: Cisco's framing begins with 0f or 8f */
		if (in.left < 2 || (in.pos[0] != 0x0f && in.pos[0] != 0x8f) || in.pos[1] != 0)
			return decode_ppp(s, in);
		hin_read_skip(&in, 2);
		type = hin_read_be16(&in);
		break;
	case HIN_LINK_CHDLC:
		hin_read_skip(&in, 2);
		type = hin_read_be16(&in);
		break;
	default:
		return refuse(s, HIN_REFUSED_LINK_UNKNOWN);
	}
	if (in.failed)
		return refuse(s, HIN_REFUSED_LINK_TRUNCATED);
	return decode_ethertype(s, in, type);
}

bool hin_decode_any(struct hin_packet *out, const struct hin_frame *frame, int64_t time_us,
		    unsigned decap)
{
	struct state s = { .out = out, .decap = decap };

	out->time_us = time_us;
	out->refusal = HIN_REFUSED_NOTHING;
	if (HIN_LIKELY(frame->link == HIN_LINK_ETHERNET && frame->size >= 34 &&
		       be16(frame->data + 12) == ETHER_IPV4 && frame->data[14] >> 4 == 4))
		return decode_ipv4(&s, frame->data + 14, frame->size - 14);
	return decode_link(&s, hin_reader_of(frame->data, frame->size), frame->link);
}
