/*
 * ledger_read - reading a ledger's files beside its writer: what they say is checked first.
 *
 * The checkpoint must be signed by the log's key. Acts are given only when their bundle leads to
 * the checkpoint's root, so a changed file is an error and never an answer.
 *
 * Ownership: the caller owns a reader and ends it with hin_ledger_read_close().
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "trust/act.h"
#include "trust/checkpoint.h"
#include "trust/tile.h"

struct hin_ledger_reader {
	struct hin_tiles *tiles;
	struct hin_note_verifier key;
	struct hin_buffer note; /* the checkpoint */
	struct hin_checkpoint head;
	bool witnessed; /* it is the witnessed one */
};

/*
 * Open the ledger in `folder` by the key `key`; NULL takes that of its file "key", which is no
 * more to be trusted than the folder. With `witnessed` the newest checkpoint with cosignatures is
 * read, when there is one. HIN_EVERIFY, HIN_ENOENT, HIN_ESYS.
 */
HIN_MUST_USE enum hin_code hin_ledger_read_open(struct hin_ledger_reader *out, const char *folder,
						const char *key, bool witnessed,
						struct hin_error *err);

/* NULL is fine. */
void hin_ledger_read_close(struct hin_ledger_reader *reader);

/* Called for each act, in their order. Any code but HIN_OK ends the reading. */
typedef enum hin_code (*hin_ledger_act_fn)(void *user, uint64_t index, const struct hin_act *act,
					   struct hin_error *err);

/* Give the acts [from, until) that the checkpoint has. HIN_EVERIFY names what was changed. */
HIN_MUST_USE enum hin_code hin_ledger_read_acts(struct hin_ledger_reader *reader, uint64_t from,
						uint64_t until, hin_ledger_act_fn call, void *user,
						struct hin_error *err);

/*
 * Read all entries and all tiles, and hold them against each other and the checkpoint. HIN_EVERIFY
 * names the first fault. hinomi-verify does the same with code of its own.
 */
HIN_MUST_USE enum hin_code hin_ledger_read_all(struct hin_ledger_reader *reader,
					       struct hin_error *err);

/* Does the ledger go on from the older checkpoint in `note`? HIN_EVERIFY. */
HIN_MUST_USE enum hin_code hin_ledger_read_after(struct hin_ledger_reader *reader, const void *note,
						 size_t size, struct hin_error *err);
