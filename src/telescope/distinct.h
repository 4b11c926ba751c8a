/*
 * distinct - how many different things were seen, exactly while few, in bounded memory for ever.
 *
 * A counter is eight bytes. Its members are 32-bit hashes kept in a pool: none, one inline, then
 * sets of 4 to 4,096 slots that double, exact up to HIN_DISTINCT_EXACT members; beyond that a
 * HyperLogLog of 16,384 registers read with Ertl's improved estimator (arXiv 1702.01284), standard
 * error 0.81 %. When the pool is used up a set turns into a HyperLogLog of its own size instead of
 * growing: the count stays honest but coarser, and hin_distinct_pool.degraded counts it.
 *
 * For IPv4 the hash is a bijection of the address, so small counts are exact, not merely likely.
 *
 * Ownership: the pool owns all members; a counter is plain data that may be copied only by
 *            hin_distinct_copy().
 * Threads:   one thread at a time for a pool and its counters.
 */
#pragma once
#include "base/addr.h"

#define HIN_DISTINCT_EXACT 3072
#define HIN_DISTINCT_TOGETHER 8
#define HIN_DISTINCT_CLASSES 11 /* blocks of 16, 32, 64 ... 16,384 bytes */

/* Bits of a handle: (offset / 16) << 5 | sketch << 4 | class. */
#define HIN_HANDLE_OFFSET 5
#define HIN_HANDLE_SKETCH 16u
#define HIN_HANDLE_CLASS 15u

struct hin_distinct {
	uint32_t handle; /* 0 none, 1 one (in value), else a block */
	uint32_t value;
};

#define HIN_POOL_CHUNK 65536 /* bytes that lie together */

/*
 * The pools of a family (one a shard) share a reserved region, chunk by chunk in turn, as the
 * arrays of base/table.h do.
 */
struct hin_distinct_pool {
	uint8_t *base; /* of the first chunk */
	size_t stride; /* bytes from one chunk to the next */
	size_t size;   /* budget in bytes */
	size_t used;   /* bump pointer */
	uint32_t free[HIN_DISTINCT_CLASSES];
	uint64_t degraded;
};

/*
 * Reserve one region for `count` pools of `size` bytes each (up to 2 GiB); memory is touched only
 * as it is needed. hin_distinct_fini_family() with the same `count` gives it back.
 */
HIN_MUST_USE enum hin_code hin_distinct_init_family(struct hin_distinct_pool *const pools[],
						    unsigned count, size_t size,
						    struct hin_error *err);
void hin_distinct_fini_family(struct hin_distinct_pool *const pools[], unsigned count);

/* Where the block of `handle` lies. */
static inline uint8_t *hin_distinct_block(const struct hin_distinct_pool *pool, uint32_t handle)
{
	size_t offset = (size_t)(handle >> HIN_HANDLE_OFFSET) * 16;

	return pool->base + offset / HIN_POOL_CHUNK * pool->stride + offset % HIN_POOL_CHUNK;
}

/* A 32-bit hash of `a`; for IPv4 a bijection. */
static inline uint32_t hin_distinct_hash_addr(const struct hin_addr *a)
{
	uint64_t hi, lo;

	memcpy(&hi, a->b, 8);
	memcpy(&lo, a->b + 8, 8);
	if (HIN_LIKELY(hi == 0 && (uint32_t)lo == HIN_BE32(0xffffu))) {
		uint32_t x = (uint32_t)(lo >> 32);

		/* Wellons' "lowbias32": each step is invertible */
		x ^= x >> 16;
		x *= 0x21f0aaadu;
		x ^= x >> 15;
		x *= 0xd35a2d97u;
		return x ^ x >> 15;
	}
	lo ^= hi * 0x9e3779b97f4a7c15u;
	lo ^= lo >> 32;
	lo *= 0xd6e8feb86659fd93u;
	lo ^= lo >> 32;
	return (uint32_t)lo;
}

/* Add a member. True when it was not known before (always said right while exact). */
bool hin_distinct_add(struct hin_distinct_pool *pool, struct hin_distinct *d, uint32_t hash);

/* Add `count` members, up to HIN_DISTINCT_TOGETHER, making room for them at once. */
void hin_distinct_add_all(struct hin_distinct_pool *pool, struct hin_distinct *d,
			  const uint32_t *hashes, unsigned count);

/* Is it a member? After the exact range a member is never denied, but others may be taken for one.
 */
bool hin_distinct_has(const struct hin_distinct_pool *pool, const struct hin_distinct *d,
		      uint32_t hash);

/* How many; rounded to a whole number. */
uint64_t hin_distinct_count(const struct hin_distinct_pool *pool, const struct hin_distinct *d);

/* How many it would be with `count` more, up to HIN_DISTINCT_TOGETHER, added. */
uint64_t hin_distinct_count_with(const struct hin_distinct_pool *pool, const struct hin_distinct *d,
				 const uint32_t *hashes, unsigned count);

/* Is the count exact? */
bool hin_distinct_exact(const struct hin_distinct *d);

/* Make `to` a copy of `from` in the same pool; `to` must be empty. */
void hin_distinct_copy(struct hin_distinct_pool *pool, struct hin_distinct *to,
		       const struct hin_distinct *from);

/* Give its block back and make it empty. */
void hin_distinct_clear(struct hin_distinct_pool *pool, struct hin_distinct *d);

/*
 * Bring the line that hin_distinct_add() will touch into the cache. Always inlined: gcc 12 takes a
 * call of a function that only fetches for one without effect, and leaves it out.
 */
static inline __attribute__((always_inline)) void hin_distinct_prefetch(
	const struct hin_distinct_pool *pool, const struct hin_distinct *d, uint32_t hash)
{
	if (d->handle > 1) {
		const uint8_t *block = hin_distinct_block(pool, d->handle);
		uint32_t mask = (16u << (d->handle & HIN_HANDLE_CLASS)) - 1;

		__builtin_prefetch(
			block + ((d->handle & HIN_HANDLE_SKETCH ? hash : hash * 4u) & mask), 1);
	}
}
