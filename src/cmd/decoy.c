/*
 * hinomi-decoy - machines that are not there: lures intruders, and records what they do.
 */
#include "cmd/decoy.h"

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
