/* telling_notice - findings become notices: one for a trouble and a way to its owner */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "hub/telling/telling_priv.h"

#define CONTACTS 4	   /* one a channel */
#define AGAIN_US (60 * US) /* between two looks for owners */

/* What telling needs to know of a finding. */
struct found {
	int64_t id, case_id, organisation, first_us, last_us;
	char kind[48], device[128], trouble[200], case_state[16];
	uint8_t confidence;
	enum hin_severity severity;
	bool has_address;
	struct hin_addr address;
};

/* Who has notices made: hinomi itself by its rules ({ 0 }), or a person. */
struct maker {
	int64_t account;
	bool by_hand;
	bool dry; /* only to look at: all is undone */
};

static const struct maker itself;

enum hin_code telling_finish(struct hin_desk *desk, enum hin_code code, struct hin_error *err)
{
	if (code == HIN_OK)
		return hin_desk_commit(desk, err);
	hin_desk_rollback(desk);
	return code;
}

/* ---- contacts ---- */

/* Can this contact be reached at all, as far as its text tells? */
static bool usable(const struct telling *t, const struct telling_contact *c, struct hin_error *why)
{
	if (strcmp(c->channel, "webhook") == 0)
		return hin_webhook_check(c->address, t->s.hook_private, why) == HIN_OK;
	return hin_mail_address_check(c->address, why) == HIN_OK;
}

static void read_contact(struct telling_contact *c, sqlite3_stmt *s)
{
	*c = (struct telling_contact){ .id = sqlite3_column_int64(s, 0) };
	snprintf(c->channel, sizeof(c->channel), "%s", hin_desk_text(s, 1));
	snprintf(c->address, sizeof(c->address), "%s", hin_desk_text(s, 2));
	snprintf(c->quiet, sizeof(c->quiet), "%s", hin_desk_text(s, 3));
	snprintf(c->digest, sizeof(c->digest), "%s", hin_desk_text(s, 4));
	snprintf(c->state, sizeof(c->state), "%s", hin_desk_text(s, 5));
	c->lang = strcmp(hin_desk_text(s, 6), "ja") == 0 ? HIN_JA : HIN_EN;
}

#define CONTACT                                                                                    \
	"SELECT c.id, c.channel, c.address, c.quiet, c.digest, c.state, "                          \
	"CASE c.language WHEN '' THEN o.language ELSE c.language END FROM contact c "              \
	"JOIN organisation o ON o.id = c.organisation "

enum hin_code telling_contact(struct hin_desk *desk, int64_t id, struct telling_contact *out,
			      struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(desk, CONTACT "WHERE c.id = ?1", err);
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "i", id);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code == HIN_EOF)
		return hin_fail(err, HIN_ENOENT, "contact %" PRId64 " is gone", id);
	if (code == HIN_OK) {
		read_contact(out, s);
		sqlite3_reset(s);
	}
	return code;
}

static enum hin_code mark_unreadable(struct hin_desk *desk, int64_t contact, const char *why,
				     int64_t now_us, struct hin_error *err)
{
	return hin_desk_run(desk, err,
			    "UPDATE contact SET state = 'unreadable', state_reason = ?2, "
			    "state_us = ?3 WHERE id = ?1",
			    "iti", contact, why, now_us);
}

/*
 * The contacts of an organisation: of each channel the first that works, by its role. Those whose
 * address is none are marked, so that somebody sees it.
 */
static enum hin_code find_contacts(struct telling *t, struct hin_desk *desk, int64_t organisation,
				   const char *channel, int64_t now_us,
				   struct telling_contact out[CONTACTS], size_t *count,
				   struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		CONTACT "WHERE c.organisation = ?1 AND c.state = 'ok' AND (?2 = '' OR "
			"c.channel = ?2) ORDER BY c.channel, CASE c.role WHEN 'abuse' THEN 0 WHEN "
			"'security' THEN 1 WHEN 'owner' THEN 2 WHEN 'admin' THEN 3 ELSE 4 END, "
			"c.id LIMIT 100",
		err);
	struct {
		int64_t id;
		char why[200];
	} bad[16];
	size_t bad_count = 0;
	enum hin_code code;

	*count = 0;
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "it", organisation, channel);
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK) {
		struct telling_contact c;
		struct hin_error why = { 0 };

		read_contact(&c, s);
		if (!usable(t, &c, &why)) {
			if (bad_count < HIN_COUNT(bad)) {
				bad[bad_count].id = c.id;
				snprintf(bad[bad_count++].why, sizeof(bad[0].why), "%s", why.text);
			}
			continue;
		}
		if (*count < CONTACTS &&
		    (*count == 0 || strcmp(out[*count - 1].channel, c.channel) != 0))
			out[(*count)++] = c;
	}
	code = code == HIN_EOF ? HIN_OK : code;
	for (size_t i = 0; i < bad_count && code == HIN_OK; i++)
		code = mark_unreadable(desk, bad[i].id, bad[i].why, now_us, err);
	return code;
}

/* ---- writing a notice ---- */

/* Write its text, and with it the act whose object the text is. */
static enum hin_code write_text(struct telling *t, struct hin_desk *desk, int64_t notice,
				enum hin_lang lang, int64_t account, int64_t now_us,
				struct hin_error *err)
{
	struct hin_buffer title = { 0 }, text = { 0 };
	struct hin_desk_act act = { .time_us = now_us,
				    .account = account,
				    .kind = HIN_ACT_NOTICE_MADE };
	struct hin_notice_facts facts;
	int64_t id = 0;
	enum hin_code code = telling_facts(desk, notice, lang, &facts, err);

	if (code == HIN_OK)
		code = hin_notice_write(t->texts, hin_notice_text_of(facts.kind), lang, &t->office,
					&facts, &title, &text, err);
	if (code == HIN_OK) {
		act.object = hin_buffer_text(&text);
		code = hin_desk_act(desk, &act, &id, err);
	}
	if (code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "UPDATE notice SET title = ?2, body = ?3, act = ?4, "
				    "created_us = ?5 WHERE id = ?1",
				    "ittii", notice, hin_buffer_text(&title),
				    hin_buffer_text(&text), id, now_us);
	if (code == HIN_OK)
		code = notice_note(desk, notice, now_us, "made", "", id, err);
	hin_buffer_fini(&title);
	hin_buffer_fini(&text);
	return code;
}

/* Point a notice at a contact, write its text, and queue or hold it. */
static enum hin_code assign(struct telling *t, struct hin_desk *desk, const struct maker *by,
			    int64_t notice, int64_t organisation, const struct telling_contact *c,
			    int64_t now_us, struct hin_error *err)
{
	bool held = !t->s.send || t->s.approve;
	enum hin_code code = hin_desk_run(
		desk, err,
		"UPDATE notice SET organisation = ?2, contact = ?3, channel = ?4, language = ?5, "
		"state = ?6, next = 'notice', due_us = ?7, error = ?8 WHERE id = ?1",
		"iiitttit", notice, organisation, c->id, c->channel,
		c->lang == HIN_JA ? "ja" : "en", held ? "held" : "queued",
		telling_due(t, c, now_us),
		!held	     ? ""
		: !t->s.send ? "sending is switched off (notice.send)"
			     : "waits for somebody to let it go (notice.approve)");

	if (code == HIN_OK)
		code = write_text(t, desk, notice, c->lang, by->account, now_us, err);
	if (code == HIN_OK && held)
		code = notice_note(desk, notice, now_us, "held", "", 0, err);
	if (code == HIN_OK && !by->dry)
		telling_count(t, notices, 1);
	return code;
}

/* A row for a trouble, not yet pointed at anybody. */
static enum hin_code insert(struct hin_desk *desk, const struct maker *by, const struct found *f,
			    int64_t now_us, int64_t *id, struct hin_error *err)
{
	char code_[HIN_NOTICE_CODE];
	enum hin_code code = HIN_OK;

	if (!by->dry) {
		code = hin_notice_code_make(code_, err);
	} else { /* none that anybody could take for one, and another for each */
		code = hin_desk_number(desk, id, err, "SELECT 1 + coalesce(max(id), 0) FROM notice",
				       "");
		snprintf(code_, sizeof(code_), "?\?\?\?-?\?\?\?-%04u",
			 code == HIN_OK ? (unsigned)(*id % 10000) : 0);
	}
	if (code == HIN_OK)
		code = hin_desk_run(
			desk, err,
			"INSERT INTO notice (code, case_id, finding, kind, trouble, address, "
			"device, channel, language, state, created_us, first_seen_us, "
			"last_seen_us, watched_until_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
			"'mail', 'en', 'no_owner', ?8, ?9, ?10, ?10)",
			"tiittatiii", code_, f->case_id, f->id, f->kind, f->trouble,
			f->has_address ? &f->address : NULL, f->device, now_us, f->first_us,
			f->last_us);
	if (code == HIN_OK)
		*id = hin_desk_inserted(desk);
	return code;
}

/*
 * Whom the network above has: the smallest range around the address that somebody else holds and
 * answers for, for who decides whom to tell. Ranges begin where a prefix does, so there are few
 * places to look at, however large the directory is. `out` stays as it is when there is none.
 */
static enum hin_code find_parent(struct hin_desk *desk, const struct found *f, int64_t now_us,
				 char *out, size_t size, struct hin_error *err)
{
	struct hin_addr low = f->address;
	unsigned first = hin_addr_is_v4(&low) ? 96 : 0;
	enum hin_code code = HIN_EOF;

	for (unsigned bit = 128; code == HIN_EOF && bit >= first && bit <= 128; bit--) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);
		sqlite3_stmt *s;

		if (bit < 128 && (low.b[bit / 8] & mask) == 0)
			continue; /* the same place */
		if (bit < 128)
			low.b[bit / 8] &= (uint8_t)~mask;
		s = hin_desk_statement(
			desk,
			"SELECT o.handle, c.address FROM holding h JOIN organisation o ON o.id = "
			"h.organisation JOIN contact c ON c.organisation = o.id WHERE h.kind = "
			"'prefix' AND h.low = ?1 AND h.high >= ?2 AND h.organisation <> ?3 AND "
			"h.from_us <= ?4 AND (h.until_us = 0 OR h.until_us > ?4) AND c.state = "
			"'ok' ORDER BY h.high, CASE c.role WHEN 'abuse' THEN 0 WHEN 'security' "
			"THEN 1 ELSE 2 END, c.id LIMIT 1",
			err);
		code = s == NULL ? HIN_EFORMAT
				 : hin_desk_bind(desk, s, err, "aaii", &low, &f->address,
						 f->organisation, now_us);
		if (code == HIN_OK)
			code = hin_desk_step(desk, s, err);
		if (code != HIN_OK)
			continue;
		snprintf(out, size,
			 "its owner has no contact that can be reached; parent has a contact: "
			 "%.100s (%.100s)",
			 (const char *)sqlite3_column_text(s, 1),
			 (const char *)sqlite3_column_text(s, 0));
		sqlite3_reset(s);
	}
	return code == HIN_EOF ? HIN_OK : code;
}

static enum hin_code make_unowned(struct telling *t, struct hin_desk *desk, const struct maker *by,
				  const struct found *f, int64_t now_us, struct hin_error *err)
{
	const char *why = f->organisation == 0 ? "nobody in the directory answers for it"
					       : "its owner has no contact that can be reached";
	char shown[320];
	int64_t id = 0;
	enum hin_code code = insert(desk, by, f, now_us, &id, err);

	snprintf(shown, sizeof(shown), "%s", why);
	if (code == HIN_OK && f->organisation != 0 && f->has_address)
		code = find_parent(desk, f, now_us, shown, sizeof(shown), err);
	if (code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "UPDATE notice SET organisation = nullif(?2, 0), error = ?3 "
				    "WHERE id = ?1",
				    "iit", id, f->organisation, shown);
	if (code == HIN_OK)
		code = notice_act(desk, id, HIN_ACT_NOTICE_UNOWNED, by->account, now_us, "no_owner",
				  why, err);
	if (code == HIN_OK)
		code = telling_tell_operators(t, desk, f->case_id, f->severity, "no-owner",
					      "Nobody can be told: add the owner to the directory "
					      "(hinomi directory).",
					      "知らせる相手が不明: 台帳に所有者を登録してください "
					      "(hinomi directory)。",
					      now_us, err);
	if (code == HIN_OK && !by->dry)
		telling_count(t, no_owner, 1);
	return code;
}

static enum hin_code make(struct telling *t, struct hin_desk *desk, const struct maker *by,
			  const struct found *f, int64_t now_us, struct hin_error *err)
{
	struct telling_contact contacts[CONTACTS];
	size_t count = 0;
	int64_t id = 0;
	enum hin_code code = HIN_OK;

	if (f->organisation != 0)
		code = find_contacts(t, desk, f->organisation, "", now_us, contacts, &count, err);
	if (code == HIN_OK && count == 0) {
		/* of strangers on the internet nobody expects to be told; members are looked for */
		if (f->organisation == 0 && strcmp(f->kind, "infected-member") != 0 && !by->by_hand)
			return HIN_OK;
		return make_unowned(t, desk, by, f, now_us, err);
	}
	for (size_t i = 0; i < count && code == HIN_OK; i++) {
		code = insert(desk, by, f, now_us, &id, err);
		if (code == HIN_OK)
			code = assign(t, desk, by, id, f->organisation, &contacts[i], now_us, err);
	}
	return code;
}

/* ---- a trouble that has notices ---- */

struct present {
	int64_t id, organisation, contact, last_seen_us, watched_until_us, sent_us;
	char state[16];
};

static enum hin_code reopen(struct telling *t, struct hin_desk *desk, const struct found *f,
			    const struct present *p, int64_t now_us, struct hin_error *err)
{
	struct telling_contact c = { 0 };
	enum hin_code code = HIN_OK;
	bool told = p->sent_us != 0 && p->contact != 0;

	if (told)
		code = telling_contact(desk, p->contact, &c, err);
	if (code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "UPDATE notice SET state = ?2, next = ?3, due_us = ?4, "
				    "reappeared = reappeared + 1, reminders = 0, case_id = ?5 "
				    "WHERE id = ?1",
				    "ittii", p->id,
				    told	      ? "sent"
				    : p->contact != 0 ? "held"
						      : "no_owner",
				    told && t->s.send ? "reappeared" : "",
				    told ? telling_due(t, &c, now_us) : now_us, f->case_id);
	if (code == HIN_OK)
		code = notice_act(desk, p->id, HIN_ACT_NOTICE_REOPENED, 0, now_us, "reappeared", "",
				  err);
	if (code == HIN_OK)
		code = telling_tell_operators(
			t, desk, f->case_id, f->severity, "reappeared",
			"A trouble that was fixed is back; its owner is told.",
			"解消した問題が再発しました。所有者に知らせます。", now_us, err);
	if (code == HIN_OK)
		telling_count(t, reappeared, 1);
	return code;
}

/* Take what a finding says into a notice that is there. */
static enum hin_code refresh(struct telling *t, struct hin_desk *desk, const struct found *f,
			     const struct present *p, int64_t now_us, struct hin_error *err)
{
	struct telling_contact contacts[CONTACTS];
	enum hin_code code = HIN_OK;
	size_t count = 0;

	if (strcmp(p->state, "no_owner") == 0 && f->organisation != 0) {
		code = find_contacts(t, desk, f->organisation, "", now_us, contacts, &count, err);
		if (code == HIN_OK && count > 0)
			code = assign(t, desk, &itself, p->id, f->organisation, &contacts[0],
				      now_us, err);
	}
	if (code != HIN_OK || f->last_us <= p->last_seen_us)
		return code;
	/*
	 * Gone for the watched time, and seen again: it is back. What is told late of the time that
	 * was watched, as the end of an event is, is no news.
	 */
	if (strcmp(p->state, "fixed") == 0 && f->last_us <= p->watched_until_us)
		return HIN_OK;
	if (strcmp(p->state, "fixed") == 0)
		code = reopen(t, desk, f, p, now_us, err);
	if (code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "UPDATE notice SET last_seen_us = ?2, watched_us = 0, "
				    "watched_until_us = ?2, first_seen_us = min(first_seen_us, ?3) "
				    "WHERE id = ?1",
				    "iii", p->id, f->last_us, f->first_us);
	return code;
}

static enum hin_code find_present(struct hin_desk *desk, const struct found *f,
				  struct present out[CONTACTS], size_t *count,
				  struct hin_error *err)
{
	/* another organisation that had the address before has its own */
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT id, coalesce(organisation, 0), coalesce(contact, 0), last_seen_us, "
		"sent_us, state, watched_until_us FROM notice WHERE trouble = ?1 AND state <> "
		"'withdrawn' AND "
		"(organisation IS NULL OR organisation = ?2 OR ?2 = 0) LIMIT ?3",
		err);
	enum hin_code code;

	*count = 0;
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "tii", f->trouble, f->organisation, (int64_t)CONTACTS);
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK) {
		struct present *p = &out[(*count)++];

		*p = (struct present){ .id = sqlite3_column_int64(s, 0),
				       .organisation = sqlite3_column_int64(s, 1),
				       .contact = sqlite3_column_int64(s, 2),
				       .last_seen_us = sqlite3_column_int64(s, 3),
				       .sent_us = sqlite3_column_int64(s, 4),
				       .watched_until_us = sqlite3_column_int64(s, 6) };
		snprintf(p->state, sizeof(p->state), "%s", hin_desk_text(s, 5));
	}
	return code == HIN_EOF ? HIN_OK : code;
}

/* ---- findings ---- */

static bool wanted(const struct telling *t, const struct found *f)
{
	bool listed = false;

	for (size_t i = 0; i < t->s.kinds.count; i++)
		listed = listed || strcmp(t->s.kinds.items[i], f->kind) == 0;
	return listed && hin_notice_text_of(f->kind) != HIN_NOTICE_TEXT_COUNT &&
	       f->confidence >= t->s.least_confidence && (f->has_address || f->device[0] != '\0') &&
	       f->case_id != 0 && strcmp(f->case_state, "false_alarm") != 0 &&
	       strcmp(f->case_state, "suppressed") != 0;
}

static enum hin_code take_finding(struct telling *t, struct hin_desk *desk, const struct found *f,
				  int64_t now_us, struct hin_error *err)
{
	struct present present[CONTACTS];
	size_t count = 0;
	int64_t open = 0;
	enum hin_code code = find_present(desk, f, present, &count, err);

	for (size_t i = 0; i < count && code == HIN_OK; i++)
		code = refresh(t, desk, f, &present[i], now_us, err);
	if (code != HIN_OK || count > 0 || !wanted(t, f))
		return code;
	code = hin_desk_number(
		desk, &open, err,
		"SELECT count(*) FROM (SELECT 1 FROM notice WHERE state IN "
		"('no_owner', 'held', 'queued', 'sent', 'failed', 'bounced') LIMIT ?1)",
		"i", (int64_t)HIN_NOTICE_OPEN);
	if (code == HIN_OK && open >= HIN_NOTICE_OPEN) {
		telling_count(t, over_limit, 1);
		hin_log_limited(HIN_LOG_ERROR, "notice.over_limit");
		return HIN_OK;
	}
	return code == HIN_OK ? make(t, desk, &itself, f, now_us, err) : code;
}

static void read_found(struct found *f, sqlite3_stmt *s)
{
	char address[HIN_ADDR_TEXT];

	*f = (struct found){ .id = sqlite3_column_int64(s, 0),
			     .case_id = sqlite3_column_int64(s, 1),
			     .organisation = sqlite3_column_int64(s, 2),
			     .first_us = sqlite3_column_int64(s, 3),
			     .last_us = sqlite3_column_int64(s, 4),
			     .confidence = (uint8_t)sqlite3_column_int64(s, 8) };
	snprintf(f->kind, sizeof(f->kind), "%s", hin_desk_text(s, 5));
	snprintf(f->device, sizeof(f->device), "%s", hin_desk_text(s, 6));
	f->has_address = hin_desk_address(s, 7, &f->address);
	(void)hin_severity_parse(&f->severity, hin_desk_text(s, 9));
	snprintf(f->case_state, sizeof(f->case_state), "%s", hin_desk_text(s, 10));
	snprintf(f->trouble, sizeof(f->trouble), "%s %s", hin_notice_class(f->kind),
		 f->device[0] != '\0' ? f->device
		 : f->has_address     ? hin_addr_format(&f->address, address)
				      : "");
}

#define FOUND                                                                                      \
	"SELECT f.id, coalesce(f.case_id, 0), coalesce(f.organisation, 0), f.first_us, "           \
	"f.last_us, "                                                                              \
	"f.kind, f.device, f.address, f.confidence, f.severity, coalesce(c.state, '') "

/*
 * Findings that have changed and have waited, up to TELLING_BATCH; infected machines before what
 * they do, so that the notice is about the former.
 */
static enum hin_code read_batch(struct telling *t, struct hin_desk *desk, int64_t now_us,
				struct found *out, size_t *count, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		FOUND "FROM notice_todo t JOIN finding f ON f.id = t.id "
		      "LEFT JOIN case_ c ON c.id = f.case_id WHERE t.what = 'finding' AND "
		      "f.told_us <= ?1 ORDER BY f.kind <> 'infected-member', f.id LIMIT ?2",
		err);
	enum hin_code code;

	*count = 0;
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "ii", now_us - t->s.gather_ns / 1000,
			     (int64_t)TELLING_BATCH);
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK)
		read_found(&out[(*count)++], s);
	return code == HIN_EOF ? HIN_OK : code;
}

/* A case was judged to be nothing, or nobody wants to hear of it: this notice is taken back. */
static enum hin_code take_back(struct hin_desk *desk, int64_t id, int64_t now_us,
			       struct hin_error *err)
{
	int64_t sent = 0, suppressed = 0;
	enum hin_code code = hin_desk_number(
		desk, &sent, err,
		"SELECT sent_us FROM notice WHERE id = ?1 AND contact IS NOT NULL", "i", id);
	bool told = code == HIN_OK && sent != 0;

	code = hin_desk_number(desk, &suppressed, err,
			       "SELECT c.state = 'suppressed' FROM notice n JOIN case_ c ON c.id = "
			       "n.case_id WHERE n.id = ?1",
			       "i", id);
	if (code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "UPDATE notice SET state = 'withdrawn', next = ?2, due_us = "
				    "?3 WHERE id = ?1",
				    "iti", id, told ? "withdrawn" : "", now_us);
	return code == HIN_OK ? notice_act(desk, id, HIN_ACT_NOTICE_DROPPED, 0, now_us, "withdrawn",
					   suppressed != 0 ? "the case was suppressed"
							   : "the case was closed as no trouble",
					   err)
			      : code;
}

/*
 * Cases that were judged to be nothing: what is waiting does not go, and who was told is told. Of
 * suppressed ones the owner hears no more, and not that it was a mistake: that, nobody said.
 */
static enum hin_code take_cases(struct hin_desk *desk, int64_t now_us, struct hin_error *err)
{
	static const char gone[] =
		"SELECT n.id FROM notice_todo t JOIN case_ c ON c.id = t.id "
		"JOIN notice n ON n.case_id = c.id WHERE t.what = 'case' AND "
		"(c.state = 'false_alarm' OR (c.state = 'suppressed' AND (n.sent_us = 0 OR "
		"n.contact IS NULL))) AND n.state IN ('no_owner', 'held', 'queued', "
		"'sent', 'failed', 'bounced') LIMIT 1";
	enum hin_code code = HIN_OK;
	int64_t id;

	for (int i = 0; i < TELLING_BATCH && code == HIN_OK; i++) {
		code = hin_desk_number(desk, &id, err, gone, "");
		if (code == HIN_OK)
			code = take_back(desk, id, now_us, err);
	}
	if (code != HIN_ENOENT)
		return code;
	code = hin_desk_run(desk, err,
			    "UPDATE notice SET next = '' WHERE next IN ('reminder', 'reappeared') "
			    "AND case_id IN (SELECT c.id FROM notice_todo t JOIN case_ c ON c.id = "
			    "t.id WHERE t.what = 'case' AND c.state = 'suppressed')",
			    "");
	return code == HIN_OK
		       ? hin_desk_run(desk, err, "DELETE FROM notice_todo WHERE what = 'case'", "")
		       : code;
}

/* One transaction's worth; `*more` when there may be others. */
static enum hin_code take_batch(struct telling *t, struct hin_desk *desk, struct found *batch,
				int64_t now_us, bool *more, struct hin_error *err)
{
	size_t count = 0;
	enum hin_code code = take_cases(desk, now_us, err);

	if (code == HIN_OK)
		code = read_batch(t, desk, now_us, batch, &count, err);
	for (size_t i = 0; i < count && code == HIN_OK; i++) {
		code = take_finding(t, desk, &batch[i], now_us, err);
		if (code == HIN_OK)
			code = hin_desk_run(desk, err,
					    "DELETE FROM notice_todo WHERE what = 'finding' AND "
					    "id = ?1",
					    "i", batch[i].id);
	}
	*more = count == TELLING_BATCH;
	/* findings that retention removed meanwhile */
	if (code == HIN_OK && !*more)
		code = hin_desk_run(desk, err,
				    "DELETE FROM notice_todo WHERE what = 'finding' AND NOT EXISTS "
				    "(SELECT 1 FROM finding f WHERE f.id = notice_todo.id)",
				    "");
	return code;
}

enum hin_code telling_take_findings(struct telling *t, struct hin_desk *desk, int64_t now_us,
				    struct hin_error *err)
{
	struct found *batch = calloc(TELLING_BATCH, sizeof(*batch));
	enum hin_code code = batch != NULL ? HIN_OK : hin_fail(err, HIN_ENOMEM, "notices");
	int64_t any = 0;
	bool more = true;

	while (code == HIN_OK && more && !telling_ends(t)) {
		code = hin_desk_number(desk, &any, err, "SELECT 1 FROM notice_todo LIMIT 1", "");
		if (code == HIN_OK)
			code = hin_desk_begin(desk, err);
		if (code != HIN_OK)
			break;
		code = telling_finish(desk, take_batch(t, desk, batch, now_us, &more, err), err);
	}
	free(batch);
	return code == HIN_ENOENT ? HIN_OK : code;
}

/* ---- what a person has made ---- */

#define LOOKED 2000 /* findings of a case that are looked at */

/* Findings of a case that an owner can be told of, infected machines first. */
static enum hin_code read_case(struct hin_desk *desk, int64_t case_id, struct found *out,
			       size_t *count, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		FOUND "FROM finding f JOIN case_ c ON c.id = f.case_id WHERE f.case_id = ?1 AND "
		      "(f.address IS NOT NULL OR f.device <> '') ORDER BY f.kind <> "
		      "'infected-member', f.live DESC, f.id LIMIT ?2",
		err);
	enum hin_code code = s != NULL ? hin_desk_bind(desk, s, err, "ii", case_id, (int64_t)LOOKED)
				       : HIN_EFORMAT;

	*count = 0;
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK) {
		read_found(&out[*count], s);
		if (hin_notice_text_of(out[*count].kind) != HIN_NOTICE_TEXT_COUNT)
			++*count;
	}
	return code == HIN_EOF ? HIN_OK : code;
}

/* May notices be made of this case? */
static enum hin_code check_case(struct hin_desk *desk, int64_t case_id, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(desk, "SELECT state FROM case_ WHERE id = ?1", err);
	enum hin_code code = s != NULL ? hin_desk_bind(desk, s, err, "i", case_id) : HIN_EFORMAT;
	char state[16] = "";

	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code == HIN_OK) {
		snprintf(state, sizeof(state), "%s", hin_desk_text(s, 0));
		sqlite3_reset(s);
	}
	if (code == HIN_EOF)
		return hin_fail(err, HIN_ENOENT, "there is no case %" PRId64, case_id);
	if (code == HIN_OK && strcmp(state, "new") != 0 && strcmp(state, "open") != 0)
		return hin_fail(err, HIN_EDENIED, "case %" PRId64 " is %s: open it first", case_id,
				state);
	return code;
}

/* The notices of a trouble, into a list; those that were not there before are made. */
static enum hin_code make_one(struct telling *t, struct hin_desk *desk, const struct maker *by,
			      const struct found *f, int64_t now_us, struct hin_telling_made *out,
			      struct hin_error *err)
{
	struct present present[CONTACTS];
	size_t count = 0;
	int64_t before = 0;
	bool fresh;
	enum hin_code code =
		hin_desk_number(desk, &before, err, "SELECT coalesce(max(id), 0) FROM notice", "");

	if (code == HIN_OK)
		code = find_present(desk, f, present, &count, err);
	fresh = count == 0;
	if (code == HIN_OK && fresh && out->made_count + CONTACTS > HIN_TELLING_MADE) {
		out->more = true;
		return HIN_OK;
	}
	if (code == HIN_OK && fresh)
		code = make(t, desk, by, f, now_us, err);
	if (code == HIN_OK && fresh)
		code = find_present(desk, f, present, &count, err);
	for (size_t i = 0; i < count && code == HIN_OK; i++) {
		bool made = present[i].id > before, listed = false;

		for (size_t k = 0; k < out->known_count; k++)
			listed |= out->known[k] == present[i].id;
		for (size_t k = 0; k < out->made_count; k++)
			listed |= out->made[k] == present[i].id;
		if (made && !listed)
			out->made[out->made_count++] = present[i].id;
		else if (!listed && out->known_count < HIN_TELLING_MADE)
			out->known[out->known_count++] = present[i].id;
	}
	return code;
}

static enum hin_code make_all(struct telling *t, struct hin_desk *desk, const struct maker *by,
			      int64_t case_id, bool release, int64_t now_us,
			      struct hin_telling_made *out, struct hin_error *err)
{
	struct found *found = calloc(LOOKED, sizeof(*found));
	size_t count = 0;
	enum hin_code code = found != NULL ? check_case(desk, case_id, err)
					   : hin_fail(err, HIN_ENOMEM, "notices");

	if (code == HIN_OK)
		code = read_case(desk, case_id, found, &count, err);
	if (code == HIN_OK && count == 0)
		code = hin_fail(err, HIN_EDENIED,
				"nothing in case %" PRId64 " is what an owner can be told of",
				case_id);
	for (size_t i = 0; i < count && code == HIN_OK; i++)
		code = make_one(t, desk, by, &found[i], now_us, out, err);
	if (code == HIN_OK && out->made_count == 0)
		code = hin_fail(err, HIN_EVERIFY, "case %" PRId64 " has its notices already",
				case_id);
	for (size_t i = 0; i < out->made_count && release && code == HIN_OK; i++) {
		code = notice_let_go(desk, out->made[i], by->account, now_us, err);
		if (code == HIN_EDENIED) /* nobody is known: it waits for its owner */
			code = HIN_OK;
	}
	free(found);
	return code;
}

enum hin_code hin_telling_make(struct hin_telling *of, struct hin_desk *desk, int64_t case_id,
			       int64_t account, int64_t now_us, bool release, bool dry_run,
			       hin_telling_made_fn look, void *user, struct hin_error *err)
{
	const struct maker by = { .account = account, .by_hand = true, .dry = dry_run };
	struct hin_telling_made made = { 0 };
	struct telling *t = telling_ref(of);
	enum hin_code code = hin_desk_begin(desk, err);

	if (code == HIN_OK)
		code = make_all(t, desk, &by, case_id, release, now_us, &made, err);
	if (code == HIN_OK)
		code = look(user, desk, &made, err);
	if (code == HIN_OK && !dry_run)
		code = hin_desk_commit(desk, err);
	else
		hin_desk_rollback(desk);
	telling_unref(t);
	return code;
}

/* ---- owners that become known, contacts that are lost ---- */

enum hin_code telling_find_owners(struct telling *t, struct hin_desk *desk, int64_t now_us,
				  struct hin_error *err)
{
	enum hin_code code;

	if (now_us - t->owners_us < AGAIN_US && now_us >= t->owners_us)
		return HIN_OK;
	t->owners_us = now_us;
	code = hin_desk_begin(desk, err);
	if (code != HIN_OK)
		return code;
	/* whoever entered an owner or a contact meanwhile: the finding is looked at once more */
	code = hin_desk_run(
		desk, err,
		"INSERT OR IGNORE INTO notice_todo SELECT 'finding', f.id FROM notice n "
		"JOIN finding f ON f.id = n.finding WHERE n.state = 'no_owner' AND "
		"f.organisation IS NOT NULL AND EXISTS (SELECT 1 FROM contact c WHERE "
		"c.organisation = f.organisation AND c.state = 'ok')",
		"");
	return telling_finish(desk, code, err);
}

enum hin_code telling_reroute(struct telling *t, struct hin_desk *desk, int64_t notice,
			      int64_t now_us, bool *found, struct hin_error *err)
{
	struct telling_contact contacts[CONTACTS];
	int64_t organisation = 0, taken = 0;
	size_t count = 0;
	enum hin_code code = hin_desk_number(desk, &organisation, err,
					     "SELECT coalesce(organisation, 0) FROM notice WHERE "
					     "id = ?1",
					     "i", notice);

	*found = false;
	if (code != HIN_OK || organisation == 0)
		return code == HIN_ENOENT ? HIN_OK : code;
	code = find_contacts(t, desk, organisation, "", now_us, contacts, &count, err);
	for (size_t i = 0; i < count && code == HIN_OK && !*found; i++) {
		/* who has a notice about it needs no other */
		code = hin_desk_number(
			desk, &taken, err,
			"SELECT count(*) FROM notice n, notice m WHERE m.id = ?1 AND "
			"n.trouble = m.trouble AND n.contact = ?2 AND n.state <> "
			"'withdrawn'",
			"ii", notice, contacts[i].id);
		if (code == HIN_OK && taken == 0) {
			code = assign(t, desk, &itself, notice, organisation, &contacts[i], now_us,
				      err);
			*found = true;
		}
	}
	return code;
}
