/* shell_priv - processes, files and memory of an imitated shell: what its parts share. */
#pragma once
#include <regex.h>
#include <setjmp.h>

#include "decoy/shell/shell.h"
#include "decoy/shell/syntax.h"

#define FDS 10	 /* descriptors of a process */
#define OWNED 32 /* files that its commands hold open beside */
#define PIPE_ROOM 65536
#define CALLS_DEPTH 128 /* functions, substitutions and subshells inside each other */

/* ---- memory: of a process, freed with it at the latest ---- */

struct piece {
	struct piece *before;
	size_t size;
	/* the bytes follow */
};

/* ---- open files ---- */

enum file_type {
	FILE_FS,
	FILE_PIPE_READ,
	FILE_PIPE_WRITE,
	FILE_INPUT,   /* what comes from outside */
	FILE_OUTPUT,  /* what the intruder sees: `number` is 1 or 2 */
	FILE_CAPTURE, /* output of a substitution */
	FILE_TEXT,    /* made when it was opened: here-documents, /proc */
	FILE_NULL,
	FILE_ZERO,
	FILE_RANDOM,
	FILE_FULL,
};

struct channel {
	struct hin_buffer data;
	size_t at; /* read up to here */
	unsigned readers, writers;
};

struct file {
	enum file_type type;
	unsigned refs;
	bool readable, writable, append;
	bool written; /* something was, or it was cut */
	int number;
	uint32_t ino;
	uint64_t offset;
	struct channel *channel;
	char *path;		/* of FILE_FS that may be written */
	struct hin_buffer text; /* FILE_TEXT, FILE_CAPTURE */
};

/* ---- variables and functions ---- */

struct variable {
	struct variable *next;
	char *value; /* NULL: not set */
	bool exported, readonly;
	char name[];
};

/* A parsed text; functions keep it alive. */
struct unit {
	struct hin_arena arena;
	unsigned refs;
};

/* A unit that a process runs a part of. */
struct running {
	struct unit *unit;
	struct running *outer;
};

struct function {
	char *name;
	struct unit *unit;
	const struct hin_node *body;
	struct function *next;
};

/* What stood at the descriptors before a command's redirections. */
struct redirected {
	struct file *before[FDS];
	unsigned changed; /* a bit each */
	struct redirected *outer;
};

/* What a function found, to be put back when it returns. */
struct saved {
	char *name, *value;
	bool exported, readonly;
	struct saved *next;
};

struct frame {
	char **arguments;
	size_t argument_count;
	struct saved *saved;
	struct frame *outer;
	unsigned option_at; /* of getopts in its word */
};

/* ---- processes ---- */

enum flow {
	FLOW_ON,
	FLOW_BREAK,
	FLOW_CONTINUE,
	FLOW_RETURN,
	FLOW_EXIT,
};

enum option {
	OPTION_ERREXIT = 1,    /* -e */
	OPTION_NOUNSET = 2,    /* -u */
	OPTION_XTRACE = 4,     /* -x */
	OPTION_NOGLOB = 8,     /* -f */
	OPTION_NOCLOBBER = 16, /* -C */
	OPTION_NOEXEC = 32,    /* -n */
	OPTION_ALLEXPORT = 64, /* -a */
	OPTION_VERBOSE = 128,  /* -v */
	OPTION_PIPEFAIL = 256,
};

#define TRAPS 65 /* signals, and 0 for the exit */

struct task;
struct call;

/* Compiled expressions, which are no plain memory. */
struct compiled {
	regex_t *expressions;
	size_t count;
	struct compiled *before;
};

struct process {
	struct hin_shell *shell;
	struct task *task;     /* NULL: it waits for a command line */
	struct process *outer; /* in the same task: it waits for this one */
	struct process *below; /* of an interactive shell: where its exit leads */
	jmp_buf *out;	       /* where a dead process goes */
	uint32_t pid, parent, last_job;
	uint32_t shell_pid; /* $$ */
	enum hin_shell_dialect dialect;
	const struct call *call; /* of the program that runs in it, which ps shows as a process */
	uint32_t call_pid;
	int64_t began_us;
	struct piece *pieces, *kept; /* of the command that runs; of the process */
	size_t memory;
	struct variable *variables;
	struct function *functions;
	struct running *running;
	struct frame *frame;
	struct file *fds[FDS];
	struct file **owned; /* OWNED of them, or NULL */
	struct redirected *redirected;
	struct compiled *compiled;
	struct hin_fs_user user;
	uint32_t folder;
	char *folder_name; /* as cd went there */
	uint32_t umask;
	unsigned options;
	int status, substituted;  /* of the last substitution of a command's words */
	unsigned line, next_line; /* that runs; of an interactive shell, that is read next */
	const char *builtin;	  /* that runs, for messages; or NULL */
	enum flow flow;
	unsigned levels; /* of break and continue that are left */
	unsigned loops, depth, tested;
	char **traps;	  /* TRAPS of them, or NULL */
	uint64_t pending; /* signals whose traps shall run, a bit each */
	bool is_subshell;
	bool interactive; /* it prompts, and does not end when something is wrong */
	bool is_stage;	  /* it is there for one command, which is this process then */
	bool tail;	  /* nothing comes behind the command that runs */
	bool exits;	  /* exit was said */
	bool killed;	  /* a shell in it was ended by a signal */
	bool continued;	  /* a command goes on in the next line */
	char *name;	  /* $0 */
};

/* ---- tasks ---- */

enum task_state {
	TASK_RUNS,
	TASK_READS, /* waits for its file to have something */
	TASK_WRITES,
	TASK_SLEEPS,
	TASK_READS_UNTIL, /* either of both */
	TASK_WAITS,	  /* for another task */
	TASK_WAITS_UNTIL, /* the same, but not for ever */
	TASK_ENDED,
};

/* A job of an interactive shell. */
struct job {
	unsigned number;
	uint32_t pid; /* 0: it was stopped, and is not there any more */
	char *text;
	struct job *next;
};

struct hin_shell {
	const struct hin_shell_machine *machine;
	struct hin_fs *fs;
	struct hin_shell_settings settings;
	struct task *tasks;
	unsigned task_count;
	struct process *first;	/* the shell itself; of several inside each other the innermost */
	struct process *pushed; /* one that a command began: it is the first when that has ended */
	uint32_t front;		/* process of the task that runs a command line, or 0 */
	uint32_t pid;		/* $$ */
	struct process *asking; /* who looks at files now: for /proc/self */
	struct channel input;
	struct hin_buffer line; /* what was read of a command */
	struct hin_shell_modes modes;
	struct job *jobs;
	uint32_t *dead; /* processes of the machine that the intruder has ended */
	unsigned dead_count;
	uint32_t next_pid;
	int64_t began_us;
	uint64_t steps, killed;
	uint64_t slice;	  /* steps that are left of this run */
	size_t memory;	  /* of all processes */
	bool input_ended; /* ^D on a terminal: the next read finds the end */
	bool interactive, prompted;
	unsigned told; /* commands that were told of */
	bool over;     /* the session's limit is reached */
	bool done;
	int status;
};

/* ---- task.c ---- */

enum task_how { TASK_PLAIN = 0, TASK_KEEPS = 1, TASK_BACKGROUND = 2 };

/* Run `body` in a task of its own; it owns `p`, but with TASK_KEEPS. False when there may be no
 * more. */
bool task_start(struct process *p, void (*body)(struct process *p, void *what), void *what,
		unsigned how);

/* Let others go on until `state` is over. */
void task_block(struct process *p, enum task_state state, const struct file *file,
		int64_t until_us);

/* Wait for a task to end; false when it has not until then. */
bool task_wait_until(struct process *p, uint32_t pid, int64_t until_us);

/* One step of work: dies when there were too many, and lets others go on now and then. */
void step(struct process *p);

/* Set what the command that runs may still do; returns what it was. */
uint64_t task_budget(struct process *p, uint64_t budget);

/* Is the process still there? `status` is what it ended with. */
bool task_is_alive(const struct hin_shell *shell, uint32_t pid, int *status);
/* Wait for one of the process' jobs to end; false when there is none. */
bool wait_any(struct process *p);

/* The status of an ended task was asked for: it may go. */
void task_forget(struct hin_shell *shell, uint32_t pid);
/* A signal for one process; 0 only asks. False when there is none. */
bool task_kill(struct hin_shell *shell, uint32_t pid, int number);
/* The same for all that are not in the background. */
void tasks_signal(struct hin_shell *shell, int number);
/* Every task that is there, with its innermost process. */
void tasks_each(const struct hin_shell *shell,
		void (*each)(void *user, const struct process *p, enum task_state state),
		void *user);
bool task_is_background(const struct process *p);
/* The process outlives the signal that has ended what it ran: which it was, or 0. */
int task_spare(struct process *p);
void tasks_end(struct hin_shell *shell);
/* All that can go on do so for a while; false when none could. */
bool tasks_run(struct hin_shell *shell);
/* What all of them wait for. */
enum hin_shell_state tasks_wait(const struct hin_shell *shell);

/* ---- process.c ---- */

void *memory_of(struct process *p, size_t size);  /* zeroed; dies without */
void *memory_try(struct process *p, size_t size); /* NULL without */
/* The same, until the process ends. */
void *memory_kept(struct process *p, size_t size);
char *text_of(struct process *p, const char *text, size_t size);
char *format_of(struct process *p, const char *fmt, ...) HIN_PRINTF(2, 3);

/* Text that grows in a process' memory: nothing is lost when the process dies. Always ends with
 * NUL. */
struct growing {
	char *data;
	size_t size, room;
};

void grow(struct process *p, struct growing *g, const void *data, size_t size);
void grow_char(struct process *p, struct growing *g, char c);
void grow_text(struct process *p, struct growing *g, const char *text);
void grow_format(struct process *p, struct growing *g, const char *fmt, ...) HIN_PRINTF(3, 4);

/* Free what was allocated since `mark`, an earlier p->pieces. */
void memory_back(struct process *p, struct piece *mark);

/* Free one that was taken out of the list. */
void memory_free_piece(struct process *p, struct piece *piece);

/* The parts of a unit may be run until it is left; the unit is freed with the last who needs it. */
void unit_enter(struct process *p, struct unit *unit);
void unit_leave(struct process *p);
void unit_drop(struct unit *unit);

/* A copy of `p` for a subshell; dies without memory. It runs by process_try(). */
struct process *process_fork(struct process *p);
void process_free(struct process *p);

/* The same in the task of `p`, a level deeper; dies when there are too many. */
struct process *process_inside(struct process *p);
/* Run `body` in such a child, and free it; its status is that of `p` then. */
void process_run(struct process *child, void (*body)(struct process *p, void *what), void *what);

/*
 * Run `body`. False when it died: what it had opened and redirected is put back as it was.
 */
bool process_try(struct process *p, void (*body)(struct process *p, void *what), void *what);

/* As after exec: no functions, no traps, and no variables but those that are exported. */
void process_strip(struct process *p);

/* End the process at once: it goes to where process_try() stands. */
_Noreturn void process_die(struct process *p, int status);

const char *variable_get(const struct process *p, const char *name);
struct variable *variable_find(const struct process *p, const char *name);
/* False, with a message, for a variable that is read-only. */
bool variable_set(struct process *p, const char *name, const char *value);
void variable_unset(struct process *p, const char *name);
void variable_export(struct process *p, const char *name);
void variable_save(struct process *p, const char *name); /* for the function that runs */
void frame_end(struct process *p);

/* ---- files.c ---- */

struct file *file_new(struct process *p, enum file_type type);
struct file *file_ref(struct file *f);
void file_close(struct hin_shell *shell, struct file *f);

/* A file that a command opened: closed with its process, also when that dies before file_done(). */
struct file *file_owned(struct process *p, struct file *f);
void file_done(struct process *p, struct file *f); /* NULL is fine */

enum open_how {
	OPEN_READ = 1,
	OPEN_WRITE = 2,
	OPEN_CREATE = 4,
	OPEN_TRUNCATE = 8,
	OPEN_APPEND = 16,
	OPEN_EXCLUSIVE = 32,
};

/* 0 or a negative errno. */
int file_open(struct process *p, const char *path, unsigned how, uint32_t mode, struct file **out);

/* Bytes read, 0 at the end, or a negative errno. Waits as read(2) does. */
int64_t file_read(struct process *p, struct file *f, void *data, size_t size);

/* All is written, or a negative errno; a pipe that nobody reads kills. */
int file_write(struct process *p, struct file *f, const void *data, size_t size);

bool pipe_new(struct process *p, struct file **reads, struct file **writes);

/* Output of a process, to its descriptor; errors are told once. */
void out(struct process *p, int fd, const void *data, size_t size);
void outs(struct process *p, const char *text);
void outf(struct process *p, const char *fmt, ...) HIN_PRINTF(2, 3);
void errf(struct process *p, const char *fmt, ...) HIN_PRINTF(2, 3);

/* Lines of files, one after another; "-" and no file at all mean the input. */
struct lines {
	struct call *call;
	char **names; /* NULL behind the last */
	struct file *file;
	const char *name; /* of the file that is read */
	char block[4096];
	size_t at, used;
	struct growing line;
	bool newline;  /* the line ended with one */
	bool fresh;    /* a file has just begun */
	int status;    /* 1 when a file could not be read */
	size_t number; /* of the file, from 1 */
	bool quiet;    /* no word of files that cannot be read */
};

void lines_begin(struct lines *l, struct call *call, char **names);
bool lines_next(struct lines *l);   /* the line is in l->line, without its newline */
bool line_of_file(struct lines *l); /* the next line of this file alone */
bool lines_file(struct lines *l);   /* go to the next file; false when there is none */

/* Compiled expressions are freed with the process, or when the command is done: the newest first.
 * `count` may grow while they are kept. */
void regex_kept(struct process *p, regex_t *expressions, size_t count);
void regex_done(struct process *p, const regex_t *expressions);

/* A file for reading by its name, or the input for "-"; NULL with a word to the user. */
struct file *open_input(struct call *call, const char *name);

/* The whole of a file from where it stands, with a NUL behind; dies over the memory limit. */
char *file_slurp(struct process *p, struct file *f, size_t *size);

/* ---- expand.c ---- */

struct fields {
	char **items; /* NULL behind the last */
	size_t count, room;
};

void fields_add(struct process *p, struct fields *fields, char *text);

/* Expand a word to any number of fields. */
void expand(struct process *p, const struct hin_word *word, struct fields *fields);

/* The braces of bash; false when there are none. */
bool expand_braces(struct process *p, const struct hin_word *word, struct fields *fields);

/* Expand a word to one text, without splitting; as a pattern, what was quoted is escaped. */
char *expand_text(struct process *p, const struct hin_word *word);
char *expand_pattern(struct process *p, const struct hin_word *word);

/* Does `text` match the shell pattern? */
bool pattern_matches(const char *pattern, const char *text);

/* ---- arithmetic.c ---- */

/* The value of an expression; dies as the shell does for one that makes no sense. */
int64_t arithmetic(struct process *p, const char *text);

/* ---- run.c ---- */

void run(struct process *p, const struct hin_node *node);

/* Run a text line by line. */
void run_text(struct process *p, const char *text, size_t size);

/* A message of the shell itself: "sh: 1: ..." */
void shell_error(struct process *p, const char *fmt, ...) HIN_PRINTF(2, 3);

/* The same, for what ends a shell that runs a script. */
_Noreturn void shell_fail(struct process *p, int status, const char *fmt, ...) HIN_PRINTF(3, 4);

/* Run a command of `words`, found as the shell finds it. */
void run_words(struct process *p, struct fields *words, bool functions);

void run_traps_at_exit(struct process *p);
int signal_of(const char *name);     /* -1: none */
const char *signal_name(int number); /* NULL: none */
void put_fd(struct process *p, int fd, struct file *file);

int64_t now_us(const struct process *p); /* the machine's clock */
enum hin_shell_dialect dialect_of(const struct hin_shell_machine *machine, const char *name);

/* ---- redirect.c ---- */

/* A place for what redirections change; it ends with redirect_back() or redirect_keep(). */
struct redirected *redirect_begin(struct process *p);
void redirect_back(struct process *p, struct redirected *r);
void redirect_keep(struct process *p, struct redirected *r);

/* Do what the redirections say; false, with a message, when one cannot be done. */
bool redirect(struct process *p, const struct hin_redirect *d, struct redirected *r);

/* ---- program.c ---- */

#define PROGRAM_COPIES 0x10000u /* tags of copied programs: the place of their command behind */

struct function *function_find(const struct process *p, const char *name);
char *words_text(struct process *p, char *const *words);
void tell(struct process *p, const struct hin_shell_event *event);
const char *name_of(const char *path); /* what stands behind the last slash */
char *absolute_path(struct process *p, const char *path);
/* `path` from `base` without ".", ".." and double slashes, as cd goes. */
char *logical_path(struct process *p, const char *base, const char *path);

/* ---- interactive.c ---- */

/* Go on with the prompt and the next line; false when there is none. */
bool interactive_next(struct hin_shell *shell);

/* Read and run lines from fd 0 until its end or an exit, in the task of `p`. */
void shell_loop(struct process *p);

/* Make `child`, with a prompt or without, the shell of the terminal: at once where nothing more is
 * to be run, else in this task until it ends. It owns `child`. Its status. */
int shell_enter(struct process *p, struct process *child, bool tail);

/* Is the descriptor the terminal? */
bool is_terminal(const struct process *p, int fd);

/* ---- job.c ---- */

void job_begin(struct process *p, uint32_t pid, const struct hin_node *node);
void job_stopped(struct process *p, const char *text);
void jobs_tell_ended(struct process *p);
void jobs_free(struct hin_shell *shell);
struct job *job_find(struct hin_shell *shell, const char *name); /* "%1", "%%", NULL: the last */
void job_forget(struct hin_shell *shell, struct job *job);
int do_jobs(struct call *call);
int do_fg(struct call *call);

/* ---- builtin.c, applet.c ---- */

struct call {
	struct process *p;
	int argc;
	char **argv; /* NULL behind the last */
};

typedef int (*command_fn)(struct call *call);

struct command {
	const char *name;
	command_fn run;
	bool special; /* POSIX: what it fails at ends the shell */
};

const struct command *builtin_find(const struct process *p, const char *name);
const struct command *applet_find(const char *name);
const struct command *applet_at(size_t index);
size_t applet_index(const struct command *command);

/* Tell what a command is, as command -v and type do. False when it is nothing. */
bool tell_command(struct process *p, const char *name, bool verbose);

/* What a command is for the shell: the path of its file, or NULL. */
char *command_path(struct process *p, const char *name);

/* How the command says that something went wrong: "ls: cannot access 'x': No such file ..." */
int complain(const struct call *call, const char *fmt, ...) HIN_PRINTF(2, 3);
bool is_busybox(const struct process *p);
bool is_bash(const struct process *p);
const char *error_text(int fault); /* of a negative errno */

/* The name of a user, or NULL. */
const char *user_name(struct process *p, uint32_t uid);
