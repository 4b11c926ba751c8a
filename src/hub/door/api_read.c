/* api_read - findings, addresses, notices, alerts, owners */
#include <stdio.h>
#include <stdlib.h>

#include "hub/case/about.h"
#include "hub/door/api_rows.h"
#include "hub/telling/telling.h"

/* ---- findings ---- */

static bool take_finding(void *user, const struct hin_finding *f)
{
	struct api_call *call = user;

	api_comma(&call->out);
	hin_finding_json(f, &call->out);
	return !call->out.failed;
}

static void handle_findings(struct api_call *call)
{
	struct hin_finding_filter f = { 0 };
	const char *severity = api_query(call, "severity");
	int64_t limit = 100, organisation = 0, live = 0;
	struct hin_addr address;
	struct hin_error err = { 0 };
	bool has_address;
	enum hin_code code;

	if (!api_query_address(call, "address", &address, &has_address) ||
	    !api_query_number(call, "case", 1, INT64_MAX, &f.case_id) ||
	    !api_query_number(call, "organisation", 1, INT64_MAX, &organisation) ||
	    !api_query_number(call, "before", 0, INT64_MAX, &f.before_id) ||
	    !api_query_number(call, "live", 0, 1, &live) ||
	    !api_query_number(call, "limit", 1, HIN_FINDING_PAGE, &limit) ||
	    !api_query_time(call, "since", &f.since_us) ||
	    !api_query_time(call, "until", &f.until_us))
		return;
	if (severity != NULL && !hin_severity_parse(&f.least, severity)) {
		api_refuse(call, 400, "severity", "\"severity\" is low, medium, high or critical");
		return;
	}
	f.organisation = api_organisation(call, organisation);
	f.address = has_address ? &address : NULL;
	f.kind = api_query(call, "kind");
	f.device = api_query(call, "device");
	f.live = live != 0;
	f.limit = (unsigned)limit;
	api_open(&call->out, NULL, '{');
	api_open(&call->out, "findings", '[');
	code = hin_finding_list(call->desk, &f, take_finding, call, &err);
	hin_buffer_puts(&call->out, "]}\n");
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

static void handle_finding(struct api_call *call)
{
	int64_t id = api_path_number(call, 0);
	struct hin_finding finding;
	struct hin_error err = { 0 };
	enum hin_code code;

	if (id == 0)
		return;
	code = hin_finding_get(call->desk, id, api_scope(call), &finding, &err);
	if (code == HIN_OK)
		hin_finding_json(&finding, &call->out);
	else
		api_refuse_code(call, code, &err);
}

/* ---- everything about an address ---- */

/* May a member ask about it? Only when it is the member's own now. */
static bool is_own(struct api_call *call, const struct hin_owners *owners,
		   const struct hin_addr *address)
{
	struct hin_owner owner;

	return api_scope(call) == 0 ||
	       (hin_owners_find(owners, address, HIN_OWNERS_ANY_PORT, call->now_us, &owner) &&
		owner.organisation == api_scope(call));
}

/* The same as of cases in a list: what may name somebody else goes. */
static void hide_cases(struct hin_about *about)
{
	for (size_t i = 0; i < about->case_count; i++) {
		struct hin_case *c = &about->cases[i];

		c->given_title[0] = c->reason[0] = c->assignee_name[0] = '\0';
		c->campaign[0] = c->kind[0] = c->subject[0] = '\0';
		c->assignee = c->merged_into = 0;
	}
}

static enum hin_code look_about(struct api_call *call, struct hin_about_question *q,
				struct hin_about *out, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (api_scope(call) == 0 && call->api->settings.store != NULL) {
		code = api_store(call, &q->store, err);
		if (code == HIN_ENOENT)
			code = HIN_OK;
	}
	if (code == HIN_OK)
		code = hin_about_address(out, q, err);
	if (code == HIN_OK && api_scope(call) != 0)
		hide_cases(out);
	return code;
}

bool api_about(struct api_call *call, struct hin_about *out, struct hin_owners **held)
{
	struct hin_about_question q = { .organisation = api_scope(call),
					.now_us = call->now_us,
					.desk = call->desk };
	struct hin_error err = { 0 };
	struct hin_owners *owners;
	enum hin_code code;

	if (hin_addr_parse(&q.address, call->path[0]) != HIN_OK) {
		api_refuse(call, 404, "address", "this is no IP address");
		return false;
	}
	if (!api_query_time(call, "since", &q.since_us) ||
	    !api_query_time(call, "until", &q.until_us))
		return false;
	owners = call->api->settings.owners != NULL ? hin_owners_box_get(call->api->settings.owners)
						    : NULL;
	q.owners = owners;
	if (is_own(call, owners, &q.address))
		code = look_about(call, &q, out, &err);
	else
		code = hin_fail(&err, HIN_ENOENT, "this address is not your organisation's");
	if (code == HIN_OK) {
		*held = owners; /* texts of the answer are its */
		return true;
	}
	hin_owners_unref(owners);
	api_refuse_code(call, code, &err);
	return false;
}

static void handle_address(struct api_call *call)
{
	struct hin_owners *owners;
	struct hin_about about;

	if (!api_about(call, &about, &owners))
		return;
	hin_about_json(&about, &call->out);
	hin_about_fini(&about);
	hin_owners_unref(owners);
}

/* ---- notices ---- */

static void handle_notices(struct api_call *call)
{
	struct hin_notice_filter f = { .state = api_query(call, "state") };
	int64_t limit = 100, organisation = 0;
	struct hin_error err = { 0 };
	enum hin_code code;

	if (!api_query_number(call, "case", 1, INT64_MAX, &f.case_id) ||
	    !api_query_number(call, "organisation", 1, INT64_MAX, &organisation) ||
	    !api_query_number(call, "before", 0, INT64_MAX, &f.before) ||
	    !api_query_number(call, "limit", 1, API_PAGE_MOST, &limit))
		return;
	f.organisation = api_organisation(call, organisation);
	f.limit = (uint64_t)limit;
	api_open(&call->out, NULL, '{');
	api_key(&call->out, "notices");
	code = hin_notice_list_json(call->desk, &f, &call->out, &err);
	hin_buffer_puts(&call->out, "}\n");
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

static enum hin_code count_row(void *user, const struct hin_notice_row *row, struct hin_error *err)
{
	(void)row, (void)err;
	++*(unsigned *)user;
	return HIN_OK;
}

/* Is the notice there, for the one who asks? */
static int64_t own_notice(struct api_call *call)
{
	int64_t id = api_path_number(call, 0);
	const struct hin_notice_filter f = { .organisation = api_scope(call), .id = id };
	struct hin_error err = { 0 };
	unsigned count = 0;
	enum hin_code code;

	if (id == 0)
		return 0;
	code = hin_notice_each(call->desk, &f, count_row, &count, &err);
	if (code == HIN_OK && count > 0)
		return id;
	if (code == HIN_OK)
		code = hin_fail(&err, HIN_ENOENT, "there is no such notice");
	api_refuse_code(call, code, &err);
	return 0;
}

static void handle_notice(struct api_call *call)
{
	int64_t id = own_notice(call);
	struct hin_error err = { 0 };
	enum hin_code code;

	if (id == 0)
		return;
	code = hin_notice_json(call->desk, id, &call->out, &err);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

static void handle_notice_act(struct api_call *call)
{
	int64_t id, by = call->who.account.id;
	struct hin_error err = { 0 };
	const char *action, *text;
	bool good = api_body_only(call, "action text");
	enum hin_code code;

	action = api_body_text(call, "action", 32, true, &good);
	text = api_body_text(call, "text", 2000, false, &good);
	id = good ? own_notice(call) : 0;
	if (id == 0)
		return;
	if (strcmp(action, "release") == 0)
		code = hin_notice_release(call->desk, id, by, call->now_us, &err);
	else if (strcmp(action, "withdraw") == 0)
		code = hin_notice_withdraw(call->desk, id, by, text != NULL ? text : "",
					   call->now_us, &err);
	else
		code = hin_fail(&err, HIN_EUSAGE, "\"action\" must be release or withdraw");
	if (code == HIN_OK)
		hin_buffer_puts(&call->out, "{}\n");
	else
		api_refuse_code(call, code, &err);
}

void api_write_figure(struct hin_buffer *out, const struct hin_notice_figure *f)
{
	api_open(out, NULL, '{');
	api_text(out, "name", f->name);
	api_number(out, "told", (int64_t)f->told);
	api_number(out, "fixed", (int64_t)f->fixed);
	api_number(out, "reappeared", (int64_t)f->reappeared);
	api_number(out, "open", (int64_t)f->open);
	api_number(out, "waiting", (int64_t)f->waiting);
	api_number(out, "no_owner", (int64_t)f->no_owner);
	api_number(out, "bounced", (int64_t)f->bounced);
	api_number(out, "failed", (int64_t)f->failed);
	api_number(out, "median_fix_s", f->median_fix_us / 1000000);
	api_number(out, "p90_fix_s", f->p90_fix_us / 1000000);
	hin_buffer_putc(out, '}');
}

static void handle_figures(struct api_call *call)
{
	static const char *const words[] = { "all", "owner", "sector", "kind" };
	const char *by = api_query(call, "by");
	struct hin_notice_figure *figures = NULL;
	int64_t since_us = 0, until_us = 0;
	struct hin_error err = { 0 };
	size_t count = 0, which = 0;
	enum hin_code code;

	while (by != NULL && which < HIN_COUNT(words) && strcmp(words[which], by) != 0)
		which++;
	if (which == HIN_COUNT(words)) {
		api_refuse(call, 400, "by", "\"by\" is all, owner, sector or kind");
		return;
	}
	if (!api_query_time(call, "since", &since_us) || !api_query_time(call, "until", &until_us))
		return;
	code = hin_notice_figures(call->desk, (enum hin_notice_by)which, since_us, until_us,
				  &figures, &count, &err);
	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return;
	}
	api_open(&call->out, NULL, '{');
	api_open(&call->out, "figures", '[');
	for (size_t i = 0; i < count; i++)
		api_write_figure(&call->out, &figures[i]);
	hin_buffer_puts(&call->out, "]}\n");
	free(figures);
}

/* ---- rows of the desk that no module writes as JSON ---- */

static const struct api_column alert_columns[] = {
	{ "id", 'i' },	    { "case", 'i' },	 { "severity", 't' }, { "channel", 't' },
	{ "address", 't' }, { "text", 't' },	 { "created", 'u' },  { "due", 'u' },
	{ "sent", 'u' },    { "attempts", 'i' }, { "error", 't' },
};

static void handle_alerts(struct api_call *call)
{
	int64_t before = INT64_MAX, limit = 100, case_id = 0;
	struct hin_error err = { 0 };
	sqlite3_stmt *s;
	enum hin_code code = HIN_EFORMAT;

	if (!api_query_number(call, "before", 1, INT64_MAX, &before) ||
	    !api_query_number(call, "case", 1, INT64_MAX, &case_id) ||
	    !api_query_number(call, "limit", 1, API_PAGE_MOST, &limit))
		return;
	api_open(&call->out, NULL, '{');
	api_open(&call->out, "alerts", '[');
	s = hin_desk_statement(call->desk,
			       "SELECT id, case_id, severity, channel, address, text, created_us, "
			       "due_us, sent_us, attempts, error FROM alert WHERE id < ?1 AND (?2 "
			       "= 0 OR case_id = ?2) ORDER BY id DESC LIMIT ?3",
			       &err);
	if (s != NULL)
		code = hin_desk_bind(call->desk, s, &err, "iii", before, case_id, limit);
	if (code == HIN_OK)
		code = api_rows_json(call, s, alert_columns, HIN_COUNT(alert_columns), &err);
	hin_buffer_puts(&call->out, "]}\n");
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

static const struct api_column organisation_columns[] = {
	{ "id", 'i' },	    { "handle", 't' },	 { "name", 't' },    { "name_ja", 't' },
	{ "country", 't' }, { "language", 't' }, { "sector", 't' },  { "tlp", 't' },
	{ "member", 'b' },  { "source", 't' },	 { "updated", 'u' },
};

#define ORGANISATION                                                                               \
	"SELECT id, handle, name, name_ja, country, language, sector, tlp, member, source, "       \
	"updated_us FROM organisation "

static void handle_organisations(struct api_call *call)
{
	const char *text = api_query(call, "text");
	int64_t after = 0, limit = 100;
	struct hin_error err = { 0 };
	sqlite3_stmt *s;
	enum hin_code code = HIN_EFORMAT;

	if (!api_query_number(call, "after", 0, INT64_MAX, &after) ||
	    !api_query_number(call, "limit", 1, API_PAGE_MOST, &limit))
		return;
	api_open(&call->out, NULL, '{');
	api_open(&call->out, "organisations", '[');
	s = hin_desk_statement(call->desk,
			       ORGANISATION
			       "WHERE id > ?1 AND (?2 = 0 OR id = ?2) AND (?3 = '' OR "
			       "instr(lower(handle || ' ' || name || ' ' || name_ja), lower(?3)) > "
			       "0) ORDER BY id LIMIT ?4",
			       &err);
	if (s != NULL)
		code = hin_desk_bind(call->desk, s, &err, "iiti", after, api_scope(call),
				     text != NULL ? text : "", limit);
	if (code == HIN_OK)
		code = api_rows_json(call, s, organisation_columns, HIN_COUNT(organisation_columns),
				     &err);
	hin_buffer_puts(&call->out, "]}\n");
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

static const struct api_column contact_columns[] = {
	{ "id", 'i' },		 { "role", 't' },     { "channel", 't' },
	{ "address", 't' },	 { "language", 't' }, { "state", 't' },
	{ "state_reason", 't' }, { "quiet", 't' },    { "digest", 't' },
};

static const struct api_column holding_columns[] = {
	{ "id", 'i' },	 { "kind", 't' },  { "low", 'a' },    { "high", 'a' }, { "asn", 'd' },
	{ "name", 't' }, { "label", 't' }, { "source", 't' }, { "from", 'u' }, { "until", 'u' },
};

static enum hin_code write_part(struct api_call *call, const char *name, const char *sql,
				const struct api_column *columns, size_t count, int64_t id,
				struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(call->desk, sql, err);
	enum hin_code code = s != NULL ? hin_desk_bind(call->desk, s, err, "i", id) : HIN_EFORMAT;

	api_open(&call->out, name, '[');
	if (code == HIN_OK)
		code = api_rows_json(call, s, columns, count, err);
	hin_buffer_putc(&call->out, ']');
	return code;
}

static void handle_organisation(struct api_call *call)
{
	int64_t id = api_path_number(call, 0);
	struct hin_error err = { 0 };
	sqlite3_stmt *s;
	enum hin_code code = HIN_EFORMAT;

	if (id == 0)
		return;
	if (api_scope(call) != 0 && api_scope(call) != id) {
		api_refuse(call, 404, "not-found", "there is no such organisation");
		return;
	}
	s = hin_desk_statement(call->desk, ORGANISATION "WHERE id = ?1", &err);
	if (s != NULL)
		code = hin_desk_bind(call->desk, s, &err, "i", id);
	if (code == HIN_OK)
		code = hin_desk_step(call->desk, s, &err);
	if (code == HIN_EOF)
		code = hin_fail(&err, HIN_ENOENT, "there is no such organisation");
	if (code == HIN_OK) {
		api_open(&call->out, NULL, '{');
		api_key(&call->out, "organisation");
		api_columns_json(&call->out, s, organisation_columns,
				 HIN_COUNT(organisation_columns));
		sqlite3_reset(s);
	}
	if (code == HIN_OK)
		code = write_part(call, "contacts",
				  "SELECT id, role, channel, address, language, state, "
				  "state_reason, quiet, digest FROM contact WHERE organisation = "
				  "?1 ORDER BY id LIMIT 1000",
				  contact_columns, HIN_COUNT(contact_columns), id, &err);
	if (code == HIN_OK)
		code = write_part(call, "holdings",
				  "SELECT id, kind, low, high, asn, name, label, source, from_us, "
				  "until_us FROM holding WHERE organisation = ?1 ORDER BY id LIMIT "
				  "10000",
				  holding_columns, HIN_COUNT(holding_columns), id, &err);
	hin_buffer_puts(&call->out, "}\n");
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

/* ---- the hub and its sensors ---- */

static void handle_status(struct api_call *call)
{
	if (call->api->settings.status != NULL)
		call->api->settings.status(call->api->settings.user, &call->out);
	else
		hin_buffer_puts(&call->out, "{}\n");
}

#define V "/api/v1"
#define READ API_PEOPLE, HIN_SCOPE_READ, API_RATE_PLAIN
#define STAFF API_STAFF, HIN_SCOPE_READ, API_RATE_PLAIN

const struct api_route api_read_routes[] = {
	{ "GET", V "/findings", READ, API_LANE_READ, "listFindings",
	  "kind severity address device organisation case live since until before limit", 0,
	  handle_findings, NULL },
	{ "GET", V "/findings/{id}", READ, API_NOW, "getFinding", "", 0, handle_finding, NULL },
	{ "GET", V "/addresses/{address}", READ, API_LANE_QUERY, "getAddress", "since until", 0,
	  handle_address, NULL },
	{ "GET", V "/notices", READ, API_LANE_READ, "listNotices",
	  "state case organisation before limit", 0, handle_notices, NULL },
	{ "GET", V "/notices/{id}", READ, API_NOW, "getNotice", "", 0, handle_notice, NULL },
	{ "POST", V "/notices/{id}/actions", API_OPERATOR | API_ADMINISTRATOR, HIN_SCOPE_NOTICES,
	  API_RATE_PLAIN, API_LANE_WRITE, "actOnNotice", "", API_FLAG_BODY, handle_notice_act,
	  NULL },
	{ "GET", V "/figures", STAFF, API_LANE_READ, "getFigures", "by since until", 0,
	  handle_figures, NULL },
	{ "GET", V "/alerts", STAFF, API_LANE_READ, "listAlerts", "case before limit", 0,
	  handle_alerts, NULL },
	{ "GET", V "/organisations", READ, API_LANE_READ, "listOrganisations", "text after limit",
	  0, handle_organisations, NULL },
	{ "GET", V "/organisations/{id}", READ, API_LANE_READ, "getOrganisation", "", 0,
	  handle_organisation, NULL },
	{ "GET", V "/status", STAFF, API_NOW, "getStatus", "", 0, handle_status, NULL },
};
const size_t api_read_route_count = HIN_COUNT(api_read_routes);
