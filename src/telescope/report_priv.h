/* report_priv - what the forms of the report share: the sink, texts of values, words, tables. */
#pragma once
#include <math.h>

#include "base/buffer.h"
#include "base/geo.h"
#include "base/time.h"
#include "telescope/names.h"
#include "telescope/report.h"

#define REPORT_ADDR_TEXT HIN_PREFIX_TEXT

/* Text on its way to `out`; failures are kept until hin_report_sink_end(). */
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

/* Do packets of this protocol carry ports? */
bool hin_report_has_ports(uint8_t proto);

/* The transport protocol that a class of packets names; 0 for "other". */
uint8_t hin_report_class_proto(enum hin_class class);

/* ICMP: the name of a type with its family ("icmp-echo-request", "icmp6-type-200"). */
const char *hin_report_icmp_name(char out[64], bool v6, uint8_t type);

/* 64 lower-case hex digits of a digest (or the first `bytes` of it). */
const char *hin_report_hex(char *out, const uint8_t *digest, size_t bytes);

/* Microseconds from first to last, 0 when the clock ran back. */
int64_t hin_report_span_us(int64_t first_us, int64_t last_us);

/* What the tables of countries and networks know of `addr`; empty where they know nothing. */
void hin_report_place(struct hin_geo_info *out, const struct hin_report_options *options,
		      const struct hin_addr *addr);

/* --- for people: report_words.c --- */

/* One of two texts by language. */
static inline const char *either(enum hin_lang lang, const char *en, const char *ja)
{
	return lang == HIN_JA ? ja : en;
}

/* Append one of two formatted texts by language; both are checked against the values. */
#define SAY(buffer, lang, en, ja, ...)                                                             \
	do {                                                                                       \
		if ((lang) == HIN_JA)                                                              \
			hin_buffer_printf((buffer), (ja), __VA_ARGS__);                            \
		else                                                                               \
			hin_buffer_printf((buffer), (en), __VA_ARGS__);                            \
	} while (0)

const char *hin_report_kind_word(enum hin_packet_kind kind, enum hin_lang lang);
const char *hin_report_class_word(enum hin_class class, enum hin_lang lang);
const char *hin_report_tool_word(enum hin_tool tool, enum hin_lang lang);
const char *hin_report_scan_word(enum hin_scan_type scan, enum hin_lang lang);
const char *hin_report_refusal_word(enum hin_refusal reason, enum hin_lang lang);
const char *hin_report_fault_word(enum hin_capture_fault fault, enum hin_lang lang);

/* Append a whole number: exact up to seven digits, then "12.3 M", "1230万". */
void hin_report_count(struct hin_buffer *out, uint64_t value, enum hin_lang lang);

/* Append an estimate, rounded to two digits: "2,100", "34 M". Nothing when it is not above 0. */
void hin_report_estimate(struct hin_buffer *out, double value, enum hin_lang lang);

/* Append "2017-09-10 17:52:28 UTC". */
void hin_report_moment(struct hin_buffer *out, int64_t time_us);

/* Append "09-10 17:52", with the year where the picture spans years; for a head that says UTC. */
void hin_report_moment_short(struct hin_buffer *out, int64_t time_us,
			     const struct hin_picture *picture);

/* Append how long from first to last; "-" for an instant. */
void hin_report_span(struct hin_buffer *out, int64_t first_us, int64_t last_us, enum hin_lang lang);

/* Append "23 telnet" (or "31338/tcp"). */
void hin_report_port(struct hin_buffer *out, uint8_t proto, uint16_t port);

/* Append the busiest ports, "23 telnet, 2323 +210": at most `most` of them named. */
void hin_report_ports(struct hin_buffer *out, uint8_t proto, const struct hin_port_count *top,
		      unsigned count, uint64_t ports, unsigned most);

/* --- the verdict: report_verdict.c --- */

enum level { LEVEL_CALM, LEVEL_NOTE, LEVEL_WARN, LEVEL_ALARM };

#define REPORT_VERDICT_LINES 16

struct verdict_line {
	enum level level;
	char text[1024];
};

/* What a person must know first, the worst first, in at most REPORT_VERDICT_LINES lines. */
size_t hin_report_verdict(struct verdict_line lines[REPORT_VERDICT_LINES],
			  const struct hin_picture *picture, enum hin_lang lang);

/* --- tables for text and page: report_tables.c --- */

#define REPORT_COLUMNS 18
#define REPORT_CELL 240

struct report_column {
	const char *head;
	const char *look; /* class on the page beside what follows from the rest, or NULL */
	bool right;	  /* a number */
	uint8_t least;	  /* may be cut down to this on a narrow terminal; 0: never cut */
	uint8_t keep; /* 0: on the page alone; else those with less go first when space is short */
};

/* One row as it is filled; outside text in cells is escaped for a terminal, not yet for HTML. */
struct report_cells {
	struct hin_buffer at[REPORT_COLUMNS];
	double share; /* of the whole, 0-1: length of the row's bar */
	uint64_t id;  /* by which commands name it, or 0 */
	enum level level;
	char memory[REPORT_COLUMNS][REPORT_CELL];
};

struct report_table {
	const char *id;	   /* anchor on the page */
	const char *title; /* in the reader's language, as all below */
	const char *lead;  /* what the numbers mean, or NULL */
	const char *empty; /* said when there are no rows; NULL: the section is left out then */
	struct report_column columns[REPORT_COLUMNS];
	size_t column_count;
	size_t rows;	/* in the picture */
	uint64_t total; /* before the limit on lists */
	bool bars;	/* rows have shares to be drawn */
	bool summary;	/* a short list by its nature: shown whole where possible */
	const struct hin_picture *picture;
	const struct hin_report_options *options;
	enum hin_lang lang;
	void (*row)(struct report_cells *cells, const struct report_table *table, size_t row);
};

/* The tables in the order of telling. */
enum report_table_id {
	TABLE_MEMBERS,
	TABLE_VICTIMS,
	TABLE_AMPLIFICATION,
	TABLE_FLOODS,
	TABLE_RISING,
	TABLE_EVENTS,
	TABLE_PORTS,
	TABLE_TOOLS,
	TABLE_KINDS,
	TABLE_MARKS,
	TABLE_REFUSED,
	TABLE_LOST,
	TABLE_INPUTS,
	TABLE_COUNT
};

/* Set up table `id` of `picture`; both and `options` are borrowed while the table is in use. */
void hin_report_table(struct report_table *table, enum report_table_id id,
		      const struct hin_picture *picture, const struct hin_report_options *options);

/* Fill `cells` with row `row` of `table`; they are valid while `cells` stays where it is. */
void hin_report_cells(struct report_cells *cells, const struct report_table *table, size_t row);

/* --- the page: report_html.c, report_chart.c --- */

/* Append text for HTML. It must be safe for a terminal already: only markup is still escaped. */
void hin_report_markup(struct hin_buffer *out, const char *text);

/* Append the chart of packets over time, one colour a kind; nothing without a series. */
void hin_report_chart(struct hin_buffer *out, const struct hin_picture *picture,
		      enum hin_lang lang);

/* Append small charts of the busiest ports; nothing without them. */
void hin_report_multiples(struct hin_buffer *out, const struct hin_picture *picture,
			  enum hin_lang lang);

/* Append a bar of `share` (0-1) of its cell. */
void hin_report_bar(struct hin_buffer *out, double share);
