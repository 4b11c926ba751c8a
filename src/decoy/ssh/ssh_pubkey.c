/* ssh_pubkey - see ssh_pubkey.h */
#include "decoy/ssh/ssh_pubkey.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#define RSA_LEAST 1024 /* bits, as OpenSSH takes them */
#define RSA_MOST 16384
#define ED25519_SIZE 32
#define SIGNATURE_MAX 256 /* of ECDSA, as DER */

static const struct algorithm {
	const char *name, *key; /* of the signature; of the key */
	const char *digest;
	const char *curve, *group; /* of ECDSA: RFC 5656's name, libcrypto's */
} algorithms[] = {
	{ "ssh-ed25519", "ssh-ed25519", NULL, NULL, NULL },
	{ "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "SHA256", "nistp256", "P-256" },
	{ "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", "SHA384", "nistp384", "P-384" },
	{ "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", "SHA512", "nistp521", "P-521" },
	{ "rsa-sha2-512", "ssh-rsa", "SHA512", NULL, NULL },
	{ "rsa-sha2-256", "ssh-rsa", "SHA256", NULL, NULL },
	{ "ssh-rsa", "ssh-rsa", "SHA1", NULL, NULL },
};

static const struct algorithm *find(struct hin_ssh_string name)
{
	for (size_t i = 0; i < HIN_COUNT(algorithms); i++) {
		if (hin_ssh_string_is(name, algorithms[i].name))
			return &algorithms[i];
	}
	return NULL;
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *build)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *read_rsa(struct hin_reader *in)
{
	struct hin_ssh_string e = hin_ssh_get_string(in), n = hin_ssh_get_string(in);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *exponent = BN_bin2bn(e.data, (int)e.size, NULL);
	BIGNUM *modulus = BN_bin2bn(n.data, (int)n.size, NULL);
	EVP_PKEY *key = NULL;

	if (!in->failed && in->left == 0 && build != NULL && exponent != NULL && modulus != NULL &&
	    BN_num_bits(modulus) >= RSA_LEAST && BN_num_bits(modulus) <= RSA_MOST &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent))
		key = from_params("RSA", build);
	BN_free(exponent);
	BN_free(modulus);
	OSSL_PARAM_BLD_free(build);
	return key;
}

static EVP_PKEY *read_ecdsa(const struct algorithm *a, struct hin_reader *in)
{
	struct hin_ssh_string curve = hin_ssh_get_string(in), point = hin_ssh_get_string(in);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;

	if (!in->failed && in->left == 0 && build != NULL && hin_ssh_string_is(curve, a->curve) &&
	    point.size > 0 &&
	    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, a->group, 0) &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.data,
					     point.size))
		key = from_params("EC", build);
	OSSL_PARAM_BLD_free(build);
	return key;
}

static EVP_PKEY *read_key(const struct algorithm *a, struct hin_ssh_string blob)
{
	struct hin_reader in = hin_reader_of(blob.data, blob.size);
	struct hin_ssh_string value;

	if (!hin_ssh_string_is(hin_ssh_get_string(&in), a->key))
		return NULL;
	if (a->curve != NULL)
		return read_ecdsa(a, &in);
	if (a->digest != NULL)
		return read_rsa(&in);
	value = hin_ssh_get_string(&in);
	if (in.failed || in.left > 0 || value.size != ED25519_SIZE)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, value.data, value.size);
}

bool hin_ssh_pubkey_is(struct hin_ssh_string algorithm, struct hin_ssh_string key)
{
	const struct algorithm *a = find(algorithm);
	EVP_PKEY *read = a != NULL ? read_key(a, key) : NULL;

	EVP_PKEY_free(read);
	return read != NULL;
}

/* The DER of an ECDSA signature; its size, 0 when it is none. */
static size_t to_der(struct hin_ssh_string blob, uint8_t out[SIGNATURE_MAX])
{
	struct hin_reader in = hin_reader_of(blob.data, blob.size);
	struct hin_ssh_string r = hin_ssh_get_string(&in), s = hin_ssh_get_string(&in);
	BIGNUM *a = NULL, *b = NULL;
	ECDSA_SIG *sig = NULL;
	uint8_t *at = out;
	int size = 0;

	if (in.failed || in.left > 0 || r.size > 67 || s.size > 67)
		return 0;
	a = BN_bin2bn(r.data, (int)r.size, NULL);
	b = BN_bin2bn(s.data, (int)s.size, NULL);
	sig = ECDSA_SIG_new();
	if (a != NULL && b != NULL && sig != NULL && ECDSA_SIG_set0(sig, a, b) == 1) {
		a = b = NULL;
		size = i2d_ECDSA_SIG(sig, &at);
	}
	BN_free(a);
	BN_free(b);
	ECDSA_SIG_free(sig);
	return size > 0 ? (size_t)size : 0;
}

bool hin_ssh_pubkey_verify(struct hin_ssh_string algorithm, struct hin_ssh_string key,
			   struct hin_ssh_string signature, const void *data, size_t size)
{
	const struct algorithm *a = find(algorithm);
	struct hin_reader in = hin_reader_of(signature.data, signature.size);
	struct hin_ssh_string name = hin_ssh_get_string(&in), blob = hin_ssh_get_string(&in);
	uint8_t der[SIGNATURE_MAX];
	EVP_MD_CTX *ctx = NULL;
	EVP_PKEY *read = NULL;
	bool good = false;

	if (a == NULL || in.failed || in.left > 0 || !hin_ssh_string_is(name, a->name))
		return false;
	if (a->curve != NULL) {
		blob.size = to_der(blob, der);
		blob.data = der;
	}
	read = read_key(a, key);
	ctx = EVP_MD_CTX_new();
	if (read != NULL && ctx != NULL &&
	    EVP_DigestVerifyInit_ex(ctx, NULL, a->digest, NULL, NULL, read, NULL) == 1)
		good = EVP_DigestVerify(ctx, blob.data, blob.size, data, size) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(read);
	return good;
}
