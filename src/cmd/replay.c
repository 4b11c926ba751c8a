/*
 * hinomi-replay - runs today's rules over stored observations, on a desk in memory: what would have
 * been known when, and what each rule costs.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/file.h"
#include "base/options.h"
#include "base/time.h"
#include "hub/analyse/overrides.h"
#include "hub/analyse/replay.h"
#include "hub/hub.h"
#include "text/progress.h"
#include "text/table.h"
#include "text/words.h"

#define LIST 50

struct arguments {
	const char *store, *dir, *config, *since, *until, *rules;
	bool json, quiet;
	uint64_t limit;
};

struct session {
	struct arguments arguments;
	enum hin_lang lang;
	const char *set[64];
	size_t set_count;
	struct hin_hub_settings settings;
	struct hin_progress progress;
	struct hin_owners_box *owners;
	struct hin_replay replay;
	struct hin_buffer out;
};

static struct session session;

static enum hin_code add_set(void *into, const char *value, struct hin_error *err)
{
	(void)into;
	if (session.set_count == HIN_COUNT(session.set))
		return hin_fail(err, HIN_EUSAGE, "more than %zu times --set",
				HIN_COUNT(session.set));
	session.set[session.set_count++] = value;
	return HIN_OK;
}

#define ARG(field) offsetof(struct arguments, field)

static const struct hin_option options[] = {
	{ .section = "What is run", .section_ja = "対象" },
	{ "store", 'S', "FOLDER", HIN_OPTION_TEXT, ARG(store),
	  .help = "the store; else $HINOMI_STORE",
	  .help_ja = "ストアのフォルダー (既定は $HINOMI_STORE)" },
	{ "since", 's', "TIME", HIN_OPTION_TEXT, ARG(since),
	  .help = "from here on: a date, or -24h; from the first row if not given",
	  .help_ja = "この日時から: 日付または -24h (既定は最初の行から)" },
	{ "until", 'u', "TIME", HIN_OPTION_TEXT, ARG(until), .help = "and before this",
	  .help_ja = "この日時より前まで" },
	{ "dir", 'd', "FOLDER", HIN_OPTION_TEXT, ARG(dir),
	  .help = "a hub's folder: its owners, leases and hub.yaml count",
	  .help_ja = "ハブのフォルダー: その台帳・割り当て・hub.yaml を使う" },
	{ .section = "Rules", .section_ja = "規則" },
	{ "rules", 'r', "LIST", HIN_OPTION_TEXT, ARG(rules),
	  .help = "these only, with commas; all that are switched on if not given",
	  .help_ja = "使う規則 (コンマ区切り)。既定は有効なもの全て" },
	{ "config", 'c', "FILE", HIN_OPTION_TEXT, ARG(config), .help = "thresholds from a hub.yaml",
	  .help_ja = "hub.yaml の設定を使う" },
	{ "set", 0, "NAME=VALUE", HIN_OPTION_CALL, .call = add_set,
	  .help = "one setting, as rule.scanner.targets=50",
	  .help_ja = "設定を一つ変える (例: rule.scanner.targets=50)" },
	{ .section = "Output", .section_ja = "出力" },
	{ "limit",
	  'n',
	  "N",
	  HIN_OPTION_VALUE,
	  ARG(limit),
	  { HIN_VALUE_U64, 1, 1000000 },
	  .help = "findings listed; 50 if not given, with --json all",
	  .help_ja = "表示する所見の数 (既定 50、--json では全て)" },
	{ "json", 'j', NULL, HIN_OPTION_FLAG, ARG(json), .help = "print JSON instead of tables",
	  .help_ja = "表の代わりに JSON を出力する" },
	{ "quiet", 'q', NULL, HIN_OPTION_FLAG, ARG(quiet), .help = "no progress",
	  .help_ja = "進捗を表示しない" },
};

static const struct hin_program program = {
	.name = "hinomi replay",
	.about = "Run the rules of analysis over stored observations, on a desk in memory, and say "
		 "what would have been known when, and what each rule costs. Nothing is changed. A "
		 "rule's price is seen before it is switched on.",
	.about_ja =
		"保存された観測に分析の規則を適用し (結果はメモリー上だけ)、いつ何が分かったはず"
		"か、各規則の負荷はどれほどかを示す。何も変更しない。規則を有効にする前に負荷を"
		"確かめられる。",
	.options = options,
	.option_count = HIN_COUNT(options),
};

#define WORDS(X)                                                                                   \
	X(W_REPLAYING, "replaying", "再分析中")                                                    \
	X(W_ROWS, "rows", "行")                                                                    \
	X(W_RULE, "rule", "規則")                                                                  \
	X(W_FOUND, "findings", "所見")                                                             \
	X(W_UPDATES, "seen again", "再観測")                                                       \
	X(W_CPU, "CPU", "CPU")                                                                     \
	X(W_PER_ROW, "per row", "1行あたり")                                                       \
	X(W_KNOWN, "known (UTC)", "判明 (UTC)")                                                    \
	X(W_KIND, "finding", "所見")                                                               \
	X(W_SUBJECT, "subject", "対象")                                                            \
	X(W_SEVERITY, "severity", "重大度")                                                        \
	X(W_SURE, "sure", "確度")                                                                  \
	X(W_SEEN, "seen", "観測数")                                                                \
	X(W_CASE, "case", "案件")                                                                  \
	X(W_OTHERS, "others", "ほか")
enum { WORDS(HIN_WORD_NAME) };
static const struct hin_words words[] = { WORDS(HIN_WORD_ROW) };

static const char *get(int word)
{
	return hin_words_get(words, (size_t)word, session.lang);
}

/* ---- settings ---- */

/* What people switched while the hub ran stands above its file. */
static enum hin_code apply_overrides(struct session *s, struct hin_error *err)
{
	struct hin_desk *desk = NULL;
	char path[PATH_MAX];
	enum hin_code code;

	snprintf(path, sizeof(path), "%s/desk.db", s->arguments.dir);
	code = hin_desk_open(&desk, path, HIN_DESK_READ, err);
	if (code == HIN_OK)
		code = hin_overrides_apply(desk, &s->settings.analyse, NULL, err);
	hin_desk_close(desk);
	return code;
}

static enum hin_code load_settings(struct session *s, struct hin_error *err)
{
	struct hin_error why = { 0 };
	char path[PATH_MAX];
	enum hin_code code = hin_config_init(&hin_hub_table, &s->settings, err);

	if (code != HIN_OK)
		return code;
	snprintf(path, sizeof(path), "%s/hub.yaml",
		 s->arguments.dir != NULL ? s->arguments.dir : "");
	if (s->arguments.config != NULL)
		code = hin_config_load(&hin_hub_table, &s->settings, s->arguments.config, err);
	else if (s->arguments.dir != NULL && access(path, F_OK) == 0)
		code = hin_config_load(&hin_hub_table, &s->settings, path, err);
	if (code == HIN_OK && s->arguments.dir != NULL && s->arguments.config == NULL)
		code = apply_overrides(s, err);
	for (size_t i = 0; i < s->set_count && code == HIN_OK; i++)
		code = hin_config_set(&hin_hub_table, &s->settings, s->set[i], err);
	if (code != HIN_OK || s->arguments.rules == NULL)
		return code;
	code = hin_replay_choose(&s->settings.analyse, s->arguments.rules, &why);
	return code == HIN_OK ? code : hin_fail(err, code, "--rules: %s", why.text);
}

/* ---- the run ---- */

/* Owners and leases of a hub, as they are now. */
static enum hin_code load_owners(struct session *s, struct hin_error *err)
{
	const struct hin_owners_settings all = { 0 };
	struct hin_desk *desk = NULL;
	char path[PATH_MAX];
	enum hin_code code;

	if (s->arguments.dir == NULL)
		return HIN_OK;
	snprintf(path, sizeof(path), "%s/desk.db", s->arguments.dir);
	code = hin_desk_open(&desk, path, HIN_DESK_READ, err);
	if (code == HIN_OK)
		code = hin_owners_box_new(&s->owners, &all, err);
	if (code == HIN_OK)
		code = hin_owners_box_refresh(s->owners, desk, hin_time_now_ns() / 1000, NULL, err);
	hin_desk_close(desk);
	return code;
}

static bool progress(void *user, uint64_t done, uint64_t whole, uint64_t rows)
{
	struct session *s = user;

	hin_progress_update(&s->progress, done, whole, rows, hin_time_monotonic_ns());
	return true;
}

static enum hin_code read_times(const struct arguments *a, struct hin_store_range *range,
				struct hin_error *err)
{
	int64_t ns, now_ns = hin_time_now_ns();
	enum hin_code code = HIN_OK;

	if (a->since != NULL) {
		code = hin_time_parse(&ns, a->since, now_ns, err);
		range->since_us = code == HIN_OK ? ns / 1000 : 0;
	}
	if (code == HIN_OK && a->until != NULL) {
		code = hin_time_parse(&ns, a->until, now_ns, err);
		range->until_us = code == HIN_OK ? ns / 1000 : 0;
	}
	return code == HIN_OK ? code : HIN_EUSAGE;
}

static enum hin_code replay(struct session *s, struct hin_error *err)
{
	struct hin_store_range range = { .progress = progress, .user = s };
	enum hin_code code = read_times(&s->arguments, &range, err);

	hin_progress_start(&s->progress, s->arguments.quiet ? -1 : STDERR_FILENO,
			   isatty(STDERR_FILENO) == 1, s->lang, get(W_REPLAYING), get(W_ROWS),
			   hin_time_monotonic_ns());
	if (code == HIN_OK)
		code = hin_replay_run(&s->replay, s->arguments.store, &range, err);
	hin_progress_end(&s->progress);
	return code;
}

/* ---- what came of it ---- */

static void print_table(struct session *s, struct hin_table *t)
{
	const struct hin_table_layout layout = { .width = 120 };

	if (t == NULL || hin_table_print(t, &s->out, &layout) != HIN_OK)
		s->out.failed = true;
	hin_table_free(t);
}

static void put_rules(struct session *s)
{
	const struct hin_analyse_counters *c = hin_analyse_count(s->replay.analyse);
	const struct hin_column columns[] = {
		{ get(W_RULE), HIN_LEFT, 0, false },   { get(W_ROWS), HIN_RIGHT, 0, false },
		{ get(W_FOUND), HIN_RIGHT, 0, false }, { get(W_UPDATES), HIN_RIGHT, 0, false },
		{ get(W_CPU), HIN_RIGHT, 0, false },   { get(W_PER_ROW), HIN_RIGHT, 0, false },
	};
	struct hin_table *t = hin_table_new(columns, HIN_COUNT(columns));

	for (size_t i = 0; i < hin_rule_count && t != NULL; i++) {
		const struct hin_analyse_rule_counters *r = &c->rule[i];

		hin_table_cell(t, hin_rule_name(hin_rules[i]));
		hin_table_count(t, r->rows);
		hin_table_count(t, r->found);
		hin_table_count(t, r->updates);
		hin_table_cellf(t, "%.3f s", (double)r->cpu_ns / 1e9);
		hin_table_cellf(t, "%.0f ns",
				r->rows > 0 ? (double)r->cpu_ns / (double)r->rows : 0);
	}
	print_table(s, t);
}

/* Findings in the order in which they would have been known. */
static enum hin_code put_findings(struct session *s, struct hin_error *err)
{
	const struct hin_column columns[] = {
		{ get(W_KNOWN), HIN_LEFT, 0, false },  { get(W_KIND), HIN_LEFT, 0, false },
		{ get(W_SUBJECT), HIN_LEFT, 0, true }, { get(W_SEVERITY), HIN_LEFT, 0, false },
		{ get(W_SURE), HIN_RIGHT, 0, false },  { get(W_SEEN), HIN_RIGHT, 0, false },
		{ get(W_CASE), HIN_RIGHT, 0, false },
	};
	int64_t most = s->arguments.limit > 0 ? (int64_t)s->arguments.limit : LIST;
	struct hin_desk *desk = s->replay.desk;
	struct hin_table *t = hin_table_new(columns, HIN_COUNT(columns));
	sqlite3_stmt *q = hin_desk_statement(
		desk, "SELECT id FROM finding ORDER BY told_us, id LIMIT ?1", err);
	enum hin_code code = q == NULL ? HIN_EFORMAT : hin_desk_bind(desk, q, err, "i", most);
	uint64_t count = 0;

	while (code == HIN_OK && (code = hin_desk_step(desk, q, err)) == HIN_OK) {
		struct hin_finding f;
		char time[HIN_TIME_TEXT], shown[300];

		code = hin_finding_get(desk, sqlite3_column_int64(q, 0), 0, &f, err);
		if (code == HIN_OK && t != NULL) {
			hin_table_cell(
				t, hin_time_format(time, hin_finding_ns(f.told_us), HIN_TIME_S));
			hin_table_cell(t, f.kind);
			hin_table_cell(t, hin_escape_text(shown, sizeof(shown), f.subject));
			hin_table_cell(t, hin_severity_name(f.severity));
			hin_table_cellf(t, "%u %%", f.confidence);
			hin_table_count(t, f.observations);
			hin_table_cellf(t, f.case_id != 0 ? "%lld" : "-", (long long)f.case_id);
		}
		count++;
	}
	if (count > 0)
		print_table(s, t);
	else
		hin_table_free(t);
	return code == HIN_EOF ? HIN_OK : code;
}

static enum hin_code report(struct session *s, struct hin_error *err)
{
	const struct hin_analyse_counters *c = hin_analyse_count(s->replay.analyse);
	int64_t findings = 0, cases = 0;
	char looked[HIN_WORDS_TEXT];
	enum hin_code code;

	if (s->arguments.json)
		return hin_replay_json(&s->replay,
				       s->arguments.limit > 0 ? s->arguments.limit : INT64_MAX,
				       &s->out, err);
	code = hin_desk_number(s->replay.desk, &findings, err, "SELECT count(*) FROM finding", "");
	if (code == HIN_OK)
		code = hin_desk_number(s->replay.desk, &cases, err, "SELECT count(*) FROM case_",
				       "");
	if (code != HIN_OK)
		return code;
	put_rules(s);
	hin_buffer_putc(&s->out, '\n');
	code = put_findings(s, err);
	hin_buffer_printf(&s->out,
			  s->lang == HIN_JA ? "\n%s 行から所見 %lld 件、案件 %lld 件。%.2f 秒。\n"
					    : "\n%s rows: %lld findings, %lld cases, in %.2f s.\n",
			  hin_words_count(looked, c->rows), (long long)findings, (long long)cases,
			  (double)s->replay.wall_ns / 1e9);
	return code;
}

static enum hin_code run(struct session *s, struct hin_error *err)
{
	enum hin_code code;

	if (s->arguments.store == NULL)
		s->arguments.store = getenv("HINOMI_STORE");
	if (s->arguments.store == NULL)
		return hin_fail(err, HIN_EUSAGE, "which store? --store FOLDER, or HINOMI_STORE");
	code = load_settings(s, err);
	if (code == HIN_OK)
		code = load_owners(s, err);
	if (code == HIN_OK)
		code = hin_replay_open(&s->replay, &s->settings.analyse, s->owners, false, err);
	if (code == HIN_OK)
		code = replay(s, err);
	if (code == HIN_OK)
		code = report(s, err);
	if (code == HIN_OK && s->out.failed)
		code = hin_fail(err, HIN_ENOMEM, "no room for the output");
	else if (code == HIN_OK && (fwrite(s->out.data, 1, s->out.used, stdout) != s->out.used ||
				    fflush(stdout) != 0))
		code = hin_fail(err, HIN_ESYS, "write the output");
	hin_buffer_fini(&s->out);
	hin_replay_close(&s->replay);
	hin_owners_box_free(s->owners);
	hin_config_fini(&hin_hub_table, &s->settings);
	return code;
}

int main(int argc, char *argv[])
{
	struct hin_error err = { 0 };
	int status = hin_program_start(&program, &session.arguments, &session.lang, &argc, argv);
	enum hin_code code;

	if (status != -1)
		return status;
	code = run(&session, &err);
	if (code == HIN_OK)
		return HIN_EXIT_DONE;
	(void)hin_program_fail(&program, &err);
	return code == HIN_EUSAGE ? HIN_EXIT_USAGE : HIN_EXIT_FAILED;
}
