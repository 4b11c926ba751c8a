/* hub_report - how the hub and its sensors are, as Prometheus has it; hub_status.c has JSON */
#include <stdio.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/time.h"
#include "hub/hub_priv.h"

const char *const hub_refusals[HIN_INGEST_REFUSED] = {
#define X(name, meaning) #name,
	HIN_INGEST_REFUSALS(X)
#undef X
};

const char *const hub_request_refusals[HIN_INTAKE_REFUSED] = {
#define X(name, meaning) #name,
	HIN_INTAKE_REFUSALS(X)
#undef X
};

void hub_hex(char out[2 * HIN_SENSOR_ID + 1], const uint8_t id[HIN_SENSOR_ID])
{
	for (size_t i = 0; i < HIN_SENSOR_ID; i++)
		sprintf(out + 2 * i, "%02x", id[i]);
}

static void head(struct hin_buffer *out, const char *name, const char *type, const char *help)
{
	hin_buffer_printf(out, "# HELP hinomi_%s %s\n# TYPE hinomi_%s %s\n", name, help, name,
			  type);
}

static void metric(struct hin_buffer *out, const char *name, const char *type, const char *help,
		   uint64_t value)
{
	head(out, name, type, help);
	hin_buffer_printf(out, "hinomi_%s %llu\n", name, (unsigned long long)value);
}

static void by_reason(struct hin_buffer *out, const char *name, const char *help,
		      const char *const *names, const _Atomic uint64_t *counts, size_t count)
{
	head(out, name, "counter", help);
	for (size_t i = 0; i < count; i++)
		hin_buffer_printf(out, "hinomi_%s{reason=\"%s\"} %llu\n", name, names[i],
				  (unsigned long long)counts[i]);
}

/* One metric of all sensors. */
struct series {
	struct hin_buffer *out;
	const char *name;
	double (*value)(const struct hin_sensor_state *s);
};

static double rows_of(const struct hin_sensor_state *s)
{
	return (double)s->rows;
}

static double batches_of(const struct hin_sensor_state *s)
{
	return (double)s->batches;
}

static double missing_of(const struct hin_sensor_state *s)
{
	return (double)s->missing;
}

static double refused_of(const struct hin_sensor_state *s)
{
	return (double)s->refused;
}

static double lag_of(const struct hin_sensor_state *s)
{
	return (double)s->lag_us / 1e6;
}

static double offset_of(const struct hin_sensor_state *s)
{
	return s->clock_offset_us / 1e6;
}

static double heard_of(const struct hin_sensor_state *s)
{
	int64_t ms = s->heard_ns / HIN_NS_PER_MS;

	return (double)ms / 1e3;
}

static double silent_of(const struct hin_sensor_state *s)
{
	return s->silent;
}

static double settings_of(const struct hin_sensor_state *s)
{
	return (double)s->settings;
}

static bool put_sensor(void *user, const struct hin_sensor_state *s)
{
	const struct series *series = user;
	char id[2 * HIN_SENSOR_ID + 1];

	hub_hex(id, s->id);
	/* a name is of [a-z0-9._-], so that it needs no escaping */
	hin_buffer_printf(series->out, "hinomi_%s{sensor=\"%s\",id=\"%s\"} %.15g\n", series->name,
			  s->name, id, series->value(s));
	return true;
}

static void put_sensors(struct hin_hub *hub, struct hin_buffer *out)
{
	static const struct {
		const char *name, *type, *help;
		double (*value)(const struct hin_sensor_state *s);
	} list[] = {
		{ "sensor_rows_total", "counter", "Rows stored of a sensor.", rows_of },
		{ "sensor_batches_total", "counter", "Batches stored of a sensor.", batches_of },
		{ "sensor_missing_batches", "gauge", "Batches missing now.", missing_of },
		{ "sensor_refused_total", "counter", "Batches refused since the start.",
		  refused_of },
		{ "sensor_lag_seconds", "gauge", "From the newest row to its arrival.", lag_of },
		{ "sensor_clock_offset_seconds", "gauge", "Its clock, as it says itself.",
		  offset_of },
		{ "sensor_heard_seconds", "gauge", "Time of its last request, 0 = never.",
		  heard_of },
		{ "sensor_silent", "gauge", "1 when it is silent beyond its promise.", silent_of },
		{ "sensor_settings", "gauge", "Number of the settings it runs, 0 = none.",
		  settings_of },
	};

	for (size_t i = 0; i < HIN_COUNT(list); i++) {
		struct series series = { out, list[i].name, list[i].value };

		head(out, list[i].name, list[i].type, list[i].help);
		hin_sensors_each(hub->sensors, put_sensor, &series);
	}
}

/* Of each rule one number. */
static void by_rule(struct hin_buffer *out, const struct hin_analyse_counters *c, const char *name,
		    const char *help, size_t offset)
{
	head(out, name, "counter", help);
	for (size_t i = 0; i < hin_rule_count; i++) {
		const char *at = (const char *)&c->rule[i] + offset;

		hin_buffer_printf(out, "hinomi_%s{rule=\"%s\"} %llu\n", name,
				  hin_rule_name(hin_rules[i]),
				  (unsigned long long)*(const _Atomic uint64_t *)(const void *)at);
	}
}

#define OF_RULE(field) offsetof(struct hin_analyse_rule_counters, field)

static void put_analysis(struct hin_hub *hub, struct hin_buffer *out)
{
	const struct hin_analyse_counters *c = hin_analyse_count(hub->analyse);

	by_rule(out, c, "analyse_rows_total", "Rows that a rule looked at.", OF_RULE(rows));
	by_rule(out, c, "analyse_findings_total", "New findings.", OF_RULE(found));
	by_rule(out, c, "analyse_updates_total", "Findings seen again.", OF_RULE(updates));
	metric(out, "analyse_subjects", "gauge", "Subjects in memory.", c->subjects);
	metric(out, "analyse_evicted_total", "counter", "Subjects that made way.", c->evicted);
	metric(out, "analyse_evicted_findings_total", "counter", "Of them, findings of the desk.",
	       c->evicted_findings);
	metric(out, "analyse_refused_total", "counter", "Rows without room for their subject.",
	       c->refused);
	metric(out, "analyse_late_total", "counter", "Rows too old for their address.", c->late);
	metric(out, "analyse_repeats_total", "counter", "Batches that were analysed before.",
	       c->repeats);
	metric(out, "analyse_commits_total", "counter", "Commits to the desk.", c->commits);
	metric(out, "analyse_commit_failures_total", "counter", "Commits that failed.",
	       c->failed_commits);
	metric(out, "findings_skipped_total", "counter", "Findings that the desk did not admit.",
	       c->skipped);
	metric(out, "cases_opened_total", "counter", "Cases opened.", c->opened);
	metric(out, "cases_grown_total", "counter", "Findings that joined a case.", c->grown);
	metric(out, "cases_reopened_total", "counter", "Cases opened again by a finding.",
	       c->reopened);
	metric(out, "cases_settled_total", "counter", "Cases that closed: the trouble is over.",
	       c->settled);
	metric(out, "cases_stale_total", "counter", "Cases that closed: nothing seen or done.",
	       c->stale);
	metric(out, "findings_summed_up_total", "counter",
	       "Findings of cases closed long ago, put together.", c->summed_up);
	metric(out, "cases_held_total", "counter", "Findings that wait: too many cases an hour.",
	       c->held);
	metric(out, "findings_forgotten_total", "counter", "Findings in no case, long unseen.",
	       c->forgotten);
	metric(out, "cases_crowded_total", "counter", "Findings left out of a case that is full.",
	       c->crowded);
}

static void put_http(struct hin_hub *hub, struct hin_buffer *out)
{
	struct hin_http_counters c;

	hin_http_server_count(hub->server, &c);
#define X(name, meaning) metric(out, "http_" #name "_total", "counter", meaning, c.name);
	HIN_HTTP_COUNTERS(X)
#undef X
	metric(out, "http_open", "gauge", "connections now", c.open);
	metric(out, "http_in_flight", "gauge", "requests that wait for their answer", c.in_flight);
}

static void put_telling(struct hin_hub *hub, struct hin_buffer *out)
{
	struct hin_telling_stats c = hin_telling_stats(hub->telling);

#define X(name, meaning) metric(out, "telling_" #name "_total", "counter", meaning, c.name);
	HIN_TELLING_COUNTERS(X)
#undef X
	metric(out, "telling_waiting", "gauge", "letters that wait", c.waiting);
	metric(out, "telling_open", "gauge", "notices sent and not yet fixed", c.open);
	metric(out, "telling_held", "gauge", "notices held", c.held);
	metric(out, "telling_no_owner", "gauge", "notices for which nobody is known",
	       c.no_owner_now);
	metric(out, "telling_slowest_alert_microseconds", "gauge",
	       "slowest alert of this hour, from finding to sent", (uint64_t)c.slowest_alert_us);
}

static void put_door(struct hin_hub *hub, struct hin_buffer *out)
{
	struct hin_http_counters http;
	struct hin_api_counters c;

	if (hub->api == NULL)
		return;
	hin_api_count(hub->api, &c, &http);
#define X(name, meaning) metric(out, "people_" #name "_total", "counter", meaning, c.name);
	HIN_API_COUNTERS(X)
#undef X
	metric(out, "people_streams", "gauge", "event streams now", c.streams);
#define X(name, meaning) metric(out, "people_http_" #name "_total", "counter", meaning, http.name);
	HIN_HTTP_COUNTERS(X)
#undef X
}

static void put_trust(struct hin_hub *hub, struct hin_buffer *out)
{
	struct hin_ca_counters c;

	pthread_rwlock_rdlock(&hub->lock);
	hin_ca_count(hub->ca, &c);
	pthread_rwlock_unlock(&hub->lock);
#define X(name, meaning) metric(out, "trust_" #name "_total", "counter", meaning, c.name);
	HIN_CA_COUNTERS(X)
#undef X
	metric(out, "hub_certificate_expires_seconds", "gauge", "End of the hub's certificate.",
	       (uint64_t)hub->hub_expires_s);
}

void hin_hub_metrics(struct hin_hub *hub, struct hin_buffer *out)
{
	const struct hin_ingest_counters *c = hin_ingest_count(hub->ingest);
	const struct hin_intake_counters *r = hin_intake_count(hub->intake);

	metric(out, "hub_batches_total", "counter", "Batches stored.", c->stored);
	metric(out, "hub_rows_total", "counter", "Rows stored.", c->rows);
	metric(out, "hub_bytes_total", "counter", "Bytes of batches stored.", c->bytes);
	metric(out, "hub_repeats_total", "counter", "Batches that were there.", c->repeats);
	metric(out, "hub_early_total", "counter", "Batches asked for after others.", c->early);
	metric(out, "hub_gaps_total", "counter", "Gaps found.", c->gaps);
	metric(out, "hub_filled_total", "counter", "Missing batches that came.", c->filled);
	metric(out, "hub_commits_total", "counter", "Commits.", c->commits);
	metric(out, "hub_commit_failures_total", "counter", "Commits that failed.",
	       c->failed_commits);
	metric(out, "hub_requests_total", "counter", "Requests with batches.", r->requests);
	metric(out, "hub_largest_group", "gauge", "Most requests of one commit.", r->largest_group);
	metric(out, "hub_waiting_requests", "gauge", "Requests that wait for a commit.",
	       hin_intake_waiting(hub->intake));
	metric(out, "hub_sensors", "gauge", "Sensors known.", hin_sensors_count(hub->sensors));
	metric(out, "hub_settings", "gauge", "Number of the settings in force, 0 = none.",
	       hub->settings_number);
	metric(out, "hub_started_seconds", "gauge", "Time of the start.",
	       (uint64_t)(hub->started_ns / HIN_NS_PER_S));
	metric(out, "store_rows", "gauge", "Rows in the store.", hub->store_rows);
	metric(out, "store_bytes", "gauge", "Bytes of the store.", hub->store_bytes);
	metric(out, "store_notes_total", "counter", "Damage found in the store.", hub->store_notes);
	by_reason(out, "hub_batches_refused_total", "Batches refused.", hub_refusals, c->refused,
		  HIN_INGEST_REFUSED);
	by_reason(out, "hub_requests_refused_total", "Requests refused as a whole.",
		  hub_request_refusals, r->refused, HIN_INTAKE_REFUSED);
	put_analysis(hub, out);
	put_http(hub, out);
	put_door(hub, out);
	put_telling(hub, out);
	put_trust(hub, out);
	put_sensors(hub, out);
}
