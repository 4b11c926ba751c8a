/*
 * api_events - what is live, as server-sent events (WHATWG HTML, 9.2).
 *
 *	event: case
 *	id: 120.88.7
 *	data: {"case":7,"action":"opened",...}
 *
 * One thread reads what the desk has new since its last look, when it is woken or once a second,
 * and gives it to each stream that may see it: case (a line of history), finding (a new one),
 * notice (a line of its history), alert, and every few seconds status; sensor when one is not as it
 * was. Who asks for it (traffic=1) gets traffic each second, for a map: it is added up where rows
 * come in, only while somebody listens. An id says how far a stream is, so
 * that one that was cut goes on where it ended (Last-Event-ID); one too far behind gets "reset" and
 * reads anew. Each stream's session or token is looked at again every few seconds.
 *
 * What is open is bounded, in all and for an account; what waits for a slow client too (it is cut
 * then, and may come again).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/number.h"
#include "hub/door/api_live.h"
#include "hub/case/case.h"

#define STREAM_BYTES ((size_t)256 << 10) /* that wait for a client */
#define STREAMS_OF_ONE 16		 /* of an account */
#define LOOK_NS HIN_NS_PER_S
#define BEAT_NS (15 * HIN_NS_PER_S) /* a comment, so that dead connections are seen */
#define CHECK_NS (5 * HIN_NS_PER_S) /* between two looks at who may still listen */
#define STATUS_NS (5 * HIN_NS_PER_S)
#define SWEEP_NS HIN_NS_PER_HOUR /* of sessions and links whose time is over */
#define BEHIND 2000		 /* rows of a table; a stream that missed more reads anew */
#define SOURCES 4
#define TRAFFIC_NS (HIN_NS_PER_S - 50 * HIN_NS_PER_MS)

/* Where a look stands: the highest number of each table. */
struct marks {
	int64_t at[SOURCES];
};

struct stream {
	struct stream *next;
	struct hin_http_stream *http;
	uint8_t digest[32];
	bool by_token, traffic;
	int64_t account, organisation; /* 0 = sees all */
	struct marks from;	       /* what it has; until it has caught up */
	bool behind;
	bool over;
};

struct api_events {
	struct hin_api *api;
	struct hin_desk *desk;
	pthread_t thread;
	bool started;

	/* Under it nothing else is taken: who changed the desk may hold locks that a look takes. */
	pthread_mutex_t waking;
	pthread_cond_t wake;
	bool woken, stopping;

	pthread_mutex_t lock; /* of all below; taken before api->lock, never after */
	struct stream *streams;
	size_t count;

	/* of the thread */
	struct marks marks;
	int64_t beat_ns, checked_ns, status_ns, swept_ns, traffic_ns;
	struct api_live *live;
	struct hin_buffer text;
};

/* ---- what is new ---- */

/* A table of which each row is an event: rows behind ?1, at most ?2; ?3 = organisation or 0. */
static const struct {
	const char *name, *newest, *rows;
} sources[SOURCES] = {
	{ "case", "SELECT coalesce(max(id), 0) FROM case_history",
	  "SELECT h.id, c.organisation, h.case_id, h.action, h.time_us, c.state, c.severity FROM "
	  "case_history h JOIN case_ c ON c.id = h.case_id WHERE h.id > ?1 AND (?3 = 0 OR "
	  "c.organisation = ?3) ORDER BY h.id LIMIT ?2" },
	{ "finding", "SELECT coalesce(max(id), 0) FROM finding",
	  "SELECT id, organisation, coalesce(case_id, 0), kind, told_us, subject, severity FROM "
	  "finding WHERE id > ?1 AND (?3 = 0 OR organisation = ?3) ORDER BY id LIMIT ?2" },
	{ "notice", "SELECT coalesce(max(id), 0) FROM notice_history",
	  "SELECT h.id, n.organisation, n.id, h.action, h.time_us, n.state, '' FROM "
	  "notice_history h JOIN notice n ON n.id = h.notice WHERE h.id > ?1 AND (?3 = 0 OR "
	  "n.organisation = ?3) ORDER BY h.id LIMIT ?2" },
	{ "alert", "SELECT coalesce(max(id), 0) FROM alert",
	  "SELECT id, 0, case_id, about, created_us, channel, severity FROM alert WHERE id > ?1 "
	  "AND ?3 = 0 ORDER BY id LIMIT ?2" },
};

static enum hin_code read_newest(struct hin_desk *desk, struct marks *out, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (unsigned i = 0; i < SOURCES && code == HIN_OK; i++)
		code = hin_desk_number(desk, &out->at[i], err, sources[i].newest, "");
	return code;
}

static void write_data(struct hin_buffer *out, unsigned source, sqlite3_stmt *s)
{
	api_open(out, NULL, '{');
	if (source == 1) {
		api_number(out, "finding", sqlite3_column_int64(s, 0));
		api_id(out, "case", sqlite3_column_int64(s, 2));
		api_text(out, "kind", hin_desk_text(s, 3));
		api_text(out, "subject", hin_desk_text(s, 5));
		api_text(out, "severity", hin_desk_text(s, 6));
	} else if (source == 3) {
		api_number(out, "alert", sqlite3_column_int64(s, 0));
		api_number(out, "case", sqlite3_column_int64(s, 2));
		api_text(out, "about", hin_desk_text(s, 3));
		api_text(out, "channel", hin_desk_text(s, 5));
		api_text(out, "severity", hin_desk_text(s, 6));
	} else {
		api_number(out, sources[source].name, sqlite3_column_int64(s, 2));
		api_text(out, "action", hin_desk_text(s, 3));
		api_text(out, "state", hin_desk_text(s, 5));
		if (source == 0)
			api_text(out, "severity", hin_desk_text(s, 6));
	}
	api_id(out, "organisation", sqlite3_column_int64(s, 1));
	api_time(out, "time", sqlite3_column_int64(s, 4));
	hin_buffer_putc(out, '}');
}

static void write_marks(struct hin_buffer *out, const struct marks *at)
{
	for (unsigned i = 0; i < SOURCES; i++)
		hin_buffer_printf(out, "%s%lld", i > 0 ? "." : "", (long long)at->at[i]);
}

static void write_event(struct hin_buffer *out, unsigned source, sqlite3_stmt *s,
			const struct marks *at)
{
	struct hin_buffer data = { 0 };

	write_data(&data, source, s);
	hin_buffer_printf(out, "event: %s\nid: ", sources[source].name);
	write_marks(out, at);
	hin_buffer_printf(out, "\ndata: %s\n\n", hin_buffer_text(&data));
	hin_buffer_fini(&data);
}

/* ---- giving; all under the lock ---- */

static void give(struct api_events *e, struct stream *st, const struct hin_buffer *text)
{
	if (st->over)
		return;
	if (text->failed || !hin_http_stream_send(st->http, text->data, text->used)) {
		st->over = true;
		API_COUNT(e->api, streams_slow);
	}
}

/* To all that may see what is of `organisation` (0 = nobody's), and have caught up. */
static void give_all(struct api_events *e, int64_t organisation, const struct hin_buffer *text)
{
	for (struct stream *st = e->streams; st != NULL; st = st->next)
		if (!st->behind && (st->organisation == 0 || st->organisation == organisation))
			give(e, st, text);
}

static enum hin_code give_source(struct api_events *e, unsigned source, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(e->desk, sources[source].rows, err);
	enum hin_code code = HIN_EFORMAT;

	if (s != NULL)
		code = hin_desk_bind(e->desk, s, err, "iii", e->marks.at[source], (int64_t)BEHIND,
				     (int64_t)0);
	while (code == HIN_OK && (code = hin_desk_step(e->desk, s, err)) == HIN_OK) {
		e->marks.at[source] = sqlite3_column_int64(s, 0);
		hin_buffer_reset(&e->text);
		write_event(&e->text, source, s, &e->marks);
		give_all(e, sqlite3_column_int64(s, 1), &e->text);
	}
	return code == HIN_EOF ? HIN_OK : code;
}

/* A stream that begins with what it had: the rows since then, to it alone. */
static enum hin_code catch_up(struct api_events *e, struct stream *st, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (unsigned i = 0; i < SOURCES && code == HIN_OK && !st->over; i++) {
		sqlite3_stmt *s = hin_desk_statement(e->desk, sources[i].rows, err);
		int64_t to = e->marks.at[i];

		code = s == NULL ? HIN_EFORMAT
				 : hin_desk_bind(e->desk, s, err, "iii", st->from.at[i],
						 (int64_t)BEHIND, st->organisation);
		while (code == HIN_OK && (code = hin_desk_step(e->desk, s, err)) == HIN_OK) {
			int64_t at = sqlite3_column_int64(s, 0);

			if (at > to)
				continue; /* all will get it */
			st->from.at[i] = at;
			hin_buffer_reset(&e->text);
			write_event(&e->text, i, s, &st->from);
			give(e, st, &e->text);
		}
		code = code == HIN_EOF ? HIN_OK : code;
	}
	st->behind = false;
	return code;
}

static void give_status(struct api_events *e)
{
	struct hin_buffer status = { 0 };

	if (e->api->settings.status == NULL)
		return;
	e->api->settings.status(e->api->settings.user, &status);
	for (size_t i = 0; i < status.used; i++)
		if (status.data[i] == '\n' || status.data[i] == '\r')
			status.data[i] = ' '; /* an event's data is one line */
	hin_buffer_reset(&e->text);
	hin_buffer_printf(&e->text, "event: status\ndata: %s\n\n", hin_buffer_text(&status));
	hin_buffer_fini(&status);
	give_all(e, -1, &e->text);
}

/* A sensor is not as it was: to the staff. */
static void tell_sensor(void *user, const struct hin_buffer *event)
{
	give_all(user, -1, event);
}

/* Traffic to those who asked for it; nobody adds it up when there are none. */
static void give_traffic(struct api_events *e, int64_t now_ns)
{
	struct hin_live *live = e->api->settings.live;
	bool any = false;

	for (const struct stream *st = e->streams; st != NULL; st = st->next)
		any |= st->traffic && !st->over;
	if (live == NULL)
		return;
	hin_live_listen(live, any);
	if (!any || now_ns - e->traffic_ns < TRAFFIC_NS)
		return;
	e->traffic_ns = now_ns;
	hin_buffer_reset(&e->text);
	if (!api_live_traffic(e->live, e->api, now_ns, &e->text))
		return;
	for (struct stream *st = e->streams; st != NULL; st = st->next)
		if (st->traffic)
			give(e, st, &e->text);
}

/* May it still listen? Who signed out, was locked or has another role may not. */
static bool may_listen(struct api_events *e, struct stream *st, int64_t now_us)
{
	struct hin_account account;
	int64_t good = 0;
	enum hin_code code = hin_desk_number(
		e->desk, &good, NULL,
		"SELECT count(*) FROM credential WHERE digest = ?1 AND expires_us > ?2", "bi",
		(const void *)st->digest, sizeof(st->digest), now_us);

	if (code != HIN_OK || good == 0 ||
	    hin_account_get(e->desk, st->account, &account, NULL) != HIN_OK)
		return false;
	return account.state == HIN_ACCOUNT_ACTIVE &&
	       (account.role == HIN_ROLE_MEMBER ? account.organisation : 0) == st->organisation;
}

/* A page that listens is in use: its session does not grow old meanwhile. */
static void touch(struct api_call *call)
{
	struct hin_error err;

	if (hin_credential_touch(call->desk, call->who.credential.digest, call->now_us, &err) !=
	    HIN_OK)
		hin_log_limited(HIN_LOG_WARNING, "api.not_touched",
				hin_log_text("error", err.text));
}

/* What has expired is of no use to anybody. */
static void drop_expired(struct api_call *call)
{
	struct hin_error err;
	int64_t count;

	if (hin_credential_sweep(call->desk, &call->tuning->limits, call->now_us, &count, &err) !=
	    HIN_OK)
		hin_log_limited(HIN_LOG_WARNING, "api.not_swept", hin_log_text("error", err.text));
}

static const struct api_route touch_route = { .method = "",
					      .path = "",
					      .lane = API_LANE_WRITE,
					      .operation = "",
					      .query = "",
					      .handle = touch };
static const struct api_route sweep_route = { .method = "",
					      .path = "",
					      .lane = API_LANE_WRITE,
					      .operation = "",
					      .query = "",
					      .handle = drop_expired };

/* Have it done by the lane that writes, when it has room; `digest` may be NULL. */
static void have_done(struct api_events *e, const struct api_route *route, const uint8_t *digest,
		      int64_t now_us)
{
	struct api_call *call = api_call_new(e->api);

	if (call == NULL)
		return;
	call->route = route;
	call->now_us = now_us;
	if (digest != NULL)
		memcpy(call->who.credential.digest, digest, sizeof(call->who.credential.digest));
	if (!api_enqueue(e->api, call))
		api_call_free(call);
}

static void check_all(struct api_events *e, bool beat)
{
	char colon[] = ":\n\n";
	const struct hin_buffer comment = { .data = colon, .used = 3 };
	int64_t now_us = hin_time_now_ns() / 1000;

	for (struct stream *st = e->streams; st != NULL; st = st->next) {
		if (!may_listen(e, st, now_us))
			st->over = true;
		if (beat) {
			give(e, st, &comment);
			have_done(e, &touch_route, st->digest, now_us);
		}
	}
}

static void sweep(struct api_events *e)
{
	for (struct stream **at = &e->streams; *at != NULL;) {
		struct stream *st = *at;

		if (!st->over) {
			at = &st->next;
			continue;
		}
		*at = st->next;
		hin_http_stream_end(st->http);
		free(st);
		e->count--;
	}
}

/* ---- the thread ---- */

static void look(struct api_events *e, int64_t now_ns)
{
	struct hin_error err = { 0 };
	enum hin_code code = hin_desk_snapshot(e->desk, &err);

	for (unsigned i = 0; i < SOURCES && code == HIN_OK; i++)
		code = give_source(e, i, &err);
	for (struct stream *st = e->streams; st != NULL && code == HIN_OK; st = st->next)
		if (st->behind)
			code = catch_up(e, st, &err);
	if (code == HIN_OK && now_ns - e->checked_ns >= CHECK_NS) {
		bool beat = now_ns - e->beat_ns >= BEAT_NS;

		check_all(e, beat);
		e->checked_ns = now_ns;
		if (beat)
			e->beat_ns = now_ns;
	}
	hin_desk_rollback(e->desk);
	if (code != HIN_OK)
		hin_log_limited(HIN_LOG_WARNING, "api.events_failed",
				hin_log_text("error", err.text));
	if (now_ns - e->status_ns >= STATUS_NS) {
		e->status_ns = now_ns;
		give_status(e);
		api_live_sensors(e->live, e->api, tell_sensor, e);
	}
	give_traffic(e, now_ns);
	sweep(e);
}

/* Until it is woken, or a second is over; false = it is over for good. */
static bool wait(struct api_events *e)
{
	int64_t until_ns = hin_time_monotonic_ns() + LOOK_NS;
	struct timespec until = { .tv_sec = until_ns / HIN_NS_PER_S,
				  .tv_nsec = until_ns % HIN_NS_PER_S };
	bool goes_on;

	pthread_mutex_lock(&e->waking);
	while (!e->woken && !e->stopping &&
	       pthread_cond_timedwait(&e->wake, &e->waking, &until) == 0)
		;
	e->woken = false;
	goes_on = !e->stopping;
	pthread_mutex_unlock(&e->waking);
	return goes_on;
}

static void *run(void *user)
{
	struct api_events *e = user;

	do {
		int64_t now_ns = hin_time_monotonic_ns();

		pthread_mutex_lock(&e->lock);
		if (now_ns - e->swept_ns >= SWEEP_NS || e->swept_ns == 0) {
			e->swept_ns = now_ns;
			have_done(e, &sweep_route, NULL, hin_time_now_ns() / 1000);
		}
		if (e->streams != NULL)
			look(e, now_ns);
		else if (read_newest(e->desk, &e->marks, NULL) != HIN_OK)
			e->marks = (struct marks){ 0 };
		pthread_mutex_unlock(&e->lock);
	} while (wait(e));
	return NULL;
}

enum hin_code api_events_open(struct api_events **out, struct hin_api *api, struct hin_error *err)
{
	struct api_events *e = calloc(1, sizeof(*e));
	pthread_condattr_t attr;
	enum hin_code code;

	if (e == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the door");
	e->api = api;
	e->live = api_live_new();
	if (e->live == NULL) {
		free(e);
		return hin_fail(err, HIN_ENOMEM, "no memory for the door");
	}
	pthread_mutex_init(&e->lock, NULL);
	pthread_mutex_init(&e->waking, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&e->wake, &attr);
	pthread_condattr_destroy(&attr);
	*out = e; /* closed with the api from here on */
	code = hin_desk_open(&e->desk, api->settings.desk, HIN_DESK_READ, err);
	if (code == HIN_OK)
		code = read_newest(e->desk, &e->marks, err);
	if (code != HIN_OK)
		return code;
	errno = pthread_create(&e->thread, NULL, run, e);
	if (errno != 0)
		return hin_fail(err, HIN_ESYS, "cannot start a thread");
	e->started = true;
	return HIN_OK;
}

void api_events_close(struct api_events *e)
{
	if (e == NULL)
		return;
	if (e->started) {
		pthread_mutex_lock(&e->waking);
		e->stopping = true;
		pthread_cond_signal(&e->wake);
		pthread_mutex_unlock(&e->waking);
		pthread_join(e->thread, NULL);
	}
	for (struct stream *st = e->streams; st != NULL; st = st->next)
		st->over = true;
	sweep(e);
	hin_desk_close(e->desk);
	if (e->api->settings.live != NULL)
		hin_live_listen(e->api->settings.live, false);
	api_live_free(e->live);
	hin_buffer_fini(&e->text);
	pthread_cond_destroy(&e->wake);
	pthread_mutex_destroy(&e->waking);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

void api_events_wake(struct api_events *e)
{
	pthread_mutex_lock(&e->waking);
	e->woken = true;
	pthread_cond_signal(&e->wake);
	pthread_mutex_unlock(&e->waking);
}

uint64_t api_events_count(struct api_events *e)
{
	uint64_t count;

	pthread_mutex_lock(&e->lock);
	count = e->count;
	pthread_mutex_unlock(&e->lock);
	return count;
}

/* ---- a new stream ---- */

/* Where it wants to go on: by its Last-Event-ID; false when it gave none that counts. */
static bool read_marks(struct api_call *call, struct marks *out)
{
	const char *text = api_query(call, "last");
	char copy[96], *rest = copy;

	if (text == NULL)
		text = hin_http_header(call->request, "Last-Event-ID");
	if (text == NULL || strlen(text) >= sizeof(copy))
		return false;
	memcpy(copy, text, strlen(text) + 1);
	for (unsigned i = 0; i < SOURCES; i++) {
		const char *part = strsep(&rest, ".");

		if (part == NULL ||
		    hin_number_i64(&out->at[i], "id", part, 0, INT64_MAX, NULL) != HIN_OK)
			return false;
	}
	return rest == NULL;
}

/* Is there room for one more of this account? Under the lock. */
static bool has_room(const struct api_events *e, int64_t account, unsigned most)
{
	size_t own = 0;

	for (const struct stream *st = e->streams; st != NULL; st = st->next)
		own += st->account == account;
	return e->count < most && own < STREAMS_OF_ONE;
}

static bool is_far(const struct marks *from, const struct marks *now)
{
	for (unsigned i = 0; i < SOURCES; i++)
		if (now->at[i] - from->at[i] > BEHIND || from->at[i] > now->at[i])
			return true;
	return false;
}

/* Under the lock; the call is answered when this returns true. */
static bool add_stream(struct api_events *e, struct api_call *call, struct stream *st)
{
	static const struct hin_http_header headers[] = {
		{ "Cache-Control", "no-store" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "X-Accel-Buffering", "no" }, /* nginx before us must not hold them back */
	};
	bool again = read_marks(call, &st->from), far = again && is_far(&st->from, &e->marks);
	char memory[256];
	struct hin_buffer hello = hin_buffer_over(memory, sizeof(memory));
	struct hin_http_answer answer = { .status = 200,
					  .type = "text/event-stream",
					  .body = memory,
					  .headers = headers,
					  .header_count = HIN_COUNT(headers) };

	hin_buffer_printf(&hello, "retry: 3000\nevent: %s\nid: ", far ? "reset" : "hello");
	write_marks(&hello, again && !far ? &st->from : &e->marks);
	hin_buffer_puts(&hello, "\ndata: {}\n\n");
	answer.size = hello.used;
	st->behind = again && !far;
	call->answered = true;
	if (hin_http_answer_stream(call->request, &answer, STREAM_BYTES, &st->http) != HIN_OK)
		return false;
	st->next = e->streams;
	e->streams = st;
	e->count++;
	api_events_wake(e);
	return true;
}

static void handle_events(struct api_call *call)
{
	struct api_events *e = call->api->events;
	struct stream *st = calloc(1, sizeof(*st));
	int64_t traffic = 0;
	bool room, added = false;

	if (!api_query_number(call, "traffic", 0, 1, &traffic)) {
		free(st);
		return;
	}
	if (st == NULL) {
		api_refuse(call, 503, "memory", "no memory: try again");
		return;
	}
	st->account = call->who.account.id;
	st->organisation = api_scope(call);
	st->by_token = call->by_token;
	st->traffic = traffic != 0 && st->organisation == 0;
	memcpy(st->digest, call->who.credential.digest, sizeof(st->digest));
	pthread_mutex_lock(&e->lock);
	room = has_room(e, st->account, call->tuning->streams);
	if (room && !call->head)
		added = add_stream(e, call, st);
	pthread_mutex_unlock(&e->lock);
	if (!added)
		free(st);
	if (room && call->head)
		call->type = "text/event-stream";
	if (room)
		return;
	API_COUNT(call->api, streams_refused);
	api_header(call, "Retry-After", "30");
	api_refuse(call, 503, "streams", "too many listen already: try again in 30 s");
}

const struct api_route api_event_routes[] = {
	{ "GET", "/api/v1/events", API_PEOPLE, HIN_SCOPE_READ, API_RATE_PLAIN, API_NOW, "getEvents",
	  "last traffic", 0, handle_events, NULL },
};
const size_t api_event_route_count = HIN_COUNT(api_event_routes);
