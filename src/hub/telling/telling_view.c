/* telling_view - what a notice says and would say, for those who decide whether it goes */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hub/telling/telling_priv.h"

void hin_telling_view_fini(struct hin_telling_view *view)
{
	for (unsigned lang = 0; lang < 2; lang++) {
		hin_buffer_fini(&view->title[lang]);
		hin_buffer_fini(&view->text[lang]);
	}
	hin_buffer_fini(&view->message);
}

/* ---- the letter that is made ---- */

#define LETTER                                                                                     \
	"SELECT l.purpose, l.channel, l.address, l.title, l.text, l.bytes, l.due_us, l.sent_us "   \
	"FROM letter_notice n JOIN letter l ON l.id = n.letter WHERE n.notice = ?1 AND l.state "

/* The letter that waits with this notice in it, or the last one that went; HIN_EOF: none. */
static enum hin_code read_letter(struct hin_desk *desk, int64_t id, bool waiting,
				 enum hin_lang lang, struct hin_telling_view *out,
				 struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		waiting ? LETTER "IN ('waiting', 'sending') ORDER BY l.id LIMIT 1"
			: LETTER "NOT IN ('waiting', 'sending', 'dropped') ORDER BY l.id DESC "
				 "LIMIT 1",
		err);
	enum hin_code code = s != NULL ? hin_desk_bind(desk, s, err, "i", id) : HIN_EFORMAT;

	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code != HIN_OK)
		return code;
	out->final = true;
	snprintf(out->purpose, sizeof(out->purpose), "%s", hin_desk_text(s, 0));
	snprintf(out->channel, sizeof(out->channel), "%s", hin_desk_text(s, 1));
	snprintf(out->to, sizeof(out->to), "%s", hin_desk_text(s, 2));
	hin_buffer_puts(&out->title[lang], hin_desk_text(s, 3));
	hin_buffer_puts(&out->text[lang], hin_desk_text(s, 4));
	hin_buffer_add(&out->message, sqlite3_column_blob(s, 5),
		       (size_t)sqlite3_column_bytes(s, 5));
	out->due_us = sqlite3_column_int64(s, 6);
	out->sent_us = sqlite3_column_int64(s, 7);
	sqlite3_reset(s);
	return HIN_OK;
}

/* ---- the letter that would be made ---- */

static bool has_sender(const struct telling *t)
{
	return t->s.mail_from != NULL && t->s.mail_from[0] != '\0';
}

static enum hin_code build_letter(struct telling *t, struct hin_desk *desk, int64_t id,
				  const struct telling_contact *c, int64_t now_us,
				  struct hin_telling_view *out, struct hin_error *err)
{
	struct telling_letter letter = { .bytes = { .limit = HIN_MAIL_SIZE } };
	enum hin_code code =
		telling_build(t, desk, c, out->purpose, &id, 1, now_us, true, &letter, err);

	if (code == HIN_OK) {
		hin_buffer_add(&out->title[c->lang], letter.title.data, letter.title.used);
		hin_buffer_add(&out->text[c->lang], letter.text.data, letter.text.used);
		hin_buffer_add(&out->message, letter.bytes.data, letter.bytes.used);
	}
	telling_letter_fini(&letter);
	return code;
}

/* ---- why it does not go ---- */

static enum hin_telling_held held_by(const struct telling *t, const char *state,
				     int64_t organisation)
{
	if (strcmp(state, "no_owner") == 0)
		return organisation == 0 ? HIN_TELLING_NO_OWNER : HIN_TELLING_NO_CONTACT;
	if (strcmp(state, "held") != 0 && strcmp(state, "queued") != 0)
		return HIN_TELLING_NOT_HELD;
	if (!t->s.send)
		return HIN_TELLING_SEND_OFF;
	return strcmp(state, "held") == 0 ? HIN_TELLING_APPROVAL : HIN_TELLING_NOT_HELD;
}

const char *hin_telling_held_name(enum hin_telling_held held)
{
	static const char *const names[] = {
#define X(name, word, en, ja) [HIN_TELLING_##name] = word,
		HIN_TELLING_HELD(X)
#undef X
	};

	return names[held];
}

const char *hin_telling_held_text(enum hin_telling_held held, enum hin_lang lang)
{
	static const char *const texts[][2] = {
#define X(name, word, en, ja) [HIN_TELLING_##name] = { en, ja },
		HIN_TELLING_HELD(X)
#undef X
	};

	return texts[held][lang];
}

/* ---- the whole ---- */

static enum hin_code read_notice(struct telling *t, struct hin_desk *desk, int64_t id,
				 int64_t *contact, enum hin_lang *lang,
				 struct hin_telling_view *out, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT n.next, coalesce(n.contact, 0), n.language, n.state, "
		"coalesce(n.organisation, 0), n.channel, coalesce(c.address, ''), n.due_us FROM "
		"notice n LEFT JOIN contact c ON c.id = n.contact WHERE n.id = ?1",
		err);
	enum hin_code code = s != NULL ? hin_desk_bind(desk, s, err, "i", id) : HIN_EFORMAT;

	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code == HIN_EOF)
		return hin_fail(err, HIN_ENOENT, "there is no notice %" PRId64, id);
	if (code != HIN_OK)
		return code;
	*contact = sqlite3_column_int64(s, 1);
	*lang = strcmp(hin_desk_text(s, 2), "ja") == 0 ? HIN_JA : HIN_EN;
	out->held = held_by(t, hin_desk_text(s, 3), sqlite3_column_int64(s, 4));
	if (*contact != 0) {
		snprintf(out->purpose, sizeof(out->purpose), "%s", hin_desk_text(s, 0));
		snprintf(out->channel, sizeof(out->channel), "%s", hin_desk_text(s, 5));
		snprintf(out->to, sizeof(out->to), "%s", hin_desk_text(s, 6));
		out->due_us = sqlite3_column_int64(s, 7);
	}
	sqlite3_reset(s);
	return HIN_OK;
}

/* What is not there of either language, made of what is known now. */
static enum hin_code fill(struct telling *t, struct hin_desk *desk, int64_t id,
			  struct hin_telling_view *out, struct hin_error *err)
{
	const char *purpose = out->purpose[0] != '\0' ? out->purpose : "notice";
	enum hin_code code = HIN_OK;

	for (unsigned lang = 0; lang < 2 && code == HIN_OK; lang++) {
		out->made[lang] = out->text[lang].used == 0;
		if (out->made[lang])
			code = telling_say(t, desk, id, purpose, lang, &out->title[lang],
					   &out->text[lang], err);
	}
	return code;
}

static enum hin_code view(struct telling *t, struct hin_desk *desk, int64_t id, int64_t now_us,
			  struct hin_telling_view *out, struct hin_error *err)
{
	struct telling_contact c;
	int64_t contact = 0;
	enum hin_lang lang = HIN_EN;
	enum hin_code code = read_notice(t, desk, id, &contact, &lang, out, err);

	if (code != HIN_OK)
		return code;
	code = read_letter(desk, id, true, lang, out, err);
	if (code == HIN_EOF && out->purpose[0] != '\0' && contact != 0) {
		code = telling_contact(desk, contact, &c, err);
		if (code == HIN_OK)
			lang = c.lang;
		/* without an address to come from there is no mail yet, but what it says */
		if (code == HIN_OK && (has_sender(t) || strcmp(c.channel, "webhook") == 0))
			code = build_letter(t, desk, id, &c, now_us, out, err);
	} else if (code == HIN_EOF) {
		code = read_letter(desk, id, false, lang, out, err);
		if (code == HIN_EOF)
			code = HIN_OK;
	}
	if (code == HIN_OK)
		code = fill(t, desk, id, out, err);
	out->language = lang;
	if (code == HIN_OK && (out->text[0].failed || out->text[1].failed || out->message.failed))
		code = hin_fail(err, HIN_ENOMEM, "notice: no memory");
	return code;
}

enum hin_code hin_telling_view(struct hin_telling *of, struct hin_desk *desk, int64_t id,
			       int64_t now_us, struct hin_telling_view *out, struct hin_error *err)
{
	struct telling *t = telling_ref(of);
	enum hin_code code = view(t, desk, id, now_us, out, err);

	telling_unref(t);
	return code;
}

/* The bytes alone, when there is something to go out. */
static enum hin_code preview(struct telling *t, struct hin_desk *desk, int64_t id, int64_t now_us,
			     struct hin_buffer *out, bool *final, struct hin_error *err)
{
	struct hin_telling_view v = { 0 };
	enum hin_code code = view(t, desk, id, now_us, &v, err);

	if (code == HIN_OK && (v.purpose[0] == '\0' || (v.final && v.sent_us != 0)))
		code = hin_fail(err, HIN_ENOENT, "notice %" PRId64 " has nothing to go out", id);
	if (code == HIN_OK && v.message.used == 0)
		code = hin_fail(err, HIN_EFORMAT, "mail.from: mail needs an address to come from");
	*final = v.final;
	if (code == HIN_OK)
		hin_buffer_add(out, v.message.data, v.message.used);
	hin_telling_view_fini(&v);
	return code;
}

enum hin_code hin_telling_preview(struct hin_telling *of, struct hin_desk *desk, int64_t id,
				  int64_t now_us, struct hin_buffer *out, bool *final,
				  struct hin_error *err)
{
	struct telling *t = telling_ref(of);
	enum hin_code code = preview(t, desk, id, now_us, out, final, err);

	telling_unref(t);
	return code;
}
