/* road_joined - the road of a folder that has joined a hub; see road.h */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "observe/carrier_member.h"
#include "observe/road_priv.h"

enum hin_code hin_road_open_joined(struct hin_road **out, const char *folder,
				   const struct hin_carrier_member_settings *member,
				   const struct hin_road_settings *settings, struct hin_error *err)
{
	struct hin_road_settings own = *settings;
	struct hin_sensor_key *key = calloc(1, sizeof(*key));
	char path[PATH_MAX];
	enum hin_code code = HIN_OK;

	own.carrier = NULL;
	if (key == NULL)
		return hin_fail(err, HIN_ENOMEM, "road %s", folder);
	if (snprintf(path, sizeof(path), "%s/" HIN_SENSOR_KEY_FILE, folder) >= (int)sizeof(path))
		code = hin_fail(err, HIN_ELIMIT, "path of %zu bytes is too long", strlen(folder));
	if (code == HIN_OK)
		code = hin_sensor_key_unlock(key, path, member != NULL ? member->passphrase : NULL,
					     err);
	if (code == HIN_OK)
		code = hin_carrier_member_open(&own.carrier, folder, key, member, err);
	if (code == HIN_OK) {
		snprintf(path, sizeof(path), "%s/spool", folder);
		code = hin_road_open(out, path, key, &own, err);
	}
	if (code == HIN_OK) {
		(*out)->own_key = key;
		return HIN_OK;
	}
	hin_sensor_key_fini(key);
	free(key);
	return code;
}
