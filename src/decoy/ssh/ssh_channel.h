/*
 * ssh_channel - channels of a connection (RFC 4254): shared by ssh_channel.c, ssh_session.c and
 * ssh_forward.c; see ssh_priv.h.
 */
#pragma once
#include "decoy/ssh/ssh_priv.h"

#define SSH_CHANNELS_MAX 64		     /* of a connection at once */
#define SSH_LISTENERS_MAX 16		     /* forwarded ports of a connection */
#define SSH_PENDING_MAX ((size_t)256 * 1024) /* bytes that wait for the client's window */
#define SSH_TCP_PACKET 32768u		     /* of a forwarded connection, as OpenSSH has it */
#define SSH_TCP_WINDOW (64u * SSH_TCP_PACKET)

/* Reasons of OPEN_FAILURE. */
enum { SSH_OPEN_PROHIBITED = 1, SSH_OPEN_CONNECT_FAILED, SSH_OPEN_UNKNOWN_TYPE, SSH_OPEN_SHORTAGE };

enum ssh_channel_kind { SSH_CHANNEL_SESSION, SSH_CHANNEL_FORWARD };

struct ssh_session;

struct ssh_channel {
	struct ssh_channel *next;
	struct ssh_connection *connection;
	uint32_t id, remote; /* ours and the client's number */
	uint32_t remote_window, remote_packet;
	uint32_t local_window, local_max, consumed;
	uint32_t record; /* its number in recordings */
	uint8_t kind;
	bool open;	 /* data may come: a shell runs, a connection is there */
	bool connecting; /* not confirmed yet */
	bool eof_got, eof_sent, close_got, close_sent;
	bool output_done;	    /* nothing more will be sent */
	bool input_closed;	    /* nobody reads what the client sends */
	struct hin_buffer out, err; /* that wait for the window; from out_sent on */
	size_t out_sent;
	int64_t due_us; /* of a forwarded connection */
	struct ssh_session *session;
};

/* ---- ssh_channel.c ---- */

/* Data for the client; it waits for the window. Recorded. */
void ssh_channel_write(struct ssh_channel *ch, int fd, const void *data, size_t size);

/* Does so much wait that no more should be made? */
bool ssh_channel_is_full(const struct ssh_channel *ch);

/* A request of ours without reply: write its fields, then ssh_finish(). */
struct hin_buffer *ssh_channel_request(struct ssh_channel *ch, const char *name);

/* Nobody reads any more: OpenSSH's client is told (eow). */
void ssh_channel_close_input(struct ssh_channel *ch);

/* Send EOF unless it was, or either side has closed. */
void ssh_channel_send_eof(struct ssh_channel *ch);

/* The channel carries data from now on: its window is told. */
void ssh_channel_start(struct ssh_channel *ch, uint32_t window);

void ssh_channel_confirm(struct ssh_channel *ch);
void ssh_channel_refuse(struct ssh_connection *c, uint32_t remote, unsigned reason,
			const char *text);

struct ssh_channel *ssh_channel_new(struct ssh_connection *c, enum ssh_channel_kind kind);
void ssh_channel_free(struct ssh_channel *ch);

/* ---- ssh_session.c ---- */

struct ssh_session *ssh_session_new(struct ssh_channel *ch);
void ssh_session_free(struct ssh_session *s); /* NULL is fine */

/* A request for it; true when it succeeds. */
bool ssh_session_request(struct ssh_channel *ch, struct hin_ssh_string type, struct hin_reader *in);
void ssh_session_input(struct ssh_channel *ch, const uint8_t *data, size_t size);
void ssh_session_input_end(struct ssh_channel *ch);

/* Go on; when it wants to be called again. */
int64_t ssh_session_run(struct ssh_channel *ch, int64_t now_us);

/* Tell the client of its end, if it has come to one. */
void ssh_session_tell_end(struct ssh_channel *ch);

/* ---- ssh_forward.c ---- */

/* Open a channel of type `type` to somewhere; `in` is behind the common fields. */
void ssh_forward_open(struct ssh_connection *c, struct hin_ssh_string type, uint32_t remote,
		      uint32_t window, uint32_t packet, struct hin_reader *in);

/* Global requests about forwarding; true when it succeeds, with the reply's fields in `reply`. */
bool ssh_forward_listen(struct ssh_connection *c, struct hin_reader *in, bool want_reply,
			struct hin_buffer *reply);
bool ssh_forward_cancel(struct ssh_connection *c, struct hin_reader *in);
bool ssh_forward_listen_stream(struct ssh_connection *c, struct hin_reader *in);
void ssh_forward_free(struct ssh_connection *c);
int64_t ssh_forward_run(struct ssh_channel *ch, int64_t now_us);
