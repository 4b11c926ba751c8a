/* tell_test - results as rows that the registry allows, and files of rows that come back the same.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/batch_file.h"
#include "observe/batch_reader.h"
#include "observe/key.h"
#include "observe/ndjson.h"
#include "telescope/tell.h"
#include "traffic.h"

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/hinomi-tell-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static const char *path_of(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static struct hin_addr v6(uint8_t last)
{
	return (struct hin_addr){ { 0x2a, 1, [15] = last } };
}

/* ---- rows ---- */

static void good_row(const struct hin_observation *o, const char *name)
{
	struct hin_error err = { 0 };

	if (hin_observation_check(o, &err) != HIN_OK)
		fail_msg("%s: %s", name, err.text);
}

/* What the results of one test case have in common. */
struct extremes {
	bool v6;
	int64_t first_us, last_us;
	enum hin_class class;
	unsigned tool;
};

static struct hin_addr source_of(const struct extremes *x)
{
	return x->v6 ? v6(7) : hin_addr_of_v4(ADDR(9, 9, 9, 9));
}

static void event_row(const struct extremes *x)
{
	struct hin_event e = { .source = source_of(x),
			       .source_len = !x->v6	   ? 32
					     : x->tool & 1 ? 64
							   : 128,
			       .class = x->class,
			       .scan = (enum hin_scan_type)(1 + x->tool % 3),
			       .tool = (enum hin_tool)x->tool,
			       .confidence = 99,
			       .packets = UINT64_MAX,
			       .bytes = UINT64_MAX,
			       .targets = UINT64_MAX,
			       .ports = x->tool + 1,
			       .first_us = x->first_us,
			       .last_us = x->last_us,
			       .bogon = true,
			       .spoofed = true,
			       .unroutable = true,
			       .member = true,
			       .research = "x",
			       .top = { { 65535, 1 } },
			       .top_count = 1,
			       .link = UINT64_MAX,
			       .has_evidence = true,
			       .evidence = { 1 } };
	struct hin_observation o;

	if (e.source_len == 64)
		e.source.b[15] = 0;
	hin_observe_event(&o, &e);
	good_row(&o, "event");
}

static void victim_and_flood_rows(const struct extremes *x)
{
	struct hin_victim v = { .address = source_of(x),
				.class = x->class,
				.proto = 17,
				.port = 65535,
				.packets = 1,
				.first_us = x->first_us,
				.last_us = x->last_us,
				.member = true };
	struct hin_flood f = { .target = source_of(x),
			       .class = x->class,
			       .proto = 1,
			       .port = 2048,
			       .service = x->tool & 1 ? "dns" : "no such service",
			       .packets = 1,
			       .sources = UINT64_MAX,
			       .first_us = x->first_us,
			       .last_us = x->last_us,
			       .spoofed = true };
	struct hin_observation o;

	hin_observe_victim(&o, &v);
	good_row(&o, "victim");
	hin_observe_flood(&o, &f, false);
	good_row(&o, "flood");
	hin_observe_flood(&o, &f, true);
	good_row(&o, "amplification");
}

static void other_rows(const struct extremes *x)
{
	struct hin_flow_row flow = { .minute_us = x->first_us,
				     .src = source_of(x),
				     .dst = source_of(x),
				     .sport = 65535,
				     .proto = 255,
				     .tcp_flags = 255,
				     .bogon = true,
				     .spoofed = true,
				     .unroutable = true,
				     .fragment = true,
				     .tool = HIN_SIGN_MACOS,
				     .packets = UINT64_MAX,
				     .bytes = UINT64_MAX };
	struct hin_member member = { .address = source_of(x),
				     .first_target = source_of(x),
				     .infected = true,
				     .tool = HIN_SIGN_MIRAI,
				     .confidence = 99,
				     .packets = 1,
				     .first_us = x->first_us,
				     .last_us = x->last_us };
	struct hin_member_news member_news = { .member = &member,
					       .link = UINT64_MAX,
					       .part = { .opened = x->v6,
							 .closed = true,
							 .since_us = x->first_us,
							 .packets = UINT64_MAX,
							 .bytes = UINT64_MAX },
					       .last_us = x->last_us,
					       .one_port = x->v6,
					       .target = source_of(x),
					       .sport = 65535,
					       .dport = 65535,
					       .proto = 255,
					       .targets = UINT64_MAX,
					       .ports = UINT64_MAX };
	struct hin_rising rising = {
		.proto = 6, .port = 5555, .hourly = x->v6, .time_us = x->first_us, .count = 5
	};
	struct hin_observation o;

	hin_observe_flow(&o, &flow);
	good_row(&o, "flow");
	hin_observe_member(&o, &member_news);
	good_row(&o, "member");
	hin_observe_member_event(&o, &member);
	good_row(&o, "member of an event");
	hin_observe_rising(&o, &rising);
	good_row(&o, "rising");
}

/* Whatever a result says, at its extremes too, makes a row that the encoder takes. */
static void every_result_makes_a_row(void **state)
{
	static const int64_t times[] = { 0, T0, -1, INT64_MIN / 1000, INT64_MAX / 1000 };

	(void)state;
	for (unsigned i = 0; i < 2 * HIN_COUNT(times); i++) {
		struct extremes x = { .v6 = (i & 1) != 0,
				      .first_us = times[i / 2],
				      .last_us = times[(i / 2 + 1) % HIN_COUNT(times)] };

		if (x.last_us < x.first_us)
			x.last_us = x.first_us;
		for (unsigned class = 0; class < HIN_CLASS_COUNT; class ++)
			for (x.tool = 0; x.tool < HIN_SIGN_COUNT; x.tool++) {
				x.class = (enum hin_class) class;
				event_row(&x);
				victim_and_flood_rows(&x);
			}
		other_rows(&x);
	}
}

/* What stands in the rows. */
static void rows_say_what_results_say(void **state)
{
	struct hin_event e = { .source = hin_addr_of_v4(ADDR(9, 9, 9, 9)),
			       .source_len = 32,
			       .class = HIN_CLASS_SYN,
			       .scan = HIN_SCAN_HORIZONTAL,
			       .tool = HIN_SIGN_ZMAP,
			       .confidence = 90,
			       .packets = 100,
			       .bytes = 4000,
			       .targets = 99,
			       .ports = 1,
			       .first_us = T0,
			       .last_us = T0 + MINUTE,
			       .top = { { 23, 100 } },
			       .top_count = 1,
			       .link = 77 };
	struct hin_observation o;

	(void)state;
	hin_observe_event(&o, &e);
	assert_int_equal(o.kind, HIN_KIND_TELESCOPE_SCAN);
	assert_int_equal(o.rule, HIN_RULE_SCAN_HORIZONTAL);
	assert_int_equal(o.tool, HIN_TOOLS_ZMAP);
	assert_int_equal(o.dport, 23);
	assert_int_equal(o.packets, 100);
	assert_int_equal(o.targets, 99);
	assert_true(o.time_us == T0 && o.duration_us == MINUTE);
	assert_int_equal(o.link, 77);
	assert_int_equal(o.tag_count, 0);
	e.ports = 2;
	hin_observe_event(&o, &e);
	assert_int_equal(o.dport, 0); /* not of one port */
}

/* A line tells what came since the one before, under the same link. */
static void parts_of_an_event(void **state)
{
	static const struct {
		struct hin_part part;
		uint16_t tag, other; /* 0 = none */
	} cases[] = {
		{ { true, false, T0, 60, 2400 }, HIN_TAG_OPENED, 0 },
		{ { false, false, T0 + SECOND, 30, 1200 }, HIN_TAG_UPDATED, 0 },
		{ { false, true, T0 + MINUTE, 0, 0 }, HIN_TAG_CLOSED, 0 },
		{ { true, true, T0, 100, 4000 }, HIN_TAG_OPENED, HIN_TAG_CLOSED },
	};
	struct hin_event e = { .source = hin_addr_of_v4(ADDR(1, 2, 3, 4)),
			       .source_len = 32,
			       .class = HIN_CLASS_SYN,
			       .packets = 100,
			       .bytes = 4000,
			       .targets = 99,
			       .first_us = T0,
			       .last_us = T0 + MINUTE,
			       .link = 77 };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_news news = { .type = HIN_NEWS_EVENT,
					 .event = &e,
					 .part = cases[i].part };
		struct hin_observation o;

		hin_observe_news(&o, &news);
		assert_int_equal(o.link, 77);
		assert_int_equal(o.packets, cases[i].part.packets);
		assert_int_equal(o.bytes, cases[i].part.bytes);
		assert_int_equal(o.targets, 99); /* true in this row, never summed */
		assert_true(o.time_us == cases[i].part.since_us);
		assert_true(o.time_us + (int64_t)o.duration_us == T0 + MINUTE);
		assert_int_equal(o.tag_count, cases[i].other != 0 ? 2 : 1);
		assert_int_equal(o.tags[0], cases[i].tag);
		if (cases[i].other != 0)
			assert_int_equal(o.tags[1], cases[i].other);
	}
}

/* ---- files ---- */

static struct hin_observation row_of(unsigned n)
{
	struct hin_observation o;

	hin_observe_flow(&o, &(struct hin_flow_row){ .minute_us = T0 + n / 10 * MINUTE,
						     .src = hin_addr_of_v4(ADDR(9, 0, 0, n % 200)),
						     .dst = hin_addr_of_v4(DARK(n)),
						     .dport = (uint16_t)n,
						     .proto = 6,
						     .tcp_flags = 2,
						     .packets = 1 + n,
						     .bytes = 40 + n });
	return o;
}

static void write_rows(const char *path, const struct hin_teller_options *options, unsigned from,
		       unsigned to)
{
	struct hin_teller *teller;
	struct hin_error err = { 0 };

	if (hin_teller_open(&teller, path, options, &err) != HIN_OK)
		fail_msg("%s", err.text);
	for (unsigned n = from; n < to; n++) {
		struct hin_observation o = row_of(n);

		assert_int_equal(hin_teller_add(teller, &o, &err), HIN_OK);
		if (n % 100 == 99)
			assert_int_equal(hin_teller_flush(teller, &err), HIN_OK);
	}
	assert_int_equal(hin_teller_rows(teller), to - from);
	assert_int_equal(hin_teller_close(teller, &err), HIN_OK);
}

static unsigned read_lines(const char *path, bool laboratory)
{
	FILE *in = fopen(path, "re");
	char line[HIN_NDJSON_READ];
	unsigned n = 0;

	assert_non_null(in);
	while (fgets(line, sizeof(line), in) != NULL) {
		struct hin_observation o, want = row_of(n++);

		if (laboratory)
			assert_true(hin_observation_tag(&want, HIN_TAG_LABORATORY));
		assert_int_equal(hin_ndjson_read(&o, line, strlen(line), n, NULL), HIN_OK);
		assert_true(hin_observation_equal(&o, &want));
	}
	fclose(in);
	return n;
}

static void lines_come_back(void **state)
{
	struct hin_teller_options options = { 0 };

	(void)state;
	write_rows(path_of("a.ndjson"), &options, 0, 5000);
	assert_int_equal(read_lines(path_of("a.ndjson"), false), 5000);
	write_rows(path_of("a.ndjson"), &options, 0, 10); /* begun anew */
	assert_int_equal(read_lines(path_of("a.ndjson"), false), 10);
	options.append = true;
	write_rows(path_of("a.ndjson"), &options, 10, 30);
	assert_int_equal(read_lines(path_of("a.ndjson"), false), 30);
	options = (struct hin_teller_options){ .laboratory = true };
	write_rows(path_of("b.jsonl"), &options, 0, 20);
	assert_int_equal(read_lines(path_of("b.jsonl"), true), 20);
}

/* Rows of the batches, whose signatures and chain must hold. */
static unsigned read_batches(const char *path, const uint8_t *public_key, uint64_t dark,
			     unsigned *batches)
{
	static struct hin_batch_reader reader;
	struct hin_batch_file *file;
	uint8_t previous[32] = { 0 };
	const uint8_t *bytes;
	unsigned n = 0;
	size_t size;
	enum hin_code code;

	*batches = 0;
	assert_int_equal(hin_batch_file_open(&file, path, NULL), HIN_OK);
	while ((code = hin_batch_file_read(file, &bytes, &size, NULL)) == HIN_OK) {
		struct hin_observation o;

		assert_int_equal(hin_batch_reader_open(&reader, bytes, size, public_key, NULL),
				 HIN_OK);
		assert_int_equal(reader.header.sequence, ++*batches);
		assert_int_equal(reader.header.dark_addresses, dark);
		assert_memory_equal(reader.header.previous, previous, 32);
		hin_batch_digest(previous, bytes, size);
		while ((code = hin_batch_reader_next(&reader, &o, NULL)) == HIN_OK) {
			struct hin_observation want = row_of(n++);

			assert_true(hin_observation_equal(&o, &want));
		}
		assert_int_equal(code, HIN_EOF);
	}
	assert_int_equal(code, HIN_EOF);
	hin_batch_file_close(file);
	return n;
}

static void batches_come_back(void **state)
{
	struct hin_teller_options options = { .key_path = path_of("sensor.key"),
					      .dark_addresses = 65536 };
	struct hin_sensor_key key;
	unsigned batches;

	(void)state;
	write_rows(path_of("a.hnb"), &options, 0, 250);
	assert_int_equal(hin_sensor_key_load(&key, options.key_path, NULL), HIN_OK);
	assert_int_equal(read_batches(path_of("a.hnb"), key.public_key, 65536, &batches), 250);
	assert_int_equal(batches, 3);
	options.append = true; /* the chain goes on in the next run */
	write_rows(path_of("a.hnb"), &options, 250, 300);
	assert_int_equal(read_batches(path_of("a.hnb"), key.public_key, 65536, &batches), 300);
	assert_int_equal(batches, 4);
}

/* Without a key of its own a run has one for itself; a quiet minute leaves no empty batch. */
static void keyless_and_quiet(void **state)
{
	struct hin_teller_options options = { 0 };
	struct hin_teller *teller;
	unsigned batches;

	(void)state;
	write_rows(path_of("b.hnb"), &options, 0, 50);
	assert_int_equal(read_batches(path_of("b.hnb"), NULL, 0, &batches), 50);
	assert_int_equal(hin_teller_open(&teller, path_of("c.hnb"), &options, NULL), HIN_OK);
	for (unsigned n = 0; n < 3; n++)
		assert_int_equal(hin_teller_flush(teller, NULL), HIN_OK);
	assert_int_equal(hin_teller_close(teller, NULL), HIN_OK);
	assert_int_equal(read_batches(path_of("c.hnb"), NULL, 0, &batches), 0);
	assert_int_equal(batches, 0);
}

/* What is no file stays what it is; a device would be lost to the whole machine. */
static void devices_are_not_replaced(void **state)
{
	struct hin_teller_options options = { 0 };
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(mkfifo(path_of("pipe.hnb"), 0600), 0);
	fd = open(path_of("pipe.hnb"), O_RDWR | O_CLOEXEC);
	assert_int_not_equal(fd, -1);
	{
		struct hin_teller *teller = NULL;

		/* it may be refused, for it cannot be read through, but not replaced */
		if (hin_teller_open(&teller, path_of("pipe.hnb"), &options, NULL) == HIN_OK)
			assert_int_equal(hin_teller_close(teller, NULL), HIN_OK);
	}
	assert_int_equal(stat(path_of("pipe.hnb"), &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	close(fd);
}

/* A full disk is told, once and again, and at the end. */
static void full_disks_are_told(void **state)
{
	struct hin_teller_options options = { .append = true };
	struct hin_observation o = row_of(1);
	struct hin_teller *teller;
	struct hin_error err = { 0 };

	(void)state;
	assert_int_equal(symlink("/dev/full", path_of("full.ndjson")), 0);
	assert_int_equal(hin_teller_open(&teller, path_of("full.ndjson"), &options, NULL), HIN_OK);
	assert_int_equal(hin_teller_add(teller, &o, &err), HIN_OK);
	assert_int_equal(hin_teller_flush(teller, &err), HIN_ESYS);
	assert_non_null(strstr(err.text, "full.ndjson"));
	assert_int_not_equal(hin_teller_add(teller, &o, &err), HIN_OK);
	assert_int_not_equal(hin_teller_close(teller, &err), HIN_OK);
	assert_int_equal(hin_teller_open(&teller, path_of("no/folder.ndjson"), &options, &err),
			 HIN_ESYS);
	assert_int_not_equal(hin_teller_open(&teller, path_of("no/folder.hnb"), &options, &err),
			     HIN_OK);
	assert_int_equal(hin_teller_close(NULL, NULL), HIN_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_result_makes_a_row),  cmocka_unit_test(parts_of_an_event),
		cmocka_unit_test(rows_say_what_results_say), cmocka_unit_test(lines_come_back),
		cmocka_unit_test(batches_come_back),	     cmocka_unit_test(keyless_and_quiet),
		cmocka_unit_test(devices_are_not_replaced),  cmocka_unit_test(full_disks_are_told),
	};

	return cmocka_run_group_tests_name("tell", tests, make_folder, remove_folder);
}
