/*
 * store_rows - flows as a telescope of a /16 writes them, the same from the same number.
 *
 * About a million sources, of which one in a hundred sends half; each has its ways: one port or
 * some or any, its own source port or random ones, a tool that shows. Most flows are one packet. A
 * minute's flows come mixed.
 */
#pragma once
#include "observe/observation.h"

#define ROWS_SOURCES 1050000u
#define ROWS_START INT64_C(1763769600000000)

/* splitmix64 */
static inline uint64_t rows_mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* The address of source number `s`: somewhere that is routed. */
static inline uint32_t rows_source(uint32_t s)
{
	uint64_t h = rows_mix(s * UINT64_C(7919) + 1);

	return ((uint32_t)(h % 222) + 1) << 24 | (uint32_t)(h >> 40);
}

/* Row number `n` of a minute that has `a_minute` rows. */
static inline void rows_flow(uint64_t n, uint64_t a_minute, struct hin_observation *o)
{
	static const uint16_t top[] = { 23,   23,   23,	  23,	445,   22,   22,   80,
					8080, 443,  3389, 2323, 5060,  5555, 8728, 6379,
					1433, 3306, 53,	  81,	37215, 7547 };
	uint64_t r = rows_mix(n * 2), q = rows_mix(n * 2 + 1), way;
	double u = (double)(r >> 11) * 0x1p-53;
	uint32_t s = (uint32_t)(u * u * u * u * u * u * ROWS_SOURCES);

	way = rows_mix(s + UINT64_C(0x1234567));
	*o = (struct hin_observation){ .kind = HIN_KIND_TELESCOPE_FLOW, .proto = 6 };
	o->time_us = ROWS_START + (int64_t)(n / a_minute) * 60000000;
	o->duration_us = 60000000;
	o->src = hin_addr_of_v4(rows_source(s));
	o->dst = hin_addr_of_v4(0xc6120000u | (uint32_t)(q & 0xffff));
	o->has = HIN_HAS_SRC | HIN_HAS_DST;
	o->sport =
		way >> 8 & 3 ? (uint16_t)(1024 + (q >> 16) % 64512) : (uint16_t)(way >> 24 | 1024);
	if ((way & 15) < 12)
		o->dport = top[(way >> 40) % HIN_COUNT(top)];
	else if ((way & 15) < 14)
		o->dport = top[(q >> 32) % HIN_COUNT(top)];
	else
		o->dport = (uint16_t)(q >> 32);
	if ((way >> 12 & 15) == 0 || o->dport == 53 || o->dport == 5060)
		o->proto = 17;
	o->tcp_flags = o->proto == 6 ? ((way >> 16 & 31) == 0 ? 0x12 : 2) : 0;
	o->tool = o->proto == 6 && (way >> 20 & 7) < 3 ? (uint16_t)(1 + (way >> 20 & 7)) : 0;
	o->confidence = o->tool != 0 ? 90 : 0;
	o->packets = (q >> 48 & 7) == 0 ? 2 + (q >> 51 & 3) : 1;
	o->bytes = o->packets * (o->proto == 6 ? (way >> 28 & 1 ? 40u : 60u)
					       : 60u + (uint32_t)(way >> 30) % 400);
}
