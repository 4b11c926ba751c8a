/* edit_priv - a line that is edited at a prompt: what both editors share. */
#pragma once
#include "decoy/terminal/terminal_priv.h"

/* What a key or a sequence of bytes asks for. */
enum edit_key {
	KEY_NONE, /* a sequence that means nothing */
	KEY_TEXT,
	KEY_ENTER,
	KEY_INTERRUPT,
	KEY_BEGIN,
	KEY_FINISH,
	KEY_LEFT,
	KEY_RIGHT,
	KEY_WORD_LEFT,
	KEY_WORD_RIGHT,
	KEY_UP,
	KEY_DOWN,
	KEY_OLDEST,
	KEY_NEWEST,
	KEY_BACKSPACE,
	KEY_DELETE,
	KEY_DELETE_OR_END,
	KEY_KILL_BEFORE,
	KEY_KILL_BEHIND,
	KEY_KILL_WORD,	    /* back to white space */
	KEY_KILL_WORD_LEFT, /* back over letters and digits */
	KEY_KILL_WORD_RIGHT,
	KEY_YANK,
	KEY_SWAP,
	KEY_CLEAR,
	KEY_TAB,
	KEY_SEARCH,
	KEY_LITERAL,
	KEY_ESCAPE, /* alone, something else behind it */
	KEY_PASTE_BEGIN,
	KEY_PASTE_END,
};

#define EDIT_SEQUENCE 24 /* bytes of a sequence */

struct edit_history {
	char **lines;
	uint16_t count, room;
	uint32_t bytes;
};

struct editor {
	struct hin_terminal *t;
	struct hin_buffer line, prompt, kill;
	size_t point;
	struct edit_history history;
	uint16_t at;  /* the line of the history that is shown; `count` is the new one */
	char *newest; /* the new line, while another is shown */
	uint8_t sequence[EDIT_SEQUENCE], sequence_size;
	bool literal;	/* ^V */
	bool was_tab;	/* the key before was one */
	bool asking;	/* "Display all ... possibilities?" */
	bool in_prompt; /* of a continued command */
	uint16_t prompt_columns;
	/* readline: what the screen shows of the line; where its cursor is */
	struct hin_buffer shown, search;
	bool searching, pasted;
	uint16_t margin; /* first cell that is shown, where lines do not wrap */
	uint32_t column, row, bottom;
	uint16_t pasted_at;
};

/* ---- edit.c ---- */

void edit_put(struct editor *e, const void *data, size_t size);
void edit_puts(struct editor *e, const char *text);
void edit_bell(struct editor *e);
void edit_spread(struct editor *e, size_t at, const void *data, size_t size); /* insert */
void edit_cut(struct editor *e, size_t from, size_t to);
void edit_set(struct editor *e, const char *text); /* another line, point behind it */

size_t edit_word_left(const struct editor *e, size_t from);
size_t edit_word_right(const struct editor *e, size_t from);
/* Where the white space ends before the word that ends before `from`. */
size_t edit_blank_left(const struct editor *e, size_t from);

/* Another line of the history; false at its end. */
bool edit_history_step(struct editor *e, int step);
void edit_history_add(struct editor *e);

/* Columns of bytes without what a terminal takes for itself (CSI, OSC). */
size_t edit_columns(const struct editor *e, const char *text, size_t size);

/* ---- edit_complete.c ---- */

struct edit_matches {
	char **names; /* in order; a folder ends with "/" */
	size_t count, room, bytes;
	size_t from;   /* the word begins here in the line, behind its last "/" */
	bool commands; /* it is a command's name */
	bool failed;
};

/* The names that the word at the point may become. */
void edit_match(struct editor *e, struct edit_matches *out);
/* Bytes that all of them begin with. */
size_t edit_match_common(const struct edit_matches *m);
void edit_match_fini(struct edit_matches *m);

/* ---- edit_ash.c, edit_readline.c ---- */

void ash_begin(struct editor *e);
void ash_text(struct editor *e, const uint8_t *text, size_t size);
enum edit_result ash_key(struct editor *e, enum edit_key key, uint8_t byte);

void readline_begin(struct editor *e);
void readline_text(struct editor *e, const uint8_t *text, size_t size);
enum edit_result readline_key(struct editor *e, enum edit_key key, uint8_t byte);
