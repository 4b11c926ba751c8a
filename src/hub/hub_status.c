/* hub_status - how the hub, its parts and its sensors are, as JSON; `hinomi status` shows it */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/time.h"
#include "hub/hub_priv.h"
#include "trust/ledger.h"

struct listing {
	struct hin_buffer *out;
	bool any;
};

static void put_text(struct hin_buffer *out, const char *name, const char *text)
{
	hin_buffer_printf(out, "\"%s\":", name);
	hin_escape_json(out, text, strlen(text));
	hin_buffer_putc(out, ',');
}

static void put_number(struct hin_buffer *out, const char *name, uint64_t value)
{
	hin_buffer_printf(out, "\"%s\":%llu,", name, (unsigned long long)value);
}

/* A time, or null for 0. */
static void put_time(struct hin_buffer *out, const char *name, int64_t time_ns)
{
	char text[HIN_TIME_TEXT];

	if (time_ns == 0)
		hin_buffer_printf(out, "\"%s\":null,", name);
	else
		hin_buffer_printf(out, "\"%s\":\"%s\",", name,
				  hin_time_format_iso(text, time_ns, HIN_TIME_S));
}

static bool list_sensor(void *user, const struct hin_sensor_state *s)
{
	struct listing *l = user;
	struct hin_buffer *out = l->out;
	char id[2 * HIN_SENSOR_ID + 1];

	hub_hex(id, s->id);
	hin_buffer_puts(out, l->any ? ",\n{" : "\n{");
	l->any = true;
	put_text(out, "sensor", id);
	put_text(out, "name", s->name);
	put_text(out, "state", hin_sensor_word(s));
	put_text(out, "version", s->version);
	put_number(out, "settings", s->settings);
	put_time(out, "heard", s->heard_ns);
	put_time(out, "stored", s->stored_ns);
	hin_buffer_printf(out, "\"epoch\":\"%016llx\",", (unsigned long long)s->committed.epoch);
	put_number(out, "sequence", s->committed.sequence);
	put_number(out, "batches", s->batches);
	put_number(out, "rows", s->rows);
	put_number(out, "missing", s->missing);
	put_number(out, "filled", s->filled);
	put_number(out, "repeats", s->repeats);
	put_number(out, "refused", s->refused);
	hin_buffer_printf(out, "\"lag_us\":%lld,\"clock_offset_us\":%d,", (long long)s->lag_us,
			  s->clock_offset_us);
	put_number(out, "dark_addresses", s->dark_addresses);
	hin_buffer_printf(out, "\"clock_state\":%u}", s->clock_state);
	return true;
}

static void put_counts(struct hin_buffer *out, const char *name, const char *const *names,
		       const _Atomic uint64_t *counts, size_t count)
{
	hin_buffer_printf(out, "\"%s\":{", name);
	for (size_t i = 0; i < count; i++)
		hin_buffer_printf(out, "%s\"%s\":%llu", i > 0 ? "," : "", names[i],
				  (unsigned long long)counts[i]);
	hin_buffer_puts(out, "},\n");
}

/* ---- parts ---- */

static void put_analysis(struct hin_hub *hub, struct hin_buffer *out)
{
	const struct hin_analyse_counters *c = hin_analyse_count(hub->analyse);
	uint64_t found = 0, updates = 0;

	for (size_t i = 0; i < hin_rule_count; i++) {
		found += c->rule[i].found;
		updates += c->rule[i].updates;
	}
	hin_buffer_puts(out, "\"analysis\":{");
	put_number(out, "rows", c->rows);
	put_number(out, "rows_per_s", hub->rows_per_s);
	put_number(out, "findings", found);
	put_number(out, "updates", updates);
	put_number(out, "subjects", c->subjects);
	put_number(out, "evicted", c->evicted);
	put_number(out, "refused", c->refused);
	put_number(out, "late", c->late);
	put_number(out, "cases_opened", c->opened);
	put_number(out, "cases_reopened", c->reopened);
	hin_buffer_printf(out, "\"cases_open\":%llu},\n",
			  (unsigned long long)hin_telling_stats(hub->telling).cases_open);
}

static void put_telling(struct hin_hub *hub, struct hin_buffer *out)
{
	struct hin_telling_stats c = hin_telling_stats(hub->telling);

	hin_buffer_printf(out, "\"telling\":{\"sends\":%s,", c.sends ? "true" : "false");
	put_number(out, "notices_open", c.open);
	put_number(out, "notices_held", c.held);
	put_number(out, "notices_no_owner", c.no_owner_now);
	put_number(out, "letters_waiting", c.waiting);
	put_number(out, "letters_failed", c.lost);
	put_number(out, "letters_sent", c.letters_sent);
	put_number(out, "alerts_waiting", c.alerts_waiting);
	put_number(out, "alerts_sent", c.alerts_sent);
	put_number(out, "alerts_failed", c.alerts_failed);
	hin_buffer_printf(out, "\"failures\":%llu},\n", (unsigned long long)c.failures);
}

static void put_ledger(struct hin_hub *hub, struct hin_buffer *out)
{
	struct hin_pump_stats pump = hin_pump_stats(hub->pump);
	struct hin_ledger_counters c;
	char path[PATH_MAX + 16];
	struct stat st = { 0 };

	if (hub->ledger == NULL)
		return;
	hin_ledger_count(hub->ledger, &c);
	snprintf(path, sizeof(path), "%s/checkpoint", hub->ledger_folder);
	if (stat(path, &st) != 0)
		st.st_mtim.tv_sec = 0;
	hin_buffer_puts(out, "\"ledger\":{");
	put_number(out, "acts", c.size);
	put_number(out, "checkpoint", c.checkpoint);
	put_time(out, "checkpoint_time", st.st_mtim.tv_sec * HIN_NS_PER_S);
	put_number(out, "witnesses", hub_witness_count(hub));
	put_number(out, "witnessed", c.witnessed);
	put_number(out, "waiting", pump.pending);
	hin_buffer_printf(out, "\"failures\":%" PRIu64 "},\n",
			  pump.failures + c.failed + c.publish_failed);
}

static uint64_t bytes_of(const char *desk, const char *end)
{
	char path[PATH_MAX + 16];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", desk, end);
	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void put_peers(struct hin_hub *hub, struct hin_buffer *out)
{
	hin_buffer_puts(out, "\"peers\":[");
	pthread_mutex_lock(&hub->waking);
	hub_peers_status(hub->peers, out);
	pthread_mutex_unlock(&hub->waking);
	hin_buffer_puts(out, "],\n");
}

void hub_measure(struct hin_hub *hub, int64_t now_ns)
{
	uint64_t rows = hin_analyse_count(hub->analyse)->rows;
	int64_t passed_ns = now_ns - hub->measured_ns;

	if (hub->measured_ns != 0 && passed_ns > 0 && rows >= hub->measured_rows)
		hub->rows_per_s =
			(uint64_t)((double)(rows - hub->measured_rows) * 1e9 / (double)passed_ns);
	hub->measured_rows = rows;
	hub->measured_ns = now_ns;
}

void hin_hub_status(struct hin_hub *hub, struct hin_buffer *out)
{
	const struct hin_ingest_counters *c = hin_ingest_count(hub->ingest);
	const struct hin_intake_counters *r = hin_intake_count(hub->intake);
	struct listing sensors = { .out = out };

	hin_buffer_puts(out, "{");
	put_text(out, "program", "hinomi hub");
	put_text(out, "version", HIN_VERSION);
	put_text(out, "hub", hin_ca_hub(hub->ca));
	put_time(out, "time", hin_time_now_ns());
	put_time(out, "started", hub->started_ns);
	put_number(out, "pid", (uint64_t)getpid());
	put_number(out, "port", hin_hub_port(hub));
	put_number(out, "metrics_port", hin_hub_metrics_port(hub));
	put_number(out, "settings", hub->settings_number);
	put_time(out, "certificate_expires", hub->hub_expires_s * HIN_NS_PER_S);
	hin_buffer_puts(out, "\n");
	put_number(out, "batches_stored", c->stored);
	put_number(out, "rows_stored", c->rows);
	put_number(out, "repeats", c->repeats);
	put_number(out, "gaps", c->gaps);
	put_number(out, "filled", c->filled);
	put_number(out, "commits", c->commits);
	put_number(out, "failed_commits", c->failed_commits);
	put_number(out, "store_rows", hub->store_rows);
	put_number(out, "store_bytes", hub->store_bytes);
	put_number(out, "subjects", hin_analyse_count(hub->analyse)->subjects);
	put_number(out, "cases_opened", hin_analyse_count(hub->analyse)->opened);
	put_number(out, "cases_reopened", hin_analyse_count(hub->analyse)->reopened);
	hin_buffer_puts(out, "\n");
	put_counts(out, "batches_refused", hub_refusals, c->refused, HIN_INGEST_REFUSED);
	put_counts(out, "requests_refused", hub_request_refusals, r->refused, HIN_INTAKE_REFUSED);
	put_analysis(hub, out);
	put_telling(hub, out);
	put_ledger(hub, out);
	hin_buffer_printf(out, "\"desk\":{\"bytes\":%llu,\"log_bytes\":%llu},\n",
			  (unsigned long long)bytes_of(hub->desk, ""),
			  (unsigned long long)bytes_of(hub->desk, "-wal"));
	put_peers(hub, out);
	hin_buffer_puts(out, "\"sensors\":[");
	hin_sensors_each(hub->sensors, list_sensor, &sensors);
	hin_buffer_puts(out, "\n]}\n");
}
