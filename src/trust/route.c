/* route - see route.h */
#include "trust/route.h"

#include "base/log.h"
#include "base/time.h"

static void answer_enrolment(void *user, struct hin_http_request *request)
{
	struct hin_buffer out = { 0 };
	bool renewal = strcmp(request->path, HIN_TRUST_RENEW) == 0;
	uint8_t id[16];
	bool named = renewal && request->peer.present && hin_sensor_of_uri(id, request->peer.uri);
	unsigned status =
		hin_ca_answer(user, &out, request->body.data, request->body.used, named ? id : NULL,
			      &request->address, hin_time_now_ns() / HIN_NS_PER_S);

	hin_http_answer(request, &(struct hin_http_answer){ .status = status, .take = &out });
	hin_buffer_fini(&out);
}

static void answer_settings(void *user, struct hin_http_request *request)
{
	struct hin_buffer out = { 0 };
	struct hin_error err = { 0 };
	enum hin_code code = hin_ca_settings(user, &out, &err);

	if (code == HIN_OK)
		hin_http_answer(request, &(struct hin_http_answer){ .status = 200, .take = &out });
	else if (code == HIN_ENOENT)
		hin_http_answer_text(request, 404, "this hub has no settings yet");
	else
		hin_http_answer_text(request, 500,
				     "the settings cannot be read: see the hub's log");
	if (code != HIN_OK && code != HIN_ENOENT)
		hin_log_limited(HIN_LOG_ERROR, "trust.settings", hin_log_text("reason", err.text));
	hin_buffer_fini(&out);
}

static void answer_roster(void *user, struct hin_http_request *request)
{
	struct hin_buffer out = { 0 };
	unsigned status = hin_ca_roster_tell(user, &out, request->body.data, request->body.used,
					     &request->address, hin_time_now_ns() / HIN_NS_PER_S);

	hin_http_answer(request, &(struct hin_http_answer){ .status = status, .take = &out });
	hin_buffer_fini(&out);
}

void hin_trust_routes(struct hin_http_route out[HIN_TRUST_ROUTES], struct hin_ca *ca)
{
	const struct hin_http_route routes[HIN_TRUST_ROUTES] = {
		{ "POST", HIN_TRUST_JOIN, HIN_HTTP_NO_CERTIFICATE, HIN_ENROL_SIZE, answer_enrolment,
		  ca },
		{ "POST", HIN_TRUST_RENEW, HIN_HTTP_CERTIFICATE_REQUIRED, HIN_ENROL_SIZE,
		  answer_enrolment, ca },
		{ "GET", HIN_TRUST_SETTINGS, HIN_HTTP_CERTIFICATE_REQUIRED, 0, answer_settings,
		  ca },
		/* another hub shows that it has the CA's key by signing what it asks */
		{ "POST", HIN_TRUST_ROSTER, HIN_HTTP_NO_CERTIFICATE, HIN_ROSTER_REQUEST_SIZE,
		  answer_roster, ca },
	};

	memcpy(out, routes, sizeof(routes));
}

enum hin_code hin_trust_sensor(struct hin_ca *ca, struct hin_roster_sensor *out,
			       const struct hin_http_peer *peer, struct hin_error *err)
{
	uint8_t id[16];

	if (!peer->present || !hin_sensor_of_uri(id, peer->uri))
		return hin_fail(err, HIN_ENOENT, "the certificate names no sensor");
	return hin_ca_sensor(ca, out, id, err);
}

bool hin_trust_is_revoked(void *ca, const struct hin_http_peer *peer)
{
	struct hin_roster_sensor sensor;
	struct hin_error err = { 0 };
	enum hin_code code = hin_trust_sensor(ca, &sensor, peer, &err);

	if (code != HIN_OK && code != HIN_ENOENT && code != HIN_EDENIED)
		hin_log_limited(HIN_LOG_ERROR, "trust.roster", hin_log_text("reason", err.text),
				hin_log_text("effect", "no sensor is let in"));
	return code != HIN_OK;
}

void hin_trust_serve(struct hin_http_server_settings *settings, struct hin_ca *ca)
{
	settings->certificate_pem = hin_ca_hub_pem(ca);
	settings->key_pem = hin_ca_hub_key(ca);
	settings->client_ca_pem = hin_ca_pem(ca);
	settings->revoked = hin_trust_is_revoked;
	settings->revoked_user = ca;
}
