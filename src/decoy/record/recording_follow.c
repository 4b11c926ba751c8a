/* recording_follow - sessions as they happen; see recording_reader.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoy/record/recording_reader_priv.h"

#define SLOTS 4096u /* a power of two */

struct followed { /* a session that goes on */
	struct followed *next;
	uint64_t number;
	struct recording_decoder decoder;
	struct hin_recording_entry entry;
};

struct followed_segment {
	struct followed_segment *next;
	struct recording_segment *segment;
	uint64_t at; /* frames before were given */
};

struct follower {
	uint64_t number; /* 0 = all */
	struct hin_recording *recording;
	struct followed_segment *segments;
	uint64_t newest; /* segment */
	struct followed *sessions[SLOTS];
	size_t count;
	struct hin_buffer frame;
};

static void free_followed(struct followed *one)
{
	if (one == NULL)
		return;
	recording_decoder_fini(&one->decoder);
	free(one);
}

void follower_free(struct follower *f)
{
	if (f == NULL)
		return;
	hin_recording_close(f->recording);
	while (f->segments != NULL) {
		struct followed_segment *segment = f->segments;

		f->segments = segment->next;
		recording_segment_close(segment->segment);
		free(segment);
	}
	for (size_t k = 0; k < SLOTS; k++) {
		while (f->sessions[k] != NULL) {
			struct followed *one = f->sessions[k];

			f->sessions[k] = one->next;
			free_followed(one);
		}
	}
	hin_buffer_fini(&f->frame);
	free(f);
}

/* ---- one session ---- */

static enum hin_code follow_one(struct hin_recordings *r, struct follower *f,
				hin_recording_item_fn fn, void *into, struct hin_error *err)
{
	struct hin_recording_item item;
	enum hin_code code = HIN_OK;

	if (f->recording == NULL)
		code = hin_recording_open(&f->recording, r, f->number, err);
	if (code != HIN_OK)
		return code;
	while ((code = hin_recording_next(f->recording, &item, err)) == HIN_OK) {
		if (!fn(into, &f->recording->entry, &item))
			return HIN_OK;
	}
	return code == HIN_EAGAIN ? HIN_OK : code;
}

/* ---- all sessions ---- */

/* Begin to follow the segments that are new. `first`: what they hold already is not given. */
static enum hin_code add_segments(struct hin_recordings *r, struct follower *f, bool first,
				  struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (size_t k = 0; code == HIN_OK && k < r->names.count; k++) {
		struct followed_segment *one;

		if (r->names.items[k].number <= f->newest)
			continue;
		one = calloc(1, sizeof(*one));
		if (one == NULL)
			return hin_fail(err, HIN_ENOMEM, "recordings in %s", r->folder);
		code = recording_segment_open(&one->segment, r->names.items[k].path,
					      recordings_master(r), err);
		if (code == HIN_OK && (!first || !one->segment->closed))
			code = recording_segment_refresh(one->segment, true, err);
		if (code != HIN_OK || (first && one->segment->closed)) {
			/* gone, or whole already; one whose head is being written comes again */
			bool later = code == HIN_EFORMAT && !first;

			recording_segment_close(one->segment);
			free(one);
			if (code == HIN_EFORMAT || code == HIN_ENOENT)
				code = HIN_OK;
			if (later)
				break;
			f->newest = r->names.items[k].number;
			continue;
		}
		one->at = first ? one->segment->scanned : RECORDING_HEAD;
		one->next = f->segments;
		f->segments = one;
		f->newest = r->names.items[k].number;
	}
	return code;
}

static struct followed *begin_session(struct follower *f, struct recording_segment *s,
				      uint32_t slot)
{
	uint64_t number = recording_number(s->number, slot);
	struct followed *one;

	if (f->count >= HIN_RECORDING_SESSIONS)
		return NULL;
	one = calloc(1, sizeof(*one));
	if (one == NULL)
		return NULL;
	one->number = number;
	if (recording_segment_decoder(s, slot, &one->decoder, NULL) != HIN_OK) {
		free_followed(one);
		return NULL;
	}
	one->next = f->sessions[number % SLOTS];
	f->sessions[number % SLOTS] = one;
	f->count++;
	return one;
}

static void end_session(struct follower *f, uint64_t number)
{
	struct followed **at = &f->sessions[number % SLOTS];

	for (; *at != NULL; at = &(*at)->next) {
		struct followed *one = *at;

		if (one->number != number)
			continue;
		*at = one->next;
		free_followed(one);
		f->count--;
		return;
	}
}

/* Give the items of one chunk. False: the caller has enough. */
static bool give_chunk(struct follower *f, struct recording_segment *s,
		       const struct recording_record *record, hin_recording_item_fn fn, void *into)
{
	uint64_t number = recording_number(s->number, record->slot);
	struct followed *one = f->sessions[number % SLOTS];
	struct hin_recording_item item;
	enum hin_code code;
	bool go_on = true;

	while (one != NULL && one->number != number)
		one = one->next;
	if (one == NULL && record->seq == 0)
		one = begin_session(f, s, record->slot);
	if (one == NULL) /* it began before we did */
		return true;
	code = recording_decoder_chunk(&one->decoder, record);
	if (code == HIN_OK && record->seq == 0) {
		one->entry = (struct hin_recording_entry){ .number = number,
							   .about = one->decoder.about,
							   .flags = HIN_RECORDING_RUNNING };
	}
	one->entry.about.host = recording_segment_name(s, one->decoder.host);
	one->entry.about.persona = recording_segment_name(s, one->decoder.persona);
	while (go_on && code == HIN_OK) {
		code = recording_decoder_next(&one->decoder, &item);
		one->entry.end_us = one->decoder.last_us;
		if (code == HIN_OK)
			go_on = fn(into, &one->entry, &item);
	}
	if (code == HIN_EFORMAT || one->decoder.ended)
		end_session(f, number);
	return go_on;
}

static enum hin_code follow_segment(struct follower *f, struct followed_segment *one,
				    hin_recording_item_fn fn, void *into, bool *go_on,
				    struct hin_error *err)
{
	struct recording_segment *s = one->segment;
	enum hin_code code = recording_segment_refresh(s, true, err);

	while (code == HIN_OK && *go_on && one->at < s->scanned) {
		struct recording_record record;
		struct hin_reader in;
		bool holds;

		code = recording_segment_frame(s, &f->frame, &one->at, &holds, err);
		in = hin_reader_of(f->frame.data, f->frame.used);
		while (code == HIN_OK && *go_on && recording_record_get(&in, &record) == HIN_OK) {
			if (record.type == RECORDING_CHUNK)
				*go_on = give_chunk(f, s, &record, fn, into);
		}
	}
	return code == HIN_EOF ? HIN_OK : code;
}

static enum hin_code follow_all(struct follower *f, hin_recording_item_fn fn, void *into,
				struct hin_error *err)
{
	struct followed_segment **at = &f->segments;
	enum hin_code code = HIN_OK;
	bool go_on = true;

	while (code == HIN_OK && go_on && *at != NULL) {
		struct followed_segment *one = *at;

		code = follow_segment(f, one, fn, into, &go_on, err);
		if (code == HIN_OK && one->segment->closed && one->at >= one->segment->rec_size) {
			*at = one->next;
			recording_segment_close(one->segment);
			free(one);
			continue;
		}
		at = &one->next;
	}
	return code;
}

enum hin_code hin_recordings_follow(struct hin_recordings *r, uint64_t number,
				    hin_recording_item_fn fn, void *into, struct hin_error *err)
{
	struct follower *f = r->follower;
	bool first = f == NULL || f->number != number;
	enum hin_code code;

	if (first) {
		follower_free(f);
		f = r->follower = calloc(1, sizeof(*f));
		if (f == NULL)
			return hin_fail(err, HIN_ENOMEM, "recordings in %s", r->folder);
		f->number = number;
	}
	code = hin_recordings_refresh(r, err);
	if (code != HIN_OK)
		return code;
	if (number != 0)
		return follow_one(r, f, fn, into, err);
	code = add_segments(r, f, first, err);
	return code == HIN_OK ? follow_all(f, fn, into, err) : code;
}
