/*
 * hinomi - runs `hinomi-<command>`, which lies beside this program or in the package's libexec
 * folder.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/options.h"

static const struct hin_program *self;

/* The folder of this executable, or "" when it cannot be known. */
static void own_folder(char out[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
	char *slash;

	out[n > 0 ? n : 0] = '\0';
	slash = strrchr(out, '/');
	if (slash != NULL)
		*slash = '\0';
}

/* Become the command's program. Returns only when that failed. */
static int run_command(int argc, char *argv[])
{
	char folder[PATH_MAX], path[PATH_MAX + 64];
	struct hin_error err = { 0 };
	const char *folders[2];

	(void)argc;
	own_folder(folder);
	folders[0] = folder;
	folders[1] = HIN_LIBEXEC;
	for (size_t i = 0; i < HIN_COUNT(folders); i++) {
		if (folders[i][0] == '\0')
			continue;
		snprintf(path, sizeof(path), "%s/hinomi-%s", folders[i], argv[0]);
		execv(path, argv);
		if (errno != ENOENT)
			break;
	}
	(void)hin_fail(&err, HIN_ESYS, "cannot run %s", path);
	return hin_program_fail(self, &err);
}

static const struct hin_command commands[] = {
	{ "telescope", "[FILE ...]", "read captures or a live link of unused addresses, and report",
	  "未使用アドレスの通信記録や実回線を読み、報告する", run_command },
	{ "decoy", "COMMAND", "machines that are not there: lure intruders, record what they do",
	  "存在しない機器で侵入者を誘い、行動を記録する", run_command },
	{ "hub", "COMMAND", "collect and store what sensors send", "センサーの観測を集めて保存する",
	  run_command },
	{ "account", "COMMAND", "who may sign in at a hub: people, roles, tokens for programs",
	  "ハブにサインインできる人・役割・トークンを管理する", run_command },
	{ "status", "[--dir FOLDER]", "how a hub and its sensors are", "ハブとセンサーの状態を示す",
	  run_command },
	{ "store", "COMMAND",
	  "look after the store of observations: check, compact, retain, backup",
	  "観測ストアの保守: 検査、整理、保存期間、バックアップ", run_command },
	{ "trust", "COMMAND", "who belongs to a hub: its CA, sensors and their settings",
	  "ハブの認証局・センサー・設定を管理する", run_command },
	{ "directory", "COMMAND",
	  "who must be told: import, list, show, check owners; who had an address when",
	  "誰に知らせるか: 組織・連絡先・担当範囲の台帳とアドレスの割り当て", run_command },
	{ "silence", "--net PREFIX --since TIME",
	  "a signed answer: did anything from there reach the watched addresses?",
	  "ある範囲からの通信が届いたかを署名付きで答える", run_command },
	{ "ledger", "COMMAND", "the log of acts: show, prove, check, or witness another's",
	  "行為の台帳を示し、証明し、検査し、他の台帳の証人となる", run_command },
	{ "authority", "COMMAND",
	  "signed permission to survey, select or order: write, sign, check",
	  "調査・選別・命令の署名付き許可を書き、署名し、検査する", run_command },
	{ "notice", "COMMAND",
	  "what owners were told: list, show, preview, send, withdraw, figures",
	  "所有者への通知: 一覧、表示、送付前の確認、送付、取り消し、集計", run_command },
	{ "case", "COMMAND", "findings about one trouble: list, show, assign, note, merge, close",
	  "案件を扱う: 一覧・表示・担当・記録・統合・終了", run_command },
	{ "replay", "[option ...]", "run the rules over stored observations: what was known when",
	  "保存された観測に規則を適用し、いつ何が分かったかを示す", run_command },
	{ "query", "[FILTER ...]", "ask the store of observations: groups, series, rows, exports",
	  "観測データに問い合わせる (集計・系列・一覧・書き出し)", run_command },
	{ "import", "FILE ...", "read rows of other tools' files into the store",
	  "他のツールのファイルをストアに取り込む", run_command },
};

static const struct hin_program program = {
	.name = "hinomi",
	.about =
		"The fire watchtower of a network: who attacks, who is infected, who must be told.",
	.about_ja = "ネットワークの火の見やぐら。誰が攻撃し、誰が感染し、誰に知らせるべきか。",
	.commands = commands,
	.command_count = HIN_COUNT(commands),
};

int main(int argc, char *argv[])
{
	enum hin_lang lang;
	int status;

	self = &program;
	status = hin_program_start(&program, NULL, &lang, &argc, argv);
	return status >= 0 ? status : hin_program_run(&program, lang, argc, argv);
}
