#include "../test.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "observe/ndjson.h"
#include "rows.h"

static void check_round(struct hin_ndjson_writer *w, const struct hin_observation *row)
{
	char line[HIN_NDJSON_LINE];
	size_t size = hin_ndjson_write(w, row, line);
	struct hin_observation got;
	struct hin_error err = { 0 };
	char *copy;

	assert_true(size < sizeof(line));
	assert_true(line[size - 1] == '\n');
	copy = (char *)hin_test_copy(line, size);
	if (hin_ndjson_read(&got, copy, size, 1, &err) != HIN_OK)
		fail_msg("%s: %.*s", err.text, (int)size, line);
	if (!hin_observation_equal(&got, row))
		fail_msg("differs: %.*s", (int)size, line);
	free(copy);
}

static void rows_come_back(void **state)
{
	struct hin_ndjson_writer w = { 0 };
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct hin_observation row = rows_any(&seed);

		check_round(&w, &row);
	}
}

/* Every number of every registry is written as its name and read back. */
static void every_name_comes_back(void **state)
{
	static const enum hin_field fields[] = {
		HIN_FIELD_SERVICE, HIN_FIELD_TOOL,	   HIN_FIELD_RULE,
		HIN_FIELD_VERDICT, HIN_FIELD_TECHNIQUE,	   HIN_FIELD_PRODUCT,
		HIN_FIELD_TAGS,	   HIN_FIELD_DEVICE_BASIS, HIN_FIELD_ARTIFACT_TYPE,
	};
	static const enum hin_registry registries[] = {
		HIN_REGISTRY_SERVICES, HIN_REGISTRY_TOOLS,	  HIN_REGISTRY_RULES,
		HIN_REGISTRY_VERDICTS, HIN_REGISTRY_TECHNIQUES,	  HIN_REGISTRY_PRODUCTS,
		HIN_REGISTRY_TAGS,     HIN_REGISTRY_DEVICE_BASIS, HIN_REGISTRY_ARTIFACT_TYPE,
	};
	struct hin_ndjson_writer w = { 0 };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(fields); i++) {
		const struct hin_word *words;
		size_t count = hin_registry_words(registries[i], &words);

		for (size_t k = 0; k < count; k++) {
			struct hin_observation row = { .kind = HIN_KIND_PRIVATE };
			char line[HIN_NDJSON_LINE + 1], name[80];
			uint64_t n = words[k].number;

			switch (fields[i]) {
			case HIN_FIELD_SERVICE:
				row.service = (uint16_t)n;
				break;
			case HIN_FIELD_TOOL:
				row.tool = (uint16_t)n;
				break;
			case HIN_FIELD_RULE:
				row.rule = (uint32_t)n;
				break;
			case HIN_FIELD_VERDICT:
				row.verdict = (uint8_t)n;
				break;
			case HIN_FIELD_TECHNIQUE:
				row.technique = (uint16_t)n;
				break;
			case HIN_FIELD_PRODUCT:
				row.product = n;
				break;
			case HIN_FIELD_TAGS:
				assert_true(hin_observation_tag(&row, (uint16_t)n));
				break;
			case HIN_FIELD_DEVICE_BASIS:
				row.device[0] = 1;
				row.device_basis = (uint8_t)n;
				break;
			default:
				row.artifact[0] = 1;
				row.artifact_type = (uint8_t)n;
			}
			line[hin_ndjson_write(&w, &row, line)] = '\0';
			snprintf(name, sizeof(name), "\"%s\"", words[k].name);
			if (strstr(line, name) == NULL)
				fail_msg("no %s in %s", name, line);
			check_round(&w, &row);
		}
	}
}

static void lines_look_as_documented(void **state)
{
	static const struct {
		const char *line;
		struct hin_observation row;
	} cases[] = {
		{ "{\"time\":\"1970-01-01T00:00:00.000000Z\",\"kind\":\"road.alive\"}\n",
		  { .kind = HIN_KIND_ROAD_ALIVE } },
		{ "{\"time\":\"9999-12-31T23:59:59.999999Z\",\"kind\":60001}\n",
		  { .kind = 60001, .time_us = HIN_TIME_MAX } },
		{ "{\"time\":\"2262-04-11T23:47:16.854775Z\",\"kind\":60001}\n",
		  { .kind = 60001, .time_us = INT64_C(9223372036854775) } },
		{ "{\"time\":\"2024-02-29T00:00:00.000001Z\",\"kind\":\"telescope.flow\","
		  "\"duration\":60000000,\"src\":\"::\",\"dst\":\"192.0.2.255\",\"sport\":65535,"
		  "\"dport\":23,\"proto\":6,\"tcp_flags\":2,\"packets\":9007199254740991,"
		  "\"bytes\":\"9007199254740992\",\"tool\":\"mirai\",\"confidence\":100,"
		  "\"tags\":[\"bogon\",\"ipv6-64\",999]}\n",
		  { .kind = HIN_KIND_TELESCOPE_FLOW,
		    .time_us = INT64_C(1709164800000001),
		    .duration_us = 60000000,
		    .has = 3,
		    .dst = { { [10] = 255, [11] = 255, [12] = 192, [14] = 2, [15] = 255 } },
		    .sport = 65535,
		    .dport = 23,
		    .proto = 6,
		    .tcp_flags = 2,
		    .packets = INT64_C(9007199254740991),
		    .bytes = INT64_C(9007199254740992),
		    .tool = HIN_TOOLS_MIRAI,
		    .confidence = 100,
		    .tag_count = 3,
		    .tags = { HIN_TAG_BOGON, HIN_TAG_IPV6_64, 999 } } },
		{ "{\"time\":\"1970-01-01T00:00:01.000000Z\",\"kind\":\"road.loss\","
		  "\"packets\":\"18446744073709551615\",\"rule\":\"telescope.flow\","
		  "\"verdict\":\"kernel_drop\"}\n",
		  { .kind = HIN_KIND_ROAD_LOSS,
		    .time_us = 1000000,
		    .packets = UINT64_MAX,
		    .rule = HIN_KIND_TELESCOPE_FLOW,
		    .verdict = HIN_VERDICT_KERNEL_DROP } },
		{ "{\"time\":\"1970-01-01T00:00:00.000000Z\",\"kind\":60000,\"src_len\":48,"
		  "\"product\":\"0000000000000001\",\"version\":\"1.2-p_3+x\","
		  "\"link\":\"ffffffffffffffff\",\"device\":"
		  "\"01000000000000000000000000000000\",\"device_basis\":\"mac\"}\n",
		  { .kind = 60000,
		    .src_len = 48,
		    .product = 1,
		    .version = "1.2-p_3+x",
		    .link = UINT64_MAX,
		    .device = { 1 },
		    .device_basis = HIN_DEVICE_BASIS_MAC } },
	};
	struct hin_ndjson_writer w = { 0 };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		char line[HIN_NDJSON_LINE + 1];

		line[hin_ndjson_write(&w, &cases[i].row, line)] = '\0';
		assert_string_equal(line, cases[i].line);
		if (hin_observation_check(&cases[i].row, NULL) == HIN_OK)
			check_round(&w, &cases[i].row);
	}
}

/* Days around each turn of month and leap year, against the C library. */
static void dates_are_right(void **state)
{
	struct hin_ndjson_writer w = { 0 };

	(void)state;
	for (int64_t day = 0; day < 2932897; day += day % 1461 < 70 ? 1 : 13) {
		struct hin_observation row = { .kind = 60000,
					       .time_us = day * 86400000000 + 86399000007 };
		time_t seconds = (time_t)(row.time_us / 1000000);
		char line[HIN_NDJSON_LINE], want[64];
		struct tm tm;

		(void)hin_ndjson_write(&w, &row, line);
		gmtime_r(&seconds, &tm);
		strftime(want, sizeof(want), "{\"time\":\"%Y-%m-%dT%H:%M:%S.000007Z\"", &tm);
		if (memcmp(line, want, strlen(want)) != 0)
			fail_msg("%.40s is not %s", line, want);
	}
}

static void the_longest_line_fits(void **state)
{
	struct hin_ndjson_writer w = { 0 };
	const struct hin_word *tags;
	size_t count = hin_registry_words(HIN_REGISTRY_TAGS, &tags);
	char line[HIN_NDJSON_LINE];
	uint64_t seed = 7;
	size_t longest = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct hin_observation row = rows_fill(&seed, HIN_KIND_PRIVATE, UINT64_MAX);
		size_t size;

		row.tag_count = 0;
		for (size_t k = 0; k < count; k++)
			(void)hin_observation_tag(&row, (uint16_t)tags[k].number);
		size = hin_ndjson_write(&w, &row, line);
		longest = size > longest ? size : longest;
		check_round(&w, &row);
	}
	/* Names are at most 47 characters: 11 of them and 16 tags more than were seen here. */
	assert_true(longest + 27 * 48 < HIN_NDJSON_LINE);
	assert_true(HIN_NDJSON_LINE < HIN_NDJSON_READ);
}

/* Even a row that no check has passed stays within the line and is JSON. */
static void unchecked_rows_do_no_harm(void **state)
{
	struct hin_ndjson_writer w = { 0 };
	uint64_t seed = 8;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct hin_observation row;
		char line[HIN_NDJSON_LINE];
		size_t size;
		json_t *json;

		rows_bytes(&seed, (uint8_t *)&row, sizeof(row));
		size = hin_ndjson_write(&w, &row, line);
		assert_true(size <= sizeof(line));
		json = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(json);
		json_decref(json);
	}
}

static void buffers_hold_or_fail(void **state)
{
	struct hin_observation row = { .kind = HIN_KIND_ROAD_ALIVE };
	struct hin_ndjson_writer w = { 0 };
	struct hin_buffer grows = { 0 };
	char memory[150];
	struct hin_buffer small = hin_buffer_over(memory, sizeof(memory));

	(void)state;
	for (int i = 0; i < 1000; i++)
		hin_ndjson_add(&w, &row, &grows);
	assert_false(grows.failed);
	assert_true(grows.used == 1000 * strlen("{\"time\":\"1970-01-01T00:00:00.000000Z\","
						"\"kind\":\"road.alive\"}\n"));
	hin_buffer_fini(&grows);
	hin_ndjson_add(&w, &row, &small);
	assert_false(small.failed);
	hin_ndjson_add(&w, &row, &small);
	hin_ndjson_add(&w, &row, &small);
	assert_true(small.failed);
}

#define TIME "\"time\":\"2026-11-22T00:00:00.000000Z\""
#define HEAD "{" TIME ",\"kind\":60000,"

static void wrong_lines_are_refused(void **state)
{
	static const struct {
		const char *line;
		enum hin_code want;
		const char *text; /* must be in the message */
	} cases[] = {
		{ "{" TIME ",\"kind\":60000}", HIN_OK, NULL },
		{ "  {" TIME " , \"kind\" : 60000 }  \n", HIN_OK, NULL },
		{ "", HIN_EFORMAT, "line 7:" },
		{ "[]", HIN_EFORMAT, "line 7: not a JSON object" },
		{ "{", HIN_EFORMAT, "line 7:" },
		{ "{}", HIN_EFORMAT, "no kind" },
		{ "{\"kind\":1}", HIN_EFORMAT, "no time" },
		{ "{" TIME "}", HIN_EFORMAT, "no kind" },
		{ "{" TIME ",\"kind\":60000}}", HIN_EFORMAT, "line 7:" },
		{ "{" TIME ",\"kind\":60000,\"kind\":60000}", HIN_EFORMAT, "line 7:" },
		{ "{" TIME ",\"kind\":\"telescope.nothing\"}", HIN_EFORMAT,
		  "kind \"telescope.nothing\" is in no registry" },
		{ "{" TIME ",\"kind\":0}", HIN_ERANGE, "kind" },
		{ "{" TIME ",\"kind\":65536}", HIN_ERANGE, "kind" },
		{ "{" TIME ",\"kind\":null}", HIN_EFORMAT, "kind" },
		{ HEAD "\"color\":1}", HIN_EFORMAT, "unknown key \"color\"" },
		{ HEAD "\"src\":\"1.2.3\"}", HIN_EFORMAT, "src" },
		{ HEAD "\"src\":7}", HIN_EFORMAT, "src" },
		{ HEAD "\"sport\":65536}", HIN_ERANGE, "sport" },
		{ HEAD "\"sport\":-1}", HIN_ERANGE, "sport" },
		{ HEAD "\"sport\":1.0}", HIN_EFORMAT, "sport" },
		{ HEAD "\"sport\":\"80\"}", HIN_EFORMAT, "sport" },
		{ HEAD "\"sport\":true}", HIN_EFORMAT, "sport" },
		{ HEAD "\"packets\":9223372036854775807}", HIN_OK, NULL },
		{ HEAD "\"packets\":\"18446744073709551615\"}", HIN_OK, NULL },
		{ HEAD "\"packets\":\"18446744073709551616\"}", HIN_ERANGE, "packets" },
		{ HEAD "\"packets\":\"99999999999999999999999\"}", HIN_ERANGE, "packets" },
		{ HEAD "\"packets\":\"01\"}", HIN_EFORMAT, "packets" },
		{ HEAD "\"packets\":\"\"}", HIN_EFORMAT, "packets" },
		{ HEAD "\"packets\":\"1 \"}", HIN_EFORMAT, "packets" },
		{ HEAD "\"packets\":18446744073709551615}", HIN_EFORMAT, "line 7:" },
		{ HEAD "\"confidence\":101}", HIN_ERANGE, "confidence" },
		{ HEAD "\"tool\":\"zmap\"}", HIN_OK, NULL },
		{ HEAD "\"tool\":\"ZMAP\"}", HIN_EFORMAT, "tool \"ZMAP\"" },
		{ HEAD "\"tool\":\"\"}", HIN_EFORMAT, "tool" },
		{ HEAD "\"tags\":\"bogon\"}", HIN_EFORMAT, "tags" },
		{ HEAD "\"tags\":[]}", HIN_OK, NULL },
		{ HEAD "\"tags\":[1,1]}", HIN_ERANGE, "ascend" },
		{ HEAD "\"tags\":[\"spoofed\",\"bogon\"]}", HIN_ERANGE, "ascend" },
		{ HEAD "\"tags\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}", HIN_ERANGE,
		  "tags" },
		{ HEAD "\"tags\":[\"nothing\"]}", HIN_EFORMAT, "tags" },
		{ HEAD "\"version\":\"1 2\"}", HIN_EFORMAT, "version" },
		{ HEAD "\"version\":\"\\u0000\"}", HIN_EFORMAT, "line 7:" },
		{ HEAD "\"version\":\"123456789012345678901234567890123\"}", HIN_ERANGE,
		  "version" },
		{ HEAD "\"link\":\"00000000000000001\"}", HIN_EFORMAT, "link" },
		{ HEAD "\"link\":\"000000000000000G\"}", HIN_EFORMAT, "link" },
		{ HEAD "\"link\":1}", HIN_EFORMAT, "link" },
		{ HEAD "\"product\":\"cpe:/a:openbsd:openssh\"}", HIN_OK, NULL },
		{ HEAD "\"product\":\"cpe:/a:nobody:nothing\"}", HIN_EFORMAT, "product" },
		{ HEAD "\"evidence\":\"00\"}", HIN_EFORMAT, "evidence" },
		{ HEAD "\"device\":\"01000000000000000000000000000000\"}", HIN_ERANGE,
		  "device is given without device_basis" },
		{ "{" TIME ",\"kind\":\"telescope.flow\",\"verdict\":\"open\"}", HIN_EDENIED,
		  "telescope.flow may not fill verdict" },
		{ "{\"time\":1,\"kind\":60000}", HIN_EFORMAT, "time" },
		{ "{\"time\":\"2026-11-22T00:00:00.Z\",\"kind\":60000}", HIN_EFORMAT,
		  "time is not of its form, \"2026-" },
		{ "{\"time\":\"2026-11-22T00:00:00\",\"kind\":60000}", HIN_EFORMAT, "time" },
		{ "{\"time\":\"2026-11-22T00:00:000Z\",\"kind\":60000}", HIN_EFORMAT, "time" },
		{ "{\"time\":\"2026-11-22T00:00:00,5Z\",\"kind\":60000}", HIN_EFORMAT, "time" },
		{ "{\"time\":\"2026-11-22T00:00:00.5+\",\"kind\":60000}", HIN_EFORMAT, "time" },
		{ "{\"time\":\"2026-11-22T00:00:00.1234567x9Z\",\"kind\":60000}", HIN_EFORMAT,
		  "time" },
		{ "{\"time\":\"2026-11-22T00:00:00.1234567890Z\",\"kind\":60000}", HIN_EFORMAT,
		  "time" },
		{ "{\"time\":\"2026-11-22T24:00:00Z\",\"kind\":60000}", HIN_EFORMAT, "time" },
		{ "{\"time\":\"2026-02-29T00:00:00.000000Z\",\"kind\":60000}", HIN_EFORMAT,
		  "time" },
		{ "{\"time\":\"2026-11-22T24:00:00.000000Z\",\"kind\":60000}", HIN_EFORMAT,
		  "time" },
		{ "{\"time\":\"2026-11-22T00:00:60.000000Z\",\"kind\":60000}", HIN_EFORMAT,
		  "time" },
		{ "{\"time\":\"1969-12-31T23:59:59.999999Z\",\"kind\":60000}", HIN_EFORMAT,
		  "time" },
		{ "{\"time\":\"2026-11-22 00:00:00.000000Z\",\"kind\":60000}", HIN_EFORMAT,
		  "time" },
		{ "{\"time\":\"2026-11-22T00:00:00.-00000Z\",\"kind\":60000}", HIN_EFORMAT,
		  "time" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		size_t size = strlen(cases[i].line);
		char *copy = (char *)hin_test_copy(cases[i].line, size);
		struct hin_observation row;
		struct hin_error err = { 0 };
		enum hin_code got = hin_ndjson_read(&row, copy, size, 7, &err);

		if (got != cases[i].want)
			fail_msg("%s: %s: %s", cases[i].line, hin_code_text(got), err.text);
		if (cases[i].text != NULL && strstr(err.text, cases[i].text) == NULL)
			fail_msg("%s: no \"%s\" in \"%s\"", cases[i].line, cases[i].text, err.text);
		free(copy);
	}
}

/* Others write times without a fraction, or to the millisecond or nanosecond (RFC 3339). */
static void times_of_any_fraction_are_read(void **state)
{
	static const struct {
		const char *time;
		int64_t want_us;
	} cases[] = {
		{ "2026-11-22T13:59:00Z", 1795355940000000 },
		{ "2026-11-22T13:59:00.5Z", 1795355940500000 },
		{ "2026-11-22T13:59:00.123Z", 1795355940123000 },
		{ "2026-11-22T13:59:00.123456Z", 1795355940123456 },
		{ "2026-11-22T13:59:00.123456789Z", 1795355940123456 },
		{ "1970-01-01T00:00:00Z", 0 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_observation row;
		struct hin_error err = { 0 };
		char line[128];
		char *copy;
		size_t size;

		snprintf(line, sizeof(line), "{\"time\":\"%s\",\"kind\":60000}", cases[i].time);
		size = strlen(line);
		copy = (char *)hin_test_copy(line, size);
		if (hin_ndjson_read(&row, copy, size, 1, &err) != HIN_OK ||
		    row.time_us != cases[i].want_us)
			fail_msg("%s: %lld %s", cases[i].time, (long long)row.time_us, err.text);
		free(copy);
	}
}

static void long_and_deep_lines_are_refused(void **state)
{
	static char line[HIN_NDJSON_READ + 1];
	struct hin_observation row;

	(void)state;
	memset(line, ' ', sizeof(line));
	assert_int_equal(hin_ndjson_read(&row, line, sizeof(line), 1, NULL), HIN_ELIMIT);
	memset(line, '[', sizeof(line));
	assert_int_equal(hin_ndjson_read(&row, line, HIN_NDJSON_READ, 1, NULL), HIN_EFORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_back),
		cmocka_unit_test(every_name_comes_back),
		cmocka_unit_test(lines_look_as_documented),
		cmocka_unit_test(dates_are_right),
		cmocka_unit_test(the_longest_line_fits),
		cmocka_unit_test(unchecked_rows_do_no_harm),
		cmocka_unit_test(buffers_hold_or_fail),
		cmocka_unit_test(wrong_lines_are_refused),
		cmocka_unit_test(times_of_any_fraction_are_read),
		cmocka_unit_test(long_and_deep_lines_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
