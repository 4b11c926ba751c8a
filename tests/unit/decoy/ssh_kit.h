/*
 * ssh_kit - one imitated host for tests of the SSH service and programs that serve it: the real
 * session, and a host and a persona made here. Include it once in a program.
 *
 * User root has the password toor, user admin has admin123, and who has KIT_KEY's key is root.
 */
#pragma once
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../interop/imitated.h"
#include "decoy/intruder.h"
#include "decoy/host/persona.h"
#include "decoy/host/organisation.h"
#include "decoy/service.h"
#include "decoy/ssh/ssh_hostkey.h"
#include "decoy/ssh/ssh_profile.h"

/* What a host has of which the service asks. */
struct kit_host {
	struct hin_ssh_profile profile;
	struct hin_fs_image *image;
	struct hin_host host;
	struct hin_intruders *intruders;
	uint8_t key[1024]; /* a public key that is let in */
	size_t key_size;
};

/* A connection: what the session's calls left. */
struct kit_session {
	struct kit_host *host;
	struct hin_session *session;
	int64_t now_us;
	struct hin_buffer sent;
	size_t sent_bytes, unsent;
	bool over, keep_nothing;
	enum hin_close why;
	unsigned events[HIN_EVENT_NOTE + 1];
	struct hin_buffer recorded[2]; /* by direction, of channels */
	char note[256], command[256], client[256], file[256], forward[256];
	uint64_t file_size, forward_port, channel_status;
	uint8_t hassh[16];
	bool keep_records;
};

static const struct hin_setting kit_rows[] = { HIN_SSH_PROFILE_ROWS(struct kit_host, profile) };
static const struct hin_config_table kit_table = { kit_rows, HIN_COUNT(kit_rows) };
static const struct hin_host_user kit_users[] = {
	{ "root", "/root", "/bin/sh", 0, 0 },
	{ "admin", "/tmp", "/bin/sh", 1000, 1000 },
};
static const char *const kit_passwords[] = { "toor", "admin123" };
static int64_t kit_now_us = 1700000000000000;

static int64_t kit_clock(void *user)
{
	(void)user;
	return kit_now_us;
}

/* A host whose profile is the default but for `settings` ("ssh.tries=1"; ends with NULL). */
static inline bool kit_open(struct kit_host *h, const char *name, const char *const *settings)
{
	struct hin_error err = { .text = "" };
	bool good;

	memset(h, 0, sizeof(*h));
	good = hin_config_init(&kit_table, h, &err) == HIN_OK;
	for (; good && settings != NULL && *settings != NULL; settings++)
		good = hin_config_set(&kit_table, h, *settings, &err) == HIN_OK;
	if (!good)
		fprintf(stderr, "%s\n", err.text);
	h->image = imitated_image();
	h->intruders = hin_intruders_new(&hin_intruder_limits_default, 1);
	h->host.name = name;
	h->host.persona = (const struct hin_persona *)h;
	h->host.image = h->image;
	h->host.users = kit_users;
	h->host.user_count = HIN_COUNT(kit_users);
	h->host.machine = (struct hin_shell_machine){
		.dialect = HIN_SHELL_DASH,
		.hostname = name,
		.system = "Linux",
		.release = "6.1.0-18-amd64",
		.version = "#1 SMP PREEMPT_DYNAMIC",
		.hardware = "x86_64",
		.now_us = kit_clock,
	};
	for (size_t i = 0; i < HIN_HOST_SEED; i++)
		h->host.seed[i] = (uint8_t)(i * 7 + (uint8_t)name[0]);
	return good && h->image != NULL && h->intruders != NULL;
}

static inline void kit_close(struct kit_host *h)
{
	hin_ssh_hostkeys_forget();
	hin_intruders_free(h->intruders);
	hin_config_fini(&kit_table, h);
	hin_fs_image_free(h->image);
}

/* ---- host.h and persona.h ---- */

const struct hin_ssh_profile *hin_persona_ssh(const struct hin_persona *persona)
{
	return &((const struct kit_host *)(const void *)persona)->profile;
}

const struct hin_host_user *hin_host_user(const struct hin_host *host, const char *user,
					  size_t size)
{
	for (size_t i = 0; i < host->user_count; i++) {
		if (strlen(host->users[i].name) == size &&
		    memcmp(host->users[i].name, user, size) == 0)
			return &host->users[i];
	}
	return NULL;
}

enum hin_host_login hin_host_password(const struct hin_host *host, const char *user,
				      size_t user_size, const char *password, size_t password_size,
				      const struct hin_host_user **out,
				      const struct hin_token **token)
{
	const struct hin_host_user *found = hin_host_user(host, user, user_size);
	const char *right;

	*token = NULL;
	if (found == NULL)
		return HIN_HOST_REFUSED;
	right = kit_passwords[found - host->users];
	if (strlen(right) != password_size || memcmp(right, password, password_size) != 0)
		return HIN_HOST_REFUSED;
	*out = found;
	return HIN_HOST_ACCEPTED;
}

enum hin_host_login hin_host_key(const struct hin_host *host, const char *user, size_t user_size,
				 const uint8_t *key, size_t key_size,
				 const struct hin_host_user **out, const struct hin_token **token)
{
	const struct kit_host *h = (const struct kit_host *)(const void *)host->persona;

	*token = NULL;
	*out = hin_host_user(host, user, user_size);
	if (*out == NULL || key_size == 0 || key_size != h->key_size ||
	    memcmp(key, h->key, key_size) != 0)
		return HIN_HOST_REFUSED;
	return HIN_HOST_HONEYTOKEN;
}

const struct hin_token *hin_host_token_tag(const struct hin_host *host, uint32_t tag)
{
	(void)host;
	(void)tag;
	return NULL;
}

enum hin_code hin_host_derive(const struct hin_host *host, const char *purpose, uint8_t *out,
			      size_t size)
{
	for (size_t at = 0, block = 0; at < size; at += 32, block++) {
		uint8_t digest[32], text[HIN_HOST_SEED + 64] = { 0 };
		size_t digest_size;

		memcpy(text, host->seed, HIN_HOST_SEED);
		snprintf((char *)text + HIN_HOST_SEED, 64, "%s %zu", purpose, block);
		if (EVP_Q_digest(NULL, "SHA256", NULL, text, sizeof(text), digest, &digest_size) !=
		    1)
			return HIN_ENOMEM;
		memcpy(out + at, digest, size - at < 32 ? size - at : 32);
	}
	return HIN_OK;
}

struct hin_fs *hin_host_files(const struct hin_host *host)
{
	static const struct hin_fs_quota quota = { 8 << 20, 2000 };

	return hin_fs_new(host->image, &quota);
}

/* ---- what a session calls ---- */

static void kit_send(void *user, const void *data, size_t size)
{
	struct kit_session *s = user;

	s->sent_bytes += size;
	if (!s->keep_nothing)
		hin_buffer_add(&s->sent, data, size);
}

static size_t kit_unsent(void *user)
{
	return ((struct kit_session *)user)->unsent;
}

static void kit_hang_up(void *user, enum hin_close why)
{
	struct kit_session *s = user;

	s->over = true;
	s->why = why;
}

static void kit_record(void *user, uint32_t channel, enum hin_direction direction, const void *data,
		       size_t size)
{
	struct kit_session *s = user;

	if (s->keep_records && channel != 0)
		hin_buffer_add(&s->recorded[direction], data, size);
}

static void kit_keep_text(char *to, const void *text, size_t size)
{
	snprintf(to, 256, "%.*s", size < 255 ? (int)size : 255,
		 text != NULL ? (const char *)text : "");
}

static void kit_event(void *user, const struct hin_event *event)
{
	struct kit_session *s = user;

	s->events[event->type]++;
	switch (event->type) {
	case HIN_EVENT_NOTE:
		kit_keep_text(s->note, event->a, event->a_size);
		break;
	case HIN_EVENT_COMMAND:
		kit_keep_text(s->command, event->a, event->a_size);
		break;
	case HIN_EVENT_CLIENT:
		kit_keep_text(s->client, event->a, event->a_size);
		break;
	case HIN_EVENT_FILE:
		kit_keep_text(s->file, event->a, event->a_size);
		s->file_size = event->number;
		break;
	case HIN_EVENT_FORWARD:
		kit_keep_text(s->forward, event->a, event->a_size);
		s->forward_port = event->number;
		break;
	case HIN_EVENT_FINGERPRINT:
		memcpy(s->hassh, event->b, sizeof(s->hassh));
		break;
	case HIN_EVENT_CHANNEL_END:
		s->channel_status = event->number;
		break;
	default:
		break;
	}
}

static void kit_keep(void *user, const char *path, const void *data, size_t size,
		     const uint8_t sha256[32])
{
	(void)user, (void)path, (void)data, (void)size, (void)sha256;
}

static int64_t kit_session_now(void *user)
{
	return ((struct kit_session *)user)->now_us;
}

static const struct hin_session_calls kit_calls = {
	kit_send, kit_unsent, kit_hang_up, kit_record, kit_event, kit_keep, kit_session_now,
};

static inline void kit_begin(struct kit_session *s, struct kit_host *h)
{
	struct hin_session_settings settings = {
		.host = &h->host,
		.intruders = h->intruders,
		.client_port = 40000,
		.server_port = 22,
		.service = hin_service_ssh.service,
		.calls = &kit_calls,
		.user = s,
	};

	s->host = h;
	if (s->now_us == 0)
		s->now_us = kit_now_us;
	settings.client = hin_addr_of_v4(0xc0000207);
	s->session = hin_session_new(&settings);
	if (s->session == NULL)
		abort();
}

static inline void kit_end(struct kit_session *s)
{
	hin_session_free(s->session);
	hin_buffer_fini(&s->sent);
	hin_buffer_fini(&s->recorded[0]);
	hin_buffer_fini(&s->recorded[1]);
}
