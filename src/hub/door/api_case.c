/* api_case - cases: listed, shown, acted on; a member sees its own, without staff's words */
#include <stdio.h>

#include "hub/case/case.h"
#include "hub/door/api_rows.h"
#include "hub/telling/notice.h"

/* ---- what a member sees ---- */

static bool note_found(void *user, const struct hin_finding *f)
{
	struct hin_case *c = user;

	if (strcmp(f->kind, c->kind) != 0 || strcmp(f->subject, c->subject) != 0)
		return true;
	c->campaign[0] = '\0'; /* found: it is the member's own; see below */
	return false;
}

enum hin_code api_hide_case(struct api_call *call, struct hin_case *c, struct hin_error *err)
{
	const struct hin_finding_filter own = { .organisation = api_scope(call),
						.case_id = c->id,
						.limit = HIN_FINDING_PAGE };
	enum hin_code code;

	if (api_scope(call) == 0)
		return HIN_OK;
	c->given_title[0] = c->reason[0] = c->assignee_name[0] = '\0';
	c->assignee = c->merged_into = 0;
	snprintf(c->campaign, sizeof(c->campaign), "?");
	code = hin_finding_list(call->desk, &own, note_found, c, err);
	if (c->campaign[0] != '\0')
		c->kind[0] = c->subject[0] = '\0';
	c->campaign[0] = '\0';
	return code;
}

/* ---- reading ---- */

enum hin_code api_count_cases(struct api_call *call, const struct hin_case_filter *f, uint64_t *out,
			      struct hin_error *err)
{
	struct api_worker *w = call->worker;
	struct api_count now = { .organisation = f->organisation,
				 .assignee = f->assignee,
				 .states = f->states,
				 .least = f->least,
				 .used = true };
	bool plain = f->text == NULL && f->kind == NULL && f->address == NULL && f->since_us == 0 &&
		     f->until_us == 0;
	enum hin_code code;

	if (w == NULL || !plain)
		return hin_case_count(call->desk, f, out, err);
	code = hin_desk_version(call->desk, &now.version, err);
	if (code != HIN_OK)
		return code;
	for (size_t i = 0; i < API_COUNTS; i++) {
		const struct api_count *c = &w->counts[i];

		if (c->used && c->version == now.version && c->organisation == now.organisation &&
		    c->assignee == now.assignee && c->states == now.states &&
		    c->least == now.least) {
			*out = c->count;
			return HIN_OK;
		}
	}
	code = hin_case_count(call->desk, f, &now.count, err);
	if (code != HIN_OK)
		return code;
	w->counts[w->next_count++ % API_COUNTS] = now;
	*out = now.count;
	return HIN_OK;
}

static bool read_states(struct api_call *call, unsigned *out)
{
	const char *text = api_query(call, "state");

	if (text == NULL || text[0] == '\0')
		return true;
	*out = 0;
	if (strcmp(text, "all") == 0)
		return true;
	while (*text != '\0') {
		char word[32];
		size_t size = strcspn(text, ",");
		enum hin_case_state state;

		snprintf(word, sizeof(word), "%.*s", (int)(size < 31 ? size : 31), text);
		if (!hin_case_state_parse(&state, word)) {
			api_refuse(call, 400, "state",
				   "\"state\" is a list of new, open, closed, false_alarm, "
				   "suppressed, merged; or all");
			return false;
		}
		*out |= 1u << state;
		text += size + (text[size] == ',');
	}
	return true;
}

static bool read_words(struct api_call *call, struct hin_case_filter *f, struct hin_addr *address)
{
	const char *severity = api_query(call, "severity"), *at = api_query(call, "address");
	const char *sort = api_query(call, "sort"), *after = api_query(call, "after");

	if (sort != NULL && sort[0] != '\0' && !hin_case_sort_parse(&f->sort, sort)) {
		api_refuse(call, 400, "sort", "\"sort\" is weight, change or number");
		return false;
	}
	if (after != NULL && after[0] != '\0' && !hin_case_place_parse(&f->behind, after)) {
		api_refuse(call, 400, "after", "\"after\" is what the page before gave as next");
		return false;
	}
	f->text = api_query(call, "text");
	f->kind = api_query(call, "kind");
	f->own_text = api_scope(call) != 0; /* a member searches what it sees */
	if (f->text != NULL && f->text[0] == '\0')
		f->text = NULL;
	if (f->kind != NULL && f->kind[0] == '\0')
		f->kind = NULL;
	if (severity != NULL && severity[0] != '\0' && !hin_severity_parse(&f->least, severity)) {
		api_refuse(call, 400, "severity", "\"severity\" is low, medium, high or critical");
		return false;
	}
	if (at == NULL || at[0] == '\0')
		return true;
	if (hin_addr_parse(address, at) != HIN_OK) {
		api_refuse(call, 400, "address", "\"address\" is no IP address");
		return false;
	}
	f->address = address;
	return true;
}

/* `*limit` is the most on entry. */
static bool read_filter(struct api_call *call, struct hin_case_filter *f, struct hin_addr *address,
			int64_t *limit)
{
	int64_t most = *limit, organisation = 0, assignee = HIN_CASE_ANYBODY;

	hin_case_filter_default(f);
	if (!read_states(call, &f->states) || !read_words(call, f, address) ||
	    !api_query_number(call, "organisation", 1, INT64_MAX, &organisation) ||
	    !api_query_number(call, "assignee", 0, INT64_MAX, &assignee) ||
	    !api_query_number(call, "limit", 1, most, limit) ||
	    !api_query_time(call, "since", &f->since_us) ||
	    !api_query_time(call, "until", &f->until_us))
		return false;
	if (api_scope(call) != 0 && assignee != HIN_CASE_ANYBODY) {
		api_refuse(call, 400, "assignee",
			   "who works on a case is not told to members: leave out \"assignee\"");
		return false;
	}
	f->organisation = api_organisation(call, organisation);
	f->assignee = assignee;
	f->limit = (unsigned)(*limit < HIN_CASE_PAGE ? *limit : HIN_CASE_PAGE);
	return true;
}

/* Cases are kept while the list is read: what a member may see of each is asked after that. */
struct list {
	struct hin_case *cases;
	size_t count;
};

static bool take_case(void *user, const struct hin_case *c)
{
	struct list *list = user;

	list->cases[list->count++] = *c;
	return true;
}

static void write_list(struct api_call *call, const struct hin_case_filter *f,
		       const struct list *list, uint64_t count)
{
	struct hin_buffer *out = &call->out;
	char next[HIN_CASE_PLACE] = "";

	api_open(out, NULL, '{');
	api_open(out, "cases", '[');
	for (size_t i = 0; i < list->count; i++) {
		api_comma(out);
		hin_case_json(&list->cases[i], out);
	}
	hin_buffer_putc(out, ']');
	api_number(out, "count", (int64_t)count);
	if (list->count == f->limit)
		hin_case_place_print(next, &list->cases[list->count - 1]);
	api_text_or_null(out, "next", next);
	hin_buffer_puts(out, "}\n");
}

static void handle_list(struct api_call *call)
{
	struct hin_case_filter f;
	struct hin_addr address;
	struct list list = { 0 };
	struct hin_error err = { 0 };
	int64_t limit = HIN_CASE_PAGE;
	uint64_t count = 0;
	enum hin_code code;

	if (!read_filter(call, &f, &address, &limit))
		return;
	if (api_query(call, "limit") == NULL)
		f.limit = 100;
	list.cases = hin_arena_array(&call->arena, f.limit, sizeof(*list.cases));
	if (list.cases == NULL) {
		api_refuse(call, 503, "memory", "no memory: ask for fewer");
		return;
	}
	code = hin_desk_snapshot(call->desk, &err);
	if (code == HIN_OK)
		code = hin_case_list(call->desk, &f, take_case, &list, &err);
	if (code == HIN_OK)
		code = api_count_cases(call, &f, &count, &err);
	for (size_t i = 0; i < list.count && code == HIN_OK; i++)
		code = api_hide_case(call, &list.cases[i], &err);
	if (code == HIN_OK)
		write_list(call, &f, &list, count);
	else
		api_refuse_code(call, code, &err);
}

/* ---- taken away ---- */

#define EXPORT_CASES 100000

static void csv_time(struct hin_buffer *out, int64_t time_us)
{
	char text[HIN_TIME_TEXT];

	hin_buffer_putc(out, ',');
	if (time_us != 0)
		hin_buffer_puts(out, hin_time_format_iso(text, time_us * 1000, HIN_TIME_US));
}

static void csv_case(struct hin_buffer *out, const struct hin_case *c)
{
	char title[HIN_CASE_TITLE];
	const char *const cells[] = { hin_case_title(c, HIN_EN, title),
				      c->kind,
				      c->subject,
				      hin_case_state_name(c->state),
				      hin_severity_name(c->severity),
				      c->handle,
				      c->device,
				      c->campaign,
				      c->assignee_name,
				      c->reason };
	const int64_t times[] = { c->opened_us, c->updated_us, c->first_us, c->last_us,
				  c->closed_us };

	hin_buffer_printf(out, "%lld", (long long)c->id);
	for (size_t i = 0; i < HIN_COUNT(cells); i++) {
		hin_buffer_putc(out, ',');
		api_csv_cell(out, cells[i]);
	}
	for (size_t i = 0; i < HIN_COUNT(times); i++)
		csv_time(out, times[i]);
	hin_buffer_printf(out, ",%u,%llu,%llu\r\n", c->reopened, (unsigned long long)c->findings,
			  (unsigned long long)c->live);
}

/* Pages behind each other, in one snapshot. */
static enum hin_code csv_cases(struct api_call *call, struct hin_case_filter *f, struct list *list,
			       int64_t limit, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	do {
		list->count = 0;
		f->limit = (unsigned)(limit < HIN_CASE_PAGE ? limit : HIN_CASE_PAGE);
		code = hin_case_list(call->desk, f, take_case, list, err);
		for (size_t i = 0; i < list->count && code == HIN_OK; i++)
			csv_case(&call->out, &list->cases[i]);
		limit -= (int64_t)list->count;
		if (list->count > 0) {
			const struct hin_case *last = &list->cases[list->count - 1];

			f->behind =
				(struct hin_case_place){ last->rank, last->updated_us, last->id };
		}
	} while (code == HIN_OK && list->count == HIN_CASE_PAGE && limit > 0 && !call->out.failed);
	return code;
}

void api_export_cases(struct api_call *call)
{
	static const char titles[] = "id,title,kind,subject,state,severity,organisation,device,"
				     "campaign,assignee,reason,opened,updated,first,last,closed,"
				     "reopened,findings,live\r\n";
	int64_t limit = EXPORT_CASES;
	struct hin_case_filter f;
	struct hin_addr address;
	struct list list = { 0 };
	struct hin_error err = { 0 };
	enum hin_code code;

	if (!read_filter(call, &f, &address, &limit) ||
	    !api_note_export(call, "cases", api_query(call, "state"), "csv", f.since_us,
			     f.until_us))
		return;
	list.cases = hin_arena_array(&call->arena, HIN_CASE_PAGE, sizeof(*list.cases));
	if (list.cases == NULL) {
		api_refuse(call, 503, "memory", "no memory: ask for fewer");
		return;
	}
	hin_buffer_puts(&call->out, titles);
	code = hin_desk_snapshot(call->desk, &err);
	if (code == HIN_OK)
		code = csv_cases(call, &f, &list, limit, &err);
	if (code == HIN_OK)
		api_as_file(call, "text/csv; charset=utf-8", "cases", "csv");
	else
		api_refuse_code(call, code, &err);
}

static bool take_finding(void *user, const struct hin_finding *f)
{
	struct api_call *call = user;

	api_comma(&call->out);
	hin_finding_json(f, &call->out);
	return !call->out.failed;
}

static void handle_get(struct api_call *call)
{
	struct hin_finding_filter findings = { .organisation = api_scope(call),
					       .case_id = api_path_number(call, 0),
					       .limit = HIN_FINDING_PAGE };
	struct hin_notice_filter notices = { .organisation = api_scope(call),
					     .case_id = findings.case_id,
					     .limit = 100 };
	struct hin_buffer *out = &call->out;
	struct hin_error err = { 0 };
	struct hin_case c;
	enum hin_code code;

	if (findings.case_id == 0)
		return;
	code = hin_desk_snapshot(call->desk, &err);
	if (code == HIN_OK)
		code = hin_case_get(call->desk, findings.case_id, api_scope(call), &c, &err);
	if (code == HIN_OK)
		code = api_hide_case(call, &c, &err);
	if (code == HIN_OK) {
		api_open(out, NULL, '{');
		api_key(out, "case");
		hin_case_json(&c, out);
		api_open(out, "findings", '[');
		code = hin_finding_list(call->desk, &findings, take_finding, call, &err);
		hin_buffer_putc(out, ']');
	}
	if (code == HIN_OK) {
		api_key(out, "notices");
		code = hin_notice_list_json(call->desk, &notices, out, &err);
		hin_buffer_puts(out, "}\n");
	}
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

static bool take_event(void *user, const struct hin_case_event *event)
{
	struct api_call *call = user;
	struct hin_case_event shown = *event;
	bool own = event->account != 0 && event->account == call->who.account.id;

	if (api_scope(call) != 0 && !own) { /* what the staff writes may name others */
		shown.text = "";
		shown.account_name[0] = '\0';
		shown.account = 0;
		shown.finding = 0;
	}
	api_comma(&call->out);
	hin_case_event_json(&shown, &call->out);
	return !call->out.failed;
}

static void handle_history(struct api_call *call)
{
	int64_t id = api_path_number(call, 0), after = 0, limit = 1000;
	struct hin_error err = { 0 };
	struct hin_case c;
	enum hin_code code;

	if (id == 0 || !api_query_number(call, "after", 0, INT64_MAX, &after) ||
	    !api_query_number(call, "limit", 1, API_PAGE_MOST, &limit))
		return;
	code = hin_case_get(call->desk, id, api_scope(call), &c, &err);
	if (code == HIN_OK) {
		api_open(&call->out, NULL, '{');
		api_open(&call->out, "history", '[');
		code = hin_case_history(call->desk, id, api_scope(call), after, (unsigned)limit,
					take_event, call, &err);
		hin_buffer_puts(&call->out, "]}\n");
	}
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

/* ---- acting ---- */

struct change {
	struct hin_case_actor by;
	const int64_t *ids;
	size_t count;
	const char *action, *text;
	int64_t account, into, until_us, made;
	int64_t *findings;
	size_t finding_count;
};

static enum hin_code apply(struct api_call *call, struct change *c, struct hin_error *err)
{
	struct hin_desk *desk = call->desk;
	const char *a = c->action;

	if (strcmp(a, "assign") == 0)
		return hin_case_assign(desk, &c->by, c->ids, c->count, c->account, err);
	if (strcmp(a, "note") == 0)
		return hin_case_note(desk, &c->by, c->ids, c->count, c->text, err);
	if (strcmp(a, "close") == 0)
		return hin_case_close(desk, &c->by, c->ids, c->count, c->text, err);
	if (strcmp(a, "reopen") == 0)
		return hin_case_reopen(desk, &c->by, c->ids, c->count, c->text, err);
	if (strcmp(a, "false-alarm") == 0)
		return hin_case_false_alarm(desk, &c->by, c->ids, c->count, c->text, err);
	if (strcmp(a, "suppress") == 0)
		return hin_case_suppress(desk, &c->by, c->ids, c->count, c->until_us, c->text, err);
	if (strcmp(a, "merge") == 0)
		return hin_case_merge(desk, &c->by, c->into, c->ids, c->count, c->text, err);
	if (strcmp(a, "title") == 0 && c->count == 1)
		return hin_case_retitle(desk, &c->by, c->ids[0], c->text, err);
	if (strcmp(a, "split") == 0 && c->count == 1 && c->findings != NULL)
		return hin_case_split(desk, &c->by, c->ids[0], c->findings, c->finding_count,
				      c->text, &c->made, err);
	return hin_fail(err, HIN_EUSAGE,
			"\"action\" must be assign, note, title, close, reopen, false-alarm, "
			"suppress, merge or split (title and split: one case)");
}

static void act(struct api_call *call, const int64_t *ids, size_t count)
{
	bool good = true;
	struct change c = { .by = { call->who.account.id, api_scope(call), call->now_us },
			    .ids = ids,
			    .count = count };
	struct hin_error err = { 0 };
	enum hin_code code;

	c.action = api_body_text(call, "action", 32, true, &good);
	c.text = api_body_text(call, "text", HIN_CASE_TEXT, false, &good);
	c.account = api_body_number(call, "account", 0, INT64_MAX, 0, &good);
	c.into = api_body_number(call, "into", 1, INT64_MAX, 0, &good);
	c.until_us = api_body_time(call, "until", &good);
	if (good && json_object_get(call->body, "findings") != NULL) {
		c.findings = api_body_numbers(call, "findings", 10000, &c.finding_count);
		good = c.findings != NULL;
	}
	if (!good)
		return;
	if (c.text == NULL)
		c.text = "";
	if (api_scope(call) != 0 && strcmp(c.action, "note") != 0) {
		api_refuse(call, 403, "role", "a member may add notes to its cases");
		return;
	}
	code = apply(call, &c, &err);
	if (code == HIN_OK && c.made != 0)
		hin_buffer_printf(&call->out, "{\"case\":%lld}\n", (long long)c.made);
	else if (code == HIN_OK)
		hin_buffer_puts(&call->out, "{}\n");
	else
		api_refuse_code(call, code, &err);
}

#define MEMBERS "action text account into until findings"

static void handle_act(struct api_call *call)
{
	int64_t id = api_path_number(call, 0);

	if (id != 0 && api_body_only(call, MEMBERS))
		act(call, &id, 1);
}

static void handle_bulk(struct api_call *call)
{
	int64_t *ids;
	size_t count;

	if (!api_body_only(call, MEMBERS " cases"))
		return;
	ids = api_body_numbers(call, "cases", HIN_CASE_BULK, &count);
	if (ids != NULL)
		act(call, ids, count);
}

#define V "/api/v1"

const struct api_route api_case_routes[] = {
	{ "GET", V "/cases", API_PEOPLE, HIN_SCOPE_READ, API_RATE_PLAIN, API_LANE_READ, "listCases",
	  "state severity assignee text kind address organisation since until sort after limit", 0,
	  handle_list, NULL },
	{ "POST", V "/cases/actions", API_ACTORS | API_MEMBER, HIN_SCOPE_CASES, API_RATE_PLAIN,
	  API_LANE_WRITE, "actOnCases", "", API_FLAG_BODY, handle_bulk, NULL },
	{ "GET", V "/cases/{id}", API_PEOPLE, HIN_SCOPE_READ, API_RATE_PLAIN, API_NOW, "getCase",
	  "", 0, handle_get, NULL },
	{ "GET", V "/cases/{id}/history", API_PEOPLE, HIN_SCOPE_READ, API_RATE_PLAIN, API_NOW,
	  "getCaseHistory", "after limit", 0, handle_history, NULL },
	{ "POST", V "/cases/{id}/actions", API_ACTORS | API_MEMBER, HIN_SCOPE_CASES, API_RATE_PLAIN,
	  API_LANE_WRITE, "actOnCase", "", API_FLAG_BODY, handle_act, NULL },
};
const size_t api_case_route_count = HIN_COUNT(api_case_routes);
