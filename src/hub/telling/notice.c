/* notice - reading notices, for people, programs and strangers with a code; see notice.h */
#include "hub/telling/notice.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "base/file.h"
#include "base/time.h"
#include "hub/case/finding.h"
#include "hub/telling/notice_priv.h"
#include "trust/proof.h"

#define PAGE 100

/* ---- rows ---- */

#define ROW                                                                                        \
	"SELECT n.id, n.case_id, coalesce(n.organisation, 0), coalesce(n.contact, 0), n.code, "    \
	"n.kind, n.trouble, n.device, n.channel, n.language, n.state, coalesce(o.handle, ''), "    \
	"coalesce(c.address, ''), n.body, n.error, n.next, n.created_us, n.due_us, n.sent_us, "    \
	"n.first_seen_us, n.last_seen_us, n.watched_us, n.fixed_us, n.reminders, n.reappeared, "   \
	"n.attempts, coalesce(n.act, 0), n.address, n.title FROM notice n "                        \
	"LEFT JOIN organisation o ON o.id = n.organisation "                                       \
	"LEFT JOIN contact c ON c.id = n.contact "

static void read_row(sqlite3_stmt *s, struct hin_notice_row *row, char address[HIN_ADDR_TEXT])
{
	struct hin_addr a;

	*row = (struct hin_notice_row){
		.id = sqlite3_column_int64(s, 0),
		.case_id = sqlite3_column_int64(s, 1),
		.organisation = sqlite3_column_int64(s, 2),
		.contact = sqlite3_column_int64(s, 3),
		.code = hin_desk_text(s, 4),
		.kind = hin_desk_text(s, 5),
		.trouble = hin_desk_text(s, 6),
		.device = hin_desk_text(s, 7),
		.channel = hin_desk_text(s, 8),
		.language = hin_desk_text(s, 9),
		.state = hin_desk_text(s, 10),
		.owner = hin_desk_text(s, 11),
		.address = hin_desk_text(s, 12),
		.body = hin_desk_text(s, 13),
		.error = hin_desk_text(s, 14),
		.next = hin_desk_text(s, 15),
		.created_us = sqlite3_column_int64(s, 16),
		.due_us = sqlite3_column_int64(s, 17),
		.sent_us = sqlite3_column_int64(s, 18),
		.first_seen_us = sqlite3_column_int64(s, 19),
		.last_seen_us = sqlite3_column_int64(s, 20),
		.watched_us = sqlite3_column_int64(s, 21),
		.fixed_us = sqlite3_column_int64(s, 22),
		.reminders = sqlite3_column_int64(s, 23),
		.reappeared = sqlite3_column_int64(s, 24),
		.attempts = sqlite3_column_int64(s, 25),
		.act = sqlite3_column_int64(s, 26),
		.title = hin_desk_text(s, 28),
	};
	address[0] = '\0';
	if (hin_desk_address(s, 27, &a))
		hin_addr_format(&a, address);
	row->subject = address[0] != '\0' ? address : row->device;
}

enum hin_code hin_notice_each(struct hin_desk *desk, const struct hin_notice_filter *f,
			      hin_notice_fn call, void *user, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		ROW "WHERE (?1 = '' OR n.state = ?1) AND (?2 = '' OR n.code = ?2) "
		    "AND (?3 = 0 OR n.id = ?3) AND (?4 = 0 OR n.case_id = ?4) "
		    "AND (?5 = 0 OR n.organisation = ?5) AND (?6 = 0 OR n.id < ?6) "
		    "ORDER BY n.id DESC LIMIT ?7",
		err);
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err,
			     "tti"
			     "iiii",
			     f->state != NULL ? f->state : "", f->code != NULL ? f->code : "",
			     f->id, f->case_id, f->organisation, f->before,
			     (int64_t)(f->limit > 0 ? f->limit : PAGE));
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK) {
		struct hin_notice_row row;
		char address[HIN_ADDR_TEXT];

		read_row(s, &row, address);
		code = call(user, &row, err);
	}
	sqlite3_reset(s);
	return code == HIN_EOF ? HIN_OK : code;
}

/* ---- JSON ---- */

static void put_string(struct hin_buffer *out, const char *name, const char *value)
{
	hin_buffer_printf(out, ",\"%s\":", name);
	hin_escape_json(out, value, strlen(value));
}

static void put_number(struct hin_buffer *out, const char *name, int64_t value)
{
	hin_buffer_printf(out, ",\"%s\":%" PRId64, name, value);
}

/* A moment, or null when it has not been. */
static void put_time(struct hin_buffer *out, const char *name, int64_t us)
{
	char text[HIN_TIME_TEXT];

	if (us == 0)
		hin_buffer_printf(out, ",\"%s\":null", name);
	else
		hin_buffer_printf(out, ",\"%s\":\"%s\"", name,
				  hin_time_format_iso(text, us * 1000, HIN_TIME_S));
}

static void put_notice(struct hin_buffer *out, const struct hin_notice_row *row)
{
	hin_buffer_printf(out, "{\"id\":%" PRId64, row->id);
	put_string(out, "code", row->code);
	put_number(out, "case", row->case_id);
	put_string(out, "kind", row->kind);
	put_string(out, "subject", row->subject);
	put_string(out, "device", row->device);
	put_string(out, "owner", row->owner);
	put_string(out, "channel", row->channel);
	put_string(out, "to", row->address);
	put_string(out, "language", row->language);
	put_string(out, "state", row->state);
	put_string(out, "next", row->next);
	put_string(out, "title", row->title);
	put_time(out, "created", row->created_us);
	put_time(out, "due", row->next[0] != '\0' ? row->due_us : 0);
	put_time(out, "sent", row->sent_us);
	put_time(out, "first_seen", row->first_seen_us);
	put_time(out, "last_seen", row->last_seen_us);
	hin_buffer_printf(out, ",\"watched_seconds\":%" PRId64, row->watched_us / 1000000);
	put_time(out, "fixed", row->fixed_us);
	put_number(out, "reminders", row->reminders);
	put_number(out, "reappeared", row->reappeared);
	put_number(out, "attempts", row->attempts);
	put_string(out, "error", row->error);
}

struct list {
	struct hin_buffer *out;
	uint64_t count;
	bool whole; /* with the text, and left open */
};

static enum hin_code add_notice(void *user, const struct hin_notice_row *row, struct hin_error *err)
{
	struct list *list = user;

	if (list->count++ > 0)
		hin_buffer_putc(list->out, ',');
	put_notice(list->out, row);
	if (list->whole)
		put_string(list->out, "text", row->body);
	else
		hin_buffer_putc(list->out, '}');
	return list->out->failed ? hin_fail(err, HIN_ENOMEM, "notices") : HIN_OK;
}

enum hin_code hin_notice_list_json(struct hin_desk *desk, const struct hin_notice_filter *filter,
				   struct hin_buffer *out, struct hin_error *err)
{
	struct list list = { .out = out };
	enum hin_code code;

	hin_buffer_putc(out, '[');
	code = hin_notice_each(desk, filter, add_notice, &list, err);
	hin_buffer_putc(out, ']');
	return code;
}

static enum hin_code put_history(struct hin_desk *desk, int64_t id, struct hin_buffer *out,
				 struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT h.time_us, h.action, h.text, coalesce(h.act, 0), coalesce(a.ledger, -1) "
		"FROM notice_history h LEFT JOIN act a ON a.id = h.act WHERE h.notice = ?1 "
		"ORDER BY h.id LIMIT 1000",
		err);
	const char *between = "";
	enum hin_code code;
	char text[HIN_TIME_TEXT];

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "i", id);
	hin_buffer_puts(out, ",\"history\":[");
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK) {
		hin_buffer_printf(
			out, "%s{\"time\":\"%s\"", between,
			hin_time_format_iso(text, sqlite3_column_int64(s, 0) * 1000, HIN_TIME_S));
		put_string(out, "action", hin_desk_text(s, 1));
		put_string(out, "text", hin_desk_text(s, 2));
		if (sqlite3_column_int64(s, 3) != 0)
			put_number(out, "act", sqlite3_column_int64(s, 3));
		if (sqlite3_column_int64(s, 4) >= 0)
			put_number(out, "ledger", sqlite3_column_int64(s, 4));
		hin_buffer_putc(out, '}');
		between = ",";
	}
	hin_buffer_putc(out, ']');
	return code == HIN_EOF ? HIN_OK : code;
}

static enum hin_code put_letters(struct hin_desk *desk, int64_t id, struct hin_buffer *out,
				 struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT l.purpose, l.address, l.message_id, l.state, l.made_us, l.sent_us, "
		"l.attempts, l.answer FROM letter_notice n JOIN letter l ON l.id = n.letter "
		"WHERE n.notice = ?1 ORDER BY l.id LIMIT 1000",
		err);
	const char *between = "";
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "i", id);
	hin_buffer_puts(out, ",\"letters\":[");
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK) {
		hin_buffer_printf(out, "%s{\"purpose\":\"%s\"", between, hin_desk_text(s, 0));
		put_string(out, "to", hin_desk_text(s, 1));
		put_string(out, "message_id", hin_desk_text(s, 2));
		put_string(out, "state", hin_desk_text(s, 3));
		put_time(out, "made", sqlite3_column_int64(s, 4));
		put_time(out, "sent", sqlite3_column_int64(s, 5));
		put_number(out, "attempts", sqlite3_column_int64(s, 6));
		put_string(out, "answer", hin_desk_text(s, 7));
		hin_buffer_putc(out, '}');
		between = ",";
	}
	hin_buffer_putc(out, ']');
	return code == HIN_EOF ? HIN_OK : code;
}

enum hin_code hin_notice_json(struct hin_desk *desk, int64_t id, struct hin_buffer *out,
			      struct hin_error *err)
{
	struct hin_notice_filter filter = { .id = id };
	struct list list = { .out = out, .whole = true };
	enum hin_code code = hin_notice_each(desk, &filter, add_notice, &list, err);

	if (code == HIN_OK && list.count == 0)
		return hin_fail(err, HIN_ENOENT, "there is no notice %" PRId64, id);
	if (code == HIN_OK)
		code = put_history(desk, id, out, err);
	if (code == HIN_OK)
		code = put_letters(desk, id, out, err);
	hin_buffer_putc(out, '}');
	return code;
}

/* ---- is it real? ---- */

void notice_cover(char *out, size_t size, const char *text)
{
	size_t length = strlen(text), keep = length > 8 ? 3 : 1;

	snprintf(out, size, "%s", text);
	length = strlen(out);
	for (size_t i = keep; i + keep < length; i++)
		if (out[i] != '.' && out[i] != ':')
			out[i] = '*';
}

static const char *public_state(const char *state, int64_t sent_us)
{
	if (strcmp(state, "fixed") == 0 || strcmp(state, "withdrawn") == 0)
		return state;
	return sent_us != 0 ? "open" : "waiting";
}

enum hin_code hin_notice_verify(struct hin_desk *desk, const char *code_text,
				struct hin_notice_check *out, struct hin_error *err)
{
	char code_[HIN_NOTICE_CODE], address[HIN_ADDR_TEXT];
	enum hin_code code = hin_notice_code_parse(code_, code_text, err);
	struct hin_notice_row row;
	sqlite3_stmt *s;

	if (code != HIN_OK)
		return code;
	s = hin_desk_statement(desk, ROW "WHERE n.code = ?1", err);
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "t", code_);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code == HIN_EOF)
		return hin_fail(err, HIN_ENOENT, "no notice has the code %s", code_);
	if (code != HIN_OK)
		return code;
	read_row(s, &row, address);
	*out = (struct hin_notice_check){ .created_us = row.created_us,
					  .sent_us = row.sent_us,
					  .fixed_us = row.fixed_us,
					  .act = row.act,
					  .ledger = -1 };
	memcpy(out->code, code_, sizeof(code_));
	snprintf(out->kind, sizeof(out->kind), "%s", row.kind);
	snprintf(out->state, sizeof(out->state), "%s", public_state(row.state, row.sent_us));
	notice_cover(out->subject, sizeof(out->subject), row.subject);
	(void)EVP_Digest(row.body, strlen(row.body), out->digest, NULL, EVP_sha256(), NULL);
	sqlite3_reset(s);
	code = hin_desk_number(desk, &out->ledger, err,
			       "SELECT coalesce(ledger, -1) FROM act WHERE id = ?1", "i", out->act);
	return code == HIN_ENOENT ? HIN_OK : code;
}

static const char *state_words(const char *state, enum hin_lang lang)
{
	static const struct {
		const char *state, *text[2];
	} words[] = {
		{ "open",
		  { "It is open: the trouble was seen and not yet found to be gone.",
		    "対応待ちです。問題の解消はまだ確認されていません。" } },
		{ "fixed",
		  { "It is closed: the trouble is no longer seen.",
		    "終了しています。問題はもう観測されていません。" } },
		{ "withdrawn",
		  { "It was taken back: please disregard it.",
		    "取り消されました。この通知は無視してください。" } },
		{ "waiting",
		  { "It was written, but not sent by us so far.",
		    "作成済みですが、まだ送付されていません。" } },
	};

	for (size_t i = 0; i < HIN_COUNT(words); i++)
		if (strcmp(words[i].state, state) == 0)
			return words[i].text[lang];
	return state;
}

void hin_notice_verify_text(const struct hin_notice_check *c, enum hin_lang lang,
			    struct hin_buffer *out)
{
	char when[HIN_TIME_TEXT];

	hin_time_format(when, c->created_us * 1000, HIN_TIME_S);
	if (lang == HIN_JA)
		hin_buffer_printf(out,
				  "コード %s の通知は、当組織が %s (UTC) に作成した本物です。\n"
				  "内容: %s\n対象: %s\n",
				  c->code, when, hin_finding_word(c->kind, lang), c->subject);
	else
		hin_buffer_printf(out,
				  "The notice %s is real: we wrote it at %s (UTC).\n"
				  "About: %s\nConcerns: %s\n",
				  c->code, when, hin_finding_word(c->kind, lang), c->subject);
	hin_buffer_printf(out, "%s\n", state_words(c->state, lang));
	hin_buffer_puts(out, lang == HIN_JA ? "通知文の SHA-256: " : "SHA-256 of its text: ");
	for (size_t i = 0; i < sizeof(c->digest); i++)
		hin_buffer_printf(out, "%02x", c->digest[i]);
	hin_buffer_putc(out, '\n');
	if (c->ledger >= 0)
		hin_buffer_printf(out,
				  lang == HIN_JA ? "台帳の %" PRId64 " 番に記録されています。\n"
						 : "It stands in the ledger as number %" PRId64
						   ".\n",
				  c->ledger);
}
