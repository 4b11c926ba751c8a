/*
 * ssh_priv - one SSH connection, shared by the files ssh*.c; see ssh.h for how they fit together.
 *
 *	ssh_transport.c	identification, packets, dispatch	RFC 4253
 *	ssh_kex.c	key exchange and new keys		RFC 4253, 7
 *	ssh_auth.c	log-in					RFC 4252, 4256
 *	ssh_channel.c	channels and windows			RFC 4254
 *	ssh_session.c	shells, commands, subsystems		RFC 4254, 6
 *	ssh_forward.c	forwarded connections			RFC 4254, 7
 */
#pragma once
#include "decoy/host/persona.h"
#include "decoy/service.h"
#include "decoy/ssh/ssh_cipher.h"
#include "decoy/ssh/ssh_exchange.h"
#include "decoy/ssh/ssh_hostkey.h"
#include "decoy/ssh/ssh_profile.h"
#include "decoy/ssh/ssh_wire.h"

/* Message numbers (RFC 4250, 4.1). */
enum {
	SSH_DISCONNECT = 1,
	SSH_IGNORE,
	SSH_UNIMPLEMENTED,
	SSH_DEBUG,
	SSH_SERVICE_REQUEST,
	SSH_SERVICE_ACCEPT,
	SSH_EXT_INFO,
	SSH_KEXINIT = 20,
	SSH_NEWKEYS,
	SSH_KEX_INIT = 30, /* of DH, ECDH and all like it */
	SSH_KEX_REPLY,
	SSH_GEX_GROUP = 31,
	SSH_GEX_INIT,
	SSH_GEX_REPLY,
	SSH_GEX_REQUEST,
	SSH_KEX_LAST = 49,
	SSH_USERAUTH_REQUEST = 50,
	SSH_USERAUTH_FAILURE,
	SSH_USERAUTH_SUCCESS,
	SSH_USERAUTH_BANNER,
	SSH_USERAUTH_PK_OK = 60,
	SSH_USERAUTH_INFO_REQUEST = 60,
	SSH_USERAUTH_INFO_RESPONSE,
	SSH_USERAUTH_GSSAPI_COMPLETE = 63,
	SSH_GLOBAL_REQUEST = 80,
	SSH_REQUEST_SUCCESS,
	SSH_REQUEST_FAILURE,
	SSH_CHANNEL_OPEN = 90,
	SSH_CHANNEL_OPEN_CONFIRMATION,
	SSH_CHANNEL_OPEN_FAILURE,
	SSH_CHANNEL_WINDOW_ADJUST,
	SSH_CHANNEL_DATA,
	SSH_CHANNEL_EXTENDED_DATA,
	SSH_CHANNEL_EOF,
	SSH_CHANNEL_CLOSE,
	SSH_CHANNEL_REQUEST,
	SSH_CHANNEL_SUCCESS,
	SSH_CHANNEL_FAILURE,
	SSH_PING = 192,
	SSH_PONG,
};

/* Codes of SSH_DISCONNECT that are used. */
enum { SSH_DISCONNECT_PROTOCOL_ERROR = 2, SSH_DISCONNECT_NO_MORE_METHODS = 14 };

#define SSH_PACKET_MAX ((size_t)256 * 1024) /* of a packet's length field, as OpenSSH has it */
#define SSH_INPUT_MAX ((size_t)2 * SSH_PACKET_MAX) /* unread, while we take our time */
#define SSH_QUEUE_MAX ((size_t)1024 * 1024)	   /* waits for new keys */
#define SSH_IDENTIFICATION_MAX 8192		   /* of a client's, as OpenSSH has it */
#define SSH_NAMES_MAX 40			   /* of a name-list, as OpenSSH has it */

struct ssh_connection;

/* Takes a message of the type it stands for; `in` is behind the type. */
typedef void ssh_handler_fn(struct ssh_connection *c, uint8_t type, struct hin_reader *in);

/* What is done with a message; the rows are in ssh_transport.c. */
enum ssh_handler {
	SSH_ON_NOTHING,	    /* the connection ends */
	SSH_ON_UNKNOWN,	    /* UNIMPLEMENTED */
	SSH_ON_KEX_UNKNOWN, /* the same, but the end where strict key exchange began */
	SSH_ON_IGNORED,
	SSH_ON_KEXINIT,
	SSH_ON_KEX_INIT,
	SSH_ON_GEX_REQUEST,
	SSH_ON_GEX_INIT,
	SSH_ON_NEWKEYS,
	SSH_ON_EXT_INFO,
	SSH_ON_SERVICE,
	SSH_ON_USERAUTH,
	SSH_ON_INFO_RESPONSE,
	SSH_ON_GLOBAL_REQUEST,
	SSH_ON_GLOBAL_REPLY,
	SSH_ON_CHANNEL_OPEN,
	SSH_ON_CHANNEL_CONFIRMATION,
	SSH_ON_CHANNEL_OPEN_FAILURE,
	SSH_ON_CHANNEL_WINDOW,
	SSH_ON_CHANNEL_DATA,
	SSH_ON_CHANNEL_EXTENDED,
	SSH_ON_CHANNEL_EOF,
	SSH_ON_CHANNEL_CLOSE,
	SSH_ON_CHANNEL_REQUEST,
	SSH_ON_CHANNEL_REPLY,
	SSH_HANDLERS
};

/* What a client cannot do. */
enum ssh_compat {
	SSH_COMPAT_NO_CURVE25519 = 1, /* its name of libssh.org */
	SSH_COMPAT_NO_GROUP_EXCHANGE = 2,
	SSH_COMPAT_NO_HOST_KEYS = 4, /* hostkeys-00@openssh.com */
};

enum ssh_phase { SSH_GREETS, SSH_IDENTIFIES, SSH_RUNS };

struct ssh_kex;	    /* ssh_kex.c: while a key exchange is under way */
struct ssh_auth;    /* ssh_auth.c: until the log-in */
struct ssh_channel; /* ssh_channel.c */
struct ssh_zlib;    /* ssh_zlib.c */

struct ssh_connection {
	struct hin_session *session;
	const struct hin_ssh_profile *profile;
	struct hin_ssh_hostkeys *hostkeys;

	struct hin_buffer in; /* what came and was not taken */
	struct hin_ssh_keys rx, tx;
	struct ssh_zlib *inflate, *deflate;
	uint64_t rx_blocks, tx_blocks, rx_packets, tx_packets; /* since the last new keys */
	int64_t keyed_us;
	uint8_t dispatch[256];
	uint32_t number; /* of the packet that is being handled */

	char *client_identification;
	struct ssh_kex *kex;
	struct hin_buffer queue; /* messages that wait for new keys */
	uint8_t session_id[64];
	uint8_t session_id_size;
	uint8_t phase;
	uint8_t compat;	       /* of enum ssh_compat */
	bool dropbear;	       /* whose behaviour */
	bool initial;	       /* no keys yet */
	bool strict;	       /* strict key exchange */
	bool ext_info;	       /* the client asked for EXT_INFO */
	bool rsa_256, rsa_512; /* the client knows these signatures */
	bool skip;	       /* the next packet was a wrong guess */
	bool authenticated;
	bool no_more_sessions;
	bool delayed_in, delayed_out; /* zlib@openssh.com begins with the log-in */
	bool ended;		      /* the client sends no more */

	/* What the connection waits for before it reads on: not before `due_us`, NULL: nothing. */
	void (*resume)(struct ssh_connection *c);
	int64_t due_us;
	int64_t deadline_us; /* of the log-in */

	struct ssh_auth *auth;
	struct ssh_channel *channels;
	uint32_t channel_count;
	uint32_t channel_serial; /* of recordings: numbers are never used again */
	struct ssh_listener *listeners;
};

/* ---- ssh_transport.c ---- */

void ssh_greet(struct ssh_connection *c); /* send the identification */
void ssh_input(struct ssh_connection *c, const uint8_t *data, size_t size);
void ssh_process(struct ssh_connection *c); /* go on with what has come */

/*
 * Begin a message of `type`: the buffer to write it to, which is the process's one. Nothing else is
 * begun until ssh_finish() has sent it.
 */
struct hin_buffer *ssh_begin(struct ssh_connection *c, unsigned type);
void ssh_finish(struct ssh_connection *c);

/* End the connection: without a word, or with a DISCONNECT that says why. */
void ssh_close(struct ssh_connection *c, enum hin_close why);
void ssh_disconnect(struct ssh_connection *c, unsigned reason, const char *fmt, ...)
	HIN_PRINTF(3, 4);

/* The client broke the protocol: told as a note in our own words, and closed without a word. */
void ssh_broken(struct ssh_connection *c, const char *note);

/* Read no more until `due_us`, then go on with `resume`. */
void ssh_wait(struct ssh_connection *c, int64_t due_us, void (*resume)(struct ssh_connection *c));

/* Handlers of all messages, or of a range. */
void ssh_dispatch_all(struct ssh_connection *c, enum ssh_handler handler);
void ssh_dispatch_range(struct ssh_connection *c, unsigned from, unsigned to,
			enum ssh_handler handler);

void ssh_note(struct ssh_connection *c, const char *note);
void ssh_unimplemented(struct ssh_connection *c);

/* A string without a NUL inside, as OpenSSH's sshpkt_get_cstring(); a NUL at its end is dropped.
 * Fails `in` where there is one. */
struct hin_ssh_string ssh_get_cstring(struct hin_reader *in);

/* Was the whole message read, and no more? Else `in` fails. */
bool ssh_at_end(struct hin_reader *in);

/* The same where dropbear does not mind that there is more. */
bool ssh_was_read(const struct ssh_connection *c, struct hin_reader *in);

/* As dropbear while it waits for one message: a service or KEXINIT is the end. */
void ssh_dropbear_awaits(struct ssh_connection *c);

/* ---- ssh_kex.c ---- */

/* Send KEXINIT unless it was; what is no key exchange waits from now on. */
void ssh_send_kexinit(struct ssh_connection *c);
bool ssh_kex_holds(const struct ssh_connection *c); /* must other messages wait? */
void ssh_kex_free(struct ssh_connection *c);
void ssh_check_rekey(struct ssh_connection *c);

ssh_handler_fn ssh_on_kexinit, ssh_on_kex_init, ssh_on_gex_request, ssh_on_gex_init, ssh_on_newkeys,
	ssh_on_ext_info;

/* Does the list of a profile have the name? */
bool ssh_list_has(const struct hin_config_list *list, const char *name);

/* ---- ssh_auth.c ---- */

void ssh_auth_begin(struct ssh_connection *c);
void ssh_auth_free(struct ssh_connection *c);
ssh_handler_fn ssh_on_service, ssh_on_userauth, ssh_on_info_response;

/* ---- ssh_channel.c ---- */

void ssh_channels_begin(struct ssh_connection *c);
void ssh_channels_free(struct ssh_connection *c);

/* Go on with all channels; when they want to be called again. */
int64_t ssh_channels_run(struct ssh_connection *c, int64_t now_us);

ssh_handler_fn ssh_on_global_request, ssh_on_global_reply, ssh_on_channel_open,
	ssh_on_channel_confirmation, ssh_on_channel_open_failure, ssh_on_channel_window,
	ssh_on_channel_data, ssh_on_channel_extended, ssh_on_channel_eof, ssh_on_channel_close,
	ssh_on_channel_request, ssh_on_channel_reply;

/* ---- ssh_zlib.c ---- */

struct ssh_zlib *ssh_inflate_new(void);
struct ssh_zlib *ssh_deflate_new(void);
void ssh_zlib_free(struct ssh_zlib *z); /* NULL is fine */

/* Append what `data` becomes. HIN_EFORMAT; HIN_ELIMIT: over SSH_PACKET_MAX. */
HIN_MUST_USE enum hin_code ssh_zlib_run(struct ssh_zlib *z, const uint8_t *data, size_t size,
					struct hin_buffer *out);
