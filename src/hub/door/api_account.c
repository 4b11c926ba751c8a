/* api_account - accounts of others, for administrators; inspectors look */
#include <stdio.h>

#include "hub/door/api_people.h"
#include "hub/door/api_rows.h"

#define LOOK (API_ADMINISTRATOR | API_INSPECTOR)

static void write_account(struct hin_buffer *out, const struct hin_account *a)
{
	api_open(out, NULL, '{');
	api_number(out, "id", a->id);
	api_text(out, "name", a->name);
	api_text(out, "display", a->display);
	api_text(out, "role", hin_role_name(a->role, HIN_EN));
	api_id(out, "organisation", a->organisation);
	api_text(out, "language", a->language);
	api_text(out, "state", hin_account_state_name(a->state));
	api_bool(out, "second_factor", a->has_totp);
	api_time(out, "created", a->created_us);
	api_time(out, "signed_in", a->signed_in_us);
	hin_buffer_putc(out, '}');
}

struct page {
	struct api_call *call;
	int64_t left;
	bool more;
};

static enum hin_code take_account(void *user, const struct hin_account *a)
{
	struct page *p = user;

	if (p->left == 0) {
		p->more = true;
		return HIN_EOF;
	}
	p->left--;
	write_account(&p->call->out, a);
	return HIN_OK;
}

/* Those whom a case can be given to: for everybody who gives one. */
static void list_assignable(struct api_call *call)
{
	static const struct api_column columns[] = {
		{ "id", 'i' },
		{ "name", 't' },
		{ "display", 't' },
		{ "role", 't' },
	};
	struct hin_error err = { 0 };
	sqlite3_stmt *s = hin_desk_statement(
		call->desk,
		"SELECT id, name, display, role FROM account WHERE state = 'active' AND role IN "
		"('analyst', 'operator', 'administrator') ORDER BY name LIMIT 1000",
		&err);
	enum hin_code code = s != NULL ? HIN_OK : HIN_EFORMAT;

	api_open(&call->out, NULL, '{');
	api_open(&call->out, "accounts", '[');
	if (code == HIN_OK)
		code = api_rows_json(call, s, columns, HIN_COUNT(columns), &err);
	hin_buffer_putc(&call->out, ']');
	api_bool(&call->out, "more", false);
	hin_buffer_puts(&call->out, "}\n");
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

static void handle_list(struct api_call *call)
{
	struct page page = { .call = call, .left = 100 };
	struct hin_error err = { 0 };
	int64_t after = 0, assignable = 0;
	enum hin_code code;

	if (!api_query_number(call, "assignable", 0, 1, &assignable))
		return;
	if (assignable != 0 || !(LOOK >> call->who.account.role & 1)) {
		list_assignable(call);
		return;
	}
	if (!api_query_number(call, "after", 0, INT64_MAX, &after) ||
	    !api_query_number(call, "limit", 1, API_PAGE_MOST, &page.left))
		return;
	api_open(&call->out, NULL, '{');
	api_open(&call->out, "accounts", '[');
	code = hin_account_each(call->desk, after, take_account, &page, &err);
	hin_buffer_putc(&call->out, ']');
	api_bool(&call->out, "more", page.more);
	hin_buffer_puts(&call->out, "}\n");
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

static void give(struct api_call *call, int64_t id)
{
	struct hin_account account;
	struct hin_error err = { 0 };
	enum hin_code code = hin_account_get(call->desk, id, &account, &err);

	if (code == HIN_OK)
		write_account(&call->out, &account);
	else
		api_refuse_code(call, code, &err);
}

static void handle_get(struct api_call *call)
{
	int64_t id = api_path_number(call, 0);

	if (id != 0)
		give(call, id);
}

/* A token must not make its way to whatever it wants: refuse it; false for a person. */
static bool is_only_for_people(struct api_call *call)
{
	if (call->by_token)
		api_refuse(call, 403, "scope",
			   "no token gives roles or links or resets an account: sign in");
	return call->by_token;
}

static void handle_make(struct api_call *call)
{
	bool good = api_body_only(call, "name display role organisation language");
	const char *name = api_body_text(call, "name", HIN_ACCOUNT_NAME - 1, true, &good);
	const char *display = api_body_text(call, "display", HIN_ACCOUNT_DISPLAY - 1, false, &good);
	const char *role = api_body_text(call, "role", 32, true, &good);
	const char *language = api_body_text(call, "language", 2, false, &good);
	struct hin_account wanted = {
		.organisation = api_body_number(call, "organisation", 1, INT64_MAX, 0, &good),
	};
	char secret[HIN_SECRET_TEXT];
	struct hin_error err = { 0 };
	enum hin_code code;
	int64_t id;

	if (!good || is_only_for_people(call))
		return;
	snprintf(wanted.name, sizeof(wanted.name), "%s", name);
	snprintf(wanted.display, sizeof(wanted.display), "%s", display != NULL ? display : "");
	snprintf(wanted.language, sizeof(wanted.language), "%s", language != NULL ? language : "");
	code = hin_role_parse(&wanted.role, role, &err);
	if (code == HIN_OK)
		code = hin_account_add(call->desk, &wanted, call->who.account.id, call->now_us, &id,
				       &err);
	if (code == HIN_OK)
		code = hin_invite_make(call->desk, id, call->who.account.id, call->now_us, secret,
				       &err);
	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return;
	}
	call->status = 201;
	api_open(&call->out, NULL, '{');
	api_number(&call->out, "id", id);
	api_text(&call->out, "link", secret);
	hin_buffer_puts(&call->out, "}\n");
	explicit_bzero(secret, sizeof(secret));
}

static void handle_change(struct api_call *call)
{
	int64_t id = api_path_number(call, 0), by = call->who.account.id;
	struct hin_account was;
	struct hin_error err = { 0 };
	enum hin_code code;
	bool good;
	const char *display, *role, *language;
	int64_t organisation;
	enum hin_role wanted;

	if (id == 0)
		return;
	good = api_body_only(call, "display role organisation language");
	display = api_body_text(call, "display", HIN_ACCOUNT_DISPLAY - 1, false, &good);
	role = api_body_text(call, "role", 32, false, &good);
	language = api_body_text(call, "language", 2, false, &good);
	organisation = api_body_number(call, "organisation", 0, INT64_MAX, -1, &good);
	if (!good || ((role != NULL || organisation >= 0) && is_only_for_people(call)))
		return;
	code = hin_account_get(call->desk, id, &was, &err);
	wanted = was.role;
	if (code == HIN_OK && role != NULL)
		code = hin_role_parse(&wanted, role, &err);
	if (organisation < 0)
		organisation = was.organisation;
	if (code == HIN_OK && (wanted != was.role || organisation != was.organisation))
		code = hin_account_set_role(call->desk, id, wanted, organisation, by, call->now_us,
					    &err);
	if (code == HIN_OK && (display != NULL || language != NULL))
		code = hin_account_rename(call->desk, id, display != NULL ? display : was.display,
					  language != NULL ? language : was.language, by,
					  call->now_us, &err);
	if (code == HIN_OK)
		give(call, id);
	else
		api_refuse_code(call, code, &err);
}

static enum hin_code give_link(struct api_call *call, int64_t id, struct hin_error *err)
{
	char secret[HIN_SECRET_TEXT];
	enum hin_code code =
		hin_invite_make(call->desk, id, call->who.account.id, call->now_us, secret, err);

	if (code != HIN_OK)
		return code;
	api_open(&call->out, NULL, '{');
	api_text(&call->out, "link", secret);
	hin_buffer_puts(&call->out, "}\n");
	explicit_bzero(secret, sizeof(secret));
	return HIN_OK;
}

static enum hin_code act(struct api_call *call, int64_t id, const char *action,
			 struct hin_error *err)
{
	int64_t by = call->who.account.id, now = call->now_us, count;
	enum hin_code code;

	if (strcmp(action, "lock") == 0)
		return hin_account_lock(call->desk, id, by, now, err);
	if (strcmp(action, "unlock") == 0)
		return hin_account_unlock(call->desk, id, by, now, err);
	if (strcmp(action, "close") == 0)
		return hin_account_close(call->desk, id, by, now, err);
	if (strcmp(action, "sign-out") == 0)
		return hin_session_end_all(call->desk, id, NULL, by, now, &count, err);
	if (strcmp(action, "remove-second-factor") == 0)
		return hin_account_remove_totp(call->desk, id, by, now, err);
	if (strcmp(action, "link") == 0)
		return give_link(call, id, err);
	if (strcmp(action, "reset") == 0) {
		code = hin_account_reset(call->desk, id, by, now, err);
		return code == HIN_OK ? give_link(call, id, err) : code;
	}
	return hin_fail(err, HIN_EUSAGE,
			"\"action\" must be lock, unlock, close, reset, link, sign-out or "
			"remove-second-factor");
}

static void handle_action(struct api_call *call)
{
	int64_t id = api_path_number(call, 0);
	struct hin_account account;
	struct hin_error err = { 0 };
	const char *action;
	enum hin_code code;
	bool good;

	if (id == 0)
		return;
	good = api_body_only(call, "action");
	action = api_body_text(call, "action", 32, true, &good);
	if (!good)
		return;
	if ((strcmp(action, "link") == 0 || strcmp(action, "reset") == 0 ||
	     strcmp(action, "remove-second-factor") == 0) &&
	    is_only_for_people(call))
		return;
	code = hin_account_get(call->desk, id, &account, &err);
	if (code == HIN_OK)
		code = act(call, id, action, &err);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
	else if (call->out.used == 0)
		hin_buffer_puts(&call->out, "{}\n");
}

/* ---- what programs and browsers of an account hold ---- */

/* The account of the path, which there is; 0 when refused. */
static int64_t account_of(struct api_call *call)
{
	int64_t id = api_path_number(call, 0);
	struct hin_account account;
	struct hin_error err = { 0 };
	enum hin_code code;

	if (id == 0)
		return 0;
	code = hin_account_get(call->desk, id, &account, &err);
	if (code == HIN_OK)
		return id;
	api_refuse_code(call, code, &err);
	return 0;
}

static void handle_tokens(struct api_call *call)
{
	int64_t id = account_of(call);

	if (id != 0)
		api_list_credentials(call, id, HIN_CREDENTIAL_TOKEN, "tokens");
}

static void handle_sessions(struct api_call *call)
{
	int64_t id = account_of(call);

	if (id != 0)
		api_list_credentials(call, id, HIN_CREDENTIAL_SESSION, "sessions");
}

static void end_one(struct api_call *call, enum hin_credential_kind kind)
{
	int64_t id = account_of(call);
	struct hin_error err = { 0 };
	enum hin_code code;

	if (id == 0)
		return;
	code = hin_credential_end(call->desk, id, kind, call->path[1], call->who.account.id,
				  call->now_us, &err);
	if (code == HIN_OK)
		hin_buffer_puts(&call->out, "{}\n");
	else
		api_refuse_code(call, code, &err);
}

static void handle_token_end(struct api_call *call)
{
	end_one(call, HIN_CREDENTIAL_TOKEN);
}

static void handle_session_end(struct api_call *call)
{
	end_one(call, HIN_CREDENTIAL_SESSION);
}

#define V "/api/v1"
#define ADMIN API_ADMINISTRATOR, HIN_SCOPE_ACCOUNTS, API_RATE_PLAIN

const struct api_route api_account_routes[] = {
	{ "GET", V "/accounts", API_STAFF, HIN_SCOPE_ACCOUNTS, API_RATE_PLAIN, API_LANE_READ,
	  "listAccounts", "assignable after limit", 0, handle_list, NULL },
	{ "POST", V "/accounts", API_ADMINISTRATOR, HIN_SCOPE_ACCOUNTS, API_RATE_PLAIN,
	  API_LANE_WRITE, "makeAccount", "", API_FLAG_BODY, handle_make, NULL },
	{ "GET", V "/accounts/{id}", LOOK, HIN_SCOPE_ACCOUNTS, API_RATE_PLAIN, API_NOW,
	  "getAccount", "", 0, handle_get, NULL },
	{ "PATCH", V "/accounts/{id}", API_ADMINISTRATOR, HIN_SCOPE_ACCOUNTS, API_RATE_PLAIN,
	  API_LANE_WRITE, "changeAccount", "", API_FLAG_BODY, handle_change, NULL },
	{ "POST", V "/accounts/{id}/actions", API_ADMINISTRATOR, HIN_SCOPE_ACCOUNTS, API_RATE_PLAIN,
	  API_LANE_WRITE, "actOnAccount", "", API_FLAG_BODY, handle_action, NULL },
	{ "GET", V "/accounts/{id}/tokens", LOOK, HIN_SCOPE_ACCOUNTS, API_RATE_PLAIN, API_NOW,
	  "listAccountTokens", "", 0, handle_tokens, NULL },
	{ "DELETE", V "/accounts/{id}/tokens/{token}", ADMIN, API_LANE_WRITE, "revokeAccountToken",
	  "", 0, handle_token_end, NULL },
	{ "GET", V "/accounts/{id}/sessions", LOOK, HIN_SCOPE_ACCOUNTS, API_RATE_PLAIN, API_NOW,
	  "listAccountSessions", "", 0, handle_sessions, NULL },
	{ "DELETE", V "/accounts/{id}/sessions/{session}", ADMIN, API_LANE_WRITE,
	  "endAccountSession", "", 0, handle_session_end, NULL },
};
const size_t api_account_route_count = HIN_COUNT(api_account_routes);
