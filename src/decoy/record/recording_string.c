/*
 * recording_string - byte strings that sessions of a segment have said before; see
 * recording_priv.h.
 *
 * What sessions say alike (banners, lists of algorithms, prompts) is found by windows of 16 bytes:
 * those of what was said lately lie in a table, one in 16, and each position of new bytes is looked
 * up. Where one fits, the match is extended both ways. What is said a second time becomes a string
 * of the segment, stored once. What is shorter than that (prompts) is known as a whole, by its
 * hash, and becomes a string when it is said for the third time.
 */
#include <stdlib.h>
#include <string.h>

#include "decoy/record/recording_priv.h"

#define WINDOW ((size_t)16)
#define REFER ((size_t)20)  /* a match of a string from this length on is referred to */
#define REPEAT ((size_t)32) /* what was said before becomes a string from this length on */
#define LATELY ((size_t)64 << 10)
#define STRINGS_ROOM ((size_t)128 << 10) /* bytes of strings */
#define LATELY_SLOTS ((size_t)1 << 13)
#define STRING_SLOTS ((size_t)1 << 14)
#define RUNS 2048u
#define SHORT_LEAST ((size_t)6) /* shorter ones cost no more than a reference */
#define SHORT_SLOTS ((size_t)2048)
#define SHORT_TIMES 3u

struct run { /* bytes that were said in one piece */
	uint32_t start, size;
};

struct text { /* a string */
	uint32_t start, size;
};

struct place {		      /* of a window */
	uint32_t run;	      /* run or string, + 1; 0: none */
	uint16_t offset, tag; /* tag: more bits of the hash */
};

struct short_place {	       /* a short string that was said */
	uint32_t hash, string; /* string + 1; 0: none yet */
	uint8_t times;
};

struct recording_texts {
	/* lately: a ring, with the runs in it */
	uint8_t *lately;
	size_t lately_at;
	struct run *runs; /* ring of RUNS, by sequence number */
	uint32_t run_first, run_next;
	struct place *lately_table;
	/* strings */
	uint8_t *strings;
	size_t strings_used, theirs_used;
	struct text *texts;
	uint32_t count, room;
	struct place *string_table;
	struct short_place *short_table;
};

/* A match of input with what is known. */
struct match {
	size_t begin, size; /* of the input */
	const uint8_t *from;
	uint32_t string, offset; /* of a string */
	bool is_string;
};

struct recording_texts *recording_texts_new(void)
{
	struct recording_texts *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->lately = malloc(LATELY);
	t->runs = calloc(RUNS, sizeof(*t->runs));
	t->lately_table = calloc(LATELY_SLOTS, sizeof(*t->lately_table));
	t->strings = malloc(STRINGS_ROOM);
	t->string_table = calloc(STRING_SLOTS, sizeof(*t->string_table));
	t->short_table = calloc(SHORT_SLOTS, sizeof(*t->short_table));
	if (t->short_table == NULL || t->lately == NULL || t->runs == NULL ||
	    t->lately_table == NULL || t->strings == NULL || t->string_table == NULL) {
		recording_texts_free(t);
		return NULL;
	}
	return t;
}

void recording_texts_free(struct recording_texts *t)
{
	if (t == NULL)
		return;
	free(t->lately);
	free(t->runs);
	free(t->lately_table);
	free(t->strings);
	free(t->string_table);
	free(t->short_table);
	free(t->texts);
	free(t);
}

static uint64_t hash_window(const uint8_t *at)
{
	uint64_t a, b;

	memcpy(&a, at, 8);
	memcpy(&b, at + 8, 8);
	a = (a ^ b * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xd6e8feb86659fd93);
	return a ^ a >> 32;
}

static uint16_t tag_of(uint64_t hash)
{
	return (uint16_t)(hash >> 48);
}

static void put_place(struct place *table, size_t slots, uint64_t hash, uint32_t run, size_t offset)
{
	table[hash & (slots - 1)] =
		(struct place){ .run = run, .offset = (uint16_t)offset, .tag = tag_of(hash) };
}

/* ---- what was said lately ---- */

/* The run of a place, unless it was overwritten. */
static const struct run *run_of(const struct recording_texts *t, struct place place)
{
	uint32_t run = place.run - 1;

	if (place.run == 0 || run - t->run_first >= t->run_next - t->run_first)
		return NULL;
	return &t->runs[run % RUNS];
}

/* Let go of runs that lie in [begin, begin + size). */
static void forget_runs(struct recording_texts *t, size_t begin, size_t size)
{
	while (t->run_first != t->run_next) {
		const struct run *r = &t->runs[t->run_first % RUNS];

		if (t->run_next - t->run_first < RUNS &&
		    (r->start >= begin + size || r->start + r->size <= begin))
			break;
		t->run_first++;
	}
}

static void remember(struct recording_texts *t, const uint8_t *data, size_t size)
{
	struct run *run;

	if (size < REPEAT || size > LATELY / 4)
		return;
	if (t->lately_at + size > LATELY) { /* the end stays as it is, and is forgotten */
		forget_runs(t, t->lately_at, LATELY - t->lately_at);
		t->lately_at = 0;
	}
	forget_runs(t, t->lately_at, size);
	memcpy(t->lately + t->lately_at, data, size);
	run = &t->runs[t->run_next % RUNS];
	*run = (struct run){ (uint32_t)t->lately_at, (uint32_t)size };
	for (size_t k = 0; k + WINDOW <= size; k += WINDOW)
		put_place(t->lately_table, LATELY_SLOTS, hash_window(data + k), t->run_next + 1, k);
	t->run_next++;
	t->lately_at += size;
}

/* ---- matches ---- */

/* Extend a window that fits both ways, in `from` of `size` bytes. */
static bool extend(const uint8_t *data, size_t size, size_t least, size_t at, const uint8_t *from,
		   size_t from_size, size_t from_at, struct match *out)
{
	size_t before = 0, behind = WINDOW;

	if (memcmp(data + at, from + from_at, WINDOW) != 0)
		return false;
	while (before < RECORDING_STRING && at - before > least && from_at > before &&
	       data[at - before - 1] == from[from_at - before - 1])
		before++;
	while (behind < RECORDING_STRING && at + behind < size && from_at + behind < from_size &&
	       data[at + behind] == from[from_at + behind])
		behind++;
	out->begin = at - before;
	out->size = before + behind;
	out->from = from + from_at - before;
	out->offset = (uint32_t)(from_at - before);
	return true;
}

static bool find(const struct recording_texts *t, const uint8_t *data, size_t size, size_t least,
		 size_t at, uint64_t hash, bool lately, struct match *out)
{
	struct place place = t->string_table[hash & (STRING_SLOTS - 1)];
	const struct run *run;

	if (place.run != 0 && place.tag == tag_of(hash)) {
		const struct text *text = &t->texts[place.run - 1];

		if (extend(data, size, least, at, t->strings + text->start, text->size,
			   place.offset, out) &&
		    out->size >= REFER) {
			out->is_string = true;
			out->string = place.run - 1;
			return true;
		}
	}
	if (!lately)
		return false;
	place = t->lately_table[hash & (LATELY_SLOTS - 1)];
	if (place.tag != tag_of(hash))
		return false;
	run = run_of(t, place);
	out->is_string = false;
	return run != NULL &&
	       extend(data, size, least, at, t->lately + run->start, run->size, place.offset,
		      out) &&
	       out->size >= REPEAT;
}

/* May anything that is known begin with this window? Most do not, and cost no more than this. */
static inline bool may_match(const struct recording_texts *t, uint64_t hash, bool lately)
{
	const struct place *string = &t->string_table[hash & (STRING_SLOTS - 1)];
	const struct place *before = &t->lately_table[hash & (LATELY_SLOTS - 1)];

	return (string->run != 0 && string->tag == tag_of(hash)) ||
	       (lately && before->run != 0 && before->tag == tag_of(hash));
}

/* Bytes that a new string may have. */
static size_t room_for(const struct recording_texts *t, bool ours)
{
	size_t room = STRINGS_ROOM - t->strings_used;

	if (t->count >= RECORDING_STRINGS)
		return 0;
	if (!ours && room > STRINGS_ROOM / 2 - t->theirs_used)
		room = STRINGS_ROOM / 2 - t->theirs_used;
	return room < RECORDING_STRING ? room : RECORDING_STRING;
}

/* Make a string of a match; false when there is no room. */
static bool promote(struct recording_texts *t, struct match *m, bool ours, recording_text_fn fn,
		    void *user)
{
	size_t room_bytes = room_for(t, ours);
	struct text *text;

	if (m->size > room_bytes)
		m->size = room_bytes;
	if (t->count == t->room) {
		uint32_t room = t->room > 0 ? t->room * 2 : 64;
		struct text *more = realloc(t->texts, room * sizeof(*more));

		if (more == NULL)
			return false;
		t->texts = more;
		t->room = room;
	}
	if (!fn(user, m->from, m->size))
		return false;
	text = &t->texts[t->count];
	*text = (struct text){ (uint32_t)t->strings_used, (uint32_t)m->size };
	memcpy(t->strings + text->start, m->from, m->size);
	t->strings_used += m->size;
	t->theirs_used += ours ? 0 : m->size;
	for (size_t k = 0; k + WINDOW <= m->size; k += WINDOW / 2)
		put_place(t->string_table, STRING_SLOTS, hash_window(m->from + k), t->count + 1, k);
	m->is_string = true;
	m->string = t->count++;
	m->offset = 0;
	return true;
}

/* ---- short ones ---- */

/* Is all of it a string, or does it become one now? */
static bool find_short(struct recording_texts *t, const uint8_t *data, size_t size, bool ours,
		       struct match *m, recording_text_fn fn, void *user)
{
	uint32_t hash = 2166136261u;
	struct short_place *place;

	if (size < SHORT_LEAST || size >= REPEAT)
		return false;
	for (size_t k = 0; k < size; k++)
		hash = (hash ^ data[k]) * 16777619u;
	place = &t->short_table[(hash ^ hash >> 15) & (SHORT_SLOTS - 1)];
	if (place->times == 0 || place->hash != hash) {
		*place = (struct short_place){ .hash = hash, .times = 1 };
		return false;
	}
	*m = (struct match){ .size = size, .from = data };
	if (place->string != 0) {
		const struct text *text = &t->texts[place->string - 1];

		m->string = place->string - 1;
		return text->size == size && memcmp(t->strings + text->start, data, size) == 0;
	}
	if (++place->times < SHORT_TIMES || room_for(t, ours) < size)
		return false;
	if (!promote(t, m, ours, fn, user))
		return false;
	place->string = m->string + 1;
	return true;
}

/* ---- pieces ---- */

static void put_literal(struct recording_texts *t, struct hin_buffer *out, const uint8_t *data,
			size_t size, bool more)
{
	recording_put(out, (uint64_t)size << 2 | (more ? 2 : 0));
	hin_buffer_add(out, data, size);
	remember(t, data, size);
}

void recording_texts_encode(struct recording_texts *t, struct hin_buffer *out, const void *data,
			    size_t size, bool ours, recording_text_fn fn, void *user)
{
	const uint8_t *bytes = data;
	size_t done = 0; /* bytes that are in pieces */
	bool lately = room_for(t, ours) >= REPEAT;
	struct match whole;

	if (find_short(t, bytes, size, ours, &whole, fn, user)) {
		recording_put(out, (uint64_t)size << 2 | 1);
		recording_put(out, whole.string);
		recording_put(out, 0);
		return;
	}
	for (size_t k = 0; k + WINDOW <= size;) {
		uint64_t hash = hash_window(bytes + k);
		struct match m;

		if (HIN_LIKELY(!may_match(t, hash, lately)) ||
		    !find(t, bytes, size, done, k, hash, lately, &m)) {
			k++;
			continue;
		}
		if (!m.is_string) {
			if (!promote(t, &m, ours, fn, user)) {
				lately = false; /* nor will the next be: look no more */
				continue;
			}
			lately = room_for(t, ours) >= REPEAT;
		}
		if (m.begin > done)
			put_literal(t, out, bytes + done, m.begin - done, true);
		done = m.begin + m.size;
		recording_put(out, (uint64_t)m.size << 2 | (done < size ? 2 : 0) | 1);
		recording_put(out, m.string);
		recording_put(out, m.offset);
		k = done;
	}
	if (done < size || size == 0)
		put_literal(t, out, bytes + done, size - done, false);
}
