/*
 * sender - how a tool, a worm or an operating system writes its first packet.
 *
 * Rules as published by the tools' own sources (ZMap, Masscan, nmap) and by the literature (Mirai,
 * unicornscan); see the table in sender.c.
 *
 * Threads: pure functions; the dice are the caller's.
 */
#pragma once
#include "dice.h"
#include "truth.h"
#include "wire.h"

/* One sender: what stays the same over all its packets. */
struct hin_sender {
	enum hin_tool tool;
	uint8_t hops;	/* between it and us */
	uint32_t key;	/* its run's own random number */
	uint16_t sport; /* the one source port of a tool that keeps it */
};

/*
 * Fill `probe`, whose addresses and `dport` are set, as a TCP SYN of `sender`; `sport` is kept when
 * it is not 0.
 */
void hin_sender_syn(const struct hin_sender *sender, struct hin_dice *dice, uint32_t clock,
		    struct hin_probe *probe);

/* A UDP probe to a popular port with a payload that fits it; addresses are set. */
void hin_sender_udp(const struct hin_sender *sender, struct hin_dice *dice,
		    struct hin_probe *probe);

/* An ICMP or ICMPv6 echo request; addresses are set. */
void hin_sender_echo(const struct hin_sender *sender, struct hin_dice *dice,
		     struct hin_probe *probe);
