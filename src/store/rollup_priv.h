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

/*
 * Ports of a day that are kept apart: the most frequent. All of them, of two days with 2 million
 * rows each, would make rollups by minute 1.12 times as large and those by the hour 2.1 times,
 * which is little; but the rows that are held while a day is rolled up grow from 141,000 to 571,000
 * there, and with the traffic, up to a port of each minute: more memory than a hub has.
 */
#define HIN_ROLLUP_PORTS 1024u

/* What a row of a rollup stands for. */
struct hin_rollup_key {
	int64_t time_us;
	uint8_t sensor[HIN_SENSOR_ID];
	uint16_t kind, dport, tool;
	uint8_t proto, unused;
};

struct hin_rollup_row {
	struct hin_rollup_key key;
	uint64_t weight, packets, bytes;
	uint64_t *hashes;
	uint16_t count, room;
	uint8_t level;
};

/* Rows of a day that are being rolled up. */
struct hin_rollup {
	int64_t unit_us; /* a minute or an hour */
	struct hin_rollup_row *rows;
	uint32_t *slots; /* row + 1 */
	size_t count, room, slot_count;
	uint64_t weight;
	/* how often each port of TCP and of others occurs; ports beyond the first count under 0 */
	uint32_t *ports[2];
	bool chosen;
};

HIN_MUST_USE enum hin_code hin_rollup_init(struct hin_rollup *r, int64_t unit_us,
					   struct hin_error *err);
void hin_rollup_fini(struct hin_rollup *r);

/* First all ports are counted, then chosen, then rows are added. */
void hin_rollup_count_port(struct hin_rollup *r, uint8_t proto, uint16_t port, uint64_t weight);
void hin_rollup_choose_ports(struct hin_rollup *r);

HIN_MUST_USE enum hin_code hin_rollup_add(struct hin_rollup *r, const struct hin_observation *o,
					  const uint8_t sensor[HIN_SENSOR_ID],
					  struct hin_error *err);

/* Add a row of a finer rollup; its sketch is read from `sketch`. */
HIN_MUST_USE enum hin_code hin_rollup_add_rolled(struct hin_rollup *r,
						 const struct hin_observation *o,
						 const uint8_t sensor[HIN_SENSOR_ID],
						 uint64_t weight, struct hin_sketch_reader *sketch,
						 struct hin_error *err);

/* Write the rows as files of `day`. */
HIN_MUST_USE enum hin_code hin_rollup_write(struct hin_rollup *r, struct hin_store *s, int64_t day,
					    struct hin_error *err);
