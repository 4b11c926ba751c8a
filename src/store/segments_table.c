/* segments_table - groups by hash, and the values that each has; see segments_group_priv.h */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "store/segments_group_priv.h"

#define FIRST_SLOTS 64u

uint64_t hin_groups_seed = UINT64_C(0x9e3779b97f4a7c15);

static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void draw_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) == sizeof(seed))
		hin_groups_seed = seed;
}

void hin_groups_draw_seed(void)
{
	pthread_once(&seed_once, draw_seed);
}

/* ---- items ---- */

static uint64_t item_hash(const uint8_t bytes[32])
{
	uint64_t words[4];

	memcpy(words, bytes, sizeof(words));
	return hin_groups_hash(words, 4);
}

static bool grow_items(struct hin_interned *t)
{
	size_t slot_count = t->slot_count > 0 ? t->slot_count * 2 : FIRST_SLOTS;
	uint32_t *slots = calloc(slot_count, sizeof(*slots));
	void *items = realloc(t->items, slot_count / 2 * sizeof(*t->items));

	if (items != NULL) {
		t->items = items;
		t->room = slot_count / 2;
	}
	if (slots == NULL || items == NULL) {
		free(slots);
		return false;
	}
	for (size_t i = 0; i < t->count; i++) {
		size_t at = item_hash(t->items[i].bytes) & (slot_count - 1);

		while (slots[at] != 0)
			at = (at + 1) & (slot_count - 1);
		slots[at] = (uint32_t)i + 1;
	}
	free(t->slots);
	t->slots = slots;
	t->slot_count = slot_count;
	return true;
}

uint32_t hin_intern(struct hin_interned *t, const uint8_t bytes[32])
{
	size_t at;

	if (t->count * 2 >= t->slot_count && !grow_items(t))
		return UINT32_MAX;
	at = item_hash(bytes) & (t->slot_count - 1);
	for (; t->slots[at] != 0; at = (at + 1) & (t->slot_count - 1))
		if (memcmp(t->items[t->slots[at] - 1].bytes, bytes, 32) == 0)
			return t->slots[at] - 1;
	memcpy(t->items[t->count].bytes, bytes, 32);
	t->slots[at] = (uint32_t)++t->count;
	return (uint32_t)t->count - 1;
}

void hin_interned_fini(struct hin_interned *t)
{
	free(t->items);
	free(t->slots);
	*t = (struct hin_interned){ 0 };
}

/* ---- groups ---- */

static unsigned shift_of(size_t slots)
{
	return 64u - (unsigned)__builtin_ctzll(slots);
}

/* Zeroed memory; a large table is spread over few pages, so that finding a place costs one miss. */
static void *table_memory(size_t size)
{
	size_t huge = (size_t)2 << 20;
	void *memory;

	if (size < 2 * huge)
		return calloc(1, size);
	memory = aligned_alloc(huge, (size + huge - 1) / huge * huge);
	if (memory == NULL)
		return NULL;
	(void)madvise(memory, size, MADV_HUGEPAGE);
	memset(memory, 0, size);
	return memory;
}

bool hin_groups_init(struct hin_groups *g, int64_t start_us, unsigned key, bool volume,
		     bool distinct)
{
	*g = (struct hin_groups){ .start_us = start_us,
				  .key = key,
				  .volume = volume,
				  .distinct = distinct,
				  .stride = key + distinct + 1 + (volume ? 2 : 0),
				  .slots = FIRST_SLOTS,
				  .shift = shift_of(FIRST_SLOTS) };
	g->records = calloc(g->slots * g->stride, sizeof(*g->records));
	return g->records != NULL;
}

void hin_groups_fini(struct hin_groups *g)
{
	free(g->records);
	free(g->set);
	free(g->counts);
	free(g->levels);
	*g = (struct hin_groups){ 0 };
}

size_t hin_groups_bytes(const struct hin_groups *g)
{
	return g->slots * g->stride * sizeof(*g->records) + g->set_slots * sizeof(*g->set) +
	       g->count_room * (sizeof(*g->counts) + 1);
}

static uint64_t *find_free(uint64_t *records, size_t slots, unsigned stride, unsigned at_count,
			   uint64_t hash)
{
	size_t at = hash >> shift_of(slots);

	while (records[at * stride + at_count] != 0)
		at = (at + 1) & (slots - 1);
	return records + at * stride;
}

bool hin_groups_reserve(struct hin_groups *g, size_t more)
{
	size_t slots = g->slots;
	unsigned at_count = hin_groups_at_count(g);
	uint64_t *records;

	if (g->distinct && g->used + more > g->count_room) {
		size_t room = (g->used + more) * 2;
		uint64_t *counts = realloc(g->counts, room * sizeof(*counts));
		uint8_t *levels;

		if (counts == NULL)
			return false;
		g->counts = counts;
		levels = realloc(g->levels, room);
		if (levels == NULL)
			return false;
		g->levels = levels;
		g->count_room = room;
	}
	while (g->used + more > slots / 4 * 3)
		slots *= 2;
	if (slots == g->slots)
		return true;
	records = table_memory(slots * g->stride * sizeof(*records));
	if (records == NULL)
		return false;
	for (size_t i = 0; i < g->slots; i++) {
		const uint64_t *old = g->records + i * g->stride;

		if (old[at_count] != 0)
			memcpy(find_free(records, slots, g->stride, at_count,
					 hin_groups_hash(old, g->key)),
			       old, g->stride * sizeof(*old));
	}
	free(g->records);
	g->records = records;
	g->slots = slots;
	g->shift = shift_of(slots);
	return true;
}

uint64_t *hin_groups_record(struct hin_groups *g, const uint64_t *key, uint64_t hash)
{
	unsigned at_count = hin_groups_at_count(g);
	size_t at = hash >> g->shift;

	for (;; at = (at + 1) & (g->slots - 1)) {
		uint64_t *record = g->records + at * g->stride;
		unsigned i = 0;

		if (record[at_count] == 0) {
			memcpy(record, key, g->key * sizeof(*key));
			if (g->distinct) {
				record[g->key] = g->used;
				g->counts[g->used] = 0;
				g->levels[g->used] = g->level;
			}
			g->used++;
			return record;
		}
		while (i < g->key && record[i] == key[i])
			i++;
		if (i == g->key)
			return record;
	}
}

/* ---- addresses ---- */

#define V4_AHEAD 24u /* slots fetched before they are used */

static size_t v4_slot(const struct hin_v4_counts *t, uint32_t key)
{
	return hin_mix(key ^ hin_groups_seed) >> t->shift;
}

static bool v4_grow(struct hin_v4_counts *t, size_t more)
{
	size_t slots = t->slot_count > 0 ? t->slot_count : FIRST_SLOTS, old_count = t->slot_count;
	uint64_t *old = t->slots, *fresh;

	while (t->used + more > slots / 4 * 3)
		slots *= 2;
	fresh = table_memory(slots * sizeof(*fresh));
	if (fresh == NULL)
		return false;
	t->slots = fresh;
	t->slot_count = slots;
	t->shift = shift_of(slots);
	for (size_t i = 0; i < old_count; i++) {
		size_t at;

		if (old[i] == 0)
			continue;
		at = v4_slot(t, (uint32_t)(old[i] >> 32));
		while (fresh[at] != 0)
			at = (at + 1) & (slots - 1);
		fresh[at] = old[i];
	}
	free(old);
	return true;
}

/* Carry a full count on in a record. */
static bool v4_carry(struct hin_v4_counts *t, size_t at, uint32_t count)
{
	uint64_t word = HIN_WORD_V4 | t->slots[at] >> 32;

	if (!hin_groups_reserve(t->full, 1))
		return false;
	hin_groups_record(t->full, &word, hin_groups_hash(&word, 1))[1] +=
		(t->slots[at] & UINT32_MAX) + count - 1;
	t->slots[at] = (t->slots[at] & ~(uint64_t)UINT32_MAX) | 1;
	return true;
}

bool hin_v4_counts_add(struct hin_v4_counts *t, const uint64_t *words, const uint32_t *counts,
		       size_t count)
{
	size_t ahead[V4_AHEAD] = { 0 };

	if (t->used + count > t->slot_count / 4 * 3 && !v4_grow(t, count))
		return false;
	for (size_t i = 0; i < count + V4_AHEAD; i++) {
		size_t at = ahead[i % V4_AHEAD], n = i - V4_AHEAD;

		if (i < count) {
			ahead[i % V4_AHEAD] = v4_slot(t, (uint32_t)words[i]);
			__builtin_prefetch(&t->slots[ahead[i % V4_AHEAD]], 1);
		}
		if (i < V4_AHEAD)
			continue;
		while (t->slots[at] != 0 && t->slots[at] >> 32 != (uint32_t)words[n])
			at = (at + 1) & (t->slot_count - 1);
		if (t->slots[at] == 0) {
			t->slots[at] = (words[n] << 32) | counts[n];
			t->used++;
		} else if (HIN_UNLIKELY((t->slots[at] & UINT32_MAX) + counts[n] > UINT32_MAX)) {
			if (!v4_carry(t, at, counts[n]))
				return false;
		} else {
			t->slots[at] += counts[n];
		}
	}
	return true;
}

/* ---- values ---- */

static size_t value_slot(const struct hin_groups *g, uint32_t group, uint64_t hash)
{
	uint64_t mixed = (hash ^ hin_groups_seed) + group * UINT64_C(0x9e3779b97f4a7c15);

	return mixed * UINT64_C(0xd6e8feb86659fd93) >> g->set_shift;
}

static bool kept(uint64_t hash, uint8_t level)
{
	return level == 0 || hash >> (64 - level) == 0;
}

/* Move what is still kept to an array of `slots`. */
static bool rebuild_set(struct hin_groups *g, size_t slots)
{
	struct hin_group_value *old = g->set, *set = table_memory(slots * sizeof(*set));
	size_t old_slots = g->set_slots;

	if (set == NULL)
		return false;
	g->set = set;
	g->set_slots = slots;
	g->set_shift = shift_of(slots);
	g->set_used = 0;
	for (size_t i = 0; i < old_slots; i++) {
		size_t at;

		if (old[i].owner == 0 || !kept(old[i].hash, g->levels[old[i].owner - 1]))
			continue;
		at = value_slot(g, old[i].owner - 1, old[i].hash);
		while (set[at].owner != 0)
			at = (at + 1) & (slots - 1);
		set[at] = old[i];
		g->set_used++;
	}
	free(old);
	return true;
}

/* At most two of three slots are used. */
static bool set_full(const struct hin_groups *g, size_t more)
{
	return (g->set_used + more) * 3 > g->set_slots * 2;
}

/* Room for `more` values; false without memory. */
static bool room_for_values(struct hin_groups *g, size_t more, size_t limit)
{
	while (set_full(g, more)) {
		size_t slots = g->set_slots > 0 ? g->set_slots * 2 : FIRST_SLOTS;

		while (slots * 2 < (g->set_used + more) * 3)
			slots *= 2;
		if (slots * sizeof(*g->set) <= limit || g->set_slots == 0) {
			if (!rebuild_set(g, slots))
				return false;
			continue;
		}
		/* full: from here on every second value that was kept */
		if (g->level == 40)
			return false;
		g->level++;
		g->approximate = true;
		for (size_t i = 0; i < g->used; i++)
			if (g->levels[i] < g->level)
				g->levels[i] = g->level;
		if (!rebuild_set(g, g->set_slots))
			return false;
	}
	return true;
}

bool hin_groups_values(struct hin_groups *g, uint32_t group, const uint64_t *hashes, size_t count,
		       size_t limit)
{
	size_t slots[HIN_VALUES_AT_ONCE];

	if (!room_for_values(g, count, limit))
		return false;
	for (size_t i = 0; i < count; i++) {
		slots[i] = value_slot(g, group, hashes[i]);
		__builtin_prefetch(&g->set[slots[i]], 1);
	}
	for (size_t i = 0; i < count; i++) {
		size_t at = slots[i];

		if (!kept(hashes[i], g->levels[group]))
			continue;
		while (g->set[at].owner != 0 &&
		       (g->set[at].hash != hashes[i] || g->set[at].owner != group + 1))
			at = (at + 1) & (g->set_slots - 1);
		g->set_used += g->set[at].owner == 0;
		g->set[at] = (struct hin_group_value){ hashes[i], group + 1 };
	}
	return true;
}

void hin_groups_raise(struct hin_groups *g, uint32_t group, uint8_t level)
{
	if (g->levels[group] >= level)
		return;
	g->levels[group] = level;
	g->approximate = true;
}

void hin_groups_count_values(struct hin_groups *g)
{
	if (g->used == 1 && !g->approximate) {
		g->counts[0] = g->set_used;
		return;
	}
	if (g->used == 0)
		return;
	memset(g->counts, 0, g->used * sizeof(*g->counts));
	for (size_t i = 0; i < g->set_slots; i++)
		if (g->set[i].owner != 0 && kept(g->set[i].hash, g->levels[g->set[i].owner - 1]))
			g->counts[g->set[i].owner - 1]++;
	for (size_t i = 0; i < g->used; i++)
		g->counts[i] <<= g->levels[i];
}

void hin_groups_reuse(struct hin_groups *g, int64_t start_us)
{
	memset(g->records, 0, g->slots * g->stride * sizeof(*g->records));
	if (g->set_slots > 0)
		memset(g->set, 0, g->set_slots * sizeof(*g->set));
	g->start_us = start_us;
	g->used = g->set_used = 0;
	g->level = 0;
	g->approximate = false;
}
