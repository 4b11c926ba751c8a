/*
 * Any bytes as a frame. Two bytes say the link layer and which tunnels to open; the rest is the
 * frame, in a block of exactly its size. What a packet says must hang together, and must not depend
 * on what lies in the struct before.
 */
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "packet/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t links[] = {
	HIN_LINK_ETHERNET,
	HIN_LINK_RAW,
	HIN_LINK_NULL,
	HIN_LINK_LOOP,
	HIN_LINK_PPP,
	HIN_LINK_CHDLC,
	HIN_LINK_SLL,
	HIN_LINK_SLL2,
	HIN_LINK_IPV4,
	HIN_LINK_IPV6,
	HIN_LINK_RAW_OLD,
	HIN_LINK_RAW_OLD_OPENBSD,
	147,
};

static void want(bool good)
{
	if (!good)
		abort();
}

static void check_packet(const struct hin_packet *p, size_t size, unsigned decap)
{
	bool tcp = p->kind <= HIN_TCP_OTHER;
	bool icmp = p->kind == HIN_ICMP || p->kind == HIN_ICMP6;

	want(p->kind < HIN_PACKET_KIND_COUNT);
	want(p->refusal < HIN_REFUSAL_COUNT || p->refusal == HIN_REFUSED_NOTHING);
	want(tcp ==
	     (p->proto == IPPROTO_TCP && p->kind != HIN_FRAGMENT && p->kind != HIN_OTHER_PROTOCOL));
	want(p->kind != HIN_UDP || p->proto == IPPROTO_UDP);
	want(!icmp || (p->sport < 256 && p->dport < 256));
	want(p->kind != HIN_FRAGMENT || (p->flags & HIN_PACKET_FRAGMENTED));
	want((p->flags & HIN_PACKET_QUOTE) == 0 ||
	     (icmp && hin_icmp_is_error(p->kind == HIN_ICMP6, (uint8_t)p->sport)));
	want((p->flags & HIN_PACKET_OPTIONS) == 0 || tcp);
	want((p->flags & HIN_PACKET_TUNNELLED) == 0 || decap != 0);
	want((p->flags & (HIN_PACKET_UDP_ANSWER | HIN_PACKET_UDP_QUESTION)) !=
	     (HIN_PACKET_UDP_ANSWER | HIN_PACKET_UDP_QUESTION));
	want(p->bytes >= 20 && size >= 20);
	want(tcp || (p->seq == 0 && p->window == 0 && p->tcp_options == 0 && p->mss == 0));
}

/* In a batch, which goes another way, the frame is the same packet. */
static void check_batch(const struct hin_frame *frame, unsigned decap, const struct hin_packet *one,
			bool packet)
{
	enum { COUNT = 16 };
	struct hin_packet packets[COUNT];
	struct hin_frame frames[COUNT];
	uint64_t refused[HIN_REFUSAL_COUNT] = { 0 };
	size_t got;

	for (unsigned i = 0; i < COUNT; i++)
		frames[i] = *frame;
	memset(packets, 0x5a, sizeof(packets));
	got = hin_decode_batch(packets, frames, 0, COUNT, decap, refused);
	want(got == (packet ? COUNT : 0));
	want(packet || refused[one->refusal] == COUNT);
	for (unsigned i = 0; i < got; i++) {
		want(packets[i].frame == i);
		packets[i].frame = 0;
		want(memcmp(&packets[i], one, offsetof(struct hin_packet, hash)) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_frame frame = { .time_ns = 1700000000000000000 };
	struct hin_packet one, other;
	uint8_t *copy;
	unsigned decap;
	bool packet;

	if (size < 2)
		return 0;
	frame.link = links[data[0] % HIN_COUNT(links)];
	decap = data[1] & 7;
	copy = malloc(size - 2 > 0 ? size - 2 : 1);
	if (copy == NULL)
		abort();
	memcpy(copy, data + 2, size - 2);
	frame.data = copy;
	frame.size = frame.length = (uint32_t)(size - 2);
	memset(&one, 0, sizeof(one));
	memset(&other, 0xff, sizeof(other));
	packet = hin_decode(&one, &frame, decap);
	want(hin_decode(&other, &frame, decap) == packet);
	want(one.refusal == other.refusal);
	if (packet) {
		one.frame = other.frame = 0;
		one.marks = other.marks = one.key = other.key = 0;
		/* behind the hash there is nothing but padding */
		want(one.hash == other.hash &&
		     memcmp(&one, &other, offsetof(struct hin_packet, hash)) == 0);
		check_packet(&one, size - 2, decap);
	} else {
		want(one.refusal < HIN_REFUSAL_COUNT);
	}
	check_batch(&frame, decap, &one, packet);
	free(copy);
	return 0;
}
