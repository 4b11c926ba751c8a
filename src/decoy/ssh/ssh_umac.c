/* ssh_umac - see ssh_umac.h */
#include "decoy/ssh/ssh_umac.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/bytes.h"

#define BLOCK 16	 /* of AES */
#define CHUNK 1024	 /* bytes that NH takes at once */
#define ITERATIONS_MAX 4 /* of umac-128 */

/* What KDF gives for each purpose, for the most iterations. */
struct keys {
	uint8_t l1[CHUNK + (ITERATIONS_MAX - 1) * 16];
	uint8_t l2[ITERATIONS_MAX * 24 + 8]; /* whole blocks are written */
	uint8_t l3[ITERATIONS_MAX * 64];
	uint8_t l3_xor[ITERATIONS_MAX * 4];
};

static uint64_t be64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return HIN_BE64(value);
}

static uint32_t be32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return HIN_BE32(value);
}

static uint32_t le32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return HIN_LE32(value);
}

/* RFC 4418, 3.2: `blocks` blocks of key for the purpose `index`. */
static bool derive(EVP_CIPHER_CTX *aes, uint64_t index, uint8_t *out, size_t blocks)
{
	int size;

	for (size_t i = 0; i < blocks; i++) {
		uint64_t pair[2] = { HIN_BE64(index), HIN_BE64((uint64_t)i + 1) };

		memcpy(out + i * BLOCK, pair, BLOCK);
	}
	return EVP_EncryptUpdate(aes, out, &size, out, (int)(blocks * BLOCK)) == 1;
}

/* RFC 4418, 5.2.2: of `size` bytes, padded with zeros to 32, under the key at `key`. */
static uint64_t nh(const uint8_t *key, const uint8_t *data, size_t size)
{
	uint64_t sum = 0;
	uint8_t last[32];

	for (size_t at = 0; at < size || at == 0; at += 32) {
		const uint8_t *m = data + at;

		if (size - at < 32) {
			memset(last, 0, sizeof(last));
			if (size > at)
				memcpy(last, data + at, size - at);
			m = last;
		}
		for (size_t i = 0; i < 4; i++) {
			uint32_t a = le32(m + 4 * i) + be32(key + at + 4 * i);
			uint32_t b = le32(m + 16 + 4 * i) + be32(key + at + 16 + 4 * i);

			sum += (uint64_t)a * b;
		}
	}
	return sum + (uint64_t)size * 8;
}

#define PRIME64 (UINT64_MAX - 58) /* 2^64 - 59 */

static uint64_t poly_step(uint64_t key, uint64_t y, uint64_t m)
{
	unsigned __int128 product = (unsigned __int128)key * y + m;

	return (uint64_t)(product % PRIME64);
}

/* RFC 4418, 5.3.2, of one word more. */
static uint64_t poly(uint64_t key, uint64_t y, uint64_t m)
{
	if (m >= UINT64_MAX - 0xffffffffu) { /* 2^64 - 2^32 */
		y = poly_step(key, y, PRIME64 - 1);
		m -= 59;
	}
	return poly_step(key, y, m);
}

#define PRIME36 ((1ull << 36) - 5)

/* RFC 4418, 5.4: 16 bytes, of which the first 8 are zeros, to 4. */
static uint32_t l3(const uint8_t *key, const uint8_t *key_xor, uint64_t b)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < 4; i++)
		sum += ((b >> (48 - 16 * i)) & 0xffff) * (be64(key + 32 + 8 * i) % PRIME36);
	return (uint32_t)(sum % PRIME36) ^ be32(key_xor);
}

static uint32_t hash(const struct keys *keys, size_t iteration, const uint8_t *data, size_t size)
{
	const uint8_t *l1 = keys->l1 + iteration * 16;
	const uint8_t *l3_key = keys->l3 + iteration * 64, *l3_xor = keys->l3_xor + iteration * 4;
	uint64_t key = be64(keys->l2 + iteration * 24) & 0x01ffffff01ffffffull;
	uint64_t y = 1;

	if (size <= CHUNK)
		return l3(l3_key, l3_xor, nh(l1, data, size));
	for (size_t at = 0; at < size; at += CHUNK)
		y = poly(key, y, nh(l1, data + at, size - at < CHUNK ? size - at : CHUNK));
	return l3(l3_key, l3_xor, y);
}

enum hin_code hin_ssh_umac(const uint8_t key[HIN_SSH_UMAC_KEY], uint64_t number, const void *data,
			   size_t size, uint8_t *tag, size_t tag_size)
{
	static _Thread_local EVP_CIPHER_CTX *aes; /* one for each thread, until it ends */
	size_t count = tag_size / 4, low = tag_size == 8 ? number & 1 : 0;
	uint8_t pad_key[BLOCK], pad[BLOCK] = { 0 };
	uint64_t nonce = HIN_BE64(number - low);
	struct keys keys;
	int pad_size;
	bool good;

	if (aes == NULL) {
		aes = EVP_CIPHER_CTX_new();
		if (aes == NULL ||
		    EVP_EncryptInit_ex2(aes, EVP_aes_128_ecb(), NULL, NULL, NULL) != 1) {
			EVP_CIPHER_CTX_free(aes);
			aes = NULL;
			return HIN_ENOMEM;
		}
	}
	memcpy(pad, &nonce, sizeof(nonce));
	good = EVP_EncryptInit_ex2(aes, NULL, key, NULL, NULL) == 1 &&
	       derive(aes, 1, keys.l1, (CHUNK + (count - 1) * 16) / BLOCK) &&
	       derive(aes, 2, keys.l2, (count * 24 + BLOCK - 1) / BLOCK) &&
	       derive(aes, 3, keys.l3, count * 64 / BLOCK) && derive(aes, 0, pad_key, 1);
	if (good) {
		uint8_t block[BLOCK];

		good = derive(aes, 4, block, 1);
		memcpy(keys.l3_xor, block, sizeof(keys.l3_xor));
	}
	good = good && EVP_EncryptInit_ex2(aes, NULL, pad_key, NULL, NULL) == 1 &&
	       EVP_EncryptUpdate(aes, pad, &pad_size, pad, BLOCK) == 1;
	if (!good)
		return HIN_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		uint32_t part = HIN_BE32(hash(&keys, i, data, size));

		memcpy(tag + 4 * i, &part, sizeof(part));
	}
	for (size_t i = 0; i < tag_size; i++)
		tag[i] ^= pad[low * 8 + i];
	return HIN_OK;
}
