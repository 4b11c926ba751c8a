/* interactive - a shell that prompts, reads lines and runs them; signals from its terminal. */
#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "decoy/shell/shell_priv.h"

#define NESTED_LINE ((size_t)1 << 16) /* bytes of a command that a shell in a task reads */

/* ---- prompts ---- */

/* What stands in a prompt for `letter` behind a backslash, as bash and busybox have it. */
static void put_prompt_escape(struct process *p, struct growing *g, char letter)
{
	const struct hin_shell_machine *m = p->shell->machine;
	const char *home = variable_get(p, "HOME"), *folder = p->folder_name, *user;
	size_t home_size = home != NULL ? strlen(home) : 0;
	time_t now = (time_t)(now_us(p) / 1000000) + m->zone_s;
	struct tm tm;

	gmtime_r(&now, &tm);
	switch (letter) {
	case 'u':
		user = user_name(p, p->user.uid);
		grow_text(p, g, user != NULL ? user : "I have no name!");
		break;
	case 'h':
		grow(p, g, m->hostname, strcspn(m->hostname, "."));
		break;
	case 'H':
		grow_text(p, g, m->hostname);
		break;
	case 'w':
	case 'W':
		if (home_size > 1 && strncmp(folder, home, home_size) == 0 &&
		    (folder[home_size] == '\0' || folder[home_size] == '/')) {
			if (letter == 'w' || folder[home_size] == '\0')
				grow_char(p, g, '~');
			folder += home_size;
		}
		if (letter == 'W' && strrchr(folder, '/') != NULL && folder[1] != '\0')
			folder = strrchr(folder, '/') + 1;
		grow_text(p, g, folder);
		break;
	case '$':
		grow_char(p, g, p->user.uid == 0 ? '#' : '$');
		break;
	case 't':
		grow_format(p, g, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
		break;
	case 'A':
		grow_format(p, g, "%02d:%02d", tm.tm_hour, tm.tm_min);
		break;
	case 's':
		grow_text(p, g, name_of(p->name[0] == '-' ? p->name + 1 : p->name));
		break;
	case 'v':
		grow_text(p, g, "5.2");
		break;
	case 'n':
		grow_char(p, g, '\n');
		break;
	case 'r':
		grow_char(p, g, '\r');
		break;
	case 'a':
		grow_char(p, g, '\a');
		break;
	case 'e':
		grow_char(p, g, '\033');
		break;
	case '[':
	case ']':
		break;
	default:
		grow_char(p, g, '\\');
		if (letter != '\\')
			grow_char(p, g, letter);
	}
}

/* The parameters and substitutions of a prompt, as those of a text in double quotes. */
static char *expand_prompt(struct process *p, const char *text)
{
	struct hin_syntax syntax = { .ash = true, .line = 1 };
	struct hin_arena arena = hin_arena_of(65536);
	struct growing quoted = { 0 };
	char *made = text_of(p, text, strlen(text));

	if (strpbrk(text, "$`") == NULL)
		return made;
	grow_text(p, &quoted, ": \"");
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '"' || (*c == '\\' && c[1] != '$' && c[1] != '`'))
			grow_char(p, &quoted, '\\');
		grow_char(p, &quoted, *c);
	}
	grow_char(p, &quoted, '"');
	if (hin_syntax_line(&syntax, &arena, quoted.data, quoted.size) == HIN_SYNTAX_OK &&
	    syntax.tree != NULL && syntax.tree->type == HIN_NODE_SIMPLE &&
	    syntax.tree->words != NULL && syntax.tree->words->next != NULL) {
		struct unit *unit = calloc(1, sizeof(*unit));

		if (unit != NULL) { /* it is freed with the process, also when that dies here */
			unit->arena = arena;
			unit_enter(p, unit);
			made = expand_text(p, syntax.tree->words->next);
			unit_leave(p);
			return made;
		}
	}
	hin_arena_fini(&arena);
	return made;
}

static void show_prompt(struct process *p, void *what)
{
	const char *text = variable_get(p, p->continued ? "PS2" : "PS1");
	struct growing g = { 0 };
	int status = p->status;

	(void)what;
	jobs_tell_ended(p);
	text = text != NULL ? text : "";
	grow(p, &g, "", 0);
	for (; *text != '\0'; text++) {
		if (*text == '\\' && text[1] != '\0' && p->dialect != HIN_SHELL_DASH)
			put_prompt_escape(p, &g, *++text);
		else
			grow_char(p, &g, *text);
	}
	errf(p, "%s", expand_prompt(p, g.data));
	p->status = status;
}

/* The prompts that a shell has by itself. */
static void set_prompts(struct process *p)
{
	const char *first = p->dialect == HIN_SHELL_ASH	   ? "\\w \\$ "
			    : p->dialect == HIN_SHELL_BASH ? "\\u@\\h:\\w\\$ "
			    : p->user.uid == 0		   ? "# "
							   : "$ ";

	if (variable_get(p, "PS1") == NULL)
		(void)variable_set(p, "PS1", first);
	if (variable_get(p, "PS2") == NULL)
		(void)variable_set(p, "PS2", "> ");
}

/* ---- lines ---- */

bool is_terminal(const struct process *p, int fd)
{
	const struct file *f = p->fds[fd];

	return p->shell->settings.terminal.is_terminal && f != NULL &&
	       (f->type == FILE_INPUT || f->type == FILE_OUTPUT);
}

struct line_text {
	const char *text;
	size_t size;
};

static void line_body(struct process *p, void *what)
{
	const struct line_text *line = what;

	p->tail = true;
	run_text(p, line->text, line->size);
	p->tail = false;
}

/* What a signal from the terminal leaves on the screen. */
static void tell_signal(struct process *p, int number, const struct line_text *line)
{
	p->status = 128 + number;
	if (number == SIGTSTP)
		job_stopped(p, text_of(p, line->text, strcspn(line->text, "\n")));
	else if (number == SIGQUIT)
		errf(p, "Quit\n");
	else
		errf(p, "\n");
}

/* Run a command line; the shell outlives what goes wrong in it. */
static void run_line(struct process *p, const struct line_text *line)
{
	struct line_text copy = *line;
	int number;

	p->line = p->next_line;
	for (size_t i = 0; i < line->size; i++)
		p->next_line += line->text[i] == '\n';
	(void)process_try(p, line_body, &copy);
	if (p->shell->over)
		p->exits = true;
	number = p->shell->over ? 0 : task_spare(p);
	if (number == SIGHUP || number == SIGKILL || number == SIGTERM)
		p->exits = true;
	else if (number != 0 && p->interactive)
		tell_signal(p, number, line);
	if (p->flow == FLOW_EXIT)
		p->exits = true;
	p->flow = FLOW_ON;
	p->levels = 0;
}

/* Is the text one that ends inside of something? */
static bool wants_more(const struct process *p, const char *text, size_t size)
{
	struct hin_syntax syntax = {
		.ash = p->dialect != HIN_SHELL_DASH, .bash = is_bash(p), .more = true, .line = 1
	};
	struct hin_arena arena = hin_arena_of((size_t)4 << 20);
	enum hin_syntax_result result = HIN_SYNTAX_OK;

	while (size > 0 && result == HIN_SYNTAX_OK) {
		result = hin_syntax_line(&syntax, &arena, text, size);
		text += syntax.taken;
		size -= syntax.taken;
		if (syntax.taken == 0)
			break;
	}
	hin_arena_fini(&arena);
	return result == HIN_SYNTAX_MORE;
}

static void tell_line(struct process *p, const char *text, size_t size)
{
	struct hin_shell_event event = { .kind = HIN_SHELL_LINE };
	char *copy;

	if (p->shell->settings.event == NULL)
		return;
	while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
		size--;
	copy = strndup(text, size);
	if (copy == NULL)
		return;
	event.text = copy;
	event.tool = name_of(p->name);
	tell(p, &event);
	free(copy);
}

/* ---- a shell inside of a task ---- */

/* One more line of fd 0 behind `text`; false at its end. */
static bool read_more(struct process *p, struct growing *text)
{
	char c;

	while (text->size < NESTED_LINE) {
		if (file_read(p, p->fds[0], &c, 1) <= 0)
			return text->size > 0;
		if (c != '\0')
			grow_char(p, text, c);
		if (c == '\n')
			return true;
	}
	return true;
}

/* The next command line of a loop. */
struct next_line {
	struct growing text;
	bool ended;
};

static void read_command(struct process *p, void *what)
{
	struct next_line *next = what;

	p->continued = false;
	do {
		size_t before = next->text.size;

		if (p->interactive)
			show_prompt(p, NULL);
		next->ended = !read_more(p, &next->text) || next->text.size == before;
		if (next->text.size > before)
			tell_line(p, next->text.data + before, next->text.size - before);
		p->continued = true;
	} while (!next->ended && next->text.size < NESTED_LINE &&
		 wants_more(p, next->text.data, next->text.size));
	p->continued = false;
}

void shell_loop(struct process *p)
{
	p->next_line = 1;
	if (p->interactive)
		set_prompts(p);
	while (!p->exits) {
		struct piece *mark = p->pieces;
		struct next_line next = { 0 };
		struct line_text line;

		if (!process_try(p, read_command, &next)) { /* ^C at the prompt */
			int number = task_spare(p);

			if (p->shell->over || number == 0 || number == SIGHUP || number == SIGKILL)
				return;
			errf(p, "\n");
			p->status = 128 + number;
			continue;
		}
		line = (struct line_text){ next.text.data, next.text.size };
		if (next.text.size > 0)
			run_line(p, &line);
		memory_back(p, mark);
		if (next.ended)
			break;
	}
}

static void nested_body(struct process *p, void *what)
{
	(void)what;
	shell_loop(p);
	run_traps_at_exit(p);
}

int shell_enter(struct process *p, struct process *child, bool tail)
{
	struct hin_shell *shell = p->shell;

	child->interactive = is_terminal(child, 0);
	if (tail && p == shell->first && shell->interactive && child->interactive &&
	    shell->pushed == NULL) {
		child->outer = NULL;
		child->task = NULL;
		child->below = p;
		child->next_line = 1;
		shell->pushed = child;
		return 0;
	}
	process_run(child, nested_body, NULL);
	return p->status;
}

/* ---- the shell of the session ---- */

static void first_prompt_body(struct process *p, void *what)
{
	(void)what;
	if (p->interactive)
		set_prompts(p);
	if (p->interactive && !process_try(p, show_prompt, NULL))
		(void)task_spare(p);
}

static void front_body(struct process *p, void *what)
{
	struct hin_shell *shell = what;
	struct line_text line = { hin_buffer_text(&shell->line), shell->line.used };

	run_line(p, &line);
	if (p->exits) {
		run_traps_at_exit(p);
		return;
	}
	p->continued = false;
	if (shell->pushed == NULL && p->interactive)
		shell->prompted = process_try(p, show_prompt, NULL);
}

static bool front_start(struct hin_shell *shell, void (*body)(struct process *p, void *what))
{
	if (!task_start(shell->first, body, shell, TASK_KEEPS)) {
		shell->killed++;
		shell->done = true;
		return false;
	}
	shell->front = shell->first->pid;
	return true;
}

/* The innermost shell ends: the one below goes on, or all is done. */
static void leave_shell(struct hin_shell *shell)
{
	struct process *p = shell->first;

	shell->status = p->status;
	if (p->below == NULL || shell->over) {
		struct hin_shell_event event = { .kind = HIN_SHELL_END_SESSION, .tool = "exit" };

		shell->done = true;
		tell(p, &event);
		return;
	}
	shell->first = p->below;
	shell->first->status = p->status;
	process_free(p);
	shell->prompted = false;
}

/* Move a line of the input behind what was read; false when there is none. */
static bool take_line(struct hin_shell *shell)
{
	struct channel *in = &shell->input;
	const char *from = hin_buffer_text(&in->data) + in->at;
	size_t left = in->data.used - in->at, size = 0;
	const char *end = left > 0 ? memchr(from, '\n', left) : NULL;

	if (end != NULL)
		size = (size_t)(end - from) + 1;
	else if (in->writers == 0 || shell->input_ended)
		size = left;
	if (size == 0)
		return false;
	tell_line(shell->first, from, size);
	for (size_t i = 0; i < size; i++)
		if (from[i] != '\0')
			hin_buffer_putc(&shell->line, from[i]);
	in->at += size;
	return true;
}

bool interactive_next(struct hin_shell *shell)
{
	struct process *p = shell->first;

	if (shell->pushed != NULL) {
		shell->first = shell->pushed;
		shell->pushed = NULL;
		shell->prompted = false;
		p = shell->first;
	}
	if (p->exits) {
		leave_shell(shell);
		return true;
	}
	if (shell->line.used > 0 && !p->continued) /* it has been run */
		hin_buffer_fini(&shell->line);
	shell->line.limit = HIN_SYNTAX_TEXT;
	if (!shell->prompted) {
		shell->prompted = true;
		return front_start(shell, first_prompt_body);
	}
	if (!take_line(shell)) {
		if (shell->input.writers > 0 && !shell->input_ended)
			return false;
		shell->input_ended = false;
		if (p->interactive) {
			const char *word = is_bash(p) ? p->name[0] == '-' ? "logout" : "exit" : "";

			shell->settings.output(shell->settings.user_data, 2, word, strlen(word));
			shell->settings.output(shell->settings.user_data, 2, "\n", 1);
		}
		p->exits = true;
		return true;
	}
	if (!shell->line.failed && wants_more(p, shell->line.data, shell->line.used) &&
	    shell->input.writers > 0) {
		p->continued = true;
		shell->prompted = false;
		return true;
	}
	p->continued = false;
	return front_start(shell, front_body);
}

enum hin_code hin_shell_interactive(struct hin_shell *shell)
{
	if (shell->front != 0 || shell->interactive || shell->done)
		return HIN_EUSAGE;
	shell->interactive = true;
	shell->first->interactive = shell->settings.terminal.is_terminal;
	return HIN_OK;
}

bool hin_shell_prompts(const struct hin_shell *shell)
{
	return shell->interactive && shell->front == 0 && !shell->done && shell->prompted;
}

void hin_shell_signal(struct hin_shell *shell, int number)
{
	hin_buffer_reset(&shell->input.data);
	shell->input.at = 0;
	if (number == SIGHUP) {
		shell->done = true;
		shell->status = 128 + number;
		return;
	}
	if (shell->front != 0) {
		tasks_signal(shell, number);
		return;
	}
	if (!shell->interactive || number != SIGINT)
		return;
	hin_buffer_fini(&shell->line);
	shell->first->continued = false;
	shell->first->status = 128 + number;
	shell->settings.output(shell->settings.user_data, 2, "\n", 1);
	shell->prompted = false;
}
