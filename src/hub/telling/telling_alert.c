/* telling_alert - cases that begin, grow worse or come back: operators know within moments */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/log.h"
#include "hub/telling/telling_priv.h"
#include "net/syslog.h"

#define CASES 200
#define TOGETHER 50 /* alerts of one message */
#define HOUR_US (3600 * US)
#define GIVE_UP_US (24 * HOUR_US)

/* ---- what is said ---- */

/* A case as its gravest finding has it; `name_ja` is its owner's in Japanese, as far as known. */
static enum hin_code case_facts(struct hin_desk *desk, int64_t id, struct hin_notice_facts *f,
				char name_ja[sizeof(f->organisation)], int64_t *told_us,
				struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT c.kind, c.subject, c.device, c.severity, c.first_us, c.last_us, f.address, "
		"f.port, f.proto, f.tool, f.confidence, f.packets, f.targets, coalesce(o.handle, "
		"''), coalesce(o.name, ''), coalesce(f.told_us, c.opened_us), "
		"coalesce(nullif(o.name_ja, ''), o.name, '') FROM case_ c "
		"LEFT JOIN finding f ON f.id = (SELECT id FROM finding WHERE case_id = c.id "
		"AND kind = c.kind ORDER BY last_us DESC LIMIT 1) "
		"LEFT JOIN organisation o ON o.id = c.organisation WHERE c.id = ?1",
		err);
	enum hin_code code;

	*f = (struct hin_notice_facts){ .case_id = id };
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "i", id);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code != HIN_OK)
		return code == HIN_EOF ? HIN_ENOENT : code;
	snprintf(f->kind, sizeof(f->kind), "%s", hin_desk_text(s, 0));
	snprintf(f->subject, sizeof(f->subject), "%s", hin_desk_text(s, 1));
	snprintf(f->device, sizeof(f->device), "%s", hin_desk_text(s, 2));
	(void)hin_severity_parse(&f->severity, hin_desk_text(s, 3));
	f->first_us = sqlite3_column_int64(s, 4);
	f->last_us = sqlite3_column_int64(s, 5);
	f->has_address = hin_desk_address(s, 6, &f->address);
	if (sqlite3_column_int64(s, 7) > 0) {
		f->ports[0].port = (uint16_t)sqlite3_column_int64(s, 7);
		f->ports[0].proto = (uint8_t)sqlite3_column_int64(s, 8);
		f->port_count = 1;
	}
	f->tool = (uint16_t)sqlite3_column_int64(s, 9);
	f->confidence = (uint8_t)sqlite3_column_int64(s, 10);
	f->packets = (uint64_t)sqlite3_column_int64(s, 11);
	f->targets = (uint64_t)sqlite3_column_int64(s, 12);
	snprintf(f->handle, sizeof(f->handle), "%s", hin_desk_text(s, 13));
	snprintf(f->organisation, sizeof(f->organisation), "%s", hin_desk_text(s, 14));
	*told_us = sqlite3_column_int64(s, 15);
	snprintf(name_ja, sizeof(f->organisation), "%s", hin_desk_text(s, 16));
	sqlite3_reset(s);
	return HIN_OK;
}

static const char *about_word(const char *about, enum hin_lang lang)
{
	static const struct {
		const char *about, *text[2];
	} words[] = {
		{ "opened", { "new", "新規" } },      { "worse", { "worse", "悪化" } },
		{ "reopened", { "again", "再開" } },  { "reappeared", { "back", "再発" } },
		{ "fixed", { "fixed", "解消" } },     { "no-owner", { "no owner", "所有者不明" } },
		{ "bounced", { "bounced", "不達" } }, { "failed", { "not sent", "送付失敗" } },
	};

	for (size_t i = 0; i < HIN_COUNT(words); i++)
		if (strncmp(words[i].about, about, strlen(words[i].about)) == 0)
			return words[i].text[lang];
	return about;
}

/* Title and text, with an empty line between. */
static enum hin_code write_text(struct telling *t, enum hin_lang lang, struct hin_notice_facts *f,
				const char *about, const char *reason, struct hin_buffer *out,
				struct hin_error *err)
{
	struct hin_buffer text = { 0 };
	enum hin_code code;

	f->about = about_word(about, lang);
	f->reason = reason;
	code = hin_notice_write(t->texts, HIN_NOTICE_TEXT_ALERT, lang, &t->office, f, out, &text,
				err);
	hin_buffer_puts(out, "\n\n");
	hin_buffer_add(out, text.data, text.used);
	hin_buffer_fini(&text);
	f->about = f->reason = NULL;
	return code;
}

enum hin_code telling_tell_operators(struct telling *t, struct hin_desk *desk, int64_t case_id,
				     enum hin_severity severity, const char *about,
				     const char *reason_en, const char *reason_ja, int64_t now_us,
				     struct hin_error *err)
{
	struct hin_notice_facts *f = calloc(1, sizeof(*f));
	char name_ja[sizeof(f->organisation)] = "";
	struct hin_buffer en = { 0 }, ja = { 0 };
	int64_t told_us = now_us;
	uint64_t written = 0;
	enum hin_code code = f != NULL ? HIN_OK : hin_fail(err, HIN_ENOMEM, "alert");

	if (t->table.count == 0) {
		free(f);
		return HIN_OK;
	}
	if (code == HIN_OK)
		code = case_facts(desk, case_id, f, name_ja, &told_us, err);
	if (code == HIN_ENOENT) { /* the case is gone */
		free(f);
		return HIN_OK;
	}
	if (code == HIN_OK)
		code = write_text(t, HIN_EN, f, about, reason_en, &en, err);
	if (code == HIN_OK) {
		snprintf(f->organisation, sizeof(f->organisation), "%s", name_ja);
		code = write_text(t, HIN_JA, f, about, reason_ja, &ja, err);
	}
	if (code == HIN_OK)
		code = hin_alert_write(desk, &t->table, case_id, severity, about,
				       hin_buffer_text(&en), hin_buffer_text(&ja), told_us, now_us,
				       &written, err);
	hin_buffer_fini(&en);
	hin_buffer_fini(&ja);
	free(f);
	if (code == HIN_OK && written > 0)
		hin_telling_wake(t->of);
	return code;
}

/* ---- cases that changed ---- */

struct changed {
	int64_t id, reopened;
	char state[16];
	enum hin_severity severity;
};

/*
 * A case that is worse before its first alert went out, as it is when a scan's second packet makes
 * a doubt certain: one alert says it, the later.
 */
static enum hin_code overtake(struct hin_desk *desk, const struct changed *c, char about[32],
			      struct hin_error *err)
{
	int64_t sent = 0;
	enum hin_code code = hin_desk_number(desk, &sent, err,
					     "SELECT count(*) FROM alert WHERE case_id = ?1 AND "
					     "about = 'opened' AND (sent_us > 0 OR attempts > 0)",
					     "i", c->id);

	if (code != HIN_OK || sent > 0)
		return code;
	snprintf(about, 32, "opened");
	return hin_desk_run(desk, err, "DELETE FROM alert WHERE case_id = ?1 AND about = 'opened'",
			    "i", c->id);
}

/* Why operators are told of a case now: "" = they are not. */
static enum hin_code reason_of(struct hin_desk *desk, const struct changed *c, char about[32],
			       struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT severity FROM alert WHERE case_id = ?1 AND (about LIKE 'opened%' OR about "
		"LIKE 'worse%' OR about LIKE 'reopened%')",
		err);
	enum hin_severity worst = HIN_SEVERITY_LOW, one;
	bool told = false;
	enum hin_code code;

	about[0] = '\0';
	if (strcmp(c->state, "new") != 0 && strcmp(c->state, "open") != 0)
		return HIN_OK;
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "i", c->id);
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK)
		if (hin_severity_parse(&one, hin_desk_text(s, 0))) {
			worst = !told || one > worst ? one : worst;
			told = true;
		}
	if (code != HIN_EOF)
		return code;
	if (c->reopened > 0)
		snprintf(about, 32, "reopened %" PRId64, c->reopened);
	else if (!told)
		snprintf(about, 32, "opened");
	else if (c->severity > worst)
		snprintf(about, 32, "worse");
	return strcmp(about, "worse") == 0 ? overtake(desk, c, about, err) : HIN_OK;
}

static enum hin_code read_changed(struct hin_desk *desk, struct changed out[CASES], size_t *count,
				  struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT t.case_id, coalesce(c.state, ''), coalesce(c.severity, 'low'), "
		"coalesce(c.reopened, 0) FROM alert_todo t LEFT JOIN case_ c ON c.id = t.case_id "
		"LIMIT ?1",
		err);
	enum hin_code code;

	*count = 0;
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "i", (int64_t)CASES);
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK) {
		struct changed *c = &out[(*count)++];

		*c = (struct changed){ .id = sqlite3_column_int64(s, 0),
				       .reopened = sqlite3_column_int64(s, 3) };
		snprintf(c->state, sizeof(c->state), "%s", hin_desk_text(s, 1));
		(void)hin_severity_parse(&c->severity, hin_desk_text(s, 2));
	}
	return code == HIN_EOF ? HIN_OK : code;
}

static enum hin_code take_cases(struct telling *t, struct hin_desk *desk, int64_t now_us,
				bool *more, struct hin_error *err)
{
	struct changed changed[CASES];
	size_t count = 0;
	int64_t any;
	enum hin_code code =
		hin_desk_number(desk, &any, err, "SELECT 1 FROM alert_todo LIMIT 1", "");

	*more = false;
	if (code != HIN_OK)
		return code == HIN_ENOENT ? HIN_OK : code;
	code = hin_desk_begin(desk, err);
	if (code != HIN_OK)
		return code;
	code = read_changed(desk, changed, &count, err);
	for (size_t i = 0; i < count && code == HIN_OK; i++) {
		char about[32];

		code = reason_of(desk, &changed[i], about, err);
		if (code == HIN_OK && about[0] != '\0')
			code = telling_tell_operators(t, desk, changed[i].id, changed[i].severity,
						      about, "", "", now_us, err);
		if (code == HIN_OK)
			code = hin_desk_run(desk, err, "DELETE FROM alert_todo WHERE case_id = ?1",
					    "i", changed[i].id);
	}
	*more = count == CASES;
	return telling_finish(desk, code, err);
}

/* ---- sending ---- */

/* Alerts that go to one place together. */
struct message {
	char channel[16], address[HIN_ALERT_ADDRESS], language[4];
	int64_t ids[TOGETHER], since_us, attempts, case_id, created_us;
	enum hin_severity severity;
	size_t count;
	struct hin_buffer title, text, json;
};

static void add_alert(struct message *m, sqlite3_stmt *s)
{
	const char *text = hin_desk_text(s, 4), *body = strstr(text, "\n\n");
	enum hin_severity severity = HIN_SEVERITY_LOW;
	size_t title = body != NULL ? (size_t)(body - text) : strlen(text);

	(void)hin_severity_parse(&severity, hin_desk_text(s, 3));
	if (m->count == 0) {
		hin_buffer_add(&m->title, text, title);
		m->case_id = sqlite3_column_int64(s, 1);
		m->since_us = sqlite3_column_int64(s, 6);
		m->created_us = sqlite3_column_int64(s, 7);
		hin_buffer_puts(&m->json, "{\"event\":\"alert\",\"alerts\":[");
	}
	m->severity = severity > m->severity ? severity : m->severity;
	hin_buffer_puts(&m->text, m->count > 0 ? "\n----\n\n" : "");
	if (m->count > 0)
		hin_buffer_puts(&m->json, ",");
	hin_buffer_puts(&m->text, body != NULL ? body + 2 : text);
	hin_buffer_printf(&m->json, "{\"case\":%" PRId64 ",\"severity\":\"%s\",\"about\":",
			  (int64_t)sqlite3_column_int64(s, 1), hin_severity_name(severity));
	hin_escape_json(&m->json, hin_desk_text(s, 2), strlen(hin_desk_text(s, 2)));
	hin_buffer_puts(&m->json, ",\"title\":");
	hin_escape_json(&m->json, text, title);
	hin_buffer_puts(&m->json, ",\"text\":");
	hin_escape_json(&m->json, body != NULL ? body + 2 : text,
			strlen(body != NULL ? body + 2 : text));
	hin_buffer_putc(&m->json, '}');
	m->attempts = sqlite3_column_int64(s, 5);
	m->ids[m->count++] = sqlite3_column_int64(s, 0);
}

/* The alerts that are due at the place of the first one. HIN_EOF: none is due. */
static enum hin_code read_message(struct hin_desk *desk, int64_t now_us, struct message *m,
				  struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT channel, address, language FROM alert WHERE sent_us = 0 AND due_us <= ?1 "
		"ORDER BY CASE severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 ELSE 2 END, id "
		"LIMIT 1",
		err);
	bool log;
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "i", now_us);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code != HIN_OK)
		return code;
	snprintf(m->channel, sizeof(m->channel), "%s", hin_desk_text(s, 0));
	snprintf(m->address, sizeof(m->address), "%s", hin_desk_text(s, 1));
	snprintf(m->language, sizeof(m->language), "%s", hin_desk_text(s, 2));
	sqlite3_reset(s);
	log = strcmp(m->channel, "syslog") == 0;
	s = hin_desk_statement(
		desk,
		"SELECT id, case_id, about, severity, text, attempts, since_us, created_us FROM "
		"alert WHERE sent_us = 0 AND due_us <= ?1 AND channel = ?2 AND address = ?3 ORDER "
		"BY CASE severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 ELSE 2 END, id LIMIT "
		"?4",
		err);
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "itti", now_us, m->channel, m->address,
			     (int64_t)(log ? 1 : TOGETHER));
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK)
		add_alert(m, s);
	hin_buffer_puts(&m->json, "]}\n");
	if (code == HIN_EOF && (m->title.failed || m->text.failed || m->json.failed))
		return hin_fail(err, HIN_ENOMEM, "alert");
	return code == HIN_EOF ? HIN_OK : code;
}

/* A log server may have all there is; people have a share for an hour, critical alerts aside. */
static enum hin_code may_go(struct telling *t, struct hin_desk *desk, const struct message *m,
			    int64_t now_us, bool *may, struct hin_error *err)
{
	int64_t sent = 0;
	enum hin_code code;

	*may = true;
	if (strcmp(m->channel, "syslog") == 0 || m->severity == HIN_SEVERITY_CRITICAL)
		return HIN_OK;
	code = hin_desk_number(desk, &sent, err,
			       "SELECT count(DISTINCT sent_us) FROM alert WHERE channel = ?1 AND "
			       "address = ?2 AND sent_us > ?3",
			       "tti", m->channel, m->address, now_us - HOUR_US);
	*may = sent < (int64_t)t->s.alerts_per_hour;
	return code;
}

static bool send_syslog(struct telling *t, const struct message *m, int64_t now_us,
			char answer[HIN_MAIL_ANSWER])
{
	static const enum hin_syslog_severity map[HIN_SEVERITIES] = {
		[HIN_SEVERITY_LOW] = HIN_SYSLOG_NOTICE,
		[HIN_SEVERITY_MEDIUM] = HIN_SYSLOG_WARNING,
		[HIN_SEVERITY_HIGH] = HIN_SYSLOG_ERROR,
		[HIN_SEVERITY_CRITICAL] = HIN_SYSLOG_CRITICAL,
	};
	char number[32];
	const struct hin_syslog_field fields[] = { { "case", number },
						   { "severity", hin_severity_name(m->severity) },
						   { NULL, NULL } };
	struct hin_buffer line = { 0 };
	struct hin_syslog *log = NULL;
	struct hin_error why = { 0 };
	bool done;

	snprintf(number, sizeof(number), "%" PRId64, m->case_id);
	hin_syslog_format(&line, map[m->severity], now_us * 1000, t->of->host, "alert", fields,
			  hin_buffer_text(&m->title));
	done = !line.failed && hin_syslog_open(&log, m->address, t->s.mail_ca, &why) == HIN_OK &&
	       hin_syslog_send(log, line.data, line.used, &why) == HIN_OK;
	hin_syslog_close(log);
	hin_buffer_fini(&line);
	snprintf(answer, HIN_MAIL_ANSWER, "%s", why.text);
	return done;
}

static bool send_mail(struct telling *t, const struct message *m, int64_t now_us,
		      char answer[HIN_MAIL_ANSWER])
{
	char id[HIN_MAIL_ADDRESS], title[300];
	struct hin_mail mail = { .from = t->s.mail_from,
				 .from_name = t->office.sender,
				 .to = m->address,
				 .subject = title,
				 .message_id = id,
				 .language = m->language,
				 .time_ns = m->created_us * 1000,
				 .important = m->severity >= HIN_SEVERITY_HIGH,
				 .text = hin_buffer_text(&m->text) };
	struct hin_buffer bytes = { 0 };
	struct hin_error why = { 0 };
	bool done;

	(void)now_us;
	/* the same for the same alerts: a repeat is known as one */
	snprintf(id, sizeof(id), "alert.%" PRId64 ".%zu@%s", m->ids[0], m->count, t->office.domain);
	if (m->count > 1)
		snprintf(title, sizeof(title), "%.200s (+%zu)", hin_buffer_text(&m->title),
			 m->count - 1);
	else
		snprintf(title, sizeof(title), "%.280s", hin_buffer_text(&m->title));
	if (t->s.mail_from == NULL || t->s.mail_from[0] == '\0') {
		snprintf(answer, HIN_MAIL_ANSWER, "mail.from is not set");
		return false;
	}
	done = hin_mail_build(&bytes, &mail, t->signer, &why) == HIN_OK &&
	       telling_mailer(t, &t->alerts, &why) == HIN_OK;
	if (!done)
		snprintf(answer, HIN_MAIL_ANSWER, "%s", why.text);
	else
		done = hin_mailer_send(t->alerts.mailer, t->s.mail_from, m->address, bytes.data,
				       bytes.used, answer) == HIN_MAIL_ACCEPTED;
	hin_buffer_fini(&bytes);
	return done;
}

static bool hand_over(struct telling *t, const struct message *m, int64_t now_us,
		      char answer[HIN_MAIL_ANSWER])
{
	struct hin_error why = { 0 };
	char id[64];

	if (strcmp(m->channel, "syslog") == 0)
		return send_syslog(t, m, now_us, answer);
	if (strcmp(m->channel, "mail") == 0)
		return send_mail(t, m, now_us, answer);
	if (telling_hook(t, &t->alerts, &why) != HIN_OK) {
		snprintf(answer, HIN_MAIL_ANSWER, "%s", why.text);
		return false;
	}
	snprintf(id, sizeof(id), "alert.%" PRId64 ".%zu", m->ids[0], m->count);
	return hin_webhook_send(t->alerts.hook, m->address, id, m->json.data, m->json.used,
				now_us / US, answer) == HIN_WEBHOOK_ACCEPTED;
}

static enum hin_code note_result(struct telling *t, struct hin_desk *desk, const struct message *m,
				 bool done, const char *answer, int64_t now_us,
				 struct hin_error *err)
{
	struct hin_buffer object = { 0 };
	struct hin_desk_act act = { .time_us = now_us,
				    .kind = done ? HIN_ACT_ALERT_SENT : HIN_ACT_ALERT_FAILED };
	bool over = !done && now_us - m->created_us > GIVE_UP_US;
	int64_t due = now_us + telling_backoff_us(&t->alerts, m->attempts + 1) / 4;
	enum hin_code code = hin_desk_begin(desk, err);

	if (code != HIN_OK)
		return code;
	hin_buffer_puts(&object, "{\"alerts\":[");
	for (size_t i = 0; i < m->count && code == HIN_OK; i++) {
		hin_buffer_printf(&object, "%s%" PRId64, i > 0 ? "," : "", m->ids[i]);
		/* one that is given up counts as done, with what was wrong */
		code = hin_desk_run(
			desk, err,
			"UPDATE alert SET sent_us = ?2, attempts = attempts + 1, error = "
			"?3, due_us = ?4 WHERE id = ?1",
			"iiti", m->ids[i], done || over ? now_us : (int64_t)0, done ? "" : answer,
			due);
	}
	hin_buffer_printf(&object, "],\"channel\":\"%s\",\"to\":", m->channel);
	hin_escape_json(&object, m->address, strlen(m->address));
	hin_buffer_putc(&object, '}');
	act.object = hin_buffer_text(&object);
	if (code == HIN_OK && (done || over))
		code = object.failed ? hin_fail(err, HIN_ENOMEM, "alert")
				     : hin_desk_act(desk, &act, NULL, err);
	hin_buffer_fini(&object);
	return telling_finish(desk, code, err);
}

/* How long it took from the finding, of what was not put off. */
static void measure(struct telling *t, const struct message *m, int64_t now_us)
{
	pthread_mutex_lock(&t->of->lock);
	if (m->attempts == 0 && now_us - m->since_us > t->of->stats.slowest_alert_us &&
	    now_us - m->created_us < HOUR_US)
		t->of->stats.slowest_alert_us = now_us - m->since_us;
	pthread_mutex_unlock(&t->of->lock);
}

/* `*more` is false when nothing is due. */
static enum hin_code send_message(struct telling *t, struct hin_desk *desk, int64_t now_us,
				  bool *more, struct hin_error *err)
{
	struct message *m = calloc(1, sizeof(*m));
	char answer[HIN_MAIL_ANSWER] = "";
	bool may = false, done;
	enum hin_code code =
		m != NULL ? read_message(desk, now_us, m, err) : hin_fail(err, HIN_ENOMEM, "alert");

	*more = code == HIN_OK;
	if (code == HIN_OK)
		code = may_go(t, desk, m, now_us, &may, err);
	if (code == HIN_OK && !may) {
		code = hin_desk_run(
			desk, err,
			"UPDATE alert SET due_us = ?4 WHERE sent_us = 0 AND channel = ?1 "
			"AND address = ?2 AND due_us <= ?3 AND severity <> 'critical'",
			"ttii", m->channel, m->address, now_us, now_us + HOUR_US / 6);
	} else if (code == HIN_OK) {
		done = hand_over(t, m, now_us, answer);
		if (done)
			measure(t, m, hin_time_now_ns() / 1000);
		else
			hin_log_limited(HIN_LOG_ERROR, "alert.not_sent",
					hin_log_text("to", m->address),
					hin_log_text("error", answer));
		if (done)
			telling_count(t, alerts_sent, m->count);
		else
			telling_count(t, alerts_failed, 1);
		code = note_result(t, desk, m, done, answer, now_us, err);
	}
	if (m != NULL) {
		hin_buffer_fini(&m->title);
		hin_buffer_fini(&m->text);
		hin_buffer_fini(&m->json);
	}
	free(m);
	return code == HIN_EOF ? HIN_OK : code;
}

enum hin_code telling_alert(struct telling *t, struct hin_desk *desk, int64_t now_us,
			    struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	int64_t soon = 0;
	bool more = true;

	while (code == HIN_OK && more && !telling_ends(t))
		code = take_cases(t, desk, now_us, &more, err);
	for (more = true; code == HIN_OK && more && !telling_ends(t);)
		code = send_message(t, desk, now_us, &more, err);
	if (code == HIN_OK)
		code = hin_desk_number(desk, &soon, err,
				       "SELECT count(*) FROM alert WHERE sent_us = 0 AND due_us <= "
				       "?1",
				       "i", now_us + 2 * HIN_ALERT_SETTLE_US);
	t->alerts.soon = soon > 0;
	return code;
}
