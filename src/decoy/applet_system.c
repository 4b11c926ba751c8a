/* applet_system - commands about the machine, its users and time, and those that run others. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decoy/shell_priv.h"

static int64_t now_us(const struct process *p)
{
	return p->shell->machine->now_us(p->shell->machine->user);
}

/* ---- who and what ---- */

static int do_uname(struct call *call)
{
	struct process *p = call->p;
	const struct hin_shell_machine *m = p->shell->machine;
	const char *fields[] = { m->system,  m->hostname, m->release,
				 m->version, m->hardware, is_busybox(p) ? "unknown" : NULL,
				 "GNU/Linux" };
	struct options o = { .call = call };
	unsigned which = 0;
	bool first = true;
	int letter;

	while ((letter = option_next(&o, "snrvmpioa")) != -1) {
		switch (letter) {
		case '?':
			return 1;
		case 'a':
			which = 0x5f;
			break;
		case 's':
			which |= 1;
			break;
		case 'n':
			which |= 2;
			break;
		case 'r':
			which |= 4;
			break;
		case 'v':
			which |= 8;
			break;
		case 'm':
			which |= 16;
			break;
		case 'o':
			which |= 64;
			break;
		default:
			which |= 32;
		}
	}
	if (o.at < call->argc) {
		if (is_busybox(p))
			return 1;
		return complain(call,
				"extra operand '%s'\nTry 'uname --help' for more information.",
				call->argv[o.at]);
	}
	if (which == 0)
		which = 1;
	for (unsigned i = 0; i < 7; i++)
		if (which & 1u << i) {
			outf(p, "%s%s", first ? "" : " ",
			     fields[i] != NULL ? fields[i] : "unknown");
			first = false;
		}
	outs(p, "\n");
	return 0;
}

static int do_hostname(struct call *call)
{
	outf(call->p, "%s\n", call->p->shell->machine->hostname);
	return 0;
}

static int do_whoami(struct call *call)
{
	const char *name = user_name(call->p, call->p->user.uid);

	if (name != NULL)
		outf(call->p, "%s\n", name);
	else
		outf(call->p, "%u\n", call->p->user.uid);
	return 0;
}

static int do_id(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	const char *name = user_name(p, p->user.uid);
	bool uid = false, gid = false, text = false;
	int letter;

	while ((letter = option_next(&o, "ugnGr")) != -1) {
		if (letter == '?')
			return 1;
		uid |= letter == 'u';
		gid |= letter == 'g' || letter == 'G';
		text |= letter == 'n';
	}
	name = name != NULL ? name : "nobody";
	if ((uid || gid) && text)
		outf(p, "%s\n", name);
	else if (uid || gid)
		outf(p, "%u\n", uid ? p->user.uid : p->user.gid);
	else
		outf(p, "uid=%u(%s) gid=%u(%s) groups=%u(%s)\n", p->user.uid, name, p->user.gid,
		     name, p->user.gid, name);
	return 0;
}

static int do_date(struct call *call)
{
	struct process *p = call->p;
	time_t seconds = (time_t)(now_us(p) / 1000000);
	const char *format = "%a %b %e %H:%M:%S UTC %Y";
	char text[512];
	struct tm tm;

	for (int i = 1; i < call->argc; i++)
		if (call->argv[i][0] == '+')
			format = call->argv[i] + 1;
	if (strlen(format) > 128)
		return complain(call, "invalid date '%s'", format);
	gmtime_r(&seconds, &tm);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the format is what date was asked for */
	if (strcmp(format, "%s") == 0)
		snprintf(text, sizeof(text), "%lld", (long long)seconds);
	else if (strftime(text, sizeof(text), format, &tm) == 0)
		text[0] = '\0';
#pragma GCC diagnostic pop
	outf(p, "%s\n", text);
	return 0;
}

static int do_nproc(struct call *call)
{
	outs(call->p, "2\n");
	return 0;
}

static int do_tty(struct call *call)
{
	outs(call->p, "not a tty\n");
	return 1;
}

static int do_nothing(struct call *call)
{
	(void)call;
	return 0;
}

static int do_false(struct call *call)
{
	(void)call;
	return 1;
}

/* ---- time ---- */

static int do_sleep(struct call *call)
{
	struct process *p = call->p;
	double seconds = 0;

	if (call->argc < 2)
		return complain(call, "missing operand\nTry 'sleep --help' for more information.");
	for (int i = 1; i < call->argc; i++) {
		char *end;
		double value = strtod(call->argv[i], &end);

		if (end == call->argv[i] || value < 0 ||
		    (*end != '\0' && strchr("smhd", *end) == NULL))
			return is_busybox(p) ? complain(call, "invalid number '%s'", call->argv[i])
					     : complain(call,
							"invalid time interval '%s'\nTry 'sleep "
							"--help' for more information.",
							call->argv[i]);
		value *= *end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 1;
		seconds += value;
	}
	if (strcmp(call->argv[0], "usleep") == 0)
		seconds /= 1e6;
	if (seconds > 31536000)
		seconds = 31536000;
	task_block(p, TASK_SLEEPS, NULL, now_us(p) + (int64_t)(seconds * 1e6));
	return 0;
}

/* ---- variables ---- */

/* env: what it changes is changed for the command alone, so it has a process of its own. */
static void env_inside(struct process *child, struct call *call)
{
	struct fields words = { 0 };
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
	for (; at < call->argc; at++)
		fields_add(child, &words, call->argv[at]);
	child->status = 0;
	if (words.count > 0) {
		if (command_path(child, words.items[0]) != NULL) {
			run_words(child, &words, false);
			return;
		}
		errf(child,
		     is_busybox(child) ? "env: can't execute '%s': No such file or directory\n"
				       : "env: '%s': No such file or directory\n",
		     words.items[0]);
		child->status = 127;
		return;
	}
	for (const struct variable *v = child->variables; v != NULL; v = v->next)
		if (v->exported && v->value != NULL)
			outf(child, "%s=%s\n", v->name, v->value);
}

static int do_env(struct call *call)
{
	struct process *p = call->p, *child = process_fork(p);
	int status;

	child->outer = p;
	child->depth++;
	if (child->depth >= CALLS_DEPTH) {
		process_free(child);
		shell_fail(p, 2, "Cannot fork");
	}
	if (setjmp(child->out) == 0)
		env_inside(child, call);
	status = child->status;
	process_free(child);
	return status;
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

/* ---- expr ---- */

struct expression {
	struct call *call;
	int at;
	bool wrong;
};

static const char *read_or(struct expression *e);

static bool is_next(const struct expression *e, const char *word)
{
	return e->at < e->call->argc && strcmp(e->call->argv[e->at], word) == 0;
}

static bool is_integer(const char *text)
{
	text += *text == '-';
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static const char *number_text(struct expression *e, long long value)
{
	return format_of(e->call->p, "%lld", value);
}

static const char *read_term(struct expression *e)
{
	const char *value;

	if (e->at >= e->call->argc) {
		e->wrong = true;
		return "";
	}
	if (is_next(e, "(")) {
		e->at++;
		value = read_or(e);
		if (is_next(e, ")"))
			e->at++;
		else
			e->wrong = true;
		return value;
	}
	if (is_next(e, "length") && e->at + 1 < e->call->argc) {
		e->at += 2;
		return number_text(e, (long long)strlen(e->call->argv[e->at - 1]));
	}
	if (is_next(e, "substr") && e->at + 3 < e->call->argc) {
		const char *text = e->call->argv[e->at + 1];
		long from = strtol(e->call->argv[e->at + 2], NULL, 10),
		     count = strtol(e->call->argv[e->at + 3], NULL, 10);
		long size = (long)strlen(text);

		e->at += 4;
		if (from < 1 || count < 1 || from > size)
			return "";
		if (count > size - from + 1)
			count = size - from + 1;
		return text_of(e->call->p, text + from - 1, (size_t)count);
	}
	if (is_next(e, "index") && e->at + 2 < e->call->argc) {
		const char *text = e->call->argv[e->at + 1];
		size_t place = strcspn(text, e->call->argv[e->at + 2]);

		e->at += 3;
		return number_text(e, text[place] == '\0' ? 0 : (long long)place + 1);
	}
	return e->call->argv[e->at++];
}

static const char *read_match(struct expression *e)
{
	const char *value = read_term(e);

	while (is_next(e, ":")) {
		const char *pattern;
		regmatch_t match[2];
		regex_t *expression = memory_of(e->call->p, sizeof(*expression));

		e->at++;
		pattern = read_term(e);
		if (strlen(pattern) > 512 ||
		    regcomp(expression, format_of(e->call->p, "^%s", pattern), 0) != 0) {
			e->wrong = true;
			return "";
		}
		if (regexec(expression, value, 2, match, 0) != 0) {
			value = expression->re_nsub > 0 ? "" : "0";
		} else if (expression->re_nsub > 0) {
			value = match[1].rm_so < 0
					? ""
					: text_of(e->call->p, value + match[1].rm_so,
						  (size_t)(match[1].rm_eo - match[1].rm_so));
		} else {
			value = number_text(e, match[0].rm_eo);
		}
		regfree(expression);
	}
	return value;
}

static bool both_integers(struct expression *e, const char *a, const char *b)
{
	if (is_integer(a) && is_integer(b))
		return true;
	if (!e->wrong)
		(void)complain(e->call, is_busybox(e->call->p) ? "non-numeric argument"
							       : "non-integer argument");
	e->wrong = true;
	return false;
}

static const char *read_product(struct expression *e)
{
	const char *value = read_match(e);

	while (is_next(e, "*") || is_next(e, "/") || is_next(e, "%")) {
		char op = e->call->argv[e->at++][0];
		const char *other = read_match(e);
		long long a, b;

		if (!both_integers(e, value, other))
			return "";
		a = strtoll(value, NULL, 10);
		b = strtoll(other, NULL, 10);
		if (op != '*' && b == 0) {
			(void)complain(e->call, "division by zero");
			e->wrong = true;
			return "";
		}
		value = number_text(
			e, op == '*'   ? (long long)((unsigned long long)a * (unsigned long long)b)
			   : b == -1   ? (op == '/' ? (long long)(0 - (unsigned long long)a) : 0)
			   : op == '/' ? a / b
				       : a % b);
	}
	return value;
}

static const char *read_sum(struct expression *e)
{
	const char *value = read_product(e);

	while (is_next(e, "+") || is_next(e, "-")) {
		char op = e->call->argv[e->at++][0];
		const char *other = read_product(e);
		unsigned long long a, b;

		if (!both_integers(e, value, other))
			return "";
		a = (unsigned long long)strtoll(value, NULL, 10);
		b = (unsigned long long)strtoll(other, NULL, 10);
		value = number_text(e, (long long)(op == '+' ? a + b : a - b));
	}
	return value;
}

static const char *read_comparison(struct expression *e)
{
	static const char *const words[] = { "=", "==", "!=", "<=", ">=", "<", ">" };
	const char *value = read_sum(e);

	for (size_t i = 0; i < HIN_COUNT(words);) {
		const char *other;
		long long order;
		bool is;

		if (!is_next(e, words[i])) {
			i++;
			continue;
		}
		e->at++;
		other = read_sum(e);
		if (is_integer(value) && is_integer(other)) {
			long long a = strtoll(value, NULL, 10), b = strtoll(other, NULL, 10);

			order = a < b ? -1 : a > b;
		} else {
			order = strcmp(value, other);
		}
		is = i <= 1   ? order == 0
		     : i == 2 ? order != 0
		     : i == 3 ? order <= 0
		     : i == 4 ? order >= 0
		     : i == 5 ? order < 0
			      : order > 0;
		value = is ? "1" : "0";
		i = 0;
	}
	return value;
}

static bool is_true(const char *value)
{
	return value[0] != '\0' && !(is_integer(value) && strtoll(value, NULL, 10) == 0);
}

static const char *read_and(struct expression *e)
{
	const char *value = read_comparison(e);

	while (is_next(e, "&")) {
		const char *other;

		e->at++;
		other = read_comparison(e);
		value = is_true(value) && is_true(other) ? value : "0";
	}
	return value;
}

static const char *read_or(struct expression *e)
{
	const char *value = read_and(e);

	while (is_next(e, "|")) {
		const char *other;

		e->at++;
		other = read_and(e);
		value = is_true(value) ? value : is_true(other) ? other : "0";
	}
	return value;
}

static int do_expr(struct call *call)
{
	struct expression e = { .call = call, .at = 1 };
	const char *value;

	if (call->argc < 2)
		return complain(call, is_busybox(call->p) ? "too few arguments"
							  : "missing operand\nTry 'expr --help' "
							    "for more information.") +
		       1;
	value = read_or(&e);
	if (!e.wrong && e.at < call->argc)
		return complain(call, "syntax error: unexpected argument '%s'", call->argv[e.at]) +
		       1;
	if (e.wrong)
		return 2;
	outf(call->p, "%s\n", value);
	return !is_true(value);
}

/* ---- commands that run others ---- */

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

/* The words of xargs' input: quotes and backslashes as POSIX has them. */
static bool next_word(struct process *p, const char **at, char **word)
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

static int do_xargs(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	const char *replace = NULL, *at;
	unsigned long most = 5000;
	bool none_if_empty = is_busybox(p), zero = false, any = false;
	static char echo[] = "echo";
	size_t size;
	char *text;
	int letter, status = 0;

	while ((letter = option_next(&o, "n:I:i0rtL:P:d:E:s:x")) != -1) {
		switch (letter) {
		case '?':
			return 1;
		case 'n':
		case 'L':
			most = strtoul(o.value, NULL, 10);
			break;
		case 'I':
			replace = o.value;
			break;
		case '0':
			zero = true;
			break;
		case 'r':
			none_if_empty = true;
			break;
		default:
			break;
		}
	}
	text = file_slurp(p, p->fds[0], &size);
	if (zero || replace != NULL) /* one word a line, or a NUL */
		for (size_t i = 0; i < size; i++)
			if (zero && text[i] == '\0')
				text[i] = '\n';
	at = text;
	for (;;) {
		struct fields words = { 0 };
		unsigned long count = 0;
		char *word;

		for (int i = o.at; i < call->argc; i++)
			fields_add(p, &words, call->argv[i]);
		if (words.count == 0)
			fields_add(p, &words, echo);
		if (zero || replace != NULL) {
			size_t line;

			while (replace != NULL && (*at == '\n' || *at == ' '))
				at++;
			line = strcspn(at, "\n");
			if (*at == '\0')
				break;
			word = text_of(p, at, line);
			at += line + (at[line] == '\n');
			if (replace != NULL) {
				for (size_t i = 0; i < words.count; i++) {
					char *found = strstr(words.items[i], replace);

					if (found != NULL)
						words.items[i] =
							format_of(p, "%.*s%s%s",
								  (int)(found - words.items[i]),
								  words.items[i], word,
								  found + strlen(replace));
				}
			} else {
				fields_add(p, &words, word);
				for (count = 1; count < most && *at != '\0'; count++) {
					line = strcspn(at, "\n");
					fields_add(p, &words, text_of(p, at, line));
					at += line + (at[line] == '\n');
				}
			}
		} else {
			for (; count < most && next_word(p, &at, &word); count++)
				fields_add(p, &words, word);
			if (count == 0 && (any || none_if_empty))
				break;
		}
		any = true;
		run_words(p, &words, false);
		if (p->status == 127 || p->status == 126)
			return p->status;
		if (p->status != 0)
			status = 123;
		if (*at == '\0')
			break;
	}
	return status;
}

/* Run a script in a process that was made for it. */
static void run_script(struct process *child, const char *text, size_t size, char **arguments,
		       size_t count)
{
	struct frame *frame;

	if (setjmp(child->out) != 0)
		return;
	frame = memory_of(child, sizeof(*frame));
	frame->arguments = arguments;
	frame->argument_count = count;
	child->frame = frame;
	child->status = 0;
	run_text(child, text, size);
	run_traps_at_exit(child);
}

/* sh, in a process of its own. */
static int do_sh(struct call *call)
{
	struct process *p = call->p, *child;
	const char *text = NULL, *name = call->argv[0];
	unsigned options = 0;
	size_t size = 0;
	int at = 1, status;
	bool from_input = false;

	for (; at < call->argc && (call->argv[at][0] == '-' || call->argv[at][0] == '+') &&
	       call->argv[at][1] != '\0';
	     at++) {
		if (strcmp(call->argv[at], "--") == 0) {
			at++;
			break;
		}
		if (strchr(call->argv[at], 'c') != NULL && call->argv[at][1] != '-') {
			if (at + 1 >= call->argc) {
				errf(p, "%s: 0: -c requires an argument\n", name);
				return 2;
			}
			options |= strchr(call->argv[at], 'e') != NULL ? OPTION_ERREXIT : 0u;
			options |= strchr(call->argv[at], 'x') != NULL ? OPTION_XTRACE : 0u;
			text = call->argv[++at];
			size = strlen(text);
			at++;
			break;
		}
		options |= strchr(call->argv[at], 'e') != NULL ? OPTION_ERREXIT : 0u;
		options |= strchr(call->argv[at], 'x') != NULL ? OPTION_XTRACE : 0u;
		from_input |= strchr(call->argv[at], 's') != NULL;
	}
	if (text != NULL && at < call->argc)
		name = call->argv[at++];
	if (text == NULL && at < call->argc && !from_input) {
		struct file *file;
		int fault = file_open(p, call->argv[at], OPEN_READ, 0, &file);

		if (fault != 0) {
			if (is_busybox(p))
				errf(p, "%s: can't open '%s': %s\n", call->argv[0], call->argv[at],
				     error_text(fault));
			else
				errf(p, "%s: 0: cannot open %s: No such file\n", call->argv[0],
				     call->argv[at]);
			return 2;
		}
		(void)file_owned(p, file);
		text = file_slurp(p, file, &size);
		file_done(p, file);
		name = call->argv[at++];
	}
	if (text == NULL)
		text = file_slurp(p, p->fds[0], &size);
	if (p->depth >= CALLS_DEPTH)
		shell_fail(p, 2, "Cannot fork");
	child = process_fork(p);
	child->outer = p;
	child->depth++;
	child->options = options;
	child->tested = 0;
	child->line = 1;
	for (struct variable **v = &child->variables; *v != NULL;) {
		struct variable *gone = *v;

		if (gone->exported || strcmp(gone->name, "IFS") == 0 ||
		    strcmp(gone->name, "PWD") == 0) {
			v = &gone->next;
			continue;
		}
		*v = gone->next;
		free(gone->name);
		free(gone->value);
		free(gone);
	}
	while (child->functions != NULL) {
		struct function *f = child->functions;

		child->functions = f->next;
		unit_drop(f->unit);
		free(f->name);
		free(f);
	}
	free(child->name);
	child->name = strdup(name);
	run_script(child, text, size, call->argv + at,
		   at < call->argc ? (size_t)(call->argc - at) : 0);
	status = child->status;
	process_free(child);
	return status;
}

static int do_busybox(struct call *call)
{
	struct call inner = { call->p, call->argc - 1, call->argv + 1 };
	const struct command *command;

	if (call->argc < 2) {
		outs(call->p, "BusyBox v1.35.0 (Debian 1:1.35.0-4+b7) multi-call binary.\n");
		return 0;
	}
	command = applet_find(call->argv[1]);
	if (command == NULL) {
		errf(call->p, "%s: applet not found\n", call->argv[1]);
		return 127;
	}
	return command->run(&inner);
}

const struct command system_applets[] = {
	{ "ash", do_sh, false },
	{ "bash", do_sh, false },
	{ "busybox", do_busybox, false },
	{ "clear", do_nothing, false },
	{ "dash", do_sh, false },
	{ "date", do_date, false },
	{ "env", do_env, false },
	{ "expr", do_expr, false },
	{ "false", do_false, false },
	{ "hostname", do_hostname, false },
	{ "id", do_id, false },
	{ "nproc", do_nproc, false },
	{ "printenv", do_printenv, false },
	{ "sh", do_sh, false },
	{ "sleep", do_sleep, false },
	{ "sync", do_nothing, false },
	{ "true", do_nothing, false },
	{ "tty", do_tty, false },
	{ "uname", do_uname, false },
	{ "usleep", do_sleep, false },
	{ "which", do_which, false },
	{ "whoami", do_whoami, false },
	{ "xargs", do_xargs, false },
	{ NULL, NULL, false },
};
