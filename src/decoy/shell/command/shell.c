/* shell - sh, and busybox itself. */
#include <errno.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

/* ---- shells ---- */

/* What a new shell is given: a text, or its input. */
struct script {
	const char *text;
	size_t size;
	char **arguments;
	size_t count;
};

static void script_body(struct process *p, void *what)
{
	const struct script *script = what;
	struct frame *frame = memory_of(p, sizeof(*frame));

	frame->arguments = script->arguments;
	frame->argument_count = script->count;
	frame->outer = p->frame;
	p->frame = frame;
	p->status = 0;
	if (script->text != NULL)
		run_text(p, script->text, script->size);
	else
		shell_loop(p);
	run_traps_at_exit(p);
}

/* The process of a new shell: as after fork and exec. */
static struct process *shell_process(struct call *call, const char *name)
{
	struct process *p = call->p, *child = process_inside(p);

	if (p->call == call) { /* it is this command's process */
		child->pid = p->call_pid;
		p->call = NULL;
	}
	child->shell_pid = child->pid;
	child->options = 0;
	child->tested = 0;
	child->line = child->next_line = 1;
	child->interactive = false;
	child->is_stage = false;
	child->last_job = 0;
	child->dialect =
		p->dialect == HIN_SHELL_ASH ? HIN_SHELL_ASH : dialect_of(p->shell->machine, name);
	process_strip(child);
	free(child->name);
	child->name = strdup(name);
	if (child->name == NULL)
		process_die(p, 128 + 9);
	return child;
}

/* The parameters of a shell that lives on when the command's memory is gone. */
static void keep_frame(struct process *child)
{
	struct frame *frame = memory_kept(child, sizeof(*frame));

	frame->arguments = memory_kept(child, sizeof(char *));
	frame->outer = child->frame;
	child->frame = frame;
}

/* The letters of sh's options: -c, -s, -i, -l, and those of set. */
struct shell_options {
	bool command, input, interactive, login;
	unsigned options;
};

/* Read them; the place of the first operand, or -1 for a wrong one. */
static int read_shell_options(struct call *call, struct shell_options *s)
{
	int at = 1;

	for (; at < call->argc && (call->argv[at][0] == '-' || call->argv[at][0] == '+') &&
	       call->argv[at][1] != '\0';
	     at++) {
		const char *word = call->argv[at];

		if (strcmp(word, "--") == 0)
			return at + 1;
		if (word[1] == '-') { /* bash's long ones */
			s->login |= strcmp(word, "--login") == 0;
			if (strcmp(word, "--version") == 0) {
				outs(call->p, "GNU bash, version 5.2.15(1)-release "
					      "(x86_64-pc-linux-gnu)\n");
				return -1;
			}
			continue;
		}
		for (const char *c = word + 1; *c != '\0'; c++) {
			static const char letters[] = "euxfCnav";
			const char *found = strchr(letters, *c);

			s->command |= *c == 'c';
			s->input |= *c == 's';
			s->interactive |= *c == 'i';
			s->login |= *c == 'l';
			if (found != NULL && word[0] == '-')
				s->options |= 1u << (found - letters);
			if (*c == 'o' && at + 1 < call->argc)
				at++;
		}
	}
	return at;
}

/* The text of a script's file; NULL with the shell's words, `*status` set. */
static const char *read_script(struct call *call, const char *path, size_t *size, int *status)
{
	struct process *p = call->p;
	struct file *file;
	const char *text;
	int fault = file_open(p, path, OPEN_READ, 0, &file);

	if (fault != 0) {
		*status = 2;
		if (is_busybox(p)) {
			errf(p, "%s: can't open '%s': %s\n", call->argv[0], path,
			     error_text(fault));
		} else if (dialect_of(p->shell->machine, call->argv[0]) == HIN_SHELL_BASH) {
			errf(p, "%s: %s: %s\n", call->argv[0], path, error_text(fault));
			*status = 127;
		} else {
			errf(p, "%s: 0: cannot open %s: %s\n", call->argv[0], path,
			     fault == -ENOENT ? "No such file" : error_text(fault));
		}
		return NULL;
	}
	(void)file_owned(p, file);
	text = file_slurp(p, file, size);
	file_done(p, file);
	return text;
}

static int do_sh(struct call *call)
{
	struct process *p = call->p, *child;
	struct shell_options s = { 0 };
	struct script script = { 0 };
	const char *name = call->argv[0];
	bool tail = p->tail;
	int at = read_shell_options(call, &s), status = 0;

	if (at < 0)
		return 0;
	if (s.command) {
		if (at >= call->argc) {
			errf(p,
			     is_busybox(p) ? "%s: -c requires an argument\n"
					   : "%s: 0: -c requires an argument\n",
			     name);
			return 2;
		}
		script.text = call->argv[at++];
		script.size = strlen(script.text);
		if (at < call->argc)
			name = call->argv[at++];
	} else if (at < call->argc && !s.input) {
		name = call->argv[at++];
		script.text = read_script(call, name, &script.size, &status);
		if (script.text == NULL)
			return status;
	} else if (p->fds[0] != NULL && p->fds[0]->type != FILE_INPUT &&
		   dialect_of(p->shell->machine, name) != HIN_SHELL_BASH) {
		script.text = file_slurp(p, p->fds[0], &script.size); /* as dash and ash read */
	}
	script.arguments = call->argv + at;
	script.count = at < call->argc ? (size_t)(call->argc - at) : 0;
	child = shell_process(call,
			      s.login && name == call->argv[0] ? format_of(p, "-%s", name) : name);
	child->options = s.options;
	if (script.text == NULL && script.count == 0 && is_terminal(p, 0)) {
		keep_frame(child);
		return shell_enter(p, child, tail);
	}
	process_run(child, script_body, &script);
	return p->status;
}

/* ---- another user ---- */

static void become(struct process *child, const struct account *account)
{
	static const char *const names[] = { "HOME", "SHELL", "USER", "LOGNAME" };
	const char *values[] = { account->home, account->shell, account->name, account->name };

	child->user = (struct hin_fs_user){ account->uid, account->gid };
	for (size_t i = 0; i < HIN_COUNT(names); i++) {
		(void)variable_set(child, names[i], values[i]);
		variable_export(child, names[i]);
	}
}

static void prepare(struct process *child, void *what)
{
	const struct shell_start *const *at = what, *start = *at;
	uint32_t folder;

	keep_frame(child);
	if (start->account == NULL)
		return;
	become(child, start->account);
	if (start->login && hin_fs_find(child->shell->fs, &child->user, HIN_FS_ROOT,
					start->account->home, true, &folder) == 0) {
		char *home = strdup(start->account->home);

		if (home == NULL)
			process_die(child, 1);
		hin_fs_hold(child->shell->fs, folder);
		hin_fs_drop(child->shell->fs, child->folder);
		child->folder = folder;
		free(child->folder_name);
		child->folder_name = home;
		(void)variable_set(child, "PWD", home);
	}
}

int start_shell(struct call *call, const struct shell_start *start)
{
	struct process *p = call->p, *child;
	struct script script = { .text = start->text,
				 .size = start->text != NULL ? strlen(start->text) : 0 };
	bool tail = p->tail;

	child = shell_process(call, start->name);
	if (!process_try(child, prepare, &start)) {
		process_free(child);
		return 1;
	}
	if (script.text == NULL && is_terminal(p, 0))
		return shell_enter(p, child, tail);
	process_run(child, script_body, &script);
	return p->status;
}

struct running_as {
	const struct account *account;
	char **words;
};

static void run_as_body(struct process *p, void *what)
{
	const struct running_as *r = what;
	struct fields words = { 0 };

	become(p, r->account);
	for (char **word = r->words; *word != NULL; word++)
		fields_add(p, &words, *word);
	run_words(p, &words, false);
}

int run_as(struct call *call, const struct account *account, char **words)
{
	struct running_as r = { account, words };

	process_run(process_inside(call->p), run_as_body, &r);
	return call->p->status;
}

/* ---- busybox ---- */

/* Has this machine's busybox the applet? */
static const struct command *busybox_applet(const struct process *p, const char *name)
{
	const char *const *have = p->shell->machine->applets;
	const struct command *command = applet_find(name);

	if (have == NULL)
		return command != NULL && is_busybox_applet(name) ? command : NULL;
	for (; *have != NULL; have++)
		if (strcmp(*have, name) == 0)
			return command;
	return NULL;
}

static void tell_list(struct process *p)
{
	size_t column = 8;
	bool first = true;

	outs(p, "\t");
	for (size_t i = 0; hin_shell_applet(i) != NULL; i++) {
		const char *name = hin_shell_applet(i);

		if (busybox_applet(p, name) == NULL)
			continue;
		if (!first) {
			outs(p, ",");
			if (column + strlen(name) + 2 > 79) {
				outs(p, "\n\t");
				column = 8;
			} else {
				outs(p, " ");
			}
			column += 2;
		}
		outs(p, name);
		column += strlen(name);
		first = false;
	}
	outs(p, "\n");
}

const char *busybox_banner(const struct process *p)
{
	return p->shell->machine->busybox != NULL
		       ? p->shell->machine->busybox
		       : "BusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1)";
}

static int tell_busybox(struct process *p)
{
	outf(p,
	     "%s multi-call binary.\n"
	     "BusyBox is copyrighted by many authors between 1998-2015.\n"
	     "Licensed under GPLv2. See source distribution for detailed\n"
	     "copyright notices.\n\n"
	     "Usage: busybox [function [arguments]...]\n"
	     "   or: busybox --list[-full]\n"
	     "   or: busybox --show SCRIPT\n"
	     "   or: busybox --install [-s] [DIR]\n"
	     "   or: function [arguments]...\n\n"
	     "\tBusyBox is a multi-call binary that combines many common Unix\n"
	     "\tutilities into a single executable.  Most people will create a\n"
	     "\tlink to busybox for each function they wish to use and BusyBox\n"
	     "\twill act like whatever it was invoked as.\n\n"
	     "Currently defined functions:\n",
	     busybox_banner(p));
	tell_list(p);
	return 0;
}

static int do_busybox(struct call *call)
{
	struct process *p = call->p;
	struct call inner = { p, call->argc - 1, call->argv + 1 };
	enum hin_shell_dialect dialect = p->dialect;
	const struct command *command;
	int status;

	if (call->argc < 2 || strcmp(call->argv[1], "--help") == 0)
		return tell_busybox(p);
	if (strcmp(call->argv[1], "--list") == 0) {
		for (size_t i = 0; hin_shell_applet(i) != NULL; i++)
			if (busybox_applet(p, hin_shell_applet(i)) != NULL)
				outf(p, "%s\n", hin_shell_applet(i));
		return 0;
	}
	if (strcmp(call->argv[1], "--install") == 0)
		return 0;
	command = strcmp(name_of(call->argv[1]), "busybox") == 0
			  ? applet_find("busybox")
			  : busybox_applet(p, name_of(call->argv[1]));
	if (command == NULL) {
		errf(p, "%s: applet not found\n", name_of(call->argv[1]));
		return 127;
	}
	if (p->depth++ >= CALLS_DEPTH)
		shell_fail(p, 2, "Cannot fork");
	if (p->call == call)
		p->call = &inner;
	p->dialect = HIN_SHELL_ASH;
	status = inner.argc > 1 && strcmp(inner.argv[1], "--help") == 0 && usage_of(inner.argv[0])
			 ? tell_usage(&inner, true)
			 : command->run(&inner);
	p->dialect = dialect;
	p->depth--;
	return status;
}

const struct command shell_commands[] = {
	{ "ash", do_sh, false },  { "bash", do_sh, false },  { "busybox", do_busybox, false },
	{ "dash", do_sh, false }, { "rbash", do_sh, false }, { "sh", do_sh, false },
	{ NULL, NULL, false },
};
