#include "text/table.h"

#include <stdlib.h>

#include "base/arena.h"
#include "text/words.h"

#define BETWEEN 2   /* columns between columns */
#define NARROWEST 8 /* a column that shrinks keeps these */

struct cell {
	const char *text;
	size_t width;
	enum hin_style style;
};

struct hin_table {
	const struct hin_column *columns;
	size_t count;
	struct hin_arena texts;
	struct cell *cells;
	size_t used, size;
	bool failed;
};

struct hin_table *hin_table_new(const struct hin_column *columns, size_t count)
{
	struct hin_table *table = malloc(sizeof(*table));

	if (table != NULL)
		*table = (struct hin_table){ .columns = columns, .count = count };
	return table;
}

void hin_table_free(struct hin_table *table)
{
	if (table == NULL)
		return;
	hin_arena_fini(&table->texts);
	free(table->cells);
	free(table);
}

/* Add a cell with `text`, which belongs to the arena; NULL when there was no memory for it. */
static void add_cell(struct hin_table *table, enum hin_style style, const char *text)
{
	if (table->used == table->size) {
		size_t size = table->size > 0 ? table->size * 2 : 64;
		struct cell *cells = reallocarray(table->cells, size, sizeof(*cells));

		if (cells == NULL) {
			table->failed = true;
			return;
		}
		table->cells = cells;
		table->size = size;
	}
	if (text == NULL) {
		table->failed = true;
		text = "";
	}
	table->cells[table->used++] =
		(struct cell){ .text = text, .width = hin_width_of(text), .style = style };
}

void hin_table_cell(struct hin_table *table, const char *text)
{
	hin_table_cell_styled(table, HIN_STYLE_PLAIN, text);
}

void hin_table_cellf(struct hin_table *table, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add_cell(table, HIN_STYLE_PLAIN, hin_arena_vprintf(&table->texts, fmt, args));
	va_end(args);
}

void hin_table_cell_styled(struct hin_table *table, enum hin_style style, const char *text)
{
	add_cell(table, style, hin_arena_strdup(&table->texts, text));
}

void hin_table_count(struct hin_table *table, uint64_t value)
{
	char text[HIN_WORDS_TEXT];

	hin_table_cell(table, hin_words_count(text, value));
}

void hin_table_end_row(struct hin_table *table)
{
	while (table->used % table->count != 0 && !table->failed)
		hin_table_cell(table, "");
}

size_t hin_table_rows(const struct hin_table *table)
{
	return (table->used + table->count - 1) / table->count;
}

static bool has_titles(const struct hin_table *table)
{
	for (size_t c = 0; c < table->count; c++)
		if (table->columns[c].title != NULL)
			return true;
	return false;
}

/* Take `over` columns from those that shrink, one by one from the widest. */
static void shrink(const struct hin_table *table, size_t *widths, size_t over)
{
	for (; over > 0; over--) {
		size_t widest = table->count;

		for (size_t c = 0; c < table->count; c++)
			if (table->columns[c].shrinks && widths[c] > NARROWEST &&
			    (widest == table->count || widths[c] > widths[widest]))
				widest = c;
		if (widest == table->count)
			return;
		widths[widest]--;
	}
}

static void measure(const struct hin_table *table, size_t *widths, size_t room)
{
	size_t whole = BETWEEN * (table->count - 1);

	for (size_t c = 0; c < table->count; c++) {
		const struct hin_column *column = &table->columns[c];

		widths[c] = column->title != NULL ? hin_width_of(column->title) : 0;
		for (size_t i = c; i < table->used; i += table->count)
			if (table->cells[i].width > widths[c])
				widths[c] = table->cells[i].width;
		if (column->most > 0 && widths[c] > column->most)
			widths[c] = column->most;
		whole += widths[c];
	}
	if (whole > room)
		shrink(table, widths, whole - room);
}

/* Append a cell in its width; spaces after the last text of a line are not written. */
static void print_cell(struct hin_buffer *out, const struct cell *cell, size_t width,
		       enum hin_align align, bool color, size_t *spaces)
{
	size_t fill = cell->width < width ? width - cell->width : 0;
	size_t used;

	if (cell->width == 0) {
		*spaces += width;
		return;
	}
	hin_buffer_fill(out, ' ', *spaces + (align == HIN_RIGHT ? fill : 0));
	hin_style_start(out, cell->style, color);
	used = hin_width_cut(out, cell->text, width);
	hin_style_end(out, cell->style, color);
	*spaces = align == HIN_RIGHT ? 0 : fill;
	if (cell->width > width)
		*spaces = width - used;
}

static void print_line(struct hin_buffer *out, const struct hin_table *table,
		       const struct cell *cells, const size_t *widths,
		       const struct hin_table_layout *layout)
{
	size_t spaces = layout->indent;

	for (size_t c = 0; c < table->count; c++) {
		print_cell(out, &cells[c], widths[c], table->columns[c].align, layout->color,
			   &spaces);
		spaces += BETWEEN;
	}
	hin_buffer_putc(out, '\n');
}

enum hin_code hin_table_print(const struct hin_table *table, struct hin_buffer *out,
			      const struct hin_table_layout *layout)
{
	size_t width = layout->width > 0 ? layout->width : 80;
	size_t room = width > layout->indent ? width - layout->indent : 0;
	size_t *widths = calloc(table->count, sizeof(*widths));
	struct cell *line = calloc(table->count, sizeof(*line));

	if (widths == NULL || line == NULL || table->failed) {
		free(widths);
		free(line);
		return HIN_ENOMEM;
	}
	measure(table, widths, room);
	for (size_t c = 0; c < table->count; c++) {
		line[c].text = table->columns[c].title != NULL ? table->columns[c].title : "";
		line[c].width = hin_width_of(line[c].text);
		line[c].style = HIN_STYLE_BOLD;
	}
	if (has_titles(table))
		print_line(out, table, line, widths, layout);
	for (size_t i = 0; i < table->used; i += table->count) {
		for (size_t c = 0; c < table->count; c++)
			line[c] = i + c < table->used ? table->cells[i + c]
						      : (struct cell){ .text = "" };
		print_line(out, table, line, widths, layout);
	}
	free(widths);
	free(line);
	return HIN_OK;
}
