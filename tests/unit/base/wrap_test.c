#include "../test.h"

#include "base/wrap.h"

static void breaks_lines(void **state)
{
	static const struct {
		const char *text;
		size_t start, indent, columns;
		const char *want;
	} cases[] = {
		{ "", 0, 0, 10, "" },
		{ "one two three", 0, 0, 80, "one two three" },
		{ "one two three", 0, 0, 7, "one two\nthree" },
		{ "one two three", 0, 2, 6, "one\n  two\n  three" },
		{ "one two", 5, 2, 8, "one\n  two" },
		{ "unbreakable", 0, 0, 5, "unbreakable" },
		{ "a unbreakable b", 0, 0, 5, "a\nunbreakable\nb" },
		{ "one\ntwo", 0, 2, 80, "one\n  two" },
		{ "one\n\ntwo", 0, 2, 80, "one\n\n  two" },
		{ "one  two", 0, 0, 80, "one  two" },
		{ "火の見櫓", 0, 0, 4, "火の\n見櫓" },
		{ "火の見、櫓", 0, 0, 6, "火の\n見、櫓" },
		{ "火のabc見", 0, 0, 6, "火の\nabc見" },
		{ "「火」の", 0, 0, 4, "「火」\nの" },
		{ "\xff\xff a", 0, 0, 2, "\xff\xff\na" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_buffer out = { 0 };

		hin_wrap(&out, cases[i].text, cases[i].start, cases[i].indent, cases[i].columns);
		if (strcmp(hin_buffer_text(&out), cases[i].want) != 0)
			fail_msg("\"%s\": \"%s\"", cases[i].text, hin_buffer_text(&out));
		hin_buffer_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(breaks_lines) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
