/*
 * command - the commands of an imitated machine: what they share.
 *
 * A family of commands is a file; commands/table.c has all of them by name. A command gets its
 * words in a `struct call`, writes by outf() and errf(), and returns its exit status. It owns
 * nothing at its end: memory_of() and file_owned() belong to the process.
 */
#pragma once
#include "decoy/machine/machine_priv.h"

/* ---- common.c ---- */

/* The letters and long names of leading options, as getopt_long(3). */
struct options {
	struct call *call;
	const char *names; /* of long options: "recursive=r file=f"; or NULL */
	int at;
	unsigned inside;
	const char *value;
	uint64_t seen[2]; /* a bit for each letter that was there */
};

/* The next letter; -1 at the end, '?' with a word for a wrong one. A ":" behind one: it has a
 * value. */
int option_next(struct options *o, const char *letters);

/* Read all that need no look at their value; false for a wrong one. */
bool options_read(struct options *o, const char *letters);
bool option_has(const struct options *o, char letter);

/* The words behind the options; a word about it and NULL when there is none. */
char **operands(const struct options *o);

/* "try --help", as GNU's programs say it. */
int complain_usage(const struct call *call, const char *fmt, ...) HIN_PRINTF(2, 3);

/* What went wrong with `path`: busybox says it in one way, GNU's with `what` before the name. */
int complain_path(const struct call *call, const char *what, const char *path, int fault);

/* A number with a suffix, as head and dd take them. */
unsigned long long size_of(const char *text);

/* A whole file or the input, as text of the process; NULL with a word to the user. */
char *slurp_name(struct call *call, const char *name, size_t *size);

/* The same, at most `most` bytes: the file may have no end. */
char *slurp_part(struct call *call, const char *name, unsigned long long most, size_t *size);

/* Wait so long for a key; true for "q", and at the input's end. */
bool quit_pressed(struct process *p, int64_t ms);

/* Let time go by; the command may be killed meanwhile. */
void wait_ms(struct process *p, int64_t ms);

int64_t now_s(const struct process *p);

/* ---- path.c ---- */

int path_find(const struct process *p, const char *path, bool follow, uint32_t *ino);
int path_parent(const struct process *p, const char *path, uint32_t *folder,
		char name[HIN_FS_NAME_MAX + 1], uint32_t *ino);
bool is_folder(const struct process *p, uint32_t ino);
/* May the process change the names of a folder? A sticky one's only by who owns the file. */
int may_change(const struct process *p, uint32_t folder, uint32_t ino);
char *joined(struct process *p, const char *folder, const char *name); /* "folder/name" */
/* Make a folder; 0 or a negative errno. */
int make_folder(struct process *p, const char *path, uint32_t mode);
/* Where a path leads, without links; NULL: nowhere. The last part need not be there. */
char *real_path(struct process *p, const char *path);
const char *quote_open(const struct process *p);
const char *quote_close(const struct process *p);
struct fields names_of(struct process *p, uint32_t folder);
void mode_text(const struct hin_fs_stat *s, char text[11]); /* "-rw-r--r--" */
void human_size(uint64_t size, char text[24]);		    /* "1.5K" */

/* ---- account.c: /etc/passwd and what belongs to it ---- */

struct account {
	const char *name, *password, *text, *home, *shell;
	uint32_t uid, gid;
};

bool account_by_name(struct process *p, const char *name, struct account *out);
bool account_by_uid(struct process *p, uint32_t uid, struct account *out);
const char *group_name(struct process *p, uint32_t gid); /* NULL: none */
bool group_by_name(struct process *p, const char *name, uint32_t *gid);

/* ---- who.c ---- */

void tell_uptime(struct process *p); /* the line of uptime, which w and top have, too */

/* ---- usage.c ---- */

/* What busybox says about an applet's use; NULL: nothing. */
const char *usage_of(const char *name);
/* Print it as busybox does: to the error output, or for --help to the output; the status. */
int tell_usage(const struct call *call, bool help);

/* Is it an applet of busybox' own, where the machine does not say? */
bool is_busybox_applet(const char *name);

/* ---- shell.c ---- */

const char *busybox_banner(const struct process *p);

/* A shell of another user, or another shell: what su, sudo and login begin. */
struct shell_start {
	const char *name;	       /* $0 */
	const char *text;	       /* -c; NULL: it reads */
	bool login;		       /* at home, with an environment of its own */
	const struct account *account; /* NULL: the same user */
};

int start_shell(struct call *call, const struct shell_start *start);

/* Run words as another user. */
int run_as(struct call *call, const struct account *account, char **words);

/* ---- the families ---- */

#define FAMILIES(X)                                                                                \
	X(about)                                                                                   \
	X(account)                                                                                 \
	X(admin)                                                                                   \
	X(archive)                                                                                 \
	X(attribute)                                                                               \
	X(awk)                                                                                     \
	X(cat)                                                                                     \
	X(compare)                                                                                 \
	X(copy)                                                                                    \
	X(cut)                                                                                     \
	X(dd)                                                                                      \
	X(disk)                                                                                    \
	X(dump)                                                                                    \
	X(echo)                                                                                    \
	X(encode)                                                                                  \
	X(expr)                                                                                    \
	X(fetch)                                                                                   \
	X(find)                                                                                    \
	X(grep)                                                                                    \
	X(hardware)                                                                                \
	X(line)                                                                                    \
	X(list)                                                                                    \
	X(make)                                                                                    \
	X(name)                                                                                    \
	X(network)                                                                                 \
	X(package)                                                                                 \
	X(process)                                                                                 \
	X(remote)                                                                                  \
	X(run)                                                                                     \
	X(sed)                                                                                     \
	X(shell)                                                                                   \
	X(signal)                                                                                  \
	X(sort)                                                                                    \
	X(test)                                                                                    \
	X(time)                                                                                    \
	X(who)

/* Each ends with a name that is NULL. */
#define FAMILY(name) extern const struct command name##_commands[];
FAMILIES(FAMILY)
#undef FAMILY
