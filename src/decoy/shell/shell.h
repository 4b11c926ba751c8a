/*
 * shell - an intruder's shell on an imitated machine.
 *
 * It parses as ash, dash and bash do (decoy/shell/syntax.h) and runs commands of our own over an
 *imitated file system (decoy/machine/fs.h). Nothing is ever executed and nothing leaves the
 *process: there is no exec, no socket and no real file behind it. What a command would have done to
 *somebody else is told as an event, and then fails as where nobody answers.
 *
 * Two ways to use one: hin_shell_command() runs a text as `sh -c` does; hin_shell_interactive()
 * prompts and reads lines from its input. Each running command is a coroutine, so that one that
 * waits for input or time holds nobody else up; a shell that waits at its prompt has no stack.
 *
 *	shell = hin_shell_new(&settings);
 *	hin_shell_interactive(shell);
 *	for (;;) {
 *		switch (hin_shell_run(shell, 10000)) { ... }
 *		... hin_shell_input(shell, line, size);
 *	}
 *
 * Everything is bounded: steps, memory, tasks, output of a substitution. A command over its limit
 * is killed as the kernel would kill, status 137, and it is counted; the limit of the whole session
 * ends the shell.
 *
 * The terminal's line discipline (echo, erase, ^C, lines) is not here, but
 *decoy/terminal/terminal.h: this gets lines when the terminal is in canonical mode, and any bytes
 *when it is not. ^C and ^Z come by hin_shell_signal(), after the terminal has echoed them; a
 *hang-up is SIGHUP.
 *
 * Ownership: the caller owns a shell; settings and what they point to outlive it.
 * Threads:   one thread at a time for each shell.
 */
#pragma once
#include "decoy/machine/fs.h"
#include "decoy/machine/machine.h"

struct hin_shell_limits {
	uint64_t steps;	       /* commands, reads and writes of one shell in all */
	uint64_t line_steps;   /* of one command line; 0: no other limit */
	size_t memory_bytes;   /* of one process */
	size_t total_bytes;    /* of all its processes; 0: no other limit */
	unsigned tasks;	       /* stages of pipelines and jobs at once */
	size_t captured_bytes; /* by one $( ) */
};

extern const struct hin_shell_limits hin_shell_limits_default;

/* The tag of files that are programs of the machine: their name says which command they run. A
 * program without a command of ours answers nothing, status 0. */
#define HIN_SHELL_PROGRAM 1u
/* Tags of a machine's own begin here: see hin_shell_machine.generate. */
#define HIN_SHELL_TAGS 16u

/* ---- what is told of it ---- */

enum hin_shell_event_kind {
	/* A command line, before it runs: `text` as it was typed. */
	HIN_SHELL_LINE,
	/* A command that begins: `text` are its words with one space between, `tool` the first. */
	HIN_SHELL_COMMAND,
	/* `tool` would fetch: `text` is the address as typed; scheme, host, port, path; `file`
	 * where it would be kept, "-" for its output. */
	HIN_SHELL_DOWNLOAD,
	/* `tool` would send `file` there: scheme, host, port, path. */
	HIN_SHELL_UPLOAD,
	/* `tool` would connect, or ask for a name (scheme "dns"): scheme, host, port. */
	HIN_SHELL_CONNECT,
	/* A file was closed after writing: `file`, `ino`. */
	HIN_SHELL_FILE,
	/* A file that only the machine can make was opened for reading: `ino`. */
	HIN_SHELL_READ,
	/* A file of the intruder would be run: `file`, `ino`; `text` its words. */
	HIN_SHELL_EXECUTE,
	/* `tool` was told a password: `user`, `password`. */
	HIN_SHELL_CREDENTIAL,
	/* `tool` ends another's process: `pid`, `signal`, `text` its command. */
	HIN_SHELL_KILL,
	/* exit of the first shell, halt, reboot: `tool`; the shell is done after it. */
	HIN_SHELL_END_SESSION,
};

/* All texts live for the call only; those without meaning are NULL. */
struct hin_shell_event {
	enum hin_shell_event_kind kind;
	const char *tool;
	const char *text;
	const char *scheme; /* "http", "https", "ftp", "tftp", "ssh", "tcp", "udp", "dns", "icmp" */
	const char *host;   /* in lower case, without brackets */
	uint16_t port;	    /* 0: none */
	const char *path;   /* at the host */
	const char *file;   /* here, an absolute path */
	uint32_t ino;
	const char *user, *password;
	uint32_t pid;
	int signal;
};

/* ---- the terminal ---- */

/* What stty changes and a terminal heeds; hin_shell_modes_cooked is how a terminal begins. */
struct hin_shell_modes {
	bool canonical; /* icanon: lines; else bytes as they come */
	bool echo;
	bool signals; /* isig: ^C is a signal */
	bool returns; /* icrnl: a carriage return becomes a newline */
	bool output;  /* opost onlcr: a newline becomes CR LF */
};

extern const struct hin_shell_modes hin_shell_modes_cooked;

struct hin_shell_terminal {
	bool is_terminal;	/* else the input is a pipe: no prompt without `set -i`, no tty */
	const char *name;	/* "pts/0" */
	const char *type;	/* TERM; NULL: "linux" */
	unsigned columns, rows; /* 0: 80 and 24 */
};

struct hin_shell_settings {
	const struct hin_shell_machine *machine;
	struct hin_fs *fs;
	struct hin_fs_user user;
	/* $0: "sh", "-bash". Where the machine is a Debian one that ends with "bash" is bash. */
	const char *name;
	const char *const *variables; /* "NAME=value", exported; ends with NULL */
	const char *folder;	      /* where it begins */
	const char *login;	      /* the user's name; NULL: from /etc/passwd */
	const char *from;	      /* the intruder's address, for who; or NULL */
	/* The process that let the intruder in, first_pid - 1: "sshd: root@pts/0"; NULL: none. */
	const char *daemon;
	uint32_t first_pid;
	struct hin_shell_limits limits;
	struct hin_shell_terminal terminal;
	/* What the machine shows: `fd` is 1 or 2. On a terminal it is 2 for prompts, too. */
	void (*output)(void *user, int fd, const void *data, size_t size);
	/* NULL: nobody wants to know. No call on the shell from inside. */
	void (*event)(void *user, const struct hin_shell_event *event);
	/* The terminal shall be so from now on. NULL: it stays. */
	void (*modes)(void *user, const struct hin_shell_modes *modes);
	/* Is that the user's password? NULL: su, sudo and passwd take none. */
	bool (*password)(void *user, const char *name, const char *password);
	void *user_data;
};

struct hin_shell;

/* NULL without memory, or when the folder is none. */
HIN_MUST_USE struct hin_shell *hin_shell_new(const struct hin_shell_settings *settings);
void hin_shell_free(struct hin_shell *shell); /* NULL is fine */

/* Run `text` as sh -c does, with parameters `arguments` (ends with NULL; may be NULL: none). */
HIN_MUST_USE enum hin_code hin_shell_command(struct hin_shell *shell, const char *text,
					     const char *const *arguments);

/* Prompt and read command lines from the input, until `exit` or the input's end. */
HIN_MUST_USE enum hin_code hin_shell_interactive(struct hin_shell *shell);

/* Bytes for standard input; and its end, or ^D of a terminal. More than a megabyte that nobody
 * reads is dropped. */
void hin_shell_input(struct hin_shell *shell, const void *data, size_t size);
void hin_shell_input_end(struct hin_shell *shell);

/* ^C, ^\, ^Z and the hang-up: SIGINT, SIGQUIT, SIGTSTP, SIGHUP. Input that nobody has read is
 * forgotten; the foreground command ends (stops), or the prompt comes again. */
void hin_shell_signal(struct hin_shell *shell, int number);

/* The terminal has another size now. */
void hin_shell_resize(struct hin_shell *shell, unsigned columns, unsigned rows);

enum hin_shell_state {
	HIN_SHELL_RUNS,	  /* would go on at once */
	HIN_SHELL_READS,  /* waits for input */
	HIN_SHELL_SLEEPS, /* waits for time (and perhaps input) */
	HIN_SHELL_DONE,
};

/* Go on for about `steps` steps. */
enum hin_shell_state hin_shell_run(struct hin_shell *shell, uint64_t steps);

/* Does it wait for a command line, the prompt shown? Else for what a command reads. */
bool hin_shell_prompts(const struct hin_shell *shell);

/* When a shell that sleeps wants to go on, by its machine's clock. */
int64_t hin_shell_wakes_us(const struct hin_shell *shell);

/* The exit status, when it is done. */
int hin_shell_status(const struct hin_shell *shell);

/* Processes that were killed over a limit. */
uint64_t hin_shell_killed(const struct hin_shell *shell);

/* The names of all commands, in order; NULL behind the last. */
const char *hin_shell_applet(size_t index);

/*
 * Let `fs` show the machine's /proc, where its image has a folder /proc, to who is no shell (SFTP).
 * A shell does so by itself while it runs.
 */
void hin_shell_proc(struct hin_fs *fs, const struct hin_shell_machine *machine);

/* The bytes of a file whose stat has a tag, or that is of /proc: made now. */
void hin_shell_generate(struct hin_fs *fs, const struct hin_shell_machine *machine, uint32_t ino,
			struct hin_buffer *out);
