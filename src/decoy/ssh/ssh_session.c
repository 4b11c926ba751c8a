/* ssh_session - shells, commands and subsystems of a channel; see ssh_channel.h */
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decoy/ssh/scp.h"
#include "decoy/ssh/sftp.h"
#include "decoy/ssh/ssh_channel.h"
#include "decoy/terminal/terminal.h"

#define STEPS 10000 /* of a shell, before others have their turn */
#define ROUNDS 64   /* requests of SFTP, likewise */
#define VARIABLES_MAX 64
#define VARIABLES_BYTES ((size_t)16 * 1024)
#define COMMAND_MAX ((size_t)128 * 1024)
#define SIDE_MAX 1000 /* columns or rows that a shell hears of */

enum state { LARVAL, DELAYED, RUNNING, ENDED };

struct ssh_session {
	struct ssh_channel *channel;
	uint8_t state;
	bool pty, iutf8;
	unsigned columns, rows;
	char *term, *command;	     /* command NULL: a log-in shell */
	struct hin_buffer variables; /* "NAME=value", each with its NUL */
	unsigned variable_count;
	bool input_ended, told;
	int status;		 /* of what ran, once ENDED */
	int64_t due_us;		 /* while DELAYED */
	struct hin_buffer typed; /* before the shell has begun */
	struct hin_session_shell shell_settings;
	struct hin_shell *shell;
	struct hin_terminal *terminal;
	struct hin_sftp *sftp;
	struct hin_scp *scp;
};

struct ssh_session *ssh_session_new(struct ssh_channel *ch)
{
	struct ssh_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->channel = ch;
	s->variables.limit = VARIABLES_BYTES;
	return s;
}

/* What runs ends: the shell hears SIGHUP. */
static void stop(struct ssh_session *s)
{
	hin_terminal_free(s->terminal);
	s->terminal = NULL;
	if (s->shell != NULL) {
		hin_shell_signal(s->shell, SIGHUP);
		hin_session_shell_end(s->channel->connection->session, s->shell);
		s->shell = NULL;
	}
	hin_sftp_free(s->sftp);
	s->sftp = NULL;
	hin_scp_free(s->scp);
	s->scp = NULL;
	hin_buffer_fini(&s->typed);
}

void ssh_session_free(struct ssh_session *s)
{
	if (s == NULL)
		return;
	stop(s);
	free(s->term);
	free(s->command);
	hin_buffer_fini(&s->variables);
	free(s);
}

static void tell(struct ssh_session *s, enum hin_event_type type, uint64_t number, const char *text)
{
	hin_session_tell(s->channel->connection->session,
			 (struct hin_event){ .type = (uint16_t)type,
					     .channel = s->channel->record,
					     .number = number,
					     .a = text,
					     .a_size = text != NULL ? strlen(text) : 0 });
}

/* ---- output ---- */

static void on_plain_output(void *user, int fd, const void *data, size_t size)
{
	struct ssh_session *s = user;

	ssh_channel_write(s->channel, fd, data, size);
}

static void on_output(void *user, const void *data, size_t size)
{
	on_plain_output(user, 1, data, size);
}

static void on_shell_output(void *user, int fd, const void *data, size_t size)
{
	struct ssh_session *s = user;

	if (s->terminal != NULL)
		hin_terminal_output(s->terminal, fd, data, size);
	else
		ssh_channel_write(s->channel, fd, data, size);
}

static void on_modes(void *user, const struct hin_shell_modes *modes)
{
	struct ssh_session *s = user;

	if (s->terminal != NULL)
		hin_terminal_modes(s->terminal, modes);
}

/* ---- what is shown before a shell ---- */

static void show_file(struct ssh_session *s, struct hin_fs *fs, const char *path)
{
	static const struct hin_fs_user root = { 0, 0 };
	const struct hin_host *host = hin_session_host(s->channel->connection->session);
	struct hin_buffer text = { 0 };
	struct hin_fs_stat stat;
	uint32_t ino;

	if (hin_fs_find(fs, &root, HIN_FS_ROOT, path, true, &ino) != 0)
		return;
	hin_fs_stat(fs, ino, &stat);
	if (stat.type != HIN_FS_FILE)
		return;
	if (stat.tag != 0) {
		hin_shell_generate(fs, &host->machine, ino, &text);
	} else {
		size_t size;
		const uint8_t *bytes = hin_fs_bytes(fs, ino, &size);

		hin_buffer_add(&text, bytes, size);
	}
	if (!text.failed)
		hin_terminal_print(s->terminal, text.data, text.used);
	hin_buffer_fini(&text);
}

/* "Last login: Sat Nov 21 09:14:03 2026 from 192.0.2.7" */
static void show_last_login(struct ssh_session *s)
{
	struct hin_session *session = s->channel->connection->session;
	const struct hin_shell_machine *machine = &hin_session_host(session)->machine;
	const struct hin_host_user *user = hin_session_user(session);

	for (size_t i = 0; i < machine->login_count; i++) {
		const struct hin_machine_login *login = &machine->logins[i];
		time_t at = (time_t)(login->from_s + machine->zone_s);
		char when[40], line[160];
		struct tm tm;

		if (strcmp(login->user, user->name) != 0)
			continue;
		gmtime_r(&at, &tm);
		strftime(when, sizeof(when), "%a %b %e %H:%M:%S %Y", &tm);
		snprintf(line, sizeof(line), "Last login: %s%s%s\n", when,
			 login->from != NULL ? " from " : "",
			 login->from != NULL ? login->from : "");
		hin_terminal_print(s->terminal, line, strlen(line));
		return;
	}
}

static void show_welcome(struct ssh_session *s)
{
	struct ssh_connection *c = s->channel->connection;
	struct hin_fs *fs = hin_session_fs(c->session);
	const struct hin_host_user *user = hin_session_user(c->session);
	struct hin_fs_user who = { user->uid, user->gid };
	uint32_t home, quiet;

	if (hin_fs_find(fs, &who, HIN_FS_ROOT, user->home, true, &home) == 0 &&
	    hin_fs_find(fs, &who, home, ".hushlogin", true, &quiet) == 0)
		return;
	for (size_t i = 0; i < c->profile->motd.count; i++)
		show_file(s, fs, c->profile->motd.items[i]);
	if (c->profile->last_login)
		show_last_login(s);
}

/* ---- beginning ---- */

static bool make_terminal(struct ssh_session *s)
{
	const struct ssh_connection *c = s->channel->connection;
	const char *shell = hin_session_user(c->session)->shell, *base = strrchr(shell, '/');
	const struct hin_shell_machine *machine = &hin_session_host(c->session)->machine;
	struct hin_terminal_settings settings = {
		.type = s->term,
		.columns = s->columns,
		.rows = s->rows,
		.utf8 = s->iutf8,
		.send = on_output,
		.user = s,
	};

	if (strcmp(base != NULL ? base + 1 : shell, "bash") == 0)
		settings.editor = HIN_EDITOR_READLINE;
	else if (machine->dialect == HIN_SHELL_ASH)
		settings.editor = HIN_EDITOR_ASH;
	s->terminal = hin_terminal_new(&settings);
	return s->terminal != NULL;
}

/* Pointers to the variables that the client set; the caller frees them. */
static const char **variables_of(struct ssh_session *s)
{
	const char **all = calloc(s->variable_count + 1, sizeof(*all));
	const char *at = s->variables.data;

	for (unsigned i = 0; all != NULL && i < s->variable_count; i++) {
		all[i] = at;
		at += strlen(at) + 1;
	}
	return all;
}

static bool begin_shell(struct ssh_session *s)
{
	struct ssh_connection *c = s->channel->connection;
	const struct hin_host_user *user = hin_session_user(c->session);
	const char **variables;
	uint32_t home;

	if (s->pty && !make_terminal(s))
		return false;
	if (s->pty && s->command == NULL)
		show_welcome(s);
	variables = variables_of(s);
	s->shell_settings = (struct hin_session_shell){
		.channel = s->channel->record,
		.command = s->command,
		.terminal = { .is_terminal = s->pty,
			      .name = "pts/0",
			      .type = s->term,
			      .columns = s->columns,
			      .rows = s->rows },
		.variables = variables,
		.output = on_shell_output,
		.modes = on_modes,
		.user = s,
	};
	s->shell = hin_session_shell(c->session, &s->shell_settings);
	s->shell_settings.variables = NULL;
	free(variables);
	if (s->shell == NULL)
		return false;
	if (s->terminal != NULL) {
		struct hin_fs_user who = { user->uid, user->gid };
		struct hin_fs *fs = hin_session_fs(c->session);

		hin_terminal_attach(s->terminal, s->shell);
		if (hin_fs_find(fs, &who, HIN_FS_ROOT, user->home, true, &home) != 0)
			home = HIN_FS_ROOT;
		hin_terminal_complete(s->terminal, fs, who, home);
	}
	return true;
}

static bool begin_scp(struct ssh_session *s)
{
	struct hin_scp_settings settings = {
		.session = s->channel->connection->session,
		.channel = s->channel->record,
		.send = on_plain_output,
		.user = s,
	};

	if (s->pty || s->command == NULL || !s->channel->connection->profile->scp)
		return false;
	s->scp = hin_scp_new(&settings, s->command);
	return s->scp != NULL;
}

/* The channel carries data: tell what it is, and begin after the delay that the server has. */
static bool start(struct ssh_session *s)
{
	struct ssh_channel *ch = s->channel;
	const struct hin_ssh_profile *p = ch->connection->profile;
	enum hin_channel kind = HIN_CHANNEL_SFTP;

	if (s->sftp == NULL)
		kind = begin_scp(s)	    ? HIN_CHANNEL_SCP
		       : s->command != NULL ? HIN_CHANNEL_COMMAND
					    : HIN_CHANNEL_SHELL;
	tell(s, HIN_EVENT_CHANNEL, kind, s->command);
	if (s->pty)
		tell(s, HIN_EVENT_TERMINAL, (uint64_t)s->columns << 16 | s->rows, s->term);
	ssh_channel_start(ch, (uint32_t)p->window_bytes);
	s->state = DELAYED;
	s->due_us = hin_session_now_us(ch->connection->session) + p->shell_ns / HIN_NS_PER_US;
	return true;
}

/* ---- requests ---- */

static unsigned side(uint32_t value)
{
	return value < SIDE_MAX ? value : SIDE_MAX;
}

/* Encoded modes (RFC 4254, 8): of all of them a terminal heeds IUTF8 alone before its shell. */
static void read_modes(struct ssh_session *s, struct hin_ssh_string modes)
{
	struct hin_reader in = hin_reader_of(modes.data, modes.size);

	while (in.left > 0) {
		uint8_t opcode = hin_read_u8(&in);
		uint32_t value;

		if (opcode == 0 || opcode >= 160)
			return;
		value = hin_read_be32(&in);
		if (opcode == 42 && !in.failed)
			s->iutf8 = value != 0;
	}
}

static bool request_pty(struct ssh_session *s, struct hin_reader *in)
{
	struct ssh_connection *c = s->channel->connection;
	struct hin_ssh_string term, modes;

	if (s->pty) {
		if (!c->dropbear)
			ssh_disconnect(c, SSH_DISCONNECT_PROTOCOL_ERROR,
				       "Protocol error: you already have a pty.");
		return false;
	}
	term = ssh_get_cstring(in);
	s->columns = side(hin_read_be32(in));
	s->rows = side(hin_read_be32(in));
	hin_read_be32(in);
	hin_read_be32(in);
	modes = hin_ssh_get_string(in);
	if (in->failed) {
		ssh_broken(c, "pty-req without its fields");
		return false;
	}
	read_modes(s, modes);
	if (term.size > 0)
		s->term = strndup((const char *)term.data, term.size < 255 ? term.size : 255);
	s->pty = true;
	return true;
}

static bool request_env(struct ssh_session *s, struct hin_reader *in)
{
	const struct hin_config_list *accepted = &s->channel->connection->profile->accepted_env;
	struct hin_ssh_string name = ssh_get_cstring(in), value = ssh_get_cstring(in);
	char text[256];

	if (!ssh_at_end(in)) {
		ssh_broken(s->channel->connection, "env without its fields");
		return false;
	}
	if (name.size == 0 || name.size >= sizeof(text) || s->variable_count >= VARIABLES_MAX)
		return false;
	memcpy(text, name.data, name.size);
	text[name.size] = '\0';
	for (size_t i = 0; i < accepted->count; i++) {
		size_t before = s->variables.used;

		if (fnmatch(accepted->items[i], text, 0) != 0)
			continue;
		hin_buffer_add(&s->variables, name.data, name.size);
		hin_buffer_putc(&s->variables, '=');
		hin_buffer_add(&s->variables, value.data, value.size);
		hin_buffer_putc(&s->variables, '\0');
		if (s->variables.failed) { /* too much: as if it were not accepted */
			s->variables.failed = false;
			s->variables.used = before;
			return false;
		}
		s->variable_count++;
		return true;
	}
	return false;
}

static bool request_command(struct ssh_session *s, struct hin_reader *in)
{
	struct hin_ssh_string command = ssh_get_cstring(in);

	if (!ssh_at_end(in)) {
		ssh_broken(s->channel->connection, "exec without its fields");
		return false;
	}
	if (command.size > COMMAND_MAX) {
		ssh_note(s->channel->connection, "limit reached: a command");
		return false;
	}
	s->command = strndup((const char *)command.data, command.size);
	return s->command != NULL && start(s);
}

static bool request_shell(struct ssh_session *s, struct hin_reader *in)
{
	if (!ssh_at_end(in)) {
		ssh_broken(s->channel->connection, "shell with a field");
		return false;
	}
	return start(s);
}

static bool request_subsystem(struct ssh_session *s, struct hin_reader *in)
{
	struct ssh_connection *c = s->channel->connection;
	struct hin_sftp_settings settings = {
		.session = c->session,
		.profile = c->profile,
		.channel = s->channel->record,
		.send = on_output,
		.user = s,
	};
	struct hin_ssh_string name = ssh_get_cstring(in);

	if (!ssh_at_end(in)) {
		ssh_broken(c, "subsystem without its fields");
		return false;
	}
	if (!hin_ssh_string_is(name, "sftp") || !c->profile->sftp)
		return false;
	s->sftp = hin_sftp_new(&settings);
	return s->sftp != NULL && start(s);
}

static bool request_window(struct ssh_session *s, struct hin_reader *in)
{
	uint32_t columns = hin_read_be32(in), rows = hin_read_be32(in);

	hin_read_be32(in);
	hin_read_be32(in);
	if (!ssh_at_end(in)) {
		ssh_broken(s->channel->connection, "window-change without its fields");
		return false;
	}
	s->columns = side(columns);
	s->rows = side(rows);
	if (s->terminal != NULL)
		hin_terminal_resize(s->terminal, s->columns, s->rows);
	if (s->pty)
		tell(s, HIN_EVENT_TERMINAL, (uint64_t)s->columns << 16 | s->rows, s->term);
	return true;
}

static bool request_signal(struct ssh_session *s, struct hin_reader *in)
{
	static const struct {
		const char *name;
		int number;
	} signals[] = {
		{ "HUP", SIGHUP },   { "INT", SIGINT },	  { "QUIT", SIGQUIT },
		{ "KILL", SIGKILL }, { "TERM", SIGTERM }, { "USR1", SIGUSR1 },
		{ "USR2", SIGUSR2 }, { "ABRT", SIGABRT }, { "ALRM", SIGALRM },
	};
	struct hin_ssh_string name = ssh_get_cstring(in);

	if (!ssh_at_end(in) || s->shell == NULL)
		return false;
	for (size_t i = 0; i < HIN_COUNT(signals); i++) {
		if (!hin_ssh_string_is(name, signals[i].name))
			continue;
		hin_shell_signal(s->shell, signals[i].number);
		return true;
	}
	return false;
}

static bool request_agent(struct ssh_session *s, struct hin_reader *in)
{
	struct ssh_connection *c = s->channel->connection;

	if (!c->dropbear && !ssh_at_end(in)) {
		ssh_broken(c, "auth-agent-req with a field");
		return false;
	}
	if (c->profile->agent_forwarding)
		ssh_note(c, "an agent was offered");
	return c->profile->agent_forwarding;
}

static bool request_x11(struct ssh_session *s, struct hin_reader *in)
{
	struct ssh_connection *c = s->channel->connection;

	hin_read_u8(in);
	ssh_get_cstring(in);
	ssh_get_cstring(in);
	hin_read_be32(in);
	if (!ssh_at_end(in)) {
		ssh_broken(c, "x11-req without its fields");
		return false;
	}
	return c->profile->x11_forwarding;
}

static const struct {
	const char *name;
	bool (*take)(struct ssh_session *s, struct hin_reader *in);
	bool larval; /* before a shell or command runs */
} requests[] = {
	{ "shell", request_shell, true },
	{ "exec", request_command, true },
	{ "pty-req", request_pty, true },
	{ "x11-req", request_x11, true },
	{ "auth-agent-req@openssh.com", request_agent, true },
	{ "subsystem", request_subsystem, true },
	{ "env", request_env, true },
	{ "window-change", request_window, false },
	{ "signal", request_signal, false },
};

bool ssh_session_request(struct ssh_channel *ch, struct hin_ssh_string type, struct hin_reader *in)
{
	struct ssh_session *s = ch->session;

	for (size_t i = 0; i < HIN_COUNT(requests); i++) {
		if (hin_ssh_string_is(type, requests[i].name))
			return (!requests[i].larval || s->state == LARVAL) &&
			       requests[i].take(s, in);
	}
	return false;
}

/* ---- input ---- */

void ssh_session_input(struct ssh_channel *ch, const uint8_t *data, size_t size)
{
	struct ssh_session *s = ch->session;

	if (s->sftp != NULL)
		hin_sftp_input(s->sftp, data, size);
	else if (s->scp != NULL)
		hin_scp_input(s->scp, data, size);
	else if (s->terminal != NULL)
		hin_terminal_type(s->terminal, data, size);
	else if (s->shell != NULL)
		hin_shell_input(s->shell, data, size);
	else
		hin_buffer_add(&s->typed, data, size);
}

void ssh_session_input_end(struct ssh_channel *ch)
{
	struct ssh_session *s = ch->session;

	s->input_ended = true;
	if (s->scp != NULL)
		hin_scp_input_end(s->scp);
	else if (s->shell != NULL && s->terminal == NULL)
		hin_shell_input_end(s->shell);
}

/* ---- going on ---- */

/* What ran is over; its end is told when all that it said is on its way. */
static void end(struct ssh_session *s, int status)
{
	tell(s, HIN_EVENT_CHANNEL_END, (uint64_t)(unsigned)status, NULL);
	s->state = ENDED;
	s->status = status;
	stop(s);
}

/* As OpenSSH: the status, that nobody reads, then EOF and CLOSE. */
void ssh_session_tell_end(struct ssh_channel *ch)
{
	struct ssh_session *s = ch->session;
	struct hin_buffer *out;

	if (s == NULL || s->state != ENDED || s->told)
		return;
	s->told = true;
	if (ch->eof_got)
		ssh_channel_send_eof(ch);
	if (!ch->close_sent) {
		out = ssh_channel_request(ch, "exit-status");
		hin_ssh_put_u32(out, (uint32_t)s->status & 0xff);
		ssh_finish(ch->connection);
	}
	ssh_channel_close_input(ch);
	ch->output_done = true;
}

static int64_t run_sftp(struct ssh_session *s, int64_t now_us)
{
	int status;

	for (unsigned i = 0; i < ROUNDS; i++) {
		if (hin_sftp_is_over(s->sftp, &status)) {
			end(s, status);
			return HIN_SERVICE_NEVER;
		}
		if (ssh_channel_is_full(s->channel))
			return HIN_SERVICE_NEVER;
		if (!hin_sftp_run(s->sftp)) {
			if (s->input_ended && !hin_sftp_is_over(s->sftp, &status))
				end(s, 0);
			else if (hin_sftp_is_over(s->sftp, &status))
				end(s, status);
			return HIN_SERVICE_NEVER;
		}
	}
	return now_us;
}

static int64_t run_scp(struct ssh_session *s, int64_t now_us)
{
	int status;

	for (unsigned i = 0; i < ROUNDS; i++) {
		if (hin_scp_is_over(s->scp, &status)) {
			end(s, status);
			return HIN_SERVICE_NEVER;
		}
		if (ssh_channel_is_full(s->channel))
			return HIN_SERVICE_NEVER;
		if (!hin_scp_run(s->scp)) {
			if (hin_scp_is_over(s->scp, &status))
				end(s, status);
			return HIN_SERVICE_NEVER;
		}
	}
	return now_us;
}

static int64_t run_shell(struct ssh_session *s, int64_t now_us)
{
	enum hin_shell_state state;

	if (ssh_channel_is_full(s->channel))
		return HIN_SERVICE_NEVER; /* until the client has taken some */
	state = s->terminal != NULL ? hin_terminal_run(s->terminal, STEPS)
				    : hin_shell_run(s->shell, STEPS);
	switch (state) {
	case HIN_SHELL_RUNS:
		return now_us;
	case HIN_SHELL_SLEEPS:
		return hin_shell_wakes_us(s->shell);
	case HIN_SHELL_DONE:
		end(s, hin_shell_status(s->shell));
		return HIN_SERVICE_NEVER;
	default:
		return HIN_SERVICE_NEVER;
	}
}

static void begin(struct ssh_session *s)
{
	s->state = RUNNING;
	if (s->sftp != NULL || s->scp != NULL)
		return;
	if (!begin_shell(s)) {
		end(s, 255);
		return;
	}
	if (s->typed.used > 0)
		ssh_session_input(s->channel, (const uint8_t *)s->typed.data, s->typed.used);
	hin_buffer_fini(&s->typed);
	if (s->input_ended)
		ssh_session_input_end(s->channel);
}

int64_t ssh_session_run(struct ssh_channel *ch, int64_t now_us)
{
	struct ssh_session *s = ch->session;

	if (s == NULL || s->state == LARVAL || s->state == ENDED)
		return HIN_SERVICE_NEVER;
	if (s->state == DELAYED) {
		if (now_us < s->due_us)
			return s->due_us;
		begin(s);
	}
	if (s->state == ENDED)
		return HIN_SERVICE_NEVER;
	if (s->sftp != NULL)
		return run_sftp(s, now_us);
	if (s->scp != NULL)
		return run_scp(s, now_us);
	return run_shell(s, now_us);
}
