/*
 * decoy_ssh - how fast the SSH decoy lets people in, and what one who is in costs.
 *
 * Clients of our own in the same process: X25519, Ed25519 and AES-128-CTR with HMAC-SHA-256, a
 * password, a terminal, a shell at its prompt. The client's work is measured alone and taken off,
 * so that the figures are the server's.
 *
 * usage: hinomi-decoy-ssh-bench [LOG-INS [IDLE]]
 */
#include <malloc.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <time.h>

#include "../tests/unit/decoy/ssh_kit.h"
#include "decoy/ssh/ssh_cipher.h"
#include "decoy/ssh/ssh_wire.h"

#define CLIENT_ID "SSH-2.0-bench"

/* Both sides of one connection. */
struct peer {
	struct kit_session kit;
	void *service;
	struct hin_ssh_keys rx, tx;
	size_t taken;
	uint8_t secret[32]; /* X25519 */
	struct hin_buffer kexinit;
};

static int64_t client_ns; /* spent in the client */

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "decoy_ssh: %s\n", what);
	exit(1);
}

static void run(struct peer *p)
{
	for (;;) {
		int64_t next = hin_service_ssh.run(p->service, p->kit.now_us);

		if (next > p->kit.now_us || p->kit.over)
			return;
	}
}

/* ---- the client ---- */

static void deliver(struct peer *p, struct hin_buffer *packet, int64_t begun)
{
	client_ns += now_ns() - begun;
	hin_service_ssh.receive(p->service, (const uint8_t *)packet->data, packet->used);
	run(p);
	hin_buffer_fini(packet);
}

static void say(struct peer *p, const struct hin_buffer *payload)
{
	int64_t begun = now_ns();
	size_t block = hin_ssh_keys_block(&p->tx), trailer = hin_ssh_keys_trailer(&p->tx);
	size_t padding = block - (payload->used + 5) % block;
	struct hin_buffer packet = { 0 };
	size_t size;

	if (padding < 4)
		padding += block;
	hin_ssh_put_u32(&packet, (uint32_t)(payload->used + padding + 1));
	hin_ssh_put_u8(&packet, (unsigned)padding);
	hin_buffer_add(&packet, payload->data, payload->used);
	hin_buffer_fill(&packet, '\0', padding);
	size = packet.used;
	hin_buffer_fill(&packet, '\0', trailer);
	if (packet.failed || hin_ssh_seal(&p->tx, (uint8_t *)packet.data, size) != HIN_OK)
		die("no memory");
	deliver(p, &packet, begun);
}

/* The next message of the server: its type, 0 for none; its rest in `in`. */
static unsigned hear(struct peer *p, struct hin_reader *in)
{
	int64_t begun = now_ns();
	uint8_t *packet = (uint8_t *)p->kit.sent.data + p->taken;
	uint32_t length;
	uint8_t type;

	if (p->taken == p->kit.sent.used)
		return 0;
	if (hin_ssh_peek(&p->rx, packet, &length) != HIN_OK ||
	    hin_ssh_open(&p->rx, packet, 4 + length) != HIN_OK)
		die("a packet that cannot be opened");
	p->taken += 4 + length + hin_ssh_keys_trailer(&p->rx);
	*in = hin_reader_of(packet + 5, length - 1 - packet[4]);
	type = hin_read_u8(in);
	client_ns += now_ns() - begun;
	return type;
}

static struct hin_reader expect(struct peer *p, unsigned type)
{
	struct hin_reader in;
	unsigned got;

	while ((got = hear(p, &in)) != type) {
		if (got == 0 || got == 1 || got == 51)
			die("not the message that was awaited");
	}
	return in;
}

static void digest_key(const struct hin_buffer *secret, const uint8_t hash[32], char letter,
		       uint8_t *out)
{
	struct hin_buffer text = { 0 };

	hin_buffer_add(&text, secret->data, secret->used);
	hin_buffer_add(&text, hash, 32);
	hin_buffer_putc(&text, letter);
	hin_buffer_add(&text, hash, 32);
	SHA256((const uint8_t *)text.data, text.used, out);
	hin_buffer_fini(&text);
}

static void take_keys(struct hin_ssh_keys *keys, const struct hin_buffer *secret,
		      const uint8_t hash[32], unsigned out)
{
	uint8_t block[32];
	uint32_t sequence = keys->sequence;

	*keys = (struct hin_ssh_keys){ .cipher = hin_ssh_cipher_find("aes128-ctr"),
				       .mac = hin_ssh_mac_find("hmac-sha2-256"),
				       .sequence = sequence };
	digest_key(secret, hash, (char)('A' + out), block);
	memcpy(keys->iv, block, 16);
	digest_key(secret, hash, (char)('C' + out), block);
	memcpy(keys->key, block, 16);
	digest_key(secret, hash, (char)('E' + out), keys->mac_key);
}

/* Finish the exchange from the server's reply; the signature is not looked at. */
static void finish_exchange(struct peer *p, const uint8_t *server_kexinit, size_t kexinit_size,
			    const uint8_t ours[32])
{
	struct hin_reader in = expect(p, 31);
	int64_t begun = now_ns();
	struct hin_ssh_string host_key = hin_ssh_get_string(&in), theirs = hin_ssh_get_string(&in);
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, p->secret, 32);
	EVP_PKEY *other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, theirs.data, 32);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t shared[32], hash[32];
	size_t size = sizeof(shared);
	struct hin_buffer secret = { 0 }, text = { 0 };

	if (EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer(ctx, other) != 1 ||
	    EVP_PKEY_derive(ctx, shared, &size) != 1)
		die("X25519");
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	hin_ssh_put_mpint(&secret, shared, size);
	hin_ssh_put_text(&text, CLIENT_ID);
	hin_ssh_put_text(&text, p->kit.host->profile.identification);
	hin_ssh_put_string(&text, p->kexinit.data, p->kexinit.used);
	hin_ssh_put_string(&text, server_kexinit, kexinit_size);
	hin_ssh_put_string(&text, host_key.data, host_key.size);
	hin_ssh_put_string(&text, ours, 32);
	hin_ssh_put_string(&text, theirs.data, theirs.size);
	hin_buffer_add(&text, secret.data, secret.used);
	SHA256((const uint8_t *)text.data, text.used, hash);
	client_ns += now_ns() - begun;
	expect(p, 21);
	begun = now_ns();
	take_keys(&p->rx, &secret, hash, 1);
	hin_buffer_reset(&text);
	hin_ssh_put_u8(&text, 21);
	client_ns += now_ns() - begun;
	say(p, &text);
	take_keys(&p->tx, &secret, hash, 0);
	hin_buffer_fini(&text);
	hin_buffer_fini(&secret);
}

static void exchange(struct peer *p)
{
	static const char *const lists[] = {
		"curve25519-sha256", "ssh-ed25519", "aes128-ctr", "aes128-ctr", "hmac-sha2-256",
		"hmac-sha2-256",     "none",	    "none",	  "",		""
	};
	struct hin_buffer payload = { 0 };
	uint8_t ours[32];
	size_t size = sizeof(ours);
	struct hin_reader in = expect(p, 20);
	const uint8_t *theirs = in.pos - 1;
	size_t theirs_size = in.left + 1;
	struct hin_buffer kept = { 0 };
	int64_t begun = now_ns();
	EVP_PKEY *key;

	hin_buffer_add(&kept, theirs, theirs_size);
	hin_ssh_put_u8(&p->kexinit, 20);
	hin_buffer_add(&p->kexinit, "0123456789abcdef", 16);
	for (size_t i = 0; i < HIN_COUNT(lists); i++)
		hin_ssh_put_text(&p->kexinit, lists[i]);
	hin_ssh_put_u8(&p->kexinit, 0);
	hin_ssh_put_u32(&p->kexinit, 0);
	memset(p->secret, 0x55, sizeof(p->secret));
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, p->secret, 32);
	if (key == NULL || EVP_PKEY_get_raw_public_key(key, ours, &size) != 1)
		die("X25519");
	EVP_PKEY_free(key);
	hin_ssh_put_u8(&payload, 30);
	hin_ssh_put_string(&payload, ours, sizeof(ours));
	client_ns += now_ns() - begun;
	say(p, &p->kexinit);
	say(p, &payload);
	finish_exchange(p, (const uint8_t *)kept.data, kept.used, ours);
	hin_buffer_fini(&payload);
	hin_buffer_fini(&kept);
	hin_buffer_fini(&p->kexinit);
}

/* A message of texts: `type`, then strings, numbers and bytes as the format says. */
static void send_text(struct peer *p, unsigned type, const char *format, ...)
{
	struct hin_buffer payload = { 0 };
	va_list args;

	va_start(args, format);
	hin_ssh_put_u8(&payload, type);
	for (; *format != '\0'; format++) {
		if (*format == 's')
			hin_ssh_put_text(&payload, va_arg(args, const char *));
		else if (*format == 'u')
			hin_ssh_put_u32(&payload, va_arg(args, unsigned));
		else
			hin_ssh_put_u8(&payload, va_arg(args, unsigned));
	}
	va_end(args);
	say(p, &payload);
	hin_buffer_fini(&payload);
}

/* From the connection to the shell's prompt. */
static void log_in(struct peer *p, struct kit_host *host)
{
	static const char line[] = CLIENT_ID "\r\n";
	struct hin_reader in;

	memset(p, 0, sizeof(*p));
	kit_begin(&p->kit, host);
	p->service = hin_service_ssh.open(p->kit.session);
	if (p->service == NULL)
		die("no memory");
	run(p);
	hin_service_ssh.receive(p->service, (const uint8_t *)line, sizeof(line) - 1);
	p->taken = strlen(host->profile.identification) + 2;
	run(p);
	exchange(p);
	send_text(p, 5, "s", "ssh-userauth");
	expect(p, 6);
	send_text(p, 50, "sssbs", "root", "ssh-connection", "password", 0, "toor");
	expect(p, 52);
	send_text(p, 90, "suuu", "session", 0, 2097152, 32768);
	expect(p, 91);
	send_text(p, 98, "usbsuuuus", 0, "pty-req", 1, "xterm", 80, 24, 0, 0, "");
	expect(p, 99);
	send_text(p, 98, "usb", 0, "shell", 1);
	expect(p, 99);
	in = expect(p, 94); /* the prompt */
	if (in.left < 8)
		die("no prompt");
	hin_buffer_fini(&p->kit.sent);
	p->taken = 0;
}

static void log_out(struct peer *p)
{
	hin_service_ssh.end(p->service);
	hin_service_ssh.close(p->service);
	kit_end(&p->kit);
}

static size_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	size_t pages = 0;

	if (file == NULL || fscanf(file, "%*u %zu", &pages) != 1)
		die("no /proc/self/statm");
	fclose(file);
	return pages * 4096;
}

static void measure_log_ins(struct kit_host *host, unsigned count)
{
	int64_t begun = now_ns(), took;
	struct peer p;

	client_ns = 0;
	for (unsigned i = 0; i < count; i++) {
		log_in(&p, host);
		log_out(&p);
	}
	took = now_ns() - begun;
	printf("log-ins with shell: %u, %.0f us each with the client, %.0f us of the server's: "
	       "%.0f/s on one core (cowrie 3.7 ms each: %.1f times)\n",
	       count, (double)took / count / 1e3, (double)(took - client_ns) / count / 1e3,
	       count * 1e9 / (double)(took - client_ns),
	       3.7e6 * count / (double)(took - client_ns));
}

static void measure_idle(struct kit_host *host, unsigned count)
{
	struct peer *peers = calloc(count, sizeof(*peers));
	size_t resident = resident_bytes(), used = mallinfo2().uordblks, later;

	if (peers == NULL)
		die("no memory");
	for (unsigned i = 0; i < count; i++)
		log_in(&peers[i], host);
	used = (mallinfo2().uordblks - used) / count;
	later = (resident_bytes() - resident) / count;
	printf("idle sessions with terminal and shell: %u, %zu bytes allocated and %zu resident "
	       "each, %zu of them the bench's own (cowrie 87 KiB: %.1f times)\n",
	       count, used, later, sizeof(*peers),
	       87.0 * 1024 / (double)(later > sizeof(*peers) ? later - sizeof(*peers) : 1));
	for (unsigned i = 0; i < count; i++)
		log_out(&peers[i]);
	free(peers);
	malloc_trim(0);
	printf("resident after they left: %zu KiB above what it was before\n",
	       resident_bytes() > resident ? (resident_bytes() - resident) / 1024 : 0);
}

int main(int argc, char *argv[])
{
	static const char *const settings[] = { "ssh.greeting=0s", "ssh.kexinit-delay=0s",
						"ssh.answer=0s", NULL };
	unsigned log_ins = argc > 1 ? (unsigned)atoi(argv[1]) : 3000;
	unsigned idle = argc > 2 ? (unsigned)atoi(argv[2]) : 5000;
	static struct kit_host host;
	struct peer warm;

	if (!kit_open(&host, "bench", settings))
		return 1;
	log_in(&warm, &host); /* the host's keys are made once */
	log_out(&warm);
	measure_log_ins(&host, log_ins);
	measure_idle(&host, idle);
	kit_close(&host);
	return 0;
}
