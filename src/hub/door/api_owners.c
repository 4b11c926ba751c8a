/*
 * api_owners - organisations, contacts and what they answer for, one at a time; and what nobody
 * answers for yet.
 *
 * What is added or changed goes through the same import as a file, of one line, so that every rule
 * of the directory counts, the act is the same, and snapshots are made anew.
 */
#include <sodium.h>
#include <stdio.h>

#include "base/number.h"
#include "hub/door/api_rows.h"
#include "hub/owners/directory.h"
#include "trust/act_numbers.h"

#define SOURCE "hand"

/* ---- one line for the import ---- */

struct refusal {
	char text[400];
	bool given;
};

static void note(void *user, const char *line)
{
	struct refusal *first = user;

	if (!first->given)
		snprintf(first->text, sizeof(first->text), "%s",
			 strncmp(line, "line:2: ", 8) == 0 ? line + 8 : line);
	first->given = true;
}

/* Append a cell of the line; it is the reader's rules that say what may be in it. */
static void add_cell(struct hin_buffer *head, struct hin_buffer *line, const char *name,
		     const char *value)
{
	hin_buffer_printf(head, "%s%s", head->used > 0 ? "," : "", name);
	hin_buffer_puts(line, line->used > 0 ? ",\"" : "\"");
	for (; *value != '\0'; value++) {
		if (*value == '"')
			hin_buffer_putc(line, '"');
		hin_buffer_putc(line, *value);
	}
	hin_buffer_putc(line, '"');
}

/* Bring one line into the directory; false when refused. */
static bool import_line(struct api_call *call, struct hin_buffer *head,
			const struct hin_buffer *line, struct hin_directory_report *report)
{
	struct hin_directory_import options = { .source = SOURCE,
						.account = call->who.account.id,
						.now_us = call->now_us,
						.name = "api" };
	struct refusal first = { .given = false };
	struct hin_directory_notes notes = { .note = note, .user = &first };
	struct hin_directory *d = hin_directory_new();
	struct hin_error err = { 0 };
	enum hin_code code;

	hin_buffer_printf(head, "\n%s\n", hin_buffer_text(line));
	code = d == NULL || head->failed || line->failed
		       ? hin_fail(&err, HIN_ENOMEM, "no memory: try again")
		       : hin_directory_parse(d, HIN_DIRECTORY_CSV, "line", SOURCE, head->data,
					     head->used, &notes, &err);
	if (code == HIN_OK && notes.refused > 0)
		code = hin_fail(&err, HIN_EUSAGE, "%s", first.text);
	if (code == HIN_OK) {
		crypto_hash_sha256(options.digest, (const unsigned char *)head->data, head->used);
		code = hin_directory_import(call->desk, d, &options, report, &err);
	}
	hin_directory_free(d);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
	return code == HIN_OK;
}

/* ---- organisations ---- */

static const struct field {
	const char *name;
	size_t most;
} organisation_fields[] = {
	{ "name", HIN_DIRECTORY_TEXT },
	{ "name_ja", HIN_DIRECTORY_TEXT },
	{ "country", 2 },
	{ "language", 2 },
	{ "sector", 64 },
	{ "tlp", 16 },
};

static const struct field contact_fields[] = {
	{ "contact", HIN_DIRECTORY_ADDRESS },
	{ "channel", 16 },
	{ "role", 16 },
	{ "contact_language", 2 },
	{ "quiet", 64 },
	{ "digest", 8 },
};

static const struct field holding_fields[] = {
	{ "holding", HIN_HOLDING_TEXT },
	{ "label", HIN_DIRECTORY_TEXT },
	{ "from", 40 },
	{ "until", 40 },
};

/* Cells of the body's texts that are given; false when refused. */
static bool add_fields(struct api_call *call, const struct field *fields, size_t count,
		       struct hin_buffer *head, struct hin_buffer *line)
{
	bool good = true;

	for (size_t i = 0; i < count; i++) {
		const char *value =
			api_body_text(call, fields[i].name, fields[i].most, false, &good);

		if (good && value != NULL)
			add_cell(head, line, fields[i].name, value);
	}
	return good;
}

static bool add_member(struct api_call *call, struct hin_buffer *head, struct hin_buffer *line)
{
	bool good = true, member = api_body_bool(call, "member", false, &good);

	if (good && json_is_boolean(json_object_get(call->body, "member")))
		add_cell(head, line, "member", member ? "yes" : "no");
	return good;
}

/* The handle of the organisation of the path, in the arena; NULL when refused. */
static const char *path_handle(struct api_call *call, int64_t *id)
{
	struct hin_error err = { 0 };
	const char *handle = NULL;
	sqlite3_stmt *s;
	enum hin_code code = HIN_EFORMAT;

	*id = api_path_number(call, 0);
	if (*id == 0)
		return NULL;
	s = hin_desk_statement(call->desk, "SELECT handle FROM organisation WHERE id = ?1", &err);
	if (s != NULL)
		code = hin_desk_bind(call->desk, s, &err, "i", *id);
	if (code == HIN_OK)
		code = hin_desk_step(call->desk, s, &err);
	if (code == HIN_OK) {
		handle = hin_arena_strdup(&call->arena, hin_desk_text(s, 0));
		sqlite3_reset(s);
	}
	if (code == HIN_EOF)
		code = hin_fail(&err, HIN_ENOENT, "there is no such organisation");
	if (code == HIN_OK && handle == NULL)
		code = hin_fail(&err, HIN_ENOMEM, "no memory: try again");
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
	return handle;
}

/* A line about `handle` with the fields of the body; what became of it in `report`. */
static bool bring(struct api_call *call, const char *handle, const struct field *fields,
		  size_t count, bool member, struct hin_directory_report *report)
{
	struct hin_buffer head = { 0 }, line = { 0 };
	bool done;

	add_cell(&head, &line, "organisation", handle);
	done = add_fields(call, fields, count, &head, &line) &&
	       (!member || add_member(call, &head, &line)) &&
	       import_line(call, &head, &line, report);
	hin_buffer_fini(&head);
	hin_buffer_fini(&line);
	return done;
}

static void answer_id(struct api_call *call, const char *sql, const char *handle)
{
	struct hin_error err = { 0 };
	int64_t id = 0;
	enum hin_code code = hin_desk_number(call->desk, &id, &err, sql, "t", handle);

	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return;
	}
	call->status = 201;
	api_open(&call->out, NULL, '{');
	api_number(&call->out, "id", id);
	hin_buffer_puts(&call->out, "}\n");
}

#define ORGANISATION_FIELDS "name name_ja country language sector tlp member"

static void handle_make(struct api_call *call)
{
	bool good = api_body_only(call, "handle " ORGANISATION_FIELDS);
	const char *handle = api_body_text(call, "handle", HIN_DIRECTORY_HANDLE - 1, true, &good);
	struct hin_directory_report report = { 0 };
	struct hin_error err = { 0 };
	int64_t known = 0;

	if (!good || api_body_text(call, "name", HIN_DIRECTORY_TEXT, true, &good) == NULL)
		return;
	if (hin_desk_number(call->desk, &known, &err,
			    "SELECT count(*) FROM organisation WHERE handle = lower(?1)", "t",
			    handle) != HIN_OK) {
		api_refuse_code(call, err.code, &err);
		return;
	}
	if (known != 0)
		api_refuse(call, 409, "conflict", "there is an organisation with this handle");
	else if (bring(call, handle, organisation_fields, HIN_COUNT(organisation_fields), true,
		       &report))
		answer_id(call, "SELECT id FROM organisation WHERE handle = lower(?1)", handle);
	hin_directory_report_fini(&report);
}

static void handle_change(struct api_call *call)
{
	struct hin_directory_report report = { 0 };
	const char *handle;
	int64_t id;

	if (!api_body_only(call, ORGANISATION_FIELDS))
		return;
	handle = path_handle(call, &id);
	if (handle != NULL &&
	    bring(call, handle, organisation_fields, HIN_COUNT(organisation_fields), true, &report))
		hin_buffer_puts(&call->out, "{}\n");
	hin_directory_report_fini(&report);
}

static void handle_add_contact(struct api_call *call)
{
	struct hin_directory_report report = { 0 };
	const char *handle;
	bool good = api_body_only(call, "contact channel role contact_language quiet digest");
	int64_t id;

	if (!good || api_body_text(call, "contact", HIN_DIRECTORY_ADDRESS, true, &good) == NULL)
		return;
	handle = path_handle(call, &id);
	if (handle != NULL &&
	    bring(call, handle, contact_fields, HIN_COUNT(contact_fields), false, &report)) {
		api_open(&call->out, NULL, '{');
		api_bool(&call->out, "added", report.contacts.added > 0);
		hin_buffer_puts(&call->out, "}\n");
	}
	hin_directory_report_fini(&report);
}

static void handle_add_holding(struct api_call *call)
{
	struct hin_directory_report report = { .line_limit = 20 };
	const char *handle;
	bool good = api_body_only(call, "holding label from until");
	int64_t id;

	if (!good || api_body_text(call, "holding", HIN_HOLDING_TEXT, true, &good) == NULL)
		return;
	handle = path_handle(call, &id);
	if (handle != NULL &&
	    bring(call, handle, holding_fields, HIN_COUNT(holding_fields), false, &report)) {
		api_open(&call->out, NULL, '{');
		api_bool(&call->out, "added", report.holdings.added > 0);
		api_bool(&call->out, "moved", report.holdings.moved > 0);
		api_number(&call->out, "conflicts", (int64_t)report.conflicts);
		hin_buffer_puts(&call->out, "}\n");
	}
	hin_directory_report_fini(&report);
}

/* ---- removing ---- */

struct removal {
	const char *what, *find, *remove; /* SQL with ?1 organisation, ?2 the object */
	int64_t organisation, object;
	const char *handle;
};

static enum hin_code remove_it(struct api_call *call, void *user, struct hin_buffer *object,
			       struct hin_error *err)
{
	struct removal *r = user;
	int64_t there = 0;
	enum hin_code code =
		hin_desk_number(call->desk, &there, err, r->find, "ii", r->organisation, r->object);

	if (code == HIN_OK && there == 0)
		code = hin_fail(err, HIN_ENOENT, "there is no such %s", r->what);
	/* of a whole organisation: by hand, since what a foreign key does knows no OR IGNORE of the
	 * triggers behind it */
	if (code == HIN_OK && r->object == 0)
		code = hin_desk_run(
			call->desk, err,
			"UPDATE finding SET organisation = NULL WHERE organisation = ?1", "i",
			r->organisation);
	if (code == HIN_OK)
		code = hin_desk_run(call->desk, err, r->remove, "ii", r->organisation, r->object);
	if (code == HIN_OK)
		code = hin_directory_touch(call->desk, false, err);
	api_text(object, "removed", r->what);
	api_text(object, "organisation", r->handle);
	if (r->object != 0)
		api_number(object, "number", r->object);
	return code;
}

static void remove_part(struct api_call *call, const char *what, const char *find,
			const char *remove)
{
	struct removal r = { .what = what, .find = find, .remove = remove };
	int64_t object;

	if (hin_number_i64(&object, "number", call->path[1], 1, INT64_MAX, NULL) != HIN_OK) {
		api_refuse(call, 404, "not-found", "there is nothing of that number");
		return;
	}
	r.object = object;
	r.handle = path_handle(call, &r.organisation);
	if (r.handle != NULL && api_do_act(call, HIN_ACT_DIRECTORY_CHANGED, remove_it, &r))
		hin_buffer_puts(&call->out, "{}\n");
}

static void handle_remove_contact(struct api_call *call)
{
	remove_part(call, "contact",
		    "SELECT count(*) FROM contact WHERE organisation = ?1 AND id = ?2",
		    "DELETE FROM contact WHERE organisation = ?1 AND id = ?2");
}

static void handle_remove_holding(struct api_call *call)
{
	remove_part(call, "holding",
		    "SELECT count(*) FROM holding WHERE organisation = ?1 AND id = ?2",
		    "DELETE FROM holding WHERE organisation = ?1 AND id = ?2");
}

static void handle_remove(struct api_call *call)
{
	struct removal r = {
		.what = "organisation",
		.find = "SELECT count(*) FROM organisation WHERE id = ?1 AND ?2 = 0",
		.remove = "DELETE FROM organisation WHERE id = ?1 AND ?2 = 0",
	};
	struct hin_error err = { 0 };
	int64_t accounts = 0;

	r.handle = path_handle(call, &r.organisation);
	if (r.handle == NULL)
		return;
	if (hin_desk_number(call->desk, &accounts, &err,
			    "SELECT count(*) FROM account WHERE organisation = ?1", "i",
			    r.organisation) != HIN_OK)
		api_refuse_code(call, err.code, &err);
	else if (accounts != 0)
		api_refuse(call, 409, "conflict",
			   "accounts are of this organisation: give them another first");
	else if (api_do_act(call, HIN_ACT_DIRECTORY_CHANGED, remove_it, &r))
		hin_buffer_puts(&call->out, "{}\n");
}

/* ---- a contact that came back ---- */

struct contact_state {
	int64_t organisation, contact;
	const char *handle, *state;
};

static enum hin_code set_contact(struct api_call *call, void *user, struct hin_buffer *object,
				 struct hin_error *err)
{
	const struct contact_state *c = user;
	enum hin_code code = hin_desk_run(
		call->desk, err,
		"UPDATE contact SET state = ?3, state_reason = '', state_us = ?4 WHERE "
		"organisation = ?1 AND id = ?2",
		"iiti", c->organisation, c->contact, c->state, call->now_us);

	if (code == HIN_OK && hin_desk_changed(call->desk) == 0)
		code = hin_fail(err, HIN_ENOENT, "there is no such contact");
	if (code == HIN_OK)
		code = hin_directory_touch(call->desk, false, err);
	api_text(object, "organisation", c->handle);
	api_number(object, "contact", c->contact);
	api_text(object, "state", c->state);
	return code;
}

static void handle_contact(struct api_call *call)
{
	bool good = api_body_only(call, "state");
	struct contact_state c = { .state = api_body_text(call, "state", 16, true, &good) };

	if (!good)
		return;
	if (strcmp(c.state, "ok") != 0 && strcmp(c.state, "off") != 0) {
		api_refuse(call, 422, "not-so", "\"state\" is ok or off");
		return;
	}
	if (hin_number_i64(&c.contact, "number", call->path[1], 1, INT64_MAX, NULL) != HIN_OK) {
		api_refuse(call, 404, "not-found", "there is nothing of that number");
		return;
	}
	c.handle = path_handle(call, &c.organisation);
	if (c.handle != NULL && api_do_act(call, HIN_ACT_DIRECTORY_CHANGED, set_contact, &c))
		hin_buffer_puts(&call->out, "{}\n");
}

/* ---- what nobody answers for ---- */

static const struct api_column unowned_columns[] = {
	{ "notice", 'i' },    { "case", 'i' },	  { "kind", 't' },
	{ "address", 'a' },   { "device", 't' },  { "first_seen", 'u' },
	{ "last_seen", 'u' }, { "created", 'u' }, { "severity", 't' },
};

static void handle_unowned(struct api_call *call)
{
	int64_t before = INT64_MAX, limit = 100;
	struct hin_error err = { 0 };
	sqlite3_stmt *s;
	enum hin_code code = HIN_EFORMAT;

	if (!api_query_number(call, "before", 1, INT64_MAX, &before) ||
	    !api_query_number(call, "limit", 1, API_PAGE_MOST, &limit))
		return;
	api_open(&call->out, NULL, '{');
	api_open(&call->out, "unowned", '[');
	s = hin_desk_statement(call->desk,
			       "SELECT n.id, n.case_id, n.kind, n.address, n.device, "
			       "n.first_seen_us, n.last_seen_us, n.created_us, c.severity FROM "
			       "notice n JOIN case_ c ON c.id = n.case_id WHERE n.state = "
			       "'no_owner' AND n.id < ?1 ORDER BY n.id DESC LIMIT ?2",
			       &err);
	if (s != NULL)
		code = hin_desk_bind(call->desk, s, &err, "ii", before, limit);
	if (code == HIN_OK)
		code = api_rows_json(call, s, unowned_columns, HIN_COUNT(unowned_columns), &err);
	hin_buffer_puts(&call->out, "]}\n");
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

struct owning {
	int64_t notice, organisation, finding;
	const char *handle;
	bool has_address; /* else of a device alone: nothing is held for it */
	struct hin_addr address;
};

/* It holds the address from now on, and what was found of it is its own. */
static enum hin_code own_it(struct api_call *call, void *user, struct hin_buffer *object,
			    struct hin_error *err)
{
	const struct owning *o = user;
	const struct hin_addr *address = o->has_address ? &o->address : NULL;
	enum hin_code code = HIN_OK;

	if (o->has_address)
		code = hin_desk_run(
			call->desk, err,
			"INSERT INTO holding (organisation, kind, low, high, label, source) SELECT "
			"?1, "
			"'prefix', ?2, ?2, '', '" SOURCE
			"' WHERE NOT EXISTS (SELECT 1 FROM holding WHERE "
			"organisation = ?1 AND kind = 'prefix' AND low = ?2 AND high = ?2)",
			"ia", o->organisation, &o->address);

	if (code == HIN_OK)
		code = hin_desk_run(call->desk, err,
				    "UPDATE finding SET organisation = ?1 WHERE organisation IS "
				    "NULL AND (id = ?2 OR (address = ?3 AND live = 1))",
				    "iia", o->organisation, o->finding, address);
	if (code == HIN_OK)
		code = hin_desk_run(call->desk, err,
				    "UPDATE case_ SET organisation = ?1 WHERE organisation IS NULL "
				    "AND id = (SELECT case_id FROM notice WHERE id = ?2)",
				    "ii", o->organisation, o->notice);
	if (code == HIN_OK)
		code = hin_directory_touch(call->desk, false, err);
	api_text(object, "organisation", o->handle);
	api_number(object, "notice", o->notice);
	api_address(object, "address", address);
	return code;
}

/* Read the notice of the path, which nobody answers for; false when refused. */
static bool read_unowned(struct api_call *call, struct owning *out)
{
	struct hin_error err = { 0 };
	sqlite3_stmt *s;
	enum hin_code code = HIN_EFORMAT;

	out->notice = api_path_number(call, 0);
	if (out->notice == 0)
		return false;
	s = hin_desk_statement(call->desk,
			       "SELECT address, coalesce(finding, 0) FROM notice WHERE id = ?1 AND "
			       "state = 'no_owner'",
			       &err);
	if (s != NULL)
		code = hin_desk_bind(call->desk, s, &err, "i", out->notice);
	if (code == HIN_OK)
		code = hin_desk_step(call->desk, s, &err);
	if (code == HIN_EOF)
		code = hin_fail(&err, HIN_ENOENT, "no such notice waits for an owner");
	if (code == HIN_OK) {
		out->has_address = hin_desk_address(s, 0, &out->address);
		out->finding = sqlite3_column_int64(s, 1);
		sqlite3_reset(s);
		return true;
	}
	api_refuse_code(call, code, &err);
	return false;
}

static void handle_own(struct api_call *call)
{
	bool good = api_body_only(call, "organisation");
	struct owning o = { .organisation =
				    api_body_number(call, "organisation", 1, INT64_MAX, 0, &good) };
	char number[24];

	if (good && o.organisation == 0)
		api_refuse(call, 400, "missing", "\"organisation\" is needed");
	if (!good || o.organisation == 0 || !read_unowned(call, &o))
		return;
	snprintf(number, sizeof(number), "%lld", (long long)o.organisation);
	call->path[0] = number;
	o.handle = path_handle(call, &o.organisation);
	if (o.handle != NULL && api_do_act(call, HIN_ACT_DIRECTORY_CHANGED, own_it, &o))
		hin_buffer_puts(&call->out, "{}\n");
}

static void handle_sectors(struct api_call *call)
{
	size_t count;
	const struct hin_sector *sectors = hin_sectors(&count);

	api_open(&call->out, NULL, '{');
	api_open(&call->out, "sectors", '[');
	for (size_t i = 0; i < count; i++) {
		api_open(&call->out, NULL, '{');
		api_text(&call->out, "word", sectors[i].word);
		api_text(&call->out, "text", sectors[i].text[HIN_EN]);
		api_text(&call->out, "text_ja", sectors[i].text[HIN_JA]);
		hin_buffer_putc(&call->out, '}');
	}
	hin_buffer_puts(&call->out, "]}\n");
}

#define V "/api/v1"
#define KEEP API_OPERATOR | API_ADMINISTRATOR, HIN_SCOPE_DIRECTORY, API_RATE_PLAIN, API_LANE_WRITE
#define BODY API_FLAG_BODY

const struct api_route api_owner_routes[] = {
	{ "POST", V "/organisations", KEEP, "makeOrganisation", "", BODY, handle_make, NULL },
	{ "PATCH", V "/organisations/{id}", KEEP, "changeOrganisation", "", BODY, handle_change,
	  NULL },
	{ "DELETE", V "/organisations/{id}", KEEP, "removeOrganisation", "", 0, handle_remove,
	  NULL },
	{ "POST", V "/organisations/{id}/contacts", KEEP, "addContact", "", BODY,
	  handle_add_contact, NULL },
	{ "PATCH", V "/organisations/{id}/contacts/{contact}", KEEP, "changeContact", "", BODY,
	  handle_contact, NULL },
	{ "DELETE", V "/organisations/{id}/contacts/{contact}", KEEP, "removeContact", "", 0,
	  handle_remove_contact, NULL },
	{ "POST", V "/organisations/{id}/holdings", KEEP, "addHolding", "", BODY,
	  handle_add_holding, NULL },
	{ "DELETE", V "/organisations/{id}/holdings/{holding}", KEEP, "removeHolding", "", 0,
	  handle_remove_holding, NULL },
	{ "GET", V "/directory/unowned", API_STAFF, HIN_SCOPE_READ, API_RATE_PLAIN, API_LANE_READ,
	  "listUnowned", "before limit", 0, handle_unowned, NULL },
	{ "POST", V "/directory/unowned/{notice}/owner", KEEP, "setOwner", "", BODY, handle_own,
	  NULL },
	{ "GET", V "/directory/sectors", API_PEOPLE, HIN_SCOPE_READ, API_RATE_PLAIN, API_NOW,
	  "listSectors", "", 0, handle_sectors, NULL },
};
const size_t api_owner_route_count = HIN_COUNT(api_owner_routes);
