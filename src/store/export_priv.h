/*
 * export_priv - the formats behind export.h.
 *
 * Threads: one thread at a time for each.
 */
#pragma once
#include <stdio.h>

#include "base/buffer.h"
#include "observe/ndjson.h"
#include "store/export.h"

struct hin_flowtuple;

struct hin_export {
	enum hin_export_format format;
	FILE *file;
	bool borrowed; /* `file` is not closed with it */
	char *name;    /* of the file, for messages */
	struct hin_buffer line;
	struct hin_ndjson_writer ndjson;
	struct hin_flowtuple *flowtuple;
	char host[256]; /* of syslog */
	struct hin_export_counts counts;
};

/* Append one line, or nothing (false) for a row that the format cannot say. */
bool hin_export_nfdump_row(struct hin_buffer *out, const struct hin_observation *row);
void hin_export_cef_row(struct hin_buffer *out, const char *host, const struct hin_observation *row,
			const uint8_t *sensor);
extern const char hin_export_nfdump_head[];

/* The name that nfdump gives an IP protocol, or NULL; the number of such a name, or -1. */
const char *hin_nfdump_protocol(uint8_t proto);
int hin_nfdump_protocol_number(const char *name);

/* Avro over `file`, which stays the caller's. */
HIN_MUST_USE enum hin_code hin_flowtuple_new(struct hin_flowtuple **out, FILE *file,
					     const char *name, struct hin_error *err);
/* False in `*taken` for a row that is no flow of IPv4. */
HIN_MUST_USE enum hin_code hin_flowtuple_add(struct hin_flowtuple *f,
					     const struct hin_observation *row, bool *taken,
					     struct hin_error *err);
HIN_MUST_USE enum hin_code hin_flowtuple_settle(struct hin_flowtuple *f, uint64_t *written,
						struct hin_error *err);
HIN_MUST_USE enum hin_code hin_flowtuple_end(struct hin_flowtuple *f, struct hin_error *err);
void hin_flowtuple_free(struct hin_flowtuple *f);
