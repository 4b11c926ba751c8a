/* ssh_channel - channels, windows and global requests; see ssh_channel.h */
#include "decoy/ssh/ssh_channel.h"

#include <limits.h>
#include <stdlib.h>

#define DATA_MAX 32768u /* of one message of ours */
#define DROPBEAR_PACKET 32759u
#define PROVEN_MAX 16 /* host keys that are proved at once */

/* ---- one channel ---- */

struct ssh_channel *ssh_channel_new(struct ssh_connection *c, enum ssh_channel_kind kind)
{
	struct ssh_channel *ch, **at = &c->channels;
	uint32_t id = 0;

	if (c->channel_count >= SSH_CHANNELS_MAX) {
		ssh_note(c, "limit reached: channels");
		return NULL;
	}
	ch = calloc(1, sizeof(*ch));
	if (ch == NULL)
		return NULL;
	while (*at != NULL && (*at)->id == id) { /* the lowest free number */
		id++;
		at = &(*at)->next;
	}
	ch->next = *at;
	*at = ch;
	ch->id = id;
	ch->connection = c;
	ch->kind = (uint8_t)kind;
	ch->record = ++c->channel_serial;
	c->channel_count++;
	return ch;
}

void ssh_channel_free(struct ssh_channel *ch)
{
	struct ssh_channel **at = &ch->connection->channels;

	while (*at != ch)
		at = &(*at)->next;
	*at = ch->next;
	ch->connection->channel_count--;
	ssh_session_free(ch->session);
	hin_buffer_fini(&ch->out);
	hin_buffer_fini(&ch->err);
	free(ch);
}

static struct ssh_channel *find(struct ssh_connection *c, uint32_t id)
{
	struct ssh_channel *ch = c->channels;

	while (ch != NULL && ch->id != id)
		ch = ch->next;
	return ch;
}

void ssh_channel_write(struct ssh_channel *ch, int fd, const void *data, size_t size)
{
	struct hin_buffer *to = fd == 2 ? &ch->err : &ch->out;

	if (ch->eof_sent || ch->close_sent || size == 0)
		return;
	hin_session_record(ch->connection->session, ch->record, HIN_TO_CLIENT, data, size);
	to->limit = 4 * SSH_PENDING_MAX;
	hin_buffer_add(to, data, size);
}

bool ssh_channel_is_full(const struct ssh_channel *ch)
{
	return ch->out.used - ch->out_sent + ch->err.used > SSH_PENDING_MAX ||
	       hin_session_is_full(ch->connection->session);
}

struct hin_buffer *ssh_channel_request(struct ssh_channel *ch, const char *name)
{
	struct hin_buffer *out = ssh_begin(ch->connection, SSH_CHANNEL_REQUEST);

	hin_ssh_put_u32(out, ch->remote);
	hin_ssh_put_text(out, name);
	hin_ssh_put_u8(out, 0);
	return out;
}

static void send_simple(struct ssh_channel *ch, unsigned type)
{
	struct hin_buffer *out = ssh_begin(ch->connection, type);

	hin_ssh_put_u32(out, ch->remote);
	ssh_finish(ch->connection);
}

void ssh_channel_send_eof(struct ssh_channel *ch)
{
	if (ch->eof_sent || ch->close_sent || ch->close_got)
		return;
	ch->eof_sent = true;
	send_simple(ch, SSH_CHANNEL_EOF);
}

static void adjust(struct ssh_channel *ch, uint32_t more)
{
	struct hin_buffer *out = ssh_begin(ch->connection, SSH_CHANNEL_WINDOW_ADJUST);

	hin_ssh_put_u32(out, ch->remote);
	hin_ssh_put_u32(out, more);
	ssh_finish(ch->connection);
	ch->local_window += more;
}

void ssh_channel_start(struct ssh_channel *ch, uint32_t window)
{
	ch->open = true;
	ch->local_max = window;
	if (window > ch->local_window)
		adjust(ch, window - ch->local_window);
}

/* Is the client an OpenSSH of version 5 or later, which is told more? */
static bool is_openssh(const struct ssh_connection *c)
{
	const char *software = strchr(c->client_identification + 4, '-');

	return software != NULL && strncmp(software + 1, "OpenSSH", 7) == 0 &&
	       strncmp(software + 1, "OpenSSH_2", 9) != 0 &&
	       strncmp(software + 1, "OpenSSH_3", 9) != 0 &&
	       strncmp(software + 1, "OpenSSH_4", 9) != 0;
}

void ssh_channel_close_input(struct ssh_channel *ch)
{
	if (ch->input_closed)
		return;
	ch->input_closed = true;
	if (!ch->eof_got && !ch->close_sent && !ch->connection->dropbear &&
	    is_openssh(ch->connection)) {
		ssh_channel_request(ch, "eow@openssh.com");
		ssh_finish(ch->connection);
	}
}

void ssh_channel_confirm(struct ssh_channel *ch)
{
	const struct hin_ssh_profile *p = ch->connection->profile;
	struct hin_buffer *out = ssh_begin(ch->connection, SSH_CHANNEL_OPEN_CONFIRMATION);
	uint64_t packet = ch->kind == SSH_CHANNEL_FORWARD ? SSH_TCP_PACKET : p->packet_bytes;

	hin_ssh_put_u32(out, ch->remote);
	hin_ssh_put_u32(out, ch->id);
	hin_ssh_put_u32(out, ch->local_window);
	hin_ssh_put_u32(out, ch->connection->dropbear ? DROPBEAR_PACKET : (uint32_t)packet);
	ssh_finish(ch->connection);
	ch->connecting = false;
}

void ssh_channel_refuse(struct ssh_connection *c, uint32_t remote, unsigned reason,
			const char *text)
{
	struct hin_buffer *out = ssh_begin(c, SSH_CHANNEL_OPEN_FAILURE);

	hin_ssh_put_u32(out, remote);
	hin_ssh_put_u32(out, reason);
	hin_ssh_put_text(out, text);
	hin_ssh_put_text(out, "");
	ssh_finish(c);
}

/* ---- sending what waits ---- */

static size_t send_data(struct ssh_channel *ch, unsigned type, const char *data, size_t size)
{
	struct hin_buffer *out;
	size_t most = ch->remote_packet < DATA_MAX ? ch->remote_packet : DATA_MAX;

	size = size < most ? size : most;
	size = size < ch->remote_window ? size : ch->remote_window;
	if (size == 0)
		return 0;
	out = ssh_begin(ch->connection, type);
	hin_ssh_put_u32(out, ch->remote);
	if (type == SSH_CHANNEL_EXTENDED_DATA)
		hin_ssh_put_u32(out, 1); /* stderr */
	hin_ssh_put_string(out, data, size);
	ssh_finish(ch->connection);
	ch->remote_window -= (uint32_t)size;
	return size;
}

static void flush(struct ssh_channel *ch)
{
	struct hin_session *session = ch->connection->session;
	size_t done;

	while (ch->out.used > ch->out_sent && !hin_session_is_full(session)) {
		done = send_data(ch, SSH_CHANNEL_DATA, ch->out.data + ch->out_sent,
				 ch->out.used - ch->out_sent);
		if (done == 0)
			break;
		ch->out_sent += done;
	}
	if (ch->out_sent == ch->out.used) {
		ch->out_sent = 0;
		hin_buffer_fini(&ch->out);
	}
	while (ch->err.used > 0 && !hin_session_is_full(session)) {
		done = send_data(ch, SSH_CHANNEL_EXTENDED_DATA, ch->err.data, ch->err.used);
		if (done == 0)
			break;
		memmove(ch->err.data, ch->err.data + done, ch->err.used - done);
		ch->err.used -= done;
	}
	if (ch->err.used == 0)
		hin_buffer_fini(&ch->err);
}

/* OpenSSH gives back a window of which half is used, or three packets. */
static void give_back(struct ssh_channel *ch)
{
	const struct hin_ssh_profile *p = ch->connection->profile;
	uint32_t used = ch->local_max - ch->local_window;
	bool due;

	if (ch->consumed == 0 || ch->close_sent || ch->close_got || !ch->open)
		return;
	if (ch->connection->dropbear)
		due = ch->consumed >= ch->local_max / 3;
	else
		due = used > 3 * p->packet_bytes || ch->local_window < ch->local_max / 2;
	if (!due)
		return;
	adjust(ch, ch->consumed);
	ch->consumed = 0;
}

/* End what is over; false when the channel is gone. */
static bool finish(struct ssh_channel *ch)
{
	if (ch->output_done && ch->out.used == 0 && ch->err.used == 0) {
		ssh_channel_send_eof(ch);
		if (!ch->close_sent && (ch->input_closed || ch->eof_got)) {
			ch->close_sent = true;
			send_simple(ch, SSH_CHANNEL_CLOSE);
		}
	}
	if (ch->close_got && !ch->close_sent && ch->output_done && ch->out.used == 0) {
		ch->close_sent = true;
		send_simple(ch, SSH_CHANNEL_CLOSE);
	}
	if (ch->close_sent && ch->close_got) {
		ssh_channel_free(ch);
		return false;
	}
	return true;
}

int64_t ssh_channels_run(struct ssh_connection *c, int64_t now_us)
{
	int64_t due = HIN_SERVICE_NEVER;
	struct ssh_channel *next;

	if (ssh_kex_holds(c))
		return due; /* while keys change nothing can be sent: make no more */
	for (struct ssh_channel *ch = c->channels; ch != NULL; ch = next) {
		int64_t at;

		next = ch->next;
		at = ch->kind == SSH_CHANNEL_SESSION ? ssh_session_run(ch, now_us)
						     : ssh_forward_run(ch, now_us);
		if (hin_session_is_over(c->session))
			return HIN_SERVICE_NEVER;
		due = at < due ? at : due;
		if (ch->connecting)
			continue;
		flush(ch);
		if ((ch->out.used == 0 && ch->err.used == 0) || ch->remote_window == 0)
			ssh_session_tell_end(ch);
		give_back(ch);
		finish(ch);
	}
	return due;
}

void ssh_channels_free(struct ssh_connection *c)
{
	while (c->channels != NULL)
		ssh_channel_free(c->channels);
	ssh_forward_free(c);
}

/* ---- messages about channels ---- */

/* A channel's number; where there is none OpenSSH disconnects with `what`, dropbear just ends. */
static struct ssh_channel *channel_of(struct ssh_connection *c, struct hin_reader *in,
				      const char *what)
{
	uint32_t id = hin_read_be32(in);
	struct ssh_channel *ch;

	if (c->dropbear) {
		ch = in->failed ? NULL : find(c, id);
		if (ch == NULL)
			ssh_broken(c, "a channel that is none");
		return ch;
	}
	if (in->failed) {
		ssh_disconnect(c, SSH_DISCONNECT_PROTOCOL_ERROR, "Invalid %s message", what);
		return NULL;
	}
	if (id > INT_MAX) {
		ssh_disconnect(c, SSH_DISCONNECT_PROTOCOL_ERROR, "Invalid %s channel id", what);
		return NULL;
	}
	ch = find(c, id);
	if (ch == NULL)
		ssh_disconnect(c, SSH_DISCONNECT_PROTOCOL_ERROR,
			       "%s packet referred to nonexistent channel %u", what, id);
	return ch;
}

void ssh_on_channel_data(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	struct ssh_channel *ch = channel_of(c, in, "data");
	struct hin_ssh_string data;

	(void)type;
	if (ch == NULL || !ch->open)
		return;
	data = hin_ssh_get_string(in);
	if (!ssh_at_end(in)) {
		ssh_broken(c, "data without its fields");
		return;
	}
	if (data.size > c->profile->packet_bytes || data.size > ch->local_window) {
		if (c->dropbear)
			ssh_broken(c, "more data than the window has");
		else if (!ch->input_closed)
			ssh_note(c, "more data than the window has");
		return;
	}
	ch->local_window -= (uint32_t)data.size;
	ch->consumed += (uint32_t)data.size;
	if (ch->input_closed || ch->eof_got)
		return;
	hin_session_record(c->session, ch->record, HIN_FROM_CLIENT, data.data, data.size);
	if (ch->session != NULL)
		ssh_session_input(ch, data.data, data.size);
}

void ssh_on_channel_extended(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	struct ssh_channel *ch = channel_of(c, in, "extended data");

	(void)type;
	if (ch == NULL || !ch->open)
		return;
	if (ch->eof_got)
		ssh_disconnect(c, SSH_DISCONNECT_PROTOCOL_ERROR,
			       "Received extended_data after EOF on channel %u.", ch->id);
	/* a server takes none: it is dropped */
}

void ssh_on_channel_window(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	uint32_t id = hin_read_be32(in), more = hin_read_be32(in);
	struct ssh_channel *ch = in->failed ? NULL : find(c, id);

	(void)type;
	if (ch == NULL && !in->failed && !c->dropbear && id <= INT_MAX)
		return; /* it may be gone already */
	if (ch == NULL || !ssh_at_end(in)) {
		if (c->dropbear)
			ssh_broken(c, "a window of no channel");
		else if (in->failed || id <= INT_MAX)
			ssh_disconnect(c, SSH_DISCONNECT_PROTOCOL_ERROR,
				       "Invalid window adjust message");
		else
			ssh_disconnect(c, SSH_DISCONNECT_PROTOCOL_ERROR,
				       "Invalid window adjust channel id");
		return;
	}
	if (__builtin_add_overflow(ch->remote_window, more, &ch->remote_window))
		ssh_broken(c, "a window that overflows");
}

void ssh_on_channel_eof(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	struct ssh_channel *ch = channel_of(c, in, "ieof");

	(void)type;
	if (ch == NULL || ch->eof_got)
		return;
	ch->eof_got = true;
	if (ch->session != NULL)
		ssh_session_input_end(ch);
	else
		ch->output_done = true; /* its far side has nothing to say */
}

void ssh_on_channel_close(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	struct ssh_channel *ch = channel_of(c, in, "oclose");

	(void)type;
	if (ch == NULL)
		return;
	ch->close_got = true;
	/* what runs there is hung up on, and its end is not told */
	ssh_session_free(ch->session);
	ch->session = NULL;
	ch->output_done = true;
	hin_buffer_fini(&ch->out);
	hin_buffer_fini(&ch->err);
	ch->out_sent = 0;
	finish(ch);
}

/* We open no channel of our own, so that no answer has a place. */
static void refuse_answer(struct ssh_connection *c, struct hin_reader *in, const char *what)
{
	struct ssh_channel *ch = channel_of(c, in, what);

	if (ch == NULL)
		return;
	if (c->dropbear)
		ssh_broken(c, "an answer to nothing");
	else
		ssh_disconnect(c, SSH_DISCONNECT_PROTOCOL_ERROR,
			       "Received %s for non-opening channel %u.", what, ch->id);
}

void ssh_on_channel_confirmation(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	(void)type;
	refuse_answer(c, in, "open confirmation");
}

void ssh_on_channel_open_failure(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	(void)type;
	refuse_answer(c, in, "open failure");
}

void ssh_on_channel_reply(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	(void)c;
	(void)type;
	(void)in; /* as an answer to a keep-alive */
}

void ssh_on_channel_request(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	uint32_t id = hin_read_be32(in);
	struct hin_ssh_string name = ssh_get_cstring(in);
	bool want_reply = hin_read_u8(in) != 0, success = false;
	struct ssh_channel *ch;

	(void)type;
	if (in->failed) {
		ssh_broken(c, "a request without its fields");
		return;
	}
	ch = find(c, id);
	if (ch == NULL) {
		if (c->dropbear)
			ssh_broken(c, "a channel that is none");
		else
			ssh_disconnect(c, SSH_DISCONNECT_PROTOCOL_ERROR,
				       "server_input_channel_req: unknown channel %d", (int)id);
		return;
	}
	if (ch->session != NULL && !hin_ssh_string_is(name, "eow@openssh.com"))
		success = ssh_session_request(ch, name, in);
	if (hin_session_is_over(c->session) || !want_reply || ch->close_sent)
		return;
	send_simple(ch, success ? SSH_CHANNEL_SUCCESS : SSH_CHANNEL_FAILURE);
}

static unsigned sessions_of(const struct ssh_connection *c)
{
	unsigned count = 0;

	for (const struct ssh_channel *ch = c->channels; ch != NULL; ch = ch->next)
		count += ch->kind == SSH_CHANNEL_SESSION;
	return count;
}

static void open_session(struct ssh_connection *c, uint32_t remote, uint32_t window,
			 uint32_t packet)
{
	struct ssh_channel *ch = NULL;

	if (c->no_more_sessions) {
		ssh_disconnect(c, SSH_DISCONNECT_PROTOCOL_ERROR,
			       "Possible attack: attempt to open a session after additional "
			       "sessions disabled");
		return;
	}
	if (sessions_of(c) < c->profile->sessions)
		ch = ssh_channel_new(c, SSH_CHANNEL_SESSION);
	if (ch != NULL) {
		ch->session = ssh_session_new(ch);
		if (ch->session == NULL) {
			ssh_channel_free(ch);
			ch = NULL;
		}
	}
	if (ch == NULL) {
		ssh_channel_refuse(c, remote, SSH_OPEN_CONNECT_FAILED,
				   c->dropbear ? "" : "open failed");
		return;
	}
	ch->remote = remote;
	ch->remote_window = window;
	ch->remote_packet = packet;
	if (c->dropbear)
		ch->local_window = ch->local_max = (uint32_t)c->profile->window_bytes;
	ssh_channel_confirm(ch);
}

void ssh_on_channel_open(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	struct hin_ssh_string name = ssh_get_cstring(in);
	uint32_t remote = hin_read_be32(in), window = hin_read_be32(in);
	uint32_t packet = hin_read_be32(in);

	(void)type;
	if (in->failed) {
		ssh_broken(c, "CHANNEL_OPEN without its fields");
		return;
	}
	if (hin_ssh_string_is(name, "session")) {
		if (!c->dropbear && !ssh_at_end(in))
			ssh_broken(c, "CHANNEL_OPEN with a field more");
		else
			open_session(c, remote, window, packet);
		return;
	}
	ssh_forward_open(c, name, remote, window, packet, in);
}

/* ---- global requests ---- */

/* Sign our host keys for a client that wants to keep them (OpenSSH's PROTOCOL, 2.5). */
static bool prove_keys(struct ssh_connection *c, struct hin_reader *in, struct hin_buffer *reply)
{
	static const char purpose[] = "hostkeys-prove-00@openssh.com";
	bool good = in->left > 0;

	for (unsigned count = 0; good && in->left > 0; count++) {
		struct hin_ssh_string key = hin_ssh_get_string(in);
		struct hin_reader blob = hin_reader_of(key.data, key.size);
		struct hin_ssh_string name = hin_ssh_get_string(&blob);
		struct hin_buffer text = { 0 }, own = { 0 }, signature = { 0 };
		char algorithm[64];
		enum hin_ssh_hostkey_type type = HIN_SSH_KEY_TYPES;

		good = count < PROVEN_MAX && !in->failed && name.size < sizeof(algorithm);
		if (good) {
			memcpy(algorithm, name.data, name.size);
			algorithm[name.size] = '\0';
			type = hin_ssh_hostkey_type(algorithm);
		}
		if (type == HIN_SSH_KEY_RSA && (c->rsa_512 || c->rsa_256))
			strcpy(algorithm, c->rsa_512 ? "rsa-sha2-512" : "rsa-sha2-256");
		hin_ssh_put_text(&text, purpose);
		hin_ssh_put_string(&text, c->session_id, c->session_id_size);
		hin_ssh_put_string(&text, key.data, key.size);
		good = type < HIN_SSH_KEY_TYPES &&
		       hin_ssh_hostkey_make(c->hostkeys, type) == HIN_OK &&
		       hin_ssh_hostkey_public(c->hostkeys, type, &own) == HIN_OK &&
		       own.used == key.size && memcmp(own.data, key.data, key.size) == 0 &&
		       hin_ssh_hostkey_sign(c->hostkeys, algorithm, text.data, text.used,
					    &signature) == HIN_OK;
		if (good)
			hin_ssh_put_string(reply, signature.data, signature.used);
		hin_buffer_fini(&text);
		hin_buffer_fini(&own);
		hin_buffer_fini(&signature);
	}
	return good;
}

static bool global_request(struct ssh_connection *c, struct hin_ssh_string name, bool want_reply,
			   struct hin_reader *in, struct hin_buffer *reply)
{
	if (hin_ssh_string_is(name, "tcpip-forward"))
		return ssh_forward_listen(c, in, want_reply, reply);
	if (hin_ssh_string_is(name, "cancel-tcpip-forward"))
		return ssh_forward_cancel(c, in);
	if (c->dropbear)
		return false;
	if (hin_ssh_string_is(name, "streamlocal-forward@openssh.com"))
		return ssh_forward_listen_stream(c, in);
	if (hin_ssh_string_is(name, "no-more-sessions@openssh.com")) {
		c->no_more_sessions = true;
		return true;
	}
	if (hin_ssh_string_is(name, "hostkeys-prove-00@openssh.com"))
		return prove_keys(c, in, reply);
	return false;
}

void ssh_on_global_request(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	struct hin_ssh_string name = ssh_get_cstring(in);
	bool want_reply = hin_read_u8(in) != 0, success;
	struct hin_buffer reply = { 0 }, *out;

	(void)type;
	if (in->failed) {
		ssh_broken(c, "GLOBAL_REQUEST without its fields");
		return;
	}
	success = global_request(c, name, want_reply, in, &reply);
	if (want_reply && !hin_session_is_over(c->session)) {
		out = ssh_begin(c, success ? SSH_REQUEST_SUCCESS : SSH_REQUEST_FAILURE);
		if (success)
			hin_buffer_add(out, reply.data, reply.used);
		ssh_finish(c);
	}
	hin_buffer_fini(&reply);
}

void ssh_on_global_reply(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	ssh_on_channel_reply(c, type, in);
}

/* ---- the beginning ---- */

static void send_hostkeys(struct ssh_connection *c)
{
	const struct hin_config_list *names = &c->profile->host_keys;
	struct hin_buffer all = { 0 }, *out;
	unsigned told = 0;

	for (size_t i = 0; i < names->count; i++) {
		enum hin_ssh_hostkey_type type = hin_ssh_hostkey_type(names->items[i]);
		struct hin_buffer key = { 0 };

		if (type == HIN_SSH_KEY_TYPES || (told & 1u << type) != 0)
			continue;
		told |= 1u << type;
		if (hin_ssh_hostkey_public(c->hostkeys, type, &key) == HIN_OK)
			hin_ssh_put_string(&all, key.data, key.used);
		hin_buffer_fini(&key);
	}
	out = ssh_begin(c, SSH_GLOBAL_REQUEST);
	hin_ssh_put_text(out, "hostkeys-00@openssh.com");
	hin_ssh_put_u8(out, 0);
	hin_buffer_add(out, all.data, all.used);
	ssh_finish(c);
	hin_buffer_fini(&all);
}

/* Make all host keys, then tell them. */
static void tell_hostkeys(struct ssh_connection *c)
{
	const struct hin_config_list *names = &c->profile->host_keys;

	for (size_t i = 0; i < names->count; i++) {
		enum hin_ssh_hostkey_type type = hin_ssh_hostkey_type(names->items[i]);

		if (type == HIN_SSH_KEY_TYPES)
			continue;
		switch (hin_ssh_hostkey_make(c->hostkeys, type)) {
		case HIN_OK:
			break;
		case HIN_EAGAIN:
			ssh_wait(c, 0, tell_hostkeys);
			return;
		default:
			ssh_broken(c, "no memory for host keys");
			return;
		}
	}
	send_hostkeys(c);
}

void ssh_channels_begin(struct ssh_connection *c)
{
	static const uint8_t rows[][2] = {
		{ SSH_GLOBAL_REQUEST, SSH_ON_GLOBAL_REQUEST },
		{ SSH_REQUEST_SUCCESS, SSH_ON_GLOBAL_REPLY },
		{ SSH_REQUEST_FAILURE, SSH_ON_GLOBAL_REPLY },
		{ SSH_CHANNEL_OPEN, SSH_ON_CHANNEL_OPEN },
		{ SSH_CHANNEL_OPEN_CONFIRMATION, SSH_ON_CHANNEL_CONFIRMATION },
		{ SSH_CHANNEL_OPEN_FAILURE, SSH_ON_CHANNEL_OPEN_FAILURE },
		{ SSH_CHANNEL_WINDOW_ADJUST, SSH_ON_CHANNEL_WINDOW },
		{ SSH_CHANNEL_DATA, SSH_ON_CHANNEL_DATA },
		{ SSH_CHANNEL_EXTENDED_DATA, SSH_ON_CHANNEL_EXTENDED },
		{ SSH_CHANNEL_EOF, SSH_ON_CHANNEL_EOF },
		{ SSH_CHANNEL_CLOSE, SSH_ON_CHANNEL_CLOSE },
		{ SSH_CHANNEL_REQUEST, SSH_ON_CHANNEL_REQUEST },
		{ SSH_CHANNEL_SUCCESS, SSH_ON_CHANNEL_REPLY },
		{ SSH_CHANNEL_FAILURE, SSH_ON_CHANNEL_REPLY },
		{ SSH_KEXINIT, SSH_ON_KEXINIT },
	};

	if (!c->dropbear)
		ssh_dispatch_all(c, SSH_ON_UNKNOWN);
	for (size_t i = 0; i < HIN_COUNT(rows); i++)
		c->dispatch[rows[i][0]] = rows[i][1];
	if (c->profile->host_keys_told && !(c->compat & SSH_COMPAT_NO_HOST_KEYS))
		tell_hostkeys(c);
}
