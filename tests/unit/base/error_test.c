#include "../test.h"

#include <errno.h>

#include "base/error.h"

static void fills_one_safe_line(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "plain", "plain" }, { "a\nb\x1b[31m", "a?b?[31m" }, { "火の見", "火の見" },
		{ "\xc2\x9b", "??" }, { "\xe2\x80\xae", "???" },      { "\xff\xe7\x81", "???" },
	};
	struct hin_error err;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		assert_int_equal(hin_fail(&err, HIN_EFORMAT, "%s", cases[i].in), HIN_EFORMAT);
		assert_string_equal(err.text, cases[i].want);
		assert_int_equal(err.sys, 0);
	}
	errno = ENOENT;
	assert_int_equal(hin_fail(&err, HIN_ESYS, "open %s", "x"), HIN_ESYS);
	assert_string_equal(err.text, "open x: No such file or directory");
	assert_int_equal(err.sys, ENOENT);
	assert_int_equal(hin_fail(NULL, HIN_EOF, "x"), HIN_EOF);
	hin_fail(&err, HIN_EFORMAT, "%0300d", 1);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_string_equal(hin_code_text(HIN_OK), "done");
	assert_string_equal(hin_code_text((enum hin_code)999), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(fills_one_safe_line) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
