/*
 * host - one imitated machine of an organisation: who it is, its users, its files.
 *
 * A host is what a persona (make, version, services, files) becomes at an address of an
 * organisation: a name, people who log in, documents, and a seed from which all that must differ
 * from machine to machine and stay the same over restarts is derived.
 *
 * Ownership: the organisation's (decoy/host/organisation.h); it never changes after loading.
 * Threads:   read-only.
 */
#pragma once
#include "base/addr.h"
#include "decoy/shell/shell.h"

#define HIN_HOST_SEED 32 /* bytes */

struct accounts;
struct hin_organisation;
struct hin_persona;
struct hin_token;

/* An account of the machine. */
struct hin_host_user {
	const char *name, *home, *shell;
	uint32_t uid, gid;
};

struct hin_host {
	const char *name; /* its host name */
	const char *department;
	struct hin_addr address;
	const struct hin_persona *persona;
	const struct hin_organisation *organisation;
	const struct hin_fs_image *image;  /* of its persona, shared */
	const struct hin_host_user *users; /* all its accounts */
	size_t user_count;
	const struct accounts *accounts;  /* the same, as organisation.c has them */
	struct hin_shell_machine machine; /* its clock is the system's */
	uint8_t seed[HIN_HOST_SEED];
	unsigned line; /* of the organisation's file */
};

/* What came of a user name and a password. */
enum hin_host_login {
	HIN_HOST_REFUSED,
	HIN_HOST_ACCEPTED,
	HIN_HOST_HONEYTOKEN, /* accepted, and the pair was planted: who has it has read something */
};

/*
 * May `user` log in with `password`? Any bytes may be in both. Whoever is accepted is in `*out`; of
 * a honeytoken, which it is is in `*token` (decoy/host/organisation.h), which may be NULL. A
 * planted pair that is no account here is a honeytoken, too: `*out` is NULL then, and nobody is let
 * in. Takes the same time whether or not there is such a user.
 */
enum hin_host_login hin_host_password(const struct hin_host *host, const char *user,
				      size_t user_size, const char *password, size_t password_size,
				      const struct hin_host_user **out,
				      const struct hin_token **token);

/* The same for a public key as RFC 4253 6.6 has it: only planted ones let anybody in. */
enum hin_host_login hin_host_key(const struct hin_host *host, const char *user, size_t user_size,
				 const uint8_t *key, size_t key_size,
				 const struct hin_host_user **out, const struct hin_token **token);

/* The account of a name, or NULL. */
const struct hin_host_user *hin_host_user(const struct hin_host *host, const char *user,
					  size_t size);

/*
 * `size` bytes that only this host has, the same at each start: of `purpose`, a name such as
 * "ssh ed25519". HKDF-SHA-256 (RFC 5869) of its seed.
 */
HIN_MUST_USE enum hin_code hin_host_derive(const struct hin_host *host, const char *purpose,
					   uint8_t *out, size_t size);

/*
 * A view of the host's files for an intruder who is new here: its persona's image and what only
 * this host has (name, addresses, people's homes and documents). The caller owns it; the host
 * outlives it. NULL without memory. Any thread may call.
 */
HIN_MUST_USE struct hin_fs *hin_host_files(const struct hin_host *host);
