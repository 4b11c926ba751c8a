/* table_test - the index against a model, arrays of a family, what is given back is used again. */
#include <stdio.h>

#include "base/table.h"
#include "../test.h"
#include "../random.h"

struct item {
	uint32_t hash;
	uint32_t value;
	uint64_t more;
};

static struct hin_array one;

static uint32_t hash_of(const void *user, uint32_t at)
{
	const struct item *item = hin_array_item(user, at, sizeof(struct item));

	return item->hash;
}

static uint32_t find(const struct hin_index *index, const struct hin_array *array, uint32_t hash,
		     uint32_t value)
{
	struct hin_index_search search = hin_index_search(index, hash);
	uint32_t at;

	while ((at = hin_index_next(index, hash, &search)) != HIN_NONE) {
		const struct item *item = hin_array_item(array, at, sizeof(*item));

		if (item->hash == hash && item->value == value)
			return at;
	}
	return HIN_NONE;
}

/* Hashes of a run: well mixed, all in one place, at the end of the table, or the same. */
static uint32_t make_hash(unsigned kind, uint32_t value)
{
	uint64_t seed = value;

	switch (kind) {
	case 0:
		return (uint32_t)random_next(&seed);
	case 1:
		return value % 7;
	case 2:
		return 0xfffffff0u + value % 16;
	default:
		return 42;
	}
}

static void index_against_a_model(void **state)
{
	enum { VALUES = 3000, STEPS = 60000 };
	struct hin_array *arrays[] = { &one };

	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		static uint32_t model[VALUES]; /* position, or HIN_NONE */
		uint32_t values = kind == 0 ? VALUES : 300;
		uint64_t seed = kind + 1;
		struct hin_index index;
		uint32_t live = 0;

		assert_int_equal(
			hin_array_init_family(arrays, 1, sizeof(struct item), VALUES, NULL),
			HIN_OK);
		assert_int_equal(hin_index_init(&index, NULL), HIN_OK);
		memset(model, 0xff, sizeof(model));
		for (unsigned step = 0; step < STEPS; step++) {
			uint32_t value = random_below(&seed, values);
			uint32_t hash = make_hash(kind, value);

			assert_int_equal(find(&index, &one, hash, value), model[value]);
			if (model[value] == HIN_NONE) {
				uint32_t at = hin_array_take(&one);
				struct item *item;

				assert_int_not_equal(at, HIN_NONE);
				item = hin_array_item(&one, at, sizeof(*item));
				*item = (struct item){ .hash = hash, .value = value };
				assert_true(hin_index_put(&index, hash, at, hash_of, &one));
				model[value] = at;
				live++;
			} else {
				hin_index_remove(&index, hash, model[value], hash_of, &one);
				hin_array_give(&one, model[value]);
				model[value] = HIN_NONE;
				live--;
			}
			assert_int_equal(index.used, live);
			assert_int_equal(one.live, live);
		}
		for (uint32_t value = 0; value < values; value++)
			assert_int_equal(find(&index, &one, make_hash(kind, value), value),
					 model[value]);
		hin_index_remove(&index, 0x12345678, 5, hash_of, &one); /* not there: nothing */
		assert_int_equal(index.used, live);
		hin_index_fini(&index);
		hin_array_fini_family(arrays, 1);
	}
}

static void index_guesses(void **state)
{
	struct hin_index index;

	(void)state;
	assert_int_equal(hin_index_init(&index, NULL), HIN_OK);
	assert_int_equal(hin_index_guess(&index, 77), HIN_NONE);
	assert_true(hin_index_put(&index, 0xab000077, 0xfffffd, hash_of, &one));
	assert_int_equal(hin_index_guess(&index, 0xab000077), 0xfffffd);
	assert_int_equal(hin_index_guess(&index, 0xac000077), HIN_NONE);
	hin_index_fini(&index);
	hin_index_fini(&index); /* twice is fine */
}

static void arrays_of_a_family(void **state)
{
	enum { ARRAYS = 3, LIMIT = 2500 };
	struct hin_array arrays[ARRAYS], *list[ARRAYS];
	static bool taken[LIMIT];

	(void)state;
	for (unsigned i = 0; i < ARRAYS; i++)
		list[i] = &arrays[i];
	assert_int_equal(hin_array_init_family(list, ARRAYS, 12, LIMIT, NULL), HIN_OK);
	for (uint32_t n = 0; n < LIMIT; n++)
		for (unsigned i = 0; i < ARRAYS; i++) {
			assert_int_equal(hin_array_take(&arrays[i]), n);
			memset(hin_array_item(&arrays[i], n, 12), (int)(i * 50 + n % 50), 12);
		}
	for (unsigned i = 0; i < ARRAYS; i++) {
		assert_int_equal(hin_array_take(&arrays[i]), HIN_NONE); /* full */
		for (uint32_t n = 0; n < LIMIT; n++) {
			const uint8_t *bytes = hin_array_item(&arrays[i], n, 12);

			for (size_t k = 0; k < 12; k++)
				assert_int_equal(bytes[k], i * 50 + n % 50);
		}
	}
	for (uint32_t n = 0; n < LIMIT; n += 3)
		hin_array_give(&arrays[1], n);
	assert_int_equal(arrays[1].live, LIMIT - (LIMIT + 2) / 3);
	memset(taken, 0, sizeof(taken));
	for (uint32_t n = 0; n < LIMIT; n += 3) { /* each of those once, nothing else */
		uint32_t at = hin_array_take(&arrays[1]);

		assert_true(at < LIMIT && at % 3 == 0 && !taken[at]);
		taken[at] = true;
	}
	assert_int_equal(hin_array_take(&arrays[1]), HIN_NONE);
	assert_int_equal(arrays[1].live, LIMIT);
	hin_array_fini_family(list, ARRAYS);
	hin_array_fini_family(list, ARRAYS); /* twice is fine */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index_against_a_model),
		cmocka_unit_test(index_guesses),
		cmocka_unit_test(arrays_of_a_family),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
