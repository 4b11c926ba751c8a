/* api_sensors - sensors: how they are, codes to join with, and an end to one */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "hub/door/api_sensors.h"
#include "trust/act_numbers.h"
#include "trust/ca.h"

#define SLOT_US INT64_C(10000000) /* the grain of what was watched */
#define SLOTS 8640		  /* of a day */
#define HOUR_SLOTS 360
#define LATE_US INT64_C(120000000) /* the last two minutes may not have been told of yet */
#define FRESH_NS (20 * HIN_NS_PER_S)
#define WATCHED_MOST 16384u /* sensors of which it is said */
#define GAPS 100
#define REASON 500

/* ---- how much of the last hour and day each has watched ---- */

struct watch {
	uint8_t id[HIN_SENSOR_ID];
	int64_t first_us; /* its first batch came */
	uint32_t hour, day, hour_expected, day_expected;
	uint8_t slots[SLOTS / 8];
};

struct api_watched {
	pthread_mutex_t lock;
	int64_t made_ns; /* monotonic; 0 = never */
	int64_t since_us;
	struct watch **items; /* by id */
	size_t count;
};

static void forget_watches(struct api_watched *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->items[i]);
	free(w->items);
	w->items = NULL;
	w->count = 0;
}

void api_watched_free(struct api_watched *watched)
{
	if (watched == NULL)
		return;
	forget_watches(watched);
	pthread_mutex_destroy(&watched->lock);
	free(watched);
}

/* The one of `id`, made when there is room; `*at` is where it stands or would. */
static struct watch *watch_of(struct api_watched *w, const uint8_t id[HIN_SENSOR_ID], bool make)
{
	size_t low = 0, high = w->count;
	struct watch **items;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(w->items[middle]->id, id, HIN_SENSOR_ID);

		if (order == 0)
			return w->items[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (!make || w->count == WATCHED_MOST)
		return NULL;
	items = reallocarray(w->items, w->count + 1, sizeof(*items));
	if (items == NULL)
		return NULL;
	w->items = items;
	memmove(items + low + 1, items + low, (w->count - low) * sizeof(*items));
	items[low] = calloc(1, sizeof(**items));
	if (items[low] == NULL) {
		memmove(items + low, items + low + 1, (w->count - low) * sizeof(*items));
		return NULL;
	}
	memcpy(items[low]->id, id, HIN_SENSOR_ID);
	w->count++;
	return items[low];
}

/* The slots that lie whole in a row's time were watched. */
static enum hin_code take_alive(void *user, const struct hin_store_rows *rows,
				struct hin_error *err)
{
	struct api_watched *w = user;

	(void)err;
	for (size_t i = 0; i < rows->count; i++) {
		const struct hin_observation *o = &rows->rows[i];
		int64_t from = o->time_us - w->since_us, most = SLOTS * SLOT_US - from, to;
		struct watch *one = watch_of(w, rows->batches[i]->sensor, true);

		if (one == NULL || most <= 0)
			continue;
		to = from + (o->duration_us < (uint64_t)most ? (int64_t)o->duration_us : most);
		if (from < 0)
			from = 0;
		for (int64_t slot = (from + SLOT_US / 2) / SLOT_US;
		     slot < (to + SLOT_US / 2) / SLOT_US && slot < SLOTS; slot++)
			one->slots[slot / 8] |= (uint8_t)(1u << (slot % 8));
	}
	return HIN_OK;
}

static void add_up(struct api_watched *w, struct hin_store *store)
{
	for (size_t i = 0; i < w->count; i++) {
		struct watch *one = w->items[i];
		struct hin_store_mark mark = { 0 };
		int64_t first = 0;

		if (hin_store_find_mark(store, one->id, &mark) && mark.first_us > w->since_us)
			first = (mark.first_us - w->since_us) / SLOT_US;
		for (int64_t slot = 0; slot < SLOTS; slot++) {
			bool on = (one->slots[slot / 8] >> (slot % 8) & 1) != 0;
			bool expected = on || slot >= first;

			one->day += on;
			one->day_expected += expected;
			one->hour += on && slot >= SLOTS - HOUR_SLOTS;
			one->hour_expected += expected && slot >= SLOTS - HOUR_SLOTS;
		}
	}
}

/* Under its lock. */
static enum hin_code look_at_store(struct api_call *call, struct api_watched *w,
				   struct hin_error *err)
{
	static const char alive[] = "kind road.alive";
	struct hin_store_range range = { 0 };
	struct hin_filter *filter = NULL;
	struct hin_store *store = NULL;
	enum hin_code code = api_store(call, &store, err);

	if (code == HIN_ENOENT || code == HIN_EUNSUPPORTED)
		return HIN_OK; /* nothing is known: nothing is said */
	if (code == HIN_OK)
		code = hin_filter_parse(&filter, alive, strlen(alive), NULL, err);
	if (code != HIN_OK)
		return code;
	forget_watches(w);
	range.filter = filter;
	range.until_us = (call->now_us - LATE_US) / SLOT_US * SLOT_US;
	w->since_us = range.until_us - SLOTS * SLOT_US;
	range.since_us = w->since_us - INT64_C(3600000000);
	code = hin_store_scan(store, &range, UINT64_C(1) << HIN_FIELD_DURATION, 0, take_alive, w,
			      NULL, err);
	hin_filter_free(filter);
	add_up(w, store);
	w->made_ns = hin_time_monotonic_ns();
	return code;
}

/* What was watched, not older than some seconds; locked, until `unlock`. NULL when refused. */
static struct api_watched *watched(struct api_call *call)
{
	struct hin_api *api = call->api;
	struct hin_error err = { 0 };
	enum hin_code code = HIN_OK;
	struct api_watched *w;

	pthread_mutex_lock(&api->trust_lock);
	if (api->watched == NULL) {
		api->watched = calloc(1, sizeof(*api->watched));
		if (api->watched != NULL)
			pthread_mutex_init(&api->watched->lock, NULL);
	}
	w = api->watched;
	pthread_mutex_unlock(&api->trust_lock);
	if (w == NULL) {
		api_refuse(call, 503, "memory", "no memory: try again");
		return NULL;
	}
	pthread_mutex_lock(&w->lock);
	if (w->made_ns == 0 || hin_time_monotonic_ns() - w->made_ns > FRESH_NS)
		code = look_at_store(call, w, &err);
	if (code == HIN_OK)
		return w;
	pthread_mutex_unlock(&w->lock);
	api_refuse_code(call, code, &err);
	return NULL;
}

/* ---- one sensor ---- */

/* What the hub hears of a sensor, and what its roster says. */
struct known {
	struct hin_sensor_state heard;
	const struct hin_roster_sensor *roster;
};

static void write_share(struct hin_buffer *out, const char *name, uint32_t slots, uint32_t expected)
{
	const int64_t slot_s = SLOT_US / 1000000;

	api_open(out, name, '{');
	api_number(out, "expected_s", expected * slot_s);
	api_number(out, "watched_s", slots * slot_s);
	hin_buffer_putc(out, '}');
}

static void write_sensor(struct api_call *call, const struct known *k, const struct watch *w)
{
	struct hin_buffer *out = &call->out;
	const struct hin_sensor_state *s = &k->heard;
	const struct hin_roster_sensor *r = k->roster;

	api_open(out, NULL, '{');
	api_hex(out, "id", s->id, sizeof(s->id));
	api_text(out, "name", s->name);
	api_text(out, "state", hin_sensor_word(s));
	api_text(out, "version", s->version);
	api_number(out, "settings", (int64_t)s->settings);
	api_time(out, "heard", s->heard_ns / 1000);
	api_time(out, "stored", s->stored_ns / 1000);
	api_number(out, "sequence", (int64_t)s->committed.sequence);
	api_number(out, "batches", (int64_t)s->batches);
	api_number(out, "rows", (int64_t)s->rows);
	api_number(out, "missing", (int64_t)s->missing);
	api_number(out, "filled", (int64_t)s->filled);
	api_number(out, "repeats", (int64_t)s->repeats);
	api_number(out, "refused", (int64_t)s->refused);
	api_number(out, "lag_us", s->lag_us);
	api_number(out, "clock_offset_us", s->clock_offset_us);
	api_number(out, "clock_state", s->clock_state);
	api_number(out, "dark_addresses", (int64_t)s->dark_addresses);
	api_time(out, "joined", r != NULL ? r->joined_s * 1000000 : 0);
	api_time(out, "renewed", r != NULL ? r->renewed_s * 1000000 : 0);
	api_time(out, "expires", r != NULL ? r->expires_s * 1000000 : 0);
	api_time(out, "revoked", r != NULL ? r->revoked_s * 1000000 : 0);
	api_write_place_of(call, s->id);
	if (w != NULL) {
		api_open(out, "watched", '{');
		write_share(out, "hour", w->hour, w->hour_expected);
		write_share(out, "day", w->day, w->day_expected);
		hin_buffer_putc(out, '}');
	} else {
		api_text_or_null(out, "watched", NULL);
	}
}

static void fill_known(struct known *out, const struct hin_sensor_state *heard,
		       const struct hin_roster_sensor *roster)
{
	*out = (struct known){ .roster = roster };
	if (heard != NULL)
		out->heard = *heard;
	if (roster == NULL)
		return;
	memcpy(out->heard.id, roster->id, HIN_SENSOR_ID);
	if (out->heard.name[0] == '\0')
		snprintf(out->heard.name, sizeof(out->heard.name), "%s", roster->name);
	out->heard.revoked |= roster->revoked_s != 0;
}

/* ---- the list ---- */

struct list {
	struct api_call *call;
	struct api_watched *watched;
	struct hin_roster_sensor *roster; /* by id */
	size_t roster_count;
	bool *shown; /* of the roster */
};

static int by_id(const void *a, const void *b)
{
	return memcmp(((const struct hin_roster_sensor *)a)->id,
		      ((const struct hin_roster_sensor *)b)->id, 16);
}

static const struct hin_roster_sensor *of_roster(struct list *l, const uint8_t id[HIN_SENSOR_ID])
{
	struct hin_roster_sensor wanted;
	const struct hin_roster_sensor *found;

	memcpy(wanted.id, id, sizeof(wanted.id));
	found = l->roster_count > 0
			? bsearch(&wanted, l->roster, l->roster_count, sizeof(wanted), by_id)
			: NULL;
	if (found != NULL)
		l->shown[found - l->roster] = true;
	return found;
}

static bool take_sensor(void *user, const struct hin_sensor_state *s)
{
	struct list *l = user;
	struct known k;

	fill_known(&k, s, of_roster(l, s->id));
	write_sensor(l->call, &k, watch_of(l->watched, s->id, false));
	hin_buffer_putc(&l->call->out, '}');
	return !l->call->out.failed;
}

/* The roster of the CA, copied and sorted. */
static enum hin_code read_roster(struct api_call *call, struct hin_roster_sensor **out,
				 size_t *count, struct hin_error *err)
{
	struct hin_api *api = call->api;
	enum hin_code code = HIN_OK;

	*out = NULL;
	*count = 0;
	pthread_mutex_lock(&api->trust_lock);
	if (api->ca != NULL)
		code = hin_ca_sensors(api->ca, out, count, err);
	pthread_mutex_unlock(&api->trust_lock);
	if (*count > 0)
		qsort(*out, *count, sizeof(**out), by_id);
	return code;
}

static void write_list(struct list *l)
{
	struct hin_buffer *out = &l->call->out;

	api_open(out, NULL, '{');
	api_open(out, "sensors", '[');
	if (l->call->api->settings.sensors != NULL)
		hin_sensors_each(l->call->api->settings.sensors, take_sensor, l);
	for (size_t i = 0; i < l->roster_count && !out->failed; i++) {
		struct known k;

		if (l->shown[i])
			continue;
		fill_known(&k, NULL, &l->roster[i]);
		write_sensor(l->call, &k, watch_of(l->watched, k.heard.id, false));
		hin_buffer_putc(out, '}');
	}
	hin_buffer_puts(out, "]}\n");
}

static void handle_list(struct api_call *call)
{
	struct list l = { .call = call };
	struct hin_error err = { 0 };
	enum hin_code code = read_roster(call, &l.roster, &l.roster_count, &err);

	if (code == HIN_OK) {
		l.shown = hin_arena_array(&call->arena, l.roster_count + 1, sizeof(*l.shown));
		if (l.shown == NULL)
			code = hin_fail(&err, HIN_ENOMEM, "no memory: try again");
	}
	if (code == HIN_OK) {
		memset(l.shown, 0, (l.roster_count + 1) * sizeof(*l.shown));
		l.watched = watched(call);
		if (l.watched != NULL) {
			write_list(&l);
			pthread_mutex_unlock(&l.watched->lock);
		}
	} else {
		api_refuse_code(call, code, &err);
	}
	free(l.roster);
}

/* ---- one ---- */

/* The id of the path; false and 404 when it is none. */
static bool path_id(struct api_call *call, void *out, size_t size)
{
	size_t got = 0;

	if (strlen(call->path[0]) == 2 * size &&
	    sodium_hex2bin(out, size, call->path[0], 2 * size, NULL, &got, NULL) == 0 &&
	    got == size)
		return true;
	api_refuse(call, 404, "not-found", "there is nothing of that id");
	return false;
}

bool api_path_sensor(struct api_call *call, uint8_t out[HIN_SENSOR_ID])
{
	return path_id(call, out, HIN_SENSOR_ID);
}

/* What is known of a sensor, both ways; `roster` is its storage. HIN_ENOENT. */
static enum hin_code find_sensor(struct api_call *call, const uint8_t id[HIN_SENSOR_ID],
				 struct known *out, struct hin_roster_sensor *roster,
				 struct hin_error *err)
{
	struct hin_api *api = call->api;
	struct hin_sensor_state heard = { 0 };
	bool is_heard =
		api->settings.sensors != NULL && hin_sensors_get(api->settings.sensors, id, &heard);
	enum hin_code code = HIN_ENOENT;

	pthread_mutex_lock(&api->trust_lock);
	if (api->ca != NULL)
		code = hin_ca_sensor(api->ca, roster, id, err);
	pthread_mutex_unlock(&api->trust_lock);
	if (code != HIN_OK && code != HIN_EDENIED && code != HIN_ENOENT)
		return code;
	if (code == HIN_ENOENT && !is_heard)
		return hin_fail(err, HIN_ENOENT, "there is no such sensor");
	fill_known(out, is_heard ? &heard : NULL, code != HIN_ENOENT ? roster : NULL);
	return HIN_OK;
}

struct gaps {
	struct hin_buffer *out;
	uint64_t next;
	unsigned count;
};

static bool take_range(void *user, uint64_t first, uint64_t last)
{
	struct gaps *g = user;

	if (first > g->next) {
		api_open(g->out, NULL, '{');
		api_number(g->out, "first", (int64_t)g->next);
		api_number(g->out, "last", (int64_t)(first - 1));
		hin_buffer_putc(g->out, '}');
		g->count++;
	}
	g->next = last + 1;
	return g->count < GAPS;
}

static void write_gaps(struct api_call *call, const struct known *k)
{
	struct gaps g = { .out = &call->out, .next = 1 };
	struct hin_store *store;

	api_open(&call->out, "gaps", '[');
	if (k->heard.missing > 0 && api_store(call, &store, NULL) == HIN_OK)
		hin_store_each_range(store, k->heard.id, k->heard.committed.epoch, take_range, &g);
	hin_buffer_putc(&call->out, ']');
}

static void handle_get(struct api_call *call)
{
	uint8_t id[HIN_SENSOR_ID];
	struct hin_roster_sensor roster;
	struct api_watched *w;
	struct hin_error err = { 0 };
	struct known k;
	enum hin_code code;

	if (!path_id(call, id, sizeof(id)))
		return;
	code = find_sensor(call, id, &k, &roster, &err);
	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return;
	}
	w = watched(call);
	if (w == NULL)
		return;
	write_sensor(call, &k, watch_of(w, id, false));
	pthread_mutex_unlock(&w->lock);
	write_gaps(call, &k);
	hin_buffer_puts(&call->out, "}\n");
}

/* ---- an end to one ---- */

static enum hin_code revoke(struct api_call *call, void *user, struct hin_buffer *object,
			    struct hin_error *err)
{
	const char *reason = api_body_text(call, "reason", REASON, false, &(bool){ true });

	api_text(object, user, call->path[0]);
	if (reason != NULL)
		api_text(object, "reason", reason);
	return hin_ca_revoke(call->api->ca, call->path[0], call->now_us / 1000000, err);
}

/* Is there a CA? Then it is locked. */
static bool lock_ca(struct api_call *call)
{
	pthread_mutex_lock(&call->api->trust_lock);
	if (call->api->ca != NULL)
		return true;
	pthread_mutex_unlock(&call->api->trust_lock);
	api_refuse(call, 409, "no-trust", "this hub has no certificate authority");
	return false;
}

static void handle_revoke(struct api_call *call)
{
	char what[] = "sensor";
	uint8_t id[HIN_SENSOR_ID];
	struct hin_roster_sensor roster;
	struct hin_error err = { 0 };
	bool good = api_body_only(call, "reason");
	enum hin_code code;

	(void)api_body_text(call, "reason", REASON, false, &good);
	if (!good || !path_id(call, id, sizeof(id)) || !lock_ca(call))
		return;
	code = hin_ca_sensor(call->api->ca, &roster, id, &err);
	if (code == HIN_ENOENT)
		(void)hin_fail(&err, code, "no sensor of that id has joined");
	else if (code == HIN_EDENIED)
		(void)hin_fail(&err, code, "it is revoked already");
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
	else if (api_do_act(call, HIN_ACT_REVOCATION, revoke, what))
		hin_buffer_puts(&call->out, "{}\n");
	pthread_mutex_unlock(&call->api->trust_lock);
}

/* ---- codes ---- */

static const char *code_state(const struct hin_roster_code *c, int64_t now_s)
{
	return c->state == HIN_CODE_USED   ? "used"
	       : c->state == HIN_CODE_VOID ? "void"
	       : c->expires_s <= now_s	   ? "expired"
					   : "open";
}

static void write_code(struct hin_buffer *out, const struct hin_roster_code *c, int64_t now_s)
{
	api_open(out, NULL, '{');
	api_hex(out, "id", c->id, sizeof(c->id));
	api_text(out, "name", c->name);
	api_text(out, "state", code_state(c, now_s));
	api_time(out, "made", c->made_s * 1000000);
	api_time(out, "expires", c->expires_s * 1000000);
	api_number(out, "tries", c->tries);
	if (c->state == HIN_CODE_USED)
		api_hex(out, "sensor", c->sensor, sizeof(c->sensor));
	else
		api_text_or_null(out, "sensor", NULL);
	hin_buffer_putc(out, '}');
}

static void handle_codes(struct api_call *call)
{
	struct hin_roster_code *codes = NULL;
	struct hin_error err = { 0 };
	size_t count = 0;
	enum hin_code code;

	if (!lock_ca(call))
		return;
	code = hin_ca_codes(call->api->ca, &codes, &count, &err);
	pthread_mutex_unlock(&call->api->trust_lock);
	api_open(&call->out, NULL, '{');
	api_open(&call->out, "codes", '[');
	for (size_t i = count; i > 0 && count - i < API_PAGE_MOST && code == HIN_OK; i--)
		write_code(&call->out, &codes[i - 1], call->now_us / 1000000); /* newest first */
	hin_buffer_puts(&call->out, "]}\n");
	if (codes != NULL)
		explicit_bzero(codes, count * sizeof(*codes));
	free(codes);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

struct wish {
	const char *name;
	int64_t life_s;
	struct hin_join_code made;
};

static enum hin_code invite(struct api_call *call, void *user, struct hin_buffer *object,
			    struct hin_error *err)
{
	struct wish *wish = user;
	int64_t now_s = call->now_us / 1000000;
	enum hin_code code =
		hin_ca_invite(call->api->ca, &wish->made, wish->name, wish->life_s, now_s, err);

	if (code != HIN_OK)
		return code;
	api_text(object, "name", wish->name);
	api_hex(object, "code", wish->made.id, sizeof(wish->made.id));
	api_time(object, "until", (now_s + wish->life_s) * 1000000);
	return HIN_OK;
}

static void answer_code(struct api_call *call, const struct wish *wish)
{
	char text[HIN_CODE_TEXT];

	call->status = 201;
	api_open(&call->out, NULL, '{');
	api_hex(&call->out, "id", wish->made.id, sizeof(wish->made.id));
	api_text(&call->out, "name", wish->name);
	api_text(&call->out, "code", hin_join_code_format(&wish->made, text));
	api_time(&call->out, "expires", (call->now_us / 1000000 + wish->life_s) * INT64_C(1000000));
	hin_buffer_puts(&call->out, "}\n");
	explicit_bzero(text, sizeof(text));
}

static void handle_invite(struct api_call *call)
{
	bool good = api_body_only(call, "name valid");
	struct wish wish = { .name = api_body_text(call, "name", HIN_ROSTER_NAME - 1, true,
						   &good) };
	const char *valid = api_body_text(call, "valid", 32, false, &good);
	int64_t life_ns = HIN_NS_PER_DAY;
	struct hin_error err = { 0 };

	if (!good)
		return;
	if (valid != NULL && hin_number_duration(&life_ns, "\"valid\"", valid, HIN_NS_PER_MIN,
						 HIN_CODE_LIFE_S * HIN_NS_PER_S, &err) != HIN_OK) {
		api_refuse_code(call, HIN_EUSAGE, &err);
		return;
	}
	if (!hin_roster_is_name(wish.name)) {
		api_refuse(call, 422, "not-so",
			   "\"name\" is 1-63 of a-z, 0-9, \"-\", \"_\" and \".\"");
		return;
	}
	wish.life_s = life_ns / HIN_NS_PER_S;
	if (!lock_ca(call))
		return;
	if (api_do_act(call, HIN_ACT_ENROLMENT_CODE, invite, &wish))
		answer_code(call, &wish);
	pthread_mutex_unlock(&call->api->trust_lock);
	explicit_bzero(&wish, sizeof(wish));
}

/* Is it a code that nobody has used? Under the lock. */
static enum hin_code is_open(struct api_call *call, const uint8_t id[HIN_CODE_ID],
			     struct hin_error *err)
{
	struct hin_roster_code *codes = NULL;
	size_t count = 0;
	enum hin_code code = hin_ca_codes(call->api->ca, &codes, &count, err);
	bool found = false;

	for (size_t i = 0; i < count && !found && code == HIN_OK; i++)
		found = memcmp(codes[i].id, id, HIN_CODE_ID) == 0 &&
			codes[i].state == HIN_CODE_OPEN;
	if (codes != NULL)
		explicit_bzero(codes, count * sizeof(*codes));
	free(codes);
	if (code == HIN_OK && !found)
		return hin_fail(err, HIN_ENOENT, "no code of that id is open");
	return code;
}

static void handle_withdraw(struct api_call *call)
{
	char what[] = "code";
	uint8_t id[HIN_CODE_ID];
	struct hin_error err = { 0 };
	enum hin_code code;

	if (!path_id(call, id, sizeof(id)) || !lock_ca(call))
		return;
	code = is_open(call, id, &err);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
	else if (api_do_act(call, HIN_ACT_REVOCATION, revoke, what))
		hin_buffer_puts(&call->out, "{}\n");
	pthread_mutex_unlock(&call->api->trust_lock);
}

#define V "/api/v1"
#define MANAGE API_OPERATOR | API_ADMINISTRATOR, HIN_SCOPE_SENSORS, API_RATE_PLAIN
#define LOOK API_STAFF, HIN_SCOPE_READ, API_RATE_PLAIN

const struct api_route api_sensor_routes[] = {
	{ "GET", V "/sensors", LOOK, API_LANE_QUERY, "listSensors", "", 0, handle_list, NULL },
	{ "GET", V "/sensors/codes", MANAGE, API_LANE_READ, "listCodes", "", 0, handle_codes,
	  NULL },
	{ "POST", V "/sensors/codes", MANAGE, API_LANE_WRITE, "makeCode", "", API_FLAG_BODY,
	  handle_invite, NULL },
	{ "DELETE", V "/sensors/codes/{id}", MANAGE, API_LANE_WRITE, "withdrawCode", "", 0,
	  handle_withdraw, NULL },
	{ "GET", V "/sensors/{id}", LOOK, API_LANE_QUERY, "getSensor", "", 0, handle_get, NULL },
	{ "POST", V "/sensors/{id}/revoke", MANAGE, API_LANE_WRITE, "revokeSensor", "",
	  API_FLAG_BODY, handle_revoke, NULL },
};
const size_t api_sensor_route_count = HIN_COUNT(api_sensor_routes);
