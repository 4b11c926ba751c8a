/* process - memory, variables, life and death of the processes of a shell. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell_priv.h"

/* ---- memory ---- */

/* As memory_of(), but NULL without. */
static void *memory_try(struct process *p, size_t size)
{
	struct piece *piece;
	size_t all;

	if (__builtin_add_overflow(size, sizeof(*piece), &all) ||
	    p->memory + all > p->shell->settings.limits.memory_bytes)
		return NULL;
	piece = calloc(1, all);
	if (piece == NULL)
		return NULL;
	piece->before = p->pieces;
	piece->size = all;
	p->pieces = piece;
	p->memory += all;
	return piece + 1;
}

void *memory_of(struct process *p, size_t size)
{
	void *made = memory_try(p, size);

	if (made == NULL) {
		p->shell->killed++;
		process_die(p, 128 + 9);
	}
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
	if (made == NULL) {
		p->shell->killed++;
		process_die(p, 128 + 9);
	}
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

void memory_back(struct process *p, struct piece *mark)
{
	while (p->pieces != mark && p->pieces != NULL) {
		struct piece *piece = p->pieces;

		p->pieces = piece->before;
		p->memory -= piece->size;
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

/* The variable, made if there is none. */
static struct variable *variable_make(struct process *p, const char *name)
{
	struct variable *v = variable_find(p, name), **last = &p->variables;

	if (v != NULL)
		return v;
	v = calloc(1, sizeof(*v));
	if (v == NULL || (v->name = strdup(name)) == NULL) {
		free(v);
		process_die(p, 128 + 9);
	}
	while (*last != NULL)
		last = &(*last)->next;
	*last = v;
	return v;
}

/* Take `value` over, which may be NULL. */
static void value_put(struct process *p, struct variable *v, const char *value)
{
	char *own = NULL;

	if (value != NULL && (strlen(value) > p->shell->settings.limits.memory_bytes ||
			      (own = strdup(value)) == NULL))
		process_die(p, 128 + 9);
	free(v->value);
	v->value = own;
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

void variable_unset(struct process *p, const char *name)
{
	struct variable **at = &p->variables, *v;

	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	v = *at;
	if (v == NULL)
		return;
	*at = v->next;
	free(v->name);
	free(v->value);
	free(v);
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

/* Put back what the function that ends had made local. */
void frame_end(struct process *p)
{
	struct frame *frame = p->frame;

	while (frame->saved != NULL) {
		struct saved *s = frame->saved;
		struct variable *v = variable_make(p, s->name);

		frame->saved = s->next;
		v->readonly = s->readonly;
		v->exported = s->exported;
		value_put(p, v, s->value);
		saved_free(s);
	}
	p->frame = frame->outer;
}

/* ---- processes ---- */

static struct variable *variables_copy(const struct variable *from)
{
	struct variable *first = NULL, **last = &first;

	for (; from != NULL; from = from->next) {
		struct variable *v = calloc(1, sizeof(*v));

		if (v == NULL)
			break;
		v->name = strdup(from->name);
		v->value = from->value != NULL ? strdup(from->value) : NULL;
		v->exported = from->exported;
		v->readonly = from->readonly;
		if (v->name == NULL) {
			free(v->value);
			free(v);
			break;
		}
		*last = v;
		last = &v->next;
	}
	return first;
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
	child->shell = p->shell;
	child->task = p->task;
	child->pid = p->shell->next_pid++;
	child->parent = p->pid;
	child->last_job = p->last_job;
	child->variables = variables_copy(p->variables);
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
	if (!copy_arguments(child, p) || child->name == NULL || child->folder_name == NULL) {
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
	p->expressions = expressions;
	p->expression_count = expressions != NULL ? count : 0;
}

void regex_done(struct process *p)
{
	while (p->expression_count > 0)
		regfree(&p->expressions[--p->expression_count]);
	p->expressions = NULL;
}

void process_free(struct process *p)
{
	if (p == NULL)
		return;
	while (p->frame != NULL) {
		while (p->frame->saved != NULL) {
			struct saved *s = p->frame->saved;

			p->frame->saved = s->next;
			saved_free(s);
		}
		p->frame = p->frame->outer;
	}
	for (unsigned i = 0; i < FDS; i++)
		file_close(p->shell, p->fds[i]);
	for (unsigned i = 0; i < OWNED; i++)
		file_close(p->shell, p->owned[i]);
	for (; p->redirected != NULL; p->redirected = p->redirected->outer)
		for (unsigned fd = 0; fd < FDS; fd++)
			if (p->redirected->changed & 1u << fd)
				file_close(p->shell, p->redirected->before[fd]);
	while (p->variables != NULL) {
		struct variable *v = p->variables;

		p->variables = v->next;
		free(v->name);
		free(v->value);
		free(v);
	}
	while (p->functions != NULL) {
		struct function *f = p->functions;

		p->functions = f->next;
		unit_drop(f->unit);
		free(f->name);
		free(f);
	}
	for (unsigned i = 0; i < TRAPS; i++)
		free(p->traps[i]);
	while (p->running != NULL)
		unit_leave(p);
	regex_done(p);
	memory_back(p, NULL);
	p->pieces = p->kept;
	memory_back(p, NULL);
	hin_fs_drop(p->shell->fs, p->folder);
	free(p->folder_name);
	free(p->name);
	free(p);
}

_Noreturn void process_die(struct process *p, int status)
{
	p->status = status;
	longjmp(p->out, 1);
}
