/* segments_group - groups of rows, block by block; see segments_group_priv.h */
#include <stdlib.h>
#include <string.h>

#include "store/segments_group_priv.h"

#define SEEN_BITS (UINT64_C(1) << 25) /* pairs of group and value that are told apart by a bit */
#define AHEAD 16u		      /* records fetched before they are used */
#define DENSE_KEYS ((size_t)4 * HIN_BLOCK_ROWS + HIN_LOCAL_MAX)
#define TABLES_MAX 100000u /* open intervals */

/* ---- tables of intervals ---- */

static size_t table_of(struct hin_grouping *g, int64_t start_us)
{
	const struct hin_store_question *q = g->q;

	for (size_t i = g->open_count; i > 0; i--)
		if (g->open[i - 1].start_us == start_us)
			return i - 1;
	if (g->open_count == TABLES_MAX)
		return SIZE_MAX;
	if (g->open_count == g->open_room) {
		size_t room = g->open_room * 2 + 4;
		struct hin_groups *more = realloc(g->open, room * sizeof(*more));

		if (more == NULL)
			return SIZE_MAX;
		g->open = more;
		g->open_room = room;
	}
	if (g->spare_count > 0) {
		g->open[g->open_count] = g->spare[--g->spare_count];
		hin_groups_reuse(&g->open[g->open_count], start_us);
	} else if (!hin_groups_init(&g->open[g->open_count], start_us, q->by_count, q->volume,
				    q->distinct)) {
		return SIZE_MAX;
	}
	return g->open_count++;
}

struct hin_groups *hin_grouping_table(struct hin_grouping *g, int64_t start_us)
{
	size_t at = table_of(g, start_us);

	return at != SIZE_MAX ? &g->open[at] : NULL;
}

static enum hin_code no_room(struct hin_error *err)
{
	return hin_fail(err, HIN_ENOMEM, "no room for groups");
}

/* Do the groups fit what may be used? */
static enum hin_code check_memory(const struct hin_grouping *g, struct hin_error *err)
{
	uint64_t limit = g->store->options.memory_bytes;
	uint64_t used = g->v4.slot_count * sizeof(*g->v4.slots) +
			g->answer_room * sizeof(*g->answer->groups) +
			g->interned.slot_count / 2 * sizeof(*g->interned.items);

	for (size_t i = 0; i < g->open_count; i++)
		used += hin_groups_bytes(&g->open[i]);
	if (used <= limit)
		return HIN_OK;
	return hin_fail(err, HIN_ELIMIT,
			"the groups do not fit %llu MiB: ask for a shorter time, fewer fields or "
			"a filter",
			(unsigned long long)(limit >> 20));
}

static void add_to(uint64_t *record, const struct hin_groups *t, uint64_t count, uint64_t packets,
		   uint64_t bytes)
{
	uint64_t *at = record + hin_groups_at_count(t);

	at[0] += count;
	if (t->volume) {
		at[1] += packets;
		at[2] += bytes;
	}
}

/* ---- blocks of which heads and summaries say all ---- */

/* The interval of all rows, when it is one. */
static bool one_interval(const struct hin_grouping *g, const struct hin_view_block *b,
			 int64_t *start)
{
	*start = hin_interval_start(b->head->time_min, g->q->interval_us);
	return *start == hin_interval_start(b->head->time_max, g->q->interval_us);
}

static uint64_t sum_of(const struct hin_view_block *b, enum hin_field field)
{
	const struct hin_part *p = hin_block_part(b->head, HIN_PART_OF(field, HIN_PART_NUMBER));

	return p != NULL ? p->sum : 0;
}

static enum hin_code count_whole(struct hin_grouping *g, const struct hin_view_block *b,
				 int64_t start, struct hin_error *err)
{
	struct hin_groups *t = hin_grouping_table(g, start);
	uint64_t none = 0;

	if (t == NULL || !hin_groups_reserve(t, 1))
		return no_room(err);
	add_to(hin_groups_record(t, &none, hin_groups_hash(&none, 0)), t, b->rows.count,
	       sum_of(b, HIN_FIELD_PACKETS), sum_of(b, HIN_FIELD_BYTES));
	return HIN_OK;
}

/*
 * The least count that a group of the answer can have: with a million sources and ten wanted, most
 * never need to become groups.
 */
static bool least_wanted(const struct hin_grouping *g, uint32_t *least)
{
	uint32_t *having = calloc(UINT16_MAX + 1, sizeof(*having)), count = UINT16_MAX;
	uint64_t sum = 0;

	*least = 0;
	if (having == NULL)
		return false;
	for (size_t i = 0; i < g->v4.slot_count; i++) {
		uint32_t n = (uint32_t)g->v4.slots[i];

		having[n < UINT16_MAX ? n : UINT16_MAX]++;
	}
	for (; count > 0 && sum < g->q->limit; count--)
		sum += having[count];
	*least = count + 1;
	free(having);
	return true;
}

/* Counts by address become groups. */
static bool add_addresses(struct hin_grouping *g)
{
	struct hin_groups *t = g->by_v4 ? hin_grouping_table(g, 0) : NULL;
	uint32_t least = 0;

	if (!g->by_v4)
		return true;
	if (t == NULL)
		return false;
	/* unless some rows of an address were counted elsewhere */
	if (g->q->limit > 0 && t->used == 0 && !least_wanted(g, &least))
		return false;
	for (size_t i = 0; i < g->v4.slot_count; i++) {
		uint64_t word = HIN_WORD_V4 | g->v4.slots[i] >> 32;
		uint32_t count = (uint32_t)g->v4.slots[i];

		if (count == 0)
			continue;
		if (count < least) {
			g->answer->groups_found++;
			g->answer->total.count += count;
			continue;
		}
		if (!hin_groups_reserve(t, 1))
			return false;
		hin_groups_record(t, &word, hin_groups_hash(&word, 1))[1] += count;
	}
	return true;
}

/* Add groups with one word each. */
static bool add_words(struct hin_grouping *g, struct hin_groups *t, const uint64_t *words,
		      const uint32_t *counts, uint32_t n)
{
	if (g->by_v4) {
		g->v4.full = t;
		return hin_v4_counts_add(&g->v4, words, counts, n);
	}
	if (!hin_groups_reserve(t, n))
		return false;
	for (uint32_t i = 0; i < n; i++)
		hin_groups_record(t, &words[i], hin_groups_hash(&words[i], 1))[1] += counts[i];
	return true;
}

static enum hin_code count_summary(struct hin_grouping *g, struct hin_view_block *b, unsigned id,
				   uint64_t tag, int64_t start, struct hin_error *err)
{
	const struct hin_column_data *c;
	struct hin_groups *t;
	uint32_t rows = b->head->rows, n = 1;
	const uint32_t *counts = &rows;
	uint64_t *words = g->fields[0].words;
	enum hin_code code = hin_block_summary(b->reader, id, &c, err);

	if (code != HIN_OK)
		return code;
	if (c != NULL && c->part.shape == HIN_SHAPE_DICT) {
		n = c->part.distinct;
		counts = c->counts;
	}
	if (g->direct != NULL) {
		uint64_t base = c != NULL ? c->part.base : 0;

		for (uint32_t i = 0; i < n; i++)
			g->direct[n == 1 ? base : base + c->part.scale * c->dict[i]] += counts[i];
		return HIN_OK;
	}
	for (uint32_t i = 0; i < n; i++)
		words[i] = tag | ((c != NULL ? c->part.base : 0) +
				  (n > 1 ? c->part.scale * c->dict[i] : 0));
	if (tag != 0 && g->q->v4_len > 0 && g->q->v4_len < 32)
		for (uint32_t i = 0; i < n; i++)
			words[i] &= ~(uint64_t)(UINT32_MAX >> g->q->v4_len);
	t = hin_grouping_table(g, start);
	if (t == NULL || !add_words(g, t, words, counts, n))
		return no_room(err);
	return check_memory(g, err);
}

/* Can the question be answered of this block without its rows? Then it was. */
static bool by_summary(struct hin_grouping *g, struct hin_view_block *b, enum hin_code *code,
		       struct hin_error *err)
{
	const struct hin_store_question *q = g->q;
	const struct hin_part *part, *family;
	unsigned id;
	int64_t start;

	if (b->rows.answer != HIN_FILTER_ALL || hin_segment_is_rollup(b->kind) || q->distinct ||
	    !one_interval(g, b, &start))
		return false;
	if (q->by_count == 0) {
		*code = count_whole(g, b, start, err);
		return true;
	}
	if (q->by_count > 1 || q->volume || q->by[0] == HIN_STORE_SENSOR)
		return false;
	id = HIN_PART_OF(q->by[0], HIN_PART_NUMBER);
	if (hin_forms[q->by[0]].form == HIN_FORM_ADDR) {
		family = hin_block_part(b->head, id);
		if (family == NULL || family->base != 4 || family->max != 4)
			return false;
		id = HIN_PART_OF(q->by[0], HIN_PART_DATA);
	} else if (hin_forms[q->by[0]].form != HIN_FORM_NUMBER) {
		return false;
	}
	part = hin_block_part(b->head, id);
	if (part != NULL && part->shape != HIN_SHAPE_DICT && part->shape != HIN_SHAPE_CONST)
		return false;
	*code = count_summary(g, b, id, hin_forms[q->by[0]].form == HIN_FORM_ADDR ? HIN_WORD_V4 : 0,
			      start, err);
	return true;
}

/* ---- rows ---- */

/* Packets or bytes, of all rows or of few. */
static enum hin_code read_volume(struct hin_grouping *g, struct hin_view_block *b, unsigned field,
				 const struct hin_column_data **column, uint64_t *few,
				 struct hin_error *err)
{
	unsigned id = HIN_PART_OF(field, HIN_PART_NUMBER);

	return g->few_count > 0
		       ? hin_block_pick(b->reader, id, g->few, g->few_count, few, column, err)
		       : hin_block_column(b->reader, id, column, err);
}

/* Of entry `e`; few rows are the entries. */
static uint64_t volume_of(const struct hin_grouping *g, const struct hin_column_data *column,
			  const uint64_t *few, uint32_t e)
{
	return g->few_count > 0 ? few[e] : hin_column_at(column, g->entries[e]);
}

/* All that is needed of the block, before anything is counted. */
static enum hin_code read_block(struct hin_grouping *g, struct hin_view_block *b,
				struct hin_error *err)
{
	const struct hin_store_question *q = g->q;
	const struct hin_column_data *unused;
	enum hin_code code = hin_local_interval(g, b, &g->interval, err);

	for (unsigned i = 0; i < q->by_count && code == HIN_OK; i++) {
		if (q->by[i] != HIN_FIELD_TAGS) {
			code = hin_local_field(g, b, q->by[i], &g->fields[i], err);
			continue;
		}
		code = hin_block_column(b->reader, HIN_PART_OF(HIN_FIELD_TAGS, HIN_PART_NUMBER),
					&unused, err);
		if (code == HIN_OK)
			code = hin_block_column(b->reader,
						HIN_PART_OF(HIN_FIELD_TAGS, HIN_PART_DATA), &unused,
						err);
	}
	if (code == HIN_OK && q->distinct && !hin_segment_is_rollup(b->kind))
		code = hin_local_field(g, b, q->distinct_field, &g->values, err);
	g->weights = NULL;
	if (code == HIN_OK && hin_segment_is_rollup(b->kind))
		code = hin_block_column(b->reader, HIN_PART_WEIGHT, &g->weights, err);
	if (code == HIN_OK && q->distinct && hin_segment_is_rollup(b->kind))
		code = hin_block_column(b->reader, HIN_PART_SKETCH, &unused, err);
	if (code == HIN_OK && q->volume)
		code = read_volume(g, b, HIN_FIELD_PACKETS, &g->packets_column, g->few_packets,
				   err);
	if (code == HIN_OK && q->volume)
		code = read_volume(g, b, HIN_FIELD_BYTES, &g->bytes_column, g->few_bytes, err);
	return code;
}

static bool by_tags(const struct hin_store_question *q)
{
	for (unsigned i = 0; i < q->by_count; i++)
		if (q->by[i] == HIN_FIELD_TAGS)
			return true;
	return false;
}

/* The rows that count, when they are few. */
static void list_few(struct hin_grouping *g, const struct hin_view_block *b)
{
	const uint8_t *at = b->rows.mask;

	g->few_count = 0;
	/* of tags a row may be several entries */
	if (b->rows.answer != HIN_FILTER_SOME || by_tags(g->q) ||
	    b->rows.count > b->head->rows / HIN_LOCAL_FEW)
		return;
	while (g->few_count < b->rows.count &&
	       (at = memchr(at, 1, (size_t)(b->rows.mask + b->head->rows - at))) != NULL)
		g->few[g->few_count++] = (uint32_t)(at++ - b->rows.mask);
}

/* One number a group of the block: `g->ids` of each entry, below `g->card`. */
static void combine(struct hin_grouping *g)
{
	uint64_t *pairs = g->dense_keys + (size_t)4 * HIN_BLOCK_ROWS;
	uint32_t n = g->entry_count;

	g->card = g->interval.card;
	for (uint32_t e = 0; e < n; e++)
		g->ids[e] = g->interval.codes != NULL ? g->interval.codes[g->entries[e]] : 0;
	for (unsigned f = 0; f < g->q->by_count; f++) {
		const struct hin_local *l = &g->fields[f];
		bool tags = g->q->by[f] == HIN_FIELD_TAGS;
		uint32_t card = tags ? UINT16_MAX + 2u : l->card;

		if (!tags && l->codes == NULL)
			continue;
		if ((uint64_t)g->card * card <= HIN_LOCAL_MAX) {
			for (uint32_t e = 0; e < n; e++)
				g->ids[e] = g->ids[e] * card +
					    (tags ? g->tag_codes[e] : l->codes[g->entries[e]]);
			g->card *= card;
			continue;
		}
		for (uint32_t e = 0; e < n; e++)
			pairs[e] = (uint64_t)g->ids[e] << 32 |
				   (tags ? g->tag_codes[e] : l->codes[g->entries[e]]);
		g->card = hin_local_dense(g, pairs, n, g->ids, g->count);
	}
}

static void count_entries(struct hin_grouping *g)
{
	uint32_t n = g->entry_count;

	memset(g->count, 0, g->card * sizeof(*g->count));
	if (g->weights != NULL)
		for (uint32_t e = 0; e < n; e++)
			g->count[g->ids[e]] += hin_column_at(g->weights, g->entries[e]);
	else
		for (uint32_t e = 0; e < n; e++)
			g->count[g->ids[e]]++;
	for (uint32_t e = 0; e < n; e++)
		g->sample_row[g->ids[e]] = e;
	if (!g->q->volume)
		return;
	memset(g->packets, 0, g->card * sizeof(*g->packets));
	memset(g->bytes_sum, 0, g->card * sizeof(*g->bytes_sum));
	for (uint32_t e = 0; g->packets_column != NULL && e < n; e++)
		g->packets[g->ids[e]] += volume_of(g, g->packets_column, g->few_packets, e);
	for (uint32_t e = 0; g->bytes_column != NULL && e < n; e++)
		g->bytes_sum[g->ids[e]] += volume_of(g, g->bytes_column, g->few_bytes, e);
}

/* The key of the group of entry `e`. */
static void key_of(const struct hin_grouping *g, uint32_t e, uint64_t key[HIN_STORE_BY])
{
	for (unsigned f = 0; f < g->q->by_count; f++) {
		const struct hin_local *l = &g->fields[f];

		if (g->q->by[f] == HIN_FIELD_TAGS)
			key[f] = g->tag_codes[e] == 0 ? 0 : HIN_WORD_ITEM | (g->tag_codes[e] - 1);
		else
			key[f] = l->words[l->codes != NULL ? l->codes[g->entries[e]] : 0];
	}
}

static size_t table_of_entry(const struct hin_grouping *g, uint32_t e)
{
	return g->tables[g->interval.codes != NULL ? g->interval.codes[g->entries[e]] : 0];
}

/* Add what was counted to the tables, which have room. */
static void merge(struct hin_grouping *g)
{
	uint64_t keys[AHEAD][HIN_STORE_BY], hashes[AHEAD];
	struct hin_groups *tables[AHEAD];
	uint32_t ids[AHEAD], n = 0;

	for (uint32_t id = 0; id <= g->card; id++) {
		if (id < g->card && g->count[id] > 0) {
			uint32_t e = g->sample_row[id];

			key_of(g, e, keys[n]);
			hashes[n] = hin_groups_hash(keys[n], g->q->by_count);
			tables[n] = &g->open[table_of_entry(g, e)];
			ids[n] = id;
			hin_groups_fetch(tables[n], hashes[n]);
			n++;
		}
		if (n < AHEAD && id < g->card)
			continue;
		for (uint32_t k = 0; k < n; k++) {
			struct hin_groups *t = tables[k];
			uint64_t *record = hin_groups_record(t, keys[k], hashes[k]);

			if (t->distinct)
				g->group[ids[k]] = (uint32_t)record[t->key];
			add_to(record, t, g->count[ids[k]], t->volume ? g->packets[ids[k]] : 0,
			       t->volume ? g->bytes_sum[ids[k]] : 0);
		}
		n = 0;
	}
}

static bool is_number(unsigned field)
{
	return field != HIN_STORE_SENSOR && hin_forms[field].form == HIN_FORM_NUMBER;
}

/* Values on their way to the set of a group. */
struct values {
	struct hin_grouping *g;
	struct hin_groups *table;
	uint32_t group;
	size_t count, limit;
	uint64_t hashes[HIN_VALUES_AT_ONCE];
};

static bool flush_values(struct values *v)
{
	size_t count = v->count;

	v->count = 0;
	return count == 0 || hin_groups_values(v->table, v->group, v->hashes, count, v->limit);
}

static inline bool add_value(struct values *v, uint32_t code)
{
	uint64_t word = v->g->values.words[code];

	if (word == 0 && !is_number(v->g->q->distinct_field))
		return true; /* the row has none */
	v->hashes[v->count++] =
		(word & ~HIN_WORD_LOW) == HIN_WORD_V4 && !is_number(v->g->q->distinct_field)
			? hin_v4_hash((uint32_t)word)
			: hin_value_hash(v->g, v->g->q->distinct_field, word);
	return v->count < HIN_VALUES_AT_ONCE || flush_values(v);
}

/* The values that have a bit: those of one group after the other. */
static bool add_seen(struct values *v, uint32_t words_each)
{
	struct hin_grouping *g = v->g;

	for (uint32_t id = 0; id < g->card; id++) {
		const uint64_t *seen = g->seen + (size_t)id * words_each;

		if (g->count[id] == 0)
			continue;
		v->table = &g->open[table_of_entry(g, g->sample_row[id])];
		v->group = g->group[id];
		for (uint32_t w = 0; w < words_each; w++)
			for (uint64_t word = seen[w]; word != 0; word &= word - 1)
				if (!add_value(v, 64 * w + (uint32_t)__builtin_ctzll(word)))
					return false;
		if (!flush_values(v))
			return false;
	}
	return true;
}

/* Distinct values of the entries' groups. */
static enum hin_code add_values(struct hin_grouping *g, struct hin_error *err)
{
	const struct hin_local *l = &g->values;
	struct values v = { .g = g,
			    .limit = (size_t)(g->store->options.memory_bytes / 2 / g->open_count) };
	uint32_t each = (l->card + 63) / 64;
	bool good = true;

	if ((uint64_t)g->card * each <= SEEN_BITS / 64) {
		memset(g->seen, 0, (size_t)g->card * each * sizeof(*g->seen));
		for (uint32_t e = 0; e < g->entry_count; e++) {
			uint32_t code = l->codes != NULL ? l->codes[g->entries[e]] : 0;

			g->seen[(size_t)g->ids[e] * each + code / 64] |= UINT64_C(1) << code % 64;
		}
		return add_seen(&v, each) ? HIN_OK : no_room(err);
	}
	for (uint32_t e = 0; e < g->entry_count && good; e++) {
		v.table = &g->open[table_of_entry(g, e)];
		v.group = g->group[g->ids[e]];
		good = add_value(&v, l->codes != NULL ? l->codes[g->entries[e]] : 0) &&
		       flush_values(&v);
	}
	return good ? HIN_OK : no_room(err);
}

/* Count the entries that were collected. */
static enum hin_code count_round(struct hin_grouping *g, struct hin_view_block *b,
				 struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	combine(g);
	count_entries(g);
	for (uint32_t i = 0; i < g->interval.card; i++) {
		g->tables[i] = table_of(g, (int64_t)g->interval.words[i]);
		if (g->tables[i] == SIZE_MAX)
			return hin_fail(err, HIN_ELIMIT,
					"too many intervals at once: ask for longer ones");
	}
	for (uint32_t i = 0; i < g->interval.card; i++)
		if (!hin_groups_reserve(&g->open[g->tables[i]],
					g->card < g->entry_count ? g->card : g->entry_count))
			return no_room(err);
	merge(g);
	if (g->q->distinct)
		code = hin_segment_is_rollup(b->kind) ? hin_grouping_sketches(g, b, err)
						      : add_values(g, err);
	return code == HIN_OK ? check_memory(g, err) : code;
}

/* The rows that count are the entries. */
static enum hin_code count_rows(struct hin_grouping *g, struct hin_view_block *b,
				struct hin_error *err)
{
	g->entry_count = g->few_count;
	if (g->few_count > 0)
		memcpy(g->entries, g->few, g->few_count * sizeof(*g->entries));
	else if (b->rows.answer == HIN_FILTER_ALL)
		for (; g->entry_count < b->head->rows; g->entry_count++)
			g->entries[g->entry_count] = g->entry_count;
	else
		for (uint32_t i = 0; i < b->head->rows; i++) {
			g->entries[g->entry_count] = i;
			g->entry_count += b->rows.mask[i];
		}
	return count_round(g, b, err);
}

/* Each tag of each row that counts is an entry; a row without one is one too. */
static enum hin_code count_tags(struct hin_grouping *g, struct hin_view_block *b,
				struct hin_error *err)
{
	const struct hin_column_data *counts, *items;
	enum hin_code code;
	size_t next = 0;

	code = hin_block_column(b->reader, HIN_PART_OF(HIN_FIELD_TAGS, HIN_PART_NUMBER), &counts,
				err);
	if (code == HIN_OK)
		code = hin_block_column(b->reader, HIN_PART_OF(HIN_FIELD_TAGS, HIN_PART_DATA),
					&items, err);
	if (code == HIN_OK && counts != NULL &&
	    (items == NULL || counts->part.sum > items->part.count))
		code = hin_fail(err, HIN_EFORMAT, "%s: offset %llu: tags do not fit their rows",
				b->reader->name, (unsigned long long)b->reader->offset);
	g->entry_count = 0;
	for (uint32_t i = 0; i < b->head->rows && code == HIN_OK; i++) {
		uint64_t n = counts != NULL ? hin_column_at(counts, i) : 0;

		if (n > 0 && next + n > items->part.count)
			break; /* the sum of the head was not true */
		if (g->entry_count + n + 1 > HIN_BLOCK_ROWS) {
			code = count_round(g, b, err);
			g->entry_count = 0;
		}
		if (b->rows.answer == HIN_FILTER_ALL || b->rows.mask[i])
			for (uint64_t t = 0; t < (n > 0 ? n : 1); t++) {
				const uint8_t *at = n > 0 ? items->bytes + 2 * (next + t) : NULL;

				g->entries[g->entry_count] = i;
				g->tag_codes[g->entry_count++] =
					n > 0 ? (uint32_t)(at[0] | at[1] << 8) + 1 : 0;
			}
		next += n;
	}
	return code == HIN_OK && g->entry_count > 0 ? count_round(g, b, err) : code;
}

static enum hin_code group_block(void *user, struct hin_view_block *b, struct hin_error *err)
{
	struct hin_grouping *g = user;
	enum hin_code code = HIN_OK;

	if (g->q->interval_us > 0)
		code = hin_grouping_close(g, b->head->time_min, err);
	if (code != HIN_OK || by_summary(g, b, &code, err))
		return code;
	list_few(g, b);
	code = read_block(g, b, err);
	if (code != HIN_OK)
		return code;
	code = by_tags(g->q) ? count_tags(g, b, err) : count_rows(g, b, err);
	if (code == HIN_OK && hin_segment_is_rollup(b->kind))
		for (uint32_t e = 0; e < g->entry_count; e++)
			g->answer->effort.rolled_rows +=
				g->weights != NULL ? hin_column_at(g->weights, g->entries[e]) : 1;
	return code;
}

/* ---- the question ---- */

static enum hin_code check_question(const struct hin_store_question *q, struct hin_error *err)
{
	bool good = q->by_count <= HIN_STORE_BY;

	for (unsigned i = 0; good && i < q->by_count; i++)
		good = q->by[i] <= HIN_STORE_SENSOR;
	if (!good)
		return hin_fail(err, HIN_EUSAGE, "rows cannot be grouped by more than %u fields",
				HIN_STORE_BY);
	if (q->distinct &&
	    (q->distinct_field > HIN_STORE_SENSOR || q->distinct_field == HIN_FIELD_TAGS))
		return hin_fail(err, HIN_EUSAGE, "distinct values of this field cannot be counted");
	if (q->v4_len > 32 || q->v6_len > 128 || q->interval_us < 0)
		return hin_fail(err, HIN_EUSAGE, "a prefix or an interval is out of range");
	return HIN_OK;
}

static bool local_init(struct hin_local *l)
{
	l->words = malloc(HIN_LOCAL_MAX * sizeof(*l->words));
	l->memory = malloc(HIN_BLOCK_ROWS * sizeof(*l->memory));
	return l->words != NULL && l->memory != NULL;
}

static void local_fini(struct hin_local *l)
{
	free(l->words);
	free(l->memory);
}

static bool grouping_init(struct hin_grouping *g)
{
	const struct hin_store_question *q = g->q;
	bool good = local_init(&g->interval);

	for (unsigned i = 0; i < HIN_STORE_BY; i++)
		good = good && local_init(&g->fields[i]);
	good = good && local_init(&g->values);
#define ROOM(name, count) good = good && (g->name = malloc((count) * sizeof(*g->name))) != NULL
	ROOM(few, HIN_BLOCK_ROWS / HIN_LOCAL_FEW);
	ROOM(few_packets, HIN_BLOCK_ROWS / HIN_LOCAL_FEW);
	ROOM(few_bytes, HIN_BLOCK_ROWS / HIN_LOCAL_FEW);
	ROOM(tables, HIN_LOCAL_MAX);
	ROOM(entries, HIN_BLOCK_ROWS + 1);
	ROOM(tag_codes, HIN_BLOCK_ROWS + 1);
	ROOM(ids, HIN_BLOCK_ROWS);
	ROOM(count, HIN_LOCAL_MAX);
	ROOM(packets, HIN_LOCAL_MAX);
	ROOM(bytes_sum, HIN_LOCAL_MAX);
	ROOM(sample_row, HIN_LOCAL_MAX);
	ROOM(group, HIN_LOCAL_MAX);
	ROOM(seen, SEEN_BITS / 64);
	ROOM(dense_keys, DENSE_KEYS);
	ROOM(dense_slots, (size_t)4 * HIN_BLOCK_ROWS);
#undef ROOM
	/* counts of small numbers need no table */
	if (good && q->by_count == 1 && !q->volume && !q->distinct && q->interval_us == 0 &&
	    q->by[0] != HIN_STORE_SENSOR && hin_forms[q->by[0]].form == HIN_FORM_NUMBER &&
	    hin_forms[q->by[0]].size <= 2) {
		g->direct = calloc(UINT16_MAX + 1, sizeof(*g->direct));
		good = g->direct != NULL;
	} else if (good && q->by_count == 1 && !q->volume && !q->distinct && q->interval_us == 0) {
		g->by_v4 = q->by[0] == HIN_FIELD_SRC || q->by[0] == HIN_FIELD_DST;
	}
	return good;
}

static void grouping_fini(struct hin_grouping *g)
{
	local_fini(&g->interval);
	for (unsigned i = 0; i < HIN_STORE_BY; i++)
		local_fini(&g->fields[i]);
	local_fini(&g->values);
	for (size_t i = 0; i < g->open_count; i++)
		hin_groups_fini(&g->open[i]);
	free(g->open);
	hin_interned_fini(&g->interned);
	for (size_t i = 0; i < g->spare_count; i++)
		hin_groups_fini(&g->spare[i]);
	free(g->direct);
	free(g->v4.slots);
	free(g->few);
	free(g->few_packets);
	free(g->few_bytes);
	free(g->tables);
	free(g->entries);
	free(g->tag_codes);
	free(g->ids);
	free(g->count);
	free(g->packets);
	free(g->bytes_sum);
	free(g->sample_row);
	free(g->group);
	free(g->seen);
	free(g->dense_keys);
	free(g->dense_slots);
}

/* Counts by value become groups. */
static enum hin_code add_direct(struct hin_grouping *g, struct hin_error *err)
{
	struct hin_groups *t = g->direct != NULL ? hin_grouping_table(g, 0) : NULL;

	if (g->direct == NULL)
		return HIN_OK;
	if (t == NULL || !hin_groups_reserve(t, UINT16_MAX + 1))
		return no_room(err);
	for (uint64_t v = 0; v <= UINT16_MAX; v++)
		if (g->direct[v] > 0)
			add_to(hin_groups_record(t, &v, hin_groups_hash(&v, 1)), t, g->direct[v], 0,
			       0);
	return HIN_OK;
}

/* What a rollup must have to be asked. */
static uint64_t fields_of(const struct hin_store_question *q)
{
	uint64_t fields = 0;

	for (unsigned i = 0; i < q->by_count; i++)
		if (q->by[i] != HIN_STORE_SENSOR)
			fields |= UINT64_C(1) << q->by[i];
	/* sources are in sketches */
	if (q->distinct && q->distinct_field != HIN_FIELD_SRC &&
	    q->distinct_field != HIN_STORE_SENSOR)
		fields |= UINT64_C(1) << q->distinct_field;
	if (q->distinct && q->distinct_field == HIN_STORE_SENSOR)
		fields |= UINT64_C(1) << HIN_FIELD_SRC;
	return fields;
}

enum hin_code hin_store_group(struct hin_store *store, const struct hin_store_question *question,
			      struct hin_store_answer *answer, struct hin_error *err)
{
	struct hin_grouping g = { .store = store, .q = question, .answer = answer };
	struct hin_view view = { .store = store,
				 .range = &question->range,
				 .rollups = true,
				 .interval_us = question->interval_us,
				 .call = group_block,
				 .user = &g,
				 .effort = &answer->effort };
	enum hin_code code;

	hin_groups_draw_seed();
	*answer = (struct hin_store_answer){ 0 };
	code = check_question(question, err);
	if (code == HIN_OK)
		view.rollup_fields = fields_of(question);
	if (code == HIN_OK && !grouping_init(&g))
		code = no_room(err);
	if (code == HIN_OK)
		code = hin_view_run(&view, err);
	if (code == HIN_OK)
		code = add_direct(&g, err);
	if (code == HIN_OK && !add_addresses(&g))
		code = no_room(err);
	if (code == HIN_OK)
		code = hin_grouping_close(&g, INT64_MAX, err);
	grouping_fini(&g);
	if (code != HIN_OK)
		hin_store_answer_fini(answer);
	return code;
}
