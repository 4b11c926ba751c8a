#include "../test.h"

#include "base/bytes.h"

static void reads_and_stays_failed(void **state)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	uint8_t *copy = hin_test_copy(bytes, sizeof(bytes)), out[4] = { 9, 9, 9, 9 };
	struct hin_reader in = hin_reader_of(copy, sizeof(bytes)), sub;

	(void)state;
	assert_int_equal(hin_read_u8(&in), 1);
	assert_int_equal(hin_read_be16(&in), 0x0203);
	assert_int_equal(hin_read_le32(&in), 0x07060504);
	sub = hin_read_sub(&in, 2);
	assert_int_equal(hin_read_be16(&sub), 0x0809);
	assert_int_equal(sub.left, 0);
	assert_false(sub.failed || in.failed);
	assert_int_equal(hin_read_be64(&in), 0);
	assert_true(in.failed);
	assert_int_equal(in.left, 0);
	assert_int_equal(hin_read_u8(&in), 0);
	hin_read_copy(&in, out, sizeof(out));
	assert_memory_equal(out, "\0\0\0\0", 4);
	sub = hin_read_sub(&in, 0);
	assert_false(sub.failed);
	sub = hin_read_sub(&in, 1);
	assert_true(sub.failed && sub.left == 0);
	free(copy);
	in = hin_reader_of(NULL, 5);
	assert_int_equal(in.left, 0);
}

static void writes_and_stays_failed(void **state)
{
	uint8_t *memory = malloc(8);
	struct hin_writer out = hin_writer_of(memory, 8);

	(void)state;
	hin_write_u8(&out, 1);
	hin_write_be16(&out, 0x0203);
	hin_write_le32(&out, 0x07060504);
	assert_int_equal(out.used, 7);
	assert_memory_equal(memory, "\1\2\3\4\5\6\7", 7);
	hin_write_be16(&out, 0xffff);
	assert_true(out.failed);
	assert_int_equal(out.used, 7);
	hin_write_u8(&out, 8); /* it would fit, but order is lost */
	assert_int_equal(out.used, 7);
	assert_null(hin_write_reserve(&out, SIZE_MAX));
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_stays_failed),
		cmocka_unit_test(writes_and_stays_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
