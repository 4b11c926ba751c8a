/* notice_print - notices for people: tables, one notice, figures, bounces */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/time.h"
#include "cmd/notice.h"
#include "hub/case/finding.h"
#include "text/table.h"
#include "text/words.h"

#define NOTICE_WORDS(X)                                                                            \
	X(W_CODE, "code", "コード")                                                                \
	X(W_STATE, "state", "状態")                                                                \
	X(W_KIND, "kind", "種類")                                                                  \
	X(W_SUBJECT, "about", "対象")                                                              \
	X(W_OWNER, "owner", "所有者")                                                              \
	X(W_TO, "to", "宛先")                                                                      \
	X(W_SENT, "sent", "送付")                                                                  \
	X(W_SEEN, "last seen", "最後の観測")                                                       \
	X(W_NONE, "there are none", "該当なし")                                                    \
	X(W_CASE, "case", "案件")                                                                  \
	X(W_CREATED, "written", "作成")                                                            \
	X(W_WATCHED, "watched since", "その後の監視時間")                                          \
	X(W_FIXED, "fixed", "解消")                                                                \
	X(W_NEXT, "next", "次の送付")                                                              \
	X(W_ERROR, "note", "備考")                                                                 \
	X(W_HISTORY, "History", "経過")                                                            \
	X(W_TEXT, "Text", "本文")                                                                  \
	X(W_TOLD, "told", "通知")                                                                  \
	X(W_BACK, "back", "再発")                                                                  \
	X(W_OPEN, "open", "未解消")                                                                \
	X(W_WAITING, "waiting", "送付待ち")                                                        \
	X(W_UNOWNED, "no owner", "所有者不明")                                                     \
	X(W_BOUNCED, "bounced", "不達")                                                            \
	X(W_FAILED, "failed", "失敗")                                                              \
	X(W_MEDIAN, "median", "中央値")                                                            \
	X(W_P90, "90 %", "90 %")                                                                   \
	X(W_ALL, "all", "全体")                                                                    \
	X(W_CONTACT, "contact", "連絡先")                                                          \
	X(W_REASON, "reason", "理由")                                                              \
	X(W_SINCE, "since", "日時")                                                                \
	X(W_REMINDERS, "reminders", "再送")

enum { NOTICE_WORDS(HIN_WORD_NAME) };
static const struct hin_words words[] = { NOTICE_WORDS(HIN_WORD_ROW) };

static const char *word(const struct notice_session *s, size_t index)
{
	return hin_words_get(words, index, s->lang);
}

static const char *state_word(const char *state, enum hin_lang lang)
{
	static const struct {
		const char *state, *ja;
	} table[] = { { "no_owner", "所有者不明" }, { "held", "保留" },
		      { "queued", "送付待ち" },	    { "sent", "送付済み" },
		      { "failed", "失敗" },	    { "bounced", "不達" },
		      { "fixed", "解消" },	    { "withdrawn", "取消" } };

	for (size_t i = 0; i < HIN_COUNT(table) && lang == HIN_JA; i++)
		if (strcmp(table[i].state, state) == 0)
			return table[i].ja;
	return strcmp(state, "no_owner") == 0 ? "no owner" : state;
}

static enum hin_style state_style(const char *state)
{
	if (strcmp(state, "fixed") == 0)
		return HIN_STYLE_GREEN;
	if (strcmp(state, "no_owner") == 0 || strcmp(state, "bounced") == 0 ||
	    strcmp(state, "failed") == 0)
		return HIN_STYLE_ALARM;
	return strcmp(state, "held") == 0 ? HIN_STYLE_YELLOW : HIN_STYLE_PLAIN;
}

static const char *time_text(char out[HIN_TIME_TEXT], int64_t us)
{
	return us == 0 ? "-" : hin_time_format(out, us * 1000, HIN_TIME_S);
}

static void cell(struct hin_table *table, const char *text)
{
	char shown[256];

	hin_table_cell(table, hin_escape_text(shown, sizeof(shown), text));
}

static enum hin_code finish_table(struct notice_session *s, struct hin_table *table,
				  struct hin_error *err)
{
	struct hin_table_layout layout = { .width = hin_style_columns(STDOUT_FILENO),
					   .color = hin_color_wanted(HIN_COLOR_AUTO,
								     STDOUT_FILENO) };
	enum hin_code code = HIN_OK;

	if (hin_table_rows(table) == 0)
		hin_buffer_printf(&s->out, "%s\n", word(s, W_NONE));
	else
		code = hin_table_print(table, &s->out, &layout);
	hin_table_free(table);
	return code == HIN_OK ? HIN_OK : hin_fail(err, HIN_ENOMEM, "a table");
}

/* ---- list ---- */

struct lines {
	struct notice_session *session;
	struct hin_table *table;
};

static enum hin_code add_line(void *user, const struct hin_notice_row *row, struct hin_error *err)
{
	struct lines *l = user;
	char time[HIN_TIME_TEXT];

	(void)err;
	hin_table_cellf(l->table, "%" PRId64, row->id);
	cell(l->table, row->code);
	hin_table_cell_styled(l->table, state_style(row->state),
			      state_word(row->state, l->session->lang));
	cell(l->table, row->kind);
	cell(l->table, row->subject);
	cell(l->table, row->owner[0] != '\0' ? row->owner : "-");
	cell(l->table, row->address[0] != '\0' ? row->address : "-");
	hin_table_cell(l->table, time_text(time, row->sent_us));
	hin_table_cell(l->table, time_text(time, row->last_seen_us));
	return HIN_OK;
}

enum hin_code notice_print_list(struct notice_session *s, const struct hin_notice_filter *filter,
				struct hin_error *err)
{
	const struct hin_column columns[] = {
		{ "#", HIN_RIGHT },
		{ word(s, W_CODE), HIN_LEFT },
		{ word(s, W_STATE), HIN_LEFT },
		{ word(s, W_KIND), HIN_LEFT, .shrinks = true },
		{ word(s, W_SUBJECT), HIN_LEFT },
		{ word(s, W_OWNER), HIN_LEFT, .shrinks = true },
		{ word(s, W_TO), HIN_LEFT, .shrinks = true },
		{ word(s, W_SENT), HIN_LEFT },
		{ word(s, W_SEEN), HIN_LEFT },
	};
	struct lines lines = { s, hin_table_new(columns, HIN_COUNT(columns)) };
	enum hin_code code;

	if (lines.table == NULL)
		return hin_fail(err, HIN_ENOMEM, "a table");
	code = hin_notice_each(s->desk, filter, add_line, &lines, err);
	if (code != HIN_OK) {
		hin_table_free(lines.table);
		return code;
	}
	return finish_table(s, lines.table, err);
}

/* ---- one ---- */

static void put_pair(struct notice_session *s, size_t name, const char *value)
{
	char shown[512];

	hin_width_pad(&s->out, word(s, name), 18, HIN_LEFT);
	hin_buffer_printf(&s->out, "%s\n", hin_escape_text(shown, sizeof(shown), value));
}

/* A text of several lines, each made safe. */
static void put_text(struct hin_buffer *out, const char *text)
{
	while (*text != '\0') {
		size_t size = strcspn(text, "\n");

		hin_buffer_puts(out, "  ");
		hin_escape(out, text, size);
		hin_buffer_putc(out, '\n');
		text += size + (text[size] == '\n');
	}
}

static enum hin_code print_history(struct notice_session *s, int64_t id, struct hin_error *err)
{
	sqlite3_stmt *q = hin_desk_statement(
		s->desk,
		"SELECT h.time_us, h.action, h.text, coalesce(a.ledger, -1) FROM notice_history h "
		"LEFT JOIN act a ON a.id = h.act WHERE h.notice = ?1 ORDER BY h.id LIMIT 1000",
		err);
	char time[HIN_TIME_TEXT], shown[300];
	enum hin_code code;

	if (q == NULL)
		return HIN_EFORMAT;
	hin_buffer_printf(&s->out, "\n%s\n", word(s, W_HISTORY));
	code = hin_desk_bind(s->desk, q, err, "i", id);
	while (code == HIN_OK && (code = hin_desk_step(s->desk, q, err)) == HIN_OK) {
		hin_buffer_printf(&s->out, "  %s  %-10s %s",
				  time_text(time, sqlite3_column_int64(q, 0)), hin_desk_text(q, 1),
				  hin_escape_text(shown, sizeof(shown), hin_desk_text(q, 2)));
		if (sqlite3_column_int64(q, 3) >= 0)
			hin_buffer_printf(&s->out, "  [%" PRId64 "]",
					  (int64_t)sqlite3_column_int64(q, 3));
		hin_buffer_putc(&s->out, '\n');
	}
	return code == HIN_EOF ? HIN_OK : code;
}

struct one {
	struct notice_session *session;
	bool found;
};

static enum hin_code print_one(void *user, const struct hin_notice_row *row, struct hin_error *err)
{
	struct one *one = user;
	struct notice_session *s = one->session;
	char time[HIN_TIME_TEXT], text[200];
	enum hin_code code;

	one->found = true;
	hin_buffer_puts(&s->out, "#");
	snprintf(text, sizeof(text), "%" PRId64 "  %s", row->id, row->code);
	hin_buffer_printf(&s->out, "%s  %s\n", text, state_word(row->state, s->lang));
	put_pair(s, W_KIND, hin_finding_word(row->kind, s->lang));
	put_pair(s, W_SUBJECT, row->trouble);
	snprintf(text, sizeof(text), "%" PRId64, row->case_id);
	put_pair(s, W_CASE, text);
	put_pair(s, W_OWNER, row->owner[0] != '\0' ? row->owner : "-");
	put_pair(s, W_TO, row->address[0] != '\0' ? row->address : "-");
	put_pair(s, W_CREATED, time_text(time, row->created_us));
	put_pair(s, W_SENT, time_text(time, row->sent_us));
	put_pair(s, W_SEEN, time_text(time, row->last_seen_us));
	put_pair(s, W_WATCHED, hin_time_format_duration(time, row->watched_us * 1000, s->lang));
	put_pair(s, W_FIXED, time_text(time, row->fixed_us));
	snprintf(text, sizeof(text), "%" PRId64, row->reminders);
	put_pair(s, W_REMINDERS, text);
	snprintf(text, sizeof(text), "%" PRId64, row->reappeared);
	put_pair(s, W_BACK, text);
	if (row->next[0] != '\0') {
		snprintf(text, sizeof(text), "%s, %s", row->next, time_text(time, row->due_us));
		put_pair(s, W_NEXT, text);
	}
	if (row->error[0] != '\0')
		put_pair(s, W_ERROR, row->error);
	code = print_history(s, row->id, err);
	if (row->body[0] != '\0') {
		hin_buffer_printf(&s->out, "\n%s\n", word(s, W_TEXT));
		put_text(&s->out, row->body);
	}
	return code;
}

enum hin_code notice_print_one(struct notice_session *s, int64_t id, struct hin_error *err)
{
	struct hin_notice_filter filter = { .id = id };
	struct one one = { .session = s };
	enum hin_code code = hin_notice_each(s->desk, &filter, print_one, &one, err);

	if (code == HIN_OK && !one.found)
		return hin_fail(err, HIN_ENOENT, "there is no notice %" PRId64, id);
	return code;
}

/* ---- figures ---- */

static void figures_json(struct notice_session *s, const struct hin_notice_figure *f, size_t count)
{
	hin_buffer_putc(&s->out, '[');
	for (size_t i = 0; i < count; i++, f++) {
		hin_buffer_puts(&s->out, i > 0 ? ",{\"name\":" : "{\"name\":");
		hin_escape_json(&s->out, f->name, strlen(f->name));
		hin_buffer_printf(
			&s->out,
			",\"told\":%" PRIu64 ",\"fixed\":%" PRIu64 ",\"reappeared\":%" PRIu64
			",\"open\":%" PRIu64 ",\"waiting\":%" PRIu64 ",\"no_owner\":%" PRIu64
			",\"bounced\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"median_fix_seconds\":",
			f->told, f->fixed, f->reappeared, f->open, f->waiting, f->no_owner,
			f->bounced, f->failed);
		if (f->median_fix_us > 0)
			hin_buffer_printf(&s->out, "%" PRId64 ",\"p90_fix_seconds\":%" PRId64 "}",
					  f->median_fix_us / 1000000, f->p90_fix_us / 1000000);
		else
			hin_buffer_puts(&s->out, "null,\"p90_fix_seconds\":null}");
	}
	hin_buffer_puts(&s->out, "]\n");
}

static void duration_cell(struct notice_session *s, struct hin_table *table, int64_t us)
{
	char text[HIN_TIME_TEXT];

	hin_table_cell(table, us > 0 ? hin_time_format_duration(text, us * 1000, s->lang) : "-");
}

enum hin_code notice_print_figures(struct notice_session *s, const struct hin_notice_figure *f,
				   size_t count, struct hin_error *err)
{
	const struct hin_column columns[] = {
		{ "", HIN_LEFT },
		{ word(s, W_TOLD), HIN_RIGHT },
		{ word(s, W_FIXED), HIN_RIGHT },
		{ word(s, W_BACK), HIN_RIGHT },
		{ word(s, W_OPEN), HIN_RIGHT },
		{ word(s, W_WAITING), HIN_RIGHT },
		{ word(s, W_UNOWNED), HIN_RIGHT },
		{ word(s, W_BOUNCED), HIN_RIGHT },
		{ word(s, W_FAILED), HIN_RIGHT },
		{ word(s, W_MEDIAN), HIN_RIGHT },
		{ word(s, W_P90), HIN_RIGHT },
	};
	struct hin_table *table;

	if (s->arguments.json) {
		figures_json(s, f, count);
		return HIN_OK;
	}
	table = hin_table_new(columns, HIN_COUNT(columns));
	if (table == NULL)
		return hin_fail(err, HIN_ENOMEM, "a table");
	for (size_t i = 0; i < count; i++, f++) {
		cell(table, f->name[0] != '\0'			? f->name
			    : s->arguments.by == HIN_NOTICE_ALL ? word(s, W_ALL)
								: "-");
		hin_table_count(table, f->told);
		hin_table_count(table, f->fixed);
		hin_table_count(table, f->reappeared);
		hin_table_count(table, f->open);
		hin_table_count(table, f->waiting);
		hin_table_count(table, f->no_owner);
		hin_table_count(table, f->bounced);
		hin_table_count(table, f->failed);
		duration_cell(s, table, f->median_fix_us);
		duration_cell(s, table, f->p90_fix_us);
	}
	return finish_table(s, table, err);
}

/* ---- bounces ---- */

static void bounce_json(struct notice_session *s, sqlite3_stmt *q, const char *between)
{
	static const char *const names[] = { "owner", "channel", "to", "state", "reason" };
	char time[HIN_TIME_TEXT];

	hin_buffer_printf(&s->out, "%s{", between);
	for (int i = 0; i < (int)HIN_COUNT(names); i++) {
		hin_buffer_printf(&s->out, "\"%s\":", names[i]);
		hin_escape_json(&s->out, hin_desk_text(q, i), strlen(hin_desk_text(q, i)));
		hin_buffer_putc(&s->out, ',');
	}
	hin_buffer_printf(&s->out, "\"since\":\"%s\"}",
			  hin_time_format_iso(time, sqlite3_column_int64(q, 5) * 1000, HIN_TIME_S));
}

enum hin_code notice_print_bounces(struct notice_session *s, struct hin_error *err)
{
	const struct hin_column columns[] = {
		{ word(s, W_OWNER), HIN_LEFT, .shrinks = true },
		{ word(s, W_CONTACT), HIN_LEFT, .shrinks = true },
		{ word(s, W_STATE), HIN_LEFT },
		{ word(s, W_SINCE), HIN_LEFT },
		{ word(s, W_REASON), HIN_LEFT, .shrinks = true },
	};
	sqlite3_stmt *q = hin_desk_statement(
		s->desk,
		"SELECT o.handle, c.channel, c.address, c.state, c.state_reason, c.state_us FROM "
		"contact c JOIN organisation o ON o.id = c.organisation WHERE c.state IN "
		"('bounced', 'unreadable') ORDER BY c.state_us DESC LIMIT 10000",
		err);
	struct hin_table *table = hin_table_new(columns, HIN_COUNT(columns));
	const char *between = "";
	char time[HIN_TIME_TEXT];
	enum hin_code code = HIN_OK;

	if (q == NULL || table == NULL) {
		hin_table_free(table);
		return q == NULL ? HIN_EFORMAT : hin_fail(err, HIN_ENOMEM, "a table");
	}
	hin_buffer_puts(&s->out, s->arguments.json ? "[" : "");
	while (code == HIN_OK && (code = hin_desk_step(s->desk, q, err)) == HIN_OK) {
		if (s->arguments.json) {
			bounce_json(s, q, between);
			between = ",";
			continue;
		}
		cell(table, hin_desk_text(q, 0));
		cell(table, hin_desk_text(q, 2));
		cell(table, hin_desk_text(q, 3));
		hin_table_cell(table, time_text(time, sqlite3_column_int64(q, 5)));
		cell(table, hin_desk_text(q, 4));
	}
	if (code != HIN_EOF || s->arguments.json) {
		hin_table_free(table);
		hin_buffer_puts(&s->out, s->arguments.json ? "]\n" : "");
		return code == HIN_EOF ? HIN_OK : code;
	}
	return finish_table(s, table, err);
}
