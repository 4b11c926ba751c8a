#include "telescope/distinct.h"

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

/* Put into a set with room. False when it was there. */
static bool set_add(uint32_t *slots, uint32_t mask, uint32_t hash)
{
	uint32_t i = hash & mask;

	while (slots[i] != 0) {
		if (slots[i] == hash)
			return false;
		i = (i + 1) & mask;
	}
	slots[i] = hash;
	return true;
}

static bool set_has(const uint32_t *slots, uint32_t mask, uint32_t hash)
{
	uint32_t i = hash & mask;

	for (uint32_t seen = 0; seen <= mask && slots[i] != 0; seen++) {
		if (slots[i] == hash)
			return true;
		i = (i + 1) & mask;
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

/* Make room for one more member; true when there is. */
static bool set_grow(struct hin_distinct_pool *pool, struct hin_distinct *d)
{
	unsigned class = class_of(d);
	const uint32_t *old;
	uint32_t *slots, mask, handle;

	if (class + 1 == HIN_DISTINCT_CLASSES) {
		set_to_sketch(pool, d);
		return false;
	}
	handle = block_new(pool, class + 1);
	if (handle == 0) {
		pool->degraded++;
		set_to_sketch(pool, d);
		return false;
	}
	old = (const uint32_t *)(const void *)hin_distinct_block(pool, d->handle);
	slots = (uint32_t *)(void *)hin_distinct_block(pool, handle);
	mask = (uint32_t)block_size(class + 1) / 4 - 1;
	for (size_t i = 0; i < block_size(class) / 4; i++)
		if (old[i] != 0)
			(void)set_add(slots, mask, old[i]);
	block_free(pool, d->handle);
	d->handle = handle;
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
		((uint32_t *)(void *)hin_distinct_block(pool, handle))[first & 3] = first;
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
