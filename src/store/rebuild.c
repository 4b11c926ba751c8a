/*
 * rebuild - a store whose journal is damaged before its end; see store.h
 *
 * The good records of the journal say most of it. What the damaged ones said is looked for in the
 * files: blocks name the batches that their rows came in, and of a batch all rows of a day and kind
 * are in one block. So a block that no record names belongs here when its batches were acknowledged
 * and are nowhere else, and a file whose batches are all in a newer one was replaced by it. Batches
 * that were acknowledged and are found nowhere are lost: they become a gap that can be seen.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/rebuild_priv.h"

/* As a day: the batch has a head, or rows, whatever their day. */
#define HEAD INT64_C(-1)
#define ROWS INT64_C(-2)

/* ---- batches that were found ---- */

static uint64_t place_hash(const struct hin_found_batch *b)
{
	uint64_t h = hin_mix((uint64_t)b->day * 31 + b->kind), words[2];

	memcpy(words, b->sensor, sizeof(words));
	h = hin_mix(h ^ words[0]);
	h = hin_mix(h ^ words[1]);
	h = hin_mix(h ^ b->epoch);
	return hin_mix(h ^ b->sequence);
}

static bool same_place(const struct hin_found_batch *a, const struct hin_found_batch *b)
{
	return a->day == b->day && a->kind == b->kind && a->epoch == b->epoch &&
	       a->sequence == b->sequence && memcmp(a->sensor, b->sensor, HIN_SENSOR_ID) == 0;
}

static struct hin_found_batch *slot_of(struct hin_found_batch *slots, size_t count,
				       const struct hin_found_batch *b)
{
	size_t at = place_hash(b) & (count - 1);

	while (slots[at].sequence != 0 && !same_place(&slots[at], b))
		at = (at + 1) & (count - 1);
	return &slots[at];
}

static bool grow(struct hin_rebuild *r)
{
	size_t count = r->slot_count > 0 ? r->slot_count * 2 : 1024;
	struct hin_found_batch *slots = calloc(count, sizeof(*slots));

	if (slots == NULL)
		return false;
	for (size_t i = 0; i < r->slot_count; i++)
		if (r->slots[i].sequence != 0)
			*slot_of(slots, count, &r->slots[i]) = r->slots[i];
	free(r->slots);
	r->slots = slots;
	r->slot_count = count;
	return true;
}

static struct hin_found_batch found_of(const struct hin_store_batch *batch, int64_t day,
				       unsigned kind)
{
	struct hin_found_batch b = {
		.day = day, .kind = kind, .epoch = batch->epoch, .sequence = batch->sequence
	};

	memcpy(b.sensor, batch->sensor, sizeof(b.sensor));
	memcpy(b.digest, batch->digest, sizeof(b.digest));
	return b;
}

static struct hin_found_batch *find(const struct hin_rebuild *r, const struct hin_found_batch *b)
{
	struct hin_found_batch *slot =
		r->slot_count > 0 ? slot_of(r->slots, r->slot_count, b) : NULL;

	return slot != NULL && slot->sequence != 0 ? slot : NULL;
}

static bool put(struct hin_rebuild *r, const struct hin_found_batch *b)
{
	if ((r->used + 1) * 2 > r->slot_count && !grow(r))
		return false;
	struct hin_found_batch *slot = slot_of(r->slots, r->slot_count, b);

	r->used += slot->sequence == 0;
	*slot = *b;
	return true;
}

bool hin_rebuild_has(const struct hin_rebuild *r, const struct hin_store_batch *batch, int64_t day,
		     unsigned kind)
{
	struct hin_found_batch b = found_of(batch, day, kind);

	return find(r, &b) != NULL;
}

enum hin_code hin_rebuild_take(struct hin_rebuild *r, const struct hin_store_batch *batch,
			       int64_t day, unsigned kind, struct hin_error *err)
{
	struct hin_found_batch here = found_of(batch, day, kind);
	struct hin_found_batch any = found_of(batch, kind == HIN_SEGMENT_BATCHES ? HEAD : ROWS, 0);

	if (batch->sequence == 0)
		return HIN_OK; /* of a rollup */
	return put(r, &here) && put(r, &any)
		       ? HIN_OK
		       : hin_fail(err, HIN_ENOMEM, "no room for a list of batches");
}

/* ---- the journal ---- */

static void take_damage(void *user, uint64_t offset, uint64_t size)
{
	struct hin_store *s = user;
	struct hin_error what;

	(void)hin_fail(&what, HIN_EVERIFY, "%s: offset %llu: %llu bytes are damaged and left out",
		       s->journal_name, (unsigned long long)offset, (unsigned long long)size);
	hin_store_note(s, &what);
	s->rebuild->out->damaged_bytes += size;
}

/* Which store it is, by a file of it, when the head of the journal is damaged. */
static void learn_store(struct hin_store *s)
{
	struct hin_rebuild *r = s->rebuild;

	for (size_t i = 0; i < r->file_count; i++) {
		uint8_t head[HIN_SEGMENT_HEAD];
		int fd = openat(s->folder, r->files[i].name, O_RDONLY | O_CLOEXEC);
		bool good = fd != -1 && pread(fd, head, sizeof(head), 0) == sizeof(head) &&
			    memcmp(head, HIN_SEGMENT_MAGIC, 8) == 0;

		if (fd != -1)
			close(fd);
		if (good) {
			memcpy(s->catalog.store, head + 32, sizeof(s->catalog.store));
			return;
		}
	}
}

static int newest_first(const void *a, const void *b)
{
	const struct hin_found_file *x = a, *y = b;

	return x->id > y->id ? -1 : x->id < y->id;
}

/* The files of a day. */
static enum hin_code list_day(struct hin_store *s, const char *day, struct hin_error *err)
{
	struct hin_rebuild *r = s->rebuild;
	int fd = openat(s->folder, day, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd != -1 ? fdopendir(fd) : NULL;
	enum hin_code code = HIN_OK;
	struct dirent *entry;

	if (dir == NULL) {
		if (fd != -1)
			close(fd);
		return hin_fail(err, HIN_ESYS, "open %s/%s", s->path, day);
	}
	while (code == HIN_OK && (entry = readdir(dir)) != NULL) {
		struct hin_found_file *more;
		char *end;
		uint64_t id = strtoull(entry->d_name, &end, 16);

		if (end != entry->d_name + 16 || strcmp(end, ".seg") != 0)
			continue;
		more = realloc(r->files, (r->file_count + 1) * sizeof(*more));
		if (more == NULL) {
			code = hin_fail(err, HIN_ENOMEM, "no room for a list of files");
			break;
		}
		r->files = more;
		r->files[r->file_count] = (struct hin_found_file){ .id = id };
		snprintf(r->files[r->file_count++].name, HIN_SEGMENT_NAME, "%.10s/%.20s", day,
			 entry->d_name);
	}
	closedir(dir);
	return code;
}

static enum hin_code list_files(struct hin_store *s, struct hin_error *err)
{
	struct hin_rebuild *r = s->rebuild;
	int fd = openat(s->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd != -1 ? fdopendir(fd) : NULL;
	enum hin_code code = HIN_OK;
	struct dirent *entry;

	if (dir == NULL) {
		if (fd != -1)
			close(fd);
		return hin_fail(err, HIN_ESYS, "open store %s", s->path);
	}
	while (code == HIN_OK && (entry = readdir(dir)) != NULL)
		if (strlen(entry->d_name) == 10 && entry->d_name[4] == '-')
			code = list_day(s, entry->d_name, err);
	closedir(dir);
	if (r->file_count > 1)
		qsort(r->files, r->file_count, sizeof(*r->files), newest_first);
	return code;
}

enum hin_code hin_rebuild_journal(struct hin_store *s, struct hin_error *err)
{
	bool headless = false;
	enum hin_code code = list_files(s, err);

	if (code == HIN_OK)
		code = hin_journal_salvage(&s->catalog, s->journal, s->journal_name,
					   &s->journal_end, &headless, take_damage, s, err);
	if (code == HIN_OK && headless)
		learn_store(s);
	if (code == HIN_OK && s->rebuild->out->damaged_bytes == 0)
		code = hin_fail(err, HIN_EUSAGE, "%s: no record is damaged; nothing was changed",
				s->journal_name);
	return code;
}

/* ---- files ---- */

/* Has every batch of the block that `reader` is at been acknowledged, and is it nowhere else? */
static bool is_ours(const struct hin_store *s, const struct hin_block_reader *b, int64_t day,
		    unsigned kind)
{
	for (size_t i = 0; i < b->batch_count; i++) {
		const struct hin_store_batch *x = &b->batches[i].batch;

		if (!hin_store_has(s, x->sensor, x->epoch, x->sequence) ||
		    hin_rebuild_has(s->rebuild, x, day, kind))
			return false;
	}
	return b->batch_count > 0;
}

static void note_file(struct hin_store *s, const struct hin_segment *x, const char *what)
{
	struct hin_error said;
	char name[4096];

	hin_store_segment_path(s, x, name);
	(void)hin_fail(&said, HIN_EVERIFY, "%s: %s", name, what);
	hin_store_note(s, &said);
}

static void add_block(struct hin_segment *x, const struct hin_block_ref *ref)
{
	const struct hin_block_head *h = &ref->head;

	if (x->blocks == 0 || h->time_min < x->time_min)
		x->time_min = h->time_min;
	if (x->blocks == 0 || h->time_max > x->time_max)
		x->time_max = h->time_max;
	x->length = ref->offset + h->size;
	x->blocks++;
	x->rows += h->rows;
	x->weight += h->weight;
	x->dirty = true;
}

/* A batch whose rows belong here was acknowledged, also when the record that said so is damaged. */
static enum hin_code acknowledge(struct hin_store *s, const struct hin_store_batch *batch,
				 uint32_t rows, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (hin_store_has(s, batch->sensor, batch->epoch, batch->sequence))
		return HIN_OK;
	code = hin_catalog_reserve(&s->catalog, batch, err);
	if (code == HIN_OK)
		hin_catalog_take(&s->catalog, batch, rows);
	return code;
}

/*
 * Go through the blocks of a file. `x` says how far records name it; what follows is taken in as
 * far as it is ours. `*replaced` when all that it has is in newer files.
 */
static enum hin_code read_blocks(struct hin_store *s, int fd, const char *name,
				 struct hin_segment *x, bool *replaced, struct hin_error *err)
{
	struct hin_segment probe = *x;
	struct hin_heads heads = { 0 };
	struct hin_error what;
	bool goes_on = true, any_new = false;
	struct stat st;
	enum hin_code code = HIN_OK;

	if (!x->sealed && fstat(fd, &st) == 0)
		probe.length = (uint64_t)st.st_size;
	code = hin_segment_heads(&heads, fd, name, &probe, hin_store_note_damage, s, err);
	for (size_t i = 0; i < heads.count && goes_on && code == HIN_OK; i++) {
		const struct hin_block_ref *ref = &heads.refs[i];
		bool named = x->sealed || ref->offset + ref->head.size <= x->length;

		hin_block_reader_start(&s->reader, fd, name, ref->offset, &ref->head);
		if (hin_block_batches(&s->reader, &what) != HIN_OK) {
			hin_store_note(s, &what);
			goes_on = named;
			any_new = true; /* who knows */
			continue;
		}
		if (!named && (hin_segment_is_rollup(x->kind) || ref->offset != x->length ||
			       !is_ours(s, &s->reader, x->day, x->kind))) {
			goes_on = false;
			continue;
		}
		if (!named) {
			add_block(x, ref);
			s->rebuild->out->blocks_found++;
		}
		for (size_t k = 0; k < s->reader.batch_count && code == HIN_OK; k++) {
			const struct hin_store_batch *b = &s->reader.batches[k].batch;

			any_new |= b->sequence == 0 ||
				   !hin_rebuild_has(s->rebuild, b, x->day, x->kind);
			code = hin_rebuild_take(s->rebuild, b, x->day, x->kind, err);
			if (code == HIN_OK && b->sequence != 0)
				code = acknowledge(s, b, s->reader.batches[k].rows, err);
		}
	}
	*replaced = heads.count > 0 && !any_new;
	hin_heads_fini(&heads);
	return code;
}

static struct hin_segment *named_segment(struct hin_store *s, const struct hin_found_file *f)
{
	for (size_t i = 0; i < s->catalog.segment_count; i++) {
		char name[HIN_SEGMENT_NAME];

		hin_segment_name(name, &s->catalog.segments[i]);
		if (s->catalog.segments[i].id == f->id && strcmp(name, f->name) == 0)
			return &s->catalog.segments[i];
	}
	return NULL;
}

/* A file that no good record names, as its head describes it. */
static bool unnamed_segment(const struct hin_store *s, int fd, const struct hin_found_file *f,
			    struct hin_segment *out)
{
	uint8_t head[HIN_SEGMENT_HEAD];
	struct hin_reader in;
	char name[HIN_SEGMENT_NAME];

	if (pread(fd, head, sizeof(head), 0) != sizeof(head))
		return false;
	in = hin_reader_of(head + 12, sizeof(head) - 12);
	*out = (struct hin_segment){ .kind = (uint8_t)hin_read_le32(&in), .id = f->id };
	hin_read_skip(&in, 8);
	out->day = (int64_t)hin_read_le64(&in);
	out->length = HIN_SEGMENT_HEAD;
	if (out->kind >= HIN_SEGMENT_KINDS || out->day < 0 || out->day > HIN_TIME_MAX / HIN_DAY_US)
		return false;
	hin_segment_name(name, out);
	return strcmp(name, f->name) == 0 &&
	       hin_segment_check_head(fd, f->name, s->catalog.store, out, NULL) == HIN_OK;
}

static enum hin_code read_file(struct hin_store *s, struct hin_found_file *f, bool named_ones,
			       struct hin_error *err)
{
	struct hin_segment *named = named_segment(s, f), x;
	bool replaced = false;
	char name[4096];
	int fd;
	enum hin_code code;

	if ((named != NULL) != named_ones)
		return HIN_OK;
	snprintf(name, sizeof(name), "%s/%s", s->path, f->name);
	fd = openat(s->folder, f->name, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return hin_fail(err, HIN_ESYS, "open %s", name);
	if (named != NULL)
		x = *named;
	else if (!unnamed_segment(s, fd, f, &x)) {
		close(fd);
		return HIN_OK; /* `check` names it as one that does not belong here */
	}
	code = read_blocks(s, fd, name, &x, &replaced, err);
	close(fd);
	if (code != HIN_OK)
		return code;
	f->seen = true;
	if (named != NULL && replaced && !hin_segment_is_rollup(x.kind)) {
		note_file(s, &x, "all that it has is in newer files: left out");
		s->rebuild->out->files_left++;
		hin_catalog_drop_segment(&s->catalog, x.id);
	} else if (named != NULL) {
		*named = x;
	} else if (x.blocks > 0) {
		note_file(s, &x, "no good record names it, but it is of the store: taken in");
		s->rebuild->out->files_found++;
		if (hin_catalog_add_segment(&s->catalog, &x) == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room for one more file");
		if (x.id >= s->catalog.next_id)
			s->catalog.next_id = x.id + 1;
	} else {
		note_file(s, &x, "no good record names it, and what it has is elsewhere: left out");
		s->rebuild->out->files_left++;
	}
	return HIN_OK;
}

enum hin_code hin_rebuild_files(struct hin_store *s, struct hin_error *err)
{
	struct hin_rebuild *r = s->rebuild;
	enum hin_code code = HIN_OK;

	for (int named = 1; named >= 0 && code == HIN_OK; named--)
		for (size_t i = 0; i < r->file_count && code == HIN_OK; i++)
			if (!r->files[i].seen)
				code = read_file(s, &r->files[i], named == 1, err);
	for (size_t i = s->catalog.segment_count; i > 0 && code == HIN_OK; i--) {
		struct hin_segment *x = &s->catalog.segments[i - 1];
		char name[HIN_SEGMENT_NAME];

		hin_segment_name(name, x);
		if (faccessat(s->folder, name, F_OK, 0) == 0)
			continue;
		note_file(s, x, "is gone: a record that dropped it was damaged, or it is lost");
		hin_catalog_drop_segment(&s->catalog, x->id);
	}
	return code;
}

/* ---- what is lost ---- */

/* The first sequence of an epoch that has a head; 0 when none has. */
static uint64_t first_found(const struct hin_rebuild *r, const struct hin_sensor *s,
			    const struct hin_epoch *e)
{
	uint64_t least = 0;

	for (size_t i = 0; i < r->slot_count; i++) {
		const struct hin_found_batch *b = &r->slots[i];

		if (b->sequence != 0 && b->day == HEAD && b->epoch == e->epoch &&
		    memcmp(b->sensor, s->id, sizeof(s->id)) == 0 &&
		    (least == 0 || b->sequence < least))
			least = b->sequence;
	}
	return least;
}

/*
 * The ranges of an epoch without the batches that are lost. A batch has its head in the record that
 * acknowledged it, so one without a head was in a damaged record; those before the first head have
 * had their time, or were stored by version 1.
 */
static enum hin_code leave_gaps(struct hin_store *s, const struct hin_sensor *sensor,
				struct hin_epoch *e, struct hin_error *err)
{
	struct hin_rebuild *r = s->rebuild;
	uint64_t first = first_found(r, sensor, e), lost = 0;
	/* with no head at all: all are lost, when the store has kept heads from its first day on */
	bool none = first == 0 && s->catalog.made >= 2 && s->catalog.rolled_rows == 0;
	struct hin_span *spans = calloc(HIN_GAPS_MAX, sizeof(*spans));
	struct hin_found_batch b = { .day = HEAD, .epoch = e->epoch }, *top = NULL;
	size_t count = 0;
	bool full = false;

	if (spans == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the gaps of a sensor");
	memcpy(b.sensor, sensor->id, sizeof(b.sensor));
	for (size_t i = 0; i < e->span_count && (first > 0 || none) && !full; i++)
		for (b.sequence = e->spans[i].first; b.sequence <= e->spans[i].last; b.sequence++) {
			struct hin_found_batch *found = find(r, &b);

			b.day = ROWS;
			if (found == NULL && b.sequence > first)
				r->out->batches_partial += (found = find(r, &b)) != NULL;
			b.day = HEAD;
			if (found == NULL && b.sequence > first) {
				lost++;
				continue;
			}
			if (count > 0 && spans[count - 1].last + 1 == b.sequence) {
				spans[count - 1].last++;
			} else if (count < HIN_GAPS_MAX) {
				spans[count++] = (struct hin_span){ b.sequence, b.sequence };
			} else {
				full = true;
				break;
			}
			top = found;
		}
	if (lost > 0 && !full) {
		free(e->spans);
		e->spans = spans;
		e->span_room = HIN_GAPS_MAX;
		e->span_count = count;
		e->sequence = top != NULL ? top->sequence : 0;
		if (top != NULL)
			memcpy(e->digest, top->digest, sizeof(e->digest));
		spans = NULL;
	}
	if (full) {
		struct hin_error what;

		(void)hin_fail(&what, HIN_ELIMIT,
			       "store %s: more than %u gaps in an epoch: lost batches stay marked",
			       s->path, HIN_GAPS_MAX);
		hin_store_note(s, &what);
	}
	r->out->batches_lost += lost;
	free(spans);
	return HIN_OK;
}

/* Keep the damaged journal beside the new one. */
static enum hin_code keep_aside(struct hin_store *s, struct hin_error *err)
{
	char name[sizeof(s->rebuild->out->aside)];

	for (unsigned i = 1; i < 1000; i++) {
		snprintf(name, sizeof(name), HIN_JOURNAL_NAME ".damaged-%u", i);
		if (linkat(s->folder, HIN_JOURNAL_NAME, s->folder, name, 0) == 0) {
			memcpy(s->rebuild->out->aside, name, sizeof(name));
			return HIN_OK;
		}
		if (errno != EEXIST)
			break;
	}
	return hin_fail(err, HIN_ESYS, "keep %s aside", s->journal_name);
}

enum hin_code hin_rebuild_end(struct hin_store *s, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < s->catalog.sensor_count && code == HIN_OK; i++)
		for (size_t k = 0; k < s->catalog.sensors[i].epoch_count && code == HIN_OK; k++)
			code = leave_gaps(s, &s->catalog.sensors[i],
					  &s->catalog.sensors[i].epochs[k], err);
	for (size_t i = 0; i < s->catalog.segment_count; i++)
		if (hin_segment_is_detail(s->catalog.segments[i].kind))
			s->rebuild->out->rows += s->catalog.segments[i].rows;
	for (size_t i = 0; i < s->day_count; i++)
		if (hin_segment_is_detail(s->days[i].kind))
			s->rebuild->out->rows += s->days[i].builder.rows;
	if (code == HIN_OK)
		code = keep_aside(s, err);
	return code;
}

enum hin_code hin_store_rebuild(const char *where, const struct hin_store_options *options,
				struct hin_store_rebuilt *out, struct hin_error *err)
{
	struct hin_rebuild r = { .out = out };
	struct hin_store *s = NULL;
	enum hin_code code;

	*out = (struct hin_store_rebuilt){ 0 };
	code = hin_store_open_as(&s, where, HIN_STORE_WRITE, options, &r, err);
	if (code == HIN_OK)
		s->rebuild = NULL;
	hin_store_close(s);
	free(r.slots);
	free(r.files);
	return code;
}
