/*
 * proof - an act of a ledger, to be checked offline: C2SP's https://c2sp.org/tlog-proof.
 *
 *	c2sp.org/tlog-proof@v1
 *	extra AAEBLQAAAAAAAAAH...
 *	index 73894
 *	gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
 *	...
 *
 *	hub.example/ledger
 *	109482
 *	sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=
 *
 *	— hub.example/ledger hI2DJw...
 *	— witness.example/w1 mJirIklj...
 *
 * Behind "extra" are the act's 84 bytes (trust/act.h) and, when the object is to be checked too,
 * its salt of 16 bytes. The lines behind the index lead from the leaf up to the root; the
 * checkpoint follows. What is behind "extra" counts only because it hashes to the leaf.
 *
 * Ownership: the caller's storage; a parsed proof points into the bytes that were given.
 * Threads:   no shared state.
 */
#pragma once
#include "trust/act.h"
#include "trust/checkpoint.h"
#include "trust/tile.h"

#define HIN_PROOF_SIZE ((size_t)32 << 10) /* most bytes of a proof */

struct hin_proof {
	uint64_t index;
	struct hin_path path;
	uint8_t entry[HIN_ACT_BYTES];
	struct hin_act act; /* what the entry says */
	bool has_salt;
	uint8_t salt[HIN_ACT_SALT];
	const char *checkpoint; /* a signed note */
	size_t checkpoint_size;
};

/*
 * Append the proof of act `index` under the checkpoint in `note`, which says `head`; `tiles` are
 * those of the same log. `salt` may be NULL. HIN_ERANGE when the checkpoint does not have it,
 * HIN_EVERIFY when the files do not lead to the root of the checkpoint.
 */
HIN_MUST_USE enum hin_code hin_proof_make(struct hin_buffer *out, struct hin_tiles *tiles,
					  uint64_t index, const uint8_t *salt, const void *note,
					  size_t size, const struct hin_checkpoint *head,
					  struct hin_error *err);

/* Read a proof; nothing is checked but its form. HIN_EFORMAT, HIN_ELIMIT. */
HIN_MUST_USE enum hin_code hin_proof_parse(struct hin_proof *out, const void *data, size_t size,
					   struct hin_error *err);

/* Is the act in the log whose key is `log`? `head` (or NULL) gets the checkpoint. HIN_EVERIFY. */
HIN_MUST_USE enum hin_code hin_proof_check(const struct hin_proof *proof,
					   const struct hin_note_verifier *log,
					   struct hin_checkpoint *head, struct hin_error *err);

/* Is the act about this object? HIN_EVERIFY, HIN_ENOENT when the proof has no salt. */
HIN_MUST_USE enum hin_code hin_proof_check_object(const struct hin_proof *proof, const void *object,
						  size_t size, struct hin_error *err);
