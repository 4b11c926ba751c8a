#include "../test.h"

#include <math.h>

#include "text/chart.h"

static void draws_series(void **state)
{
	static const struct {
		double values[8];
		size_t count, width;
		const char *blocks, *ascii;
	} cases[] = {
		{ { 0 }, 0, 10, "", "" },
		{ { 0, 0 }, 2, 10, "  ", "  " },
		{ { 1, 2, 3, 4, 5, 6, 7, 8 }, 8, 10, "▁▂▃▄▅▆▇█", "_.:-=+*#" },
		{ { 0, 0.001, 8 }, 3, 10, " ▁█", " _#" },
		{ { 1, 9, 0, 0, 0, 1, 0, 0 }, 8, 4, "█ ▁ ", "# _ " },
		{ { 1, 2, 3, 4, 5, 6, 7, 8 }, 8, 3, "▂▅█", ".=#" },
		{ { NAN, 5, -3, INFINITY }, 4, 10, " █  ", " #  " },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_buffer out = { 0 };

		hin_chart_spark(&out, cases[i].values, cases[i].count, cases[i].width, false);
		assert_string_equal(hin_buffer_text(&out), cases[i].blocks);
		hin_buffer_reset(&out);
		hin_chart_spark(&out, cases[i].values, cases[i].count, cases[i].width, true);
		assert_string_equal(hin_buffer_text(&out), cases[i].ascii);
		hin_buffer_fini(&out);
	}
}

static void draws_bars(void **state)
{
	static const struct {
		double value, most;
		const char *blocks, *ascii;
	} cases[] = {
		{ 0, 10, "", "" },	    { 10, 10, "████", "####" },
		{ 20, 10, "████", "####" }, { 5, 10, "██", "##" },
		{ 0.001, 10, "▏", "#" },    { 6.25, 10, "██▌", "###" },
		{ 5, 0, "", "" },	    { NAN, 10, "", "" },
		{ -5, 10, "", "" },	    { INFINITY, 10, "████", "####" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_buffer out = { 0 };

		hin_chart_bar(&out, cases[i].value, cases[i].most, 4, false);
		assert_string_equal(hin_buffer_text(&out), cases[i].blocks);
		hin_buffer_reset(&out);
		hin_chart_bar(&out, cases[i].value, cases[i].most, 4, true);
		assert_string_equal(hin_buffer_text(&out), cases[i].ascii);
		hin_buffer_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_series),
		cmocka_unit_test(draws_bars),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
