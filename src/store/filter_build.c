/* filter_build - sets and nodes of a filter in the making. */
#include <assert.h>
#include <stdlib.h>

#include "store/filter_priv.h"

enum hin_code hin_filter_builder_init(struct hin_filter_builder *b, struct hin_error *err)
{
	struct hin_filter *f = calloc(1, sizeof(*f));

	*b = (struct hin_filter_builder){ .filter = f };
	/* readers add offsets to the arrays, so there are some, if empty */
	if (f != NULL) {
		f->numbers = malloc(sizeof(*f->numbers));
		f->addresses = malloc(sizeof(*f->addresses));
	}
	if (f == NULL || f->numbers == NULL || f->addresses == NULL) {
		hin_filter_free(f);
		return hin_fail(err, HIN_ENOMEM, "no room for a filter");
	}
	b->number_size = b->address_size = 1;
	return HIN_OK;
}

void hin_filter_builder_fini(struct hin_filter_builder *b)
{
	free(b->numbers);
	free(b->addresses);
}

/* Make room for one more of `item` bytes at `*array`, which holds `count` of at most `limit`. */
static enum hin_code grow(void **array, size_t *room, size_t count, size_t item, size_t limit,
			  const char *what, struct hin_error *err)
{
	size_t more;
	void *bigger;

	if (count < *room)
		return HIN_OK;
	if (count >= limit)
		return hin_fail(err, HIN_ELIMIT, "a filter has at most %zu %s", limit, what);
	more = *room == 0 ? 16 : *room * 2;
	if (more > limit)
		more = limit;
	bigger = reallocarray(*array, more, item);
	if (bigger == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for a filter");
	*array = bigger;
	*room = more;
	return HIN_OK;
}

enum hin_code hin_filter_add_numbers(struct hin_filter_builder *b, uint64_t low, uint64_t high,
				     struct hin_error *err)
{
	void *array = b->numbers;
	enum hin_code code = grow(&array, &b->number_room, b->number_count, sizeof(*b->numbers),
				  HIN_FILTER_SETS, "values in its sets", err);

	b->numbers = array;
	if (code == HIN_OK)
		b->numbers[b->number_count++] = (struct hin_filter_numbers){ low, high };
	return code;
}

static enum hin_code add_range(struct hin_filter_builder *b, const struct hin_addr *low,
			       const struct hin_addr *high, struct hin_error *err)
{
	void *array = b->addresses;
	enum hin_code code = grow(&array, &b->address_room, b->address_count, sizeof(*b->addresses),
				  HIN_FILTER_SETS, "values in its sets", err);

	b->addresses = array;
	if (code == HIN_OK)
		b->addresses[b->address_count++] = (struct hin_filter_addresses){ *low, *high };
	return code;
}

enum hin_code hin_filter_add_addresses(struct hin_filter_builder *b, const struct hin_addr *low,
				       const struct hin_addr *high, struct hin_error *err)
{
	static const struct hin_addr before = { { [10] = 0xff,
						  [11] = 0xfe,
						  [12] = 0xff,
						  [13] = 0xff,
						  [14] = 0xff,
						  [15] = 0xff } },
				     behind = { { [9] = 1 } };
	struct hin_addr first = hin_addr_of_v4(0), last = hin_addr_of_v4(UINT32_MAX);
	enum hin_code code;

	if (hin_addr_is_v4(low) || hin_addr_compare(low, &last) > 0 ||
	    hin_addr_compare(high, &first) < 0)
		return add_range(b, low, high, err);
	code = add_range(b, low, &before, err);
	return code == HIN_OK ? add_range(b, &behind, high, err) : code;
}

void hin_filter_reset_sets(struct hin_filter_builder *b)
{
	b->number_count = b->address_count = 0;
}

static int compare_numbers(const void *a, const void *b)
{
	const struct hin_filter_numbers *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

static int compare_addresses(const void *a, const void *b)
{
	const struct hin_filter_addresses *x = a, *y = b;

	return hin_addr_compare(&x->low, &y->low);
}

/* Sort the numbers and join those that touch. */
static void order_numbers(struct hin_filter_builder *b)
{
	struct hin_filter_numbers *set = b->numbers;
	size_t kept = 0;

	if (b->number_count == 0)
		return;
	qsort(set, b->number_count, sizeof(*set), compare_numbers);
	for (size_t i = 1; i < b->number_count; i++) {
		if (set[kept].high == UINT64_MAX || set[i].low <= set[kept].high + 1) {
			if (set[i].high > set[kept].high)
				set[kept].high = set[i].high;
		} else {
			set[++kept] = set[i];
		}
	}
	b->number_count = kept + 1;
}

static struct hin_addr next_addr(struct hin_addr a)
{
	for (size_t i = 16; i-- > 0 && ++a.b[i] == 0;)
		;
	return a;
}

static void order_addresses(struct hin_filter_builder *b)
{
	struct hin_filter_addresses *set = b->addresses;
	size_t kept = 0;

	if (b->address_count == 0)
		return;
	qsort(set, b->address_count, sizeof(*set), compare_addresses);
	for (size_t i = 1; i < b->address_count; i++) {
		struct hin_addr next = next_addr(set[kept].high);
		bool same = hin_addr_is_v4(&set[i].low) == hin_addr_is_v4(&set[kept].low);
		static const struct hin_addr zero;

		/* `next` is zero behind the last address of all */
		if (same &&
		    (hin_addr_equal(&next, &zero) || hin_addr_compare(&set[i].low, &next) <= 0)) {
			if (hin_addr_compare(&set[i].high, &set[kept].high) > 0)
				set[kept].high = set[i].high;
		} else {
			set[++kept] = set[i];
		}
	}
	b->address_count = kept + 1;
}

static enum hin_code keep_number(struct hin_filter_builder *b, uint64_t low, uint64_t high,
				 struct hin_error *err)
{
	struct hin_filter *f = b->filter;
	void *array = f->numbers;
	enum hin_code code = grow(&array, &b->number_size, f->number_count, sizeof(*f->numbers),
				  HIN_FILTER_SETS, "values in its sets", err);

	f->numbers = array;
	if (code == HIN_OK)
		f->numbers[f->number_count++] = (struct hin_filter_numbers){ low, high };
	return code;
}

/* Copy the set in the making, or its complement, to the filter. */
static enum hin_code keep_numbers(struct hin_filter_builder *b, struct hin_filter_node *node,
				  struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	uint64_t from = 0; /* where the gap before the next range begins */
	bool end = false;  /* a range reaches the last number */

	order_numbers(b);
	node->first = (uint32_t)b->filter->number_count;
	for (size_t i = 0; i < b->number_count && code == HIN_OK; i++) {
		const struct hin_filter_numbers *range = &b->numbers[i];

		if (!node->negated)
			code = keep_number(b, range->low, range->high, err);
		else if (range->low > from)
			code = keep_number(b, from, range->low - 1, err);
		end = range->high == UINT64_MAX;
		from = range->high + 1;
	}
	if (code == HIN_OK && node->negated && !end)
		code = keep_number(b, from, UINT64_MAX, err);
	node->count = (uint32_t)(b->filter->number_count - node->first);
	node->negated = false;
	return code;
}

static enum hin_code keep_addresses(struct hin_filter_builder *b, struct hin_filter_node *node,
				    struct hin_error *err)
{
	struct hin_filter *f = b->filter;
	enum hin_code code = HIN_OK;

	order_addresses(b);
	node->first = (uint32_t)f->address_count;
	for (size_t i = 0; i < b->address_count && code == HIN_OK; i++) {
		void *array = f->addresses;

		code = grow(&array, &b->address_size, f->address_count, sizeof(*f->addresses),
			    HIN_FILTER_SETS, "values in its sets", err);
		f->addresses = array;
		if (code == HIN_OK)
			f->addresses[f->address_count++] = b->addresses[i];
	}
	node->count = (uint32_t)(f->address_count - node->first);
	return code;
}

enum hin_code hin_filter_add_node(struct hin_filter_builder *b, const struct hin_filter_node *node,
				  uint16_t *at, struct hin_error *err)
{
	struct hin_filter *f = b->filter;
	struct hin_filter_node copy = *node;
	void *array = f->nodes;
	enum hin_code code = grow(&array, &b->node_size, f->node_count, sizeof(*f->nodes),
				  HIN_FILTER_NODES, "tests", err);

	f->nodes = array;
	if (code == HIN_OK && node->type == HIN_FILTER_NUMBERS)
		code = keep_numbers(b, &copy, err);
	if (code == HIN_OK && node->type == HIN_FILTER_ADDRESSES)
		code = keep_addresses(b, &copy, err);
	if (code != HIN_OK)
		return code;
	if (node->type == HIN_FILTER_SENSOR)
		f->sensor = true;
	else if (node->type != HIN_FILTER_AND && node->type != HIN_FILTER_OR)
		f->fields |= UINT64_C(1) << node->field;
	*at = (uint16_t)f->node_count;
	f->nodes[f->node_count++] = copy;
	return HIN_OK;
}

enum hin_code hin_filter_join(struct hin_filter_builder *b, enum hin_filter_type type,
			      uint16_t left, uint16_t right, uint16_t *at, struct hin_error *err)
{
	struct hin_filter_node node = { .type = (uint8_t)type, .left = left, .right = right };

	assert(left < b->filter->node_count && right < b->filter->node_count);
	return hin_filter_add_node(b, &node, at, err);
}
