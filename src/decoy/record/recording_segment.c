/* recording_segment - a segment as a reader sees it; see recording_priv.h */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decoy/record/recording_priv.h"

#define SEALS_MOST ((uint64_t)2 << 30) /* bytes of a .hseal that are read */

/* Make room for one more of `count` items of `item` bytes; false without memory. */
static bool grow(void *array, size_t count, size_t *room, size_t item)
{
	size_t more = *room > 0 ? *room * 2 : 64;
	void *memory;

	if (count < *room)
		return true;
	memcpy(&memory, array, sizeof(memory));
	memory = reallocarray(memory, more, item);
	if (memory == NULL)
		return false;
	memcpy(array, &memory, sizeof(memory));
	*room = more;
	return true;
}

/* Read up to `size` bytes at `at`; less only at the end of the file. -1: errno. */
static ssize_t read_at(int fd, void *out, size_t size, uint64_t at)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = pread(fd, (uint8_t *)out + done, size - done, (off_t)(at + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

static uint64_t size_of(int fd)
{
	struct stat st;

	return fd != -1 && fstat(fd, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

/* ---- opening ---- */

static int open_file(const char *path, enum recording_file file)
{
	char name[PATH_MAX];

	if (snprintf(name, sizeof(name), "%s%s", path, recording_endings[file]) >=
	    (int)sizeof(name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
}

static enum hin_code open_all(struct recording_segment *s, struct hin_error *err)
{
	ssize_t size;

	s->rec = open_file(s->path, RECORDING_REC);
	if (s->rec == -1)
		return errno == ENOENT ? hin_fail(err, HIN_ENOENT, "%s.hrec is gone", s->path)
				       : hin_fail(err, HIN_ESYS, "open %s.hrec", s->path);
	size = read_at(s->rec, s->head_bytes, RECORDING_HEAD, 0);
	if (size < 0)
		return hin_fail(err, HIN_ESYS, "read %s.hrec", s->path);
	if (recording_head_read(&s->head, RECORDING_REC, s->head_bytes, (size_t)size) != HIN_OK ||
	    s->head.segment != s->number)
		return hin_fail(err, HIN_EFORMAT, "%s.hrec is no recording of this name", s->path);
	s->keys = open_file(s->path, RECORDING_KEYS);
	s->seals = open_file(s->path, RECORDING_SEALS);
	return HIN_OK;
}

enum hin_code recording_segment_open(struct recording_segment **out, const char *path,
				     const uint8_t *master, struct hin_error *err)
{
	const char *name = strrchr(path, '/');
	struct recording_segment *s = calloc(1, sizeof(*s));
	uint8_t id[8];
	enum hin_code code;

	if (s == NULL)
		return hin_fail(err, HIN_ENOMEM, "segment %s", path);
	s->rec = s->keys = s->seals = -1;
	s->path = strdup(path);
	if (s->path == NULL) {
		code = hin_fail(err, HIN_ENOMEM, "segment %s", path);
		goto out;
	}
	s->number = strtoull(name != NULL ? name + 1 : path, NULL, 10);
	code = open_all(s, err);
	if (code != HIN_OK)
		goto out;
	s->scanned = RECORDING_HEAD;
	s->end_us = s->head.made_us;
	if (master != NULL) {
		recording_key_id(id, master);
		s->has_master = memcmp(id, s->head.key_id, sizeof(id)) == 0;
		if (s->has_master)
			memcpy(s->master, master, RECORDING_KEY);
	}
	code = recording_segment_refresh(s, false, err);
	if (code != HIN_OK)
		goto out;
	*out = s;
	s = NULL;
out:
	recording_segment_close(s);
	return code;
}

static void close_fd(int fd)
{
	if (fd != -1)
		close(fd);
}

void recording_segment_close(struct recording_segment *s)
{
	if (s == NULL)
		return;
	close_fd(s->rec);
	close_fd(s->keys);
	close_fd(s->seals);
	hin_buffer_fini(&s->seal_bytes);
	hin_buffer_fini(&s->frame);
	for (size_t k = 0; k < s->texts_count; k++)
		free(s->texts[k].text);
	for (size_t k = 0; k < s->names_count; k++)
		free(s->names[k]);
	free(s->texts);
	free(s->names);
	free(s->seal_list);
	free(s->seen);
	free(s->seen_slots.table);
	free(s->path);
	explicit_bzero(s->master, sizeof(s->master));
	free(s);
}

/* ---- groups ---- */

static bool add_name(struct recording_segment *s, const void *text, size_t size)
{
	char *copy;

	if (s->names_count >= RECORDING_NAMES ||
	    !grow(&s->names, s->names_count, &s->names_room, sizeof(*s->names)))
		return false;
	copy = strndup(text, size);
	if (copy == NULL)
		return false;
	s->names[s->names_count++] = copy;
	return true;
}

static bool add_text(struct recording_segment *s, uint64_t at)
{
	if (s->texts_count >= RECORDING_STRINGS ||
	    !grow(&s->texts, s->texts_count, &s->texts_room, sizeof(*s->texts)))
		return false;
	s->texts[s->texts_count++] = (struct recording_text_at){ .at = at };
	return true;
}

/*
 * Strings and names of a group. Those that the scan of chunks has seen already are the same again.
 */
static bool take_lists(struct recording_segment *s, struct recording_group *group, size_t *texts,
		       size_t *names, uint64_t *text_at)
{
	struct hin_reader one;

	for (uint64_t k = 0; k < group->texts_count; k++) {
		*text_at += recording_get(&group->texts);
		if ((*texts)++ >= s->texts_count && !add_text(s, *text_at))
			return false;
	}
	while (recording_group_next(&group->names, &one)) {
		if ((*names)++ >= s->names_count && !add_name(s, one.pos, one.left))
			return false;
	}
	return true;
}

static bool take_seals(struct recording_segment *s, struct recording_group *group)
{
	const uint8_t *base = (const uint8_t *)s->seal_bytes.data;
	struct hin_reader one;

	while (recording_group_next(&group->seals, &one)) {
		struct hin_reader slot = one;
		uint64_t number = recording_get(&slot);

		if (slot.failed || number == 0 || number >= RECORDING_SLOTS)
			continue;
		if (!grow(&s->seal_list, s->seal_count, &s->seal_room, sizeof(*s->seal_list)))
			return false;
		s->seal_list[s->seal_count++] =
			(struct recording_seal_at){ .slot = (uint32_t)number,
						    .size = (uint32_t)one.left,
						    .at = (uint64_t)(one.pos - base) };
	}
	return true;
}

/* Read what was added to the .hseal. */
static enum hin_code read_seals(struct recording_segment *s, struct hin_error *err)
{
	uint64_t size;
	ssize_t got;
	char *room;

	if (s->seals == -1)
		s->seals = open_file(s->path, RECORDING_SEALS);
	size = size_of(s->seals);
	if (size <= s->seal_bytes.used)
		return HIN_OK;
	if (size > SEALS_MOST)
		return hin_fail(err, HIN_ELIMIT, "%s.hseal has %llu bytes, more than it may",
				s->path, (unsigned long long)size);
	room = hin_buffer_reserve(&s->seal_bytes, size - s->seal_bytes.used);
	if (room == NULL)
		return hin_fail(err, HIN_ENOMEM, "seals of %s", s->path);
	got = read_at(s->seals, room, size - s->seal_bytes.used, s->seal_bytes.used);
	if (got < 0)
		return hin_fail(err, HIN_ESYS, "read %s.hseal", s->path);
	hin_buffer_commit(&s->seal_bytes, (size_t)got);
	return HIN_OK;
}

static enum hin_code take_groups(struct recording_segment *s, struct hin_error *err)
{
	const uint8_t *bytes = (const uint8_t *)hin_buffer_text(&s->seal_bytes);
	size_t used = s->seal_bytes.used;
	uint8_t head[RECORDING_HEAD];

	if (s->seal_used == 0) {
		if (used < RECORDING_HEAD)
			return HIN_OK;
		recording_head_write(head, RECORDING_SEALS, &s->head);
		if (memcmp(head, bytes, sizeof(head)) != 0) {
			s->seal_damaged = true;
			return HIN_OK;
		}
		s->seal_used = RECORDING_HEAD;
		s->text_at = 0;
	}
	while (used - s->seal_used >= RECORDING_FRAME_HEAD && !s->seal_damaged) {
		const uint8_t *at = bytes + s->seal_used;
		size_t size = recording_frame_size(at, used - s->seal_used);
		struct recording_group group;

		if (size == 0)
			break; /* torn, or being written */
		if (!recording_frame_holds(at, at + RECORDING_FRAME_HEAD, size) ||
		    recording_group_get(&group, at + RECORDING_FRAME_HEAD, size, &s->head) !=
			    HIN_OK) {
			s->seal_damaged = true;
			break;
		}
		if (!take_seals(s, &group) ||
		    !take_lists(s, &group, &s->texts_sealed, &s->names_sealed, &s->text_at))
			return hin_fail(err, HIN_ENOMEM, "seals of %s", s->path);
		s->closed = s->closed || (group.flags & RECORDING_GROUP_FINAL);
		if (group.flags & RECORDING_GROUP_FINAL)
			s->rec_size = group.rec_size;
		s->last_group = group.number;
		s->end_us = group.time_us;
		s->seal_used += RECORDING_FRAME_HEAD + size;
	}
	return HIN_OK;
}

bool recording_segment_chain(const struct recording_segment *s, uint64_t *number,
			     uint8_t digest[32])
{
	const uint8_t *bytes = (const uint8_t *)hin_buffer_text(&s->seal_bytes);
	struct recording_group group;
	uint64_t at = RECORDING_HEAD;

	*number = 0;
	memset(digest, 0, 32);
	while (at < s->seal_used) {
		size_t size = recording_frame_size(bytes + at, s->seal_used - at);

		if (recording_group_get(&group, bytes + at + RECORDING_FRAME_HEAD, size,
					&s->head) != HIN_OK)
			return false;
		if (recording_group_digest(
			    digest,
			    group.flags & RECORDING_GROUP_FOREIGN ? group.before_digest : digest,
			    s->head_bytes, group.start, group.meta, group.seals,
			    group.seals_count) != HIN_OK)
			return false;
		*number = group.number;
		at += RECORDING_FRAME_HEAD + size;
	}
	return *number > 0;
}

/* ---- chunks of a segment that is not closed ---- */

static size_t hash_slot(const struct recording_slots *slots, uint32_t slot)
{
	return (size_t)(slot * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (slots->size - 1);
}

static struct recording_slot_place *place_of(const struct recording_slots *slots, uint32_t slot)
{
	size_t at = hash_slot(slots, slot);

	while (slots->table[at].slot != 0 && slots->table[at].slot != slot)
		at = (at + 1) & (slots->size - 1);
	return &slots->table[at];
}

uint32_t *recording_slots_at(struct recording_slots *slots, uint32_t slot)
{
	struct recording_slot_place *place;

	if (slots->used * 2 >= slots->size) {
		struct recording_slots more = { .size = slots->size > 0 ? slots->size * 2 : 256,
						.used = slots->used };

		more.table = calloc(more.size, sizeof(*more.table));
		if (more.table == NULL)
			return NULL;
		for (size_t k = 0; k < slots->size; k++) {
			if (slots->table[k].slot != 0)
				*place_of(&more, slots->table[k].slot) = slots->table[k];
		}
		free(slots->table);
		*slots = more;
	}
	place = place_of(slots, slot);
	if (place->slot == 0) {
		place->slot = slot;
		slots->used++;
	}
	return &place->place;
}

uint32_t recording_slots_find(const struct recording_slots *slots, uint32_t slot)
{
	return slots->size > 0 ? place_of(slots, slot)->place : 0;
}

static struct recording_seen *seen_of(struct recording_segment *s, uint32_t slot)
{
	uint32_t *place = recording_slots_at(&s->seen_slots, slot);

	if (place == NULL)
		return NULL;
	if (*place == 0) {
		if (!grow(&s->seen, s->seen_count, &s->seen_room, sizeof(*s->seen)))
			return NULL;
		s->seen[s->seen_count] = (struct recording_seen){ .slot = slot };
		*place = (uint32_t)++s->seen_count;
	}
	return &s->seen[*place - 1];
}

static bool take_record(struct recording_segment *s, const struct recording_record *r, uint64_t at,
			size_t *texts, size_t *names)
{
	struct recording_seen *seen;

	switch (r->type) {
	case RECORDING_TEXT:
		return (*texts)++ < s->texts_count || add_text(s, at);
	case RECORDING_NAME:
		return (*names)++ < s->names_count || add_name(s, r->body, r->size);
	default:
		break;
	}
	seen = seen_of(s, r->slot);
	if (seen == NULL)
		return false;
	if (seen->chunks == 0)
		seen->first = at;
	seen->chunks++;
	seen->last = at;
	return true;
}

static enum hin_code take_frame(struct recording_segment *s, struct hin_error *err)
{
	struct hin_reader in = hin_reader_of(s->frame.data, s->frame.used);
	struct recording_record record;

	while (recording_record_get(&in, &record) == HIN_OK) {
		uint64_t at = s->scanned + RECORDING_FRAME_HEAD +
			      (uint64_t)(record.start - (const uint8_t *)s->frame.data);

		if (!take_record(s, &record, at, &s->texts_scanned, &s->names_scanned))
			return hin_fail(err, HIN_ENOMEM, "chunks of %s", s->path);
	}
	return HIN_OK;
}

/*
 * Look at frames that were added. One that was changed, with whole ones behind it, is taken as far
 * as it goes; one without is the torn end of a recorder that died, or not written yet.
 */
static enum hin_code scan(struct recording_segment *s, struct hin_error *err)
{
	struct hin_buffer next = { 0 };
	enum hin_code code;

	for (;;) {
		uint64_t at = s->scanned, behind;
		bool holds, next_holds;

		code = recording_segment_frame(s, &s->frame, &at, &holds, err);
		if (code != HIN_OK)
			break;
		behind = at;
		if (!holds) {
			code = recording_segment_frame(s, &next, &behind, &next_holds, err);
			if (code != HIN_OK || !next_holds)
				break;
			s->damaged++;
		}
		code = take_frame(s, err);
		if (code != HIN_OK)
			break;
		s->scanned = at;
	}
	hin_buffer_fini(&next);
	return code == HIN_EOF ? HIN_OK : code;
}

enum hin_code recording_segment_refresh(struct recording_segment *s, bool chunks,
					struct hin_error *err)
{
	enum hin_code code = read_seals(s, err);

	if (code == HIN_OK)
		code = take_groups(s, err);
	if (code == HIN_OK && chunks && (!s->closed || s->scanned > RECORDING_HEAD))
		code = scan(s, err);
	return code;
}

struct recording_seen *recording_segment_seen(const struct recording_segment *s, uint32_t slot)
{
	uint32_t place = recording_slots_find(&s->seen_slots, slot);

	return place > 0 ? &s->seen[place - 1] : NULL;
}

/* ---- looking things up ---- */

const char *recording_segment_name(const struct recording_segment *s, uint64_t ordinal)
{
	return ordinal > 0 && ordinal <= s->names_count ? s->names[ordinal - 1] : "";
}

bool recording_segment_seal(const struct recording_segment *s, size_t index,
			    struct recording_seal *out)
{
	const struct recording_seal_at *at = &s->seal_list[index];

	if (recording_seal_get(out, s->seal_bytes.data + at->at, at->size, &s->head) != HIN_OK)
		return false;
	out->entry.about.host = recording_segment_name(s, out->host);
	out->entry.about.persona = recording_segment_name(s, out->persona);
	return true;
}

bool recording_segment_find(const struct recording_segment *s, uint32_t slot,
			    struct recording_seal *out)
{
	for (size_t k = s->seal_count; k > 0; k--) {
		if (s->seal_list[k - 1].slot == slot)
			return recording_segment_seal(s, k - 1, out);
	}
	return false;
}

enum hin_code recording_segment_frame(struct recording_segment *s, struct hin_buffer *into,
				      uint64_t *at, bool *holds, struct hin_error *err)
{
	uint8_t head[RECORDING_FRAME_HEAD];
	uint64_t end = size_of(s->rec);
	ssize_t got;
	size_t size;
	char *room;

	if (*at + RECORDING_FRAME_HEAD > end)
		return HIN_EOF;
	got = read_at(s->rec, head, sizeof(head), *at);
	if (got < 0)
		return hin_fail(err, HIN_ESYS, "read %s.hrec", s->path);
	size = got == sizeof(head) ? recording_frame_size(head, end - *at) : 0;
	if (size == 0)
		return HIN_EOF;
	hin_buffer_reset(into);
	room = hin_buffer_reserve(into, size);
	if (room == NULL)
		return hin_fail(err, HIN_ENOMEM, "chunks of %s", s->path);
	got = read_at(s->rec, room, size, *at + RECORDING_FRAME_HEAD);
	if (got < 0)
		return hin_fail(err, HIN_ESYS, "read %s.hrec", s->path);
	if ((size_t)got != size)
		return HIN_EOF;
	hin_buffer_commit(into, size);
	*holds = recording_frame_holds(head, into->data, size);
	*at += RECORDING_FRAME_HEAD + size;
	return HIN_OK;
}

enum hin_code recording_segment_record(struct recording_segment *s, struct hin_buffer *into,
				       uint64_t at, struct recording_record *out,
				       struct hin_error *err)
{
	uint64_t end = size_of(s->rec);
	size_t want = 512;
	struct hin_reader in;
	ssize_t got;
	char *room;

	if (at < RECORDING_HEAD + RECORDING_FRAME_HEAD || at >= end)
		return hin_fail(err, HIN_EFORMAT, "%s.hrec ends before byte %llu", s->path,
				(unsigned long long)at);
	for (unsigned attempt = 0; attempt < 2; attempt++) {
		hin_buffer_reset(into);
		room = hin_buffer_reserve(into, want);
		if (room == NULL)
			return hin_fail(err, HIN_ENOMEM, "chunk of %s", s->path);
		got = read_at(s->rec, room, want, at);
		if (got < 0)
			return hin_fail(err, HIN_ESYS, "read %s.hrec", s->path);
		hin_buffer_commit(into, (size_t)got);
		in = hin_reader_of(into->data, into->used);
		if (recording_record_get(&in, out) == HIN_OK)
			return HIN_OK;
		/* a longer one: its head tells how long */
		want = out->size <= RECORDING_FRAME_MOST ? out->size + RECORDING_RECORD_HEAD : 0;
		if (want <= 512 || want > end - at + RECORDING_RECORD_HEAD)
			break;
	}
	return hin_fail(err, HIN_EFORMAT, "%s.hrec has no record at byte %llu", s->path,
			(unsigned long long)at);
}

enum hin_code recording_segment_secret(struct recording_segment *s, uint32_t slot,
				       struct recording_secret *out, struct hin_error *err)
{
	uint8_t salt[RECORDING_SALT];
	ssize_t got;

	if (!s->has_master)
		return hin_fail(err, HIN_EDENIED,
				"the recording.key that %s was written with is not here", s->path);
	if (s->keys == -1)
		s->keys = open_file(s->path, RECORDING_KEYS);
	if (s->keys == -1)
		return hin_fail(err, HIN_ESYS, "open %s.hkey", s->path);
	got = read_at(s->keys, salt, sizeof(salt),
		      RECORDING_HEAD + (uint64_t)slot * RECORDING_SALT);
	if (got < 0)
		return hin_fail(err, HIN_ESYS, "read %s.hkey", s->path);
	if (got != sizeof(salt) || recording_salt_is_erased(salt))
		return hin_fail(err, HIN_EDENIED, "the key of %llu.%u was erased",
				(unsigned long long)s->number, slot);
	recording_secret_make(out, s->master, salt, s->number, slot);
	return HIN_OK;
}

/* ---- reading sessions ---- */

static enum hin_code fetch(void *user, uint64_t ordinal, const uint8_t **text, size_t *size)
{
	struct recording_segment *s = user;
	struct hin_buffer bytes = { 0 };
	struct recording_text_at *at;
	struct recording_record record;
	struct recording_secret secret;
	enum hin_code code;

	if (ordinal >= s->texts_count)
		return HIN_EFORMAT;
	at = &s->texts[ordinal];
	if (at->text == NULL) {
		code = recording_segment_record(s, &bytes, at->at, &record, NULL);
		if (code == HIN_OK && (record.type != RECORDING_TEXT || record.size == 0 ||
				       record.size > RECORDING_STRING))
			code = HIN_EFORMAT;
		if (code == HIN_OK)
			code = recording_segment_secret(s, record.slot, &secret, NULL);
		if (code == HIN_OK) {
			at->text = malloc(record.size);
			code = at->text != NULL ? HIN_OK : HIN_ENOMEM;
		}
		if (code == HIN_OK) {
			recording_cipher(at->text, record.body, record.size, &secret, 0);
			at->size = record.size;
		}
		hin_buffer_fini(&bytes);
		if (code != HIN_OK)
			return code == HIN_ENOMEM ? code : HIN_EFORMAT;
	}
	*text = at->text;
	*size = at->size;
	return HIN_OK;
}

enum hin_code recording_segment_decoder(struct recording_segment *s, uint32_t slot,
					struct recording_decoder *out, struct hin_error *err)
{
	*out = (struct recording_decoder){ .segment = s->number,
					   .made_us = s->head.made_us,
					   .slot = slot,
					   .fetch = fetch,
					   .user = s,
					   .in = hin_reader_of(NULL, 0) };
	return recording_segment_secret(s, slot, &out->secret, err);
}

enum hin_code recording_segment_chunks(struct recording_segment *s, uint32_t slot, uint64_t last,
				       uint64_t chunks, uint64_t **out, struct hin_error *err)
{
	uint64_t at = last, *list;
	enum hin_code code = HIN_OK;

	if (chunks == 0 || chunks > size_of(s->rec) / 4)
		return hin_fail(err, HIN_EFORMAT, "%s tells of %llu chunks of one session", s->path,
				(unsigned long long)chunks);
	list = reallocarray(NULL, chunks, sizeof(*list));
	if (list == NULL)
		return hin_fail(err, HIN_ENOMEM, "chunks of %s", s->path);
	for (uint64_t k = chunks; k > 0 && code == HIN_OK; k--) {
		struct recording_record r = { 0 };

		code = recording_segment_record(s, &s->frame, at, &r, err);
		if (code == HIN_OK &&
		    (r.type != RECORDING_CHUNK || r.slot != slot || r.seq != k - 1 || r.back > at))
			code = hin_fail(err, HIN_EFORMAT,
					"%s.hrec has no chunk %llu of session %u at byte %llu",
					s->path, (unsigned long long)(k - 1), slot,
					(unsigned long long)at);
		list[k - 1] = at;
		at -= r.back;
	}
	if (code == HIN_OK)
		*out = list;
	else
		free(list);
	return code;
}
