/*
 * marks - what one packet shows of its sender: a tool's signature, an impossible source.
 *
 * Every packet is looked at. A mark is not yet a claim: judge.c weighs marks against chance.
 * Signatures and their sources:
 *   ZMap           IP ID 54321 (zmap before 2024-03; zmap pull request 798 made it random)
 *   ZMap, newer    TTL near 255, window 65535, one of its option layouts, source port 32768-61000
 *   Masscan        IP ID = low 16 bits of (address ^ port ^ sequence) (masscan, templ-pkt.c)
 *   Mirai and kin  sequence = destination address (Antonakakis et al., USENIX Security 2017)
 *   unicornscan    sequence ^ address ^ ports constant within a run; needs two packets
 *   nmap -sS       window 1024-4096, MSS alone, sequence pairs; needs two packets
 *   hping3         window 64 or 512, no options, no DF
 *   stacks         order of the TCP options (as p0f's "olayout")
 */
#pragma once
#include "base/prefix.h"
#include "packet/decode.h"
#include "telescope/picture.h"

/* hin_packet.marks: a tool in the low four bits, then facts. */
enum {
	HIN_MARK_TOOL = 0xf,	       /* enum hin_tool */
	HIN_MARK_SHAPE = 1u << 4,      /* the tool's other habits agree */
	HIN_MARK_NMAP_SHAPE = 1u << 5, /* may be nmap, if its sequence numbers pair */
	HIN_MARK_BOGON = 1u << 6,      /* source is no one's: RFC 6890 and its kin */
	HIN_MARK_UNROUTABLE = 1u << 7, /* source is private or link-local */
	HIN_MARK_SPOOFED = 1u << 8,    /* source cannot have sent this */
	HIN_MARK_OUTSIDE = 1u << 9,    /* not to the dark space */
	HIN_MARK_MEMBER = 1u << 10,    /* from one of our own */
	HIN_MARK_V6 = 1u << 11,
};

/* What the marks are measured against; read-only while packets flow. */
struct hin_marker {
	const struct hin_prefix_tree *dark;   /* NULL = unknown: everything counts */
	const struct hin_prefix_tree *member; /* NULL = none */
	bool dark_single;		      /* the dark space is one IPv4 prefix */
	uint32_t dark_base, dark_mask;
	uint8_t member_v4[65536 / 8]; /* by hin_marker_set_members(): IPv4 /16s with members */
};

/* Whose packets are marked as a member's; the tree is borrowed, NULL for none. */
void hin_marker_set_members(struct hin_marker *marker, const struct hin_prefix_tree *member);

/* Set the marks of `count` packets; returns all that any of them has. */
uint32_t hin_mark(struct hin_packet *packets, size_t count, const struct hin_marker *marker);
