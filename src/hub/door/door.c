/* door - hub/door/api.h with the hub's settings and parts; see door.h */
#include "hub/door/door.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "hub/hub_priv.h"
#include "hub/people/session.h"

#define PEM_SIZE ((size_t)256 << 10)

/* The certificate and key to show; of files they are read into the buffers. */
struct identity {
	struct hin_buffer certificate, key;
	const char *certificate_pem, *key_pem;
};

static bool is_set(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static void identity_fini(struct identity *id)
{
	hin_buffer_fini(&id->certificate);
	if (id->key.data != NULL)
		explicit_bzero(id->key.data, id->key.size);
	hin_buffer_fini(&id->key);
}

static enum hin_code identity_of(struct identity *out, const struct hin_ca *ca,
				 const struct hin_door_settings *s, struct hin_error *err)
{
	enum hin_code code;

	*out = (struct identity){ .certificate_pem = hin_ca_hub_pem(ca),
				  .key_pem = hin_ca_hub_key(ca) };
	if (is_set(s->certificate) != is_set(s->key))
		return hin_fail(err, HIN_EUSAGE,
				"people.certificate and people.key are given together or not");
	if (!is_set(s->certificate))
		return HIN_OK;
	code = hin_file_read(&out->certificate, s->certificate, PEM_SIZE, err);
	if (code == HIN_OK)
		code = hin_file_read_private(&out->key, s->key, PEM_SIZE, err);
	out->certificate_pem = hin_buffer_text(&out->certificate);
	out->key_pem = hin_buffer_text(&out->key);
	return code;
}

static void write_status(void *user, struct hin_buffer *out)
{
	hin_hub_status(user, out);
}

static void read_rules(void *user, struct hin_analyse_settings *out)
{
	struct hin_hub *hub = user;

	pthread_mutex_lock(&hub->tuning);
	*out = hub->settings.analyse;
	pthread_mutex_unlock(&hub->tuning);
}

/* What people know the hub as: the organisation that tells, or the hub's own name without port. */
static const char *name_of(const struct hin_ca *ca, const struct hin_hub_settings *settings,
			   char out[256])
{
	const char *organisation = settings->telling.organisation;
	const char *name = hin_ca_hub(ca), *colon = strrchr(name, ':');
	size_t size = colon != NULL ? (size_t)(colon - name) : strlen(name);

	if (is_set(organisation))
		return organisation;
	snprintf(out, 256, "%.*s", (int)(size < 255 ? size : 255), name);
	return out;
}

/* What a reload may change of an api's settings. */
static void take_settings(struct hin_api_settings *s, const struct hin_door_settings *settings,
			  const struct identity *id)
{
	s->certificate_pem = id->certificate_pem;
	s->key_pem = id->key_pem;
	s->proxies = (const char *const *)settings->proxies.items;
	s->proxy_count = settings->proxies.count;
	s->forwarded = settings->forwarded;
	s->second_factor = settings->second_factor;
	s->idle_ns = settings->idle_ns;
	s->session_ns = settings->session_ns;
	s->connections = (unsigned)settings->connections;
	s->streams = (unsigned)settings->streams;
	s->rate_per_s = settings->rate;
	s->query_ns = settings->query_ns;
	s->query_memory = settings->query_memory;
}

enum hin_code hin_door_open(struct hin_hub *hub, const struct hin_hub_settings *settings,
			    struct hin_error *err)
{
	const struct hin_door_settings *people = &settings->people;
	char name[256];
	struct hin_api_settings s;
	struct hin_api *api = NULL;
	struct identity id;
	enum hin_code code;

	if (!is_set(people->listen))
		return HIN_OK;
	code = identity_of(&id, hub->ca, people, err);
	hin_api_settings_default(&s);
	take_settings(&s, people, &id);
	s.listen = people->listen;
	s.plain = people->plain;
	s.desk = hub->desk;
	s.store = hub->store;
	s.name = name_of(hub->ca, settings, name);
	s.status = write_status;
	s.user = hub;
	s.owners = hub->owners;
	s.ledger = hub->ledger;
	s.ledger_folder = hub->ledger_folder;
	s.folder = hub->folder;
	s.countries = people->countries;
	s.zone = people->zone;
	s.decoys = (const char *const *)people->decoys.items;
	s.decoy_count = people->decoys.count;
	s.geo = hub->geo;
	s.ledger_public = people->ledger_public;
	s.trust = hub->trust;
	s.sensors = hub->sensors;
	s.live = hub->live;
	s.write_settings = door_write_settings;
	s.analyse = hub->analyse;
	s.rules = read_rules;
	s.ledger = hub->ledger;
	s.ledger_folder = hub->ledger_folder;
	s.changed = hub_desk_changed;
	s.telling = hub->telling;
	if (code == HIN_OK)
		code = hin_api_open(&api, &s, err);
	identity_fini(&id);
	if (code != HIN_OK)
		return code;
	hub->own_certificate = !people->plain && !is_set(people->certificate);
	hub->people_plain = people->plain;
	pthread_mutex_lock(&hub->waking);
	hub->api = api;
	pthread_mutex_unlock(&hub->waking);
	return HIN_OK;
}

void hin_door_close(struct hin_hub *hub)
{
	struct hin_api *api;

	pthread_mutex_lock(&hub->waking);
	api = hub->api;
	hub->api = NULL;
	pthread_mutex_unlock(&hub->waking);
	hin_api_close(api);
}

bool hin_hub_has_administrator(struct hin_hub *hub)
{
	struct hin_desk *desk = NULL;
	bool has = true;

	if (hin_desk_open(&desk, hub->desk, HIN_DESK_READ, NULL) == HIN_OK &&
	    hin_account_has_administrator(desk, &has, NULL) != HIN_OK)
		has = true;
	hin_desk_close(desk);
	return has;
}

enum hin_code hin_hub_first_link(struct hin_hub *hub, struct hin_buffer *out, struct hin_error *err)
{
	int64_t now_us = hin_time_now_ns() / 1000, id;
	char secret[HIN_SECRET_TEXT];
	struct hin_desk *desk = NULL;
	enum hin_code code;

	if (hub->api == NULL)
		return hin_fail(err, HIN_ENOENT, "the hub has no door for people");
	code = hin_desk_open(&desk, hub->desk, HIN_DESK_WRITE, err);
	if (code == HIN_OK)
		code = hin_account_first(desk, "admin", now_us, &id, err);
	if (code == HIN_OK)
		code = hin_invite_make(desk, id, 0, now_us, secret, err);
	if (code == HIN_OK)
		hin_buffer_printf(out, "%s://127.0.0.1:%u/link/%s",
				  hub->people_plain ? "http" : "https", hin_api_port(hub->api),
				  secret);
	explicit_bzero(secret, sizeof(secret));
	hin_desk_close(desk);
	return code;
}

enum hin_code hin_door_reload(struct hin_hub *hub, const struct hin_ca *ca,
			      const struct hin_hub_settings *settings, struct hin_error *err)
{
	struct hin_api_settings s;
	char name[256];
	struct identity id;
	enum hin_code code;

	if (hub->api == NULL)
		return HIN_OK;
	code = identity_of(&id, ca, &settings->people, err);
	hin_api_settings_default(&s);
	take_settings(&s, &settings->people, &id);
	s.name = name_of(ca, settings, name);
	if (code == HIN_OK)
		code = hin_api_reload(hub->api, &s, err);
	identity_fini(&id);
	if (code == HIN_OK)
		hub->own_certificate = !hub->people_plain && !is_set(settings->people.certificate);
	return code;
}
