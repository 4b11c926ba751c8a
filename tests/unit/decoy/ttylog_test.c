/* cowrie's ttylog: as Python's struct "<iLiiLL" writes it, and cut at every byte */
#include "../test.h"

#include "decoy/record/ttylog.h"

/*
 * struct.pack('<iLiiLL', op, 0, length, direction, sec, usec) + data, as cowrie's
 * core/ttylog.py writes: open, output "$ ", input "w", input "\xe7\x81", close.
 */
static const uint8_t sample[] = {
	1,    0,    0,	  0, 0, 0, 0,	 0,    0,    0,	   0,	 0,    0,    0, 0,   0,	   0x40,
	0xfc, 0x21, 0x69, 1, 0, 0, 0,	 3,    0,    0,	   0,	 0,    0,    0, 0,   2,	   0,
	0,    0,    2,	  0, 0, 0, 0x40, 0xfc, 0x21, 0x69, 0x40, 0x42, 0x0e, 0, '$', ' ',  3,
	0,    0,    0,	  0, 0, 0, 0,	 1,    0,    0,	   0,	 1,    0,    0, 0,   0x41, 0xfc,
	0x21, 0x69, 0,	  0, 0, 0, 'w',	 2,    0,    0,	   0,	 0,    0,    0, 0,   0,	   0,
	0,    0,    0,	  0, 0, 0, 0x42, 0xfc, 0x21, 0x69, 0x3f, 0x42, 0x0f, 0,
};

static const struct hin_ttylog_record records[] = {
	{ .op = HIN_TTYLOG_OPEN, .time_us = INT64_C(1763834944000001) },
	{ .op = HIN_TTYLOG_WRITE,
	  .direction = HIN_TTYLOG_OUTPUT,
	  .time_us = INT64_C(1763834944934464),
	  .data = (const uint8_t *)"$ ",
	  .size = 2 },
	{ .op = HIN_TTYLOG_WRITE,
	  .direction = HIN_TTYLOG_INPUT,
	  .time_us = INT64_C(1763834945000000),
	  .data = (const uint8_t *)"w",
	  .size = 1 },
	{ .op = HIN_TTYLOG_CLOSE, .time_us = INT64_C(1763834946999999) },
};

static void writes(void **state)
{
	struct hin_buffer out = { 0 };

	(void)state;
	for (size_t k = 0; k < HIN_COUNT(records); k++)
		hin_ttylog_write(&out, &records[k]);
	assert_int_equal(out.used, sizeof(sample));
	assert_memory_equal(out.data, sample, sizeof(sample));
	hin_buffer_fini(&out);
}

static void reads(void **state)
{
	struct hin_ttylog_record r;
	struct hin_reader in = hin_reader_of(sample, sizeof(sample));

	(void)state;
	for (size_t k = 0; k < HIN_COUNT(records); k++) {
		assert_int_equal(hin_ttylog_read(&in, &r), HIN_OK);
		assert_int_equal(r.op, records[k].op);
		assert_int_equal(r.direction, records[k].direction);
		assert_int_equal(r.time_us, records[k].time_us);
		assert_int_equal(r.size, records[k].size);
		if (r.size > 0)
			assert_memory_equal(r.data, records[k].data, r.size);
	}
	assert_int_equal(hin_ttylog_read(&in, &r), HIN_EOF);
}

/* All that is whole comes, then the part that is there, then the word that it is cut. */
static void cut_anywhere(void **state)
{
	static const size_t ends[] = { 24, 50, 75, 99 };

	(void)state;
	for (size_t size = 0; size <= sizeof(sample); size++) {
		uint8_t *copy = hin_test_copy(sample, size);
		struct hin_reader in = hin_reader_of(copy, size);
		struct hin_ttylog_record r;
		enum hin_code code;
		size_t got = 0, whole = 0;

		while ((code = hin_ttylog_read(&in, &r)) == HIN_OK)
			got++;
		while (whole < HIN_COUNT(ends) && ends[whole] <= size)
			whole++;
		if (got != whole)
			fail_msg("%zu bytes: %zu records", size, got);
		if (code != (size == 0 || (whole > 0 && ends[whole - 1] == size) ? HIN_EOF
										 : HIN_ETRUNCATED))
			fail_msg("%zu bytes: code %d", size, code);
		if (size == 49) { /* one byte of the two */
			assert_int_equal(r.op, HIN_TTYLOG_WRITE);
			assert_int_equal(r.size, 1);
			assert_int_equal(r.data[0], '$');
		}
		free(copy);
	}
}

static void refuses(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint8_t value;
	} cases[] = {
		{ "op 0", 0, 0 },
		{ "op 5", 0, 5 },
		{ "op negative", 3, 0x80 },
		{ "direction 4", 12, 4 },
		{ "length negative", 11, 0x80 },
		{ "length over the limit", 11, 2 },
		{ "a million microseconds", 22, 0x0f },
	};

	(void)state;
	for (size_t k = 0; k < HIN_COUNT(cases); k++) {
		uint8_t *copy = hin_test_copy(sample + 24, sizeof(sample) - 24);
		struct hin_reader in = hin_reader_of(copy, sizeof(sample) - 24);
		struct hin_ttylog_record r;

		copy[cases[k].at] = cases[k].value;
		if (hin_ttylog_read(&in, &r) != HIN_EFORMAT)
			fail_msg("%s", cases[k].name);
		free(copy);
	}
}

static void long_data(void **state)
{
	size_t size = HIN_TTYLOG_DATA + 5;
	uint8_t *data = calloc(1, size);
	struct hin_buffer out = { 0 };
	struct hin_ttylog_record r = {
		.op = HIN_TTYLOG_WRITE, .direction = HIN_TTYLOG_INPUT, .data = data, .size = size
	};
	struct hin_reader in;

	(void)state;
	assert_non_null(data);
	hin_ttylog_write(&out, &r);
	in = hin_reader_of(out.data, out.used);
	assert_int_equal(hin_ttylog_read(&in, &r), HIN_OK);
	assert_int_equal(r.size, HIN_TTYLOG_DATA);
	assert_int_equal(hin_ttylog_read(&in, &r), HIN_OK);
	assert_int_equal(r.size, 5);
	assert_int_equal(hin_ttylog_read(&in, &r), HIN_EOF);
	free(data);
	hin_buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes),	cmocka_unit_test(reads),
		cmocka_unit_test(cut_anywhere), cmocka_unit_test(refuses),
		cmocka_unit_test(long_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
