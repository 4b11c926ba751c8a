/* The SSH service: what a client may do, and what it must not; hostile input each by name. */
#include "../test.h"

#include "ssh_packet_kit.h"

/* ---- identification ---- */

static void identification_is_judged(void **state)
{
	static const struct {
		const char *text, *answer; /* NULL: goes on */
		const char *like;
	} cases[] = {
		{ "SSH-2.0-x\r\n", NULL, NULL },
		{ "SSH-2.2-x\n", NULL, NULL },
		{ "SSH-1.99-x\r\n", NULL, NULL },
		{ "SSH-1.5-x\r\n", "Protocol major versions differ.\r\n", NULL },
		{ "SSH-3.0-x\r\n", "Protocol major versions differ.\r\n", NULL },
		{ "SSH-2.0\r\n", "Invalid SSH identification string.\r\n", NULL },
		{ "GET / HTTP/1.0\r\n", "Invalid SSH identification string.\r\n", NULL },
		{ "GET / HTTP/1.0\r\n\r\n", "Invalid SSH identification string.", NULL },
		{ "SSH-2.0-a\rb\r\n", "Invalid SSH identification string.", NULL },
		{ "SSH-2.0-Probe-1\r\n", "", NULL },
		{ "SSH-2.0-x\r\n", NULL, "dropbear" },
		{ "GET / HTTP/1.0\r\n", "", "dropbear" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		const char *more[] = { cases[i].like != NULL ? "ssh.like=dropbear" : NULL, NULL };
		struct talk t;

		talk_begin(&t, more);
		talk_skip(&t);
		talk_bytes(&t, cases[i].text, strlen(cases[i].text));
		if (t.kit.over != (cases[i].answer != NULL))
			fail_msg("%s: %s", cases[i].text, t.kit.over ? "closed" : "open");
		if (cases[i].answer != NULL)
			assert_string_equal(hin_buffer_text(&t.kit.sent) + t.taken,
					    cases[i].answer);
		else
			talk_expect(&t, SSH_KEXINIT);
		talk_end(&t);
	}
}

static void identification_comes_in_pieces(void **state)
{
	static const char line[] = "SSH-2.0-piecewise\r\n";
	struct talk t;

	(void)state;
	talk_begin(&t, NULL);
	talk_skip(&t);
	for (size_t i = 0; i < sizeof(line) - 1; i++)
		talk_bytes(&t, line + i, 1);
	talk_expect(&t, SSH_KEXINIT);
	assert_string_equal(t.kit.client, "SSH-2.0-piecewise");
	talk_end(&t);
}

static void an_identification_without_end_is_refused(void **state)
{
	struct talk t;
	char many[9000];

	(void)state;
	memset(many, 'x', sizeof(many));
	talk_begin(&t, NULL);
	talk_bytes(&t, many, sizeof(many));
	assert_true(t.kit.over);
	talk_end(&t);
}

/* ---- packets ---- */

static void wrong_packets_end_it(void **state)
{
	static const struct {
		const char *name;
		uint32_t length;
		uint8_t padding;
		const char *said; /* of a DISCONNECT; NULL: not a word */
	} cases[] = {
		{ "length 0", 0, 4, NULL },
		{ "length 1", 1, 4, NULL },
		{ "length 2^32 - 1", 0xffffffff, 4, NULL },
		{ "length of no whole block", 13, 4, NULL },
		{ "padding 255", 12, 255, NULL },
		{ "padding 3", 12, 3, "Corrupted padlen 3 on input." },
		{ "padding alone", 12, 11, NULL },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		uint8_t bytes[64] = { 0 };
		struct hin_reader in;
		uint32_t length = HIN_BE32(cases[i].length);
		struct talk t;

		memcpy(bytes, &length, 4);
		bytes[4] = cases[i].padding;
		bytes[5] = SSH_IGNORE;
		talk_begin(&t, NULL);
		talk_identify(&t);
		talk_bytes(&t, bytes, sizeof(bytes));
		if (!t.kit.over)
			fail_msg("%s: open", cases[i].name);
		if (cases[i].said == NULL) {
			assert_int_equal(talk_hear(&t, &in), 0);
		} else {
			in = talk_expect(&t, SSH_DISCONNECT);
			assert_int_equal(hin_read_be32(&in), SSH_DISCONNECT_PROTOCOL_ERROR);
			assert_true(hin_ssh_string_is(hin_ssh_get_string(&in), cases[i].said));
		}
		talk_end(&t);
	}
}

static void a_wrong_mac_ends_it(void **state)
{
	static const char *const ciphers[] = { "aes128-ctr", "aes128-cbc", "3des-cbc",
					       "aes128-gcm@openssh.com",
					       "chacha20-poly1305@openssh.com" };
	static const char *const macs[] = { "hmac-sha2-256", "umac-64@openssh.com",
					    "hmac-sha1-96-etm@openssh.com" };
	static uint8_t garbage[300000];

	(void)state;
	memset(garbage, 0x5a, sizeof(garbage));
	for (size_t i = 0; i < HIN_COUNT(ciphers) * HIN_COUNT(macs); i++) {
		struct talk t;

		talk_begin(&t, NULL);
		talk_keyed(&t);
		t.c->rx.cipher = hin_ssh_cipher_find(ciphers[i / HIN_COUNT(macs)]);
		t.c->rx.mac = hin_ssh_mac_find(macs[i % HIN_COUNT(macs)]);
		talk_bytes(&t, garbage, sizeof(garbage));
		assert_true(t.kit.over);
		talk_end(&t);
	}
}

/* Seal and open by every cipher with every MAC; a changed bit is found. */
static void packets_are_sealed_and_opened(void **state)
{
	static const char *const ciphers[] = { "aes128-ctr",
					       "aes192-ctr",
					       "aes256-ctr",
					       "aes128-cbc",
					       "aes192-cbc",
					       "aes256-cbc",
					       "3des-cbc",
					       "aes128-gcm@openssh.com",
					       "aes256-gcm@openssh.com",
					       "chacha20-poly1305@openssh.com" };
	static const char *const macs[] = { "hmac-sha1",
					    "hmac-sha1-96",
					    "hmac-md5",
					    "hmac-md5-96",
					    "hmac-sha2-256",
					    "hmac-sha2-512",
					    "umac-64@openssh.com",
					    "umac-128@openssh.com",
					    "umac-64-etm@openssh.com",
					    "hmac-sha2-512-etm@openssh.com" };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(ciphers) * HIN_COUNT(macs); i++) {
		struct hin_ssh_keys tx = {
			.cipher = hin_ssh_cipher_find(ciphers[i / HIN_COUNT(macs)]),
			.mac = hin_ssh_mac_find(macs[i % HIN_COUNT(macs)]),
			.sequence = 0xfffffffe,
		};
		struct hin_ssh_keys rx;
		uint32_t length;

		memset(tx.key, 0x42, sizeof(tx.key));
		memset(tx.iv, 0xff, sizeof(tx.iv));
		rx = tx;
		for (int round = 0; round < 4; round++) {
			size_t size = 16u * (unsigned)(round + 1) + hin_ssh_keys_clear_size(&tx);
			uint8_t plain[80 + 4], sealed[80 + 4 + HIN_SSH_TAG_MAX];
			struct hin_writer head = hin_writer_of(plain, 4);

			memset(plain, round, sizeof(plain));
			hin_write_be32(&head, (uint32_t)size - 4);
			memcpy(sealed, plain, size);
			assert_int_equal(hin_ssh_seal(&tx, sealed, size), HIN_OK);
			assert_int_equal(hin_ssh_peek(&rx, sealed, &length), HIN_OK);
			assert_int_equal(length, size - 4);
			if (round == 3) {
				sealed[size + 1] ^= 1;
				assert_int_equal(hin_ssh_open(&rx, sealed, size), HIN_EVERIFY);
				break;
			}
			assert_int_equal(hin_ssh_open(&rx, sealed, size), HIN_OK);
			assert_memory_equal(sealed, plain, size);
		}
	}
}

/* ---- key exchange ---- */

static void say_kexinit(struct talk *t, const char *kex, const char *cipher, unsigned follows)
{
	talk_say(t, "brssssssssssbu", SSH_KEXINIT, "0123456789abcdef", (size_t)16, kex,
		 "ssh-ed25519", cipher, cipher, "hmac-sha2-256", "hmac-sha2-256", "none", "none",
		 "", "", follows, 0u);
}

static void kexinit_twice_is_unimplemented(void **state)
{
	struct hin_reader in;
	struct talk t;

	(void)state;
	talk_begin(&t, NULL);
	talk_identify(&t);
	say_kexinit(&t, "curve25519-sha256", "aes128-ctr", 0);
	say_kexinit(&t, "curve25519-sha256", "aes128-ctr", 0);
	in = talk_expect(&t, SSH_UNIMPLEMENTED);
	assert_int_equal(hin_read_be32(&in), 1);
	assert_false(t.kit.over);
	talk_end(&t);
}

static void strict_exchange_allows_nothing_else(void **state)
{
	struct hin_reader in;
	struct talk t;

	(void)state;
	talk_begin(&t, NULL);
	talk_identify(&t);
	say_kexinit(&t, "curve25519-sha256,kex-strict-c-v00@openssh.com", "aes128-ctr", 0);
	talk_say(&t, "bs", SSH_IGNORE, "x");
	in = talk_expect(&t, SSH_DISCONNECT);
	hin_read_be32(&in);
	assert_true(hin_ssh_string_is(hin_ssh_get_string(&in),
				      "strict KEX violation: unexpected packet type 2 (seqnr 1)"));
	assert_true(t.kit.over);
	talk_end(&t);
	/* and KEXINIT must be the first packet (Terrapin) */
	talk_begin(&t, NULL);
	talk_identify(&t);
	talk_say(&t, "bs", SSH_IGNORE, "x");
	say_kexinit(&t, "curve25519-sha256,kex-strict-c-v00@openssh.com", "aes128-ctr", 0);
	talk_expect(&t, SSH_DISCONNECT);
	talk_end(&t);
}

static void a_wrong_guess_is_skipped(void **state)
{
	uint8_t point[32] = { 9 };
	struct talk t;

	(void)state;
	talk_begin(&t, NULL);
	talk_identify(&t);
	say_kexinit(&t, "ecdh-sha2-nistp256,curve25519-sha256", "aes128-ctr", 1);
	talk_say(&t, "bs", SSH_KEX_INIT, "a guess that is wrong");
	assert_false(t.kit.over);
	assert_int_equal(t.taken, t.kit.sent.used);
	talk_end(&t);
	talk_begin(&t, NULL);
	talk_identify(&t);
	say_kexinit(&t, "curve25519-sha256", "aes128-ctr", 1);
	talk_say(&t, "bs", SSH_KEX_INIT, "a guess that is wrong");
	talk_say(&t, "bd", SSH_KEX_INIT, point, sizeof(point));
	talk_expect(&t, SSH_KEX_REPLY);
	talk_expect(&t, SSH_NEWKEYS);
	talk_end(&t);
}

static void long_name_lists_are_bounded(void **state)
{
	char *list = malloc(100001);
	struct talk t;

	(void)state;
	assert_non_null(list);
	for (size_t i = 0; i < 50000; i++)
		memcpy(list + 2 * i, "a,", 3);
	talk_begin(&t, NULL);
	talk_identify(&t);
	say_kexinit(&t, list, "aes128-ctr", 0);
	assert_true(t.kit.over); /* nothing in common within the first forty */
	talk_end(&t);
	free(list);
}

static void values_that_are_none_end_it(void **state)
{
	static const struct {
		const char *kex;
		size_t size;
		uint8_t fill;
	} cases[] = {
		{ "curve25519-sha256", 32, 0 },
		{ "curve25519-sha256", 31, 9 },
		{ "ecdh-sha2-nistp256", 65, 4 },
		{ "ecdh-sha2-nistp521", 0, 0 },
		{ "diffie-hellman-group14-sha256", 1, 1 },
		{ "diffie-hellman-group14-sha256", 256, 0xff },
		{ "diffie-hellman-group14-sha256", 3000, 1 },
		{ "sntrup761x25519-sha512@openssh.com", 1189, 1 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		uint8_t value[3000];
		struct talk t;

		memset(value, cases[i].fill, sizeof(value));
		talk_begin(&t, NULL);
		talk_identify(&t);
		say_kexinit(&t, cases[i].kex, "aes128-ctr", 0);
		talk_say(&t, "bd", SSH_KEX_INIT, value, cases[i].size);
		if (!t.kit.over)
			fail_msg("%s: %zu bytes taken", cases[i].kex, cases[i].size);
		assert_int_equal(t.taken, t.kit.sent.used);
		talk_end(&t);
	}
}

static void rekeying_each_packet_goes_on(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, NULL);
	talk_log_in(&t);
	for (int i = 0; i < 50 && !t.kit.over; i++) {
		say_kexinit(&t, "curve25519-sha256", "aes128-ctr", 0);
		talk_expect(&t, SSH_KEXINIT);
		/* what we send meanwhile waits for the new keys */
		talk_say(&t, "bsb", SSH_GLOBAL_REQUEST, "keepalive@openssh.com", 1);
		assert_int_equal(t.taken, t.kit.sent.used);
		assert_true(t.c->queue.used > 0);
		ssh_kex_free(t.c);
		t.c->queue.used = 0;
		t.c->dispatch[SSH_KEXINIT] = SSH_ON_KEXINIT;
	}
	talk_end(&t);
}

/* A client that never finishes an exchange cannot make us keep more and more. */
static void what_waits_for_keys_is_bounded(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, NULL);
	talk_log_in(&t);
	say_kexinit(&t, "curve25519-sha256", "aes128-ctr", 0);
	for (int i = 0; i < 300000 && !t.kit.over; i++)
		talk_say(&t, "bsb", SSH_GLOBAL_REQUEST, "x", 1);
	assert_true(t.kit.over);
	assert_int_equal(t.kit.why, HIN_CLOSE_LIMIT);
	talk_end(&t);
}

static void a_compression_bomb_is_refused(void **state)
{
	static uint8_t zeros[8 << 20];
	struct ssh_zlib *deflate = ssh_deflate_new();
	struct hin_buffer packed = { 0 };
	struct talk t;

	(void)state;
	assert_non_null(deflate);
	zeros[0] = SSH_IGNORE;
	assert_int_equal(ssh_zlib_run(deflate, zeros, sizeof(zeros), &packed), HIN_OK);
	assert_true(packed.used < 16384);
	talk_begin(&t, NULL);
	talk_log_in(&t);
	t.c->inflate = ssh_inflate_new();
	talk_send(&t, &packed);
	assert_true(t.kit.over);
	assert_true(t.c->in.used < (1 << 20));
	talk_end(&t);
	hin_buffer_fini(&packed);
	ssh_zlib_free(deflate);
}

/* ---- log-in ---- */

static void passwords_are_tried(void **state)
{
	struct hin_reader in;
	struct talk t;

	(void)state;
	talk_begin(&t, NULL);
	talk_keyed(&t);
	talk_say(&t, "bsss", SSH_USERAUTH_REQUEST, "root", "ssh-connection", "none");
	in = talk_expect(&t, SSH_USERAUTH_FAILURE);
	assert_true(hin_ssh_string_is(hin_ssh_get_string(&in),
				      "publickey,password,keyboard-interactive"));
	talk_say(&t, "bsssbs", SSH_USERAUTH_REQUEST, "root", "ssh-connection", "password", 0, "x");
	talk_expect(&t, SSH_USERAUTH_FAILURE);
	talk_say(&t, "bsssss", SSH_USERAUTH_REQUEST, "root", "ssh-connection",
		 "keyboard-interactive", "", "");
	in = talk_expect(&t, SSH_USERAUTH_INFO_REQUEST);
	talk_say(&t, "bus", SSH_USERAUTH_INFO_RESPONSE, 1u, "toor");
	talk_expect(&t, SSH_USERAUTH_SUCCESS);
	assert_int_equal(t.kit.events[HIN_EVENT_CREDENTIAL], 2);
	talk_end(&t);
}

static void six_refusals_are_enough(void **state)
{
	struct hin_reader in;
	struct talk t;

	(void)state;
	talk_begin(&t, NULL);
	talk_keyed(&t);
	for (int i = 0; i < 5; i++) {
		talk_say(&t, "bsssbs", SSH_USERAUTH_REQUEST, "root", "ssh-connection", "password",
			 0, "x");
		talk_expect(&t, SSH_USERAUTH_FAILURE);
	}
	talk_say(&t, "bsssbs", SSH_USERAUTH_REQUEST, "root", "ssh-connection", "password", 0, "x");
	in = talk_expect(&t, SSH_DISCONNECT);
	hin_read_be32(&in);
	assert_true(hin_ssh_string_is(hin_ssh_get_string(&in), "Too many authentication failures"));
	assert_true(t.kit.over);
	talk_end(&t);
}

static void refusals_take_their_time(void **state)
{
	static const char *const slow[] = { "ssh.failure=2s", NULL };
	struct talk t;

	(void)state;
	talk_begin(&t, slow);
	talk_keyed(&t);
	talk_say(&t, "bsssbs", SSH_USERAUTH_REQUEST, "root", "ssh-connection", "password", 0, "x");
	assert_int_equal(t.taken, t.kit.sent.used);
	assert_true(hin_service_ssh.run(t.c, t.kit.now_us) == t.kit.now_us + 2000000);
	t.kit.now_us += 2000000;
	talk_run(&t);
	talk_expect(&t, SSH_USERAUTH_FAILURE);
	/* and who does not log in at all is left alone in the end */
	t.kit.now_us += 120000000;
	talk_run(&t);
	assert_true(t.kit.over);
	assert_int_equal(t.kit.why, HIN_CLOSE_TIMEOUT);
	talk_end(&t);
}

static void names_may_be_anything(void **state)
{
	size_t size = 250000;
	char *name = malloc(size);
	struct talk t;

	(void)state;
	assert_non_null(name);
	memset(name, 0xff, size);
	talk_begin(&t, NULL);
	talk_keyed(&t);
	talk_say(&t, "bdssbs", SSH_USERAUTH_REQUEST, name, size, "ssh-connection", "password", 0,
		 "x");
	talk_expect(&t, SSH_USERAUTH_FAILURE);
	talk_say(&t, "bsssbs", SSH_USERAUTH_REQUEST, "root", "ssh-connection", "password", 0, "x");
	talk_expect(&t, SSH_DISCONNECT);
	talk_end(&t);
	/* a megabyte does not fit a packet */
	talk_begin(&t, NULL);
	talk_keyed(&t);
	talk_bytes(&t, "\0\20\0\4\4\62\0\20\0\0", 10);
	assert_true(t.kit.over);
	talk_end(&t);
	free(name);
}

/* ---- channels ---- */

static void a_command_runs(void **state)
{
	struct hin_buffer out = { 0 };
	struct hin_reader in;
	struct talk t;

	(void)state;
	talk_begin(&t, NULL);
	talk_log_in(&t);
	talk_open(&t);
	talk_say(&t, "busbs", SSH_CHANNEL_REQUEST, 0u, "exec", 1, "echo hello; exit 3");
	in = talk_expect(&t, SSH_CHANNEL_WINDOW_ADJUST);
	talk_expect(&t, SSH_CHANNEL_SUCCESS);
	talk_run(&t);
	in = talk_expect(&t, SSH_CHANNEL_DATA);
	hin_read_be32(&in);
	assert_true(hin_ssh_string_is(hin_ssh_get_string(&in), "hello\n"));
	in = talk_expect(&t, SSH_CHANNEL_REQUEST);
	hin_read_be32(&in);
	assert_true(hin_ssh_string_is(hin_ssh_get_string(&in), "exit-status"));
	hin_read_u8(&in);
	assert_int_equal(hin_read_be32(&in), 3);
	in = talk_expect(&t, SSH_CHANNEL_REQUEST);
	hin_read_be32(&in);
	assert_true(hin_ssh_string_is(hin_ssh_get_string(&in), "eow@openssh.com"));
	talk_expect(&t, SSH_CHANNEL_EOF);
	talk_expect(&t, SSH_CHANNEL_CLOSE);
	assert_int_equal(t.kit.channel_status, 3);
	assert_string_equal(hin_buffer_text(&t.kit.recorded[HIN_TO_CLIENT]), "hello\n");
	talk_say(&t, "bu", SSH_CHANNEL_CLOSE, 0u);
	assert_null(t.c->channels);
	hin_buffer_fini(&out);
	talk_end(&t);
}

static void a_terminal_echoes(void **state)
{
	struct hin_buffer out = { 0 };
	struct talk t;

	(void)state;
	talk_begin(&t, NULL);
	talk_log_in(&t);
	talk_open(&t);
	talk_say(&t, "busbsuuuus", SSH_CHANNEL_REQUEST, 0u, "pty-req", 1, "xterm", 80u, 24u, 0u, 0u,
		 "");
	talk_expect(&t, SSH_CHANNEL_SUCCESS);
	talk_say(&t, "busb", SSH_CHANNEL_REQUEST, 0u, "shell", 1);
	talk_say(&t, "bus", SSH_CHANNEL_DATA, 0u, "echo $((6*7))\r");
	talk_data(&t, &out);
	assert_non_null(strstr(hin_buffer_text(&out), "echo $((6*7))\r\n42\r\n"));
	talk_say(&t, "bus", SSH_CHANNEL_DATA, 0u, "exit\r");
	assert_int_equal(t.kit.events[HIN_EVENT_CHANNEL_END], 1);
	hin_buffer_fini(&out);
	talk_end(&t);
}

static void windows_are_kept(void **state)
{
	struct hin_reader in;
	struct talk t;
	size_t got = 0;

	(void)state;
	talk_begin(&t, NULL);
	talk_log_in(&t);
	talk_say(&t, "bsuuu", SSH_CHANNEL_OPEN, "session", 7u, 0u, 32768u); /* window 0 */
	talk_expect(&t, SSH_CHANNEL_OPEN_CONFIRMATION);
	talk_say(&t, "busbs", SSH_CHANNEL_REQUEST, 0u, "exec", 0, "yes");
	talk_run(&t);
	while (talk_hear(&t, &in) != 0)
		;
	assert_true(t.c->channels->out.used < 2 * 1024 * 1024); /* yes is held back */
	talk_say(&t, "buu", SSH_CHANNEL_WINDOW_ADJUST, 0u, 10u);
	in = talk_expect(&t, SSH_CHANNEL_DATA);
	hin_read_be32(&in);
	got = hin_ssh_get_string(&in).size;
	assert_int_equal(got, 10);
	talk_say(&t, "buu", SSH_CHANNEL_WINDOW_ADJUST, 0u, 0xffffffffu);
	assert_false(t.kit.over);
	talk_end(&t);
	talk_begin(&t, NULL);
	talk_log_in(&t);
	talk_open(&t);
	talk_say(&t, "buu", SSH_CHANNEL_WINDOW_ADJUST, 0u, 0xffffffffu); /* overflows */
	assert_true(t.kit.over);
	talk_end(&t);
}

static void ten_thousand_channels_are_bounded(void **state)
{
	unsigned confirmed = 0, refused = 0, type;
	struct hin_reader in;
	struct talk t;

	(void)state;
	talk_begin(&t, NULL);
	talk_log_in(&t);
	for (uint32_t i = 0; i < 5000; i++) {
		talk_say(&t, "bsuuu", SSH_CHANNEL_OPEN, "session", i, 1000u, 1000u);
		talk_say(&t, "bsuuususu", SSH_CHANNEL_OPEN, "direct-tcpip", i, 1000u, 1000u,
			 "192.0.2.1", 80u, "127.0.0.1", 1u);
	}
	while ((type = talk_hear(&t, &in)) != 0) {
		confirmed += type == SSH_CHANNEL_OPEN_CONFIRMATION;
		refused += type == SSH_CHANNEL_OPEN_FAILURE;
	}
	assert_int_equal(confirmed, 64);
	assert_int_equal(confirmed + refused, 10000);
	assert_false(t.kit.over);
	talk_end(&t);
}

static void forwarding_leads_nowhere(void **state)
{
	struct hin_reader in;
	struct talk t;

	(void)state;
	talk_begin(&t, NULL);
	talk_log_in(&t);
	talk_say(&t, "bsuuususu", SSH_CHANNEL_OPEN, "direct-tcpip", 3u, 1000u, 1000u, "example.org",
		 25u, "127.0.0.1", 1u);
	talk_expect(&t, SSH_CHANNEL_OPEN_CONFIRMATION);
	assert_string_equal(t.kit.forward, "example.org");
	assert_int_equal(t.kit.forward_port, 25);
	talk_say(&t, "bus", SSH_CHANNEL_DATA, 0u, "EHLO x\r\n");
	assert_string_equal(hin_buffer_text(&t.kit.recorded[HIN_FROM_CLIENT]), "EHLO x\r\n");
	assert_int_equal(talk_hear(&t, &in), 0);
	t.kit.now_us += 21000000;
	talk_run(&t);
	talk_expect(&t, SSH_CHANNEL_EOF);
	talk_expect(&t, SSH_CHANNEL_CLOSE);
	talk_say(&t, "bsbsu", SSH_GLOBAL_REQUEST, "tcpip-forward", 1, "", 0u);
	in = talk_expect(&t, SSH_REQUEST_SUCCESS);
	assert_true(hin_read_be32(&in) >= 1024);
	talk_end(&t);
}

static void no_such_channel(void **state)
{
	static const uint8_t types[] = { SSH_CHANNEL_DATA, SSH_CHANNEL_EOF, SSH_CHANNEL_CLOSE,
					 SSH_CHANNEL_REQUEST };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(types); i++) {
		struct talk t;

		talk_begin(&t, NULL);
		talk_log_in(&t);
		talk_say(&t, "busb", types[i], 5u, "x", 0);
		talk_expect(&t, SSH_DISCONNECT);
		assert_true(t.kit.over);
		talk_end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identification_is_judged),
		cmocka_unit_test(identification_comes_in_pieces),
		cmocka_unit_test(an_identification_without_end_is_refused),
		cmocka_unit_test(wrong_packets_end_it),
		cmocka_unit_test(a_wrong_mac_ends_it),
		cmocka_unit_test(packets_are_sealed_and_opened),
		cmocka_unit_test(kexinit_twice_is_unimplemented),
		cmocka_unit_test(strict_exchange_allows_nothing_else),
		cmocka_unit_test(a_wrong_guess_is_skipped),
		cmocka_unit_test(long_name_lists_are_bounded),
		cmocka_unit_test(values_that_are_none_end_it),
		cmocka_unit_test(rekeying_each_packet_goes_on),
		cmocka_unit_test(what_waits_for_keys_is_bounded),
		cmocka_unit_test(a_compression_bomb_is_refused),
		cmocka_unit_test(passwords_are_tried),
		cmocka_unit_test(six_refusals_are_enough),
		cmocka_unit_test(refusals_take_their_time),
		cmocka_unit_test(names_may_be_anything),
		cmocka_unit_test(a_command_runs),
		cmocka_unit_test(a_terminal_echoes),
		cmocka_unit_test(windows_are_kept),
		cmocka_unit_test(ten_thousand_channels_are_bounded),
		cmocka_unit_test(forwarding_leads_nowhere),
		cmocka_unit_test(no_such_channel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
