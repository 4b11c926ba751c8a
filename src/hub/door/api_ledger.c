/* api_ledger - acts, their proofs, and the ledger's head */
#include <stdio.h>
#include <stdlib.h>

#include "hub/door/api_priv.h"
#include "hub/telling/notice.h"
#include "trust/ledger.h"

#define LOOKED_THROUGH 200000 /* acts that one search by text looks at */

#define ACT                                                                                        \
	"SELECT act.id, act.time_us, act.account, account.name, act.kind, act.authority, "         \
	"act.object, act.digest, act.ledger FROM act LEFT JOIN account ON account.id = "           \
	"act.account "

/* What the object's text says, or null when it was erased. */
static void write_object(struct hin_buffer *out, const char *text)
{
	json_t *value = text[0] != '\0' ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	api_key(out, "object");
	/* our own texts are JSON; one that is not stays out rather than break the answer */
	hin_buffer_puts(out, value != NULL ? text : "null");
	json_decref(value);
}

static void write_act(struct hin_buffer *out, sqlite3_stmt *s)
{
	const struct hin_act_word *word =
		hin_act_word(&hin_acts, (uint16_t)sqlite3_column_int(s, 4));
	const void *authority = sqlite3_column_blob(s, 5), *digest = sqlite3_column_blob(s, 7);
	bool placed = sqlite3_column_type(s, 8) != SQLITE_NULL;

	api_open(out, NULL, '{');
	api_number(out, "id", sqlite3_column_int64(s, 0));
	api_time(out, "time", sqlite3_column_int64(s, 1));
	api_number(out, "account", sqlite3_column_int64(s, 2));
	api_text(out, "account_name", hin_desk_text(s, 3));
	api_text(out, "kind", word != NULL ? word->name : "unknown");
	api_text(out, "text", word != NULL ? word->text[HIN_EN] : "");
	api_text(out, "text_ja", word != NULL ? word->text[HIN_JA] : "");
	if (authority != NULL && sqlite3_column_bytes(s, 5) == 32)
		api_hex(out, "authority", authority, 32);
	else
		api_text_or_null(out, "authority", NULL);
	write_object(out, hin_desk_text(s, 6));
	if (digest != NULL)
		api_hex(out, "digest", digest, (size_t)sqlite3_column_bytes(s, 7));
	if (placed)
		api_number(out, "ledger", sqlite3_column_int64(s, 8));
	else
		api_text_or_null(out, "ledger", NULL);
	hin_buffer_putc(out, '}');
}

static bool query_kind(struct api_call *call, int64_t *out)
{
	const char *name = api_query(call, "kind");
	const struct hin_act_word *word;

	if (name == NULL || name[0] == '\0')
		return true;
	word = hin_act_word_named(&hin_acts, name);
	if (word == NULL) {
		api_refuse(call, 400, "kind", "there is no such kind of acts");
		return false;
	}
	*out = word->number;
	return true;
}

static void handle_acts(struct api_call *call)
{
	int64_t kind = 0, account = -1, before = INT64_MAX, limit = 100, found = 0;
	int64_t since_us = 0, until_us = INT64_MAX, newest = 0, least = 0;
	const char *text = api_query(call, "text");
	struct hin_error err = { 0 };
	sqlite3_stmt *s;
	enum hin_code code;

	if (!query_kind(call, &kind) ||
	    !api_query_number(call, "account", 0, INT64_MAX, &account) ||
	    !api_query_number(call, "before", 1, INT64_MAX, &before) ||
	    !api_query_number(call, "limit", 1, API_PAGE_MOST, &limit) ||
	    !api_query_time(call, "since", &since_us) || !api_query_time(call, "until", &until_us))
		return;
	code = hin_desk_number(call->desk, &newest, &err, "SELECT coalesce(max(id), 0) FROM act",
			       "");
	if (before > newest)
		before = newest + 1;
	if (text != NULL && text[0] != '\0') /* so many are looked through at a time */
		least = before > LOOKED_THROUGH ? before - LOOKED_THROUGH : 0;
	else
		text = "";
	s = hin_desk_statement(call->desk,
			       ACT "WHERE act.id < ?1 AND (?2 = 0 OR act.kind = ?2) AND (?3 < 0 "
				   "OR act.account = ?3) AND act.time_us >= ?4 AND act.time_us < "
				   "?5 AND act.id >= ?7 AND (?8 = '' OR instr(lower(act.object), "
				   "lower(?8)) > 0) ORDER BY act.id DESC LIMIT ?6",
			       &err);
	if (s != NULL && code == HIN_OK)
		code = hin_desk_bind(call->desk, s, &err, "iiiiiiit", before, kind, account,
				     since_us, until_us, limit, least, text);
	else if (code == HIN_OK)
		code = HIN_EFORMAT;
	api_open(&call->out, NULL, '{');
	api_open(&call->out, "acts", '[');
	while (code == HIN_OK && (code = hin_desk_step(call->desk, s, &err)) == HIN_OK) {
		write_act(&call->out, s);
		before = sqlite3_column_int64(s, 0);
		found++;
	}
	hin_buffer_putc(&call->out, ']');
	/* where to go on: behind the last one, or behind what was looked through */
	api_id(&call->out, "next", found == limit ? before : least);
	hin_buffer_puts(&call->out, "}\n");
	if (code != HIN_EOF)
		api_refuse_code(call, code, &err);
}

static void handle_kinds(struct api_call *call)
{
	struct hin_buffer *out = &call->out;

	api_open(out, NULL, '{');
	api_open(out, "kinds", '[');
	for (size_t i = 0; i < hin_acts.count; i++) {
		api_open(out, NULL, '{');
		api_text(out, "name", hin_acts.rows[i].name);
		api_text(out, "text", hin_acts.rows[i].text[HIN_EN]);
		api_text(out, "text_ja", hin_acts.rows[i].text[HIN_JA]);
		hin_buffer_putc(out, '}');
	}
	hin_buffer_puts(out, "]}\n");
}

/* Step to the act of the path; the statement is to be reset. NULL when refused. */
static sqlite3_stmt *find_act(struct api_call *call, const char *sql)
{
	int64_t id = api_path_number(call, 0);
	struct hin_error err = { 0 };
	sqlite3_stmt *s;
	enum hin_code code = HIN_EFORMAT;

	if (id == 0)
		return NULL;
	s = hin_desk_statement(call->desk, sql, &err);
	if (s != NULL)
		code = hin_desk_bind(call->desk, s, &err, "i", id);
	if (code == HIN_OK)
		code = hin_desk_step(call->desk, s, &err);
	if (code == HIN_OK)
		return s;
	if (code == HIN_EOF)
		code = hin_fail(&err, HIN_ENOENT, "there is no such act");
	api_refuse_code(call, code, &err);
	return NULL;
}

static void handle_act(struct api_call *call)
{
	sqlite3_stmt *s = find_act(call, ACT "WHERE act.id = ?1");

	if (s == NULL)
		return;
	write_act(&call->out, s);
	sqlite3_reset(s);
}

static bool has_ledger(struct api_call *call)
{
	if (call->api->settings.ledger != NULL)
		return true;
	api_refuse(call, 409, "no-ledger", "this hub keeps no ledger");
	return false;
}

static void handle_proof(struct api_call *call)
{
	uint8_t salt[HIN_ACT_SALT];
	struct hin_error err = { 0 };
	const void *bytes;
	bool salted, placed;
	uint64_t index;
	sqlite3_stmt *s;
	enum hin_code code;

	if (!has_ledger(call))
		return;
	s = find_act(call, "SELECT ledger, salt FROM act WHERE id = ?1");
	if (s == NULL)
		return;
	placed = sqlite3_column_type(s, 0) != SQLITE_NULL;
	index = (uint64_t)sqlite3_column_int64(s, 0);
	bytes = sqlite3_column_blob(s, 1);
	salted = bytes != NULL && sqlite3_column_bytes(s, 1) == (int)sizeof(salt);
	if (salted)
		memcpy(salt, bytes, sizeof(salt));
	sqlite3_reset(s);
	if (!placed) {
		api_refuse(call, 503, "not-yet", "the act is not in the ledger yet: try again");
		return;
	}
	call->type = "text/plain; charset=utf-8";
	code = hin_ledger_prove(call->api->settings.ledger, index, salted ? salt : NULL, &call->out,
				&err);
	if (code == HIN_EAGAIN)
		api_refuse(call, 503, "not-yet", "no checkpoint has the act yet: try again");
	else if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

static void handle_checkpoint(struct api_call *call)
{
	struct hin_error err = { 0 };
	enum hin_code code;

	if (!has_ledger(call))
		return;
	call->type = "text/plain; charset=utf-8";
	code = hin_ledger_head(call->api->settings.ledger, &call->out, NULL, &err);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

static void handle_key(struct api_call *call)
{
	char text[HIN_NOTE_KEY_TEXT];

	if (!has_ledger(call))
		return;
	call->type = "text/plain; charset=utf-8";
	hin_buffer_printf(
		&call->out, "%s\n",
		hin_note_verifier_format(hin_ledger_key(call->api->settings.ledger), text));
}

#define V "/api/v1"
#define LOOK API_STAFF, HIN_SCOPE_LEDGER, API_RATE_PLAIN

const struct api_route api_ledger_routes[] = {
	{ "GET", V "/ledger/acts", LOOK, API_LANE_READ, "listActs",
	  "kind account text since until before limit", 0, handle_acts, NULL },
	{ "GET", V "/ledger/kinds", LOOK, API_NOW, "listActKinds", "", 0, handle_kinds, NULL },
	{ "GET", V "/ledger/acts/{id}", LOOK, API_NOW, "getAct", "", 0, handle_act, NULL },
	{ "GET", V "/ledger/acts/{id}/proof", LOOK, API_LANE_READ, "proveAct", "", 0, handle_proof,
	  NULL },
	{ "GET", V "/ledger/checkpoint", API_PUBLIC, HIN_SCOPE_NONE, API_RATE_PUBLIC, API_NOW,
	  "getCheckpoint", "", 0, handle_checkpoint, NULL },
	{ "GET", V "/ledger/key", API_PUBLIC, HIN_SCOPE_NONE, API_RATE_PUBLIC, API_NOW,
	  "getLedgerKey", "", 0, handle_key, NULL },
};
const size_t api_ledger_route_count = HIN_COUNT(api_ledger_routes);
