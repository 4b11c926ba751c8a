/* ingest_own - the hub's own rows; see ingest.h */
#include <stdlib.h>

#include "base/log.h"
#include "hub/ingest_priv.h"

void hin_ingest_tell(struct hin_ingest *in, const struct hin_observation *row)
{
	if (in->told_count == INGEST_TOLD) {
		hin_log_limited(HIN_LOG_ERROR, "hub.row_lost", hin_log_u64("kind", row->kind));
		memmove(in->told, in->told + 1, (INGEST_TOLD - 1) * sizeof(*in->told));
		in->told_count--;
		in->told_appended -= in->told_appended > 0;
		in->told_analysed -= in->told_analysed > 0;
	}
	in->told[in->told_count++] = *row;
}

void ingest_tell_batches(struct hin_ingest *in, uint16_t kind, const uint8_t *sensor,
			 uint64_t epoch, uint64_t first, uint64_t count, int64_t now_ns)
{
	struct hin_observation row = {
		.time_us = now_ns / 1000,
		.kind = kind,
		.packets = count,
		.link = first,
		.parent = epoch,
		.device_basis = HIN_DEVICE_BASIS_SENSOR_KEY,
	};

	memcpy(row.device, sensor, sizeof(row.device));
	hin_ingest_tell(in, &row);
}

bool hin_ingest_has_told(const struct hin_ingest *in)
{
	return in->told_count > 0;
}

/* Analysis takes what it has not taken before, also when the rows had to be appended twice. */
static void analyse_told(struct hin_ingest *in)
{
	for (; in->told_analysed < in->told_count; in->told_analysed++)
		if (in->settings.analyse != NULL)
			hin_analyse_take(in->settings.analyse, &in->told[in->told_analysed],
					 in->settings.key->id);
}

/* A writer behind our own mark in the store. */
static enum hin_code open_writer(struct hin_ingest *in, struct hin_error *err)
{
	struct hin_store_mark mark;
	struct hin_batch_mark after;
	enum hin_code code = HIN_OK;

	if (in->writer != NULL)
		return HIN_OK;
	if (!in->settings.new_epoch && hin_store_find_mark(in->store, in->settings.key->id, &mark))
		after = mark.appended;
	else
		code = hin_batch_mark_draw(&after, err);
	if (code == HIN_OK)
		code = hin_batch_writer_open(&in->writer, in->settings.key, &after, INGEST_TOLD,
					     err);
	if (code == HIN_OK)
		hin_batch_writer_set_clock(in->writer, 0, HIN_CLOCK_STATE_FREE);
	return code;
}

enum hin_code ingest_own_append(struct hin_ingest *in, struct hin_error *err)
{
	struct hin_batch_reader reader;
	enum hin_store_outcome outcome;
	const uint8_t *bytes;
	uint8_t digest[32];
	enum hin_code code;
	size_t size;

	if (in->told_count == in->told_appended)
		return HIN_OK;
	code = open_writer(in, err);
	for (size_t i = in->told_appended; i < in->told_count && code == HIN_OK; i++)
		code = hin_batch_writer_add(in->writer, &in->told[i], err);
	if (code == HIN_OK)
		code = hin_batch_writer_finish(in->writer, &bytes, &size, err);
	if (code == HIN_OK)
		code = hin_batch_reader_open(&reader, bytes, size, NULL, err);
	if (code == HIN_OK) {
		hin_batch_digest(digest, bytes, size);
		code = hin_store_append_batch(in->store, &reader, digest, hin_time_now_ns() / 1000,
					      &outcome, err);
	}
	if (code == HIN_OK) {
		in->told_appended = in->told_count;
		analyse_told(in);
		in->settings.new_epoch = false; /* it is the newest in the store now */
	} else {				/* the next try begins behind what the store has */
		hin_batch_writer_close(in->writer);
		in->writer = NULL;
	}
	return code;
}

void ingest_own_done(struct hin_ingest *in, bool durable)
{
	if (durable) {
		in->told_count -= in->told_appended;
		in->told_analysed -= in->told_appended;
		memmove(in->told, in->told + in->told_appended, in->told_count * sizeof(*in->told));
	} else if (in->broken) { /* what was appended is gone with the store */
		hin_batch_writer_close(in->writer);
		in->writer = NULL;
	}
	if (durable || in->broken)
		in->told_appended = 0;
}
