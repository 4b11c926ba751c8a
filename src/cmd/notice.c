/*
 * hinomi-notice - notices to owners: listed, shown, previewed, let go, taken back; figures,
 * bounces.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/number.h"
#include "base/options.h"
#include "base/time.h"
#include "cmd/notice.h"
#include "hub/people/account.h"
#include "hub/hub.h"

#define DEFAULT_FOLDER "/var/lib/hinomi"
#define NOTICES 1000 /* of one command */

static const char *const by_words[] = { "all", "owner", "sector", "kind", NULL };

static const char *sets[64];
static size_t set_count;

static enum hin_code add_set(void *into, const char *value, struct hin_error *err)
{
	(void)into;
	if (set_count == HIN_COUNT(sets))
		return hin_fail(err, HIN_EUSAGE, "more than %zu times --set", HIN_COUNT(sets));
	sets[set_count++] = value;
	return HIN_OK;
}

#define ARG(field) offsetof(struct notice_arguments, field)

static const struct hin_option options[] = {
	{ .section = "Where", .section_ja = "場所" },
	{ "dir", 'd', "FOLDER", HIN_OPTION_TEXT, ARG(dir),
	  .help = "the hub's folder; " DEFAULT_FOLDER " if not given",
	  .help_ja = "ハブのフォルダー (既定 " DEFAULT_FOLDER ")" },
	{ "config", 'c', "FILE", HIN_OPTION_TEXT, ARG(config),
	  .help = "the hub's settings; hub.yaml in the folder when it is there",
	  .help_ja = "ハブの設定ファイル (既定はフォルダーの hub.yaml)" },
	{ "set", 0, "NAME=VALUE", HIN_OPTION_CALL, .call = add_set,
	  .help = "one setting of the hub, for preview and send --dry-run",
	  .help_ja = "ハブの設定を一つ変える (preview と send --dry-run)" },
	{ "json", 'j', NULL, HIN_OPTION_FLAG, ARG(json), .help = "print JSON instead of a table",
	  .help_ja = "表の代わりに JSON を出力する" },
	{ .section = "Which notices, for list", .section_ja = "一覧の条件 (list)" },
	{ "state", 's', "STATE", HIN_OPTION_TEXT, ARG(state),
	  .help = "no_owner, held, queued, sent, failed, bounced, fixed or withdrawn",
	  .help_ja = "状態: no_owner, held, queued, sent, failed, bounced, fixed, withdrawn" },
	{ "organisation", 'o', "HANDLE", HIN_OPTION_TEXT, ARG(organisation),
	  .help = "of this organisation only", .help_ja = "この組織のものだけ" },
	{ "case",
	  0,
	  "CASE",
	  HIN_OPTION_VALUE,
	  ARG(case_id),
	  { HIN_VALUE_I64, 1, INT64_MAX },
	  .help = "of this case only",
	  .help_ja = "この案件のものだけ" },
	{ "limit",
	  'n',
	  "N",
	  HIN_OPTION_VALUE,
	  ARG(limit),
	  { HIN_VALUE_U64, 1, 100000 },
	  .help = "most lines; 100 if not given",
	  .help_ja = "表示する最大数 (既定 100)" },
	{ .section = "Figures", .section_ja = "集計 (figures)" },
	{ "by",
	  'b',
	  "WHAT",
	  HIN_OPTION_VALUE,
	  ARG(by),
	  { HIN_VALUE_CHOICE, .choices = by_words },
	  .help = "one line for each owner, sector or kind; all together if not given",
	  .help_ja = "所有者・分野・種類ごとの集計 (既定は全体)" },
	{ "since", 0, "TIME", HIN_OPTION_TEXT, ARG(since),
	  .help = "of notices made since: a date, or -30d",
	  .help_ja = "この日時以降に作成した通知" },
	{ "until", 0, "TIME", HIN_OPTION_TEXT, ARG(until), .help = "and before",
	  .help_ja = "この日時より前に作成した通知" },
	{ .section = "Changes", .section_ja = "変更" },
	{ "as", 'a', "NAME", HIN_OPTION_TEXT, ARG(as),
	  .help = "in the name of this account; else it was hinomi itself",
	  .help_ja = "このアカウントとして行う (なければ hinomi 自身)" },
	{ "reason", 'r', "TEXT", HIN_OPTION_TEXT, ARG(reason),
	  .help = "withdraw: why; it is told to who had the notice",
	  .help_ja = "withdraw: 理由。通知した相手にも伝える" },
	{ "dry-run", 0, NULL, HIN_OPTION_FLAG, ARG(dry_run),
	  .help = "send: change nothing, print every letter as it would go out",
	  .help_ja = "send: 何も変えず、送られる全てをそのまま表示する" },
};

static const struct hin_program program = {
	.name = "hinomi notice",
	.args = "list | show|preview|verify|proof NOTICE | send|withdraw NOTICE ... | "
		"send --dry-run | figures | bounces",
	.about = "Notices to the owners of troubled devices. A notice is named by its number or "
		 "its code. \"send\" lets go what is held, or sends once more; the hub's process "
		 "does the sending. It works beside a running hub.",
	.about_ja = "問題のある機器の所有者への通知を扱う。通知は番号またはコードで指定する。send "
		    "は保留中の通知を許可し、または再送する (送信はハブが行う)。動作中のハブと"
		    "並行して使える。",
	.options = options,
	.option_count = HIN_COUNT(options),
};

/* ---- what was asked ---- */

static enum hin_code read_time(int64_t *out_us, const char *text, int64_t now_us,
			       struct hin_error *err)
{
	int64_t ns = 0;
	enum hin_code code = HIN_OK;

	if (text != NULL)
		code = hin_time_parse(&ns, text, now_us * 1000, err);
	*out_us = ns / 1000;
	return code == HIN_OK ? HIN_OK : HIN_EUSAGE;
}

/* A number, or a code. */
static enum hin_code find_notice(struct notice_session *s, const char *text, int64_t *out,
				 struct hin_error *err)
{
	char code_[HIN_NOTICE_CODE];
	enum hin_code code;

	if (strlen(text) < 10 && strspn(text, "0123456789") == strlen(text) && text[0] != '\0') {
		*out = strtoll(text, NULL, 10);
		return HIN_OK;
	}
	code = hin_notice_code_parse(code_, text, err);
	if (code != HIN_OK)
		return HIN_EUSAGE;
	code = hin_desk_number(s->desk, out, err, "SELECT id FROM notice WHERE code = ?1", "t",
			       code_);
	return code == HIN_ENOENT ? hin_fail(err, HIN_ENOENT, "no notice has the code %s", code_)
				  : code;
}

static enum hin_code read_notices(struct notice_session *s, int argc, char *argv[], bool many,
				  struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (argc == 0)
		return hin_fail(err, HIN_EUSAGE, "which notice? Give its number or code");
	if (argc > (many ? NOTICES : 1))
		return hin_fail(err, HIN_EUSAGE, "at most %d at once", many ? NOTICES : 1);
	s->ids = calloc((size_t)argc, sizeof(*s->ids));
	if (s->ids == NULL)
		return hin_fail(err, HIN_ENOMEM, "notices");
	for (int i = 0; i < argc && code == HIN_OK; i++)
		code = find_notice(s, argv[i], &s->ids[s->count++], err);
	return code;
}

/* ---- reading ---- */

static enum hin_code read_filter(struct notice_session *s, struct hin_notice_filter *f,
				 struct hin_error *err)
{
	const struct notice_arguments *a = &s->arguments;
	static const char *const states[] = { "no_owner", "held",    "queued", "sent",
					      "failed",	  "bounced", "fixed",  "withdrawn" };
	bool known = a->state == NULL;

	*f = (struct hin_notice_filter){ .state = a->state,
					 .case_id = a->case_id,
					 .limit = a->limit };
	for (size_t i = 0; i < HIN_COUNT(states); i++)
		known = known || strcmp(states[i], a->state) == 0;
	if (!known)
		return hin_fail(err, HIN_EUSAGE, "--state: no notice is ever \"%s\"", a->state);
	if (a->organisation != NULL &&
	    hin_desk_number(s->desk, &f->organisation, err,
			    "SELECT id FROM organisation WHERE handle = ?1", "t",
			    a->organisation) != HIN_OK)
		return hin_fail(err, HIN_ENOENT, "there is no organisation \"%s\"",
				a->organisation);
	return HIN_OK;
}

static enum hin_code do_list(struct notice_session *s, struct hin_error *err)
{
	struct hin_notice_filter filter;
	enum hin_code code = read_filter(s, &filter, err);

	if (code != HIN_OK)
		return code;
	if (!s->arguments.json)
		return notice_print_list(s, &filter, err);
	code = hin_notice_list_json(s->desk, &filter, &s->out, err);
	hin_buffer_putc(&s->out, '\n');
	return code;
}

static enum hin_code do_show(struct notice_session *s, struct hin_error *err)
{
	enum hin_code code;

	if (!s->arguments.json)
		return notice_print_one(s, s->ids[0], err);
	code = hin_notice_json(s->desk, s->ids[0], &s->out, err);
	hin_buffer_putc(&s->out, '\n');
	return code;
}

static enum hin_code code_of(struct notice_session *s, char out[HIN_NOTICE_CODE],
			     struct hin_error *err)
{
	sqlite3_stmt *q = hin_desk_statement(s->desk, "SELECT code FROM notice WHERE id = ?1", err);
	enum hin_code code;

	if (q == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(s->desk, q, err, "i", s->ids[0]);
	if (code == HIN_OK)
		code = hin_desk_step(s->desk, q, err);
	if (code == HIN_OK) {
		snprintf(out, HIN_NOTICE_CODE, "%s", hin_desk_text(q, 0));
		sqlite3_reset(q);
	}
	return code == HIN_EOF ? hin_fail(err, HIN_ENOENT, "there is no notice %" PRId64, s->ids[0])
			       : code;
}

static enum hin_code do_verify(struct notice_session *s, struct hin_error *err)
{
	struct hin_notice_check check;
	char code_[HIN_NOTICE_CODE];
	enum hin_code code = code_of(s, code_, err);

	if (code == HIN_OK)
		code = hin_notice_verify(s->desk, code_, &check, err);
	if (code == HIN_OK)
		hin_notice_verify_text(&check, s->lang, &s->out);
	return code;
}

static enum hin_code do_proof(struct notice_session *s, struct hin_error *err)
{
	char code_[HIN_NOTICE_CODE], ledger[PATH_MAX];
	enum hin_code code = code_of(s, code_, err);

	snprintf(ledger, sizeof(ledger), "%s/ledger", s->arguments.dir);
	return code == HIN_OK ? hin_notice_proof(s->desk, ledger, code_, &s->out, err) : code;
}

/* ---- previews ---- */

/* The hub's settings, and telling opened with them; nothing runs. */
static enum hin_code open_telling(struct notice_session *s, struct hin_error *err)
{
	static struct hin_hub_settings settings;
	char path[PATH_MAX], desk[PATH_MAX], ledger[PATH_MAX];
	struct hin_telling_open how = {
		.settings = &settings.telling, .desk = desk, .ledger = ledger, .hub_name = "hub"
	};
	enum hin_code code = hin_config_init(&hin_hub_table, &settings, err);

	snprintf(path, sizeof(path), "%s/hub.yaml", s->arguments.dir);
	snprintf(desk, sizeof(desk), "%s/desk.db", s->arguments.dir);
	snprintf(ledger, sizeof(ledger), "%s/ledger", s->arguments.dir);
	if (code == HIN_OK && s->arguments.config != NULL)
		code = hin_config_load(&hin_hub_table, &settings, s->arguments.config, err);
	else if (code == HIN_OK && access(path, F_OK) == 0)
		code = hin_config_load(&hin_hub_table, &settings, path, err);
	for (size_t i = 0; i < set_count && code == HIN_OK; i++)
		code = hin_config_set(&hin_hub_table, &settings, sets[i], err);
	if (code == HIN_OK)
		code = hin_telling_open(&s->telling, &how, err);
	hin_config_fini(&hin_hub_table, &settings);
	return code;
}

static enum hin_code do_preview(struct notice_session *s, struct hin_error *err)
{
	bool final = false;
	enum hin_code code = open_telling(s, err);

	if (code == HIN_OK)
		code = hin_telling_preview(s->telling, s->desk, s->ids[0], s->now_us, &s->out,
					   &final, err);
	if (code == HIN_OK && !final)
		fputs(s->lang == HIN_JA
			      ? "hinomi notice: まだ作成されていない。日付と証明は送付時に決まる\n"
			      : "hinomi notice: not made yet; its date and proof are those of the "
				"moment when it is\n",
		      stderr);
	return code;
}

static enum hin_code show_letter(void *user, const char *purpose, const char *channel,
				 const char *address, const void *bytes, size_t size,
				 int64_t due_us, struct hin_error *err)
{
	struct notice_session *s = user;
	char time[HIN_TIME_TEXT], shown[600];

	fprintf(stderr, "--- %s, %s to %s, due %s\n", purpose, channel,
		hin_escape_text(shown, sizeof(shown), address),
		hin_time_format(time, due_us * 1000, HIN_TIME_S));
	hin_buffer_add(&s->out, bytes, size);
	s->shown++;
	return s->out.failed ? hin_fail(err, HIN_ENOMEM, "letters") : HIN_OK;
}

static enum hin_code do_dry_run(struct notice_session *s, struct hin_error *err)
{
	enum hin_code code = open_telling(s, err);

	if (code == HIN_OK)
		code = hin_telling_dry_run(s->telling, s->desk, s->now_us, show_letter, s, err);
	if (code == HIN_OK && s->shown == 0)
		fputs(s->lang == HIN_JA ? "hinomi notice: 送るものはない\n"
					: "hinomi notice: nothing would go out\n",
		      stderr);
	return code;
}

/* ---- changing ---- */

static enum hin_code do_send(struct notice_session *s, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < s->count && code == HIN_OK; i++)
		code = hin_notice_release(s->desk, s->ids[i], s->account, s->now_us, err);
	return code;
}

static enum hin_code do_withdraw(struct notice_session *s, struct hin_error *err)
{
	const char *reason = s->arguments.reason != NULL ? s->arguments.reason : "";
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < s->count && code == HIN_OK; i++)
		code = hin_notice_withdraw(s->desk, s->ids[i], s->account, reason, s->now_us, err);
	return code;
}

/* ---- figures ---- */

static enum hin_code do_figures(struct notice_session *s, struct hin_error *err)
{
	struct hin_notice_figure *figures = NULL;
	int64_t since = 0, until = 0;
	size_t count = 0;
	enum hin_code code = read_time(&since, s->arguments.since, s->now_us, err);

	if (code == HIN_OK)
		code = read_time(&until, s->arguments.until, s->now_us, err);
	if (code == HIN_OK)
		code = hin_notice_figures(s->desk, (enum hin_notice_by)s->arguments.by, since,
					  until, &figures, &count, err);
	if (code == HIN_OK)
		code = notice_print_figures(s, figures, count, err);
	free(figures);
	return code;
}

/* ---- the program ---- */

static const struct verb {
	const char *name;
	bool writes, one, many;
	enum hin_code (*run)(struct notice_session *s, struct hin_error *err);
} verbs[] = {
	{ "list", false, false, false, do_list },
	{ "show", false, true, false, do_show },
	{ "preview", false, true, false, do_preview },
	{ "verify", false, true, false, do_verify },
	{ "proof", false, true, false, do_proof },
	{ "send", true, false, true, do_send },
	{ "withdraw", true, false, true, do_withdraw },
	{ "figures", false, false, false, do_figures },
	{ "bounces", false, false, false, notice_print_bounces },
};

static const struct verb *find_verb(const char *name, struct hin_error *err)
{
	char shown[80];

	for (size_t i = 0; i < HIN_COUNT(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	(void)hin_fail(err, HIN_EUSAGE, "there is no command \"%s\"; see hinomi notice --help",
		       hin_escape_text(shown, sizeof(shown), name));
	return NULL;
}

static enum hin_code open_desk(struct notice_session *s, bool writes, struct hin_error *err)
{
	struct hin_account account;
	char path[PATH_MAX];
	enum hin_code code;

	snprintf(path, sizeof(path), "%s/desk.db", s->arguments.dir);
	code = hin_desk_open(&s->desk, path, writes ? HIN_DESK_WRITE : HIN_DESK_READ, err);
	if (code == HIN_OK && s->arguments.as != NULL) {
		code = hin_account_find(s->desk, s->arguments.as, &account, err);
		if (code == HIN_OK)
			s->account = account.id;
	}
	return code;
}

static enum hin_code run(struct notice_session *s, int argc, char *argv[], struct hin_error *err)
{
	const struct verb *verb = find_verb(argc > 1 ? argv[1] : "list", err);
	bool dry = s->arguments.dry_run;
	enum hin_code code;

	if (verb == NULL)
		return HIN_EUSAGE;
	if (dry && verb->run != do_send)
		return hin_fail(err, HIN_EUSAGE, "--dry-run belongs to send");
	if (argc > 2 && !verb->one && (!verb->many || dry))
		return hin_fail(err, HIN_EUSAGE, "%s%s takes options only", verb->name,
				dry ? " --dry-run" : "");
	s->now_us = hin_time_now_ns() / 1000;
	code = open_desk(s, verb->writes, err);
	if (code == HIN_OK && (verb->one || (verb->many && !dry)))
		code = read_notices(s, argc - 2, argv + 2, verb->many, err);
	if (code == HIN_OK)
		code = dry ? do_dry_run(s, err) : verb->run(s, err);
	if (code == HIN_OK && s->out.failed)
		code = hin_fail(err, HIN_ENOMEM, "no room for the output");
	return code;
}

int main(int argc, char *argv[])
{
	struct notice_session s = { 0 };
	struct hin_error err = { 0 };
	int status = hin_program_start(&program, &s.arguments, &s.lang, &argc, argv);
	enum hin_code code;

	if (status >= 0)
		return status;
	if (s.arguments.dir == NULL)
		s.arguments.dir = DEFAULT_FOLDER;
	code = run(&s, argc, argv, &err);
	status = HIN_EXIT_DONE;
	if (code != HIN_OK)
		status = hin_program_fail(&program, &err);
	else if (s.out.used > 0 &&
		 (fwrite(s.out.data, 1, s.out.used, stdout) != s.out.used || fflush(stdout) != 0))
		status = HIN_EXIT_FAILED;
	hin_telling_close(s.telling);
	hin_desk_close(s.desk);
	hin_buffer_fini(&s.out);
	free(s.ids);
	return code == HIN_EUSAGE ? HIN_EXIT_USAGE : status;
}
