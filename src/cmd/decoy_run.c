/* decoy_run - `hinomi decoy run`: opens what needs rights, and starts scribe, gate and workers. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "cmd/decoy.h"
#include "cmd/operations.h"
#include "cmd/passphrase.h"
#include "decoy/worker.h"
#include "observe/carrier_member.h"

#define ROAD_WAIT (3 * HIN_NS_PER_S)
#define SPARE_FILES 256u

/* One run. */
struct run {
	enum hin_lang lang;
	struct decoy_settings settings;
	struct hin_organisation *organisation;
	struct hin_sensor_key key;
	struct hin_sandbox box;
	struct hin_notify notify;
	struct hin_gate_settings gate;
	struct hin_scribe_settings scribe;
	char passphrase[HIN_PASSPHRASE];
	pid_t scribe_pid;
};

/* ---- the folder ---- */

static const char *user_of(const struct run *r)
{
	if (r->settings.user != NULL && r->settings.user[0] != '\0')
		return r->settings.user;
	return geteuid() == 0 ? "nobody" : NULL;
}

/* A folder that is made here belongs to who will write there. */
static enum hin_code make_folder(const struct run *r, struct hin_error *err)
{
	const char *folder = decoy_folder(), *user = user_of(r);
	const struct passwd *account;

	if (mkdir(folder, 0700) == -1)
		return errno == EEXIST ? HIN_OK : hin_fail(err, HIN_ESYS, "make %s", folder);
	if (geteuid() != 0 || user == NULL)
		return HIN_OK;
	account = getpwnam(user);
	if (account == NULL)
		return hin_fail(err, HIN_ENOENT, "user \"%.60s\" does not exist", user);
	if (chown(folder, account->pw_uid, account->pw_gid) == -1)
		return hin_fail(err, HIN_ESYS, "give %s to %s", folder, user);
	return HIN_OK;
}

/* The secret that every host is derived from, 64 hexadecimal digits: made once. */
static enum hin_code read_seed(uint8_t seed[HIN_ORGANISATION_SEED], struct hin_error *err)
{
	char path[PATH_MAX], text[2 * HIN_ORGANISATION_SEED + 2];
	struct hin_buffer file = { 0 };
	enum hin_code code;
	size_t size = 0;

	snprintf(path, sizeof(path), "%s/seed", decoy_folder());
	if (access(path, F_OK) != 0) {
		if (getrandom(seed, HIN_ORGANISATION_SEED, 0) != HIN_ORGANISATION_SEED)
			return hin_fail(err, HIN_ESYS, "getrandom");
		sodium_bin2hex(text, sizeof(text), seed, HIN_ORGANISATION_SEED);
		text[sizeof(text) - 2] = '\n';
		code = hin_file_replace(path, text, sizeof(text) - 1, 0600, err);
		explicit_bzero(text, sizeof(text));
		return code;
	}
	code = hin_file_read_private(&file, path, sizeof(text), err);
	if (code == HIN_OK && (sodium_hex2bin(seed, HIN_ORGANISATION_SEED, hin_buffer_text(&file),
					      file.used, "\n", &size, NULL) != 0 ||
			       size != HIN_ORGANISATION_SEED))
		code = hin_fail(err, HIN_EFORMAT, "%s must be %d hexadecimal digits", path,
				2 * HIN_ORGANISATION_SEED);
	if (file.data != NULL)
		explicit_bzero(file.data, file.size);
	hin_buffer_fini(&file);
	return code;
}

/* The hub's key for digests of credentials; without a hub one that is derived from the seed. */
static void take_digest_key(struct run *r, const uint8_t seed[HIN_ORGANISATION_SEED])
{
	struct hin_sensor_settings settings = { 0 };

	memcpy(r->scribe.credential_key, seed, sizeof(r->scribe.credential_key));
	if (hin_carrier_member_settings(decoy_folder(), &settings, NULL) == HIN_OK &&
	    settings.has_digest_key)
		memcpy(r->scribe.credential_key, settings.digest_key,
		       sizeof(r->scribe.credential_key));
	hin_sensor_settings_fini(&settings);
}

/* ---- what needs rights ---- */

static enum hin_code allow_files(const struct run *r, struct hin_error *err)
{
	struct rlimit limit;
	rlim_t wanted = r->settings.limits.sessions + r->gate.listeners.count + SPARE_FILES;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return hin_fail(err, HIN_ESYS, "limit of open files");
	if (limit.rlim_cur >= wanted)
		return HIN_OK;
	limit.rlim_cur = wanted;
	if (limit.rlim_max < wanted && geteuid() == 0)
		limit.rlim_max = wanted;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		return hin_fail(err, HIN_ESYS, "limit of open files");
	if (limit.rlim_cur < wanted)
		hin_log(HIN_LOG_WARNING, "decoy.files", hin_log_u64("allowed", limit.rlim_cur),
			hin_log_u64("wanted", wanted));
	return HIN_OK;
}

/* Listening sockets of many hosts need more files than a process usually may have. */
static void allow_listeners(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static enum hin_code read_proxies(struct run *r, struct hin_error *err)
{
	const struct hin_config_list *list = &r->settings.proxy_from;
	enum hin_code code = HIN_OK;

	r->gate.proxies = calloc(list->count + 1, sizeof(*r->gate.proxies));
	if (r->gate.proxies == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for proxies");
	for (size_t i = 0; i < list->count && code == HIN_OK; i++)
		code = hin_prefix_parse(&r->gate.proxies[i], list->items[i], err);
	r->gate.proxy_count = list->count;
	if (code == HIN_OK && r->settings.proxies.count > 0 && list->count == 0)
		code = hin_fail(err, HIN_EUSAGE,
				"proxies: say in proxy-from who they are; nobody else is heard");
	return code;
}

static enum hin_code open_sockets(struct run *r, struct hin_error *err)
{
	struct hin_gate_listeners *list = &r->gate.listeners;
	const struct decoy_settings *s = &r->settings;
	bool elsewhere = s->proxies.count + s->all.count > 0;
	enum hin_code code = read_proxies(r, err);

	allow_listeners();
	if (code == HIN_OK && !elsewhere)
		code = hin_gate_listen_hosts(list, r->organisation, err);
	for (size_t i = 0; i < s->proxies.count && code == HIN_OK; i++)
		code = hin_gate_listen(list, HIN_GATE_PROXY, s->proxies.items[i], err);
	for (size_t i = 0; i < s->all.count && code == HIN_OK; i++)
		code = hin_gate_listen(list, HIN_GATE_ALL, s->all.items[i], err);
	return code == HIN_OK ? allow_files(r, err) : code;
}

/* ---- the scribe ---- */

static enum hin_code pair_of(int *ours, int *theirs, struct hin_error *err)
{
	const int room = 1 << 20;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		return hin_fail(err, HIN_ESYS, "open a pair of sockets");
	(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	*ours = pair[0];
	*theirs = pair[1];
	return HIN_OK;
}

static enum hin_code limit_scribe(struct run *r, struct hin_error *err)
{
	/* what the C library reads to find a hub by its name */
	static const char *const names[] = { "/etc/hosts",	   "/etc/resolv.conf",
					     "/etc/nsswitch.conf", "/etc/host.conf",
					     "/etc/gai.conf",	   "/etc/services",
					     "/etc/ssl",	   "/etc/ld.so.cache",
					     "/usr/lib",	   "/lib" };
	const char *folder = decoy_folder();
	enum hin_code code = hin_sandbox_drop_caps(&r->box, err);

	if (code == HIN_OK)
		code = hin_sandbox_limit_files(&r->box, names, HIN_COUNT(names), &folder, 1, err);
	if (code == HIN_OK)
		code = hin_sandbox_limit_calls(&r->box, HIN_SANDBOX_CARRY, false, err);
	return code;
}

static enum hin_code open_road(struct run *r, struct hin_error *err)
{
	const struct hin_carrier_member_settings member = {
		.passphrase = r->passphrase[0] != '\0' ? r->passphrase : NULL,
	};
	const struct hin_road_settings settings = { 0 };
	enum hin_code code =
		hin_road_open_joined(&r->scribe.road, decoy_folder(), &member, &settings, err);

	if (code == HIN_ENOENT) { /* it has joined no hub: everything stays here */
		hin_log(HIN_LOG_WARNING, "decoy.no_hub",
			hin_log_text("do", "hinomi trust join CODE --dir FOLDER"));
		return HIN_OK;
	}
	return code;
}

/* The child: never returns. */
_Noreturn static void be_scribe(struct run *r)
{
	struct hin_error err = { 0 };
	enum hin_code code;

	close(r->gate.scribe);
	for (unsigned i = 0; i < r->settings.limits.workers; i++)
		close(r->gate.worker_scribes[i]);
	hin_gate_listeners_close(&r->gate.listeners);
	close(r->gate.stop_fd);
	signal(SIGINT, SIG_IGN); /* it ends when the others have */
	signal(SIGTERM, SIG_IGN);
	code = limit_scribe(r, &err);
	if (code == HIN_OK)
		code = open_road(r, &err);
	if (code == HIN_OK)
		code = hin_scribe_run(&r->scribe, &err);
	hin_road_close(r->scribe.road, ROAD_WAIT); /* what is not sent goes at the next start */
	if (code != HIN_OK)
		hin_log(HIN_LOG_ERROR, "decoy.scribe", hin_log_text("error", err.text));
	hin_sensor_key_fini(&r->key);
	_exit(code == HIN_OK ? HIN_EXIT_DONE : HIN_EXIT_FAILED);
}

static enum hin_code start_scribe(struct run *r, struct hin_error *err)
{
	struct hin_scribe_settings *s = &r->scribe;
	enum hin_code code = pair_of(&s->gate, &r->gate.scribe, err);

	for (unsigned i = 0; i < r->settings.limits.workers && code == HIN_OK; i++)
		code = pair_of(&s->workers[i], &r->gate.worker_scribes[i], err);
	if (code != HIN_OK)
		return code;
	s->folder = decoy_folder();
	s->organisation = r->organisation;
	s->limits = r->settings.limits;
	s->recording = r->settings.recording;
	s->vault = r->settings.vault;
	s->key = &r->key;
	r->scribe_pid = fork();
	if (r->scribe_pid == -1)
		return hin_fail(err, HIN_ESYS, "start the scribe");
	if (r->scribe_pid == 0)
		be_scribe(r);
	close(s->gate);
	for (unsigned i = 0; i < r->settings.limits.workers; i++)
		close(s->workers[i]);
	return HIN_OK;
}

/* ---- gate and workers ---- */

static void be_worker(void *user, unsigned index, const struct hin_gate_ends *ends)
{
	struct run *r = user;
	struct hin_worker_settings settings = { .ends = *ends,
						.organisation = r->organisation,
						.limits = r->settings.limits,
						.index = index };
	struct hin_error err = { 0 };

	close(r->gate.stop_fd);
	hin_notify_close(&r->notify);
	if (hin_sandbox_limit_calls(&r->box, HIN_SANDBOX_TALK, false, &err) != HIN_OK) {
		hin_log(HIN_LOG_ERROR, "decoy.worker", hin_log_text("error", err.text));
		_exit(HIN_EXIT_FAILED);
	}
	_exit(hin_worker_run(&settings));
}

static enum hin_code limit_gate(struct run *r, struct hin_error *err)
{
	struct hin_buffer text = { 0 };
	enum hin_code code = hin_sandbox_drop_caps(&r->box, err);

	if (code == HIN_OK)
		code = hin_sandbox_limit_files(&r->box, NULL, 0, NULL, 0, err);
	if (code == HIN_OK)
		code = hin_sandbox_limit_calls(&r->box, HIN_SANDBOX_SPAWN, false, err);
	if (code == HIN_OK) {
		hin_sandbox_describe(&r->box, &text);
		hin_log(HIN_LOG_INFO, "decoy.start",
			hin_log_u64("sockets", r->gate.listeners.count),
			hin_log_u64("workers", r->settings.limits.workers),
			hin_log_text("sandbox", hin_buffer_text(&text)));
	}
	hin_buffer_fini(&text);
	return code;
}

static enum hin_code catch_signals(struct run *r, struct hin_error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return hin_fail(err, HIN_ESYS, "block signals");
	r->gate.stop_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->gate.stop_fd != -1 ? HIN_OK : hin_fail(err, HIN_ESYS, "catch signals");
}

/* ---- the run ---- */

static enum hin_code prepare(struct run *r, struct hin_error *err)
{
	uint8_t seed[HIN_ORGANISATION_SEED] = { 0 };
	const char *user = user_of(r);
	char path[PATH_MAX];
	enum hin_code code = make_folder(r, err);

	if (code == HIN_OK)
		code = read_seed(seed, err);
	if (code == HIN_OK)
		code = decoy_load_organisation(&r->organisation, &r->settings, seed, err);
	malloc_trim(0); /* what reading needed; all processes share the rest */
	if (code == HIN_OK)
		code = open_sockets(r, err);
	if (code == HIN_OK)
		code = catch_signals(r, err);
	if (code == HIN_OK)
		code = hin_notify_open(&r->notify, err);
	if (code == HIN_OK)
		code = hin_sandbox_no_dump(&r->box, err);
	if (code == HIN_OK && user != NULL)
		code = hin_sandbox_drop_user(&r->box, user, err);
	if (code == HIN_OK && access(decoy_folder(), R_OK | W_OK | X_OK) != 0)
		code = hin_fail(err, HIN_ESYS,
				"%s must belong to who runs this (see the setting user)",
				decoy_folder());
	snprintf(path, sizeof(path), "%s/%s", decoy_folder(), HIN_SENSOR_KEY_FILE);
	if (code == HIN_OK)
		code = hin_sensor_key_open_sealed(
			&r->key, path, r->passphrase[0] != '\0' ? r->passphrase : NULL, err);
	if (code == HIN_OK)
		take_digest_key(r, seed);
	explicit_bzero(seed, sizeof(seed));
	return code;
}

static enum hin_code work(struct run *r, struct hin_error *err)
{
	enum hin_code code = prepare(r, err);
	int status = 0;

	if (code == HIN_OK)
		code = start_scribe(r, err);
	if (code != HIN_OK)
		return code;
	explicit_bzero(r->passphrase, sizeof(r->passphrase));
	hin_sensor_key_fini(&r->key);
	explicit_bzero(r->scribe.credential_key, sizeof(r->scribe.credential_key));
	code = limit_gate(r, err);
	r->gate.organisation = r->organisation;
	r->gate.limits = r->settings.limits;
	r->gate.notify = &r->notify;
	r->gate.worker = be_worker;
	r->gate.user = r;
	if (code == HIN_OK)
		code = hin_gate_run(&r->gate, err);
	close(r->gate.scribe);
	for (unsigned i = 0; i < r->settings.limits.workers; i++)
		close(r->gate.worker_scribes[i]);
	if (waitpid(r->scribe_pid, &status, 0) == r->scribe_pid && code == HIN_OK && status != 0)
		code = hin_fail(err, HIN_EOF, "the scribe failed: see the log");
	hin_log(HIN_LOG_INFO, "decoy.stop");
	return code;
}

static int print_settings(enum hin_lang lang)
{
	struct hin_buffer out = { 0 };

	hin_config_print(&decoy_table, lang, &out);
	if (!out.failed)
		fwrite(out.data, 1, out.used, stdout);
	hin_buffer_fini(&out);
	return fflush(stdout) == 0 ? HIN_EXIT_DONE : HIN_EXIT_FAILED;
}

static const struct hin_option rows[] = {
	DECOY_DIR_OPTION,
	{ "config", 'c', "FILE", HIN_OPTION_TEXT, DECOY_ARG(config),
	  .help = "settings from a YAML file; decoy.yaml in the folder when it is there",
	  .help_ja = "YAML ファイルの設定 (既定はフォルダーの decoy.yaml)" },
	{ "set", 0, "NAME=VALUE", HIN_OPTION_CALL, .call = decoy_add_set,
	  .help = "one setting; --settings lists them",
	  .help_ja = "設定を一つ変える (--settings で一覧)" },
	{ "settings", 0, NULL, HIN_OPTION_FLAG, DECOY_ARG(list_settings),
	  .help = "list every setting with its default, and end",
	  .help_ja = "全ての設定と既定値を表示して終わる" },
	{ "check-config", 0, NULL, HIN_OPTION_FLAG, DECOY_ARG(check_config),
	  .help = "check options, settings, organisation and personas, and end",
	  .help_ja = "オプション・設定・組織・ペルソナを検査して終わる" },
	{ "passphrase-file", 0, "FILE", HIN_OPTION_TEXT, DECOY_ARG(passphrase_file),
	  .help = "its first line opens the keys, when they are encrypted; without it "
		  "$HINOMI_PASSPHRASE does",
	  .help_ja = "鍵が暗号化されているとき、その 1 行目で開く。なければ $HINOMI_PASSPHRASE" },
};

static enum hin_code check_all(struct run *r, struct hin_error *err)
{
	enum hin_code code = decoy_load_organisation(&r->organisation, &r->settings, NULL, err);

	if (code == HIN_OK)
		puts(r->lang == HIN_JA ? "設定に問題はありません" : "the configuration is good");
	return code;
}

int decoy_run(int argc, char *argv[])
{
	static const struct hin_program program = {
		.name = "hinomi decoy run",
		.about = "Answers for the machines of an organisation at their addresses, which "
			 "must lead here: `ip route add local PREFIX dev lo`. Everything that "
			 "comes is recorded in the folder, and told to the hub that the folder "
			 "has joined (`hinomi trust join`).",
		.about_ja = "組織の機器としてそのアドレスで応答する。アドレスは"
			    "`ip route add local PREFIX dev lo` などでこの機械へ導く。全てを"
			    "フォルダーに記録し、参加したハブ (`hinomi trust join`) へ伝える。",
		.options = rows,
		.option_count = HIN_COUNT(rows),
	};
	static struct run run = { .notify = { .fd = -1 }, .gate = { .stop_fd = -1 } };
	struct hin_error err = { 0 };
	enum hin_code code;
	int status = hin_program_start(&program, &decoy_arguments, &run.lang, &argc, argv);

	if (status >= 0)
		return status;
	if (decoy_arguments.list_settings)
		return print_settings(run.lang);
	code = decoy_load_settings(&run.settings, &err);
	if (code == HIN_OK)
		code = hin_cmd_passphrase(run.passphrase, decoy_arguments.passphrase_file, &err);
	if (code == HIN_OK)
		hin_log_setup(STDERR_FILENO, (enum hin_log_level)run.settings.log);
	if (code == HIN_OK)
		code = decoy_arguments.check_config ? check_all(&run, &err) : work(&run, &err);
	hin_gate_listeners_close(&run.gate.listeners);
	hin_notify_close(&run.notify);
	free(run.gate.proxies);
	hin_organisation_free(run.organisation);
	hin_config_fini(&decoy_table, &run.settings);
	explicit_bzero(run.passphrase, sizeof(run.passphrase));
	if (run.gate.stop_fd != -1)
		close(run.gate.stop_fd);
	return hin_operation_end(&program, code, &err);
}
