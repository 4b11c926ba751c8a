/* segments_append - rows in: open days, cuts, records; see segments_priv.h */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/segments_priv.h"

/* rows of all open days: then the largest is cut */
#define OPEN_ROWS ((size_t)4 * HIN_BLOCK_ROWS)
/* open days: then those that rest longest are cut */
#define OPEN_DAYS 256u
#define DIRTY_FILES 64u /* files kept open until the sync */

unsigned hin_store_kind_of(uint16_t kind)
{
	const struct hin_kind_info *info = hin_kind_find(kind);

	return info != NULL && info->stix != NULL && strcmp(info->stix, "network-traffic") == 0
		       ? HIN_SEGMENT_FLOWS
		       : HIN_SEGMENT_EVENTS;
}

void hin_store_free_days(struct hin_store *s)
{
	for (size_t i = 0; i < s->day_count; i++)
		hin_builder_fini(&s->days[i].builder);
	free(s->days);
	s->days = NULL;
	s->day_count = s->day_room = s->day_last = 0;
	s->open_rows = 0;
}

/* ---- files ---- */

static enum hin_code write_at(int fd, const void *data, size_t size, uint64_t at, const char *name,
			      struct hin_error *err)
{
	const char *from = data;

	while (size > 0) {
		ssize_t n = pwrite(fd, from, size, (off_t)at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return hin_fail(err, HIN_ESYS, "write %s at offset %llu", name,
					(unsigned long long)at);
		from += n;
		at += (uint64_t)n;
		size -= (size_t)n;
	}
	return HIN_OK;
}

enum hin_code hin_store_sync_day(struct hin_store *s, int64_t day, struct hin_error *err)
{
	char name[16];
	int fd;

	hin_day_name(name, day);
	fd = openat(s->folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || (fsync(fd) != 0 && errno != EINVAL) ||
	    (fsync(s->folder) != 0 && errno != EINVAL)) {
		s->broken = true;
		(void)hin_fail(err, HIN_ESYS, "sync %s/%s", s->path, name);
	}
	if (fd != -1)
		close(fd);
	return s->broken ? HIN_ESYS : HIN_OK;
}

static enum hin_code sync_file(struct hin_store *s, struct hin_dirty_file *f, struct hin_error *err)
{
	if (fdatasync(f->fd) != 0) {
		s->broken = true;
		return hin_fail(err, HIN_ESYS, "sync a file of %s", s->path);
	}
	return f->fresh ? hin_store_sync_day(s, f->day, err) : HIN_OK;
}

enum hin_code hin_store_sync_files(struct hin_store *s, struct hin_error *err)
{
	for (; s->dirty_count > 0; s->dirty_count--) {
		struct hin_dirty_file *f = &s->dirty[s->dirty_count - 1];
		enum hin_code code = sync_file(s, f, err);

		if (code != HIN_OK)
			return code;
		close(f->fd);
	}
	return HIN_OK;
}

enum hin_code hin_store_dirty_file(struct hin_store *s, const struct hin_segment *segment,
				   bool fresh, int *fd, char name[4096], struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	hin_store_segment_path(s, segment, name);
	for (size_t i = 0; i < s->dirty_count; i++)
		if (s->dirty[i].id == segment->id) {
			*fd = s->dirty[i].fd;
			return HIN_OK;
		}
	if (s->dirty_count >= DIRTY_FILES)
		code = hin_store_sync_files(s, err);
	if (code == HIN_OK && s->dirty_count == s->dirty_room) {
		size_t room = s->dirty_room > 0 ? s->dirty_room * 2 : 8;
		struct hin_dirty_file *more = realloc(s->dirty, room * sizeof(*more));

		if (more == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room for open files");
		s->dirty = more;
		s->dirty_room = room;
	}
	if (code == HIN_OK)
		code = hin_store_open_segment(
			s, segment, fresh ? O_RDWR | O_CREAT | O_TRUNC : O_RDWR, fd, name, err);
	if (code == HIN_OK)
		s->dirty[s->dirty_count++] = (struct hin_dirty_file){
			.id = segment->id, .day = segment->day, .fd = *fd, .fresh = fresh
		};
	return code;
}

/* A new file of a day: its head is written, the catalog does not know it yet. */
static enum hin_code make_segment(struct hin_store *s, int64_t day, unsigned kind,
				  struct hin_segment *out, struct hin_error *err)
{
	struct hin_buffer head = { 0 };
	char name[4096], folder[16];
	enum hin_code code;
	int fd;

	*out = (struct hin_segment){ .id = s->catalog.next_id,
				     .day = day,
				     .kind = (uint8_t)kind,
				     .length = HIN_SEGMENT_HEAD,
				     .dirty = true,
				     .beside = s->beside_of != NULL };
	hin_day_name(folder, day);
	if (mkdirat(s->folder, folder, 0750) != 0 && errno != EEXIST)
		return hin_fail(err, HIN_ESYS, "create %s/%s", s->path, folder);
	code = hin_store_dirty_file(s, out, true, &fd, name, err);
	if (code != HIN_OK)
		return code;
	hin_segment_head(&head, s->catalog.store, out);
	code = head.failed ? hin_fail(err, HIN_ENOMEM, "no room for %s", name)
			   : write_at(fd, head.data, head.used, 0, name, err);
	hin_buffer_fini(&head);
	return code;
}

enum hin_code hin_store_put_block(struct hin_store *s, int64_t day, unsigned kind,
				  const struct hin_buffer *bytes, uint32_t rows, uint64_t weight,
				  int64_t time_min, int64_t time_max, struct hin_error *err)
{
	struct hin_segment *open_one = hin_catalog_open_segment(&s->catalog, day, kind), fresh;
	char name[4096];
	enum hin_code code = HIN_OK;
	int fd;

	if (open_one == NULL) {
		code = make_segment(s, day, kind, &fresh, err);
		if (code != HIN_OK)
			return code;
		open_one = hin_catalog_add_segment(&s->catalog, &fresh);
		if (open_one == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room for one more file");
		s->catalog.next_id++;
	}
	code = hin_store_dirty_file(s, open_one, false, &fd, name, err);
	if (code == HIN_OK)
		code = write_at(fd, bytes->data, bytes->used, open_one->length, name, err);
	if (code != HIN_OK)
		return code;
	if (open_one->blocks == 0 || time_min < open_one->time_min)
		open_one->time_min = time_min;
	if (open_one->blocks == 0 || time_max > open_one->time_max)
		open_one->time_max = time_max;
	open_one->length += bytes->used;
	open_one->blocks++;
	open_one->rows += rows;
	open_one->weight += weight;
	open_one->dirty = true;
	/* what cannot be sealed now, for want of space, takes one more block */
	if ((open_one->length >= HIN_SEGMENT_BYTES || open_one->blocks >= HIN_SEGMENT_BLOCKS) &&
	    hin_store_seal(s, open_one, NULL) == HIN_ENOMEM)
		return hin_fail(err, HIN_ENOMEM, "no room for an index");
	return HIN_OK;
}

enum hin_code hin_store_seal(struct hin_store *s, struct hin_segment *segment,
			     struct hin_error *err)
{
	struct hin_buffer index = { 0 };
	struct hin_heads heads = { 0 };
	char name[4096];
	enum hin_code code;
	int fd;

	if (segment->sealed)
		return HIN_OK;
	code = hin_store_dirty_file(s, segment, false, &fd, name, err);
	if (code == HIN_OK)
		code = hin_segment_heads(&heads, fd, name, segment, hin_store_note_damage, s, err);
	if (code == HIN_OK && heads.count != segment->blocks)
		code = hin_fail(err, HIN_EVERIFY, "%s: has %zu blocks, not %u", name, heads.count,
				segment->blocks);
	if (code == HIN_OK) {
		hin_segment_index(&index, &heads, fd, name, err);
		if (index.failed)
			code = hin_fail(err, HIN_ENOMEM, "no room for the index of %s", name);
	}
	if (code == HIN_OK)
		code = write_at(fd, index.data, index.used, segment->length, name, err);
	if (code == HIN_OK) {
		segment->index = segment->length;
		segment->length += index.used;
		segment->sealed = true;
		segment->dirty = true;
	}
	hin_buffer_fini(&index);
	hin_heads_fini(&heads);
	return code;
}

enum hin_code hin_store_cut(struct hin_store *s, struct hin_open_day *day, uint32_t rows,
			    struct hin_error *err)
{
	struct hin_builder *b = &day->builder;
	int64_t least = INT64_MAX, most = INT64_MIN;
	enum hin_code code;

	if (rows == 0)
		return HIN_OK;
	hin_buffer_reset(&s->block);
	code = hin_block_write(&s->coder, b, 0, rows, &s->block, err);
	if (code != HIN_OK)
		return code;
	for (uint32_t i = 0; i < rows; i++) {
		int64_t t = (int64_t)b->time[i];

		least = t < least ? t : least;
		most = t > most ? t : most;
	}
	code = hin_store_put_block(s, day->day, day->kind, &s->block, rows, rows, least, most, err);
	if (code != HIN_OK)
		return code;
	if (rows == b->rows)
		hin_builder_reset(b);
	else
		hin_builder_shift(b, rows);
	day->cut = true;
	day->journaled = day->tail_blocks = 0;
	s->open_rows -= rows;
	return HIN_OK;
}

/* ---- appending ---- */

static struct hin_open_day *find_day(struct hin_store *s, int64_t day, unsigned kind)
{
	if (s->day_last < s->day_count && s->days[s->day_last].day == day &&
	    s->days[s->day_last].kind == kind)
		return &s->days[s->day_last];
	for (size_t i = 0; i < s->day_count; i++)
		if (s->days[i].day == day && s->days[i].kind == kind) {
			s->day_last = i;
			return &s->days[i];
		}
	return NULL;
}

static struct hin_open_day *open_day(struct hin_store *s, int64_t day, unsigned kind)
{
	struct hin_open_day *d = find_day(s, day, kind);

	if (d != NULL)
		return d;
	if (s->day_count == s->day_room) {
		size_t room = s->day_room > 0 ? s->day_room * 2 : 8;
		struct hin_open_day *more = realloc(s->days, room * sizeof(*more));

		if (more == NULL)
			return NULL;
		s->days = more;
		s->day_room = room;
	}
	d = &s->days[s->day_count];
	*d = (struct hin_open_day){ .day = day, .kind = (uint8_t)kind, .builder = { .day = day } };
	s->day_last = s->day_count++;
	return d;
}

/* The first row of this append for `d`: remember where it was. */
static enum hin_code touch_day(struct hin_store *s, struct hin_open_day *d,
			       const struct hin_store_batch *batch, struct hin_error *err)
{
	enum hin_code code;

	if (d->builder.rows == HIN_BLOCK_ROWS) {
		code = hin_store_cut(s, d, d->builder.rows, err);
		if (code != HIN_OK)
			return code;
	}
	d->mark = hin_builder_mark(&d->builder);
	d->touched = s->appends;
	code = hin_builder_reserve(&d->builder, 1, err);
	if (code == HIN_OK)
		hin_builder_start_batch(&d->builder, batch);
	return code;
}

/* Room for one more row of this append: what was there before goes into a file if need be. */
static enum hin_code make_room(struct hin_store *s, struct hin_open_day *d, struct hin_error *err)
{
	if (d->builder.rows == HIN_BLOCK_ROWS) {
		enum hin_code code = hin_store_cut(s, d, d->mark.rows, err);

		if (code != HIN_OK)
			return code;
		d->mark = (struct hin_builder_mark){ 0 };
	}
	return hin_builder_reserve(&d->builder, 1, err);
}

/* What is being appended. */
struct appending {
	const struct hin_store_batch *batch;
	struct hin_open_day *day; /* of the row before */
	uint16_t kind;		  /* of the row before */
	unsigned segment_kind;	  /* that it belongs to */
	bool alive;
	struct hin_store_head head;
};

static void start_append(struct hin_store *s, struct appending *a,
			 const struct hin_store_batch *batch)
{
	*a = (struct appending){
		.batch = batch,
		.segment_kind = HIN_SEGMENT_EVENTS,
		.head = { .batch = *batch, .first_us = INT64_MAX, .last_us = INT64_MIN }
	};
	s->appends++;
}

/* Add a row to the open day of its time and `a->segment_kind`. */
static enum hin_code place_row(struct hin_store *s, struct appending *a,
			       const struct hin_observation *o, struct hin_error *err)
{
	struct hin_open_day *d = a->day;
	enum hin_code code = HIN_OK;

	if (HIN_UNLIKELY(d == NULL || d->kind != a->segment_kind ||
			 o->time_us < d->day * HIN_DAY_US ||
			 o->time_us >= (d->day + 1) * HIN_DAY_US)) {
		if (o->time_us < HIN_TIME_MIN || o->time_us > HIN_TIME_MAX)
			return hin_fail(err, HIN_ERANGE, "a row's time is out of range");
		d = open_day(s, o->time_us / HIN_DAY_US, a->segment_kind);
		if (d == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room for one more day");
		if (d->touched != s->appends)
			code = touch_day(s, d, a->batch, err);
		if (code != HIN_OK)
			return code;
		a->day = d;
	}
	if (HIN_UNLIKELY(d->builder.rows == d->builder.room)) {
		code = make_room(s, d, err);
		if (code != HIN_OK)
			return code;
	}
	code = hin_builder_add(&d->builder, o);
	if (code != HIN_OK)
		return hin_fail(err, code, "no room for one more row");
	s->open_rows++;
	return HIN_OK;
}

static enum hin_code add_row(struct hin_store *s, struct appending *a,
			     const struct hin_observation *o, struct hin_error *err)
{
	if (HIN_UNLIKELY(o->kind != a->kind)) {
		a->segment_kind = hin_store_kind_of(o->kind);
		a->kind = o->kind;
		a->alive |= o->kind == HIN_KIND_ROAD_ALIVE;
	}
	if (o->time_us < a->head.first_us)
		a->head.first_us = o->time_us;
	if (o->time_us > a->head.last_us)
		a->head.last_us = o->time_us;
	a->head.rows++;
	return place_row(s, a, o, err);
}

/* The batch's head goes beside its rows. */
static enum hin_code add_head(struct hin_store *s, struct appending *a, struct hin_error *err)
{
	struct hin_observation rows[HIN_HEAD_ROWS];
	struct hin_store_head *h = &a->head;
	enum hin_code code = HIN_OK;
	size_t count;

	if (h->rows == 0) {
		int64_t at = h->batch.received_us;

		at = at < HIN_TIME_MIN ? HIN_TIME_MIN : at > HIN_TIME_MAX ? HIN_TIME_MAX : at;
		h->first_us = h->last_us = at;
	}
	count = hin_head_rows(h, rows);
	a->segment_kind = HIN_SEGMENT_BATCHES;
	for (size_t i = 0; i < count && code == HIN_OK; i++)
		code = place_row(s, a, &rows[i], err);
	return code;
}

/* Take back what this append has added. */
static void undo(struct hin_store *s)
{
	for (size_t i = 0; i < s->day_count; i++) {
		struct hin_open_day *d = &s->days[i];

		if (d->touched != s->appends)
			continue;
		s->open_rows -= d->builder.rows - d->mark.rows;
		hin_builder_rewind(&d->builder, &d->mark);
		d->touched = 0;
	}
}

/* Keep the memory of open days bounded. What cannot be cut now is, later. */
static void bound_days(struct hin_store *s)
{
	while (s->open_rows > OPEN_ROWS || s->day_count > OPEN_DAYS) {
		struct hin_open_day *pick = &s->days[0];

		for (size_t i = 1; i < s->day_count; i++) {
			struct hin_open_day *d = &s->days[i];

			if (s->open_rows > OPEN_ROWS ? d->builder.rows > pick->builder.rows
						     : d->touched < pick->touched)
				pick = d;
		}
		if (hin_store_cut(s, pick, pick->builder.rows, NULL) != HIN_OK)
			return;
		/* the journal must hear of the cut before the day is forgotten */
		if (s->day_count > OPEN_DAYS && hin_store_sync(s, NULL) == HIN_OK) {
			hin_builder_fini(&pick->builder);
			*pick = s->days[--s->day_count];
		} else if (s->day_count > OPEN_DAYS) {
			return;
		}
	}
}

enum hin_code hin_store_reload_row(struct hin_store *s, const struct hin_tail *tail,
				   const struct hin_store_batch *batch,
				   const struct hin_observation *o, bool first,
				   struct hin_open_day **day, struct hin_error *err)
{
	struct hin_open_day *d = *day != NULL ? *day : open_day(s, tail->day, tail->kind);
	enum hin_code code;

	if (d == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for one more day");
	if (*day == NULL)
		d->tail_blocks++;
	*day = d;
	/* when it is not known what went into files, there may be more than fits a block */
	if (first && s->rebuild != NULL && d->builder.rows >= HIN_BLOCK_ROWS / 2 &&
	    hin_store_cut(s, d, d->builder.rows, err) != HIN_OK)
		return HIN_ESYS;
	code = hin_builder_reserve(&d->builder, 1, err);
	if (code != HIN_OK)
		return code;
	if (first)
		hin_builder_start_batch(&d->builder, batch);
	code = hin_builder_add(&d->builder, o);
	if (code != HIN_OK)
		return hin_fail(err, code, "no room for one more row");
	s->open_rows++;
	return HIN_OK;
}

/* May the batch come in? Its sensor and sequence have room then. */
static enum hin_code admit(struct hin_store *s, const struct hin_store_batch *batch, size_t count,
			   enum hin_store_outcome *outcome, struct hin_error *err)
{
	enum hin_code code = hin_store_may_write(s, err);

	if (code != HIN_OK)
		return code;
	if (count > HIN_BATCH_ROWS)
		return hin_fail(err, HIN_ELIMIT, "a batch has at most %u rows", HIN_BATCH_ROWS);
	if (batch->sequence == 0 || batch->sequence == UINT64_MAX)
		return hin_fail(err, HIN_ERANGE, "sequence %llu cannot be",
				(unsigned long long)batch->sequence);
	*outcome = HIN_STORE_ADDED;
	if (hin_store_has(s, batch->sensor, batch->epoch, batch->sequence)) {
		*outcome = HIN_STORE_REPEAT;
		return HIN_OK;
	}
	return hin_catalog_reserve(&s->catalog, batch, err);
}

/* All rows are in, or `code` says why not. */
static enum hin_code end_append(struct hin_store *s, struct appending *a, enum hin_code code,
				struct hin_error *err)
{
	if (code == HIN_OK)
		code = add_head(s, a, err);
	if (code != HIN_OK) {
		undo(s);
		return code;
	}
	hin_catalog_take(&s->catalog, a->batch, a->head.rows);
	if (a->alive)
		hin_catalog_sensor(&s->catalog, a->batch->sensor)->alive = true;
	bound_days(s);
	return HIN_OK;
}

enum hin_code hin_store_append(struct hin_store *s, const struct hin_store_batch *batch,
			       const struct hin_observation *rows, size_t count,
			       enum hin_store_outcome *outcome, struct hin_error *err)
{
	struct appending a;
	enum hin_code code = admit(s, batch, count, outcome, err);

	if (code != HIN_OK || *outcome == HIN_STORE_REPEAT)
		return code;
	start_append(s, &a, batch);
	for (size_t i = 0; i < count && code == HIN_OK; i++)
		code = add_row(s, &a, &rows[i], err);
	return end_append(s, &a, code, err);
}

static void take_header(struct hin_store_head *h, const struct hin_batch_reader *reader)
{
	const struct hin_batch_header *from = &reader->header;

	h->is_signed = true;
	memcpy(h->signature, hin_batch_reader_signed(reader, h->signed_digest),
	       sizeof(h->signature));
	memcpy(h->previous, from->previous, sizeof(h->previous));
	memcpy(h->authority, from->authority, sizeof(h->authority));
	memcpy(h->registry, from->registry, sizeof(h->registry));
	h->clock_offset_us = from->clock_offset_us;
	h->clock_state = from->clock_state;
}

enum hin_code hin_store_append_batch(struct hin_store *s, struct hin_batch_reader *reader,
				     const uint8_t digest[32], int64_t received_us,
				     enum hin_store_outcome *outcome, struct hin_error *err)
{
	struct hin_store_batch batch = { .epoch = reader->header.epoch,
					 .sequence = reader->header.sequence,
					 .received_us = received_us,
					 .dark_addresses = reader->header.dark_addresses };
	struct hin_observation row;
	struct appending a;
	enum hin_code code;

	memcpy(batch.sensor, reader->header.sensor, sizeof(batch.sensor));
	memcpy(batch.digest, digest, sizeof(batch.digest));
	code = admit(s, &batch, reader->header.rows, outcome, err);
	if (code != HIN_OK || *outcome == HIN_STORE_REPEAT)
		return code;
	start_append(s, &a, &batch);
	take_header(&a.head, reader);
	hin_batch_reader_rewind(reader);
	while ((code = hin_batch_reader_next(reader, &row, err)) == HIN_OK) {
		code = add_row(s, &a, &row, err);
		if (code != HIN_OK)
			break;
	}
	return end_append(s, &a, code == HIN_EOF ? HIN_OK : code, err);
}
