/*
 * ssh_cipher - the ciphers and MACs of SSH packets: RFC 4253, 4344, 5647, and OpenSSH's own
 * (PROTOCOL, PROTOCOL.chacha20poly1305).
 *
 * What a direction of a connection keeps is its keys alone: a few hundred bytes. The contexts of
 * libcrypto are one for each algorithm and thread, and are keyed anew for each packet.
 *
 * Ownership: the caller owns a struct hin_ssh_keys and clears it by hin_ssh_keys_clear().
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "base/error.h"

#define HIN_SSH_TAG_MAX 64    /* bytes of a MAC or tag */
#define HIN_SSH_BLOCK_MAX 16  /* bytes of a cipher's block */
#define HIN_SSH_SECRET_MAX 64 /* bytes of a key */

enum hin_ssh_cipher_kind { HIN_SSH_CTR, HIN_SSH_CBC, HIN_SSH_GCM, HIN_SSH_CHACHA };

struct hin_ssh_cipher {
	const char *name;
	enum hin_ssh_cipher_kind kind;
	uint8_t key_size, iv_size, block_size, tag_size; /* tag: of authenticated ciphers, else 0 */
	uint8_t context;				 /* which of libcrypto's */
};

struct hin_ssh_mac {
	const char *name;
	uint8_t key_size, size;
	bool etm;     /* of what was encrypted, the length in clear */
	uint8_t hash; /* which of libcrypto's, or UMAC */
};

/* The algorithm of a name, or NULL. */
const struct hin_ssh_cipher *hin_ssh_cipher_find(const char *name);
const struct hin_ssh_mac *hin_ssh_mac_find(const char *name);

/* One direction. All zeros: nothing is encrypted. */
struct hin_ssh_keys {
	const struct hin_ssh_cipher *cipher;
	const struct hin_ssh_mac *mac; /* NULL: none, or part of the cipher */
	uint8_t key[HIN_SSH_SECRET_MAX], iv[HIN_SSH_BLOCK_MAX], mac_key[HIN_SSH_SECRET_MAX];
	uint32_t sequence; /* of the next packet */
};

void hin_ssh_keys_clear(struct hin_ssh_keys *keys);

/* Sizes that framing needs. */
size_t hin_ssh_keys_block(const struct hin_ssh_keys *keys);   /* at least 8 */
size_t hin_ssh_keys_trailer(const struct hin_ssh_keys *keys); /* bytes of MAC or tag */
/* Is the length no part of what padding aligns? 4 then, else 0. */
size_t hin_ssh_keys_clear_size(const struct hin_ssh_keys *keys);

/*
 * Encrypt the whole packet (length, padding length, payload, padding) of `size` bytes at `packet`
 * in its place, and put the trailer behind it. The next packet has the next number.
 */
HIN_MUST_USE enum hin_code hin_ssh_seal(struct hin_ssh_keys *keys, uint8_t *packet, size_t size);

/* The length field of the packet that begins at `in`, of which there is a whole block. */
HIN_MUST_USE enum hin_code hin_ssh_peek(const struct hin_ssh_keys *keys, const uint8_t *in,
					uint32_t *length);

/*
 * Check and decrypt a packet of `size` bytes, with `in` its trailer behind, in its place. The next
 * packet has the next number. HIN_EVERIFY when the MAC is wrong: a packet whose MAC is of the plain
 * text has been decrypted by then, as a server must.
 */
HIN_MUST_USE enum hin_code hin_ssh_open(struct hin_ssh_keys *keys, uint8_t *in, size_t size);
