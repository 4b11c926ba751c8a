/* observe_alloc_test - memory that runs out while batches are written and read, and lines. */
#include "../failing.h"

#include <stdio.h>
#include <unistd.h>

#include "observe/batch_file.h"
#include "observe/batch_reader.h"
#include "observe/batch_writer.h"
#include "observe/ndjson.h"
#include "rows.h"

enum { ROWS = 300 };

static struct hin_sensor_key key;
static struct hin_observation all[ROWS];
static char path[64];

/* Read all rows back. */
static void check_batch(const uint8_t *bytes, size_t size)
{
	struct hin_batch_reader reader;
	struct hin_observation row;

	assert_int_equal(hin_batch_reader_open(&reader, bytes, size, key.public_key, NULL), HIN_OK);
	for (unsigned i = 0; i < ROWS; i++)
		assert_int_equal(hin_batch_reader_next(&reader, &row, NULL), HIN_OK);
	assert_int_equal(hin_batch_reader_next(&reader, &row, NULL), HIN_EOF);
}

/* A finish that fails has changed nothing: the second one has all rows. */
static enum hin_code write_and_read(void *user)
{
	const struct hin_batch_mark start = { .epoch = 1 };
	struct hin_batch_writer *w;
	const uint8_t *bytes;
	size_t size;
	enum hin_code code = hin_batch_writer_open(&w, &key, &start, ROWS, NULL);

	(void)user;
	if (code != HIN_OK)
		return code;
	for (unsigned i = 0; i < ROWS && code == HIN_OK; i++)
		code = hin_batch_writer_add(w, &all[i], NULL);
	assert_int_equal(code, HIN_OK); /* adding allocates nothing */
	code = hin_batch_writer_finish(w, &bytes, &size, NULL);
	if (code == HIN_ENOMEM) {
		assert_int_equal(hin_batch_writer_rows(w), ROWS);
		assert_int_equal(hin_batch_writer_mark(w)->sequence, start.sequence);
		assert_int_equal(hin_batch_writer_finish(w, &bytes, &size, NULL), HIN_OK);
	}
	check_batch(bytes, size);
	hin_batch_writer_close(w);
	return code;
}

/* What was whole before memory ran out is read afterwards. */
static enum hin_code file_and_back(void *user)
{
	struct hin_batch_file *file;
	uint8_t batch[5000];
	const uint8_t *bytes;
	size_t size;
	enum hin_code code;

	(void)user;
	(void)unlink(path);
	memset(batch, 7, sizeof(batch));
	code = hin_batch_file_append(&file, path, NULL, NULL);
	if (code != HIN_OK)
		return code;
	code = hin_batch_file_write(file, batch, sizeof(batch), NULL);
	hin_batch_file_close(file);
	if (code != HIN_OK)
		return code;
	code = hin_batch_file_open(&file, path, NULL);
	if (code != HIN_OK)
		return code;
	code = hin_batch_file_read(file, &bytes, &size, NULL);
	if (code == HIN_OK)
		assert_int_equal(size, sizeof(batch));
	hin_batch_file_close(file);
	return code;
}

static enum hin_code lines(void *user)
{
	struct hin_ndjson_writer writer = { 0 };
	struct hin_buffer out = { 0 };
	bool failed;

	(void)user;
	for (unsigned i = 0; i < ROWS; i++)
		hin_ndjson_add(&writer, &all[i], &out);
	failed = out.failed;
	for (const char *at = hin_buffer_text(&out); !failed && *at != '\0';) {
		const char *end = strchr(at, '\n');
		struct hin_observation row;

		assert_non_null(end);
		assert_int_equal(hin_ndjson_read(&row, at, (size_t)(end - at), 1, NULL), HIN_OK);
		at = end + 1;
	}
	hin_buffer_fini(&out);
	return failed ? HIN_ENOMEM : HIN_OK;
}

static void batches(void **state)
{
	(void)state;
	failing_each("batch", write_and_read, NULL);
	failing_each("file", file_and_back, NULL);
}

static void ndjson(void **state)
{
	(void)state;
	failing_each("ndjson", lines, NULL);
}

static int setup(void **state)
{
	static const uint8_t seed[32] = { 1, 2, 3 };
	const uint64_t fields = UINT64_C(1) << HIN_FIELD_SRC | UINT64_C(1) << HIN_FIELD_DST |
				UINT64_C(1) << HIN_FIELD_PACKETS | UINT64_C(1) << HIN_FIELD_BYTES |
				UINT64_C(1) << HIN_FIELD_DPORT;
	uint64_t dice = 5;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/hinomi-observe-alloc-%d", (int)getpid());
	for (unsigned i = 0; i < ROWS; i++) {
		all[i] = rows_fill(&dice, HIN_KIND_PRIVATE, fields);
		all[i].time_us = 1700000000000000 + i;
	}
	return hin_sensor_key_of_seed(&key, seed, NULL) == HIN_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	hin_sensor_key_fini(&key);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches),
		cmocka_unit_test(ndjson),
	};

	return cmocka_run_group_tests_name("observe_alloc", tests, setup, teardown);
}
