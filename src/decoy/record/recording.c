/* recording - sessions as they are told; see recording.h */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "decoy/record/recording_writer_priv.h"

#define TAPE_SLOTS ((size_t)1024) /* at first; a power of two */
#define DAY_US INT64_C(86400000000)
#define EXPIRE_US INT64_C(60000000)
#define MANY 100u		    /* sessions at once, after which memory is given back */
#define APART_US (INT64_C(1) << 50) /* 35 years: times that are further apart are none */

/* ---- tapes by number ---- */

static size_t slot_of(const struct hin_recorder *r, uint64_t number)
{
	return (size_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (r->tape_slots - 1);
}

static struct tape *find_tape(const struct hin_recorder *r, uint64_t number)
{
	struct tape *tape = r->tapes[slot_of(r, number)];

	while (tape != NULL && tape->number != number)
		tape = tape->hash_next;
	return tape;
}

static void rehash(struct hin_recorder *r)
{
	size_t old_slots = r->tape_slots;
	struct tape **old = r->tapes;

	r->tapes = calloc(old_slots * 2, sizeof(struct tape *));
	if (r->tapes == NULL) { /* longer chains, then */
		r->tapes = old;
		return;
	}
	r->tape_slots *= 2;
	for (size_t k = 0; k < old_slots; k++) {
		struct tape *tape = old[k], *next;

		for (; tape != NULL; tape = next) {
			struct tape **at = &r->tapes[slot_of(r, tape->number)];

			next = tape->hash_next;
			tape->hash_next = *at;
			*at = tape;
		}
	}
	free(old);
}

static void unhash(struct hin_recorder *r, struct tape *tape)
{
	struct tape **at = &r->tapes[slot_of(r, tape->number)];

	while (*at != NULL && *at != tape)
		at = &(*at)->hash_next;
	if (*at != NULL)
		*at = tape->hash_next;
}

/* ---- sources ---- */

static void find_source(struct hin_recorder *r, const struct hin_addr *addr, int64_t now_us,
			uint16_t out[SOURCE_ROWS])
{
	uint8_t hash[crypto_shorthash_BYTES];
	struct hin_reader in = hin_reader_of(hash, sizeof(hash));

	if (now_us / DAY_US > r->sources->day) {
		memset(r->sources->bytes, 0, sizeof(r->sources->bytes));
		r->sources->day = now_us / DAY_US;
	}
	crypto_shorthash(hash, addr->b, sizeof(addr->b), r->sources->key);
	for (unsigned row = 0; row < SOURCE_ROWS; row++)
		out[row] = (uint16_t)(hin_read_le16(&in) % SOURCE_SLOTS);
}

/* What the source of a session has said today, by all its sessions. */
static uint64_t source_said(const struct hin_recorder *r, const struct tape *tape)
{
	uint64_t least = UINT64_MAX;

	for (unsigned row = 0; row < SOURCE_ROWS; row++) {
		uint64_t bytes = r->sources->bytes[row][tape->source[row]];

		least = bytes < least ? bytes : least;
	}
	return least;
}

static void source_says(struct hin_recorder *r, const struct tape *tape, size_t size)
{
	for (unsigned row = 0; row < SOURCE_ROWS; row++)
		r->sources->bytes[row][tape->source[row]] += size;
}

/* ---- items ---- */

/* Where a tape stands: what does not fit is taken back. */
struct place {
	size_t used;
	int64_t last_us;
	uint32_t channel;
};

static struct place begin_item(struct tape *tape, int64_t time_us, uint32_t channel, unsigned kind)
{
	struct place place = { tape->pending.used, tape->last_us, tape->channel };
	int64_t last_us = tape->seal.entry.about.time_us + APART_US, apart;

	if (time_us > last_us)
		time_us = last_us;
	apart = time_us > tape->last_us ? time_us - tape->last_us : 0;
	recording_put(&tape->pending,
		      (uint64_t)apart << 3 | (channel == tape->channel ? 4u : 0u) | kind);
	if (channel != tape->channel)
		recording_put(&tape->pending, channel);
	tape->last_us += apart;
	tape->channel = channel;
	return place;
}

static bool end_item(struct hin_recorder *r, struct tape *tape, struct place place)
{
	if (tape->pending.failed) {
		tape->pending.failed = false;
		tape->pending.used = place.used;
		tape->last_us = place.last_us;
		tape->channel = place.channel;
		return false;
	}
	r->waiting += tape->pending.used - place.used;
	writer_say(tape->writer, tape);
	return true;
}

static void lose(struct hin_recorder *r, struct tape *tape, size_t size, bool limit)
{
	tape->gap += size;
	if (limit)
		r->stats.limited_bytes += size;
	else
		r->stats.lost_bytes += size;
}

/* Put a gap into the recording, where it is. */
static void put_gap(struct hin_recorder *r, struct tape *tape, int64_t time_us, uint32_t channel)
{
	struct place place;

	if (tape->gap == 0)
		return;
	place = begin_item(tape, time_us, channel, ITEM_OTHER);
	recording_put(&tape->pending, tape->gap << 1);
	if (!end_item(r, tape, place))
		return;
	recording_count(&tape->seal, &tape->secret,
			&(struct hin_recording_item){ .kind = HIN_RECORDING_GAP,
						      .time_us = tape->last_us,
						      .size = tape->gap });
	tape->gap = 0;
}

/* May `size` more bytes be kept? What may not is counted. */
static bool may_say(struct hin_recorder *r, struct tape *tape, size_t size)
{
	r->stats.said_bytes += size;
	if (tape->said_bytes + size > r->settings.session_bytes ||
	    source_said(r, tape) + size > r->settings.source_bytes) {
		lose(r, tape, size, true);
		return false;
	}
	if (r->waiting + size > r->settings.memory_bytes) {
		lose(r, tape, size, false);
		return false;
	}
	tape->said_bytes += size;
	source_says(r, tape, size);
	return true;
}

static void put_pieces(struct hin_recorder *r, struct tape *tape, const void *data, size_t size,
		       bool ours)
{
	writer_pieces(tape->writer, r->master, &tape->pending, data, size, ours);
}

static void put_bytes(struct hin_recorder *r, struct tape *tape, struct hin_recording_item *item)
{
	bool ours = item->direction == HIN_TO_CLIENT;
	struct place place;

	if (!may_say(r, tape, item->size))
		return;
	put_gap(r, tape, item->time_us, item->channel);
	place = begin_item(tape, item->time_us, item->channel,
			   ours ? ITEM_TO_CLIENT : ITEM_FROM_CLIENT);
	put_pieces(r, tape, item->data, item->size, ours);
	item->time_us = tape->last_us;
	if (end_item(r, tape, place))
		recording_count(&tape->seal, &tape->secret, item);
	else
		lose(r, tape, item->size, false);
}

void hin_recorder_bytes(struct hin_recorder *r, uint64_t number, int64_t time_us, uint32_t channel,
			enum hin_direction direction, const void *data, size_t size)
{
	struct tape *tape = find_tape(r, number);
	const uint8_t *bytes = data;

	if (tape == NULL)
		return;
	while (size > 0) {
		size_t part = size < RECORDING_DATA ? size : RECORDING_DATA;
		struct hin_recording_item item = { .kind = HIN_RECORDING_BYTES,
						   .time_us = time_us,
						   .channel = channel,
						   .direction = direction,
						   .data = bytes,
						   .size = part };

		put_bytes(r, tape, &item);
		bytes += part;
		size -= part;
	}
}

void hin_recorder_event(struct hin_recorder *r, uint64_t number, const struct hin_event *told)
{
	struct tape *tape = find_tape(r, number);
	struct hin_event event = *told;
	struct hin_recording_item item = { .kind = HIN_RECORDING_EVENT };
	unsigned bits;
	struct place place;

	if (tape == NULL)
		return;
	event.a_size = event.a_size < RECORDING_DATA ? event.a_size : RECORDING_DATA;
	event.b_size = event.b_size < RECORDING_DATA ? event.b_size : RECORDING_DATA;
	if (!may_say(r, tape, event.a_size + event.b_size + 1))
		return;
	put_gap(r, tape, event.time_us, event.channel);
	bits = (event.a_size > 0 ? ITEM_HAS_A : 0u) | (event.b_size > 0 ? ITEM_HAS_B : 0u) |
	       (event.verdict != 0 ? ITEM_HAS_VERDICT : 0u) |
	       (event.number != 0 ? ITEM_HAS_NUMBER : 0u);
	place = begin_item(tape, event.time_us, event.channel, ITEM_EVENT);
	recording_put(&tape->pending, (uint64_t)event.type << 4 | bits);
	if (event.verdict != 0)
		hin_buffer_putc(&tape->pending, (char)event.verdict);
	if (event.number != 0)
		recording_put(&tape->pending, event.number);
	if (event.a_size > 0)
		put_pieces(r, tape, event.a, event.a_size, false);
	if (event.b_size > 0)
		put_pieces(r, tape, event.b, event.b_size, false);
	item.event = event;
	item.time_us = tape->last_us;
	if (end_item(r, tape, place))
		recording_count(&tape->seal, &tape->secret, &item);
	else
		lose(r, tape, event.a_size + event.b_size + 1, false);
}

/* ---- sessions ---- */

static void end_memory(struct tape *tape)
{
	hin_buffer_fini(&tape->pending);
	explicit_bzero(&tape->secret, sizeof(tape->secret));
	free(tape);
}

static void free_tape(struct hin_recorder *r, struct tape *tape)
{
	struct writer *w = tape->writer;

	if (tape->prev != NULL)
		tape->prev->next = tape->next;
	else
		w->tapes = tape->next;
	if (tape->next != NULL)
		tape->next->prev = tape->prev;
	r->waiting -= tape->pending.used;
	end_memory(tape);
}

/* The segment for a new session. */
static enum hin_code current(struct hin_recorder *r, int64_t now_us)
{
	struct hin_error err = { 0 };
	struct writer *w = r->current;
	enum hin_code code;

	if (w != NULL &&
	    (w->full || now_us / DAY_US > w->made_day || w->rec_size >= r->settings.segment_bytes ||
	     w->next_slot > RECORDING_SLOTS - RECORDING_STRINGS - 1)) {
		w->full = true;
		w = r->current = NULL;
	}
	if (w != NULL)
		return HIN_OK;
	code = writer_create(&w, r->folder, r->next_number, now_us, r->key, r->master, &err);
	if (code != HIN_OK) {
		hin_log_limited(HIN_LOG_WARNING, "decoy.recording.refused",
				hin_log_text("error", err.text));
		r->stats.blocked = true;
		r->stats.write_errors++;
		return code;
	}
	r->stats.written_bytes += (uint64_t)RECORDING_HEAD * RECORDING_FILES;
	w->made_day = now_us / DAY_US;
	r->next_number++;
	w->next = r->writers;
	r->writers = r->current = w;
	return HIN_OK;
}

static struct tape *new_tape(struct hin_recorder *r, struct writer *w,
			     const struct hin_recording_about *about)
{
	struct tape *tape = calloc(1, sizeof(*tape));
	struct recording_seal *seal;

	if (tape == NULL)
		return NULL;
	seal = &tape->seal;
	tape->writer = w;
	seal->entry.about = *about;
	if (about->time_us < w->head.made_us - APART_US ||
	    about->time_us > w->head.made_us + APART_US)
		seal->entry.about.time_us = w->head.made_us;
	seal->entry.about.host = seal->entry.about.persona = NULL;
	seal->entry.end_us = tape->last_us = seal->entry.about.time_us;
	seal->host = writer_name(w, about->host);
	seal->persona = writer_name(w, about->persona);
	if (!writer_slot(w, r->master, &seal->slot, &tape->secret)) {
		free(tape);
		return NULL;
	}
	tape->number = recording_number(w->number, seal->slot);
	recording_chain_begin(tape->chain, w->head_bytes, seal->slot);
	recording_about_put(&tape->pending, &seal->entry.about, &tape->secret, seal->host,
			    seal->persona, w->head.made_us);
	if (tape->pending.failed) {
		hin_buffer_fini(&tape->pending);
		free(tape);
		return NULL;
	}
	r->waiting += tape->pending.used;
	writer_say(tape->writer, tape);
	return tape;
}

enum hin_code hin_recorder_begin(struct hin_recorder *r, const struct hin_recording_about *about,
				 uint64_t *number)
{
	enum hin_code code = HIN_OK;
	int64_t now_us = about->time_us;
	struct tape *tape = NULL;
	struct tape **at;

	*number = 0;
	if (now_us < r->now_us || now_us > r->now_us + DAY_US) /* whose clock is that? */
		now_us = r->now_us;
	if (r->stats.running >= HIN_RECORDING_SESSIONS || r->waiting >= r->settings.memory_bytes)
		code = HIN_ELIMIT;
	if (code == HIN_OK)
		code = current(r, now_us);
	if (code == HIN_OK) {
		tape = new_tape(r, r->current, about);
		code = tape != NULL ? HIN_OK : HIN_ENOMEM;
	}
	if (code != HIN_OK) {
		r->stats.refused++;
		return code;
	}
	tape->next = r->current->tapes;
	if (tape->next != NULL)
		tape->next->prev = tape;
	r->current->tapes = tape;
	find_source(r, &about->client, now_us, tape->source);
	if (r->stats.running >= r->tape_slots)
		rehash(r);
	at = &r->tapes[slot_of(r, tape->number)];
	tape->hash_next = *at;
	*at = tape;
	r->stats.sessions++;
	r->stats.running++;
	if (r->stats.running > r->most_running)
		r->most_running = r->stats.running;
	*number = tape->number;
	return HIN_OK;
}

static void end_tape(struct hin_recorder *r, struct tape *tape, int64_t time_us, enum hin_close why)
{
	struct place place;

	put_gap(r, tape, time_us, tape->channel);
	place = begin_item(tape, time_us, tape->channel, ITEM_OTHER);
	recording_put(&tape->pending, (uint64_t)why << 1 | 1);
	(void)end_item(r, tape, place);
	writer_say(tape->writer, tape);
	tape->is_over = true;
	tape->seal.entry.why = why;
	if (tape->last_us > tape->seal.entry.end_us)
		tape->seal.entry.end_us = tape->last_us;
	unhash(r, tape);
	r->stats.running--;
}

bool hin_recorder_end(struct hin_recorder *r, uint64_t number, int64_t time_us, enum hin_close why,
		      uint8_t digest[32])
{
	struct tape *tape = find_tape(r, number);

	memset(digest, 0, 32);
	if (tape == NULL)
		return false;
	end_tape(r, tape, time_us, why);
	if (!writer_take(tape->writer, tape)) /* it is taken when there is memory again */
		return false;
	memcpy(digest, tape->chain, sizeof(tape->chain));
	return true;
}

/* ---- writing ---- */

/* Sessions whose last chunk is written wait for their seal now. */
static void take_ended(struct hin_recorder *r, struct writer *w, int64_t now_us)
{
	while (w->ended != NULL && w->frame.used == 0) {
		struct tape *tape = w->ended;

		tape->seal.entry.chunks = (uint32_t)tape->seq;
		memcpy(tape->seal.entry.digest, tape->chain, sizeof(tape->chain));
		if (!writer_add_seal(w, &tape->seal, now_us))
			break; /* when there is memory again */
		w->ended = tape->said_next;
		r->stats.sealed++;
		free_tape(r, tape);
	}
}

static void trouble(struct hin_recorder *r, const struct hin_error *err)
{
	r->stats.write_errors++;
	r->stats.blocked = true;
	hin_log_limited(HIN_LOG_WARNING, "decoy.recording.blocked",
			hin_log_text("error", err->text), hin_log_u64("waiting_bytes", r->waiting),
			hin_log_u64("lost_bytes", r->stats.lost_bytes));
}

static enum hin_code write_all(struct hin_recorder *r, int64_t now_us, struct hin_error *err)
{
	enum hin_code worst = HIN_OK;

	for (struct writer *w = r->writers; w != NULL; w = w->next) {
		uint64_t freed = 0;
		enum hin_code code = writer_write(w, &r->stats.written_bytes, &freed, err);

		r->waiting -= freed;
		take_ended(r, w, now_us);
		if (code != HIN_OK) {
			worst = code;
			trouble(r, err);
		}
	}
	return worst;
}

static enum hin_code sync_all(struct hin_recorder *r, struct hin_error *err)
{
	enum hin_code worst = HIN_OK;

	for (struct writer *w = r->writers; w != NULL; w = w->next) {
		enum hin_code code = writer_sync(w, err);

		if (code != HIN_OK) {
			worst = code;
			trouble(r, err);
		}
	}
	return worst;
}

/* Seal what is due in one segment, or close it. */
static enum hin_code seal_one(struct hin_recorder *r, struct writer *w, bool now, int64_t now_us,
			      struct hin_error *err)
{
	int64_t interval_us = r->settings.seal_interval_ns / 1000;
	bool final = w->full && w->tapes == NULL && w->said == NULL && w->frame.used == 0 &&
		     w->lead.used == 0;
	bool due = w->seals_count > 0 &&
		   (now || w->seals_count >= RECORDING_GROUP ||
		    now_us - w->seals_since_us >= interval_us || now_us < w->seals_since_us);

	if (w->closed || (w->group.used == 0 && ((!final && !due) || r->chain.blocked)))
		return HIN_OK;
	return writer_seal(w, &r->chain, final, r->key, now_us, &r->stats.written_bytes, err);
}

/* Seal what is due, and let go of segments that are closed. */
static enum hin_code seal_all(struct hin_recorder *r, bool now, int64_t now_us,
			      struct hin_error *err)
{
	enum hin_code worst = HIN_OK, code;
	struct writer **at = &r->writers;

	while (*at != NULL) {
		struct writer *w = *at;

		code = seal_one(r, w, now, now_us, err);
		if (code == HIN_OK && w->full &&
		    !w->closed) /* a group that was blocked was first */
			code = seal_one(r, w, now, now_us, err);
		if (code != HIN_OK) {
			worst = code;
			trouble(r, err);
		}
		if (!w->closed || writer_sync(w, err) != HIN_OK) {
			at = &w->next;
			continue;
		}
		if (recorder_add_old(r, w->number, w->path, now_us) != HIN_OK)
			hin_log_limited(HIN_LOG_WARNING, "decoy.recording.memory");
		recorder_sweep(r, w->path);
		r->expire_at_us = 0; /* there may be too much now */
		*at = w->next;
		if (r->current == w)
			r->current = NULL;
		writer_free(w);
	}
	return worst;
}

/* Too many segments are held open by sessions that go on: those of the oldest end here. */
static void close_oldest(struct hin_recorder *r, int64_t now_us)
{
	struct writer *oldest = NULL;
	unsigned count = 0;

	for (struct writer *w = r->writers; w != NULL; w = w->next) {
		count++;
		oldest = w;
	}
	if (count <= WRITER_SEGMENTS)
		return;
	oldest->full = true;
	for (struct tape *tape = oldest->tapes; tape != NULL; tape = tape->next) {
		if (!tape->is_over)
			end_tape(r, tape, now_us, HIN_CLOSE_LIMIT);
	}
}

static bool due(int64_t *at_us, int64_t now_us, int64_t interval_ns)
{
	int64_t interval_us = interval_ns / 1000;

	if (now_us < *at_us && *at_us - now_us <= interval_us)
		return false;
	*at_us = now_us + interval_us;
	return true;
}

int64_t hin_recorder_run(struct hin_recorder *r, int64_t now_us)
{
	struct hin_error err = { 0 };
	enum hin_code code = HIN_OK;
	int64_t next;

	r->now_us = now_us;
	if (r->current != NULL && now_us / DAY_US > r->current->made_day) {
		r->current->full = true;
		r->current = NULL;
	}
	if (due(&r->write_at_us, now_us, r->settings.write_interval_ns)) {
		r->stats.blocked = false;
		close_oldest(r, now_us);
		code = write_all(r, now_us, &err);
		if (code == HIN_OK)
			(void)seal_all(r, false, now_us, &err);
	}
	if (due(&r->sync_at_us, now_us, r->settings.sync_interval_ns))
		(void)sync_all(r, &err);
	if (due(&r->expire_at_us, now_us, EXPIRE_US * 1000))
		recorder_expire(r, now_us);
	if (r->stats.running == 0 && r->waiting == 0 && r->most_running > MANY) {
		malloc_trim(0); /* what a flood took */
		r->most_running = 0;
	}
	next = r->write_at_us < r->sync_at_us ? r->write_at_us : r->sync_at_us;
	return next;
}

enum hin_code hin_recorder_flush(struct hin_recorder *r, int64_t now_us, struct hin_error *err)
{
	enum hin_code code;

	r->now_us = now_us;
	r->stats.blocked = false;
	code = write_all(r, now_us, err);
	if (code == HIN_OK)
		code = seal_all(r, true, now_us, err);
	if (code == HIN_OK)
		code = sync_all(r, err);
	return code;
}

/* ---- the whole ---- */

struct hin_recorder_stats hin_recorder_stats(const struct hin_recorder *r)
{
	struct hin_recorder_stats stats = r->stats;

	for (const struct writer *w = r->writers; w != NULL; w = w->next) {
		stats.segments++;
		stats.bytes += w->rec_size + w->seal_size +
			       (uint64_t)w->salts_first * RECORDING_SALT + RECORDING_HEAD;
	}
	for (size_t k = 0; k < r->old_count; k++) {
		stats.segments++;
		stats.bytes += r->old[k].bytes;
	}
	return stats;
}

bool hin_recorder_head(const struct hin_recorder *r, uint64_t *number, uint8_t digest[32])
{
	if (r->chain.number == 0 || r->chain.blocked)
		return false;
	for (const struct writer *w = r->writers; w != NULL; w = w->next) {
		if (w->dirty[RECORDING_SEALS])
			return false;
	}
	*number = r->chain.number;
	memcpy(digest, r->chain.digest, 32);
	return true;
}

void hin_recorder_settings(struct hin_recorder *r, const struct hin_recording_settings *settings)
{
	r->settings = *settings;
	r->write_at_us = r->sync_at_us = 0;
}

static void free_recorder(struct hin_recorder *r)
{
	while (r->writers != NULL) {
		struct writer *w = r->writers;

		r->writers = w->next;
		for (struct tape *tape = w->tapes, *next; tape != NULL; tape = next) {
			next = tape->next;
			end_memory(tape);
		}
		writer_free(w);
	}
	free(r->sources);
	for (size_t k = 0; k < r->old_count; k++)
		free(r->old[k].path);
	free(r->old);
	free(r->tapes);
	free(r->folder);
	if (r->lock != -1)
		close(r->lock);
	explicit_bzero(r->master, sizeof(r->master));
	free(r);
}

enum hin_code hin_recorder_open(struct hin_recorder **out, const char *folder,
				const struct hin_recording_settings *settings,
				const struct hin_sensor_key *key, int64_t now_us,
				struct hin_error *err)
{
	struct hin_recorder *r = calloc(1, sizeof(*r));
	enum hin_code code;

	if (r == NULL)
		return hin_fail(err, HIN_ENOMEM, "recordings in %s", folder);
	r->lock = -1;
	r->settings = *settings;
	r->key = key;
	r->now_us = now_us;
	r->next_number = 1;
	r->folder = strdup(folder);
	r->sources = calloc(1, sizeof(*r->sources));
	r->tape_slots = TAPE_SLOTS;
	r->tapes = calloc(r->tape_slots, sizeof(struct tape *));
	if (r->folder == NULL || r->tapes == NULL || r->sources == NULL) {
		free_recorder(r);
		return hin_fail(err, HIN_ENOMEM, "recordings in %s", folder);
	}
	r->sources->day = now_us / DAY_US;
	code = recorder_recover(r, now_us, err);
	if (code != HIN_OK) {
		free_recorder(r);
		return code;
	}
	randombytes_buf(r->sources->key, sizeof(r->sources->key)); /* libsodium has begun */
	*out = r;
	return HIN_OK;
}

void hin_recorder_close(struct hin_recorder *r, int64_t now_us)
{
	struct hin_error err = { 0 };

	if (r == NULL)
		return;
	for (struct writer *w = r->writers; w != NULL; w = w->next) {
		w->full = true;
		for (struct tape *tape = w->tapes; tape != NULL; tape = tape->next) {
			if (!tape->is_over)
				end_tape(r, tape, now_us, HIN_CLOSE_STOP);
		}
	}
	r->current = NULL;
	if (hin_recorder_flush(r, now_us, &err) != HIN_OK)
		hin_log(HIN_LOG_ERROR, "decoy.recording.lost", hin_log_text("error", err.text),
			hin_log_u64("waiting_bytes", r->waiting));
	free_recorder(r);
}
