/* export - rows in other tools' formats, read back by others' eyes; and answers as text. */
#include "../test.h"

#include <avro.h>
#include <regex.h>
#include <stdio.h>
#include <unistd.h>

#include "observe/key.h"
#include "store/answer.h"
#include "store/export.h"
#include "store/export_priv.h"

#define BASE (INT64_C(1763777100) * 1000000) /* 2025-11-22T02:05:00Z, a whole five minutes */

static struct hin_observation flow(uint32_t src, uint32_t dst, uint16_t dport)
{
	struct hin_observation o = { .time_us = BASE + 61000000,
				     .kind = HIN_KIND_TELESCOPE_FLOW,
				     .proto = 6,
				     .sport = 40000,
				     .dport = dport,
				     .tcp_flags = 2,
				     .packets = 1,
				     .bytes = 40 };
	struct hin_addr a = hin_addr_of_v4(src), b = hin_addr_of_v4(dst);

	hin_observation_set_src(&o, &a);
	hin_observation_set_dst(&o, &b);
	return o;
}

static struct hin_observation rich(void)
{
	struct hin_observation o = flow(0xcb007105, 0xc6336401, 23);

	o.kind = HIN_KIND_TELESCOPE_MEMBER;
	o.time_us = BASE + 123456;
	o.duration_us = 1500000;
	o.tool = HIN_TOOLS_MIRAI;
	o.confidence = 90;
	o.link = 0xdeadbeef;
	o.targets = 7;
	(void)hin_observation_tag(&o, HIN_TAG_BOGON);
	(void)hin_observation_tag(&o, HIN_TAG_MEMBER);
	return o;
}

static void new_path(char path[64])
{
	int fd;

	snprintf(path, 64, "/tmp/hinomi-export-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
}

static char *written(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(in);
	assert_true(fread(text, 1, (1 << 20) - 1, in) > 0);
	fclose(in);
	unlink(path);
	return text;
}

static char *exported(enum hin_export_format format, const struct hin_observation *rows,
		      size_t count, struct hin_export_counts *counts)
{
	static const uint8_t sensor[HIN_SENSOR_ID] = { 0xab, 0xcd };
	struct hin_export *e = NULL;
	char path[64];

	new_path(path);
	assert_int_equal(hin_export_open(&e, path, format, NULL), HIN_OK);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(hin_export_add(e, &rows[i], sensor, NULL), HIN_OK);
	assert_int_equal(hin_export_finish(e, counts, NULL), HIN_OK);
	hin_export_free(e);
	return written(path);
}

static void writes_lines(void **state)
{
	static const struct {
		enum hin_export_format format;
		const char *want;
	} cases[] = {
		{ HIN_EXPORT_NDJSON,
		  "{\"time\":\"2025-11-22T02:05:00.123456Z\",\"kind\":\"telescope.member\","
		  "\"duration\":1500000,\"src\":\"203.0.113.5\",\"dst\":\"198.51.100.1\",\"sport\":"
		  "40000,\"dport\":23,\"proto\":6,\"tcp_flags\":2,\"packets\":1,\"bytes\":40,"
		  "\"targets\":7,\"tool\":\"mirai\",\"confidence\":90,\"tags\":[\"bogon\","
		  "\"member\"],\"link\":\"00000000deadbeef\"}\n" },
		{ HIN_EXPORT_CSV,
		  "time,kind,duration,src,dst,src_len,dst_len,sport,dport,proto,service,tcp_flags,"
		  "packets,bytes,targets,ports,sample,tool,rule,confidence,technique,verdict,"
		  "product,version,tags,link,parent,device,device_basis,artifact,artifact_type,"
		  "evidence,sensor\n"
		  "2025-11-22T02:05:00.123456Z,telescope.member,1500000,203.0.113.5,198.51.100.1,,,"
		  "40000,23,6,,2,1,40,7,,,mirai,,90,,,,,bogon member,00000000deadbeef,,,,,,,"
		  "abcd0000000000000000000000000000\n" },
		{ HIN_EXPORT_NFDUMP,
		  "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out,sas,das,smk,dmk,"
		  "dtos,dir,nh,nhb,svln,dvln,ismc,odmc,idmc,osmc,mpls1,mpls2,mpls3,mpls4,mpls5,"
		  "mpls6,mpls7,mpls8,mpls9,mpls10,cl,sl,al,ra,eng,exid,tr\n"
		  "2025-11-22 02:05:00,2025-11-22 02:05:01,1.500,203.0.113.5,198.51.100.1,40000,23,"
		  "TCP,......S.,0,0,1,40,0,0,0,0,0,0,0,0,0,0,0.0.0.0,0.0.0.0,0,0,00:00:00:00:00:00,"
		  "00:00:00:00:00:00,00:00:00:00:00:00,00:00:00:00:00:00,0-0-0,0-0-0,0-0-0,0-0-0,"
		  "0-0-0,0-0-0,0-0-0,0-0-0,0-0-0,0-0-0,0.000,0.000,0.000,0.0.0.0,0/0,0,"
		  "2025-11-22 02:05:01.000\n" },
	};
	struct hin_observation row = rich();

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_export_counts counts;
		char *text = exported(cases[i].format, &row, 1, &counts);

		if (strcmp(text, cases[i].want) != 0)
			fail_msg("%s: %s", hin_export_names[cases[i].format], text);
		assert_int_equal(counts.written, 1);
		assert_int_equal(counts.left_out, 0);
		free(text);
	}
}

/* RFC 5424 and CEF, held against their grammar; no value breaks out of its field. */
static void writes_cef(void **state)
{
	static const char grammar[] =
		"^<13[24]>1 [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z "
		"[!-~]{1,255} hinomi - [!-~]{1,32} - "
		"CEF:0\\|hinomi\\|hinomi\\|[^|]+\\|[^|]+\\|[^|]+"
		"\\|([0-9]|10)\\|([A-Za-z0-9]+=[^=|\n]*)+\n$";
	struct hin_observation six = rich(), bare = { .kind = 65000, .time_us = HIN_TIME_MAX };
	struct hin_addr v6 = { { 0x20, 1, 0x0d, 0xb8, [15] = 1 } };
	struct hin_observation rows[3];
	struct hin_export_counts counts;
	regex_t regex;
	char *text;

	(void)state;
	hin_observation_set_src(&six, &v6);
	six.proto = 58;
	rows[0] = rich();
	rows[1] = six;
	rows[2] = bare;
	assert_int_equal(regcomp(&regex, grammar, REG_EXTENDED | REG_NOSUB), 0);
	for (size_t i = 0; i < HIN_COUNT(rows); i++) {
		text = exported(HIN_EXPORT_CEF, &rows[i], 1, &counts);
		if (regexec(&regex, text, 0, NULL, 0) != 0)
			fail_msg("no CEF: %s", text);
		free(text);
	}
	text = exported(HIN_EXPORT_CEF, rows, 2, &counts);
	assert_non_null(strstr(text, "|telescope.member|"));
	assert_non_null(strstr(text,
			       "|8|rt=1763777100123 start=1763777100123 end=1763777101623 "
			       "src=203.0.113.5 dst=198.51.100.1 proto=TCP spt=40000 dpt=23 "
			       "cnt=1 in=40 externalId=00000000deadbeef cs1Label=tool cs1=mirai "
			       "cs3Label=tags cs3=bogon,member cn1Label=confidence cn1=90 "
			       "cn2Label=targets cn2=7 "
			       "deviceExternalId=abcd0000000000000000000000000000\n"));
	assert_non_null(strstr(text, " c6a2Label=Source IPv6 Address c6a2=2001:db8::1 "));
	free(text);
	regfree(&regex);
}

static void leaves_out(void **state)
{
	struct hin_observation rows[2] = { flow(1, 2, 3), flow(1, 2, 3) };
	struct hin_export_counts counts;

	(void)state;
	rows[0].has = HIN_HAS_SRC;
	free(exported(HIN_EXPORT_NFDUMP, rows, 2, &counts));
	assert_int_equal(counts.written, 1);
	assert_int_equal(counts.left_out, 1);
}

/* ---- FlowTuple ---- */

static int64_t number(avro_value_t *record, const char *name)
{
	avro_value_t field;
	int64_t wide = -1;
	int32_t narrow = -1;

	assert_int_equal(avro_value_get_by_name(record, name, &field, NULL), 0);
	if (avro_value_get_type(&field) == AVRO_INT64)
		assert_int_equal(avro_value_get_long(&field, &wide), 0);
	else if (avro_value_get_int(&field, &narrow) == 0)
		wide = narrow;
	return wide;
}

static int64_t element(avro_value_t *record, const char *name, size_t index, size_t count)
{
	avro_value_t array, item;
	int64_t value = 0;
	size_t size = 0;

	assert_int_equal(avro_value_get_by_name(record, name, &array, NULL), 0);
	assert_int_equal(avro_value_get_size(&array, &size), 0);
	assert_int_equal(size, count);
	if (count == 0)
		return 0;
	assert_int_equal(avro_value_get_by_index(&array, index, &item, NULL), 0);
	assert_int_equal(avro_value_get_long(&item, &value), 0);
	return value;
}

static void check_first_tuple(avro_value_t *r)
{
	avro_value_t place;
	const char *text;
	size_t size;

	assert_int_equal(number(r, "time"), BASE / 1000000);
	assert_int_equal(number(r, "src_ip"), 0x0a000001);
	assert_int_equal(number(r, "dst_net"), 0xc6330000);
	assert_int_equal(number(r, "dst_port"), 23);
	assert_int_equal(number(r, "protocol"), 6);
	assert_int_equal(number(r, "packet_cnt"), 10);
	assert_int_equal(number(r, "uniq_dst_ips"), 2);
	assert_int_equal(number(r, "uniq_src_ports"), 3);
	assert_int_equal(number(r, "uniq_tcp_flags"), 2);
	assert_int_equal(number(r, "uniq_ttls"), 0);
	assert_int_equal(element(r, "common_srcports", 0, 2), 40000);
	assert_int_equal(element(r, "common_srcport_freqs", 0, 2), 7);
	assert_int_equal(element(r, "common_srcports", 1, 2), 40001);
	assert_int_equal(element(r, "common_tcpflags", 0, 1), 2);
	assert_int_equal(element(r, "common_tcpflag_freqs", 0, 1), 9);
	assert_int_equal(element(r, "common_ttls", 0, 0), 0);
	assert_int_equal(avro_value_get_by_name(r, "maxmind_country", &place, NULL), 0);
	assert_int_equal(avro_value_get_string(&place, &text, &size), 0);
	assert_string_equal(text, "??");
	assert_int_equal(number(r, "prefix2asn"), 0);
}

static void add_all(struct hin_export *e, const struct hin_observation *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(hin_export_add(e, &rows[i], NULL, NULL), HIN_OK);
}

static void writes_flowtuples(void **state)
{
	struct hin_observation rows[] = {
		flow(0x0a000001, 0xc6336401, 23),
		flow(0x0a000001, 0xc633ffff, 23),
		flow(0x0a000001, 0xc6336401, 23),
		flow(0x0a000001, 0xc6346401, 23), /* next /16 */
		flow(0x0a000001, 0xc6336401, 24),
		flow(0x0a000002, 0xc6336401, 0),
		flow(0x0a000001, 0xc6336401, 23), /* six minutes later */
		flow(1, 2, 3),			  /* no flow */
	};
	struct hin_export *e = NULL;
	struct hin_export_counts counts;
	avro_file_reader_t reader;
	avro_value_iface_t *class;
	avro_schema_t schema;
	avro_value_t record;
	char path[64];
	size_t count = 0;

	(void)state;
	rows[0].packets = 7;
	rows[1].packets = 2;
	rows[1].sport = 40001;
	rows[2].sport = 50000;
	rows[2].tcp_flags = 4;
	rows[5].proto = 1;
	rows[5].sport = 8;
	rows[6].time_us += INT64_C(360) * 1000000;
	rows[7].kind = HIN_KIND_TELESCOPE_SCAN;
	new_path(path);
	assert_int_equal(hin_export_open(&e, path, HIN_EXPORT_FLOWTUPLE, NULL), HIN_OK);
	add_all(e, rows, 6);
	assert_int_equal(hin_export_settle(e, NULL), HIN_OK);
	add_all(e, rows + 6, 2);
	assert_int_equal(hin_export_finish(e, &counts, NULL), HIN_OK);
	hin_export_free(e);
	assert_int_equal(counts.written, 5);
	assert_int_equal(counts.left_out, 1);

	assert_int_equal(avro_file_reader(path, &reader), 0);
	schema = avro_file_reader_get_writer_schema(reader);
	class = avro_generic_class_from_schema(schema);
	assert_int_equal(avro_generic_value_new(class, &record), 0);
	while (avro_file_reader_read_value(reader, &record) == 0) {
		count++;
		if (count == 1)
			check_first_tuple(&record);
		if (count == 4) /* an echo request: type and code are the port */
			assert_int_equal(number(&record, "dst_port"), 8 << 8);
		if (count == 5)
			assert_int_equal(number(&record, "time"), BASE / 1000000 + 300);
	}
	assert_int_equal(count, 5);
	avro_value_decref(&record);
	avro_value_iface_decref(class);
	avro_schema_decref(schema);
	avro_file_reader_close(reader);
	unlink(path);
}

/* ---- failure ---- */

static void tells_of_a_full_disk(void **state)
{
	(void)state;
	for (int f = 0; f < HIN_EXPORT_FORMATS; f++) {
		struct hin_export *e = NULL;
		struct hin_export_counts counts;
		struct hin_error err = { 0 };
		struct hin_observation row = flow(1, 2, 3);
		enum hin_code code =
			hin_export_open(&e, "/dev/full", (enum hin_export_format)f, &err);

		for (int i = 0; i < 100 && code == HIN_OK; i++)
			code = hin_export_add(e, &row, NULL, &err);
		if (code == HIN_OK)
			code = hin_export_finish(e, &counts, &err);
		hin_export_free(e);
		if (code == HIN_OK || strstr(err.text, "/dev/full") == NULL)
			fail_msg("%s: a full disk gave \"%s\"", hin_export_names[f], err.text);
	}
}

static void refuses(void **state)
{
	struct hin_export *e = NULL;
	struct hin_error err = { 0 };
	enum hin_export_format format;

	(void)state;
	assert_int_equal(hin_export_open(&e, "/nowhere/x", HIN_EXPORT_CSV, &err), HIN_ESYS);
	assert_int_equal(hin_export_open(&e, "-", HIN_EXPORT_FLOWTUPLE, &err), HIN_EUSAGE);
	assert_null(e);
	assert_true(hin_export_format_of(&format, "a.AVRO"));
	assert_int_equal(format, HIN_EXPORT_FLOWTUPLE);
	assert_false(hin_export_format_of(&format, "avro"));
	hin_export_free(NULL);
}

/* ---- values ---- */

static void says_values(void **state)
{
	static const struct {
		const char *field, *text, *json, *csv;
	} cases[] = {
		{ "src", "203.0.113.5", "\"203.0.113.5\"", "203.0.113.5" },
		{ "dport", "23", "23", "23" },
		{ "proto", "tcp", "6", "6" },
		{ "tcp_flags", "S", "2", "2" },
		{ "tool", "mirai", "\"mirai\"", "mirai" },
		{ "rule", "-", "0", "0" },
		{ "tags", "bogon", "\"bogon\"", "bogon" },
		{ "link", "00000000deadbeef", "\"00000000deadbeef\"", "00000000deadbeef" },
		{ "version", "-", "null", "" },
		{ "evidence", "-", "null", "" },
		{ "packets", "9007199254740993", "\"9007199254740993\"", "9007199254740993" },
		{ "sensor", "abcd0000000000000000000000000000",
		  "\"abcd0000000000000000000000000000\"", "abcd0000000000000000000000000000" },
	};
	static const uint8_t sensor[HIN_SENSOR_ID] = { 0xab, 0xcd };
	struct hin_observation row = rich();

	(void)state;
	row.packets = (UINT64_C(1) << 53) + 1;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_buffer text = { 0 }, json = { 0 }, csv = { 0 };
		struct hin_answer_lengths whole = { 0 };
		struct hin_store_value value;
		unsigned field;

		assert_int_equal(hin_answer_field(&field, cases[i].field, NULL), HIN_OK);
		hin_answer_value_of(&value, &row, sensor, field);
		hin_answer_text(&text, field, &value, whole);
		hin_answer_json(&json, field, &value, whole);
		hin_answer_csv(&csv, field, &value, whole);
		if (strcmp(hin_buffer_text(&text), cases[i].text) != 0 ||
		    strcmp(hin_buffer_text(&json), cases[i].json) != 0 ||
		    strcmp(hin_buffer_text(&csv), cases[i].csv) != 0)
			fail_msg("%s: %s, %s, %s", cases[i].field, hin_buffer_text(&text),
				 hin_buffer_text(&json), hin_buffer_text(&csv));
		hin_buffer_fini(&text);
		hin_buffer_fini(&json);
		hin_buffer_fini(&csv);
	}
}

static void says_prefixes_and_times(void **state)
{
	struct hin_store_value value = { .given = true };
	struct hin_addr net = hin_addr_of_v4(0xcb007100);
	struct hin_buffer out = { 0 };
	struct hin_error err = { 0 };
	char text[HIN_ANSWER_TIME];
	unsigned field;

	(void)state;
	memcpy(value.bytes, net.b, 16);
	hin_answer_text(&out, HIN_FIELD_SRC, &value, (struct hin_answer_lengths){ 24, 48 });
	assert_string_equal(hin_buffer_text(&out), "203.0.113.0/24");
	hin_buffer_fini(&out);
	assert_string_equal(hin_answer_time(text, HIN_TIME_MAX, HIN_ANSWER_ISO_US),
			    "9999-12-31T23:59:59.999999Z");
	assert_string_equal(hin_answer_time(text, 0, HIN_ANSWER_PLAIN), "1970-01-01 00:00:00");
	assert_int_equal(hin_answer_field(&field, "dprt", &err), HIN_EUSAGE);
	assert_non_null(strstr(err.text, "did you mean \"dport\"?"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_lines),		cmocka_unit_test(writes_cef),
		cmocka_unit_test(leaves_out),		cmocka_unit_test(writes_flowtuples),
		cmocka_unit_test(tells_of_a_full_disk), cmocka_unit_test(refuses),
		cmocka_unit_test(says_values),		cmocka_unit_test(says_prefixes_and_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
