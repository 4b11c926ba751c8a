/*
 * segments_heads - heads of batches; see store.h
 *
 * A head is up to three rows of a block like others, in files of their own kind: so they are
 * synced, replaced, checked and backed up as rows are. What a row's fields hold is said here alone,
 * and no question about rows sees them. Of the batch's own rows it needs the time of the first.
 */
#include "store/segments_view_priv.h"

/* `kind` of the rows, in this order. */
enum {
	ROW_HEAD = 1,  /* how many rows in `packets`, last time, clock, previous, what was signed */
	ROW_SIGNATURE, /* its halves */
	ROW_ORIGIN,    /* authority and registry */
};

size_t hin_head_rows(const struct hin_store_head *h, struct hin_observation rows[HIN_HEAD_ROWS])
{
	for (size_t i = 0; i < HIN_HEAD_ROWS; i++)
		rows[i] = (struct hin_observation){ .time_us = h->first_us,
						    .kind = (uint16_t)(ROW_HEAD + i) };
	rows[0].duration_us = (uint64_t)(h->last_us - h->first_us);
	rows[0].packets = h->rows;
	if (!h->is_signed)
		return 1;
	rows[0].tool = 1;
	rows[0].sample = (uint32_t)h->clock_offset_us;
	rows[0].confidence = h->clock_state;
	memcpy(rows[0].evidence, h->previous, 32);
	memcpy(rows[0].artifact, h->signed_digest, 32);
	memcpy(rows[1].evidence, h->signature, 32);
	memcpy(rows[1].artifact, h->signature + 32, 32);
	memcpy(rows[2].evidence, h->authority, 32);
	memcpy(rows[2].artifact, h->registry, 32);
	return 3;
}

/* ---- reading ---- */

struct asking {
	const uint8_t *sensor;
	int64_t since_us, until_us;
	hin_store_head_fn call;
	void *user;
	struct hin_store_head head;
	bool open;	    /* `head` is there, and its rows may not all be */
	enum hin_code code; /* of `call`, that is no damage whatever it is */
	struct hin_error err;
};

static bool is_wanted(const struct asking *a)
{
	const struct hin_store_head *h = &a->head;

	return (a->sensor == NULL || memcmp(a->sensor, h->batch.sensor, HIN_SENSOR_ID) == 0) &&
	       h->last_us >= a->since_us && h->first_us < a->until_us;
}

/* The head is complete. */
static enum hin_code give(struct asking *a)
{
	if (!a->open)
		return HIN_OK;
	a->open = false;
	if (!is_wanted(a))
		return HIN_OK;
	a->code = a->call(a->user, &a->head, &a->err);
	return a->code == HIN_OK ? HIN_OK : HIN_EOF;
}

static enum hin_code take_row(void *user, const struct hin_store_batch *batch, uint32_t at,
			      const struct hin_observation *o, struct hin_error *err)
{
	struct asking *a = user;
	struct hin_store_head *h = &a->head;
	enum hin_code code = HIN_OK;

	(void)at;
	(void)err;
	if (o->kind == ROW_HEAD) {
		uint64_t most = (uint64_t)(INT64_MAX - o->time_us);

		code = give(a);
		*h = (struct hin_store_head){
			.batch = *batch,
			.first_us = o->time_us,
			.last_us = o->time_us +
				   (int64_t)(o->duration_us < most ? o->duration_us : most),
			.rows = o->packets,
			.is_signed = o->tool == 1,
			.clock_offset_us = (int32_t)o->sample,
			.clock_state = o->confidence,
		};
		memcpy(h->previous, o->evidence, 32);
		memcpy(h->signed_digest, o->artifact, 32);
		a->open = true;
	} else if (o->kind == ROW_SIGNATURE && a->open) {
		memcpy(h->signature, o->evidence, 32);
		memcpy(h->signature + 32, o->artifact, 32);
	} else if (o->kind == ROW_ORIGIN && a->open) {
		memcpy(h->authority, o->evidence, 32);
		memcpy(h->registry, o->artifact, 32);
	}
	return code;
}

static enum hin_code take_block(void *user, struct hin_view_block *b, struct hin_error *err)
{
	struct asking *a = user;
	const struct hin_part *durations =
		hin_block_part(b->head, HIN_PART_OF(HIN_FIELD_DURATION, HIN_PART_NUMBER));
	uint64_t longest = durations != NULL ? durations->max : 0;
	struct hin_block_rows rows;
	enum hin_code code;

	if (b->head->time_max < a->since_us &&
	    (uint64_t)(a->since_us - b->head->time_max) > longest)
		return HIN_OK;
	code = hin_block_batches(b->reader, err);
	if (code == HIN_OK)
		code = hin_block_rows_open(&rows, b->reader, UINT64_MAX, err);
	if (code != HIN_OK)
		return code;
	code = hin_block_each_row(&rows, take_row, a, err);
	if (code == HIN_OK)
		code = give(a); /* a block has all rows of a batch, or none */
	hin_block_rows_fini(&rows);
	return code;
}

enum hin_code hin_store_batches(struct hin_store *store, const uint8_t sensor[HIN_SENSOR_ID],
				int64_t since_us, int64_t until_us, hin_store_head_fn call,
				void *user, struct hin_store_effort *effort, struct hin_error *err)
{
	struct hin_store_range range = { .until_us = until_us };
	struct hin_store_effort none;
	struct asking a = { .sensor = sensor,
			    .since_us = since_us,
			    .until_us = until_us > 0 ? until_us : INT64_MAX,
			    .call = call,
			    .user = user };
	struct hin_view view = { .store = store,
				 .range = &range,
				 .heads = true,
				 .head_only = true,
				 .call = take_block,
				 .user = &a,
				 .effort = effort != NULL ? effort : &none };
	enum hin_code code;

	*view.effort = (struct hin_store_effort){ 0 };
	code = hin_view_run(&view, err);
	if (code == HIN_OK && a.code != HIN_OK && err != NULL)
		*err = a.err;
	return code == HIN_OK ? a.code : code;
}
