/* segments_local - small numbers for the values of a block's rows; see segments_group_priv.h */
#include <stdlib.h>

#include "store/segments_group_priv.h"

#define DENSE_SLOTS ((size_t)4 * HIN_BLOCK_ROWS)

uint64_t hin_address_hash(const struct hin_addr *a)
{
	uint64_t words[2];

	if (hin_addr_is_v4(a))
		return hin_v4_hash(hin_addr_v4(a));
	memcpy(words, a->b, sizeof(words));
	return hin_mix(hin_mix(words[0] + 1) ^ words[1] * UINT64_C(0xd6e8feb86659fd93));
}

uint64_t hin_value_hash(const struct hin_grouping *g, unsigned field, uint64_t word)
{
	struct hin_addr a;

	if (field != HIN_FIELD_SRC && field != HIN_FIELD_DST)
		return hin_mix(word + UINT64_C(0x9e3779b97f4a7c15));
	if ((word & ~HIN_WORD_LOW) == HIN_WORD_V4)
		return hin_v4_hash((uint32_t)word);
	memcpy(a.b, g->interned.items[word & HIN_WORD_LOW].bytes, sizeof(a.b));
	return hin_address_hash(&a);
}

uint32_t hin_local_dense(struct hin_grouping *g, const uint64_t *values, uint32_t count,
			 uint32_t *codes, uint64_t *words)
{
	uint32_t n = 0, slots = 1024;

	while (slots < DENSE_SLOTS && slots < 2 * count)
		slots *= 2;
	memset(g->dense_slots, 0, slots * sizeof(*g->dense_slots));
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = (uint32_t)hin_mix(values[i] ^ hin_groups_seed) & (slots - 1);

		while (g->dense_slots[at] != 0 && g->dense_keys[at] != values[i])
			at = (at + 1) & (slots - 1);
		if (g->dense_slots[at] == 0) {
			g->dense_keys[at] = values[i];
			words[n] = values[i];
			g->dense_slots[at] = ++n;
		}
		codes[i] = g->dense_slots[at] - 1;
	}
	return n;
}

/* Numbers: by dictionary, by offset when they lie close, else made dense. */
static void local_numbers(struct hin_grouping *g, const struct hin_column_data *c, uint32_t rows,
			  uint64_t tag, uint64_t mask, struct hin_local *out)
{
	uint64_t *values;

	out->codes = NULL;
	out->card = 1;
	out->words[0] = tag | ((c != NULL ? c->part.base : 0) & mask);
	if (c == NULL || c->part.shape == HIN_SHAPE_CONST)
		return;
	out->codes = c->codes;
	if (c->part.shape == HIN_SHAPE_DICT) {
		out->card = c->part.distinct;
		for (uint32_t i = 0; i < out->card; i++)
			out->words[i] = tag | ((c->part.base + c->part.scale * c->dict[i]) & mask);
		return;
	}
	if (c->part.shape == HIN_SHAPE_OFFSETS &&
	    (c->part.max - c->part.base) / c->part.scale < HIN_BLOCK_ROWS) {
		out->card = (uint32_t)((c->part.max - c->part.base) / c->part.scale) + 1;
		for (uint32_t i = 0; i < out->card; i++)
			out->words[i] = tag | ((c->part.base + c->part.scale * i) & mask);
		return;
	}
	values = g->dense_keys + DENSE_SLOTS;
	for (uint32_t i = 0; i < rows; i++)
		values[i] = tag | (hin_column_at(c, i) & mask);
	out->card = hin_local_dense(g, values, rows, out->memory, out->words);
	out->codes = out->memory;
}

/* The same when few rows count: their codes alone are there. */
static enum hin_code few_numbers(struct hin_grouping *g, struct hin_view_block *b, unsigned id,
				 uint64_t tag, uint64_t mask, struct hin_local *out,
				 struct hin_error *err)
{
	uint64_t *values = g->dense_keys + DENSE_SLOTS;
	const struct hin_column_data *c;
	enum hin_code code = hin_block_pick(b->reader, id, g->few, g->few_count, values, &c, err);

	if (code != HIN_OK)
		return code;
	for (uint32_t i = 0; i < g->few_count; i++)
		values[i] = tag | ((c != NULL ? values[i] : 0) & mask);
	out->card = hin_local_dense(g, values, g->few_count, g->ids, out->words);
	for (uint32_t i = 0; i < g->few_count; i++)
		out->memory[g->few[i]] = g->ids[i];
	out->codes = out->memory;
	return HIN_OK;
}

/* The numbers of part `id`, of all rows or of few. */
static enum hin_code read_numbers(struct hin_grouping *g, struct hin_view_block *b, unsigned id,
				  uint64_t tag, uint64_t mask, struct hin_local *out,
				  struct hin_error *err)
{
	const struct hin_column_data *c;
	enum hin_code code;

	if (g->few_count > 0)
		return few_numbers(g, b, id, tag, mask, out, err);
	code = hin_block_column(b->reader, id, &c, err);
	if (code == HIN_OK)
		local_numbers(g, c, b->head->rows, tag, mask, out);
	return code;
}

static uint32_t v4_mask(const struct hin_store_question *q)
{
	return q->v4_len == 0 || q->v4_len >= 32 ? UINT32_MAX : ~(UINT32_MAX >> q->v4_len);
}

/* An IPv6 address, cut to the prefix, as a word. */
static bool word_of_v6(struct hin_grouping *g, const uint8_t *bytes, bool cut, uint64_t *out)
{
	unsigned len = cut && g->q->v6_len > 0 && g->q->v6_len < 128 ? g->q->v6_len : 128;
	uint8_t item[32] = { 0 };
	uint32_t at;

	memcpy(item, bytes, (len + 7) / 8);
	if (len % 8 != 0)
		item[len / 8] = (uint8_t)(item[len / 8] & ~(0xff >> len % 8));
	at = hin_intern(&g->interned, item);
	*out = HIN_WORD_V6 | at;
	return at != UINT32_MAX;
}

static enum hin_code local_addresses(struct hin_grouping *g, struct hin_view_block *b,
				     unsigned field, bool cut, struct hin_local *out,
				     struct hin_error *err)
{
	const struct hin_column_data *family, *data, *v6;
	uint64_t mask = cut ? v4_mask(g->q) : UINT32_MAX, *values;
	uint32_t next = 0, rows = b->head->rows;
	const struct hin_part *part = hin_block_part(b->head, HIN_PART_OF(field, HIN_PART_NUMBER));
	enum hin_code code;

	if (part != NULL && part->base == 4 && part->max == 4)
		return read_numbers(g, b, HIN_PART_OF(field, HIN_PART_DATA), HIN_WORD_V4, mask, out,
				    err);
	code = hin_block_column(b->reader, HIN_PART_OF(field, HIN_PART_NUMBER), &family, err);
	if (code == HIN_OK)
		code = hin_block_column(b->reader, HIN_PART_OF(field, HIN_PART_DATA), &data, err);
	if (code == HIN_OK)
		code = hin_block_column(b->reader, HIN_PART_OF(field, HIN_PART_V6), &v6, err);
	if (code != HIN_OK)
		return code;
	values = g->dense_keys + DENSE_SLOTS;
	for (uint32_t i = 0; i < rows; i++) {
		uint64_t f = family != NULL ? hin_column_at(family, i) : 0;

		values[i] = 0;
		if (f == 4)
			values[i] =
				HIN_WORD_V4 | ((data != NULL ? hin_column_at(data, i) : 0) & mask);
		if (f != 6)
			continue;
		if (v6 == NULL || next >= v6->part.count)
			return hin_fail(err, HIN_EFORMAT,
					"%s: offset %llu: addresses do not fit their rows",
					b->reader->name, (unsigned long long)b->reader->offset);
		if (!word_of_v6(g, v6->bytes + 16 * (size_t)next++, cut, &values[i]))
			return hin_fail(err, HIN_ENOMEM, "no room for groups");
	}
	out->card = hin_local_dense(g, values, rows, out->memory, out->words);
	out->codes = out->memory;
	return HIN_OK;
}

/* Digests and versions. */
static enum hin_code local_items(struct hin_grouping *g, struct hin_view_block *b, unsigned field,
				 struct hin_local *out, struct hin_error *err)
{
	const struct hin_column_data *given, *items;
	uint64_t *values = g->dense_keys + DENSE_SLOTS;
	size_t size = hin_forms[field].size, next = 0;
	enum hin_code code;

	code = hin_block_column(b->reader, HIN_PART_OF(field, HIN_PART_NUMBER), &given, err);
	if (code == HIN_OK)
		code = hin_block_column(b->reader, HIN_PART_OF(field, HIN_PART_DATA), &items, err);
	if (code != HIN_OK)
		return code;
	for (uint32_t i = 0; i < b->head->rows; i++) {
		uint8_t bytes[32] = { 0 };
		uint32_t at;

		values[i] = 0;
		if (given == NULL || hin_column_at(given, i) == 0)
			continue;
		if (items == NULL || next >= items->part.count)
			return hin_fail(err, HIN_EFORMAT,
					"%s: offset %llu: values do not fit their rows",
					b->reader->name, (unsigned long long)b->reader->offset);
		memcpy(bytes, items->bytes + size * next++, size);
		at = hin_intern(&g->interned, bytes);
		if (at == UINT32_MAX)
			return hin_fail(err, HIN_ENOMEM, "no room for groups");
		values[i] = HIN_WORD_ITEM | at;
	}
	out->card = hin_local_dense(g, values, b->head->rows, out->memory, out->words);
	out->codes = out->memory;
	return HIN_OK;
}

static enum hin_code local_sensor(struct hin_grouping *g, struct hin_view_block *b,
				  struct hin_local *out, struct hin_error *err)
{
	uint64_t *values = g->dense_keys + DENSE_SLOTS;
	enum hin_code code = hin_block_batches(b->reader, err);
	uint32_t row = 0;

	for (size_t i = 0; code == HIN_OK && i < b->reader->batch_count; i++) {
		const struct hin_block_batch *x = &b->reader->batches[i];
		uint8_t bytes[32] = { 0 };
		uint32_t at;

		memcpy(bytes, x->batch.sensor, sizeof(x->batch.sensor));
		at = hin_intern(&g->interned, bytes);
		if (at == UINT32_MAX)
			return hin_fail(err, HIN_ENOMEM, "no room for groups");
		for (uint32_t k = 0; k < x->rows; k++)
			values[row++] = HIN_WORD_ITEM | at;
	}
	if (code != HIN_OK)
		return code;
	out->card = hin_local_dense(g, values, b->head->rows, out->memory, out->words);
	out->codes = out->memory;
	return HIN_OK;
}

enum hin_code hin_local_field(struct hin_grouping *g, struct hin_view_block *b, unsigned field,
			      struct hin_local *out, struct hin_error *err)
{
	if (field == HIN_STORE_SENSOR)
		return local_sensor(g, b, out, err);
	if (hin_forms[field].form == HIN_FORM_ADDR)
		return local_addresses(g, b, field, out != &g->values, out, err);
	if (hin_forms[field].form == HIN_FORM_BYTES)
		return local_items(g, b, field, out, err);
	return read_numbers(g, b, HIN_PART_OF(field, HIN_PART_NUMBER), 0, UINT64_MAX, out, err);
}

enum hin_code hin_local_interval(struct hin_grouping *g, struct hin_view_block *b,
				 struct hin_local *out, struct hin_error *err)
{
	int64_t interval = g->q->interval_us;
	int64_t first = hin_interval_start(b->head->time_min, interval);
	const struct hin_column_data *c;
	uint64_t *values = g->dense_keys + DENSE_SLOTS;
	enum hin_code code;

	out->codes = NULL;
	out->card = 1;
	out->words[0] = (uint64_t)first;
	if (first == hin_interval_start(b->head->time_max, interval))
		return HIN_OK;
	code = hin_block_column(b->reader, HIN_PART_OF(HIN_FIELD_TIME, HIN_PART_NUMBER), &c, err);
	if (code != HIN_OK)
		return code;
	local_numbers(g, c, b->head->rows, 0, UINT64_MAX, out);
	for (uint32_t i = 0; i < out->card; i++)
		values[i] = (uint64_t)hin_interval_start((int64_t)out->words[i], interval);
	if (out->codes == NULL) {
		out->words[0] = values[0];
		return HIN_OK;
	}
	/* several times lie in one interval: the codes of codes */
	uint32_t *map = g->sample_row;
	uint32_t card = hin_local_dense(g, values, out->card, map, out->words);

	for (uint32_t i = 0; i < b->head->rows; i++)
		out->memory[i] = map[out->codes[i]];
	out->codes = out->memory;
	out->card = card;
	return HIN_OK;
}
