/* telescope_road - the telescope and its hub; see telescope_priv.h */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/telescope_priv.h"
#include "observe/carrier_member.h"
#include "observe/registry.h"

/* At the end: for a hub to answer, and for one that answers to store what is left. */
#define ROAD_TRY (3 * HIN_NS_PER_S)
#define ROAD_PATIENCE (30 * HIN_NS_PER_S)

/* The hub has newer settings. In a thread of the road: what is good is put in force by the main. */
static void on_settings(void *user, const void *bytes, size_t size)
{
	struct session *s = user;
	struct hin_sensor_settings fresh = { 0 };
	struct hin_error why = { 0 };
	enum hin_code code = hin_carrier_member_weigh(s->arguments.road, bytes, size, &fresh, &why);

	if (code == HIN_OK)
		code = telescope_rules_check(&fresh, &why);
	if (code == HIN_OK)
		code = hin_carrier_member_keep(s->arguments.road, bytes, size, &fresh, &why);
	hin_sensor_settings_fini(&fresh);
	if (code != HIN_OK && code != HIN_EAGAIN) {
		hin_log_limited(HIN_LOG_ERROR, "telescope.settings_refused",
				hin_log_text("error", why.text),
				hin_log_text("consequence", "those before stay in force"));
		return;
	}
	s->settings_came = true;
	hin_telescope_pause(s->telescope);
}

enum hin_code telescope_open_road(struct session *s, struct hin_error *err)
{
	const struct hin_carrier_member_settings member = {
		.hubs = s->arguments.hubs.items,
		.hub_count = s->arguments.hubs.count,
		.passphrase = s->passphrase[0] != '\0' ? s->passphrase : NULL,
	};
	const struct hin_road_settings settings = {
		.wait = s->live == NULL,
		.dark_addresses = telescope_dark_addresses(&s->data),
		.settings_number = s->rules.version,
		.settings = on_settings,
		.user = s,
	};
	enum hin_code code =
		hin_road_open_joined(&s->road, s->arguments.road, &member, &settings, err);

	explicit_bzero(s->passphrase, sizeof(s->passphrase));
	if (code == HIN_ENOENT)
		return hin_fail(
			err, code,
			"--road %s has joined no hub; first: hinomi trust join CODE --dir %s",
			s->arguments.road, s->arguments.road);
	if (code == HIN_OK && s->live == NULL) /* else rows of long ago would be refused */
		hin_road_set_clock(s->road, 0, HIN_CLOCK_STATE_RECORDED);
	return code;
}

void telescope_watched(struct session *s)
{
	uint64_t frames = hin_telescope_frames(s->telescope);

	if (s->road != NULL)
		hin_road_watched(s->road, frames - s->watched, 0);
	s->watched = frames;
}

void telescope_close_road(struct session *s)
{
	struct hin_road_stats stats;
	enum hin_code sent;

	if (s->road == NULL)
		return;
	telescope_watched(s);
	sent = hin_road_flush(s->road, true, ROAD_TRY);
	hin_road_stats(s->road, &stats);
	if (sent != HIN_OK && stats.connected) {
		sent = hin_road_flush(s->road, true, ROAD_PATIENCE);
		hin_road_stats(s->road, &stats);
	}
	if (sent != HIN_OK && !s->arguments.quiet)
		fprintf(stderr,
			"hinomi telescope: warning: %llu batches wait in %s for the hub; they go "
			"at the next start\n",
			(unsigned long long)stats.spool.unsent, s->arguments.road);
	if (stats.rows_lost > 0 && !s->arguments.quiet)
		fprintf(stderr, "hinomi telescope: warning: %llu rows were lost on the road\n",
			(unsigned long long)stats.rows_lost);
	hin_road_close(s->road, sent == HIN_OK ? ROAD_TRY : 0); /* the last minute is told then */
	s->road = NULL;
}
