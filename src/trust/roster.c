/* roster - acts of the roster, and what is known; see roster.h */
#include "trust/roster.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "trust/roster_priv.h"

bool hin_roster_is_name(const char *name)
{
	size_t size = strlen(name);

	if (size == 0 || size >= HIN_ROSTER_NAME)
		return false;
	for (size_t i = 0; i < size; i++) {
		bool plain =
			(name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9');

		if (!plain && (i == 0 || strchr("-_.", name[i]) == NULL))
			return false;
	}
	return true;
}

enum hin_code hin_roster_add_code(struct hin_roster *r, const struct hin_join_code *code,
				  const char *name, int64_t expires_s, int64_t now_s,
				  struct hin_error *err)
{
	char text[ROSTER_LINE], id[2 * HIN_CODE_ID + 1], secret[2 * HIN_CODE_SECRET + 1];
	size_t open_codes = 0;
	enum hin_code rc;

	if (!hin_roster_is_name(name))
		return hin_fail(err, HIN_EFORMAT,
				"\"%.70s\" is no name for a sensor: 1-%d of a-z, 0-9, - _ and .",
				name, HIN_ROSTER_NAME - 1);
	rc = roster_begin(r, err);
	if (rc != HIN_OK)
		return rc;
	for (size_t i = 0; i < r->sensor_count; i++)
		if (r->sensors[i].revoked_s == 0 && strcmp(r->sensors[i].name, name) == 0)
			return roster_give_up(
				r, hin_fail(err, HIN_EDENIED,
					    "a sensor \"%s\" has joined already: revoke it "
					    "first, or take another name",
					    name));
	for (size_t i = 0; i < r->code_count; i++) {
		const struct hin_roster_code *c = &r->codes[i];

		if (c->state != HIN_CODE_OPEN || c->expires_s <= now_s)
			continue;
		if (strcmp(c->name, name) == 0)
			return roster_give_up(
				r, hin_fail(err, HIN_EDENIED,
					    "a code for \"%s\" is still open: use it, or "
					    "revoke it",
					    name));
		open_codes++;
	}
	if (open_codes >= HIN_ROSTER_CODES || r->sensor_count >= HIN_ROSTER_SENSORS)
		return roster_give_up(
			r, hin_fail(err, HIN_ELIMIT,
				    "%d codes are open, or %d sensors joined: no more fit",
				    HIN_ROSTER_CODES, HIN_ROSTER_SENSORS));
	sodium_bin2hex(id, sizeof(id), code->id, HIN_CODE_ID);
	sodium_bin2hex(secret, sizeof(secret), code->secret, HIN_CODE_SECRET);
	snprintf(text, sizeof(text), "%lld code %s %s %lld %s", (long long)now_s, id, name,
		 (long long)expires_s, secret);
	rc = roster_finish(r, text, err);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(secret, sizeof(secret));
	return rc;
}

enum hin_code hin_roster_add_try(struct hin_roster *r, const uint8_t id[HIN_CODE_ID], int64_t now_s,
				 struct hin_error *err)
{
	char text[ROSTER_LINE], hex[2 * HIN_CODE_ID + 1];
	const struct hin_roster_code *code;
	enum hin_code rc = roster_begin(r, err);

	if (rc != HIN_OK)
		return rc;
	code = roster_find_code(r, id);
	if (code == NULL || code->state != HIN_CODE_OPEN)
		return roster_give_up(r, HIN_OK); /* nothing to note */
	sodium_bin2hex(hex, sizeof(hex), id, HIN_CODE_ID);
	snprintf(text, sizeof(text), "%lld try %s", (long long)now_s, hex);
	return roster_finish(r, text, err);
}

enum hin_code hin_roster_add_sensor(struct hin_roster *r, const uint8_t code_id[HIN_CODE_ID],
				    const uint8_t public_key[32], const char *serial,
				    int64_t expires_s, int64_t now_s, struct hin_error *err)
{
	char text[ROSTER_LINE], code_hex[2 * HIN_CODE_ID + 1], id_hex[33], key_hex[65];
	const struct hin_roster_sensor *sensor;
	const struct hin_roster_code *code;
	uint8_t id[32];
	enum hin_code rc = roster_begin(r, err);

	if (rc != HIN_OK)
		return rc;
	crypto_hash_sha256(id, public_key, 32);
	code = roster_find_code(r, code_id);
	sensor = roster_find_sensor(r, id);
	if (code == NULL || code->state == HIN_CODE_VOID || code->expires_s <= now_s ||
	    (code->state == HIN_CODE_USED && memcmp(code->sensor, id, 16) != 0))
		return roster_give_up(
			r, hin_fail(err, HIN_EDENIED,
				    "the code is unknown, used, void or expired: ask for a "
				    "new one"));
	if (sensor != NULL && (sensor->revoked_s != 0 || strcmp(sensor->name, code->name) != 0))
		return roster_give_up(r,
				      hin_fail(err, HIN_EDENIED,
					       "this sensor's key is revoked, or has joined under "
					       "another name: join with a new folder"));
	sodium_bin2hex(code_hex, sizeof(code_hex), code_id, HIN_CODE_ID);
	sodium_bin2hex(id_hex, sizeof(id_hex), id, 16);
	sodium_bin2hex(key_hex, sizeof(key_hex), public_key, 32);
	snprintf(text, sizeof(text), "%lld join %s %s %s %s %lld", (long long)now_s, code_hex,
		 id_hex, key_hex, serial, (long long)expires_s);
	return roster_finish(r, text, err);
}

enum hin_code hin_roster_add_renewal(struct hin_roster *r, const uint8_t id[16], const char *serial,
				     int64_t expires_s, int64_t now_s, struct hin_error *err)
{
	const struct hin_roster_sensor *sensor;
	char text[ROSTER_LINE], hex[33];
	enum hin_code rc = roster_begin(r, err);

	if (rc != HIN_OK)
		return rc;
	sensor = roster_find_sensor(r, id);
	if (sensor == NULL)
		return roster_give_up(r, hin_fail(err, HIN_ENOENT, "no such sensor"));
	if (sensor->revoked_s != 0)
		return roster_give_up(r, hin_fail(err, HIN_EDENIED, "this sensor is revoked"));
	sodium_bin2hex(hex, sizeof(hex), id, 16);
	snprintf(text, sizeof(text), "%lld renew %s %s %lld", (long long)now_s, hex, serial,
		 (long long)expires_s);
	return roster_finish(r, text, err);
}

/* The line that revokes what `name_or_id` names: a sensor, or else an open code. */
static bool find_target(const struct hin_roster *r, const char *name_or_id, int64_t now_s,
			char text[ROSTER_LINE])
{
	char hex[33];

	for (size_t i = r->sensor_count; i > 0; i--) {
		const struct hin_roster_sensor *s = &r->sensors[i - 1];

		sodium_bin2hex(hex, sizeof(hex), s->id, 16);
		if (s->revoked_s != 0 ||
		    (strcmp(s->name, name_or_id) != 0 && strcmp(hex, name_or_id) != 0))
			continue;
		snprintf(text, ROSTER_LINE, "%lld revoke %s", (long long)now_s, hex);
		return true;
	}
	for (size_t i = r->code_count; i > 0; i--) {
		const struct hin_roster_code *c = &r->codes[i - 1];

		sodium_bin2hex(hex, sizeof(hex), c->id, HIN_CODE_ID);
		if (c->state != HIN_CODE_OPEN ||
		    (strcmp(c->name, name_or_id) != 0 && strcmp(hex, name_or_id) != 0))
			continue;
		snprintf(text, ROSTER_LINE, "%lld void %s", (long long)now_s, hex);
		return true;
	}
	return false;
}

enum hin_code hin_roster_revoke(struct hin_roster *r, const char *name_or_id, int64_t now_s,
				struct hin_error *err)
{
	char text[ROSTER_LINE];
	enum hin_code rc = roster_begin(r, err);

	if (rc != HIN_OK)
		return rc;
	if (!find_target(r, name_or_id, now_s, text))
		return roster_give_up(
			r, hin_fail(err, HIN_ENOENT,
				    "no sensor and no open code is called \"%.70s\": see "
				    "hinomi trust list",
				    name_or_id));
	return roster_finish(r, text, err);
}

const struct hin_roster_sensor *hin_roster_sensor(const struct hin_roster *r, const uint8_t id[16])
{
	return roster_find_sensor(r, id);
}

const struct hin_roster_code *hin_roster_code(const struct hin_roster *r,
					      const uint8_t id[HIN_CODE_ID])
{
	return roster_find_code(r, id);
}

const struct hin_roster_sensor *hin_roster_sensors(const struct hin_roster *r, size_t *count)
{
	*count = r->sensor_count;
	return r->sensors;
}

const struct hin_roster_code *hin_roster_codes(const struct hin_roster *r, size_t *count)
{
	*count = r->code_count;
	return r->codes;
}
