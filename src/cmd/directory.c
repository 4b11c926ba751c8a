/*
 * hinomi-directory - who must be told: import, list, show, check and export owners; and leases.
 */
#include "cmd/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/file.h"
#include "base/number.h"
#include "base/sandbox.h"
#include "base/time.h"
#include "hub/owners/charset.h"
#include "hub/owners/lease.h"

enum { NOTES = 20, LINES = 20 /* shown; the rest are counted */ };

#define ARG(field) offsetof(struct directory_arguments, field)

static enum hin_code set_port(void *into, const char *value, struct hin_error *err)
{
	struct directory_arguments *a = into;

	a->has_port = true;
	return hin_number_u64(&a->port, "--port", value, 0, 65535, err);
}

static const struct hin_option options[] = {
	{ "dir", 'd', "FOLDER", HIN_OPTION_TEXT, ARG(dir),
	  .help = "the hub's folder; " DIRECTORY_FOLDER " if not given",
	  .help_ja = "ハブのフォルダー (既定 " DIRECTORY_FOLDER ")" },
	{ "json", 'j', NULL, HIN_OPTION_FLAG, ARG(json), .help = "JSON", .help_ja = "JSON で出力" },
	{ "csv", 0, NULL, HIN_OPTION_FLAG, ARG(csv), .help = "CSV", .help_ja = "CSV で出力" },
	{ .section = "Import", .section_ja = "取り込み" },
	{ "format", 'f', "NAME", HIN_OPTION_TEXT, ARG(format_name),
	  .help = "of owners: csv, rpsl, rdap or jpnic, by the ending of FILE or what it begins "
		  "with if not given; of leases: "
		  "dhcpd, kea, dnsmasq, radius, nat, conntrack or csv",
	  .help_ja = "台帳は csv, rpsl, rdap, jpnic (既定は拡張子か内容による)、割り当て記録は "
		     "dhcpd, kea, "
		     "dnsmasq, radius, nat, conntrack, csv" },
	{ "source", 's', "NAME", HIN_OPTION_TEXT, ARG(source),
	  .help = "whose word it is; the name of the format if not given",
	  .help_ja = "情報の出所の名前 (既定は形式の名前)" },
	{ "replace", 0, NULL, HIN_OPTION_FLAG, ARG(replace),
	  .help = "what this source said before and does not say now goes",
	  .help_ja = "同じ出所の以前の内容で、今回ないものを消す" },
	{ "dry-run", 'n', NULL, HIN_OPTION_FLAG, ARG(dry_run), .help = "only say what would change",
	  .help_ja = "変更せず、変わる内容だけを示す" },
	{ "skip-refused", 0, NULL, HIN_OPTION_FLAG, ARG(skip_refused),
	  .help = "leave out lines that are wrong instead of changing nothing",
	  .help_ja = "誤りのある行を除いて取り込む (既定は何も変えない)" },
	{ "account", 0, "NAME", HIN_OPTION_TEXT, ARG(account),
	  .help = "who does it, for the ledger; nobody's name if not given",
	  .help_ja = "台帳に残す実行者のアカウント名" },
	{ "quiet", 'q', NULL, HIN_OPTION_FLAG, ARG(quiet), .help = "errors only",
	  .help_ja = "エラーのみ表示" },
	{ .section = "Leases", .section_ja = "アドレスの割り当て" },
	{ "lease-time",
	  0,
	  "TIME",
	  HIN_OPTION_VALUE,
	  ARG(lease_ns),
	  { HIN_VALUE_DURATION, HIN_NS_PER_S, 3660 * HIN_NS_PER_DAY },
	  .help = "length of a lease where the log does not say, and of a RADIUS session's "
		  "silence; 24h if not given",
	  .help_ja = "記録にない場合の割り当て期間 (既定 24h)" },
	{ "zone",
	  0,
	  "TIME",
	  HIN_OPTION_VALUE,
	  ARG(zone_ns),
	  { HIN_VALUE_DURATION, 0, 14 * HIN_NS_PER_HOUR },
	  .help = "how far ahead of UTC times without a zone are: 9h for Japan",
	  .help_ja = "時間帯のない時刻が UTC より進む時間: 日本は 9h" },
	{ "site", 0, "NAME", HIN_OPTION_TEXT, ARG(site),
	  .help = "where inside addresses of a NAT are: they are other machines elsewhere",
	  .help_ja = "NAT の内側アドレスの場所の名前" },
	{ "keyed", 0, NULL, HIN_OPTION_FLAG, ARG(keyed),
	  .help = "keep MAC addresses and names of users as keyed digests (device.key)",
	  .help_ja = "MAC アドレスや利用者名を鍵付きダイジェストで保存 (device.key)" },
	{ "before", 0, "TIME", HIN_OPTION_TEXT, ARG(before),
	  .help = "lease forget: leases that ended before",
	  .help_ja = "lease forget: これより前に終わったもの" },
	{ .section = "Questions", .section_ja = "照会" },
	{ "at", 0, "TIME", HIN_OPTION_TEXT, ARG(at),
	  .help = "show: at this time instead of now; lease list: leases of this time",
	  .help_ja = "show: 今ではなくこの時刻、lease list: この時刻の割り当て" },
	{ "port", 'p', "PORT", HIN_OPTION_CALL, .call = set_port,
	  .help = "show: the port, where several share an address",
	  .help_ja = "show: 共有アドレスのポート" },
	{ "as-table", 0, "FILE", HIN_OPTION_TEXT, ARG(as_table),
	  .help = "show: addresses to AS numbers, a MaxMind DB",
	  .help_ja = "show: アドレスから AS 番号への表 (MaxMind DB)" },
	{ "limit",
	  'l',
	  "N",
	  HIN_OPTION_VALUE,
	  ARG(limit),
	  { HIN_VALUE_U64, 0, INT64_MAX },
	  .help = "rows of a list; 1000 if not given, 0 = all",
	  .help_ja = "一覧の行数 (既定 1000、0 は全部)" },
};

static const struct hin_program program = {
	.name = "hinomi directory",
	.args = "import FILE|list [WHAT]|show WHO|check|export|lease import FILE|lease list "
		"[ADDRESS]|lease forget",
	.about = "Who must be told: organisations, how they are reached, what they answer for; and "
		 "who had an address when. \"list\" takes organisations, contacts or holdings; "
		 "\"show\" takes an organisation, an address or a domain name.",
	.about_ja = "誰に知らせるか。組織、連絡先、担当範囲と、アドレスの割り当て記録。list は "
		    "organisations, contacts, holdings、show は組織・アドレス・ドメイン名を取る。",
	.options = options,
	.option_count = HIN_COUNT(options),
};

/* ---- help ---- */

enum hin_code directory_flush(struct hin_buffer *out, struct hin_error *err)
{
	if (out->failed)
		return hin_fail(err, HIN_ENOMEM, "no room for the answer");
	if ((out->used > 0 && fwrite(out->data, 1, out->used, stdout) != out->used) ||
	    fflush(stdout) != 0)
		return hin_fail(err, HIN_ESYS, "write the answer");
	hin_buffer_reset(out);
	return HIN_OK;
}

enum hin_code directory_time(const struct directory_session *s, const char *option,
			     const char *text, int64_t *out_us, struct hin_error *err)
{
	struct hin_error why = { 0 };
	int64_t ns;

	if (text == NULL)
		return HIN_OK;
	if (hin_time_parse(&ns, text, s->now_us * HIN_NS_PER_US, &why) != HIN_OK)
		return hin_fail(err, HIN_EUSAGE, "%s: %s", option, why.text);
	*out_us = ns / HIN_NS_PER_US;
	return HIN_OK;
}

void directory_note(void *user, const char *line)
{
	struct directory_session *s = user;

	if (s->notes++ < NOTES)
		fprintf(stderr, "%s\n", line);
}

enum hin_code directory_print(struct hin_table *table, struct hin_buffer *out,
			      struct hin_error *err)
{
	struct hin_table_layout layout = {
		.width = isatty(STDOUT_FILENO) == 1 ? hin_style_columns(STDOUT_FILENO) : 160,
		.color = hin_color_wanted(HIN_COLOR_AUTO, STDOUT_FILENO),
	};

	return hin_table_print(table, out, &layout) == HIN_OK
		       ? HIN_OK
		       : hin_fail(err, HIN_ENOMEM, "no memory for a table");
}

/* ---- the desk ---- */

static const char *folder_of(const struct directory_session *s)
{
	return s->arguments.dir != NULL ? s->arguments.dir : DIRECTORY_FOLDER;
}

/* As root: become who owns the folder, so that the desk's files stay the hub's. */
static enum hin_code become_owner(const char *folder, struct hin_error *err)
{
	struct stat st;

	if (geteuid() != 0 || stat(folder, &st) != 0 || st.st_uid == 0)
		return HIN_OK;
	if (setgid(st.st_gid) != 0 || setuid(st.st_uid) != 0)
		return hin_fail(err, HIN_ESYS, "become the owner of %s", folder);
	return HIN_OK;
}

/* What strangers wrote is read from here on. */
static enum hin_code close_the_door(const char *folder, const char *table, struct hin_error *err)
{
	struct hin_sandbox box = { 0 };
	const char *const write[] = { folder }, *const read[] = { table };
	enum hin_code code = hin_sandbox_no_dump(&box, err);

	if (code == HIN_OK)
		code = hin_sandbox_no_new_privs(&box, err);
	if (code == HIN_OK)
		code = hin_sandbox_limit_files(&box, read, table != NULL, write, 1, err);
	if (code == HIN_OK)
		code = hin_sandbox_limit_calls(&box, HIN_SANDBOX_ANALYSE, false, err);
	return code;
}

enum hin_code directory_open(struct directory_session *s, bool write, struct hin_error *err)
{
	char path[PATH_MAX];
	enum hin_code code;

	if (s->desk != NULL)
		return HIN_OK;
	hin_charset_prepare(); /* the sandbox lets nothing be loaded */
	code = become_owner(folder_of(s), err);
	if (snprintf(path, sizeof(path), "%s/desk.db", folder_of(s)) >= (int)sizeof(path))
		return hin_fail(err, HIN_ELIMIT, "the path of the folder is too long");
	if (code == HIN_OK)
		code = close_the_door(folder_of(s), s->arguments.as_table, err);
	return code == HIN_OK
		       ? hin_desk_open(&s->desk, path, write ? HIN_DESK_CREATE : HIN_DESK_READ, err)
		       : code;
}

enum hin_code directory_account(struct directory_session *s, int64_t *out, struct hin_error *err)
{
	enum hin_code code;

	*out = 0;
	if (s->arguments.account == NULL)
		return HIN_OK;
	code = hin_desk_number(s->desk, out, err, "SELECT id FROM account WHERE name = ?1", "t",
			       s->arguments.account);
	return code == HIN_ENOENT ? hin_fail(err, HIN_ENOENT, "there is no account \"%.60s\"",
					     s->arguments.account)
				  : code;
}

/* ---- import ---- */

static enum hin_code read_file(struct directory_file *out, const char *path, struct hin_error *err)
{
	const char *slash = strrchr(path, '/');
	char chunk[65536];
	struct stat st;
	ssize_t n = 1;
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

	*out = (struct directory_file){ .name = slash != NULL ? slash + 1 : path };
	if (fd == -1)
		return hin_fail(err, HIN_ESYS, "open %s", path);
	out->data.limit = HIN_DIRECTORY_FILE;
	if (fstat(fd, &st) == 0 && st.st_size > 0 && (size_t)st.st_size < HIN_DIRECTORY_FILE)
		(void)hin_buffer_reserve(&out->data, (size_t)st.st_size);
	while (n > 0 && !out->data.failed) {
		n = read(fd, chunk, sizeof(chunk));
		if (n > 0)
			hin_buffer_add(&out->data, chunk, (size_t)n);
	}
	if (fd != STDIN_FILENO)
		close(fd);
	if (n < 0)
		return hin_fail(err, HIN_ESYS, "read %s", path);
	if (out->data.failed)
		return hin_fail(err, HIN_ELIMIT, "%s is larger than %zu bytes", path,
				HIN_DIRECTORY_FILE);
	crypto_hash_sha256(out->digest, (const unsigned char *)hin_buffer_text(&out->data),
			   out->data.used);
	return HIN_OK;
}

/* The format by name, by the ending of a file, or by what it begins with. */
static enum hin_code format_of(const struct directory_session *s, const char *path,
			       const struct directory_file *file, enum hin_directory_format *out,
			       struct hin_error *err)
{
	static const struct {
		const char *ending;
		enum hin_directory_format format;
	} endings[] = { { ".csv", HIN_DIRECTORY_CSV },	   { ".json", HIN_DIRECTORY_RDAP },
			{ ".rdap", HIN_DIRECTORY_RDAP },   { ".ndjson", HIN_DIRECTORY_RDAP },
			{ ".rpsl", HIN_DIRECTORY_RPSL },   { ".db", HIN_DIRECTORY_RPSL },
			{ ".inetnum", HIN_DIRECTORY_RPSL } };
	const char *name = s->arguments.format_name;
	size_t n = strlen(path);

	for (size_t i = 0; name != NULL && i < HIN_DIRECTORY_FORMATS; i++)
		if (strcmp(name, hin_directory_formats[i]) == 0) {
			*out = (enum hin_directory_format)i;
			return HIN_OK;
		}
	for (size_t i = 0; name == NULL && i < HIN_COUNT(endings); i++) {
		size_t e = strlen(endings[i].ending);

		if (n > e && strcmp(path + n - e, endings[i].ending) == 0) {
			*out = endings[i].format;
			return HIN_OK;
		}
	}
	if (name == NULL) {
		*out = hin_directory_detect(hin_buffer_text(&file->data), file->data.used);
		if (*out != HIN_DIRECTORY_FORMATS)
			return HIN_OK;
	}
	return hin_fail(err, HIN_EUSAGE, "--format is csv, rpsl, rdap or jpnic");
}

static void put_change(struct hin_buffer *out, bool json, const char *name,
		       const struct hin_directory_change *c)
{
	hin_buffer_printf(out,
			  json ? ",\"%s\":{\"added\":%llu,\"changed\":%llu,\"moved\":%llu,"
				 "\"removed\":%llu,\"same\":%llu}"
			       : "%-14s %10llu %10llu %10llu %10llu %10llu\n",
			  name, (unsigned long long)c->added, (unsigned long long)c->changed,
			  (unsigned long long)c->moved, (unsigned long long)c->removed,
			  (unsigned long long)c->same);
}

static enum hin_code print_report(struct directory_session *s, const struct hin_directory_report *r,
				  const struct hin_directory_notes *notes, struct hin_error *err)
{
	bool json = s->arguments.json, ja = s->lang == HIN_JA;
	struct hin_buffer out = { 0 };
	enum hin_code code;

	if (json) {
		hin_buffer_printf(&out, "{\"dry_run\":%s", s->arguments.dry_run ? "true" : "false");
	} else if (!s->arguments.quiet) {
		hin_buffer_add(&out, hin_buffer_text(&r->lines), r->lines.used);
		if (r->line_count > r->line_limit)
			hin_buffer_printf(&out, ja ? "ほか %zu 件\n" : "and %zu more\n",
					  r->line_count - r->line_limit);
		hin_buffer_puts(&out, ja ? "                     追加       変更       移動       "
					   "削除       同じ\n"
					 : "                    added    changed      moved    "
					   "removed       same\n");
	}
	if (json || !s->arguments.quiet) {
		put_change(&out, json, "organisations", &r->organisations);
		put_change(&out, json, "contacts", &r->contacts);
		put_change(&out, json, "holdings", &r->holdings);
	}
	if (json)
		hin_buffer_printf(&out, ",\"conflicts\":%llu,\"refused\":%llu,\"skipped\":%llu}\n",
				  (unsigned long long)r->conflicts,
				  (unsigned long long)notes->refused,
				  (unsigned long long)notes->skipped);
	else if (!s->arguments.quiet)
		hin_buffer_printf(&out,
				  ja ? "競合 %llu、除外した行 %llu、対象外 %llu%s\n"
				     : "%llu conflicts, %llu lines refused, %llu objects not for "
				       "us%s\n",
				  (unsigned long long)r->conflicts,
				  (unsigned long long)notes->refused,
				  (unsigned long long)notes->skipped,
				  !s->arguments.dry_run ? ""
				  : ja			? " (変更していません)"
							: " (nothing was changed)");
	code = directory_flush(&out, err);
	hin_buffer_fini(&out);
	return code;
}

static enum hin_code bring(struct directory_session *s, const struct hin_directory *d,
			   const struct directory_file *file,
			   const struct hin_directory_notes *notes, struct hin_error *err)
{
	struct hin_directory_import import = { .source = s->arguments.source,
					       .replace = s->arguments.replace,
					       .dry_run = s->arguments.dry_run,
					       .now_us = s->now_us,
					       .name = file->name };
	struct hin_directory_report report = { .line_limit = LINES };
	enum hin_code code = directory_account(s, &import.account, err);

	memcpy(import.digest, file->digest, sizeof(import.digest));
	if (code == HIN_OK)
		code = hin_directory_import(s->desk, d, &import, &report, err);
	if (code == HIN_OK)
		code = print_report(s, &report, notes, err);
	hin_directory_report_fini(&report);
	return code;
}

static enum hin_code import_file(struct directory_session *s, struct directory_file *file,
				 const char *path, struct hin_error *err)
{
	struct hin_directory_notes notes = { .note = directory_note, .user = s };
	struct hin_directory *d = hin_directory_new();
	enum hin_directory_format format = HIN_DIRECTORY_CSV;
	enum hin_code code = format_of(s, path, file, &format, err);

	if (d == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the directory");
	if (code == HIN_OK && s->arguments.source == NULL)
		s->arguments.source = hin_directory_formats[format];
	if (code == HIN_OK)
		code = hin_directory_check_text("--source", s->arguments.source,
						HIN_DIRECTORY_HANDLE, err);
	if (code == HIN_OK)
		code = directory_open(s, true, err);
	if (code == HIN_OK)
		code = hin_directory_parse(d, format, file->name, s->arguments.source,
					   hin_buffer_text(&file->data), file->data.used, &notes,
					   err);
	hin_buffer_fini(&file->data);
	if (s->notes > NOTES)
		fprintf(stderr, s->lang == HIN_JA ? "ほか %llu 行\n" : "and %llu more\n",
			(unsigned long long)(s->notes - NOTES));
	if (code == HIN_OK && notes.refused > 0 && !s->arguments.skip_refused)
		code = hin_fail(err, HIN_EFORMAT,
				"%.80s: %llu lines are wrong: nothing was changed (--skip-refused "
				"leaves them out)",
				file->name, (unsigned long long)notes.refused);
	if (code == HIN_OK)
		code = bring(s, d, file, &notes, err);
	hin_directory_free(d);
	return code;
}

static enum hin_code run_import(struct directory_session *s, int argc, char *argv[],
				struct hin_error *err)
{
	struct directory_file file;
	enum hin_code code;

	if (argc != 1)
		return hin_fail(err, HIN_EUSAGE, "import takes one file, - is standard input");
	code = read_file(&file, argv[0], err);
	if (code == HIN_OK)
		code = import_file(s, &file, argv[0], err);
	hin_buffer_fini(&file.data);
	return code;
}

static enum hin_code run_lease(struct directory_session *s, int argc, char *argv[],
			       struct hin_error *err)
{
	struct directory_file file = { 0 };
	enum hin_code code = HIN_OK;

	if (argc > 0 && strcmp(argv[0], "import") == 0)
		code = argc == 2 ? read_file(&file, argv[1], err)
				 : hin_fail(err, HIN_EUSAGE,
					    "lease import takes one file, - is standard input");
	if (code == HIN_OK)
		code = directory_lease(s, &file, argc, argv, err);
	hin_buffer_fini(&file.data);
	return code;
}

/* ---- main ---- */

static const struct {
	const char *name;
	enum hin_code (*run)(struct directory_session *s, int argc, char *argv[],
			     struct hin_error *err);
} commands[] = {
	{ "import", run_import },     { "list", directory_list },     { "show", directory_show },
	{ "check", directory_check }, { "export", directory_export }, { "lease", run_lease },
};

static enum hin_code run(struct directory_session *s, int argc, char *argv[], struct hin_error *err)
{
	if (s->arguments.json && s->arguments.csv)
		return hin_fail(err, HIN_EUSAGE, "--json or --csv, not both");
	for (size_t i = 0; argc > 1 && i < HIN_COUNT(commands); i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(s, argc - 2, argv + 2, err);
	return hin_fail(err, HIN_EUSAGE,
			"what to do is one of import, list, show, check, export and lease (--help "
			"shows more)");
}

int main(int argc, char *argv[])
{
	struct directory_session s = { .arguments = { .limit = 1000 } };
	struct hin_error err = { 0 };
	enum hin_code code;
	int status = hin_program_start(&program, &s.arguments, &s.lang, &argc, argv);

	if (status >= 0)
		return status;
	if (sodium_init() < 0)
		return HIN_EXIT_FAILED;
	s.now_us = hin_time_now_ns() / HIN_NS_PER_US;
	code = run(&s, argc, argv, &err);
	hin_desk_close(s.desk);
	if (code == HIN_OK)
		return HIN_EXIT_DONE;
	(void)hin_program_fail(&program, &err);
	return code == HIN_EUSAGE ? HIN_EXIT_USAGE : HIN_EXIT_FAILED;
}
