/*
 * telescope_test - traffic in, judgement out: each thing that may be said, at its threshold and
 * just below it, with a dark space and without.
 */
#include <math.h>
#include <stdio.h>

#include "traffic.h"

#define SCANNER ADDR(9, 1, 2, 3)
#define SERVER ADDR(20, 1, 2, 3)
#define PEER ADDR(30, 0, 0, 0)

/* One picture and what it shall say. */
struct seen {
	struct traffic t;
	struct hin_picture p;
};

static void look(struct seen *s, bool dark)
{
	s->p = traffic_look(&s->t, dark);
}

static void done(struct seen *s)
{
	hin_picture_free(&s->p);
	traffic_free(&s->t);
}

static void says(const struct seen *s, const char *name, size_t events, size_t victims,
		 size_t floods, size_t amplifications)
{
	const struct hin_picture *p = &s->p;

	if (p->event_count != events || p->victim_count != victims || p->flood_count != floods ||
	    p->amplification_count != amplifications)
		fail_msg("%s: %zu scans, %zu victims, %zu floods, %zu amplifications", name,
			 p->event_count, p->victim_count, p->flood_count, p->amplification_count);
}

/* ---- scans ---- */

static void scan_shapes(void **state)
{
	static const struct {
		const char *name;
		unsigned targets, ports; /* each address on each port */
		enum hin_scan_type want;
	} cases[] = {
		{ "one packet", 1, 1, HIN_SCAN_NONE },
		{ "four addresses", 4, 1, HIN_SCAN_NONE },
		{ "five addresses", 5, 1, HIN_SCAN_HORIZONTAL },
		{ "five thousand addresses", 5000, 1, HIN_SCAN_HORIZONTAL },
		{ "three ports", 1, 3, HIN_SCAN_NONE },
		{ "four ports", 1, 4, HIN_SCAN_VERTICAL },
		{ "five hundred ports", 1, 500, HIN_SCAN_VERTICAL },
		{ "four ports of four addresses", 4, 4, HIN_SCAN_VERTICAL },
		{ "two ports of five addresses", 5, 2, HIN_SCAN_BLOCK },
		{ "forty ports of forty addresses", 40, 40, HIN_SCAN_BLOCK },
	};

	(void)state;
	for (size_t i = 0; i < 2 * HIN_COUNT(cases); i++) {
		bool dark = i < HIN_COUNT(cases);
		size_t c = i % HIN_COUNT(cases);
		struct seen s = { 0 };
		int64_t time = T0;

		for (unsigned n = 0; n < cases[c].targets * cases[c].ports; n++)
			send_syn(&s.t, time += SECOND / 10, SCANNER, DARK(n % cases[c].targets),
				 (uint16_t)(20 + n / cases[c].targets));
		look(&s, dark);
		says(&s, cases[c].name, cases[c].want != HIN_SCAN_NONE, 0, 0, 0);
		if (cases[c].want != HIN_SCAN_NONE) {
			const struct hin_event *e = &s.p.events[0];

			assert_int_equal(e->scan, cases[c].want);
			assert_int_equal(e->packets, cases[c].targets * cases[c].ports);
			assert_int_equal(e->ports, cases[c].ports);
			assert_int_equal(e->class, HIN_CLASS_SYN);
			assert_int_equal(hin_addr_v4(&e->source), SCANNER);
			assert_int_equal(e->tool, HIN_SIGN_NONE);
			if (cases[c].targets <= 3072)
				assert_int_equal(e->targets, cases[c].targets);
			assert_true(e->first_us == T0 + SECOND / 10);
			assert_true(e->last_us == time);
		}
		done(&s);
	}
}

/* A scan of one port and a stray packet or two elsewhere is still horizontal. */
static void strays_do_not_make_a_block(void **state)
{
	struct seen s = { 0 };

	(void)state;
	for (unsigned n = 0; n < 100; n++)
		send_syn(&s.t, T0 + n * SECOND, SCANNER, DARK(n), n % 50 == 7 ? 8080 : 23);
	look(&s, true);
	says(&s, "strays", 1, 0, 0, 0);
	assert_int_equal(s.p.events[0].scan, HIN_SCAN_HORIZONTAL);
	assert_int_equal(s.p.events[0].top[0].port, 23);
	assert_int_equal(s.p.events[0].top[0].packets, 98);
	done(&s);
}

/* The other things that can be sent to many: FIN, no flags, UDP, echo. */
static void scans_of_all_kinds(void **state)
{
	static const enum hin_class classes[] = { HIN_CLASS_TCP_OTHER, HIN_CLASS_TCP_OTHER,
						  HIN_CLASS_UDP, HIN_CLASS_ICMP };

	(void)state;
	for (size_t i = 0; i < 2 * HIN_COUNT(classes); i++) {
		struct seen s = { 0 };

		for (unsigned n = 0; n < 50; n++) {
			int64_t time = T0 + n * SECOND;

			switch (i % HIN_COUNT(classes)) {
			case 0:
				send_flags(&s.t, time, SCANNER, DARK(n), 40000, 22, FLAG_FIN);
				break;
			case 1:
				send_flags(&s.t, time, SCANNER, DARK(n), 40000, 22, 0);
				break;
			case 2:
				send_udp(&s.t, time, SCANNER, DARK(n), 40000, 5060, "OPTIONS", 7);
				break;
			default:
				send_icmp(&s.t, time, SCANNER, DARK(n), 8, 0);
				break;
			}
		}
		look(&s, i < HIN_COUNT(classes));
		says(&s, hin_class_name(classes[i % HIN_COUNT(classes)]), 1, 0, 0, 0);
		assert_int_equal(s.p.events[0].class, classes[i % HIN_COUNT(classes)]);
		assert_int_equal(s.p.events[0].targets, 50);
		assert_int_equal(s.p.events[0].scan, HIN_SCAN_HORIZONTAL);
		done(&s);
	}
}

/* A packet an hour for six hours is one slow scan; after the time-out it is two events. */
static void slow_scans_and_time_outs(void **state)
{
	struct seen s = { 0 };

	(void)state;
	for (unsigned n = 0; n < 6; n++)
		send_syn(&s.t, T0 + n * HOUR, SCANNER, DARK(n), 23);
	look(&s, false);
	says(&s, "slow", 1, 0, 0, 0);
	assert_int_equal(s.p.events[0].packets, 6);
	assert_true(s.p.events[0].open);
	done(&s);
	/* two bursts, seven hours apart, something else goes on meanwhile */
	for (unsigned n = 0; n < 14 * 60; n++) {
		if (n < 10 || n >= 7 * 60 + 10)
			send_syn(&s.t, T0 + n * MINUTE, SCANNER, DARK(n), 23);
		send_icmp(&s.t, T0 + n * MINUTE + SECOND, PEER, DARK(1), 8, 0);
	}
	look(&s, false);
	says(&s, "two bursts", 2, 0, 0, 0);
	assert_int_equal(s.p.events[0].packets + s.p.events[1].packets, 10 + 7 * 60 - 10);
	done(&s);
}

struct heard {
	unsigned opened, updated, closed;
	uint64_t link, packets, bytes;
	int64_t end_us;
};

static bool hear(void *user, const struct hin_news *news)
{
	struct heard *h = user;

	assert_int_equal(news->type, HIN_NEWS_EVENT);
	if (news->part.opened)
		h->link = news->event->link;
	else
		assert_true(news->part.since_us == h->end_us);
	assert_true(news->event->link == h->link);
	h->opened += news->part.opened;
	h->closed += news->part.closed;
	h->updated += !news->part.opened && !news->part.closed;
	h->packets += news->part.packets;
	h->bytes += news->part.bytes;
	h->end_us = news->event->last_us;
	return true;
}

/* An event that goes on is told as it does: lines under one link, whose counts add up. */
static void long_events_are_told_as_they_go(void **state)
{
	struct hin_telescope_options options = traffic_options();
	struct hin_telescope *telescope;
	struct traffic t = { 0 };
	struct heard h = { 0 };

	(void)state;
	for (unsigned n = 0; n < 22 * 60; n++)
		send_syn(&t, T0 + n * SECOND, SCANNER, DARK(n), 23);
	/* another sends until the first was silent for longer than the time-out */
	for (unsigned n = 22; n < 60; n++)
		send_icmp(&t, T0 + n * MINUTE, PEER, DARK(1), 8, 0);
	options.settings.event_timeout_ns = 10 * 60 * INT64_C(1000000000);
	options.update_us = 5 * MINUTE;
	options.sink = (struct hin_telescope_sink){ .user = &h, .news = hear };
	options.dark = traffic_tree("198.18.0.0/16");
	assert_int_equal(hin_telescope_new(&telescope, &options, NULL), HIN_OK);
	assert_int_equal(hin_telescope_run(telescope, traffic_read, &t, NULL), HIN_OK);
	assert_int_equal(hin_telescope_finish(telescope, NULL), HIN_OK);
	assert_true(hin_telescope_tell_open(telescope));
	assert_int_equal(h.opened, 1);
	assert_int_equal(h.updated, 4); /* at 10, 15, 20 minutes, and what came after */
	assert_int_equal(h.closed, 1);
	assert_int_equal(h.packets, 22 * 60);
	assert_int_equal(h.bytes, 22 * 60 * 40);
	assert_true(h.end_us == T0 + (22 * 60 - 1) * SECOND);
	hin_telescope_free(telescope);
	hin_prefix_tree_free((struct hin_prefix_tree *)(uintptr_t)options.dark);
	traffic_free(&t);
}

/* Known size: time-out of Merit's formula, coverage and rate of the world. */
static void estimates_need_the_size(void **state)
{
	struct seen s = { 0 };

	(void)state;
	for (unsigned n = 0; n < 601; n++)
		send_syn(&s.t, T0 + n * SECOND / 10, SCANNER, DARK(n), 23);
	look(&s, true);
	says(&s, "known", 1, 0, 0, 0);
	assert_int_equal(s.p.dark_v4, 65536);
	assert_true(fabs(s.p.event_timeout_s - 4527) < 2); /* 6.9 x 2^32 / (65,536 x 100) */
	assert_true(fabs(s.p.events[0].rate - 601 / 60.0) < 0.01);
	assert_true(fabs(s.p.events[0].world_rate - 601 / 60.0 * 65536) < 10);
	assert_true(fabs(s.p.events[0].coverage - 601 / 65536.0) < 1e-6);
	assert_int_equal(s.p.dark_hit, 601);
	hin_picture_free(&s.p);
	look(&s, false);
	says(&s, "unknown", 1, 0, 0, 0);
	assert_true(s.p.event_timeout_s > 21599 && s.p.event_timeout_s < 21601);
	assert_true(s.p.events[0].world_rate <= 0 && s.p.events[0].coverage <= 0);
	assert_int_equal(s.p.dark_hit, 0);
	done(&s);
}

/* ---- conversations are no scans ---- */

/* A client talks to many servers that answer. */
static void clients_are_not_scanners(void **state)
{
	struct seen s = { 0 };
	int64_t time = T0;

	(void)state;
	for (unsigned n = 0; n < 60; n++) {
		uint16_t port = (uint16_t)(40000 + n);

		send_syn(&s.t, time += 1000, SCANNER, PEER + n, 443);
		send_flags(&s.t, time += 1000, PEER + n, SCANNER, 443, port, FLAG_SYN | FLAG_ACK);
		send_flags(&s.t, time += 1000, SCANNER, PEER + n, port, 443, FLAG_ACK);
		send_udp(&s.t, time += 1000, SCANNER, PEER + n, port, 5000, "hello", 5);
		send_udp(&s.t, time += 1000, PEER + n, SCANNER, 5000, port, "hello", 5);
		send_icmp(&s.t, time += 1000, SCANNER, PEER + n, 8, 0);
		send_icmp(&s.t, time += 1000, PEER + n, SCANNER, 0, 0);
	}
	look(&s, false);
	says(&s, "client", 0, 0, 0, 0);
	done(&s);
}

/* What answers with RST or not at all was probed. */
static void refused_and_silent_are_probed(void **state)
{
	struct seen s = { 0 };
	int64_t time = T0;

	(void)state;
	for (unsigned n = 0; n < 60; n++) {
		send_syn(&s.t, time += 1000, SCANNER, PEER + n, 23);
		if (n % 2)
			send_flags(&s.t, time += 1000, PEER + n, SCANNER, 23, 40000,
				   FLAG_RST | FLAG_ACK);
		if (n % 20 == 0) /* a few are open */
			send_flags(&s.t, time += 1000, PEER + n, SCANNER, 23, 40000,
				   FLAG_SYN | FLAG_ACK);
	}
	look(&s, false);
	says(&s, "probed", 1, 0, 0, 0);
	assert_int_equal(s.p.events[0].packets, 60);
	assert_int_equal(s.p.events[0].targets, 60);
	done(&s);
}

/* Names and announcements on the link itself. */
static void neighbours_are_not_scanners(void **state)
{
	static const struct {
		uint32_t dst;
		uint16_t port;
	} calls[] = {
		{ ADDR(255, 255, 255, 255), 67 },   { ADDR(192, 168, 1, 255), 137 },
		{ ADDR(192, 168, 1, 255), 138 },    { ADDR(224, 0, 0, 251), 5353 },
		{ ADDR(224, 0, 0, 252), 5355 },	    { ADDR(239, 255, 255, 250), 1900 },
		{ ADDR(239, 255, 255, 250), 3702 }, { ADDR(192, 168, 1, 255), 17500 },
		{ ADDR(192, 168, 1, 255), 57621 },  { ADDR(224, 0, 0, 1), 8612 },
	};
	struct seen s = { 0 };

	(void)state;
	for (unsigned n = 0; n < 200; n++)
		send_udp(&s.t, T0 + n * SECOND, ADDR(192, 168, 1, 7), calls[n % 10].dst,
			 calls[n % 10].port, calls[n % 10].port, "x", 1);
	look(&s, false);
	says(&s, "neighbour", 0, 0, 0, 0);
	done(&s);
}

/* Answers of neighbours to what was spoken to everyone: unasked, by their addresses. */
static void neighbours_may_answer(void **state)
{
	static const uint16_t ports[] = { 137, 1900, 3702, 5353, 5355 };
	struct seen s = { 0 };

	(void)state;
	for (unsigned n = 0; n < 600; n++)
		send_udp(&s.t, T0 + n * SECOND / 10, ADDR(192, 168, 1, 10 + n % 40),
			 ADDR(192, 168, 1, 100 + n / 30), ports[n % 5], (uint16_t)(50000 + n),
			 "\x12\x34\x80\0\0\1\0\1\0\0\0\0", 12);
	look(&s, false);
	says(&s, "neighbours", 0, 0, 0, 0);
	done(&s);
}

/* Peer-to-peer: each peer has a port of its own, some answer. */
static void peers_are_not_scanners(void **state)
{
	static const char linux_options[] = "\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\0\x01\0\0\0\0"
					    "\x01\x03\x03\x07";
	struct seen s = { 0 };
	uint64_t seed = 1;

	(void)state;
	for (unsigned n = 0; n < 100; n++) {
		uint16_t port = (uint16_t)(10000 + random_below(&seed, 50000));

		send_udp(&s.t, T0 + n * SECOND, SCANNER, PEER + n, 6881, port, "d1:ad2:id20:", 12);
		send_tcp(&s.t, T0 + n * SECOND + 1000,
			 (struct segment){ .src = SCANNER,
					   .dst = PEER + n,
					   .sport = (uint16_t)(40000 + n),
					   .dport = port,
					   .flags = FLAG_SYN,
					   .window = 64240,
					   .id = (uint16_t)(n * 3 + 1),
					   .seq = (uint32_t)random_next(&seed),
					   .options = linux_options,
					   .options_size = 20 });
	}
	look(&s, false);
	says(&s, "peer", 0, 0, 0, 0);
	done(&s);
}

/* ---- victims ---- */

enum answer { SYN_ACKS, RESETS, UNREACHABLE, DNS_ANSWERS, ECHO_REPLIES, ANSWERS };

static void answer(struct traffic *t, enum answer kind, int64_t time, unsigned n, unsigned targets)
{
	uint32_t dst = DARK(n % targets);
	uint16_t port = (uint16_t)(1024 + n);

	switch (kind) {
	case SYN_ACKS:
		send_flags(t, time, SERVER, dst, 80, port, FLAG_SYN | FLAG_ACK);
		break;
	case RESETS:
		send_flags(t, time, SERVER, dst, 80, port, FLAG_RST | FLAG_ACK);
		break;
	case UNREACHABLE: /* told by routers on the way, of packets to the victim */
		send_error(t, time, ADDR(40, 0, 0, n % 3), dst, SERVER, IPPROTO_UDP, 27015);
		break;
	case DNS_ANSWERS:
		send_udp(t, time, SERVER, dst, 53, port, "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", 12);
		break;
	default:
		send_icmp(t, time, SERVER, dst, 0, 0);
		break;
	}
}

static void victims(void **state)
{
	static const struct {
		enum hin_class class;
		uint16_t port;
	} kinds[ANSWERS] = { { HIN_CLASS_TCP_ANSWER, 80 },
			     { HIN_CLASS_TCP_ANSWER, 80 },
			     { HIN_CLASS_UDP_ANSWER, 27015 },
			     { HIN_CLASS_UDP_ANSWER, 53 },
			     { HIN_CLASS_ICMP_ANSWER, 0 } };
	static const struct {
		const char *name;
		unsigned packets, targets;
		int64_t seconds;
		bool want;
	} cases[] = {
		{ "enough", 30, 20, 90, true },		  { "24 packets", 24, 20, 90, false },
		{ "25 packets", 25, 20, 90, true },	  { "nine addresses", 100, 9, 90, false },
		{ "ten addresses", 100, 10, 90, true },	  { "too short", 100, 50, 20, false },
		{ "short and heavy", 250, 50, 20, true },
	};

	(void)state;
	for (unsigned kind = 0; kind < ANSWERS; kind++)
		for (size_t i = 0; i < 2 * HIN_COUNT(cases); i++) {
			size_t c = i % HIN_COUNT(cases);
			struct seen s = { 0 };
			char name[64];

			for (unsigned n = 0; n < cases[c].packets; n++)
				answer(&s.t, (enum answer)kind,
				       T0 + n * cases[c].seconds * SECOND / (cases[c].packets - 1),
				       n, cases[c].targets);
			look(&s, i < HIN_COUNT(cases));
			snprintf(name, sizeof(name), "%u, %s", kind, cases[c].name);
			says(&s, name, 0, cases[c].want, 0, 0);
			if (cases[c].want) {
				const struct hin_victim *v = &s.p.victims[0];

				assert_int_equal(hin_addr_v4(&v->address), SERVER);
				assert_int_equal(v->class, kinds[kind].class);
				assert_int_equal(v->port, kinds[kind].port);
				assert_int_equal(v->packets, cases[c].packets);
				assert_int_equal(v->targets, cases[c].targets);
				assert_int_equal(v->syn_acks, kind == SYN_ACKS ? v->packets : 0);
				assert_int_equal(v->icmp_errors,
						 kind == UNREACHABLE ? v->packets : 0);
				/* Moore: x 2^32 / 65,536, with a known size only */
				if (i < HIN_COUNT(cases))
					assert_true(fabs(v->attack_packets -
							 cases[c].packets * 65536.0) < 1);
				else
					assert_true(v->attack_packets <= 0);
			}
			done(&s);
		}
}

/* Two services of one host are attacked: each is told by its name, and not both once more. */
static void each_service_of_a_victim(void **state)
{
	(void)state;
	for (unsigned dark = 0; dark < 2; dark++) {
		struct seen s = { 0 };

		for (unsigned n = 0; n < 900; n++)
			send_flags(&s.t, T0 + n * SECOND / 5, SERVER, DARK(n), n % 3 ? 443 : 80,
				   5000, FLAG_SYN | FLAG_ACK);
		look(&s, dark != 0);
		says(&s, "two services", 0, 2, 0, 0);
		assert_int_equal(s.p.victims[0].port, 443);
		assert_int_equal(s.p.victims[0].packets, 600);
		assert_int_equal(s.p.victims[0].targets, 600);
		assert_int_equal(s.p.victims[1].port, 80);
		assert_int_equal(s.p.victims[1].packets, 300);
		done(&s);
	}
}

/* A server that many clients asked is no victim of its own answers. */
static void servers_are_not_victims(void **state)
{
	struct seen s = { 0 };
	int64_t time = T0;

	(void)state;
	for (unsigned n = 0; n < 500; n++) {
		uint16_t port = (uint16_t)(20000 + n);

		send_syn(&s.t, time += SECOND / 2, PEER + n, SERVER, 80);
		send_flags(&s.t, time += 1000, SERVER, PEER + n, 80, port, FLAG_SYN | FLAG_ACK);
		send_flags(&s.t, time += 1000, PEER + n, SERVER, port, 80, FLAG_ACK);
		send_udp(&s.t, time += 1000, PEER + n, SERVER, port, 53,
			 "\x12\x34\x01\x00\0\1\0\0\0\0\0\0", 12);
		send_udp(&s.t, time += 1000, SERVER, PEER + n, 53, port,
			 "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", 12);
		send_icmp(&s.t, time += 1000, PEER + n, SERVER, 8, 0);
		send_icmp(&s.t, time += 1000, SERVER, PEER + n, 0, 0);
	}
	look(&s, false);
	says(&s, "server", 0, 0, 0, 0);
	done(&s);
}

/* Thousands of clients a minute, more than are told apart one by one. */
static void busy_servers_are_served(void **state)
{
	struct seen s = { 0 };
	int64_t time = T0;

	(void)state;
	for (unsigned n = 0; n < 12000; n++) {
		uint32_t client = PEER + n * 7919;
		uint16_t port = (uint16_t)(1024 + n);

		send_syn(&s.t, time += 40000, client, SERVER, 80);
		send_flags(&s.t, time += 100, SERVER, client, 80, port, FLAG_SYN | FLAG_ACK);
		send_tcp(&s.t, time += 100,
			 (struct segment){ .src = client,
					   .dst = SERVER,
					   .sport = port,
					   .dport = 80,
					   .flags = FLAG_ACK,
					   .payload = 80 });
		send_flags(&s.t, time += 100, SERVER, client, 80, port, FLAG_RST | FLAG_ACK);
		send_udp(&s.t, time += 100, client, SERVER, port, 53,
			 "\x12\x34\x01\0\0\1\0\0\0\0\0\0", 12);
		send_udp(&s.t, time += 100, SERVER, client, 53, port,
			 "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", 12);
		send_udp(&s.t, time += 100, client, SERVER, port, 4433, "hello", 5);
		send_udp(&s.t, time += 100, SERVER, client, 4433, port, "hello", 5);
		send_icmp(&s.t, time += 100, client, SERVER, 8, 0);
		send_icmp(&s.t, time += 100, SERVER, client, 0, 0);
	}
	look(&s, false);
	says(&s, "busy server", 0, 0, 0, 0);
	done(&s);
}

/* A scanner sends RST to what answers it: that does not make it a victim, nor its targets scanners.
 */
static void scanners_are_not_victims(void **state)
{
	struct seen s = { 0 };
	int64_t time = T0;

	(void)state;
	for (unsigned n = 0; n < 400; n++) {
		send_syn(&s.t, time += SECOND / 2, SCANNER, PEER + n, 80);
		if (n % 4)
			continue;
		send_flags(&s.t, time += 1000, PEER + n, SCANNER, 80, 40000, FLAG_SYN | FLAG_ACK);
		send_flags(&s.t, time += 1000, SCANNER, PEER + n, 40000, 80, FLAG_RST);
	}
	look(&s, false);
	says(&s, "scanner", 1, 0, 0, 0);
	assert_int_equal(hin_addr_v4(&s.p.events[0].source), SCANNER);
	done(&s);
}

/* ---- floods and amplification ---- */

static void floods(void **state)
{
	static const struct {
		const char *name;
		unsigned packets, sources;
		bool want, spoofed;
	} cases[] = {
		{ "spoofed", 300, 300, true, true },
		{ "299 in a minute", 299, 299, false, false },
		{ "half of it repeats", 600, 300, true, true },
		{ "forty bots", 400, 40, true, false },
	};

	(void)state;
	for (size_t i = 0; i < 2 * HIN_COUNT(cases); i++) {
		size_t c = i % HIN_COUNT(cases);
		struct seen s = { 0 };

		for (unsigned n = 0; n < cases[c].packets; n++)
			send_syn(&s.t, T0 + n * SECOND / 12, PEER + n % cases[c].sources * 101,
				 DARK(77), 80);
		look(&s, i < HIN_COUNT(cases));
		says(&s, cases[c].name, 0, 0, cases[c].want, 0);
		if (cases[c].want) {
			assert_int_equal(s.p.floods[0].packets, cases[c].packets);
			assert_int_equal(s.p.floods[0].sources, cases[c].sources);
			assert_int_equal(s.p.floods[0].port, 80);
			assert_int_equal(s.p.floods[0].spoofed, cases[c].spoofed);
			assert_int_equal(hin_addr_v4(&s.p.floods[0].target), DARK(77));
		}
		done(&s);
	}
}

/* Slowly over an hour the same number is no flood; a busy server that is served is none either. */
static void floods_that_are_none(void **state)
{
	struct seen s = { 0 };
	int64_t time = T0;

	(void)state;
	for (unsigned n = 0; n < 3000; n++)
		send_syn(&s.t, T0 + n * SECOND, PEER + n * 101, DARK(77), 80);
	look(&s, true);
	says(&s, "slow", 0, 0, 0, 0);
	done(&s);
	for (unsigned n = 0; n < 2000; n++) {
		uint16_t port = (uint16_t)(20000 + n);

		send_syn(&s.t, time += 10000, PEER + n, SERVER, 80);
		send_flags(&s.t, time += 1000, SERVER, PEER + n, 80, port, FLAG_SYN | FLAG_ACK);
		send_tcp(&s.t, time += 1000,
			 (struct segment){ .src = PEER + n,
					   .dst = SERVER,
					   .sport = port,
					   .dport = 80,
					   .flags = FLAG_ACK,
					   .payload = 80 });
	}
	look(&s, false);
	says(&s, "busy", 0, 0, 0, 0);
	done(&s);
}

static void amplifications(void **state)
{
	static const struct {
		const char *name;
		unsigned packets, sources;
		uint16_t port; /* 0 = SYN-ACK */
		const char *payload;
		size_t size;
		const char *service;
		bool want;
	} cases[] = {
		{ "DNS", 100, 50, 53, "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", 12, "dns", true },
		{ "NTP", 100, 50, 123, "\xd7\0\x2a\x06", 4, "ntp", true },
		{ "memcached", 100, 50, 11211, "\0\0\0\0\0\1\0\0STAT", 12, "memcached", true },
		{ "CLDAP", 100, 50, 389, "\x30\x84", 2, NULL, true },
		{ "SSDP", 100, 50, 1900, "HTTP/1.1 200 OK", 15, "ssdp", true },
		{ "nine amplifiers", 100, 9, 53, "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", 12, "dns",
		  false },
		{ "ten amplifiers", 100, 10, 53, "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", 12, "dns",
		  true },
		{ "59 packets", 59, 50, 53, "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", 12, "dns", false },
		{ "60 packets", 60, 50, 53, "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", 12, "dns", true },
		{ "questions", 100, 50, 53, "\x12\x34\x01\0\0\1\0\0\0\0\0\0", 12, "dns", false },
		{ "SYN-ACK", 100, 100, 0, NULL, 0, "tcp-syn-ack", true },
	};

	(void)state;
	for (size_t i = 0; i < 2 * HIN_COUNT(cases); i++) {
		size_t c = i % HIN_COUNT(cases);
		struct seen s = { 0 };

		for (unsigned n = 0; n < cases[c].packets; n++) {
			uint32_t src = PEER + n % cases[c].sources * 101;

			if (cases[c].port == 0)
				send_flags(&s.t, T0 + n * SECOND / 10, src, DARK(9), 443, 50000,
					   FLAG_SYN | FLAG_ACK);
			else
				send_udp(&s.t, T0 + n * SECOND / 10, src, DARK(9), cases[c].port,
					 50000, cases[c].payload, cases[c].size);
		}
		look(&s, i < HIN_COUNT(cases));
		says(&s, cases[c].name, 0, 0, 0, cases[c].want);
		if (cases[c].want) {
			const struct hin_flood *f = &s.p.amplifications[0];

			assert_int_equal(hin_addr_v4(&f->target), DARK(9));
			assert_int_equal(f->packets, cases[c].packets);
			assert_int_equal(f->sources, cases[c].sources);
			if (cases[c].service != NULL)
				assert_string_equal(f->service, cases[c].service);
		}
		done(&s);
	}
}

static void send_fragment(struct traffic *t, int64_t time, uint32_t src, uint32_t dst)
{
	uint8_t packet[60] = { 0 };

	put_ip(packet, src, dst, IPPROTO_UDP, sizeof(packet));
	put16(packet + 6, 185);
	traffic_raw(t, time, packet, sizeof(packet));
}

/* Later fragments belong to the answers they are of; alone they are a flood of no port. */
static void fragments_of_answers(void **state)
{
	(void)state;
	for (unsigned answers = 0; answers < 2; answers++) {
		struct seen s = { 0 };

		for (unsigned n = 0; n < 500; n++) {
			uint32_t src = PEER + n % 50 * 101;

			if (answers != 0)
				send_udp(&s.t, T0 + n * SECOND / 10, src, DARK(9), 53, 50000,
					 "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", 12);
			send_fragment(&s.t, T0 + n * SECOND / 10 + 100, src, DARK(9));
		}
		look(&s, true);
		says(&s, "fragments", 0, 0, answers == 0, answers != 0);
		if (answers != 0) {
			assert_int_equal(s.p.amplifications[0].fragments, 500);
		} else {
			assert_int_equal(s.p.floods[0].proto, IPPROTO_UDP);
			assert_int_equal(s.p.floods[0].port, 0);
		}
		done(&s);
	}
}

/* One who asks many resolvers gets many answers: that is no amplification against him. */
static void answers_that_were_asked_for(void **state)
{
	struct seen s = { 0 };
	int64_t time = T0;

	(void)state;
	for (unsigned n = 0; n < 300; n++) {
		send_udp(&s.t, time += 20000, SCANNER, PEER + n, (uint16_t)(20000 + n), 53,
			 "\x12\x34\x01\0\0\1\0\0\0\0\0\0", 12);
		send_udp(&s.t, time += 20000, PEER + n, SCANNER, 53, (uint16_t)(20000 + n),
			 "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", 12);
	}
	look(&s, false);
	says(&s, "resolver", 0, 0, 0, 0);
	done(&s);
}

/* ---- members, IPv6, the rest ---- */

static unsigned alerts;
static struct hin_member_news alert;

static void on_member(void *user, const struct hin_member_news *news)
{
	(void)user;
	alerts++;
	alert = *news;
	if (news->part.opened) {
		assert_int_equal(hin_addr_v4(&news->member->address), SERVER);
		assert_int_equal(news->part.packets, 1);
	}
}

static void members(void **state)
{
	struct hin_telescope_options options = traffic_options();
	struct hin_prefix_tree *dark = traffic_tree("198.18.0.0/16");
	struct hin_prefix_tree *member = traffic_tree("20.0.0.0/8");
	struct seen s = { 0 };

	(void)state;
	alerts = 0;
	options.dark = dark;
	options.member = member;
	options.sink.member = on_member;
	for (unsigned n = 0; n < 20; n++) {
		send_tcp(&s.t, T0 + n * SECOND, /* Mirai */
			 (struct segment){ .src = SERVER,
					   .dst = DARK(n),
					   .sport = 1025,
					   .dport = 23,
					   .flags = FLAG_SYN,
					   .window = 5840,
					   .seq = DARK(n) });
		send_syn(&s.t, T0 + n * SECOND + 1, SCANNER, DARK(n), 23);
		send_syn(&s.t, T0 + n * SECOND + 2, SERVER + 1, PEER, 443); /* outside: no alert */
	}
	s.p = traffic_see(&s.t, &options);
	assert_int_equal(alerts, 1);
	assert_int_equal(hin_addr_v4(&alert.target), DARK(0));
	assert_int_equal(alert.sport, 1025);
	assert_int_equal(alert.dport, 23);
	assert_int_equal(s.p.member_count, 1);
	assert_true(s.p.members[0].infected);
	assert_int_equal(s.p.members[0].tool, HIN_SIGN_MIRAI);
	assert_int_equal(s.p.members[0].packets, 20);
	assert_int_equal(s.p.members[0].targets, 20);
	assert_int_equal(s.p.outside, 20);
	says(&s, "members", 2, 0, 0, 0);
	assert_true(s.p.events[0].member != s.p.events[1].member);
	done(&s);
	/* backscatter of a member: it is attacked, not infected */
	for (unsigned n = 0; n < 100; n++)
		send_flags(&s.t, T0 + n * SECOND, SERVER, DARK(n), 80, 4000, FLAG_SYN | FLAG_ACK);
	s.p = traffic_see(&s.t, &options);
	assert_int_equal(s.p.member_count, 1);
	assert_false(s.p.members[0].infected);
	says(&s, "attacked member", 0, 1, 0, 0);
	assert_true(s.p.victims[0].member);
	done(&s);
	hin_prefix_tree_free(dark);
	hin_prefix_tree_free(member);
}

static void send_syn6(struct traffic *t, int64_t time, uint64_t network, uint64_t host,
		      uint32_t dst)
{
	uint8_t packet[60] = { 0x60 };

	packet[5] = 20;
	packet[6] = IPPROTO_TCP;
	packet[7] = 60;
	put32(packet + 8, (uint32_t)(network >> 32));
	put32(packet + 12, (uint32_t)network);
	put32(packet + 16, (uint32_t)(host >> 32));
	put32(packet + 20, (uint32_t)host);
	packet[24] = 0x2a;
	put32(packet + 36, dst);
	put16(packet + 40, 40000);
	put16(packet + 42, 22);
	packet[52] = 0x50;
	packet[53] = FLAG_SYN;
	traffic_raw(t, time, packet, sizeof(packet));
}

/* A scanner that changes its address within a /64 is one scanner; a single one is told as itself.
 */
static void ipv6_networks(void **state)
{
	struct seen s = { 0 };
	uint64_t seed = 5;

	(void)state;
	for (unsigned n = 0; n < 200; n++)
		send_syn6(&s.t, T0 + n * SECOND, 0x2a02000000000001, random_next(&seed), n);
	for (unsigned n = 0; n < 100; n++)
		send_syn6(&s.t, T0 + (200 + n) * SECOND, 0x2a03000000000001, 7, n);
	look(&s, false);
	says(&s, "IPv6", 2, 0, 0, 0);
	assert_int_equal(s.p.events[0].source_len, 64);
	assert_int_equal(s.p.events[0].packets, 200);
	assert_int_equal(s.p.events[0].targets, 200);
	assert_int_equal(s.p.events[1].source_len, 128);
	assert_int_equal(s.p.events[1].packets, 100);
	assert_int_equal(s.p.sources, 201);
	done(&s);
}

/* Two hosts of one /64 talk to many servers that answer: neither they nor their /64 scan. */
static void ipv6_clients_are_not_scanners(void **state)
{
	struct seen s = { 0 };
	int64_t time = T0;

	(void)state;
	for (unsigned n = 0; n < 60; n++) {
		uint8_t packet[60] = { 0x60 };

		send_syn6(&s.t, time += 1000, 0x2a02000000000001, 5 + n % 2, n);
		packet[5] = 20; /* its answer: ports and addresses the other way round */
		packet[6] = IPPROTO_TCP;
		packet[8] = 0x2a;
		put32(packet + 20, n);
		put32(packet + 24, 0x2a020000);
		put32(packet + 28, 1);
		packet[39] = (uint8_t)(5 + n % 2);
		put16(packet + 40, 22);
		put16(packet + 42, 40000);
		packet[52] = 0x50;
		packet[53] = FLAG_SYN | FLAG_ACK;
		traffic_raw(&s.t, time += 1000, packet, sizeof(packet));
	}
	look(&s, false);
	says(&s, "IPv6 clients", 0, 0, 0, 0);
	done(&s);
}

/* Ports, kinds and sums of a mixture are those of the packets. */
static void counts_add_up(void **state)
{
	struct seen s = { 0 };
	uint64_t kinds = 0, ports = 0, series = 0;

	(void)state;
	for (unsigned n = 0; n < 3000; n++) {
		int64_t time = T0 + n * SECOND / 7;

		send_syn(&s.t, time, SCANNER + n % 100, DARK(n), (uint16_t)(n % 2000));
		send_udp(&s.t, time, SCANNER, DARK(n), 4000, 5060, NULL, 0);
		send_flags(&s.t, time, SERVER, DARK(n), 80, 5, FLAG_RST);
		send_icmp(&s.t, time, PEER, DARK(n), 8, 0);
		if (n % 3 == 0)
			send_syn(&s.t, time, SCANNER, PEER, 80); /* outside */
	}
	look(&s, true);
	assert_int_equal(s.p.frames, 13000);
	assert_int_equal(s.p.packets, 12000);
	assert_int_equal(s.p.outside, 1000);
	assert_int_equal(s.p.kinds[HIN_TCP_SYN], 3000);
	assert_int_equal(s.p.kinds[HIN_UDP], 3000);
	assert_int_equal(s.p.kinds[HIN_TCP_RST], 3000);
	assert_int_equal(s.p.icmp_types[8], 3000);
	for (size_t i = 0; i < HIN_PACKET_KIND_COUNT; i++)
		kinds += s.p.kinds[i];
	for (size_t i = 0; i < s.p.series_count; i++)
		series += s.p.series[i].packets;
	assert_int_equal(kinds, 12000);
	assert_int_equal(series, 12000);
	assert_int_equal(s.p.port_total, 2001);
	assert_int_equal(s.p.port_count, 1000);
	for (size_t i = 0; i < s.p.port_count; i++)
		ports += s.p.ports[i].packets;
	assert_true(ports >= 3000 + 999); /* the list is cut */
	assert_int_equal(s.p.ports[0].port, 5060);
	assert_int_equal(s.p.ports[0].packets, 3000);
	assert_int_equal(s.p.ports[0].sources, 1);
	done(&s);
}

/* ---- one thread and many ---- */

struct told {
	uint64_t sum, rows, packets;
	int64_t minute;
};

static bool on_flow(void *user, const struct hin_flow_row *row)
{
	struct told *told = user;

	told->sum = told->sum * 31 + hin_addr_v4(&row->src) * 7 + hin_addr_v4(&row->dst) +
		    row->dport + row->packets + (uint64_t)row->minute_us;
	told->rows++;
	told->packets += row->packets;
	assert_true(row->minute_us >= told->minute);
	assert_int_equal(row->minute_us % MINUTE, 0);
	told->minute = row->minute_us;
	return told->rows != 77777; /* where a test stops it */
}

static void many_threads_are_as_one(void **state)
{
	struct hin_telescope_options options = traffic_options();
	struct told first = { 0 };
	struct traffic t = { 0 };
	uint64_t seed = 9;

	(void)state;
	for (unsigned n = 0; n < 40000; n++)
		send_syn(&t, T0 + n * SECOND / 100, SCANNER + random_below(&seed, 500),
			 DARK(random_below(&seed, 3000)), (uint16_t)random_below(&seed, 50));
	for (unsigned threads = 1; threads <= HIN_TELESCOPE_THREADS;
	     threads += threads < 4 ? 1 : 6) {
		struct told told = { 0 };
		struct hin_picture p;

		options.threads = threads;
		options.flows = true;
		options.sink.user = &told;
		options.sink.flow = on_flow;
		p = traffic_see(&t, &options);
		assert_int_equal(p.packets, 40000);
		assert_int_equal(told.packets, 40000);
		if (threads == 1)
			first = told;
		assert_true(told.sum == first.sum && told.rows == first.rows);
		hin_picture_free(&p);
	}
	traffic_free(&t);
}

/* A sink that says no ends the run, with an error. */
static void a_failing_sink_ends_the_run(void **state)
{
	struct hin_telescope_options options = traffic_options();
	struct told told = { .rows = 77777 - 100 };
	struct hin_telescope *telescope;
	struct traffic t = { 0 };

	(void)state;
	for (unsigned n = 0; n < 5000; n++)
		send_syn(&t, T0 + n * SECOND, SCANNER, DARK(n), 23);
	options.flows = true;
	options.sink.user = &told;
	options.sink.flow = on_flow;
	assert_int_equal(hin_telescope_new(&telescope, &options, NULL), HIN_OK);
	(void)!hin_telescope_run(telescope, traffic_read, &t, NULL);
	assert_int_not_equal(hin_telescope_finish(telescope, NULL), HIN_OK);
	assert_int_equal(told.rows, 77777);
	hin_telescope_free(telescope);
	traffic_free(&t);
}

/* Little memory and many sources: detail goes and is counted, sums stay exact, heavy ones stay. */
static void little_memory(void **state)
{
	struct hin_telescope_options options = traffic_options();
	struct hin_prefix_tree *dark = traffic_tree("198.18.0.0/16");
	struct hin_picture p;
	struct traffic t = { 0 };
	bool heavy = false;

	(void)state;
	options.dark = dark;
	options.settings.memory_bytes = 8 << 20;
	for (unsigned n = 0; n < 300000; n++) {
		send_syn(&t, T0 + n * SECOND / 1000, ADDR(30, 0, 0, 0) + n, DARK(n * 7919 % 65536),
			 445);
		if (n % 10 == 0)
			send_syn(&t, T0 + n * SECOND / 1000, SCANNER, DARK(n / 10), 23);
	}
	p = traffic_see(&t, &options);
	assert_int_equal(p.packets, 330000);
	assert_true(p.lost.sources > 0);
	assert_false(p.sources_exact);
	assert_true(fabs((double)p.sources / 300001 - 1) < 0.02);
	for (size_t i = 0; i < p.event_count; i++)
		heavy |=
			hin_addr_v4(&p.events[i].source) == SCANNER && p.events[i].packets == 30000;
	assert_true(heavy);
	hin_picture_free(&p);
	traffic_free(&t);
	hin_prefix_tree_free(dark);
}

/* Clocks of 1970 and 2106, steps back, gaps of days. */
static void odd_clocks(void **state)
{
	static const int64_t times[] = {
		0,	   -5000000,	   4294967295000000,	  4294967290000000,	T0,
		T0 - HOUR, T0 + 40 * HOUR, INT64_MAX / 1000 - 10, INT64_MIN / 1000 + 1, 0
	};

	(void)state;
	for (unsigned dark = 0; dark < 2; dark++) {
		struct seen s = { 0 };

		for (size_t i = 0; i < HIN_COUNT(times); i++)
			for (unsigned n = 0; n < 10; n++)
				send_syn(&s.t, times[i] + n, SCANNER + (uint32_t)i, DARK(n), 23);
		look(&s, dark != 0);
		assert_int_equal(s.p.packets, 100);
		assert_true(s.p.clock_steps > 0);
		assert_int_equal(s.p.event_total, 10);
		done(&s);
	}
}

static void nothing_at_all(void **state)
{
	struct seen s = { 0 };

	(void)state;
	look(&s, true);
	says(&s, "nothing", 0, 0, 0, 0);
	assert_int_equal(s.p.frames, 0);
	assert_int_equal(s.p.series_count, 0);
	assert_true(s.p.first_us == 0 && s.p.last_us == 0);
	done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scan_shapes),
		cmocka_unit_test(strays_do_not_make_a_block),
		cmocka_unit_test(scans_of_all_kinds),
		cmocka_unit_test(slow_scans_and_time_outs),
		cmocka_unit_test(long_events_are_told_as_they_go),
		cmocka_unit_test(estimates_need_the_size),
		cmocka_unit_test(clients_are_not_scanners),
		cmocka_unit_test(refused_and_silent_are_probed),
		cmocka_unit_test(neighbours_are_not_scanners),
		cmocka_unit_test(neighbours_may_answer),
		cmocka_unit_test(peers_are_not_scanners),
		cmocka_unit_test(ipv6_clients_are_not_scanners),
		cmocka_unit_test(victims),
		cmocka_unit_test(each_service_of_a_victim),
		cmocka_unit_test(servers_are_not_victims),
		cmocka_unit_test(busy_servers_are_served),
		cmocka_unit_test(scanners_are_not_victims),
		cmocka_unit_test(floods),
		cmocka_unit_test(floods_that_are_none),
		cmocka_unit_test(amplifications),
		cmocka_unit_test(fragments_of_answers),
		cmocka_unit_test(answers_that_were_asked_for),
		cmocka_unit_test(members),
		cmocka_unit_test(ipv6_networks),
		cmocka_unit_test(counts_add_up),
		cmocka_unit_test(many_threads_are_as_one),
		cmocka_unit_test(a_failing_sink_ends_the_run),
		cmocka_unit_test(little_memory),
		cmocka_unit_test(odd_clocks),
		cmocka_unit_test(nothing_at_all),
	};

	return cmocka_run_group_tests_name("telescope", tests, NULL, NULL);
}
