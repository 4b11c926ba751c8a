/* recording_session - one session, item by item; see recording_reader.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoy/record/cast.h"
#include "decoy/record/recording_reader_priv.h"
#include "decoy/record/ttylog.h"

static void take_entry(struct hin_recording *recording, const struct recording_seal *seal)
{
	const struct hin_recording_about *about = &seal->entry.about;

	recording->entry = seal->entry;
	snprintf(recording->host, sizeof(recording->host), "%s", about->host);
	snprintf(recording->persona, sizeof(recording->persona), "%s", about->persona);
	recording->entry.about.host = recording->host;
	recording->entry.about.persona = recording->persona;
}

enum hin_code recording_open_in(struct hin_recording **out, struct recording_segment *segment,
				const struct recording_seal *seal, bool running,
				struct hin_error *err)
{
	struct hin_recording *recording = calloc(1, sizeof(*recording));
	enum hin_code code;

	if (recording == NULL)
		return hin_fail(err, HIN_ENOMEM, "recording");
	recording->segment = segment;
	recording->running = running;
	recording->count = seal->entry.chunks;
	take_entry(recording, seal);
	code = recording_segment_decoder(segment, seal->slot, &recording->decoder, err);
	if (code == HIN_OK)
		code = recording_segment_chunks(segment, seal->slot, seal->last, seal->entry.chunks,
						&recording->chunks, err);
	if (code == HIN_OK)
		*out = recording;
	else
		hin_recording_close(recording);
	return code;
}

enum hin_code hin_recording_open(struct hin_recording **out, struct hin_recordings *r,
				 uint64_t number, struct hin_error *err)
{
	uint32_t slot = (uint32_t)(number & (RECORDING_SLOTS - 1));
	char text[HIN_RECORDING_NUMBER_TEXT];
	struct recording_segment *s = NULL;
	const struct recording_seen *seen;
	struct recording_seal seal;
	bool running = false;
	enum hin_code code;

	code = hin_fail(err, HIN_ENOENT, "there is no session %s in %s",
			hin_recording_number_format(text, number), r->folder);
	for (size_t k = 0; k < r->names.count; k++) {
		if (r->names.items[k].number == number >> 24)
			code = recording_segment_open(&s, r->names.items[k].path,
						      recordings_master(r), err);
	}
	if (code == HIN_OK)
		code = recording_segment_refresh(s, true, err);
	if (code == HIN_OK && !recording_segment_find(s, slot, &seal)) {
		seen = recording_segment_seen(s, slot);
		if (seen == NULL)
			code = hin_fail(err, HIN_ENOENT, "there is no session %s in %s", text,
					r->folder);
		else
			code = recording_segment_summary(s, seen, &seal, err);
		running = true;
		recording_mark_running(s, &seal.entry);
	}
	if (code == HIN_OK)
		code = recording_open_in(out, s, &seal, running, err);
	if (code == HIN_OK)
		(*out)->owned = true;
	else
		recording_segment_close(s);
	return code;
}

void hin_recording_close(struct hin_recording *recording)
{
	if (recording == NULL)
		return;
	recording_decoder_fini(&recording->decoder);
	hin_buffer_fini(&recording->bytes);
	free(recording->chunks);
	if (recording->owned)
		recording_segment_close(recording->segment);
	free(recording);
}

const struct hin_recording_entry *hin_recording_entry(const struct hin_recording *recording)
{
	return &recording->entry;
}

/* Look whether a session that runs has said more. HIN_EAGAIN, HIN_EOF: it has ended without. */
static enum hin_code look_for_more(struct hin_recording *recording, struct hin_error *err)
{
	struct recording_segment *s = recording->segment;
	uint32_t slot = recording->decoder.slot;
	const struct recording_seen *seen;
	struct recording_seal seal;
	uint64_t *chunks;
	enum hin_code code;

	if (!recording->running || recording->decoder.ended)
		return HIN_EOF;
	code = recording_segment_refresh(s, true, err);
	if (code != HIN_OK)
		return code;
	seen = recording_segment_seen(s, slot);
	if (seen == NULL || seen->chunks <= recording->count)
		return recording_segment_find(s, slot, &seal) ? HIN_EOF : HIN_EAGAIN;
	code = recording_segment_chunks(s, slot, seen->last, seen->chunks, &chunks, err);
	if (code != HIN_OK)
		return code;
	free(recording->chunks);
	recording->chunks = chunks;
	recording->count = seen->chunks;
	return HIN_OK;
}

enum hin_code hin_recording_next(struct hin_recording *recording, struct hin_recording_item *item,
				 struct hin_error *err)
{
	char text[HIN_RECORDING_NUMBER_TEXT];
	struct recording_record record;
	enum hin_code code;

	for (;;) {
		code = recording_decoder_next(&recording->decoder, item);
		if (code == HIN_OK)
			return HIN_OK;
		if (code == HIN_EOF && recording->next == recording->count) {
			code = look_for_more(recording, err);
			if (code != HIN_OK)
				return code;
		} else if (code != HIN_EOF) {
			break;
		}
		code = recording_segment_record(recording->segment, &recording->bytes,
						recording->chunks[recording->next], &record, err);
		if (code != HIN_OK)
			return code;
		code = recording_decoder_chunk(&recording->decoder, &record);
		if (code != HIN_OK)
			break;
		recording->next++;
	}
	return hin_fail(err, code, "chunk %llu of session %s cannot be read",
			(unsigned long long)recording->next,
			hin_recording_number_format(text, recording->entry.number));
}

/* ---- other formats ---- */

/* What a cast or ttylog needs to know before: which channel, how wide, of which terminal. */
struct terminal {
	uint32_t channel;
	bool has_shell, has_bytes;
	unsigned columns, rows;
	char term[64];
};

static void take_terminal(struct terminal *t, const struct hin_event *e)
{
	size_t size = e->a_size < sizeof(t->term) - 1 ? e->a_size : sizeof(t->term) - 1;

	t->columns = (unsigned)(e->number >> 16 & 0xffff);
	t->rows = (unsigned)(e->number & 0xffff);
	memcpy(t->term, e->a, size);
	t->term[size] = '\0';
}

/*
 * The channel that is meant by 0: the first with a shell, else the first that has bytes; channel 0
 * itself only when there is nothing else.
 */
static enum hin_code find_terminal(struct hin_recording *recording, uint32_t channel,
				   struct terminal *out, struct hin_error *err)
{
	struct hin_recording *again = NULL;
	struct recording_seal seal = { .slot = recording->decoder.slot, .entry = recording->entry };
	struct terminal before = { 0 };
	struct hin_recording_item item;
	enum hin_code code;

	*out = (struct terminal){ .channel = channel };
	seal.entry.chunks = (uint32_t)recording->count;
	seal.last = recording->chunks[recording->count - 1];
	code = recording_open_in(&again, recording->segment, &seal, false, err);
	while (code == HIN_OK && (code = hin_recording_next(again, &item, err)) == HIN_OK) {
		const struct hin_event *e = &item.event;
		bool of_it = channel == 0 || item.channel == channel;

		if (item.kind == HIN_RECORDING_EVENT && e->type == HIN_EVENT_CHANNEL &&
		    e->number == HIN_CHANNEL_SHELL && channel == 0 && !out->has_shell) {
			out->channel = item.channel;
			out->has_shell = true;
		} else if (item.kind == HIN_RECORDING_EVENT && e->type == HIN_EVENT_TERMINAL &&
			   of_it && before.columns == 0) {
			take_terminal(&before, e);
		} else if (item.kind == HIN_RECORDING_BYTES && item.channel != 0 && channel == 0 &&
			   !out->has_shell && !out->has_bytes) {
			out->channel = item.channel;
			out->has_bytes = true;
		}
	}
	hin_recording_close(again);
	out->columns = before.columns > 0 ? before.columns : 80;
	out->rows = before.rows > 0 ? before.rows : 24;
	memcpy(out->term, before.term, sizeof(out->term));
	return code == HIN_EOF || code == HIN_EFORMAT || code == HIN_ETRUNCATED ? HIN_OK : code;
}

enum hin_code recording_channel(struct hin_recording *recording, uint32_t *channel,
				struct hin_error *err)
{
	struct terminal terminal;
	enum hin_code code = find_terminal(recording, *channel, &terminal, err);

	if (code == HIN_OK)
		*channel = terminal.channel;
	return code;
}

static void cast_item(struct hin_cast_writer *cast, const struct hin_recording_item *item,
		      uint32_t channel, bool input)
{
	const struct hin_event *e = &item->event;

	if (item->channel != channel)
		return;
	if (item->kind == HIN_RECORDING_BYTES && item->direction == HIN_TO_CLIENT)
		hin_cast_output(cast, item->time_us, item->data, item->size);
	else if (item->kind == HIN_RECORDING_BYTES && input)
		hin_cast_input(cast, item->time_us, item->data, item->size);
	else if (item->kind == HIN_RECORDING_EVENT && e->type == HIN_EVENT_TERMINAL)
		hin_cast_resize(cast, item->time_us, (unsigned)(e->number >> 16 & 0xffff),
				(unsigned)(e->number & 0xffff));
	else if (item->kind == HIN_RECORDING_GAP)
		hin_cast_mark(cast, item->time_us, "bytes are missing here");
}

enum hin_code hin_recording_cast(struct hin_recording *recording, uint32_t channel, bool input,
				 int64_t idle_limit_us, struct hin_buffer *out,
				 struct hin_error *err)
{
	char number[HIN_RECORDING_NUMBER_TEXT], title[HIN_RECORDING_NUMBER_TEXT + 300];
	struct hin_recording_item item;
	struct hin_cast_writer cast;
	struct terminal terminal;
	enum hin_code code = find_terminal(recording, channel, &terminal, err);

	if (code != HIN_OK)
		return code;
	snprintf(title, sizeof(title), "%s %s", recording->host,
		 hin_recording_number_format(number, recording->entry.number));
	hin_cast_begin(
		&cast, out,
		&(struct hin_cast_head){ .width = terminal.columns,
					 .height = terminal.rows,
					 .time_s = recording->entry.about.time_us / 1000000,
					 .term = terminal.term[0] != '\0' ? terminal.term : NULL,
					 .title = title },
		recording->entry.about.time_us, idle_limit_us);
	while ((code = hin_recording_next(recording, &item, err)) == HIN_OK)
		cast_item(&cast, &item, terminal.channel, input);
	hin_cast_end(&cast, cast.last_us);
	if (code != HIN_EOF && code != HIN_EAGAIN)
		return code;
	return out->failed ? hin_fail(err, HIN_ENOMEM, "cast of a session") : HIN_OK;
}

enum hin_code hin_recording_ttylog(struct hin_recording *recording, uint32_t channel,
				   struct hin_buffer *out, struct hin_error *err)
{
	struct hin_ttylog_record record = { .op = HIN_TTYLOG_OPEN };
	struct hin_recording_item item;
	struct terminal terminal;
	enum hin_code code = find_terminal(recording, channel, &terminal, err);

	if (code != HIN_OK)
		return code;
	record.time_us = recording->entry.about.time_us;
	hin_ttylog_write(out, &record);
	record.op = HIN_TTYLOG_WRITE;
	while ((code = hin_recording_next(recording, &item, err)) == HIN_OK) {
		record.time_us = item.time_us;
		if (item.kind != HIN_RECORDING_BYTES || item.channel != terminal.channel)
			continue;
		record.direction =
			item.direction == HIN_FROM_CLIENT ? HIN_TTYLOG_INPUT : HIN_TTYLOG_OUTPUT;
		record.data = item.data;
		record.size = item.size;
		hin_ttylog_write(out, &record);
	}
	record = (struct hin_ttylog_record){ .op = HIN_TTYLOG_CLOSE, .time_us = record.time_us };
	hin_ttylog_write(out, &record);
	if (code != HIN_EOF && code != HIN_EAGAIN)
		return code;
	return out->failed ? hin_fail(err, HIN_ENOMEM, "ttylog of a session") : HIN_OK;
}
