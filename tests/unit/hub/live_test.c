/* What comes in now: added up in bounded room, and free when nobody listens. */
#include "../test.h"

#include "hub/live.h"

static const uint8_t one[HIN_SENSOR_ID] = { 1 }, two[HIN_SENSOR_ID] = { 2 };

static struct hin_observation flow(uint32_t src, uint16_t dport, uint64_t packets)
{
	struct hin_observation o = {
		.kind = HIN_KIND_TELESCOPE_FLOW, .proto = 6, .dport = dport, .packets = packets
	};
	struct hin_addr a = hin_addr_of_v4(src);

	hin_observation_set_src(&o, &a);
	return o;
}

static void arcs_add_up(void **state)
{
	struct hin_live *live = hin_live_new();
	struct hin_live_look *look = calloc(1, sizeof(*look));
	struct hin_observation rows[] = { flow(1, 23, 2), flow(1, 23, 3), flow(2, 23, 9),
					  flow(1, 80, 1), flow(3, 23, 7), flow(4, 23, 0) };

	(void)state;
	assert_non_null(live);
	assert_non_null(look);
	rows[4].kind = HIN_KIND_TELESCOPE_SCAN; /* tells again what flows told */
	hin_live_take(live, rows, HIN_COUNT(rows), one);
	hin_live_look(live, look);
	assert_int_equal(look->rows, 0); /* nobody listened */
	hin_live_listen(live, true);
	hin_live_take(live, rows, HIN_COUNT(rows), one);
	hin_live_take(live, rows, 1, two);
	hin_live_look(live, look);
	assert_int_equal(look->rows, 5);
	assert_int_equal(look->packets, 17);
	assert_int_equal(look->left_out, 0);
	assert_int_equal(look->count, 4);
	assert_int_equal(look->arcs[0].packets, 9);
	assert_int_equal(look->arcs[1].packets, 5);
	assert_int_equal(look->arcs[1].dport, 23);
	assert_int_equal(look->sensor_count, 2);
	assert_int_equal(look->sensors[0].packets + look->sensors[1].packets, 17);
	hin_live_look(live, look);
	assert_int_equal(look->rows + look->count + look->sensor_count, 0);
	hin_live_take(live, rows, 1, one);
	hin_live_listen(live, false);
	hin_live_listen(live, true);
	hin_live_look(live, look);
	assert_int_equal(look->rows, 0); /* forgotten */
	hin_live_free(live);
	free(look);
}

/* More senders and sensors than there is room: counted, and all of them in the sums. */
static void room_is_bounded(void **state)
{
	struct hin_live *live = hin_live_new();
	struct hin_live_look *look = calloc(1, sizeof(*look));
	uint64_t in_arcs = 0;

	(void)state;
	assert_non_null(live);
	assert_non_null(look);
	hin_live_listen(live, true);
	for (uint32_t i = 0; i < 100000; i++) {
		struct hin_observation o = flow(i, 23, 1);
		uint8_t sensor[HIN_SENSOR_ID] = { (uint8_t)(i % 200), 7 };

		hin_live_take(live, &o, 1, sensor);
	}
	hin_live_look(live, look);
	assert_int_equal(look->rows, 100000);
	assert_int_equal(look->packets, 100000);
	assert_true(look->count <= HIN_LIVE_SLOTS && look->count > HIN_LIVE_SLOTS / 2);
	assert_int_equal(look->sensor_count, HIN_LIVE_SENSORS);
	for (size_t i = 0; i < look->count; i++)
		in_arcs += look->arcs[i].packets;
	assert_int_equal(in_arcs + look->left_out, 100000);
	hin_live_free(live);
	free(look);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arcs_add_up),
		cmocka_unit_test(room_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
