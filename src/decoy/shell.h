/*
 * shell - an intruder's shell on an imitated machine.
 *
 * It parses as ash and dash do (decoy/syntax.h) and runs commands of our own over an imitated file
 * system (decoy/fs.h). Nothing is ever executed and nothing leaves the process: there is no exec,
 * no socket and no real file behind it. Each stage of a pipeline is a coroutine, so that a command
 * that waits for input or time holds nobody else up.
 *
 * Everything is bounded: steps, memory, tasks, output of a substitution. Who is over a limit is
 * killed as the kernel would kill, status 137, and it is counted.
 *
 * Ownership: the caller owns a shell; settings and what they point to outlive it.
 * Threads:   one thread at a time for each shell.
 */
#pragma once
#include "decoy/fs.h"

/* Whose words and messages the shell and its commands use. */
enum hin_shell_dialect {
	HIN_SHELL_DASH, /* Debian's /bin/sh, with coreutils */
	HIN_SHELL_ASH,	/* busybox */
};

struct hin_shell_limits {
	uint64_t steps;	       /* commands, reads and writes of one shell */
	size_t memory_bytes;   /* of one process */
	unsigned tasks;	       /* stages of pipelines and jobs at once */
	size_t captured_bytes; /* by one $( ) */
};

extern const struct hin_shell_limits hin_shell_limits_default;

/* The tag of files that are programs of the machine: their name says which command they run. */
#define HIN_SHELL_PROGRAM 1u

/* The machine that is imitated. */
struct hin_shell_machine {
	enum hin_shell_dialect dialect;
	const char *hostname;
	const char *system, *release, *version, *hardware; /* as uname says: -s -r -v -m */
	/* Make the bytes of a file with that tag (struct hin_fs_stat). NULL: none has one. */
	void (*generate)(void *user, uint32_t tag, struct hin_buffer *out);
	int64_t (*now_us)(void *user); /* its clock, microseconds since 1970 UTC */
	void *user;
};

struct hin_shell_settings {
	const struct hin_shell_machine *machine;
	struct hin_fs *fs;
	struct hin_fs_user user;
	const char *name;	      /* $0, "sh" */
	const char *const *variables; /* "NAME=value", exported; ends with NULL */
	const char *folder;	      /* where it begins */
	uint32_t first_pid;
	struct hin_shell_limits limits;
	/* What the machine shows: `fd` is 1 or 2. */
	void (*output)(void *user, int fd, const void *data, size_t size);
	void *user_data;
};

struct hin_shell;

/* NULL without memory, or when the folder is none. */
HIN_MUST_USE struct hin_shell *hin_shell_new(const struct hin_shell_settings *settings);
void hin_shell_free(struct hin_shell *shell); /* NULL is fine */

/* Run `text` as sh -c does, with parameters `arguments` (ends with NULL; may be NULL: none). */
HIN_MUST_USE enum hin_code hin_shell_command(struct hin_shell *shell, const char *text,
					     const char *const *arguments);

/* Bytes for standard input; and its end. More than a megabyte that nobody reads is dropped. */
void hin_shell_input(struct hin_shell *shell, const void *data, size_t size);
void hin_shell_input_end(struct hin_shell *shell);

enum hin_shell_state {
	HIN_SHELL_RUNS,	  /* would go on at once */
	HIN_SHELL_READS,  /* waits for input */
	HIN_SHELL_SLEEPS, /* waits for time */
	HIN_SHELL_DONE,
};

/* Go on for about `steps` steps. */
enum hin_shell_state hin_shell_run(struct hin_shell *shell, uint64_t steps);

/* When a shell that sleeps wants to go on, by its machine's clock. */
int64_t hin_shell_wakes_us(const struct hin_shell *shell);

/* The exit status, when it is done. */
int hin_shell_status(const struct hin_shell *shell);

/* Processes that were killed over a limit. */
uint64_t hin_shell_killed(const struct hin_shell *shell);

/* The names of all commands, in order; NULL behind the last. */
const char *hin_shell_applet(size_t index);
