/* member_test - our own in dark space: told by source port, in deltas, under one link an event. */
#include "telescope/tell.h"
#include "traffic.h"

#define OURS ADDR(20, 0, 0, 9)

static struct hin_prefix_tree *dark, *member;

struct told {
	struct hin_observation rows[4000];
	size_t count;
};

static void on_member(void *user, const struct hin_member_news *news)
{
	struct told *told = user;

	assert_true(told->count < HIN_COUNT(told->rows));
	hin_observe_member(&told->rows[told->count++], news);
}

static bool has_tag(const struct hin_observation *o, uint16_t tag)
{
	for (unsigned i = 0; i < o->tag_count; i++)
		if (o->tags[i] == tag)
			return true;
	return false;
}

static struct hin_telescope_options options_of(struct told *told)
{
	struct hin_telescope_options options = traffic_options();

	*told = (struct told){ 0 };
	options.dark = dark;
	options.member = member;
	options.settings.event_update_ns = 60 * INT64_C(1000000000);
	options.settings.event_timeout_ns = 600 * INT64_C(1000000000);
	options.sink.user = told;
	options.sink.member = on_member;
	return options;
}

/* Send all, and tell what is open. */
static void send_all(struct traffic *t, const struct hin_telescope_options *options,
		     struct hin_picture *picture)
{
	struct hin_telescope *telescope;

	assert_int_equal(hin_telescope_new(&telescope, options, NULL), HIN_OK);
	assert_int_equal(hin_telescope_run(telescope, traffic_read, t, NULL), HIN_OK);
	assert_int_equal(hin_telescope_finish(telescope, NULL), HIN_OK);
	assert_true(hin_telescope_tell_open(telescope));
	assert_int_equal(hin_telescope_picture(picture, telescope, 1000, NULL), HIN_OK);
	hin_telescope_free(telescope);
	traffic_free(t);
}

static void send_from(struct traffic *t, int64_t time_us, uint16_t sport, uint32_t n)
{
	send_tcp(t, time_us,
		 (struct segment){ .src = OURS,
				   .dst = DARK(n),
				   .sport = sport,
				   .dport = 23,
				   .flags = FLAG_SYN,
				   .window = 5840,
				   .seq = DARK(n) });
}

static uint64_t packets_of(const struct told *told)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < told->count; i++)
		sum += told->rows[i].packets;
	return sum;
}

/* Rows may be summed; the first is there at once, the last one says that it is over. */
static void rows_are_deltas_under_one_link(void **state)
{
	struct hin_picture picture;
	struct traffic t = { 0 };
	struct told told;
	struct hin_telescope_options options = options_of(&told);
	uint64_t bytes = 0;

	(void)state;
	for (unsigned n = 0; n < 300; n++)
		send_from(&t, T0 + n * SECOND, 1025, n);
	send_syn(&t, T0 + 6 * MINUTE, ADDR(9, 9, 9, 9), DARK(1), 80); /* time goes on */
	send_syn(&t, T0 + 20 * MINUTE, ADDR(9, 9, 9, 9), DARK(1), 80);
	send_all(&t, &options, &picture);
	assert_int_equal(picture.members[0].packets, 300);
	hin_picture_free(&picture);
	assert_int_equal(told.count, 7); /* at once, after each minute, and its end */
	assert_int_equal(packets_of(&told), 300);
	for (size_t i = 0; i < told.count; i++) {
		const struct hin_observation *o = &told.rows[i];

		bytes += o->bytes;
		assert_true(o->link != 0 && o->link == told.rows[0].link);
		assert_int_equal(o->sport, 1025);
		assert_int_equal(o->dport, 23);
		assert_int_equal(o->proto, IPPROTO_TCP);
		assert_true((o->has & HIN_HAS_DST) != 0);
		assert_int_equal(has_tag(o, HIN_TAG_OPENED), i == 0);
		assert_int_equal(has_tag(o, HIN_TAG_CLOSED), i == told.count - 1);
		assert_int_equal(has_tag(o, HIN_TAG_UPDATED), i > 0 && i < told.count - 1);
		assert_true(i == 0 ||
			    o->time_us > told.rows[i - 1].time_us +
						 (int64_t)told.rows[i - 1].duration_us ||
			    o->packets == 0);
	}
	assert_int_equal(bytes, 300 * 40);
	assert_int_equal(told.rows[0].packets, 1);
	assert_int_equal(told.rows[0].targets, 1);
	assert_int_equal(told.rows[0].confidence, 99);
	assert_int_equal(told.rows[6].targets, 300); /* true in this row, never summed */
	assert_true(told.rows[6].time_us == T0 + 299 * SECOND);
}

/* Behind one address: each of two is told at once, with its port, and none of the other's. */
static void ports_are_told_apart(void **state)
{
	struct hin_picture picture;
	struct traffic t = { 0 };
	struct told told;
	struct hin_telescope_options options = options_of(&told);
	uint64_t sums[2] = { 0, 0 };

	(void)state;
	for (unsigned n = 0; n < 100; n++) {
		send_from(&t, T0 + n * SECOND, 1500, n);
		if (n % 4 == 0)
			send_from(&t, T0 + n * SECOND + 500, 2500, 500 + n);
	}
	send_all(&t, &options, &picture);
	hin_picture_free(&picture);
	assert_int_equal(told.rows[0].sport, 1500);
	assert_true(told.rows[0].time_us == T0);
	assert_int_equal(told.rows[1].sport, 2500);
	assert_true(told.rows[1].time_us == T0 + 500);
	assert_false(has_tag(&told.rows[1], HIN_TAG_OPENED));
	for (size_t i = 0; i < told.count; i++) {
		assert_true(told.rows[i].sport == 1500 || told.rows[i].sport == 2500);
		sums[told.rows[i].sport == 2500] += told.rows[i].packets;
	}
	assert_int_equal(sums[0], 100);
	assert_int_equal(sums[1], 25);
}

/* Whoever takes another port for each packet is told of eight at once, then in one row a minute. */
static void ports_are_bounded(void **state)
{
	struct hin_picture picture;
	struct traffic t = { 0 };
	struct told told;
	struct hin_telescope_options options = options_of(&told);
	unsigned without = 0;

	(void)state;
	for (unsigned n = 0; n < 30000; n++)
		send_from(&t, T0 + n * 10000, (uint16_t)(1024 + n), n % 60000);
	send_all(&t, &options, &picture);
	hin_picture_free(&picture);
	assert_int_equal(packets_of(&told), 30000);
	assert_true(told.count <= 6 * (8 + 1));
	for (size_t i = 0; i < told.count; i++) {
		const struct hin_observation *o = &told.rows[i];

		if (o->sport != 0)
			continue;
		without++;
		assert_int_equal(o->has & HIN_HAS_DST, 0);
		assert_int_equal(o->dport, 0);
		assert_int_equal(o->proto, IPPROTO_TCP);
		assert_true(o->packets > 1000);
	}
	assert_true(without >= 4);
}

/* What comes after the time-out is another event, told at once, whenever the clock's minute ends.
 */
static void what_comes_back_is_another_event(void **state)
{
	static const int64_t pauses[] = { 9 * MINUTE, 10 * MINUTE, 30 * HOUR };

	(void)state;
	for (size_t k = 0; k < HIN_COUNT(pauses); k++) {
		struct hin_picture picture;
		struct traffic t = { 0 };
		struct told told;
		struct hin_telescope_options options = options_of(&told);
		const struct hin_observation *last;
		bool another = k > 0;

		for (unsigned n = 0; n < 5; n++)
			send_from(&t, T0 + n, 1025, n);
		for (unsigned n = 0; n < 3; n++)
			send_from(&t, T0 + 4 + pauses[k] + n, 1025, n);
		send_all(&t, &options, &picture);
		assert_int_equal(picture.member_count, 1);
		assert_int_equal(picture.members[0].packets, 8);
		assert_int_equal(picture.members[0].targets, 5);
		hin_picture_free(&picture);
		last = &told.rows[told.count - 1];
		assert_int_equal(packets_of(&told), 8);
		assert_int_equal(last->link != told.rows[0].link, another);
		assert_int_equal(last->targets, another ? 3 : 5);
		assert_int_equal(has_tag(&told.rows[told.count - 2], HIN_TAG_OPENED), another);
	}
}

/* Rows are what they are, however many threads there are; members are found among many. */
static void many_members(void **state)
{
	struct hin_picture picture;
	struct told *told = malloc(2 * sizeof(*told));

	(void)state;
	assert_non_null(told);
	for (unsigned k = 0; k < 2; k++) {
		struct hin_telescope_options options = options_of(&told[k]);
		struct traffic t = { 0 };

		options.threads = k == 0 ? 1 : 3;
		for (unsigned n = 0; n < 3000; n++)
			send_syn(&t, T0 + n * 50000, ADDR(20, 1, 0, 0) + n % 1000, DARK(n), 23);
		send_all(&t, &options, &picture);
		assert_int_equal(picture.member_total, 1000);
		hin_picture_free(&picture);
		assert_int_equal(packets_of(&told[k]), 3000);
	}
	assert_int_equal(told[0].count, told[1].count);
	assert_memory_equal(told[0].rows, told[1].rows, told[0].count * sizeof(told[0].rows[0]));
	free(told);
}

static int make_trees(void **state)
{
	(void)state;
	dark = traffic_tree("198.18.0.0/16");
	member = traffic_tree("20.0.0.0/8");
	return 0;
}

static int free_trees(void **state)
{
	(void)state;
	hin_prefix_tree_free(dark);
	hin_prefix_tree_free(member);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_deltas_under_one_link),
		cmocka_unit_test(ports_are_told_apart),
		cmocka_unit_test(ports_are_bounded),
		cmocka_unit_test(what_comes_back_is_another_event),
		cmocka_unit_test(many_members),
	};

	return cmocka_run_group_tests(tests, make_trees, free_trees);
}
