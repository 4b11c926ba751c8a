/* directory_desk - the directory out of the desk; see directory.h */
#include <stdlib.h>
#include <string.h>

#include "hub/owners/directory_priv.h"

enum hin_code hin_directory_touch(struct hin_desk *desk, bool leases, struct hin_error *err)
{
	return hin_desk_run(desk, err,
			    leases ? "UPDATE directory_state SET leases = leases + 1"
				   : "UPDATE directory_state SET directory = directory + 1",
			    "");
}

enum hin_code hin_directory_version(struct hin_desk *desk, bool leases, int64_t *out,
				    struct hin_error *err)
{
	return hin_desk_number(desk, out, err,
			       leases ? "SELECT leases FROM directory_state"
				      : "SELECT directory FROM directory_state",
			       "");
}

/* Walk the rows of `sql`, one call each. */
typedef enum hin_code (*row_fn)(struct hin_directory *d, sqlite3_stmt *s, struct hin_error *err);

static enum hin_code each_row(struct hin_directory *d, struct hin_desk *desk, const char *sql,
			      row_fn call, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(desk, sql, err);
	enum hin_code code = s == NULL ? HIN_EFORMAT : HIN_OK;

	while (code == HIN_OK) {
		code = hin_desk_step(desk, s, err);
		if (code == HIN_OK)
			code = call(d, s, err);
	}
	if (s != NULL)
		sqlite3_reset(s);
	return code == HIN_EOF ? HIN_OK : code;
}

static enum hin_code read_organisation(struct hin_directory *d, sqlite3_stmt *s,
				       struct hin_error *err)
{
	struct hin_directory_organisation *o;
	uint32_t index;
	enum hin_code code = hin_directory_organisation(d, hin_desk_text(s, 1), hin_desk_text(s, 9),
							&index, err);

	if (code != HIN_OK)
		return code;
	o = &d->organisations[index];
	o->id = sqlite3_column_int64(s, 0);
	o->name = hin_directory_keep(d, hin_desk_text(s, 2));
	o->name_ja = hin_directory_keep(d, hin_desk_text(s, 3));
	o->country = hin_directory_keep(d, hin_desk_text(s, 4));
	o->language = strcmp(hin_desk_text(s, 5), "ja") == 0 ? "ja" : "en";
	o->sector = hin_directory_keep(d, hin_desk_text(s, 6));
	o->tlp = hin_directory_keep(d, hin_desk_text(s, 7));
	o->member = sqlite3_column_int(s, 8) != 0;
	o->given = 0x7f;
	if (o->name == NULL || o->name_ja == NULL || o->country == NULL || o->sector == NULL ||
	    o->tlp == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the directory");
	return HIN_OK;
}

/* Organisations were read in order of their numbers. */
static uint32_t index_of(const struct hin_directory *d, int64_t id)
{
	size_t low = 0, high = d->organisation_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (d->organisations[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < d->organisation_count && d->organisations[low].id == id ? (uint32_t)low
									     : HIN_DIRECTORY_NONE;
}

static enum hin_code read_contact(struct hin_directory *d, sqlite3_stmt *s, struct hin_error *err)
{
	struct hin_directory_contact c = {
		.id = sqlite3_column_int64(s, 0),
		.organisation = index_of(d, sqlite3_column_int64(s, 1)),
		.role = hin_desk_text(s, 2),
		.channel = hin_desk_text(s, 3),
		.address = hin_desk_text(s, 4),
		.language = hin_desk_text(s, 5),
		.state = hin_desk_text(s, 6),
		.quiet = hin_desk_text(s, 7),
		.digest = hin_desk_text(s, 8),
		.source = hin_desk_text(s, 9),
	};

	return c.organisation == HIN_DIRECTORY_NONE ? HIN_OK
						    : hin_directory_add_contact(d, &c, err);
}

static enum hin_code read_holding(struct hin_directory *d, sqlite3_stmt *s, struct hin_error *err)
{
	const char *kind = hin_desk_text(s, 2);
	struct hin_directory_holding h = {
		.id = sqlite3_column_int64(s, 0),
		.organisation = index_of(d, sqlite3_column_int64(s, 1)),
		.kind = kind[0] == 'p'	 ? HIN_HOLDING_PREFIX
			: kind[0] == 'a' ? HIN_HOLDING_AS
					 : HIN_HOLDING_NAME,
		.asn = (uint32_t)sqlite3_column_int64(s, 5),
		.name = hin_desk_text(s, 6),
		.label = hin_desk_text(s, 7),
		.source = hin_desk_text(s, 8),
		.from_us = sqlite3_column_int64(s, 9),
		.until_us = sqlite3_column_int64(s, 10),
	};

	if (h.kind == HIN_HOLDING_PREFIX &&
	    (!hin_desk_address(s, 3, &h.low) || !hin_desk_address(s, 4, &h.high)))
		return HIN_OK;
	return h.organisation == HIN_DIRECTORY_NONE ? HIN_OK
						    : hin_directory_add_holding(d, &h, err);
}

enum hin_code hin_directory_read(struct hin_directory *d, struct hin_desk *desk,
				 struct hin_error *err)
{
	enum hin_code code = hin_desk_snapshot(desk, err);

	if (code != HIN_OK)
		return code;
	code = hin_directory_version(desk, false, &d->version, err);
	if (code == HIN_OK)
		code = each_row(d, desk,
				"SELECT id, handle, name, name_ja, country, language, sector, tlp, "
				"member, source FROM organisation ORDER BY id",
				read_organisation, err);
	if (code == HIN_OK)
		code = each_row(d, desk,
				"SELECT id, organisation, role, channel, address, language, state, "
				"quiet, digest, source FROM contact ORDER BY id",
				read_contact, err);
	if (code == HIN_OK)
		code = each_row(d, desk,
				"SELECT id, organisation, kind, low, high, asn, name, label, "
				"source, from_us, until_us FROM holding ORDER BY id",
				read_holding, err);
	hin_desk_rollback(desk);
	return code;
}
