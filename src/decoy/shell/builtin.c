/* builtin - the commands that are the shell itself (POSIX.1-2017, XCU 2.14 and 1.6). */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/shell_priv.h"

/* ---- signals ---- */

static const struct {
	int number;
	const char *name;
} signals[] = {
	{ 0, "EXIT" },	 { 1, "HUP" },	 { 2, "INT" },	 { 3, "QUIT" },	 { 4, "ILL" },
	{ 5, "TRAP" },	 { 6, "ABRT" },	 { 7, "BUS" },	 { 8, "FPE" },	 { 9, "KILL" },
	{ 10, "USR1" },	 { 11, "SEGV" }, { 12, "USR2" }, { 13, "PIPE" }, { 14, "ALRM" },
	{ 15, "TERM" },	 { 17, "CHLD" }, { 18, "CONT" }, { 19, "STOP" }, { 20, "TSTP" },
	{ 21, "TTIN" },	 { 22, "TTOU" }, { 23, "URG" },	 { 24, "XCPU" }, { 25, "XFSZ" },
	{ 28, "WINCH" },
};

const char *signal_name(int number)
{
	for (size_t i = 0; i < HIN_COUNT(signals); i++)
		if (signals[i].number == number)
			return signals[i].name;
	return NULL;
}

int signal_of(const char *name)
{
	if (isdigit((unsigned char)name[0])) {
		long number = strtol(name, NULL, 10);

		return number < TRAPS ? (int)number : -1;
	}
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (size_t i = 0; i < HIN_COUNT(signals); i++)
		if (strcasecmp(name, signals[i].name) == 0)
			return signals[i].number;
	return -1;
}

/* ---- numbers ---- */

/* A number of a shell's, not below 0; dies with the shell's words for others. */
static long number_of(struct process *p, const char *name, const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (text[0] == '\0' || *end != '\0' || value < 0 || value > INT32_MAX) {
		shell_fail(p, 2, "%s: Illegal number: %s", name, text);
	}
	return value;
}

/* ---- flow ---- */

static int do_colon(struct call *call)
{
	(void)call;
	return 0;
}

static int do_false(struct call *call)
{
	(void)call;
	return 1;
}

static int do_break(struct call *call)
{
	struct process *p = call->p;
	long levels = call->argc > 1 ? number_of(p, call->argv[0], call->argv[1]) : 1;

	if (call->argc > 1 && levels == 0)
		shell_fail(p, 2, "%s: Illegal number: %s", call->argv[0], call->argv[1]);
	if (p->loops == 0)
		return 0;
	p->levels = levels > (long)p->loops ? p->loops : (unsigned)levels;
	p->flow = call->argv[0][0] == 'b' ? FLOW_BREAK : FLOW_CONTINUE;
	return 0;
}

static int do_return(struct call *call)
{
	struct process *p = call->p;
	int status = call->argc > 1 ? (int)number_of(p, "return", call->argv[1]) : p->status;

	p->flow = FLOW_RETURN;
	return status;
}

static int do_exit(struct call *call)
{
	struct process *p = call->p;
	int status = call->argc > 1 ? (int)number_of(p, "exit", call->argv[1]) & 255 : p->status;

	p->status = status;
	p->exits = true;
	if (p->interactive && is_bash(p))
		errf(p, p->name[0] == '-' ? "logout\n" : "exit\n");
	run_traps_at_exit(p);
	process_die(p, p->status);
}

static int do_eval(struct call *call)
{
	struct process *p = call->p;
	struct growing text = { 0 };
	unsigned line = p->line;

	grow(p, &text, "", 0);
	for (int i = 1; i < call->argc; i++) {
		grow_text(p, &text, call->argv[i]);
		grow_text(p, &text, i + 1 < call->argc ? " " : "");
	}
	p->status = 0;
	if (p->depth++ >= CALLS_DEPTH)
		shell_fail(p, 2, "Cannot fork");
	run_text(p, text.data, text.size);
	p->depth--;
	p->line = line;
	return p->status;
}

static int do_dot(struct call *call)
{
	struct process *p = call->p;
	struct file *file;
	char *path, *text;
	size_t size;

	if (call->argc < 2)
		return is_busybox(p) ? 2 : 0;
	path = call->argv[1];
	if (strchr(path, '/') == NULL) {
		char *found = command_path(p, path);

		if (found == NULL && !is_busybox(p))
			shell_fail(p, 2, ".: %s: not found", path);
		path = found != NULL ? found : path;
	}
	if (file_open(p, path, OPEN_READ, 0, &file) != 0) {
		if (is_busybox(p))
			shell_fail(p, 2, "can't open '%s': No such file or directory", path);
		shell_fail(p, 2, ".: cannot open %s: No such file", path);
	}
	text = file_slurp(p, file, &size);
	file_close(p->shell, file);
	p->status = 0;
	if (p->depth++ >= CALLS_DEPTH)
		shell_fail(p, 2, "Cannot fork");
	p->line = 1;
	run_text(p, text, size);
	p->depth--;
	if (p->flow == FLOW_RETURN)
		p->flow = FLOW_ON;
	return p->status;
}

static int do_exec(struct call *call)
{
	struct process *p = call->p;
	struct fields words = { 0 };

	if (call->argc < 2)
		return 0;
	for (int i = 1; i < call->argc; i++)
		fields_add(p, &words, call->argv[i]);
	if (command_path(p, words.items[0]) == NULL) {
		if (is_busybox(p))
			shell_error(p, "exec: line %u: %s: not found", p->line, words.items[0]);
		else
			shell_error(p, "exec: %s: not found", words.items[0]);
		process_die(p, 127);
	}
	run_words(p, &words, false);
	p->exits = true;
	process_die(p, p->status);
}

static int do_command(struct call *call)
{
	struct process *p = call->p;
	struct fields words = { 0 };
	int at = 1;
	bool verbose = false, terse = false;

	for (; at < call->argc && call->argv[at][0] == '-' && call->argv[at][1] != '\0'; at++) {
		if (strcmp(call->argv[at], "--") == 0) {
			at++;
			break;
		}
		terse |= strchr(call->argv[at], 'v') != NULL;
		verbose |= strchr(call->argv[at], 'V') != NULL;
	}
	if (at >= call->argc)
		return 0;
	if (terse || verbose) {
		int status = 0;

		for (; at < call->argc; at++)
			if (!tell_command(p, call->argv[at], verbose))
				status = 127;
		return status;
	}
	for (; at < call->argc; at++)
		fields_add(p, &words, call->argv[at]);
	run_words(p, &words, false);
	return p->status;
}

static int do_type(struct call *call)
{
	int status = 0;

	for (int i = 1; i < call->argc; i++)
		if (!tell_command(call->p, call->argv[i], true)) {
			outf(call->p, "%s: not found\n", call->argv[i]);
			status = 127;
		}
	return status;
}

/* ---- variables ---- */

static void tell_quoted(struct process *p, const char *value)
{
	outs(p, "'");
	for (; *value != '\0'; value++) {
		if (*value == '\'')
			outs(p, "'\"'\"'");
		else
			out(p, 1, value, 1);
	}
	outs(p, "'");
}

static int by_variable(const void *a, const void *b)
{
	const struct variable *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* Tell all variables that `which` wants, by name. */
static void tell_variables(struct process *p, const char *before, int which)
{
	struct variable **all;
	size_t count = 0;

	for (struct variable *v = p->variables; v != NULL; v = v->next)
		count++;
	all = memory_of(p, (count + 1) * sizeof(struct variable *));
	count = 0;
	for (struct variable *v = p->variables; v != NULL; v = v->next)
		if ((which == 0 && v->value != NULL) || (which == 1 && v->exported) ||
		    (which == 2 && v->readonly))
			all[count++] = v;
	qsort(all, count, sizeof(struct variable *), by_variable);
	for (size_t i = 0; i < count; i++) {
		outf(p, "%s%s", before, all[i]->name);
		if (all[i]->value != NULL) {
			outs(p, "=");
			tell_quoted(p, all[i]->value);
		}
		outs(p, "\n");
	}
}

static bool is_variable_name(const char *name, size_t size)
{
	if (size == 0 || !(isalpha((unsigned char)name[0]) || name[0] == '_'))
		return false;
	for (size_t i = 1; i < size; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return false;
	return true;
}

/* export, readonly and local: NAME or NAME=value. */
static int declare(struct call *call, void (*mark)(struct process *p, const char *name),
		   void (*before)(struct process *p, const char *name))
{
	struct process *p = call->p;

	for (int i = 1; i < call->argc; i++) {
		const char *text = call->argv[i], *equals = strchr(text, '=');
		size_t size = equals != NULL ? (size_t)(equals - text) : strlen(text);
		char *name = text_of(p, text, size);

		if (text[0] == '-' && i == 1)
			continue;
		if (!is_variable_name(name, size))
			shell_fail(p, 2, "%s: bad variable name", name);
		if (before != NULL)
			before(p, name);
		if (equals != NULL && !variable_set(p, name, equals + 1))
			process_die(p, 2);
		if (mark != NULL)
			mark(p, name);
	}
	return 0;
}

static int do_export(struct call *call)
{
	if (call->argc == 1 || strcmp(call->argv[1], "-p") == 0) {
		tell_variables(call->p, "export ", 1);
		return 0;
	}
	if (strcmp(call->argv[1], "-n") == 0) {
		for (int i = 2; i < call->argc; i++) {
			struct variable *v = variable_find(call->p, call->argv[i]);

			if (v != NULL)
				v->exported = false;
		}
		return 0;
	}
	return declare(call, variable_export, NULL);
}

static void make_readonly(struct process *p, const char *name)
{
	variable_export(p, name); /* so that it is there */
	variable_find(p, name)->exported = false;
	variable_find(p, name)->readonly = true;
}

static int do_readonly(struct call *call)
{
	if (call->argc == 1 || strcmp(call->argv[1], "-p") == 0) {
		tell_variables(call->p, "readonly ", 2);
		return 0;
	}
	return declare(call, make_readonly, NULL);
}

static int do_local(struct call *call)
{
	if (call->p->frame->outer == NULL)
		shell_fail(call->p, 2, "local: not in a function");
	return declare(call, NULL, variable_save);
}

static int do_unset(struct call *call)
{
	struct process *p = call->p;
	bool functions = false;
	int at = 1;

	for (; at < call->argc && call->argv[at][0] == '-' && call->argv[at][1] != '\0'; at++)
		functions = call->argv[at][1] == 'f';
	for (; at < call->argc; at++) {
		const struct variable *v = variable_find(p, call->argv[at]);

		if (functions) {
			struct function **f = &p->functions;

			while (*f != NULL && strcmp((*f)->name, call->argv[at]) != 0)
				f = &(*f)->next;
			if (*f != NULL) {
				struct function *gone = *f;

				*f = gone->next;
				unit_drop(gone->unit);
				free(gone->name);
				free(gone);
			}
			continue;
		}
		if (v != NULL && v->readonly)
			shell_fail(p, 2, "unset: %s: is read only", call->argv[at]);
		variable_unset(p, call->argv[at]);
	}
	return 0;
}

/* ---- parameters and options ---- */

static void set_arguments(struct process *p, char **from, size_t count)
{
	char **arguments = memory_kept(p, (count + 1) * sizeof(*arguments));

	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(from[i]);

		arguments[i] = memory_kept(p, size + 1);
		memcpy(arguments[i], from[i], size);
	}
	p->frame->arguments = arguments;
	p->frame->argument_count = count;
	p->frame->option_at = 0;
}

static const struct {
	const char *name;
	char letter;
	unsigned bit;
} shell_options[] = {
	{ "errexit", 'e', OPTION_ERREXIT },
	{ "nounset", 'u', OPTION_NOUNSET },
	{ "xtrace", 'x', OPTION_XTRACE },
	{ "noglob", 'f', OPTION_NOGLOB },
	{ "noclobber", 'C', OPTION_NOCLOBBER },
	{ "noexec", 'n', OPTION_NOEXEC },
	{ "allexport", 'a', OPTION_ALLEXPORT },
	{ "verbose", 'v', OPTION_VERBOSE },
	{ "pipefail", '\0', OPTION_PIPEFAIL },
	{ "monitor", 'm', 0 },
	{ "notify", 'b', 0 },
	{ "interactive", 'i', 0 },
};

static void set_option(struct process *p, char letter, const char *name, bool on)
{
	for (size_t i = 0; i < HIN_COUNT(shell_options); i++) {
		bool is = name != NULL ? strcmp(shell_options[i].name, name) == 0
				       : shell_options[i].letter == letter && letter != '\0';

		if (!is || (shell_options[i].bit == OPTION_PIPEFAIL && !is_busybox(p)))
			continue;
		if (on)
			p->options |= shell_options[i].bit;
		else
			p->options &= ~shell_options[i].bit;
		return;
	}
	if (name != NULL && is_busybox(p)) {
		shell_error(p, "illegal option -o %s", name);
		return;
	}
	if (name != NULL)
		shell_fail(p, 2, "set: Illegal option -o %s", name);
	shell_fail(p, 2, is_busybox(p) ? "set: illegal option -%c" : "set: Illegal option -%c",
		   letter);
}

static int do_set(struct call *call)
{
	struct process *p = call->p;
	int at = 1;

	if (call->argc == 1) {
		tell_variables(p, "", 0);
		return 0;
	}
	for (; at < call->argc; at++) {
		const char *text = call->argv[at];

		if (strcmp(text, "--") == 0) {
			set_arguments(p, call->argv + at + 1, (size_t)(call->argc - at - 1));
			return 0;
		}
		if ((text[0] != '-' && text[0] != '+') || text[1] == '\0')
			break;
		for (const char *c = text + 1; *c != '\0'; c++) {
			if (*c == 'o' && at + 1 < call->argc)
				set_option(p, 'o', call->argv[++at], text[0] == '-');
			else
				set_option(p, *c, NULL, text[0] == '-');
		}
	}
	if (at < call->argc)
		set_arguments(p, call->argv + at, (size_t)(call->argc - at));
	return 0;
}

static int do_shift(struct call *call)
{
	struct process *p = call->p;
	size_t by = call->argc > 1 ? (size_t)number_of(p, "shift", call->argv[1]) : 1;

	if (by > p->frame->argument_count) {
		if (is_busybox(p))
			return 1;
		shell_fail(p, 2, "shift: can't shift that many");
	}
	p->frame->arguments += by;
	p->frame->argument_count -= by;
	p->frame->option_at = 0;
	return 0;
}

/* ---- getopts ---- */

/* What getopts works on: kept in OPTIND, and for letters in one word in the frame. */
struct getting {
	struct process *p;
	const char *letters, *variable;
	char **arguments;
	size_t count, index; /* of the next word, from 1 */
	unsigned at;	     /* in it; 0 = not begun */
	bool quiet;
};

static int got(struct getting *g, char letter)
{
	char text[2] = { letter, '\0' };

	(void)variable_set(g->p, "OPTIND", format_of(g->p, "%zu", g->index));
	g->p->frame->option_at = g->at; /* after OPTIND, which begins anew */
	(void)variable_set(g->p, g->variable, text);
	return 0;
}

/* The next word, if it has letters; else NULL. */
static const char *next_letters(struct getting *g)
{
	const char *word = g->index <= g->count ? g->arguments[g->index - 1] : NULL;

	if (word == NULL || g->at > 0)
		return word;
	if (word[0] != '-' || word[1] == '\0')
		return NULL;
	if (strcmp(word, "--") == 0) {
		g->index++;
		return NULL;
	}
	g->at = 1;
	return word;
}

/* A letter that wants a value; false, told as it wants to be, when there is none. */
static bool take_value(struct getting *g, const char *word)
{
	if (g->at > 0) { /* the rest of the word */
		(void)variable_set(g->p, "OPTARG", word + g->at);
		g->index++;
		g->at = 0;
		return true;
	}
	if (g->index > g->count)
		return false;
	(void)variable_set(g->p, "OPTARG", g->arguments[g->index++ - 1]);
	return true;
}

static int do_getopts(struct call *call)
{
	struct process *p = call->p;
	const char *index = variable_get(p, "OPTIND"), *word, *found;
	struct getting g = { .p = p };
	char letter[2] = { 0 };

	if (call->argc < 3)
		shell_fail(p, 2,
			   is_busybox(p) ? "getopts: usage: getopts optstring var [arg]"
					 : "getopts: Usage: getopts optstring var [arg]");
	g.letters = call->argv[1];
	g.variable = call->argv[2];
	g.quiet = g.letters[0] == ':';
	g.arguments = call->argc > 3 ? call->argv + 3 : p->frame->arguments;
	g.count = call->argc > 3 ? (size_t)call->argc - 3 : p->frame->argument_count;
	g.index = index != NULL ? strtoul(index, NULL, 10) : 1;
	g.index += g.index == 0;
	g.at = p->frame->option_at;
	word = next_letters(&g);
	if (word == NULL || g.at >= strlen(word)) {
		g.at = 0;
		(void)got(&g, '?');
		return 1;
	}
	letter[0] = word[g.at++];
	found = letter[0] != ':' ? strchr(g.letters, letter[0]) : NULL;
	variable_unset(p, "OPTARG");
	if (word[g.at] == '\0') {
		g.index++;
		g.at = 0;
	}
	if (found != NULL && (found[1] != ':' || take_value(&g, word)))
		return got(&g, letter[0]);
	if (g.quiet)
		(void)variable_set(p, "OPTARG", letter);
	else
		errf(p, found != NULL ? "No arg for -%s option\n" : "Illegal option -%s\n", letter);
	return got(&g, found != NULL && g.quiet ? ':' : '?');
}

/* ---- folders ---- */

static int do_pwd(struct call *call)
{
	struct hin_buffer path = { .limit = HIN_FS_PATH_MAX };

	if (call->argc > 1 && strcmp(call->argv[1], "-P") == 0 &&
	    hin_fs_path(call->p->shell->fs, call->p->folder, &path))
		outf(call->p, "%s\n", hin_buffer_text(&path));
	else
		outf(call->p, "%s\n", call->p->folder_name);
	hin_buffer_fini(&path);
	return 0;
}

char *logical_path(struct process *p, const char *base, const char *path)
{
	char *work = format_of(p, "%s/%s", path[0] == '/' ? "" : base, path);
	char *made = memory_of(p, strlen(work) + 2);
	size_t size = 0;

	for (char *part = strtok(work, "/"); part != NULL; part = strtok(NULL, "/")) {
		if (strcmp(part, ".") == 0)
			continue;
		if (strcmp(part, "..") == 0) {
			while (size > 0 && made[size - 1] != '/')
				size--;
			if (size > 0)
				size--;
			made[size] = '\0';
			continue;
		}
		made[size++] = '/';
		strcpy(made + size, part);
		size += strlen(part);
	}
	if (size == 0)
		made[size++] = '/';
	made[size] = '\0';
	return made;
}

static int do_cd(struct call *call)
{
	struct process *p = call->p;
	struct hin_fs *fs = p->shell->fs;
	struct hin_fs_stat stat;
	const char *to;
	char *path, *old;
	bool tell = false, physical = false;
	uint32_t folder;
	int at = 1, fault;

	for (; at < call->argc && call->argv[at][0] == '-' && call->argv[at][1] != '\0'; at++)
		physical = call->argv[at][1] == 'P';
	to = at < call->argc ? call->argv[at] : variable_get(p, "HOME");
	if (to == NULL)
		return 0;
	if (strcmp(to, "-") == 0) {
		to = variable_get(p, "OLDPWD");
		if (to == NULL) {
			if (is_busybox(p))
				return 0;
			to = p->folder_name;
		}
		tell = true;
	}
	path = logical_path(p, p->folder_name, to[0] != '\0' ? to : ".");
	fault = hin_fs_find(fs, &p->user, p->folder, physical && to[0] != '\0' ? to : path, true,
			    &folder);
	if (fault == 0) {
		hin_fs_stat(fs, folder, &stat);
		if (stat.type != HIN_FS_DIRECTORY)
			fault = -ENOTDIR;
		else if (!hin_fs_may(fs, &p->user, folder, 1))
			fault = -EACCES;
	}
	if (fault != 0) {
		if (is_busybox(p))
			shell_error(p, "cd: can't cd to %s: %s", to, error_text(fault));
		else
			shell_error(p, "cd: can't cd to %s", to);
		return 2;
	}
	if (physical) {
		struct hin_buffer real = { .limit = HIN_FS_PATH_MAX };

		if (hin_fs_path(fs, folder, &real))
			path = text_of(p, real.data, real.used);
		hin_buffer_fini(&real);
	}
	old = text_of(p, p->folder_name, strlen(p->folder_name));
	(void)variable_set(p, "OLDPWD", old);
	hin_fs_hold(fs, folder);
	hin_fs_drop(fs, p->folder);
	p->folder = folder;
	free(p->folder_name);
	p->folder_name = strdup(path);
	if (p->folder_name == NULL)
		process_die(p, 128 + 9);
	(void)variable_set(p, "PWD", path);
	if (tell)
		outf(p, "%s\n", path);
	return 0;
}

static int do_umask(struct call *call)
{
	struct process *p = call->p;

	if (call->argc < 2) {
		outf(p, "%04o\n", p->umask);
		return 0;
	}
	if (strcmp(call->argv[1], "-S") == 0) {
		uint32_t may = ~p->umask & 0777;

		outs(p, "");
		for (unsigned i = 0; i < 3; i++)
			outf(p, "%s%c=%s%s%s", i > 0 ? "," : "", "ugo"[i],
			     may >> (6 - 3 * i) & 4 ? "r" : "", may >> (6 - 3 * i) & 2 ? "w" : "",
			     may >> (6 - 3 * i) & 1 ? "x" : "");
		outs(p, "\n");
		return 0;
	}
	if (!isdigit((unsigned char)call->argv[1][0]))
		shell_fail(p, 2, "umask: Illegal mode: %s", call->argv[1]);
	p->umask = (uint32_t)strtoul(call->argv[1], NULL, 8) & 0777;
	return 0;
}

/* ---- reading ---- */

/* A line that read has read: its characters, and which of them were escaped. */
struct line {
	struct growing text, escaped;
	bool ended; /* there was no newline */
};

static void read_line(struct process *p, struct line *l, bool raw)
{
	bool escape = false;
	char c;

	while (file_read(p, p->fds[0], &c, 1) > 0) {
		if (escape) {
			escape = false;
			if (c == '\n')
				continue;
			grow_char(p, &l->text, c);
			grow_char(p, &l->escaped, 1);
		} else if (c == '\\' && !raw) {
			escape = true;
		} else if (c == '\n') {
			grow(p, &l->text, "", 0);
			return;
		} else if (c != '\0') {
			grow_char(p, &l->text, c);
			grow_char(p, &l->escaped, 0);
		}
	}
	l->ended = true;
	grow(p, &l->text, "", 0);
}

static bool is_delimiter(const struct line *l, size_t at, const char *ifs)
{
	return at < l->text.size && l->escaped.data[at] == 0 &&
	       strchr(ifs, l->text.data[at]) != NULL;
}

static bool is_white_delimiter(const struct line *l, size_t at, const char *ifs)
{
	return is_delimiter(l, at, ifs) && isspace((unsigned char)l->text.data[at]);
}

static size_t skip_white(const struct line *l, size_t at, const char *ifs)
{
	while (is_white_delimiter(l, at, ifs))
		at++;
	return at;
}

/* The field from `at` on; returns where the next one begins. */
static size_t next_field(const struct line *l, size_t at, const char *ifs, size_t *end)
{
	while (at < l->text.size && !is_delimiter(l, at, ifs))
		at++;
	*end = at;
	at = skip_white(l, at, ifs);
	if (is_delimiter(l, at, ifs))
		at = skip_white(l, at + 1, ifs);
	return at;
}

/* Where the last field ends: all the rest, but for white space, and a delimiter behind one field.
 */
static size_t last_end(const struct line *l, size_t start, const char *ifs)
{
	size_t end = l->text.size, first = start;

	while (end > start && is_white_delimiter(l, end - 1, ifs))
		end--;
	while (first < end && !is_delimiter(l, first, ifs))
		first++;
	return first + 1 == end && !is_white_delimiter(l, first, ifs) ? first : end;
}

/* Options of read; returns the place of its first variable. */
static int read_options(struct call *call, bool *raw)
{
	struct process *p = call->p;
	int at = 1;

	for (; at < call->argc && call->argv[at][0] == '-' && call->argv[at][1] != '\0'; at++) {
		const char *word = call->argv[at];

		*raw |= strchr(word, 'r') != NULL;
		if (strchr(word, 'p') != NULL && at + 1 < call->argc)
			errf(p, "%s", call->argv[++at]);
		else if (strpbrk(word, "ntd") != NULL && is_busybox(p))
			at++;
		else if (strpbrk(word, "rsp") == NULL)
			shell_fail(p, 2,
				   is_busybox(p) ? "read: illegal option %s"
						 : "read: Illegal option %s",
				   word);
	}
	if (at >= call->argc && !is_busybox(p))
		shell_fail(p, 2, "read: arg count");
	return at;
}

static int do_read(struct call *call)
{
	struct process *p = call->p;
	const char *ifs = variable_get(p, "IFS");
	struct line l = { 0 };
	bool raw = false;
	int arg = read_options(call, &raw);
	size_t at, end = 0;

	ifs = ifs != NULL ? text_of(p, ifs, strlen(ifs)) : " \t\n";
	read_line(p, &l, raw);
	at = skip_white(&l, 0, ifs);
	if (arg >= call->argc)
		(void)variable_set(p, "REPLY", l.text.data);
	for (; arg < call->argc; arg++) {
		size_t start = at;

		if (!is_variable_name(call->argv[arg], strlen(call->argv[arg])))
			shell_fail(p, 2, "read: %s: bad variable name", call->argv[arg]);
		at = arg + 1 < call->argc ? next_field(&l, start, ifs, &end) : l.text.size;
		if (arg + 1 == call->argc)
			end = last_end(&l, start, ifs);
		if (!variable_set(p, call->argv[arg], text_of(p, l.text.data + start, end - start)))
			return 2;
	}
	return l.ended;
}

/* ---- jobs, traps, times ---- */

static int do_wait(struct call *call)
{
	struct process *p = call->p;
	int status = 0;

	if (call->argc < 2) {
		while (wait_any(p))
			;
		return 0;
	}
	for (int i = 1; i < call->argc; i++) {
		uint32_t pid = (uint32_t)strtoul(call->argv[i], NULL, 10);

		status = 127;
		if (task_is_alive(p->shell, pid, &status))
			task_block(p, TASK_WAITS, NULL, pid);
		(void)task_is_alive(p->shell, pid, &status);
		task_forget(p->shell, pid);
	}
	return status;
}

static int do_trap(struct call *call)
{
	struct process *p = call->p;
	int at = 1;
	const char *action = "-";

	if (call->argc < 2) {
		for (int i = 0; i < TRAPS; i++)
			if (p->traps != NULL && p->traps[i] != NULL)
				for (size_t k = 0; k < HIN_COUNT(signals); k++)
					if (signals[k].number == i) {
						outs(p, "trap -- ");
						tell_quoted(p, p->traps[i]);
						outf(p, " %s\n", signals[k].name);
					}
		return 0;
	}
	if (strcmp(call->argv[at], "--") == 0)
		at++;
	if (at + 1 < call->argc)
		action = call->argv[at++];
	for (; at < call->argc; at++) {
		int number = signal_of(call->argv[at]);

		if (number < 0) {
			shell_error(p,
				    is_busybox(p) ? "trap: %s: invalid signal specification"
						  : "trap: %s: bad trap",
				    call->argv[at]);
			return 1;
		}
		if (p->traps == NULL)
			p->traps = calloc(TRAPS, sizeof(char *));
		if (p->traps == NULL)
			process_die(p, 128 + 9);
		free(p->traps[number]);
		p->traps[number] = strcmp(action, "-") == 0 ? NULL : strdup(action);
	}
	return 0;
}

static int do_times(struct call *call)
{
	outs(call->p, "0m0.000s 0m0.000s\n0m0.000s 0m0.000s\n");
	return 0;
}

static int do_nothing(struct call *call)
{
	(void)call;
	return 0;
}

static int do_hash(struct call *call)
{
	for (int i = 1; i < call->argc; i++)
		if (call->argv[i][0] != '-' && command_path(call->p, call->argv[i]) == NULL) {
			shell_error(call->p, "hash: %s: not found", call->argv[i]);
			return 1;
		}
	return 0;
}

static int do_ulimit(struct call *call)
{
	outs(call->p,
	     call->argc > 1 && strcmp(call->argv[1], "-n") == 0 ? "1024\n" : "unlimited\n");
	return 0;
}

static int do_let(struct call *call)
{
	int64_t value = 0;

	for (int i = 1; i < call->argc; i++)
		value = arithmetic(call->p, call->argv[i]);
	return value == 0;
}

/* ---- the table ---- */

static const struct command builtins[] = {
	{ ".", do_dot, true },
	{ ":", do_colon, true },
	{ "break", do_break, true },
	{ "continue", do_break, true },
	{ "eval", do_eval, true },
	{ "exec", do_exec, true },
	{ "exit", do_exit, true },
	{ "export", do_export, true },
	{ "readonly", do_readonly, true },
	{ "return", do_return, true },
	{ "set", do_set, true },
	{ "shift", do_shift, true },
	{ "times", do_times, true },
	{ "trap", do_trap, true },
	{ "unset", do_unset, true },
	{ "alias", do_nothing, false },
	{ "bg", do_fg, false },
	{ "cd", do_cd, false },
	{ "chdir", do_cd, false },
	{ "command", do_command, false },
	{ "false", do_false, false },
	{ "fg", do_fg, false },
	{ "getopts", do_getopts, false },
	{ "hash", do_hash, false },
	{ "jobs", do_jobs, false },
	{ "local", do_local, false },
	{ "pwd", do_pwd, false },
	{ "read", do_read, false },
	{ "true", do_colon, false },
	{ "type", do_type, false },
	{ "ulimit", do_ulimit, false },
	{ "umask", do_umask, false },
	{ "unalias", do_nothing, false },
	{ "wait", do_wait, false },
};

/* help: ash names its builtins, bash says what it is. */
static int do_help(struct call *call)
{
	if (is_bash(call->p)) {
		outs(call->p,
		     "GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\n"
		     "These shell commands are defined internally.  Type `help' to see this "
		     "list.\n");
		return 0;
	}
	outs(call->p, "Built-in commands:\n------------------\n"
		      "\t. : [ [[ alias bg break cd chdir command continue echo eval exec\n"
		      "\texit export false fg getopts hash help history jobs kill let\n"
		      "\tlocal printf pwd read readonly return set shift source test times\n"
		      "\ttrap true type ulimit umask unalias unset wait\n");
	return 0;
}

/* declare: as local, but for its options. */
static int do_declare(struct call *call)
{
	return declare(call, NULL, NULL);
}

static const struct command bash_builtins[] = {
	{ "declare", do_declare, false }, { "disown", do_nothing, false },
	{ "enable", do_nothing, false },  { "shopt", do_nothing, false },
	{ "typeset", do_declare, false },
};

/* Of ash and bash. */
static const struct command ash_builtins[] = {
	{ "help", do_help, false },
	{ "source", do_dot, true },
	{ "let", do_let, false },
	{ "history", do_nothing, false },
};

static const char *const applets_inside[] = { "echo", "printf", "test", "[", "kill", "[[" };

const struct command *builtin_find(const struct process *p, const char *name)
{
	for (size_t i = 0; i < HIN_COUNT(builtins); i++)
		if (strcmp(builtins[i].name, name) == 0)
			return &builtins[i];
	for (size_t i = 0; is_bash(p) && i < HIN_COUNT(bash_builtins); i++)
		if (strcmp(bash_builtins[i].name, name) == 0)
			return &bash_builtins[i];
	for (size_t i = 0; p->dialect != HIN_SHELL_DASH && i < HIN_COUNT(ash_builtins); i++)
		if (strcmp(ash_builtins[i].name, name) == 0)
			return &ash_builtins[i];
	for (size_t i = 0; i < HIN_COUNT(applets_inside) - (p->dialect == HIN_SHELL_DASH); i++)
		if (strcmp(applets_inside[i], name) == 0)
			return applet_find(name);
	return NULL;
}

bool tell_command(struct process *p, const char *name, bool verbose)
{
	static const char *const words[] = { "if",   "then", "else", "elif", "fi",    "do",
					     "done", "case", "esac", "for",  "while", "until",
					     "in",   "{",    "}",    "!" };
	const struct command *builtin = builtin_find(p, name);
	const char *path;

	for (size_t i = 0; i < HIN_COUNT(words); i++)
		if (strcmp(words[i], name) == 0) {
			outf(p, verbose ? "%s is a shell keyword\n" : "%s\n", name);
			return true;
		}
	for (const struct function *f = p->functions; f != NULL; f = f->next)
		if (strcmp(f->name, name) == 0) {
			outf(p, verbose ? "%s is a shell function\n" : "%s\n", name);
			return true;
		}
	if (builtin != NULL) {
		outf(p,
		     !verbose		? "%s\n"
		     : builtin->special ? "%s is a special shell builtin\n"
					: "%s is a shell builtin\n",
		     name);
		return true;
	}
	path = command_path(p, name);
	if (path == NULL)
		return false;
	if (verbose)
		outf(p, "%s is %s\n", name, path);
	else
		outf(p, "%s\n", path);
	return true;
}
