/* road_priv - what road.c, road_write.c and road_send.c share. */
#pragma once
#include <pthread.h>

#include "base/log.h"
#include "observe/batch_writer.h"
#include "observe/road.h"

#define ROAD_LOSSES 16 /* kinds and reasons that are lost before the spool, at once */
#define ROAD_RETRY_NS HIN_NS_PER_S

struct hin_road {
	pthread_mutex_t lock;
	pthread_cond_t work;  /* for the writing thread */
	pthread_cond_t moved; /* something was consumed, spooled or acknowledged: for all others */
	struct hin_road_settings settings;
	const struct hin_sensor_key *key;
	struct hin_sensor_key *own_key; /* that `key` points to; or NULL */
	struct hin_spool *spool;
	pthread_t writing, sending;
	bool writing_runs, sending_runs;

	/* under the lock */
	struct hin_observation *queue; /* filled by put() */
	size_t queued;
	uint64_t put, durable; /* rows ever put; of them spooled, or lost */
	bool urgent, flush, fork;
	_Atomic bool stop_writing, stop_sending; /* set under the lock */
	uint64_t packets, bytes;		 /* watched since the last alive */
	struct hin_spool_loss losses[ROAD_LOSSES];
	size_t loss_count;
	int32_t clock_offset_us;
	uint8_t clock_state;
	uint64_t dark_addresses;
	uint8_t authority[32];
	bool news; /* of the four above */
	uint64_t settings_number;
	struct hin_road_stats stats; /* but for what the spool says */

	/* of the writing thread */
	struct hin_batch_writer *writer;
	struct hin_observation *taken; /* rows of the queue that are being added */
	size_t taken_at, taken_count;
	uint64_t consumed;	/* of `put` */
	const uint8_t *waiting; /* a finished batch that the disk did not take, or NULL */
	size_t waiting_size;
	int64_t retry_ns;     /* monotonic: not before */
	int64_t flush_at_ns;  /* monotonic: next alive */
	int64_t urgent_at_ns; /* monotonic: no batch for urgent rows before */
	int64_t alive_ns;     /* monotonic: the last alive ended here */
	bool was_full;	      /* the log said that the disk is full */

	/* of the sending thread */
	uint64_t opened; /* sequence of the newest batch when the road was opened */
	bool asked;	 /* the hub told its mark since the last failure */
	struct hin_spool_place place, known, refused;
	struct hin_buffer load;
	struct hin_spool_place places[HIN_CARRIER_BATCHES];
	struct hin_backoff stuck;
	int64_t pause_ns;	 /* monotonic: not before */
	int64_t settings_ns;	 /* monotonic: settings were asked for */
	uint64_t settings_tried; /* their number */
};

/* Count a loss under the lock; the writing thread hands it to the spool. */
void road_lose(struct hin_road *r, const struct hin_spool_loss *loss);

/* Wait for `cond` until a monotonic time; under the lock. */
void road_wait(struct hin_road *r, pthread_cond_t *cond, int64_t until_ns);

/* The threads. */
void *road_write(void *road);
void *road_send(void *road);
