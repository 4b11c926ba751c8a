/*
 * terminal - the line discipline of a terminal, and the line editing of the shell at it.
 *
 * What Linux's n_tty does between a pty's master and its reader: echo, lines with erase, word erase
 * and kill, ^D, signals by ^C ^\ ^Z, ^S and ^Q, CR to NL on the way in, NL to CR LF and tabs on the
 * way out. On top of it, while an attached shell waits at its prompt, the editor of that shell: the
 * bytes that readline 8.2 (bash of Debian 12) or busybox' line editing send back for each key. A
 * shell without an editor (dash) reads lines of the discipline.
 *
 * A log-in program reads lines:
 *
 *	hin_terminal_type(t, bytes, size);
 *	while (hin_terminal_line(t, &line)) ...
 *
 * After it a shell is attached and the terminal runs it:
 *
 *	hin_terminal_attach(t, shell);
 *	state = hin_terminal_run(t, 10000);
 *
 * What is typed ahead stays here until somebody reads, as in a kernel: 4095 bytes of a line, then a
 * bounded queue behind it; more is dropped. An idle terminal without history is below 1 KiB.
 *
 * Ownership: the caller owns a terminal and the shell; free the terminal first.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "decoy/shell/shell.h"

#define HIN_TERMINAL_LINE 4095u		       /* bytes of a line, as n_tty has it */
#define HIN_TERMINAL_AHEAD ((size_t)64 * 1024) /* bytes typed that nobody has read */
#define HIN_TERMINAL_HISTORY 255u	       /* lines that an editor remembers */
#define HIN_TERMINAL_HISTORY_BYTES ((size_t)16 * 1024)

/* Who edits at a prompt. */
enum hin_terminal_editor {
	HIN_EDITOR_NONE,     /* nobody: lines of the discipline */
	HIN_EDITOR_ASH,	     /* busybox */
	HIN_EDITOR_READLINE, /* bash */
};

struct hin_terminal_settings {
	enum hin_terminal_editor editor;
	const char *type;	/* TERM; NULL: "dumb" for readline, nothing else cares. Copied. */
	unsigned columns, rows; /* 0: 80 and 24 */
	bool utf8;		/* iutf8: erase takes a whole character */
	bool expand_tabs;	/* xtabs: a tab is sent as spaces */
	bool asks_cursor;	/* a busybox that asks where the cursor is at each prompt */
	/* For the client: after all that output processing does. */
	void (*send)(void *user, const void *data, size_t size);
	/* ^C, ^\, ^Z while no shell is attached: SIGINT, SIGQUIT, SIGTSTP. May be NULL. */
	void (*signal)(void *user, int number);
	/* A signal key has thrown away what was on its way to the client: TIOCPKT_FLUSHWRITE. May
	 * be NULL. */
	void (*flushed)(void *user);
	void *user;
};

struct hin_terminal;

/* A terminal in cooked mode (hin_shell_modes_cooked). NULL without memory. */
HIN_MUST_USE struct hin_terminal *hin_terminal_new(const struct hin_terminal_settings *settings);
void hin_terminal_free(struct hin_terminal *terminal); /* NULL is fine */

/* Another size: an attached shell hears of it. 0 leaves what was. */
void hin_terminal_resize(struct hin_terminal *terminal, unsigned columns, unsigned rows);

/* What a program switches by tcsetattr: for settings.modes of a shell, and log-in programs. */
void hin_terminal_modes(struct hin_terminal *terminal, const struct hin_shell_modes *modes);

/* The client has typed this: echoed, edited, kept until it is read. */
void hin_terminal_type(struct hin_terminal *terminal, const void *data, size_t size);

/* A break or IAC IP, SUSP, ABORT: as if the key of `number` was typed while it makes signals. */
void hin_terminal_interrupt(struct hin_terminal *terminal, int number);

/* A program prints: output processing, then to the client. */
void hin_terminal_print(struct hin_terminal *terminal, const void *data, size_t size);

/* Forget what was typed and not read: tcflush(TCIFLUSH). */
void hin_terminal_flush(struct hin_terminal *terminal);

/*
 * Take the oldest whole line, with its NL, to `out` (emptied first), or in raw mode all there is.
 * False when there is none yet. ^D at the start of a line is a line of no bytes.
 */
bool hin_terminal_line(struct hin_terminal *terminal, struct hin_buffer *out);

/* From now on `shell` reads, by hin_terminal_run(). It is interactive already. */
void hin_terminal_attach(struct hin_terminal *terminal, struct hin_shell *shell);

/* The files that Tab completes names from, as `user` in `folder`; NULL: none. */
void hin_terminal_complete(struct hin_terminal *terminal, struct hin_fs *fs,
			   struct hin_fs_user user, uint32_t folder);

/* What the attached shell prints: its output callback calls this. `fd` is 1 or 2. */
void hin_terminal_output(struct hin_terminal *terminal, int fd, const void *data, size_t size);

/*
 * Run the attached shell about `steps` steps; give it what was typed as it reads, through its
 * editor while it prompts. States are those of hin_shell_run(). While ^S holds the output it does
 * not run: HIN_SHELL_READS.
 */
enum hin_shell_state hin_terminal_run(struct hin_terminal *terminal, uint64_t steps);

/* Has ^S stopped the output? */
bool hin_terminal_is_stopped(const struct hin_terminal *terminal);
