/* terminal_priv - what the line discipline, the editors and the glue between them share. */
#pragma once
#include "decoy/terminal/terminal.h"

struct editor;

struct hin_terminal {
	struct hin_terminal_settings settings; /* .type is a copy, or NULL */
	struct hin_shell_modes modes;
	uint16_t columns, rows;
	uint32_t column;       /* of the cursor, as n_tty counts it */
	uint32_t canon_column; /* where the line that is typed began */
	bool stopped;	       /* ^S */
	bool literal;	       /* ^V was typed */
	bool editing;	       /* the editor has the terminal */
	bool raw;	       /* it has just left: the shell has not set the terminal back */
	struct hin_buffer out; /* for the client, until the outermost call ends */
	size_t echo_from;      /* in `out`: what was echoed by this call */
	uint32_t echo_column;
	struct hin_buffer line;	 /* being typed; in raw mode what nobody has read */
	struct hin_buffer ready; /* whole lines: two bytes of size, little endian, and the bytes */
	struct hin_buffer typed; /* keys for the editor that it has not seen */
	size_t ready_at, typed_at;
	struct hin_buffer held; /* what the shell printed last: its prompt, perhaps */
	struct hin_shell *shell;
	struct editor *editor;
	struct hin_fs *fs;
	struct hin_fs_user user;
	uint32_t folder;
};

/* ---- terminal_line.c: the discipline ---- */

/* Output processing, to `out`. */
void terminal_put(struct hin_terminal *t, const void *data, size_t size);

/* A key in cooked or raw mode, without an editor. */
void terminal_key(struct hin_terminal *t, uint8_t key);

/* What was on its way to the client is gone, and whoever has the pty's other side hears of it. */
void terminal_flushed(struct hin_terminal *t);

/* To the client, all that was put. */
void terminal_deliver(struct hin_terminal *t);

/* The signal key of `number` was typed: echo, forget, tell. */
void terminal_signal(struct hin_terminal *t, int number);

/* Move all that is read for lines to `to`, as it was typed. */
void terminal_uncook(struct hin_terminal *t, struct hin_buffer *to);

/* ---- edit.c ---- */

enum edit_result {
	EDIT_MORE, /* wants more keys */
	EDIT_LINE, /* the line is done: editor_line() */
	EDIT_END,  /* ^D at an empty line */
	EDIT_INTERRUPT,
};

/* NULL without memory. */
struct editor *editor_new(struct hin_terminal *t);
void editor_free(struct editor *e);

/* Begin a line behind `prompt`, which is shown here. */
void editor_begin(struct editor *e, const char *prompt, size_t size);

/* Keys; `*used` of them were. */
enum edit_result editor_feed(struct editor *e, const uint8_t *keys, size_t size, size_t *used);

/* The line, without its end; until the next call. */
const struct hin_buffer *editor_line(const struct editor *e);

/* The window has another width. */
void editor_resize(struct editor *e);
