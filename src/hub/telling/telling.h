/*
 * telling - the hub's part that speaks: notices to owners, alerts to operators.
 *
 * Two threads, each with its own handle of the desk: one for alerts, which never waits for anything
 * but its own channels, and one for notices. Both are woken after the desk has changed
 * (hin_telling_wake), and look by themselves every second. What has changed they find in tables
 * that the desk's own triggers fill (notice_todo, alert_todo), so nothing is missed, whoever wrote
 * it and however a process ended.
 *
 * Nothing goes out unless sending is switched on in the settings, a sender's address is set and
 * every setting is understood: telling fails closed, and notices are held until somebody lets them
 * go.
 *
 * Exactly what is promised about sending: a letter's state is `sending` on disk before the server
 * sees the first byte, and `sent` after it said that it has the message. A process that ends in
 * between leaves `sending`; the next one sends such a letter again under the same Message-ID and
 * writes that down. So each letter arrives at least once, and twice only when the process ended
 * within the moment between the server's answer and one commit of the desk.
 *
 * Ownership: the caller owns a telling and ends it with hin_telling_close().
 * Threads:   open, adopt and close by one; the rest from any.
 */
#pragma once
#include "base/config.h"
#include "hub/telling/alert.h"
#include "hub/telling/notice.h"

/* Part of the hub's settings; rows in HIN_TELLING_ROWS (hub/telling/telling_settings.h). */
struct hin_telling_settings {
	bool send, approve, mail_plain, hook_private;
	int mail_tls; /* enum hin_mail_tls */
	char *mail_server, *mail_from, *mail_name, *mail_reply, *mail_bounce, *mail_user;
	char *mail_password_file, *mail_ca, *mail_certificate, *mail_key, *mail_bounces,
		*mail_hello;
	char *hook_secret_file;
	char *organisation, *contact, *verify_url, *templates;
	struct hin_config_list kinds, alert_to;
	uint64_t least_confidence, per_contact, per_hour, alerts_per_hour, reminders, digest_hour;
	int64_t watched_ns, remind_ns, retry_ns, gather_ns, proof_ns;
};

struct hin_telling;

struct hin_telling_open {
	const struct hin_telling_settings *settings; /* copied */
	const char *desk;			     /* path */
	const char *store;			     /* folder of the observations, or NULL */
	const char *ledger;			     /* folder of the ledger, or NULL */
	const char *hub_name; /* for Message-ID and syslog when mail.from is not
				 set */
};

/*
 * Read certificates, keys, templates and the on-call table. HIN_EFORMAT and others name the setting
 * or file:line that is wrong. No thread runs yet; nothing is sent.
 */
HIN_MUST_USE enum hin_code hin_telling_open(struct hin_telling **out,
					    const struct hin_telling_open *how,
					    struct hin_error *err);

/*
 * Other settings for a telling that may be at work: read and check all that they name, as
 * hin_telling_open() does. Nothing has changed yet; hin_telling_adopt() follows.
 */
HIN_MUST_USE enum hin_code hin_telling_prepare(struct hin_telling *telling,
					       const struct hin_telling_settings *settings,
					       struct hin_error *err);

/*
 * Go on by the settings that were prepared, each thread from its next letter on, or with `adopt`
 * false forget them. Waits for nothing; without any prepared it does nothing.
 */
void hin_telling_adopt(struct hin_telling *telling, bool adopt);

/* Start the threads. */
HIN_MUST_USE enum hin_code hin_telling_start(struct hin_telling *telling, struct hin_error *err);

/* Stop sending, end the threads, free. NULL is fine. */
void hin_telling_close(struct hin_telling *telling);

/* The desk has changed: look now. Any thread; NULL is fine. */
void hin_telling_wake(struct hin_telling *telling);

/* By these settings, does it send at all? Then the process must be able to connect. */
bool hin_telling_sends(const struct hin_telling_settings *settings);

/* name, meaning: what is counted since the start. */
#define HIN_TELLING_COUNTERS(X)                                                                    \
	X(notices, "notices made")                                                                 \
	X(no_owner, "notices for which nobody was found")                                          \
	X(letters_sent, "letters that a server took over")                                         \
	X(letters_again, "of them, sent again after a stop in the middle")                         \
	X(letters_later, "tries that a server put off")                                            \
	X(letters_refused, "letters that a server refused")                                        \
	X(limited, "letters put off by a limit on how many go out")                                \
	X(bounces, "bounces read")                                                                 \
	X(bounces_unknown, "messages among them that belong to no letter")                         \
	X(fixed, "notices closed: no longer seen")                                                 \
	X(reappeared, "notices opened again")                                                      \
	X(reminders, "reminders made")                                                             \
	X(alerts_sent, "alerts sent")                                                              \
	X(alerts_failed, "tries to send an alert that failed")                                     \
	X(over_limit, "findings left aside, too many notices are open")                            \
	X(failures, "looks at the desk that failed")

struct hin_telling_stats {
#define X(name, meaning) uint64_t name;
	HIN_TELLING_COUNTERS(X)
#undef X
	bool sends;				    /* as the settings in force say */
	uint64_t waiting, open, held, no_owner_now; /* as of the last look */
	uint64_t lost, alerts_waiting, cases_open;  /* the same; lost: letters given up */
	int64_t slowest_alert_us;		    /* from finding to sent, of the last hour's */
};

/* NULL is fine: nothing was counted. */
struct hin_telling_stats hin_telling_stats(struct hin_telling *telling);

/* ---- one look without threads, for tests and `hinomi notice send --now` ---- */

/* Alerts, or notices: take what changed, send what is due at `now_us`. */
HIN_MUST_USE enum hin_code hin_telling_alert(struct hin_telling *telling, struct hin_desk *desk,
					     int64_t now_us, struct hin_error *err);
HIN_MUST_USE enum hin_code hin_telling_notify(struct hin_telling *telling, struct hin_desk *desk,
					      int64_t now_us, struct hin_error *err);

/*
 * Append the letter that notice `id` is in, or would be in now: the bytes themselves when they are
 * made (`*final`), else as they would be made. Nothing changes in the desk. HIN_ENOENT when there
 * is nothing to go out.
 */
HIN_MUST_USE enum hin_code hin_telling_preview(struct hin_telling *telling, struct hin_desk *desk,
					       int64_t id, int64_t now_us, struct hin_buffer *out,
					       bool *final, struct hin_error *err);

/* name, word, en, ja: why a notice does not go out by itself. */
#define HIN_TELLING_HELD(X)                                                                        \
	X(NOT_HELD, "", "", "")                                                                    \
	X(SEND_OFF, "send-off", "sending is switched off (notice.send)",                           \
	  "送付は停止中です (notice.send)")                                                        \
	X(APPROVAL, "approval", "it waits for somebody to let it go",                              \
	  "担当者の承認を待っています")                                                            \
	X(NO_OWNER, "no-owner", "nobody in the directory answers for it",                          \
	  "台帳に所有者がありません")                                                              \
	X(NO_CONTACT, "no-contact", "its owner has no contact that can be reached",                \
	  "所有者に届く連絡先がありません")

enum hin_telling_held {
#define X(name, word, en, ja) HIN_TELLING_##name,
	HIN_TELLING_HELD(X)
#undef X
};

/* For programs; "" when it is not held. */
const char *hin_telling_held_name(enum hin_telling_held held);

/* For people. */
const char *hin_telling_held_text(enum hin_telling_held held, enum hin_lang lang);

/*
 * What a notice says: in the letter that waits, or else would be made now, or else went out last.
 * Start with { 0 }; hin_telling_view_fini() in any case.
 */
struct hin_telling_view {
	bool final;		       /* the letter is made: these are its words */
	char purpose[16], channel[16]; /* "" = nothing is to go out */
	char to[520];
	enum hin_lang language; /* of the letter */
	enum hin_telling_held held;
	int64_t due_us, sent_us;
	struct hin_buffer title[2], text[2]; /* by enum hin_lang */
	bool made[2];			     /* not of the letter: said anew, for readers here */
	struct hin_buffer message;	     /* the letter's bytes; empty = none */
};

void hin_telling_view_fini(struct hin_telling_view *view);

/* Nothing changes in the desk. HIN_ENOENT; HIN_EUNSUPPORTED: of a kind that has no text. */
HIN_MUST_USE enum hin_code hin_telling_view(struct hin_telling *telling, struct hin_desk *desk,
					    int64_t id, int64_t now_us,
					    struct hin_telling_view *out, struct hin_error *err);

#define HIN_TELLING_MADE 50 /* most notices that are made at once */

/* What somebody had made of a case. */
struct hin_telling_made {
	int64_t made[HIN_TELLING_MADE];	 /* notices */
	int64_t known[HIN_TELLING_MADE]; /* that were there already, of the same troubles */
	size_t made_count, known_count;
	bool more; /* troubles than these */
};

/* Look at what was made, in its transaction; a code other than HIN_OK undoes it, and is its code.
 */
typedef enum hin_code (*hin_telling_made_fn)(void *user, struct hin_desk *desk,
					     const struct hin_telling_made *made,
					     struct hin_error *err);

/*
 * Make the notices of a case's troubles that have none, because a person, `account`, wants it: of
 * any kind that has a text, however confident; whom nobody is known for waits in the queue without
 * owner. `release`: let them go at once. `look` sees what was made; with `dry_run` all is undone
 * after that. HIN_ENOENT: no such case; HIN_EDENIED: its state, or nothing in it that an owner can
 * be told; HIN_EVERIFY: all is told already.
 */
HIN_MUST_USE enum hin_code hin_telling_make(struct hin_telling *telling, struct hin_desk *desk,
					    int64_t case_id, int64_t account, int64_t now_us,
					    bool release, bool dry_run, hin_telling_made_fn look,
					    void *user, struct hin_error *err);

/* A letter that waits, or would; a code other than HIN_OK ends the walk and is its code. */
typedef enum hin_code (*hin_telling_letter_fn)(void *user, const char *purpose, const char *channel,
					       const char *address, const void *bytes, size_t size,
					       int64_t due_us, struct hin_error *err);

/*
 * Give every letter that would go out by `now_us`, byte by byte as it would: those that wait, and
 * those that would be made, digests included. Nothing changes in the desk.
 */
HIN_MUST_USE enum hin_code hin_telling_dry_run(struct hin_telling *telling, struct hin_desk *desk,
					       int64_t now_us, hin_telling_letter_fn call,
					       void *user, struct hin_error *err);
