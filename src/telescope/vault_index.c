/* The index of a vault: linear probing over keys of eight bytes. */
#include <stdlib.h>

#include "telescope/vault_priv.h"

#define FIRST_SIZE 1024u

/* MurmurHash3's finalizer, seeded. */
static size_t mix(const struct vault_index *index, uint64_t key)
{
	key ^= index->seed;
	key = (key ^ key >> 33) * 0xff51afd7ed558ccdull;
	key = (key ^ key >> 33) * 0xc4ceb9fe1a85ec53ull;
	return (size_t)(key ^ key >> 33);
}

static bool counts(const struct vault_place *place)
{
	return place->segment != VAULT_NOWHERE && place->segment != VAULT_GONE;
}

struct vault_place *hin_vault_index_find(const struct vault_index *index, uint64_t key)
{
	size_t mask = index->size - 1;

	if (index->size == 0)
		return NULL;
	for (size_t i = mix(index, key) & mask;; i = (i + 1) & mask) {
		struct vault_place *place = &index->places[i];

		if (place->segment == VAULT_NOWHERE)
			return NULL;
		if (place->key == key && place->segment != VAULT_GONE)
			return place;
	}
}

/* Put a key that is not there; there is room. */
static void place_new(struct vault_index *index, struct vault_place new)
{
	size_t mask = index->size - 1, i = mix(index, new.key) & mask;

	while (counts(&index->places[i]))
		i = (i + 1) & mask;
	if (index->places[i].segment == VAULT_NOWHERE)
		index->used++;
	index->places[i] = new;
	index->live++;
}

/* A larger table when it is three quarters full, or one of the same size without what is gone. */
enum hin_code hin_vault_index_reserve(struct vault_index *index)
{
	struct vault_index next = { .size = FIRST_SIZE, .seed = index->seed };

	if (index->used < index->size - index->size / 4)
		return HIN_OK;
	while (next.size / 8 * 5 <= index->live)
		next.size *= 2;
	next.places = calloc(next.size, sizeof(*next.places));
	if (next.places == NULL)
		return HIN_ENOMEM;
	for (size_t i = 0; i < index->size; i++)
		if (counts(&index->places[i]))
			place_new(&next, index->places[i]);
	free(index->places);
	*index = next;
	return HIN_OK;
}

void hin_vault_index_set(struct vault_index *index, uint64_t key, uint32_t segment, uint32_t offset)
{
	struct vault_place *place = hin_vault_index_find(index, key);
	struct vault_place new = { key, segment, offset };

	if (place != NULL)
		*place = new;
	else
		place_new(index, new);
}

void hin_vault_index_forget(struct vault_index *index, uint32_t segment)
{
	for (size_t i = 0; i < index->size; i++) {
		if (index->places[i].segment != segment)
			continue;
		index->places[i].segment = VAULT_GONE;
		index->live--;
	}
}

void hin_vault_index_fini(struct vault_index *index)
{
	free(index->places);
	*index = (struct vault_index){ 0 };
}
