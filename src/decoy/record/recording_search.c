/* recording_search - text in what was typed and seen; see recording_reader.h */
#include <stdlib.h>
#include <string.h>

#include "decoy/record/recording_reader_priv.h"

#define STREAMS 32	    /* of a session: its channels, both ways; more begin anew */
#define BEFORE ((size_t)20) /* bytes shown before a match */
#define AROUND ((size_t)80)

struct stream { /* the end of what one channel said one way */
	uint32_t channel;
	enum hin_direction direction;
	uint8_t tail[HIN_RECORDING_NEEDLE + BEFORE];
	size_t used;
	size_t from; /* where in it a match may begin that was not found yet */
};

struct search {
	const uint8_t *needle; /* in small letters */
	size_t size;
	unsigned where;
	hin_recording_hit_fn fn;
	void *into;
	struct stream *streams;
	size_t count, oldest;
	struct hin_buffer text;
	enum hin_code code;
};

static uint8_t small(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool matches(const struct search *s, const uint8_t *at)
{
	for (size_t k = 0; k < s->size; k++) {
		if (small(at[k]) != s->needle[k])
			return false;
	}
	return true;
}

static struct stream *stream_of(struct search *s, const struct hin_recording_item *item)
{
	struct stream *stream;

	for (size_t k = 0; k < s->count; k++) {
		stream = &s->streams[k];
		if (stream->channel == item->channel && stream->direction == item->direction)
			return stream;
	}
	stream = s->count < STREAMS ? &s->streams[s->count++] : &s->streams[s->oldest++ % STREAMS];
	*stream = (struct stream){ .channel = item->channel, .direction = item->direction };
	return stream;
}

/* Keep the end of `text` for a match, and what is shown before it. */
static void keep_tail(struct stream *stream, const struct hin_buffer *text, size_t most,
		      size_t from)
{
	size_t size = text->used < most ? text->used : most;

	memcpy(stream->tail, text->data + text->used - size, size);
	stream->used = size;
	stream->from = from - (text->used - size);
}

/* Search what a stream said now, with the end of what it said before. */
static bool search_item(struct search *s, const struct hin_recording_entry *entry,
			const struct hin_recording_item *item)
{
	struct stream *stream = stream_of(s, item);
	size_t k = stream->from;
	const uint8_t *bytes;

	if (item->size == 0)
		return true;
	hin_buffer_reset(&s->text);
	hin_buffer_add(&s->text, stream->tail, stream->used);
	hin_buffer_add(&s->text, item->data, item->size);
	if (s->text.failed) {
		s->code = HIN_ENOMEM;
		return false;
	}
	bytes = (const uint8_t *)s->text.data;
	while (k + s->size <= s->text.used) {
		size_t from = k > BEFORE ? k - BEFORE : 0, left = s->text.used - from;
		struct hin_recording_hit hit = { .time_us = item->time_us,
						 .channel = item->channel,
						 .typed = item->direction == HIN_FROM_CLIENT,
						 .text = bytes + from,
						 .size = left < AROUND ? left : AROUND,
						 .at = k - from };

		if (!matches(s, bytes + k)) {
			k++;
			continue;
		}
		if (hit.size < hit.at + s->size)
			hit.size = hit.at + s->size;
		if (!s->fn(s->into, entry, &hit))
			return false;
		k += s->size;
	}
	keep_tail(stream, &s->text, s->size - 1 + BEFORE, k);
	return true;
}

/* A command that came with its channel was typed, too. */
static void take_command(struct hin_recording_item *item)
{
	if (item->kind != HIN_RECORDING_EVENT || item->event.type != HIN_EVENT_CHANNEL ||
	    item->event.number != HIN_CHANNEL_COMMAND)
		return;
	item->kind = HIN_RECORDING_BYTES;
	item->direction = HIN_FROM_CLIENT;
	item->data = item->event.a;
	item->size = item->event.a_size;
}

static bool search_session(void *user, struct recording_segment *segment,
			   const struct recording_seal *seal, bool running)
{
	struct search *s = user;
	struct hin_recording *recording = NULL;
	struct hin_recording_item item;
	bool go_on = true;

	s->count = s->oldest = 0;
	if (recording_open_in(&recording, segment, seal, running, NULL) != HIN_OK)
		return true; /* erased, or damaged */
	while (go_on && hin_recording_next(recording, &item, NULL) == HIN_OK) {
		unsigned where;

		take_command(&item);
		where = item.direction == HIN_FROM_CLIENT ? HIN_RECORDING_TYPED
							  : HIN_RECORDING_SEEN;
		if (item.kind == HIN_RECORDING_BYTES && (s->where & where))
			go_on = search_item(s, &recording->entry, &item);
	}
	hin_recording_close(recording);
	return go_on;
}

enum hin_code hin_recordings_search(struct hin_recordings *r,
				    const struct hin_recording_filter *filter, unsigned where,
				    const void *needle, size_t size, hin_recording_hit_fn fn,
				    void *into, struct hin_error *err)
{
	uint8_t letters[HIN_RECORDING_NEEDLE];
	struct search search = {
		.needle = letters, .size = size, .where = where, .fn = fn, .into = into
	};
	enum hin_code code;

	if (size == 0 || size > sizeof(letters))
		return hin_fail(err, HIN_ELIMIT, "a text to search for has 1 to %zu bytes",
				sizeof(letters));
	for (size_t k = 0; k < size; k++)
		letters[k] = small(((const uint8_t *)needle)[k]);
	search.streams = calloc(STREAMS, sizeof(*search.streams));
	if (search.streams == NULL)
		return hin_fail(err, HIN_ENOMEM, "search");
	code = recordings_each(r, filter, search_session, &search, err);
	if (code == HIN_OK && search.code != HIN_OK)
		code = hin_fail(err, search.code, "search");
	hin_buffer_fini(&search.text);
	free(search.streams);
	return code;
}
