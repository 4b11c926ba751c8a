/*
 * names - what a port is called, and what that means in plain words.
 *
 * The tables are data/services.csv and data/amplifiers.csv, compiled in. Nothing here asks a name
 * server: a reverse look-up would tell the attacker that he is watched.
 *
 * Threads: pure functions over constants.
 */
#pragma once
#include "base/lang.h"

#define HIN_SERVICE_TEXT 32 /* longest text of hin_service_text(), with its NUL */

/* One bit a port: some amplifier of data/amplifiers.csv answers from it. */
extern const uint64_t hin_amplifier_ports[1024];

/* Do known amplifiers answer from UDP port `sport`? */
static inline bool hin_is_amplifier_port(uint16_t sport)
{
	return hin_amplifier_ports[sport >> 6] >> (sport & 63) & 1;
}

/* The amplifier that answers from `sport` ("dns"), or NULL; static, in constant time. */
const char *hin_amplifier_name(uint8_t proto, uint16_t sport);

/*
 * Do clients of the amplifier at `sport` commonly ask from the same port (ISAKMP, SIP, NetBIOS...)?
 * Then the source port alone does not tell an answer from a question. False when it is none.
 */
bool hin_amplifier_is_two_way(uint16_t sport);

/* What kind of machine the amplifier at `sport` is, in plain words, or NULL; static. */
const char *hin_amplifier_meaning(uint16_t sport, enum hin_lang lang);

/* The short name of a service ("http"), or NULL when the table has none; static, in constant time.
 */
const char *hin_service_name(uint8_t proto, uint16_t port);

/* What listens there, in plain words, or NULL when the table has none; static. */
const char *hin_service_meaning(uint8_t proto, uint16_t port, enum hin_lang lang);

/* The service's name, or "8000/tcp" without one, into `out`; returns `out`. */
char *hin_service_text(char out[HIN_SERVICE_TEXT], uint8_t proto, uint16_t port);

/* "tcp", "udp", "icmp"... for an IANA protocol number, or NULL; static. */
const char *hin_protocol_name(uint8_t proto);
