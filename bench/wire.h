/*
 * wire - a probe described by its fields, and the frame made of it.
 *
 * Frames are Ethernet II, padded to the 60 bytes that arrive at least. Lengths and headers are
 * right; checksums are zero, as a telescope does not look at them.
 *
 * Ownership: everything is the caller's.
 * Threads:   pure functions.
 */
#pragma once
#include "base/addr.h"

#define HIN_WIRE_MAX 2048

enum hin_layout { /* TCP options in the order their sender writes them */
		  HIN_LAYOUT_NONE,
		  HIN_LAYOUT_MSS,     /* MSS: Masscan, nmap, ZMap's smallest */
		  HIN_LAYOUT_LINUX,   /* MSS, SACK permitted, timestamp, NOP, scale 7 */
		  HIN_LAYOUT_WINDOWS, /* MSS, NOP, scale 8, NOP, NOP, SACK permitted */
		  HIN_LAYOUT_FREEBSD, /* MSS, NOP, scale 6, SACK permitted, timestamp */
		  HIN_LAYOUT_MACOS, /* MSS, NOP, scale 6, NOP, NOP, timestamp, SACK permitted, end,
				       end */
};

enum { HIN_FIN = 1, HIN_SYN = 2, HIN_RST = 4, HIN_PSH = 8, HIN_ACK = 16, HIN_URG = 32 };

struct hin_probe {
	struct hin_addr src, dst; /* both of one family */
	uint8_t proto, ttl, flags;
	bool dont_fragment, more_fragments;
	uint16_t fragment_offset; /* in bytes; other than 0: no transport header is written */
	uint16_t id;
	uint16_t sport, dport; /* ICMP: type and code */
	uint16_t window;
	uint32_t seq, ack;
	enum hin_layout layout;
	uint32_t clock;		/* value of the timestamp option */
	const uint8_t *payload; /* borrowed; NULL: that many zeros */
	uint16_t payload_size;
	uint16_t rest;			/* UDP: bytes of the datagram that later fragments carry */
	const struct hin_probe *quoted; /* ICMP error: the packet it is about */
};

/* Write the frame of `probe` to `frame` of HIN_WIRE_MAX bytes and return its size. */
size_t hin_wire_build(const struct hin_probe *probe, uint8_t *frame);
