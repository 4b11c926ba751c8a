/*
 * certificate - X.509 as the road uses it: one CA, a hub, sensors; all P-256.
 *
 * Texts are PEM. Keys are PKCS#8; with a passphrase they are encrypted (PBES2 with scrypt and
 * AES-256), so that `openssl pkey` reads them too. A sensor's certificate names its id, the first
 * half of the SHA-256 of its signing key, as the URI urn:hinomi:sensor:<32 hexadecimal digits>.
 *
 * Ownership: buffers are the caller's; those that hold keys end with hin_secret_fini().
 * Threads:   no shared state.
 */
#pragma once
#include "base/buffer.h"

#define HIN_SENSOR_URI "urn:hinomi:sensor:"
#define HIN_CERTIFICATE_NAME 64		/* longest common name, with its NUL */
#define HIN_CERTIFICATE_SERIAL 33	/* longest serial number in hexadecimal, with its NUL */
#define HIN_CERTIFICATE_URI 64		/* longest URI that is read, with its NUL */
#define HIN_CSR_SIZE 2048		/* most bytes of a request, DER */
#define HIN_PEM_SIZE ((size_t)16 << 10) /* most bytes of a text with certificates or keys */

enum hin_certificate_kind {
	HIN_CERTIFICATE_AUTHORITY, /* signs itself */
	HIN_CERTIFICATE_HUB,
	HIN_CERTIFICATE_SENSOR,
};

/* What a certificate shall say. */
struct hin_certificate_wish {
	enum hin_certificate_kind kind;
	const char *name;	  /* common name */
	const char *const *names; /* of a hub: DNS names and addresses */
	size_t name_count;
	const uint8_t *sensor_id; /* of a sensor: 16 bytes */
	int64_t from_s, until_s;  /* validity, since 1970 */
};

/* What a certificate says. */
struct hin_certificate {
	uint8_t sha256[32];
	char name[HIN_CERTIFICATE_NAME];
	char serial[HIN_CERTIFICATE_SERIAL];
	char uri[HIN_CERTIFICATE_URI]; /* the first URI, or "" */
	int64_t from_s, until_s;
	bool ca;
};

/* Clear and free a buffer that held a secret. NULL is fine. */
void hin_secret_fini(struct hin_buffer *secret);

/* Draw a P-256 key and append it; encrypted when there is a passphrase. */
HIN_MUST_USE enum hin_code hin_certificate_key(struct hin_buffer *out, const char *passphrase,
					       struct hin_error *err);

/*
 * Append the key of `pem` without encryption, whatever it has. HIN_EDENIED when it needs a
 * passphrase and there is none, or it is wrong; HIN_EFORMAT when it is no key.
 */
HIN_MUST_USE enum hin_code hin_certificate_key_open(struct hin_buffer *out, const char *pem,
						    const char *passphrase, struct hin_error *err);

/* Append the key of `pem`, which is not encrypted, encrypted by a passphrase. */
HIN_MUST_USE enum hin_code hin_certificate_key_seal(struct hin_buffer *out, const char *pem,
						    const char *passphrase, struct hin_error *err);

/* Append an Ed25519 key of this seed, encrypted when there is a passphrase. */
HIN_MUST_USE enum hin_code hin_certificate_seed(struct hin_buffer *out, const uint8_t seed[32],
						const char *passphrase, struct hin_error *err);

/* Read the seed of an Ed25519 key; failures as of hin_certificate_key_open(). */
HIN_MUST_USE enum hin_code hin_certificate_seed_open(uint8_t seed[32], const char *pem,
						     const char *passphrase, struct hin_error *err);

/*
 * Append a certificate for the public half of `key_pem`, signed by `issuer_key_pem` in the name of
 * `issuer_pem`; both NULL for a CA, which signs itself. Keys are not encrypted.
 */
HIN_MUST_USE enum hin_code hin_certificate_make(struct hin_buffer *out,
						const struct hin_certificate_wish *wish,
						const char *key_pem, const char *issuer_pem,
						const char *issuer_key_pem, struct hin_error *err);

/* The same for a request in DER; nothing of it but its key is taken over. HIN_EVERIFY: see below.
 */
HIN_MUST_USE enum hin_code hin_certificate_make_for(
	struct hin_buffer *out, const struct hin_certificate_wish *wish, const void *csr,
	size_t csr_size, const char *issuer_pem, const char *issuer_key_pem, struct hin_error *err);

/* Append a request (PKCS#10, DER) for `key_pem`. */
HIN_MUST_USE enum hin_code hin_certificate_request(struct hin_buffer *out, const char *key_pem,
						   struct hin_error *err);

/*
 * Check a request: size, P-256, signed by its own key. HIN_ELIMIT, HIN_EFORMAT, HIN_EVERIFY,
 * HIN_EUNSUPPORTED.
 */
HIN_MUST_USE enum hin_code hin_certificate_request_check(const void *csr, size_t csr_size,
							 struct hin_error *err);

/* Read the first certificate of `pem`. HIN_EFORMAT. */
HIN_MUST_USE enum hin_code hin_certificate_read(struct hin_certificate *out, const char *pem,
						struct hin_error *err);

/*
 * Is the certificate signed by the CA, and of this key (NULL = any), at the time `now_s`?
 * HIN_EVERIFY with the reason.
 */
HIN_MUST_USE enum hin_code hin_certificate_check(const char *pem, const char *ca_pem,
						 const char *key_pem, int64_t now_s,
						 struct hin_error *err);

/* The id in a sensor's URI; false when it is none. */
bool hin_sensor_of_uri(uint8_t out[16], const char *uri);
