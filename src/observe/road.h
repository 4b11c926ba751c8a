/*
 * road - the one object a sensor's program uses: rows go in, and reach the hub.
 *
 *	hin_road_open(&road, folder, &key, &settings, err);
 *	hin_road_put(road, &row, err);		from the sensor's threads
 *	hin_road_close(road, 5 * HIN_NS_PER_S);
 *
 * Rows are copied into a queue. A thread makes signed batches of them and spools them to disk, each
 * minute, when a batch is full, and at once when a row's kind is urgent; another thread sends them.
 * Each minute it adds a row road.alive, and a row road.loss for each kind and reason of what was
 * lost: spool_full, disk_full (the spool waits for the disk), table_full (the queue), refused (by
 * the hub). What was spooled outlives a kill -9; what the hub has acknowledged is never lost.
 *
 * Where the chain goes on is decided by the spool alone. When the hub knows of later batches than
 * the spool does (the folder was restored from a backup), the chain would fork: what was not
 * acknowledged is given up and counted, and a new epoch begins. The log says so.
 *
 * Ownership: the caller owns a road and closes it. The key must outlive it; the carrier becomes
 *            the road's, also when opening fails.
 * Threads:   any may put; open and close in one.
 */
#pragma once
#include "observe/carrier.h"
#include "observe/observation.h"

struct hin_road;
struct hin_carrier_member_settings;

/* The hub has settings for us that are newer than those we run: `bytes` as they are signed. */
typedef void (*hin_road_settings_fn)(void *user, const void *bytes, size_t size);

/* { 0 } is what most want, with a carrier. */
struct hin_road_settings {
	struct hin_spool_settings spool;
	struct hin_carrier *carrier; /* NULL: spool only, until one is there at a later start */
	size_t batch_rows;	     /* most rows of a batch; 0 = HIN_ROAD_BATCH_ROWS */
	size_t queue_rows;	     /* 0 = 8192 */
	bool wait;	   /* put() waits for room (a recording can wait), else the row is lost */
	int64_t flush_ns;  /* alive, losses, and what is not urgent; 0 = a minute */
	int64_t urgent_ns; /* between two batches for urgent rows; 0 = 50 ms */
	uint64_t dark_addresses;
	uint64_t settings_number;      /* of the settings that the sensor runs; 0 = none */
	hin_road_settings_fn settings; /* in a thread of the road; or NULL */
	void *user;
};

#define HIN_ROAD_BATCH_ROWS 16384 /* a batch of the widest rows fits HIN_CARRIER_LOAD */

/*
 * Open the spool in `folder` (made if there is none) and start. As hin_spool_open(), and HIN_ESYS
 * when no thread can be started.
 */
HIN_MUST_USE enum hin_code hin_road_open(struct hin_road **out, const char *folder,
					 const struct hin_sensor_key *key,
					 const struct hin_road_settings *settings,
					 struct hin_error *err);

/*
 * The same for a sensor that `hinomi trust join` made: key, certificates and hub of `folder`, the
 * spool in `folder`/spool. `settings->carrier` is not looked at; `member` (more hubs, passphrase,
 * proxy; observe/carrier_member.h) may be NULL. As hin_road_open() and hin_carrier_member_open().
 */
HIN_MUST_USE enum hin_code hin_road_open_joined(struct hin_road **out, const char *folder,
						const struct hin_carrier_member_settings *member,
						const struct hin_road_settings *settings,
						struct hin_error *err);

/*
 * Put a copy of `row` into the queue. HIN_ELIMIT: there was no room, and it is counted as lost. A
 * row that hin_observation_check() refuses is found later: counted, and told in the log.
 */
enum hin_code hin_road_put(struct hin_road *road, const struct hin_observation *row);

/* The sensor watched this many packets and bytes since it last said so; road.alive has the sums. */
void hin_road_watched(struct hin_road *road, uint64_t packets, uint64_t bytes);

/* Rows were lost in the sensor itself, for a reason of the registry (HIN_VERDICT_...). */
void hin_road_lost(struct hin_road *road, uint16_t kind, uint8_t verdict, uint64_t rows,
		   int64_t time_us);

/* What the next batches say. `authority` is 32 bytes, or NULL for none. */
void hin_road_set_clock(struct hin_road *road, int32_t offset_us, uint8_t state);
void hin_road_set_dark(struct hin_road *road, uint64_t addresses);
void hin_road_set_authority(struct hin_road *road, const uint8_t *authority);

/* The settings that the sensor runs from now on. */
void hin_road_set_settings(struct hin_road *road, uint64_t number);

/*
 * Wait until all that was put before is in the spool, or the hub has it when `sent`; at most
 * `wait_ns`. HIN_EAGAIN when that was too short.
 */
HIN_MUST_USE enum hin_code hin_road_flush(struct hin_road *road, bool sent, int64_t wait_ns);

/*
 * Spool what is in the queue, try for `wait_ns` to send what is in the spool, stop and free; NULL
 * is fine. What is not sent goes at the next start.
 */
void hin_road_close(struct hin_road *road, int64_t wait_ns);

struct hin_road_stats {
	struct hin_spool_stats spool;
	struct hin_batch_mark mark;	  /* of the batch spooled last */
	struct hin_spool_place committed; /* as the hub told last */
	char hub[HIN_CARRIER_REASON];	  /* spoken to last; "" without a carrier */
	bool connected;			  /* the last try was answered */
	bool disk_full;			  /* batches wait for the disk */
	uint64_t rows_put, rows_lost, rows_refused;
	uint64_t batches, batches_sent, batches_refused, loads, failures, epochs;
	int64_t answered_ns; /* wall clock of the last answer; 0 = never */
};

void hin_road_stats(struct hin_road *road, struct hin_road_stats *out);

/* Append the same in the text form of Prometheus, names beginning with hinomi_road_. */
void hin_road_metrics(struct hin_road *road, struct hin_buffer *out);
