/* callers - see callers.h */
#include "decoy/callers.h"

#include <stdlib.h>

#define BUCKETS 16384u
#define DAY_US (INT64_C(24) * 3600 * 1000000)

struct hin_callers {
	uint64_t seed;
	uint32_t used, hand; /* hand: where a place for a new one is looked for */
	uint32_t room;
	struct hin_caller *items;
	uint32_t buckets[BUCKETS]; /* place of the first, plus one */
};

struct hin_callers *hin_callers_new(uint64_t seed)
{
	struct hin_callers *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->seed = seed;
	return s;
}

void hin_callers_free(struct hin_callers *sources)
{
	if (sources == NULL)
		return;
	free(sources->items);
	free(sources);
}

static struct hin_addr source_of(const struct hin_addr *client)
{
	struct hin_addr source = *client;

	if (!hin_addr_is_v4(&source))
		memset(source.b + 8, 0, 8);
	return source;
}

uint32_t hin_callers_hash(const struct hin_callers *sources, const struct hin_addr *client)
{
	struct hin_addr source = source_of(client);
	uint64_t part[2], h = sources->seed;

	memcpy(part, source.b, sizeof(part));
	for (int i = 0; i < 2; i++) {
		h = (h ^ part[i]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
		h *= sources->seed | 1;
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

static struct hin_caller *find(struct hin_callers *s, const struct hin_addr *source, uint32_t hash)
{
	uint32_t at = s->buckets[hash % BUCKETS];

	while (at != 0 && !hin_addr_equal(&s->items[at - 1].address, source))
		at = s->items[at - 1].next;
	return at != 0 ? &s->items[at - 1] : NULL;
}

static void leave_bucket(struct hin_callers *s, const struct hin_caller *item)
{
	uint32_t place = (uint32_t)(item - s->items) + 1;
	uint32_t *at = &s->buckets[item->worker_of % BUCKETS];

	while (*at != place)
		at = &s->items[*at - 1].next;
	*at = item->next;
}

/* A place for a new one: a fresh one, or that of one that is not here. NULL when all are. */
static struct hin_caller *place_for(struct hin_callers *s)
{
	if (s->used == s->room && s->room < HIN_CALLERS_MOST) {
		uint32_t room = s->room == 0 ? 256 : s->room * 2;
		struct hin_caller *items = realloc(s->items, room * sizeof(*items));

		if (items != NULL) {
			s->items = items;
			s->room = room;
		}
	}
	if (s->used < s->room)
		return &s->items[s->used++];
	for (uint32_t i = 0; i < s->used; i++) {
		struct hin_caller *item = &s->items[s->hand];

		s->hand = (s->hand + 1) % s->used;
		if (item->open > 0)
			continue;
		leave_bucket(s, item);
		return item;
	}
	return NULL;
}

struct hin_caller *hin_callers_see(struct hin_callers *sources, const struct hin_addr *client,
				   int64_t now_us)
{
	struct hin_addr source = source_of(client);
	uint32_t hash = hin_callers_hash(sources, client), day = (uint32_t)(now_us / DAY_US);
	struct hin_caller *item = find(sources, &source, hash);

	if (item == NULL) {
		item = place_for(sources);
		if (item == NULL)
			return NULL;
		*item = (struct hin_caller){ .address = source,
					     .day = day,
					     .worker_of = hash,
					     .next = sources->buckets[hash % BUCKETS] };
		sources->buckets[hash % BUCKETS] = (uint32_t)(item - sources->items) + 1;
	}
	if (item->day != day) {
		item->day = day;
		item->today = 0;
	}
	item->today += item->today < UINT32_MAX;
	return item;
}

bool hin_callers_gone(struct hin_callers *sources, const struct hin_addr *client)
{
	struct hin_addr source = source_of(client);
	struct hin_caller *item = find(sources, &source, hin_callers_hash(sources, client));

	if (item == NULL || item->open == 0)
		return false;
	item->open--;
	return true;
}

uint64_t hin_callers_forget_worker(struct hin_callers *sources, uint64_t index, uint64_t workers)
{
	uint64_t open = 0;

	for (uint32_t i = 0; i < sources->used; i++) {
		if (sources->items[i].worker_of % workers != index)
			continue;
		open += sources->items[i].open;
		sources->items[i].open = 0;
	}
	return open;
}
