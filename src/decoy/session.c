/* session - see session.h */
#include "decoy/session.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/intruder.h"
#include "decoy/host/organisation.h"
#include "observe/registry.h"

#define PENDING 8	   /* files that may still grow */
#define COMMANDS_TOLD 2000 /* of one session */
#define COMMAND_TOLD 4096  /* bytes of one */
#define DIGEST 32

/* A file that was written: kept when it is run, when others push it out, and at the end. */
struct pending {
	uint32_t ino, channel;
	char *path;
};

struct hin_session {
	struct hin_session_settings settings;
	const struct hin_host_user *user;
	struct hin_intruder *intruder;
	unsigned shells, told;
	const struct hin_token *token; /* told last */
	bool over;
	struct pending pending[PENDING];
};

struct hin_session *hin_session_new(const struct hin_session_settings *settings)
{
	struct hin_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->settings = *settings;
	hin_session_tell(s,
			 (struct hin_event){ .type = HIN_EVENT_OPEN, .number = settings->service });
	return s;
}

static void keep_pending(struct hin_session *s, struct pending *p);

void hin_session_free(struct hin_session *session)
{
	if (session == NULL)
		return;
	for (int i = 0; i < PENDING; i++)
		keep_pending(session, &session->pending[i]);
	if (session->intruder != NULL)
		hin_intruder_leave(session->intruder, hin_session_now_us(session));
	free(session);
}

const struct hin_host *hin_session_host(const struct hin_session *session)
{
	return session->settings.host;
}

const struct hin_session_settings *hin_session_about(const struct hin_session *session)
{
	return &session->settings;
}

int64_t hin_session_now_us(const struct hin_session *session)
{
	return session->settings.calls->now_us(session->settings.user);
}

/* ---- to the client, and to the record ---- */

void hin_session_send(struct hin_session *session, const void *data, size_t size)
{
	if (!session->over && size > 0)
		session->settings.calls->send(session->settings.user, data, size);
}

bool hin_session_is_full(const struct hin_session *session)
{
	return session->settings.calls->unsent(session->settings.user) > HIN_SESSION_UNSENT;
}

void hin_session_hang_up(struct hin_session *session, enum hin_close why)
{
	if (session->over)
		return;
	session->over = true;
	session->settings.calls->hang_up(session->settings.user, why);
}

bool hin_session_is_over(const struct hin_session *session)
{
	return session->over;
}

void hin_session_record(struct hin_session *session, uint32_t channel, enum hin_direction direction,
			const void *data, size_t size)
{
	if (size > 0)
		session->settings.calls->record(session->settings.user, channel, direction, data,
						size);
}

void hin_session_tell(struct hin_session *session, struct hin_event event)
{
	event.time_us = hin_session_now_us(session);
	session->settings.calls->event(session->settings.user, &event);
}

/* ---- log-in ---- */

/* From now on it is `user`. */
static void let_in(struct hin_session *s, const struct hin_host_user *user)
{
	s->user = user;
	if (s->intruder == NULL && s->settings.intruders != NULL)
		s->intruder = hin_intruder_take(s->settings.intruders, s->settings.host,
						&s->settings.client, hin_session_now_us(s));
}

static void tell_credential(struct hin_session *s, enum hin_tried how, bool good, const char *user,
			    size_t user_size, const void *secret, size_t size)
{
	hin_session_tell(
		s, (struct hin_event){ .type = HIN_EVENT_CREDENTIAL,
				       .verdict = good ? HIN_VERDICT_SUCCESS : HIN_VERDICT_REFUSED,
				       .number = how,
				       .a = user,
				       .a_size = user_size,
				       .b = secret,
				       .b_size = size });
}

/* A planted thing was used: told once in a row. */
static void tell_token(struct hin_session *s, uint32_t channel, const struct hin_token *token)
{
	if (token == NULL || token == s->token)
		return;
	s->token = token;
	hin_session_tell(s, (struct hin_event){ .type = HIN_EVENT_HONEYTOKEN,
						.channel = channel,
						.a = token->name,
						.a_size = strlen(token->name) });
}

/* What a credential came to: told, and who it is of is let in when it is `proved`. */
static bool judge(struct hin_session *s, enum hin_host_login login, bool proved,
		  const struct hin_host_user *account, const struct hin_token *token)
{
	if (login == HIN_HOST_HONEYTOKEN && proved)
		tell_token(s, 0, token);
	if (login == HIN_HOST_REFUSED || account == NULL)
		return false;
	if (proved)
		let_in(s, account);
	return true;
}

bool hin_session_password(struct hin_session *session, const char *user, size_t user_size,
			  const char *password, size_t password_size)
{
	const struct hin_host_user *account = NULL;
	const struct hin_token *token = NULL;
	enum hin_host_login login = hin_host_password(session->settings.host, user, user_size,
						      password, password_size, &account, &token);

	tell_credential(session, HIN_CREDENTIAL_PASSWORD,
			login != HIN_HOST_REFUSED && account != NULL, user, user_size, password,
			password_size);
	return judge(session, login, true, account, token);
}

bool hin_session_public_key(struct hin_session *session, const char *user, size_t user_size,
			    const uint8_t *key, size_t key_size, bool proved)
{
	const struct hin_host_user *account = NULL;
	const struct hin_token *token = NULL;
	enum hin_host_login login = hin_host_key(session->settings.host, user, user_size, key,
						 key_size, &account, &token);
	bool good = login != HIN_HOST_REFUSED && account != NULL;

	if (proved || !good) /* a question that is answered yes is asked again with proof */
		tell_credential(session, HIN_CREDENTIAL_PUBLIC_KEY, good, user, user_size, key,
				key_size);
	return judge(session, login, proved, account, token);
}

const struct hin_host_user *hin_session_user(const struct hin_session *session)
{
	return session->user;
}

/* ---- files ---- */

struct hin_fs *hin_session_fs(struct hin_session *session)
{
	return session->intruder != NULL ? hin_intruder_fs(session->intruder) : NULL;
}

static void keep_pending(struct hin_session *s, struct pending *p)
{
	struct hin_fs *fs = hin_session_fs(s);
	uint8_t digest[DIGEST];
	struct hin_fs_stat stat;
	const uint8_t *data;
	size_t size;

	if (p->ino == 0 || fs == NULL)
		return;
	data = hin_fs_bytes(fs, p->ino, &size);
	hin_fs_stat(fs, p->ino, &stat);
	if (size > 0 && EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL) == 1) {
		if (hin_intruder_is_new(s->intruder, digest))
			s->settings.calls->keep(s->settings.user, p->path, data, size, digest);
		hin_session_tell(s, (struct hin_event){ .type = HIN_EVENT_FILE,
							.channel = p->channel,
							.number = stat.size,
							.a = p->path,
							.a_size = strlen(p->path),
							.b = digest,
							.b_size = sizeof(digest) });
	}
	hin_fs_drop(fs, p->ino);
	free(p->path);
	*p = (struct pending){ 0 };
}

void hin_session_file(struct hin_session *session, uint32_t channel, uint32_t ino, const char *path)
{
	struct hin_fs *fs = hin_session_fs(session);
	struct pending *p = session->pending;
	char *copy;

	for (int i = 0; i < PENDING; i++)
		if (session->pending[i].ino == ino)
			return;
	if (fs == NULL || ino == 0)
		return;
	copy = strdup(path);
	if (copy == NULL)
		return;
	if (p[PENDING - 1].ino != 0) { /* the oldest makes room */
		keep_pending(session, p);
		memmove(p, p + 1, (PENDING - 1) * sizeof(*p));
		p[PENDING - 1] = (struct pending){ 0 };
	}
	while (p->ino != 0)
		p++;
	hin_fs_hold(fs, ino); /* its bytes stay when it is removed */
	*p = (struct pending){ .ino = ino, .channel = channel, .path = copy };
}

void hin_session_read(struct hin_session *session, uint32_t channel, uint32_t ino)
{
	struct hin_fs *fs = hin_session_fs(session);
	const struct hin_token *token;
	struct hin_fs_stat stat;

	if (fs == NULL || ino == 0)
		return;
	hin_fs_stat(fs, ino, &stat);
	token = hin_host_token_tag(session->settings.host, stat.tag);
	if (token != NULL && token->kind == HIN_TOKEN_FILE) /* of a key, logging in is the use */
		tell_token(session, channel, token);
}

/* Keep the file `ino` now: it is as the intruder wants it. */
static void keep_now(struct hin_session *s, uint32_t ino)
{
	for (int i = 0; i < PENDING; i++)
		if (s->pending[i].ino == ino) {
			keep_pending(s, &s->pending[i]);
			memmove(&s->pending[i], &s->pending[i + 1],
				(size_t)(PENDING - 1 - i) * sizeof(s->pending[0]));
			s->pending[PENDING - 1] = (struct pending){ 0 };
			return;
		}
}

/* ---- the shell ---- */

static void tell_text(const struct hin_session_shell *shell, enum hin_event_type type,
		      const char *a, const char *b, uint64_t number)
{
	size_t a_size = a != NULL ? strnlen(a, COMMAND_TOLD) : 0;
	size_t b_size = b != NULL ? strnlen(b, COMMAND_TOLD) : 0;

	hin_session_tell(shell->session, (struct hin_event){ .type = (uint16_t)type,
							     .channel = shell->channel,
							     .number = number,
							     .a = a,
							     .a_size = a_size,
							     .b = b,
							     .b_size = b_size });
}

static void tell_command(const struct hin_session_shell *shell, const char *words)
{
	static const char enough[] = "more commands are not told one by one";
	struct hin_session *s = shell->session;

	if (s->told < COMMANDS_TOLD)
		tell_text(shell, HIN_EVENT_COMMAND, words, NULL, 0);
	else if (s->told == COMMANDS_TOLD)
		tell_text(shell, HIN_EVENT_NOTE, enough, NULL, COMMANDS_TOLD);
	s->told += s->told <= COMMANDS_TOLD;
}

/* The address as RFC 3986 writes it, whatever way it was typed. */
static void tell_download(const struct hin_session_shell *shell, const struct hin_shell_event *e)
{
	const char *scheme = e->scheme != NULL ? e->scheme : "http";
	const char *host = e->host != NULL ? e->host : "", *path = e->path != NULL ? e->path : "/";
	bool is_v6 = strchr(host, ':') != NULL;
	char url[COMMAND_TOLD], port[8] = "";

	if (e->port != 0)
		snprintf(port, sizeof(port), ":%u", e->port);
	snprintf(url, sizeof(url), "%s://%s%s%s%s%s%s", scheme, is_v6 ? "[" : "", host,
		 is_v6 ? "]" : "", port, path[0] == '/' ? "" : "/", path);
	tell_text(shell, HIN_EVENT_DOWNLOAD, url, e->file, 0);
}

static void on_event(void *user, const struct hin_shell_event *e)
{
	const struct hin_session_shell *shell = user;

	switch (e->kind) {
	case HIN_SHELL_COMMAND:
		tell_command(shell, e->text);
		break;
	case HIN_SHELL_DOWNLOAD:
		tell_download(shell, e);
		break;
	case HIN_SHELL_UPLOAD:
	case HIN_SHELL_CONNECT:
		tell_text(shell, HIN_EVENT_CONNECT, e->host, e->scheme, e->port);
		break;
	case HIN_SHELL_FILE:
		hin_session_file(shell->session, shell->channel, e->ino, e->file);
		break;
	case HIN_SHELL_READ:
		hin_session_read(shell->session, shell->channel, e->ino);
		break;
	case HIN_SHELL_EXECUTE:
		keep_now(shell->session, e->ino);
		tell_text(shell, HIN_EVENT_EXECUTE, e->file, e->text, 0);
		break;
	case HIN_SHELL_CREDENTIAL:
		tell_credential(shell->session, HIN_CREDENTIAL_TYPED, false,
				e->user != NULL ? e->user : "",
				e->user != NULL ? strlen(e->user) : 0, e->password,
				e->password != NULL ? strlen(e->password) : 0);
		break;
	case HIN_SHELL_LINE: /* the bytes are in the record */
	case HIN_SHELL_KILL: /* its command is told */
	case HIN_SHELL_END_SESSION:
		break;
	}
}

static void on_output(void *user, int fd, const void *data, size_t size)
{
	const struct hin_session_shell *shell = user;

	shell->output(shell->user, fd, data, size);
}

static void on_modes(void *user, const struct hin_shell_modes *modes)
{
	const struct hin_session_shell *shell = user;

	if (shell->modes != NULL)
		shell->modes(shell->user, modes);
}

static bool on_password(void *user, const char *name, const char *password)
{
	const struct hin_session_shell *shell = user;
	const struct hin_host_user *account = NULL;

	return hin_host_password(shell->session->settings.host, name, strlen(name), password,
				 strlen(password), &account, NULL) != HIN_HOST_REFUSED &&
	       account != NULL;
}

/* ---- its surroundings ---- */

struct variables {
	char texts[6][160];
	const char *all[32];
	size_t count, text_count;
};

static void add_variable(struct variables *v, const char *name, const char *value)
{
	char *text = v->texts[v->text_count++];

	snprintf(text, sizeof(v->texts[0]), "%s=%s", name, value);
	v->all[v->count++] = text;
}

static const char *path_of(const struct hin_host *host, const struct hin_host_user *user)
{
	if (host->machine.dialect == HIN_SHELL_ASH)
		return "/sbin:/usr/sbin:/bin:/usr/bin";
	return user->uid == 0 ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
			      : "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games";
}

static void variables_of(struct variables *v, const struct hin_session *s,
			 const struct hin_session_shell *settings)
{
	const struct hin_host_user *user = s->user;

	add_variable(v, "USER", user->name);
	add_variable(v, "LOGNAME", user->name);
	add_variable(v, "HOME", user->home);
	add_variable(v, "PATH", path_of(s->settings.host, user));
	add_variable(v, "SHELL", user->shell);
	if (settings->terminal.type != NULL)
		add_variable(v, "TERM", settings->terminal.type);
	for (const char *const *more = settings->variables;
	     more != NULL && *more != NULL && v->count + 1 < HIN_COUNT(v->all); more++)
		v->all[v->count++] = *more;
}

struct hin_shell *hin_session_shell(struct hin_session *session, struct hin_session_shell *settings)
{
	const struct hin_host *host = session->settings.host;
	struct hin_fs *fs = hin_session_fs(session);
	struct variables variables = { 0 };
	struct hin_shell_settings s;
	struct hin_shell *shell;
	const char *base;
	enum hin_code code;

	if (fs == NULL || session->user == NULL || session->shells >= HIN_SESSION_SHELLS)
		return NULL;
	settings->session = session;
	variables_of(&variables, session, settings);
	base = strrchr(session->user->shell, '/');
	snprintf(settings->name, sizeof(settings->name), "%s%s",
		 settings->command == NULL ? "-" : "",
		 base != NULL ? base + 1 : session->user->shell);
	s = (struct hin_shell_settings){
		.machine = &host->machine,
		.fs = fs,
		.user = { session->user->uid, session->user->gid },
		.name = settings->name,
		.variables = variables.all,
		.folder = session->user->home,
		.login = session->user->name,
		.from = hin_addr_format(&session->settings.client, settings->from),
		.first_pid = hin_intruder_pid(session->intruder),
		.limits = hin_shell_limits_default,
		.terminal = settings->terminal,
		.output = on_output,
		.event = on_event,
		.modes = on_modes,
		.password = on_password,
		.user_data = settings,
	};
	shell = hin_shell_new(&s);
	if (shell == NULL) { /* a home that is not there: as login does, without one */
		s.folder = "/";
		shell = hin_shell_new(&s);
	}
	if (shell == NULL)
		return NULL;
	code = settings->command != NULL ? hin_shell_command(shell, settings->command, NULL)
					 : hin_shell_interactive(shell);
	if (code != HIN_OK) {
		hin_shell_free(shell);
		return NULL;
	}
	session->shells++;
	return shell;
}

void hin_session_shell_end(struct hin_session *session, struct hin_shell *shell)
{
	if (shell == NULL)
		return;
	hin_shell_free(shell);
	session->shells--;
}
