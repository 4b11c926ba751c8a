/* carrier_member - a joined sensor's carrier; see carrier_member.h */
#include "observe/carrier_member.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "trust/join.h"

#define CHECK_NS HIN_NS_PER_HOUR

struct joined {
	struct hin_carrier head; /* first */
	pthread_mutex_t lock;	 /* of `inner`, which stop() touches from other threads */
	struct hin_carrier *inner;
	_Atomic bool stop;
	const struct hin_sensor_key *key;
	struct hin_member member;
	char *folder, *passphrase, *proxy, *version;
	char *hubs[HIN_CARRIER_HUBS]; /* the one joined first */
	size_t hub_count;
	int64_t checked_ns; /* monotonic: when the certificate was looked at */
	bool has_proxy;
};

/* Put a carrier with the certificate of `j->member` in place of the one there is. */
static enum hin_code open_inner(struct joined *j, struct hin_error *err)
{
	struct hin_carrier_https_settings s = {
		.hubs = (const char *const *)j->hubs,
		.hub_count = j->hub_count,
		.ca_pem = hin_buffer_text(&j->member.ca_pem),
		.certificate_pem = hin_buffer_text(&j->member.certificate_pem),
		.key_pem = hin_buffer_text(&j->member.key_pem),
		.proxy = j->has_proxy ? j->proxy : NULL,
		.version = j->version,
	};
	struct hin_carrier *fresh = NULL, *old;
	enum hin_code code = hin_carrier_https_open(&fresh, &s, err);

	if (code != HIN_OK)
		return code;
	pthread_mutex_lock(&j->lock);
	old = j->inner;
	j->inner = fresh;
	if (j->stop)
		hin_carrier_stop(fresh);
	pthread_mutex_unlock(&j->lock);
	hin_carrier_close(old);
	return HIN_OK;
}

static const char *passphrase_of(const struct joined *j)
{
	return j->passphrase[0] != '\0' ? j->passphrase : NULL;
}

/* Has another process renewed the certificate? Then `j->member` is the new one. */
static bool read_again(struct joined *j)
{
	struct hin_member fresh = { 0 };
	bool newer = hin_member_load(&fresh, j->folder, passphrase_of(j), NULL) == HIN_OK &&
		     memcmp(fresh.certificate.sha256, j->member.certificate.sha256, 32) != 0;

	if (!newer) {
		hin_member_fini(&fresh);
		return false;
	}
	hin_member_fini(&j->member);
	j->member = fresh;
	return true;
}

static enum hin_code renew(struct joined *j, int64_t now_s, struct hin_error *err)
{
	struct hin_http_client *client = NULL;
	struct hin_enrol_key key;
	enum hin_code code =
		hin_join_client(&client, &j->member, j->has_proxy ? j->proxy : NULL, &j->stop, err);

	memcpy(key.public_key, j->key->public_key, sizeof(key.public_key));
	memcpy(key.secret, j->key->secret, sizeof(key.secret));
	if (code == HIN_OK)
		code = hin_join_renew(client, &j->member, &key, passphrase_of(j), now_s, err);
	hin_http_client_close(client);
	explicit_bzero(&key, sizeof(key));
	return code;
}

/* About once an hour: is the certificate still good for long? */
static void look_after_certificate(struct joined *j)
{
	int64_t now = hin_time_monotonic_ns(), now_s = hin_time_now_ns() / HIN_NS_PER_S;
	struct hin_error why = { 0 };
	enum hin_code code;
	bool changed;

	if (j->checked_ns != 0 && now - j->checked_ns < CHECK_NS)
		return;
	j->checked_ns = now;
	changed = read_again(j);
	if (hin_member_due(&j->member, now_s)) {
		code = renew(j, now_s, &why);
		changed |= code == HIN_OK;
		if (code == HIN_OK)
			hin_log(HIN_LOG_INFO, "road.certificate_renewed");
		else
			hin_log(HIN_LOG_WARNING, "road.certificate_not_renewed",
				hin_log_text("error", why.text));
	}
	if (changed && open_inner(j, &why) != HIN_OK)
		hin_log(HIN_LOG_ERROR, "road.certificate_unusable",
			hin_log_text("error", why.text));
}

static enum hin_code joined_send(struct hin_carrier *c, const struct hin_carrier_load *load,
				 struct hin_carrier_answer *answer, struct hin_error *err)
{
	struct joined *j = (struct joined *)c;
	enum hin_code code;

	look_after_certificate(j);
	code = hin_carrier_send(j->inner, load, answer, err);
	if (code == HIN_EDENIED && read_again(j)) /* renewed or joined anew meanwhile */
		(void)!open_inner(j, NULL);
	return code;
}

static enum hin_code joined_fetch(struct hin_carrier *c, const char *what, struct hin_buffer *out,
				  struct hin_error *err)
{
	return hin_carrier_fetch(((struct joined *)c)->inner, what, out, err);
}

static int64_t joined_ready_ns(const struct hin_carrier *c)
{
	return hin_carrier_ready_ns(((const struct joined *)c)->inner);
}

static const char *joined_hub(const struct hin_carrier *c)
{
	return hin_carrier_hub(((const struct joined *)c)->inner);
}

static void joined_stop(struct hin_carrier *c)
{
	struct joined *j = (struct joined *)c;

	pthread_mutex_lock(&j->lock);
	j->stop = true;
	hin_carrier_stop(j->inner);
	pthread_mutex_unlock(&j->lock);
}

static void joined_close(struct hin_carrier *c)
{
	struct joined *j = (struct joined *)c;

	hin_carrier_close(j->inner);
	hin_member_fini(&j->member);
	if (j->passphrase != NULL)
		explicit_bzero(j->passphrase, strlen(j->passphrase));
	for (size_t i = 0; i < HIN_CARRIER_HUBS; i++)
		free(j->hubs[i]);
	free(j->folder);
	free(j->passphrase);
	free(j->proxy);
	free(j->version);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

static const struct hin_carrier_ops joined_ops = {
	.send = joined_send,
	.fetch = joined_fetch,
	.ready_ns = joined_ready_ns,
	.hub = joined_hub,
	.stop = joined_stop,
	.close = joined_close,
};

static char *copy_text(const char *text)
{
	return strdup(text != NULL ? text : "");
}

/* Copy what outlives the call. */
static enum hin_code copy_settings(struct joined *j, const char *folder,
				   const struct hin_carrier_member_settings *s,
				   struct hin_error *err)
{
	char host[HIN_CODE_HOST];
	uint16_t port;

	if (s->hub_count >= HIN_CARRIER_HUBS)
		return hin_fail(err, HIN_ERANGE, "a sensor has at most %d hubs", HIN_CARRIER_HUBS);
	j->folder = copy_text(folder);
	j->passphrase = copy_text(s->passphrase);
	j->proxy = copy_text(s->proxy);
	j->has_proxy = s->proxy != NULL;
	j->version = copy_text(s->version != NULL ? s->version : HIN_VERSION);
	if (j->folder == NULL || j->passphrase == NULL || j->proxy == NULL || j->version == NULL)
		return hin_fail(err, HIN_ENOMEM, "carrier");
	for (size_t i = 0; i < s->hub_count; i++) {
		if (hin_host_parse(host, &port, s->hubs[i], err) != HIN_OK)
			return HIN_EFORMAT;
		if (asprintf(&j->hubs[i + 1], "https://%s", s->hubs[i]) == -1) {
			j->hubs[i + 1] = NULL;
			return hin_fail(err, HIN_ENOMEM, "carrier");
		}
	}
	j->hub_count = s->hub_count + 1;
	return HIN_OK;
}

enum hin_code hin_carrier_member_open(struct hin_carrier **out, const char *folder,
				      const struct hin_sensor_key *key,
				      const struct hin_carrier_member_settings *settings,
				      struct hin_error *err)
{
	static const struct hin_carrier_member_settings none;
	struct joined *j = calloc(1, sizeof(*j));
	enum hin_code code;

	if (j == NULL)
		return hin_fail(err, HIN_ENOMEM, "carrier");
	pthread_mutex_init(&j->lock, NULL);
	j->head.ops = &joined_ops;
	j->key = key;
	code = copy_settings(j, folder, settings != NULL ? settings : &none, err);
	if (code == HIN_OK)
		code = hin_member_load(&j->member, folder, passphrase_of(j), err);
	if (code == HIN_OK) {
		j->hubs[0] = strdup(j->member.url);
		code = j->hubs[0] != NULL ? open_inner(j, err)
					  : hin_fail(err, HIN_ENOMEM, "carrier");
	}
	if (code != HIN_OK) {
		joined_close(&j->head);
		return code;
	}
	*out = &j->head;
	return HIN_OK;
}

enum hin_code hin_carrier_member_settings(const char *folder, struct hin_sensor_settings *out,
					  struct hin_error *err)
{
	struct hin_member member = { 0 };
	char path[PATH_MAX];
	enum hin_code code = hin_member_look(&member, folder, err);

	if (code == HIN_OK)
		code = hin_sensor_settings_load(out, hin_member_settings_path(&member, path),
						&member.settings_key, 1, err);
	hin_member_fini(&member);
	return code;
}

enum hin_code hin_carrier_member_weigh(const char *folder, const void *note, size_t size,
				       struct hin_sensor_settings *out, struct hin_error *err)
{
	struct hin_member member = { 0 };
	char path[PATH_MAX];
	enum hin_code code = hin_member_look(&member, folder, err);

	if (code == HIN_OK)
		code = hin_sensor_settings_weigh(out, hin_member_settings_path(&member, path), note,
						 size, &member.settings_key, 1, err);
	hin_member_fini(&member);
	return code;
}

enum hin_code hin_carrier_member_keep(const char *folder, const void *note, size_t size,
				      struct hin_sensor_settings *out, struct hin_error *err)
{
	struct hin_member member = { 0 };
	char path[PATH_MAX];
	enum hin_code code = hin_member_look(&member, folder, err);

	if (code == HIN_OK)
		code = hin_sensor_settings_keep(out, hin_member_settings_path(&member, path), note,
						size, &member.settings_key, 1, err);
	hin_member_fini(&member);
	return code;
}
