/* terminal_line - what n_tty of Linux does with each byte, in and out. */
#include <ctype.h>
#include <signal.h>

#include "decoy/terminal/terminal_priv.h"

enum {
	KEY_INTR = 3,
	KEY_EOF = 4,
	KEY_START = 17,
	KEY_REPRINT = 18,
	KEY_STOP = 19,
	KEY_KILL = 21,
	KEY_LITERAL = 22,
	KEY_WORD = 23,
	KEY_SUSPEND = 26,
	KEY_QUIT = 28,
	KEY_ERASE = 127,
};

static bool is_control(uint8_t c)
{
	return c < 32 || c == 127;
}

static bool is_continuation(const struct hin_terminal *t, uint8_t c)
{
	return t->settings.utf8 && (c & 0xc0) == 0x80;
}

/* ---- output ---- */

static void put_char(struct hin_terminal *t, uint8_t c)
{
	static const char spaces[] = "        ";
	unsigned gap;

	switch (c) {
	case '\n':
		t->column = 0;
		hin_buffer_add(&t->out, "\r\n", 2);
		return;
	case '\r':
		t->column = 0;
		break;
	case '\t':
		gap = 8 - (t->column & 7);
		t->column += gap;
		if (t->settings.expand_tabs) {
			hin_buffer_add(&t->out, spaces, gap);
			return;
		}
		break;
	case '\b':
		if (t->column > 0)
			t->column--;
		break;
	default:
		if (!is_control(c) && !is_continuation(t, c))
			t->column++;
	}
	hin_buffer_putc(&t->out, (char)c);
}

void terminal_put(struct hin_terminal *t, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	if (!t->modes.output) {
		hin_buffer_add(&t->out, data, size);
		return;
	}
	for (size_t i = 0; i < size; i++) {
		size_t run = i;

		while (run < size && bytes[run] >= 32 && bytes[run] < 127)
			run++;
		if (run > i) {
			hin_buffer_add(&t->out, bytes + i, run - i);
			t->column += (uint32_t)(run - i);
			i = run;
			if (i == size)
				break;
		}
		put_char(t, bytes[i]);
	}
}

/* ---- echo ---- */

static void echo(struct hin_terminal *t, uint8_t c)
{
	uint8_t shown[2] = { '^', c ^ 0x40 };

	if (is_control(c) && c != '\t')
		terminal_put(t, shown, 2);
	else
		terminal_put(t, &c, 1);
}

static void erase_column(struct hin_terminal *t)
{
	terminal_put(t, "\b \b", 3);
}

/* The columns that a tab behind `line` took: from the last tab, or where the line began. */
static unsigned tab_columns(const struct hin_terminal *t)
{
	unsigned columns = 0;
	bool behind_tab = false;

	for (size_t i = t->line.used; i-- > 0 && !behind_tab;) {
		uint8_t c = (uint8_t)t->line.data[i];

		if (c == '\t')
			behind_tab = true;
		else if (is_control(c))
			columns += 2;
		else if (!is_continuation(t, c))
			columns++;
	}
	if (!behind_tab)
		columns += t->canon_column;
	return 8 - (columns & 7);
}

/* Take the last character of the line off, from the screen too. Returns its first byte. */
static uint8_t erase_character(struct hin_terminal *t)
{
	uint8_t c;

	do {
		c = (uint8_t)t->line.data[--t->line.used];
	} while (t->line.used > 0 && is_continuation(t, c));
	t->line.data[t->line.used] = '\0';
	if (!t->modes.echo)
		return c;
	if (c == '\t') {
		for (unsigned left = tab_columns(t); left > 0; left--)
			terminal_put(t, "\b", 1);
		return c;
	}
	if (is_control(c))
		erase_column(t);
	erase_column(t);
	return c;
}

static bool is_word(uint8_t c)
{
	return (c < 128 && isalnum(c)) || c == '_';
}

static void erase_word(struct hin_terminal *t)
{
	bool seen = false;

	while (t->line.used > 0) {
		uint8_t c = (uint8_t)t->line.data[t->line.used - 1];

		if (is_word(c))
			seen = true;
		else if (seen)
			return;
		erase_character(t);
	}
}

static void reprint(struct hin_terminal *t)
{
	echo(t, KEY_REPRINT);
	terminal_put(t, "\n", 1);
	for (size_t i = 0; i < t->line.used; i++)
		echo(t, (uint8_t)t->line.data[i]);
}

/* ---- lines ---- */

static void commit(struct hin_terminal *t)
{
	uint8_t size[2] = { (uint8_t)(t->line.used & 0xff), (uint8_t)(t->line.used >> 8) };
	size_t frame = sizeof(size) + t->line.used;

	if (t->ready.used - t->ready_at + frame <= HIN_TERMINAL_AHEAD &&
	    hin_buffer_reserve(&t->ready, frame) != NULL) {
		hin_buffer_add(&t->ready, size, sizeof(size));
		hin_buffer_add(&t->ready, t->line.data, t->line.used);
	}
	hin_buffer_fini(&t->line);
}

/* A full line keeps its last place for the newest byte. */
static void store(struct hin_terminal *t, uint8_t c)
{
	if (t->line.used == HIN_TERMINAL_LINE)
		t->line.data[t->line.used - 1] = (char)c;
	else
		hin_buffer_putc(&t->line, (char)c);
}

static void store_echoed(struct hin_terminal *t, uint8_t c)
{
	if (t->line.used == 0)
		t->canon_column = t->column;
	if (t->modes.echo && c == '\n')
		terminal_put(t, "\n", 1);
	else if (t->modes.echo)
		echo(t, c);
	store(t, c);
}

static void canonical_key(struct hin_terminal *t, uint8_t c)
{
	switch (c) {
	case KEY_ERASE:
		if (t->line.used > 0)
			erase_character(t);
		return;
	case KEY_KILL:
		while (t->line.used > 0)
			erase_character(t);
		return;
	case KEY_WORD:
		erase_word(t);
		return;
	case KEY_LITERAL:
		t->literal = true;
		if (t->modes.echo)
			terminal_put(t, "^\b", 2);
		return;
	case KEY_REPRINT:
		if (!t->modes.echo)
			break;
		reprint(t);
		return;
	case '\n':
		if (t->modes.echo)
			terminal_put(t, "\n", 1);
		store(t, '\n');
		commit(t);
		return;
	case KEY_EOF:
		commit(t);
		return;
	default:
		break;
	}
	store_echoed(t, c);
}

void terminal_key(struct hin_terminal *t, uint8_t key)
{
	if (t->literal) {
		t->literal = false;
		store_echoed(t, key);
		return;
	}
	if (key == KEY_START || key == KEY_STOP) {
		t->stopped = key == KEY_STOP;
		return;
	}
	if (t->modes.signals && (key == KEY_INTR || key == KEY_QUIT || key == KEY_SUSPEND)) {
		terminal_signal(t, key == KEY_INTR ? SIGINT : key == KEY_QUIT ? SIGQUIT : SIGTSTP);
		return;
	}
	if (key == '\r' && t->modes.returns)
		key = '\n';
	if (t->modes.canonical)
		canonical_key(t, key);
	else
		store_echoed(t, key);
}

void terminal_flushed(struct hin_terminal *t)
{
	/* What this burst of keys has echoed goes with them. */
	if (t->out.used > t->echo_from) {
		t->out.used = t->echo_from;
		t->out.data[t->out.used] = '\0';
		t->column = t->echo_column;
	}
	if (t->settings.flushed == NULL)
		return;
	terminal_deliver(t);
	t->settings.flushed(t->settings.user);
}

void terminal_signal(struct hin_terminal *t, int number)
{
	terminal_flushed(t);
	hin_terminal_flush(t);
	t->stopped = false;
	if (t->modes.echo && !t->editing)
		echo(t, number == SIGINT ? KEY_INTR : number == SIGQUIT ? KEY_QUIT : KEY_SUSPEND);
	if (t->shell == NULL) {
		if (t->settings.signal != NULL)
			t->settings.signal(t->settings.user, number);
		return;
	}
	if (t->editing) /* at its prompt only ^C does something, and that is its editor's */
		return;
	hin_shell_signal(t->shell, number);
}

static bool take_frame(struct hin_terminal *t, struct hin_buffer *out)
{
	const uint8_t *frame;
	size_t size;

	if (t->ready_at == t->ready.used)
		return false;
	frame = (const uint8_t *)t->ready.data + t->ready_at;
	size = (size_t)frame[0] | (size_t)frame[1] << 8;
	hin_buffer_add(out, frame + 2, size);
	t->ready_at += 2 + size;
	if (t->ready_at == t->ready.used) {
		hin_buffer_fini(&t->ready);
		t->ready_at = 0;
	}
	return true;
}

bool hin_terminal_line(struct hin_terminal *t, struct hin_buffer *out)
{
	hin_buffer_reset(out);
	if (t->modes.canonical)
		return take_frame(t, out);
	terminal_uncook(t, out);
	return out->used > 0;
}

void terminal_uncook(struct hin_terminal *t, struct hin_buffer *to)
{
	while (take_frame(t, to))
		;
	hin_buffer_add(to, hin_buffer_text(&t->line), t->line.used);
	hin_buffer_fini(&t->line);
}

void hin_terminal_flush(struct hin_terminal *t)
{
	hin_buffer_fini(&t->line);
	hin_buffer_fini(&t->ready);
	hin_buffer_fini(&t->typed);
	t->ready_at = 0;
	t->typed_at = 0;
	t->literal = false;
}
