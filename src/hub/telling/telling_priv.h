/* telling_priv - what the files of telling share. */
#pragma once
#include <pthread.h>

#include "hub/telling/notice_priv.h"
#include "hub/telling/notice_text.h"
#include "hub/telling/telling.h"
#include "net/mail.h"
#include "net/webhook.h"
#include "store/store.h"

#define TELLING_LOOK_NS 1000000000ll /* between two looks without a wake */
#define TELLING_SOON_NS 100000000ll  /* when something is due in a moment */
#define TELLING_BATCH 500	     /* changes of one transaction */
#define US INT64_C(1000000)

/* What one thread sends by. */
struct telling_channels {
	struct hin_mailer *mailer; /* NULL until it is needed */
	struct hin_webhook *hook;  /* the same */
	uint64_t seed;		   /* of jitter */
	bool soon;		   /* something is due in a moment: look again before long */
};

/*
 * Settings, and all that is made of them. It does not change: a reload makes a new one, and each
 * thread goes over to it between two letters.
 */
struct telling {
	struct hin_telling *of;
	unsigned refs;	   /* under the lock of `of` */
	_Atomic bool over; /* there are newer settings */

	struct hin_telling_settings s; /* a copy */
	struct hin_alert_table table;
	struct hin_notice_texts *texts;
	struct hin_notice_office office;
	struct hin_mail_signer *signer; /* NULL = mail is not signed */
	char *password, *secret;

	struct telling_channels notices, alerts;

	/* of the thread of notices */
	struct hin_store *reader;
	int64_t watched_us, house_us, count_us, owners_us;
};

struct telling_thread {
	struct hin_telling *of;
	pthread_t thread;
	bool started, woken;
	struct telling *mine; /* the settings that it works by */
	enum hin_code (*look)(struct telling *t, struct hin_desk *desk, int64_t now_us,
			      struct hin_error *err);
};

struct hin_telling {
	char *desk, *store, *ledger, *host;
	_Atomic bool stop;
	struct telling_thread notices, alerts;

	pthread_mutex_t lock; /* of what follows, `woken` and `refs` */
	pthread_cond_t wake;
	struct telling *now;  /* the settings in force */
	struct telling *next; /* prepared; of the thread that prepares and adopts */
	struct hin_telling_stats stats;
};

/* Make all that settings ask for; one reference, for the caller. `of` has all but its settings. */
HIN_MUST_USE enum hin_code telling_new(struct telling **out, struct hin_telling *of,
				       const struct hin_telling_settings *settings,
				       struct hin_error *err);

/* The settings in force, with a reference. */
struct telling *telling_ref(struct hin_telling *of);

/* One reference less; the last one frees. NULL is fine. */
void telling_unref(struct telling *t);

/* Is what goes on to end between two letters: for ever, or to go on by newer settings? */
static inline bool telling_ends(const struct telling *t)
{
	return t->over || t->of->stop;
}

/* Add to a counter. */
#define telling_count(t, counter, n)                                                               \
	do {                                                                                       \
		pthread_mutex_lock(&(t)->of->lock);                                                \
		(t)->of->stats.counter += (uint64_t)(n);                                           \
		pthread_mutex_unlock(&(t)->of->lock);                                              \
	} while (0)

/* ---- one look of a thread ---- */

HIN_MUST_USE enum hin_code telling_alert(struct telling *t, struct hin_desk *desk, int64_t now_us,
					 struct hin_error *err);
HIN_MUST_USE enum hin_code telling_notify(struct telling *t, struct hin_desk *desk, int64_t now_us,
					  struct hin_error *err);

/* hin_telling_dry_run() by these settings. */
HIN_MUST_USE enum hin_code telling_dry_run(struct telling *t, struct hin_desk *desk, int64_t now_us,
					   hin_telling_letter_fn call, void *user,
					   struct hin_error *err);

/* Commit when `code` is HIN_OK, else roll back and give it. */
HIN_MUST_USE enum hin_code telling_finish(struct hin_desk *desk, enum hin_code code,
					  struct hin_error *err);

/* ---- telling_notice: findings become notices ---- */

HIN_MUST_USE enum hin_code telling_take_findings(struct telling *t, struct hin_desk *desk,
						 int64_t now_us, struct hin_error *err);

/* Look again for whom nobody was known; in a transaction of its own. */
HIN_MUST_USE enum hin_code telling_find_owners(struct telling *t, struct hin_desk *desk,
					       int64_t now_us, struct hin_error *err);

/*
 * Give a notice whose contact cannot be reached to another one of its organisation; in the open
 * transaction. Without one it stays as it is, `*found` false.
 */
HIN_MUST_USE enum hin_code telling_reroute(struct telling *t, struct hin_desk *desk, int64_t notice,
					   int64_t now_us, bool *found, struct hin_error *err);

/* ---- telling_facts: what is known of a trouble ---- */

HIN_MUST_USE enum hin_code telling_facts(struct hin_desk *desk, int64_t notice, enum hin_lang lang,
					 struct hin_notice_facts *out, struct hin_error *err);

/* ---- telling_letter, telling_send ---- */

/* One contact, as it stands in the desk. */
struct telling_contact {
	int64_t id;
	char channel[16], address[520], quiet[200], digest[8], state[16];
	enum hin_lang lang;
};

HIN_MUST_USE enum hin_code telling_contact(struct hin_desk *desk, int64_t id,
					   struct telling_contact *out, struct hin_error *err);

/* When something that is ready at `now_us` goes to a contact: its digest and quiet hours. */
int64_t telling_due(const struct telling *t, const struct telling_contact *c, int64_t now_us);

/* Make letters of the notices that are due. */
HIN_MUST_USE enum hin_code telling_make_letters(struct telling *t, struct hin_desk *desk,
						int64_t now_us, struct hin_error *err);

/* What goes to one contact at once. */
struct telling_letter {
	char message_id[HIN_MAIL_ADDRESS], sender[HIN_MAIL_ADDRESS];
	struct hin_buffer title, text; /* as people read it */
	struct hin_buffer bytes;
};

void telling_letter_fini(struct telling_letter *letter);

/*
 * The letter about `count` notices. `without_proof`: a missing one is no reason to wait, HIN_EAGAIN
 * otherwise. End `out` with telling_letter_fini() in any case.
 */
HIN_MUST_USE enum hin_code telling_build(struct telling *t, struct hin_desk *desk,
					 const struct telling_contact *contact, const char *purpose,
					 const int64_t *notices, size_t count, int64_t now_us,
					 bool without_proof, struct telling_letter *out,
					 struct hin_error *err);

/*
 * Append what a message of `purpose` about a notice says in `lang`, made anew of what is known now:
 * the same as the letter's in its own language, and for who reads another one.
 */
HIN_MUST_USE enum hin_code telling_say(struct telling *t, struct hin_desk *desk, int64_t notice,
				       const char *purpose, enum hin_lang lang,
				       struct hin_buffer *title, struct hin_buffer *text,
				       struct hin_error *err);

/* Send the letters that are due. */
HIN_MUST_USE enum hin_code telling_send_letters(struct telling *t, struct hin_desk *desk,
						int64_t now_us, struct hin_error *err);

/* The mailer or web hook of `own`, made when it is needed. */
HIN_MUST_USE enum hin_code telling_mailer(struct telling *t, struct telling_channels *own,
					  struct hin_error *err);
HIN_MUST_USE enum hin_code telling_hook(struct telling *t, struct telling_channels *own,
					struct hin_error *err);

/* How long until try number `attempts` + 1: doubling from a minute to four hours, with jitter. */
int64_t telling_backoff_us(struct telling_channels *own, int64_t attempts);

/* A contact is not reached: mark it, tell operators, give its notices to others. In the open
 * transaction. */
HIN_MUST_USE enum hin_code telling_lose_contact(struct telling *t, struct hin_desk *desk,
						int64_t contact, const char *state,
						const char *reason, int64_t now_us,
						struct hin_error *err);

/* A letter came back, or was refused for good: its notices are bounced or failed. */
HIN_MUST_USE enum hin_code telling_letter_lost(struct telling *t, struct hin_desk *desk,
					       int64_t letter, const char *state,
					       const char *reason, int64_t now_us,
					       struct hin_error *err);

/* ---- telling_bounce, telling_watch, telling_alert ---- */

HIN_MUST_USE enum hin_code telling_read_bounces(struct telling *t, struct hin_desk *desk,
						int64_t now_us, struct hin_error *err);
HIN_MUST_USE enum hin_code telling_watch(struct telling *t, struct hin_desk *desk, int64_t now_us,
					 struct hin_error *err);

/* Tell operators of a case, with a line of ours behind it; in the open transaction. */
HIN_MUST_USE enum hin_code telling_tell_operators(struct telling *t, struct hin_desk *desk,
						  int64_t case_id, enum hin_severity severity,
						  const char *about, const char *reason_en,
						  const char *reason_ja, int64_t now_us,
						  struct hin_error *err);
