/* sntrup761 - see sntrup761.h */
#include "decoy/ssh/sntrup761.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define P 761
#define Q 4591
#define WEIGHT 286
#define SMALL_BYTES ((P + 3) / 4)
#define ROUNDED_BYTES 1007
#define HASH_BYTES 32
#define LIMIT 16384 /* ranges from which on a byte goes out */

/* The first half of SHA-512 of `prefix` and the data. */
static void hash_prefix(uint8_t out[HASH_BYTES], uint8_t prefix, const uint8_t *data, size_t size)
{
	uint8_t all[1 + HASH_BYTES + HIN_SNTRUP761_PUBLIC], digest[SHA512_DIGEST_LENGTH];

	all[0] = prefix;
	memcpy(all + 1, data, size);
	SHA512(all, size + 1, digest);
	memcpy(out, digest, HASH_BYTES);
}

/* ---- sequences of numbers below the ranges `m`, as bytes ---- */

static void encode(uint8_t *out, uint16_t *r, uint16_t *m, size_t count)
{
	size_t i, half;

	while (count > 1) {
		for (i = 0, half = 0; i + 1 < count; i += 2, half++) {
			uint32_t value = r[i] + r[i + 1] * (uint32_t)m[i];
			uint32_t range = m[i + 1] * (uint32_t)m[i];

			for (; range >= LIMIT; range = (range + 255) >> 8, value >>= 8)
				*out++ = (uint8_t)value;
			r[half] = (uint16_t)value;
			m[half] = (uint16_t)range;
		}
		if (i < count) {
			r[half] = r[i];
			m[half++] = m[i];
		}
		count = half;
	}
	for (uint32_t value = r[0], range = m[0]; range > 1;
	     range = (range + 255) >> 8, value >>= 8)
		*out++ = (uint8_t)value;
}

/* The range of a pair, and how many bytes of it stand before the rest. */
static uint16_t pair_range(uint32_t product, unsigned *bytes)
{
	for (*bytes = 0; product >= LIMIT; product = (product + 255) >> 8)
		(*bytes)++;
	return (uint16_t)product;
}

/* Inverse of encode(); numbers that are over their range are taken modulo it. */
static void decode(uint16_t *out, const uint8_t *in, const uint16_t *m, size_t count)
{
	uint16_t ranges[P / 2 + 1] = { 0 }, rest[P / 2 + 1];
	uint32_t low[P / 2 + 1];
	uint8_t shift[P / 2 + 1];
	size_t pairs = count / 2;

	if (count == 1) {
		uint32_t value = m[0] > 1 ? in[0] : 0;

		if (m[0] > 256)
			value += (uint32_t)in[1] << 8;
		out[0] = (uint16_t)(value % m[0]);
		return;
	}
	for (size_t i = 0; i < pairs; i++) {
		unsigned bytes;

		ranges[i] = pair_range(m[2 * i] * (uint32_t)m[2 * i + 1], &bytes);
		low[i] = 0;
		for (unsigned k = 0; k < bytes; k++)
			low[i] |= (uint32_t)*in++ << (8 * k);
		shift[i] = (uint8_t)(8 * bytes);
	}
	if (count % 2 != 0)
		ranges[pairs] = m[count - 1];
	decode(rest, in, ranges, pairs + count % 2);
	for (size_t i = 0; i < pairs; i++) {
		uint32_t value = low[i] + ((uint32_t)rest[i] << shift[i]);

		out[2 * i] = (uint16_t)(value % m[2 * i]);
		out[2 * i + 1] = (uint16_t)(value / m[2 * i] % m[2 * i + 1]);
	}
	if (count % 2 != 0)
		out[count - 1] = rest[pairs];
}

/* ---- polynomials modulo x^761 - x - 1 ---- */

static int compare_u32(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* A polynomial of WEIGHT coefficients 1 or -1 and zeros, in random order. */
static void short_of(int8_t out[P], const uint8_t *random)
{
	uint32_t list[P];

	memcpy(list, random, sizeof(list));
	for (size_t i = 0; i < P; i++) {
		list[i] = HIN_LE32(list[i]);
		list[i] = i < WEIGHT ? list[i] & ~1u : (list[i] & ~3u) | 1;
	}
	qsort(list, P, sizeof(list[0]), compare_u32);
	for (size_t i = 0; i < P; i++)
		out[i] = (int8_t)((int)(list[i] & 3) - 1);
}

static int32_t centred(int32_t value, int32_t modulus)
{
	value %= modulus;
	if (value > modulus / 2)
		value -= modulus;
	else if (value < -(modulus / 2))
		value += modulus;
	return value;
}

/* `out` = f g, coefficients centred modulo Q. */
static void multiply(int16_t out[P], const int16_t f[P], const int8_t g[P])
{
	int32_t sum[2 * P] = { 0 };

	for (size_t i = 0; i < P; i++) {
		if (g[i] == 0)
			continue;
		for (size_t j = 0; j < P; j++)
			sum[i + j] += f[j] * g[i];
	}
	for (size_t i = 2 * P - 2; i >= P; i--) {
		sum[i - P] += sum[i];
		sum[i - P + 1] += sum[i];
	}
	for (size_t i = 0; i < P; i++)
		out[i] = (int16_t)centred(sum[i], Q);
}

static void small_encode(uint8_t out[SMALL_BYTES], const int8_t f[P])
{
	memset(out, 0, SMALL_BYTES);
	for (size_t i = 0; i < P; i++)
		out[i / 4] |= (uint8_t)((f[i] + 1) << (i % 4 * 2));
}

/* The product of the key and the secret, rounded to multiples of three. */
static void encrypt(uint8_t out[ROUNDED_BYTES], const uint8_t *public_key, const int8_t r[P])
{
	uint16_t numbers[P], ranges[P];
	int16_t h[P], product[P];

	for (size_t i = 0; i < P; i++)
		ranges[i] = Q;
	decode(numbers, public_key, ranges, P);
	for (size_t i = 0; i < P; i++)
		h[i] = (int16_t)(numbers[i] - (Q - 1) / 2);
	multiply(product, h, r);
	for (size_t i = 0; i < P; i++) {
		int32_t rounded = product[i] - centred(product[i], 3);

		numbers[i] = (uint16_t)((rounded + (Q - 1) / 2) / 3);
		ranges[i] = (Q + 2) / 3;
	}
	encode(out, numbers, ranges, P);
}

void hin_sntrup761_encapsulate(uint8_t ciphertext[HIN_SNTRUP761_CIPHERTEXT],
			       uint8_t secret[HIN_SNTRUP761_SECRET],
			       const uint8_t public_key[HIN_SNTRUP761_PUBLIC],
			       const uint8_t random[HIN_SNTRUP761_RANDOM])
{
	int8_t r[P];
	uint8_t encoded[SMALL_BYTES], both[2 * HASH_BYTES];
	uint8_t session[HASH_BYTES + HIN_SNTRUP761_CIPHERTEXT];

	short_of(r, random);
	small_encode(encoded, r);
	encrypt(ciphertext, public_key, r);
	hash_prefix(both, 3, encoded, sizeof(encoded));
	hash_prefix(both + HASH_BYTES, 4, public_key, HIN_SNTRUP761_PUBLIC);
	hash_prefix(ciphertext + ROUNDED_BYTES, 2, both, sizeof(both));
	memcpy(session, both, HASH_BYTES);
	memcpy(session + HASH_BYTES, ciphertext, HIN_SNTRUP761_CIPHERTEXT);
	hash_prefix(secret, 1, session, sizeof(session));
	explicit_bzero(r, sizeof(r));
	explicit_bzero(encoded, sizeof(encoded));
}
