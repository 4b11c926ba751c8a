#include "../test.h"

#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../random.h"
#include "base/log.h"
#include "observe/batch_reader.h"
#include "observe/road.h"

#define BATCHES 4096

static char folder[] = "/tmp/hinomi-road-XXXXXX";
static struct hin_sensor_key key;

/* ---- a hub in memory, behind a carrier that can fail in all ways ---- */

struct hub {
	struct hin_carrier head;
	pthread_mutex_t lock;
	uint64_t seed;
	unsigned fails; /* 1 in so many requests is lost, and 1 in so many answers; 0 = none */
	bool down, stopped;
	struct hin_batch_mark mark;
	uint64_t settings, refuse; /* number of its settings; a sequence that it refuses */

	bool have[BATCHES]; /* by sequence, of the mark's epoch */
	uint64_t rows, alive, epochs, gaps, repeats;
	uint64_t lost[256];	/* rows told as lost, by verdict */
	uint8_t seen[1u << 17]; /* by `packets` of the rows: how often each came */
	int64_t urgent_ns;	/* monotonic: when a row of an urgent kind came */
	struct hin_carrier_load last;
};

static void take_rows(struct hub *h, struct hin_batch_reader *reader)
{
	struct hin_observation row;

	while (hin_batch_reader_next(reader, &row, NULL) == HIN_OK) {
		if (row.kind == HIN_KIND_ROAD_ALIVE)
			h->alive++;
		else if (row.kind == HIN_KIND_ROAD_LOSS)
			h->lost[row.verdict] += row.packets;
		else if (row.packets < sizeof(h->seen))
			h->seen[row.packets]++;
		if (row.kind == HIN_KIND_ROAD_GAP)
			h->urgent_ns = hin_time_monotonic_ns();
		h->rows++;
	}
}

static enum hin_carried take_batch(struct hub *h, const struct hin_carrier_load *load,
				   const void *bytes, size_t size)
{
	struct hin_batch_reader reader;
	const struct hin_batch_header *header = &reader.header;
	uint8_t digest[32];
	struct hin_error err;

	if (hin_batch_reader_open(&reader, bytes, size, key.public_key, &err) != HIN_OK)
		fail_msg("%s", err.text);
	hin_batch_digest(digest, bytes, size);
	if (header->sequence == h->refuse)
		return HIN_CARRIED_REFUSED;
	switch (hin_batch_chain(&h->mark, header, digest)) {
	case HIN_CHAIN_FORK:
		return HIN_CARRIED_FORKED;
	case HIN_CHAIN_REPEAT:
		h->repeats++;
		return HIN_CARRIED_REPEAT;
	case HIN_CHAIN_EPOCH:
		h->epochs++;
		memset(h->have, 0, sizeof(h->have));
		break;
	case HIN_CHAIN_GAP:
		if (load->known.epoch == h->mark.epoch && load->known.sequence > h->mark.sequence)
			return HIN_CARRIED_EARLY;
		h->gaps++;
		break;
	case HIN_CHAIN_NEXT:
		break;
	}
	assert_true(header->sequence < BATCHES);
	assert_false(h->have[header->sequence]);
	h->have[header->sequence] = true;
	h->mark.epoch = header->epoch;
	h->mark.sequence = header->sequence;
	memcpy(h->mark.digest, digest, sizeof(digest));
	take_rows(h, &reader);
	return HIN_CARRIED_STORED;
}

static enum hin_code hub_send(struct hin_carrier *c, const struct hin_carrier_load *load,
			      struct hin_carrier_answer *answer, struct hin_error *err)
{
	struct hub *h = (struct hub *)c;
	struct hin_reader in = hin_reader_of(load->data, load->size);
	bool lose;

	pthread_mutex_lock(&h->lock);
	h->last = *load;
	if (h->stopped || h->down || (h->fails > 0 && random_below(&h->seed, h->fails) == 0)) {
		pthread_mutex_unlock(&h->lock);
		return hin_fail(err, h->stopped ? HIN_EAGAIN : HIN_ESYS, "the hub is away");
	}
	answer->count = load->count;
	for (size_t i = 0; i < load->count; i++) {
		size_t size = hin_read_le32(&in);
		const uint8_t *bytes = hin_read_bytes(&in, size);

		assert_non_null(bytes);
		answer->verdicts[i] = (uint8_t)take_batch(h, load, bytes, size);
	}
	assert_int_equal(in.left, 0);
	answer->committed = (struct hin_spool_place){ h->mark.epoch, h->mark.sequence };
	answer->has_digest = h->mark.sequence > 0;
	memcpy(answer->digest, h->mark.digest, sizeof(answer->digest));
	answer->settings = h->settings;
	lose = h->fails > 0 && random_below(&h->seed, h->fails) == 0;
	pthread_mutex_unlock(&h->lock);
	return lose ? hin_fail(err, HIN_ESYS, "the answer is lost") : HIN_OK;
}

static enum hin_code hub_fetch(struct hin_carrier *c, const char *what, struct hin_buffer *out,
			       struct hin_error *err)
{
	(void)c;
	(void)err;
	assert_string_equal(what, "settings");
	hin_buffer_puts(out, "the settings");
	return HIN_OK;
}

static int64_t hub_ready(const struct hin_carrier *c)
{
	struct hub *h = (struct hub *)(uintptr_t)c;

	pthread_mutex_lock(&h->lock);
	bool down = h->down;
	pthread_mutex_unlock(&h->lock);
	return down ? hin_time_monotonic_ns() + HIN_NS_PER_MS : 0;
}

static const char *hub_name(const struct hin_carrier *c)
{
	(void)c;
	return "memory";
}

static void hub_stop(struct hin_carrier *c)
{
	struct hub *h = (struct hub *)c;

	pthread_mutex_lock(&h->lock);
	h->stopped = true;
	pthread_mutex_unlock(&h->lock);
}

static void hub_close(struct hin_carrier *c)
{
	((struct hub *)c)->stopped = false; /* it lives on */
}

static const struct hin_carrier_ops hub_ops = { .send = hub_send,
						.fetch = hub_fetch,
						.ready_ns = hub_ready,
						.hub = hub_name,
						.stop = hub_stop,
						.close = hub_close };

static struct hub *new_hub(void)
{
	struct hub *h = calloc(1, sizeof(*h));

	h->head.ops = &hub_ops;
	h->seed = 5;
	pthread_mutex_init(&h->lock, NULL);
	return h;
}

static void free_hub(struct hub *h)
{
	pthread_mutex_destroy(&h->lock);
	free(h);
}

/* ---- helpers ---- */

#define SECONDS(n) ((n)*HIN_NS_PER_S)

static struct hin_road *open_road(struct hub *h, struct hin_road_settings settings)
{
	struct hin_road *road = NULL;
	struct hin_error err = { 0 };

	settings.carrier = h != NULL ? &h->head : NULL;
	if (hin_road_open(&road, folder, &key, &settings, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return road;
}

/* Put rows with `packets` from..to. */
static void put_rows(struct hin_road *road, uint16_t kind, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i <= to; i++) {
		struct hin_observation row = { .time_us = 5000000, .kind = kind, .packets = i };

		assert_int_equal(hin_road_put(road, &row), HIN_OK);
	}
}

static void all_came_once(const struct hub *h, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i <= to; i++)
		if (h->seen[i] != 1)
			fail_msg("row %llu came %d times", (unsigned long long)i, h->seen[i]);
}

static int make_folder(void **state)
{
	static const uint8_t seed[32] = { 3 };

	(void)state;
	hin_log_setup(-1, HIN_LOG_ERROR);
	if (mkdtemp(folder) == NULL)
		return -1;
	return hin_sensor_key_of_seed(&key, seed, NULL) == HIN_OK ? 0 : -1;
}

static int empty_folder(void **state)
{
	DIR *d = opendir(folder);
	struct dirent *entry;

	(void)state;
	while ((entry = readdir(d)) != NULL)
		if (entry->d_type == DT_REG)
			unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
	return 0;
}

static int remove_folder(void **state)
{
	empty_folder(state);
	return rmdir(folder);
}

/* ---- tests ---- */

static const struct hin_road_settings quick = { .batch_rows = 50,
						.queue_rows = 64,
						.wait = true,
						.flush_ns = 50 * HIN_NS_PER_MS,
						.urgent_ns = HIN_NS_PER_MS };

static void rows_arrive_in_order(void **state)
{
	struct hub *h = new_hub();
	struct hin_road *road = open_road(h, quick);
	struct hin_road_stats stats;

	(void)state;
	hin_road_set_dark(road, 77);
	put_rows(road, HIN_KIND_TELESCOPE_FLOW, 1, 1000);
	assert_int_equal(hin_road_flush(road, true, SECONDS(20)), HIN_OK);
	all_came_once(h, 1, 1000);
	hin_road_watched(road, 10, 1000);
	hin_road_close(road, SECONDS(20));
	assert_true(h->alive >= 1);
	assert_int_equal(h->gaps, 0);
	assert_int_equal(h->epochs, 1);
	road = open_road(h, quick); /* the next start goes on */
	put_rows(road, HIN_KIND_TELESCOPE_FLOW, 1001, 1100);
	assert_int_equal(hin_road_flush(road, true, SECONDS(20)), HIN_OK);
	hin_road_stats(road, &stats);
	assert_int_equal(stats.mark.sequence, stats.committed.sequence);
	assert_int_equal(stats.rows_put, 100);
	assert_true(stats.connected);
	assert_string_equal(stats.hub, "memory");
	hin_road_close(road, 0);
	all_came_once(h, 1, 1100);
	assert_int_equal(h->epochs, 1);
	free_hub(h);
}

static void urgent_rows_leave_at_once(void **state)
{
	struct hin_road_settings slow = { .batch_rows = 1000 }; /* by the minute */
	struct hub *h = new_hub();
	struct hin_road *road = open_road(h, slow);
	int64_t start, best = INT64_MAX;

	(void)state;
	put_rows(road, HIN_KIND_TELESCOPE_FLOW, 1, 10);
	usleep(50000);
	pthread_mutex_lock(&h->lock);
	assert_int_equal(h->rows, 0);
	pthread_mutex_unlock(&h->lock);
	for (uint64_t i = 0; i < 5; i++) { /* this process may be paused: the best counts */
		start = hin_time_monotonic_ns();
		put_rows(road, HIN_KIND_ROAD_GAP, 11 + i, 11 + i);
		for (uint64_t rows = 0; rows < 11 + i;) {
			pthread_mutex_lock(&h->lock);
			rows = h->rows;
			pthread_mutex_unlock(&h->lock);
			assert_true(hin_time_monotonic_ns() - start < SECONDS(30));
			usleep(500);
		}
		if (h->urgent_ns - start < best)
			best = h->urgent_ns - start;
	}
	assert_true(best < 200 * HIN_NS_PER_MS);
	hin_road_close(road, SECONDS(20));
	all_came_once(h, 1, 15);
	free_hub(h);
}

static void nothing_is_lost_on_a_bad_line(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct hub *h = new_hub();
		struct hin_road *road;
		uint64_t sent = 0;

		h->seed = seed;
		h->fails = 4;
		for (int round = 0; round < 4; round++) {
			road = open_road(h, quick);
			put_rows(road, HIN_KIND_TELESCOPE_FLOW, sent + 1, sent + 500);
			sent += 500;
			hin_road_close(road,
				       round < 3 ? (int64_t)seed * HIN_NS_PER_MS : SECONDS(30));
		}
		all_came_once(h, 1, sent);
		assert_int_equal(h->gaps, 0);
		assert_int_equal(h->epochs, 1);
		free_hub(h);
		empty_folder(NULL);
	}
}

static void a_restored_hub_asks_again(void **state)
{
	struct hub *h = new_hub(), *old = new_hub();
	struct hin_road *road = open_road(h, quick);

	(void)state;
	put_rows(road, HIN_KIND_TELESCOPE_FLOW, 1, 400);
	assert_int_equal(hin_road_flush(road, true, SECONDS(20)), HIN_OK);
	pthread_mutex_lock(&h->lock);
	memcpy(&old->mark, &h->mark, sizeof(*h) - offsetof(struct hub, mark)); /* the backup */
	pthread_mutex_unlock(&h->lock);
	put_rows(road, HIN_KIND_TELESCOPE_FLOW, 401, 900);
	assert_int_equal(hin_road_flush(road, true, SECONDS(20)), HIN_OK);
	pthread_mutex_lock(&h->lock);
	memcpy(&h->mark, &old->mark, sizeof(*h) - offsetof(struct hub, mark));
	pthread_mutex_unlock(&h->lock);
	put_rows(road, HIN_KIND_TELESCOPE_FLOW, 901, 950);
	hin_road_close(road, SECONDS(20));
	all_came_once(h, 1, 950);
	assert_int_equal(h->gaps, 0);
	free_hub(h);
	free_hub(old);
}

static void what_is_refused_is_told_and_passed(void **state)
{
	struct hub *h = new_hub();
	struct hin_road_settings settings = quick;
	struct hin_road *road;
	struct hin_road_stats stats;

	(void)state;
	settings.flush_ns = SECONDS(3600);
	h->refuse = 3;
	road = open_road(h, settings);
	put_rows(road, HIN_KIND_TELESCOPE_FLOW, 1, 500);
	assert_int_equal(hin_road_flush(road, false, SECONDS(20)), HIN_OK);
	put_rows(road, HIN_KIND_TELESCOPE_FLOW, 501, 510);
	hin_road_close(road, SECONDS(20));
	road = open_road(h, settings); /* what was lost last is told now, if it was not then */
	hin_road_stats(road, &stats);
	hin_road_close(road, SECONDS(20));
	assert_true(h->have[2] && !h->have[3] && h->have[4]);
	assert_int_equal(h->gaps, 1);
	for (uint64_t i = 1, missing = 0; i <= 510; i++) {
		missing += h->seen[i] == 0;
		assert_true(h->seen[i] <= 1);
		assert_true(missing <= 50);
	}
	free_hub(h);
}

static void losses_reach_the_hub(void **state)
{
	struct hub *h = new_hub();
	struct hin_road *road = open_road(h, quick);

	(void)state;
	hin_road_lost(road, HIN_KIND_TELESCOPE_FLOW, HIN_VERDICT_KERNEL_DROP, 41, 7000000);
	hin_road_lost(road, HIN_KIND_TELESCOPE_FLOW, HIN_VERDICT_KERNEL_DROP, 1, 8000000);
	hin_road_lost(road, HIN_KIND_TELESCOPE_SCAN, HIN_VERDICT_CLOCK_STEP, 9, 8000000);
	hin_road_close(road, SECONDS(20));
	assert_int_equal(h->lost[HIN_VERDICT_KERNEL_DROP], 42);
	assert_int_equal(h->lost[HIN_VERDICT_CLOCK_STEP], 9);
	free_hub(h);
}

static void a_full_queue_counts(void **state)
{
	struct hin_road_settings settings = quick;
	struct hub *h = new_hub();
	struct hin_road *road;
	uint64_t lost = 0;

	(void)state;
	settings.wait = false;
	settings.batch_rows = 1; /* each costs an fsync: too slow for this */
	settings.flush_ns = SECONDS(3600);
	road = open_road(h, settings);
	for (uint64_t i = 1; i <= 3000; i++) {
		struct hin_observation row = { .time_us = 1000000,
					       .kind = HIN_KIND_TELESCOPE_FLOW,
					       .packets = i };

		lost += hin_road_put(road, &row) == HIN_ELIMIT;
	}
	assert_true(lost > 0);
	hin_road_close(road, SECONDS(60));
	assert_int_equal(h->lost[HIN_VERDICT_TABLE_FULL], lost);
	assert_int_equal(h->rows, 3000 - lost + h->alive + 1);
	free_hub(h);
}

static void a_copied_spool_begins_a_new_epoch(void **state)
{
	struct hub *h = new_hub();
	struct hin_road_settings settings = quick;
	struct hin_road *road = open_road(h, settings);
	struct hin_road_stats stats;
	char command[PATH_MAX];
	uint64_t epoch;

	(void)state;
	put_rows(road, HIN_KIND_TELESCOPE_FLOW, 1, 200);
	hin_road_close(road, SECONDS(20));
	snprintf(command, sizeof(command), "cp -a %s %s.copy", folder, folder);
	assert_int_equal(system(command), 0);
	road = open_road(h, settings);
	put_rows(road, HIN_KIND_TELESCOPE_FLOW, 201, 900);
	hin_road_close(road, SECONDS(20));
	epoch = h->mark.epoch;
	snprintf(command, sizeof(command), "rm -rf %s && mv %s.copy %s", folder, folder, folder);
	assert_int_equal(system(command), 0);

	h->down = true;
	road = open_road(h, settings);
	put_rows(road, HIN_KIND_TELESCOPE_FLOW, 901,
		 950); /* spooled under a number that is taken */
	assert_int_equal(hin_road_flush(road, false, SECONDS(20)), HIN_OK);
	pthread_mutex_lock(&h->lock);
	h->down = false;
	pthread_mutex_unlock(&h->lock);
	do {
		usleep(2000);
		hin_road_stats(road, &stats);
	} while (stats.epochs == 0);
	assert_true(stats.rows_forked >= 50 && stats.rows_forked < 60);
	put_rows(road, HIN_KIND_TELESCOPE_FLOW, 1001, 1100);
	hin_road_close(road, SECONDS(20));
	assert_true(h->mark.epoch != epoch);
	assert_int_equal(h->epochs, 2);
	all_came_once(h, 1, 900);
	all_came_once(h, 1001, 1100);
	for (int i = 901; i <= 950; i++)
		assert_int_equal(h->seen[i], 0);
	assert_int_equal(h->lost[HIN_VERDICT_REFUSED], stats.rows_forked); /* and an alive or two */
	free_hub(h);
}

static void copy_folder(const char *from, const char *to)
{
	char command[4 * PATH_MAX];

	snprintf(command, sizeof(command), "rm -rf %.1000s && cp -a %.1000s %.1000s", to, from, to);
	assert_int_equal(system(command), 0);
}

/*
 * A folder that was put back and went on alone, over a restart: what it spooled under numbers that
 * the hub has of the other one is counted, row for row, whether that ends below the hub's mark or
 * above it.
 */
static void what_a_fork_loses_is_counted(void **state)
{
	static const struct {
		uint64_t others, own; /* batches after the copy was made */
	} cases[] = { { 3, 2 }, { 3, 3 }, { 3, 7 }, { 1, 30 }, { 30, 1 } };

	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hub *h = new_hub();
		struct hin_road_settings settings = quick;
		struct hin_road *road;
		struct hin_road_stats stats;
		char copy[sizeof(folder) + 8];
		uint64_t next = 101;

		settings.flush_ns = SECONDS(3600); /* no row but ours, and one at each end */
		settings.batch_rows = 10;
		road = open_road(h, settings);
		put_rows(road, HIN_KIND_TELESCOPE_FLOW, 1, 100);
		hin_road_close(road, SECONDS(20));
		snprintf(copy, sizeof(copy), "%s.copy", folder);
		copy_folder(folder, copy);
		road = open_road(h, settings);
		put_rows(road, HIN_KIND_TELESCOPE_FLOW, next, next + 10 * cases[i].others - 1);
		hin_road_close(road, SECONDS(20));
		next += 10 * cases[i].others;
		copy_folder(copy, folder);
		h->down = true;
		road = open_road(h, settings);
		put_rows(road, HIN_KIND_TELESCOPE_FLOW, next, next + 10 * cases[i].own - 1);
		hin_road_close(road, 0);
		h->down = false;
		road = open_road(h, settings);
		do {
			usleep(2000);
			hin_road_stats(road, &stats);
		} while (stats.epochs == 0);
		put_rows(road, HIN_KIND_TELESCOPE_FLOW, 1001, 1100);
		hin_road_close(road, SECONDS(20));
		all_came_once(h, 1, next - 1);
		all_came_once(h, 1001, 1100);
		for (uint64_t k = next; k < next + 10 * cases[i].own; k++)
			assert_int_equal(h->seen[k], 0);
		if (stats.rows_forked != 10 * cases[i].own + 1) /* and an alive */
			fail_msg("case %zu: %llu rows were counted", i,
				 (unsigned long long)stats.rows_forked);
		assert_int_equal(h->lost[HIN_VERDICT_REFUSED], stats.rows_forked);
		free_hub(h);
		empty_folder(state);
	}
}

static void waits_for_a_full_disk(void **state)
{
	struct hub *h = new_hub();
	struct hin_road_settings settings = quick;
	struct hin_road *road;
	struct hin_road_stats stats;
	struct rlimit old, tight;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = old;
	tight.rlim_cur = 600;
	settings.queue_rows = 20000;
	road = open_road(h, settings);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	put_rows(road, HIN_KIND_TELESCOPE_FLOW, 1, 2000);
	do {
		usleep(2000);
		hin_road_stats(road, &stats);
	} while (!stats.disk_full);
	assert_int_equal(hin_road_flush(road, false, HIN_NS_PER_MS), HIN_EAGAIN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(hin_road_flush(road, true, SECONDS(30)), HIN_OK);
	hin_road_stats(road, &stats);
	assert_false(stats.disk_full);
	hin_road_close(road, 0);
	all_came_once(h, 1, 2000);
	free_hub(h);
}

static _Atomic int fetched;

static void take_settings(void *user, const void *bytes, size_t size)
{
	assert_int_equal(size, strlen("the settings"));
	assert_memory_equal(bytes, "the settings", size);
	assert_ptr_equal(user, &fetched);
	fetched++;
}

static void newer_settings_are_fetched(void **state)
{
	struct hub *h = new_hub();
	struct hin_road_settings settings = quick;
	struct hin_road *road;

	(void)state;
	settings.settings = take_settings;
	settings.user = &fetched;
	settings.settings_number = 4;
	h->settings = 4;
	road = open_road(h, settings);
	put_rows(road, HIN_KIND_TELESCOPE_FLOW, 1, 10);
	assert_int_equal(hin_road_flush(road, true, SECONDS(20)), HIN_OK);
	assert_int_equal(fetched, 0);
	pthread_mutex_lock(&h->lock);
	h->settings = 5;
	pthread_mutex_unlock(&h->lock);
	put_rows(road, HIN_KIND_TELESCOPE_FLOW, 11, 20);
	assert_int_equal(hin_road_flush(road, true, SECONDS(20)), HIN_OK);
	for (int i = 0; i < 5000 && fetched == 0; i++)
		usleep(2000);
	assert_int_equal(fetched, 1);
	hin_road_set_settings(road, 5);
	hin_road_close(road, SECONDS(20));
	assert_int_equal(h->last.settings, 5);
	free_hub(h);
}

static void bad_rows_are_told(void **state)
{
	struct hub *h = new_hub();
	struct hin_road *road = open_road(h, quick);
	struct hin_observation row = { .time_us = 1, .kind = HIN_KIND_ROAD_ALIVE, .dport = 3 };
	struct hin_buffer text = { 0 };
	struct hin_road_stats stats;

	(void)state;
	assert_int_equal(hin_road_put(road, &row), HIN_OK);
	put_rows(road, HIN_KIND_TELESCOPE_FLOW, 1, 2);
	assert_int_equal(hin_road_flush(road, true, SECONDS(20)), HIN_OK);
	hin_road_stats(road, &stats);
	assert_int_equal(stats.rows_refused, 1);
	hin_road_metrics(road, &text);
	assert_non_null(strstr(text.data, "\nhinomi_road_rows_refused_total 1\n"));
	assert_non_null(strstr(text.data, "\nhinomi_road_connected 1\n"));
	hin_buffer_fini(&text);
	hin_road_close(road, SECONDS(20));
	all_came_once(h, 1, 2);
	free_hub(h);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, empty_folder)
	static const struct CMUnitTest tests[] = {
		TEST(rows_arrive_in_order),
		TEST(urgent_rows_leave_at_once),
		TEST(nothing_is_lost_on_a_bad_line),
		TEST(a_restored_hub_asks_again),
		TEST(what_is_refused_is_told_and_passed),
		TEST(losses_reach_the_hub),
		TEST(a_full_queue_counts),
		TEST(a_copied_spool_begins_a_new_epoch),
		TEST(what_a_fork_loses_is_counted),
		TEST(waits_for_a_full_disk),
		TEST(newer_settings_are_fetched),
		TEST(bad_rows_are_told),
	};

	return cmocka_run_group_tests_name("road", tests, make_folder, remove_folder);
}
