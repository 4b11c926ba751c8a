/* api_directory - owners, contacts and holdings brought in by hand: the same CSV as the command's
 */
#include <sodium.h>
#include <stdio.h>

#include "hub/door/api_priv.h"
#include "hub/owners/directory.h"

#define CSV_MOST 60000
#define LINES 200 /* of the report */

/* The first line that is wrong. */
struct refusal {
	char text[400];
	bool given;
};

static void note(void *user, const char *line)
{
	struct refusal *first = user;

	if (!first->given)
		snprintf(first->text, sizeof(first->text), "%s", line);
	first->given = true;
}

static void write_change(struct hin_buffer *out, const char *name,
			 const struct hin_directory_change *c)
{
	api_open(out, name, '{');
	api_number(out, "added", (int64_t)c->added);
	api_number(out, "changed", (int64_t)c->changed);
	api_number(out, "removed", (int64_t)c->removed);
	api_number(out, "moved", (int64_t)c->moved);
	api_number(out, "same", (int64_t)c->same);
	hin_buffer_putc(out, '}');
}

static void write_report(struct hin_buffer *out, const struct hin_directory_report *r)
{
	api_open(out, NULL, '{');
	write_change(out, "organisations", &r->organisations);
	write_change(out, "contacts", &r->contacts);
	write_change(out, "holdings", &r->holdings);
	api_number(out, "conflicts", (int64_t)r->conflicts);
	api_text(out, "lines", hin_buffer_text(&r->lines));
	hin_buffer_puts(out, "}\n");
}

static enum hin_code import(struct api_call *call, struct hin_directory *d,
			    struct hin_directory_import *options, const char *csv,
			    struct hin_directory_report *report, struct hin_error *err)
{
	struct refusal first = { .given = false };
	struct hin_directory_notes notes = { .note = note, .user = &first };
	enum hin_code code = hin_directory_parse(d, HIN_DIRECTORY_CSV, "line", options->source, csv,
						 strlen(csv), &notes, err);

	/* all or nothing, as the command does unless it is told otherwise */
	if (code == HIN_OK && notes.refused > 0)
		return hin_fail(err, HIN_EUSAGE, "%s", first.text);
	crypto_hash_sha256(options->digest, (const unsigned char *)csv, strlen(csv));
	return code == HIN_OK ? hin_directory_import(call->desk, d, options, report, err) : code;
}

static void handle_import(struct api_call *call)
{
	bool good = api_body_only(call, "csv source replace dry_run");
	const char *csv = api_body_text(call, "csv", CSV_MOST, true, &good);
	const char *source = api_body_text(call, "source", 32, false, &good);
	struct hin_directory_import options = {
		.source = source != NULL && source[0] != '\0' ? source : "hand",
		.replace = api_body_bool(call, "replace", false, &good),
		.dry_run = api_body_bool(call, "dry_run", false, &good),
		.account = call->who.account.id,
		.now_us = call->now_us,
		.name = "api",
	};
	struct hin_directory_report report = { .line_limit = LINES };
	struct hin_directory *d;
	struct hin_error err = { 0 };
	enum hin_code code;

	if (!good)
		return;
	if (hin_directory_check_text("\"source\"", options.source, 32, &err) != HIN_OK) {
		api_refuse_code(call, HIN_EUSAGE, &err);
		return;
	}
	d = hin_directory_new();
	code = d != NULL ? import(call, d, &options, csv, &report, &err)
			 : hin_fail(&err, HIN_ENOMEM, "no memory: try again");
	if (code == HIN_OK)
		write_report(&call->out, &report);
	else
		api_refuse_code(call, code, &err);
	hin_directory_report_fini(&report);
	hin_directory_free(d);
}

const struct api_route api_directory_routes[] = {
	{ "POST", "/api/v1/directory/import", API_OPERATOR | API_ADMINISTRATOR, HIN_SCOPE_DIRECTORY,
	  API_RATE_PLAIN, API_LANE_WRITE, "importDirectory", "", API_FLAG_BODY, handle_import,
	  NULL },
};
const size_t api_directory_route_count = HIN_COUNT(api_directory_routes);
