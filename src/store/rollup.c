/* rollup - rows that go, counted by what is asked of old times; see rollup_priv.h */
#include <stdlib.h>

#include "store/rollup_priv.h"
#include "store/segments_house_priv.h"

static_assert(sizeof(struct hin_rollup_key) == 32, "no holes: keys are compared as bytes");

#define PROTO_TCP 6

enum hin_code hin_rollup_init(struct hin_rollup *r, int64_t unit_us, struct hin_error *err)
{
	*r = (struct hin_rollup){ .unit_us = unit_us };
	r->ports[0] = calloc(UINT16_MAX + 1, sizeof(*r->ports[0]));
	r->ports[1] = calloc(UINT16_MAX + 1, sizeof(*r->ports[1]));
	if (r->ports[0] == NULL || r->ports[1] == NULL) {
		hin_rollup_fini(r);
		return hin_fail(err, HIN_ENOMEM, "no room for a rollup");
	}
	return HIN_OK;
}

void hin_rollup_fini(struct hin_rollup *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->rows[i].hashes);
	free(r->rows);
	free(r->slots);
	free(r->ports[0]);
	free(r->ports[1]);
	*r = (struct hin_rollup){ 0 };
}

/* ---- ports ---- */

void hin_rollup_count_port(struct hin_rollup *r, uint8_t proto, uint16_t port, uint64_t weight)
{
	uint32_t *at = &r->ports[proto == PROTO_TCP][port];

	*at = weight > UINT32_MAX - *at ? UINT32_MAX : *at + (uint32_t)weight;
}

static int by_count(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x > y ? -1 : x < y;
}

void hin_rollup_choose_ports(struct hin_rollup *r)
{
	uint32_t *sorted = malloc((UINT16_MAX + 1) * sizeof(*sorted));

	r->chosen = true;
	for (unsigned i = 0; i < 2; i++) {
		uint32_t least = 1;

		if (sorted != NULL) {
			memcpy(sorted, r->ports[i], (UINT16_MAX + 1) * sizeof(*sorted));
			qsort(sorted, UINT16_MAX + 1, sizeof(*sorted), by_count);
			/* equals at the border all go, so that the choice has no accident in it */
			if (sorted[HIN_ROLLUP_PORTS] > 0)
				least = sorted[HIN_ROLLUP_PORTS] + 1;
		}
		for (size_t port = 0; port <= UINT16_MAX; port++)
			r->ports[i][port] = r->ports[i][port] >= least;
	}
	free(sorted);
}

/* ---- rows ---- */

static uint64_t key_hash(const struct hin_rollup_key *key)
{
	uint64_t words[4];

	memcpy(words, key, sizeof(words));
	return hin_groups_hash(words, 4);
}

static bool grow(struct hin_rollup *r)
{
	size_t slot_count = r->slot_count > 0 ? r->slot_count * 2 : 4096;
	struct hin_rollup_row *rows = realloc(r->rows, slot_count / 2 * sizeof(*rows));
	uint32_t *slots;

	if (rows == NULL)
		return false;
	r->rows = rows;
	r->room = slot_count / 2;
	slots = calloc(slot_count, sizeof(*slots));
	if (slots == NULL)
		return false;
	for (size_t i = 0; i < r->count; i++) {
		size_t at = key_hash(&rows[i].key) & (slot_count - 1);

		while (slots[at] != 0)
			at = (at + 1) & (slot_count - 1);
		slots[at] = (uint32_t)i + 1;
	}
	free(r->slots);
	r->slots = slots;
	r->slot_count = slot_count;
	return true;
}

/* The row of a key, new ones empty. NULL without memory. */
static struct hin_rollup_row *row_of(struct hin_rollup *r, const struct hin_rollup_key *key)
{
	size_t at;

	if ((r->count + 1) * 2 > r->slot_count && !grow(r))
		return NULL;
	at = key_hash(key) & (r->slot_count - 1);
	for (; r->slots[at] != 0; at = (at + 1) & (r->slot_count - 1))
		if (memcmp(&r->rows[r->slots[at] - 1].key, key, sizeof(*key)) == 0)
			return &r->rows[r->slots[at] - 1];
	r->rows[r->count] = (struct hin_rollup_row){ .key = *key };
	r->slots[at] = (uint32_t)++r->count;
	return &r->rows[r->count - 1];
}

static bool kept(uint64_t hash, uint8_t level)
{
	return level == 0 || hash >> (64 - level) == 0;
}

static void raise_level(struct hin_rollup_row *row, uint8_t level)
{
	uint16_t n = 0;

	row->level = level;
	for (uint16_t i = 0; i < row->count; i++)
		if (kept(row->hashes[i], level))
			row->hashes[n++] = row->hashes[i];
	row->count = n;
}

static bool add_hash(struct hin_rollup_row *row, uint64_t hash)
{
	if (!kept(hash, row->level))
		return true;
	for (uint16_t i = 0; i < row->count; i++)
		if (row->hashes[i] == hash)
			return true;
	while (row->count == HIN_SKETCH_MAX && row->level < 56) {
		raise_level(row, (uint8_t)(row->level + 1));
		if (!kept(hash, row->level))
			return true;
	}
	if (row->count == row->room) {
		uint16_t room = (uint16_t)(row->room > 0 ? row->room * 2 : 4);
		uint64_t *more = realloc(row->hashes, room * sizeof(*more));

		if (more == NULL)
			return false;
		row->hashes = more;
		row->room = room;
	}
	row->hashes[row->count++] = hash;
	return true;
}

static struct hin_rollup_row *find_row(struct hin_rollup *r, const struct hin_observation *o,
				       const uint8_t sensor[HIN_SENSOR_ID], uint64_t weight)
{
	struct hin_rollup_key key = { .time_us = hin_interval_start(o->time_us, r->unit_us),
				      .kind = o->kind,
				      .dport = o->dport,
				      .tool = o->tool,
				      .proto = o->proto };
	struct hin_rollup_row *row;

	if (!r->ports[o->proto == PROTO_TCP][o->dport])
		key.dport = 0;
	memcpy(key.sensor, sensor, sizeof(key.sensor));
	row = row_of(r, &key);
	if (row == NULL)
		return NULL;
	row->weight += weight;
	row->packets += o->packets;
	row->bytes += o->bytes;
	r->weight += weight;
	return row;
}

enum hin_code hin_rollup_add(struct hin_rollup *r, const struct hin_observation *o,
			     const uint8_t sensor[HIN_SENSOR_ID], struct hin_error *err)
{
	struct hin_rollup_row *row = find_row(r, o, sensor, 1);

	if (row == NULL || ((o->has & HIN_HAS_SRC) && !add_hash(row, hin_address_hash(&o->src))))
		return hin_fail(err, HIN_ENOMEM, "no room for a rollup");
	return HIN_OK;
}

enum hin_code hin_rollup_add_rolled(struct hin_rollup *r, const struct hin_observation *o,
				    const uint8_t sensor[HIN_SENSOR_ID], uint64_t weight,
				    struct hin_sketch_reader *sketch, struct hin_error *err)
{
	struct hin_rollup_row *row = find_row(r, o, sensor, weight);
	uint8_t level;
	uint16_t count;

	if (row == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for a rollup");
	if (!hin_sketch_next(sketch, &level, &count))
		return hin_fail(err, HIN_EFORMAT, "a sketch of a rollup is damaged");
	if (level > row->level)
		raise_level(row, level);
	while (count-- > 0)
		if (!add_hash(row, hin_sketch_hash(sketch)))
			return hin_fail(err, HIN_ENOMEM, "no room for a rollup");
	return HIN_OK;
}

/* ---- writing ---- */

/* By time, then sensor: rows of a sensor are one batch. */
static int by_key(const void *a, const void *b)
{
	const struct hin_rollup_row *x = a, *y = b;
	int order = memcmp(x->key.sensor, y->key.sensor, HIN_SENSOR_ID);

	if (x->key.time_us != y->key.time_us)
		return x->key.time_us < y->key.time_us ? -1 : 1;
	if (order != 0)
		return order;
	if (x->key.kind != y->key.kind)
		return x->key.kind < y->key.kind ? -1 : 1;
	if (x->key.proto != y->key.proto)
		return x->key.proto < y->key.proto ? -1 : 1;
	if (x->key.dport != y->key.dport)
		return x->key.dport < y->key.dport ? -1 : 1;
	return x->key.tool < y->key.tool ? -1 : x->key.tool > y->key.tool;
}

static void write_sketch(struct hin_buffer *out, const struct hin_rollup_row *row)
{
	uint16_t count = HIN_LE16(row->count);

	hin_buffer_add(out, &row->level, sizeof(row->level));
	hin_buffer_add(out, &count, sizeof(count));
	for (uint16_t i = 0; i < row->count; i++) {
		uint64_t hash = HIN_LE64(row->hashes[i]);

		hin_buffer_add(out, &hash, sizeof(hash));
	}
}

static enum hin_code write_row(struct hin_house_writer *w, const struct hin_rollup *r,
			       const struct hin_rollup_row *row, struct hin_error *err)
{
	struct hin_observation o = { .time_us = row->key.time_us,
				     .duration_us = (uint64_t)r->unit_us,
				     .kind = row->key.kind,
				     .proto = row->key.proto,
				     .dport = row->key.dport,
				     .tool = row->key.tool,
				     .packets = row->packets,
				     .bytes = row->bytes };
	struct hin_store_batch batch = { 0 };
	enum hin_code code;

	memcpy(batch.sensor, row->key.sensor, sizeof(batch.sensor));
	code = hin_house_add(w, &batch, &o, err);
	if (code != HIN_OK)
		return code;
	w->builder.weight[w->builder.rows - 1] = row->weight;
	write_sketch(&w->builder.sketches, row);
	return w->builder.sketches.failed ? hin_fail(err, HIN_ENOMEM, "no room for a rollup")
					  : HIN_OK;
}

enum hin_code hin_rollup_write(struct hin_rollup *r, struct hin_store *s, int64_t day,
			       struct hin_error *err)
{
	struct hin_house_writer w = { .store = s,
				      .day = day,
				      .kind = r->unit_us < INT64_C(3600000000) ? HIN_SEGMENT_MINUTES
									       : HIN_SEGMENT_HOURS,
				      .builder = { .day = day, .rollup = true } };
	enum hin_code code = HIN_OK;

	if (r->count > 1)
		qsort(r->rows, r->count, sizeof(*r->rows), by_key);
	for (size_t i = 0; i < r->count && code == HIN_OK; i++)
		code = write_row(&w, r, &r->rows[i], err);
	if (code == HIN_OK)
		code = hin_house_flush(&w, err);
	hin_house_fini(&w);
	return code;
}
