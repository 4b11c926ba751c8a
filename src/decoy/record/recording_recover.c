/* recording_recover - a folder that was left, and what is too old; see recording_writer_priv.h */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "decoy/record/recording_writer_priv.h"

/* ---- segments that are closed ---- */

static uint64_t file_size(const char *path, const char *ending)
{
	char name[PATH_MAX];
	struct stat st;

	if (snprintf(name, sizeof(name), "%s%s", path, ending) >= (int)sizeof(name) ||
	    stat(name, &st) != 0)
		return 0;
	return (uint64_t)st.st_size;
}

enum hin_code recorder_add_old(struct hin_recorder *r, uint64_t number, const char *path,
			       int64_t end_us)
{
	struct old_segment *old;
	size_t at;

	if (r->old_count == r->old_room) {
		size_t room = r->old_room > 0 ? r->old_room * 2 : 16;

		old = reallocarray(r->old, room, sizeof(*old));
		if (old == NULL)
			return HIN_ENOMEM;
		r->old = old;
		r->old_room = room;
	}
	for (at = r->old_count; at > 0 && r->old[at - 1].number > number; at--)
		r->old[at] = r->old[at - 1];
	r->old[at] = (struct old_segment){ .number = number, .end_us = end_us };
	r->old[at].path = strdup(path);
	for (unsigned k = 0; k < RECORDING_FILES; k++)
		r->old[at].bytes += file_size(path, recording_endings[k]);
	r->old[at].bytes += file_size(path, ".torn");
	r->old_count++;
	return r->old[at].path != NULL ? HIN_OK : HIN_ENOMEM;
}

static void remove_segment(const char *path)
{
	static const char *const endings[] = { ".hkey", ".hrec", ".hseal", ".torn" };
	char name[PATH_MAX];

	for (unsigned k = 0; k < HIN_COUNT(endings); k++) {
		if (snprintf(name, sizeof(name), "%s%s", path, endings[k]) < (int)sizeof(name) &&
		    unlink(name) != 0 && errno != ENOENT)
			hin_log_limited(HIN_LOG_WARNING, "decoy.recording.remove",
					hin_log_text("file", name),
					hin_log_text("error", strerrordesc_np(errno)));
	}
}

void recorder_expire(struct hin_recorder *r, int64_t now_us)
{
	uint64_t bytes = hin_recorder_stats(r).bytes;
	int64_t age_us = r->settings.max_age_ns / 1000;
	size_t gone = 0;

	for (; gone < r->old_count; gone++) {
		struct old_segment *old = &r->old[gone];
		bool too_old = age_us > 0 && now_us - old->end_us > age_us;

		if (!too_old && bytes <= r->settings.max_bytes)
			break;
		hin_log(HIN_LOG_INFO, "decoy.recording.expired", hin_log_text("segment", old->path),
			hin_log_text("why", too_old ? "age" : "size"),
			hin_log_u64("bytes", old->bytes));
		remove_segment(old->path);
		bytes -= old->bytes;
		free(old->path);
		r->stats.expired_segments++;
	}
	if (gone > 0) {
		r->old_count -= gone;
		memmove(r->old, r->old + gone, r->old_count * sizeof(*r->old));
	}
}

/* Has any key of it been erased? */
static bool has_erased(const char *path)
{
	uint8_t salts[256 * RECORDING_SALT];
	char name[PATH_MAX];
	bool found = false;
	ssize_t got;
	int fd;

	if (snprintf(name, sizeof(name), "%s.hkey", path) >= (int)sizeof(name))
		return false;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		return false;
	if (lseek(fd, RECORDING_HEAD + RECORDING_SALT, SEEK_SET) > 0) {
		while (!found && (got = read(fd, salts, sizeof(salts))) > 0) {
			for (ssize_t k = 0; k + RECORDING_SALT <= got; k += RECORDING_SALT)
				found = found || recording_salt_is_erased(salts + k);
		}
	}
	close(fd);
	explicit_bzero(salts, sizeof(salts));
	return found;
}

void recorder_sweep(const struct hin_recorder *r, const char *path)
{
	struct recording_segment *segment = NULL;
	struct hin_error err = { 0 };
	enum hin_code code;

	if (!has_erased(path))
		return;
	code = recording_segment_open(&segment, path, r->master, &err);
	if (code == HIN_OK)
		code = recording_sweep(segment, &err);
	if (code != HIN_OK)
		hin_log(HIN_LOG_WARNING, "decoy.recording.sweep", hin_log_text("error", err.text));
	recording_segment_close(segment);
}

/* ---- segments that were left open ---- */

/* The frame head at `at`, and the length it tells. HIN_EOF: there is none, or it is torn. */
static enum hin_code group_at(int fd, uint64_t at, uint64_t size,
			      uint8_t frame[RECORDING_FRAME_HEAD], size_t *length)
{
	ssize_t got = pread(fd, frame, RECORDING_FRAME_HEAD, (off_t)at);

	if (got < 0)
		return HIN_ESYS;
	*length = got == RECORDING_FRAME_HEAD ? recording_frame_size(frame, size - at) : 0;
	return *length > 0 ? HIN_OK : HIN_EOF;
}

/*
 * Where the last group of a segment's seals stands, without reading its sessions. `*closed`: it is
 * the final one. What is no group at all is left to those who read the whole segment.
 */
static enum hin_code read_last(int fd, uint64_t size, struct seal_chain *chain, int64_t *end_us,
			       bool *closed)
{
	uint8_t head_bytes[RECORDING_HEAD], frame[RECORDING_FRAME_HEAD];
	uint64_t at = RECORDING_HEAD, last = 0;
	struct hin_buffer bytes = { 0 };
	struct recording_head head;
	struct recording_group group;
	size_t length = 0, one;
	enum hin_code code;
	char *room;

	if (pread(fd, head_bytes, sizeof(head_bytes), 0) != (ssize_t)sizeof(head_bytes) ||
	    recording_head_read(&head, RECORDING_SEALS, head_bytes, sizeof(head_bytes)) != HIN_OK)
		return HIN_OK;
	while ((code = group_at(fd, at, size, frame, &one)) == HIN_OK) {
		last = at;
		length = one;
		at += RECORDING_FRAME_HEAD + one;
	}
	if (code != HIN_EOF || length == 0)
		return code == HIN_EOF ? HIN_OK : code;
	room = hin_buffer_reserve(&bytes, length);
	if (room == NULL)
		return HIN_ENOMEM;
	code = group_at(fd, last, size, frame, &one);
	if (code == HIN_OK &&
	    pread(fd, room, length, (off_t)(last + sizeof(frame))) == (ssize_t)length &&
	    recording_frame_holds(frame, room, length) &&
	    recording_group_get(&group, room, length, &head) == HIN_OK &&
	    (group.flags & RECORDING_GROUP_FINAL) && (group.flags & RECORDING_GROUP_FOREIGN)) {
		/* the head of all three files is the same but for its first bytes */
		recording_head_write(head_bytes, RECORDING_REC, &head);
		*closed = recording_group_digest(chain->digest, group.before_digest, head_bytes,
						 group.start, group.meta, group.seals,
						 group.seals_count) == HIN_OK;
		chain->number = group.number;
		chain->segment = head.segment;
		*end_us = group.time_us;
	}
	hin_buffer_fini(&bytes);
	return code;
}

static enum hin_code last_group(const char *path, struct seal_chain *chain, int64_t *end_us,
				bool *closed, struct hin_error *err)
{
	char name[PATH_MAX];
	enum hin_code code;
	int fd;

	*closed = false;
	if (snprintf(name, sizeof(name), "%s.hseal", path) >= (int)sizeof(name))
		return hin_fail(err, HIN_ELIMIT, "path of %zu bytes is too long", strlen(path));
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		return errno == ENOENT ? HIN_OK : hin_fail(err, HIN_ESYS, "open %s", name);
	code = read_last(fd, file_size(path, ".hseal"), chain, end_us, closed);
	if (code != HIN_OK)
		code = hin_fail(err, code, "read %s", name);
	close(fd);
	return code;
}

/* Keep what is cut off a file beside it, for those who want to know. False: it is not kept. */
static bool keep_torn(const struct recording_segment *s, uint64_t from, uint64_t size)
{
	uint8_t bytes[65536];
	char name[PATH_MAX];
	int fd;

	if (snprintf(name, sizeof(name), "%s.torn", s->path) >= (int)sizeof(name))
		return false;
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return false;
	while (from < size) {
		size_t want = size - from < sizeof(bytes) ? (size_t)(size - from) : sizeof(bytes);
		ssize_t got = pread(s->rec, bytes, want, (off_t)from);

		if (got <= 0 || write(fd, bytes, (size_t)got) != got)
			break;
		from += (uint64_t)got;
	}
	return close(fd) == 0 && from >= size;
}

/* Cut the torn ends of a segment. */
static enum hin_code cut(struct hin_recorder *r, struct recording_segment *s, struct writer *w,
			 struct hin_error *err)
{
	uint64_t rec = file_size(s->path, ".hrec"), seals = file_size(s->path, ".hseal");

	if (rec > s->scanned) {
		hin_log(HIN_LOG_WARNING, "decoy.recording.torn", hin_log_text("segment", s->path),
			hin_log_u64("cut_bytes", rec - s->scanned), hin_log_u64("at", s->scanned));
		r->stats.torn_bytes += rec - s->scanned;
		/* what cannot be kept stays where it is: a check tells of it */
		if (keep_torn(s, s->scanned, rec) &&
		    ftruncate(w->files[RECORDING_REC], (off_t)s->scanned) != 0)
			return hin_fail(err, HIN_ESYS, "cut %s.hrec", s->path);
	}
	w->rec_size = s->scanned;
	w->seal_size = s->seal_used;
	if (seals > s->seal_used) {
		r->stats.torn_bytes += seals - s->seal_used;
		if (ftruncate(w->files[RECORDING_SEALS], (off_t)s->seal_used) != 0)
			return hin_fail(err, HIN_ESYS, "cut %s.hseal", s->path);
	}
	if (s->seal_used == 0) { /* it died before the head was written */
		uint8_t head[RECORDING_HEAD];

		recording_head_write(head, RECORDING_SEALS, &s->head);
		if (pwrite(w->files[RECORDING_SEALS], head, sizeof(head), 0) !=
		    (ssize_t)sizeof(head))
			return hin_fail(err, HIN_ESYS, "write %s.hseal", s->path);
		w->seal_size = RECORDING_HEAD;
	}
	return HIN_OK;
}

/* What no group has told of yet: names, and where strings lie. */
static enum hin_code take_lists(struct recording_segment *s, struct writer *w,
				struct hin_error *err)
{
	struct hin_buffer bytes = { 0 };
	struct recording_record record;
	enum hin_code code = HIN_OK;

	w->names_count = (uint32_t)s->names_count;
	w->names_sealed = (uint32_t)s->names_sealed;
	w->names = s->names; /* moved */
	s->names = NULL;
	s->names_count = 0;
	recording_chain_begin(w->text_chain, w->head_bytes, 0);
	for (size_t k = 0; k < s->texts_count && code == HIN_OK; k++) {
		uint64_t at = s->texts[k].at;

		code = recording_segment_record(s, &bytes, at, &record, err);
		if (code != HIN_OK)
			break;
		recording_chain_add(w->text_chain, record.start, record.whole);
		if (k >= s->texts_sealed) {
			recording_put(&w->text_distances, at - w->text_last);
			w->text_new++;
		}
		w->text_last = at;
		w->text_count++;
	}
	hin_buffer_fini(&bytes);
	return code;
}

enum hin_code writer_resume(struct writer **out, struct recording_segment *s, struct hin_error *err)
{
	struct writer *w = calloc(1, sizeof(*w));
	enum hin_code code = HIN_OK;
	char name[PATH_MAX];

	if (w == NULL)
		return hin_fail(err, HIN_ENOMEM, "segment %s", s->path);
	w->next_slot = w->salts_first = RECORDING_SLOTS;
	w->full = true;
	w->number = s->number;
	w->head = s->head;
	memcpy(w->head_bytes, s->head_bytes, sizeof(w->head_bytes));
	w->path = strdup(s->path);
	if (w->path == NULL)
		code = hin_fail(err, HIN_ENOMEM, "segment %s", s->path);
	for (unsigned k = 0; k < RECORDING_FILES; k++)
		w->files[k] = -1;
	for (unsigned k = 0; k < RECORDING_FILES && code == HIN_OK; k++) {
		if (snprintf(name, sizeof(name), "%s%s", s->path, recording_endings[k]) >=
		    (int)sizeof(name))
			code = hin_fail(err, HIN_ELIMIT, "path of %zu bytes is too long",
					strlen(s->path));
		else if ((w->files[k] = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
					     0600)) == -1)
			code = hin_fail(err, HIN_ESYS, "open %s", name);
	}
	if (code == HIN_OK)
		*out = w;
	else
		writer_free(w);
	return code;
}

/* Seal the sessions that have no seal; but for those that cannot be read, which is told. */
static enum hin_code seal_rest(struct hin_recorder *r, struct recording_segment *s,
			       struct writer *w, int64_t now_us, struct hin_error *err)
{
	uint8_t *sealed = calloc(RECORDING_SLOTS / 8, 1);
	enum hin_code code = HIN_OK;

	if (sealed == NULL)
		return hin_fail(err, HIN_ENOMEM, "segment %s", s->path);
	for (size_t k = 0; k < s->seal_count; k++)
		sealed[s->seal_list[k].slot / 8] |= (uint8_t)(1u << s->seal_list[k].slot % 8);
	for (size_t k = 0; code == HIN_OK && k < s->seen_count; k++) {
		const struct recording_seen *seen = &s->seen[k];
		struct hin_error why = { 0 };
		struct recording_seal seal;

		if (sealed[seen->slot / 8] & 1u << seen->slot % 8)
			continue;
		code = recording_segment_summary(s, seen, &seal, &why);
		if (code == HIN_ENOMEM || code == HIN_ESYS) {
			if (err != NULL)
				*err = why;
		} else if (code != HIN_OK) {
			hin_log_limited(HIN_LOG_WARNING, "decoy.recording.unsealed",
					hin_log_u64("segment", s->number),
					hin_log_u64("place", seen->slot),
					hin_log_text("error", why.text));
			code = HIN_OK;
		} else if (writer_add_seal(w, &seal, now_us)) {
			r->stats.cut += (seal.entry.flags & HIN_RECORDING_CUT) != 0;
			r->stats.sealed++;
		} else {
			code = hin_fail(err, HIN_ENOMEM, "segment %s", s->path);
		}
	}
	free(sealed);
	return code;
}

/* Cut, seal and close one segment that was left open. */
static enum hin_code close_left(struct hin_recorder *r, const char *path, int64_t now_us,
				struct hin_error *err)
{
	struct recording_segment *s = NULL;
	struct writer *w = NULL;
	enum hin_code code = recording_segment_open(&s, path, r->master, err);

	if (code == HIN_OK)
		code = recording_segment_refresh(s, true, err);
	if (code == HIN_OK && s->closed) {
		/* closed, with something behind its last group: that is for a check to tell */
		code = recorder_add_old(r, s->number, path, s->end_us);
		recording_segment_close(s);
		return code;
	}
	if (code == HIN_OK && !s->has_master)
		code = hin_fail(err, HIN_EVERIFY,
				"%s.hrec was written with another recording.key: bring that back",
				path);
	if (code == HIN_OK)
		code = writer_resume(&w, s, err);
	if (code == HIN_OK)
		code = cut(r, s, w, err);
	if (code == HIN_OK)
		code = seal_rest(r, s, w, now_us, err);
	if (code == HIN_OK)
		code = take_lists(s, w, err);
	if (code == HIN_OK)
		code = writer_seal(w, &r->chain, true, r->key, now_us, &r->stats.written_bytes,
				   err);
	if (code == HIN_OK)
		code = writer_sync(w, err);
	if (code == HIN_OK)
		code = recorder_add_old(r, w->number, path, now_us);
	writer_free(w);
	recording_segment_close(s);
	if (code == HIN_OK)
		recorder_sweep(r, path);
	return code;
}

/* ---- opening a folder ---- */

static enum hin_code lock(struct hin_recorder *r, struct hin_error *err)
{
	char name[PATH_MAX];

	if (mkdir(r->folder, 0700) != 0 && errno != EEXIST)
		return hin_fail(err, HIN_ESYS, "make folder %s", r->folder);
	if (snprintf(name, sizeof(name), "%s/lock", r->folder) >= (int)sizeof(name))
		return hin_fail(err, HIN_ELIMIT, "path of %zu bytes is too long",
				strlen(r->folder));
	r->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (r->lock == -1)
		return hin_fail(err, HIN_ESYS, "open %s", name);
	if (flock(r->lock, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? hin_fail(err, HIN_EDENIED,
						       "another process records in %s", r->folder)
					    : hin_fail(err, HIN_ESYS, "lock %s", name);
	return HIN_OK;
}

/* The chain goes on behind the newest signature of all. */
static void take_chain(struct hin_recorder *r, const struct seal_chain *chain)
{
	if (chain->number > r->chain.number)
		r->chain = *chain;
}

/* Where the chain stands in a segment that was left open. */
static enum hin_code open_chain(struct hin_recorder *r, const struct recording_file_name *item,
				struct hin_error *err)
{
	struct seal_chain chain = { .segment = item->number };
	struct recording_segment *s = NULL;
	enum hin_code code = recording_segment_open(&s, item->path, r->master, err);

	if (code == HIN_OK && recording_segment_chain(s, &chain.number, chain.digest))
		take_chain(r, &chain);
	recording_segment_close(s);
	/* what cannot be read is told when it is to be closed */
	return code == HIN_EFORMAT || code == HIN_ETRUNCATED || code == HIN_ENOENT ? HIN_OK : code;
}

/* The chain goes on behind the newest signature of all segments, closed or left open. */
static enum hin_code read_chains(struct hin_recorder *r, const struct recording_folder *folder,
				 bool *closed, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (size_t k = 0; code == HIN_OK && k < folder->count; k++) {
		const struct recording_file_name *item = &folder->items[k];
		struct seal_chain chain = { 0 };
		int64_t end_us = 0;

		r->next_number = item->number + 1;
		code = last_group(item->path, &chain, &end_us, &closed[k], err);
		if (code != HIN_OK)
			break;
		if (!closed[k]) {
			code = open_chain(r, item, err);
			continue;
		}
		take_chain(r, &chain);
		code = recorder_add_old(r, item->number, item->path, end_us);
		if (code != HIN_OK)
			code = hin_fail(err, code, "%s", r->folder);
	}
	return code;
}

static enum hin_code close_all(struct hin_recorder *r, const struct recording_folder *folder,
			       const bool *closed, int64_t now_us, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (size_t k = 0; code == HIN_OK && k < folder->count; k++) {
		if (closed[k])
			continue;
		code = close_left(r, folder->items[k].path, now_us, err);
		if (code == HIN_EFORMAT || code == HIN_ETRUNCATED) {
			/* nothing of it can be read: that is told, and it is left as it is */
			hin_log(HIN_LOG_WARNING, "decoy.recording.damaged",
				hin_log_text("error", err->text));
			code = HIN_OK;
		}
	}
	return code;
}

enum hin_code recorder_recover(struct hin_recorder *r, int64_t now_us, struct hin_error *err)
{
	struct recording_folder folder = { 0 };
	struct hin_error why = { 0 };
	bool *closed = NULL;
	enum hin_code code = lock(r, err);

	if (code == HIN_OK)
		code = recording_folder_read(&folder, r->folder, err);
	if (code == HIN_OK) {
		code = recording_key_open(r->master, r->folder, folder.count == 0, err);
		if (code == HIN_ENOENT)
			code = hin_fail(err, HIN_EVERIFY,
					"%s has recordings but no recording.key: bring it back",
					r->folder);
	}
	if (code == HIN_OK) {
		closed = calloc(folder.count + 1, sizeof(*closed));
		code = closed != NULL ? HIN_OK : hin_fail(err, HIN_ENOMEM, "%s", r->folder);
	}
	if (code == HIN_OK)
		code = read_chains(r, &folder, closed, err);
	if (code == HIN_OK) {
		code = close_all(r, &folder, closed, now_us, &why);
		if (code != HIN_OK && err != NULL)
			*err = why;
	}
	free(closed);
	recording_folder_fini(&folder);
	return code;
}
