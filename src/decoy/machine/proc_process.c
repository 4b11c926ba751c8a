/* proc_process - which processes an imitated machine has. */
#include <stdio.h>
#include <stdlib.h>

#include "decoy/machine/proc.h"

#define LIVE 160 /* processes of a shell that are listed */

/* Processes of the shell: collected, sorted, and told between the machine's. */
struct live {
	struct seen_process all[LIVE];
	char text[LIVE][160];
	unsigned count;
	const struct hin_shell *shell;
};

static void add_live(struct live *l, const struct process *p, uint32_t pid, uint32_t parent,
		     const char *command, char state)
{
	const struct hin_shell *shell = l->shell;
	struct seen_process *s = &l->all[l->count];
	const struct hin_shell_machine *m = shell->machine;

	if (l->count == LIVE)
		return;
	snprintf(l->text[l->count], sizeof(l->text[0]), "%s", command);
	*s = (struct seen_process){ .pid = pid,
				    .parent = parent,
				    .uid = p->user.uid,
				    .session = shell->pid,
				    .tty = shell->settings.terminal.is_terminal
						   ? shell->settings.terminal.name
						   : NULL,
				    .command = l->text[l->count],
				    .exe = m->dialect == HIN_SHELL_ASH ? "/bin/busybox" : NULL,
				    .state = state,
				    .front = !task_is_background(p),
				    .ours = true,
				    .start_us = p->began_us - machine_boot_s(m) * 1000000,
				    .size_kib = m->dialect == HIN_SHELL_ASH ? 1432 : 7196,
				    .resident_kib = m->dialect == HIN_SHELL_ASH ? 860 : 3920 };
	l->count++;
}

/* A process and the command that runs in it. */
static void add_process(struct live *l, const struct process *p, char state)
{
	char text[160];
	size_t size = 0;

	if (p->call == NULL || !p->is_stage)
		if (p->call == NULL || p->call_pid != p->pid)
			add_live(l, p, p->pid, p->parent, p->name, p->call != NULL ? 'S' : state);
	if (p->call == NULL)
		return;
	text[0] = '\0';
	for (int i = 0; i < p->call->argc && size < sizeof(text) - 1; i++) {
		snprintf(text + size, sizeof(text) - size, "%s%s", i > 0 ? " " : "",
			 p->call->argv[i]);
		size = strlen(text);
	}
	add_live(l, p, p->call_pid, p->call_pid == p->pid ? p->parent : p->pid, text, state);
}

static void add_task(void *user, const struct process *p, enum task_state state)
{
	struct live *l = user;
	bool innermost = true;

	for (; p != NULL; p = p->outer) {
		if (p != l->shell->first && p->below == NULL)
			add_process(l, p, innermost && state == TASK_RUNS ? 'R' : 'S');
		innermost = false;
	}
}

static int by_pid(const void *a, const void *b)
{
	const struct seen_process *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* The daemon's process that let the intruder in. */
static void add_daemon(struct live *l, const struct process *first)
{
	const char *command = l->shell->settings.daemon;
	size_t count;
	const struct hin_machine_process *p = machine_processes(l->shell->machine, &count);
	uint32_t parent = 1;
	struct process root = *first;

	if (command == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		size_t size = strcspn(name_of(command), ":- ");
		const char *name = strncmp(p[i].command, "sshd", 4) == 0 ? p[i].command
									 : name_of(p[i].command);

		if (strncmp(name, command, size) == 0)
			parent = p[i].pid;
	}
	root.user.uid = 0;
	add_live(l, &root, first->parent, parent, command, 'S');
	l->all[l->count - 1].tty = NULL;
	l->all[l->count - 1].session = first->parent;
	l->all[l->count - 1].exe = NULL;
}

static void collect(struct live *l, const struct hin_shell *shell)
{
	l->count = 0;
	l->shell = shell;
	for (const struct process *p = shell->first; p != NULL; p = p->below) {
		if (p->below == NULL)
			add_daemon(l, p);
		add_process(l, p, p->task != NULL && p->call == NULL ? 'R' : 'S');
	}
	tasks_each(shell, add_task, l);
	if (shell->asking != NULL)
		for (unsigned i = 0; i < l->count; i++)
			if (shell->asking->call != NULL && l->all[i].pid == shell->asking->call_pid)
				l->all[i].state = 'R';
	qsort(l->all, l->count, sizeof(l->all[0]), by_pid);
}

static bool is_dead(const struct hin_shell *shell, uint32_t pid)
{
	for (unsigned i = 0; shell != NULL && i < shell->dead_count; i++)
		if (shell->dead[i] == pid)
			return true;
	return false;
}

void process_end(struct hin_shell *shell, uint32_t pid)
{
	uint32_t *more;

	if (is_dead(shell, pid) || shell->dead_count >= 256)
		return;
	more = realloc(shell->dead, (shell->dead_count + 1) * sizeof(*more));
	if (more == NULL)
		return;
	shell->dead = more;
	shell->dead[shell->dead_count++] = pid;
}

static struct seen_process seen_of(const struct hin_machine_process *p)
{
	return (struct seen_process){ .pid = p->pid,
				      .parent = p->parent,
				      .uid = p->uid,
				      .session = p->pid,
				      .tty = p->tty,
				      .command = p->command,
				      .exe = p->exe,
				      .state = p->state != 0 ? p->state : 'S',
				      .start_us = (int64_t)p->start_s * 1000000,
				      .cpu_ms = p->cpu_ms,
				      .size_kib = p->size_kib,
				      .resident_kib = p->resident_kib };
}

void processes_each(const struct hin_shell_machine *m, const struct hin_shell *shell,
		    bool (*each)(void *user, const struct seen_process *p), void *user)
{
	size_t count, at = 0;
	const struct hin_machine_process *all = machine_processes(m, &count);
	struct live *l = shell != NULL ? calloc(1, sizeof(*l)) : NULL;
	unsigned live = 0;
	bool more = true;

	if (l != NULL)
		collect(l, shell);
	while (more && (at < count || (l != NULL && live < l->count))) {
		if (l == NULL || live == l->count ||
		    (at < count && all[at].pid < l->all[live].pid)) {
			struct seen_process s = seen_of(&all[at++]);

			more = is_dead(shell, s.pid) || each(user, &s);
		} else {
			more = each(user, &l->all[live++]);
		}
	}
	free(l);
}

struct wanted {
	uint32_t pid;
	struct seen_process *out;
	struct process *p;
	bool found;
};

static bool is_wanted(void *user, const struct seen_process *s)
{
	struct wanted *w = user;

	if (s->pid != w->pid)
		return true;
	w->found = true;
	*w->out = *s;
	w->out->command = text_of(w->p, s->command, strlen(s->command));
	return false;
}

bool process_seen(struct process *p, uint32_t pid, struct seen_process *out)
{
	struct wanted w = { .pid = pid, .out = out, .p = p };

	processes_each(p->shell->machine, p->shell, is_wanted, &w);
	return w.found;
}

void process_comm(const struct seen_process *p, char out[16])
{
	const char *name = p->command;
	size_t size;

	if (name[0] == '[') { /* of the kernel */
		name++;
		size = strcspn(name, "]");
	} else {
		size = strcspn(name, " ");
		for (size_t i = 0; i < size; i++)
			if (name[i] == '/' && i + 1 < size) {
				name += i + 1;
				size -= i + 1;
				i = (size_t)-1;
			}
		if (name[0] == '-') {
			name++;
			size--;
		}
		if (size > 0 && name[size - 1] == ':')
			size--;
	}
	if (size > 15)
		size = 15;
	memcpy(out, name, size);
	out[size] = '\0';
}
