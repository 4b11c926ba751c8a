/*
 * settings - what a hub tells its sensors to do: a signed note that they fetch and keep.
 *
 *	hinomi settings 3
 *	2026-11-22T06:30:00Z
 *
 *	members: [203.0.113.0/24]
 *	thresholds: [event.timeout=2h]
 *
 *	— hub.example/settings x08go/...
 *
 * Each is complete and has a version that only rises; a sensor refuses one that is unsigned, signed
 * by another, or older than the one it has. Behind the date comes YAML of the table below. What a
 * threshold means is known to the sensor: an item is "name=value" for its own settings.
 *
 * Ownership: the caller's storage, at first { 0 }, ended by hin_sensor_settings_fini(). It holds
 *            keys.
 * Threads:   no shared state.
 */
#pragma once
#include "base/config.h"
#include "trust/note.h"

#define HIN_SETTINGS_BODY ((size_t)400 << 10) /* most bytes of YAML */
#define HIN_DIGEST_KEY ((size_t)32)	      /* bytes */

struct hin_sensor_settings {
	uint64_t version;
	int64_t date_s; /* since 1970 */
	char signer[HIN_NOTE_NAME];
	struct hin_config_list members, exclusions; /* prefixes */
	struct hin_config_list thresholds;	    /* "name=value" */
	char *digest_key_text, *digest_previous_text;
	uint8_t digest_key[HIN_DIGEST_KEY];	 /* for keyed digests that are made now */
	uint8_t digest_previous[HIN_DIGEST_KEY]; /* the one before, for comparing */
	bool has_digest_key, has_digest_previous;
};

/* The YAML behind the date. */
extern const struct hin_config_table hin_sensor_settings_table;

/* Free and clear. NULL is fine. */
void hin_sensor_settings_fini(struct hin_sensor_settings *settings);

/*
 * Append a signed note of `yaml`, which is checked first and called `name` in messages. HIN_EFORMAT
 * and others of hin_config_parse().
 */
HIN_MUST_USE enum hin_code hin_sensor_settings_sign(struct hin_buffer *out, const char *name,
						    const void *yaml, size_t size, uint64_t version,
						    int64_t date_s,
						    const struct hin_note_signer *signer,
						    struct hin_error *err);

/* Read a note that one of `keys` has signed. HIN_EVERIFY, HIN_EFORMAT, HIN_ELIMIT. */
HIN_MUST_USE enum hin_code hin_sensor_settings_open(struct hin_sensor_settings *out,
						    const void *note, size_t size,
						    const struct hin_note_verifier *keys,
						    size_t count, struct hin_error *err);

/*
 * Read a note as above and compare it with the one in the file at `path`. HIN_OK: it is newer, or
 * the first. HIN_EAGAIN: it is the one we have. HIN_EDENIED: it is older, or another with the same
 * version. `out` holds it in the first two cases. A kept file that cannot be read any more is no
 * reason to refuse a good note. Nothing is written.
 */
HIN_MUST_USE enum hin_code hin_sensor_settings_weigh(struct hin_sensor_settings *out,
						     const char *path, const void *note,
						     size_t size,
						     const struct hin_note_verifier *keys,
						     size_t count, struct hin_error *err);

/*
 * The same, and put a newer one into the file, mode 0600. Nothing changes on failure.
 */
HIN_MUST_USE enum hin_code hin_sensor_settings_keep(struct hin_sensor_settings *out,
						    const char *path, const void *note, size_t size,
						    const struct hin_note_verifier *keys,
						    size_t count, struct hin_error *err);

/* Read the last good one. HIN_ENOENT when there is none yet. */
HIN_MUST_USE enum hin_code hin_sensor_settings_load(struct hin_sensor_settings *out,
						    const char *path,
						    const struct hin_note_verifier *keys,
						    size_t count, struct hin_error *err);
