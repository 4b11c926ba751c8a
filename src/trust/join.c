/* join - see join.h */
#include "trust/join.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "base/time.h"
#include "trust/route.h"

#define TRIES 3
#define PAUSE_NS (500 * HIN_NS_PER_MS) /* before the second try; then twice that */

/* The hub's reason, its first line, as our own. */
static enum hin_code refused(const struct hin_http_reply *reply, struct hin_error *err)
{
	const char *text = hin_buffer_text(&reply->body);
	enum hin_code code = reply->status == 404 ? HIN_ENOENT : HIN_EDENIED;

	return hin_fail(err, code, "the hub refuses (%u): %.*s", reply->status,
			(int)strcspn(text, "\r\n"), text);
}

static enum hin_code send_join(const struct hin_join_code *code, const char *proxy,
			       const struct hin_buffer *request, struct hin_http_reply *reply,
			       struct hin_error *err)
{
	bool v6 = strchr(code->host, ':') != NULL;
	struct hin_http_client_settings settings;
	struct hin_http_client *client = NULL;
	char url[HIN_CODE_HOST + 32];
	enum hin_code rc;

	snprintf(url, sizeof(url), "https://%s%s%s:%u", v6 ? "[" : "", code->host, v6 ? "]" : "",
		 code->port);
	hin_http_client_settings_default(&settings);
	settings.url = url;
	settings.ca_sha256 = code->ca_sha256;
	settings.proxy = proxy;
	settings.answer_limit = HIN_ENROL_ANSWER;
	rc = hin_http_client_open(&client, &settings, err);
	for (int i = 0; i < TRIES && rc == HIN_OK; i++) {
		int64_t pause_ns = PAUSE_NS << i;

		rc = hin_http_client_send(client, "POST", HIN_TRUST_JOIN, "text/plain",
					  request->data, request->used, reply, err);
		if (rc != HIN_ESYS || i + 1 == TRIES)
			break;
		(void)nanosleep(
			&(struct timespec){ pause_ns / HIN_NS_PER_S, pause_ns % HIN_NS_PER_S },
			NULL);
		rc = HIN_OK;
	}
	hin_http_client_close(client);
	return rc;
}

enum hin_code hin_join(const char *folder, const struct hin_join_code *code,
		       const struct hin_enrol_key *key, const char *passphrase, const char *proxy,
		       int64_t now_s, struct hin_error *err)
{
	struct hin_buffer request = { 0 }, key_pem = { 0 };
	struct hin_http_reply reply = { 0 };
	enum hin_code rc;

	if (hin_member_is_joined(folder))
		return hin_fail(err, HIN_EDENIED,
				"%s has joined a hub already: take another folder, or remove its "
				"file \"joined\"",
				folder);
	rc = hin_member_ask(&request, &key_pem, code, key, err);
	if (rc == HIN_OK)
		rc = send_join(code, proxy, &request, &reply, err);
	if (rc == HIN_OK && reply.status != 200)
		rc = refused(&reply, err);
	if (rc == HIN_OK)
		rc = hin_member_join(folder, code, key, key_pem.data, reply.body.data,
				     reply.body.used, passphrase, now_s, err);
	hin_secret_fini(&key_pem);
	hin_buffer_fini(&request);
	hin_http_reply_fini(&reply);
	return rc;
}

enum hin_code hin_join_client(struct hin_http_client **out, const struct hin_member *member,
			      const char *proxy, const _Atomic bool *stop, struct hin_error *err)
{
	struct hin_http_client_settings settings;

	hin_http_client_settings_default(&settings);
	settings.url = member->url;
	settings.ca_pem = member->ca_pem.data;
	settings.certificate_pem = member->certificate_pem.data;
	settings.key_pem = member->key_pem.data;
	settings.proxy = proxy;
	settings.stop = stop;
	return hin_http_client_open(out, &settings, err);
}

enum hin_code hin_join_renew(struct hin_http_client *client, struct hin_member *member,
			     const struct hin_enrol_key *key, const char *passphrase, int64_t now_s,
			     struct hin_error *err)
{
	struct hin_buffer request = { 0 }, key_pem = { 0 };
	struct hin_http_reply reply = { 0 };
	enum hin_code code = hin_member_ask_renewal(&request, &key_pem, member, key, err);

	if (code == HIN_OK)
		code = hin_http_client_send(client, "POST", HIN_TRUST_RENEW, "text/plain",
					    request.data, request.used, &reply, err);
	if (code == HIN_OK && reply.status != 200)
		code = refused(&reply, err);
	if (code == HIN_OK)
		code = hin_member_renew(member, key, key_pem.data, reply.body.data, reply.body.used,
					passphrase, now_s, err);
	hin_secret_fini(&key_pem);
	hin_buffer_fini(&request);
	hin_http_reply_fini(&reply);
	return code;
}

enum hin_code hin_join_settings(struct hin_http_client *client, const struct hin_member *member,
				struct hin_sensor_settings *out, struct hin_error *err)
{
	struct hin_http_reply reply = { 0 };
	char path[PATH_MAX];
	enum hin_code code =
		hin_http_client_send(client, "GET", HIN_TRUST_SETTINGS, NULL, NULL, 0, &reply, err);

	if (code == HIN_OK && reply.status != 200)
		code = refused(&reply, err);
	if (code == HIN_OK)
		code = hin_sensor_settings_keep(out, hin_member_settings_path(member, path),
						reply.body.data, reply.body.used,
						&member->settings_key, 1, err);
	hin_secret_fini(&reply.body);
	return code;
}
