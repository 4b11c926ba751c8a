/* process - memory, variables, life and death of the processes of a shell. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/shell_priv.h"

/* ---- memory ---- */

/* Count `size` bytes as the process'; false over a limit. */
static bool memory_charge(struct process *p, size_t size)
{
	const struct hin_shell_limits *limits = &p->shell->settings.limits;

	if (p->memory > limits->memory_bytes || size > limits->memory_bytes - p->memory ||
	    (limits->total_bytes > 0 && p->shell->memory + size > limits->total_bytes))
		return false;
	p->memory += size;
	p->shell->memory += size;
	return true;
}

static void memory_release(struct process *p, size_t size)
{
	p->memory -= size;
	p->shell->memory -= size;
}

/* Over a limit: as the kernel ends who takes too much. */
static _Noreturn void kill_for_memory(struct process *p)
{
	p->shell->killed++;
	process_die(p, 128 + 9);
}

void *memory_try(struct process *p, size_t size)
{
	struct piece *piece;
	size_t all;

	if (__builtin_add_overflow(size, sizeof(*piece), &all) || !memory_charge(p, all))
		return NULL;
	piece = calloc(1, all);
	if (piece == NULL) {
		memory_release(p, all);
		return NULL;
	}
	piece->before = p->pieces;
	piece->size = all;
	p->pieces = piece;
	return piece + 1;
}

void *memory_of(struct process *p, size_t size)
{
	void *made = memory_try(p, size);

	if (made == NULL)
		kill_for_memory(p);
	return made;
}

void *memory_kept(struct process *p, size_t size)
{
	struct piece *pieces = p->pieces;
	void *made;

	p->pieces = p->kept;
	made = memory_try(p, size);
	p->kept = p->pieces;
	p->pieces = pieces;
	if (made == NULL)
		kill_for_memory(p);
	return made;
}

char *text_of(struct process *p, const char *text, size_t size)
{
	char *made = memory_of(p, size + 1);

	memcpy(made, text, size);
	return made;
}

char *format_of(struct process *p, const char *fmt, ...)
{
	va_list args;
	char *text, *made;
	int size;

	va_start(args, fmt);
	size = vasprintf(&text, fmt, args);
	va_end(args);
	if (size < 0)
		process_die(p, 128 + 9);
	made = memory_try(p, (size_t)size + 1);
	if (made != NULL)
		memcpy(made, text, (size_t)size);
	free(text);
	if (made == NULL)
		process_die(p, 128 + 9);
	return made;
}

void grow(struct process *p, struct growing *g, const void *data, size_t size)
{
	if (g->size + size + 1 > g->room) {
		size_t room = g->room == 0 ? 128 : g->room * 2;
		char *more;

		while (room < g->size + size + 1)
			room *= 2;
		more = memory_of(p, room);
		if (g->size > 0)
			memcpy(more, g->data, g->size);
		g->data = more;
		g->room = room;
	}
	if (size > 0)
		memcpy(g->data + g->size, data, size);
	g->size += size;
	g->data[g->size] = '\0';
}

void grow_char(struct process *p, struct growing *g, char c)
{
	grow(p, g, &c, 1);
}

void grow_text(struct process *p, struct growing *g, const char *text)
{
	grow(p, g, text, strlen(text));
}

void grow_format(struct process *p, struct growing *g, const char *fmt, ...)
{
	va_list args;
	char *text;
	int size;

	va_start(args, fmt);
	size = vasprintf(&text, fmt, args);
	va_end(args);
	if (size < 0)
		process_die(p, 128 + 9);
	/* no memory_of() between: it may not come back */
	if (g->size + (size_t)size + 1 > g->room) {
		char *kept = memory_try(p, (size_t)size + 1);

		if (kept != NULL)
			memcpy(kept, text, (size_t)size + 1);
		free(text);
		if (kept == NULL)
			process_die(p, 128 + 9);
		grow(p, g, kept, (size_t)size);
		return;
	}
	grow(p, g, text, (size_t)size);
	free(text);
}

void memory_free_piece(struct process *p, struct piece *piece)
{
	memory_release(p, piece->size);
	free(piece);
}

void memory_back(struct process *p, struct piece *mark)
{
	while (p->pieces != mark && p->pieces != NULL) {
		struct piece *piece = p->pieces;

		p->pieces = piece->before;
		memory_release(p, piece->size);
		free(piece);
	}
}

/* ---- variables ---- */

struct variable *variable_find(const struct process *p, const char *name)
{
	struct variable *v = p->variables;

	while (v != NULL && strcmp(v->name, name) != 0)
		v = v->next;
	return v;
}

const char *variable_get(const struct process *p, const char *name)
{
	const struct variable *v = variable_find(p, name);

	return v != NULL ? v->value : NULL;
}

/* A variable without a value; NULL without memory. */
static struct variable *variable_new(struct process *p, const char *name)
{
	size_t size = sizeof(struct variable) + strlen(name) + 1;
	struct variable *v;

	if (!memory_charge(p, size))
		return NULL;
	v = calloc(1, size);
	if (v == NULL)
		memory_release(p, size);
	else
		strcpy(v->name, name);
	return v;
}

static void variable_free(struct process *p, struct variable *v)
{
	memory_release(p, sizeof(struct variable) + strlen(v->name) + 1 +
				  (v->value != NULL ? strlen(v->value) + 1 : 0));
	free(v->value);
	free(v);
}

/* The variable, made if there is none. */
static struct variable *variable_make(struct process *p, const char *name)
{
	struct variable *v = variable_find(p, name), **last = &p->variables;

	if (v != NULL)
		return v;
	v = variable_new(p, name);
	if (v == NULL)
		kill_for_memory(p);
	while (*last != NULL)
		last = &(*last)->next;
	*last = v;
	return v;
}

/* Give `v` a copy of `value`, which may be NULL; false without memory. */
static bool value_try(struct process *p, struct variable *v, const char *value)
{
	size_t size = value != NULL ? strlen(value) + 1 : 0;
	char *own = NULL;

	if (value != NULL) {
		if (!memory_charge(p, size))
			return false;
		own = malloc(size);
		if (own == NULL) {
			memory_release(p, size);
			return false;
		}
		memcpy(own, value, size);
	}
	if (v->value != NULL)
		memory_release(p, strlen(v->value) + 1);
	free(v->value);
	v->value = own;
	return true;
}

static void value_put(struct process *p, struct variable *v, const char *value)
{
	if (!value_try(p, v, value))
		kill_for_memory(p);
}

bool variable_set(struct process *p, const char *name, const char *value)
{
	struct variable *v = variable_make(p, name);

	if (v->readonly) {
		shell_error(p, "%s: is read only", name);
		return false;
	}
	value_put(p, v, value);
	if (p->options & OPTION_ALLEXPORT)
		v->exported = true;
	if (strcmp(name, "OPTIND") == 0 && p->frame != NULL)
		p->frame->option_at = 0;
	return true;
}

void variable_export(struct process *p, const char *name)
{
	variable_make(p, name)->exported = true;
}

/* Has a function that runs made it local? */
static bool is_saved(const struct process *p, const char *name)
{
	for (const struct frame *f = p->frame; f != NULL; f = f->outer)
		for (const struct saved *s = f->saved; s != NULL; s = s->next)
			if (strcmp(s->name, name) == 0)
				return true;
	return false;
}

void variable_unset(struct process *p, const char *name)
{
	struct variable **at = &p->variables, *v;

	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	v = *at;
	if (v == NULL)
		return;
	if (is_saved(p, name)) { /* it comes back when the function returns */
		(void)value_try(p, v, NULL);
		v->exported = v->readonly = false;
		return;
	}
	*at = v->next;
	variable_free(p, v);
}

void variable_save(struct process *p, const char *name)
{
	struct variable *v = variable_make(p, name);
	struct saved *s;

	if (p->frame == NULL)
		return;
	s = calloc(1, sizeof(*s));
	if (s == NULL || (s->name = strdup(name)) == NULL) {
		free(s);
		process_die(p, 128 + 9);
	}
	s->value = v->value != NULL ? strdup(v->value) : NULL;
	s->exported = v->exported;
	s->readonly = v->readonly;
	s->next = p->frame->saved;
	p->frame->saved = s;
}

static void saved_free(struct saved *s)
{
	free(s->name);
	free(s->value);
	free(s);
}

/* Put back what the function that ends had made local. It needs no memory: it cannot fail. */
void frame_end(struct process *p)
{
	struct frame *frame = p->frame;

	while (frame->saved != NULL) {
		struct saved *s = frame->saved;
		struct variable *v = variable_find(p, s->name);

		frame->saved = s->next;
		if (v != NULL) { /* else it was unset, and had no value before */
			size_t before = v->value != NULL ? strlen(v->value) + 1 : 0;
			size_t now = s->value != NULL ? strlen(s->value) + 1 : 0;

			v->readonly = s->readonly;
			v->exported = s->exported;
			free(v->value);
			v->value = s->value;
			s->value = NULL;
			p->memory = p->memory - before + now;
			p->shell->memory = p->shell->memory - before + now;
		}
		saved_free(s);
	}
	p->frame = frame->outer;
}

/* ---- processes ---- */

/* The variables of `p` for its child; false without memory. */
static bool copy_variables(struct process *child, const struct process *p)
{
	struct variable **last = &child->variables;

	for (const struct variable *from = p->variables; from != NULL; from = from->next) {
		struct variable *v = variable_new(child, from->name);

		if (v == NULL)
			return false;
		v->exported = from->exported;
		v->readonly = from->readonly;
		*last = v;
		last = &v->next;
		if (!value_try(child, v, from->value))
			return false;
	}
	return true;
}

static struct function *functions_copy(const struct function *from)
{
	struct function *first = NULL, **last = &first;

	for (; from != NULL; from = from->next) {
		struct function *f = calloc(1, sizeof(*f));

		if (f == NULL || (f->name = strdup(from->name)) == NULL) {
			free(f);
			break;
		}
		f->unit = from->unit;
		f->unit->refs++;
		f->body = from->body;
		*last = f;
		last = &f->next;
	}
	return first;
}

void unit_enter(struct process *p, struct unit *unit)
{
	struct running *running = calloc(1, sizeof(*running));

	if (running == NULL)
		process_die(p, 128 + 9);
	unit->refs++;
	running->unit = unit;
	running->outer = p->running;
	p->running = running;
}

void unit_leave(struct process *p)
{
	struct running *running = p->running;

	p->running = running->outer;
	unit_drop(running->unit);
	free(running);
}

void unit_drop(struct unit *unit)
{
	if (--unit->refs > 0)
		return;
	hin_arena_fini(&unit->arena);
	free(unit);
}

/* The parameters of `p`, for its child. False without memory. */
static bool copy_arguments(struct process *child, const struct process *p)
{
	struct frame *frame = memory_try(child, sizeof(*frame));
	size_t count = p->frame->argument_count;

	if (frame == NULL)
		return false;
	frame->arguments = memory_try(child, (count + 1) * sizeof(char *));
	if (frame->arguments == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(p->frame->arguments[i]);

		frame->arguments[i] = memory_try(child, size + 1);
		if (frame->arguments[i] == NULL)
			return false;
		memcpy(frame->arguments[i], p->frame->arguments[i], size);
	}
	frame->argument_count = count;
	frame->option_at = p->frame->option_at;
	child->frame = frame;
	return true;
}

struct process *process_fork(struct process *p)
{
	struct process *child = calloc(1, sizeof(*child));

	if (child == NULL)
		process_die(p, 128 + 9);
	child->began_us = p->shell->machine->now_us(p->shell->machine->user);
	child->shell = p->shell;
	child->task = p->task;
	child->pid = p->shell->next_pid++;
	child->parent = p->pid;
	child->shell_pid = p->shell_pid;
	child->last_job = p->last_job;
	child->dialect = p->dialect;
	child->functions = functions_copy(p->functions);
	for (unsigned i = 0; i < FDS; i++)
		child->fds[i] = p->fds[i] != NULL ? file_ref(p->fds[i]) : NULL;
	child->user = p->user;
	child->folder = p->folder;
	hin_fs_hold(p->shell->fs, child->folder);
	child->folder_name = p->folder_name != NULL ? strdup(p->folder_name) : NULL;
	child->umask = p->umask;
	child->options = p->options;
	child->status = p->status;
	child->line = p->line;
	child->depth = p->depth;
	child->tested = p->tested;
	child->is_subshell = true;
	child->name = p->name != NULL ? strdup(p->name) : NULL;
	if (!copy_variables(child, p) || !copy_arguments(child, p) || child->name == NULL ||
	    child->folder_name == NULL) {
		process_free(child);
		process_die(p, 128 + 9);
	}
	if (p->running != NULL) { /* the tree that it runs a part of */
		child->running = calloc(1, sizeof(*child->running));
		if (child->running == NULL) {
			process_free(child);
			process_die(p, 128 + 9);
		}
		child->running->unit = p->running->unit;
		child->running->unit->refs++;
	}
	return child;
}

void regex_kept(struct process *p, regex_t *expressions, size_t count)
{
	struct compiled *c = p->compiled;

	if (c == NULL || c->expressions != expressions) {
		c = memory_of(p, sizeof(*c));
		c->expressions = expressions;
		c->before = p->compiled;
		p->compiled = c;
	}
	c->count = count;
}

static void compiled_pop(struct process *p)
{
	struct compiled *c = p->compiled;

	while (c->count > 0)
		regfree(&c->expressions[--c->count]);
	p->compiled = c->before;
}

void regex_done(struct process *p, const regex_t *expressions)
{
	if (p->compiled != NULL && p->compiled->expressions == expressions)
		compiled_pop(p);
}

/* ---- life and death ---- */

static void frame_drop(struct process *p)
{
	while (p->frame->saved != NULL) {
		struct saved *s = p->frame->saved;

		p->frame->saved = s->next;
		saved_free(s);
	}
	p->frame = p->frame->outer;
}

static void functions_drop(struct process *p)
{
	while (p->functions != NULL) {
		struct function *f = p->functions;

		p->functions = f->next;
		unit_drop(f->unit);
		free(f->name);
		free(f);
	}
}

static void traps_drop(struct process *p)
{
	for (unsigned i = 0; p->traps != NULL && i < TRAPS; i++)
		free(p->traps[i]);
	free(p->traps);
	p->traps = NULL;
}

/* Put back what the innermost redirections have changed. */
static void redirected_pop(struct process *p)
{
	struct redirected *r = p->redirected;

	for (unsigned fd = 0; fd < FDS; fd++)
		if (r->changed & 1u << fd) {
			file_close(p->shell, p->fds[fd]);
			p->fds[fd] = r->before[fd];
		}
	p->redirected = r->outer;
}

void process_free(struct process *p)
{
	if (p == NULL)
		return;
	if (p->shell->asking == p)
		p->shell->asking = p->outer;
	while (p->frame != NULL)
		frame_drop(p);
	while (p->redirected != NULL)
		redirected_pop(p);
	for (unsigned i = 0; i < FDS; i++)
		file_close(p->shell, p->fds[i]);
	for (unsigned i = 0; p->owned != NULL && i < OWNED; i++)
		file_close(p->shell, p->owned[i]);
	free(p->owned);
	while (p->variables != NULL) {
		struct variable *v = p->variables;

		p->variables = v->next;
		variable_free(p, v);
	}
	functions_drop(p);
	traps_drop(p);
	while (p->running != NULL)
		unit_leave(p);
	while (p->compiled != NULL)
		compiled_pop(p);
	memory_back(p, NULL);
	p->pieces = p->kept;
	memory_back(p, NULL);
	hin_fs_drop(p->shell->fs, p->folder);
	free(p->folder_name);
	free(p->name);
	free(p);
}

void process_strip(struct process *p)
{
	for (struct variable **v = &p->variables; *v != NULL;) {
		struct variable *gone = *v;

		if (gone->exported || strcmp(gone->name, "IFS") == 0 ||
		    strcmp(gone->name, "PWD") == 0 || strcmp(gone->name, "OPTIND") == 0) {
			v = &gone->next;
			continue;
		}
		*v = gone->next;
		variable_free(p, gone);
	}
	functions_drop(p);
	traps_drop(p);
}

/* Where a process stands, to which a command that dies is put back. */
struct place {
	struct piece *pieces;
	struct redirected *redirected;
	struct frame *frame;
	struct running *running;
	struct compiled *compiled;
	const char *builtin;
	const struct call *call;
	uint32_t call_pid, owned;
	unsigned loops, depth, tested;
};

static struct place place_of(const struct process *p)
{
	struct place at = { .pieces = p->pieces,
			    .redirected = p->redirected,
			    .frame = p->frame,
			    .running = p->running,
			    .compiled = p->compiled,
			    .builtin = p->builtin,
			    .call = p->call,
			    .call_pid = p->call_pid,
			    .loops = p->loops,
			    .depth = p->depth,
			    .tested = p->tested };

	for (unsigned i = 0; p->owned != NULL && i < OWNED; i++)
		if (p->owned[i] != NULL)
			at.owned |= 1u << i;
	return at;
}

static void place_back(struct process *p, const struct place *at)
{
	while (p->compiled != at->compiled)
		compiled_pop(p);
	while (p->redirected != at->redirected)
		redirected_pop(p);
	while (p->frame != at->frame)
		frame_end(p);
	while (p->running != at->running)
		unit_leave(p);
	for (unsigned i = 0; p->owned != NULL && i < OWNED; i++)
		if (p->owned[i] != NULL && (at->owned & 1u << i) == 0) {
			file_close(p->shell, p->owned[i]);
			p->owned[i] = NULL;
		}
	memory_back(p, at->pieces);
	p->builtin = at->builtin;
	p->call = at->call;
	p->call_pid = at->call_pid;
	p->loops = at->loops;
	p->depth = at->depth;
	p->tested = at->tested;
	p->flow = FLOW_ON;
}

bool process_try(struct process *p, void (*body)(struct process *p, void *what), void *what)
{
	const struct place at = place_of(p);
	jmp_buf here, *outer = p->out;

	p->out = &here;
	if (setjmp(here) == 0) {
		body(p, what);
		p->out = outer;
		return true;
	}
	p->out = outer;
	place_back(p, &at);
	return false;
}

struct process *process_inside(struct process *p)
{
	struct process *child;

	if (p->depth >= CALLS_DEPTH)
		shell_fail(p, 2, "Cannot fork");
	child = process_fork(p);
	child->outer = p;
	child->depth++;
	return child;
}

void process_run(struct process *child, void (*body)(struct process *p, void *what), void *what)
{
	struct process *p = child->outer;

	bool lived = process_try(child, body, what);

	p->status = child->status;
	p->killed = !lived && !child->exits && child->status > 128;
	process_free(child);
}

_Noreturn void process_die(struct process *p, int status)
{
	p->status = status;
	longjmp(*p->out, 1);
}
