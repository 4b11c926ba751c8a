/*
 * roster - who belongs to a hub: its sensors, their certificates and the codes to join with.
 *
 * The roster is a file that only grows, one line an act, each with a digest of itself and all lines
 * before it. A line is written and synced before anything is done by it. A crash can leave a torn
 * last line; the next writer cuts it off. Every other fault is found and refused.
 *
 *	1795333803 code 6f1c... alpha 1795337403 9a7e...  4be0c1f2a3d49876
 *
 * Several processes may write (the hub and `hinomi trust`), one at a time by a lock on the file;
 * each sees what the others wrote at its next hin_roster_refresh().
 *
 * Ownership: the caller owns a roster and ends it with hin_roster_close(); what it returns belongs
 *            to the roster, until its next change.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "base/error.h"
#include "trust/code.h"

#define HIN_ROSTER_NAME 64	  /* longest name of a sensor, with its NUL */
#define HIN_ROSTER_SENSORS 200000 /* most sensors that ever joined */
#define HIN_ROSTER_CODES 10000	  /* most codes that are open at once */
#define HIN_ROSTER_TRIES 5	  /* wrong secrets until a code is void */
#define HIN_ROSTER_BYTES ((size_t)1 << 30)

struct hin_roster_sensor {
	uint8_t id[16];
	uint8_t public_key[32]; /* that signs its batches */
	char name[HIN_ROSTER_NAME];
	char serial[33]; /* of its last certificate */
	int64_t joined_s, renewed_s, expires_s;
	int64_t revoked_s; /* 0 = it is not */
};

enum hin_roster_code_state { HIN_CODE_OPEN, HIN_CODE_USED, HIN_CODE_VOID };

struct hin_roster_code {
	uint8_t id[HIN_CODE_ID];
	uint8_t secret[HIN_CODE_SECRET];
	char name[HIN_ROSTER_NAME];
	int64_t made_s, expires_s;
	enum hin_roster_code_state state;
	uint8_t sensor[16]; /* who used it */
	unsigned tries;	    /* with a wrong secret */
};

struct hin_roster;

/* Is this a name for a sensor: 1-63 of a-z, 0-9, "-", "_" and ".", beginning with a letter or
 * digit? */
bool hin_roster_is_name(const char *name);

/* Make an empty roster at `path`, mode 0600. HIN_ESYS with EEXIST when there is one. */
HIN_MUST_USE enum hin_code hin_roster_create(const char *path, struct hin_error *err);

/*
 * Read the roster at `path`. HIN_EVERIFY names the line whose digest is wrong, HIN_EFORMAT one that
 * cannot be read, HIN_EDENIED a file that others may touch.
 */
HIN_MUST_USE enum hin_code hin_roster_open(struct hin_roster **out, const char *path,
					   struct hin_error *err);

/* NULL is fine. */
void hin_roster_close(struct hin_roster *roster);

/* Read what was added since. On failure the roster stays as it was. */
HIN_MUST_USE enum hin_code hin_roster_refresh(struct hin_roster *roster, struct hin_error *err);

/* Add a code. HIN_EDENIED when a sensor or an open code has its name. */
HIN_MUST_USE enum hin_code hin_roster_add_code(struct hin_roster *roster,
					       const struct hin_join_code *code, const char *name,
					       int64_t expires_s, int64_t now_s,
					       struct hin_error *err);

/* Note that a code was tried with a wrong secret; after HIN_ROSTER_TRIES it is void. */
HIN_MUST_USE enum hin_code hin_roster_add_try(struct hin_roster *roster,
					      const uint8_t id[HIN_CODE_ID], int64_t now_s,
					      struct hin_error *err);

/*
 * Note that a sensor joins with a code and has a certificate. The same sensor may do so again while
 * the code has not expired, as its answer may have been lost. HIN_EDENIED when the code is unknown,
 * used by another, void or expired, or the sensor is revoked.
 */
HIN_MUST_USE enum hin_code hin_roster_add_sensor(struct hin_roster *roster,
						 const uint8_t code[HIN_CODE_ID],
						 const uint8_t public_key[32], const char *serial,
						 int64_t expires_s, int64_t now_s,
						 struct hin_error *err);

/* Note a new certificate of a sensor. HIN_EDENIED when it is revoked, HIN_ENOENT. */
HIN_MUST_USE enum hin_code hin_roster_add_renewal(struct hin_roster *roster, const uint8_t id[16],
						  const char *serial, int64_t expires_s,
						  int64_t now_s, struct hin_error *err);

/* Revoke a sensor, and close a code, by name or by id in hexadecimal. HIN_ENOENT. */
HIN_MUST_USE enum hin_code hin_roster_revoke(struct hin_roster *roster, const char *name_or_id,
					     int64_t now_s, struct hin_error *err);

/* A sensor by its id, or NULL. */
const struct hin_roster_sensor *hin_roster_sensor(const struct hin_roster *roster,
						  const uint8_t id[16]);

/* A code by its id, or NULL. */
const struct hin_roster_code *hin_roster_code(const struct hin_roster *roster,
					      const uint8_t id[HIN_CODE_ID]);

/* All of them, in the order in which they came. */
const struct hin_roster_sensor *hin_roster_sensors(const struct hin_roster *roster, size_t *count);
const struct hin_roster_code *hin_roster_codes(const struct hin_roster *roster, size_t *count);
