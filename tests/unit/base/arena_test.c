#include "../test.h"

#include "base/arena.h"

static void gives_zeroed_aligned_pieces(void **state)
{
	struct hin_arena a = { 0 };

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t size = 0; size < 3000; size += 7) {
			unsigned char *piece = hin_arena_alloc(&a, size);

			assert_non_null(piece);
			assert_int_equal((uintptr_t)piece % _Alignof(max_align_t), 0);
			for (size_t i = 0; i < size; i++)
				assert_int_equal(piece[i], 0);
			memset(piece, 0xff, size);
		}
		assert_non_null(hin_arena_alloc(&a, 1000000));
		hin_arena_reset(&a);
		assert_int_equal(a.used, 0);
	}
	hin_arena_fini(&a);
	hin_arena_fini(&a);
	hin_arena_fini(NULL);
}

static void keeps_its_limit(void **state)
{
	struct hin_arena a = hin_arena_of(100);

	(void)state;
	assert_non_null(hin_arena_alloc(&a, 60));
	assert_null(hin_arena_alloc(&a, 41));
	assert_non_null(hin_arena_alloc(&a, 40));
	assert_null(hin_arena_alloc(&a, 1));
	hin_arena_reset(&a);
	assert_non_null(hin_arena_alloc(&a, 100));
	assert_null(hin_arena_alloc(&a, SIZE_MAX));
	assert_null(hin_arena_array(&a, SIZE_MAX / 2, 3));
	assert_null(hin_arena_copy(&a, "", SIZE_MAX));
	hin_arena_fini(&a);
}

static void makes_strings(void **state)
{
	struct hin_arena a = { 0 };
	char *one = hin_arena_strdup(&a, "one"), *two = hin_arena_printf(&a, "%d-%s", 2, "two");
	char *three = hin_arena_copy(&a, "a\0b", 3), *none = hin_arena_copy(&a, NULL, 0);
	uint32_t *array = hin_arena_array(&a, 3, sizeof(*array));

	(void)state;
	array[2] = 7;
	assert_string_equal(one, "one");
	assert_string_equal(two, "2-two");
	assert_memory_equal(three, "a\0b", 4);
	assert_string_equal(none, "");
	hin_arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_zeroed_aligned_pieces),
		cmocka_unit_test(keeps_its_limit),
		cmocka_unit_test(makes_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
