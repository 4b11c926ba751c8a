/*
 * batch_writer - collect rows, make signed and chained batches of them.
 *
 * A row is refused when its kind does not allow a field it fills: what must not travel stops here.
 * Memory is reserved when a writer is opened; adding a row allocates nothing.
 *
 * Ownership: the caller owns a writer and closes it. The bytes of a finished batch belong to the
 *            writer, until its next finish or close.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "observe/batch.h"

struct hin_batch_writer;

/*
 * A new writer for batches of at most `rows_max` rows (1 to HIN_BATCH_ROWS). `key` signs and must
 * outlive the writer; the first batch follows `after`. All memory for rows is reserved here, and
 * touched only as rows fill it.
 */
HIN_MUST_USE enum hin_code hin_batch_writer_open(struct hin_batch_writer **out,
						 const struct hin_sensor_key *key,
						 const struct hin_batch_mark *after,
						 size_t rows_max, struct hin_error *err);

/* Free `w`; rows not finished are forgotten. NULL is fine. */
void hin_batch_writer_close(struct hin_batch_writer *w);

/* What the next batches say of the sensor. `authority` is 32 bytes, or NULL for none. */
void hin_batch_writer_set_authority(struct hin_batch_writer *w, const uint8_t *authority);
void hin_batch_writer_set_clock(struct hin_batch_writer *w, int32_t offset_us, uint8_t state);
void hin_batch_writer_set_dark(struct hin_batch_writer *w, uint64_t addresses);

/*
 * Add a copy of `row`. HIN_ELIMIT when the writer is full, HIN_ENOENT for a kind in no registry
 * below HIN_KIND_PRIVATE, else as hin_observation_check(); a row that is refused leaves the writer
 * as it was.
 */
HIN_MUST_USE enum hin_code hin_batch_writer_add(struct hin_batch_writer *w,
						const struct hin_observation *row,
						struct hin_error *err);

/* Rows added since the last finish. */
size_t hin_batch_writer_rows(const struct hin_batch_writer *w);

/*
 * Make the batch of the rows added (none is fine), sign it, move the mark to it and forget the
 * rows. `*bytes` is the writer's, until the next finish or close. On failure nothing has changed.
 */
HIN_MUST_USE enum hin_code hin_batch_writer_finish(struct hin_batch_writer *w,
						   const uint8_t **bytes, size_t *size,
						   struct hin_error *err);

/* Where the chain stands: the last batch finished. Valid until the next call on `w`. */
const struct hin_batch_mark *hin_batch_writer_mark(const struct hin_batch_writer *w);
