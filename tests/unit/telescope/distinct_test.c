/* distinct_test - exact while few, within two per cent beyond, honest when memory ends. */
#include <math.h>
#include <stdio.h>

#include "telescope/distinct.h"
#include "../test.h"
#include "../random.h"

static struct hin_distinct_pool *pool_new(struct hin_distinct_pool *pool, size_t size)
{
	struct hin_distinct_pool *pools[] = { pool };

	assert_int_equal(hin_distinct_init_family(pools, 1, size, NULL), HIN_OK);
	return pool;
}

static void pool_free(struct hin_distinct_pool *pool)
{
	struct hin_distinct_pool *pools[] = { pool };

	hin_distinct_fini_family(pools, 1);
}

/* How telescopes meet addresses: at random, one after the other, or by a scanner's stride. */
enum order { RANDOM, IN_TURN, BY_STRIDE, ORDERS };

static uint32_t address(enum order order, uint32_t start, uint32_t n)
{
	uint64_t seed;

	switch (order) {
	case RANDOM: /* a bijection, so that n members are n addresses */
		n ^= start;
		n *= 0x9e3779b1u;
		n ^= n >> 15;
		n *= 0x85ebca77u;
		return n ^ n >> 13;
	case IN_TURN:
		return start + n;
	default:
		seed = start;
		return start + n * (uint32_t)(random_next(&seed) | 1);
	}
}

static uint32_t hash(uint32_t a)
{
	struct hin_addr addr = hin_addr_of_v4(a);

	return hin_distinct_hash_addr(&addr);
}

static void exact_while_few(void **state)
{
	struct hin_distinct_pool pool;

	(void)state;
	pool_new(&pool, 1 << 20);
	for (unsigned trial = 0; trial < 30; trial++) {
		uint32_t start = trial * 0x01234567u;
		enum order order = (enum order)(trial % ORDERS);
		struct hin_distinct d = { 0 };

		for (uint32_t n = 0; n < HIN_DISTINCT_EXACT; n++) {
			uint32_t member = hash(address(order, start, n));

			assert_false(hin_distinct_has(&pool, &d, member));
			assert_true(hin_distinct_add(&pool, &d, member));
			assert_false(hin_distinct_add(&pool, &d, member));
			assert_true(hin_distinct_has(&pool, &d, member));
			assert_int_equal(hin_distinct_count(&pool, &d), n + 1);
			assert_true(hin_distinct_exact(&d));
		}
		for (uint32_t n = 0; n < HIN_DISTINCT_EXACT; n++) {
			assert_true(hin_distinct_has(&pool, &d, hash(address(order, start, n))));
			assert_false(hin_distinct_has(
				&pool, &d, hash(address(order, start, n + HIN_DISTINCT_EXACT))));
		}
		(void)hin_distinct_add(&pool, &d,
				       hash(address(order, start, HIN_DISTINCT_EXACT + 1)));
		assert_false(hin_distinct_exact(&d));
		hin_distinct_clear(&pool, &d);
		assert_int_equal(hin_distinct_count(&pool, &d), 0);
	}
	assert_int_equal(pool.degraded, 0);
	pool_free(&pool);
}

/* For IPv4 no two addresses may share a hash, so that exact means exact. */
static void hash_is_a_bijection(void **state)
{
	uint8_t *seen = calloc(1, (size_t)1 << 29);
	uint32_t a = 0;

	(void)state;
	assert_non_null(seen);
	for (unsigned step = 0; step < 1u << 24; step++) { /* a sixteenth of a cycle of all */
		uint32_t h;

		a = a * 1664525u + 1013904223u; /* visits each address once */
		h = hash(a);
		assert_false(seen[h >> 3] >> (h & 7) & 1);
		seen[h >> 3] |= (uint8_t)(1u << (h & 7));
	}
	free(seen);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void within_two_per_cent(void **state)
{
	static const struct {
		uint32_t members;
		unsigned trials;
	} cases[] = {
		{ 3073, 200 }, { 5000, 300 }, { 50000, 120 }, { 500000, 40 }, { 5000000, 8 }
	};
	struct hin_distinct_pool pool;

	(void)state;
	pool_new(&pool, 1 << 20);
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		double errors[300], bias = 0;
		unsigned p95 = cases[i].trials * 95 / 100;

		for (unsigned trial = 0; trial < cases[i].trials; trial++) {
			struct hin_distinct d = { 0 };
			uint32_t start = (uint32_t)(i * 1000 + trial) * 0x9e3779b1u;

			for (uint32_t n = 0; n < cases[i].members; n++)
				(void)hin_distinct_add(
					&pool, &d,
					hash(address((enum order)(trial % ORDERS), start, n)));
			errors[trial] =
				(double)hin_distinct_count(&pool, &d) / cases[i].members - 1;
			bias += errors[trial] / cases[i].trials;
			errors[trial] = fabs(errors[trial]);
			hin_distinct_clear(&pool, &d);
		}
		qsort(errors, cases[i].trials, sizeof(errors[0]), by_value);
		if (errors[p95] > 0.02 || fabs(bias) > 0.005)
			fail_msg("%u members: p95 %.2f %%, bias %.2f %%", cases[i].members,
				 100 * errors[p95], 100 * bias);
	}
	pool_free(&pool);
}

/* Beyond the exact range no member is denied, and who is none mostly is, as long as it is not full.
 */
static void members_are_never_denied(void **state)
{
	struct hin_distinct_pool pool;
	struct hin_distinct d = { 0 };
	unsigned taken = 0;

	(void)state;
	pool_new(&pool, 1 << 20);
	for (uint32_t n = 0; n < 5000; n++)
		(void)hin_distinct_add(&pool, &d, hash(address(RANDOM, 77, n)));
	for (uint32_t n = 0; n < 5000; n++)
		assert_true(hin_distinct_has(&pool, &d, hash(address(RANDOM, 77, n))));
	for (uint32_t n = 5000; n < 10000; n++)
		taken += hin_distinct_has(&pool, &d, hash(address(RANDOM, 77, n)));
	assert_true(taken < 1500);
	pool_free(&pool);
}

/* Every member of two, in whatever order and however often, gives the same sketch. */
static void order_does_not_matter(void **state)
{
	struct hin_distinct_pool pool;
	struct hin_distinct up = { 0 }, down = { 0 };

	(void)state;
	pool_new(&pool, 1 << 20);
	for (uint32_t n = 0; n < 20000; n++) {
		(void)hin_distinct_add(&pool, &up, hash(n));
		(void)hin_distinct_add(&pool, &down, hash(19999 - n));
		(void)hin_distinct_add(&pool, &up, hash(n / 2));
	}
	assert_int_equal(hin_distinct_count(&pool, &up), hin_distinct_count(&pool, &down));
	pool_free(&pool);
}

/*
 * The pool is used up: a set becomes a sketch of its own size, with the error of that size, and a
 * single member stays a lower bound. Nothing is written outside (ASan), the loss is counted.
 */
static void used_up_pool_stays_honest(void **state)
{
	enum { COUNTERS = 4000, MEMBERS = 30000 };
	static struct hin_distinct d[COUNTERS];
	unsigned sketches = 0, bad = 0;
	struct hin_distinct_pool pool;

	(void)state;
	memset(d, 0, sizeof(d));
	pool_new(&pool, HIN_POOL_CHUNK);
	for (uint32_t n = 0; n < 40; n++) /* all grow together until nothing is left */
		for (uint32_t i = 0; i < COUNTERS; i++)
			(void)hin_distinct_add(&pool, &d[i], hash(i << 16 | n));
	assert_true(pool.degraded > 0);
	assert_true(pool.used <= pool.size);
	for (uint32_t i = 0; i < COUNTERS; i += 101) {
		double size = 16u << (d[i].handle & HIN_HANDLE_CLASS), error;

		if (d[i].handle <= 1) {
			assert_int_equal(hin_distinct_count(&pool, &d[i]), 1);
			continue;
		}
		for (uint32_t n = 0; n < MEMBERS; n++)
			(void)hin_distinct_add(&pool, &d[i], hash(i << 16 | n));
		assert_false(hin_distinct_exact(&d[i]));
		error = fabs((double)hin_distinct_count(&pool, &d[i]) / MEMBERS - 1);
		sketches++;
		bad += error > 2 * 1.04 / sqrt(size);
	}
	assert_true(sketches >= 10);
	if (bad * 10 > sketches) /* two deviations: one in twenty */
		fail_msg("%u of %u are beyond two deviations", bad, sketches);
	pool_free(&pool);
}

/* Eight at a time, repeats among them, is the same as one by one; so is the look ahead. */
static void together_or_one_by_one(void **state)
{
	static const uint32_t ranges[] = { 1, 3, 9, 40, 700, 20000 };
	struct hin_distinct_pool pool;

	(void)state;
	pool_new(&pool, 8 << 20);
	for (size_t i = 0; i < HIN_COUNT(ranges); i++) {
		struct hin_distinct one = { 0 }, all = { 0 };
		uint64_t seed = 7 + i;

		for (unsigned round = 0; round < 900; round++) {
			uint32_t some[HIN_DISTINCT_TOGETHER];
			unsigned count = (unsigned)(random_next(&seed) % (HIN_COUNT(some) + 1));
			bool exact = hin_distinct_exact(&all);
			uint64_t want;

			for (unsigned k = 0; k < count; k++) {
				some[k] = hash((uint32_t)(random_next(&seed) % ranges[i]));
				(void)hin_distinct_add(&pool, &one, some[k]);
			}
			want = hin_distinct_count_with(&pool, &all, some, count);
			hin_distinct_add_all(&pool, &all, some, count);
			if (hin_distinct_exact(&all) == exact) /* else it went over to a sketch */
				assert_int_equal(hin_distinct_count(&pool, &all), want);
			if (hin_distinct_exact(&one))
				assert_int_equal(want, hin_distinct_count(&pool, &one));
			for (unsigned k = 0; k < count; k++)
				assert_true(hin_distinct_has(&pool, &all, some[k]));
		}
		assert_int_equal(hin_distinct_exact(&one), hin_distinct_exact(&all));
		assert_int_equal(hin_distinct_count(&pool, &one), hin_distinct_count(&pool, &all));
		hin_distinct_clear(&pool, &one);
		hin_distinct_clear(&pool, &all);
	}
	assert_int_equal(pool.degraded, 0);
	pool_free(&pool);
}

/* A pool too small for what comes together: a lower bound, counted, nothing written beyond. */
static void together_without_room(void **state)
{
	struct hin_distinct_pool pool;
	struct hin_distinct many[40] = { 0 };
	uint64_t total = 0;

	(void)state;
	pool_new(&pool, HIN_POOL_CHUNK);
	for (uint32_t round = 0; round < 500; round++)
		for (size_t i = 0; i < HIN_COUNT(many); i++) {
			uint32_t some[HIN_DISTINCT_TOGETHER];

			for (uint32_t k = 0; k < HIN_COUNT(some); k++)
				some[k] = hash(round * 8 + k);
			hin_distinct_add_all(&pool, &many[i], some, HIN_COUNT(some));
		}
	assert_true(pool.degraded > 0);
	for (size_t i = 0; i < HIN_COUNT(many); i++)
		total += hin_distinct_count(&pool, &many[i]);
	assert_in_range(total, 40 * 1000, 40 * 8000);
	pool_free(&pool);
}

static void copies_and_reuse(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 2, 4, 5, 12, 13, 100, 3072, 3073, 20000 };
	struct hin_distinct_pool pool;
	size_t used = 0;

	(void)state;
	pool_new(&pool, 1 << 20);
	for (unsigned round = 0; round < 3; round++) {
		for (size_t i = 0; i < HIN_COUNT(sizes); i++) {
			struct hin_distinct one = { 0 }, copy = { 0 };
			uint64_t count;

			for (uint32_t n = 0; n < sizes[i]; n++)
				(void)hin_distinct_add(&pool, &one, hash(n));
			count = hin_distinct_count(&pool, &one);
			hin_distinct_copy(&pool, &copy, &one);
			assert_int_equal(hin_distinct_count(&pool, &copy), count);
			assert_int_equal(hin_distinct_exact(&copy), hin_distinct_exact(&one));
			for (uint32_t n = 0; n < 5000; n++) /* the copy is its own */
				(void)hin_distinct_add(&pool, &copy, hash(1000000 + n));
			assert_int_equal(hin_distinct_count(&pool, &one), count);
			hin_distinct_clear(&pool, &one);
			hin_distinct_clear(&pool, &copy);
		}
		if (round == 0)
			used = pool.used;
	}
	assert_int_equal(pool.used, used); /* what was given back is used again */
	assert_int_equal(pool.degraded, 0);
	pool_free(&pool);
}

/* Pools of a family lie in turns in one region and must not touch each other. */
static void families_keep_apart(void **state)
{
	enum { POOLS = 3, COUNTERS = 60 };
	struct hin_distinct_pool pools[POOLS], *list[POOLS];
	static struct hin_distinct d[POOLS][COUNTERS];

	(void)state;
	memset(d, 0, sizeof(d));
	for (unsigned i = 0; i < POOLS; i++)
		list[i] = &pools[i];
	assert_int_equal(hin_distinct_init_family(list, POOLS, 2 << 20, NULL), HIN_OK);
	for (uint32_t n = 0; n < 3000; n++)
		for (unsigned i = 0; i < POOLS; i++)
			for (unsigned k = 0; k < COUNTERS; k++)
				if (n < 50 * (k + 1))
					(void)hin_distinct_add(&pools[i], &d[i][k],
							       hash(n * 7 + i));
	for (unsigned i = 0; i < POOLS; i++)
		for (unsigned k = 0; k < COUNTERS; k++)
			assert_int_equal(hin_distinct_count(&pools[i], &d[i][k]), 50 * (k + 1));
	hin_distinct_fini_family(list, POOLS);
	hin_distinct_fini_family(list, POOLS); /* twice is fine */
}

/* IPv6 has more addresses than hashes: few must still be told apart. */
static void ipv6_members(void **state)
{
	struct hin_distinct_pool pool;
	struct hin_distinct hosts = { 0 }, networks = { 0 };

	(void)state;
	pool_new(&pool, 1 << 20);
	for (uint32_t n = 0; n < 3000; n++) {
		struct hin_addr a = { { 0x20, 1, 0x0d, 0xb8 } };

		a.b[15] = (uint8_t)n;
		a.b[14] = (uint8_t)(n >> 8);
		(void)hin_distinct_add(&pool, &hosts, hin_distinct_hash_addr(&a));
		a = (struct hin_addr){ { 0x20, 1, 0x0d, 0xb8, [15] = 1 } };
		a.b[5] = (uint8_t)n;
		a.b[4] = (uint8_t)(n >> 8);
		(void)hin_distinct_add(&pool, &networks, hin_distinct_hash_addr(&a));
	}
	assert_in_range(hin_distinct_count(&pool, &hosts), 2998, 3000);
	assert_in_range(hin_distinct_count(&pool, &networks), 2998, 3000);
	pool_free(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_while_few),
		cmocka_unit_test(hash_is_a_bijection),
		cmocka_unit_test(within_two_per_cent),
		cmocka_unit_test(members_are_never_denied),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(used_up_pool_stays_honest),
		cmocka_unit_test(together_or_one_by_one),
		cmocka_unit_test(together_without_room),
		cmocka_unit_test(copies_and_reuse),
		cmocka_unit_test(families_keep_apart),
		cmocka_unit_test(ipv6_members),
	};

	return cmocka_run_group_tests_name("distinct", tests, NULL, NULL);
}
