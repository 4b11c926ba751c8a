/*
 * act - what a person or a process did, as a leaf of the ledger: 84 bytes, numbers big-endian.
 *
 *	offset	bytes
 *	     0	    2	version, 1
 *	     2	    2	kind (schema/registry/acts)
 *	     4	    8	who: the account's number; 0 = the system itself
 *	    12	    8	when: microseconds since 1970 UTC
 *	    20	   32	authority: SHA-256 of the text of its note; zeros = none was needed
 *	    52	   32	object: its salted digest; zeros = the act has none
 *
 * The salted digest is SHA-256 over a salt of 16 random bytes and the object's bytes. Salt and
 * object lie elsewhere (the hub's desk) and may be erased: the ledger stays whole, and nobody can
 * find the object by guessing.
 *
 * Ownership: the caller's storage.
 * Threads:   pure functions.
 */
#pragma once
#include "base/lang.h"
#include "trust/act_numbers.h"

#define HIN_ACT_BYTES ((size_t)84)
#define HIN_ACT_SALT ((size_t)16) /* bytes */
#define HIN_ACT_DIGEST ((size_t)32)

struct hin_act {
	uint16_t kind;	 /* HIN_ACT_SIGN_IN, ... */
	uint64_t who;	 /* up to INT64_MAX */
	int64_t when_us; /* not before 1970 */
	uint8_t authority[HIN_ACT_DIGEST];
	uint8_t object[HIN_ACT_DIGEST];
};

/* Write `act` as bytes. HIN_EFORMAT when its kind is unknown or a number is out of its range. */
HIN_MUST_USE enum hin_code hin_act_encode(uint8_t out[HIN_ACT_BYTES], const struct hin_act *act,
					  struct hin_error *err);

/*
 * Read an act. HIN_ETRUNCATED or HIN_EFORMAT for what is none, HIN_EUNSUPPORTED for a later
 * version. A kind that is not known here is read: a newer program may have written it.
 */
HIN_MUST_USE enum hin_code hin_act_decode(struct hin_act *out, const void *data, size_t size,
					  struct hin_error *err);

/* Draw a salt. HIN_ESYS without randomness. */
HIN_MUST_USE enum hin_code hin_act_salt(uint8_t out[HIN_ACT_SALT], struct hin_error *err);

/* The salted digest of `size` bytes at `object`. */
void hin_act_digest(uint8_t out[HIN_ACT_DIGEST], const uint8_t salt[HIN_ACT_SALT],
		    const void *object, size_t size);

/* Are these 32 bytes zeros, which stand for none? */
bool hin_act_is_none(const uint8_t digest[HIN_ACT_DIGEST]);

/* ---- words: the kinds of acts, and of authorities (trust/authority.h) ---- */

struct hin_act_word {
	uint16_t number;
	const char *name;
	const char *text[2]; /* by enum hin_lang */
};

struct hin_act_words {
	const struct hin_act_word *rows;
	size_t count;
};

extern const struct hin_act_words hin_acts, hin_authorities;

/* The row of a number or of a name, or NULL. */
const struct hin_act_word *hin_act_word(const struct hin_act_words *words, uint16_t number);
const struct hin_act_word *hin_act_word_named(const struct hin_act_words *words, const char *name);

/* The name of an act's kind, "unknown" when there is none. */
const char *hin_act_name(uint16_t kind);
