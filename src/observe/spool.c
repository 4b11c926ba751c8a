/* spool - batches on disk until they are stored elsewhere; see spool.h */
#include "observe/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "observe/batch_reader.h"
#include "observe/spool_priv.h"

#define LIMIT_DEFAULT ((uint64_t)1 << 30)
#define SAVE_NS (10 * HIN_NS_PER_S) /* what is acknowledged is written down this often */
#define FILE_DEFAULT ((uint64_t)8 << 20)

/* ---- losses ---- */

static void lose(struct hin_spool *s, const struct hin_spool_loss *loss)
{
	struct hin_spool_loss *at = NULL;
	uint16_t kind = loss->kind;

	for (int pass = 0; pass < 2 && at == NULL; pass++) {
		for (size_t i = 0; i < s->loss_count && at == NULL; i++)
			if (s->losses[i].kind == kind && s->losses[i].verdict == loss->verdict)
				at = &s->losses[i];
		if (at == NULL && s->loss_count < HIN_SPOOL_KINDS - (pass == 0)) {
			at = &s->losses[s->loss_count++];
			*at = (struct hin_spool_loss){ .kind = kind, .verdict = loss->verdict };
		}
		kind = 0; /* too many kinds: the rest together */
	}
	if (at == NULL) {
		at = &s->losses[HIN_SPOOL_KINDS - 1];
		at->kind = 0;
	}
	if (loss->first_us != 0 && (at->first_us == 0 || loss->first_us < at->first_us))
		at->first_us = loss->first_us;
	if (loss->last_us > at->last_us)
		at->last_us = loss->last_us;
	at->rows += loss->rows;
	s->lost_rows += loss->rows;
}

static void lose_batch(struct hin_spool *s, const void *bytes, size_t size, uint8_t verdict)
{
	struct hin_spool_loss loss = { .verdict = verdict };
	struct hin_batch_reader reader;
	struct hin_observation row;

	if (hin_batch_reader_open(&reader, bytes, size, NULL, NULL) != HIN_OK) {
		loss.rows = 1;
		lose(s, &loss);
		return;
	}
	while (hin_batch_reader_next(&reader, &row, NULL) != HIN_EOF) {
		if (row.kind != loss.kind && loss.rows > 0) {
			lose(s, &loss);
			loss = (struct hin_spool_loss){ .verdict = verdict };
		}
		loss.kind = row.kind;
		if (loss.rows++ == 0 || row.time_us < loss.first_us)
			loss.first_us = row.time_us;
		if (row.time_us > loss.last_us)
			loss.last_us = row.time_us;
	}
	if (loss.rows > 0)
		lose(s, &loss);
}

void hin_spool_lose(struct hin_spool *s, const struct hin_spool_loss *loss)
{
	pthread_mutex_lock(&s->lock);
	lose(s, loss);
	pthread_mutex_unlock(&s->lock);
}

void hin_spool_lose_batch(struct hin_spool *s, const void *bytes, size_t size, uint8_t verdict)
{
	pthread_mutex_lock(&s->lock);
	lose_batch(s, bytes, size, verdict);
	pthread_mutex_unlock(&s->lock);
}

bool hin_spool_take_loss(struct hin_spool *s, struct hin_spool_loss *out)
{
	bool any;

	pthread_mutex_lock(&s->lock);
	any = s->loss_count > 0;
	if (any)
		*out = s->losses[--s->loss_count];
	pthread_mutex_unlock(&s->lock);
	return any;
}

/* ---- places ---- */

/* The file and sequence of the first batch behind `place`; false when there is none. */
static bool find_next(const struct hin_spool *s, const struct hin_spool_place *place, size_t *file,
		      uint64_t *sequence)
{
	size_t start = 0;

	while (start < s->file_count && s->files[start].epoch != place->epoch)
		start++;
	if (start == s->file_count)
		start = 0;
	for (size_t i = start; i < s->file_count; i++) {
		const struct spool_file *f = &s->files[i];
		bool same = f->epoch == place->epoch;

		if (f->count == 0 || (same && f->first + f->count - 1 <= place->sequence))
			continue;
		*file = i;
		*sequence = same && place->sequence >= f->first ? place->sequence + 1 : f->first;
		return true;
	}
	return false;
}

/* How many batches of file `i` are acknowledged. */
static uint64_t acknowledged_of(const struct hin_spool *s, size_t i)
{
	const struct spool_file *f = &s->files[i];
	const struct hin_spool_place *a = &s->acknowledged;

	if (f->epoch == a->epoch) {
		if (a->sequence < f->first)
			return 0;
		return a->sequence - f->first >= f->count ? f->count : a->sequence - f->first + 1;
	}
	for (size_t j = i + 1; j < s->file_count; j++)
		if (s->files[j].epoch == a->epoch)
			return f->count;
	return 0;
}

/* Files before this one may go: it has the newest batch, which stays. */
static size_t newest_full(const struct hin_spool *s)
{
	for (size_t i = s->file_count; i > 0; i--)
		if (s->files[i - 1].count > 0)
			return i - 1;
	return 0;
}

uint64_t hin_spool_oldest(struct hin_spool *s, uint64_t epoch)
{
	uint64_t oldest = 0;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->file_count && oldest == 0; i++)
		if (s->files[i].epoch == epoch && s->files[i].count > 0)
			oldest = s->files[i].first;
	pthread_mutex_unlock(&s->lock);
	return oldest;
}

struct hin_spool_place hin_spool_newest(struct hin_spool *s)
{
	struct hin_spool_place newest = { 0 };

	pthread_mutex_lock(&s->lock);
	if (s->file_count > 0) {
		const struct spool_file *f = &s->files[newest_full(s)];

		if (f->count > 0)
			newest = (struct hin_spool_place){ f->epoch, f->first + f->count - 1 };
	}
	pthread_mutex_unlock(&s->lock);
	return newest;
}

void hin_spool_stats(struct hin_spool *s, struct hin_spool_stats *out)
{
	*out = (struct hin_spool_stats){ 0 };
	pthread_mutex_lock(&s->lock);
	out->bytes = s->bytes;
	out->limit_bytes = s->settings.limit_bytes;
	out->dropped_batches = s->dropped_batches;
	for (size_t i = 0; i < s->file_count; i++) {
		out->batches += s->files[i].count;
		out->unsent += s->files[i].count - acknowledged_of(s, i);
	}
	pthread_mutex_unlock(&s->lock);
}

/* ---- reading ---- */

static void close_reading(struct hin_spool *s)
{
	hin_batch_file_close(s->reading);
	s->reading = NULL;
	s->ahead = NULL;
}

/* Make batch `sequence` of `f` the one ahead. */
static enum hin_code read_ahead(struct hin_spool *s, const struct spool_file *f, uint64_t sequence,
				struct hin_error *err)
{
	char path[PATH_MAX];
	enum hin_code code;

	if (s->reading != NULL && (s->reading_number != f->number || s->reading_next > sequence))
		close_reading(s);
	if (s->reading != NULL && s->ahead != NULL && s->reading_next == sequence)
		return HIN_OK;
	if (s->reading == NULL) {
		spool_file_path(s, f, path);
		code = hin_batch_file_open(&s->reading, path, err);
		if (code != HIN_OK)
			return code;
		s->reading_number = f->number;
		s->reading_next = f->first;
		s->ahead = NULL;
	}
	if (s->ahead != NULL) {
		s->ahead = NULL;
		s->reading_next++;
	}
	for (;; s->reading_next++) {
		code = hin_batch_file_read(s->reading, &s->ahead, &s->ahead_size, err);
		if (code != HIN_OK)
			s->ahead = NULL;
		if (s->reading_next == sequence || (code != HIN_OK && code != HIN_EVERIFY))
			return code;
	}
}

/* Batches `from` to the end of file `i`, or that one alone, cannot be read. */
static void lose_unreadable(struct hin_spool *s, size_t i, uint64_t from, bool alone)
{
	struct spool_file *f = &s->files[i];
	uint64_t count = alone ? 1 : f->first + f->count - from;
	struct hin_spool_loss loss = { .verdict = HIN_VERDICT_BAD_INPUT, .rows = count };

	lose(s, &loss);
	s->dropped_batches += count;
	if (alone)
		return;
	f->count -= count;
	close_reading(s);
}

/* The batch behind `place` in s->ahead; its place in `*next`. */
static enum hin_code read_next(struct hin_spool *s, const struct hin_spool_place *place,
			       struct hin_spool_place *next, struct hin_error *err)
{
	struct hin_spool_place at = *place;
	struct hin_error why = { 0 };
	uint64_t sequence;
	enum hin_code code;
	size_t i;

	while (find_next(s, &at, &i, &sequence)) {
		code = read_ahead(s, &s->files[i], sequence, &why);
		at = (struct hin_spool_place){ s->files[i].epoch, sequence };
		*next = at;
		if (code == HIN_OK)
			return HIN_OK;
		if (code == HIN_ENOMEM || (code == HIN_ESYS && why.sys != EIO)) {
			if (err != NULL)
				*err = why;
			return code;
		}
		lose_unreadable(s, i, sequence, code == HIN_EVERIFY);
		if (code == HIN_EVERIFY)
			s->reading_next++;
	}
	return HIN_EOF;
}

enum hin_code hin_spool_read(struct hin_spool *s, struct hin_spool_place *place, size_t size_max,
			     struct hin_buffer *out, struct hin_error *err)
{
	struct hin_spool_place next;
	enum hin_code code;

	pthread_mutex_lock(&s->lock);
	code = read_next(s, place, &next, err);
	if (code == HIN_OK && s->ahead_size > size_max)
		code = HIN_ELIMIT;
	if (code == HIN_OK) {
		hin_buffer_add(out, s->ahead, s->ahead_size);
		if (out->failed)
			code = hin_fail(err, HIN_ENOMEM, "batch of %zu bytes", s->ahead_size);
	}
	if (code == HIN_OK)
		*place = next;
	pthread_mutex_unlock(&s->lock);
	return code;
}

/* ---- forgetting ---- */

/* Write down what is acknowledged; after a failure more counts as unsent than is. */
static void save_acknowledged(struct hin_spool *s)
{
	char path[PATH_MAX], text[64];
	int size = snprintf(text, sizeof(text), "%016llx %llu\n",
			    (unsigned long long)s->acknowledged.epoch,
			    (unsigned long long)s->acknowledged.sequence);

	spool_path(s, SPOOL_ACKNOWLEDGED, path);
	(void)!hin_file_replace(path, text, (size_t)size, 0640, NULL);
}

static void remove_oldest(struct hin_spool *s)
{
	char path[PATH_MAX];

	spool_file_path(s, &s->files[0], path);
	if (s->reading != NULL && s->reading_number == s->files[0].number)
		close_reading(s);
	(void)unlink(path); /* one that stays is found again at the next start */
	s->bytes -= s->files[0].bytes;
	s->file_count--;
	memmove(s->files, s->files + 1, s->file_count * sizeof(*s->files));
}

/* Remove the oldest file; count what of it nobody has, by `verdict`. */
static void drop_oldest(struct hin_spool *s, uint8_t verdict)
{
	const struct spool_file *f = &s->files[0];
	uint64_t sequence = f->first + acknowledged_of(s, 0), end = f->first + f->count;
	uint64_t number = f->number;

	while (sequence < end) {
		struct hin_spool_place next,
			place = { s->files[0].epoch, sequence > 1 ? sequence - 1 : 0 };

		if (read_next(s, &place, &next, NULL) != HIN_OK || s->reading_number != number)
			break; /* what cannot be read was counted */
		lose_batch(s, s->ahead, s->ahead_size, verdict);
		s->dropped_batches++;
		sequence = next.sequence + 1;
	}
	remove_oldest(s);
}

void hin_spool_forget(struct hin_spool *s, struct hin_spool_place place)
{
	uint64_t bytes = 0;
	bool here = false, removed = false;
	size_t full = 0;
	int64_t now;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->file_count; i++)
		here |= s->files[i].epoch == place.epoch;
	s->acknowledged = here ? place : (struct hin_spool_place){ 0 };
	while (full < newest_full(s) && acknowledged_of(s, full) == s->files[full].count)
		bytes += s->files[full++].bytes;
	for (; full > 0 && bytes > s->settings.keep_bytes; full--) {
		bytes -= s->files[0].bytes;
		remove_oldest(s);
		removed = true;
	}
	now = hin_time_monotonic_ns();
	if (removed || now - s->saved_ns >= SAVE_NS) {
		save_acknowledged(s);
		s->saved_ns = now;
	}
	pthread_mutex_unlock(&s->lock);
}

uint64_t hin_spool_abandon(struct hin_spool *s, uint8_t verdict)
{
	uint64_t before, lost;

	pthread_mutex_lock(&s->lock);
	before = s->lost_rows;
	hin_batch_file_close(s->writing);
	s->writing = NULL;
	s->resume = false;
	while (s->file_count > 0)
		drop_oldest(s, verdict);
	lost = s->lost_rows - before;
	pthread_mutex_unlock(&s->lock);
	return lost;
}

/* ---- writing ---- */

static enum hin_code sync_folder(const struct hin_spool *s, struct hin_error *err)
{
	int fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum hin_code code = HIN_OK;

	if (fd == -1 || (fsync(fd) != 0 && errno != EINVAL))
		code = hin_fail(err, HIN_ESYS, "fsync %s", s->folder);
	if (fd != -1)
		close(fd);
	return code;
}

/* Have a file open that takes batch `after`. */
static enum hin_code open_writing(struct hin_spool *s, const struct hin_batch_mark *after,
				  struct hin_error *err)
{
	struct spool_file *newest = s->file_count > 0 ? &s->files[s->file_count - 1] : NULL;
	struct spool_file fresh = { s->next_number, after->epoch, after->sequence, 0, 0 };
	char path[PATH_MAX];
	enum hin_code code;

	if (newest != NULL && (s->writing != NULL || s->resume) &&
	    newest->bytes < s->settings.file_bytes && newest->epoch == after->epoch &&
	    newest->first + newest->count == after->sequence) {
		if (s->writing != NULL)
			return HIN_OK;
		spool_file_path(s, newest, path);
		return hin_batch_file_append(&s->writing, path, NULL, err);
	}
	hin_batch_file_close(s->writing);
	s->writing = NULL;
	code = spool_list_file(s, &fresh, err);
	if (code != HIN_OK)
		return code;
	spool_file_path(s, &fresh, path);
	code = hin_batch_file_append(&s->writing, path, NULL, err);
	if (code == HIN_OK)
		code = sync_folder(s, err);
	if (code != HIN_OK) {
		hin_batch_file_close(s->writing);
		s->writing = NULL;
		(void)unlink(path);
		s->file_count--;
	}
	return code;
}

/* Drop the oldest files until `size` more bytes fit. */
static void make_room(struct hin_spool *s, uint64_t size)
{
	while (s->bytes + size > s->settings.limit_bytes && newest_full(s) > 0)
		drop_oldest(s, HIN_VERDICT_SPOOL_FULL);
}

/* The disk is full: give back a file that nobody misses. */
static bool give_back(struct hin_spool *s)
{
	if (newest_full(s) == 0 || acknowledged_of(s, 0) < s->files[0].count)
		return false;
	remove_oldest(s);
	return true;
}

/* Write and sync; on failure nothing of it remains, or the file is given up. */
static enum hin_code write_batch(struct hin_spool *s, const void *bytes, size_t size,
				 uint64_t keep_bytes, bool *usable, struct hin_error *err)
{
	struct spool_file newest = s->files[s->file_count - 1];
	enum hin_code code = hin_batch_file_write(s->writing, bytes, size, err);
	char path[PATH_MAX];

	*usable = code != HIN_ETRUNCATED;
	if (code == HIN_OK) {
		code = hin_batch_file_sync(s->writing, err);
		if (code != HIN_OK) {
			/* what a failed fsync left in the cache is not to be trusted */
			spool_file_path(s, &newest, path);
			(void)!truncate(path, (off_t)keep_bytes);
			*usable = false;
		}
	}
	return code;
}

enum hin_code hin_spool_append(struct hin_spool *s, const void *bytes, size_t size,
			       const struct hin_batch_mark *after, struct hin_error *err)
{
	struct hin_error why = { 0 };
	enum hin_code code;
	bool usable = true;

	pthread_mutex_lock(&s->lock);
	make_room(s, size + HIN_BATCH_FRAME);
	do {
		code = open_writing(s, after, &why);
		if (code == HIN_OK) {
			uint64_t before = s->files[s->file_count - 1].bytes;

			code = write_batch(s, bytes, size, before, &usable, &why);
		}
		if (!usable) {
			hin_batch_file_close(s->writing);
			s->writing = NULL;
			s->resume = false;
		}
	} while (code == HIN_ESYS && (why.sys == ENOSPC || why.sys == EDQUOT) && give_back(s));
	if (code == HIN_OK) {
		s->files[s->file_count - 1].count++;
		s->files[s->file_count - 1].bytes += size + HIN_BATCH_FRAME;
		s->bytes += size + HIN_BATCH_FRAME;
	} else if (err != NULL) {
		*err = why;
	}
	pthread_mutex_unlock(&s->lock);
	return code;
}

/* ---- open and close ---- */

static enum hin_code lock_folder(struct hin_spool *s, struct hin_error *err)
{
	char path[PATH_MAX];

	if (mkdir(s->folder, 0750) != 0 && errno != EEXIST)
		return hin_fail(err, HIN_ESYS, "make %s", s->folder);
	spool_path(s, SPOOL_LOCK, path);
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (s->lock_fd == -1)
		return hin_fail(err, HIN_ESYS, "open %s", path);
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK
			       ? hin_fail(err, HIN_EDENIED,
					  "spool %s is in use by another process; give each "
					  "sensor a folder of its own",
					  s->folder)
			       : hin_fail(err, HIN_ESYS, "lock %s", path);
	return HIN_OK;
}

static void apply_settings(struct hin_spool_settings *to, const struct hin_spool_settings *from)
{
	if (from != NULL)
		*to = *from;
	if (to->limit_bytes == 0)
		to->limit_bytes = LIMIT_DEFAULT;
	if (to->limit_bytes < HIN_SPOOL_LIMIT_MIN)
		to->limit_bytes = HIN_SPOOL_LIMIT_MIN;
	if (to->file_bytes == 0)
		to->file_bytes = FILE_DEFAULT;
	if (to->file_bytes > to->limit_bytes / 8)
		to->file_bytes = to->limit_bytes / 8;
	if (to->keep_bytes == 0)
		to->keep_bytes = to->limit_bytes / 16;
	else if (to->keep_bytes == UINT64_MAX)
		to->keep_bytes = 0;
}

enum hin_code hin_spool_open(struct hin_spool **out, const char *folder,
			     const uint8_t public_key[HIN_KEY_PUBLIC],
			     const struct hin_spool_settings *settings, struct hin_batch_mark *mark,
			     struct hin_spool_found *found, struct hin_error *err)
{
	struct hin_spool *s = calloc(1, sizeof(*s));
	struct hin_spool_found what = { 0 };
	struct hin_spool_stats stats;
	enum hin_code code;

	if (s == NULL)
		return hin_fail(err, HIN_ENOMEM, "spool %s", folder);
	pthread_mutex_init(&s->lock, NULL);
	s->lock_fd = -1;
	apply_settings(&s->settings, settings);
	if (snprintf(s->folder, sizeof(s->folder), "%s", folder) >= (int)sizeof(s->folder))
		code = hin_fail(err, HIN_ELIMIT, "path of %zu bytes is too long", strlen(folder));
	else
		code = lock_folder(s, err);
	if (code == HIN_OK)
		code = spool_recover(s, public_key, mark, &what, err);
	if (code != HIN_OK) {
		s->file_count = 0;
		hin_spool_close(s);
		return code;
	}
	hin_spool_stats(s, &stats);
	what.unsent = stats.unsent;
	if (found != NULL)
		*found = what;
	*out = s;
	return HIN_OK;
}

void hin_spool_close(struct hin_spool *s)
{
	if (s == NULL)
		return;
	if (s->file_count > 0)
		save_acknowledged(s);
	close_reading(s);
	hin_batch_file_close(s->writing);
	if (s->lock_fd != -1)
		close(s->lock_fd);
	pthread_mutex_destroy(&s->lock);
	free(s->files);
	free(s);
}
