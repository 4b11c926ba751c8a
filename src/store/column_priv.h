/*
 * column_priv - one column of numbers as bytes: chosen, packed and read again.
 *
 * A column is what struct hin_part says (it stands in the head of a block) and up to two pieces of
 * bytes: a summary (the dictionary and how often each of its values occurs) and the codes, one for
 * each row. So a count by value reads summaries only. Numbers are kept as (value - base) / scale.
 *
 * Numbers read back are below the limits that the part gives, whatever the bytes say: a code never
 * lies outside of its dictionary.
 *
 * Ownership: the caller's storage; a coder and a column hold memory until their fini.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include <assert.h>
#include <zstd.h>

#include "base/buffer.h"
#include "base/bytes.h"

#define HIN_COLUMN_ROWS 65536u /* most numbers of a column */
#define HIN_COLUMN_SLACK 16    /* bytes that may be read behind what is given to be read */

enum hin_shape {
	HIN_SHAPE_CONST,   /* every number is `base`; no bytes */
	HIN_SHAPE_OFFSETS, /* patched: offsets from base */
	HIN_SHAPE_DICT,	   /* summary, and codes into it */
	HIN_SHAPE_WIDE,	   /* patched twice: low and high halves of offsets above 32 bits */
	HIN_SHAPE_BYTES,   /* no numbers: items of `width` bytes, all in the codes piece */
	HIN_SHAPES,
};

/* How the codes piece is written. */
enum hin_codes {
	HIN_CODES_PACKED, /* `width` bits each */
	HIN_CODES_BYTES,  /* one byte each */
	HIN_CODES_ESCAPE, /* one byte, or 255 and `width` bits behind all; 255 frequent codes first
			   */
	HIN_CODES_STYLES,
};

#define HIN_PART_SIZE 80 /* bytes of a part in the head of a block */

/*
 * The codes of many rows are divided into stretches, so that a question about few rows reads those
 * around them alone. The piece begins with a directory, HIN_STRETCH_ENTRY bytes for each: its bytes
 * (the highest bit: zstd), its bytes unpacked, its checksum; ESCAPE has the frequent codes behind
 * that. Then the stretches follow, each with a checksum of its own and written as if it were all.
 */
#define HIN_STRETCH_ROWS 8192u /* as written */
#define HIN_STRETCH_UNIT 256u  /* as said in a part */
#define HIN_STRETCHES_MAX 64u
#define HIN_STRETCH_ENTRY 12u
#define HIN_STRETCH_HOT (1u + 4u * 255u)

/* What the head of a block says of one part of it. */
struct hin_part {
	uint16_t id;
	uint8_t shape, codes;
	uint8_t width;
	bool zstd_summary, zstd_codes;
	uint32_t count;	    /* numbers, or items */
	uint32_t distinct;  /* DICT: entries of the dictionary */
	uint64_t base, max; /* least and greatest; `max` also bounds what is read */
	uint64_t scale;	    /* > 0 */
	uint64_t sum;	    /* of all, modulo 2^64 */
	uint32_t offset;    /* of the summary piece in the block; the codes follow */
	uint32_t summary, summary_raw, summary_sum;
	uint32_t bytes, bytes_raw, bytes_sum; /* the codes piece: stored, unpacked, checksum */
	uint32_t stretch;		      /* rows of a stretch; 0: the piece is not divided */
	uint32_t directory; /* bytes before the stretches: `bytes_sum` is of these */
};

/* Some rows of the codes, and where they stand behind the summary. */
struct hin_stretch {
	uint32_t first, rows;
	uint32_t offset, stored, raw, sum;
	bool zstd;
};

/* ---- packing ---- */

static inline unsigned hin_bits(uint64_t value)
{
	return value == 0 ? 0 : 64u - (unsigned)__builtin_clzll(value);
}

static inline size_t hin_packed_size(size_t count, unsigned width)
{
	return (count * width + 7) / 8;
}

/* Pack `count` numbers below 2^width; writes up to 8 bytes more than hin_packed_size(). */
void hin_pack(uint8_t *out, const uint32_t *values, size_t count, unsigned width);

/* The reverse; reads up to HIN_COLUMN_SLACK bytes behind what was packed. `width` 0 to 32. */
void hin_unpack(uint32_t *out, const uint8_t *in, size_t count, unsigned width);

/* 1 where a number is `low` or up to `width` above. */
void hin_mask_range(uint8_t *mask, const uint32_t *values, size_t count, uint32_t low,
		    uint32_t width);

/* One number of those that were packed. */
static inline uint32_t hin_unpack_one(const uint8_t *in, size_t i, unsigned width)
{
	uint64_t word, mask = (UINT64_C(1) << width) - 1;

	memcpy(&word, in + i * width / 8, sizeof(word));
	return (uint32_t)(HIN_LE64(word) >> i * width % 8 & mask);
}

/* Append numbers, most of them small: packed low bits, the rest as exceptions. */
void hin_patched_write(struct hin_buffer *out, const uint32_t *values, size_t count);

/* The bytes hin_patched_write() will add. */
size_t hin_patched_size(const uint32_t *values, size_t count);

/* Read `count` numbers; behind `in` HIN_COLUMN_SLACK bytes may be read. False when damaged. */
bool hin_patched_read(struct hin_reader *in, uint32_t *out, size_t count);

/* Of `count` numbers those at `rows`, ascending, `some` of them; `in` moves behind all. */
bool hin_patched_pick(struct hin_reader *in, size_t count, const uint32_t *rows, size_t some,
		      uint32_t *out);

/* Append `count` ascending distinct numbers up to `max` (Elias-Fano). */
void hin_ascending_write(struct hin_buffer *out, const uint32_t *values, size_t count,
			 uint32_t max);
bool hin_ascending_read(struct hin_reader *in, uint32_t *out, size_t count, uint32_t max);

/* How many of them lie below `value`; reads no others. False when damaged. */
bool hin_ascending_rank(struct hin_reader *in, size_t count, uint32_t max, uint64_t value,
			uint32_t *out);

/* Number `at`, or false when damaged. */
bool hin_ascending_at(struct hin_reader *in, size_t count, uint32_t max, size_t at, uint32_t *out);

/* CRC-32C. */
uint32_t hin_sum(const void *data, size_t size);

/* Is `sum` that of the bytes? A fuzzer, which cannot guess sums, is let through. */
static inline bool hin_sum_fits(const void *data, size_t size, uint32_t sum)
{
#ifdef HIN_FUZZ
	(void)data;
	(void)size;
	(void)sum;
	return true;
#else
	return hin_sum(data, size) == sum;
#endif
}

static inline uint64_t hin_mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* ---- writing ---- */

/* The distinct values of a column, ascending, with how often each occurs. */
struct hin_coder {
	ZSTD_CCtx *zstd;
	uint32_t *offsets; /* HIN_COLUMN_ROWS of each */
	uint32_t *high;
	uint32_t *codes;
	uint32_t *dict;
	uint32_t *counts;
	uint32_t *histogram; /* HIN_COLUMN_ROWS, all zero between uses */
	uint64_t *sort;	     /* twice */
	uint8_t *packed;
	size_t packed_size;
	double small[64]; /* i * log2(i) */
	struct hin_buffer piece;

	/* of the column loaded last */
	size_t count;
	uint64_t base, max, scale, sum;
	bool wide;
	size_t distinct; /* in `dict`; 0 when they were not looked at */
};

HIN_MUST_USE enum hin_code hin_coder_init(struct hin_coder *c, struct hin_error *err);
void hin_coder_fini(struct hin_coder *c);

/* Load a column of 1 to HIN_COLUMN_ROWS numbers. */
void hin_coder_load_u8(struct hin_coder *c, const uint8_t *values, size_t count);
void hin_coder_load_u16(struct hin_coder *c, const uint16_t *values, size_t count);
void hin_coder_load_u32(struct hin_coder *c, const uint32_t *values, size_t count);
void hin_coder_load_u64(struct hin_coder *c, const uint64_t *values, size_t count);

/* Find the distinct values of a column that is not wide, into `dict`, `counts` and `codes`. */
void hin_coder_distinct(struct hin_coder *c);

/*
 * Append the loaded column to `out` and describe it in `part`, all but `id`. What lies before in
 * `out` is the block so far. Failure shows in `out`.
 */
void hin_coder_write(struct hin_coder *c, struct hin_buffer *out, struct hin_part *part);

/* Append `count` items of `width` (1 to 255) bytes. */
void hin_coder_write_bytes(struct hin_coder *c, struct hin_buffer *out, struct hin_part *part,
			   const void *items, size_t count, size_t width);

/* Append `size` > 0 bytes as they are, `count` says of how many things. */
void hin_coder_write_blob(struct hin_coder *c, struct hin_buffer *out, struct hin_part *part,
			  const void *bytes, size_t size, size_t count, bool compress);

/* ---- reading ---- */

/* A piece without its zstd, with HIN_COLUMN_SLACK bytes behind it. */
struct hin_piece {
	uint8_t *bytes;
	size_t room, size;
	bool have;
};

/*
 * A column as it is read. Numbers are base + scale * dict[codes[i]] (DICT), base + scale * codes[i]
 * (OFFSETS), base + scale * wide[i] (WIDE), or base.
 */
struct hin_column_data {
	struct hin_part part;
	struct hin_piece summary, data; /* `data` of BYTES */
	bool have_summary, have_codes;	/* unpacked; the reader says so of codes */
	bool have_stretches;
	uint32_t stretch_count;
	struct hin_stretch stretches[HIN_STRETCHES_MAX];
	uint32_t hot[256]; /* ESCAPE: what bytes stand for, when divided */
	uint32_t *codes;
	uint32_t *dict, *counts;
	uint64_t *wide;
	const uint8_t *bytes; /* BYTES: `part.bytes_raw` of them, once there are codes */
};

void hin_column_fini(struct hin_column_data *c);

/* Forget what was read, keep the memory; the next column is described by `part`. */
void hin_column_start(struct hin_column_data *c, const struct hin_part *part);

/*
 * Hold a piece as stored: `*bytes` of `size`, with room for HIN_COLUMN_SLACK more that are zero,
 * its checksum checked. The memory is swapped for that of the piece before when it needs no zstd.
 * HIN_EFORMAT for what cannot be, HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_piece_hold(struct hin_piece *piece, ZSTD_DCtx *zstd, bool packed,
					  uint32_t raw, uint8_t **bytes, size_t *room, size_t size);

/* The same of bytes packed by zstd, that stay where they are. */
HIN_MUST_USE enum hin_code hin_piece_unpack(struct hin_piece *piece, ZSTD_DCtx *zstd, uint32_t raw,
					    const uint8_t *bytes, size_t size);

/*
 * Unpack the summary that is held. HIN_EFORMAT for what cannot be, HIN_ENOMEM. `counts` add up to
 * `part.count`.
 */
HIN_MUST_USE enum hin_code hin_column_read_summary(struct hin_column_data *c);

/* Unpack `dict` alone of the summary that is held, `part.distinct` of them. The same codes. */
HIN_MUST_USE enum hin_code hin_column_read_dictionary(struct hin_column_data *c);

/* Read the directory (of what is not divided: nothing), its checksum checked. HIN_EFORMAT. */
HIN_MUST_USE enum hin_code hin_column_read_directory(struct hin_column_data *c,
						     const uint8_t *bytes, size_t size);

/*
 * Unpack the codes of stretch `at` out of `bytes`, without zstd, with slack behind them. The codes
 * of all stretches are those of the column. HIN_EFORMAT, HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_column_read_codes(struct hin_column_data *c, uint32_t at,
						 const uint8_t *bytes, size_t size);

/*
 * The codes or offsets of some rows of stretch `at`, ascending, without unpacking the others.
 * HIN_EFORMAT, HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_column_pick_codes(const struct hin_column_data *c, uint32_t at,
						 const uint8_t *bytes, size_t size,
						 const uint32_t *rows, size_t count, uint64_t *out);

/* What such codes stand for, in their place; of DICT the summary is held. The same codes. */
HIN_MUST_USE enum hin_code hin_column_pick_values(struct hin_column_data *c, uint64_t *values,
						  size_t count);

/*
 * How many values of the dictionary lie below `value` (as kept, from base and by scale); when the
 * summary is held. HIN_EFORMAT.
 */
HIN_MUST_USE enum hin_code hin_column_rank(const struct hin_column_data *c, uint64_t value,
					   uint32_t *out);

/* Number `i`; for DICT and the shapes but BYTES, when all pieces are there. */
static inline uint64_t hin_column_at(const struct hin_column_data *c, size_t i)
{
	switch (c->part.shape) {
	case HIN_SHAPE_DICT:
		return c->part.base + c->part.scale * c->dict[c->codes[i]];
	case HIN_SHAPE_OFFSETS:
		return c->part.base + c->part.scale * c->codes[i];
	case HIN_SHAPE_WIDE:
		return c->part.base + c->part.scale * c->wide[i];
	default:
		return c->part.base;
	}
}
