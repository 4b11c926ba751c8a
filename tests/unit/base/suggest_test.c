#include "../test.h"

#include "base/suggest.h"

static void finds_the_nearest(void **state)
{
	static const char *const names[] = { "event", "sensor", "dark", "limit", "a" };
	static const struct {
		const char *wanted, *want;
	} cases[] = {
		{ "evnt", "event" },	 { "evetn", "event" }, { "event", "event" },
		{ "sensors", "sensor" }, { "dakr", "dark" },   { "drak", "dark" },
		{ "limits", "limit" },	 { "x", NULL },	       { "", NULL },
		{ "wholly else", NULL }, { "dxxk", NULL },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_suggest s = { .wanted = cases[i].wanted };

		for (size_t k = 0; k < HIN_COUNT(names); k++)
			hin_suggest_offer(&s, names[k]);
		if ((s.best == NULL) != (cases[i].want == NULL) ||
		    (s.best != NULL && strcmp(s.best, cases[i].want) != 0))
			fail_msg("%s: %s", cases[i].wanted, s.best != NULL ? s.best : "none");
	}
}

static void bears_long_names(void **state)
{
	char wanted[HIN_SUGGEST_LENGTH + 2], name[HIN_SUGGEST_LENGTH + 2];
	struct hin_suggest s = { .wanted = wanted };
	struct hin_error err;

	(void)state;
	memset(wanted, 'a', sizeof(wanted));
	memset(name, 'a', sizeof(name));
	wanted[HIN_SUGGEST_LENGTH] = '\0';
	name[HIN_SUGGEST_LENGTH + 1] = '\0';
	hin_suggest_offer(&s, name);
	assert_null(s.best);
	name[HIN_SUGGEST_LENGTH] = '\0';
	name[3] = 'b';
	hin_suggest_offer(&s, name);
	assert_ptr_equal(s.best, name);
	s = (struct hin_suggest){ .wanted = "dakr", .best = "dark" };
	assert_int_equal(hin_suggest_fail(&s, HIN_EUSAGE, "option", "--", &err), HIN_EUSAGE);
	assert_string_equal(err.text, "unknown option \"dakr\"; did you mean \"--dark\"?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_nearest),
		cmocka_unit_test(bears_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
