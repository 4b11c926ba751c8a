/*
 * Rows through ingest into analysis: a process that ends by kill -9 at the worst moments, a batch
 * that comes twice, a desk that fails. Each row counts once, in the desk and in the store.
 */
#include "../test.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "hub/ingest.h"
#include "observe/batch_writer.h"

#define NOW (INT64_C(1795333803) * 1000000000)

static char folder[64];
static struct hin_sensor_key hub_key, key;

static const struct hin_setting setting_rows[] = { HIN_ANALYSE_ROWS(0) };
static const struct hin_config_table table = { setting_rows, HIN_COUNT(setting_rows) };

struct hub {
	struct hin_desk *desk;
	struct hin_analyse_settings settings;
	struct hin_analyse *analyse;
	struct hin_sensors *sensors;
	struct hin_ingest *in;
};

/* When the process is to end. */
enum moment { NEVER, BEFORE_DESK, AFTER_DESK, AFTER_STORE };

static void end_found(void *user, const struct hin_rule *rule, int64_t finding, int64_t when_us)
{
	(void)rule;
	(void)finding;
	(void)when_us;
	if (*(enum moment *)user == BEFORE_DESK)
		kill(getpid(), SIGKILL);
}

static void end_changed(void *user)
{
	if (*(enum moment *)user == AFTER_DESK)
		kill(getpid(), SIGKILL);
}

static void check(enum hin_code code, const struct hin_error *err)
{
	if (code != HIN_OK)
		fail_msg("%s", err->text);
}

static void open_hub(struct hub *h, enum moment *when)
{
	struct hin_ingest_settings s = { .key = &hub_key };
	struct hin_analyse_open how = { .found = end_found, .changed = end_changed, .user = when };
	char store[96], desk[96];
	struct hin_error err = { 0 };

	*h = (struct hub){ 0 };
	snprintf(store, sizeof(store), "%s/store", folder);
	snprintf(desk, sizeof(desk), "%s/desk.db", folder);
	check(hin_desk_open(&h->desk, desk, HIN_DESK_CREATE, &err), &err);
	check(hin_config_init(&table, &h->settings, &err), &err);
	how.settings = &h->settings;
	how.desk = h->desk;
	check(hin_analyse_open(&h->analyse, &how, &err), &err);
	h->sensors = s.sensors = hin_sensors_new();
	s.store = store;
	s.analyse = h->analyse;
	check(hin_ingest_open(&h->in, &s, &err), &err);
}

static void close_hub(struct hub *h)
{
	hin_ingest_close(h->in);
	hin_analyse_close(h->analyse);
	hin_desk_close(h->desk);
	hin_sensors_free(h->sensors);
}

static int set_up(void **state)
{
	static const uint8_t seeds[2][32] = { { 1 }, { 2 } };

	(void)state;
	hin_log_setup(-1, HIN_LOG_ERROR);
	strcpy(folder, "/tmp/hinomi-once-XXXXXX");
	return mkdtemp(folder) != NULL &&
			       hin_sensor_key_of_seed(&hub_key, seeds[0], NULL) == HIN_OK &&
			       hin_sensor_key_of_seed(&key, seeds[1], NULL) == HIN_OK
		       ? 0
		       : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

/* A batch with one alert about a member, behind `*mark`. */
static struct hin_buffer make_long(struct hin_batch_mark *mark, uint64_t duration_us)
{
	struct hin_observation row = { .time_us = NOW / 1000 - 5000000,
				       .duration_us = duration_us,
				       .kind = HIN_KIND_TELESCOPE_MEMBER,
				       .packets = 1,
				       .proto = 6,
				       .dport = 23,
				       .tool = HIN_TOOLS_MIRAI,
				       .rule = HIN_RULE_MEMBER_DARK };
	struct hin_addr a = hin_addr_of_v4(0xc0000207);
	struct hin_batch_writer *writer = NULL;
	struct hin_buffer out = { 0 };
	const uint8_t *bytes;
	size_t size;

	hin_observation_set_src(&row, &a);
	assert_int_equal(hin_batch_writer_open(&writer, &key, mark, 10, NULL), HIN_OK);
	assert_int_equal(hin_batch_writer_add(writer, &row, NULL), HIN_OK);
	assert_int_equal(hin_batch_writer_finish(writer, &bytes, &size, NULL), HIN_OK);
	hin_buffer_add(&out, bytes, size);
	*mark = *hin_batch_writer_mark(writer);
	hin_batch_writer_close(writer);
	return out;
}

static struct hin_buffer make(struct hin_batch_mark *mark)
{
	return make_long(mark, 0);
}

static enum hin_carried hand_in(struct hub *h, const struct hin_buffer *batch)
{
	struct hin_ingest_sender sender = { 0 };
	char reason[HIN_CARRIER_REASON];

	memcpy(sender.id, key.id, sizeof(key.id));
	memcpy(sender.public_key, key.public_key, sizeof(key.public_key));
	return hin_ingest_batch(h->in, &sender, batch->data, batch->used, NOW, reason);
}

static int64_t number(struct hub *h, const char *sql)
{
	struct hin_error err = { 0 };
	int64_t n = -1;

	check(hin_desk_number(h->desk, &n, &err, sql, ""), &err);
	return n;
}

/* A hub that ends at a moment while it takes the batch. */
static void take_and_die(const struct hin_buffer *batch, enum moment when)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct hub h;

		open_hub(&h, &when);
		if (hand_in(&h, batch) == HIN_CARRIED_STORED)
			(void)!hin_ingest_commit(h.in, NULL);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void a_killed_hub_counts_once(void **state)
{
	static const struct {
		enum moment when;
		enum hin_carried again;
	} cases[] = {
		{ BEFORE_DESK, HIN_CARRIED_STORED },
		{ AFTER_DESK, HIN_CARRIED_STORED },
		{ AFTER_STORE, HIN_CARRIED_REPEAT },
	};
	struct hin_batch_mark mark = { .epoch = 11 };
	enum moment never = NEVER;
	struct hub h;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_buffer batch = make(&mark);

		take_and_die(&batch, cases[i].when);
		open_hub(&h, &never);
		assert_int_equal(hand_in(&h, &batch), cases[i].again);
		assert_int_equal(hin_ingest_commit(h.in, NULL), HIN_OK);
		assert_int_equal(hand_in(&h, &batch), HIN_CARRIED_REPEAT);
		assert_int_equal(hin_ingest_commit(h.in, NULL), HIN_OK);
		assert_int_equal(number(&h, "SELECT sum(observations) FROM finding"), i + 1);
		assert_int_equal(number(&h, "SELECT count(*) FROM case_"), 1);
		assert_int_equal(number(&h, "SELECT count(*) FROM act"), 1);
		assert_int_equal(hin_ingest_mark(h.in, key.id).sequence, i + 1);
		close_hub(&h);
		hin_buffer_fini(&batch);
	}
}

/* Two ends in a row: the batch is in the desk, was sent again, and lost again. */
static void a_hub_killed_twice_counts_once(void **state)
{
	struct hin_batch_mark mark = { .epoch = 12 };
	struct hin_buffer first = make(&mark), second = make(&mark);
	enum moment never = NEVER;
	struct hub h;

	(void)state;
	take_and_die(&first, AFTER_DESK);
	take_and_die(&first, AFTER_DESK); /* nothing is new to the desk: it ends after the store */
	take_and_die(&second, AFTER_DESK);
	open_hub(&h, &never);
	(void)hand_in(&h, &first);
	assert_int_equal(hand_in(&h, &second), HIN_CARRIED_STORED);
	assert_int_equal(hin_ingest_commit(h.in, NULL), HIN_OK);
	assert_int_equal(number(&h, "SELECT sum(observations) FROM finding"), 2);
	close_hub(&h);
	hin_buffer_fini(&first);
	hin_buffer_fini(&second);
}

static void a_failing_desk_keeps_the_sensor_waiting(void **state)
{
	struct hin_batch_mark mark = { .epoch = 13 };
	struct hin_buffer batch = make(&mark);
	enum moment never = NEVER;
	struct hin_error why = { 0 };
	struct hub h;

	(void)state;
	open_hub(&h, &never);
	check(hin_desk_run(h.desk, &why,
			   "CREATE TRIGGER broken BEFORE INSERT ON finding BEGIN SELECT "
			   "broken(); END",
			   ""),
	      &why);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(hand_in(&h, &batch), HIN_CARRIED_STORED); /* not yet durable */
		assert_int_not_equal(hin_ingest_commit(h.in, &why), HIN_OK);
		assert_int_equal(hand_in(&h, &batch), HIN_CARRIED_LATER);
		assert_int_not_equal(hin_ingest_commit(h.in, NULL) == HIN_OK &&
					     hin_ingest_mark(h.in, key.id).sequence > 0,
				     true);
	}
	check(hin_desk_run(h.desk, &why, "DROP TRIGGER broken", ""), &why);
	assert_int_equal(hin_ingest_commit(h.in, NULL), HIN_OK);
	assert_int_equal(hand_in(&h, &batch), HIN_CARRIED_STORED);
	assert_int_equal(hin_ingest_commit(h.in, NULL), HIN_OK);
	assert_int_equal(number(&h, "SELECT sum(observations) FROM finding"), 1);
	close_hub(&h);
	hin_buffer_fini(&batch);
}

/* A row that lasts for years ends when the hub's clock and what it allows for end. */
static void nothing_is_seen_in_times_to_come(void **state)
{
	struct hin_batch_mark mark = { .epoch = 14 };
	struct hin_buffer batch = make_long(&mark, UINT64_C(3650) * 86400000000);
	enum moment never = NEVER;
	struct hub h;

	(void)state;
	open_hub(&h, &never);
	assert_int_equal(hand_in(&h, &batch), HIN_CARRIED_STORED);
	assert_int_equal(hin_ingest_commit(h.in, NULL), HIN_OK);
	assert_int_equal(number(&h, "SELECT last_us FROM finding"),
			 NOW / 1000 + INT64_C(86400000000));
	close_hub(&h);
	hin_buffer_fini(&batch);
}

/* What the hub says itself is analysed too. */
static void a_silent_sensor_is_a_finding(void **state)
{
	struct hin_observation row = { .time_us = NOW / 1000,
				       .kind = HIN_KIND_ROAD_SILENT,
				       .device = { 9 },
				       .device_basis = HIN_DEVICE_BASIS_SENSOR_KEY };
	enum moment never = NEVER;
	struct hub h;

	(void)state;
	open_hub(&h, &never);
	hin_ingest_tell(h.in, &row);
	assert_true(hin_ingest_has_told(h.in));
	assert_int_equal(hin_ingest_commit(h.in, NULL), HIN_OK);
	assert_false(hin_ingest_has_told(h.in));
	assert_int_equal(number(&h, "SELECT count(*) FROM finding WHERE kind = 'silent-sensor'"),
			 1);
	assert_int_equal(number(&h, "SELECT count(*) FROM case_"), 1);
	close_hub(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_killed_hub_counts_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_hub_killed_twice_counts_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_failing_desk_keeps_the_sensor_waiting, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_seen_in_times_to_come, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_silent_sensor_is_a_finding, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
