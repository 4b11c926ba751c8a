/* run - what the tree of a command line does. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell_priv.h"

const struct hin_shell_limits hin_shell_limits_default = { .steps = 5000000,
							   .memory_bytes = (size_t)8 << 20,
							   .tasks = 64,
							   .captured_bytes = (size_t)1 << 20 };

bool is_busybox(const struct process *p)
{
	return p->shell->machine->dialect == HIN_SHELL_ASH;
}

/* ---- messages ---- */

void shell_error(struct process *p, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!is_busybox(p)) {
		errf(p, "%s: %u: %s\n", p->name, p->line, text);
	} else if (p->builtin != NULL) { /* ash counts lines of scripts alone */
		size_t size = strlen(p->builtin);
		bool named = strncmp(text, p->builtin, size) == 0 && text[size] == ':';

		errf(p, "%s: %s: line %u: %s\n", p->name, p->builtin, p->line - 1,
		     named ? text + size + 2 : text);
	} else {
		errf(p, "%s: %s\n", p->name, text);
	}
}

_Noreturn void shell_fail(struct process *p, int status, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	shell_error(p, "%s", text);
	process_die(p, status);
}

/* ---- redirections ---- */

/* A place for what redirections change; it ends with redirect_back() or redirect_keep(). */
static struct redirected *redirect_begin(struct process *p)
{
	struct redirected *r = memory_of(p, sizeof(*r));

	r->outer = p->redirected;
	p->redirected = r;
	return r;
}

static void redirect_fd(struct process *p, struct redirected *r, int fd, struct file *file)
{
	if ((r->changed & 1u << fd) == 0) {
		r->before[fd] = p->fds[fd];
		r->changed |= 1u << fd;
	} else {
		file_close(p->shell, p->fds[fd]);
	}
	p->fds[fd] = file;
}

static void redirect_back(struct process *p, struct redirected *r)
{
	for (int fd = 0; fd < FDS; fd++)
		if (r->changed & 1u << fd) {
			file_close(p->shell, p->fds[fd]);
			p->fds[fd] = r->before[fd];
		}
	p->redirected = r->outer;
}

static void redirect_keep(struct process *p, struct redirected *r)
{
	for (int fd = 0; fd < FDS; fd++)
		if (r->changed & 1u << fd)
			file_close(p->shell, r->before[fd]);
	p->redirected = r->outer;
}

static unsigned how_of(enum hin_redirect_type type)
{
	switch (type) {
	case HIN_REDIRECT_READ:
		return OPEN_READ;
	case HIN_REDIRECT_APPEND:
		return OPEN_WRITE | OPEN_CREATE | OPEN_APPEND;
	case HIN_REDIRECT_READ_WRITE:
		return OPEN_READ | OPEN_WRITE | OPEN_CREATE;
	default:
		return OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE;
	}
}

/* >&2, <&- */
static bool redirect_duplicate(struct process *p, struct redirected *r,
			       const struct hin_redirect *d, int fd, const char *target)
{
	if (strcmp(target, "-") == 0) {
		redirect_fd(p, r, fd, NULL);
		return true;
	}
	if (target[0] >= '0' && target[0] <= '9' && target[1] == '\0') {
		int from = target[0] - '0';

		if (p->fds[from] == NULL) {
			shell_error(p, "%d: Bad file descriptor", from);
			return false;
		}
		if (from != fd)
			redirect_fd(p, r, fd, file_ref(p->fds[from]));
		return true;
	}
	(void)d;
	if (is_busybox(p))
		shell_error(p, "bad fd number");
	else
		shell_fail(p, 2, "Syntax error: Bad fd number");
	return false;
}

static bool redirect_file(struct process *p, struct redirected *r, const struct hin_redirect *d,
			  int fd, const char *path)
{
	struct file *file;
	struct hin_fs_stat stat;
	uint32_t ino;
	int fault;

	if (d->type == HIN_REDIRECT_WRITE && (p->options & OPTION_NOCLOBBER) &&
	    hin_fs_find(p->shell->fs, &p->user, p->folder, path, true, &ino) == 0) {
		hin_fs_stat(p->shell->fs, ino, &stat);
		if (stat.type == HIN_FS_FILE) {
			shell_error(p,
				    is_busybox(p) ? "can't create %s: File exists"
						  : "cannot create %s: File exists",
				    path);
			return false;
		}
	}
	fault = file_open(p, path, how_of(d->type), 0666, &file);
	if (fault != 0) {
		bool creates = (how_of(d->type) & OPEN_CREATE) != 0;

		if (is_busybox(p))
			shell_error(p, creates ? "can't create %s: %s" : "can't open %s: %s", path,
				    creates && fault == -ENOENT ? "nonexistent directory"
				    : fault == -ENOENT		? "no such file"
								: error_text(fault));
		else
			shell_error(p, creates ? "cannot create %s: %s" : "cannot open %s: %s",
				    path,
				    creates && fault == -ENOENT ? "Directory nonexistent"
				    : fault == -ENOENT		? "No such file"
								: error_text(fault));
		return false;
	}
	redirect_fd(p, r, fd, file);
	if (d->type == HIN_REDIRECT_BOTH)
		redirect_fd(p, r, 2, file_ref(file));
	return true;
}

/* Do what the redirections say; false, with a message, when one cannot be done. */
static bool redirect(struct process *p, const struct hin_redirect *d, struct redirected *r)
{
	for (; d != NULL; d = d->next) {
		int fd = d->fd;
		char *text = expand_text(p, d->word);
		bool done;

		if (fd == -1)
			fd = d->type == HIN_REDIRECT_READ || d->type == HIN_REDIRECT_READ_WRITE ||
					     d->type == HIN_REDIRECT_DUPLICATE_IN ||
					     d->type == HIN_REDIRECT_HERE
				     ? 0
				     : 1;
		if (d->type == HIN_REDIRECT_HERE) {
			struct file *file = file_new(p, FILE_TEXT);

			file->readable = true;
			hin_buffer_puts(&file->text, text);
			redirect_fd(p, r, fd, file);
			continue;
		}
		if (d->type == HIN_REDIRECT_DUPLICATE_IN || d->type == HIN_REDIRECT_DUPLICATE_OUT)
			done = redirect_duplicate(p, r, d, fd, text);
		else
			done = redirect_file(p, r, d, fd, text);
		if (!done)
			return false;
	}
	return true;
}

/* ---- processes inside of processes ---- */

/* Run `node` in a subshell, in this task, and take its status. */
static void run_subshell(struct process *p, const struct hin_node *node)
{
	struct process *child;

	if (p->depth >= CALLS_DEPTH)
		shell_fail(p, 2, "Cannot fork");
	child = process_fork(p);
	child->outer = p;
	child->depth++;
	if (setjmp(child->out) == 0) {
		run(child, node);
		run_traps_at_exit(child);
	}
	p->status = child->status;
	process_free(child);
}

static void stage_body(struct process *p, const struct hin_node *node)
{
	run(p, node);
	run_traps_at_exit(p);
}

static void wait_for(struct process *p, uint32_t pid)
{
	int status;

	if (task_is_alive(p->shell, pid, &status))
		task_block(p, TASK_WAITS, NULL, pid);
}

static void put_fd(struct process *p, int fd, struct file *file)
{
	file_close(p->shell, p->fds[fd]);
	p->fds[fd] = file;
}

static void run_pipeline(struct process *p, const struct hin_node *node)
{
	uint32_t *pids;
	struct file *in = NULL;
	size_t count = 0, stages = 0;

	for (const struct hin_node *n = node->first; n != NULL; n = n->next)
		stages++;
	pids = memory_of(p, stages * sizeof(*pids));
	for (const struct hin_node *n = node->first; n != NULL; n = n->next) {
		struct process *child = process_fork(p);
		struct file *reads = NULL, *writes = NULL;

		if (in != NULL)
			put_fd(child, 0, in);
		in = NULL;
		if (n->next != NULL && pipe_new(p, &reads, &writes)) {
			put_fd(child, 1, writes);
			in = reads;
		}
		child->task = NULL;
		pids[count++] = child->pid;
		if (!task_start(child, stage_body, n)) {
			count--;
			p->shell->killed++;
			process_free(child);
			file_close(p->shell, in);
			shell_error(p, "Cannot fork");
			p->status = 2;
			break;
		}
	}
	for (size_t i = 0; i < count; i++)
		wait_for(p, pids[i]);
	if (count == stages) {
		int status = 0;

		(void)task_is_alive(p->shell, pids[count - 1], &status);
		p->status = status;
		if (p->options & OPTION_PIPEFAIL)
			for (size_t i = 0; i < count; i++)
				if (!task_is_alive(p->shell, pids[i], &status) && status != 0)
					p->status = status;
	}
	for (size_t i = 0; i < count; i++)
		task_forget(p->shell, pids[i]);
}

static void run_async(struct process *p, const struct hin_node *node)
{
	struct process *child = process_fork(p);
	struct file *nothing = file_new(p, FILE_NULL);

	nothing->readable = true;
	put_fd(child, 0, nothing);
	child->task = NULL;
	p->last_job = child->pid;
	p->status = 0;
	if (!task_start(child, stage_body, node->first)) {
		p->shell->killed++;
		process_free(child);
		shell_fail(p, 2, "Cannot fork");
	}
}

/* ---- simple commands ---- */

static struct function *function_find(const struct process *p, const char *name)
{
	struct function *f = p->functions;

	while (f != NULL && strcmp(f->name, name) != 0)
		f = f->next;
	return f;
}

static void run_function(struct process *p, const struct function *f, struct fields *words)
{
	const char *builtin = p->builtin;

	struct frame frame = { .arguments = words->items + 1,
			       .argument_count = words->count - 1,
			       .outer = p->frame };
	unsigned loops = p->loops;

	if (p->depth >= CALLS_DEPTH)
		shell_fail(p, 2, "Maximum function recursion depth (%d) reached", CALLS_DEPTH);
	p->depth++;
	p->builtin = NULL;
	p->frame = memory_of(p, sizeof(frame));
	*p->frame = frame;
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

static void not_found(struct process *p, const char *name)
{
	struct hin_fs_stat stat;
	uint32_t ino;

	p->status = 127;
	if (strchr(name, '/') == NULL) {
		shell_error(p, "%s: not found", name);
		return;
	}
	if (hin_fs_find(p->shell->fs, &p->user, p->folder, name, true, &ino) != 0) {
		shell_error(p, "%s: not found", name);
		return;
	}
	hin_fs_stat(p->shell->fs, ino, &stat);
	p->status = 126;
	shell_error(p, "%s: Permission denied", name);
}

/* A file that the intruder wrote or the machine has: a script is run, others are not. */
static void run_file(struct process *p, const char *path, struct fields *words)
{
	struct hin_fs_stat stat;
	struct file *file;
	const struct command *command;
	char *text, *name;
	size_t size;
	uint32_t ino;

	if (hin_fs_find(p->shell->fs, &p->user, p->folder, path, true, &ino) != 0) {
		not_found(p, words->items[0]);
		return;
	}
	hin_fs_stat(p->shell->fs, ino, &stat);
	if (stat.type != HIN_FS_FILE || !hin_fs_may(p->shell->fs, &p->user, ino, 1)) {
		not_found(p, path);
		return;
	}
	/* a program of the machine: its name says which; busybox goes by how it is called */
	name = strrchr(path, '/');
	name = name != NULL ? name + 1 : text_of(p, path, strlen(path));
	if (stat.tag == HIN_SHELL_PROGRAM) {
		struct call call = { p, (int)words->count, words->items };

		command = applet_find(name);
		if (command != NULL) {
			p->status = command->run(&call);
			return;
		}
	}
	if (file_open(p, path, OPEN_READ, 0, &file) != 0) {
		not_found(p, path);
		return;
	}
	text = file_slurp(p, file, &size);
	file_close(p->shell, file);
	if (size >= 4 && memcmp(text, "\177ELF", 4) == 0) { /* nothing is ever executed */
		shell_error(p, "%s: Exec format error", path);
		p->status = 126;
		return;
	}
	{
		struct process *child = process_fork(p);
		struct frame *frame;

		child->outer = p;
		child->depth++;
		if (child->depth >= CALLS_DEPTH) {
			process_free(child);
			shell_fail(p, 2, "Cannot fork");
		}
		if (setjmp(child->out) == 0) {
			frame = memory_of(child, sizeof(*frame));
			frame->arguments = words->items + 1;
			frame->argument_count = words->count - 1;
			child->frame = frame;
			free(child->name);
			child->name = strdup(path);
			child->line = 1;
			run_text(child, text, size);
			run_traps_at_exit(child);
		}
		p->status = child->status;
		process_free(child);
	}
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
	while (path != NULL && *path != '\0') {
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
	const char *name = words->items[0];
	const struct function *f = functions ? function_find(p, name) : NULL;
	const struct command *builtin = strchr(name, '/') == NULL ? builtin_find(p, name) : NULL;
	struct call call = { p, (int)words->count, words->items };
	char *path;

	step(p);
	if (f != NULL && (builtin == NULL || !builtin->special)) {
		run_function(p, f, words);
		return;
	}
	if (builtin != NULL) {
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

static void trace(struct process *p, const struct fields *words)
{
	const char *prompt = variable_get(p, "PS4");

	errf(p, "%s", prompt != NULL ? prompt : "+ ");
	for (size_t i = 0; i < words->count; i++)
		errf(p, "%s%s", i > 0 ? " " : "", words->items[i]);
	errf(p, "\n");
}

/* A value of an assignment; a "~" behind each ":" is a home, too. */
static bool assign_all(struct process *p, const struct hin_assignment *a)
{
	for (; a != NULL; a = a->next) {
		char *value = expand_text(p, a->value);

		if (p->options & OPTION_XTRACE)
			errf(p, "+ %s=%s\n", a->name, value);
		if (!variable_set(p, a->name, value))
			return false;
	}
	return true;
}

/* Assignments before a command hold for it alone. */
static void assign_for(struct process *p, const struct hin_assignment *a, struct frame *frame)
{
	*frame = (struct frame){ .arguments = p->frame->arguments,
				 .argument_count = p->frame->argument_count,
				 .outer = p->frame };
	p->frame = frame;
	for (; a != NULL; a = a->next) {
		char *value = expand_text(p, a->value);
		struct variable *v;

		variable_save(p, a->name);
		v = variable_find(p, a->name);
		if (v->readonly)
			shell_fail(p, 2, "%s: is read only", a->name);
		(void)variable_set(p, a->name, value);
		variable_export(p, a->name);
	}
}

/* exec with nothing to run: its redirections stay. */
static bool is_bare_exec(const struct fields *words)
{
	return words->count == 1 && strcmp(words->items[0], "exec") == 0;
}

static void run_simple(struct process *p, const struct hin_node *node)
{
	struct fields words = { 0 };
	struct redirected *r;
	const struct command *builtin = NULL;
	int before = p->status;
	bool special;

	p->line = node->line;
	for (const struct hin_word *w = node->words; w != NULL; w = w->next)
		expand(p, w, &words);
	if (words.count > 0)
		builtin = builtin_find(p, words.items[0]);
	special = builtin != NULL && builtin->special;
	r = redirect_begin(p);
	if (!redirect(p, node->redirects, r)) {
		redirect_back(p, r);
		p->status = is_busybox(p) ? 1 : 2;
		if (special)
			process_die(p, p->status);
	} else if (words.count == 0) {
		if (node->assignments != NULL || before == p->status)
			p->status = p->status == before ? 0 : p->status;
		if (!assign_all(p, node->assignments))
			process_die(p, 2);
		redirect_back(p, r);
	} else {
		struct frame frame;
		bool own = node->assignments != NULL && !special;

		if (own)
			assign_for(p, node->assignments, &frame);
		else if (!assign_all(p, node->assignments))
			process_die(p, 2);
		if (p->options & OPTION_XTRACE)
			trace(p, &words);
		run_words(p, &words, true);
		if (own)
			frame_end(p);
		if (is_bare_exec(&words))
			redirect_keep(p, r);
		else
			redirect_back(p, r);
	}
}

/* ---- compound commands ---- */

static void run_if(struct process *p, const struct hin_node *node)
{
	p->tested++;
	run(p, node->first);
	p->tested--;
	if (p->flow != FLOW_ON)
		return;
	if (p->status == 0)
		run(p, node->second);
	else if (node->third != NULL)
		run(p, node->third);
	else
		p->status = 0;
}

/* What a loop does with break and continue; true when it goes on. */
static bool loop_goes_on(struct process *p)
{
	if (p->flow == FLOW_ON)
		return true;
	if (p->flow != FLOW_BREAK && p->flow != FLOW_CONTINUE)
		return false;
	if (p->levels > 1) {
		p->levels--;
		return false;
	}
	if (p->flow == FLOW_BREAK) {
		p->flow = FLOW_ON;
		return false;
	}
	p->flow = FLOW_ON;
	return true;
}

static void run_while(struct process *p, const struct hin_node *node)
{
	int status = 0;

	p->loops++;
	for (;;) {
		bool goes_on;

		step(p);
		p->tested++;
		run(p, node->first);
		p->tested--;
		if (p->flow != FLOW_ON) {
			if (!loop_goes_on(p))
				break;
			continue;
		}
		if ((p->status == 0) == (node->type == HIN_NODE_UNTIL)) {
			p->status = status;
			break;
		}
		run(p, node->second);
		status = p->status;
		goes_on = loop_goes_on(p);
		if (!goes_on)
			break;
	}
	p->loops--;
}

static void run_for(struct process *p, const struct hin_node *node)
{
	struct fields words = { 0 };

	p->line = node->line;
	if (node->in) {
		for (const struct hin_word *w = node->words; w != NULL; w = w->next)
			expand(p, w, &words);
	} else {
		for (size_t i = 0; i < p->frame->argument_count; i++)
			fields_add(
				p, &words,
				text_of(p, p->frame->arguments[i], strlen(p->frame->arguments[i])));
	}
	p->status = 0;
	p->loops++;
	for (size_t i = 0; i < words.count; i++) {
		step(p);
		if (!variable_set(p, node->name, words.items[i]))
			process_die(p, 2);
		run(p, node->second);
		if (!loop_goes_on(p))
			break;
	}
	p->loops--;
}

static void run_case(struct process *p, const struct hin_node *node)
{
	char *text = expand_text(p, node->words);
	bool falls = false;

	p->status = 0;
	for (const struct hin_case_item *item = node->items; item != NULL; item = item->next) {
		bool matches = falls;

		for (const struct hin_word *w = item->patterns; w != NULL && !matches; w = w->next)
			matches = pattern_matches(expand_pattern(p, w), text);
		if (!matches)
			continue;
		if (item->body != NULL)
			run(p, item->body);
		falls = item->falls;
		if (!falls)
			return;
	}
}

static void define(struct process *p, const struct hin_node *node)
{
	struct function *f = function_find(p, node->name);

	if (f == NULL) {
		f = calloc(1, sizeof(*f));
		if (f == NULL || (f->name = strdup(node->name)) == NULL) {
			free(f);
			process_die(p, 128 + 9);
		}
		f->next = p->functions;
		p->functions = f;
	} else {
		unit_drop(f->unit);
	}
	f->unit = p->running->unit;
	f->unit->refs++;
	f->body = node->first;
	p->status = 0;
}

/* A command that is no simple one, with its redirections. */
static void run_compound(struct process *p, const struct hin_node *node)
{
	struct redirected *r = redirect_begin(p);

	if (!redirect(p, node->redirects, r)) {
		redirect_back(p, r);
		p->status = is_busybox(p) ? 1 : 2;
		return;
	}
	switch (node->type) {
	case HIN_NODE_SUBSHELL:
		run_subshell(p, node->first);
		break;
	case HIN_NODE_GROUP:
		run(p, node->first);
		break;
	case HIN_NODE_IF:
		run_if(p, node);
		break;
	case HIN_NODE_WHILE:
	case HIN_NODE_UNTIL:
		run_while(p, node);
		break;
	case HIN_NODE_FOR:
		run_for(p, node);
		break;
	case HIN_NODE_CASE:
		run_case(p, node);
		break;
	default:
		break;
	}
	redirect_back(p, r);
}

static void run_and_or(struct process *p, const struct hin_node *node)
{
	p->tested++;
	run(p, node->first);
	p->tested--;
	if (p->flow == FLOW_ON && (p->status == 0) == (node->type == HIN_NODE_AND))
		run(p, node->second);
}

/* set -e: a command that fails ends the shell, but where its status is asked for. */
static void exit_on_error(struct process *p, const struct hin_node *node)
{
	if (p->status == 0 || p->tested > 0 || (p->options & OPTION_ERREXIT) == 0)
		return;
	if (node->type == HIN_NODE_SIMPLE || node->type == HIN_NODE_PIPELINE ||
	    node->type == HIN_NODE_SUBSHELL) {
		run_traps_at_exit(p);
		process_die(p, p->status);
	}
}

static void run_one(struct process *p, const struct hin_node *node)
{
	switch (node->type) {
	case HIN_NODE_SIMPLE:
		run_simple(p, node);
		break;
	case HIN_NODE_PIPELINE:
		run_pipeline(p, node);
		break;
	case HIN_NODE_AND:
	case HIN_NODE_OR:
		run_and_or(p, node);
		return;
	case HIN_NODE_NOT:
		p->tested++;
		run(p, node->first);
		p->tested--;
		if (p->flow == FLOW_ON)
			p->status = !p->status;
		return;
	case HIN_NODE_ASYNC:
		run_async(p, node);
		return;
	case HIN_NODE_FUNCTION:
		define(p, node);
		return;
	default:
		run_compound(p, node);
	}
	if (p->flow == FLOW_ON)
		exit_on_error(p, node);
}

void run(struct process *p, const struct hin_node *node)
{
	struct piece *mark = p->pieces;

	if (node == NULL || p->flow != FLOW_ON)
		return;
	step(p);
	if (node->type != HIN_NODE_LIST) {
		run_one(p, node);
		memory_back(p, mark);
		return;
	}
	for (const struct hin_node *n = node->first; n != NULL && p->flow == FLOW_ON; n = n->next) {
		run_one(p, n);
		memory_back(p, mark);
	}
}

/* ---- texts ---- */

/* A token as messages have it: in quotes, but for those that are no text. */
static const char *token_text(struct process *p, const char *token)
{
	static const char *const plain[] = { "end of file", "newline", "redirection",
					     HIN_SYNTAX_WORD };

	for (size_t i = 0; i < HIN_COUNT(plain); i++)
		if (strcmp(token, plain[i]) == 0)
			return token;
	return format_of(p, "\"%s\"", token);
}

static _Noreturn void syntax_fail(struct process *p, const struct hin_syntax *syntax)
{
	const char *expecting = "";

	p->line = syntax->line;
	if (syntax->expecting != NULL)
		expecting = format_of(p, " (expecting %s)", token_text(p, syntax->expecting));
	if (is_busybox(p) && syntax->unexpected != NULL)
		shell_fail(p, 2, "syntax error: unexpected %s%s", token_text(p, syntax->unexpected),
			   expecting);
	if (is_busybox(p)) {
		char *reason = format_of(p, "%s",
					 syntax->reason != NULL ? syntax->reason : "out of memory");

		if (!isupper((unsigned char)reason[1])) /* "EOF" stays */
			reason[0] = (char)tolower((unsigned char)reason[0]);
		shell_fail(p, 2, "syntax error: %s", reason);
	}
	if (syntax->unexpected != NULL)
		shell_fail(p, 2, "Syntax error: %s unexpected%s", token_text(p, syntax->unexpected),
			   expecting);
	shell_fail(p, 2, "Syntax error: %s",
		   syntax->reason != NULL ? syntax->reason : "Out of memory");
}

void run_text(struct process *p, const char *text, size_t size)
{
	unsigned line = p->line > 0 ? p->line : 1;
	const char *builtin = p->builtin;

	p->builtin = NULL; /* eval and . are not what goes wrong in their text */
	while (size > 0 && p->flow == FLOW_ON) {
		struct hin_syntax syntax = { .ash = is_busybox(p), .line = line };
		struct unit *unit = calloc(1, sizeof(*unit));
		enum hin_syntax_result result;

		if (unit == NULL)
			process_die(p, 128 + 9);
		unit->arena = hin_arena_of(p->shell->settings.limits.memory_bytes);
		unit_enter(p, unit);
		result = hin_syntax_line(&syntax, &unit->arena, text, size);
		if (result != HIN_SYNTAX_OK)
			syntax_fail(p, &syntax);
		text += syntax.taken;
		size -= syntax.taken;
		line = syntax.line;
		if ((p->options & OPTION_NOEXEC) == 0)
			run(p, syntax.tree);
		unit_leave(p);
	}
	p->builtin = builtin;
}

void run_traps_at_exit(struct process *p)
{
	char *trap = p->traps[0];
	int status = p->status;

	if (trap == NULL)
		return;
	p->traps[0] = NULL;
	p->flow = FLOW_ON;
	run_text(p, trap, strlen(trap));
	free(trap);
	if (p->flow != FLOW_EXIT)
		p->status = status;
}

/* ---- life of a shell ---- */

/* Files, variables and parameters of the first process; false without memory. */
static bool furnish(struct process *p)
{
	if (setjmp(p->out) != 0)
		return false;
	for (int fd = 0; fd < 3; fd++) {
		struct file *f = file_new(p, fd == 0 ? FILE_INPUT : FILE_OUTPUT);

		f->readable = fd == 0;
		f->writable = fd != 0;
		f->number = fd;
		f->channel = fd == 0 ? &p->shell->input : NULL;
		p->fds[fd] = f;
	}
	for (const char *const *v = p->shell->settings.variables; v != NULL && *v != NULL; v++) {
		const char *equals = strchr(*v, '=');
		char *name;

		if (equals == NULL)
			continue;
		name = text_of(p, *v, (size_t)(equals - *v));
		(void)variable_set(p, name, equals + 1);
		variable_export(p, name);
	}
	(void)variable_set(p, "PWD", p->shell->settings.folder);
	(void)variable_set(p, "IFS", " \t\n");
	(void)variable_set(p, "OPTIND", "1");
	p->frame = memory_of(p, sizeof(*p->frame));
	p->frame->arguments = memory_of(p, sizeof(char *));
	return true;
}

struct hin_shell *hin_shell_new(const struct hin_shell_settings *settings)
{
	struct hin_shell *shell = calloc(1, sizeof(*shell));
	struct process *p = calloc(1, sizeof(*p));
	uint32_t folder;

	if (shell == NULL || p == NULL ||
	    hin_fs_find(settings->fs, &settings->user, HIN_FS_ROOT, settings->folder, true,
			&folder) != 0) {
		free(shell);
		free(p);
		return NULL;
	}
	shell->settings = *settings;
	shell->machine = settings->machine;
	shell->fs = settings->fs;
	shell->next_pid = settings->first_pid;
	shell->input.readers = shell->input.writers = 1;
	p->shell = shell;
	shell->pid = p->pid = shell->next_pid++;
	p->parent = p->pid - 1;
	p->user = settings->user;
	p->folder = folder;
	hin_fs_hold(shell->fs, folder);
	p->folder_name = strdup(settings->folder);
	p->name = strdup(settings->name);
	p->umask = 022;
	p->line = 1;
	shell->first = p;
	if (p->name == NULL || p->folder_name == NULL || !furnish(p)) {
		process_free(p);
		free(shell);
		return NULL;
	}
	return shell;
}

void hin_shell_free(struct hin_shell *shell)
{
	if (shell == NULL)
		return;
	if (shell->tasks == NULL) /* it never began */
		process_free(shell->first);
	tasks_end(shell);
	hin_buffer_fini(&shell->input.data);
	free(shell);
}

static void command_body(struct process *p, const struct hin_node *node)
{
	const char *text = (const char *)(const void *)node;

	run_text(p, text, strlen(text));
	run_traps_at_exit(p);
}

/* Begin the task that runs `text`; false without memory. */
static bool begin_command(struct process *p, const char *text, const char *const *arguments)
{
	struct fields fields = { 0 };
	char *own;

	if (setjmp(p->out) != 0)
		return false;
	own = text_of(p, text, strlen(text));
	for (size_t i = 0; arguments != NULL && arguments[i] != NULL; i++)
		fields_add(p, &fields, text_of(p, arguments[i], strlen(arguments[i])));
	if (fields.count > 0) {
		p->frame->arguments = fields.items;
		p->frame->argument_count = fields.count;
	}
	/* the text stands where a node does for others */
	return task_start(p, command_body, (const struct hin_node *)(const void *)own);
}

enum hin_code hin_shell_command(struct hin_shell *shell, const char *text,
				const char *const *arguments)
{
	if (shell->tasks != NULL)
		return HIN_EUSAGE;
	return begin_command(shell->first, text, arguments) ? HIN_OK : HIN_ENOMEM;
}

void hin_shell_input(struct hin_shell *shell, const void *data, size_t size)
{
	if (shell->input.data.used - shell->input.at + size > (size_t)1 << 20)
		return;
	hin_buffer_add(&shell->input.data, data, size);
}

void hin_shell_input_end(struct hin_shell *shell)
{
	shell->input.writers = 0;
}

int hin_shell_status(const struct hin_shell *shell)
{
	return shell->status;
}

uint64_t hin_shell_killed(const struct hin_shell *shell)
{
	return shell->killed;
}
