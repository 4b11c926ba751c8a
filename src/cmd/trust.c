/*
 * hinomi-trust - who belongs to a hub: its CA, its sensors, their certificates and settings.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/options.h"
#include "base/sandbox.h"
#include "base/time.h"
#include "cmd/passphrase.h"
#include "cmd/trust_list.h"
#include "observe/key.h"
#include "trust/join.h"

#define VALID_MIN INT64_C(1000000000)  /* 1 s */
#define VALID_MAX (604800 * VALID_MIN) /* 7 days */

struct arguments {
	const char *dir, *hub, *passphrase_file, *proxy;
	const char *names[HIN_CA_NAMES];
	size_t name_count;
	int64_t valid_ns;
	uint64_t settings_version;
	bool encrypt, json;
};

static struct arguments arguments;
static enum hin_lang lang;

/* ---- options ---- */

#define ARG(field) offsetof(struct arguments, field)

static enum hin_code add_name(void *into, const char *value, struct hin_error *err)
{
	struct arguments *a = into;

	if (a->name_count == HIN_CA_NAMES - 1)
		return hin_fail(err, HIN_EUSAGE, "a hub has at most %d names", HIN_CA_NAMES);
	a->names[a->name_count++] = value;
	return HIN_OK;
}

#define OPTION_DIR                                                                                                    \
	{                                                                                                             \
		"dir", 'd', "FOLDER", HIN_OPTION_TEXT, ARG(dir),                                                      \
			.help = "the CA's or the sensor's folder; without it "                                        \
				"$HINOMI_TRUST, for root "                                                            \
				"/var/lib/hinomi/trust (hub) or sensor, for others the same in "                      \
				"~/.local/state/hinomi",                                                              \
			.help_ja =                                                                                    \
				"認証局またはセンサーのフォルダ。既定は $HINOMI_TRUST、root は " \
				"/var/lib/hinomi/trust (ハブ) か sensor、それ以外は "                        \
				"~/.local/state/hinomi "                                                              \
				"の下"                                                                              \
	}
#define OPTION_PASSPHRASE                                                                                                \
	{                                                                                                                \
		"passphrase-file", 0, "FILE", HIN_OPTION_TEXT, ARG(passphrase_file),                                     \
			.help = "the keys' passphrase is the first line of this file; without it "                       \
				"$HINOMI_PASSPHRASE, or the terminal is asked",                                          \
			.help_ja = "鍵のパスフレーズをこのファイルの1行目から読む。なければ " \
				   "$HINOMI_PASSPHRASE、または端末で尋ねる"                                    \
	}
#define OPTION_ENCRYPT                                                                             \
	{                                                                                          \
		"encrypt", 'e', NULL, HIN_OPTION_FLAG, ARG(encrypt),                               \
			.help = "encrypt the keys with a passphrase",                              \
			.help_ja = "鍵をパスフレーズで暗号化する"                    \
	}
#define OPTION_HUB                                                                                 \
	{                                                                                          \
		"hub", 0, "HOST:PORT", HIN_OPTION_TEXT, ARG(hub),                                  \
			.help = "how sensors reach the hub",                                       \
			.help_ja = "センサーから見たハブの宛先"                       \
	}
#define OPTION_NAME                                                                                \
	{                                                                                          \
		"name", 'n', "NAME", HIN_OPTION_CALL,                                              \
			.call = add_name,                                                          \
			.help = "one more name or address of the hub (repeatable)",                \
			.help_ja = "ハブの別名またはアドレス (繰り返し可)"        \
	}
#define OPTION_VALID                                                                               \
	{                                                                                          \
		"valid", 0, "TIME", HIN_OPTION_VALUE, ARG(valid_ns),                               \
			{ HIN_VALUE_DURATION, VALID_MIN, VALID_MAX },                              \
			.help = "how long the code is good (default 1d)",                          \
			.help_ja = "コードの有効期間 (既定 1d)"                          \
	}
#define OPTION_JSON                                                                                \
	{                                                                                          \
		"json", 'j', NULL, HIN_OPTION_FLAG, ARG(json), .help = "print JSON",               \
							       .help_ja = "JSON で出力する"   \
	}
#define OPTION_PROXY                                                                                             \
	{                                                                                                        \
		"proxy", 0, "URL", HIN_OPTION_TEXT, ARG(proxy),                                                  \
			.help = "reach the hub through this HTTP proxy; the environment's is "                   \
				"never used",                                                                    \
			.help_ja = "この HTTP プロキシ経由で接続する (環境変数は使わない)" \
	}
#define OPTION_VERSION                                                                             \
	{                                                                                          \
		"settings-version", 0, "N", HIN_OPTION_VALUE, ARG(settings_version),               \
			{ HIN_VALUE_U64, 1, INT64_MAX },                                           \
			.help = "number of the settings that are signed (default: the last and "   \
				"one)",                                                            \
			.help_ja = "署名する設定の版番号 (既定は直前の次)"        \
	}

static const struct hin_option all_options[] = {
	OPTION_DIR,   OPTION_HUB,   OPTION_NAME,    OPTION_ENCRYPT, OPTION_PASSPHRASE,
	OPTION_VALID, OPTION_PROXY, OPTION_VERSION, OPTION_JSON,
};
static const struct hin_option init_options[] = { OPTION_DIR, OPTION_HUB, OPTION_NAME,
						  OPTION_ENCRYPT, OPTION_PASSPHRASE };
static const struct hin_option enrol_options[] = { OPTION_DIR, OPTION_VALID, OPTION_JSON };
static const struct hin_option join_options[] = { OPTION_DIR, OPTION_ENCRYPT, OPTION_PASSPHRASE,
						  OPTION_PROXY };
static const struct hin_option renew_options[] = { OPTION_DIR, OPTION_HUB, OPTION_NAME,
						   OPTION_PASSPHRASE, OPTION_PROXY };
static const struct hin_option revoke_options[] = { OPTION_DIR };
static const struct hin_option list_options[] = { OPTION_DIR, OPTION_JSON };
static const struct hin_option settings_options[] = { OPTION_DIR, OPTION_VERSION, OPTION_PASSPHRASE,
						      OPTION_PROXY };

static int run_init(int argc, char *argv[]);
static int run_enrol(int argc, char *argv[]);
static int run_join(int argc, char *argv[]);
static int run_renew(int argc, char *argv[]);
static int run_revoke(int argc, char *argv[]);
static int run_list(int argc, char *argv[]);
static int run_settings(int argc, char *argv[]);

static const struct hin_command commands[] = {
	{ "init", "--hub HOST:PORT", "on the hub: make its CA, certificate and keys",
	  "ハブ: 認証局・証明書・鍵を作る", run_init },
	{ "enrol", "NAME", "on the hub: print a one-time code for a new sensor",
	  "ハブ: 新しいセンサーの一回限りのコードを出す", run_enrol },
	{ "join", "CODE", "on the sensor: make keys and join the hub of the code",
	  "センサー: 鍵を作り、コードのハブに参加する", run_join },
	{ "renew", "", "renew the certificate: the hub's, or a sensor's from its hub",
	  "証明書を更新する (ハブ、またはセンサー)", run_renew },
	{ "revoke", "NAME|ID", "on the hub: refuse a sensor from its next request on",
	  "ハブ: センサーを次の要求から拒否する", run_revoke },
	{ "list", "", "on the hub: sensors and codes; on a sensor: what it has joined",
	  "ハブ: センサーとコードの一覧。センサー: 参加先", run_list },
	{ "settings", "sign FILE|show|fetch",
	  "sign settings for all sensors, show them, or fetch them from the hub",
	  "全センサー向け設定への署名、表示、ハブからの取得", run_settings },
};

static const struct hin_program program = {
	.name = "hinomi trust",
	.about = "The hub's own CA: a sensor joins with a one-time code, sends under a "
		 "certificate of its own, and is refused from the moment it is revoked.",
	.about_ja = "ハブ自身の認証局。センサーは一回限りのコードで参加し、専用の証明書で送信し、"
		    "失効すればその時から拒否される。",
	.options = all_options,
	.option_count = HIN_COUNT(all_options),
	.commands = commands,
	.command_count = HIN_COUNT(commands),
};

/* One command as a program of its own; its name and help are those of its row. */
static int begin(struct hin_program *p, const char *name, const struct hin_option *options,
		 size_t count, int *argc, char *argv[], int operands)
{
	static char full[64];
	struct hin_error err = { 0 };
	const struct hin_command *row = hin_command_find(&program, argv[0], &err);
	int status;

	snprintf(full, sizeof(full), "hinomi trust %s", name);
	*p = (struct hin_program){ .name = full,
				   .args = operands > 0 ? row->args : NULL,
				   .about = row->help,
				   .about_ja = row->help_ja,
				   .options = options,
				   .option_count = count };
	status = hin_program_start(p, &arguments, &lang, argc, argv);
	if (status >= 0)
		return status;
	if (operands > 0 && *argc - 1 != operands) {
		(void)hin_fail(&err, HIN_EUSAGE, "%s needs %s (--help shows more)", name,
			       row->args);
		(void)hin_program_fail(p, &err);
		return HIN_EXIT_USAGE;
	}
	return -1;
}

static int end(const struct hin_program *p, enum hin_code code, const struct hin_error *err)
{
	if (code == HIN_OK)
		return HIN_EXIT_DONE;
	(void)hin_program_fail(p, err);
	return code == HIN_EUSAGE ? HIN_EXIT_USAGE : HIN_EXIT_FAILED;
}

/* A macro, so that formats stay literals for the compiler. */
#define in_lang(en, ja) (lang == HIN_JA ? (ja) : (en))

static int64_t now_s(void)
{
	return hin_time_now_ns() / HIN_NS_PER_S;
}

/* ---- folders ---- */

static enum hin_code default_folder(char out[PATH_MAX], const char *kind, struct hin_error *err)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;

	if (geteuid() == 0)
		n = snprintf(out, PATH_MAX, "/var/lib/hinomi/%s", kind);
	else if (state != NULL && state[0] == '/')
		n = snprintf(out, PATH_MAX, "%s/hinomi/%s", state, kind);
	else if (home != NULL)
		n = snprintf(out, PATH_MAX, "%s/.local/state/hinomi/%s", home, kind);
	else
		return hin_fail(err, HIN_EUSAGE, "no folder is known: give --dir");
	return n < PATH_MAX ? HIN_OK : hin_fail(err, HIN_ELIMIT, "the path of HOME is too long");
}

/* The folder that was asked for, or that of this kind. */
static enum hin_code folder_of(char out[PATH_MAX], const char *kind, struct hin_error *err)
{
	const char *dir = arguments.dir != NULL ? arguments.dir : getenv("HINOMI_TRUST");

	if (dir == NULL)
		return default_folder(out, kind, err);
	if (snprintf(out, PATH_MAX, "%s", dir) >= PATH_MAX)
		return hin_fail(err, HIN_ELIMIT, "the path of the folder is too long");
	return HIN_OK;
}

static bool is_hub(const char *folder)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/hub.conf", folder) < PATH_MAX &&
	       access(path, F_OK) == 0;
}

/* The folder of either kind that there is; `*hub` says which. */
static enum hin_code any_folder(char out[PATH_MAX], bool *hub, struct hin_error *err)
{
	enum hin_code code = folder_of(out, "trust", err);

	if (code != HIN_OK)
		return code;
	*hub = is_hub(out);
	if (*hub || hin_member_is_joined(out))
		return HIN_OK;
	code = folder_of(out, "sensor", err);
	if (code == HIN_OK && !hin_member_is_joined(out))
		code = hin_fail(err, HIN_ENOENT,
				"%s is neither a hub's nor a sensor's folder: hinomi trust init "
				"makes the one, join the other",
				out);
	return code;
}

/* Make the folders above it, as for a first start; the last one is made with its own mode. */
static enum hin_code make_parents(const char *folder, struct hin_error *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", folder);
	for (char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			return hin_fail(err, HIN_ESYS, "make %s", path);
		*at = '/';
	}
	return HIN_OK;
}

/* ---- passphrases ---- */

/* Ask at the terminal, without echo. */
static enum hin_code ask(char out[HIN_PASSPHRASE], const char *prompt, struct hin_error *err)
{
	struct termios before, quiet;
	enum hin_code code = HIN_OK;
	FILE *tty = fopen("/dev/tty", "r+e");

	if (tty == NULL || tcgetattr(fileno(tty), &before) != 0) {
		if (tty != NULL)
			fclose(tty);
		return hin_fail(err, HIN_EDENIED,
				"a passphrase is needed and there is no terminal: give "
				"--passphrase-file");
	}
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	setvbuf(tty, NULL, _IONBF, 0);
	fputs(prompt, tty);
	(void)tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
	if (fgets(out, HIN_PASSPHRASE, tty) == NULL)
		code = hin_fail(err, HIN_EDENIED, "no passphrase was given");
	(void)tcsetattr(fileno(tty), TCSAFLUSH, &before);
	fputs("\n", tty);
	fclose(tty);
	if (code == HIN_OK)
		out[strcspn(out, "\r\n")] = '\0';
	if (code == HIN_OK && out[0] == '\0')
		code = hin_fail(err, HIN_EDENIED, "an empty passphrase protects nothing");
	return code;
}

/* A passphrase for new keys; `*out` stays NULL when none is wanted. */
static enum hin_code new_passphrase(const char **out, char memory[HIN_PASSPHRASE],
				    struct hin_error *err)
{
	char again[HIN_PASSPHRASE] = "";
	enum hin_code code;

	code = hin_cmd_passphrase(memory, arguments.passphrase_file, err);
	if (code != HIN_OK)
		return code;
	if (memory[0] == '\0' && !arguments.encrypt)
		return HIN_OK;
	if (memory[0] == '\0') {
		code = ask(memory, in_lang("New passphrase: ", "新しいパスフレーズ: "), err);
		if (code == HIN_OK)
			code = ask(again, in_lang("Once more: ", "もう一度: "), err);
		if (code == HIN_OK && strcmp(memory, again) != 0)
			code = hin_fail(err, HIN_EDENIED, "the two are not the same");
		explicit_bzero(again, sizeof(again));
	}
	if (code == HIN_OK)
		*out = memory;
	return code;
}

/* The passphrase of keys that there are: given, or, when they are encrypted, from a person.
 */
static enum hin_code known_passphrase(const char **out, char memory[HIN_PASSPHRASE],
				      const char *folder, const char *file, struct hin_error *err)
{
	struct hin_buffer text = { 0 };
	char path[PATH_MAX];
	enum hin_code code = hin_cmd_passphrase(memory, arguments.passphrase_file, err);
	bool encrypted;

	if (code == HIN_OK && memory[0] == '\0') {
		encrypted = snprintf(path, sizeof(path), "%s/%s", folder, file) < PATH_MAX &&
			    hin_file_read(&text, path, HIN_PEM_SIZE, NULL) == HIN_OK &&
			    strstr(hin_buffer_text(&text), "BEGIN ENCRYPTED") != NULL;
		hin_secret_fini(&text);
		if (!encrypted)
			return HIN_OK;
		code = ask(memory, in_lang("Passphrase: ", "パスフレーズ: "), err);
	}
	if (code == HIN_OK)
		*out = memory;
	return code;
}

/* The CA of the folder; unlocked when its keys are needed. */
static enum hin_code open_ca(struct hin_ca **out, bool keys, struct hin_error *err)
{
	char folder[PATH_MAX], memory[HIN_PASSPHRASE] = "";
	struct hin_ca *a = NULL;
	const char *passphrase = NULL;
	enum hin_code code = folder_of(folder, "trust", err);

	if (code == HIN_OK)
		code = hin_ca_open(&a, folder, err);
	if (code == HIN_OK && keys)
		code = known_passphrase(&passphrase, memory, folder, "ca.key", err);
	if (code == HIN_OK && keys)
		code = hin_ca_unlock(a, passphrase, err);
	explicit_bzero(memory, sizeof(memory));
	if (code == HIN_OK) {
		*out = a;
		a = NULL;
	}
	hin_ca_close(a);
	return code;
}

/* ---- the hub's commands ---- */

static void print_fingerprint(const uint8_t sha256[32])
{
	char hex[65];

	sodium_bin2hex(hex, sizeof(hex), sha256, 32);
	printf("%s %s\n", in_lang("authority", "認証局"), hex);
}

static enum hin_code init(struct hin_error *err)
{
	struct hin_ca_wish wish = { .hub = arguments.hub,
				    .names = arguments.names,
				    .name_count = arguments.name_count };
	char folder[PATH_MAX], memory[HIN_PASSPHRASE] = "", until[HIN_TIME_TEXT];
	struct hin_ca *a = NULL;
	enum hin_code code;

	if (arguments.hub == NULL)
		return hin_fail(err, HIN_EUSAGE,
				"how do sensors reach the hub? give --hub HOST:PORT");
	code = folder_of(folder, "trust", err);
	if (code == HIN_OK)
		code = new_passphrase(&wish.passphrase, memory, err);
	if (code == HIN_OK)
		code = make_parents(folder, err);
	if (code == HIN_OK)
		code = hin_ca_init(folder, &wish, now_s(), err);
	if (code == HIN_OK)
		code = hin_ca_open(&a, folder, err);
	if (code == HIN_OK)
		code = hin_ca_unlock(a, wish.passphrase, err);
	if (code == HIN_OK) {
		hin_time_format(until, hin_ca_hub_expires_s(a) * HIN_NS_PER_S, HIN_TIME_S);
		print_fingerprint(hin_ca_sha256(a));
		printf(in_lang("hub %s, certificate until %s\n", "ハブ %s、証明書の期限 %s\n"),
		       hin_ca_hub(a), until);
		printf(in_lang("%s has its keys: keep a copy where nobody else reads it\n",
			       "%s に鍵がある。他人の読めない場所に写しを保管すること\n"),
		       folder);
	}
	explicit_bzero(memory, sizeof(memory));
	hin_ca_close(a);
	return code;
}

static int run_init(int argc, char *argv[])
{
	struct hin_error err = { 0 };
	struct hin_program p;
	int status = begin(&p, "init", init_options, HIN_COUNT(init_options), &argc, argv, 0);

	return status >= 0 ? status : end(&p, init(&err), &err);
}

static void print_code(const char *text, const char *name, int64_t until_s)
{
	char until[HIN_TIME_TEXT];

	if (arguments.json) {
		hin_time_format_iso(until, until_s * HIN_NS_PER_S, HIN_TIME_S);
		printf("{\"name\":\"%s\",\"code\":\"%s\",\"until\":\"%s\"}\n", name, text, until);
		return;
	}
	hin_time_format(until, until_s * HIN_NS_PER_S, HIN_TIME_S);
	puts(text);
	fflush(stdout);
	fprintf(stderr,
		in_lang("On the sensor: hinomi trust join CODE. It is good once, until %s.\n",
			"センサーで: hinomi trust join コード。使えるのは1回、%s まで。\n"),
		until);
}

static enum hin_code enrol(const char *name, struct hin_error *err)
{
	struct hin_ca *a = NULL;
	struct hin_join_code join;
	char text[HIN_CODE_TEXT];
	int64_t life_s = arguments.valid_ns / HIN_NS_PER_S, from_s = now_s();
	enum hin_code code = open_ca(&a, false, err);

	if (code == HIN_OK)
		code = hin_ca_invite(a, &join, name, life_s, from_s, err);
	if (code == HIN_OK) {
		print_code(hin_join_code_format(&join, text), name, from_s + life_s);
		explicit_bzero(&join, sizeof(join));
		explicit_bzero(text, sizeof(text));
	}
	hin_ca_close(a);
	return code;
}

static int run_enrol(int argc, char *argv[])
{
	struct hin_error err = { 0 };
	struct hin_program p;
	int status = begin(&p, "enrol", enrol_options, HIN_COUNT(enrol_options), &argc, argv, 1);

	return status >= 0 ? status : end(&p, enrol(argv[1], &err), &err);
}

static int run_revoke(int argc, char *argv[])
{
	struct hin_ca *a = NULL;
	struct hin_error err = { 0 };
	struct hin_program p;
	enum hin_code code;
	int status = begin(&p, "revoke", revoke_options, HIN_COUNT(revoke_options), &argc, argv, 1);

	if (status >= 0)
		return status;
	code = open_ca(&a, false, &err);
	if (code == HIN_OK)
		code = hin_ca_revoke(a, argv[1], now_s(), &err);
	if (code == HIN_OK)
		printf(in_lang("%s is refused from now on\n", "%s を以後拒否する\n"), argv[1]);
	hin_ca_close(a);
	return end(&p, code, &err);
}

/* ---- list ---- */

static enum hin_code print(const struct hin_buffer *out, struct hin_error *err)
{
	if (out->failed)
		return hin_fail(err, HIN_ENOMEM, "no memory for the output");
	return hin_file_write_all(STDOUT_FILENO, hin_buffer_text(out), out->used, err);
}

static enum hin_code list_hub(struct hin_buffer *out, struct hin_error *err)
{
	struct hin_ca *a = NULL;
	enum hin_code code = open_ca(&a, false, err);

	if (code == HIN_OK)
		code = hin_cmd_trust_list(out, a, arguments.json, lang, now_s(), err);
	hin_ca_close(a);
	return code;
}

static enum hin_code load_member(struct hin_member *m, const char *folder, const char **passphrase,
				 char memory[HIN_PASSPHRASE], struct hin_error *err)
{
	enum hin_code code = known_passphrase(passphrase, memory, folder, "tls.pem", err);

	return code == HIN_OK ? hin_member_load(m, folder, *passphrase, err) : code;
}

static enum hin_code list_member(struct hin_buffer *out, const char *folder, struct hin_error *err)
{
	char memory[HIN_PASSPHRASE] = "", until[HIN_TIME_TEXT];
	const char *passphrase = NULL;
	struct hin_member m = { 0 };
	enum hin_code code = load_member(&m, folder, &passphrase, memory, err);

	explicit_bzero(memory, sizeof(memory));
	if (code == HIN_OK && arguments.json)
		hin_buffer_printf(out,
				  "{\"hub\":\"%s\",\"name\":\"%s\",\"sensor\":\"%s\",\"until\":"
				  "\"%s\"}\n",
				  m.hub, m.name, m.certificate.uri,
				  hin_time_format_iso(until, m.certificate.until_s * HIN_NS_PER_S,
						      HIN_TIME_S));
	else if (code == HIN_OK)
		hin_buffer_printf(
			out,
			in_lang("%s at %s, certificate until %s\n%s\n",
				"%s (ハブ %s)、証明書の期限 %s\n%s\n"),
			m.name, m.hub,
			hin_time_format(until, m.certificate.until_s * HIN_NS_PER_S, HIN_TIME_S),
			m.certificate.uri);
	hin_member_fini(&m);
	return code;
}

static int run_list(int argc, char *argv[])
{
	struct hin_buffer out = { 0 };
	struct hin_error err = { 0 };
	struct hin_program p;
	char folder[PATH_MAX];
	enum hin_code code;
	bool hub = false;
	int status = begin(&p, "list", list_options, HIN_COUNT(list_options), &argc, argv, 0);

	if (status >= 0)
		return status;
	code = any_folder(folder, &hub, &err);
	if (code == HIN_OK)
		code = hub ? list_hub(&out, &err) : list_member(&out, folder, &err);
	if (code == HIN_OK)
		code = print(&out, &err);
	hin_buffer_fini(&out);
	return end(&p, code, &err);
}

/* ---- the sensor's commands ---- */

/* The sensor's own key, in the form that enrolment wants. With a passphrase it is encrypted. */
static enum hin_code open_key(struct hin_enrol_key *out, const char *folder, const char *passphrase,
			      struct hin_error *err)
{
	struct hin_sensor_key key = { 0 };
	char path[PATH_MAX];
	enum hin_code code;

	if (snprintf(path, sizeof(path), "%s/sensor.key", folder) >= PATH_MAX)
		return hin_fail(err, HIN_ELIMIT, "the path of sensor.key is too long");
	code = hin_sensor_key_open_sealed(&key, path, passphrase, err);
	if (code == HIN_OK) {
		memcpy(out->public_key, key.public_key, sizeof(out->public_key));
		memcpy(out->secret, key.secret, sizeof(out->secret));
	}
	hin_sensor_key_fini(&key);
	return code;
}

/* The code as it was given, or the first line of standard input for "-". */
static enum hin_code read_code(struct hin_join_code *out, const char *text, struct hin_error *err)
{
	char line[HIN_CODE_TEXT + 2] = "";
	enum hin_code code;

	if (strcmp(text, "-") == 0) {
		if (fgets(line, sizeof(line), stdin) == NULL)
			return hin_fail(err, HIN_EOF, "standard input has no code");
		line[strcspn(line, " \t\r\n")] = '\0';
		text = line;
	}
	code = hin_join_code_parse(out, text, err);
	explicit_bzero(line, sizeof(line));
	return code;
}

static enum hin_code join(const char *text, struct hin_error *err)
{
	char folder[PATH_MAX], memory[HIN_PASSPHRASE] = "", until[HIN_TIME_TEXT];
	const char *passphrase = NULL;
	struct hin_join_code code = { 0 };
	struct hin_enrol_key key = { 0 };
	struct hin_member m = { 0 };
	enum hin_code rc = read_code(&code, text, err);

	if (rc == HIN_OK)
		rc = folder_of(folder, "sensor", err);
	if (rc == HIN_OK && is_hub(folder))
		rc = hin_fail(err, HIN_EDENIED, "%s is a hub's folder: give another --dir", folder);
	if (rc == HIN_OK)
		rc = new_passphrase(&passphrase, memory, err);
	if (rc == HIN_OK)
		rc = make_parents(folder, err);
	if (rc == HIN_OK && mkdir(folder, 0700) != 0 && errno != EEXIST)
		rc = hin_fail(err, HIN_ESYS, "make %s", folder);
	if (rc == HIN_OK)
		rc = open_key(&key, folder, passphrase, err);
	if (rc == HIN_OK)
		rc = hin_join(folder, &code, &key, passphrase, arguments.proxy, now_s(), err);
	if (rc == HIN_OK)
		rc = hin_member_load(&m, folder, passphrase, err);
	if (rc == HIN_OK) {
		hin_time_format(until, m.certificate.until_s * HIN_NS_PER_S, HIN_TIME_S);
		printf(in_lang("joined %s as %s, certificate until %s\n",
			       "%s に %s として参加、証明書の期限 %s\n"),
		       m.hub, m.name, until);
	}
	explicit_bzero(memory, sizeof(memory));
	explicit_bzero(&key, sizeof(key));
	explicit_bzero(&code, sizeof(code));
	hin_member_fini(&m);
	return rc;
}

static int run_join(int argc, char *argv[])
{
	struct hin_error err = { 0 };
	struct hin_program p;
	int status = begin(&p, "join", join_options, HIN_COUNT(join_options), &argc, argv, 1);

	return status >= 0 ? status : end(&p, join(argv[1], &err), &err);
}

static enum hin_code renew_hub(const char *folder, struct hin_error *err)
{
	struct hin_ca_wish wish = { .hub = arguments.hub,
				    .names = arguments.names,
				    .name_count = arguments.name_count };
	char memory[HIN_PASSPHRASE] = "", until[HIN_TIME_TEXT];
	const char *passphrase = NULL;
	struct hin_ca *a = NULL;
	enum hin_code code;

	if (arguments.hub == NULL && arguments.name_count > 0)
		return hin_fail(err, HIN_EUSAGE, "--name needs --hub: the names are given anew");
	code = hin_ca_open(&a, folder, err);
	if (code == HIN_OK)
		code = known_passphrase(&passphrase, memory, folder, "ca.key", err);
	if (code == HIN_OK)
		code = hin_ca_unlock(a, passphrase, err);
	if (code == HIN_OK)
		code = hin_ca_renew_hub(a, arguments.hub != NULL ? &wish : NULL, passphrase,
					now_s(), err);
	if (code == HIN_OK) {
		hin_time_format(until, hin_ca_hub_expires_s(a) * HIN_NS_PER_S, HIN_TIME_S);
		printf(in_lang("hub %s, certificate until %s\n", "ハブ %s、証明書の期限 %s\n"),
		       hin_ca_hub(a), until);
	}
	explicit_bzero(memory, sizeof(memory));
	hin_ca_close(a);
	return code;
}

static enum hin_code renew_member(const char *folder, struct hin_error *err)
{
	char memory[HIN_PASSPHRASE] = "", until[HIN_TIME_TEXT];
	const char *passphrase = NULL;
	struct hin_http_client *client = NULL;
	struct hin_enrol_key key = { 0 };
	struct hin_member m = { 0 };
	enum hin_code code = load_member(&m, folder, &passphrase, memory, err);

	if (code == HIN_OK)
		code = open_key(&key, folder, passphrase, err);
	if (code == HIN_OK)
		code = hin_join_client(&client, &m, arguments.proxy, NULL, err);
	if (code == HIN_OK)
		code = hin_join_renew(client, &m, &key, passphrase, now_s(), err);
	if (code == HIN_OK) {
		hin_time_format(until, m.certificate.until_s * HIN_NS_PER_S, HIN_TIME_S);
		printf(in_lang("%s, certificate until %s\n", "%s、証明書の期限 %s\n"), m.name,
		       until);
	}
	explicit_bzero(memory, sizeof(memory));
	explicit_bzero(&key, sizeof(key));
	hin_http_client_close(client);
	hin_member_fini(&m);
	return code;
}

static int run_renew(int argc, char *argv[])
{
	struct hin_error err = { 0 };
	struct hin_program p;
	char folder[PATH_MAX];
	enum hin_code code;
	bool hub = false;
	int status = begin(&p, "renew", renew_options, HIN_COUNT(renew_options), &argc, argv, 0);

	if (status >= 0)
		return status;
	code = any_folder(folder, &hub, &err);
	if (code == HIN_OK)
		code = hub ? renew_hub(folder, &err) : renew_member(folder, &err);
	return end(&p, code, &err);
}

/* ---- settings ---- */

static enum hin_code sign_settings(const char *path, struct hin_error *err)
{
	struct hin_buffer yaml = { 0 };
	struct hin_ca *a = NULL;
	uint64_t version = 0;
	enum hin_code code = hin_file_read(&yaml, path, HIN_SETTINGS_BODY, err);

	if (code == HIN_OK)
		code = open_ca(&a, true, err);
	if (code == HIN_OK)
		code = hin_ca_sign_settings(a, path, hin_buffer_text(&yaml), yaml.used,
					    arguments.settings_version, now_s(), &version, err);
	if (code == HIN_OK)
		printf(in_lang("settings %llu are signed and in force\n",
			       "設定 第%llu版 に署名し、有効にした\n"),
		       (unsigned long long)version);
	hin_secret_fini(&yaml);
	hin_ca_close(a);
	return code;
}

static enum hin_code show_settings(struct hin_error *err)
{
	struct hin_buffer note = { 0 };
	char folder[PATH_MAX], path[PATH_MAX + 16];
	bool hub = false;
	enum hin_code code = any_folder(folder, &hub, err);

	if (code != HIN_OK)
		return code;
	snprintf(path, sizeof(path), "%s/settings.note", folder);
	if (access(path, F_OK) != 0)
		code = hin_fail(err, HIN_ENOENT, "%s has no settings yet", folder);
	if (code == HIN_OK)
		code = hin_file_read(&note, path, HIN_NOTE_SIZE, err);
	if (code == HIN_OK)
		code = print(&note, err);
	hin_secret_fini(&note);
	return code;
}

static enum hin_code fetch_settings(struct hin_error *err)
{
	char folder[PATH_MAX], memory[HIN_PASSPHRASE] = "";
	struct hin_sensor_settings settings = { 0 };
	const char *passphrase = NULL;
	struct hin_http_client *client = NULL;
	struct hin_member m = { 0 };
	enum hin_code code = folder_of(folder, "sensor", err);

	if (code == HIN_OK)
		code = load_member(&m, folder, &passphrase, memory, err);
	explicit_bzero(memory, sizeof(memory));
	if (code == HIN_OK)
		code = hin_join_client(&client, &m, arguments.proxy, NULL, err);
	if (code == HIN_OK)
		code = hin_join_settings(client, &m, &settings, err);
	if (code == HIN_OK)
		printf(in_lang("settings %llu, new\n", "設定 第%llu版 (新規)\n"),
		       (unsigned long long)settings.version);
	else if (code == HIN_EAGAIN)
		printf(in_lang("settings %llu, as before\n", "設定 第%llu版 (変更なし)\n"),
		       (unsigned long long)settings.version);
	if (code == HIN_EAGAIN)
		code = HIN_OK;
	hin_sensor_settings_fini(&settings);
	hin_http_client_close(client);
	hin_member_fini(&m);
	return code;
}

/* `sign` takes a file; options may stand before it. */
static bool has_word(int argc, char *argv[], const char *word)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], word) == 0)
			return true;
	return false;
}

static int run_settings(int argc, char *argv[])
{
	struct hin_error err = { 0 };
	struct hin_program p;
	int wanted = argc > 2 && has_word(argc, argv, "sign") ? 2 : 1;
	int status = begin(&p, "settings", settings_options, HIN_COUNT(settings_options), &argc,
			   argv, wanted);
	const char *what;

	if (status >= 0)
		return status;
	what = argv[1];
	if (strcmp(what, "sign") == 0 && argc == 3)
		return end(&p, sign_settings(argv[2], &err), &err);
	if (strcmp(what, "show") == 0)
		return end(&p, show_settings(&err), &err);
	if (strcmp(what, "fetch") == 0)
		return end(&p, fetch_settings(&err), &err);
	return end(&p,
		   hin_fail(&err, HIN_EUSAGE, "settings: \"%.40s\" is not sign FILE, show or fetch",
			    what),
		   &err);
}

int main(int argc, char *argv[])
{
	struct hin_sandbox sandbox = { 0 };
	struct hin_error err = { 0 };
	int status;

	arguments.valid_ns = HIN_NS_PER_DAY;
	hin_log_setup(STDERR_FILENO, HIN_LOG_WARNING);
	if (sodium_init() < 0 || hin_sandbox_no_dump(&sandbox, &err) != HIN_OK)
		return hin_program_fail(&program, &err);
	status = hin_program_start(&program, &arguments, &lang, &argc, argv);
	return status >= 0 ? status : hin_program_run(&program, lang, argc, argv);
}
