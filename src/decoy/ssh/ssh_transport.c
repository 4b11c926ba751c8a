/* ssh_transport - identification, packets and their dispatch; see ssh_priv.h */
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "decoy/ssh/ssh_priv.h"

#define HEADER 5 /* length and padding length */
#define PADDING_MAX 255

static ssh_handler_fn on_ignored, on_unknown, on_kex_unknown;

static ssh_handler_fn *const handlers[SSH_HANDLERS] = {
	[SSH_ON_UNKNOWN] = on_unknown,
	[SSH_ON_KEX_UNKNOWN] = on_kex_unknown,
	[SSH_ON_IGNORED] = on_ignored,
	[SSH_ON_KEXINIT] = ssh_on_kexinit,
	[SSH_ON_KEX_INIT] = ssh_on_kex_init,
	[SSH_ON_GEX_REQUEST] = ssh_on_gex_request,
	[SSH_ON_GEX_INIT] = ssh_on_gex_init,
	[SSH_ON_NEWKEYS] = ssh_on_newkeys,
	[SSH_ON_EXT_INFO] = ssh_on_ext_info,
	[SSH_ON_SERVICE] = ssh_on_service,
	[SSH_ON_USERAUTH] = ssh_on_userauth,
	[SSH_ON_INFO_RESPONSE] = ssh_on_info_response,
	[SSH_ON_GLOBAL_REQUEST] = ssh_on_global_request,
	[SSH_ON_GLOBAL_REPLY] = ssh_on_global_reply,
	[SSH_ON_CHANNEL_OPEN] = ssh_on_channel_open,
	[SSH_ON_CHANNEL_CONFIRMATION] = ssh_on_channel_confirmation,
	[SSH_ON_CHANNEL_OPEN_FAILURE] = ssh_on_channel_open_failure,
	[SSH_ON_CHANNEL_WINDOW] = ssh_on_channel_window,
	[SSH_ON_CHANNEL_DATA] = ssh_on_channel_data,
	[SSH_ON_CHANNEL_EXTENDED] = ssh_on_channel_extended,
	[SSH_ON_CHANNEL_EOF] = ssh_on_channel_eof,
	[SSH_ON_CHANNEL_CLOSE] = ssh_on_channel_close,
	[SSH_ON_CHANNEL_REQUEST] = ssh_on_channel_request,
	[SSH_ON_CHANNEL_REPLY] = ssh_on_channel_reply,
};

/* ---- ends ---- */

void ssh_note(struct ssh_connection *c, const char *note)
{
	hin_session_tell(
		c->session,
		(struct hin_event){ .type = HIN_EVENT_NOTE, .a = note, .a_size = strlen(note) });
}

void ssh_close(struct ssh_connection *c, enum hin_close why)
{
	hin_session_hang_up(c->session, why);
}

void ssh_broken(struct ssh_connection *c, const char *note)
{
	if (hin_session_is_over(c->session))
		return;
	ssh_note(c, note);
	ssh_close(c, HIN_CLOSE_ERROR);
}

void ssh_disconnect(struct ssh_connection *c, unsigned reason, const char *fmt, ...)
{
	char text[1024];
	struct hin_buffer *out;
	va_list args;

	if (hin_session_is_over(c->session))
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	ssh_kex_free(c); /* nothing waits any more */
	out = ssh_begin(c, SSH_DISCONNECT);
	hin_ssh_put_u32(out, reason);
	hin_ssh_put_text(out, text);
	hin_ssh_put_text(out, "");
	ssh_finish(c);
	ssh_broken(c, "disconnected for an error of protocol");
}

void ssh_wait(struct ssh_connection *c, int64_t due_us, void (*resume)(struct ssh_connection *c))
{
	c->due_us = due_us;
	c->resume = resume;
}

/* ---- sending ---- */

static _Thread_local struct hin_buffer message, packed;

static bool is_kex(unsigned type)
{
	return type <= SSH_KEX_LAST && type != SSH_SERVICE_REQUEST && type != SSH_SERVICE_ACCEPT &&
	       type != SSH_EXT_INFO;
}

struct hin_buffer *ssh_begin(struct ssh_connection *c, unsigned type)
{
	(void)c;
	hin_buffer_reset(&message);
	hin_buffer_fill(&message, '\0', HEADER);
	hin_ssh_put_u8(&message, type);
	return &message;
}

/* Compress the payload of `message`. */
static bool compress(struct ssh_connection *c)
{
	hin_buffer_reset(&packed);
	hin_buffer_fill(&packed, '\0', HEADER);
	if (ssh_zlib_run(c->deflate, (const uint8_t *)message.data + HEADER, message.used - HEADER,
			 &packed) != HIN_OK)
		return false;
	hin_buffer_reset(&message);
	hin_buffer_add(&message, packed.data, packed.used);
	return !message.failed;
}

static size_t padding_of(const struct ssh_connection *c, size_t size)
{
	size_t block = hin_ssh_keys_block(&c->tx);
	size_t padding = block - (size - hin_ssh_keys_clear_size(&c->tx)) % block;

	if (padding < 4)
		padding += block;
	if (c->dropbear && size + padding < 16)
		padding += block; /* packets of at least 16 bytes (RFC 4253, 6) */
	return padding;
}

static void seal_and_send(struct ssh_connection *c)
{
	size_t padding, size, trailer = hin_ssh_keys_trailer(&c->tx);
	uint8_t random[PADDING_MAX] = { 0 };
	struct hin_writer header;

	if (c->deflate != NULL && !compress(c))
		message.failed = true;
	padding = padding_of(c, message.used);
	/* OpenSSH pads with zeros as long as nothing is encrypted */
	if ((c->dropbear || c->tx.cipher != NULL) &&
	    getrandom(random, padding, 0) != (ssize_t)padding)
		message.failed = true;
	hin_buffer_add(&message, random, padding);
	size = message.used;
	hin_buffer_fill(&message, '\0', trailer);
	if (message.failed) {
		ssh_broken(c, "no memory to send");
		return;
	}
	header = hin_writer_of(message.data, HEADER);
	hin_write_be32(&header, (uint32_t)(size - 4));
	hin_write_u8(&header, (uint8_t)padding);
	if (hin_ssh_seal(&c->tx, (uint8_t *)message.data, size) != HIN_OK) {
		ssh_broken(c, "no memory to encrypt");
		return;
	}
	c->tx_packets++;
	c->tx_blocks += size / hin_ssh_keys_block(&c->tx);
	hin_session_send(c->session, message.data, message.used);
	if (message.size > SSH_PACKET_MAX / 2) /* a rare large one is not kept */
		hin_buffer_fini(&message);
}

void ssh_finish(struct ssh_connection *c)
{
	unsigned type = (uint8_t)message.data[HEADER];

	if (hin_session_is_over(c->session))
		return;
	if (!is_kex(type) && ssh_kex_holds(c)) {
		if (c->queue.used > SSH_QUEUE_MAX) {
			ssh_note(c, "limit reached: messages that wait for new keys");
			ssh_close(c, HIN_CLOSE_LIMIT);
			return;
		}
		hin_ssh_put_string(&c->queue, message.data + HEADER, message.used - HEADER);
		return;
	}
	seal_and_send(c);
}

/* ---- dispatch ---- */

void ssh_dispatch_all(struct ssh_connection *c, enum ssh_handler handler)
{
	memset(c->dispatch, (int)handler, sizeof(c->dispatch));
}

void ssh_dispatch_range(struct ssh_connection *c, unsigned from, unsigned to,
			enum ssh_handler handler)
{
	memset(c->dispatch + from, (int)handler, to - from + 1);
}

void ssh_unimplemented(struct ssh_connection *c)
{
	struct hin_buffer *out = ssh_begin(c, SSH_UNIMPLEMENTED);

	hin_ssh_put_u32(out, c->number);
	ssh_finish(c);
}

static void on_ignored(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	(void)c;
	(void)type;
	(void)in;
}

static void on_unknown(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	(void)type;
	(void)in;
	ssh_unimplemented(c);
}

/* Is nothing but key exchange allowed? Dropbear minds until it has sent NEWKEYS, OpenSSH until that
 * has come. */
static bool is_strict(const struct ssh_connection *c)
{
	return c->initial && c->strict && !(c->dropbear && c->tx.cipher != NULL);
}

static void on_kex_unknown(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	(void)in;
	if (is_strict(c) && c->dropbear)
		ssh_broken(c, "a message that strict key exchange forbids");
	else if (is_strict(c))
		ssh_disconnect(c, SSH_DISCONNECT_PROTOCOL_ERROR,
			       "strict KEX violation: unexpected packet type %u (seqnr %u)", type,
			       c->number);
	else
		ssh_unimplemented(c);
}

struct hin_ssh_string ssh_get_cstring(struct hin_reader *in)
{
	struct hin_ssh_string s = hin_ssh_get_string(in);
	const uint8_t *nul = memchr(s.data, 0, s.size);

	if (nul == NULL)
		return s;
	if (nul < s.data + s.size - 1) {
		in->failed = true;
		in->left = 0;
		s.size = 0;
	} else {
		s.size--;
	}
	return s;
}

bool ssh_at_end(struct hin_reader *in)
{
	if (in->left > 0) {
		in->failed = true;
		in->left = 0;
	}
	return !in->failed;
}

bool ssh_was_read(const struct ssh_connection *c, struct hin_reader *in)
{
	return c->dropbear ? !in->failed : ssh_at_end(in);
}

void ssh_dropbear_awaits(struct ssh_connection *c)
{
	c->dispatch[SSH_SERVICE_REQUEST] = SSH_ON_NOTHING;
	c->dispatch[SSH_SERVICE_ACCEPT] = SSH_ON_NOTHING;
	c->dispatch[SSH_KEXINIT] = SSH_ON_NOTHING;
}

/* Messages of the transport itself; true when that was all. */
static bool handle_transport(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	struct hin_ssh_string data;
	struct hin_buffer *out;

	if (type == SSH_DISCONNECT) {
		ssh_close(c, HIN_CLOSE_CLIENT);
		return true;
	}
	if (is_strict(c))
		return false;
	switch (type) {
	case SSH_IGNORE:
		return true;
	case SSH_DEBUG:
		hin_read_u8(in);
		hin_ssh_get_string(in);
		hin_ssh_get_string(in);
		if (in->failed)
			ssh_broken(c, "DEBUG without its fields");
		return true;
	case SSH_UNIMPLEMENTED:
		hin_read_be32(in);
		if (in->failed)
			ssh_broken(c, "UNIMPLEMENTED without its field");
		return true;
	case SSH_PING:
		if (c->profile->version < 905)
			return false;
		data = hin_ssh_get_string(in);
		if (in->failed) {
			ssh_broken(c, "PING without its field");
			return true;
		}
		out = ssh_begin(c, SSH_PONG);
		hin_ssh_put_string(out, data.data, data.size);
		ssh_finish(c);
		return true;
	default:
		return false;
	}
}

/* As OpenSSH: a table of handlers; where there is none the connection ends without a word. */
static void dispatch(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	enum ssh_handler handler = c->dispatch[type];

	if (handler == SSH_ON_NOTHING) {
		ssh_broken(c, "a message that has no place here");
		return;
	}
	if (c->skip) {
		c->skip = false;
		return;
	}
	handlers[handler](c, type, in);
}

#define DROPBEAR_UNAUTHENTICATED 60 /* the highest type before the log-in */

/* As dropbear: what is not awaited during key exchange is unimplemented, or the end. */
static void dispatch_dropbear(struct ssh_connection *c, uint8_t type, struct hin_reader *in)
{
	enum ssh_handler handler = c->dispatch[type];

	if (handler == SSH_ON_NOTHING) {
		ssh_broken(c, "a message that has no place here");
		return;
	}
	if (handler != SSH_ON_KEX_UNKNOWN && c->skip) {
		c->skip = false;
		return;
	}
	if (!c->authenticated && type > DROPBEAR_UNAUTHENTICATED) {
		ssh_broken(c, "a message before the log-in");
		return;
	}
	handlers[handler](c, type, in);
}

static void handle(struct ssh_connection *c, const uint8_t *payload, size_t size)
{
	struct hin_reader in = hin_reader_of(payload, size);
	uint8_t type = hin_read_u8(&in);
	unsigned last = !c->dropbear && c->profile->version >= 905 ? SSH_PONG : SSH_PING - 1;

	if (size == 0) {
		ssh_broken(c, "a packet without a message");
		return;
	}
	if (!c->dropbear && (type < 1 || type > last)) {
		ssh_disconnect(c, SSH_DISCONNECT_PROTOCOL_ERROR, "Invalid ssh2 packet type: %d",
			       type);
		return;
	}
	if (type == SSH_NEWKEYS && c->strict)
		c->rx.sequence = 0; /* whether it has a place or not */
	if (handle_transport(c, type, &in))
		return;
	if (c->dropbear)
		dispatch_dropbear(c, type, &in);
	else
		dispatch(c, type, &in);
}

/* ---- receiving ---- */

/* What CBC has is read to a packet's largest size before the end, so that nothing can be learnt
 * of what is wrong; all else ends at once. Either way without a word. */
static void discard(struct ssh_connection *c)
{
	const struct hin_ssh_keys *keys = &c->rx;

	if (keys->cipher != NULL && keys->cipher->kind == HIN_SSH_CBC && !keys->mac->etm &&
	    !c->dropbear && !c->ended && c->in.used < SSH_PACKET_MAX)
		return;
	ssh_broken(c, "a packet with a wrong length, padding or MAC");
}

/* The largest length field that is taken. */
static size_t length_max(const struct ssh_connection *c)
{
	return c->dropbear ? 35000 : SSH_PACKET_MAX;
}

/*
 * The size of the packet at `in`, without its trailer, when all of it has come. 0: not yet, or it
 * was none and the connection is on its end.
 */
static size_t packet_size(struct ssh_connection *c, const uint8_t *in, size_t left)
{
	size_t block = hin_ssh_keys_block(&c->rx), clear = hin_ssh_keys_clear_size(&c->rx);
	size_t trailer = hin_ssh_keys_trailer(&c->rx);
	uint32_t length;

	if (left < (clear > 0 && !c->dropbear ? 4 : block))
		return 0;
	if (hin_ssh_peek(&c->rx, in, &length) != HIN_OK) {
		ssh_broken(c, "no memory to decrypt");
		return 0;
	}
	if (length < HEADER || length > length_max(c) || (length + 4 - clear) % block != 0 ||
	    (clear == 0 && length + 4 < block)) {
		discard(c);
		return 0;
	}
	return left >= 4 + length + trailer ? 4 + length : 0;
}

/* The payload of a decrypted packet; false when there is none. */
static bool unpack(struct ssh_connection *c, const uint8_t *packet, size_t size,
		   const uint8_t **payload, size_t *payload_size)
{
	size_t padding = packet[4];

	if (padding < 4 && !c->dropbear) {
		ssh_disconnect(c, SSH_DISCONNECT_PROTOCOL_ERROR, "Corrupted padlen %d on input.",
			       (int)padding);
		return false;
	}
	if (padding + HEADER > size || (c->dropbear && padding + HEADER == size)) {
		ssh_broken(c, "a packet of padding alone");
		return false;
	}
	*payload = packet + HEADER;
	*payload_size = size - HEADER - padding;
	if (c->inflate == NULL)
		return true;
	hin_buffer_reset(&packed);
	if (ssh_zlib_run(c->inflate, *payload, *payload_size, &packed) != HIN_OK) {
		ssh_broken(c, "a packet that does not inflate");
		return false;
	}
	*payload = (const uint8_t *)hin_buffer_text(&packed);
	*payload_size = packed.used;
	return true;
}

/* Take packets until something is to be waited for. */
static void take_packets(struct ssh_connection *c)
{
	size_t taken = 0;

	while (!hin_session_is_over(c->session) && c->resume == NULL) {
		uint8_t *packet = (uint8_t *)c->in.data + taken;
		size_t size = packet_size(c, packet, c->in.used - taken), trailer, payload_size;
		const uint8_t *payload;

		if (size == 0)
			break;
		trailer = hin_ssh_keys_trailer(&c->rx);
		c->number = c->rx.sequence;
		if (hin_ssh_open(&c->rx, packet, size) != HIN_OK) {
			discard(c);
			if (!hin_session_is_over(c->session))
				ssh_broken(c, "a packet with a wrong MAC");
			break;
		}
		c->rx_packets++;
		c->rx_blocks += size / hin_ssh_keys_block(&c->rx);
		taken += size + trailer;
		if (unpack(c, packet, size, &payload, &payload_size))
			handle(c, payload, payload_size);
		if (!hin_session_is_over(c->session))
			ssh_check_rekey(c);
	}
	if (taken == c->in.used) {
		hin_buffer_fini(&c->in);
	} else if (taken > 0) {
		memmove(c->in.data, c->in.data + taken, c->in.used - taken);
		c->in.used -= taken;
	}
}

/* ---- identification ---- */

/*
 * OpenSSH writes the line's end by itself. Where the client has sent more than was read, the
 * connection is reset before that goes out: Nagle's algorithm holds it back.
 */
static void send_line(struct ssh_connection *c, const char *text, bool unread)
{
	if (text == NULL || text[0] == '\0')
		return;
	hin_session_send(c->session, text, strlen(text));
	if (!c->dropbear && !unread)
		hin_session_send(c->session, "\r\n", 2);
}

void ssh_greet(struct ssh_connection *c)
{
	const char *text = c->profile->identification;

	c->phase = SSH_IDENTIFIES;
	hin_session_send(c->session, text, strlen(text));
	hin_session_send(c->session, "\r\n", 2);
	if (c->profile->kexinit_first)
		ssh_send_kexinit(c);
}

static void refuse(struct ssh_connection *c, const char *text, bool unread, const char *note)
{
	send_line(c, text, unread);
	ssh_broken(c, note);
}

/* Does one of a probe's names, which OpenSSH hangs up on, stand in `software`? */
static bool is_probe(const char *software)
{
	return strncmp(software, "Probe-", 6) == 0 ||
	       strstr(software, "SSH_Version_Mapper") != NULL;
}

/* What OpenSSH keeps from clients that cannot do it, by their software (its compat.c). */
static const struct {
	const char *pattern;
	enum ssh_compat compat;
} compats[] = {
	{ "OpenSSH_6.6.1*", 0 },
	{ "OpenSSH_6.5*", SSH_COMPAT_NO_CURVE25519 },
	{ "OpenSSH_6.6*", SSH_COMPAT_NO_CURVE25519 },
	{ "PuTTY_Local:*", SSH_COMPAT_NO_GROUP_EXCHANGE },
	{ "PuTTY-Release-0.5*", SSH_COMPAT_NO_GROUP_EXCHANGE },
	{ "PuTTY_Release_0.5*", SSH_COMPAT_NO_GROUP_EXCHANGE },
	{ "PuTTY_Release_0.6[0-4]*", SSH_COMPAT_NO_GROUP_EXCHANGE },
	{ "FuTTY*", SSH_COMPAT_NO_GROUP_EXCHANGE },
	{ "WinSCP_release_4*", SSH_COMPAT_NO_GROUP_EXCHANGE },
	{ "WinSCP_release_5.0*", SSH_COMPAT_NO_GROUP_EXCHANGE },
	{ "WinSCP_release_5.[1567]", SSH_COMPAT_NO_GROUP_EXCHANGE },
	{ "WinSCP_release_5.[156].*", SSH_COMPAT_NO_GROUP_EXCHANGE },
	{ "WinSCP_release_5.7.[1-4]", SSH_COMPAT_NO_GROUP_EXCHANGE },
	{ "Cisco-1.*", SSH_COMPAT_NO_HOST_KEYS },
	{ "TeraTerm SSH*", SSH_COMPAT_NO_HOST_KEYS },
	{ "TTSSH/1.5.*", SSH_COMPAT_NO_HOST_KEYS },
	{ "TTSSH/2.[1-6]*", SSH_COMPAT_NO_HOST_KEYS },
	{ "TTSSH/2.7[0-2]*", SSH_COMPAT_NO_HOST_KEYS },
};

static enum ssh_compat compat_of(const char *software)
{
	for (size_t i = 0; i < HIN_COUNT(compats); i++) {
		if (fnmatch(compats[i].pattern, software, 0) == 0)
			return compats[i].compat;
	}
	return 0;
}

/* Judge the client's line, as sscanf("SSH-%d.%d-%[^\n]") does. */
static void identify(struct ssh_connection *c, const char *line)
{
	int major, minor, at = -1;

	hin_session_tell(
		c->session,
		(struct hin_event){ .type = HIN_EVENT_CLIENT, .a = line, .a_size = strlen(line) });
	if (c->dropbear) {
		if (strncmp(line, "SSH-2.", 6) != 0 && strncmp(line, "SSH-1.99-", 9) != 0) {
			refuse(c, c->profile->version_text, c->in.used > 0,
			       "another version of the protocol");
			return;
		}
	} else {
		if (sscanf(line, "SSH-%d.%d-%n", &major, &minor, &at) != 2 || at < 0 ||
		    line[at] == '\0') {
			refuse(c, c->profile->invalid_text, c->in.used > 0, "no identification");
			return;
		}
		if (major != 2 && !(major == 1 && minor == 99)) {
			refuse(c, c->profile->version_text, c->in.used > 0,
			       "another version of the protocol");
			return;
		}
		if (is_probe(line + at)) {
			ssh_broken(c, "a probe that calls itself one");
			return;
		}
		c->compat = (uint8_t)compat_of(line + at);
	}
	c->client_identification = strdup(line);
	if (c->client_identification == NULL) {
		ssh_broken(c, "no memory");
		return;
	}
	c->phase = SSH_RUNS;
	if (c->profile->kexinit_first || c->profile->kexinit_ns <= 0)
		ssh_send_kexinit(c);
	else
		ssh_wait(c, hin_session_now_us(c->session) + c->profile->kexinit_ns / HIN_NS_PER_US,
			 ssh_send_kexinit);
}

/* As OpenSSH reads: the first line is the identification, or there is none. */
static void read_identification(struct ssh_connection *c)
{
	char line[SSH_IDENTIFICATION_MAX + 1];
	size_t used = 0;
	bool returned = false;

	for (size_t i = 0; i < c->in.used; i++) {
		char ch = c->in.data[i];

		if (ch == '\r') {
			returned = true;
			continue;
		}
		if (ch == '\n') {
			line[used] = '\0';
			memmove(c->in.data, c->in.data + i + 1, c->in.used - i - 1);
			c->in.used -= i + 1;
			if (used > 4 && memcmp(line, "SSH-", 4) == 0)
				identify(c, line);
			else
				refuse(c, c->profile->invalid_text, c->in.used > 0,
				       "no identification");
			return;
		}
		if (ch == '\0' || returned || used == SSH_IDENTIFICATION_MAX) {
			refuse(c, c->profile->invalid_text, i + 1 < c->in.used,
			       "no identification");
			return;
		}
		line[used++] = ch;
	}
}

#define DROPBEAR_LINE 255 /* bytes of a line */

/* As dropbear reads: the first line, or of a longer one 255 bytes, is the identification. */
static void read_identification_dropbear(struct ssh_connection *c)
{
	char line[DROPBEAR_LINE + 1];
	size_t used = 0, at = 0;
	bool whole = false;

	while (at < c->in.used && !whole) {
		char ch = c->in.data[at++];

		if (ch == '\n')
			whole = true;
		else if (ch != '\r')
			line[used++] = ch;
		whole = whole || used == DROPBEAR_LINE;
	}
	if (!whole)
		return;
	line[used] = '\0';
	memmove(c->in.data, c->in.data + at, c->in.used - at);
	c->in.used -= at;
	if (strncmp(line, "SSH-", 4) == 0)
		identify(c, line);
	else
		refuse(c, NULL, false, "no identification");
}

void ssh_process(struct ssh_connection *c)
{
	if (c->phase == SSH_IDENTIFIES && c->in.used > 0) {
		if (c->dropbear)
			read_identification_dropbear(c);
		else
			read_identification(c);
		if (c->in.used == 0)
			hin_buffer_fini(&c->in);
	}
	if (c->phase == SSH_RUNS && c->in.used > 0)
		take_packets(c);
}

void ssh_input(struct ssh_connection *c, const uint8_t *data, size_t size)
{
	if (hin_session_is_over(c->session))
		return;
	if (c->in.used + size > SSH_INPUT_MAX) {
		ssh_note(c, "limit reached: bytes that wait to be read");
		ssh_close(c, HIN_CLOSE_LIMIT);
		return;
	}
	hin_buffer_add(&c->in, data, size);
	if (c->in.failed) {
		ssh_broken(c, "no memory");
		return;
	}
	ssh_process(c);
}
