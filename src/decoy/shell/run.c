/* run - what the tree of a command line does. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/shell_priv.h"

int64_t now_us(const struct process *p)
{
	return p->shell->machine->now_us(p->shell->machine->user);
}

bool is_busybox(const struct process *p)
{
	return p->dialect == HIN_SHELL_ASH;
}

bool is_bash(const struct process *p)
{
	return p->dialect == HIN_SHELL_BASH;
}

/* ---- messages ---- */

void shell_error(struct process *p, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (is_bash(p)) {
		if (p->interactive)
			errf(p, "%s: %s\n", p->name, text);
		else
			errf(p, "%s: line %u: %s\n", p->name, p->line, text);
	} else if (!is_busybox(p)) {
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

/* ---- processes inside of processes ---- */

static void stage_body(struct process *p, void *what)
{
	run(p, what);
	run_traps_at_exit(p);
}

/* Run `node` in a subshell, in this task, and take its status. */
static void run_subshell(struct process *p, struct hin_node *node)
{
	process_run(process_inside(p), stage_body, node);
}

static void wait_for(struct process *p, uint32_t pid)
{
	int status;

	if (task_is_alive(p->shell, pid, &status))
		task_block(p, TASK_WAITS, NULL, pid);
}

void put_fd(struct process *p, int fd, struct file *file)
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
	for (struct hin_node *n = node->first; n != NULL; n = n->next) {
		struct process *child = process_fork(p);
		struct file *reads = NULL, *writes = NULL;

		if (in != NULL)
			put_fd(child, 0, in);
		in = NULL;
		if (n->next != NULL && pipe_new(p, &reads, &writes)) {
			put_fd(child, 1, writes);
			in = reads;
		}
		child->is_stage = n->type == HIN_NODE_SIMPLE;
		pids[count++] = child->pid;
		if (!task_start(child, stage_body, n, TASK_PLAIN)) {
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
	child->is_stage = node->first->type == HIN_NODE_SIMPLE;
	p->last_job = child->pid;
	p->status = 0;
	if (!task_start(child, stage_body, node->first, TASK_BACKGROUND)) {
		p->shell->killed++;
		process_free(child);
		shell_fail(p, 2, "Cannot fork");
	}
	if (p->interactive)
		job_begin(p, p->last_job, node->first);
}

/* ---- simple commands ---- */

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
static void assign_for(struct process *p, const struct hin_assignment *a)
{
	struct frame *frame = memory_of(p, sizeof(*frame));

	*frame = *p->frame;
	frame->saved = NULL;
	frame->outer = p->frame;
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

/* A command with its words, its redirections done. */
static void run_with_words(struct process *p, const struct hin_node *node, struct fields *words,
			   bool special)
{
	bool own = node->assignments != NULL && !special;

	if (own)
		assign_for(p, node->assignments);
	else if (!assign_all(p, node->assignments))
		process_die(p, 2);
	if (p->options & OPTION_XTRACE)
		trace(p, words);
	run_words(p, words, true);
	if (own)
		frame_end(p);
}

static void run_simple(struct process *p, const struct hin_node *node)
{
	struct fields words = { 0 };
	struct redirected *r;
	const struct command *builtin = NULL;
	bool special, tail = p->tail && node->redirects == NULL && node->assignments == NULL;

	p->tail = false;
	p->line = node->line;
	p->substituted = 0;
	for (const struct hin_word *w = node->words; w != NULL; w = w->next)
		expand(p, w, &words);
	if (words.count > 0)
		builtin = builtin_find(p, words.items[0]);
	special = builtin != NULL && builtin->special;
	r = redirect_begin(p);
	if (!redirect(p, node->redirects, r)) {
		redirect_back(p, r);
		p->status = p->dialect == HIN_SHELL_DASH ? 2 : 1;
		if (special && !is_bash(p))
			process_die(p, p->status);
	} else if (words.count == 0) {
		if (!assign_all(p, node->assignments))
			process_die(p, 2);
		p->status = p->substituted; /* of the last substitution, if there was one */
		redirect_back(p, r);
	} else {
		p->tail = tail;
		run_with_words(p, node, &words, special);
		p->tail = false;
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
		p->status = p->dialect == HIN_SHELL_DASH ? 2 : 1;
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
	bool tail = p->tail;

	p->tail = false;
	p->tested++;
	run(p, node->first);
	p->tested--;
	p->tail = tail;
	if (p->flow == FLOW_ON && (p->status == 0) == (node->type == HIN_NODE_AND))
		run(p, node->second);
	p->tail = false;
}

/* set -e: a command that fails ends the shell, but where its status is asked for. */
static void exit_on_error(struct process *p, const struct hin_node *node)
{
	if (p->status == 0 || p->tested > 0 || (p->options & OPTION_ERREXIT) == 0)
		return;
	if (node->type == HIN_NODE_SIMPLE || node->type == HIN_NODE_PIPELINE ||
	    node->type == HIN_NODE_SUBSHELL) {
		p->exits = true;
		run_traps_at_exit(p);
		process_die(p, p->status);
	}
}

/* Signals that came meanwhile: their traps. */
static void run_pending(struct process *p)
{
	int status = p->status;

	for (int number = 1; p->pending != 0 && number < TRAPS - 1; number++) {
		uint64_t bit = UINT64_C(1) << number;

		if ((p->pending & bit) == 0)
			continue;
		p->pending &= ~bit;
		if (p->traps != NULL && p->traps[number] != NULL) {
			char *trap = text_of(p, p->traps[number], strlen(p->traps[number]));

			run_text(p, trap, strlen(trap));
		}
	}
	if (p->flow == FLOW_ON)
		p->status = status;
}

static void run_one(struct process *p, const struct hin_node *node)
{
	if (node->type != HIN_NODE_SIMPLE && node->type != HIN_NODE_AND &&
	    node->type != HIN_NODE_OR)
		p->tail = false;
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
	bool tail = p->tail;

	if (node == NULL || p->flow != FLOW_ON)
		return;
	step(p);
	if (node->type != HIN_NODE_LIST) {
		run_one(p, node);
		memory_back(p, mark);
		if (p->pending != 0)
			run_pending(p);
		return;
	}
	for (const struct hin_node *n = node->first; n != NULL && p->flow == FLOW_ON; n = n->next) {
		p->tail = tail && n->next == NULL;
		run_one(p, n);
		memory_back(p, mark);
		if (p->pending != 0)
			run_pending(p);
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
	bool tail = p->tail;

	p->builtin = NULL; /* eval and . are not what goes wrong in their text */
	while (size > 0 && p->flow == FLOW_ON) {
		struct hin_syntax syntax = { .ash = is_busybox(p) || is_bash(p),
					     .bash = is_bash(p),
					     .line = line };
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
		p->tail = tail && size == 0;
		if ((p->options & OPTION_NOEXEC) == 0)
			run(p, syntax.tree);
		unit_leave(p);
	}
	p->builtin = builtin;
}

void run_traps_at_exit(struct process *p)
{
	char *trap = p->traps != NULL ? p->traps[0] : NULL;
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
