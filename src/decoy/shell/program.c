/* program - what a simple command's words stand for: a function, a builtin, or a program's file. */
#include <stdlib.h>

#include "decoy/shell/shell_priv.h"

#define TOLD 4096 /* commands of one shell that are told of */

/* ---- functions ---- */

struct function *function_find(const struct process *p, const char *name)
{
	struct function *f = p->functions;

	while (f != NULL && strcmp(f->name, name) != 0)
		f = f->next;
	return f;
}

static void run_function(struct process *p, const struct function *f, struct fields *words)
{
	const char *builtin = p->builtin;
	unsigned loops = p->loops;
	struct frame *frame;

	if (p->depth >= CALLS_DEPTH)
		shell_fail(p, 2, "Maximum function recursion depth (%d) reached", CALLS_DEPTH);
	p->depth++;
	p->builtin = NULL;
	frame = memory_of(p, sizeof(*frame));
	frame->arguments = words->items + 1;
	frame->argument_count = words->count - 1;
	frame->outer = p->frame;
	p->frame = frame;
	p->loops = 0;
	unit_enter(p, f->unit);
	run(p, f->body);
	unit_leave(p);
	if (p->flow == FLOW_RETURN)
		p->flow = FLOW_ON;
	p->loops = loops;
	p->builtin = builtin;
	frame_end(p);
	p->depth--;
}

/* ---- what is told ---- */

/* The words with a space between, for an event or a job. */
char *words_text(struct process *p, char *const *words)
{
	struct growing text = { 0 };

	grow(p, &text, "", 0);
	for (size_t i = 0; words[i] != NULL; i++) {
		if (i > 0)
			grow_char(p, &text, ' ');
		grow_text(p, &text, words[i]);
	}
	return text.data;
}

void tell(struct process *p, const struct hin_shell_event *event)
{
	const struct hin_shell_settings *s = &p->shell->settings;

	if (s->event != NULL)
		s->event(s->user_data, event);
}

static void tell_command_run(struct process *p, const struct fields *words)
{
	struct hin_shell_event event = { .kind = HIN_SHELL_COMMAND };

	if (p->shell->settings.event == NULL || p->shell->told >= TOLD)
		return;
	p->shell->told++;
	event.tool = name_of(words->items[0]);
	event.text = words_text(p, words->items);
	tell(p, &event);
}

char *absolute_path(struct process *p, const char *path)
{
	return logical_path(p, p->folder_name, path);
}

/* ---- files ---- */

const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static void not_found(struct process *p, const char *name)
{
	struct hin_fs_stat stat;
	uint32_t ino;

	p->status = 127;
	if (strchr(name, '/') == NULL) {
		shell_error(p, is_bash(p) ? "%s: command not found" : "%s: not found", name);
		return;
	}
	if (hin_fs_find(p->shell->fs, &p->user, p->folder, name, true, &ino) != 0) {
		shell_error(p, is_bash(p) ? "%s: No such file or directory" : "%s: not found",
			    name);
		return;
	}
	hin_fs_stat(p->shell->fs, ino, &stat);
	p->status = 126;
	shell_error(p,
		    is_bash(p) && stat.type == HIN_FS_DIRECTORY ? "%s: Is a directory"
								: "%s: Permission denied",
		    name);
}

struct program {
	const struct command *command;
	struct call *call;
};

static void program_body(struct process *p, void *what)
{
	const struct program *program = what;

	p->status = program->command->run(program->call);
}

/* What the shell says of a command that a signal ended. */
static void tell_death(struct process *p, const struct call *call, uint32_t pid)
{
	static const struct {
		int status;
		const char *text;
	} deaths[] = {
		{ 128 + 3, "Quit" },	    { 128 + 6, "Aborted" },
		{ 128 + 9, "Killed" },	    { 128 + 11, "Segmentation fault" },
		{ 128 + 15, "Terminated" },
	};

	for (size_t i = 0; i < HIN_COUNT(deaths); i++)
		if (deaths[i].status == p->status) {
			if (is_bash(p) && !p->interactive)
				errf(p, "%s: line %u: %5u %-23s %s\n", p->name, p->line, pid,
				     deaths[i].text, words_text(p, call->argv));
			else
				errf(p, "%s\n", deaths[i].text);
		}
}

/*
 * Run a command as the process of its own that it would be: it has steps of its own, and what ends
 * it does not end the shell.
 */
static void run_command(struct process *p, const struct command *command, struct call *call)
{
	struct program program = { command, call };
	const struct call *outer = p->call;
	uint32_t outer_pid = p->call_pid, pid;
	uint64_t budget = task_budget(p, p->shell->settings.limits.line_steps);
	bool is_stage = p->is_stage, lived;

	pid = is_stage ? p->pid : p->shell->next_pid++;
	p->call = call;
	p->call_pid = pid;
	p->is_stage = false;
	p->killed = false;
	lived = process_try(p, program_body, &program);
	p->call = outer;
	p->call_pid = outer_pid;
	p->is_stage = is_stage;
	(void)task_budget(p, budget);
	step(p); /* the whole of it may be over */
	if ((!lived || p->killed) && !is_stage)
		tell_death(p, call, pid);
}

/* A file's text as a script of its own. */
struct script {
	const char *path, *text;
	size_t size;
	struct fields *words;
};

static void script_body(struct process *p, void *what)
{
	const struct script *script = what;
	struct frame *frame = memory_of(p, sizeof(*frame));

	frame->arguments = script->words->items + 1;
	frame->argument_count = script->words->count - 1;
	frame->outer = p->frame;
	p->frame = frame;
	free(p->name);
	p->name = strdup(script->path);
	p->line = 1;
	run_text(p, script->text, script->size);
	run_traps_at_exit(p);
}

/* "#!/bin/sh": run what it names, with the script behind it. False when it is none. */
static bool run_interpreter(struct process *p, const char *path, const char *text, size_t size,
			    const struct fields *words)
{
	struct fields all = { 0 };
	char *line, *name, *rest;
	const char *end;
	uint32_t ino;

	if (size < 3 || text[0] != '#' || text[1] != '!')
		return false;
	end = memchr(text, '\n', size);
	line = text_of(p, text + 2, (end != NULL ? (size_t)(end - text) : size) - 2);
	name = line + strspn(line, " \t");
	rest = name + strcspn(name, " \t\r");
	if (*rest != '\0')
		*rest++ = '\0';
	rest += strspn(rest, " \t");
	rest[strcspn(rest, "\r")] = '\0';
	if (name[0] == '\0')
		return false;
	fields_add(p, &all, name);
	if (rest[0] != '\0')
		fields_add(p, &all, rest);
	fields_add(p, &all, text_of(p, path, strlen(path)));
	for (size_t i = 1; i < words->count; i++)
		fields_add(p, &all, words->items[i]);
	if (hin_fs_find(p->shell->fs, &p->user, p->folder, name, true, &ino) != 0) {
		p->status = is_bash(p) ? 126 : 127;
		if (is_bash(p))
			shell_error(p, "%s: %s: bad interpreter: No such file or directory", path,
				    name);
		else
			shell_error(p, "%s: not found", path);
		return true;
	}
	if (p->depth++ >= CALLS_DEPTH)
		shell_fail(p, 2, "Cannot fork");
	run_words(p, &all, false);
	p->depth--;
	return true;
}

/* A program of the intruder's own: nothing is ever executed. */
static void run_binary(struct process *p, const char *path, struct fields *words)
{
	struct call call = { p, (int)words->count, words->items };

	switch (p->shell->machine->binary) {
	case HIN_BINARY_SILENT:
		p->status = 0;
		break;
	case HIN_BINARY_CRASHES:
		p->status = 128 + 11;
		tell_death(p, &call, p->shell->next_pid++);
		break;
	default:
		p->status = 126;
		if (is_bash(p))
			shell_error(p, "%s: cannot execute binary file: Exec format error", path);
		else
			shell_error(p, "%s: Exec format error", path);
	}
}

/* The command that a file of the machine is, by its name or by what it was copied from. */
static const struct command *command_of(const struct hin_fs_stat *stat, const char *name)
{
	if (stat->tag >= PROGRAM_COPIES)
		return applet_at(stat->tag - PROGRAM_COPIES);
	return stat->tag == HIN_SHELL_PROGRAM ? applet_find(name) : NULL;
}

static void tell_execute(struct process *p, const char *path, uint32_t ino,
			 const struct fields *words)
{
	struct hin_shell_event event = { .kind = HIN_SHELL_EXECUTE, .ino = ino };

	if (p->shell->settings.event == NULL || p->shell->told >= TOLD)
		return;
	p->shell->told++;
	event.file = absolute_path(p, path);
	event.text = words_text(p, words->items);
	event.tool = name_of(path);
	tell(p, &event);
}

/* A file that the intruder wrote or the machine has: a script is run, others are not. */
static void run_file(struct process *p, const char *path, struct fields *words)
{
	struct hin_fs_stat stat;
	struct script script = { .path = path, .words = words };
	struct file *file;
	const struct command *command;
	uint32_t ino;
	char *text;

	if (hin_fs_find(p->shell->fs, &p->user, p->folder, path, true, &ino) != 0) {
		not_found(p, words->items[0]);
		return;
	}
	hin_fs_stat(p->shell->fs, ino, &stat);
	if (stat.type != HIN_FS_FILE || !hin_fs_may(p->shell->fs, &p->user, ino, 1)) {
		not_found(p, path);
		return;
	}
	command = command_of(&stat, name_of(path));
	if (command != NULL) {
		struct call call = { p, (int)words->count, words->items };

		run_command(p, command, &call);
		return;
	}
	p->status = 0;
	if (stat.tag == HIN_SHELL_PROGRAM)
		return;
	tell_execute(p, path, ino, words);
	if (file_open(p, path, OPEN_READ, 0, &file) != 0) {
		not_found(p, path);
		return;
	}
	(void)file_owned(p, file);
	text = file_slurp(p, file, &script.size);
	script.text = text;
	file_done(p, file);
	if (script.size >= 4 && memcmp(text, "\177ELF", 4) == 0) {
		run_binary(p, path, words);
		return;
	}
	if (!run_interpreter(p, path, text, script.size, words))
		process_run(process_inside(p), script_body, &script);
}

char *command_path(struct process *p, const char *name)
{
	const char *path = variable_get(p, "PATH");
	struct hin_fs_stat stat;
	uint32_t ino;

	if (strchr(name, '/') != NULL)
		return hin_fs_find(p->shell->fs, &p->user, p->folder, name, true, &ino) == 0
			       ? text_of(p, name, strlen(name))
			       : NULL;
	while (path != NULL && *path != '\0' && *name != '\0') {
		size_t size = strcspn(path, ":");
		char *whole = size > 0 ? format_of(p, "%.*s/%s", (int)size, path, name)
				       : format_of(p, "%s", name);

		if (hin_fs_find(p->shell->fs, &p->user, p->folder, whole, true, &ino) == 0) {
			hin_fs_stat(p->shell->fs, ino, &stat);
			if (stat.type == HIN_FS_FILE && hin_fs_may(p->shell->fs, &p->user, ino, 1))
				return whole;
		}
		path += size + (path[size] == ':');
	}
	return NULL;
}

void run_words(struct process *p, struct fields *words, bool functions)
{
	const char *name = words->count > 0 ? words->items[0] : "";
	const struct function *f = functions ? function_find(p, name) : NULL;
	const struct command *builtin = strchr(name, '/') == NULL ? builtin_find(p, name) : NULL;
	char *path;

	step(p);
	if (words->count == 0)
		return;
	tell_command_run(p, words);
	if (f != NULL && (builtin == NULL || !builtin->special)) {
		run_function(p, f, words);
		return;
	}
	if (builtin != NULL) {
		struct call call = { p, (int)words->count, words->items };
		const char *outer = p->builtin;

		p->builtin = builtin->name;
		p->status = builtin->run(&call);
		p->builtin = outer;
		return;
	}
	path = command_path(p, name);
	if (path == NULL) {
		not_found(p, name);
		return;
	}
	run_file(p, path, words);
}
