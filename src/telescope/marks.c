#include "telescope/marks.h"

#include <netinet/in.h>

/* ---- sources that cannot be ---- */

/* IPv4 special-purpose addresses by first octet, so that one load answers for nearly all sources.
 */
static uint32_t source_marks_v4(uint32_t a)
{
	switch (a >> 24) {
	case 0:	  /* RFC 791: "this network" */
	case 127: /* loopback */
		return HIN_MARK_BOGON | HIN_MARK_SPOOFED;
	case 10:
		return HIN_MARK_UNROUTABLE;
	case 100: /* RFC 6598 shared */
		return (a >> 22) == (100u << 2 | 1) ? HIN_MARK_UNROUTABLE : 0;
	case 169:
		return (a >> 16) == 0xa9fe ? HIN_MARK_UNROUTABLE : 0;
	case 172:
		return (a >> 20) == 0xac1 ? HIN_MARK_UNROUTABLE : 0;
	case 192:
		if (a >> 16 == 0xc0a8)
			return HIN_MARK_UNROUTABLE;
		/* RFC 6890 192.0.0.0/24, RFC 5737 192.0.2.0/24, RFC 7526 192.88.99.0/24 */
		if (a >> 8 == 0xc00000 || a >> 8 == 0xc00002 || a >> 8 == 0xc05863)
			return HIN_MARK_BOGON;
		return 0;
	case 198: /* RFC 2544 benchmarks, RFC 5737 */
		return a >> 17 == 0xc612 >> 1 || a >> 8 == 0xc63364 ? HIN_MARK_BOGON : 0;
	case 203:
		return a >> 8 == 0xcb0071 ? HIN_MARK_BOGON : 0;
	default: /* multicast and class E */
		return a >= 0xe0000000u ? HIN_MARK_BOGON | HIN_MARK_SPOOFED : 0;
	}
}

static uint32_t source_marks_v6(const struct hin_addr *a)
{
	static const uint8_t none[15];

	if (a->b[0] == 0xff)
		return HIN_MARK_BOGON | HIN_MARK_SPOOFED;
	if (memcmp(a->b, none, 15) == 0 && a->b[15] <= 1) /* :: and ::1 */
		return HIN_MARK_BOGON | HIN_MARK_SPOOFED;
	if (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80)
		return HIN_MARK_UNROUTABLE;
	if ((a->b[0] & 0xfe) == 0xfc)
		return HIN_MARK_UNROUTABLE;
	if (a->b[0] == 0x20 && a->b[1] == 1 && a->b[2] == 0x0d && a->b[3] == 0xb8)
		return HIN_MARK_BOGON; /* RFC 3849 */
	if (a->b[0] == 1 && memcmp(a->b + 1, none, 7) == 0)
		return HIN_MARK_BOGON; /* RFC 6666 discard-only */
	return 0;
}

static bool is_loopback(const struct hin_addr *a)
{
	static const uint8_t v6[16] = { [15] = 1 };

	return hin_addr_is_v4(a) ? hin_addr_v4(a) >> 24 == 127 : memcmp(a->b, v6, 16) == 0;
}

/*
 * A source that is no one's, where it may stand: inside one machine, or before it has an address
 * (DHCP to the limited broadcast, RFC 2131 4.1; IPv6 to a multicast group, RFC 4862 5.4).
 */
static bool stays_home(const struct hin_packet *p)
{
	static const uint8_t none[16];

	if (is_loopback(&p->src))
		return is_loopback(&p->dst);
	if (hin_addr_is_v4(&p->src))
		return hin_addr_v4(&p->src) == 0 && hin_addr_is_v4(&p->dst) &&
		       hin_addr_v4(&p->dst) == UINT32_MAX;
	return memcmp(p->src.b, none, 16) == 0 && p->dst.b[0] == 0xff;
}

/* ---- tools ---- */

/* Orders of TCP options, four bits each, first lowest (see hin_packet.tcp_options). */
#define ORDER_NONE 0x0u
#define ORDER_MSS 0x2u
#define ORDER_LINUX 0x31842u	    /* MSS SACK TS NOP WS */
#define ORDER_LINUX_NO_TS 0x314112u /* MSS NOP NOP SACK NOP WS */
#define ORDER_WINDOWS 0x411312u	    /* MSS NOP WS NOP NOP SACK */
#define ORDER_WINDOWS_NO_WS 0x4112u /* MSS NOP NOP SACK */
#define ORDER_FREEBSD 0x84312u	    /* MSS NOP WS SACK TS */
#define ORDER_NETBSD 0x8114312u	    /* MSS NOP WS SACK NOP NOP TS */
#define ORDER_OPENBSD 0x811314112u  /* MSS NOP NOP SACK NOP WS NOP NOP TS */
#define ORDER_MACOS 0x4811312u	    /* MSS NOP WS NOP NOP TS SACK, end */

/* The sender's stack by its option order; a TTL above what the stack starts at refutes it. */
static unsigned stack_of(uint64_t order, uint8_t ttl)
{
	switch (order) {
	case ORDER_LINUX:
	case ORDER_LINUX_NO_TS:
		return ttl <= 64 ? HIN_SIGN_LINUX : HIN_SIGN_NONE;
	case ORDER_WINDOWS:
	case ORDER_WINDOWS_NO_WS:
		return ttl <= 128 ? HIN_SIGN_WINDOWS : HIN_SIGN_NONE;
	case ORDER_FREEBSD:
	case ORDER_NETBSD:
	case ORDER_OPENBSD:
		return ttl <= 64 ? HIN_SIGN_BSD : HIN_SIGN_NONE;
	case ORDER_MACOS:
		return ttl <= 64 ? HIN_SIGN_MACOS : HIN_SIGN_NONE;
	default:
		return HIN_SIGN_NONE;
	}
}

#define TCP_SYN_ALONE 0x02u

/* Layouts that ZMap's tcp_synscan sends: smallest (MSS), bsd, windows, linux. */
static bool zmap_layout(uint64_t order)
{
	return order == ORDER_MSS || order == ORDER_LINUX || order == ORDER_WINDOWS ||
	       order == ORDER_MACOS || order == ORDER_NONE;
}

/* It sets neither "don't fragment", as Macs behind a NAT of TTL 255 do, nor any bit of ECN. */
static bool zmap_habits(const struct hin_packet *p, bool far_ttl)
{
	return p->window == 65535 && far_ttl && (p->flags & HIN_PACKET_DF) == 0 &&
	       p->tcp_flags == TCP_SYN_ALONE && p->sport >= 32768 && p->sport <= 61000 &&
	       zmap_layout(p->tcp_options);
}

static bool zmap_datagram(const struct hin_packet *p)
{
	return p->ttl > 192 && (p->flags & HIN_PACKET_DF) == 0 &&
	       (p->kind != HIN_UDP || (p->sport >= 32768 && p->sport <= 61000));
}

static uint32_t syn_marks(const struct hin_packet *p, bool v4)
{
	uint32_t dst = v4 ? hin_addr_v4(&p->dst) : 0;
	uint64_t order = p->tcp_options;
	bool far_ttl = p->ttl > 192; /* started at 255 and crossed at most 63 hops */

	if (v4) {
		if (p->seq == dst)
			return HIN_SIGN_MIRAI | HIN_MARK_SHAPE;
		if (p->ip_id == 54321)
			return HIN_SIGN_ZMAP | (zmap_habits(p, far_ttl) ? HIN_MARK_SHAPE : 0);
		if (p->ip_id == (uint16_t)(dst ^ p->dport ^ p->seq))
			return HIN_SIGN_MASSCAN |
			       (p->window == 1024 && far_ttl && order <= ORDER_MSS ? HIN_MARK_SHAPE
										   : 0);
	}
	if ((!v4 || p->ip_id != 0) && zmap_habits(p, far_ttl))
		return HIN_SIGN_ZMAP_RANDOM_ID;
	if (order == ORDER_MSS && (p->window & 0x3ff) == 0 && p->window >= 1024 &&
	    p->window <= 4096 && p->ttl <= 64)
		return HIN_MARK_NMAP_SHAPE;
	if (order == ORDER_NONE) {
		if ((p->window == 64 || p->window == 512) && p->ttl <= 64 &&
		    (p->flags & HIN_PACKET_DF) == 0)
			return HIN_SIGN_HPING;
		return HIN_SIGN_NONE;
	}
	return stack_of(order, p->ttl);
}

void hin_mark(struct hin_packet *p, const struct hin_marker *marker)
{
	bool v4 = hin_addr_is_v4(&p->src);
	uint32_t marks =
		v4 ? source_marks_v4(hin_addr_v4(&p->src)) : source_marks_v6(&p->src) | HIN_MARK_V6;

	if (HIN_LIKELY(marker->dark_single)) {
		if (!hin_addr_is_v4(&p->dst) ||
		    ((hin_addr_v4(&p->dst) ^ marker->dark_base) & marker->dark_mask) != 0)
			marks |= HIN_MARK_OUTSIDE;
		else if (v4 &&
			 ((hin_addr_v4(&p->src) ^ marker->dark_base) & marker->dark_mask) == 0)
			marks |= HIN_MARK_SPOOFED; /* nobody lives there */
	} else if (marker->dark != NULL) {
		if (hin_prefix_tree_find(marker->dark, &p->dst) == HIN_PREFIX_NONE)
			marks |= HIN_MARK_OUTSIDE;
		else if (hin_prefix_tree_find(marker->dark, &p->src) != HIN_PREFIX_NONE)
			marks |= HIN_MARK_SPOOFED;
	}
	if (marker->member != NULL &&
	    hin_prefix_tree_find(marker->member, &p->src) != HIN_PREFIX_NONE)
		marks |= HIN_MARK_MEMBER;
	if (HIN_UNLIKELY(hin_addr_equal(&p->src, &p->dst)))
		marks |= HIN_MARK_SPOOFED; /* the "land" attack */
	if (HIN_UNLIKELY(marks & HIN_MARK_BOGON) && stays_home(p))
		marks &= ~(uint32_t)(HIN_MARK_BOGON | HIN_MARK_SPOOFED);
	if (p->kind == HIN_TCP_SYN && p->refusal == HIN_REFUSED_NOTHING)
		marks |= syn_marks(p, v4);
	else if (p->ip_id == 54321 && (p->kind == HIN_UDP || p->kind == HIN_ICMP))
		marks |= HIN_SIGN_ZMAP | (zmap_datagram(p) ? HIN_MARK_SHAPE : 0);
	p->marks = marks;
}
