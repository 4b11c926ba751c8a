/*
 * hinomi-hub - takes the batches of sensors, stores them, says how they are.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/options.h"
#include "base/sandbox.h"
#include "cmd/operations.h"
#include "cmd/passphrase.h"
#include "hub/backup.h"
#include "hub/hub.h"
#include "text/words.h"

#define TICK_MS 1000
#define DEFAULT_FOLDER "/var/lib/hinomi"

struct arguments {
	const char *dir, *listen, *config, *passphrase_file, *user;
	bool check_config, list_settings;
	struct hin_hub_settings settings;
};

/* The settings of a run: file and command line, which may be read again. */
struct session {
	struct arguments arguments;
	const char *set[64]; /* --set, in order */
	size_t set_count;
	enum hin_lang lang;
	struct hin_hub *hub;
	struct hin_notify notify;
	int signal_fd;
};

static struct session session = { .signal_fd = -1, .notify = { .fd = -1 } };

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

#define DIR_OPTION                                                                                 \
	{                                                                                          \
		"dir", 'd', "FOLDER", HIN_OPTION_TEXT, ARG(dir),                                   \
			.help = "the hub's folder; " DEFAULT_FOLDER " if not given",               \
			.help_ja = "ハブのフォルダー (既定 " DEFAULT_FOLDER ")"                    \
	}
#define CONFIG_OPTIONS                                                                             \
	{ "config",                                                                                \
	  'c',                                                                                     \
	  "FILE",                                                                                  \
	  HIN_OPTION_TEXT,                                                                         \
	  ARG(config),                                                                             \
	  .help = "settings from a YAML file; hub.yaml in the folder when it is there",            \
	  .help_ja = "YAML ファイルの設定 (既定はフォルダーの hub.yaml)" },                        \
	{                                                                                          \
		"set", 0, "NAME=VALUE", HIN_OPTION_CALL,                                           \
			.call = add_set, .help = "one setting; --settings lists them",             \
			.help_ja = "設定を一つ変える (--settings で一覧)"               \
	}

static const struct hin_option run_rows[] = {
	{ .section = "Where", .section_ja = "場所" },
	DIR_OPTION,
	{ "listen", 'l', "ADDR:PORT", HIN_OPTION_TEXT, ARG(listen),
	  .help = "the same as --set listen=ADDR:PORT",
	  .help_ja = "--set listen=ADDR:PORT と同じ" },
	{ .section = "Running", .section_ja = "実行" },
	CONFIG_OPTIONS,
	{ "settings", 0, NULL, HIN_OPTION_FLAG, ARG(list_settings),
	  .help = "list every setting with its default, and end",
	  .help_ja = "全ての設定と既定値を表示して終わる" },
	{ "check-config", 0, NULL, HIN_OPTION_FLAG, ARG(check_config),
	  .help = "check options and settings, and end",
	  .help_ja = "オプションと設定を検査して終わる" },
	{ "passphrase-file", 0, "FILE", HIN_OPTION_TEXT, ARG(passphrase_file),
	  .help = "its first line opens the keys, when they are encrypted; without it "
		  "$HINOMI_PASSPHRASE does",
	  .help_ja = "鍵が暗号化されているとき、その 1 行目で開く。なければ $HINOMI_PASSPHRASE" },
	{ "user", 0, "NAME", HIN_OPTION_TEXT, ARG(user), .help = "the same as --set user=NAME",
	  .help_ja = "--set user=NAME と同じ" },
};

static const struct hin_option copy_rows[] = {
	DIR_OPTION,
	CONFIG_OPTIONS,
};

/* ---- settings ---- */

static const char *folder_of(const struct arguments *a)
{
	return a->dir != NULL ? a->dir : DEFAULT_FOLDER;
}

static enum hin_code set_one(struct hin_hub_settings *s, const char *name, const char *value,
			     struct hin_error *err)
{
	char text[PATH_MAX + 16];

	if (value == NULL)
		return HIN_OK;
	snprintf(text, sizeof(text), "%s=%s", name, value);
	return hin_config_set(&hin_hub_table, s, text, err);
}

/* Defaults, file, command line; `s` is zeroed before, and ends with hin_config_fini(). */
static enum hin_code load_settings(const struct session *n, struct hin_hub_settings *s,
				   struct hin_error *err)
{
	const struct arguments *a = &n->arguments;
	char path[PATH_MAX];
	enum hin_code code = hin_config_init(&hin_hub_table, s, err);

	if (code != HIN_OK)
		return code;
	snprintf(path, sizeof(path), "%s/hub.yaml", folder_of(a));
	if (a->config != NULL)
		code = hin_config_load(&hin_hub_table, s, a->config, err);
	else if (access(path, F_OK) == 0)
		code = hin_config_load(&hin_hub_table, s, path, err);
	for (size_t i = 0; i < n->set_count && code == HIN_OK; i++)
		code = hin_config_set(&hin_hub_table, s, n->set[i], err);
	if (code == HIN_OK)
		code = set_one(s, "listen", a->listen, err);
	if (code == HIN_OK)
		code = set_one(s, "user", a->user, err);
	return code;
}

/* ---- run ---- */

static enum hin_code catch_signals(struct session *n, struct hin_error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return hin_fail(err, HIN_ESYS, "block signals");
	n->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return n->signal_fd != -1 ? HIN_OK : hin_fail(err, HIN_ESYS, "catch signals");
}

/* All is open: give up what is not needed any more. */
static enum hin_code close_the_door(struct session *n, struct hin_sandbox *box,
				    struct hin_error *err)
{
	struct hin_buffer text = { 0 };
	const char *const *read;
	const char *folders[4];
	size_t count = hin_hub_folders(n->hub, folders);
	size_t reads = hin_hub_reads(n->hub, n->arguments.config, &read);
	enum hin_code code = hin_sandbox_drop_caps(box, err);

	if (code == HIN_OK)
		code = hin_sandbox_limit_files(box, read, reads, folders, count, err);
	if (code == HIN_OK)
		code = hin_sandbox_limit_calls(
			box, hin_hub_sends(n->hub) ? HIN_SANDBOX_TELL : HIN_SANDBOX_SERVE, false,
			err);
	if (code == HIN_OK) {
		hin_sandbox_describe(box, &text);
		hin_log(HIN_LOG_INFO, "hub.sandbox",
			hin_log_text("in_force", hin_buffer_text(&text)));
	}
	hin_buffer_fini(&text);
	return code;
}

static void reload(struct session *n)
{
	struct hin_hub_settings fresh = { 0 };
	struct hin_error why = { 0 };
	enum hin_code code;

	hin_notify_reloading(&n->notify);
	code = load_settings(n, &fresh, &why);
	if (code == HIN_OK)
		code = hin_hub_reload(n->hub, &fresh, &why);
	hin_config_fini(&hin_hub_table, &fresh);
	if (code == HIN_OK)
		hin_log(HIN_LOG_INFO, "hub.reloaded");
	else
		hin_log(HIN_LOG_ERROR, "hub.not_reloaded", hin_log_text("error", why.text),
			hin_log_text("consequence", "the old settings stay"));
	hin_notify_send(&n->notify, "READY=1");
}

/* Take the signals that came. Returns true when it is time to stop. */
static bool take_signals(struct session *n)
{
	struct signalfd_siginfo info;

	while (read(n->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGHUP)
			return true;
		reload(n);
	}
	return false;
}

static void serve(struct session *n)
{
	struct pollfd fd = { .fd = n->signal_fd, .events = POLLIN };
	int64_t patience = n->notify.watchdog_ns > 0 ? n->notify.watchdog_ns : HIN_NS_PER_DAY;
	int64_t pinged = 0;

	for (;;) {
		int64_t now = hin_time_monotonic_ns();

		if (poll(&fd, 1, TICK_MS) > 0 && take_signals(n))
			return;
		hin_hub_tick(n->hub, hin_time_now_ns());
		/* no sign of life when the thread that stores hangs: the manager starts us anew */
		if (n->notify.watchdog_ns > 0 && now - pinged >= n->notify.watchdog_ns / 3 &&
		    hin_hub_is_alive(n->hub, patience)) {
			hin_notify_send(&n->notify, "WATCHDOG=1");
			pinged = now;
		}
	}
}

/*
 * Nobody can sign in as administrator yet: show the way. The link is a secret, so it is for a
 * person at a terminal, never for a log.
 */
static void tell_first(struct session *n)
{
	struct hin_buffer link = { 0 };

	if (!isatty(STDOUT_FILENO)) {
		if (hin_hub_people_port(n->hub) != 0 && !hin_hub_has_administrator(n->hub))
			hin_log(HIN_LOG_WARNING, "hub.no_administrator",
				hin_log_text("do", "hinomi account first"));
		return;
	}
	if (hin_hub_first_link(n->hub, &link, NULL) == HIN_OK) {
		puts(n->lang == HIN_JA
			     ? "最初の管理者の一回限りのリンク (48 時間有効):"
			     : "A one-time link for the first administrator, good for 48 hours:");
		puts(hin_buffer_text(&link));
		fflush(stdout);
	}
	if (link.data != NULL)
		explicit_bzero(link.data, link.size);
	hin_buffer_fini(&link);
}

static enum hin_code open_and_serve(struct session *n, const char *passphrase,
				    struct hin_error *err)
{
	struct hin_hub_settings *s = &n->arguments.settings;
	struct hin_sandbox box = { 0 };
	enum hin_code code;

	hin_log_setup(STDERR_FILENO, (enum hin_log_level)s->log);
	code = catch_signals(n, err);
	if (code == HIN_OK)
		code = hin_notify_open(&n->notify, err);
	if (code == HIN_OK)
		code = hin_sandbox_no_dump(&box, err);
	/* before any file is made, so that all of them are this user's */
	if (code == HIN_OK && s->user != NULL && s->user[0] != '\0')
		code = hin_sandbox_drop_user(&box, s->user, err);
	if (code == HIN_OK)
		code = hin_hub_open(&n->hub, folder_of(&n->arguments), s, passphrase, err);
	if (code == HIN_OK)
		code = close_the_door(n, &box, err);
	if (code != HIN_OK)
		return code;
	hin_log(HIN_LOG_INFO, "hub.start", hin_log_u64("port", hin_hub_port(n->hub)),
		hin_log_u64("metrics_port", hin_hub_metrics_port(n->hub)),
		hin_log_u64("people_port", hin_hub_people_port(n->hub)));
	tell_first(n);
	hin_hub_tick(n->hub, hin_time_now_ns());
	hin_notify_send(&n->notify, "READY=1\nSTATUS=serving");
	serve(n);
	hin_notify_send(&n->notify, "STOPPING=1");
	hin_log(HIN_LOG_INFO, "hub.stop");
	return HIN_OK;
}

static int print_settings(enum hin_lang lang)
{
	struct hin_buffer out = { 0 };

	hin_config_print(&hin_hub_table, lang, &out);
	if (!out.failed)
		fwrite(out.data, 1, out.used, stdout);
	hin_buffer_fini(&out);
	return fflush(stdout) == 0 ? HIN_EXIT_DONE : HIN_EXIT_FAILED;
}

static int run_hub(int argc, char *argv[])
{
	static const struct hin_program program = {
		.name = "hinomi hub run",
		.about = "Takes the batches of sensors over HTTPS, stores them, and says how the "
			 "sensors are. Begin with `hinomi trust init`.",
		.about_ja = "センサーの束を HTTPS で受けて保存し、センサーの状態を示す。初めに "
			    "`hinomi trust init` を実行する。",
		.options = run_rows,
		.option_count = HIN_COUNT(run_rows),
	};
	struct session *n = &session;
	struct hin_error err = { 0 };
	char passphrase[HIN_PASSPHRASE] = "";
	enum hin_code code;
	int status = hin_program_start(&program, &n->arguments, &n->lang, &argc, argv);

	if (status >= 0)
		return status;
	if (n->arguments.list_settings)
		return print_settings(n->lang);
	code = load_settings(n, &n->arguments.settings, &err);
	if (code == HIN_OK)
		code = hin_cmd_passphrase(passphrase, n->arguments.passphrase_file, &err);
	if (code == HIN_OK && n->arguments.check_config)
		puts(n->lang == HIN_JA ? "設定に問題はありません" : "the configuration is good");
	else if (code == HIN_OK)
		code = open_and_serve(n, passphrase[0] != '\0' ? passphrase : NULL, &err);
	hin_hub_close(n->hub);
	hin_notify_close(&n->notify);
	if (n->signal_fd != -1)
		close(n->signal_fd);
	hin_config_fini(&hin_hub_table, &n->arguments.settings);
	explicit_bzero(passphrase, sizeof(passphrase));
	return hin_operation_end(&program, code, &err);
}

/* ---- backup and restore ---- */

static void say_copied(const struct session *n, const char *to, const struct hin_store_checked *c)
{
	char rows[HIN_WORDS_TEXT], bytes[HIN_WORDS_TEXT];

	hin_words_count(rows, c->rows);
	hin_words_bytes(bytes, c->bytes);
	if (n->lang == HIN_JA)
		printf("%s: %s 行、%s\n", to, rows, bytes);
	else
		printf("%s: %s rows, %s\n", to, rows, bytes);
}

static const char *part_of(char out[PATH_MAX], const struct arguments *a, const char *set,
			   const char *name)
{
	if (set != NULL && set[0] != '\0')
		return set;
	snprintf(out, PATH_MAX, "%s/%s", folder_of(a), name);
	return out;
}

static int back_up(int argc, char *argv[])
{
	static const struct hin_program program = {
		.name = "hinomi hub backup",
		.args = "TO",
		.about =
			"Copies the hub into the new folder TO, while it runs: observations, keys, "
			"roster, settings. Keep it as safe as the hub itself.",
		.about_ja = "動作中のハブを新しいフォルダー TO に複製する "
			    "(観測・鍵・名簿・設定)。ハブと同じく厳重に保管する。",
		.options = copy_rows,
		.option_count = HIN_COUNT(copy_rows),
	};
	struct session *n = &session;
	struct hin_hub_settings *s = &n->arguments.settings;
	struct hin_store_checked copied = { 0 };
	char trust[PATH_MAX], store[PATH_MAX];
	struct hin_error err = { 0 };
	enum hin_code code;
	int status = hin_program_start(&program, &n->arguments, &n->lang, &argc, argv);

	if (status >= 0)
		return status;
	code = argc == 2 ? load_settings(n, s, &err)
			 : hin_fail(&err, HIN_EUSAGE, "name one folder for the backup");
	if (code == HIN_OK)
		code = hin_hub_backup(
			folder_of(&n->arguments), part_of(trust, &n->arguments, s->trust, "trust"),
			part_of(store, &n->arguments, s->store, "store"), argv[1], &copied, &err);
	if (code == HIN_OK)
		say_copied(n, argv[1], &copied);
	hin_config_fini(&hin_hub_table, s);
	return hin_operation_end(&program, code, &err);
}

static int restore(int argc, char *argv[])
{
	static const struct hin_program program = {
		.name = "hinomi hub restore",
		.args = "FROM",
		.about = "Makes the hub's folder anew of the backup FROM, after all its sums were "
			 "found right. Sensors send again what came after it; revoke again who was "
			 "revoked since.",
		.about_ja =
			"バックアップ FROM を検査し、ハブのフォルダーを作り直す。"
			"その後の観測はセンサーが送り直す。以後に失効させた者は再び失効させる。",
		.options = copy_rows,
		.option_count = HIN_COUNT(copy_rows),
	};
	struct session *n = &session;
	struct hin_store_checked copied = { 0 };
	struct hin_error err = { 0 };
	enum hin_code code;
	int status = hin_program_start(&program, &n->arguments, &n->lang, &argc, argv);

	if (status >= 0)
		return status;
	code = argc == 2 ? hin_hub_restore(argv[1], folder_of(&n->arguments), &copied, &err)
			 : hin_fail(&err, HIN_EUSAGE, "name one backup");
	if (code == HIN_OK)
		say_copied(n, folder_of(&n->arguments), &copied);
	return hin_operation_end(&program, code, &err);
}

/* ---- main ---- */

static const struct hin_command commands[] = {
	{ "run", "[--dir FOLDER]", "take and store the batches of sensors",
	  "センサーの束を受けて保存する", run_hub },
	{ "backup", "[--dir FOLDER] TO", "copy the hub into a new folder, while it runs",
	  "動作中のハブを新しいフォルダーに複製する", back_up },
	{ "restore", "[--dir FOLDER] FROM", "make the hub's folder of a backup",
	  "バックアップからハブのフォルダーを作り直す", restore },
};

static const struct hin_program hub_program = {
	.name = "hinomi hub",
	.about = "The hub of an organisation: what its sensors send, stored and provable.",
	.about_ja = "組織のハブ。センサーの観測を集め、証拠として保存する。",
	.commands = commands,
	.command_count = HIN_COUNT(commands),
};

int main(int argc, char *argv[])
{
	enum hin_lang lang;
	int status = hin_program_start(&hub_program, NULL, &lang, &argc, argv);

	return status >= 0 ? status : hin_program_run(&hub_program, lang, argc, argv);
}
