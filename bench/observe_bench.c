/*
 * observe_bench - what a row costs on its way out and back in: batches and NDJSON.
 *
 * Prints nanoseconds a row and the ratio to copying the raw rows, best of several rounds. Flows are
 * as a telescope writes them (one minute, random sources, one /16, mostly one packet); events fill
 * every field a scan has. usage: hinomi-observe-bench [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "observe/batch_reader.h"
#include "observe/batch_writer.h"
#include "observe/ndjson.h"

#define ROWS HIN_BATCH_ROWS
#define BATCHES 8 /* in one round, so that rows come from memory as well */

struct bench {
	struct hin_observation *rows; /* BATCHES * ROWS */
	struct hin_observation *copy; /* ROWS */
	struct hin_sensor_key key;
	struct hin_batch_writer *writer;
	uint8_t *batch; /* of the last one written */
	size_t batch_size;
	char *text; /* ROWS * HIN_NDJSON_LINE / 8 */
	size_t text_used;
	double copy_ns; /* a row */
};

static uint64_t random64(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void make_flow(uint64_t *seed, struct hin_observation *o)
{
	static const uint16_t ports[] = { 23, 23, 22, 80, 443, 8080, 3389, 5060, 2323, 445 };
	uint64_t r = random64(seed);

	*o = (struct hin_observation){ .kind = HIN_KIND_TELESCOPE_FLOW };
	o->time_us = INT64_C(1763776800000000);
	o->duration_us = 60000000;
	o->src = hin_addr_of_v4((uint32_t)(r >> 32));
	o->dst = hin_addr_of_v4(0xc6120000u | (uint32_t)(r & 0xffff));
	o->has = HIN_HAS_SRC | HIN_HAS_DST;
	o->sport = (uint16_t)(r >> 16);
	r = random64(seed);
	o->dport = r % 4 > 0 ? ports[(r >> 8) % HIN_COUNT(ports)] : (uint16_t)(r >> 16);
	o->proto = r >> 32 & 7 ? 6 : 17;
	o->tcp_flags = o->proto == 6 ? 2 : 0;
	o->packets = (r >> 40) % 8 == 0 ? 1 + (r >> 44) % 20 : 1;
	o->bytes = o->packets * (40 + (r >> 52) % 21);
}

static void make_event(uint64_t *seed, struct hin_observation *o)
{
	uint64_t r;

	make_flow(seed, o);
	r = random64(seed);
	o->kind = HIN_KIND_TELESCOPE_SCAN;
	o->has = HIN_HAS_SRC;
	o->time_us += (int64_t)(r % 60000000);
	o->duration_us = r >> 32;
	o->packets = 1 + (r >> 20) % 5000;
	o->targets = (uint32_t)(1 + (r >> 40) % 4000);
	o->ports = 1 + (uint32_t)(r >> 60);
	o->tool = (uint16_t)(r >> 50 & 7);
	o->rule = HIN_RULE_SCAN_HORIZONTAL;
	o->confidence = 90;
	o->link = random64(seed);
	if (r & 1)
		(void)hin_observation_tag(o, HIN_TAG_RESEARCH);
	for (size_t i = 0; i < 4; i++) {
		r = random64(seed);
		memcpy(o->evidence + 8 * i, &r, 8);
	}
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void must(enum hin_code code, const struct hin_error *err)
{
	if (code == HIN_OK)
		return;
	fprintf(stderr, "observe_bench: %s\n", err->text);
	exit(1);
}

static void run_copy(struct bench *b, const struct hin_observation *rows)
{
	memcpy(b->copy, rows, ROWS * sizeof(*rows));
	__asm__ volatile("" : : "r"(b->copy) : "memory");
}

static void run_encode(struct bench *b, const struct hin_observation *rows)
{
	struct hin_error err;
	const uint8_t *bytes;

	for (size_t i = 0; i < ROWS; i++)
		must(hin_batch_writer_add(b->writer, &rows[i], &err), &err);
	must(hin_batch_writer_finish(b->writer, &bytes, &b->batch_size, &err), &err);
	b->batch = realloc(b->batch, b->batch_size);
	if (b->batch == NULL)
		exit(1);
	memcpy(b->batch, bytes, b->batch_size);
}

static void run_decode(struct bench *b, const struct hin_observation *rows)
{
	struct hin_batch_reader r;
	struct hin_error err;

	(void)rows;
	must(hin_batch_reader_open(&r, b->batch, b->batch_size, b->key.public_key, &err), &err);
	for (size_t i = 0; i < ROWS; i++)
		must(hin_batch_reader_next(&r, &b->copy[i], &err), &err);
}

static void run_ndjson(struct bench *b, const struct hin_observation *rows)
{
	struct hin_ndjson_writer w = { 0 };

	b->text_used = 0;
	for (size_t i = 0; i < ROWS; i++)
		b->text_used += hin_ndjson_write(&w, &rows[i], b->text + b->text_used);
}

static void run_ndjson_read(struct bench *b, const struct hin_observation *rows)
{
	const char *at = b->text, *end = b->text + b->text_used;
	struct hin_error err;

	(void)rows;
	for (size_t i = 0; at < end; i++) {
		const char *line = at;

		at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
		must(hin_ndjson_read(&b->copy[i], line, (size_t)(at - line), i + 1, &err), &err);
	}
}

static const struct {
	const char *name;
	void (*run)(struct bench *b, const struct hin_observation *rows);
} jobs[] = {
	{ "copy raw rows", run_copy },
	{ "batch: add, encode, chain, sign", run_encode },
	{ "batch: verify, decode, check", run_decode },
	{ "ndjson: write", run_ndjson },
	{ "ndjson: read, check", run_ndjson_read },
};

static double best_ns(struct bench *b, size_t job, int rounds)
{
	double best = 1e30;

	for (int i = 0; i < rounds; i++) {
		double ns, start = now_ns();

		for (size_t k = 0; k < BATCHES; k++)
			jobs[job].run(b, b->rows + k * ROWS);
		ns = (now_ns() - start) / (BATCHES * (double)ROWS);
		best = ns < best ? ns : best;
	}
	return best;
}

static void measure(struct bench *b, const char *what, int rounds)
{
	for (size_t i = 0; i < HIN_COUNT(jobs); i++) {
		double ns = best_ns(b, i, rounds);

		if (i == 0)
			b->copy_ns = ns;
		printf("%-7s %-32s %8.1f ns/row %8.1f x copy %8.2f M rows/s", what, jobs[i].name,
		       ns, ns / b->copy_ns, 1e3 / ns);
		if (jobs[i].run == run_encode)
			printf("  %.1f bytes/row", (double)b->batch_size / ROWS);
		if (jobs[i].run == run_ndjson)
			printf("  %.1f bytes/row", (double)b->text_used / ROWS);
		putchar('\n');
	}
}

int main(int argc, char *argv[])
{
	static const uint8_t seed_bytes[32] = { 1 };
	struct hin_batch_mark start = { .epoch = 1 };
	int rounds = argc > 1 ? atoi(argv[1]) : 5;
	struct bench b = { 0 };
	struct hin_error err;
	uint64_t seed = 1;

	if (rounds < 1)
		return 2;
	b.rows = calloc((size_t)BATCHES * ROWS, sizeof(*b.rows));
	b.copy = calloc(ROWS, sizeof(*b.copy));
	b.text = malloc(ROWS * (size_t)HIN_NDJSON_LINE / 8 + HIN_NDJSON_LINE);
	if (b.rows == NULL || b.copy == NULL || b.text == NULL)
		abort();
	must(hin_sensor_key_of_seed(&b.key, seed_bytes, &err), &err);
	must(hin_batch_writer_open(&b.writer, &b.key, &start, ROWS, &err), &err);
	for (size_t i = 0; i < (size_t)BATCHES * ROWS; i++)
		make_flow(&seed, &b.rows[i]);
	measure(&b, "flows", rounds);
	for (size_t i = 0; i < (size_t)BATCHES * ROWS; i++)
		make_event(&seed, &b.rows[i]);
	measure(&b, "events", rounds);
	hin_batch_writer_close(b.writer);
	free(b.batch);
	free(b.text);
	free(b.copy);
	free(b.rows);
	return 0;
}
