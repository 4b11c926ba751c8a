/* journal_marks - where each sensor stands; see journal_priv.h */
#include <stdlib.h>

#include "store/journal_priv.h"

/* Where the sensor is, or would be. */
static size_t sensor_place(const struct hin_catalog *c, const uint8_t id[HIN_SENSOR_ID])
{
	size_t low = 0, high = c->sensor_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (memcmp(c->sensors[middle].id, id, HIN_SENSOR_ID) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct hin_sensor *hin_catalog_sensor(const struct hin_catalog *c, const uint8_t id[HIN_SENSOR_ID])
{
	size_t at = sensor_place(c, id);

	return at < c->sensor_count && memcmp(c->sensors[at].id, id, HIN_SENSOR_ID) == 0
		       ? &c->sensors[at]
		       : NULL;
}

/* An epoch for which room was made, and of which nothing came, is none yet. */
const struct hin_epoch *hin_sensor_newest(const struct hin_sensor *sensor)
{
	size_t i = sensor->epoch_count;

	while (i > 0 && sensor->epochs[i - 1].span_count == 0)
		i--;
	return i > 0 ? &sensor->epochs[i - 1] : NULL;
}

static struct hin_epoch *find_epoch(const struct hin_sensor *sensor, uint64_t epoch)
{
	for (size_t i = sensor->epoch_count; i > 0; i--)
		if (sensor->epochs[i - 1].epoch == epoch)
			return &sensor->epochs[i - 1];
	return NULL;
}

const struct hin_epoch *hin_sensor_epoch(const struct hin_sensor *sensor, uint64_t epoch)
{
	return find_epoch(sensor, epoch);
}

/* The first span that ends at or after `sequence`. */
static size_t span_place(const struct hin_epoch *epoch, uint64_t sequence)
{
	size_t low = 0, high = epoch->span_count;

	if (high > 0 && epoch->spans[high - 1].last < sequence)
		return high;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (epoch->spans[middle].last < sequence)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool hin_epoch_has(const struct hin_epoch *epoch, uint64_t sequence)
{
	size_t at = span_place(epoch, sequence);

	return at < epoch->span_count && epoch->spans[at].first <= sequence;
}

struct hin_sensor *hin_catalog_add_sensor(struct hin_catalog *c, const uint8_t id[HIN_SENSOR_ID])
{
	size_t at = sensor_place(c, id);

	if (at < c->sensor_count && memcmp(c->sensors[at].id, id, HIN_SENSOR_ID) == 0)
		return &c->sensors[at];

	if (c->sensor_count == c->sensor_room) {
		size_t room = c->sensor_room > 0 ? c->sensor_room * 2 : 16;
		struct hin_sensor *more = realloc(c->sensors, room * sizeof(*more));

		if (more == NULL)
			return NULL;
		c->sensors = more;
		c->sensor_room = room;
	}
	memmove(c->sensors + at + 1, c->sensors + at, (c->sensor_count - at) * sizeof(*c->sensors));
	c->sensors[at] = (struct hin_sensor){ 0 };
	memcpy(c->sensors[at].id, id, HIN_SENSOR_ID);
	c->sensor_count++;
	return &c->sensors[at];
}

static enum hin_code add_epoch(struct hin_sensor *s, uint64_t number, struct hin_epoch **out,
			       struct hin_error *err)
{
	/* one that was made room for and not used */
	if (s->epoch_count > 0 && s->epochs[s->epoch_count - 1].span_count == 0) {
		*out = &s->epochs[s->epoch_count - 1];
		(*out)->epoch = number;
		return HIN_OK;
	}
	if (s->epoch_count == HIN_EPOCHS_MAX)
		return hin_fail(err, HIN_ELIMIT, "a sensor has more than %u epochs",
				HIN_EPOCHS_MAX);
	if (s->epoch_count == s->epoch_room) {
		size_t room = s->epoch_room > 0 ? s->epoch_room * 2 : 1;
		struct hin_epoch *more = realloc(s->epochs, room * sizeof(*more));

		if (more == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room for the epochs of a sensor");
		s->epochs = more;
		s->epoch_room = room;
	}
	*out = &s->epochs[s->epoch_count++];
	**out = (struct hin_epoch){ .epoch = number };
	return HIN_OK;
}

/* Would `sequence` lie beside no other? */
static bool is_lone(const struct hin_epoch *e, uint64_t sequence)
{
	size_t at = span_place(e, sequence);

	if (at > 0 && e->spans[at - 1].last + 1 == sequence)
		return false;
	return at == e->span_count || e->spans[at].first != sequence + 1;
}

enum hin_code hin_catalog_reserve(struct hin_catalog *c, const struct hin_store_batch *batch,
				  struct hin_error *err)
{
	struct hin_sensor *s = hin_catalog_add_sensor(c, batch->sensor);
	struct hin_epoch *e;

	if (s == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for a sensor");
	e = find_epoch(s, batch->epoch);
	if (e == NULL) {
		enum hin_code code = add_epoch(s, batch->epoch, &e, err);

		if (code != HIN_OK)
			return code;
	}
	if (e->span_count >= HIN_GAPS_MAX && is_lone(e, batch->sequence))
		return hin_fail(err, HIN_ELIMIT, "a sensor has more than %u gaps in an epoch",
				HIN_GAPS_MAX);
	if (e->span_count == e->span_room) {
		size_t room = e->span_room > 0 ? e->span_room * 2 : 2;
		struct hin_span *more = realloc(e->spans, room * sizeof(*more));

		if (more == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room for the gaps of a sensor");
		e->spans = more;
		e->span_room = room;
	}
	return HIN_OK;
}

static void add_sequence(struct hin_epoch *e, uint64_t sequence)
{
	size_t at = span_place(e, sequence);
	bool before = at > 0 && e->spans[at - 1].last + 1 == sequence;
	bool after = at < e->span_count && e->spans[at].first == sequence + 1;

	if (before && after) {
		e->spans[at - 1].last = e->spans[at].last;
		memmove(e->spans + at, e->spans + at + 1,
			(e->span_count - at - 1) * sizeof(*e->spans));
		e->span_count--;
	} else if (before) {
		e->spans[at - 1].last = sequence;
	} else if (after) {
		e->spans[at].first = sequence;
	} else {
		memmove(e->spans + at + 1, e->spans + at, (e->span_count - at) * sizeof(*e->spans));
		e->spans[at] = (struct hin_span){ sequence, sequence };
		e->span_count++;
	}
}

void hin_catalog_take(struct hin_catalog *c, const struct hin_store_batch *batch, uint64_t rows)
{
	struct hin_sensor *s = hin_catalog_sensor(c, batch->sensor);
	struct hin_epoch *e = find_epoch(s, batch->epoch);

	add_sequence(e, batch->sequence);
	if (batch->sequence > e->sequence) {
		e->sequence = batch->sequence;
		memcpy(e->digest, batch->digest, sizeof(e->digest));
	}
	if (s->batches == 0)
		s->first_us = batch->received_us;
	s->last_us = batch->received_us;
	s->dark_addresses = batch->dark_addresses;
	s->batches++;
	s->rows += rows;
	s->dirty = true;
}

/* ---- the rest of a catalog ---- */

static void free_sensor(struct hin_sensor *s)
{
	for (size_t i = 0; i < s->epoch_count; i++)
		free(s->epochs[i].spans);
	free(s->epochs);
}

void hin_catalog_fini(struct hin_catalog *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->sensor_count; i++)
		free_sensor(&c->sensors[i]);
	free(c->sensors);
	free(c->segments);
	free(c->tails);
	*c = (struct hin_catalog){ 0 };
}

struct hin_segment *hin_catalog_open_segment(struct hin_catalog *c, int64_t day, unsigned kind)
{
	/* the newest of a day is the last; most often the day is one of the last */
	for (size_t i = c->segment_count; i > 0 && c->segments[i - 1].day >= day; i--) {
		struct hin_segment *s = &c->segments[i - 1];

		if (s->day == day && s->kind == kind && !s->sealed && !s->going)
			return s;
	}
	return NULL;
}

struct hin_segment *hin_catalog_add_segment(struct hin_catalog *c, const struct hin_segment *s)
{
	size_t at = c->segment_count;

	if (at == c->segment_room) {
		size_t room = at > 0 ? at * 2 : 16;
		struct hin_segment *more = realloc(c->segments, room * sizeof(*more));

		if (more == NULL)
			return NULL;
		c->segments = more;
		c->segment_room = room;
	}
	while (at > 0 && (c->segments[at - 1].day > s->day ||
			  (c->segments[at - 1].day == s->day && c->segments[at - 1].id > s->id)))
		at--;
	memmove(c->segments + at + 1, c->segments + at,
		(c->segment_count - at) * sizeof(*c->segments));
	c->segments[at] = *s;
	c->segment_count++;
	return &c->segments[at];
}

void hin_catalog_drop_segment(struct hin_catalog *c, uint64_t id)
{
	for (size_t i = 0; i < c->segment_count; i++) {
		if (c->segments[i].id != id)
			continue;
		c->segment_count--;
		memmove(c->segments + i, c->segments + i + 1,
			(c->segment_count - i) * sizeof(*c->segments));
		return;
	}
}

enum hin_code hin_catalog_add_tail(struct hin_catalog *c, const struct hin_tail *t)
{
	if (c->tail_count == c->tail_room) {
		size_t room = c->tail_room > 0 ? c->tail_room * 2 : 16;
		struct hin_tail *more = realloc(c->tails, room * sizeof(*more));

		if (more == NULL)
			return HIN_ENOMEM;
		c->tails = more;
		c->tail_room = room;
	}
	c->tails[c->tail_count++] = *t;
	return HIN_OK;
}

void hin_catalog_drop_tails(struct hin_catalog *c, int64_t day, unsigned kind)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->tail_count; i++)
		if (c->tails[i].day != day || c->tails[i].kind != kind)
			c->tails[kept++] = c->tails[i];
	c->tail_count = kept;
}
