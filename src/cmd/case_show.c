/* case_show - cases, findings and addresses as people and programs read them; see case.h */
#include "cmd/case.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/escape.h"
#include "base/time.h"
#include "hub/analyse/analyse.h"
#include "text/words.h"

#define WORDS(X)                                                                                   \
	X(W_NUMBER, "case", "案件")                                                                \
	X(W_SEVERITY, "severity", "重大度")                                                        \
	X(W_STATE, "state", "状態")                                                                \
	X(W_TITLE, "what", "内容")                                                                 \
	X(W_OWNER, "owner", "所有者")                                                              \
	X(W_DEVICE, "device", "機器")                                                              \
	X(W_CAMPAIGN, "campaign", "一斉活動")                                                      \
	X(W_ASSIGNEE, "assigned to", "担当")                                                       \
	X(W_FINDINGS, "findings", "所見")                                                          \
	X(W_FINDING, "finding", "所見")                                                            \
	X(W_FIRST, "first seen (UTC)", "初観測 (UTC)")                                             \
	X(W_LAST, "last seen (UTC)", "最終観測 (UTC)")                                             \
	X(W_OPENED, "opened (UTC)", "開始 (UTC)")                                                  \
	X(W_CLOSED, "closed (UTC)", "終了 (UTC)")                                                  \
	X(W_UNTIL, "until (UTC)", "期限 (UTC)")                                                    \
	X(W_REASON, "reason", "理由")                                                              \
	X(W_MERGED, "merged into case", "統合先の案件")                                            \
	X(W_REOPENED, "opened again, times", "再開の回数")                                         \
	X(W_SURE, "sure", "確度")                                                                  \
	X(W_SEEN, "seen", "観測数")                                                                \
	X(W_PACKETS, "packets", "パケット")                                                        \
	X(W_KIND, "kind", "種類")                                                                  \
	X(W_SUBJECT, "subject", "対象")                                                            \
	X(W_WHY, "Why we think so", "判断の根拠")                                                  \
	X(W_SHOWN, "Shown by", "観測の表示")                                                       \
	X(W_HISTORY, "History", "履歴")                                                            \
	X(W_TIME, "time (UTC)", "日時 (UTC)")                                                      \
	X(W_WHO, "who", "実行者")                                                                  \
	X(W_ACTION, "action", "操作")                                                              \
	X(W_TEXT, "text", "本文")                                                                  \
	X(W_ITSELF, "hinomi", "hinomi")                                                            \
	X(W_OTHERS, "There are others.", "ほかにもあります。")                                     \
	X(W_NOTHING, "No case.", "該当する案件はありません。")                                     \
	X(W_NOT_KNOWN, "Nothing is known of it.", "このアドレスについての情報はありません。")      \
	X(W_NOTICES, "notices", "通知")                                                            \
	X(W_CODE, "code", "コード")                                                                \
	X(W_LEASES, "leases", "割り当て")                                                          \
	X(W_BASIS, "by", "根拠")                                                                   \
	X(W_PORTS, "ports", "ポート")                                                              \
	X(W_FROM, "from (UTC)", "開始 (UTC)")                                                      \
	X(W_COUNTS, "In the store", "保存された観測")                                              \
	X(W_SOURCE, "as source", "送信元として")                                                   \
	X(W_DESTINATION, "as destination", "宛先として")                                           \
	X(W_ROWS, "rows", "行")                                                                    \
	X(W_WATCHED, "watched", "監視できた割合")                                                  \
	X(W_CASES, "cases", "案件")                                                                \
	X(W_ADDRESS, "address", "アドレス")
enum { WORDS(HIN_WORD_NAME) };
static const struct hin_words words[] = { WORDS(HIN_WORD_ROW) };

static const char *const severities[][2] = {
	{ "low", "低" }, { "medium", "中" }, { "high", "高" }, { "critical", "重大" }
};

static const char *get(const struct case_printer *p, int word)
{
	return hin_words_get(words, (size_t)word, p->lang);
}

static const char *time_text(char out[HIN_TIME_TEXT], int64_t time_us)
{
	if (time_us == 0)
		return "-";
	return hin_time_format(out, hin_finding_ns(time_us), HIN_TIME_S);
}

static void cell_time(struct hin_table *t, int64_t time_us)
{
	char text[HIN_TIME_TEXT];

	hin_table_cell(t, time_text(text, time_us));
}

static void cell_escaped(struct hin_table *t, const char *text)
{
	char shown[600];

	hin_table_cell(t, hin_escape_text(shown, sizeof(shown), text));
}

static void print_table(struct case_printer *p, struct hin_table *t, size_t indent)
{
	const struct hin_table_layout layout = { .width = 132, .indent = indent };

	if (t == NULL || hin_table_print(t, &p->out, &layout) != HIN_OK)
		p->out.failed = true;
	hin_table_free(t);
}

/* ---- lists ---- */

struct case_lines {
	struct case_printer *p;
	struct hin_table *table;
	struct hin_column columns[7];
	uint64_t count;
};

struct case_lines *case_lines_new(struct case_printer *p)
{
	struct case_lines *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->p = p;
	l->columns[0] = (struct hin_column){ get(p, W_NUMBER), HIN_RIGHT, 0, false };
	l->columns[1] = (struct hin_column){ get(p, W_SEVERITY), HIN_LEFT, 0, false };
	l->columns[2] = (struct hin_column){ get(p, W_STATE), HIN_LEFT, 0, false };
	l->columns[3] = (struct hin_column){ get(p, W_TITLE), HIN_LEFT, 0, true };
	l->columns[4] = (struct hin_column){ get(p, W_OWNER), HIN_LEFT, 0, true };
	l->columns[5] = (struct hin_column){ get(p, W_ASSIGNEE), HIN_LEFT, 0, true };
	l->columns[6] = (struct hin_column){ get(p, W_LAST), HIN_LEFT, 0, false };
	if (p->json)
		hin_buffer_puts(&p->out, "{\"cases\":[");
	else
		l->table = hin_table_new(l->columns, HIN_COUNT(l->columns));
	return l;
}

bool case_lines_add(void *lines, const struct hin_case *c)
{
	struct case_lines *l = lines;
	char title[HIN_CASE_TITLE];

	if (l->p->json) {
		hin_buffer_puts(&l->p->out, l->count > 0 ? "," : "");
		hin_case_json(c, &l->p->out);
	} else if (l->table != NULL) {
		hin_table_cellf(l->table, "%lld", (long long)c->id);
		hin_table_cell(l->table, severities[c->severity][l->p->lang]);
		hin_table_cell(l->table, hin_case_state_text(c->state, l->p->lang));
		cell_escaped(l->table, hin_case_title(c, l->p->lang, title));
		cell_escaped(l->table, c->handle[0] != '\0' ? c->handle : "-");
		cell_escaped(l->table, c->assignee_name[0] != '\0' ? c->assignee_name : "-");
		cell_time(l->table, c->last_us);
	}
	l->count++;
	return true;
}

void case_lines_end(struct case_lines *l, uint64_t whole)
{
	struct case_printer *p = l->p;

	if (p->json) {
		hin_buffer_printf(&p->out, "],\"count\":%llu}\n", (unsigned long long)whole);
	} else if (l->count == 0) {
		hin_table_free(l->table);
		hin_buffer_printf(&p->out, "%s\n", get(p, W_NOTHING));
	} else {
		print_table(p, l->table, 0);
		if (whole > l->count)
			hin_buffer_printf(&p->out, "%s (%llu)\n", get(p, W_OTHERS),
					  (unsigned long long)whole);
	}
	free(l);
}

/* ---- findings ---- */

static struct hin_table *finding_table(const struct case_printer *p, struct hin_column columns[8])
{
	columns[0] = (struct hin_column){ get(p, W_FINDING), HIN_RIGHT, 0, false };
	columns[1] = (struct hin_column){ get(p, W_KIND), HIN_LEFT, 0, false };
	columns[2] = (struct hin_column){ get(p, W_SUBJECT), HIN_LEFT, 0, true };
	columns[3] = (struct hin_column){ get(p, W_SEVERITY), HIN_LEFT, 0, false };
	columns[4] = (struct hin_column){ get(p, W_SURE), HIN_RIGHT, 0, false };
	columns[5] = (struct hin_column){ get(p, W_SEEN), HIN_RIGHT, 0, false };
	columns[6] = (struct hin_column){ get(p, W_PACKETS), HIN_RIGHT, 0, false };
	columns[7] = (struct hin_column){ get(p, W_LAST), HIN_LEFT, 0, false };
	return hin_table_new(columns, 8);
}

static void finding_row(const struct case_printer *p, struct hin_table *t,
			const struct hin_finding *f)
{
	if (t == NULL)
		return;
	hin_table_cellf(t, "%lld", (long long)f->id);
	hin_table_cell(t, f->kind);
	cell_escaped(t, f->subject);
	hin_table_cell(t, severities[f->severity][p->lang]);
	hin_table_cellf(t, "%u %%", f->confidence);
	hin_table_count(t, f->observations);
	hin_table_count(t, f->packets);
	cell_time(t, f->last_us);
}

/* Why a rule thinks so. */
static const char *why_of(const char *kind, enum hin_lang lang)
{
	for (size_t i = 0; i < hin_rule_count; i++)
		if (strcmp(hin_rule_name(hin_rules[i]), kind) == 0)
			return hin_rules[i]->why[lang];
	return NULL;
}

/* What one finding is, why, and the command that shows its observations. */
static void explain(struct case_printer *p, const struct hin_finding *f)
{
	const char *why = why_of(f->kind, p->lang);
	char since[HIN_TIME_TEXT], until[HIN_TIME_TEXT];

	hin_buffer_printf(&p->out, "\n%lld  %s\n", (long long)f->id,
			  hin_finding_word(f->kind, p->lang));
	if (why != NULL)
		hin_buffer_printf(&p->out, "    %s: %s\n", get(p, W_WHY), why);
	hin_buffer_printf(&p->out, "    %s: hinomi query -s %s -u %s '%s'\n", get(p, W_SHOWN),
			  hin_time_format_iso(since, hin_finding_ns(f->first_us), HIN_TIME_US),
			  hin_time_format_iso(until, hin_finding_ns(f->last_us + 1), HIN_TIME_US),
			  f->query);
}

struct listing {
	struct case_printer *p;
	struct hin_table *table;
	struct hin_column columns[8];
	struct hin_finding *kept; /* explained below the table */
	size_t count, room;
};

static bool list_finding(void *user, const struct hin_finding *f)
{
	struct listing *l = user;

	if (l->p->json) {
		hin_buffer_puts(&l->p->out, l->count > 0 ? "," : "");
		hin_finding_json(f, &l->p->out);
	} else {
		finding_row(l->p, l->table, f);
		if (l->count < l->room)
			l->kept[l->count] = *f;
	}
	l->count++;
	return true;
}

/* ---- one case ---- */

static void line(struct hin_table *t, const char *word, const char *text)
{
	if (t == NULL || text[0] == '\0')
		return;
	hin_table_cell(t, word);
	cell_escaped(t, text);
}

static void line_time(struct hin_table *t, const char *word, int64_t time_us)
{
	char text[HIN_TIME_TEXT];

	if (time_us != 0)
		line(t, word, time_text(text, time_us));
}

static void print_head(struct case_printer *p, const struct hin_case *c)
{
	static const struct hin_column columns[] = { { NULL, HIN_LEFT, 0, false },
						     { NULL, HIN_LEFT, 0, true } };
	struct hin_table *t = hin_table_new(columns, HIN_COUNT(columns));
	char title[HIN_CASE_TITLE], shown[HIN_CASE_TITLE + 32], number[24];

	hin_buffer_printf(&p->out, "%s %lld  %s\n", get(p, W_NUMBER), (long long)c->id,
			  hin_escape_text(shown, sizeof(shown), hin_case_title(c, p->lang, title)));
	line(t, get(p, W_STATE), hin_case_state_text(c->state, p->lang));
	line(t, get(p, W_SEVERITY), severities[c->severity][p->lang]);
	line(t, get(p, W_OWNER), c->handle);
	line(t, get(p, W_DEVICE), c->device);
	line(t, get(p, W_CAMPAIGN), c->campaign);
	line(t, get(p, W_ASSIGNEE), c->assignee_name);
	line(t, get(p, W_REASON), c->reason);
	line_time(t, get(p, W_UNTIL), c->until_us);
	line_time(t, get(p, W_FIRST), c->first_us);
	line_time(t, get(p, W_LAST), c->last_us);
	line_time(t, get(p, W_OPENED), c->opened_us);
	line_time(t, get(p, W_CLOSED), c->closed_us);
	snprintf(number, sizeof(number), "%lld", (long long)c->merged_into);
	line(t, get(p, W_MERGED), c->merged_into != 0 ? number : "");
	snprintf(number, sizeof(number), "%u", c->reopened);
	line(t, get(p, W_REOPENED), c->reopened != 0 ? number : "");
	print_table(p, t, 2);
}

struct events {
	struct case_printer *p;
	struct hin_table *table;
	struct hin_column columns[4];
	size_t count;
};

static bool add_event(void *user, const struct hin_case_event *e)
{
	struct events *x = user;

	if (x->p->json) {
		hin_buffer_puts(&x->p->out, x->count > 0 ? "," : "");
		hin_case_event_json(e, &x->p->out);
	} else if (x->table != NULL) {
		cell_time(x->table, e->time_us);
		cell_escaped(x->table, e->account == 0 ? get(x->p, W_ITSELF) : e->account_name);
		hin_table_cell(x->table, e->action);
		if (e->finding != 0)
			hin_table_cellf(x->table, "%s %lld", get(x->p, W_FINDING),
					(long long)e->finding);
		else
			cell_escaped(x->table, e->text);
	}
	x->count++;
	return true;
}

static enum hin_code print_history(struct case_printer *p, struct hin_desk *desk, int64_t id,
				   struct hin_error *err)
{
	struct events x = { .p = p,
			    .columns = { { get(p, W_TIME), HIN_LEFT, 0, false },
					 { get(p, W_WHO), HIN_LEFT, 0, false },
					 { get(p, W_ACTION), HIN_LEFT, 0, false },
					 { get(p, W_TEXT), HIN_LEFT, 0, true } } };
	enum hin_code code;

	if (!p->json) {
		hin_buffer_printf(&p->out, "\n%s\n", get(p, W_HISTORY));
		x.table = hin_table_new(x.columns, HIN_COUNT(x.columns));
	}
	code = hin_case_history(desk, id, 0, 0, 0, add_event, &x, err);
	if (!p->json)
		print_table(p, x.table, 2);
	return code;
}

#define EXPLAINED 20 /* findings that are explained one by one */

enum hin_code case_print_one(struct case_printer *p, struct hin_desk *desk,
			     const struct hin_case *c, struct hin_error *err)
{
	const struct hin_finding_filter filter = { .case_id = c->id, .limit = HIN_FINDING_PAGE };
	struct listing l = { .p = p, .room = EXPLAINED };
	enum hin_code code;

	l.kept = calloc(EXPLAINED, sizeof(*l.kept));
	if (l.kept == NULL)
		return hin_fail(err, HIN_ENOMEM, "a case");
	if (p->json) {
		hin_buffer_puts(&p->out, "{\"case\":");
		hin_case_json(c, &p->out);
		hin_buffer_puts(&p->out, ",\"findings\":[");
	} else {
		print_head(p, c);
		hin_buffer_printf(&p->out, "\n%s\n", get(p, W_FINDINGS));
		l.table = finding_table(p, l.columns);
	}
	code = hin_finding_list(desk, &filter, list_finding, &l, err);
	if (p->json)
		hin_buffer_puts(&p->out, "],\"history\":[");
	else
		print_table(p, l.table, 2);
	for (size_t i = 0; !p->json && i < l.count && i < l.room; i++)
		explain(p, &l.kept[i]);
	free(l.kept);
	if (code == HIN_OK)
		code = print_history(p, desk, c->id, err);
	if (p->json)
		hin_buffer_puts(&p->out, "]}\n");
	return code;
}

/* ---- an address ---- */

static void print_owner(struct case_printer *p, const struct hin_about *a)
{
	const char *name = p->lang == HIN_JA && a->name_ja[0] != '\0' ? a->name_ja : a->name;
	char shown[256], device[HIN_FINDING_DEVICE * 4];

	if (a->owner.organisation != 0)
		hin_buffer_printf(&p->out, "  %s: %s (%s, %u %%)\n", get(p, W_OWNER),
				  hin_escape_text(shown, sizeof(shown), name), a->handle,
				  a->owner.confidence);
	if (a->owner.device[0] != '\0')
		hin_buffer_printf(&p->out, "  %s: %s (%s)\n", get(p, W_DEVICE),
				  hin_escape_text(device, sizeof(device), a->owner.device),
				  hin_owner_basis_name(a->owner.basis));
}

static void print_found(struct case_printer *p, const struct hin_about *a)
{
	struct hin_column columns[8];
	struct hin_table *t;
	struct case_lines *l;

	if (a->case_count > 0) {
		hin_buffer_printf(&p->out, "\n%s\n", get(p, W_CASES));
		l = case_lines_new(p);
		for (size_t i = 0; l != NULL && i < a->case_count; i++)
			(void)case_lines_add(l, &a->cases[i]);
		if (l != NULL)
			case_lines_end(l, a->case_count);
	}
	if (a->finding_count == 0)
		return;
	hin_buffer_printf(&p->out, "\n%s\n", get(p, W_FINDINGS));
	t = finding_table(p, columns);
	for (size_t i = 0; i < a->finding_count; i++)
		finding_row(p, t, &a->findings[i]);
	print_table(p, t, 0);
}

static void print_notices(struct case_printer *p, const struct hin_about *a)
{
	const struct hin_column columns[] = { { get(p, W_CODE), HIN_LEFT, 0, false },
					      { get(p, W_STATE), HIN_LEFT, 0, false },
					      { get(p, W_OWNER), HIN_LEFT, 0, true },
					      { get(p, W_LAST), HIN_LEFT, 0, false } };
	struct hin_table *t;

	if (a->notice_count == 0)
		return;
	hin_buffer_printf(&p->out, "\n%s\n", get(p, W_NOTICES));
	t = hin_table_new(columns, HIN_COUNT(columns));
	for (size_t i = 0; t != NULL && i < a->notice_count; i++) {
		hin_table_cell(t, a->notices[i].code);
		hin_table_cell(t, a->notices[i].state);
		cell_escaped(t, a->notices[i].handle);
		cell_time(t, a->notices[i].last_seen_us);
	}
	print_table(p, t, 0);
}

static void print_leases(struct case_printer *p, const struct hin_about *a)
{
	const struct hin_column columns[] = { { get(p, W_DEVICE), HIN_LEFT, 0, true },
					      { get(p, W_PORTS), HIN_LEFT, 0, false },
					      { get(p, W_FROM), HIN_LEFT, 0, false },
					      { get(p, W_UNTIL), HIN_LEFT, 0, false },
					      { get(p, W_BASIS), HIN_LEFT, 0, false } };
	struct hin_table *t;

	if (a->lease_count == 0)
		return;
	hin_buffer_printf(&p->out, "\n%s\n", get(p, W_LEASES));
	t = hin_table_new(columns, HIN_COUNT(columns));
	for (size_t i = 0; t != NULL && i < a->lease_count; i++) {
		const struct hin_about_lease *l = &a->leases[i];

		cell_escaped(t, l->device);
		hin_table_cellf(t, "%u-%u", l->port_low, l->port_high);
		cell_time(t, l->from_us);
		cell_time(t, l->until_us);
		hin_table_cell(t, l->basis);
	}
	print_table(p, t, 0);
}

static void print_counts(struct case_printer *p, const struct hin_about *a)
{
	const struct hin_column columns[] = { { get(p, W_KIND), HIN_LEFT, 0, false },
					      { "", HIN_LEFT, 0, false },
					      { get(p, W_ROWS), HIN_RIGHT, 0, false },
					      { get(p, W_PACKETS), HIN_RIGHT, 0, false } };
	char since[HIN_TIME_TEXT], until[HIN_TIME_TEXT];
	struct hin_table *t;

	if (!a->counted)
		return;
	hin_buffer_printf(&p->out, "\n%s, %s - %s", get(p, W_COUNTS), time_text(since, a->since_us),
			  time_text(until, a->until_us));
	if (a->watched.expected_us > 0)
		hin_buffer_printf(&p->out, ", %s %.1f %%", get(p, W_WATCHED),
				  100.0 * (double)a->watched.watched_us /
					  (double)a->watched.expected_us);
	hin_buffer_putc(&p->out, '\n');
	t = hin_table_new(columns, HIN_COUNT(columns));
	for (size_t i = 0; t != NULL && i < a->count_count; i++) {
		const struct hin_about_count *c = &a->counts[i];
		const struct hin_word *word = hin_registry_find(HIN_REGISTRY_KINDS, c->kind);

		hin_table_cellf(t, "%s", word != NULL ? word->name : "?");
		hin_table_cell(t, get(p, c->as_source ? W_SOURCE : W_DESTINATION));
		hin_table_count(t, c->rows);
		hin_table_count(t, c->packets);
	}
	if (a->count_count > 0)
		print_table(p, t, 0);
	else
		hin_table_free(t);
}

void case_print_about(struct case_printer *p, const struct hin_about *a)
{
	char address[HIN_ADDR_TEXT];

	if (p->json) {
		hin_about_json(a, &p->out);
		hin_buffer_putc(&p->out, '\n');
		return;
	}
	hin_buffer_printf(&p->out, "%s\n", hin_addr_format(&a->address, address));
	print_owner(p, a);
	print_found(p, a);
	print_notices(p, a);
	print_leases(p, a);
	print_counts(p, a);
	if (a->finding_count + a->case_count + a->notice_count + a->lease_count + a->count_count ==
		    0 &&
	    a->owner.organisation == 0)
		hin_buffer_printf(&p->out, "%s\n", get(p, W_NOT_KNOWN));
	if (a->more)
		hin_buffer_printf(&p->out, "%s\n", get(p, W_OTHERS));
}
