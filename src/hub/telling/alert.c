/* alert - severities, and alerts as rows of the desk; see alert.h */
#include "hub/telling/alert.h"

#include <string.h>

static const char *const severities[HIN_SEVERITIES] = {
	[HIN_SEVERITY_LOW] = "low",
	[HIN_SEVERITY_MEDIUM] = "medium",
	[HIN_SEVERITY_HIGH] = "high",
	[HIN_SEVERITY_CRITICAL] = "critical",
};

static const char *const channels[] = {
	[HIN_ALERT_MAIL] = "mail",
	[HIN_ALERT_WEBHOOK] = "webhook",
	[HIN_ALERT_SYSLOG] = "syslog",
};

const char *hin_severity_name(enum hin_severity severity)
{
	return severities[severity];
}

bool hin_severity_parse(enum hin_severity *out, const char *text)
{
	for (size_t i = 0; i < HIN_SEVERITIES; i++)
		if (strcmp(text, severities[i]) == 0) {
			*out = (enum hin_severity)i;
			return true;
		}
	return false;
}

uint64_t hin_alert_routes(const struct hin_alert_table *table, enum hin_severity severity,
			  int64_t time_us)
{
	uint64_t taken = 0, able = 0, on_duty = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct hin_alert_route *r = &table->routes[i];
		bool duty = r->always || hin_hours_hold(&r->duty, time_us);

		if (severity < r->least)
			continue;
		able |= UINT64_C(1) << i;
		/* a log server is nobody: that it listens does not mean that somebody is told */
		if (duty && r->channel != HIN_ALERT_SYSLOG)
			on_duty |= UINT64_C(1) << i;
		if (duty &&
		    (severity == HIN_SEVERITY_CRITICAL || !hin_hours_hold(&r->quiet, time_us)))
			taken |= UINT64_C(1) << i;
	}
	return severity == HIN_SEVERITY_CRITICAL && on_duty == 0 ? able : taken;
}

enum hin_code hin_alert_write(struct hin_desk *desk, const struct hin_alert_table *table,
			      int64_t case_id, enum hin_severity severity, const char *about,
			      const char *text_en, const char *text_ja, int64_t since_us,
			      int64_t now_us, uint64_t *written, struct hin_error *err)
{
	uint64_t routes = hin_alert_routes(table, severity, now_us), count = 0;
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < table->count && code == HIN_OK; i++) {
		const struct hin_alert_route *r = &table->routes[i];

		if (!(routes >> i & 1))
			continue;
		code = hin_desk_run(
			desk, err,
			"INSERT OR IGNORE INTO alert (case_id, severity, about, channel, address, "
			"language, text, since_us, created_us, due_us) "
			"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
			"ittttttiii", case_id, severities[severity], about, channels[r->channel],
			r->address, r->lang == HIN_JA ? "ja" : "en",
			r->lang == HIN_JA ? text_ja : text_en, since_us, now_us,
			severity == HIN_SEVERITY_CRITICAL ? now_us : now_us + HIN_ALERT_SETTLE_US);
		count += code == HIN_OK && hin_desk_changed(desk) > 0;
	}
	if (written != NULL)
		*written = count;
	return code;
}
