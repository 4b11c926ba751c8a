/*
 * ledger - the log of acts: it only grows, and each act can be proved.
 *
 * A ledger is a folder:
 *
 *	tile/...	the log as files (trust/tile.h); may be served to anyone as it is
 *	checkpoint	its signed head (trust/checkpoint.h); the same
 *	witnessed	the newest head with cosignatures, when there are witnesses
 *	key		the key that checkpoints are signed with
 *	journal		acts that the tiles on the disk may lack
 *	lock		who writes holds it
 *
 * An act is durable when the journal has it and was synced; its index is known then. What is given
 * while a sync runs is written together by the next one. Every `publish_ns`, files and a new
 * checkpoint follow. A crash at any moment loses nothing that was durable; on opening, journal,
 * tiles and checkpoint are held against each other, and what does not fit is refused with its name:
 * a ledger that was cut or changed is never continued.
 *
 *	code = hin_ledger_append(ledger, &act, &index, &err);
 *
 * Ownership: the caller owns a ledger and ends it with hin_ledger_close().
 * Threads:   any; one process writes at a time, any number read the files beside it.
 */
#pragma once
#include "trust/act.h"
#include "trust/checkpoint.h"
#include "trust/tile.h"

#define HIN_LEDGER_BATCH 65536u		   /* most acts that are written together */
#define HIN_LEDGER_LAG ((uint64_t)1 << 20) /* the usual `lag` */

struct hin_ledger;

struct hin_ledger_settings {
	const char *folder;
	const struct hin_note_signer *signer; /* copied; its name is the log's */
	bool create;			      /* make it when there is none */
	int64_t publish_ns;		      /* most time until a checkpoint covers an act */
	int64_t gather_ns;     /* how long an act waits for others before the sync; 0 = not */
	uint64_t lag;	       /* most acts that are durable and not in tiles, in memory */
	uint64_t journal_size; /* bytes after which tiles are synced and the journal begins anew */
};

/* The values that suit a hub: a second, no waiting, 64 MiB. The rest is { 0 }. */
void hin_ledger_settings_default(struct hin_ledger_settings *settings);

/*
 * Open to write. HIN_ENOENT when there is none and `create` is not set; HIN_EDENIED when another
 * process writes it; HIN_EVERIFY when it was cut, changed or signed by another key; HIN_ESYS.
 */
HIN_MUST_USE enum hin_code hin_ledger_open(struct hin_ledger **out,
					   const struct hin_ledger_settings *settings,
					   struct hin_error *err);

/* Write and publish what was given, and free. NULL is fine. No other call may be under way. */
void hin_ledger_close(struct hin_ledger *ledger);

/*
 * Append an act and wait until it is durable; `*index` (or NULL) is its place for ever. On failure
 * it is not in the ledger: HIN_EFORMAT for what is no act; HIN_ESYS when the disk is full, later
 * calls may work; after a failed sync it is not known, and all calls fail until the ledger is
 * opened again.
 */
HIN_MUST_USE enum hin_code hin_ledger_append(struct hin_ledger *ledger, const struct hin_act *act,
					     uint64_t *index, struct hin_error *err);

/* The same for `count` acts up to HIN_LEDGER_BATCH, all or none; they follow each other. */
HIN_MUST_USE enum hin_code hin_ledger_append_all(struct hin_ledger *ledger,
						 const struct hin_act *acts, size_t count,
						 uint64_t *first, struct hin_error *err);

/* Called in the ledger's thread once it is known how it went; it must not call the ledger. */
typedef void (*hin_ledger_fn)(void *user, enum hin_code code, uint64_t index);

/*
 * Append without waiting; `done` (or NULL) tells how it went. HIN_EAGAIN when a whole batch waits
 * already; HIN_EFORMAT.
 */
HIN_MUST_USE enum hin_code hin_ledger_queue(struct hin_ledger *ledger, const struct hin_act *act,
					    hin_ledger_fn done, void *user, struct hin_error *err);

/* Append `text` of `size` bytes, signed with the log's key, as hin_note_sign() does. */
HIN_MUST_USE enum hin_code hin_ledger_sign(const struct hin_ledger *ledger, const void *text,
					   size_t size, struct hin_buffer *out,
					   struct hin_error *err);

/* Publish now: when it returns a checkpoint covers all that was durable before the call. */
HIN_MUST_USE enum hin_code hin_ledger_publish(struct hin_ledger *ledger, struct hin_error *err);

/* Append the newest checkpoint, a signed note, to `out`; what it says to `head`. Both may be NULL.
 */
HIN_MUST_USE enum hin_code hin_ledger_head(struct hin_ledger *ledger, struct hin_buffer *out,
					   struct hin_checkpoint *head, struct hin_error *err);

/*
 * Take a checkpoint of this log with cosignatures, as the newest witnessed one. HIN_EVERIFY when it
 * is not ours. One that is older than the one there is changes nothing.
 */
HIN_MUST_USE enum hin_code hin_ledger_witness(struct hin_ledger *ledger, const void *note,
					      size_t size, struct hin_error *err);

/* Its folder, and the key that checkpoints are signed with. */
const char *hin_ledger_folder(const struct hin_ledger *ledger);
const struct hin_note_verifier *hin_ledger_key(const struct hin_ledger *ledger);

/*
 * Append a proof that act `index` is in the ledger (trust/proof.h), by the newest witnessed
 * checkpoint that has it, else by the newest. `salt` (or NULL) is that of its object. HIN_ERANGE
 * when there is no such act, HIN_EAGAIN when no checkpoint has it yet: hin_ledger_publish() helps.
 */
HIN_MUST_USE enum hin_code hin_ledger_prove(struct hin_ledger *ledger, uint64_t index,
					    const uint8_t *salt, struct hin_buffer *out,
					    struct hin_error *err);

/* name, meaning: what a ledger counts, since it was opened. */
#define HIN_LEDGER_COUNTERS(X)                                                                     \
	X(acts, "acts made durable")                                                               \
	X(batches, "syncs for them")                                                               \
	X(refused, "acts refused: too many waiting")                                               \
	X(failed, "acts refused: could not be written")                                            \
	X(published, "checkpoints published")                                                      \
	X(publish_failed, "checkpoints that could not be published")                               \
	X(turned, "journals begun anew")

struct hin_ledger_counters {
#define X(name, meaning) uint64_t name;
	HIN_LEDGER_COUNTERS(X)
#undef X
	uint64_t size;	     /* acts that are durable, of all time */
	uint64_t checkpoint; /* those that the newest checkpoint has */
	uint64_t witnessed;  /* those that the newest witnessed one has */
};

void hin_ledger_count(struct hin_ledger *ledger, struct hin_ledger_counters *out);

/* ---- its key ---- */

/*
 * Read the key at `path` for a log called `origin`, or with `create` make one there, mode 0600,
 * when there is none. With a passphrase it is encrypted. HIN_ENOENT, HIN_EDENIED, HIN_EFORMAT.
 */
HIN_MUST_USE enum hin_code hin_ledger_key_load(struct hin_note_signer *out, const char *path,
					       const char *origin, const char *passphrase,
					       bool create, struct hin_error *err);
