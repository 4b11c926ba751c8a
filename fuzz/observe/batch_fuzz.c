/*
 * Batches without their signature checked, so that the decoder is reached. Rows that come out and
 * pass their check go through our own writer and must come back the same.
 */
#include <stdlib.h>

#include "observe/batch_reader.h"
#include "observe/batch_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEEP = 512, MOST = 5000 /* a few bytes may stand for 65,536 equal rows */ };

static struct hin_observation kept[KEEP];

static void check_again(const struct hin_observation *rows, size_t count)
{
	static struct hin_sensor_key key;
	static struct hin_batch_writer *w;
	static const uint8_t seed[32] = { 1 };
	struct hin_batch_mark start = { .epoch = 1 };
	struct hin_batch_reader r;
	struct hin_observation row;
	const uint8_t *bytes;
	size_t size;

	if (w == NULL && (hin_sensor_key_of_seed(&key, seed, NULL) != HIN_OK ||
			  hin_batch_writer_open(&w, &key, &start, KEEP, NULL) != HIN_OK))
		abort();
	for (size_t i = 0; i < count; i++)
		if (hin_batch_writer_add(w, &rows[i], NULL) != HIN_OK)
			abort();
	if (hin_batch_writer_finish(w, &bytes, &size, NULL) != HIN_OK ||
	    hin_batch_reader_open(&r, bytes, size, key.public_key, NULL) != HIN_OK)
		abort();
	for (size_t i = 0; i < count; i++)
		if (hin_batch_reader_next(&r, &row, NULL) != HIN_OK ||
		    !hin_observation_equal(&row, &rows[i]))
			abort();
	if (hin_batch_reader_next(&r, &row, NULL) != HIN_EOF)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_batch_reader r;
	struct hin_observation row;
	struct hin_error err;
	size_t count = 0, rows = 0;
	enum hin_code code;

	if (hin_batch_reader_open(&r, data, size, NULL, &err) != HIN_OK)
		return 0;
	while (rows++ < MOST && (code = hin_batch_reader_next(&r, &row, &err)) != HIN_EOF) {
		bool known = row.kind >= HIN_KIND_PRIVATE || hin_kind_find(row.kind) != NULL;

		if (code == HIN_OK && known && count < KEEP)
			kept[count++] = row;
		if (code != HIN_OK && hin_observation_check(&row, NULL) != code)
			abort();
	}
	check_again(kept, count);
	hin_batch_reader_rewind(&r);
	return 0;
}
