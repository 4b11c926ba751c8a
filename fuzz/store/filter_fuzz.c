/*
 * Filters. What is accepted is printed, and the print parses to what prints the same and matches
 * the same rows; a mistake has a column within the text.
 */
#include <stdlib.h>

#include "observe/key.h"
#include "store/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum hin_filter_answer some(const struct hin_filter *f, const struct hin_filter_node *t,
				   void *user)
{
	const struct hin_observation *o = user;

	if (t->type == HIN_FILTER_ADDRESSES)
		return hin_filter_judge_addresses(f, t, &o->src, &o->dst, true);
	return hin_filter_judge_numbers(f, t, o->sport, o->packets);
}

static void compare(const struct hin_filter *a, const struct hin_filter *b, const uint8_t *data,
		    size_t size)
{
	static const uint8_t sensor[HIN_SENSOR_ID] = { 1, 2 };
	struct hin_observation o;
	uint64_t low, high;

	for (size_t at = 0; at < 4; at++) {
		memset(&o, 0, sizeof(o));
		memcpy((char *)&o, data, size < 200 ? size : 200);
		o.tag_count = (uint8_t)(o.tag_count % (HIN_TAGS_MAX + 1));
		o.version[HIN_VERSION_MAX] = '\0';
		o.has = (uint8_t)(at & 3);
		if (hin_filter_match(a, &o, sensor) != hin_filter_match(b, &o, sensor))
			abort();
		(void)hin_filter_judge(a, some, &o);
	}
	for (unsigned field = 0; field < HIN_FIELDS; field++)
		(void)hin_filter_bounds(a, (enum hin_field)field, &low, &high);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_filter *f = NULL, *again = NULL;
	struct hin_buffer first = { 0 }, second = { 0 };
	struct hin_error err;
	size_t column;

	if (hin_filter_parse(&f, (const char *)data, size, &column, &err) != HIN_OK) {
		if (column > size + 1 || f != NULL)
			abort();
		return 0;
	}
	hin_filter_print(f, &first);
	if (first.failed)
		abort();
	/* a short text may stand for more than the longest */
	if (first.used <= HIN_FILTER_TEXT) {
		if (hin_filter_parse(&again, hin_buffer_text(&first), first.used, NULL, &err) !=
		    HIN_OK)
			abort();
		hin_filter_print(again, &second);
		if (first.used != second.used || memcmp(first.data, second.data, first.used) != 0)
			abort();
		compare(f, again, data, size);
	}
	hin_filter_free(f);
	hin_filter_free(again);
	hin_buffer_fini(&first);
	hin_buffer_fini(&second);
	return 0;
}
