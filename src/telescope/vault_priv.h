/*
 * vault_priv - what the files of the vault share: the format of a segment, and the index.
 *
 * A segment is a head of VAULT_SEGMENT_HEAD bytes and records; all numbers are little-endian.
 *
 *	head    0 "HINVAULT"   8 version u32   12 number u32   16 made, ns i64   24 clean u32
 *	       28 zero u32    32 key id 16 B   48 check u64
 *	record  0 "hvR1"       4 kind u8        5 zero u8       6 packets u16      8 bytes u32
 *	       12 zero u32    16 put, ns i64   24 event u64    32 digest 32 B     64 nonce 24 B
 *	       88 check u64   96 sealed bytes, their tag of 16 bytes, zeros to a multiple of 8
 *
 * `check` is a SipHash of the bytes before it under a key of its own, so that a record is found and
 * trusted to be ours without opening it, also behind damage. The sealed bytes are bound to the
 * first 64 bytes of their record. A VAULT_LINK record seals nothing: it says that an event has an
 * object that lies elsewhere. Segments with a number below `clean` were on the disk when this one
 * was begun.
 */
#pragma once
#include "base/bytes.h"
#include "telescope/vault.h"

#define VAULT_KEY 32
#define VAULT_SEGMENT_HEAD 56
#define VAULT_HEAD 96
#define VAULT_BOUND 64 /* bytes of a record's head that its seal is bound to */
#define VAULT_NONCE 24
#define VAULT_TAG 16
#define VAULT_ALIGN 8
#define VAULT_SEGMENT_MOST (8u << 20) /* a segment never grows larger */
#define VAULT_OBJECT_MOST 8192u	      /* plain bytes of an object */

enum vault_kind { VAULT_OBJECT = 1, VAULT_LINK = 2 };

/* All derived from the bytes of vault.key. */
struct vault_keys {
	uint8_t seal[32], check[16], id[16];
};

struct vault_segment_head {
	uint32_t number, clean;
	int64_t made_ns;
	uint8_t key_id[16];
};

struct vault_record {
	uint8_t kind; /* enum vault_kind */
	uint16_t packets;
	uint32_t bytes; /* of the object, plain */
	int64_t time_ns;
	uint64_t event_link;
	uint8_t digest[HIN_VAULT_DIGEST];
};

/* Derive the keys. */
void hin_vault_keys(struct vault_keys *out, const uint8_t key[VAULT_KEY]);

/* Bytes that `record` takes in a segment. */
static inline size_t hin_vault_record_span(const struct vault_record *record)
{
	size_t plain = record->kind == VAULT_OBJECT ? record->bytes : 0;

	return (VAULT_HEAD + plain + VAULT_TAG + VAULT_ALIGN - 1) & ~(size_t)(VAULT_ALIGN - 1);
}

void hin_vault_segment_head_write(uint8_t out[VAULT_SEGMENT_HEAD],
				  const struct vault_segment_head *head,
				  const struct vault_keys *keys);

/*
 * Read the head of a segment. HIN_ETRUNCATED when it is not all there, HIN_EFORMAT when it is none,
 * HIN_EVERIFY when it is one by another key.
 */
enum hin_code hin_vault_segment_head_read(struct vault_segment_head *out, const uint8_t *data,
					  size_t size, const struct vault_keys *keys);

/* Seal `plain` (record->bytes of it; NULL for VAULT_LINK) as a record; `out` takes its span. */
void hin_vault_record_seal(uint8_t *out, const struct vault_record *record, const uint8_t *plain,
			   const struct vault_keys *keys);

/* Read the head of a record. HIN_ETRUNCATED, HIN_EFORMAT, HIN_EVERIFY when the check is wrong. */
enum hin_code hin_vault_record_read(struct vault_record *out, const uint8_t *data, size_t size,
				    const struct vault_keys *keys);

/*
 * Open a record whose head was read from `data`, which has its whole span. `plain` takes
 * record->bytes of an object. False when it was changed.
 */
bool hin_vault_record_open(uint8_t *plain, const struct vault_record *record, const uint8_t *data,
			   const struct vault_keys *keys);

/* A walk over the bytes of a segment, its head included. */
struct vault_scan {
	const uint8_t *data; /* borrowed */
	size_t size;
	size_t at;	/* where to look next; VAULT_SEGMENT_HEAD to begin */
	size_t end;	/* behind the last whole record, or its head */
	size_t damaged; /* bytes passed over before that */
};

static inline struct vault_scan hin_vault_scan_of(const uint8_t *data, size_t size)
{
	return (struct vault_scan){ data, size, VAULT_SEGMENT_HEAD, VAULT_SEGMENT_HEAD, 0 };
}

/*
 * The next whole record and its offset. What is no record, or by another key, is passed over. False
 * at the end; scan->end to scan->size is a torn end then.
 */
bool hin_vault_scan_next(struct vault_scan *scan, struct vault_record *out, size_t *offset,
			 const struct vault_keys *keys);

/* ---- the index: where things lie ---- */

struct vault_place {
	uint64_t key;
	uint32_t segment; /* VAULT_NOWHERE = never used, VAULT_GONE = was removed */
	uint32_t offset;
};

#define VAULT_NOWHERE 0u
#define VAULT_GONE UINT32_MAX

/* A hash table without keys twice; { 0 } is empty. */
struct vault_index {
	struct vault_place *places;
	size_t size;   /* a power of two, or 0 */
	size_t live;   /* places that count */
	size_t used;   /* these and the VAULT_GONE ones */
	uint64_t seed; /* secret, so that nobody can choose keys that lie together */
};

/* The place of `key`, or NULL. Valid until the next change. */
struct vault_place *hin_vault_index_find(const struct vault_index *index, uint64_t key);

/* Make room for one key more. HIN_ENOMEM. */
HIN_MUST_USE enum hin_code hin_vault_index_reserve(struct vault_index *index);

/* Set the place of `key`, new or not, after hin_vault_index_reserve(). */
void hin_vault_index_set(struct vault_index *index, uint64_t key, uint32_t segment,
			 uint32_t offset);

/* Forget all places in `segment`. */
void hin_vault_index_forget(struct vault_index *index, uint32_t segment);

void hin_vault_index_fini(struct vault_index *index);

/* ---- the vault itself ---- */

#define VAULT_READERS 64u /* segments that stay open for reading */

struct vault_segment {
	uint32_t number;
	uint32_t objects;
	uint64_t size; /* of the file; of the one that is written, behind its last record */
	int64_t oldest_ns, newest_ns; /* of its records; without any, of its making */
	bool unsynced;
};

struct hin_vault {
	char *folder;
	int folder_fd, lock_fd; /* lock_fd != -1: this one writes */
	int write_fd;		/* of the last segment, or -1 */
	struct vault_open_file {
		uint32_t number; /* VAULT_NOWHERE = none */
		int fd;
	} readers[VAULT_READERS]; /* by number */
	uint32_t last_number;	  /* highest number of a segment so far */
	uint32_t segment_most;
	bool folder_changed; /* since it was synced */
	uint64_t max_bytes;
	int64_t max_age_ns;
	struct vault_keys keys;
	struct vault_index objects;	/* first eight bytes of a digest -> its VAULT_OBJECT */
	struct vault_index links;	/* event -> the latest record that names it */
	struct vault_segment *segments; /* by number */
	size_t segment_count, segment_room;
	struct hin_vault_stats stats;
	uint8_t plain[VAULT_OBJECT_MOST];  /* what is put */
	uint8_t opened[VAULT_OBJECT_MOST]; /* what is read */
	uint8_t record[VAULT_HEAD + VAULT_OBJECT_MOST + VAULT_TAG + VAULT_ALIGN];
};

#define VAULT_SEGMENT_NAME 16 /* "0000000a.seg" and its NUL */

/* Write the file name of a segment to `out`; returns `out`. */
char *hin_vault_segment_name(char out[VAULT_SEGMENT_NAME], uint32_t number);

/*
 * Read a segment from its start into `data` of VAULT_SEGMENT_MOST bytes; `*file_size` may be larger
 * than what was read. HIN_ENOENT when it is gone, HIN_ESYS.
 */
HIN_MUST_USE enum hin_code hin_vault_segment_load(struct hin_vault *vault, uint32_t number,
						  uint8_t *data, size_t *size, uint64_t *file_size,
						  struct hin_error *err);

/* Room for one segment more at the end of vault->segments, or NULL. */
struct vault_segment *hin_vault_segment_add(struct hin_vault *vault);

/* What the index of objects knows a digest by. */
static inline uint64_t hin_vault_digest_key(const uint8_t digest[HIN_VAULT_DIGEST])
{
	uint64_t key;

	memcpy(&key, digest, sizeof(key));
	return key;
}
