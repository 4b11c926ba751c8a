/*
 * hinomi-decoy - machines that are not there: lures intruders, and records what they do.
 */
#include "cmd/decoy.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"

struct decoy_arguments decoy_arguments;

/* ---- settings ---- */

#define AT(field) offsetof(struct decoy_settings, field)

static const char *const log_levels[] = { "error", "warning", "info", "debug", NULL };

static const struct hin_setting rows[] = {
	{ "organisation",
	  { HIN_VALUE_TEXT },
	  AT(organisation),
	  NULL,
	  "the file that says which machines there are; the town hall that is shipped when empty",
	  "どの機器があるかを定めるファイル。空なら付属の町役場",
	  NULL },
	{ "personas",
	  { HIN_VALUE_TEXT },
	  AT(personas),
	  NULL,
	  "folder of the personas; the one that is shipped when empty",
	  "ペルソナのフォルダー。空なら付属のもの",
	  NULL },
	{ "proxies",
	  { HIN_VALUE_LIST },
	  AT(proxies),
	  NULL,
	  "ADDRESS:PORT where proxies connect that speak the PROXY protocol, version 2",
	  "PROXYプロトコル第2版を話す中継からの接続を受けるADDRESS:PORT",
	  NULL },
	{ "proxy-from",
	  { HIN_VALUE_LIST },
	  AT(proxy_from),
	  NULL,
	  "prefixes of those proxies: nobody else is heard there",
	  "その中継のプレフィックス (他からの接続は直ちに閉じる)",
	  NULL },
	{ "all",
	  { HIN_VALUE_LIST },
	  AT(all),
	  NULL,
	  "ADDRESS:PORT to which nftables' tproxy leads whole prefixes with all their ports",
	  "nftablesのtproxyで全ポートの通信を導くADDRESS:PORT",
	  NULL },
	{ "user",
	  { HIN_VALUE_TEXT },
	  AT(user),
	  NULL,
	  "become this user when the sockets are open; nobody when empty, for root",
	  "待ち受け開始後に移る利用者。rootで空ならnobody",
	  NULL },
	{ "log",
	  { HIN_VALUE_CHOICE, .choices = log_levels },
	  AT(log),
	  "info",
	  "least level of what is logged",
	  "ログに出す最低の重要度",
	  NULL },
	{ "vault.purpose",
	  { HIN_VALUE_TEXT },
	  AT(vault_purpose),
	  "defence: to recognise what intruders bring, and to warn those whom it was meant for",
	  "why files of intruders are kept; it stands in the vault's manifest",
	  "侵入者のファイルを保存する目的 (保管庫の目録に記す)",
	  NULL },
	HIN_DECOY_LIMIT_ROWS(struct decoy_settings, limits),
	HIN_RECORDING_ROWS(struct decoy_settings, recording),
	HIN_DECOY_VAULT_ROWS(struct decoy_settings, vault),
};

const struct hin_config_table decoy_table = { rows, HIN_COUNT(rows) };

enum hin_code decoy_add_set(void *into, const char *value, struct hin_error *err)
{
	struct decoy_arguments *a = into;

	if (a->set_count == HIN_COUNT(a->sets))
		return hin_fail(err, HIN_EUSAGE, "more than %zu times --set", HIN_COUNT(a->sets));
	a->sets[a->set_count++] = value;
	return HIN_OK;
}

const char *decoy_folder(void)
{
	return decoy_arguments.dir != NULL ? decoy_arguments.dir : DECOY_FOLDER;
}

enum hin_code decoy_load_settings(struct decoy_settings *s, struct hin_error *err)
{
	const struct decoy_arguments *a = &decoy_arguments;
	char path[PATH_MAX];
	enum hin_code code = hin_config_init(&decoy_table, s, err);

	if (code != HIN_OK)
		return code;
	snprintf(path, sizeof(path), "%s/decoy.yaml", decoy_folder());
	if (a->config != NULL)
		code = hin_config_load(&decoy_table, s, a->config, err);
	else if (access(path, F_OK) == 0)
		code = hin_config_load(&decoy_table, s, path, err);
	for (size_t i = 0; i < a->set_count && code == HIN_OK; i++)
		code = hin_config_set(&decoy_table, s, a->sets[i], err);
	s->vault.purpose = s->vault_purpose;
	return code;
}

/* ---- data ---- */

void decoy_data_path(char out[PATH_MAX], const char *name)
{
	char self[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[size > 0 ? size : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash != NULL)
		*slash = '\0';
	snprintf(out, PATH_MAX, "%s/%s", HIN_SHARE, name);
	if (slash == NULL || access(out, R_OK) == 0)
		return;
	snprintf(out, PATH_MAX, "%.*s/data/%s", PATH_MAX - 300, HIN_SOURCE, name);
}

enum hin_code decoy_load_organisation(struct hin_organisation **out, const struct decoy_settings *s,
				      const uint8_t *seed, struct hin_error *err)
{
	struct hin_organisation_settings settings = { .now_s = hin_time_now_ns() / HIN_NS_PER_S };
	char organisation[PATH_MAX], personas[PATH_MAX];

	if (seed != NULL)
		memcpy(settings.seed, seed, sizeof(settings.seed));
	decoy_data_path(organisation, "organisations/town-hall.yaml");
	decoy_data_path(personas, "personas");
	settings.file = organisation;
	settings.personas = personas;
	if (s->organisation != NULL && s->organisation[0] != '\0')
		settings.file = s->organisation;
	if (s->personas != NULL && s->personas[0] != '\0')
		settings.personas = s->personas;
	return hin_organisation_load(out, &settings, err);
}

/* ---- the program ---- */

static const struct hin_command commands[] = {
	{ "run", "[--dir FOLDER]", "be the machines of an organisation, and record who comes",
	  "組織の機器を演じ、訪れた者を記録する", decoy_run },
	{ "list", "[--dir FOLDER]", "sessions, the newest first", "セッションの一覧 (新しい順)",
	  decoy_list },
	{ "follow", "[SESSION]", "what happens now; or one session while it happens",
	  "いま起きていることを見る。一つのセッションを実況する", decoy_follow },
	{ "play", "SESSION", "show a session on this terminal as it happened",
	  "セッションを端末に再生する", decoy_play },
	{ "export", "SESSION", "a session as asciicast, ttylog, text or JSON lines",
	  "セッションをasciicast・ttylog・テキスト・JSON行で書き出す", decoy_export },
	{ "search", "TEXT", "where something was typed or seen", "入力・表示された文字列を探す",
	  decoy_search },
	{ "files", "[SHA256]", "what intruders brought: list, or take one out for a purpose",
	  "侵入者が持ち込んだファイルの一覧と取り出し", decoy_files },
	{ "block", "[PREFIX]", "let an address in no more; without one: who is blocked",
	  "アドレスを受け入れない。引数なしで一覧", decoy_block },
	{ "unblock", "PREFIX", "let it in again", "受け入れを再開する", decoy_unblock },
	{ "show", "[HOST|PERSONA]", "an organisation, one of its machines, or a persona",
	  "組織・その一台・ペルソナを示す", decoy_show },
	{ "check", "[SESSION]", "are recordings whole, and signed by this sensor?",
	  "記録が完全で、このセンサーの署名があるかを検査する", decoy_check },
	{ "erase", "SESSION", "erase what a session said, as the law may ask; its proof stays",
	  "法の求めによりセッションの内容を消す (証明は残る)", decoy_erase },
};

static const struct hin_program program = {
	.name = "hinomi decoy",
	.args = "COMMAND",
	.about = "Answers for machines that are not there, lets intruders in, records what they do "
		 "and tells the hub. Nothing that they bring is ever executed, and nothing they "
		 "ask for leaves this machine.",
	.about_ja = "存在しない機器として応答し、侵入者を招き入れて行動を記録し、ハブへ伝える。"
		    "持ち込まれたものは決して実行せず、求められた通信も外へ出さない。",
	.commands = commands,
	.command_count = HIN_COUNT(commands),
};

int main(int argc, char *argv[])
{
	enum hin_lang lang;
	int status = hin_program_start(&program, NULL, &lang, &argc, argv);

	return status >= 0 ? status : hin_program_run(&program, lang, argc, argv);
}
