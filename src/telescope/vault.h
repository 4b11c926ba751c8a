/*
 * vault - a sensor's store of evidence by digest.
 *
 * An object is a small capture file (nanosecond pcap) with the first packets of an event, kept
 * under the SHA-256 of its bytes. Objects lie sealed (XChaCha20-Poly1305) in append-only segments
 * in a folder:
 *
 *	vault.key     32 random bytes, mode 0600, made by the first writer; it may be a symbolic
 *	              link to a safer place. Without it nothing can be read again.
 *	NNNNNNNN.seg  segments, numbered in hexadecimal; vault_priv.h has their format
 *	lock          held by the one process that writes
 *	acts.log      who opened which evidence, when, and why; it only grows
 *
 * The vault is bounded: beyond `max_bytes` or `max_age_ns` whole segments go, the oldest first, and
 * what went is counted. No object outlives its age, and none goes before 15/16 of it unless space
 * is short.
 *
 * A process that is killed loses nothing it put; a machine that stops loses at most what was put
 * since hin_vault_sync(). A torn end is cut off by the next writer. One process writes; others may
 * read meanwhile and see what there was when they opened the vault.
 *
 * The index in memory takes up to 50 bytes an object. A process that is confined by Landlock needs
 * the folder for reading and writing.
 *
 * Ownership: the caller owns a vault and ends it with hin_vault_close().
 * Threads:   one thread at a time for each vault.
 */
#pragma once
#include "base/buffer.h"

#define HIN_VAULT_DIGEST 32	     /* bytes of a digest: SHA-256 */
#define HIN_VAULT_SNAP 256	     /* bytes kept of a packet */
#define HIN_VAULT_PACKETS 16	     /* packets kept of an event */
#define HIN_VAULT_LEAST (1ull << 20) /* smallest `max_bytes` */
#define HIN_VAULT_LEAST_AGE_NS 60000000000ll
#define HIN_VAULT_REASON 500 /* longest reason of an act, bytes */

struct hin_vault;

/* One packet of an event. */
struct hin_vault_packet {
	int64_t time_ns;     /* since 1970 UTC, recorded clock */
	const uint8_t *data; /* borrowed; from the link layer on */
	uint32_t size;	     /* bytes at `data`; only the first HIN_VAULT_SNAP are kept */
	uint32_t length;     /* bytes it had on the wire */
	uint16_t link;	     /* HIN_LINK_* */
};

/* What is kept now, and what happened since the vault was opened. */
struct hin_vault_stats {
	uint64_t segments, bytes; /* on the disk */
	uint64_t objects;	  /* stored objects */
	uint64_t put;		  /* objects stored */
	uint64_t repeated;	  /* puts of an object that was there already */
	uint64_t failed;	  /* puts that failed */
	uint64_t dropped;	  /* objects that went for want of space */
	uint64_t expired;	  /* objects that went by age */
	uint64_t damaged_bytes;	  /* passed over in segments: no record, or not by our key */
	uint64_t cut_bytes;	  /* torn end that was cut off at open */
};

/* One event that the vault has evidence of. */
struct hin_vault_entry {
	uint64_t event_link;
	int64_t time_ns; /* when it was put */
	uint32_t bytes, packets;
	uint8_t digest[HIN_VAULT_DIGEST];
};

/* Take one entry; false ends the listing. */
typedef bool (*hin_vault_entry_fn)(void *into, const struct hin_vault_entry *entry);

/*
 * Open the vault in `folder`. With `write`, a folder that does not exist is made (0700, with those
 * above it), and max_bytes (at least HIN_VAULT_LEAST) and max_age_ns (at least
 * HIN_VAULT_LEAST_AGE_NS; 0 = no limit) bound it; without, both are ignored and nothing is changed.
 *
 * On failure `*out` is untouched and `err` holds a line for the operator: HIN_ENOENT no vault
 * there; HIN_EDENIED another process writes to it, or its key may be read by others; HIN_EVERIFY
 * the key is not the one its segments were sealed with, or is missing; HIN_ERANGE a bound;
 * HIN_ESYS, HIN_ENOMEM. All segments are read once: 256 MiB in the page cache take 0.05 s, or half
 * a second when they hold a million tiny objects.
 */
HIN_MUST_USE enum hin_code hin_vault_open(struct hin_vault **out, const char *folder,
					  uint64_t max_bytes, int64_t max_age_ns, bool write,
					  struct hin_error *err);

/* Sync as far as possible, close and free; NULL is fine. */
void hin_vault_close(struct hin_vault *vault);

/*
 * Store the first packets of the event `event_link` as one capture file and put its digest into
 * `digest`. At most HIN_VAULT_PACKETS packets are kept; a pcap file has one link type, so packets
 * of another type than the first one's are left out. `now_ns` (wall clock) is when: age counts from
 * it.
 *
 * The same bytes are not stored twice, unless those that are there have lived half their life: then
 * they are, and live anew. An event may be put again, and then names its latest object.
 *
 * HIN_ERANGE without packets. HIN_ESYS (a full disk), HIN_ENOMEM: it is not stored, which is
 * counted; the vault stays whole and may be used on.
 */
HIN_MUST_USE enum hin_code hin_vault_put(struct hin_vault *vault, uint64_t event_link,
					 const struct hin_vault_packet *packets, size_t count,
					 int64_t now_ns, uint8_t digest[HIN_VAULT_DIGEST],
					 struct hin_error *err);

/* Bring all that was put to the disk. To be called about once a minute. HIN_ESYS. */
HIN_MUST_USE enum hin_code hin_vault_sync(struct hin_vault *vault, struct hin_error *err);

/*
 * Remove what is too old at `now_ns` (wall clock), and what is over the size. To be called about
 * once a minute. HIN_ESYS when a segment cannot be removed.
 */
HIN_MUST_USE enum hin_code hin_vault_expire(struct hin_vault *vault, int64_t now_ns,
					    struct hin_error *err);

/* The digest of the evidence that the event has now; false when the vault holds none. */
bool hin_vault_find(struct hin_vault *vault, uint64_t event_link, uint8_t digest[HIN_VAULT_DIGEST]);

/*
 * Append the object with this digest to `out`. Call hin_vault_act() first. HIN_ENOENT when it is
 * not there (any more); HIN_EVERIFY when its bytes were changed or are not by our key; then nothing
 * is appended. HIN_ESYS, HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_vault_get(struct hin_vault *vault,
					 const uint8_t digest[HIN_VAULT_DIGEST],
					 struct hin_buffer *out, struct hin_error *err);

/*
 * Note that somebody opens evidence: append a line to acts.log and bring it to the disk. Returns
 * HIN_OK only then; on any failure the evidence must not be given out. `event_link` may be 0 when
 * the evidence was asked for by digest. `reason` is an outside text, NULL = not given; HIN_ELIMIT
 * when it is longer than HIN_VAULT_REASON.
 */
HIN_MUST_USE enum hin_code hin_vault_act(struct hin_vault *vault, uint64_t event_link,
					 const uint8_t digest[HIN_VAULT_DIGEST], const char *reason,
					 int64_t now_ns, struct hin_error *err);

/* Give all events that have evidence to `fn`, in the order they were put. HIN_ENOMEM, HIN_ESYS. */
HIN_MUST_USE enum hin_code hin_vault_list(struct hin_vault *vault, hin_vault_entry_fn fn,
					  void *into, struct hin_error *err);

struct hin_vault_stats hin_vault_stats(const struct hin_vault *vault);

/*
 * The folder that is meant when none is named: $HINOMI_VAULT, for root /var/lib/hinomi/vault, else
 * hinomi/vault in $XDG_STATE_HOME or ~/.local/state. HIN_ENOENT when there is no home, HIN_ELIMIT
 * when it does not fit.
 */
HIN_MUST_USE enum hin_code hin_vault_default_folder(char *out, size_t size, struct hin_error *err);
