/*
 * decoy_logins - sessions that log in and leave, as services tell them: for the benchmark of
 * recordings and for the test of their size.
 *
 * What is said alike by many (list of algorithms, greeting, prompt) and what is not (addresses,
 * ports, times, pairs) are those of real ones. With `guesses`, one in four has three pairs refused
 * before.
 */
#pragma once
#include <stdio.h>
#include <string.h>

#include "decoy/record/recording.h"
#include "observe/registry_numbers.h"

struct login {
	bool telnet;
	uint64_t dice;
	char host[24], user[16], password[24];
	const char *client;
	unsigned refused;
};

static inline uint64_t login_dice(struct login *login)
{
	login->dice ^= login->dice << 13;
	login->dice ^= login->dice >> 7;
	login->dice ^= login->dice << 17;
	return login->dice;
}

static const char login_algorithms[] =
	"curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,"
	"ecdh-sha2-nistp521,diffie-hellman-group14-sha256,diffie-hellman-group14-sha1,ext-info-c;"
	"aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,"
	"aes192-ctr,aes256-ctr;hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,"
	"hmac-sha2-256,hmac-sha2-512,hmac-sha1,hmac-sha1-96;none";

static const char login_greeting[] =
	"Linux %s 6.1.0-28-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22) "
	"x86_64\r\n\r\n"
	"The programs included with the Debian GNU/Linux system are free software;\r\n"
	"the exact distribution terms for each program are described in the\r\n"
	"individual files in /usr/share/doc/*/copyright.\r\n\r\n"
	"Debian GNU/Linux comes with ABSOLUTELY NO WARRANTY, to the extent\r\n"
	"permitted by applicable law.\r\n";

static inline struct login login_of(uint64_t index, bool telnet, bool guesses)
{
	static const char *const clients[] = { "SSH-2.0-Go", "SSH-2.0-libssh2_1.10.0",
					       "SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.6",
					       "SSH-2.0-paramiko_2.7.2", "SSH-2.0-libssh_0.9.6" };
	static const char *const users[] = { "root", "admin", "pi", "ubuntu", "oracle", "support" };
	struct login l = { .telnet = telnet, .dice = index * UINT64_C(0x9e3779b97f4a7c15) + 1 };

	for (unsigned k = 0; k < 4; k++)
		(void)login_dice(&l);
	snprintf(l.host, sizeof(l.host), "town-pc%02u", (unsigned)(login_dice(&l) % 60));
	snprintf(l.user, sizeof(l.user), "%s", users[login_dice(&l) % 6]);
	snprintf(l.password, sizeof(l.password), "%s%u", login_dice(&l) % 2 ? "admin" : "P@ss",
		 (unsigned)(login_dice(&l) % 100000));
	l.client = clients[login_dice(&l) % 5];
	l.refused = guesses && login_dice(&l) % 4 == 0 ? 3 : 0;
	return l;
}

static inline struct hin_recording_about login_about(struct login *l, int64_t time_us)
{
	return (struct hin_recording_about){
		.time_us = time_us,
		.client = hin_addr_of_v4((uint32_t)login_dice(l)),
		.server = hin_addr_of_v4(0x0a000000 + (uint32_t)(login_dice(l) % 60)),
		.client_port = (uint16_t)(1024 + login_dice(l) % 60000),
		.server_port = l->telnet ? 23 : 22,
		.service = l->telnet ? HIN_SERVICE_TELNET : HIN_SERVICE_SSH,
		.host = l->host,
		.persona = "debian12",
	};
}

/* A moment later, as networks and people are. */
static inline int64_t login_later(struct login *l, int64_t *time_us)
{
	*time_us += 20000 + (int64_t)(login_dice(l) % 180000);
	return *time_us;
}

static inline void login_event(struct hin_recorder *r, uint64_t number, int64_t time_us,
			       uint32_t channel, uint16_t type, const void *a, size_t a_size,
			       const void *b, size_t b_size, uint64_t value, uint8_t verdict)
{
	struct hin_event event = { .time_us = time_us,
				   .type = type,
				   .verdict = verdict,
				   .channel = channel,
				   .number = value,
				   .a = a,
				   .b = b,
				   .a_size = a_size,
				   .b_size = b_size };

	hin_recorder_event(r, number, &event);
}

static inline void login_pair(struct hin_recorder *r, uint64_t number, struct login *l,
			      const char *password, int64_t *time_us, bool good)
{
	int64_t now_us = login_later(l, time_us);

	if (l->telnet) {
		char line[48];

		snprintf(line, sizeof(line), "%s login: ", l->host);
		hin_recorder_bytes(r, number, now_us, 1, HIN_TO_CLIENT, line, strlen(line));
		snprintf(line, sizeof(line), "%s\r\n", l->user);
		now_us = login_later(l, time_us);
		hin_recorder_bytes(r, number, now_us, 1, HIN_FROM_CLIENT, line, strlen(line));
		hin_recorder_bytes(r, number, now_us + 100, 1, HIN_TO_CLIENT, line, strlen(line));
		hin_recorder_bytes(r, number, now_us + 200, 1, HIN_TO_CLIENT, "Password: ", 10);
		snprintf(line, sizeof(line), "%s\r\n", password);
		now_us = login_later(l, time_us);
		hin_recorder_bytes(r, number, now_us, 1, HIN_FROM_CLIENT, line, strlen(line));
	}
	login_event(r, number, now_us, 0, HIN_EVENT_CREDENTIAL, l->user, strlen(l->user), password,
		    strlen(password), HIN_CREDENTIAL_PASSWORD,
		    good ? HIN_VERDICT_SUCCESS : HIN_VERDICT_REFUSED);
	if (l->telnet && !good)
		hin_recorder_bytes(r, number, now_us + 300, 1, HIN_TO_CLIENT,
				   "\r\nLogin incorrect\r\n", 19);
}

/* Up to the log-in. */
static inline void login_begin(struct hin_recorder *r, uint64_t number, struct login *l,
			       int64_t *time_us)
{
	static const uint8_t options[] = { 0xff, 0xfd, 0x18, 0xff, 0xfd, 0x20, 0xff, 0xfd,
					   0x23, 0xff, 0xfd, 0x27, 0xff, 0xfb, 3,    0xff,
					   0xfd, 1,    0xff, 0xfd, 0x1f, 0xff, 0xfb, 5 };
	uint8_t hassh[16];

	login_event(r, number, *time_us, 0, HIN_EVENT_OPEN, NULL, 0, NULL, 0, l->telnet ? 2 : 1, 0);
	if (l->telnet) {
		hin_recorder_bytes(r, number, *time_us + 50, 0, HIN_TO_CLIENT, options, 24);
		hin_recorder_bytes(r, number, login_later(l, time_us), 0, HIN_FROM_CLIENT, options,
				   9);
		hin_recorder_bytes(r, number, *time_us + 90, 1, HIN_TO_CLIENT,
				   "Debian GNU/Linux 12\r\r\n", 22);
	} else {
		memset(hassh, l->client[8], sizeof(hassh));
		login_event(r, number, login_later(l, time_us), 0, HIN_EVENT_CLIENT, l->client,
			    strlen(l->client), NULL, 0, 0, 0);
		login_event(r, number, login_later(l, time_us), 0, HIN_EVENT_FINGERPRINT,
			    login_algorithms, sizeof(login_algorithms) - 1, hassh, sizeof(hassh), 0,
			    0);
	}
}

/* The log-in, the greeting of the shell, and its end. */
static inline void login_end(struct hin_recorder *r, uint64_t number, struct login *l,
			     int64_t *time_us)
{
	char text[800], wrong[16];
	int size;
	uint8_t digest[32];

	for (unsigned k = 0; k < l->refused; k++) {
		snprintf(wrong, sizeof(wrong), "%x", (unsigned)login_dice(l));
		login_pair(r, number, l, wrong, time_us, false);
	}
	login_pair(r, number, l, l->password, time_us, true);
	login_event(r, number, login_later(l, time_us), 1, HIN_EVENT_CHANNEL, NULL, 0, NULL, 0,
		    HIN_CHANNEL_SHELL, 0);
	login_event(r, number, *time_us + 10, 1, HIN_EVENT_TERMINAL, "xterm", 5, NULL, 0,
		    80 << 16 | 24, 0);
	size = snprintf(text, sizeof(text), login_greeting, l->host);
	hin_recorder_bytes(r, number, *time_us + 900, 1, HIN_TO_CLIENT, text, (size_t)size);
	size = snprintf(text, sizeof(text), "%s@%s:~# ", l->user, l->host);
	hin_recorder_bytes(r, number, *time_us + 1500, 1, HIN_TO_CLIENT, text, (size_t)size);
	login_event(r, number, login_later(l, time_us), 0, HIN_EVENT_CLOSE, NULL, 0, NULL, 0,
		    HIN_CLOSE_CLIENT, 0);
	(void)hin_recorder_end(r, number, *time_us, HIN_CLOSE_CLIENT, digest);
}
