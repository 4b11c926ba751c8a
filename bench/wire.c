#include "wire.h"

#include <assert.h>
#include <netinet/in.h>

static const uint8_t option_bytes[][24] = {
	[HIN_LAYOUT_NONE] = { 0 },
	[HIN_LAYOUT_MSS] = { 2, 4, 5, 180 },
	[HIN_LAYOUT_LINUX] = { 2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7 },
	[HIN_LAYOUT_WINDOWS] = { 2, 4, 5, 180, 1, 3, 3, 8, 1, 1, 4, 2 },
	[HIN_LAYOUT_FREEBSD] = { 2, 4, 5, 180, 1, 3, 3, 6, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0 },
	[HIN_LAYOUT_MACOS] = { 2, 4, 5, 180, 1, 3, 3, 6, 1, 1, 8, 10,
			       0, 0, 0, 0,   0, 0, 0, 0, 4, 2, 0, 0 },
};

static const struct {
	uint8_t size, clock_at; /* where the timestamp's value lies, 0 = none */
} option_shape[] = {
	[HIN_LAYOUT_NONE] = { 0, 0 },	   [HIN_LAYOUT_MSS] = { 4, 0 },
	[HIN_LAYOUT_LINUX] = { 20, 8 },	   [HIN_LAYOUT_WINDOWS] = { 12, 0 },
	[HIN_LAYOUT_FREEBSD] = { 20, 12 }, [HIN_LAYOUT_MACOS] = { 24, 12 },
};

static inline void put16(uint8_t *at, uint32_t value)
{
	uint16_t be = HIN_BE16((uint16_t)value);

	memcpy(at, &be, sizeof(be));
}

static inline void put32(uint8_t *at, uint32_t value)
{
	uint32_t be = HIN_BE32(value);

	memcpy(at, &be, sizeof(be));
}

static size_t put_tcp(const struct hin_probe *p, uint8_t *at)
{
	size_t options = option_shape[p->layout].size, clock_at = option_shape[p->layout].clock_at;

	put16(at, p->sport);
	put16(at + 2, p->dport);
	put32(at + 4, p->seq);
	put32(at + 8, p->ack);
	at[12] = (uint8_t)((20 + options) / 4 << 4);
	at[13] = p->flags;
	put16(at + 14, p->window);
	put32(at + 16, 0);
	memcpy(at + 20, option_bytes[p->layout], options);
	if (clock_at != 0)
		put32(at + 20 + clock_at, p->clock);
	return 20 + options;
}

static size_t put_network(const struct hin_probe *p, uint8_t *at, size_t below);

/* The quoted packet of an ICMP error: its network header and eight bytes. */
static size_t put_quoted(const struct hin_probe *q, uint8_t *at)
{
	size_t network = put_network(q, at, 20);

	put16(at + network, q->sport);
	put16(at + network + 2, q->dport);
	put32(at + network + 4, q->proto == IPPROTO_UDP ? 20u << 16 : q->seq);
	return network + 8;
}

static size_t put_transport(const struct hin_probe *p, uint8_t *at)
{
	if (p->fragment_offset != 0)
		return 0;
	switch (p->proto) {
	case IPPROTO_TCP:
		return put_tcp(p, at);
	case IPPROTO_UDP:
		put16(at, p->sport);
		put16(at + 2, p->dport);
		put16(at + 4, 8u + p->payload_size + p->rest);
		put16(at + 6, 0);
		return 8;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		at[0] = (uint8_t)p->sport;
		at[1] = (uint8_t)p->dport;
		put16(at + 2, 0);
		put32(at + 4, p->quoted != NULL ? 0 : p->seq);
		return 8 + (p->quoted != NULL ? put_quoted(p->quoted, at + 8) : 0);
	default:
		return 0;
	}
}

/* Write the IP header for `below` bytes of transport and payload. */
static size_t put_network(const struct hin_probe *p, uint8_t *at, size_t below)
{
	if (!hin_addr_is_v4(&p->src)) {
		put32(at, 0x60000000u);
		put16(at + 4, (uint32_t)below);
		at[6] = p->proto;
		at[7] = p->ttl;
		memcpy(at + 8, p->src.b, 16);
		memcpy(at + 24, p->dst.b, 16);
		return 40;
	}
	put16(at, 0x4500);
	put16(at + 2, (uint32_t)(20 + below));
	put16(at + 4, p->id);
	put16(at + 6, (p->dont_fragment ? 0x4000u : 0) | (p->more_fragments ? 0x2000u : 0) |
			      p->fragment_offset / 8u);
	at[8] = p->ttl;
	at[9] = p->proto;
	put16(at + 10, 0);
	memcpy(at + 12, p->src.b + 12, 4);
	memcpy(at + 16, p->dst.b + 12, 4);
	return 20;
}

size_t hin_wire_build(const struct hin_probe *p, uint8_t *frame)
{
	static const uint8_t ether[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	bool v4 = hin_addr_is_v4(&p->src);
	size_t network = v4 ? 20 : 40, size = 14 + network;

	memcpy(frame, ether, sizeof(ether));
	put16(frame + 12, v4 ? 0x0800 : 0x86dd);
	size += put_transport(p, frame + size);
	assert(size + p->payload_size <= HIN_WIRE_MAX);
	if (p->payload != NULL)
		memcpy(frame + size, p->payload, p->payload_size);
	else
		memset(frame + size, 0, p->payload_size);
	size += p->payload_size;
	put_network(p, frame + 14, size - 14 - network);
	if (size < 60) {
		memset(frame + size, 0, 60 - size);
		size = 60;
	}
	return size;
}
