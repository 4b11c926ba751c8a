#include "sender.h"

#include <netinet/in.h>

enum sport_rule {
	SPORT_ANY,	 /* 1024-65535, a new one each time */
	SPORT_ZMAP,	 /* 32768-61000, ZMap's own range */
	SPORT_EPHEMERAL, /* the stack's range */
	SPORT_ONE,	 /* one for the whole run */
};

enum seq_rule {
	SEQ_RANDOM,
	SEQ_TARGET,  /* the destination address */
	SEQ_UNICORN, /* key ^ destination ^ (sport << 16 | dport) */
	SEQ_NMAP,    /* key ^ (n << 16 | n), n the attempt */
};

enum id_rule {
	ID_RANDOM,
	ID_ZMAP,    /* 54321 */
	ID_MASSCAN, /* low half of destination ^ port ^ sequence number */
	ID_ZERO,
};

/* Windows are a choice of up to four; one of 1 means random. */
static const struct {
	uint8_t ttl;
	bool dont_fragment;
	enum hin_layout layout;
	enum sport_rule sport;
	enum seq_rule seq;
	enum id_rule id;
	uint16_t windows[4];
} shapes[HIN_TOOL_COUNT] = {
	[HIN_TOOL_NONE] = { 64,
			    false,
			    HIN_LAYOUT_NONE,
			    SPORT_ANY,
			    SEQ_RANDOM,
			    ID_RANDOM,
			    { 1, 1, 1, 1 } },
	[HIN_TOOL_ZMAP_OLD] = { 255,
				false,
				HIN_LAYOUT_NONE,
				SPORT_ZMAP,
				SEQ_RANDOM,
				ID_ZMAP,
				{ 65535, 65535, 65535, 65535 } },
	[HIN_TOOL_ZMAP_WINDOWS] = { 255,
				    false,
				    HIN_LAYOUT_WINDOWS,
				    SPORT_ZMAP,
				    SEQ_RANDOM,
				    ID_RANDOM,
				    { 65535, 65535, 65535, 65535 } },
	[HIN_TOOL_ZMAP_LINUX] = { 255,
				  false,
				  HIN_LAYOUT_LINUX,
				  SPORT_ZMAP,
				  SEQ_RANDOM,
				  ID_RANDOM,
				  { 65535, 65535, 65535, 65535 } },
	[HIN_TOOL_ZMAP_BSD] = { 255,
				false,
				HIN_LAYOUT_MACOS,
				SPORT_ZMAP,
				SEQ_RANDOM,
				ID_RANDOM,
				{ 65535, 65535, 65535, 65535 } },
	[HIN_TOOL_ZMAP_SMALLEST] = { 255,
				     false,
				     HIN_LAYOUT_MSS,
				     SPORT_ZMAP,
				     SEQ_RANDOM,
				     ID_RANDOM,
				     { 65535, 65535, 65535, 65535 } },
	[HIN_TOOL_MASSCAN_OLD] = { 255,
				   false,
				   HIN_LAYOUT_NONE,
				   SPORT_ONE,
				   SEQ_RANDOM,
				   ID_MASSCAN,
				   { 1024, 1024, 1024, 1024 } },
	[HIN_TOOL_MASSCAN_NEW] = { 255,
				   false,
				   HIN_LAYOUT_MSS,
				   SPORT_ONE,
				   SEQ_RANDOM,
				   ID_MASSCAN,
				   { 1024, 1024, 1024, 1025 } },
	[HIN_TOOL_MIRAI] = { 64,
			     false,
			     HIN_LAYOUT_NONE,
			     SPORT_ANY,
			     SEQ_TARGET,
			     ID_RANDOM,
			     { 1, 1, 1, 1 } },
	[HIN_TOOL_UNICORNSCAN] = { 128,
				   false,
				   HIN_LAYOUT_NONE,
				   SPORT_ANY,
				   SEQ_UNICORN,
				   ID_RANDOM,
				   { 16384, 16384, 16384, 16384 } },
	[HIN_TOOL_NMAP] = { 59,
			    false,
			    HIN_LAYOUT_MSS,
			    SPORT_ONE,
			    SEQ_NMAP,
			    ID_RANDOM,
			    { 1024, 2048, 3072, 4096 } },
	[HIN_TOOL_LINUX] = { 64,
			     true,
			     HIN_LAYOUT_LINUX,
			     SPORT_EPHEMERAL,
			     SEQ_RANDOM,
			     ID_RANDOM,
			     { 64240, 64240, 29200, 65535 } },
	[HIN_TOOL_WINDOWS] = { 128,
			       true,
			       HIN_LAYOUT_WINDOWS,
			       SPORT_EPHEMERAL,
			       SEQ_RANDOM,
			       ID_RANDOM,
			       { 64240, 8192, 65535, 64240 } },
	[HIN_TOOL_FREEBSD] = { 64,
			       true,
			       HIN_LAYOUT_FREEBSD,
			       SPORT_EPHEMERAL,
			       SEQ_RANDOM,
			       ID_RANDOM,
			       { 65535, 65535, 65535, 65535 } },
	[HIN_TOOL_MACOS] = { 64,
			     true,
			     HIN_LAYOUT_MACOS,
			     SPORT_EPHEMERAL,
			     SEQ_RANDOM,
			     ID_ZERO,
			     { 65535, 65535, 65535, 65535 } },
};

static uint16_t pick_sport(const struct hin_sender *sender, struct hin_dice *dice)
{
	switch (shapes[sender->tool].sport) {
	case SPORT_ZMAP:
		return (uint16_t)hin_dice_range(dice, 32768, 61000);
	case SPORT_EPHEMERAL:
		return (uint16_t)hin_dice_range(dice, 32768, 60999);
	case SPORT_ONE:
		return sender->sport;
	case SPORT_ANY:
	default:
		return (uint16_t)hin_dice_range(dice, 1024, 65535);
	}
}

/* The low half of an address, or for IPv6 its last four bytes: what the tools' rules use. */
static uint32_t low32(const struct hin_addr *a)
{
	uint32_t be;

	memcpy(&be, a->b + 12, 4);
	return HIN_BE32(be);
}

static uint32_t pick_seq(const struct hin_sender *sender, struct hin_dice *dice,
			 const struct hin_probe *p)
{
	uint32_t attempt;

	switch (shapes[sender->tool].seq) {
	case SEQ_TARGET:
		return low32(&p->dst);
	case SEQ_UNICORN:
		return sender->key ^ low32(&p->dst) ^ ((uint32_t)p->sport << 16 | p->dport);
	case SEQ_NMAP:
		attempt = hin_dice_below(dice, 10) == 0;
		return sender->key ^ (attempt << 16 | attempt);
	case SEQ_RANDOM:
	default:
		return (uint32_t)hin_dice_next(dice);
	}
}

static uint16_t pick_id(const struct hin_sender *sender, struct hin_dice *dice,
			const struct hin_probe *p)
{
	switch (shapes[sender->tool].id) {
	case ID_ZMAP:
		return 54321;
	case ID_MASSCAN:
		return (uint16_t)(low32(&p->dst) ^ p->dport ^ p->seq);
	case ID_ZERO:
		return 0;
	case ID_RANDOM:
	default:
		return (uint16_t)hin_dice_next(dice);
	}
}

void hin_sender_syn(const struct hin_sender *sender, struct hin_dice *dice, uint32_t clock,
		    struct hin_probe *p)
{
	enum hin_tool tool = sender->tool;
	uint16_t window = shapes[tool].windows[sender->key & 3];

	p->proto = IPPROTO_TCP;
	p->flags = HIN_SYN;
	p->ttl = (uint8_t)(shapes[tool].ttl - sender->hops);
	if (tool == HIN_TOOL_NMAP) /* it starts anywhere from 37 to 59 */
		p->ttl = (uint8_t)(hin_dice_range(dice, 37, 59) - sender->hops);
	p->dont_fragment = shapes[tool].dont_fragment;
	p->layout = shapes[tool].layout;
	p->clock = clock + sender->key;
	p->window = window != 1 ? window : (uint16_t)hin_dice_next(dice);
	if (p->sport == 0)
		p->sport = pick_sport(sender, dice);
	p->seq = pick_seq(sender, dice, p);
	p->id = pick_id(sender, dice, p);
}

#define PAYLOAD(text) text, sizeof(text) - 1

/* What is asked of popular UDP services. Weights are of 1,000; the rest goes to any port, empty. */
static const struct {
	uint16_t port, weight;
	const char *bytes;
	uint16_t size;
} questions[] = {
	{ 5060, 180,
	  PAYLOAD("OPTIONS sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;"
		  "branch=z9hG4bK-1;rport\r\nMax-Forwards: 70\r\nTo: \"x\"<sip:100@192.0.2.1>\r\n"
		  "From: \"x\"<sip:100@192.0.2.1>;tag=1\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
		  "Contact: <sip:100@192.0.2.1:5060>\r\nAccept: application/sdp\r\n"
		  "Content-Length: 0\r\n\r\n") },
	{ 53, 130,
	  PAYLOAD("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07"
		  "example\x03"
		  "com\x00\x00\xff\x00\x01") },
	{ 123, 110, PAYLOAD("\x17\x00\x03\x2a\x00\x00\x00\x00") },
	{ 161, 90,
	  PAYLOAD("\x30\x26\x02\x01\x01\x04\x06public\xa5\x19\x02\x04\x00\x00\x00\x01\x02\x01\x00"
		  "\x02"
		  "\x01\x14\x30\x0b\x30\x09\x06\x05\x2b\x06\x01\x02\x01\x05\x00") },
	{ 1900, 80,
	  PAYLOAD("M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nMan: \"ssdp:discover\"\r\n"
		  "MX: 1\r\nST: ssdp:all\r\n\r\n") },
	{ 11211, 50, PAYLOAD("\x00\x01\x00\x00\x00\x01\x00\x00stats\r\n") },
	{ 389, 50,
	  PAYLOAD("\x30\x25\x02\x01\x01\x63\x20\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01"
		  "\x00"
		  "\x01\x01\x00\x87\x0bobjectclass\x30\x00") },
	{ 500, 30,
	  PAYLOAD("\x5b\x5e\x64\xc0\x3e\x99\xb5\x11\x00\x00\x00\x00\x00\x00\x00\x00\x01\x10\x02"
		  "\x00\x00\x00\x00\x00\x00\x00\x00\x1c") },
	{ 47808, 20,
	  PAYLOAD("\x81\x0a\x00\x11\x01\x04\x00\x05\x01\x0c\x0c\x02\x3f\xff\xff\x19\x4b") },
	{ 3702, 20, PAYLOAD("<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"/>") },
	{ 137, 20,
	  PAYLOAD("\x80\xf0\x00\x10\x00\x01\x00\x00\x00\x00\x00\x00\x20"
		  "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\x00\x00\x21\x00\x01") },
	{ 69, 10, PAYLOAD("\x00\x01x\x00octet\x00") },
};

void hin_sender_udp(const struct hin_sender *sender, struct hin_dice *dice, struct hin_probe *p)
{
	uint32_t throw = hin_dice_below(dice, 1000);

	p->proto = IPPROTO_UDP;
	p->ttl = (uint8_t)((sender->key & 1 ? 255 : 64) - sender->hops);
	p->id = (uint16_t)hin_dice_next(dice);
	if (p->sport == 0)
		p->sport = sender->key & 2 ? sender->sport
					   : (uint16_t)hin_dice_range(dice, 1024, 65535);
	for (size_t i = 0; i < HIN_COUNT(questions); i++) {
		if (throw < questions[i].weight) {
			p->dport = questions[i].port;
			p->payload = (const uint8_t *)questions[i].bytes;
			p->payload_size = questions[i].size;
			return;
		}
		throw -= questions[i].weight;
	}
	p->dport = (uint16_t)hin_dice_range(dice, 1, 65535);
	p->payload = NULL;
	p->payload_size = (uint16_t)hin_dice_below(dice, 64);
}

void hin_sender_echo(const struct hin_sender *sender, struct hin_dice *dice, struct hin_probe *p)
{
	p->proto = hin_addr_is_v4(&p->src) ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	p->sport = p->proto == IPPROTO_ICMP ? 8 : 128;
	p->dport = 0;
	p->ttl = (uint8_t)(64 - sender->hops);
	p->id = (uint16_t)hin_dice_next(dice);
	p->seq = (uint32_t)hin_dice_next(dice);
	p->payload_size = sender->key & 1 ? 56 : 12;
}
