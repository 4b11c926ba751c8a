/*
 * telnet_kit - a session that is a loop of bytes, for tests of the Telnet service and programs that
 * serve it: in place of session.c and persona.c. Include it once in a program.
 */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../interop/imitated.h"
#include "decoy/host/persona.h"
#include "decoy/service.h"
#include "decoy/telnet/telnet_profile.h"

#define KIT_NAME "root"
#define KIT_PASSWORD "toor"

/* What a host has of which the service asks. */
struct kit_host {
	struct hin_telnet_profile profile;
	struct hin_fs_image *image;
	struct hin_host host;
};

struct hin_session {
	struct kit_host *host;
	int64_t now_us;
	struct hin_buffer sent;
	struct hin_fs *fs;
	const struct hin_host_user *user;
	unsigned credentials, events[HIN_EVENT_NOTE + 1];
	char last_name[512], last_password[512];
	size_t last_name_size, last_password_size;
	size_t sent_bytes; /* in all */
	size_t most_bytes; /* it is full from there on; 0: never */
	bool over, full, keep_nothing;
	enum hin_close why;
};

static const struct hin_setting kit_rows[] = { HIN_TELNET_PROFILE_ROWS(struct kit_host, profile) };
static const struct hin_config_table kit_table = { kit_rows, HIN_COUNT(kit_rows) };

static int64_t kit_clock(void *user)
{
	(void)user;
	return 1700000000000000;
}

/* A host whose profile is the default, without a start, but for `settings` ("telnet.tries=1"; ends
 * with NULL). */
static inline bool kit_open(struct kit_host *h, const char *name, const char *const *settings)
{
	struct hin_error err;
	bool good = true;

	memset(h, 0, sizeof(*h));
	good = hin_config_init(&kit_table, h, &err) == HIN_OK &&
	       hin_config_set(&kit_table, h, "telnet.start=0s", &err) == HIN_OK;
	for (; good && settings != NULL && *settings != NULL; settings++)
		good = hin_config_set(&kit_table, h, *settings, &err) == HIN_OK;
	good = good && hin_telnet_profile_prepare(&h->profile, &err) == HIN_OK;
	if (!good)
		fprintf(stderr, "%s\n", err.text);
	h->image = imitated_image();
	h->host.name = name;
	h->host.persona = (const struct hin_persona *)h;
	h->host.machine = (struct hin_shell_machine){
		.dialect = h->profile.editor == HIN_TELNET_EDITOR_BASH ? HIN_SHELL_DASH
								       : HIN_SHELL_ASH,
		.hostname = name,
		.system = "Linux",
		.release = "6.1.0-18-amd64",
		.version = "#1 SMP PREEMPT_DYNAMIC",
		.hardware = "x86_64",
		.busybox = "BusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1)",
		.now_us = kit_clock,
	};
	return good && h->image != NULL;
}

static inline void kit_close(struct kit_host *h)
{
	hin_config_fini(&kit_table, h);
	hin_fs_image_free(h->image);
}

static inline struct hin_session *kit_session(struct kit_host *h)
{
	struct hin_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		abort();
	s->host = h;
	s->now_us = 1700000000000000;
	return s;
}

static inline void kit_session_free(struct hin_session *s)
{
	hin_fs_free(s->fs);
	hin_buffer_fini(&s->sent);
	free(s);
}

/* ---- session.h ---- */

const struct hin_host *hin_session_host(const struct hin_session *s)
{
	return &s->host->host;
}

int64_t hin_session_now_us(const struct hin_session *s)
{
	return s->now_us;
}

void hin_session_send(struct hin_session *s, const void *data, size_t size)
{
	s->sent_bytes += size;
	if (!s->keep_nothing)
		hin_buffer_add(&s->sent, data, size);
}

bool hin_session_is_full(const struct hin_session *s)
{
	return s->full || (s->most_bytes > 0 && s->sent_bytes >= s->most_bytes);
}

void hin_session_hang_up(struct hin_session *s, enum hin_close why)
{
	s->over = true;
	s->why = why;
}

void hin_session_record(struct hin_session *s, uint32_t channel, enum hin_direction direction,
			const void *data, size_t size)
{
	(void)s, (void)channel, (void)direction, (void)data, (void)size;
}

void hin_session_tell(struct hin_session *s, struct hin_event event)
{
	s->events[event.type]++;
}

static bool kit_is(const char *wanted, const char *text, size_t size)
{
	return size == strlen(wanted) && memcmp(wanted, text, size) == 0;
}

bool hin_session_password(struct hin_session *s, const char *user, size_t user_size,
			  const char *password, size_t password_size)
{
	static const struct hin_host_user users[] = {
		{ .name = KIT_NAME, .home = "/root", .shell = "/bin/sh" },
		{ .name = KIT_NAME, .home = "/root", .shell = "/bin/bash" },
	};

	s->credentials++;
	s->last_name_size = user_size < sizeof(s->last_name) ? user_size : sizeof(s->last_name);
	memcpy(s->last_name, user, s->last_name_size);
	s->last_password_size =
		password_size < sizeof(s->last_password) ? password_size : sizeof(s->last_password);
	memcpy(s->last_password, password, s->last_password_size);
	if (!kit_is(KIT_NAME, user, user_size) || !kit_is(KIT_PASSWORD, password, password_size))
		return false;
	s->user = &users[s->host->profile.editor == HIN_TELNET_EDITOR_BASH];
	return true;
}

const struct hin_host_user *hin_session_user(const struct hin_session *s)
{
	return s->user;
}

struct hin_fs *hin_session_fs(struct hin_session *s)
{
	static const struct hin_fs_quota quota = { (uint64_t)8 << 20, 4096 };

	if (s->fs == NULL)
		s->fs = hin_fs_new(s->host->image, &quota);
	return s->fs;
}

static void kit_output(void *user, int fd, const void *data, size_t size)
{
	const struct hin_session_shell *settings = user;

	settings->output(settings->user, fd, data, size);
}

static void kit_modes(void *user, const struct hin_shell_modes *modes)
{
	const struct hin_session_shell *settings = user;

	settings->modes(settings->user, modes);
}

struct hin_shell *hin_session_shell(struct hin_session *s, struct hin_session_shell *settings)
{
	static const char *const variables[] = { "PATH=/bin:/sbin", "HOME=/root", "USER=root",
						 NULL };
	struct hin_shell_settings shell = {
		.machine = &s->host->host.machine,
		.fs = hin_session_fs(s),
		.user = { s->user->uid, s->user->gid },
		.name = strcmp(s->user->shell, "/bin/sh") == 0 ? "-sh" : "-bash",
		.variables = variables,
		.folder = "/root",
		.login = KIT_NAME,
		.first_pid = 1000,
		.limits = hin_shell_limits_default,
		.terminal = settings->terminal,
		.output = kit_output,
		.modes = kit_modes,
		.user_data = settings,
	};
	struct hin_shell *made = shell.fs != NULL ? hin_shell_new(&shell) : NULL;

	if (made != NULL && hin_shell_interactive(made) != HIN_OK) {
		hin_shell_free(made);
		return NULL;
	}
	return made;
}

void hin_session_shell_end(struct hin_session *s, struct hin_shell *shell)
{
	(void)s;
	hin_shell_free(shell);
}

const struct hin_telnet_profile *hin_persona_telnet(const struct hin_persona *persona)
{
	return &((const struct kit_host *)persona)->profile;
}
