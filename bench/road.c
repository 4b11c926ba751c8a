/*
 * hinomi-road - sensors for measuring and testing the road: they put rows and say what is safe.
 *
 * send	  one sensor; its rows are numbered, and "durable N" is printed when rows up to N are
 * spooled crowd  many sensors in one process
 * rows	  what a store has: the number of each row of telescope.flow, and one line a kind
 */
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/options.h"
#include "base/sandbox.h"
#include "observe/carrier_member.h"
#include "observe/road.h"
#include "store/store.h"
#include "trust/ca.h"
#include "trust/member.h"

struct arguments {
	const char *folder, *trust, *store, *hub;
	uint64_t rows, first, batch, rate, sensors, seconds, spool, burst;
	int64_t flush_ns, wait_ns, return_ns;
	bool durable, quiet;
};

#define ARG(field) offsetof(struct arguments, field)

static struct arguments arguments = { .rows = 1000000,
				      .first = 1,
				      .batch = HIN_ROAD_BATCH_ROWS,
				      .sensors = 1000,
				      .seconds = 60,
				      .rate = 0,
				      .burst = 16,
				      .spool = (uint64_t)1 << 30,
				      .flush_ns = HIN_NS_PER_MIN,
				      .wait_ns = 60 * HIN_NS_PER_S };

#define NUMBER(name, field, text)                                                                  \
	{                                                                                          \
		name, 0, "N", HIN_OPTION_VALUE, ARG(field), { HIN_VALUE_U64, 1, INT64_MAX },       \
			.help = text, .help_ja = text                                              \
	}
#define TEXT(name, field, text)                                                                    \
	{                                                                                          \
		name, 0, "FOLDER", HIN_OPTION_TEXT, ARG(field), .help = text, .help_ja = text      \
	}

static const struct hin_option rows[] = {
	TEXT("folder", folder, "the sensor's folder, joined (send), or of all (crowd)"),
	TEXT("trust", trust, "the hub's CA (crowd)"),
	TEXT("store", store, "a store (rows)"),
	NUMBER("rows", rows, "how many rows (send)"),
	NUMBER("first", first, "number of the first row (send)"),
	NUMBER("batch", batch, "most rows of a batch"),
	NUMBER("rate", rate, "rows a second of one sensor; as fast as it goes when not given"),
	NUMBER("burst", burst, "rows between two flushes (send --durable)"),
	NUMBER("sensors", sensors, "how many (crowd)"),
	NUMBER("seconds", seconds, "how long (crowd)"),
	{ "hub", 0, "HOST:PORT", HIN_OPTION_TEXT, ARG(hub), .help = "a second hub (send)",
	  .help_ja = "a second hub (send)" },
	{ "return",
	  0,
	  "TIME",
	  HIN_OPTION_VALUE,
	  ARG(return_ns),
	  { HIN_VALUE_DURATION, HIN_NS_PER_MS, HIN_NS_PER_HOUR },
	  .help = "until the first hub is tried again",
	  .help_ja = "until the first hub is tried again" },
	{ "spool",
	  0,
	  "SIZE",
	  HIN_OPTION_VALUE,
	  ARG(spool),
	  { HIN_VALUE_SIZE, 1 << 20, INT64_MAX },
	  .help = "most bytes of a spool",
	  .help_ja = "most bytes of a spool" },
	{ "flush",
	  0,
	  "TIME",
	  HIN_OPTION_VALUE,
	  ARG(flush_ns),
	  { HIN_VALUE_DURATION, HIN_NS_PER_MS, HIN_NS_PER_HOUR },
	  .help = "time between two batches",
	  .help_ja = "time between two batches" },
	{ "wait",
	  0,
	  "TIME",
	  HIN_OPTION_VALUE,
	  ARG(wait_ns),
	  { HIN_VALUE_DURATION, 0, HIN_NS_PER_HOUR },
	  .help = "for the hub, at the end",
	  .help_ja = "for the hub, at the end" },
	{ "durable", 0, NULL, HIN_OPTION_FLAG, ARG(durable),
	  .help = "flush after each burst and print what is spooled",
	  .help_ja = "flush after each burst and print what is spooled" },
	{ "quiet", 'q', NULL, HIN_OPTION_FLAG, ARG(quiet), .help = "no log", .help_ja = "no log" },
};

/* ---- one sensor ---- */

struct sensor {
	struct hin_road *road;
};

/* The hub has newer settings: check and keep them, as a sensor does. */
static void take_settings(void *user, const void *bytes, size_t size)
{
	struct sensor *s = user;
	struct hin_sensor_settings settings = { 0 };
	struct hin_error why = { 0 };
	enum hin_code code =
		hin_carrier_member_keep(arguments.folder, bytes, size, &settings, &why);

	if (code == HIN_OK || code == HIN_EAGAIN) /* new ones, or those that are kept already */
		hin_road_set_settings(s->road, settings.version);
	else
		fprintf(stderr, "settings: %s\n", why.text);
	hin_sensor_settings_fini(&settings);
}

static enum hin_code open_sensor(struct sensor *s, const char *folder, bool wait,
				 struct hin_error *err)
{
	struct hin_road_settings settings = { .batch_rows = arguments.batch,
					      .queue_rows =
						      arguments.sensors > 1 && !wait ? 256 : 8192,
					      .wait = wait,
					      .flush_ns = arguments.flush_ns,
					      .dark_addresses = 65536 };
	struct hin_carrier_member_settings member = { .hubs = &arguments.hub,
						      .hub_count = arguments.hub != NULL,
						      .return_ns = arguments.return_ns };

	settings.spool.limit_bytes = arguments.spool;
	if (wait) {
		settings.settings = take_settings;
		settings.user = s;
	}
	return hin_road_open_joined(&s->road, folder, &member, &settings, err);
}

static void close_sensor(struct sensor *s, int64_t wait_ns)
{
	hin_road_close(s->road, wait_ns);
}

/* A row as the telescope has them: few values of most fields, one source of many. */
static struct hin_observation row_of(uint64_t number, int64_t time_us)
{
	static const uint16_t ports[] = { 23, 22, 80, 445, 3389, 8080, 2323, 5555 };
	uint64_t mix = number * UINT64_C(0x9e3779b97f4a7c15);
	struct hin_observation row = { .time_us = time_us - time_us % 60000000,
				       .duration_us = 60000000,
				       .kind = HIN_KIND_TELESCOPE_FLOW,
				       .packets = number,
				       .bytes = 40 * (1 + (mix >> 60)),
				       .proto = 6,
				       .tcp_flags = 2 };
	struct hin_addr src = { .b = { [10] = 0xff, [11] = 0xff } }, dst = src;

	memcpy(src.b + 12, &mix, 4);
	dst.b[12] = 198;
	dst.b[13] = 18;
	memcpy(dst.b + 14, (uint8_t *)&mix + 4, 2);
	hin_observation_set_src(&row, &src);
	hin_observation_set_dst(&row, &dst);
	row.sport = (uint16_t)(mix >> 40);
	row.dport = ports[(mix >> 56) % HIN_COUNT(ports)];
	return row;
}

static void pace(int64_t start, uint64_t done)
{
	if (arguments.rate > 0) {
		int64_t due = start + (int64_t)((double)done / (double)arguments.rate * 1e9);

		while (hin_time_monotonic_ns() < due)
			usleep(1000);
	}
}

static enum hin_code send_rows(struct sensor *s, struct hin_error *err)
{
	int64_t start = hin_time_monotonic_ns(), now_us = hin_time_now_ns() / 1000;
	uint64_t end = arguments.first + arguments.rows;

	for (uint64_t i = arguments.first; i < end; i++) {
		struct hin_observation row = row_of(i, now_us);

		(void)hin_road_put(s->road, &row);
		pace(start, i - arguments.first);
		if (!arguments.durable ||
		    ((i - arguments.first) % arguments.burst != 0 && i + 1 < end))
			continue;
		if (hin_road_flush(s->road, false, 60 * HIN_NS_PER_S) != HIN_OK)
			return hin_fail(err, HIN_EAGAIN, "the spool does not take row %" PRIu64, i);
		printf("durable %" PRIu64 "\n", i);
		fflush(stdout);
	}
	if (hin_road_flush(s->road, true, arguments.wait_ns) != HIN_OK)
		return hin_fail(err, HIN_EAGAIN, "the hub does not have all yet");
	return HIN_OK;
}

/* As a sensor does: before the road's threads are started, so that it holds for them too. */
static enum hin_code close_the_door(struct hin_error *err)
{
	const char *read[] = { "/etc", "/proc/self" }, *write[] = { arguments.folder };
	struct hin_sandbox box = { 0 };
	enum hin_code code = hin_sandbox_limit_files(&box, read, 2, write, 1, err);

	if (code == HIN_OK)
		code = hin_sandbox_limit_calls(&box, HIN_SANDBOX_CARRY, false, err);
	return code;
}

static enum hin_code run_send(struct hin_error *err)
{
	struct sensor s = { 0 };
	struct hin_road_stats stats;
	struct rusage use;
	int64_t start;
	double seconds;
	enum hin_code code = close_the_door(err);

	if (code == HIN_OK)
		code = open_sensor(&s, arguments.folder, true, err);
	if (code != HIN_OK)
		return code;
	start = hin_time_monotonic_ns();
	code = send_rows(&s, err);
	seconds = (double)(hin_time_monotonic_ns() - start) / 1e9;
	hin_road_stats(s.road, &stats);
	getrusage(RUSAGE_SELF, &use);
	printf("sent %" PRIu64 " rows in %.3f s: %.0f rows/s; %" PRIu64 " batches, %" PRIu64
	       " loads, %" PRIu64 " failures; sensor: cpu %.2f s, %ld KiB\n",
	       arguments.rows, seconds, (double)arguments.rows / seconds, stats.batches,
	       stats.loads, stats.failures,
	       (double)use.ru_utime.tv_sec + (double)use.ru_utime.tv_usec / 1e6 +
		       (double)use.ru_stime.tv_sec + (double)use.ru_stime.tv_usec / 1e6,
	       use.ru_maxrss);
	/* the last road.alive is made at the end: the hub shall have it too */
	close_sensor(&s, code == HIN_OK ? arguments.wait_ns : 0);
	return code;
}

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* From putting an urgent row to the hub's acknowledgement, among rows that can wait. */
static enum hin_code run_urgent(struct hin_error *err)
{
	int64_t took[50];
	struct sensor s = { 0 };
	enum hin_code code = close_the_door(err);

	if (code == HIN_OK)
		code = open_sensor(&s, arguments.folder, true, err);
	if (code == HIN_OK)
		code = hin_road_flush(s.road, true, arguments.wait_ns);
	for (size_t i = 0; i < HIN_COUNT(took) && code == HIN_OK; i++) {
		struct hin_observation row = row_of(i + 1, hin_time_now_ns() / 1000);
		struct hin_road_stats before, now;
		int64_t start;

		hin_road_stats(s.road, &before);
		(void)hin_road_put(s.road, &row);
		row.kind = HIN_KIND_TELESCOPE_MEMBER;
		start = hin_time_monotonic_ns();
		(void)hin_road_put(s.road, &row);
		do {
			usleep(200);
			hin_road_stats(s.road, &now);
			took[i] = hin_time_monotonic_ns() - start;
		} while (now.committed.sequence <= before.committed.sequence &&
			 took[i] < arguments.wait_ns);
		usleep(100000);
	}
	if (code == HIN_OK) {
		int64_t median, slowest;

		qsort(took, HIN_COUNT(took), sizeof(took[0]), by_time);
		median = took[HIN_COUNT(took) / 2];
		slowest = took[HIN_COUNT(took) - 1];
		printf("urgent rows, put to acknowledged: median %.1f ms, slowest %.1f ms of %zu\n",
		       (double)median / 1e6, (double)slowest / 1e6, HIN_COUNT(took));
	}
	close_sensor(&s, 0);
	return code;
}

/* ---- many ---- */

/* Join `folder` to the CA without a network, as `name`. */
static enum hin_code join(struct hin_ca *ca, const char *folder, const char *name,
			  struct hin_error *err)
{
	struct hin_addr nowhere = { 0 };
	struct hin_join_code code = { 0 };
	struct hin_sensor_key key = { 0 };
	struct hin_enrol_key enrol;
	struct hin_buffer request = { 0 }, tls = { 0 }, answer = { 0 };
	int64_t now_s = hin_time_now_ns() / HIN_NS_PER_S;
	char path[PATH_MAX + 16];
	enum hin_code rc;

	(void)mkdir(folder, 0700);
	snprintf(path, sizeof(path), "%s/" HIN_SENSOR_KEY_FILE, folder);
	rc = hin_sensor_key_open(&key, path, err);
	memcpy(enrol.public_key, key.public_key, sizeof(enrol.public_key));
	memcpy(enrol.secret, key.secret, sizeof(enrol.secret));
	if (rc == HIN_OK && hin_member_is_joined(folder))
		return HIN_OK;
	if (rc == HIN_OK)
		rc = hin_ca_invite(ca, &code, name, 3600, now_s, err);
	if (rc == HIN_OK)
		rc = hin_member_ask(&request, &tls, &code, &enrol, err);
	if (rc == HIN_OK &&
	    hin_ca_answer(ca, &answer, request.data, request.used, NULL, &nowhere, now_s) != 200)
		rc = hin_fail(err, HIN_EDENIED, "%s", hin_buffer_text(&answer));
	if (rc == HIN_OK)
		rc = hin_member_join(folder, &code, &enrol, tls.data, answer.data, answer.used,
				     NULL, now_s, err);
	hin_buffer_fini(&request);
	hin_buffer_fini(&answer);
	hin_secret_fini(&tls);
	hin_sensor_key_fini(&key);
	return rc;
}

static enum hin_code join_all(struct hin_error *err)
{
	struct hin_ca *ca = NULL;
	enum hin_code code = hin_ca_open(&ca, arguments.trust, err);

	if (code == HIN_OK)
		code = hin_ca_unlock(ca, NULL, err);
	(void)mkdir(arguments.folder, 0700);
	for (uint64_t i = 0; i < arguments.sensors && code == HIN_OK; i++) {
		char folder[PATH_MAX], name[32];

		snprintf(folder, sizeof(folder), "%s/%" PRIu64, arguments.folder, i);
		snprintf(name, sizeof(name), "crowd-%" PRIu64, i);
		code = join(ca, folder, name, err);
	}
	hin_ca_close(ca);
	return code;
}

static enum hin_code open_all(struct sensor *all, struct hin_error *err)
{
	for (uint64_t i = 0; i < arguments.sensors; i++) {
		char folder[PATH_MAX];
		enum hin_code code;

		snprintf(folder, sizeof(folder), "%s/%" PRIu64, arguments.folder, i);
		code = open_sensor(&all[i], folder, false, err);
		if (code != HIN_OK)
			return code;
	}
	return HIN_OK;
}

/* Each sensor puts `rate` rows a second, a tenth of them each 100 ms. */
static uint64_t put_all(struct sensor *all)
{
	int64_t start = hin_time_monotonic_ns();
	uint64_t put = 0, share = arguments.rate > 10 ? arguments.rate / 10 : 1;

	for (uint64_t tick = 0; tick < arguments.seconds * 10; tick++) {
		int64_t due = start + (int64_t)tick * 100 * HIN_NS_PER_MS;
		int64_t now_us = hin_time_now_ns() / 1000;

		while (hin_time_monotonic_ns() < due)
			usleep(2000);
		for (uint64_t i = 0; i < arguments.sensors; i++)
			for (uint64_t n = 0; n < share; n++) {
				struct hin_observation row = row_of(++put, now_us);

				(void)hin_road_put(all[i].road, &row);
			}
	}
	return put;
}

static enum hin_code run_crowd(struct hin_error *err)
{
	struct sensor *all = calloc(arguments.sensors, sizeof(*all));
	uint64_t put = 0, unsent = 0, failures = 0, lost = 0;
	int64_t start;
	enum hin_code code;

	if (all == NULL)
		return hin_fail(err, HIN_ENOMEM, "%" PRIu64 " sensors", arguments.sensors);
	if (arguments.rate == 0)
		arguments.rate = 100;
	code = join_all(err);
	start = hin_time_monotonic_ns();
	if (code == HIN_OK)
		code = open_all(all, err);
	if (code == HIN_OK) {
		printf("open %.1f s\n", (double)(hin_time_monotonic_ns() - start) / 1e9);
		fflush(stdout);
		put = put_all(all);
	}
	for (uint64_t i = 0; i < arguments.sensors && code == HIN_OK; i++)
		if (hin_road_flush(all[i].road, true, arguments.wait_ns) != HIN_OK)
			unsent++;
	for (uint64_t i = 0; i < arguments.sensors && all[i].road != NULL; i++) {
		struct hin_road_stats stats;

		hin_road_stats(all[i].road, &stats);
		failures += stats.failures;
		lost += stats.rows_lost;
	}
	printf("crowd %" PRIu64 " sensors, %" PRIu64 " rows in %.1f s; not all sent: %" PRIu64
	       ", failures %" PRIu64 ", rows lost %" PRIu64 "\n",
	       arguments.sensors, put, (double)(hin_time_monotonic_ns() - start) / 1e9, unsent,
	       failures, lost);
	fflush(stdout);
	_exit(code == HIN_OK && unsent == 0 ? 0 : 1); /* the rest is of no interest */
}

/* ---- what is in a store ---- */

static uint64_t kinds[65536];

static enum hin_code print_rows(void *user, const struct hin_store_rows *list,
				struct hin_error *err)
{
	(void)user;
	(void)err;
	for (size_t i = 0; i < list->count; i++) {
		kinds[list->rows[i].kind]++;
		if (list->rows[i].kind == HIN_KIND_TELESCOPE_FLOW)
			printf("%" PRIu64 "\n", list->rows[i].packets);
	}
	return HIN_OK;
}

static enum hin_code run_rows(struct hin_error *err)
{
	struct hin_store_range all = { 0 };
	struct hin_store *store = NULL;
	enum hin_code code = hin_store_open(&store, arguments.store, HIN_STORE_READ, NULL, err);

	if (code == HIN_OK)
		code = hin_store_scan(store, &all, UINT64_MAX, 0, print_rows, NULL, NULL, err);
	for (size_t i = 0; i < HIN_COUNT(kinds) && code == HIN_OK; i++)
		if (kinds[i] > 0)
			printf("kind %zu %" PRIu64 "\n", i, kinds[i]);
	hin_store_close(store);
	return code;
}

int main(int argc, char *argv[])
{
	static const struct hin_program program = {
		.name = "hinomi-road",
		.args = "send|urgent|crowd|rows",
		.about = "Sensors for measuring and testing the road.",
		.about_ja = "Sensors for measuring and testing the road.",
		.options = rows,
		.option_count = HIN_COUNT(rows),
	};
	struct hin_error err = { 0 };
	enum hin_code code = HIN_EUSAGE;
	int status = hin_program_start(&program, &arguments, NULL, &argc, argv);

	if (status >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	hin_log_setup(arguments.quiet ? -1 : STDERR_FILENO, HIN_LOG_INFO);
	if (argc == 2 && strcmp(argv[1], "send") == 0 && arguments.folder != NULL)
		code = run_send(&err);
	else if (argc == 2 && strcmp(argv[1], "urgent") == 0 && arguments.folder != NULL)
		code = run_urgent(&err);
	else if (argc == 2 && strcmp(argv[1], "crowd") == 0 && arguments.folder != NULL &&
		 arguments.trust != NULL)
		code = run_crowd(&err);
	else if (argc == 2 && strcmp(argv[1], "rows") == 0 && arguments.store != NULL)
		code = run_rows(&err);
	else
		(void)hin_fail(&err, HIN_EUSAGE,
			       "say send, urgent, crowd or rows, and where (--help)");
	if (code != HIN_OK)
		return hin_program_fail(&program, &err);
	return HIN_EXIT_DONE;
}
