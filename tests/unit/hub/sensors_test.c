#include "../test.h"

#include <pthread.h>

#include "../random.h"
#include "hub/sensors.h"

static void make_id(uint8_t id[HIN_SENSOR_ID], uint64_t number)
{
	uint64_t seed = number, word = random_next(&seed);

	memset(id, 0, HIN_SENSOR_ID);
	memcpy(id, &word, sizeof(word));
	memcpy(id + 8, &number, sizeof(number));
}

static void add_rows(struct hin_sensor_state *state, void *user)
{
	state->rows += *(uint64_t *)user;
}

static bool sum_rows(void *user, const struct hin_sensor_state *state)
{
	*(uint64_t *)user += state->rows;
	return true;
}

static bool stop_soon(void *user, const struct hin_sensor_state *state)
{
	(void)state;
	return ++*(uint64_t *)user < 3;
}

static void keeps_each(void **state)
{
	struct hin_sensors *s = hin_sensors_new();
	struct hin_sensor_state copy;
	uint8_t id[HIN_SENSOR_ID];
	uint64_t sum = 0;

	(void)state;
	for (uint64_t round = 0; round < 2; round++)
		for (uint64_t i = 0; i < 5000; i++) {
			make_id(id, i);
			assert_true(hin_sensors_change(s, id, add_rows, &i));
		}
	assert_int_equal(hin_sensors_count(s), 5000);
	for (uint64_t i = 0; i < 5000; i++) {
		make_id(id, i);
		assert_true(hin_sensors_get(s, id, &copy));
		assert_int_equal(copy.rows, 2 * i);
		assert_memory_equal(copy.id, id, sizeof(id));
	}
	make_id(id, 5000);
	assert_false(hin_sensors_get(s, id, &copy));
	hin_sensors_each(s, sum_rows, &sum);
	assert_int_equal(sum, 4999 * 5000);
	sum = 0;
	hin_sensors_each(s, stop_soon, &sum);
	assert_int_equal(sum, 3);
	hin_sensors_free(s);
}

static void has_a_limit(void **state)
{
	struct hin_sensors *s = hin_sensors_new();
	struct hin_sensor_state copy;
	uint8_t id[HIN_SENSOR_ID];
	uint64_t one = 1;

	(void)state;
	for (uint64_t i = 0; i < HIN_SENSORS_MAX; i++) {
		make_id(id, i);
		assert_true(hin_sensors_change(s, id, add_rows, &one));
	}
	make_id(id, HIN_SENSORS_MAX);
	assert_false(hin_sensors_change(s, id, add_rows, &one));
	assert_false(hin_sensors_get(s, id, &copy));
	make_id(id, 77);
	assert_true(hin_sensors_change(s, id, add_rows, &one)); /* those that are there go on */
	assert_true(hin_sensors_get(s, id, &copy));
	assert_int_equal(copy.rows, 2);
	hin_sensors_free(s);
}

static void set_heard(struct hin_sensor_state *state, void *user)
{
	state->heard_ns = *(int64_t *)user;
}

static void revoke(struct hin_sensor_state *state, void *user)
{
	(void)user;
	state->revoked = true;
}

static void finds_the_silent_once(void **state)
{
	struct hin_sensors *s = hin_sensors_new();
	struct hin_sensor_state copy;
	uint8_t id[HIN_SENSOR_ID];

	(void)state;
	for (int64_t i = 0; i < 10; i++) { /* the first never spoke */
		make_id(id, (uint64_t)i);
		assert_true(hin_sensors_change(s, id, set_heard, &i));
	}
	make_id(id, 3);
	assert_true(hin_sensors_change(s, id, revoke, NULL));
	for (int64_t want = 1; want < 6; want++) {
		if (want == 3)
			continue;
		assert_true(hin_sensors_find_silent(s, 6, &copy));
		assert_int_equal(copy.heard_ns, want);
		assert_true(copy.silent);
	}
	assert_false(hin_sensors_find_silent(s, 6, &copy));
	hin_sensors_free(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_each),
		cmocka_unit_test(has_a_limit),
		cmocka_unit_test(finds_the_silent_once),
	};

	return cmocka_run_group_tests_name("sensors", tests, NULL, NULL);
}
