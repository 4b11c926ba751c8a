/* api_notice - what a notice would say, and notices that somebody has made of a case */
#include <stdio.h>
#include <stdlib.h>

#include "hub/door/api_rows.h"
#include "hub/telling/telling.h"

/* ---- what it says ---- */

static void write_both(struct hin_buffer *out, const char *name, const struct hin_buffer texts[2])
{
	api_open(out, name, '{');
	api_text(out, "en", hin_buffer_text(&texts[HIN_EN]));
	api_text(out, "ja", hin_buffer_text(&texts[HIN_JA]));
	hin_buffer_putc(out, '}');
}

static void write_held(struct hin_buffer *out, enum hin_telling_held held)
{
	if (held == HIN_TELLING_NOT_HELD) {
		api_text_or_null(out, "held", NULL);
		return;
	}
	api_open(out, "held", '{');
	api_text(out, "why", hin_telling_held_name(held));
	api_text(out, "text", hin_telling_held_text(held, HIN_EN));
	api_text(out, "text_ja", hin_telling_held_text(held, HIN_JA));
	hin_buffer_putc(out, '}');
}

static void write_view(struct hin_buffer *out, const struct hin_telling_view *v)
{
	api_bool(out, "final", v->final);
	api_text_or_null(out, "purpose", v->purpose);
	api_text_or_null(out, "channel", v->channel);
	api_text_or_null(out, "to", v->to);
	api_text(out, "language", v->language == HIN_JA ? "ja" : "en");
	write_held(out, v->held);
	api_time(out, "due", v->due_us);
	api_time(out, "sent", v->sent_us);
	write_both(out, "subject", v->title);
	write_both(out, "text", v->text);
}

/* Is there one who tells? Else refused. */
static struct hin_telling *telling_of(struct api_call *call)
{
	if (call->api->settings.telling == NULL)
		api_refuse(call, 409, "no-telling", "this hub sends no notices");
	return call->api->settings.telling;
}

static void handle_preview(struct api_call *call)
{
	int64_t id = api_path_number(call, 0);
	struct hin_telling *telling = id != 0 ? telling_of(call) : NULL;
	struct hin_telling_view v = { 0 };
	struct hin_error err = { 0 };
	enum hin_code code;

	if (telling == NULL)
		return;
	code = hin_desk_snapshot(call->desk, &err);
	if (code == HIN_OK)
		code = hin_telling_view(telling, call->desk, id, call->now_us, &v, &err);
	if (code == HIN_OK) {
		api_open(&call->out, NULL, '{');
		write_view(&call->out, &v);
		api_text_or_null(&call->out, "message",
				 v.message.used > 0 ? hin_buffer_text(&v.message) : NULL);
		hin_buffer_puts(&call->out, "}\n");
	} else {
		api_refuse_code(call, code, &err);
	}
	hin_telling_view_fini(&v);
}

/* ---- notices of a case ---- */

static const struct api_column notice_columns[] = {
	{ "id", 'd' },	       { "code", 't' },	     { "state", 't' },	      { "finding", 'd' },
	{ "kind", 't' },       { "trouble", 't' },   { "address", 'a' },      { "device", 't' },
	{ "first_seen", 'u' }, { "last_seen", 'u' }, { "organisation", 'd' }, { "handle", 't' },
	{ "name", 't' },       { "name_ja", 't' },   { "contact", 'd' },
};

#define NOTICE                                                                                     \
	"SELECT CASE ?2 WHEN 0 THEN n.id ELSE 0 END, CASE ?2 WHEN 0 THEN n.code ELSE '' END, "     \
	"n.state, n.finding, n.kind, n.trouble, n.address, n.device, n.first_seen_us, "            \
	"n.last_seen_us, n.organisation, coalesce(o.handle, ''), coalesce(o.name, ''), "           \
	"coalesce(o.name_ja, ''), n.contact FROM notice n LEFT JOIN organisation o ON o.id = "     \
	"n.organisation WHERE n.id = ?1"

static const struct api_column recipient_columns[] = {
	{ "contact", 'i' },	 { "organisation", 'i' }, { "handle", 't' },   { "role", 't' },
	{ "channel", 't' },	 { "address", 't' },	  { "language", 't' }, { "state", 't' },
	{ "state_reason", 't' }, { "chosen", 'b' },
};

/* Every contact of the owners, those that cannot be reached among them. */
#define RECIPIENTS                                                                                 \
	"SELECT c.id, c.organisation, o.handle, c.role, c.channel, c.address, CASE c.language "    \
	"WHEN '' THEN o.language ELSE c.language END, c.state, c.state_reason, EXISTS (SELECT 1 "  \
	"FROM notice n WHERE n.contact = c.id AND n.id > ?1) FROM contact c JOIN organisation o "  \
	"ON o.id = c.organisation WHERE o.id IN (SELECT organisation FROM notice WHERE id > ?1 "   \
	"AND case_id = ?2) ORDER BY o.id, c.id LIMIT 200"

struct making {
	struct api_call *call;
	struct hin_telling *telling;
	int64_t case_id;
	bool dry_run;
};

static enum hin_code write_made(struct making *m, struct hin_desk *desk, int64_t id,
				struct hin_error *err)
{
	struct hin_buffer *out = &m->call->out;
	struct hin_telling_view v = { 0 };
	sqlite3_stmt *s;
	enum hin_code code = hin_telling_view(m->telling, desk, id, m->call->now_us, &v, err);

	s = code == HIN_OK ? hin_desk_statement(desk, NOTICE, err) : NULL;
	if (code == HIN_OK)
		code = s != NULL ? hin_desk_bind(desk, s, err, "ii", id, (int64_t)m->dry_run)
				 : HIN_EFORMAT;
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code == HIN_OK) {
		api_columns_json(out, s, notice_columns, HIN_COUNT(notice_columns));
		sqlite3_reset(s);
		out->data[--out->used] = '\0'; /* the brace: more follows */
		write_view(out, &v);
		hin_buffer_putc(out, '}');
	}
	hin_telling_view_fini(&v);
	return code;
}

static enum hin_code write_recipients(struct making *m, struct hin_desk *desk, int64_t first,
				      struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(desk, RECIPIENTS, err);
	enum hin_code code =
		s != NULL ? hin_desk_bind(desk, s, err, "ii", first - 1, m->case_id) : HIN_EFORMAT;

	return code == HIN_OK ? api_rows_json(m->call, s, recipient_columns,
					      HIN_COUNT(recipient_columns), err)
			      : code;
}

static enum hin_code look(void *user, struct hin_desk *desk, const struct hin_telling_made *made,
			  struct hin_error *err)
{
	struct making *m = user;
	struct hin_buffer *out = &m->call->out;
	enum hin_code code = HIN_OK;

	api_open(out, NULL, '{');
	api_bool(out, "dry_run", m->dry_run);
	api_open(out, "notices", '[');
	for (size_t i = 0; i < made->made_count && code == HIN_OK; i++)
		code = write_made(m, desk, made->made[i], err);
	hin_buffer_putc(out, ']');
	api_bool(out, "more", made->more);
	api_open(out, "known", '[');
	for (size_t i = 0; i < made->known_count; i++)
		hin_buffer_printf(out, "%s%lld", i > 0 ? "," : "", (long long)made->known[i]);
	hin_buffer_putc(out, ']');
	api_open(out, "recipients", '[');
	if (code == HIN_OK)
		code = write_recipients(m, desk, made->made[0], err);
	hin_buffer_puts(out, "]}\n");
	return code == HIN_OK && out->failed ? hin_fail(err, HIN_ENOMEM, "no memory: try again")
					     : code;
}

static void handle_make(struct api_call *call)
{
	struct making m = { .call = call, .case_id = api_path_number(call, 0) };
	bool good = m.case_id != 0 && api_body_only(call, "dry_run release"), release;
	struct hin_error err = { 0 };
	enum hin_code code;

	if (!good)
		return;
	m.dry_run = api_body_bool(call, "dry_run", false, &good);
	release = api_body_bool(call, "release", false, &good);
	if (good && !m.dry_run && call->who.account.role == HIN_ROLE_ANALYST) {
		api_refuse(call, 403, "role", "an analyst only looks: send \"dry_run\": true");
		return;
	}
	m.telling = good ? telling_of(call) : NULL;
	if (m.telling == NULL)
		return;
	code = hin_telling_make(m.telling, call->desk, m.case_id, call->who.account.id,
				call->now_us, release, m.dry_run, look, &m, &err);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
	else if (!m.dry_run)
		call->status = 201;
}

#define V "/api/v1"

const struct api_route api_notice_routes[] = {
	{ "GET", V "/notices/{id}/preview", API_STAFF, HIN_SCOPE_READ, API_RATE_PLAIN,
	  API_LANE_READ, "previewNotice", "", 0, handle_preview, NULL },
	{ "POST", V "/cases/{id}/notice", API_ACTORS, HIN_SCOPE_NOTICES, API_RATE_PLAIN,
	  API_LANE_WRITE, "makeNotice", "", API_FLAG_BODY, handle_make, NULL },
};
const size_t api_notice_route_count = HIN_COUNT(api_notice_routes);
