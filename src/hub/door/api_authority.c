/*
 * api_authority - authorities and the rosters of their signers: taken in when they are signed well,
 * told of as the ledger has them, asked what they permit, and ended.
 *
 * Notes are made and signed elsewhere (hinomi authority new, sign): no signer's key is ever here.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/escape.h"
#include "hub/door/api_rows.h"
#include "trust/act_numbers.h"
#include "trust/authority.h"

#define REASON 1000

/* ---- the ledger's word ---- */

/*
 * What the ledger says of an authority; all zeros without a ledger. The book is read on; what was
 * written to the desk a moment ago may not be there yet.
 */
static enum hin_code state_of(struct api_call *call, const uint8_t digest[32],
			      struct hin_authority_state *out, struct hin_error *err)
{
	struct hin_api *api = call->api;
	enum hin_code code = HIN_OK;

	*out = (struct hin_authority_state){ 0 };
	if (api->settings.ledger == NULL || api->settings.ledger_folder == NULL)
		return HIN_OK;
	pthread_mutex_lock(&api->trust_lock);
	if (api->book == NULL)
		code = hin_authority_book_open(&api->book, api->settings.ledger_folder,
					       hin_ledger_key(api->settings.ledger), err);
	pthread_mutex_unlock(&api->trust_lock);
	if (code == HIN_OK)
		code = hin_authority_book_read(api->book, err);
	if (code == HIN_OK)
		hin_authority_book_state(api->book, digest, out);
	return code;
}

/* ---- one authority ---- */

/* A row of the desk, read. */
struct authority {
	struct hin_authority note;
	struct hin_signers roster;
	struct hin_authority_state state;
	int64_t added_us, revoked_us;
	bool outdated;	  /* there is a newer roster: it does not count any more */
	const char *text; /* of the call's arena: the whole signed note */
};

static const char *copy_text(struct api_call *call, sqlite3_stmt *s, int at, size_t *size)
{
	*size = (size_t)sqlite3_column_bytes(s, at);
	return hin_arena_copy(&call->arena, hin_desk_text(s, at), *size);
}

/* The roster of that digest, as it was taken in. HIN_ENOENT. */
static enum hin_code read_roster(struct api_call *call, const uint8_t digest[32],
				 struct hin_signers *out, struct hin_error *err)
{
	sqlite3_stmt *s =
		hin_desk_statement(call->desk, "SELECT text FROM signers WHERE digest = ?1", err);
	enum hin_code code = HIN_EFORMAT;

	if (s != NULL)
		code = hin_desk_bind(call->desk, s, err, "b", (const void *)digest, (size_t)32);
	if (code == HIN_OK)
		code = hin_desk_step(call->desk, s, err);
	if (code == HIN_EOF)
		return hin_fail(err, HIN_ENOENT, "its roster of signers is not known here");
	if (code != HIN_OK)
		return code;
	code = hin_signers_parse(out, hin_desk_text(s, 0), (size_t)sqlite3_column_bytes(s, 0), err);
	sqlite3_reset(s);
	return code;
}

/* The newest roster. HIN_ENOENT when there is none. */
static enum hin_code newest_roster(struct api_call *call, struct hin_signers *out,
				   struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		call->desk, "SELECT text FROM signers ORDER BY number DESC LIMIT 1", err);
	enum hin_code code = s != NULL ? hin_desk_step(call->desk, s, err) : HIN_EFORMAT;

	if (code == HIN_EOF)
		return hin_fail(err, HIN_ENOENT,
				"no roster of signers is known here: an administrator gives it "
				"first");
	if (code != HIN_OK)
		return code;
	code = hin_signers_parse(out, hin_desk_text(s, 0), (size_t)sqlite3_column_bytes(s, 0), err);
	sqlite3_reset(s);
	return code;
}

static const char *word_of(const struct authority *a, int64_t now_s)
{
	if (a->state.revoked || a->revoked_us != 0)
		return "revoked";
	if (a->outdated)
		return "other-signers";
	if (now_s >= a->note.until_s)
		return "expired";
	if (a->note.uses > 0 && a->state.uses >= a->note.uses)
		return "used-up";
	if (!a->state.made) /* the pump brings it there within a second */
		return "not-in-ledger";
	return now_s < a->note.from_s ? "not-yet" : "in-force";
}

static void write_limits(struct hin_buffer *out, const struct hin_authority *a)
{
	char text[HIN_PREFIX_TEXT];

	api_open(out, "prefixes", '[');
	for (size_t i = 0; i < a->prefix_count; i++)
		hin_buffer_printf(out, "%s\"%s\"", i > 0 ? "," : "",
				  hin_prefix_format(&a->prefixes[i], text));
	hin_buffer_putc(out, ']');
	api_open(out, "ports", '[');
	for (size_t i = 0; i < a->port_count; i++) {
		const struct hin_authority_ports *p = &a->ports[i];

		hin_buffer_printf(out, "%s\"%s/%u", i > 0 ? "," : "",
				  p->protocol == 6 ? "tcp" : "udp", p->low);
		if (p->high != p->low)
			hin_buffer_printf(out, "-%u", p->high);
		hin_buffer_putc(out, '"');
	}
	hin_buffer_putc(out, ']');
	api_number(out, "rate", (int64_t)a->rate);
	api_number(out, "uses", (int64_t)a->uses);
}

static void write_signers(struct hin_buffer *out, const struct authority *a)
{
	api_open(out, "signed_by", '[');
	for (unsigned i = 0; i < a->roster.count; i++) {
		if (!(a->note.signed_by >> i & 1))
			continue;
		api_comma(out);
		hin_escape_json(out, a->roster.keys[i].name, strlen(a->roster.keys[i].name));
	}
	hin_buffer_putc(out, ']');
}

/* The object stays open. */
static void write_authority(struct api_call *call, const struct authority *a)
{
	const struct hin_act_word *kind = hin_act_word(&hin_authorities, a->note.kind);
	struct hin_buffer *out = &call->out;

	api_open(out, NULL, '{');
	api_hex(out, "digest", a->note.digest, sizeof(a->note.digest));
	api_text(out, "number", a->note.number);
	api_text(out, "kind", kind != NULL ? kind->name : "unknown");
	api_text(out, "text", kind != NULL ? kind->text[HIN_EN] : "");
	api_text(out, "text_ja", kind != NULL ? kind->text[HIN_JA] : "");
	api_text(out, "state", word_of(a, call->now_us / 1000000));
	api_hex(out, "signers", a->note.signers, sizeof(a->note.signers));
	write_signers(out, a);
	api_text_or_null(out, "requester", a->note.has_requester ? a->note.requester.name : NULL);
	api_time(out, "from", a->note.from_s * 1000000);
	api_time(out, "until", a->note.until_s * 1000000);
	write_limits(out, &a->note);
	api_number(out, "used", (int64_t)a->state.uses);
	api_time(out, "added", a->added_us);
	api_time(out, "made", a->state.made_us);
	api_time(out, "revoked", a->state.revoked_us != 0 ? a->state.revoked_us : a->revoked_us);
}

/* Take a row (note, added_us, revoked_us) apart. */
static enum hin_code read_authority(struct api_call *call, sqlite3_stmt *s, struct authority *out,
				    struct hin_error *err)
{
	size_t size;
	int64_t newer = 0;
	const char *end;
	enum hin_code code;

	*out = (struct authority){ .text = copy_text(call, s, 0, &size),
				   .added_us = sqlite3_column_int64(s, 1),
				   .revoked_us = sqlite3_column_int64(s, 2) };
	if (out->text == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory: try again");
	end = strstr(out->text, "\n\n");
	code = end != NULL ? hin_authority_parse(&out->note, out->text,
						 (size_t)(end - out->text) + 1, err)
			   : HIN_EFORMAT;
	if (code == HIN_OK)
		code = read_roster(call, out->note.signers, &out->roster, err);
	/* its signatures again: the desk alone is not believed */
	if (code == HIN_OK)
		code = hin_authority_open(&out->note, out->text, size, &out->roster, err);
	if (code == HIN_OK)
		code = hin_desk_number(call->desk, &newer, err,
				       "SELECT count(*) FROM signers WHERE number > ?1", "i",
				       (int64_t)out->roster.number);
	out->outdated = newer != 0;
	if (code == HIN_OK)
		code = state_of(call, out->note.digest, &out->state, err);
	return code;
}

static void handle_list(struct api_call *call)
{
	struct authority *a = hin_arena_alloc(&call->arena, sizeof(*a));
	int64_t before = INT64_MAX, limit = 100;
	struct hin_error err = { 0 };
	sqlite3_stmt *s;
	enum hin_code code = HIN_EFORMAT;

	if (a == NULL) {
		api_refuse(call, 503, "memory", "no memory: try again");
		return;
	}
	if (!api_query_number(call, "before", 1, INT64_MAX, &before) ||
	    !api_query_number(call, "limit", 1, API_PAGE_MOST, &limit))
		return;
	s = hin_desk_statement(call->desk,
			       "SELECT note, added_us, revoked_us, id FROM authority WHERE id < ?1 "
			       "ORDER BY id DESC LIMIT ?2",
			       &err);
	if (s != NULL)
		code = hin_desk_bind(call->desk, s, &err, "ii", before, limit);
	api_open(&call->out, NULL, '{');
	api_open(&call->out, "authorities", '[');
	while (code == HIN_OK && (code = hin_desk_step(call->desk, s, &err)) == HIN_OK) {
		code = read_authority(call, s, a, &err);
		if (code != HIN_OK)
			break;
		write_authority(call, a);
		api_number(&call->out, "id", sqlite3_column_int64(s, 3));
		hin_buffer_putc(&call->out, '}');
	}
	hin_buffer_puts(&call->out, "]}\n");
	if (s != NULL)
		sqlite3_reset(s);
	if (code != HIN_EOF)
		api_refuse_code(call, code, &err);
}

/* The authority of the path; NULL when refused. */
static struct authority *find(struct api_call *call, int64_t *id)
{
	struct authority *a = hin_arena_alloc(&call->arena, sizeof(*a));
	struct hin_error err = { 0 };
	uint8_t digest[32];
	size_t got = 0;
	sqlite3_stmt *s;
	enum hin_code code = HIN_EFORMAT;

	if (strlen(call->path[0]) != 64 ||
	    sodium_hex2bin(digest, 32, call->path[0], 64, NULL, &got, NULL) != 0 || got != 32) {
		api_refuse(call, 404, "not-found", "there is no authority of that digest");
		return NULL;
	}
	s = hin_desk_statement(call->desk,
			       "SELECT note, added_us, revoked_us, id FROM authority WHERE digest "
			       "= ?1",
			       &err);
	if (s != NULL && a != NULL)
		code = hin_desk_bind(call->desk, s, &err, "b", (const void *)digest,
				     sizeof(digest));
	if (code == HIN_OK)
		code = hin_desk_step(call->desk, s, &err);
	if (code == HIN_EOF)
		code = hin_fail(&err, HIN_ENOENT, "there is no authority of that digest");
	else if (code == HIN_OK)
		code = read_authority(call, s, a, &err);
	if (code == HIN_OK)
		*id = sqlite3_column_int64(s, 3);
	if (s != NULL)
		sqlite3_reset(s);
	if (code == HIN_OK)
		return a;
	api_refuse_code(call, code, &err);
	return NULL;
}

static void handle_get(struct api_call *call)
{
	struct hin_buffer text = { 0 };
	int64_t id;
	struct authority *a = find(call, &id);

	if (a == NULL)
		return;
	write_authority(call, a);
	api_number(&call->out, "id", id);
	api_text(&call->out, "note", a->text);
	hin_revocation_format(&text, a->note.digest);
	api_text(&call->out, "revocation", hin_buffer_text(&text)); /* what a signer signs */
	hin_buffer_fini(&text);
	hin_buffer_puts(&call->out, "}\n");
}

/* ---- asking what it permits ---- */

static bool read_request(struct api_call *call, struct hin_authority_request *r,
			 struct hin_prefix *prefix, int64_t *at_us)
{
	const char *net = api_query(call, "prefix"), *port = api_query(call, "port");
	int64_t rate = 0, use = 0;
	struct hin_authority_ports ports;
	struct hin_error err = { 0 };

	if (!api_query_number(call, "rate", 0, INT64_MAX, &rate) ||
	    !api_query_number(call, "use", 0, 1, &use) || !api_query_time(call, "at", at_us))
		return false;
	r->rate = (uint64_t)rate;
	r->use = use != 0;
	if (net != NULL && hin_prefix_parse(prefix, net, &err) != HIN_OK) {
		api_refuse(call, 400, "prefix", "\"prefix\" is no prefix");
		return false;
	}
	if (net != NULL)
		r->prefix = prefix;
	if (port == NULL)
		return true;
	if (hin_authority_ports_parse(&ports, port, &err) != HIN_OK) {
		api_refuse(call, 400, "port", "\"port\" is as tcp/22-23 or udp/53");
		return false;
	}
	r->protocol = ports.protocol;
	r->port_low = ports.low;
	r->port_high = ports.high;
	return true;
}

static void handle_check(struct api_call *call)
{
	struct hin_authority_request request = { 0 };
	struct hin_error err = { 0 };
	int64_t at_us = call->now_us, id;
	struct hin_prefix prefix;
	struct authority *a;
	enum hin_code code;

	if (!read_request(call, &request, &prefix, &at_us))
		return;
	a = find(call, &id);
	if (a == NULL)
		return;
	request.kind = a->note.kind;
	a->state.revoked |= a->revoked_us != 0;
	code = a->outdated
		       ? hin_fail(&err, HIN_EDENIED,
				  "it names another roster of signers than that in force")
		       : hin_authority_check(&a->note, &a->state, at_us / 1000000, &request, &err);
	if (code != HIN_OK && code != HIN_EDENIED) {
		api_refuse_code(call, code, &err);
		return;
	}
	api_open(&call->out, NULL, '{');
	api_bool(&call->out, "permitted", code == HIN_OK);
	api_text_or_null(&call->out, "why", code == HIN_OK ? NULL : err.text);
	hin_buffer_puts(&call->out, "}\n");
}

/* ---- taking in ---- */

/* The note of the body, opened; `roster` is what it was checked by. */
static enum hin_code open_note(struct api_call *call, struct hin_authority *a,
			       struct hin_signers *roster, struct hin_error *err)
{
	enum hin_code code = newest_roster(call, roster, err);

	if (code == HIN_OK)
		code = hin_authority_open(a, call->text.data, call->text.used, roster, err);
	return code == HIN_ENOENT ? HIN_EUSAGE : code;
}

static enum hin_code add(struct api_call *call, void *user, struct hin_buffer *object,
			 struct hin_error *err)
{
	const struct hin_authority *a = user;
	const struct hin_act_word *kind = hin_act_word(&hin_authorities, a->kind);

	api_text(object, "number", a->number);
	api_text(object, "kind", kind != NULL ? kind->name : "");
	api_hex(object, "digest", a->digest, sizeof(a->digest));
	return hin_desk_run(call->desk, err,
			    "INSERT INTO authority (digest, number, kind, signers, from_us, "
			    "until_us, note, added_us, account) VALUES (?1, ?2, ?3, ?4, ?5, ?6, "
			    "?7, ?8, ?9)",
			    "btibiitii", (const void *)a->digest, sizeof(a->digest), a->number,
			    (int64_t)a->kind, (const void *)a->signers, sizeof(a->signers),
			    a->from_s * 1000000, a->until_s * 1000000, hin_buffer_text(&call->text),
			    call->now_us, call->who.account.id);
}

/* Is it new to us and to the ledger? */
static enum hin_code is_new(struct api_call *call, const struct hin_authority *a,
			    struct hin_error *err)
{
	struct hin_authority_state state;
	int64_t known = 0;
	enum hin_code code = hin_desk_number(call->desk, &known, err,
					     "SELECT count(*) FROM authority WHERE digest = ?1",
					     "b", (const void *)a->digest, sizeof(a->digest));

	if (code == HIN_OK)
		code = state_of(call, a->digest, &state, err);
	if (code == HIN_OK && (known != 0 || state.made || state.revoked))
		code = hin_fail(err, HIN_EDENIED, "authority %s is known already", a->number);
	return code;
}

static void handle_add(struct api_call *call)
{
	struct hin_authority *a = hin_arena_alloc(&call->arena, sizeof(*a));
	struct hin_signers *roster = hin_arena_alloc(&call->arena, sizeof(*roster));
	struct hin_error err = { 0 };
	enum hin_code code = a != NULL && roster != NULL
				     ? open_note(call, a, roster, &err)
				     : hin_fail(&err, HIN_ENOMEM, "no memory: try again");

	if (code == HIN_OK)
		code = is_new(call, a, &err);
	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return;
	}
	if (!api_do_act_under(call, HIN_ACT_AUTHORITY_MADE, a->digest, add, a))
		return;
	call->status = 201;
	api_open(&call->out, NULL, '{');
	api_hex(&call->out, "digest", a->digest, sizeof(a->digest));
	hin_buffer_puts(&call->out, "}\n");
}

/* ---- an end ---- */

struct ending {
	const struct authority *authority;
	const char *note, *reason, *signer;
};

static enum hin_code end_it(struct api_call *call, void *user, struct hin_buffer *object,
			    struct hin_error *err)
{
	const struct ending *e = user;

	api_text(object, "number", e->authority->note.number);
	if (e->signer != NULL)
		api_text(object, "signer", e->signer);
	if (e->reason != NULL)
		api_text(object, "reason", e->reason);
	return hin_desk_run(call->desk, err,
			    "UPDATE authority SET revoked_us = ?2, revocation = coalesce(?3, '') "
			    "WHERE digest = ?1",
			    "bit", (const void *)e->authority->note.digest, (size_t)32,
			    call->now_us, e->note);
}

/* The word of a signer, or an administrator's with a reason. */
static bool may_end(struct api_call *call, struct ending *e)
{
	const struct authority *a = e->authority;
	struct hin_error err = { 0 };
	uint64_t signed_by = 0;
	uint8_t digest[32];

	if (e->note == NULL) {
		if (call->who.account.role == HIN_ROLE_ADMINISTRATOR && e->reason != NULL)
			return true;
		api_refuse(call, 403, "note",
			   "send \"note\", a revocation that a signer has signed; an "
			   "administrator may give a \"reason\" instead");
		return false;
	}
	if (hin_revocation_open(digest, &signed_by, e->note, strlen(e->note), &a->roster, &err) !=
	    HIN_OK) {
		api_refuse_code(call, err.code, &err);
		return false;
	}
	if (memcmp(digest, a->note.digest, 32) != 0) {
		api_refuse(call, 409, "conflict", "the note is about another authority");
		return false;
	}
	e->signer = a->roster.keys[__builtin_ctzll(signed_by)].name;
	return true;
}

static void handle_end(struct api_call *call)
{
	bool good = api_body_only(call, "note reason");
	struct ending e = { .note = api_body_text(call, "note", 8192, false, &good),
			    .reason = api_body_text(call, "reason", REASON, false, &good) };
	int64_t id;

	if (!good)
		return;
	e.authority = find(call, &id);
	if (e.authority == NULL || !may_end(call, &e))
		return;
	if (e.authority->state.revoked || e.authority->revoked_us != 0)
		api_refuse(call, 409, "not-now", "it is revoked already");
	else if (api_do_act_under(call, HIN_ACT_AUTHORITY_REVOKED, e.authority->note.digest, end_it,
				  &e))
		hin_buffer_puts(&call->out, "{}\n");
}

/* ---- rosters ---- */

static void handle_rosters(struct api_call *call)
{
	struct hin_signers *roster = hin_arena_alloc(&call->arena, sizeof(*roster));
	struct hin_error err = { 0 };
	sqlite3_stmt *s = hin_desk_statement(
		call->desk, "SELECT text, added_us FROM signers ORDER BY number DESC LIMIT 100",
		&err);
	char key[HIN_NOTE_KEY_TEXT];
	enum hin_code code = s != NULL && roster != NULL ? HIN_OK : HIN_ENOMEM;

	api_open(&call->out, NULL, '{');
	api_open(&call->out, "rosters", '[');
	while (code == HIN_OK && (code = hin_desk_step(call->desk, s, &err)) == HIN_OK) {
		code = hin_signers_parse(roster, hin_desk_text(s, 0),
					 (size_t)sqlite3_column_bytes(s, 0), &err);
		if (code != HIN_OK)
			break;
		api_open(&call->out, NULL, '{');
		api_number(&call->out, "number", (int64_t)roster->number);
		api_hex(&call->out, "digest", roster->digest, sizeof(roster->digest));
		api_number(&call->out, "need", roster->need);
		api_open(&call->out, "signers", '[');
		for (unsigned i = 0; i < roster->count; i++) {
			api_comma(&call->out);
			hin_note_verifier_format(&roster->keys[i], key);
			hin_escape_json(&call->out, key, strlen(key));
		}
		hin_buffer_putc(&call->out, ']');
		api_time(&call->out, "added", sqlite3_column_int64(s, 1));
		hin_buffer_putc(&call->out, '}');
	}
	hin_buffer_puts(&call->out, "]}\n");
	if (s != NULL)
		sqlite3_reset(s);
	if (code != HIN_EOF)
		api_refuse_code(call, code, &err);
}

static enum hin_code add_roster(struct api_call *call, void *user, struct hin_buffer *object,
				struct hin_error *err)
{
	const struct hin_signers *roster = user;
	const char *end = strstr(call->text.data, "\n\n");
	size_t size = end != NULL ? (size_t)(end - call->text.data) + 1 : 0;
	const char *text = hin_arena_copy(&call->arena, call->text.data, size);

	if (text == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory: try again");
	api_number(object, "number", (int64_t)roster->number);
	api_hex(object, "digest", roster->digest, sizeof(roster->digest));
	return hin_desk_run(call->desk, err,
			    "INSERT INTO signers (number, digest, text, note, added_us, account) "
			    "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
			    "ibttii", (int64_t)roster->number, (const void *)roster->digest,
			    sizeof(roster->digest), text, call->text.data, call->now_us,
			    call->who.account.id);
}

static void handle_add_roster(struct api_call *call)
{
	struct hin_signers *before = hin_arena_alloc(&call->arena, sizeof(*before));
	struct hin_signers *roster = hin_arena_alloc(&call->arena, sizeof(*roster));
	struct hin_error err = { 0 };
	enum hin_code code = before != NULL && roster != NULL
				     ? newest_roster(call, before, &err)
				     : hin_fail(&err, HIN_ENOMEM, "no memory: try again");

	if (code == HIN_OK || code == HIN_ENOENT)
		code = hin_signers_open(roster, call->text.data, call->text.used,
					code == HIN_OK ? before : NULL, &err);
	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return;
	}
	if (!api_do_act(call, HIN_ACT_AUTHORITY_ROSTER, add_roster, roster))
		return;
	call->status = 201;
	api_open(&call->out, NULL, '{');
	api_number(&call->out, "number", (int64_t)roster->number);
	api_hex(&call->out, "digest", roster->digest, sizeof(roster->digest));
	hin_buffer_puts(&call->out, "}\n");
}

#define V "/api/v1"
#define LOOK API_STAFF, HIN_SCOPE_LEDGER, API_RATE_PLAIN
#define GIVE API_OPERATOR | API_ADMINISTRATOR, HIN_SCOPE_NONE, API_RATE_PLAIN, API_LANE_WRITE
#define NOTE API_FLAG_BODY | API_FLAG_TEXT

const struct api_route api_authority_routes[] = {
	{ "GET", V "/authorities", LOOK, API_LANE_READ, "listAuthorities", "before limit", 0,
	  handle_list, NULL },
	{ "POST", V "/authorities", GIVE, "addAuthority", "", NOTE, handle_add, NULL },
	{ "GET", V "/authorities/signers", LOOK, API_LANE_READ, "listSigners", "", 0,
	  handle_rosters, NULL },
	{ "POST", V "/authorities/signers", API_ADMINISTRATOR, HIN_SCOPE_NONE, API_RATE_PLAIN,
	  API_LANE_WRITE, "addSigners", "", NOTE, handle_add_roster, NULL },
	{ "GET", V "/authorities/{digest}", LOOK, API_LANE_READ, "getAuthority", "", 0, handle_get,
	  NULL },
	{ "GET", V "/authorities/{digest}/check", LOOK, API_LANE_READ, "checkAuthority",
	  "prefix port rate use at", 0, handle_check, NULL },
	{ "POST", V "/authorities/{digest}/revoke", GIVE, "revokeAuthority", "", API_FLAG_BODY,
	  handle_end, NULL },
};
const size_t api_authority_route_count = HIN_COUNT(api_authority_routes);
