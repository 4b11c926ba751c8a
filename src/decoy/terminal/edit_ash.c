/* edit_ash - the bytes that busybox' line editing (1.35, Debian's configuration) sends back. */
#include <stdio.h>

#include "decoy/terminal/edit_priv.h"

/* It asks where the cursor is, when no key is waiting: CONFIG_FEATURE_EDITING_ASK_TERMINAL. */
#define ASK "\x1b[6n"

/* ---- the screen ---- */

static void next_column(struct editor *e)
{
	if (++e->column < e->t->columns)
		return;
	edit_puts(e, "\r\n");
	e->column = 0;
	e->row++;
}

/* Show the line from the point on; the point goes with it to `to`. */
static void show_to(struct editor *e, size_t to)
{
	while (e->point < to) {
		size_t room = e->t->columns - e->column, run = to - e->point;

		if (run >= room)
			run = room;
		edit_put(e, e->line.data + e->point, run);
		e->point += run;
		e->column += (uint32_t)run - 1;
		next_column(e);
	}
}

static void go_back(struct editor *e, size_t count)
{
	uint32_t width = e->t->columns, up;
	char text[40];

	if (count > e->point)
		count = e->point;
	if (count == 0)
		return;
	e->point -= count;
	if (e->column >= count) {
		e->column -= (uint32_t)count;
		if (count < 4) {
			edit_put(e, "\b\b\b", count);
		} else {
			snprintf(text, sizeof(text), "\x1b[%zuD", count);
			edit_puts(e, text);
		}
		return;
	}
	count -= e->column;
	up = (uint32_t)((count + width - 1) / width);
	e->column = (uint32_t)(up * width - count);
	e->row -= up < e->row ? up : e->row;
	snprintf(text, sizeof(text), "\r\x1b[%uA", up);
	edit_puts(e, text);
	if (e->column > 0) {
		snprintf(text, sizeof(text), "\x1b[%uC", e->column);
		edit_puts(e, text);
	}
}

static void put_prompt(struct editor *e)
{
	edit_put(e, hin_buffer_text(&e->prompt), e->prompt.used);
	e->row = e->prompt_columns / e->t->columns;
	e->column = e->prompt_columns % e->t->columns;
}

/* Everything again; the cursor `back` before the end. */
static void redraw(struct editor *e, size_t back)
{
	char text[24];

	if (e->row > 0) {
		snprintf(text, sizeof(text), "\x1b[%uA", e->row);
		edit_puts(e, text);
	}
	edit_puts(e, "\r");
	put_prompt(e);
	e->point = 0;
	show_to(e, e->line.used);
	edit_puts(e, "\x1b[J");
	go_back(e, back);
}

static void to_new_line(struct editor *e)
{
	bool at_start = e->line.used == 0;

	show_to(e, e->line.used);
	if (at_start || e->column > 0)
		edit_puts(e, "\n");
}

/* ---- changes ---- */

static void delete_here(struct editor *e)
{
	size_t at = e->point;

	if (at == e->line.used)
		return;
	edit_cut(e, at, at + 1);
	e->point = at;
	show_to(e, e->line.used);
	edit_puts(e, "\x1b[J");
	go_back(e, e->point - at);
}

static void backspace(struct editor *e)
{
	if (e->point == 0)
		return;
	go_back(e, 1);
	delete_here(e);
}

static void kill_before(struct editor *e)
{
	if (e->point == 0)
		return;
	edit_cut(e, 0, e->point);
	redraw(e, e->line.used);
}

static void kill_word(struct editor *e)
{
	while (e->point > 0 && e->line.data[e->point - 1] == ' ')
		backspace(e);
	while (e->point > 0 && e->line.data[e->point - 1] != ' ')
		backspace(e);
}

static void kill_word_left(struct editor *e)
{
	size_t count = e->point - edit_word_left(e, e->point);

	go_back(e, count);
	while (count-- > 0)
		delete_here(e);
}

static void kill_word_right(struct editor *e)
{
	size_t from = e->point, count = edit_word_right(e, from) - from;

	show_to(e, from + count);
	go_back(e, count);
	while (count-- > 0)
		delete_here(e);
}

static void step(struct editor *e, int by)
{
	/* The screen's row stays what it was: redraw() goes up from there. */
	if (edit_history_step(e, by))
		redraw(e, 0);
	else
		edit_bell(e);
}

/* ---- completion ---- */

/* Down the columns, as wide as the widest name and two more. */
static void list(struct editor *e, const struct edit_matches *m)
{
	size_t width = 0, columns, rows;
	char text[300];

	for (size_t i = 0; i < m->count; i++)
		if (strlen(m->names[i]) + 2 > width)
			width = strlen(m->names[i]) + 2;
	columns = e->t->columns / (width > 0 ? width : 1);
	rows = columns > 1 ? (m->count + columns - 1) / columns : m->count;
	if (columns == 0)
		columns = 1;
	for (size_t row = 0; row < rows; row++) {
		size_t at = row;

		for (size_t column = 1; column < columns && at + rows < m->count; column++) {
			snprintf(text, sizeof(text), "%-*s", (int)width, m->names[at]);
			edit_puts(e, text);
			at += rows;
		}
		edit_puts(e, m->names[at]);
		edit_puts(e, "\n");
	}
}

static void complete(struct editor *e)
{
	struct edit_matches m;
	size_t common, have, back;

	edit_match(e, &m);
	if (e->was_tab && m.count > 1) {
		back = e->line.used - e->point;
		to_new_line(e);
		list(e, &m);
		e->row = 0;
		edit_puts(e, "\n");
		redraw(e, back);
	} else if (!e->was_tab || m.count == 1) {
		if (m.count != 1)
			edit_bell(e);
		common = edit_match_common(&m);
		have = e->point - m.from;
		if (m.count > 0 && (have > 0 || common > 0)) {
			bool whole = m.count == 1 && (common == 0 || m.names[0][common - 1] != '/');

			back = e->line.used - e->point;
			edit_spread(e, e->point, m.names[0] + have, common - have);
			if (whole)
				edit_spread(e, e->point, " ", 1);
			if (m.count == 1 || common > have || m.commands)
				redraw(e, back);
		}
	} else {
		edit_bell(e);
	}
	edit_match_fini(&m);
}

/* ---- keys ---- */

void ash_begin(struct editor *e)
{
	struct hin_terminal *t = e->t;

	put_prompt(e);
	if (t->settings.asks_cursor && t->typed.used == t->typed_at)
		edit_puts(e, ASK);
}

void ash_text(struct editor *e, const uint8_t *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		size_t at = e->point, was = e->line.used;

		edit_spread(e, at, text + i, 1);
		if (e->line.used == was) /* it is full */
			return;
		e->point = at;
		if (at == was) {
			show_to(e, at + 1);
			continue;
		}
		show_to(e, e->line.used);
		go_back(e, e->line.used - at - 1);
	}
}

static void move(struct editor *e, enum edit_key key)
{
	size_t to = e->point;

	switch (key) {
	case KEY_BEGIN:
		go_back(e, e->point);
		return;
	case KEY_LEFT:
		go_back(e, 1);
		return;
	case KEY_WORD_LEFT:
		go_back(e, e->point - edit_word_left(e, e->point));
		return;
	case KEY_FINISH:
		to = e->line.used;
		break;
	case KEY_RIGHT:
		to += to < e->line.used;
		break;
	case KEY_WORD_RIGHT:
		to = edit_word_right(e, e->point);
		break;
	default:
		return;
	}
	show_to(e, to);
}

static void change(struct editor *e, enum edit_key key)
{
	switch (key) {
	case KEY_BACKSPACE:
		backspace(e);
		break;
	case KEY_DELETE:
	case KEY_DELETE_OR_END:
		delete_here(e);
		break;
	case KEY_KILL_BEFORE:
		kill_before(e);
		break;
	case KEY_KILL_BEHIND:
		edit_cut(e, e->point, e->line.used);
		edit_puts(e, "\x1b[J");
		break;
	case KEY_KILL_WORD:
		kill_word(e);
		break;
	case KEY_KILL_WORD_LEFT:
		kill_word_left(e);
		break;
	case KEY_KILL_WORD_RIGHT:
		kill_word_right(e);
		break;
	case KEY_CLEAR:
		edit_puts(e, "\x1b[H\x1b[J");
		e->row = 0;
		redraw(e, e->line.used - e->point);
		break;
	case KEY_DOWN:
		step(e, 1);
		break;
	case KEY_TAB:
		complete(e);
		break;
	default:
		move(e, key);
	}
}

enum edit_result ash_key(struct editor *e, enum edit_key key, uint8_t byte)
{
	if (key == KEY_ENTER) {
		to_new_line(e);
		edit_history_add(e);
		return EDIT_LINE;
	}
	if (key == KEY_INTERRUPT) {
		edit_puts(e, "^C"); /* the shell begins the new line */
		return EDIT_INTERRUPT;
	}
	if (key == KEY_DELETE_OR_END && e->line.used == 0)
		return EDIT_END;
	if (key == KEY_UP) {
		if (e->at == 0 && byte != 16) /* the arrow rings twice, ^P once */
			edit_bell(e);
		step(e, -1);
		return EDIT_MORE;
	}
	change(e, key);
	return EDIT_MORE;
}
