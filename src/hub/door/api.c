/* api - the door's threads: a server, lanes for what may wait, and live events; see api.h */
#include "hub/door/api.h"

#include <errno.h>
#include <malloc.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/geo.h"
#include "base/log.h"
#include "hub/door/api_priv.h"
#include "hub/telling/alert.h"
#include "trust/authority.h"
#include "trust/ca.h"

#define RATE_ENTRIES 65536
#define BODIES ((uint64_t)16 << 20)	      /* bytes of all bodies at once */
#define BODIES_OF_ADDRESS ((uint64_t)1 << 20) /* of one address */
#define TIDY_NS HIN_NS_PER_S		      /* between two times that memory is given back */
#define ANSWER_MARGIN_NS (15 * HIN_NS_PER_S)  /* a lane's wait and work beside a question's time */

void hin_api_settings_default(struct hin_api_settings *s)
{
	*s = (struct hin_api_settings){
		.listen = "127.0.0.1:8440",
		.name = "hinomi",
		.idle_ns = HIN_NS_PER_HOUR,
		.session_ns = 12 * HIN_NS_PER_HOUR,
		.connections = 1024,
		.per_address = 256,
		.streams = 256,
		.rate_per_s = 100,
		.query_ns = 30 * HIN_NS_PER_S,
		.query_memory = (uint64_t)64 << 20,
	};
}

/* ---- handles of the desk ---- */

struct hin_desk *api_reader(struct hin_api *api, struct hin_error *err)
{
	struct hin_desk *desk = NULL;

	pthread_mutex_lock(&api->lock);
	if (api->reader_count > 0)
		desk = api->readers[--api->reader_count];
	pthread_mutex_unlock(&api->lock);
	if (desk == NULL && hin_desk_open(&desk, api->settings.desk, HIN_DESK_READ, err) != HIN_OK)
		return NULL;
	return desk;
}

void api_reader_back(struct hin_api *api, struct hin_desk *desk)
{
	pthread_mutex_lock(&api->lock);
	if (api->reader_count < API_READERS) {
		api->readers[api->reader_count++] = desk;
		desk = NULL;
	}
	pthread_mutex_unlock(&api->lock);
	hin_desk_close(desk);
}

/* ---- lanes ---- */

bool api_enqueue(struct hin_api *api, struct api_call *call)
{
	struct api_queue *q = &api->queues[call->route->lane];
	bool room;

	pthread_mutex_lock(&api->lock);
	room = !api->stopping && q->count < q->most;
	if (room) {
		call->next = NULL;
		*q->last = call;
		q->last = &call->next;
		q->count++;
		pthread_cond_signal(&q->wake);
	} else {
		api->counters.lane_full++;
	}
	pthread_mutex_unlock(&api->lock);
	return room;
}

static struct api_call *next_call(struct api_worker *w)
{
	struct api_queue *q = &w->api->queues[w->lane];
	struct api_call *call;

	pthread_mutex_lock(&w->api->lock);
	while (q->first == NULL && !w->api->stopping)
		pthread_cond_wait(&q->wake, &w->api->lock);
	call = q->first;
	if (call != NULL) {
		q->first = call->next;
		if (q->first == NULL)
			q->last = &q->first;
		q->count--;
	}
	pthread_mutex_unlock(&w->api->lock);
	return call;
}

/*
 * Give back what questions have freed. Each takes tens of megabytes and frees them in another order
 * than it took them: in time the allocator would hold many times what is in use.
 */
static void tidy(struct api_worker *w)
{
	int64_t now_ns = hin_time_monotonic_ns();

	if ((w->lane != API_LANE_QUERY && w->lane != API_LANE_EXPORT) ||
	    now_ns - w->tidied_ns < TIDY_NS)
		return;
	w->tidied_ns = now_ns;
	(void)malloc_trim((size_t)1 << 20);
}

static void *work(void *user)
{
	struct api_worker *w = user;
	struct api_call *call;

	while ((call = next_call(w)) != NULL) {
		/* nobody waits for it any more; what was asked to be written is written all the
		 * same */
		if (call->request != NULL && w->lane != API_LANE_WRITE &&
		    hin_http_has_left(call->request))
			api_refuse(call, 503, "left", "the client has left");
		else
			call->worker = w;
		api_run(call, w->desk);
		tidy(w);
	}
	return NULL;
}

static void note_store(void *user, const struct hin_error *what)
{
	(void)user;
	hin_log_limited(HIN_LOG_WARNING, "api.store_note", hin_log_text("note", what->text));
}

enum hin_code api_store(struct api_call *call, struct hin_store **out, struct hin_error *err)
{
	struct hin_api *api = call->api;
	struct hin_store_options options = { .memory_bytes = call->tuning->query_memory,
					     .note = note_store };
	struct api_worker *w = call->worker;
	enum hin_code code = HIN_OK;

	if (w == NULL || api->settings.store == NULL)
		return hin_fail(err, HIN_EUNSUPPORTED, "this hub has no store of observations");
	if (w->store_memory != options.memory_bytes) {
		hin_store_close(w->store);
		w->store = NULL;
	}
	w->store_memory = options.memory_bytes;
	if (w->store != NULL)
		code = hin_store_refresh(w->store, err);
	else
		code = hin_store_open(&w->store, api->settings.store, HIN_STORE_READ, &options,
				      err);
	if (code == HIN_OK)
		*out = w->store;
	return code == HIN_ENOENT ? hin_fail(err, HIN_ENOENT, "there are no observations yet")
				  : code;
}

static enum hin_code start_worker(struct hin_api *api, enum api_lane lane, struct hin_error *err)
{
	struct api_worker *w = &api->workers[api->worker_count];
	bool writes = lane == API_LANE_WRITE || lane == API_LANE_PASSWORD;
	enum hin_code code;

	*w = (struct api_worker){ .api = api, .lane = lane };
	code = hin_desk_open(&w->desk, api->settings.desk, writes ? HIN_DESK_WRITE : HIN_DESK_READ,
			     err);
	if (code != HIN_OK)
		return code;
	errno = pthread_create(&w->thread, NULL, work, w);
	if (errno != 0) {
		hin_desk_close(w->desk);
		return hin_fail(err, HIN_ESYS, "cannot start a thread");
	}
	api->worker_count++;
	return HIN_OK;
}

static enum hin_code start_lanes(struct hin_api *api, struct hin_error *err)
{
	static const enum api_lane workers[API_WORKERS] = { API_LANE_READ,     API_LANE_WRITE,
							    API_LANE_PASSWORD, API_LANE_QUERY,
							    API_LANE_QUERY,    API_LANE_EXPORT };
	static const size_t most[API_LANES] = { [API_LANE_READ] = 256,
						[API_LANE_WRITE] = 256,
						[API_LANE_PASSWORD] = 32,
						[API_LANE_QUERY] = 16,
						[API_LANE_EXPORT] = 4 };
	enum hin_code code = HIN_OK;

	for (unsigned i = 0; i < API_LANES; i++)
		api->queues[i].most = most[i];
	for (size_t i = 0; i < API_WORKERS && code == HIN_OK; i++)
		code = start_worker(api, workers[i], err);
	return code;
}

/* ---- what a reload may change ---- */

static void tuning_free(struct api_tuning *t)
{
	hin_prefix_tree_free(t->proxies);
	free(t);
}

static enum hin_code read_proxies(struct api_tuning *t, const struct hin_api_settings *settings,
				  struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (settings->proxy_count == 0)
		return HIN_OK;
	t->proxies = hin_prefix_tree_new();
	if (t->proxies == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the door");
	for (size_t i = 0; i < settings->proxy_count && code == HIN_OK; i++)
		code = hin_prefix_tree_load(t->proxies, settings->proxies[i], 1, err);
	return code == HIN_OK ? hin_prefix_tree_build(t->proxies, err) : code;
}

static enum hin_code tuning_new(struct api_tuning **out, const struct hin_api_settings *settings,
				struct hin_error *err)
{
	struct api_tuning *t = calloc(1, sizeof(*t));
	enum hin_code code;

	if (t == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the door");
	*t = (struct api_tuning){ .refs = 1,
				  .forwarded = settings->forwarded,
				  .second_factor = settings->second_factor,
				  .limits = { settings->idle_ns / 1000,
					      settings->session_ns / 1000 },
				  .streams = settings->streams,
				  .rate_per_s = settings->rate_per_s,
				  .query_memory = settings->query_memory,
				  .query_ns = settings->query_ns };
	snprintf(t->name, sizeof(t->name), "%s", settings->name);
	code = read_proxies(t, settings, err);
	if (code == HIN_OK)
		*out = t;
	else
		tuning_free(t);
	return code;
}

struct api_tuning *api_tuning_get(struct hin_api *api)
{
	struct api_tuning *t;

	pthread_mutex_lock(&api->lock);
	t = api->tuning;
	t->refs++;
	pthread_mutex_unlock(&api->lock);
	return t;
}

void api_tuning_unref(struct hin_api *api, struct api_tuning *t)
{
	bool last;

	if (t == NULL)
		return;
	pthread_mutex_lock(&api->lock);
	last = --t->refs == 0;
	pthread_mutex_unlock(&api->lock);
	if (last)
		tuning_free(t);
}

/* ---- open and close ---- */

static const char *copy(struct hin_api *api, const char *text, bool *failed)
{
	char *out = text != NULL ? hin_arena_strdup(&api->texts, text) : NULL;

	*failed |= text != NULL && out == NULL;
	return out;
}

static void copy_decoys(struct hin_api *api, const struct hin_api_settings *settings, bool *failed)
{
	const char **list = hin_arena_array(&api->texts, settings->decoy_count + 1, sizeof(*list));

	*failed = *failed || list == NULL;
	for (size_t i = 0; i < settings->decoy_count && list != NULL; i++)
		list[i] = copy(api, settings->decoys[i], failed);
	api->settings.decoys = list;
}

static enum hin_code take_settings(struct hin_api *api, const struct hin_api_settings *settings,
				   struct hin_error *err)
{
	struct hin_api_settings *s = &api->settings;
	struct hin_zone *zone;
	uint8_t random[8];
	bool failed = false;

	*s = *settings;
	s->certificate_pem = s->key_pem = NULL;
	s->listen = copy(api, settings->listen, &failed);
	s->desk = copy(api, settings->desk, &failed);
	s->store = copy(api, settings->store, &failed);
	s->name = NULL; /* of the tuning */
	s->proxies = NULL;
	s->ledger_folder = copy(api, settings->ledger_folder, &failed);
	s->folder = copy(api, settings->folder, &failed);
	s->trust = copy(api, settings->trust, &failed);
	s->countries = copy(api, settings->countries, &failed);
	copy_decoys(api, settings, &failed);
	s->zone = copy(api, settings->zone != NULL ? settings->zone : "UTC", &failed);
	api->rates = hin_rate_new(RATE_ENTRIES);
	if (failed || api->rates == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the door");
	zone = hin_zone_of(s->zone, NULL);
	if (zone == NULL)
		return hin_fail(err, HIN_EFORMAT,
				"people.zone: \"%.60s\" is no time zone, as Asia/Tokyo, UTC or "
				"+09:00",
				s->zone);
	hin_zone_unref(zone);
	randombytes_buf(random, sizeof(random));
	(void)sodium_bin2hex(api->boot, sizeof(api->boot), random, sizeof(random));
	return tuning_new(&api->tuning, settings, err);
}

/* The server's limits. */
static void limit_server(struct hin_http_server_settings *s,
			 const struct hin_api_settings *settings)
{
	s->connections = settings->connections;
	s->per_address = settings->per_address;
	s->body_memory = BODIES;
	s->body_per_address = BODIES_OF_ADDRESS;
	s->answer_ns = settings->query_ns + ANSWER_MARGIN_NS;
}

static enum hin_code open_server(struct hin_api *api, const struct hin_api_settings *settings,
				 struct hin_error *err)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };
	/* the first that fits counts: what a stranger may send is small */
	static const struct {
		const char *path;
		size_t body_limit;
	} paths[] = {
		{ "/api/v1/sign-in", API_SMALL_BODY },
		{ "/api/v1/link", API_SMALL_BODY },
		{ "/api/v1/me*", API_SMALL_BODY },
		{ "/api/v1/leases/import", API_TEXT_BODY },
		{ "/api/v1/authorities*", API_TEXT_BODY },
		{ "/sign-in", API_SMALL_BODY },
		{ "/link/*", API_SMALL_BODY },
		{ "/plain/me*", API_SMALL_BODY },
		{ "/*", API_BODY },
	};
	struct hin_http_route routes[HIN_COUNT(paths) * HIN_COUNT(methods) + 1];
	struct hin_http_server_settings s;

	for (size_t i = 0; i + 1 < HIN_COUNT(routes); i++)
		routes[i] = (struct hin_http_route){
			.method = methods[i % HIN_COUNT(methods)],
			.path = paths[i / HIN_COUNT(methods)].path,
			.certificate = HIN_HTTP_NO_CERTIFICATE,
			.body_limit = paths[i / HIN_COUNT(methods)].body_limit,
			.handler = api_handle,
			.user = api,
		};
	/* other methods: the door's own routes say which ones a path has */
	routes[HIN_COUNT(routes) - 1] =
		(struct hin_http_route){ .path = "/*",
					 .certificate = HIN_HTTP_NO_CERTIFICATE,
					 .body_limit = API_SMALL_BODY,
					 .handler = api_handle,
					 .user = api };
	hin_http_server_settings_default(&s);
	s.listen = settings->listen;
	s.plain = settings->plain;
	s.certificate_pem = settings->certificate_pem;
	s.key_pem = settings->key_pem;
	s.routes = routes;
	s.route_count = HIN_COUNT(routes);
	limit_server(&s, settings);
	s.shared = api_is_proxy; /* people behind it are told apart by what it says */
	s.shared_user = api;
	return hin_http_server_open(&api->server, &s, err);
}

enum hin_code hin_api_open(struct hin_api **out, const struct hin_api_settings *settings,
			   struct hin_error *err)
{
	struct hin_api *api = calloc(1, sizeof(*api));
	enum hin_code code;

	if (api == NULL || sodium_init() < 0) {
		free(api);
		return hin_fail(err, HIN_ENOMEM, "no memory for the door");
	}
	pthread_mutex_init(&api->lock, NULL);
	pthread_mutex_init(&api->trust_lock, NULL);
	for (unsigned i = 0; i < API_LANES; i++) {
		pthread_cond_init(&api->queues[i].wake, NULL);
		api->queues[i].last = &api->queues[i].first;
	}
	code = take_settings(api, settings, err);
	if (code == HIN_OK && settings->trust != NULL)
		code = hin_ca_open(&api->ca, settings->trust, err);
	if (code == HIN_OK && settings->countries != NULL && settings->countries[0] != '\0')
		code = hin_geo_open(&api->countries, settings->countries, err);
	if (code == HIN_OK)
		code = start_lanes(api, err);
	if (code == HIN_OK)
		code = api_events_open(&api->events, api, err);
	if (code == HIN_OK && settings->store != NULL)
		code = api_replay_open(&api->replay, api, err);
	if (code == HIN_OK)
		code = open_server(api, settings, err);
	if (code == HIN_OK)
		*out = api;
	else
		hin_api_close(api);
	return code;
}

void hin_api_close(struct hin_api *api)
{
	if (api == NULL)
		return;
	hin_http_server_close(api->server);
	pthread_mutex_lock(&api->lock);
	api->stopping = true;
	for (unsigned i = 0; i < API_LANES; i++)
		pthread_cond_broadcast(&api->queues[i].wake);
	pthread_mutex_unlock(&api->lock);
	for (size_t i = 0; i < api->worker_count; i++) {
		pthread_join(api->workers[i].thread, NULL);
		hin_store_close(api->workers[i].store);
		hin_desk_close(api->workers[i].desk);
	}
	api_events_close(api->events);
	api_replay_close(api->replay);
	while (api->reader_count > 0)
		hin_desk_close(api->readers[--api->reader_count]);
	for (unsigned i = 0; i < API_LANES; i++)
		pthread_cond_destroy(&api->queues[i].wake);
	api_tuning_unref(api, api->tuning);
	hin_rate_free(api->rates);
	hin_authority_book_close(api->book);
	hin_ca_close(api->ca);
	hin_geo_close(api->countries);
	api_watched_free(api->watched);
	pthread_mutex_destroy(&api->trust_lock);
	pthread_mutex_destroy(&api->lock);
	hin_arena_fini(&api->texts);
	free(api);
}

uint16_t hin_api_port(const struct hin_api *api)
{
	return hin_http_server_port(api->server);
}

/* The CA's name and certificate may be others now; its roster is read anew in any case. */
static void reopen_ca(struct hin_api *api)
{
	struct hin_ca *ca = NULL;

	if (api->settings.trust == NULL || hin_ca_open(&ca, api->settings.trust, NULL) != HIN_OK)
		return;
	pthread_mutex_lock(&api->trust_lock);
	hin_ca_close(api->ca);
	api->ca = ca;
	pthread_mutex_unlock(&api->trust_lock);
}

enum hin_code hin_api_reload(struct hin_api *api, const struct hin_api_settings *settings,
			     struct hin_error *err)
{
	struct api_tuning *fresh, *old;
	struct hin_http_server_settings limits;
	enum hin_code code = tuning_new(&fresh, settings, err);

	if (code != HIN_OK)
		return code;
	if (!api->settings.plain)
		code = hin_api_show(api, settings->certificate_pem, settings->key_pem, err);
	if (code != HIN_OK) {
		tuning_free(fresh);
		return code;
	}
	limit_server(&limits, settings);
	hin_http_server_tune(api->server, &limits);
	pthread_mutex_lock(&api->lock);
	old = api->tuning;
	api->tuning = fresh;
	pthread_mutex_unlock(&api->lock);
	api_tuning_unref(api, old);
	reopen_ca(api);
	return HIN_OK;
}

enum hin_code hin_api_show(struct hin_api *api, const char *certificate_pem, const char *key_pem,
			   struct hin_error *err)
{
	return hin_http_server_reload(api->server, certificate_pem, key_pem, err);
}

void hin_api_wake(struct hin_api *api)
{
	if (api != NULL)
		api_events_wake(api->events);
}

void hin_api_count(struct hin_api *api, struct hin_api_counters *out,
		   struct hin_http_counters *server)
{
	pthread_mutex_lock(&api->lock);
	*out = api->counters;
	pthread_mutex_unlock(&api->lock);
	out->streams = api_events_count(api->events);
	hin_http_server_count(api->server, server);
}
