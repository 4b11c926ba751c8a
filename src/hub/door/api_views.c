/* api_views - views of lists that people keep, how they want their page, and what is suppressed */
#include <stdio.h>

#include "hub/door/api_rows.h"
#include "hub/owners/directory.h"

#define VIEWS 100 /* of one account */
#define VIEW_NAME 80
#define VIEW_QUERY 4000
#define PREFERENCES 32
#define PREFERENCE_VALUE 200

/* ---- views ---- */

static const struct api_column view_columns[] = {
	{ "id", 'i' }, { "page", 't' }, { "name", 't' }, { "query", 't' }, { "changed", 'u' },
};

static void handle_views(struct api_call *call)
{
	struct hin_error err = { 0 };
	sqlite3_stmt *s = hin_desk_statement(call->desk,
					     "SELECT id, page, name, query, changed_us FROM "
					     "saved_view WHERE account = ?1 ORDER BY page, name",
					     &err);
	enum hin_code code = s != NULL
				     ? hin_desk_bind(call->desk, s, &err, "i", call->who.account.id)
				     : HIN_EFORMAT;

	api_open(&call->out, NULL, '{');
	api_open(&call->out, "views", '[');
	if (code == HIN_OK)
		code = api_rows_json(call, s, view_columns, HIN_COUNT(view_columns), &err);
	hin_buffer_puts(&call->out, "]}\n");
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

/* Keep it under its page and name: what was there before goes. */
static enum hin_code put_view(struct api_call *call, const char *page, const char *name,
			      const char *query, int64_t *id, struct hin_error *err)
{
	int64_t count = 0, account = call->who.account.id;
	enum hin_code code = hin_desk_begin(call->desk, err);

	if (code == HIN_OK)
		code = hin_desk_number(call->desk, &count, err,
				       "SELECT count(*) FROM saved_view WHERE account = ?1 AND NOT "
				       "(page = ?2 AND name = ?3)",
				       "itt", account, page, name);
	if (code == HIN_OK && count >= VIEWS)
		code = hin_fail(err, HIN_ELIMIT, "there are %d views already: remove one first",
				VIEWS);
	if (code == HIN_OK)
		code = hin_desk_run(call->desk, err,
				    "INSERT INTO saved_view (account, page, name, query, "
				    "changed_us) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (account, "
				    "page, name) DO UPDATE SET query = ?4, changed_us = ?5",
				    "ittti", account, page, name, query, call->now_us);
	if (code == HIN_OK)
		code = hin_desk_number(call->desk, id, err,
				       "SELECT id FROM saved_view WHERE account = ?1 AND page = ?2 "
				       "AND name = ?3",
				       "itt", account, page, name);
	return code == HIN_OK ? hin_desk_commit(call->desk, err) : code;
}

static void handle_put_view(struct api_call *call)
{
	bool good = api_body_only(call, "page name query");
	const char *page = api_body_text(call, "page", 32, true, &good);
	const char *name = api_body_text(call, "name", VIEW_NAME, true, &good);
	const char *query = api_body_text(call, "query", VIEW_QUERY, true, &good);
	struct hin_error err = { 0 };
	int64_t id = 0;
	enum hin_code code;

	if (!good)
		return;
	if (page[0] == '\0' || page[strspn(page, "abcdefghijklmnopqrstuvwxyz-")] != '\0') {
		api_refuse(call, 422, "not-so", "\"page\" is a word of a-z and \"-\"");
		return;
	}
	if (hin_directory_check_text("\"name\"", name, VIEW_NAME, &err) != HIN_OK ||
	    name[0] == '\0') {
		api_refuse(call, 422, "not-so", "\"name\" is one line of visible text");
		return;
	}
	code = put_view(call, page, name, query, &id, &err);
	hin_desk_rollback(call->desk);
	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return;
	}
	api_open(&call->out, NULL, '{');
	api_number(&call->out, "id", id);
	hin_buffer_puts(&call->out, "}\n");
}

static void handle_remove_view(struct api_call *call)
{
	int64_t id = api_path_number(call, 0);
	struct hin_error err = { 0 };
	enum hin_code code;

	if (id == 0)
		return;
	code = hin_desk_run(call->desk, &err,
			    "DELETE FROM saved_view WHERE id = ?1 AND account = ?2", "ii", id,
			    call->who.account.id);
	if (code == HIN_OK && hin_desk_changed(call->desk) == 0)
		code = hin_fail(&err, HIN_ENOENT, "there is no such view of yours");
	if (code == HIN_OK)
		hin_buffer_puts(&call->out, "{}\n");
	else
		api_refuse_code(call, code, &err);
}

/* ---- preferences: words of the page's own ---- */

static enum hin_code write_preferences(struct api_call *call, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		call->desk, "SELECT name, value FROM preference WHERE account = ?1 ORDER BY name",
		err);
	enum hin_code code = s != NULL
				     ? hin_desk_bind(call->desk, s, err, "i", call->who.account.id)
				     : HIN_EFORMAT;

	api_open(&call->out, NULL, '{');
	api_open(&call->out, "preferences", '{');
	while (code == HIN_OK && (code = hin_desk_step(call->desk, s, err)) == HIN_OK)
		api_text(&call->out, hin_desk_text(s, 0), hin_desk_text(s, 1));
	hin_buffer_puts(&call->out, "}}\n");
	return code == HIN_EOF ? HIN_OK : code;
}

static void handle_preferences(struct api_call *call)
{
	struct hin_error err = { 0 };
	enum hin_code code = write_preferences(call, &err);

	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

/* Names go into answers as they are. */
static bool is_name(const char *name)
{
	size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz-");

	return size > 0 && size <= 32 && name[size] == '\0';
}

static enum hin_code put_preference(struct api_call *call, const char *name, json_t *value,
				    struct hin_error *err)
{
	static const char *const themes[] = { "auto", "light", "dark" };
	const char *text = json_string_value(value);
	bool known = strcmp(name, "theme") != 0 || json_is_null(value);

	if (!is_name(name))
		return hin_fail(err, HIN_EUSAGE, "a preference is called by 1-32 of a-z and \"-\"");
	if (!json_is_null(value) && (text == NULL || json_string_length(value) > PREFERENCE_VALUE))
		return hin_fail(err, HIN_EUSAGE,
				"\"%s\" must be a text of at most %d bytes, or null", name,
				PREFERENCE_VALUE);
	for (size_t i = 0; i < HIN_COUNT(themes) && text != NULL; i++)
		known |= strcmp(themes[i], text) == 0;
	if (!known)
		return hin_fail(err, HIN_EUSAGE, "\"theme\" is auto, light or dark");
	if (text == NULL)
		return hin_desk_run(call->desk, err,
				    "DELETE FROM preference WHERE account = ?1 AND name = ?2", "it",
				    call->who.account.id, name);
	return hin_desk_run(call->desk, err,
			    "INSERT INTO preference (account, name, value) VALUES (?1, ?2, ?3) ON "
			    "CONFLICT (account, name) DO UPDATE SET value = ?3",
			    "itt", call->who.account.id, name, text);
}

static enum hin_code put_preferences(struct api_call *call, struct hin_error *err)
{
	enum hin_code code = hin_desk_begin(call->desk, err);
	int64_t count = 0;
	const char *name;
	json_t *value;

	json_object_foreach(call->body, name, value)
	{
		if (code == HIN_OK)
			code = put_preference(call, name, value, err);
	}
	if (code == HIN_OK)
		code = hin_desk_number(call->desk, &count, err,
				       "SELECT count(*) FROM preference WHERE account = ?1", "i",
				       call->who.account.id);
	if (code == HIN_OK && count > PREFERENCES)
		code = hin_fail(err, HIN_ELIMIT, "at most %d preferences are kept", PREFERENCES);
	return code == HIN_OK ? hin_desk_commit(call->desk, err) : code;
}

static void handle_put_preferences(struct api_call *call)
{
	struct hin_error err = { 0 };
	enum hin_code code = put_preferences(call, &err);

	hin_desk_rollback(call->desk);
	if (code == HIN_OK)
		code = write_preferences(call, &err);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

/* ---- what is suppressed ---- */

static const struct api_column suppression_columns[] = {
	{ "case", 'i' },    { "kind", 't' },	     { "subject", 't' }, { "organisation", 'd' },
	{ "handle", 't' },  { "reason", 't' },	     { "until", 'u' },	 { "since", 'u' },
	{ "account", 'd' }, { "account_name", 't' },
};

static void handle_suppressions(struct api_call *call)
{
	int64_t before = INT64_MAX, limit = 100;
	struct hin_error err = { 0 };
	sqlite3_stmt *s;
	enum hin_code code = HIN_EFORMAT;

	if (!api_query_number(call, "before", 1, INT64_MAX, &before) ||
	    !api_query_number(call, "limit", 1, API_PAGE_MOST, &limit))
		return;
	api_open(&call->out, NULL, '{');
	api_open(&call->out, "suppressions", '[');
	s = hin_desk_statement(
		call->desk,
		"SELECT c.id, c.kind, c.subject, c.organisation, o.handle, c.reason, c.until_us, "
		"h.time_us, h.account, a.name FROM case_ c LEFT JOIN organisation o ON o.id = "
		"c.organisation LEFT JOIN case_history h ON h.id = (SELECT max(id) FROM "
		"case_history WHERE case_id = c.id AND action = 'suppressed') LEFT JOIN account a "
		"ON a.id = h.account WHERE c.state = 'suppressed' AND c.id < ?1 ORDER BY c.id DESC "
		"LIMIT ?2",
		&err);
	if (s != NULL)
		code = hin_desk_bind(call->desk, s, &err, "ii", before, limit);
	if (code == HIN_OK)
		code = api_rows_json(call, s, suppression_columns, HIN_COUNT(suppression_columns),
				     &err);
	hin_buffer_puts(&call->out, "]}\n");
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

#define V "/api/v1"
#define MINE API_PEOPLE, HIN_SCOPE_NONE, API_RATE_PLAIN

const struct api_route api_view_routes[] = {
	{ "GET", V "/me/views", MINE, API_NOW, "listViews", "", 0, handle_views, NULL },
	{ "PUT", V "/me/views", MINE, API_LANE_WRITE, "keepView", "", API_FLAG_BODY,
	  handle_put_view, NULL },
	{ "DELETE", V "/me/views/{id}", MINE, API_LANE_WRITE, "removeView", "", 0,
	  handle_remove_view, NULL },
	{ "GET", V "/me/preferences", MINE, API_NOW, "getPreferences", "", 0, handle_preferences,
	  NULL },
	{ "PATCH", V "/me/preferences", MINE, API_LANE_WRITE, "changePreferences", "",
	  API_FLAG_BODY, handle_put_preferences, NULL },
	{ "GET", V "/suppressions", API_STAFF, HIN_SCOPE_READ, API_RATE_PLAIN, API_LANE_READ,
	  "listSuppressions", "before limit", 0, handle_suppressions, NULL },
};
const size_t api_view_route_count = HIN_COUNT(api_view_routes);
