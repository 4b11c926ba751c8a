/* traffic - packets that tests make themselves, sent through a whole telescope. */
#pragma once
#include <netinet/in.h>

#include "telescope/telescope.h"
#include "../test.h"
#include "../random.h"

#define T0 INT64_C(1700000040000000) /* a full minute of November 2023, in µs */
#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

/* 198.18.0.0/16 is dark in these tests. */
#define DARK(n) (0xc6120000u + (uint32_t)(n))
#define ADDR(a, b, c, d)                                                                           \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* Frames of raw IP; everything is added before anything is sent. */
struct traffic {
	struct hin_frame *frames; /* `data` is an offset until it is sent */
	size_t count, room, at;
	uint8_t *bytes;
	size_t used, bytes_room;
	size_t batch; /* frames handed out at once; 0 = as many as fit */
};

static inline void traffic_free(struct traffic *t)
{
	free(t->frames);
	free(t->bytes);
	*t = (struct traffic){ 0 };
}

/* Add an IP packet as it is. */
static inline void traffic_raw(struct traffic *t, int64_t time_us, const void *packet, size_t size)
{
	if (t->count == t->room) {
		t->room = t->room > 0 ? t->room * 2 : 1024;
		t->frames = realloc(t->frames, t->room * sizeof(*t->frames));
	}
	while (t->used + size > t->bytes_room) {
		t->bytes_room = t->bytes_room > 0 ? t->bytes_room * 2 : 65536;
		t->bytes = realloc(t->bytes, t->bytes_room);
	}
	assert_non_null(t->frames);
	assert_non_null(t->bytes);
	memcpy(t->bytes + t->used, packet, size);
	t->frames[t->count++] = (struct hin_frame){ .data = (const uint8_t *)(uintptr_t)t->used,
						    .size = (uint32_t)size,
						    .length = (uint32_t)size,
						    .time_ns = time_us * 1000,
						    .link = HIN_LINK_RAW };
	t->used += size;
}

static inline void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static inline void put_ip(uint8_t *at, uint32_t src, uint32_t dst, uint8_t proto, size_t total)
{
	memset(at, 0, 20);
	at[0] = 0x45;
	put16(at + 2, (uint32_t)total);
	at[8] = 55;
	at[9] = proto;
	put32(at + 12, src);
	put32(at + 16, dst);
}

/* What is not given is that of a plain SYN of nobody in particular. */
struct segment {
	uint32_t src, dst;
	uint16_t sport, dport;
	uint8_t flags, ttl;
	uint16_t id, window;
	uint32_t seq;
	const char *options; /* their bytes, `options_size` of them */
	size_t options_size, payload;
};

static inline void send_tcp(struct traffic *t, int64_t time_us, struct segment s)
{
	uint8_t packet[256] = { 0 };
	size_t header = 20 + s.options_size, total = 20 + header + s.payload;

	assert_true(total <= sizeof(packet));
	put_ip(packet, s.src, s.dst, IPPROTO_TCP, total);
	put16(packet + 4, s.id);
	if (s.ttl != 0)
		packet[8] = s.ttl;
	put16(packet + 20, s.sport);
	put16(packet + 22, s.dport);
	put32(packet + 24, s.seq);
	packet[32] = (uint8_t)(header / 4 << 4);
	packet[33] = s.flags;
	put16(packet + 34, s.window);
	if (s.options_size > 0)
		memcpy(packet + 40, s.options, s.options_size);
	traffic_raw(t, time_us, packet, total);
}

#define FLAG_FIN 1
#define FLAG_SYN 2
#define FLAG_RST 4
#define FLAG_ACK 16

/* A SYN with no habit of any tool: its sequence number and identification follow from its
 * addresses. */
static inline void send_syn(struct traffic *t, int64_t time_us, uint32_t src, uint32_t dst,
			    uint16_t dport)
{
	uint64_t seed = ((uint64_t)src << 32 | dst) + dport;
	uint64_t dice = random_next(&seed);

	send_tcp(t, time_us,
		 (struct segment){ .src = src,
				   .dst = dst,
				   .sport = (uint16_t)(1024 + dice % 30000),
				   .dport = dport,
				   .flags = FLAG_SYN,
				   .id = (uint16_t)(dice >> 16) == 54321 ? 1
									 : (uint16_t)(dice >> 16),
				   .window = 8192,
				   .seq = (uint32_t)(dice >> 32) });
}

static inline void send_flags(struct traffic *t, int64_t time_us, uint32_t src, uint32_t dst,
			      uint16_t sport, uint16_t dport, uint8_t flags)
{
	send_tcp(t, time_us,
		 (struct segment){ .src = src,
				   .dst = dst,
				   .sport = sport,
				   .dport = dport,
				   .flags = flags,
				   .window = 1000,
				   .seq = 99 });
}

static inline void send_udp(struct traffic *t, int64_t time_us, uint32_t src, uint32_t dst,
			    uint16_t sport, uint16_t dport, const void *payload, size_t size)
{
	uint8_t packet[256] = { 0 };

	assert_true(28 + size <= sizeof(packet));
	put_ip(packet, src, dst, IPPROTO_UDP, 28 + size);
	put16(packet + 20, sport);
	put16(packet + 22, dport);
	put16(packet + 24, (uint32_t)(8 + size));
	if (size > 0)
		memcpy(packet + 28, payload, size);
	traffic_raw(t, time_us, packet, 28 + size);
}

static inline void send_icmp(struct traffic *t, int64_t time_us, uint32_t src, uint32_t dst,
			     uint8_t type, uint8_t code)
{
	uint8_t packet[28] = { 0 };

	put_ip(packet, src, dst, IPPROTO_ICMP, sizeof(packet));
	packet[20] = type;
	packet[21] = code;
	traffic_raw(t, time_us, packet, sizeof(packet));
}

/* `router` tells `dst` that its packet to `victim` did not arrive. */
static inline void send_error(struct traffic *t, int64_t time_us, uint32_t router, uint32_t dst,
			      uint32_t victim, uint8_t proto, uint16_t dport)
{
	uint8_t packet[56] = { 0 };

	put_ip(packet, router, dst, IPPROTO_ICMP, sizeof(packet));
	packet[20] = 3;
	packet[21] = 3;
	put_ip(packet + 28, dst, victim, proto, 40);
	put16(packet + 48, 40000);
	put16(packet + 50, dport);
	traffic_raw(t, time_us, packet, sizeof(packet));
}

/* hin_batch_reader_fn over a struct traffic. */
static inline enum hin_code traffic_read(void *user, unsigned queue, struct hin_batch *batch,
					 struct hin_error *err)
{
	struct traffic *t = user;
	size_t most = t->batch > 0 ? t->batch : HIN_BATCH_FRAMES;

	(void)queue;
	(void)err;
	batch->count = 0;
	while (batch->count < most && t->at < t->count) {
		struct hin_frame *frame = &batch->frames[batch->count++];

		*frame = t->frames[t->at++];
		frame->data = t->bytes + ((uintptr_t)frame->data);
	}
	return batch->count > 0 ? HIN_OK : HIN_EOF;
}

static inline struct hin_telescope_options traffic_options(void)
{
	struct hin_telescope_options options = { .threads = 1 };

	hin_telescope_settings_default(&options.settings);
	options.settings.memory_bytes = 32 << 20;
	return options;
}

/* A built tree of one prefix; the caller frees it. */
static inline struct hin_prefix_tree *traffic_tree(const char *text)
{
	struct hin_prefix_tree *tree = hin_prefix_tree_new();
	struct hin_prefix prefix;

	assert_non_null(tree);
	assert_int_equal(hin_prefix_parse(&prefix, text, NULL), HIN_OK);
	assert_int_equal(hin_prefix_tree_insert(tree, &prefix, 0, NULL), HIN_OK);
	assert_int_equal(hin_prefix_tree_build(tree, NULL), HIN_OK);
	return tree;
}

/* Send all of `t` and take the picture. */
static inline struct hin_picture traffic_see(struct traffic *t,
					     const struct hin_telescope_options *options)
{
	struct hin_telescope *telescope;
	struct hin_picture picture;

	t->at = 0;
	assert_int_equal(hin_telescope_new(&telescope, options, NULL), HIN_OK);
	assert_int_equal(hin_telescope_run(telescope, traffic_read, t, NULL), HIN_OK);
	assert_int_equal(hin_telescope_finish(telescope, NULL), HIN_OK);
	assert_int_equal(hin_telescope_picture(&picture, telescope, 1000, NULL), HIN_OK);
	hin_telescope_free(telescope);
	return picture;
}

/* The same, with 198.18.0.0/16 dark or with no dark space known. */
static inline struct hin_picture traffic_look(struct traffic *t, bool dark)
{
	struct hin_telescope_options options = traffic_options();
	struct hin_prefix_tree *tree = dark ? traffic_tree("198.18.0.0/16") : NULL;
	struct hin_picture picture;

	options.dark = tree;
	picture = traffic_see(t, &options);
	hin_prefix_tree_free(tree);
	return picture;
}
