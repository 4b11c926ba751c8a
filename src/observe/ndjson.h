/*
 * ndjson - a row of observations as one line of JSON, loss-free both ways.
 *
 * Keys are the names of the fields, in the order of the registry; what is not given is left out.
 *   time                      "2026-11-22T02:28:54.123456Z", always six digits and Z; what is read
 * may have none or up to nine (RFC 3339), and is cut to microseconds src, dst                  text
 * (RFC 5952; IPv4 dotted) kind, tool, rule, ...     the registry's name, or the number when it has
 * none tags                      array of names and numbers duration, packets, bytes  a number, or
 * decimal text above 2^53 - 1, which doubles cannot hold link, parent, product     16 hexadecimal
 * digits; a known product by its name device, artifact, evidence  hexadecimal digits the rest
 * numbers schema/observation.schema.json says the same to programs.
 *
 * Threads: one thread at a time for each writer; else pure functions.
 */
#pragma once
#include "base/buffer.h"
#include "observe/observation.h"

#define HIN_NDJSON_LINE 4096 /* longest line written, with its newline */
#define HIN_NDJSON_READ 8192 /* longest line read */

/* What the writer remembers from row to row to be fast; { 0 } is a new one. */
struct hin_ndjson_writer {
	int64_t second; /* of `text`; the text counts when `filled` */
	bool filled;
	char text[20]; /* "2026-11-22T02:28:54." */
};

/*
 * Write `row` as a line with its newline to `out`, which has room for HIN_NDJSON_LINE bytes, and
 * return its length; there is no NUL. The row has passed hin_observation_check(); of one that has
 * not, what no line can say (a time outside of its range, a byte no version has) is left out.
 */
size_t hin_ndjson_write(struct hin_ndjson_writer *w, const struct hin_observation *row, char *out);

/* The same to the end of `out`, which fails as buffers do. */
void hin_ndjson_add(struct hin_ndjson_writer *w, const struct hin_observation *row,
		    struct hin_buffer *out);

/*
 * Read one line (a newline at its end is fine) into `*row` and check it as hin_observation_check()
 * does. HIN_EFORMAT for what is no JSON object or holds an unknown key or a wrong type, HIN_ERANGE
 * for a value out of range, HIN_ELIMIT for a line over HIN_NDJSON_READ; `err` begins with
 * "line N:" of `line_number` and names the key.
 */
HIN_MUST_USE enum hin_code hin_ndjson_read(struct hin_observation *row, const char *line,
					   size_t size, uint64_t line_number,
					   struct hin_error *err);
