/*
 * backup - a hub's folder copied while it runs, and made again of the copy.
 *
 * A backup is a folder: store/ (store/store.h), trust/, ledger/ (trust/ledger.h), desk.db
 * (hub/desk.h), hub.key, ledger.key, hub.yaml, and MANIFEST with the SHA-256 of each file but those
 * of store and ledger, which check themselves. It holds secret keys: mode 0700. MANIFEST is written
 * last; without it a folder is no backup.
 *
 * The desk is copied before the ledger, so that no act of it is missing there.
 *
 * Threads: no shared state.
 */
#pragma once
#include "store/store.h"

/*
 * Copy the hub of `folder` into `to`, which must be new or empty. `trust` and `store` are where
 * those lie. `out` says what of the store was copied.
 */
HIN_MUST_USE enum hin_code hin_hub_backup(const char *folder, const char *trust, const char *store,
					  const char *to, struct hin_store_checked *out,
					  struct hin_error *err);

/*
 * Make the hub's folder `folder`, which must not exist, of the backup `from`, after every sum was
 * found right (else HIN_EVERIFY). At its next start it begins a new epoch of its own rows. Sensors
 * are asked for what came after the backup, as far as they still have it; who was revoked since
 * must be revoked again. Witnesses that have seen more of the ledger than the backup has refuse it
 * from then on, and rightly so: what was logged since is gone.
 */
HIN_MUST_USE enum hin_code hin_hub_restore(const char *from, const char *folder,
					   struct hin_store_checked *out, struct hin_error *err);
