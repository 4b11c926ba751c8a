/* scp - words, lines and responses; see scp.h */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/ssh/scp_priv.h"

/* ---- the command ---- */

/* Take the next word of a command of plain words, with quotes. NULL: its end, or no plain word
 * (`*bad`). The caller frees it. */
static char *next_word(const char **at, bool *bad)
{
	struct hin_buffer word = { 0 };
	const char *p = *at + strspn(*at, " \t");
	char quote = 0;
	bool any = false;

	for (; *p != '\0' && (quote != 0 || (*p != ' ' && *p != '\t')); p++) {
		any = true;
		if (quote == 0 && (*p == '\'' || *p == '"')) {
			quote = *p;
		} else if (quote != 0 && *p == quote) {
			quote = 0;
		} else if (*p == '\\' && quote != '\'' && p[1] != '\0') {
			hin_buffer_putc(&word, *++p);
		} else if ((quote == 0 && strchr("|&;<>()*?[]#~\n", *p) != NULL) ||
			   (quote != '\'' && (*p == '$' || *p == '`'))) {
			*bad = true;
			break;
		} else {
			hin_buffer_putc(&word, *p);
		}
	}
	*at = p;
	if (quote != 0 || word.failed)
		*bad = true;
	if (!any || *bad) {
		hin_buffer_fini(&word);
		return NULL;
	}
	if (word.data == NULL)
		return strdup("");
	return hin_buffer_take(&word);
}

/* Options of one word; false when it is none of ours. */
static bool take_options(struct hin_scp *s, const char *word, bool *sources)
{
	for (const char *p = word + 1; *p != '\0'; p++) {
		switch (*p) {
		case 't':
			s->sinks = true;
			break;
		case 'f':
			*sources = true;
			break;
		case 'r':
			s->recursive = true;
			break;
		case 'p':
			s->times = true;
			break;
		case 'd':
			s->target_is_folder = true;
			break;
		case 'v':
		case 'q':
		case 'O':
		case 'C':
			break;
		default:
			return false;
		}
	}
	return true;
}

/* Does the command begin what we do, in plain words? */
static bool parse(struct hin_scp *s, const char *command)
{
	bool bad = false, sources = false, options = true;
	char *word = next_word(&command, &bad);
	bool is_scp =
		word != NULL && (strcmp(word, "scp") == 0 || strcmp(word, "/usr/bin/scp") == 0);

	free(word);
	while (is_scp && !bad && (word = next_word(&command, &bad)) != NULL) {
		if (options && strcmp(word, "--") == 0) {
			options = false;
		} else if (options && word[0] == '-' && word[1] != '\0') {
			bad = !take_options(s, word, &sources);
		} else if (s->word_count < SCP_WORDS_MAX) {
			s->words[s->word_count++] = word;
			word = NULL;
		} else {
			bad = true;
		}
		free(word);
	}
	return is_scp && !bad && s->sinks != sources && s->word_count > 0 &&
	       (!s->sinks || s->word_count == 1);
}

struct hin_scp *hin_scp_new(const struct hin_scp_settings *settings, const char *command)
{
	const struct hin_host_user *user = hin_session_user(settings->session);
	struct hin_fs *fs = hin_session_fs(settings->session);
	struct hin_scp *s;

	if (user == NULL || fs == NULL || strncmp(command + strspn(command, " \t"), "scp", 3) != 0)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->settings = *settings;
	s->fs = fs;
	s->user = (struct hin_fs_user){ user->uid, user->gid };
	s->mtime_s = -1;
	s->first = true;
	if (!parse(s, command)) {
		hin_scp_free(s);
		return NULL;
	}
	if (hin_fs_find(fs, &s->user, HIN_FS_ROOT, user->home, true, &s->home) != 0)
		s->home = HIN_FS_ROOT;
	if (s->sinks)
		scp_sink_begin(s);
	else
		s->wait = SCP_RESPONSE; /* the client says that it is ready */
	return s;
}

void hin_scp_free(struct hin_scp *scp)
{
	if (scp == NULL)
		return;
	if (scp->ino != 0)
		hin_fs_drop(scp->fs, scp->ino);
	for (size_t i = 0; i < scp->word_count; i++)
		free(scp->words[i]);
	for (size_t i = 0; i < scp->depth; i++)
		free(scp->targets[i]);
	for (size_t i = 0; i < scp->folder_count; i++)
		hin_buffer_fini(&scp->folders[i].entries);
	free(scp->path);
	hin_buffer_fini(&scp->in);
	hin_buffer_fini(&scp->generated);
	free(scp);
}

/* ---- what both directions use ---- */

void scp_send(struct hin_scp *s, const void *data, size_t size)
{
	s->settings.send(s->settings.user, 1, data, size);
}

void scp_accept(struct hin_scp *s)
{
	scp_send(s, "", 1);
}

void scp_error(struct hin_scp *s, const char *fmt, ...)
{
	struct hin_buffer text = { 0 };
	va_list args;

	va_start(args, fmt);
	hin_buffer_puts(&text, "\001scp: ");
	hin_buffer_vprintf(&text, fmt, args);
	hin_buffer_putc(&text, '\n');
	va_end(args);
	if (!text.failed)
		scp_send(s, text.data, text.used);
	hin_buffer_fini(&text);
	s->errors++;
}

void scp_end(struct hin_scp *s)
{
	s->over = true;
}

int64_t scp_now_s(const struct hin_scp *s)
{
	const struct hin_shell_machine *m = &hin_session_host(s->settings.session)->machine;
	int64_t now_us =
		m->now_us != NULL ? m->now_us(m->user) : hin_session_now_us(s->settings.session);

	return now_us / 1000000;
}

bool scp_take_line(struct hin_scp *s, char out[HIN_SCP_LINE])
{
	size_t left = s->in.used - s->taken;
	const char *at = hin_buffer_text(&s->in) + s->taken;
	const char *end = left > 0 ? memchr(at, '\n', left) : NULL;
	size_t size = end != NULL ? (size_t)(end - at) : left;

	if (end == NULL && left < HIN_SCP_LINE)
		return false;
	if (size >= HIN_SCP_LINE)
		size = HIN_SCP_LINE - 1;
	memcpy(out, at, size);
	out[size] = '\0';
	s->taken += size + (end != NULL);
	return true;
}

int scp_take_response(struct hin_scp *s)
{
	char line[HIN_SCP_LINE], first;

	if (s->taken == s->in.used)
		return -1;
	first = s->in.data[s->taken];
	if (first == 0) {
		s->taken++;
		return 0;
	}
	if (!scp_take_line(s, line))
		return -1;
	s->errors++;
	if (first != 1) /* fatal, or no response at all */
		scp_end(s);
	return 1;
}

/* ---- going on ---- */

void hin_scp_input(struct hin_scp *scp, const uint8_t *data, size_t size)
{
	if (scp->over)
		return;
	if (scp->taken > 0) {
		memmove(scp->in.data, scp->in.data + scp->taken, scp->in.used - scp->taken);
		scp->in.used -= scp->taken;
		scp->taken = 0;
	}
	hin_buffer_add(&scp->in, data, size);
	if (scp->in.failed) {
		scp->errors++;
		scp_end(scp);
	}
}

void hin_scp_input_end(struct hin_scp *scp)
{
	scp->input_ended = true;
}

bool hin_scp_run(struct hin_scp *scp)
{
	bool more;

	if (scp->over)
		return false;
	more = scp->sinks ? scp_sink_run(scp) : scp_source_run(scp);
	if (scp->taken == scp->in.used) {
		hin_buffer_fini(&scp->in);
		scp->taken = 0;
	}
	if (!more && !scp->over && scp->input_ended) {
		if (scp->wait != SCP_LINE || !scp->sinks)
			scp->errors++; /* "lost connection" */
		scp_end(scp);
	}
	return more && !scp->over;
}

bool hin_scp_is_over(const struct hin_scp *scp, int *status)
{
	if (scp->over)
		*status = scp->errors != 0;
	return scp->over;
}
