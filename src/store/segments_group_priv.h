/*
 * segments_group_priv - grouping and counting: block by block, then all together.
 *
 * A block gives each row a small number for its group (by codes of dictionaries, without looking at
 * values), counts by that, and adds what it has counted to a table. Intervals are closed as soon
 * as no later block can lie in them, so memory is that of a few intervals.
 *
 * Threads: one thread at a time for each.
 */
#pragma once
#include "store/segments_view_priv.h"

#define HIN_LOCAL_MAX 131072u /* most groups of a block that are counted without a hash */

/* ---- values as words ---- */

/* What does not fit a number: IPv6, digests, sensors, versions; each once. */
struct hin_interned {
	struct hin_intern_item {
		uint8_t bytes[32];
	} * items;
	uint32_t *slots; /* item + 1 */
	size_t count, room, slot_count;
};

#define HIN_WORD_V4 (UINT64_C(4) << 40)	  /* with the address */
#define HIN_WORD_V6 (UINT64_C(6) << 40)	  /* with the number of the item */
#define HIN_WORD_ITEM (UINT64_C(1) << 40) /* the same; or a tag */
#define HIN_WORD_LOW UINT64_C(0xffffffff)

/* The number of an item, or UINT32_MAX without memory. */
uint32_t hin_intern(struct hin_interned *t, const uint8_t bytes[32]);
void hin_interned_fini(struct hin_interned *t);

/* ---- tables ---- */

/* That a group has a value, by its hash. */
struct hin_group_value {
	uint64_t hash;
	uint32_t owner; /* the group + 1; 0: free */
};

/*
 * Groups of one interval: records of words, by hash, in one array: the key, then the place among
 * `distinct` (when asked for), the count, and packets and bytes (when asked for). A record whose
 * count is 0 is free.
 */
struct hin_groups {
	int64_t start_us;
	unsigned key, stride;
	bool volume, distinct;
	uint64_t *records;
	size_t slots, used; /* slots: a power of two */
	unsigned shift;	    /* of a hash, to its slot: its highest bits */

	struct hin_group_value *set; /* distinct values of all groups */
	size_t set_slots, set_used;
	unsigned set_shift;
	uint64_t *counts; /* of each group */
	uint8_t *levels;  /* of each group: one in 2^level of the hashes is kept */
	size_t count_room;
	uint8_t level; /* of all */
	bool approximate;
};

/* Where the parts of a record stand. */
static inline unsigned hin_groups_at_count(const struct hin_groups *g)
{
	return g->key + g->distinct;
}

/* Drawn once a process, so that nobody can choose values that fall on each other. */
extern uint64_t hin_groups_seed;
void hin_groups_draw_seed(void);

static inline uint64_t hin_groups_hash(const uint64_t *key, unsigned words)
{
	uint64_t h = hin_groups_seed;

	for (unsigned i = 0; i < words; i++)
		h = hin_mix(h ^ key[i] * UINT64_C(0xd6e8feb86659fd93));
	return h;
}

HIN_MUST_USE bool hin_groups_init(struct hin_groups *g, int64_t start_us, unsigned key, bool volume,
				  bool distinct);
void hin_groups_fini(struct hin_groups *g);

/* Make room for `more` groups, so that finding them cannot fail. */
HIN_MUST_USE bool hin_groups_reserve(struct hin_groups *g, size_t more);

/* The record of a key, new ones with count 0, which the caller must raise. Room was reserved. */
uint64_t *hin_groups_record(struct hin_groups *g, const uint64_t *key, uint64_t hash);

static inline void hin_groups_fetch(const struct hin_groups *g, uint64_t hash)
{
	__builtin_prefetch(&g->records[(hash >> g->shift) * g->stride], 1);
}

#define HIN_VALUES_AT_ONCE 32u

/*
 * Note that a group has values (HIN_VALUES_AT_ONCE at most); `limit` bytes are kept, beyond that a
 * sample. False without memory.
 */
HIN_MUST_USE bool hin_groups_values(struct hin_groups *g, uint32_t group, const uint64_t *hashes,
				    size_t count, size_t limit);

/* Bring one group's sample to at least this level. */
void hin_groups_raise(struct hin_groups *g, uint32_t group, uint8_t level);

/* Count the values of all groups, at the end. */
void hin_groups_count_values(struct hin_groups *g);

size_t hin_groups_bytes(const struct hin_groups *g);

/* Empty a table for another interval; its memory is kept. */
void hin_groups_reuse(struct hin_groups *g, int64_t start_us);

/* ---- a question while it is answered ---- */

/* One row in so many, or fewer: they are picked one by one. */
#define HIN_LOCAL_FEW 64u

/* The codes of one field in a block, of rows that count, and what each code stands for. */
struct hin_local {
	const uint32_t *codes; /* NULL: all rows have code 0 */
	uint32_t card;
	uint64_t *words;  /* of each code; HIN_LOCAL_MAX of them */
	uint32_t *memory; /* HIN_BLOCK_ROWS */
};

/*
 * Rows by IPv4 address: key and count in one word (0: free), half of what a record takes, because
 * there may be millions and each is a miss of the cache. A count that is full is carried on in
 * `full`, in whole words.
 */
struct hin_v4_counts {
	uint64_t *slots;
	size_t slot_count, used;
	unsigned shift;
	struct hin_groups *full;
};

HIN_MUST_USE bool hin_v4_counts_add(struct hin_v4_counts *t, const uint64_t *words,
				    const uint32_t *counts, size_t count);

struct hin_grouping {
	struct hin_store *store;
	const struct hin_store_question *q;
	struct hin_store_answer *answer;
	struct hin_interned interned;
	struct hin_groups *open; /* intervals */
	size_t open_count, open_room;
	struct hin_groups spare[4]; /* closed, with memory to use again */
	size_t spare_count;
	size_t answer_room;
	uint64_t *direct;	 /* counts by value, of small numbers; added at the end */
	struct hin_v4_counts v4; /* counts by address; added at the end */
	bool by_v4;

	/* of the block at hand */
	struct hin_local fields[HIN_STORE_BY], interval, values;
	const struct hin_column_data *weights, *packets_column, *bytes_column;
	uint32_t *few;	    /* the rows that count, when they are few: others are not unpacked */
	uint32_t few_count; /* 0: they are many */
	uint64_t *few_packets, *few_bytes; /* of each */
	size_t *tables;			   /* of each interval code: which of `open` */
	uint32_t *entries;		   /* rows that count, one after the other */
	uint32_t *tag_codes;		   /* of each entry, when tags are grouped by */
	uint32_t entry_count; /* HIN_BLOCK_ROWS at most; of tags there may be several rounds */
	uint32_t *ids;	      /* of each entry */
	uint32_t card;	      /* of ids */
	uint64_t *count, *packets, *bytes_sum; /* of each id */
	uint32_t *sample_row;		       /* an entry of each id */
	uint32_t *group;		       /* of each id: its place among distinct counts */
	uint64_t *seen;			       /* bits, of pairs of id and value */
	uint64_t *dense_keys;		       /* to make codes dense */
	uint32_t *dense_slots;
};

/* The codes of `field` for the rows of the block. */
HIN_MUST_USE enum hin_code hin_local_field(struct hin_grouping *g, struct hin_view_block *b,
					   unsigned field, struct hin_local *out,
					   struct hin_error *err);

/* The codes of the intervals. */
HIN_MUST_USE enum hin_code hin_local_interval(struct hin_grouping *g, struct hin_view_block *b,
					      struct hin_local *out, struct hin_error *err);

/* One code for each distinct value of `values`; `words` gets them. Returns how many. */
uint32_t hin_local_dense(struct hin_grouping *g, const uint64_t *values, uint32_t count,
			 uint32_t *codes, uint64_t *words);

/* The hash of a value, for counting distinct ones: the same in rollups. */
uint64_t hin_value_hash(const struct hin_grouping *g, unsigned field, uint64_t word);
uint64_t hin_address_hash(const struct hin_addr *a);

static inline uint64_t hin_v4_hash(uint32_t v4)
{
	return hin_mix(v4 + UINT64_C(0x9e3779b97f4a7c15));
}

/* The start of the interval of a time. */
static inline int64_t hin_interval_start(int64_t time_us, int64_t interval_us)
{
	return interval_us > 0 ? time_us / interval_us * interval_us : 0;
}

/* The table of an interval. NULL without memory. */
struct hin_groups *hin_grouping_table(struct hin_grouping *g, int64_t start_us);

/* Move intervals that end at or before `time_us` to the answer. */
HIN_MUST_USE enum hin_code hin_grouping_close(struct hin_grouping *g, int64_t time_us,
					      struct hin_error *err);

/* Sketches of rollups: distinct sources of each row of the block. */
HIN_MUST_USE enum hin_code hin_grouping_sketches(struct hin_grouping *g, struct hin_view_block *b,
						 struct hin_error *err);
