/*
 * api_report - the report of a month or a year by some place's calendar: what was observed, what
 * became of it, beside the period before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/number.h"
#include "hub/door/api_rows.h"
#include "hub/telling/alert.h"
#include "hub/telling/notice.h"
#include "store/answer.h"

#define TOP 20
#define BUCKETS 31 /* days of a month, months of a year */
#define HOUR_US INT64_C(3600000000)
#define QUARTER_US (HOUR_US / 4)
#define LOOK_NS (20 * HIN_NS_PER_MS)

/* ---- the calendar ---- */

struct period {
	int year, month; /* month 0: the whole year */
	int64_t since_us, until_us;
	int64_t starts[BUCKETS + 1]; /* of its days or months, and its end */
	size_t count;
};

/* The first moment of a day there; months and days beyond the end carry on as one would think. */
static int64_t local_day_us(const struct hin_zone *zone, int year, int month, int day)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };
	int64_t local_s = (int64_t)timegm(&tm), at_s = local_s;

	/* twice: the offset is that of the moment itself, which the first gives but near a change
	 */
	for (int i = 0; i < 2; i++)
		at_s = local_s - hin_zone_offset_s(zone, at_s);
	return at_s * INT64_C(1000000);
}

static void lay_out(struct period *p, const struct hin_zone *zone)
{
	bool year = p->month == 0;

	p->until_us = local_day_us(zone, p->year + year, year ? 1 : p->month + 1, 1);
	p->count = 0;
	for (int i = 1; i <= (year ? 12 : BUCKETS); i++) {
		int64_t at = year ? local_day_us(zone, p->year, i, 1)
				  : local_day_us(zone, p->year, p->month, i);

		if (at >= p->until_us)
			break;
		p->starts[p->count++] = at;
	}
	p->starts[p->count] = p->until_us;
	p->since_us = p->starts[0];
}

static struct period before(const struct period *p, const struct hin_zone *zone)
{
	struct period out = { .year = p->month == 1 || p->month == 0 ? p->year - 1 : p->year,
			      .month = p->month == 0   ? 0
				       : p->month == 1 ? 12
						       : p->month - 1 };

	lay_out(&out, zone);
	return out;
}

static const char *name_of(const struct period *p, char out[16])
{
	snprintf(out, 16, p->month == 0 ? "%04d" : "%04d-%02d", p->year, p->month);
	return out;
}

/* "2026" or "2026-10" of the path. */
static bool read_period(struct api_call *call, struct period *p)
{
	const char *text = call->path[0];
	size_t size = strlen(text);
	char part[8];
	int64_t year, month = 0;
	bool good = (size == 4 || (size == 7 && text[4] == '-'));

	if (good) {
		memcpy(part, text, 4);
		part[4] = '\0';
		good = hin_number_i64(&year, "year", part, 1990, 2999, NULL) == HIN_OK &&
		       (size == 4 || hin_number_i64(&month, "month", text + 5 + (text[5] == '0'), 1,
						    12, NULL) == HIN_OK);
	}
	if (good) {
		p->year = (int)year;
		p->month = (int)month;
		return true;
	}
	api_refuse(call, 404, "not-found", "a report is of a year or month: 2026, 2026-10");
	return false;
}

/* ---- what was observed ---- */

struct report {
	struct api_call *call;
	struct hin_store *store; /* NULL: nothing is stored */
	struct hin_filter *flows;
	struct period now, last;
	int64_t until_ns, looked_ns;
	bool left, late;
};

static bool add_dark(void *user, const struct hin_store_mark *mark)
{
	*(int64_t *)user += (int64_t)mark->dark_addresses;
	return true;
}

/* What is watched now, by the last word of every sensor. */
static int64_t dark_addresses(const struct hin_store *store)
{
	int64_t sum = 0;

	hin_store_each_mark(store, add_dark, &sum);
	return sum;
}

static bool go_on(void *user, uint64_t done, uint64_t whole, uint64_t rows)
{
	struct report *r = user;
	int64_t now_ns = hin_time_monotonic_ns();

	(void)done, (void)whole, (void)rows;
	if (now_ns - r->looked_ns < LOOK_NS)
		return true;
	r->looked_ns = now_ns;
	r->late = now_ns > r->until_ns;
	r->left = hin_http_has_left(r->call->request);
	return !r->late && !r->left;
}

static struct hin_store_question question(struct report *r, const struct period *p)
{
	return (struct hin_store_question){ .range = { .since_us = p->since_us,
						       .until_us = p->until_us,
						       .filter = r->flows,
						       .progress = go_on,
						       .user = r },
					    .volume = true,
					    .order = HIN_STORE_PACKETS };
}

static void write_amount(struct hin_buffer *out, const struct hin_store_group *g)
{
	api_number(out, "packets", (int64_t)g->packets);
	api_number(out, "bytes", (int64_t)g->bytes);
}

static enum hin_code write_total(struct report *r, const char *name, const struct period *p,
				 struct hin_error *err)
{
	struct hin_store_question q = question(r, p);
	struct hin_buffer *out = &r->call->out;
	struct hin_store_answer answer = { 0 };
	struct hin_store_watched watched = { 0 };
	char text[16];
	enum hin_code code = HIN_OK;

	q.distinct = true;
	q.distinct_field = HIN_FIELD_SRC;
	if (r->store != NULL)
		code = hin_store_group(r->store, &q, &answer, err);
	q.range.filter = NULL;
	if (code == HIN_OK && r->store != NULL)
		code = hin_store_watch(r->store, &q.range, &watched, err);
	if (code == HIN_OK) {
		api_open(out, name, '{');
		api_text(out, "period", name_of(p, text));
		api_time(out, "since", p->since_us);
		api_time(out, "until", p->until_us);
		write_amount(out, &answer.total);
		api_number(out, "sources",
			   answer.count > 0 ? (int64_t)answer.groups[0].distinct : 0);
		api_bool(out, "approximate", answer.approximate || answer.effort.rolled_left > 0);
		api_open(out, "watched", '{');
		api_number(out, "sensors", (int64_t)watched.sensors);
		api_number(out, "expected_us", (int64_t)watched.expected_us);
		api_number(out, "watched_us", (int64_t)watched.watched_us);
		hin_buffer_puts(out, "}}");
	}
	hin_store_answer_fini(&answer);
	return code;
}

/* Packets by the day or month there: hours (or quarters, where clocks differ by such) add up. */
static enum hin_code write_series(struct report *r, struct hin_error *err)
{
	struct hin_store_question q = question(r, &r->now);
	const struct period *p = &r->now;
	struct hin_buffer *out = &r->call->out;
	struct hin_store_answer answer = { 0 };
	uint64_t packets[BUCKETS] = { 0 };
	size_t at = 0;
	enum hin_code code = HIN_OK;

	q.interval_us = HOUR_US;
	for (size_t i = 0; i <= p->count; i++)
		if (p->starts[i] % HOUR_US != 0)
			q.interval_us = QUARTER_US;
	if (r->store != NULL)
		code = hin_store_group(r->store, &q, &answer, err);
	for (size_t i = 0; i < answer.count && code == HIN_OK; i++) {
		while (at + 1 < p->count && answer.groups[i].time_us >= p->starts[at + 1])
			at++;
		packets[at] += answer.groups[i].packets;
	}
	api_open(out, "series", '[');
	for (size_t i = 0; i < p->count && code == HIN_OK; i++) {
		api_open(out, NULL, '{');
		api_key(out, "name");
		hin_buffer_printf(out, p->month == 0 ? "\"%04d-%02d\"" : "\"%04d-%02d-%02d\"",
				  p->year, p->month == 0 ? (int)i + 1 : p->month, (int)i + 1);
		api_time(out, "from", p->starts[i]);
		api_time(out, "to", p->starts[i + 1]);
		api_number(out, "packets", (int64_t)packets[i]);
		hin_buffer_putc(out, '}');
	}
	hin_buffer_putc(out, ']');
	hin_store_answer_fini(&answer);
	return code;
}

/* The greatest by some fields, with how many sources had a part in each when asked. */
static enum hin_code write_top(struct report *r, const char *name, const unsigned *by,
			       unsigned by_count, bool sources, struct hin_error *err)
{
	struct hin_store_question q = question(r, &r->now);
	const struct hin_answer_lengths whole = { 0 };
	struct hin_buffer *out = &r->call->out;
	struct hin_store_answer answer = { 0 };
	enum hin_code code = HIN_OK;

	memcpy(q.by, by, by_count * sizeof(*by));
	q.by_count = by_count;
	q.distinct = sources;
	q.distinct_field = HIN_FIELD_SRC;
	q.limit = TOP;
	if (r->store != NULL)
		code = hin_store_group(r->store, &q, &answer, err);
	api_open(out, name, '[');
	for (size_t i = 0; i < answer.count && code == HIN_OK; i++) {
		const struct hin_store_group *g = &answer.groups[i];

		api_open(out, NULL, '{');
		for (unsigned k = 0; k < by_count; k++) {
			api_key(out, hin_answer_field_name(by[k]));
			hin_answer_json(out, by[k], &g->by[k], whole);
		}
		write_amount(out, g);
		if (sources)
			api_number(out, "sources", (int64_t)g->distinct);
		hin_buffer_putc(out, '}');
	}
	hin_buffer_putc(out, ']');
	hin_store_answer_fini(&answer);
	return code;
}

static enum hin_code write_observed(struct report *r, struct hin_error *err)
{
	static const unsigned ports[] = { HIN_FIELD_PROTO, HIN_FIELD_DPORT };
	static const unsigned tools[] = { HIN_FIELD_TOOL };
	enum hin_code code = write_total(r, "total", &r->now, err);

	if (code == HIN_OK)
		code = write_total(r, "previous", &r->last, err);
	if (code == HIN_OK)
		code = write_series(r, err);
	if (code == HIN_OK)
		code = write_top(r, "ports", ports, 2, true, err);
	if (code == HIN_OK)
		code = write_top(r, "tools", tools, 1, false, err);
	return code;
}

/* ---- what became of it ---- */

static const struct api_column case_columns[] = {
	{ "kind", 't' },	 { "opened", 'i' },	   { "closed", 'i' },
	{ "false_alarms", 'i' }, { "opened_before", 'i' },
};

static enum hin_code write_cases(struct report *r, struct hin_error *err)
{
	struct api_call *call = r->call;
	sqlite3_stmt *s = hin_desk_statement(
		call->desk,
		"SELECT kind, sum(opened_us >= ?1 AND opened_us < ?2), sum(closed_us >= ?1 AND "
		"closed_us < ?2 AND state <> 'false_alarm'), sum(closed_us >= ?1 AND closed_us < "
		"?2 AND state = 'false_alarm'), sum(opened_us >= ?3 AND opened_us < ?4) FROM case_ "
		"WHERE state <> 'merged' AND ((opened_us >= ?3 AND opened_us < ?2) OR (closed_us "
		">= "
		"?1 AND closed_us < ?2)) GROUP BY kind ORDER BY 2 DESC, 1",
		err);
	enum hin_code code =
		s != NULL ? hin_desk_bind(call->desk, s, err, "iiii", r->now.since_us,
					  r->now.until_us, r->last.since_us, r->last.until_us)
			  : HIN_EFORMAT;

	api_open(&call->out, "cases", '[');
	if (code == HIN_OK)
		code = api_rows_json(call, s, case_columns, HIN_COUNT(case_columns), err);
	hin_buffer_putc(&call->out, ']');
	return code;
}

static enum hin_code write_figures(struct report *r, const char *name, const struct period *p,
				   enum hin_notice_by by, struct hin_error *err)
{
	struct hin_notice_figure *figures = NULL;
	size_t count = 0;
	enum hin_code code = hin_notice_figures(r->call->desk, by, p->since_us, p->until_us,
						&figures, &count, err);

	api_open(&r->call->out, name, '[');
	for (size_t i = 0; i < count && i < (size_t)2 * TOP && code == HIN_OK; i++)
		api_write_figure(&r->call->out, &figures[i]);
	hin_buffer_putc(&r->call->out, ']');
	free(figures);
	return code;
}

static enum hin_code write_work(struct report *r, struct hin_error *err)
{
	struct hin_buffer *out = &r->call->out;
	enum hin_code code = hin_desk_snapshot(r->call->desk, err);

	if (code == HIN_OK)
		code = write_cases(r, err);
	api_open(out, "notices", '{');
	if (code == HIN_OK)
		code = write_figures(r, "all", &r->now, HIN_NOTICE_ALL, err);
	if (code == HIN_OK)
		code = write_figures(r, "previous", &r->last, HIN_NOTICE_ALL, err);
	if (code == HIN_OK)
		code = write_figures(r, "by_sector", &r->now, HIN_NOTICE_BY_SECTOR, err);
	if (code == HIN_OK)
		code = write_figures(r, "by_owner", &r->now, HIN_NOTICE_BY_OWNER, err);
	if (code == HIN_OK)
		code = write_figures(r, "by_kind", &r->now, HIN_NOTICE_BY_KIND, err);
	hin_buffer_putc(out, '}');
	return code;
}

/* ---- the whole ---- */

static enum hin_code write_report(struct report *r, const char *zone, struct hin_error *err)
{
	static const char flows[] = "kind telescope.flow";
	struct hin_buffer *out = &r->call->out;
	char text[16];
	enum hin_code code = api_store(r->call, &r->store, err);

	if (code == HIN_ENOENT || code == HIN_EUNSUPPORTED) {
		r->store = NULL;
		code = HIN_OK;
	}
	if (code == HIN_OK)
		code = hin_filter_parse(&r->flows, flows, strlen(flows), NULL, err);
	if (code != HIN_OK)
		return code;
	api_open(out, NULL, '{');
	api_text(out, "period", name_of(&r->now, text));
	api_text(out, "zone", zone);
	api_bool(out, "complete", r->now.until_us <= r->call->now_us);
	api_number(out, "dark_addresses", r->store != NULL ? dark_addresses(r->store) : 0);
	code = write_observed(r, err);
	if (code == HIN_OK)
		code = write_work(r, err);
	hin_buffer_puts(out, "}\n");
	return code;
}

static void handle_report(struct api_call *call)
{
	const char *name = api_query(call, "zone");
	struct report r = { .call = call };
	struct hin_error err = { 0 };
	struct hin_zone *zone;
	enum hin_code code;

	if (!read_period(call, &r.now))
		return;
	if (name == NULL || name[0] == '\0')
		name = call->api->settings.zone;
	zone = hin_zone_of(name, &err);
	if (zone == NULL) {
		api_refuse(call, 422, "not-so", "%s", err.text);
		return;
	}
	lay_out(&r.now, zone);
	r.last = before(&r.now, zone);
	hin_zone_unref(zone);
	r.until_ns = hin_time_monotonic_ns() + call->tuning->query_ns;
	code = write_report(&r, name, &err);
	hin_filter_free(r.flows);
	if (r.left || r.late) {
		API_COUNT(call->api, queries_left);
		api_refuse(call, 504, "late", "the report took too long: ask for a month");
	} else if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
	}
}

const struct api_route api_report_routes[] = {
	{ "GET", "/api/v1/reports/{period}", API_STAFF, HIN_SCOPE_QUERY, API_RATE_QUERY,
	  API_LANE_QUERY, "getReport", "zone", 0, handle_report, NULL },
};
const size_t api_report_route_count = HIN_COUNT(api_report_routes);
