/*
 * enrol - what a sensor and its hub say to each other when it joins or renews its certificate.
 *
 *	hinomi enrol 1				hinomi certificate 1
 *	code 6f1c...				name alpha
 *	key 3b6a...				settings hub.example/settings+c74f20a3+AR...
 *	csr MIHT...				-----BEGIN CERTIFICATE-----
 *	signature 9d1e...			... the sensor's, then the CA's
 *	mac 77ab...
 *
 * `key` is the sensor's Ed25519 key, `signature` its signature over the request for a certificate,
 * `mac` an HMAC-SHA256 with the code's secret over all of it; both cover the fingerprint of the
 * CA. The secret itself never travels. A renewal has neither code nor mac.
 *
 * Ownership: the caller's storage.
 * Threads:   pure functions.
 */
#pragma once
#include "trust/certificate.h"
#include "trust/code.h"
#include "trust/note.h"

#define HIN_ENROL_SIZE 4096 /* most bytes of a request */
#define HIN_ENROL_ANSWER ((size_t)16 << 10)

struct hin_enrol_request {
	bool renewal;
	uint8_t code[HIN_CODE_ID]; /* zero for a renewal */
	uint8_t public_key[32];
	uint8_t signature[64];
	uint8_t mac[32];
	uint8_t csr[HIN_CSR_SIZE];
	size_t csr_size;
};

/* The keys of a sensor: libsodium's Ed25519. */
struct hin_enrol_key {
	uint8_t public_key[32];
	uint8_t secret[64];
};

/* Append a request to join with `code`. */
HIN_MUST_USE enum hin_code hin_enrol_write(struct hin_buffer *out, const struct hin_join_code *code,
					   const struct hin_enrol_key *key, const void *csr,
					   size_t csr_size, struct hin_error *err);

/* Append a request to renew under the CA `ca_sha256`. */
HIN_MUST_USE enum hin_code hin_enrol_write_renewal(struct hin_buffer *out,
						   const uint8_t ca_sha256[32],
						   const struct hin_enrol_key *key, const void *csr,
						   size_t csr_size, struct hin_error *err);

/* Read a request; nothing of it is checked. HIN_EFORMAT, HIN_ELIMIT. */
HIN_MUST_USE enum hin_code hin_enrol_read(struct hin_enrol_request *out, const void *data,
					  size_t size, struct hin_error *err);

/* Is the request signed by its key, for this CA? */
bool hin_enrol_is_signed(const struct hin_enrol_request *request, const uint8_t ca_sha256[32]);

/* Does who made it have the secret? */
bool hin_enrol_knows_secret(const struct hin_enrol_request *request, const uint8_t ca_sha256[32],
			    const uint8_t secret[HIN_CODE_SECRET]);

struct hin_enrol_answer {
	char name[HIN_CERTIFICATE_NAME];
	struct hin_note_verifier settings_key;
	struct hin_buffer certificate_pem, ca_pem;
};

/* Append an answer. */
HIN_MUST_USE enum hin_code hin_enrol_answer_write(struct hin_buffer *out, const char *name,
						  const struct hin_note_verifier *settings_key,
						  const char *certificate_pem, const char *ca_pem,
						  struct hin_error *err);

/* Read an answer into `out`, which was { 0 } and ends with hin_enrol_answer_fini(). HIN_EFORMAT. */
HIN_MUST_USE enum hin_code hin_enrol_answer_read(struct hin_enrol_answer *out, const void *data,
						 size_t size, struct hin_error *err);

/* NULL is fine. */
void hin_enrol_answer_fini(struct hin_enrol_answer *answer);
