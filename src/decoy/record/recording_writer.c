/* recording_writer - the recorder's side of a segment; see recording_writer_priv.h */
#include "decoy/record/recording_writer_priv.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEEP_MEMORY ((size_t)64 << 10) /* of a buffer that is empty */

/* ---- files ---- */

static enum hin_code write_at(int fd, const void *data, size_t size, uint64_t at, const char *path,
			      enum recording_file file, struct hin_error *err)
{
	size_t done = 0;

	while (done < size) {
		ssize_t put =
			pwrite(fd, (const uint8_t *)data + done, size - done, (off_t)(at + done));

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return hin_fail(err, HIN_ESYS, "write %s%s", path, recording_endings[file]);
		done += (size_t)put;
	}
	return HIN_OK;
}

/* Append, or leave the file as it was. */
static enum hin_code append(struct writer *w, enum recording_file file, const struct hin_buffer *b,
			    uint64_t *size, struct hin_error *err)
{
	enum hin_code code = write_at(w->files[file], b->data, b->used, *size, w->path, file, err);

	if (code != HIN_OK) {
		/* what was put of it would be taken for a torn end */
		if (ftruncate(w->files[file], (off_t)*size) != 0)
			errno = 0;
		return code;
	}
	*size += b->used;
	w->dirty[file] = true;
	return HIN_OK;
}

static void empty(struct hin_buffer *b)
{
	if (b->size > KEEP_MEMORY)
		hin_buffer_fini(b);
	else
		hin_buffer_reset(b);
}

static struct writer *writer_new(void)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	for (unsigned k = 0; k < RECORDING_FILES; k++)
		w->files[k] = -1;
	w->next_slot = w->salts_first = 1;
	return w;
}

static enum hin_code open_files(struct writer *w, int flags, struct hin_error *err)
{
	char path[PATH_MAX];

	for (unsigned k = 0; k < RECORDING_FILES; k++) {
		if (snprintf(path, sizeof(path), "%s%s", w->path, recording_endings[k]) >=
		    (int)sizeof(path))
			return hin_fail(err, HIN_ELIMIT, "path of %zu bytes is too long",
					strlen(w->path));
		w->files[k] = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
		if (w->files[k] == -1)
			return hin_fail(err, HIN_ESYS, "open %s", path);
	}
	return HIN_OK;
}

static void remove_files(const struct writer *w)
{
	char path[PATH_MAX];

	for (unsigned k = 0; k < RECORDING_FILES; k++) {
		if (w->files[k] != -1 && snprintf(path, sizeof(path), "%s%s", w->path,
						  recording_endings[k]) < (int)sizeof(path))
			unlink(path);
	}
}

static enum hin_code sync_folder(const char *folder, struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1 || fsync(fd) != 0)
		code = hin_fail(err, HIN_ESYS, "sync folder %s", folder);
	if (fd != -1)
		close(fd);
	return code;
}

static enum hin_code write_heads(struct writer *w, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (unsigned k = 0; k < RECORDING_FILES && code == HIN_OK; k++) {
		uint8_t head[RECORDING_HEAD];

		recording_head_write(head, (enum recording_file)k, &w->head);
		if (k == RECORDING_REC)
			memcpy(w->head_bytes, head, sizeof(head));
		code = write_at(w->files[k], head, sizeof(head), 0, w->path, (enum recording_file)k,
				err);
		w->dirty[k] = true;
	}
	w->rec_size = w->seal_size = RECORDING_HEAD;
	return code;
}

enum hin_code writer_create(struct writer **out, const char *folder, uint64_t number,
			    int64_t now_us, const struct hin_sensor_key *key,
			    const uint8_t master[RECORDING_KEY], struct hin_error *err)
{
	struct writer *w = writer_new();
	time_t second = (time_t)(now_us / 1000000);
	enum hin_code code = HIN_ENOMEM;
	struct tm day;

	if (w == NULL || gmtime_r(&second, &day) == NULL ||
	    asprintf(&w->path, "%s/%08llu-%04d%02d%02d", folder, (unsigned long long)number,
		     (day.tm_year + 1900) % 10000, day.tm_mon + 1, day.tm_mday) < 0) {
		code = hin_fail(err, HIN_ENOMEM, "recordings in %s", folder);
		goto out;
	}
	w->number = number;
	w->texts = recording_texts_new();
	w->name_slots = calloc(WRITER_NAME_SLOTS, sizeof(*w->name_slots));
	w->names = calloc(WRITER_NAMES, sizeof(*w->names));
	if (w->texts == NULL || w->name_slots == NULL || w->names == NULL) {
		code = hin_fail(err, HIN_ENOMEM, "recordings in %s", folder);
		goto out;
	}
	w->head = (struct recording_head){ .segment = number, .made_us = now_us > 0 ? now_us : 0 };
	memcpy(w->head.public_key, key->public_key, sizeof(w->head.public_key));
	recording_key_id(w->head.key_id, master);
	code = open_files(w, O_CREAT | O_EXCL, err);
	if (code == HIN_OK)
		code = write_heads(w, err);
	if (code == HIN_OK)
		code = sync_folder(folder, err);
	if (code != HIN_OK) {
		remove_files(w);
		goto out;
	}
	recording_chain_begin(w->text_chain, w->head_bytes, 0);
	*out = w;
	w = NULL;
out:
	writer_free(w);
	return code;
}

void writer_free(struct writer *w)
{
	if (w == NULL)
		return;
	for (unsigned k = 0; k < RECORDING_FILES; k++) {
		if (w->files[k] != -1)
			close(w->files[k]);
	}
	for (uint32_t k = 0; k < w->names_count; k++)
		free(w->names[k]);
	free(w->names);
	free(w->name_slots);
	recording_texts_free(w->texts);
	hin_buffer_fini(&w->lead);
	hin_buffer_fini(&w->text_distances);
	hin_buffer_fini(&w->salts);
	hin_buffer_fini(&w->frame);
	hin_buffer_fini(&w->seals);
	hin_buffer_fini(&w->group);
	free(w->path);
	free(w);
}

/* ---- names, slots, strings ---- */

static uint32_t hash_text(const char *text)
{
	uint32_t hash = 2166136261u;

	for (; *text != '\0'; text++)
		hash = (hash ^ (uint8_t)*text) * 16777619u;
	return hash ^ hash >> 15;
}

uint32_t writer_name(struct writer *w, const char *name)
{
	char cut[HIN_RECORDING_NAME + 1];
	uint32_t at;

	if (name == NULL || name[0] == '\0')
		return 0;
	snprintf(cut, sizeof(cut), "%s", name);
	assert(w->names != NULL); /* one that was resumed takes no sessions */
	for (at = hash_text(cut) % WRITER_NAME_SLOTS; w->name_slots[at] != 0;
	     at = (at + 1) % WRITER_NAME_SLOTS) {
		if (strcmp(w->names[w->name_slots[at] - 1], cut) == 0)
			return w->name_slots[at];
	}
	if (w->names_count >= WRITER_NAMES)
		return 0;
	w->names[w->names_count] = strdup(cut);
	if (w->names[w->names_count] == NULL ||
	    hin_buffer_reserve(&w->lead, RECORDING_RECORD_HEAD + sizeof(cut)) == NULL) {
		w->lead.failed = false;
		free(w->names[w->names_count]);
		return 0;
	}
	w->name_slots[at] = ++w->names_count;
	recording_record_put(&w->lead, &(struct recording_record){ .type = RECORDING_NAME,
								   .slot = w->names_count,
								   .size = strlen(cut) });
	hin_buffer_puts(&w->lead, cut);
	return w->names_count;
}

bool writer_slot(struct writer *w, const uint8_t master[RECORDING_KEY], uint32_t *slot,
		 struct recording_secret *secret)
{
	uint8_t salt[RECORDING_SALT];

	if (w->next_slot >= RECORDING_SLOTS)
		return false;
	do {
		randombytes_buf(salt, sizeof(salt));
	} while (recording_salt_is_erased(salt));
	hin_buffer_add(&w->salts, salt, sizeof(salt));
	if (w->salts.failed) {
		w->salts.failed = false;
		return false;
	}
	*slot = w->next_slot++;
	recording_secret_make(secret, master, salt, w->number, *slot);
	explicit_bzero(salt, sizeof(salt));
	return true;
}

struct new_text {
	struct writer *writer;
	const uint8_t *master;
};

static bool add_text(void *user, const uint8_t *text, size_t size)
{
	struct new_text *new = user;
	struct writer *w = new->writer;
	struct recording_record record = { .type = RECORDING_TEXT, .size = size };
	struct recording_secret secret;
	char *room;

	if (hin_buffer_reserve(&w->lead, RECORDING_RECORD_HEAD + size) == NULL) {
		w->lead.failed = false;
		return false;
	}
	if (!writer_slot(w, new->master, &record.slot, &secret))
		return false;
	recording_record_put(&w->lead, &record);
	room = hin_buffer_reserve(&w->lead, size);
	recording_cipher((uint8_t *)room, text, size, &secret, 0);
	hin_buffer_commit(&w->lead, size);
	explicit_bzero(&secret, sizeof(secret));
	return true;
}

void writer_pieces(struct writer *w, const uint8_t master[RECORDING_KEY], struct hin_buffer *out,
		   const void *data, size_t size, bool ours)
{
	struct new_text new = { w, master };

	recording_texts_encode(w->texts, out, data, size, ours, add_text, &new);
}

/* ---- frames ---- */

/* Have a frame, and in it the strings and names that are new. False without memory. */
static bool begin_frame(struct writer *w)
{
	static const uint8_t head[RECORDING_FRAME_HEAD];
	struct hin_reader in = hin_reader_of(w->lead.data, w->lead.used);
	struct recording_record record;
	uint64_t base;

	if (hin_buffer_reserve(&w->frame, sizeof(head) + w->lead.used) == NULL ||
	    hin_buffer_reserve(&w->text_distances, w->lead.used + 10) == NULL) {
		w->frame.failed = w->text_distances.failed = false;
		return false;
	}
	if (w->frame.used == 0)
		hin_buffer_add(&w->frame, head, sizeof(head));
	base = w->rec_size + w->frame.used;
	while (recording_record_get(&in, &record) == HIN_OK) {
		uint64_t at = base + (uint64_t)(record.start - (const uint8_t *)w->lead.data);

		if (record.type != RECORDING_TEXT)
			continue;
		recording_put(&w->text_distances, at - w->text_last);
		w->text_last = at;
		w->text_new++;
		w->text_count++;
		recording_chain_add(w->text_chain, record.start, record.whole);
	}
	hin_buffer_add(&w->frame, w->lead.data, w->lead.used);
	empty(&w->lead);
	return true;
}

void writer_say(struct writer *w, struct tape *tape)
{
	if (tape->is_said)
		return;
	tape->is_said = true;
	tape->said_next = NULL;
	tape->said_prev = w->said_last;
	if (w->said_last != NULL)
		w->said_last->said_next = tape;
	else
		w->said = tape;
	w->said_last = tape;
}

static void unsay(struct writer *w, struct tape *tape)
{
	if (tape->said_prev != NULL)
		tape->said_prev->said_next = tape->said_next;
	else
		w->said = tape->said_next;
	if (tape->said_next != NULL)
		tape->said_next->said_prev = tape->said_prev;
	else
		w->said_last = tape->said_prev;
	tape->is_said = false;
}

bool writer_take(struct writer *w, struct tape *tape)
{
	size_t size = tape->pending.used;
	struct recording_record record = {
		.type = RECORDING_CHUNK, .slot = tape->seal.slot, .seq = tape->seq, .size = size
	};
	uint64_t at;
	size_t begin;
	char *room;

	if (!begin_frame(w) ||
	    w->frame.used + size + RECORDING_RECORD_HEAD > RECORDING_FRAME_MOST ||
	    hin_buffer_reserve(&w->frame, RECORDING_RECORD_HEAD + size) == NULL) {
		w->frame.failed = false;
		return false;
	}
	begin = w->frame.used;
	at = w->rec_size + begin;
	record.back = tape->seq > 0 ? at - tape->seal.last : 0;
	recording_record_put(&w->frame, &record);
	room = hin_buffer_reserve(&w->frame, size);
	recording_cipher((uint8_t *)room, tape->pending.data, size, &tape->secret, tape->seq);
	hin_buffer_commit(&w->frame, size);
	recording_chain_add(tape->chain, w->frame.data + begin, w->frame.used - begin);
	if (tape->seq == 0)
		tape->seal.first = at;
	tape->seal.last = at;
	tape->seq++;
	hin_buffer_fini(&tape->pending);
	w->frame_items += size;
	unsay(w, tape);
	if (tape->is_over) {
		tape->said_next = w->ended;
		w->ended = tape;
	}
	return true;
}

/* Put into a frame what is said, as much as it takes. False: there is nothing to write. */
static bool build(struct writer *w)
{
	if (w->lead.used > 0 && !begin_frame(w))
		return false;
	while (w->said != NULL && w->frame.used < RECORDING_FRAME_USUAL) {
		if (!writer_take(w, w->said))
			break;
	}
	return w->frame.used > 0;
}

/* Without its key a chunk would be lost: keys first. */
static enum hin_code write_salts(struct writer *w, uint64_t *written, struct hin_error *err)
{
	uint64_t at = RECORDING_HEAD + (uint64_t)w->salts_first * RECORDING_SALT;
	enum hin_code code;

	if (w->salts.used == 0)
		return HIN_OK;
	code = write_at(w->files[RECORDING_KEYS], w->salts.data, w->salts.used, at, w->path,
			RECORDING_KEYS, err);
	if (code != HIN_OK)
		return code;
	*written += w->salts.used;
	w->salts_first += (uint32_t)(w->salts.used / RECORDING_SALT);
	w->dirty[RECORDING_KEYS] = true;
	explicit_bzero(w->salts.data, w->salts.used);
	empty(&w->salts);
	return HIN_OK;
}

enum hin_code writer_write(struct writer *w, uint64_t *written, uint64_t *freed,
			   struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	while (code == HIN_OK && build(w)) {
		code = write_salts(w, written, err);
		if (code != HIN_OK)
			break;
		recording_frame_finish(w->frame.data, w->frame.used - RECORDING_FRAME_HEAD);
		code = append(w, RECORDING_REC, &w->frame, &w->rec_size, err);
		if (code != HIN_OK)
			break;
		*written += w->frame.used;
		*freed += w->frame_items;
		w->frame_items = 0;
		empty(&w->frame);
	}
	if (code == HIN_OK && (w->said != NULL || w->lead.used > 0))
		code = hin_fail(err, HIN_ENOMEM, "chunks of %s", w->path);
	return code;
}

enum hin_code writer_sync(struct writer *w, struct hin_error *err)
{
	static const enum recording_file order[] = { RECORDING_KEYS, RECORDING_REC,
						     RECORDING_SEALS };

	for (unsigned k = 0; k < HIN_COUNT(order); k++) {
		if (!w->dirty[order[k]])
			continue;
		if (fdatasync(w->files[order[k]]) != 0)
			return hin_fail(err, HIN_ESYS, "sync %s%s", w->path,
					recording_endings[order[k]]);
		w->dirty[order[k]] = false;
	}
	return HIN_OK;
}

/* ---- seals ---- */

bool writer_add_seal(struct writer *w, const struct recording_seal *seal, int64_t now_us)
{
	struct hin_buffer one = { 0 };
	bool done = false;

	recording_seal_put(&one, seal, w->head.made_us);
	if (!one.failed && hin_buffer_reserve(&w->seals, one.used + 10) != NULL) {
		if (w->seals_count++ == 0)
			w->seals_since_us = now_us;
		recording_put(&w->seals, one.used);
		hin_buffer_add(&w->seals, one.data, one.used);
		done = true;
	}
	w->seals.failed = false;
	hin_buffer_fini(&one);
	return done;
}

/* All of a group before its seals. */
static void put_meta(struct writer *w, const struct seal_chain *chain, bool final, int64_t now_us,
		     struct hin_buffer *out)
{
	bool foreign = final || chain->segment != w->number;
	unsigned flags = (final ? RECORDING_GROUP_FINAL : 0u) |
			 (w->text_new > 0 ? RECORDING_GROUP_TEXTS : 0u) |
			 (foreign ? RECORDING_GROUP_FOREIGN : 0u);

	recording_put(out, chain->number + 1);
	recording_put(out, flags);
	recording_put(out, recording_zigzag(now_us - w->head.made_us));
	if (foreign) {
		recording_put(out, chain->segment);
		hin_buffer_add(out, chain->digest, sizeof(chain->digest));
	}
	if (final)
		recording_put(out, w->rec_size);
	if (w->text_new > 0) {
		hin_buffer_add(out, w->text_chain, sizeof(w->text_chain));
		recording_put(out, w->text_new);
		hin_buffer_add(out, w->text_distances.data, w->text_distances.used);
	}
	recording_put(out, w->names_count - w->names_sealed);
	for (uint32_t k = w->names_sealed; k < w->names_count; k++) {
		recording_put(out, strlen(w->names[k]));
		hin_buffer_puts(out, w->names[k]);
	}
	recording_put(out, w->seals_count);
}

static enum hin_code make_group(struct writer *w, struct seal_chain *chain, bool final,
				const struct hin_sensor_key *key, int64_t now_us,
				struct hin_error *err)
{
	static const uint8_t head[RECORDING_FRAME_HEAD];
	struct hin_reader seals = hin_reader_of(w->seals.data, w->seals.used);
	uint8_t digest[32], signature[64];
	size_t meta;

	hin_buffer_reset(&w->group);
	hin_buffer_add(&w->group, head, sizeof(head));
	put_meta(w, chain, final, now_us, &w->group);
	meta = w->group.used - sizeof(head);
	hin_buffer_add(&w->group, w->seals.data, w->seals.used);
	if (w->group.failed || hin_buffer_reserve(&w->group, sizeof(signature)) == NULL ||
	    recording_group_digest(digest, chain->digest, w->head_bytes,
				   w->group.data + sizeof(head), meta, seals,
				   w->seals_count) != HIN_OK) {
		hin_buffer_fini(&w->group);
		return hin_fail(err, HIN_ENOMEM, "seals of %s", w->path);
	}
	recording_group_sign(signature, digest, key);
	hin_buffer_add(&w->group, signature, sizeof(signature));
	recording_frame_finish(w->group.data, w->group.used - sizeof(head));
	w->group_final = final;
	chain->number++;
	chain->segment = w->number;
	chain->blocked = true;
	memcpy(chain->digest, digest, sizeof(digest));
	w->seals_count = 0;
	empty(&w->seals);
	w->names_sealed = w->names_count;
	w->text_new = 0;
	empty(&w->text_distances);
	return HIN_OK;
}

enum hin_code writer_seal(struct writer *w, struct seal_chain *chain, bool final,
			  const struct hin_sensor_key *key, int64_t now_us, uint64_t *written,
			  struct hin_error *err)
{
	enum hin_code code;

	if (w->group.used == 0) {
		/* a seal must not be on the disk before what it seals */
		code = writer_sync(w, err);
		if (code == HIN_OK)
			code = make_group(w, chain, final, key, now_us, err);
		if (code != HIN_OK)
			return code;
	}
	code = append(w, RECORDING_SEALS, &w->group, &w->seal_size, err);
	if (code != HIN_OK)
		return code;
	*written += w->group.used;
	empty(&w->group);
	chain->blocked = false;
	w->closed = w->closed || w->group_final;
	return HIN_OK;
}
