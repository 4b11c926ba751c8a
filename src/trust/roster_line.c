/* roster_line - what the lines of a roster say, done to what is known; see roster_priv.h */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "trust/roster_priv.h"

#define WORDS 12 /* most words of a line */

bool roster_read_hex(uint8_t *out, size_t size, const char *text)
{
	size_t used = 0;

	return strlen(text) == 2 * size &&
	       sodium_hex2bin(out, size, text, 2 * size, NULL, &used, NULL) == 0 && used == size;
}

static bool read_s(int64_t *out, const char *text)
{
	return hin_number_i64(out, "time", text, 0, INT64_MAX / 1000000000, NULL) == HIN_OK;
}

static bool read_name(char out[HIN_ROSTER_NAME], const char *text)
{
	if (!hin_roster_is_name(text))
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static bool read_serial(char out[33], const char *text)
{
	size_t size = strlen(text);

	if (size == 0 || size > 32 || strspn(text, "0123456789abcdef") != size)
		return false;
	memcpy(out, text, size + 1);
	return true;
}

/* The line that is being read has changed a sensor. */
static void note_change(struct hin_roster *r, const struct hin_roster_sensor *sensor)
{
	r->changed[sensor - r->sensors] = r->line + 1;
}

bool roster_read_entry(struct hin_roster_sensor *out, char *const w[ROSTER_ENTRY_WORDS])
{
	uint8_t digest[32];

	*out = (struct hin_roster_sensor){ 0 };
	if (!roster_read_hex(out->id, 16, w[0]) || !roster_read_hex(out->public_key, 32, w[1]) ||
	    !read_name(out->name, w[2]) || !read_serial(out->serial, w[3]) ||
	    !read_s(&out->joined_s, w[4]) || !read_s(&out->renewed_s, w[5]) ||
	    !read_s(&out->expires_s, w[6]) || !read_s(&out->revoked_s, w[7]))
		return false;
	crypto_hash_sha256(digest, out->public_key, 32);
	return memcmp(digest, out->id, 16) == 0; /* an id is that of its key, and of no other */
}

/* "merge ID KEY NAME SERIAL JOINED RENEWED EXPIRES REVOKED": what another hub knows of a sensor */
static bool take_merge(struct hin_roster *r, int64_t when_s, char *const *w)
{
	struct hin_roster_sensor theirs, *ours;

	(void)when_s;
	if (!roster_read_entry(&theirs, w))
		return false;
	ours = roster_find_sensor(r, theirs.id);
	if (ours == NULL) {
		ours = roster_new_sensor(r, theirs.id);
		if (ours == NULL)
			return false;
		*ours = theirs;
	} else {
		(void)roster_merge_entry(ours, &theirs);
	}
	note_change(r, ours);
	return true;
}

/* "code ID NAME EXPIRES SECRET" */
static bool take_code(struct hin_roster *r, int64_t when_s, char *const *w)
{
	struct hin_roster_code code = { .made_s = when_s };

	if (!roster_read_hex(code.id, HIN_CODE_ID, w[0]) || !read_name(code.name, w[1]) ||
	    !read_s(&code.expires_s, w[2]) ||
	    !roster_read_hex(code.secret, HIN_CODE_SECRET, w[3]) ||
	    roster_find_code(r, code.id) != NULL)
		return false;
	return roster_new_code(r, &code);
}

/* "try ID" */
static bool take_try(struct hin_roster *r, int64_t when_s, char *const *w)
{
	uint8_t id[HIN_CODE_ID];
	struct hin_roster_code *code;

	(void)when_s;
	code = roster_read_hex(id, sizeof(id), w[0]) ? roster_find_code(r, id) : NULL;
	if (code == NULL)
		return false;
	if (++code->tries >= HIN_ROSTER_TRIES && code->state == HIN_CODE_OPEN)
		code->state = HIN_CODE_VOID;
	return true;
}

/* "join CODE SENSOR KEY SERIAL EXPIRES" */
static bool take_join(struct hin_roster *r, int64_t when_s, char *const *w)
{
	struct hin_roster_sensor fresh = { .joined_s = when_s, .renewed_s = when_s }, *sensor;
	uint8_t id[HIN_CODE_ID];
	struct hin_roster_code *code;

	code = roster_read_hex(id, sizeof(id), w[0]) ? roster_find_code(r, id) : NULL;
	if (code == NULL || !roster_read_hex(fresh.id, 16, w[1]) ||
	    !roster_read_hex(fresh.public_key, 32, w[2]) || !read_serial(fresh.serial, w[3]) ||
	    !read_s(&fresh.expires_s, w[4]))
		return false;
	memcpy(fresh.name, code->name, sizeof(fresh.name));
	sensor = roster_find_sensor(r, fresh.id);
	if (sensor == NULL)
		sensor = roster_new_sensor(r, fresh.id);
	if (sensor == NULL)
		return false;
	*sensor = fresh;
	note_change(r, sensor);
	code->state = HIN_CODE_USED;
	memcpy(code->sensor, fresh.id, 16);
	return true;
}

/* "renew SENSOR SERIAL EXPIRES" */
static bool take_renewal(struct hin_roster *r, int64_t when_s, char *const *w)
{
	struct hin_roster_sensor *sensor;
	uint8_t id[16];

	sensor = roster_read_hex(id, sizeof(id), w[0]) ? roster_find_sensor(r, id) : NULL;
	if (sensor == NULL)
		return false;
	sensor->renewed_s = when_s;
	note_change(r, sensor);
	return read_serial(sensor->serial, w[1]) && read_s(&sensor->expires_s, w[2]);
}

/* "revoke SENSOR" */
static bool take_revocation(struct hin_roster *r, int64_t when_s, char *const *w)
{
	struct hin_roster_sensor *sensor;
	uint8_t id[16];

	sensor = roster_read_hex(id, sizeof(id), w[0]) ? roster_find_sensor(r, id) : NULL;
	if (sensor == NULL)
		return false;
	sensor->revoked_s = when_s > 0 ? when_s : 1;
	note_change(r, sensor);
	return true;
}

/* "void CODE" */
static bool take_void(struct hin_roster *r, int64_t when_s, char *const *w)
{
	uint8_t id[HIN_CODE_ID];
	struct hin_roster_code *code;

	(void)when_s;
	code = roster_read_hex(id, sizeof(id), w[0]) ? roster_find_code(r, id) : NULL;
	if (code == NULL)
		return false;
	if (code->state == HIN_CODE_OPEN)
		code->state = HIN_CODE_VOID;
	return true;
}

bool roster_take_act(struct hin_roster *r, char *text)
{
	static const struct {
		const char *verb;
		size_t words;
		bool (*take)(struct hin_roster *r, int64_t when_s, char *const *words);
	} acts[] = {
		{ "code", 4, take_code },
		{ "try", 1, take_try },
		{ "join", 5, take_join },
		{ "renew", 3, take_renewal },
		{ "revoke", 1, take_revocation },
		{ "void", 1, take_void },
		{ "merge", ROSTER_ENTRY_WORDS, take_merge },
	};
	char *words[WORDS], *rest = NULL;
	size_t count = 0;
	int64_t when_s;

	for (char *w = strtok_r(text, " ", &rest); w != NULL; w = strtok_r(NULL, " ", &rest)) {
		if (count == WORDS)
			return false;
		words[count++] = w;
	}
	if (count < 2 || !read_s(&when_s, words[0]))
		return false;
	for (size_t i = 0; i < HIN_COUNT(acts); i++)
		if (strcmp(acts[i].verb, words[1]) == 0 && acts[i].words == count - 2)
			return acts[i].take(r, when_s, words + 2);
	return false;
}
