/* run - commands that run others: env, xargs, which. */
#include <ctype.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

/* Run the words from `at` on; what is not there is told as env and its kin do. */
static void run_rest(struct process *p, struct call *call, int at)
{
	struct fields words = { 0 };

	for (; at < call->argc; at++)
		fields_add(p, &words, call->argv[at]);
	if (command_path(p, words.items[0]) != NULL) {
		run_words(p, &words, false);
		return;
	}
	p->status = 127;
	if (is_busybox(p))
		errf(p, "%s: can't execute '%s': No such file or directory\n", call->argv[0],
		     words.items[0]);
	else
		errf(p, "%s: %s'%s': No such file or directory\n", call->argv[0],
		     strcmp(call->argv[0], "env") == 0 ? "" : "failed to run command ",
		     words.items[0]);
}

/* env: what it changes is changed for the command alone, so it has a process of its own. */
static void env_inside(struct process *child, void *what)
{
	struct call *call = what;
	int at = 1;

	for (; at < call->argc && call->argv[at][0] == '-'; at++) {
		if (strcmp(call->argv[at], "-u") == 0 && at + 1 < call->argc)
			variable_unset(child, call->argv[++at]);
		else if (strcmp(call->argv[at], "-i") == 0 || call->argv[at][1] == '\0')
			for (struct variable *v = child->variables; v != NULL; v = v->next)
				v->exported = false;
	}
	for (; at < call->argc && strchr(call->argv[at], '=') != NULL; at++) {
		char *name = text_of(child, call->argv[at], strcspn(call->argv[at], "="));

		(void)variable_set(child, name, strchr(call->argv[at], '=') + 1);
		variable_export(child, name);
	}
	child->status = 0;
	if (at < call->argc) {
		run_rest(child, call, at);
		return;
	}
	for (const struct variable *v = child->variables; v != NULL; v = v->next)
		if (v->exported && v->value != NULL)
			outf(child, "%s=%s\n", v->name, v->value);
}

static int do_env(struct call *call)
{
	process_run(process_inside(call->p), env_inside, call);
	return call->p->status;
}

static int do_printenv(struct call *call)
{
	struct process *p = call->p;
	int status = 0;

	if (call->argc < 2)
		return do_env(call);
	for (int i = 1; i < call->argc; i++) {
		const struct variable *v = variable_find(p, call->argv[i]);

		if (v != NULL && v->exported && v->value != NULL)
			outf(p, "%s\n", v->value);
		else
			status = 1;
	}
	return status;
}

static int do_which(struct call *call)
{
	int status = 0;

	for (int i = 1; i < call->argc; i++) {
		const char *path =
			call->argv[i][0] != '-' ? command_path(call->p, call->argv[i]) : NULL;

		if (path != NULL)
			outf(call->p, "%s\n", path);
		else
			status = 1;
	}
	return status;
}

/* What xargs was asked for, and the input that is left. */
struct gathering {
	struct call *call;
	const char *replace, *at;
	char separator; /* of words that end with it alone; 0: white space and quotes */
	unsigned long most;
	bool lines, none_if_empty, tell;
	int first; /* the command's words */
};

static bool read_gathering(struct gathering *g)
{
	struct options o = { .call = g->call,
			     .names = "null=0 no-run-if-empty=r max-args=n replace=I verbose=t "
				      "max-procs=P delimiter=d" };
	int letter;

	while ((letter = option_next(&o, "n:I:i0rtL:P:d:E:s:xp")) != -1) {
		switch (letter) {
		case '?':
			return false;
		case 'L':
			g->lines = true;
			g->most = strtoul(o.value, NULL, 10);
			break;
		case 'n':
			g->most = strtoul(o.value, NULL, 10);
			break;
		case 'I':
			g->replace = o.value;
			g->separator = '\n';
			break;
		case '0':
			g->separator = '\0';
			g->lines = true;
			break;
		case 'd':
			g->separator = o.value[0] == '\\' && o.value[1] == 'n' ? '\n' : o.value[0];
			g->lines = true;
			break;
		case 'r':
			g->none_if_empty = true;
			break;
		case 't':
			g->tell = true;
			break;
		default:
			break;
		}
	}
	g->first = o.at;
	return true;
}

/* The words of xargs' input: quotes and backslashes as POSIX has them. */
static bool next_quoted(struct process *p, const char **at, char **word)
{
	struct growing made = { 0 };
	const char *c = *at;
	bool any = false;

	c += strspn(c, " \t\n");
	for (; *c != '\0' && strchr(" \t\n", *c) == NULL; c++) {
		any = true;
		if (*c == '\'' || *c == '"') {
			char quote = *c++;

			for (; *c != '\0' && *c != quote; c++)
				grow_char(p, &made, *c);
			if (*c == '\0')
				break;
		} else if (*c == '\\' && c[1] != '\0') {
			grow_char(p, &made, *++c);
		} else {
			grow_char(p, &made, *c);
		}
	}
	*at = c;
	if (!any)
		return false;
	grow(p, &made, "", 0);
	*word = made.data;
	return true;
}

/* The next word: a line where lines are asked for. */
static bool next_word(struct gathering *g, char **word)
{
	struct process *p = g->call->p;
	size_t size;

	if (!g->lines && g->replace == NULL)
		return next_quoted(p, &g->at, word);
	while (g->replace != NULL && (*g->at == '\n' || *g->at == ' '))
		g->at++;
	if (*g->at == '\0')
		return false;
	size = strcspn(g->at, "\n");
	*word = text_of(p, g->at, size);
	g->at += size + (g->at[size] == '\n');
	return true;
}

/* The command's own words with `word` where it is wanted. */
static void replace_in(struct gathering *g, struct fields *words, const char *word)
{
	struct process *p = g->call->p;

	for (size_t i = 0; i < words->count; i++) {
		struct growing made = { 0 };
		const char *from = words->items[i], *found;

		if (strstr(from, g->replace) == NULL)
			continue;
		while ((found = strstr(from, g->replace)) != NULL && g->replace[0] != '\0') {
			grow(p, &made, from, (size_t)(found - from));
			grow_text(p, &made, word);
			from = found + strlen(g->replace);
		}
		grow_text(p, &made, from);
		words->items[i] = made.data;
	}
}

/* Run the command once; false when nothing is left for it. */
static bool run_once(struct gathering *g, bool any)
{
	static char echo[] = "echo";
	struct process *p = g->call->p;
	struct fields words = { 0 };
	unsigned long count = 0;
	char *word;

	for (int i = g->first; i < g->call->argc; i++)
		fields_add(p, &words, g->call->argv[i]);
	if (words.count == 0)
		fields_add(p, &words, echo);
	if (g->replace != NULL) {
		if (!next_word(g, &word))
			return false;
		replace_in(g, &words, word);
	} else {
		for (; count < g->most && next_word(g, &word); count++)
			fields_add(p, &words, word);
		if (count == 0 && (any || g->none_if_empty))
			return false;
	}
	if (g->tell)
		errf(p, "%s\n", words_text(p, words.items));
	if (command_path(p, words.items[0]) == NULL) {
		p->status = 127;
		errf(p, "xargs: %s: No such file or directory\n", words.items[0]);
		return true;
	}
	run_words(p, &words, false);
	return true;
}

static int do_xargs(struct call *call)
{
	struct process *p = call->p;
	struct gathering g = { .call = call, .most = 5000, .none_if_empty = is_busybox(p) };
	size_t size;
	char *text;
	int status = 0;
	bool any = false;

	if (!read_gathering(&g))
		return 1;
	text = file_slurp(p, p->fds[0], &size);
	for (size_t i = 0; g.lines && i < size; i++)
		if (text[i] == g.separator)
			text[i] = '\n';
	g.at = text;
	while (run_once(&g, any)) {
		any = true;
		if (p->status == 127 || p->status == 126)
			return p->status;
		if (p->status != 0)
			status = 123;
		if (*g.at == '\0')
			break;
	}
	return status;
}

/* ---- nohup, nice, setsid and others that change nothing that can be seen ---- */

/* Which options of these have a value. */
static const struct {
	const char *name, *letters;
	int operands; /* before the command */
} wrappers[] = {
	{ "nohup", "", 0 },	      { "setsid", "cfw", 0 },	{ "nice", "n:", 0 },
	{ "ionice", "c:n:p:t", 0 },   { "chrt", "fiobrp:", 1 }, { "taskset", "cp", 1 },
	{ "stdbuf", "i:o:e:", 0 },    { "chroot", "", 1 },	{ "unbuffer", "p", 0 },
	{ "setarch", "R", 1 },	      { "linux32", "R", 0 },	{ "linux64", "R", 0 },
	{ "unshare", "mnpuUfrC", 0 },
};

static int do_wrapper(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call, .names = "adjustment=n" };
	size_t which = 0;
	int letter;

	while (strcmp(wrappers[which].name, call->argv[0]) != 0 && which + 1 < HIN_COUNT(wrappers))
		which++;
	if (which == 2 && call->argc > 1 && call->argv[1][0] == '-' &&
	    (isdigit((unsigned char)call->argv[1][1]) || call->argv[1][1] == '-'))
		o.at = 2; /* nice -5 */
	while ((letter = option_next(&o, wrappers[which].letters)) != -1)
		if (letter == '?')
			return 125;
	o.at += wrappers[which].operands;
	if (o.at >= call->argc) {
		if (strcmp(call->argv[0], "nice") == 0) {
			outs(p, "0\n");
			return 0;
		}
		if (operands(&o) == NULL)
			return is_busybox(p) ? 1 : 125;
		return 0;
	}
	if (which == 0 && is_terminal(p, 1))
		errf(p, is_busybox(p) ? "nohup: appending output to nohup.out\n"
				      : "nohup: ignoring input and appending output to "
					"'nohup.out'\n");
	run_rest(p, call, o.at);
	return p->status;
}

/* ---- time, timeout, watch ---- */

static int do_time(struct call *call)
{
	struct process *p = call->p;
	int64_t before = now_us(p);
	double seconds;
	int at = 1;
	bool posix = false;

	for (; at < call->argc && call->argv[at][0] == '-'; at++)
		posix |= strcmp(call->argv[at], "-p") == 0;
	if (at < call->argc)
		run_rest(p, call, at);
	seconds = (double)(now_us(p) - before) / 1e6;
	if (posix)
		errf(p, "real %.2f\nuser 0.00\nsys 0.00\n", seconds);
	else if (is_busybox(p))
		errf(p, "real\t%dm %.2fs\nuser\t0m 0.00s\nsys\t0m 0.00s\n", (int)(seconds / 60),
		     seconds - 60 * (int)(seconds / 60));
	else
		errf(p,
		     "%.2fuser 0.00system 0:%05.2felapsed 0%%CPU (0avgtext+0avgdata "
		     "3024maxresident)k\n0inputs+0outputs (0major+121minor)pagefaults 0swaps\n",
		     0.0, seconds);
	return p->status;
}

/* "10", "5m": microseconds; -1 when it is none. */
static int64_t duration_us(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || value < 0 || (*end != '\0' && strchr("smhd", *end) == NULL) ||
	    (*end != '\0' && end[1] != '\0'))
		return -1;
	value *= *end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 1;
	return value > 31536000 ? INT64_C(31536000000000) : (int64_t)(value * 1e6);
}

/* The command has a task of its own, which is ended when its time is over. */
static void timeout_run(struct process *p, void *what)
{
	struct call *call = what;

	run_rest(p, call, 0);
}

static int do_timeout(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call, .names = "signal=s kill-after=k" };
	struct call inner = { p, 0, NULL };
	struct process *child;
	int64_t end;
	uint32_t pid;
	int letter, number = 15, status = 0;

	while ((letter = option_next(&o, "s:k:t:")) != -1) {
		if (letter == '?')
			return 125;
		if (letter == 's')
			number = signal_of(o.value);
	}
	if (o.at + 1 >= call->argc)
		return operands(&o) == NULL ? 125 : complain_usage(call, "missing operand") + 124;
	end = duration_us(call->argv[o.at]);
	if (end < 0 || number <= 0)
		return complain_usage(call, "invalid time interval '%s'", call->argv[o.at]) + 124;
	if (command_path(p, call->argv[o.at + 1]) == NULL) {
		run_rest(p, call, o.at + 1);
		return p->status;
	}
	end += now_us(p);
	inner.argc = call->argc - o.at - 1;
	inner.argv = call->argv + o.at + 1;
	child = process_fork(p);
	inner.p = child;
	pid = child->pid;
	child->is_stage = true;
	if (!task_start(child, timeout_run, &inner, TASK_PLAIN)) {
		process_free(child);
		return complain(call, "fork failed") + 124;
	}
	if (!task_wait_until(p, pid, end)) {
		(void)task_kill(p->shell, pid, number);
		task_block(p, TASK_WAITS, NULL, pid);
		task_forget(p->shell, pid);
		if (is_busybox(p))
			errf(p, "Terminated\n");
		return is_busybox(p) ? 143 : 124;
	}
	(void)task_is_alive(p->shell, pid, &status);
	task_forget(p->shell, pid);
	return status;
}

static int do_watch(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call, .names = "interval=n no-title=t differences=d" };
	const char *every = "2.0";
	struct growing text = { 0 };
	int letter;

	while ((letter = option_next(&o, "n:tdbecgx")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 'n')
			every = o.value;
	}
	if (operands(&o) == NULL)
		return 1;
	for (int i = o.at; i < call->argc; i++)
		grow_format(p, &text, "%s%s", i > o.at ? " " : "", call->argv[i]);
	outf(p, "\033[H\033[JEvery %ss: %s\n\n", every, text.data);
	run_text(p, text.data, text.size);
	if (is_terminal(p, 1)) /* it would go on for ever; ^C ends it */
		wait_ms(p, 3600000);
	return 0;
}

static int do_sleep(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	int64_t all = 0;

	if (operands(&o) == NULL)
		return 1;
	for (int i = 1; i < call->argc; i++) {
		int64_t value = duration_us(call->argv[i]);

		if (value < 0)
			return is_busybox(p) ? complain(call, "invalid number '%s'", call->argv[i])
					     : complain_usage(call, "invalid time interval '%s'",
							      call->argv[i]);
		all += value;
	}
	if (strcmp(call->argv[0], "usleep") == 0)
		all /= 1000000;
	task_block(p, TASK_SLEEPS, NULL, now_us(p) + all);
	return 0;
}

const struct command run_commands[] = {
	{ "chroot", do_wrapper, false },    { "chrt", do_wrapper, false },
	{ "env", do_env, false },	    { "ionice", do_wrapper, false },
	{ "nice", do_wrapper, false },	    { "nohup", do_wrapper, false },
	{ "printenv", do_printenv, false }, { "setarch", do_wrapper, false },
	{ "setsid", do_wrapper, false },    { "sleep", do_sleep, false },
	{ "stdbuf", do_wrapper, false },    { "taskset", do_wrapper, false },
	{ "time", do_time, false },	    { "timeout", do_timeout, false },
	{ "unshare", do_wrapper, false },   { "usleep", do_sleep, false },
	{ "watch", do_watch, false },	    { "which", do_which, false },
	{ "xargs", do_xargs, false },	    { NULL, NULL, false },
};
