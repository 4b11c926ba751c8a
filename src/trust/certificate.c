/* certificate - see certificate.h; OpenSSL's libcrypto does the work */
#include "trust/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sodium.h>
#include <stdio.h>
#include <time.h>

#include "base/addr.h"

#define SCRYPT_N 16384 /* 16 MiB for each guess; OpenSSL reads no more than that by default */
#define SCRYPT_R 8
#define SCRYPT_P 1
#define SERIAL_SIZE 16

void hin_secret_fini(struct hin_buffer *secret)
{
	if (secret == NULL)
		return;
	if (secret->data != NULL)
		explicit_bzero(secret->data, secret->size);
	hin_buffer_fini(secret);
}

/* What OpenSSL says last, for a message; its queue is empty afterwards. */
static const char *reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return text != NULL ? text : "no reason given";
}

static enum hin_code take_bio(struct hin_buffer *out, BIO *bio, struct hin_error *err)
{
	char *data = NULL;
	long size = BIO_get_mem_data(bio, &data);

	if (size > 0)
		hin_buffer_add(out, data, (size_t)size);
	if (size <= 0 || out->failed)
		return hin_fail(err, HIN_ENOMEM, "no memory for a certificate or key");
	return HIN_OK;
}

/* ---- keys ---- */

static int give_passphrase(char *out, int size, int writing, void *user)
{
	const char *passphrase = user;
	size_t length;

	(void)writing;
	if (passphrase == NULL)
		return -1;
	length = strlen(passphrase);
	if (length > (size_t)size)
		return -1;
	memcpy(out, passphrase, length);
	return (int)length;
}

static EVP_PKEY *read_key(const char *pem, const char *passphrase)
{
	BIO *in = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = NULL;

	if (in != NULL)
		key = PEM_read_bio_PrivateKey(in, NULL, give_passphrase,
					      (void *)(uintptr_t)passphrase);
	BIO_free(in);
	return key;
}

static X509_SIG *encrypt(EVP_PKEY *key, const char *passphrase)
{
	PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
	X509_ALGOR *method = NULL;
	X509_SIG *sealed = NULL;

	if (plain != NULL)
		method = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, 0, NULL, SCRYPT_N, SCRYPT_R,
					       SCRYPT_P);
	if (method != NULL) {
		sealed = PKCS8_set0_pbe(passphrase, (int)strlen(passphrase), plain, method);
		if (sealed == NULL) /* else it belongs to that */
			X509_ALGOR_free(method);
	}
	PKCS8_PRIV_KEY_INFO_free(plain);
	return sealed;
}

static enum hin_code write_key(struct hin_buffer *out, EVP_PKEY *key, const char *passphrase,
			       struct hin_error *err)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	X509_SIG *sealed = NULL;
	enum hin_code code;
	int good = 0;

	if (bio != NULL && passphrase == NULL) {
		good = PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	} else if (bio != NULL) {
		sealed = encrypt(key, passphrase);
		good = sealed != NULL && PEM_write_bio_PKCS8(bio, sealed);
	}
	if (good == 1)
		code = take_bio(out, bio, err);
	else
		code = hin_fail(err, HIN_ENOMEM, "the key cannot be written: %s", reason());
	X509_SIG_free(sealed);
	BIO_free(bio);
	return code;
}

enum hin_code hin_certificate_key(struct hin_buffer *out, const char *passphrase,
				  struct hin_error *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	enum hin_code code;

	if (key == NULL)
		return hin_fail(err, HIN_EUNSUPPORTED, "no P-256 key can be drawn: %s", reason());
	code = write_key(out, key, passphrase, err);
	EVP_PKEY_free(key);
	return code;
}

/* The key of `pem`, or what is wrong. */
static enum hin_code open_key(EVP_PKEY **out, const char *pem, const char *passphrase,
			      struct hin_error *err)
{
	bool encrypted = strstr(pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----") != NULL;

	if (encrypted && passphrase == NULL)
		return hin_fail(err, HIN_EDENIED, "the key is encrypted: a passphrase is needed");
	*out = read_key(pem, passphrase);
	ERR_clear_error();
	if (*out == NULL && encrypted)
		return hin_fail(err, HIN_EDENIED, "the passphrase is wrong, or the key is broken");
	if (*out == NULL)
		return hin_fail(err, HIN_EFORMAT, "this is no private key");
	return HIN_OK;
}

enum hin_code hin_certificate_key_open(struct hin_buffer *out, const char *pem,
				       const char *passphrase, struct hin_error *err)
{
	EVP_PKEY *key = NULL;
	enum hin_code code = open_key(&key, pem, passphrase, err);

	if (code == HIN_OK)
		code = write_key(out, key, NULL, err);
	EVP_PKEY_free(key);
	return code;
}

enum hin_code hin_certificate_seed(struct hin_buffer *out, const uint8_t seed[32],
				   const char *passphrase, struct hin_error *err)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
	enum hin_code code;

	if (key == NULL)
		return hin_fail(err, HIN_EUNSUPPORTED, "no Ed25519 key can be made: %s", reason());
	code = write_key(out, key, passphrase, err);
	EVP_PKEY_free(key);
	return code;
}

enum hin_code hin_certificate_seed_open(uint8_t seed[32], const char *pem, const char *passphrase,
					struct hin_error *err)
{
	EVP_PKEY *key = NULL;
	enum hin_code code = open_key(&key, pem, passphrase, err);
	size_t size = 32;

	if (code == HIN_OK && (EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519 ||
			       EVP_PKEY_get_raw_private_key(key, seed, &size) != 1 || size != 32))
		code = hin_fail(err, HIN_EFORMAT, "this is no Ed25519 key");
	ERR_clear_error();
	EVP_PKEY_free(key);
	return code;
}

enum hin_code hin_certificate_key_seal(struct hin_buffer *out, const char *pem,
				       const char *passphrase, struct hin_error *err)
{
	EVP_PKEY *key = read_key(pem, NULL);
	enum hin_code code;

	if (key == NULL)
		return hin_fail(err, HIN_EFORMAT, "this is no private key: %s", reason());
	code = write_key(out, key, passphrase, err);
	EVP_PKEY_free(key);
	return code;
}

/* ---- certificates ---- */

static X509 *read_certificate(const char *pem)
{
	BIO *in = BIO_new_mem_buf(pem, -1);
	X509 *x = in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;

	BIO_free(in);
	return x;
}

static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	bool good;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	good = ext != NULL && X509_add_ext(x, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return good;
}

static GENERAL_NAME *name_of(int kind, const void *data, size_t size)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *text =
		ASN1_STRING_type_new(kind == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);

	if (name == NULL || text == NULL || ASN1_STRING_set(text, data, (int)size) != 1) {
		GENERAL_NAME_free(name);
		ASN1_STRING_free(text);
		return NULL;
	}
	GENERAL_NAME_set0_value(name, kind, text);
	return name;
}

/* A DNS name, or an address in its own family's size. */
static GENERAL_NAME *name_of_text(const char *text)
{
	struct hin_addr a;

	if (hin_addr_parse(&a, text) != HIN_OK)
		return name_of(GEN_DNS, text, strlen(text));
	return hin_addr_is_v4(&a) ? name_of(GEN_IPADD, a.b + 12, 4) : name_of(GEN_IPADD, a.b, 16);
}

/* The alternative names are built, not written as OpenSSL's configuration: nothing in them can be
 * taken for syntax. */
static bool add_names(X509 *x, const struct hin_certificate_wish *wish)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	bool good = names != NULL;

	for (size_t i = 0; good && i < wish->name_count; i++) {
		GENERAL_NAME *name = name_of_text(wish->names[i]);

		good = name != NULL && sk_GENERAL_NAME_push(names, name) > 0;
	}
	if (good && wish->sensor_id != NULL) {
		char uri[HIN_CERTIFICATE_URI] = HIN_SENSOR_URI;
		GENERAL_NAME *name;

		sodium_bin2hex(uri + strlen(uri), 33, wish->sensor_id, 16);
		name = name_of(GEN_URI, uri, strlen(uri));
		good = name != NULL && sk_GENERAL_NAME_push(names, name) > 0;
	}
	if (good && sk_GENERAL_NAME_num(names) > 0)
		good = X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) ==
		       1;
	GENERAL_NAMES_free(names);
	return good;
}

static bool set_serial(X509 *x)
{
	uint8_t bytes[SERIAL_SIZE];
	BIGNUM *number;
	bool good;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, and always of the same length */
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	good = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL;
	BN_free(number);
	return good;
}

static bool fill(X509 *x, X509 *issuer, EVP_PKEY *key, const struct hin_certificate_wish *wish)
{
	static const struct {
		const char *basic, *usage, *extended;
	} kinds[] = {
		[HIN_CERTIFICATE_AUTHORITY] = { "critical,CA:TRUE,pathlen:0",
						"critical,keyCertSign,cRLSign", NULL },
		[HIN_CERTIFICATE_HUB] = { "critical,CA:FALSE", "critical,digitalSignature",
					  "serverAuth,clientAuth" },
		[HIN_CERTIFICATE_SENSOR] = { "critical,CA:FALSE", "critical,digitalSignature",
					     "clientAuth" },
	};
	X509_NAME *subject = X509_get_subject_name(x);
	const char *extended = kinds[wish->kind].extended;

	return X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
	       ASN1_TIME_set(X509_getm_notBefore(x), (time_t)wish->from_s) != NULL &&
	       ASN1_TIME_set(X509_getm_notAfter(x), (time_t)wish->until_s) != NULL &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
					  (const unsigned char *)wish->name, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1 &&
	       X509_set_pubkey(x, key) == 1 &&
	       add_extension(x, issuer, NID_basic_constraints, kinds[wish->kind].basic) &&
	       add_extension(x, issuer, NID_key_usage, kinds[wish->kind].usage) &&
	       (extended == NULL || add_extension(x, issuer, NID_ext_key_usage, extended)) &&
	       add_extension(x, issuer, NID_subject_key_identifier, "hash") &&
	       add_extension(x, issuer, NID_authority_key_identifier, "keyid:always") &&
	       add_names(x, wish);
}

static enum hin_code make(struct hin_buffer *out, const struct hin_certificate_wish *wish,
			  EVP_PKEY *key, const char *issuer_pem, const char *issuer_key_pem,
			  struct hin_error *err)
{
	X509 *x = X509_new(), *issuer = NULL;
	EVP_PKEY *issuer_key = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	enum hin_code code = HIN_OK;

	if (x == NULL || bio == NULL) {
		code = hin_fail(err, HIN_ENOMEM, "no memory for a certificate");
		goto out;
	}
	if (issuer_pem != NULL) {
		issuer = read_certificate(issuer_pem);
		issuer_key = read_key(issuer_key_pem, NULL);
	}
	if (issuer_pem != NULL && (issuer == NULL || issuer_key == NULL ||
				   X509_check_private_key(issuer, issuer_key) != 1)) {
		code = hin_fail(err, HIN_EFORMAT, "the CA's certificate and key do not fit: %s",
				reason());
		goto out;
	}
	if (!fill(x, issuer != NULL ? issuer : x, key, wish) ||
	    X509_sign(x, issuer_key != NULL ? issuer_key : key, EVP_sha256()) == 0 ||
	    PEM_write_bio_X509(bio, x) != 1) {
		code = hin_fail(err, HIN_EFORMAT, "no certificate for \"%.60s\" can be made: %s",
				wish->name, reason());
		goto out;
	}
	code = take_bio(out, bio, err);
out:
	BIO_free(bio);
	EVP_PKEY_free(issuer_key);
	X509_free(issuer);
	X509_free(x);
	return code;
}

enum hin_code hin_certificate_make(struct hin_buffer *out, const struct hin_certificate_wish *wish,
				   const char *key_pem, const char *issuer_pem,
				   const char *issuer_key_pem, struct hin_error *err)
{
	EVP_PKEY *key = read_key(key_pem, NULL);
	enum hin_code code;

	if (key == NULL)
		return hin_fail(err, HIN_EFORMAT, "this is no private key: %s", reason());
	code = make(out, wish, key, issuer_pem, issuer_key_pem, err);
	EVP_PKEY_free(key);
	return code;
}

/* ---- requests ---- */

static enum hin_code read_request(EVP_PKEY **out, const void *csr, size_t size,
				  struct hin_error *err)
{
	const uint8_t *at = csr;
	char group[32] = "";
	enum hin_code code = HIN_OK;
	EVP_PKEY *key = NULL;
	X509_REQ *request;

	if (size > HIN_CSR_SIZE)
		return hin_fail(err, HIN_ELIMIT, "the certificate request has more than %d bytes",
				HIN_CSR_SIZE);
	request = d2i_X509_REQ(NULL, &at, (long)size);
	if (request == NULL || at != (const uint8_t *)csr + size) {
		code = hin_fail(err, HIN_EFORMAT, "the certificate request cannot be read");
		goto out;
	}
	key = X509_REQ_get_pubkey(request);
	if (key == NULL || EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 ||
	    strcmp(group, SN_X9_62_prime256v1) != 0) {
		code = hin_fail(err, HIN_EUNSUPPORTED,
				"the certificate request is not for a P-256 key");
		goto out;
	}
	if (X509_REQ_verify(request, key) != 1) {
		code = hin_fail(err, HIN_EVERIFY,
				"the certificate request is not signed by its own key");
		goto out;
	}
	*out = key;
	key = NULL;
out:
	ERR_clear_error();
	EVP_PKEY_free(key);
	X509_REQ_free(request);
	return code;
}

enum hin_code hin_certificate_request_check(const void *csr, size_t csr_size, struct hin_error *err)
{
	EVP_PKEY *key = NULL;
	enum hin_code code = read_request(&key, csr, csr_size, err);

	EVP_PKEY_free(key);
	return code;
}

enum hin_code hin_certificate_make_for(struct hin_buffer *out,
				       const struct hin_certificate_wish *wish, const void *csr,
				       size_t csr_size, const char *issuer_pem,
				       const char *issuer_key_pem, struct hin_error *err)
{
	EVP_PKEY *key = NULL;
	enum hin_code code = read_request(&key, csr, csr_size, err);

	if (code == HIN_OK)
		code = make(out, wish, key, issuer_pem, issuer_key_pem, err);
	EVP_PKEY_free(key);
	return code;
}

enum hin_code hin_certificate_request(struct hin_buffer *out, const char *key_pem,
				      struct hin_error *err)
{
	EVP_PKEY *key = read_key(key_pem, NULL);
	X509_REQ *request = X509_REQ_new();
	enum hin_code code = HIN_OK;
	uint8_t *der = NULL;
	int size = 0;

	if (key != NULL && request != NULL && X509_REQ_set_version(request, 0) == 1 &&
	    X509_REQ_set_pubkey(request, key) == 1 &&
	    X509_REQ_sign(request, key, EVP_sha256()) != 0)
		size = i2d_X509_REQ(request, &der);
	if (size > 0)
		hin_buffer_add(out, der, (size_t)size);
	if (size <= 0)
		code = hin_fail(err, HIN_EFORMAT, "no request for this key can be made: %s",
				reason());
	else if (out->failed)
		code = hin_fail(err, HIN_ENOMEM, "no memory for a certificate request");
	OPENSSL_free(der);
	X509_REQ_free(request);
	EVP_PKEY_free(key);
	return code;
}

/* ---- reading ---- */

static int64_t seconds_of(const ASN1_TIME *when)
{
	struct tm tm;

	return ASN1_TIME_to_tm(when, &tm) == 1 ? (int64_t)timegm(&tm) : INT64_MIN;
}

/* The first URI of the alternative names, if it is printable and fits. */
static void read_uri(char out[HIN_CERTIFICATE_URI], X509 *x)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);

	out[0] = '\0';
	for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const ASN1_STRING *text;
		int size;

		if (name->type != GEN_URI)
			continue;
		text = name->d.uniformResourceIdentifier;
		size = ASN1_STRING_length(text);
		if (size < 0 || size >= HIN_CERTIFICATE_URI)
			break;
		memcpy(out, ASN1_STRING_get0_data(text), (size_t)size);
		out[size] = '\0';
		break;
	}
	GENERAL_NAMES_free(names);
}

enum hin_code hin_certificate_read(struct hin_certificate *out, const char *pem,
				   struct hin_error *err)
{
	X509 *x = read_certificate(pem);
	struct hin_certificate c = { 0 };
	unsigned size = sizeof(c.sha256);
	BIGNUM *number = NULL;
	char *hex = NULL;

	if (x == NULL) {
		ERR_clear_error();
		return hin_fail(err, HIN_EFORMAT, "this is no certificate");
	}
	X509_digest(x, EVP_sha256(), c.sha256, &size);
	if (X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, c.name,
				      sizeof(c.name)) < 0)
		c.name[0] = '\0';
	number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	if (number != NULL)
		hex = BN_bn2hex(number);
	snprintf(c.serial, sizeof(c.serial), "%s", hex != NULL ? hex : "");
	for (char *at = c.serial; *at != '\0'; at++)
		if (*at >= 'A' && *at <= 'F')
			*at = (char)(*at - 'A' + 'a');
	read_uri(c.uri, x);
	c.from_s = seconds_of(X509_get0_notBefore(x));
	c.until_s = seconds_of(X509_get0_notAfter(x));
	c.ca = X509_check_ca(x) > 0;
	OPENSSL_free(hex);
	BN_free(number);
	X509_free(x);
	ERR_clear_error();
	*out = c;
	return HIN_OK;
}

static enum hin_code verify(X509 *x, X509 *ca, int64_t now_s, struct hin_error *err)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	enum hin_code code = HIN_OK;

	if (store == NULL || ctx == NULL || X509_STORE_add_cert(store, ca) != 1 ||
	    X509_STORE_CTX_init(ctx, store, x, NULL) != 1) {
		code = hin_fail(err, HIN_ENOMEM, "no memory to check a certificate");
	} else {
		X509_STORE_CTX_set_time(ctx, 0, (time_t)now_s);
		if (X509_verify_cert(ctx) != 1)
			code = hin_fail(
				err, HIN_EVERIFY, "the certificate is not good: %s",
				X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return code;
}

enum hin_code hin_certificate_check(const char *pem, const char *ca_pem, const char *key_pem,
				    int64_t now_s, struct hin_error *err)
{
	X509 *x = read_certificate(pem), *ca = read_certificate(ca_pem);
	EVP_PKEY *key = key_pem != NULL ? read_key(key_pem, NULL) : NULL;
	enum hin_code code;

	if (x == NULL || ca == NULL)
		code = hin_fail(err, HIN_EFORMAT, "this is no certificate");
	else if (key_pem != NULL && (key == NULL || X509_check_private_key(x, key) != 1))
		code = hin_fail(err, HIN_EVERIFY, "the certificate is for another key");
	else
		code = verify(x, ca, now_s, err);
	ERR_clear_error();
	EVP_PKEY_free(key);
	X509_free(ca);
	X509_free(x);
	return code;
}

bool hin_sensor_of_uri(uint8_t out[16], const char *uri)
{
	size_t size = 0, head = strlen(HIN_SENSOR_URI);

	return strncmp(uri, HIN_SENSOR_URI, head) == 0 && strlen(uri) == head + 32 &&
	       sodium_hex2bin(out, 16, uri + head, 32, NULL, &size, NULL) == 0 && size == 16;
}
