/* folder - a folder of its own for a test, and a store in it. */
#pragma once
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../observe/rows.h"
#include "../test.h"
#include "store/segments_priv.h"

static char folder[64], store_path[80];

static int folder_setup(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%.30s/hinomi-store-XXXXXX", base != NULL ? base : "/tmp");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(store_path, sizeof(store_path), "%s/store", folder);
	return 0;
}

static int folder_remove(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int folder_teardown(void **state)
{
	(void)state;
	return nftw(folder, folder_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* The last note, and how many. */
struct notes {
	unsigned count;
	struct hin_error last;
};

static inline void take_note(void *user, const struct hin_error *what)
{
	struct notes *n = user;

	n->count++;
	n->last = *what;
}

static inline struct hin_store *open_store(enum hin_store_access access, struct notes *notes)
{
	struct hin_store_options options = { .note = notes != NULL ? take_note : NULL,
					     .user = notes };
	struct hin_error err = { 0 };
	struct hin_store *store = NULL;

	if (hin_store_open(&store, store_path, access, &options, &err) != HIN_OK)
		fail_msg("open: %s", err.text);
	return store;
}

#define DAY_US INT64_C(1763769600000000) /* 2025-11-22 */

/*
 * The rows of a batch of sensor number `sensor`, always the same: flows of a minute mostly, some
 * events, some of the day before. Returns how many.
 */
static inline size_t batch_rows(unsigned sensor, uint64_t sequence, struct hin_observation *rows,
				size_t most)
{
	uint64_t seed = sensor * UINT64_C(1000003) + sequence;
	size_t count = rows_below(&seed, 10) == 0 ? 0 : 1 + rows_below(&seed, most);
	static const uint16_t ports[] = { 23, 23, 23, 22, 80, 443, 2323, 445 };

	for (size_t i = 0; i < count; i++) {
		struct hin_observation *o = &rows[i];
		uint64_t r = rows_random(&seed);

		if (r % 50 == 0) {
			*o = rows_fill(&seed, HIN_KIND_PRIVATE, rows_random(&seed) & UINT32_MAX);
			o->time_us = DAY_US + (int64_t)rows_below(&seed, 3600000000);
			if (r % 500 == 0)
				o->time_us -= HIN_DAY_US;
			continue;
		}
		*o = (struct hin_observation){ .kind = HIN_KIND_TELESCOPE_FLOW };
		o->time_us = DAY_US + (int64_t)(sequence % 1440) * 60000000;
		o->duration_us = 60000000;
		o->src = hin_addr_of_v4((uint32_t)(r >> 40) % 100000 * 977);
		o->dst = hin_addr_of_v4(0xc6120000u | (uint32_t)(r & 0xffff));
		o->has = HIN_HAS_SRC | HIN_HAS_DST;
		o->sport = (uint16_t)(r >> 16);
		o->dport = ports[r >> 32 & 7];
		o->proto = 6;
		o->tcp_flags = 2;
		o->packets = 1 + (r >> 36) % 3;
		o->bytes = o->packets * 40;
	}
	return count;
}

static inline struct hin_store_batch batch_head(unsigned sensor, uint64_t epoch, uint64_t sequence)
{
	struct hin_store_batch b = { .epoch = epoch,
				     .sequence = sequence,
				     .received_us = DAY_US + (int64_t)sequence,
				     .dark_addresses = 65536 };

	memset(b.sensor, (int)sensor + 1, sizeof(b.sensor));
	memcpy(b.digest, &sequence, sizeof(sequence));
	return b;
}

static inline enum hin_store_outcome append(struct hin_store *store, unsigned sensor,
					    uint64_t epoch, uint64_t sequence, size_t most)
{
	struct hin_observation *rows = calloc(most + 1, sizeof(*rows));
	size_t count = batch_rows(sensor, sequence, rows, most);
	struct hin_store_batch batch = batch_head(sensor, epoch, sequence);
	enum hin_store_outcome outcome;
	struct hin_error err = { 0 };

	if (hin_store_append(store, &batch, rows, count, &outcome, &err) != HIN_OK)
		fail_msg("append: %s", err.text);
	free(rows);
	return outcome;
}

static inline void sync_store(struct hin_store *store)
{
	struct hin_error err = { 0 };

	if (hin_store_sync(store, &err) != HIN_OK)
		fail_msg("sync: %s", err.text);
}

/* ---- is everything there, once? ---- */

static inline uint64_t row_hash(const struct hin_observation *o)
{
	const uint64_t *words = (const void *)o;
	uint64_t h = 1;

	for (size_t i = 0; i < sizeof(*o) / 8; i++)
		h = hin_mix(h * 31 + words[i]);
	return h;
}

struct sums {
	uint64_t rows, sum; /* order does not count */
	unsigned sensor;
	uint64_t epoch, last; /* of which batches */
};

static inline enum hin_code add_sums(void *user, const struct hin_store_rows *rows,
				     struct hin_error *err)
{
	struct sums *s = user;

	(void)err;
	for (size_t i = 0; i < rows->count; i++) {
		uint64_t sequence = rows->batches[i]->sequence;

		s->rows++;
		s->sum += hin_mix(row_hash(&rows->rows[i]) ^
				  (sequence * 16 + rows->batches[i]->sensor[0]));
	}
	return HIN_OK;
}

/* What a store holds. */
static inline struct sums store_sums(struct hin_store *store)
{
	struct hin_store_range range = { 0 };
	struct hin_error err = { 0 };
	struct sums s = { 0 };

	if (hin_store_scan(store, &range, UINT64_MAX, 0, add_sums, &s, NULL, &err) != HIN_OK)
		fail_msg("scan: %s", err.text);
	return s;
}

/* What it should hold of the batches `first` to `last` of a sensor. */
static inline void expect_sums(struct sums *s, unsigned sensor, uint64_t first, uint64_t last,
			       size_t most)
{
	struct hin_observation *rows = calloc(most + 1, sizeof(*rows));

	for (uint64_t sequence = first; sequence <= last; sequence++) {
		struct hin_store_batch batch = batch_head(sensor, 0, sequence);
		const struct hin_store_batch **batches = calloc(most + 1, sizeof(*batches));
		struct hin_store_rows given = { .rows = rows, .batches = batches };

		given.count = batch_rows(sensor, sequence, rows, most);
		for (size_t i = 0; i < given.count; i++)
			batches[i] = &batch;
		(void)add_sums(s, &given, NULL);
		free(batches);
	}
	free(rows);
}

static inline void expect_store(struct hin_store *store, const struct sums *want)
{
	struct sums have = store_sums(store);

	if (have.rows != want->rows || have.sum != want->sum)
		fail_msg("%llu rows, not %llu%s", (unsigned long long)have.rows,
			 (unsigned long long)want->rows,
			 have.rows == want->rows ? "; they differ" : "");
}
