/* telnet_menu - the command line of a router, without a system behind it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "decoy/telnet/telnet_priv.h"

#define LINE_MAX_BYTES 512u

/* ---- lines that are read key by key ---- */

static void show(struct telnet *t, const char *mask, bool shown, uint8_t key)
{
	if (mask != NULL && mask[0] != '\0')
		telnet_data(t, mask, strlen(mask));
	else if (shown)
		telnet_data(t, &key, 1);
}

static void rub_out(struct telnet *t, bool seen)
{
	if (t->line.used == 0)
		return;
	t->line.data[--t->line.used] = '\0';
	if (seen)
		telnet_data(t, "\b \b", 3);
}

bool telnet_line_key(struct telnet *t, uint8_t key, const char *mask, bool shown)
{
	bool seen = shown || (mask != NULL && mask[0] != '\0');
	char before = t->line_before;

	t->line_before = (char)key;
	if (before == '\r' && (key == '\n' || key == '\0'))
		return false;
	switch (key) {
	case '\r':
	case '\n':
		telnet_data(t, "\r\n", 2);
		return true;
	case '\b':
	case 127:
		rub_out(t, seen);
		return false;
	case 21: /* ^U */
		while (t->line.used > 0)
			rub_out(t, seen);
		return false;
	default:
		break;
	}
	if (key < 32 || t->line.used >= LINE_MAX_BYTES)
		return false;
	hin_buffer_putc(&t->line, (char)key);
	show(t, mask, shown, key);
	return false;
}

/* ---- commands ---- */

static void prompt(struct telnet *t)
{
	if (t->stage == STAGE_MENU)
		telnet_text(t, t->profile->menu_prompt, NULL);
}

/* Does `typed` say the words of `command`, each perhaps cut short? Returns how many are whole. */
static int match(const char *command, size_t size, const char *typed)
{
	const char *end = command + size;
	int whole = 1;

	for (;;) {
		while (command < end && *command == ' ')
			command++;
		while (*typed == ' ')
			typed++;
		if (command == end || *typed == '\0')
			return command == end && *typed == '\0' ? whole : 0;
		while (*typed != '\0' && *typed != ' ') {
			if (command == end ||
			    tolower((unsigned char)*command) != tolower((unsigned char)*typed))
				return 0;
			command++;
			typed++;
		}
		if (command == end || *command == ' ')
			whole++;
		while (command < end && *command != ' ')
			command++;
	}
}

static const char *find(const struct telnet *t, const char *typed)
{
	const char *best = NULL;
	int most = 0;

	for (size_t i = 0; i < t->profile->menu.count; i++) {
		const char *item = t->profile->menu.items[i];
		const char *end = strchr(item, '\n');
		int score = end != NULL ? match(item, (size_t)(end - item), typed) : 0;

		if (score > most) {
			most = score;
			best = end + 1;
		}
	}
	return best;
}

static void tell_command(struct telnet *t, const char *text)
{
	hin_session_tell(
		t->session,
		(struct hin_event){ .type = HIN_EVENT_COMMAND, .a = text, .a_size = strlen(text) });
}

static void obey(struct telnet *t, const char *typed)
{
	const char *answer;

	while (*typed == ' ')
		typed++;
	if (*typed == '\0')
		return;
	tell_command(t, typed);
	answer = find(t, typed);
	if (answer == NULL) {
		telnet_text(t, t->profile->menu_unknown, typed);
	} else if (strncmp(answer, "@exit", 5) == 0) {
		telnet_over(t, HIN_CLOSE_SERVICE);
	} else if (strncmp(answer, "@shell", 6) == 0) {
		if (telnet_terminal(t))
			telnet_shell_start(t);
		else
			telnet_over(t, HIN_CLOSE_LIMIT);
	} else {
		telnet_text(t, answer, typed);
	}
}

void telnet_menu_start(struct telnet *t)
{
	t->stage = STAGE_MENU;
	hin_terminal_free(t->terminal);
	t->terminal = NULL;
	prompt(t);
}

void telnet_menu_keys(struct telnet *t, const uint8_t *keys, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		struct hin_buffer line;

		if (t->stage != STAGE_MENU) {
			telnet_keys(t, keys + i, size - i);
			return;
		}
		if (!telnet_line_key(t, keys[i], NULL, true))
			continue;
		line = t->line;
		t->line = (struct hin_buffer){ 0 };
		obey(t, hin_buffer_text(&line));
		hin_buffer_fini(&line);
		prompt(t);
	}
}
