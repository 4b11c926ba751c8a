/*
 * telescope_data - what `hinomi telescope` reads and may read anew: prefixes, names, tables,
 * settings.
 *
 * Files and command line make the data; with what a hub has signed they make the rules that are in
 * force. Of a setting the command line has the last word, then the hub, then the configuration
 * files. Members and exclusions add up; a member's name is the machine's own.
 *
 * Ownership: the caller's storage, at first { 0 }, ended by the function for it. Rules are for the
 *            data that they were made of: a member's value is the index of its name there.
 * Threads:   one at a time.
 */
#pragma once
#include "base/geo.h"
#include "base/prefix.h"
#include "cmd/telescope_arguments.h"
#include "trust/settings.h"

enum { TELESCOPE_GEO = 8 }; /* most tables of places */

struct telescope_names {
	char **items; /* the last one is NULL, for prefixes without a name */
	size_t count;
};

/* What files say. */
struct telescope_data {
	struct hin_telescope_settings settings; /* of the configuration files */
	struct hin_prefix_tree *dark, *member, *excluded, *research; /* NULL = not given */
	struct telescope_names member_names, research_names;
	struct hin_geo *geo[TELESCOPE_GEO];
	size_t geo_count;
};

/* What is in force. */
struct telescope_rules {
	struct hin_telescope_settings settings;
	struct hin_prefix_tree *member, *excluded; /* NULL = none */
	uint64_t version;			   /* of the signed settings; 0 = none */
};

/* Read all that `a` names; `out` counts on HIN_OK only. */
HIN_MUST_USE enum hin_code telescope_data_load(struct telescope_data *out,
					       const struct telescope_arguments *a,
					       struct hin_error *err);

/* NULL is fine. */
void telescope_data_fini(struct telescope_data *data);

/*
 * Put data and signed settings together (`hub` may be NULL); `out` counts on HIN_OK only. With
 * `strict` a threshold that cannot be is an error, else it is told in the log and passed over.
 */
HIN_MUST_USE enum hin_code telescope_rules_make(struct telescope_rules *out,
						const struct telescope_arguments *a,
						const struct telescope_data *data,
						const struct hin_sensor_settings *hub, bool strict,
						struct hin_error *err);

/* Would a strict making take these settings? Touches nothing else, so any thread may ask. */
HIN_MUST_USE enum hin_code telescope_rules_check(const struct hin_sensor_settings *hub,
						 struct hin_error *err);

/* NULL is fine. */
void telescope_rules_fini(struct telescope_rules *rules);

/* Let the log say as much as the rules want. */
void telescope_rules_set_log(const struct telescope_rules *rules,
			     const struct telescope_arguments *a);
