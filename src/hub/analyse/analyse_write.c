/* analyse_write - news into the desk: findings, and what becomes of cases; see analyse.h */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "hub/analyse/analyse_priv.h"
#include "hub/case/case_join.h"
#include "hub/case/keep.h"

#define HOUR_US INT64_C(3600000000)
#define TICK_MOST 10000 /* findings that one tick lays to rest, of each rule */

static const char *const subject_types[HIN_SUBJECT_TYPES] = {
	[HIN_SUBJECT_ADDRESS] = "address", [HIN_SUBJECT_PREFIX] = "prefix",
	[HIN_SUBJECT_PORT] = "port",	   [HIN_SUBJECT_CAMPAIGN] = "campaign",
	[HIN_SUBJECT_SENSOR] = "sensor",
};

/* A finding as the desk has it, and as it is to be. */
struct writing {
	struct hin_analyse *an;
	const struct news *news;
	const struct hin_finding_kind *kind;
	struct hin_subject *subject;
	int64_t now_us;
	struct hin_error *err;

	/* of the desk */
	int64_t id, case_id, first_us, last_us;
	bool live, same_address;
	int64_t over_us;
	enum hin_severity severity;
	char sensors[HIN_FINDING_SENSORS * 33], query[HIN_FINDING_QUERY];

	/* as it is to be */
	const char *subject_type, *technique;
	char text[HIN_FINDING_SUBJECT];
	const struct hin_addr *address;
};

/* ---- words ---- */

static void put_proto_port(struct hin_buffer *out, uint8_t proto, uint16_t port)
{
	switch (proto) {
	case 6:
		hin_buffer_puts(out, "tcp");
		break;
	case 17:
		hin_buffer_puts(out, "udp");
		break;
	case 1:
	case 58:
		hin_buffer_puts(out, "icmp");
		return;
	default:
		hin_buffer_printf(out, "proto-%u", proto);
		break;
	}
	if (port != 0)
		hin_buffer_printf(out, "/%u", port);
}

static void put_campaign(struct hin_buffer *out, const struct hin_claim *claim)
{
	const struct hin_word *tool = hin_registry_find(HIN_REGISTRY_TOOLS, claim->tool);
	char time[HIN_TIME_TEXT];

	put_proto_port(out, claim->proto, claim->port);
	if (claim->tool != 0)
		hin_buffer_printf(out, " %s", tool != NULL ? tool->name : "tool");
	hin_buffer_printf(out, " %s",
			  hin_time_format_iso(time, hin_finding_ns(claim->began_us), HIN_TIME_S));
}

static void name_subject(struct writing *w)
{
	const struct hin_claim *claim = &w->news->claim;
	struct hin_buffer out = hin_buffer_over(w->text, sizeof(w->text));
	struct hin_prefix prefix = { claim->address, claim->len };
	char text[HIN_PREFIX_TEXT];

	w->subject_type = subject_types[claim->type];
	if (claim->type == HIN_SUBJECT_ADDRESS || claim->type == HIN_SUBJECT_PREFIX)
		w->address = &claim->address;
	switch (claim->type) {
	case HIN_SUBJECT_PORT:
		put_proto_port(&out, claim->proto, claim->port);
		return;
	case HIN_SUBJECT_CAMPAIGN:
		put_campaign(&out, claim);
		return;
	case HIN_SUBJECT_SENSOR:
		for (size_t i = 0; i < sizeof(claim->sensor); i++)
			hin_buffer_printf(&out, "%02x", claim->sensor[i]);
		return;
	default:
		break;
	}
	if (w->news->identity.device[0] != '\0') {
		w->subject_type = "device";
		hin_buffer_puts(&out, w->news->identity.device);
	} else if (claim->type == HIN_SUBJECT_PREFIX) {
		hin_buffer_puts(&out, hin_prefix_format(&prefix, text));
	} else {
		hin_buffer_puts(&out, hin_addr_format(&claim->address, text));
	}
}

/* Sensors that the finding does not name yet, while there is room. */
static void add_sensors(struct writing *w)
{
	for (unsigned i = 0; i < w->news->sensor_count; i++) {
		size_t used = strlen(w->sensors);
		char id[33];

		for (size_t k = 0; k < 16; k++)
			snprintf(id + 2 * k, 3, "%02x", w->news->sensors[i][k]);
		if (strstr(w->sensors, id) == NULL && used + 34 <= sizeof(w->sensors))
			snprintf(w->sensors + used, sizeof(w->sensors) - used, "%s%s",
				 used > 0 ? " " : "", id);
	}
}

/* A device that has another address now is shown with all of them, as long as there is room. */
static void add_query(struct writing *w)
{
	char text[HIN_FINDING_QUERY];
	struct hin_buffer one = hin_buffer_over(text, sizeof(text)), both;
	char joined[HIN_FINDING_QUERY];

	hin_rules[w->news->rule]->query(&w->news->claim, &one);
	if (w->query[0] == '\0') {
		memcpy(w->query, text, one.used + 1);
		return;
	}
	if (w->same_address || strstr(w->query, text) != NULL)
		return;
	both = hin_buffer_over(joined, sizeof(joined));
	hin_buffer_printf(&both, "(%s) or (%s)", w->query, text);
	if (!both.failed)
		memcpy(w->query, joined, both.used + 1);
}

/* ---- reading ---- */

#define COLUMNS                                                                                    \
	"SELECT id, coalesce(case_id, 0), first_us, last_us, live, severity, sensors, query, "     \
	"address IS ?2, over_us FROM finding WHERE "

/* Read the finding with this id or, when it is 0, with this key. HIN_EOF: there is none. */
static enum hin_code look_up(struct writing *w, int64_t id, const uint8_t key[HIN_FINDING_KEY])
{
	struct hin_desk *desk = w->an->desk;
	sqlite3_stmt *s =
		hin_desk_statement(desk, id != 0 ? COLUMNS "id = ?1" : COLUMNS "key = ?1", w->err);
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	if (id != 0)
		code = hin_desk_bind(desk, s, w->err, "ia", id, w->address);
	else
		code = hin_desk_bind(desk, s, w->err, "ba", (const void *)key,
				     (size_t)HIN_FINDING_KEY, w->address);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, w->err);
	if (code != HIN_OK)
		return code;
	w->id = sqlite3_column_int64(s, 0);
	w->case_id = sqlite3_column_int64(s, 1);
	w->first_us = sqlite3_column_int64(s, 2);
	w->last_us = sqlite3_column_int64(s, 3);
	w->live = sqlite3_column_int(s, 4) != 0;
	(void)hin_severity_parse(&w->severity, hin_desk_text(s, 5));
	snprintf(w->sensors, sizeof(w->sensors), "%s", hin_desk_text(s, 6));
	snprintf(w->query, sizeof(w->query), "%s", hin_desk_text(s, 7));
	w->same_address = sqlite3_column_int(s, 8) != 0;
	w->over_us = sqlite3_column_int64(s, 9);
	sqlite3_reset(s);
	return HIN_OK;
}

/* ---- writing ---- */

/* The key of a finding whose time is over. */
static void past_key(uint8_t out[HIN_FINDING_KEY], const uint8_t key[HIN_FINDING_KEY],
		     int64_t first_us)
{
	uint8_t in[HIN_FINDING_KEY + 8];

	memcpy(in, key, HIN_FINDING_KEY);
	memcpy(in + HIN_FINDING_KEY, &first_us, 8);
	crypto_generichash(out, HIN_FINDING_KEY, in, sizeof(in), NULL, 0);
}

static enum hin_code retire(struct writing *w)
{
	uint8_t key[HIN_FINDING_KEY];
	int64_t taken = 0;
	enum hin_code code;

	past_key(key, w->subject->key, w->first_us);
	code = hin_desk_number(w->an->desk, &taken, w->err,
			       "SELECT count(*) FROM finding WHERE key = ?1", "b",
			       (const void *)key, sizeof(key));
	if (code != HIN_OK)
		return code;
	if (taken > 0) /* one that was told late began at the same time: both stay */
		past_key(key, key, w->id);
	return hin_desk_run(w->an->desk, w->err,
			    "UPDATE finding SET key = ?2, live = 0 WHERE id = ?1", "ib", w->id,
			    (const void *)key, sizeof(key));
}

static int64_t most(uint64_t value)
{
	return value < INT64_MAX ? (int64_t)value : INT64_MAX;
}

static enum hin_code insert(struct writing *w, const uint8_t key[HIN_FINDING_KEY])
{
	const struct news *n = w->news;
	enum hin_code code = hin_desk_run(
		w->an->desk, w->err,
		"INSERT INTO finding (key, kind, subject_type, subject, address, organisation, "
		"device, port, proto, tool, confidence, severity, technique, first_us, last_us, "
		"observations, packets, bytes, targets, sensors, query, told_us) VALUES (?1, ?2, "
		"?3, ?4, ?5, nullif(?6, 0), ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, "
		"?18, ?19, ?20, ?21, ?22)",
		"btttaitiiiittiiiiiitti", (const void *)key, (size_t)HIN_FINDING_KEY, w->kind->name,
		w->subject_type, (const char *)w->text, w->address, n->identity.organisation,
		(const char *)n->identity.device, (int64_t)n->claim.port, (int64_t)n->claim.proto,
		(int64_t)n->claim.tool, (int64_t)n->claim.confidence,
		hin_severity_name(n->claim.severity), w->technique, n->first_us, n->last_us,
		(int64_t)n->observations, most(n->packets), most(n->bytes), most(n->targets),
		(const char *)w->sensors, (const char *)w->query, w->now_us);

	w->id = hin_desk_inserted(w->an->desk);
	return code;
}

static enum hin_code update(struct writing *w)
{
	const struct news *n = w->news;
	enum hin_severity severity =
		n->claim.severity > w->severity ? n->claim.severity : w->severity;

	/* sums that would leave 63 bits stay where they are */
	return hin_desk_run(
		w->an->desk, w->err,
		"UPDATE finding SET first_us = min(first_us, ?2), last_us = max(last_us, ?3), "
		"observations = min(observations, 1 << 62) + ?4, "
		"packets = min(packets, 1 << 61) + min(?5, 1 << 61), "
		"bytes = min(bytes, 1 << 61) + min(?6, 1 << 61), targets = max(targets, ?7), "
		"confidence = max(confidence, ?8), severity = ?9, live = 1, over_us = 0, "
		"organisation = coalesce(nullif(?10, 0), organisation), tool = CASE WHEN ?11 <> 0 "
		"THEN ?11 ELSE tool END, port = CASE WHEN ?12 <> 0 THEN ?12 ELSE port END, "
		"address = coalesce(?13, address), sensors = ?14, query = ?15 WHERE id = ?1",
		"iiiiiiiitiiiatt", w->id, n->first_us, n->last_us, (int64_t)n->observations,
		most(n->packets), most(n->bytes), most(n->targets), (int64_t)n->claim.confidence,
		hin_severity_name(severity), n->identity.organisation, (int64_t)n->claim.tool,
		(int64_t)n->claim.port, w->address, (const char *)w->sensors,
		(const char *)w->query);
}

/* How many cases the sensor of this finding opened in this hour; beyond the table all share one. */
static int64_t *opened_by(struct case_hour *c, const uint8_t *sensor)
{
	for (unsigned i = 0; i < c->sensor_count; i++)
		if (memcmp(c->sensors[i].id, sensor, sizeof(c->sensors[i].id)) == 0)
			return &c->sensors[i].opened;
	if (c->sensor_count < CASE_SENSORS)
		memcpy(c->sensors[c->sensor_count++].id, sensor, sizeof(c->sensors[0].id));
	return &c->sensors[c->sensor_count - 1].opened;
}

/*
 * From which severity on a case is opened now: from none when too many were, this hour. The last
 * quarter is for sensors that opened few, so that one that floods us does not silence the others.
 */
static enum hin_severity least_now(struct writing *w)
{
	const struct hin_analyse_settings *set = &w->an->settings;
	struct case_hour *c = &w->an->cases;
	int64_t hour = w->now_us / HOUR_US, most = (int64_t)set->cases, few = most / 16;

	if (hour != c->hour)
		*c = (struct case_hour){ .hour = hour };
	if (c->opened < most - most / 4 ||
	    (c->opened < most && *opened_by(c, w->news->sensors[0]) < (few > 0 ? few : 1)))
		return (enum hin_severity)set->least;
	return HIN_SEVERITIES;
}

static enum hin_code join(struct writing *w, bool fresh)
{
	const struct news *n = w->news;
	struct hin_analyse_counters *c = &w->an->counters;
	enum hin_case_joined joined;
	struct hin_case_joining j = {
		.finding = w->id,
		.case_id = w->case_id,
		.kind = w->kind->name,
		.subject_type = w->subject_type,
		.subject = w->text,
		.device = n->identity.device,
		.organisation = n->identity.organisation,
		.address = w->address,
		.severity = n->claim.severity,
		.least = least_now(w),
		.confidence = n->claim.confidence,
		.lease_confidence = n->identity.lease_confidence,
		.lease_from_us = n->identity.lease_from_us,
		.lease_until_us = n->identity.lease_until_us,
		.first_us = n->first_us,
		.last_us = n->last_us,
		.fresh = fresh,
	};
	enum hin_code code = hin_case_join(w->an->desk, &j, w->now_us, &joined, w->err);

	if (code == HIN_OK) {
		c->opened += joined == HIN_CASE_JOINED_OPENED;
		if (joined == HIN_CASE_JOINED_OPENED) {
			w->an->cases.opened++;
			++*opened_by(&w->an->cases, n->sensors[0]);
		}
		c->held += joined == HIN_CASE_JOINED_NONE && w->case_id == 0 &&
			   j.least == HIN_SEVERITIES && (int)j.severity >= w->an->settings.least;
		c->grown += joined == HIN_CASE_JOINED_GREW;
		c->reopened += joined == HIN_CASE_JOINED_REOPENED;
		c->crowded += joined == HIN_CASE_JOINED_CROWDED;
	}
	return code;
}

/* There is none yet, or the one that there is belongs to another time. */
static enum hin_code write_new(struct writing *w, const uint8_t key[HIN_FINDING_KEY], bool is_past)
{
	struct hin_analyse *an = w->an;
	enum hin_code code;

	w->case_id = 0;
	w->sensors[0] = w->query[0] = '\0';
	w->same_address = true;
	add_sensors(w);
	add_query(w);
	code = insert(w, key);
	if (code != HIN_OK)
		return code;
	if (!is_past)
		w->subject->finding = w->id;
	an->counters.rule[w->news->rule].found++;
	if (an->found != NULL)
		an->found(an->user, hin_rules[w->news->rule], w->id, w->now_us);
	return join(w, true);
}

/* There is one already, that look_up() has read. */
static enum hin_code write_known(struct writing *w)
{
	const struct news *n = w->news;
	bool fresh = !w->live || n->claim.severity > w->severity;
	enum hin_code code;

	add_sensors(w);
	add_query(w);
	code = update(w);
	w->an->counters.rule[n->rule].updates++;
	return code == HIN_OK ? join(w, fresh) : code;
}

/* Of a time before the finding that goes on: told late, and perhaps not for the first time. */
static enum hin_code write_past(struct writing *w)
{
	uint8_t key[HIN_FINDING_KEY];
	enum hin_code code;

	past_key(key, w->subject->key, w->news->first_us);
	code = look_up(w, 0, key);
	if (code == HIN_EOF)
		return write_new(w, key, true);
	return code == HIN_OK ? write_known(w) : code;
}

/* What was found is over: said once, in the history of its case. */
static enum hin_code write_over(struct writing *w)
{
	const struct news *n = w->news;
	struct hin_case_settling settling = { .finding = w->subject->finding,
					      .closes = n->over_closes,
					      .text = "" };
	bool closed = false;
	enum hin_code code = look_up(w, w->subject->finding, w->subject->key);

	if (code == HIN_EOF)
		return HIN_OK;
	if (code != HIN_OK || w->severity < n->over_least ||
	    (w->over_us != 0 && !(w->live && n->over_closes)))
		return code;
	code = hin_desk_run(w->an->desk, w->err,
			    "UPDATE finding SET over_us = ?2, live = CASE WHEN ?3 THEN 0 ELSE live "
			    "END WHERE id = ?1",
			    "iii", w->id, n->over_us, (int64_t)n->over_closes);
	settling.finding = w->id;
	settling.case_id = w->case_id;
	if (hin_rules[n->rule]->over != NULL)
		settling.text = hin_rules[n->rule]->over;
	if (code == HIN_OK && w->case_id != 0)
		code = hin_case_settle(w->an->desk, &settling, w->now_us, &closed, w->err);
	w->an->counters.settled += closed;
	return code;
}

static enum hin_code write_found(struct writing *w)
{
	const struct news *n = w->news;
	const uint8_t *key = w->subject->key;
	enum hin_code code;

	name_subject(w);
	code = look_up(w, w->subject->finding, key);
	if (code == HIN_EOF)
		return write_new(w, key, false);
	if (code != HIN_OK)
		return code;
	if (n->identity.episode && n->first_us - w->last_us > HIN_ANALYSE_UNLEASED_US) {
		code = retire(w);
		return code == HIN_OK ? write_new(w, key, false) : code;
	}
	if (n->identity.episode && w->first_us - n->last_us > HIN_ANALYSE_UNLEASED_US)
		return write_past(w);
	w->subject->finding = w->id;
	return write_known(w);
}

static enum hin_code write_one(struct writing *w)
{
	enum hin_code code = w->news->found ? write_found(w) : HIN_OK;

	return code == HIN_OK && w->news->over ? write_over(w) : code;
}

/* A finding that the desk's rules do not admit is left out whole: it must not hold up others. */
static enum hin_code write_or_skip(struct writing *w)
{
	struct hin_desk *desk = w->an->desk;
	enum hin_code code = hin_desk_run(desk, w->err, "SAVEPOINT finding", "");

	if (code != HIN_OK)
		return code;
	code = write_one(w);
	if (code == HIN_EVERIFY || code == HIN_ENOENT) {
		w->an->counters.skipped++;
		hin_log_limited(
			HIN_LOG_ERROR, "analyse.skipped", hin_log_text("kind", w->kind->name),
			hin_log_text("subject", w->text), hin_log_text("error", w->err->text));
		w->subject->finding = 0;
		code = hin_desk_run(desk, w->err, "ROLLBACK TO finding", "");
	}
	return code == HIN_OK ? hin_desk_run(desk, w->err, "RELEASE finding", "") : code;
}

enum hin_code analyse_write(struct hin_analyse *an, struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	uint32_t done = 0;

	if (an->news_count == 0)
		return HIN_OK;
	if (!an->in_transaction)
		code = hin_desk_begin(an->desk, err);
	an->in_transaction = an->in_transaction || code == HIN_OK;
	for (; done < an->news_count && code == HIN_OK; done++) {
		const struct news *n = &an->news[done];
		const struct hin_finding_kind *kind =
			hin_finding_kind_find(hin_rules[n->rule]->finding);
		const struct hin_word *technique =
			n->claim.technique != 0
				? hin_registry_find(HIN_REGISTRY_TECHNIQUES, n->claim.technique)
				: NULL;
		struct writing w = { .an = an,
				     .news = n,
				     .kind = kind,
				     .technique =
					     technique != NULL ? technique->name : kind->technique,
				     .subject = analyse_subject(an, n->subject),
				     .now_us = an->commit_us != 0 ? an->commit_us : n->when_us,
				     .err = err };

		code = write_or_skip(&w);
	}
	if (code != HIN_OK)
		return code;
	for (uint32_t i = 0; i < an->news_count; i++)
		analyse_subject(an, an->news[i].subject)->news = HIN_NONE;
	an->written += an->news_count;
	an->news_count = 0;
	return HIN_OK;
}

enum hin_code hin_analyse_commit(struct hin_analyse *an, int64_t now_us, struct hin_error *err)
{
	struct hin_error why = { 0 };
	enum hin_code code = HIN_OK;

	an->commit_us = now_us;
	if (an->failed) {
		why = an->failure;
		code = why.code;
	} else {
		code = analyse_write(an, &why);
	}
	if (code == HIN_OK && !an->in_transaction)
		return HIN_OK;
	if (code == HIN_OK)
		code = analyse_batches_write(an, &why);
	if (code == HIN_OK)
		code = hin_desk_commit(an->desk, &why);
	else if (an->in_transaction)
		hin_desk_rollback(an->desk);
	an->in_transaction = false;
	an->written = 0;
	if (code != HIN_OK) {
		an->counters.failed_commits++;
		if (err != NULL)
			*err = why;
		return code;
	}
	analyse_batches_written(an);
	an->counters.commits++;
	if (an->changed != NULL)
		an->changed(an->user);
	return HIN_OK;
}

/* ---- what is not seen any more ---- */

static enum hin_code keep(struct hin_analyse *an, int64_t now_us, int64_t *changed,
			  struct hin_error *err)
{
	const struct hin_keep keep = { .closed_us = an->settings.keep_closed_ns / 1000,
				       .stale_us = an->settings.stale_ns / 1000 };
	struct hin_kept done = { 0 };
	enum hin_code code = hin_keep_step(an->desk, &keep, now_us, &done, err);

	if (code == HIN_OK) {
		*changed += (int64_t)(done.stale + done.findings + done.cases + done.letters);
		an->counters.stale += done.stale;
		an->counters.summed_up += done.findings;
	}
	return code;
}

enum hin_code hin_analyse_tick(struct hin_analyse *an, int64_t now_us, struct hin_error *err)
{
	int64_t changed = 0;
	enum hin_code code = hin_desk_begin(an->desk, err);

	for (size_t i = 0; i < hin_rule_count && code == HIN_OK; i++) {
		const char *set = (const char *)an->runs[i].settings;
		int64_t idle_ns;

		memcpy(&idle_ns, set + hin_rules[i]->idle, sizeof(idle_ns));
		code = hin_desk_run(
			an->desk, err,
			"UPDATE finding SET live = 0 WHERE id IN (SELECT id FROM "
			"finding WHERE live = 1 AND kind = ?1 AND last_us < ?2 LIMIT ?3)",
			"tii", hin_rule_name(hin_rules[i]), now_us - idle_ns / 1000,
			(int64_t)TICK_MOST);
		changed += code == HIN_OK ? hin_desk_changed(an->desk) : 0;
	}
	if (code == HIN_OK)
		code = hin_desk_run(
			an->desk, err,
			"DELETE FROM finding WHERE id IN (SELECT id FROM finding INDEXED BY "
			"finding_alone WHERE last_us < ?1 AND told_us < ?1 AND live = 0 AND "
			"case_id IS NULL "
			"LIMIT ?2)",
			"ii", now_us - an->settings.keep_ns / 1000, (int64_t)TICK_MOST);
	if (code == HIN_OK) {
		changed += hin_desk_changed(an->desk);
		an->counters.forgotten += (uint64_t)hin_desk_changed(an->desk);
	}
	if (code == HIN_OK)
		code = keep(an, now_us, &changed, err);
	if (code == HIN_OK && changed > 0)
		code = hin_desk_commit(an->desk, err);
	else
		hin_desk_rollback(an->desk);
	if (code == HIN_OK && changed > 0 && an->changed != NULL)
		an->changed(an->user);
	return code;
}
