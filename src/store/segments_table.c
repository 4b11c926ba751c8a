/* segments_table - groups by hash, and the values that each has; see segments_group_priv.h */
#include <stdlib.h>

#include "store/segments_group_priv.h"

#define FIRST_SLOTS 64u

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

bool hin_groups_init(struct hin_groups *g, int64_t start_us, unsigned key, bool volume,
		     bool distinct)
{
	*g = (struct hin_groups){ .start_us = start_us,
				  .key = key,
				  .volume = volume,
				  .distinct = distinct,
				  .stride = key + distinct + 1 + (volume ? 2 : 0),
				  .slots = FIRST_SLOTS };
	g->records = calloc(g->slots * g->stride, sizeof(*g->records));
	return g->records != NULL;
}

void hin_groups_fini(struct hin_groups *g)
{
	free(g->records);
	free(g->hashes);
	free(g->owners);
	free(g->counts);
	free(g->levels);
	*g = (struct hin_groups){ 0 };
}

size_t hin_groups_bytes(const struct hin_groups *g)
{
	return g->slots * g->stride * sizeof(*g->records) +
	       g->set_slots * (sizeof(*g->hashes) + sizeof(*g->owners)) +
	       g->count_room * (sizeof(*g->counts) + 1);
}

static uint64_t *find_free(uint64_t *records, size_t slots, unsigned stride, unsigned at_count,
			   uint64_t hash)
{
	size_t at = hash & (slots - 1);

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
	while (g->used + more > slots / 2)
		slots *= 2;
	if (slots == g->slots)
		return true;
	records = calloc(slots * g->stride, sizeof(*records));
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
	return true;
}

uint64_t *hin_groups_record(struct hin_groups *g, const uint64_t *key, uint64_t hash)
{
	unsigned at_count = hin_groups_at_count(g);
	size_t at = hash & (g->slots - 1);

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

/* ---- values ---- */

static size_t value_slot(const struct hin_groups *g, uint32_t group, uint64_t hash)
{
	return hin_mix(hash + group * UINT64_C(0x9e3779b97f4a7c15)) & (g->set_slots - 1);
}

static bool kept(uint64_t hash, uint8_t level)
{
	return level == 0 || hash >> (64 - level) == 0;
}

/* Move what is still kept to arrays of `slots`. */
static bool rebuild_set(struct hin_groups *g, size_t slots)
{
	struct hin_groups old = *g;

	g->hashes = malloc(slots * sizeof(*g->hashes));
	g->owners = calloc(slots, sizeof(*g->owners));
	if (g->hashes == NULL || g->owners == NULL) {
		free(g->hashes);
		free(g->owners);
		g->hashes = old.hashes;
		g->owners = old.owners;
		return false;
	}
	g->set_slots = slots;
	g->set_used = 0;
	for (size_t i = 0; i < old.set_slots; i++) {
		size_t at;

		if (old.owners[i] == 0 || !kept(old.hashes[i], g->levels[old.owners[i] - 1]))
			continue;
		at = value_slot(g, old.owners[i] - 1, old.hashes[i]);
		while (g->owners[at] != 0)
			at = (at + 1) & (slots - 1);
		g->owners[at] = old.owners[i];
		g->hashes[at] = old.hashes[i];
		g->set_used++;
	}
	free(old.hashes);
	free(old.owners);
	return true;
}

static bool room_for_value(struct hin_groups *g, size_t limit)
{
	size_t slots = g->set_slots > 0 ? g->set_slots * 2 : FIRST_SLOTS;

	if (g->set_used * 2 < g->set_slots)
		return true;
	if (g->set_slots == 0 || slots * (sizeof(*g->hashes) + sizeof(*g->owners)) <= limit)
		return rebuild_set(g, slots);
	/* full: from here on every second value that was kept */
	while (g->set_used * 2 >= g->set_slots && g->level < 40) {
		g->level++;
		g->approximate = true;
		for (size_t i = 0; i < g->used; i++)
			if (g->levels[i] < g->level)
				g->levels[i] = g->level;
		if (!rebuild_set(g, g->set_slots))
			return false;
	}
	return g->set_used < g->set_slots;
}

bool hin_groups_value(struct hin_groups *g, uint32_t group, uint64_t hash, size_t limit)
{
	size_t at;

	if (!kept(hash, g->levels[group]))
		return true;
	if (HIN_UNLIKELY(g->set_used * 2 >= g->set_slots)) {
		if (!room_for_value(g, limit))
			return false;
		if (!kept(hash, g->levels[group]))
			return true;
	}
	at = value_slot(g, group, hash);
	for (; g->owners[at] != 0; at = (at + 1) & (g->set_slots - 1))
		if (g->hashes[at] == hash && g->owners[at] == group + 1)
			return true;
	g->owners[at] = group + 1;
	g->hashes[at] = hash;
	g->set_used++;
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
	if (g->used > 0 && g->counts != NULL)
		memset(g->counts, 0, g->used * sizeof(*g->counts));
	for (size_t i = 0; i < g->set_slots; i++)
		if (g->owners[i] != 0 && kept(g->hashes[i], g->levels[g->owners[i] - 1]))
			g->counts[g->owners[i] - 1]++;
	for (size_t i = 0; i < g->used; i++)
		g->counts[i] <<= g->levels[i];
}
