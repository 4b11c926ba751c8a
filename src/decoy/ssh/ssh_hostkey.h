/*
 * ssh_hostkey - the host keys of imitated machines, derived from their seeds.
 *
 * A host has the same keys at each start without any file: they come from hin_host_derive(). Keys
 * are made when they are first wanted and then kept for all sessions of the host. That of RSA is a
 * search for primes of about a tenth of a second, so it is done in slices.
 *
 * Ownership: the module keeps the keys of hosts in a table of the process, for good.
 * Threads:   one thread of a process.
 */
#pragma once
#include "base/buffer.h"
#include "decoy/host/host.h"

enum hin_ssh_hostkey_type {
	HIN_SSH_KEY_RSA,
	HIN_SSH_KEY_ECDSA_256,
	HIN_SSH_KEY_ECDSA_384,
	HIN_SSH_KEY_ECDSA_521,
	HIN_SSH_KEY_ED25519,
	HIN_SSH_KEY_TYPES, /* and: none */
};

struct hin_ssh_hostkeys;

/* The keys of `host`, RSA with so many bits. NULL without memory. */
HIN_MUST_USE struct hin_ssh_hostkeys *hin_ssh_hostkeys_of(const struct hin_host *host,
							  unsigned rsa_bits);

/* Forget all keys: for tests and a reload, while no session is open. */
void hin_ssh_hostkeys_forget(void);

/* The type of key that an algorithm's name signs with; HIN_SSH_KEY_TYPES: none that we have. */
enum hin_ssh_hostkey_type hin_ssh_hostkey_type(const char *algorithm);

/* Do some milliseconds of what is left to make the key. HIN_OK: it is there; HIN_EAGAIN: call
 * again; else it cannot be had. */
HIN_MUST_USE enum hin_code hin_ssh_hostkey_make(struct hin_ssh_hostkeys *keys,
						enum hin_ssh_hostkey_type type);

/* Append the public key (RFC 4253, 6.6) of one that was made. */
HIN_MUST_USE enum hin_code hin_ssh_hostkey_public(const struct hin_ssh_hostkeys *keys,
						  enum hin_ssh_hostkey_type type,
						  struct hin_buffer *out);

/* Append a signature blob over `data` with the key of `algorithm`, which was made. */
HIN_MUST_USE enum hin_code hin_ssh_hostkey_sign(const struct hin_ssh_hostkeys *keys,
						const char *algorithm, const void *data,
						size_t size, struct hin_buffer *out);
