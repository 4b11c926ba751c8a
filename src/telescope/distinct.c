#include "telescope/distinct.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <math.h>
#include <sys/mman.h>

/*
 * A block of class c has 16 << c bytes: that many / 4 slots of an exact set (zero = empty), or that
 * many one-byte HyperLogLog registers.
 */
static size_t block_size(unsigned class)
{
	return (size_t)16 << class;
}

static unsigned class_of(const struct hin_distinct *d)
{
	return d->handle & HIN_HANDLE_CLASS;
}

static bool is_sketch(const struct hin_distinct *d)
{
	return (d->handle & HIN_HANDLE_SKETCH) != 0;
}

enum hin_code hin_distinct_init_family(struct hin_distinct_pool *const pools[], unsigned count,
				       size_t size, struct hin_error *err)
{
	uint8_t *base;

	if (size > (size_t)INT32_MAX)
		size = INT32_MAX;
	size &= ~(size_t)(HIN_POOL_CHUNK - 1);
	if (size == 0)
		size = HIN_POOL_CHUNK;
	base = mmap(NULL, size * count, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return hin_fail(err, HIN_ENOMEM, "no room for %zu bytes of distinct counters",
				size * count);
	(void)madvise(base, size * count, MADV_HUGEPAGE); /* a hint: fewer TLB misses */
	for (unsigned i = 0; i < count; i++)
		*pools[i] = (struct hin_distinct_pool){
			.base = base + (size_t)HIN_POOL_CHUNK * i,
			.stride = (size_t)HIN_POOL_CHUNK * count,
			.size = size,
			.used = 64, /* offset 0 would make handles that mean "none" and "one" */
		};
	return HIN_OK;
}

void hin_distinct_fini_family(struct hin_distinct_pool *const pools[], unsigned count)
{
	if (pools[0]->base == NULL)
		return;
	munmap(pools[0]->base, pools[0]->size * count);
	for (unsigned i = 0; i < count; i++)
		pools[i]->base = NULL;
}

/* A zeroed block of `class` as a handle, or 0 when the budget is used up. */
static uint32_t block_new(struct hin_distinct_pool *pool, unsigned class)
{
	size_t size = block_size(class);
	uint32_t handle = pool->free[class];
	size_t at;

	if (handle != 0) {
		uint8_t *block = hin_distinct_block(pool, handle);

		memcpy(&pool->free[class], block, 4);
		memset(block, 0, size);
		return handle;
	}
	at = (pool->used + size - 1) & ~(size - 1); /* so that none crosses a chunk */
	if (at > pool->size || pool->size - at < size)
		return 0;
	pool->used = at + size;
	return (uint32_t)(at / 16) << HIN_HANDLE_OFFSET | class;
}

static void block_free(struct hin_distinct_pool *pool, uint32_t handle)
{
	unsigned class = handle & HIN_HANDLE_CLASS;
	uint32_t clean = handle & ~HIN_HANDLE_SKETCH;

	memcpy(hin_distinct_block(pool, handle), &pool->free[class], 4);
	pool->free[class] = clean;
}

/* Members are never zero in a set. */
static uint32_t member(uint32_t hash)
{
	return hash != 0 ? hash : 0x9e3779b9u;
}

/* More random bits for the sketch: a register index and a rank (MurmurHash3's finalizer). */
static uint64_t spread(uint32_t hash)
{
	uint64_t x = hash * 0x9e3779b97f4a7c15u;

	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdu;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53u;
	return x ^ x >> 33;
}

static uint8_t rank_of(uint32_t hash)
{
	uint64_t bits = spread(hash);

	return (uint8_t)(1 + (bits != 0 ? __builtin_clzll(bits) : 63));
}

/* The register is picked by the low bits of the hash itself, as hin_distinct_prefetch() expects. */
static bool sketch_add(uint8_t *registers, unsigned class, uint32_t hash)
{
	uint32_t mask = (uint32_t)block_size(class) - 1;
	uint8_t *at = &registers[hash & mask];
	uint8_t rank = rank_of(hash);

	if (rank <= *at)
		return false;
	*at = rank;
	return true;
}

/*
 * A set of 16 slots or more is a row of lines of 16: a member lies in the line of its home slot, or
 * where that was full in one of those behind it. A line fills from its start and is compared as a
 * whole, which takes no branch a slot. Smaller sets are one short line.
 */
#define LINE 16u

/* Which slots of the line, a bit each, hold `value`. */
static inline unsigned line_match(const uint32_t *line, uint32_t value)
{
#ifdef __SSE2__
	__m128i all = _mm_set1_epi32((int)value), match[4];
	__m128i low, high;

	for (unsigned k = 0; k < 4; k++)
		match[k] = _mm_cmpeq_epi32(
			_mm_load_si128((const __m128i *)(const void *)(line + (size_t)4 * k)), all);
	low = _mm_packs_epi32(match[0], match[1]);
	high = _mm_packs_epi32(match[2], match[3]);
	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(low, high));
#else
	unsigned bits = 0;

	for (unsigned k = 0; k < LINE; k++)
		bits |= (unsigned)(line[k] == value) << k;
	return bits;
#endif
}

/* Slots of a short set that hold `value`, a bit each. */
static inline unsigned short_match(const uint32_t *slots, uint32_t count, uint32_t value)
{
	unsigned bits = 0;

	for (uint32_t k = 0; k < count; k++)
		bits |= (unsigned)(slots[k] == value) << k;
	return bits;
}

/* Put into a set with room. False when it was there. */
static bool set_add(uint32_t *slots, uint32_t mask, uint32_t hash)
{
	uint32_t i = hash & mask & ~(LINE - 1);

	if (mask < LINE - 1) {
		if (short_match(slots, mask + 1, hash) != 0)
			return false;
		slots[__builtin_ctz(short_match(slots, mask + 1, 0))] = hash;
		return true;
	}
	for (;;) {
		unsigned room;

		if (line_match(slots + i, hash) != 0)
			return false;
		room = line_match(slots + i, 0);
		if (HIN_LIKELY(room != 0)) {
			slots[i + (unsigned)__builtin_ctz(room)] = hash;
			return true;
		}
		i = (i + LINE) & mask;
	}
}

/* Where in the line `hash` is, or may be put: a bit each. */
static inline void line_look(const uint32_t *line, uint32_t hash, unsigned *there, unsigned *room)
{
#ifdef __SSE2__
	__m128i all = _mm_set1_epi32((int)hash), none = _mm_setzero_si128(), same[4], empty[4];

	for (unsigned k = 0; k < 4; k++) {
		__m128i slots =
			_mm_load_si128((const __m128i *)(const void *)(line + (size_t)4 * k));

		same[k] = _mm_cmpeq_epi32(slots, all);
		empty[k] = _mm_cmpeq_epi32(slots, none);
	}
	*there = (unsigned)_mm_movemask_epi8(
		_mm_or_si128(_mm_or_si128(same[0], same[1]), _mm_or_si128(same[2], same[3])));
	*room = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(empty[0], empty[1]),
							    _mm_packs_epi32(empty[2], empty[3])));
#else
	*there = line_match(line, hash);
	*room = line_match(line, 0);
#endif
}

#define LINE_CLASS 2 /* the smallest class that is made of lines */

/* Put members into a set of lines that has room for all of them. */
static void lines_add_all(struct hin_distinct_pool *pool, struct hin_distinct *d,
			  const uint32_t *hashes, unsigned count)
{
	uint32_t *slots = (uint32_t *)(void *)hin_distinct_block(pool, d->handle);
	uint32_t mask = (uint32_t)block_size(class_of(d)) / 4 - 1, added = 0;

	for (unsigned i = 0; i < count; i++) {
		uint32_t hash = member(hashes[i]), at = hash & mask & ~(LINE - 1);
		unsigned there, room;

		line_look(slots + at, hash, &there, &room);
		if (HIN_UNLIKELY((there != 0) | (room == 0))) {
			added += there == 0 && set_add(slots, mask, hash);
			continue;
		}
		slots[at + (unsigned)__builtin_ctz(room)] = hash;
		added++;
	}
	d->value += added;
}

static bool set_has(const uint32_t *slots, uint32_t mask, uint32_t hash)
{
	uint32_t i = hash & mask & ~(LINE - 1);

	if (mask < LINE - 1)
		return short_match(slots, mask + 1, hash) != 0;
	for (uint32_t seen = 0; seen <= mask; seen += LINE) {
		if (line_match(slots + i, hash) != 0)
			return true;
		if (line_match(slots + i, 0) != 0)
			return false;
		i = (i + LINE) & mask;
	}
	return false;
}

/* The most members a set of `class` takes before it must grow: four of 4, three quarters else. */
static uint32_t set_limit(unsigned class)
{
	uint32_t slots = (uint32_t)block_size(class) / 4;

	return class == 0 ? slots : slots - slots / 4;
}

/* Turn the set into a sketch in its own block. */
static void set_to_sketch(struct hin_distinct_pool *pool, struct hin_distinct *d)
{
	unsigned class = class_of(d);
	uint32_t *slots = (uint32_t *)(void *)hin_distinct_block(pool, d->handle);
	uint32_t count = (uint32_t)block_size(class) / 4;
	uint32_t copy[4096];

	memcpy(copy, slots, block_size(class));
	memset(slots, 0, block_size(class));
	for (uint32_t i = 0; i < count; i++)
		if (copy[i] != 0)
			(void)sketch_add((uint8_t *)slots, class, copy[i]);
	d->handle |= HIN_HANDLE_SKETCH;
	d->value = 0;
}

/* Turn a set's block into one of `class`, which is larger. False without room: it stays. */
static bool set_move(struct hin_distinct_pool *pool, struct hin_distinct *d, unsigned class)
{
	const uint32_t *old = (const uint32_t *)(const void *)hin_distinct_block(pool, d->handle);
	uint32_t handle = block_new(pool, class), mask = (uint32_t)block_size(class) / 4 - 1;
	uint32_t *slots;

	if (handle == 0)
		return false;
	slots = (uint32_t *)(void *)hin_distinct_block(pool, handle);
	for (size_t i = 0; i < block_size(class_of(d)) / 4; i++)
		if (old[i] != 0)
			(void)set_add(slots, mask, old[i]);
	block_free(pool, d->handle);
	d->handle = handle;
	return true;
}

/* Make room for one more member; true when there is. */
static bool set_grow(struct hin_distinct_pool *pool, struct hin_distinct *d)
{
	unsigned class = class_of(d);

	if (class + 1 == HIN_DISTINCT_CLASSES) {
		set_to_sketch(pool, d);
		return false;
	}
	if (!set_move(pool, d, class + 1)) {
		pool->degraded++;
		set_to_sketch(pool, d);
		return false;
	}
	return true;
}

bool hin_distinct_add(struct hin_distinct_pool *pool, struct hin_distinct *d, uint32_t hash)
{
	hash = member(hash);
	if (d->handle == 0) {
		*d = (struct hin_distinct){ .handle = 1, .value = hash };
		return true;
	}
	if (d->handle == 1) {
		uint32_t first = d->value, handle;

		if (first == hash)
			return false;
		handle = block_new(pool, 0);
		if (handle == 0) {
			pool->degraded++; /* stays "one": a lower bound */
			return false;
		}
		*d = (struct hin_distinct){ .handle = handle, .value = 2 };
		(void)set_add((uint32_t *)(void *)hin_distinct_block(pool, handle), 3, first);
		return set_add((uint32_t *)(void *)hin_distinct_block(pool, handle), 3, hash);
	}
	if (is_sketch(d))
		return sketch_add(hin_distinct_block(pool, d->handle), class_of(d), hash);
	for (;;) {
		unsigned class = class_of(d);
		uint32_t *slots = (uint32_t *)(void *)hin_distinct_block(pool, d->handle);
		uint32_t mask = (uint32_t)block_size(class) / 4 - 1;

		if (HIN_LIKELY(d->value < set_limit(class))) {
			if (!set_add(slots, mask, hash))
				return false;
			d->value++;
			return true;
		}
		if (set_has(slots, mask, hash))
			return false;
		if (!set_grow(pool, d))
			return sketch_add(hin_distinct_block(pool, d->handle), class_of(d), hash);
	}
}

/* The smallest class whose sets take `count` members. */
static unsigned class_for(uint32_t count)
{
	unsigned class = 0;

	while (set_limit(class) < count)
		class ++;
	return class;
}

/* A first block for a counter of none or one, with room for `count` more. */
static void set_begin(struct hin_distinct_pool *pool, struct hin_distinct *d, uint32_t count)
{
	uint32_t one = d->handle == 1 ? d->value : 0, handle;
	unsigned class = class_for(count + (one != 0));
	uint32_t mask = (uint32_t)block_size(class) / 4 - 1;

	handle = block_new(pool, class);
	if (handle == 0)
		return;
	*d = (struct hin_distinct){ .handle = handle, .value = one != 0 };
	if (one != 0)
		(void)set_add((uint32_t *)(void *)hin_distinct_block(pool, handle), mask, one);
}

/* Are all of them the same, and the one that `d` has, if it has one? */
static bool all_same(const struct hin_distinct *d, const uint32_t *hashes, unsigned count)
{
	uint32_t one = d->handle == 1 ? d->value : member(hashes[0]);

	for (unsigned i = 0; i < count; i++)
		if (member(hashes[i]) != one)
			return false;
	return true;
}

void hin_distinct_add_all(struct hin_distinct_pool *pool, struct hin_distinct *d,
			  const uint32_t *hashes, unsigned count)
{
	unsigned class, most = HIN_DISTINCT_CLASSES - 1;

	if (d->handle <= 1 && count > 1 && !all_same(d, hashes, count))
		set_begin(pool, d, count);
	class = class_of(d);
	if (d->handle > 1 && !is_sketch(d) && class < most && d->value + count > set_limit(class))
		(void)set_move(pool, d, class_for(d->value + count));
	if (HIN_LIKELY(d->handle > 1 && !is_sketch(d) &&
		       d->value + count <= set_limit(class_of(d)) && class_of(d) >= LINE_CLASS))
		lines_add_all(pool, d, hashes, count);
	else
		for (unsigned i = 0; i < count; i++)
			(void)hin_distinct_add(pool, d, hashes[i]);
}

bool hin_distinct_has(const struct hin_distinct_pool *pool, const struct hin_distinct *d,
		      uint32_t hash)
{
	hash = member(hash);
	if (d->handle <= 1)
		return d->handle == 1 && d->value == hash;
	if (is_sketch(d)) {
		uint32_t mask = (uint32_t)block_size(class_of(d)) - 1;

		return hin_distinct_block(pool, d->handle)[hash & mask] >= rank_of(hash);
	}
	return set_has((const uint32_t *)(const void *)hin_distinct_block(pool, d->handle),
		       (uint32_t)block_size(class_of(d)) / 4 - 1, hash);
}

/* Ertl 2017, algorithm 6 and its sigma and tau. */
static double ertl_sigma(double x)
{
	double y = 1, z = x, before;

	if (x == 1.0)
		return INFINITY;
	do {
		x *= x;
		before = z;
		z += x * y;
		y += y;
	} while (z != before);
	return z;
}

static double ertl_tau(double x)
{
	double y = 1, z = 1 - x, before;

	if (x == 0.0 || x == 1.0)
		return 0;
	do {
		x = sqrt(x);
		before = z;
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z != before);
	return z / 3;
}

static uint64_t sketch_count(const uint8_t *registers, size_t m)
{
	enum { RANKS = 64 };
	uint32_t histogram[RANKS + 2] = { 0 };
	double size = (double)m, z;

	for (size_t i = 0; i < m; i++)
		histogram[registers[i] <= RANKS ? registers[i] : RANKS + 1]++;
	z = size * ertl_tau(1 - histogram[RANKS + 1] / size);
	for (int k = RANKS; k >= 1; k--)
		z = 0.5 * (z + histogram[k]);
	z += size * ertl_sigma(histogram[0] / size);
	return (uint64_t)llround(size * size / (2 * log(2) * z));
}

uint64_t hin_distinct_count(const struct hin_distinct_pool *pool, const struct hin_distinct *d)
{
	if (d->handle <= 1)
		return d->handle;
	if (!is_sketch(d))
		return d->value;
	return sketch_count(hin_distinct_block(pool, d->handle), block_size(class_of(d)));
}

uint64_t hin_distinct_count_with(const struct hin_distinct_pool *pool, const struct hin_distinct *d,
				 const uint32_t *hashes, unsigned count)
{
	uint8_t registers[(size_t)16 << (HIN_DISTINCT_CLASSES - 1)];
	uint64_t more = 0;

	if (count > 0 && is_sketch(d)) {
		memcpy(registers, hin_distinct_block(pool, d->handle), block_size(class_of(d)));
		for (unsigned i = 0; i < count; i++)
			(void)sketch_add(registers, class_of(d), hashes[i]);
		return sketch_count(registers, block_size(class_of(d)));
	}
	for (unsigned i = 0; i < count; i++) {
		unsigned k = 0;

		while (k < i && member(hashes[k]) != member(hashes[i]))
			k++;
		more += k == i && !hin_distinct_has(pool, d, hashes[i]);
	}
	return hin_distinct_count(pool, d) + more;
}

bool hin_distinct_exact(const struct hin_distinct *d)
{
	return d->handle <= 1 || !is_sketch(d);
}

void hin_distinct_copy(struct hin_distinct_pool *pool, struct hin_distinct *to,
		       const struct hin_distinct *from)
{
	uint32_t handle;

	if (from->handle <= 1) {
		*to = *from;
		return;
	}
	handle = block_new(pool, class_of(from));
	if (handle == 0) {
		pool->degraded++;
		*to = (struct hin_distinct){ 0 };
		return;
	}
	memcpy(hin_distinct_block(pool, handle), hin_distinct_block(pool, from->handle),
	       block_size(class_of(from)));
	*to = (struct hin_distinct){ .handle = handle | (from->handle & HIN_HANDLE_SKETCH),
				     .value = from->value };
}

void hin_distinct_clear(struct hin_distinct_pool *pool, struct hin_distinct *d)
{
	if (d->handle > 1)
		block_free(pool, d->handle);
	*d = (struct hin_distinct){ 0 };
}
