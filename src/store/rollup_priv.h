/*
 * rollup_priv - detail that goes, counted: by minute or hour, kind, sensor, protocol, port and
 * tool.
 *
 * A rollup is a file of blocks like others; each row stands for as many rows as its weight says,
 * packets and bytes are their sums, and a sketch tells how many sources they had. It holds what was
 * dropped and nothing else, so that rollups and detail together are always everything, once.
 *
 * A sketch is a sample of the hashes of the sources: those that begin with `level` zero bits, so
 * that sketches of different sizes can be put together.
 *
 * Threads: one thread at a time for each.
 */
#pragma once
#include "store/segments_group_priv.h"

#define HIN_SKETCH_MAX 256u /* hashes of a sketch; then every second one goes */

/* Sketches as bytes: level, how many, and the hashes, 8 bytes each. */
struct hin_sketch_reader {
	struct hin_reader in;
};

static inline struct hin_sketch_reader hin_sketch_reader_of(const void *bytes, size_t size)
{
	return (struct hin_sketch_reader){ .in = hin_reader_of(bytes, size) };
}

/* The next sketch; its `*count` hashes are read after that. False at a damaged one. */
static inline bool hin_sketch_next(struct hin_sketch_reader *r, uint8_t *level, uint16_t *count)
{
	*level = hin_read_u8(&r->in);
	*count = hin_read_le16(&r->in);
	return !r->in.failed && *level <= 56 && *count <= HIN_SKETCH_MAX &&
	       *count * sizeof(uint64_t) <= r->in.left;
}

static inline uint64_t hin_sketch_hash(struct hin_sketch_reader *r)
{
	return hin_read_le64(&r->in);
}
