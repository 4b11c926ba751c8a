/* finding - rows of the desk as findings, and back for people; see finding.h */
#include "hub/case/finding.h"

#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "hub/case/rows_priv.h"

/* ---- words ---- */

const struct hin_finding_kind *hin_finding_kind_find(uint16_t number)
{
	for (size_t i = 0; i < hin_finding_kind_count; i++)
		if (hin_finding_kinds[i].number == number)
			return &hin_finding_kinds[i];
	return NULL;
}

const struct hin_finding_kind *hin_finding_kind_named(const char *name)
{
	for (size_t i = 0; i < hin_finding_kind_count; i++)
		if (strcmp(hin_finding_kinds[i].name, name) == 0)
			return &hin_finding_kinds[i];
	return NULL;
}

const char *hin_finding_word(const char *kind, enum hin_lang lang)
{
	const struct hin_finding_kind *row = hin_finding_kind_named(kind);

	return row != NULL ? row->text[lang] : kind;
}

/* ---- reading ---- */

#define COLUMNS                                                                                    \
	"f.id, f.kind, f.subject_type, f.subject, f.address, f.organisation, o.handle, f.device, " \
	"f.port, f.tool, f.proto, f.confidence, f.severity, f.technique, f.first_us, f.last_us, "  \
	"f.observations, f.packets, f.bytes, f.targets, f.sensors, f.query, f.live, f.case_id, "   \
	"f.told_us"

/* The condition that an index serves comes first; the rest is looked at row by row. */
#define SELECT(first)                                                                              \
	"SELECT " COLUMNS " FROM finding f LEFT JOIN organisation o ON o.id = f.organisation "     \
	"WHERE " first " AND (?1 = 0 OR f.organisation = ?1) AND (?2 = 0 OR f.case_id = ?2) "      \
	"AND (?3 IS NULL OR f.kind = ?3) AND (?4 IS NULL OR f.address = ?4) "                      \
	"AND (?5 IS NULL OR f.device = ?5) "                                                       \
	"AND (?6 = 0 OR f.severity IN ('critical', 'high') OR (?6 = 1 AND f.severity = "           \
	"'medium')) "                                                                              \
	"AND (?6 < 3 OR f.severity = 'critical') "                                                 \
	"AND (?7 = 0 OR f.live = 1) AND f.last_us >= ?8 AND (?9 = 0 OR f.first_us < ?9) "          \
	"AND f.id < ?10 ORDER BY f.id DESC LIMIT ?11"

static uint64_t number(sqlite3_stmt *s, int at)
{
	return (uint64_t)sqlite3_column_int64(s, at);
}

static void fill(struct hin_finding *f, sqlite3_stmt *s)
{
	f->id = sqlite3_column_int64(s, 0);
	rows_copy(f->kind, sizeof(f->kind), s, 1);
	rows_copy(f->subject_type, sizeof(f->subject_type), s, 2);
	rows_copy(f->subject, sizeof(f->subject), s, 3);
	f->address = (struct hin_addr){ 0 };
	f->has_address = hin_desk_address(s, 4, &f->address);
	f->organisation = sqlite3_column_int64(s, 5);
	rows_copy(f->handle, sizeof(f->handle), s, 6);
	rows_copy(f->device, sizeof(f->device), s, 7);
	f->port = (uint16_t)sqlite3_column_int(s, 8);
	f->tool = (uint16_t)sqlite3_column_int(s, 9);
	f->proto = (uint8_t)sqlite3_column_int(s, 10);
	f->confidence = (uint8_t)sqlite3_column_int(s, 11);
	f->severity = HIN_SEVERITY_LOW;
	(void)hin_severity_parse(&f->severity, hin_desk_text(s, 12));
	rows_copy(f->technique, sizeof(f->technique), s, 13);
	f->first_us = sqlite3_column_int64(s, 14);
	f->last_us = sqlite3_column_int64(s, 15);
	f->observations = number(s, 16);
	f->packets = number(s, 17);
	f->bytes = number(s, 18);
	f->targets = number(s, 19);
	rows_copy(f->sensors, sizeof(f->sensors), s, 20);
	rows_copy(f->query, sizeof(f->query), s, 21);
	f->live = sqlite3_column_int(s, 22) != 0;
	f->case_id = sqlite3_column_int64(s, 23);
	f->told_us = sqlite3_column_int64(s, 24);
}

enum hin_code hin_finding_get(struct hin_desk *desk, int64_t id, int64_t organisation,
			      struct hin_finding *out, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT " COLUMNS
		" FROM finding f LEFT JOIN organisation o ON o.id = f.organisation "
		"WHERE f.id = ?1 AND (?2 = 0 OR f.organisation = ?2)",
		err);
	enum hin_code code = rows_one(desk, s, "finding", id, organisation, err);

	if (code == HIN_OK) {
		fill(out, s);
		sqlite3_reset(s);
	}
	return code;
}

static const char *sql_for(const struct hin_finding_filter *f)
{
	if (f->case_id > 0)
		return SELECT("f.case_id = ?2");
	if (f->address != NULL)
		return SELECT("f.address = ?4");
	if (f->organisation > 0)
		return SELECT("f.organisation = ?1");
	if (f->kind != NULL)
		return SELECT("f.kind = ?3");
	return SELECT("f.id > 0");
}

enum hin_code hin_finding_list(struct hin_desk *desk, const struct hin_finding_filter *filter,
			       hin_finding_fn call, void *user, struct hin_error *err)
{
	int64_t before = filter->before_id > 0 ? filter->before_id : INT64_MAX, limit;
	enum hin_code code = rows_limit(&limit, filter->limit, HIN_FINDING_PAGE, "findings", err);
	struct hin_finding f;
	sqlite3_stmt *s;

	if (code != HIN_OK)
		return code;
	s = hin_desk_statement(desk, sql_for(filter), err);
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "iitatiiiiii", filter->organisation, filter->case_id,
			     filter->kind, filter->address, filter->device, (int64_t)filter->least,
			     (int64_t)filter->live, filter->since_us, filter->until_us, before,
			     limit);
	while (rows_next(desk, s, &code, err)) {
		fill(&f, s);
		if (!call(user, &f)) {
			sqlite3_reset(s);
			break;
		}
	}
	return code;
}

/* ---- for programs ---- */

static void put_sensors(struct hin_buffer *out, const char *sensors)
{
	hin_buffer_puts(out, ",\"sensors\":[");
	for (const char *at = sensors; *at != '\0';) {
		size_t size = strcspn(at, " ");

		hin_buffer_puts(out, at > sensors ? "," : "");
		hin_escape_json(out, at, size);
		at += size + (at[size] == ' ');
	}
	hin_buffer_puts(out, "]");
}

void hin_finding_json(const struct hin_finding *f, struct hin_buffer *out)
{
	char address[HIN_ADDR_TEXT];

	hin_buffer_printf(out, "{\"id\":%lld", (long long)f->id);
	rows_put_text(out, "kind", f->kind);
	rows_put_text(out, "subject_type", f->subject_type);
	rows_put_text(out, "subject", f->subject);
	if (f->has_address)
		rows_put_text(out, "address", hin_addr_format(&f->address, address));
	else
		hin_buffer_puts(out, ",\"address\":null");
	rows_put_id(out, "organisation", f->organisation);
	rows_put_text(out, "handle", f->handle);
	rows_put_text(out, "device", f->device);
	rows_put_number(out, "port", f->port);
	rows_put_number(out, "proto", f->proto);
	rows_put_number(out, "tool", f->tool);
	rows_put_number(out, "confidence", f->confidence);
	rows_put_text(out, "severity", hin_severity_name(f->severity));
	rows_put_text(out, "technique", f->technique);
	rows_put_time(out, "first", f->first_us);
	rows_put_time(out, "last", f->last_us);
	rows_put_number(out, "observations", f->observations);
	rows_put_number(out, "packets", f->packets);
	rows_put_number(out, "bytes", f->bytes);
	rows_put_number(out, "targets", f->targets);
	put_sensors(out, f->sensors);
	rows_put_text(out, "query", f->query);
	hin_buffer_printf(out, ",\"live\":%s", f->live ? "true" : "false");
	rows_put_id(out, "case", f->case_id);
	rows_put_time(out, "told", f->told_us);
	hin_buffer_puts(out, "}");
}
