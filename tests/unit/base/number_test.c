#include "../test.h"

#include <math.h>

#include "base/number.h"

static void check_code(const char *text, enum hin_code got, enum hin_code want,
		       const struct hin_error *err, const char *message)
{
	if (got != want)
		fail_msg("\"%s\": code %d, not %d", text, (int)got, (int)want);
	if (want != HIN_OK && message != NULL && strcmp(err->text, message) != 0)
		fail_msg("\"%s\": %s", text, err->text);
}

static void reads_unsigned(void **state)
{
	static const struct {
		const char *text;
		uint64_t min, max;
		enum hin_code want;
		uint64_t value;
		const char *message;
	} cases[] = {
		{ "0", 0, 10, HIN_OK, 0, NULL },
		{ "007", 0, 10, HIN_OK, 7, NULL },
		{ "65535", 1, 65535, HIN_OK, 65535, NULL },
		{ "70000", 1, 65535, HIN_ERANGE, 0, "port \"70000\" is not in 1-65535" },
		{ "0", 1, 65535, HIN_ERANGE, 0, NULL },
		{ "18446744073709551615", 0, UINT64_MAX, HIN_OK, UINT64_MAX, NULL },
		{ "18446744073709551616", 0, UINT64_MAX, HIN_ERANGE, 0, NULL },
		{ "99999999999999999999999", 0, 5, HIN_ERANGE, 0, NULL },
		{ "", 0, 5, HIN_EFORMAT, 0, "port \"\" is not a whole number" },
		{ " 1", 0, 5, HIN_EFORMAT, 0, NULL },
		{ "1 ", 0, 5, HIN_EFORMAT, 0, NULL },
		{ "-1", 0, 5, HIN_EFORMAT, 0, NULL },
		{ "+1", 0, 5, HIN_EFORMAT, 0, NULL },
		{ "0x1", 0, 5, HIN_EFORMAT, 0, NULL },
		{ "1.0", 0, 5, HIN_EFORMAT, 0, NULL },
		{ "1\n", 0, 5, HIN_EFORMAT, 0, "port \"1?\" is not a whole number" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		uint64_t value = 0;
		struct hin_error err;

		check_code(cases[i].text,
			   hin_number_u64(&value, "port", cases[i].text, cases[i].min, cases[i].max,
					  &err),
			   cases[i].want, &err, cases[i].message);
		assert_int_equal(value, cases[i].value);
	}
}

static void reads_signed(void **state)
{
	static const struct {
		const char *text;
		int64_t min, max;
		enum hin_code want;
		int64_t value;
	} cases[] = {
		{ "-5", -10, 10, HIN_OK, -5 },
		{ "-11", -10, 10, HIN_ERANGE, 0 },
		{ "9223372036854775807", INT64_MIN, INT64_MAX, HIN_OK, INT64_MAX },
		{ "9223372036854775808", INT64_MIN, INT64_MAX, HIN_ERANGE, 0 },
		{ "-9223372036854775808", INT64_MIN, INT64_MAX, HIN_OK, INT64_MIN },
		{ "-9223372036854775809", INT64_MIN, INT64_MAX, HIN_ERANGE, 0 },
		{ "--5", -10, 10, HIN_EFORMAT, 0 },
		{ "-", -10, 10, HIN_EFORMAT, 0 },
		{ "", -10, 10, HIN_EFORMAT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		int64_t value = 0;

		check_code(cases[i].text,
			   hin_number_i64(&value, "n", cases[i].text, cases[i].min, cases[i].max,
					  NULL),
			   cases[i].want, NULL, NULL);
		assert_true(value == cases[i].value);
	}
}

static void reads_doubles(void **state)
{
	static const struct {
		const char *text;
		enum hin_code want;
		double value;
	} cases[] = {
		{ "0.5", HIN_OK, 0.5 },	   { "-1e-3", HIN_OK, -0.001 }, { "1", HIN_OK, 1 },
		{ ".25", HIN_OK, .25 },	   { "1e9", HIN_ERANGE, 0 },	{ "1e999", HIN_ERANGE, 0 },
		{ "nan", HIN_EFORMAT, 0 }, { "inf", HIN_EFORMAT, 0 },	{ "0x1", HIN_EFORMAT, 0 },
		{ "", HIN_EFORMAT, 0 },	   { " 1", HIN_EFORMAT, 0 },	{ "1,5", HIN_EFORMAT, 0 },
		{ "1e", HIN_EFORMAT, 0 },  { "1.2.3", HIN_EFORMAT, 0 }, { "-", HIN_EFORMAT, 0 },
		{ "+1", HIN_EFORMAT, 0 },  { "e", HIN_EFORMAT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		double value = 0;

		check_code(cases[i].text,
			   hin_number_double(&value, "share", cases[i].text, -100, 100, NULL),
			   cases[i].want, NULL, NULL);
		assert_true(fabs(value - cases[i].value) < 1e-12);
	}
}

static void reads_sizes(void **state)
{
	static const struct {
		const char *text;
		enum hin_code want;
		uint64_t value;
		const char *written, *message;
	} cases[] = {
		{ "4096", HIN_OK, 4096, "4K", NULL },
		{ "64K", HIN_OK, 65536, "64K", NULL },
		{ "64k", HIN_OK, 65536, "64K", NULL },
		{ "256M", HIN_OK, 256u << 20, "256M", NULL },
		{ "1GiB", HIN_OK, 1u << 30, "1G", NULL },
		{ "1024M", HIN_OK, 1u << 30, "1G", NULL },
		{ "2T", HIN_OK, 2ull << 40, "2T", NULL },
		{ "1500B", HIN_OK, 1500, "1500", NULL },
		{ "3T", HIN_ERANGE, 0, NULL, "memory \"3T\" is not in 1-2T" },
		{ "99999999999T", HIN_ERANGE, 0, NULL, NULL },
		{ "0", HIN_ERANGE, 0, NULL, NULL },
		{ "1.5G", HIN_EFORMAT, 0, NULL,
		  "memory \"1.5G\" is not a size like 64K, 256M or 1G" },
		{ "G", HIN_EFORMAT, 0, NULL, NULL },
		{ "1GB", HIN_EFORMAT, 0, NULL, NULL },
		{ "1 G", HIN_EFORMAT, 0, NULL, NULL },
		{ "", HIN_EFORMAT, 0, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		uint64_t value = 0;
		struct hin_error err;
		char text[HIN_NUMBER_TEXT];

		check_code(cases[i].text,
			   hin_number_size(&value, "memory", cases[i].text, 1, 2ull << 40, &err),
			   cases[i].want, &err, cases[i].message);
		assert_int_equal(value, cases[i].value);
		if (cases[i].want == HIN_OK)
			assert_string_equal(hin_number_format_size(text, value), cases[i].written);
	}
}

static void reads_durations(void **state)
{
	static const int64_t s = 1000000000;
	const struct {
		const char *text;
		enum hin_code want;
		int64_t value;
		const char *written, *message;
	} cases[] = {
		{ "90s", HIN_OK, 90 * s, "90s", NULL },
		{ "10m", HIN_OK, 600 * s, "10m", NULL },
		{ "60m", HIN_OK, 3600 * s, "1h", NULL },
		{ "6h", HIN_OK, 6 * 3600 * s, "6h", NULL },
		{ "7d", HIN_OK, 7 * 86400 * s, "7d", NULL },
		{ "1w", HIN_OK, 7 * 86400 * s, "7d", NULL },
		{ "250ms", HIN_OK, s / 4, "250ms", NULL },
		{ "5us", HIN_OK, 5000, "5us", NULL },
		{ "5ns", HIN_OK, 5, "5ns", NULL },
		{ "0", HIN_OK, 0, "0", NULL },
		{ "0s", HIN_OK, 0, "0", NULL },
		{ "1h30m", HIN_OK, 5400 * s, "90m", NULL },
		{ "30d", HIN_OK, 30 * 86400 * s, "30d", NULL },
		{ "31d", HIN_ERANGE, 0, NULL, "timeout \"31d\" is not in 0-30d" },
		{ "99999999999w", HIN_ERANGE, 0, NULL, NULL },
		{ "30m1h", HIN_EFORMAT, 0, NULL, NULL },
		{ "1h1h", HIN_EFORMAT, 0, NULL, NULL },
		{ "90", HIN_EFORMAT, 0, NULL,
		  "timeout \"90\" is not a duration like 90s, 10m, 6h or 7d" },
		{ "1.5h", HIN_EFORMAT, 0, NULL, NULL },
		{ "-1h", HIN_EFORMAT, 0, NULL, NULL },
		{ "1 h", HIN_EFORMAT, 0, NULL, NULL },
		{ "h", HIN_EFORMAT, 0, NULL, NULL },
		{ "", HIN_EFORMAT, 0, NULL, NULL },
		{ "1y", HIN_EFORMAT, 0, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		int64_t value = 0;
		struct hin_error err;
		char text[HIN_NUMBER_TEXT];

		check_code(cases[i].text,
			   hin_number_duration(&value, "timeout", cases[i].text, 0, 30 * 86400 * s,
					       &err),
			   cases[i].want, &err, cases[i].message);
		assert_true(value == cases[i].value);
		if (cases[i].want == HIN_OK)
			assert_string_equal(hin_number_format_duration(text, value),
					    cases[i].written);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_unsigned),  cmocka_unit_test(reads_signed),
		cmocka_unit_test(reads_doubles),   cmocka_unit_test(reads_sizes),
		cmocka_unit_test(reads_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
