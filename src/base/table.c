#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/table.h"

enum { FIRST_SLOTS = 1024 };

static size_t chunk_bytes(uint32_t item)
{
	return ((size_t)item * HIN_CHUNK_ITEMS + 63) & ~(size_t)63;
}

static size_t region_bytes(unsigned count, uint32_t item, uint32_t limit)
{
	return chunk_bytes(item) * count * ((limit + HIN_CHUNK_ITEMS - 1) / HIN_CHUNK_ITEMS);
}

enum hin_code hin_array_init_family(struct hin_array *const arrays[], unsigned count, uint32_t item,
				    uint32_t limit, struct hin_error *err)
{
	size_t chunk = chunk_bytes(item), size;
	uint8_t *base;

	if (limit >= HIN_INDEX_POSITION)
		limit = HIN_INDEX_POSITION - 1;
	size = region_bytes(count, item, limit);
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	if (base == MAP_FAILED)
		return hin_fail(err, HIN_ENOMEM, "no room for tables of %u items of %u bytes",
				limit, item);
	(void)madvise(base, size, MADV_HUGEPAGE); /* a hint: fewer TLB misses */
	for (unsigned i = 0; i < count; i++)
		*arrays[i] = (struct hin_array){ .base = base + chunk * i,
						 .stride = chunk * count,
						 .item = item,
						 .limit = limit,
						 .free = HIN_NONE };
	return HIN_OK;
}

void hin_array_fini_family(struct hin_array *const arrays[], unsigned count)
{
	if (arrays[0]->base == NULL)
		return;
	munmap(arrays[0]->base, region_bytes(count, arrays[0]->item, arrays[0]->limit));
	for (unsigned i = 0; i < count; i++)
		arrays[i]->base = NULL;
}

enum hin_code hin_index_init(struct hin_index *index, struct hin_error *err)
{
	index->slots = calloc(FIRST_SLOTS, sizeof(*index->slots));
	if (index->slots == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for an index");
	index->mask = FIRST_SLOTS - 1;
	index->used = 0;
	return HIN_OK;
}

void hin_index_fini(struct hin_index *index)
{
	free(index->slots);
	index->slots = NULL;
}

static void place(uint32_t *slots, uint32_t mask, uint32_t hash, uint32_t slot)
{
	uint32_t i = hash & mask;

	while (slots[i] != 0)
		i = (i + 1) & mask;
	slots[i] = slot;
}

static bool grow(struct hin_index *index, uint32_t (*hash_of)(const void *, uint32_t),
		 const void *user)
{
	uint32_t mask = index->mask * 2 + 1;
	uint32_t *slots = calloc((size_t)mask + 1, sizeof(*slots));

	if (slots == NULL)
		return false;
	for (uint32_t i = 0; i <= index->mask; i++)
		if (index->slots[i] != 0)
			place(slots, mask, hash_of(user, hin_index_at(index->slots[i])),
			      index->slots[i]);
	free(index->slots);
	index->slots = slots;
	index->mask = mask;
	return true;
}

bool hin_index_put(struct hin_index *index, uint32_t hash, uint32_t at,
		   uint32_t (*hash_of)(const void *user, uint32_t at), const void *user)
{
	/* without memory it may fill up to seven eighths, then it says no */
	if (index->used >= index->mask / 3 * 2 && !grow(index, hash_of, user) &&
	    index->used >= index->mask / 8 * 7)
		return false;
	place(index->slots, index->mask, hash, hin_index_slot(hash, at));
	index->used++;
	return true;
}

void hin_index_remove(struct hin_index *index, uint32_t hash, uint32_t at,
		      uint32_t (*hash_of)(const void *user, uint32_t at), const void *user)
{
	uint32_t want = hin_index_slot(hash, at);
	uint32_t mask = index->mask;
	uint32_t hole = hash & mask;

	while (index->slots[hole] != want) {
		if (index->slots[hole] == 0)
			return;
		hole = (hole + 1) & mask;
	}
	/* close the gap: move back what may stand nearer to its home (Knuth 6.4, algorithm R) */
	for (uint32_t i = (hole + 1) & mask; index->slots[i] != 0; i = (i + 1) & mask) {
		uint32_t home = hash_of(user, hin_index_at(index->slots[i])) & mask;

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			index->slots[hole] = index->slots[i];
			hole = i;
		}
	}
	index->slots[hole] = 0;
	index->used--;
}
