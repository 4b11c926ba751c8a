/*
 * ledger_bench - what the ledger costs, beside what the machine can do at most.
 *
 *	hinomi-ledger-bench [FOLDER [LEAVES]]
 *
 * All figures come from one run in FOLDER (default /tmp): batches of a second against a bare
 * fdatasync of the same bytes, a proof, and the check of a whole log against OpenSSL's SHA-256 over
 * the bytes that it hashes. Run it in a fresh FOLDER: ext4 makes files slowly for a minute after
 * many were removed. The log stays in FOLDER/hinomi-ledger-bench, for hinomi-verify.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "trust/ledger.h"
#include "trust/ledger_read.h"
#include "trust/proof.h"

#define ENTRY (HIN_ACT_BYTES + 2)
#define SECONDS 10	/* batches of a second */
#define BATCH 20000u	/* acts of one */
#define TOGETHER 50000u /* acts that fill the log */
#define PROOFS 2000u
#define CALLERS 200u /* appends that wait, one after the other */

static char folder[512];

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double now_s(void)
{
	return (double)hin_time_monotonic_ns() / 1e9;
}

static void check(enum hin_code code, const struct hin_error *err)
{
	if (code == HIN_OK)
		return;
	fprintf(stderr, "ledger_bench: %s\n", err->text);
	exit(1);
}

/* Append the bytes of one batch to a file and sync it: the least that durability costs. */
static double bare_sync_s(void)
{
	static char bytes[BATCH * ENTRY];
	char path[600];
	double start, least;
	int fd;

	snprintf(path, sizeof(path), "%s.bare", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1)
		exit(1);
	start = now_s();
	for (unsigned i = 0; i < SECONDS; i++)
		if (write(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes) || fdatasync(fd) != 0)
			exit(1);
	least = (now_s() - start) / SECONDS;
	close(fd);
	unlink(path);
	return least;
}

static struct hin_ledger *open_ledger(const struct hin_note_signer *signer, int64_t gather_ns)
{
	struct hin_ledger_settings settings;
	struct hin_error err = { 0 };
	struct hin_ledger *l = NULL;

	hin_ledger_settings_default(&settings);
	settings.folder = folder;
	settings.signer = signer;
	settings.create = true;
	settings.gather_ns = gather_ns;
	check(hin_ledger_open(&l, &settings, &err), &err);
	return l;
}

static struct hin_act act_of(uint64_t n)
{
	struct hin_act act = { .kind = HIN_ACT_CASE_CHANGED, .who = n % 50, .when_us = (int64_t)n };

	memcpy(act.object, &n, sizeof(n));
	act.object[31] = 1;
	return act;
}

/* Called by the ledger's thread. */
static void count_done(void *user, enum hin_code code, uint64_t index)
{
	_Atomic uint64_t *done = user;

	(void)index;
	if (code == HIN_OK)
		++*done;
}

/* A batch a second, as the issue has it; then the checkpoint that follows. */
static void bench_batches(const struct hin_note_signer *signer, double bare)
{
	struct hin_ledger *l = open_ledger(signer, HIN_NS_PER_S);
	_Atomic uint64_t done = 0;
	struct hin_error err = { 0 };
	double start = now_s(), cpu = cpu_s(), wall;
	uint64_t given = 0;

	for (unsigned second = 0; second < SECONDS; second++) {
		double until = start + second + 1;

		for (unsigned i = 0; i < BATCH; i++) {
			struct hin_act act = act_of(given++);

			check(hin_ledger_queue(l, &act, count_done, &done, &err), &err);
		}
		while (now_s() < until)
			usleep(1000);
	}
	while (done < given)
		usleep(1000);
	check(hin_ledger_publish(l, &err), &err);
	wall = now_s() - start;
	cpu = cpu_s() - cpu;
	hin_ledger_close(l);
	printf("batches of a second: %.0f acts/s durable and published, %.1f %% of a core\n",
	       (double)given / wall, 100 * cpu / wall);
	printf("  so one core could take %.0f acts/s; bare fdatasync of a batch %.1f ms\n",
	       (double)given / cpu, bare * 1000);
}

/* As fast as they come: the time of a batch against the bare sync of its bytes. */
static void bench_saturated(const struct hin_note_signer *signer, double bare)
{
	struct hin_ledger *l = open_ledger(signer, 0);
	struct hin_act *acts = calloc(BATCH, sizeof(*acts));
	struct hin_error err = { 0 };
	double start, wall, cpu;

	if (acts == NULL)
		exit(1);
	for (unsigned i = 0; i < BATCH; i++)
		acts[i] = act_of(i);
	start = now_s();
	cpu = cpu_s();
	for (unsigned i = 0; i < SECONDS; i++)
		check(hin_ledger_append_all(l, acts, BATCH, NULL, &err), &err);
	check(hin_ledger_publish(l, &err), &err);
	wall = now_s() - start;
	cpu = cpu_s() - cpu;
	printf("without waiting: %.0f acts/s durable, %.2f x the bare fdatasync, %.2f us CPU an "
	       "act\n",
	       SECONDS * BATCH / wall, wall / SECONDS / bare, cpu * 1e6 / (SECONDS * BATCH));
	start = now_s();
	for (unsigned i = 0; i < CALLERS; i++)
		check(hin_ledger_append(l, &acts[i], NULL, &err), &err);
	printf("one caller that waits: %.2f ms an act\n", (now_s() - start) / CALLERS * 1000);
	hin_ledger_close(l);
	free(acts);
}

/* Fill the log up to `leaves`. */
static void fill(const struct hin_note_signer *signer, uint64_t leaves)
{
	struct hin_ledger *l = open_ledger(signer, 0);
	struct hin_act *acts = calloc(TOGETHER, sizeof(*acts));
	struct hin_ledger_counters n;
	struct hin_error err = { 0 };
	double start = now_s();
	uint64_t from;

	if (acts == NULL)
		exit(1);
	hin_ledger_count(l, &n);
	for (from = n.size; from < leaves;) {
		size_t count = leaves - from < TOGETHER ? (size_t)(leaves - from) : TOGETHER;

		for (size_t i = 0; i < count; i++)
			acts[i] = act_of(from + i);
		check(hin_ledger_append_all(l, acts, count, NULL, &err), &err);
		from += count;
	}
	check(hin_ledger_publish(l, &err), &err);
	printf("log of %llu acts written: %.0f acts/s\n", (unsigned long long)leaves,
	       (double)(leaves - n.size) / (now_s() - start));
	hin_ledger_close(l);
	free(acts);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void bench_proofs(const struct hin_note_signer *signer)
{
	struct hin_ledger *l = open_ledger(signer, 0);
	static double times[PROOFS];
	struct hin_checkpoint head;
	struct hin_error err = { 0 };
	uint64_t random = 1;
	double cpu = cpu_s();

	check(hin_ledger_head(l, NULL, &head, &err), &err);
	for (unsigned i = 0; i < PROOFS; i++) {
		struct hin_buffer proof = { 0 };
		double start = now_s();

		random = random * 6364136223846793005u + 1442695040888963407u;
		check(hin_ledger_prove(l, (random >> 16) % head.size, NULL, &proof, &err), &err);
		times[i] = now_s() - start;
		hin_buffer_fini(&proof);
	}
	qsort(times, PROOFS, sizeof(times[0]), by_value);
	printf("a proof of one of %llu acts, at random: median %.3f ms, p99 %.3f ms, %.3f ms CPU\n",
	       (unsigned long long)head.size, times[PROOFS / 2] * 1000,
	       times[PROOFS * 99 / 100] * 1000, (cpu_s() - cpu) * 1000 / PROOFS);
	hin_ledger_close(l);
}

/* OpenSSL over the bytes that a log of `leaves` hashes, and the check of one, both on one core. */
static void bench_check(uint64_t leaves)
{
	static uint8_t bytes[1 << 20];
	size_t total = (size_t)leaves * (HIN_ACT_BYTES + 1 + 65), left = total;
	struct hin_ledger_reader reader;
	struct hin_error err = { 0 };
	uint8_t digest[32];
	SHA256_CTX ctx;
	double start = now_s(), cpu = cpu_s(), hash, hash_cpu, all;

	SHA256_Init(&ctx);
	while (left > 0) {
		size_t n = left < sizeof(bytes) ? left : sizeof(bytes);

		SHA256_Update(&ctx, bytes, n);
		left -= n;
	}
	SHA256_Final(digest, &ctx);
	hash = now_s() - start;
	hash_cpu = cpu_s() - cpu;
	start = now_s();
	cpu = cpu_s();
	check(hin_ledger_read_open(&reader, folder, NULL, false, &err), &err);
	check(hin_ledger_read_all(&reader, &err), &err);
	hin_ledger_read_close(&reader);
	all = now_s() - start;
	cpu = cpu_s() - cpu;
	printf("check of %llu acts: %.2f s, %.2f s CPU; OpenSSL's SHA-256 of the %zu MB that are "
	       "hashed: %.2f s, %.2f s CPU: %.2f x\n",
	       (unsigned long long)leaves, all, cpu, total / 1000000, hash, hash_cpu,
	       cpu / hash_cpu);
}

int main(int argc, char *argv[])
{
	static const uint8_t seed[32] = { 9 };
	uint64_t leaves = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
	struct hin_note_signer signer;
	struct hin_error err = { 0 };
	double bare;

	snprintf(folder, sizeof(folder), "%s/hinomi-ledger-bench", argc > 1 ? argv[1] : "/tmp");
	if (access(folder, F_OK) == 0) {
		fprintf(stderr, "ledger_bench: %s is there already: remove it\n", folder);
		return 1;
	}
	check(hin_note_signer_of(&signer, "bench.example/ledger", seed, &err), &err);
	setvbuf(stdout, NULL, _IOLBF, 0);
	bare = bare_sync_s();
	bench_batches(&signer, bare);
	bench_saturated(&signer, bare_sync_s());
	fill(&signer, leaves);
	bench_proofs(&signer);
	bench_check(leaves);
	return 0;
}
