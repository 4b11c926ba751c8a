#include "telescope/names.h"

#include <netinet/in.h>
#include <stdio.h>

struct hin_service_row {
	const char *name;
	const char *meaning[2]; /* by enum hin_lang */
};

struct hin_amplifier_row {
	const char *name;
	const char *meaning[2];
	bool two_way;
};

#include "telescope/names_amplifiers.inc"
#include "telescope/names_services.inc"

/* The row of `port`: as many rows lie before it as bits are set before its own. */
static inline size_t rank(const uint64_t words[1024], const uint16_t ranks[1024], uint16_t port)
{
	uint64_t below = words[port >> 6] & (((uint64_t)1 << (port & 63)) - 1);

	return ranks[port >> 6] + (size_t)__builtin_popcountll(below);
}

static inline bool marked(const uint64_t words[1024], uint16_t port)
{
	return words[port >> 6] >> (port & 63) & 1;
}

static const struct hin_amplifier_row *amplifier(uint16_t sport)
{
	if (!hin_is_amplifier_port(sport))
		return NULL;
	return &amplifier_rows[rank(hin_amplifier_ports, amplifier_ranks, sport)];
}

const char *hin_amplifier_name(uint8_t proto, uint16_t sport)
{
	const struct hin_amplifier_row *row = proto == IPPROTO_UDP ? amplifier(sport) : NULL;

	return row != NULL ? row->name : NULL;
}

bool hin_amplifier_is_two_way(uint16_t sport)
{
	const struct hin_amplifier_row *row = amplifier(sport);

	return row != NULL && row->two_way;
}

const char *hin_amplifier_meaning(uint16_t sport, enum hin_lang lang)
{
	const struct hin_amplifier_row *row = amplifier(sport);

	return row != NULL ? row->meaning[lang == HIN_JA] : NULL;
}

static const struct hin_service_row *service(uint8_t proto, uint16_t port)
{
	if (proto == IPPROTO_TCP && marked(tcp_ports, port))
		return &tcp_rows[rank(tcp_ports, tcp_ranks, port)];
	if (proto == IPPROTO_UDP && marked(udp_ports, port))
		return &udp_rows[rank(udp_ports, udp_ranks, port)];
	return NULL;
}

const char *hin_service_name(uint8_t proto, uint16_t port)
{
	const struct hin_service_row *row = service(proto, port);

	return row != NULL ? row->name : NULL;
}

const char *hin_service_meaning(uint8_t proto, uint16_t port, enum hin_lang lang)
{
	const struct hin_service_row *row = service(proto, port);

	return row != NULL ? row->meaning[lang == HIN_JA] : NULL;
}

const char *hin_protocol_name(uint8_t proto)
{
	switch (proto) {
	case 1:
		return "icmp";
	case 2:
		return "igmp";
	case 4:
		return "ipip";
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 33:
		return "dccp";
	case 41:
		return "ipv6";
	case 47:
		return "gre";
	case 50:
		return "esp";
	case 51:
		return "ah";
	case 58:
		return "icmp6";
	case 89:
		return "ospf";
	case 103:
		return "pim";
	case 112:
		return "vrrp";
	case 132:
		return "sctp";
	case 136:
		return "udplite";
	default:
		return NULL;
	}
}

char *hin_service_text(char out[HIN_SERVICE_TEXT], uint8_t proto, uint16_t port)
{
	const char *name = hin_service_name(proto, port);
	const char *protocol = hin_protocol_name(proto);

	if (name != NULL)
		snprintf(out, HIN_SERVICE_TEXT, "%s", name);
	else if (protocol == NULL)
		snprintf(out, HIN_SERVICE_TEXT, "%u/ip-%u", port, proto);
	else if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6)
		snprintf(out, HIN_SERVICE_TEXT, "%s", protocol); /* it has no ports */
	else
		snprintf(out, HIN_SERVICE_TEXT, "%u/%s", port, protocol);
	return out;
}
