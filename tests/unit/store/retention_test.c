/* Keeping house: files become fewer, old rows become rollups, and nothing is lost or counted twice.
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "folder.h"

enum { BATCHES = 60, MOST = 1500, SENSORS = 3 };

#define NOW_US (DAY_US + 40 * HIN_DAY_US)

static struct sums fill_store(struct hin_store *store)
{
	struct sums want = { 0 };
	struct hin_error err = { 0 };

	for (unsigned i = 0; i < BATCHES; i++) {
		append(store, i % SENSORS, 1, i / SENSORS + 1, MOST);
		/* many small blocks */
		for (size_t d = 0; i % 4 == 3 && d < store->day_count; d++)
			assert_int_equal(hin_store_cut(store, &store->days[d],
						       store->days[d].builder.rows, &err),
					 HIN_OK);
	}
	for (unsigned i = 0; i < SENSORS; i++)
		expect_sums(&want, i, 1, BATCHES / SENSORS, MOST);
	sync_store(store);
	return want;
}

static void compacts(void **state)
{
	struct hin_store *store = open_store(HIN_STORE_CREATE, NULL), *reader;
	struct sums want = fill_store(store);
	struct hin_store_work work;
	struct hin_store_checked checked;
	struct hin_error err = { 0 };

	(void)state;
	reader = open_store(HIN_STORE_READ, NULL);
	assert_int_equal(hin_store_compact(store, NOW_US, &work, &err), HIN_OK);
	assert_true(work.blocks_after < work.blocks_before / 2);
	assert_true(work.bytes_after < work.bytes_before);
	expect_store(store, &want);
	expect_store(reader, &want); /* its files were replaced under it */
	assert_int_equal(hin_store_check(reader, &checked, NULL, &err), HIN_OK);
	assert_int_equal(checked.damaged_blocks, 0);
	assert_int_equal(checked.strays, 0);
	assert_int_equal(checked.rows, want.rows);
	/* once more: there is nothing to do */
	assert_int_equal(hin_store_compact(store, NOW_US, &work, &err), HIN_OK);
	assert_int_equal(work.files_after, work.files_before);
	append(store, 0, 1, BATCHES / SENSORS + 1, MOST);
	expect_sums(&want, 0, BATCHES / SENSORS + 1, BATCHES / SENSORS + 1, MOST);
	sync_store(store);
	hin_store_close(store);
	store = open_store(HIN_STORE_WRITE, NULL);
	expect_store(store, &want);
	hin_store_close(store);
	hin_store_close(reader);
}

static void flip(const struct hin_segment *s, off_t at)
{
	char name[HIN_SEGMENT_NAME], path[160];
	uint8_t byte;
	int fd;

	hin_segment_name(name, s);
	snprintf(path, sizeof(path), "%s/%s", store_path, name);
	fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void leaves_damage_alone(void **state)
{
	struct notes notes = { 0 };
	struct hin_store *store = open_store(HIN_STORE_CREATE, &notes);
	struct hin_store_checked checked;
	struct hin_store_work work;
	struct hin_error err = { 0 };
	struct sums before, after;
	uint64_t id;
	bool there = false;

	(void)state;
	(void)fill_store(store);
	id = store->catalog.segments[0].id;
	flip(&store->catalog.segments[0], 3000);
	before = store_sums(store);
	assert_int_equal(hin_store_check(store, &checked, NULL, &err), HIN_OK);
	assert_int_equal(checked.damaged_blocks, 1);
	assert_true(checked.damaged_rows > 0);
	notes.count = 0;
	assert_int_equal(hin_store_compact(store, NOW_US, &work, &err), HIN_OK);
	assert_true(work.damaged_blocks > 0 && notes.count > 0);
	for (size_t i = 0; i < store->catalog.segment_count; i++)
		there |= store->catalog.segments[i].id == id;
	assert_true(there);
	after = store_sums(store);
	assert_int_equal(before.rows, after.rows);
	assert_int_equal(before.sum, after.sum);
	hin_store_close(store);
}

/* ---- retention ---- */

/* Rows, packets and bytes by kind, protocol, port and sensor: also of what was rolled up. */
static struct hin_store_answer by_all(struct hin_store *store, bool distinct)
{
	struct hin_store_question q = { .by = { HIN_FIELD_KIND, HIN_FIELD_PROTO, HIN_FIELD_DPORT,
						HIN_STORE_SENSOR },
					.by_count = 4,
					.volume = true,
					.distinct = distinct,
					.distinct_field = HIN_FIELD_SRC };
	struct hin_store_answer a;
	struct hin_error err = { 0 };

	if (hin_store_group(store, &q, &a, &err) != HIN_OK)
		fail_msg("group: %s", err.text);
	return a;
}

static bool same_group(const struct hin_store_group *a, const struct hin_store_group *b)
{
	return memcmp(a->by, b->by, sizeof(a->by)) == 0 && a->count == b->count &&
	       a->packets == b->packets && a->bytes == b->bytes;
}

static void expect_same(const struct hin_store_answer *a, const struct hin_store_answer *b)
{
	assert_int_equal(a->total.count, b->total.count);
	assert_int_equal(a->total.bytes, b->total.bytes);
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		if (!same_group(&a->groups[i], &b->groups[i]))
			fail_msg("group %zu differs", i);
		/* a sketch of 256 */
		if (a->groups[i].distinct * 4 > b->groups[i].distinct * 5 ||
		    a->groups[i].distinct * 5 < b->groups[i].distinct * 4)
			fail_msg("group %zu: %llu sources, not about %llu", i,
				 (unsigned long long)b->groups[i].distinct,
				 (unsigned long long)a->groups[i].distinct);
	}
}

static void rolls_up(void **state)
{
	/* flows for thirty days, the rest for a year */
	static const struct hin_store_keep keep[] = {
		{ HIN_KIND_TELESCOPE_FLOW, HIN_KIND_TELESCOPE_FLOW, 30 * HIN_DAY_US },
	};
	struct hin_store_policy policy = { .keep = keep,
					   .keep_count = 1,
					   .age_us = 365 * HIN_DAY_US,
					   .minutes_us = 60 * HIN_DAY_US };
	struct hin_store *store = open_store(HIN_STORE_CREATE, NULL);
	struct sums all = fill_store(store), left;
	struct hin_store_answer before = by_all(store, true), after;
	struct hin_store_question q = { .by = { HIN_FIELD_SRC }, .by_count = 1, .limit = 1 };
	struct hin_store_work work;
	struct hin_store_stats stats;
	struct hin_error err = { 0 };
	size_t files;

	(void)state;
	assert_false(before.approximate);
	assert_int_equal(hin_store_retain(store, &policy, DAY_US + 20 * HIN_DAY_US, &work, &err),
			 HIN_OK);
	assert_int_equal(work.rows_dropped, 0);
	expect_store(store, &all);
	assert_int_equal(hin_store_retain(store, &policy, NOW_US, &work, &err), HIN_OK);
	left = store_sums(store);
	assert_true(left.rows > 0 && left.rows < all.rows / 10);
	assert_int_equal(work.rows_dropped, all.rows - left.rows);
	assert_true(work.bytes_after < work.bytes_before);
	after = by_all(store, true);
	expect_same(&before, &after);
	assert_int_equal(after.effort.rolled_rows, all.rows - left.rows);
	assert_int_equal(after.effort.rolled_left, 0);
	hin_store_answer_fini(&after);
	/* what rollups do not have is said */
	assert_int_equal(hin_store_group(store, &q, &after, &err), HIN_OK);
	assert_int_equal(after.effort.rolled_left, all.rows - left.rows);
	assert_int_equal(after.total.count, left.rows);
	hin_store_answer_fini(&after);
	/* minutes become hours */
	files = store->catalog.segment_count;
	assert_int_equal(hin_store_retain(store, &policy, DAY_US + 70 * HIN_DAY_US, &work, &err),
			 HIN_OK);
	assert_int_equal(store->catalog.segment_count, files);
	after = by_all(store, true);
	expect_same(&before, &after);
	hin_store_answer_fini(&after);
	for (size_t i = 0; i < store->catalog.segment_count; i++)
		assert_int_not_equal(store->catalog.segments[i].kind, HIN_SEGMENT_MINUTES);
	hin_store_close(store);
	store = open_store(HIN_STORE_WRITE, NULL);
	after = by_all(store, true);
	expect_same(&before, &after);
	hin_store_answer_fini(&after);
	/* after a year all detail is over, and joins them */
	assert_int_equal(hin_store_retain(store, &policy, DAY_US + 400 * HIN_DAY_US, &work, &err),
			 HIN_OK);
	assert_int_equal(store_sums(store).rows, 0);
	after = by_all(store, true);
	assert_int_equal(after.total.count, before.total.count);
	assert_int_equal(after.total.bytes, before.total.bytes);
	hin_store_answer_fini(&after);
	assert_int_equal(hin_store_stats(store, &stats, &err), HIN_OK);
	assert_int_equal(stats.rolled_rows, all.rows);
	assert_int_equal(stats.rows, 0);
	/* and rollups end too */
	policy.hours_us = 500 * HIN_DAY_US;
	assert_int_equal(hin_store_retain(store, &policy, DAY_US + 600 * HIN_DAY_US, &work, &err),
			 HIN_OK);
	assert_int_equal(store->catalog.segment_count, 0);
	hin_store_answer_fini(&before);
	hin_store_close(store);
}

static void keeps_to_a_size(void **state)
{
	struct hin_store *store = open_store(HIN_STORE_CREATE, NULL);
	struct hin_store_policy policy = { .bytes = 1 };
	struct sums all = fill_store(store);
	struct hin_store_work work;
	struct hin_error err = { 0 };

	(void)state;
	policy.bytes = 100000000;
	assert_int_equal(hin_store_retain(store, &policy, NOW_US, &work, &err), HIN_OK);
	expect_store(store, &all);
	/* the older day goes, the newer stays */
	policy.bytes = work.bytes_after - 20000;
	assert_int_equal(hin_store_retain(store, &policy, NOW_US, &work, &err), HIN_OK);
	assert_true(work.rows_dropped > 0 && work.rows_dropped < all.rows);
	assert_true(work.bytes_after <= policy.bytes);
	assert_int_equal(store_sums(store).rows, all.rows - work.rows_dropped);
	policy.bytes = 10000;
	assert_int_equal(hin_store_retain(store, &policy, NOW_US, &work, &err), HIN_OK);
	assert_int_equal(store->catalog.segment_count, 0);
	/* today is never dropped */
	append(store, 0, 2, 1, MOST);
	append(store, 0, 2, 2, MOST);
	sync_store(store);
	all = store_sums(store);
	policy.bytes = 1;
	assert_int_equal(hin_store_retain(store, &policy, DAY_US - HIN_DAY_US + 1, &work, &err),
			 HIN_OK);
	expect_store(store, &all);
	hin_store_close(store);
}

/* ---- beside rows that come in ---- */

static void keeps_house_beside_appends(void **state)
{
	static const struct hin_store_keep keep[] = {
		{ HIN_KIND_TELESCOPE_FLOW, HIN_KIND_TELESCOPE_FLOW, 30 * HIN_DAY_US },
	};
	struct hin_store_policy policy = { .keep = keep, .keep_count = 1 };
	struct hin_store *store = open_store(HIN_STORE_CREATE, NULL), *reader;
	struct hin_store_answer before, after;
	struct hin_store_work work = { 0 };
	struct hin_error err = { 0 };
	uint64_t next = BATCHES / SENSORS + 1;
	size_t rolled = 0;
	bool done = false;

	(void)state;
	(void)fill_store(store);
	reader = open_store(HIN_STORE_READ, NULL);
	assert_int_equal(hin_store_house_poll(store, &done, &work, &err), HIN_OK);
	assert_true(done); /* there is nothing to wait for */
	assert_int_equal(hin_store_house_start(store, &policy, true, NOW_US, &err), HIN_OK);
	assert_int_equal(hin_store_house_start(store, &policy, true, NOW_US, &err), HIN_EDENIED);
	assert_int_equal(hin_store_compact(store, NOW_US, &work, &err), HIN_EDENIED);
	do {
		/* also into the days that are being rolled up: these stay as they come */
		append(store, 0, 1, next++, 300);
		assert_int_equal(hin_store_house_poll(store, &done, &work, &err), HIN_OK);
		sync_store(store);
		before = by_all(store, false);
		assert_int_equal(hin_store_refresh(reader, &err), HIN_OK);
		after = by_all(reader, false); /* its files may have gone meanwhile */
		expect_same(&before, &after);
		hin_store_answer_fini(&before);
		hin_store_answer_fini(&after);
		assert_true(next < 10000);
	} while (!done);
	assert_true(work.rows_dropped > 0);
	sync_store(store);
	before = by_all(store, true);
	for (size_t i = 0; i < store->catalog.segment_count; i++)
		rolled += store->catalog.segments[i].kind == HIN_SEGMENT_HOURS;
	assert_true(rolled > 0);
	hin_store_close(store);
	store = open_store(HIN_STORE_WRITE, NULL);
	after = by_all(store, true);
	expect_same(&before, &after);
	hin_store_answer_fini(&before);
	hin_store_answer_fini(&after);
	hin_store_close(reader);
	hin_store_close(store);
}

static uint64_t count_files(const char *path, const char *suffix)
{
	char command[200];
	uint64_t count = 0;
	FILE *f;

	snprintf(command, sizeof(command), "find %s -name '*%s' | wc -l", path, suffix);
	f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu", &count), 1);
	pclose(f);
	return count;
}

/* What was not synced when a writer ends is as if it had not been. */
static void forgets_house_not_synced(void **state)
{
	struct hin_store *store = open_store(HIN_STORE_CREATE, NULL);
	struct sums want = fill_store(store);
	struct hin_store_checked checked;
	struct hin_store_work work = { 0 };
	struct hin_error err = { 0 };
	uint64_t files = count_files(store_path, ".seg"), stop = 0;
	bool done = false;
	char left[160];

	(void)state;
	for (; !done; stop++) {
		assert_int_equal(hin_store_house_start(store, NULL, true, NOW_US, &err), HIN_OK);
		done = false;
		for (uint64_t i = 0; i < stop && !done; i++)
			assert_int_equal(hin_store_house_poll(store, &done, &work, &err), HIN_OK);
		hin_store_close(store);
		assert_int_equal(count_files(store_path, ".new"), 0);
		store = open_store(HIN_STORE_WRITE, NULL);
		assert_int_equal(hin_store_check(store, &checked, NULL, &err), HIN_OK);
		assert_int_equal(checked.strays + checked.damaged_blocks, 0);
		expect_store(store, &want);
		if (stop > 50)
			stop *= 2; /* until the thread is done in between */
	}
	assert_int_equal(count_files(store_path, ".seg"), files);
	/* and what a kill leaves without a name is swept out */
	hin_store_close(store);
	snprintf(left, sizeof(left), "%s/2025-11-22/00000000000000ff.new", store_path);
	fclose(fopen(left, "w"));
	store = open_store(HIN_STORE_WRITE, NULL);
	assert_int_equal(count_files(store_path, ".new"), 0);
	hin_store_close(store);
}

/* ---- kill -9 while house is kept ---- */

static void keep_house_for_ever(uint64_t seed)
{
	struct hin_store *store = open_store(HIN_STORE_WRITE, NULL);
	struct hin_store_work work;
	struct hin_error err = { 0 };

	store->sources_least = 1; /* files grow too */
	for (int64_t days = 0;; days++) {
		static const struct hin_store_keep keep[] = {
			{ HIN_KIND_TELESCOPE_FLOW, HIN_KIND_TELESCOPE_FLOW, HIN_DAY_US },
		};
		struct hin_store_policy policy = { .keep = keep, .keep_count = 1 };

		if (hin_store_compact(store, DAY_US + HIN_DAY_US, &work, &err) != HIN_OK)
			_exit(1);
		/* sometimes the day before goes, sometimes both */
		if (rows_below(&seed, 3) == 0 &&
		    hin_store_retain(store, &policy,
				     DAY_US + (int64_t)(1 + rows_below(&seed, 2)) * HIN_DAY_US,
				     &work, &err) != HIN_OK)
			_exit(1);
	}
}

static void loses_nothing_when_killed(void **state)
{
	struct hin_store *store = open_store(HIN_STORE_CREATE, NULL);
	struct hin_store_answer before, after;
	struct hin_error err = { 0 };
	uint64_t seed = 5, next = BATCHES / SENSORS + 1;

	(void)state;
	(void)fill_store(store);
	for (unsigned round = 0; round < 40; round++) {
		struct timespec wait = { 0, (long)rows_below(&seed, 30000000) };
		int status;
		pid_t child;

		/* something new in small blocks, so that there is work */
		for (unsigned i = 0; i < 3; i++) {
			append(store, 0, 1, next++, 300);
			for (size_t d = 0; d < store->day_count; d++)
				assert_int_equal(hin_store_cut(store, &store->days[d],
							       store->days[d].builder.rows, &err),
						 HIN_OK);
		}
		sync_store(store);
		before = by_all(store, false);
		hin_store_close(store);
		child = fork();
		if (child == 0)
			keep_house_for_ever(rows_random(&seed));
		nanosleep(&wait, NULL);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		store = open_store(HIN_STORE_WRITE, NULL);
		after = by_all(store, false);
		expect_same(&before, &after);
		hin_store_answer_fini(&before);
		hin_store_answer_fini(&after);
	}
	hin_store_close(store);
}

/* ---- backup ---- */

static void backs_up_and_restores(void **state)
{
	struct hin_store *store = open_store(HIN_STORE_CREATE, NULL), *reader, *copy = NULL;
	struct sums want = fill_store(store);
	struct hin_store_checked checked;
	struct hin_store_mark mark;
	struct notes notes = { 0 };
	struct hin_error err = { 0 };
	char backup[100], restored[100], stray[120];
	FILE *f;

	(void)state;
	snprintf(backup, sizeof(backup), "%s/backup", folder);
	snprintf(restored, sizeof(restored), "%s/restored", folder);
	append(store, 1, 1, BATCHES / SENSORS + 1, MOST);
	expect_sums(&want, 1, BATCHES / SENSORS + 1, BATCHES / SENSORS + 1, MOST);
	sync_store(store);
	reader = open_store(HIN_STORE_READ, NULL);
	append(store, 1, 1, BATCHES / SENSORS + 2, MOST); /* goes on meanwhile */
	sync_store(store);
	assert_int_equal(hin_store_backup(reader, backup, &checked, &err), HIN_OK);
	assert_int_equal(hin_store_backup(reader, backup, &checked, &err), HIN_EDENIED);
	assert_int_equal(hin_store_restore(backup, restored, NULL, &checked, &err), HIN_OK);
	assert_int_equal(hin_store_open(&copy, restored, HIN_STORE_WRITE, NULL, &err), HIN_OK);
	expect_store(copy, &want);
	assert_true(hin_store_find_mark(copy, batch_head(1, 0, 0).sensor, &mark));
	assert_int_equal(mark.committed.sequence, BATCHES / SENSORS + 1);
	hin_store_close(copy);
	assert_int_equal(hin_store_restore(backup, restored, NULL, &checked, &err), HIN_EDENIED);
	/* what does not belong there is said */
	snprintf(stray, sizeof(stray), "%s/notes.txt", store_path);
	f = fopen(stray, "w");
	fclose(f);
	hin_store_close(reader);
	reader = open_store(HIN_STORE_READ, &notes);
	assert_int_equal(hin_store_check(reader, &checked, NULL, &err), HIN_OK);
	assert_int_equal(checked.strays, 1);
	assert_non_null(strstr(notes.last.text, "notes.txt"));
	hin_store_close(reader);
	hin_store_close(store);
	/* a damaged backup is not restored */
	memcpy(store_path, backup,
	       sizeof(backup) < sizeof(store_path) ? sizeof(backup) : sizeof(store_path));
	store_path[sizeof(store_path) - 1] = '\0';
	reader = open_store(HIN_STORE_READ, NULL);
	flip(&reader->catalog.segments[0], 2000);
	hin_store_close(reader);
	snprintf(restored, sizeof(restored), "%s/restored2", folder);
	assert_int_equal(hin_store_restore(backup, restored, NULL, &checked, &err), HIN_EVERIFY);
	assert_int_not_equal(access(restored, F_OK), 0);
}

/* ---- a damaged journal ---- */

/* Where each record of the journal begins, and where the last one ends. */
static size_t find_records(const uint8_t *bytes, size_t size, size_t *out, size_t most)
{
	size_t count = 0, at = HIN_JOURNAL_HEAD;

	while (at + HIN_RECORD_HEAD <= size && count < most) {
		uint32_t length;

		memcpy(&length, bytes + at + 4, sizeof(length));
		out[count++] = at;
		at += HIN_RECORD_HEAD + length;
	}
	return count;
}

static uint8_t *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "r");
	uint8_t *bytes = malloc(4 << 20);

	*size = fread(bytes, 1, 4 << 20, f);
	fclose(f);
	return bytes;
}

static void write_file(const char *path, const uint8_t *bytes, size_t size)
{
	FILE *f = fopen(path, "w");

	assert_int_equal(fwrite(bytes, 1, size, f), size);
	fclose(f);
}

/* The rows of the batches that the store says it has: no more, no less. */
static uint64_t expect_marked(struct hin_store *store, uint64_t batches)
{
	struct sums want = { 0 };
	uint64_t there = 0;

	for (unsigned sensor = 0; sensor < SENSORS; sensor++)
		for (uint64_t i = 1; i <= batches; i++)
			if (hin_store_has(store, batch_head(sensor, 1, i).sensor, 1, i)) {
				expect_sums(&want, sensor, i, i, 200);
				there++;
			}
	expect_store(store, &want);
	return there;
}

static void rebuilds(void **state)
{
	enum { EACH = 12 };
	struct hin_store *store = open_store(HIN_STORE_CREATE, NULL);
	struct hin_store_checked checked;
	struct hin_store_rebuilt rebuilt;
	struct hin_store_work work;
	struct hin_error err = { 0 };
	size_t records[200], count, size;
	char journal[120], keep[120], command[400];
	uint8_t *bytes;

	(void)state;
	for (uint64_t i = 1; i <= EACH; i++) {
		for (unsigned sensor = 0; sensor < SENSORS; sensor++) {
			append(store, sensor, 1, i, 200);
			if (sensor == 1 && i % 3 == 0)
				assert_int_equal(hin_store_cut(store, &store->days[i % 2],
							       store->days[i % 2].builder.rows,
							       &err),
						 HIN_OK);
			sync_store(store);
		}
		if (i == EACH / 2)
			assert_int_equal(hin_store_compact(store, NOW_US, &work, &err), HIN_OK);
	}
	hin_store_close(store);
	assert_int_equal(hin_store_rebuild(store_path, NULL, &rebuilt, &err), HIN_EUSAGE);
	snprintf(journal, sizeof(journal), "%s/journal", store_path);
	snprintf(keep, sizeof(keep), "%s/keep", folder);
	snprintf(command, sizeof(command), "cp -r %s %s", store_path, keep);
	assert_int_equal(system(command), 0);
	bytes = read_file(journal, &size);
	count = find_records(bytes, size, records, HIN_COUNT(records));
	assert_true(count > 15);
	/* each record but the last, which would be a torn end; and the head */
	for (size_t i = 0; i < count; i++) {
		size_t at = i == 0 ? 20 : records[i - 1] + 40;
		struct notes notes = { 0 };
		struct hin_store_options options = { .note = take_note, .user = &notes };
		struct hin_store_mark mark;
		uint64_t there;

		snprintf(command, sizeof(command), "rm -rf %s && cp -r %s %s", store_path, keep,
			 store_path);
		assert_int_equal(system(command), 0);
		bytes[at] ^= 1;
		write_file(journal, bytes, size);
		assert_int_not_equal(
			hin_store_open(&store, store_path, HIN_STORE_WRITE, NULL, &err), HIN_OK);
		if (hin_store_rebuild(store_path, &options, &rebuilt, &err) != HIN_OK)
			fail_msg("record %zu: %s", i, err.text);
		assert_true(rebuilt.damaged_bytes > 0 && notes.count > 0);
		assert_string_equal(rebuilt.aside, "journal.damaged-1");
		store = open_store(HIN_STORE_WRITE, NULL);
		/* one whose rows were cut into a file by the very record may lack the others */
		assert_true(rebuilt.batches_partial <= 1 || i <= 1);
		there = rebuilt.batches_partial > 0 ? EACH * SENSORS - rebuilt.batches_lost
						    : expect_marked(store, EACH);
		assert_true(there + rebuilt.batches_lost <= EACH * SENSORS);
		/* of a record in the middle nothing is lost but what it alone had */
		if (i > 1) {
			assert_true(rebuilt.batches_lost + rebuilt.batches_partial <= 1);
			/* the last mark of a sensor may be gone: it sends again from there */
			assert_true(there + rebuilt.batches_lost + 1 >= EACH * SENSORS);
		}
		assert_int_equal(rebuilt.rows, store_sums(store).rows);
		assert_int_equal(hin_store_check(store, &checked, NULL, &err), HIN_OK);
		assert_int_equal(checked.damaged_blocks, 0);
		/* and on it goes: what is missing may come again */
		if (hin_store_find_mark(store, batch_head(0, 0, 0).sensor, &mark))
			append(store, 0, 1, mark.appended.sequence + 1, 200);
		sync_store(store);
		hin_store_close(store);
		bytes[at] ^= 1;
	}
	free(bytes);
}

/* ---- road.alive ---- */

static void tells_what_was_watched(void **state)
{
	struct hin_store *store = open_store(HIN_STORE_CREATE, NULL);
	struct hin_observation rows[100] = { 0 };
	struct hin_store_range range = { .since_us = DAY_US,
					 .until_us = DAY_US + INT64_C(6000000000) };
	struct hin_store_watched watched;
	enum hin_store_outcome outcome;
	struct hin_error err = { 0 };

	(void)state;
	for (unsigned sensor = 0; sensor < 2; sensor++) {
		struct hin_store_batch batch = batch_head(sensor, 1, 1);

		for (unsigned i = 0; i < 100; i++) {
			rows[i] = (struct hin_observation){ .kind = HIN_KIND_ROAD_ALIVE };
			/* the second sensor was away for half of the time, and says things twice */
			rows[i].time_us = DAY_US + (int64_t)(sensor ? i / 2 : i) * 60000000;
			rows[i].duration_us = 60000000;
		}
		batch.received_us = DAY_US - 1;
		assert_int_equal(hin_store_append(store, &batch, rows, 100, &outcome, &err),
				 HIN_OK);
	}
	/* one that never says that it is alive, as an import: it watches nothing */
	rows[0] = (struct hin_observation){ .kind = HIN_KIND_TELESCOPE_FLOW, .time_us = DAY_US };
	struct hin_store_batch import = batch_head(2, 1, 1);

	import.received_us = DAY_US - 1;
	assert_int_equal(hin_store_append(store, &import, rows, 1, &outcome, &err), HIN_OK);
	sync_store(store);
	hin_store_close(store); /* who is alive is not forgotten */
	store = open_store(HIN_STORE_WRITE, NULL);
	assert_int_equal(hin_store_watch(store, &range, &watched, &err), HIN_OK);
	assert_int_equal(watched.sensors, 2);
	assert_int_equal(watched.expected_us, UINT64_C(12000000000));
	assert_int_equal(watched.watched_us, UINT64_C(9000000000));
	/* an interval that reaches into the range counts by its part */
	range.since_us = DAY_US + 30000000;
	range.until_us = DAY_US + 90000000;
	assert_int_equal(hin_store_watch(store, &range, &watched, &err), HIN_OK);
	assert_int_equal(watched.watched_us, 120000000);
	/* after both fell silent they still should have watched */
	range.since_us = DAY_US + HIN_DAY_US;
	range.until_us = DAY_US + HIN_DAY_US + 1000000;
	assert_int_equal(hin_store_watch(store, &range, &watched, &err), HIN_OK);
	assert_int_equal(watched.sensors, 2);
	assert_int_equal(watched.watched_us, 0);
	hin_store_close(store);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_setup, folder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(compacts),
		TEST(leaves_damage_alone),
		TEST(rolls_up),
		TEST(keeps_to_a_size),
		TEST(keeps_house_beside_appends),
		TEST(forgets_house_not_synced),
		TEST(loses_nothing_when_killed),
		TEST(backs_up_and_restores),
		TEST(rebuilds),
		TEST(tells_what_was_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
