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
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <string.h>

#include "base/error.h"

#define HIN_NONE UINT32_MAX /* no position */

/*
 * Positions by hash: lines of 16 slots, each a cache line, with 8 bits of the hash beside each
 * position. An item lies in the line of its hash, or where that was full in one of those behind it;
 * so a line with a free slot is the last to look at. A line is compared as a whole, because a
 * branch a slot would be guessed wrong.
 */
struct hin_index {
	uint32_t *slots; /* 0 = free, else hash >> 24 << 24 | position + 1; aligned to lines */
	uint32_t mask;	 /* slots less one; a power of two of them */
	uint32_t used;
};

#define HIN_INDEX_POSITION 0xffffffu /* positions are below this */
#define HIN_INDEX_LINE 16u	     /* slots */

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

/* Have `slots` slots (a power of two, one line at least), all free. */
HIN_MUST_USE enum hin_code hin_index_reset(struct hin_index *index, size_t slots,
					   struct hin_error *err);

static inline uint32_t hin_index_slot(uint32_t hash, uint32_t at)
{
	return (hash & 0xff000000u) | (at + 1);
}

static inline uint32_t hin_index_at(uint32_t slot)
{
	return (slot & HIN_INDEX_POSITION) - 1;
}

/* The slots of a line that are free, and those that may hold an item of `hash`, a bit each. */
static inline void hin_index_look(const uint32_t *line, uint32_t hash, unsigned *free_slots,
				  unsigned *candidates)
{
#ifdef __SSE2__
	__m128i tag = _mm_set1_epi32((int)(hash >> 24)), none = _mm_setzero_si128();
	__m128i fits[4], empty[4];

	for (unsigned k = 0; k < 4; k++) {
		__m128i slots =
			_mm_load_si128((const __m128i *)(const void *)(line + (size_t)4 * k));

		empty[k] = _mm_cmpeq_epi32(slots, none);
		fits[k] = _mm_cmpeq_epi32(_mm_srli_epi32(slots, 24), tag);
	}
	*free_slots = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(
		_mm_packs_epi32(empty[0], empty[1]), _mm_packs_epi32(empty[2], empty[3])));
	*candidates =
		(unsigned)_mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(fits[0], fits[1]),
							    _mm_packs_epi32(fits[2], fits[3]))) &
		~*free_slots;
#else
	*free_slots = *candidates = 0;
	for (unsigned k = 0; k < HIN_INDEX_LINE; k++) {
		*free_slots |= (unsigned)(line[k] == 0) << k;
		*candidates |= (unsigned)(line[k] != 0 && line[k] >> 24 == hash >> 24) << k;
	}
#endif
}

/* Where a search stands. */
struct hin_index_search {
	uint32_t line;	     /* its first slot */
	unsigned candidates; /* of the line, not looked at yet */
	bool last;	     /* the line has a free slot */
};

static inline struct hin_index_search hin_index_search(const struct hin_index *index, uint32_t hash)
{
	struct hin_index_search search = { .line = hash & index->mask & ~(HIN_INDEX_LINE - 1) };
	unsigned free_slots;

	hin_index_look(index->slots + search.line, hash, &free_slots, &search.candidates);
	search.last = free_slots != 0;
	return search;
}

/* The next position that may have `hash`, or HIN_NONE when there is no more. */
static inline uint32_t hin_index_next(const struct hin_index *index, uint32_t hash,
				      struct hin_index_search *search)
{
	uint32_t slot;

	while (search->candidates == 0) {
		unsigned free_slots;

		if (HIN_LIKELY(search->last))
			return HIN_NONE;
		search->line = (search->line + HIN_INDEX_LINE) & index->mask;
		hin_index_look(index->slots + search->line, hash, &free_slots, &search->candidates);
		search->last = free_slots != 0;
	}
	slot = index->slots[search->line + (unsigned)__builtin_ctz(search->candidates)];
	search->candidates &= search->candidates - 1;
	return hin_index_at(slot);
}

/* The likely position of `hash`, by the slots alone, or HIN_NONE: for fetching ahead. */
static inline uint32_t hin_index_guess(const struct hin_index *index, uint32_t hash)
{
	struct hin_index_search search = hin_index_search(index, hash);

	return hin_index_next(index, hash, &search);
}

/* Bring the line of `hash` into the cache. */
static inline __attribute__((always_inline)) void hin_index_fetch(const struct hin_index *index,
								  uint32_t hash)
{
	__builtin_prefetch(&index->slots[hash & index->mask & ~(HIN_INDEX_LINE - 1)]);
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
