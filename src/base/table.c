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

static uint32_t *slots_new(size_t count)
{
	uint32_t *slots = aligned_alloc(64, count * sizeof(*slots));

	if (slots != NULL)
		memset(slots, 0, count * sizeof(*slots));
	return slots;
}

enum hin_code hin_index_reset(struct hin_index *index, size_t count, struct hin_error *err)
{
	uint32_t *slots = slots_new(count);

	if (slots == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for an index");
	free(index->slots);
	*index = (struct hin_index){ .slots = slots, .mask = (uint32_t)(count - 1) };
	return HIN_OK;
}

enum hin_code hin_index_init(struct hin_index *index, struct hin_error *err)
{
	index->slots = NULL;
	return hin_index_reset(index, FIRST_SLOTS, err);
}

void hin_index_fini(struct hin_index *index)
{
	free(index->slots);
	index->slots = NULL;
}

static uint32_t line_of(uint32_t mask, uint32_t hash)
{
	return hash & mask & ~(HIN_INDEX_LINE - 1);
}

static void place(uint32_t *slots, uint32_t mask, uint32_t hash, uint32_t slot)
{
	uint32_t line = line_of(mask, hash);
	unsigned free_slots, candidates;

	for (;;) {
		hin_index_look(slots + line, hash, &free_slots, &candidates);
		if (free_slots != 0)
			break;
		line = (line + HIN_INDEX_LINE) & mask;
	}
	slots[line + (unsigned)__builtin_ctz(free_slots)] = slot;
}

static bool grow(struct hin_index *index, uint32_t (*hash_of)(const void *, uint32_t),
		 const void *user)
{
	uint32_t mask = index->mask * 2 + 1;
	uint32_t *slots = slots_new((size_t)mask + 1);

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

static bool line_is_full(const uint32_t *line)
{
	unsigned free_slots, candidates;

	hin_index_look(line, 0, &free_slots, &candidates);
	return free_slots == 0;
}

/* A slot of the line at `from` whose item may stand in the line at `to` before it, or HIN_NONE. */
static uint32_t movable(const struct hin_index *index, uint32_t from, uint32_t to,
			uint32_t (*hash_of)(const void *user, uint32_t at), const void *user)
{
	for (uint32_t i = from; i < from + HIN_INDEX_LINE; i++) {
		uint32_t home;

		if (index->slots[i] == 0)
			continue;
		home = line_of(index->mask, hash_of(user, hin_index_at(index->slots[i])));
		if (((from - home) & index->mask) >= ((from - to) & index->mask))
			return i;
	}
	return HIN_NONE;
}

void hin_index_remove(struct hin_index *index, uint32_t hash, uint32_t at,
		      uint32_t (*hash_of)(const void *user, uint32_t at), const void *user)
{
	uint32_t want = hin_index_slot(hash, at), hole = line_of(index->mask, hash), line;
	bool full;

	while (index->slots[hole] != want) {
		if (++hole % HIN_INDEX_LINE != 0)
			continue;
		if (!line_is_full(index->slots + hole - HIN_INDEX_LINE))
			return;
		hole &= index->mask;
	}
	line = hole & ~(HIN_INDEX_LINE - 1);
	full = line_is_full(index->slots + line);
	index->slots[hole] = 0;
	index->used--;
	/* a line that was full may have items behind it: one of them takes the place (after Knuth
	   6.4, algorithm R), and leaves a place itself */
	for (uint32_t next = line; full;) {
		uint32_t from;

		next = (next + HIN_INDEX_LINE) & index->mask;
		if (next == line)
			return; /* all the way round */
		full = line_is_full(index->slots + next);
		from = movable(index, next, line, hash_of, user);
		if (from == HIN_NONE)
			continue;
		index->slots[hole] = index->slots[from];
		index->slots[from] = 0;
		hole = from;
		line = next;
	}
}
