/* ssh_cipher - see ssh_cipher.h */
#include "decoy/ssh/ssh_cipher.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/bytes.h"
#include "decoy/ssh/ssh_umac.h"

/* libcrypto's ciphers that are used, each with a context in each thread. */
enum {
	AES128_CTR,
	AES192_CTR,
	AES256_CTR,
	AES128_CBC,
	AES192_CBC,
	AES256_CBC,
	TRIPLE_DES_CBC,
	AES128_GCM,
	AES256_GCM,
	CHACHA20,
	CONTEXTS
};

static const char *const context_names[CONTEXTS] = {
	[AES128_CTR] = "AES-128-CTR",	   [AES192_CTR] = "AES-192-CTR",
	[AES256_CTR] = "AES-256-CTR",	   [AES128_CBC] = "AES-128-CBC",
	[AES192_CBC] = "AES-192-CBC",	   [AES256_CBC] = "AES-256-CBC",
	[AES128_GCM] = "AES-128-GCM",	   [AES256_GCM] = "AES-256-GCM",
	[TRIPLE_DES_CBC] = "DES-EDE3-CBC", [CHACHA20] = "ChaCha20",
};

static const struct hin_ssh_cipher ciphers[] = {
	{ "chacha20-poly1305@openssh.com", HIN_SSH_CHACHA, 64, 0, 8, 16, CHACHA20 },
	{ "aes128-ctr", HIN_SSH_CTR, 16, 16, 16, 0, AES128_CTR },
	{ "aes192-ctr", HIN_SSH_CTR, 24, 16, 16, 0, AES192_CTR },
	{ "aes256-ctr", HIN_SSH_CTR, 32, 16, 16, 0, AES256_CTR },
	{ "aes128-gcm@openssh.com", HIN_SSH_GCM, 16, 12, 16, 16, AES128_GCM },
	{ "aes256-gcm@openssh.com", HIN_SSH_GCM, 32, 12, 16, 16, AES256_GCM },
	{ "aes128-cbc", HIN_SSH_CBC, 16, 16, 16, 0, AES128_CBC },
	{ "aes192-cbc", HIN_SSH_CBC, 24, 16, 16, 0, AES192_CBC },
	{ "aes256-cbc", HIN_SSH_CBC, 32, 16, 16, 0, AES256_CBC },
	{ "rijndael-cbc@lysator.liu.se", HIN_SSH_CBC, 32, 16, 16, 0, AES256_CBC },
	{ "3des-cbc", HIN_SSH_CBC, 24, 8, 8, 0, TRIPLE_DES_CBC },
};

enum { MD5, SHA1, SHA256, SHA512, RIPEMD, HASHES, UMAC };

static const char *const hash_names[HASHES] = { "MD5", "SHA1", "SHA256", "SHA512", "RIPEMD160" };

static const struct hin_ssh_mac macs[] = {
	{ "umac-64-etm@openssh.com", 16, 8, true, UMAC },
	{ "umac-128-etm@openssh.com", 16, 16, true, UMAC },
	{ "hmac-sha2-256-etm@openssh.com", 32, 32, true, SHA256 },
	{ "hmac-sha2-512-etm@openssh.com", 64, 64, true, SHA512 },
	{ "hmac-sha1-etm@openssh.com", 20, 20, true, SHA1 },
	{ "hmac-sha1-96-etm@openssh.com", 20, 12, true, SHA1 },
	{ "hmac-md5-etm@openssh.com", 16, 16, true, MD5 },
	{ "hmac-md5-96-etm@openssh.com", 16, 12, true, MD5 },
	{ "hmac-ripemd160-etm@openssh.com", 20, 20, true, RIPEMD },
	{ "umac-64@openssh.com", 16, 8, false, UMAC },
	{ "umac-128@openssh.com", 16, 16, false, UMAC },
	{ "hmac-sha2-256", 32, 32, false, SHA256 },
	{ "hmac-sha2-512", 64, 64, false, SHA512 },
	{ "hmac-sha1", 20, 20, false, SHA1 },
	{ "hmac-sha1-96", 20, 12, false, SHA1 },
	{ "hmac-md5", 16, 16, false, MD5 },
	{ "hmac-md5-96", 16, 12, false, MD5 },
	{ "hmac-ripemd160", 20, 20, false, RIPEMD },
	{ "hmac-ripemd160@openssh.com", 20, 20, false, RIPEMD },
};

const struct hin_ssh_cipher *hin_ssh_cipher_find(const char *name)
{
	for (size_t i = 0; i < HIN_COUNT(ciphers); i++) {
		if (strcmp(ciphers[i].name, name) == 0)
			return &ciphers[i];
	}
	return NULL;
}

const struct hin_ssh_mac *hin_ssh_mac_find(const char *name)
{
	for (size_t i = 0; i < HIN_COUNT(macs); i++) {
		if (strcmp(macs[i].name, name) == 0)
			return &macs[i];
	}
	return NULL;
}

void hin_ssh_keys_clear(struct hin_ssh_keys *keys)
{
	explicit_bzero(keys, sizeof(*keys));
}

size_t hin_ssh_keys_block(const struct hin_ssh_keys *keys)
{
	return keys->cipher != NULL ? keys->cipher->block_size : 8;
}

size_t hin_ssh_keys_trailer(const struct hin_ssh_keys *keys)
{
	if (keys->cipher == NULL)
		return 0;
	return keys->cipher->tag_size > 0 ? keys->cipher->tag_size : keys->mac->size;
}

size_t hin_ssh_keys_clear_size(const struct hin_ssh_keys *keys)
{
	if (keys->cipher == NULL)
		return 0;
	return keys->cipher->tag_size > 0 || keys->mac->etm ? 4 : 0;
}

/* ---- libcrypto's contexts, until the thread ends ---- */

/* NULL without memory. */
static EVP_CIPHER_CTX *cipher_context(unsigned which)
{
	static _Thread_local EVP_CIPHER_CTX *contexts[CONTEXTS];
	EVP_CIPHER_CTX *ctx = contexts[which];
	EVP_CIPHER *cipher;

	if (HIN_LIKELY(ctx != NULL))
		return ctx;
	cipher = EVP_CIPHER_fetch(NULL, context_names[which], NULL);
	ctx = EVP_CIPHER_CTX_new();
	if (cipher == NULL || ctx == NULL ||
	    EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, 1, NULL) != 1) {
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_CIPHER_free(cipher);
	contexts[which] = ctx;
	return ctx;
}

static EVP_MAC_CTX *mac_context(const char *mac_name, const char *digest)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, mac_name, NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);

	EVP_MAC_free(mac);
	if (ctx != NULL && digest != NULL) {
		char name[16];
		OSSL_PARAM params[2] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
									  name, 0),
					 OSSL_PARAM_construct_end() };

		strcpy(name, digest);
		if (EVP_MAC_CTX_set_params(ctx, params) != 1) {
			EVP_MAC_CTX_free(ctx);
			ctx = NULL;
		}
	}
	return ctx;
}

static EVP_MAC_CTX *hmac_context(unsigned hash)
{
	static _Thread_local EVP_MAC_CTX *contexts[HASHES];

	if (contexts[hash] == NULL)
		contexts[hash] = mac_context("HMAC", hash_names[hash]);
	return contexts[hash];
}

static EVP_MAC_CTX *poly1305_context(void)
{
	static _Thread_local EVP_MAC_CTX *context;

	if (context == NULL)
		context = mac_context("POLY1305", NULL);
	return context;
}

static bool crypt(const struct hin_ssh_keys *keys, bool seal, const uint8_t *iv, const uint8_t *in,
		  uint8_t *out, size_t size)
{
	EVP_CIPHER_CTX *ctx = cipher_context(keys->cipher->context);
	int done;

	return ctx != NULL && EVP_CipherInit_ex2(ctx, NULL, keys->key, iv, seal, NULL) == 1 &&
	       EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	       EVP_CipherUpdate(ctx, out, &done, in, (int)size) == 1;
}

/* ---- MACs ---- */

static bool compute_mac(const struct hin_ssh_keys *keys, const uint8_t *data, size_t size,
			uint8_t out[HIN_SSH_TAG_MAX])
{
	const struct hin_ssh_mac *mac = keys->mac;
	uint32_t number = HIN_BE32(keys->sequence);
	EVP_MAC_CTX *ctx;
	size_t done;

	if (mac->hash == UMAC)
		return hin_ssh_umac(keys->mac_key, keys->sequence, data, size, out, mac->size) ==
		       HIN_OK;
	ctx = hmac_context(mac->hash);
	return ctx != NULL && EVP_MAC_init(ctx, keys->mac_key, mac->key_size, NULL) == 1 &&
	       EVP_MAC_update(ctx, (const uint8_t *)&number, sizeof(number)) == 1 &&
	       EVP_MAC_update(ctx, data, size) == 1 &&
	       EVP_MAC_final(ctx, out, &done, HIN_SSH_TAG_MAX) == 1;
}

/* ---- chacha20-poly1305@openssh.com ---- */

static bool chacha(const uint8_t *key, uint32_t sequence, uint8_t counter, const uint8_t *in,
		   uint8_t *out, size_t size)
{
	EVP_CIPHER_CTX *ctx = cipher_context(CHACHA20);
	uint8_t iv[16] = { counter };
	uint64_t number = HIN_BE64((uint64_t)sequence);
	int done;

	memcpy(iv + 8, &number, sizeof(number));
	return ctx != NULL && EVP_CipherInit_ex2(ctx, NULL, key, iv, 1, NULL) == 1 &&
	       EVP_CipherUpdate(ctx, out, &done, in, (int)size) == 1;
}

static bool chacha_tag(const struct hin_ssh_keys *keys, const uint8_t *data, size_t size,
		       uint8_t tag[16])
{
	EVP_MAC_CTX *ctx = poly1305_context();
	uint8_t poly_key[32] = { 0 };
	size_t done;
	bool good;

	good = ctx != NULL && chacha(keys->key, keys->sequence, 0, poly_key, poly_key, 32) &&
	       EVP_MAC_init(ctx, poly_key, sizeof(poly_key), NULL) == 1 &&
	       EVP_MAC_update(ctx, data, size) == 1 && EVP_MAC_final(ctx, tag, &done, 16) == 1;
	explicit_bzero(poly_key, sizeof(poly_key));
	return good;
}

/* The length has a key of its own, the second half. */
static bool chacha_length(const struct hin_ssh_keys *keys, const uint8_t *in, uint8_t *out)
{
	return chacha(keys->key + 32, keys->sequence, 0, in, out, 4);
}

static bool seal_chacha(struct hin_ssh_keys *keys, uint8_t *packet, size_t size)
{
	return chacha_length(keys, packet, packet) &&
	       chacha(keys->key, keys->sequence, 1, packet + 4, packet + 4, size - 4) &&
	       chacha_tag(keys, packet, size, packet + size);
}

static enum hin_code open_chacha(struct hin_ssh_keys *keys, uint8_t *in, size_t size)
{
	uint8_t tag[16];

	if (!chacha_tag(keys, in, size, tag))
		return HIN_ENOMEM;
	if (CRYPTO_memcmp(tag, in + size, sizeof(tag)) != 0)
		return HIN_EVERIFY;
	return chacha_length(keys, in, in) &&
			       chacha(keys->key, keys->sequence, 1, in + 4, in + 4, size - 4)
		       ? HIN_OK
		       : HIN_ENOMEM;
}

/* ---- AES-GCM (RFC 5647) ---- */

static void next_gcm_nonce(struct hin_ssh_keys *keys)
{
	for (int i = 11; i >= 4; i--) {
		if (++keys->iv[i] != 0)
			break;
	}
}

static enum hin_code crypt_gcm(struct hin_ssh_keys *keys, bool seal, uint8_t *packet, size_t size)
{
	EVP_CIPHER_CTX *ctx = cipher_context(keys->cipher->context);
	int done, tag_size = keys->cipher->tag_size;

	if (ctx == NULL || EVP_CipherInit_ex2(ctx, NULL, keys->key, keys->iv, seal, NULL) != 1 ||
	    EVP_CipherUpdate(ctx, NULL, &done, packet, 4) != 1)
		return HIN_ENOMEM;
	if (!seal && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, tag_size, packet + size) != 1)
		return HIN_ENOMEM;
	if (EVP_CipherUpdate(ctx, packet + 4, &done, packet + 4, (int)size - 4) != 1)
		return HIN_ENOMEM;
	if (EVP_CipherFinal_ex(ctx, packet + size, &done) != 1)
		return seal ? HIN_ENOMEM : HIN_EVERIFY;
	if (seal && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, tag_size, packet + size) != 1)
		return HIN_ENOMEM;
	next_gcm_nonce(keys);
	return HIN_OK;
}

/* ---- CTR and CBC with a MAC ---- */

/* The state behind `size` bytes, of which the last encrypted block is at `last`. */
static void advance(struct hin_ssh_keys *keys, size_t size, const uint8_t *last)
{
	size_t blocks = size / keys->cipher->block_size;

	if (keys->cipher->kind == HIN_SSH_CBC) {
		memcpy(keys->iv, last, keys->cipher->block_size);
		return;
	}
	for (int i = HIN_SSH_BLOCK_MAX - 1; i >= 0 && blocks > 0; i--) {
		blocks += keys->iv[i];
		keys->iv[i] = (uint8_t)blocks;
		blocks >>= 8;
	}
}

/* Encrypt or decrypt in place, and go on to the next block. */
static bool crypt_blocks(struct hin_ssh_keys *keys, bool seal, uint8_t *data, size_t size)
{
	size_t block = keys->cipher->block_size;
	uint8_t last[HIN_SSH_BLOCK_MAX];

	if (size == 0)
		return true;
	if (!seal)
		memcpy(last, data + size - block, block);
	if (!crypt(keys, seal, keys->iv, data, data, size))
		return false;
	if (seal)
		memcpy(last, data + size - block, block);
	advance(keys, size, last);
	return true;
}

static bool seal_mac(struct hin_ssh_keys *keys, uint8_t *packet, size_t size)
{
	size_t clear = keys->mac->etm ? 4 : 0;
	uint8_t tag[HIN_SSH_TAG_MAX];

	if (!keys->mac->etm && !compute_mac(keys, packet, size, tag))
		return false;
	if (!crypt_blocks(keys, true, packet + clear, size - clear))
		return false;
	if (keys->mac->etm && !compute_mac(keys, packet, size, tag))
		return false;
	memcpy(packet + size, tag, keys->mac->size);
	return true;
}

static enum hin_code open_mac(struct hin_ssh_keys *keys, uint8_t *in, size_t size)
{
	size_t clear = keys->mac->etm ? 4 : 0;
	uint8_t tag[HIN_SSH_TAG_MAX];

	if (keys->mac->etm) {
		if (!compute_mac(keys, in, size, tag))
			return HIN_ENOMEM;
		if (CRYPTO_memcmp(tag, in + size, keys->mac->size) != 0)
			return HIN_EVERIFY;
	}
	if (!crypt_blocks(keys, false, in + clear, size - clear))
		return HIN_ENOMEM;
	if (keys->mac->etm)
		return HIN_OK;
	if (!compute_mac(keys, in, size, tag))
		return HIN_ENOMEM;
	return CRYPTO_memcmp(tag, in + size, keys->mac->size) == 0 ? HIN_OK : HIN_EVERIFY;
}

/* ---- packets ---- */

enum hin_code hin_ssh_seal(struct hin_ssh_keys *keys, uint8_t *packet, size_t size)
{
	enum hin_code code = HIN_OK;

	if (keys->cipher == NULL)
		code = HIN_OK;
	else if (keys->cipher->kind == HIN_SSH_CHACHA)
		code = seal_chacha(keys, packet, size) ? HIN_OK : HIN_ENOMEM;
	else if (keys->cipher->kind == HIN_SSH_GCM)
		code = crypt_gcm(keys, true, packet, size);
	else
		code = seal_mac(keys, packet, size) ? HIN_OK : HIN_ENOMEM;
	keys->sequence++;
	return code;
}

enum hin_code hin_ssh_peek(const struct hin_ssh_keys *keys, const uint8_t *in, uint32_t *length)
{
	uint8_t block[HIN_SSH_BLOCK_MAX];
	struct hin_reader reader;

	memcpy(block, in, 4);
	if (keys->cipher != NULL) {
		if (keys->cipher->kind == HIN_SSH_CHACHA) {
			if (!chacha_length(keys, in, block))
				return HIN_ENOMEM;
		} else if (hin_ssh_keys_clear_size(keys) == 0) {
			if (!crypt(keys, false, keys->iv, in, block, keys->cipher->block_size))
				return HIN_ENOMEM;
		}
	}
	reader = hin_reader_of(block, 4);
	*length = hin_read_be32(&reader);
	return HIN_OK;
}

enum hin_code hin_ssh_open(struct hin_ssh_keys *keys, uint8_t *in, size_t size)
{
	enum hin_code code = HIN_OK;

	if (keys->cipher == NULL)
		code = HIN_OK;
	else if (keys->cipher->kind == HIN_SSH_CHACHA)
		code = open_chacha(keys, in, size);
	else if (keys->cipher->kind == HIN_SSH_GCM)
		code = crypt_gcm(keys, false, in, size);
	else
		code = open_mac(keys, in, size);
	keys->sequence++;
	return code;
}
