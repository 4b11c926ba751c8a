/* telnet - the service: one conversation, its times, what it sends. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "decoy/host/persona.h"
#include "decoy/telnet/telnet_priv.h"

#define REGISTERED 2 /* telnet in schema/registry/services */

int64_t telnet_now_us(const struct telnet *t)
{
	return hin_session_now_us(t->session);
}

/* ---- to the client ---- */

/* Before the shell all is one stream; then it has a channel of its own. */
static uint32_t channel_of(const struct telnet *t)
{
	return t->shell != NULL ? t->shell_settings.channel : 0;
}

void telnet_raw(struct telnet *t, const void *data, size_t size)
{
	hin_session_record(t->session, 0, HIN_TO_CLIENT, data, size);
	hin_session_send(t->session, data, size);
}

static bool sends_cr_nul(const struct telnet *t)
{
	if (t->profile->engine == HIN_TELNET_BSD)
		return !telnet_bsd_binary(t);
	return t->profile->engine == HIN_TELNET_PLAIN && !telnet_plain_binary(t);
}

void telnet_data(struct telnet *t, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	bool nul = sends_cr_nul(t);
	struct hin_buffer out = { 0 };

	hin_session_record(t->session, channel_of(t), HIN_TO_CLIENT, data, size);
	if (memchr(data, IAC, size) == NULL && (!nul || memchr(data, '\r', size) == NULL)) {
		hin_session_send(t->session, data, size);
		return;
	}
	for (size_t i = 0; i < size; i++) {
		hin_buffer_putc(&out, (char)bytes[i]);
		if (bytes[i] == IAC)
			hin_buffer_putc(&out, (char)IAC);
		if (nul && bytes[i] == '\r' && (i + 1 == size || bytes[i + 1] != '\n'))
			hin_buffer_putc(&out, '\0');
	}
	if (out.used > 0)
		hin_session_send(t->session, out.data, out.used);
	hin_buffer_fini(&out);
}

/* The terminal's line ends are its own; without one they are made here. */
static void text_out(struct telnet *t, const char *text, size_t size)
{
	if (t->terminal != NULL)
		hin_terminal_print(t->terminal, text, size);
	else
		telnet_data(t, text, size);
}

static void expand(struct telnet *t, struct hin_buffer *out, char letter, const char *word)
{
	switch (letter) {
	case 'h':
		hin_buffer_puts(out, hin_session_host(t->session)->name);
		break;
	case 't':
		hin_buffer_puts(out, "pts/0");
		break;
	case 'c':
		hin_buffer_puts(out, word != NULL ? word : "");
		break;
	case '%':
		hin_buffer_putc(out, '%');
		break;
	default:
		hin_buffer_putc(out, '%');
		hin_buffer_putc(out, letter);
	}
}

void telnet_text(struct telnet *t, const char *text, const char *word)
{
	struct hin_buffer out = { 0 };

	if (text == NULL || text[0] == '\0')
		return;
	for (; *text != '\0'; text++) {
		if (*text == '%' && text[1] != '\0')
			expand(t, &out, *++text, word);
		else if (*text == '\n' && t->terminal == NULL)
			hin_buffer_puts(&out, "\r\n");
		else
			hin_buffer_putc(&out, *text);
	}
	if (out.used > 0)
		text_out(t, out.data, out.used);
	hin_buffer_fini(&out);
}

void telnet_over(struct telnet *t, enum hin_close why)
{
	if (t->stage == STAGE_OVER)
		return;
	if (t->shell != NULL)
		hin_session_tell(
			t->session,
			(struct hin_event){ .type = HIN_EVENT_CHANNEL_END,
					    .channel = t->shell_settings.channel,
					    .number = (uint64_t)hin_shell_status(t->shell) });
	t->stage = STAGE_OVER;
	hin_session_hang_up(t->session, why);
}

/* ---- what the client says of itself ---- */

void telnet_size(struct telnet *t, unsigned columns, unsigned rows)
{
	t->columns = (uint16_t)columns;
	t->rows = (uint16_t)rows;
	if (t->terminal != NULL)
		hin_terminal_resize(t->terminal, columns, rows);
}

void telnet_terminal_type(struct telnet *t, const void *name, size_t size)
{
	free(t->type);
	t->type = strndup(name, size < 64 ? size : 64);
	hin_session_tell(t->session,
			 (struct hin_event){ .type = HIN_EVENT_CLIENT, .a = name, .a_size = size });
}

/* ---- the service ---- */

static void send_text(void *user, const void *data, size_t size)
{
	telnet_data(user, data, size);
}

static void on_signal(void *user, int number)
{
	telnet_login_signal(user, number);
}

static void on_flushed(void *user)
{
	struct telnet *t = user;

	if (t->bsd != NULL)
		telnet_bsd_flushed(t);
}

static bool open_terminal(struct telnet *t)
{
	static const enum hin_terminal_editor editors[] = { HIN_EDITOR_NONE, HIN_EDITOR_ASH,
							    HIN_EDITOR_READLINE };
	struct hin_terminal_settings settings = {
		.editor = editors[t->profile->editor],
		.type = t->type != NULL ? t->type : t->profile->term,
		.columns = t->columns,
		.rows = t->rows,
		.expand_tabs = t->profile->expand_tabs,
		.asks_cursor = t->profile->asks_cursor,
		.send = send_text,
		.signal = on_signal,
		.flushed = on_flushed,
		.user = t,
	};

	t->terminal = hin_terminal_new(&settings);
	return t->terminal != NULL;
}

bool telnet_terminal(struct telnet *t)
{
	return t->terminal != NULL || open_terminal(t);
}

static void close_telnet(void *self)
{
	struct telnet *t = self;

	if (t == NULL)
		return;
	hin_terminal_free(t->terminal);
	hin_session_shell_end(t->session, t->shell);
	telnet_bsd_free(t->bsd);
	free(t->plain);
	free(t->name);
	free(t->type);
	hin_buffer_fini(&t->sub);
	hin_buffer_fini(&t->line);
	free(t);
}

static bool begin(struct telnet *t)
{
	switch (t->profile->engine) {
	case HIN_TELNET_BSD:
		return telnet_bsd_open(t);
	case HIN_TELNET_PLAIN:
		if (!telnet_plain_open(t))
			return false;
		break;
	default:
		break;
	}
	telnet_raw(t, t->profile->opening_bytes, t->profile->opening_size);
	telnet_login_start(t);
	return t->stage != STAGE_OVER;
}

static void *open_telnet(struct hin_session *session)
{
	struct telnet *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->session = session;
	t->profile = hin_persona_telnet(hin_session_host(session)->persona);
	t->deadline_us = HIN_SERVICE_NEVER;
	t->wake_us = HIN_SERVICE_NEVER;
	if (t->profile == NULL || !begin(t)) {
		close_telnet(t);
		return NULL;
	}
	return t;
}

static void receive(void *self, const uint8_t *data, size_t size)
{
	struct telnet *t = self;

	if (t->stage == STAGE_OVER)
		return;
	if (t->stage == STAGE_SHELL || t->stage == STAGE_MENU)
		t->deadline_us = t->profile->idle_ns > 0
					 ? telnet_now_us(t) + t->profile->idle_ns / 1000
					 : HIN_SERVICE_NEVER;
	hin_session_record(t->session, channel_of(t), HIN_FROM_CLIENT, data, size);
	switch (t->profile->engine) {
	case HIN_TELNET_BSD:
		telnet_bsd_receive(t, data, size);
		break;
	case HIN_TELNET_PLAIN:
		telnet_plain_receive(t, data, size);
		break;
	default:
		telnet_busybox_receive(t, data, size);
	}
}

static void end(void *self)
{
	telnet_over(self, HIN_CLOSE_CLIENT);
}

static void time_out(struct telnet *t)
{
	if (t->stage != STAGE_SHELL && t->stage != STAGE_MENU)
		telnet_text(t, t->profile->timeout_text, NULL);
	telnet_over(t, HIN_CLOSE_TIMEOUT);
}

static int64_t run(void *self, int64_t now_us)
{
	struct telnet *t = self;
	int64_t next_us = HIN_SERVICE_NEVER;

	if (t->stage == STAGE_OVER)
		return HIN_SERVICE_NEVER;
	if (now_us >= t->deadline_us) {
		time_out(t);
		return HIN_SERVICE_NEVER;
	}
	if (t->stage >= STAGE_STARTS && t->stage <= STAGE_WAITS)
		telnet_login_run(t, now_us);
	if (t->stage == STAGE_SHELL)
		telnet_shell_run(t, now_us, &next_us);
	if (t->stage == STAGE_OVER)
		return HIN_SERVICE_NEVER;
	if (t->wake_us < next_us)
		next_us = t->wake_us;
	return t->deadline_us < next_us ? t->deadline_us : next_us;
}

const struct hin_service_type hin_service_telnet = {
	.name = "telnet",
	.service = REGISTERED,
	.open = open_telnet,
	.receive = receive,
	.end = end,
	.run = run,
	.close = close_telnet,
};
