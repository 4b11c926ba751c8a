/* alert_test - zones, hours, the on-call table, and alerts in the desk */
#include <stdio.h>
#include <unistd.h>

#include "../test.h"
#include "base/time.h"
#include "hub/telling/alert.h"

static int64_t at(const char *text)
{
	int64_t ns;

	if (hin_time_parse(&ns, text, 0, NULL) != HIN_OK)
		fail_msg("%s", text);
	return ns / 1000;
}

static void zones(void **state)
{
	static const struct {
		const char *zone, *time;
		int32_t want;
	} cases[] = {
		{ "UTC", "2026-11-22", 0 },
		{ "+09:00", "2026-11-22", 32400 },
		{ "-03:30", "2026-11-22", -12600 },
		{ "Asia/Tokyo", "2026-11-22", 32400 },
		{ "Asia/Tokyo", "1950-07-01", 36000 }, /* summer time of the occupation */
		{ "Europe/Berlin", "2026-07-01", 7200 },
		{ "Europe/Berlin", "2026-12-01", 3600 },
		{ "Europe/Berlin", "2026-10-25 00:59:59", 7200 },
		{ "Europe/Berlin", "2026-10-25 01:00:00", 3600 },
		{ "America/New_York", "2026-01-01", -18000 },
	};
	static const char *const bad[] = {
		"",	  "Nowhere/City", "../../etc/passwd", "/etc/localtime", "+15:00", "+9:00",
		"+09:60", "Asia",	  "tzdata.zi",	      "+09:00 ",	"+ 9:00", "+-9:-1"
	};

	(void)state;
	if (access("/usr/share/zoneinfo/Asia/Tokyo", R_OK) != 0)
		skip();
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_zone *zone = hin_zone_of(cases[i].zone, NULL);

		assert_non_null(zone);
		if (hin_zone_offset_s(zone, at(cases[i].time) / 1000000) != cases[i].want)
			fail_msg("%s %s: %d", cases[i].zone, cases[i].time,
				 hin_zone_offset_s(zone, at(cases[i].time) / 1000000));
		hin_zone_unref(zone);
	}
	for (size_t i = 0; i < HIN_COUNT(bad); i++)
		if (hin_zone_of(bad[i], NULL) != NULL)
			fail_msg("\"%s\" is a zone", bad[i]);
}

static void hours(void **state)
{
	static const struct {
		const char *text, *time;
		bool holds;
		const char *end;
	} cases[] = {
		{ "", "2026-11-22 03:00", false, "2026-11-22 03:00" },
		{ "22:00-07:00", "2026-11-22 21:59", false, "2026-11-22 21:59" },
		{ "22:00-07:00", "2026-11-22 22:00", true, "2026-11-23 07:00" },
		{ "22:00-07:00", "2026-11-22 06:59:59", true, "2026-11-22 07:00" },
		{ "22:00-07:00", "2026-11-22 07:00", false, "2026-11-22 07:00" },
		{ "22:00-07:00 +09:00", "2026-11-22 13:30", true, "2026-11-22 22:00" },
		{ "22:00-07:00 +09:00", "2026-11-22 22:30", false, "2026-11-22 22:30" },
		/* 2026-11-22 is a Sunday */
		{ "mon-fri/08:30-18:00", "2026-11-22 12:00", false, "2026-11-22 12:00" },
		{ "mon-fri/08:30-18:00", "2026-11-23 12:00", true, "2026-11-23 18:00" },
		{ "sat-mon/00:00-24:00", "2026-11-22 12:00", true, "2026-11-24 00:00" },
		{ "sun/22:00-07:00", "2026-11-23 06:00", true, "2026-11-23 07:00" },
		{ "sun/22:00-07:00", "2026-11-22 06:00", false, "2026-11-22 06:00" },
		{ "mon/09:00-10:00,mon/10:00-11:00", "2026-11-23 09:30", true, "2026-11-23 11:00" },
	};
	static const char *const bad[] = {
		"x",	       "22:00",		"22:00-22:00",	    "24:00-01:00",
		"22:60-23:00", "day/1:00-2:00", "mon-/01:00-02:00", "1:00-2:00",
		"01:00-24:01", "01:00-02:00x",	"+1: 0-+2:+0",	    "01:00-02"
	};
	struct hin_hours h;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		assert_int_equal(hin_hours_parse(&h, cases[i].text, true, NULL), HIN_OK);
		if (hin_hours_hold(&h, at(cases[i].time)) != cases[i].holds)
			fail_msg("%s at %s", cases[i].text, cases[i].time);
		if (hin_hours_end(&h, at(cases[i].time)) != at(cases[i].end))
			fail_msg("%s at %s ends %lld", cases[i].text, cases[i].time,
				 (long long)hin_hours_end(&h, at(cases[i].time)));
		hin_hours_fini(&h);
	}
	for (size_t i = 0; i < HIN_COUNT(bad); i++)
		if (hin_hours_parse(&h, bad[i], true, NULL) != HIN_EFORMAT)
			fail_msg("%s", bad[i]);
}

static void lines(void **state)
{
	static const struct {
		const char *line;
		enum hin_code want;
	} cases[] = {
		{ "mail:soc@example.org", HIN_OK },
		{ "mail:soc@example.org severity=high when=mon-fri/08:30-18:00 zone=+09:00 "
		  "quiet=22:00-07:00 language=ja",
		  HIN_OK },
		{ "webhook:https://chat.example/hook", HIN_OK },
		{ "syslog:udp://192.0.2.1:514 severity=low", HIN_OK },
		{ "", HIN_EFORMAT },
		{ "soc@example.org", HIN_EFORMAT },
		{ "mail:x", HIN_EFORMAT },
		{ "mail:soc@example.org severity=urgent", HIN_EFORMAT },
		{ "mail:soc@example.org when=always", HIN_EFORMAT },
		{ "mail:soc@example.org zone=Moon/Tycho", HIN_EFORMAT },
		{ "mail:soc@example.org colour=red", HIN_EFORMAT },
		{ "mail:soc@example.org high", HIN_EFORMAT },
		{ "mail:soc@example.org language=fr", HIN_EUSAGE },
		{ "webhook:http://chat.example/hook", HIN_EDENIED },
		{ "syslog:tcp://x:1", HIN_EFORMAT },
	};
	static struct hin_alert_table table;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_error err = { 0 };
		enum hin_code code = hin_alert_table_add(&table, cases[i].line, &err);

		if (code != cases[i].want)
			fail_msg("%s: %d %s", cases[i].line, code, err.text);
	}
	assert_int_equal(table.count, 4);
	hin_alert_table_fini(&table);
	for (size_t i = 0; i < HIN_ALERT_ROUTES; i++)
		assert_int_equal(hin_alert_table_add(&table, "mail:a@b.example", NULL), HIN_OK);
	assert_int_equal(hin_alert_table_add(&table, "mail:a@b.example", NULL), HIN_ELIMIT);
	hin_alert_table_fini(&table);
}

static void who_is_told(void **state)
{
	static const struct {
		const char *time;
		enum hin_severity severity;
		uint64_t want; /* bits of the lines below */
	} cases[] = {
		{ "2026-11-23 10:00", HIN_SEVERITY_LOW, 4 },
		{ "2026-11-23 10:00", HIN_SEVERITY_MEDIUM, 1 | 4 },
		{ "2026-11-23 20:00", HIN_SEVERITY_HIGH, 2 | 4 },
		{ "2026-11-23 23:00", HIN_SEVERITY_HIGH, 4 },	      /* quiet */
		{ "2026-11-23 23:00", HIN_SEVERITY_CRITICAL, 2 | 4 }, /* never hidden */
		{ "2026-11-22 12:00", HIN_SEVERITY_HIGH, 4 },
		{ "2026-11-22 12:00", HIN_SEVERITY_CRITICAL, 7 }, /* nobody on duty: all */
	};
	static struct hin_alert_table table;

	(void)state;
	assert_int_equal(hin_alert_table_add(&table,
					     "mail:day@example.org severity=medium "
					     "when=mon-fri/08:00-18:00",
					     NULL),
			 HIN_OK);
	assert_int_equal(hin_alert_table_add(&table,
					     "webhook:https://night.example/ severity=high "
					     "when=mon-fri/18:00-08:00 quiet=22:00-06:00",
					     NULL),
			 HIN_OK);
	assert_int_equal(hin_alert_table_add(&table, "syslog:udp://192.0.2.1:514", NULL), HIN_OK);
	for (size_t i = 0; i < HIN_COUNT(cases); i++)
		if (hin_alert_routes(&table, cases[i].severity, at(cases[i].time)) != cases[i].want)
			fail_msg("case %zu: %llu", i,
				 (unsigned long long)hin_alert_routes(&table, cases[i].severity,
								      at(cases[i].time)));
	hin_alert_table_fini(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones),
		cmocka_unit_test(hours),
		cmocka_unit_test(lines),
		cmocka_unit_test(who_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
