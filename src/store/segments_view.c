/* segments_view - the blocks of a question, day by day; see segments_view_priv.h */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/segments_view_priv.h"

/* One place that blocks of a day lie in. */
struct source {
	int fd; /* -1: memory */
	char *name;
	unsigned kind;
	struct hin_heads heads;
	struct hin_buffer memory; /* of rows that are not in a file: the writer's own */
};

/* One block of a day. */
struct entry {
	const struct source *source;
	const struct hin_block_ref *ref;
};

struct walk {
	const struct hin_view *view;
	struct hin_store *store;
	struct hin_matcher matcher;
	struct source *sources;
	size_t source_count, source_room;
	struct entry *entries;
	size_t entry_count, entry_room;
	uint64_t blocks, blocks_done, rows_done;
};

static void note(struct walk *w, const struct hin_error *what, uint32_t rows)
{
	hin_store_note(w->store, what);
	w->view->effort->damaged_blocks++;
	w->view->effort->damaged_rows += rows;
}

static void note_damage(void *user, const struct hin_error *what)
{
	note(user, what, 0);
}

static void close_sources(struct walk *w)
{
	for (size_t i = 0; i < w->source_count; i++) {
		struct source *s = &w->sources[i];

		if (s->fd != -1 && s->fd != w->store->journal)
			close(s->fd);
		w->view->effort->bytes_read += s->heads.bytes_read;
		free(s->name);
		hin_heads_fini(&s->heads);
		hin_buffer_fini(&s->memory);
	}
	w->source_count = w->entry_count = 0;
}

static struct source *add_source(struct walk *w, int fd, const char *name, unsigned kind)
{
	struct source *s;

	if (w->source_count == w->source_room) {
		size_t room = w->source_room * 2 + 16;
		struct source *more = realloc(w->sources, room * sizeof(*more));

		if (more == NULL)
			return NULL;
		w->sources = more;
		w->source_room = room;
	}
	s = &w->sources[w->source_count];
	*s = (struct source){ .fd = fd, .name = strdup(name), .kind = kind };
	if (s->name == NULL)
		return NULL;
	w->source_count++;
	return s;
}

/* Does the question ask of rollups only what they have? */
static bool rollup_has(const struct hin_view *view, unsigned kind)
{
	uint64_t fields = view->rollup_fields;
	int64_t unit = kind == HIN_SEGMENT_MINUTES ? 60000000 : INT64_C(3600000000);

	if (view->interval_us % unit != 0)
		return false;

	if (view->range->filter != NULL)
		fields |= view->range->filter->fields;
	return (fields & ~HIN_ROLLUP_FIELDS) == 0;
}

/* Blocks that are not even looked at. */
static void skip_blocks(struct walk *w, uint64_t blocks, uint64_t rows)
{
	w->view->effort->blocks += blocks;
	w->view->effort->blocks_skipped += blocks;
	w->blocks_done += blocks;
	w->rows_done += rows;
}

static bool segment_wanted(struct walk *w, const struct hin_segment *s)
{
	int64_t until = w->matcher.until_us;

	if (s->blocks == 0 || s->time_max < w->matcher.since_us || s->time_min >= until ||
	    w->view->heads != (s->kind == HIN_SEGMENT_BATCHES))
		return false;
	if (s->kind == HIN_SEGMENT_FLOWS && w->matcher.no_flows) {
		skip_blocks(w, s->blocks, s->rows);
		return false;
	}
	if (!hin_segment_is_rollup(s->kind))
		return true;
	if (!w->view->rollups)
		return false;
	if (rollup_has(w->view, s->kind))
		return true;
	w->view->effort->rolled_left += s->weight;
	return false;
}

/*
 * By the index of its sources only those blocks of a file in which a row may match; `*done` stays
 * false when there is none that can be used.
 */
static enum hin_code open_some(struct walk *w, struct source *source, const struct hin_segment *s,
			       bool *done, struct hin_error *err)
{
	struct hin_sources index;
	struct hin_block_set set;
	struct hin_error what = { 0 };
	uint64_t rows = 0;
	enum hin_code code = hin_sources_open(&index, source->fd, source->name, s, &what);

	*done = code == HIN_OK;
	if (code == HIN_OK)
		code = hin_matcher_narrow(&w->matcher, &index, &set, &what);
	for (uint32_t b = 0; code == HIN_OK && b < index.blocks; b++) {
		if (!hin_block_set_has(&set, b))
			continue;
		code = hin_segment_head_at(&source->heads, source->fd, source->name, s,
					   hin_sources_offset(&index, b), &what);
		/* of the index, or of the head: the others may be good */
		if (hin_is_damage(code))
			break;
	}
	source->heads.bytes_read += index.bytes_read;
	hin_sources_close(&index);
	if (hin_is_damage(code)) {
		/* all heads are asked then */
		note(w, &what, 0);
		*done = false;
	}
	if (code == HIN_ENOENT || hin_is_damage(code))
		return HIN_OK;
	if (code != HIN_OK) {
		if (err != NULL)
			*err = what;
		return code;
	}
	for (size_t i = 0; i < source->heads.count; i++)
		rows += source->heads.refs[i].head.rows;
	skip_blocks(w, s->blocks - source->heads.count, s->rows > rows ? s->rows - rows : 0);
	return HIN_OK;
}

static enum hin_code open_segment(struct walk *w, const struct hin_segment *s,
				  struct hin_error *err)
{
	char name[4096];
	struct hin_error what = { 0 };
	struct source *source;
	bool done = false;
	int fd;
	enum hin_code code = hin_store_open_segment(w->store, s, O_RDONLY, &fd, name, &what);

	if (code == HIN_OK) {
		code = hin_segment_check_head(fd, name, w->store->catalog.store, s, &what);
		if (code != HIN_OK)
			close(fd);
	}
	if (code != HIN_OK) {
		/* a file that is gone, or no longer what it was: all its rows are */
		note(w, &what, 0);
		w->view->effort->damaged_rows += s->rows;
		return HIN_OK;
	}
	source = add_source(w, fd, name, s->kind);
	if (source == NULL) {
		close(fd);
		return hin_fail(err, HIN_ENOMEM, "no room for one more file");
	}
	if (w->matcher.narrows) {
		code = open_some(w, source, s, &done, err);
		if (code != HIN_OK || done)
			return code;
	}
	return hin_segment_heads(&source->heads, fd, name, s, note_damage, w, err);
}

/* A block of the journal. */
static enum hin_code open_tail(struct walk *w, const struct hin_tail *t, struct hin_error *err)
{
	uint8_t bytes[8192], *more = NULL;
	struct source *source = add_source(w, w->store->journal, w->store->journal_name, t->kind);
	size_t need = 0, have;
	ssize_t n;
	enum hin_code code;

	if (source == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for one more block");
	have = t->size < sizeof(bytes) ? t->size : sizeof(bytes);
	n = pread(source->fd, bytes, have, (off_t)t->offset);
	code = hin_heads_add(&source->heads, t->offset, bytes, n > 0 ? (size_t)n : 0, &need);
	if (code == HIN_ETRUNCATED && need > have && need <= t->size) {
		more = malloc(need);
		if (more != NULL) {
			n = pread(source->fd, more, need, (off_t)t->offset);
			code = hin_heads_add(&source->heads, t->offset, more, n > 0 ? (size_t)n : 0,
					     &need);
		}
		free(more);
	}
	if (code == HIN_ENOMEM)
		return hin_fail(err, code, "no room for one more block");
	if (code != HIN_OK) {
		struct hin_error what;

		(void)hin_fail(&what, code, "%s: offset %llu: block is damaged",
			       w->store->journal_name, (unsigned long long)t->offset);
		note(w, &what, 0);
	}
	return HIN_OK;
}

/* The writer's own rows, as a block in memory. */
static enum hin_code open_rows(struct walk *w, const struct hin_open_day *d, struct hin_error *err)
{
	struct source *source = add_source(w, -1, "memory", d->kind);
	size_t need;
	enum hin_code code;

	if (source == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for one more block");
	code = hin_block_write(&w->store->coder, &d->builder, 0, d->builder.rows, &source->memory,
			       err);
	if (code != HIN_OK)
		return code;
	code = hin_heads_add(&source->heads, 0, source->memory.data, source->memory.used, &need);
	return code == HIN_OK ? HIN_OK : hin_fail(err, code, "rows in memory cannot be read");
}

static int by_time(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int64_t first = x->ref->head.time_min, second = y->ref->head.time_min;

	if (first != second)
		return first < second ? -1 : 1;
	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return x->ref < y->ref ? -1 : x->ref > y->ref;
}

static enum hin_code list_blocks(struct walk *w, struct hin_error *err)
{
	size_t count = 0;

	for (size_t i = 0; i < w->source_count; i++)
		count += w->sources[i].heads.count;
	if (count > w->entry_room) {
		struct entry *more = realloc(w->entries, count * sizeof(*more));

		if (more == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room for a list of blocks");
		w->entries = more;
		w->entry_room = count;
	}
	w->entry_count = 0;
	for (size_t i = 0; i < w->source_count; i++)
		for (size_t k = 0; k < w->sources[i].heads.count; k++)
			w->entries[w->entry_count++] =
				(struct entry){ &w->sources[i], &w->sources[i].heads.refs[k] };
	if (w->entry_count > 1)
		qsort(w->entries, w->entry_count, sizeof(*w->entries), by_time);
	return HIN_OK;
}

static enum hin_code ask_block(struct walk *w, const struct entry *e, struct hin_error *err)
{
	struct hin_block_reader *r = &w->store->reader;
	struct hin_store_effort *effort = w->view->effort;
	struct hin_view_block block = { .reader = r,
					.head = &e->ref->head,
					.kind = e->source->kind };
	enum hin_filter_answer answer;
	enum hin_code code;

	hin_block_reader_start(r, e->source->fd, e->source->name, e->ref->offset, &e->ref->head);
	r->memory = (const uint8_t *)e->source->memory.data;
	code = hin_matcher_judge(&w->matcher, &answer, err);
	if (code != HIN_OK)
		return code;
	if (answer == HIN_FILTER_NONE) {
		effort->blocks_skipped++;
		return HIN_OK;
	}
	if (w->view->head_only)
		block.rows = (struct hin_selection){ .answer = answer, .count = e->ref->head.rows };
	else
		code = hin_matcher_select(&w->matcher, &block.rows, err);
	if (code != HIN_OK)
		return code;
	effort->rows_looked += e->ref->head.weight;
	if (block.rows.count == 0)
		return HIN_OK;
	code = w->view->call(w->view->user, &block, err);
	if ((code == HIN_OK || code == HIN_EOF) && hin_segment_is_detail(block.kind))
		effort->rows_matched += block.rows.count;
	return code;
}

static enum hin_code ask_day(struct walk *w, struct hin_error *err)
{
	const struct hin_store_range *range = w->view->range;
	struct hin_store_effort *effort = w->view->effort;
	enum hin_code code = list_blocks(w, err);

	for (size_t i = 0; i < w->entry_count && code == HIN_OK; i++) {
		struct hin_error what = { 0 };

		effort->blocks++;
		code = ask_block(w, &w->entries[i], &what);
		w->blocks_done++;
		w->rows_done += w->entries[i].ref->head.rows;
		if (hin_is_damage(code)) {
			note(w, &what, w->entries[i].ref->head.rows);
			code = HIN_OK;
		} else if (code != HIN_OK && code != HIN_EOF && err != NULL) {
			*err = what;
		}
		if (code == HIN_OK && range->progress != NULL && w->blocks_done % 16 == 0 &&
		    !range->progress(range->user, w->blocks_done, w->blocks, w->rows_done)) {
			effort->stopped = true;
			code = HIN_EOF;
		}
	}
	return code;
}

/* The next day, from `day` on, that has anything; false when there is none. */
static bool next_day(const struct hin_store *s, int64_t *day)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < s->catalog.segment_count; i++)
		if (s->catalog.segments[i].day >= *day) {
			next = s->catalog.segments[i].day;
			break;
		}
	for (size_t i = 0; i < s->catalog.tail_count; i++)
		if (s->catalog.tails[i].day >= *day && s->catalog.tails[i].day < next)
			next = s->catalog.tails[i].day;
	for (size_t i = 0; i < s->day_count; i++)
		if (s->days[i].builder.rows > 0 && s->days[i].day >= *day && s->days[i].day < next)
			next = s->days[i].day;
	*day = next;
	return next < INT64_MAX;
}

static enum hin_code open_day(struct walk *w, int64_t day, struct hin_error *err)
{
	struct hin_store *s = w->store;
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < s->catalog.segment_count && code == HIN_OK; i++)
		if (s->catalog.segments[i].day == day && segment_wanted(w, &s->catalog.segments[i]))
			code = open_segment(w, &s->catalog.segments[i], err);
	for (size_t i = 0; i < s->catalog.tail_count && code == HIN_OK; i++)
		if (s->catalog.tails[i].day == day &&
		    w->view->heads == (s->catalog.tails[i].kind == HIN_SEGMENT_BATCHES))
			code = open_tail(w, &s->catalog.tails[i], err);
	for (size_t i = 0; i < s->day_count && code == HIN_OK; i++)
		if (s->days[i].day == day && s->days[i].builder.rows > 0 &&
		    w->view->heads == (s->days[i].kind == HIN_SEGMENT_BATCHES))
			code = open_rows(w, &s->days[i], err);
	return code;
}

static enum hin_code walk_days(struct walk *w, struct hin_error *err)
{
	int64_t since = w->matcher.since_us, day = since > 0 ? since / HIN_DAY_US : 0;
	int64_t last = (w->matcher.until_us - 1) / HIN_DAY_US;
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < w->store->catalog.segment_count; i++) {
		const struct hin_segment *s = &w->store->catalog.segments[i];

		if (s->day >= day && s->day <= last)
			w->blocks += s->blocks;
	}
	for (; code == HIN_OK && next_day(w->store, &day) && day <= last; day++) {
		code = open_day(w, day, err);
		if (code == HIN_OK)
			code = ask_day(w, err);
		close_sources(w);
	}
	return code == HIN_EOF ? HIN_OK : code;
}

enum hin_code hin_view_run(const struct hin_view *view, struct hin_error *err)
{
	struct walk w = { .view = view, .store = view->store };
	uint64_t before;
	enum hin_code code = hin_store_begin(view->store, err);

	if (code != HIN_OK)
		return code;
	before = view->store->reader.bytes_read;
	code = hin_matcher_init(&w.matcher, view->range, &view->store->reader, err);
	if (code == HIN_OK && w.matcher.until_us > w.matcher.since_us)
		code = walk_days(&w, err);
	close_sources(&w);
	hin_matcher_fini(&w.matcher);
	free(w.sources);
	free(w.entries);
	view->effort->bytes_read += view->store->reader.bytes_read - before;
	hin_store_end(view->store);
	return code;
}
