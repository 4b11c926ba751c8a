/* directory_lines - lines and CSV out of a file in memory; see directory_priv.h */
#include <string.h>

#include "hub/owners/directory_priv.h"

/* ---- lines ---- */

enum hin_code hin_lines_next(struct hin_lines *lines)
{
	const char *stop, *start = lines->at;
	size_t size;

	if (start == lines->end)
		return HIN_EOF;
	stop = memchr(start, '\n', (size_t)(lines->end - start));
	if (stop == NULL)
		stop = lines->end;
	lines->at = stop == lines->end ? stop : stop + 1;
	lines->number++;
	size = (size_t)(stop - start);
	if (size > 0 && start[size - 1] == '\r')
		size--;
	lines->line[0] = '\0';
	lines->size = 0;
	if (size > lines->most)
		return HIN_ELIMIT;
	if (memchr(start, '\0', size) != NULL)
		return HIN_EFORMAT;
	memcpy(lines->line, start, size);
	lines->line[size] = '\0';
	lines->size = size;
	return HIN_OK;
}

/* ---- CSV ---- */

void hin_csv_init(struct hin_csv *csv, const char *text, size_t size)
{
	*csv = (struct hin_csv){ .at = text, .end = text + size, .next_line = 1 };
	csv->memory.limit = HIN_DIRECTORY_LINE + HIN_CSV_CELLS + 1;
}

void hin_csv_fini(struct hin_csv *csv)
{
	hin_buffer_fini(&csv->memory);
}

/* One character of the row; counts lines. */
static int take(struct hin_csv *csv)
{
	int c;

	if (csv->at == csv->end)
		return -1;
	c = (unsigned char)*csv->at++;
	if (c == '\n')
		csv->next_line++;
	return c;
}

/* After a mistake: go on behind this line. */
static void pass_line(struct hin_csv *csv)
{
	int c = 0;

	if (csv->at[-1] == '\n')
		return;
	while (c != '\n' && c != -1)
		c = take(csv);
}

/* The inside of quotes, up to the closing one. */
static enum hin_code read_quoted(struct hin_csv *csv, struct hin_error *err)
{
	const char *start = csv->at;
	size_t line = csv->next_line;

	for (;;) {
		int c = take(csv);

		if (c == '"' && (csv->at == csv->end || *csv->at != '"'))
			return HIN_OK;
		if (c == '"')
			csv->at++;
		if (c == -1 || csv->memory.failed) {
			/* the rest of the file may be sound: go on behind the first line */
			csv->at = start;
			csv->next_line = line;
			pass_line(csv);
			return csv->memory.failed
				       ? hin_fail(err, HIN_ELIMIT, "a row over %d bytes",
						  HIN_DIRECTORY_LINE)
				       : hin_fail(err, HIN_EFORMAT, "a quote that does not end");
		}
		hin_buffer_putc(&csv->memory, (char)c);
	}
}

/* One cell; `*end` is what came behind it: ',', '\n' or -1. */
static enum hin_code read_cell(struct hin_csv *csv, int *end, struct hin_error *err)
{
	bool quoted = !csv->plain && csv->at < csv->end && *csv->at == '"';
	enum hin_code code;
	int c;

	if (quoted) {
		csv->at++;
		code = read_quoted(csv, err);
		if (code != HIN_OK)
			return code;
	}
	for (;;) {
		c = take(csv);
		if (c == '\r' && csv->at < csv->end && *csv->at == '\n')
			c = take(csv);
		if (c == ',' || c == '\n' || c == -1)
			break;
		if (quoted || (c == '"' && !csv->plain) || c == '\0') {
			pass_line(csv);
			return hin_fail(err, HIN_EFORMAT, "%s",
					c == '\0' ? "a NUL byte"
					: quoted  ? "text behind a closing quote"
						  : "a quote inside of a cell without quotes");
		}
		hin_buffer_putc(&csv->memory, (char)c);
	}
	hin_buffer_putc(&csv->memory, '\0');
	*end = c;
	return HIN_OK;
}

static enum hin_code read_row(struct hin_csv *csv, struct hin_error *err)
{
	int end = ',';

	csv->count = 0;
	hin_buffer_reset(&csv->memory);
	while (end == ',') {
		size_t at = csv->memory.used;
		enum hin_code code = read_cell(csv, &end, err);

		if (code != HIN_OK)
			return code;
		if (csv->memory.failed || csv->count == HIN_CSV_CELLS) {
			pass_line(csv);
			return csv->count == HIN_CSV_CELLS
				       ? hin_fail(err, HIN_ELIMIT, "more than %d cells",
						  HIN_CSV_CELLS)
				       : hin_fail(err, HIN_ELIMIT, "a row over %d bytes",
						  HIN_DIRECTORY_LINE);
		}
		csv->offset[csv->count++] = at;
	}
	return HIN_OK;
}

enum hin_code hin_csv_next(struct hin_csv *csv, struct hin_error *err)
{
	for (;;) {
		enum hin_code code;

		csv->line = csv->next_line;
		if (csv->at == csv->end)
			return HIN_EOF;
		if (*csv->at == '#' || *csv->at == '\n' || *csv->at == '\r') {
			int c = take(csv);

			while (c != '\n' && c != -1)
				c = take(csv);
			continue;
		}
		code = read_row(csv, err);
		if (code != HIN_OK)
			return code;
		for (size_t i = 0; i < csv->count; i++)
			if (hin_csv_cell(csv, i)[0] != '\0')
				return HIN_OK;
		/* commas alone: a spreadsheet's empty row */
	}
}

const char *hin_csv_cell(const struct hin_csv *csv, size_t at)
{
	char *cell, *end;

	if (at >= csv->count)
		return "";
	cell = csv->memory.data + csv->offset[at];
	while (*cell == ' ' || *cell == '\t')
		cell++;
	for (end = cell + strlen(cell); end > cell && (end[-1] == ' ' || end[-1] == '\t'); end--)
		end[-1] = '\0';
	return cell;
}
