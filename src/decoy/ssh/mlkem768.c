/* mlkem768 - see mlkem768.h; names and numbers of algorithms are those of FIPS 203 */
#include "decoy/ssh/mlkem768.h"

#include <openssl/evp.h>
#include <string.h>

#define N 256
#define Q 3329
#define RANK 3
#define POLY_BYTES 384 /* of twelve bits a coefficient */
#define XOF_BYTES 1344 /* enough for 256 numbers below Q but once in 2^200 */
#define NTT_SCALE 3303 /* 1 / 128 */

struct poly {
	uint32_t c[N]; /* below Q */
};

static bool shake(const char *name, const uint8_t *in, size_t in_size, uint8_t *out, size_t size)
{
	EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = md != NULL && ctx != NULL && EVP_DigestInit_ex2(ctx, md, NULL) == 1 &&
		    EVP_DigestUpdate(ctx, in, in_size) == 1 &&
		    EVP_DigestFinalXOF(ctx, out, size) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_MD_free(md);
	return good;
}

static uint32_t zeta(unsigned k)
{
	static uint32_t zetas[N / 2];

	if (zetas[0] == 0) {
		for (unsigned i = N / 2;
		     i-- > 0;) { /* the first last: it says that all are there */
			unsigned reversed = 0;
			uint32_t power = 1;

			for (unsigned bit = 0; bit < 7; bit++)
				reversed |= (i >> bit & 1) << (6 - bit);
			while (reversed-- > 0)
				power = power * 17 % Q;
			zetas[i] = power;
		}
	}
	return zetas[k];
}

/* Algorithm 9. */
static void ntt(struct poly *f)
{
	unsigned k = 1;

	for (unsigned size = 128; size >= 2; size /= 2) {
		for (unsigned start = 0; start < N; start += 2 * size) {
			uint32_t z = zeta(k++);

			for (unsigned j = start; j < start + size; j++) {
				uint32_t t = z * f->c[j + size] % Q;

				f->c[j + size] = (f->c[j] + Q - t) % Q;
				f->c[j] = (f->c[j] + t) % Q;
			}
		}
	}
}

/* Algorithm 10. */
static void ntt_inverse(struct poly *f)
{
	unsigned k = 127;

	for (unsigned size = 2; size <= 128; size *= 2) {
		for (unsigned start = 0; start < N; start += 2 * size) {
			uint32_t z = zeta(k--);

			for (unsigned j = start; j < start + size; j++) {
				uint32_t t = f->c[j];

				f->c[j] = (t + f->c[j + size]) % Q;
				f->c[j + size] = z * (f->c[j + size] + Q - t) % Q;
			}
		}
	}
	for (unsigned j = 0; j < N; j++)
		f->c[j] = f->c[j] * NTT_SCALE % Q;
}

/* Algorithm 11, added to `out`. */
static void multiply_add(struct poly *out, const struct poly *f, const struct poly *g)
{
	for (unsigned i = 0; i < N / 2; i++) {
		uint32_t gamma = zeta(64 + i / 2);
		const uint32_t *a = &f->c[2 * i], *b = &g->c[2 * i];

		if (i % 2 != 0)
			gamma = Q - gamma;
		out->c[2 * i] = (out->c[2 * i] + a[0] * b[0] + a[1] * b[1] % Q * gamma) % Q;
		out->c[2 * i + 1] = (out->c[2 * i + 1] + a[0] * b[1] + a[1] * b[0]) % Q;
	}
}

/* Algorithm 7: an entry of the matrix. */
static bool sample_ntt(struct poly *out, const uint8_t rho[32], unsigned a, unsigned b)
{
	uint8_t seed[34], stream[XOF_BYTES];
	unsigned used = 0;

	memcpy(seed, rho, 32);
	seed[32] = (uint8_t)a;
	seed[33] = (uint8_t)b;
	if (!shake("SHAKE128", seed, sizeof(seed), stream, sizeof(stream)))
		return false;
	for (unsigned i = 0; i < XOF_BYTES && used < N; i += 3) {
		uint32_t first = stream[i] | (stream[i + 1] & 15u) << 8;
		uint32_t second = stream[i + 1] >> 4 | (uint32_t)stream[i + 2] << 4;

		if (first < Q)
			out->c[used++] = first;
		if (second < Q && used < N)
			out->c[used++] = second;
	}
	return used == N;
}

/* Algorithm 8 with eta 2, of the stream of r and `number`. */
static bool sample_noise(struct poly *out, const uint8_t r[32], unsigned number)
{
	uint8_t seed[33], bytes[128];

	memcpy(seed, r, 32);
	seed[32] = (uint8_t)number;
	if (!shake("SHAKE256", seed, sizeof(seed), bytes, sizeof(bytes)))
		return false;
	for (unsigned i = 0; i < N; i++) {
		unsigned bits = bytes[i / 2] >> (i % 2 * 4) & 15;
		unsigned x = (bits & 1) + (bits >> 1 & 1), y = (bits >> 2 & 1) + (bits >> 3);

		out->c[i] = (x + Q - y) % Q;
	}
	return true;
}

static void add(struct poly *f, const struct poly *g)
{
	for (unsigned i = 0; i < N; i++)
		f->c[i] = (f->c[i] + g->c[i]) % Q;
}

/* False when a number is not below Q. */
static bool decode_key(struct poly *out, const uint8_t in[POLY_BYTES])
{
	for (unsigned i = 0; i < N / 2; i++) {
		const uint8_t *b = in + 3 * i;

		out->c[2 * i] = b[0] | (b[1] & 15u) << 8;
		out->c[2 * i + 1] = b[1] >> 4 | (uint32_t)b[2] << 4;
		if (out->c[2 * i] >= Q || out->c[2 * i + 1] >= Q)
			return false;
	}
	return true;
}

/* Compress to `bits` bits a coefficient, and pack. */
static uint8_t *encode(uint8_t *out, const struct poly *f, unsigned bits)
{
	uint32_t held = 0;
	unsigned count = 0;

	for (unsigned i = 0; i < N; i++) {
		uint32_t value = ((f->c[i] << bits) + Q / 2) / Q & ((1u << bits) - 1);

		held |= value << count;
		for (count += bits; count >= 8; count -= 8, held >>= 8)
			*out++ = (uint8_t)held;
	}
	return out;
}

/* Algorithm 14. */
static enum hin_code encrypt(uint8_t *out, const uint8_t *key, const uint8_t m[32],
			     const uint8_t r[32])
{
	struct poly t[RANK], y[RANK], entry, noise, sum;

	for (unsigned i = 0; i < RANK; i++) {
		if (!decode_key(&t[i], key + i * POLY_BYTES))
			return HIN_EFORMAT;
		if (!sample_noise(&y[i], r, i))
			return HIN_ENOMEM;
		ntt(&y[i]);
	}
	for (unsigned i = 0; i < RANK; i++) {
		memset(&sum, 0, sizeof(sum));
		for (unsigned j = 0; j < RANK; j++) {
			if (!sample_ntt(&entry, key + RANK * POLY_BYTES, i, j))
				return HIN_ENOMEM;
			multiply_add(&sum, &entry, &y[j]);
		}
		ntt_inverse(&sum);
		if (!sample_noise(&noise, r, RANK + i))
			return HIN_ENOMEM;
		add(&sum, &noise);
		out = encode(out, &sum, 10);
	}
	memset(&sum, 0, sizeof(sum));
	for (unsigned j = 0; j < RANK; j++)
		multiply_add(&sum, &t[j], &y[j]);
	ntt_inverse(&sum);
	if (!sample_noise(&noise, r, 2 * RANK))
		return HIN_ENOMEM;
	add(&sum, &noise);
	for (unsigned i = 0; i < N; i++)
		sum.c[i] = (sum.c[i] + (m[i / 8] >> (i % 8) & 1) * ((Q + 1) / 2)) % Q;
	encode(out, &sum, 4);
	return HIN_OK;
}

enum hin_code hin_mlkem768_encapsulate(uint8_t ciphertext[HIN_MLKEM768_CIPHERTEXT],
				       uint8_t secret[HIN_MLKEM768_SECRET],
				       const uint8_t public_key[HIN_MLKEM768_PUBLIC],
				       const uint8_t random[32])
{
	uint8_t both[64], digest[64];
	enum hin_code code;
	size_t size;

	memcpy(both, random, 32);
	if (EVP_Q_digest(NULL, "SHA3-256", NULL, public_key, HIN_MLKEM768_PUBLIC, both + 32,
			 &size) != 1 ||
	    EVP_Q_digest(NULL, "SHA3-512", NULL, both, sizeof(both), digest, &size) != 1)
		return HIN_ENOMEM;
	code = encrypt(ciphertext, public_key, random, digest + 32);
	memcpy(secret, digest, HIN_MLKEM768_SECRET);
	explicit_bzero(digest, sizeof(digest));
	explicit_bzero(both, sizeof(both));
	return code;
}
