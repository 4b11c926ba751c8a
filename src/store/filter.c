/* filter - matching and judging; see filter.h. filter_parse.c makes, filter_print.c writes. */
#include "store/filter.h"

#include <assert.h>
#include <stdlib.h>

uint64_t hin_filter_number(const struct hin_observation *o, enum hin_field field)
{
	switch (field) {
	case HIN_FIELD_TIME:
		return (uint64_t)o->time_us;
	case HIN_FIELD_KIND:
		return o->kind;
	case HIN_FIELD_DURATION:
		return o->duration_us;
	case HIN_FIELD_SRC_LEN:
		return o->src_len;
	case HIN_FIELD_DST_LEN:
		return o->dst_len;
	case HIN_FIELD_SPORT:
		return o->sport;
	case HIN_FIELD_DPORT:
		return o->dport;
	case HIN_FIELD_PROTO:
		return o->proto;
	case HIN_FIELD_SERVICE:
		return o->service;
	case HIN_FIELD_TCP_FLAGS:
		return o->tcp_flags;
	case HIN_FIELD_PACKETS:
		return o->packets;
	case HIN_FIELD_BYTES:
		return o->bytes;
	case HIN_FIELD_TARGETS:
		return o->targets;
	case HIN_FIELD_PORTS:
		return o->ports;
	case HIN_FIELD_SAMPLE:
		return o->sample;
	case HIN_FIELD_TOOL:
		return o->tool;
	case HIN_FIELD_RULE:
		return o->rule;
	case HIN_FIELD_CONFIDENCE:
		return o->confidence;
	case HIN_FIELD_TECHNIQUE:
		return o->technique;
	case HIN_FIELD_VERDICT:
		return o->verdict;
	case HIN_FIELD_PRODUCT:
		return o->product;
	case HIN_FIELD_LINK:
		return o->link;
	case HIN_FIELD_PARENT:
		return o->parent;
	case HIN_FIELD_DEVICE_BASIS:
		return o->device_basis;
	case HIN_FIELD_ARTIFACT_TYPE:
		return o->artifact_type;
	case HIN_FIELD_SRC:
	case HIN_FIELD_DST:
	case HIN_FIELD_VERSION:
	case HIN_FIELD_TAGS:
	case HIN_FIELD_DEVICE:
	case HIN_FIELD_ARTIFACT:
	case HIN_FIELD_EVIDENCE:
	case HIN_FIELDS:
		break;
	}
	static_assert(HIN_FIELDS == 32, "a new field has its line here");
	return 0;
}

bool hin_filter_numbers_hold(const struct hin_filter *filter, const struct hin_filter_node *test,
			     uint64_t value)
{
	const struct hin_filter_numbers *set = filter->numbers + test->first;
	size_t low = 0, high = test->count;

	/* the last range that begins at or below `value` */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set[middle].low <= value)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && value <= set[low - 1].high;
}

/* The ranges of an address test that begin at or below `a`. */
static size_t addresses_up_to(const struct hin_filter_addresses *set, size_t count,
			      const struct hin_addr *a)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (hin_addr_compare(&set[middle].low, a) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool hin_filter_addresses_hold(const struct hin_filter *filter, const struct hin_filter_node *test,
			       const struct hin_addr *a)
{
	const struct hin_filter_addresses *set = filter->addresses + test->first;
	size_t n = addresses_up_to(set, test->count, a);

	return n > 0 && hin_addr_compare(a, &set[n - 1].high) <= 0;
}

static bool test_addresses(const struct hin_filter *filter, const struct hin_filter_node *test,
			   const struct hin_observation *o)
{
	bool src = test->field == HIN_FIELD_SRC;

	return (o->has & (src ? HIN_HAS_SRC : HIN_HAS_DST)) != 0 &&
	       hin_filter_addresses_hold(filter, test, src ? &o->src : &o->dst);
}

static bool test_tag(const struct hin_filter_node *test, const struct hin_observation *o)
{
	for (size_t i = 0; i < o->tag_count && i < HIN_TAGS_MAX; i++)
		if (o->tags[i] == test->bits)
			return true;
	return false;
}

static bool test_digest(const struct hin_filter_node *test, const struct hin_observation *o)
{
	static const uint8_t nothing[32];
	const uint8_t *bytes = test->field == HIN_FIELD_DEVICE	   ? o->device
			       : test->field == HIN_FIELD_ARTIFACT ? o->artifact
								   : o->evidence;
	size_t size = test->field == HIN_FIELD_DEVICE ? sizeof(o->device) : sizeof(o->artifact);

	return memcmp(bytes, nothing, size) != 0 &&
	       memcmp(bytes, test->digest, test->digest_size) == 0;
}

bool hin_filter_test(const struct hin_filter *filter, const struct hin_filter_node *test,
		     const struct hin_observation *o, const uint8_t *sensor)
{
	enum hin_field field = (enum hin_field)test->field;
	bool holds = false;

	switch ((enum hin_filter_type)test->type) {
	case HIN_FILTER_NUMBERS:
		holds = hin_filter_numbers_hold(filter, test, hin_filter_number(o, field));
		break;
	case HIN_FILTER_BITS:
		holds = (hin_filter_number(o, field) & test->mask) == test->bits;
		break;
	case HIN_FILTER_ADDRESSES:
		holds = test_addresses(filter, test, o);
		break;
	case HIN_FILTER_TAG:
		holds = test_tag(test, o);
		break;
	case HIN_FILTER_PRESENT:
		holds = hin_observation_fields(o) >> field & 1;
		break;
	case HIN_FILTER_DIGEST:
		holds = test_digest(test, o);
		break;
	case HIN_FILTER_VERSION:
		holds = strnlen(o->version, HIN_VERSION_MAX) == test->digest_size &&
			memcmp(o->version, test->digest, test->digest_size) == 0;
		break;
	case HIN_FILTER_SENSOR:
		holds = sensor != NULL && memcmp(sensor, test->digest, test->digest_size) == 0;
		break;
	case HIN_FILTER_AND:
	case HIN_FILTER_OR:
	case HIN_FILTER_TYPES:
		assert(false);
	}
	return holds != test->negated;
}

bool hin_filter_match(const struct hin_filter *filter, const struct hin_observation *o,
		      const uint8_t *sensor)
{
	bool holds[HIN_FILTER_NODES];

	if (filter->node_count == 0)
		return true;
	for (size_t i = 0; i < filter->node_count; i++) {
		const struct hin_filter_node *node = &filter->nodes[i];

		if (node->type == HIN_FILTER_AND)
			holds[i] = holds[node->left] && holds[node->right];
		else if (node->type == HIN_FILTER_OR)
			holds[i] = holds[node->left] || holds[node->right];
		else
			holds[i] = hin_filter_test(filter, node, o, sensor);
	}
	return holds[filter->node_count - 1];
}

/* NONE < SOME < ALL, so that "and" is the lesser of two answers and "or" the greater. */
enum hin_filter_answer hin_filter_judge(const struct hin_filter *filter, hin_filter_judge_fn judge,
					void *user)
{
	uint8_t answers[HIN_FILTER_NODES];

	static_assert(HIN_FILTER_NONE < HIN_FILTER_SOME && HIN_FILTER_SOME < HIN_FILTER_ALL,
		      "answers are in order");
	if (filter->node_count == 0)
		return HIN_FILTER_ALL;
	for (size_t i = 0; i < filter->node_count; i++) {
		const struct hin_filter_node *node = &filter->nodes[i];

		if (node->type == HIN_FILTER_AND || node->type == HIN_FILTER_OR) {
			uint8_t left = answers[node->left], right = answers[node->right];

			answers[i] =
				(left < right) == (node->type == HIN_FILTER_AND) ? left : right;
		} else {
			answers[i] = (uint8_t)judge(filter, node, user);
		}
	}
	return (enum hin_filter_answer)answers[filter->node_count - 1];
}

static enum hin_filter_answer turned(enum hin_filter_answer answer, bool negated)
{
	if (!negated || answer == HIN_FILTER_SOME)
		return answer;
	return answer == HIN_FILTER_ALL ? HIN_FILTER_NONE : HIN_FILTER_ALL;
}

static enum hin_filter_answer judge_set(const struct hin_filter *filter,
					const struct hin_filter_node *test, uint64_t low,
					uint64_t high)
{
	const struct hin_filter_numbers *set = filter->numbers + test->first;
	size_t i = 0;

	for (size_t end = test->count; i < end;) { /* the first range that ends at or above `low` */
		size_t middle = i + (end - i) / 2;

		if (set[middle].high < low)
			i = middle + 1;
		else
			end = middle;
	}
	if (i == test->count || set[i].low > high)
		return HIN_FILTER_NONE;
	return set[i].low <= low && high <= set[i].high ? HIN_FILTER_ALL : HIN_FILTER_SOME;
}

enum hin_filter_answer hin_filter_judge_numbers(const struct hin_filter *filter,
						const struct hin_filter_node *test, uint64_t low,
						uint64_t high)
{
	enum hin_filter_answer answer = HIN_FILTER_SOME;

	if (test->type == HIN_FILTER_NUMBERS)
		answer = judge_set(filter, test, low, high);
	else if (test->type == HIN_FILTER_BITS && low == high)
		answer = (low & test->mask) == test->bits ? HIN_FILTER_ALL : HIN_FILTER_NONE;
	else if (test->type == HIN_FILTER_BITS && test->bits > high)
		answer = HIN_FILTER_NONE; /* a value is never less than bits that it has */
	return turned(answer, test->negated);
}

enum hin_filter_answer hin_filter_judge_addresses(const struct hin_filter *filter,
						  const struct hin_filter_node *test,
						  const struct hin_addr *low,
						  const struct hin_addr *high, bool absent)
{
	const struct hin_filter_addresses *set = filter->addresses + test->first;
	enum hin_filter_answer answer;
	size_t n;

	if (low == NULL)
		return turned(HIN_FILTER_NONE, test->negated);
	n = addresses_up_to(set, test->count, high);
	if (n == 0 || hin_addr_compare(&set[n - 1].high, low) < 0)
		answer = HIN_FILTER_NONE;
	else if (!absent && hin_addr_compare(&set[n - 1].low, low) <= 0 &&
		 hin_addr_compare(high, &set[n - 1].high) <= 0)
		answer = HIN_FILTER_ALL;
	else
		answer = HIN_FILTER_SOME;
	return turned(answer, test->negated);
}

/* What a value of one field may be; `low` above `high`: no row can match. */
struct bounds {
	uint64_t low, high;
};

static struct bounds bounds_of_test(const struct hin_filter *filter,
				    const struct hin_filter_node *test, enum hin_field field)
{
	static const struct bounds all = { 0, UINT64_MAX }, none = { UINT64_MAX, 0 };
	const struct hin_filter_numbers *set = filter->numbers + test->first;

	if (test->type != HIN_FILTER_NUMBERS)
		return all;
	if (test->count == 0)
		return none; /* whatever its field is */
	if (test->field != field)
		return all;
	return (struct bounds){ set[0].low, set[test->count - 1].high };
}

bool hin_filter_bounds(const struct hin_filter *filter, enum hin_field field, uint64_t *low,
		       uint64_t *high)
{
	struct bounds b[HIN_FILTER_NODES], *root = b;

	b[0] = (struct bounds){ 0, UINT64_MAX };
	for (size_t i = 0; i < filter->node_count; i++) {
		const struct hin_filter_node *node = &filter->nodes[i];
		const struct bounds *left, *right;

		root = &b[i];
		if (node->type != HIN_FILTER_AND && node->type != HIN_FILTER_OR) {
			b[i] = bounds_of_test(filter, node, field);
			continue;
		}
		left = &b[node->left];
		right = &b[node->right];
		if (node->type == HIN_FILTER_AND) {
			b[i].low = left->low > right->low ? left->low : right->low;
			b[i].high = left->high < right->high ? left->high : right->high;
		} else if (left->low > left->high || right->low > right->high) {
			b[i] = left->low > left->high ? *right : *left;
		} else {
			b[i].low = left->low < right->low ? left->low : right->low;
			b[i].high = left->high > right->high ? left->high : right->high;
		}
	}
	*low = root->low;
	*high = root->high;
	return root->low > 0 || root->high < UINT64_MAX;
}

void hin_filter_free(struct hin_filter *filter)
{
	if (filter == NULL)
		return;
	free(filter->nodes);
	free(filter->numbers);
	free(filter->addresses);
	free(filter);
}
