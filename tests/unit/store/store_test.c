/* The store: what goes in comes out, marks agree with rows, whatever happens in between. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "folder.h"
#include "observe/batch_writer.h"

static void keeps_what_was_synced(void **state)
{
	struct hin_store *store = open_store(HIN_STORE_CREATE, NULL), *reader, *second = NULL;
	struct hin_error err = { 0 };
	struct hin_store_mark mark;
	struct sums want = { 0 };

	(void)state;
	assert_int_equal(hin_store_open(&second, store_path, HIN_STORE_WRITE, NULL, &err),
			 HIN_EDENIED);
	for (uint64_t i = 1; i <= 40; i++)
		assert_int_equal(append(store, 0, 7, i, 6000), HIN_STORE_ADDED);
	expect_sums(&want, 0, 1, 40, 6000);
	expect_store(store, &want); /* the writer sees what it has not synced */
	assert_true(hin_store_find_mark(store, batch_head(0, 0, 0).sensor, &mark));
	assert_int_equal(mark.appended.sequence, 40);
	assert_int_equal(mark.committed.sequence, 0);
	reader = open_store(HIN_STORE_READ, NULL);
	expect_store(reader, &(struct sums){ 0 });
	sync_store(store);
	assert_true(hin_store_find_mark(store, batch_head(0, 0, 0).sensor, &mark));
	assert_int_equal(mark.committed.sequence, 40);
	assert_int_equal(mark.committed.digest[0], 40);
	assert_int_equal(mark.batches, 40);
	assert_int_equal(mark.rows, want.rows);
	assert_int_equal(mark.first_us, DAY_US + 1);
	assert_int_equal(hin_store_refresh(reader, &err), HIN_OK);
	expect_store(reader, &want);
	assert_int_equal(append(store, 0, 7, 40, 6000), HIN_STORE_REPEAT);
	assert_int_equal(append(store, 0, 7, 41, 6000), HIN_STORE_ADDED);
	hin_store_close(store); /* 41 was not synced */
	store = open_store(HIN_STORE_WRITE, NULL);
	expect_store(store, &want);
	assert_true(hin_store_has(store, batch_head(0, 0, 0).sensor, 7, 40));
	assert_false(hin_store_has(store, batch_head(0, 0, 0).sensor, 7, 41));
	assert_false(hin_store_has(store, batch_head(0, 0, 0).sensor, 8, 40));
	assert_int_equal(append(store, 0, 7, 41, 6000), HIN_STORE_ADDED);
	sync_store(store);
	assert_int_equal(hin_store_refresh(reader, &err), HIN_OK);
	expect_sums(&want, 0, 41, 41, 6000);
	expect_store(reader, &want);
	hin_store_close(reader);
	hin_store_close(store);
}

struct spans {
	uint64_t first[8], last[8];
	size_t count;
};

static bool add_span(void *user, uint64_t first, uint64_t last)
{
	struct spans *s = user;

	s->first[s->count] = first;
	s->last[s->count++] = last;
	return s->count < 8;
}

static void knows_gaps(void **state)
{
	static const uint64_t order[] = { 1, 2, 5, 9, 8, 4, 7 };
	struct hin_store *store = open_store(HIN_STORE_CREATE, NULL);
	struct hin_store_mark mark;
	struct spans s = { 0 };
	uint8_t sensor[HIN_SENSOR_ID];

	(void)state;
	memcpy(sensor, batch_head(3, 0, 0).sensor, sizeof(sensor));
	for (size_t i = 0; i < HIN_COUNT(order); i++)
		assert_int_equal(append(store, 3, 1, order[i], 10), HIN_STORE_ADDED);
	assert_int_equal(append(store, 3, 1, 5, 10), HIN_STORE_REPEAT);
	for (unsigned round = 0; round < 2; round++) {
		s.count = 0;
		hin_store_each_range(store, sensor, 1, add_span, &s);
		assert_int_equal(s.count, 3);
		assert_int_equal(s.first[1], 4);
		assert_int_equal(s.last[1], 5);
		assert_int_equal(s.first[2], 7);
		assert_int_equal(s.last[2], 9);
		assert_true(hin_store_find_mark(store, sensor, &mark));
		assert_int_equal(mark.appended.sequence, 9);
		assert_int_equal(mark.appended.digest[0], 9);
		sync_store(store);
		hin_store_close(store);
		store = open_store(HIN_STORE_WRITE, NULL);
	}
	/* a new epoch is the newest, and the old one is still filled */
	assert_int_equal(append(store, 3, 2, 1, 10), HIN_STORE_ADDED);
	assert_int_equal(append(store, 3, 1, 3, 10), HIN_STORE_ADDED);
	assert_true(hin_store_find_mark(store, sensor, &mark));
	assert_int_equal(mark.appended.epoch, 2);
	assert_int_equal(mark.appended.sequence, 1);
	s.count = 0;
	hin_store_each_range(store, sensor, 1, add_span, &s);
	assert_int_equal(s.count, 2);
	hin_store_close(store);
}

static void refuses(void **state)
{
	struct hin_store *store = NULL, *reader;
	struct hin_error err = { 0 };
	struct hin_observation *rows = calloc(HIN_BATCH_ROWS + 1, sizeof(*rows));
	struct hin_store_batch batch = batch_head(0, 1, 1);
	enum hin_store_outcome outcome;
	FILE *f;
	char path[128];

	(void)state;
	assert_int_equal(hin_store_open(&store, store_path, HIN_STORE_READ, NULL, &err),
			 HIN_ENOENT);
	assert_int_equal(hin_store_open(&store, store_path, HIN_STORE_WRITE, NULL, &err),
			 HIN_ENOENT);
	store = open_store(HIN_STORE_CREATE, NULL);
	for (size_t i = 0; i <= HIN_BATCH_ROWS; i++)
		rows[i] = (struct hin_observation){ .kind = 1, .time_us = DAY_US };
	assert_int_equal(hin_store_append(store, &batch, rows, HIN_BATCH_ROWS + 1, &outcome, &err),
			 HIN_ELIMIT);
	rows[7].time_us = -1;
	assert_int_equal(hin_store_append(store, &batch, rows, 10, &outcome, &err), HIN_ERANGE);
	rows[7].time_us = INT64_MAX;
	assert_int_equal(hin_store_append(store, &batch, rows, 10, &outcome, &err), HIN_ERANGE);
	expect_store(store, &(struct sums){ 0 });
	assert_false(hin_store_has(store, batch.sensor, 1, 1));
	batch.sequence = 0;
	assert_int_equal(hin_store_append(store, &batch, rows, 7, &outcome, &err), HIN_ERANGE);
	sync_store(store);
	reader = open_store(HIN_STORE_READ, NULL);
	batch.sequence = 1;
	assert_int_equal(hin_store_append(reader, &batch, rows, 7, &outcome, &err), HIN_EUSAGE);
	assert_int_equal(hin_store_sync(reader, &err), HIN_EUSAGE);
	hin_store_close(reader);
	/* as many gaps as there may be, and one more */
	for (uint64_t i = 1; i <= HIN_GAPS_MAX; i++) {
		batch.sequence = 2 * i;
		assert_int_equal(hin_store_append(store, &batch, rows, 0, &outcome, &err), HIN_OK);
	}
	batch.sequence += 2;
	assert_int_equal(hin_store_append(store, &batch, rows, 0, &outcome, &err), HIN_ELIMIT);
	batch.sequence -= 3;
	assert_int_equal(hin_store_append(store, &batch, rows, 0, &outcome, &err), HIN_OK);
	hin_store_close(store);
	snprintf(path, sizeof(path), "%s/journal", store_path);
	f = fopen(path, "w");
	fputs("something else altogether, which is longer than sixty-four bytes in any case", f);
	fclose(f);
	assert_int_equal(hin_store_open(&store, store_path, HIN_STORE_WRITE, NULL, &err),
			 HIN_EFORMAT);
	assert_non_null(strstr(err.text, "journal: offset 0"));
	free(rows);
}

/* Batches as sensors send them: in whole, or with one bad row not at all. */
static void takes_batches(void **state)
{
	static const uint8_t seed_bytes[32] = { 1 };
	struct hin_store *store = open_store(HIN_STORE_CREATE, NULL);
	struct hin_observation *rows = calloc(3001, sizeof(*rows));
	struct hin_batch_mark after = { .epoch = 9 };
	struct hin_batch_writer *writer;
	struct hin_batch_reader reader;
	struct hin_sensor_key key;
	struct hin_store_mark mark;
	enum hin_store_outcome outcome;
	struct hin_error err = { 0 };
	uint8_t digest[32], *copy, *at;
	const uint8_t *bytes;
	uint64_t total = 0;
	size_t size;

	(void)state;
	assert_int_equal(hin_sensor_key_of_seed(&key, seed_bytes, &err), HIN_OK);
	assert_int_equal(hin_batch_writer_open(&writer, &key, &after, 4000, &err), HIN_OK);
	hin_batch_writer_set_dark(writer, 4096);
	for (uint64_t i = 1; i <= 30; i++) {
		size_t count = batch_rows(0, i, rows, 3000);

		for (size_t k = 0; k < count; k++)
			assert_int_equal(hin_batch_writer_add(writer, &rows[k], &err), HIN_OK);
		total += count;
		assert_int_equal(hin_batch_writer_finish(writer, &bytes, &size, &err), HIN_OK);
		copy = hin_test_copy(bytes, size);
		hin_batch_digest(digest, copy, size);
		assert_int_equal(hin_batch_reader_open(&reader, copy, size, key.public_key, &err),
				 HIN_OK);
		assert_int_equal(
			hin_store_append_batch(store, &reader, digest, DAY_US + 5, &outcome, &err),
			HIN_OK);
		assert_int_equal(outcome, HIN_STORE_ADDED);
		/* the reader stands at its end: a repeat is known without its rows */
		assert_int_equal(
			hin_store_append_batch(store, &reader, digest, DAY_US + 5, &outcome, &err),
			HIN_OK);
		assert_int_equal(outcome, HIN_STORE_REPEAT);
		free(copy);
	}
	assert_int_equal(store_sums(store).rows, total);
	assert_true(hin_store_find_mark(store, key.id, &mark));
	assert_int_equal(mark.appended.sequence, 30);
	assert_int_equal(mark.rows, total);
	assert_int_equal(mark.dark_addresses, 4096);
	assert_memory_equal(mark.appended.digest, digest, sizeof(digest));
	/* the last row says 127 of 100: the rows before it do not stay */
	for (size_t k = 0; k < 1000; k++) {
		rows[k] = (struct hin_observation){ .kind = HIN_KIND_TELESCOPE_FLOW,
						    .time_us = DAY_US,
						    .confidence = k < 999 ? 1 : 90 };
		assert_int_equal(hin_batch_writer_add(writer, &rows[k], &err), HIN_OK);
	}
	assert_int_equal(hin_batch_writer_finish(writer, &bytes, &size, &err), HIN_OK);
	copy = hin_test_copy(bytes, size);
	at = memmem(copy, size, (const uint8_t[]){ 1, 1, 1, 1, 90 }, 5);
	assert_non_null(at);
	at[4] = 127;
	assert_int_equal(hin_batch_reader_open(&reader, copy, size, NULL, &err), HIN_OK);
	assert_int_equal(hin_store_append_batch(store, &reader, digest, DAY_US, &outcome, &err),
			 HIN_ERANGE);
	assert_false(hin_store_has(store, key.id, 9, 31));
	assert_int_equal(store_sums(store).rows, total);
	at[4] = 90;
	assert_int_equal(hin_store_append_batch(store, &reader, digest, DAY_US, &outcome, &err),
			 HIN_OK);
	assert_int_equal(store_sums(store).rows, total + 1000);
	free(copy);
	hin_batch_writer_close(writer);
	hin_store_close(store);
	free(rows);
}

/* A journal may be cut anywhere: what is left is a state that was. */
static void survives_a_torn_journal(void **state)
{
	struct hin_store *store = open_store(HIN_STORE_CREATE, NULL);
	struct notes notes = { 0 };
	struct sums want[6] = { { 0 } };
	uint64_t ends[6];
	char path[128], torn[128];
	uint8_t *bytes;
	size_t size;
	FILE *f;

	(void)state;
	ends[0] = store->journal_end;
	for (uint64_t i = 1; i <= 5; i++) {
		want[i] = want[i - 1];
		assert_int_equal(append(store, 1, 1, i, 30), HIN_STORE_ADDED);
		expect_sums(&want[i], 1, i, i, 30);
		sync_store(store);
		ends[i] = store->journal_end;
	}
	hin_store_close(store);
	snprintf(path, sizeof(path), "%s/journal", store_path);
	f = fopen(path, "r");
	bytes = malloc(ends[5]);
	assert_int_equal(fread(bytes, 1, ends[5], f), ends[5]);
	fclose(f);
	for (size = ends[0]; size <= ends[5]; size += 1 + size % 7) {
		size_t i = 0;

		while (i < 5 && ends[i + 1] <= size)
			i++;
		f = fopen(path, "w");
		fwrite(bytes, 1, size, f);
		/* and some that was never written whole */
		if (size % 2 == 0)
			fwrite("\0\0\0\0garbage", 1, 11, f);
		fclose(f);
		notes.count = 0;
		store = open_store(HIN_STORE_WRITE, &notes);
		expect_store(store, &want[i]);
		assert_int_equal(notes.count, size % 2 == 0 || size > ends[i]);
		hin_store_close(store);
	}
	/* damage before the end is no torn end */
	snprintf(torn, sizeof(torn), "offset %llu", (unsigned long long)ends[1]);
	bytes[ends[1] + 70] ^= 1;
	f = fopen(path, "w");
	fwrite(bytes, 1, ends[5], f);
	fclose(f);
	assert_int_equal(hin_store_open(&store, store_path, HIN_STORE_WRITE, NULL, &notes.last),
			 HIN_EVERIFY);
	assert_non_null(strstr(notes.last.text, torn));
	free(bytes);
}

/* Full blocks in files, journals replaced, days many: the same rows. */
static void fills_files(void **state)
{
	struct hin_store *store = open_store(HIN_STORE_CREATE, NULL), *reader;
	struct sums want = { 0 };
	struct hin_error err = { 0 };

	(void)state;
	store->journal_least = store->journal_limit = 50000;
	reader = open_store(HIN_STORE_READ, NULL);
	for (uint64_t i = 1; i <= 60; i++) {
		assert_int_equal(append(store, (unsigned)(i % 3), 1, (i + 2) / 3, 9000),
				 HIN_STORE_ADDED);
		if (i % 7 == 0)
			sync_store(store);
	}
	sync_store(store);
	for (unsigned sensor = 0; sensor < 3; sensor++)
		expect_sums(&want, sensor, 1, 20, 9000);
	expect_store(store, &want);
	assert_true(store->catalog.segment_count > 0);
	assert_int_equal(hin_store_refresh(reader, &err), HIN_OK);
	expect_store(reader, &want);
	hin_store_close(store);
	store = open_store(HIN_STORE_WRITE, NULL);
	expect_store(store, &want);
	/* an index instead of a walk */
	for (size_t i = 0; i < store->catalog.segment_count; i++)
		assert_int_equal(hin_store_seal(store, &store->catalog.segments[i], &err), HIN_OK);
	expect_store(store, &want);
	sync_store(store);
	hin_store_close(reader);
	reader = open_store(HIN_STORE_READ, NULL);
	expect_store(reader, &want);
	hin_store_close(reader);
	hin_store_close(store);
}

/* A damaged block is named, counted and skipped alone. */
static void skips_damage(void **state)
{
	struct hin_store *store = open_store(HIN_STORE_CREATE, NULL);
	struct hin_store_effort effort;
	struct hin_store_range range = { 0 };
	struct notes notes = { 0 };
	struct sums s = { 0 }, want = { 0 };
	struct hin_segment flows = { 0 };
	char path[160], name[HIN_SEGMENT_NAME], offset[40];
	int fd;

	(void)state;
	for (uint64_t i = 1; i <= 60; i++)
		append(store, 0, 1, i, 9000);
	expect_sums(&want, 0, 1, 60, 9000);
	sync_store(store);
	for (size_t i = 0; i < store->catalog.segment_count; i++)
		if (store->catalog.segments[i].kind == HIN_SEGMENT_FLOWS)
			flows = store->catalog.segments[i];
	assert_true(flows.blocks >= 3);
	hin_store_close(store);
	hin_segment_name(name, &flows);
	snprintf(path, sizeof(path), "%s/%s", store_path, name);
	for (unsigned round = 0; round < 2; round++) {
		/* first in the head of the first block, then in its middle */
		off_t at = round == 0 ? 100 : 100000;
		uint8_t byte;

		fd = open(path, O_RDWR);
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 0x55;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		store = open_store(HIN_STORE_READ, &notes);
		notes.count = 0;
		memset(&s, 0, sizeof(s));
		assert_int_equal(
			hin_store_scan(store, &range, UINT64_MAX, 0, add_sums, &s, &effort, NULL),
			HIN_OK);
		assert_int_equal(notes.count, 1);
		assert_int_equal(effort.damaged_blocks, 1);
		assert_true(want.rows - s.rows > 50000 && want.rows - s.rows <= 65536);
		assert_non_null(strstr(notes.last.text, name));
		snprintf(offset, sizeof(offset), round == 0 ? "offset 64" : "block at 64");
		assert_non_null(strstr(notes.last.text, offset));
		hin_store_close(store);
		byte ^= 0x55;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		close(fd);
	}
	store = open_store(HIN_STORE_READ, &notes);
	expect_store(store, &want);
	hin_store_close(store);
}

/* No space: refused, nothing lost, and tried again it goes on. */
static void waits_for_space(void **state)
{
	struct hin_store *store = open_store(HIN_STORE_CREATE, NULL);
	struct hin_observation *rows = calloc(9001, sizeof(*rows));
	struct rlimit none = { 100000, RLIM_INFINITY }, all;
	struct hin_error err = { 0 };
	struct sums want = { 0 };
	enum hin_store_outcome outcome;
	uint64_t done = 0;
	unsigned refused = 0;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &all);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	for (uint64_t i = 1; i <= 40; i++) {
		struct hin_store_batch batch = batch_head(0, 1, i);
		size_t count = batch_rows(0, i, rows, 9000);

		if (hin_store_append(store, &batch, rows, count, &outcome, &err) != HIN_OK) {
			assert_int_equal(err.code, HIN_ESYS);
			refused++;
			break;
		}
		done = i;
		if (hin_store_sync(store, &err) != HIN_OK) {
			assert_int_equal(err.code, HIN_ESYS);
			refused++;
		}
	}
	assert_true(refused > 0);
	expect_sums(&want, 0, 1, done, 9000);
	expect_store(store, &want);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	sync_store(store);
	for (uint64_t i = done + 1; i <= done + 10; i++)
		append(store, 0, 1, i, 9000);
	expect_sums(&want, 0, done + 1, done + 10, 9000);
	sync_store(store);
	hin_store_close(store);
	store = open_store(HIN_STORE_WRITE, NULL);
	expect_store(store, &want);
	hin_store_close(store);
	free(rows);
}

/* ---- kill -9 ---- */

enum { KILLS = HIN_TEST_SLOW ? 24 : 160, SENSORS = 3, MOST = 1000 };

/* Append and sync until killed; tell each sync what it made durable. */
static void write_for_ever(int out, uint64_t seed)
{
	struct hin_store *store = open_store(HIN_STORE_CREATE, NULL);
	uint64_t next[SENSORS];

	store->journal_least = 200000;
	if (store->journal_limit > 400000)
		store->journal_limit = 400000;
	for (unsigned i = 0; i < SENSORS; i++) {
		struct hin_store_mark mark;

		next[i] = 1;
		if (hin_store_find_mark(store, batch_head(i, 0, 0).sensor, &mark))
			next[i] = mark.appended.sequence + 1;
	}
	for (;;) {
		for (uint64_t n = 1 + rows_below(&seed, 5); n > 0; n--) {
			unsigned i = (unsigned)rows_below(&seed, SENSORS);

			append(store, i, 1, next[i]++, MOST);
		}
		sync_store(store);
		if (write(out, next, sizeof(next)) != sizeof(next))
			_exit(1);
	}
}

/* Let it run until so many syncs were told, and a moment longer, then kill it. */
static void run_and_kill(uint64_t *seed, uint64_t acked[SENSORS])
{
	unsigned syncs = (unsigned)rows_below(seed, 6);
	struct timespec wait = { 0, (long)rows_below(seed, 4000000) };
	uint64_t next[SENSORS];
	int ends[2], status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		write_for_ever(ends[1], rows_random(seed));
	}
	close(ends[1]);
	for (unsigned i = 0; i < syncs; i++) {
		assert_int_equal(read(ends[0], next, sizeof(next)), sizeof(next));
		memcpy(acked, next, sizeof(next));
	}
	nanosleep(&wait, NULL);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	while (read(ends[0], next, sizeof(next)) == sizeof(next))
		memcpy(acked, next, sizeof(next));
	close(ends[0]);
}

static void loses_nothing_when_killed(void **state)
{
	uint64_t acked[SENSORS] = { 1, 1, 1 }, verified[SENSORS] = { 0 };
	struct sums want = { 0 };
	uint64_t seed = 20261122;

	(void)state;
	for (unsigned round = 0; round < KILLS; round++) {
		struct hin_store *store;
		struct hin_store_mark mark;

		run_and_kill(&seed, acked);
		/* it may have been killed before it made the store */
		store = open_store(round == 0 ? HIN_STORE_CREATE : HIN_STORE_WRITE, NULL);
		for (unsigned i = 0; i < SENSORS; i++) {
			struct spans s = { 0 };
			uint8_t sensor[HIN_SENSOR_ID];

			memcpy(sensor, batch_head(i, 0, 0).sensor, sizeof(sensor));
			mark.committed.sequence = 0;
			(void)hin_store_find_mark(store, sensor, &mark);
			if (mark.committed.sequence + 1 < acked[i])
				fail_msg("round %u: acknowledged up to %llu, there up to %llu",
					 round, (unsigned long long)acked[i] - 1,
					 (unsigned long long)mark.committed.sequence);
			hin_store_each_range(store, sensor, 1, add_span, &s);
			assert_true(s.count == (mark.committed.sequence > 0));
			expect_sums(&want, i, verified[i] + 1, mark.committed.sequence, MOST);
			verified[i] = mark.committed.sequence;
		}
		expect_store(store, &want);
		hin_store_close(store);
	}
	assert_true(HIN_TEST_SLOW || want.rows > 2 * HIN_BLOCK_ROWS);
}

/* ---- from version 1 on ---- */

static uint8_t journal_version(void)
{
	char path[120];
	uint8_t head[9];
	int fd;

	snprintf(path, sizeof(path), "%s/journal", store_path);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, head, sizeof(head)), sizeof(head));
	close(fd);
	return head[8];
}

/* What the program of version 1 counted itself in the store that it made. */
static void expect_version_1(struct hin_store *store)
{
	struct hin_store_question q = { .volume = true };
	struct hin_store_answer a;
	struct hin_store_checked checked;
	struct hin_store_stats stats;
	struct hin_error err = { 0 };

	expect_store(store, &(struct sums){ .rows = 771, .sum = UINT64_C(0x28ed761085c2fc51) });
	assert_int_equal(hin_store_stats(store, &stats, &err), HIN_OK);
	assert_int_equal(stats.rolled_rows, 1);
	assert_int_equal(stats.batches, 10);
	assert_int_equal(hin_store_group(store, &q, &a, &err), HIN_OK);
	assert_int_equal(a.total.count, 772);
	assert_int_equal(a.total.packets, UINT64_C(4339861410218081));
	assert_int_equal(a.total.bytes, UINT64_C(5276785311262));
	hin_store_answer_fini(&a);
	assert_int_equal(hin_store_check(store, &checked, NULL, &err), HIN_OK);
	assert_int_equal(checked.damaged_blocks + checked.strays, 0);
	assert_true(hin_store_has(store, batch_head(0, 0, 0).sensor, 1, 6));
	assert_false(hin_store_has(store, batch_head(1, 0, 0).sensor, 1, 3));
}

static void upgrades_version_1(void **state)
{
	struct hin_store *store;
	struct hin_store_work work;
	struct hin_error err = { 0 };
	char command[300];

	(void)state;
	snprintf(command, sizeof(command), "cp -r '%.150s/tests/corpus/store/version-1' '%s'",
		 getenv("HINOMI_SOURCE"), store_path);
	assert_int_equal(system(command), 0);
	/* read as it is */
	store = open_store(HIN_STORE_READ, NULL);
	expect_version_1(store);
	hin_store_close(store);
	assert_int_equal(journal_version(), 1);
	/* a writer brings it up to date, and nothing changes */
	store = open_store(HIN_STORE_WRITE, NULL);
	assert_int_equal(journal_version(), HIN_JOURNAL_VERSION);
	expect_version_1(store);
	assert_int_equal(hin_store_compact(store, DAY_US + 10 * HIN_DAY_US, &work, &err), HIN_OK);
	assert_true(work.files_after < work.files_before + 2);
	expect_version_1(store);
	hin_store_close(store);
	store = open_store(HIN_STORE_WRITE, NULL);
	expect_version_1(store);
	assert_int_equal(append(store, 0, 1, 7, 100), HIN_STORE_ADDED);
	sync_store(store);
	hin_store_close(store);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_setup, folder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keeps_what_was_synced),
		TEST(knows_gaps),
		TEST(takes_batches),
		TEST(refuses),
		TEST(survives_a_torn_journal),
		TEST(fills_files),
		TEST(skips_damage),
		TEST(waits_for_space),
		TEST(upgrades_version_1),
		TEST(loses_nothing_when_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
