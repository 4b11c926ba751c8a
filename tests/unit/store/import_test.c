/* import - rows out of the lines of nfdump and of our own. */
#include "../test.h"

#include <stdio.h>

#include "base/time.h"
#include "observe/ndjson.h"
#include "store/export_priv.h"
#include "store/import.h"

#define TITLES "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt"

static enum hin_code take(struct hin_import *im, const char *line, struct hin_observation *row,
			  struct hin_error *err)
{
	char *copy = (char *)hin_test_copy(line, strlen(line));
	enum hin_code code = hin_import_line(im, copy, strlen(line), row, err);

	free(copy);
	return code;
}

static struct hin_import nfdump(const char *titles)
{
	struct hin_import im = { .format = HIN_IMPORT_NFDUMP, .kind = HIN_KIND_TELESCOPE_FLOW };
	struct hin_observation row;

	assert_int_equal(take(&im, titles, &row, NULL), HIN_EAGAIN);
	return im;
}

/* Each line as the NDJSON of the row that it makes, or as the mistake that is told. */
static void reads_nfdump(void **state)
{
	static const struct {
		const char *line;
		enum hin_code want;
		const char *said;
	} cases[] = {
		{ "2025-11-22 02:01:41,2025-11-22 02:02:41,60.500,203.0.113.5,198.51.100.1,40000,"
		  "23,TCP,......S.,0,0,3,180,0,0",
		  HIN_OK,
		  "{\"time\":\"2025-11-22T02:01:41.000000Z\",\"kind\":\"telescope.flow\","
		  "\"duration\":60500000,\"src\":\"203.0.113.5\",\"dst\":\"198.51.100.1\","
		  "\"sport\":40000,\"dport\":23,\"proto\":6,\"tcp_flags\":2,\"packets\":3,"
		  "\"bytes\":180}" },
		{ "2025-11-22 02:01:42,x,0.000,2001:db8::1,2001:db8::2,0,2048,ICMP6,........,0,0,2,"
		  "168",
		  HIN_OK,
		  "{\"time\":\"2025-11-22T02:01:42.000000Z\",\"kind\":\"telescope.flow\","
		  "\"src\":\"2001:db8::1\",\"dst\":\"2001:db8::2\",\"sport\":8,\"proto\":58,"
		  "\"packets\":2,\"bytes\":168}" },
		{ "2025-11-22 02:01:42,,,10.0.0.1,10.0.0.2,0,3.1,ICMP,,,,1,28\r", HIN_OK,
		  "{\"time\":\"2025-11-22T02:01:42.000000Z\",\"kind\":\"telescope.flow\","
		  "\"src\":\"10.0.0.1\",\"dst\":\"10.0.0.2\",\"sport\":3,\"dport\":1,\"proto\":1,"
		  "\"packets\":1,\"bytes\":28}" },
		{ "2025-11-22 02:01:42,2025-11-22 02:02:42,,10.0.0.1,10.0.0.2,1,2, 253 ,0x,,,1,28",
		  HIN_EFORMAT, "line 2: flg \"0x\" are no flags" },
		{ "2025-11-22 02:01:42.250,2025-11-22 02:02:42,,10.0.0.1,10.0.0.2,1,2,  253,18",
		  HIN_OK,
		  "{\"time\":\"2025-11-22T02:01:42.250000Z\",\"kind\":\"telescope.flow\","
		  "\"duration\":59750000,\"src\":\"10.0.0.1\",\"dst\":\"10.0.0.2\",\"sport\":1,"
		  "\"dport\":2,\"proto\":253,\"tcp_flags\":18}" },
		{ "", HIN_EAGAIN, NULL },
		{ "\r", HIN_EAGAIN, NULL },
		{ "Summary", HIN_EAGAIN, NULL },
		{ "No matched flows", HIN_EAGAIN, NULL },
		{ TITLES, HIN_EAGAIN, NULL },
		{ "now,,,10.0.0.1,10.0.0.2", HIN_EFORMAT, "line 2: ts \"now\" is no time" },
		{ "-24h,,,10.0.0.1,10.0.0.2", HIN_EFORMAT, "ts \"-24h\" is no time" },
		{ "1969-12-31 23:59:59,,,10.0.0.1,10.0.0.2", HIN_ERANGE, "is before 1970" },
		{ "2025-11-22 02:01:42,,-1,10.0.0.1,10.0.0.2", HIN_ERANGE, "line 2: td" },
		{ "2025-11-22 02:01:42,2025-11-22 02:01:41,,10.0.0.1,10.0.0.2", HIN_ERANGE,
		  "te is before ts" },
		{ "2025-11-22 02:01:42,,,10.0.0,10.0.0.2", HIN_EFORMAT, "sa \"10.0.0\" is no" },
		{ "2025-11-22 02:01:42,,,10.0.0.1", HIN_EFORMAT, "da \"\" is no address" },
		{ "2025-11-22 02:01:42,,,10.0.0.1,10.0.0.2,65536", HIN_ERANGE, "sp \"65536\"" },
		{ "2025-11-22 02:01:42,,,10.0.0.1,10.0.0.2,1,2,XYZ", HIN_EFORMAT, "pr \"XYZ\"" },
		{ "2025-11-22 02:01:42,,,10.0.0.1,10.0.0.2,1,2,256", HIN_EFORMAT, "pr \"256\"" },
		{ "2025-11-22 02:01:42,,,10.0.0.1,10.0.0.2,1,8.256,ICMP", HIN_ERANGE, "dp: code" },
		{ "2025-11-22 02:01:42,,,10.0.0.1,10.0.0.2,1,2,TCP,S?", HIN_EFORMAT, "flg \"S?\"" },
		{ "2025-11-22 02:01:42,,,10.0.0.1,10.0.0.2,1,2,TCP,S,0,0,-1", HIN_EFORMAT,
		  "ipkt \"-1\"" },
	};
	struct hin_ndjson_writer w = { 0 };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_import im = nfdump(TITLES);
		struct hin_observation row;
		struct hin_error err = { 0 };
		char line[HIN_NDJSON_LINE] = "";

		if (take(&im, cases[i].line, &row, &err) != cases[i].want)
			fail_msg("%s: %s", cases[i].line, err.text);
		if (cases[i].want == HIN_OK) {
			size_t n = hin_ndjson_write(&w, &row, line);

			line[n - 1] = '\0';
			if (strcmp(line, cases[i].said) != 0)
				fail_msg("%s: %s", cases[i].line, line);
		} else if (cases[i].said != NULL && strstr(err.text, cases[i].said) == NULL) {
			fail_msg("%s: %s", cases[i].line, err.text);
		}
	}
}

static void reads_titles(void **state)
{
	struct hin_import im = nfdump("da,x,sa,ts,dp"); /* in any order, some alone */
	struct hin_observation row;
	struct hin_error err = { 0 };

	(void)state;
	assert_int_equal(take(&im, "10.0.0.2,y,10.0.0.1,2025-11-22 02:01:42,53,more", &row, &err),
			 HIN_OK);
	assert_int_equal(row.dport, 53);
	assert_int_equal(hin_addr_v4(&row.src), 0x0a000001);
	assert_int_equal(row.packets, 0);

	im = (struct hin_import){ .format = HIN_IMPORT_NFDUMP };
	assert_int_equal(take(&im, "ts,te,td,sa,xx", &row, &err), HIN_EUSAGE);
	assert_non_null(strstr(err.text, "line 1: these are no titles"));
}

static void knows_the_end(void **state)
{
	static const char good[] = "2025-11-22 02:01:42,,,10.0.0.1,10.0.0.2";
	struct hin_import im = nfdump(TITLES);
	struct hin_observation row;

	(void)state;
	assert_int_equal(take(&im, good, &row, NULL), HIN_OK);
	assert_int_equal(take(&im, "Summary", &row, NULL), HIN_EAGAIN);
	assert_int_equal(take(&im, "flows,bytes,packets,avg_bps,avg_pps,avg_bpp", &row, NULL),
			 HIN_EAGAIN);
	assert_int_equal(take(&im, "3,438,6,57,0,73", &row, NULL), HIN_EAGAIN);
	/* the next file behind it */
	assert_int_equal(take(&im, TITLES, &row, NULL), HIN_EAGAIN);
	assert_int_equal(take(&im, good, &row, NULL), HIN_OK);
	assert_int_equal(im.line, 7);
}

/* Found by fuzzing: a flow of many years was written, and then refused. */
static void reads_long_flows(void **state)
{
	struct hin_import im = nfdump("ts,te,sa,da"), back = { .format = HIN_IMPORT_NFDUMP };
	struct hin_observation row, again;
	struct hin_buffer line = { 0 };

	(void)state;
	assert_int_equal(
		take(&im, "1970-01-01 00:00:00,2262-01-01 00:00:00,10.0.0.1,10.0.0.2", &row, NULL),
		HIN_OK);
	assert_true(hin_export_nfdump_row(&line, &row));
	assert_int_equal(take(&back, hin_export_nfdump_head, &again, NULL), HIN_EAGAIN);
	back.kind = row.kind;
	assert_int_equal(take(&back, hin_buffer_text(&line), &again, NULL), HIN_OK);
	assert_true(again.duration_us == row.duration_us);
	hin_buffer_reset(&line);
	row.duration_us = UINT64_MAX / 1000000 * 1000000 - 1000000000;
	assert_true(hin_export_nfdump_row(&line, &row));
	assert_int_equal(take(&back, hin_buffer_text(&line), &again, NULL), HIN_OK);
	hin_buffer_fini(&line);
}

static void knows_zones(void **state)
{
	struct hin_import im = nfdump(TITLES);
	struct hin_observation row;
	char text[HIN_TIME_TEXT];

	(void)state;
	im.zone_s = 9 * 3600;
	assert_int_equal(take(&im, "2025-11-22 02:01:42,,,10.0.0.1,10.0.0.2", &row, NULL), HIN_OK);
	assert_string_equal(hin_time_format_iso(text, row.time_us * 1000, HIN_TIME_S),
			    "2025-11-21T17:01:42Z");
	assert_int_equal(take(&im, "1970-01-01 08:59:59,,,10.0.0.1,10.0.0.2", &row, NULL),
			 HIN_ERANGE);
}

/* What a kind may not fill is refused here and not by the store. */
static void keeps_to_the_kind(void **state)
{
	struct hin_import im = nfdump(TITLES);
	struct hin_observation row;
	struct hin_error err = { 0 };

	(void)state;
	im.kind = HIN_KIND_ROAD_ALIVE;
	assert_int_equal(take(&im, "2025-11-22 02:01:42,,,10.0.0.1,10.0.0.2", &row, &err),
			 HIN_EDENIED);
	assert_non_null(strstr(err.text, "line 2: a row of kind road.alive may not fill"));
}

static void reads_ndjson(void **state)
{
	struct hin_import im = { .format = HIN_IMPORT_NDJSON };
	struct hin_observation row;
	struct hin_error err = { 0 };
	char *line = malloc(HIN_IMPORT_LINE + 2);

	(void)state;
	assert_int_equal(
		take(&im, "{\"time\":\"2025-11-22T02:01:42.000000Z\",\"kind\":60000}", &row, &err),
		HIN_OK);
	assert_int_equal(row.kind, 60000);
	assert_int_equal(take(&im, "", &row, &err), HIN_EAGAIN);
	assert_int_equal(take(&im, "{\"nix\":1}", &row, &err), HIN_EFORMAT);
	assert_non_null(strstr(err.text, "line 3:"));
	memset(line, ' ', HIN_IMPORT_LINE + 1);
	line[HIN_IMPORT_LINE + 1] = '\0';
	assert_int_equal(take(&im, line, &row, &err), HIN_ELIMIT);
	assert_non_null(strstr(err.text, "line 4: is longer than"));
	free(line);
}

/* What we write for nfdump's readers, we read: all protocols, flags and both families. */
static void reads_what_is_written(void **state)
{
	struct hin_import im = { .format = HIN_IMPORT_NFDUMP, .kind = HIN_KIND_TELESCOPE_FLOW };
	struct hin_observation row, again;
	char head[1024];

	(void)state;
	snprintf(head, sizeof(head), "%s", hin_export_nfdump_head);
	assert_int_equal(take(&im, head, &again, NULL), HIN_EAGAIN);
	for (unsigned i = 0; i < 256; i++) {
		struct hin_buffer line = { 0 };
		struct hin_addr v4 = hin_addr_of_v4(0xcb007100 + i);
		struct hin_addr v6 = { { 0x20, 1, [15] = (uint8_t)i } };

		row = (struct hin_observation){ .kind = HIN_KIND_TELESCOPE_FLOW,
						.time_us = INT64_C(1763777000) * 1000000,
						.duration_us = 1500000 + i * 1000,
						.proto = (uint8_t)i,
						.tcp_flags = (uint8_t)i,
						.sport = (uint16_t)(i == 1 || i == 58 ? 8 : i),
						.dport = (uint16_t)(255 - i),
						.packets = i,
						.bytes = UINT64_MAX - i };
		hin_observation_set_src(&row, i % 2 ? &v4 : &v6);
		hin_observation_set_dst(&row, i % 2 ? &v4 : &v6);
		assert_true(hin_export_nfdump_row(&line, &row));
		assert_int_equal(take(&im, hin_buffer_text(&line), &again, NULL), HIN_OK);
		/* IDPR is the name of 35 and of 38 */
		if (i == 38)
			again.proto = 38;
		if (!hin_observation_equal(&row, &again))
			fail_msg("protocol %u: %s", i, hin_buffer_text(&line));
		hin_buffer_fini(&line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_nfdump),	    cmocka_unit_test(reads_titles),
		cmocka_unit_test(knows_the_end),    cmocka_unit_test(knows_zones),
		cmocka_unit_test(reads_long_flows), cmocka_unit_test(keeps_to_the_kind),
		cmocka_unit_test(reads_ndjson),	    cmocka_unit_test(reads_what_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
