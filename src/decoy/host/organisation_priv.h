/* organisation_priv - what an organisation is made of; for organisation*.c and host*.c. */
#pragma once
#include <pthread.h>

#include "decoy/host/organisation.h"
#include "decoy/host/persona_priv.h"

#define ORGANISATION_TAGS                                                                          \
	HIN_SHELL_TAGS /* of files that are honeytokens: this and their number                     \
			*/
#define ORGANISATION_PERSONAS 64
#define ORGANISATION_PEOPLE 20000
#define ORGANISATION_FIRST_UID 1000u

struct organisation_settings {
	char *title, *title_ja, *domain, *zone, *nameserver, *gateway;
	int64_t zone_minutes;
	uint64_t prefix;
	struct hin_config_list departments, hosts, people, documents, logins, tokens;
};

struct department {
	const char *id, *en, *ja;
};

struct person {
	const char *login, *name, *department, *title; /* department NULL: an administrator */
};

/* A text that lies on some hosts. */
struct document {
	const char *where; /* department, persona, host or "*" */
	const char *path;  /* in the home of one of its people when it does not begin with "/" */
	const char *text;
	unsigned line; /* of the file */
};

struct token {
	struct hin_token public;
	const char *where;
	uint8_t secret[32];		 /* of a key: the seed of Ed25519 */
	const struct document *document; /* of a file: its bytes */
	unsigned line;
};

/* The accounts that hosts of one persona and one department have. */
struct accounts {
	const struct hin_persona *persona;
	const char *department;
	struct hin_host_user *users;
	const char **gecos;
	const struct person **people; /* of each: NULL when it is the persona's */
	size_t count;
	struct accounts *next;
};

/* The hosts' own files, made when the first intruder comes. */
struct host_files {
	pthread_mutex_t mutex; /* of all that is here */
	size_t count;
	struct hin_fs *of[]; /* by host; NULL: not made */
};

struct hin_organisation {
	struct hin_arena arena;
	const char *file;
	struct organisation_settings settings;
	uint8_t seed[HIN_ORGANISATION_SEED];
	int64_t now_s;
	struct hin_persona *personas[ORGANISATION_PERSONAS]; /* by name */
	size_t persona_count;
	struct department *departments;
	size_t department_count;
	struct person *people;
	size_t person_count;
	struct document *documents;
	size_t document_count;
	struct persona_login *logins;
	size_t login_count;
	struct token *tokens;
	size_t token_count;
	struct accounts *accounts;
	struct hin_host *hosts; /* by address */
	size_t host_count, host_room;
	struct hin_host **by_name;
	struct host_files *files;
};

extern const struct hin_config_table organisation_table;

/* Make of the settings what they say; personas are in `folder`. */
enum hin_code organisation_read(struct hin_organisation *o, const char *folder,
				struct hin_error *err);

/*
 * An organisation from memory, with a persona that is there already and becomes its own, whatever
 * comes of it.
 */
enum hin_code organisation_parse(struct hin_organisation **out, const void *yaml, size_t size,
				 struct hin_persona *persona,
				 const struct hin_organisation_settings *settings,
				 struct hin_error *err);

/* ---- organisation_plant.c ---- */

/* Documents, pairs and honeytokens, once the hosts are there. */
enum hin_code organisation_plant(struct hin_organisation *o, struct hin_error *err);

/* ---- host.c ---- */

/* Numbers from 64 random bits, the same each time (splitmix64). */
uint64_t host_random(uint64_t *state);

/* A start for them that only this host and purpose have. */
uint64_t host_random_of(const struct hin_host *host, const char *purpose);

/* Is the host one of those that `where` names? */
bool host_is_at(const struct hin_host *host, const char *where);

/* HKDF-SHA-256 of `seed` (RFC 5869, without salt), of `purpose` and, when it is not empty, `name`.
 */
enum hin_code host_hkdf(const uint8_t *seed, size_t seed_size, const char *purpose,
			const char *name, uint8_t *out, size_t size);

/* ---- host_machine.c ---- */

/* Fill the host's machine: interface, start, processes, memory. */
enum hin_code host_machine_make(struct hin_organisation *o, struct hin_host *host,
				struct hin_error *err);

/* When the machine was set up: files that are its own are so old. */
int64_t host_installed_s(const struct hin_host *host);

/* ---- host_files.c ---- */

/* Room for the files of all hosts, once these are there. */
enum hin_code host_files_new(struct hin_organisation *o, struct hin_error *err);
void host_files_free(struct hin_organisation *o);

/* ---- host_text.c ---- */

/*
 * Append `text` with its {names} filled in for `host`, in the home of `owner` (may be NULL).
 * HIN_EFORMAT for a name that is none.
 */
enum hin_code host_text(const struct hin_host *host, const struct document *document,
			const char *text, const struct person *owner, struct hin_buffer *out,
			struct hin_error *err);

/* Who has the document on the host: one of its people, always the same; or NULL. */
const struct hin_host_user *host_owner(const struct hin_host *host, const struct document *document,
				       const struct person **person);

/* Append its path there. False when nobody of the host can have it. */
bool host_path(const struct hin_host *host, const struct document *document,
	       struct hin_buffer *out);

/* The private key of a token, as OpenSSH writes it (PROTOCOL.key). */
void host_token_key(const struct token *token, struct hin_buffer *out);

/* Append `data` in base64. */
void host_base64(const void *data, size_t size, struct hin_buffer *out);
