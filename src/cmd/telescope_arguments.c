#include "cmd/telescope_arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "packet/decode.h"
#include "telescope/report.h"
#include "telescope/telescope.h"

static enum hin_code add_text(struct text_list *list, const char *text, struct hin_error *err)
{
	const char **more = realloc(list->items, (list->count + 1) * sizeof(*more));

	if (more == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for \"%s\"", text);
	list->items = more;
	list->items[list->count++] = text;
	return HIN_OK;
}

static enum hin_code add_dark(void *into, const char *value, struct hin_error *err)
{
	return add_text(&((struct telescope_arguments *)into)->dark, value, err);
}

static enum hin_code add_member(void *into, const char *value, struct hin_error *err)
{
	return add_text(&((struct telescope_arguments *)into)->member, value, err);
}

static enum hin_code add_research(void *into, const char *value, struct hin_error *err)
{
	return add_text(&((struct telescope_arguments *)into)->research, value, err);
}

static enum hin_code add_geo(void *into, const char *value, struct hin_error *err)
{
	return add_text(&((struct telescope_arguments *)into)->geo, value, err);
}

static enum hin_code add_exclude(void *into, const char *value, struct hin_error *err)
{
	return add_text(&((struct telescope_arguments *)into)->exclude, value, err);
}

static enum hin_code add_config(void *into, const char *value, struct hin_error *err)
{
	return add_text(&((struct telescope_arguments *)into)->configs, value, err);
}

static enum hin_code add_hub(void *into, const char *value, struct hin_error *err)
{
	return add_text(&((struct telescope_arguments *)into)->hubs, value, err);
}

/* Would it be taken? Applied later, over files and what a hub says. */
static enum hin_code check_setting(const char *text, struct hin_error *err)
{
	struct hin_telescope_settings scratch;

	hin_telescope_settings_default(&scratch);
	return hin_config_set(&hin_telescope_table, &scratch, text, err);
}

static enum hin_code add_setting(void *into, const char *value, struct hin_error *err)
{
	enum hin_code code = check_setting(value, err);

	return code == HIN_OK ? add_text(&((struct telescope_arguments *)into)->sets, value, err)
			      : code;
}

static enum hin_code set_memory(void *into, const char *value, struct hin_error *err)
{
	struct telescope_arguments *a = into;

	snprintf(a->memory, sizeof(a->memory), "memory=%s", value);
	return check_setting(a->memory, err);
}

void telescope_arguments_fini(struct telescope_arguments *a)
{
	if (a == NULL)
		return;
	free(a->dark.items);
	free(a->member.items);
	free(a->exclude.items);
	free(a->research.items);
	free(a->geo.items);
	free(a->configs.items);
	free(a->sets.items);
	free(a->hubs.items);
}

static enum hin_code add_decap(void *into, const char *value, struct hin_error *err)
{
	static const struct {
		const char *name;
		unsigned bit;
	} kinds[] = {
		{ "gre", HIN_DECAP_GRE },
		{ "vxlan", HIN_DECAP_VXLAN },
		{ "ipip", HIN_DECAP_IPIP },
		{ "all", HIN_DECAP_GRE | HIN_DECAP_VXLAN | HIN_DECAP_IPIP },
	};
	struct telescope_arguments *a = into;

	while (*value != '\0') {
		size_t n = strcspn(value, ","), i;

		for (i = 0; i < HIN_COUNT(kinds); i++)
			if (strlen(kinds[i].name) == n && strncmp(kinds[i].name, value, n) == 0)
				break;
		if (i == HIN_COUNT(kinds))
			return hin_fail(err, HIN_EUSAGE,
					"tunnel \"%.*s\" is not one of gre, vxlan, ipip, all",
					(int)n, value);
		a->decap |= kinds[i].bit;
		value += n + (value[n] == ',');
	}
	return HIN_OK;
}

#define ARG(field) offsetof(struct telescope_arguments, field)

static const char *const list_names[] = {
#define X(name, text) text,
	HIN_REPORT_LISTS(X)
#undef X
		NULL
};

static const struct hin_option rows[] = {
	{ .section = "Where we look", .section_ja = "観測する場所" },
	{ "dark", 'd', "PREFIX|FILE", HIN_OPTION_CALL, .call = add_dark,
	  .help = "unused address space; may be given several times. Packets to other addresses "
		  "are "
		  "counted and forgotten",
	  .help_ja = "未使用アドレス空間 (複数可)。それ以外への通信は数えるだけで捨てる" },
	{ "member", 'm', "PREFIX|FILE", HIN_OPTION_CALL, .call = add_member,
	  .help = "our own people's addresses: one that reaches into dark space raises an alert",
	  .help_ja = "会員のアドレス。未使用空間へ届けば警報を出す" },
	{ "exclude", 'x', "PREFIX|FILE", HIN_OPTION_CALL, .call = add_exclude,
	  .help = "nothing is told of packets from or to these: they are counted and forgotten",
	  .help_ja = "この範囲との通信は数えるだけで、何も報告しない" },
	{ "research", 0, "FILE", HIN_OPTION_CALL, .call = add_research,
	  .help = "more known research scanners: a prefix and a name on each line",
	  .help_ja = "既知の調査用スキャナーの追加 (1 行にプレフィックスと名前)" },
	{ .section = "Input", .section_ja = "入力" },
	{ "live", 'i', "INTERFACE", HIN_OPTION_TEXT, ARG(live),
	  .help = "capture from a network interface; needs --dark and the right to open it",
	  .help_ja = "ネットワークインターフェースから取り込む (--dark と権限が必要)" },
	{ "follow", 'f', NULL, HIN_OPTION_FLAG, ARG(follow),
	  .help = "wait for more at the end of files that still grow",
	  .help_ja = "書き込み中のファイルの続きを待つ" },
	{ "decap", 0, "LIST", HIN_OPTION_CALL, .call = add_decap,
	  .help = "open tunnels: gre, vxlan, ipip or all, with commas",
	  .help_ja = "トンネルを開く: gre, vxlan, ipip, all (コンマ区切り)" },
	{ "digest", 0, NULL, HIN_OPTION_FLAG, ARG(digest),
	  .help = "compute the SHA-256 of each file (the default; --no-digest is faster)",
	  .help_ja = "各ファイルの SHA-256 を計算する (既定。--no-digest で省略)" },
	{ .section = "Output", .section_ja = "出力" },
	{ "json", 'j', NULL, HIN_OPTION_FLAG, ARG(json),
	  .help = "print one JSON document instead of the report",
	  .help_ja = "報告の代わりに JSON 文書を出力する" },
	{ "csv", 0, NULL, HIN_OPTION_FLAG, ARG(csv),
	  .help = "print a list as CSV instead of the report: --list says which",
	  .help_ja = "報告の代わりに CSV の一覧を出力する (--list で選ぶ)" },
	{ "list",
	  0,
	  "NAME",
	  HIN_OPTION_VALUE,
	  ARG(list),
	  { HIN_VALUE_CHOICE, .choices = list_names },
	  .help = "the list that --csv prints; events if not given",
	  .help_ja = "--csv で出力する一覧 (既定は events)" },
	{ "html", 0, "FILE", HIN_OPTION_TEXT, ARG(html),
	  .help = "also write a page with charts that needs nothing from outside",
	  .help_ja = "図表つきの単独ページも書き出す" },
	{ "flows", 0, "FILE", HIN_OPTION_TEXT, ARG(flows),
	  .help = "stream one row a minute and 5-tuple: JSON lines for *.ndjson and \"-\", else "
		  "signed "
		  "batches",
	  .help_ja = "毎分・5 つ組ごとの行を流す。*.ndjson と \"-\" は JSON "
		     "行、ほかは署名付きバッチ" },
	{ "observations", 'o', "FILE", HIN_OPTION_TEXT, ARG(observations),
	  .help = "stream scans, victims, floods and alerts as observations, in the same formats",
	  .help_ja = "走査・被害・洪水・警報を観測行として同じ形式で流す" },
	{ "road", 0, "FOLDER", HIN_OPTION_TEXT, ARG(road),
	  .help = "send observations and flows to the hub that this folder joined with hinomi "
		  "trust join; what the hub has not stored yet is kept there",
	  .help_ja = "hinomi trust join で参加したハブへ観測行とフローを送る。ハブが保存するまで"
		     "そのフォルダーに残す" },
	{ "road-flows", 0, NULL, HIN_OPTION_FLAG, ARG(road_flows),
	  .help = "send flows too (the default; --no-road-flows sends events alone)",
	  .help_ja = "フローも送る (既定。--no-road-flows は事象だけ)" },
	{ "hub", 0, "HOST:PORT", HIN_OPTION_CALL, .call = add_hub,
	  .help = "one more hub of the same CA, for when those before it do not answer (several "
		  "may be given)",
	  .help_ja = "同じ認証局の予備のハブ。前のハブが応答しないとき使う (複数可)" },
	{ "passphrase-file", 0, "FILE", HIN_OPTION_TEXT, ARG(passphrase_file),
	  .help = "its first line opens the folder's keys, when they are encrypted; without it "
		  "$HINOMI_PASSPHRASE does",
	  .help_ja = "鍵が暗号化されているとき、その 1 行目で開く。なければ "
		     "$HINOMI_PASSPHRASE を使う" },
	{ "append", 0, NULL, HIN_OPTION_FLAG, ARG(append),
	  .help = "go on at the end of these files instead of beginning them anew",
	  .help_ja = "それらのファイルを作り直さず末尾に続ける" },
	{ "key", 0, "FILE", HIN_OPTION_TEXT, ARG(key),
	  .help = "the sensor's key that signs batches; made if there is none",
	  .help_ja = "バッチに署名するセンサーの鍵 (なければ作る)" },
	{ "limit",
	  'n',
	  "N",
	  HIN_OPTION_VALUE,
	  ARG(limit),
	  { HIN_VALUE_U64, 1, 100000000 },
	  .help = "longest list, by packets; 1000 if not given",
	  .help_ja = "一覧の最大行数 (既定 1000)" },
	{ "geo", 'g', "MMDB", HIN_OPTION_CALL, .call = add_geo,
	  .help = "table of countries or networks (several may be given); script/geo fetches a "
		  "free one",
	  .help_ja = "国・AS の表 (script/geo で無償の表を取得できる)" },
	{ "color",
	  0,
	  "WHEN",
	  HIN_OPTION_VALUE,
	  ARG(colour),
	  { HIN_VALUE_CHOICE, .choices = (const char *const[]){ "auto", "always", "never", NULL } },
	  .help = "colours in the report",
	  .help_ja = "報告の色" },
	{ "refresh",
	  0,
	  "TIME",
	  HIN_OPTION_VALUE,
	  ARG(refresh_ns),
	  { HIN_VALUE_DURATION, HIN_NS_PER_MIN, HIN_NS_PER_DAY },
	  .help = "live: how often the page and the state are written; 5m if not given",
	  .help_ja = "実回線: ページと状態を書き出す間隔 (既定 5m)" },
	{ "metrics", 0, "FILE", HIN_OPTION_TEXT, ARG(metrics),
	  .help = "write counters for Prometheus here each minute, as node_exporter's textfile "
		  "collector reads them",
	  .help_ja =
		  "Prometheus 用の計数を毎分このファイルに書く (node_exporter の textfile 形式)" },
	{ "quiet", 'q', NULL, HIN_OPTION_FLAG, ARG(quiet),
	  .help = "no progress and no warnings; errors only",
	  .help_ja = "進捗と警告を出さない (エラーのみ)" },
	{ .section = "Keeping", .section_ja = "保存" },
	{ "state", 's', "FILE", HIN_OPTION_TEXT, ARG(state),
	  .help = "go on from this file if there is one, and save to it at the end: a run cut in "
		  "two "
		  "equals one run",
	  .help_ja = "あればこのファイルから続け、終わりに保存する" },
	{ "vault", 0, "FOLDER", HIN_OPTION_TEXT, ARG(vault),
	  .help = "keep the first packets of each event here as evidence, encrypted",
	  .help_ja = "各イベントの最初のパケットを証拠として暗号化して残す" },
	{ "vault-size",
	  0,
	  "SIZE",
	  HIN_OPTION_VALUE,
	  ARG(vault_bytes),
	  { HIN_VALUE_SIZE, 1 << 20, INT64_MAX },
	  .help = "the oldest evidence goes beyond this; 256M if not given",
	  .help_ja = "これを超えると古い証拠から消す (既定 256M)" },
	{ "vault-age",
	  0,
	  "TIME",
	  HIN_OPTION_VALUE,
	  ARG(vault_age_ns),
	  { HIN_VALUE_DURATION, HIN_NS_PER_MIN, INT64_MAX },
	  .help = "evidence goes after this; 90d if not given",
	  .help_ja = "これより古い証拠は消す (既定 90d)" },
	{ .section = "Running", .section_ja = "実行" },
	{ "config", 'c', "FILE", HIN_OPTION_CALL, .call = add_config,
	  .help = "settings from a YAML file; what the hub has signed goes over them",
	  .help_ja = "YAML ファイルの設定を読む。ハブの署名した設定が優先する" },
	{ "set", 0, "NAME=VALUE", HIN_OPTION_CALL, .call = add_setting,
	  .help = "one setting, over files and the hub's; --settings lists them",
	  .help_ja = "設定を一つ変える。ファイルとハブの設定に優先する (--settings で一覧)" },
	{ "settings", 0, NULL, HIN_OPTION_FLAG, ARG(list_settings),
	  .help = "list every threshold with its default and source, and end",
	  .help_ja = "全ての閾値と既定値・出典を表示して終わる" },
	{ "check-config", 0, NULL, HIN_OPTION_FLAG, ARG(check_config),
	  .help = "check options, settings and prefix files, and end",
	  .help_ja = "オプション・設定・プレフィックスを検査して終わる" },
	{ "memory", 0, "SIZE", HIN_OPTION_CALL, .call = set_memory,
	  .help = "the same as --set memory=SIZE", .help_ja = "--set memory=SIZE と同じ" },
	{ "threads",
	  't',
	  "N",
	  HIN_OPTION_VALUE,
	  ARG(threads),
	  { HIN_VALUE_U64, 1, HIN_TELESCOPE_THREADS },
	  .help = "threads; as many as processors if not given. The result is the same",
	  .help_ja = "スレッド数 (既定はプロセッサ数)。結果は変わらない" },
	{ "count-only", 0, NULL, HIN_OPTION_FLAG, ARG(count_only),
	  .help = "decode, mark and count, without events", .help_ja = "解読と計数だけ行う" },
	{ "user", 0, "NAME", HIN_OPTION_TEXT, ARG(user),
	  .help = "become this user after the interface is open; nobody if not given, for root",
	  .help_ja = "取り込み開始後に移る利用者 (root なら既定 nobody)" },
};

const struct hin_program hin_telescope_program = {
	.name = "hinomi telescope",
	.args = "[FILE|FOLDER|- ...]",
	.about = "Reads what arrives at unused addresses and says who scans, who is attacked, "
		 "which of "
		 "our own machines are infected, and what rises. Also: hinomi telescope packets "
		 "EVENT "
		 "--vault FOLDER -w FILE",
	.about_ja =
		"未使用アドレスに届く通信を読み、誰が走査し、誰が攻撃され、どの会員機器が感染し、"
		"何が急増したかを報告する。証拠の取り出し: hinomi telescope packets EVENT --vault "
		"FOLDER -w FILE",
	.options = rows,
	.option_count = HIN_COUNT(rows),
};
