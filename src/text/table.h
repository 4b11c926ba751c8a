/*
 * table - aligned columns for a terminal.
 *
 * Cells are given row by row, then the table is printed. A cell that is wider than its column is
 * cut. Text in cells is shown as it is: outside bytes are escaped before (base/escape.h).
 *
 * Ownership: the caller owns a table and ends it with hin_table_free(); texts are copied, columns
 *            are borrowed and stay.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "text/style.h"
#include "text/width.h"

struct hin_column {
	const char *title; /* NULL in all columns = no line of titles */
	enum hin_align align;
	uint16_t most; /* columns at most; 0 = as wide as its cells */
	bool shrinks;  /* gives way when the table is wider than the terminal */
};

/* How a table is laid out; { 0 } is plain and 80 columns wide. */
struct hin_table_layout {
	size_t width;  /* of the whole, 0 = 80 */
	size_t indent; /* columns before each line */
	bool color;
};

struct hin_table;

/* A new table, or NULL when memory runs out. `count` > 0. */
HIN_MUST_USE struct hin_table *hin_table_new(const struct hin_column *columns, size_t count);

/* Free `table`; NULL is fine. */
void hin_table_free(struct hin_table *table);

/*
 * Add the next cell, after the last one of a row the first of the next. Want of memory is kept and
 * shows in hin_table_print().
 */
void hin_table_cell(struct hin_table *table, const char *text);
void hin_table_cellf(struct hin_table *table, const char *fmt, ...) HIN_PRINTF(2, 3);
void hin_table_cell_styled(struct hin_table *table, enum hin_style style, const char *text);

/* A cell with a number, "1,234,567". */
void hin_table_count(struct hin_table *table, uint64_t value);

/* Fill the rest of a row that was begun with empty cells. */
void hin_table_end_row(struct hin_table *table);

/* Rows so far, the one that was begun included. */
size_t hin_table_rows(const struct hin_table *table);

/*
 * Append all lines, each with its newline and no space before it. When the table is too wide the
 * columns that shrink give way, the widest first, down to eight. HIN_ENOMEM when a cell was lost;
 * the state of `out` is in `out`.
 */
HIN_MUST_USE enum hin_code hin_table_print(const struct hin_table *table, struct hin_buffer *out,
					   const struct hin_table_layout *layout);
