/*
 * fuzz the SSH service. The first byte says where: bits 0-1: 0 the bytes of a connection from its
 * start; 1 messages before the log-in, 2 and 3 messages after it, without a cipher, each with two
 * bytes of length before; bit 2: as dropbear; bits 3-7: into how large pieces the bytes are cut.
 */
#include "../../tests/unit/decoy/ssh_kit.h"
#include "decoy/ssh/ssh_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const common[] = {
	"ssh.host-keys=ssh-ed25519,ecdsa-sha2-nistp256",
	"ssh.compression=none,zlib,zlib@openssh.com",
	"ssh.methods=publickey,password,keyboard-interactive",
	"ssh.password-change=yes",
	"ssh.forward-time=1s",
	"ssh.greeting=0s",
	"ssh.kexinit-delay=0s",
	NULL,
};
static const char *const dropbear[] = {
	"ssh.like=dropbear",
	"ssh.version=202283",
	"ssh.kexinit-first=yes",
	"ssh.host-keys=ssh-ed25519",
	"ssh.host-keys-told=no",
	"ssh.window=24576",
	NULL,
};

static void run(struct kit_session *s, void *service)
{
	for (int i = 0; i < 16 && !s->over; i++) {
		int64_t next = hin_service_ssh.run(service, s->now_us);

		if (next > s->now_us + 10000000)
			break;
		if (next > s->now_us)
			s->now_us = kit_now_us = next;
	}
}

/* As after key exchange, but with nothing encrypted. */
static void skip_exchange(struct kit_session *s, struct ssh_connection *c, bool log_in)
{
	c->phase = SSH_RUNS;
	c->client_identification = strdup("SSH-2.0-OpenSSH_9.2");
	c->session_id_size = 32;
	c->initial = false;
	ssh_kex_free(c);
	c->dispatch[SSH_KEXINIT] = SSH_ON_KEXINIT;
	ssh_auth_begin(c);
	if (!log_in || !hin_session_password(s->session, "root", 4, "toor", 4))
		return;
	c->authenticated = true;
	ssh_auth_free(c);
	ssh_channels_begin(c);
}

/* Frame `size` bytes as a packet. */
static void receive_message(void *service, const uint8_t *payload, size_t size)
{
	uint8_t packet[66000] = { 0 };
	size_t padding = 8 - (size + 5) % 8;

	if (padding < 4)
		padding += 8;
	packet[0] = (uint8_t)((size + padding + 1) >> 24);
	packet[1] = (uint8_t)((size + padding + 1) >> 16);
	packet[2] = (uint8_t)((size + padding + 1) >> 8);
	packet[3] = (uint8_t)(size + padding + 1);
	packet[4] = (uint8_t)padding;
	memcpy(packet + 5, payload, size);
	hin_service_ssh.receive(service, packet, 5 + size + padding);
}

static void feed(struct kit_session *s, void *service, uint8_t how, const uint8_t *data,
		 size_t size)
{
	size_t piece = (how >> 3) != 0 ? (size_t)(how >> 3) * 8 : 65536;

	while (size > 0 && !s->over) {
		size_t part = size < piece ? size : piece;

		if ((how & 3) != 0) {
			if (size < 2)
				break;
			part = (size_t)(data[0] << 8 | data[1]);
			data += 2;
			size -= 2;
			part = part < size ? part : size;
			receive_message(service, data, part);
		} else {
			hin_service_ssh.receive(service, data, part);
		}
		data += part;
		size -= part;
		run(s, service);
	}
	run(s, service);
	if (!s->over)
		hin_service_ssh.end(service);
	run(s, service);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct kit_host hosts[2];
	struct kit_session s = { .keep_nothing = true };
	void *service;

	if (hosts[0].image == NULL &&
	    (!kit_open(&hosts[0], "fuzz", common) || !kit_open(&hosts[1], "fuzz2", dropbear)))
		abort();
	if (size < 1)
		return 0;
	kit_begin(&s, &hosts[(data[0] >> 2) & 1]);
	service = hin_service_ssh.open(s.session);
	if (service == NULL)
		abort();
	if ((data[0] & 3) != 0)
		skip_exchange(&s, service, (data[0] & 2) != 0);
	feed(&s, service, data[0], data + 1, size - 1);
	hin_service_ssh.close(service);
	kit_end(&s);
	return 0;
}
