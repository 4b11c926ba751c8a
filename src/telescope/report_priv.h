/* report_priv - what the forms of the report share: the sink, texts of values. */
#pragma once
#include <math.h>

#include "base/buffer.h"
#include "base/time.h"
#include "telescope/names.h"
#include "telescope/report.h"

#define REPORT_ADDR_TEXT HIN_PREFIX_TEXT
#define REPORT_NUMBER_TEXT 40

/* Text on its way to `out`; failures are kept until sink_end(). */
struct sink {
	FILE *out;
	struct hin_buffer text;
	int sys; /* errno of the first write that failed, or 0 */
};

/* Write out what has gathered when it is much. Call after each row. */
void hin_report_sink_row(struct sink *sink);

/* Write the rest, free the buffer and say how it went. */
enum hin_code hin_report_sink_end(struct sink *sink, struct hin_error *err);

/* ISO 8601 UTC with µs; years beyond what nanoseconds can say stay at the last that they can. */
const char *hin_report_time_iso(char out[HIN_TIME_TEXT], int64_t time_us);

/* Nanoseconds of `us`, held at the ends of the range. */
int64_t hin_report_ns(int64_t us);

/* The source of an event: an address, or a network with its length. */
const char *hin_report_source(char out[REPORT_ADDR_TEXT], const struct hin_event *event);

/* "http", "many" for many ports, the protocol where there are no ports. */
const char *hin_report_victim_service(char out[HIN_SERVICE_TEXT], const struct hin_victim *victim);

/* "dns", "ntp", or the flooded port's service. */
const char *hin_report_flood_service(char out[HIN_SERVICE_TEXT], const struct hin_flood *flood,
				     bool amplification);

/* "tcp", "udp", or "ip-253" for a protocol without a name. */
const char *hin_report_protocol(char out[HIN_SERVICE_TEXT], uint8_t proto);

/* The transport protocol that a class of packets names; 0 for "other". */
uint8_t hin_report_class_proto(enum hin_class class);

/* ICMP: the name of a type with its family ("icmp-echo-request", "icmp6-type-200"). */
const char *hin_report_icmp_name(char out[64], bool v6, uint8_t type);

/* 64 lower-case hex digits of a digest (or the first `bytes` of it). */
const char *hin_report_hex(char *out, const uint8_t *digest, size_t bytes);

/* Microseconds from first to last, 0 when the clock ran back. */
int64_t hin_report_span_us(int64_t first_us, int64_t last_us);
