/*
 * report - a picture, told: as text or a page for people, as JSON or CSV for programs.
 *
 * The reports say what the picture says and no more: no world-wide estimate where the size of the
 * dark space is unknown, no name where the table has none. The same picture and options give the
 * same bytes. Outside text (file names, member names) is escaped in each form. All times are UTC.
 *
 * Lists are written row by row; nothing is built in memory but a line at a time.
 *
 * Ownership: nothing is kept; `out` stays the caller's and is neither flushed nor closed.
 * Threads:   any; a picture is only read.
 */
#pragma once
#include <stdio.h>

#include "base/lang.h"
#include "telescope/picture.h"

struct hin_geo;

struct hin_report_options {
	enum hin_lang lang; /* of text and page */
	bool colour;	    /* text: with terminal colours */
	unsigned width;	    /* text: columns of the terminal; 0 = 80, never wider than 80 */
	unsigned rows;	    /* text and page: longest table; 0 = 10 in text, 50 on the page */
	struct hin_geo *const *geo; /* tables of country and AS; the first that knows counts */
	size_t geo_count;	    /* 0: nothing is said of places */
	const char *program;	    /* "hinomi 0.1.0": said where given, or NULL */
};

/*
 * All four: `options` may be NULL (English, no colour). HIN_ESYS when `out` cannot be written,
 * HIN_ENOMEM when memory ran out; then part of the report may have been written.
 */

/* For a person at a terminal: the verdict first, then aligned tables. */
HIN_MUST_USE enum hin_code hin_report_text(FILE *out, const struct hin_picture *picture,
					   const struct hin_report_options *options,
					   struct hin_error *err);

/* One self-contained HTML page with charts; it loads nothing and runs no script. */
HIN_MUST_USE enum hin_code hin_report_html(FILE *out, const struct hin_picture *picture,
					   const struct hin_report_options *options,
					   struct hin_error *err);

/* One JSON document; schema/telescope-report.schema.json says what is in it. */
HIN_MUST_USE enum hin_code hin_report_json(FILE *out, const struct hin_picture *picture,
					   const struct hin_report_options *options,
					   struct hin_error *err);

/* The lists that CSV can tell. name is that of the first column. */
#define HIN_REPORT_LISTS(X)                                                                        \
	X(HIN_REPORT_EVENTS, "events")                                                             \
	X(HIN_REPORT_VICTIMS, "victims")                                                           \
	X(HIN_REPORT_FLOODS, "floods")                                                             \
	X(HIN_REPORT_AMPLIFICATION, "amplification")                                               \
	X(HIN_REPORT_MEMBERS, "members")                                                           \
	X(HIN_REPORT_PORTS, "ports")                                                               \
	X(HIN_REPORT_RISING, "rising")

enum hin_report_list {
#define X(name, text) name,
	HIN_REPORT_LISTS(X)
#undef X
		HIN_REPORT_LIST_COUNT
};

/* The name of a list ("events"), or NULL; static. */
const char *hin_report_list_name(enum hin_report_list list);

/*
 * One list as CSV (RFC 4180, UTF-8, CRLF): a header row, then a row each. No cell can be taken for
 * a formula by a spreadsheet.
 */
HIN_MUST_USE enum hin_code hin_report_csv(FILE *out, enum hin_report_list list,
					  const struct hin_picture *picture,
					  const struct hin_report_options *options,
					  struct hin_error *err);
