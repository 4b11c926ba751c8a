/* ingest - prove, read, chain and append batches; see ingest.h */
#include "hub/ingest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "hub/ingest_priv.h"

#define PAST_NS (366 * HIN_NS_PER_DAY)
#define FUTURE_NS HIN_NS_PER_DAY
#define AHEAD 1000000000u
#define STORE_MEMORY ((uint64_t)64 << 20)

/* A batch on its way in. */
struct arrival {
	const struct hin_ingest_sender *sender;
	const void *bytes;
	size_t size;
	int64_t now_ns;
	char *reason;
	struct hin_batch_reader reader;
	uint8_t digest[32];
	int64_t newest_us;	 /* of its rows */
	uint64_t missing, first; /* a gap before it: how many, from which on */
	bool fills;		 /* it was missing */
};

static HIN_PRINTF(4, 5) enum hin_carried refuse(struct hin_ingest *in, struct arrival *a,
						enum hin_ingest_refusal why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(a->reason, HIN_CARRIER_REASON, fmt, args);
	va_end(args);
	in->counters.refused[why]++;
	return why == HIN_INGEST_forked ? HIN_CARRIED_FORKED : HIN_CARRIED_REFUSED;
}

/* ---- one batch ---- */

/* Signature and structure. HIN_CARRIED_STORED: go on. */
static enum hin_carried prove(struct hin_ingest *in, struct arrival *a)
{
	const struct hin_batch_header *header = &a->reader.header;
	struct hin_error why = { 0 };
	enum hin_code code;

	code = hin_batch_reader_open(&a->reader, a->bytes, a->size, a->sender->public_key, &why);
	if (code == HIN_EVERIFY &&
	    hin_batch_reader_open(&a->reader, a->bytes, a->size, NULL, NULL) == HIN_OK &&
	    memcmp(header->sensor, a->sender->id, HIN_SENSOR_ID) != 0)
		return refuse(in, a, HIN_INGEST_stranger,
			      "the batch is another sensor's than the certificate");
	if (code == HIN_EVERIFY)
		return refuse(in, a, HIN_INGEST_signature, "%s", why.text);
	if (code == HIN_EUNSUPPORTED)
		return refuse(in, a, HIN_INGEST_schema, "%s", why.text);
	if (code != HIN_OK)
		return refuse(in, a, HIN_INGEST_structure, "%s", why.text);
	if (header->schema != HIN_BATCH_SCHEMA)
		return refuse(in, a, HIN_INGEST_schema, "schema %u is not %u: update the hub",
			      header->schema, HIN_BATCH_SCHEMA);
	if (memcmp(header->sensor, a->sender->id, HIN_SENSOR_ID) != 0)
		return refuse(in, a, HIN_INGEST_stranger,
			      "the batch is another sensor's than the certificate");
	if (header->epoch == 0 || header->sequence == 0)
		return refuse(in, a, HIN_INGEST_structure, "epoch or sequence is 0");
	return HIN_CARRIED_STORED;
}

/* Keep a row for analysis. */
static bool want(struct hin_ingest *in, const struct hin_observation *row)
{
	if (in->wanted_count == in->wanted_room) {
		size_t room = in->wanted_room * 2 + 256;
		struct hin_observation *more = realloc(in->wanted, room * sizeof(*more));

		if (more == NULL)
			return false;
		in->wanted = more;
		in->wanted_room = room;
	}
	in->wanted[in->wanted_count++] = *row;
	return true;
}

/* Does the hub alone say this? */
static bool is_own(uint16_t kind)
{
	return kind == HIN_KIND_ROAD_GAP || kind == HIN_KIND_ROAD_FILLED ||
	       kind == HIN_KIND_ROAD_SILENT;
}

/* Every row: fields, values, time. */
static enum hin_carried check_rows(struct hin_ingest *in, struct arrival *a)
{
	int64_t oldest_us = (a->now_ns - in->settings.past_ns) / 1000;
	int64_t latest_us = (a->now_ns + in->settings.future_ns) / 1000;
	struct hin_observation row;
	struct hin_error why = { 0 };
	enum hin_code code;
	bool live = in->settings.live != NULL && hin_live_is_heard(in->settings.live), wanted;
	uint32_t n = 0;

	in->wanted_count = 0;
	in->analysed = false;
	if (a->reader.header.clock_state == HIN_CLOCK_STATE_RECORDED)
		oldest_us = HIN_TIME_MIN; /* a recording may be old */
	for (; (code = hin_batch_reader_next(&a->reader, &row, &why)) == HIN_OK; n++) {
		if (row.time_us < oldest_us || row.time_us > latest_us) {
			char text[HIN_TIME_TEXT];

			return refuse(in, a, HIN_INGEST_clock,
				      "row %u is of %s: the sensor's clock is wrong", n,
				      hin_time_format(text, row.time_us * 1000, HIN_TIME_S));
		}
		if (is_own(row.kind))
			return refuse(in, a, HIN_INGEST_field,
				      "row %u: kind %u is the hub's to say, not a sensor's", n,
				      row.kind);
		if (row.time_us > a->newest_us)
			a->newest_us = row.time_us;
		wanted = in->settings.analyse != NULL &&
			 hin_analyse_wants(in->settings.analyse, row.kind);
		in->analysed |= wanted;
		if ((wanted || (live && row.kind == HIN_KIND_TELESCOPE_FLOW)) && !want(in, &row)) {
			snprintf(a->reason, HIN_CARRIER_REASON, "the hub is short of memory");
			return HIN_CARRIED_LATER;
		}
	}
	if (code == HIN_EOF)
		return HIN_CARRIED_STORED;
	return refuse(in, a, code == HIN_EDENIED ? HIN_INGEST_field : HIN_INGEST_value,
		      "row %u: %s", n, why.text);
}

static bool any_range(void *user, uint64_t first, uint64_t last)
{
	(void)first;
	(void)last;
	*(bool *)user = true;
	return false;
}

/* There are batches missing before this one. Is that so, or does the sensor still have them? */
static enum hin_carried check_gap(struct hin_ingest *in, struct arrival *a, uint64_t mark)
{
	const struct hin_batch_header *header = &a->reader.header;
	const struct hin_spool_place *known = &a->sender->known;

	if (header->sequence - mark > in->settings.ahead)
		return refuse(in, a, HIN_INGEST_future,
			      "sequence %llu is from the future: %llu is the last one known",
			      (unsigned long long)header->sequence, (unsigned long long)mark);
	if (known->epoch == header->epoch && known->sequence > mark) {
		in->counters.early++;
		snprintf(a->reason, HIN_CARRIER_REASON, "the hub asks for %llu and later again",
			 (unsigned long long)mark + 1);
		return HIN_CARRIED_EARLY;
	}
	a->missing = header->sequence - mark - 1;
	a->first = mark + 1;
	return HIN_CARRIED_STORED;
}

/* A batch of another epoch than the sensor's newest. */
static enum hin_carried check_epoch(struct hin_ingest *in, struct arrival *a)
{
	const struct hin_batch_header *header = &a->reader.header;
	bool old = false;

	hin_store_each_range(in->store, header->sensor, header->epoch, any_range, &old);
	if (old && hin_store_has(in->store, header->sensor, header->epoch, header->sequence))
		return HIN_CARRIED_REPEAT;
	if (old)
		return refuse(in, a, HIN_INGEST_rolled_back,
			      "epoch %016llx has ended: a newer one of this sensor is known",
			      (unsigned long long)header->epoch);
	return header->sequence > 1 || a->sender->known.epoch == header->epoch ? check_gap(in, a, 0)
									       : HIN_CARRIED_STORED;
}

/* Where does it stand in its sensor's chain? HIN_CARRIED_STORED: go on. */
static enum hin_carried check_chain(struct hin_ingest *in, struct arrival *a)
{
	const struct hin_batch_header *header = &a->reader.header;
	struct hin_store_mark mark = { 0 };

	hin_batch_digest(a->digest, a->bytes, a->size);
	if (!hin_store_find_mark(in->store, header->sensor, &mark))
		return check_epoch(in, a);
	switch (hin_batch_chain(&mark.appended, header, a->digest)) {
	case HIN_CHAIN_NEXT:
		return HIN_CARRIED_STORED;
	case HIN_CHAIN_REPEAT:
		if (hin_store_has(in->store, header->sensor, header->epoch, header->sequence))
			return HIN_CARRIED_REPEAT;
		a->fills = true;
		return HIN_CARRIED_STORED;
	case HIN_CHAIN_GAP:
		return check_gap(in, a, mark.appended.sequence);
	case HIN_CHAIN_EPOCH:
		return check_epoch(in, a);
	case HIN_CHAIN_FORK:
		break;
	}
	return refuse(in, a, HIN_INGEST_forked,
		      "batch %llu names another batch before it than the one that is stored",
		      (unsigned long long)header->sequence);
}

/* The table's view of a batch that was appended. */
static void note_stored(struct hin_sensor_state *state, void *user)
{
	const struct arrival *a = user;
	const struct hin_batch_header *header = &a->reader.header;

	state->batches++;
	state->rows += header->rows;
	state->stored_ns = a->now_ns;
	state->clock_offset_us = header->clock_offset_us;
	state->clock_state = header->clock_state;
	state->dark_addresses = header->dark_addresses;
	if (a->newest_us > 0)
		state->lag_us = a->now_ns / 1000 - a->newest_us;
	if (state->committed.epoch != header->epoch)
		state->missing = 0;
	state->committed.epoch = header->epoch;
	state->missing += a->missing;
	if (a->fills) {
		state->filled++;
		state->missing -= state->missing > 0;
	}
}

/* What was appended goes to analysis, unless it was there before the process ended. */
static void analyse_rows(struct hin_ingest *in, const struct hin_batch_header *header,
			 int64_t now_ns)
{
	struct hin_analyse *analyse = in->settings.analyse;

	if (!in->analysed ||
	    !hin_analyse_begin(analyse, header->sensor, header->epoch, header->sequence))
		return;
	hin_analyse_limit(analyse, (now_ns + in->settings.future_ns) / 1000);
	for (size_t i = 0; i < in->wanted_count; i++)
		hin_analyse_take(analyse, &in->wanted[i], header->sensor);
}

static enum hin_carried append(struct hin_ingest *in, struct arrival *a)
{
	const struct hin_batch_header *header = &a->reader.header;
	enum hin_store_outcome outcome;
	struct hin_error why = { 0 };
	enum hin_code code = hin_store_append_batch(in->store, &a->reader, a->digest,
						    a->now_ns / 1000, &outcome, &why);

	if (code == HIN_ELIMIT)
		return refuse(in, a, HIN_INGEST_limit, "%s", why.text);
	if (code != HIN_OK) {
		hin_log_limited(HIN_LOG_ERROR, "hub.not_stored", hin_log_text("error", why.text));
		snprintf(a->reason, HIN_CARRIER_REASON, "the hub cannot store now");
		return HIN_CARRIED_LATER;
	}
	if (outcome == HIN_STORE_REPEAT)
		return HIN_CARRIED_REPEAT;
	if (a->missing > 0) {
		in->counters.gaps++;
		ingest_tell_batches(in, HIN_KIND_ROAD_GAP, header->sensor, header->epoch, a->first,
				    a->missing, a->now_ns);
		hin_log_limited(HIN_LOG_WARNING, "hub.gap", hin_log_u64("first", a->first),
				hin_log_u64("batches", a->missing));
	}
	if (a->fills) {
		in->counters.filled++;
		ingest_tell_batches(in, HIN_KIND_ROAD_FILLED, header->sensor, header->epoch,
				    header->sequence, 1, a->now_ns);
	}
	in->counters.stored++;
	in->counters.rows += header->rows;
	in->counters.bytes += a->size;
	analyse_rows(in, header, a->now_ns);
	if (in->settings.live != NULL)
		hin_live_take(in->settings.live, in->wanted, in->wanted_count, header->sensor);
	(void)hin_sensors_change(in->settings.sensors, header->sensor, note_stored, a);
	return HIN_CARRIED_STORED;
}

static void note_repeat(struct hin_sensor_state *state, void *user)
{
	(void)user;
	state->repeats++;
}

static void note_refused(struct hin_sensor_state *state, void *user)
{
	(void)user;
	state->refused++;
}

enum hin_carried hin_ingest_batch(struct hin_ingest *in, const struct hin_ingest_sender *sender,
				  const void *bytes, size_t size, int64_t now_ns, char *reason)
{
	struct arrival a = {
		.sender = sender, .bytes = bytes, .size = size, .now_ns = now_ns, .reason = reason
	};
	enum hin_carried verdict = HIN_CARRIED_LATER;

	reason[0] = '\0';
	if (in->store == NULL || in->broken) {
		snprintf(reason, HIN_CARRIER_REASON, "the hub cannot store now");
		return verdict;
	}
	verdict = prove(in, &a);
	if (verdict == HIN_CARRIED_STORED)
		verdict = check_chain(in, &a);
	if (verdict == HIN_CARRIED_STORED)
		verdict = check_rows(in, &a);
	if (verdict == HIN_CARRIED_STORED)
		verdict = append(in, &a);
	if (verdict == HIN_CARRIED_REPEAT) {
		in->counters.repeats++;
		(void)hin_sensors_change(in->settings.sensors, sender->id, note_repeat, NULL);
	}
	if (verdict == HIN_CARRIED_REFUSED || verdict == HIN_CARRIED_FORKED) {
		(void)hin_sensors_change(in->settings.sensors, sender->id, note_refused, NULL);
		hin_log_limited(HIN_LOG_WARNING, "hub.refused", hin_log_text("reason", reason));
	}
	return verdict;
}

/* ---- commit ---- */

static void set_committed(struct hin_sensor_state *state, void *user)
{
	const struct hin_store_mark *mark = user;

	state->committed = mark->committed;
	state->batches = mark->batches;
	state->rows = mark->rows;
}

struct hin_batch_mark hin_ingest_mark(const struct hin_ingest *in, const uint8_t id[HIN_SENSOR_ID])
{
	struct hin_store_mark mark;

	if (in->store == NULL || !hin_store_find_mark(in->store, id, &mark))
		return (struct hin_batch_mark){ 0 };
	(void)hin_sensors_change(in->settings.sensors, id, set_committed, &mark);
	return mark.committed.sequence > 0 ? mark.committed : (struct hin_batch_mark){ 0 };
}

struct missing {
	uint64_t next, count;
};

static bool count_missing(void *user, uint64_t first, uint64_t last)
{
	struct missing *m = user;

	m->count += first - m->next;
	m->next = last + 1;
	return true;
}

/* What the table knows of a sensor at the start. */
static void learn_state(struct hin_sensor_state *state, void *user)
{
	const struct hin_store_mark *mark = user;

	set_committed(state, user);
	state->dark_addresses = mark->dark_addresses;
	state->stored_ns = mark->last_us * 1000;
	if (state->heard_ns < state->stored_ns)
		state->heard_ns = state->stored_ns;
}

static void set_missing(struct hin_sensor_state *state, void *user)
{
	state->missing = ((const struct missing *)user)->count;
}

static bool learn_mark(void *user, const struct hin_store_mark *mark)
{
	struct hin_ingest *in = user;
	struct hin_store_mark copy = *mark;
	struct missing missing = { .next = 1 };

	if (memcmp(mark->sensor, in->settings.key->id, HIN_SENSOR_ID) == 0)
		return true;
	(void)hin_sensors_change(in->settings.sensors, mark->sensor, learn_state, &copy);
	hin_store_each_range(in->store, mark->sensor, mark->appended.epoch, count_missing,
			     &missing);
	(void)hin_sensors_change(in->settings.sensors, mark->sensor, set_missing, &missing);
	return true;
}

static void note(void *user, const struct hin_error *what)
{
	(void)user;
	hin_log(HIN_LOG_WARNING, "store.note", hin_log_text("what", what->text));
}

static enum hin_code open_store(struct hin_ingest *in, struct hin_error *err)
{
	struct hin_store_options options = { .memory_bytes = in->settings.memory_bytes,
					     .note = note };
	enum hin_code code;

	hin_store_close(in->store);
	in->store = NULL;
	code = hin_store_open(&in->store, in->path, HIN_STORE_CREATE, &options, err);
	if (code != HIN_OK)
		return code;
	in->broken = false;
	hin_store_each_mark(in->store, learn_mark, in);
	return HIN_OK;
}

/* Let analysis know what is usual, and what of its work was stored. */
static void begin_analysis(struct hin_ingest *in)
{
	struct hin_error why = { 0 };
	int64_t now_ns = hin_time_now_ns();

	if (in->settings.analyse == NULL)
		return;
	hin_analyse_check_stored(in->settings.analyse, in->store);
	hin_analyse_limit(in->settings.analyse, (now_ns + in->settings.future_ns) / 1000);
	if (hin_analyse_learn(in->settings.analyse, in->store, now_ns / 1000, &why) != HIN_OK)
		hin_log(HIN_LOG_ERROR, "hub.not_learned", hin_log_text("error", why.text),
			hin_log_text("consequence", "what is usual must be learned from now on"));
}

/* First the desk: what came of the rows. A failure takes them out of the store again. */
static enum hin_code commit_analysis(struct hin_ingest *in, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (in->settings.analyse != NULL)
		code = hin_analyse_commit(in->settings.analyse, hin_time_now_ns() / 1000, err);
	if (code == HIN_OK)
		return HIN_OK;
	hin_analyse_reset(in->settings.analyse);
	in->forget = in->broken = true;
	in->told_analysed = 0;
	return code;
}

/* Then the store. */
static enum hin_code commit_store(struct hin_ingest *in, struct hin_error *err)
{
	enum hin_code code = hin_store_sync(in->store, err);

	/* for want of space it may be tried again; all else ends this handle */
	if (code != HIN_OK && err->sys != ENOSPC && err->sys != EDQUOT)
		in->broken = true;
	if (in->settings.analyse == NULL)
		return code;
	if (code == HIN_OK)
		hin_analyse_stored(in->settings.analyse);
	else if (in->broken)
		hin_analyse_unstored(in->settings.analyse);
	return code;
}

enum hin_code hin_ingest_commit(struct hin_ingest *in, struct hin_error *err)
{
	struct hin_error why = { 0 };
	enum hin_code code = HIN_OK;

	if (in->store == NULL || in->broken)
		code = open_store(in, &why);
	if (code == HIN_OK && in->forget) {
		in->forget = false;
		begin_analysis(in);
	}
	if (code == HIN_OK) {
		code = ingest_own_append(in, &why);
		if (code != HIN_OK && why.sys != ENOSPC && why.sys != EDQUOT)
			in->broken = true;
		if (code == HIN_OK)
			code = commit_analysis(in, &why);
		if (code == HIN_OK)
			code = commit_store(in, &why);
		ingest_own_done(in, code == HIN_OK);
	}
	if (code == HIN_OK) {
		in->counters.commits++;
		return HIN_OK;
	}
	in->counters.failed_commits++;
	if (err != NULL)
		*err = why;
	return code;
}

/* ---- open and close ---- */

const struct hin_ingest_counters *hin_ingest_count(const struct hin_ingest *in)
{
	return &in->counters;
}

struct hin_store *hin_ingest_store(struct hin_ingest *in)
{
	return in->broken ? NULL : in->store;
}

void hin_ingest_tune(struct hin_ingest *in, int64_t past_ns, int64_t future_ns, uint64_t ahead)
{
	in->settings.past_ns = past_ns > 0 ? past_ns : PAST_NS;
	in->settings.future_ns = future_ns > 0 ? future_ns : FUTURE_NS;
	in->settings.ahead = ahead > 0 ? ahead : AHEAD;
}

enum hin_code hin_ingest_open(struct hin_ingest **out, const struct hin_ingest_settings *settings,
			      struct hin_error *err)
{
	struct hin_ingest *in = calloc(1, sizeof(*in));
	enum hin_code code;

	if (in == NULL)
		return hin_fail(err, HIN_ENOMEM, "ingest");
	in->settings = *settings;
	hin_ingest_tune(in, settings->past_ns, settings->future_ns, settings->ahead);
	if (in->settings.memory_bytes == 0)
		in->settings.memory_bytes = STORE_MEMORY;
	in->path = strdup(settings->store);
	in->told = calloc(INGEST_TOLD, sizeof(*in->told));
	if (in->path == NULL || in->told == NULL)
		code = hin_fail(err, HIN_ENOMEM, "ingest");
	else
		code = open_store(in, err);
	if (code != HIN_OK) {
		hin_ingest_close(in);
		return code;
	}
	begin_analysis(in);
	*out = in;
	return HIN_OK;
}

void hin_ingest_close(struct hin_ingest *in)
{
	if (in == NULL)
		return;
	hin_store_close(in->store);
	hin_batch_writer_close(in->writer);
	free(in->wanted);
	free(in->told);
	free(in->path);
	free(in);
}
