/* api_rows - rows of the desk that no module writes itself, as JSON or CSV, by a table of columns.
 */
#pragma once
#include "hub/door/api_priv.h"

/*
 * A column of an answer, in the order of the statement: 't' text, 'i' number, 'd' id or null, 'u'
 * time, 'a' address, 'b' yes or no, 'j' JSON of our own making.
 */
struct api_column {
	const char *name;
	char type;
};

/* Append a row as a JSON object; as it stands, behind others in a list. */
void api_columns_json(struct hin_buffer *out, sqlite3_stmt *s, const struct api_column *columns,
		      size_t count);

/* Append the rows of the bound statement, as objects behind each other. */
HIN_MUST_USE enum hin_code api_rows_json(struct api_call *call, sqlite3_stmt *s,
					 const struct api_column *columns, size_t count,
					 struct hin_error *err);

/*
 * Append the names of the columns and all rows as CSV (RFC 4180, lines end with CR LF). A cell that
 * a spreadsheet would run as a formula begins with an apostrophe.
 */
HIN_MUST_USE enum hin_code api_rows_csv(struct api_call *call, sqlite3_stmt *s,
					const struct api_column *columns, size_t count,
					struct hin_error *err);

/* Append one cell so. */
void api_csv_cell(struct hin_buffer *out, const char *text);

/* The answer as a file to be kept, called NAME-20261122T021000Z.ENDING. */
void api_as_file(struct api_call *call, const char *type, const char *name, const char *ending);

/* The address of the query, when it is given; false when it is none: the call is refused. */
bool api_query_address(struct api_call *call, const char *name, struct hin_addr *out, bool *given);
