/*
 * segment_priv - one file of blocks: its head, the blocks one behind the other, and once nothing
 * more is added an index of their heads, and later one of their sources: sources_priv.h.
 *
 * How far a file belongs to the store stands in the journal. Bytes behind that were never
 * acknowledged.
 *
 * Threads: one thread at a time for each.
 */
#pragma once
#include "store/journal_priv.h"

#define HIN_SEGMENT_MAGIC "HINSEG1\n"
#define HIN_SEGMENT_VERSION 1
#define HIN_SEGMENT_HEAD 64
#define HIN_SEGMENT_BYTES (UINT64_C(256) << 20) /* a file that is larger takes no more blocks */
#define HIN_SEGMENT_BLOCKS 512u
#define HIN_SOURCES_LEAST 32u /* blocks of a file that an index of its sources is worth it for */
#define HIN_SEGMENT_NAME 40   /* "2026-11-22/00000000000000ff.seg" and its NUL */

/* A block of a file. */
struct hin_block_ref {
	uint64_t offset;
	struct hin_block_head head;
};

/* The heads of the blocks of a file, in order. */
struct hin_heads {
	struct hin_block_ref *refs;
	size_t count, room;
	struct hin_part *parts; /* of all of them */
	size_t part_count, part_room;
	uint64_t damaged; /* stretches that had to be jumped over */
	uint64_t bytes_read;
};

/* Is it said of bytes that are not right? */
static inline bool hin_is_damage(enum hin_code code)
{
	return code == HIN_EVERIFY || code == HIN_EFORMAT || code == HIN_ETRUNCATED ||
	       code == HIN_EUNSUPPORTED;
}

/* Told of each stretch that is damaged. */
typedef void (*hin_damage_fn)(void *user, const struct hin_error *what);

/* The folder and file name of a segment, below the store. */
void hin_segment_name(char out[HIN_SEGMENT_NAME], const struct hin_segment *s);
void hin_day_name(char out[16], int64_t day);

/* The head of a file. */
void hin_segment_head(struct hin_buffer *out, const uint8_t store[16], const struct hin_segment *s);

/* Is that the file of `s` of this store? HIN_EFORMAT, HIN_EVERIFY, HIN_EUNSUPPORTED. */
HIN_MUST_USE enum hin_code hin_segment_check_head(int fd, const char *name, const uint8_t store[16],
						  const struct hin_segment *s,
						  struct hin_error *err);

/*
 * Read the heads of the blocks, by the index or one after the other. Damage is told to `damage` and
 * jumped over; only HIN_ESYS and HIN_ENOMEM fail. `out` is reset first.
 */
HIN_MUST_USE enum hin_code hin_segment_heads(struct hin_heads *out, int fd, const char *name,
					     const struct hin_segment *s, hin_damage_fn damage,
					     void *user, struct hin_error *err);

/* Where the index of a sealed file ends. */
HIN_MUST_USE enum hin_code hin_segment_index_end(int fd, const char *name,
						 const struct hin_segment *s, uint64_t *end,
						 struct hin_error *err);

/* Append the index of `heads`, whose blocks stand in the file. */
void hin_segment_index(struct hin_buffer *out, const struct hin_heads *heads, int fd,
		       const char *name, struct hin_error *err);

/* Add the head of one block, as bytes. */
HIN_MUST_USE enum hin_code hin_heads_add(struct hin_heads *h, uint64_t offset, const void *bytes,
					 size_t size, size_t *need);

/*
 * Add the head that the block at `offset` of a sealed file has itself. HIN_ESYS, HIN_ENOMEM; of
 * damage `err` names file and offset.
 */
HIN_MUST_USE enum hin_code hin_segment_head_at(struct hin_heads *out, int fd, const char *name,
					       const struct hin_segment *s, uint64_t offset,
					       struct hin_error *err);

void hin_heads_reset(struct hin_heads *h);
void hin_heads_fini(struct hin_heads *h);
