/* edit - keys, the line, words and the history; what is seen of them is in edit_ash and
 * edit_readline. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "decoy/terminal/edit_priv.h"

#define ESCAPE 27
#define LINE_READLINE HIN_TERMINAL_AHEAD
#define LINE_ASH 1022u	/* CONFIG_FEATURE_EDITING_MAX_LEN is 1024 */
#define HISTORY_ASH 15u /* CONFIG_FEATURE_EDITING_HISTORY */

static bool is_readline(const struct editor *e)
{
	return e->t->settings.editor == HIN_EDITOR_READLINE;
}

struct editor *editor_new(struct hin_terminal *t)
{
	struct editor *e = calloc(1, sizeof(*e));

	if (e != NULL)
		e->t = t;
	return e;
}

void editor_free(struct editor *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; i < e->history.count; i++)
		free(e->history.lines[i]);
	free(e->history.lines);
	free(e->newest);
	hin_buffer_fini(&e->line);
	hin_buffer_fini(&e->prompt);
	hin_buffer_fini(&e->kill);
	hin_buffer_fini(&e->shown);
	hin_buffer_fini(&e->search);
	free(e);
}

const struct hin_buffer *editor_line(const struct editor *e)
{
	return &e->line;
}

void edit_put(struct editor *e, const void *data, size_t size)
{
	terminal_put(e->t, data, size);
}

void edit_puts(struct editor *e, const char *text)
{
	terminal_put(e->t, text, strlen(text));
}

void edit_bell(struct editor *e)
{
	edit_puts(e, "\a");
}

/* ---- the line ---- */

void edit_spread(struct editor *e, size_t at, const void *data, size_t size)
{
	size_t behind = e->line.used - at;
	char *room;

	if (e->line.used + size > (is_readline(e) ? LINE_READLINE : LINE_ASH))
		return;
	room = hin_buffer_reserve(&e->line, size);
	if (room == NULL || size == 0)
		return;
	memmove(e->line.data + at + size, e->line.data + at, behind);
	memcpy(e->line.data + at, data, size);
	hin_buffer_commit(&e->line, size);
	if (e->point >= at)
		e->point += size;
}

void edit_cut(struct editor *e, size_t from, size_t to)
{
	if (to <= from)
		return;
	memmove(e->line.data + from, e->line.data + to, e->line.used - to);
	e->line.used -= to - from;
	e->line.data[e->line.used] = '\0';
	if (e->point >= to)
		e->point -= to - from;
	else if (e->point > from)
		e->point = from;
}

void edit_set(struct editor *e, const char *text)
{
	hin_buffer_reset(&e->line);
	hin_buffer_puts(&e->line, text);
	e->point = e->line.used;
}

static bool is_letter(const struct editor *e, size_t at)
{
	uint8_t c = (uint8_t)e->line.data[at];

	return c >= 128 || isalnum(c);
}

size_t edit_word_left(const struct editor *e, size_t from)
{
	while (from > 0 && !is_letter(e, from - 1))
		from--;
	while (from > 0 && is_letter(e, from - 1))
		from--;
	return from;
}

size_t edit_word_right(const struct editor *e, size_t from)
{
	while (from < e->line.used && !is_letter(e, from))
		from++;
	while (from < e->line.used && is_letter(e, from))
		from++;
	return from;
}

static bool is_blank(const struct editor *e, size_t at)
{
	return e->line.data[at] == ' ' || e->line.data[at] == '\t';
}

size_t edit_blank_left(const struct editor *e, size_t from)
{
	while (from > 0 && is_blank(e, from - 1))
		from--;
	while (from > 0 && !is_blank(e, from - 1))
		from--;
	return from;
}

/* ---- the history ---- */

static void forget_oldest(struct edit_history *h)
{
	h->bytes -= (uint32_t)strlen(h->lines[0]);
	free(h->lines[0]);
	h->count--;
	memmove(h->lines, h->lines + 1, h->count * sizeof(h->lines[0]));
}

static void history_push(struct edit_history *h, const char *text, unsigned most)
{
	size_t size = strlen(text);
	char *copy;

	while (h->count > 0 && (h->count >= most || h->bytes + size > HIN_TERMINAL_HISTORY_BYTES))
		forget_oldest(h);
	if (size > HIN_TERMINAL_HISTORY_BYTES)
		return;
	if (h->count == h->room) {
		uint16_t room = (uint16_t)(h->room + 8);
		char **lines = reallocarray(h->lines, room, sizeof(lines[0]));

		if (lines == NULL)
			return;
		h->lines = lines;
		h->room = room;
	}
	copy = strdup(text);
	if (copy == NULL)
		return;
	h->lines[h->count++] = copy;
	h->bytes += (uint32_t)size;
}

/* bash keeps a command of several lines as one. */
static void history_join(struct editor *e)
{
	struct edit_history *h = &e->history;
	const char *last = h->lines[h->count - 1];
	struct hin_buffer whole = { 0 };
	static const char *const open[] = { "then", "do", "else", "{", "(", "&&", "||", "|", ";" };
	const char *join = "; ";
	size_t size = strlen(last);

	for (size_t i = 0; i < HIN_COUNT(open); i++) {
		size_t word = strlen(open[i]);

		if (size >= word && strcmp(last + size - word, open[i]) == 0)
			join = " ";
	}
	hin_buffer_printf(&whole, "%s%s%s", last, join, hin_buffer_text(&e->line));
	if (!whole.failed) {
		h->bytes -= (uint32_t)size;
		free(h->lines[--h->count]);
		history_push(h, whole.data, HIN_TERMINAL_HISTORY);
	}
	hin_buffer_fini(&whole);
}

void edit_history_add(struct editor *e)
{
	struct edit_history *h = &e->history;
	const char *text = hin_buffer_text(&e->line);

	if (e->line.used == 0)
		return;
	if (is_readline(e) && e->in_prompt && h->count > 0) {
		history_join(e);
		return;
	}
	if (!is_readline(e) && h->count > 0 && strcmp(h->lines[h->count - 1], text) == 0)
		return;
	history_push(h, text, is_readline(e) ? HIN_TERMINAL_HISTORY : HISTORY_ASH);
}

bool edit_history_step(struct editor *e, int step)
{
	uint16_t count = e->history.count;

	if (step < 0 ? e->at == 0 : e->at >= count)
		return false;
	if (e->at == count) {
		free(e->newest);
		e->newest = strdup(hin_buffer_text(&e->line));
	}
	e->at = (uint16_t)(e->at + step);
	if (e->at < count)
		edit_set(e, e->history.lines[e->at]);
	else
		edit_set(e, e->newest != NULL ? e->newest : "");
	return true;
}

/* ---- columns ---- */

/* Bytes that a terminal does not show: an escape sequence, or a control. */
static size_t hidden_size(const char *text, size_t size)
{
	size_t i = 1;

	if (text[0] != ESCAPE)
		return (uint8_t)text[0] < 32 || text[0] == 127 ? 1 : 0;
	if (size > 1 && text[1] == ']') {
		while (i < size && text[i] != '\a')
			i++;
		return i < size ? i + 1 : i;
	}
	if (size > 1 && text[1] == '[') {
		i = 2;
		while (i < size && (text[i] < '@' || text[i] > '~'))
			i++;
	}
	return i < size ? i + 1 : i;
}

size_t edit_columns(const struct editor *e, const char *text, size_t size)
{
	size_t columns = 0;

	for (size_t i = 0; i < size;) {
		size_t hidden = hidden_size(text + i, size - i);

		if (hidden > 0) {
			i += hidden;
		} else if (e->t->settings.utf8) {
			struct hin_reader in = hin_reader_of(text + i, size - i);
			uint32_t cp = hin_utf8_read(&in);

			columns += cp == HIN_UTF8_BAD ? 1 : hin_utf8_width(cp);
			i = size - in.left;
		} else {
			columns++;
			i++;
		}
	}
	return columns;
}

/* ---- keys ---- */

static enum edit_key control_key(const struct editor *e, uint8_t c)
{
	static const uint8_t both[32] = {
		[1] = KEY_BEGIN,	 [2] = KEY_LEFT,   [3] = KEY_INTERRUPT,
		[4] = KEY_DELETE_OR_END, [5] = KEY_FINISH, [6] = KEY_RIGHT,
		[8] = KEY_BACKSPACE,	 [9] = KEY_TAB,	   [10] = KEY_ENTER,
		[11] = KEY_KILL_BEHIND,	 [12] = KEY_CLEAR, [13] = KEY_ENTER,
		[14] = KEY_DOWN,	 [16] = KEY_UP,	   [21] = KEY_KILL_BEFORE,
		[23] = KEY_KILL_WORD,
	};
	static const uint8_t readline[32] = {
		[18] = KEY_SEARCH, [20] = KEY_SWAP, [22] = KEY_LITERAL, [25] = KEY_YANK
	};

	if (c == 127)
		return KEY_BACKSPACE;
	if (is_readline(e) && readline[c] != KEY_NONE)
		return readline[c];
	return both[c];
}

/* The key of a whole sequence that begins with ESC. */
static enum edit_key sequence_key(const struct editor *e)
{
	static const struct {
		const char *bytes;
		enum edit_key key;
	} keys[] = {
		{ "[A", KEY_UP },
		{ "OA", KEY_UP },
		{ "[B", KEY_DOWN },
		{ "OB", KEY_DOWN },
		{ "[C", KEY_RIGHT },
		{ "OC", KEY_RIGHT },
		{ "[D", KEY_LEFT },
		{ "OD", KEY_LEFT },
		{ "[H", KEY_BEGIN },
		{ "OH", KEY_BEGIN },
		{ "[F", KEY_FINISH },
		{ "OF", KEY_FINISH },
		{ "[1~", KEY_BEGIN },
		{ "[7~", KEY_BEGIN },
		{ "[4~", KEY_FINISH },
		{ "[8~", KEY_FINISH },
		{ "[3~", KEY_DELETE },
		{ "[1;5C", KEY_WORD_RIGHT },
		{ "[1;5D", KEY_WORD_LEFT },
		{ "[1;3C", KEY_WORD_RIGHT },
		{ "[1;3D", KEY_WORD_LEFT },
		{ "b", KEY_WORD_LEFT },
		{ "f", KEY_WORD_RIGHT },
		{ "d", KEY_KILL_WORD_RIGHT },
		{ "\177", KEY_KILL_WORD_LEFT },
		{ "\b", KEY_KILL_WORD_LEFT },
		{ "<", KEY_OLDEST },
		{ ">", KEY_NEWEST },
		{ "[200~", KEY_PASTE_BEGIN },
		{ "[201~", KEY_PASTE_END },
	};
	size_t size = e->sequence_size - 1u;

	for (size_t i = 0; i < HIN_COUNT(keys); i++)
		if (strlen(keys[i].bytes) == size &&
		    memcmp(keys[i].bytes, e->sequence + 1, size) == 0)
			return keys[i].key;
	return KEY_NONE;
}

/* Is the sequence whole? One that grows too long is, and means nothing. */
static bool is_whole(const struct editor *e)
{
	size_t size = e->sequence_size;
	uint8_t last = e->sequence[size - 1];

	if (size < 2)
		return false;
	if (e->sequence[1] != '[' && e->sequence[1] != 'O')
		return true;
	if (size == EDIT_SEQUENCE)
		return true;
	return size > 2 && last >= '@' && last <= '~';
}

static enum edit_result do_key(struct editor *e, enum edit_key key, uint8_t byte)
{
	enum edit_result result =
		is_readline(e) ? readline_key(e, key, byte) : ash_key(e, key, byte);

	e->was_tab = key == KEY_TAB;
	return result;
}

/* A byte of a sequence. */
static enum edit_result sequence_byte(struct editor *e, uint8_t byte)
{
	enum edit_key key;

	if (e->sequence_size == 1 && byte < 32 && byte != '\b') { /* ESC was a key of its own */
		enum edit_result result;

		e->sequence_size = 0;
		result = do_key(e, KEY_ESCAPE, ESCAPE);
		if (result != EDIT_MORE)
			return result;
		if (byte == ESCAPE) {
			e->sequence[e->sequence_size++] = byte;
			return EDIT_MORE;
		}
		return do_key(e, control_key(e, byte), byte);
	}
	e->sequence[e->sequence_size++] = byte;
	if (!is_whole(e))
		return EDIT_MORE;
	key = sequence_key(e);
	e->sequence_size = 0;
	return do_key(e, key, byte);
}

static bool is_text(const struct editor *e, uint8_t byte)
{
	return byte >= 32 && byte != 127 && e->sequence_size == 0 && !e->literal && !e->asking;
}

static size_t text_run(const struct editor *e, const uint8_t *keys, size_t size)
{
	size_t run = 0;

	while (run < size && is_text(e, keys[run]))
		run++;
	return run;
}

enum edit_result editor_feed(struct editor *e, const uint8_t *keys, size_t size, size_t *used)
{
	enum edit_result result = EDIT_MORE;
	size_t at = 0;

	while (result == EDIT_MORE && at < size) {
		size_t run = text_run(e, keys + at, size - at);

		if (run > 0) {
			if (is_readline(e))
				readline_text(e, keys + at, run);
			else
				ash_text(e, keys + at, run);
			e->was_tab = false;
			at += run;
			continue;
		}
		if (e->literal)
			result = do_key(e, KEY_TEXT, keys[at]);
		else if (e->sequence_size > 0)
			result = sequence_byte(e, keys[at]);
		else if (keys[at] == ESCAPE)
			e->sequence[e->sequence_size++] = ESCAPE;
		else if (keys[at] < 32 || keys[at] == 127)
			result = do_key(e, control_key(e, keys[at]), keys[at]);
		else
			result = do_key(e, KEY_TEXT, keys[at]);
		at++;
	}
	*used = at;
	return result;
}

void editor_begin(struct editor *e, const char *prompt, size_t size)
{
	const char *last = size > 0 ? memrchr(prompt, '\n', size) : NULL;
	const char *from = last != NULL ? last + 1 : prompt;

	hin_buffer_fini(&e->line);
	hin_buffer_fini(&e->shown);
	hin_buffer_fini(&e->prompt);
	hin_buffer_add(&e->prompt, prompt, size);
	e->in_prompt = size == 2 && memcmp(prompt, "> ", 2) == 0;
	e->prompt_columns = (uint16_t)edit_columns(e, from, size - (size_t)(from - prompt));
	free(e->newest);
	e->newest = NULL;
	e->point = 0;
	e->at = e->history.count;
	e->sequence_size = 0;
	e->literal = e->was_tab = e->asking = e->searching = e->pasted = false;
	e->row = e->bottom = e->margin = 0;
	if (is_readline(e))
		readline_begin(e);
	else
		ash_begin(e);
}

void editor_resize(struct editor *e)
{
	/* As the real ones, it is not drawn again before a key comes; only wrapping changes. */
	(void)e;
}
