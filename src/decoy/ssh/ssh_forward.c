/* ssh_forward - forwarded connections: accepted, told, leading nowhere; see ssh_channel.h */
#include <limits.h>
#include <stdlib.h>
#include <sys/random.h>

#include "decoy/ssh/ssh_channel.h"

#define PORT_MAX 65535u
#define PORTS_OWN 32768u /* where ports that the client leaves to us begin, as in Linux */
#define PORTS_OWN_COUNT 28232u

/* A port of ours that the client asked us to listen at. */
struct ssh_listener {
	struct ssh_listener *next;
	uint32_t port;
	char *host;
};

static void tell(struct ssh_connection *c, uint32_t channel, struct hin_ssh_string host,
		 uint32_t port)
{
	hin_session_tell(c->session, (struct hin_event){ .type = HIN_EVENT_FORWARD,
							 .channel = channel,
							 .number = port,
							 .a = host.data,
							 .a_size = host.size });
}

/* ---- connections through us ---- */

static bool read_target(struct ssh_connection *c, bool stream, struct hin_reader *in,
			struct hin_ssh_string *host, uint32_t *port, uint32_t *from_port)
{
	*host = ssh_get_cstring(in);
	*port = stream ? 0 : hin_read_be32(in);
	ssh_get_cstring(in); /* who says it asks, or a reserved field */
	*from_port = hin_read_be32(in);
	if (stream)
		*from_port = 0;
	if (c->dropbear ? in->failed : !ssh_at_end(in)) {
		ssh_broken(c, "CHANNEL_OPEN without its fields");
		return false;
	}
	return true;
}

void ssh_forward_open(struct ssh_connection *c, struct hin_ssh_string type, uint32_t remote,
		      uint32_t window, uint32_t packet, struct hin_reader *in)
{
	bool stream = hin_ssh_string_is(type, "direct-streamlocal@openssh.com") && !c->dropbear;
	const struct hin_ssh_profile *p = c->profile;
	struct hin_ssh_string host;
	uint32_t port, from_port;
	struct ssh_channel *ch;

	if (!stream && !hin_ssh_string_is(type, "direct-tcpip")) {
		ssh_channel_refuse(c, remote,
				   c->dropbear ? SSH_OPEN_UNKNOWN_TYPE : SSH_OPEN_CONNECT_FAILED,
				   c->dropbear ? "" : "open failed");
		return;
	}
	if (!read_target(c, stream, in, &host, &port, &from_port))
		return;
	tell(c, 0, host, port);
	if (!(stream ? p->stream_forwarding : p->tcp_forwarding) || port > PORT_MAX ||
	    from_port > PORT_MAX) {
		ssh_channel_refuse(c, remote,
				   stream ? SSH_OPEN_CONNECT_FAILED : SSH_OPEN_PROHIBITED,
				   c->dropbear ? "" : "open failed");
		return;
	}
	ch = stream ? NULL : ssh_channel_new(c, SSH_CHANNEL_FORWARD);
	if (ch == NULL) { /* a socket that is not there, or our limit */
		ssh_channel_refuse(c, remote, SSH_OPEN_CONNECT_FAILED,
				   c->dropbear ? "" : "open failed");
		return;
	}
	ch->remote = remote;
	ch->remote_window = window;
	ch->remote_packet = packet;
	ch->local_window = ch->local_max = c->dropbear ? (uint32_t)p->window_bytes : SSH_TCP_WINDOW;
	ch->due_us = hin_session_now_us(c->session) + p->forward_ns / HIN_NS_PER_US;
	hin_session_tell(c->session, (struct hin_event){ .type = HIN_EVENT_CHANNEL,
							 .channel = ch->record,
							 .number = HIN_CHANNEL_FORWARD,
							 .a = host.data,
							 .a_size = host.size });
	if (p->forward_fails) {
		ch->connecting = true;
		return;
	}
	ch->open = true;
	ssh_channel_confirm(ch);
}

int64_t ssh_forward_run(struct ssh_channel *ch, int64_t now_us)
{
	if (ch->output_done)
		return HIN_SERVICE_NEVER;
	if (now_us < ch->due_us)
		return ch->due_us;
	if (ch->connecting) {
		ssh_channel_refuse(ch->connection, ch->remote, SSH_OPEN_CONNECT_FAILED,
				   ch->connection->dropbear ? "" : "Connection timed out");
		ssh_channel_free(ch);
		return HIN_SERVICE_NEVER;
	}
	ch->output_done = true; /* the far side closed */
	ch->input_closed = true;
	return HIN_SERVICE_NEVER;
}

/* ---- ports that the client wants us to listen at ---- */

static unsigned count_of(const struct ssh_connection *c)
{
	unsigned count = 0;

	for (const struct ssh_listener *l = c->listeners; l != NULL; l = l->next)
		count++;
	return count;
}

static bool add_listener(struct ssh_connection *c, struct hin_ssh_string host, uint32_t port)
{
	struct ssh_listener *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return false;
	l->host = strndup((const char *)host.data, host.size);
	if (l->host == NULL) {
		free(l);
		return false;
	}
	l->port = port;
	l->next = c->listeners;
	c->listeners = l;
	return true;
}

static uint32_t own_port(void)
{
	uint32_t value = 0;

	if (getrandom(&value, sizeof(value), 0) != sizeof(value))
		return PORTS_OWN;
	return PORTS_OWN + value % PORTS_OWN_COUNT;
}

/* OpenSSH tells why. */
static void send_debug(struct ssh_connection *c, const char *text)
{
	struct hin_buffer *out;

	if (c->dropbear)
		return;
	out = ssh_begin(c, SSH_DEBUG);
	hin_ssh_put_u8(out, 0);
	hin_ssh_put_text(out, text);
	hin_ssh_put_text(out, "");
	ssh_finish(c);
}

bool ssh_forward_listen(struct ssh_connection *c, struct hin_reader *in, bool want_reply,
			struct hin_buffer *reply)
{
	struct hin_ssh_string host = ssh_get_cstring(in);
	uint32_t port = hin_read_be32(in), given;
	const struct hin_host_user *user = hin_session_user(c->session);

	if (in->failed) {
		ssh_broken(c, "tcpip-forward without its fields");
		return false;
	}
	tell(c, 0, host, port);
	if (!c->profile->tcp_forwarding || port > INT_MAX || (port == 0 && !want_reply) ||
	    (port != 0 && port < 1024 && user->uid != 0)) {
		send_debug(c, "Server has disabled port forwarding.");
		return false;
	}
	if (port > PORT_MAX || count_of(c) >= SSH_LISTENERS_MAX)
		return false;
	for (const struct ssh_listener *l = c->listeners; l != NULL; l = l->next) {
		if (port != 0 && l->port == port)
			return false; /* the address is in use */
	}
	given = port != 0 ? port : own_port();
	if (!add_listener(c, host, given))
		return false;
	if (port == 0)
		hin_ssh_put_u32(reply, given);
	return true;
}

bool ssh_forward_cancel(struct ssh_connection *c, struct hin_reader *in)
{
	struct hin_ssh_string host = ssh_get_cstring(in);
	uint32_t port = hin_read_be32(in);

	if (in->failed) {
		ssh_broken(c, "cancel-tcpip-forward without its fields");
		return false;
	}
	for (struct ssh_listener **at = &c->listeners; *at != NULL; at = &(*at)->next) {
		struct ssh_listener *l = *at;

		if (l->port != port || !hin_ssh_string_is(host, l->host))
			continue;
		*at = l->next;
		free(l->host);
		free(l);
		return true;
	}
	return false;
}

bool ssh_forward_listen_stream(struct ssh_connection *c, struct hin_reader *in)
{
	struct hin_ssh_string path = ssh_get_cstring(in);

	if (in->failed) {
		ssh_broken(c, "streamlocal-forward without its fields");
		return false;
	}
	tell(c, 0, path, 0);
	if (c->profile->stream_forwarding)
		return true;
	send_debug(c, "Server has disabled streamlocal forwarding.");
	return false;
}

void ssh_forward_free(struct ssh_connection *c)
{
	while (c->listeners != NULL) {
		struct ssh_listener *l = c->listeners;

		c->listeners = l->next;
		free(l->host);
		free(l);
	}
}
