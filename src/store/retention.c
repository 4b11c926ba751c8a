/* retention - what is old goes, and is rolled up; see store.h */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/rollup_priv.h"
#include "store/segments_house_priv.h"

#define MINUTE_US INT64_C(60000000)
#define HOUR_US INT64_C(3600000000)

enum pass { LOOK, COUNT, MOVE };

/* One day on its way out. */
struct going {
	struct hin_store *store;
	const struct hin_store_policy *policy;
	int64_t now_us, day;
	bool all; /* every row goes, whatever its kind */
	struct hin_rollup rollup;
	struct hin_house_writer writer;
	uint64_t dropped;
	enum pass pass;
	uint64_t kept; /* LOOK: rows of the file that stay */
};

/* Is the time of this kind's rows of the day over? */
static bool over(const struct going *g, uint64_t kind)
{
	const struct hin_store_policy *p = g->policy;
	int64_t age = p->age_us, end = (g->day + 1) * HIN_DAY_US;

	if (g->all)
		return true;
	for (size_t i = 0; i < p->keep_count; i++)
		if (kind >= p->keep[i].first && kind <= p->keep[i].last) {
			age = p->keep[i].age_us;
			break;
		}
	return age > 0 && end <= g->now_us - age;
}

static enum hin_code take_row(void *user, const struct hin_store_batch *batch, uint32_t at,
			      const struct hin_observation *o, struct hin_error *err)
{
	struct going *g = user;
	bool goes = over(g, o->kind);

	(void)at;
	if (g->pass == LOOK)
		g->kept += !goes;
	if (g->pass == COUNT) {
		if (goes)
			hin_rollup_count_port(&g->rollup, o->proto, o->dport, 1);
	}
	if (g->pass != MOVE)
		return HIN_OK;
	if (!goes)
		return hin_house_add(&g->writer, batch, o, err);
	g->dropped++;
	return hin_rollup_add(&g->rollup, o, batch->sensor, err);
}

static enum hin_code take_block(void *user, const struct hin_block_rows *rows,
				const struct hin_block_head *head, struct hin_error *err)
{
	(void)head;
	return hin_block_each_row(rows, take_row, user, err);
}

/* Can any kind of this day be over? Cheap: by the rules alone. */
static bool may_be_over(const struct going *g)
{
	if (over(g, 0) && g->policy->keep_count == 0)
		return true;
	for (size_t i = 0; i < g->policy->keep_count; i++)
		if (over(g, g->policy->keep[i].first))
			return true;
	return g->all || (g->policy->age_us > 0 &&
			  (g->day + 1) * HIN_DAY_US <= g->now_us - g->policy->age_us);
}

bool hin_house_may_drop(const struct hin_store_policy *policy, int64_t now_us, int64_t day)
{
	struct going g = { .policy = policy, .now_us = now_us, .day = day };

	return may_be_over(&g);
}

/* Is there a row in the block that `reader` is at whose time is over? By its dictionary of kinds.
 */
static bool block_over(const struct going *g, struct hin_block_reader *r)
{
	const struct hin_column_data *c;
	unsigned id = HIN_PART_OF(HIN_FIELD_KIND, HIN_PART_NUMBER);

	if (hin_block_summary(r, id, &c, NULL) != HIN_OK)
		return true; /* damaged: it is looked at whole */
	if (c == NULL || c->part.shape == HIN_SHAPE_CONST)
		return over(g, c != NULL ? c->part.base : 0);
	if (c->part.shape != HIN_SHAPE_DICT)
		return true;
	for (uint32_t i = 0; i < c->part.distinct; i++)
		if (over(g, c->part.base + c->part.scale * c->dict[i]))
			return true;
	return false;
}

static void ignore_damage(void *user, const struct hin_error *what)
{
	(void)user;
	(void)what;
}

/* Is there such a row in the file? */
static bool segment_over(struct going *g, const struct hin_segment *x)
{
	struct hin_heads heads = { 0 };
	char name[4096];
	bool found = true;
	int fd;

	if (g->all || hin_store_open_segment(g->store, x, O_RDONLY, &fd, name, NULL) != HIN_OK)
		return g->all;
	if (hin_segment_heads(&heads, fd, name, x, ignore_damage, NULL, NULL) == HIN_OK) {
		found = false;
		for (size_t i = 0; i < heads.count && !found; i++) {
			hin_block_reader_start(&g->store->reader, fd, name, heads.refs[i].offset,
					       &heads.refs[i].head);
			found = block_over(g, &g->store->reader);
		}
	}
	hin_heads_fini(&heads);
	close(fd);
	return found;
}

/* Mark the files of the day that rows go from. */
static enum hin_code mark_going(struct going *g, struct hin_store_work *work, struct hin_error *err)
{
	struct hin_catalog *c = &g->store->catalog;
	enum hin_code code = HIN_OK;

	g->pass = LOOK;
	for (size_t i = 0; i < c->segment_count && code == HIN_OK; i++) {
		struct hin_segment *x = &c->segments[i];
		struct hin_house_found found;

		if (x->day != g->day || hin_segment_is_rollup(x->kind) || !segment_over(g, x))
			continue;
		g->kept = 0;
		code = hin_house_read(g->store, x, take_block, g, &found, err);
		/* one with damage goes when nothing of it is kept; else it stays as it is */
		x->going = code == HIN_OK &&
			   (g->kept == 0 || (found.damaged_blocks == 0 && found.damaged_rows == 0 &&
					     found.unknown_parts == 0));
		if (x->going)
			work->damaged_blocks += found.damaged_blocks;
	}
	return code;
}

/* Run a pass over the files that are going. */
static enum hin_code run_pass(struct going *g, enum pass pass, struct hin_error *err)
{
	struct hin_catalog *c = &g->store->catalog;
	enum hin_code code = HIN_OK;

	g->pass = pass;
	for (size_t i = 0; i < c->segment_count && code == HIN_OK; i++) {
		struct hin_segment x = c->segments[i];
		struct hin_house_found found;

		if (!x.going)
			continue;
		if (g->writer.kind != x.kind)
			code = hin_house_flush(&g->writer, err);
		g->writer.kind = x.kind;
		if (code == HIN_OK)
			code = hin_house_read(g->store, &x, take_block, g, &found, err);
	}
	return code;
}

static bool any_going(const struct hin_store *s)
{
	for (size_t i = 0; i < s->catalog.segment_count; i++)
		if (s->catalog.segments[i].going)
			return true;
	return false;
}

/* Drop what is over of a day, and roll it up. */
static enum hin_code drop_day(struct going *g, struct hin_store_work *work, struct hin_error *err)
{
	struct hin_house_change change;
	bool minutes = g->policy->minutes_us > 0 &&
		       (g->day + 1) * HIN_DAY_US > g->now_us - g->policy->minutes_us;
	enum hin_code code;

	hin_house_begin(&change, g->store);
	g->dropped = 0;
	g->writer = (struct hin_house_writer){ .store = g->store,
					       .day = g->day,
					       .builder = { .day = g->day } };
	code = hin_rollup_init(&g->rollup, minutes ? MINUTE_US : HOUR_US, err);
	if (code == HIN_OK)
		code = mark_going(g, work, err);
	if (code == HIN_OK && any_going(g->store)) {
		code = run_pass(g, COUNT, err);
		hin_rollup_choose_ports(&g->rollup);
		if (code == HIN_OK)
			code = run_pass(g, MOVE, err);
		if (code == HIN_OK)
			code = hin_house_flush(&g->writer, err);
		if (code == HIN_OK)
			code = hin_rollup_write(&g->rollup, g->store, g->day, err);
		g->store->catalog.rolled_rows += g->dropped;
		if (code == HIN_OK) {
			code = hin_house_end(&change, err);
			work->rows_dropped += code == HIN_OK ? g->dropped : 0;
		} else {
			hin_house_undo(&change);
		}
	} else {
		hin_house_undo(&change);
	}
	hin_house_fini(&g->writer);
	hin_rollup_fini(&g->rollup);
	return code;
}

/* ---- rollups that grow old ---- */

/* Rows of a finer rollup: the ports are what they are. */
struct rolling {
	struct hin_rollup *into;
	const struct hin_column_data *weights;
	struct hin_sketch_reader sketch;
};

static enum hin_code roll_row(void *user, const struct hin_store_batch *batch, uint32_t at,
			      const struct hin_observation *o, struct hin_error *err)
{
	struct rolling *r = user;

	return hin_rollup_add_rolled(r->into, o, batch->sensor, hin_column_at(r->weights, at),
				     &r->sketch, err);
}

static enum hin_code take_rolled(void *user, const struct hin_block_rows *rows,
				 const struct hin_block_head *head, struct hin_error *err)
{
	struct going *g = user;
	struct rolling rolling = { .into = &g->rollup };
	struct hin_block_reader *r = rows->reader;
	const struct hin_column_data *sketches;
	enum hin_code code = hin_block_column(r, HIN_PART_WEIGHT, &rolling.weights, err);

	(void)head;
	if (code == HIN_OK)
		code = hin_block_column(r, HIN_PART_SKETCH, &sketches, err);
	if (code == HIN_OK && (rolling.weights == NULL || sketches == NULL))
		code = hin_fail(err, HIN_EFORMAT, "%s: offset %llu: no rollup", r->name,
				(unsigned long long)r->offset);
	if (code != HIN_OK)
		return code;
	rolling.sketch = hin_sketch_reader_of(sketches->bytes, sketches->part.bytes_raw);
	return hin_block_each_row(rows, roll_row, &rolling, err);
}

static enum hin_code minutes_to_hours(struct going *g, struct hin_error *err)
{
	struct hin_catalog *c = &g->store->catalog;
	struct hin_house_change change;
	enum hin_code code = hin_rollup_init(&g->rollup, HOUR_US, err);

	hin_house_begin(&change, g->store);
	if (code != HIN_OK)
		return code;
	memset(g->rollup.ports[0], 1, (UINT16_MAX + 1) * sizeof(uint32_t));
	memset(g->rollup.ports[1], 1, (UINT16_MAX + 1) * sizeof(uint32_t));
	for (size_t i = 0; i < c->segment_count && code == HIN_OK; i++) {
		struct hin_segment x = c->segments[i];
		struct hin_house_found found;

		if (x.day != g->day || x.kind != HIN_SEGMENT_MINUTES)
			continue;
		code = hin_house_read(g->store, &x, NULL, NULL, &found, err);
		/* a damaged rollup stays as it is */
		if (code != HIN_OK || found.damaged_blocks > 0 || found.unknown_parts > 0)
			continue;
		c->segments[i].going = true;
		code = hin_house_read(g->store, &x, take_rolled, g, &found, err);
	}
	if (code == HIN_OK)
		code = hin_rollup_write(&g->rollup, g->store, g->day, err);
	if (code == HIN_OK && any_going(g->store))
		code = hin_house_end(&change, err);
	else
		hin_house_undo(&change);
	hin_rollup_fini(&g->rollup);
	return code;
}

/* Let all files of some kinds of a day go. */
static enum hin_code drop_rollups(struct going *g, struct hin_error *err)
{
	struct hin_catalog *c = &g->store->catalog;
	struct hin_house_change change;

	hin_house_begin(&change, g->store);
	for (size_t i = 0; i < c->segment_count; i++)
		c->segments[i].going =
			c->segments[i].day == g->day && hin_segment_is_rollup(c->segments[i].kind);
	return hin_house_end(&change, err);
}

static bool has_kind(const struct hin_store *s, int64_t day, bool rollups, unsigned kind)
{
	for (size_t i = 0; i < s->catalog.segment_count; i++) {
		const struct hin_segment *x = &s->catalog.segments[i];

		if (x->day == day && hin_segment_is_rollup(x->kind) == rollups &&
		    (kind == HIN_SEGMENT_KINDS || x->kind == kind))
			return true;
	}
	return false;
}

/* The first day after `last`; INT64_MAX when there is none. */
static int64_t day_after(const struct hin_store *s, int64_t last)
{
	for (size_t i = 0; i < s->catalog.segment_count; i++)
		if (s->catalog.segments[i].day > last)
			return s->catalog.segments[i].day;
	return INT64_MAX;
}

static enum hin_code by_age(struct going *g, struct hin_store_work *work, struct hin_error *err)
{
	const struct hin_store_policy *p = g->policy;
	enum hin_code code = HIN_OK;

	for (g->day = day_after(g->store, INT64_MIN); g->day < INT64_MAX && code == HIN_OK;
	     g->day = day_after(g->store, g->day)) {
		int64_t end = (g->day + 1) * HIN_DAY_US;

		if (has_kind(g->store, g->day, false, HIN_SEGMENT_KINDS) && may_be_over(g))
			code = drop_day(g, work, err);
		if (code == HIN_OK && has_kind(g->store, g->day, true, HIN_SEGMENT_MINUTES) &&
		    end <= g->now_us - p->minutes_us)
			code = minutes_to_hours(g, err);
		if (code == HIN_OK && p->hours_us > 0 && end <= g->now_us - p->hours_us &&
		    has_kind(g->store, g->day, true, HIN_SEGMENT_KINDS))
			code = drop_rollups(g, err);
	}
	return code;
}

/* The oldest detail goes first, then the oldest rollups. Today stays. */
static enum hin_code by_size(struct going *g, struct hin_store_work *work, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	g->all = true;
	for (int rollups = 0; rollups < 2 && code == HIN_OK; rollups++) {
		g->day = day_after(g->store, INT64_MIN);
		while (code == HIN_OK && g->day < g->now_us / HIN_DAY_US &&
		       hin_house_bytes(g->store) > g->policy->bytes) {
			if (!rollups && has_kind(g->store, g->day, false, HIN_SEGMENT_KINDS))
				code = drop_day(g, work, err);
			if (rollups && has_kind(g->store, g->day, true, HIN_SEGMENT_KINDS))
				code = drop_rollups(g, err);
			g->day = day_after(g->store, g->day);
		}
	}
	return code;
}

enum hin_code hin_house_retain(struct hin_store *s, const struct hin_store_policy *policy,
			       int64_t now_us, struct hin_store_work *work, struct hin_error *err)
{
	struct going g = { .store = s, .policy = policy, .now_us = now_us };
	enum hin_code code = by_age(&g, work, err);

	if (code == HIN_OK && policy->bytes > 0 && hin_house_bytes(s) > policy->bytes)
		code = by_size(&g, work, err);
	return code;
}
