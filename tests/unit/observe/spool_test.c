#include "../test.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../random.h"
#include "observe/batch_file.h"
#include "observe/batch_reader.h"
#include "observe/batch_writer.h"
#include "observe/spool.h"

static char folder[] = "/tmp/hinomi-spool-XXXXXX";
static struct hin_sensor_key key;
static const struct hin_spool_settings small = { .limit_bytes = HIN_SPOOL_LIMIT_MIN,
						 .file_bytes = 2000,
						 .keep_bytes = UINT64_MAX };

static int make_folder(void **state)
{
	static const uint8_t seed[32] = { 7 };

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	return hin_sensor_key_of_seed(&key, seed, NULL) == HIN_OK ? 0 : -1;
}

/* Call `call` (NULL: unlink) for each file of batches, in order; returns how many there are. */
static size_t each_file(void (*call)(const char *path))
{
	struct dirent **names;
	int count = scandir(folder, &names, NULL, alphasort);
	size_t files = 0;

	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (strstr(names[i]->d_name, ".batches") != NULL) {
			files++;
			if (call != NULL)
				call(path);
		}
		free(names[i]);
	}
	free(names);
	return files;
}

static void remove_file(const char *path)
{
	unlink(path);
}

static int empty_folder(void **state)
{
	char path[PATH_MAX];

	(void)state;
	each_file(remove_file);
	snprintf(path, sizeof(path), "%s/acknowledged", folder);
	unlink(path);
	return 0;
}

static int remove_folder(void **state)
{
	char path[PATH_MAX];

	empty_folder(state);
	snprintf(path, sizeof(path), "%s/lock", folder);
	unlink(path);
	return rmdir(folder);
}

/* A spool with the writer whose batches it takes. */
struct sensor {
	struct hin_spool *spool;
	struct hin_batch_writer *writer;
	struct hin_spool_found found;
};

static void start(struct sensor *n, const struct hin_spool_settings *settings)
{
	struct hin_batch_mark mark;
	struct hin_error err = { 0 };

	if (hin_spool_open(&n->spool, folder, key.public_key, settings, &mark, &n->found, &err) !=
	    HIN_OK)
		fail_msg("%s", err.text);
	assert_int_equal(hin_batch_writer_open(&n->writer, &key, &mark, 100, NULL), HIN_OK);
}

static void end(struct sensor *n)
{
	hin_batch_writer_close(n->writer);
	hin_spool_close(n->spool);
}

static uint64_t now_at(const struct sensor *n)
{
	return hin_batch_writer_mark(n->writer)->sequence;
}

/* One batch of `rows` rows of a kind. */
static const uint8_t *make_batch(struct sensor *n, size_t rows, uint16_t kind, size_t *size)
{
	const uint8_t *bytes = NULL;

	for (size_t i = 0; i < rows; i++) {
		struct hin_observation row = { .time_us = 1000000 + (int64_t)i, .kind = kind };

		row.packets = i + 1;
		assert_int_equal(hin_batch_writer_add(n->writer, &row, NULL), HIN_OK);
	}
	assert_int_equal(hin_batch_writer_finish(n->writer, &bytes, size, NULL), HIN_OK);
	return bytes;
}

static void append(struct sensor *n, size_t rows, uint16_t kind)
{
	struct hin_error err = { 0 };
	size_t size;
	const uint8_t *bytes = make_batch(n, rows, kind, &size);

	if (hin_spool_append(n->spool, bytes, size, hin_batch_writer_mark(n->writer), &err) !=
	    HIN_OK)
		fail_msg("%s", err.text);
}

/* Read on from `place`; sequences must follow each other, and their chain. Returns how many. */
static size_t read_all(struct sensor *n, struct hin_spool_place *place)
{
	struct hin_batch_mark mark = { 0 };
	struct hin_buffer bytes = { 0 };
	enum hin_code code;
	size_t count = 0;

	while ((code = hin_spool_read(n->spool, place, SIZE_MAX, &bytes, NULL)) == HIN_OK) {
		struct hin_batch_reader reader;
		uint8_t digest[32];

		assert_int_equal(hin_batch_reader_open(&reader, bytes.data, bytes.used,
						       key.public_key, NULL),
				 HIN_OK);
		assert_int_equal(reader.header.epoch, place->epoch);
		assert_int_equal(reader.header.sequence, place->sequence);
		hin_batch_digest(digest, bytes.data, bytes.used);
		if (count > 0 && mark.epoch == place->epoch)
			assert_int_equal(hin_batch_chain(&mark, &reader.header, digest),
					 HIN_CHAIN_NEXT);
		mark.epoch = place->epoch;
		mark.sequence = place->sequence;
		memcpy(mark.digest, digest, sizeof(digest));
		hin_buffer_reset(&bytes);
		count++;
	}
	assert_int_equal(code, HIN_EOF);
	hin_buffer_fini(&bytes);
	return count;
}

static void goes_on_where_it_was(void **state)
{
	struct hin_spool_place place = { 0 };
	struct hin_batch_mark mark;
	struct sensor n;

	(void)state;
	start(&n, &small);
	assert_true(n.found.fresh);
	assert_int_equal(read_all(&n, &place), 0);
	for (int i = 0; i < 30; i++)
		append(&n, 3, HIN_KIND_ROAD_ALIVE);
	assert_int_equal(read_all(&n, &place), 30);
	append(&n, 1, HIN_KIND_ROAD_ALIVE);
	assert_int_equal(read_all(&n, &place), 1);
	mark = *hin_batch_writer_mark(n.writer);
	end(&n);
	assert_true(each_file(NULL) > 1);

	start(&n, &small);
	assert_false(n.found.fresh);
	assert_int_equal(n.found.unsent, 31);
	assert_memory_equal(hin_batch_writer_mark(n.writer), &mark, sizeof(mark));
	append(&n, 2, HIN_KIND_ROAD_ALIVE);
	place = (struct hin_spool_place){ 0 };
	assert_int_equal(read_all(&n, &place), 32);
	place.sequence = 10;
	assert_int_equal(read_all(&n, &place), 22);
	place.sequence = 5; /* back again */
	assert_int_equal(read_all(&n, &place), 27);
	end(&n);
}

static void reads_no_more_than_fits(void **state)
{
	struct hin_spool_place place = { 0 };
	struct hin_buffer bytes = { 0 };
	struct sensor n;
	size_t whole;

	(void)state;
	start(&n, &small);
	append(&n, 5, HIN_KIND_ROAD_ALIVE);
	append(&n, 5, HIN_KIND_ROAD_ALIVE);
	assert_int_equal(hin_spool_read(n.spool, &place, 10, &bytes, NULL), HIN_ELIMIT);
	assert_int_equal(bytes.used, 0);
	assert_int_equal(place.sequence, 0);
	assert_int_equal(hin_spool_read(n.spool, &place, 4000, &bytes, NULL), HIN_OK);
	whole = bytes.used;
	assert_int_equal(hin_spool_read(n.spool, &place, whole - 1, &bytes, NULL), HIN_ELIMIT);
	assert_int_equal(place.sequence, 1);
	assert_int_equal(hin_spool_read(n.spool, &place, whole + 64, &bytes, NULL), HIN_OK);
	assert_int_equal(place.sequence, 2);
	hin_buffer_fini(&bytes);
	end(&n);
}

static void forgets_whole_files(void **state)
{
	struct hin_spool_settings keeps = small;
	struct hin_spool_place place = { 0 };
	struct hin_spool_stats stats;
	struct hin_spool_loss loss;
	struct sensor n;
	uint64_t oldest, epoch;
	size_t files;

	(void)state;
	start(&n, &small);
	for (int i = 0; i < 40; i++)
		append(&n, 3, HIN_KIND_ROAD_ALIVE);
	epoch = hin_batch_writer_mark(n.writer)->epoch;
	files = each_file(NULL);
	hin_spool_forget(n.spool, (struct hin_spool_place){ epoch, 20 });
	hin_spool_stats(n.spool, &stats);
	assert_int_equal(stats.unsent, 20);
	oldest = hin_spool_oldest(n.spool, epoch);
	assert_true(oldest > 1 && oldest <= 21);
	assert_true(each_file(NULL) < files);
	hin_spool_forget(n.spool, (struct hin_spool_place){ epoch, 40 });
	assert_int_equal(each_file(NULL), 1); /* the newest tells where the chain stands */
	hin_spool_forget(n.spool, (struct hin_spool_place){ epoch + 1, 3 }); /* who is that? */
	hin_spool_stats(n.spool, &stats);
	assert_true(stats.unsent > 0 && stats.unsent == stats.batches);
	hin_spool_forget(n.spool, (struct hin_spool_place){ epoch, 40 });
	assert_false(hin_spool_take_loss(n.spool, &loss));
	end(&n);

	keeps.keep_bytes = 1u << 20; /* what is acknowledged may be asked for again */
	start(&n, &keeps);
	assert_int_equal(n.found.unsent, 0); /* it was written down */
	for (int i = 0; i < 40; i++)
		append(&n, 3, HIN_KIND_ROAD_ALIVE);
	hin_spool_forget(n.spool, (struct hin_spool_place){ epoch, 80 });
	hin_spool_forget(n.spool, (struct hin_spool_place){ epoch, 50 });
	place = (struct hin_spool_place){ epoch, 50 };
	assert_int_equal(read_all(&n, &place), 30);
	hin_spool_stats(n.spool, &stats);
	assert_int_equal(stats.unsent, 30);
	end(&n);
}

static void drops_the_oldest_when_full(void **state)
{
	struct hin_spool_settings settings = { .limit_bytes = HIN_SPOOL_LIMIT_MIN };
	uint64_t lost[2] = { 0 }, written = 0, batches = 0;
	struct hin_spool_place place = { 0 };
	struct hin_spool_stats stats;
	struct hin_spool_loss loss;
	struct sensor n;

	(void)state;
	start(&n, &settings);
	do {
		append(&n, 90, HIN_KIND_ROAD_ALIVE);
		append(&n, 7, HIN_KIND_ROAD_LOSS);
		hin_spool_stats(n.spool, &stats);
		assert_true(stats.bytes <= settings.limit_bytes);
		written++;
	} while (stats.dropped_batches < 3000 || stats.dropped_batches % 2 != 0);
	assert_int_equal(stats.batches + stats.dropped_batches, 2 * written);
	while (hin_spool_take_loss(n.spool, &loss)) {
		assert_int_equal(loss.verdict, HIN_VERDICT_SPOOL_FULL);
		assert_int_equal(loss.first_us, 1000000);
		lost[loss.kind == HIN_KIND_ROAD_LOSS] += loss.rows;
	}
	assert_int_equal(lost[0], stats.dropped_batches / 2 * 90);
	assert_int_equal(lost[1], stats.dropped_batches / 2 * 7);
	batches = read_all(&n, &place);
	assert_int_equal(batches, stats.batches);
	assert_int_equal(place.sequence, now_at(&n));
	end(&n);
}

static void acknowledged_goes_before_unsent(void **state)
{
	struct hin_spool_settings settings = { .limit_bytes = HIN_SPOOL_LIMIT_MIN,
					       .keep_bytes = HIN_SPOOL_LIMIT_MIN };
	struct hin_spool_stats stats;
	struct hin_spool_loss loss;
	struct sensor n;

	(void)state;
	start(&n, &settings);
	for (int i = 0; i < 10000; i++) {
		append(&n, 60, HIN_KIND_ROAD_ALIVE);
		hin_spool_forget(n.spool, (struct hin_spool_place){
						  hin_batch_writer_mark(n.writer)->epoch,
						  now_at(&n) - (now_at(&n) > 50 ? 50 : 0) });
	}
	hin_spool_stats(n.spool, &stats);
	assert_int_equal(stats.dropped_batches, 0);
	assert_true(stats.bytes <= settings.limit_bytes && stats.batches > 51);
	assert_false(hin_spool_take_loss(n.spool, &loss));
	end(&n);
}

static off_t cut_to;
static char last_path[PATH_MAX];

static void note_last(const char *path)
{
	strcpy(last_path, path);
}

static off_t size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void cuts_a_torn_end(void **state)
{
	struct hin_spool_settings one_file = { .limit_bytes = HIN_SPOOL_LIMIT_MIN };
	struct hin_batch_mark marks[4];
	off_t sizes[4], size;
	char keep[PATH_MAX];
	struct sensor n;

	(void)state;
	start(&n, &one_file);
	for (int i = 0; i < 4; i++) {
		append(&n, 2, HIN_KIND_ROAD_ALIVE);
		marks[i] = *hin_batch_writer_mark(n.writer);
		each_file(note_last);
		sizes[i] = size_of(last_path);
	}
	end(&n);
	snprintf(keep, sizeof(keep), "%s.whole", folder);
	assert_int_equal(rename(last_path, keep), 0);
	size = sizes[3];
	for (cut_to = 1; cut_to <= size; cut_to++) {
		struct hin_batch_mark mark;
		char command[PATH_MAX * 2 + 64];
		int whole = 0;

		snprintf(command, sizeof(command), "head -c %lld %s >%s", (long long)cut_to, keep,
			 last_path);
		assert_int_equal(system(command), 0);
		while (whole < 4 && sizes[whole] <= cut_to)
			whole++;
		start(&n, &one_file);
		mark = *hin_batch_writer_mark(n.writer);
		if (whole > 0)
			assert_memory_equal(&mark, &marks[whole - 1], sizeof(mark));
		else
			assert_true(n.found.fresh && mark.epoch != marks[0].epoch);
		assert_int_equal(n.found.cut_bytes, cut_to - (whole > 0 ? sizes[whole - 1] : 0));
		append(&n, 1, HIN_KIND_ROAD_ALIVE);
		assert_int_equal(read_all(&n, &(struct hin_spool_place){ 0 }), whole + 1);
		end(&n);
		each_file(remove_file);
	}
	unlink(keep);
}

static void flip(const char *path, off_t at)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x40;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void damage_at_the_end_is_a_new_epoch(void **state)
{
	struct hin_batch_mark mark;
	struct sensor n;

	(void)state;
	start(&n, NULL);
	for (int i = 0; i < 5; i++)
		append(&n, 4, HIN_KIND_ROAD_ALIVE);
	mark = *hin_batch_writer_mark(n.writer);
	end(&n);
	each_file(note_last);
	flip(last_path, size_of(last_path) - 3);
	start(&n, NULL);
	assert_true(n.found.damaged);
	assert_true(hin_batch_writer_mark(n.writer)->epoch != mark.epoch);
	append(&n, 1, HIN_KIND_ROAD_ALIVE);
	assert_int_equal(read_all(&n, &(struct hin_spool_place){ 0 }), 5); /* four old, one new */
	end(&n);
	start(&n, NULL); /* and there it goes on */
	assert_false(n.found.damaged);
	assert_int_equal(hin_batch_writer_mark(n.writer)->sequence, 1);
	assert_int_equal(read_all(&n, &(struct hin_spool_place){ 0 }), 5);
	end(&n);
}

static void damage_in_the_middle_is_told(void **state)
{
	struct hin_spool_place place = { 0 };
	struct hin_buffer bytes = { 0 };
	struct hin_spool_loss loss;
	struct sensor n;
	size_t got = 0;

	(void)state;
	start(&n, &small);
	for (int i = 0; i < 60; i++)
		append(&n, 3, HIN_KIND_ROAD_ALIVE);
	end(&n);
	each_file(note_last);
	start(&n, &small);
	hin_spool_forget(n.spool, place);
	{
		char first[PATH_MAX] = "";
		struct dirent **names;
		int count = scandir(folder, &names, NULL, alphasort);

		for (int i = 0; i < count; i++) {
			if (first[0] == '\0' && strstr(names[i]->d_name, ".batches") != NULL)
				snprintf(first, sizeof(first), "%s/%s", folder, names[i]->d_name);
			free(names[i]);
		}
		free(names);
		flip(first, HIN_BATCH_FRAME + 20);
	}
	while (hin_spool_read(n.spool, &place, SIZE_MAX, &bytes, NULL) == HIN_OK)
		got++;
	assert_int_equal(got, 59);
	assert_true(hin_spool_take_loss(n.spool, &loss));
	assert_int_equal(loss.verdict, HIN_VERDICT_BAD_INPUT);
	assert_int_equal(loss.rows, 1);
	assert_int_equal(place.sequence, 60);
	hin_buffer_fini(&bytes);
	end(&n);
}

static void one_process_and_one_sensor(void **state)
{
	static const uint8_t other_seed[32] = { 9 };
	struct hin_sensor_key other;
	struct hin_batch_mark mark;
	struct hin_spool *second;
	struct hin_error err;
	struct sensor n;

	(void)state;
	assert_int_equal(hin_sensor_key_of_seed(&other, other_seed, NULL), HIN_OK);
	start(&n, NULL);
	append(&n, 1, HIN_KIND_ROAD_ALIVE);
	assert_int_equal(hin_spool_open(&second, folder, key.public_key, NULL, &mark, NULL, &err),
			 HIN_EDENIED);
	end(&n);
	assert_int_equal(hin_spool_open(&second, folder, other.public_key, NULL, &mark, NULL, &err),
			 HIN_EVERIFY);
	assert_non_null(strstr(err.text, "another sensor"));
	assert_int_equal(
		hin_spool_open(&second, "/proc/nowhere", key.public_key, NULL, &mark, NULL, &err),
		HIN_ESYS);
}

static void a_full_disk_is_waited_out(void **state)
{
	struct rlimit old, tight;
	struct sensor n;
	const uint8_t *bytes;
	struct hin_error err;
	size_t size;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	start(&n, NULL);
	append(&n, 3, HIN_KIND_ROAD_ALIVE);
	each_file(note_last);
	bytes = make_batch(&n, 20, HIN_KIND_ROAD_ALIVE, &size);
	tight = old;
	for (rlim_t more = 0; more < size + HIN_BATCH_FRAME; more += 7) {
		tight.rlim_cur = (rlim_t)size_of(last_path) + more;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
		assert_int_equal(hin_spool_append(n.spool, bytes, size,
						  hin_batch_writer_mark(n.writer), &err),
				 HIN_ESYS);
		assert_int_equal(read_all(&n, &(struct hin_spool_place){ 0 }), 1);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(
		hin_spool_append(n.spool, bytes, size, hin_batch_writer_mark(n.writer), NULL),
		HIN_OK);
	append(&n, 1, HIN_KIND_ROAD_ALIVE);
	assert_int_equal(read_all(&n, &(struct hin_spool_place){ 0 }), 3);
	end(&n);
	start(&n, NULL);
	assert_int_equal(now_at(&n), 3);
	end(&n);
}

static void abandons_all(void **state)
{
	struct hin_spool_loss loss;
	struct hin_batch_mark mark;
	struct sensor n;

	(void)state;
	start(&n, &small);
	for (int i = 0; i < 20; i++)
		append(&n, 3, HIN_KIND_ROAD_ALIVE);
	mark = *hin_batch_writer_mark(n.writer);
	hin_spool_forget(n.spool, (struct hin_spool_place){ mark.epoch, 5 });
	assert_int_equal(hin_spool_abandon(n.spool, HIN_VERDICT_REFUSED), 15 * 3);
	assert_true(hin_spool_take_loss(n.spool, &loss));
	assert_int_equal(loss.rows, 15 * 3);
	assert_int_equal(loss.verdict, HIN_VERDICT_REFUSED);
	assert_int_equal(each_file(NULL), 0);
	hin_batch_writer_close(n.writer);
	assert_int_equal(hin_batch_mark_draw(&mark, NULL), HIN_OK);
	assert_int_equal(hin_batch_writer_open(&n.writer, &key, &mark, 100, NULL), HIN_OK);
	append(&n, 1, HIN_KIND_ROAD_ALIVE);
	assert_int_equal(read_all(&n, &(struct hin_spool_place){ 0 }), 1);
	end(&n);
}

/* A child that spools as fast as it can, and tells each batch that is durable. */
static void spool_for_ever(int to, uint64_t seed)
{
	struct sensor n;

	start(&n, &small);
	for (;;) {
		struct hin_batch_mark mark;

		append(&n, random_below(&seed, 40), HIN_KIND_ROAD_ALIVE);
		mark = *hin_batch_writer_mark(n.writer);
		if (write(to, &mark, sizeof(mark)) != sizeof(mark))
			_exit(1);
		if (random_below(&seed, 4) == 0 && mark.sequence > 20)
			hin_spool_forget(n.spool, (struct hin_spool_place){ mark.epoch,
									    mark.sequence - 20 });
	}
}

static void survives_kill_9(void **state)
{
	uint64_t seed = 20261122, before = 0, epoch = 0;

	(void)state;
	for (int round = 0; round < 40; round++) {
		uint32_t tell = random_below(&seed, 30) + 1, spin = random_below(&seed, 20000);
		struct hin_batch_mark mark = { 0 }, last = { 0 };
		struct sensor n;
		int to[2];
		pid_t child;

		assert_int_equal(pipe(to), 0);
		child = fork();
		if (child == 0)
			spool_for_ever(to[1], seed);
		close(to[1]);
		for (uint32_t i = 0; i < tell; i++)
			assert_int_equal(read(to[0], &last, sizeof(last)), sizeof(last));
		for (volatile uint32_t i = 0; i < spin; i = i + 1)
			;
		kill(child, SIGKILL);
		while (read(to[0], &mark, sizeof(mark)) == sizeof(mark))
			last = mark;
		close(to[0]);
		assert_int_equal(waitpid(child, NULL, 0), child);

		start(&n, &small);
		assert_false(n.found.damaged || n.found.fresh);
		mark = *hin_batch_writer_mark(n.writer);
		assert_true(round == 0 || mark.epoch == epoch);
		assert_true(mark.sequence >= last.sequence && mark.sequence <= last.sequence + 1);
		if (mark.sequence == last.sequence)
			assert_memory_equal(&mark, &last, sizeof(mark));
		assert_true(mark.sequence > before);
		before = mark.sequence;
		epoch = mark.epoch;
		assert_true(read_all(&n, &(struct hin_spool_place){ 0 }) > 0);
		end(&n);
	}
}

static void *follow(void *arg)
{
	struct sensor *n = arg;
	struct hin_spool_place place = { 0 };
	size_t got = 0;

	while (got < 400) {
		got += read_all(n, &place);
		hin_spool_forget(n->spool, place);
	}
	return NULL;
}

static void read_while_written(void **state)
{
	struct hin_spool_stats stats;
	pthread_t thread;
	struct sensor n;

	(void)state;
	start(&n, &small);
	assert_int_equal(pthread_create(&thread, NULL, follow, &n), 0);
	for (int i = 0; i < 400; i++)
		append(&n, 5, HIN_KIND_ROAD_ALIVE);
	pthread_join(thread, NULL);
	hin_spool_stats(n.spool, &stats);
	assert_int_equal(stats.unsent, 0);
	assert_int_equal(stats.dropped_batches, 0);
	end(&n);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, empty_folder)
	static const struct CMUnitTest tests[] = {
		TEST(goes_on_where_it_was),
		TEST(reads_no_more_than_fits),
		TEST(forgets_whole_files),
		TEST(drops_the_oldest_when_full),
		TEST(acknowledged_goes_before_unsent),
		TEST(cuts_a_torn_end),
		TEST(damage_at_the_end_is_a_new_epoch),
		TEST(damage_in_the_middle_is_told),
		TEST(one_process_and_one_sensor),
		TEST(a_full_disk_is_waited_out),
		TEST(abandons_all),
		TEST(survives_kill_9),
		TEST(read_while_written),
	};

	return cmocka_run_group_tests_name("spool", tests, make_folder, remove_folder);
}
