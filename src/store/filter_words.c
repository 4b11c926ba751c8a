/* filter_words - the vocabulary of filters. */
#include <stdio.h>
#include <string.h>

#include "store/filter_priv.h"
#include "store/port_names.h"

struct hin_service_row {
	const char *name;
	const char *meaning[2];
};

#include "store/services.inc"

#define ONE(name, class, field)                                                                    \
	{                                                                                          \
		name, HIN_CLASS_##class, HIN_FIELD_##field, HIN_FIELD_##field                      \
	}

static const struct hin_filter_word words[] = {
	ONE("proto", PROTOCOL, PROTO),
	{ "host", HIN_CLASS_ADDRESS, HIN_FIELD_SRC, HIN_FIELD_DST },
	{ "net", HIN_CLASS_ADDRESS, HIN_FIELD_SRC, HIN_FIELD_DST },
	{ "ip", HIN_CLASS_ADDRESS, HIN_FIELD_SRC, HIN_FIELD_DST },
	{ "addr", HIN_CLASS_ADDRESS, HIN_FIELD_SRC, HIN_FIELD_DST },
	ONE("src", ADDRESS, SRC),
	ONE("dst", ADDRESS, DST),
	{ "port", HIN_CLASS_PORT, HIN_FIELD_SPORT, HIN_FIELD_DPORT },
	{ "portrange", HIN_CLASS_PORT, HIN_FIELD_SPORT, HIN_FIELD_DPORT },
	ONE("sport", PORT, SPORT),
	ONE("dport", PORT, DPORT),
	ONE("kind", NAME, KIND),
	ONE("service", NAME, SERVICE),
	ONE("tool", NAME, TOOL),
	ONE("rule", NAME, RULE),
	ONE("technique", NAME, TECHNIQUE),
	ONE("verdict", NAME, VERDICT),
	ONE("product", NAME, PRODUCT),
	ONE("device-basis", NAME, DEVICE_BASIS),
	ONE("artifact-type", NAME, ARTIFACT_TYPE),
	ONE("tag", TAG, TAGS),
	ONE("tags", TAG, TAGS),
	ONE("packets", COUNT, PACKETS),
	ONE("bytes", COUNT, BYTES),
	ONE("targets", COUNT, TARGETS),
	ONE("ports", COUNT, PORTS),
	ONE("sample", COUNT, SAMPLE),
	ONE("confidence", COUNT, CONFIDENCE),
	ONE("src-len", COUNT, SRC_LEN),
	ONE("dst-len", COUNT, DST_LEN),
	ONE("duration", DURATION, DURATION),
	ONE("icmp-type", ICMP, SPORT),
	ONE("icmp-code", ICMP, DPORT),
	ONE("flags", FLAGS, TCP_FLAGS),
	ONE("tcp-flags", FLAGS, TCP_FLAGS),
	ONE("link", ID, LINK),
	ONE("parent", ID, PARENT),
	ONE("device", DIGEST, DEVICE),
	ONE("artifact", DIGEST, ARTIFACT),
	ONE("evidence", DIGEST, EVIDENCE),
	ONE("version", VERSION, VERSION),
	{ "sensor", HIN_CLASS_SENSOR, 0, 0 },
	{ "present", HIN_CLASS_PRESENT, 0, 0 },
	{ "field", HIN_CLASS_FIELD, 0, 0 },
};

/* IANA "Assigned Internet Protocol Numbers"; the first name of a number is the one shown. */
static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{ "icmp", 1 },	     { "igmp", 2 },	{ "ipip", 4 },	 { "ipencap", 4 },
	{ "tcp", 6 },	     { "egp", 8 },	{ "igp", 9 },	 { "udp", 17 },
	{ "dccp", 33 },	     { "ipv6in4", 41 }, { "rsvp", 46 },	 { "gre", 47 },
	{ "esp", 50 },	     { "ah", 51 },	{ "icmp6", 58 }, { "icmpv6", 58 },
	{ "ipv6-icmp", 58 }, { "eigrp", 88 },	{ "ospf", 89 },	 { "etherip", 97 },
	{ "pim", 103 },	     { "vrrp", 112 },	{ "l2tp", 115 }, { "sctp", 132 },
	{ "udplite", 136 },  { "mpls", 137 },
};

const struct hin_filter_word *hin_filter_word_find(const char *name)
{
	for (size_t i = 0; i < HIN_COUNT(words); i++)
		if (strcmp(words[i].name, name) == 0)
			return &words[i];
	return NULL;
}

void hin_filter_word_offer(struct hin_suggest *s)
{
	static const char *const others[] = { "and", "or",  "not",  "any",
					      "in",  "ip6", "inet", "inet6" };

	for (size_t i = 0; i < HIN_COUNT(words); i++)
		hin_suggest_offer(s, words[i].name);
	for (size_t i = 0; i < HIN_COUNT(others); i++)
		hin_suggest_offer(s, others[i]);
	hin_filter_protocol_offer(s);
}

int hin_filter_protocol(const char *name)
{
	for (size_t i = 0; i < HIN_COUNT(protocols); i++)
		if (strcmp(protocols[i].name, name) == 0)
			return protocols[i].number;
	return -1;
}

void hin_filter_protocol_offer(struct hin_suggest *s)
{
	for (size_t i = 0; i < HIN_COUNT(protocols); i++)
		hin_suggest_offer(s, protocols[i].name);
}

const char *hin_protocol_word(uint8_t proto)
{
	for (size_t i = 0; i < HIN_COUNT(protocols); i++)
		if (protocols[i].number == proto)
			return protocols[i].name;
	return NULL;
}

enum hin_registry hin_filter_registry(enum hin_field field)
{
	static const struct {
		enum hin_field field;
		enum hin_registry registry;
	} rows[] = {
		{ HIN_FIELD_KIND, HIN_REGISTRY_KINDS },
		{ HIN_FIELD_SERVICE, HIN_REGISTRY_SERVICES },
		{ HIN_FIELD_TOOL, HIN_REGISTRY_TOOLS },
		{ HIN_FIELD_RULE, HIN_REGISTRY_RULES },
		{ HIN_FIELD_TECHNIQUE, HIN_REGISTRY_TECHNIQUES },
		{ HIN_FIELD_VERDICT, HIN_REGISTRY_VERDICTS },
		{ HIN_FIELD_PRODUCT, HIN_REGISTRY_PRODUCTS },
		{ HIN_FIELD_TAGS, HIN_REGISTRY_TAGS },
		{ HIN_FIELD_DEVICE_BASIS, HIN_REGISTRY_DEVICE_BASIS },
		{ HIN_FIELD_ARTIFACT_TYPE, HIN_REGISTRY_ARTIFACT_TYPE },
	};

	for (size_t i = 0; i < HIN_COUNT(rows); i++)
		if (rows[i].field == field)
			return rows[i].registry;
	return HIN_REGISTRY_FIELDS;
}

/* ---- ports ---- */

/* As many rows lie before that of `port` as bits are set before its own. */
static const char *port_row(const uint64_t ports[1024], const uint16_t ranks[1024],
			    const struct hin_service_row *rows, uint16_t port)
{
	uint64_t below = ports[port >> 6] & (((uint64_t)1 << (port & 63)) - 1);

	if (!(ports[port >> 6] >> (port & 63) & 1))
		return NULL;
	return rows[ranks[port >> 6] + (unsigned)__builtin_popcountll(below)].name;
}

const char *hin_port_name(uint8_t proto, uint16_t port)
{
	const char *name = NULL;

	if (proto != 17)
		name = port_row(tcp_ports, tcp_ranks, tcp_rows, port);
	if (name == NULL && proto != 6)
		name = port_row(udp_ports, udp_ranks, udp_rows, port);
	return name;
}

size_t hin_ports_named(const char *name, uint16_t *out, size_t room)
{
	size_t count = 0;

	for (unsigned port = 1; port <= UINT16_MAX; port++) {
		const char *tcp, *udp;

		if (tcp_ports[port >> 6] == 0 && udp_ports[port >> 6] == 0) {
			port |= 63;
			continue;
		}
		tcp = hin_port_name(6, (uint16_t)port);
		udp = hin_port_name(17, (uint16_t)port);
		if ((tcp != NULL && strcmp(tcp, name) == 0) ||
		    (udp != NULL && strcmp(udp, name) == 0)) {
			if (count < room)
				out[count] = (uint16_t)port;
			count++;
		}
	}
	return count;
}

void hin_ports_offer(struct hin_suggest *s)
{
	for (size_t i = 0; i < HIN_COUNT(tcp_rows); i++)
		hin_suggest_offer(s, tcp_rows[i].name);
	for (size_t i = 0; i < HIN_COUNT(udp_rows); i++)
		hin_suggest_offer(s, udp_rows[i].name);
}
