/* Questions: the answer is what counting row by row gives, whatever the filter and the groups. */
#include "folder.h"

enum { BATCHES = HIN_TEST_SLOW ? 30 : 120, MOST = 3000 };

/* All rows of the store, for the slow way. */
static struct {
	struct hin_observation *rows;
	uint8_t (*sensors)[HIN_SENSOR_ID];
	size_t count;
} all;

static struct hin_store *store;

static int make_store(void **state)
{
	size_t used = 0;

	if (folder_setup(state) != 0)
		return -1;
	all.rows = calloc((size_t)BATCHES * MOST, sizeof(*all.rows));
	all.sensors = calloc((size_t)BATCHES * MOST, sizeof(*all.sensors));
	store = open_store(HIN_STORE_CREATE, NULL);
	for (unsigned i = 0; i < BATCHES; i++) {
		size_t count = batch_rows(i % 3, i / 3 + 1, all.rows + used, MOST);

		append(store, i % 3, 1, i / 3 + 1, MOST);
		for (size_t k = 0; k < count; k++)
			memcpy(all.sensors[used + k], batch_head(i % 3, 0, 0).sensor,
			       HIN_SENSOR_ID);
		used += count;
	}
	all.count = used;
	sync_store(store);
	return 0;
}

static int drop_store(void **state)
{
	hin_store_close(store);
	free(all.rows);
	free(all.sensors);
	return folder_teardown(state);
}

/* ---- the slow way ---- */

struct slow {
	int64_t time;
	struct hin_store_value by[HIN_STORE_BY], distinct;
	uint64_t packets, bytes;
};

static struct hin_store_value slow_value(const struct hin_store_question *q, size_t row,
					 unsigned field, bool cut, uint32_t tag)
{
	const struct hin_observation *o = &all.rows[row];
	struct hin_store_value v = { .given = true };
	const struct hin_addr *a = field == HIN_FIELD_SRC ? &o->src : &o->dst;
	static const uint8_t zeros[32];
	const void *bytes = NULL;
	size_t size = 0;

	switch (field) {
	case HIN_STORE_SENSOR:
		memcpy(v.bytes, all.sensors[row], HIN_SENSOR_ID);
		return v;
	case HIN_FIELD_SRC:
	case HIN_FIELD_DST:
		v.given = o->has & (field == HIN_FIELD_SRC ? HIN_HAS_SRC : HIN_HAS_DST);
		if (v.given) {
			unsigned len = hin_addr_is_v4(a) ? (q->v4_len ? 96u + q->v4_len : 128)
							 : (q->v6_len ? q->v6_len : 128);

			memcpy(v.bytes, a->b, 16);
			for (unsigned bit = cut ? len : 128; bit < 128; bit++)
				v.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
		}
		return v;
	case HIN_FIELD_TAGS:
		v.given = tag != 0;
		v.number = v.given ? tag - 1u : 0;
		return v;
	case HIN_FIELD_DEVICE:
		bytes = o->device;
		size = 16;
		break;
	case HIN_FIELD_ARTIFACT:
		bytes = o->artifact;
		size = 32;
		break;
	case HIN_FIELD_EVIDENCE:
		bytes = o->evidence;
		size = 32;
		break;
	case HIN_FIELD_VERSION:
		bytes = o->version;
		size = 32;
		break;
	default:
		v.number = hin_filter_number(o, field);
		return v;
	}
	v.given = memcmp(bytes, zeros, size) != 0;
	memcpy(v.bytes, bytes, size);
	return v;
}

static unsigned slow_fields; /* how many words of the keys are compared */

static int compare_value(const struct hin_store_value *a, const struct hin_store_value *b)
{
	if (a->given != b->given)
		return a->given ? 1 : -1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int compare_key(const struct slow *x, const struct slow *y)
{
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	for (unsigned i = 0; i < slow_fields; i++) {
		int order = compare_value(&x->by[i], &y->by[i]);

		if (order != 0)
			return order;
	}
	return 0;
}

static int compare_slow(const void *a, const void *b)
{
	const struct slow *x = a, *y = b;
	int order = compare_key(x, y);

	return order != 0 ? order : compare_value(&x->distinct, &y->distinct);
}

static uint64_t rank(const struct hin_store_question *q, const struct hin_store_group *g)
{
	return q->order == HIN_STORE_PACKETS	? g->packets
	       : q->order == HIN_STORE_BYTES	? g->bytes
	       : q->order == HIN_STORE_DISTINCT ? g->distinct
						: g->count;
}

static const struct hin_store_question *order_of;

static int compare_group(const void *a, const void *b)
{
	const struct hin_store_group *x = a, *y = b;

	if (x->time_us != y->time_us)
		return x->time_us < y->time_us ? -1 : 1;
	if (rank(order_of, x) != rank(order_of, y))
		return rank(order_of, x) > rank(order_of, y) ? -1 : 1;
	for (unsigned i = 0; i < slow_fields; i++) {
		int order = compare_value(&x->by[i], &y->by[i]);

		if (order != 0)
			return order;
	}
	return 0;
}

static size_t slow_answer(const struct hin_store_question *q, struct hin_store_group **out)
{
	size_t count = 0, groups = 0, room = all.count + 16;
	struct slow *rows = malloc(room * sizeof(*rows));
	bool tags = false;

	for (unsigned i = 0; i < q->by_count; i++)
		tags |= q->by[i] == HIN_FIELD_TAGS;
	for (size_t r = 0; r < all.count; r++) {
		const struct hin_observation *o = &all.rows[r];
		unsigned times = tags && o->tag_count > 0 ? o->tag_count : 1;

		if (o->time_us < q->range.since_us ||
		    (q->range.until_us > 0 && o->time_us >= q->range.until_us) ||
		    (q->range.filter != NULL &&
		     !hin_filter_match(q->range.filter, o, all.sensors[r])))
			continue;
		for (unsigned t = 0; t < times; t++) {
			struct slow *s;

			if (count == room) {
				s = realloc(rows, (room *= 2) * sizeof(*rows));
				assert_non_null(s);
				rows = s;
			}
			s = &rows[count++];
			*s = (struct slow){ .packets = o->packets, .bytes = o->bytes };
			if (q->interval_us > 0)
				s->time = o->time_us / q->interval_us * q->interval_us;
			for (unsigned i = 0; i < q->by_count; i++)
				s->by[i] = slow_value(q, r, q->by[i], true,
						      o->tag_count > 0 ? o->tags[t] + 1u : 0);
			if (q->distinct)
				s->distinct = slow_value(q, r, q->distinct_field, false, 0);
		}
	}
	slow_fields = q->by_count;
	qsort(rows, count, sizeof(*rows), compare_slow);
	*out = calloc(count + 1, sizeof(**out));
	for (size_t i = 0; i < count; i++) {
		bool fresh = i == 0 || compare_key(&rows[i - 1], &rows[i]) != 0;
		struct hin_store_group *g = &(*out)[groups - (fresh ? 0 : 1)];

		if (fresh) {
			groups++;
			g->time_us = rows[i].time;
			memcpy(g->by, rows[i].by, sizeof(g->by));
		}
		g->count++;
		if (q->volume) {
			g->packets += rows[i].packets;
			g->bytes += rows[i].bytes;
		}
		if (q->distinct && rows[i].distinct.given &&
		    (fresh || compare_value(&rows[i - 1].distinct, &rows[i].distinct) != 0))
			g->distinct++;
	}
	free(rows);
	order_of = q;
	qsort(*out, groups, sizeof(**out), compare_group);
	return groups;
}

static void expect_answer(const struct hin_store_question *q, const char *name)
{
	struct hin_store_answer a;
	struct hin_store_group *want;
	struct hin_error err = { 0 };
	size_t groups = slow_answer(q, &want), next = 0;
	uint64_t rows = 0;

	if (hin_store_group(store, q, &a, &err) != HIN_OK)
		fail_msg("%s: %s", name, err.text);
	for (size_t i = 0; i < groups; i++)
		rows += want[i].count;
	if (a.groups_found != groups || a.total.count != rows)
		fail_msg("%s: %llu groups of %llu rows, not %zu of %llu", name,
			 (unsigned long long)a.groups_found, (unsigned long long)a.total.count,
			 groups, (unsigned long long)rows);
	assert_false(a.approximate);
	for (size_t i = 0, in = 0; i < groups; i++) {
		const struct hin_store_group *g = &a.groups[next];

		in = i > 0 && want[i].time_us == want[i - 1].time_us ? in + 1 : 0;
		if (q->limit > 0 && in >= q->limit)
			continue;
		assert_true(next < a.count);
		if (g->time_us != want[i].time_us || g->count != want[i].count ||
		    g->packets != want[i].packets || g->bytes != want[i].bytes ||
		    g->distinct != want[i].distinct || compare_group(g, &want[i]) != 0)
			fail_msg("%s: group %zu: %llu rows, %llu distinct, not %llu, %llu", name,
				 next, (unsigned long long)g->count,
				 (unsigned long long)g->distinct, (unsigned long long)want[i].count,
				 (unsigned long long)want[i].distinct);
		next++;
	}
	assert_int_equal(next, a.count);
	free(want);
	hin_store_answer_fini(&a);
}

static const char *const filters[] = {
	"any",
	"proto tcp",
	"dst port 23",
	"kind telescope.flow and not port 23",
	"src net 0.0.0.0/3 or dport 80",
	"src 0.9.24.98",
	"src net 3.9.0.0/16 and dst net 198.18.128.0/17",
	"not src net 0.0.0.0/1",
	"kind 60000",
	"(port 22 or port 443) and packets > 1",
	"sport 1024-5000 and bytes >= 80",
	"sensor 0202",
};

static struct hin_filter *parse(const char *text)
{
	struct hin_filter *f = NULL;
	struct hin_error err = { 0 };

	if (hin_filter_parse(&f, text, strlen(text), NULL, &err) != HIN_OK)
		fail_msg("%s: %s", text, err.text);
	return f;
}

static void groups_as_row_by_row(void **state)
{
	static const struct hin_store_question questions[] = {
		{ .by_count = 0 },
		{ .by_count = 0, .volume = true },
		{ .by = { HIN_FIELD_DPORT }, .by_count = 1 },
		{ .by = { HIN_FIELD_DPORT },
		  .by_count = 1,
		  .limit = 5,
		  .volume = true,
		  .order = HIN_STORE_BYTES },
		{ .by = { HIN_FIELD_SRC }, .by_count = 1, .limit = 20 },
		{ .by = { HIN_FIELD_SRC }, .by_count = 1, .v4_len = 16, .v6_len = 33 },
		{ .by = { HIN_FIELD_SPORT },
		  .by_count = 1,
		  .distinct = true,
		  .distinct_field = HIN_FIELD_SRC,
		  .order = HIN_STORE_DISTINCT,
		  .limit = 10 },
		{ .by = { HIN_FIELD_SRC, HIN_FIELD_DPORT }, .by_count = 2, .volume = true },
		{ .by = { HIN_FIELD_SRC, HIN_FIELD_DST, HIN_FIELD_SPORT, HIN_FIELD_DPORT },
		  .by_count = 4,
		  .limit = 100 },
		{ .by = { HIN_STORE_SENSOR, HIN_FIELD_KIND }, .by_count = 2 },
		{ .by_count = 0,
		  .interval_us = 60000000,
		  .distinct = true,
		  .distinct_field = HIN_FIELD_SRC },
		{ .by = { HIN_FIELD_DPORT },
		  .by_count = 1,
		  .interval_us = 600000000,
		  .limit = 3,
		  .distinct = true,
		  .distinct_field = HIN_FIELD_DST },
		{ .by = { HIN_FIELD_TAGS }, .by_count = 1 },
		{ .by = { HIN_FIELD_TAGS, HIN_FIELD_KIND },
		  .by_count = 2,
		  .distinct = true,
		  .distinct_field = HIN_FIELD_VERSION },
		{ .by = { HIN_FIELD_VERSION },
		  .by_count = 1,
		  .distinct = true,
		  .distinct_field = HIN_FIELD_DEVICE },
		{ .by = { HIN_FIELD_ARTIFACT }, .by_count = 1, .limit = 50 },
		{ .by = { HIN_FIELD_LINK }, .by_count = 1, .limit = 50 },
		{ .by = { HIN_FIELD_DURATION },
		  .by_count = 1,
		  .distinct = true,
		  .distinct_field = HIN_STORE_SENSOR },
		{ .by_count = 0,
		  .distinct = true,
		  .distinct_field = HIN_FIELD_PACKETS,
		  .range = { .since_us = DAY_US + 300000000, .until_us = DAY_US + 900000001 } },
		{ .by = { HIN_FIELD_PROTO }, .by_count = 1, .range = { .until_us = DAY_US } },
	};

	(void)state;
	for (size_t f = 0; f < HIN_COUNT(filters); f++) {
		struct hin_filter *filter = parse(filters[f]);

		for (size_t i = 0; i < HIN_COUNT(questions); i++) {
			struct hin_store_question q = questions[i];
			char name[100];

			snprintf(name, sizeof(name), "question %zu, \"%s\"", i, filters[f]);
			q.range.filter = filter;
			expect_answer(&q, name);
		}
		hin_filter_free(filter);
	}
}

/* The same after the rows moved from the journal into one file of few blocks, with an index. */
static void groups_from_files_too(void **state)
{
	struct hin_error err = { 0 };

	for (size_t i = 0; i < store->day_count; i++)
		assert_int_equal(
			hin_store_cut(store, &store->days[i], store->days[i].builder.rows, &err),
			HIN_OK);
	for (size_t i = 0; i < store->catalog.segment_count; i++)
		assert_int_equal(hin_store_seal(store, &store->catalog.segments[i], &err), HIN_OK);
	sync_store(store);
	groups_as_row_by_row(state);
}

static enum hin_code count_rows(void *user, const struct hin_store_rows *rows,
				struct hin_error *err)
{
	const struct hin_filter *filter = *(const struct hin_filter **)user;

	(void)err;
	for (size_t i = 0; i < rows->count; i++)
		assert_true(hin_filter_match(filter, &rows->rows[i], rows->batches[i]->sensor));
	((size_t *)user)[1] += rows->count;
	return HIN_OK;
}

static void scans_what_matches(void **state)
{
	(void)state;
	for (size_t f = 0; f < HIN_COUNT(filters); f++) {
		struct hin_filter *filter = parse(filters[f]);
		struct hin_store_range range = { .filter = filter };
		struct hin_store_effort effort;
		size_t user[2] = { 0 }, want = 0;

		memcpy(user, &filter, sizeof(filter));
		for (size_t r = 0; r < all.count; r++)
			want += hin_filter_match(filter, &all.rows[r], all.sensors[r]);
		assert_int_equal(hin_store_scan(store, &range, UINT64_MAX, 0, count_rows, user,
						&effort, NULL),
				 HIN_OK);
		if (user[1] != want)
			fail_msg("%s: %zu rows, not %zu", filters[f], user[1], want);
		assert_int_equal(effort.rows_matched, want);
		assert_false(effort.stopped);
		user[1] = 0;
		assert_int_equal(hin_store_scan(store, &range, UINT64_MAX, 7, count_rows, user,
						&effort, NULL),
				 HIN_OK);
		assert_int_equal(user[1], want < 7 ? want : 7);
		assert_int_equal(effort.stopped, want > 7);
		hin_filter_free(filter);
	}
}

/* More values than may be remembered: about right, and said so. */
static void samples_when_memory_is_short(void **state)
{
	struct hin_store_question q = { .distinct = true,
					.distinct_field = HIN_FIELD_SRC,
					.range = { 0 } };
	struct hin_store_answer a;
	uint64_t exact, memory = store->options.memory_bytes;

	(void)state;
	assert_int_equal(hin_store_group(store, &q, &a, NULL), HIN_OK);
	exact = a.groups[0].distinct;
	assert_false(a.approximate);
	hin_store_answer_fini(&a);
	store->options.memory_bytes = 600000;
	assert_int_equal(hin_store_group(store, &q, &a, NULL), HIN_OK);
	store->options.memory_bytes = memory;
	assert_true(a.approximate);
	if (a.groups[0].distinct < exact * 95 / 100 || a.groups[0].distinct > exact * 105 / 100)
		fail_msg("%llu, not about %llu", (unsigned long long)a.groups[0].distinct,
			 (unsigned long long)exact);
	hin_store_answer_fini(&a);
	/* groups are not sampled: they are refused */
	q = (struct hin_store_question){ .by = { HIN_FIELD_SRC, HIN_FIELD_DST }, .by_count = 2 };
	store->options.memory_bytes = 600000;
	assert_int_equal(hin_store_group(store, &q, &a, NULL), HIN_ELIMIT);
	store->options.memory_bytes = memory;
}

static bool stop_at_once(void *user, uint64_t done, uint64_t whole, uint64_t rows)
{
	(void)done;
	(void)whole;
	(void)rows;
	return ++*(unsigned *)user < 1;
}

static void stops_and_refuses(void **state)
{
	unsigned calls = 0;
	struct hin_store_question q = { .range = { .progress = stop_at_once, .user = &calls } };
	struct hin_store_answer a;

	(void)state;
	/* 16 blocks are needed before it is asked: this store may have fewer */
	assert_int_equal(hin_store_group(store, &q, &a, NULL), HIN_OK);
	assert_int_equal(a.effort.stopped, calls > 0);
	hin_store_answer_fini(&a);
	q = (struct hin_store_question){ .by_count = 5 };
	assert_int_equal(hin_store_group(store, &q, &a, NULL), HIN_EUSAGE);
	q = (struct hin_store_question){ .by = { 77 }, .by_count = 1 };
	assert_int_equal(hin_store_group(store, &q, &a, NULL), HIN_EUSAGE);
	q = (struct hin_store_question){ .distinct = true, .distinct_field = HIN_FIELD_TAGS };
	assert_int_equal(hin_store_group(store, &q, &a, NULL), HIN_EUSAGE);
	q = (struct hin_store_question){ .v4_len = 33 };
	assert_int_equal(hin_store_group(store, &q, &a, NULL), HIN_EUSAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_as_row_by_row),
		cmocka_unit_test(scans_what_matches),
		cmocka_unit_test(samples_when_memory_is_short),
		cmocka_unit_test(stops_and_refuses),
		cmocka_unit_test(groups_from_files_too),
	};

	return cmocka_run_group_tests(tests, make_store, drop_store);
}
