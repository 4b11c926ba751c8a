/* shell_priv - processes, files and memory of an imitated shell: what its parts share. */
#pragma once
#include <regex.h>
#include <setjmp.h>

#include "decoy/shell.h"
#include "decoy/syntax.h"

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
	int number;
	uint32_t ino;
	uint64_t offset;
	struct channel *channel;
	struct hin_buffer text; /* FILE_TEXT, FILE_CAPTURE */
};

/* ---- variables and functions ---- */

struct variable {
	char *name, *value; /* value NULL: not set */
	bool exported, readonly;
	struct variable *next;
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

struct process {
	struct hin_shell *shell;
	struct task *task;
	struct process *outer; /* in the same task: it waits for this one */
	jmp_buf out;	       /* where a dead process goes */
	uint32_t pid, parent, last_job;
	struct piece *pieces, *kept; /* of the command that runs; of the process */
	size_t memory;
	struct variable *variables;
	struct function *functions;
	struct running *running;
	struct frame *frame;
	struct file *fds[FDS];
	struct file *owned[OWNED];
	struct redirected *redirected;
	regex_t *expressions;
	size_t expression_count;
	struct hin_fs_user user;
	uint32_t folder;
	char *folder_name; /* as cd went there */
	uint32_t umask;
	unsigned options;
	int status;
	unsigned line;
	const char *builtin; /* that runs, for messages; or NULL */
	enum flow flow;
	unsigned levels; /* of break and continue that are left */
	unsigned loops, depth, tested;
	char *traps[TRAPS];
	bool in_trap, is_subshell;
	char *name; /* $0 */
};

/* ---- tasks ---- */

enum task_state {
	TASK_RUNS,
	TASK_READS, /* waits for its file to have something */
	TASK_WRITES,
	TASK_SLEEPS,
	TASK_WAITS, /* for another task */
	TASK_ENDED,
};

struct hin_shell {
	const struct hin_shell_machine *machine;
	struct hin_fs *fs;
	struct hin_shell_settings settings;
	struct task *tasks;
	unsigned task_count;
	struct process *first; /* until its task is begun, which owns it then */
	uint32_t pid;	       /* $$ */
	struct channel input;
	uint32_t next_pid;
	uint64_t steps, killed;
	uint64_t slice; /* steps that are left of this run */
	bool done;
	int status;
};

/* ---- task.c ---- */

/* Run `body` in a task of its own; it owns `p`. False when there may be no more. */
bool task_start(struct process *p, void (*body)(struct process *p, const struct hin_node *node),
		const struct hin_node *node);

/* Let others go on until `state` is over. */
void task_block(struct process *p, enum task_state state, const struct file *file,
		int64_t until_us);

/* One step of work: dies when there were too many, and lets others go on now and then. */
void step(struct process *p);

/* Is the process still there? `status` is what it ended with. */
bool task_is_alive(const struct hin_shell *shell, uint32_t pid, int *status);
/* Wait for one of the process' jobs to end; false when there is none. */
bool wait_any(struct process *p);

/* The status of an ended task was asked for: it may go. */
void task_forget(struct hin_shell *shell, uint32_t pid);
void task_kill(struct hin_shell *shell, uint32_t pid, int signal_number);
void tasks_end(struct hin_shell *shell);

/* ---- process.c ---- */

void *memory_of(struct process *p, size_t size); /* zeroed; dies without */
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

/* The parts of a unit may be run until it is left; the unit is freed with the last who needs it. */
void unit_enter(struct process *p, struct unit *unit);
void unit_leave(struct process *p);
void unit_drop(struct unit *unit);

/* A copy of `p` for a subshell; dies without memory. It begins with setjmp(child->out). */
struct process *process_fork(struct process *p);
void process_free(struct process *p);

/* End the process at once: it goes to p->out. */
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

/* Compiled expressions are freed with the process, or when the command is done. */
void regex_kept(struct process *p, regex_t *expressions, size_t count);
void regex_done(struct process *p);

/* A file for reading by its name, or the input for "-"; NULL with a word to the user. */
struct file *open_input(struct call *call, const char *name);

/* The letters of leading options, as getopt(3); -1 at the end, '?' with a word for a wrong one. */
struct options {
	struct call *call;
	int at;
	unsigned inside;
	const char *value;
};

int option_next(struct options *o, const char *letters);

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
int signal_of(const char *name); /* -1: none */

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

/* Tell what a command is, as command -v and type do. False when it is nothing. */
bool tell_command(struct process *p, const char *name, bool verbose);

/* What a command is for the shell: the path of its file, or NULL. */
char *command_path(struct process *p, const char *name);

/* How the command says that something went wrong: "ls: cannot access 'x': No such file ..." */
int complain(const struct call *call, const char *fmt, ...) HIN_PRINTF(2, 3);
bool is_busybox(const struct process *p);
const char *error_text(int fault); /* of a negative errno */

/* The name of a user, or NULL. */
const char *user_name(const struct process *p, uint32_t uid);

int applet_sed(struct call *call);

extern const struct command file_applets[], text_applets[], system_applets[];
