/* ssh_exchange - see ssh_exchange.h */
#include "decoy/ssh/ssh_exchange.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/random.h>

#include "decoy/ssh/mlkem768.h"
#include "decoy/ssh/sntrup761.h"
#include "decoy/ssh/ssh_moduli.h"
#include "decoy/ssh/ssh_wire.h"

#define EXPONENT_BYTES 64 /* twice what the strongest cipher asks for */
#define POINT_MAX (1 + 2 * 66)
#define X25519_SIZE 32

#define DH HIN_SSH_EXCHANGE_DH
#define GROUP HIN_SSH_EXCHANGE_GROUP
#define ECDH HIN_SSH_EXCHANGE_ECDH
#define X25519 HIN_SSH_EXCHANGE_X25519
#define SNTRUP HIN_SSH_EXCHANGE_SNTRUP
#define MLKEM HIN_SSH_EXCHANGE_MLKEM

static const struct hin_ssh_exchange exchanges[] = {
	{ "curve25519-sha256", X25519, "SHA256", 32, 0, NULL },
	{ "curve25519-sha256@libssh.org", X25519, "SHA256", 32, 0, NULL },
	{ "mlkem768x25519-sha256", MLKEM, "SHA256", 32, 0, NULL },
	{ "sntrup761x25519-sha512", SNTRUP, "SHA512", 64, 0, NULL },
	{ "sntrup761x25519-sha512@openssh.com", SNTRUP, "SHA512", 64, 0, NULL },
	{ "ecdh-sha2-nistp256", ECDH, "SHA256", 32, 0, "P-256" },
	{ "ecdh-sha2-nistp384", ECDH, "SHA384", 48, 0, "P-384" },
	{ "ecdh-sha2-nistp521", ECDH, "SHA512", 64, 0, "P-521" },
	{ "diffie-hellman-group-exchange-sha256", GROUP, "SHA256", 32, 0, NULL },
	{ "diffie-hellman-group-exchange-sha1", GROUP, "SHA1", 20, 0, NULL },
	{ "diffie-hellman-group18-sha512", DH, "SHA512", 64, 8192, NULL },
	{ "diffie-hellman-group17-sha512", DH, "SHA512", 64, 6144, NULL },
	{ "diffie-hellman-group16-sha512", DH, "SHA512", 64, 4096, NULL },
	{ "diffie-hellman-group15-sha512", DH, "SHA512", 64, 3072, NULL },
	{ "diffie-hellman-group14-sha256", DH, "SHA256", 32, 2048, NULL },
	{ "diffie-hellman-group14-sha1", DH, "SHA1", 20, 2048, NULL },
	{ "diffie-hellman-group1-sha1", DH, "SHA1", 20, 1024, NULL },
};

const struct hin_ssh_exchange *hin_ssh_exchange_find(const char *name)
{
	for (size_t i = 0; i < HIN_COUNT(exchanges); i++) {
		if (strcmp(exchanges[i].name, name) == 0)
			return &exchanges[i];
	}
	return NULL;
}

/* ---- Diffie and Hellman ---- */

/* The prime of RFC 2409 and RFC 3526 with so many bits; NULL without memory. */
static BIGNUM *fixed_prime(unsigned bits)
{
	switch (bits) {
	case 1024:
		return BN_get_rfc2409_prime_1024(NULL);
	case 2048:
		return BN_get_rfc3526_prime_2048(NULL);
	case 3072:
		return BN_get_rfc3526_prime_3072(NULL);
	case 4096:
		return BN_get_rfc3526_prime_4096(NULL);
	case 6144:
		return BN_get_rfc3526_prime_6144(NULL);
	default:
		return BN_get_rfc3526_prime_8192(NULL);
	}
}

/* One of the groups of a size, by chance. */
static const struct hin_ssh_modulus *modulus_of(unsigned bits)
{
	size_t count = 0, first = 0;
	uint32_t chance = 0;

	for (size_t i = 0; i < hin_ssh_moduli_count; i++) {
		if (hin_ssh_moduli[i].bits != bits)
			continue;
		if (count++ == 0)
			first = i;
	}
	if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
		chance = 0;
	return &hin_ssh_moduli[first + chance % count];
}

enum hin_code hin_ssh_group_choose(struct hin_ssh_group *out, unsigned least, unsigned wanted,
				   unsigned most)
{
	const struct hin_ssh_modulus *modulus;
	BIGNUM *prime = NULL;
	unsigned best = 0;

	/* the smallest that is enough, else the largest that may be */
	for (size_t i = 0; i < hin_ssh_moduli_count; i++) {
		unsigned bits = hin_ssh_moduli[i].bits;

		if (bits >= least && bits <= most && best < wanted && bits > best)
			best = bits;
	}
	out->generator = 2;
	if (best == 0) { /* OpenSSH has groups of RFC 3526 for that, of a size not asked for */
		prime = fixed_prime(most < 3072 ? 2048 : most < 6144 ? 4096 : 8192);
		if (prime == NULL)
			return HIN_ENOMEM;
	} else {
		modulus = modulus_of(best);
		if (BN_hex2bn(&prime, modulus->prime) == 0)
			return HIN_ENOMEM;
		out->generator = modulus->generator;
	}
	out->size = (size_t)BN_bn2bin(prime, out->prime);
	BN_free(prime);
	return HIN_OK;
}

static enum hin_code put_bignum(const BIGNUM *number, struct hin_buffer *out)
{
	uint8_t bytes[HIN_SSH_GROUP_MAX];

	hin_ssh_put_mpint(out, bytes, (size_t)BN_bn2bin(number, bytes));
	explicit_bzero(bytes, sizeof(bytes));
	return out->failed ? HIN_ENOMEM : HIN_OK;
}

/* 1 < value < prime - 1, and not two bits alone, as OpenSSH asks. */
static bool is_public(const BIGNUM *value, const BIGNUM *prime)
{
	BIGNUM *most = BN_dup(prime);
	int bits = 0;
	bool good;

	good = most != NULL && BN_sub_word(most, 1) == 1 && BN_is_one(value) == 0 &&
	       BN_is_zero(value) == 0 && BN_cmp(value, most) < 0;
	for (int i = 0; good && i <= BN_num_bits(value); i++)
		bits += BN_is_bit_set(value, i);
	BN_free(most);
	return good && bits >= 4;
}

static enum hin_code answer_dh(const BIGNUM *prime, unsigned generator, const uint8_t *value,
			       size_t size, struct hin_buffer *reply, struct hin_buffer *secret)
{
	BN_CTX *ctx = BN_CTX_new();
	BN_MONT_CTX *mont = BN_MONT_CTX_new();
	BIGNUM *theirs = BN_bin2bn(value, (int)size, NULL), *x = BN_new(), *y = BN_new();
	enum hin_code code = HIN_ENOMEM;

	if (prime == NULL || ctx == NULL || mont == NULL || theirs == NULL || x == NULL ||
	    y == NULL)
		goto out;
	code = HIN_EFORMAT;
	if (!is_public(theirs, prime))
		goto out;
	code = HIN_ENOMEM;
	if (BN_rand(x, EXPONENT_BYTES * 8, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) != 1 ||
	    BN_MONT_CTX_set(mont, prime, ctx) != 1 || BN_set_word(y, generator) != 1 ||
	    BN_mod_exp_mont(y, y, x, prime, ctx, mont) != 1)
		goto out;
	code = put_bignum(y, reply);
	if (code != HIN_OK)
		goto out;
	code = HIN_ENOMEM;
	if (BN_mod_exp_mont(y, theirs, x, prime, ctx, mont) == 1)
		code = put_bignum(y, secret);
out:
	BN_clear_free(x);
	BN_clear_free(y);
	BN_free(theirs);
	BN_MONT_CTX_free(mont);
	BN_CTX_free(ctx);
	return code;
}

/* ---- elliptic curves ---- */

/* What our key and the client's point have in common, to `out` of `*size` bytes. */
static enum hin_code derive(EVP_PKEY *ours, EVP_PKEY *theirs, uint8_t *out, size_t *size)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(ours, NULL);
	enum hin_code code = HIN_ENOMEM;

	if (ctx != NULL && EVP_PKEY_derive_init(ctx) == 1)
		code = EVP_PKEY_derive_set_peer(ctx, theirs) == 1 &&
				       EVP_PKEY_derive(ctx, out, size) == 1
			       ? HIN_OK
			       : HIN_EFORMAT;
	EVP_PKEY_CTX_free(ctx);
	return code;
}

static enum hin_code answer_ecdh(const char *curve, const uint8_t *value, size_t size,
				 struct hin_buffer *reply, struct hin_buffer *secret)
{
	EVP_PKEY *ours = EVP_EC_gen(curve), *theirs = EVP_PKEY_new();
	uint8_t point[POINT_MAX];
	size_t point_size = sizeof(point);
	enum hin_code code = HIN_ENOMEM;

	if (ours == NULL || theirs == NULL || EVP_PKEY_copy_parameters(theirs, ours) != 1)
		goto out;
	code = HIN_EFORMAT;
	if (size == 0 || value[0] != 4 ||
	    EVP_PKEY_set1_encoded_public_key(theirs, value, size) != 1)
		goto out;
	code = HIN_ENOMEM;
	if (EVP_PKEY_get_octet_string_param(ours, "pub", point, sizeof(point), &point_size) != 1)
		goto out;
	hin_ssh_put_string(reply, point, point_size);
	point_size = sizeof(point);
	code = derive(ours, theirs, point, &point_size);
	if (code == HIN_OK)
		hin_ssh_put_mpint(secret, point, point_size);
out:
	explicit_bzero(point, sizeof(point));
	EVP_PKEY_free(ours);
	EVP_PKEY_free(theirs);
	return code;
}

/* Our public value and the common secret of X25519. */
static enum hin_code answer_x25519(const uint8_t value[X25519_SIZE], uint8_t ours[X25519_SIZE],
				   uint8_t secret[X25519_SIZE])
{
	uint8_t random[X25519_SIZE];
	EVP_PKEY *key = NULL, *theirs = NULL;
	size_t size = X25519_SIZE, secret_size = X25519_SIZE;
	enum hin_code code = HIN_ENOMEM;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return HIN_ESYS;
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, random, sizeof(random));
	theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, value, X25519_SIZE);
	if (key != NULL && theirs != NULL && EVP_PKEY_get_raw_public_key(key, ours, &size) == 1)
		code = derive(key, theirs, secret, &secret_size);
	explicit_bzero(random, sizeof(random));
	EVP_PKEY_free(key);
	EVP_PKEY_free(theirs);
	return code;
}

static enum hin_code answer_curve25519(const uint8_t *value, size_t size, struct hin_buffer *reply,
				       struct hin_buffer *secret)
{
	uint8_t ours[X25519_SIZE], common[X25519_SIZE];
	enum hin_code code;

	if (size != X25519_SIZE)
		return HIN_EFORMAT;
	code = answer_x25519(value, ours, common);
	if (code != HIN_OK)
		return code;
	hin_ssh_put_string(reply, ours, sizeof(ours));
	hin_ssh_put_mpint(secret, common, sizeof(common));
	explicit_bzero(common, sizeof(common));
	return HIN_OK;
}

static enum hin_code answer_sntrup(const uint8_t *value, size_t size, struct hin_buffer *reply,
				   struct hin_buffer *secret)
{
	uint8_t ours[HIN_SNTRUP761_CIPHERTEXT + X25519_SIZE];
	uint8_t both[HIN_SNTRUP761_SECRET + X25519_SIZE], digest[SHA512_DIGEST_LENGTH];
	uint8_t random[HIN_SNTRUP761_RANDOM];
	enum hin_code code;

	if (size != HIN_SNTRUP761_PUBLIC + X25519_SIZE)
		return HIN_EFORMAT;
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return HIN_ESYS;
	hin_sntrup761_encapsulate(ours, both, value, random);
	explicit_bzero(random, sizeof(random));
	code = answer_x25519(value + HIN_SNTRUP761_PUBLIC, ours + HIN_SNTRUP761_CIPHERTEXT,
			     both + HIN_SNTRUP761_SECRET);
	if (code != HIN_OK)
		return code;
	SHA512(both, sizeof(both), digest);
	hin_ssh_put_string(reply, ours, sizeof(ours));
	hin_ssh_put_string(secret, digest, sizeof(digest));
	explicit_bzero(both, sizeof(both));
	explicit_bzero(digest, sizeof(digest));
	return HIN_OK;
}

static enum hin_code answer_mlkem(const uint8_t *value, size_t size, struct hin_buffer *reply,
				  struct hin_buffer *secret)
{
	uint8_t ours[HIN_MLKEM768_CIPHERTEXT + X25519_SIZE];
	uint8_t both[HIN_MLKEM768_SECRET + X25519_SIZE], digest[SHA256_DIGEST_LENGTH];
	uint8_t random[32];
	enum hin_code code;

	if (size != HIN_MLKEM768_PUBLIC + X25519_SIZE)
		return HIN_EFORMAT;
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return HIN_ESYS;
	code = hin_mlkem768_encapsulate(ours, both, value, random);
	explicit_bzero(random, sizeof(random));
	if (code == HIN_OK)
		code = answer_x25519(value + HIN_MLKEM768_PUBLIC, ours + HIN_MLKEM768_CIPHERTEXT,
				     both + HIN_MLKEM768_SECRET);
	if (code == HIN_OK) {
		SHA256(both, sizeof(both), digest);
		hin_ssh_put_string(reply, ours, sizeof(ours));
		hin_ssh_put_string(secret, digest, sizeof(digest));
		explicit_bzero(digest, sizeof(digest));
	}
	explicit_bzero(both, sizeof(both));
	return code;
}

enum hin_code hin_ssh_exchange_answer(const struct hin_ssh_exchange *exchange,
				      const struct hin_ssh_group *group, const uint8_t *value,
				      size_t size, struct hin_buffer *reply,
				      struct hin_buffer *secret)
{
	enum hin_code code;
	BIGNUM *prime;

	switch (exchange->kind) {
	case X25519:
		code = answer_curve25519(value, size, reply, secret);
		break;
	case SNTRUP:
		code = answer_sntrup(value, size, reply, secret);
		break;
	case MLKEM:
		code = answer_mlkem(value, size, reply, secret);
		break;
	case ECDH:
		code = answer_ecdh(exchange->curve, value, size, reply, secret);
		break;
	default:
		if (size > HIN_SSH_GROUP_MAX + 1 || (size > 0 && (value[0] & 0x80) != 0))
			return HIN_EFORMAT; /* too large for any group, or negative */
		prime = group != NULL ? BN_bin2bn(group->prime, (int)group->size, NULL)
				      : fixed_prime(exchange->bits);
		code = answer_dh(prime, group != NULL ? group->generator : 2, value, size, reply,
				 secret);
		BN_free(prime);
		break;
	}
	if (code == HIN_OK && (reply->failed || secret->failed))
		code = HIN_ENOMEM;
	return code;
}
