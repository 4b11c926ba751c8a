/*
 * batch_reader - check a batch and read its rows.
 *
 * Reads in place, row by row, from what may be hostile bytes: everything is checked before the
 * first row is given.
 *
 * Ownership: a reader is the caller's storage, borrows the bytes it reads and allocates nothing.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "observe/batch.h"

/* One column while it is read; private. */
struct hin_batch_column {
	struct hin_reader runs, values; /* what is left of them */
	struct hin_reader runs2,
		values2;      /* IPv6 among addresses; values2 also the tags themselves */
	uint64_t value;	      /* of every row present, when `constant` */
	uint32_t left, left2; /* rows left in the run, of either kind of run */
	uint8_t field;
	bool all, all2;		/* there are no runs */
	bool present, present2; /* in this run */
	bool constant;
};

/* Read through the functions below only, but for `header` and `unknown_fields`. */
struct hin_batch_reader {
	struct hin_batch_header header;
	size_t unknown_fields; /* skipped: the sensor is newer than this program */
	struct hin_reader body;
	int64_t time_base, time_us;
	uint32_t row;  /* the next one */
	uint64_t kind; /* of the row before */
	uint32_t column_count;
	struct hin_batch_column columns[HIN_FIELDS];
};

/*
 * Read the frame of a batch and check the structure of every column: after HIN_OK each of
 * `header.rows` rows can be read. With `public_key` (32 bytes) the signature and the sensor id are
 * checked first (HIN_EVERIFY); with NULL nothing is proved: to look at a file, or to learn from
 * the header whose key is needed. HIN_ETRUNCATED, HIN_EFORMAT, HIN_ERANGE or HIN_ELIMIT, and `err`
 * names the field, for bytes that are no batch.
 */
HIN_MUST_USE enum hin_code hin_batch_reader_open(struct hin_batch_reader *r, const void *bytes,
						 size_t size, const uint8_t *public_key,
						 struct hin_error *err);

/*
 * Read the next row into `out`. HIN_EOF behind the last; as hin_observation_check() for a row that
 * may not be, which is read all the same, so that the next call goes on with the next.
 */
HIN_MUST_USE enum hin_code hin_batch_reader_next(struct hin_batch_reader *r,
						 struct hin_observation *out,
						 struct hin_error *err);

/*
 * What was signed: the SHA-256 of the batch without its signature, and the signature, which belongs
 * to the bytes that are read. hin_batch_verify_digest() checks them.
 */
const uint8_t *hin_batch_reader_signed(const struct hin_batch_reader *r, uint8_t digest[32]);

/* Go back to the first row. */
void hin_batch_reader_rewind(struct hin_batch_reader *r);
