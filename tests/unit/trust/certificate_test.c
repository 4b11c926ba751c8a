/* Certificates, requests and keys, also those that others make. */
#include "../test.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "trust/certificate.h"

#define NOW 1795000000ll

static struct hin_buffer key, other_key, ca, other_ca;

static const uint8_t id[16] = { 0xde, 0xad, 0xbe, 0xef, [15] = 1 };

static struct hin_certificate_wish wish_of(enum hin_certificate_kind kind, const char *name)
{
	return (struct hin_certificate_wish){
		.kind = kind, .name = name, .from_s = NOW - 600, .until_s = NOW + 86400
	};
}

/* A request in DER for this key, made by OpenSSL itself; signed by `signer`. */
static int request_of(uint8_t **der, EVP_PKEY *subject, EVP_PKEY *signer, const EVP_MD *digest)
{
	X509_REQ *request = X509_REQ_new();
	int size;

	*der = NULL;
	if (request == NULL || X509_REQ_set_pubkey(request, subject) != 1 ||
	    X509_REQ_sign(request, signer, digest) == 0)
		abort();
	size = i2d_X509_REQ(request, der);
	X509_REQ_free(request);
	return size;
}

static void makes_and_reads(void **state)
{
	static const char *const names[] = { "hub.example", "192.0.2.1", "2001:db8::1" };
	struct hin_certificate_wish wish = wish_of(HIN_CERTIFICATE_HUB, "hub");
	struct hin_buffer pem = { 0 };
	struct hin_certificate c;
	uint8_t named[16];
	X509 *x;
	BIO *in;

	(void)state;
	wish.names = names;
	wish.name_count = HIN_COUNT(names);
	assert_int_equal(hin_certificate_make(&pem, &wish, other_key.data, ca.data, key.data, NULL),
			 HIN_OK);
	in = BIO_new_mem_buf(pem.data, -1);
	x = PEM_read_bio_X509(in, NULL, NULL, NULL);
	assert_int_equal(X509_check_host(x, "hub.example", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(x, "192.0.2.1", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(x, "192.0.2.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(x, "2001:db8::1", 0), 1);
	assert_int_equal(X509_check_ip_asc(x, "192.0.2.2", 0), 0);
	assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0), 1);
	X509_free(x);
	BIO_free(in);
	hin_buffer_reset(&pem);

	wish = wish_of(HIN_CERTIFICATE_SENSOR, "attic");
	wish.sensor_id = id;
	assert_int_equal(hin_certificate_make(&pem, &wish, other_key.data, ca.data, key.data, NULL),
			 HIN_OK);
	assert_int_equal(hin_certificate_read(&c, pem.data, NULL), HIN_OK);
	assert_string_equal(c.name, "attic");
	assert_string_equal(c.uri, "urn:hinomi:sensor:deadbeef000000000000000000000001");
	assert_true(hin_sensor_of_uri(named, c.uri));
	assert_memory_equal(named, id, 16);
	assert_int_equal(strlen(c.serial), 32);
	assert_int_equal(c.from_s, NOW - 600);
	assert_int_equal(c.until_s, NOW + 86400);
	assert_false(c.ca);
	hin_buffer_fini(&pem);
}

static void checks(void **state)
{
	struct hin_certificate_wish wish = wish_of(HIN_CERTIFICATE_SENSOR, "attic");
	struct hin_buffer pem = { 0 };

	(void)state;
	assert_int_equal(hin_certificate_make(&pem, &wish, other_key.data, ca.data, key.data, NULL),
			 HIN_OK);
	const struct {
		const char *name, *ca, *key;
		int64_t now;
		enum hin_code want;
	} cases[] = {
		{ "good", ca.data, other_key.data, NOW, HIN_OK },
		{ "any key", ca.data, NULL, NOW, HIN_OK },
		{ "another key", ca.data, key.data, NOW, HIN_EVERIFY },
		{ "another CA", other_ca.data, other_key.data, NOW, HIN_EVERIFY },
		{ "itself as authority", pem.data, other_key.data, NOW, HIN_EVERIFY },
		{ "too early", ca.data, other_key.data, NOW - 601, HIN_EVERIFY },
		{ "too late", ca.data, other_key.data, NOW + 86401, HIN_EVERIFY },
		{ "no CA", "x", other_key.data, NOW, HIN_EFORMAT },
		{ "no key", ca.data, "x", NOW, HIN_EVERIFY },
	};
	for (size_t i = 0; i < HIN_COUNT(cases); i++)
		if (hin_certificate_check(pem.data, cases[i].ca, cases[i].key, cases[i].now,
					  NULL) != cases[i].want)
			fail_msg("%s", cases[i].name);
	hin_buffer_fini(&pem);
}

static void requests(void **state)
{
	EVP_PKEY *p256 = EVP_EC_gen("P-256"), *p384 = EVP_EC_gen("P-384"), *rsa = EVP_RSA_gen(2048),
		 *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	const struct {
		const char *name;
		EVP_PKEY *subject, *signer;
		const EVP_MD *digest;
		enum hin_code want;
	} cases[] = {
		{ "P-256", p256, p256, EVP_sha256(), HIN_OK },
		{ "P-384", p384, p384, EVP_sha256(), HIN_EUNSUPPORTED },
		{ "RSA", rsa, rsa, EVP_sha256(), HIN_EUNSUPPORTED },
		{ "Ed25519", ed, ed, NULL, HIN_EUNSUPPORTED },
		{ "signed by another", p256, p384, EVP_sha256(), HIN_EVERIFY },
	};
	struct hin_certificate_wish wish = wish_of(HIN_CERTIFICATE_SENSOR, "attic");
	struct hin_buffer csr = { 0 }, pem = { 0 };
	uint8_t large[HIN_CSR_SIZE + 1] = { 0x30 };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		uint8_t *der;
		int size = request_of(&der, cases[i].subject, cases[i].signer, cases[i].digest);
		uint8_t *in = hin_test_copy(der, (size_t)size);

		if (hin_certificate_request_check(in, (size_t)size, NULL) != cases[i].want)
			fail_msg("%s", cases[i].name);
		free(in);
		OPENSSL_free(der);
	}
	assert_int_equal(hin_certificate_request(&csr, other_key.data, NULL), HIN_OK);
	for (size_t i = 0; i < csr.used; i++) {
		uint8_t *in = hin_test_copy(csr.data, i);

		if (hin_certificate_request_check(in, i, NULL) == HIN_OK)
			fail_msg("cut at %zu, and taken", i);
		free(in);
		csr.data[i] ^= 1;
		if (hin_certificate_request_check(csr.data, csr.used, NULL) == HIN_OK)
			fail_msg("byte %zu changed, and taken", i);
		csr.data[i] ^= 1;
	}
	hin_buffer_putc(&csr, '\0'); /* more than the request */
	assert_int_equal(hin_certificate_request_check(csr.data, csr.used, NULL), HIN_EFORMAT);
	assert_int_equal(hin_certificate_request_check(large, sizeof(large), NULL), HIN_ELIMIT);
	assert_int_equal(hin_certificate_make_for(&pem, &wish, csr.data, csr.used - 1, ca.data,
						  key.data, NULL),
			 HIN_OK);
	assert_int_equal(hin_certificate_check(pem.data, ca.data, other_key.data, NOW, NULL),
			 HIN_OK);
	hin_buffer_reset(&pem);
	assert_int_equal(hin_certificate_make_for(&pem, &wish, csr.data, csr.used - 1, ca.data,
						  other_key.data, NULL),
			 HIN_EFORMAT); /* not the CA's key */
	wish.name = "a name of more than sixty-four characters, which X.509 does not allow at all";
	assert_int_equal(hin_certificate_make_for(&pem, &wish, csr.data, csr.used - 1, ca.data,
						  key.data, NULL),
			 HIN_EFORMAT);
	hin_buffer_fini(&csr);
	hin_buffer_fini(&pem);
	EVP_PKEY_free(p256);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ed);
}

static void keys(void **state)
{
	struct hin_buffer sealed = { 0 }, open = { 0 };
	uint8_t seed[32] = { 7 }, again[32] = { 0 };

	(void)state;
	assert_int_equal(hin_certificate_key_seal(&sealed, key.data, "words", NULL), HIN_OK);
	assert_int_equal(hin_certificate_key_open(&open, sealed.data, NULL, NULL), HIN_EDENIED);
	assert_int_equal(hin_certificate_key_open(&open, sealed.data, "word", NULL), HIN_EDENIED);
	assert_int_equal(hin_certificate_key_open(&open, sealed.data, "", NULL), HIN_EDENIED);
	assert_int_equal(hin_certificate_key_open(&open, sealed.data, "words", NULL), HIN_OK);
	assert_string_equal(open.data, key.data);
	hin_buffer_reset(&open);
	assert_int_equal(hin_certificate_key_open(&open, key.data, "not needed", NULL), HIN_OK);
	assert_int_equal(hin_certificate_key_open(&open, "", NULL, NULL), HIN_EFORMAT);
	assert_int_equal(hin_certificate_key_open(&open, ca.data, NULL, NULL), HIN_EFORMAT);
	hin_buffer_reset(&sealed);
	assert_int_equal(hin_certificate_seed(&sealed, seed, "words", NULL), HIN_OK);
	assert_int_equal(hin_certificate_seed_open(again, sealed.data, "word", NULL), HIN_EDENIED);
	assert_int_equal(hin_certificate_seed_open(again, sealed.data, "words", NULL), HIN_OK);
	assert_memory_equal(seed, again, 32);
	assert_int_equal(hin_certificate_seed_open(again, key.data, NULL, NULL), HIN_EFORMAT);
	hin_secret_fini(&sealed);
	hin_secret_fini(&open);
}

static void uris(void **state)
{
	static const struct {
		const char *uri;
		bool good;
	} cases[] = {
		{ "urn:hinomi:sensor:00112233445566778899aabbccddeeff", true },
		{ "urn:hinomi:sensor:00112233445566778899aabbccddeef", false },
		{ "urn:hinomi:sensor:00112233445566778899aabbccddeeff0", false },
		{ "urn:hinomi:sensor:0011223344556677 899aabbccddeeff", false },
		{ "urn:hinomi:sensor:", false },
		{ "URN:hinomi:sensor:00112233445566778899aabbccddeeff", false },
		{ "", false },
	};
	uint8_t out[16];

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++)
		if (hin_sensor_of_uri(out, cases[i].uri) != cases[i].good)
			fail_msg("%s", cases[i].uri);
}

static int make(void **state)
{
	struct hin_certificate_wish wish = wish_of(HIN_CERTIFICATE_AUTHORITY, "authority");

	(void)state;
	return hin_certificate_key(&key, NULL, NULL) == HIN_OK &&
			       hin_certificate_key(&other_key, NULL, NULL) == HIN_OK &&
			       hin_certificate_make(&ca, &wish, key.data, NULL, NULL, NULL) ==
				       HIN_OK &&
			       hin_certificate_make(&other_ca, &wish, other_key.data, NULL, NULL,
						    NULL) == HIN_OK
		       ? 0
		       : -1;
}

static int unmake(void **state)
{
	(void)state;
	hin_secret_fini(&key);
	hin_secret_fini(&other_key);
	hin_buffer_fini(&ca);
	hin_buffer_fini(&other_ca);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_and_reads),
		cmocka_unit_test(checks),
		cmocka_unit_test(requests),
		cmocka_unit_test(keys),
		cmocka_unit_test(uris),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
