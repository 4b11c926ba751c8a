/*
 * ssh_pubkey - public keys of clients, and the signatures that they make (RFC 4253 6.6, RFC 5656,
 * RFC 8332, RFC 8709).
 *
 * Threads: no shared state.
 */
#pragma once
#include "decoy/ssh/ssh_wire.h"

/* Is `key` a public key that the algorithm signs with, well formed and of a size that is taken? */
bool hin_ssh_pubkey_is(struct hin_ssh_string algorithm, struct hin_ssh_string key);

/* Is `signature` (a blob with its algorithm) that of `key` over `size` bytes at `data`? */
bool hin_ssh_pubkey_verify(struct hin_ssh_string algorithm, struct hin_ssh_string key,
			   struct hin_ssh_string signature, const void *data, size_t size);
