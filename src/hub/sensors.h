/*
 * sensors - what the hub knows of each of its sensors: counts, lag, gaps, clock, version.
 *
 * Ownership: the caller owns a table and ends it with hin_sensors_free().
 * Threads:   any.
 */
#pragma once
#include "observe/batch.h"

#define HIN_SENSORS_MAX 65536u /* most sensors of one hub */
#define HIN_SENSOR_NAME 64     /* longest name, with its NUL */
#define HIN_SENSOR_VERSION 33  /* longest version, with its NUL */

struct hin_sensor_state {
	uint8_t id[HIN_SENSOR_ID];
	char name[HIN_SENSOR_NAME];	  /* of its certificate, or "" */
	char version[HIN_SENSOR_VERSION]; /* of its program, as it says; [0-9A-Za-z._-] */
	uint64_t settings;		  /* number of the settings that it runs; 0 = none */
	int64_t heard_ns;		  /* wall clock: its last request, or batch; 0 = never */
	int64_t stored_ns;		  /* wall clock: its last batch that was stored */
	struct hin_batch_mark committed;
	uint64_t batches, rows;	   /* stored ever */
	uint64_t repeats, refused; /* batches, since the hub runs */
	uint64_t missing;	   /* batches missing now, of this epoch */
	uint64_t filled;	   /* missing ones that came, since the hub runs */
	int64_t lag_us;		   /* from the newest row to its arrival, of the last batch */
	int32_t clock_offset_us;   /* as it says */
	uint8_t clock_state;
	uint64_t dark_addresses;
	bool silent;  /* longer than it promised; told once */
	bool revoked; /* by the roster */
};

/* One word for how a sensor is: "revoked", "silent", "never", "gaps" or "ok". */
const char *hin_sensor_word(const struct hin_sensor_state *state);

struct hin_sensors;

/* A new, empty table, or NULL. */
HIN_MUST_USE struct hin_sensors *hin_sensors_new(void);

/* Free it; NULL is fine. */
void hin_sensors_free(struct hin_sensors *s);

/* A change to one sensor, under the table's lock. */
typedef void (*hin_sensor_change_fn)(struct hin_sensor_state *state, void *user);

/* Change the state of `id`, which is made if there is none. False: the table is full. */
bool hin_sensors_change(struct hin_sensors *s, const uint8_t id[HIN_SENSOR_ID],
			hin_sensor_change_fn change, void *user);

/* A copy of the state of `id`; false when there is none. */
bool hin_sensors_get(struct hin_sensors *s, const uint8_t id[HIN_SENSOR_ID],
		     struct hin_sensor_state *out);

/* How many there are. */
size_t hin_sensors_count(struct hin_sensors *s);

/*
 * Call for a copy of each, in the order they came; the lock is held for one at a time. False ends
 * the walk.
 */
typedef bool (*hin_sensor_each_fn)(void *user, const struct hin_sensor_state *state);
void hin_sensors_each(struct hin_sensors *s, hin_sensor_each_fn call, void *user);

/*
 * Mark one sensor that was not heard of since `since_ns` (and was before, and is not revoked) as
 * silent and copy it to `out`; false when there is none that was not marked yet.
 */
bool hin_sensors_find_silent(struct hin_sensors *s, int64_t since_ns, struct hin_sensor_state *out);
