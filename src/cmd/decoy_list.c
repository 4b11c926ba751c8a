/* decoy_list - `hinomi decoy list` and `search`: which sessions there are. */
#include "base/escape.h"
#include "base/time.h"
#include "cmd/decoy.h"
#include "cmd/operations.h"
#include "observe/registry.h"
#include "text/table.h"

#define MOST 50u /* of a list, when nothing else is said */

static enum hin_lang lang;

/* ---- filters ---- */

struct filter {
	struct hin_recording_filter filter;
	struct hin_prefix source;
};

static enum hin_code read_time(int64_t *out_us, const char *text, struct hin_error *err)
{
	int64_t ns = 0;
	enum hin_code code = HIN_OK;

	if (text != NULL)
		code = hin_time_parse(&ns, text, hin_time_now_ns(), err);
	*out_us = ns / 1000;
	return code;
}

static enum hin_code read_filter(struct filter *f, struct hin_error *err)
{
	const struct decoy_arguments *a = &decoy_arguments;
	enum hin_code code = HIN_OK;

	f->filter = (struct hin_recording_filter){ .host = a->host,
						   .with_commands = a->commands,
						   .word = a->word,
						   .user = a->user,
						   .password = a->password,
						   .most = a->most != 0 ? a->most : MOST };
	if (a->logins)
		f->filter.flags |= HIN_RECORDING_LOGIN;
	if (a->source != NULL) {
		code = hin_prefix_parse(&f->source, a->source, err);
		f->filter.source = &f->source;
	}
	if (code == HIN_OK && a->service != NULL) {
		const struct hin_word *word =
			hin_registry_named(HIN_REGISTRY_SERVICES, a->service, strlen(a->service));

		if (word == NULL)
			code = hin_fail(err, HIN_EUSAGE, "no service is called \"%.40s\"",
					a->service);
		else
			f->filter.service = (uint16_t)word->number;
	}
	if (code == HIN_OK)
		code = read_time(&f->filter.begin_us, a->since, err);
	if (code == HIN_OK)
		code = read_time(&f->filter.end_us, a->until, err);
	return code;
}

#define FILTER_OPTIONS                                                                             \
	{ .section = "Which sessions", .section_ja = "対象のセッション" },                         \
		{ "source",                                                                        \
		  's',                                                                             \
		  "PREFIX",                                                                        \
		  HIN_OPTION_TEXT,                                                                 \
		  DECOY_ARG(source),                                                               \
		  .help = "from these addresses",                                                  \
		  .help_ja = "この送信元から" },                                                   \
		{ "host",                                                                          \
		  0,                                                                               \
		  "NAME",                                                                          \
		  HIN_OPTION_TEXT,                                                                 \
		  DECOY_ARG(host),                                                                 \
		  .help = "at the machine of this name",                                           \
		  .help_ja = "この名前の機器へ" },                                                 \
		{ "service",                                                                       \
		  0,                                                                               \
		  "NAME",                                                                          \
		  HIN_OPTION_TEXT,                                                                 \
		  DECOY_ARG(service),                                                              \
		  .help = "of this service: ssh, telnet",                                          \
		  .help_ja = "このサービス: ssh, telnet" },                                        \
		{ "since",                                                                         \
		  0,                                                                               \
		  "TIME",                                                                          \
		  HIN_OPTION_TEXT,                                                                 \
		  DECOY_ARG(since),                                                                \
		  .help = "begun at or after: 2026-11-22, 06:30, or 2h ago as \"2h\"",             \
		  .help_ja = "この時刻以降に開始: 2026-11-22、06:30、2時間前は \"2h\"" },          \
		{ "until",                                                                         \
		  0,                                                                               \
		  "TIME",                                                                          \
		  HIN_OPTION_TEXT,                                                                 \
		  DECOY_ARG(until),                                                                \
		  .help = "begun before",                                                          \
		  .help_ja = "この時刻より前に開始" },                                             \
		{ "logins",                                                                        \
		  'l',                                                                             \
		  NULL,                                                                            \
		  HIN_OPTION_FLAG,                                                                 \
		  DECOY_ARG(logins),                                                               \
		  .help = "only those that got in",                                                \
		  .help_ja = "侵入に成功したものだけ" },                                           \
		{ "commands",                                                                      \
		  0,                                                                               \
		  NULL,                                                                            \
		  HIN_OPTION_FLAG,                                                                 \
		  DECOY_ARG(commands),                                                             \
		  .help = "only those with commands",                                              \
		  .help_ja = "コマンドのあるものだけ" },                                           \
		{ "word",                                                                          \
		  'w',                                                                             \
		  "WORD",                                                                          \
		  HIN_OPTION_TEXT,                                                                 \
		  DECOY_ARG(word),                                                                 \
		  .help = "with this word in a command line: wget, /tmp/x.sh",                     \
		  .help_ja = "この語を含むコマンドのあるもの: wget, /tmp/x.sh" },                  \
		{ "user",                                                                          \
		  0,                                                                               \
		  "NAME",                                                                          \
		  HIN_OPTION_TEXT,                                                                 \
		  DECOY_ARG(user),                                                                 \
		  .help = "that tried this user name; with --password, both together",             \
		  .help_ja = "この利用者名を試したもの (--password とともに組として)" },           \
		{ "password",                                                                      \
		  0,                                                                               \
		  "TEXT",                                                                          \
		  HIN_OPTION_TEXT,                                                                 \
		  DECOY_ARG(password),                                                             \
		  .help = "that tried this password",                                              \
		  .help_ja = "このパスワードを試したもの" },                                       \
	{                                                                                          \
		"limit", 'n', "N", HIN_OPTION_VALUE, DECOY_ARG(most),                              \
			{ HIN_VALUE_U64, 1, 100000000 },                                           \
			.help = "the newest so many; 50 if not "                                   \
				"given",                                                           \
			.help_ja = "新しい方からの件数 (既定 50)"                       \
	}

/* ---- list ---- */

/* "login", "cut" and so on, with commas. */
static void flags_of(struct hin_buffer *out, const struct hin_recording_entry *e)
{
	const struct {
		unsigned flag;
		const char *en, *ja;
	} names[] = {
		{ HIN_RECORDING_RUNNING, "running", "継続中" },
		{ HIN_RECORDING_LOGIN, "login", "侵入" },
		{ HIN_RECORDING_HONEYTOKEN, "honeytoken", "仕掛け" },
		{ HIN_RECORDING_CUT, "cut", "中断" },
		{ HIN_RECORDING_GAPS, "gaps", "欠落" },
		{ HIN_RECORDING_ERASED, "erased", "消去" },
	};

	for (size_t i = 0; i < HIN_COUNT(names); i++)
		if ((e->flags & names[i].flag) != 0)
			hin_buffer_printf(out, "%s%s", out->used > 0 ? "," : "",
					  decoy_say(lang, names[i].en, names[i].ja));
}

static bool add_row(void *into, const struct hin_recording_entry *e)
{
	struct hin_table *table = into;
	char number[HIN_RECORDING_NUMBER_TEXT], time[HIN_TIME_TEXT], address[HIN_ADDR_TEXT];
	char lasted[HIN_TIME_TEXT], memory[128];
	struct hin_buffer flags = hin_buffer_over(memory, sizeof(memory));
	const char *service = decoy_service_name(e->about.service);

	flags_of(&flags, e);
	hin_table_cell(table, hin_recording_number_format(number, e->number));
	hin_table_cell(table, hin_time_format(time, e->about.time_us * 1000, HIN_TIME_S));
	hin_table_cell(table, hin_time_format_duration(
				      lasted, (e->end_us - e->about.time_us) * 1000, lang));
	hin_table_cell(table, hin_addr_format(&e->about.client, address));
	hin_table_cell(table, e->about.host);
	hin_table_cell(table, service);
	hin_table_count(table, e->credentials);
	hin_table_count(table, e->commands);
	hin_table_count(table, e->files + e->downloads);
	hin_table_cell(table, hin_buffer_text(&flags));
	return true;
}

void decoy_entry_json(struct hin_buffer *out, const struct hin_recording_entry *e)
{
	char number[HIN_RECORDING_NUMBER_TEXT], time[HIN_TIME_TEXT], address[HIN_ADDR_TEXT];
	const char *service = decoy_service_name(e->about.service);

	hin_buffer_printf(out, "{\"session\":\"%s\",\"time\":\"%s\",\"duration\":%.6f",
			  hin_recording_number_format(number, e->number),
			  hin_time_format_iso(time, e->about.time_us * 1000, HIN_TIME_US),
			  (double)(e->end_us - e->about.time_us) / 1e6);
	hin_buffer_printf(out, ",\"src\":\"%s\",\"sport\":%u",
			  hin_addr_format(&e->about.client, address), e->about.client_port);
	hin_buffer_printf(out, ",\"dst\":\"%s\",\"dport\":%u,\"host\":",
			  hin_addr_format(&e->about.server, address), e->about.server_port);
	hin_escape_json(out, e->about.host, strlen(e->about.host));
	hin_buffer_puts(out, ",\"persona\":");
	hin_escape_json(out, e->about.persona, strlen(e->about.persona));
	hin_buffer_printf(out,
			  ",\"service\":\"%s\",\"bytes_in\":%llu,\"bytes_out\":%llu,"
			  "\"credentials\":%u,\"commands\":%u,\"files\":%u,\"downloads\":%u,"
			  "\"forwards\":%u",
			  service, (unsigned long long)e->from_client,
			  (unsigned long long)e->to_client, e->credentials, e->commands, e->files,
			  e->downloads, e->forwards);
	hin_buffer_printf(out,
			  ",\"login\":%s,\"honeytoken\":%s,\"running\":%s,\"cut\":%s,"
			  "\"erased\":%s}\n",
			  e->flags & HIN_RECORDING_LOGIN ? "true" : "false",
			  e->flags & HIN_RECORDING_HONEYTOKEN ? "true" : "false",
			  e->flags & HIN_RECORDING_RUNNING ? "true" : "false",
			  e->flags & HIN_RECORDING_CUT ? "true" : "false",
			  e->flags & HIN_RECORDING_ERASED ? "true" : "false");
}

static bool add_json(void *into, const struct hin_recording_entry *e)
{
	struct hin_buffer *out = into;

	decoy_entry_json(out, e);
	return !out->failed;
}

static enum hin_code list_table(struct hin_recordings *recordings, const struct filter *f,
				struct hin_buffer *out, struct hin_error *err)
{
	const struct hin_column columns[] = {
		{ .title = decoy_say(lang, "SESSION", "番号") },
		{ .title = decoy_say(lang, "TIME (UTC)", "時刻 (UTC)") },
		{ .title = decoy_say(lang, "LASTED", "長さ"), .align = HIN_RIGHT },
		{ .title = decoy_say(lang, "SOURCE", "送信元") },
		{ .title = decoy_say(lang, "HOST", "機器"), .shrinks = true },
		{ .title = decoy_say(lang, "SERVICE", "サービス") },
		{ .title = decoy_say(lang, "TRIED", "試行"), .align = HIN_RIGHT },
		{ .title = decoy_say(lang, "COMMANDS", "コマンド"), .align = HIN_RIGHT },
		{ .title = decoy_say(lang, "FILES", "ファイル"), .align = HIN_RIGHT },
		{ .title = decoy_say(lang, "NOTES", "備考") },
	};
	struct hin_table *table = hin_table_new(columns, HIN_COUNT(columns));
	struct hin_table_layout layout = { .width = 132 };
	enum hin_code code;

	if (table == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the list");
	code = hin_recordings_list(recordings, &f->filter, add_row, table, err);
	if (code == HIN_OK && hin_table_rows(table) == 0)
		hin_buffer_puts(out, decoy_say(lang, "no sessions\n", "セッションはありません\n"));
	else if (code == HIN_OK)
		code = hin_table_print(table, out, &layout);
	hin_table_free(table);
	return code;
}

int decoy_list(int argc, char *argv[])
{
	static const struct hin_option rows[] = {
		DECOY_DIR_OPTION,
		{ "json", 'j', NULL, HIN_OPTION_FLAG, DECOY_ARG(json),
		  .help = "one JSON object a line", .help_ja = "1行に1つのJSONで出力する" },
		FILTER_OPTIONS,
	};
	static const struct hin_program program = {
		.name = "hinomi decoy list",
		.about = "Lists recorded sessions, the newest first.",
		.about_ja = "記録されたセッションを新しい順に示す。",
		.options = rows,
		.option_count = HIN_COUNT(rows),
	};
	struct hin_recordings *recordings = NULL;
	struct hin_buffer out = { 0 };
	struct hin_error err = { 0 };
	struct filter filter;
	enum hin_code code;
	int status = hin_program_start(&program, &decoy_arguments, &lang, &argc, argv);

	if (status >= 0)
		return status;
	code = read_filter(&filter, &err);
	if (code == HIN_OK)
		code = decoy_open_recordings(&recordings, &err);
	if (code == HIN_OK && decoy_arguments.json)
		code = hin_recordings_list(recordings, &filter.filter, add_json, &out, &err);
	else if (code == HIN_OK)
		code = list_table(recordings, &filter, &out, &err);
	hin_recordings_close(recordings);
	return decoy_finish(&out, code, &program, &err);
}

/* ---- search ---- */

static bool print_hit(void *into, const struct hin_recording_entry *entry,
		      const struct hin_recording_hit *hit)
{
	char number[HIN_RECORDING_NUMBER_TEXT], time[HIN_TIME_TEXT], address[HIN_ADDR_TEXT];
	struct hin_buffer *out = into;

	hin_buffer_printf(
		out, "%-10s %s  %-15s %s  ", hin_recording_number_format(number, entry->number),
		hin_time_format(time, hit->time_us * 1000, HIN_TIME_S),
		hin_addr_format(&entry->about.client, address),
		hit->typed ? decoy_say(lang, "typed", "入力") : decoy_say(lang, "seen ", "表示"));
	hin_escape(out, hit->text, hit->size);
	hin_buffer_puts(out, "\n");
	return !out->failed;
}

int decoy_search(int argc, char *argv[])
{
	static const struct hin_option rows[] = {
		DECOY_DIR_OPTION,
		{ "typed", 0, NULL, HIN_OPTION_FLAG, DECOY_ARG(typed),
		  .help = "only in what was typed", .help_ja = "入力の中だけ探す" },
		FILTER_OPTIONS,
	};
	static const struct hin_program program = {
		.name = "hinomi decoy search",
		.args = "TEXT",
		.about = "Says in which sessions a text was typed or seen.",
		.about_ja = "文字列が入力または表示されたセッションを示す。",
		.options = rows,
		.option_count = HIN_COUNT(rows),
	};
	struct hin_recordings *recordings = NULL;
	struct hin_buffer out = { 0 };
	struct hin_error err = { 0 };
	struct filter filter;
	enum hin_code code;
	int status = hin_program_start(&program, &decoy_arguments, &lang, &argc, argv);

	if (status >= 0)
		return status;
	code = argc == 2 ? read_filter(&filter, &err)
			 : hin_fail(&err, HIN_EUSAGE, "name one text to search for");
	if (code == HIN_OK)
		code = decoy_open_recordings(&recordings, &err);
	if (code == HIN_OK)
		code = hin_recordings_search(recordings, &filter.filter,
					     decoy_arguments.typed
						     ? HIN_RECORDING_TYPED
						     : HIN_RECORDING_TYPED | HIN_RECORDING_SEEN,
					     argv[1], strlen(argv[1]), print_hit, &out, &err);
	if (code == HIN_OK && out.used == 0)
		hin_buffer_puts(&out, decoy_say(lang, "nowhere\n", "見つかりません\n"));
	hin_recordings_close(recordings);
	return decoy_finish(&out, code, &program, &err);
}
