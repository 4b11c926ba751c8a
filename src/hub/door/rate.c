/* rate - GCRA over sets of eight entries; see rate.h */
#include "hub/door/rate.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 8

struct entry {
	uint8_t id[16]; /* keyed hash of rule and key: nobody can aim at a set */
	int64_t due_us; /* when the key owes nothing any more; 0 = free */
};

struct hin_rate {
	pthread_mutex_t lock;
	uint8_t secret[crypto_shorthash_siphashx24_KEYBYTES];
	size_t sets; /* a power of two */
	struct entry entries[];
};

struct hin_rate *hin_rate_new(size_t entries)
{
	size_t sets = 1;
	struct hin_rate *rate;

	if (sodium_init() < 0)
		return NULL;
	while (sets * WAYS < entries)
		sets *= 2;
	rate = calloc(1, sizeof(*rate) + sets * WAYS * sizeof(rate->entries[0]));
	if (rate == NULL)
		return NULL;
	pthread_mutex_init(&rate->lock, NULL);
	randombytes_buf(rate->secret, sizeof(rate->secret));
	rate->sets = sets;
	return rate;
}

void hin_rate_free(struct hin_rate *rate)
{
	if (rate == NULL)
		return;
	pthread_mutex_destroy(&rate->lock);
	free(rate);
}

static void identify(const struct hin_rate *rate, const struct hin_rate_rule *rule, const void *key,
		     size_t size, uint8_t id[16])
{
	uint8_t text[256] = { rule->number };

	if (size > sizeof(text) - 1)
		size = sizeof(text) - 1;
	memcpy(text + 1, key, size);
	crypto_shorthash_siphashx24(id, text, size + 1, rate->secret);
}

/* The entry of `id`, or NULL; `*room` is where a new one goes. */
static struct entry *find(struct hin_rate *rate, const uint8_t id[16], struct entry **room)
{
	uint64_t hash;
	struct entry *set;

	memcpy(&hash, id, sizeof(hash));
	set = &rate->entries[(hash & (rate->sets - 1)) * WAYS];
	*room = set;
	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].due_us != 0 && memcmp(set[i].id, id, 16) == 0)
			return &set[i];
		if (set[i].due_us < (*room)->due_us)
			*room = &set[i];
	}
	return NULL;
}

bool hin_rate_take(struct hin_rate *rate, const struct hin_rate_rule *rule, const void *key,
		   size_t size, int64_t now_us, int64_t *wait_us)
{
	int64_t tolerance = rule->interval_us * (int64_t)(rule->burst - 1), due;
	struct entry *e, *room;
	uint8_t id[16];
	bool good;

	identify(rate, rule, key, size, id);
	pthread_mutex_lock(&rate->lock);
	e = find(rate, id, &room);
	due = e != NULL && e->due_us > now_us ? e->due_us : now_us;
	good = due - now_us <= tolerance;
	if (good) {
		if (e == NULL) {
			e = room;
			memcpy(e->id, id, sizeof(id));
		}
		e->due_us = due + rule->interval_us;
	}
	pthread_mutex_unlock(&rate->lock);
	if (wait_us != NULL)
		*wait_us = good ? 0 : due - now_us - tolerance;
	return good;
}

void hin_rate_give(struct hin_rate *rate, const struct hin_rate_rule *rule, const void *key,
		   size_t size)
{
	struct entry *e, *room;
	uint8_t id[16];

	identify(rate, rule, key, size, id);
	pthread_mutex_lock(&rate->lock);
	e = find(rate, id, &room);
	if (e != NULL)
		e->due_us -= rule->interval_us;
	pthread_mutex_unlock(&rate->lock);
}
