/* mail_sign - S/MIME: CMS signed data beside what is signed (RFC 5652, RFC 8551); see mail.h */
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "net/mail_priv.h"

#define CHAIN 8 /* most certificates behind the signer's own */

struct hin_mail_signer {
	X509 *certificate;
	STACK_OF(X509) * chain;
	EVP_PKEY *key;
};

static enum hin_code read_certificates(struct hin_mail_signer *s, const char *pem,
				       struct hin_error *err)
{
	BIO *in = BIO_new_mem_buf(pem, -1);
	X509 *one;

	if (in == NULL)
		return hin_fail(err, HIN_ENOMEM, "mail: certificate");
	s->certificate = PEM_read_bio_X509(in, NULL, NULL, NULL);
	while (s->certificate != NULL && sk_X509_num(s->chain) < CHAIN &&
	       (one = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL)
		if (sk_X509_push(s->chain, one) <= 0) {
			X509_free(one);
			break;
		}
	ERR_clear_error();
	BIO_free(in);
	return s->certificate != NULL ? HIN_OK
				      : hin_fail(err, HIN_EFORMAT,
						 "the certificate to sign mail with is none (PEM)");
}

static enum hin_code read_key(struct hin_mail_signer *s, const char *pem, struct hin_error *err)
{
	char none[1] = "";
	BIO *in = BIO_new_mem_buf(pem, -1);

	if (in != NULL)
		s->key = PEM_read_bio_PrivateKey(in, NULL, NULL, none);
	ERR_clear_error();
	BIO_free(in);
	return s->key != NULL ? HIN_OK
			      : hin_fail(err, HIN_EFORMAT,
					 "the key to sign mail with is none (PEM, not encrypted)");
}

static enum hin_code check_signer(const struct hin_mail_signer *s, int64_t now_s,
				  struct hin_error *err)
{
	time_t now = (time_t)now_s;
	int type = EVP_PKEY_get_base_id(s->key);

	if (X509_check_private_key(s->certificate, s->key) != 1) {
		ERR_clear_error();
		return hin_fail(err, HIN_EVERIFY,
				"certificate and key to sign mail with do not belong together");
	}
	if (type != EVP_PKEY_RSA && type != EVP_PKEY_EC)
		return hin_fail(err, HIN_EUNSUPPORTED,
				"mail is signed with RSA or EC keys; this one is neither");
	if (X509_cmp_time(X509_get0_notAfter(s->certificate), &now) <= 0)
		return hin_fail(err, HIN_EVERIFY, "the certificate to sign mail with has expired");
	return HIN_OK;
}

enum hin_code hin_mail_signer_open(struct hin_mail_signer **out, const char *certificate_pem,
				   const char *key_pem, int64_t now_s, struct hin_error *err)
{
	struct hin_mail_signer *s = calloc(1, sizeof(*s));
	enum hin_code code;

	if (s == NULL)
		return hin_fail(err, HIN_ENOMEM, "mail: certificate");
	s->chain = sk_X509_new_null();
	code = s->chain != NULL ? read_certificates(s, certificate_pem, err)
				: hin_fail(err, HIN_ENOMEM, "mail: certificate");
	if (code == HIN_OK)
		code = read_key(s, key_pem, err);
	if (code == HIN_OK)
		code = check_signer(s, now_s, err);
	if (code != HIN_OK) {
		hin_mail_signer_close(s);
		return code;
	}
	*out = s;
	return HIN_OK;
}

void hin_mail_signer_close(struct hin_mail_signer *s)
{
	if (s == NULL)
		return;
	X509_free(s->certificate);
	sk_X509_pop_free(s->chain, X509_free);
	EVP_PKEY_free(s->key);
	free(s);
}

/* The time in the signature is that of the mail: what was signed is told, not when it was built. */
static bool set_time(CMS_SignerInfo *info, int64_t time_s)
{
	ASN1_TIME *time = X509_time_adj_ex(NULL, 0, 0, &(time_t){ (time_t)time_s });
	bool done = time != NULL && CMS_signed_add1_attr_by_NID(info, NID_pkcs9_signingTime,
								time->type, time, -1) == 1;

	ASN1_TIME_free(time);
	return done;
}

enum hin_code mail_sign(struct hin_buffer *out, struct hin_mail_signer *s, const void *data,
			size_t size, int64_t time_s, struct hin_error *err)
{
	static const unsigned flags = CMS_DETACHED | CMS_BINARY | CMS_PARTIAL | CMS_NOSMIMECAP;
	BIO *in = BIO_new_mem_buf(data, (int)size), *der = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, s->chain, NULL, flags);
	CMS_SignerInfo *info;
	enum hin_code code = HIN_OK;
	char *bytes = NULL;
	long count;

	info = cms != NULL ? CMS_add1_signer(cms, s->certificate, s->key, EVP_sha256(), flags)
			   : NULL;
	if (in == NULL || der == NULL || info == NULL || !set_time(info, time_s) ||
	    CMS_final(cms, in, NULL, flags) != 1 || i2d_CMS_bio(der, cms) != 1)
		code = hin_fail(err, HIN_EUNSUPPORTED, "mail: this certificate cannot sign");
	ERR_clear_error();
	if (code == HIN_OK) {
		count = BIO_get_mem_data(der, &bytes);
		mail_put_base64(out, bytes, count > 0 ? (size_t)count : 0);
	}
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	BIO_free(der);
	return code;
}
