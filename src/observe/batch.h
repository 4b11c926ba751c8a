/*
 * batch - rows of observations as columns, signed and chained.
 *
 * The bytes are protocol buffers as schema/observation.proto has them, written by hand because the
 * hot path pays for each nanosecond a row. A batch is signed with the sensor's key (Ed25519) and
 * names the SHA-256 of the batch before it, so that nobody can invent, change or drop evidence
 * unseen. batch_writer.h makes batches, batch_reader.h reads them; nothing is lost on the way.
 *
 * Threads: pure functions.
 */
#pragma once
#include "observe/key.h"
#include "observe/observation.h"

#define HIN_BATCH_SCHEMA 1u
#define HIN_BATCH_ROWS 65536u	    /* most rows of a batch */
#define HIN_BATCH_BYTES (32u << 20) /* most bytes; 65,536 rows of the widest fit */
#define HIN_BATCH_SIGNATURE 67	    /* bytes at the end: key, length and 64 of the signature */
#define HIN_BATCH_CONTEXT "hinomi batch 1" /* signed with its NUL, before the digest */

/* What stands above the rows. */
struct hin_batch_header {
	uint32_t schema;
	uint8_t sensor[HIN_SENSOR_ID];
	uint64_t epoch, sequence;
	uint8_t previous[32];  /* zero when sequence is 1 */
	uint8_t authority[32]; /* zero: none */
	int32_t clock_offset_us;
	uint8_t clock_state; /* HIN_CLOCK_STATE_... */
	uint64_t dark_addresses;
	uint8_t registry[32];
	uint32_t rows;
};

/* Check the signature of a batch and that its sensor is the one of `public_key`: HIN_EVERIFY. */
HIN_MUST_USE enum hin_code hin_batch_verify(const void *bytes, size_t size,
					    const uint8_t public_key[HIN_KEY_PUBLIC],
					    struct hin_error *err);

/*
 * The same from the digest that was signed (hin_batch_reader_signed()) and the signature alone,
 * when the batch itself is gone.
 */
HIN_MUST_USE enum hin_code hin_batch_verify_digest(const uint8_t digest[32],
						   const uint8_t signature[64],
						   const uint8_t public_key[HIN_KEY_PUBLIC],
						   struct hin_error *err);

/* SHA-256 of a whole batch: what the next one names as `previous`. */
void hin_batch_digest(uint8_t out[32], const void *bytes, size_t size);

enum hin_chain {
	HIN_CHAIN_NEXT,	  /* follows the mark, and its `previous` fits */
	HIN_CHAIN_REPEAT, /* the sequence was seen before; changes nothing */
	HIN_CHAIN_GAP,	  /* batches between are missing */
	HIN_CHAIN_EPOCH,  /* another epoch: the sensor lost its state */
	HIN_CHAIN_FORK,	  /* names another batch before it than the one we know: evidence differs */
};

/*
 * Where does a batch of `header` and `digest` stand against `mark`, the last one known of the same
 * sensor? Pure; the caller moves its mark to {header->epoch, header->sequence, digest} when it
 * keeps the batch. A repeat of the mark's own sequence with another digest is a fork. A batch after
 * a gap cannot be checked and is no fork.
 */
enum hin_chain hin_batch_chain(const struct hin_batch_mark *mark,
			       const struct hin_batch_header *header, const uint8_t digest[32]);
