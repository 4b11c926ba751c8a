/*
 * Any bytes as the traffic of a telescope with little memory, dark or not. Six bytes are one step
 * of a small language: packets of some kind from one of a few sources to one of a few targets,
 * repeated with one of them moving on, or the clock moving; some steps take bytes that follow as a
 * frame of their own.
 *
 * The first byte says how the same traffic is given a second time: to two threads, in batches of
 * another size, or cut in two by a saved state. Both reports must be the same to the byte, and all
 * that was told on the way.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "telescope/report.h"
#include "telescope/telescope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	FRAMES = 6000, /* most frames of one run */
	ROOM = 96,     /* bytes of one frame */
	STEP = 6,
	REPEAT = 64,
	MINUTES = 16, /* most minutes that pass: each walks all ports */
};

#define START_NS INT64_C(1700000040000000000)

struct traffic {
	struct hin_frame frames[FRAMES];
	uint8_t bytes[FRAMES][ROOM];
	size_t count, at, end, batch;
};

static struct traffic traffic;
static unsigned minutes;

/* The time after a pause; it stands still when enough minutes have passed. */
static int64_t pass(int64_t time_ns, int64_t pause_ns)
{
	int64_t then_ns = time_ns + pause_ns;

	if (then_ns / 60000000000 == time_ns / 60000000000)
		return then_ns;
	return minutes++ < MINUTES ? then_ns : time_ns;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static void put_ip4(uint8_t *at, uint32_t src, uint32_t dst, uint8_t proto, uint32_t total)
{
	at[0] = 0x45;
	put16(at + 2, total);
	put16(at + 4, src ^ dst ^ 0x1234);
	at[8] = (uint8_t)(src >> 3);
	at[9] = proto;
	put32(at + 12, src);
	put32(at + 16, dst);
}

static uint8_t *add_frame(int64_t time_ns, size_t size)
{
	uint8_t *bytes = traffic.bytes[traffic.count];

	memset(bytes, 0, ROOM);
	traffic.frames[traffic.count++] = (struct hin_frame){ .data = bytes,
							      .size = (uint32_t)size,
							      .length = (uint32_t)size,
							      .time_ns = time_ns,
							      .link = HIN_LINK_RAW };
	return bytes;
}

static void add_tcp(int64_t time_ns, uint32_t src, uint32_t dst, uint16_t port, uint8_t flags)
{
	uint8_t *at = add_frame(time_ns, 40);

	put_ip4(at, src, dst, IPPROTO_TCP, 40);
	put16(at + 20, flags == 2 ? 40000 + (src & 3) : port);
	put16(at + 22, flags == 2 ? port : 40000 + (dst & 3));
	put32(at + 24, src & 16 ? dst : src * 77 ^ dst * 13); /* some are Mirai's */
	at[32] = 0x50;
	at[33] = flags;
	put16(at + 34, src & 8 ? 1024 : 65535);
}

static void add_udp(int64_t time_ns, uint32_t src, uint32_t dst, uint16_t port, bool answer)
{
	uint8_t *at = add_frame(time_ns, 40);

	put_ip4(at, src, dst, IPPROTO_UDP, 40);
	put16(at + 20, answer ? port : 50000);
	put16(at + 22, answer ? 50000 : port);
	put16(at + 24, 20);
	at[30] = answer ? 0x80 : 0;
}

static void add_icmp(int64_t time_ns, uint32_t src, uint32_t dst, uint16_t port)
{
	uint8_t *at = add_frame(time_ns, port & 1 ? 56 : 28);

	put_ip4(at, src, dst, IPPROTO_ICMP, port & 1 ? 56 : 28);
	at[20] = port & 1 ? 3 : port & 2 ? 8 : 0;
	if (port & 1) {
		put_ip4(at + 28, dst, src + 1, port & 2 ? IPPROTO_TCP : IPPROTO_UDP, 40);
		put16(at + 50, port);
	}
}

static void add_ip6(int64_t time_ns, uint32_t src, uint32_t dst, uint16_t port, bool udp)
{
	uint8_t *at = add_frame(time_ns, 60);

	at[0] = 0x60;
	at[5] = 20;
	at[6] = udp ? IPPROTO_UDP : IPPROTO_TCP;
	at[8] = 0x2a;
	put32(at + 20, src); /* hosts of one /64, or of several */
	at[15] = (uint8_t)(src >> 6);
	at[24] = 0x2b;
	put32(at + 36, dst);
	put16(at + 40, 40000);
	put16(at + 42, port);
	if (udp)
		put16(at + 44, 20);
	else
		put16(at + 52, 0x5002);
}

/* The packets of one step; returns the time after it. */
static int64_t add_step(const uint8_t *step, int64_t time_ns)
{
	static const int64_t moves[] = { 0,	     1000,	  1000000,     300000000,
					 1000000000, 20000000000, 60000000000, 3600000000000 };
	static const uint16_t ports[] = { 23, 80, 443, 53, 123, 445, 2323, 5060 };
	uint32_t src = 0x01010100u + step[1], dst = 0xc6120000u + step[2];
	uint16_t port = (uint16_t)(step[3] & 0x80 ? step[3] * 7 : ports[step[3] & 7]);
	unsigned repeat = 1 + step[4] % REPEAT;
	int64_t move = moves[step[5] & 7];

	if ((step[0] & 0xf0) == 0xf0) /* the clock jumps, perhaps back, perhaps by years */
		return pass(time_ns, (int64_t)(int8_t)step[1] * (INT64_C(1) << (step[2] % 48)));
	for (unsigned i = 0; i < repeat && traffic.count < FRAMES; i++) {
		switch (step[0] & 7) {
		case 0:
			add_tcp(time_ns, src, dst, port, 2);
			break;
		case 1:
			add_tcp(time_ns, src, dst, port, step[0] & 64 ? 0x12 : 0x14);
			break;
		case 2:
			add_tcp(time_ns, src, dst, port, step[0] & 64 ? 0x10 : 0x29);
			break;
		case 3:
			add_udp(time_ns, src, dst, port, (step[0] & 64) != 0);
			break;
		case 4:
			add_icmp(time_ns, src, dst, port);
			break;
		case 5:
			add_ip6(time_ns, src, dst, port, (step[0] & 64) != 0);
			break;
		case 6: /* what was asked is answered */
			add_tcp(time_ns, src, dst, port, 2);
			if (traffic.count < FRAMES)
				add_tcp(time_ns, dst, src, port, 0x12);
			break;
		default: /* between two of the sources */
			add_udp(time_ns, src, 0x01010100u + step[2], port, (i & 1) != 0);
			break;
		}
		switch (step[0] >> 3 & 7) {
		case 0:
		case 1:
			dst++;
			break;
		case 2:
			port++;
			break;
		case 3:
			src += 7919;
			break;
		case 4:
			dst += 257;
			port++;
			break;
		default:
			break;
		}
		time_ns = pass(time_ns, move);
	}
	return time_ns;
}

static void make_traffic(const uint8_t *data, size_t size)
{
	static const uint16_t links[] = { HIN_LINK_ETHERNET, HIN_LINK_RAW, HIN_LINK_SLL, 147 };
	int64_t time_ns = START_NS;

	traffic.count = 0;
	minutes = 0;
	while (size >= STEP && traffic.count < FRAMES) {
		const uint8_t *step = data;

		data += STEP;
		size -= STEP;
		if (step[0] != 0xee) {
			time_ns = add_step(step, time_ns);
			continue;
		}
		/* a frame of the fuzzer's own bytes */
		size_t own = step[1] % ROOM;

		if (own > size)
			own = size;
		memcpy(add_frame(time_ns, own), data, own);
		traffic.frames[traffic.count - 1].link = links[step[2] & 3];
		data += own;
		size -= own;
	}
}

static enum hin_code read_traffic(void *user, unsigned queue, struct hin_batch *batch,
				  struct hin_error *err)
{
	(void)user;
	(void)queue;
	(void)err;
	for (batch->count = 0; batch->count < traffic.batch && traffic.at < traffic.end;)
		batch->frames[batch->count++] = traffic.frames[traffic.at++];
	return batch->count > 0 ? HIN_OK : HIN_EOF;
}

/* What was told on the way, as text. */
static bool on_flow(void *user, const struct hin_flow_row *row)
{
	char src[HIN_ADDR_TEXT], dst[HIN_ADDR_TEXT];

	fprintf(user, "flow %lld %s %u %s %u %u %x %d%d%d%d %d %llu %llu\n",
		(long long)row->minute_us, hin_addr_format(&row->src, src), row->sport,
		hin_addr_format(&row->dst, dst), row->dport, row->proto, row->tcp_flags, row->bogon,
		row->spoofed, row->unroutable, row->fragment, (int)row->tool,
		(unsigned long long)row->packets, (unsigned long long)row->bytes);
	return true;
}

static bool on_news(void *user, const struct hin_news *news)
{
	uint64_t link = news->type == HIN_NEWS_EVENT	? news->event->link
			: news->type == HIN_NEWS_VICTIM ? news->victim->link
							: news->flood->link;

	fprintf(user, "news %d %016llx %llu\n", (int)news->type, (unsigned long long)link,
		(unsigned long long)news->part.packets);
	return true;
}

static void on_member(void *user, const struct hin_member_news *news)
{
	char text[HIN_ADDR_TEXT];

	if (news->part.packets == 0 && !news->part.closed)
		abort();
	fprintf(user, "member %s %016llx %u %d%d %lld %llu\n",
		hin_addr_format(&news->member->address, text), (unsigned long long)news->link,
		news->sport, news->part.opened, news->part.closed, (long long)news->part.since_us,
		(unsigned long long)news->part.packets);
}

static void must(enum hin_code code)
{
	if (code != HIN_OK)
		abort();
}

static void run_part(struct hin_telescope *t, size_t from, size_t to)
{
	traffic.at = from;
	traffic.end = to;
	must(hin_telescope_run(t, read_traffic, NULL, NULL));
}

static void check_picture(const struct hin_picture *p)
{
	uint64_t kinds = 0, refused = 0, series = 0;

	for (size_t i = 0; i < HIN_PACKET_KIND_COUNT; i++)
		kinds += p->kinds[i];
	for (size_t i = 0; i < HIN_REFUSAL_COUNT; i++)
		refused += p->refused[i];
	for (size_t i = 0; i < p->series_count; i++)
		series += p->series[i].packets;
	if (p->frames != traffic.count || kinds != p->packets || series != p->packets)
		abort();
	if (p->packets + p->outside > p->frames || p->frames > p->packets + p->outside + refused)
		abort();
	for (size_t i = 0; i < p->event_count; i++) {
		const struct hin_event *e = &p->events[i];

		if (e->packets == 0 || e->packets > p->packets || e->targets == 0 ||
		    e->first_us > e->last_us || e->scan == HIN_SCAN_NONE)
			abort();
	}
	for (size_t i = 0; i < p->victim_count; i++)
		if (p->victims[i].packets == 0 || p->victims[i].first_us > p->victims[i].last_us)
			abort();
}

/* Run all, at `cut` through a saved state (0 = not); the report and all that was told, as text. */
static char *run(struct hin_telescope_options options, size_t cut, const char *state)
{
	struct hin_telescope *t;
	struct hin_picture picture;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		abort();
	options.sink.user = out;
	must(hin_telescope_new(&t, &options, NULL));
	if (cut > 0) {
		run_part(t, 0, cut);
		must(hin_telescope_save(t, state, NULL));
		hin_telescope_free(t);
		must(hin_telescope_new(&t, &options, NULL));
		must(hin_telescope_load(t, state, NULL));
	}
	run_part(t, cut, traffic.count);
	must(hin_telescope_finish(t, NULL));
	must(hin_telescope_picture(&picture, t, 100, NULL));
	check_picture(&picture);
	must(hin_report_json(out, &picture, NULL, NULL));
	hin_picture_free(&picture);
	hin_telescope_free(t);
	if (fclose(out) != 0)
		abort();
	return text;
}

static void differ(const char *one, const char *other)
{
	size_t at = 0;

	while (one[at] == other[at] && one[at] != '\0')
		at++;
	at = at > 200 ? at - 200 : 0;
	fprintf(stderr, "--- one run\n%.600s\n--- the other\n%.600s\n", one + at, other + at);
	abort();
}

static struct hin_prefix_tree *tree_of(const char *text)
{
	struct hin_prefix_tree *tree = hin_prefix_tree_new();
	struct hin_prefix prefix;

	must(hin_prefix_parse(&prefix, text, NULL));
	must(hin_prefix_tree_insert(tree, &prefix, 0, NULL));
	must(hin_prefix_tree_build(tree, NULL));
	return tree;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hin_prefix_tree *dark, *member;
	static char state[64];
	struct hin_telescope_options options = { .threads = 1, .decap = 7 };
	size_t cut = 0;
	char *one, *other;

	if (dark == NULL) {
		dark = tree_of("198.18.0.0/16");
		member = tree_of("1.1.1.0/28");
		snprintf(state, sizeof(state), "/dev/shm/hinomi-fuzz-%d", (int)getpid());
	}
	if (size < 3)
		return 0;
	hin_telescope_settings_default(&options.settings);
	options.settings.memory_bytes = data[0] & 1 ? 8 << 20 : 1 << 20;
	options.dark = data[0] & 2 ? dark : NULL;
	options.member = data[0] & 4 ? member : NULL;
	options.flows = (data[0] & 8) != 0;
	if (data[0] & 16)
		options.settings.event_timeout_ns = INT64_C(60000000000);
	options.sink.flow = on_flow;
	options.sink.news = on_news;
	options.update_us = 300000000;
	options.sink.member = on_member;
	make_traffic(data + 3, size - 3);
	traffic.batch = HIN_BATCH_FRAMES;
	one = run(options, 0, state);
	switch (data[0] >> 5) {
	case 0:
	case 1:
		break;
	case 2:
	case 3:
		options.threads = 2;
		break;
	case 4:
	case 5:
		traffic.batch = 1u + data[1];
		break;
	default:
		cut = traffic.count * (data[1] + 1u) / 257;
		break;
	}
	if (data[0] >> 5 > 1) {
		other = run(options, cut, state);
		if (strcmp(one, other) != 0)
			differ(one, other);
		free(other);
	}
	free(one);
	(void)unlink(state);
	return 0;
}
