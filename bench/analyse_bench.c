/*
 * analyse_bench - what analysis costs: rows through all rules, a million subjects, and a replay.
 *
 *	hinomi-analyse-bench rules		rows in memory through the engine and a desk on disk
 *	hinomi-analyse-bench subjects		a million open subjects: memory and speed
 *	hinomi-analyse-bench fill FOLDER MINUTES [mixed]	a store of 15,000 packets/s
 *	hinomi-analyse-bench replay FOLDER	the rules over it, beside bare scans of the same
 *rows
 *
 * Rows are those of bench/store_rows.h (flows of a telescope of a /16; of ten packets of its
 *capture 9.9 are flows of their own) with 10,000 events in each minute: scans of 4,000 sources that
 *go on, victims, floods, amplification, members. A telescope writes a minute's events together;
 *"mixed" spreads them among the flows, so that no block is without one.
 *
 * One line a figure: name, value, unit, and its ratio to the bare work of the same run.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "hub/analyse/analyse.h"
#include "store_rows.h"

#define BATCH 60000u
#define A_MINUTE 890000u /* flows of 900,000 packets */
#define EVENTS 10000u	 /* beside them */
#define SOURCES 4000u	 /* that scan at a time */
#define SECOND_ROWS 200000u
#define COMMIT_US 600000000 /* as hinomi replay */

static const struct hin_setting rows[] = { HIN_ANALYSE_ROWS(0) };
static const struct hin_config_table table = { rows, HIN_COUNT(rows) };
static const uint8_t sensor[16] = { 1 };

static void check(enum hin_code code, const struct hin_error *err)
{
	if (code == HIN_OK)
		return;
	fprintf(stderr, "analyse_bench: %s\n", err->text);
	exit(1);
}

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * HIN_NS_PER_S + t.tv_nsec;
}

static double resident_mb(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long size = 0, resident = 0;

	if (f != NULL) {
		if (fscanf(f, "%ld %ld", &size, &resident) != 2)
			resident = 0;
		fclose(f);
	}
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

/* ---- rows ---- */

/* Event number `n` of a minute that starts at `minute_us`. */
static void make_event(uint64_t n, int64_t minute_us, struct hin_observation *o)
{
	uint64_t r = rows_mix(n ^ (uint64_t)minute_us);
	uint32_t source = rows_source((uint32_t)(r % SOURCES + (uint64_t)(minute_us / 3600000000)));
	struct hin_addr a = hin_addr_of_v4(source),
			dark = hin_addr_of_v4(0xc6120000u | (r & 0xffff));

	*o = (struct hin_observation){ .time_us = minute_us + (int64_t)(r % 60000000),
				       .duration_us = 60000000,
				       .kind = HIN_KIND_TELESCOPE_SCAN,
				       .packets = 1 + (r >> 32 & 255),
				       .bytes = 40 + (r >> 32 & 255) * 40,
				       .targets = 5 + (uint32_t)(r >> 40 & 511),
				       .ports = 1,
				       .proto = 6,
				       .dport = (uint16_t)(source >> 8 & 0x3ff),
				       .tool = (uint16_t)(source % 7),
				       .rule = HIN_RULE_SCAN_HORIZONTAL,
				       .confidence = 90,
				       .link = source };
	hin_observation_set_src(o, &a);
	(void)hin_observation_tag(o, n % 20 == 0 ? HIN_TAG_OPENED : HIN_TAG_UPDATED);
	if (n % 100 == 1) {
		o->kind = HIN_KIND_TELESCOPE_BACKSCATTER;
		o->sport = 443;
		o->dport = 0;
	} else if (n % 200 == 2) {
		o->kind = HIN_KIND_TELESCOPE_FLOOD;
		o->has = 0;
		hin_observation_set_dst(o, &dark);
	} else if (n % 1000 == 3) {
		o->kind = HIN_KIND_TELESCOPE_MEMBER;
		o->rule = HIN_RULE_MEMBER_DARK;
	}
}

/* ---- an engine ---- */

struct bench {
	struct hin_analyse_settings settings;
	struct hin_desk *desk;
	struct hin_analyse *an;
	char path[64];
};

static void open_bench(struct bench *b, bool in_memory)
{
	struct hin_error err = { 0 };
	struct hin_analyse_open how = { .settings = &b->settings };

	check(hin_config_init(&table, &b->settings, &err), &err);
	snprintf(b->path, sizeof(b->path), "/tmp/hinomi-analyse-bench-%d.db", (int)getpid());
	check(hin_desk_open(&b->desk, in_memory ? ":memory:" : b->path, HIN_DESK_CREATE, &err),
	      &err);
	how.desk = b->desk;
	check(hin_analyse_open(&b->an, &how, &err), &err);
}

static void close_bench(struct bench *b)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char file[96];

	hin_analyse_close(b->an);
	hin_desk_close(b->desk);
	for (size_t i = 0; i < HIN_COUNT(ends); i++) {
		snprintf(file, sizeof(file), "%s%s", b->path, ends[i]);
		unlink(file);
	}
}

static int64_t commit(struct bench *b)
{
	struct hin_error err = { 0 };
	int64_t before = cpu_ns();

	check(hin_analyse_commit(b->an, 0, &err), &err);
	hin_analyse_stored(b->an);
	return cpu_ns() - before;
}

/* ---- rows through all rules ---- */

static uint64_t touch(const struct hin_observation *list, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += list[i].kind + list[i].packets + list[i].dport + list[i].src.b[15];
	return sum;
}

static void run_mix(const char *name, const struct hin_observation *list, unsigned seconds,
		    bool in_memory)
{
	struct bench b = { 0 };
	int64_t bare = 0, rules = 0, desk = 0;
	uint64_t sum = 0;

	open_bench(&b, in_memory);
	for (unsigned s = 0; s < seconds; s++) {
		const struct hin_observation *at = list + (size_t)s * SECOND_ROWS;
		int64_t from = cpu_ns();

		sum += touch(at, SECOND_ROWS);
		bare += cpu_ns() - from;
		from = cpu_ns();
		(void)hin_analyse_begin(b.an, sensor, 1, s + 1);
		for (size_t i = 0; i < SECOND_ROWS; i++)
			if (hin_analyse_wants(b.an, at[i].kind))
				hin_analyse_take(b.an, &at[i], sensor);
		rules += cpu_ns() - from;
		desk += commit(&b);
	}
	double all = (double)SECOND_ROWS * seconds;

	printf("%s: rules alone\t%.0f rows/s\tper CPU-second; %.1f x the bare scan\n", name,
	       all * 1e9 / (double)rules, (double)rules / (double)bare);
	printf("%s: rules and desk\t%.0f rows/s\tper CPU-second; %.1f x the bare scan\n", name,
	       all * 1e9 / (double)(rules + desk), (double)(rules + desk) / (double)bare);
	printf("%s: bare scan\t%.0f rows/s\tcheck %" PRIu64 "\n", name, all * 1e9 / (double)bare,
	       sum & 0xffff);
	close_bench(&b);
}

static int run_rules(void)
{
	unsigned seconds = 5;
	struct hin_observation *list = calloc((size_t)SECOND_ROWS * seconds, sizeof(*list));

	if (list == NULL)
		return 1;
	for (size_t i = 0; i < (size_t)SECOND_ROWS * seconds; i++) {
		if (i % 20 == 0)
			make_event(i / 20, ROWS_START + (int64_t)(i / SECOND_ROWS) * 1000000,
				   &list[i]);
		else
			rows_flow(i, A_MINUTE, &list[i]);
	}
	run_mix("95 % flows, 5 % events", list, seconds, false);
	for (size_t i = 0; i < (size_t)SECOND_ROWS * seconds; i++)
		make_event(i, ROWS_START + (int64_t)(i / SECOND_ROWS) * 1000000, &list[i]);
	run_mix("events only", list, seconds, false);
	free(list);
	return 0;
}

/* ---- a million subjects ---- */

static int run_subjects(void)
{
	struct bench b = { 0 };
	double before = resident_mb();
	int64_t from, spent = 0;
	unsigned count = 1000000;

	open_bench(&b, false);
	for (unsigned round = 0; round < 2; round++) {
		from = cpu_ns();
		for (unsigned i = 0; i < count; i++) {
			struct hin_observation o;
			struct hin_addr a = hin_addr_of_v4(0x0b000000u + i);

			make_event(4, ROWS_START + (int64_t)i * 60, &o);
			o.src = a;
			o.targets = 20; /* open, and no finding yet */
			o.tool = 1;
			o.dport = 23;
			hin_analyse_take(b.an, &o, sensor);
			if (i % SECOND_ROWS == 0)
				(void)commit(&b);
		}
		spent = cpu_ns() - from;
		printf("%s\t%.0f rows/s\tper CPU-second\n",
		       round == 0 ? "a million subjects made" : "and seen again",
		       count * 1e9 / (double)spent);
	}
	printf("subjects\t%" PRIu64 "\tresident %.1f MB, of tables %.1f MB\n",
	       hin_analyse_count(b.an)->subjects, resident_mb() - before,
	       (double)hin_analyse_memory(b.an) / 1e6);
	close_bench(&b);
	return 0;
}

/* ---- a store, and its replay ---- */

static void fill_minute(struct hin_store *store, struct hin_observation *list, uint64_t minute,
			bool mixed, uint64_t *sequence)
{
	int64_t minute_us = ROWS_START + (int64_t)minute * 60000000;
	uint32_t step = mixed ? (A_MINUTE + EVENTS) / EVENTS : 0, count = 0;
	uint64_t event = 0, flow = 0;
	struct hin_error err = { 0 };

	for (uint32_t i = 0; i < A_MINUTE + EVENTS; i++) {
		bool is_event = mixed ? i % step == 0 && event < EVENTS : i < EVENTS;
		enum hin_store_outcome outcome;

		if (is_event)
			make_event(event++, minute_us, &list[count++]);
		else
			rows_flow(minute * A_MINUTE + flow++, A_MINUTE, &list[count++]);
		if (count == BATCH || i + 1 == A_MINUTE + EVENTS) {
			struct hin_store_batch batch = { .sensor = { 1 },
							 .epoch = 1,
							 .sequence = ++*sequence,
							 .received_us = minute_us };

			check(hin_store_append(store, &batch, list, count, &outcome, &err), &err);
			count = 0;
		}
	}
	check(hin_store_sync(store, &err), &err);
}

static int run_fill(const char *folder, uint64_t minutes, bool mixed)
{
	struct hin_observation *list = calloc(BATCH, sizeof(*list));
	struct hin_store *store = NULL;
	struct hin_error err = { 0 };
	uint64_t sequence = 0;

	if (list == NULL)
		return 1;
	check(hin_store_open(&store, folder, HIN_STORE_CREATE, NULL, &err), &err);
	for (uint64_t m = 0; m < minutes; m++)
		fill_minute(store, list, m, mixed, &sequence);
	hin_store_close(store);
	free(list);
	return 0;
}

static enum hin_code count_rows(void *user, const struct hin_store_rows *r, struct hin_error *err)
{
	(void)err;
	*(uint64_t *)user += r->count;
	return HIN_OK;
}

struct replaying {
	struct bench bench;
	uint64_t rows;
	int64_t committed_us;
};

static enum hin_code replay_rows(void *user, const struct hin_store_rows *r, struct hin_error *err)
{
	struct replaying *x = user;
	int64_t now_us;

	hin_analyse_take_rows(x->bench.an, r);
	x->rows += r->count;
	now_us = hin_analyse_now_us(x->bench.an);
	if (now_us - x->committed_us < COMMIT_US)
		return HIN_OK;
	x->committed_us = now_us;
	return hin_analyse_commit(x->bench.an, 0, err);
}

static double scan(const char *folder, const struct hin_filter *filter, uint64_t fields,
		   hin_store_rows_fn call, void *user)
{
	struct hin_store_range range = { .filter = filter };
	struct hin_store *store = NULL;
	struct hin_error err = { 0 };
	int64_t from;

	check(hin_store_open(&store, folder, HIN_STORE_READ, NULL, &err), &err);
	from = cpu_ns();
	check(hin_store_scan(store, &range, fields, 0, call, user, NULL, &err), &err);
	from = cpu_ns() - from;
	hin_store_close(store);
	return (double)from / 1e9;
}

static int run_replay(const char *folder)
{
	struct replaying x = { 0 };
	struct hin_filter *filter = NULL;
	struct hin_error err = { 0 };
	uint64_t all = 0, wanted = 0;
	double whole, bare, rules;

	open_bench(&x.bench, true);
	check(hin_analyse_filter(x.bench.an, &filter, &err), &err);
	whole = scan(folder, NULL, 1u << HIN_FIELD_TIME, count_rows, &all);
	bare = scan(folder, filter, UINT64_MAX, count_rows, &wanted);
	rules = scan(folder, filter, UINT64_MAX, replay_rows, &x);
	rules += (double)commit(&x.bench) / 1e9;
	double minutes = (double)all / (A_MINUTE + EVENTS);

	printf("rows in the store\t%" PRIu64 "\t%.0f minutes of 15,000 packets/s\n", all, minutes);
	printf("scan of every row's time\t%.2f s\tof CPU\n", whole);
	printf("scan of the rows that rules want\t%.2f s\t%" PRIu64 " rows\n", bare, wanted);
	printf("replay\t%.2f s\t%.2f x that scan; a day: %.1f s\n", rules, rules / bare,
	       rules * 1440 / minutes);
	hin_filter_free(filter);
	close_bench(&x.bench);
	return 0;
}

int main(int argc, char *argv[])
{
	if (argc == 2 && strcmp(argv[1], "rules") == 0)
		return run_rules();
	if (argc == 2 && strcmp(argv[1], "subjects") == 0)
		return run_subjects();
	if (argc >= 4 && strcmp(argv[1], "fill") == 0)
		return run_fill(argv[2], strtoull(argv[3], NULL, 10), argc > 4);
	if (argc == 3 && strcmp(argv[1], "replay") == 0)
		return run_replay(argv[2]);
	fprintf(stderr, "usage: hinomi-analyse-bench rules | subjects | fill FOLDER MINUTES "
			"[mixed] | replay FOLDER\n");
	return 2;
}
