/* directory_lease - leases: import, list, forget; see directory.h */
#include <stdio.h>

#include "base/escape.h"
#include "base/time.h"
#include "cmd/directory.h"
#include "hub/owners/lease.h"

static enum hin_code format_of(const struct directory_session *s, enum hin_lease_format *out,
			       struct hin_error *err)
{
	const char *name = s->arguments.format_name;

	for (size_t i = 0; name != NULL && i < HIN_LEASE_FORMATS; i++)
		if (strcmp(name, hin_lease_formats[i]) == 0) {
			*out = (enum hin_lease_format)i;
			return HIN_OK;
		}
	return hin_fail(err, HIN_EUSAGE,
			"--format is dhcpd, kea, dnsmasq, radius, nat, conntrack or csv");
}

static enum hin_code import_leases(struct directory_session *s, struct directory_file *file,
				   struct hin_error *err)
{
	const struct directory_arguments *a = &s->arguments;
	struct hin_directory_notes notes = { .note = directory_note, .user = s };
	struct hin_lease_options options = { .name = file->name,
					     .lease_us = a->lease_ns / HIN_NS_PER_US,
					     .zone_s = (int32_t)(a->zone_ns / HIN_NS_PER_S),
					     .now_us = s->now_us,
					     .site = a->site };
	struct hin_lease_import import = { .source = a->source,
					   .dry_run = a->dry_run,
					   .skip_refused = a->skip_refused };
	struct hin_lease_change change;
	char key[HIN_LEASE_KEY];
	enum hin_code code = format_of(s, &options.format, err);

	if (code == HIN_OK && import.source == NULL)
		import.source = hin_lease_formats[options.format];
	if (code == HIN_OK)
		code = directory_open(s, true, err);
	if (code == HIN_OK && a->keyed)
		code = hin_lease_key(key, a->dir != NULL ? a->dir : DIRECTORY_FOLDER, err);
	if (code == HIN_OK)
		code = directory_account(s, &import.account, err);
	options.key = a->keyed ? key : NULL;
	memcpy(import.digest, file->digest, sizeof(import.digest));
	if (code == HIN_OK)
		code = hin_lease_import(s->desk, &options, &import, hin_buffer_text(&file->data),
					file->data.used, &notes, &change, err);
	explicit_bzero(key, sizeof(key));
	if (code != HIN_OK || (a->quiet && !a->json))
		return code;
	printf(a->json ? "{\"added\":%llu,\"extended\":%llu,\"same\":%llu,\"refused\":%llu}\n"
	       : s->lang == HIN_JA
		       ? "追加 %llu、延長・終了 %llu、同じ %llu、除外した行 %llu\n"
		       : "%llu added, %llu extended or ended, %llu the same, %llu lines refused\n",
	       (unsigned long long)change.added, (unsigned long long)change.extended,
	       (unsigned long long)change.same, (unsigned long long)change.refused);
	return HIN_OK;
}

/* ---- list ---- */

/* "" for 0. */
static void put_time(char out[HIN_TIME_TEXT], int64_t time_us)
{
	out[0] = '\0';
	if (time_us != 0)
		hin_time_format(out, time_us * HIN_NS_PER_US, HIN_TIME_S);
}

static void put_range(char out[2 * HIN_ADDR_TEXT + 4], sqlite3_stmt *q)
{
	char low_text[HIN_ADDR_TEXT], high_text[HIN_ADDR_TEXT];
	struct hin_addr low, high;

	out[0] = '\0';
	if (!hin_desk_address(q, 0, &low) || !hin_desk_address(q, 1, &high))
		return;
	hin_addr_format(&low, low_text);
	if (hin_addr_equal(&low, &high))
		snprintf(out, 2 * HIN_ADDR_TEXT + 4, "%s", low_text);
	else
		snprintf(out, 2 * HIN_ADDR_TEXT + 4, "%s - %s", low_text,
			 hin_addr_format(&high, high_text));
}

struct lease_row {
	char range[2 * HIN_ADDR_TEXT + 4], ports[16], from[HIN_TIME_TEXT], until[HIN_TIME_TEXT];
	const char *device, *organisation, *basis, *source;
};

static void read_row(struct lease_row *row, sqlite3_stmt *q)
{
	int low = sqlite3_column_int(q, 2), high = sqlite3_column_int(q, 3);

	put_range(row->range, q);
	row->ports[0] = '\0';
	if (low != 0 || high != 65535)
		snprintf(row->ports, sizeof(row->ports), "%d-%d", low & 0xffff, high & 0xffff);
	put_time(row->from, sqlite3_column_int64(q, 4));
	put_time(row->until, sqlite3_column_int64(q, 5));
	row->device = hin_desk_text(q, 6);
	row->organisation = hin_desk_text(q, 7);
	row->basis = hin_desk_text(q, 8);
	row->source = hin_desk_text(q, 9);
}

static void put_row(struct directory_session *s, struct hin_buffer *out, struct hin_table *table,
		    const struct lease_row *row, uint64_t number)
{
	static const char *const names[] = { "address", "ports", "device", "organisation",
					     "from",	"until", "basis",  "source" };
	const char *const cells[] = { row->range, row->ports, row->device, row->organisation,
				      row->from,  row->until, row->basis,  row->source };

	for (size_t i = 0; i < HIN_COUNT(cells); i++) {
		char shown[200];

		if (table != NULL) {
			hin_table_cell(table, hin_escape_text(shown, sizeof(shown), cells[i]));
			continue;
		}
		if (s->arguments.csv) {
			hin_buffer_printf(out, "%s\"%s\"", i > 0 ? "," : "", cells[i]);
			continue;
		}
		hin_buffer_printf(out, "%s\"%s\":",
				  i > 0	       ? ","
				  : number > 0 ? ",\n{"
					       : "\n{",
				  names[i]);
		hin_escape_json(out, cells[i], strlen(cells[i]));
	}
	if (table == NULL)
		hin_buffer_puts(out, s->arguments.csv ? "\n" : "}");
}

static enum hin_code put_rows(struct directory_session *s, sqlite3_stmt *q, struct hin_error *err)
{
	static const struct hin_column en[] = {
		{ "address", HIN_LEFT, 0, true },     { "ports", HIN_LEFT, 0, false },
		{ "device", HIN_LEFT, 0, true },      { "organisation", HIN_LEFT, 0, true },
		{ "from (UTC)", HIN_LEFT, 0, false }, { "until (UTC)", HIN_LEFT, 0, false },
		{ "basis", HIN_LEFT, 0, false },      { "source", HIN_LEFT, 0, true },
	};
	static const struct hin_column ja[] = {
		{ "アドレス", HIN_LEFT, 0, true },    { "ポート", HIN_LEFT, 0, false },
		{ "機器", HIN_LEFT, 0, true },	      { "組織", HIN_LEFT, 0, true },
		{ "開始 (UTC)", HIN_LEFT, 0, false }, { "終了 (UTC)", HIN_LEFT, 0, false },
		{ "根拠", HIN_LEFT, 0, false },	      { "出所", HIN_LEFT, 0, true },
	};
	bool people = !s->arguments.json && !s->arguments.csv;
	struct hin_table *table =
		people ? hin_table_new(s->lang == HIN_JA ? ja : en, HIN_COUNT(en)) : NULL;
	struct hin_buffer out = { 0 };
	uint64_t number = 0;
	enum hin_code code =
		people && table == NULL ? hin_fail(err, HIN_ENOMEM, "no memory") : HIN_OK;

	if (s->arguments.csv)
		hin_buffer_puts(&out,
				"address,ports,device,organisation,from,until,basis,source\n");
	else if (s->arguments.json)
		hin_buffer_puts(&out, "[");
	while (code == HIN_OK) {
		struct lease_row row;

		code = hin_desk_step(s->desk, q, err);
		if (code == HIN_OK) {
			read_row(&row, q);
			put_row(s, &out, table, &row, number++);
		}
	}
	if (code == HIN_EOF)
		code = table != NULL ? directory_print(table, &out, err) : HIN_OK;
	if (s->arguments.json)
		hin_buffer_puts(&out, "\n]\n");
	if (code == HIN_OK)
		code = directory_flush(&out, err);
	hin_table_free(table);
	hin_buffer_fini(&out);
	return code;
}

static enum hin_code list_leases(struct directory_session *s, const char *operand,
				 struct hin_error *err)
{
	int64_t at = 0, limit = s->arguments.limit == 0 ? -1 : (int64_t)s->arguments.limit;
	struct hin_addr address = { { 0 } };
	char shown[80];
	sqlite3_stmt *q;
	enum hin_code code = directory_time(s, "--at", s->arguments.at, &at, err);

	if (code == HIN_OK && operand != NULL && hin_addr_parse(&address, operand) != HIN_OK)
		code = hin_fail(err, HIN_EUSAGE, "\"%s\" is no address",
				hin_escape_text(shown, sizeof(shown), operand));
	if (code == HIN_OK)
		code = directory_open(s, false, err);
	if (code != HIN_OK)
		return code;
	q = hin_desk_statement(
		s->desk,
		"SELECT low, high, port_low, port_high, from_us, until_us, device, "
		"coalesce(organisation.handle, ''), basis, lease.source FROM lease "
		"LEFT JOIN organisation ON organisation.id = lease.organisation "
		"WHERE (?1 IS NULL OR (low <= ?1 AND high >= ?1)) "
		"AND (?2 = 0 OR (from_us <= ?2 AND (until_us = 0 OR until_us > ?2))) "
		"ORDER BY low, from_us LIMIT ?3",
		err);
	if (q == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(s->desk, q, err, "aii", operand != NULL ? &address : NULL, at, limit);
	return code == HIN_OK ? put_rows(s, q, err) : code;
}

static enum hin_code forget_leases(struct directory_session *s, struct hin_error *err)
{
	int64_t before = 0, account;
	uint64_t count = 0;
	enum hin_code code;

	if (s->arguments.before == NULL)
		return hin_fail(err, HIN_EUSAGE, "lease forget needs --before TIME");
	code = directory_time(s, "--before", s->arguments.before, &before, err);
	if (code == HIN_OK)
		code = directory_open(s, true, err);
	if (code == HIN_OK)
		code = directory_account(s, &account, err);
	if (code == HIN_OK)
		code = hin_lease_forget(s->desk, before, account, s->now_us, &count, err);
	if (code == HIN_OK && !s->arguments.quiet)
		printf(s->lang == HIN_JA ? "%llu 件を削除しました\n" : "%llu leases forgotten\n",
		       (unsigned long long)count);
	return code;
}

enum hin_code directory_lease(struct directory_session *s, struct directory_file *file, int argc,
			      char *argv[], struct hin_error *err)
{
	if (argc == 2 && strcmp(argv[0], "import") == 0)
		return import_leases(s, file, err);
	if ((argc == 1 || argc == 2) && strcmp(argv[0], "list") == 0)
		return list_leases(s, argc == 2 ? argv[1] : NULL, err);
	if (argc == 1 && strcmp(argv[0], "forget") == 0)
		return forget_leases(s, err);
	return hin_fail(err, HIN_EUSAGE,
			"lease takes import FILE, list [ADDRESS] or forget (--help shows more)");
}
