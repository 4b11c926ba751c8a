/* signal - kill, killall, pkill, pgrep, pidof: which process, and its end. */
#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"
#include "decoy/machine/proc.h"

/* ---- one process ---- */

/* Send a signal; 0 or a negative errno. Processes of the machine end, as those of the shell do. */
static int signal_pid(struct call *call, uint32_t pid, int number)
{
	struct process *p = call->p;
	struct hin_shell *shell = p->shell;
	struct seen_process seen;
	struct hin_shell_event event = {
		.kind = HIN_SHELL_KILL, .tool = call->argv[0], .pid = pid, .signal = number
	};

	if (!process_seen(p, pid, &seen))
		return -ESRCH;
	if (p->user.uid != 0 && p->user.uid != seen.uid)
		return -EPERM;
	if (number == 0)
		return 0;
	event.text = seen.command;
	tell(p, &event);
	if (pid == p->pid && p->call == NULL && (p->traps == NULL || p->traps[number] == NULL)) {
		p->exits = p->interactive;
		process_die(p, 128 + number);
	}
	if (task_kill(shell, pid, number))
		return 0;
	for (struct process *s = shell->first; s != NULL; s = s->below)
		if (s->pid == pid && number != 15 && number != 2 && number != 3)
			s->exits = true; /* an interactive shell does not mind others */
	if (!seen.ours && pid > 2 && seen.command[0] != '[' && number != 18 && number != 1)
		process_end(shell, pid);
	return 0;
}

/* ---- kill ---- */

static int tell_signals(struct call *call)
{
	struct process *p = call->p;
	unsigned column = 0;

	if (call->argc > 2 && isdigit((unsigned char)call->argv[2][0])) {
		const char *name = signal_name((int)strtoul(call->argv[2], NULL, 10) & 127);

		if (name != NULL)
			outf(p, "%s\n", name);
		return name == NULL;
	}
	for (int i = p->dialect == HIN_SHELL_DASH ? 0 : 1; i < 32; i++) {
		const char *name = i == 0 ? "0" : signal_name(i);

		if (name == NULL)
			continue;
		if (is_bash(p))
			outf(p, "%2d) SIG%-8s%s", i, name, ++column % 5 == 0 ? "\n" : "\t");
		else if (is_busybox(p))
			outf(p, "%2d) %s\n", i, name);
		else
			outf(p, "%s\n", name);
	}
	if (column % 5 != 0)
		outs(p, "\n");
	return 0;
}

/* The number of "-9", "-KILL" or "-s KILL"; the place of the first operand. */
static int read_signal(struct call *call, int *number)
{
	const char *name = NULL;
	int at = 1;

	if (at + 1 < call->argc &&
	    (strcmp(call->argv[at], "-s") == 0 || strcmp(call->argv[at], "-n") == 0)) {
		name = call->argv[at + 1];
		at += 2;
	} else if (at < call->argc && call->argv[at][0] == '-' && call->argv[at][1] != '\0' &&
		   strcmp(call->argv[at], "--") != 0) {
		name = call->argv[at++] + 1;
	}
	if (at < call->argc && strcmp(call->argv[at], "--") == 0)
		at++;
	*number = name != NULL ? signal_of(name) : 15;
	if (*number >= 0)
		return at;
	if (is_busybox(call->p))
		errf(call->p, "%s: bad signal name '%s'\n", call->p->name, name);
	else if (is_bash(call->p))
		shell_error(call->p, "kill: %s: invalid signal specification", name);
	else
		shell_error(call->p, "kill: Illegal option -%s", name);
	return -1;
}

static int tell_unsignalled(struct call *call, const char *word, int fault)
{
	struct process *p = call->p;
	const char *text = fault == -ESRCH ? "No such process" : error_text(fault);

	if (is_busybox(p))
		errf(p, "%s: can't kill pid %s: %s\n", p->name, word, text);
	else if (is_bash(p))
		shell_error(p, "kill: (%s) - %s", word, text);
	else
		shell_error(p, "kill: %s\n", text);
	return 1;
}

/* A word that is no process at all. */
static int tell_no_pid(struct call *call, const char *word)
{
	struct process *p = call->p;

	if (is_busybox(p))
		errf(p, "%s: invalid number '%s'\n", p->name, word);
	else if (is_bash(p))
		shell_error(p, "kill: %s: arguments must be process or job IDs", word);
	else
		shell_error(p, "kill: Illegal number: %s", word);
	return p->dialect == HIN_SHELL_DASH ? 2 : 1;
}

static int kill_word(struct call *call, const char *word, int number)
{
	struct process *p = call->p;
	uint32_t pid;
	char *end;
	int fault;

	if (word[0] == '%') {
		struct job *job = job_find(p->shell, word);

		if (job == NULL) {
			shell_error(p,
				    is_bash(p) ? "kill: %s: no such job" : "kill: No such job: %s",
				    word);
			return is_bash(p) ? 1 : 2;
		}
		if (job->pid == 0) {
			job_forget(p->shell, job);
			return 0;
		}
		(void)task_kill(p->shell, job->pid, number);
		return 0;
	}
	pid = (uint32_t)strtoul(word + (word[0] == '-'), &end, 10);
	if (end == word || *end != '\0')
		return tell_no_pid(call, word);
	if (pid == 0 && number != 0) { /* the whole group */
		p->exits = true;
		process_die(p, 128 + number);
	}
	fault = signal_pid(call, pid, number);
	return fault != 0 ? tell_unsignalled(call, word, fault) : 0;
}

static int do_kill(struct call *call)
{
	struct process *p = call->p;
	int number, at, status = 0;

	if (call->argc > 1 && strcmp(call->argv[1], "-l") == 0)
		return tell_signals(call);
	at = read_signal(call, &number);
	if (at < 0)
		return p->dialect == HIN_SHELL_DASH ? 2 : 1;
	if (at >= call->argc) {
		if (is_bash(p)) {
			errf(p, "kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | "
				"jobspec ... or kill -l [sigspec]\n");
			return 2;
		}
		if (is_busybox(p))
			errf(p, "%s: you need to specify whom to kill\n", p->name);
		else
			errf(p,
			     "%s: %u: Usage: kill [-s sigspec | -signum | -sigspec] [pid | job]..."
			     " or\nkill -l [exitstatus]\n",
			     p->name, p->line);
		return is_busybox(p) ? 1 : 2;
	}
	for (; at < call->argc; at++) {
		int one = kill_word(call, call->argv[at], number);

		status = one != 0 ? one : status;
	}
	return status;
}

/* ---- by name ---- */

/* Processes whose names are looked for. */
struct search {
	struct call *call;
	regex_t *expression; /* or `names` */
	char **names;
	bool whole_line, exact;
	uint32_t self; /* it does not find itself */
	uint32_t found[256];
	char comms[256][16];
	unsigned count;
};

static bool matches(const struct search *s, const struct seen_process *p, const char *comm)
{
	if (s->expression != NULL) {
		regmatch_t m;
		const char *text = s->whole_line ? p->command : comm;

		if (regexec(s->expression, text, 1, &m, 0) != 0)
			return false;
		return !s->exact || (m.rm_so == 0 && text[m.rm_eo] == '\0');
	}
	for (char **name = s->names; *name != NULL; name++) {
		const char *base = name_of(*name);

		if (strncmp(comm, base, 15) == 0 &&
		    (strlen(base) > 15 || strlen(comm) == strlen(base)))
			return true;
	}
	return false;
}

static bool search_one(void *user, const struct seen_process *p)
{
	struct search *s = user;
	char comm[16];

	process_comm(p, comm);
	if (p->pid != s->self && s->count < HIN_COUNT(s->found) && matches(s, p, comm)) {
		memcpy(s->comms[s->count], comm, sizeof(comm));
		s->found[s->count++] = p->pid;
	}
	return true;
}

static void search_all(struct search *s)
{
	struct process *p = s->call->p;

	s->self = p->call != NULL ? p->call_pid : p->pid;
	processes_each(p->shell->machine, p->shell, search_one, s);
}

static int do_pidof(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	struct search *s = memory_of(p, sizeof(*s));
	int letter;

	while ((letter = option_next(&o, "sxcnqo:")) != -1)
		if (letter == '?')
			return 1;
	s->call = call;
	s->names = call->argv + o.at;
	if (o.at >= call->argc)
		return 1;
	search_all(s);
	for (unsigned i = s->count; i-- > 0;) {
		outf(p, "%u%s", s->found[i], i > 0 && !option_has(&o, 's') ? " " : "\n");
		if (option_has(&o, 's'))
			break;
	}
	return s->count == 0;
}

static int do_killall(struct call *call)
{
	struct process *p = call->p;
	struct search *s = memory_of(p, sizeof(*s));
	bool quiet = false;
	int at = 1, number = 15, status = 0;

	for (; at < call->argc && call->argv[at][0] == '-'; at++) {
		const char *word = call->argv[at] + 1;

		if (strcmp(word, "q") == 0)
			quiet = true;
		else if (strcmp(word, "l") == 0)
			return tell_signals(call);
		else if (strcmp(word, "s") == 0 && at + 1 < call->argc)
			number = signal_of(call->argv[++at]);
		else if (signal_of(word) >= 0)
			number = signal_of(word);
		else if (strspn(word, "eIgiovwrVyZ") != strlen(word)) {
			if (is_busybox(p))
				return complain(call, "bad signal name '%s'", word);
			return complain(call, "unknown signal; killall -l lists signals.");
		}
	}
	if (at >= call->argc)
		return is_busybox(p) ? tell_usage(call, false)
				     : complain(call, "no process name specified");
	s->call = call;
	for (; at < call->argc; at++) {
		char *one[] = { call->argv[at], NULL };

		s->names = one;
		s->count = 0;
		search_all(s);
		if (s->count == 0 && !quiet)
			errf(p,
			     is_busybox(p) ? "killall: %s: no process killed\n"
					   : "%s: no process found\n",
			     call->argv[at]);
		status |= s->count == 0;
		for (unsigned i = 0; i < s->count; i++) {
			int fault = signal_pid(call, s->found[i], number);

			if (fault == 0)
				continue;
			errf(p, "%s(%u): %s\n", s->comms[i], s->found[i],
			     fault == -ESRCH ? "No such process" : error_text(fault));
			status = 1;
		}
	}
	return status;
}

/* pgrep and pkill: by an expression. */
static int do_pgrep(struct call *call)
{
	struct process *p = call->p;
	bool kills = strcmp(call->argv[0], "pkill") == 0;
	struct options o = { .call = call,
			     .names = "full=f exact=x list-name=l list-full=a signal=s" };
	struct search *s = memory_of(p, sizeof(*s));
	regex_t *expression = memory_of(p, sizeof(*expression));
	int letter, number = 15;

	if (kills && call->argc > 1 && call->argv[1][0] == '-' &&
	    signal_of(call->argv[1] + 1) > 0) {
		number = signal_of(call->argv[1] + 1);
		o.at = 2;
	}
	while ((letter = option_next(&o, "fxlanovcu:U:t:P:s:e9")) != -1) {
		if (letter == '?')
			return 2;
		if (letter == 's' && kills)
			number = signal_of(o.value);
	}
	if (o.at >= call->argc)
		return is_busybox(p) ? tell_usage(call, false)
				     : complain_usage(call, "no matching criteria specified") + 1;
	if (strlen(call->argv[o.at]) > 256 ||
	    regcomp(expression, call->argv[o.at], REG_EXTENDED) != 0)
		return 2;
	regex_kept(p, expression, 1);
	s->call = call;
	s->expression = expression;
	s->whole_line = option_has(&o, 'f');
	s->exact = option_has(&o, 'x');
	search_all(s);
	for (unsigned i = 0; i < s->count; i++) {
		struct seen_process seen;

		if (kills) {
			(void)signal_pid(call, s->found[i], number);
		} else if (option_has(&o, 'a') && process_seen(p, s->found[i], &seen)) {
			outf(p, "%u %s\n", s->found[i], seen.command);
		} else {
			outf(p, "%u%s%s\n", s->found[i], option_has(&o, 'l') ? " " : "",
			     option_has(&o, 'l') ? s->comms[i] : "");
		}
	}
	regex_done(p, expression);
	return s->count == 0;
}

const struct command signal_commands[] = {
	{ "kill", do_kill, false },   { "killall", do_killall, false },
	{ "pgrep", do_pgrep, false }, { "pidof", do_pidof, false },
	{ "pkill", do_pgrep, false }, { NULL, NULL, false },
};
