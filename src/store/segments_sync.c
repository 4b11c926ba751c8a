/* segments_sync - what was appended becomes durable; see segments_priv.h */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/rebuild_priv.h"

/* The rows from `from` on as a block of a record. */
static enum hin_code put_tail(struct hin_store *s, struct hin_buffer *out,
			      const struct hin_open_day *d, uint32_t from, struct hin_error *err)
{
	size_t start = hin_record_tail_start(out, d->day, d->kind);
	enum hin_code code;

	if (out->failed)
		return hin_fail(err, HIN_ENOMEM, "no room for a record");
	code = hin_block_write(&s->coder, &d->builder, from, d->builder.rows, out, err);
	if (code == HIN_OK)
		hin_record_tail_end(out, start);
	return code;
}

/* All that has changed since the last record. */
static enum hin_code put_changes(struct hin_store *s, struct hin_buffer *out, bool *any,
				 struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < s->catalog.segment_count; i++)
		if (s->catalog.segments[i].dirty) {
			hin_record_segment(out, &s->catalog.segments[i]);
			*any = true;
		}
	for (size_t i = 0; i < s->dropped_count; i++)
		hin_record_drop(out, s->dropped[i]);
	if (s->rolled_rows != s->catalog.rolled_rows)
		hin_record_rolled(out, s->catalog.rolled_rows);
	*any |= s->dropped_count > 0 || s->rolled_rows != s->catalog.rolled_rows;
	for (size_t i = 0; i < s->catalog.sensor_count; i++)
		if (s->catalog.sensors[i].dirty) {
			hin_record_sensor(out, &s->catalog.sensors[i]);
			*any = true;
		}
	for (size_t i = 0; i < s->day_count && code == HIN_OK; i++) {
		struct hin_open_day *d = &s->days[i];

		/* a reader should not need to look at very many small blocks */
		if (d->tail_blocks >= HIN_STORE_TAIL_BLOCKS && d->journaled < d->builder.rows) {
			d->cut = true;
			d->journaled = d->tail_blocks = 0;
		}
		if (d->cut)
			hin_record_cut(out, d->day, d->kind);
		if (d->journaled < d->builder.rows)
			code = put_tail(s, out, d, d->journaled, err);
		*any |= d->cut || d->journaled < d->builder.rows;
	}
	return code;
}

/* All that has changed is in the journal now. */
static void settle(struct hin_store *s)
{
	for (size_t i = 0; i < s->catalog.segment_count; i++)
		s->catalog.segments[i].dirty = s->catalog.segments[i].adopted = false;
	s->rolled_rows = s->catalog.rolled_rows;
	for (size_t i = 0; i < s->dropped_count; i++)
		s->leaving[s->leaving_count++] = s->dropped_names[i];
	if (s->dropped_count > 0) {
		s->dropped_room -= s->dropped_count;
		memmove(s->dropped_names, s->dropped_names + s->dropped_count,
			s->dropped_room * sizeof(*s->dropped_names));
		s->dropped_count = 0;
	}
	for (size_t i = 0; i < s->catalog.sensor_count; i++) {
		struct hin_sensor *sensor = &s->catalog.sensors[i];
		const struct hin_epoch *e = hin_sensor_newest(sensor);

		if (!sensor->dirty || e == NULL)
			continue;
		sensor->dirty = false;
		sensor->committed =
			(struct hin_batch_mark){ .epoch = e->epoch, .sequence = e->sequence };
		memcpy(sensor->committed.digest, e->digest, sizeof(e->digest));
	}
	for (size_t i = 0; i < s->day_count; i++) {
		struct hin_open_day *d = &s->days[i];

		d->tail_blocks += d->journaled < d->builder.rows;
		d->journaled = d->builder.rows;
		d->cut = false;
	}
}

/* Write `out` behind the journal. What was not written whole is taken back. */
static enum hin_code append_record(struct hin_store *s, const struct hin_buffer *out,
				   struct hin_error *err)
{
	size_t done = 0;

	while (done < out->used) {
		ssize_t n = pwrite(s->journal, out->data + done, out->used - done,
				   (off_t)(s->journal_end + done));
		enum hin_code code;

		if (n == -1 && errno == EINTR)
			continue;
		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		code = hin_fail(err, HIN_ESYS, "write %s", s->journal_name);
		if (ftruncate(s->journal, (off_t)s->journal_end) != 0)
			s->broken = true;
		return code;
	}
	if (fdatasync(s->journal) != 0) {
		s->broken = true;
		return hin_fail(err, HIN_ESYS, "sync %s", s->journal_name);
	}
	return HIN_OK;
}

enum hin_code hin_store_sync(struct hin_store *s, struct hin_error *err)
{
	enum hin_code code = hin_store_may_write(s, err);
	bool any = false, leaves = s->dropped_count > 0;

	if (code == HIN_OK)
		code = hin_store_sync_files(s, err);
	if (code != HIN_OK)
		return code;
	hin_buffer_reset(&s->record);
	hin_record_start(&s->record);
	code = put_changes(s, &s->record, &any, err);
	if (code != HIN_OK || !any)
		return code;
	hin_record_end(&s->record, 0, s->catalog.commits + 1, leaves);
	if (s->record.failed)
		return hin_fail(err, HIN_ENOMEM, "no room for a record");
	code = append_record(s, &s->record, err);
	if (code != HIN_OK)
		return code;
	s->catalog.commits++;
	s->journal_end += s->record.used;
	settle(s);
	if (s->leaving_count > 0)
		hin_store_remove_leaving(s);
	if (s->journal_end > s->journal_limit) {
		struct hin_error what;

		/* it is all durable; that the journal is long harms nobody yet */
		if (hin_store_checkpoint(s, &what) != HIN_OK)
			hin_store_note(s, &what);
	}
	return HIN_OK;
}

/* ---- a new journal ---- */

static enum hin_code put_everything(struct hin_store *s, struct hin_buffer *out,
				    struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	size_t start;

	hin_journal_head(out, &s->catalog);
	start = out->used;
	hin_record_start(out);
	hin_record_catalog(out, &s->catalog);
	for (size_t i = 0; i < s->catalog.segment_count; i++)
		hin_record_segment(out, &s->catalog.segments[i]);
	for (size_t i = 0; i < s->catalog.sensor_count; i++)
		if (hin_sensor_newest(&s->catalog.sensors[i]) != NULL)
			hin_record_sensor(out, &s->catalog.sensors[i]);
	for (size_t i = 0; i < s->day_count && code == HIN_OK; i++)
		if (s->days[i].builder.rows > 0)
			code = put_tail(s, out, &s->days[i], 0, err);
	hin_record_end(out, start, s->catalog.commits + 1, false);
	if (code == HIN_OK && out->failed)
		code = hin_fail(err, HIN_ENOMEM, "no room for a journal");
	return code;
}

enum hin_code hin_store_checkpoint(struct hin_store *s, struct hin_error *err)
{
	struct hin_buffer out = { 0 };
	enum hin_code code = hin_store_may_write(s, err);
	struct stat now, old;
	int fd;

	if (code == HIN_OK)
		code = hin_store_sync_files(s, err);
	if (code == HIN_OK)
		code = put_everything(s, &out, err);
	if (code == HIN_OK)
		code = hin_file_replace(s->journal_name, out.data, out.used, 0640, err);
	if (code != HIN_OK) {
		hin_buffer_fini(&out);
		s->journal_limit = s->journal_end + s->journal_least;
		/* it may have failed after the rename: what is open has no name then */
		if (fstatat(s->folder, HIN_JOURNAL_NAME, &now, 0) != 0 ||
		    fstat(s->journal, &old) != 0 || now.st_ino != old.st_ino)
			s->broken = true;
		return code;
	}
	fd = openat(s->folder, HIN_JOURNAL_NAME, O_RDWR | O_CLOEXEC);
	if (fd == -1) {
		/* the old file has no name any more: what is written there would be lost */
		s->broken = true;
		code = hin_fail(err, HIN_ESYS, "open %s", s->journal_name);
	} else {
		close(s->journal);
		s->journal = fd;
		s->journal_end = out.used;
		s->journal_limit = s->journal_least + 4 * out.used;
		s->catalog.commits++;
		settle(s);
		for (size_t i = 0; i < s->day_count; i++)
			s->days[i].tail_blocks = 1;
	}
	hin_buffer_fini(&out);
	return code;
}

/* ---- rows of the journal, at open ---- */

static enum hin_code load_tail(struct hin_store *s, const struct hin_tail *t, struct hin_error *err)
{
	struct hin_part parts[HIN_PARTS_KNOWN];
	struct hin_block_head head;
	struct hin_block_rows rows;
	struct hin_open_day *d = NULL;
	uint8_t *bytes = malloc((size_t)t->size + HIN_COLUMN_SLACK);
	size_t need, batch = 0;
	uint32_t left = 0;
	bool twice = false;
	enum hin_code code = HIN_OK;

	if (bytes == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the rows of %s", s->journal_name);
	if (pread(s->journal, bytes, t->size, (off_t)t->offset) != (ssize_t)t->size)
		code = hin_fail(err, HIN_ESYS, "read %s", s->journal_name);
	if (code == HIN_OK) {
		code = hin_block_head_read(&head, parts, bytes, t->size, &need);
		if (code != HIN_OK)
			code = hin_fail(err, code, "%s: offset %llu: block cannot be read",
					s->journal_name, (unsigned long long)t->offset);
	}
	free(bytes);
	if (code != HIN_OK)
		return code;
	hin_block_reader_start(&s->reader, s->journal, s->journal_name, t->offset, &head);
	code = hin_block_batches(&s->reader, err);
	if (code == HIN_OK)
		code = hin_block_rows_open(&rows, &s->reader, UINT64_MAX, err);
	if (code != HIN_OK)
		return code;
	for (uint32_t i = 0; i < head.rows && code == HIN_OK; i++) {
		const struct hin_store_batch *from = &s->reader.batches[batch].batch;
		struct hin_observation o;

		hin_block_row(&rows, i, &o);
		/* a record that said that they went into a file was damaged */
		if (left == 0 && s->rebuild != NULL)
			twice = hin_rebuild_has(s->rebuild, from, t->day, t->kind);
		if (left == 0 && s->rebuild != NULL && !twice)
			code = hin_rebuild_take(s->rebuild, from, t->day, t->kind, err);
		if (code == HIN_OK && !twice)
			code = hin_store_reload_row(s, t, from, &o, left == 0, &d, err);
		left = left == 0 ? s->reader.batches[batch].rows - 1 : left - 1;
		batch += left == 0;
	}
	hin_block_rows_fini(&rows);
	return code;
}

enum hin_code hin_store_load_tails(struct hin_store *s, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < s->catalog.tail_count && code == HIN_OK; i++)
		code = load_tail(s, &s->catalog.tails[i], err);
	s->catalog.tail_count = 0;
	for (size_t i = 0; i < s->day_count; i++)
		s->days[i].journaled = s->days[i].builder.rows;
	return code;
}

/* ---- files that leave ---- */

/* Room for `count` more in an array of items. */
static bool more_room(void **items, size_t size, size_t room)
{
	void *more = realloc(*items, (room + 1) * size);

	if (more == NULL)
		return false;
	*items = more;
	return true;
}

enum hin_code hin_store_reserve_dropped(struct hin_store *s, size_t count, struct hin_error *err)
{
	size_t room = s->dropped_count + count, leaving = s->leaving_count + room;
	void *dropped = s->dropped, *names = s->dropped_names, *files = s->leaving;
	bool good = more_room(&dropped, sizeof(*s->dropped), room);

	s->dropped = dropped;
	good = good && more_room(&names, sizeof(*s->dropped_names), room);
	s->dropped_names = names;
	good = good && more_room(&files, sizeof(*s->leaving), leaving);
	s->leaving = files;
	/* names beforehand, so that dropping cannot fail */
	while (good && s->dropped_room < room) {
		char *name = malloc(HIN_SEGMENT_NAME);

		good = name != NULL;
		if (good)
			s->dropped_names[s->dropped_room++] = name;
	}
	return good ? HIN_OK : hin_fail(err, HIN_ENOMEM, "no room to remember a file");
}

void hin_store_drop(struct hin_store *s, const struct hin_segment *segment)
{
	hin_segment_name(s->dropped_names[s->dropped_count], segment);
	s->dropped[s->dropped_count++] = segment->id;
}

void hin_store_remove_leaving(struct hin_store *s)
{
	if (s->leaving_count == 0 || flock(s->readers, LOCK_EX | LOCK_NB) != 0)
		return;
	while (s->leaving_count > 0) {
		char *name = s->leaving[--s->leaving_count];

		(void)unlinkat(s->folder, name, 0);
		name[10] = '\0'; /* the folder of its day, when it was the last there */
		(void)unlinkat(s->folder, name, AT_REMOVEDIR);
		free(name);
	}
	(void)flock(s->readers, LOCK_UN);
}
