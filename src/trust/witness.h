/*
 * witness - seeing that a log only grows: C2SP's https://c2sp.org/tlog-witness, both sides.
 *
 * A log sends its new checkpoint with a proof that it continues the last one that the witness has
 * cosigned; the witness checks it, keeps it and answers with its cosignature. Whoever then asks for
 * k cosignatures cannot be shown another history, unless k witnesses lie with the log.
 *
 *	old 20852014
 *	PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
 *	...
 *
 *	hub.example/ledger
 *	20852163
 *	...
 *
 * Here is what is said; trust/witness_net.h puts it on the wire.
 *
 * Ownership: the caller owns a witness and ends it with hin_witness_close().
 * Threads:   any.
 */
#pragma once
#include "trust/checkpoint.h"
#include "trust/tile.h"

#define HIN_WITNESS_LOGS 64		       /* most keys of logs */
#define HIN_WITNESS_REQUEST ((size_t)24 << 10) /* most bytes of a request */
#define HIN_WITNESS_ORIGIN 65 /* SHA-256 of a log's name in hexadecimal, with its NUL */

struct hin_witness;

/*
 * A witness that keeps what it has seen in `folder`, which is made when it is missing, one file a
 * log. HIN_EVERIFY when one of these was not signed by this witness.
 */
HIN_MUST_USE enum hin_code hin_witness_open(struct hin_witness **out, const char *folder,
					    const struct hin_note_signer *signer,
					    const struct hin_note_verifier *logs, size_t count,
					    struct hin_error *err);

/* NULL is fine. */
void hin_witness_close(struct hin_witness *witness);

/* Its key, for those who ask for cosignatures. */
void hin_witness_key(const struct hin_witness *witness, struct hin_cosigner *out);

/*
 * Answer a request to add a checkpoint: `out` gets the body, `*type` its type; the HTTP status is
 * returned (200, 400, 403, 404, 409, 422, 500). The checkpoint is on the disk before it is
 * cosigned.
 */
unsigned hin_witness_answer(struct hin_witness *witness, struct hin_buffer *out, const char **type,
			    const void *request, size_t size, int64_t now_s);

/*
 * Append the newest checkpoint that it has cosigned, of the log whose name has this SHA-256 in
 * lower-case hexadecimal. HIN_ENOENT.
 */
HIN_MUST_USE enum hin_code hin_witness_checkpoint(struct hin_witness *witness, const char *origin,
						  struct hin_buffer *out, struct hin_error *err);

/* name, meaning: what a witness counts. */
#define HIN_WITNESS_COUNTERS(X)                                                                    \
	X(cosigned, "checkpoints cosigned")                                                        \
	X(malformed, "requests refused: malformed")                                                \
	X(unknown, "requests refused: log not known")                                              \
	X(forged, "requests refused: not signed by the log")                                       \
	X(conflict, "requests refused: another size was cosigned last")                            \
	X(inconsistent, "requests refused: THE LOG DOES NOT CONTINUE WHAT WAS COSIGNED")           \
	X(failed, "requests that failed on our side")

struct hin_witness_counters {
#define X(name, meaning) uint64_t name;
	HIN_WITNESS_COUNTERS(X)
#undef X
};

void hin_witness_count(struct hin_witness *witness, struct hin_witness_counters *out);

/* ---- the log's side ---- */

/* Append a request for the checkpoint in `note`, which says `head`, after `old` leaves. */
HIN_MUST_USE enum hin_code hin_witness_request(struct hin_buffer *out, struct hin_tiles *tiles,
					       uint64_t old, const void *note, size_t size,
					       const struct hin_checkpoint *head,
					       struct hin_error *err);

/*
 * Take an answer with status 200: append the line of `cosigner` to `note`, a checkpoint.
 * HIN_EVERIFY when there is none that is good.
 */
HIN_MUST_USE enum hin_code hin_witness_take(struct hin_buffer *note,
					    const struct hin_cosigner *cosigner, const void *answer,
					    size_t size, struct hin_error *err);

/* The size in the body of an answer with status 409. HIN_EFORMAT. */
HIN_MUST_USE enum hin_code hin_witness_size(uint64_t *out, const void *answer, size_t size,
					    struct hin_error *err);
