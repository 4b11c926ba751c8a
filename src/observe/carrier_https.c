/* carrier_https - loads as requests; see carrier_https.h */
#include "observe/carrier_https.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <zstd.h>

#include "base/escape.h"
#include "base/number.h"
#include "base/time.h"
#include "net/http_client.h"

#define PACK_LEVEL 1
#define VERSION_SIZE 33
#define URL_SIZE 300

struct hub {
	char url[URL_SIZE];
	struct hin_http_client *client;
};

struct https {
	struct hin_carrier head; /* first */
	struct hub hubs[HIN_CARRIER_HUBS];
	size_t count, current;
	size_t failed; /* hubs in a row, of this round */
	struct hin_backoff backoff;
	int64_t ready_ns;  /* nothing before */
	int64_t away_ns;   /* since when it is not the first hub */
	int64_t return_ns; /* the first is tried again after this */
	_Atomic bool stop;
	ZSTD_CCtx *packer;
	struct hin_buffer packed;
	struct hin_http_reply reply;
	char version[VERSION_SIZE];
};

/* ---- the answer ---- */

static enum hin_code bad_answer(struct hin_error *err, const char *what)
{
	return hin_fail(err, HIN_EFORMAT, "the answer's \"%s\" is missing or wrong", what);
}

static bool parse_hex(uint64_t *out, const char *text)
{
	char *end;

	if (strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
		return false;
	*out = strtoull(text, &end, 16);
	return true;
}

static bool parse_digest(struct hin_carrier_answer *out, const char *text)
{
	size_t used = 0;

	out->has_digest = text != NULL && strlen(text) == 2 * sizeof(out->digest) &&
			  sodium_hex2bin(out->digest, sizeof(out->digest), text,
					 2 * sizeof(out->digest), NULL, &used, NULL) == 0 &&
			  used == sizeof(out->digest);
	return out->has_digest;
}

static enum hin_code parse_fields(struct hin_carrier_answer *out, json_t *json, size_t count,
				  struct hin_error *err)
{
	json_t *committed = json_object_get(json, "committed");
	const char *epoch = json_string_value(json_object_get(committed, "epoch"));
	json_t *sequence = json_object_get(committed, "sequence");
	json_t *digest = json_object_get(committed, "digest");
	json_t *verdicts = json_object_get(json, "verdicts");
	json_t *settings = json_object_get(json, "settings");
	const char *reason = json_string_value(json_object_get(json, "reason"));

	if (epoch == NULL || !parse_hex(&out->committed.epoch, epoch) ||
	    !json_is_integer(sequence) || json_integer_value(sequence) < 0)
		return bad_answer(err, "committed");
	out->committed.sequence = (uint64_t)json_integer_value(sequence);
	if (digest != NULL && !parse_digest(out, json_string_value(digest)))
		return bad_answer(err, "digest");
	if (settings != NULL && (!json_is_integer(settings) || json_integer_value(settings) < 0))
		return bad_answer(err, "settings");
	out->settings = settings != NULL ? (uint64_t)json_integer_value(settings) : 0;
	if (!json_is_array(verdicts) || json_array_size(verdicts) != count ||
	    count > HIN_CARRIER_BATCHES)
		return bad_answer(err, "verdicts");
	for (size_t i = 0; i < count; i++) {
		const char *word = json_string_value(json_array_get(verdicts, i));
		enum hin_carried verdict;

		if (word == NULL || !hin_carried_parse(&verdict, word))
			return bad_answer(err, "verdicts");
		out->verdicts[i] = (uint8_t)verdict;
	}
	out->count = count;
	if (reason != NULL)
		hin_escape_text(out->reason, sizeof(out->reason), reason);
	return HIN_OK;
}

enum hin_code hin_carrier_answer_parse(struct hin_carrier_answer *out, const void *bytes,
				       size_t size, size_t count, struct hin_error *err)
{
	json_error_t why;
	json_t *json = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &why);
	enum hin_code code;

	*out = (struct hin_carrier_answer){ 0 };
	if (json == NULL)
		return hin_fail(err, HIN_EFORMAT, "the answer is no JSON: %s", why.text);
	code = parse_fields(out, json, count, err);
	json_decref(json);
	return code;
}

/* ---- hubs ---- */

static uint32_t dice(void)
{
	uint32_t value = 0;

	(void)!getrandom(&value, sizeof(value), GRND_NONBLOCK);
	return value;
}

/* The current hub failed: the next one at once, or after a round of all a wait. */
static void turn_away(struct https *h, int64_t least_ns)
{
	int64_t now = hin_time_monotonic_ns();

	if (h->current == 0)
		h->away_ns = now;
	h->current = (h->current + 1) % h->count;
	if (++h->failed < h->count)
		return;
	h->failed = 0;
	h->current = 0;
	int64_t wait = hin_backoff_fail(&h->backoff, dice());
	h->ready_ns = now + (wait > least_ns ? wait : least_ns);
}

static void went_well(struct https *h)
{
	h->failed = 0;
	h->ready_ns = 0;
	hin_backoff_reset(&h->backoff);
}

/* The first line of a body, for people. */
static void body_line(char *out, size_t size, const struct hin_buffer *body)
{
	char line[HIN_CARRIER_REASON];
	const char *text = hin_buffer_text(body);
	size_t n = strcspn(text, "\r\n");

	if (n >= sizeof(line))
		n = sizeof(line) - 1;
	memcpy(line, text, n);
	line[n] = '\0';
	hin_escape_text(out, size, line);
}

/* What an answer other than 200 means. */
static enum hin_code refused(struct https *h, struct hin_error *err)
{
	const struct hub *hub = &h->hubs[h->current];
	const struct hin_http_reply *reply = &h->reply;
	int64_t least = (int64_t)reply->retry_after_s * HIN_NS_PER_S;
	enum hin_code code = HIN_EFORMAT;
	char line[120];

	body_line(line, sizeof(line), &reply->body);
	if (reply->status == 401 || reply->status == 403)
		code = HIN_EDENIED;
	else if (reply->status == 404)
		code = HIN_ENOENT;
	else if (reply->status == 429 || reply->status >= 500)
		code = HIN_EAGAIN;
	if (code != HIN_ENOENT)
		turn_away(h, least);
	return hin_fail(err, code, "hub %.80s answers %u: %s", hub->url, reply->status, line);
}

/* One request to the current hub; HIN_OK for status 200 only. */
static enum hin_code request(struct https *h, const char *method, const char *path,
			     const char *type, const struct hin_buffer *body, struct hin_error *err)
{
	enum hin_code code;

	if (h->stop)
		return hin_fail(err, HIN_EAGAIN, "stopped");
	if (hin_time_monotonic_ns() < h->ready_ns)
		return hin_fail(err, HIN_EAGAIN, "it is not time to try again");
	if (h->current > 0 && hin_time_monotonic_ns() - h->away_ns >= h->return_ns)
		h->current = 0;
	code = hin_http_client_send(h->hubs[h->current].client, method, path, type,
				    body != NULL ? body->data : NULL, body != NULL ? body->used : 0,
				    &h->reply, err);
	if (code == HIN_EAGAIN)
		return code;
	if (code != HIN_OK) {
		turn_away(h, 0);
		return code;
	}
	return h->reply.status == 200 ? HIN_OK : refused(h, err);
}

/* ---- the carrier ---- */

static enum hin_code pack(struct https *h, const struct hin_carrier_load *load,
			  struct hin_error *err)
{
	size_t most = ZSTD_compressBound(load->size), used;
	char *at;

	hin_buffer_reset(&h->packed);
	at = hin_buffer_reserve(&h->packed, most);
	if (at == NULL)
		return hin_fail(err, HIN_ENOMEM, "load of %zu bytes", load->size);
	used = ZSTD_compressCCtx(h->packer, at, most, load->data, load->size, PACK_LEVEL);
	if (ZSTD_isError(used))
		return hin_fail(err, HIN_ENOMEM, "pack: %s", ZSTD_getErrorName(used));
	hin_buffer_commit(&h->packed, used);
	return HIN_OK;
}

static enum hin_code https_send(struct hin_carrier *c, const struct hin_carrier_load *load,
				struct hin_carrier_answer *answer, struct hin_error *err)
{
	struct https *h = (struct https *)c;
	enum hin_code code = HIN_OK;
	struct hin_error why;
	char path[200];

	snprintf(path, sizeof(path),
		 "/v1/batches?known=%016llx.%llu&settings=%llu&version=%s&count=%zu",
		 (unsigned long long)load->known.epoch, (unsigned long long)load->known.sequence,
		 (unsigned long long)load->settings, h->version, load->count);
	hin_buffer_reset(&h->packed);
	if (load->count > 0)
		code = pack(h, load, err);
	if (code == HIN_OK)
		code = request(h, "POST", path, HIN_CARRIER_TYPE_PACKED,
			       load->count > 0 ? &h->packed : NULL, err);
	if (code == HIN_ENOENT) /* no hub of ours */
		turn_away(h, 0);
	if (code != HIN_OK)
		return code;
	code = hin_carrier_answer_parse(answer, hin_buffer_text(&h->reply.body), h->reply.body.used,
					load->count, &why);
	if (code != HIN_OK) {
		(void)hin_fail(err, code, "hub %.80s: %.100s", h->hubs[h->current].url, why.text);
		turn_away(h, 0);
		return code;
	}
	went_well(h);
	return HIN_OK;
}

static enum hin_code https_fetch(struct hin_carrier *c, const char *what, struct hin_buffer *out,
				 struct hin_error *err)
{
	struct https *h = (struct https *)c;
	enum hin_code code;
	char path[100];

	snprintf(path, sizeof(path), "/v1/%s", what);
	code = request(h, "GET", path, NULL, NULL, err);
	if (code != HIN_OK)
		return code;
	hin_buffer_add(out, hin_buffer_text(&h->reply.body), h->reply.body.used);
	if (out->failed)
		return hin_fail(err, HIN_ENOMEM, "%s of %zu bytes", what, h->reply.body.used);
	return HIN_OK;
}

static int64_t https_ready_ns(const struct hin_carrier *c)
{
	return ((const struct https *)c)->ready_ns;
}

static const char *https_hub(const struct hin_carrier *c)
{
	const struct https *h = (const struct https *)c;

	return h->hubs[h->current].url;
}

static void https_stop(struct hin_carrier *c)
{
	((struct https *)c)->stop = true;
}

static void https_close(struct hin_carrier *c)
{
	struct https *h = (struct https *)c;

	for (size_t i = 0; i < h->count; i++)
		hin_http_client_close(h->hubs[i].client);
	hin_http_reply_fini(&h->reply);
	hin_buffer_fini(&h->packed);
	ZSTD_freeCCtx(h->packer);
	free(h);
}

static const struct hin_carrier_ops https_ops = {
	.send = https_send,
	.fetch = https_fetch,
	.ready_ns = https_ready_ns,
	.hub = https_hub,
	.stop = https_stop,
	.close = https_close,
};

static enum hin_code add_hub(struct https *h, const char *url,
			     const struct hin_carrier_https_settings *s, struct hin_error *err)
{
	struct hub *hub = &h->hubs[h->count];
	struct hin_http_client_settings client;
	enum hin_code code;

	if (strlen(url) >= sizeof(hub->url))
		return hin_fail(err, HIN_EFORMAT, "address of a hub is longer than %d bytes",
				URL_SIZE - 1);
	hin_http_client_settings_default(&client);
	client.url = url;
	client.ca_pem = s->ca_pem;
	client.ca_sha256 = s->ca_sha256;
	client.certificate_pem = s->certificate_pem;
	client.key_pem = s->key_pem;
	client.proxy = s->proxy;
	client.stop = &h->stop;
	if (s->connect_ns > 0)
		client.connect_ns = s->connect_ns;
	if (s->request_ns > 0)
		client.request_ns = s->request_ns;
	code = hin_http_client_open(&hub->client, &client, err);
	if (code != HIN_OK)
		return code;
	memcpy(hub->url, url, strlen(url) + 1);
	h->count++;
	return HIN_OK;
}

/* Keep what may stand in a query as it is. */
static void set_version(struct https *h, const char *version)
{
	size_t n = 0;

	for (; version != NULL && *version != '\0' && n < VERSION_SIZE - 1; version++)
		if (strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-",
			   *version) != NULL)
			h->version[n++] = *version;
}

enum hin_code hin_carrier_https_open(struct hin_carrier **out,
				     const struct hin_carrier_https_settings *settings,
				     struct hin_error *err)
{
	struct https *h;
	enum hin_code code = HIN_OK;

	if (settings->hub_count < 1 || settings->hub_count > HIN_CARRIER_HUBS)
		return hin_fail(err, HIN_ERANGE, "%zu hubs are not 1 to %d", settings->hub_count,
				HIN_CARRIER_HUBS);
	h = calloc(1, sizeof(*h));
	if (h == NULL)
		return hin_fail(err, HIN_ENOMEM, "carrier");
	h->head.ops = &https_ops;
	h->backoff.first_ns =
		settings->retry_first_ns > 0 ? settings->retry_first_ns : HIN_NS_PER_S;
	h->backoff.most_ns = settings->retry_most_ns > 0 ? settings->retry_most_ns : HIN_NS_PER_MIN;
	h->return_ns = settings->return_ns > 0 ? settings->return_ns : 10 * HIN_NS_PER_MIN;
	h->packer = ZSTD_createCCtx();
	if (h->packer == NULL)
		code = hin_fail(err, HIN_ENOMEM, "carrier");
	set_version(h, settings->version);
	for (size_t i = 0; i < settings->hub_count && code == HIN_OK; i++)
		code = add_hub(h, settings->hubs[i], settings, err);
	if (code != HIN_OK) {
		https_close(&h->head);
		return code;
	}
	*out = &h->head;
	return HIN_OK;
}
