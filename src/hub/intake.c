/* intake - a queue, a thread, one commit for many; see intake.h */
#include "hub/intake.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/escape.h"
#include "base/log.h"
#include "base/number.h"
#include "observe/carrier_https.h"
#include "trust/certificate.h"

#define GROUP_BYTES ((size_t)16 << 20) /* bodies, packed, of one commit */
#define GROUP_REQUESTS 2048
#define TICK_NS HIN_NS_PER_S
#define RETRY_AFTER "5"
#define WINDOW_LOG_MAX 24 /* zstd: 16 MiB, as large as all that may come out */

/* A request that waits for its commit. */
struct entry {
	struct entry *next;
	struct hin_http_request *request;
	struct hin_ingest_sender sender;
	struct hin_intake_query query;
	char name[HIN_SENSOR_NAME];
	bool packed;

	/* filled by the thread */
	size_t count;
	uint8_t verdicts[HIN_CARRIER_BATCHES];
	char reason[HIN_CARRIER_REASON];
	unsigned status; /* other than 200: refused as a whole, with `reason` */
};

struct hin_intake {
	struct hin_intake_settings settings;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct entry *first, **last;
	size_t waiting;
	bool stop;
	pthread_t thread;
	bool runs;
	_Atomic uint64_t settings_number;
	_Atomic int64_t beat_ns;
	struct hin_intake_counters counters;

	/* of the thread */
	struct hin_buffer unpacked;
	int64_t ticked_ns;
	bool told_full;
};

/* ---- what a request says ---- */

static bool read_place(struct hin_spool_place *out, const char *text)
{
	char epoch[17] = "";

	if (strlen(text) < 18 || text[16] != '.')
		return false;
	memcpy(epoch, text, 16);
	if (strspn(epoch, "0123456789abcdef") != 16)
		return false;
	out->epoch = strtoull(epoch, NULL, 16);
	return hin_number_u64(&out->sequence, "known", text + 17, 0, UINT64_MAX, NULL) == HIN_OK;
}

enum hin_code hin_intake_query(struct hin_intake_query *out, const char *known,
			       const char *settings, const char *count, const char *version,
			       struct hin_error *err)
{
	*out = (struct hin_intake_query){ 0 };
	if (known != NULL && !read_place(&out->known, known))
		return hin_fail(err, HIN_EFORMAT, "known is no epoch and sequence");
	if (settings != NULL &&
	    hin_number_u64(&out->settings, "settings", settings, 0, INT64_MAX, err) != HIN_OK)
		return HIN_EFORMAT;
	if (count != NULL &&
	    hin_number_u64(&out->count, "count", count, 0, HIN_CARRIER_BATCHES, err) != HIN_OK)
		return HIN_EFORMAT;
	if (version != NULL) {
		if (strlen(version) >= sizeof(out->version) ||
		    strspn(version, "0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-") != strlen(version))
			return hin_fail(err, HIN_EFORMAT, "version is none");
		memcpy(out->version, version, strlen(version) + 1);
	}
	return HIN_OK;
}

enum hin_code hin_intake_unpack(struct hin_buffer *out, const void *body, size_t size, bool packed,
				struct hin_error *err)
{
	ZSTD_inBuffer in = { body, size, 0 };
	ZSTD_DStream *stream;
	size_t left = 1;
	enum hin_code code = HIN_OK;

	if (!packed) {
		hin_buffer_add(out, body, size);
		if (size > HIN_CARRIER_LOAD)
			return hin_fail(err, HIN_ELIMIT, "load of %zu bytes is over %zu", size,
					HIN_CARRIER_LOAD);
		return out->failed ? hin_fail(err, HIN_ENOMEM, "load of %zu bytes", size) : HIN_OK;
	}
	stream = ZSTD_createDStream();
	if (stream == NULL)
		return hin_fail(err, HIN_ENOMEM, "unpack");
	(void)ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	while (code == HIN_OK && (left != 0 || in.pos < in.size)) {
		size_t room = ZSTD_DStreamOutSize();
		char *at = hin_buffer_reserve(out, room);
		ZSTD_outBuffer to = { at, room, 0 };

		if (at == NULL) {
			code = hin_fail(err, HIN_ENOMEM, "unpack");
			break;
		}
		left = ZSTD_decompressStream(stream, &to, &in);
		if (ZSTD_isError(left)) {
			code = hin_fail(err, HIN_EFORMAT, "the body does not unpack: %s",
					ZSTD_getErrorName(left));
			break;
		}
		hin_buffer_commit(out, to.pos);
		if (out->used > HIN_CARRIER_LOAD)
			code = hin_fail(err, HIN_ELIMIT, "the body unpacks to more than %zu bytes",
					HIN_CARRIER_LOAD);
		else if (left != 0 && in.pos == in.size && to.pos < room)
			code = hin_fail(err, HIN_ETRUNCATED, "the body ends too early");
	}
	ZSTD_freeDStream(stream);
	return code;
}

/* ---- in the server's threads ---- */

static void refuse(struct hin_intake *intake, struct hin_http_request *request,
		   enum hin_intake_refusal why, unsigned status, const char *text)
{
	intake->counters.refused[why]++;
	hin_log_limited(HIN_LOG_WARNING, "hub.request_refused",
			hin_log_addr("address", &request->address), hin_log_text("reason", text));
	hin_http_answer_text(request, status, "%s", text);
}

/* Put an entry into the queue; false when it is full, or the hub stops. */
static bool enqueue(struct hin_intake *intake, struct entry *e)
{
	bool room;

	pthread_mutex_lock(&intake->lock);
	room = intake->waiting < HIN_INTAKE_QUEUE && !intake->stop;
	if (room) {
		*intake->last = e;
		intake->last = &e->next;
		intake->waiting++;
		pthread_cond_signal(&intake->work);
	}
	pthread_mutex_unlock(&intake->lock);
	return room;
}

void hin_intake_handle(void *user, struct hin_http_request *request)
{
	struct hin_intake *intake = user;
	struct hin_error why = { 0 };
	struct entry *e = calloc(1, sizeof(*e));
	const char *type = hin_http_header(request, "Content-Type");

	intake->counters.requests++;
	if (e == NULL) {
		hin_http_answer_text(request, 503, "not enough memory");
		return;
	}
	e->request = request;
	e->packed = type != NULL && strcmp(type, HIN_CARRIER_TYPE_PACKED) == 0;
	if (!hin_sensor_of_uri(e->sender.id, request->peer.uri))
		refuse(intake, request, HIN_INTAKE_no_sensor, 403,
		       "the certificate names no sensor: join with `hinomi trust join`");
	else if (!intake->settings.key(intake->settings.user, e->sender.id, e->sender.public_key,
				       e->name))
		refuse(intake, request, HIN_INTAKE_unknown, 403,
		       "the sensor has not joined this hub, or is revoked");
	else if (request->body.used > 0 && !e->packed &&
		 (type == NULL || strcmp(type, HIN_CARRIER_TYPE) != 0))
		refuse(intake, request, HIN_INTAKE_type, 415,
		       "the body is not of the type " HIN_CARRIER_TYPE);
	else if (hin_intake_query(&e->query, hin_http_query(request, "known"),
				  hin_http_query(request, "settings"),
				  hin_http_query(request, "count"),
				  hin_http_query(request, "version"), &why) != HIN_OK)
		refuse(intake, request, HIN_INTAKE_query, 400, why.text);
	else if (!enqueue(intake, e))
		refuse(intake, request, HIN_INTAKE_queue, 503, "the hub is busy");
	else
		return;
	free(e);
}

/* ---- in the intake's thread ---- */

static void note_heard(struct hin_sensor_state *state, void *user)
{
	const struct entry *e = user;

	state->heard_ns = hin_time_now_ns();
	state->settings = e->query.settings;
	memcpy(state->version, e->query.version, sizeof(state->version));
	memcpy(state->name, e->name, sizeof(state->name));
	if (state->silent)
		hin_log(HIN_LOG_INFO, "hub.sensor_back", hin_log_text("sensor", state->name));
	state->silent = false;
}

static void refuse_entry(struct hin_intake *intake, struct entry *e, enum hin_intake_refusal why,
			 unsigned status, const char *text)
{
	intake->counters.refused[why]++;
	e->status = status;
	snprintf(e->reason, sizeof(e->reason), "%s", text);
	hin_log_limited(HIN_LOG_WARNING, "hub.request_refused", hin_log_text("sensor", e->name),
			hin_log_text("reason", text));
}

/* Are these exactly as many batches as the query says? */
static bool count_frames(const struct hin_buffer *b, uint64_t want)
{
	struct hin_reader in = hin_reader_of(b->data, b->used);
	uint64_t count = 0;

	for (; in.left > 0 && count < want; count++)
		(void)hin_read_sub(&in, hin_read_le32(&in));
	return !in.failed && in.left == 0 && count == want;
}

static void ingest_batches(struct hin_intake *intake, struct entry *e)
{
	struct hin_reader in = hin_reader_of(intake->unpacked.data, intake->unpacked.used);
	char reason[HIN_CARRIER_REASON];
	bool stopped = false;

	for (; in.left > 0; e->count++) {
		uint32_t size = hin_read_le32(&in);
		const uint8_t *bytes = hin_read_bytes(&in, size);
		enum hin_carried verdict = HIN_CARRIED_LATER;

		/* behind one that must come first the others wait too */
		if (!stopped)
			verdict = hin_ingest_batch(intake->settings.ingest, &e->sender, bytes, size,
						   hin_time_now_ns(), reason);
		stopped |= verdict == HIN_CARRIED_EARLY || verdict == HIN_CARRIED_LATER ||
			   verdict == HIN_CARRIED_FORKED;
		e->verdicts[e->count] = (uint8_t)verdict;
		if (e->reason[0] == '\0' && verdict != HIN_CARRIED_STORED &&
		    verdict != HIN_CARRIED_REPEAT)
			memcpy(e->reason, reason, sizeof(e->reason));
	}
}

static void take(struct hin_intake *intake, struct entry *e)
{
	const struct hin_buffer *body = &e->request->body;
	struct hin_error why = { 0 };

	(void)hin_sensors_change(intake->settings.sensors, e->sender.id, note_heard, e);
	hin_buffer_reset(&intake->unpacked);
	if (body->used > 0 &&
	    hin_intake_unpack(&intake->unpacked, body->data, body->used, e->packed, &why) != HIN_OK)
		refuse_entry(intake, e, HIN_INTAKE_unpack, why.code == HIN_ELIMIT ? 413 : 400,
			     why.text);
	else if (!count_frames(&intake->unpacked, e->query.count))
		refuse_entry(intake, e, HIN_INTAKE_frame, 400,
			     "the body is not as many batches as it says");
	else
		ingest_batches(intake, e);
}

static void answer(struct hin_intake *intake, struct entry *e)
{
	static const struct hin_http_header retry = { "Retry-After", RETRY_AFTER };
	struct hin_http_answer a = { .status = e->status };
	struct hin_buffer body = { 0 };

	if (e->status != 0) {
		a.body = e->reason;
		a.size = strlen(e->reason);
		a.headers = &retry;
		a.header_count = e->status == 503;
		hin_http_answer(e->request, &a);
		return;
	}
	struct hin_batch_mark mark = hin_ingest_mark(intake->settings.ingest, e->sender.id);
	char digest[2 * sizeof(mark.digest) + 1];

	hin_buffer_printf(&body, "{\"committed\":{\"epoch\":\"%016llx\",\"sequence\":%llu",
			  (unsigned long long)mark.epoch, (unsigned long long)mark.sequence);
	if (mark.sequence > 0) /* by which a sensor sees that the chain is its own */
		hin_buffer_printf(
			&body, ",\"digest\":\"%s\"",
			sodium_bin2hex(digest, sizeof(digest), mark.digest, sizeof(mark.digest)));
	hin_buffer_puts(&body, "},");
	hin_buffer_printf(&body, "\"settings\":%llu,\"verdicts\":[",
			  (unsigned long long)intake->settings_number);
	for (size_t i = 0; i < e->count; i++)
		hin_buffer_printf(&body, "%s\"%s\"", i > 0 ? "," : "",
				  hin_carried_word((enum hin_carried)e->verdicts[i]));
	hin_buffer_puts(&body, "],\"reason\":");
	hin_escape_json(&body, e->reason, strlen(e->reason));
	hin_buffer_puts(&body, "}\n");
	if (body.failed) {
		hin_http_answer_text(e->request, 503, "not enough memory");
	} else {
		a.status = 200;
		a.type = "application/json";
		a.take = &body;
		hin_http_answer(e->request, &a);
	}
	hin_buffer_fini(&body);
}

/* No room on the disk, by quota or for a longer file; the desk has no errno, but its own word. */
static bool is_full(enum hin_code code, const struct hin_error *why)
{
	return code == HIN_ELIMIT || why->sys == ENOSPC || why->sys == EDQUOT || why->sys == EFBIG;
}

/* One commit for all; after a failure nothing of it is acknowledged. */
static void commit(struct hin_intake *intake, struct entry *group)
{
	struct hin_error why = { 0 };
	enum hin_code code = hin_ingest_commit(intake->settings.ingest, &why);

	if (code == HIN_OK) {
		if (intake->told_full)
			hin_log(HIN_LOG_INFO, "hub.stores_again");
		intake->told_full = false;
		return;
	}
	if (!intake->told_full)
		hin_log(HIN_LOG_ERROR, is_full(code, &why) ? "hub.disk_full" : "hub.not_committed",
			hin_log_text("error", why.text),
			hin_log_text("consequence", "sensors are asked to wait"));
	intake->told_full = true;
	for (struct entry *e = group; e != NULL; e = e->next)
		if (e->status == 0)
			refuse_entry(intake, e, HIN_INTAKE_disk, 503,
				     "the hub cannot store now; send again later");
}

/* Take what waits, up to a bound; under the lock. */
static struct entry *take_group(struct hin_intake *intake)
{
	struct entry *group = intake->first, **end = &group;
	size_t bytes = 0, count = 0;

	for (; *end != NULL && count < GROUP_REQUESTS && bytes < GROUP_BYTES; count++) {
		bytes += (*end)->request->body.used;
		end = &(*end)->next;
	}
	intake->first = *end;
	if (intake->first == NULL)
		intake->last = &intake->first;
	*end = NULL;
	intake->waiting -= count;
	if (count > intake->counters.largest_group)
		intake->counters.largest_group = count;
	return group;
}

static void work_on(struct hin_intake *intake, struct entry *group)
{
	for (struct entry *e = group; e != NULL; e = e->next) {
		take(intake, e);
		intake->beat_ns = hin_time_monotonic_ns();
	}
	commit(intake, group);
	intake->counters.groups += group != NULL;
	while (group != NULL) {
		struct entry *e = group;

		group = e->next;
		answer(intake, e);
		free(e);
	}
}

static void tick(struct hin_intake *intake, int64_t now)
{
	if (now - intake->ticked_ns < TICK_NS)
		return;
	intake->ticked_ns = now;
	if (intake->settings.tick != NULL)
		intake->settings.tick(intake->settings.user, intake->settings.ingest,
				      hin_time_now_ns());
}

static void *intake_run(void *user)
{
	struct hin_intake *intake = user;

	pthread_mutex_lock(&intake->lock);
	while (!intake->stop || intake->first != NULL) {
		int64_t now = hin_time_monotonic_ns(), until = now + TICK_NS;
		struct timespec t = { until / HIN_NS_PER_S, until % HIN_NS_PER_S };
		struct entry *group;

		intake->beat_ns = now;
		if (intake->first == NULL)
			pthread_cond_timedwait(&intake->work, &intake->lock, &t);
		group = take_group(intake);
		pthread_mutex_unlock(&intake->lock);
		tick(intake, hin_time_monotonic_ns());
		if (group != NULL || hin_ingest_has_told(intake->settings.ingest))
			work_on(intake, group);
		pthread_mutex_lock(&intake->lock);
	}
	pthread_mutex_unlock(&intake->lock);
	return NULL;
}

/* ---- for others ---- */

void hin_intake_set_settings(struct hin_intake *intake, uint64_t number)
{
	intake->settings_number = number;
}

int64_t hin_intake_beat_ns(const struct hin_intake *intake)
{
	return intake->beat_ns;
}

size_t hin_intake_waiting(const struct hin_intake *intake)
{
	struct hin_intake *in = (struct hin_intake *)(uintptr_t)intake;
	size_t waiting;

	pthread_mutex_lock(&in->lock);
	waiting = in->waiting;
	pthread_mutex_unlock(&in->lock);
	return waiting;
}

const struct hin_intake_counters *hin_intake_count(const struct hin_intake *intake)
{
	return &intake->counters;
}

enum hin_code hin_intake_open(struct hin_intake **out, const struct hin_intake_settings *settings,
			      struct hin_error *err)
{
	struct hin_intake *intake = calloc(1, sizeof(*intake));
	pthread_condattr_t monotonic;

	if (intake == NULL)
		return hin_fail(err, HIN_ENOMEM, "intake");
	intake->settings = *settings;
	intake->last = &intake->first;
	intake->beat_ns = hin_time_monotonic_ns();
	pthread_mutex_init(&intake->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&intake->work, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&intake->thread, NULL, intake_run, intake) != 0) {
		hin_intake_close(intake);
		return hin_fail(err, HIN_ESYS, "start a thread");
	}
	intake->runs = true;
	*out = intake;
	return HIN_OK;
}

void hin_intake_close(struct hin_intake *intake)
{
	if (intake == NULL)
		return;
	if (intake->runs) {
		pthread_mutex_lock(&intake->lock);
		intake->stop = true;
		pthread_cond_signal(&intake->work);
		pthread_mutex_unlock(&intake->lock);
		pthread_join(intake->thread, NULL);
	}
	hin_buffer_fini(&intake->unpacked);
	pthread_cond_destroy(&intake->work);
	pthread_mutex_destroy(&intake->lock);
	free(intake);
}
