/*
 * note - signed notes: a text that people can read, and signatures under it.
 *
 *	If you think cryptography is the answer to your problem,
 *	then you don't know what your problem is.
 *
 *	— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZIn...
 *
 * The format is C2SP's (https://c2sp.org/signed-note) with Ed25519 keys, as in Go's checksum
 * database and transparency logs. A key has a name and an id of 32 bits. Signatures of unknown keys
 * are ignored; one of a known key that does not verify spoils the note.
 *
 * Ownership: signers and verifiers are the caller's storage; hin_note_signer_fini() clears the
 *            secret. An opened note points into the bytes that were given.
 * Threads:   no shared state.
 */
#pragma once
#include "base/buffer.h"

#define HIN_NOTE_SIZE ((size_t)1 << 20)	       /* most bytes of a note */
#define HIN_NOTE_SIGNATURES 100		       /* most signatures in it */
#define HIN_NOTE_NAME 128		       /* longest name of a key, with its NUL */
#define HIN_NOTE_VERIFIERS 64		       /* most keys to verify by at once */
#define HIN_NOTE_KEY_TEXT (HIN_NOTE_NAME + 64) /* longest text of a verifier key, with its NUL */

struct hin_note_verifier {
	char name[HIN_NOTE_NAME];
	uint32_t id;
	uint8_t key[32]; /* Ed25519 */
};

struct hin_note_signer {
	struct hin_note_verifier verifier;
	uint8_t secret[64]; /* libsodium's form: seed and public key */
};

/* A note whose signatures were checked. */
struct hin_note {
	const char *text; /* in the bytes that were given; ends with a newline, no NUL behind */
	size_t size;
	uint64_t signed_by; /* bit i = verifier i has signed */
};

/*
 * The verifier of `key` under `name`. HIN_EFORMAT for a name that is empty, too long, or has spaces
 * or a plus.
 */
HIN_MUST_USE enum hin_code hin_note_verifier_of(struct hin_note_verifier *out, const char *name,
						const uint8_t key[32], struct hin_error *err);

/*
 * Read "name+id+base64" of a key of `algorithm`, called `what` in messages, with the id that stands
 * there: whether it is that of the key depends on the algorithm. HIN_EFORMAT.
 */
HIN_MUST_USE enum hin_code hin_note_key_read(struct hin_note_verifier *out, const char *text,
					     uint8_t algorithm, const char *what,
					     struct hin_error *err);

/* Read "name+id+base64", as it is given to people. HIN_EFORMAT, HIN_EVERIFY when the id differs. */
HIN_MUST_USE enum hin_code hin_note_verifier_parse(struct hin_note_verifier *out, const char *text,
						   struct hin_error *err);

/* Write that form to `out`; returns `out`. */
char *hin_note_verifier_format(const struct hin_note_verifier *verifier,
			       char out[HIN_NOTE_KEY_TEXT]);

/* The signer of an Ed25519 seed under `name`. HIN_EFORMAT as above. */
HIN_MUST_USE enum hin_code hin_note_signer_of(struct hin_note_signer *out, const char *name,
					      const uint8_t seed[32], struct hin_error *err);

/* Clear the secret. NULL is fine. */
void hin_note_signer_fini(struct hin_note_signer *signer);

/*
 * Append `text` of `size` bytes and a signature of each signer. HIN_EFORMAT when the text is empty,
 * does not end with a newline, or is not UTF-8 without control characters; HIN_ELIMIT when it is
 * too large; HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_note_sign(struct hin_buffer *out, const char *text, size_t size,
					 const struct hin_note_signer *signers, size_t count,
					 struct hin_error *err);

/*
 * Check a note by `count` verifiers. HIN_OK when at least one of them has signed and none wrongly;
 * HIN_EVERIFY when one signed wrongly, or none did; HIN_EFORMAT or HIN_ELIMIT for what is no note.
 */
HIN_MUST_USE enum hin_code hin_note_open(struct hin_note *out, const void *data, size_t size,
					 const struct hin_note_verifier *verifiers, size_t count,
					 struct hin_error *err);
