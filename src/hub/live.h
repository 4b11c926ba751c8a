/*
 * live - what comes in now, added up for a map: who sends to which sensor and port, by the second.
 *
 * The thread that takes rows adds them to a table of fixed size, under a lock taken once a batch;
 * what does not fit is counted. When nobody listens, a batch costs one look at a number.
 *
 * Ownership: the caller owns it and ends it with hin_live_free().
 * Threads:   any.
 */
#pragma once
#include "observe/batch.h"
#include "observe/observation.h"

#define HIN_LIVE_SLOTS 2048u /* different arcs of one look */
#define HIN_LIVE_SENSORS 64u /* sensors that are told apart */

/* One sender, port and tool at one sensor. */
struct hin_live_arc {
	struct hin_addr src;
	uint8_t sensor[HIN_SENSOR_ID];
	uint16_t dport, tool;
	uint8_t proto;
	uint64_t packets;
};

struct hin_live_sensor {
	uint8_t id[HIN_SENSOR_ID];
	uint64_t packets, rows;
};

/* What came since the last look. */
struct hin_live_look {
	struct hin_live_arc arcs[HIN_LIVE_SLOTS]; /* the first `count`, most packets first */
	size_t count;
	struct hin_live_sensor sensors[HIN_LIVE_SENSORS];
	size_t sensor_count;
	uint64_t packets, rows; /* of all, those left out too */
	uint64_t left_out;	/* rows whose arc found no place */
};

struct hin_live;

HIN_MUST_USE struct hin_live *hin_live_new(void); /* NULL without memory */
void hin_live_free(struct hin_live *live);	  /* NULL is fine */

/* Does anybody listen from now on? What came before is forgotten. */
void hin_live_listen(struct hin_live *live, bool listen);

/* Is it worth while to give rows? */
bool hin_live_is_heard(const struct hin_live *live);

/* Take rows of a sensor; those that carry packets count. */
void hin_live_take(struct hin_live *live, const struct hin_observation *rows, size_t count,
		   const uint8_t sensor[HIN_SENSOR_ID]);

/* Move what came since the last look to `out`. */
void hin_live_look(struct hin_live *live, struct hin_live_look *out);
