#include "traffic.h"

/* A reader that asks for a pause each `every` frames. */
struct pausing {
	struct traffic *traffic;
	struct hin_telescope *telescope;
	size_t every, asked_at;
};

static enum hin_code pausing_read(void *user, unsigned queue, struct hin_batch *batch,
				  struct hin_error *err)
{
	struct pausing *p = user;

	if (p->every > 0 && p->traffic->at >= p->asked_at + p->every) {
		p->asked_at = p->traffic->at;
		hin_telescope_pause(p->telescope);
	}
	return traffic_read(p->traffic, queue, batch, err);
}

static void make_traffic(struct traffic *t, size_t count)
{
	uint64_t dice = 7;

	for (size_t i = 0; i < count; i++)
		send_syn(t, T0 + (int64_t)i * SECOND / 20, ADDR(9, 0, 0, i % 40),
			 DARK(random_next(&dice) % 65536), (uint16_t)(random_next(&dice) % 3 + 22));
}

/* Run to the end; how often it paused. */
static unsigned run(struct pausing *p)
{
	unsigned pauses = 0;
	enum hin_code code;

	do {
		struct hin_error err = { 0 };

		code = hin_telescope_run(p->telescope, pausing_read, p, &err);
		pauses += code == HIN_EAGAIN;
	} while (code == HIN_EAGAIN);
	assert_int_equal(code, HIN_OK);
	assert_int_equal(hin_telescope_finish(p->telescope, NULL), HIN_OK);
	return pauses;
}

static void pauses_change_nothing(void **state)
{
	struct hin_prefix_tree *dark = traffic_tree("198.18.0.0/16");
	struct traffic traffic = { .batch = 50 };

	(void)state;
	make_traffic(&traffic, 20000);
	for (unsigned threads = 1; threads <= 4; threads++) {
		struct hin_telescope_options options = traffic_options();
		struct hin_picture whole, parts;
		struct pausing p = { .traffic = &traffic, .every = 700 };

		options.dark = dark;
		options.threads = threads;
		whole = traffic_see(&traffic, &options);
		traffic.at = 0;
		assert_int_equal(hin_telescope_new(&p.telescope, &options, NULL), HIN_OK);
		assert_true(run(&p) > 10);
		assert_int_equal(hin_telescope_frames(p.telescope), 20000);
		assert_int_equal(hin_telescope_picture(&parts, p.telescope, 1000, NULL), HIN_OK);
		assert_int_equal(parts.packets, whole.packets);
		assert_int_equal(parts.event_count, whole.event_count);
		assert_int_equal(parts.dark_hit, whole.dark_hit);
		for (size_t i = 0; i < whole.event_count; i++) {
			assert_int_equal(parts.events[i].packets, whole.events[i].packets);
			assert_int_equal(parts.events[i].targets, whole.events[i].targets);
		}
		hin_picture_free(&whole);
		hin_picture_free(&parts);
		hin_telescope_free(p.telescope);
	}
	traffic_free(&traffic);
	hin_prefix_tree_free(dark);
}

/* Asked before the run: it pauses at once, once, and has read nothing. */
static void a_pause_between_runs_is_heard(void **state)
{
	struct hin_telescope_options options = traffic_options();
	struct traffic traffic = { 0 };
	struct pausing p = { .traffic = &traffic };

	(void)state;
	make_traffic(&traffic, 100);
	assert_int_equal(hin_telescope_new(&p.telescope, &options, NULL), HIN_OK);
	hin_telescope_pause(p.telescope);
	assert_int_equal(hin_telescope_run(p.telescope, pausing_read, &p, NULL), HIN_EAGAIN);
	assert_int_equal(hin_telescope_frames(p.telescope), 0);
	assert_int_equal(hin_telescope_run(p.telescope, pausing_read, &p, NULL), HIN_OK);
	assert_int_equal(hin_telescope_frames(p.telescope), 100);
	hin_telescope_free(p.telescope);
	traffic_free(&traffic);
}

static void count_member(void *user, const struct hin_member_news *news)
{
	struct hin_addr *last = user;

	*last = news->member->address;
}

/* Members, exclusions, thresholds and dark space of now on. */
static void takes_what_is_new(void **state)
{
	struct hin_prefix_tree *dark = traffic_tree("198.18.0.0/16");
	struct hin_prefix_tree *half = traffic_tree("198.18.0.0/17");
	struct hin_prefix_tree *member = traffic_tree("9.0.0.0/8");
	struct hin_prefix_tree *excluded = traffic_tree("11.0.0.0/8");
	static const char *const names[] = { "Town hall" };
	struct hin_telescope_options options = traffic_options();
	struct hin_addr alerted = { 0 };
	struct traffic traffic = { 0 };
	struct hin_telescope *t;
	struct hin_picture picture;

	(void)state;
	options.dark = dark;
	options.sink = (struct hin_telescope_sink){ .user = &alerted, .member = count_member };
	assert_int_equal(hin_telescope_new(&t, &options, NULL), HIN_OK);
	for (unsigned i = 0; i < 10; i++) {
		send_syn(&traffic, T0 + i, ADDR(9, 0, 0, 1), DARK(i), 23);
		send_syn(&traffic, T0 + i, ADDR(11, 0, 0, 1), DARK(0x8000 + i), 23);
	}
	assert_int_equal(hin_telescope_run(t, traffic_read, &traffic, NULL), HIN_OK);
	assert_int_equal(hin_telescope_picture(&picture, t, 1000, NULL), HIN_OK);
	assert_int_equal(picture.member_count, 0);
	assert_int_equal(picture.event_count, 2);
	assert_int_equal(picture.dark_hit, 20);
	hin_picture_free(&picture);

	options.member = member;
	options.member_names = names;
	options.excluded = excluded;
	options.dark = half;
	options.settings.scan_targets = 12;
	options.settings.memory_bytes *= 2; /* is not heeded */
	assert_int_equal(hin_telescope_reload(t, &options, NULL), HIN_OK);
	hin_prefix_tree_free(dark);
	assert_int_equal(hin_telescope_picture(&picture, t, 1000, NULL), HIN_OK);
	assert_int_equal(picture.dark_hit, 10);	  /* those that are still dark */
	assert_int_equal(picture.event_count, 0); /* ten targets, judged anew, are no scan */
	hin_picture_free(&picture);
	for (unsigned i = 0; i < 10; i++) {
		send_syn(&traffic, T0 + SECOND + i, ADDR(9, 0, 0, 1), DARK(5 + i), 23);
		send_syn(&traffic, T0 + SECOND + i, ADDR(9, 0, 0, 1), DARK(0x8000 + i), 23);
		send_syn(&traffic, T0 + SECOND + i, ADDR(11, 0, 0, 1), DARK(i), 23);
		send_syn(&traffic, T0 + SECOND + i, ADDR(12, 0, 0, 1), ADDR(11, 0, 0, 5), 23);
	}
	assert_int_equal(hin_telescope_run(t, traffic_read, &traffic, NULL), HIN_OK);
	assert_int_equal(hin_telescope_picture(&picture, t, 1000, NULL), HIN_OK);
	assert_int_equal(picture.outside, 30);
	assert_int_equal(picture.packets, 30);
	assert_int_equal(picture.dark_hit, 15);
	assert_int_equal(picture.member_count, 1);
	assert_string_equal(picture.members[0].name, "Town hall");
	assert_int_equal(hin_addr_v4(&alerted), ADDR(9, 0, 0, 1));
	assert_int_equal(picture.members[0].packets, 10);
	hin_picture_free(&picture);

	options.dark = NULL;
	assert_int_equal(hin_telescope_reload(t, &options, NULL), HIN_EUSAGE);
	hin_telescope_free(t);
	traffic_free(&traffic);
	hin_prefix_tree_free(half);
	hin_prefix_tree_free(member);
	hin_prefix_tree_free(excluded);
}

/* Ranges that begin, end and lie elsewhere: what both have stays seen, bit for bit. */
static void what_was_seen_stays_seen(void **state)
{
	static const char *const spaces[][4] = {
		{ "198.18.0.0/24", "198.18.2.0/24", "198.18.7.128/25", NULL },
		{ "198.18.0.128/25", "198.18.2.0/25", "198.18.7.0/24", NULL },
		{ "198.18.0.0/16", NULL },
		{ "198.18.7.130/32", NULL },
		{ "198.18.128.0/17", NULL },
	};
	static const unsigned want[] = { 640, 128 + 128 + 128, 384, 1, 0 };
	struct hin_telescope_options options = traffic_options();
	struct hin_prefix_tree *trees[HIN_COUNT(spaces)];
	struct traffic traffic = { 0 };
	struct hin_telescope *t;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(spaces); i++) {
		trees[i] = hin_prefix_tree_new();
		for (size_t k = 0; spaces[i][k] != NULL; k++)
			assert_int_equal(hin_prefix_tree_load(trees[i], spaces[i][k], 0, NULL),
					 HIN_OK);
		assert_int_equal(hin_prefix_tree_build(trees[i], NULL), HIN_OK);
	}
	for (unsigned i = 0; i < 2048; i++)
		send_syn(&traffic, T0 + i, ADDR(9, 0, 0, 1), DARK(i), 23);
	options.dark = trees[0];
	assert_int_equal(hin_telescope_new(&t, &options, NULL), HIN_OK);
	assert_int_equal(hin_telescope_run(t, traffic_read, &traffic, NULL), HIN_OK);
	for (size_t i = 0; i < HIN_COUNT(spaces); i++) {
		struct hin_picture picture;

		options.dark = trees[i];
		assert_int_equal(hin_telescope_reload(t, &options, NULL), HIN_OK);
		assert_int_equal(hin_telescope_picture(&picture, t, 10, NULL), HIN_OK);
		assert_int_equal(picture.dark_hit, want[i]);
		hin_picture_free(&picture);
	}
	hin_telescope_free(t);
	for (size_t i = 0; i < HIN_COUNT(spaces); i++)
		hin_prefix_tree_free(trees[i]);
	traffic_free(&traffic);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses_change_nothing),
		cmocka_unit_test(a_pause_between_runs_is_heard),
		cmocka_unit_test(takes_what_is_new),
		cmocka_unit_test(what_was_seen_stays_seen),
	};

	return cmocka_run_group_tests_name("reload", tests, NULL, NULL);
}
