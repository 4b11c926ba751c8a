/*
 * hinomi-status - how a hub and its sensors are, for people.
 */
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/file.h"
#include "base/options.h"
#include "base/time.h"
#include "text/table.h"
#include "text/words.h"

#define DEFAULT_FOLDER "/var/lib/hinomi"
#define STATUS_SIZE ((size_t)64 << 20)
#define STALE_NS HIN_NS_PER_MIN /* the hub writes it every few seconds */

struct arguments {
	const char *dir;
	bool json;
	int color;
};

#define ARG(field) offsetof(struct arguments, field)

static const struct hin_option rows[] = {
	{ "dir", 'd', "FOLDER", HIN_OPTION_TEXT, ARG(dir),
	  .help = "the hub's folder; " DEFAULT_FOLDER " if not given",
	  .help_ja = "ハブのフォルダー (既定 " DEFAULT_FOLDER ")" },
	{ "json", 'j', NULL, HIN_OPTION_FLAG, ARG(json), .help = "print JSON",
	  .help_ja = "JSON で出力する" },
	{ "color",
	  0,
	  "WHEN",
	  HIN_OPTION_VALUE,
	  ARG(color),
	  { HIN_VALUE_CHOICE, .choices = (const char *const[]){ "auto", "always", "never", NULL } },
	  .help = "colours in the table",
	  .help_ja = "表の色" },
};

static const struct hin_program program = {
	.name = "hinomi status",
	.about = "Shows how the hub and each of its sensors are. Status 1 when the hub does not "
		 "run, or a sensor is silent.",
	.about_ja =
		"ハブと各センサーの状態を示す。ハブが止まっているか、沈黙したセンサーがあれば終了"
		"状態は 1。",
	.options = rows,
	.option_count = HIN_COUNT(rows),
};

#define STATUS_WORDS(X)                                                                            \
	X(W_HUB, "hub", "ハブ")                                                                    \
	X(W_AS_OF, "as of", "時点")                                                                \
	X(W_UP, "up", "稼働")                                                                      \
	X(W_STORED, "in the store", "保存")                                                        \
	X(W_ROWS, "rows", "行")                                                                    \
	X(W_REFUSED, "refused since the start", "起動後の拒否")                                    \
	X(W_CERTIFICATE, "certificate until", "証明書の期限")                                      \
	X(W_ANALYSIS, "analysis", "分析")                                                          \
	X(W_TELLING, "telling", "通知")                                                            \
	X(W_OFF, "notices and alerts are switched off", "通知と警報は送っていない")                \
	X(W_LEDGER, "ledger", "台帳")                                                              \
	X(W_NO_CHECKPOINT, "no checkpoint yet", "チェックポイントなし")                            \
	X(W_DESK, "desk", "データベース")                                                          \
	X(W_PEER, "other hub", "他のハブ")                                                         \
	X(W_NOT_HEARD, "not heard yet", "応答なし")                                                \
	X(W_NOBODY, "no sensor has joined yet: hinomi trust enrol NAME",                           \
	  "参加したセンサーはない: hinomi trust enrol NAME")                                       \
	X(W_NEVER, "never", "なし")

enum { STATUS_WORDS(HIN_WORD_NAME) };
static const struct hin_words words[] = { STATUS_WORDS(HIN_WORD_ROW) };

static const char *word(enum hin_lang lang, size_t index)
{
	return hin_words_get(words, index, lang);
}

/* ---- reading ---- */

static const char *text_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text != NULL ? text : "";
}

static uint64_t number_of(const json_t *json, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(json, name));

	return value > 0 ? (uint64_t)value : 0;
}

/* A time in the status; 0 when there is none. */
static int64_t time_of(const json_t *json, const char *name)
{
	int64_t time = 0;

	if (hin_time_parse(&time, text_of(json, name), 0, NULL) != HIN_OK)
		return 0;
	return time;
}

/* ---- for people ---- */

static void put_ago(struct hin_table *table, enum hin_lang lang, int64_t time_ns, int64_t now_ns)
{
	char text[HIN_TIME_TEXT];
	int64_t ago = now_ns > time_ns ? now_ns - time_ns : 0;

	if (time_ns == 0)
		hin_table_cell(table, word(lang, W_NEVER));
	else
		hin_table_cell(table, hin_time_format_duration(text, ago, lang));
}

static void put_sensor(struct hin_table *table, enum hin_lang lang, const json_t *s, int64_t now_ns)
{
	static const struct {
		const char *state;
		enum hin_style style;
		const char *ja;
	} states[] = {
		{ "ok", HIN_STYLE_GREEN, "正常" },     { "gaps", HIN_STYLE_YELLOW, "欠番" },
		{ "silent", HIN_STYLE_ALARM, "沈黙" }, { "never", HIN_STYLE_DIM, "未着" },
		{ "revoked", HIN_STYLE_DIM, "失効" },
	};
	const char *state = text_of(s, "state");
	int64_t lag_ns = json_integer_value(json_object_get(s, "lag_us")) * HIN_NS_PER_US;
	char name[128], text[HIN_TIME_TEXT];
	size_t i = 0;

	while (i + 1 < HIN_COUNT(states) && strcmp(states[i].state, state) != 0)
		i++;
	hin_table_cell(table, hin_escape_text(name, sizeof(name), text_of(s, "name")));
	hin_table_cell_styled(table, states[i].style,
			      lang == HIN_JA ? states[i].ja : states[i].state);
	put_ago(table, lang, time_of(s, "heard"), now_ns);
	if (time_of(s, "stored") == 0)
		hin_table_cell(table, "-");
	else
		hin_table_cell(table,
			       hin_time_format_duration(text, lag_ns > 0 ? lag_ns : 0, lang));
	hin_table_count(table, number_of(s, "rows"));
	hin_table_count(table, number_of(s, "missing"));
	hin_table_count(table, number_of(s, "refused"));
	hin_table_cellf(table, "%+.3f",
			(double)json_integer_value(json_object_get(s, "clock_offset_us")) / 1e3);
	hin_table_cellf(table, "%" PRIu64, number_of(s, "settings"));
	hin_table_cell(table, hin_escape_text(name, sizeof(name), text_of(s, "version")));
}

static void put_head(struct hin_buffer *out, enum hin_lang lang, const json_t *json, int64_t now_ns)
{
	char a[HIN_TIME_TEXT], b[HIN_TIME_TEXT], rows_text[HIN_WORDS_TEXT], bytes[HIN_WORDS_TEXT];
	char hub[300];
	int64_t time = time_of(json, "time"), started = time_of(json, "started");
	uint64_t refused = 0;
	const char *name;
	json_t *value;

	json_object_foreach(json_object_get(json, "batches_refused"), name, value) refused +=
		(uint64_t)json_integer_value(value);
	json_object_foreach(json_object_get(json, "requests_refused"), name, value) refused +=
		(uint64_t)json_integer_value(value);
	hin_buffer_printf(
		out, "%s %s, %s %s, %s %s\n", word(lang, W_HUB),
		hin_escape_text(hub, sizeof(hub), text_of(json, "hub")), word(lang, W_AS_OF),
		hin_time_format(a, time, HIN_TIME_S), word(lang, W_UP),
		hin_time_format_duration(b, now_ns > started ? now_ns - started : 0, lang));
	hin_buffer_printf(out, "%s: %s %s, %s; %s: %" PRIu64 "; %s %s\n", word(lang, W_STORED),
			  hin_words_count(rows_text, number_of(json, "store_rows")),
			  word(lang, W_ROWS),
			  hin_words_bytes(bytes, number_of(json, "store_bytes")),
			  word(lang, W_REFUSED), refused, word(lang, W_CERTIFICATE),
			  hin_time_format(a, time_of(json, "certificate_expires"), HIN_TIME_S));
}

/* The parts of the hub, a line each. A status of an older hub has none of them. */
static void put_analysis(struct hin_buffer *out, enum hin_lang lang, const json_t *a)
{
	char rate[HIN_WORDS_TEXT], found[HIN_WORDS_TEXT], cases[HIN_WORDS_TEXT];
	char refused[HIN_WORDS_TEXT];

	hin_buffer_printf(out,
			  lang == HIN_JA
				  ? "%s: 毎秒 %s 行、所見 %s、未終了の案件 %s、扱えなかった行 %s\n"
				  : "%s: %s rows/s, %s findings, %s cases open, %s rows refused\n",
			  word(lang, W_ANALYSIS), hin_words_count(rate, number_of(a, "rows_per_s")),
			  hin_words_count(found, number_of(a, "findings")),
			  hin_words_count(cases, number_of(a, "cases_open")),
			  hin_words_count(refused, number_of(a, "refused")));
}

static void put_telling(struct hin_buffer *out, enum hin_lang lang, const json_t *t)
{
	bool ja = lang == HIN_JA;

	hin_buffer_printf(
		out,
		ja ? "%s: 未解消の通知 %" PRIu64 "、保留 %" PRIu64 "、所有者不明 %" PRIu64
		     "、送付待ち %" PRIu64 "、送れなかった手紙 %" PRIu64 "、警報待ち %" PRIu64
		   : "%s: %" PRIu64 " notices open, %" PRIu64 " held, %" PRIu64
		     " without owner; %" PRIu64 " letters wait, %" PRIu64 " failed; %" PRIu64
		     " alerts wait",
		word(lang, W_TELLING), number_of(t, "notices_open"), number_of(t, "notices_held"),
		number_of(t, "notices_no_owner"), number_of(t, "letters_waiting"),
		number_of(t, "letters_failed"), number_of(t, "alerts_waiting"));
	if (!json_is_true(json_object_get(t, "sends")))
		hin_buffer_printf(out, ja ? "。%s" : "; %s", word(lang, W_OFF));
	hin_buffer_putc(out, '\n');
}

static void put_ledger(struct hin_buffer *out, enum hin_lang lang, const json_t *l, int64_t now_ns)
{
	char acts[HIN_WORDS_TEXT], ago[HIN_TIME_TEXT];
	int64_t at = time_of(l, "checkpoint_time");

	hin_buffer_printf(out, lang == HIN_JA ? "%s: 行為 %s、" : "%s: %s acts, ",
			  word(lang, W_LEDGER), hin_words_count(acts, number_of(l, "acts")));
	if (at == 0)
		hin_buffer_puts(out, word(lang, W_NO_CHECKPOINT));
	else
		hin_buffer_printf(
			out, lang == HIN_JA ? "チェックポイントは %s前" : "checkpoint %s ago",
			hin_time_format_duration(ago, now_ns > at ? now_ns - at : 0, lang));
	hin_buffer_printf(
		out,
		lang == HIN_JA ? "、証人 %" PRIu64 " (%" PRIu64 " まで)、待ち %" PRIu64 "\n"
			       : ", %" PRIu64 " witnesses (%" PRIu64 " acts), %" PRIu64
				 " acts wait\n",
		number_of(l, "witnesses"), number_of(l, "witnessed"), number_of(l, "waiting"));
}

static void put_peers(struct hin_buffer *out, enum hin_lang lang, const json_t *peers,
		      int64_t now_ns)
{
	for (size_t i = 0; i < json_array_size(peers); i++) {
		const json_t *p = json_array_get(peers, i);
		char hub[200], error[220], ago[HIN_TIME_TEXT];
		int64_t at = time_of(p, "heard");

		hin_buffer_printf(out, "%s %s: ", word(lang, W_PEER),
				  hin_escape_text(hub, sizeof(hub), text_of(p, "hub")));
		if (at == 0)
			hin_buffer_puts(out, word(lang, W_NOT_HEARD));
		else
			hin_buffer_printf(
				out, lang == HIN_JA ? "%s前に応答" : "heard %s ago",
				hin_time_format_duration(ago, now_ns > at ? now_ns - at : 0, lang));
		if (text_of(p, "error")[0] != '\0')
			hin_buffer_printf(
				out, "; %s",
				hin_escape_text(error, sizeof(error), text_of(p, "error")));
		hin_buffer_putc(out, '\n');
	}
}

static void put_parts(struct hin_buffer *out, enum hin_lang lang, const json_t *json,
		      int64_t now_ns)
{
	const json_t *analysis = json_object_get(json, "analysis");
	const json_t *telling = json_object_get(json, "telling");
	const json_t *ledger = json_object_get(json, "ledger"),
		     *desk = json_object_get(json, "desk");
	char bytes[HIN_WORDS_TEXT];

	if (analysis != NULL)
		put_analysis(out, lang, analysis);
	if (telling != NULL)
		put_telling(out, lang, telling);
	if (ledger != NULL)
		put_ledger(out, lang, ledger, now_ns);
	if (desk != NULL)
		hin_buffer_printf(out, "%s: %s\n", word(lang, W_DESK),
				  hin_words_bytes(bytes, number_of(desk, "bytes") +
								 number_of(desk, "log_bytes")));
	put_peers(out, lang, json_object_get(json, "peers"), now_ns);
	hin_buffer_putc(out, '\n');
}

static enum hin_code show(const struct arguments *a, enum hin_lang lang, const json_t *json,
			  struct hin_error *err)
{
	static const struct hin_column columns[2][10] = {
		[HIN_EN] = { { "SENSOR", HIN_LEFT, 0, true },
			     { "STATE", HIN_LEFT, 0, false },
			     { "HEARD", HIN_RIGHT, 0, false },
			     { "LAG", HIN_RIGHT, 0, false },
			     { "ROWS", HIN_RIGHT, 0, false },
			     { "MISSING", HIN_RIGHT, 0, false },
			     { "REFUSED", HIN_RIGHT, 0, false },
			     { "CLOCK ms", HIN_RIGHT, 0, false },
			     { "SETTINGS", HIN_RIGHT, 0, false },
			     { "VERSION", HIN_LEFT, 0, true } },
		[HIN_JA] = { { "センサー", HIN_LEFT, 0, true },
			     { "状態", HIN_LEFT, 0, false },
			     { "最終受信", HIN_RIGHT, 0, false },
			     { "遅れ", HIN_RIGHT, 0, false },
			     { "行数", HIN_RIGHT, 0, false },
			     { "欠番", HIN_RIGHT, 0, false },
			     { "拒否", HIN_RIGHT, 0, false },
			     { "時計 ms", HIN_RIGHT, 0, false },
			     { "設定", HIN_RIGHT, 0, false },
			     { "版", HIN_LEFT, 0, true } },
	};
	struct hin_table_layout layout = {
		.width = hin_style_columns(STDOUT_FILENO),
		.color = hin_color_wanted((enum hin_color)a->color, STDOUT_FILENO),
	};
	const json_t *sensors = json_object_get(json, "sensors");
	int64_t now = time_of(json, "time");
	struct hin_buffer out = { 0 };
	struct hin_table *table = hin_table_new(columns[lang], HIN_COUNT(columns[lang]));
	enum hin_code code = HIN_OK;

	if (table == NULL)
		return hin_fail(err, HIN_ENOMEM, "table");
	if (!isatty(STDOUT_FILENO))
		layout.width = 200;
	put_head(&out, lang, json, now);
	put_parts(&out, lang, json, now);
	for (size_t i = 0; i < json_array_size(sensors); i++)
		put_sensor(table, lang, json_array_get(sensors, i), now);
	if (json_array_size(sensors) == 0)
		hin_buffer_printf(&out, "%s\n", word(lang, W_NOBODY));
	else
		code = hin_table_print(table, &out, &layout);
	if (code != HIN_OK || out.failed)
		code = hin_fail(err, HIN_ENOMEM, "table");
	else
		fwrite(out.data, 1, out.used, stdout);
	hin_table_free(table);
	hin_buffer_fini(&out);
	return code;
}

/* ---- main ---- */

static enum hin_code read_status(json_t **out, struct hin_buffer *text, const char *folder,
				 struct hin_error *err)
{
	char path[PATH_MAX];
	json_error_t why;
	enum hin_code code;

	if (snprintf(path, sizeof(path), "%s/status.json", folder) >= (int)sizeof(path))
		return hin_fail(err, HIN_ELIMIT, "the path of the folder is too long");
	if (access(path, F_OK) != 0)
		return hin_fail(err, HIN_ENOENT,
				"%s does not exist: no hub has run there (see --dir)", path);
	code = hin_file_read(text, path, STATUS_SIZE, err);
	if (code != HIN_OK)
		return code;
	*out = json_loadb(text->data, text->used, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(*out))
		return hin_fail(err, HIN_EFORMAT, "%s is no status: %s", path, why.text);
	return HIN_OK;
}

static bool any_silent(const json_t *json)
{
	const json_t *sensors = json_object_get(json, "sensors");

	for (size_t i = 0; i < json_array_size(sensors); i++)
		if (strcmp(text_of(json_array_get(sensors, i), "state"), "silent") == 0)
			return true;
	return false;
}

int main(int argc, char *argv[])
{
	struct arguments a = { .dir = DEFAULT_FOLDER };
	struct hin_buffer text = { 0 };
	struct hin_error err = { 0 };
	enum hin_lang lang;
	json_t *json = NULL;
	enum hin_code code;
	char old[HIN_TIME_TEXT];
	bool stale, silent;
	int64_t age;
	int status = hin_program_start(&program, &a, &lang, &argc, argv);

	if (status >= 0)
		return status;
	if (argc > 1) {
		(void)hin_fail(&err, HIN_EUSAGE, "\"%s\" is too much", argv[1]);
		(void)hin_program_fail(&program, &err);
		return HIN_EXIT_USAGE;
	}
	code = read_status(&json, &text, a.dir, &err);
	if (code == HIN_OK && a.json)
		fwrite(text.data, 1, text.used, stdout);
	else if (code == HIN_OK)
		code = show(&a, lang, json, &err);
	age = hin_time_now_ns() - time_of(json, "time");
	stale = code == HIN_OK && age > STALE_NS;
	silent = code == HIN_OK && any_silent(json);
	fflush(stdout);
	if (stale) {
		fputs("hinomi status: ", stderr);
		fprintf(stderr,
			lang == HIN_JA ? "ハブが動いていないか応答がない: %s前の状態\n"
				       : "the hub does not run, or hangs: this is %s old\n",
			hin_time_format_duration(old, age, lang));
	}
	json_decref(json);
	hin_buffer_fini(&text);
	if (code != HIN_OK)
		return hin_program_fail(&program, &err);
	return stale || silent ? HIN_EXIT_FAILED : HIN_EXIT_DONE;
}
