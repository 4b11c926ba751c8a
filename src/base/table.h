/*
 * table - the two pieces every hot table is made of: a dense array in reserved
 * address space, and an index from hash to position.
 *
 * Positions stay valid until their item is given back; nothing moves. Both are plain memory without
 * pointers inside, so a table is saved and restored as bytes.
 *
 * Threads: one thread at a time for each.
 */
#pragma once
#include <string.h>

#include "base/error.h"

#define HIN_NONE UINT32_MAX /* no position */

/* Positions by hash: open addressing, linear probing, 8 bits of the hash beside each position. */
struct hin_index {
	uint32_t *slots; /* 0 = free, else hash >> 24 << 24 | position + 1 */
	uint32_t mask;
	uint32_t used;
};

#define HIN_INDEX_POSITION 0xffffffu /* positions are below this */

#define HIN_CHUNK_ITEMS 1024 /* items that lie together */

/*
 * A dense array with a free list. The arrays of a family (the same table of every shard) share one
 * reserved region, chunk by chunk in turn, so that together they stay dense and huge pages serve
 * them.
 */
struct hin_array {
	uint8_t *base;	/* of the first chunk */
	size_t stride;	/* bytes from one chunk to the next */
	uint32_t item;	/* bytes of one */
	uint32_t limit; /* most items, by the budget */
	uint32_t used;	/* items ever handed out */
	uint32_t live;
	uint32_t free; /* first free item, linked by its first four bytes, or HIN_NONE */
	uint32_t hand; /* where eviction looks next */
};

/*
 * Reserve one region for `count` arrays of `limit` items of `item` bytes each; memory is touched
 * only as it is used. hin_array_fini_family() with the same `count` gives it back.
 */
HIN_MUST_USE enum hin_code hin_array_init_family(struct hin_array *const arrays[], unsigned count,
						 uint32_t item, uint32_t limit,
						 struct hin_error *err);
void hin_array_fini_family(struct hin_array *const arrays[], unsigned count);

/* Where item `at` lies; with a constant `item` the compiler makes shifts of it. */
static inline void *hin_array_item(const struct hin_array *array, uint32_t at, size_t item)
{
	return array->base + (at / HIN_CHUNK_ITEMS) * array->stride + (at % HIN_CHUNK_ITEMS) * item;
}

/* A position for a new item (its bytes are what they were), or HIN_NONE when the array is full. */
static inline uint32_t hin_array_take(struct hin_array *array)
{
	uint32_t at = array->free;

	if (at != HIN_NONE)
		memcpy(&array->free, hin_array_item(array, at, array->item), 4);
	else if (array->used < array->limit)
		at = array->used++;
	else
		return HIN_NONE;
	array->live++;
	return at;
}

static inline void hin_array_give(struct hin_array *array, uint32_t at)
{
	memcpy(hin_array_item(array, at, array->item), &array->free, 4);
	array->free = at;
	array->live--;
}

HIN_MUST_USE enum hin_code hin_index_init(struct hin_index *index, struct hin_error *err);
void hin_index_fini(struct hin_index *index);

static inline uint32_t hin_index_slot(uint32_t hash, uint32_t at)
{
	return (hash & 0xff000000u) | (at + 1);
}

/* Could `slot` hold an item of this hash? */
static inline bool hin_index_match(uint32_t slot, uint32_t hash)
{
	return ((slot ^ hash) & 0xff000000u) == 0;
}

static inline uint32_t hin_index_at(uint32_t slot)
{
	return (slot & HIN_INDEX_POSITION) - 1;
}

/* The likely position of `hash`, by the slots alone, or HIN_NONE: for fetching ahead. */
static inline uint32_t hin_index_guess(const struct hin_index *index, uint32_t hash)
{
	for (uint32_t i = hash & index->mask; index->slots[i] != 0; i = (i + 1) & index->mask)
		if (hin_index_match(index->slots[i], hash))
			return hin_index_at(index->slots[i]);
	return HIN_NONE;
}

/*
 * Put `at` under `hash`, which must not be there yet. Grows when two thirds are used; `hash_of`
 * tells the hash of a position then. False without memory: the item is not indexed.
 */
bool hin_index_put(struct hin_index *index, uint32_t hash, uint32_t at,
		   uint32_t (*hash_of)(const void *user, uint32_t at), const void *user);

/* Take `at` out from under `hash`. */
void hin_index_remove(struct hin_index *index, uint32_t hash, uint32_t at,
		      uint32_t (*hash_of)(const void *user, uint32_t at), const void *user);
