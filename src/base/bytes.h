/*
 * bytes - a checked reader and a checked writer over memory.
 *
 * A read that does not fit gives zero, sets `failed` and empties the reader, so loops over `left`
 * end and one check covers a group of reads. A write that does not fit sets `failed` and writes
 * nothing more. Fields with a length of their own are read in a sub-reader.
 *
 * Ownership: both borrow the caller's memory.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include <string.h>

#include "base/error.h"

struct hin_reader {
	const uint8_t *pos; /* borrowed, never NULL */
	size_t left;
	bool failed; /* stays set once a read did not fit */
};

static inline struct hin_reader hin_reader_of(const void *data, size_t size)
{
	static const uint8_t nothing[1];

	return (struct hin_reader){ .pos = data != NULL ? data : nothing,
				    .left = data != NULL ? size : 0 };
}

/* Take `size` bytes: a pointer to them, or NULL with `failed` set. */
static inline const uint8_t *hin_read_bytes(struct hin_reader *in, size_t size)
{
	const uint8_t *at = in->pos;

	if (HIN_UNLIKELY(size > in->left)) {
		in->failed = true;
		in->left = 0;
		return NULL;
	}
	in->pos += size;
	in->left -= size;
	return at;
}

static inline void hin_read_skip(struct hin_reader *in, size_t size)
{
	(void)hin_read_bytes(in, size);
}

/* A reader over the next `size` bytes; `in` moves past them. Empty, with both failed, if too few.
 */
static inline struct hin_reader hin_read_sub(struct hin_reader *in, size_t size)
{
	const uint8_t *at = hin_read_bytes(in, size);
	struct hin_reader sub = hin_reader_of(at, at != NULL ? size : 0);

	sub.failed = at == NULL;
	return sub;
}

/* Copy `size` bytes to `out`, or fill it with zeros and fail. */
static inline void hin_read_copy(struct hin_reader *in, void *out, size_t size)
{
	const uint8_t *at = hin_read_bytes(in, size);

	if (at != NULL)
		memcpy(out, at, size);
	else
		memset(out, 0, size);
}

#define HIN_READ_WIRE(name, type, swap)                                                            \
	static inline type name(struct hin_reader *in)                                             \
	{                                                                                          \
		type value;                                                                        \
		const uint8_t *at = hin_read_bytes(in, sizeof(value));                             \
                                                                                                   \
		if (HIN_UNLIKELY(at == NULL))                                                      \
			return 0;                                                                  \
		memcpy(&value, at, sizeof(value));                                                 \
		return swap(value);                                                                \
	}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HIN_BE16(x) __builtin_bswap16(x)
#define HIN_BE32(x) __builtin_bswap32(x)
#define HIN_BE64(x) __builtin_bswap64(x)
#define HIN_LE16(x) (x)
#define HIN_LE32(x) (x)
#define HIN_LE64(x) (x)
#else
#define HIN_BE16(x) (x)
#define HIN_BE32(x) (x)
#define HIN_BE64(x) (x)
#define HIN_LE16(x) __builtin_bswap16(x)
#define HIN_LE32(x) __builtin_bswap32(x)
#define HIN_LE64(x) __builtin_bswap64(x)
#endif
#define HIN_SAME(x) (x)

HIN_READ_WIRE(hin_read_u8, uint8_t, HIN_SAME)
HIN_READ_WIRE(hin_read_be16, uint16_t, HIN_BE16)
HIN_READ_WIRE(hin_read_be32, uint32_t, HIN_BE32)
HIN_READ_WIRE(hin_read_be64, uint64_t, HIN_BE64)
HIN_READ_WIRE(hin_read_le16, uint16_t, HIN_LE16)
HIN_READ_WIRE(hin_read_le32, uint32_t, HIN_LE32)
HIN_READ_WIRE(hin_read_le64, uint64_t, HIN_LE64)
#undef HIN_READ_WIRE

struct hin_writer {
	uint8_t *start; /* borrowed */
	size_t size;	/* of the memory at `start` */
	size_t used;
	bool failed; /* stays set once a write did not fit */
};

static inline struct hin_writer hin_writer_of(void *memory, size_t size)
{
	return (struct hin_writer){ .start = memory, .size = memory != NULL ? size : 0 };
}

/* Reserve `size` bytes and return where they start, or NULL with `failed` set. */
static inline uint8_t *hin_write_reserve(struct hin_writer *out, size_t size)
{
	uint8_t *at;

	if (HIN_UNLIKELY(out->failed || size > out->size - out->used)) {
		out->failed = true;
		return NULL;
	}
	at = out->start + out->used;
	out->used += size;
	return at;
}

static inline void hin_write_bytes(struct hin_writer *out, const void *data, size_t size)
{
	uint8_t *at = hin_write_reserve(out, size);

	if (at != NULL && size > 0)
		memcpy(at, data, size);
}

#define HIN_WRITE_WIRE(name, type, swap)                                                           \
	static inline void name(struct hin_writer *out, type value)                                \
	{                                                                                          \
		value = swap(value);                                                               \
		hin_write_bytes(out, &value, sizeof(value));                                       \
	}

HIN_WRITE_WIRE(hin_write_u8, uint8_t, HIN_SAME)
HIN_WRITE_WIRE(hin_write_be16, uint16_t, HIN_BE16)
HIN_WRITE_WIRE(hin_write_be32, uint32_t, HIN_BE32)
HIN_WRITE_WIRE(hin_write_be64, uint64_t, HIN_BE64)
HIN_WRITE_WIRE(hin_write_le16, uint16_t, HIN_LE16)
HIN_WRITE_WIRE(hin_write_le32, uint32_t, HIN_LE32)
HIN_WRITE_WIRE(hin_write_le64, uint64_t, HIN_LE64)
#undef HIN_WRITE_WIRE
#undef HIN_SAME
