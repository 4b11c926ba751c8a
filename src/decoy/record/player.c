/* player - a session on a terminal, as it happened; see player.h */
#include "decoy/record/player.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "decoy/record/recording_reader_priv.h"
#include "observe/registry_numbers.h"

#define POLL_US 100000 /* how often a session that runs is looked at */

struct playing {
	const struct hin_player_settings *settings;
	struct hin_recording *recording;
	struct hin_player_filter filter;
	struct hin_buffer out;
	uint32_t channel;
	uint64_t items;	  /* shown so far */
	uint64_t at_once; /* items that come without waiting */
	int64_t last_us;
	bool after_return; /* what was typed ended in CR */
};

/* ---- events as lines ---- */

static void put_pair(struct hin_buffer *out, const struct hin_event *e)
{
	hin_buffer_putc(out, ' ');
	hin_escape_quoted(out, e->a, e->a_size);
	hin_buffer_putc(out, ' ');
	hin_escape_quoted(out, e->b, e->b_size);
}

static void put_text(struct hin_buffer *out, const struct hin_event *e)
{
	hin_buffer_putc(out, ' ');
	hin_escape(out, e->a, e->a_size);
}

static void put_credential(struct hin_buffer *out, const struct hin_event *e)
{
	hin_buffer_puts(out,
			e->verdict == HIN_VERDICT_SUCCESS ? "log-in accepted:" : "log-in refused:");
	if (e->number == HIN_CREDENTIAL_PUBLIC_KEY) {
		hin_buffer_putc(out, ' ');
		hin_escape_quoted(out, e->a, e->a_size);
		hin_buffer_printf(out, " public key of %zu bytes", e->b_size);
	} else {
		put_pair(out, e);
	}
}

static void put_channel(struct hin_buffer *out, const struct hin_event *e)
{
	static const char *const kinds[] = {
		[HIN_CHANNEL_SHELL] = "shell",	   [HIN_CHANNEL_COMMAND] = "command",
		[HIN_CHANNEL_SFTP] = "SFTP",	   [HIN_CHANNEL_SCP] = "SCP",
		[HIN_CHANNEL_FORWARD] = "forward", [HIN_CHANNEL_RAW] = "bytes at a port",
	};
	const char *kind = e->number < HIN_COUNT(kinds) ? kinds[e->number] : NULL;

	hin_buffer_printf(out, "channel %u: %s", e->channel, kind != NULL ? kind : "other");
	if (e->a_size > 0)
		put_text(out, e);
}

static void put_digest(struct hin_buffer *out, const struct hin_event *e)
{
	const uint8_t *bytes = e->b;

	for (size_t k = 0; k < e->b_size && k < 32; k++)
		hin_buffer_printf(out, "%02x", bytes[k]);
}

static const char *close_name(uint64_t why)
{
	static const char *const names[] = {
		[HIN_CLOSE_CLIENT] = "the client went",
		[HIN_CLOSE_SERVICE] = "the service ended it",
		[HIN_CLOSE_TIMEOUT] = "timeout",
		[HIN_CLOSE_LIMIT] = "a limit of ours",
		[HIN_CLOSE_ERROR] = "the client broke the protocol",
		[HIN_CLOSE_STOP] = "stopped",
	};

	return why > 0 && why < HIN_COUNT(names) ? names[why] : "closed";
}

static void put_address(struct hin_buffer *out, const char *word, const struct hin_event *e)
{
	hin_buffer_puts(out, word);
	put_text(out, e);
	hin_buffer_printf(out, " port %" PRIu64, e->number);
}

void hin_player_event(struct hin_buffer *out, const struct hin_event *e)
{
	switch (e->type) {
	case HIN_EVENT_OPEN:
		hin_buffer_puts(out, "connected");
		break;
	case HIN_EVENT_CLOSE:
		hin_buffer_puts(out, close_name(e->number));
		break;
	case HIN_EVENT_CLIENT:
		hin_buffer_puts(out, "client");
		put_text(out, e);
		break;
	case HIN_EVENT_FINGERPRINT:
		hin_buffer_puts(out, "fingerprint ");
		put_digest(out, e);
		break;
	case HIN_EVENT_CREDENTIAL:
		put_credential(out, e);
		break;
	case HIN_EVENT_CHANNEL:
		put_channel(out, e);
		break;
	case HIN_EVENT_TERMINAL:
		hin_buffer_printf(out, "terminal %ux%u", (unsigned)(e->number >> 16 & 0xffff),
				  (unsigned)(e->number & 0xffff));
		put_text(out, e);
		break;
	case HIN_EVENT_CHANNEL_END:
		hin_buffer_printf(out, "channel %u ended, status %" PRIu64, e->channel, e->number);
		break;
	case HIN_EVENT_COMMAND:
		hin_buffer_puts(out, "command:");
		put_text(out, e);
		break;
	case HIN_EVENT_DOWNLOAD:
		hin_buffer_puts(out, "would download");
		put_pair(out, e);
		break;
	case HIN_EVENT_CONNECT:
		put_address(out, "would connect to", e);
		break;
	case HIN_EVENT_FILE:
		hin_buffer_puts(out, "file");
		put_text(out, e);
		hin_buffer_printf(out, ", %" PRIu64 " bytes, ", e->number);
		put_digest(out, e);
		break;
	case HIN_EVENT_FORWARD:
		put_address(out, "would forward to", e);
		break;
	case HIN_EVENT_HONEYTOKEN:
		hin_buffer_puts(out, "honeytoken used:");
		put_text(out, e);
		break;
	case HIN_EVENT_NOTE:
		hin_buffer_puts(out, "note:");
		put_text(out, e);
		break;
	default:
		hin_buffer_printf(out, "event %u", e->type);
		break;
	}
}

/* ---- what is shown ---- */

static bool flush(struct playing *p)
{
	bool go_on =
		p->out.used == 0 || p->settings->write(p->settings->user, p->out.data, p->out.used);

	hin_buffer_reset(&p->out);
	return go_on;
}

/* A line of ours, in the middle of what a session shows. */
static void put_line(struct playing *p, const struct hin_recording_item *item)
{
	int64_t since_us = item->time_us - p->recording->entry.about.time_us;

	hin_buffer_printf(&p->out, "\r\n\033[7m%" PRId64 ".%03" PRId64 " s ", since_us / 1000000,
			  since_us / 1000 % 1000);
	if (item->kind == HIN_RECORDING_GAP)
		hin_buffer_printf(&p->out, "%zu bytes were not kept", item->size);
	else
		hin_player_event(&p->out, &item->event);
	hin_buffer_puts(&p->out, "\033[m\r\n");
}

/* What was typed: ends of lines are shown as such. */
static void put_typed(struct playing *p, const struct hin_recording_item *item)
{
	for (size_t k = 0; k < item->size; k++) {
		uint8_t byte = item->data[k];

		if (p->after_return || byte == '\n') /* CR LF, CR alone and LF alone end a line */
			hin_buffer_puts(&p->out, p->after_return ? "\n" : "\r\n");
		if (byte == '\r')
			hin_buffer_putc(&p->out, '\r');
		if (byte != '\r' && byte != '\n')
			hin_player_filter(&p->filter, &p->out, &byte, 1);
		p->after_return = byte == '\r';
	}
}

static bool is_shown(const struct playing *p, const struct hin_recording_item *item)
{
	enum hin_direction shown = p->settings->typed ? HIN_FROM_CLIENT : HIN_TO_CLIENT;

	if (item->kind == HIN_RECORDING_BYTES)
		return item->channel == p->channel && item->direction == shown;
	return item->kind == HIN_RECORDING_GAP || p->settings->events;
}

/* Wait as long as the session did. False: the caller has enough. */
static bool wait_for(struct playing *p, const struct hin_recording_item *item)
{
	const struct hin_player_settings *s = p->settings;
	int64_t since_us = item->time_us - p->recording->entry.about.time_us;
	int64_t wait_us = item->time_us - p->last_us;

	p->last_us = item->time_us;
	if (p->items <= p->at_once || since_us < s->from_us || s->speed <= 0 || wait_us <= 0)
		return true;
	if (s->idle_limit_us > 0 && wait_us > s->idle_limit_us)
		wait_us = s->idle_limit_us;
	wait_us = (int64_t)((double)wait_us / s->speed);
	if (wait_us <= 0)
		return true;
	return flush(p) && s->sleep(s->user, wait_us);
}

static bool show(struct playing *p, const struct hin_recording_item *item)
{
	if (!is_shown(p, item))
		return true;
	p->items++;
	if (!wait_for(p, item))
		return false;
	if (item->kind != HIN_RECORDING_BYTES)
		put_line(p, item);
	else if (p->settings->raw)
		hin_buffer_add(&p->out, item->data, item->size);
	else if (p->settings->typed)
		put_typed(p, item);
	else
		hin_player_filter(&p->filter, &p->out, item->data, item->size);
	return p->out.used < 65536 || flush(p);
}

/* ---- where to begin ---- */

/* How many items are shown until `text` was said; HIN_ENOENT when it was not. */
static enum hin_code find_text(struct playing *p, struct hin_recordings *recordings,
			       uint64_t number, const char *text, struct hin_error *err)
{
	struct hin_buffer said[2] = { { 0 } };
	struct hin_recording *recording = NULL;
	struct hin_recording_item item;
	size_t size = strlen(text);
	bool found = size == 0;
	enum hin_code code = hin_recording_open(&recording, recordings, number, err);

	while (code == HIN_OK && !found &&
	       (code = hin_recording_next(recording, &item, err)) == HIN_OK) {
		struct hin_buffer *one = &said[item.direction == HIN_FROM_CLIENT];
		size_t before = one->used;

		p->at_once += is_shown(p, &item);
		if (item.kind != HIN_RECORDING_BYTES || item.channel != p->channel)
			continue;
		hin_buffer_add(one, item.data, item.size);
		if (one->failed) {
			code = hin_fail(err, HIN_ENOMEM, "search in a session");
			break;
		}
		before = before >= size ? before - size + 1 : 0;
		found = memmem(one->data + before, one->used - before, text, size) != NULL;
	}
	hin_recording_close(recording);
	hin_buffer_fini(&said[0]);
	hin_buffer_fini(&said[1]);
	if (found)
		return HIN_OK;
	return code == HIN_EOF || code == HIN_EAGAIN
		       ? hin_fail(err, HIN_ENOENT, "the session does not have this text")
		       : code;
}

enum hin_code hin_player_play(struct hin_recordings *recordings, uint64_t number,
			      const struct hin_player_settings *settings, struct hin_error *err)
{
	struct playing p = { .settings = settings, .channel = settings->channel };
	struct hin_recording_item item;
	bool go_on = true;
	enum hin_code code = hin_recording_open(&p.recording, recordings, number, err);

	if (code != HIN_OK)
		return code;
	p.last_us = p.recording->entry.about.time_us;
	code = recording_channel(p.recording, &p.channel, err);
	if (code == HIN_OK && settings->until_text != NULL)
		code = find_text(&p, recordings, number, settings->until_text, err);
	while (code == HIN_OK && go_on) {
		code = hin_recording_next(p.recording, &item, err);
		if (code == HIN_OK) {
			go_on = show(&p, &item);
		} else if (code == HIN_EAGAIN && settings->follow) {
			go_on = flush(&p) && settings->sleep(settings->user, POLL_US);
			code = HIN_OK;
		}
	}
	if (code == HIN_EOF || code == HIN_EAGAIN)
		code = HIN_OK;
	if (!settings->raw && p.items > 0)
		hin_player_restore(&p.out);
	if (p.out.failed && code == HIN_OK)
		code = hin_fail(err, HIN_ENOMEM, "playing a session");
	(void)flush(&p);
	hin_recording_close(p.recording);
	hin_buffer_fini(&p.out);
	return code;
}
