/* api_public - am I seen?, is this notice real?, and what the door speaks */
#include "hub/door/api_public.h"

#include <stdio.h>

#include "base/escape.h"
#include "hub/case/finding.h"

static const char openapi[] =
#include "hub/openapi.inc"
	;

/* ---- am I seen? ---- */

/*
 * Of the address alone: what it did itself. What others did to it (floods, forged sources) is not
 * attacking, and nobody's business but its owner's.
 */
enum hin_code api_look_seen(struct api_call *call, struct api_seen *out, struct hin_error *err)
{
	static const char sql[] =
		"SELECT kind, min(first_us), max(last_us), port, proto FROM finding WHERE address "
		"= ?1 AND last_us >= ?2 AND kind IN ('scanner', 'infected-member') GROUP BY kind "
		"ORDER BY max(last_us) DESC LIMIT ?3";
	sqlite3_stmt *s = hin_desk_statement(call->desk, sql, err);
	enum hin_code code = HIN_EFORMAT;

	*out = (struct api_seen){ .address = call->client };
	if (s != NULL)
		code = hin_desk_bind(call->desk, s, err, "aii", &out->address,
				     call->now_us - API_SEEN_DAYS * INT64_C(86400000000),
				     (int64_t)API_SEEN_KINDS);
	while (code == HIN_OK && (code = hin_desk_step(call->desk, s, err)) == HIN_OK) {
		snprintf(out->rows[out->count].kind, sizeof(out->rows[0].kind), "%s",
			 hin_desk_text(s, 0));
		out->rows[out->count].first_us = sqlite3_column_int64(s, 1);
		out->rows[out->count].last_us = sqlite3_column_int64(s, 2);
		out->rows[out->count].port = (unsigned)sqlite3_column_int(s, 3);
		out->rows[out->count].proto = (unsigned)sqlite3_column_int(s, 4);
		out->count++;
	}
	return code == HIN_EOF ? HIN_OK : code;
}

static void handle_seen(struct api_call *call)
{
	struct hin_buffer *out = &call->out;
	struct hin_error err = { 0 };
	struct api_seen seen;
	enum hin_code code = api_look_seen(call, &seen, &err);

	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return;
	}
	api_open(out, NULL, '{');
	api_address(out, "address", &seen.address);
	api_bool(out, "seen", seen.count > 0);
	api_number(out, "days", API_SEEN_DAYS);
	api_open(out, "what", '[');
	for (size_t i = 0; i < seen.count; i++) {
		api_open(out, NULL, '{');
		api_text(out, "kind", seen.rows[i].kind);
		api_text(out, "text", hin_finding_word(seen.rows[i].kind, call->lang));
		api_time(out, "first", seen.rows[i].first_us);
		api_time(out, "last", seen.rows[i].last_us);
		hin_buffer_putc(out, '}');
	}
	hin_buffer_puts(out, "]}\n");
}

/* ---- is this notice real? ---- */

static void handle_verify(struct api_call *call)
{
	struct hin_buffer *out = &call->out, text = { 0 };
	struct hin_notice_check check;
	struct hin_error err = { 0 };
	enum hin_code code = hin_notice_verify(call->desk, call->path[0], &check, &err);

	if (code == HIN_ENOENT || code == HIN_EFORMAT || code == HIN_EVERIFY) {
		api_open(out, NULL, '{');
		api_bool(out, "real", false);
		api_text(out, "why",
			 code == HIN_ENOENT ? "no notice of this hub has this code"
					    : "this is no code of a notice: look for a slip");
		hin_buffer_puts(out, "}\n");
		return;
	}
	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return;
	}
	hin_notice_verify_text(&check, call->lang, &text);
	api_open(out, NULL, '{');
	api_bool(out, "real", true);
	api_text(out, "code", check.code);
	api_text(out, "state", check.state);
	api_text(out, "kind", check.kind);
	api_text(out, "subject", check.subject);
	api_time(out, "created", check.created_us);
	api_time(out, "sent", check.sent_us);
	api_time(out, "fixed", check.fixed_us);
	api_number(out, "ledger", check.ledger);
	api_hex(out, "sha256", check.digest, sizeof(check.digest));
	api_text(out, "text", hin_buffer_text(&text));
	hin_buffer_puts(out, "}\n");
	hin_buffer_fini(&text);
}

/* ---- what the door speaks ---- */

static void handle_root(struct api_call *call)
{
	struct hin_buffer *out = &call->out;

	api_open(out, NULL, '{');
	api_text(out, "name", "hinomi");
	api_text(out, "hub", call->tuning->name);
	api_text(out, "version", HIN_VERSION);
	api_text(out, "openapi", "/api/v1/openapi.json");
	hin_buffer_puts(out, "}\n");
}

static void handle_openapi(struct api_call *call)
{
	api_header(call, "Cache-Control", "public, max-age=3600");
	hin_buffer_puts(&call->out, openapi);
}

#define V "/api/v1"
#define PUBLIC API_PUBLIC, HIN_SCOPE_NONE, API_RATE_PUBLIC

const struct api_route api_public_routes[] = {
	{ "GET", V, PUBLIC, API_NOW, "getApi", "", 0, handle_root, NULL },
	{ "GET", V "/openapi.json", PUBLIC, API_NOW, "getOpenapi", "", 0, handle_openapi, NULL },
	{ "GET", V "/seen", PUBLIC, API_NOW, "amISeen", "", 0, handle_seen, NULL },
	{ "GET", V "/verify/{code}", PUBLIC, API_NOW, "verifyNotice", "", 0, handle_verify, NULL },
};
const size_t api_public_route_count = HIN_COUNT(api_public_routes);
