/*
 * intake - requests with batches, through the ingest, answered after one commit for all of them.
 *
 * Handlers of the HTTP server put requests into a queue and keep them. One thread takes what waits,
 * unpacks and ingests it, commits once (group commit), and answers each with its verdicts and the
 * mark that is durable now. Memory is bounded: by the server's memory for bodies, by the longest
 * queue, and by HIN_CARRIER_LOAD for what a body may unpack to.
 *
 * Ownership: the caller owns an intake; the server is closed before it, so that nobody waits.
 * Threads:   hin_intake_handle() in the server's threads; the rest in one.
 */
#pragma once
#include "hub/ingest.h"
#include "net/http_server.h"

#define HIN_INTAKE_QUEUE 8192u /* most requests that wait */

/* name, meaning: why a request is refused as a whole. */
#define HIN_INTAKE_REFUSALS(X)                                                                     \
	X(no_sensor, "whose certificate names no sensor")                                          \
	X(unknown, "of a sensor that has not joined, or is revoked")                               \
	X(query, "with a query that is none")                                                      \
	X(type, "of another type than batches")                                                    \
	X(unpack, "that do not unpack, or to too much")                                            \
	X(frame, "that are not as many batches as they say")                                       \
	X(queue, "beyond the longest queue")                                                       \
	X(disk, "that could not be stored: the disk is full")

enum hin_intake_refusal {
#define X(name, meaning) HIN_INTAKE_##name,
	HIN_INTAKE_REFUSALS(X)
#undef X
		HIN_INTAKE_REFUSED
};

struct hin_intake_counters {
	_Atomic uint64_t requests, groups, largest_group;
	_Atomic uint64_t refused[HIN_INTAKE_REFUSED];
};

/* The key and name of a sensor that has joined and is not revoked; false for any other. */
typedef bool (*hin_intake_key_fn)(void *user, const uint8_t id[HIN_SENSOR_ID],
				  uint8_t public_key[HIN_KEY_PUBLIC], char name[HIN_SENSOR_NAME]);

/* Called in the intake's thread about once a second, between commits. */
typedef void (*hin_intake_tick_fn)(void *user, struct hin_ingest *in, int64_t now_ns);

struct hin_intake_settings {
	struct hin_ingest *ingest;
	struct hin_sensors *sensors;
	hin_intake_key_fn key;	 /* in the server's threads */
	hin_intake_tick_fn tick; /* or NULL */
	void *user;
};

struct hin_intake;

HIN_MUST_USE enum hin_code hin_intake_open(struct hin_intake **out,
					   const struct hin_intake_settings *settings,
					   struct hin_error *err);

/* Take what waits, commit, stop and free; NULL is fine. */
void hin_intake_close(struct hin_intake *intake);

/* The handler of POST /v1/batches; `user` is the intake. */
void hin_intake_handle(void *user, struct hin_http_request *request);

/* The number of the settings that sensors are told of; 0 = none. From any thread. */
void hin_intake_set_settings(struct hin_intake *intake, uint64_t number);

/* Monotonic time at which the thread was last seen at work; for a watchdog. */
int64_t hin_intake_beat_ns(const struct hin_intake *intake);

/* Requests that wait now. */
size_t hin_intake_waiting(const struct hin_intake *intake);

const struct hin_intake_counters *hin_intake_count(const struct hin_intake *intake);

/*
 * Append `size` bytes of a body to `out`, unpacked when `packed`. HIN_ELIMIT beyond
 * HIN_CARRIER_LOAD, HIN_EFORMAT or HIN_ETRUNCATED for what does not unpack. Pure.
 */
HIN_MUST_USE enum hin_code hin_intake_unpack(struct hin_buffer *out, const void *body, size_t size,
					     bool packed, struct hin_error *err);

/* What the query of a request says. */
struct hin_intake_query {
	struct hin_spool_place known;
	uint64_t settings, count;
	char version[HIN_SENSOR_VERSION];
};

/* Read its values, NULL for those that are not there. HIN_EFORMAT. Pure. */
HIN_MUST_USE enum hin_code hin_intake_query(struct hin_intake_query *out, const char *known,
					    const char *settings, const char *count,
					    const char *version, struct hin_error *err);
