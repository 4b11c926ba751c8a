/* hub - the parts of a hub, put together; see hub.h */
#include "hub/hub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "hub/analyse/overrides.h"
#include "hub/hub_priv.h"

#define STATUS_NS (5 * HIN_NS_PER_S)
#define SILENT_CHECK_NS HIN_NS_PER_S
#define ROSTER_NS (10 * HIN_NS_PER_S)
#define STATS_NS (5 * HIN_NS_PER_S)
#define KEEP_NS HIN_NS_PER_HOUR
#define ANALYSE_TICK_NS (10 * HIN_NS_PER_S)
#define RENEWAL_NS HIN_NS_PER_HOUR	 /* between two tries */
#define SETTINGS_HEAD "hinomi settings " /* trust/settings.h: then the number */
#define RESTORED "restored"		 /* a file that says that the store is a backup's */

/* ---- who may ---- */

static bool is_revoked(void *user, const struct hin_http_peer *peer)
{
	struct hin_hub *hub = user;
	bool revoked;

	pthread_rwlock_rdlock(&hub->lock);
	revoked = hin_trust_is_revoked(hub->ca, peer);
	pthread_rwlock_unlock(&hub->lock);
	return revoked;
}

static bool find_key(void *user, const uint8_t id[HIN_SENSOR_ID],
		     uint8_t public_key[HIN_KEY_PUBLIC], char name[HIN_SENSOR_NAME])
{
	struct hin_hub *hub = user;
	struct hin_roster_sensor sensor;
	enum hin_code code;

	pthread_rwlock_rdlock(&hub->lock);
	code = hin_ca_sensor(hub->ca, &sensor, id, NULL);
	pthread_rwlock_unlock(&hub->lock);
	if (code != HIN_OK)
		return false;
	memcpy(public_key, sensor.public_key, HIN_KEY_PUBLIC);
	snprintf(name, HIN_SENSOR_NAME, "%s", sensor.name);
	return true;
}

/* ---- routes ---- */

/* A route of the CA that is in force now; it answers at once. */
static void handle_trust(void *user, struct hin_http_request *request)
{
	const struct hub_trust_route *route = user;
	struct hin_hub *hub = route->hub;

	pthread_rwlock_rdlock(&hub->lock);
	hub->trust_inner[route->index].handler(hub->trust_inner[route->index].user, request);
	pthread_rwlock_unlock(&hub->lock);
}

static void handle_metrics(void *user, struct hin_http_request *request)
{
	struct hin_buffer out = { 0 };
	struct hin_http_answer answer = { .status = 200,
					  .type = "text/plain; version=0.0.4",
					  .take = &out };

	hin_hub_metrics(user, &out);
	if (out.failed)
		hin_http_answer_text(request, 503, "not enough memory");
	else
		hin_http_answer(request, &answer);
	hin_buffer_fini(&out);
}

static void handle_health(void *user, struct hin_http_request *request)
{
	bool alive = hin_hub_is_alive(user, HIN_NS_PER_MIN);

	hin_http_answer_text(request, alive ? 200 : 503, alive ? "ok" : "the hub does not store");
}

/* ---- analysis ---- */

void hub_desk_changed(void *user)
{
	struct hin_hub *hub = user;

	pthread_mutex_lock(&hub->waking);
	hin_api_wake(hub->api);
	hin_telling_wake(hub->telling);
	hin_pump_wake(hub->pump);
	pthread_mutex_unlock(&hub->waking);
}

static enum hin_code open_analysis(struct hin_hub *hub, struct hin_error *err)
{
	struct hin_owners_settings owners = { 0 };
	const char *table = hub->settings.as_table;
	struct hin_analyse_settings settings = hub->settings.analyse;
	struct hin_analyse_open how = { .settings = &settings,
					.changed = hub_desk_changed,
					.user = hub };
	enum hin_code code;

	snprintf(hub->desk, sizeof(hub->desk), "%s/desk.db", hub->folder);
	code = hin_desk_open(&hub->analyse_desk, hub->desk, HIN_DESK_CREATE, err);
	if (code == HIN_OK && table[0] != '\0')
		code = hin_geo_open(&hub->geo, table, err);
	owners.geo = hub->geo;
	if (code == HIN_OK)
		code = hin_owners_box_new(&hub->owners, &owners, err);
	if (code == HIN_OK)
		code = hin_owners_box_refresh(hub->owners, hub->analyse_desk,
					      hub->started_ns / 1000, NULL, err);
	if (code == HIN_OK)
		code = hin_overrides_apply(hub->analyse_desk, &settings, NULL, err);
	how.desk = hub->analyse_desk;
	how.owners = hub->owners;
	return code == HIN_OK ? hin_analyse_open(&hub->analyse, &how, err) : code;
}

static void tick_analysis(struct hin_hub *hub, const struct hin_analyse_settings *settings,
			  int64_t now_ns)
{
	struct hin_analyse_settings now = *settings;
	struct hin_error why = { 0 };

	/* what people switched stands above the file; unread, all stays as it was */
	if (hin_overrides_apply(hub->analyse_desk, &now, NULL, &why) == HIN_OK)
		hin_analyse_tune(hub->analyse, &now);
	else
		hin_log_limited(HIN_LOG_WARNING, "hub.rules_not_read",
				hin_log_text("error", why.text));
	if (now_ns - hub->analysed_ns < ANALYSE_TICK_NS && now_ns >= hub->analysed_ns)
		return;
	hub->analysed_ns = now_ns;
	if (hin_analyse_tick(hub->analyse, now_ns / 1000, &why) != HIN_OK)
		hin_log_limited(HIN_LOG_WARNING, "hub.analysis_waits",
				hin_log_text("error", why.text));
}

/* ---- in the intake's thread ---- */

static void alert_silent(struct hin_hub *hub, struct hin_ingest *in, int64_t now_ns,
			 int64_t silent_ns)
{
	int64_t since = now_ns - silent_ns;
	struct hin_sensor_state state;

	if (now_ns - hub->started_ns < silent_ns)
		return; /* nobody could be heard before */
	while (hin_sensors_find_silent(hub->sensors, since, &state)) {
		struct hin_observation row = {
			.time_us = state.heard_ns / 1000,
			.duration_us = (uint64_t)(now_ns - state.heard_ns) / 1000,
			.kind = HIN_KIND_ROAD_SILENT,
			.device_basis = HIN_DEVICE_BASIS_SENSOR_KEY,
		};
		char text[HIN_TIME_TEXT];

		memcpy(row.device, state.id, sizeof(row.device));
		hin_ingest_tell(in, &row);
		hin_log(HIN_LOG_ERROR, "hub.sensor_silent", hin_log_text("sensor", state.name),
			hin_log_text("since",
				     hin_time_format_iso(text, state.heard_ns, HIN_TIME_S)));
	}
}

/*
 * Drop and roll up what is too old, and make large files of small ones: in a thread of the store's,
 * beside the rows that come in.
 */
static void keep_house(struct hin_hub *hub, struct hin_store *store,
		       const struct hin_hub_settings *s, int64_t now_ns)
{
	struct hin_store_policy policy = { .age_us = s->keep_age_ns / 1000,
					   .bytes = s->keep_bytes,
					   .minutes_us = s->keep_minutes_ns / 1000,
					   .hours_us = s->keep_hours_ns / 1000 };
	int64_t day = now_ns / HIN_NS_PER_DAY;
	bool retain = s->keep_age_ns > 0 || s->keep_bytes > 0, done;
	bool compact = hub->compacted_day != 0 && hub->compacted_day != day;
	struct hin_store_work work;
	struct hin_error why = { 0 };
	enum hin_code code = hin_store_house_poll(store, &done, &work, &why);

	if (done && code == HIN_OK && (now_ns - hub->kept_ns >= KEEP_NS || hub->kept_ns == 0)) {
		hub->kept_ns = now_ns;
		hub->compacted_day = day;
		if (retain || compact)
			code = hin_store_house_start(store, retain ? &policy : NULL, compact,
						     now_ns / 1000, &why);
	}
	if (code != HIN_OK)
		hin_log(HIN_LOG_ERROR, "hub.keep_failed", hin_log_text("error", why.text));
}

static void read_stats(struct hin_hub *hub, struct hin_store *store)
{
	struct hin_store_stats stats;

	if (hin_store_stats(store, &stats, NULL) != HIN_OK)
		return;
	hub->store_rows = stats.rows;
	hub->store_bytes = stats.bytes;
	hub->store_notes = stats.notes;
}

static void intake_tick(void *user, struct hin_ingest *in, int64_t now_ns)
{
	struct hin_hub *hub = user;
	struct hin_store *store = hin_ingest_store(in);
	struct hin_hub_settings s;

	pthread_mutex_lock(&hub->tuning);
	s = hub->settings;
	pthread_mutex_unlock(&hub->tuning);
	hin_ingest_tune(in, s.past_ns, s.future_ns, s.ahead);
	tick_analysis(hub, &s.analyse, now_ns);
	if (now_ns - hub->roster_ns >= ROSTER_NS || now_ns < hub->roster_ns) {
		hub->roster_ns = now_ns;
		hub_read_trust(hub);
	}
	if (now_ns - hub->silent_checked_ns >= SILENT_CHECK_NS || now_ns < hub->silent_checked_ns) {
		hub->silent_checked_ns = now_ns;
		alert_silent(hub, in, now_ns, s.silent_ns);
	}
	if (store == NULL)
		return;
	if (now_ns - hub->stats_ns >= STATS_NS || now_ns < hub->stats_ns) {
		hub->stats_ns = now_ns;
		read_stats(hub, store);
	}
	keep_house(hub, store, &s, now_ns);
}

static void set_name(struct hin_sensor_state *state, void *user)
{
	const struct hin_roster_sensor *sensor = user;

	snprintf(state->name, sizeof(state->name), "%s", sensor->name);
	state->revoked = sensor->revoked_s != 0;
}

void hub_read_trust(struct hin_hub *hub)
{
	struct hin_roster_sensor *sensors = NULL;
	struct hin_buffer note = { 0 };
	unsigned long long number = 0;
	size_t count = 0;

	pthread_rwlock_rdlock(&hub->lock);
	if (hin_ca_sensors(hub->ca, &sensors, &count, NULL) != HIN_OK)
		count = 0;
	if (hin_ca_settings(hub->ca, &note, NULL) == HIN_OK &&
	    strncmp(hin_buffer_text(&note), SETTINGS_HEAD, strlen(SETTINGS_HEAD)) == 0)
		number = strtoull(note.data + strlen(SETTINGS_HEAD), NULL, 10);
	pthread_rwlock_unlock(&hub->lock);
	for (size_t i = 0; i < count; i++)
		(void)hin_sensors_change(hub->sensors, sensors[i].id, set_name, &sensors[i]);
	free(sensors);
	hin_buffer_fini(&note);
	hub->settings_number = number;
	if (hub->intake != NULL)
		hin_intake_set_settings(hub->intake, number);
}

/* ---- from the program's thread ---- */

static void renew_certificate(struct hin_hub *hub, int64_t now_ns)
{
	int64_t now_s = now_ns / HIN_NS_PER_S;
	struct hin_error why = { 0 };
	enum hin_code code;

	if (now_ns - hub->renewed_ns < RENEWAL_NS && hub->renewed_ns != 0)
		return;
	hub->renewed_ns = now_ns;
	if (!hin_ca_hub_due(hub->ca, now_s))
		return;
	pthread_rwlock_wrlock(&hub->lock);
	code = hin_ca_renew_hub(hub->ca, NULL, hub->passphrase, now_s, &why);
	if (code == HIN_OK)
		code = hin_http_server_reload(hub->server, hin_ca_hub_pem(hub->ca),
					      hin_ca_hub_key(hub->ca), &why);
	if (code == HIN_OK && hub->api != NULL && hub->own_certificate)
		code = hin_api_show(hub->api, hin_ca_hub_pem(hub->ca), hin_ca_hub_key(hub->ca),
				    &why);
	hub->hub_expires_s = hin_ca_hub_expires_s(hub->ca);
	pthread_rwlock_unlock(&hub->lock);
	if (code == HIN_OK)
		hin_log(HIN_LOG_INFO, "hub.certificate_renewed");
	else
		hin_log(HIN_LOG_ERROR, "hub.certificate_not_renewed",
			hin_log_text("error", why.text));
}

static void write_status(struct hin_hub *hub)
{
	struct hin_buffer text = { 0 };
	struct hin_error why = { 0 };

	hin_hub_status(hub, &text);
	if (!text.failed &&
	    hin_file_replace(hub->status, text.data, text.used, 0640, &why) != HIN_OK)
		hin_log_limited(HIN_LOG_WARNING, "hub.no_status", hin_log_text("error", why.text));
	hin_buffer_fini(&text);
}

/* After the sandbox, which its threads then share: at the first tick. */
static void start_telling(struct hin_hub *hub)
{
	struct hin_error why = { 0 };

	if (hub->tells)
		return;
	hub->tells = true;
	if (hin_telling_start(hub->telling, &why) != HIN_OK)
		hin_log(HIN_LOG_ERROR, "hub.tells_nobody", hin_log_text("error", why.text));
}

void hin_hub_tick(struct hin_hub *hub, int64_t now_ns)
{
	start_telling(hub);
	hub_peers_start(hub->peers);
	renew_certificate(hub, now_ns);
	if (now_ns - hub->status_ns < STATUS_NS && now_ns >= hub->status_ns)
		return;
	hub->status_ns = now_ns;
	hub_measure(hub, hin_time_monotonic_ns());
	write_status(hub);
}

bool hin_hub_is_alive(const struct hin_hub *hub, int64_t ns)
{
	return hin_time_monotonic_ns() - hin_intake_beat_ns(hub->intake) < ns;
}

uint16_t hin_hub_port(const struct hin_hub *hub)
{
	return hub->port;
}

uint16_t hin_hub_metrics_port(const struct hin_hub *hub)
{
	return hub->metrics_port;
}

uint16_t hin_hub_people_port(const struct hin_hub *hub)
{
	return hub->api != NULL ? hin_api_port(hub->api) : 0;
}

/* ---- open ---- */

static enum hin_code set_paths(struct hin_hub *hub, const char *folder, struct hin_error *err)
{
	const struct hin_hub_settings *s = &hub->settings;

	if (snprintf(hub->folder, sizeof(hub->folder), "%s", folder) >= (int)sizeof(hub->folder) ||
	    (s->trust != NULL && strlen(s->trust) >= sizeof(hub->trust)) ||
	    (s->store != NULL && strlen(s->store) >= sizeof(hub->store)))
		return hin_fail(err, HIN_ELIMIT, "the path of a folder is too long");
	if (s->trust != NULL && s->trust[0] != '\0')
		memcpy(hub->trust, s->trust, strlen(s->trust) + 1);
	else
		snprintf(hub->trust, sizeof(hub->trust), "%s/trust", hub->folder);
	if (s->store != NULL && s->store[0] != '\0')
		memcpy(hub->store, s->store, strlen(s->store) + 1);
	else
		snprintf(hub->store, sizeof(hub->store), "%s/store", hub->folder);
	snprintf(hub->status, sizeof(hub->status), "%s/status.json", hub->folder);
	return HIN_OK;
}

void hub_limit_server(struct hin_http_server_settings *server, const struct hin_hub_settings *s)
{
	server->connections = (unsigned)s->connections;
	server->per_address = (unsigned)s->per_address;
	server->body_memory = s->body_bytes;
}

static enum hin_code open_server(struct hin_hub *hub, struct hin_error *err)
{
	struct hin_http_route routes[HIN_TRUST_ROUTES + 1] = {
		{ "POST", "/v1/batches", HIN_HTTP_CERTIFICATE_REQUIRED, HIN_CARRIER_LOAD,
		  hin_intake_handle, hub->intake },
	};
	struct hin_http_server_settings s;

	hin_trust_routes(hub->trust_inner, hub->ca);
	for (size_t i = 0; i < HIN_TRUST_ROUTES; i++) {
		routes[i + 1] = hub->trust_inner[i];
		routes[i + 1].handler = handle_trust;
		routes[i + 1].user = &hub->trust_routes[i];
		hub->trust_routes[i] = (struct hub_trust_route){ hub, i };
	}
	hin_http_server_settings_default(&s);
	s.listen = hub->settings.listen;
	hin_trust_serve(&s, hub->ca);
	s.revoked = is_revoked; /* of the CA that is in force then */
	s.revoked_user = hub;
	s.routes = routes;
	s.route_count = HIN_COUNT(routes);
	s.threads = (unsigned)hub->settings.threads;
	hub_limit_server(&s, &hub->settings);
	return hin_http_server_open(&hub->server, &s, err);
}

static enum hin_code open_metrics(struct hin_hub *hub, struct hin_error *err)
{
	const struct hin_http_route routes[] = {
		{ "GET", "/metrics", HIN_HTTP_NO_CERTIFICATE, 0, handle_metrics, hub },
		{ "GET", "/healthz", HIN_HTTP_NO_CERTIFICATE, 0, handle_health, hub },
	};
	struct hin_http_server_settings s;

	if (hub->settings.metrics == NULL || hub->settings.metrics[0] == '\0')
		return HIN_OK;
	hin_http_server_settings_default(&s);
	s.listen = hub->settings.metrics;
	s.plain = true;
	s.routes = routes;
	s.route_count = HIN_COUNT(routes);
	s.connections = 64;
	s.per_address = 64;
	return hin_http_server_open(&hub->metrics, &s, err);
}

static enum hin_code open_ingest(struct hin_hub *hub, struct hin_error *err)
{
	struct hin_ingest_settings s = { .store = hub->store,
					 .key = &hub->key,
					 .sensors = hub->sensors,
					 .past_ns = hub->settings.past_ns,
					 .future_ns = hub->settings.future_ns,
					 .ahead = hub->settings.ahead,
					 .memory_bytes = hub->settings.memory_bytes };
	struct hin_intake_settings intake = {
		.sensors = hub->sensors, .key = find_key, .tick = intake_tick, .user = hub
	};
	char path[PATH_MAX];
	enum hin_code code;

	snprintf(path, sizeof(path), "%s/hub.key", hub->folder);
	code = hin_sensor_key_open_sealed(&hub->key, path, hub->passphrase, err);
	snprintf(path, sizeof(path), "%s/" RESTORED, hub->folder);
	s.new_epoch = access(path, F_OK) == 0;
	if (code == HIN_OK)
		code = open_analysis(hub, err);
	s.analyse = hub->analyse;
	s.live = hub->live;
	if (code == HIN_OK)
		code = hin_ingest_open(&hub->ingest, &s, err);
	if (code == HIN_OK && s.new_epoch) {
		hin_ingest_tell(hub->ingest,
				&(struct hin_observation){ .time_us = hub->started_ns / 1000,
							   .kind = HIN_KIND_ROAD_ALIVE });
		code = hin_ingest_commit(hub->ingest, err);
		if (code == HIN_OK && unlink(path) != 0)
			code = hin_fail(err, HIN_ESYS, "remove %s", path);
	}
	intake.ingest = hub->ingest;
	if (code == HIN_OK)
		code = hin_intake_open(&hub->intake, &intake, err);
	return code;
}

static enum hin_code open_telling(struct hin_hub *hub, struct hin_error *err)
{
	char name[256] = "hub";
	struct hin_telling *telling = NULL;
	struct hin_telling_open how = { .settings = &hub->settings.telling,
					.desk = hub->desk,
					.store = hub->store,
					.ledger = hub->ledger_folder,
					.hub_name = name };
	enum hin_code code;

	(void)gethostname(name, sizeof(name) - 1);
	code = hin_telling_open(&telling, &how, err);
	pthread_mutex_lock(&hub->waking);
	hub->telling = telling;
	pthread_mutex_unlock(&hub->waking);
	return code;
}

static enum hin_code open_parts(struct hin_hub *hub, const char *folder, struct hin_error *err)
{
	enum hin_code code = set_paths(hub, folder, err);

	if (code != HIN_OK)
		return code;
	if (access(hub->folder, F_OK) != 0 && errno == ENOENT)
		return hin_fail(err, HIN_ENOENT,
				"%s does not exist: begin with `hinomi trust init`", hub->folder);
	code = hin_ca_open(&hub->ca, hub->trust, err);
	if (code == HIN_OK)
		code = hin_ca_unlock(hub->ca, hub->passphrase, err);
	if (code != HIN_OK)
		return code;
	hub->hub_expires_s = hin_ca_hub_expires_s(hub->ca);
	hub_read_trust(hub);
	code = open_ingest(hub, err);
	if (code == HIN_OK)
		code = open_server(hub, err);
	if (code == HIN_OK)
		code = hub_open_ledger(hub, err);
	if (code == HIN_OK)
		code = open_telling(hub, err);
	if (code == HIN_OK)
		code = hub_peers_new(&hub->peers, hub, &hub->settings, err);
	if (code == HIN_OK)
		code = hin_door_open(hub, &hub->settings, err);
	/* last, and closed first: it looks at all of them */
	if (code == HIN_OK)
		code = open_metrics(hub, err);
	if (code != HIN_OK)
		return code;
	hub->port = hin_http_server_port(hub->server);
	if (hub->metrics != NULL)
		hub->metrics_port = hin_http_server_port(hub->metrics);
	return HIN_OK;
}

enum hin_code hin_hub_open(struct hin_hub **out, const char *folder,
			   const struct hin_hub_settings *settings, const char *passphrase,
			   struct hin_error *err)
{
	struct hin_hub *hub = calloc(1, sizeof(*hub));
	enum hin_code code;

	if (hub == NULL)
		return hin_fail(err, HIN_ENOMEM, "hub");
	pthread_rwlock_init(&hub->lock, NULL);
	pthread_mutex_init(&hub->tuning, NULL);
	pthread_mutex_init(&hub->waking, NULL);
	hub->started_ns = hin_time_now_ns();
	hub->sends = hub_must_connect(settings);
	hub->sensors = hin_sensors_new();
	hub->live = hin_live_new(); /* without it nobody looks on */
	if (passphrase != NULL)
		hub->passphrase = strdup(passphrase);
	if (hub->sensors == NULL || (passphrase != NULL && hub->passphrase == NULL))
		code = hin_fail(err, HIN_ENOMEM, "hub");
	else
		code = hin_config_copy(&hin_hub_table, &hub->settings, sizeof(hub->settings),
				       settings, err);
	if (code == HIN_OK)
		code = open_parts(hub, folder, err);
	if (code != HIN_OK) {
		hin_hub_close(hub);
		return code;
	}
	*out = hub;
	return HIN_OK;
}

void hin_hub_close(struct hin_hub *hub)
{
	struct hin_telling *telling;

	if (hub == NULL)
		return;
	hin_http_server_close(hub->metrics);
	hin_door_close(hub);
	hub_peers_free(hub->peers);
	hub->peers = NULL;
	pthread_mutex_lock(&hub->waking);
	telling = hub->telling;
	hub->telling = NULL; /* nobody wakes it any more */
	pthread_mutex_unlock(&hub->waking);
	hin_telling_close(telling);
	hin_http_server_close(hub->server);
	if (hub->port != 0)
		write_status(hub);
	hin_intake_close(hub->intake);
	hin_ingest_close(hub->ingest);
	hin_analyse_close(hub->analyse);
	hub_close_ledger(hub);
	hin_owners_box_free(hub->owners);
	hin_geo_close(hub->geo);
	hin_desk_close(hub->analyse_desk);
	hin_ca_close(hub->ca);
	hin_sensors_free(hub->sensors);
	hin_live_free(hub->live);
	hin_sensor_key_fini(&hub->key);
	if (hub->passphrase != NULL)
		explicit_bzero(hub->passphrase, strlen(hub->passphrase));
	free(hub->passphrase);
	hin_config_fini(&hin_hub_table, &hub->settings);
	while (hub->read_count > 0)
		free(hub->reads[--hub->read_count]);
	pthread_rwlock_destroy(&hub->lock);
	pthread_mutex_destroy(&hub->tuning);
	pthread_mutex_destroy(&hub->waking);
	free(hub);
}
