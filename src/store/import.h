/*
 * import - rows out of the lines of other tools' files.
 *
 *   ndjson  our own (observe/ndjson.h)
 *   nfdump  `nfdump -o csv`: columns by the names in its first line; ts, sa and da must be there.
 *           Times are local there and carry no zone, so the caller says which one it was. Packets
 *           and bytes of the way back (opkt, obyt), interfaces, AS and the rest are not kept.
 *
 * Ownership: an import is the caller's storage and needs no end.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "observe/observation.h"

#define HIN_IMPORT_LINE 8192 /* longest line */

enum hin_import_format { HIN_IMPORT_NDJSON, HIN_IMPORT_NFDUMP, HIN_IMPORT_FORMATS };

/* Their names, in order of the enum; ends with NULL. */
extern const char *const hin_import_names[HIN_IMPORT_FORMATS + 1];

/* The columns of nfdump that are read. */
enum hin_import_column {
	HIN_IMPORT_TS,
	HIN_IMPORT_TE,
	HIN_IMPORT_TD,
	HIN_IMPORT_SA,
	HIN_IMPORT_DA,
	HIN_IMPORT_SP,
	HIN_IMPORT_DP,
	HIN_IMPORT_PR,
	HIN_IMPORT_FLG,
	HIN_IMPORT_IPKT,
	HIN_IMPORT_IBYT,
	HIN_IMPORT_COLUMNS,
};

/* Set `format`, `kind` and `zone_s`; the rest is { 0 } at first. */
struct hin_import {
	enum hin_import_format format;
	uint16_t kind;	/* of rows that say none: those of nfdump */
	int32_t zone_s; /* seconds that the times of nfdump are ahead of UTC */
	uint64_t line;	/* number of the last one */
	bool titles;	/* the first line was read */
	bool end;	/* the summary behind the rows was met */
	uint8_t position[HIN_IMPORT_COLUMNS]; /* 1 is the first, 0: not there */
};

/*
 * Read the next line, of `size` bytes without its newline, into `*row`. HIN_EAGAIN for one that is
 * no row (empty, titles, summary). Else HIN_EFORMAT, HIN_ERANGE, HIN_ELIMIT or HIN_EDENIED, with
 * "line N: ..." in `err`, as hin_ndjson_read(); the next line can be read all the same, but for
 * HIN_EUSAGE: the file is of another format.
 */
HIN_MUST_USE enum hin_code hin_import_line(struct hin_import *im, const char *line, size_t size,
					   struct hin_observation *row, struct hin_error *err);
