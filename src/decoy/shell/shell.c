/* shell - the life of an imitated shell: how it begins, what drives it, how it ends. */
#include <signal.h>
#include <stdlib.h>

#include "decoy/machine/proc.h"
#include "decoy/shell/shell_priv.h"

#define INPUT_MOST ((size_t)1 << 20) /* bytes that wait for somebody to read them */

const struct hin_shell_limits hin_shell_limits_default = { .steps = 20000000,
							   .line_steps = 2000000,
							   .memory_bytes = (size_t)8 << 20,
							   .total_bytes = (size_t)32 << 20,
							   .tasks = 64,
							   .captured_bytes = (size_t)1 << 20 };

const struct hin_shell_modes hin_shell_modes_cooked = {
	.canonical = true, .echo = true, .signals = true, .returns = true, .output = true
};

/* ---- beginning ---- */

/* Input and output of the first process. */
static void furnish_files(struct process *p)
{
	for (int fd = 0; fd < 3; fd++) {
		struct file *f = file_new(p, fd == 0 ? FILE_INPUT : FILE_OUTPUT);

		f->readable = fd == 0;
		f->writable = fd != 0 || p->shell->settings.terminal.is_terminal;
		f->number = fd;
		f->channel = fd == 0 ? &p->shell->input : NULL;
		p->fds[fd] = f;
	}
}

/* Files, variables and parameters of the first process. */
static void furnish(struct process *p, void *what)
{
	const struct hin_shell_settings *settings = what;

	furnish_files(p);
	for (const char *const *v = settings->variables; v != NULL && *v != NULL; v++) {
		const char *equals = strchr(*v, '=');
		char *name;

		if (equals == NULL)
			continue;
		name = text_of(p, *v, (size_t)(equals - *v));
		(void)variable_set(p, name, equals + 1);
		variable_export(p, name);
	}
	(void)variable_set(p, "PWD", settings->folder);
	(void)variable_set(p, "IFS", " \t\n");
	(void)variable_set(p, "OPTIND", "1");
	memory_back(p, NULL);
	p->frame = memory_kept(p, sizeof(*p->frame));
	p->frame->arguments = memory_kept(p, sizeof(char *));
	p->folder_name = strdup(settings->folder);
	p->name = strdup(settings->name);
	if (p->name == NULL || p->folder_name == NULL)
		process_die(p, 1);
}

/* Whose grammar and words a shell called `name` has. */
enum hin_shell_dialect dialect_of(const struct hin_shell_machine *machine, const char *name)
{
	size_t size = strlen(name);

	if (machine->dialect == HIN_SHELL_ASH)
		return HIN_SHELL_ASH;
	return size >= 4 && strcmp(name + size - 4, "bash") == 0 ? HIN_SHELL_BASH : HIN_SHELL_DASH;
}

struct hin_shell *hin_shell_new(const struct hin_shell_settings *settings)
{
	struct hin_shell *shell = calloc(1, sizeof(*shell));
	struct process *p = calloc(1, sizeof(*p));
	struct hin_shell_settings copy = *settings;
	uint32_t folder;

	if (shell == NULL || p == NULL ||
	    hin_fs_find(settings->fs, &settings->user, HIN_FS_ROOT, settings->folder, true,
			&folder) != 0) {
		free(shell);
		free(p);
		return NULL;
	}
	shell->settings = copy;
	shell->machine = settings->machine;
	shell->fs = settings->fs;
	shell->next_pid = settings->first_pid;
	shell->modes = hin_shell_modes_cooked;
	shell->began_us = shell->machine->now_us(shell->machine->user);
	shell->input.readers = shell->input.writers = 1;
	shell->line.limit = HIN_SYNTAX_TEXT;
	p->shell = shell;
	shell->pid = p->pid = shell->next_pid++;
	p->shell_pid = p->pid;
	p->parent = p->pid - 1;
	p->began_us = shell->began_us;
	p->user = settings->user;
	p->folder = folder;
	hin_fs_hold(shell->fs, folder);
	p->umask = 022;
	p->line = p->next_line = 1;
	p->dialect = dialect_of(shell->machine, settings->name);
	shell->first = p;
	if (!process_try(p, furnish, &copy)) {
		process_free(p);
		free(shell);
		return NULL;
	}
	shell->settings.variables = NULL; /* they were taken over */
	return shell;
}

void hin_shell_free(struct hin_shell *shell)
{
	if (shell == NULL)
		return;
	tasks_end(shell);
	process_free(shell->pushed);
	while (shell->first != NULL) {
		struct process *p = shell->first;

		shell->first = p->below;
		process_free(p);
	}
	jobs_free(shell);
	free(shell->dead);
	hin_buffer_fini(&shell->input.data);
	hin_buffer_fini(&shell->line);
	free(shell);
}

/* ---- one command ---- */

static void command_body(struct process *p, void *what)
{
	const char *text = what;

	run_text(p, text, strlen(text));
	run_traps_at_exit(p);
}

/* What hin_shell_command() was given, and what it becomes. */
struct beginning {
	const char *text;
	const char *const *arguments;
	char *own;
};

static void begin_command(struct process *p, void *what)
{
	struct beginning *b = what;
	size_t count = 0;

	while (b->arguments != NULL && b->arguments[count] != NULL)
		count++;
	b->own = memory_kept(p, strlen(b->text) + 1);
	strcpy(b->own, b->text);
	if (count == 0)
		return;
	p->frame->arguments = memory_kept(p, (count + 1) * sizeof(char *));
	for (size_t i = 0; i < count; i++) {
		p->frame->arguments[i] = memory_kept(p, strlen(b->arguments[i]) + 1);
		strcpy(p->frame->arguments[i], b->arguments[i]);
	}
	p->frame->argument_count = count;
}

enum hin_code hin_shell_command(struct hin_shell *shell, const char *text,
				const char *const *arguments)
{
	struct beginning b = { text, arguments, NULL };

	if (shell->front != 0 || shell->interactive || shell->done)
		return HIN_EUSAGE;
	if (!process_try(shell->first, begin_command, &b) ||
	    !task_start(shell->first, command_body, b.own, TASK_KEEPS))
		return HIN_ENOMEM;
	shell->front = shell->first->pid;
	return HIN_OK;
}

/* ---- what drives it ---- */

void hin_shell_input(struct hin_shell *shell, const void *data, size_t size)
{
	if (shell->input.data.used - shell->input.at + size > INPUT_MOST)
		return;
	hin_buffer_add(&shell->input.data, data, size);
}

void hin_shell_input_end(struct hin_shell *shell)
{
	if (shell->settings.terminal.is_terminal)
		shell->input_ended = true;
	else
		shell->input.writers = 0;
}

/* Has the task of the command line ended? Then it is dropped. */
static bool front_ended(struct hin_shell *shell)
{
	int status = shell->first->status;

	if (shell->front == 0 || task_is_alive(shell, shell->front, &status))
		return false;
	task_forget(shell, shell->front);
	shell->front = 0;
	if (!shell->interactive) {
		shell->status = status;
		shell->done = true; /* its jobs may go on for as long as they can */
	}
	return true;
}

/* A buffer that is empty costs nothing while the shell is idle. */
static void let_memory_go(struct hin_shell *shell)
{
	if (shell->input.at == shell->input.data.used && shell->input.data.size > 0) {
		hin_buffer_fini(&shell->input.data);
		shell->input.at = 0;
	}
}

enum hin_shell_state hin_shell_run(struct hin_shell *shell, uint64_t steps)
{
	bool any = true;

	shell->slice = steps;
	proc_attach(shell);
	while (shell->slice > 0 && any) {
		any = tasks_run(shell);
		any |= front_ended(shell);
		if (shell->interactive && shell->front == 0 && !shell->done)
			any |= interactive_next(shell);
	}
	proc_detach(shell);
	if (shell->done)
		return HIN_SHELL_DONE;
	if (any)
		return HIN_SHELL_RUNS;
	let_memory_go(shell);
	return tasks_wait(shell);
}

void hin_shell_resize(struct hin_shell *shell, unsigned columns, unsigned rows)
{
	shell->settings.terminal.columns = columns;
	shell->settings.terminal.rows = rows;
}

int hin_shell_status(const struct hin_shell *shell)
{
	return shell->status;
}

uint64_t hin_shell_killed(const struct hin_shell *shell)
{
	return shell->killed;
}
