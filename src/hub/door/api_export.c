/*
 * api_export - what is taken away as a file: observations in the formats of the field, streamed as
 * the client takes them, and notices as CSV. Each is an act before its first byte goes.
 *
 * A lane of its own has one thread, so that one export runs at a time and questions do not wait.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/escape.h"
#include "hub/door/api_rows.h"
#include "store/export.h"
#include "trust/act_numbers.h"

#define WAITING ((size_t)1 << 20) /* bytes that wait for the client */
#define PIECE ((size_t)32 << 10)
#define EXPORT_NS (30 * HIN_NS_PER_MIN)
#define LOOK_NS (20 * HIN_NS_PER_MS)

/* Most rows of one export, by role. */
static const int64_t rows_most[] = {
	[HIN_ROLE_ANALYST] = 10000000,	[HIN_ROLE_OPERATOR] = 10000000,	      [HIN_ROLE_MEMBER] = 0,
	[HIN_ROLE_INSPECTOR] = 1000000, [HIN_ROLE_ADMINISTRATOR] = 100000000,
};

static const struct {
	const char *type, *ending;
} kinds[HIN_EXPORT_FORMATS] = {
	[HIN_EXPORT_NDJSON] = { "application/x-ndjson", "ndjson" },
	[HIN_EXPORT_CSV] = { "text/csv; charset=utf-8", "csv" },
	[HIN_EXPORT_NFDUMP] = { "text/csv; charset=utf-8", "csv" },
	[HIN_EXPORT_FLOWTUPLE] = { "application/avro", "avro" },
	[HIN_EXPORT_CEF] = { "text/plain; charset=utf-8", "cef" },
};

struct taking {
	struct api_call *call;
	enum hin_export_format format;
	const char *filter_text;
	struct hin_filter *filter;
	struct hin_store_range range;
	int64_t limit, count, until_ns, looked_ns;
	struct hin_http_stream *stream; /* once it has begun */
	struct hin_export *export;
	bool stopped;
};

/* ---- the client's side ---- */

static bool is_ending(struct hin_api *api)
{
	bool stopping;

	pthread_mutex_lock(&api->lock);
	stopping = api->stopping;
	pthread_mutex_unlock(&api->lock);
	return stopping;
}

/* Give bytes to the client, when it has room for them; it has some time for that. */
static ssize_t give(void *user, const char *data, size_t size)
{
	struct taking *t = user;

	for (size_t at = 0; at < size;) {
		size_t piece = size - at < PIECE ? size - at : PIECE;

		if (t->stopped || is_ending(t->call->api) ||
		    !hin_http_stream_wait(t->stream, piece, t->until_ns) ||
		    !hin_http_stream_send(t->stream, data + at, piece)) {
			t->stopped = true;
			return -1;
		}
		at += piece;
	}
	return (ssize_t)size;
}

static bool go_on(void *user, uint64_t done, uint64_t whole, uint64_t rows)
{
	struct taking *t = user;
	int64_t now_ns = hin_time_monotonic_ns();

	(void)done, (void)whole, (void)rows;
	if (now_ns - t->looked_ns >= LOOK_NS) {
		t->looked_ns = now_ns;
		t->stopped |= now_ns > t->until_ns || is_ending(t->call->api) ||
			      !hin_http_stream_wait(t->stream, 0, now_ns);
	}
	return !t->stopped;
}

static enum hin_code take_rows(void *user, const struct hin_store_rows *rows, struct hin_error *err)
{
	struct taking *t = user;
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < rows->count && code == HIN_OK && t->count < t->limit; i++) {
		code = hin_export_add(t->export, &rows->rows[i], rows->batches[i]->sensor, err);
		t->count++;
	}
	return code;
}

/* ---- the store's side ---- */

static enum hin_code scan(struct taking *t, struct hin_store *store, int64_t since_us,
			  int64_t until_us, struct hin_error *err)
{
	struct hin_store_range range = t->range;
	enum hin_code code;

	range.since_us = since_us;
	range.until_us = until_us;
	code = hin_store_scan(store, &range, (UINT64_C(1) << HIN_FIELDS) - 1,
			      (uint64_t)(t->limit - t->count), take_rows, t, NULL, err);
	return code == HIN_OK ? hin_export_settle(t->export, err) : code;
}

/* Records that stand for several rows need them by windows; an hour is a whole number of theirs. */
static enum hin_code scan_all(struct taking *t, struct hin_store *store, struct hin_error *err)
{
	const int64_t hour = INT64_C(3600) * 1000000;
	struct hin_store_stats stats;
	int64_t from, to;
	enum hin_code code = hin_store_stats(store, &stats, err);

	if (code != HIN_OK || !hin_export_is_grouped(t->format))
		return code == HIN_OK ? scan(t, store, t->range.since_us, t->range.until_us, err)
				      : code;
	from = t->range.since_us > stats.oldest_us ? t->range.since_us : stats.oldest_us;
	to = stats.newest_us > 0 ? stats.newest_us + 1 : 0;
	if (t->range.until_us > 0 && t->range.until_us < to)
		to = t->range.until_us;
	for (int64_t at = from; at < to && code == HIN_OK && !t->stopped && t->count < t->limit;) {
		int64_t end = at - at % hour + hour;

		code = scan(t, store, at > 0 ? at : 1, end < to ? end : to, err);
		at = end;
	}
	return code;
}

static enum hin_code export_all(struct taking *t, struct hin_store *store, struct hin_error *err)
{
	const cookie_io_functions_t calls = { .write = give };
	FILE *file = fopencookie(t, "w", calls);
	struct hin_export_counts counts;
	enum hin_code code;

	if (file == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory to export");
	code = hin_export_open_file(&t->export, file, "export", t->format, err);
	if (code == HIN_OK)
		code = scan_all(t, store, err);
	if (code == HIN_OK && !t->stopped)
		code = hin_export_finish(t->export, &counts, err);
	hin_export_free(t->export);
	if (fclose(file) != 0 && code == HIN_OK)
		code = HIN_ESYS;
	return code;
}

/* ---- the question ---- */

static bool read_format(struct taking *t)
{
	const char *name = api_query(t->call, "format");
	unsigned at = 0;

	if (name == NULL || name[0] == '\0')
		name = "ndjson";
	while (at < HIN_EXPORT_FORMATS && strcmp(hin_export_names[at], name) != 0)
		at++;
	t->format = (enum hin_export_format)at;
	if (at < HIN_EXPORT_FORMATS)
		return true;
	api_refuse(t->call, 400, "format", "\"format\" is ndjson, csv, nfdump, flowtuple or cef");
	return false;
}

static bool read_taking(struct taking *t)
{
	struct api_call *call = t->call;
	int64_t most = rows_most[call->who.account.role];
	struct hin_error err = { 0 };
	size_t column = 0;
	enum hin_code code;

	t->limit = most;
	t->filter_text = api_query(call, "filter");
	if (t->filter_text == NULL)
		t->filter_text = "";
	if (!read_format(t) || !api_query_time(call, "since", &t->range.since_us) ||
	    !api_query_time(call, "until", &t->range.until_us) ||
	    !api_query_number(call, "limit", 1, most, &t->limit))
		return false;
	code = hin_filter_parse(&t->filter, t->filter_text, strlen(t->filter_text), &column, &err);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
	t->range.filter = t->filter;
	t->range.progress = go_on;
	t->range.user = t;
	return code == HIN_OK;
}

bool api_note_export(struct api_call *call, const char *what, const char *filter,
		     const char *format, int64_t since_us, int64_t until_us)
{
	struct hin_buffer object = { 0 };
	bool done;

	hin_buffer_putc(&object, '{');
	api_text(&object, "what", what);
	api_text(&object, "format", format);
	if (filter != NULL)
		api_text(&object, "filter", filter);
	api_time(&object, "since", since_us);
	api_time(&object, "until", until_us);
	hin_buffer_putc(&object, '}');
	done = api_note_act(call, HIN_ACT_EXPORT, hin_buffer_text(&object), NULL);
	hin_buffer_fini(&object);
	return done;
}

/* Begin the answer; from then on nothing can be refused. */
static bool begin(struct taking *t)
{
	struct api_call *call = t->call;
	struct hin_http_header headers[API_HEADERS + 3] = {
		{ "Cache-Control", "no-store" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Content-Security-Policy", "default-src 'none'; sandbox" },
	};
	struct hin_http_answer answer = { .status = 200, .headers = headers, .header_count = 3 };

	api_as_file(call, kinds[t->format].type, "observations", kinds[t->format].ending);
	answer.type = call->type;
	for (size_t i = 0; i < call->header_count; i++)
		headers[answer.header_count++] = call->headers[i];
	call->answered = true;
	return hin_http_answer_stream(call->request, &answer, WAITING, &t->stream) == HIN_OK;
}

static void handle_observations(struct api_call *call)
{
	struct taking t = { .call = call };
	struct hin_store *store = NULL;
	struct hin_error err = { 0 };
	enum hin_code code;

	if (!read_taking(&t))
		return;
	code = api_store(call, &store, &err);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
	else if (call->head)
		api_as_file(call, kinds[t.format].type, "observations", kinds[t.format].ending);
	else if (api_note_export(call, "observations", t.filter_text, hin_export_names[t.format],
				 t.range.since_us, t.range.until_us) &&
		 begin(&t)) {
		t.until_ns = hin_time_monotonic_ns() + EXPORT_NS;
		code = export_all(&t, store, &err);
		if (code != HIN_OK || t.stopped)
			hin_http_stream_cut(t.stream); /* the client sees that it is not whole */
		else
			hin_http_stream_end(t.stream);
	}
	hin_filter_free(t.filter);
}

/* ---- notices ---- */

static const struct api_column notice_columns[] = {
	{ "id", 'i' },		 { "code", 't' },      { "state", 't' },     { "case", 'i' },
	{ "organisation", 't' }, { "kind", 't' },      { "address", 'a' },   { "device", 't' },
	{ "channel", 't' },	 { "language", 't' },  { "created", 'u' },   { "sent", 'u' },
	{ "first_seen", 'u' },	 { "last_seen", 'u' }, { "reminders", 'i' }, { "fixed", 'u' },
	{ "reappeared", 'i' },	 { "error", 't' },
};

static void handle_notices(struct api_call *call)
{
	const char *state = api_query(call, "state");
	int64_t since_us = 0, until_us = INT64_MAX, limit = 100000;
	struct hin_error err = { 0 };
	sqlite3_stmt *s;
	enum hin_code code = HIN_EFORMAT;

	if (!api_query_time(call, "since", &since_us) ||
	    !api_query_time(call, "until", &until_us) ||
	    !api_query_number(call, "limit", 1, limit, &limit) ||
	    !api_note_export(call, "notices", state, "csv", since_us,
			     until_us == INT64_MAX ? 0 : until_us))
		return;
	s = hin_desk_statement(call->desk,
			       "SELECT n.id, n.code, n.state, n.case_id, o.handle, n.kind, "
			       "n.address, n.device, n.channel, n.language, n.created_us, "
			       "n.sent_us, n.first_seen_us, n.last_seen_us, n.reminders, "
			       "n.fixed_us, n.reappeared, n.error FROM notice n LEFT JOIN "
			       "organisation o ON o.id = n.organisation WHERE (?1 = '' OR n.state "
			       "= ?1) AND n.created_us >= ?2 AND n.created_us < ?3 ORDER BY n.id "
			       "LIMIT ?4",
			       &err);
	if (s != NULL)
		code = hin_desk_bind(call->desk, s, &err, "tiii", state != NULL ? state : "",
				     since_us, until_us, limit);
	if (code == HIN_OK)
		code = api_rows_csv(call, s, notice_columns, HIN_COUNT(notice_columns), &err);
	if (code == HIN_OK)
		api_as_file(call, "text/csv; charset=utf-8", "notices", "csv");
	else
		api_refuse_code(call, code, &err);
}

#define V "/api/v1"
#define TAKE API_STAFF, HIN_SCOPE_EXPORT, API_RATE_QUERY, API_LANE_EXPORT

const struct api_route api_export_routes[] = {
	{ "GET", V "/export/observations", TAKE, "exportObservations",
	  "filter since until format limit", 0, handle_observations, NULL },
	{ "GET", V "/export/cases", TAKE, "exportCases",
	  "state severity assignee text kind address organisation since until sort limit", 0,
	  api_export_cases, NULL },
	{ "GET", V "/export/notices", TAKE, "exportNotices", "state since until limit", 0,
	  handle_notices, NULL },
};
const size_t api_export_route_count = HIN_COUNT(api_export_routes);
