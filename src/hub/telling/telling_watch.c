/* telling_watch - is it fixed? Only time in which the sensors that saw it were alive counts */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "hub/telling/telling_priv.h"

#define LIVES 200000u	    /* most intervals of one look */
#define BACK_US (3600 * US) /* an interval that began before the range */
#define ROW_US (300 * US)   /* most of one row: sensors write one a minute */
#define WAIT_US (900 * US)  /* for a sensor that speaks later than others */
#define LEAST_US US	    /* between two looks */
#define MOST_US (600 * US)
#define NOTICES 2000 /* of one transaction */

/* A time in which a sensor said that it watched. */
struct life {
	uint8_t sensor[HIN_SENSOR_ID];
	int64_t from_us, until_us;
};

struct lives {
	int64_t now_us;
	struct life *items;
	size_t count, size;
	bool full;
};

static enum hin_code take_rows(void *user, const struct hin_store_rows *rows, struct hin_error *err)
{
	struct lives *lives = user;

	for (size_t i = 0; i < rows->count; i++) {
		const struct hin_observation *row = &rows->rows[i];
		struct life *l;

		if (row->time_us >= lives->now_us)
			continue;
		if (lives->count == lives->size) {
			size_t size = lives->size > 0 ? lives->size * 2 : 256;
			struct life *more;

			if (size > LIVES) {
				lives->full = true;
				return HIN_OK;
			}
			more = realloc(lives->items, size * sizeof(*more));
			if (more == NULL)
				return hin_fail(err, HIN_ENOMEM, "watched time");
			lives->items = more;
			lives->size = size;
		}
		l = &lives->items[lives->count++];
		memcpy(l->sensor, rows->batches[i]->sensor, sizeof(l->sensor));
		l->from_us = row->time_us;
		l->until_us = row->time_us +
			      (int64_t)(row->duration_us < ROW_US ? row->duration_us : ROW_US);
		if (l->until_us > lives->now_us)
			l->until_us = lives->now_us;
	}
	return HIN_OK;
}

static int by_sensor(const void *a, const void *b)
{
	const struct life *x = a, *y = b;
	int order = memcmp(x->sensor, y->sensor, sizeof(x->sensor));

	if (order != 0)
		return order;
	return (x->from_us > y->from_us) - (x->from_us < y->from_us);
}

static enum hin_code read_lives(struct telling *t, int64_t since_us, struct lives *out,
				struct hin_error *err)
{
	struct hin_filter_numbers number = { HIN_KIND_ROAD_ALIVE, HIN_KIND_ROAD_ALIVE };
	struct hin_filter_node node = { .type = HIN_FILTER_NUMBERS,
					.field = HIN_FIELD_KIND,
					.count = 1 };
	struct hin_filter filter = { .nodes = &node,
				     .node_count = 1,
				     .numbers = &number,
				     .number_count = 1,
				     .fields = UINT64_C(1) << HIN_FIELD_KIND };
	struct hin_store_range range = { .since_us = since_us - BACK_US, .filter = &filter };
	enum hin_code code = HIN_OK;

	if (t->reader == NULL)
		code = hin_store_open(&t->reader, t->of->store, HIN_STORE_READ, NULL, err);
	else
		code = hin_store_refresh(t->reader, err);
	if (code == HIN_OK)
		code = hin_store_scan(t->reader, &range, UINT64_C(1) << HIN_FIELD_DURATION, 0,
				      take_rows, out, NULL, err);
	if (code == HIN_OK && out->count > 0)
		qsort(out->items, out->count, sizeof(*out->items), by_sensor);
	return code;
}

/* "aabb.. ccdd..": does it name the sensor? An empty list names all. */
static bool named(const char *sensors, const uint8_t id[HIN_SENSOR_ID])
{
	char hex[HIN_SENSOR_ID * 2 + 1];

	if (sensors[0] == '\0')
		return true;
	for (size_t i = 0; i < HIN_SENSOR_ID; i++)
		snprintf(hex + i * 2, 3, "%02x", id[i]);
	return strstr(sensors, hex) != NULL;
}

/* The lives of one sensor that is named: from `*at` on, `*count` of them. False: no other. */
static bool next_sensor(const struct lives *lives, const char *sensors, size_t *at, size_t *count)
{
	for (*at += *count; *at < lives->count; *at += *count) {
		const struct life *l = &lives->items[*at];

		for (*count = 1; *at + *count < lives->count; (*count)++)
			if (memcmp(l->sensor, l[*count].sensor, sizeof(l->sensor)) != 0)
				break;
		if (named(sensors, l->sensor))
			return true;
	}
	return false;
}

/* How long one sensor watched between two moments. */
static int64_t watched_by(const struct life *l, size_t count, int64_t since_us, int64_t until_us)
{
	int64_t sum = 0, end = since_us;

	for (size_t i = 0; i < count; i++) {
		int64_t from = l[i].from_us > end ? l[i].from_us : end;
		int64_t until = l[i].until_us < until_us ? l[i].until_us : until_us;

		if (until <= from)
			continue;
		sum += until - from;
		end = until;
	}
	return sum;
}

/*
 * How long every named sensor watched from `since_us` on: the least of theirs, so that none speaks
 * for another. `*until_us` is until when that is known: what all of them have spoken of, or one,
 * when the others were waited for.
 */
static int64_t watched(const struct lives *lives, const char *sensors, int64_t since_us,
		       int64_t *until_us)
{
	size_t want = sensors[0] != '\0' ? (strlen(sensors) + 1) / (HIN_SENSOR_ID * 2 + 1) : 1;
	int64_t first = INT64_MAX, last = since_us, least = INT64_MAX;
	size_t seen = 0, at = 0, count = 0;

	for (; next_sensor(lives, sensors, &at, &count); seen++) {
		int64_t end = since_us;

		for (size_t i = at; i < at + count; i++)
			if (lives->items[i].until_us > end)
				end = lives->items[i].until_us;
		first = end < first ? end : first;
		last = end > last ? end : last;
	}
	if (seen < want)
		first = since_us;
	if (first < lives->now_us - WAIT_US)
		first = last < lives->now_us - WAIT_US ? last : lives->now_us - WAIT_US;
	*until_us = first;
	if (seen < want) /* one that is named said nothing in all that time */
		return 0;
	at = count = 0;
	while (next_sensor(lives, sensors, &at, &count)) {
		int64_t sum = watched_by(&lives->items[at], count, since_us, first);

		least = sum < least ? sum : least;
	}
	return least;
}

/* ---- notices ---- */

struct open {
	int64_t id, since_us, watched_us, case_id, contact, sent_us, reappeared;
	char sensors[16 * 33 + 1], code[HIN_NOTICE_CODE];
};

static enum hin_code close_notice(struct telling *t, struct hin_desk *desk, const struct open *o,
				  int64_t now_us, struct hin_error *err)
{
	bool told = o->sent_us != 0 && o->contact != 0;
	struct telling_contact c = { 0 };
	char about[32], line[128];
	enum hin_code code = HIN_OK;

	if (told)
		code = telling_contact(desk, o->contact, &c, err);
	if (code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "UPDATE notice SET state = 'fixed', fixed_us = ?2, next = ?3, "
				    "due_us = ?4, error = '' WHERE id = ?1",
				    "iiti", o->id, now_us, told && t->s.send ? "fixed" : "",
				    told ? telling_due(t, &c, now_us) : now_us);
	/* a letter that did not go out yet is overtaken */
	if (code == HIN_OK)
		code = hin_desk_run(
			desk, err,
			"UPDATE letter SET state = 'dropped' WHERE state = 'waiting' AND id IN "
			"(SELECT letter FROM letter_notice WHERE notice = ?1) AND 1 = (SELECT "
			"count(*) FROM letter_notice n WHERE n.letter = letter.id)",
			"i", o->id);
	if (code == HIN_OK)
		code = notice_act(desk, o->id, HIN_ACT_NOTICE_CLOSED, 0, now_us, "fixed", "", err);
	snprintf(line, sizeof(line), "notice %s: no longer seen", o->code);
	if (code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "INSERT INTO case_history (case_id, time_us, account, action, "
				    "text) VALUES (?1, ?2, 0, 'noted', ?3)",
				    "iit", o->case_id, now_us, line);
	if (o->reappeared > 0)
		snprintf(about, sizeof(about), "fixed %" PRId64, o->reappeared + 1);
	else
		snprintf(about, sizeof(about), "fixed");
	if (code == HIN_OK)
		code = telling_tell_operators(
			t, desk, o->case_id, HIN_SEVERITY_LOW, about,
			"It is no longer seen; the notice closed itself.",
			"観測されなくなったため、通知は自動的に終了しました。", now_us, err);
	if (code == HIN_OK)
		telling_count(t, fixed, 1);
	return code;
}

static enum hin_code judge(struct telling *t, struct hin_desk *desk, const struct lives *lives,
			   const struct open *o, int64_t now_us, struct hin_error *err)
{
	int64_t until_us, more = watched(lives, o->sensors, o->since_us, &until_us);
	enum hin_code code;

	if (until_us <= o->since_us)
		return HIN_OK; /* nobody has spoken since */
	code = hin_desk_run(
		desk, err, "UPDATE notice SET watched_us = ?2, watched_until_us = ?3 WHERE id = ?1",
		"iii", o->id, o->watched_us + more, until_us);
	if (code == HIN_OK && o->watched_us + more >= t->s.watched_ns / 1000)
		code = close_notice(t, desk, o, now_us, err);
	return code;
}

#define OPEN "state IN ('no_owner', 'held', 'queued', 'sent', 'failed', 'bounced')"

/* The next page of open notices behind `after`. */
static enum hin_code read_open(struct hin_desk *desk, int64_t after, struct open *out,
			       size_t *count, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT n.id, n.watched_until_us, n.watched_us, n.case_id, coalesce(n.contact, 0), "
		"n.sent_us, n.reappeared, coalesce(f.sensors, ''), n.code FROM notice n "
		"LEFT JOIN finding f ON f.id = n.finding WHERE n.id > ?1 AND n." OPEN
		" ORDER BY n.id LIMIT ?2",
		err);
	enum hin_code code;

	*count = 0;
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "ii", after, (int64_t)NOTICES);
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK) {
		struct open *o = &out[(*count)++];

		*o = (struct open){ .id = sqlite3_column_int64(s, 0),
				    .since_us = sqlite3_column_int64(s, 1),
				    .watched_us = sqlite3_column_int64(s, 2),
				    .case_id = sqlite3_column_int64(s, 3),
				    .contact = sqlite3_column_int64(s, 4),
				    .sent_us = sqlite3_column_int64(s, 5),
				    .reappeared = sqlite3_column_int64(s, 6) };
		snprintf(o->sensors, sizeof(o->sensors), "%s", hin_desk_text(s, 7));
		snprintf(o->code, sizeof(o->code), "%s", hin_desk_text(s, 8));
	}
	return code == HIN_EOF ? HIN_OK : code;
}

static enum hin_code judge_all(struct telling *t, struct hin_desk *desk, const struct lives *lives,
			       int64_t now_us, struct hin_error *err)
{
	struct open *page = calloc(NOTICES, sizeof(*page));
	size_t count = 1;
	int64_t after = 0;
	enum hin_code code = page != NULL ? HIN_OK : hin_fail(err, HIN_ENOMEM, "watched time");

	while (code == HIN_OK && count > 0 && !telling_ends(t)) {
		code = hin_desk_begin(desk, err);
		if (code != HIN_OK)
			break;
		code = read_open(desk, after, page, &count, err);
		for (size_t i = 0; i < count && code == HIN_OK; i++)
			code = judge(t, desk, lives, &page[i], now_us, err);
		if (count > 0)
			after = page[count - 1].id;
		code = telling_finish(desk, code, err);
	}
	free(page);
	return code;
}

enum hin_code telling_watch(struct telling *t, struct hin_desk *desk, int64_t now_us,
			    struct hin_error *err)
{
	int64_t every = t->s.watched_ns / 1000 / 50, since = 0;
	struct lives lives = { .now_us = now_us };
	enum hin_code code;

	every = every < LEAST_US ? LEAST_US : every > MOST_US ? MOST_US : every;
	if (t->of->store == NULL || (now_us - t->watched_us < every && now_us >= t->watched_us))
		return HIN_OK;
	t->watched_us = now_us;
	code = hin_desk_number(desk, &since, err,
			       "SELECT min(watched_until_us) FROM notice WHERE " OPEN, "");
	if (code != HIN_OK || since == 0) /* none is open */
		return code == HIN_ENOENT ? HIN_OK : code;
	code = read_lives(t, since, &lives, err);
	if (code == HIN_OK && lives.full)
		hin_log_limited(HIN_LOG_WARNING, "notice.watch_limited");
	if (code == HIN_OK)
		code = judge_all(t, desk, &lives, now_us, err);
	free(lives.items);
	return code;
}
