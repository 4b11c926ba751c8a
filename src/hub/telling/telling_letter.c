/* telling_letter - notices that are due become letters: bytes, kept until they are sent */
#include <ctype.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "hub/telling/telling_priv.h"

#define GROUPS 200	    /* letters of one look */
#define WAIT_US (3600 * US) /* for a contact that has had its share */
#define DAY_US (86400 * US)

/* ---- when ---- */

/* The first moment at hour `hour` of a local day that is behind `now_us`, days counted by `step`.
 */
static int64_t next_hour(const struct hin_hours *quiet, int64_t now_us, int64_t hour, bool weekly)
{
	int64_t offset = hin_zone_offset_s(quiet->zone, now_us / US) * US;
	int64_t day = (now_us + offset) / DAY_US;
	int64_t at = day * DAY_US + hour * 3600 * US - offset;

	if (at <= now_us)
		at += DAY_US;
	/* 1970 began on a Thursday: day 4 was a Monday */
	while (weekly && ((at + offset) / DAY_US + 3) % 7 != 0)
		at += DAY_US;
	return at;
}

int64_t telling_due(const struct telling *t, const struct telling_contact *c, int64_t now_us)
{
	struct hin_hours quiet;
	int64_t at = now_us;

	/* a directory's mistake in the hours: none, rather than never */
	if (hin_hours_parse(&quiet, c->quiet, true, NULL) != HIN_OK)
		hin_hours_fini(&quiet);
	if (strcmp(c->digest, "hour") == 0)
		at = (now_us / (3600 * US) + 1) * 3600 * US;
	else if (strcmp(c->digest, "day") == 0 || strcmp(c->digest, "week") == 0)
		at = next_hour(&quiet, now_us, (int64_t)t->s.digest_hour,
			       strcmp(c->digest, "week") == 0);
	at = hin_hours_end(&quiet, at);
	hin_hours_fini(&quiet);
	return at;
}

/* ---- what a letter is made of ---- */

/* All that a letter is put together from; parts point into the buffers. */
struct draft {
	enum hin_lang lang;
	const char *purpose;
	struct hin_buffer title, text, list, csv, xarf, hook;
	struct hin_buffer proofs[HIN_MAIL_PARTS], bodies[HIN_MAIL_PARTS];
	char names[HIN_MAIL_PARTS][40];
	struct hin_mail_part parts[HIN_MAIL_PARTS];
	size_t parts_used, proofs_used;
	bool important;
};

static void end_draft(struct draft *d)
{
	hin_buffer_fini(&d->title);
	hin_buffer_fini(&d->text);
	hin_buffer_fini(&d->list);
	hin_buffer_fini(&d->csv);
	hin_buffer_fini(&d->xarf);
	hin_buffer_fini(&d->hook);
	for (size_t i = 0; i < HIN_MAIL_PARTS; i++) {
		hin_buffer_fini(&d->proofs[i]);
		hin_buffer_fini(&d->bodies[i]);
	}
}

static void attach(struct draft *d, enum hin_mail_type type, const struct hin_buffer *from,
		   const char *format, const char *code)
{
	char *name;

	if (d->parts_used == HIN_MAIL_PARTS || from->used == 0)
		return;
	name = d->names[d->parts_used];
	snprintf(name, sizeof(d->names[0]), "%s%.20s%s", "hinomi-", code, format);
	d->parts[d->parts_used++] = (struct hin_mail_part){ type, name, from->data, from->used };
}

/* A UUID that is always the same for a notice (RFC 9562, version 8). */
static void make_uuid(char out[37], const char *code)
{
	uint8_t h[EVP_MAX_MD_SIZE] = { 0 };

	(void)EVP_Digest(code, strlen(code), h, NULL, EVP_sha256(), NULL);
	h[6] = (uint8_t)((h[6] & 0x0f) | 0x80);
	h[8] = (uint8_t)((h[8] & 0x3f) | 0x80);
	snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7], h[8], h[9], h[10], h[11], h[12],
		 h[13], h[14], h[15]);
}

static enum hin_notice_text text_for(const char *purpose)
{
	if (strcmp(purpose, "reminder") == 0)
		return HIN_NOTICE_TEXT_REMINDER;
	if (strcmp(purpose, "fixed") == 0)
		return HIN_NOTICE_TEXT_FIXED;
	if (strcmp(purpose, "reappeared") == 0)
		return HIN_NOTICE_TEXT_REAPPEARED;
	return HIN_NOTICE_TEXT_WITHDRAWN;
}

/* The notice's own title, text and reason, in `title`, `text`, `why`. */
static enum hin_code read_body(struct hin_desk *desk, int64_t notice, struct hin_buffer *title,
			       struct hin_buffer *text, struct hin_buffer *why,
			       struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk, "SELECT title, body, error FROM notice WHERE id = ?1", err);
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "i", notice);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code != HIN_OK)
		return code == HIN_EOF ? HIN_ENOENT : code;
	hin_buffer_puts(title, hin_desk_text(s, 0));
	hin_buffer_puts(text, hin_desk_text(s, 1));
	hin_buffer_puts(why, hin_desk_text(s, 2));
	sqlite3_reset(s);
	return title->failed || text->failed ? hin_fail(err, HIN_ENOMEM, "letter") : HIN_OK;
}

/* Text and proof as files: what hinomi-verify reads. */
static enum hin_code add_proof(struct telling *t, struct hin_desk *desk, struct draft *d,
			       const struct hin_notice_facts *facts, const struct hin_buffer *text,
			       bool without_proof, struct hin_error *err)
{
	struct hin_buffer *proof = &d->proofs[d->proofs_used], *body = &d->bodies[d->proofs_used];
	enum hin_code code = HIN_OK;

	/* of a large digest the first ones have theirs; of all others /verify tells */
	if (d->parts_used + 3 > HIN_MAIL_PARTS)
		return HIN_OK;
	if (t->of->ledger != NULL)
		code = hin_notice_proof(desk, t->of->ledger, facts->code, proof, err);
	if (code != HIN_OK && !without_proof)
		return code;
	if (code != HIN_OK)
		hin_buffer_reset(proof);
	d->proofs_used++;
	hin_buffer_add(body, text->data, text->used);
	attach(d, HIN_MAIL_TEXT, body, ".txt", facts->code);
	attach(d, HIN_MAIL_TEXT, proof, ".proof", facts->code);
	return HIN_OK;
}

/* One notice's part of a letter. */
static enum hin_code add_notice(struct telling *t, struct hin_desk *desk, struct draft *d,
				int64_t notice, bool alone, bool without_proof,
				struct hin_notice_facts *facts, struct hin_error *err)
{
	struct hin_buffer title = { 0 }, text = { 0 }, why = { 0 }, own_title = { 0 };
	struct hin_buffer *to = alone ? &d->text : &d->list;
	bool first = strcmp(d->purpose, "notice") == 0;
	char id[37];
	enum hin_code code = telling_facts(desk, notice, d->lang, facts, err);

	if (code == HIN_OK)
		code = read_body(desk, notice, &title, &text, &why, err);
	if (code == HIN_OK) {
		d->important = d->important || facts->severity >= HIN_SEVERITY_HIGH;
		facts->title = hin_buffer_text(&title);
		facts->text = hin_buffer_text(&text);
		facts->reason = hin_buffer_text(&why);
		if (!alone)
			hin_buffer_puts(to, "==================================================="
					    "=======================\n\n");
		if (first) {
			hin_buffer_add(to, text.data, text.used);
			hin_buffer_puts(alone ? &d->title : &own_title, facts->title);
		} else {
			code = hin_notice_write(t->texts, text_for(d->purpose), d->lang, &t->office,
						facts, alone ? &d->title : &own_title, to, err);
		}
		hin_notice_csv(&d->csv, facts);
		make_uuid(id, facts->code);
		if (d->xarf.used == 0)
			(void)hin_notice_xarf(&d->xarf, &t->office, facts, id);
		if (d->hook.used == 0)
			hin_notice_hook(&d->hook, d->purpose, &t->office, facts);
	}
	if (code == HIN_OK && first)
		code = add_proof(t, desk, d, facts, &text, without_proof, err);
	facts->title = facts->text = facts->reason = NULL;
	hin_buffer_fini(&title);
	hin_buffer_fini(&text);
	hin_buffer_fini(&why);
	hin_buffer_fini(&own_title);
	return code;
}

/* ---- names of letters ---- */

/* The same for the same notices and purpose, so that a preview has it too. */
static void make_message_id(char out[HIN_MAIL_ADDRESS], const struct telling *t, const char *code,
			    const char *purpose, uint64_t number)
{
	size_t used = 0;
	char bare[HIN_NOTICE_CODE];

	for (const char *p = code; *p != '\0'; p++)
		if (*p != '-')
			bare[used++] = (char)tolower((unsigned char)*p);
	bare[used] = '\0';
	snprintf(out, HIN_MAIL_ADDRESS, "%s.%s.%" PRIu64 "@%s", bare, purpose, number,
		 t->office.domain);
}

static enum hin_code make_sender(char out[HIN_MAIL_ADDRESS], const struct telling *t,
				 const char *message_id, struct hin_error *err)
{
	const char *base = t->s.mail_bounce != NULL && t->s.mail_bounce[0] != '\0'
				   ? t->s.mail_bounce
				   : t->s.mail_from;
	struct hin_buffer text = hin_buffer_over(out, HIN_MAIL_ADDRESS);
	char token[64];
	size_t used = 0;

	/* the letters and digits of the message id up to its @ : nobody who lacks it knows them */
	for (const char *p = message_id; *p != '@' && *p != '\0' && used + 1 < 40; p++)
		if (*p != '.')
			token[used++] = *p;
	token[used] = '\0';
	return hin_mail_bounce_address(&text, base, token, err);
}

/* ---- the bytes ---- */

static enum hin_code put_mail(struct telling *t, const struct telling_contact *c, struct draft *d,
			      const char *message_id, const char *first_id, const char *to_name,
			      int64_t time_us, struct hin_buffer *out, struct hin_error *err)
{
	struct hin_mail mail = {
		.from = t->s.mail_from,
		.from_name = t->s.mail_name != NULL && t->s.mail_name[0] != '\0' ? t->s.mail_name
										 : t->office.sender,
		.to = c->address,
		.to_name = to_name,
		.reply_to = t->s.mail_reply != NULL && t->s.mail_reply[0] != '\0' ? t->s.mail_reply
										  : NULL,
		.subject = hin_buffer_text(&d->title),
		.message_id = message_id,
		.in_reply_to = first_id,
		.language = d->lang == HIN_JA ? "ja" : "en",
		.time_ns = time_us * 1000,
		.important = d->important && strcmp(d->purpose, "fixed") != 0,
		.text = hin_buffer_text(&d->text),
		.parts = d->parts,
		.part_count = d->parts_used,
	};

	return hin_mail_build(out, &mail, t->signer, err);
}

/* A digest's own text around those of its notices. */
static enum hin_code frame(struct telling *t, struct draft *d, struct hin_notice_facts *facts,
			   size_t count, struct hin_error *err)
{
	if (count == 1)
		return HIN_OK;
	facts->count = count;
	facts->list = hin_buffer_text(&d->list);
	hin_buffer_reset(&d->title);
	return hin_notice_write(t->texts, HIN_NOTICE_TEXT_DIGEST, d->lang, &t->office, facts,
				&d->title, &d->text, err);
}

void telling_letter_fini(struct telling_letter *letter)
{
	hin_buffer_fini(&letter->title);
	hin_buffer_fini(&letter->text);
	hin_buffer_fini(&letter->bytes);
}

enum hin_code telling_build(struct telling *t, struct hin_desk *desk,
			    const struct telling_contact *c, const char *purpose,
			    const int64_t *notices, size_t count, int64_t now_us,
			    bool without_proof, struct telling_letter *out, struct hin_error *err)
{
	struct draft d = { .lang = c->lang, .purpose = purpose };
	struct hin_notice_facts *facts = calloc(1, sizeof(*facts));
	char first_id[HIN_MAIL_ADDRESS], code_[HIN_NOTICE_CODE] = "";
	bool hook = strcmp(c->channel, "webhook") == 0;
	uint64_t number = 0;
	enum hin_code code = facts != NULL ? HIN_OK : hin_fail(err, HIN_ENOMEM, "letter");

	hin_notice_csv_head(&d.csv);
	for (size_t i = 0; i < count && code == HIN_OK; i++) {
		code = add_notice(t, desk, &d, notices[i], count == 1, without_proof, facts, err);
		if (i == 0 && code == HIN_OK) {
			snprintf(code_, sizeof(code_), "%s", facts->code);
			number = strcmp(purpose, "reminder") == 0 ? facts->reminders : 1;
		}
	}
	if (code == HIN_OK)
		code = hin_desk_number(desk, (int64_t *)&number, err,
				       "SELECT 1 + count(*) FROM letter_notice n JOIN letter l ON "
				       "l.id = n.letter WHERE n.notice = ?1",
				       "i", notices[0]);
	if (code == HIN_OK)
		code = frame(t, &d, facts, count, err);
	if (code == HIN_OK) {
		make_message_id(out->message_id, t, code_, purpose, number);
		make_message_id(first_id, t, code_, "notice", 1);
		out->sender[0] = '\0';
	}
	if (code == HIN_OK && hook) {
		hin_buffer_add(&out->bytes, d.hook.data, d.hook.used);
	} else if (code == HIN_OK) {
		if (strcmp(c->channel, "csv") == 0 || count > 1)
			attach(&d, HIN_MAIL_CSV, &d.csv, ".csv", "notices");
		if (strcmp(c->channel, "xarf") == 0)
			attach(&d, HIN_MAIL_XARF, &d.xarf, ".json", "xarf");
		code = make_sender(out->sender, t, out->message_id, err);
		if (code == HIN_OK)
			code = put_mail(t, c, &d, out->message_id,
					strcmp(purpose, "notice") == 0 ? NULL : first_id,
					facts->organisation, now_us, &out->bytes, err);
	}
	if (code == HIN_OK && (out->bytes.failed || d.hook.failed || d.csv.failed))
		code = hin_fail(err, HIN_ENOMEM, "letter");
	out->title = d.title;
	out->text = d.text;
	d.title = d.text = (struct hin_buffer){ 0 };
	end_draft(&d);
	free(facts);
	return code;
}

enum hin_code telling_say(struct telling *t, struct hin_desk *desk, int64_t notice,
			  const char *purpose, enum hin_lang lang, struct hin_buffer *title,
			  struct hin_buffer *text, struct hin_error *err)
{
	struct hin_buffer own_title = { 0 }, body = { 0 }, unused = { 0 }, why = { 0 };
	struct hin_notice_facts *facts = calloc(1, sizeof(*facts));
	enum hin_code code = facts != NULL ? HIN_OK : hin_fail(err, HIN_ENOMEM, "letter");

	if (code == HIN_OK)
		code = telling_facts(desk, notice, lang, facts, err);
	if (code == HIN_OK && hin_notice_text_of(facts->kind) == HIN_NOTICE_TEXT_COUNT)
		code = hin_fail(err, HIN_EUNSUPPORTED, "owners are not told of %s", facts->kind);
	if (code == HIN_OK)
		code = hin_notice_write(t->texts, hin_notice_text_of(facts->kind), lang, &t->office,
					facts, &own_title, &body, err);
	if (code == HIN_OK && strcmp(purpose, "notice") == 0) {
		hin_buffer_add(title, own_title.data, own_title.used);
		hin_buffer_add(text, body.data, body.used);
	} else if (code == HIN_OK) {
		code = read_body(desk, notice, &unused, &unused, &why, err);
		facts->title = hin_buffer_text(&own_title);
		facts->text = hin_buffer_text(&body);
		facts->reason = hin_buffer_text(&why);
		if (code == HIN_OK)
			code = hin_notice_write(t->texts, text_for(purpose), lang, &t->office,
						facts, title, text, err);
	}
	hin_buffer_fini(&own_title);
	hin_buffer_fini(&body);
	hin_buffer_fini(&unused);
	hin_buffer_fini(&why);
	free(facts);
	return code;
}

/* ---- letters in the desk ---- */

struct group {
	int64_t contact;
	char purpose[16];
};

/* A letter of one notice in a web hook or X-ARF: programs take one at a time. */
static size_t most_of(const struct telling_contact *c)
{
	return strcmp(c->channel, "webhook") == 0 || strcmp(c->channel, "xarf") == 0
		       ? 1
		       : HIN_NOTICE_LETTER;
}

static enum hin_code read_due(struct hin_desk *desk, const struct group *g, int64_t now_us,
			      size_t most, int64_t ids[HIN_NOTICE_LETTER], size_t *count,
			      int64_t *oldest_us, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT id, created_us FROM notice WHERE contact = ?1 AND next = ?2 AND due_us <= "
		"?3 AND state IN ('queued', 'sent', 'fixed', 'withdrawn') ORDER BY id LIMIT ?4",
		err);
	enum hin_code code;

	*count = 0;
	*oldest_us = now_us;
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "itii", g->contact, g->purpose, now_us, (int64_t)most);
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK) {
		ids[(*count)++] = sqlite3_column_int64(s, 0);
		if (sqlite3_column_int64(s, 1) < *oldest_us)
			*oldest_us = sqlite3_column_int64(s, 1);
	}
	return code == HIN_EOF ? HIN_OK : code;
}

static enum hin_code put_off(struct hin_desk *desk, const struct group *g, int64_t now_us,
			     int64_t until_us, struct hin_error *err)
{
	return hin_desk_run(desk, err,
			    "UPDATE notice SET due_us = ?4 WHERE contact = ?1 AND next = ?2 AND "
			    "due_us <= ?3",
			    "itii", g->contact, g->purpose, now_us, until_us);
}

/* May this contact have a letter now? Else its notices are put off, to go together. */
static enum hin_code may_have(struct telling *t, struct hin_desk *desk, const struct group *g,
			      const struct telling_contact *c, int64_t now_us, bool *may,
			      struct hin_error *err)
{
	struct hin_hours quiet;
	int64_t until = now_us, letters = 0;
	enum hin_code code =
		hin_desk_number(desk, &letters, err,
				"SELECT count(*) FROM letter WHERE contact = ?1 AND made_us > ?2",
				"ii", c->id, now_us - DAY_US);

	if (code != HIN_OK)
		return code;
	if (hin_hours_parse(&quiet, c->quiet, true, NULL) == HIN_OK)
		until = hin_hours_end(&quiet, now_us);
	hin_hours_fini(&quiet);
	if (letters >= (int64_t)t->s.per_contact) {
		telling_count(t, limited, 1);
		until = until > now_us + WAIT_US ? until : now_us + WAIT_US;
	}
	*may = until <= now_us;
	return *may ? HIN_OK : put_off(desk, g, now_us, until, err);
}

static enum hin_code insert_letter(struct hin_desk *desk, const struct group *g,
				   const struct telling_contact *c, const struct telling_letter *l,
				   const int64_t *notices, size_t count, int64_t now_us,
				   struct hin_error *err)
{
	int64_t letter;
	enum hin_code code = hin_desk_run(
		desk, err,
		"INSERT INTO letter (purpose, contact, channel, address, sender, message_id, "
		"state, made_us, due_us, title, text, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, "
		"'waiting', ?7, ?7, ?8, ?9, ?10)",
		"tittttittb", g->purpose, c->id, c->channel, c->address, l->sender, l->message_id,
		now_us, hin_buffer_text(&l->title), hin_buffer_text(&l->text),
		(const void *)l->bytes.data, l->bytes.used);

	letter = hin_desk_inserted(desk);
	for (size_t i = 0; i < count && code == HIN_OK; i++) {
		code = hin_desk_run(desk, err, "INSERT INTO letter_notice VALUES (?1, ?2)", "ii",
				    letter, notices[i]);
		if (code == HIN_OK)
			code = hin_desk_run(desk, err, "UPDATE notice SET next = '' WHERE id = ?1",
					    "i", notices[i]);
	}
	return code;
}

/* In the open transaction. A letter that cannot be built spoils its own notices only. */
static enum hin_code make_letter(struct telling *t, struct hin_desk *desk, const struct group *g,
				 int64_t now_us, struct hin_error *err)
{
	int64_t notices[HIN_NOTICE_LETTER], oldest_us;
	struct telling_letter letter = { .bytes = { .limit = HIN_MAIL_SIZE } };
	struct telling_contact c;
	struct hin_error why = { 0 };
	size_t count = 0;
	bool may = false;
	enum hin_code code = telling_contact(desk, g->contact, &c, err);

	if (code == HIN_OK && strcmp(c.state, "ok") != 0)
		return telling_lose_contact(t, desk, c.id, NULL, c.state, now_us, err);
	if (code == HIN_OK)
		code = may_have(t, desk, g, &c, now_us, &may, err);
	if (code != HIN_OK || !may)
		return code;
	code = read_due(desk, g, now_us, most_of(&c), notices, &count, &oldest_us, err);
	if (code != HIN_OK || count == 0)
		return code;
	code = telling_build(t, desk, &c, g->purpose, notices, count, now_us,
			     t->of->ledger == NULL || now_us - oldest_us > t->s.proof_ns / 1000,
			     &letter, &why);
	if (code == HIN_OK) {
		code = insert_letter(desk, g, &c, &letter, notices, count, now_us, err);
	} else if (code == HIN_EAGAIN) {
		code = put_off(desk, g, now_us, now_us + US, err); /* the proof comes in a moment */
	} else if (code != HIN_ENOMEM) {
		hin_log_limited(HIN_LOG_ERROR, "notice.no_letter", hin_log_text("error", why.text));
		code = put_off(desk, g, now_us, now_us + WAIT_US, err);
		for (size_t i = 0; i < count && code == HIN_OK; i++)
			code = hin_desk_run(desk, err, "UPDATE notice SET error = ?2 WHERE id = ?1",
					    "it", notices[i], why.text);
	}
	telling_letter_fini(&letter);
	return code;
}

static enum hin_code read_groups(struct hin_desk *desk, int64_t now_us, struct group *out,
				 size_t *count, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT DISTINCT contact, next FROM notice WHERE next <> '' AND due_us <= ?1 AND "
		"contact IS NOT NULL AND state IN ('queued', 'sent', 'fixed', 'withdrawn') "
		"ORDER BY due_us LIMIT ?2",
		err);
	enum hin_code code;

	*count = 0;
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "ii", now_us, (int64_t)GROUPS);
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK) {
		out[*count].contact = sqlite3_column_int64(s, 0);
		snprintf(out[(*count)++].purpose, sizeof(out->purpose), "%s", hin_desk_text(s, 1));
	}
	return code == HIN_EOF ? HIN_OK : code;
}

enum hin_code telling_make_letters(struct telling *t, struct hin_desk *desk, int64_t now_us,
				   struct hin_error *err)
{
	struct group groups[GROUPS];
	size_t count = 0;
	enum hin_code code;

	if (!t->s.send)
		return HIN_OK;
	code = read_groups(desk, now_us, groups, &count, err);
	for (size_t i = 0; i < count && code == HIN_OK && !telling_ends(t); i++) {
		code = hin_desk_begin(desk, err);
		if (code == HIN_OK)
			code = telling_finish(desk, make_letter(t, desk, &groups[i], now_us, err),
					      err);
	}
	return code;
}

/* Give the letters that wait, those just made among them. */
static enum hin_code show_letters(struct hin_desk *desk, hin_telling_letter_fn call, void *user,
				  struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT purpose, channel, address, bytes, due_us FROM letter WHERE state IN "
		"('waiting', 'sending') ORDER BY due_us, id",
		err);
	enum hin_code code = HIN_OK;

	if (s == NULL)
		return HIN_EFORMAT;
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK)
		code = call(user, hin_desk_text(s, 0), hin_desk_text(s, 1), hin_desk_text(s, 2),
			    sqlite3_column_blob(s, 3), (size_t)sqlite3_column_bytes(s, 3),
			    sqlite3_column_int64(s, 4), err);
	sqlite3_reset(s);
	return code == HIN_EOF ? HIN_OK : code;
}

enum hin_code telling_dry_run(struct telling *t, struct hin_desk *desk, int64_t now_us,
			      hin_telling_letter_fn call, void *user, struct hin_error *err)
{
	struct group groups[GROUPS];
	size_t count = 0;
	enum hin_code code = hin_desk_begin(desk, err);

	if (code != HIN_OK)
		return code;
	code = read_groups(desk, now_us, groups, &count, err);
	for (size_t i = 0; i < count && code == HIN_OK; i++)
		code = make_letter(t, desk, &groups[i], now_us, err);
	if (code == HIN_OK)
		code = show_letters(desk, call, user, err);
	hin_desk_rollback(desk);
	return code;
}
