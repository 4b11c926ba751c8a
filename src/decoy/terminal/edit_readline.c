/*
 * edit_readline - the bytes that readline 8.2 sends back, as bash of Debian 12 has it.
 *
 * A line of cells that is shown and a line of cells that shall be shown are compared row by row; a
 * row that differs is changed by what readline finds cheapest: insert, delete, write over, clear.
 * A terminal that is dumb has none of these and does not wrap: one row that scrolls sideways.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "decoy/terminal/edit_priv.h"

#define PASTE_ON "\x1b[?2004h"
#define PASTE_OFF "\x1b[?2004l\r"
#define LIST_ASK 100u /* names from which on it asks first */

/* ---- what the terminal can do ---- */

static bool is_dumb(const struct editor *e)
{
	static const char *const dumb[] = { "dumb", "network", "unknown", "" };
	const char *type = e->t->settings.type;

	for (size_t i = 0; type != NULL && i < HIN_COUNT(dumb); i++)
		if (strcmp(type, dumb[i]) == 0)
			return true;
	return type == NULL;
}

/* May characters be inserted and deleted in a row? Not on a VT100. */
static bool can_shift(const struct editor *e)
{
	return !is_dumb(e) && strcmp(e->t->settings.type, "vt100") != 0;
}

static uint32_t width_of(const struct editor *e)
{
	uint32_t width = e->t->columns;

	if (is_dumb(e) && width > 1) /* without automatic margins the last column is not used */
		width--;
	return width;
}

/* ---- cells: what stands in one column, or two ---- */

struct cell {
	uint8_t size, width;
	char bytes[4];
};

struct cells {
	struct cell *at;
	size_t count, room;
	size_t point; /* the cell of the cursor */
	bool failed;
};

/* Even without a cell there is somewhere to point at. */
static struct cells no_cells(void)
{
	struct cells c = { .room = 128 };

	c.at = calloc(c.room, sizeof(c.at[0]));
	c.failed = c.at == NULL;
	if (c.failed)
		c.room = 0;
	return c;
}

static void add_cell(struct cells *c, const char *bytes, size_t size, unsigned width)
{
	if (c->count == c->room) {
		size_t room = c->room * 2 + 128;
		struct cell *at = reallocarray(c->at, room, sizeof(at[0]));

		if (at == NULL) {
			c->failed = true;
			return;
		}
		c->at = at;
		c->room = room;
	}
	c->at[c->count] = (struct cell){ .size = (uint8_t)size, .width = (uint8_t)width };
	memcpy(c->at[c->count++].bytes, bytes, size);
}

/* The character at `text`, as readline shows it. Returns its bytes. */
static size_t add_character(const struct editor *e, struct cells *c, const char *text, size_t size)
{
	uint8_t first = (uint8_t)text[0];
	char control = (char)(first ^ 0x40);

	if (first == '\t') {
		do {
			add_cell(c, " ", 1, 1);
		} while (c->count % 8 != 0 && !c->failed);
		return 1;
	}
	if (first < 32 || first == 127) {
		add_cell(c, "^", 1, 1);
		add_cell(c, &control, 1, 1);
		return 1;
	}
	if (e->t->settings.utf8) {
		struct hin_reader in = hin_reader_of(text, size);
		uint32_t cp = hin_utf8_read(&in);
		unsigned width = cp == HIN_UTF8_BAD ? 1 : hin_utf8_width(cp);

		add_cell(c, text, size - in.left, width);
		return size - in.left;
	}
	add_cell(c, text, 1, 1);
	return 1;
}

/* The visible part of the prompt's last line. */
static void add_prompt(const struct editor *e, struct cells *c, const char *text, size_t size)
{
	for (size_t i = 0; i < size && !c->failed;) {
		size_t one = 1;

		if (edit_columns(e, text + i, size - i) == 0) /* nothing more is seen */
			return;
		while (i + one < size && edit_columns(e, text + i, one) == 0)
			one++;
		if (edit_columns(e, text + i, one) == 0)
			return;
		/* `one` bytes end with the first that is seen */
		i += one - 1;
		i += add_character(e, c, text + i, size - i);
	}
}

static const char *last_line(const struct editor *e, size_t *size)
{
	const char *text = hin_buffer_text(&e->prompt);
	const char *end = e->prompt.used > 0 ? memrchr(text, '\n', e->prompt.used) : NULL;

	if (end != NULL)
		text = end + 1;
	*size = e->prompt.used - (size_t)(text - hin_buffer_text(&e->prompt));
	return text;
}

static struct cells cells_of(const struct editor *e, const struct hin_buffer *line, size_t point)
{
	struct cells c = no_cells();
	const char *text = hin_buffer_text(line), *prompt;
	size_t i = 0, size;

	if (e->searching && line == &e->line) {
		struct hin_buffer head = { 0 };

		hin_buffer_printf(&head, "(reverse-i-search)`%s': ", hin_buffer_text(&e->search));
		add_prompt(e, &c, hin_buffer_text(&head), head.used);
		hin_buffer_fini(&head);
	} else {
		prompt = last_line(e, &size);
		add_prompt(e, &c, prompt, size);
	}
	c.point = c.count;
	while (i < line->used && !c.failed) {
		i += add_character(e, &c, text + i, line->used - i);
		if (i <= point)
			c.point = c.count;
	}
	return c;
}

/* ---- the screen ---- */

static void put_cells(struct editor *e, const struct cell *cells, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		edit_put(e, cells[i].bytes, cells[i].size);
		e->column += cells[i].width;
	}
}

static void put_count(struct editor *e, const char *fmt_letter, size_t count)
{
	char text[32];

	snprintf(text, sizeof(text), "\x1b[%zu%s", count, fmt_letter);
	edit_puts(e, text);
}

static void move_row(struct editor *e, uint32_t to)
{
	if (to == e->row)
		return;
	if (to > e->row) {
		for (uint32_t i = e->row; i < to; i++)
			edit_puts(e, "\n");
		edit_puts(e, "\r");
		e->column = 0;
	} else {
		for (uint32_t i = to; i < e->row; i++)
			edit_puts(e, "\x1b[A");
	}
	e->row = to;
}

static uint32_t columns_of(const struct cell *cells, size_t count)
{
	uint32_t columns = 0;

	for (size_t i = 0; i < count; i++)
		columns += cells[i].width;
	return columns;
}

/* To cell `to` of the row whose cells are `row`. */
static void move_column(struct editor *e, size_t to, const struct cell *row)
{
	uint32_t wanted = columns_of(row, to);

	if (e->column == wanted)
		return;
	if (wanted == 0 || (e->column > wanted && wanted + 1 < e->column - wanted) ||
	    (!is_dumb(e) && e->column == width_of(e))) {
		edit_puts(e, "\r");
		e->column = 0;
	}
	if (e->column < wanted && e->t->settings.utf8 && !is_dumb(e)) {
		while (e->column < wanted) {
			edit_puts(e, "\x1b[C");
			e->column++;
		}
	} else if (e->column < wanted) {
		size_t from = 0;

		while (from < to && columns_of(row, from) < e->column)
			from++;
		put_cells(e, row + from, to - from);
	} else {
		while (e->column > wanted) {
			edit_puts(e, "\b");
			e->column--;
		}
	}
}

static void clear_rest(struct editor *e, size_t count)
{
	if (!is_dumb(e)) {
		edit_puts(e, "\x1b[K");
		return;
	}
	e->column += (uint32_t)count;
	while (count-- > 0)
		edit_puts(e, " ");
}

static bool is_same(const struct cell *a, const struct cell *b)
{
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* Rows as they are and as they shall be, and where they differ. */
struct change {
	const struct cell *old, *new;
	size_t old_size, new_size;
	size_t from;	       /* first cell that differs */
	size_t old_to, new_to; /* behind the last ones that do */
	size_t taken;	       /* cells before it that are shown already */
	bool grows;	       /* the line takes more rows than before */
};

static void find_change(struct change *c)
{
	size_t old = c->old_size, new = c->new_size;
	bool blank = true;

	while (c->from < old && c->from < new &&is_same(&c->old[c->from], &c->new[c->from]))
		c->from++;
	while (old > c->from + 1 && new > c->from + 1 &&
	       is_same(&c->old[old - 1], &c->new[new - 1])) {
		blank = blank && c->old[old - 1].bytes[0] == ' ';
		old--;
		new --;
	}
	/* The last ones looked at differ, or one of them is the first that does. */
	c->old_to = old;
	c->new_to = new;
	if (blank) {
		c->old_to = c->old_size;
		c->new_to = c->new_size;
	} else if (old > c->from && new > c->from && is_same(&c->old[old - 1], &c->new[new - 1])) {
		c->old_to = old - 1;
		c->new_to = new - 1;
	}
}

static void change_longer(struct editor *e, const struct change *c, size_t more)
{
	size_t count = c->new_to - c->from, behind = c->old_to < c->old_size;

	if (!can_shift(e) || c->grows) {
		put_cells(e, c->new + c->from, behind || c->grows ? c->new_size - c->from : count);
		return;
	}
	if (behind == 0) {
		put_cells(e, c->new + c->from, count);
		return;
	}
	put_count(e, "@", columns_of(c->new + c->from, more));
	put_cells(e, c->new + c->from, count);
}

static void change_shorter(struct editor *e, const struct change *c, uint32_t old, uint32_t new)
{
	size_t count = c->new_to - c->from;
	uint32_t all_old, all_new;

	if (can_shift(e) && 2 * new >= old - new) {
		if (old > new)
			put_count(e, "P", old - new);
		put_cells(e, c->new + c->from, count);
		return;
	}
	put_cells(e, c->new + c->from, c->new_size - c->from);
	all_old = columns_of(c->old, c->old_size);
	all_new = columns_of(c->new, c->new_size);
	if (all_old > all_new)
		clear_rest(e, all_old - all_new);
}

static void change_row(struct editor *e, struct change *c, uint32_t row)
{
	uint32_t old, new;

	/* The row before is full: its terminal has wrapped when the next character comes. */
	if (!is_dumb(e) && row > 0 && e->column == width_of(e) && e->row == row - 1) {
		if (c->new_size > 0)
			edit_put(e, c->new[0].bytes, c->new[0].size);
		else
			edit_puts(e, " ");
		e->column = c->new_size > 0 ? c->new[0].width : 1;
		e->row++;
		if (c->new_size > 0 && c->old_size > 0)
			c->from = 1;
	}
	find_change(c);
	if (c->from == c->old_size && c->from == c->new_size)
		return;
	move_row(e, row);
	move_column(e, c->from, c->old);
	old = columns_of(c->old + c->from, c->old_to - c->from);
	new = columns_of(c->new + c->from, c->new_to - c->from);
	if (new > old)
		change_longer(e, c, c->new_to - c->old_to);
	else
		change_shorter(e, c, old, new);
}

/* The cells of row `row`, from where the one before ended; false behind the last. */
static size_t row_end(const struct editor *e, const struct cells *c, size_t from)
{
	uint32_t columns = 0;
	size_t to = from;

	while (to < c->count && columns + c->at[to].width <= width_of(e))
		columns += c->at[to++].width;
	return to > from || from == c->count ? to : from + 1;
}

static uint32_t row_of(const struct editor *e, const struct cells *c, size_t cell, size_t *start)
{
	uint32_t row = 0;
	size_t from = 0;

	for (;;) {
		size_t to = row_end(e, c, from);

		*start = from;
		if (cell < to || to == c->count) {
			/* behind a full last row the cursor is on the next */
			if (cell == c->count &&
			    columns_of(c->at + from, to - from) == width_of(e)) {
				*start = to;
				return row + 1;
			}
			return row;
		}
		from = to;
		row++;
	}
}

static void draw_wrapped(struct editor *e, const struct cells *old, const struct cells *new)
{
	size_t old_from = 0, new_from = 0, start;
	uint32_t bottom = row_of(e, new, new->count, &start), row, cursor;

	for (row = 0; row <= bottom; row++) {
		size_t old_to = row_end(e, old, old_from), new_to = row_end(e, new, new_from);
		struct change c = { .old = old->at + old_from,
				    .new = new->at + new_from,
				    .old_size = old_to - old_from,
				    .new_size = new_to - new_from,
				    .grows = row >= e->bottom &&bottom > e->bottom };

		change_row(e, &c, row);
		old_from = old_to;
		new_from = new_to;
	}
	for (; row <= e->bottom; row++) { /* rows that are no more */
		size_t old_to = row_end(e, old, old_from);

		move_row(e, row);
		move_column(e, 0, old->at + old_from);
		clear_rest(e, old_to - old_from);
		old_from = old_to;
	}
	e->bottom = bottom;
	cursor = row_of(e, new, new->point, &start);
	move_row(e, cursor);
	move_column(e, new->point - start, new->at + start);
}

/* One row that scrolls: '<' and '>' stand where there is more. */
static struct cell *window(const struct editor *e, const struct cells *c, size_t margin,
			   size_t *count)
{
	size_t width = width_of(e), left = c->count - margin;
	struct cell *row;

	*count = left > width ? width : left;
	row = calloc(*count + 1, sizeof(row[0]));
	if (row == NULL)
		return NULL;
	for (size_t i = 0; i < *count; i++)
		row[i] = c->at[margin + i];
	if (margin > 0 && *count > 0)
		row[0] = (struct cell){ 1, 1, "<" };
	if (left > width)
		row[width - 1] = (struct cell){ 1, 1, ">" };
	return row;
}

static size_t margin_of(const struct editor *e, size_t point)
{
	size_t width = width_of(e), third = width / 3 > 0 ? width / 3 : 1;
	size_t physical = point > e->margin ? point - e->margin : 0;

	if (physical + 2 > width)
		return point > 2 * third ? point - 2 * third : 0;
	if (point + 2 < width)
		return 0;
	if (physical < 1)
		return (point - 1) / third * third;
	return e->margin;
}

static void draw_scrolled(struct editor *e, const struct cells *old, const struct cells *new)
{
	size_t margin = margin_of(e, new->point), was = e->margin, old_count, new_count;
	struct cell *before, *after;

	if (margin > new->count)
		margin = new->count;
	if (was > old->count)
		was = old->count;
	before = window(e, old, was, &old_count);
	after = window(e, new, margin, &new_count);
	if (before != NULL && after != NULL) {
		struct change c = {
			.old = before, .new = after, .old_size = old_count, .new_size = new_count
		};

		change_row(e, &c, 0);
		if (new->point - margin <= new_count)
			move_column(e, new->point - margin, after);
	}
	e->margin = (uint16_t)(margin > UINT16_MAX ? 0 : margin);
	free(before);
	free(after);
}

/* Show the line as it is now. `old_cells` is what the screen has. */
static void draw_over(struct editor *e, struct cells *old)
{
	struct cells new = cells_of(e, &e->line, e->point);

	if (!old->failed && !new.failed) {
		if (is_dumb(e))
			draw_scrolled(e, old, &new);
		else
			draw_wrapped(e, old, &new);
	}
	hin_buffer_fini(&e->shown);
	hin_buffer_add(&e->shown, hin_buffer_text(&e->line), e->line.used);
	free(new.at);
}

static void draw(struct editor *e)
{
	bool searching = e->searching;
	struct cells old;

	e->searching = false;
	old = cells_of(e, &e->shown, 0);
	e->searching = searching;
	draw_over(e, &old);
	free(old.at);
}

/* The prompt and all behind it, on an empty row. */
static void draw_again(struct editor *e)
{
	struct cells old = no_cells();
	const char *prompt = hin_buffer_text(&e->prompt);
	size_t size;

	edit_put(e, prompt, e->prompt.used);
	prompt = last_line(e, &size);
	add_prompt(e, &old, prompt, size);
	hin_buffer_fini(&e->shown);
	e->column = e->prompt_columns;
	e->row = e->bottom = e->margin = 0;
	draw_over(e, &old);
	free(old.at);
}

void readline_begin(struct editor *e)
{
	if (!is_dumb(e))
		edit_puts(e, PASTE_ON);
	edit_put(e, hin_buffer_text(&e->prompt), e->prompt.used);
	e->column = e->prompt_columns;
}

/* ---- changes ---- */

void readline_text(struct editor *e, const uint8_t *text, size_t size)
{
	if (e->searching) {
		for (size_t i = 0; i < size; i++)
			readline_key(e, KEY_TEXT, text[i]);
		return;
	}
	edit_spread(e, e->point, text, size);
	draw(e);
}

static size_t before_point(const struct editor *e)
{
	size_t at = e->point;

	do {
		at--;
	} while (at > 0 && e->t->settings.utf8 && ((uint8_t)e->line.data[at] & 0xc0) == 0x80);
	return at;
}

static size_t behind_point(const struct editor *e)
{
	size_t at = e->point + 1;

	while (at < e->line.used && e->t->settings.utf8 &&
	       ((uint8_t)e->line.data[at] & 0xc0) == 0x80)
		at++;
	return at;
}

/* At the line's end a character is rubbed out without further thought. */
static void backspace(struct editor *e)
{
	size_t at, columns;

	if (e->point == 0) {
		edit_bell(e);
		return;
	}
	at = before_point(e);
	columns = edit_columns(e, e->line.data + at, e->point - at);
	if (e->point == e->line.used && columns > 0 && e->column > columns && !is_dumb(e)) {
		edit_cut(e, at, e->point);
		for (size_t i = 0; i < columns; i++)
			edit_puts(e, "\b");
		for (size_t i = 0; i < columns; i++)
			edit_puts(e, " ");
		for (size_t i = 0; i < columns; i++)
			edit_puts(e, "\b");
		e->column -= (uint32_t)columns;
		hin_buffer_reset(&e->shown);
		hin_buffer_add(&e->shown, e->line.data, e->line.used);
		draw(e);
		return;
	}
	edit_cut(e, at, e->point);
	draw(e);
}

static void kill_range(struct editor *e, size_t from, size_t to)
{
	if (to <= from)
		return;
	hin_buffer_reset(&e->kill);
	hin_buffer_add(&e->kill, e->line.data + from, to - from);
	edit_cut(e, from, to);
}

static void swap(struct editor *e)
{
	size_t at = e->point;
	char c;

	if (at == 0 || e->line.used < 2) {
		edit_bell(e);
		return;
	}
	if (at == e->line.used)
		at--;
	c = e->line.data[at];
	e->line.data[at] = e->line.data[at - 1];
	e->line.data[at - 1] = c;
	e->point = at + 1;
}

static void step(struct editor *e, int by)
{
	if (!edit_history_step(e, by))
		edit_bell(e);
}

/* ---- completion ---- */

static void list(struct editor *e, const struct edit_matches *m)
{
	size_t width = 0, columns, rows;
	char text[300];

	for (size_t i = 0; i < m->count; i++)
		if (strlen(m->names[i]) + 2 > width)
			width = strlen(m->names[i]) + 2;
	columns = width_of(e) / width;
	if (columns > 1 && columns * width == width_of(e))
		columns--;
	if (columns == 0)
		columns = 1;
	rows = (m->count + columns - 1) / columns;
	edit_puts(e, "\n");
	for (size_t row = 0; row < rows; row++) {
		for (size_t at = row, column = 0; column < columns && at < m->count;
		     column++, at += rows) {
			bool last = column + 1 == columns || at + rows >= m->count;

			snprintf(text, sizeof(text), "%-*s", last ? 0 : (int)width, m->names[at]);
			edit_puts(e, text);
		}
		edit_puts(e, "\n");
	}
	draw_again(e);
}

static void offer(struct editor *e, const struct edit_matches *m)
{
	char text[80];

	if (m->count < LIST_ASK) {
		list(e, m);
		return;
	}
	snprintf(text, sizeof(text), "\nDisplay all %zu possibilities? (y or n)", m->count);
	edit_puts(e, text);
	e->asking = true;
}

static void answer(struct editor *e, uint8_t key)
{
	struct edit_matches m;

	if (strchr("yY ", key) != NULL && key != 0) {
		e->asking = false;
		edit_match(e, &m);
		if (m.count > 0)
			list(e, &m);
		edit_match_fini(&m);
	} else if (key == 'n' || key == 'N' || key == 127) {
		e->asking = false;
		edit_puts(e, "\n");
		draw_again(e);
	} else {
		edit_bell(e);
	}
}

static void complete(struct editor *e)
{
	struct edit_matches m;
	size_t common, have;

	edit_match(e, &m);
	common = edit_match_common(&m);
	have = e->point - m.from;
	if (m.count == 0) {
		edit_bell(e);
	} else if (m.count == 1 || common > have) {
		edit_spread(e, e->point, m.names[0] + have, common - have);
		if (m.count == 1 && (common == 0 || m.names[0][common - 1] != '/'))
			edit_spread(e, e->point, " ", 1);
		draw(e);
		if (m.count > 1)
			edit_bell(e);
	} else if (e->was_tab) {
		offer(e, &m);
	} else {
		edit_bell(e);
	}
	edit_match_fini(&m);
}

/* ---- search ---- */

/* The newest line of the history, from `from` on, that has what is searched for. */
static bool search_from(struct editor *e, size_t from)
{
	const char *text = hin_buffer_text(&e->search);

	for (size_t i = from < e->history.count ? from + 1 : e->history.count; i-- > 0;) {
		const char *found = strstr(e->history.lines[i], text);

		if (found == NULL)
			continue;
		e->at = (uint16_t)i;
		edit_set(e, e->history.lines[i]);
		e->point = (size_t)(found - e->history.lines[i]);
		return true;
	}
	return false;
}

static void draw_search(struct editor *e, bool was, struct hin_buffer *search)
{
	struct hin_buffer now = e->search;
	struct hin_buffer line = e->line;
	struct cells old;

	e->searching = was;
	e->search = *search;
	e->line = e->shown;
	old = cells_of(e, &e->line, 0);
	e->line = line;
	e->search = now;
	e->searching = true;
	draw_over(e, &old);
	free(old.at);
}

static void search_key(struct editor *e, uint8_t key)
{
	struct hin_buffer was = { 0 };

	hin_buffer_puts(&was, hin_buffer_text(&e->search));
	if (key == 127 || key == 8) {
		if (e->search.used > 0)
			e->search.data[--e->search.used] = '\0';
	} else if (key != 18 && e->search.used < 256) {
		hin_buffer_putc(&e->search, (char)key);
	}
	if (!search_from(e, key == 18 && e->at > 0 ? e->at - 1u : e->at))
		edit_bell(e);
	draw_search(e, true, &was);
	hin_buffer_fini(&was);
}

static void begin_search(struct editor *e)
{
	struct hin_buffer none = { 0 };

	hin_buffer_reset(&e->search);
	draw_search(e, false, &none);
}

static void end_search(struct editor *e)
{
	struct cells old = cells_of(e, &e->line, 0);

	e->searching = false;
	draw_over(e, &old);
	free(old.at);
	hin_buffer_fini(&e->search);
}

/* ---- keys ---- */

static void move(struct editor *e, enum edit_key key)
{
	size_t was = e->point;

	switch (key) {
	case KEY_BEGIN:
		e->point = 0;
		break;
	case KEY_FINISH:
		e->point = e->line.used;
		break;
	case KEY_LEFT:
		e->point = was > 0 ? before_point(e) : 0;
		break;
	case KEY_RIGHT:
		e->point = was < e->line.used ? behind_point(e) : was;
		break;
	case KEY_WORD_LEFT:
		e->point = edit_word_left(e, was);
		break;
	case KEY_WORD_RIGHT:
		e->point = edit_word_right(e, was);
		break;
	default:
		break;
	}
	if (e->point == was && (key == KEY_LEFT || key == KEY_RIGHT))
		edit_bell(e);
	draw(e);
}

static void kill_key(struct editor *e, enum edit_key key)
{
	size_t at = e->point;
	bool first = at == 0;

	switch (key) {
	case KEY_KILL_BEFORE:
		kill_range(e, 0, at);
		break;
	case KEY_KILL_WORD:
		kill_range(e, edit_blank_left(e, at), at);
		break;
	case KEY_KILL_WORD_LEFT:
		kill_range(e, edit_word_left(e, at), at);
		break;
	case KEY_KILL_WORD_RIGHT:
		kill_range(e, at, edit_word_right(e, at));
		first = false;
		break;
	default:
		kill_range(e, at, e->line.used);
		first = false;
		break;
	}
	if (first)
		edit_bell(e);
	draw(e);
}

static void clear(struct editor *e)
{
	edit_puts(e, is_dumb(e) ? "\n" : "\x1b[H\x1b[2J");
	draw_again(e);
}

static void change(struct editor *e, enum edit_key key, uint8_t byte)
{
	switch (key) {
	case KEY_BACKSPACE:
		backspace(e);
		return;
	case KEY_DELETE:
	case KEY_DELETE_OR_END:
		if (e->point < e->line.used)
			edit_cut(e, e->point, behind_point(e));
		else
			edit_bell(e);
		break;
	case KEY_KILL_BEFORE:
	case KEY_KILL_BEHIND:
	case KEY_KILL_WORD:
	case KEY_KILL_WORD_LEFT:
	case KEY_KILL_WORD_RIGHT:
		kill_key(e, key);
		return;
	case KEY_YANK:
		edit_spread(e, e->point, hin_buffer_text(&e->kill), e->kill.used);
		break;
	case KEY_SWAP:
		swap(e);
		break;
	case KEY_UP:
		step(e, -1);
		break;
	case KEY_DOWN:
		step(e, 1);
		break;
	case KEY_TEXT:
		edit_spread(e, e->point, &byte, 1);
		break;
	default:
		edit_bell(e);
		break;
	}
	draw(e);
}

/* The line is done: the cursor to its last row, and the next one. */
static void finish(struct editor *e)
{
	move_row(e, e->bottom);
	edit_puts(e, "\n");
	if (!is_dumb(e))
		edit_puts(e, PASTE_OFF);
}

static enum edit_result end_of(struct editor *e, enum edit_key key)
{
	if (key == KEY_ENTER) {
		finish(e);
		edit_history_add(e);
		return EDIT_LINE;
	}
	if (key == KEY_INTERRUPT) {
		edit_puts(e, "^C");
		if (!is_dumb(e)) /* it leaves twice */
			edit_puts(e, PASTE_OFF PASTE_ON PASTE_OFF);
		return EDIT_INTERRUPT;
	}
	if (!is_dumb(e)) {
		edit_puts(e, PASTE_OFF);
		edit_puts(e, "\n");
	}
	return EDIT_END;
}

enum edit_result readline_key(struct editor *e, enum edit_key key, uint8_t byte)
{
	bool ends = key == KEY_ENTER || key == KEY_INTERRUPT ||
		    (key == KEY_DELETE_OR_END && e->line.used == 0);

	if (e->asking && key != KEY_INTERRUPT) {
		answer(e, byte);
		return EDIT_MORE;
	}
	if (e->searching) {
		if (key == KEY_TEXT || key == KEY_SEARCH || key == KEY_BACKSPACE) {
			search_key(e, byte);
			return EDIT_MORE;
		}
		end_search(e);
		if (key == KEY_ESCAPE)
			return EDIT_MORE;
	}
	if (e->literal) {
		e->literal = false;
		change(e, KEY_TEXT, byte);
		return EDIT_MORE;
	}
	if (ends)
		return end_of(e, key);
	if (key == KEY_LITERAL)
		e->literal = true;
	else if (key == KEY_SEARCH)
		begin_search(e);
	else if (key == KEY_CLEAR)
		clear(e);
	else if (key == KEY_TAB)
		complete(e);
	else if (key >= KEY_BEGIN && key <= KEY_WORD_RIGHT)
		move(e, key);
	else if (key != KEY_PASTE_BEGIN && key != KEY_PASTE_END && key != KEY_ESCAPE)
		change(e, key, byte);
	return EDIT_MORE;
}
