/*
 * ca - a hub's own certificate authority: who it is, who may send to it, and what its sensors do.
 *
 * All of it is one folder (mode 0700, files 0600):
 *
 *	hub.conf	how sensors reach the hub, and its names
 *	ca.crt	the CA's certificate; ca.key is its key
 *	hub.pem		the hub's key and certificate, and the CA's
 *	settings.key	signs settings; settings.note are those in force
 *	roster		sensors and codes (trust/roster.h)
 *
 * Keys are encrypted when there was a passphrase. What needs no key (list, revoke, a new code)
 * works without it; the rest after hin_ca_unlock().
 *
 * Ownership: the caller owns a CA and ends it with hin_ca_close(); texts belong to
 *            it.
 * Threads:   any, once it is unlocked.
 */
#pragma once
#include "base/addr.h"
#include "trust/enrol.h"
#include "trust/note.h"
#include "trust/roster.h"
#include "trust/roster_share.h"

#define HIN_CA_NAMES 32		       /* most names of a hub */
#define HIN_CA_LIFE_S (3650 * 86400ll) /* of the CA's certificate */
#define HIN_HUB_LIFE_S (90 * 86400ll)
#define HIN_SENSOR_LIFE_S (30 * 86400ll) /* unless hub.conf says another time */
#define HIN_SENSOR_LIFE_MOST_S (3650 * 86400ll)
#define HIN_CODE_LIFE_S (7 * 86400ll) /* most time for a code */
#define HIN_REFUSALS 10		      /* of one address in HIN_REFUSAL_S, then 429 */
#define HIN_REFUSAL_S 600

struct hin_ca;

/* Make a new CA in `folder`, which is made too. */
struct hin_ca_wish {
	const char *hub;	  /* "hub.example:8443": how sensors reach it */
	const char *const *names; /* more names and addresses of the hub */
	size_t name_count;
	const char *passphrase; /* NULL = keys are not encrypted */
	int64_t sensor_life_s;	/* of the sensors' certificates; 0 = HIN_SENSOR_LIFE_S */
};

/* HIN_EDENIED when there is one already; HIN_EFORMAT for names that are none. */
HIN_MUST_USE enum hin_code hin_ca_init(const char *folder, const struct hin_ca_wish *wish,
				       int64_t now_s, struct hin_error *err);

/* Open without keys. HIN_ENOENT when there is none. */
HIN_MUST_USE enum hin_code hin_ca_open(struct hin_ca **out, const char *folder,
				       struct hin_error *err);

/* Read the keys. HIN_EDENIED without the passphrase that they need. */
HIN_MUST_USE enum hin_code hin_ca_unlock(struct hin_ca *ca, const char *passphrase,
					 struct hin_error *err);

/* Clear keys and free. NULL is fine. */
void hin_ca_close(struct hin_ca *ca);

/* "hub.example:8443" */
const char *hin_ca_hub(const struct hin_ca *ca);

/* The CA's certificate and its SHA-256. */
const char *hin_ca_pem(const struct hin_ca *ca);
const uint8_t *hin_ca_sha256(const struct hin_ca *ca);

/* The hub's certificate with the CA's behind it, and its key; NULL before unlock. */
const char *hin_ca_hub_pem(const struct hin_ca *ca);
const char *hin_ca_hub_key(const struct hin_ca *ca);

/* When the hub's certificate ends, and whether it is time for a new one. */
int64_t hin_ca_hub_expires_s(const struct hin_ca *ca);
bool hin_ca_hub_due(const struct hin_ca *ca, int64_t now_s);

/*
 * A new key and certificate for the hub; the texts above are new ones from then on, so no other
 * thread may hold them. With `wish` NULL under the same names, else under those of `wish`, with its
 * passphrase in any case.
 */
HIN_MUST_USE enum hin_code hin_ca_renew_hub(struct hin_ca *ca, const struct hin_ca_wish *wish,
					    const char *passphrase, int64_t now_s,
					    struct hin_error *err);

/*
 * How long the certificates are good that sensors get from now on. A sensor renews its own when a
 * third is left, so it must speak more often than that. HIN_ERANGE.
 */
HIN_MUST_USE enum hin_code hin_ca_set_sensor_life(struct hin_ca *ca, int64_t life_s,
						  struct hin_error *err);

/* The key that sensors check settings with; its name is "HOST/settings". */
const struct hin_note_verifier *hin_ca_settings_key(const struct hin_ca *ca);

/*
 * Sign `yaml`, called `name` in messages, as the next settings. `version` 0 = one more than the
 * last;
 * `*out_version` says which it is. HIN_EDENIED for a version that does not rise.
 */
HIN_MUST_USE enum hin_code hin_ca_sign_settings(struct hin_ca *ca, const char *name,
						const void *yaml, size_t size, uint64_t version,
						int64_t now_s, uint64_t *out_version,
						struct hin_error *err);

/* Append the note in force. HIN_ENOENT when there is none yet. */
HIN_MUST_USE enum hin_code hin_ca_settings(const struct hin_ca *ca, struct hin_buffer *out,
					   struct hin_error *err);

/* A new code for a sensor called `name`, good for `life_s`. */
HIN_MUST_USE enum hin_code hin_ca_invite(struct hin_ca *ca, struct hin_join_code *out,
					 const char *name, int64_t life_s, int64_t now_s,
					 struct hin_error *err);

/* Revoke a sensor or a code by name or id. HIN_ENOENT. */
HIN_MUST_USE enum hin_code hin_ca_revoke(struct hin_ca *ca, const char *name_or_id, int64_t now_s,
					 struct hin_error *err);

/*
 * The sensor `id` as of now (what another process wrote is seen). HIN_ENOENT: it never joined.
 * HIN_EDENIED: it is revoked. Other codes: the roster cannot be read, so nobody can be let in.
 */
HIN_MUST_USE enum hin_code hin_ca_sensor(struct hin_ca *ca, struct hin_roster_sensor *out,
					 const uint8_t id[16], struct hin_error *err);

/* All sensors or codes, copied; the caller frees `*out`. */
HIN_MUST_USE enum hin_code hin_ca_sensors(struct hin_ca *ca, struct hin_roster_sensor **out,
					  size_t *count, struct hin_error *err);
HIN_MUST_USE enum hin_code hin_ca_codes(struct hin_ca *ca, struct hin_roster_code **out,
					size_t *count, struct hin_error *err);

/*
 * Answer a request to join or to renew: `out` gets what is sent back, an answer or a line that says
 * why not, and the HTTP status is returned (200, 400, 403, 429, 500). `peer` is the sensor whose
 * certificate was shown, NULL without one: a renewal needs it, and it must be the same.
 */
unsigned hin_ca_answer(struct hin_ca *ca, struct hin_buffer *out, const void *request, size_t size,
		       const uint8_t *peer, const struct hin_addr *address, int64_t now_s);

/* ---- other hubs of the same CA (trust/roster_share.h); after unlock ---- */

/* Append a question to another hub about its roster. */
HIN_MUST_USE enum hin_code hin_ca_roster_ask(struct hin_ca *ca, struct hin_buffer *out,
					     const struct hin_roster_seen *since, int64_t now_s,
					     struct hin_error *err);

/* Answer one: `out` gets what is sent back, and the HTTP status is returned. */
unsigned hin_ca_roster_tell(struct hin_ca *ca, struct hin_buffer *out, const void *request,
			    size_t size, const struct hin_addr *address, int64_t now_s);

/*
 * Take an answer into the roster. On HIN_OK `*seen` is how far it went, `*more` that there is more,
 * `*changed` how many sensors it changed here.
 */
HIN_MUST_USE enum hin_code hin_ca_roster_take(struct hin_ca *ca, const void *data, size_t size,
					      int64_t now_s, struct hin_roster_seen *seen,
					      bool *more, size_t *changed, struct hin_error *err);

/* name, meaning: what is counted of requests. */
#define HIN_CA_COUNTERS(X)                                                                         \
	X(joined, "sensors that joined")                                                           \
	X(renewed, "certificates renewed")                                                         \
	X(malformed, "requests refused: malformed")                                                \
	X(unknown_code, "requests refused: code unknown, for another hub or void")                 \
	X(used_code, "requests refused: code used before")                                         \
	X(expired_code, "requests refused: code expired")                                          \
	X(wrong_secret, "requests refused: secret guessed wrong")                                  \
	X(bad_signature, "requests refused: not signed by the sensor's key")                       \
	X(bad_peer, "requests refused: renewal without or with another's certificate")             \
	X(revoked, "requests refused: sensor revoked")                                             \
	X(limited, "requests refused: too many from this address")                                 \
	X(told, "other hubs' questions about the roster answered")                                 \
	X(bad_hub, "such questions refused: not signed by this CA's key, malformed or late")       \
	X(failed, "requests that failed on our side")

struct hin_ca_counters {
#define X(name, meaning) uint64_t name;
	HIN_CA_COUNTERS(X)
#undef X
};

void hin_ca_count(struct hin_ca *ca, struct hin_ca_counters *out);
