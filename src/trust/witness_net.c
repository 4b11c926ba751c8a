/* witness_net - see witness_net.h */
#include "trust/witness_net.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/time.h"
#include "net/http_client.h"

#define ROUND_NS (20 * HIN_NS_PER_S) /* most time for a request */

/* ---- a witness ---- */

static void answer_add(void *user, struct hin_http_request *request)
{
	struct hin_buffer out = { 0 };
	const char *type = NULL;
	unsigned status = hin_witness_answer(user, &out, &type, request->body.data,
					     request->body.used, hin_time_now_ns() / HIN_NS_PER_S);

	if (status == 422)
		hin_log_limited(HIN_LOG_ERROR, "witness.inconsistent",
				hin_log_addr("peer", &request->address));
	hin_http_answer(request,
			&(struct hin_http_answer){ .status = status, .type = type, .take = &out });
	hin_buffer_fini(&out);
}

static void answer_checkpoint(void *user, struct hin_http_request *request)
{
	struct hin_buffer out = { 0 };
	size_t size = strlen(request->path);
	char origin[HIN_WITNESS_ORIGIN];
	static const char behind[] = "/checkpoint";
	enum hin_code code = HIN_ENOENT;

	if (size == 1 + HIN_WITNESS_ORIGIN - 1 + sizeof(behind) - 1 &&
	    strcmp(request->path + HIN_WITNESS_ORIGIN, behind) == 0) {
		memcpy(origin, request->path + 1, HIN_WITNESS_ORIGIN - 1);
		origin[HIN_WITNESS_ORIGIN - 1] = '\0';
		code = hin_witness_checkpoint(user, origin, &out, NULL);
	}
	if (code == HIN_OK)
		hin_http_answer(request, &(struct hin_http_answer){ .status = 200, .take = &out });
	else
		hin_http_answer_text(request, code == HIN_ENOENT ? 404 : 500,
				     code == HIN_ENOENT ? "nothing was cosigned for that log"
							: "the checkpoint cannot be read");
	hin_buffer_fini(&out);
}

void hin_witness_routes(struct hin_http_route out[HIN_WITNESS_ROUTES], struct hin_witness *witness)
{
	const struct hin_http_route routes[HIN_WITNESS_ROUTES] = {
		{ "POST", "/add-checkpoint", HIN_HTTP_NO_CERTIFICATE, HIN_WITNESS_REQUEST,
		  answer_add, witness },
		{ "GET", "/*", HIN_HTTP_NO_CERTIFICATE, 0, answer_checkpoint, witness },
	};

	memcpy(out, routes, sizeof(routes));
}

/* ---- a log that asks ---- */

/* One checkpoint, as it is asked for. */
struct ask {
	struct hin_tiles *tiles;
	const struct hin_buffer *note; /* with the log's signature only */
	const struct hin_checkpoint *head;
};

static enum hin_code open_client(struct hin_http_client **out, const struct hin_witness_peer *peer,
				 char path[256], struct hin_error *err)
{
	struct hin_http_client_settings settings;
	const char *slash = strlen(peer->url) > 8 ? strchr(peer->url + 8, '/') : NULL;
	char url[512];
	size_t size = slash != NULL ? (size_t)(slash - peer->url) : strlen(peer->url);
	struct hin_buffer to = hin_buffer_over(path, 256);

	hin_buffer_puts(&to, slash != NULL ? slash : "");
	while (to.used > 0 && path[to.used - 1] == '/')
		path[--to.used] = '\0';
	hin_buffer_puts(&to, "/add-checkpoint");
	if (size >= sizeof(url) || to.failed)
		return hin_fail(err, HIN_EFORMAT, "the address of %s is too long",
				peer->cosigner.verifier.name);
	memcpy(url, peer->url, size);
	url[size] = '\0';
	hin_http_client_settings_default(&settings);
	settings.url = url;
	settings.ca_pem = peer->ca_pem;
	settings.ca_sha256 = peer->ca_sha256;
	settings.request_ns = ROUND_NS;
	settings.answer_limit = HIN_CHECKPOINT_SIZE;
	settings.stop = peer->stop;
	return hin_http_client_open(out, &settings, err);
}

/* Send once; the status goes to `*status`. */
static enum hin_code send_once(struct hin_http_client *client, const char *path,
			       const struct ask *ask, uint64_t old, struct hin_http_reply *reply,
			       struct hin_error *err)
{
	struct hin_buffer body = { 0 };
	enum hin_code code = hin_witness_request(&body, ask->tiles, old, ask->note->data,
						 ask->note->used, ask->head, err);

	if (code == HIN_OK)
		code = hin_http_client_send(client, "POST", path, "text/plain; charset=utf-8",
					    body.data, body.used, reply, err);
	hin_buffer_fini(&body);
	return code;
}

/* Ask one witness; its line is added to `note`. */
static void ask_one(const struct hin_witness_peer *peer, const struct ask *ask,
		    struct hin_witness_result *result, struct hin_buffer *note)
{
	struct hin_http_client *client = NULL;
	struct hin_http_reply reply = { 0 };
	char path[256];

	result->code = open_client(&client, peer, path, &result->err);
	/* it may have seen more than we know of; it says so, and is asked once more */
	for (int tries = 0; tries < 2 && result->code == HIN_OK; tries++) {
		if (result->size > ask->head->size)
			break;
		result->code = send_once(client, path, ask, result->size, &reply, &result->err);
		if (result->code != HIN_OK || reply.status != 409)
			break;
		result->code = hin_witness_size(&result->size, reply.body.data, reply.body.used,
						&result->err);
	}
	if (result->code == HIN_OK && result->size > ask->head->size)
		result->code =
			hin_fail(&result->err, HIN_EVERIFY,
				 "%s has cosigned %llu acts, this ledger has %llu: it was "
				 "rewound",
				 peer->cosigner.verifier.name, (unsigned long long)result->size,
				 (unsigned long long)ask->head->size);
	else if (result->code == HIN_OK && reply.status != 200)
		result->code = hin_fail(&result->err, HIN_EDENIED, "%s refuses: status %u, %.80s",
					peer->cosigner.verifier.name, reply.status,
					hin_buffer_text(&reply.body));
	else if (result->code == HIN_OK)
		result->code = hin_witness_take(note, &peer->cosigner, reply.body.data,
						reply.body.used, &result->err);
	if (result->code == HIN_OK)
		result->size = ask->head->size;
	hin_http_reply_fini(&reply);
	hin_http_client_close(client);
}

unsigned hin_witness_ask(struct hin_ledger *ledger, const struct hin_witness_peer *peers,
			 size_t count, struct hin_witness_result *results)
{
	struct hin_buffer note = { 0 }, signed_note = { 0 };
	struct hin_checkpoint head;
	struct ask ask = { .note = &note, .head = &head };
	struct hin_error err = { 0 };
	unsigned good = 0;
	enum hin_code code = hin_ledger_head(ledger, &note, &head, &err);

	if (code == HIN_OK)
		code = hin_tiles_open(&ask.tiles, hin_ledger_folder(ledger), head.size, &err);
	hin_buffer_add(&signed_note, note.data, note.used);
	for (size_t i = 0; i < count; i++) {
		results[i].code = code;
		results[i].err = err;
		if (code != HIN_OK)
			continue;
		ask_one(&peers[i], &ask, &results[i], &signed_note);
		good += results[i].code == HIN_OK;
	}
	if (good > 0)
		code = hin_ledger_witness(ledger, signed_note.data, signed_note.used, &err);
	if (good > 0 && code != HIN_OK) {
		for (size_t i = 0; i < count; i++) {
			results[i].code = code;
			results[i].err = err;
		}
		good = 0;
	}
	hin_tiles_close(ask.tiles);
	hin_buffer_fini(&note);
	hin_buffer_fini(&signed_note);
	return good;
}

/* ---- a thread that asks ---- */

struct hin_asker {
	struct hin_ledger *ledger;
	struct hin_witness_peer *peers;
	struct hin_witness_result *results;
	size_t count;
	int64_t every_ns;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	_Atomic bool stop;
};

/* Has each witness cosigned all that there is? */
static bool is_settled(const struct hin_asker *a, uint64_t size)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->results[i].code != HIN_OK || a->results[i].size < size)
			return false;
	return true;
}

static void ask_round(struct hin_asker *a)
{
	struct hin_ledger_counters counters;

	hin_ledger_count(a->ledger, &counters);
	if (counters.checkpoint == counters.witnessed && is_settled(a, counters.checkpoint))
		return;
	(void)hin_witness_ask(a->ledger, a->peers, a->count, a->results);
	for (size_t i = 0; i < a->count; i++)
		if (a->results[i].code != HIN_OK && !a->stop)
			hin_log_limited(HIN_LOG_WARNING, "ledger.witness",
					hin_log_text("witness", a->peers[i].cosigner.verifier.name),
					hin_log_text("reason", a->results[i].err.text));
}

static void *run(void *arg)
{
	struct hin_asker *a = arg;

	pthread_mutex_lock(&a->lock);
	while (!a->stop) {
		struct timespec until;
		int64_t at;

		pthread_mutex_unlock(&a->lock);
		ask_round(a);
		at = hin_time_monotonic_ns() + a->every_ns;
		until = (struct timespec){ .tv_sec = at / HIN_NS_PER_S,
					   .tv_nsec = at % HIN_NS_PER_S };
		pthread_mutex_lock(&a->lock);
		while (!a->stop && hin_time_monotonic_ns() < at)
			(void)pthread_cond_timedwait(&a->wake, &a->lock, &until);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

static void asker_free(struct hin_asker *a)
{
	free(a->peers);
	free(a->results);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->wake);
	free(a);
}

enum hin_code hin_asker_open(struct hin_asker **out, struct hin_ledger *ledger,
			     const struct hin_witness_peer *peers, size_t count, int64_t every_ns,
			     struct hin_error *err)
{
	struct hin_asker *a = calloc(1, sizeof(*a));
	pthread_condattr_t monotonic;
	int failed;

	if (a == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for %zu witnesses", count);
	pthread_mutex_init(&a->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&a->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	a->ledger = ledger;
	a->count = count;
	a->every_ns = every_ns;
	a->peers = calloc(count + 1, sizeof(*a->peers)); /* none is a list too */
	a->results = calloc(count + 1, sizeof(*a->results));
	if (a->peers == NULL || a->results == NULL) {
		asker_free(a);
		return hin_fail(err, HIN_ENOMEM, "no memory for %zu witnesses", count);
	}
	memcpy(a->peers, peers, count * sizeof(*peers));
	for (size_t i = 0; i < count; i++)
		a->peers[i].stop = &a->stop;
	for (size_t i = 0; i < count; i++)
		a->results[i].code = HIN_EAGAIN; /* each is asked at once: a mistake shows */
	failed = pthread_create(&a->thread, NULL, run, a);
	if (failed != 0) {
		asker_free(a);
		errno = failed;
		return hin_fail(err, HIN_ESYS, "start the thread that asks witnesses");
	}
	*out = a;
	return HIN_OK;
}

void hin_asker_close(struct hin_asker *a)
{
	if (a == NULL)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_signal(&a->wake);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	asker_free(a);
}
