/* case - words, the history of cases, and what all changes share; see case.h */
#include "hub/case/case.h"

#include <stdio.h>
#include <string.h>

#include "hub/case/case_priv.h"
#include "hub/case/rows_priv.h"

#define HISTORY_PAGE 1000

/* ---- words ---- */

static const struct {
	const char *name, *text[2];
} states[] = {
#define X(name, word, en, ja) { word, { en, ja } },
	HIN_CASE_STATES(X)
#undef X
};

const char *hin_case_state_name(enum hin_case_state state)
{
	return states[state].name;
}

bool hin_case_state_parse(enum hin_case_state *out, const char *word)
{
	for (size_t i = 0; i < HIN_COUNT(states); i++) {
		if (strcmp(states[i].name, word) == 0) {
			*out = (enum hin_case_state)i;
			return true;
		}
	}
	return false;
}

const char *hin_case_state_text(enum hin_case_state state, enum hin_lang lang)
{
	return states[state].text[lang];
}

char *hin_case_title(const struct hin_case *c, enum hin_lang lang, char *out)
{
	if (c->given_title[0] != '\0')
		snprintf(out, HIN_CASE_TITLE, "%s", c->given_title);
	else
		snprintf(out, HIN_CASE_TITLE, "%s: %s", c->subject,
			 hin_finding_word(c->kind, lang));
	return out;
}

/* ---- history ---- */

#define EVENTS                                                                                     \
	"SELECT h.id, h.time_us, h.account, a.name, h.action, h.text, h.finding, h.act, "          \
	"coalesce(t.ledger, -1) FROM case_history h LEFT JOIN account a ON a.id = h.account "      \
	"LEFT JOIN act t ON t.id = h.act WHERE h.case_id = ?1 "

enum hin_code hin_case_history(struct hin_desk *desk, int64_t id, int64_t organisation,
			       int64_t after_id, unsigned limit, hin_case_event_fn call, void *user,
			       struct hin_error *err)
{
	static const char behind[] = EVENTS "AND h.id > ?2 ORDER BY h.id LIMIT ?3";
	static const char newest[] = "SELECT * FROM (" EVENTS "AND h.id > ?2 ORDER BY h.id DESC "
				     "LIMIT ?3) ORDER BY 1";
	struct case_head head;
	struct hin_case_event e;
	sqlite3_stmt *s;
	enum hin_code code = case_head_read(desk, id, organisation, &head, err);

	if (code != HIN_OK)
		return code;
	if (limit > HISTORY_PAGE)
		return hin_fail(err, HIN_ERANGE, "a page has at most %d events", HISTORY_PAGE);
	s = hin_desk_statement(desk, after_id == HIN_CASE_NEWEST ? newest : behind, err);
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "iii", id, after_id,
			     (int64_t)(limit > 0 ? limit : HISTORY_PAGE));
	while (rows_next(desk, s, &code, err)) {
		e.id = sqlite3_column_int64(s, 0);
		e.time_us = sqlite3_column_int64(s, 1);
		e.account = sqlite3_column_int64(s, 2);
		rows_copy(e.account_name, sizeof(e.account_name), s, 3);
		e.action = hin_desk_text(s, 4);
		e.text = hin_desk_text(s, 5);
		e.finding = sqlite3_column_int64(s, 6);
		e.act = sqlite3_column_int64(s, 7);
		e.ledger = sqlite3_column_int64(s, 8);
		if (!call(user, &e)) {
			sqlite3_reset(s);
			break;
		}
	}
	return code;
}

/* ---- for programs ---- */

void hin_case_json(const struct hin_case *c, struct hin_buffer *out)
{
	char title[HIN_CASE_TITLE];

	hin_buffer_printf(out, "{\"id\":%lld", (long long)c->id);
	rows_put_text(out, "title", hin_case_title(c, HIN_EN, title));
	rows_put_text(out, "title_ja", hin_case_title(c, HIN_JA, title));
	rows_put_text(out, "kind", c->kind);
	rows_put_text(out, "subject", c->subject);
	rows_put_text(out, "state", hin_case_state_name(c->state));
	rows_put_text(out, "severity", hin_severity_name(c->severity));
	rows_put_id(out, "organisation", c->organisation);
	rows_put_text(out, "handle", c->handle);
	rows_put_text(out, "device", c->device);
	rows_put_text(out, "campaign", c->campaign);
	rows_put_id(out, "assignee", c->assignee);
	rows_put_text(out, "assignee_name", c->assignee_name);
	rows_put_time(out, "opened", c->opened_us);
	rows_put_time(out, "updated", c->updated_us);
	rows_put_time(out, "first", c->first_us);
	rows_put_time(out, "last", c->last_us);
	rows_put_time(out, "closed", c->closed_us);
	rows_put_text(out, "reason", c->reason);
	rows_put_time(out, "until", c->until_us);
	rows_put_id(out, "merged_into", c->merged_into);
	hin_buffer_printf(out, ",\"reopened\":%u,\"findings\":%llu,\"live\":%llu}", c->reopened,
			  (unsigned long long)c->findings, (unsigned long long)c->live);
}

void hin_case_event_json(const struct hin_case_event *e, struct hin_buffer *out)
{
	hin_buffer_printf(out, "{\"id\":%lld", (long long)e->id);
	rows_put_time(out, "time", e->time_us);
	hin_buffer_printf(out, ",\"account\":%lld", (long long)e->account);
	rows_put_text(out, "account_name", e->account_name);
	rows_put_text(out, "action", e->action);
	rows_put_text(out, "text", e->text);
	rows_put_id(out, "finding", e->finding);
	rows_put_id(out, "act", e->act);
	hin_buffer_printf(out, ",\"ledger\":%lld}", (long long)e->ledger);
}

/* ---- what changes share ---- */

enum hin_code case_head_read(struct hin_desk *desk, int64_t id, int64_t organisation,
			     struct case_head *out, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT id, organisation, assignee, state, severity, first_us, last_us, closed_us, "
		"until_us FROM case_ WHERE id = ?1 AND (?2 = 0 OR organisation = ?2)",
		err);
	enum hin_code code = rows_one(desk, s, "case", id, organisation, err);

	if (code != HIN_OK)
		return code;
	*out = (struct case_head){ .id = sqlite3_column_int64(s, 0),
				   .organisation = sqlite3_column_int64(s, 1),
				   .assignee = sqlite3_column_int64(s, 2),
				   .state = HIN_CASE_OPEN,
				   .first_us = sqlite3_column_int64(s, 5),
				   .last_us = sqlite3_column_int64(s, 6),
				   .closed_us = sqlite3_column_int64(s, 7),
				   .until_us = sqlite3_column_int64(s, 8) };
	(void)hin_case_state_parse(&out->state, hin_desk_text(s, 3));
	(void)hin_severity_parse(&out->severity, hin_desk_text(s, 4));
	sqlite3_reset(s);
	return HIN_OK;
}

enum hin_code case_record(struct hin_desk *desk, const struct case_line *line,
			  struct hin_error *err)
{
	struct hin_buffer object = { 0 };
	struct hin_desk_act act = { .time_us = line->now_us,
				    .account = line->account,
				    .kind = line->act };
	int64_t id = 0;
	enum hin_code code;

	hin_buffer_printf(&object, "{\"case\":%lld,\"action\":\"%s\"", (long long)line->case_id,
			  line->action);
	if (line->finding != 0)
		hin_buffer_printf(&object, ",\"finding\":%lld", (long long)line->finding);
	if (line->other != 0)
		hin_buffer_printf(&object, ",\"about\":%lld", (long long)line->other);
	if (line->text[0] != '\0')
		rows_put_text(&object, "text", line->text);
	hin_buffer_putc(&object, '}');
	act.object = hin_buffer_text(&object);
	code = object.failed ? hin_fail(err, HIN_ENOMEM, "an act of a case")
			     : hin_desk_act(desk, &act, &id, err);
	hin_buffer_fini(&object);
	if (code != HIN_OK)
		return code;
	return hin_desk_run(
		desk, err,
		"INSERT INTO case_history (case_id, time_us, account, action, text, finding, act) "
		"VALUES (?1, ?2, ?3, ?4, ?5, nullif(?6, 0), ?7)",
		"iiittii", line->case_id, line->now_us, line->account, line->action, line->text,
		line->finding, id);
}

enum hin_code case_set_state(struct hin_desk *desk, int64_t id, enum hin_case_state state,
			     const char *reason, int64_t until_us, int64_t now_us,
			     struct hin_error *err)
{
	return hin_desk_run(desk, err,
			    "UPDATE case_ SET state = ?2, reason = coalesce(?3, reason), "
			    "until_us = ?4, updated_us = ?5, summed_us = 0, "
			    "closed_us = CASE WHEN ?6 THEN ?5 ELSE 0 END WHERE id = ?1",
			    "ittiii", id, hin_case_state_name(state), reason, until_us, now_us,
			    (int64_t)(state == HIN_CASE_CLOSED || state == HIN_CASE_FALSE_ALARM ||
				      state == HIN_CASE_MERGED));
}

void case_key_of(struct case_key *out, const char *kind, const char *subject_type,
		 const char *subject, int64_t organisation, const char *device)
{
	const char *inside = "inside:"; /* an address behind a translator: a lease's, no device's */

	out->basis = NULL;
	if (device[0] != '\0') {
		out->basis = strncmp(device, inside, strlen(inside)) == 0 ? "lease" : "device";
		snprintf(out->key, sizeof(out->key), "%lld/%s", (long long)organisation, device);
	} else if (strcmp(kind, "campaign") == 0) {
		out->basis = "campaign";
		snprintf(out->key, sizeof(out->key), "%s", subject);
	} else if (strcmp(subject_type, "sensor") == 0) {
		out->basis = "device";
		snprintf(out->key, sizeof(out->key), "sensor/%s", subject);
	} else if (strcmp(subject_type, "address") == 0 || strcmp(subject_type, "prefix") == 0) {
		out->basis = "address";
		snprintf(out->key, sizeof(out->key), "%s", subject);
	}
}
