/* settings_test - every threshold has a default in its range, words in both languages and a source.
 */
#include <stdio.h>

#include "telescope/settings.h"
#include "../test.h"

static void rows_are_whole(void **state)
{
	const struct hin_config_table *table = &hin_telescope_table;

	(void)state;
	assert_true(table->count >= 20);
	for (size_t i = 0; i < table->count; i++) {
		const struct hin_setting *row = &table->rows[i];

		if (row->text == NULL || row->help == NULL || row->help_ja == NULL ||
		    row->source == NULL || strlen(row->source) < 4)
			fail_msg("%s lacks something", row->name);
		for (size_t k = 0; k < i; k++)
			if (strcmp(row->name, table->rows[k].name) == 0 ||
			    row->offset == table->rows[k].offset)
				fail_msg("%s and %s", row->name, table->rows[k].name);
	}
}

/* Setting each to its own default changes nothing. */
static void defaults_are_in_range(void **state)
{
	struct hin_telescope_settings defaults, again;

	(void)state;
	hin_telescope_settings_default(&defaults);
	again = defaults;
	for (size_t i = 0; i < hin_telescope_table.count; i++) {
		const struct hin_setting *row = &hin_telescope_table.rows[i];
		struct hin_error err = { 0 };
		char text[256];

		snprintf(text, sizeof(text), "%s=%s", row->name, row->text);
		if (hin_config_set(&hin_telescope_table, &again, text, &err) != HIN_OK)
			fail_msg("%s: %s", text, err.text);
		assert_memory_equal(&again, &defaults, sizeof(again));
	}
}

/* The thresholds that have a source elsewhere are that source's. */
static void sources_are_followed(void **state)
{
	struct hin_telescope_settings s;

	(void)state;
	hin_telescope_settings_default(&s);
	assert_int_equal(s.victim_packets, 25); /* Corsaro dos plugin */
	assert_int_equal(s.victim_peak, 30);
	assert_true(s.victim_duration_ns == INT64_C(60000000000));
	assert_int_equal(s.scan_large_percent, 10); /* Merit ORION */
	assert_int_equal(s.event_rate_pps, 100);
	assert_true(s.event_timeout_max_ns == 6 * INT64_C(3600000000000));
	assert_true(s.memory_bytes <= UINT64_C(300) << 20);
}

static void wrong_values_are_refused(void **state)
{
	static const char *const texts[] = {
		"scan.targets=1",    "scan.targets=",
		"scan.targets=five", "scan.targets=-5",
		"scan.ports=65536",  "event.miss=0",
		"event.miss=nan",    "event.miss=1",
		"event.timeout=40d", "event.timeout=-1s",
		"victim.duration=1", "memory=7M",
		"memory=65G",	     "tool.percent=101",
		"tool.percent=0",    "rising.score=0.5",
		"scan.target=5",     "=5",
		"scan.targets",	     "",
		"scan.targets=5 x",  "rising.history=1",
		"seed=-1",	     "scan.targets=99999999999999999999999999",
	};
	struct hin_telescope_settings before, after;

	(void)state;
	hin_telescope_settings_default(&before);
	after = before;
	for (size_t i = 0; i < HIN_COUNT(texts); i++) {
		struct hin_error err = { 0 };

		if (hin_config_set(&hin_telescope_table, &after, texts[i], &err) == HIN_OK)
			fail_msg("\"%s\" was taken", texts[i]);
		assert_true(strlen(err.text) > 10 && strchr(err.text, '\n') == NULL);
		assert_memory_equal(&before, &after, sizeof(before));
	}
}

static void files_are_read(void **state)
{
	static const char good[] = "scan:\n  targets: 100\nmemory: 64M\nevent.timeout: 624s\n";
	static const char bad[] = "scan:\n  targets: 100\n  prots: 5\n";
	struct hin_telescope_settings s;
	struct hin_error err = { 0 };

	(void)state;
	hin_telescope_settings_default(&s);
	assert_int_equal(hin_config_parse(&hin_telescope_table, &s, "good.yaml", good,
					  sizeof(good) - 1, &err),
			 HIN_OK);
	assert_int_equal(s.scan_targets, 100);
	assert_int_equal(s.memory_bytes, 64 << 20);
	assert_true(s.event_timeout_ns == INT64_C(624000000000));
	assert_int_not_equal(
		hin_config_parse(&hin_telescope_table, &s, "bad.yaml", bad, sizeof(bad) - 1, &err),
		HIN_OK);
	assert_non_null(strstr(err.text, "bad.yaml:3"));
}

/* A hub's threshold: taken, another sensor's, the machine's own, or one that cannot be. */
static void a_hub_sets_thresholds(void **state)
{
	static const struct {
		const char *text;
		enum hin_code want;
		uint64_t targets;
	} cases[] = {
		{ "scan.targets=7", HIN_OK, 7 },
		{ "decoy.sessions=7", HIN_OK, 5 },
		{ "scan=7", HIN_OK, 5 },
		{ "scan.targets.more=7", HIN_OK, 5 },
		{ "memory=64M", HIN_EDENIED, 5 },
		{ "seed=1", HIN_EDENIED, 5 },
		{ "log=debug", HIN_EDENIED, 5 },
		{ "scan.targets=1", HIN_ERANGE, 5 },
		{ "scan.targets=", HIN_EFORMAT, 5 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_telescope_settings s, before;
		struct hin_error err = { 0 };

		hin_telescope_settings_default(&s);
		before = s;
		if (hin_telescope_settings_take(&s, cases[i].text, &err) != cases[i].want)
			fail_msg("%s: %s", cases[i].text, err.text);
		assert_int_equal(s.scan_targets, cases[i].targets);
		s.scan_targets = before.scan_targets;
		assert_memory_equal(&s, &before, sizeof(s));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_whole),	cmocka_unit_test(defaults_are_in_range),
		cmocka_unit_test(sources_are_followed), cmocka_unit_test(wrong_values_are_refused),
		cmocka_unit_test(files_are_read),	cmocka_unit_test(a_hub_sets_thresholds),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
