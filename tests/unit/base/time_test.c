#include "../test.h"

#include <time.h>

#include "base/time.h"

#define S HIN_NS_PER_S

static void formats(void **state)
{
	static const struct {
		int64_t ns;
		enum hin_time_unit unit;
		const char *plain, *iso;
	} cases[] = {
		{ 0, HIN_TIME_S, "1970-01-01 00:00:00Z", "1970-01-01T00:00:00Z" },
		{ -1, HIN_TIME_NS, "1969-12-31 23:59:59.999999999Z",
		  "1969-12-31T23:59:59.999999999Z" },
		{ -1, HIN_TIME_S, "1969-12-31 23:59:59Z", "1969-12-31T23:59:59Z" },
		{ 1795313403123456789, HIN_TIME_MS, "2026-11-22 02:10:03.123Z",
		  "2026-11-22T02:10:03.123Z" },
		{ 1795313403123456789, HIN_TIME_US, "2026-11-22 02:10:03.123456Z",
		  "2026-11-22T02:10:03.123456Z" },
		{ 951782400 * S, HIN_TIME_S, "2000-02-29 00:00:00Z", "2000-02-29T00:00:00Z" },
		{ 4294967295 * S, HIN_TIME_S, "2106-02-07 06:28:15Z", "2106-02-07T06:28:15Z" },
		{ INT64_MAX, HIN_TIME_NS, "2262-04-11 23:47:16.854775807Z",
		  "2262-04-11T23:47:16.854775807Z" },
		{ INT64_MIN, HIN_TIME_NS, "1677-09-21 00:12:43.145224192Z",
		  "1677-09-21T00:12:43.145224192Z" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		char text[HIN_TIME_TEXT];

		assert_string_equal(hin_time_format(text, cases[i].ns, cases[i].unit),
				    cases[i].plain);
		assert_string_equal(hin_time_format_iso(text, cases[i].ns, cases[i].unit),
				    cases[i].iso);
	}
}

/* Every day of the range against the C library, there and back. */
static void agrees_with_gmtime(void **state)
{
	(void)state;
	for (int64_t day = -106700; day < 106700; day++) {
		time_t t = day * 86400 + 45296;
		char text[HIN_TIME_TEXT], want[HIN_TIME_TEXT];
		struct tm tm;
		int64_t back;

		strftime(want, sizeof(want), "%Y-%m-%d %H:%M:%SZ", gmtime_r(&t, &tm));
		assert_string_equal(hin_time_format(text, t * S, HIN_TIME_S), want);
		assert_int_equal(hin_time_parse(&back, text, 0, NULL), HIN_OK);
		assert_true(back == t * S);
	}
}

static void parses_and_refuses(void **state)
{
	static const int64_t now = 1795313403 * S;
	static const int64_t day = 1795305600 * S; /* 2026-11-22 */
	const struct {
		const char *text;
		enum hin_code want;
		int64_t ns;
	} cases[] = {
		{ "2026-11-22", HIN_OK, day },
		{ "2026-11-22 02:10", HIN_OK, day + 7800 * S },
		{ "2026-11-22T02:10:03", HIN_OK, now },
		{ "2026-11-22T02:10:03Z", HIN_OK, now },
		{ "2026-11-22t02:10:03z", HIN_OK, now },
		{ "2026-11-22 11:10:03+09:00", HIN_OK, now },
		{ "2026-11-21T21:10:03-05:00", HIN_OK, now },
		{ "2026-11-22T02:10:03.5Z", HIN_OK, now + S / 2 },
		{ "2026-11-22T02:10:03.1234567899", HIN_OK, now + 123456789 },
		{ "2016-12-31T23:59:60Z", HIN_OK, 1483228800 * S },
		{ "1969-12-31T23:59:59.5", HIN_OK, -S / 2 },
		{ "2024-02-29", HIN_OK, 1709164800 * S },
		{ "@1700000000", HIN_OK, 1700000000 * S },
		{ "@1.25", HIN_OK, S + S / 4 },
		{ "now", HIN_OK, now },
		{ "-24h", HIN_OK, now - HIN_NS_PER_DAY },
		{ "-1h30m", HIN_OK, now - 5400 * S },
		{ "-0", HIN_OK, now },
		{ "2023-02-29", HIN_EFORMAT, 0 },
		{ "1900-02-29", HIN_EFORMAT, 0 },
		{ "2026-13-01", HIN_EFORMAT, 0 },
		{ "2026-00-01", HIN_EFORMAT, 0 },
		{ "2026-11-31", HIN_EFORMAT, 0 },
		{ "2026-11-00", HIN_EFORMAT, 0 },
		{ "2026-11-22T24:00", HIN_EFORMAT, 0 },
		{ "2026-11-22T23:60", HIN_EFORMAT, 0 },
		{ "2026-11-22T23:59:61", HIN_EFORMAT, 0 },
		{ "2026-11-22T", HIN_EFORMAT, 0 },
		{ "2026-11-22T02", HIN_EFORMAT, 0 },
		{ "2026-11-22T02:10:03.", HIN_EFORMAT, 0 },
		{ "2026-11-22T02:10:03Zx", HIN_EFORMAT, 0 },
		{ "2026-11-22T02:10:03+9", HIN_EFORMAT, 0 },
		{ "2026-11-22T02:10:03+24:00", HIN_EFORMAT, 0 },
		{ "2026-11-22Z", HIN_EFORMAT, 0 },
		{ "26-11-22", HIN_EFORMAT, 0 },
		{ " 2026-11-22", HIN_EFORMAT, 0 },
		{ "", HIN_EFORMAT, 0 },
		{ "@", HIN_EFORMAT, 0 },
		{ "@1.", HIN_EFORMAT, 0 },
		{ "@-1", HIN_EFORMAT, 0 },
		{ "-", HIN_EFORMAT, 0 },
		{ "-24", HIN_EFORMAT, 0 },
		{ "2300-01-01", HIN_ERANGE, 0 },
		{ "1600-01-01", HIN_ERANGE, 0 },
		{ "@99999999999999999999", HIN_ERANGE, 0 },
		{ "@9999999999999", HIN_ERANGE, 0 },
		{ "-99999999999w", HIN_ERANGE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		int64_t ns = 0;
		enum hin_code code = hin_time_parse(&ns, cases[i].text, now, NULL);

		if (code != cases[i].want || ns != cases[i].ns)
			fail_msg("\"%s\": code %d, %lld", cases[i].text, (int)code, (long long)ns);
	}
}

static void writes_durations(void **state)
{
	static const struct {
		int64_t ns;
		const char *en, *ja;
	} cases[] = {
		{ 0, "0 s", "0秒" },
		{ 1, "1 ns", "1ナノ秒" },
		{ 12345, "12 us", "12マイクロ秒" },
		{ 12 * HIN_NS_PER_MS, "12 ms", "12ミリ秒" },
		{ 1500 * HIN_NS_PER_MS, "1.5 s", "1.5秒" },
		{ 3 * S, "3 s", "3秒" },
		{ 42 * S + S / 2, "42 s", "42秒" },
		{ 60 * S, "1 min", "1分" },
		{ 200 * S, "3 min 20 s", "3分20秒" },
		{ 13320 * S, "3 h 42 min", "3時間42分" },
		{ 3601 * S, "1 h", "1時間" },
		{ 27 * HIN_NS_PER_HOUR, "1 d 3 h", "1日3時間" },
		{ -90 * S, "-1 min 30 s", "-1分30秒" },
		{ INT64_MIN, "-106751 d 23 h", "-106751日23時間" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		char text[HIN_TIME_TEXT];

		assert_string_equal(hin_time_format_duration(text, cases[i].ns, HIN_EN),
				    cases[i].en);
		assert_string_equal(hin_time_format_duration(text, cases[i].ns, HIN_JA),
				    cases[i].ja);
	}
}

static void reads_clocks(void **state)
{
	int64_t before = hin_time_monotonic_ns();

	(void)state;
	assert_true(hin_time_now_ns() > 1700000000 * S);
	assert_true(hin_time_monotonic_ns() >= before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(agrees_with_gmtime),
		cmocka_unit_test(parses_and_refuses),
		cmocka_unit_test(writes_durations),
		cmocka_unit_test(reads_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
