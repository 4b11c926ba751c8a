/* analyse_batches - which batches were analysed and perhaps not stored; see analyse.h */
#include <stdlib.h>

#include "hub/analyse/analyse_priv.h"

static uint32_t hash_of_batch(const struct hin_analyse *an, const uint8_t *sensor, uint64_t epoch,
			      uint64_t sequence)
{
	uint8_t in[32], out[crypto_shorthash_BYTES];
	uint32_t hash;

	memcpy(in, sensor, 16);
	memcpy(in + 16, &epoch, 8);
	memcpy(in + 24, &sequence, 8);
	crypto_shorthash(out, in, sizeof(in), an->seed);
	memcpy(&hash, out, sizeof(hash));
	return hash;
}

static uint32_t hash_of(const void *user, uint32_t at)
{
	const struct hin_analyse *an = user;
	const struct analysed *b = &an->batches[at];

	return hash_of_batch(an, b->sensor, b->epoch, b->sequence);
}

static struct analysed *find(struct hin_analyse *an, const uint8_t *sensor, uint64_t epoch,
			     uint64_t sequence)
{
	uint32_t hash = hash_of_batch(an, sensor, epoch, sequence), at;
	struct hin_index_search search = hin_index_search(&an->batch_index, hash);

	while ((at = hin_index_next(&an->batch_index, hash, &search)) != HIN_NONE) {
		struct analysed *b = &an->batches[at];

		if (b->epoch == epoch && b->sequence == sequence &&
		    memcmp(b->sensor, sensor, sizeof(b->sensor)) == 0)
			return b;
	}
	return NULL;
}

/* Beyond the limit the batch is not noted: were it sent again, it would be analysed again. */
static void put(struct hin_analyse *an, const uint8_t *sensor, uint64_t epoch, uint64_t sequence,
		bool taken)
{
	struct analysed *b;

	if (an->batch_count == HIN_ANALYSE_BATCHES)
		return;
	b = &an->batches[an->batch_count];
	*b = (struct analysed){ .epoch = epoch, .sequence = sequence, .taken = taken };
	memcpy(b->sensor, sensor, sizeof(b->sensor));
	if (hin_index_put(&an->batch_index, hash_of(an, (uint32_t)an->batch_count),
			  (uint32_t)an->batch_count, hash_of, an))
		an->batch_count++;
}

/* Keep those that `keep` wants. */
static void sift(struct hin_analyse *an,
		 bool (*keep)(const struct analysed *b, const struct hin_store *store),
		 const struct hin_store *store)
{
	size_t kept = 0;

	memset(an->batch_index.slots, 0,
	       ((size_t)an->batch_index.mask + 1) * sizeof(*an->batch_index.slots));
	an->batch_index.used = 0;
	for (size_t i = 0; i < an->batch_count; i++) {
		if (!keep(&an->batches[i], store))
			continue;
		an->batches[kept] = an->batches[i];
		if (hin_index_put(&an->batch_index, hash_of(an, (uint32_t)kept), (uint32_t)kept,
				  hash_of, an))
			kept++;
	}
	an->batch_count = kept;
}

static bool is_not_taken(const struct analysed *b, const struct hin_store *store)
{
	(void)store;
	return !b->taken;
}

static bool is_in_desk(const struct analysed *b, const struct hin_store *store)
{
	(void)store;
	return b->in_desk || !b->taken;
}

static bool is_not_stored(const struct analysed *b, const struct hin_store *store)
{
	return !hin_store_has(store, b->sensor, b->epoch, b->sequence);
}

bool hin_analyse_begin(struct hin_analyse *an, const uint8_t sensor[16], uint64_t epoch,
		       uint64_t sequence)
{
	struct analysed *b = find(an, sensor, epoch, sequence);

	analyse_refresh_owners(an);
	if (b != NULL) {
		b->taken = true;
		an->counters.repeats++;
		return false;
	}
	put(an, sensor, epoch, sequence, true);
	return true;
}

void hin_analyse_stored(struct hin_analyse *an)
{
	if (an->batch_count > 0)
		sift(an, is_not_taken, NULL);
}

void hin_analyse_unstored(struct hin_analyse *an)
{
	for (size_t i = 0; i < an->batch_count; i++)
		an->batches[i].taken = false;
}

void hin_analyse_check_stored(struct hin_analyse *an, const struct hin_store *store)
{
	sift(an, is_not_stored, store);
}

/* ---- for the engine ---- */

void analyse_batches_undo(struct hin_analyse *an)
{
	sift(an, is_in_desk, NULL);
	hin_analyse_unstored(an);
}

void analyse_batches_written(struct hin_analyse *an)
{
	for (size_t i = 0; i < an->batch_count; i++)
		an->batches[i].in_desk = true;
}

enum hin_code analyse_batches_write(struct hin_analyse *an, struct hin_error *err)
{
	enum hin_code code = hin_desk_run(an->desk, err, "DELETE FROM analysed", "");

	for (size_t i = 0; i < an->batch_count && code == HIN_OK; i++) {
		const struct analysed *b = &an->batches[i];

		code = hin_desk_run(an->desk, err,
				    "INSERT INTO analysed (sensor, epoch, sequence) VALUES (?1, "
				    "?2, ?3)",
				    "bii", (const void *)b->sensor, sizeof(b->sensor),
				    (int64_t)b->epoch, (int64_t)b->sequence);
	}
	return code;
}

enum hin_code analyse_batches_open(struct hin_analyse *an, struct hin_error *err)
{
	enum hin_code code = hin_index_init(&an->batch_index, err);
	sqlite3_stmt *s;

	an->batches = calloc(HIN_ANALYSE_BATCHES, sizeof(*an->batches));
	if (code == HIN_OK && an->batches == NULL)
		code = hin_fail(err, HIN_ENOMEM, "analysis");
	if (code != HIN_OK)
		return code;
	s = hin_desk_statement(an->desk, "SELECT sensor, epoch, sequence FROM analysed", err);
	if (s == NULL)
		return HIN_EFORMAT;
	while ((code = hin_desk_step(an->desk, s, err)) == HIN_OK)
		if (sqlite3_column_bytes(s, 0) == 16)
			put(an, sqlite3_column_blob(s, 0), (uint64_t)sqlite3_column_int64(s, 1),
			    (uint64_t)sqlite3_column_int64(s, 2), false);
	analyse_batches_written(an);
	return code == HIN_EOF ? HIN_OK : code;
}

void analyse_batches_close(struct hin_analyse *an)
{
	hin_index_fini(&an->batch_index);
	free(an->batches);
}
