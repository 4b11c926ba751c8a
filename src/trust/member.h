/*
 * member - a sensor's side of a CA: what it keeps after it has joined a hub.
 *
 * A folder (mode 0700, files 0600), beside the sensor's own key:
 *
 *	joined		the hub, the sensor's name there, the key of its settings
 *	ca.crt	the hub's CA; nobody else is trusted
 *	tls.pem		key and certificate for TLS; both change together
 *	settings.note	the last good settings (trust/settings.h)
 *
 * The TLS key never leaves the folder, and is drawn anew for each certificate. It is encrypted when
 * there was a passphrase.
 *
 * Ownership: the caller's storage, at first { 0 }, ended by hin_member_fini().
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "trust/enrol.h"

struct hin_member {
	char *folder;
	char hub[HIN_CODE_HOST + 16]; /* "host:port" */
	char url[HIN_CODE_HOST + 24]; /* "https://host:port" */
	char name[HIN_CERTIFICATE_NAME];
	struct hin_note_verifier settings_key;
	uint8_t ca_sha256[32];
	struct hin_buffer ca_pem, certificate_pem, key_pem; /* the key is not encrypted here */
	struct hin_certificate certificate;
};

/* Free and clear. NULL is fine. */
void hin_member_fini(struct hin_member *member);

/* HIN_ENOENT when the folder has not joined; HIN_EDENIED without the passphrase that it needs. */
HIN_MUST_USE enum hin_code hin_member_load(struct hin_member *out, const char *folder,
					   const char *passphrase, struct hin_error *err);

/*
 * The same without certificate and keys, for what needs none: hub, name, the CA, the key of
 * settings. HIN_ENOENT as above.
 */
HIN_MUST_USE enum hin_code hin_member_look(struct hin_member *out, const char *folder,
					   struct hin_error *err);

/* Has the folder joined a hub? */
bool hin_member_is_joined(const char *folder);

/* Where its settings note is; `out` has PATH_MAX bytes; returns `out`. */
char *hin_member_settings_path(const struct hin_member *member, char *out);

/*
 * Begin to join or to renew: draw a TLS key into `key_pem` (ended by hin_secret_fini()) and append
 * the request to `request`.
 */
HIN_MUST_USE enum hin_code hin_member_ask(struct hin_buffer *request, struct hin_buffer *key_pem,
					  const struct hin_join_code *code,
					  const struct hin_enrol_key *key, struct hin_error *err);
HIN_MUST_USE enum hin_code hin_member_ask_renewal(struct hin_buffer *request,
						  struct hin_buffer *key_pem,
						  const struct hin_member *member,
						  const struct hin_enrol_key *key,
						  struct hin_error *err);

/*
 * End it with the hub's answer: check that all of it is from the hub of the code and for our keys,
 * then write the folder, which is made if needed. HIN_EVERIFY says what does not fit; nothing is
 * written then.
 */
HIN_MUST_USE enum hin_code hin_member_join(const char *folder, const struct hin_join_code *code,
					   const struct hin_enrol_key *key, const char *key_pem,
					   const void *answer, size_t size, const char *passphrase,
					   int64_t now_s, struct hin_error *err);

/* The same for a renewal; `member` has the new certificate then. */
HIN_MUST_USE enum hin_code hin_member_renew(struct hin_member *member,
					    const struct hin_enrol_key *key, const char *key_pem,
					    const void *answer, size_t size, const char *passphrase,
					    int64_t now_s, struct hin_error *err);

/* Is it time to renew: has the certificate less than a third of its life left? */
bool hin_member_due(const struct hin_member *member, int64_t now_s);
