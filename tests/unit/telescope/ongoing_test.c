/* ongoing_test - each line tells what the lines before did not, whatever was forgotten between. */
#include "telescope/ongoing.h"
#include "traffic.h"

static struct hin_ongoing_item event(uint64_t link, uint64_t packets, int64_t last_us, bool closed)
{
	return (struct hin_ongoing_item){ .link = link,
					  .packets = packets,
					  .bytes = packets * 40,
					  .last_us = last_us,
					  .closed = closed };
}

static void lines_of_one_event(void **state)
{
	static const struct {
		const char *name;
		uint64_t packets; /* so far */
		int64_t last_us;
		bool closed, gone; /* gone from the tables */
		bool news;
		struct hin_part want;
	} cases[] = {
		{ "first", 100, 50, false, false, true, { true, false, 10, 100, 4000 } },
		{ "nothing new", 100, 50, false, false, false, { 0 } },
		{ "more", 130, 70, false, false, true, { false, false, 50, 30, 1200 } },
		{ "quiet, so over", 130, 70, true, false, true, { false, true, 70, 0, 0 } },
		{ "told already", 130, 70, true, true, false, { 0 } },
		{ "the name again", 5, 90, false, false, true, { true, false, 10, 5, 200 } },
		{ "smaller than it was", 3, 95, false, false, true, { false, false, 10, 3, 120 } },
		{ "last", 9, 99, true, true, true, { false, true, 95, 6, 240 } },
		{ "whole at once", 7, 99, true, true, true, { true, true, 10, 7, 280 } },
	};
	struct hin_ongoing o;

	(void)state;
	assert_int_equal(hin_ongoing_init(&o, NULL), HIN_OK);
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_ongoing_item one =
			event(77, cases[i].packets, cases[i].last_us, cases[i].closed);
		struct hin_part part;

		if (hin_ongoing_tell(&o, &part, &one, 10, cases[i].gone) != cases[i].news)
			fail_msg("%s: news or none", cases[i].name);
		if (cases[i].news &&
		    (part.opened != cases[i].want.opened || part.closed != cases[i].want.closed ||
		     part.since_us != cases[i].want.since_us ||
		     part.packets != cases[i].want.packets || part.bytes != cases[i].want.bytes))
			fail_msg("%s: %d%d from %d, %d packets", cases[i].name, part.opened,
				 part.closed, (int)part.since_us, (int)part.packets);
	}
	assert_int_equal(o.count, 0);
	hin_ongoing_fini(&o);
	hin_ongoing_fini(&o); /* twice is fine */
}

/* Many at once, told in any order, some over: the sums of the lines are what was sent. */
static void many_add_up(void **state)
{
	enum { EVENTS = 3000, ROUNDS = 40 };
	uint64_t *sent = calloc(EVENTS, sizeof(*sent)), *told = calloc(EVENTS, sizeof(*told));
	struct hin_ongoing o;
	uint64_t seed = 5;

	(void)state;
	assert_non_null(sent);
	assert_non_null(told);
	assert_int_equal(hin_ongoing_init(&o, NULL), HIN_OK);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < EVENTS; i++) {
			uint64_t link = 1 + (i * 7919u) % EVENTS;
			struct hin_ongoing_item one;
			struct hin_part part;

			sent[link - 1] += random_below(&seed, 3);
			one = event(link, sent[link - 1], round, false);
			if (hin_ongoing_tell(&o, &part, &one, 0, round == ROUNDS - 1))
				told[link - 1] += part.packets;
		}
		if (round == ROUNDS / 2) /* as after loading */
			assert_int_equal(hin_ongoing_index(&o, NULL), HIN_OK);
	}
	assert_memory_equal(sent, told, EVENTS * sizeof(*sent));
	assert_int_equal(o.count, 0);
	hin_ongoing_fini(&o);
	free(sent);
	free(told);
}

static void old_ones_are_forgotten(void **state)
{
	struct hin_ongoing o;
	struct hin_part part;

	(void)state;
	assert_int_equal(hin_ongoing_init(&o, NULL), HIN_OK);
	for (uint64_t link = 1; link <= 100; link++) {
		struct hin_ongoing_item one = event(link, 1, (int64_t)link, false);

		assert_true(hin_ongoing_tell(&o, &part, &one, 0, false));
	}
	hin_ongoing_expire(&o, 60);
	assert_int_equal(o.count, 41);
	for (uint64_t link = 1; link <= 100; link++) {
		struct hin_ongoing_item one = event(link, 1, (int64_t)link, false);

		assert_int_equal(hin_ongoing_tell(&o, &part, &one, 0, false), link < 60);
	}
	hin_ongoing_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_one_event),
		cmocka_unit_test(many_add_up),
		cmocka_unit_test(old_ones_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
