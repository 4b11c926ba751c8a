/* decode_test - frames built by hand for every link layer, header, tunnel and refusal. */
#include <netinet/in.h>
#include <stdio.h>

#include "packet/decode.h"
#include "../random.h"
#include "../test.h"

/* ---- pieces of frames, in hexadecimal; blanks are for the eye ---- */

#define MACS "020000000002 020000000001 "
#define ETHER4 MACS "0800 "
#define ETHER6 MACS "86dd "
/* 1.2.3.4 to 198.18.0.1, identification 1234, don't fragment, TTL 64 */
#define IP4_OF(vhl, total, fragment, proto)                                                        \
	vhl "00 " total " 1234 " fragment " 40 " proto " 0000 01020304 c6120001 "
#define IP4(total, proto) IP4_OF("45", total, "4000", proto)
/* 2001:db8::1 to 2001:db8:1::2, hop limit 63 */
#define IP6(length, next)                                                                          \
	"60000000 " length " " next " 3f 20010db8000000000000000000000001 "                        \
	"20010db8000100000000000000000002 "
/* 40000 to 23, sequence 0000000b, window 1024 */
#define TCP_OF(header, flags) "9c40 0017 0000000b 00000000 " header " " flags " 0400 0000 0000 "
#define TCP(flags) TCP_OF("50", flags)
#define SYN TCP("02")
#define UDP(length) "9c40 0035 " length " 0000 "
#define SYN_OF_20 IP4("0028", "06") SYN /* a whole packet, 40 bytes */

struct want {
	bool packet;
	uint8_t kind, proto;
	uint16_t sport, dport;
	uint32_t bytes;
	uint32_t flags;
	uint8_t refusal;
};

#define NO(reason)                                                                                 \
	{                                                                                          \
		false, .refusal = (reason)                                                         \
	}
#define WANT_SYN(length, more)                                                                     \
	{                                                                                          \
		true, HIN_TCP_SYN, IPPROTO_TCP, 40000, 23, (length), HIN_PACKET_OPTIONS | (more),  \
			255                                                                        \
	}

struct frame_case {
	const char *name;
	uint16_t link;
	unsigned decap;
	const char *hex;
	struct want want;
};

/* Bytes of a text of hexadecimal digits, in static memory. */
static size_t bytes_of(const char *hex, uint8_t out[1024])
{
	size_t size = 0;
	int high = -1;

	for (; *hex != '\0'; hex++) {
		static const char digits[] = "0123456789abcdef";
		const char *at = strchr(digits, *hex);

		if (*hex == ' ')
			continue;
		assert_non_null(at);
		if (high < 0) {
			high = (int)(at - digits);
			continue;
		}
		assert_true(size < 1024);
		out[size++] = (uint8_t)(high << 4 | (int)(at - digits));
		high = -1;
	}
	assert_int_equal(high, -1);
	return size;
}

/* Decode `size` bytes that lie in a block of exactly that size. */
static bool decode(struct hin_packet *p, const uint8_t *bytes, size_t size, uint16_t link,
		   unsigned decap)
{
	uint8_t *copy = hin_test_copy(bytes, size);
	const struct hin_frame frame = { .data = copy,
					 .size = (uint32_t)size,
					 .length = (uint32_t)size,
					 .time_ns = 1700000000123456789,
					 .link = link };
	bool good;

	memset(p, 0xee, sizeof(*p)); /* what is not set shows */
	good = hin_decode(p, &frame, decap);
	free(copy);
	return good;
}

static void check(const struct frame_case *c)
{
	uint8_t bytes[1024];
	size_t size = bytes_of(c->hex, bytes);
	struct hin_packet p;
	bool packet = decode(&p, bytes, size, c->link, c->decap);

	if (packet != c->want.packet || p.refusal != c->want.refusal)
		fail_msg("%s: %s, %s", c->name, packet ? "a packet" : "no packet",
			 hin_refusal_name((enum hin_refusal)p.refusal));
	if (!packet)
		return;
	if (p.time_us != 1700000000123456)
		fail_msg("%s: time %lld", c->name, (long long)p.time_us);
	if (p.kind != c->want.kind || p.proto != c->want.proto)
		fail_msg("%s: kind %s, protocol %u", c->name,
			 hin_packet_kind_name((enum hin_packet_kind)p.kind), p.proto);
	if (p.sport != c->want.sport || p.dport != c->want.dport)
		fail_msg("%s: ports %u, %u", c->name, p.sport, p.dport);
	if (p.bytes != c->want.bytes)
		fail_msg("%s: %u bytes", c->name, p.bytes);
	if ((p.flags & HIN_PACKET_V4) != 0 ? !hin_addr_is_v4(&p.src) || !hin_addr_is_v4(&p.dst)
					   : hin_addr_is_v4(&p.src))
		fail_msg("%s: flags %x and the addresses", c->name, p.flags);
	if ((p.flags & ~(unsigned)HIN_PACKET_V4) != c->want.flags)
		fail_msg("%s: flags %x", c->name, p.flags);
}

static void check_all(const struct frame_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(&cases[i]);
}

#define DF HIN_PACKET_DF
#define TUN HIN_PACKET_TUNNELLED

/* ---- link layers ---- */

static const struct frame_case link_cases[] = {
	{ "Ethernet", HIN_LINK_ETHERNET, 0, ETHER4 SYN_OF_20, WANT_SYN(40, DF) },
	{ "Ethernet, IPv6", HIN_LINK_ETHERNET, 0, ETHER6 IP6("0014", "06") SYN, WANT_SYN(60, 0) },
	{ "Ethernet with padding", HIN_LINK_ETHERNET, 0, ETHER4 SYN_OF_20 "ffffffffffff",
	  WANT_SYN(40, DF) },
	{ "802.1Q", HIN_LINK_ETHERNET, 0, MACS "8100 0064 0800 " SYN_OF_20, WANT_SYN(40, DF) },
	{ "802.1ad with 802.1Q", HIN_LINK_ETHERNET, 0, MACS "88a8 0064 8100 00c8 0800 " SYN_OF_20,
	  WANT_SYN(40, DF) },
	{ "QinQ, old number", HIN_LINK_ETHERNET, 0, MACS "9100 0064 8100 00c8 0800 " SYN_OF_20,
	  WANT_SYN(40, DF) },
	{ "eight tags", HIN_LINK_ETHERNET, 0,
	  MACS "8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 "
	       "0800 " SYN_OF_20,
	  WANT_SYN(40, DF) },
	{ "nine tags", HIN_LINK_ETHERNET, 0,
	  MACS "8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 "
	       "8100 0001 0800 " SYN_OF_20,
	  NO(HIN_REFUSED_LINK_DEPTH) },
	{ "MPLS, one label", HIN_LINK_ETHERNET, 0, MACS "8847 00064140 " SYN_OF_20,
	  WANT_SYN(40, DF) },
	{ "MPLS, two labels, IPv6", HIN_LINK_ETHERNET, 0,
	  MACS "8847 00064040 000c8140 " IP6("0014", "06") SYN, WANT_SYN(60, 0) },
	{ "MPLS multicast", HIN_LINK_ETHERNET, 0, MACS "8848 00064140 " SYN_OF_20,
	  WANT_SYN(40, DF) },
	{ "MPLS pseudowire with control word", HIN_LINK_ETHERNET, 0,
	  MACS "8847 00064140 00000000 " ETHER4 SYN_OF_20, WANT_SYN(40, DF) },
	{ "MPLS without end of stack", HIN_LINK_ETHERNET, 0, MACS "8847 00064040 00064040",
	  NO(HIN_REFUSED_LINK_TRUNCATED) },
	{ "MPLS, nine labels", HIN_LINK_ETHERNET, 0,
	  MACS "8847 00064040 00064040 00064040 00064040 00064040 00064040 00064040 00064040 "
	       "00064140 " SYN_OF_20,
	  NO(HIN_REFUSED_LINK_DEPTH) },
	{ "MPLS over nothing", HIN_LINK_ETHERNET, 0, MACS "8847 00064140",
	  NO(HIN_REFUSED_IP_TRUNCATED) },
	{ "MPLS over something else", HIN_LINK_ETHERNET, 0, MACS "8847 00064140 f0000000",
	  NO(HIN_REFUSED_NOT_IP) },
	{ "PPPoE", HIN_LINK_ETHERNET, 0, MACS "8864 1100 0001 002a 0021 " SYN_OF_20,
	  WANT_SYN(40, DF) },
	{ "PPPoE, IPv6", HIN_LINK_ETHERNET, 0,
	  MACS "8864 1100 0001 003e 0057 " IP6("0014", "06") SYN, WANT_SYN(60, 0) },
	{ "PPPoE, a control protocol", HIN_LINK_ETHERNET, 0, MACS "8864 1100 0001 0006 c021 0901",
	  NO(HIN_REFUSED_NOT_IP) },
	{ "PPPoE discovery", HIN_LINK_ETHERNET, 0, MACS "8863 1109 0000 0004 01010000",
	  NO(HIN_REFUSED_NOT_IP) },
	{ "FabricPath", HIN_LINK_ETHERNET, 0, MACS "8903 0080 " ETHER4 SYN_OF_20,
	  WANT_SYN(40, DF) },
	{ "FabricPath, cut", HIN_LINK_ETHERNET, 0, MACS "8903 00", NO(HIN_REFUSED_LINK_TRUNCATED) },
	{ "LLC with SNAP", HIN_LINK_ETHERNET, 0, MACS "0030 aaaa03 000000 0800 " SYN_OF_20,
	  WANT_SYN(40, DF) },
	{ "LLC, IP by its own number", HIN_LINK_ETHERNET, 0, MACS "002b 060603 " SYN_OF_20,
	  WANT_SYN(40, DF) },
	{ "LLC, spanning tree", HIN_LINK_ETHERNET, 0, MACS "0026 424203 0000000000",
	  NO(HIN_REFUSED_NOT_IP) },
	{ "LLC cut", HIN_LINK_ETHERNET, 0, MACS "0026 aaaa", NO(HIN_REFUSED_LINK_TRUNCATED) },
	{ "SNAP cut", HIN_LINK_ETHERNET, 0, MACS "0026 aaaa03 0000",
	  NO(HIN_REFUSED_LINK_TRUNCATED) },
	{ "ARP", HIN_LINK_ETHERNET, 0, MACS "0806 0001080006040001", NO(HIN_REFUSED_NOT_IP) },
	{ "Ethernet cut", HIN_LINK_ETHERNET, 0, "020000000002 020000000001 08",
	  NO(HIN_REFUSED_LINK_TRUNCATED) },
	{ "tag cut", HIN_LINK_ETHERNET, 0, MACS "8100 0064 08", NO(HIN_REFUSED_LINK_TRUNCATED) },
	{ "no byte", HIN_LINK_ETHERNET, 0, "", NO(HIN_REFUSED_LINK_TRUNCATED) },
	{ "SLL", HIN_LINK_SLL, 0, "0000 0001 0006 0200000000010000 0800 " SYN_OF_20,
	  WANT_SYN(40, DF) },
	{ "SLL with tag", HIN_LINK_SLL, 0,
	  "0000 0001 0006 0200000000010000 8100 0064 0800 " SYN_OF_20, WANT_SYN(40, DF) },
	{ "SLL cut", HIN_LINK_SLL, 0, "0000 0001 0006 0200000000010000 08",
	  NO(HIN_REFUSED_LINK_TRUNCATED) },
	{ "SLL2", HIN_LINK_SLL2, 0, "0800 0000 00000002 0001 00 06 0200000000010000 " SYN_OF_20,
	  WANT_SYN(40, DF) },
	{ "SLL2, IPv6", HIN_LINK_SLL2, 0,
	  "86dd 0000 00000002 0001 00 06 0200000000010000 " IP6("0014", "06") SYN,
	  WANT_SYN(60, 0) },
	{ "SLL2 cut", HIN_LINK_SLL2, 0, "0800 0000 00000002 0001 00 06 02000000",
	  NO(HIN_REFUSED_LINK_TRUNCATED) },
	{ "raw", HIN_LINK_RAW, 0, SYN_OF_20, WANT_SYN(40, DF) },
	{ "raw, IPv6", HIN_LINK_RAW, 0, IP6("0014", "06") SYN, WANT_SYN(60, 0) },
	{ "raw, BSD's number", HIN_LINK_RAW_OLD, 0, SYN_OF_20, WANT_SYN(40, DF) },
	{ "raw, OpenBSD's number", HIN_LINK_RAW_OLD_OPENBSD, 0, SYN_OF_20, WANT_SYN(40, DF) },
	{ "raw IPv4", HIN_LINK_IPV4, 0, SYN_OF_20, WANT_SYN(40, DF) },
	{ "raw IPv6", HIN_LINK_IPV6, 0, IP6("0014", "06") SYN, WANT_SYN(60, 0) },
	{ "raw IPv4 that is IPv6", HIN_LINK_IPV4, 0, IP6("0014", "06") SYN,
	  NO(HIN_REFUSED_IP_VERSION) },
	{ "raw IPv6 that is IPv4", HIN_LINK_IPV6, 0, SYN_OF_20, NO(HIN_REFUSED_IP_VERSION) },
	{ "raw, version 7", HIN_LINK_RAW, 0, "70000000", NO(HIN_REFUSED_IP_VERSION) },
	{ "raw, empty", HIN_LINK_RAW, 0, "", NO(HIN_REFUSED_IP_TRUNCATED) },
	{ "null, little-endian", HIN_LINK_NULL, 0, "02000000 " SYN_OF_20, WANT_SYN(40, DF) },
	{ "null, big-endian", HIN_LINK_NULL, 0, "00000002 " SYN_OF_20, WANT_SYN(40, DF) },
	{ "null, FreeBSD's IPv6", HIN_LINK_NULL, 0, "1c000000 " IP6("0014", "06") SYN,
	  WANT_SYN(60, 0) },
	{ "null, macOS's IPv6, big-endian", HIN_LINK_NULL, 0, "0000001e " IP6("0014", "06") SYN,
	  WANT_SYN(60, 0) },
	{ "null, NetBSD's IPv6", HIN_LINK_NULL, 0, "18000000 " IP6("0014", "06") SYN,
	  WANT_SYN(60, 0) },
	{ "null, Linux's IPv6", HIN_LINK_NULL, 0, "0a000000 " IP6("0014", "06") SYN,
	  WANT_SYN(60, 0) },
	{ "null, AppleTalk", HIN_LINK_NULL, 0, "10000000 00", NO(HIN_REFUSED_NOT_IP) },
	{ "null cut", HIN_LINK_NULL, 0, "020000", NO(HIN_REFUSED_LINK_TRUNCATED) },
	{ "loop", HIN_LINK_LOOP, 0, "00000002 " SYN_OF_20, WANT_SYN(40, DF) },
	{ "PPP", HIN_LINK_PPP, 0, "0021 " SYN_OF_20, WANT_SYN(40, DF) },
	{ "PPP in HDLC framing", HIN_LINK_PPP, 0, "ff03 0021 " SYN_OF_20, WANT_SYN(40, DF) },
	{ "PPP, compressed protocol", HIN_LINK_PPP, 0, "21 " SYN_OF_20, WANT_SYN(40, DF) },
	{ "PPP, MPLS", HIN_LINK_PPP, 0, "ff03 0281 00064140 " SYN_OF_20, WANT_SYN(40, DF) },
	{ "PPP that is Cisco HDLC", HIN_LINK_PPP, 0, "0f00 0800 " SYN_OF_20, WANT_SYN(40, DF) },
	{ "PPP, LCP", HIN_LINK_PPP, 0, "ff03 c021 0101", NO(HIN_REFUSED_NOT_IP) },
	{ "PPP cut", HIN_LINK_PPP, 0, "ff03 00", NO(HIN_REFUSED_LINK_TRUNCATED) },
	{ "Cisco HDLC", HIN_LINK_CHDLC, 0, "0f00 0800 " SYN_OF_20, WANT_SYN(40, DF) },
	{ "Cisco HDLC, SLARP", HIN_LINK_CHDLC, 0, "8f00 8035 00000002", NO(HIN_REFUSED_NOT_IP) },
	{ "Cisco HDLC cut", HIN_LINK_CHDLC, 0, "0f00 08", NO(HIN_REFUSED_LINK_TRUNCATED) },
	{ "an unknown link", 147, 0, SYN_OF_20, NO(HIN_REFUSED_LINK_UNKNOWN) },
};

static void link_layers(void **state)
{
	(void)state;
	check_all(link_cases, HIN_COUNT(link_cases));
}

/* ---- IP ---- */

#define RAW HIN_LINK_RAW
#define FRAG HIN_PACKET_FRAGMENTED
#define OTHER(bytes_, proto_, flags_)                                                              \
	{                                                                                          \
		true, HIN_OTHER_PROTOCOL, (proto_), 0, 0, (bytes_), (flags_), 255                  \
	}

static const struct frame_case ip_cases[] = {
	{ "IPv4 options", RAW, 0, IP4_OF("47", "0030", "4000", "06") "94040000 01010100 " SYN,
	  WANT_SYN(48, DF) },
	{ "longest IPv4 header", RAW, 0,
	  IP4_OF("4f", "0050", "0000", "06") "01010101 01010101 01010101 01010101 01010101 "
					     "01010101 01010101 01010101 01010101 01010101 " SYN,
	  WANT_SYN(80, 0) },
	{ "header length 16", RAW, 0, IP4_OF("44", "0028", "4000", "06") SYN,
	  NO(HIN_REFUSED_IP_HEADER_LENGTH) },
	{ "header longer than the frame", RAW, 0, IP4_OF("4f", "0050", "4000", "06") SYN,
	  NO(HIN_REFUSED_IP_TRUNCATED) },
	{ "total length below the header's", RAW, 0, IP4("0013", "06") SYN,
	  NO(HIN_REFUSED_IP_LENGTH) },
	{ "19 bytes", RAW, 0, "4500 0028 1234 4000 40 06 0000 01020304 c61200",
	  NO(HIN_REFUSED_IP_TRUNCATED) },
	{ "total length of zero: offload", RAW, 0, IP4("0000", "06") SYN, WANT_SYN(40, DF) },
	{ "recorded in part", RAW, 0, IP4("05dc", "06") SYN,
	  WANT_SYN(1500, DF | HIN_PACKET_PAYLOAD) },
	{ "first fragment", RAW, 0, IP4_OF("45", "0028", "2000", "06") SYN, WANT_SYN(40, FRAG) },
	{ "later fragment",
	  RAW,
	  0,
	  IP4_OF("45", "0028", "0003", "06") SYN,
	  { true, HIN_FRAGMENT, IPPROTO_TCP, 0, 0, 40, FRAG, 255 } },
	{ "middle fragment",
	  RAW,
	  0,
	  IP4_OF("45", "0028", "2003", "11") SYN,
	  { true, HIN_FRAGMENT, IPPROTO_UDP, 0, 0, 40, FRAG, 255 } },
	{ "reserved bit is no fragment", RAW, 0, IP4_OF("45", "0028", "8000", "06") SYN,
	  WANT_SYN(40, 0) },
	{ "a protocol that is not opened", RAW, 0, IP4("0018", "59") "00000000",
	  OTHER(24, 0x59, DF) },
	{ "IPv6, 39 bytes", RAW, 0,
	  "60000000 0014 06 3f 20010db8000000000000000000000001 200100000000000000000000000000",
	  NO(HIN_REFUSED_IP_TRUNCATED) },
	{ "hop-by-hop", RAW, 0, IP6("001c", "00") "06 00 050200000100 " SYN, WANT_SYN(68, 0) },
	{ "hop-by-hop of 16 bytes", RAW, 0,
	  IP6("0024", "00") "06 01 010c0000000000000000 00000000 " SYN, WANT_SYN(76, 0) },
	{ "routing", RAW, 0, IP6("001c", "2b") "06 00 0000 00000000 " SYN, WANT_SYN(68, 0) },
	{ "destination options", RAW, 0, IP6("001c", "3c") "06 00 010400000000 " SYN,
	  WANT_SYN(68, 0) },
	{ "authentication header", RAW, 0,
	  IP6("002c", "33") "06 04 0000 00000001 00000001 000102030405060708090a0b " SYN,
	  WANT_SYN(84, 0) },
	{ "chain of all", RAW, 0,
	  IP6("0034", "00") "3c 00 010400000000 2b 00 010400000000 2c 00 000000000000 "
			    "06 00 0000 00000007 " SYN,
	  WANT_SYN(92, 0) },
	{ "IPv6, first fragment", RAW, 0, IP6("001c", "2c") "06 00 0001 00000007 " SYN,
	  WANT_SYN(68, FRAG) },
	{ "IPv6, later fragment",
	  RAW,
	  0,
	  IP6("001c", "2c") "06 00 0008 00000007 " SYN,
	  { true, HIN_FRAGMENT, IPPROTO_TCP, 0, 0, 68, FRAG, 255 } },
	{ "IPv6, atomic fragment", RAW, 0, IP6("001c", "2c") "06 00 0000 00000007 " SYN,
	  WANT_SYN(68, 0) },
	{ "no next header", RAW, 0, IP6("0008", "3b") "0000000000000000", OTHER(48, 59, 0) },
	{ "IPv6 without length: a jumbogram", RAW, 0, IP6("0000", "06") SYN, WANT_SYN(60, 0) },
	{ "IPv6 with padding", RAW, 0, IP6("0014", "06") SYN "ffff", WANT_SYN(60, 0) },
	{ "encrypted", RAW, 0, IP6("0008", "32") "0000000100000001", OTHER(48, 50, 0) },
	{ "extension cut",
	  RAW,
	  0,
	  IP6("0007", "00") "06 00 0502000001",
	  { true, HIN_OTHER_PROTOCOL, 0, 0, 0, 47, 0, HIN_REFUSED_EXTENSION } },
	{ "extension longer than the packet",
	  RAW,
	  0,
	  IP6("0008", "00") "06 01 050200000100",
	  { true, HIN_OTHER_PROTOCOL, 0, 0, 0, 48, 0, HIN_REFUSED_EXTENSION } },
	{ "thirteen extensions",
	  RAW,
	  0,
	  IP6("0068", "3c") "3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000 "
			    "3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000 "
			    "3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000 "
			    "0600010400000000",
	  { true, HIN_OTHER_PROTOCOL, 60, 0, 0, 144, 0, HIN_REFUSED_EXTENSION_DEPTH } },
};

static void ip_headers(void **state)
{
	(void)state;
	check_all(ip_cases, HIN_COUNT(ip_cases));
}

/* ---- TCP and UDP ---- */

#define TCP_IS(kind_, bytes_, more)                                                                \
	{                                                                                          \
		true, (kind_), IPPROTO_TCP, 40000, 23, (bytes_), HIN_PACKET_OPTIONS | DF | (more), \
			255                                                                        \
	}
#define UDP_IS(bytes_, more)                                                                       \
	{                                                                                          \
		true, HIN_UDP, IPPROTO_UDP, 40000, 53, (bytes_), DF | (more), 255                  \
	}
#define LOAD HIN_PACKET_PAYLOAD

static const struct frame_case transport_cases[] = {
	{ "SYN", RAW, 0, IP4("0028", "06") TCP("02"), TCP_IS(HIN_TCP_SYN, 40, 0) },
	{ "SYN with ECN", RAW, 0, IP4("0028", "06") TCP("c2"), TCP_IS(HIN_TCP_SYN, 40, 0) },
	{ "SYN with data", RAW, 0, IP4("002c", "06") SYN "41424344",
	  TCP_IS(HIN_TCP_SYN, 44, LOAD) },
	{ "SYN, PSH", RAW, 0, IP4("0028", "06") TCP("0a"), TCP_IS(HIN_TCP_OTHER, 40, 0) },
	{ "SYN, ACK", RAW, 0, IP4("0028", "06") TCP("12"), TCP_IS(HIN_TCP_SYN_ACK, 40, 0) },
	{ "SYN, ACK, ECE", RAW, 0, IP4("0028", "06") TCP("52"), TCP_IS(HIN_TCP_SYN_ACK, 40, 0) },
	{ "SYN, FIN", RAW, 0, IP4("0028", "06") TCP("03"), TCP_IS(HIN_TCP_OTHER, 40, 0) },
	{ "SYN, RST", RAW, 0, IP4("0028", "06") TCP("06"), TCP_IS(HIN_TCP_OTHER, 40, 0) },
	{ "RST", RAW, 0, IP4("0028", "06") TCP("04"), TCP_IS(HIN_TCP_RST, 40, 0) },
	{ "RST, ACK", RAW, 0, IP4("0028", "06") TCP("14"), TCP_IS(HIN_TCP_RST, 40, 0) },
	{ "ACK", RAW, 0, IP4("0028", "06") TCP("10"), TCP_IS(HIN_TCP_ACK, 40, 0) },
	{ "ACK, PSH with data", RAW, 0, IP4("0029", "06") TCP("18") "41",
	  TCP_IS(HIN_TCP_ACK, 41, LOAD) },
	{ "FIN, ACK", RAW, 0, IP4("0028", "06") TCP("11"), TCP_IS(HIN_TCP_OTHER, 40, 0) },
	{ "FIN", RAW, 0, IP4("0028", "06") TCP("01"), TCP_IS(HIN_TCP_OTHER, 40, 0) },
	{ "no flag", RAW, 0, IP4("0028", "06") TCP("00"), TCP_IS(HIN_TCP_OTHER, 40, 0) },
	{ "all flags", RAW, 0, IP4("0028", "06") TCP("3f"), TCP_IS(HIN_TCP_OTHER, 40, 0) },
	{ "data offset of 16",
	  RAW,
	  0,
	  IP4("0028", "06") TCP_OF("40", "02"),
	  { true, HIN_TCP_SYN, 6, 40000, 23, 40, DF, HIN_REFUSED_TCP_HEADER_LENGTH } },
	{ "data offset beyond the packet",
	  RAW,
	  0,
	  IP4("0028", "06") TCP_OF("60", "02"),
	  { true, HIN_TCP_SYN, 6, 40000, 23, 40, DF, HIN_REFUSED_TCP_HEADER_LENGTH } },
	{ "options not recorded",
	  RAW,
	  0,
	  IP4("0030", "06") TCP_OF("70", "02") "020405b4",
	  { true, HIN_TCP_SYN, 6, 40000, 23, 48, DF, 255 } },
	{ "14 bytes of TCP",
	  RAW,
	  0,
	  IP4("0028", "06") "9c40 0017 0000000b 00000000 50 02",
	  { true, HIN_TCP_SYN, 6, 40000, 23, 40, DF, HIN_REFUSED_TRANSPORT } },
	{ "13 bytes of TCP",
	  RAW,
	  0,
	  IP4("0028", "06") "9c40 0017 0000000b 00000000 50",
	  { true, HIN_TCP_OTHER, 6, 40000, 23, 40, DF, HIN_REFUSED_TRANSPORT } },
	{ "3 bytes of TCP",
	  RAW,
	  0,
	  IP4("0028", "06") "9c4000",
	  { true, HIN_TCP_OTHER, 6, 0, 0, 40, DF, HIN_REFUSED_TRANSPORT } },
	{ "UDP", RAW, 0, IP4("001c", "11") UDP("0008"), UDP_IS(28, 0) },
	{ "UDP with data", RAW, 0, IP4("0020", "11") UDP("000c") "41424344", UDP_IS(32, LOAD) },
	{ "UDP of length zero: a jumbogram", RAW, 0, IP4("001c", "11") UDP("0000"), UDP_IS(28, 0) },
	{ "UDP of length 7",
	  RAW,
	  0,
	  IP4("001c", "11") UDP("0007"),
	  { true, HIN_UDP, 17, 40000, 53, 28, DF, HIN_REFUSED_UDP_LENGTH } },
	{ "UDP longer than the packet",
	  RAW,
	  0,
	  IP4("001c", "11") UDP("0009"),
	  { true, HIN_UDP, 17, 40000, 53, 28, DF, HIN_REFUSED_UDP_LENGTH } },
	{ "UDP, first of several fragments",
	  RAW,
	  0,
	  IP4_OF("45", "001c", "2000", "11") UDP("05dc"),
	  { true, HIN_UDP, 17, 40000, 53, 28, FRAG, 255 } },
	{ "5 bytes of UDP",
	  RAW,
	  0,
	  IP4("001c", "11") "9c40 0035 00",
	  { true, HIN_UDP, 17, 40000, 53, 28, DF, HIN_REFUSED_TRANSPORT } },
	{ "DNS question", RAW, 0, IP4("0028", "11") UDP("0014") "1234 0100 000100000000 0000",
	  UDP_IS(40, LOAD | HIN_PACKET_UDP_QUESTION) },
	{ "DNS answer",
	  RAW,
	  0,
	  IP4("0028", "11") "0035 9c40 0014 0000 1234 8180 000100010000 0000",
	  { true, HIN_UDP, 17, 53, 40000, 40, DF | LOAD | HIN_PACKET_UDP_ANSWER, 255 } },
	{ "NTP client",
	  RAW,
	  0,
	  IP4("0020", "11") "007b 007b 000c 0000 23000000",
	  { true, HIN_UDP, 17, 123, 123, 32, DF | LOAD | HIN_PACKET_UDP_QUESTION, 255 } },
	{ "NTP server",
	  RAW,
	  0,
	  IP4("0020", "11") "007b 007b 000c 0000 24000000",
	  { true, HIN_UDP, 17, 123, 123, 32, DF | LOAD | HIN_PACKET_UDP_ANSWER, 255 } },
	{ "NTP, active peer",
	  RAW,
	  0,
	  IP4("0020", "11") "007b 007b 000c 0000 19000000",
	  { true, HIN_UDP, 17, 123, 123, 32, DF | LOAD | HIN_PACKET_UDP_QUESTION, 255 } },
	{ "NTP, passive peer",
	  RAW,
	  0,
	  IP4("0020", "11") "007b 007b 000c 0000 1a000000",
	  { true, HIN_UDP, 17, 123, 123, 32, DF | LOAD | HIN_PACKET_UDP_ANSWER, 255 } },
	{ "NTP readvar",
	  RAW,
	  0,
	  IP4("0020", "11") "9c40 007b 000c 0000 16020001",
	  { true, HIN_UDP, 17, 40000, 123, 32, DF | LOAD | HIN_PACKET_UDP_QUESTION, 255 } },
	{ "NTP monlist answer",
	  RAW,
	  0,
	  IP4("0020", "11") "007b 9c40 000c 0000 d7002a06",
	  { true, HIN_UDP, 17, 123, 40000, 32, DF | LOAD | HIN_PACKET_UDP_ANSWER, 255 } },
	{ "BitTorrent's question",
	  RAW,
	  0,
	  IP4("0026", "11") "1ae1 9c40 0012 0000 64313a6164323a696432",
	  { true, HIN_UDP, 17, 6881, 40000, 38, DF | LOAD | HIN_PACKET_UDP_QUESTION, 255 } },
	{ "BitTorrent's answer",
	  RAW,
	  0,
	  IP4("0026", "11") "1ae1 9c40 0012 0000 64313a7264323a696432",
	  { true, HIN_UDP, 17, 6881, 40000, 38, DF | LOAD | HIN_PACKET_UDP_ANSWER, 255 } },
	{ "SSDP search",
	  RAW,
	  0,
	  IP4("0024", "11") "9c40 076c 0010 0000 4d2d534541524348",
	  { true, HIN_UDP, 17, 40000, 1900, 36, DF | LOAD | HIN_PACKET_UDP_QUESTION, 255 } },
	{ "SSDP answer",
	  RAW,
	  0,
	  IP4("0024", "11") "076c 9c40 0010 0000 485454502f312e31",
	  { true, HIN_UDP, 17, 1900, 40000, 36, DF | LOAD | HIN_PACKET_UDP_ANSWER, 255 } },
};

static void tcp_and_udp(void **state)
{
	(void)state;
	check_all(transport_cases, HIN_COUNT(transport_cases));
}

/* The fields that marks are made of. */
static void tcp_fields(void **state)
{
	static const struct {
		const char *name, *options;
		uint64_t order;
		uint16_t mss;
		uint8_t refusal;
	} cases[] = {
		{ "none", "", 0, 0, 255 },
		{ "Linux", "020405b4 0402 080a0000000100000000 01 030307", 0x31842, 1460, 255 },
		{ "Windows", "020405b4 01 030308 0101 0402", 0x411312, 1460, 255 },
		{ "macOS", "020405b4 01 030306 0101 080a0000000100000000 0402 0000", 0x4811312,
		  1460, 255 },
		{ "MSS alone", "020405b4", 0x2, 1460, 255 },
		{ "end, then what must not count", "020405b4 00 020000", 0x2, 1460, 255 },
		{ "an unknown kind", "fd040102", 0xf, 0, 255 },
		{ "MSS of a wrong length", "0203 05 00", 0x2, 0, 255 },
		{ "length of one", "02010000", 0, 0, HIN_REFUSED_TCP_OPTIONS },
		{ "length of zero", "08000000", 0, 0, HIN_REFUSED_TCP_OPTIONS },
		{ "longer than the header", "020405b4 080a0000", 0, 1460, HIN_REFUSED_TCP_OPTIONS },
		{ "no length", "010101 08", 0, 0, HIN_REFUSED_TCP_OPTIONS },
		{ "forty NOPs: sixteen are noted",
		  "01010101010101010101 01010101010101010101 01010101010101010101 "
		  "01010101010101010101",
		  0x1111111111111111, 0, 255 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		uint8_t options[1024], bytes[1024];
		size_t size = bytes_of(cases[i].options, options);
		size_t base = bytes_of(SYN_OF_20, bytes);
		struct hin_packet p;

		memcpy(bytes + base, options, size);
		bytes[3] = (uint8_t)(40 + size);
		bytes[32] = (uint8_t)((20 + size) / 4 << 4);
		assert_int_equal(size % 4, 0);
		assert_true(decode(&p, bytes, base + size, RAW, 0));
		if (p.tcp_options != cases[i].order || p.mss != cases[i].mss ||
		    p.refusal != cases[i].refusal ||
		    ((p.flags & HIN_PACKET_OPTIONS) != 0) != (cases[i].refusal == 255))
			fail_msg("%s: order %llx, mss %u, refusal %u", cases[i].name,
				 (unsigned long long)p.tcp_options, p.mss, p.refusal);
		assert_int_equal(p.kind, HIN_TCP_SYN);
		assert_int_equal(p.seq, 0xb);
		assert_int_equal(p.window, 1024);
		assert_int_equal(p.ip_id, 0x1234);
		assert_int_equal(p.ttl, 64);
		assert_int_equal(p.tcp_flags, 2);
		assert_int_equal(hin_addr_v4(&p.src), 0x01020304);
		assert_int_equal(hin_addr_v4(&p.dst), 0xc6120001);
	}
}

/* ---- ICMP ---- */

/* What our 198.18.0.1 sent to 5.6.7.8, as an error quotes it; 20 bytes. */
#define QUOTED4_OF(vhl, total, fragment, proto, src)                                               \
	vhl "00 " total " 0001 " fragment " 40 " proto " 0000 " src " 05060708 "
#define QUOTED4(proto) QUOTED4_OF("45", "0028", "0000", proto, "c6120001")
#define QUOTED6(next)                                                                              \
	"60000000 0014 " next " 3f 20010db8000100000000000000000002 "                              \
	"20010db8000900000000000000000009 "
#define PORTS "c350 01bb " /* 50000 to 443 */

struct quote_case {
	const char *name, *hex;
	bool usable;
	uint8_t type, proto;
	uint16_t port;
	uint8_t refusal;
};

static const struct quote_case quote_cases[] = {
	{ "unreachable, TCP",
	  IP4("0038", "01") "0303 0000 00000000 " QUOTED4("06") PORTS "0000000b", true, 3, 6, 443,
	  255 },
	{ "unreachable, UDP",
	  IP4("0038", "01") "0303 0000 00000000 " QUOTED4("11") PORTS "00080000", true, 3, 17, 443,
	  255 },
	{ "unreachable, ICMP",
	  IP4("0038", "01") "0301 0000 00000000 " QUOTED4("01") "0800000000010001", true, 3, 1, 0,
	  255 },
	{ "source quench", IP4("0038", "01") "0400 0000 00000000 " QUOTED4("06") PORTS "0000000b",
	  true, 4, 6, 443, 255 },
	{ "redirect", IP4("0038", "01") "0501 0000 01010101 " QUOTED4("06") PORTS "0000000b", true,
	  5, 6, 443, 255 },
	{ "time exceeded", IP4("0038", "01") "0b00 0000 00000000 " QUOTED4("06") PORTS "0000000b",
	  true, 11, 6, 443, 255 },
	{ "parameter problem",
	  IP4("0038", "01") "0c00 0000 00000000 " QUOTED4("06") PORTS "0000000b", true, 12, 6, 443,
	  255 },
	{ "quote with options",
	  IP4("003c", "01") "0303 0000 00000000 " QUOTED4_OF(
		  "46", "002c", "0000", "06", "c6120001") "01010101 " PORTS "0000000b",
	  true, 3, 6, 443, 255 },
	{ "quote of a later fragment",
	  IP4("0038", "01") "0303 0000 00000000 " QUOTED4_OF("45", "0028", "0010", "11", "c6120001")
		  PORTS "0000000b",
	  true, 3, 17, 0, 255 },
	{ "quote of a header alone", IP4("0030", "01") "0303 0000 00000000 " QUOTED4("06"), true, 3,
	  6, 0, 255 },
	{ "quote of somebody else's packet",
	  IP4("0038", "01") "0303 0000 00000000 " QUOTED4_OF("45", "0028", "0000", "06", "c6120002")
		  PORTS "0000000b",
	  false, 3, 6, 443, 255 },
	{ "quote of the other family",
	  IP4("0054", "01") "0300 0000 00000000 " QUOTED6("06") PORTS "0000000b 00000000 00000000",
	  false, 3, 6, 443, 255 },
	{ "quote cut in its header",
	  IP4("002f", "01") "0303 0000 00000000 "
			    "45000028 00010000 40060000 c6120001 050607",
	  false, 3, 0, 0, HIN_REFUSED_QUOTE },
	{ "quote with a wrong header length",
	  IP4("0038", "01") "0303 0000 00000000 " QUOTED4_OF("44", "0028", "0000", "06", "c6120001")
		  PORTS "0000000b",
	  false, 3, 0, 0, HIN_REFUSED_QUOTE },
	{ "quote whose options are not there",
	  IP4("0038", "01") "0303 0000 00000000 " QUOTED4_OF("4f", "0050", "0000", "06", "c6120001")
		  PORTS "0000000b",
	  false, 3, 0, 0, HIN_REFUSED_QUOTE },
	{ "quote of no IP", IP4("0020", "01") "0303 0000 00000000 15000000", false, 3, 0, 0,
	  HIN_REFUSED_QUOTE },
	{ "no quote", IP4("001c", "01") "0303 0000 00000000", false, 3, 0, 0, HIN_REFUSED_QUOTE },
	{ "an echo quotes nothing",
	  IP4("0038", "01") "0800 0000 00000000 " QUOTED4("06") PORTS "0000000b", false, 8, 0, 0,
	  255 },
	{ "IPv6, unreachable, TCP",
	  IP6("0038", "3a") "0104 0000 00000000 " QUOTED6("06") PORTS "0000000b", true, 1, 6, 443,
	  255 },
	{ "IPv6, too big", IP6("0038", "3a") "0200 0000 00000500 " QUOTED6("11") PORTS "00080000",
	  true, 2, 17, 443, 255 },
	{ "IPv6, time exceeded",
	  IP6("0038", "3a") "0300 0000 00000000 " QUOTED6("06") PORTS "0000000b", true, 3, 6, 443,
	  255 },
	{ "IPv6, parameter problem",
	  IP6("0038", "3a") "0401 0000 00000028 " QUOTED6("3a") "8000000000010001", true, 4, 58, 0,
	  255 },
	{ "IPv6, quote cut", IP6("0014", "3a") "0104 0000 00000000 60000000 00140638 20010db8",
	  false, 1, 0, 0, HIN_REFUSED_QUOTE },
	{ "IPv6, echo", IP6("0008", "3a") "8000 0000 00010001", false, 128, 0, 0, 255 },
};

static void icmp_quotes(void **state)
{
	(void)state;
	for (size_t i = 0; i < HIN_COUNT(quote_cases); i++) {
		const struct quote_case *c = &quote_cases[i];
		uint8_t bytes[1024];
		size_t size = bytes_of(c->hex, bytes);
		struct hin_packet p;

		assert_true(decode(&p, bytes, size, RAW, 0));
		if (p.kind != (bytes[0] >> 4 == 4 ? HIN_ICMP : HIN_ICMP6) || p.sport != c->type)
			fail_msg("%s: kind %u, type %u", c->name, p.kind, p.sport);
		if (((p.flags & HIN_PACKET_QUOTE) != 0) != c->usable || p.refusal != c->refusal ||
		    p.quoted_proto != c->proto || p.quoted_port != c->port)
			fail_msg("%s: flags %x, refusal %u, quoted %u port %u", c->name, p.flags,
				 p.refusal, p.quoted_proto, p.quoted_port);
		if (c->usable && bytes[0] >> 4 == 4)
			assert_int_equal(hin_addr_v4(&p.quoted_dst), 0x05060708);
		if (c->usable && bytes[0] >> 4 == 6)
			assert_int_equal(p.quoted_dst.b[15], 9);
	}
}

static void icmp_itself(void **state)
{
	static const struct frame_case cases[] = {
		{ "echo",
		  RAW,
		  0,
		  IP4("001c", "01") "0800 0000 00010001",
		  { true, HIN_ICMP, 1, 8, 0, 28, DF, 255 } },
		{ "7 bytes",
		  RAW,
		  0,
		  IP4("001c", "01") "0800 0000 000100",
		  { true, HIN_ICMP, 1, 8, 0, 28, DF, HIN_REFUSED_TRANSPORT } },
		{ "1 byte",
		  RAW,
		  0,
		  IP4("001c", "01") "08",
		  { true, HIN_ICMP, 1, 0, 0, 28, DF, HIN_REFUSED_TRANSPORT } },
		{ "router advertisement",
		  RAW,
		  0,
		  IP6("0010", "3a") "8600 0000 40000708 0000000000000000",
		  { true, HIN_ICMP6, 58, 134, 0, 56, 0, 255 } },
		{ "router advertisement with lifetime 0",
		  RAW,
		  0,
		  IP6("0010", "3a") "8600 0000 40000000 0000000000000000",
		  { true, HIN_ICMP6, 58, 134, 0, 56, HIN_PACKET_ROUTER_KILL, 255 } },
		{ "ICMP for IPv6 over IPv4",
		  RAW,
		  0,
		  IP4("001c", "3a") "8000 0000 00010001",
		  { true, HIN_ICMP6, 58, 128, 0, 28, DF, 255 } },
	};

	(void)state;
	check_all(cases, HIN_COUNT(cases));
	assert_string_equal(hin_icmp_type_name(false, 8), "echo-request");
	assert_string_equal(hin_icmp_type_name(true, 134), "router-advertisement");
	assert_null(hin_icmp_type_name(false, 200));
	assert_null(hin_icmp_type_name(true, 200));
	assert_true(hin_icmp_is_error(false, 3));
	assert_false(hin_icmp_is_error(false, 8));
	assert_false(hin_icmp_is_error(true, 128));
}

/* ---- tunnels ---- */

#define GRE HIN_DECAP_GRE
#define VXLAN HIN_DECAP_VXLAN
#define IPIP HIN_DECAP_IPIP
/* an outer header without "don't fragment" */
#define OUTER(total, proto) IP4_OF("45", total, "0000", proto)

static const struct frame_case tunnel_cases[] = {
	{ "GRE, not asked for", RAW, 0, OUTER("0040", "2f") "0000 0800 " SYN_OF_20,
	  OTHER(64, 47, 0) },
	{ "GRE", RAW, GRE, OUTER("0040", "2f") "0000 0800 " SYN_OF_20, WANT_SYN(40, DF | TUN) },
	{ "GRE with checksum, key and sequence", RAW, GRE,
	  OUTER("004c", "2f") "b000 0800 00000000 00000001 00000002 " SYN_OF_20,
	  WANT_SYN(40, DF | TUN) },
	{ "GRE over IPv6", RAW, GRE, IP6("002c", "2f") "0000 0800 " SYN_OF_20,
	  WANT_SYN(40, DF | TUN) },
	{ "GRE with IPv6", RAW, GRE, OUTER("0054", "2f") "0000 86dd " IP6("0014", "06") SYN,
	  WANT_SYN(60, TUN) },
	{ "GRE with Ethernet", RAW, GRE, OUTER("004e", "2f") "0000 6558 " ETHER4 SYN_OF_20,
	  WANT_SYN(40, DF | TUN) },
	{ "GRE of version 1",
	  RAW,
	  GRE,
	  OUTER("0040", "2f") "0001 880b " SYN_OF_20,
	  { true, HIN_OTHER_PROTOCOL, 47, 0, 0, 64, 0, HIN_REFUSED_TUNNEL } },
	{ "GRE cut",
	  RAW,
	  GRE,
	  OUTER("001a", "2f") "2000 0800 0000",
	  { true, HIN_OTHER_PROTOCOL, 47, 0, 0, 26, 0, HIN_REFUSED_TUNNEL } },
	{ "VXLAN, not asked for",
	  RAW,
	  0,
	  OUTER("005a", "11") "9c40 12b5 0046 0000 08000000 00000100 " ETHER4 SYN_OF_20,
	  { true, HIN_UDP, 17, 40000, 4789, 90, LOAD, 255 } },
	{ "VXLAN", RAW, VXLAN,
	  OUTER("005a", "11") "9c40 12b5 0046 0000 08000000 00000100 " ETHER4 SYN_OF_20,
	  WANT_SYN(40, DF | TUN) },
	{ "VXLAN without a network number",
	  RAW,
	  VXLAN,
	  OUTER("005a", "11") "9c40 12b5 0046 0000 00000000 00000100 " ETHER4 SYN_OF_20,
	  { true, HIN_UDP, 17, 40000, 4789, 90, LOAD, HIN_REFUSED_TUNNEL } },
	{ "VXLAN cut",
	  RAW,
	  VXLAN,
	  OUTER("005a", "11") "9c40 12b5 0046 0000 08000000 000001",
	  { true, HIN_UDP, 17, 40000, 4789, 90, LOAD, HIN_REFUSED_TUNNEL } },
	{ "4in4, not asked for", RAW, GRE, OUTER("003c", "04") SYN_OF_20, OTHER(60, 4, 0) },
	{ "4in4", RAW, IPIP, OUTER("003c", "04") SYN_OF_20, WANT_SYN(40, DF | TUN) },
	{ "6in4", RAW, IPIP, OUTER("0050", "29") IP6("0014", "06") SYN, WANT_SYN(60, TUN) },
	{ "4in6", RAW, IPIP, IP6("0028", "04") SYN_OF_20, WANT_SYN(40, DF | TUN) },
	{ "6in6", RAW, IPIP, IP6("003c", "29") IP6("0014", "06") SYN, WANT_SYN(60, TUN) },
	{ "four deep", RAW, IPIP | GRE,
	  OUTER("007c", "04") OUTER("0068", "2f") "0000 0800 " OUTER("0050", "04")
		  OUTER("003c", "04") SYN_OF_20,
	  WANT_SYN(40, DF | TUN) },
	{ "five deep",
	  RAW,
	  IPIP,
	  OUTER("008c", "04") OUTER("0078", "04") OUTER("0064", "04") OUTER("0050", "04")
		  OUTER("003c", "04") SYN_OF_20,
	  { true, HIN_OTHER_PROTOCOL, 4, 0, 0, 60, TUN, HIN_REFUSED_TUNNEL_DEPTH } },
	{ "tunnel with ARP", RAW, GRE, OUTER("0026", "2f") "0000 6558 " MACS "0806",
	  NO(HIN_REFUSED_NOT_IP) },
};

static void tunnels(void **state)
{
	(void)state;
	check_all(tunnel_cases, HIN_COUNT(tunnel_cases));
}

/* ---- every cut ---- */

/*
 * Of a frame that ends early a packet's addresses are right or it is none, a packet that lacks a
 * part says so, and nothing behind the end is read (ASan). Tunnels are their outer packet until
 * enough is there.
 */
static void cut_case(const struct frame_case *c)
{
	uint8_t bytes[1024];
	size_t size = bytes_of(c->hex, bytes);
	struct hin_packet whole, p;

	if (!decode(&whole, bytes, size, c->link, c->decap))
		return;
	for (size_t n = 0; n < size; n++) {
		if (!decode(&p, bytes, n, c->link, c->decap)) {
			if (p.refusal == HIN_REFUSED_NOTHING)
				fail_msg("%s, %zu bytes: no reason", c->name, n);
			continue;
		}
		if (c->decap != 0)
			continue;
		if (!hin_addr_equal(&p.src, &whole.src) || !hin_addr_equal(&p.dst, &whole.dst))
			fail_msg("%s, %zu bytes: addresses", c->name, n);
		if (p.kind != whole.kind && p.refusal == HIN_REFUSED_NOTHING)
			fail_msg("%s, %zu bytes: kind %u without a reason", c->name, n, p.kind);
	}
}

static void cut_at_every_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < HIN_COUNT(link_cases); i++)
		cut_case(&link_cases[i]);
	for (size_t i = 0; i < HIN_COUNT(ip_cases); i++)
		cut_case(&ip_cases[i]);
	for (size_t i = 0; i < HIN_COUNT(transport_cases); i++)
		cut_case(&transport_cases[i]);
	for (size_t i = 0; i < HIN_COUNT(tunnel_cases); i++)
		cut_case(&tunnel_cases[i]);
	for (size_t i = 0; i < HIN_COUNT(quote_cases); i++)
		cut_case(&(struct frame_case){ quote_cases[i].name, RAW, 0, quote_cases[i].hex,
					       NO(0) });
}

/* Times before 1970 and at the ends of what a clock can say. */
/* ---- the usual frame, which has a short way, and the same behind a VLAN tag, which has not ----
 */

static void same_packet(const uint8_t *bytes, size_t size)
{
	uint8_t tagged[128] = { 0 };
	uint8_t *one = hin_test_copy(bytes, size), *other;
	struct hin_packet a, b;
	struct hin_frame frame = { .data = one, .size = (uint32_t)size, .link = HIN_LINK_ETHERNET };

	size_t rest = size > 12 && size <= sizeof(tagged) - 4 ? size - 12 : 0;

	assert_true(rest > 0);
	memset(&a, 0x55, sizeof(a));
	memset(&b, 0x55, sizeof(b));
	a.frame = b.frame = 0;
	memcpy(tagged, bytes, 12);
	memcpy(tagged + 12, "\x81\0\0\1", 4);
	memcpy(tagged + 16, bytes + 12, rest);
	other = hin_test_copy(tagged, size + 4);
	assert_true(hin_decode(&a, &frame, 0));
	frame.data = other;
	frame.size += 4;
	assert_true(hin_decode(&b, &frame, 0));
	assert_memory_equal(&a.src, &b.src, 16);
	assert_memory_equal(&a.dst, &b.dst, 16);
	assert_memory_equal(&a.quoted_dst, &b.quoted_dst, 16);
	assert_int_equal(a.time_us, b.time_us);
	assert_int_equal((uint32_t)a.sport << 16 | a.dport, (uint32_t)b.sport << 16 | b.dport);
	assert_int_equal(a.bytes, b.bytes);
	assert_int_equal(a.seq, b.seq);
	assert_int_equal((uint32_t)a.ip_id << 16 | a.window, (uint32_t)b.ip_id << 16 | b.window);
	assert_int_equal(a.tcp_options, b.tcp_options);
	assert_int_equal(a.flags, b.flags);
	assert_int_equal(a.marks, b.marks);
	assert_int_equal(a.kind, b.kind);
	assert_int_equal(a.proto, b.proto);
	assert_int_equal(a.ttl, b.ttl);
	assert_int_equal(a.tcp_flags, b.tcp_flags);
	assert_int_equal(a.refusal, b.refusal);
	assert_int_equal(a.mss, b.mss);
	assert_int_equal(a.quoted_port + a.quoted_proto, b.quoted_port + b.quoted_proto);
	assert_int_equal(a.key, 0);
	assert_int_equal(a.hash, 0);
	free(one);
	free(other);
}

static void short_way_is_the_long_way(void **state)
{
	static const char *const options[] = {
		"",
		"020405b4",
		"020405b4 01010402",
		"020405b4 01030308 01010402",
		"020405b4 01010402 01030306",
		"020405b4 0402080a 11223344 00000000 01030307",
		"020405b4 01030306 0402080a 11223344 00000000",
		"020405b4 01030306 0101080a 11223344 00000000 04020000",
		"020405b4 01030306 0101080a 11223344 00000000 04020055",
		"01010101",	     /* of a shape's length, but another */
		"020505b4 01010402", /* a lying length */
		"020405b4 0402080b 11223344 00000000 01030307",
		"020405b4 01010402 01010101 01010101", /* of no shape's length */
		"00000000 00000000",
	};
	uint64_t seed = 99;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(options); i++) {
		uint8_t bytes[128];
		char hex[512];
		size_t size, header;

		snprintf(hex, sizeof(hex), "%s", ETHER4 IP4("0028", "06") SYN);
		snprintf(hex + strlen(hex), sizeof(hex) - strlen(hex), "%s", options[i]);
		size = bytes_of(hex, (uint8_t[1024]){ 0 });
		header = size - 34;
		for (unsigned flags = 0; flags < 256; flags++) {
			uint8_t all[1024];

			(void)bytes_of(hex, all);
			memcpy(bytes, all, size);
			bytes[46] = (uint8_t)(header / 4 << 4);
			bytes[47] = (uint8_t)flags;
			bytes[17] =
				(uint8_t)(20 + header + flags % 3); /* payload beyond the record */
			bytes[20] = flags & 64 ? 0x40 : flags & 128 ? 0x20 : 0;
			bytes[22] = (uint8_t)flags;
			for (size_t k = 34; k < 46; k++)
				bytes[k] = (uint8_t)random_next(&seed);
			same_packet(bytes, size);
			bytes[46] = (uint8_t)(flags << 4); /* any data offset */
			same_packet(bytes, size);
		}
	}
}

/*
 * A batch large enough to be decoded as vectors is what its frames are one by one: each order of
 * options, changed at random, cut at random, in a block of exactly its size.
 */
static void large_batch_is_one_by_one(void **state)
{
	static const char *const options[] = {
		"",
		"020405b4",
		"020405b4 01010402",
		"020405b4 01030308 01010402",
		"020405b4 01010402 01030306",
		"020405b4 0402080a 11223344 00000000 01030307",
		"020405b4 01030306 0402080a 11223344 00000000",
		"020405b4 01010402 01030306 0101080a 11223344 00000000",
		"020405b4 01030306 0402 0101080a 11223344 00000000 0000",
		"020405b4 01030306 0101080a 11223344 00000000 04020000",
		"01010101",
		("020405b4 01030306 0101080a 11223344 00000000 04020000 01010101 01010101 01010101 "
		 "01010101"),
	};
	enum { COUNT = 512 };
	struct hin_packet *packets = aligned_alloc(64, COUNT * sizeof(*packets)), one;
	struct hin_frame *in = calloc(COUNT, sizeof(*in));
	uint64_t seed = 7, refused[HIN_REFUSAL_COUNT] = { 0 }, want[HIN_REFUSAL_COUNT] = { 0 };
	size_t n = 0, got;

	(void)state;
	assert_non_null(packets);
	assert_non_null(in);
	memset(packets, 0x55, COUNT * sizeof(*packets));
	for (size_t i = 0; i < COUNT; i++) {
		uint8_t bytes[1024];
		char hex[512];
		size_t size;

		snprintf(hex, sizeof(hex), "%s%s", ETHER4 IP4("0028", "06") SYN,
			 options[i % HIN_COUNT(options)]);
		size = bytes_of(hex, bytes);
		bytes[17] = (uint8_t)(size - 14 + random_next(&seed) % 2);
		bytes[46] = (uint8_t)((size - 34) / 4 << 4);
		for (uint64_t k = random_next(&seed) % 4; k > 0; k--)
			bytes[12 + random_next(&seed) % (size - 12)] = (uint8_t)random_next(&seed);
		if (random_next(&seed) % 8 == 0)
			size = random_next(&seed) % size;
		in[i] = (struct hin_frame){ .data = hin_test_copy(bytes, size),
					    .size = (uint32_t)size,
					    .length = (uint32_t)size,
					    .time_ns = (int64_t)random_next(&seed),
					    .link = HIN_LINK_ETHERNET };
	}
	got = hin_decode_batch(packets, in, 3, COUNT, 0, refused);
	for (size_t i = 3; i < COUNT; i++) {
		memset(&one, 0xaa, sizeof(one));
		if (!hin_decode(&one, &in[i], 0)) {
			want[one.refusal]++;
			continue;
		}
		one.frame = (uint16_t)i;
		assert_true(n < got);
		/* what lies behind the hash is padding */
		assert_memory_equal(&packets[n], &one, offsetof(struct hin_packet, hash) + 8);
		n++;
	}
	assert_int_equal(n, got);
	assert_in_range(got, COUNT * 3 / 4, COUNT - 4);
	assert_memory_equal(refused, want, sizeof(want));
	for (size_t i = 0; i < COUNT; i++)
		free((void *)(uintptr_t)in[i].data);
	free(in);
	free(packets);
}

/* A batch is what its frames are one by one: those without a packet leave no hole, but a count. */
static void batch_is_one_by_one(void **state)
{
	static const char *const frames[] = {
		MACS "0800 4500 0028 0001 4000 4006 0000 01020304 c6120001"
		     "1234 0017 00000001 00000000 5002 ffff 0000 0000",
		MACS "0806 0001 0800 0604 0001", /* ARP */
		"0011",				 /* cut in the link header */
		MACS "0800 4500 001c 0002 0000 4011 0000 01020305 c6120002"
		     "0035 1234 0008 0000",
		MACS "0800 4500 0028 0003 0000 4006 0000 01020306 c6120003"
		     "1234 0050 00000002", /* cut in the TCP header */
		MACS "86dd 6000 0000 0008 1140 20010db8000000000000000000000001"
		     "20010db8000000000000000000000002 0035 1234 0008 0000",
	};
	struct hin_frame in[3 * HIN_COUNT(frames)];
	struct hin_packet *packets = aligned_alloc(64, HIN_COUNT(in) * sizeof(*packets)), one;
	uint64_t refused[HIN_REFUSAL_COUNT] = { 0 }, want[HIN_REFUSAL_COUNT] = { 0 };
	size_t got, n = 0;
	uint8_t bytes[1024];

	(void)state;
	assert_non_null(packets);
	for (size_t i = 0; i < HIN_COUNT(in); i++) {
		size_t size = bytes_of(frames[i % HIN_COUNT(frames)], bytes);

		in[i] = (struct hin_frame){ .data = hin_test_copy(bytes, size),
					    .size = (uint32_t)size,
					    .length = (uint32_t)size,
					    .time_ns = 1700000000123456789 + (int64_t)i,
					    .link = HIN_LINK_ETHERNET };
	}
	got = hin_decode_batch(packets, in, 0, HIN_COUNT(in), 0, refused);
	for (size_t i = 0; i < HIN_COUNT(in); i++) {
		memset(&one, 0, sizeof(one));
		if (!hin_decode(&one, &in[i], 0)) {
			want[one.refusal]++;
			continue;
		}
		one.frame = (uint16_t)i;
		assert_true(n < got);
		assert_memory_equal(&packets[n], &one, offsetof(struct hin_packet, hash));
		n++;
	}
	assert_int_equal(n, got);
	assert_int_equal(got, 3 * 4);
	assert_memory_equal(refused, want, sizeof(want));
	assert_int_equal(want[HIN_REFUSED_NOT_IP], 3);
	assert_int_equal(hin_decode_batch(packets, in, 0, 0, 0, refused), 0);
	for (size_t i = 0; i < HIN_COUNT(in); i++)
		free((void *)(uintptr_t)in[i].data);
	free(packets);
}

static void times(void **state)
{
	static const struct {
		int64_t ns, us;
	} cases[] = {
		{ 0, 0 },
		{ 999, 0 },
		{ 1000, 1 },
		{ -1, -1 },
		{ -1000, -1 },
		{ -1001, -2 },
		{ INT64_MAX, INT64_MAX / 1000 },
		{ INT64_MIN, INT64_MIN / 1000 - 1 },
	};
	uint8_t bytes[1024];
	size_t size = bytes_of(SYN_OF_20, bytes);

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_frame frame = {
			.data = bytes, .size = (uint32_t)size, .time_ns = cases[i].ns, .link = RAW
		};
		struct hin_packet p;

		assert_true(hin_decode(&p, &frame, 0));
		assert_true(p.time_us == cases[i].us);
	}
}

static void names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HIN_PACKET_KIND_COUNT; i++)
		assert_true(strlen(hin_packet_kind_name((enum hin_packet_kind)i)) > 2);
	for (unsigned i = 0; i < HIN_REFUSAL_COUNT; i++)
		assert_true(strlen(hin_refusal_name((enum hin_refusal)i)) > 4);
	assert_string_equal(hin_refusal_name(HIN_REFUSED_NOTHING), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_layers),
		cmocka_unit_test(ip_headers),
		cmocka_unit_test(tcp_and_udp),
		cmocka_unit_test(tcp_fields),
		cmocka_unit_test(icmp_quotes),
		cmocka_unit_test(icmp_itself),
		cmocka_unit_test(tunnels),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(short_way_is_the_long_way),
		cmocka_unit_test(batch_is_one_by_one),
		cmocka_unit_test(large_batch_is_one_by_one),
		cmocka_unit_test(times),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
