/*
 * port_names - what ports and IP protocols are called in questions and answers.
 *
 * The names of ports are those of data/services.csv; nothing here asks the machine's own tables, so
 * that a question means the same everywhere.
 *
 * Threads: pure functions over constants.
 */
#pragma once
#include "base/suggest.h"

/*
 * The name of `port` of TCP (6) or UDP (17), of any other protocol TCP's or else UDP's; NULL when
 * there is none.
 */
const char *hin_port_name(uint8_t proto, uint16_t port);

/* The ports of TCP or UDP that are called `name`, ascending, the first `room`; returns how many. */
size_t hin_ports_named(const char *name, uint16_t *out, size_t room);

/* Offer all names of ports. */
void hin_ports_offer(struct hin_suggest *s);

/* The name of an IP protocol, or NULL. */
const char *hin_protocol_word(uint8_t proto);
