/*
 * hinomi-owners-bench - a million holdings and a million leases: import, reading, look-ups.
 *
 * usage: hinomi-owners-bench [COUNT [BIT_MS]]
 *
 * Prints seconds and nanoseconds of the processor, bytes, and the ratio of a look-up to one in the
 * plain prefix tree (base/prefix.h) that is filled with the same prefixes; and how long another
 * writer of the desk, as the hub is, waited beside each import, by the clock. A transaction of an
 * import lasts BIT_MS milliseconds; a huge number is one transaction for all.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/prefix.h"
#include "dice.h"
#include "hub/owners/directory.h"
#include "hub/owners/lease.h"
#include "hub/owners/owners.h"

#define LOOKS 4000000u
#define START 1795312800000000ll

static struct hin_dice dice = { 7 };

struct bench {
	char folder[64], path[96];
	size_t count;
	int64_t bit_ns;
	struct hin_desk *desk;
	struct hin_prefix *prefixes;
	struct hin_owners *owners;
};

static void stop(const struct hin_error *err)
{
	fprintf(stderr, "hinomi-owners-bench: %s\n", err->text);
	exit(1);
}

/* Of this process, so that others on the machine do not count. */
static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double seconds_since(int64_t start_ns)
{
	return (double)(cpu_ns() - start_ns) / 1e9;
}

static long peak_mib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss / 1024;
}

/* ---- another writer ---- */

struct writer {
	const char *path;
	pthread_t thread;
	_Atomic bool stop;
	int64_t started_ns, longest_ns, sum_ns;
	unsigned long count, failed, slow; /* slow: over 200 ms */
};

/* As the hub commits: a small transaction, a hundred times a second at most. */
static void *write_beside(void *user)
{
	struct writer *w = user;
	struct hin_desk *desk = NULL;

	if (hin_desk_open(&desk, w->path, HIN_DESK_WRITE, NULL) != HIN_OK)
		exit(1);
	while (!w->stop) {
		int64_t start = clock_ns(), took;

		if (hin_desk_begin(desk, NULL) != HIN_OK ||
		    hin_desk_run(desk, NULL, "INSERT INTO alert_todo VALUES (?1)", "i",
				 (int64_t)w->count) != HIN_OK ||
		    hin_desk_commit(desk, NULL) != HIN_OK) {
			hin_desk_rollback(desk);
			w->failed++;
		}
		took = clock_ns() - start;
		w->longest_ns = took > w->longest_ns ? took : w->longest_ns;
		w->sum_ns += took;
		w->slow += took > 200000000;
		w->count++;
		usleep(10000);
	}
	if (hin_desk_run(desk, NULL, "DELETE FROM alert_todo", "") != HIN_OK)
		exit(1);
	hin_desk_close(desk);
	return NULL;
}

static void begin_beside(struct writer *w, const struct bench *b)
{
	*w = (struct writer){ .path = b->path, .started_ns = clock_ns() };
	if (pthread_create(&w->thread, NULL, write_beside, w) != 0)
		exit(1);
}

static void end_beside(struct writer *w)
{
	w->stop = true;
	pthread_join(w->thread, NULL);
	printf("  by the clock  %8.2f s  another writer: %lu commits, %.1f ms each, the longest "
	       "%.0f ms; %lu over 200 ms, %lu failed\n",
	       (double)(clock_ns() - w->started_ns) / 1e9, w->count,
	       (double)w->sum_ns / 1e6 / (double)(w->count > 0 ? w->count : 1),
	       (double)w->longest_ns / 1e6, w->slow, w->failed);
}

/* Holdings of 20 to 28 bits, one in eight of them IPv6; a thousand organisations. */
static void make_csv(struct bench *b, struct hin_buffer *out)
{
	char text[HIN_PREFIX_TEXT];

	hin_buffer_puts(out, "organisation,name,holding,contact\n");
	for (size_t i = 0; i < b->count; i++) {
		struct hin_prefix *p = &b->prefixes[i];
		unsigned len = 20 + (unsigned)(hin_dice_next(&dice) % 9);

		if (i % 8 == 7) {
			*p = (struct hin_prefix){ .len = 48 };
			p->addr.b[0] = 0x20;
			p->addr.b[1] = 0x01;
			for (unsigned k = 2; k < 6; k++)
				p->addr.b[k] = (uint8_t)hin_dice_next(&dice);
		} else {
			uint32_t a = 0x0b000000u + (uint32_t)(hin_dice_next(&dice) % 0xb0000000u);

			p->addr = hin_addr_of_v4(a & (UINT32_MAX << (32 - len)));
			p->len = (uint8_t)len;
		}
		hin_buffer_printf(out, "org%zu,,%s,abuse@org%zu.example\n", i % 1000,
				  hin_prefix_format(p, text), i % 1000);
	}
	if (out->failed)
		exit(1);
}

static void import(struct bench *b)
{
	struct hin_directory *d = hin_directory_new();
	struct hin_directory_notes notes = { 0 };
	struct hin_directory_import options = {
		.source = "bench", .now_us = 1, .name = "bench", .bit_ns = b->bit_ns
	};
	struct hin_directory_report report = { 0 };
	struct hin_buffer csv = { 0 };
	struct hin_error err = { 0 };
	struct writer beside;
	int64_t start;

	make_csv(b, &csv);
	start = cpu_ns();
	if (hin_directory_parse(d, HIN_DIRECTORY_CSV, "bench", "bench", csv.data, csv.used, &notes,
				&err) != HIN_OK)
		stop(&err);
	printf("parse           %8.2f s  %zu MB, %zu holdings\n", seconds_since(start),
	       csv.used / 1000000, d->holding_count);
	begin_beside(&beside, b);
	start = cpu_ns();
	if (hin_directory_import(b->desk, d, &options, &report, &err) != HIN_OK)
		stop(&err);
	printf("import          %8.2f s  first time; %llu ranges with two owners\n",
	       seconds_since(start), (unsigned long long)report.conflicts);
	end_beside(&beside);
	start = cpu_ns();
	options.replace = true;
	if (hin_directory_import(b->desk, d, &options, &report, &err) != HIN_OK)
		stop(&err);
	printf("import again    %8.2f s  nothing new; peak memory %ld MiB\n", seconds_since(start),
	       peak_mib());
	hin_directory_report_fini(&report);
	hin_directory_free(d);
	hin_buffer_fini(&csv);
}

/* A log of connections: half of them blocks of a shared address, half whole addresses. */
static void import_leases(struct bench *b)
{
	struct hin_lease_options options = { .format = HIN_LEASE_CSV,
					     .name = "bench",
					     .now_us = START };
	struct hin_lease_import import = { .source = "bench", .bit_ns = b->bit_ns };
	struct hin_directory_notes notes = { 0 };
	struct hin_lease_change change;
	struct hin_buffer csv = { 0 };
	struct hin_error err = { 0 };
	struct writer beside;
	int64_t start;

	hin_buffer_puts(&csv, "address,ports,device,from,until,basis\n");
	for (size_t i = 0; i < b->count; i++) {
		uint32_t a =
			i % 2 ? 0x0b000000u + (uint32_t)(i / 128) : 0x64400000u + (uint32_t)i / 4;
		int64_t from = START / 1000000 + (int64_t)(hin_dice_next(&dice) % 86400);
		char ports[32] = "";

		if (i % 2)
			snprintf(ports, sizeof(ports), "%zu-%zu", 1024 + i / 2 % 64 * 1008,
				 1024 + i / 2 % 64 * 1008 + 1007);
		hin_buffer_printf(&csv, "%u.%u.%u.%u,%s,circuit:%zu,@%lld,@%lld,%s\n", a >> 24,
				  a >> 16 & 255, a >> 8 & 255, a & 255, ports, i, (long long)from,
				  (long long)from + 7200, i % 2 ? "nat" : "dhcp");
	}
	begin_beside(&beside, b);
	start = cpu_ns();
	if (hin_lease_import(b->desk, &options, &import, csv.data, csv.used, &notes, &change,
			     &err) != HIN_OK)
		stop(&err);
	printf("import leases   %8.2f s  %llu added\n", seconds_since(start),
	       (unsigned long long)change.added);
	end_beside(&beside);
	hin_buffer_fini(&csv);
}

static void load(struct bench *b)
{
	struct hin_owners_settings settings = { 0 };
	struct hin_error err = { 0 };
	int64_t start = cpu_ns();
	struct hin_owners_stats stats;

	if (hin_owners_load(&b->owners, b->desk, &settings, 1, &err) != HIN_OK)
		stop(&err);
	stats = hin_owners_stats(b->owners);
	printf("snapshot        %8.2f s  %llu holdings, %llu leases, %llu devices: %llu MB; %llu "
	       "left out\n",
	       seconds_since(start), (unsigned long long)stats.holdings,
	       (unsigned long long)stats.leases, (unsigned long long)stats.devices,
	       (unsigned long long)stats.bytes / 1000000, (unsigned long long)stats.left_out);
}

/* Addresses to look up: of holdings, of leases, and anywhere. */
static struct hin_addr *draw(const struct bench *b)
{
	struct hin_addr *out = malloc(LOOKS * sizeof(*out));

	if (out == NULL)
		exit(1);
	for (size_t i = 0; i < LOOKS; i++) {
		uint64_t r = hin_dice_next(&dice);

		if (i % 4 == 0)
			out[i] = b->prefixes[r % b->count].addr;
		else if (i % 4 == 1)
			out[i] = hin_addr_of_v4(0x0b000000u + (uint32_t)(r % (b->count / 128 + 1)));
		else if (i % 4 == 2)
			out[i] = hin_addr_of_v4(0x64400000u + (uint32_t)(r % (b->count / 4 + 1)));
		else
			out[i] = hin_addr_of_v4((uint32_t)r);
	}
	return out;
}

static void look_up(struct bench *b)
{
	struct hin_prefix_tree *tree = hin_prefix_tree_new();
	struct hin_addr *asked = draw(b);
	uint64_t known = 0, devices = 0, sum = 0;
	double owner_ns, tree_ns;
	int64_t start;

	for (size_t i = 0; i < b->count; i++)
		if (hin_prefix_tree_insert(tree, &b->prefixes[i], (uint32_t)i, NULL) != HIN_OK)
			exit(1);
	if (hin_prefix_tree_build(tree, NULL) != HIN_OK)
		exit(1);
	start = cpu_ns();
	for (size_t i = 0; i < LOOKS; i++) {
		struct hin_owner found;

		known += hin_owners_find(b->owners, &asked[i], (int)(1024 + i % 60000),
					 START + (int64_t)(i % 86400) * 1000000, &found);
		devices += found.device[0] != '\0';
	}
	owner_ns = seconds_since(start) * 1e9 / LOOKS;
	start = cpu_ns();
	for (size_t i = 0; i < LOOKS; i++)
		sum += hin_prefix_tree_find(tree, &asked[i]);
	tree_ns = seconds_since(start) * 1e9 / LOOKS;
	printf("look-up         %8.0f ns (%.1f times a plain prefix tree's %.0f ns); %.0f %% "
	       "known, "
	       "%.0f %% with a device\n",
	       owner_ns, owner_ns / tree_ns, tree_ns, 100.0 * (double)known / LOOKS,
	       100.0 * (double)devices / LOOKS);
	if (sum == 1)
		puts("");
	hin_prefix_tree_free(tree);
	free(asked);
}

int main(int argc, char *argv[])
{
	struct bench b = { .count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000,
			   .bit_ns = argc > 2 ? strtol(argv[2], NULL, 10) * 1000000 : 0 };
	struct hin_error err = { 0 };
	static const char *const ends[] = { "", "-wal", "-shm" };
	struct stat st = { 0 };

	strcpy(b.folder, "/tmp/hinomi-owners-bench-XXXXXX");
	if (b.count == 0 || mkdtemp(b.folder) == NULL)
		return 1;
	b.prefixes = calloc(b.count + 1, sizeof(*b.prefixes));
	if (b.prefixes == NULL)
		abort();
	snprintf(b.path, sizeof(b.path), "%s/desk.db", b.folder);
	if (hin_desk_open(&b.desk, b.path, HIN_DESK_CREATE, &err) != HIN_OK)
		stop(&err);
	import(&b);
	import_leases(&b);
	load(&b);
	look_up(&b);
	hin_owners_unref(b.owners);
	hin_desk_close(b.desk);
	(void)stat(b.path, &st);
	printf("desk            %8.0f MB; peak memory %ld MiB\n", (double)st.st_size / 1e6,
	       peak_mib());
	for (size_t i = 0; i < HIN_COUNT(ends); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s%s", b.path, ends[i]);
		unlink(path);
	}
	rmdir(b.folder);
	free(b.prefixes);
	return 0;
}
