/* api_rules - what the files about rules share: settings now, and the job that replays. */
#pragma once
#include "hub/analyse/settings.h"
#include "hub/door/api_priv.h"

/* What the file says and what is in force; false when refused. */
bool api_rule_settings(struct api_call *call, struct hin_analyse_settings *file,
		       struct hin_analyse_settings *now);

/* Is it an object of settings, or NULL? Else refused. */
bool api_is_settings(struct api_call *call, json_t *settings);

/* Handlers of /rules/replay. */
void api_replay_begin(struct api_call *call);
void api_replay_get(struct api_call *call);
void api_replay_end(struct api_call *call);
