/* recording_item - what a session's chunks hold, read and counted; see recording_priv.h */
#include <stdlib.h>
#include <string.h>

#include "decoy/record/recording_priv.h"
#include "observe/registry_numbers.h"

#define ITEM_TEXT ((size_t)1 << 20) /* most bytes of a text that is put together of pieces */

void recording_decoder_fini(struct recording_decoder *decoder)
{
	hin_buffer_fini(&decoder->plain);
	hin_buffer_fini(&decoder->a);
	hin_buffer_fini(&decoder->b);
	explicit_bzero(&decoder->secret, sizeof(decoder->secret));
}

enum hin_code recording_decoder_chunk(struct recording_decoder *d,
				      const struct recording_record *record)
{
	char *plain;

	if (record->type != RECORDING_CHUNK || record->slot != d->slot || record->seq != d->seq ||
	    d->ended)
		return HIN_EFORMAT;
	hin_buffer_reset(&d->plain);
	plain = hin_buffer_reserve(&d->plain, record->size);
	if (plain == NULL)
		return HIN_ENOMEM;
	recording_cipher((uint8_t *)plain, record->body, record->size, &d->secret, record->seq);
	hin_buffer_commit(&d->plain, record->size);
	d->in = hin_reader_of(d->plain.data, d->plain.used);
	if (d->seq == 0) {
		if (!recording_about_get(&d->in, &d->about, &d->secret, &d->host, &d->persona,
					 d->made_us))
			return HIN_EFORMAT;
		d->last_us = d->about.time_us;
	}
	d->seq++;
	return HIN_OK;
}

static enum hin_code get_reference(struct recording_decoder *d, size_t size,
				   struct hin_buffer *into)
{
	uint64_t ordinal = recording_get(&d->in), offset = recording_get(&d->in);
	const uint8_t *text;
	size_t text_size;
	enum hin_code code;

	if (d->in.failed)
		return HIN_EFORMAT;
	if (d->refer != NULL) { /* only what is referred to is of interest */
		d->refer(d->user, ordinal);
		return HIN_OK;
	}
	code = d->fetch(d->user, ordinal, &text, &text_size);
	if (code != HIN_OK)
		return code;
	if (offset > text_size || size > text_size - offset)
		return HIN_EFORMAT;
	hin_buffer_add(into, text + offset, size);
	return into->failed ? HIN_ENOMEM : HIN_OK;
}

/* Put a text together of its pieces. */
static enum hin_code get_pieces(struct recording_decoder *d, struct hin_buffer *into)
{
	uint64_t piece;
	enum hin_code code;

	hin_buffer_reset(into);
	do {
		uint64_t size;

		piece = recording_get(&d->in);
		size = piece >> 2;
		if (d->in.failed || size > ITEM_TEXT || into->used + size > ITEM_TEXT)
			return HIN_EFORMAT;
		if (piece & 1) {
			code = get_reference(d, size, into);
			if (code != HIN_OK)
				return code;
			continue;
		}
		const uint8_t *bytes = hin_read_bytes(&d->in, size);

		if (bytes == NULL)
			return HIN_EFORMAT;
		hin_buffer_add(into, bytes, size);
		if (into->failed)
			return HIN_ENOMEM;
	} while (piece & 2);
	return HIN_OK;
}

static enum hin_code get_event(struct recording_decoder *d, struct hin_recording_item *item)
{
	struct hin_event *event = &item->event;
	uint64_t head = recording_get(&d->in);
	enum hin_code code = HIN_OK;

	item->kind = HIN_RECORDING_EVENT;
	if (d->in.failed || head >> 4 > UINT16_MAX)
		return HIN_EFORMAT;
	*event = (struct hin_event){ .time_us = item->time_us,
				     .channel = item->channel,
				     .type = (uint16_t)(head >> 4) };
	if (head & ITEM_HAS_VERDICT)
		event->verdict = hin_read_u8(&d->in);
	if (head & ITEM_HAS_NUMBER)
		event->number = recording_get(&d->in);
	hin_buffer_reset(&d->a);
	hin_buffer_reset(&d->b);
	if (head & ITEM_HAS_A)
		code = get_pieces(d, &d->a);
	if (code == HIN_OK && (head & ITEM_HAS_B))
		code = get_pieces(d, &d->b);
	if (code != HIN_OK || d->in.failed)
		return code != HIN_OK ? code : HIN_EFORMAT;
	event->a = hin_buffer_text(&d->a);
	event->a_size = d->a.used;
	event->b = hin_buffer_text(&d->b);
	event->b_size = d->b.used;
	return HIN_OK;
}

static enum hin_code get_bytes(struct recording_decoder *d, struct hin_recording_item *item)
{
	enum hin_code code = get_pieces(d, &d->a);

	item->kind = HIN_RECORDING_BYTES;
	item->data = (const uint8_t *)hin_buffer_text(&d->a);
	item->size = d->a.used;
	return code;
}

enum hin_code recording_decoder_next(struct recording_decoder *d, struct hin_recording_item *item)
{
	uint64_t head, other;

	if (d->in.left == 0)
		return d->in.failed ? HIN_EFORMAT : HIN_EOF;
	if (d->ended)
		return HIN_EFORMAT;
	head = recording_get(&d->in);
	if (!(head & 4))
		d->channel = (uint32_t)recording_get(&d->in);
	if (d->in.failed || head >> 3 > (uint64_t)(INT64_MAX / 2 - d->last_us))
		return HIN_EFORMAT;
	d->last_us += (int64_t)(head >> 3);
	*item = (struct hin_recording_item){ .time_us = d->last_us, .channel = d->channel };
	switch (head & 3) {
	case ITEM_TO_CLIENT:
		item->direction = HIN_TO_CLIENT;
		return get_bytes(d, item);
	case ITEM_FROM_CLIENT:
		item->direction = HIN_FROM_CLIENT;
		return get_bytes(d, item);
	case ITEM_EVENT:
		return get_event(d, item);
	default:
		break;
	}
	other = recording_get(&d->in);
	if (d->in.failed)
		return HIN_EFORMAT;
	if (other & 1) {
		d->ended = true;
		d->why = (enum hin_close)(other >> 1 & 0xff);
		return recording_decoder_next(d, item); /* behind it nothing may be */
	}
	item->kind = HIN_RECORDING_GAP;
	item->size = other >> 1;
	return HIN_OK;
}

/* ---- what a list tells ---- */

struct marking {
	const struct recording_secret *secret;
	uint64_t mark;
};

static void mark_word(void *user, const char *word, size_t size)
{
	struct marking *m = user;

	m->mark |= recording_mark(m->secret, 'c', word, size);
}

static void count_event(struct recording_seal *seal, const struct recording_secret *secret,
			const struct hin_event *event)
{
	struct hin_recording_entry *e = &seal->entry;
	struct marking m = { .secret = secret };

	switch (event->type) {
	case HIN_EVENT_CREDENTIAL:
		e->credentials++;
		if (event->verdict == HIN_VERDICT_SUCCESS)
			e->flags |= HIN_RECORDING_LOGIN;
		m.mark = recording_mark(secret, 'u', event->a, event->a_size) |
			 recording_mark(secret, 'p', event->b, event->b_size);
		break;
	case HIN_EVENT_COMMAND:
		e->commands++;
		recording_words(event->a, event->a_size, mark_word, &m);
		break;
	case HIN_EVENT_CHANNEL:
		if (event->number == HIN_CHANNEL_COMMAND)
			recording_words(event->a, event->a_size, mark_word, &m);
		break;
	case HIN_EVENT_DOWNLOAD:
		e->downloads++;
		break;
	case HIN_EVENT_FILE:
		e->files++;
		break;
	case HIN_EVENT_FORWARD:
		e->forwards++;
		break;
	case HIN_EVENT_HONEYTOKEN:
		e->flags |= HIN_RECORDING_HONEYTOKEN;
		break;
	default:
		break;
	}
	seal->mark |= m.mark;
}

void recording_count(struct recording_seal *seal, const struct recording_secret *secret,
		     const struct hin_recording_item *item)
{
	struct hin_recording_entry *e = &seal->entry;

	if (item->time_us > e->end_us)
		e->end_us = item->time_us;
	switch (item->kind) {
	case HIN_RECORDING_BYTES:
		if (item->direction == HIN_FROM_CLIENT)
			e->from_client += item->size;
		else
			e->to_client += item->size;
		break;
	case HIN_RECORDING_GAP:
		e->missing += item->size;
		e->flags |= HIN_RECORDING_GAPS;
		break;
	case HIN_RECORDING_EVENT:
		count_event(seal, secret, &item->event);
		break;
	}
}
