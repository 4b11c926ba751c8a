#include "../test.h"

#include "text/width.h"

static void measures_and_cuts(void **state)
{
	static const struct {
		const char *text;
		size_t width, columns, fit;
		const char *cut, *left, *right;
	} cases[] = {
		{ "", 0, 2, 0, "", "  ", "  " },
		{ "abc", 3, 3, 3, "abc", "abc", "abc" },
		{ "abc", 3, 5, 3, "abc", "abc  ", "  abc" },
		{ "abcdef", 6, 5, 5, "abc..", "abc..", "abc.." },
		{ "abcdef", 6, 3, 3, "abc", "abc", "abc" },
		{ "abcdef", 6, 0, 0, "", "", "" },
		{ "火の見", 6, 6, 9, "火の見", "火の見", "火の見" },
		{ "火の見", 6, 5, 6, "火..", "火.. ", "火.. " },
		{ "火の見", 6, 3, 3, "火", "火 ", "火 " },
		{ "火の見", 6, 8, 9, "火の見", "火の見  ", "  火の見" },
		{ "e\xcc\x81x", 2, 1, 3, "e\xcc\x81", "e\xcc\x81", "e\xcc\x81" },
		{ "\xff\xe7", 2, 3, 2, "\xff\xe7", "\xff\xe7 ", " \xff\xe7" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_buffer out = { 0 };
		const char *text = cases[i].text;

		assert_int_equal(hin_width_of(text), cases[i].width);
		assert_int_equal(hin_width_fit(text, cases[i].columns), cases[i].fit);
		hin_width_cut(&out, text, cases[i].columns);
		assert_string_equal(hin_buffer_text(&out), cases[i].cut);
		hin_buffer_reset(&out);
		hin_width_pad(&out, text, cases[i].columns, HIN_LEFT);
		assert_string_equal(hin_buffer_text(&out), cases[i].left);
		hin_buffer_reset(&out);
		hin_width_pad(&out, text, cases[i].columns, HIN_RIGHT);
		assert_string_equal(hin_buffer_text(&out), cases[i].right);
		hin_buffer_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(measures_and_cuts) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
