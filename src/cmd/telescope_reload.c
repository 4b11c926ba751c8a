/* telescope_reload - what a telescope runs with, and how that changes; see telescope_priv.h */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/telescope_priv.h"
#include "observe/carrier_member.h"

/* The last good settings of the hub, if there are any. */
static const struct hin_sensor_settings *load_hub(const struct session *s,
						  struct hin_sensor_settings *memory)
{
	struct hin_error why = { 0 };
	enum hin_code code;

	if (s->arguments.road == NULL)
		return NULL;
	code = hin_carrier_member_settings(s->arguments.road, memory, &why);
	if (code != HIN_OK && code != HIN_ENOENT)
		hin_log(HIN_LOG_ERROR, "telescope.no_settings", hin_log_text("error", why.text));
	return code == HIN_OK ? memory : NULL;
}

enum hin_code telescope_setup(struct session *s, struct hin_error *err)
{
	const struct telescope_arguments *a = &s->arguments;
	struct hin_sensor_settings hub = { 0 };
	enum hin_code code = telescope_data_load(&s->data, a, err);

	if (code == HIN_OK)
		code = telescope_rules_make(&s->rules, a, &s->data, load_hub(s, &hub), false, err);
	hin_sensor_settings_fini(&hub);
	if (code == HIN_OK && a->live != NULL && s->data.dark == NULL)
		code = hin_fail(
			err, HIN_EUSAGE,
			"--live needs --dark: packets to addresses in use are other people's "
			"communications");
	if (code == HIN_OK && a->hubs.count > 0 && a->road == NULL)
		code = hin_fail(err, HIN_EUSAGE, "--hub needs --road: the folder that joined");
	return code;
}

uint64_t telescope_dark_addresses(const struct telescope_data *data)
{
	return data->dark != NULL ? hin_prefix_tree_size(data->dark).addresses : 0;
}

struct hin_telescope_options telescope_options_of(const struct session *s,
						  const struct telescope_data *data,
						  const struct telescope_rules *rules)
{
	const struct telescope_arguments *a = &s->arguments;

	return (struct hin_telescope_options){
		.settings = rules->settings,
		.dark = data->dark,
		.member = rules->member,
		.member_names = (const char *const *)data->member_names.items,
		.excluded = rules->excluded,
		.research = data->research,
		.research_names = (const char *const *)data->research_names.items,
		.update_us =
			a->live != NULL || a->follow ? rules->settings.event_update_ns / 1000 : 0,
	};
}

void telescope_tell_status(struct session *s)
{
	const char *where = s->live != NULL ? s->arguments.live : "captures";
	struct hin_road_stats road = { 0 };
	char hub[100] = "", text[250];

	if (s->road != NULL) {
		hin_road_stats(s->road, &road);
		snprintf(hub, sizeof(hub), ", hub %s, %llu batches wait, settings %llu",
			 road.connected ? "connected" : "not reached",
			 (unsigned long long)road.spool.unsent,
			 (unsigned long long)s->rules.version);
	}
	snprintf(text, sizeof(text), "%s %.32s: %llu frames, %llu dropped%s",
		 s->live != NULL && hin_live_waiting(s->live) ? "waiting for" : "watching", where,
		 (unsigned long long)hin_telescope_frames(s->telescope),
		 (unsigned long long)s->drops_told, hub);
	telescope_service_status(&s->service, text);
	telescope_write_metrics(s);
}

/* What the tables are made of stays as it is until the next start. */
static void tell_fixed(const struct hin_telescope_settings *now, struct hin_telescope_settings *new)
{
	if (new->memory_bytes != now->memory_bytes)
		hin_log(HIN_LOG_WARNING, "telescope.needs_restart",
			hin_log_text("setting", "memory"));
	if (new->seed != now->seed)
		hin_log(HIN_LOG_WARNING, "telescope.needs_restart",
			hin_log_text("setting", "seed"));
	new->memory_bytes = now->memory_bytes;
	new->seed = now->seed;
}

/* Put the hub's settings in force, with `files` all that is read from files too. All or nothing. */
static enum hin_code take_anew(struct session *s, bool files, struct hin_error *err)
{
	struct telescope_data data = { 0 }, old_data = s->data;
	struct telescope_rules rules = { 0 }, old_rules = s->rules;
	struct hin_sensor_settings hub = { 0 };
	struct hin_telescope_options options;
	enum hin_code code = HIN_OK;

	if (files)
		code = telescope_data_load(&data, &s->arguments, err);
	else
		data = old_data;
	if (code == HIN_OK)
		code = telescope_rules_make(&rules, &s->arguments, &data, load_hub(s, &hub), false,
					    err);
	hin_sensor_settings_fini(&hub);
	if (code == HIN_OK) {
		options = telescope_options_of(s, &data, &rules);
		code = hin_telescope_reload(s->telescope, &options, err);
	}
	if (code == HIN_OK) {
		tell_fixed(&old_rules.settings, &rules.settings);
		s->data = data;
		s->rules = rules;
		data = old_data;
		rules = old_rules;
	}
	if (files)
		telescope_data_fini(&data);
	telescope_rules_fini(&rules);
	return code;
}

void telescope_take_anew(struct session *s)
{
	bool files = atomic_exchange(&s->reload_wanted, false);
	bool news = atomic_exchange(&s->settings_came, false);
	struct hin_error why = { 0 };
	enum hin_code code;

	if (!files && !news)
		return;
	hin_notify_reloading(&s->service.notify);
	code = take_anew(s, files, &why);
	if (code == HIN_OK) {
		telescope_rules_set_log(&s->rules, &s->arguments);
		if (s->road != NULL) {
			hin_road_set_dark(s->road, telescope_dark_addresses(&s->data));
			hin_road_set_settings(s->road, s->rules.version);
		}
		hin_log(HIN_LOG_INFO, "telescope.reloaded",
			hin_log_text("because", files ? "SIGHUP" : "settings of the hub"),
			hin_log_u64("settings", s->rules.version));
	} else {
		hin_log(HIN_LOG_ERROR, "telescope.not_reloaded", hin_log_text("error", why.text),
			hin_log_text("consequence", "the old configuration stays in force"));
	}
	hin_notify_send(&s->service.notify, "READY=1");
	telescope_tell_status(s);
}
