/* telling_send - letters go out: `sending` before, what became of it behind */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "base/log.h"
#include "hub/telling/telling_priv.h"

#define LETTERS 50 /* of one look */
#define HOUR_US (3600 * US)
#define FIRST_US (60 * US) /* until the second try */
#define LONGEST_US (4 * HOUR_US)

struct outgoing {
	int64_t id, contact, made_us, attempts;
	char purpose[16], channel[16], address[520], sender[HIN_MAIL_ADDRESS];
	char message_id[HIN_MAIL_ADDRESS], state[16];
};

int64_t telling_backoff_us(struct telling_channels *own, int64_t attempts)
{
	int64_t wait = FIRST_US << (attempts < 8 ? (attempts > 1 ? attempts - 1 : 0) : 8);

	if (wait > LONGEST_US)
		wait = LONGEST_US;
	/* xorshift: a quarter more or less, so that not all come back at one moment */
	own->seed ^= own->seed << 13;
	own->seed ^= own->seed >> 7;
	own->seed ^= own->seed << 17;
	return wait * 3 / 4 + (int64_t)(own->seed % (uint64_t)(wait / 2));
}

enum hin_code telling_mailer(struct telling *t, struct telling_channels *own, struct hin_error *err)
{
	struct hin_mailer_settings s = {
		.server = t->s.mail_server,
		.tls = (enum hin_mail_tls)t->s.mail_tls,
		.plain_anywhere = t->s.mail_plain,
		.ca_file = t->s.mail_ca,
		.user = t->s.mail_user,
		.password = t->password,
		.hello = t->s.mail_hello != NULL && t->s.mail_hello[0] != '\0' ? t->s.mail_hello
									       : t->office.domain,
		.stop = &t->of->stop,
	};

	return own->mailer != NULL ? HIN_OK : hin_mailer_open(&own->mailer, &s, err);
}

enum hin_code telling_hook(struct telling *t, struct telling_channels *own, struct hin_error *err)
{
	struct hin_webhook_settings s = { .private_too = t->s.hook_private,
					  .ca_file = t->s.mail_ca,
					  .secret = t->secret,
					  .stop = &t->of->stop };

	return own->hook != NULL ? HIN_OK : hin_webhook_open(&own->hook, &s, err);
}

/* ---- lost letters and contacts ---- */

enum hin_code telling_letter_lost(struct telling *t, struct hin_desk *desk, int64_t letter,
				  const char *state, const char *reason, int64_t now_us,
				  struct hin_error *err)
{
	bool bounced = strcmp(state, "bounced") == 0;
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		/* those that went to somebody else meanwhile are not lost */
		"SELECT n.id, n.case_id FROM letter_notice l JOIN notice n ON n.id = l.notice "
		"JOIN letter m ON m.id = l.letter WHERE l.letter = ?1 AND n.contact IS m.contact "
		"AND n.state IN ('queued', 'sent') LIMIT ?2",
		err);
	int64_t notices[HIN_NOTICE_LETTER], cases[HIN_NOTICE_LETTER];
	size_t count = 0;
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "ii", letter, (int64_t)HIN_NOTICE_LETTER);
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK) {
		notices[count] = sqlite3_column_int64(s, 0);
		cases[count++] = sqlite3_column_int64(s, 1);
	}
	code = code == HIN_EOF ? HIN_OK : code;
	if (code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "UPDATE letter SET state = ?2, answer = ?3 WHERE id = ?1",
				    "itt", letter, state, reason);
	for (size_t i = 0; i < count && code == HIN_OK; i++) {
		bool found = false;

		code = hin_desk_run(desk, err,
				    "UPDATE notice SET state = ?2, next = '', error = ?3 WHERE "
				    "id = ?1",
				    "itt", notices[i], state, reason);
		if (code == HIN_OK)
			code = notice_act(desk, notices[i],
					  bounced ? HIN_ACT_NOTICE_BOUNCED : HIN_ACT_NOTICE_FAILED,
					  0, now_us, state, reason, err);
		if (code == HIN_OK && bounced)
			code = telling_reroute(t, desk, notices[i], now_us, &found, err);
		if (code == HIN_OK && !found)
			code = telling_tell_operators(t, desk, cases[i], HIN_SEVERITY_MEDIUM, state,
						      "A notice did not reach the owner.",
						      "通知が所有者に届きませんでした。", now_us,
						      err);
	}
	return code;
}

enum hin_code telling_lose_contact(struct telling *t, struct hin_desk *desk, int64_t contact,
				   const char *state, const char *reason, int64_t now_us,
				   struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	int64_t notice = 0;

	if (state != NULL)
		code = hin_desk_run(desk, err,
				    "UPDATE contact SET state = ?2, state_reason = ?3, state_us = "
				    "?4 WHERE id = ?1 AND state = 'ok'",
				    "itti", contact, state, reason, now_us);
	/* what still was to go there */
	for (int i = 0; i < TELLING_BATCH && code == HIN_OK; i++) {
		bool found = false;

		code = hin_desk_number(
			desk, &notice, err,
			"SELECT id FROM notice WHERE contact = ?1 AND next <> '' AND "
			"state IN ('queued', 'sent', 'fixed', 'withdrawn') LIMIT 1",
			"i", contact);
		if (code != HIN_OK)
			break;
		code = hin_desk_run(desk, err,
				    "UPDATE notice SET next = '', state = CASE WHEN state IN "
				    "('queued', 'sent') THEN 'bounced' ELSE state END, error = ?2 "
				    "WHERE id = ?1",
				    "it", notice, reason);
		if (code == HIN_OK)
			code = notice_act(desk, notice, HIN_ACT_NOTICE_DROPPED, 0, now_us,
					  "contact-lost", reason, err);
		if (code == HIN_OK)
			code = telling_reroute(t, desk, notice, now_us, &found, err);
	}
	return code == HIN_ENOENT ? HIN_OK : code;
}

/* ---- accepted ---- */

/* What comes next for the notices of a letter that was taken over; each is an act. */
static enum hin_code note_sent(struct telling *t, struct hin_desk *desk, const struct outgoing *l,
			       int64_t notice, int64_t now_us, struct hin_error *err)
{
	bool first = strcmp(l->purpose, "notice") == 0;
	bool reminder = strcmp(l->purpose, "reminder") == 0;
	bool again = first || reminder || strcmp(l->purpose, "reappeared") == 0;
	enum hin_code code = HIN_OK;

	if (first)
		code = hin_desk_run(
			desk, err,
			"UPDATE notice SET state = CASE state WHEN 'queued' THEN 'sent' "
			"ELSE state END, sent_us = ?2, error = '', attempts = ?3 WHERE "
			"id = ?1",
			"iii", notice, now_us, l->attempts + 1);
	if (reminder && code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "UPDATE notice SET reminders = reminders + 1 WHERE id = ?1",
				    "i", notice);
	/* twice as long from one to the next */
	if (again && t->s.remind_ns > 0 && code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "UPDATE notice SET next = 'reminder', due_us = ?2 + ?3 * (1 << "
				    "min(reminders, 10)) WHERE id = ?1 AND state = 'sent' AND next "
				    "= '' AND reminders < ?4",
				    "iiii", notice, now_us, t->s.remind_ns / 1000,
				    (int64_t)t->s.reminders);
	if (code == HIN_OK)
		code = notice_act(desk, notice,
				  reminder ? HIN_ACT_NOTICE_REMINDED : HIN_ACT_NOTICE_SENT, 0,
				  now_us, first ? "sent" : l->purpose, l->message_id, err);
	if (reminder && code == HIN_OK)
		telling_count(t, reminders, 1);
	return code;
}

static enum hin_code note_accepted(struct telling *t, struct hin_desk *desk,
				   const struct outgoing *l, const char *answer, int64_t now_us,
				   struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk, "SELECT notice FROM letter_notice WHERE letter = ?1 LIMIT ?2", err);
	int64_t notices[HIN_NOTICE_LETTER];
	size_t count = 0;
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "ii", l->id, (int64_t)HIN_NOTICE_LETTER);
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK)
		notices[count++] = sqlite3_column_int64(s, 0);
	code = code == HIN_EOF ? HIN_OK : code;
	if (code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "UPDATE letter SET state = 'sent', sent_us = ?2, answer = ?3 "
				    "WHERE id = ?1",
				    "iit", l->id, now_us, answer);
	for (size_t i = 0; i < count && code == HIN_OK; i++)
		code = note_sent(t, desk, l, notices[i], now_us, err);
	telling_count(t, letters_sent, 1);
	return code;
}

/* ---- one letter ---- */

enum result { ACCEPTED, LATER, REFUSED, NO_SUCH };

static enum result hand_over(struct telling *t, const struct outgoing *l, const void *bytes,
			     size_t size, int64_t now_us, char answer[HIN_MAIL_ANSWER])
{
	struct hin_error why = { 0 };

	if (strcmp(l->channel, "webhook") == 0) {
		if (telling_hook(t, &t->notices, &why) != HIN_OK) {
			snprintf(answer, HIN_MAIL_ANSWER, "%s", why.text);
			return LATER;
		}
		switch (hin_webhook_send(t->notices.hook, l->address, l->message_id, bytes, size,
					 now_us / US, answer)) {
		case HIN_WEBHOOK_ACCEPTED:
			return ACCEPTED;
		case HIN_WEBHOOK_LATER:
			return LATER;
		default:
			return NO_SUCH; /* nobody takes it there */
		}
	}
	if (telling_mailer(t, &t->notices, &why) != HIN_OK) {
		snprintf(answer, HIN_MAIL_ANSWER, "%s", why.text);
		return LATER;
	}
	switch (hin_mailer_send(t->notices.mailer, l->sender, l->address, bytes, size, answer)) {
	case HIN_MAIL_ACCEPTED:
		return ACCEPTED;
	case HIN_MAIL_LATER:
		return LATER;
	case HIN_MAIL_NO_SUCH:
		return NO_SUCH;
	default:
		return REFUSED;
	}
}

/* A server does not take it now: again later, or given up. */
static enum hin_code note_later(struct telling *t, struct hin_desk *desk, const struct outgoing *l,
				const char *answer, int64_t now_us, struct hin_error *err)
{
	telling_count(t, letters_later, 1);
	if (now_us - l->made_us > t->s.retry_ns / 1000)
		return telling_letter_lost(t, desk, l->id, "failed", answer, now_us, err);
	return hin_desk_run(desk, err,
			    "UPDATE letter SET state = 'waiting', due_us = ?2, answer = ?3 WHERE "
			    "id = ?1",
			    "iit", l->id, now_us + telling_backoff_us(&t->notices, l->attempts + 1),
			    answer);
}

static enum hin_code note_result(struct telling *t, struct hin_desk *desk, const struct outgoing *l,
				 enum result result, const char *answer, int64_t now_us,
				 struct hin_error *err)
{
	enum hin_code code;

	switch (result) {
	case ACCEPTED:
		return note_accepted(t, desk, l, answer, now_us, err);
	case LATER:
		return note_later(t, desk, l, answer, now_us, err);
	case REFUSED:
		telling_count(t, letters_refused, 1);
		return telling_letter_lost(t, desk, l->id, "failed", answer, now_us, err);
	default:
		telling_count(t, letters_refused, 1);
		/* first the contact, so that its notices do not come back to it */
		code = telling_lose_contact(t, desk, l->contact, "bounced", answer, now_us, err);
		return code == HIN_OK
			       ? telling_letter_lost(t, desk, l->id, "bounced", answer, now_us, err)
			       : code;
	}
}

/* What was under way when a process ended goes out once more, under its old Message-ID. */
static enum hin_code note_again(struct telling *t, struct hin_desk *desk, const struct outgoing *l,
				int64_t now_us, struct hin_error *err)
{
	telling_count(t, letters_again, 1);
	return hin_desk_run(desk, err,
			    "INSERT INTO notice_history (notice, time_us, action, text) SELECT "
			    "notice, ?2, 'again', 'a stop in the middle: it may arrive twice' FROM "
			    "letter_notice WHERE letter = ?1",
			    "ii", l->id, now_us);
}

static enum hin_code send_one(struct telling *t, struct hin_desk *desk, const struct outgoing *l,
			      const struct hin_buffer *bytes, int64_t now_us, struct hin_error *err)
{
	char answer[HIN_MAIL_ANSWER] = "";
	enum result result;
	enum hin_code code = hin_desk_begin(desk, err);

	if (code != HIN_OK)
		return code;
	code = hin_desk_run(desk, err,
			    "UPDATE letter SET state = 'sending', attempts = attempts + 1 WHERE "
			    "id = ?1",
			    "i", l->id);
	if (code == HIN_OK && strcmp(l->state, "sending") == 0)
		code = note_again(t, desk, l, now_us, err);
	code = telling_finish(desk, code, err);
	if (code != HIN_OK)
		return code;
	result = hand_over(t, l, bytes->data, bytes->used, now_us, answer);
	if (result == LATER && t->of->stop)
		return HIN_OK; /* it is `sending`, and goes on with the next process */
	do { /* a desk that somebody holds must not make us forget that it was sent */
		code = hin_desk_begin(desk, err);
	} while (code == HIN_EAGAIN && !t->of->stop);
	if (code != HIN_OK)
		return code;
	return telling_finish(desk, note_result(t, desk, l, result, answer, now_us, err), err);
}

/* The next letter that is due, with its bytes. HIN_EOF: there is none. */
static enum hin_code next_letter(struct hin_desk *desk, int64_t now_us, int64_t after,
				 struct outgoing *out, struct hin_buffer *bytes,
				 struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT id, coalesce(contact, 0), purpose, channel, address, sender, message_id, "
		"state, made_us, attempts, bytes FROM letter WHERE state IN ('waiting', 'sending') "
		"AND due_us <= ?1 AND id > ?2 ORDER BY id LIMIT 1",
		err);
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "ii", now_us, after);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code != HIN_OK)
		return code;
	*out = (struct outgoing){ .id = sqlite3_column_int64(s, 0),
				  .contact = sqlite3_column_int64(s, 1),
				  .made_us = sqlite3_column_int64(s, 8),
				  .attempts = sqlite3_column_int64(s, 9) };
	snprintf(out->purpose, sizeof(out->purpose), "%s", hin_desk_text(s, 2));
	snprintf(out->channel, sizeof(out->channel), "%s", hin_desk_text(s, 3));
	snprintf(out->address, sizeof(out->address), "%s", hin_desk_text(s, 4));
	snprintf(out->sender, sizeof(out->sender), "%s", hin_desk_text(s, 5));
	snprintf(out->message_id, sizeof(out->message_id), "%s", hin_desk_text(s, 6));
	snprintf(out->state, sizeof(out->state), "%s", hin_desk_text(s, 7));
	hin_buffer_reset(bytes);
	hin_buffer_add(bytes, sqlite3_column_blob(s, 10), (size_t)sqlite3_column_bytes(s, 10));
	sqlite3_reset(s);
	return bytes->failed ? hin_fail(err, HIN_ENOMEM, "letter") : HIN_OK;
}

enum hin_code telling_send_letters(struct telling *t, struct hin_desk *desk, int64_t now_us,
				   struct hin_error *err)
{
	struct hin_buffer bytes = { 0 };
	struct outgoing l = { 0 };
	int64_t sent = 0;
	enum hin_code code = HIN_OK;

	if (!t->s.send)
		return HIN_OK;
	code = hin_desk_number(desk, &sent, err, "SELECT count(*) FROM letter WHERE sent_us > ?1",
			       "i", now_us - HOUR_US);
	for (int i = 0; i < LETTERS && code == HIN_OK && !telling_ends(t); i++) {
		code = next_letter(desk, now_us, l.id, &l, &bytes, err);
		if (code != HIN_OK)
			break;
		if (sent++ >= (int64_t)t->s.per_hour) {
			telling_count(t, limited, 1);
			break;
		}
		code = send_one(t, desk, &l, &bytes, now_us, err);
	}
	hin_buffer_fini(&bytes);
	return code == HIN_EOF ? HIN_OK : code;
}
