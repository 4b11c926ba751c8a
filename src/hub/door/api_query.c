/* api_query - questions to the store: bounded, and given up when the one who asked has left */
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "hub/door/api_words.h"
#include "observe/ndjson.h"
#include "store/answer.h"

#define TOP_MOST 10000
#define ROWS_MOST 10000
#define LOOK_NS (20 * HIN_NS_PER_MS) /* between two looks whether the client is there */

struct question {
	struct api_call *call;
	struct hin_store *store;
	struct hin_filter *filter;
	struct hin_store_question ask;
	struct hin_answer_lengths lengths;
	bool grouped, places, flows_alone;
	int64_t limit;
	struct hin_store_effort effort;
	int64_t until_ns, looked_ns; /* monotonic */
	bool left, late;
	/* of rows */
	struct hin_ndjson_writer json;
	int64_t count;
	bool more;
};

/* ---- reading ---- */

static enum hin_code read_by(struct question *q, char *text, struct hin_error *err)
{
	struct hin_store_question *ask = &q->ask;
	char *slash = strchr(text, '/'), *second;
	uint64_t v4, v6;
	enum hin_code code;

	if (slash != NULL)
		*slash++ = '\0';
	if (ask->by_count == HIN_STORE_BY)
		return hin_fail(err, HIN_EUSAGE, "\"by\" has at most %d fields", HIN_STORE_BY);
	code = hin_answer_field(&ask->by[ask->by_count], text, err);
	if (code != HIN_OK)
		return code;
	ask->by_count++;
	if (slash == NULL)
		return HIN_OK;
	if (ask->by[ask->by_count - 1] != HIN_FIELD_SRC &&
	    ask->by[ask->by_count - 1] != HIN_FIELD_DST)
		return hin_fail(err, HIN_EUSAGE, "only src and dst have a prefix");
	second = strchr(slash, '/');
	if (second != NULL)
		*second++ = '\0';
	code = hin_number_u64(&v4, "prefix length", slash, 1, 32, err);
	if (code == HIN_OK)
		code = hin_number_u64(&v6, "prefix length of IPv6", second != NULL ? second : "48",
				      1, 128, err);
	if (code != HIN_OK)
		return code;
	if (ask->v4_len != 0 && (ask->v4_len != v4 || ask->v6_len != v6))
		return hin_fail(err, HIN_EUSAGE, "src and dst have the same prefix lengths");
	ask->v4_len = (uint8_t)v4;
	ask->v6_len = (uint8_t)v6;
	return HIN_OK;
}

static enum hin_code read_fields(struct question *q, struct hin_error *err)
{
	const char *by = api_query(q->call, "by"), *distinct = api_query(q->call, "distinct");
	enum hin_code code = HIN_OK;
	char *rest, *text;

	if (by != NULL && by[0] != '\0') {
		rest = hin_arena_strdup(&q->call->arena, by);
		if (rest == NULL)
			return hin_fail(err, HIN_ENOMEM, "no memory: try again");
		while (code == HIN_OK && (text = strsep(&rest, ",")) != NULL)
			code = read_by(q, text, err);
		q->grouped = true;
	}
	if (code == HIN_OK && distinct != NULL && distinct[0] != '\0') {
		code = hin_answer_field(&q->ask.distinct_field, distinct, err);
		q->ask.distinct = q->grouped = true;
	}
	q->lengths = (struct hin_answer_lengths){ q->ask.v4_len, q->ask.v6_len };
	return code;
}

static enum hin_code read_measures(struct question *q, struct hin_error *err)
{
	static const struct {
		const char *word;
		enum hin_store_order order;
	} sums[] = { { "packets", HIN_STORE_PACKETS },
		     { "bytes", HIN_STORE_BYTES },
		     { "rows", HIN_STORE_COUNT } };
	const char *series = api_query(q->call, "series"), *sum = api_query(q->call, "sum");
	size_t which = 0;
	int64_t series_ns = 0;
	enum hin_code code = HIN_OK;

	if (series != NULL && series[0] != '\0') {
		code = hin_number_duration(&series_ns, "\"series\"", series, HIN_NS_PER_S,
					   3660 * HIN_NS_PER_DAY, err);
		q->grouped = true;
	}
	q->ask.interval_us = series_ns / HIN_NS_PER_US;
	while (sum != NULL && which < HIN_COUNT(sums) && strcmp(sums[which].word, sum) != 0)
		which++;
	if (code == HIN_OK && which == HIN_COUNT(sums))
		return hin_fail(err, HIN_EUSAGE, "\"sum\" is packets, bytes or rows");
	q->grouped |= sum != NULL;
	q->ask.order = q->ask.distinct && sum == NULL ? HIN_STORE_DISTINCT
						      : sums[code == HIN_OK ? which : 0].order;
	q->ask.volume = q->ask.order != HIN_STORE_COUNT || sum == NULL;
	return code;
}

/* The filter, or a refusal that says where it is wrong. */
static bool read_filter(struct question *q)
{
	const char *text = api_query(q->call, "filter");
	struct hin_error err = { 0 };
	struct hin_buffer *out = &q->call->out;
	bool by_kind = false;
	size_t column = 0;
	enum hin_code code;

	if (text == NULL)
		text = "";
	for (unsigned i = 0; i < q->ask.by_count; i++)
		by_kind |= q->ask.by[i] == HIN_FIELD_KIND;
	code = q->grouped && q->ask.volume
		       ? hin_filter_parse_volume(&q->filter, text, strlen(text), by_kind,
						 &q->flows_alone, &column, &err)
		       : hin_filter_parse(&q->filter, text, strlen(text), &column, &err);
	if (code == HIN_OK) {
		q->ask.range.filter = q->filter;
		return true;
	}
	api_refuse_code(q->call, code, &err);
	if (q->call->status == 422 && out->used > 2) { /* before the brace and newline */
		out->used -= 2;
		api_number(out, "column", (int64_t)column);
		hin_buffer_puts(out, "}\n");
	}
	return false;
}

/* Asked by the store now and then: shall it go on? */
static bool go_on(void *user, uint64_t done, uint64_t whole, uint64_t rows)
{
	struct question *q = user;
	int64_t now_ns = hin_time_monotonic_ns();

	(void)done, (void)whole, (void)rows;
	if (now_ns - q->looked_ns < LOOK_NS)
		return true;
	q->looked_ns = now_ns;
	q->late = now_ns > q->until_ns;
	q->left = hin_http_has_left(q->call->request);
	return !q->late && !q->left;
}

static bool read_question(struct question *q)
{
	struct api_call *call = q->call;
	struct hin_store_range *range = &q->ask.range;
	struct hin_error err = { 0 };
	int64_t top = 10, places = 0;
	enum hin_code code;

	q->limit = 100;
	if (!api_query_time(call, "since", &range->since_us) ||
	    !api_query_time(call, "until", &range->until_us) ||
	    !api_query_number(call, "places", 0, 1, &places) ||
	    !api_query_number(call, "top", 1, TOP_MOST, &top) ||
	    !api_query_number(call, "limit", 1, ROWS_MOST, &q->limit))
		return false;
	code = read_fields(q, &err);
	if (code == HIN_OK)
		code = read_measures(q, &err);
	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return false;
	}
	q->ask.limit = q->ask.by_count > 0 ? (uint64_t)top : 0;
	q->places = places != 0;
	range->progress = go_on;
	range->user = q;
	q->until_ns = hin_time_monotonic_ns() + call->tuning->query_ns;
	return read_filter(q);
}

/* ---- answers ---- */

/* How much of the time was watched, and what the answer cost: the same as `hinomi query --json`. */
static enum hin_code write_foot(struct question *q, struct hin_error *err)
{
	struct hin_buffer *out = &q->call->out;
	struct hin_store_range range = { .since_us = q->ask.range.since_us,
					 .until_us = q->ask.range.until_us };
	struct hin_store_watched watched = { 0 };
	struct hin_store_stats stats;
	enum hin_code code = hin_store_stats(q->store, &stats, err);

	if (code != HIN_OK)
		return code;
	if (range.since_us == 0)
		range.since_us = stats.oldest_us;
	if (range.until_us == 0)
		range.until_us = q->ask.range.since_us > 0 && stats.newest_us < q->call->now_us
					 ? q->call->now_us
					 : stats.newest_us + 1;
	if (stats.newest_us != 0 && range.until_us > range.since_us)
		code = hin_store_watch(q->store, &range, &watched, err);
	if (code != HIN_OK)
		return code;
	api_time(out, "since", range.since_us);
	api_time(out, "until", range.until_us);
	api_open(out, "watched", '{');
	api_number(out, "sensors", (int64_t)watched.sensors);
	api_number(out, "expected_us", (int64_t)watched.expected_us);
	api_number(out, "watched_us", (int64_t)watched.watched_us);
	/* the share is of the time from there on: before it nobody watched */
	api_time(out, "watched_since", watched.expected_us > 0 ? watched.from_us : 0);
	hin_buffer_putc(out, '}');
	api_open(out, "effort", '{');
	api_number(out, "rows_looked", (int64_t)q->effort.rows_looked);
	api_number(out, "rows_matched", (int64_t)q->effort.rows_matched);
	api_number(out, "blocks", (int64_t)q->effort.blocks);
	api_number(out, "blocks_skipped", (int64_t)q->effort.blocks_skipped);
	api_number(out, "damaged_rows", (int64_t)q->effort.damaged_rows);
	api_number(out, "rolled_left", (int64_t)q->effort.rolled_left);
	hin_buffer_puts(out, "}}\n");
	return HIN_OK;
}

static void write_measures(const struct question *q, const struct hin_store_group *g)
{
	struct hin_buffer *out = &q->call->out;

	api_number(out, "rows", (int64_t)g->count);
	if (q->ask.volume) {
		api_number(out, "packets", (int64_t)g->packets);
		api_number(out, "bytes", (int64_t)g->bytes);
	}
	if (q->ask.distinct)
		api_number(out, "distinct", (int64_t)g->distinct);
}

/* Where the addresses that it was grouped by are. */
static void write_places(const struct question *q, const struct hin_store_group *g)
{
	struct hin_buffer *out = &q->call->out;

	api_open(out, "places", '{');
	for (unsigned i = 0; i < q->ask.by_count; i++) {
		struct hin_addr address;

		if ((q->ask.by[i] != HIN_FIELD_SRC && q->ask.by[i] != HIN_FIELD_DST) ||
		    !g->by[i].given)
			continue;
		memcpy(address.b, g->by[i].bytes, sizeof(address.b));
		api_place(q->call, hin_answer_field_name(q->ask.by[i]), &address);
		hin_buffer_putc(out, '}');
	}
	hin_buffer_putc(out, '}');
}

static void write_group(const struct question *q, const struct hin_store_group *g)
{
	struct hin_buffer *out = &q->call->out;

	api_open(out, NULL, '{');
	if (q->ask.interval_us > 0)
		api_time(out, "time", g->time_us);
	if (q->ask.by_count > 0) {
		api_open(out, "by", '{');
		for (unsigned i = 0; i < q->ask.by_count; i++) {
			api_key(out, hin_answer_field_name(q->ask.by[i]));
			hin_answer_json(out, q->ask.by[i], &g->by[i], q->lengths);
		}
		hin_buffer_putc(out, '}');
	}
	if (q->places)
		write_places(q, g);
	write_measures(q, g);
	hin_buffer_putc(out, '}');
}

static enum hin_code answer_groups(struct question *q, struct hin_error *err)
{
	struct hin_buffer *out = &q->call->out;
	struct hin_store_answer answer = { 0 };
	enum hin_code code = hin_store_group(q->store, &q->ask, &answer, err);

	if (code != HIN_OK)
		return code;
	q->effort = answer.effort;
	api_open(out, NULL, '{');
	api_open(out, "groups", '[');
	for (size_t i = 0; i < answer.count && !out->failed; i++)
		write_group(q, &answer.groups[i]);
	hin_buffer_putc(out, ']');
	api_number(out, "groups_found", (int64_t)answer.groups_found);
	api_open(out, "total", '{');
	write_measures(q, &answer.total);
	hin_buffer_putc(out, '}');
	api_bool(out, "approximate", answer.approximate);
	api_bool(out, "flows_alone", q->flows_alone);
	hin_store_answer_fini(&answer);
	return write_foot(q, err);
}

static enum hin_code take_rows(void *user, const struct hin_store_rows *rows, struct hin_error *err)
{
	struct question *q = user;
	struct hin_buffer *out = &q->call->out;

	for (size_t i = 0; i < rows->count && !out->failed; i++) {
		if (q->count == q->limit) {
			q->more = true;
			return HIN_OK;
		}
		q->count++;
		api_comma(out);
		hin_ndjson_add(&q->json, &rows->rows[i], out);
		if (!out->failed && out->used > 0) /* without its newline */
			out->data[--out->used] = '\0';
	}
	(void)err;
	return HIN_OK;
}

static enum hin_code answer_rows(struct question *q, struct hin_error *err)
{
	struct hin_buffer *out = &q->call->out;
	enum hin_code code;

	api_open(out, NULL, '{');
	api_open(out, "rows", '[');
	/* one more than is shown tells whether there are more */
	code = hin_store_scan(q->store, &q->ask.range, (UINT64_C(1) << HIN_FIELDS) - 1,
			      (uint64_t)q->limit + 1, take_rows, q, &q->effort, err);
	hin_buffer_putc(out, ']');
	api_bool(out, "more", q->more);
	return code == HIN_OK ? write_foot(q, err) : code;
}

static void handle_query(struct api_call *call)
{
	struct question q = { .call = call };
	struct hin_error err = { 0 };
	enum hin_code code;

	API_COUNT(call->api, queries);
	if (!read_question(&q))
		return;
	code = api_store(call, &q.store, &err);
	if (code == HIN_OK)
		code = q.grouped ? answer_groups(&q, &err) : answer_rows(&q, &err);
	hin_filter_free(q.filter);
	if (q.left || q.late) {
		API_COUNT(call->api, queries_left);
		api_refuse(call, 504, "late", "the question took too long: ask for a shorter time");
	} else if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
	}
}

#define V "/api/v1"

const struct api_route api_query_routes[] = {
	{ "GET", V "/query", API_STAFF, HIN_SCOPE_QUERY, API_RATE_QUERY, API_LANE_QUERY, "query",
	  "filter since until by distinct sum series top limit places", 0, handle_query, NULL },
};
const size_t api_query_route_count = HIN_COUNT(api_query_routes);
