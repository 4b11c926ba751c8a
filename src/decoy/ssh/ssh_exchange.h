/*
 * ssh_exchange - the key exchanges of SSH, seen from the server: RFC 4253 8, 4419, 5656, 8268,
 * 8731, 9941.
 *
 * Threads: no shared state.
 */
#pragma once
#include "base/buffer.h"

enum hin_ssh_exchange_kind {
	HIN_SSH_EXCHANGE_DH,	/* over a fixed group */
	HIN_SSH_EXCHANGE_GROUP, /* over a group that the client asks for */
	HIN_SSH_EXCHANGE_ECDH,
	HIN_SSH_EXCHANGE_X25519,
	HIN_SSH_EXCHANGE_SNTRUP, /* with X25519 */
	HIN_SSH_EXCHANGE_MLKEM,	 /* likewise */
};

struct hin_ssh_exchange {
	const char *name;
	enum hin_ssh_exchange_kind kind;
	const char *digest; /* libcrypto's name of its hash */
	uint8_t digest_size;
	uint16_t bits;	   /* of the fixed group */
	const char *curve; /* of ECDH, libcrypto's name */
};

/* The exchange of a name, or NULL. */
const struct hin_ssh_exchange *hin_ssh_exchange_find(const char *name);

#define HIN_SSH_GROUP_MAX 1024	 /* bytes of a prime */
#define HIN_SSH_GROUP_LEAST 2048 /* bits that a client may ask for at least */
#define HIN_SSH_GROUP_MOST 8192

/* A group for RFC 4419. */
struct hin_ssh_group {
	uint8_t prime[HIN_SSH_GROUP_MAX]; /* big-endian */
	size_t size;
	uint8_t generator;
};

/* A group for a client that wants `wanted` bits, within [least, most], as OpenSSH chooses: of its
 * moduli, or one of RFC 3526 when they have none. HIN_ENOMEM. */
HIN_MUST_USE enum hin_code hin_ssh_group_choose(struct hin_ssh_group *out, unsigned least,
						unsigned wanted, unsigned most);

/*
 * Answer the client's value (`group`: of HIN_SSH_EXCHANGE_GROUP, else NULL). To `reply` goes ours,
 * and to `secret` what both know, each as it stands in the exchange hash and the message: numbers
 * of DH are mpints with their length, all else strings with theirs. HIN_EFORMAT when the client's
 * value is none; HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_ssh_exchange_answer(const struct hin_ssh_exchange *exchange,
						   const struct hin_ssh_group *group,
						   const uint8_t *value, size_t size,
						   struct hin_buffer *reply,
						   struct hin_buffer *secret);
