/* hub_reload - other settings for a hub that is at work; see hub.h */
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "hub/hub_priv.h"

/* What stays until a restart, and why it does. */
static const struct {
	const char *name, *reason;
} fixed[] = {
	{ "listen", "sensors are connected there" },
	{ "metrics", "it is bound" },
	{ "people", "people are connected there" },
	{ "people.plain", "people are connected there" },
	{ "people.countries", "the table is in use" },
	{ "people.ledger-public", "who reads may count on it" },
	{ "trust", "the folder is open" },
	{ "store", "the folder is open" },
	{ "user", "the process cannot become somebody else" },
	{ "as-table", "the table is in use" },
	{ "memory", "the store has it" },
	{ "threads", "they run" },
	{ "mail.bounces", "the process may write to no other folder" },
};

static void tell_fixed(const struct hin_hub *hub, const struct hin_hub_settings *settings)
{
	for (size_t i = 0; i < HIN_COUNT(fixed); i++)
		if (hin_config_differs(&hin_hub_table, fixed[i].name, &hub->settings, settings))
			hin_log(HIN_LOG_WARNING, "hub.needs_restart",
				hin_log_text("setting", fixed[i].name),
				hin_log_text("reason", fixed[i].reason));
}

/* Keys and certificates as they are now in the folder. */
static enum hin_code open_ca(struct hin_hub *hub, struct hin_ca **out, struct hin_error *err)
{
	enum hin_code code = hin_ca_open(out, hub->trust, err);

	return code == HIN_OK ? hin_ca_unlock(*out, hub->passphrase, err) : code;
}

/* What the next moments are made of; all of it is checked before anything is in force. */
struct change {
	struct hin_ca *ca;
	struct hub_witnesses *witnesses;
	struct hub_peers *peers;
	bool connects; /* what connects to others may go on by the new settings */
};

static enum hin_code prepare(struct hin_hub *hub, struct change *c,
			     const struct hin_hub_settings *settings, struct hin_error *err)
{
	struct hin_telling_settings telling = settings->telling;
	enum hin_code code = open_ca(hub, &c->ca, err);

	telling.mail_bounces = hub->settings.telling.mail_bounces;
	c->connects = hub->sends || !hub_must_connect(settings);
	if (code == HIN_OK && c->connects)
		code = hin_telling_prepare(hub->telling, &telling, err);
	if (code == HIN_OK && c->connects &&
	    hin_config_differs(&hin_hub_table, "witnesses", &hub->settings, settings))
		code = hub_witnesses_new(&c->witnesses, &settings->witnesses, err);
	if (code == HIN_OK && c->connects)
		code = hub_peers_new(&c->peers, hub, settings, err);
	/* the door takes all or nothing */
	if (code == HIN_OK)
		code = hin_door_reload(hub, c->ca, settings, err);
	/* certificates of our own making: only memory can be short */
	if (code == HIN_OK)
		code = hin_http_server_reload(hub->server, hin_ca_hub_pem(c->ca),
					      hin_ca_hub_key(c->ca), err);
	return code;
}

static void adopt_ca(struct hin_hub *hub, struct change *c)
{
	struct hin_ca *old = hub->ca;

	pthread_rwlock_wrlock(&hub->lock);
	hub->ca = c->ca;
	hin_trust_routes(hub->trust_inner, c->ca);
	hub->hub_expires_s = hin_ca_hub_expires_s(c->ca);
	pthread_rwlock_unlock(&hub->lock);
	c->ca = old;
}

static void adopt_settings(struct hin_hub *hub, const struct hin_hub_settings *s)
{
	struct hin_http_server_settings limits;

	hin_http_server_settings_default(&limits);
	hub_limit_server(&limits, s);
	hin_http_server_tune(hub->server, &limits);
	pthread_mutex_lock(&hub->tuning);
	hub->settings.silent_ns = s->silent_ns;
	hub->settings.past_ns = s->past_ns;
	hub->settings.future_ns = s->future_ns;
	hub->settings.ahead = s->ahead;
	hub->settings.keep_age_ns = s->keep_age_ns;
	hub->settings.keep_bytes = s->keep_bytes;
	hub->settings.keep_minutes_ns = s->keep_minutes_ns;
	hub->settings.keep_hours_ns = s->keep_hours_ns;
	hub->settings.log = s->log;
	hub->settings.analyse = s->analyse;
	pthread_mutex_unlock(&hub->tuning);
	hin_log_setup(STDERR_FILENO, (enum hin_log_level)s->log);
}

/* Ask others from now on; the list is kept, which the next reload compares with. */
static enum hin_code adopt_witnesses(struct hin_hub *hub, const struct hin_hub_settings *settings,
				     struct change *c, struct hin_error *err)
{
	struct hin_hub_settings copy;
	struct hin_config_list old;
	enum hin_code code;

	if (!c->connects ||
	    !hin_config_differs(&hin_hub_table, "witnesses", &hub->settings, settings))
		return HIN_OK;
	code = hin_config_copy(&hin_hub_table, &copy, sizeof(copy), settings, err);
	if (code != HIN_OK) {
		hub_witnesses_free(c->witnesses);
		return code;
	}
	pthread_mutex_lock(&hub->tuning);
	old = hub->settings.witnesses;
	hub->settings.witnesses = copy.witnesses;
	pthread_mutex_unlock(&hub->tuning);
	copy.witnesses = old;
	hin_config_fini(&hin_hub_table, &copy);
	return hub_ask_witnesses(hub, c->witnesses, err);
}

static void adopt_peers(struct hin_hub *hub, struct change *c)
{
	struct hub_peers *old = hub->peers;

	pthread_mutex_lock(&hub->waking);
	hub->peers = c->peers;
	pthread_mutex_unlock(&hub->waking);
	hub_peers_start(c->peers);
	hub_peers_free(old);
}

enum hin_code hin_hub_reload(struct hin_hub *hub, const struct hin_hub_settings *settings,
			     struct hin_error *err)
{
	struct change c = { 0 };
	enum hin_code code = prepare(hub, &c, settings, err);

	hin_telling_adopt(hub->telling, code == HIN_OK && c.connects);
	if (code == HIN_OK) {
		adopt_ca(hub, &c);
		adopt_settings(hub, settings);
		tell_fixed(hub, settings);
		if (!c.connects)
			hin_log(HIN_LOG_WARNING, "hub.needs_restart",
				hin_log_text("setting",
					     "notice, mail, webhook, alert, witnesses, peers"),
				hin_log_text("reason", "the process began without sending, and "
						       "has given up to connect"));
		if (c.connects)
			adopt_peers(hub, &c);
		code = adopt_witnesses(hub, settings, &c, err);
	} else {
		hub_witnesses_free(c.witnesses);
		hub_peers_free(c.peers);
	}
	hin_ca_close(c.ca);
	return code;
}
