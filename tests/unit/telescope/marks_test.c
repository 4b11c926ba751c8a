/*
 * marks_test - each tool's signature and its near misses, sources that cannot be, and that chance
 * makes no claim.
 */
#include <stdio.h>

#include "telescope/marks.h"
#include "traffic.h"

#define ORDER_MSS 0x2u
#define ORDER_LINUX 0x31842u
#define ORDER_WINDOWS 0x411312u
#define ORDER_MACOS 0x4811312u
#define ORDER_FREEBSD 0x84312u

/* A packet of a table; what is 0 is the plain value. */
struct row {
	const char *name;
	uint8_t kind, ttl;
	uint16_t ip_id, window, sport;
	uint64_t order;
	uint32_t seq;
	bool df, ecn, damaged;
	enum hin_tool tool;
	bool shape;
};

#define DST 0xc6120001u
#define PORT 23

static struct hin_packet packet_of(const struct row *r)
{
	return (struct hin_packet){
		.src = hin_addr_of_v4(ADDR(9, 9, 9, 9)),
		.dst = hin_addr_of_v4(DST),
		.sport = r->sport != 0 ? r->sport : 20000,
		.dport = PORT,
		.seq = r->seq != 0 ? r->seq : 0x12345678,
		.ip_id = r->ip_id,
		.window = r->window != 0 ? r->window : 5840,
		.tcp_options = r->order,
		.flags = HIN_PACKET_OPTIONS | (r->df ? HIN_PACKET_DF : 0u),
		.kind = r->kind,
		.tcp_flags = r->ecn ? 0xc2 : 0x02,
		.proto = IPPROTO_TCP,
		.ttl = r->ttl != 0 ? r->ttl : 50,
		.refusal = r->damaged ? HIN_REFUSED_TCP_OPTIONS : HIN_REFUSED_NOTHING,
	};
}

/* Masscan's cookie for DST, PORT and the plain sequence number. */
#define MASSCAN_ID ((uint16_t)((DST ^ PORT ^ 0x12345678u) & 0xffff))

static void tools_and_near_misses(void **state)
{
	static const struct row rows[] = {
		{ "zmap", .sport = 40000, .ttl = 240, .ip_id = 54321, .window = 65535,
		  .tool = HIN_SIGN_ZMAP, .shape = true },
		{ "zmap with the MSS", .sport = 40000, .ttl = 240, .ip_id = 54321, .window = 65535,
		  .order = ORDER_MSS, .tool = HIN_SIGN_ZMAP, .shape = true },
		{ "zmap's ID, another port", .ttl = 240, .ip_id = 54321, .window = 65535,
		  .tool = HIN_SIGN_ZMAP },
		{ "zmap's ID, ECN", .sport = 40000, .ttl = 240, .ip_id = 54321, .window = 65535,
		  .ecn = true, .tool = HIN_SIGN_ZMAP },
		{ "UDP with zmap's ID, another port", .kind = HIN_UDP, .ttl = 240, .ip_id = 54321,
		  .tool = HIN_SIGN_ZMAP },
		{ "zmap's ID, another window", .ttl = 240, .ip_id = 54321, .tool = HIN_SIGN_ZMAP },
		{ "zmap's ID, a stack's TTL", .ttl = 60, .ip_id = 54321, .window = 65535,
		  .tool = HIN_SIGN_ZMAP },
		{ "zmap's ID less one", .ttl = 60, .ip_id = 54320 },
		{ "zmap's ID in other byte order", .ttl = 60, .ip_id = 0x31d4 },
		{ "zmap's ID on a SYN-ACK", .kind = HIN_TCP_SYN_ACK, .ip_id = 54321 },
		{ "zmap's ID on a RST", .kind = HIN_TCP_RST, .ip_id = 54321 },
		{ "zmap over UDP", .sport = 40000, .kind = HIN_UDP, .ttl = 240, .ip_id = 54321,
		  .tool = HIN_SIGN_ZMAP, .shape = true },
		{ "zmap over ICMP", .kind = HIN_ICMP, .ttl = 240, .ip_id = 54321,
		  .tool = HIN_SIGN_ZMAP, .shape = true },
		{ "UDP with zmap's ID and a stack's TTL", .kind = HIN_UDP, .ip_id = 54321,
		  .tool = HIN_SIGN_ZMAP },
		{ "new zmap", .ttl = 240, .ip_id = 7, .window = 65535, .sport = 40000,
		  .order = ORDER_MSS, .tool = HIN_SIGN_ZMAP_RANDOM_ID },
		{ "new zmap, Windows layout", .ttl = 240, .ip_id = 7, .window = 65535,
		  .sport = 61000, .order = ORDER_WINDOWS, .tool = HIN_SIGN_ZMAP_RANDOM_ID },
		{ "new zmap, but the port", .ttl = 240, .ip_id = 7, .window = 65535, .sport = 61001,
		  .order = ORDER_MSS },
		{ "new zmap, but the TTL", .ttl = 192, .ip_id = 7, .window = 65535, .sport = 40000,
		  .order = ORDER_MSS },
		{ "new zmap, but the window", .ttl = 240, .ip_id = 7, .window = 65534,
		  .sport = 40000, .order = ORDER_MSS },
		{ "new zmap, but don't fragment", .ttl = 240, .ip_id = 7, .window = 65535,
		  .sport = 40000, .order = ORDER_MSS, .df = true },
		{ "new zmap, but ECN", .ttl = 240, .ip_id = 7, .window = 65535, .sport = 40000,
		  .order = ORDER_MSS, .ecn = true },
		{ "new zmap, but no ID", .ttl = 240, .window = 65535, .sport = 40000,
		  .order = ORDER_MSS },
		{ "new zmap, but another layout", .ttl = 240, .ip_id = 7, .window = 65535,
		  .sport = 40000, .order = ORDER_FREEBSD },
		{ "masscan", .ttl = 240, .ip_id = MASSCAN_ID, .window = 1024,
		  .tool = HIN_SIGN_MASSCAN, .shape = true },
		{ "masscan with the MSS", .ttl = 240, .ip_id = MASSCAN_ID, .window = 1024,
		  .order = ORDER_MSS, .tool = HIN_SIGN_MASSCAN, .shape = true },
		{ "masscan's ID, a stack's options", .ip_id = MASSCAN_ID, .order = ORDER_LINUX,
		  .tool = HIN_SIGN_MASSCAN },
		{ "masscan's ID and one", .ttl = 240, .ip_id = MASSCAN_ID + 1, .window = 1024 },
		{ "masscan's ID on an ACK", .kind = HIN_TCP_ACK, .ip_id = MASSCAN_ID,
		  .window = 1024 },
		{ "mirai", .seq = DST, .tool = HIN_SIGN_MIRAI, .shape = true },
		{ "mirai, other byte order", .seq = 0x010012c6 },
		{ "mirai and one", .seq = DST + 1 },
		{ "mirai on an ACK", .kind = HIN_TCP_ACK, .seq = DST },
		{ "hping3", .window = 64, .tool = HIN_SIGN_HPING },
		{ "hping3, random source", .window = 512, .tool = HIN_SIGN_HPING },
		{ "hping3 with DF", .window = 64, .df = true },
		{ "hping3 with options", .window = 64, .order = ORDER_MSS },
		{ "hping3, TTL 65", .window = 64, .ttl = 65 },
		{ "Linux", .order = ORDER_LINUX, .tool = HIN_SIGN_LINUX },
		{ "Linux, TTL 65", .order = ORDER_LINUX, .ttl = 65 },
		{ "Linux, order of two changed", .order = 0x38142u },
		{ "Windows", .order = ORDER_WINDOWS, .ttl = 120, .tool = HIN_SIGN_WINDOWS },
		{ "Windows, TTL 129", .order = ORDER_WINDOWS, .ttl = 129 },
		{ "FreeBSD", .order = ORDER_FREEBSD, .tool = HIN_SIGN_BSD },
		{ "macOS", .order = ORDER_MACOS, .tool = HIN_SIGN_MACOS },
		{ "a plain SYN", .window = 5840 },
		{ "damaged options", .order = ORDER_LINUX, .ip_id = 54321, .damaged = true },
	};
	const struct hin_marker marker = { 0 };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(rows); i++) {
		struct hin_packet p = packet_of(&rows[i]);

		(void)hin_mark(&p, 1, &marker);
		if ((p.marks & HIN_MARK_TOOL) != rows[i].tool ||
		    ((p.marks & HIN_MARK_SHAPE) != 0) != rows[i].shape)
			fail_msg("%s: %s%s", rows[i].name,
				 hin_tool_name((enum hin_tool)(p.marks & HIN_MARK_TOOL)),
				 p.marks & HIN_MARK_SHAPE ? ", in shape" : "");
	}
}

/* Signatures that need an IPv4 address or identification say nothing of IPv6. */
static void ipv6_has_fewer_signs(void **state)
{
	const struct hin_marker marker = { 0 };
	struct hin_packet p = packet_of(&(struct row){ .ttl = 240 });

	(void)state;
	p.src = (struct hin_addr){ { 0x2a, 1 } };
	p.dst = (struct hin_addr){ { 0x2a, 2 } };
	p.seq = 0;
	p.ip_id = 0;
	(void)hin_mark(&p, 1, &marker);
	assert_int_equal(p.marks & HIN_MARK_TOOL, HIN_SIGN_NONE);
	assert_true(p.marks & HIN_MARK_V6);
	p.window = 65535;
	p.sport = 40000;
	p.tcp_options = ORDER_MSS;
	(void)hin_mark(&p, 1, &marker);
	assert_int_equal(p.marks & HIN_MARK_TOOL, HIN_SIGN_ZMAP_RANDOM_ID);
}

static void sources_that_cannot_be(void **state)
{
	static const struct {
		const char *src, *dst;
		uint32_t marks; /* of BOGON, UNROUTABLE, SPOOFED */
	} cases[] = {
#define BOGUS (HIN_MARK_BOGON | HIN_MARK_SPOOFED)
		{ "8.8.8.8", "198.18.0.1", 0 },
		{ "0.0.0.0", "198.18.0.1", BOGUS },
		{ "0.1.2.3", "198.18.0.1", BOGUS },
		{ "1.0.0.0", "198.18.0.1", 0 },
		{ "9.255.255.255", "198.18.0.1", 0 },
		{ "10.0.0.0", "198.18.0.1", HIN_MARK_UNROUTABLE },
		{ "10.255.255.255", "198.18.0.1", HIN_MARK_UNROUTABLE },
		{ "11.0.0.0", "198.18.0.1", 0 },
		{ "100.63.255.255", "198.18.0.1", 0 },
		{ "100.64.0.0", "198.18.0.1", HIN_MARK_UNROUTABLE },
		{ "100.127.255.255", "198.18.0.1", HIN_MARK_UNROUTABLE },
		{ "100.128.0.0", "198.18.0.1", 0 },
		{ "126.255.255.255", "198.18.0.1", 0 },
		{ "127.0.0.1", "198.18.0.1", BOGUS },
		{ "127.0.0.1", "127.0.0.1", 0 },
		{ "127.0.0.1", "127.0.0.53", 0 },
		{ "169.253.255.255", "198.18.0.1", 0 },
		{ "169.254.0.1", "198.18.0.1", HIN_MARK_UNROUTABLE },
		{ "172.15.255.255", "198.18.0.1", 0 },
		{ "172.16.0.0", "198.18.0.1", HIN_MARK_UNROUTABLE },
		{ "172.31.255.255", "198.18.0.1", HIN_MARK_UNROUTABLE },
		{ "172.32.0.0", "198.18.0.1", 0 },
		{ "192.0.0.8", "198.18.0.1", HIN_MARK_BOGON },
		{ "192.0.1.0", "198.18.0.1", 0 },
		{ "192.0.2.1", "198.18.0.1", HIN_MARK_BOGON },
		{ "192.0.3.0", "198.18.0.1", 0 },
		{ "192.88.99.1", "198.18.0.1", HIN_MARK_BOGON },
		{ "192.167.255.255", "198.18.0.1", 0 },
		{ "192.168.1.1", "198.18.0.1", HIN_MARK_UNROUTABLE },
		{ "198.17.255.255", "198.18.0.1", 0 },
		{ "198.19.255.255", "8.8.8.8", HIN_MARK_BOGON },
		{ "198.20.0.0", "198.18.0.1", 0 },
		{ "198.51.100.7", "198.18.0.1", HIN_MARK_BOGON },
		{ "198.51.101.0", "198.18.0.1", 0 },
		{ "203.0.113.255", "198.18.0.1", HIN_MARK_BOGON },
		{ "203.0.114.0", "198.18.0.1", 0 },
		{ "223.255.255.255", "198.18.0.1", 0 },
		{ "224.0.0.1", "198.18.0.1", BOGUS },
		{ "240.0.0.1", "198.18.0.1", BOGUS },
		{ "255.255.255.255", "198.18.0.1", BOGUS },
		{ "8.8.8.8", "8.8.8.8", HIN_MARK_SPOOFED },
		{ "0.0.0.0", "255.255.255.255", 0 },
		{ "2a01::1", "2a02::1", 0 },
		{ "::", "2a02::1", BOGUS },
		{ "::", "ff02::1", 0 },
		{ "::1", "2a02::1", BOGUS },
		{ "::1", "::1", 0 },
		{ "ff02::1", "ff02::1", BOGUS },
		{ "fe80::1", "2a02::1", HIN_MARK_UNROUTABLE },
		{ "febf::1", "2a02::1", HIN_MARK_UNROUTABLE },
		{ "fec0::1", "2a02::1", 0 },
		{ "fc00::1", "2a02::1", HIN_MARK_UNROUTABLE },
		{ "fdff::1", "2a02::1", HIN_MARK_UNROUTABLE },
		{ "2001:db8::1", "2a02::1", HIN_MARK_BOGON },
		{ "2001:db9::1", "2a02::1", 0 },
		{ "100::1", "2a02::1", HIN_MARK_BOGON },
		{ "100:0:0:1::1", "2a02::1", 0 },
	};
	const uint32_t mask = HIN_MARK_BOGON | HIN_MARK_UNROUTABLE | HIN_MARK_SPOOFED;
	const struct hin_marker marker = { 0 };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_packet p = packet_of(&(struct row){ .kind = HIN_UDP });

		assert_int_equal(hin_addr_parse(&p.src, cases[i].src), HIN_OK);
		assert_int_equal(hin_addr_parse(&p.dst, cases[i].dst), HIN_OK);
		(void)hin_mark(&p, 1, &marker);
		if ((p.marks & mask) != cases[i].marks)
			fail_msg("%s to %s: %x", cases[i].src, cases[i].dst, p.marks & mask);
	}
}

/* A TTL of 255 is no sign of a false source: ZMap and routers send it. */
static void high_ttl_is_not_spoofed(void **state)
{
	const struct hin_marker marker = { 0 };
	struct hin_packet p = packet_of(&(struct row){ .ttl = 255 });

	(void)state;
	(void)hin_mark(&p, 1, &marker);
	assert_int_equal(p.marks & (HIN_MARK_SPOOFED | HIN_MARK_BOGON), 0);
}

/* Dark and member space: one prefix, several, IPv6, and the whole of IPv4. */
static void where_it_went(void **state)
{
	static const struct {
		const char *dark, *src, *dst;
		bool outside, spoofed;
	} cases[] = {
		{ "198.18.0.0/16", "8.8.8.8", "198.18.255.255", false, false },
		{ "198.18.0.0/16", "8.8.8.8", "198.19.0.0", true, false },
		{ "198.18.0.0/16", "8.8.8.8", "198.17.255.255", true, false },
		{ "198.18.0.0/16", "8.8.8.8", "2a01::1", true, false },
		{ "198.18.4.4/32", "8.8.8.8", "198.18.4.4", false, false },
		{ "198.18.4.4/32", "8.8.8.8", "198.18.4.5", true, false },
		{ "8.0.0.0/8", "8.1.1.1", "8.2.2.2", false, true },
		{ "0.0.0.0/0", "8.8.8.8", "9.9.9.9", false, true },
		{ "2a01::/32", "2a02::1", "2a01::5", false, false },
		{ "2a01::/32", "2a02::1", "2a01:1::5", true, false },
		{ "2a01::/32", "8.8.8.8", "198.18.0.1", true, false },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_telescope_options options = traffic_options();
		struct hin_prefix_tree *tree = traffic_tree(cases[i].dark);
		struct hin_addr src, dst;
		struct traffic t = { 0 };
		struct hin_picture picture;
		uint8_t packet[60] = { 0 };

		options.dark = tree;
		assert_int_equal(hin_addr_parse(&src, cases[i].src), HIN_OK);
		assert_int_equal(hin_addr_parse(&dst, cases[i].dst), HIN_OK);
		if (hin_addr_is_v4(&dst) && hin_addr_is_v4(&src)) {
			send_syn(&t, T0, hin_addr_v4(&src), hin_addr_v4(&dst), 23);
		} else { /* IPv4 addresses inside IPv6 are mapped; that is what the test wants */
			packet[0] = 0x60;
			packet[5] = 20;
			packet[6] = IPPROTO_TCP;
			packet[7] = 60;
			memcpy(packet + 8, src.b, 16);
			memcpy(packet + 24, dst.b, 16);
			packet[52] = 0x50;
			packet[53] = FLAG_SYN;
			traffic_raw(&t, T0, packet, sizeof(packet));
		}
		picture = traffic_see(&t, &options);
		if (picture.outside != cases[i].outside || picture.packets != !cases[i].outside ||
		    (picture.spoofed > 0) != cases[i].spoofed)
			fail_msg("%s: %s to %s: outside %u, spoofed %u", cases[i].dark,
				 cases[i].src, cases[i].dst, (unsigned)picture.outside,
				 (unsigned)picture.spoofed);
		hin_picture_free(&picture);
		traffic_free(&t);
		hin_prefix_tree_free(tree);
	}
}

/* ---- chance ---- */

#define LINUX_BYTES "\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\0\x01\0\0\0\0\x01\x03\x03\x07"
#define WINDOWS_BYTES "\x02\x04\x05\xb4\x01\x03\x03\x08\x01\x01\x04\x02"

/* A SYN with chance in every field, or one of an ordinary machine with chance where that has it. */
static struct segment random_syn(uint64_t *seed, uint32_t src, bool ordinary)
{
	uint64_t dice = random_next(seed);
	struct segment s = { .src = src,
			     .dst = DARK(random_below(seed, 65536)),
			     .sport = (uint16_t)dice,
			     .dport = (uint16_t)(dice >> 16),
			     .flags = FLAG_SYN,
			     .id = (uint16_t)(dice >> 32),
			     .window = (uint16_t)(dice >> 48),
			     .seq = (uint32_t)random_next(seed) };
	unsigned stack = random_below(seed, 3);

	s.ttl = (uint8_t)(1 + random_below(seed, 255));
	if (!ordinary)
		return s;
	s.window = stack == 0 ? 64240 : stack == 1 ? 8192 : 65535;
	s.ttl = (uint8_t)((stack == 0 ? 64 : 128) - random_below(seed, 30));
	s.options = stack == 0 ? LINUX_BYTES : stack == 1 ? WINDOWS_BYTES : "\x02\x04\x05\xb4";
	s.options_size = stack == 0 ? 20 : stack == 1 ? 12 : 4;
	return s;
}

static void no_claim(const struct hin_picture *picture, const char *what)
{
	static const enum hin_tool tools[] = { HIN_SIGN_ZMAP, HIN_SIGN_MASSCAN, HIN_SIGN_MIRAI,
					       HIN_SIGN_UNICORNSCAN, HIN_SIGN_NMAP };

	for (size_t i = 0; i < HIN_COUNT(tools); i++)
		if (picture->tools[tools[i]].packets > 0)
			fail_msg("%s: %u packets of %u sources are said to be of %s", what,
				 (unsigned)picture->tools[tools[i]].packets,
				 (unsigned)picture->tools[tools[i]].sources,
				 hin_tool_name(tools[i]));
	for (size_t i = 0; i < picture->event_count; i++)
		for (size_t k = 0; k < HIN_COUNT(tools); k++)
			assert_int_not_equal(picture->events[i].tool, tools[k]);
}

/* One packet in 65,536 has IP ID 54321, another one Masscan's: no claim may come of it. */
static void chance_makes_no_claim(void **state)
{
	static const struct {
		const char *name;
		uint32_t sources, packets;
		bool ordinary;
	} cases[] = {
		{ "200,000 sources, all random", 200000, 1, false },
		{ "200,000 ordinary sources", 200000, 1, true },
		{ "20 busy sources, all random", 20, 5000, false },
		{ "20 busy ordinary sources", 20, 5000, true },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_telescope_options options = traffic_options();
		struct hin_prefix_tree *tree = traffic_tree("198.18.0.0/16");
		struct hin_picture picture;
		struct traffic t = { 0 };
		uint64_t seed = i;

		options.dark = tree;
		options.settings.memory_bytes = 256 << 20;
		for (uint32_t n = 0; n < cases[i].sources * cases[i].packets; n++)
			send_tcp(&t, T0 + n * INT64_C(300),
				 random_syn(&seed, ADDR(20, 0, 0, 0) + n % cases[i].sources,
					    cases[i].ordinary));
		picture = traffic_see(&t, &options);
		assert_int_equal(picture.packets, t.count);
		assert_int_equal(picture.sources, cases[i].sources);
		no_claim(&picture, cases[i].name);
		hin_picture_free(&picture);
		traffic_free(&t);
		hin_prefix_tree_free(tree);
	}
}

/* ---- many at once ---- */

#define PICK(seed, list) (list)[random_next(seed) % HIN_COUNT(list)]

/* A packet with habits drawn at random, many of them of one tool. */
static struct hin_packet any_packet(uint64_t *seed)
{
	static const uint64_t orders[] = { 0,	      ORDER_MSS,     ORDER_LINUX, 0x314112,
					   0x4112,    ORDER_WINDOWS, ORDER_MACOS, ORDER_FREEBSD,
					   0x8114312, 0x811314112,   0x11314112,  0x12345 };
	static const uint16_t windows[] = { 65535, 1024, 2048, 3072, 4096, 64, 512, 5840, 1025 };
	static const uint8_t ttls[] = { 0, 40, 64, 65, 128, 129, 192, 193, 250, 255 };
	static const uint8_t kinds[] = { HIN_TCP_SYN,	  HIN_TCP_SYN, HIN_TCP_SYN, HIN_TCP_SYN,
					 HIN_TCP_SYN_ACK, HIN_UDP,     HIN_ICMP,    HIN_FRAGMENT };
	static const uint16_t sports[] = { 32767, 32768, 50000, 61000, 61001, 1 };
	static const uint32_t octets[] = { 0,	1,   9,	  10,  100, 127, 169,
					   172, 192, 198, 203, 223, 224, 255 };
	uint32_t src = PICK(seed, octets) << 24 | (uint32_t)random_next(seed) % 0x1000000;
	struct hin_packet p = { .dst = hin_addr_of_v4(DST + random_next(seed) % 65536),
				.sport = PICK(seed, sports),
				.dport = (uint16_t)random_next(seed),
				.seq = (uint32_t)random_next(seed),
				.window = PICK(seed, windows),
				.tcp_options = PICK(seed, orders),
				.kind = PICK(seed, kinds),
				.ttl = PICK(seed, ttls),
				.tcp_flags = random_next(seed) % 4 == 0 ? 0x42 : 2,
				.refusal = random_next(seed) % 8 == 0 ? HIN_REFUSED_TCP_OPTIONS
								      : HIN_REFUSED_NOTHING };

	p.src = random_next(seed) % 16 == 0 ? p.dst : hin_addr_of_v4(src);
	p.flags = HIN_PACKET_V4 | (random_next(seed) % 2 ? HIN_PACKET_DF : 0);
	if (random_next(seed) % 16 == 0) {
		p.src = p.dst = (struct hin_addr){ { 0x20, 1, [15] = 7 } };
		p.flags = 0;
	}
	switch (random_next(seed) % 6) {
	case 0:
		p.ip_id = 54321;
		break;
	case 1:
		p.ip_id = (uint16_t)(hin_addr_v4(&p.dst) ^ p.dport ^ p.seq);
		break;
	case 2:
		p.seq = hin_addr_v4(&p.dst);
		break;
	case 3:
		break;
	default:
		p.ip_id = (uint16_t)random_next(seed);
	}
	return p;
}

/* Many packets together have the marks that each has alone, with and without members. */
static void many_are_one_by_one(void **state)
{
	enum { COUNT = 1000 };
	struct hin_packet *packets = aligned_alloc(64, COUNT * sizeof(*packets));
	struct hin_prefix_tree *members = traffic_tree("9.0.0.0/9");
	struct hin_marker marker = { .dark_single = true,
				     .dark_base = DST & 0xffff0000,
				     .dark_mask = 0xffff0000 };
	uint32_t tools = 0, facts = 0;
	uint64_t seed = 11;

	(void)state;
	assert_non_null(packets);
	for (unsigned round = 0; round < 20; round++) {
		uint32_t any, all = 0;

		hin_marker_set_members(&marker, round % 2 ? members : NULL);
		for (size_t i = 0; i < COUNT; i++)
			packets[i] = any_packet(&seed);
		marker.dark_base ^= round % 4 == 3 ? 0x10000 : 0;
		any = hin_mark(packets, COUNT - round, &marker);
		for (size_t i = 0; i < COUNT - round; i++) {
			struct hin_packet one = packets[i];

			one.marks = 0;
			(void)hin_mark(&one, 1, &marker);
			assert_int_equal(packets[i].marks, one.marks);
			all |= one.marks;
			tools |= 1u << (one.marks & HIN_MARK_TOOL);
			facts |= one.marks;
		}
		assert_int_equal(any, all);
	}
	/* every tool that one packet shows, and every fact, was among them */
	for (unsigned tool = HIN_SIGN_NONE; tool <= HIN_SIGN_MACOS; tool++)
		if (tool != HIN_SIGN_UNICORNSCAN && tool != HIN_SIGN_NMAP)
			assert_true(tools >> tool & 1);
	assert_int_equal(facts & ~(uint32_t)HIN_MARK_TOOL,
			 HIN_MARK_SHAPE | HIN_MARK_NMAP_SHAPE | HIN_MARK_BOGON |
				 HIN_MARK_UNROUTABLE | HIN_MARK_SPOOFED | HIN_MARK_OUTSIDE |
				 HIN_MARK_MEMBER | HIN_MARK_V6);
	hin_prefix_tree_free(members);
	free(packets);
}

/* ---- tools that pairs of packets show ---- */

struct pair_case {
	const char *name;
	uint32_t key;  /* unicornscan: seq = key ^ dst ^ ports */
	uint32_t nmap; /* nmap: seq = mask ^ (n << 16 | n) */
	uint16_t window;
	bool odd;	  /* every other sequence number is chance */
	bool same_target; /* the same SYN again and again */
	enum hin_tool tool;
};

static void pairs_of_packets(void **state)
{
	static const struct pair_case cases[] = {
		{ "unicornscan", .key = 0x1234abcd, .window = 16384, .tool = HIN_SIGN_UNICORNSCAN },
		{ "unicornscan, half of it", .key = 0x1234abcd, .window = 16384, .odd = true },
		{ "nmap", .nmap = 0xdeadbeef, .window = 1024, .tool = HIN_SIGN_NMAP },
		{ "nmap, another window", .nmap = 0xdeadbeef, .window = 4096,
		  .tool = HIN_SIGN_NMAP },
		{ "nmap's numbers, a window it has not", .nmap = 0xdeadbeef, .window = 5840 },
		{ "nmap's window, numbers of chance", .window = 1024 },
		{ "the same SYN again and again", .nmap = 0xdeadbeef, .window = 1024,
		  .same_target = true },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		const struct pair_case *c = &cases[i];
		struct hin_picture picture;
		struct traffic t = { 0 };
		uint64_t seed = i;

		for (uint32_t n = 0; n < 100; n++) {
			uint32_t k = c->same_target ? 5 : n;
			struct segment s = { .src = ADDR(9, 9, 9, 9),
					     .dst = DARK(k),
					     .sport = 40000,
					     .dport = 443,
					     .flags = FLAG_SYN,
					     .window = c->window,
					     .id = (uint16_t)(n + 7),
					     .options = "\x02\x04\x05\xb4",
					     .options_size = 4 };

			s.seq = (uint32_t)random_next(&seed);
			if (c->key != 0 && !(c->odd && n % 2))
				s.seq = c->key ^ s.dst ^ (40000u << 16 | 443);
			if (c->nmap != 0)
				s.seq = c->nmap ^ (k << 16 | k);
			send_tcp(&t, T0 + n * SECOND / 10, s);
		}
		picture = traffic_look(&t, true);
		if (c->same_target) {
			assert_int_equal(picture.event_count, 0);
			assert_int_equal(picture.tools[HIN_SIGN_NMAP].packets, 0);
		} else if (picture.event_count != 1 || picture.events[0].tool != c->tool) {
			fail_msg("%s: %s", c->name,
				 picture.event_count == 1 ? hin_tool_name(picture.events[0].tool)
							  : "not one event");
		}
		hin_picture_free(&picture);
		traffic_free(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tools_and_near_misses),  cmocka_unit_test(ipv6_has_fewer_signs),
		cmocka_unit_test(sources_that_cannot_be), cmocka_unit_test(high_ttl_is_not_spoofed),
		cmocka_unit_test(where_it_went),	  cmocka_unit_test(pairs_of_packets),
		cmocka_unit_test(chance_makes_no_claim),  cmocka_unit_test(many_are_one_by_one),
	};

	return cmocka_run_group_tests_name("marks", tests, NULL, NULL);
}
