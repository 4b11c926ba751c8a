#include "../test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/batch_file.h"

static char path[] = "/tmp/hinomi-batches-XXXXXX";

static int make_path(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd == -1)
		return -1;
	close(fd);
	return 0;
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

static int empty_path(void **state)
{
	(void)state;
	return truncate(path, 0);
}

static const char *const batches[] = { "first", "", "the third one", "x" };

/* Append all of `batches`; returns the size of the file. */
static off_t write_batches(void)
{
	struct hin_batch_file *file = NULL;
	struct stat st;

	assert_int_equal(hin_batch_file_append(&file, path, NULL, NULL), HIN_OK);
	for (size_t i = 0; i < HIN_COUNT(batches); i++)
		assert_int_equal(hin_batch_file_write(file, batches[i], strlen(batches[i]), NULL),
				 HIN_OK);
	assert_int_equal(hin_batch_file_sync(file, NULL), HIN_OK);
	hin_batch_file_close(file);
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* Read to the first code that is not HIN_OK; `*whole` counts the batches before. */
static enum hin_code read_batches(size_t *whole, struct hin_error *err)
{
	struct hin_batch_file *file = NULL;
	const uint8_t *bytes;
	enum hin_code code;
	size_t size;

	assert_int_equal(hin_batch_file_open(&file, path, err), HIN_OK);
	for (*whole = 0; (code = hin_batch_file_read(file, &bytes, &size, err)) == HIN_OK;
	     ++*whole) {
		const char *want = batches[*whole % HIN_COUNT(batches)];

		assert_int_equal(size, strlen(want));
		if (size > 0)
			assert_memory_equal(bytes, want, size);
	}
	hin_batch_file_close(file);
	return code;
}

static void batches_come_back(void **state)
{
	struct hin_error err = { 0 };
	size_t whole;

	(void)state;
	assert_int_equal(read_batches(&whole, &err), HIN_EOF);
	assert_int_equal(whole, 0);
	(void)write_batches();
	(void)write_batches(); /* behind the first */
	assert_int_equal(read_batches(&whole, &err), HIN_EOF);
	assert_int_equal(whole, 2 * HIN_COUNT(batches));
	hin_batch_file_close(NULL);
}

static void every_torn_end_is_told_and_cut(void **state)
{
	off_t full = write_batches(), at = 0, ends[HIN_COUNT(batches)];

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(batches); i++)
		ends[i] = at += HIN_BATCH_FRAME + (off_t)strlen(batches[i]);
	assert_true(at == full);
	for (off_t cut = full; cut > 0; cut--) {
		struct hin_batch_file *file = NULL;
		struct hin_error err = { 0 };
		uint64_t cut_bytes = 99;
		size_t whole, want = 0;
		off_t good = 0;

		for (size_t i = 0; i < HIN_COUNT(batches) && ends[i] <= cut; i++) {
			want = i + 1;
			good = ends[i];
		}
		assert_int_equal(truncate(path, cut), 0);
		assert_int_equal(read_batches(&whole, &err),
				 good == cut ? HIN_EOF : HIN_ETRUNCATED);
		assert_int_equal(whole, want);
		if (good != cut)
			assert_non_null(strstr(err.text, "torn at offset"));
		assert_int_equal(hin_batch_file_append(&file, path, &cut_bytes, &err), HIN_OK);
		assert_true(cut_bytes == (uint64_t)(cut - good));
		hin_batch_file_close(file);
		assert_int_equal(read_batches(&whole, &err), HIN_EOF);
		assert_int_equal(whole, want);
		assert_int_equal(truncate(path, 0), 0);
		(void)write_batches();
	}
}

static void poke(off_t at, uint8_t byte)
{
	int fd = open(path, O_WRONLY);

	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void damage_is_told(void **state)
{
	static const struct {
		const char *name;
		off_t at;
		uint8_t byte;
		enum hin_code want;
		size_t whole;
	} cases[] = {
		{ "first magic", 0, 'x', HIN_EFORMAT, 0 },
		{ "second magic", 17 + 3, '2', HIN_EFORMAT, 1 },
		{ "length over the limit", 7, 0xff, HIN_ELIMIT, 0 },
		{ "length too long", 4, 200, HIN_ETRUNCATED, 0 },
		{ "length too short", 4, 4, HIN_EVERIFY, 0 },
		{ "checksum", 8, 0, HIN_EVERIFY, 0 },
		{ "content", 12, 'F', HIN_EVERIFY, 0 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_batch_file *file = NULL;
		struct hin_error err = { 0 };
		struct stat before, after;
		enum hin_code got;
		size_t whole;

		assert_int_equal(truncate(path, 0), 0);
		(void)write_batches();
		poke(cases[i].at, cases[i].byte);
		got = read_batches(&whole, &err);
		if (got != cases[i].want || whole != cases[i].whole)
			fail_msg("%s: %s after %zu", cases[i].name, err.text, whole);
		assert_non_null(strstr(err.text, path));
		if (got == HIN_ETRUNCATED)
			continue;
		/* what is damaged before its end is left alone */
		assert_int_equal(stat(path, &before), 0);
		assert_int_equal(hin_batch_file_append(&file, path, NULL, &err), got);
		assert_null(file);
		assert_int_equal(stat(path, &after), 0);
		assert_true(before.st_size == after.st_size);
	}
}

/* A wrong checksum costs that batch alone. */
static void reading_goes_on_behind_a_damaged_batch(void **state)
{
	struct hin_batch_file *file = NULL;
	const uint8_t *bytes;
	size_t size;

	(void)state;
	(void)write_batches();
	poke(12, 'F');
	assert_int_equal(hin_batch_file_open(&file, path, NULL), HIN_OK);
	assert_int_equal(hin_batch_file_read(file, &bytes, &size, NULL), HIN_EVERIFY);
	assert_int_equal(hin_batch_file_read(file, &bytes, &size, NULL), HIN_OK);
	assert_int_equal(size, 0);
	assert_true(hin_batch_file_offset(file) == 17 + 12);
	assert_int_equal(hin_batch_file_read(file, &bytes, &size, NULL), HIN_OK);
	assert_int_equal(size, strlen(batches[2]));
	hin_batch_file_close(file);
}

static void a_full_disk_tears_nothing(void **state)
{
	struct hin_batch_file *file = NULL;
	struct hin_error err = { 0 };
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	if (fd == -1)
		skip();
	assert_int_equal(hin_batch_file_of_fd(&file, fd, "full", NULL), HIN_OK);
	assert_int_equal(hin_batch_file_write(file, "x", 1, &err), HIN_ESYS);
	assert_non_null(strstr(err.text, "full"));
	assert_int_equal(hin_batch_file_write(file, "x", 1, &err), HIN_ETRUNCATED);
	hin_batch_file_close(file);
}

static void pipes_carry_batches(void **state)
{
	struct hin_batch_file *in = NULL, *out = NULL;
	const uint8_t *bytes;
	size_t size;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(hin_batch_file_of_fd(&in, fd[0], "in", NULL), HIN_OK);
	assert_int_equal(hin_batch_file_of_fd(&out, fd[1], "out", NULL), HIN_OK);
	assert_int_equal(hin_batch_file_write(out, "abc", 3, NULL), HIN_OK);
	assert_int_equal(hin_batch_file_sync(out, NULL), HIN_OK);
	hin_batch_file_close(out);
	assert_int_equal(hin_batch_file_read(in, &bytes, &size, NULL), HIN_OK);
	assert_memory_equal(bytes, "abc", 3);
	assert_int_equal(hin_batch_file_read(in, &bytes, &size, NULL), HIN_EOF);
	hin_batch_file_close(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(batches_come_back, empty_path),
		cmocka_unit_test_setup(every_torn_end_is_told_and_cut, empty_path),
		cmocka_unit_test_setup(damage_is_told, empty_path),
		cmocka_unit_test_setup(reading_goes_on_behind_a_damaged_batch, empty_path),
		cmocka_unit_test(a_full_disk_tears_nothing),
		cmocka_unit_test(pipes_carry_batches),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
