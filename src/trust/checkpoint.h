/*
 * checkpoint - the head of a log, signed: C2SP's https://c2sp.org/tlog-checkpoint.
 *
 *	hub.example/ledger
 *	20852163
 *	CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 *
 *	— hub.example/ledger Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeO...
 *	— witness.example/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI...
 *
 * The lines are the log's name, its size and its root. Witnesses add cosignatures, which hold the
 * time at which they found the log grown and not changed (https://c2sp.org/tlog-cosignature,
 * Ed25519).
 *
 * Ownership: the caller's storage.
 * Threads:   no shared state.
 */
#pragma once
#include "trust/note.h"
#include "trust/tree.h"

#define HIN_CHECKPOINT_SIZE ((size_t)16 << 10) /* most bytes of one, with all signatures */

struct hin_checkpoint {
	char origin[HIN_NOTE_NAME]; /* the log's name */
	uint64_t size;
	struct hin_hash root;
};

/* Append the text that is signed. */
void hin_checkpoint_format(struct hin_buffer *out, const struct hin_checkpoint *checkpoint);

/* Read that text; lines behind the third are passed over. HIN_EFORMAT. */
HIN_MUST_USE enum hin_code hin_checkpoint_parse(struct hin_checkpoint *out, const char *text,
						size_t size, struct hin_error *err);

/* Append the checkpoint, signed; its origin is the signer's name. */
HIN_MUST_USE enum hin_code hin_checkpoint_sign(struct hin_buffer *out, uint64_t size,
					       const struct hin_hash *root,
					       const struct hin_note_signer *signer,
					       struct hin_error *err);

/*
 * Check the log's signature and read. HIN_EVERIFY when it is not signed by `log` or has another
 * origin than its name, HIN_EFORMAT, HIN_ELIMIT.
 */
HIN_MUST_USE enum hin_code hin_checkpoint_open(struct hin_checkpoint *out, const void *note,
					       size_t size, const struct hin_note_verifier *log,
					       struct hin_error *err);

/* ---- cosignatures ---- */

/* The key of a witness as others know it: "name+id+base64" with the algorithm 4. */
struct hin_cosigner {
	struct hin_note_verifier verifier; /* `id` is that of cosignatures */
};

/* HIN_EFORMAT, HIN_EVERIFY as of hin_note_verifier_parse(). */
HIN_MUST_USE enum hin_code hin_cosigner_parse(struct hin_cosigner *out, const char *text,
					      struct hin_error *err);

/* The cosigner of a signer. */
void hin_cosigner_of(struct hin_cosigner *out, const struct hin_note_signer *signer);

/* Write its text to `out`; returns `out`. */
char *hin_cosigner_format(const struct hin_cosigner *cosigner, char out[HIN_NOTE_KEY_TEXT]);

/* Append a line with a cosignature of the checkpoint's `text`, as of `now_s`. */
void hin_cosign(struct hin_buffer *out, const char *text, size_t size,
		const struct hin_note_signer *signer, int64_t now_s);

/*
 * Which of `count` cosigners have cosigned the checkpoint in `note`? Bit i of `*out` = cosigner i;
 * `times_s` (or NULL) gets when. HIN_EVERIFY when one of theirs does not verify, HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_cosignatures(uint64_t *out, int64_t *times_s, const void *note,
					    size_t size, const struct hin_cosigner *cosigners,
					    size_t count, struct hin_error *err);
