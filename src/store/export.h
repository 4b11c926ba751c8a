/*
 * export - rows in the formats of other tools.
 *
 *   ndjson     our own, loss-free (observe/ndjson.h)
 *   csv        the same columns as fields, named as in NDJSON
 *   nfdump     the columns of `nfdump -o csv`, times in UTC; flows with an address
 *   flowtuple  Avro, CAIDA's FlowTuple v4: IPv4 flows put together by five minutes, source,
 *              destination /16, port and protocol. What our rows do not have (sizes of packets,
 *              TTLs, first SYN, places) is 0, empty or "??"
 *   cef        one line a row of syslog (RFC 5424) with ArcSight's Common Event Format
 *
 * Ownership: the caller owns an export and ends it with hin_export_free().
 * Threads:   one thread at a time for each.
 */
#pragma once
#include <stdio.h>

#include "base/buffer.h"
#include "observe/observation.h"

enum hin_export_format {
	HIN_EXPORT_NDJSON,
	HIN_EXPORT_CSV,
	HIN_EXPORT_NFDUMP,
	HIN_EXPORT_FLOWTUPLE,
	HIN_EXPORT_CEF,
	HIN_EXPORT_FORMATS,
};

/* Their names, in order of the enum; ends with NULL. */
extern const char *const hin_export_names[HIN_EXPORT_FORMATS + 1];

/* The format that the ending of `path` tells (.avro, .ndjson, .csv, .cef); false: none. */
bool hin_export_format_of(enum hin_export_format *out, const char *path);

/*
 * Does a record stand for several rows? Then rows are given by windows of time, each of whole
 * intervals of five minutes, with hin_export_settle() after each.
 */
bool hin_export_is_grouped(enum hin_export_format format);

struct hin_export;

/* Begin the file at `path`; "-" is standard output, not for flowtuple. */
HIN_MUST_USE enum hin_code hin_export_open(struct hin_export **out, const char *path,
					   enum hin_export_format format, struct hin_error *err);

/* The same to a file that is open, called `name` in messages; it stays the caller's. */
HIN_MUST_USE enum hin_code hin_export_open_file(struct hin_export **out, FILE *file,
						const char *name, enum hin_export_format format,
						struct hin_error *err);

/* Add a row. What the format cannot say is counted and left out. `sensor` may be NULL. */
HIN_MUST_USE enum hin_code hin_export_add(struct hin_export *e, const struct hin_observation *row,
					  const uint8_t *sensor, struct hin_error *err);

/* Write the records of the window that is over. Nothing to do for formats of single rows. */
HIN_MUST_USE enum hin_code hin_export_settle(struct hin_export *e, struct hin_error *err);

struct hin_export_counts {
	uint64_t written;  /* records */
	uint64_t left_out; /* rows that the format cannot say */
};

/* End the file: HIN_ESYS when not all of it could be written. Only hin_export_free() comes after.
 */
HIN_MUST_USE enum hin_code hin_export_finish(struct hin_export *e, struct hin_export_counts *counts,
					     struct hin_error *err);

/* Close the file and free `e`; one that was not finished is cut where it stands. NULL is fine. */
void hin_export_free(struct hin_export *e);

/* Append the line of titles of the format csv, and the line of a row. */
void hin_export_csv_head(struct hin_buffer *out);
void hin_export_csv_row(struct hin_buffer *out, const struct hin_observation *row,
			const uint8_t *sensor);
