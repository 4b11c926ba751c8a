#include "../test.h"

#include "base/lang.h"

static void parses_and_refuses(void **state)
{
	static const struct {
		const char *text;
		enum hin_code code;
		enum hin_lang lang;
	} cases[] = {
		{ "en", HIN_OK, HIN_EN },	   { "ja", HIN_OK, HIN_JA },
		{ "ja_JP.UTF-8", HIN_OK, HIN_JA }, { "en_GB", HIN_OK, HIN_EN },
		{ "ja-JP", HIN_OK, HIN_JA },	   { "C", HIN_OK, HIN_EN },
		{ "jam", HIN_EUSAGE, HIN_EN },	   { "", HIN_EUSAGE, HIN_EN },
		{ "j", HIN_EUSAGE, HIN_EN },	   { "fr", HIN_EUSAGE, HIN_EN },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		enum hin_lang lang = HIN_EN;

		if (hin_lang_parse(&lang, cases[i].text, NULL) != cases[i].code ||
		    lang != cases[i].lang)
			fail_msg("%s", cases[i].text);
	}
}

static void follows_the_environment(void **state)
{
	static const struct {
		const char *all, *messages, *lang;
		enum hin_lang want;
	} cases[] = {
		{ NULL, NULL, NULL, HIN_EN },
		{ NULL, NULL, "ja_JP.UTF-8", HIN_JA },
		{ "C", "ja_JP", "ja_JP.UTF-8", HIN_EN },
		{ "", "ja_JP", "C", HIN_JA },
		{ "C.UTF-8", NULL, "ja_JP.UTF-8", HIN_EN },
	};
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		const char *values[] = { cases[i].all, cases[i].messages, cases[i].lang };

		for (size_t k = 0; k < 3; k++)
			if (values[k] != NULL)
				setenv(names[k], values[k], 1);
			else
				unsetenv(names[k]);
		assert_int_equal(hin_lang_of_environment(), cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_and_refuses),
		cmocka_unit_test(follows_the_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
