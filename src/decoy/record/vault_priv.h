/*
 * vault_priv - the vault's index in memory and on the disk.
 *
 * index.log holds records of VAULT_RECORD bytes: CRC-32 of the rest, then what stands in the struct
 * below, little-endian. The last record of a file is what counts; one that is torn is passed over.
 */
#pragma once
#include "base/bytes.h"
#include "decoy/record/vault.h"

#define VAULT_RECORD 112
#define VAULT_KEY 32
#define VAULT_PURPOSES 256 /* most there ever were */

struct vault_item {
	struct hin_decoy_vault_entry entry;
	uint32_t next; /* of the same hash, + 1 */
	bool dirty;    /* counts are not on the disk */
	bool seen;     /* its file is there */
};

struct vault_source {
	struct vault_source *next;
	struct hin_addr addr;
	uint64_t bytes;
};
#define VAULT_SOURCE_SLOTS 1024u
#define VAULT_SOURCES 65536u

struct hin_decoy_vault {
	char *folder;
	bool write;
	int lock, log; /* of a writer, else -1 */
	struct hin_decoy_vault_settings settings;
	uint8_t key[VAULT_KEY];
	struct hin_decoy_vault_stats stats;
	struct vault_item *items;
	size_t count, room;
	uint32_t *table; /* item + 1, by the first bytes of the digest */
	size_t slots;
	uint64_t records; /* of index.log */
	bool index_dirty;
	char *purposes[VAULT_PURPOSES]; /* by number less one */
	int64_t purpose_since_us[VAULT_PURPOSES];
	uint32_t purpose_count, purpose;
	struct vault_source *sources[VAULT_SOURCE_SLOTS];
	uint32_t source_count;
	int64_t source_day;
};

/* ---- vault_index.c ---- */

struct vault_item *vault_find(const struct hin_decoy_vault *vault, const uint8_t sha256[32]);
/* Add an entry that is not there yet; NULL without memory. */
struct vault_item *vault_add(struct hin_decoy_vault *vault,
			     const struct hin_decoy_vault_entry *entry);
/* Take out those for which `gone` says so, in one pass. */
void vault_drop(struct hin_decoy_vault *vault,
		bool (*gone)(void *user, const struct vault_item *item), void *user);
HIN_MUST_USE enum hin_code vault_index_read(struct hin_decoy_vault *vault, struct hin_error *err);
/* Append what counts of an entry now; with `gone`, that it is no more. */
HIN_MUST_USE enum hin_code vault_index_note(struct hin_decoy_vault *vault,
					    const struct hin_decoy_vault_entry *entry, bool gone,
					    struct hin_error *err);
HIN_MUST_USE enum hin_code vault_index_sync(struct hin_decoy_vault *vault, struct hin_error *err);
/* Write index.log anew when it is mostly of the past. */
HIN_MUST_USE enum hin_code vault_index_compact(struct hin_decoy_vault *vault,
					       struct hin_error *err);
HIN_MUST_USE enum hin_code vault_manifest_read(struct hin_decoy_vault *vault,
					       struct hin_error *err);
/* Have the settings' purpose in the manifest, and write that anew when it differs. */
HIN_MUST_USE enum hin_code vault_manifest_write(struct hin_decoy_vault *vault, int64_t now_us,
						struct hin_error *err);
