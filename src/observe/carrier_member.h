/*
 * carrier_member - the carrier of a sensor that has joined a hub (trust/member.h).
 *
 * Hub, certificates and key come from the folder that `hinomi trust join` wrote; the certificate is
 * renewed in time, and again read from the folder when another process renewed it.
 *
 * Ownership: the key must outlive the carrier.
 * Threads:   as hin_carrier.
 */
#pragma once
#include "observe/carrier_https.h"
#include "trust/settings.h"

#define HIN_SENSOR_KEY_FILE "sensor.key" /* in the folder, beside what trust/member.h keeps */

struct hin_carrier_member_settings {
	/* more hubs of the same CA, "host:port", tried in this order after the one joined */
	const char *const *hubs;
	size_t hub_count;
	const char *passphrase; /* of the TLS key, or NULL */
	const char *proxy;	/* or NULL */
	const char *version;	/* of the sensor's program */
};

/*
 * Open the carrier of `folder`. `settings` may be NULL. HIN_ENOENT: it has not joined a hub;
 * HIN_EDENIED without the passphrase that it needs; HIN_EFORMAT for an address that is none.
 */
HIN_MUST_USE enum hin_code hin_carrier_member_open(
	struct hin_carrier **out, const char *folder, const struct hin_sensor_key *key,
	const struct hin_carrier_member_settings *settings, struct hin_error *err);

/* The last good settings that are in the folder. HIN_ENOENT: there are none, or it did not join. */
HIN_MUST_USE enum hin_code hin_carrier_member_settings(const char *folder,
						       struct hin_sensor_settings *out,
						       struct hin_error *err);

/*
 * For hin_road_settings_fn, which gets settings as the hub sent them: check them, and keep them in
 * the folder. Between the two a sensor can see whether it understands them. As
 * hin_sensor_settings_weigh() and _keep().
 */
HIN_MUST_USE enum hin_code hin_carrier_member_weigh(const char *folder, const void *note,
						    size_t size, struct hin_sensor_settings *out,
						    struct hin_error *err);
HIN_MUST_USE enum hin_code hin_carrier_member_keep(const char *folder, const void *note,
						   size_t size, struct hin_sensor_settings *out,
						   struct hin_error *err);
