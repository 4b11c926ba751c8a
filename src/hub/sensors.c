/* sensors - a table by id; see sensors.h */
#include "hub/sensors.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#define SLOTS 131072u /* twice as many as there may be sensors */
#define CHUNK 256u    /* states that lie together; they never move */

static_assert(SLOTS >= 2 * HIN_SENSORS_MAX, "there is always a free slot");

struct hin_sensors {
	pthread_mutex_t lock;
	uint32_t *slots; /* position + 1, or 0 */
	struct hin_sensor_state *chunks[HIN_SENSORS_MAX / CHUNK];
	size_t count;
};

struct hin_sensors *hin_sensors_new(void)
{
	struct hin_sensors *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->slots = calloc(SLOTS, sizeof(*s->slots));
	if (s->slots == NULL) {
		free(s);
		return NULL;
	}
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void hin_sensors_free(struct hin_sensors *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < HIN_COUNT(s->chunks); i++)
		free(s->chunks[i]);
	pthread_mutex_destroy(&s->lock);
	free(s->slots);
	free(s);
}

static struct hin_sensor_state *state_at(const struct hin_sensors *s, size_t i)
{
	return &s->chunks[i / CHUNK][i % CHUNK];
}

/* The slot of `id`, or the free one where it belongs. An id is a digest: its bytes are the hash. */
static uint32_t *find_slot(const struct hin_sensors *s, const uint8_t *id)
{
	uint32_t hash;

	memcpy(&hash, id, sizeof(hash));
	for (uint32_t i = hash % SLOTS;; i = (i + 1) % SLOTS)
		if (s->slots[i] == 0 ||
		    memcmp(state_at(s, s->slots[i] - 1)->id, id, HIN_SENSOR_ID) == 0)
			return &s->slots[i];
}

static struct hin_sensor_state *add(struct hin_sensors *s, uint32_t *slot, const uint8_t *id)
{
	struct hin_sensor_state **chunk = &s->chunks[s->count / CHUNK];

	if (s->count == HIN_SENSORS_MAX)
		return NULL;
	if (*chunk == NULL)
		*chunk = calloc(CHUNK, sizeof(**chunk));
	if (*chunk == NULL)
		return NULL;
	*slot = (uint32_t)++s->count;
	memcpy(state_at(s, s->count - 1)->id, id, HIN_SENSOR_ID);
	return state_at(s, s->count - 1);
}

const char *hin_sensor_word(const struct hin_sensor_state *s)
{
	return s->revoked	  ? "revoked"
	       : s->silent	  ? "silent"
	       : s->heard_ns == 0 ? "never"
	       : s->missing > 0	  ? "gaps"
				  : "ok";
}

bool hin_sensors_change(struct hin_sensors *s, const uint8_t id[HIN_SENSOR_ID],
			hin_sensor_change_fn change, void *user)
{
	struct hin_sensor_state *state;
	uint32_t *slot;

	pthread_mutex_lock(&s->lock);
	slot = find_slot(s, id);
	state = *slot != 0 ? state_at(s, *slot - 1) : add(s, slot, id);
	if (state != NULL)
		change(state, user);
	pthread_mutex_unlock(&s->lock);
	return state != NULL;
}

bool hin_sensors_get(struct hin_sensors *s, const uint8_t id[HIN_SENSOR_ID],
		     struct hin_sensor_state *out)
{
	const uint32_t *slot;
	bool found;

	pthread_mutex_lock(&s->lock);
	slot = find_slot(s, id);
	found = *slot != 0;
	if (found)
		*out = *state_at(s, *slot - 1);
	pthread_mutex_unlock(&s->lock);
	return found;
}

size_t hin_sensors_count(struct hin_sensors *s)
{
	size_t count;

	pthread_mutex_lock(&s->lock);
	count = s->count;
	pthread_mutex_unlock(&s->lock);
	return count;
}

void hin_sensors_each(struct hin_sensors *s, hin_sensor_each_fn call, void *user)
{
	struct hin_sensor_state copy;

	for (size_t i = 0;; i++) {
		bool more;

		pthread_mutex_lock(&s->lock);
		more = i < s->count;
		if (more)
			copy = *state_at(s, i);
		pthread_mutex_unlock(&s->lock);
		if (!more || !call(user, &copy))
			return;
	}
}

bool hin_sensors_find_silent(struct hin_sensors *s, int64_t since_ns, struct hin_sensor_state *out)
{
	bool found = false;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->count && !found; i++) {
		struct hin_sensor_state *state = state_at(s, i);

		if (state->silent || state->revoked || state->heard_ns == 0 ||
		    state->heard_ns >= since_ns)
			continue;
		state->silent = found = true;
		*out = *state;
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}
