/* role - which class and port a packet counts for. */
#include <netinet/in.h>

#include "telescope/names.h"
#include "telescope/shard_priv.h"

static bool icmp_asks(bool v6, uint16_t type)
{
	if (v6)
		return type == 128 || type == 139 || type == 160;
	return type == 8 || type == 13 || type == 15 || type == 17 || type == 42;
}

static bool icmp_answers(bool v6, uint16_t type)
{
	if (v6)
		return type == 129 || type == 140 || type == 161;
	return type == 0 || type == 14 || type == 16 || type == 18 || type == 43;
}

static struct role icmp_role(const struct hin_packet *p)
{
	bool v6 = p->kind == HIN_ICMP6;
	uint16_t type_code = (uint16_t)(p->sport << 8 | (p->dport & 0xff));

	if (p->flags & HIN_PACKET_QUOTE) {
		/* the victim is whom the quoted packet went to, at the quoted port */
		if (p->quoted_proto == IPPROTO_TCP)
			return (struct role){ HIN_CLASS_TCP_ANSWER, p->quoted_port };
		if (p->quoted_proto == IPPROTO_UDP)
			return (struct role){ HIN_CLASS_UDP_ANSWER, p->quoted_port };
		return (struct role){ HIN_CLASS_ICMP_ANSWER, 0 };
	}
	if (icmp_asks(v6, p->sport))
		return (struct role){ HIN_CLASS_ICMP, type_code };
	if (icmp_answers(v6, p->sport))
		return (struct role){ HIN_CLASS_ICMP_ANSWER, 0 };
	return (struct role){ HIN_CLASS_MISC, type_code };
}

/*
 * Spoken to everyone on a link: multicast, limited broadcast, or by its looks a subnet's broadcast.
 * That is how machines find each other, and it never leaves the link.
 */
static bool to_everyone(const struct hin_packet *p)
{
	uint32_t dst;

	if (!hin_addr_is_v4(&p->dst))
		return p->dst.b[0] == 0xff;
	dst = hin_addr_v4(&p->dst);
	if (dst >> 28 == 14 || dst == UINT32_MAX)
		return true;
	return (dst & 0xff) == 0xff && hin_addr_is_v4(&p->src) &&
	       (hin_addr_v4(&p->src) ^ dst) >> 8 == 0;
}

/*
 * A neighbour's answer to a question that was spoken to everyone (SSDP, mDNS, LLMNR, NetBIOS,
 * WS-Discovery, RFC 1001, RFC 4795, RFC 6762): asked for, though not of him. Its source is private
 * or of the link.
 */
static bool is_neighbours_answer(const struct hin_packet *p)
{
	return (p->marks & HIN_MARK_UNROUTABLE) != 0 &&
	       (p->sport == 137 || p->sport == 1900 || p->sport == 3702 || p->sport == 5353 ||
		p->sport == 5355);
}

/* Do the ports alone say that it is an answer? Between two amplifiers' ports the low one serves. */
static bool udp_by_port(const struct hin_packet *p)
{
	if (p->sport == p->dport || !hin_is_amplifier_port(p->sport))
		return false;
	return p->dport >= 1024 || !hin_is_amplifier_port(p->dport);
}

struct role hin_packet_role(const struct hin_packet *p, bool two_way)
{
	switch ((enum hin_packet_kind)p->kind) {
	case HIN_TCP_SYN:
		return (struct role){ HIN_CLASS_SYN, p->dport };
	case HIN_TCP_SYN_ACK:
	case HIN_TCP_RST:
		return (struct role){ HIN_CLASS_TCP_ANSWER, p->sport };
	case HIN_TCP_ACK:
		return (struct role){ HIN_CLASS_ACK, p->dport };
	case HIN_TCP_OTHER:
		/* where conversations are possible, only what none of them contains is a probe:
		   no flags, FIN alone, FIN with PSH and URG (nmap -sN, -sF, -sX) */
		if (two_way && (p->tcp_flags & 0x3f) != 0 && (p->tcp_flags & 0x3f) != 0x01 &&
		    (p->tcp_flags & 0x3f) != 0x29)
			return (struct role){ HIN_CLASS_MISC, p->dport };
		return (struct role){ HIN_CLASS_TCP_OTHER, p->dport };
	case HIN_UDP:
		if (two_way && (to_everyone(p) || is_neighbours_answer(p)))
			return (struct role){ HIN_CLASS_MISC, p->dport };
		if ((p->flags & HIN_PACKET_UDP_ANSWER) ||
		    ((p->flags & HIN_PACKET_UDP_QUESTION) == 0 && udp_by_port(p)))
			return (struct role){ HIN_CLASS_UDP_ANSWER, p->sport };
		return (struct role){ HIN_CLASS_UDP, p->dport };
	case HIN_ICMP:
	case HIN_ICMP6:
		return icmp_role(p);
	case HIN_FRAGMENT:
	case HIN_OTHER_PROTOCOL:
	case HIN_PACKET_KIND_COUNT:
		break;
	}
	return (struct role){ HIN_CLASS_MISC, p->proto };
}
