/* api_lease - who had an address when: listed, brought in from logs, forgotten */
#include <sodium.h>
#include <stdio.h>

#include "base/escape.h"
#include "base/number.h"
#include "hub/door/api_rows.h"
#include "hub/owners/lease.h"

#define LINES 20 /* refused lines that are shown */

static const struct api_column lease_columns[] = {
	{ "id", 'i' },		 { "low", 'a' },   { "high", 'a' },	  { "port_low", 'i' },
	{ "port_high", 'i' },	 { "from", 'u' },  { "until", 'u' },	  { "device", 't' },
	{ "organisation", 'd' }, { "basis", 't' }, { "confidence", 'i' }, { "source", 't' },
};

static void handle_leases(struct api_call *call)
{
	const char *device = api_query(call, "device"), *basis = api_query(call, "basis");
	const char *source = api_query(call, "source");
	struct hin_addr address;
	int64_t limit = 100, before = INT64_MAX, organisation = 0, at_us = 0;
	struct hin_error err = { 0 };
	bool has_address;
	sqlite3_stmt *s;
	enum hin_code code = HIN_EFORMAT;

	if (!api_query_address(call, "address", &address, &has_address) ||
	    !api_query_time(call, "at", &at_us) ||
	    !api_query_number(call, "organisation", 1, INT64_MAX, &organisation) ||
	    !api_query_number(call, "before", 1, INT64_MAX, &before) ||
	    !api_query_number(call, "limit", 1, API_PAGE_MOST, &limit))
		return;
	organisation = api_organisation(call, organisation);
	api_open(&call->out, NULL, '{');
	api_open(&call->out, "leases", '[');
	s = hin_desk_statement(
		call->desk,
		"SELECT id, low, high, port_low, port_high, from_us, until_us, device, "
		"organisation, basis, confidence, source FROM lease WHERE (?1 IS NULL OR (low <= "
		"?1 AND high >= ?1)) AND (?2 = 0 OR organisation = ?2) AND (?3 = 0 OR (from_us <= "
		"?3 AND (until_us = 0 OR until_us > ?3))) AND (?4 = '' OR device = ?4) AND (?5 = "
		"'' OR basis = ?5) AND (?6 = '' OR source = ?6) AND id < ?7 ORDER BY id DESC LIMIT "
		"?8",
		&err);
	if (s != NULL)
		code = hin_desk_bind(call->desk, s, &err, "aiitttii", has_address ? &address : NULL,
				     organisation, at_us, device != NULL ? device : "",
				     basis != NULL ? basis : "", source != NULL ? source : "",
				     before, limit);
	if (code == HIN_OK)
		code = api_rows_json(call, s, lease_columns, HIN_COUNT(lease_columns), &err);
	hin_buffer_puts(&call->out, "]}\n");
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

/* ---- import ---- */

/* Lines that were refused, the first ones. */
struct refusals {
	struct hin_buffer lines;
	unsigned count;
};

static void note(void *user, const char *line)
{
	struct refusals *r = user;

	if (r->count++ >= LINES)
		return;
	api_comma(&r->lines);
	hin_escape_json(&r->lines, line, strlen(line));
}

static bool read_flag(struct api_call *call, const char *name, bool *out)
{
	int64_t value = 0;

	if (!api_query_number(call, name, 0, 1, &value))
		return false;
	*out = value != 0;
	return true;
}

static bool read_format(struct api_call *call, enum hin_lease_format *out)
{
	const char *name = api_query(call, "format");

	for (size_t i = 0; name != NULL && i < HIN_LEASE_FORMATS; i++)
		if (strcmp(name, hin_lease_formats[i]) == 0) {
			*out = (enum hin_lease_format)i;
			return true;
		}
	api_refuse(call, 400, "format",
		   "\"format\" is dhcpd, kea, dnsmasq, radius, nat, conntrack or csv");
	return false;
}

static void write_change(struct hin_buffer *out, const struct hin_lease_change *change,
			 const struct refusals *refused)
{
	api_open(out, NULL, '{');
	api_number(out, "added", (int64_t)change->added);
	api_number(out, "extended", (int64_t)change->extended);
	api_number(out, "same", (int64_t)change->same);
	api_number(out, "refused", (int64_t)change->refused);
	api_open(out, "lines", '[');
	hin_buffer_puts(out, hin_buffer_text(&refused->lines));
	hin_buffer_puts(out, "]}\n");
}

static void import(struct api_call *call, struct hin_lease_options *options,
		   struct hin_lease_import *how, bool keyed)
{
	struct refusals refused = { 0 };
	struct hin_directory_notes notes = { .note = note, .user = &refused };
	struct hin_lease_change change = { 0 };
	struct hin_error err = { 0 };
	char key[HIN_LEASE_KEY];
	enum hin_code code = HIN_OK;

	if (keyed && call->api->settings.folder == NULL)
		code = hin_fail(&err, HIN_EUNSUPPORTED, "this hub has no key for devices");
	else if (keyed)
		code = hin_lease_key(key, call->api->settings.folder, &err);
	options->key = keyed ? key : NULL;
	crypto_hash_sha256(how->digest, (const unsigned char *)call->text.data, call->text.used);
	if (code == HIN_OK)
		code = hin_lease_import(call->desk, options, how, call->text.data, call->text.used,
					&notes, &change, &err);
	options->key = NULL;
	explicit_bzero(key, sizeof(key));
	if (code == HIN_OK)
		write_change(&call->out, &change, &refused);
	else
		api_refuse_code(call, code, &err);
	hin_buffer_fini(&refused.lines);
}

static void handle_import(struct api_call *call)
{
	const char *source = api_query(call, "source"), *lease = api_query(call, "lease-time");
	struct hin_lease_options options = { .name = "line",
					     .now_us = call->now_us,
					     .site = api_query(call, "site") };
	struct hin_lease_import how = { .account = call->who.account.id };
	struct hin_error err = { 0 };
	int64_t lease_ns = 0, zone_s = 0;
	bool keyed;

	if (!read_format(call, &options.format) || !read_flag(call, "keyed", &keyed) ||
	    !read_flag(call, "dry-run", &how.dry_run) ||
	    !read_flag(call, "skip-refused", &how.skip_refused) ||
	    !api_query_number(call, "zone", -86400, 86400, &zone_s))
		return;
	how.source =
		source != NULL && source[0] != '\0' ? source : hin_lease_formats[options.format];
	if (hin_directory_check_text("\"source\"", how.source, 32, &err) != HIN_OK ||
	    (options.site != NULL &&
	     hin_directory_check_text("\"site\"", options.site, 64, &err) != HIN_OK) ||
	    (lease != NULL && hin_number_duration(&lease_ns, "\"lease-time\"", lease, HIN_NS_PER_S,
						  366 * HIN_NS_PER_DAY, &err) != HIN_OK)) {
		api_refuse_code(call, HIN_EUSAGE, &err);
		return;
	}
	options.zone_s = (int32_t)zone_s;
	options.lease_us = lease_ns / HIN_NS_PER_US;
	import(call, &options, &how, keyed);
}

static void handle_forget(struct api_call *call)
{
	bool good = api_body_only(call, "before");
	int64_t before_us = good ? api_body_time(call, "before", &good) : 0;
	struct hin_error err = { 0 };
	uint64_t count = 0;
	enum hin_code code;

	if (good && before_us == 0)
		api_refuse(call, 400, "missing", "\"before\" is needed");
	if (!good || before_us == 0)
		return;
	code = hin_lease_forget(call->desk, before_us, call->who.account.id, call->now_us, &count,
				&err);
	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return;
	}
	api_open(&call->out, NULL, '{');
	api_number(&call->out, "forgotten", (int64_t)count);
	hin_buffer_puts(&call->out, "}\n");
}

#define V "/api/v1"
#define OWNERS API_OPERATOR | API_ADMINISTRATOR, HIN_SCOPE_DIRECTORY, API_RATE_PLAIN

const struct api_route api_lease_routes[] = {
	{ "GET", V "/leases", API_PEOPLE, HIN_SCOPE_READ, API_RATE_PLAIN, API_LANE_READ,
	  "listLeases", "address at device basis source organisation before limit", 0,
	  handle_leases, NULL },
	{ "POST", V "/leases/import", OWNERS, API_LANE_WRITE, "importLeases",
	  "format source lease-time zone site keyed dry-run skip-refused",
	  API_FLAG_BODY | API_FLAG_TEXT, handle_import, NULL },
	{ "POST", V "/leases/forget", OWNERS, API_LANE_WRITE, "forgetLeases", "", API_FLAG_BODY,
	  handle_forget, NULL },
};
const size_t api_lease_route_count = HIN_COUNT(api_lease_routes);
