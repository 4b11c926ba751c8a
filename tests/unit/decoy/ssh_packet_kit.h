/*
 * ssh_packet_kit - a connection to the SSH service as a loop of packets, for unit tests: without a
 * cipher, in the state that a test is about. Include it once, after test.h.
 */
#pragma once
#include "ssh_kit.h"

#include "decoy/ssh/ssh_channel.h"

struct talk {
	struct kit_host host;
	struct kit_session kit;
	struct ssh_connection *c;
	size_t taken; /* of what was sent */
};

static const char *const talk_settings[] = {
	"ssh.host-keys=ssh-ed25519",
	"ssh.greeting=0s",
	"ssh.kexinit-delay=0s",
	"ssh.answer=0s",
	"ssh.failure=0s",
	"ssh.failure-spread=0s",
	"ssh.methods=publickey,password,keyboard-interactive",
	NULL,
};

static inline void talk_run(struct talk *t)
{
	for (int i = 0; i < 100000 && !t->kit.over; i++) {
		int64_t next = hin_service_ssh.run(t->c, t->kit.now_us);

		if (next > t->kit.now_us)
			break;
	}
}

/* Begin a connection to a host with more settings (ends with NULL; may be NULL). */
static inline void talk_begin(struct talk *t, const char *const *more)
{
	const char *all[16];
	size_t count = 0;

	memset(t, 0, sizeof(*t));
	for (const char *const *s = talk_settings; *s != NULL; s++)
		all[count++] = *s;
	for (; more != NULL && *more != NULL; more++)
		all[count++] = *more;
	all[count] = NULL;
	assert_true(kit_open(&t->host, "debian", all));
	t->kit.keep_records = true;
	kit_begin(&t->kit, &t->host);
	t->c = hin_service_ssh.open(t->kit.session);
	assert_non_null(t->c);
	talk_run(t);
}

static inline void talk_end(struct talk *t)
{
	hin_service_ssh.close(t->c);
	kit_end(&t->kit);
	kit_close(&t->host);
}

static inline void talk_bytes(struct talk *t, const void *data, size_t size)
{
	uint8_t *copy = hin_test_copy(data, size);

	if (!t->kit.over)
		hin_service_ssh.receive(t->c, copy, size);
	free(copy);
	if (!t->kit.over)
		talk_run(t);
}

/* Frame a message in a packet. */
static inline void talk_send(struct talk *t, const struct hin_buffer *payload)
{
	size_t padding = 8 - (payload->used + 5) % 8;
	struct hin_buffer packet = { 0 };

	if (padding < 4)
		padding += 8;
	hin_ssh_put_u32(&packet, (uint32_t)(payload->used + padding + 1));
	hin_ssh_put_u8(&packet, (unsigned)padding);
	hin_buffer_add(&packet, payload->data, payload->used);
	hin_buffer_fill(&packet, '\0', padding);
	talk_bytes(t, packet.data, packet.used);
	hin_buffer_fini(&packet);
}

/*
 * Build and send a message: `format` has a letter for each field: b byte, u uint32, s text, d data
 * with its size (size_t), r raw data with its size.
 */
static inline void talk_say(struct talk *t, const char *format, ...)
{
	struct hin_buffer payload = { 0 };
	const void *data;
	va_list args;

	va_start(args, format);
	for (; *format != '\0'; format++) {
		switch (*format) {
		case 'b':
			hin_ssh_put_u8(&payload, va_arg(args, unsigned));
			break;
		case 'u':
			hin_ssh_put_u32(&payload, va_arg(args, uint32_t));
			break;
		case 's':
			hin_ssh_put_text(&payload, va_arg(args, const char *));
			break;
		case 'd':
			data = va_arg(args, const void *);
			hin_ssh_put_string(&payload, data, va_arg(args, size_t));
			break;
		default:
			data = va_arg(args, const void *);
			hin_buffer_add(&payload, data, va_arg(args, size_t));
			break;
		}
	}
	va_end(args);
	talk_send(t, &payload);
	hin_buffer_fini(&payload);
}

/* The next message that was sent, without its type; its type, 0 when there is none. */
static inline unsigned talk_hear(struct talk *t, struct hin_reader *in)
{
	struct hin_reader all = hin_reader_of(t->kit.sent.data, t->kit.sent.used);
	uint32_t size;
	uint8_t padding, type;

	hin_read_skip(&all, t->taken);
	if (all.left == 0)
		return 0;
	size = hin_read_be32(&all);
	padding = hin_read_u8(&all);
	type = hin_read_u8(&all);
	assert_true(size >= 2u + padding);
	*in = hin_read_sub(&all, size - 2 - padding);
	assert_false(in->failed);
	t->taken += 4 + size;
	return type;
}

/* The next message must be of `type`. */
static inline struct hin_reader talk_expect(struct talk *t, unsigned type)
{
	struct hin_reader in = hin_reader_of(NULL, 0);
	unsigned got = talk_hear(t, &in);

	if (got != type)
		fail_msg("message %u in place of %u; note \"%s\"", got, type, t->kit.note);
	return in;
}

/* Skip what was sent so far. */
static inline void talk_skip(struct talk *t)
{
	t->taken = t->kit.sent.used;
}

/* The identification is behind us. */
static inline void talk_identify(struct talk *t)
{
	static const char line[] = "SSH-2.0-OpenSSH_9.2\r\n";

	talk_bytes(t, line, sizeof(line) - 1);
	talk_skip(t);
}

/* As after key exchange, but with nothing encrypted. */
static inline void talk_keyed(struct talk *t)
{
	talk_identify(t);
	t->c->session_id_size = 32;
	t->c->initial = false;
	ssh_kex_free(t->c);
	ssh_auth_begin(t->c);
	talk_say(t, "bs", SSH_SERVICE_REQUEST, "ssh-userauth");
	talk_expect(t, SSH_SERVICE_ACCEPT);
}

static inline void talk_log_in(struct talk *t)
{
	talk_keyed(t);
	talk_say(t, "bsssbs", SSH_USERAUTH_REQUEST, "root", "ssh-connection", "password", 0,
		 "toor");
	talk_expect(t, SSH_USERAUTH_SUCCESS);
	if (t->host.profile.host_keys_told)
		talk_expect(t, SSH_GLOBAL_REQUEST);
}

/* A session channel of ours with number 0; the client's is 7. */
static inline void talk_open(struct talk *t)
{
	struct hin_reader in;

	talk_say(t, "bsuuu", SSH_CHANNEL_OPEN, "session", 7u, 2097152u, 32768u);
	in = talk_expect(t, SSH_CHANNEL_OPEN_CONFIRMATION);
	assert_int_equal(hin_read_be32(&in), 7);
	assert_int_equal(hin_read_be32(&in), 0);
}

/* All data that waits, of channel data and stderr; other messages are skipped. */
static inline size_t talk_data(struct talk *t, struct hin_buffer *out)
{
	struct hin_reader in;
	unsigned type;

	while ((type = talk_hear(t, &in)) != 0) {
		struct hin_ssh_string data;

		if (type != SSH_CHANNEL_DATA && type != SSH_CHANNEL_EXTENDED_DATA)
			continue;
		hin_read_be32(&in);
		if (type == SSH_CHANNEL_EXTENDED_DATA)
			hin_read_be32(&in);
		data = hin_ssh_get_string(&in);
		hin_buffer_add(out, data.data, data.size);
	}
	return out->used;
}
