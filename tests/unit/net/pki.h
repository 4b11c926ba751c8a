/* pki - authorities and certificates for tests, made as they are needed */
#pragma once
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

struct pki_entity {
	X509 *certificate;
	EVP_PKEY *key;
	char *certificate_pem, *key_pem;
	uint8_t sha256[32];
};

static inline char *pki_text(BIO *bio)
{
	char *data = NULL, *text;
	long size = BIO_get_mem_data(bio, &data);

	text = strndup(data, (size_t)size);
	BIO_free(bio);
	return text;
}

static inline void pki_extension(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, ctx, nid, value);

	if (ext == NULL || X509_add_ext(x, ext, -1) != 1)
		abort();
	X509_EXTENSION_free(ext);
}

/*
 * A certificate called `name` from `issuer` (NULL = an authority of its own), valid from now +
 * `from_s` to now + `until_s`. `alt` is "DNS:...", "IP:...", "URI:..." or NULL; `use` "serverAuth",
 * "clientAuth" or NULL.
 */
static inline struct pki_entity pki_make(const char *name, const struct pki_entity *issuer,
					 const char *alt, const char *use, long from_s,
					 long until_s)
{
	struct pki_entity e = { .certificate = X509_new(), .key = EVP_EC_gen("P-256") };
	X509_NAME *subject = X509_get_subject_name(e.certificate);
	uint8_t serial[16];
	BIGNUM *number;
	unsigned size = 32;
	X509V3_CTX ctx;
	BIO *bio;

	X509_set_version(e.certificate, X509_VERSION_3);
	RAND_bytes(serial, sizeof(serial));
	serial[0] &= 0x7f;
	number = BN_bin2bn(serial, sizeof(serial), NULL);
	BN_to_ASN1_INTEGER(number, X509_get_serialNumber(e.certificate));
	BN_free(number);
	X509_gmtime_adj(X509_getm_notBefore(e.certificate), from_s);
	X509_gmtime_adj(X509_getm_notAfter(e.certificate), until_s);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
				   -1, 0);
	X509_set_issuer_name(e.certificate,
			     issuer != NULL ? X509_get_subject_name(issuer->certificate) : subject);
	X509_set_pubkey(e.certificate, e.key);
	X509V3_set_ctx(&ctx, issuer != NULL ? issuer->certificate : e.certificate, e.certificate,
		       NULL, NULL, 0);
	pki_extension(e.certificate, &ctx, NID_basic_constraints,
		      issuer == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (alt != NULL)
		pki_extension(e.certificate, &ctx, NID_subject_alt_name, alt);
	if (use != NULL)
		pki_extension(e.certificate, &ctx, NID_ext_key_usage, use);
	if (X509_sign(e.certificate, issuer != NULL ? issuer->key : e.key, EVP_sha256()) == 0)
		abort();
	X509_digest(e.certificate, EVP_sha256(), e.sha256, &size);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(bio, e.certificate);
	e.certificate_pem = pki_text(bio);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(bio, e.key, NULL, NULL, 0, NULL, NULL);
	e.key_pem = pki_text(bio);
	return e;
}

static inline void pki_free(struct pki_entity *e)
{
	X509_free(e->certificate);
	EVP_PKEY_free(e->key);
	free(e->certificate_pem);
	free(e->key_pem);
	*e = (struct pki_entity){ 0 };
}
