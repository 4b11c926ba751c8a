/*
 * wire_priv - what of the protocol buffers' wire format a batch needs: varints, keys and lengths.
 *
 * Writing goes to memory whose room the caller has made sure of: HIN_WIRE_SLACK bytes more than
 * what is written, because short numbers are stored as whole words.
 */
#pragma once
#include "base/bytes.h"

#define HIN_WIRE_SLACK 16
#define HIN_VARINT_MAX 10 /* bytes of the longest */

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

static inline uint64_t zigzag(uint64_t difference)
{
	return difference << 1 ^ (0 - (difference >> 63));
}

static inline uint64_t unzigzag(uint64_t value)
{
	return value >> 1 ^ (0 - (value & 1));
}

/* Store the low bytes of `value` at `at`; four are touched. */
static inline void put_low32(uint8_t *at, uint32_t value)
{
	value = HIN_LE32(value);
	memcpy(at, &value, sizeof(value));
}

/* Put a number below 2^21 without a branch. */
static inline uint8_t *put_short(uint8_t *at, uint32_t value)
{
	uint32_t two = value >= 1u << 7, three = value >= 1u << 14;

	put_low32(at, (value & 0x7f) | (value & 0x3f80) << 1 | (value & 0x1fc000) << 2 | two << 7 |
			      three << 15);
	return at + 1 + two + three;
}

static inline uint8_t *put_varint(uint8_t *at, uint64_t value)
{
	if (HIN_LIKELY(value < 1u << 21))
		return put_short(at, (uint32_t)value);
	for (; value >= 0x80; value >>= 7)
		*at++ = (uint8_t)(value | 0x80);
	*at++ = (uint8_t)value;
	return at;
}

static inline uint8_t *put_key(uint8_t *at, uint32_t field, uint32_t wire)
{
	return put_short(at, field << 3 | wire);
}

static inline size_t varint_size(uint64_t value)
{
	return (size_t)(64 - __builtin_clzll(value | 1) + 6) / 7;
}

/* Read a varint; more than ten bytes, or bits above 64, fail. */
static inline uint64_t read_varint(struct hin_reader *in)
{
	uint64_t value = 0;
	unsigned int shift = 0;

	while (in->left > 0) {
		uint8_t byte = *in->pos++;

		in->left--;
		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
		shift += 7;
	}
	in->failed = true;
	in->left = 0;
	return 0;
}

/* Read a field's value of length and bytes. */
static inline struct hin_reader read_delimited(struct hin_reader *in)
{
	uint64_t size = read_varint(in);

	return hin_read_sub(in, size > in->left ? SIZE_MAX : (size_t)size);
}

/* Skip a field's value of a wire type. */
static inline void skip_value(struct hin_reader *in, uint32_t wire)
{
	if (wire == WIRE_VARINT)
		(void)read_varint(in);
	else if (wire == WIRE_64)
		hin_read_skip(in, 8);
	else if (wire == WIRE_32)
		hin_read_skip(in, 4);
	else if (wire == WIRE_BYTES)
		(void)read_delimited(in);
	else
		hin_read_skip(in, SIZE_MAX);
}
