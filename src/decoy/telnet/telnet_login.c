/* telnet_login - the programs that ask for name and password, each as its real one does. */
#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "decoy/telnet/telnet_priv.h"

#define EMPTY_NAMES 10u /* busybox: empty lines in a row until it gives up */

static bool is_own(const struct telnet *t) /* it reads keys, not lines of a terminal */
{
	return t->profile->login == HIN_TELNET_LOGIN_ROUTER ||
	       t->profile->login == HIN_TELNET_LOGIN_PASSWORD;
}

static bool is_busybox(const struct telnet *t)
{
	return t->profile->login == HIN_TELNET_LOGIN_BUSYBOX;
}

static void set_echo(struct telnet *t, bool echo)
{
	struct hin_shell_modes modes = hin_shell_modes_cooked;

	modes.echo = echo;
	if (t->terminal != NULL)
		hin_terminal_modes(t->terminal, &modes);
}

static void flush(struct telnet *t)
{
	if (t->terminal != NULL)
		hin_terminal_flush(t->terminal);
	hin_buffer_fini(&t->line);
}

/* ---- questions ---- */

static void ask_name(struct telnet *t)
{
	t->stage = STAGE_NAME;
	free(t->name);
	t->name = NULL;
	telnet_text(t, t->profile->login_prompt, NULL);
}

static void ask_password(struct telnet *t)
{
	t->stage = STAGE_PASSWORD;
	telnet_text(t, t->profile->password_prompt, NULL);
	if (!is_own(t))
		flush(t); /* what was typed ahead is no password */
	set_echo(t, false);
}

static void ask_first(struct telnet *t)
{
	if (t->profile->login == HIN_TELNET_LOGIN_PASSWORD) {
		free(t->name);
		t->name = strdup(t->profile->user);
		ask_password(t);
		return;
	}
	t->empties = 0;
	ask_name(t);
}

/* /etc/issue.net as busybox' telnetd prints it: CR LF first, and LF CR at each line's end. */
static void show_issue(struct telnet *t)
{
	struct hin_buffer issue = { 0 };

	hin_buffer_puts(&issue, "\r\n");
	for (const char *at = t->profile->banner; at != NULL && *at != '\0'; at++) {
		hin_buffer_putc(&issue, *at);
		if (*at == '\n')
			hin_buffer_putc(&issue, '\r');
	}
	telnet_text(t, hin_buffer_text(&issue), NULL);
	hin_buffer_fini(&issue);
}

static void enter(struct telnet *t)
{
	hin_buffer_fini(&t->line);
	set_echo(t, true);
	t->wake_us = HIN_SERVICE_NEVER;
	t->deadline_us = t->profile->idle_ns > 0 ? telnet_now_us(t) + t->profile->idle_ns / 1000
						 : HIN_SERVICE_NEVER;
	telnet_text(t, t->profile->welcome, NULL);
	if (t->profile->inside == HIN_TELNET_MENU)
		telnet_menu_start(t);
	else
		telnet_shell_start(t);
}

/* The program is there. What was typed before is forgotten, as getty and login do. */
static void begin(struct telnet *t)
{
	const char *user = t->profile->user;

	t->wake_us = HIN_SERVICE_NEVER;
	if (is_busybox(t))
		show_issue(t);
	else if (t->profile->engine != HIN_TELNET_BSD)
		telnet_text(t, t->profile->banner, NULL);
	flush(t);
	if (t->profile->login != HIN_TELNET_LOGIN_NONE) {
		ask_first(t);
		return;
	}
	if (hin_session_password(t->session, user, strlen(user), "", 0))
		enter(t);
	else
		telnet_over(t, HIN_CLOSE_SERVICE);
}

void telnet_login_start(struct telnet *t)
{
	if (!is_own(t) && t->profile->login != HIN_TELNET_LOGIN_NONE && !telnet_terminal(t)) {
		telnet_over(t, HIN_CLOSE_LIMIT);
		return;
	}
	if (t->profile->timeout_ns > 0)
		t->deadline_us = telnet_now_us(t) + t->profile->timeout_ns / 1000;
	if (t->profile->engine == HIN_TELNET_BSD && !is_busybox(t))
		telnet_text(t, t->profile->banner, NULL); /* by telnetd itself */
	t->stage = STAGE_STARTS;
	t->wake_us = telnet_now_us(t) + t->profile->start_ns / 1000;
}

/* ---- answers ---- */

/* Jitter that differs from try to try and needs no randomness of its own. */
static int64_t pause_us(const struct telnet *t)
{
	int64_t pause = t->profile->delay_ns / 1000, jitter = t->profile->jitter_ns / 1000;
	uint64_t mixed;

	if (jitter == 0)
		return pause;
	mixed = ((uint64_t)telnet_now_us(t) ^ (uint64_t)(uintptr_t)t) * 0x9e3779b97f4a7c15ULL;
	pause += (int64_t)((mixed >> 20) % (uint64_t)(2 * jitter + 1)) - jitter;
	return pause > 0 ? pause : 0;
}

static void refuse(struct telnet *t)
{
	set_echo(t, true);
	t->stage = STAGE_WAITS;
	t->wake_us = telnet_now_us(t) + pause_us(t);
}

/* The pause is over. */
static void refused(struct telnet *t)
{
	t->wake_us = HIN_SERVICE_NEVER;
	telnet_text(t, t->profile->incorrect, NULL);
	if (++t->tries >= t->profile->tries) {
		telnet_text(t, t->profile->locked, NULL);
		telnet_over(t, HIN_CLOSE_SERVICE);
		return;
	}
	flush(t);
	ask_first(t);
}

static void judge(struct telnet *t, const char *password, size_t size)
{
	const char *name = t->name != NULL ? t->name : "";

	if (size > TELNET_NAME)
		size = TELNET_NAME;
	if (hin_session_password(t->session, name, strlen(name), password, size))
		enter(t);
	else
		refuse(t);
}

/* busybox skips blanks before a name, and asks again after each empty line. */
static void busybox_name(struct telnet *t, const char *line, size_t size)
{
	size_t from = 0, to;

	while (from < size && isspace((unsigned char)line[from]) && line[from] != '\n')
		from++;
	if (size == 0) { /* ^D */
		telnet_over(t, HIN_CLOSE_SERVICE);
		return;
	}
	if (from == size || line[from] == '\n') {
		if (++t->empties >= EMPTY_NAMES)
			telnet_over(t, HIN_CLOSE_SERVICE);
		else
			telnet_text(t, t->profile->login_prompt, NULL);
		return;
	}
	/* behind its first byte a NUL ends what is read, and then there is no line end */
	if (size - 1 - from > TELNET_BUSYBOX_NAME ||
	    memchr(line + from + 1, '\0', size - from - 1) != NULL) {
		telnet_over(t, HIN_CLOSE_SERVICE);
		return;
	}
	to = from + 1; /* the first byte is taken as it is */
	while (to < size && (unsigned char)line[to] > ' ')
		to++;
	t->name = strndup(line + from, to - from);
	ask_password(t);
}

/* login of Debian: a name of no letters is one, too. */
static void shadow_name(struct telnet *t, const char *line, size_t size)
{
	if (size == 0) {
		telnet_over(t, HIN_CLOSE_SERVICE);
		return;
	}
	if (line[size - 1] == '\n')
		size--;
	t->name = strndup(line, size);
	ask_password(t);
}

static void take_line(struct telnet *t, const char *line, size_t size)
{
	if (t->stage == STAGE_NAME && is_busybox(t)) {
		busybox_name(t, line, size);
	} else if (t->stage == STAGE_NAME) {
		shadow_name(t, line, size);
	} else {
		telnet_text(t, "\n", NULL);
		if (size > 0 && line[size - 1] == '\n')
			size--;
		judge(t, line, size);
	}
}

/* ^D gives a program a piece of a line: it reads on, until there is nothing. */
static void add_line(struct telnet *t, const struct hin_buffer *piece)
{
	struct hin_buffer whole = t->line;

	if (piece->used > 0 && piece->data[piece->used - 1] != '\n') {
		hin_buffer_add(&t->line, piece->data, piece->used);
		return;
	}
	t->line = (struct hin_buffer){ 0 };
	if (piece->used > 0) /* the end of input takes what was there with it */
		hin_buffer_add(&whole, piece->data, piece->used);
	else
		hin_buffer_reset(&whole);
	if (!whole.failed)
		take_line(t, hin_buffer_text(&whole), whole.used);
	hin_buffer_fini(&whole);
}

void telnet_login_run(struct telnet *t, int64_t now_us)
{
	struct hin_buffer line = { 0 };

	if (t->stage == STAGE_WAITS || t->stage == STAGE_STARTS) {
		if (now_us < t->wake_us)
			return;
		if (t->stage == STAGE_STARTS)
			begin(t);
		else
			refused(t);
	}
	while ((t->stage == STAGE_NAME || t->stage == STAGE_PASSWORD) && t->terminal != NULL &&
	       !is_own(t) && hin_terminal_line(t->terminal, &line))
		add_line(t, &line);
	hin_buffer_fini(&line);
}

/* ^C, ^\ end login; at busybox' password ^C is a wrong one. */
void telnet_login_signal(struct telnet *t, int number)
{
	if (number == SIGTSTP || t->stage == STAGE_STARTS)
		return;
	if (t->stage == STAGE_PASSWORD && is_busybox(t) && number == SIGINT) {
		telnet_text(t, "\n", NULL);
		refuse(t);
		return;
	}
	telnet_over(t, HIN_CLOSE_SERVICE);
}

/* ---- keys ---- */

static void own_keys(struct telnet *t, const uint8_t *keys, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		bool name = t->stage == STAGE_NAME;

		if (t->stage == STAGE_MENU || t->stage == STAGE_SHELL) {
			telnet_keys(t, keys + i, size - i);
			return;
		}
		if ((!name && t->stage != STAGE_PASSWORD) ||
		    !telnet_line_key(t, keys[i], name ? NULL : t->profile->mask, name))
			continue;
		if (name) {
			free(t->name);
			t->name = strndup(hin_buffer_text(&t->line), t->line.used);
			hin_buffer_fini(&t->line);
			ask_password(t);
		} else {
			struct hin_buffer password = t->line;

			t->line = (struct hin_buffer){ 0 };
			judge(t, hin_buffer_text(&password), password.used);
			hin_buffer_fini(&password);
		}
	}
}

void telnet_keys(struct telnet *t, const uint8_t *keys, size_t size)
{
	if (size == 0 || t->stage == STAGE_OVER)
		return;
	if (t->stage == STAGE_MENU)
		telnet_menu_keys(t, keys, size);
	else if (t->stage != STAGE_SHELL && is_own(t))
		own_keys(t, keys, size);
	else if (t->terminal != NULL)
		hin_terminal_type(t->terminal, keys, size);
}
