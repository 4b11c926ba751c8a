/* segments_scan - rows of a range, and what road.alive says; see store.h */
#include <stdlib.h>
#include <string.h>

#include "store/segments_view_priv.h"

#define SCAN_ROWS 2048u /* given at a time */
#define PICK_LEAST 32u	/* rows for each one that is picked alone */

struct scan {
	uint64_t fields, limit, given;
	hin_store_rows_fn call;
	void *user;
	struct hin_observation *rows;
	const struct hin_store_batch **batches;
	uint32_t *list; /* of rows that count, HIN_BLOCK_ROWS */
	size_t count;
	struct hin_store_effort *effort;
};

static enum hin_code flush(struct scan *s, struct hin_error *err)
{
	struct hin_store_rows rows = { .rows = s->rows, .batches = s->batches, .count = s->count };
	enum hin_code code = s->count > 0 ? s->call(s->user, &rows, err) : HIN_OK;

	s->count = 0;
	return code;
}

/* The rows that count, in `s->list`. */
static void list_rows(struct scan *s, const struct hin_selection *rows, uint32_t all)
{
	const uint8_t *at = rows->mask, *end = rows->mask + all;
	uint32_t n = 0;

	while (n < rows->count && (at = memchr(at, 1, (size_t)(end - at))) != NULL)
		s->list[n++] = (uint32_t)(at++ - rows->mask);
}

static enum hin_code scan_block(void *user, struct hin_view_block *b, struct hin_error *err)
{
	struct scan *s = user;
	struct hin_block_rows rows;
	bool all = b->rows.answer == HIN_FILTER_ALL;
	uint32_t batch_end = 0;
	size_t batch = 0;
	enum hin_code code = hin_block_batches(b->reader, err);

	if (code != HIN_OK)
		return code;
	if (!all)
		list_rows(s, &b->rows, b->head->rows);
	/* of a few rows the columns are not unpacked */
	if (!all && b->rows.count < b->head->rows / PICK_LEAST)
		code = hin_block_rows_pick(&rows, b->reader, s->fields, s->list, b->rows.count,
					   err);
	else
		code = hin_block_rows_open(&rows, b->reader, s->fields, err);
	if (code != HIN_OK)
		return code;
	if (b->reader->batch_count > 0)
		batch_end = b->reader->batches[0].rows;
	for (uint32_t i = 0; i < b->rows.count && code == HIN_OK; i++) {
		uint32_t row = all ? i : s->list[i];

		while (row >= batch_end)
			batch_end += b->reader->batches[++batch].rows;
		if (s->limit > 0 && s->given == s->limit) {
			s->effort->stopped = true;
			code = HIN_EOF;
			break;
		}
		hin_block_row(&rows, rows.list != NULL ? i : row, &s->rows[s->count]);
		s->batches[s->count++] = &b->reader->batches[batch].batch;
		s->given++;
		if (s->count == SCAN_ROWS)
			code = flush(s, err);
	}
	if (code == HIN_OK || code == HIN_EOF) {
		enum hin_code last = flush(s, err);

		code = last != HIN_OK ? last : code;
	}
	hin_block_rows_fini(&rows);
	return code;
}

enum hin_code hin_store_scan(struct hin_store *store, const struct hin_store_range *range,
			     uint64_t fields, uint64_t limit, hin_store_rows_fn call, void *user,
			     struct hin_store_effort *effort, struct hin_error *err)
{
	struct hin_store_effort none;
	struct scan s = { .fields = fields,
			  .limit = limit,
			  .call = call,
			  .user = user,
			  .effort = effort != NULL ? effort : &none };
	struct hin_view view = {
		.store = store, .range = range, .call = scan_block, .user = &s, .effort = s.effort
	};
	enum hin_code code;

	*s.effort = (struct hin_store_effort){ 0 };
	s.rows = malloc(SCAN_ROWS * sizeof(*s.rows));
	s.batches = malloc(SCAN_ROWS * sizeof(*s.batches));
	s.list = malloc(HIN_BLOCK_ROWS * sizeof(*s.list));
	code = s.rows != NULL && s.batches != NULL && s.list != NULL
		       ? hin_view_run(&view, err)
		       : hin_fail(err, HIN_ENOMEM, "no room for rows");
	free(s.list);
	free(s.rows);
	free(s.batches);
	return code;
}

/* ---- how much was watched ---- */

struct alive {
	uint8_t sensor[HIN_SENSOR_ID];
	int64_t from, to;
};

struct watching {
	int64_t since, until;
	struct alive *items;
	size_t count, room;
};

static enum hin_code take_alive(void *user, const struct hin_store_rows *rows,
				struct hin_error *err)
{
	struct watching *w = user;

	for (size_t i = 0; i < rows->count; i++) {
		const struct hin_observation *o = &rows->rows[i];
		uint64_t most = (uint64_t)(INT64_MAX - o->time_us);
		struct alive a = { .from = o->time_us,
				   .to = o->time_us +
					 (int64_t)(o->duration_us < most ? o->duration_us : most) };

		memcpy(a.sensor, rows->batches[i]->sensor, sizeof(a.sensor));
		a.from = a.from < w->since ? w->since : a.from;
		a.to = a.to > w->until ? w->until : a.to;
		if (a.from >= a.to)
			continue;
		if (w->count == w->room) {
			size_t room = w->room * 2 + 1024;
			struct alive *more = realloc(w->items, room * sizeof(*more));

			if (more == NULL)
				return hin_fail(err, HIN_ENOMEM, "no room for road.alive");
			w->items = more;
			w->room = room;
		}
		w->items[w->count++] = a;
	}
	return HIN_OK;
}

static int by_sensor(const void *a, const void *b)
{
	const struct alive *x = a, *y = b;
	int order = memcmp(x->sensor, y->sensor, sizeof(x->sensor));

	return order != 0 ? order : x->from < y->from ? -1 : x->from > y->from;
}

/* The time that a sensor's intervals cover together. */
static uint64_t covered(const struct watching *w)
{
	uint64_t sum = 0;
	int64_t end = INT64_MIN;

	for (size_t i = 0; i < w->count; i++) {
		const struct alive *a = &w->items[i];

		if (i == 0 || memcmp(a->sensor, w->items[i - 1].sensor, sizeof(a->sensor)) != 0)
			end = INT64_MIN;
		if (a->to <= end)
			continue;
		sum += (uint64_t)(a->to - (a->from > end ? a->from : end));
		end = a->to;
	}
	return sum;
}

/* When the sensor began: with its first batch, which may tell of the minutes before it. */
static int64_t began(const struct watching *w, const struct hin_sensor *s)
{
	int64_t from = s->first_us;

	for (size_t i = 0; i < w->count; i++)
		if (w->items[i].from < from &&
		    memcmp(w->items[i].sensor, s->id, sizeof(s->id)) == 0)
			from = w->items[i].from;
	return from > w->since ? from : w->since;
}

/* Ask for rows of road.alive. */
struct alive_filter {
	struct hin_filter filter;
	struct hin_filter_node node;
	struct hin_filter_numbers number;
};

static void make_filter(struct alive_filter *f)
{
	f->number = (struct hin_filter_numbers){ HIN_KIND_ROAD_ALIVE, HIN_KIND_ROAD_ALIVE };
	f->node = (struct hin_filter_node){ .type = HIN_FILTER_NUMBERS,
					    .field = HIN_FIELD_KIND,
					    .count = 1 };
	f->filter = (struct hin_filter){ .nodes = &f->node,
					 .node_count = 1,
					 .numbers = &f->number,
					 .number_count = 1,
					 .fields = UINT64_C(1) << HIN_FIELD_KIND };
}

static enum hin_code mark_alive(void *user, const struct hin_store_rows *rows,
				struct hin_error *err)
{
	struct hin_catalog *catalog = user;

	(void)err;
	for (size_t i = 0; i < rows->count; i++) {
		struct hin_sensor *s = hin_catalog_sensor(catalog, rows->batches[i]->sensor);

		if (s != NULL)
			s->alive = true;
	}
	return HIN_OK;
}

enum hin_code hin_store_learn_alive(struct hin_store *store, struct hin_error *err)
{
	struct alive_filter f;
	struct hin_store_range range = { .filter = &f.filter };

	make_filter(&f);
	return hin_store_scan(store, &range, 0, 0, mark_alive, &store->catalog, NULL, err);
}

enum hin_code hin_store_watch(struct hin_store *store, const struct hin_store_range *range,
			      struct hin_store_watched *out, struct hin_error *err)
{
	struct alive_filter f;
	struct hin_store_range asked = *range;
	struct watching w = { .since = range->since_us, .until = range->until_us };
	enum hin_code code = hin_store_begin(store, err); /* the marks of one moment */

	*out = (struct hin_store_watched){ 0 };
	if (code != HIN_OK)
		return code;
	hin_store_end(store);
	if (w.until <= 0) {
		/* open: until the last batch that came */
		for (size_t i = 0; i < store->catalog.sensor_count; i++)
			if (store->catalog.sensors[i].last_us > w.until)
				w.until = store->catalog.sensors[i].last_us;
	}
	make_filter(&f);
	asked.filter = &f.filter;
	/* an interval that began before counts from the start of the range */
	asked.since_us = w.since > HIN_DAY_US ? w.since - HIN_DAY_US : 0;
	asked.until_us = w.until;
	if (w.until > w.since)
		code = hin_store_scan(store, &asked, UINT64_C(1) << HIN_FIELD_DURATION, 0,
				      take_alive, &w, NULL, err);
	if (code == HIN_OK && w.count > 0) {
		qsort(w.items, w.count, sizeof(*w.items), by_sensor);
		out->watched_us = covered(&w);
	}
	for (size_t i = 0; i < store->catalog.sensor_count && w.until > w.since; i++) {
		const struct hin_sensor *s = &store->catalog.sensors[i];
		int64_t from = began(&w, s);

		/* in version 1 nobody noted who is alive */
		if (hin_sensor_newest(s) == NULL || from >= w.until ||
		    (!s->alive && store->catalog.version >= HIN_JOURNAL_VERSION))
			continue;
		if (out->sensors++ == 0 || from < out->from_us)
			out->from_us = from;
		out->expected_us += (uint64_t)(w.until - from);
	}
	if (out->watched_us > out->expected_us)
		out->expected_us = out->watched_us;
	free(w.items);
	return code;
}
