#include "../test.h"

#include "base/buffer.h"

static void grows_and_formats(void **state)
{
	struct hin_buffer b = { 0 };
	char *text;

	(void)state;
	assert_string_equal(hin_buffer_text(&b), "");
	for (int i = 0; i < 1000; i++)
		hin_buffer_printf(&b, "%03d,", i);
	assert_false(b.failed);
	assert_int_equal(b.used, 4000);
	assert_memory_equal(b.data, "000,001,", 8);
	assert_memory_equal(b.data + 3992, "998,999,", 9);
	hin_buffer_reset(&b);
	assert_string_equal(hin_buffer_text(&b), "");
	hin_buffer_add(&b, "a\0b", 3);
	hin_buffer_fill(&b, 'x', 2);
	hin_buffer_putc(&b, '.');
	hin_buffer_puts(&b, "");
	assert_int_equal(b.used, 6);
	text = hin_buffer_take(&b);
	assert_memory_equal(text, "a\0bxx.", 7);
	free(text);
	assert_null(b.data);
	text = hin_buffer_take(&b);
	assert_string_equal(text, "");
	free(text);
	hin_buffer_fini(&b);
	hin_buffer_fini(NULL);
}

static void fails_for_good_at_its_limit(void **state)
{
	struct hin_buffer b = { .limit = 5 };

	(void)state;
	hin_buffer_puts(&b, "abc");
	hin_buffer_puts(&b, "def");
	assert_true(b.failed);
	assert_string_equal(hin_buffer_text(&b), "abc");
	hin_buffer_puts(&b, "d");
	assert_string_equal(hin_buffer_text(&b), "abc");
	assert_null(hin_buffer_take(&b));
	hin_buffer_reset(&b);
	hin_buffer_printf(&b, "%d", 12345);
	assert_false(b.failed);
	hin_buffer_printf(&b, "%d", 6);
	assert_true(b.failed);
	assert_string_equal(hin_buffer_text(&b), "12345");
	hin_buffer_fini(&b);
}

static void uses_borrowed_memory(void **state)
{
	char memory[8];
	struct hin_buffer b = hin_buffer_over(memory, sizeof(memory));

	(void)state;
	hin_buffer_puts(&b, "1234567");
	assert_false(b.failed);
	hin_buffer_putc(&b, '8');
	assert_true(b.failed);
	assert_string_equal(memory, "1234567");
	hin_buffer_reset(&b);
	hin_buffer_puts(&b, "123");
	hin_buffer_printf(&b, "%s", "45678");
	assert_true(b.failed);
	assert_string_equal(memory, "123");
	hin_buffer_fini(&b);
}

static void refuses_sizes_that_wrap(void **state)
{
	struct hin_buffer b = { 0 };

	(void)state;
	hin_buffer_puts(&b, "a");
	assert_null(hin_buffer_reserve(&b, SIZE_MAX));
	assert_true(b.failed);
	hin_buffer_reset(&b);
	assert_null(hin_buffer_reserve(&b, SIZE_MAX - 1));
	assert_true(b.failed);
	hin_buffer_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_formats),
		cmocka_unit_test(fails_for_good_at_its_limit),
		cmocka_unit_test(uses_borrowed_memory),
		cmocka_unit_test(refuses_sizes_that_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
