/*
 * hinomi-account - who may sign in at a hub: on its own machine, beside the running hub.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/number.h"
#include "base/options.h"
#include "base/time.h"
#include "hub/hub.h"
#include "hub/people/session.h"
#include "text/style.h"
#include "text/table.h"

#define FOLDER "/var/lib/hinomi"
#define URL "https://127.0.0.1:8440"

struct arguments {
	const char *dir, *url, *role, *organisation, *display, *language, *label, *scopes;
	uint64_t days;
	bool json, all;
};

static struct session {
	struct arguments arguments;
	enum hin_lang lang;
	struct hin_desk *desk;
	int64_t now_us;
} session;

#define ARG(field) offsetof(struct arguments, field)

#define DIR_ROW                                                                                    \
	{                                                                                          \
		"dir", 0, "FOLDER", HIN_OPTION_TEXT, ARG(dir),                                     \
			.help = "the hub's folder; " FOLDER " if not given",                       \
			.help_ja = "ハブのフォルダー (既定 " FOLDER ")"                            \
	}
#define URL_ROW                                                                                      \
	{                                                                                            \
		"url", 0, "URL", HIN_OPTION_TEXT, ARG(url),                                          \
			.help = "where people reach the hub, for links; as \"people\" of "           \
				"hub.yaml says if not given",                                        \
			.help_ja = "リンクに使うハブの URL (既定は hub.yaml の people)" \
	}
#define ROLE_ROWS                                                                                  \
	{                                                                                          \
		"organisation", 0, "HANDLE", HIN_OPTION_TEXT, ARG(organisation),                   \
			.help = "whose a member is: the handle in the directory",                  \
			.help_ja = "参加組織 (台帳の識別名)"                             \
	}

static const struct hin_option plain_rows[] = { DIR_ROW };
static const struct hin_option link_rows[] = { DIR_ROW, URL_ROW };
static const struct hin_option role_rows[] = { DIR_ROW, ROLE_ROWS };
static const struct hin_option add_rows[] = {
	DIR_ROW,
	URL_ROW,
	{ "role", 'r', "ROLE", HIN_OPTION_TEXT, ARG(role),
	  .help = "analyst (if not given), operator, member, inspector or administrator",
	  .help_ja = "analyst (既定), operator, member, inspector, administrator" },
	ROLE_ROWS,
	{ "display", 0, "TEXT", HIN_OPTION_TEXT, ARG(display),
	  .help = "the person's name as others see it", .help_ja = "表示名" },
	{ "language", 0, "LANG", HIN_OPTION_TEXT, ARG(language),
	  .help = "en or ja; the browser's if not given",
	  .help_ja = "en または ja (既定はブラウザーの設定)" },
};
static const struct hin_option list_rows[] = {
	DIR_ROW,
	{ "all", 'a', NULL, HIN_OPTION_FLAG, ARG(all), .help = "closed ones too",
	  .help_ja = "廃止済みも含める" },
	{ "json", 'j', NULL, HIN_OPTION_FLAG, ARG(json), .help = "JSON", .help_ja = "JSON で出力" },
};
static const struct hin_option token_rows[] = {
	DIR_ROW,
	{ "label", 0, "TEXT", HIN_OPTION_TEXT, ARG(label), .help = "what it is for",
	  .help_ja = "用途" },
	{ "scopes", 0, "NAMES", HIN_OPTION_TEXT, ARG(scopes),
	  .help = "what it may, with spaces between: read (if not given), query, cases, notices, "
		  "directory, ledger, accounts",
	  .help_ja = "許可する範囲 (空白区切り): read (既定), query, cases, notices, directory, "
		     "ledger, accounts" },
	{ "days",
	  0,
	  "N",
	  HIN_OPTION_VALUE,
	  ARG(days),
	  { HIN_VALUE_U64, 1, 366 },
	  .help = "how long it is good; 90 if not given",
	  .help_ja = "有効日数 (既定 90)" },
};

/* ---- the desk ---- */

/* Become who owns the folder when root calls: files of the desk stay the hub's. */
static enum hin_code become_owner(const char *folder, struct hin_error *err)
{
	struct stat st;

	if (geteuid() != 0 || stat(folder, &st) != 0 || st.st_uid == 0)
		return HIN_OK;
	if (setgid(st.st_gid) != 0 || setuid(st.st_uid) != 0)
		return hin_fail(err, HIN_ESYS, "become the owner of %s", folder);
	return HIN_OK;
}

static enum hin_code open_desk(struct session *n, enum hin_desk_access access,
			       struct hin_error *err)
{
	const char *folder = n->arguments.dir != NULL ? n->arguments.dir : FOLDER;
	char path[PATH_MAX];
	enum hin_code code;

	if (snprintf(path, sizeof(path), "%s/desk.db", folder) >= (int)sizeof(path))
		return hin_fail(err, HIN_ELIMIT, "the path of the folder is too long");
	if (faccessat(AT_FDCWD, folder, F_OK, 0) != 0)
		return hin_fail(err, HIN_ENOENT, "%s: there is no such folder: name it by --dir",
				folder);
	code = become_owner(folder, err);
	if (code == HIN_OK)
		code = hin_desk_open(&n->desk, path, access, err);
	n->now_us = hin_time_now_ns() / 1000;
	return code;
}

/* The one operand, a name; its account. */
static enum hin_code find(struct session *n, int argc, char *argv[], struct hin_account *out,
			  struct hin_error *err)
{
	enum hin_code code;

	if (argc != 2)
		return hin_fail(err, HIN_EUSAGE, "name one account");
	code = open_desk(n, HIN_DESK_WRITE, err);
	if (code == HIN_OK)
		code = hin_account_find(n->desk, argv[1], out, err);
	return code == HIN_ENOENT && n->desk != NULL
		       ? hin_fail(err, HIN_ENOENT, "there is no account \"%s\"", argv[1])
		       : code;
}

static enum hin_code organisation_of(struct session *n, int64_t *out, struct hin_error *err)
{
	const char *handle = n->arguments.organisation;
	enum hin_code code;

	*out = 0;
	if (handle == NULL)
		return HIN_OK;
	code = hin_desk_number(n->desk, out, err, "SELECT id FROM organisation WHERE handle = ?1",
			       "t", handle);
	return code == HIN_ENOENT
		       ? hin_fail(err, HIN_ENOENT,
				  "there is no organisation \"%s\": see hinomi directory", handle)
		       : code;
}

static int end(const struct hin_program *program, enum hin_code code, const struct hin_error *err)
{
	hin_desk_close(session.desk);
	if (code != HIN_OK)
		(void)hin_program_fail(program, err);
	if (code == HIN_OK)
		return fflush(stdout) == 0 ? HIN_EXIT_DONE : HIN_EXIT_FAILED;
	return code == HIN_EUSAGE ? HIN_EXIT_USAGE : HIN_EXIT_FAILED;
}

static const char *say(const char *en, const char *ja)
{
	return session.lang == HIN_JA ? ja : en;
}

/* "https://127.0.0.1:8440", as the hub's settings say; those of no page or none: why. */
static enum hin_code people_url(const struct session *n, struct hin_buffer *out,
				struct hin_error *err)
{
	struct hin_hub_settings settings = { 0 };
	char path[PATH_MAX];
	const char *listen;
	enum hin_code code = hin_config_init(&hin_hub_table, &settings, err);

	if (code != HIN_OK)
		return code;
	snprintf(path, sizeof(path), "%s/hub.yaml",
		 n->arguments.dir != NULL ? n->arguments.dir : FOLDER);
	if (access(path, F_OK) == 0)
		code = hin_config_load(&hin_hub_table, &settings, path, err);
	listen = settings.people.listen;
	if (code == HIN_OK && (listen == NULL || listen[0] == '\0')) {
		code = hin_fail(err, HIN_ENOENT, "%.200s opens no page for people (people)", path);
	} else if (code == HIN_OK) {
		hin_buffer_puts(out, settings.people.plain ? "http://" : "https://");
		/* on all addresses: this machine's own is one of them */
		if (strncmp(listen, "0.0.0.0:", 8) == 0)
			hin_buffer_printf(out, "127.0.0.1:%s", listen + 8);
		else if (strncmp(listen, "[::]:", 5) == 0)
			hin_buffer_printf(out, "[::1]:%s", listen + 5);
		else
			hin_buffer_puts(out, listen);
	}
	hin_config_fini(&hin_hub_table, &settings);
	return code;
}

/* Where the link leads: a hub that cannot be asked gets a link all the same, with a word of it. */
static void choose_url(const struct session *n, struct hin_buffer *out)
{
	struct hin_error why = { 0 };

	if (n->arguments.url != NULL) {
		hin_buffer_puts(out, n->arguments.url);
	} else if (people_url(n, out, &why) != HIN_OK) {
		fprintf(stderr,
			n->lang == HIN_JA ? "hinomi account: %s: リンクは " URL
					    " とした (--url で変更)\n"
					  : "hinomi account: %s: the link is of " URL
					    "; name another by --url\n",
			why.text);
		hin_buffer_puts(out, URL);
	}
}

/* Make a one-time link and print it. */
static enum hin_code print_link(struct session *n, int64_t id, const char *name,
				struct hin_error *err)
{
	struct hin_buffer url = { 0 };
	char secret[HIN_SECRET_TEXT];
	enum hin_code code = hin_invite_make(n->desk, id, 0, n->now_us, secret, err);

	if (code != HIN_OK)
		return code;
	if (n->lang == HIN_JA)
		fprintf(stderr,
			"%s の一回限りのリンク (48 時間有効)。他の人に渡さないでください:\n", name);
	else
		fprintf(stderr,
			"A one-time link for %s, good for 48 hours; give it to nobody else:\n",
			name);
	choose_url(n, &url);
	printf("%s/link/%s\n", hin_buffer_text(&url), secret);
	hin_buffer_fini(&url);
	explicit_bzero(secret, sizeof(secret));
	return HIN_OK;
}

/* ---- commands ---- */

static int add(int argc, char *argv[])
{
	static const struct hin_program program = {
		.name = "hinomi account add",
		.args = "NAME",
		.about = "Makes an account and prints the one-time link by which its owner chooses "
			 "a password.",
		.about_ja = "アカウントを作り、本人がパスワードを決めるための一回限りのリンクを表示"
			    "する。",
		.options = add_rows,
		.option_count = HIN_COUNT(add_rows),
	};
	struct session *n = &session;
	const struct arguments *a = &n->arguments;
	struct hin_account wanted = { .role = HIN_ROLE_ANALYST };
	struct hin_error err = { 0 };
	enum hin_code code;
	int64_t id = 0;
	int status = hin_program_start(&program, &n->arguments, &n->lang, &argc, argv);

	if (status >= 0)
		return status;
	code = argc == 2 ? HIN_OK : hin_fail(&err, HIN_EUSAGE, "name one account");
	if (code == HIN_OK && strlen(argv[1]) >= sizeof(wanted.name))
		code = hin_fail(&err, HIN_EFORMAT, "a name has at most 63 letters");
	if (code == HIN_OK && a->display != NULL && strlen(a->display) >= sizeof(wanted.display))
		code = hin_fail(&err, HIN_EFORMAT, "a display name has at most 127 bytes");
	if (code == HIN_OK && a->language != NULL && strlen(a->language) != 2)
		code = hin_fail(&err, HIN_EUSAGE, "--language is en or ja");
	if (code == HIN_OK && a->role != NULL)
		code = hin_role_parse(&wanted.role, a->role, &err);
	if (code == HIN_OK)
		code = open_desk(n, HIN_DESK_WRITE, &err);
	if (code == HIN_OK)
		code = organisation_of(n, &wanted.organisation, &err);
	if (code == HIN_OK) {
		snprintf(wanted.name, sizeof(wanted.name), "%s", argv[1]);
		snprintf(wanted.display, sizeof(wanted.display), "%s",
			 a->display != NULL ? a->display : "");
		snprintf(wanted.language, sizeof(wanted.language), "%s",
			 a->language != NULL ? a->language : "");
		code = hin_account_add(n->desk, &wanted, 0, n->now_us, &id, &err);
	}
	if (code == HIN_OK)
		code = print_link(n, id, wanted.name, &err);
	return end(&program, code, &err);
}

struct listing {
	struct hin_table *table;
	struct hin_buffer json;
	bool all;
};

static enum hin_code list_one(void *user, const struct hin_account *a)
{
	struct listing *l = user;
	char when[HIN_TIME_TEXT];

	if (a->state == HIN_ACCOUNT_CLOSED && !l->all)
		return HIN_OK;
	if (l->table == NULL) {
		hin_buffer_printf(&l->json, "%s\n{\"id\":%lld,\"name\":\"%s\",\"display\":",
				  l->json.used > 1 ? "," : "", (long long)a->id, a->name);
		hin_escape_json(&l->json, a->display, strlen(a->display));
		hin_buffer_printf(&l->json,
				  ",\"role\":\"%s\",\"state\":\"%s\",\"second_factor\":%s,"
				  "\"organisation\":%lld}",
				  hin_role_name(a->role, HIN_EN), hin_account_state_name(a->state),
				  a->has_totp ? "true" : "false", (long long)a->organisation);
		return HIN_OK;
	}
	hin_table_cellf(l->table, "%lld", (long long)a->id);
	hin_table_cell(l->table, a->name);
	hin_table_cell(l->table, hin_role_name(a->role, session.lang));
	hin_table_cell(l->table, hin_account_state_name(a->state));
	hin_table_cell(l->table, a->has_totp ? say("yes", "あり") : "-");
	hin_table_cell(l->table, a->signed_in_us > 0
					 ? hin_time_format(when, a->signed_in_us * 1000, HIN_TIME_S)
					 : "-");
	hin_table_cell(l->table, a->display);
	return HIN_OK;
}

static enum hin_code print_list(struct session *n, struct hin_error *err)
{
	const struct hin_column columns[] = {
		{ .title = say("No.", "番号"), .align = HIN_RIGHT },
		{ .title = say("Name", "名前") },
		{ .title = say("Role", "役割") },
		{ .title = say("State", "状態") },
		{ .title = say("2nd factor", "二要素") },
		{ .title = say("Signed in", "サインイン") },
		{ .title = say("Person", "氏名"), .shrinks = true },
	};
	const struct hin_table_layout layout = { .width = hin_style_columns(STDOUT_FILENO) };
	struct listing l = { .all = n->arguments.all };
	enum hin_code code;

	if (!n->arguments.json)
		l.table = hin_table_new(columns, HIN_COUNT(columns));
	if (!n->arguments.json && l.table == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the table");
	if (n->arguments.json)
		hin_buffer_putc(&l.json, '[');
	code = hin_account_each(n->desk, 0, list_one, &l, err);
	if (code == HIN_OK && l.table != NULL)
		code = hin_table_print(l.table, &l.json, &layout);
	else if (code == HIN_OK)
		hin_buffer_puts(&l.json, "]\n");
	if (code == HIN_OK && l.json.failed)
		code = hin_fail(err, HIN_ENOMEM, "no room for the list");
	if (code == HIN_OK)
		fputs(hin_buffer_text(&l.json), stdout);
	hin_table_free(l.table);
	hin_buffer_fini(&l.json);
	return code;
}

static int list(int argc, char *argv[])
{
	static const struct hin_program program = {
		.name = "hinomi account list",
		.about = "Lists the accounts.",
		.about_ja = "アカウントの一覧を表示する。",
		.options = list_rows,
		.option_count = HIN_COUNT(list_rows),
	};
	struct session *n = &session;
	struct hin_error err = { 0 };
	enum hin_code code;
	int status = hin_program_start(&program, &n->arguments, &n->lang, &argc, argv);

	if (status >= 0)
		return status;
	code = open_desk(n, HIN_DESK_READ, &err);
	if (code == HIN_OK)
		code = print_list(n, &err);
	return end(&program, code, &err);
}

static int role(int argc, char *argv[])
{
	static const struct hin_program program = {
		.name = "hinomi account role",
		.args = "NAME ROLE",
		.about = "Gives an account another role; its sessions and tokens end.",
		.about_ja = "アカウントの役割を変える。セッションとトークンは終わる。",
		.options = role_rows,
		.option_count = HIN_COUNT(role_rows),
	};
	struct session *n = &session;
	struct hin_account account = { 0 };
	struct hin_error err = { 0 };
	enum hin_role wanted = HIN_ROLE_ANALYST;
	int64_t organisation = 0;
	enum hin_code code;
	int status = hin_program_start(&program, &n->arguments, &n->lang, &argc, argv);

	if (status >= 0)
		return status;
	code = argc == 3 ? hin_role_parse(&wanted, argv[2], &err)
			 : hin_fail(&err, HIN_EUSAGE, "give a name and a role");
	if (code == HIN_OK)
		code = find(n, 2, argv, &account, &err);
	if (code == HIN_OK)
		code = organisation_of(n, &organisation, &err);
	if (code == HIN_OK)
		code = hin_account_set_role(n->desk, account.id, wanted, organisation, 0, n->now_us,
					    &err);
	return end(&program, code, &err);
}

typedef enum hin_code (*change_fn)(struct hin_desk *desk, int64_t id, int64_t by, int64_t now_us,
				   struct hin_error *err);

static int change(const struct hin_program *program, change_fn call, bool link, int argc,
		  char *argv[])
{
	struct session *n = &session;
	struct hin_account account = { 0 };
	struct hin_error err = { 0 };
	enum hin_code code;
	int status = hin_program_start(program, &n->arguments, &n->lang, &argc, argv);

	if (status >= 0)
		return status;
	code = find(n, argc, argv, &account, &err);
	if (code == HIN_OK && call != NULL)
		code = call(n->desk, account.id, 0, n->now_us, &err);
	if (code == HIN_OK && link)
		code = print_link(n, account.id, account.name, &err);
	return end(program, code, &err);
}

static enum hin_code sign_out_one(struct hin_desk *desk, int64_t id, int64_t by, int64_t now_us,
				  struct hin_error *err)
{
	int64_t count;

	return hin_session_end_all(desk, id, NULL, by, now_us, &count, err);
}

#define CHANGE(function, command, call, link, rows, en, ja)                                        \
	static int function(int argc, char *argv[])                                                \
	{                                                                                          \
		static const struct hin_program program = {                                        \
			.name = "hinomi account " command,                                         \
			.args = "NAME",                                                            \
			.about = en,                                                               \
			.about_ja = ja,                                                            \
			.options = rows,                                                           \
			.option_count = HIN_COUNT(rows),                                           \
		};                                                                                 \
                                                                                                   \
		return change(&program, call, link, argc, argv);                                   \
	}

CHANGE(lock, "lock", hin_account_lock, false, plain_rows,
       "Locks an account: nobody signs in with it, and its sessions end.",
       "アカウントをロックする。サインインできなくなり、セッションは終わる。")
CHANGE(unlock, "unlock", hin_account_unlock, false, plain_rows, "Lets a locked account in again.",
       "アカウントのロックを解く。")
CHANGE(close_one, "close", hin_account_close, false, plain_rows,
       "Closes an account for ever; its number stays, since acts name it.",
       "アカウントを廃止する。番号は台帳に残るため再利用しない。")
CHANGE(sign_out, "sign-out", sign_out_one, false, plain_rows, "Ends all sessions of an account.",
       "アカウントのセッションをすべて終える。")
CHANGE(link_one, "link", NULL, true, link_rows,
       "Makes a new one-time link for an account that has no password yet.",
       "パスワード未設定のアカウントに新しい一回限りのリンクを作る。")
CHANGE(reset, "reset", hin_account_reset, true, link_rows,
       "For somebody who lost password or second factor: forgets both, ends sessions and tokens, "
       "and prints a one-time link.",
       "パスワードや二要素認証を失った人のために両方を消去し、セッションとトークンを終え、"
       "一回限りのリンクを表示する。")

static int first(int argc, char *argv[])
{
	static const struct hin_program program = {
		.name = "hinomi account first",
		.args = "[NAME]",
		.about = "Makes the first administrator (admin if no name is given) and prints the "
			 "one-time link; refused once somebody can sign in as administrator.",
		.about_ja = "最初の管理者 (名前の既定は admin) を作り、一回限りのリンクを表示する。"
			    "サインインできる管理者がいる場合は拒否する。",
		.options = link_rows,
		.option_count = HIN_COUNT(link_rows),
	};
	struct session *n = &session;
	const char *name;
	struct hin_error err = { 0 };
	enum hin_code code;
	int64_t id = 0;
	int status = hin_program_start(&program, &n->arguments, &n->lang, &argc, argv);

	if (status >= 0)
		return status;
	name = argc == 2 ? argv[1] : "admin";
	code = argc <= 2 ? open_desk(n, HIN_DESK_CREATE, &err)
			 : hin_fail(&err, HIN_EUSAGE, "name one account");
	if (code == HIN_OK)
		code = hin_account_first(n->desk, name, n->now_us, &id, &err);
	if (code == HIN_OK)
		code = print_link(n, id, name, &err);
	return end(&program, code, &err);
}

static int token(int argc, char *argv[])
{
	static const struct hin_program program = {
		.name = "hinomi account token",
		.args = "NAME",
		.about = "Makes a token by which a program uses the API as this account, and "
			 "prints it.",
		.about_ja = "プログラムがこのアカウントとして API "
			    "を使うためのトークンを作り、表示する。",
		.options = token_rows,
		.option_count = HIN_COUNT(token_rows),
	};
	struct session *n = &session;
	struct arguments *a = &n->arguments;
	char text[HIN_TOKEN_TEXT];
	struct hin_account account = { 0 };
	struct hin_error err = { 0 };
	unsigned scopes = 0;
	enum hin_code code;
	int status;

	a->days = 90;
	status = hin_program_start(&program, a, &n->lang, &argc, argv);
	if (status >= 0)
		return status;
	code = hin_scopes_parse(&scopes, a->scopes != NULL ? a->scopes : "read", &err);
	if (code == HIN_OK && a->label == NULL)
		code = hin_fail(&err, HIN_EUSAGE, "--label says what the token is for");
	if (code == HIN_OK)
		code = find(n, argc, argv, &account, &err);
	if (code == HIN_OK)
		code = hin_token_make(n->desk, account.id, a->label, scopes,
				      n->now_us + (int64_t)a->days * INT64_C(86400000000), 0,
				      n->now_us, text, &err);
	if (code == HIN_OK) {
		puts(text);
		explicit_bzero(text, sizeof(text));
	}
	return end(&program, code, &err);
}

/* ---- main ---- */

static const struct hin_command commands[] = {
	{ "first", "[NAME]", "make the first administrator, with a one-time link",
	  "最初の管理者と一回限りのリンクを作る", first },
	{ "add", "NAME", "make an account, with a one-time link", "アカウントとリンクを作る", add },
	{ "list", "", "who there is", "アカウントの一覧", list },
	{ "role", "NAME ROLE", "give another role", "役割を変える", role },
	{ "lock", "NAME", "let nobody in with it", "ロックする", lock },
	{ "unlock", "NAME", "let it in again", "ロックを解く", unlock },
	{ "close", "NAME", "close it for ever", "廃止する", close_one },
	{ "reset", "NAME", "forget password and second factor, with a one-time link",
	  "パスワードと二要素認証を消去し、リンクを作る", reset },
	{ "link", "NAME", "make a new one-time link", "新しいリンクを作る", link_one },
	{ "sign-out", "NAME", "end all its sessions", "セッションをすべて終える", sign_out },
	{ "token", "NAME", "make a token for a program", "プログラム用のトークンを作る", token },
};

static const struct hin_program account_program = {
	.name = "hinomi account",
	.about =
		"Who may sign in at a hub. Works on the hub's own machine, whether the hub runs or "
		"not; what is done is written to the ledger as the system's own act.",
	.about_ja =
		"ハブにサインインできる人を管理する。ハブのある機器で、稼働中でも停止中でも使える。"
		"操作はシステムの行為として台帳に残る。",
	.commands = commands,
	.command_count = HIN_COUNT(commands),
};

int main(int argc, char *argv[])
{
	enum hin_lang lang;
	int status = hin_program_start(&account_program, NULL, &lang, &argc, argv);

	return status >= 0 ? status : hin_program_run(&account_program, lang, argc, argv);
}
