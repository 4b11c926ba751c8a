/*
 * key - a sensor's Ed25519 key and its place in its own chain of batches.
 *
 * A key file is text: a first line that names the format, then "public" and "seed" in hexadecimal.
 * An encrypted one has, in place of the seed, the seed under XSalsa20 and Poly1305 with a key that
 * Argon2id makes of a passphrase, and what that needs. Beside it, at the same path with ".state"
 * added, lies the mark: epoch, sequence and digest of the last batch. A sensor whose state is lost
 * begins a new epoch, drawn at random, so that it is never taken for a repeat of itself.
 *
 * Ownership: the caller's storage; hin_sensor_key_fini() clears the secret.
 * Threads:   one thread at a time for each; a key that is only read may be shared.
 */
#pragma once
#include "base/error.h"

#define HIN_SENSOR_ID 16 /* bytes: first half of the SHA-256 of the public key */
#define HIN_KEY_PUBLIC 32
#define HIN_KEY_SECRET 64 /* libsodium's form: seed and public key */

struct hin_sensor_key {
	uint8_t id[HIN_SENSOR_ID];
	uint8_t public_key[HIN_KEY_PUBLIC];
	uint8_t secret[HIN_KEY_SECRET];
};

/* Where a chain of batches stands: its last batch, or sequence 0 before the first. */
struct hin_batch_mark {
	uint64_t epoch;
	uint64_t sequence;
	uint8_t digest[32]; /* SHA-256 of that batch; zero at sequence 0 */
};

/* The sensor id of a public key. */
void hin_sensor_id(uint8_t out[HIN_SENSOR_ID], const uint8_t public_key[HIN_KEY_PUBLIC]);

/* Draw a new key. */
HIN_MUST_USE enum hin_code hin_sensor_key_draw(struct hin_sensor_key *out, struct hin_error *err);

/* The key of a seed: for tests, and for keys that are kept elsewhere. */
HIN_MUST_USE enum hin_code hin_sensor_key_of_seed(struct hin_sensor_key *out,
						  const uint8_t seed[32], struct hin_error *err);

/* Draw a new key and write it to `path`, mode 0600. HIN_ESYS with EEXIST when the file exists. */
HIN_MUST_USE enum hin_code hin_sensor_key_create(struct hin_sensor_key *out, const char *path,
						 struct hin_error *err);

/*
 * Read the key at `path`. HIN_EDENIED when others than its owner may read or write it, or it is
 * encrypted; HIN_ENOENT when there is none, HIN_EFORMAT when it is no key file or its halves do not
 * fit.
 */
HIN_MUST_USE enum hin_code hin_sensor_key_load(struct hin_sensor_key *out, const char *path,
					       struct hin_error *err);

/*
 * The same for a key of either form; `passphrase` may be NULL. HIN_EDENIED when it is encrypted and
 * the passphrase is missing or wrong.
 */
HIN_MUST_USE enum hin_code hin_sensor_key_unlock(struct hin_sensor_key *out, const char *path,
						 const char *passphrase, struct hin_error *err);

/* Replace the file at `path` by `key`, encrypted. A reader finds the old file or the new one. */
HIN_MUST_USE enum hin_code hin_sensor_key_seal(const struct hin_sensor_key *key, const char *path,
					       const char *passphrase, struct hin_error *err);

/*
 * hin_sensor_key_unlock(); if there is none, create it. With a passphrase the file is encrypted
 * afterwards, also when it was not before; without one it is as hin_sensor_key_open().
 */
HIN_MUST_USE enum hin_code hin_sensor_key_open_sealed(struct hin_sensor_key *out, const char *path,
						      const char *passphrase,
						      struct hin_error *err);

/* Load the key at `path`; if there is none, create it. */
HIN_MUST_USE enum hin_code hin_sensor_key_open(struct hin_sensor_key *out, const char *path,
					       struct hin_error *err);

/* Clear the secret. NULL is fine. */
void hin_sensor_key_fini(struct hin_sensor_key *key);

/* A new epoch: drawn at random, sequence 0. */
HIN_MUST_USE enum hin_code hin_batch_mark_draw(struct hin_batch_mark *out, struct hin_error *err);

/*
 * Read the mark beside the key file `path`; if there is none, draw a new epoch and write it.
 * HIN_EFORMAT for a file that is no mark: it is never replaced in silence.
 */
HIN_MUST_USE enum hin_code hin_batch_mark_open(struct hin_batch_mark *out, const char *path,
					       struct hin_error *err);

/* Replace the mark beside the key file `path`, durably. */
HIN_MUST_USE enum hin_code hin_batch_mark_save(const struct hin_batch_mark *mark, const char *path,
					       struct hin_error *err);
