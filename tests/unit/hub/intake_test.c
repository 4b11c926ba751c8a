#include "../test.h"

#include <zstd.h>

#include "../random.h"
#include "hub/intake.h"

static void reads_queries(void **state)
{
	static const struct {
		const char *known, *settings, *count, *version;
		enum hin_code want;
	} cases[] = {
		{ NULL, NULL, NULL, NULL, HIN_OK },
		{ "00000000000000ff.7", "3", "256", "0.1.0-rc_1", HIN_OK },
		{ "ffffffffffffffff.18446744073709551615", "0", "0", "", HIN_OK },
		{ "00000000000000ff", NULL, NULL, NULL, HIN_EFORMAT },
		{ "00000000000000ff.", NULL, NULL, NULL, HIN_EFORMAT },
		{ "00000000000000fg.7", NULL, NULL, NULL, HIN_EFORMAT },
		{ "00000000000000FF.7", NULL, NULL, NULL, HIN_EFORMAT },
		{ "0000000000000ff.7", NULL, NULL, NULL, HIN_EFORMAT },
		{ "000000000000000ff.7", NULL, NULL, NULL, HIN_EFORMAT },
		{ "00000000000000ff.-7", NULL, NULL, NULL, HIN_EFORMAT },
		{ "00000000000000ff.7x", NULL, NULL, NULL, HIN_EFORMAT },
		{ "00000000000000ff.18446744073709551616", NULL, NULL, NULL, HIN_EFORMAT },
		{ NULL, "-1", NULL, NULL, HIN_EFORMAT },
		{ NULL, "", NULL, NULL, HIN_EFORMAT },
		{ NULL, "9223372036854775808", NULL, NULL, HIN_EFORMAT },
		{ NULL, NULL, "257", NULL, HIN_EFORMAT },
		{ NULL, NULL, "0x3", NULL, HIN_EFORMAT },
		{ NULL, NULL, NULL, "a b", HIN_EFORMAT },
		{ NULL, NULL, NULL, "<script>", HIN_EFORMAT },
		{ NULL, NULL, NULL, "123456789012345678901234567890123", HIN_EFORMAT },
		{ NULL, NULL, NULL, "12345678901234567890123456789012", HIN_OK },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_intake_query q;
		enum hin_code code = hin_intake_query(&q, cases[i].known, cases[i].settings,
						      cases[i].count, cases[i].version, NULL);

		if (code != cases[i].want)
			fail_msg("case %zu: %s", i, hin_code_text(code));
	}
	struct hin_intake_query q;

	assert_int_equal(hin_intake_query(&q, "00000000000000ff.7", "3", "256", "x", NULL), HIN_OK);
	assert_int_equal(q.known.epoch, 255);
	assert_int_equal(q.known.sequence, 7);
	assert_int_equal(q.settings, 3);
	assert_int_equal(q.count, 256);
	assert_string_equal(q.version, "x");
}

/* `size` bytes that pack well or badly. */
static uint8_t *make(size_t size, bool noise)
{
	uint8_t *bytes = malloc(size > 0 ? size : 1);
	uint64_t seed = 4;

	for (size_t i = 0; i < size; i++)
		bytes[i] = noise ? (uint8_t)random_next(&seed) : (uint8_t)(i >> 8);
	return bytes;
}

static size_t pack(uint8_t **out, const uint8_t *bytes, size_t size)
{
	size_t room = ZSTD_compressBound(size), used;

	*out = malloc(room);
	used = ZSTD_compress(*out, room, bytes, size, 1);
	assert_false(ZSTD_isError(used));
	return used;
}

static void unpacks_what_fits(void **state)
{
	static const struct {
		size_t size;
		bool noise;
		enum hin_code want;
	} cases[] = {
		{ 0, false, HIN_OK },
		{ 1, true, HIN_OK },
		{ 100000, true, HIN_OK },
		{ 1000000, false, HIN_OK },
		{ HIN_CARRIER_LOAD, false, HIN_OK },
		{ HIN_CARRIER_LOAD + 1, false, HIN_ELIMIT },
		{ HIN_CARRIER_LOAD * 4, false, HIN_ELIMIT },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		uint8_t *bytes = make(cases[i].size, cases[i].noise), *packed;
		size_t size = pack(&packed, bytes, cases[i].size);
		uint8_t *in = hin_test_copy(packed, size);
		struct hin_buffer out = { 0 };

		assert_int_equal(hin_intake_unpack(&out, in, size, true, NULL), cases[i].want);
		assert_true(out.used <= HIN_CARRIER_LOAD + ZSTD_DStreamOutSize());
		if (cases[i].want == HIN_OK && cases[i].size > 0)
			assert_memory_equal(out.data, bytes, cases[i].size);
		if (cases[i].want == HIN_OK)
			assert_int_equal(out.used, cases[i].size);
		hin_buffer_fini(&out);
		assert_int_equal(hin_intake_unpack(&out, bytes, cases[i].size, false, NULL),
				 cases[i].want);
		hin_buffer_fini(&out);
		free(in);
		free(packed);
		free(bytes);
	}
}

static void refuses_what_is_torn(void **state)
{
	uint8_t *bytes = make(5000, true), *packed;
	size_t size = pack(&packed, bytes, 5000);
	struct hin_buffer out = { 0 };

	(void)state;
	for (size_t cut = 1; cut < size; cut += 7) {
		uint8_t *in = hin_test_copy(packed, size - cut);
		enum hin_code code = hin_intake_unpack(&out, in, size - cut, true, NULL);

		assert_true(code == HIN_ETRUNCATED || code == HIN_EFORMAT);
		hin_buffer_reset(&out);
		free(in);
	}
	assert_int_equal(hin_intake_unpack(&out, bytes, 100, true, NULL), HIN_EFORMAT);
	hin_buffer_fini(&out);
	free(packed);
	free(bytes);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_queries),
		cmocka_unit_test(unpacks_what_fits),
		cmocka_unit_test(refuses_what_is_torn),
	};

	return cmocka_run_group_tests_name("intake", tests, NULL, NULL);
}
