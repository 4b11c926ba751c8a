/* authority_answer - sensors: invited, joined, renewed, revoked */
#include <sodium.h>
#include <stdlib.h>

#include "base/log.h"
#include "trust/ca_priv.h"

enum hin_code hin_ca_invite(struct hin_ca *a, struct hin_join_code *out, const char *name,
			    int64_t life_s, int64_t now_s, struct hin_error *err)
{
	struct hin_join_code code = { .port = a->port };
	enum hin_code rc;

	if (life_s <= 0 || life_s > HIN_CODE_LIFE_S)
		return hin_fail(err, HIN_ERANGE, "a code is good for 1 second to %lld days",
				(long long)(HIN_CODE_LIFE_S / 86400));
	memcpy(code.host, a->host, sizeof(code.host));
	memcpy(code.ca_sha256, a->certificate.sha256, sizeof(code.ca_sha256));
	randombytes_buf(code.id, sizeof(code.id));
	randombytes_buf(code.secret, sizeof(code.secret));
	pthread_mutex_lock(&a->lock);
	rc = hin_roster_add_code(a->roster, &code, name, now_s + life_s, now_s, err);
	pthread_mutex_unlock(&a->lock);
	if (rc == HIN_OK)
		*out = code;
	explicit_bzero(&code, sizeof(code));
	return rc;
}

enum hin_code hin_ca_revoke(struct hin_ca *a, const char *name_or_id, int64_t now_s,
			    struct hin_error *err)
{
	enum hin_code code;

	pthread_mutex_lock(&a->lock);
	code = hin_roster_revoke(a->roster, name_or_id, now_s, err);
	pthread_mutex_unlock(&a->lock);
	return code;
}

enum hin_code hin_ca_sensor(struct hin_ca *a, struct hin_roster_sensor *out, const uint8_t id[16],
			    struct hin_error *err)
{
	const struct hin_roster_sensor *sensor;
	enum hin_code code;

	pthread_mutex_lock(&a->lock);
	code = hin_roster_refresh(a->roster, err);
	if (code == HIN_OK) {
		sensor = hin_roster_sensor(a->roster, id);
		if (sensor == NULL)
			code = hin_fail(err, HIN_ENOENT, "this sensor never joined");
		else if (sensor->revoked_s != 0)
			code = hin_fail(err, HIN_EDENIED, "sensor %s is revoked", sensor->name);
		else
			*out = *sensor;
	}
	pthread_mutex_unlock(&a->lock);
	return code;
}

static enum hin_code copy_of(void **out, const void *items, size_t size, struct hin_error *err)
{
	*out = malloc(size > 0 ? size : 1);
	if (*out == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a list");
	if (size > 0)
		memcpy(*out, items, size);
	return HIN_OK;
}

enum hin_code hin_ca_sensors(struct hin_ca *a, struct hin_roster_sensor **out, size_t *count,
			     struct hin_error *err)
{
	const struct hin_roster_sensor *all;
	enum hin_code code;
	void *copy = NULL;

	pthread_mutex_lock(&a->lock);
	code = hin_roster_refresh(a->roster, err);
	if (code == HIN_OK) {
		all = hin_roster_sensors(a->roster, count);
		code = copy_of(&copy, all, *count * sizeof(*all), err);
	}
	pthread_mutex_unlock(&a->lock);
	if (code == HIN_OK)
		*out = copy;
	return code;
}

enum hin_code hin_ca_codes(struct hin_ca *a, struct hin_roster_code **out, size_t *count,
			   struct hin_error *err)
{
	const struct hin_roster_code *all;
	enum hin_code code;
	void *copy = NULL;

	pthread_mutex_lock(&a->lock);
	code = hin_roster_refresh(a->roster, err);
	if (code == HIN_OK) {
		all = hin_roster_codes(a->roster, count);
		code = copy_of(&copy, all, *count * sizeof(*all), err);
	}
	pthread_mutex_unlock(&a->lock);
	if (code == HIN_OK)
		*out = copy;
	return code;
}

void hin_ca_count(struct hin_ca *a, struct hin_ca_counters *out)
{
	pthread_mutex_lock(&a->lock);
	*out = a->counters;
	pthread_mutex_unlock(&a->lock);
}

/* ---- requests; all under the lock ---- */

struct refusals *ca_refusals_of(struct hin_ca *a, const struct hin_addr *address, int64_t now_s)
{
	struct hin_addr key = *address;
	struct refusals *oldest = &a->refusals[0];

	if (!hin_addr_is_v4(&key))
		memset(key.b + 8, 0, 8);
	for (size_t i = 0; i < HIN_ADDRESSES; i++) {
		struct refusals *r = &a->refusals[i];

		if (r->used && hin_addr_equal(&r->key, &key)) {
			if (now_s - r->since_s >= HIN_REFUSAL_S || now_s < r->since_s)
				*r = (struct refusals){ .key = key,
							.used = true,
							.since_s = now_s };
			return r;
		}
		if (oldest->used && (!r->used || r->since_s < oldest->since_s))
			oldest = r;
	}
	*oldest = (struct refusals){ .key = key, .used = true, .since_s = now_s };
	return oldest;
}

/* A request on its way. */
struct call {
	struct hin_ca *a;
	struct hin_enrol_request request;
	const uint8_t *peer;
	const char *name; /* of the sensor; the roster's */
	uint8_t id[32];	  /* of its key; the first half counts */
	int64_t now_s;
	uint64_t *counter; /* of a refusal */
	struct hin_error why;
};

static enum hin_code refuse(struct call *c, uint64_t *counter, enum hin_code code, const char *text)
{
	c->counter = counter;
	return hin_fail(&c->why, code, "%s", text);
}

/* May the key of this request join with its code? */
static enum hin_code check_code(struct call *c)
{
	struct hin_ca_counters *n = &c->a->counters;
	const uint8_t *ca = c->a->certificate.sha256;
	const struct hin_roster_code *code = hin_roster_code(c->a->roster, c->request.code);

	if (code == NULL || code->state == HIN_CODE_VOID)
		return refuse(c, &n->unknown_code, HIN_EDENIED,
			      "this hub does not know the code, or it is void: ask for a new one");
	if (!hin_enrol_knows_secret(&c->request, ca, code->secret)) {
		enum hin_code rc = hin_roster_add_try(c->a->roster, code->id, c->now_s, &c->why);

		if (rc != HIN_OK)
			return rc;
		return refuse(c, &n->wrong_secret, HIN_EDENIED, "the secret of the code is wrong");
	}
	if (!hin_enrol_is_signed(&c->request, ca))
		return refuse(c, &n->bad_signature, HIN_EDENIED,
			      "the request is not signed by the sensor's key");
	if (code->state == HIN_CODE_USED && memcmp(code->sensor, c->id, 16) != 0)
		return refuse(c, &n->used_code, HIN_EDENIED,
			      "the code was used before: ask for a new one, and who used it");
	if (code->expires_s <= c->now_s)
		return refuse(c, &n->expired_code, HIN_EDENIED,
			      "the code has expired: ask for a new one");
	c->name = code->name;
	return HIN_OK;
}

/* May it have a new certificate? */
static enum hin_code check_renewal(struct call *c)
{
	struct hin_ca_counters *n = &c->a->counters;
	const struct hin_roster_sensor *sensor = hin_roster_sensor(c->a->roster, c->id);

	if (c->peer == NULL || memcmp(c->peer, c->id, 16) != 0)
		return refuse(c, &n->bad_peer, HIN_EDENIED,
			      "a renewal needs the certificate that the sensor has now");
	if (sensor == NULL)
		return refuse(c, &n->revoked, HIN_EDENIED, "this sensor never joined");
	if (sensor->revoked_s != 0)
		return refuse(c, &n->revoked, HIN_EDENIED, "this sensor is revoked");
	if (!hin_enrol_is_signed(&c->request, c->a->certificate.sha256))
		return refuse(c, &n->bad_signature, HIN_EDENIED,
			      "the request is not signed by the sensor's key");
	c->name = sensor->name;
	return HIN_OK;
}

/* Make the certificate, note it, and only then write the answer. */
static enum hin_code issue(struct call *c, struct hin_buffer *out)
{
	struct hin_certificate_wish wish = { .kind = HIN_CERTIFICATE_SENSOR,
					     .name = c->name,
					     .sensor_id = c->id,
					     .from_s = c->now_s - ca_early_s(c->a->sensor_life_s),
					     .until_s = c->now_s + c->a->sensor_life_s };
	struct hin_ca *a = c->a;
	struct hin_buffer pem = { 0 };
	struct hin_certificate made = { 0 };
	char name[HIN_ROSTER_NAME];
	enum hin_code code;

	if (!a->unlocked)
		return hin_fail(&c->why, HIN_EUNSUPPORTED, "the hub's keys are locked");
	memcpy(name, c->name, sizeof(name)); /* the roster's moves when it grows */
	if (wish.until_s > a->certificate.until_s)
		wish.until_s = a->certificate.until_s;
	code = hin_certificate_make_for(&pem, &wish, c->request.csr, c->request.csr_size,
					hin_buffer_text(&a->pem), hin_buffer_text(&a->key),
					&c->why);
	if (code == HIN_OK)
		code = hin_certificate_read(&made, hin_buffer_text(&pem), &c->why);
	if (code == HIN_OK && c->request.renewal)
		code = hin_roster_add_renewal(a->roster, c->id, made.serial, made.until_s, c->now_s,
					      &c->why);
	else if (code == HIN_OK)
		code = hin_roster_add_sensor(a->roster, c->request.code, c->request.public_key,
					     made.serial, made.until_s, c->now_s, &c->why);
	if (code == HIN_OK)
		code = hin_enrol_answer_write(out, name, &a->signer.verifier, hin_buffer_text(&pem),
					      hin_buffer_text(&a->pem), &c->why);
	if (code == HIN_OK) {
		c->request.renewal ? a->counters.renewed++ : a->counters.joined++;
		hin_log(HIN_LOG_INFO, c->request.renewal ? "trust.renewed" : "trust.joined",
			hin_log_text("sensor", name), hin_log_text("serial", made.serial));
	}
	hin_buffer_fini(&pem);
	return code;
}

static enum hin_code serve(struct call *c, struct hin_buffer *out, const void *request, size_t size)
{
	struct hin_ca *a = c->a;
	enum hin_code code = hin_enrol_read(&c->request, request, size, &c->why);

	if (code == HIN_OK)
		code = hin_certificate_request_check(c->request.csr, c->request.csr_size, &c->why);
	if (code != HIN_OK) {
		c->counter = &a->counters.malformed;
		return code;
	}
	crypto_hash_sha256(c->id, c->request.public_key, sizeof(c->request.public_key));
	code = hin_roster_refresh(a->roster, &c->why);
	if (code == HIN_OK)
		code = c->request.renewal ? check_renewal(c) : check_code(c);
	if (code == HIN_OK)
		code = issue(c, out);
	if (code == HIN_EDENIED && c->counter == NULL) /* the roster said it */
		c->counter = &a->counters.revoked;
	return code;
}

/* Count a refusal, and say why. */
static unsigned say_no(struct call *c, struct hin_buffer *out, struct refusals *r,
		       const struct hin_addr *address)
{
	hin_buffer_reset(out);
	if (c->counter == NULL) {
		c->a->counters.failed++;
		hin_log_limited(HIN_LOG_ERROR, "trust.failed", hin_log_text("reason", c->why.text));
		hin_buffer_puts(out, "the hub cannot answer: see its log\n");
		return 500;
	}
	++*c->counter;
	r->count++;
	hin_log_limited(HIN_LOG_WARNING, "trust.refused", hin_log_addr("from", address),
			hin_log_text("reason", c->why.text));
	hin_buffer_printf(out, "%s\n", c->why.text);
	return c->counter == &c->a->counters.malformed ? 400 : 403;
}

unsigned hin_ca_answer(struct hin_ca *a, struct hin_buffer *out, const void *request, size_t size,
		       const uint8_t *peer, const struct hin_addr *address, int64_t now_s)
{
	struct call c = { .a = a, .peer = peer, .now_s = now_s };
	struct refusals *r;
	unsigned status = 200;

	pthread_mutex_lock(&a->lock);
	r = ca_refusals_of(a, address, now_s);
	if (peer == NULL && r->count >= HIN_REFUSALS) {
		a->counters.limited++;
		hin_buffer_printf(out,
				  "too many refused requests from this address: wait %d minutes\n",
				  HIN_REFUSAL_S / 60);
		status = 429;
	} else if (serve(&c, out, request, size) != HIN_OK) {
		status = say_no(&c, out, r, address);
	}
	pthread_mutex_unlock(&a->lock);
	explicit_bzero(&c, sizeof(c));
	return status;
}
