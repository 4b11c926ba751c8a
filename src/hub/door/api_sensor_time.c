/*
 * api_sensor_time - when a sensor watched and when not, from its own words (road.alive) in the
 * store; and where it stands, as somebody noted it.
 */
#include <math.h>
#include <sodium.h>
#include <stdlib.h>

#include "hub/door/api_sensors.h"
#include "trust/act_numbers.h"

#define SLOT_US INT64_C(10000000) /* the grain */
#define DAYS 366
#define LATE_US INT64_C(300000000) /* told of so long after its end: a gap that was filled */
#define SOON_US INT64_C(120000000) /* the last two minutes may not have been told of yet */
#define SPANS 4096		   /* of late rows that are told apart */
#define GAPS 500
#define PLACE 80

/* ---- a time, slot by slot ---- */

struct span {
	int64_t from_us, to_us, came_us;
};

struct times {
	int64_t since_us, until_us;
	int64_t slots;
	uint8_t *on;
	struct span *late;
	size_t late_count;
};

static void take_late(struct times *t, int64_t from_us, int64_t to_us, int64_t came_us)
{
	size_t n = t->late_count;

	if (n > 0 && from_us <= t->late[n - 1].to_us + SLOT_US &&
	    from_us >= t->late[n - 1].from_us) {
		struct span *last = &t->late[n - 1];

		last->to_us = to_us > last->to_us ? to_us : last->to_us;
		last->came_us = came_us > last->came_us ? came_us : last->came_us;
	} else if (t->late_count < SPANS) {
		t->late[t->late_count++] = (struct span){ from_us, to_us, came_us };
	}
}

static enum hin_code take_alive(void *user, const struct hin_store_rows *rows,
				struct hin_error *err)
{
	struct times *t = user;

	(void)err;
	for (size_t i = 0; i < rows->count; i++) {
		const struct hin_observation *o = &rows->rows[i];
		int64_t most = t->until_us - o->time_us, from_us = o->time_us, to_us;

		if (most <= 0)
			continue;
		to_us = from_us +
			(o->duration_us < (uint64_t)most ? (int64_t)o->duration_us : most);
		if (from_us < t->since_us)
			from_us = t->since_us;
		if (to_us <= from_us)
			continue;
		for (int64_t slot = (from_us - t->since_us + SLOT_US / 2) / SLOT_US;
		     slot < (to_us - t->since_us + SLOT_US / 2) / SLOT_US && slot < t->slots;
		     slot++)
			t->on[slot / 8] |= (uint8_t)(1u << (slot % 8));
		if (rows->batches[i]->received_us - to_us > LATE_US)
			take_late(t, from_us, to_us, rows->batches[i]->received_us);
	}
	return HIN_OK;
}

static bool is_on(const struct times *t, int64_t slot)
{
	return (t->on[slot / 8] >> (slot % 8) & 1) != 0;
}

static enum hin_code read_times(struct times *t, struct hin_store *store,
				const uint8_t id[HIN_SENSOR_ID], struct hin_error *err)
{
	struct hin_store_range range = { .since_us = t->since_us - INT64_C(3600000000),
					 .until_us = t->until_us };
	struct hin_filter *filter = NULL;
	char text[64 + 2 * HIN_SENSOR_ID], hex[2 * HIN_SENSOR_ID + 1];
	int size;
	enum hin_code code;

	(void)sodium_bin2hex(hex, sizeof(hex), id, HIN_SENSOR_ID);
	size = snprintf(text, sizeof(text), "kind road.alive and sensor %s", hex);
	code = hin_filter_parse(&filter, text, (size_t)size, NULL, err);
	range.filter = filter;
	if (code == HIN_OK)
		code = hin_store_scan(store, &range, UINT64_C(1) << HIN_FIELD_DURATION, 0,
				      take_alive, t, NULL, err);
	hin_filter_free(filter);
	return code;
}

/* ---- the answer ---- */

static int by_time(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return (x->from_us > y->from_us) - (x->from_us < y->from_us);
}

static void write_gap(struct hin_buffer *out, int64_t from_us, int64_t to_us, int64_t came_us)
{
	api_open(out, NULL, '{');
	api_time(out, "from", from_us);
	api_time(out, "to", to_us);
	api_number(out, "seconds", (to_us - from_us) / 1000000);
	api_time(out, "filled", came_us);
	hin_buffer_putc(out, '}');
}

/* Gaps and what filled them, in one list by time; false when there are more. */
static bool write_gaps(struct hin_buffer *out, const struct times *t, int64_t first)
{
	size_t count = 0, late = 0;

	for (int64_t slot = first; slot < t->slots;) {
		int64_t from = slot;

		while (slot < t->slots && !is_on(t, slot))
			slot++;
		while (late < t->late_count &&
		       (slot == t->slots || t->late[late].from_us < t->since_us + slot * SLOT_US)) {
			if (count++ >= GAPS)
				return false;
			write_gap(out, t->late[late].from_us, t->late[late].to_us,
				  t->late[late].came_us);
			late++;
		}
		if (slot > from) {
			if (count++ >= GAPS)
				return false;
			write_gap(out, t->since_us + from * SLOT_US, t->since_us + slot * SLOT_US,
				  0);
		}
		while (slot < t->slots && is_on(t, slot))
			slot++;
	}
	for (; late < t->late_count; late++) {
		if (count++ >= GAPS)
			return false;
		write_gap(out, t->late[late].from_us, t->late[late].to_us, t->late[late].came_us);
	}
	return true;
}

static void write_times(struct api_call *call, struct times *t, int64_t first_us)
{
	struct hin_buffer *out = &call->out;
	int64_t first = first_us > t->since_us ? (first_us - t->since_us) / SLOT_US : 0;
	int64_t on = 0;
	bool all;

	/* before its first batch came nothing was promised, but for what that batch tells of */
	for (int64_t slot = 0; slot < first && slot < t->slots; slot++)
		if (is_on(t, slot))
			first = slot;
	for (int64_t slot = first; slot < t->slots; slot++)
		on += is_on(t, slot);
	qsort(t->late, t->late_count, sizeof(*t->late), by_time);
	api_open(out, NULL, '{');
	api_time(out, "since", t->since_us);
	api_time(out, "until", t->until_us);
	api_time(out, "from", first < t->slots ? t->since_us + first * SLOT_US : 0);
	api_number(out, "expected_s",
		   first < t->slots ? (t->slots - first) * SLOT_US / 1000000 : 0);
	api_number(out, "watched_s", on * SLOT_US / 1000000);
	api_open(out, "gaps", '[');
	all = write_gaps(out, t, first);
	hin_buffer_putc(out, ']');
	api_bool(out, "more", !all);
	hin_buffer_puts(out, "}\n");
}

static bool read_range(struct api_call *call, struct times *t)
{
	int64_t newest_us = call->now_us - SOON_US;

	t->since_us = call->now_us - INT64_C(86400000000);
	t->until_us = newest_us;
	if (!api_query_time(call, "since", &t->since_us) ||
	    !api_query_time(call, "until", &t->until_us))
		return false;
	if (t->until_us > newest_us)
		t->until_us = newest_us;
	t->since_us = t->since_us / SLOT_US * SLOT_US;
	t->until_us = t->until_us / SLOT_US * SLOT_US;
	t->slots = (t->until_us - t->since_us) / SLOT_US;
	if (t->since_us >= 0 && t->slots > 0 && t->slots <= DAYS * (INT64_C(86400000000) / SLOT_US))
		return true;
	api_refuse(call, 422, "not-so",
		   "from \"since\" to \"until\" is at most %d days, and the last two minutes are "
		   "not known yet",
		   DAYS);
	return false;
}

static void handle_times(struct api_call *call)
{
	struct hin_store_mark mark = { 0 };
	uint8_t id[HIN_SENSOR_ID];
	struct hin_store *store = NULL;
	struct hin_error err = { 0 };
	struct times t = { 0 };
	enum hin_code code;

	if (!api_path_sensor(call, id) || !read_range(call, &t))
		return;
	t.on = hin_arena_array(&call->arena, (size_t)t.slots / 8 + 1, 1);
	t.late = hin_arena_array(&call->arena, SPANS, sizeof(*t.late));
	if (t.on == NULL || t.late == NULL) {
		api_refuse(call, 503, "memory", "no memory: ask for a shorter time");
		return;
	}
	memset(t.on, 0, (size_t)t.slots / 8 + 1);
	code = api_store(call, &store, &err);
	if (code == HIN_OK && !hin_store_find_mark(store, id, &mark))
		code = hin_fail(&err, HIN_ENOENT, "no such sensor has sent anything");
	if (code == HIN_OK)
		code = read_times(&t, store, id, &err);
	if (code == HIN_OK)
		write_times(call, &t, mark.first_us);
	else
		api_refuse_code(call, code, &err);
}

/* ---- where it stands ---- */

static void put_degrees(struct hin_buffer *out, const char *name, sqlite3_stmt *s, int at)
{
	int64_t millionths = s != NULL ? sqlite3_column_int64(s, at) : 0;

	api_key(out, name);
	if (s == NULL || sqlite3_column_type(s, at) == SQLITE_NULL)
		hin_buffer_puts(out, "null");
	else
		hin_buffer_printf(out, "%s%lld.%06lld", millionths < 0 ? "-" : "",
				  (long long)llabs(millionths) / 1000000,
				  (long long)llabs(millionths) % 1000000);
}

void api_write_place_of(struct api_call *call, const uint8_t id[HIN_SENSOR_ID])
{
	sqlite3_stmt *s = hin_desk_statement(
		call->desk, "SELECT place, latitude, longitude FROM sensor_place WHERE sensor = ?1",
		NULL);
	bool found = s != NULL &&
		     hin_desk_bind(call->desk, s, NULL, "b", (const void *)id,
				   (size_t)HIN_SENSOR_ID) == HIN_OK &&
		     hin_desk_step(call->desk, s, NULL) == HIN_OK;

	api_text_or_null(&call->out, "place", found ? hin_desk_text(s, 0) : NULL);
	put_degrees(&call->out, "latitude", found ? s : NULL, 1);
	put_degrees(&call->out, "longitude", found ? s : NULL, 2);
	if (found)
		sqlite3_reset(s);
}

struct placing {
	uint8_t id[HIN_SENSOR_ID];
	const char *place;
	bool known; /* the degrees */
	int64_t latitude, longitude;
};

static enum hin_code put_place(struct api_call *call, void *user, struct hin_buffer *object,
			       struct hin_error *err)
{
	struct placing *p = user;
	const char *types = p->known ? "btiii" : "bt00i";

	api_text(object, "sensor", call->path[0]);
	api_text(object, "place", p->place);
	if (!p->known)
		return hin_desk_run(call->desk, err,
				    "INSERT OR REPLACE INTO sensor_place VALUES (?1, ?2, ?3, ?4, "
				    "?5)",
				    types, (const void *)p->id, sizeof(p->id), p->place,
				    call->now_us);
	api_number(object, "latitude_millionths", p->latitude);
	api_number(object, "longitude_millionths", p->longitude);
	return hin_desk_run(call->desk, err,
			    "INSERT OR REPLACE INTO sensor_place VALUES (?1, ?2, ?3, ?4, ?5)",
			    types, (const void *)p->id, sizeof(p->id), p->place, p->latitude,
			    p->longitude, call->now_us);
}

/* Degrees of the body in [-most, most]; false when refused. */
static bool read_degrees(struct api_call *call, const char *name, double most, bool *given,
			 int64_t *out)
{
	json_t *value = json_object_get(call->body, name);

	*given = value != NULL && !json_is_null(value);
	if (!*given)
		return true;
	if (json_is_number(value) && fabs(json_number_value(value)) <= most) {
		*out = (int64_t)llround(json_number_value(value) * 1e6);
		return true;
	}
	api_refuse(call, 422, "not-so", "\"%s\" is a number from -%.0f to %.0f, or null", name,
		   most, most);
	return false;
}

static void handle_place(struct api_call *call)
{
	bool good = api_body_only(call, "place latitude longitude"), has_longitude;
	struct placing p = { .place = api_body_text(call, "place", PLACE, false, &good) };
	struct hin_error err = { 0 };

	if (!good || !api_path_sensor(call, p.id) ||
	    !read_degrees(call, "latitude", 90, &p.known, &p.latitude) ||
	    !read_degrees(call, "longitude", 180, &has_longitude, &p.longitude))
		return;
	if (p.known != has_longitude) {
		api_refuse(call, 422, "not-so", "\"latitude\" and \"longitude\" go together");
		return;
	}
	if (p.place == NULL)
		p.place = "";
	if (hin_directory_check_text("\"place\"", p.place, PLACE, &err) != HIN_OK)
		api_refuse_code(call, HIN_EUSAGE, &err);
	else if (api_do_act(call, HIN_ACT_SENSOR_NOTED, put_place, &p))
		hin_buffer_puts(&call->out, "{}\n");
}

#define V "/api/v1"

const struct api_route api_sensor_time_routes[] = {
	{ "GET", V "/sensors/{id}/watched", API_STAFF, HIN_SCOPE_READ, API_RATE_PLAIN,
	  API_LANE_QUERY, "getWatched", "since until", 0, handle_times, NULL },
	{ "PATCH", V "/sensors/{id}", API_OPERATOR | API_ADMINISTRATOR, HIN_SCOPE_SENSORS,
	  API_RATE_PLAIN, API_LANE_WRITE, "placeSensor", "", API_FLAG_BODY, handle_place, NULL },
};
const size_t api_sensor_time_route_count = HIN_COUNT(api_sensor_time_routes);
