/*
 * store_bench - how fast the store takes rows in and answers, and the same of SQLite.
 *
 *	hinomi-store-bench fill FOLDER ROWS A_MINUTE	append, synced each second
 *	hinomi-store-bench compact FOLDER ROWS		close and index the days, as the hub does at
 *night hinomi-store-bench ask FOLDER ROWS		the questions, each three times
 *	hinomi-store-bench one FOLDER ROWS		one source in all days
 *	hinomi-store-bench rare FOLDER ROWS		the same of a source that sends rarely
 *	hinomi-store-bench house FOLDER ROWS		what appends wait while days are rolled up
 *	hinomi-store-bench sqlite FILE ROWS A_MINUTE	the same rows and questions
 *	hinomi-store-bench binary ROWS A_MINUTE		rows as ClickHouse's RowBinary
 *
 * One line a figure: name, value by the clock, by processor time, unit, and the first lines of the
 * answer as a check that all give the same. bench/store.py runs it beside ClickHouse and prints
 *ratios.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sqlite3.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "store/store.h"
#include "store_rows.h"

#define BATCH 60000u
#define ROUNDS 5

static void die(const char *what, const struct hin_error *err)
{
	fprintf(stderr, "store_bench: %s: %s\n", what, err != NULL ? err->text : "failed");
	exit(1);
}

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * HIN_NS_PER_S + t.tv_nsec;
}

/* A stretch of work: by the clock, and by what the processor gave to it. */
struct spent {
	int64_t wall_ns, cpu_ns;
};

static struct spent start(void)
{
	return (struct spent){ hin_time_monotonic_ns(), cpu_ns() };
}

static struct spent stop(struct spent from)
{
	return (struct spent){ hin_time_monotonic_ns() - from.wall_ns, cpu_ns() - from.cpu_ns };
}

static struct spent add(struct spent a, struct spent b)
{
	return (struct spent){ a.wall_ns + b.wall_ns, a.cpu_ns + b.cpu_ns };
}

static struct spent least(struct spent a, struct spent b)
{
	return (struct spent){ a.wall_ns < b.wall_ns ? a.wall_ns : b.wall_ns,
			       a.cpu_ns < b.cpu_ns ? a.cpu_ns : b.cpu_ns };
}

#define FOR_EVER ((struct spent){ INT64_MAX, INT64_MAX })

/* A line: name, figure by the clock, figure by processor time, unit, check. */
static void report(const char *name, double wall, double cpu, const char *unit, const char *check)
{
	printf("%s\t%.6f\t%.6f\t%s\t%s\n", name, wall, cpu, unit, check);
	fflush(stdout);
}

static void report_time(const char *name, struct spent s, const char *check)
{
	report(name, (double)s.wall_ns / 1e9, (double)s.cpu_ns / 1e9, "s", check);
}

static void report_rate(const char *name, uint64_t rows, struct spent s)
{
	report(name, (double)rows / ((double)s.wall_ns / 1e9),
	       (double)rows / ((double)s.cpu_ns / 1e9), "rows/s", "");
}

/* ---- the store ---- */

static struct hin_store *open_store(const char *path, enum hin_store_access access)
{
	struct hin_store *store;
	struct hin_error err;

	if (hin_store_open(&store, path, access, NULL, &err) != HIN_OK)
		die("open", &err);
	return store;
}

static int fill(const char *path, uint64_t rows, uint64_t a_minute)
{
	struct hin_store *store = open_store(path, HIN_STORE_CREATE);
	struct hin_observation *batch = malloc(BATCH * sizeof(*batch));
	struct hin_store_stats stats;
	struct hin_store_batch head = { .sensor = { 1 }, .epoch = 1, .dark_addresses = 65536 };
	struct hin_error err;
	struct spent spent = { 0 };
	int64_t synced = 0;
	double syncs = 0;

	for (uint64_t n = 0; n < rows;) {
		enum hin_store_outcome outcome;
		size_t count = 0;
		struct spent from;

		for (; count < BATCH && n < rows; n++)
			rows_flow(n, a_minute, &batch[count++]);
		head.sequence++;
		head.received_us = batch[0].time_us;
		from = start();
		if (hin_store_append(store, &head, batch, count, &outcome, &err) != HIN_OK)
			die("append", &err);
		spent = add(spent, stop(from));
		if (spent.cpu_ns - synced >= HIN_NS_PER_S || n == rows) {
			from = start();
			if (hin_store_sync(store, &err) != HIN_OK)
				die("sync", &err);
			spent = add(spent, stop(from));
			synced = spent.cpu_ns;
			syncs++;
		}
	}
	if (hin_store_stats(store, &stats, &err) != HIN_OK)
		die("stats", &err);
	report_rate("append", rows, spent);
	report("syncs", syncs, syncs, "", "");
	report("size", (double)stats.bytes / (double)rows, (double)stats.bytes / (double)rows,
	       "bytes/row", "");
	free(batch);
	hin_store_close(store);
	return 0;
}

/* The first groups of an answer, as text. */
static void check_of(const struct hin_store_answer *a, const struct hin_store_question *q,
		     char out[200])
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < a->count && i < 3; i++) {
		const struct hin_store_group *g = &a->groups[i];
		uint64_t value = g->by[0].number;
		struct hin_addr addr;

		if (q->by_count > 0 && q->by[0] == HIN_FIELD_SRC) {
			memcpy(addr.b, g->by[0].bytes, sizeof(addr.b));
			value = hin_addr_v4(&addr);
		}
		if (q->interval_us > 0)
			value = (uint64_t)g->time_us / 1000000;
		used += (size_t)snprintf(out + used, 200 - used, "%" PRIu64 "=%" PRIu64 " ", value,
					 q->distinct ? g->distinct
					 : q->volume ? g->bytes
						     : g->count);
	}
}

static void ask(struct hin_store *store, const char *name, const struct hin_store_question *q)
{
	struct spent best = FOR_EVER;
	char check[200] = "";

	for (int i = 0; i < ROUNDS; i++) {
		struct hin_store_answer a;
		struct hin_error err;
		struct spent from = start();

		if (hin_store_group(store, q, &a, &err) != HIN_OK)
			die(name, &err);
		best = least(best, stop(from));
		check_of(&a, q, check);
		hin_store_answer_fini(&a);
	}
	report_time(name, best, check);
}

static enum hin_code count_rows(void *user, const struct hin_store_rows *rows,
				struct hin_error *err)
{
	(void)err;
	*(uint64_t *)user += rows->count;
	return HIN_OK;
}

/* All rows of one source. */
static void ask_one(const char *path, const char *name, uint32_t source)
{
	char text[64], addr_text[HIN_ADDR_TEXT], check[200];
	struct hin_addr addr = hin_addr_of_v4(source);
	struct hin_filter *filter;
	struct hin_error err;
	struct spent best = FOR_EVER, open_best = FOR_EVER;
	uint64_t rows = 0;
	struct hin_store_effort effort;

	snprintf(text, sizeof(text), "src %s", hin_addr_format(&addr, addr_text));
	if (hin_filter_parse(&filter, text, strlen(text), NULL, &err) != HIN_OK)
		die(text, &err);
	for (int i = 0; i < ROUNDS; i++) {
		struct hin_store_range range = { .filter = filter };
		struct spent from = start();
		struct hin_store *store = open_store(path, HIN_STORE_READ);

		open_best = least(open_best, stop(from));
		rows = 0;
		from = start();
		if (hin_store_scan(store, &range, UINT64_MAX, 0, count_rows, &rows, &effort,
				   &err) != HIN_OK)
			die("scan", &err);
		best = least(best, stop(from));
		hin_store_close(store);
	}
	snprintf(check, sizeof(check),
		 "%" PRIu64 " rows, %" PRIu64 " of %" PRIu64 " blocks, %" PRIu64 " KiB", rows,
		 effort.blocks - effort.blocks_skipped, effort.blocks, effort.bytes_read >> 10);
	report_time(name, best, check);
	report_time("open", open_best, "");
	hin_filter_free(filter);
}

static int ask_all(const char *path)
{
	struct hin_store *store = open_store(path, HIN_STORE_READ);
	struct hin_filter *filter;
	static const char mirai[] = "dport 23 and proto tcp";
	struct hin_store_question q = { .by = { HIN_FIELD_DPORT }, .by_count = 1, .limit = 10 };

	if (hin_filter_parse(&filter, mirai, strlen(mirai), NULL, NULL) != HIN_OK)
		die(mirai, NULL);
	ask(store, "top ports", &q);
	q.by[0] = HIN_FIELD_SRC;
	ask(store, "top sources", &q);
	q.volume = true;
	q.order = HIN_STORE_BYTES;
	ask(store, "top sources by bytes", &q);
	q = (struct hin_store_question){ .interval_us = 60000000,
					 .distinct = true,
					 .distinct_field = HIN_FIELD_SRC };
	ask(store, "distinct sources per minute", &q);
	q = (struct hin_store_question){ .by = { HIN_FIELD_SRC }, .by_count = 1, .limit = 10 };
	q.range.filter = filter;
	ask(store, "top sources of telnet", &q);
	hin_filter_free(filter);
	hin_store_close(store);
	ask_one(path, "one source", rows_source(900001));
	return 0;
}

/* What the hub does when a day is over. */
static int compact(const char *path)
{
	struct hin_store *store = open_store(path, HIN_STORE_WRITE);
	struct hin_store_work work;
	struct hin_store_stats stats;
	struct hin_error err;
	struct spent from = start();
	double size;

	if (hin_store_compact(store, ROWS_START + 400 * INT64_C(86400000000), &work, &err) !=
		    HIN_OK ||
	    hin_store_stats(store, &stats, &err) != HIN_OK)
		die("compact", &err);
	report_time("compact", stop(from), "");
	size = (double)stats.bytes / (double)stats.rows;
	report("size", size, size, "bytes/row", "");
	hin_store_close(store);
	return 0;
}

/* The longest of what the writer's thread did. */
static void longest(int64_t *most, int64_t from_ns)
{
	int64_t ns = hin_time_monotonic_ns() - from_ns;

	*most = ns > *most ? ns : *most;
}

/* Batches of a minute come in while all days of the store are rolled up. */
static int house(const char *path)
{
	static struct hin_observation batch[6000];
	struct hin_store_policy policy = { .age_us = 1 };
	struct hin_store *store = open_store(path, HIN_STORE_WRITE);
	struct hin_store_batch head = { .sensor = { 2 }, .epoch = 2, .dark_addresses = 65536 };
	struct hin_store_work work = { 0 };
	int64_t now_us = ROWS_START + 400 * INT64_C(86400000000);
	int64_t append = 0, poll = 0, sync = 0, start_ns = hin_time_monotonic_ns(), from;
	struct hin_error err;
	bool done = false;

	if (hin_store_house_start(store, &policy, true, now_us, &err) != HIN_OK)
		die("start", &err);
	while (!done) {
		enum hin_store_outcome outcome;

		for (uint64_t i = 0; i < HIN_COUNT(batch); i++) {
			rows_flow(i, HIN_COUNT(batch), &batch[i]);
			batch[i].time_us = now_us;
		}
		head.sequence++;
		head.received_us = now_us;
		from = hin_time_monotonic_ns();
		if (hin_store_append(store, &head, batch, HIN_COUNT(batch), &outcome, &err) !=
		    HIN_OK)
			die("append", &err);
		longest(&append, from);
		from = hin_time_monotonic_ns();
		if (hin_store_house_poll(store, &done, &work, &err) != HIN_OK)
			die("keep house", &err);
		longest(&poll, from);
		from = hin_time_monotonic_ns();
		if (hin_store_sync(store, &err) != HIN_OK)
			die("sync", &err);
		longest(&sync, from);
		usleep(20000);
	}
	report("house", (double)(hin_time_monotonic_ns() - start_ns) / 1e9, 0, "s", "");
	report("rows rolled up", (double)work.rows_dropped, 0, "", "");
	report("longest append", (double)append / 1e9, 0, "s", "");
	report("longest poll", (double)poll / 1e9, 0, "s", "");
	report("longest sync", (double)sync / 1e9, 0, "s", "");
	hin_store_close(store);
	return 0;
}

/* ---- SQLite ---- */

static void sql(sqlite3 *db, const char *text)
{
	char *error = NULL;

	if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK) {
		fprintf(stderr, "store_bench: %s: %s\n", text, error);
		exit(1);
	}
}

static void sql_ask(sqlite3 *db, const char *name, const char *text)
{
	char check[200] = "";
	sqlite3_stmt *statement;
	struct spent from = start();
	size_t used = 0;
	int row = 0;

	if (sqlite3_prepare_v2(db, text, -1, &statement, NULL) != SQLITE_OK)
		die(text, NULL);
	for (; sqlite3_step(statement) == SQLITE_ROW; row++)
		if (row < 3)
			used += (size_t)snprintf(check + used, sizeof(check) - used, "%lld=%lld ",
						 (long long)sqlite3_column_int64(statement, 0),
						 (long long)sqlite3_column_int64(statement, 1));
	sqlite3_finalize(statement);
	report_time(name, stop(from), check);
}

static void sql_fill(sqlite3 *db, uint64_t rows, uint64_t a_minute)
{
	sqlite3_stmt *insert;
	struct spent spent = { 0 };

	if (sqlite3_prepare_v2(db, "INSERT INTO flow VALUES(?,?,?,?,?,?,?,?,?,?)", -1, &insert,
			       NULL) != SQLITE_OK)
		die("prepare", NULL);
	for (uint64_t n = 0; n < rows;) {
		static struct hin_observation batch[BATCH];
		size_t count = 0;
		struct spent from;

		for (; count < BATCH && n < rows; n++)
			rows_flow(n, a_minute, &batch[count++]);
		from = start();
		sql(db, "BEGIN");
		for (size_t i = 0; i < count; i++) {
			const struct hin_observation *o = &batch[i];
			int64_t values[10] = { o->time_us / 1000000,
					       hin_addr_v4(&o->src),
					       hin_addr_v4(&o->dst),
					       o->sport,
					       o->dport,
					       o->proto,
					       o->tcp_flags,
					       o->tool,
					       (int64_t)o->packets,
					       (int64_t)o->bytes };

			for (int k = 0; k < 10; k++)
				sqlite3_bind_int64(insert, k + 1, values[k]);
			if (sqlite3_step(insert) != SQLITE_DONE)
				die("insert", NULL);
			sqlite3_reset(insert);
		}
		sql(db, "COMMIT");
		spent = add(spent, stop(from));
	}
	sqlite3_finalize(insert);
	report_rate("append", rows, spent);
}

static int sqlite(const char *path, uint64_t rows, uint64_t a_minute)
{
	char one[120];
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		die(path, NULL);
	sql(db, "PRAGMA journal_mode=WAL");
	sql(db, "PRAGMA synchronous=NORMAL");
	sql(db, "PRAGMA cache_size=-1000000");
	sql(db,
	    "CREATE TABLE flow(time, src, dst, sport, dport, proto, flags, tool, packets, bytes)");
	sql_fill(db, rows, a_minute);
	sql_ask(db, "top ports",
		"SELECT dport, count(*) n FROM flow GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10");
	sql_ask(db, "top sources",
		"SELECT src, count(*) n FROM flow GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10");
	sql_ask(db, "top sources by bytes",
		"SELECT src, sum(bytes) n FROM flow GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10");
	sql_ask(db, "distinct sources per minute",
		"SELECT time/60*60, count(DISTINCT src) FROM flow GROUP BY 1 ORDER BY 1");
	sql_ask(db, "top sources of telnet",
		"SELECT src, count(*) n FROM flow WHERE dport=23 AND proto=6 "
		"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10");
	snprintf(one, sizeof(one), "SELECT count(*), count(*) FROM flow WHERE src=%u",
		 rows_source(900001));
	sql_ask(db, "one source", one);
	sqlite3_close(db);
	return 0;
}

/* ---- ClickHouse ---- */

static int binary(uint64_t rows, uint64_t a_minute)
{
	for (uint64_t n = 0; n < rows; n++) {
		struct hin_observation o;
		uint8_t bytes[34];
		struct hin_writer out = hin_writer_of(bytes, sizeof(bytes));

		rows_flow(n, a_minute, &o);
		hin_write_le32(&out, (uint32_t)(o.time_us / 1000000));
		hin_write_le32(&out, hin_addr_v4(&o.src));
		hin_write_le32(&out, hin_addr_v4(&o.dst));
		hin_write_le16(&out, o.sport);
		hin_write_le16(&out, o.dport);
		hin_write_u8(&out, o.proto);
		hin_write_u8(&out, o.tcp_flags);
		hin_write_le16(&out, o.tool);
		hin_write_le32(&out, (uint32_t)o.packets);
		hin_write_le64(&out, o.bytes);
		if (fwrite(bytes, 1, out.used, stdout) != out.used)
			return 1;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char *argv[])
{
	uint64_t rows, a_minute;

	if (argc == 4 && strcmp(argv[1], "binary") == 0)
		return binary(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	if (argc == 4 && strcmp(argv[1], "ask") == 0)
		return ask_all(argv[2]);
	if (argc == 4 && strcmp(argv[1], "one") == 0) {
		/* a source that sends rarely, and one that sends much */
		ask_one(argv[2], "one source", rows_source(900001));
		ask_one(argv[2], "one busy source", rows_source(1000));
		ask_one(argv[2], "no source", 0xdf000001);
		return 0;
	}
	if (argc == 4 && strcmp(argv[1], "compact") == 0)
		return compact(argv[2]);
	if (argc == 4 && strcmp(argv[1], "house") == 0)
		return house(argv[2]);
	if (argc == 4 && strcmp(argv[1], "rare") == 0) {
		ask_one(argv[2], "one source", rows_source(900001));
		return 0;
	}
	if (argc != 5) {
		fprintf(stderr,
			"usage: %s fill|compact|ask|one|rare|house|sqlite FOLDER ROWS [A_MINUTE]\n",
			argv[0]);
		return 2;
	}
	rows = strtoull(argv[3], NULL, 10);
	a_minute = strtoull(argv[4], NULL, 10);
	if (strcmp(argv[1], "fill") == 0)
		return fill(argv[2], rows, a_minute);
	if (strcmp(argv[1], "sqlite") == 0)
		return sqlite(argv[2], rows, a_minute);
	return 2;
}
