/* hub_peers - other hubs of the same CA: what they know of sensors is asked again and again */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/escape.h"
#include "base/log.h"
#include "base/time.h"
#include "hub/hub_priv.h"
#include "net/http_client.h"
#include "trust/act_numbers.h"

#define PEERS 8
#define PARTS 200 /* most answers to one question */
#define CONNECT_NS (5 * HIN_NS_PER_S)
#define REQUEST_NS (20 * HIN_NS_PER_S)

struct peer {
	char *url;
	struct hin_http_client *client;
	struct hin_roster_seen seen;
	/* under the lock of `peers` */
	int64_t heard_ns;
	uint64_t merged, failures;
	char error[200]; /* of the last question; "" = it was answered */
};

struct hub_peers {
	struct hin_hub *hub;
	struct peer peers[PEERS];
	size_t count;
	int64_t every_ns;
	_Atomic bool stop;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t wake;
};

enum hin_code hub_peers_new(struct hub_peers **out, struct hin_hub *hub,
			    const struct hin_hub_settings *s, struct hin_error *err)
{
	const struct hin_config_list *list = &s->peers;
	pthread_condattr_t monotonic;
	struct hub_peers *p;

	if (list->count == 0)
		return HIN_OK;
	if (list->count > PEERS)
		return hin_fail(err, HIN_ELIMIT, "peers: a hub asks at most %d others", PEERS);
	for (size_t i = 0; i < list->count; i++)
		if (strncmp(list->items[i], "https://", 8) != 0 || list->items[i][8] == '\0' ||
		    strchr(list->items[i] + 8, '/') != NULL)
			return hin_fail(err, HIN_EFORMAT,
					"peers: \"%.100s\" is no https://HOST:PORT",
					list->items[i]);
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for peers");
	p->hub = hub;
	p->every_ns = s->peers_every_ns;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	for (; p->count < list->count; p->count++) {
		p->peers[p->count].url = strdup(list->items[p->count]);
		if (p->peers[p->count].url == NULL) {
			hub_peers_free(p);
			return hin_fail(err, HIN_ENOMEM, "no memory for peers");
		}
	}
	*out = p;
	return HIN_OK;
}

void hub_peers_free(struct hub_peers *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	if (p->started)
		pthread_join(p->thread, NULL);
	for (size_t i = 0; i < p->count; i++) {
		hin_http_client_close(p->peers[i].client);
		free(p->peers[i].url);
	}
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->wake);
	free(p);
}

/* ---- asking ---- */

static enum hin_code open_client(struct hub_peers *p, struct peer *peer, struct hin_error *err)
{
	struct hin_http_client_settings s;
	enum hin_code code;

	if (peer->client != NULL)
		return HIN_OK;
	hin_http_client_settings_default(&s);
	s.url = peer->url;
	s.connect_ns = CONNECT_NS;
	s.request_ns = REQUEST_NS;
	s.answer_limit = HIN_NOTE_SIZE;
	s.stop = &p->stop;
	pthread_rwlock_rdlock(&p->hub->lock);
	s.ca_pem = hin_ca_pem(p->hub->ca);
	code = hin_http_client_open(&peer->client, &s, err);
	pthread_rwlock_unlock(&p->hub->lock);
	return code;
}

/* One question and its answer. */
static enum hin_code ask_part(struct hub_peers *p, struct peer *peer, bool *more, size_t *changed,
			      struct hin_error *err)
{
	struct hin_http_reply reply = { 0 };
	struct hin_buffer question = { 0 };
	struct hin_hub *hub = p->hub;
	enum hin_code code;

	pthread_rwlock_rdlock(&hub->lock);
	code = hin_ca_roster_ask(hub->ca, &question, &peer->seen, hin_time_now_ns() / HIN_NS_PER_S,
				 err);
	pthread_rwlock_unlock(&hub->lock);
	if (code == HIN_OK)
		code = hin_http_client_send(peer->client, "POST", HIN_TRUST_ROSTER,
					    "text/plain; charset=utf-8", question.data,
					    question.used, &reply, err);
	if (code == HIN_OK && reply.status != 200)
		code = hin_fail(err, HIN_EDENIED, "it answers with status %u: %.100s", reply.status,
				hin_buffer_text(&reply.body));
	if (code == HIN_OK) {
		pthread_rwlock_rdlock(&hub->lock);
		code = hin_ca_roster_take(hub->ca, reply.body.data, reply.body.used,
					  hin_time_now_ns() / HIN_NS_PER_S, &peer->seen, more,
					  changed, err);
		pthread_rwlock_unlock(&hub->lock);
	}
	hin_http_reply_fini(&reply);
	hin_buffer_fini(&question);
	return code;
}

static void note_result(struct hub_peers *p, struct peer *peer, enum hin_code code, size_t merged,
			struct hin_error *why)
{
	pthread_mutex_lock(&p->lock);
	peer->merged += merged;
	if (code == HIN_OK)
		peer->heard_ns = hin_time_now_ns();
	else
		peer->failures++;
	peer->error[0] = '\0';
	if (code != HIN_OK)
		(void)hin_escape_text(peer->error, sizeof(peer->error), why->text);
	pthread_mutex_unlock(&p->lock);
	if (merged > 0)
		hin_log(HIN_LOG_INFO, "hub.roster_merged", hin_log_text("peer", peer->url),
			hin_log_u64("sensors", merged));
	if (code != HIN_OK)
		hin_log_limited(HIN_LOG_WARNING, "hub.peer", hin_log_text("peer", peer->url),
				hin_log_text("reason", why->text));
}

/* Who joined or was revoked elsewhere is so here from now on: an act, like one of our own. */
static void write_act(struct hub_peers *p, const struct peer *peer, size_t merged)
{
	struct hin_buffer object = { 0 };
	struct hin_desk_act act = { .time_us = hin_time_now_ns() / 1000,
				    .kind = HIN_ACT_ROSTER_MERGED };
	struct hin_desk *desk = NULL;
	struct hin_error why = { 0 };
	enum hin_code code = hin_desk_open(&desk, p->hub->desk, HIN_DESK_WRITE, &why);

	hin_buffer_puts(&object, "{\"hub\":");
	hin_escape_json(&object, peer->url, strlen(peer->url));
	hin_buffer_printf(&object, ",\"sensors\":%zu}", merged);
	act.object = hin_buffer_text(&object);
	if (code == HIN_OK)
		code = hin_desk_begin(desk, &why);
	if (code == HIN_OK)
		code = object.failed ? hin_fail(&why, HIN_ENOMEM, "no memory for an act")
				     : hin_desk_act(desk, &act, NULL, &why);
	if (code == HIN_OK)
		code = hin_desk_commit(desk, &why);
	if (code != HIN_OK)
		hin_log(HIN_LOG_ERROR, "hub.no_act", hin_log_text("error", why.text));
	else
		hub_desk_changed(p->hub);
	hin_desk_close(desk);
	hin_buffer_fini(&object);
}

static void ask_peer(struct hub_peers *p, struct peer *peer)
{
	struct hin_error why = { 0 };
	size_t merged = 0, changed = 0;
	bool more = true;
	enum hin_code code = open_client(p, peer, &why);

	for (int i = 0; i < PARTS && code == HIN_OK && more && !p->stop; i++) {
		more = false;
		code = ask_part(p, peer, &more, &changed, &why);
		merged += changed;
	}
	if (p->stop && code == HIN_EAGAIN)
		return;
	note_result(p, peer, code, merged, &why);
	if (merged > 0) {
		write_act(p, peer, merged);
		hub_read_trust(p->hub); /* names of sensors, at once */
	}
	if (code != HIN_OK) { /* the CA may have a new certificate by now */
		hin_http_client_close(peer->client);
		peer->client = NULL;
	}
}

static void *run(void *user)
{
	struct hub_peers *p = user;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		int64_t at = hin_time_monotonic_ns() + p->every_ns;
		struct timespec until = { .tv_sec = at / HIN_NS_PER_S,
					  .tv_nsec = at % HIN_NS_PER_S };

		pthread_mutex_unlock(&p->lock);
		for (size_t i = 0; i < p->count && !p->stop; i++)
			ask_peer(p, &p->peers[i]);
		pthread_mutex_lock(&p->lock);
		while (!p->stop && hin_time_monotonic_ns() < at)
			(void)pthread_cond_timedwait(&p->wake, &p->lock, &until);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

void hub_peers_start(struct hub_peers *p)
{
	if (p == NULL || p->started)
		return;
	p->started = pthread_create(&p->thread, NULL, run, p) == 0;
	if (!p->started)
		hin_log(HIN_LOG_ERROR, "hub.no_peers", hin_log_text("error", "no thread"));
}

/* ---- from outside ---- */

void hub_peers_status(struct hub_peers *p, struct hin_buffer *out)
{
	char heard[HIN_TIME_TEXT];

	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < p->count; i++) {
		const struct peer *peer = &p->peers[i];

		hin_buffer_puts(out, i > 0 ? ",\n{\"hub\":" : "\n{\"hub\":");
		hin_escape_json(out, peer->url, strlen(peer->url));
		if (peer->heard_ns != 0)
			hin_buffer_printf(out, ",\"heard\":\"%s\"",
					  hin_time_format_iso(heard, peer->heard_ns, HIN_TIME_S));
		else
			hin_buffer_puts(out, ",\"heard\":null");
		hin_buffer_printf(out, ",\"merged\":%llu,\"failures\":%llu,\"error\":",
				  (unsigned long long)peer->merged,
				  (unsigned long long)peer->failures);
		hin_escape_json(out, peer->error, strlen(peer->error));
		hin_buffer_putc(out, '}');
	}
	pthread_mutex_unlock(&p->lock);
}
