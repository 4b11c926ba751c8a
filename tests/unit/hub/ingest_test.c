#include "../test.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../random.h"
#include "base/log.h"
#include "hub/ingest.h"
#include "observe/batch_writer.h"

#define NOW (INT64_C(1795333803) * 1000000000)

static char folder[] = "/tmp/hinomi-ingest-XXXXXX";
static struct hin_sensor_key hub_key, key, other_key;

struct fixture {
	struct hin_sensors *sensors;
	struct hin_ingest *in;
	struct hin_batch_mark mark; /* where the sensor's chain stands */
	char reason[HIN_CARRIER_REASON];
};

static void open_hub(struct fixture *f)
{
	struct hin_ingest_settings settings = { .store = folder, .key = &hub_key };
	struct hin_error err = { 0 };

	f->sensors = settings.sensors = hin_sensors_new();
	if (hin_ingest_open(&f->in, &settings, &err) != HIN_OK)
		fail_msg("%s", err.text);
}

static void close_hub(struct fixture *f)
{
	hin_ingest_close(f->in);
	hin_sensors_free(f->sensors);
}

static int set_up(void **state)
{
	static struct fixture f;

	hin_log_setup(-1, HIN_LOG_ERROR);
	f = (struct fixture){ .mark = { .epoch = 11 } };
	open_hub(&f);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	char command[PATH_MAX];

	close_hub(*state);
	snprintf(command, sizeof(command), "rm -rf %s/*", folder);
	return system(command);
}

static int begin(void **state)
{
	static const uint8_t seeds[3][32] = { { 1 }, { 2 }, { 3 } };

	(void)state;
	return mkdtemp(folder) != NULL &&
			       hin_sensor_key_of_seed(&hub_key, seeds[0], NULL) == HIN_OK &&
			       hin_sensor_key_of_seed(&key, seeds[1], NULL) == HIN_OK &&
			       hin_sensor_key_of_seed(&other_key, seeds[2], NULL) == HIN_OK
		       ? 0
		       : -1;
}

static int end(void **state)
{
	(void)state;
	return rmdir(folder);
}

/* A batch behind `*mark`, which moves to it. */
static struct hin_buffer make(struct hin_batch_mark *mark, const struct hin_observation *rows,
			      size_t count, const struct hin_sensor_key *by, uint8_t clock_state)
{
	struct hin_batch_writer *writer = NULL;
	struct hin_buffer out = { 0 };
	const uint8_t *bytes;
	size_t size;

	assert_int_equal(hin_batch_writer_open(&writer, by, mark, 100, NULL), HIN_OK);
	hin_batch_writer_set_clock(writer, -250, clock_state);
	hin_batch_writer_set_dark(writer, 4096);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(hin_batch_writer_add(writer, &rows[i], NULL), HIN_OK);
	assert_int_equal(hin_batch_writer_finish(writer, &bytes, &size, NULL), HIN_OK);
	hin_buffer_add(&out, bytes, size);
	*mark = *hin_batch_writer_mark(writer);
	hin_batch_writer_close(writer);
	return out;
}

static const struct hin_observation flow = {
	.time_us = NOW / 1000 - 5000000, .kind = HIN_KIND_TELESCOPE_FLOW, .proto = 6, .packets = 1
};

static struct hin_buffer next(struct fixture *f, size_t rows)
{
	struct hin_observation list[100];

	for (size_t i = 0; i < rows; i++)
		list[i] = flow;
	return make(&f->mark, list, rows, &key, HIN_CLOCK_STATE_FREE);
}

/* Hand a batch in, as the sensor of `key` that knows of `known`. */
static enum hin_carried hand_in(struct fixture *f, const struct hin_buffer *batch,
				struct hin_spool_place known)
{
	struct hin_ingest_sender sender = { .known = known };

	memcpy(sender.id, key.id, sizeof(key.id));
	memcpy(sender.public_key, key.public_key, sizeof(key.public_key));
	return hin_ingest_batch(f->in, &sender, batch->data, batch->used, NOW, f->reason);
}

static enum hin_carried hand_over(struct fixture *f, struct hin_buffer batch)
{
	enum hin_carried verdict = hand_in(f, &batch, (struct hin_spool_place){ 0 });

	hin_buffer_fini(&batch);
	return verdict;
}

static uint64_t committed(struct fixture *f)
{
	assert_int_equal(hin_ingest_commit(f->in, NULL), HIN_OK);
	return hin_ingest_mark(f->in, key.id).sequence;
}

/* Rows of a kind in the store, and the sum of their packets. */
struct tally {
	uint16_t kind;
	uint64_t rows, packets;
};

static enum hin_code count_rows(void *user, const struct hin_store_rows *rows,
				struct hin_error *err)
{
	struct tally *t = user;

	(void)err;
	for (size_t i = 0; i < rows->count; i++)
		if (rows->rows[i].kind == t->kind) {
			t->rows++;
			t->packets += rows->rows[i].packets;
		}
	return HIN_OK;
}

static uint64_t stored(struct fixture *f, uint16_t kind, uint64_t *packets)
{
	struct tally t = { .kind = kind };
	struct hin_store *reader = NULL;
	struct hin_store_range all = { 0 };
	struct hin_error err;

	(void)f;
	if (hin_store_open(&reader, folder, HIN_STORE_READ, NULL, &err) != HIN_OK ||
	    hin_store_scan(reader, &all, UINT64_MAX, 0, count_rows, &t, NULL, &err) != HIN_OK)
		fail_msg("%s", err.text);
	if (packets != NULL)
		*packets = t.packets;
	hin_store_close(reader);
	return t.rows;
}

static void chains(void **state)
{
	struct fixture *f = *state;
	struct hin_sensor_state s;
	struct hin_buffer kept;

	assert_int_equal(committed(f), 0);
	assert_int_equal(hand_over(f, next(f, 3)), HIN_CARRIED_STORED);
	kept = next(f, 2);
	assert_int_equal(hand_in(f, &kept, (struct hin_spool_place){ 0 }), HIN_CARRIED_STORED);
	assert_int_equal(hin_ingest_mark(f->in, key.id).sequence,
			 0); /* nothing before its commit */
	assert_int_equal(committed(f), 2);
	assert_int_equal(hand_in(f, &kept, (struct hin_spool_place){ 0 }), HIN_CARRIED_REPEAT);
	hin_buffer_fini(&kept);
	assert_true(hin_sensors_get(f->sensors, key.id, &s));
	assert_int_equal(s.batches, 2);
	assert_int_equal(s.rows, 5);
	assert_int_equal(s.repeats, 1);
	assert_int_equal(s.clock_offset_us, -250);
	assert_int_equal(s.lag_us, 5000000);
	assert_int_equal(s.dark_addresses, 4096);
	close_hub(f);
	open_hub(f); /* and after a restart */
	assert_int_equal(hin_ingest_mark(f->in, key.id).sequence, 2);
	assert_true(hin_sensors_get(f->sensors, key.id, &s));
	assert_int_equal(s.rows, 5);
	assert_int_equal(hand_over(f, next(f, 1)), HIN_CARRIED_STORED);
	assert_int_equal(committed(f), 3);
	assert_int_equal(stored(f, HIN_KIND_TELESCOPE_FLOW, NULL), 6);
}

static void tells_gaps_and_their_end(void **state)
{
	struct fixture *f = *state;
	struct hin_sensor_state s;
	struct hin_buffer lost[3];
	uint64_t packets;

	assert_int_equal(hand_over(f, next(f, 1)), HIN_CARRIED_STORED);
	for (size_t i = 0; i < HIN_COUNT(lost); i++)
		lost[i] = next(f, 1);
	struct hin_buffer after = next(f, 1);

	/* the sensor was told of 3: it may have 2 and 3 still */
	assert_int_equal(hand_in(f, &after, (struct hin_spool_place){ 11, 3 }), HIN_CARRIED_EARLY);
	assert_non_null(strstr(f->reason, "2 and later"));
	/* it was told of 1, and has nothing between */
	assert_int_equal(hand_in(f, &after, (struct hin_spool_place){ 11, 1 }), HIN_CARRIED_STORED);
	hin_buffer_fini(&after);
	assert_int_equal(committed(f), 5);
	assert_int_equal(stored(f, HIN_KIND_ROAD_GAP, &packets), 1);
	assert_int_equal(packets, 3);
	assert_true(hin_sensors_get(f->sensors, key.id, &s));
	assert_int_equal(s.missing, 3);
	close_hub(f);
	open_hub(f);
	assert_true(hin_sensors_get(f->sensors, key.id, &s));
	assert_int_equal(s.missing, 3);
	assert_int_equal(hand_in(f, &lost[1], (struct hin_spool_place){ 11, 1 }),
			 HIN_CARRIED_STORED);
	assert_int_equal(hand_in(f, &lost[1], (struct hin_spool_place){ 11, 1 }),
			 HIN_CARRIED_REPEAT);
	assert_int_equal(committed(f), 5);
	assert_int_equal(stored(f, HIN_KIND_ROAD_FILLED, NULL), 1);
	assert_true(hin_sensors_get(f->sensors, key.id, &s));
	assert_int_equal(s.missing, 2);
	assert_int_equal(s.filled, 1);
	for (size_t i = 0; i < HIN_COUNT(lost); i++)
		hin_buffer_fini(&lost[i]);
}

static void epochs_end(void **state)
{
	struct fixture *f = *state;
	struct hin_batch_mark old;
	struct hin_buffer first;

	first = next(f, 1);
	assert_int_equal(hand_in(f, &first, (struct hin_spool_place){ 0 }), HIN_CARRIED_STORED);
	old = f->mark;
	f->mark = (struct hin_batch_mark){ .epoch = 5 };
	assert_int_equal(hand_over(f, next(f, 1)), HIN_CARRIED_STORED);
	assert_int_equal(hand_over(f, next(f, 1)), HIN_CARRIED_STORED);
	assert_int_equal(committed(f), 2);
	assert_int_equal(hand_in(f, &first, (struct hin_spool_place){ 0 }), HIN_CARRIED_REPEAT);
	hin_buffer_fini(&first);
	f->mark = old;
	assert_int_equal(hand_over(f, next(f, 1)), HIN_CARRIED_REFUSED);
	assert_int_equal(hin_ingest_count(f->in)->refused[HIN_INGEST_rolled_back], 1);
	assert_int_equal(committed(f), 2);
	f->mark = (struct hin_batch_mark){ .epoch = 6, .sequence = 4, .digest = { 1 } };
	assert_int_equal(hand_over(f, next(f, 1)), HIN_CARRIED_STORED); /* four are missing */
	assert_int_equal(committed(f), 5);
	assert_int_equal(stored(f, HIN_KIND_ROAD_GAP, NULL), 1);
}

static void an_empty_hub_asks_for_all(void **state)
{
	struct fixture *f = *state;
	struct hin_buffer batch;

	f->mark = (struct hin_batch_mark){ .epoch = 11, .sequence = 8, .digest = { 1 } };
	batch = next(f, 1);
	assert_int_equal(hand_in(f, &batch, (struct hin_spool_place){ 11, 8 }), HIN_CARRIED_EARLY);
	assert_int_equal(hand_in(f, &batch, (struct hin_spool_place){ 0 }), HIN_CARRIED_STORED);
	hin_buffer_fini(&batch);
}

static void forks_are_seen(void **state)
{
	struct fixture *f = *state;
	struct hin_batch_mark before;

	assert_int_equal(hand_over(f, next(f, 1)), HIN_CARRIED_STORED);
	before = f->mark;
	assert_int_equal(hand_over(f, next(f, 1)), HIN_CARRIED_STORED);
	f->mark = before;
	assert_int_equal(hand_over(f, next(f, 2)), HIN_CARRIED_FORKED); /* the same number */
	assert_int_equal(hand_over(f, next(f, 2)), HIN_CARRIED_FORKED); /* and what follows it */
	assert_int_equal(hin_ingest_count(f->in)->refused[HIN_INGEST_forked], 2);
	assert_int_equal(committed(f), 2);
}

/* Each is refused, counted, and changes nothing; then the honest sensor goes on. */
static void refuses(void **state)
{
	struct fixture *f = *state;
	struct hin_batch_mark mark;
	struct hin_observation row = flow;
	struct hin_buffer bad;
	uint64_t seed = 1;

	assert_int_equal(hand_over(f, next(f, 1)), HIN_CARRIED_STORED);
#define REFUSED(why, made, text)                                                                   \
	do {                                                                                       \
		bad = (made);                                                                      \
		assert_int_equal(hand_in(f, &bad, (struct hin_spool_place){ 0 }),                  \
				 HIN_CARRIED_REFUSED);                                             \
		if (hin_ingest_count(f->in)->refused[HIN_INGEST_##why] == 0 ||                     \
		    strstr(f->reason, text) == NULL)                                               \
			fail_msg(#why ": %s", f->reason);                                          \
		hin_buffer_fini(&bad);                                                             \
	} while (0)

	mark = f->mark;
	REFUSED(stranger, make(&mark, &row, 1, &other_key, HIN_CLOCK_STATE_FREE),
		"another sensor's");
	mark = f->mark;
	mark.sequence += UINT64_C(1) << 40;
	REFUSED(future, make(&mark, &row, 1, &key, HIN_CLOCK_STATE_FREE), "from the future");
	mark = f->mark;
	row.time_us -= INT64_C(3) * 366 * 86400 * 1000000;
	REFUSED(clock, make(&mark, &row, 1, &key, HIN_CLOCK_STATE_FREE), "clock is wrong");
	row.time_us = flow.time_us + INT64_C(2) * 86400 * 1000000;
	mark = f->mark;
	REFUSED(clock, make(&mark, &row, 1, &key, HIN_CLOCK_STATE_FREE), "clock is wrong");
	row = (struct hin_observation){ .time_us = flow.time_us,
					.device = { 7 },
					.device_basis = HIN_DEVICE_BASIS_SENSOR_KEY };
	for (size_t i = 0; i < 3; i++) { /* the word of the hub alone */
		static const uint16_t kinds[] = { HIN_KIND_ROAD_GAP, HIN_KIND_ROAD_FILLED,
						  HIN_KIND_ROAD_SILENT };

		mark = f->mark;
		row.kind = kinds[i];
		REFUSED(field, make(&mark, &row, 1, &key, HIN_CLOCK_STATE_FREE), "the hub's to");
		assert_int_equal(hin_ingest_count(f->in)->refused[HIN_INGEST_field], i + 1);
	}
	row = flow;
	bad = next(f, 3);
	for (int i = 0; i < 200; i++) { /* any bit of a batch, and any length */
		struct hin_buffer copy = { 0 };
		uint32_t at = random_below(&seed, (uint32_t)bad.used);

		hin_buffer_add(&copy, bad.data, i % 2 == 0 ? bad.used : at);
		if (i % 2 == 0)
			copy.data[at] = (char)(copy.data[at] ^ (1 << random_below(&seed, 8)));
		else if (copy.used == 0)
			hin_buffer_putc(&copy, 'x');
		assert_int_equal(hand_over(f, copy), HIN_CARRIED_REFUSED);
	}
	assert_true(hin_ingest_count(f->in)->refused[HIN_INGEST_signature] > 50);
	/* the honest one was not hurt */
	assert_int_equal(hand_in(f, &bad, (struct hin_spool_place){ 0 }), HIN_CARRIED_STORED);
	hin_buffer_fini(&bad);
	assert_int_equal(committed(f), 2);
	/* a recording may be old */
	row.time_us = 5;
	bad = make(&f->mark, &row, 1, &key, HIN_CLOCK_STATE_RECORDED);
	assert_int_equal(hand_in(f, &bad, (struct hin_spool_place){ 0 }), HIN_CARRIED_STORED);
	hin_buffer_fini(&bad);
	assert_int_equal(stored(f, HIN_KIND_TELESCOPE_FLOW, NULL), 4);
}

static void own_rows_are_a_chain(void **state)
{
	struct fixture *f = *state;
	struct hin_observation row = { .time_us = NOW / 1000, .kind = HIN_KIND_ROAD_SILENT };

	for (uint64_t i = 1; i <= 3; i++) {
		hin_ingest_tell(f->in, &row);
		assert_int_equal(hin_ingest_commit(f->in, NULL), HIN_OK);
		assert_int_equal(hin_ingest_commit(f->in, NULL), HIN_OK); /* nothing to say */
		assert_int_equal(hin_ingest_mark(f->in, hub_key.id).sequence, i);
		close_hub(f);
		open_hub(f);
	}
	for (int i = 0; i < 5000; i++)
		hin_ingest_tell(f->in, &row);
	assert_int_equal(hin_ingest_commit(f->in, NULL), HIN_OK);
	assert_int_equal(stored(f, HIN_KIND_ROAD_SILENT, NULL), 3 + 4096);
}

static void waits_for_a_full_disk(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, tight;
	struct hin_error err = { 0 };
	enum hin_carried verdict = HIN_CARRIED_STORED;
	uint64_t sent = 0, rows;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(hand_over(f, next(f, 1)), HIN_CARRIED_STORED);
	assert_int_equal(committed(f), 1);
	tight = old;
	tight.rlim_cur = 3000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	for (; sent < 500; sent++) {
		struct hin_batch_mark before = f->mark;

		verdict = hand_over(f, next(f, 50));
		if (verdict != HIN_CARRIED_STORED || hin_ingest_commit(f->in, &err) != HIN_OK) {
			f->mark = before; /* as a sensor does: it was not acknowledged */
			break;
		}
	}
	assert_true(sent < 500);
	assert_int_equal(hin_ingest_mark(f->in, key.id).sequence, 1 + sent);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	(void)!hin_ingest_commit(f->in, &err);
	verdict = hand_over(f, next(f, 50));
	assert_true(verdict == HIN_CARRIED_STORED || verdict == HIN_CARRIED_REPEAT);
	assert_int_equal(committed(f), 2 + sent);
	rows = stored(f, HIN_KIND_TELESCOPE_FLOW, NULL);
	assert_int_equal(rows, 1 + (sent + 1) * 50);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(chains),
		TEST(tells_gaps_and_their_end),
		TEST(epochs_end),
		TEST(an_empty_hub_asks_for_all),
		TEST(forks_are_seen),
		TEST(refuses),
		TEST(own_rows_are_a_chain),
		TEST(waits_for_a_full_disk),
	};

	return cmocka_run_group_tests_name("ingest", tests, begin, end);
}
