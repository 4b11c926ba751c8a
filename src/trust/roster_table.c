/* roster_table - sensors and codes as they are now, found by their ids; see roster_priv.h */
#include <stdlib.h>
#include <string.h>

#include "trust/roster_priv.h"

static void *grow(void *items, size_t *room, size_t count, size_t item, size_t limit)
{
	size_t more = *room > 0 ? *room * 2 : 16;
	void *moved;

	if (count < *room)
		return items;
	if (count >= limit)
		return NULL;
	moved = reallocarray(items, more, item);
	if (moved != NULL)
		*room = more;
	return moved;
}

/* The slot of `id` or the free one where it belongs. Items begin with their id. */
static size_t slot_of(const struct id_index *index, const void *items, size_t item, const void *id,
		      size_t id_size)
{
	uint64_t hash;
	size_t at;

	memcpy(&hash, id, sizeof(hash));
	at = (size_t)(hash * 0x9e3779b97f4a7c15u >> 20) & (index->size - 1);
	while (index->slots[at] != 0 &&
	       memcmp((const char *)items + (index->slots[at] - 1) * item, id, id_size) != 0)
		at = (at + 1) & (index->size - 1);
	return at;
}

/* The position of `id`, or SIZE_MAX. */
static size_t index_find(const struct id_index *index, const void *items, size_t item,
			 const void *id, size_t id_size)
{
	size_t at;

	if (index->size == 0)
		return SIZE_MAX;
	at = slot_of(index, items, item, id, id_size);
	return index->slots[at] != 0 ? index->slots[at] - 1 : SIZE_MAX;
}

/* Make room for one more of `count` items; false without memory. */
static bool index_fit(struct id_index *index, const void *items, size_t item, size_t id_size,
		      size_t count)
{
	struct id_index wider = { .size = index->size > 0 ? index->size * 2 : 64 };

	if (2 * (count + 1) <= index->size)
		return true;
	wider.slots = calloc(wider.size, sizeof(*wider.slots));
	if (wider.slots == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		wider.slots[slot_of(&wider, items, item, (const char *)items + i * item, id_size)] =
			(uint32_t)i + 1;
	free(index->slots);
	*index = wider;
	return true;
}

struct hin_roster_sensor *roster_find_sensor(const struct hin_roster *r, const uint8_t id[16])
{
	size_t at = index_find(&r->by_sensor, r->sensors, sizeof(*r->sensors), id, 16);

	return at != SIZE_MAX ? &r->sensors[at] : NULL;
}

struct hin_roster_code *roster_find_code(const struct hin_roster *r, const uint8_t id[HIN_CODE_ID])
{
	size_t at = index_find(&r->by_code, r->codes, sizeof(*r->codes), id, HIN_CODE_ID);

	return at != SIZE_MAX ? &r->codes[at] : NULL;
}

struct hin_roster_sensor *roster_new_sensor(struct hin_roster *r, const uint8_t id[16])
{
	struct hin_roster_sensor *moved;
	uint64_t *changed;
	size_t at;

	moved = grow(r->sensors, &r->sensor_room, r->sensor_count, sizeof(*moved),
		     HIN_ROSTER_SENSORS);
	if (moved == NULL)
		return NULL;
	r->sensors = moved;
	changed = grow(r->changed, &r->changed_room, r->sensor_count, sizeof(*changed),
		       HIN_ROSTER_SENSORS);
	if (changed == NULL)
		return NULL;
	r->changed = changed;
	if (!index_fit(&r->by_sensor, moved, sizeof(*moved), 16, r->sensor_count))
		return NULL;
	at = slot_of(&r->by_sensor, moved, sizeof(*moved), id, 16);
	moved += r->sensor_count++;
	*moved = (struct hin_roster_sensor){ 0 };
	memcpy(moved->id, id, 16);
	r->by_sensor.slots[at] = (uint32_t)r->sensor_count;
	return moved;
}

bool roster_new_code(struct hin_roster *r, const struct hin_roster_code *code)
{
	struct hin_roster_code *moved =
		grow(r->codes, &r->code_room, r->code_count, sizeof(*moved), UINT32_MAX / 2);

	if (moved == NULL)
		return false;
	r->codes = moved;
	if (!index_fit(&r->by_code, moved, sizeof(*moved), HIN_CODE_ID, r->code_count))
		return false;
	r->by_code.slots[slot_of(&r->by_code, moved, sizeof(*moved), code->id, HIN_CODE_ID)] =
		(uint32_t)r->code_count + 1;
	moved[r->code_count++] = *code;
	return true;
}
