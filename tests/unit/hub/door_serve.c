/*
 * door-serve - the door over a folder of its own, for tests of other programs and for benches.
 *
 * usage: door-serve FOLDER [NAME=VALUE ...]
 *
 * FOLDER has desk.db (made when it is missing), and as wanted store/, ledger/ with ledger.key,
 * trust/ and cert.pem with key.pem; without a certificate it serves plainly. "hub=1" makes trust/,
 * a store with an hour of rows of one sensor, and is told of that sensor. It prints its port, and
 * ends when its input does. A line of input wakes the event streams.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "hub/door/api.h"
#include "hub/owners/owners.h"
#include "hub/pump.h"
#include "hub/live.h"
#include "hub/sensors.h"
#include "hub/telling/telling.h"
#include "hub/telling/telling_settings.h"
#include "store/store.h"
#include "trust/ca.h"
#include "trust/ledger.h"

struct world {
	char desk[PATH_MAX], store[PATH_MAX], ledger[PATH_MAX], key[PATH_MAX], pem[PATH_MAX];
	char trust[PATH_MAX];
	struct hin_sensors *sensors;
	struct hin_live *live;
	struct hin_telling *telling; /* its threads do not run: it answers */
	struct hin_buffer certificate_pem, key_pem;
	struct hin_note_signer signer;
	struct hin_ledger *log;
	struct hin_owners_box *owners;
	struct hin_desk *own;
	struct hin_api *api;
	struct hin_api_settings settings;
	const char *proxies[8];
	bool hub;
};

static void status(void *user, struct hin_buffer *out)
{
	(void)user;
	hin_buffer_puts(out, "{\"sensors\":[]}\n");
}

/* ---- what a hub has beside the desk ---- */

#define MINUTES 60

static const uint8_t sensor[HIN_SENSOR_ID] = { 0xaa, 0xbb, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

/* The minute before last and those before it: alive, and flows of two sources to one port each. */
static size_t make_rows(struct hin_observation *rows, int64_t now_us)
{
	static const char *const sources[] = { "198.51.100.7", "2001:db8:9::7" };
	size_t count = 0;

	for (int64_t i = MINUTES; i > 0; i--) {
		int64_t time_us = now_us - (i + 1) * 60 * 1000000;

		rows[count++] = (struct hin_observation){ .time_us = time_us,
							  .duration_us = 60000000,
							  .kind = HIN_KIND_ROAD_ALIVE };
		for (unsigned k = 0; k < HIN_COUNT(sources); k++) {
			struct hin_observation *o = &rows[count++];
			struct hin_addr src, dst;

			*o = (struct hin_observation){ .time_us = time_us + 1000000 * (k + 1),
						       .kind = HIN_KIND_TELESCOPE_FLOW,
						       .proto = 6,
						       .sport = 40000,
						       .dport = (uint16_t)(k == 0 ? 23 : 2323),
						       .tcp_flags = 2,
						       .packets = 3 + k,
						       .bytes = 120 };
			if (hin_addr_parse(&src, sources[k]) != HIN_OK ||
			    hin_addr_parse(&dst, k == 0 ? "192.0.2.9" : "2001:db8::9") != HIN_OK)
				abort();
			hin_observation_set_src(o, &src);
			hin_observation_set_dst(o, &dst);
		}
	}
	return count;
}

static enum hin_code make_store(const struct world *w, struct hin_error *err)
{
	static struct hin_observation rows[3 * MINUTES];
	int64_t now_us = hin_time_now_ns() / 1000;
	struct hin_store_batch batch = { .epoch = 1,
					 .sequence = 1,
					 .received_us = now_us - (MINUTES + 2) * INT64_C(60000000),
					 .dark_addresses = 4096 };
	size_t count = make_rows(rows, now_us);
	enum hin_store_outcome outcome;
	struct hin_store *store = NULL;
	enum hin_code code = hin_store_open(&store, w->store, HIN_STORE_CREATE, NULL, err);

	memcpy(batch.sensor, sensor, sizeof(sensor));
	if (code == HIN_OK)
		code = hin_store_append(store, &batch, rows, count, &outcome, err);
	if (code == HIN_OK)
		code = hin_store_sync(store, err);
	hin_store_close(store);
	return code;
}

static void hear(struct hin_sensor_state *state, void *user)
{
	(void)user;
	snprintf(state->name, sizeof(state->name), "heard");
	snprintf(state->version, sizeof(state->version), "0.1.0");
	state->settings = 3;
	state->heard_ns = hin_time_now_ns();
	state->committed = (struct hin_batch_mark){ .epoch = 1, .sequence = 1 };
	state->dark_addresses = 4096;
}

static const struct hin_setting telling_rows[] = { HIN_TELLING_ROWS(0) };
static const struct hin_config_table telling_table = { telling_rows, HIN_COUNT(telling_rows) };

static enum hin_code make_telling(struct world *w, struct hin_error *err)
{
	static const char *const sets[] = { "notice.sender=Test CERT",
					    "notice.contact=help@test.example",
					    "notice.verify=https://test.example/verify",
					    "mail.from=notices@test.example" };
	struct hin_telling_settings settings = { 0 };
	struct hin_telling_open how = { .settings = &settings,
					.desk = w->desk,
					.store = w->store,
					.hub_name = "test.example" };
	enum hin_code code = hin_config_init(&telling_table, &settings, err);

	for (size_t i = 0; i < HIN_COUNT(sets) && code == HIN_OK; i++)
		code = hin_config_set(&telling_table, &settings, sets[i], err);
	if (code == HIN_OK)
		code = hin_telling_open(&w->telling, &how, err);
	hin_config_fini(&telling_table, &settings);
	w->settings.telling = w->telling;
	return code;
}

static enum hin_code make_hub(struct world *w, struct hin_error *err)
{
	const struct hin_ca_wish wish = { .hub = "hub.test.example:8443" };
	enum hin_code code = HIN_OK;

	if (access(w->trust, F_OK) != 0)
		code = hin_ca_init(w->trust, &wish, hin_time_now_ns() / HIN_NS_PER_S, err);
	if (code == HIN_OK && access(w->store, F_OK) != 0)
		code = make_store(w, err);
	w->sensors = hin_sensors_new();
	if (code == HIN_OK &&
	    (w->sensors == NULL || !hin_sensors_change(w->sensors, sensor, hear, NULL)))
		return hin_fail(err, HIN_ENOMEM, "sensors");
	if (code == HIN_OK)
		code = make_telling(w, err);
	w->settings.trust = w->trust;
	w->settings.sensors = w->sensors;
	w->live = hin_live_new();
	w->settings.live = w->live;
	return code;
}

static void fall_silent(struct hin_sensor_state *state, void *user)
{
	(void)user;
	state->silent = true;
}

/* Rows come in for those who look on; and after the first ones the sensor is heard no more. */
static void look_alive(struct world *w)
{
	static struct hin_observation rows[3 * MINUTES];

	if (w->live == NULL)
		return;
	(void)make_rows(rows, hin_time_now_ns() / 1000);
	hin_live_take(w->live, rows, 3, sensor);
	if (hin_live_is_heard(w->live))
		(void)hin_sensors_change(w->sensors, sensor, fall_silent, NULL);
}

static enum hin_code open_parts(struct world *w, struct hin_error *err)
{
	const struct hin_owners_settings all = { 0 };
	struct hin_ledger_settings ledger;
	enum hin_code code = hin_desk_open(&w->own, w->desk, HIN_DESK_CREATE, err);

	if (code == HIN_OK)
		code = hin_owners_box_new(&w->owners, &all, err);
	if (code == HIN_OK)
		code = hin_owners_box_refresh(w->owners, w->own, 1, NULL, err);
	if (code != HIN_OK || access(w->ledger, F_OK) != 0)
		return code;
	hin_ledger_settings_default(&ledger);
	code = hin_ledger_key_load(&w->signer, w->key, "test.example/ledger", NULL, true, err);
	ledger.folder = w->ledger;
	ledger.signer = &w->signer;
	ledger.create = true;
	return code == HIN_OK ? hin_ledger_open(&w->log, &ledger, err) : code;
}

static void set(struct world *w, const char *name, const char *value)
{
	struct hin_api_settings *s = &w->settings;
	long long number = strtoll(value, NULL, 10);

	if (strcmp(name, "rate") == 0)
		s->rate_per_s = (uint64_t)number;
	else if (strcmp(name, "idle") == 0)
		s->idle_ns = number * HIN_NS_PER_S;
	else if (strcmp(name, "query-ms") == 0)
		s->query_ns = number * HIN_NS_PER_MS;
	else if (strcmp(name, "streams") == 0)
		s->streams = (unsigned)number;
	else if (strcmp(name, "per-address") == 0)
		s->per_address = (unsigned)number;
	else if (strcmp(name, "second-factor") == 0)
		s->second_factor = number != 0;
	else if (strcmp(name, "forwarded") == 0)
		s->forwarded = number != 0;
	else if (strcmp(name, "ledger-public") == 0)
		s->ledger_public = number != 0;
	else if (strcmp(name, "hub") == 0)
		w->hub = number != 0;
	else if (strcmp(name, "proxy") == 0 && s->proxy_count < HIN_COUNT(w->proxies))
		w->proxies[s->proxy_count++] = value;
	else
		abort();
}

static enum hin_code open_api(struct world *w, const char *folder, struct hin_error *err)
{
	struct hin_api_settings *s = &w->settings;

	snprintf(w->pem, sizeof(w->pem), "%s/cert.pem", folder);
	s->plain = access(w->pem, F_OK) != 0;
	if (!s->plain && hin_file_read(&w->certificate_pem, w->pem, 65536, err) != HIN_OK)
		return err->code;
	snprintf(w->pem, sizeof(w->pem), "%s/key.pem", folder);
	if (!s->plain && hin_file_read(&w->key_pem, w->pem, 65536, err) != HIN_OK)
		return err->code;
	s->listen = "127.0.0.1:0";
	s->certificate_pem = hin_buffer_text(&w->certificate_pem);
	s->key_pem = hin_buffer_text(&w->key_pem);
	s->desk = w->desk;
	s->store = w->store;
	s->name = "test.example";
	s->proxies = w->proxies;
	s->status = status;
	s->owners = w->owners;
	s->ledger = w->log;
	s->ledger_folder = w->ledger;
	s->folder = folder;
	return hin_api_open(&w->api, s, err);
}

int main(int argc, char *argv[])
{
	static struct world w;
	struct hin_error err = { 0 };
	enum hin_code code;
	struct hin_pump_stats stats = { 0 };
	char line[64];

	if (argc < 2)
		return 2;
	hin_log_setup(STDERR_FILENO, HIN_LOG_WARNING);
	snprintf(w.desk, sizeof(w.desk), "%s/desk.db", argv[1]);
	snprintf(w.store, sizeof(w.store), "%s/store", argv[1]);
	snprintf(w.ledger, sizeof(w.ledger), "%s/ledger", argv[1]);
	snprintf(w.trust, sizeof(w.trust), "%s/trust", argv[1]);
	snprintf(w.key, sizeof(w.key), "%s/ledger.key", argv[1]);
	hin_api_settings_default(&w.settings);
	for (int i = 2; i < argc; i++) {
		char *equals = strchr(argv[i], '=');

		if (equals == NULL)
			return 2;
		*equals = '\0';
		set(&w, argv[i], equals + 1);
	}
	code = open_parts(&w, &err);
	if (code == HIN_OK && w.hub)
		code = make_hub(&w, &err);
	if (code == HIN_OK)
		code = open_api(&w, argv[1], &err);
	if (code != HIN_OK)
		fprintf(stderr, "door-serve: %s\n", err.text);
	if (code == HIN_OK) {
		printf("%u\n", hin_api_port(w.api));
		fflush(stdout);
	}
	while (code == HIN_OK && fgets(line, sizeof(line), stdin) != NULL) {
		if (hin_owners_box_refresh(w.owners, w.own, hin_time_now_ns() / 1000, NULL, &err) !=
		    HIN_OK)
			fprintf(stderr, "door-serve: %s\n", err.text);
		if (w.log != NULL &&
		    (hin_pump_once(w.own, w.log, w.ledger, &stats, &err) != HIN_OK ||
		     hin_ledger_publish(w.log, &err) != HIN_OK))
			fprintf(stderr, "door-serve: %s\n", err.text);
		look_alive(&w);
		hin_api_wake(w.api);
		puts("done");
		fflush(stdout);
	}
	hin_api_close(w.api);
	hin_ledger_close(w.log);
	hin_owners_box_free(w.owners);
	hin_sensors_free(w.sensors);
	hin_live_free(w.live);
	hin_telling_close(w.telling);
	hin_desk_close(w.own);
	hin_buffer_fini(&w.certificate_pem);
	hin_buffer_fini(&w.key_pem);
	return code == HIN_OK ? 0 : 1;
}
