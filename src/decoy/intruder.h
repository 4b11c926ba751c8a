/*
 * intruder - the files of one source on one host, while it comes and goes.
 *
 * What an intruder wrote is there when it comes again, by any service and connection: a decoy that
 * forgets is known by that (cowrie#1592). One is made at the first log-in of a source at a host,
 * and kept as long as there is room: over a limit the one that was not seen for the longest goes,
 * never one with an open session. Of IPv6 a source is a /64.
 *
 * Ownership: the table's; a session holds one from _take() to _leave().
 * Threads:   one thread at a time for a table and all that is in it.
 */
#pragma once
#include "decoy/host/host.h"

struct hin_intruder_limits {
	uint32_t most;	 /* of them */
	uint64_t bytes;	 /* of their files in all */
	int64_t keep_us; /* not seen for so long, one is forgotten; 0 = never */
};

extern const struct hin_intruder_limits hin_intruder_limits_default;

struct hin_intruder;
struct hin_intruders;

/* NULL without memory. `seed` keeps strangers from aiming at one place of the table. */
HIN_MUST_USE struct hin_intruders *hin_intruders_new(const struct hin_intruder_limits *limits,
						     uint64_t seed);
void hin_intruders_free(struct hin_intruders *table); /* NULL is fine; nobody holds one any more */

/* The one of `client` at `host`, new when there is none. NULL without memory. */
HIN_MUST_USE struct hin_intruder *hin_intruder_take(struct hin_intruders *table,
						    const struct hin_host *host,
						    const struct hin_addr *client, int64_t now_us);
void hin_intruder_leave(struct hin_intruder *intruder, int64_t now_us);

/* Its files; NULL without memory. */
struct hin_fs *hin_intruder_fs(struct hin_intruder *intruder);

/* A process number for a shell: they rise, as on a machine that is in use. */
uint32_t hin_intruder_pid(struct hin_intruder *intruder);

/* Was this digest new? The last sixteen are known. */
bool hin_intruder_is_new(struct hin_intruder *intruder, const uint8_t sha256[32]);

/* How many there are, and how many were forgotten for want of room. */
uint32_t hin_intruders_count(const struct hin_intruders *table);
uint64_t hin_intruders_forgotten(const struct hin_intruders *table);
