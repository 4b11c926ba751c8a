/*
 * recording_priv - the files of recordings, byte by byte; doc/recording.md tells the same in prose.
 *
 * Pure functions over memory (recording_format.c), keys (recording_key.c), byte strings said more
 * than once (recording_string.c), items of a session (recording_item.c), and a segment as readers
 * see it (recording_segment.c).
 */
#pragma once
#include <sodium.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "decoy/record/recording_reader.h"
#include "trust/tree.h"

#define RECORDING_HEAD 64      /* bytes before the first frame, slot or group */
#define RECORDING_SALT 16      /* bytes of a slot of a key file */
#define RECORDING_KEY 32       /* recording.key, and the key of a session */
#define RECORDING_FRAME_HEAD 8 /* length and CRC-32 of a frame or group */
#define RECORDING_FRAME_MOST ((size_t)64 << 20)
#define RECORDING_FRAME_USUAL ((size_t)4 << 20) /* a recorder begins another above it */
#define RECORDING_DATA ((size_t)64 << 10)	/* most bytes of one item */
#define RECORDING_SLOTS ((uint32_t)1 << 24)
#define RECORDING_STRING ((size_t)4096) /* most bytes of a string that is referred to */
#define RECORDING_STRINGS 65536		/* most strings of a segment */
#define RECORDING_NAMES 65536		/* most names of a segment */
#define RECORDING_GROUP 256		/* most sessions under one signature */
#define RECORDING_GROUP_MOST ((size_t)8 << 20)
#define RECORDING_CHECK 2 /* bytes by which a wrong key is told */

/* ---- numbers ---- */

void recording_put(struct hin_buffer *out, uint64_t value);
uint64_t recording_get(struct hin_reader *in); /* fails on more than 64 bits */

static inline uint64_t recording_zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static inline int64_t recording_unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

static inline uint64_t recording_number(uint64_t segment, uint32_t slot)
{
	return segment << 24 | slot;
}

/* ---- heads ---- */

enum recording_file { RECORDING_REC, RECORDING_KEYS, RECORDING_SEALS, RECORDING_FILES };
extern const char *const recording_endings[RECORDING_FILES];

struct recording_head {
	uint64_t segment;
	int64_t made_us;
	uint8_t public_key[HIN_KEY_PUBLIC];
	uint8_t key_id[8]; /* of recording.key */
};

void recording_head_write(uint8_t out[RECORDING_HEAD], enum recording_file file,
			  const struct recording_head *head);
HIN_MUST_USE enum hin_code recording_head_read(struct recording_head *out, enum recording_file file,
					       const void *data, size_t size);

/* ---- frames (of .hrec) and groups (of .hseal) ---- */

/* Put length and CRC-32 in front of `size` bytes at `frame` + 8. */
void recording_frame_finish(void *frame, size_t size);
/* Length of what follows a frame head; 0 when it cannot be one. `left` bytes of file remain. */
size_t recording_frame_size(const uint8_t head[RECORDING_FRAME_HEAD], uint64_t left);
bool recording_frame_holds(const uint8_t head[RECORDING_FRAME_HEAD], const void *data, size_t size);

enum recording_type { RECORDING_CHUNK, RECORDING_TEXT, RECORDING_NAME };

/* One record of a frame. */
struct recording_record {
	enum recording_type type;
	uint32_t slot; /* of a name: its ordinal, from 1 */
	uint64_t seq, back;
	const uint8_t *start; /* the whole record, as it is hashed */
	size_t whole;
	const uint8_t *body;
	size_t size;
};

/* Append all of a record but its body. */
void recording_record_put(struct hin_buffer *out, const struct recording_record *record);
/* The next record of a frame. HIN_EOF, HIN_EFORMAT. */
HIN_MUST_USE enum hin_code recording_record_get(struct hin_reader *in,
						struct recording_record *out);
#define RECORDING_RECORD_HEAD 40 /* at most, without the body */

/* ---- chains ---- */

/* Where the chain of a session begins (slot > 0), or that of a segment's strings (slot 0). */
void recording_chain_begin(uint8_t chain[32], const uint8_t head[RECORDING_HEAD], uint32_t slot);
/* Put `size` bytes behind; safe for any size. */
void recording_chain_add(uint8_t chain[32], const void *record, size_t size);

/* ---- keys ---- */

struct recording_secret {
	uint8_t key[RECORDING_KEY];
	uint8_t mark[crypto_shorthash_KEYBYTES];
	uint8_t check[RECORDING_CHECK];
};

/* Read recording.key of a folder; with `make`, make one. HIN_ENOENT. */
HIN_MUST_USE enum hin_code recording_key_open(uint8_t out[RECORDING_KEY], const char *folder,
					      bool make, struct hin_error *err);
void recording_key_id(uint8_t out[8], const uint8_t key[RECORDING_KEY]);
void recording_secret_make(struct recording_secret *out, const uint8_t key[RECORDING_KEY],
			   const uint8_t salt[RECORDING_SALT], uint64_t segment, uint32_t slot);
/* Encrypt or decrypt. */
void recording_cipher(uint8_t *out, const void *in, size_t size,
		      const struct recording_secret *secret, uint64_t seq);
bool recording_salt_is_erased(const uint8_t salt[RECORDING_SALT]);

/* The two bits of a word in a session's mark. `what`: 'u' user, 'p' password, 'c' command. */
uint64_t recording_mark(const struct recording_secret *secret, char what, const void *word,
			size_t size);
/* Call `fn` with each word of a command line. */
void recording_words(const void *line, size_t size,
		     void (*fn)(void *user, const char *word, size_t size), void *user);

/* ---- seals ---- */

struct recording_seal {
	uint32_t slot;
	uint64_t first, last; /* where its first and last chunk lie */
	uint32_t host, persona;
	uint64_t mark;
	struct hin_recording_entry entry; /* names and number are not of the file */
};

void recording_seal_put(struct hin_buffer *out, const struct recording_seal *seal, int64_t made_us);
HIN_MUST_USE enum hin_code recording_seal_get(struct recording_seal *out, const void *data,
					      size_t size, const struct recording_head *head);

enum {
	RECORDING_GROUP_FINAL = 1,   /* the segment is closed */
	RECORDING_GROUP_TEXTS = 2,   /* has new strings */
	RECORDING_GROUP_FOREIGN = 4, /* the group before is not the one before in this file */
};

/* One group of seals; its lists are read by the functions below. */
struct recording_group {
	uint64_t number; /* since the first ever, from 1 */
	unsigned flags;
	int64_t time_us;
	uint64_t before_segment;   /* of a foreign one: where the group before lies; 0 = nowhere */
	uint8_t before_digest[32]; /* and its digest */
	uint64_t rec_size;	   /* of a final one: bytes of the .hrec */
	uint64_t texts_count;
	uint8_t texts_chain[32]; /* after these strings */
	struct hin_reader texts; /* distances of where they lie, each from the one before */
	uint64_t names_count;
	struct hin_reader names; /* length and bytes of each */
	uint64_t seals_count;
	struct hin_reader seals; /* length and bytes of each */
	const uint8_t *signature;
	const uint8_t *start; /* the payload */
	size_t meta;	      /* bytes of it before the seals */
};

HIN_MUST_USE enum hin_code recording_group_get(struct recording_group *out, const void *data,
					       size_t size, const struct recording_head *head);
/* Length, bytes and so on of one name or seal. False at the end or when it does not fit. */
bool recording_group_next(struct hin_reader *list, struct hin_reader *out);

/*
 * What is signed: SHA-256 of the digest of the group before, the segment's head, the payload up to
 * the seals and the Merkle root (RFC 9162) of the seals.
 */
HIN_MUST_USE enum hin_code recording_group_digest(uint8_t out[32], const uint8_t before[32],
						  const uint8_t head[RECORDING_HEAD],
						  const void *meta, size_t meta_size,
						  struct hin_reader seals, uint64_t seals_count);
void recording_group_sign(uint8_t signature[64], const uint8_t digest[32],
			  const struct hin_sensor_key *key);
bool recording_group_signed(const uint8_t signature[64], const uint8_t digest[32],
			    const uint8_t public_key[HIN_KEY_PUBLIC]);

/* ---- strings said more than once: the recorder's side ---- */

struct recording_texts;

struct recording_texts *recording_texts_new(void); /* NULL without memory; small until used */
void recording_texts_free(struct recording_texts *texts);
/*
 * Append `size` bytes as pieces: what was there before by reference. A new string is given to
 * `fn`, which says whether it may be: its ordinal is the count of those before. `ours`: bytes of
 * ours, for which half of the room is kept.
 */
typedef bool (*recording_text_fn)(void *user, const uint8_t *text, size_t size);
void recording_texts_encode(struct recording_texts *texts, struct hin_buffer *out, const void *data,
			    size_t size, bool ours, recording_text_fn fn, void *user);

/* ---- items ---- */

enum { ITEM_TO_CLIENT, ITEM_FROM_CLIENT, ITEM_EVENT, ITEM_OTHER };
enum { ITEM_HAS_A = 1, ITEM_HAS_B = 2, ITEM_HAS_VERDICT = 4, ITEM_HAS_NUMBER = 8 };

/* What an entry counts; the same for the recorder and who seals after it. */
void recording_count(struct recording_seal *seal, const struct recording_secret *secret,
		     const struct hin_recording_item *item);

void recording_about_put(struct hin_buffer *out, const struct hin_recording_about *about,
			 const struct recording_secret *secret, uint32_t host, uint32_t persona,
			 int64_t made_us);

/* The same read; false when it is none, or the key is wrong. */
bool recording_about_get(struct hin_reader *in, struct hin_recording_about *about,
			 const struct recording_secret *secret, uint32_t *host, uint32_t *persona,
			 int64_t made_us);

/* Where texts of a segment come from. HIN_EFORMAT when there is no such string. */
typedef enum hin_code (*recording_fetch_fn)(void *user, uint64_t ordinal, const uint8_t **text,
					    size_t *size);

/* Reads the chunks of one session, in order. */
struct recording_decoder {
	uint64_t segment;
	int64_t made_us;
	uint32_t slot;
	struct recording_secret secret;
	recording_fetch_fn fetch;
	void *user;
	uint64_t seq; /* of the next chunk */
	int64_t last_us;
	uint32_t channel;
	uint32_t host, persona;		  /* ordinals of names */
	struct hin_recording_about about; /* without names */
	bool ended;
	enum hin_close why;
	struct hin_buffer plain, a, b;
	struct hin_reader in;
	void (*refer)(void *user, uint64_t ordinal); /* may be NULL: told of each reference */
};

void recording_decoder_fini(struct recording_decoder *decoder);
/* Take a chunk. HIN_EFORMAT when it is not the next, or its key is wrong. */
HIN_MUST_USE enum hin_code recording_decoder_chunk(struct recording_decoder *decoder,
						   const struct recording_record *record);
/* The next item of the chunk. HIN_EOF, HIN_EFORMAT, HIN_ENOMEM. */
HIN_MUST_USE enum hin_code recording_decoder_next(struct recording_decoder *decoder,
						  struct hin_recording_item *item);

/* ---- a segment as a reader sees it ---- */

/* Places of slots in an array, whatever the slots are. { 0 } is empty. */
struct recording_slots {
	struct recording_slot_place {
		uint32_t slot, place; /* slot 0: free */
	} * table;
	size_t size, used;
};

/* Where the place of `slot` stands: 0 when it is new. NULL without memory. */
uint32_t *recording_slots_at(struct recording_slots *slots, uint32_t slot);
/* The place of `slot`; 0 when there is none. */
uint32_t recording_slots_find(const struct recording_slots *slots, uint32_t slot);

/* A session of a segment that is not closed, as its chunks tell. */
struct recording_seen {
	uint32_t slot;
	uint64_t chunks;
	uint64_t first, last;
};

struct recording_text_at {
	uint64_t at;
	uint8_t *text; /* decrypted when it was needed */
	size_t size;
};

struct recording_segment {
	uint64_t number;
	char *path; /* without ending */
	struct recording_head head;
	uint8_t head_bytes[RECORDING_HEAD];
	int rec, keys, seals; /* descriptors or -1 */
	uint8_t master[RECORDING_KEY];
	bool has_master;
	bool closed;	   /* has its final group */
	uint64_t rec_size; /* of a closed one */
	int64_t end_us;	   /* time of its last group */
	/* of the groups so far: */
	struct hin_buffer seal_bytes; /* the file */
	uint64_t seal_used;	      /* of it: whole groups */
	bool seal_damaged;	      /* something behind is no group */
	uint64_t last_group;

	struct recording_seal_at {
		uint32_t slot, size;
		uint64_t at; /* in seal_bytes */
	} * seal_list;
	size_t seal_count, seal_room;
	struct recording_text_at *texts;
	size_t texts_count, texts_room, texts_sealed, texts_scanned;
	uint64_t text_at; /* the one that a group told of last */
	char **names;
	size_t names_count, names_room, names_sealed, names_scanned;
	/* of a segment that is not closed: chunks that were looked at */
	uint64_t scanned; /* of the .hrec: whole frames */
	uint64_t damaged; /* frames among them whose CRC does not fit */
	struct recording_seen *seen;
	size_t seen_count, seen_room;
	struct recording_slots seen_slots; /* index + 1 */
	struct hin_buffer frame;
};

/* Open the segment at `path` (without ending). `master` may be NULL. */
HIN_MUST_USE enum hin_code recording_segment_open(struct recording_segment **out, const char *path,
						  const uint8_t *master, struct hin_error *err);
void recording_segment_close(struct recording_segment *segment);

/* Read groups that were added; with `scan` look at chunks too, unless it is closed. */
HIN_MUST_USE enum hin_code recording_segment_refresh(struct recording_segment *segment, bool scan,
						     struct hin_error *err);

/* Number and digest of the last group; false when there is none. */
bool recording_segment_chain(const struct recording_segment *segment, uint64_t *number,
			     uint8_t digest[32]);

/* Seal number `index`, or that of a slot; names included. False when it cannot be read. */
bool recording_segment_seal(const struct recording_segment *segment, size_t index,
			    struct recording_seal *out);
bool recording_segment_find(const struct recording_segment *segment, uint32_t slot,
			    struct recording_seal *out);
struct recording_seen *recording_segment_seen(const struct recording_segment *segment,
					      uint32_t slot);
const char *recording_segment_name(const struct recording_segment *segment, uint64_t ordinal);

/* Read the frame at `*at` and move behind it. HIN_EOF: no whole frame is there. */
HIN_MUST_USE enum hin_code recording_segment_frame(struct recording_segment *segment,
						   struct hin_buffer *into, uint64_t *at,
						   bool *holds, struct hin_error *err);
/* Read the record at `at` into `into`. HIN_EFORMAT. */
HIN_MUST_USE enum hin_code recording_segment_record(struct recording_segment *segment,
						    struct hin_buffer *into, uint64_t at,
						    struct recording_record *out,
						    struct hin_error *err);
/* The salt of a slot; HIN_EDENIED when it is erased. */
HIN_MUST_USE enum hin_code recording_segment_secret(struct recording_segment *segment,
						    uint32_t slot, struct recording_secret *out,
						    struct hin_error *err);
/* A decoder for a slot. */
HIN_MUST_USE enum hin_code recording_segment_decoder(struct recording_segment *segment,
						     uint32_t slot, struct recording_decoder *out,
						     struct hin_error *err);
/*
 * Where the chunks of a session lie, from its last one on back; the caller frees `*out`. `chunks`:
 * as many as there must be.
 */
HIN_MUST_USE enum hin_code recording_segment_chunks(struct recording_segment *segment,
						    uint32_t slot, uint64_t last, uint64_t chunks,
						    uint64_t **out, struct hin_error *err);

/* Read all of a session that has no seal, and make one. */
HIN_MUST_USE enum hin_code recording_segment_summary(struct recording_segment *segment,
						     const struct recording_seen *seen,
						     struct recording_seal *out,
						     struct hin_error *err);

/* The segments of a folder, ascending; the caller frees it with the function below. */
struct recording_folder {
	struct recording_file_name {
		uint64_t number;
		char *path; /* without ending */
	} * items;
	size_t count;
};
HIN_MUST_USE enum hin_code recording_folder_read(struct recording_folder *out, const char *folder,
						 struct hin_error *err);
void recording_folder_fini(struct recording_folder *folder);

/* Erase the keys of strings of a closed segment that no session refers to any more. */
HIN_MUST_USE enum hin_code recording_sweep(struct recording_segment *segment,
					   struct hin_error *err);
