#include "decoy/terminal/terminal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "decoy/terminal/terminal_priv.h"

#define TURNS 8u /* lines that one run gives to the shell */
#define WIDTH 80u
#define HEIGHT 24u

struct hin_terminal *hin_terminal_new(const struct hin_terminal_settings *settings)
{
	struct hin_terminal *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->settings = *settings;
	t->settings.type = settings->type != NULL ? strdup(settings->type) : NULL;
	t->modes = hin_shell_modes_cooked;
	hin_terminal_resize(t, settings->columns, settings->rows);
	if (settings->type != NULL && t->settings.type == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

void hin_terminal_free(struct hin_terminal *t)
{
	if (t == NULL)
		return;
	editor_free(t->editor);
	hin_buffer_fini(&t->out);
	hin_buffer_fini(&t->held);
	hin_terminal_flush(t);
	free((char *)(uintptr_t)t->settings.type);
	free(t);
}

static uint16_t size_of(unsigned wanted, uint16_t was, unsigned otherwise)
{
	if (wanted > 0 && wanted <= UINT16_MAX)
		return (uint16_t)wanted;
	return was > 0 ? was : (uint16_t)otherwise;
}

void hin_terminal_resize(struct hin_terminal *t, unsigned columns, unsigned rows)
{
	t->columns = size_of(columns, t->columns, WIDTH);
	t->rows = size_of(rows, t->rows, HEIGHT);
	if (t->shell != NULL)
		hin_shell_resize(t->shell, t->columns, t->rows);
	if (t->editor != NULL)
		editor_resize(t->editor);
}

void hin_terminal_modes(struct hin_terminal *t, const struct hin_shell_modes *modes)
{
	t->modes = *modes;
}

bool hin_terminal_is_stopped(const struct hin_terminal *t)
{
	return t->stopped;
}

void terminal_deliver(struct hin_terminal *t)
{
	if (t->out.used > 0 && !t->stopped) {
		t->settings.send(t->settings.user, t->out.data, t->out.used);
		hin_buffer_fini(&t->out);
	}
	t->echo_from = t->out.used;
	t->echo_column = t->column;
}

void hin_terminal_print(struct hin_terminal *t, const void *data, size_t size)
{
	terminal_put(t, data, size);
	terminal_deliver(t);
}

/* ---- the editor ---- */

/* Nobody edits any more: the shell has a line. */
static void leave_editor(struct hin_terminal *t)
{
	t->editing = false;
	t->raw = true;
	if (t->typed_at == t->typed.used) {
		hin_buffer_fini(&t->typed);
		t->typed_at = 0;
	}
}

/* Let the editor see what was typed. True when the shell has got something by it. */
static bool pump_editor(struct hin_terminal *t)
{
	while (t->editing && t->typed_at < t->typed.used) {
		const struct hin_buffer *line;
		size_t used = 0;
		enum edit_result result =
			editor_feed(t->editor, (const uint8_t *)t->typed.data + t->typed_at,
				    t->typed.used - t->typed_at, &used);

		t->typed_at += used;
		if (result == EDIT_MORE)
			continue;
		leave_editor(t);
		line = editor_line(t->editor);
		if (result == EDIT_LINE) {
			hin_shell_input(t->shell, hin_buffer_text(line), line->used);
			hin_shell_input(t->shell, "\n", 1);
		} else if (result == EDIT_END) {
			hin_shell_input_end(t->shell);
		} else {
			hin_terminal_flush(t);
			hin_shell_signal(t->shell, SIGINT);
		}
		return true;
	}
	if (t->typed_at == t->typed.used) {
		hin_buffer_fini(&t->typed);
		t->typed_at = 0;
	}
	return false;
}

static void begin_editor(struct hin_terminal *t)
{
	struct hin_buffer ahead = { 0 };

	/* What was typed before the prompt came is read again, as keys. */
	terminal_uncook(t, &ahead);
	if (t->typed.used > t->typed_at)
		hin_buffer_add(&ahead, t->typed.data + t->typed_at, t->typed.used - t->typed_at);
	hin_buffer_fini(&t->typed);
	t->typed = ahead;
	t->typed_at = 0;
	t->editing = true;
	editor_begin(t->editor, hin_buffer_text(&t->held), t->held.used);
	hin_buffer_fini(&t->held);
}

/* Keys that came while the editor had the terminal, for a command that reads. */
static void cook_typed(struct hin_terminal *t)
{
	struct hin_buffer keys = t->typed;
	size_t at = t->typed_at;

	t->typed = (struct hin_buffer){ 0 };
	t->typed_at = 0;
	for (; at < keys.used; at++)
		terminal_key(t, (uint8_t)keys.data[at]);
	hin_buffer_fini(&keys);
}

/* ---- keys ---- */

static bool is_queued(const struct hin_terminal *t)
{
	return t->editing || t->raw || t->typed.used > t->typed_at;
}

static bool is_signal_key(uint8_t key)
{
	return key == 3 || key == 28 || key == 26;
}

static bool is_signal(const struct hin_terminal *t, uint8_t key)
{
	return t->modes.signals && !t->editing && !t->raw && is_signal_key(key);
}

static void queue(struct hin_terminal *t, const uint8_t *keys, size_t size)
{
	size_t room = HIN_TERMINAL_AHEAD - (t->typed.used - t->typed_at);

	hin_buffer_add(&t->typed, keys, size < room ? size : room);
}

/* Keys of an edited prompt, up to one that the discipline takes for itself. */
static size_t queue_run(struct hin_terminal *t, const uint8_t *keys, size_t size)
{
	size_t run = 0;

	while (run < size && keys[run] != 17 && keys[run] != 19 &&
	       (run == 0 || !is_signal_key(keys[run])))
		run++;
	queue(t, keys, run);
	return run;
}

void hin_terminal_type(struct hin_terminal *t, const void *data, size_t size)
{
	const uint8_t *keys = data;

	for (size_t i = 0; i < size;) {
		if (!is_queued(t) || is_signal(t, keys[i]) || keys[i] == 17 || keys[i] == 19) {
			terminal_key(t, keys[i++]);
			continue;
		}
		if (t->settings.editor == HIN_EDITOR_READLINE && is_signal_key(keys[i]))
			terminal_flushed(t);
		i += queue_run(t, keys + i, size - i);
		pump_editor(t);
	}
	terminal_deliver(t);
}

void hin_terminal_interrupt(struct hin_terminal *t, int number)
{
	uint8_t key = number == SIGINT ? 3 : number == SIGQUIT ? 28 : 26;

	if (t->editing && key == 3) {
		queue(t, &key, 1);
		pump_editor(t);
	} else {
		terminal_signal(t, number);
	}
	terminal_deliver(t);
}

/* ---- the shell ---- */

void hin_terminal_attach(struct hin_terminal *t, struct hin_shell *shell)
{
	t->shell = shell;
	if (shell != NULL && t->settings.editor != HIN_EDITOR_NONE && t->editor == NULL)
		t->editor = editor_new(t); /* NULL: lines of the discipline, then */
}

void hin_terminal_complete(struct hin_terminal *t, struct hin_fs *fs, struct hin_fs_user user,
			   uint32_t folder)
{
	t->fs = fs;
	t->user = user;
	t->folder = folder;
}

/* The last piece of standard error is held back: it may be the prompt. */
void hin_terminal_output(struct hin_terminal *t, int fd, const void *data, size_t size)
{
	if (t->held.used > 0) {
		terminal_put(t, t->held.data, t->held.used);
		hin_buffer_fini(&t->held);
	}
	if (fd == 2 && t->editor != NULL && size < HIN_TERMINAL_LINE)
		hin_buffer_add(&t->held, data, size);
	else
		terminal_put(t, data, size);
}

static void show_held(struct hin_terminal *t)
{
	if (t->held.used == 0)
		return;
	terminal_put(t, t->held.data, t->held.used);
	hin_buffer_fini(&t->held);
}

/* Give the shell a line that it reads. */
static bool give_line(struct hin_terminal *t)
{
	struct hin_buffer line = { 0 };
	bool given;

	cook_typed(t);
	given = hin_terminal_line(t, &line);
	if (given && line.used > 0)
		hin_shell_input(t->shell, line.data, line.used);
	else if (given)
		hin_shell_input_end(t->shell);
	hin_buffer_fini(&line);
	return given;
}

enum hin_shell_state hin_terminal_run(struct hin_terminal *t, uint64_t steps)
{
	enum hin_shell_state state = HIN_SHELL_RUNS;

	if (t->stopped)
		return HIN_SHELL_READS;
	t->raw = false;
	for (unsigned turn = 0; turn < TURNS; turn++) {
		bool given;

		state = hin_shell_run(t->shell, steps);
		if (state == HIN_SHELL_READS && t->editor != NULL && !t->editing &&
		    hin_shell_prompts(t->shell))
			begin_editor(t);
		show_held(t);
		given = state == HIN_SHELL_READS && !t->stopped &&
			(t->editing ? pump_editor(t) : give_line(t));
		terminal_deliver(t);
		if (!given)
			return state;
		state = HIN_SHELL_RUNS;
	}
	return state;
}
