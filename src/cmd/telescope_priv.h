/*
 * telescope_priv - what the files of `hinomi telescope` share: one run.
 *
 * Threads: the program's first, but where something else is said.
 */
#pragma once
#include "cmd/passphrase.h"
#include "cmd/telescope_data.h"
#include "cmd/telescope_service.h"
#include "observe/road.h"
#include "packet/live.h"
#include "telescope/report.h"
#include "telescope/tell.h"
#include "text/progress.h"

/* Everything that is open during a run. */
struct session {
	struct telescope_arguments arguments;
	enum hin_lang lang;
	struct telescope_data data;
	struct telescope_rules rules;
	struct telescope_service service;
	_Atomic bool reload_wanted; /* by SIGHUP */
	_Atomic bool settings_came; /* from the hub; they are in the folder */
	char passphrase[HIN_PASSPHRASE];
	struct hin_capture *capture;
	struct hin_live *live;
	unsigned rings;
	uint64_t drops_told;
	bool waiting_told;
	int64_t refreshed_us;
	struct hin_telescope *telescope;
	struct hin_teller *flows, *observations;
	struct hin_road *road;
	uint64_t watched; /* frames that the road knows of */
	struct hin_vault *vault;
	struct hin_progress progress;
	FILE *html;
	int stop_fd;		  /* readable = stop; -1 = none */
	uint64_t whole;		  /* bytes of all inputs, 0 = not known */
	bool resumed;		  /* the state of an earlier run was loaded */
	struct hin_error failure; /* of a sink */
};

/* ---- telescope_reload.c ---- */

/* Read all that the options name but captures. */
HIN_MUST_USE enum hin_code telescope_setup(struct session *s, struct hin_error *err);

uint64_t telescope_dark_addresses(const struct telescope_data *data);

/* What files and rules say to the engine; threads, outputs and sink are left to the caller. */
struct hin_telescope_options telescope_options_of(const struct session *s,
						  const struct telescope_data *data,
						  const struct telescope_rules *rules);

/* The run has paused: take what SIGHUP or the hub's settings asked for, or say why not. */
void telescope_take_anew(struct session *s);

/* Tell the service manager, and whoever reads the metrics, how it goes. */
void telescope_tell_status(struct session *s);

/* ---- telescope_metrics.c ---- */

/* Write the counters to the file of --metrics, if there is one. What fails is told in the log. */
void telescope_write_metrics(struct session *s);

/* ---- telescope_road.c ---- */

/* Its threads are begun behind the door. A recording can wait for room; what is live cannot. */
HIN_MUST_USE enum hin_code telescope_open_road(struct session *s, struct hin_error *err);

/* Send what is left; what the hub does not take in time goes at the next start. */
void telescope_close_road(struct session *s);

/* The hub is to know that we watched, also when there was nothing to tell. */
void telescope_watched(struct session *s);

/* ---- telescope_door.c ---- */

/*
 * Everything is open: from here on the process may do no more than it needs. Vault and road are
 * opened behind the door. `inputs` may be read later.
 */
HIN_MUST_USE enum hin_code telescope_close_door(struct session *s, const char *const *inputs,
						size_t count, struct hin_error *err);
