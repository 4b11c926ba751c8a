/* page_case - cases, one case, all about an address, and the ledger's head on the plain page */
#include <stdio.h>
#include <stdlib.h>

#include "base/escape.h"
#include "hub/case/about.h"
#include "hub/door/page.h"
#include "trust/ledger.h"

#define ROWS 50

/* ---- the list ---- */

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

static void severity(struct api_call *call, enum hin_severity s)
{
	page_putf(call, "<span class=\"sev %s\">%s</span>", hin_severity_name(s),
		  page_severity(call, s));
}

static void case_row(struct api_call *call, const struct hin_case *c)
{
	char title[HIN_CASE_TITLE];

	page_putf(call, "<tr><td data-h=\"%s\"><a href=\"/plain/cases/%lld\">%lld</a></td><td>",
		  PAGE_TEXT(call, "No.", "番号"), (long long)c->id, (long long)c->id);
	severity(call, c->severity);
	page_putf(call, "</td><td class=\"wide\"><a href=\"/plain/cases/%lld\">", (long long)c->id);
	page_text(call, hin_case_title(c, call->lang, title));
	page_putf(call, "</a></td><td data-h=\"%s\">", PAGE_TEXT(call, "State", "状態"));
	page_text(call, hin_case_state_text(c->state, call->lang));
	page_putf(call, "</td><td data-h=\"%s\">", PAGE_TEXT(call, "Owner", "組織"));
	page_text(call, c->handle[0] != '\0' ? c->handle : "–");
	page_putf(call, "</td><td data-h=\"%s\">", PAGE_TEXT(call, "Last seen", "最終観測"));
	page_time(call, c->last_us);
	page_put(call, "</td></tr>\n");
}

static void state_links(struct api_call *call, const char *now)
{
	static const struct {
		const char *state, *en, *ja;
	} links[] = {
		{ "", "Not over", "未解決" },
		{ "closed", "Closed", "終了" },
		{ "false_alarm", "False alarms", "誤報" },
		{ "suppressed", "Suppressed", "抑止中" },
		{ "all", "All", "すべて" },
	};

	page_put(call, "<p class=\"tabs\">");
	for (size_t i = 0; i < HIN_COUNT(links); i++)
		page_putf(call, "<a href=\"/plain/cases%s%s\"%s>%s</a>",
			  links[i].state[0] != '\0' ? "?state=" : "", links[i].state,
			  strcmp(links[i].state, now) == 0 ? " aria-current=\"page\"" : "",
			  PAGE_TEXT(call, links[i].en, links[i].ja));
	page_put(call, "</p>");
}

static void list_filter(struct api_call *call, struct hin_case_filter *f, const char **state)
{
	const char *after = api_query(call, "after");
	enum hin_case_state one;

	hin_case_filter_default(f);
	*state = api_query(call, "state");
	if (*state == NULL)
		*state = "";
	if (strcmp(*state, "all") == 0)
		f->states = 0;
	else if ((*state)[0] != '\0' && hin_case_state_parse(&one, *state))
		f->states = 1u << one;
	f->organisation = api_scope(call);
	f->assignee = HIN_CASE_ANYBODY;
	f->limit = ROWS;
	if (after != NULL) /* what is no place leads to the first page */
		(void)hin_case_place_parse(&f->behind, after);
}

static void write_cases(struct api_call *call, const struct list *list, uint64_t count,
			const char *state)
{
	const struct hin_case *last = list->count > 0 ? &list->cases[list->count - 1] : NULL;
	char next[HIN_CASE_PLACE];

	page_begin(call, PAGE_TEXT(call, "Cases", "案件"), "/plain/cases");
	state_links(call, state);
	if (last == NULL) {
		page_putf(call, "<p class=\"say good\">%s</p>",
			  PAGE_TEXT(call, "There is no such case: nothing waits here.",
				    "該当する案件はありません。"));
		page_end(call);
		return;
	}
	page_putf(call,
		  "<table><thead><tr><th>%s</th><th>%s</th><th>%s</th><th>%s</th><th>%s</th>"
		  "<th>%s</th></tr></thead><tbody>\n",
		  PAGE_TEXT(call, "No.", "番号"), PAGE_TEXT(call, "Severity", "重大度"),
		  PAGE_TEXT(call, "Case", "案件"), PAGE_TEXT(call, "State", "状態"),
		  PAGE_TEXT(call, "Owner", "組織"), PAGE_TEXT(call, "Last seen", "最終観測"));
	for (size_t i = 0; i < list->count; i++)
		case_row(call, &list->cases[i]);
	page_put(call, "</tbody></table><p class=\"small\">");
	page_count(call, count);
	page_put(call, PAGE_TEXT(call, " in all", " 件"));
	if (list->count == ROWS) {
		hin_case_place_print(next, last);
		page_putf(call, " · <a href=\"/plain/cases?after=%s&amp;state=", next);
		page_text(call, hin_case_state_parse(&(enum hin_case_state){ 0 }, state) ||
						strcmp(state, "all") == 0
					? state
					: "");
		page_putf(call, "\">%s</a>", PAGE_TEXT(call, "more", "続き"));
	}
	page_put(call, "</p>");
	page_end(call);
}

void page_cases(struct api_call *call)
{
	struct list list = { .cases =
				     hin_arena_array(&call->arena, ROWS, sizeof(struct hin_case)) };
	struct hin_case_filter f;
	struct hin_error err = { 0 };
	const char *state;
	uint64_t count = 0;
	enum hin_code code;

	if (list.cases == NULL)
		return;
	list_filter(call, &f, &state);
	code = hin_desk_snapshot(call->desk, &err);
	if (code == HIN_OK)
		code = hin_case_list(call->desk, &f, take_case, &list, &err);
	if (code == HIN_OK)
		code = api_count_cases(call, &f, &count, &err);
	for (size_t i = 0; i < list.count && code == HIN_OK; i++)
		code = api_hide_case(call, &list.cases[i], &err);
	if (code == HIN_OK)
		write_cases(call, &list, count, state);
	else
		api_refuse_code(call, code, &err);
}

/* ---- one case ---- */

static bool take_finding(void *user, const struct hin_finding *f)
{
	struct api_call *call = user;

	page_put(call, "<tr><td>");
	severity(call, f->severity);
	page_put(call, "</td><td class=\"wide\">");
	page_text(call, hin_finding_word(f->kind, call->lang));
	page_putf(call, "</td><td data-h=\"%s\">", PAGE_TEXT(call, "Subject", "対象"));
	if (f->has_address) {
		char address[HIN_ADDR_TEXT];

		hin_addr_format(&f->address, address);
		page_putf(call, "<a class=\"address\" href=\"/plain/addresses/%s\">%s</a>", address,
			  address);
	} else {
		page_text(call, f->subject);
	}
	page_putf(call, "</td><td data-h=\"%s\">%u %%</td><td data-h=\"%s\">",
		  PAGE_TEXT(call, "Confidence", "確度"), f->confidence,
		  PAGE_TEXT(call, "Last seen", "最終観測"));
	page_time(call, f->last_us);
	page_put(call, "</td></tr>\n");
	return !call->out.failed;
}

static bool take_event(void *user, const struct hin_case_event *event)
{
	struct api_call *call = user;
	bool own = event->account != 0 && event->account == call->who.account.id;
	bool shown = api_scope(call) == 0 || own;

	page_put(call, "<li>");
	page_time(call, event->time_us);
	page_put(call, " <b>");
	page_text(call, event->action);
	page_put(call, "</b> ");
	if (shown && event->account_name[0] != '\0')
		page_text(call, event->account_name);
	if (shown && event->text[0] != '\0') {
		page_put(call, "<br>");
		page_text(call, event->text);
	}
	page_put(call, "</li>\n");
	return !call->out.failed;
}

static void case_facts(struct api_call *call, const struct hin_case *c)
{
	page_put(call, "<dl>");
	page_term(call, PAGE_TEXT(call, "State", "状態"));
	page_text(call, hin_case_state_text(c->state, call->lang));
	page_put(call, "</dd>");
	page_term(call, PAGE_TEXT(call, "Severity", "重大度"));
	severity(call, c->severity);
	page_put(call, "</dd>");
	page_term(call, PAGE_TEXT(call, "Owner", "組織"));
	page_text(call, c->handle[0] != '\0' ? c->handle : "–");
	page_put(call, "</dd>");
	if (c->device[0] != '\0') {
		page_term(call, PAGE_TEXT(call, "Device", "機器"));
		page_text(call, c->device);
		page_put(call, "</dd>");
	}
	page_term(call, PAGE_TEXT(call, "Seen", "観測期間"));
	page_time(call, c->first_us);
	page_put(call, " – ");
	page_time(call, c->last_us);
	page_put(call, "</dd>");
	if (c->reason[0] != '\0') {
		page_term(call, PAGE_TEXT(call, "Reason", "理由"));
		page_text(call, c->reason);
		page_put(call, "</dd>");
	}
	page_put(call, "</dl>\n");
}

static void case_form(struct api_call *call, const struct hin_case *c)
{
	static const struct {
		const char *word, *en, *ja;
	} actions[] = {
		{ "note", "Add a note", "記録を追加" },
		{ "close", "Close", "終了する" },
		{ "false-alarm", "False alarm", "誤報とする" },
		{ "reopen", "Open", "対応中にする" },
	};
	bool member = api_scope(call) != 0;

	if (call->who.account.role == HIN_ROLE_INSPECTOR || c->state == HIN_CASE_MERGED)
		return;
	page_putf(call, "<h2>%s</h2><form method=\"post\" action=\"/plain/cases/%lld\">",
		  PAGE_TEXT(call, "Do", "操作"), (long long)c->id);
	page_token(call);
	page_putf(call, "<label>%s<select name=\"action\">", PAGE_TEXT(call, "What", "内容"));
	for (size_t i = 0; i < (member ? 1 : HIN_COUNT(actions)); i++)
		page_putf(call, "<option value=\"%s\">%s</option>", actions[i].word,
			  PAGE_TEXT(call, actions[i].en, actions[i].ja));
	page_putf(call,
		  "</select></label><label>%s<textarea name=\"text\" rows=\"3\" "
		  "maxlength=\"2000\"></textarea></label><button>%s</button></form>",
		  PAGE_TEXT(call, "Note or reason", "記録・理由"),
		  PAGE_TEXT(call, "Do it", "実行"));
}

static enum hin_code write_case(struct api_call *call, struct hin_case *c, struct hin_error *err)
{
	const struct hin_finding_filter findings = { .organisation = api_scope(call),
						     .case_id = c->id,
						     .limit = 200 };
	char title[HIN_CASE_TITLE], head[HIN_CASE_TITLE + 32];
	enum hin_code code;

	snprintf(head, sizeof(head), PAGE_TEXT(call, "Case %lld: %s", "案件 %lld: %s"),
		 (long long)c->id, hin_case_title(c, call->lang, title));
	page_begin(call, head, "");
	case_facts(call, c);
	page_putf(call, "<h2>%s</h2><table><tbody>\n", PAGE_TEXT(call, "Findings", "所見"));
	code = hin_finding_list(call->desk, &findings, take_finding, call, err);
	page_putf(call, "</tbody></table><h2>%s</h2><ul class=\"history\">\n",
		  PAGE_TEXT(call, "History", "経過"));
	if (code == HIN_OK)
		code = hin_case_history(call->desk, c->id, api_scope(call), HIN_CASE_NEWEST, 500,
					take_event, call, err);
	page_put(call, "</ul>");
	case_form(call, c);
	page_end(call);
	return code;
}

void page_case(struct api_call *call)
{
	int64_t id = api_path_number(call, 0);
	struct hin_error err = { 0 };
	struct hin_case c;
	enum hin_code code;

	if (id == 0)
		return;
	code = hin_desk_snapshot(call->desk, &err);
	if (code == HIN_OK)
		code = hin_case_get(call->desk, id, api_scope(call), &c, &err);
	if (code == HIN_OK)
		code = api_hide_case(call, &c, &err);
	if (code == HIN_OK)
		code = write_case(call, &c, &err);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

void page_post_case(struct api_call *call)
{
	struct hin_case_actor by = { call->who.account.id, api_scope(call), call->now_us };
	int64_t id = api_path_number(call, 0);
	struct hin_error err = { 0 };
	const char *action, *text;
	bool good = id != 0 && api_body_only(call, "csrf action text");
	enum hin_code code;

	action = good ? api_body_text(call, "action", 32, true, &good) : NULL;
	text = good ? api_body_text(call, "text", HIN_CASE_TEXT, true, &good) : NULL;
	if (!good)
		return;
	if (strcmp(action, "note") == 0)
		code = hin_case_note(call->desk, &by, &id, 1, text, &err);
	else if (api_scope(call) != 0)
		code = hin_fail(&err, HIN_EDENIED, "a member may add notes to its cases");
	else if (strcmp(action, "close") == 0)
		code = hin_case_close(call->desk, &by, &id, 1, text, &err);
	else if (strcmp(action, "false-alarm") == 0)
		code = hin_case_false_alarm(call->desk, &by, &id, 1, text, &err);
	else if (strcmp(action, "reopen") == 0)
		code = hin_case_reopen(call->desk, &by, &id, 1, text, &err);
	else
		code = hin_fail(&err, HIN_EUSAGE, "there is no such action");
	if (code == HIN_OK)
		page_go(call, hin_arena_printf(&call->arena, "/plain/cases/%lld", (long long)id));
	else
		api_refuse_code(call, code, &err);
}

/* ---- an address ---- */

static void find_form(struct api_call *call, const char *value)
{
	page_putf(call,
		  "<form method=\"get\" action=\"/plain/find\"><label>%s<input name=\"address\" "
		  "required maxlength=\"45\" autocomplete=\"off\" placeholder=\"203.0.113.9\" "
		  "value=\"",
		  PAGE_TEXT(call, "IP address", "IP アドレス"));
	page_text(call, value);
	page_putf(call, "\"></label><button>%s</button></form>", PAGE_TEXT(call, "Show", "表示"));
}

void page_find(struct api_call *call)
{
	const char *text = api_query(call, "address");
	char clean[HIN_ADDR_TEXT];
	struct hin_addr address;

	if (text != NULL && hin_addr_parse(&address, text) == HIN_OK) {
		hin_addr_format(&address, clean);
		page_go(call, hin_arena_printf(&call->arena, "/plain/addresses/%s", clean));
		return;
	}
	page_begin(call, PAGE_TEXT(call, "All about an address", "アドレスの情報"), "/plain/find");
	if (text != NULL && text[0] != '\0')
		page_putf(call, "<p class=\"say bad\">%s</p>",
			  PAGE_TEXT(call, "That is no IP address.", "IP アドレスではありません。"));
	find_form(call, text != NULL ? text : "");
	page_end(call);
}

static void about_owner(struct api_call *call, const struct hin_about *a)
{
	page_put(call, "<dl>");
	page_term(call, PAGE_TEXT(call, "Owner", "組織"));
	page_text(call, a->name[0] != '\0' ? PAGE_TEXT(call, a->name,
						       a->name_ja[0] != '\0' ? a->name_ja : a->name)
					   : PAGE_TEXT(call, "nobody is known", "不明"));
	page_put(call, "</dd>");
	if (a->owner.device != NULL && a->owner.device[0] != '\0') {
		page_term(call, PAGE_TEXT(call, "Device now", "現在の機器"));
		page_text(call, a->owner.device);
		page_putf(call, " (%u %%)</dd>", a->owner.confidence);
	}
	page_put(call, "</dl>");
}

static void about_leases(struct api_call *call, const struct hin_about *a)
{
	if (a->lease_count == 0)
		return;
	page_putf(call, "<h2>%s</h2><ul>", PAGE_TEXT(call, "Who had it", "割り当ての経過"));
	for (size_t i = 0; i < a->lease_count; i++) {
		const struct hin_about_lease *l = &a->leases[i];

		page_put(call, "<li>");
		page_time(call, l->from_us);
		page_put(call, " – ");
		page_time(call, l->until_us);
		page_put(call, " ");
		page_text(call, l->device);
		page_put(call, " ");
		page_text(call, l->handle);
		page_putf(call, " (%s, %u %%)</li>", l->basis, l->confidence);
	}
	page_put(call, "</ul>");
}

static void about_counts(struct api_call *call, const struct hin_about *a)
{
	if (!a->counted || a->count_count == 0)
		return;
	page_putf(call, "<h2>%s</h2><table><tbody>",
		  PAGE_TEXT(call, "Observations of 7 days", "7日間の観測"));
	for (size_t i = 0; i < a->count_count; i++) {
		const struct hin_about_count *n = &a->counts[i];
		const struct hin_word *kind = hin_registry_find(HIN_REGISTRY_KINDS, n->kind);

		page_put(call, "<tr><td class=\"wide\">");
		page_text(call, kind == NULL ? "?" : call->lang == HIN_JA ? kind->ja : kind->en);
		page_putf(call, "</td><td>%s</td><td class=\"number\" data-h=\"%s\">",
			  n->as_source ? PAGE_TEXT(call, "as source", "送信元")
				       : PAGE_TEXT(call, "as destination", "宛先"),
			  PAGE_TEXT(call, "Packets", "パケット"));
		page_count(call, n->packets);
		page_put(call, "</td></tr>");
	}
	page_put(call, "</tbody></table>");
}

static void write_about(struct api_call *call, const struct hin_about *a)
{
	char address[HIN_ADDR_TEXT];

	page_begin(call, hin_addr_format(&a->address, address), "/plain/find");
	about_owner(call, a);
	if (a->finding_count == 0)
		page_putf(call, "<p class=\"say\">%s</p>",
			  PAGE_TEXT(call, "Nothing was found about this address.",
				    "このアドレスに関する所見はありません。"));
	else
		page_putf(call, "<h2>%s</h2><table><tbody>", PAGE_TEXT(call, "Findings", "所見"));
	for (size_t i = 0; i < a->finding_count; i++)
		(void)take_finding(call, &a->findings[i]);
	if (a->finding_count > 0)
		page_put(call, "</tbody></table>");
	if (a->case_count > 0)
		page_putf(call, "<h2>%s</h2><table><tbody>", PAGE_TEXT(call, "Cases", "案件"));
	for (size_t i = 0; i < a->case_count; i++)
		case_row(call, &a->cases[i]);
	if (a->case_count > 0)
		page_put(call, "</tbody></table>");
	about_leases(call, a);
	about_counts(call, a);
	find_form(call, address);
	page_end(call);
}

void page_address(struct api_call *call)
{
	struct hin_owners *owners;
	struct hin_about about;

	if (!api_about(call, &about, &owners))
		return;
	write_about(call, &about);
	hin_about_fini(&about);
	hin_owners_unref(owners);
}

/* ---- the ledger ---- */

static enum hin_code write_acts(struct api_call *call, int64_t before, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		call->desk,
		"SELECT act.id, act.time_us, act.kind, account.name, act.ledger FROM act LEFT JOIN "
		"account ON account.id = act.account WHERE act.id < ?1 ORDER BY act.id DESC LIMIT "
		"50",
		err);
	enum hin_code code =
		s != NULL ? hin_desk_bind(call->desk, s, err, "i", before) : HIN_EFORMAT;
	int64_t last = 0;

	page_putf(call, "<h2>%s</h2><table><tbody>", PAGE_TEXT(call, "Acts", "記録された行為"));
	while (code == HIN_OK && (code = hin_desk_step(call->desk, s, err)) == HIN_OK) {
		const struct hin_act_word *word =
			hin_act_word(&hin_acts, (uint16_t)sqlite3_column_int(s, 2));

		last = sqlite3_column_int64(s, 0);
		page_putf(call, "<tr><td class=\"number\" data-h=\"%s\">",
			  PAGE_TEXT(call, "Index", "位置"));
		if (sqlite3_column_type(s, 4) == SQLITE_NULL)
			page_put(call, "…");
		else
			page_count(call, (uint64_t)sqlite3_column_int64(s, 4));
		page_put(call, "</td><td>");
		page_time(call, sqlite3_column_int64(s, 1));
		page_put(call, "</td><td class=\"wide\">");
		page_text(call, word != NULL ? word->text[call->lang] : "?");
		page_putf(call, "</td><td data-h=\"%s\">", PAGE_TEXT(call, "By", "実行者"));
		page_text(call, hin_desk_text(s, 3)[0] != '\0' ? hin_desk_text(s, 3) : "hinomi");
		page_put(call, "</td></tr>\n");
	}
	page_put(call, "</tbody></table>");
	if (last > 1)
		page_putf(call,
			  "<p class=\"small\"><a href=\"/plain/ledger?before=%lld\">%s</a></p>",
			  (long long)last, PAGE_TEXT(call, "older ones", "さらに古い記録"));
	return code == HIN_EOF ? HIN_OK : code;
}

void page_ledger(struct api_call *call)
{
	struct hin_buffer note = { 0 };
	struct hin_error err = { 0 };
	int64_t before = INT64_MAX;
	enum hin_code code = HIN_OK;

	if (!api_query_number(call, "before", 1, INT64_MAX, &before))
		return;
	if (call->api->settings.ledger != NULL)
		code = hin_ledger_head(call->api->settings.ledger, &note, NULL, &err);
	if (code == HIN_OK) {
		page_begin(call, PAGE_TEXT(call, "Ledger", "台帳"), "/plain/ledger");
		page_putf(
			call, "<p>%s</p>",
			PAGE_TEXT(
				call,
				"Everything that matters later is an act in a log that only "
				"grows. This is its signed head: keep it, and hinomi-verify "
				"will tell whether the log was ever changed.",
				"後に意味を持つ行為はすべて、追記のみの台帳に残ります。これは"
				"署名された先頭です。保存しておけば、台帳が改変されていないことを "
				"hinomi-verify で確かめられます。"));
		page_put(call, "<pre>");
		page_text(call, note.used > 0 ? hin_buffer_text(&note)
					      : PAGE_TEXT(call, "This hub keeps no ledger.",
							  "このハブは台帳を持ちません。"));
		page_put(call, "</pre>");
		code = write_acts(call, before, &err);
		page_end(call);
	}
	hin_buffer_fini(&note);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}
