/* ssh_hostkey - see ssh_hostkey.h */
#include "decoy/ssh/ssh_hostkey.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/ssh/ssh_prime.h"
#include "decoy/ssh/ssh_wire.h"

#define BUCKETS 1024
#define SLICE 8 /* candidates for a prime: about ten milliseconds */
#define PRIME_MAX 256
#define SCALAR_MAX 72

struct hin_ssh_hostkeys {
	struct hin_ssh_hostkeys *next;
	uint8_t seed[HIN_HOST_SEED];
	const struct hin_host *host;
	unsigned rsa_bits;
	struct hin_ssh_prime *search[2]; /* p and q, until the key is made */
	unsigned found;
	EVP_PKEY *keys[HIN_SSH_KEY_TYPES];
};

static struct hin_ssh_hostkeys *table[BUCKETS];

struct algorithm {
	const char *name;
	enum hin_ssh_hostkey_type type;
	const char *digest; /* of RSA and ECDSA */
	const char *key;    /* the name in its public key */
};

static const struct algorithm algorithms[] = {
	{ "ssh-ed25519", HIN_SSH_KEY_ED25519, NULL, "ssh-ed25519" },
	{ "ecdsa-sha2-nistp256", HIN_SSH_KEY_ECDSA_256, "SHA256", "ecdsa-sha2-nistp256" },
	{ "ecdsa-sha2-nistp384", HIN_SSH_KEY_ECDSA_384, "SHA384", "ecdsa-sha2-nistp384" },
	{ "ecdsa-sha2-nistp521", HIN_SSH_KEY_ECDSA_521, "SHA512", "ecdsa-sha2-nistp521" },
	{ "rsa-sha2-512", HIN_SSH_KEY_RSA, "SHA512", "ssh-rsa" },
	{ "rsa-sha2-256", HIN_SSH_KEY_RSA, "SHA256", "ssh-rsa" },
	{ "ssh-rsa", HIN_SSH_KEY_RSA, "SHA1", "ssh-rsa" },
};

static const struct curve {
	const char *name, *group; /* of RFC 5656, of libcrypto */
	size_t size;
} curves[HIN_SSH_KEY_TYPES] = {
	[HIN_SSH_KEY_ECDSA_256] = { "nistp256", "P-256", 32 },
	[HIN_SSH_KEY_ECDSA_384] = { "nistp384", "P-384", 48 },
	[HIN_SSH_KEY_ECDSA_521] = { "nistp521", "P-521", 66 },
};

static const struct algorithm *find_algorithm(const char *name)
{
	for (size_t i = 0; i < HIN_COUNT(algorithms); i++) {
		if (strcmp(algorithms[i].name, name) == 0)
			return &algorithms[i];
	}
	return NULL;
}

enum hin_ssh_hostkey_type hin_ssh_hostkey_type(const char *algorithm)
{
	const struct algorithm *a = find_algorithm(algorithm);

	return a != NULL ? a->type : HIN_SSH_KEY_TYPES;
}

/* ---- the table ---- */

static struct hin_ssh_hostkeys **bucket_of(const struct hin_host *host)
{
	return &table[(host->seed[0] | host->seed[1] << 8) % BUCKETS];
}

struct hin_ssh_hostkeys *hin_ssh_hostkeys_of(const struct hin_host *host, unsigned rsa_bits)
{
	struct hin_ssh_hostkeys **bucket = bucket_of(host), *keys;

	for (keys = *bucket; keys != NULL; keys = keys->next) {
		if (memcmp(keys->seed, host->seed, HIN_HOST_SEED) == 0 &&
		    keys->rsa_bits == rsa_bits) {
			keys->host = host; /* a reload may have moved it */
			return keys;
		}
	}
	keys = calloc(1, sizeof(*keys));
	if (keys == NULL)
		return NULL;
	memcpy(keys->seed, host->seed, HIN_HOST_SEED);
	keys->host = host;
	keys->rsa_bits = rsa_bits;
	keys->next = *bucket;
	*bucket = keys;
	return keys;
}

void hin_ssh_hostkeys_forget(void)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		while (table[i] != NULL) {
			struct hin_ssh_hostkeys *keys = table[i];

			table[i] = keys->next;
			for (size_t k = 0; k < HIN_SSH_KEY_TYPES; k++)
				EVP_PKEY_free(keys->keys[k]);
			hin_ssh_prime_free(keys->search[0]);
			hin_ssh_prime_free(keys->search[1]);
			free(keys);
		}
	}
}

/* ---- making ---- */

static EVP_PKEY *key_from(const char *type, OSSL_PARAM_BLD *build)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *make_ed25519(const struct hin_host *host)
{
	uint8_t secret[32];
	EVP_PKEY *key = NULL;

	if (hin_host_derive(host, "ssh ed25519", secret, sizeof(secret)) == HIN_OK)
		key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof(secret));
	explicit_bzero(secret, sizeof(secret));
	return key;
}

/* The scalar: derived bytes modulo the group's order less one, and one. */
static BIGNUM *derive_scalar(const struct hin_host *host, const struct curve *curve,
			     const EC_GROUP *group)
{
	uint8_t bytes[SCALAR_MAX + 8];
	char purpose[32];
	BIGNUM *scalar = NULL, *less = BN_dup(EC_GROUP_get0_order(group));
	BN_CTX *ctx = BN_CTX_new();

	snprintf(purpose, sizeof(purpose), "ssh ecdsa %s", curve->name);
	if (less != NULL && ctx != NULL && BN_sub_word(less, 1) == 1 &&
	    hin_host_derive(host, purpose, bytes, curve->size + 8) == HIN_OK)
		scalar = BN_bin2bn(bytes, (int)curve->size + 8, NULL);
	if (scalar != NULL &&
	    (BN_mod(scalar, scalar, less, ctx) != 1 || BN_add_word(scalar, 1) != 1)) {
		BN_free(scalar);
		scalar = NULL;
	}
	BN_free(less);
	BN_CTX_free(ctx);
	return scalar;
}

static EVP_PKEY *make_ecdsa(const struct hin_host *host, const struct curve *curve)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(EC_curve_nist2nid(curve->group));
	EC_POINT *point = group != NULL ? EC_POINT_new(group) : NULL;
	BIGNUM *scalar = group != NULL ? derive_scalar(host, curve, group) : NULL;
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	uint8_t public_key[1 + 2 * SCALAR_MAX];
	EVP_PKEY *key = NULL;
	size_t size;

	if (point == NULL || scalar == NULL || build == NULL ||
	    EC_POINT_mul(group, point, scalar, NULL, NULL, NULL) != 1)
		goto out;
	size = EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, public_key,
				  sizeof(public_key), NULL);
	if (size > 0 &&
	    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, public_key, size) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, scalar))
		key = key_from("EC", build);
out:
	OSSL_PARAM_BLD_free(build);
	BN_clear_free(scalar);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	return key;
}

/* All that libcrypto wants of an RSA key with the primes p and q. */
static bool push_rsa(OSSL_PARAM_BLD *build, const BIGNUM *p, const BIGNUM *q, BN_CTX *ctx)
{
	BIGNUM *n = BN_CTX_get(ctx), *e = BN_CTX_get(ctx), *d = BN_CTX_get(ctx);
	BIGNUM *p1 = BN_CTX_get(ctx), *q1 = BN_CTX_get(ctx), *phi = BN_CTX_get(ctx);
	BIGNUM *dp = BN_CTX_get(ctx), *dq = BN_CTX_get(ctx), *inverse = BN_CTX_get(ctx);

	return inverse != NULL && BN_set_word(e, 65537) && BN_mul(n, p, q, ctx) &&
	       BN_sub(p1, p, BN_value_one()) && BN_sub(q1, q, BN_value_one()) &&
	       BN_mul(phi, p1, q1, ctx) && BN_mod_inverse(d, e, phi, ctx) != NULL &&
	       BN_mod(dp, d, p1, ctx) && BN_mod(dq, d, q1, ctx) &&
	       BN_mod_inverse(inverse, q, p, ctx) != NULL &&
	       OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
	       OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) &&
	       OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_D, d) &&
	       OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_FACTOR1, p) &&
	       OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_FACTOR2, q) &&
	       OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_EXPONENT1, dp) &&
	       OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_EXPONENT2, dq) &&
	       OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, inverse);
}

static EVP_PKEY *rsa_of(const BIGNUM *p, const BIGNUM *q)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BN_CTX *ctx = BN_CTX_new();
	EVP_PKEY *key = NULL;

	if (build != NULL && ctx != NULL) {
		BN_CTX_start(ctx);
		if (push_rsa(build, p, q, ctx))
			key = key_from("RSA", build);
		BN_CTX_end(ctx);
	}
	BN_CTX_free(ctx);
	OSSL_PARAM_BLD_free(build);
	return key;
}

static enum hin_code make_rsa(struct hin_ssh_hostkeys *keys)
{
	size_t size = keys->rsa_bits / 16;
	uint8_t bytes[2 * PRIME_MAX];
	enum hin_code code;

	if (keys->search[0] == NULL) {
		char purpose[32];

		if (size > PRIME_MAX)
			return HIN_ERANGE;
		snprintf(purpose, sizeof(purpose), "ssh rsa %u", keys->rsa_bits);
		code = hin_host_derive(keys->host, purpose, bytes, 2 * size);
		if (code != HIN_OK)
			return code;
		keys->search[0] = hin_ssh_prime_new(bytes, size);
		keys->search[1] = hin_ssh_prime_new(bytes + size, size);
		explicit_bzero(bytes, sizeof(bytes));
	}
	if (keys->search[0] == NULL || keys->search[1] == NULL)
		return HIN_ENOMEM;
	code = hin_ssh_prime_run(keys->search[keys->found], SLICE);
	if (code != HIN_OK)
		return code;
	if (++keys->found < 2)
		return HIN_EAGAIN;
	keys->keys[HIN_SSH_KEY_RSA] =
		rsa_of(hin_ssh_prime_value(keys->search[0]), hin_ssh_prime_value(keys->search[1]));
	for (int i = 0; i < 2; i++) {
		hin_ssh_prime_free(keys->search[i]);
		keys->search[i] = NULL;
	}
	keys->found = 0;
	return keys->keys[HIN_SSH_KEY_RSA] != NULL ? HIN_OK : HIN_ENOMEM;
}

enum hin_code hin_ssh_hostkey_make(struct hin_ssh_hostkeys *keys, enum hin_ssh_hostkey_type type)
{
	if (type >= HIN_SSH_KEY_TYPES)
		return HIN_EUNSUPPORTED;
	if (keys->keys[type] != NULL)
		return HIN_OK;
	if (type == HIN_SSH_KEY_RSA)
		return make_rsa(keys);
	if (type == HIN_SSH_KEY_ED25519)
		keys->keys[type] = make_ed25519(keys->host);
	else
		keys->keys[type] = make_ecdsa(keys->host, &curves[type]);
	return keys->keys[type] != NULL ? HIN_OK : HIN_ENOMEM;
}

/* ---- using ---- */

static enum hin_code put_number(EVP_PKEY *key, const char *name, struct hin_buffer *out)
{
	uint8_t bytes[2 * PRIME_MAX];
	BIGNUM *number = NULL;
	int size;

	if (EVP_PKEY_get_bn_param(key, name, &number) != 1)
		return HIN_ENOMEM;
	size = BN_bn2bin(number, bytes);
	hin_ssh_put_mpint(out, bytes, (size_t)size);
	BN_free(number);
	return HIN_OK;
}

enum hin_code hin_ssh_hostkey_public(const struct hin_ssh_hostkeys *keys,
				     enum hin_ssh_hostkey_type type, struct hin_buffer *out)
{
	EVP_PKEY *key = keys->keys[type];
	uint8_t bytes[1 + 2 * SCALAR_MAX];
	size_t size = sizeof(bytes);
	char name[32];

	if (type == HIN_SSH_KEY_RSA) {
		hin_ssh_put_text(out, "ssh-rsa");
		if (put_number(key, OSSL_PKEY_PARAM_RSA_E, out) != HIN_OK ||
		    put_number(key, OSSL_PKEY_PARAM_RSA_N, out) != HIN_OK)
			return HIN_ENOMEM;
	} else if (type == HIN_SSH_KEY_ED25519) {
		if (EVP_PKEY_get_raw_public_key(key, bytes, &size) != 1)
			return HIN_ENOMEM;
		hin_ssh_put_text(out, "ssh-ed25519");
		hin_ssh_put_string(out, bytes, size);
	} else {
		if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, bytes,
						    sizeof(bytes), &size) != 1)
			return HIN_ENOMEM;
		snprintf(name, sizeof(name), "ecdsa-sha2-%s", curves[type].name);
		hin_ssh_put_text(out, name);
		hin_ssh_put_text(out, curves[type].name);
		hin_ssh_put_string(out, bytes, size);
	}
	return out->failed ? HIN_ENOMEM : HIN_OK;
}

/* The two numbers of an ECDSA signature (RFC 5656, 3.1.2) from its DER. */
static enum hin_code put_ecdsa(const uint8_t *der, size_t size, struct hin_buffer *out)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)size);
	uint8_t blob[2 * (SCALAR_MAX + 5)], number[SCALAR_MAX];
	struct hin_buffer inner = hin_buffer_over((char *)blob, sizeof(blob));

	if (sig == NULL)
		return HIN_ENOMEM;
	hin_ssh_put_mpint(&inner, number, (size_t)BN_bn2bin(ECDSA_SIG_get0_r(sig), number));
	hin_ssh_put_mpint(&inner, number, (size_t)BN_bn2bin(ECDSA_SIG_get0_s(sig), number));
	ECDSA_SIG_free(sig);
	hin_ssh_put_string(out, inner.data, inner.used);
	return inner.failed ? HIN_ENOMEM : HIN_OK;
}

enum hin_code hin_ssh_hostkey_sign(const struct hin_ssh_hostkeys *keys, const char *algorithm,
				   const void *data, size_t size, struct hin_buffer *out)
{
	const struct algorithm *a = find_algorithm(algorithm);
	uint8_t sig[2 * PRIME_MAX];
	size_t sig_size = sizeof(sig);
	EVP_MD_CTX *ctx;
	enum hin_code code = HIN_ENOMEM;

	if (a == NULL)
		return HIN_EUNSUPPORTED;
	ctx = EVP_MD_CTX_new();
	if (ctx == NULL ||
	    EVP_DigestSignInit_ex(ctx, NULL, a->digest, NULL, NULL, keys->keys[a->type], NULL) !=
		    1 ||
	    EVP_DigestSign(ctx, sig, &sig_size, data, size) != 1)
		goto out;
	hin_ssh_put_text(out, a->name);
	code = HIN_OK;
	if (a->type == HIN_SSH_KEY_RSA || a->type == HIN_SSH_KEY_ED25519)
		hin_ssh_put_string(out, sig, sig_size);
	else
		code = put_ecdsa(sig, sig_size, out);
	if (out->failed)
		code = HIN_ENOMEM;
out:
	EVP_MD_CTX_free(ctx);
	return code;
}
