/* segments_filter - a filter over the columns of a block; see segments_view_priv.h */
#include <stdlib.h>

#include "store/segments_view_priv.h"

#define KINDS 256u /* of a range that are looked at one by one */
#define SPANS 64u  /* ranges of addresses that filters and indices are asked for */

/* Does a test ask for few ranges of sources? */
static bool names_sources(const struct hin_filter_node *test)
{
	return test->type == HIN_FILTER_ADDRESSES && test->field == HIN_FIELD_SRC &&
	       !test->negated && test->count <= SPANS;
}

/* Can a row match only when it has one of few sources? */
static bool narrows(const struct hin_filter *f, size_t node)
{
	const struct hin_filter_node *n = &f->nodes[node];

	if (n->type == HIN_FILTER_AND)
		return narrows(f, n->left) || narrows(f, n->right);
	if (n->type == HIN_FILTER_OR)
		return narrows(f, n->left) && narrows(f, n->right);
	return names_sources(n);
}

/*
 * Can only rows match that are in no file of flows? No kind begins or ceases to be one of flows,
 * but one that a program does not know goes to the events.
 */
static bool excludes_flows(const struct hin_filter *f, size_t node)
{
	const struct hin_filter_node *n = &f->nodes[node];

	if (n->type == HIN_FILTER_AND)
		return excludes_flows(f, n->left) || excludes_flows(f, n->right);
	if (n->type == HIN_FILTER_OR)
		return excludes_flows(f, n->left) && excludes_flows(f, n->right);
	if (n->type != HIN_FILTER_NUMBERS || n->field != HIN_FIELD_KIND || n->negated)
		return false;
	for (uint32_t i = 0; i < n->count; i++) {
		const struct hin_filter_numbers *range = &f->numbers[n->first + i];

		if (range->low > UINT16_MAX || range->high - range->low > KINDS)
			return false;
		for (uint64_t kind = range->low; kind <= range->high; kind++)
			if (hin_store_kind_of((uint16_t)kind) == HIN_SEGMENT_FLOWS)
				return false;
	}
	return true;
}

enum hin_code hin_matcher_init(struct hin_matcher *m, const struct hin_store_range *range,
			       struct hin_block_reader *reader, struct hin_error *err)
{
	const struct hin_filter *all = range->filter;
	const struct hin_filter *f = all != NULL && all->node_count > 0 ? all : NULL;
	size_t nodes = f != NULL ? f->node_count : 0;

	*m = (struct hin_matcher){ .filter = f,
				   .node_count = nodes,
				   .since_us = range->since_us,
				   .until_us = range->until_us > 0 ? range->until_us : INT64_MAX,
				   .reader = reader };
	m->answers = calloc(nodes + 1, sizeof(*m->answers));
	m->masks = calloc(nodes + 1, sizeof(*m->masks));
	m->v4 = calloc((f != NULL ? f->address_count : 0) + 1, sizeof(*m->v4));
	m->table = malloc(HIN_COLUMN_ROWS);
	m->no_flows = f != NULL && excludes_flows(f, nodes - 1);
	m->narrows = f != NULL && narrows(f, nodes - 1);
	m->sets = calloc(m->narrows ? nodes : 1, sizeof(*m->sets));
	if (m->answers == NULL || m->masks == NULL || m->v4 == NULL || m->table == NULL ||
	    m->sets == NULL) {
		hin_matcher_fini(m);
		return hin_fail(err, HIN_ENOMEM, "no room for a filter");
	}
	for (size_t i = 0; f != NULL && i < f->address_count; i++) {
		struct hin_addr first = hin_addr_of_v4(0), last = hin_addr_of_v4(UINT32_MAX);
		const struct hin_filter_addresses *a = &f->addresses[i];

		m->v4[i] = (struct hin_span){ 1, 0 };
		if (hin_addr_compare(&a->low, &last) > 0 || hin_addr_compare(&a->high, &first) < 0)
			continue;
		m->v4[i].first = hin_addr_compare(&a->low, &first) < 0 ? 0 : hin_addr_v4(&a->low);
		m->v4[i].last =
			hin_addr_compare(&a->high, &last) > 0 ? UINT32_MAX : hin_addr_v4(&a->high);
	}
	return HIN_OK;
}

void hin_matcher_fini(struct hin_matcher *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->pool_count; i++)
		free(m->pool[i]);
	for (size_t i = 0; m->masks != NULL && i <= m->node_count; i++)
		free(m->masks[i]);
	free(m->pool);
	free(m->answers);
	free(m->masks);
	free(m->v4);
	free(m->table);
	free(m->sets);
	*m = (struct hin_matcher){ 0 };
}

static uint8_t *take_mask(struct hin_matcher *m)
{
	return m->pool_count > 0 ? m->pool[--m->pool_count] : calloc(HIN_BLOCK_ROWS, 1);
}

static bool give_mask(struct hin_matcher *m, uint8_t **mask)
{
	if (*mask == NULL)
		return true;
	if (m->pool_count == m->pool_room) {
		size_t room = m->pool_room * 2 + 8;
		uint8_t **more = realloc(m->pool, room * sizeof(*more));

		if (more == NULL)
			return false;
		m->pool = more;
		m->pool_room = room;
	}
	m->pool[m->pool_count++] = *mask;
	*mask = NULL;
	return true;
}

/* ---- by the index of sources ---- */

static enum hin_code narrow_test(struct hin_matcher *m, const struct hin_filter_node *test,
				 struct hin_sources *sources, struct hin_block_set *out,
				 struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (!names_sources(test)) {
		memset(out, 0xff, sizeof(*out));
		return HIN_OK;
	}
	*out = (struct hin_block_set){ 0 };
	for (uint32_t i = 0; i < test->count && code == HIN_OK; i++) {
		const struct hin_span *span = &m->v4[test->first + i];

		if (span->first <= span->last)
			code = hin_sources_ask(sources, (uint32_t)span->first, (uint32_t)span->last,
					       out, err);
	}
	for (uint32_t b = 0; b < sources->blocks; b++)
		if (hin_sources_untold(sources, b))
			hin_block_set_add(out, b);
	return code;
}

enum hin_code hin_matcher_narrow(struct hin_matcher *m, struct hin_sources *sources,
				 struct hin_block_set *out, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < m->node_count && code == HIN_OK; i++) {
		const struct hin_filter_node *n = &m->filter->nodes[i];
		struct hin_block_set *set = &m->sets[i];

		if (n->type != HIN_FILTER_AND && n->type != HIN_FILTER_OR) {
			code = narrow_test(m, n, sources, set, err);
			continue;
		}
		for (size_t w = 0; w < HIN_COUNT(set->words); w++) {
			uint64_t left = m->sets[n->left].words[w];
			uint64_t right = m->sets[n->right].words[w];

			set->words[w] = n->type == HIN_FILTER_AND ? left & right : left | right;
		}
	}
	*out = m->sets[m->node_count - 1];
	return code;
}

/* ---- by heads ---- */

static enum hin_filter_answer opposite(enum hin_filter_answer a)
{
	return a == HIN_FILTER_SOME  ? HIN_FILTER_SOME
	       : a == HIN_FILTER_ALL ? HIN_FILTER_NONE
				     : HIN_FILTER_ALL;
}

/* Is one of the addresses asked for perhaps in the block? */
static bool maybe_there(struct hin_matcher *m, const struct hin_filter_node *test)
{
	const struct hin_part *part =
		hin_block_part(m->reader->head, test->field == HIN_FIELD_SRC ? HIN_PART_FILTER_SRC
									     : HIN_PART_FILTER_DST);
	bool maybe = part == NULL || test->count > SPANS;

	for (uint32_t i = 0; i < test->count && !maybe; i++) {
		const struct hin_span *span = &m->v4[test->first + i];

		if (span->first > span->last)
			continue;
		/* a failing read says itself when the column is read */
		if (hin_block_filter_ask(m->reader, part, (uint32_t)span->first,
					 (uint32_t)span->last, &maybe, NULL) != HIN_OK)
			maybe = true;
	}
	return maybe;
}

static enum hin_filter_answer judge_addresses(struct hin_matcher *m,
					      const struct hin_filter_node *test)
{
	const struct hin_block_head *head = m->reader->head;
	const struct hin_part *family =
		hin_block_part(head, HIN_PART_OF(test->field, HIN_PART_NUMBER));
	const struct hin_part *data = hin_block_part(head, HIN_PART_OF(test->field, HIN_PART_DATA));
	enum hin_filter_answer answer;
	struct hin_addr low, high;

	if (family == NULL)
		return hin_filter_judge_addresses(m->filter, test, NULL, NULL, true);
	if (family->max > 4)
		return HIN_FILTER_SOME;
	/* rows without an address count as 0.0.0.0 in the column: `low` may be too low */
	low = hin_addr_of_v4(data != NULL ? (uint32_t)data->base : 0);
	high = hin_addr_of_v4(data != NULL ? (uint32_t)data->max : 0);
	answer = hin_filter_judge_addresses(m->filter, test, &low, &high, family->base == 0);
	if (answer != HIN_FILTER_SOME || maybe_there(m, test))
		return answer;
	return test->negated ? HIN_FILTER_ALL : HIN_FILTER_NONE;
}

static enum hin_filter_answer judge_test(struct hin_matcher *m, const struct hin_filter_node *test)
{
	const struct hin_block_head *head = m->reader->head;
	const struct hin_part *part;
	uint64_t low, high;

	if (test->type == HIN_FILTER_SENSOR)
		return HIN_FILTER_SOME;
	if (test->type == HIN_FILTER_ADDRESSES)
		return judge_addresses(m, test);
	part = hin_block_part(head, HIN_PART_OF(test->field, HIN_PART_NUMBER));
	low = part != NULL ? part->base : 0;
	high = part != NULL ? part->max : 0;
	switch (test->type) {
	case HIN_FILTER_NUMBERS:
	case HIN_FILTER_BITS:
		return hin_filter_judge_numbers(m->filter, test, low, high);
	case HIN_FILTER_PRESENT:
		if (test->field == HIN_FIELD_TIME || test->field == HIN_FIELD_KIND || low > 0)
			return test->negated ? HIN_FILTER_NONE : HIN_FILTER_ALL;
		break;
	default:
		break;
	}
	/* nothing of the kind is in the block */
	if (high == 0)
		return test->negated ? HIN_FILTER_ALL : HIN_FILTER_NONE;
	return HIN_FILTER_SOME;
}

static enum hin_filter_answer judge_pair(const struct hin_filter_node *node,
					 enum hin_filter_answer left, enum hin_filter_answer right)
{
	enum hin_filter_answer decides =
		node->type == HIN_FILTER_AND ? HIN_FILTER_NONE : HIN_FILTER_ALL;

	if (left == decides || right == decides)
		return decides;
	return left == opposite(decides)    ? right
	       : right == opposite(decides) ? left
					    : HIN_FILTER_SOME;
}

enum hin_code hin_matcher_judge(struct hin_matcher *m, enum hin_filter_answer *out,
				struct hin_error *err)
{
	const struct hin_block_head *head = m->reader->head;
	const struct hin_filter *f = m->filter;

	(void)err;
	*out = HIN_FILTER_NONE;
	if (head->time_max < m->since_us || head->time_min >= m->until_us)
		return HIN_OK;
	*out = head->time_min >= m->since_us && head->time_max < m->until_us ? HIN_FILTER_ALL
									     : HIN_FILTER_SOME;
	for (size_t i = 0; f != NULL && i < f->node_count; i++) {
		const struct hin_filter_node *n = &f->nodes[i];

		if (n->type == HIN_FILTER_AND || n->type == HIN_FILTER_OR)
			m->answers[i] = judge_pair(n, m->answers[n->left], m->answers[n->right]);
		else
			m->answers[i] = judge_test(m, n);
	}
	if (f != NULL) {
		enum hin_filter_answer root = m->answers[f->node_count - 1];

		*out = root == HIN_FILTER_ALL ? *out : root;
	}
	return HIN_OK;
}

/* ---- by columns ---- */

typedef bool (*holds_fn)(const struct hin_matcher *m, const struct hin_filter_node *test,
			 uint64_t value);

static bool holds_number(const struct hin_matcher *m, const struct hin_filter_node *test,
			 uint64_t value)
{
	return hin_filter_numbers_hold(m->filter, test, value);
}

static bool holds_bits(const struct hin_matcher *m, const struct hin_filter_node *test,
		       uint64_t value)
{
	(void)m;
	return (value & test->mask) == test->bits;
}

static bool holds_any(const struct hin_matcher *m, const struct hin_filter_node *test,
		      uint64_t value)
{
	(void)m;
	(void)test;
	return value != 0;
}

static bool holds_v4(const struct hin_matcher *m, const struct hin_filter_node *test,
		     uint64_t value)
{
	uint32_t low = 0, high = test->count;

	/* the spans of a set ascend; those outside of IPv4 lie at its ends */
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		const struct hin_span *span = &m->v4[test->first + middle];
		struct hin_addr a = hin_addr_of_v4((uint32_t)value);

		if (hin_addr_compare(&m->filter->addresses[test->first + middle].high, &a) < 0)
			low = middle + 1;
		else if (span->first <= value && value <= span->last)
			return true;
		else
			high = middle;
	}
	return false;
}

/* One range of values, or none: most tests are that, and it needs no call a row. */
static bool one_range(const struct hin_matcher *m, const struct hin_filter_node *test,
		      struct hin_span *out)
{
	if (test->count != 1)
		return false;
	if (test->type == HIN_FILTER_ADDRESSES)
		*out = m->v4[test->first];
	else if (test->type == HIN_FILTER_NUMBERS)
		*out = (struct hin_span){ m->filter->numbers[test->first].low,
					  m->filter->numbers[test->first].high };
	else
		return false;
	return true;
}

/* The numbers, as kept, that lie in `range`: from `*first` to `*last`, or none. */
static bool kept_range(const struct hin_part *p, const struct hin_span *range, uint64_t *first,
		       uint64_t *last)
{
	if (range->first > range->last || range->last < p->base || range->first > p->max)
		return false;
	*first = range->first <= p->base ? 0 : (range->first - p->base + p->scale - 1) / p->scale;
	*last = range->last >= p->max ? (p->max - p->base) / p->scale
				      : (range->last - p->base) / p->scale;
	return *first <= *last;
}

/*
 * 1 where the value of part `id` lies in `range`: a dictionary is asked for the ends alone, and
 * codes are not read when it has no such value, as when a filter of addresses let the block through
 * wrongly. `*done` stays false for what is no such column.
 */
static enum hin_code mask_range(struct hin_matcher *m, unsigned id, const struct hin_span *range,
				uint32_t rows, uint8_t *mask, bool *done, struct hin_error *err)
{
	const struct hin_part *p = hin_block_part(m->reader->head, id);
	const struct hin_column_data *c;
	uint64_t first, last;
	uint32_t low, end;
	enum hin_code code = HIN_OK;

	*done = p != NULL && (p->shape == HIN_SHAPE_DICT || p->shape == HIN_SHAPE_OFFSETS);
	if (!*done)
		return HIN_OK;
	memset(mask, 0, rows);
	if (!kept_range(p, range, &first, &last))
		return HIN_OK;
	low = (uint32_t)first;
	end = (uint32_t)last +
	      1; /* 0: all from `low` on, which the difference below is right for */
	if (p->shape == HIN_SHAPE_DICT) {
		code = hin_block_ranks(m->reader, id, first, last, &low, &end, err);
		if (code != HIN_OK || low >= end)
			return code;
	}
	code = hin_block_codes(m->reader, id, &c, err);
	if (code != HIN_OK)
		return code;
	hin_mask_range(mask, c->codes, rows, low, end - low - 1);
	return HIN_OK;
}

/* 1 where the column's value holds. */
static void mask_column(const struct hin_matcher *m, const struct hin_filter_node *test,
			const struct hin_column_data *c, holds_fn holds, uint32_t rows,
			uint8_t *mask)
{
	if (c == NULL || c->part.shape == HIN_SHAPE_CONST) {
		memset(mask, holds(m, test, c != NULL ? c->part.base : 0), rows);
		return;
	}
	if (c->part.shape == HIN_SHAPE_DICT) {
		for (uint32_t i = 0; i < c->part.distinct; i++)
			m->table[i] = holds(m, test, c->part.base + c->part.scale * c->dict[i]);
		for (uint32_t i = 0; i < rows; i++)
			mask[i] = m->table[c->codes[i]];
		return;
	}
	for (uint32_t i = 0; i < rows; i++)
		mask[i] = holds(m, test, hin_column_at(c, i));
}

/* The numbers of part `id` against a test. */
static enum hin_code mask_numbers(struct hin_matcher *m, const struct hin_filter_node *test,
				  unsigned id, holds_fn holds, uint32_t rows, uint8_t *mask,
				  struct hin_error *err)
{
	const struct hin_column_data *c;
	struct hin_span range;
	bool done = false;
	enum hin_code code = HIN_OK;

	if (one_range(m, test, &range))
		code = mask_range(m, id, &range, rows, mask, &done, err);
	if (code != HIN_OK || done)
		return code;
	code = hin_block_column(m->reader, id, &c, err);
	if (code == HIN_OK)
		mask_column(m, test, c, holds, rows, mask);
	return code;
}

static enum hin_code mask_addresses(struct hin_matcher *m, const struct hin_filter_node *test,
				    uint32_t rows, uint8_t *mask, struct hin_error *err)
{
	const struct hin_column_data *family, *v6;
	uint32_t next = 0;
	enum hin_code code;

	code = mask_numbers(m, test, HIN_PART_OF(test->field, HIN_PART_DATA), holds_v4, rows, mask,
			    err);
	if (code == HIN_OK)
		code = hin_block_column(m->reader, HIN_PART_OF(test->field, HIN_PART_NUMBER),
					&family, err);
	if (code == HIN_OK)
		code = hin_block_column(m->reader, HIN_PART_OF(test->field, HIN_PART_V6), &v6, err);
	if (code != HIN_OK)
		return code;
	if (family != NULL && family->part.base == 4 && family->part.max == 4)
		return HIN_OK;
	for (uint32_t i = 0; i < rows; i++) {
		uint64_t f = family != NULL ? hin_column_at(family, i) : 0;
		struct hin_addr a;

		if (f == 0) {
			mask[i] = 0;
		} else if (f == 6) {
			if (v6 == NULL || next >= v6->part.count)
				return hin_fail(err, HIN_EFORMAT,
						"%s: offset %llu: addresses do not fit their rows",
						m->reader->name,
						(unsigned long long)m->reader->offset);
			memcpy(a.b, v6->bytes + 16 * (size_t)next++, 16);
			mask[i] = hin_filter_addresses_hold(m->filter, test, &a);
		}
	}
	return HIN_OK;
}

/* Does a row with the items at `at` pass? */
static bool items_hold(const struct hin_filter_node *test, const uint8_t *at, uint64_t count)
{
	char text[HIN_VERSION_MAX + 1] = { 0 };

	if (count == 0)
		return false;
	switch (test->type) {
	case HIN_FILTER_TAG:
		for (uint64_t i = 0; i < count; i++)
			if ((at[2 * i] | at[2 * i + 1] << 8) == (int)test->bits)
				return true;
		return false;
	case HIN_FILTER_VERSION:
		memcpy(text, at, HIN_VERSION_MAX);
		return strlen(text) == test->digest_size &&
		       memcmp(text, test->digest, test->digest_size) == 0;
	default:
		return memcmp(at, test->digest, test->digest_size) == 0;
	}
}

/* Tests of tags, digests and versions: items, one behind the other. */
static enum hin_code mask_items(struct hin_matcher *m, const struct hin_filter_node *test,
				uint32_t rows, uint8_t *mask, struct hin_error *err)
{
	const struct hin_column_data *counts, *items;
	size_t size = hin_forms[test->field].size, next = 0;
	enum hin_code code;

	code = hin_block_column(m->reader, HIN_PART_OF(test->field, HIN_PART_NUMBER), &counts, err);
	if (code == HIN_OK)
		code = hin_block_column(m->reader, HIN_PART_OF(test->field, HIN_PART_DATA), &items,
					err);
	if (code != HIN_OK)
		return code;
	for (uint32_t i = 0; i < rows; i++) {
		uint64_t n = counts != NULL ? hin_column_at(counts, i) : 0;

		if (n > 0 && (items == NULL || next + n > items->part.count))
			return hin_fail(err, HIN_EFORMAT,
					"%s: offset %llu: values do not fit their rows",
					m->reader->name, (unsigned long long)m->reader->offset);
		mask[i] = n > 0 && items_hold(test, items->bytes + next * size, n);
		next += n;
	}
	return HIN_OK;
}

static enum hin_code mask_sensor(struct hin_matcher *m, const struct hin_filter_node *test,
				 uint8_t *mask, struct hin_error *err)
{
	enum hin_code code = hin_block_batches(m->reader, err);
	uint32_t row = 0;

	for (size_t i = 0; code == HIN_OK && i < m->reader->batch_count; i++) {
		const struct hin_block_batch *b = &m->reader->batches[i];

		memset(mask + row, memcmp(b->batch.sensor, test->digest, test->digest_size) == 0,
		       b->rows);
		row += b->rows;
	}
	return code;
}

static enum hin_code mask_test(struct hin_matcher *m, const struct hin_filter_node *test,
			       uint32_t rows, uint8_t *mask, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	switch (test->type) {
	case HIN_FILTER_ADDRESSES:
		code = mask_addresses(m, test, rows, mask, err);
		break;
	case HIN_FILTER_TAG:
	case HIN_FILTER_DIGEST:
	case HIN_FILTER_VERSION:
		code = mask_items(m, test, rows, mask, err);
		break;
	case HIN_FILTER_SENSOR:
		code = mask_sensor(m, test, mask, err);
		break;
	default:
		code = mask_numbers(m, test, HIN_PART_OF(test->field, HIN_PART_NUMBER),
				    test->type == HIN_FILTER_NUMBERS ? holds_number
				    : test->type == HIN_FILTER_BITS  ? holds_bits
								     : holds_any,
				    rows, mask, err);
	}
	if (code == HIN_OK && test->negated)
		for (uint32_t i = 0; i < rows; i++)
			mask[i] ^= 1;
	return code;
}

/* Put the masks of a pair together; one of them may be known without a mask. */
static bool mask_pair(struct hin_matcher *m, size_t at, uint32_t rows)
{
	const struct hin_filter_node *n = &m->filter->nodes[at];
	uint8_t **left = &m->masks[n->left], **right = &m->masks[n->right];

	if (*left == NULL || *right == NULL) {
		uint8_t **have = *left != NULL ? left : right;

		m->masks[at] = *have;
		*have = NULL;
		return true;
	}
	if (n->type == HIN_FILTER_AND)
		for (uint32_t i = 0; i < rows; i++)
			(*left)[i] &= (*right)[i];
	else
		for (uint32_t i = 0; i < rows; i++)
			(*left)[i] |= (*right)[i];
	m->masks[at] = *left;
	*left = NULL;
	return give_mask(m, right);
}

static enum hin_code mask_nodes(struct hin_matcher *m, uint32_t rows, struct hin_error *err)
{
	const struct hin_filter *f = m->filter;
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < f->node_count && code == HIN_OK; i++) {
		const struct hin_filter_node *n = &f->nodes[i];

		if (m->answers[i] != HIN_FILTER_SOME)
			continue;
		if (n->type == HIN_FILTER_AND || n->type == HIN_FILTER_OR) {
			if (!mask_pair(m, i, rows))
				code = hin_fail(err, HIN_ENOMEM, "no room for a filter");
			continue;
		}
		m->masks[i] = take_mask(m);
		if (m->masks[i] == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room for a filter");
		code = mask_test(m, n, rows, m->masks[i], err);
	}
	return code;
}

static enum hin_code mask_time(struct hin_matcher *m, uint32_t rows, uint8_t *mask, bool fresh,
			       struct hin_error *err)
{
	uint64_t span = (uint64_t)(m->until_us - m->since_us);
	const struct hin_column_data *c;
	enum hin_code code =
		hin_block_column(m->reader, HIN_PART_OF(HIN_FIELD_TIME, HIN_PART_NUMBER), &c, err);

	if (code != HIN_OK)
		return code;
	for (uint32_t i = 0; i < rows; i++) {
		uint64_t t = c != NULL ? hin_column_at(c, i) : 0;
		uint8_t in = t - (uint64_t)m->since_us < span;

		mask[i] = fresh ? in : mask[i] & in;
	}
	return HIN_OK;
}

enum hin_code hin_matcher_select(struct hin_matcher *m, struct hin_selection *out,
				 struct hin_error *err)
{
	const struct hin_block_head *head = m->reader->head;
	bool timed = head->time_min < m->since_us || head->time_max >= m->until_us, fresh = true;
	size_t root = m->filter != NULL ? m->filter->node_count - 1 : 0;
	enum hin_code code = HIN_OK;
	uint32_t count = 0;

	/* what an earlier block left */
	for (size_t i = 0; i <= m->node_count; i++)
		if (!give_mask(m, &m->masks[i]))
			return hin_fail(err, HIN_ENOMEM, "no room for a filter");
	*out = (struct hin_selection){ .answer = HIN_FILTER_ALL, .count = head->rows };
	if (m->filter != NULL && m->answers[root] == HIN_FILTER_SOME) {
		code = mask_nodes(m, head->rows, err);
		fresh = false;
	} else if (!timed) {
		return HIN_OK;
	}
	if (code == HIN_OK && m->masks[root] == NULL) {
		m->masks[root] = take_mask(m);
		if (m->masks[root] == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room for a filter");
	}
	if (code == HIN_OK && timed)
		code = mask_time(m, head->rows, m->masks[root], fresh, err);
	if (code != HIN_OK)
		return code;
	for (uint32_t i = 0; i < head->rows; i++)
		count += m->masks[root][i];
	out->mask = m->masks[root];
	out->count = count;
	out->answer = count == 0	    ? HIN_FILTER_NONE
		      : count == head->rows ? HIN_FILTER_ALL
					    : HIN_FILTER_SOME;
	return HIN_OK;
}
