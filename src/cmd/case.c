/*
 * hinomi-case - cases of a hub: listed, shown, assigned, noted, merged, split, closed; and all that
 * is known of an address.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/escape.h"
#include "base/number.h"
#include "base/options.h"
#include "base/time.h"
#include "cmd/case.h"
#include "hub/people/account.h"

#define DEFAULT_FOLDER "/var/lib/hinomi"

/* What the command line said. */
struct arguments {
	const char *dir, *store, *as, *to, *text, *reason, *until, *state, *search, *organisation,
		*kind, *since;
	int least, sort;
	bool json;
	uint64_t limit;
};

struct session {
	struct arguments arguments;
	enum hin_lang lang;
	struct hin_desk *desk;
	struct hin_case_actor by;
	struct case_printer printer;
	int64_t ids[HIN_CASE_BULK];
	size_t count;
	const char *address;
};

static const char *const sorts[] = { "weight", "change", "number", NULL };
static const char *const severities[] = { "low", "medium", "high", "critical", NULL };

#define ARG(field) offsetof(struct arguments, field)

static const struct hin_option options[] = {
	{ .section = "Where", .section_ja = "場所" },
	{ "dir", 'd', "FOLDER", HIN_OPTION_TEXT, ARG(dir),
	  .help = "the hub's folder; " DEFAULT_FOLDER " if not given",
	  .help_ja = "ハブのフォルダー (既定 " DEFAULT_FOLDER ")" },
	{ "store", 'S', "FOLDER", HIN_OPTION_TEXT, ARG(store),
	  .help = "about: the store; store in the hub's folder if not given",
	  .help_ja = "about: 観測の保存先 (既定はハブのフォルダーの store)" },
	{ "json", 'j', NULL, HIN_OPTION_FLAG, ARG(json), .help = "print JSON instead of a table",
	  .help_ja = "表の代わりに JSON を出力する" },
	{ .section = "Which cases, for list", .section_ja = "一覧の条件 (list)" },
	{ "state", 's', "LIST", HIN_OPTION_TEXT, ARG(state),
	  .help = "states with commas, or all; new,open if not given",
	  .help_ja = "状態 (コンマ区切り、または all)。既定は new,open" },
	{ "severity",
	  0,
	  "LEAST",
	  HIN_OPTION_VALUE,
	  ARG(least),
	  { HIN_VALUE_CHOICE, .choices = severities },
	  .help = "at least this grave: low, medium, high or critical",
	  .help_ja = "重大度の下限: low, medium, high, critical" },
	{ "organisation", 'o', "HANDLE", HIN_OPTION_TEXT, ARG(organisation),
	  .help = "of this organisation only", .help_ja = "この組織のものだけ" },
	{ "kind", 'k', "FINDING", HIN_OPTION_TEXT, ARG(kind), .help = "with a finding of this kind",
	  .help_ja = "この種類の所見を含むもの" },
	{ "search", 0, "TEXT", HIN_OPTION_TEXT, ARG(search),
	  .help = "with this in title, subject, device or owner",
	  .help_ja = "件名・対象・機器・所有者にこの語を含むもの" },
	{ "since", 0, "TIME", HIN_OPTION_TEXT, ARG(since), .help = "changed since: a date, or -24h",
	  .help_ja = "この日時以降に変化したもの" },
	{ "sort",
	  0,
	  "ORDER",
	  HIN_OPTION_VALUE,
	  ARG(sort),
	  { HIN_VALUE_CHOICE, .choices = sorts },
	  .help = "weight: not over first, the gravest, the one changed last (if not given); "
		  "change or number: the newest first",
	  .help_ja = "weight: 未終了・重大・最近変化した順 (既定)。change, number: 新しい順" },
	{ "limit",
	  'n',
	  "N",
	  HIN_OPTION_VALUE,
	  ARG(limit),
	  { HIN_VALUE_U64, 1, HIN_CASE_PAGE },
	  .help = "most lines; 100 if not given",
	  .help_ja = "表示する最大数 (既定 100)" },
	{ .section = "Changes", .section_ja = "変更" },
	{ "as", 'a', "NAME", HIN_OPTION_TEXT, ARG(as),
	  .help = "in the name of this account; else it was hinomi itself",
	  .help_ja = "このアカウントとして行う (なければ hinomi 自身)" },
	{ "to", 't', "NAME", HIN_OPTION_TEXT, ARG(to),
	  .help = "assign: to this account, or nobody; list: assigned so",
	  .help_ja = "assign: 担当アカウントまたは nobody。list: その担当のもの" },
	{ "text", 'm', "TEXT", HIN_OPTION_TEXT, ARG(text), .help = "note: what it says",
	  .help_ja = "note: 記録の本文" },
	{ "reason", 'r', "TEXT", HIN_OPTION_TEXT, ARG(reason),
	  .help = "why; needed for false-alarm and suppress",
	  .help_ja = "理由 (false-alarm と suppress では必須)" },
	{ "until", 'u', "TIME", HIN_OPTION_TEXT, ARG(until),
	  .help = "suppress: until then; until lifted if not given",
	  .help_ja = "suppress: 期限 (なければ解除まで)" },
};

static const struct hin_program program = {
	.name = "hinomi case",
	.args = "list | show|assign|note|close|reopen|false-alarm|suppress CASE ... | "
		"merge INTO CASE ... | split CASE FINDING ... | about ADDRESS",
	.about = "Cases: findings about the same trouble. \"list\" and \"show\" read them; the "
		 "others change them, several at once, all or none, and each change is an act of "
		 "the ledger. \"about\" tells all that is known of an address. It works beside a "
		 "running hub.",
	.about_ja =
		"案件 (同じ問題についての所見の集まり) を扱う。list と show は表示、それ以外は変更"
		"で、複数を一度に、全部か無しかで行い、台帳に残る。about はアドレスについて"
		"分かっていること全てを示す。動作中のハブと並行して使える。",
	.options = options,
	.option_count = HIN_COUNT(options),
};

/* ---- what was asked ---- */

static enum hin_code read_ids(struct session *s, int argc, char *argv[], struct hin_error *err)
{
	uint64_t value;
	enum hin_code code = HIN_OK;

	if (argc == 0)
		return hin_fail(err, HIN_EUSAGE, "which case? Give its number");
	if (argc > HIN_CASE_BULK)
		return hin_fail(err, HIN_EUSAGE, "at most %d at once", HIN_CASE_BULK);
	for (int i = 0; i < argc && code == HIN_OK; i++) {
		code = hin_number_u64(&value, "case", argv[i], 1, INT64_MAX, err);
		s->ids[s->count++] = (int64_t)value;
	}
	return code == HIN_OK ? code : HIN_EUSAGE;
}

static enum hin_code read_time(int64_t *out_us, const char *text, int64_t now_us,
			       struct hin_error *err)
{
	int64_t ns = 0;
	enum hin_code code = hin_time_parse(&ns, text, now_us * 1000, err);

	*out_us = ns / 1000;
	return code == HIN_OK ? HIN_OK : HIN_EUSAGE;
}

static enum hin_code find_account(struct session *s, const char *name, int64_t *out,
				  struct hin_error *err)
{
	struct hin_account account;
	enum hin_code code = hin_account_find(s->desk, name, &account, err);

	if (code == HIN_OK)
		*out = account.id;
	return code;
}

static enum hin_code read_states(unsigned *out, const char *list, struct hin_error *err)
{
	char word[32];

	*out = 0;
	if (strcmp(list, "all") == 0)
		return HIN_OK;
	while (*list != '\0') {
		size_t size = strcspn(list, ",");
		enum hin_case_state state;

		snprintf(word, sizeof(word), "%.*s", (int)(size < 31 ? size : 31), list);
		for (char *at = word; *at != '\0'; at++)
			if (*at == '-')
				*at = '_';
		if (!hin_case_state_parse(&state, word))
			return hin_fail(err, HIN_EUSAGE,
					"--state: \"%s\" is not new, open, closed, false-alarm, "
					"suppressed or merged",
					word);
		*out |= 1u << state;
		list += size + (list[size] == ',');
	}
	return HIN_OK;
}

/* ---- reading ---- */

static enum hin_code read_filter(struct session *s, struct hin_case_filter *f,
				 struct hin_error *err)
{
	const struct arguments *a = &s->arguments;
	enum hin_code code = HIN_OK;

	hin_case_filter_default(f);
	f->least = (enum hin_severity)a->least;
	f->sort = (enum hin_case_sort)a->sort;
	f->text = a->search;
	f->kind = a->kind;
	f->limit = (unsigned)a->limit;
	if (a->kind != NULL && hin_finding_kind_named(a->kind) == NULL)
		return hin_fail(err, HIN_EUSAGE, "--kind: there is no finding \"%s\"", a->kind);
	if (a->state != NULL)
		code = read_states(&f->states, a->state, err);
	if (code == HIN_OK && a->since != NULL)
		code = read_time(&f->since_us, a->since, s->by.now_us, err);
	if (code == HIN_OK && a->to != NULL && strcmp(a->to, "nobody") == 0)
		f->assignee = HIN_CASE_NOBODY;
	else if (code == HIN_OK && a->to != NULL)
		code = find_account(s, a->to, &f->assignee, err);
	if (code == HIN_OK && a->organisation != NULL &&
	    hin_desk_number(s->desk, &f->organisation, err,
			    "SELECT id FROM organisation WHERE handle = ?1", "t",
			    a->organisation) != HIN_OK)
		return hin_fail(err, HIN_ENOENT, "there is no organisation \"%s\"",
				a->organisation);
	return code;
}

static enum hin_code do_list(struct session *s, struct hin_error *err)
{
	struct hin_case_filter filter;
	struct case_lines *lines;
	uint64_t whole = 0;
	enum hin_code code = read_filter(s, &filter, err);

	if (code == HIN_OK)
		code = hin_desk_snapshot(s->desk, err);
	if (code == HIN_OK)
		code = hin_case_count(s->desk, &filter, &whole, err);
	if (code != HIN_OK)
		return code;
	lines = case_lines_new(&s->printer);
	if (lines == NULL)
		return hin_fail(err, HIN_ENOMEM, "a list of cases");
	code = hin_case_list(s->desk, &filter, case_lines_add, lines, err);
	case_lines_end(lines, whole);
	hin_desk_rollback(s->desk);
	return code;
}

static enum hin_code do_show(struct session *s, struct hin_error *err)
{
	struct hin_case c;
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < s->count && code == HIN_OK; i++) {
		code = hin_case_get(s->desk, s->ids[i], 0, &c, err);
		if (code == HIN_OK && i > 0 && !s->printer.json)
			hin_buffer_putc(&s->printer.out, '\n');
		if (code == HIN_OK)
			code = case_print_one(&s->printer, s->desk, &c, err);
	}
	return code;
}

static enum hin_code do_about(struct session *s, struct hin_error *err)
{
	struct hin_about_question q = { .desk = s->desk, .now_us = s->by.now_us };
	const struct hin_owners_settings all = { 0 };
	struct hin_owners *owners = NULL;
	struct hin_store *store = NULL;
	struct hin_about about;
	char path[PATH_MAX], shown[80];
	enum hin_code code = hin_addr_parse(&q.address, s->address);

	if (code != HIN_OK)
		return hin_fail(err, HIN_EUSAGE, "\"%s\" is no address",
				hin_escape_text(shown, sizeof(shown), s->address));
	snprintf(path, sizeof(path), "%s/store", s->arguments.dir);
	code = hin_owners_load(&owners, s->desk, &all, q.now_us, err);
	if (code == HIN_OK)
		code = hin_store_open(&store,
				      s->arguments.store != NULL ? s->arguments.store : path,
				      HIN_STORE_READ, NULL, err);
	if (code == HIN_ENOENT && s->arguments.store == NULL)
		code = HIN_OK; /* the desk alone */
	q.owners = owners;
	q.store = store;
	if (code == HIN_OK)
		code = hin_about_address(&about, &q, err);
	if (code == HIN_OK) {
		case_print_about(&s->printer, &about);
		hin_about_fini(&about);
	}
	hin_store_close(store);
	hin_owners_unref(owners);
	return code;
}

/* ---- changing ---- */

static const char *reason(const struct session *s)
{
	return s->arguments.reason != NULL ? s->arguments.reason : "";
}

static enum hin_code do_assign(struct session *s, struct hin_error *err)
{
	int64_t account = 0;
	enum hin_code code = HIN_OK;

	if (s->arguments.to == NULL)
		return hin_fail(err, HIN_EUSAGE, "assign wants --to NAME, or --to nobody");
	if (strcmp(s->arguments.to, "nobody") != 0)
		code = find_account(s, s->arguments.to, &account, err);
	return code == HIN_OK ? hin_case_assign(s->desk, &s->by, s->ids, s->count, account, err)
			      : code;
}

static enum hin_code do_note(struct session *s, struct hin_error *err)
{
	if (s->arguments.text == NULL)
		return hin_fail(err, HIN_EUSAGE, "note wants --text TEXT");
	return hin_case_note(s->desk, &s->by, s->ids, s->count, s->arguments.text, err);
}

static enum hin_code do_close(struct session *s, struct hin_error *err)
{
	return hin_case_close(s->desk, &s->by, s->ids, s->count, reason(s), err);
}

static enum hin_code do_reopen(struct session *s, struct hin_error *err)
{
	return hin_case_reopen(s->desk, &s->by, s->ids, s->count, reason(s), err);
}

static enum hin_code do_false_alarm(struct session *s, struct hin_error *err)
{
	return hin_case_false_alarm(s->desk, &s->by, s->ids, s->count, reason(s), err);
}

static enum hin_code do_suppress(struct session *s, struct hin_error *err)
{
	int64_t until_us = 0;
	enum hin_code code = HIN_OK;

	if (s->arguments.until != NULL)
		code = read_time(&until_us, s->arguments.until, s->by.now_us, err);
	return code == HIN_OK ? hin_case_suppress(s->desk, &s->by, s->ids, s->count, until_us,
						  reason(s), err)
			      : code;
}

static enum hin_code do_merge(struct session *s, struct hin_error *err)
{
	if (s->count < 2)
		return hin_fail(err, HIN_EUSAGE, "merge wants the case that stays, then others");
	return hin_case_merge(s->desk, &s->by, s->ids[0], s->ids + 1, s->count - 1, reason(s), err);
}

static enum hin_code do_split(struct session *s, struct hin_error *err)
{
	int64_t part = 0;
	enum hin_code code;

	if (s->count < 2)
		return hin_fail(err, HIN_EUSAGE, "split wants a case, then findings of it");
	code = hin_case_split(s->desk, &s->by, s->ids[0], s->ids + 1, s->count - 1, reason(s),
			      &part, err);
	if (code == HIN_OK)
		hin_buffer_printf(&s->printer.out, s->printer.json ? "{\"case\":%lld}\n" : "%lld\n",
				  (long long)part);
	return code;
}

/* ---- the program ---- */

static const struct verb {
	const char *name;
	bool writes, numbers;
	enum hin_code (*run)(struct session *s, struct hin_error *err);
} verbs[] = {
	{ "list", false, false, do_list },	 { "show", false, true, do_show },
	{ "about", false, false, do_about },	 { "assign", true, true, do_assign },
	{ "note", true, true, do_note },	 { "close", true, true, do_close },
	{ "reopen", true, true, do_reopen },	 { "false-alarm", true, true, do_false_alarm },
	{ "suppress", true, true, do_suppress }, { "merge", true, true, do_merge },
	{ "split", true, true, do_split },
};

static const struct verb *find_verb(const char *name, struct hin_error *err)
{
	char shown[80];

	for (size_t i = 0; i < HIN_COUNT(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	(void)hin_fail(err, HIN_EUSAGE, "there is no command \"%s\"; see hinomi case --help",
		       hin_escape_text(shown, sizeof(shown), name));
	return NULL;
}

static enum hin_code open_desk(struct session *s, bool writes, struct hin_error *err)
{
	char path[PATH_MAX];
	enum hin_code code;

	if (s->arguments.dir == NULL)
		s->arguments.dir = DEFAULT_FOLDER;
	snprintf(path, sizeof(path), "%s/desk.db", s->arguments.dir);
	code = hin_desk_open(&s->desk, path, writes ? HIN_DESK_WRITE : HIN_DESK_READ, err);
	if (code == HIN_OK && s->arguments.as != NULL)
		code = find_account(s, s->arguments.as, &s->by.account, err);
	return code;
}

static enum hin_code run(struct session *s, int argc, char *argv[], struct hin_error *err)
{
	const struct verb *verb = find_verb(argc > 1 ? argv[1] : "list", err);
	enum hin_code code = HIN_OK;

	if (verb == NULL)
		return HIN_EUSAGE;
	if (verb->numbers)
		code = read_ids(s, argc - 2, argv + 2, err);
	else if (verb->run == do_about && argc == 3)
		s->address = argv[2];
	else if (verb->run == do_about)
		code = hin_fail(err, HIN_EUSAGE, "about wants one address");
	else if (argc > 2)
		code = hin_fail(err, HIN_EUSAGE, "list takes options only");
	s->by.now_us = hin_time_now_ns() / 1000;
	if (code == HIN_OK)
		code = open_desk(s, verb->writes, err);
	if (code == HIN_OK)
		code = verb->run(s, err);
	if (code == HIN_OK && s->printer.out.failed)
		code = hin_fail(err, HIN_ENOMEM, "no room for the output");
	else if (code == HIN_OK && s->printer.out.used > 0 &&
		 (fwrite(s->printer.out.data, 1, s->printer.out.used, stdout) !=
			  s->printer.out.used ||
		  fflush(stdout) != 0))
		code = hin_fail(err, HIN_ESYS, "write the output");
	hin_buffer_fini(&s->printer.out);
	hin_desk_close(s->desk);
	return code;
}

int main(int argc, char *argv[])
{
	static struct session s;
	struct hin_error err = { 0 };
	int status = hin_program_start(&program, &s.arguments, &s.lang, &argc, argv);
	enum hin_code code;

	if (status != -1)
		return status;
	s.printer.lang = s.lang;
	s.printer.json = s.arguments.json;
	code = run(&s, argc, argv, &err);
	if (code == HIN_OK)
		return HIN_EXIT_DONE;
	(void)hin_program_fail(&program, &err);
	return code == HIN_EUSAGE ? HIN_EXIT_USAGE : HIN_EXIT_FAILED;
}
