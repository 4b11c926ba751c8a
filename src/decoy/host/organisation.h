/*
 * organisation - the network of machines that are not there: hosts, people, documents, honeytokens.
 *
 * One YAML file says which hosts there are and of which persona, who works where, which documents
 * lie in whose home, which passwords are shared, weak or planted. Addresses, keys, process numbers,
 * start times and whatever else differs from machine to machine is derived from one secret seed, so
 * each host is itself again after a restart, and no two installations are alike.
 *
 * Ownership: the caller owns an organisation; hosts and personas belong to it.
 * Threads:   read-only once loaded: any number of threads.
 */
#pragma once
#include "decoy/host/persona.h"

#define HIN_ORGANISATION_HOSTS 4096
#define HIN_ORGANISATION_SEED 32

struct hin_organisation;

struct hin_organisation_settings {
	const char *file;     /* of the organisation */
	const char *personas; /* the folder of the personas */
	uint8_t seed[HIN_ORGANISATION_SEED];
	int64_t now_s; /* the real time, seconds since 1970: hosts have started before it */
};

/* Load file and personas. Errors tell file, line and rule. */
HIN_MUST_USE enum hin_code hin_organisation_load(struct hin_organisation **out,
						 const struct hin_organisation_settings *settings,
						 struct hin_error *err);

/* An organisation of one host of the persona `persona` at any address, called as its product is. */
HIN_MUST_USE enum hin_code hin_organisation_of_persona(
	struct hin_organisation **out, const char *persona,
	const struct hin_organisation_settings *settings, struct hin_error *err);

void hin_organisation_free(struct hin_organisation *organisation); /* NULL is fine */

const char *hin_organisation_title(const struct hin_organisation *organisation, enum hin_lang lang);

/* The host at an address; NULL when nobody is there. */
const struct hin_host *hin_organisation_host(const struct hin_organisation *organisation,
					     const struct hin_addr *address);

/* The host of a name; NULL. */
const struct hin_host *hin_organisation_host_named(const struct hin_organisation *organisation,
						   const char *name);

/* Host number `index`, by address; NULL behind the last. */
const struct hin_host *hin_organisation_host_at(const struct hin_organisation *organisation,
						size_t index);

/* Persona number `index` of those in use, by name; NULL behind the last. */
const struct hin_persona *hin_organisation_persona_at(const struct hin_organisation *organisation,
						      size_t index);

/* ---- honeytokens ---- */

enum hin_token_kind {
	HIN_TOKEN_PASSWORD, /* a user name and a password */
	HIN_TOKEN_KEY,	    /* a private key that lies about */
	HIN_TOKEN_FILE,	    /* a document: reading it is the use */
};

struct hin_token {
	const char *name; /* in the organisation's file */
	enum hin_token_kind kind;
	const char *user, *password; /* of a password; `user` may be NULL: with any */
	const uint8_t *key;	     /* of a key: the public one, as RFC 4253 6.6 has it */
	size_t key_size;
	const char *path; /* of a file, where it lies; or of a key or password that lies in one */
};

/* Token number `index`; NULL behind the last. */
const struct hin_token *hin_organisation_token_at(const struct hin_organisation *organisation,
						  size_t index);

/* The token that the pair is, whatever host it is tried at; NULL. Any bytes may be in both. */
const struct hin_token *hin_organisation_token(const struct hin_organisation *organisation,
					       const char *user, size_t user_size,
					       const char *password, size_t password_size);

/* The token that `path` on `host` is; NULL. */
const struct hin_token *hin_host_token_file(const struct hin_host *host, const char *path);

/*
 * The token that the tag of a file (struct hin_fs_stat) says; NULL. Files that are honeytokens have
 * one, so whoever reads their bytes asks the machine's generate(), which may be wrapped to see it.
 */
const struct hin_token *hin_host_token_tag(const struct hin_host *host, uint32_t tag);

/* ---- for people ---- */

/* Append what it is: departments, hosts, people, tokens (without their secrets), counts. */
void hin_organisation_print(const struct hin_organisation *organisation, enum hin_lang lang,
			    struct hin_buffer *out);

/* Append what one host is. */
void hin_host_print(const struct hin_host *host, enum hin_lang lang, struct hin_buffer *out);
