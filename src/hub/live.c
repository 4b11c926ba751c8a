/* live - see live.h */
#include "hub/live.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define PROBES 8

struct hin_live {
	_Atomic bool heard;
	pthread_mutex_t lock; /* of all below */
	uint8_t seed[crypto_shorthash_KEYBYTES];
	uint16_t used[HIN_LIVE_SLOTS]; /* which slots, in the order they were taken */
	bool taken[HIN_LIVE_SLOTS];
	struct hin_live_look look; /* `arcs` by slot */
};

struct hin_live *hin_live_new(void)
{
	struct hin_live *live = calloc(1, sizeof(*live));

	if (live == NULL)
		return NULL;
	pthread_mutex_init(&live->lock, NULL);
	randombytes_buf(live->seed, sizeof(live->seed));
	return live;
}

void hin_live_free(struct hin_live *live)
{
	if (live == NULL)
		return;
	pthread_mutex_destroy(&live->lock);
	free(live);
}

/* Under the lock. */
static void clear(struct hin_live *live)
{
	for (size_t i = 0; i < live->look.count; i++)
		live->taken[live->used[i]] = false;
	live->look.count = live->look.sensor_count = 0;
	live->look.packets = live->look.rows = live->look.left_out = 0;
}

void hin_live_listen(struct hin_live *live, bool listen)
{
	if (atomic_load_explicit(&live->heard, memory_order_relaxed) == listen)
		return;
	pthread_mutex_lock(&live->lock);
	clear(live);
	pthread_mutex_unlock(&live->lock);
	atomic_store_explicit(&live->heard, listen, memory_order_relaxed);
}

bool hin_live_is_heard(const struct hin_live *live)
{
	return atomic_load_explicit(&live->heard, memory_order_relaxed);
}

/* What makes two rows one arc. */
struct key {
	struct hin_addr src;
	uint8_t sensor[HIN_SENSOR_ID];
	uint16_t dport, tool;
	uint32_t proto; /* wide, so that there is no padding */
};

static bool is_same(const struct hin_live_arc *a, const struct key *k)
{
	return a->dport == k->dport && a->tool == k->tool && a->proto == k->proto &&
	       hin_addr_equal(&a->src, &k->src) &&
	       memcmp(a->sensor, k->sensor, sizeof(a->sensor)) == 0;
}

/* The arc of `key`, a new one when there is a place near where it belongs; else NULL. */
static struct hin_live_arc *arc_of(struct hin_live *live, const struct key *key)
{
	uint64_t hash;

	crypto_shorthash((unsigned char *)&hash, (const unsigned char *)key, sizeof(*key),
			 live->seed);
	for (unsigned i = 0; i < PROBES; i++) {
		uint16_t slot = (uint16_t)((hash + i) % HIN_LIVE_SLOTS);
		struct hin_live_arc *a = &live->look.arcs[slot];

		if (live->taken[slot] && is_same(a, key))
			return a;
		if (live->taken[slot])
			continue;
		live->taken[slot] = true;
		live->used[live->look.count++] = slot;
		*a = (struct hin_live_arc){ .src = key->src,
					    .dport = key->dport,
					    .tool = key->tool,
					    .proto = (uint8_t)key->proto };
		memcpy(a->sensor, key->sensor, sizeof(a->sensor));
		return a;
	}
	return NULL;
}

static struct hin_live_sensor *sensor_of(struct hin_live_look *look,
					 const uint8_t id[HIN_SENSOR_ID])
{
	struct hin_live_sensor *s;

	for (size_t i = 0; i < look->sensor_count; i++)
		if (memcmp(look->sensors[i].id, id, HIN_SENSOR_ID) == 0)
			return &look->sensors[i];
	if (look->sensor_count == HIN_LIVE_SENSORS)
		return NULL;
	s = &look->sensors[look->sensor_count++];
	*s = (struct hin_live_sensor){ .packets = 0 };
	memcpy(s->id, id, HIN_SENSOR_ID);
	return s;
}

/* Rows of other kinds tell again what flows told, or nothing of packets. */
static bool counts(const struct hin_observation *o)
{
	return o->kind == HIN_KIND_TELESCOPE_FLOW && (o->has & HIN_HAS_SRC) != 0 && o->packets > 0;
}

static void add(struct hin_live *live, const struct hin_observation *o,
		const uint8_t sensor[HIN_SENSOR_ID])
{
	struct key key = { .src = o->src, .dport = o->dport, .tool = o->tool, .proto = o->proto };
	struct hin_live_arc *arc;

	memcpy(key.sensor, sensor, sizeof(key.sensor));
	if (o->proto == 1 || o->proto == 58)
		key.dport = 0; /* a code, no port */
	arc = arc_of(live, &key);
	if (arc == NULL)
		live->look.left_out++;
	else if (__builtin_add_overflow(arc->packets, o->packets, &arc->packets))
		arc->packets = UINT64_MAX;
}

void hin_live_take(struct hin_live *live, const struct hin_observation *rows, size_t count,
		   const uint8_t sensor[HIN_SENSOR_ID])
{
	struct hin_live_sensor *s;

	if (!hin_live_is_heard(live))
		return;
	pthread_mutex_lock(&live->lock);
	s = sensor_of(&live->look, sensor);
	for (size_t i = 0; i < count; i++) {
		if (!counts(&rows[i]))
			continue;
		add(live, &rows[i], sensor);
		live->look.rows++;
		live->look.packets += rows[i].packets;
		if (s != NULL) {
			s->rows++;
			s->packets += rows[i].packets;
		}
	}
	pthread_mutex_unlock(&live->lock);
}

static int most_first(const void *a, const void *b)
{
	uint64_t x = ((const struct hin_live_arc *)a)->packets;
	uint64_t y = ((const struct hin_live_arc *)b)->packets;

	return x > y ? -1 : x < y;
}

void hin_live_look(struct hin_live *live, struct hin_live_look *out)
{
	pthread_mutex_lock(&live->lock);
	out->count = live->look.count;
	for (size_t i = 0; i < live->look.count; i++)
		out->arcs[i] = live->look.arcs[live->used[i]];
	out->sensor_count = live->look.sensor_count;
	memcpy(out->sensors, live->look.sensors, sizeof(out->sensors));
	out->packets = live->look.packets;
	out->rows = live->look.rows;
	out->left_out = live->look.left_out;
	clear(live);
	pthread_mutex_unlock(&live->lock);
	qsort(out->arcs, out->count, sizeof(out->arcs[0]), most_first);
}
