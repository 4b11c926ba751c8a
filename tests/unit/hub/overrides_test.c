/* Settings of rules that people changed: above the file, kept, and never what a rule cannot have.
 */
#include "analysed.h"

#include "hub/analyse/overrides.h"

static enum hin_code set(struct analysed *a, const char *name, const char *value)
{
	struct hin_error why = { 0 };
	enum hin_code code;

	GOOD(hin_desk_begin(a->desk, err));
	code = hin_overrides_set(a->desk, name, value, 7, 1, &why);
	if (code == HIN_OK)
		GOOD(hin_desk_commit(a->desk, err));
	hin_desk_rollback(a->desk);
	return code;
}

static struct hin_analyse_settings now(struct analysed *a, unsigned *skipped)
{
	struct hin_analyse_settings s = { 0 };

	GOOD(hin_config_init(&hin_analyse_table, &s, err));
	GOOD(hin_overrides_apply(a->desk, &s, skipped, err));
	return s;
}

static void they_stand_above_the_file(void **state)
{
	static const struct {
		const char *name, *value;
		enum hin_code want;
	} cases[] = {
		{ "rule.scanner.on", "no", HIN_OK },
		{ "rule.scanner.targets", "7", HIN_OK },
		{ "rule.scanner.idle", "90m", HIN_OK },
		{ "rule.scanner.targets", "0", HIN_ERANGE },
		{ "rule.scanner.targets", "x", HIN_EFORMAT },
		{ "rule.scanner.targets", "", HIN_EFORMAT },
		{ "rule.scanner.nothing", "1", HIN_ENOENT },
		{ "analyse.on", "no", HIN_ENOENT },
		{ "rule.", "1", HIN_ENOENT },
		{ "", "1", HIN_ENOENT },
		{ "rule.scanner.targets=9", "1", HIN_ENOENT },
	};
	char text[200];
	struct hin_analyse_settings s;
	unsigned skipped = 0;
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	for (size_t i = 0; i < HIN_COUNT(cases); i++)
		if (set(&a, cases[i].name, cases[i].value) != cases[i].want)
			fail_msg("%s=%s", cases[i].name, cases[i].value);
	memset(text, '9', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(set(&a, "rule.scanner.targets", text), HIN_ERANGE);
	s = now(&a, &skipped);
	assert_false(s.scanner.on);
	assert_int_equal(s.scanner.targets, 7);
	assert_int_equal(s.scanner.idle_ns, 90 * HIN_NS_PER_MIN);
	assert_true(s.campaign.on);
	assert_int_equal(skipped, 0);
	/* a setting that an update took away does no harm */
	run_sql(&a, "INSERT INTO rule_setting VALUES ('rule.gone.on', 'no', 1, 1)");
	s = now(&a, &skipped);
	assert_int_equal(skipped, 1);
	assert_int_equal(s.scanner.targets, 7);
	assert_int_equal(set(&a, "rule.scanner.on", NULL), HIN_OK);
	assert_int_equal(set(&a, "rule.scanner.on", NULL), HIN_OK);
	s = now(&a, NULL);
	assert_true(s.scanner.on);
	analysed_end(&a);
}

/* What is shown of a setting can be given back. */
static void values_are_read_as_they_are_written(void **state)
{
	struct hin_analyse_settings s = { 0 }, back = { 0 };
	struct hin_error why = { 0 };

	(void)state;
	GOOD(hin_config_init(&hin_analyse_table, &s, err));
	for (size_t i = 0; i < hin_analyse_table.count; i++) {
		const struct hin_setting *row = &hin_analyse_table.rows[i];
		struct hin_buffer text = { 0 };

		hin_buffer_printf(&text, "%s=", row->name);
		hin_value_write(&text, &row->rule, (const char *)&s + row->offset);
		if (hin_config_set(&hin_analyse_table, &back, text.data, &why) != HIN_OK ||
		    hin_config_differs(&hin_analyse_table, row->name, &s, &back))
			fail_msg("%s: %s", text.data, why.text);
		hin_buffer_fini(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_stand_above_the_file),
		cmocka_unit_test(values_are_read_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
