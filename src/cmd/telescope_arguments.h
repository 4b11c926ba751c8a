/*
 * telescope_arguments - what the command line of `hinomi telescope` says.
 *
 * Ownership: texts belong to argv; the lists end with telescope_arguments_fini().
 * Threads: the program's first, before there are others.
 */
#pragma once
#include "base/options.h"
#include "telescope/settings.h"

struct text_list {
	const char **items;
	size_t count;
};

/* What the command line said. */
struct telescope_arguments {
	struct text_list dark, member, exclude, research;
	struct text_list geo, configs, sets, hubs;
	char memory[64]; /* "memory=SIZE", or "" */
	const char *live, *html, *flows, *observations, *key, *state, *vault, *user, *road,
		*passphrase_file, *metrics;
	bool road_flows, follow, digest, json, csv, append, quiet, count_only, check_config,
		list_settings;
	int list, colour;
	unsigned decap;
	uint64_t limit, threads, vault_bytes;
	int64_t vault_age_ns, refresh_ns;
};

/* Free the lists; NULL is fine. */
void telescope_arguments_fini(struct telescope_arguments *a);

/* Its options fill a struct telescope_arguments. */
extern const struct hin_program hin_telescope_program;
