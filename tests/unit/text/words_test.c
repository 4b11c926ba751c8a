#include "../test.h"

#include <math.h>

#include "text/words.h"

#define SCAN_WORDS(X) X(W_SCAN, "scan", "走査") X(W_VICTIM, "victim", "被害者")
enum { SCAN_WORDS(HIN_WORD_NAME) };
static const struct hin_words words[] = { SCAN_WORDS(HIN_WORD_ROW) };

static void picks_words(void **state)
{
	(void)state;
	assert_string_equal(hin_words_get(words, W_VICTIM, HIN_EN), "victim");
	assert_string_equal(hin_words_get(words, W_SCAN, HIN_JA), "走査");
	assert_string_equal(hin_word(HIN_JA, HIN_W_TOTAL), "合計");
}

static void writes_counts(void **state)
{
	static const struct {
		uint64_t value;
		const char *count, *bytes;
	} cases[] = {
		{ 0, "0", "0 B" },
		{ 999, "999", "999 B" },
		{ 1000, "1,000", "1000 B" },
		{ 1024, "1,024", "1.00 KiB" },
		{ 1234567, "1,234,567", "1.18 MiB" },
		{ 1048575, "1,048,575", "1.00 MiB" },
		{ 268435456, "268,435,456", "256 MiB" },
		{ UINT64_MAX, "18,446,744,073,709,551,615", "16.0 EiB" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		char text[HIN_WORDS_TEXT];

		assert_string_equal(hin_words_count(text, cases[i].value), cases[i].count);
		assert_string_equal(hin_words_bytes(text, cases[i].value), cases[i].bytes);
	}
}

static void writes_short_numbers(void **state)
{
	static const struct {
		double value;
		const char *en, *ja;
	} cases[] = {
		{ 0, "0", "0" },
		{ 0.254, "0.25", "0.25" },
		{ 9.999, "10.0", "10.0" },
		{ 12.34, "12.3", "12.3" },
		{ 123.4, "123", "123" },
		{ 7, "7", "7" },
		{ 9999, "9,999", "9,999" },
		{ 9999.4, "9,999", "9,999" },
		{ 10000, "10.0 k", "1.00万" },
		{ 12345, "12.3 k", "1.23万" },
		{ 999499, "999 k", "99.9万" },
		{ 999999, "1.00 M", "100万" },
		{ 12300000, "12.3 M", "1230万" },
		{ 123456789, "123 M", "1.23億" },
		{ 1.5e18, "1.50 E", "150京" },
		{ 1e300, "1e+300", "1e+300" },
		{ -12345, "-12.3 k", "-1.23万" },
		{ NAN, "-", "-" },
		{ INFINITY, "-", "-" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		char text[HIN_WORDS_TEXT];

		assert_string_equal(hin_words_short(text, cases[i].value, HIN_EN), cases[i].en);
		assert_string_equal(hin_words_short(text, cases[i].value, HIN_JA), cases[i].ja);
	}
}

static void writes_shares(void **state)
{
	static const struct {
		uint64_t part, whole;
		const char *want;
	} cases[] = {
		{ 0, 0, "-" },
		{ 0, 5, "0.0 %" },
		{ 1, 100000, "<0.1 %" },
		{ 1, 1000, "0.1 %" },
		{ 123, 1000, "12.3 %" },
		{ 99999, 100000, ">99.9 %" },
		{ 100000, 100000, "100.0 %" },
		{ UINT64_MAX, UINT64_MAX, "100.0 %" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		char text[HIN_WORDS_TEXT];

		assert_string_equal(hin_words_percent(text, cases[i].part, cases[i].whole),
				    cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(picks_words),
		cmocka_unit_test(writes_counts),
		cmocka_unit_test(writes_short_numbers),
		cmocka_unit_test(writes_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
