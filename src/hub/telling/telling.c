/* telling - settings, two threads, and what is seen from outside; see telling.h */
#include "hub/telling/telling.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/file.h"
#include "base/log.h"
#include "hub/case/finding.h"
#include "hub/telling/telling_priv.h"
#include "hub/telling/telling_settings.h"

#define SECRET 4096	       /* bytes of a file with a password */
#define PEM ((size_t)64 << 10) /* and with certificates */
#define HOUSE_US (3600 * US)
#define COUNT_US (5 * US)
#define KEEP_US (30 * 86400 * US) /* bytes of letters that were sent */

/* Rows of our part alone: for a copy, and its end. */
static const struct hin_setting rows[] = { HIN_TELLING_ROWS(0) };
static const struct hin_config_table table = { rows, HIN_COUNT(rows) };

/* ---- open ---- */

static char *copy_text(const char *text)
{
	return strdup(text != NULL ? text : "");
}

static bool copy_list(struct hin_config_list *to, const struct hin_config_list *from)
{
	to->items = calloc(from->count + 1, sizeof(*to->items));
	if (to->items == NULL)
		return false;
	for (to->count = 0; to->count < from->count; to->count++) {
		to->items[to->count] = strdup(from->items[to->count]);
		if (to->items[to->count] == NULL)
			return false;
	}
	return true;
}

/* What the rows say is text or list is copied, the rest is taken as it is. */
static bool copy_settings(struct hin_telling_settings *to, const struct hin_telling_settings *from)
{
	bool good = true;

	*to = *from;
	for (size_t i = 0; i < HIN_COUNT(rows); i++) {
		char *target = (char *)to + rows[i].offset;
		const char *source = (const char *)from + rows[i].offset;

		if (rows[i].rule.type == HIN_VALUE_TEXT) {
			char *text;

			memcpy(&text, source, sizeof(text));
			text = copy_text(text);
			memcpy(target, &text, sizeof(text));
			good = good && text != NULL;
		} else if (rows[i].rule.type == HIN_VALUE_LIST) {
			struct hin_config_list list = { 0 }, given;

			memcpy(&given, source, sizeof(given));
			good = copy_list(&list, &given) && good;
			memcpy(target, &list, sizeof(list));
		}
	}
	return good;
}

static bool same_list(const struct hin_config_list *a, const struct hin_config_list *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; i < a->count && same; i++)
		same = strcmp(a->items[i], b->items[i]) == 0;
	return same;
}

bool hin_telling_same(const struct hin_telling_settings *a, const struct hin_telling_settings *b)
{
	bool same = true;

	for (size_t i = 0; i < HIN_COUNT(rows) && same; i++) {
		const char *x = (const char *)a + rows[i].offset;
		const char *y = (const char *)b + rows[i].offset;
		struct hin_config_list p, q;
		const char *s, *t;

		switch (rows[i].rule.type) {
		case HIN_VALUE_TEXT:
			memcpy(&s, x, sizeof(s));
			memcpy(&t, y, sizeof(t));
			same = strcmp(s != NULL ? s : "", t != NULL ? t : "") == 0;
			break;
		case HIN_VALUE_LIST:
			memcpy(&p, x, sizeof(p));
			memcpy(&q, y, sizeof(q));
			same = same_list(&p, &q);
			break;
		case HIN_VALUE_BOOL:
			same = memcmp(x, y, sizeof(bool)) == 0;
			break;
		case HIN_VALUE_CHOICE:
			same = memcmp(x, y, sizeof(int)) == 0;
			break;
		default:
			same = memcmp(x, y, sizeof(int64_t)) == 0;
			break;
		}
	}
	return same;
}

static bool given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* The first line of a private file. */
static enum hin_code read_secret(char **out, const char *path, const char *what,
				 struct hin_error *err)
{
	struct hin_buffer text = { 0 };
	struct hin_error why = { 0 };
	enum hin_code code = HIN_OK;

	if (given(path)) {
		code = hin_file_read_private(&text, path, SECRET, &why);
		if (code != HIN_OK)
			code = hin_fail(err, code, "%s: %s", what, why.text);
	}
	if (code == HIN_OK) {
		*out = strndup(hin_buffer_text(&text), strcspn(hin_buffer_text(&text), "\r\n"));
		if (*out == NULL)
			code = hin_fail(err, HIN_ENOMEM, "%s", what);
	}
	if (text.data != NULL)
		explicit_bzero(text.data, text.size);
	hin_buffer_fini(&text);
	return code;
}

static enum hin_code open_signer(struct hin_telling *t, struct hin_error *err)
{
	struct hin_buffer certificate = { 0 }, key = { 0 };
	enum hin_code code;

	if (!given(t->s.mail_certificate) && !given(t->s.mail_key))
		return HIN_OK;
	if (!given(t->s.mail_certificate) || !given(t->s.mail_key))
		return hin_fail(err, HIN_EFORMAT,
				"mail.certificate and mail.key: one needs the other");
	code = hin_file_read(&certificate, t->s.mail_certificate, PEM, err);
	if (code == HIN_OK)
		code = hin_file_read_private(&key, t->s.mail_key, PEM, err);
	if (code == HIN_OK)
		code = hin_mail_signer_open(&t->signer, hin_buffer_text(&certificate),
					    hin_buffer_text(&key), hin_time_now_ns() / HIN_NS_PER_S,
					    err);
	if (key.data != NULL)
		explicit_bzero(key.data, key.size);
	hin_buffer_fini(&certificate);
	hin_buffer_fini(&key);
	return code;
}

/* What must be right before anything may go out. */
static enum hin_code check_mail(struct hin_telling *t, struct hin_error *err)
{
	const struct {
		const char *name, *address;
	} addresses[] = { { "mail.from", t->s.mail_from },
			  { "mail.reply-to", t->s.mail_reply },
			  { "mail.bounce", t->s.mail_bounce } };
	bool mails = t->s.send;
	struct hin_error why = { 0 };
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < HIN_COUNT(addresses) && code == HIN_OK; i++)
		if (given(addresses[i].address)) {
			code = hin_mail_address_check(addresses[i].address, &why);
			if (code != HIN_OK)
				code = hin_fail(err, code, "%s: %s", addresses[i].name, why.text);
		}
	for (size_t i = 0; i < t->table.count; i++)
		mails = mails || t->table.routes[i].channel == HIN_ALERT_MAIL;
	if (code == HIN_OK && t->s.send && !given(t->s.organisation))
		code = hin_fail(err, HIN_EFORMAT,
				"notice.sender: notices need the name of who sends them");
	if (code == HIN_OK && mails && !given(t->s.mail_from))
		code = hin_fail(err, HIN_EFORMAT, "mail.from: mail needs an address to come from");
	if (code == HIN_OK && mails)
		code = telling_mailer(t, &t->notices, err);
	return code;
}

static enum hin_code check_lists(struct hin_telling *t, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < t->s.kinds.count && code == HIN_OK; i++)
		if (hin_notice_text_of(t->s.kinds.items[i]) == HIN_NOTICE_TEXT_COUNT)
			code = hin_fail(err, HIN_EFORMAT,
					"notice.kinds: owners are not told of \"%.60s\"",
					t->s.kinds.items[i]);
	for (size_t i = 0; i < t->s.alert_to.count && code == HIN_OK; i++) {
		struct hin_alert_route *r = &t->table.routes[t->table.count];

		code = hin_alert_table_add(&t->table, t->s.alert_to.items[i], err);
		if (code == HIN_OK && r->channel == HIN_ALERT_WEBHOOK)
			code = hin_webhook_check(r->address, t->s.hook_private, err);
	}
	return code;
}

static void set_office(struct hin_telling *t)
{
	t->office = (struct hin_notice_office){
		.sender = given(t->s.organisation) ? t->s.organisation : "hinomi",
		.contact = given(t->s.contact) ? t->s.contact : NULL,
		.verify = given(t->s.verify_url) ? t->s.verify_url : NULL,
		.mail = given(t->s.mail_from) ? t->s.mail_from : "nobody@localhost",
		.domain = given(t->s.mail_from) ? hin_mail_domain(t->s.mail_from) : "localhost",
		.watched_ns = t->s.watched_ns,
	};
	t->notices = (struct telling_thread){ .telling = t, .look = hin_telling_notify };
	t->alerts = (struct telling_thread){ .telling = t, .look = hin_telling_alert };
	if (getrandom(&t->notices.seed, sizeof(t->notices.seed), 0) < 0 || t->notices.seed == 0)
		t->notices.seed = 1;
	t->alerts.seed = t->notices.seed ^ 0x9e3779b97f4a7c15u;
	if (t->alerts.seed == 0)
		t->alerts.seed = 1;
}

enum hin_code hin_telling_open(struct hin_telling **out, const struct hin_telling_open *how,
			       struct hin_error *err)
{
	struct hin_telling *t = calloc(1, sizeof(*t));
	enum hin_code code = HIN_OK;

	if (t == NULL)
		return hin_fail(err, HIN_ENOMEM, "telling");
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->wake, NULL);
	t->desk = copy_text(how->desk);
	t->store = how->store != NULL ? strdup(how->store) : NULL;
	t->ledger = how->ledger != NULL ? strdup(how->ledger) : NULL;
	t->host = copy_text(how->hub_name);
	if (!copy_settings(&t->s, how->settings) || t->desk == NULL || t->host == NULL)
		code = hin_fail(err, HIN_ENOMEM, "telling");
	if (code == HIN_OK) {
		set_office(t);
		code = hin_notice_texts_open(&t->texts, t->s.templates, err);
	}
	if (code == HIN_OK)
		code = read_secret(&t->password, t->s.mail_password_file, "mail.password-file",
				   err);
	if (code == HIN_OK)
		code = read_secret(&t->secret, t->s.hook_secret_file, "webhook.secret-file", err);
	if (code == HIN_OK)
		code = open_signer(t, err);
	if (code == HIN_OK)
		code = check_lists(t, err);
	if (code == HIN_OK)
		code = check_mail(t, err);
	if (code != HIN_OK) {
		hin_telling_close(t);
		return code;
	}
	*out = t;
	return HIN_OK;
}

/* ---- one look ---- */

static int64_t count_of(struct hin_desk *desk, const char *sql)
{
	int64_t count = 0;

	return hin_desk_number(desk, &count, NULL, sql, "") == HIN_OK ? count : 0;
}

/* Figures for the metrics, now and then. */
static void count_all(struct hin_telling *t, struct hin_desk *desk, int64_t now_us)
{
	int64_t waiting, open, held, unowned;

	if (now_us - t->count_us < COUNT_US && now_us >= t->count_us)
		return;
	t->count_us = now_us;
	waiting = count_of(desk, "SELECT count(*) FROM letter WHERE state IN ('waiting', "
				 "'sending')");
	open = count_of(desk, "SELECT count(*) FROM notice WHERE state = 'sent'");
	held = count_of(desk, "SELECT count(*) FROM notice WHERE state = 'held'");
	unowned = count_of(desk, "SELECT count(*) FROM notice WHERE state = 'no_owner'");
	pthread_mutex_lock(&t->lock);
	t->stats.waiting = (uint64_t)waiting;
	t->stats.open = (uint64_t)open;
	t->stats.held = (uint64_t)held;
	t->stats.no_owner_now = (uint64_t)unowned;
	pthread_mutex_unlock(&t->lock);
}

static enum hin_code keep_house(struct hin_telling *t, struct hin_desk *desk, int64_t now_us,
				struct hin_error *err)
{
	if (now_us - t->house_us < HOUSE_US && now_us >= t->house_us)
		return HIN_OK;
	t->house_us = now_us;
	pthread_mutex_lock(&t->lock);
	t->stats.slowest_alert_us = 0;
	pthread_mutex_unlock(&t->lock);
	return hin_desk_run(desk, err,
			    "UPDATE letter SET bytes = x'' WHERE state IN ('sent', 'dropped') AND "
			    "made_us < ?1 AND length(bytes) > 0",
			    "i", now_us - KEEP_US);
}

enum hin_code hin_telling_notify(struct hin_telling *t, struct hin_desk *desk, int64_t now_us,
				 struct hin_error *err)
{
	enum hin_code code = telling_read_bounces(t, desk, now_us, err);

	if (code == HIN_OK)
		code = telling_find_owners(t, desk, now_us, err);
	if (code == HIN_OK)
		code = telling_take_findings(t, desk, now_us, err);
	if (code == HIN_OK)
		code = telling_make_letters(t, desk, now_us, err);
	if (code == HIN_OK)
		code = telling_send_letters(t, desk, now_us, err);
	/* a store that is not there yet, or damaged, keeps nobody from being told */
	if (code == HIN_OK) {
		struct hin_error why = { 0 };

		if (telling_watch(t, desk, now_us, &why) != HIN_OK)
			hin_log_limited(HIN_LOG_WARNING, "notice.not_watched",
					hin_log_text("error", why.text));
		code = telling_make_letters(t, desk, now_us, err);
	}
	if (code == HIN_OK)
		code = keep_house(t, desk, now_us, err);
	if (code == HIN_OK)
		count_all(t, desk, now_us);
	return code;
}

/* ---- threads ---- */

static void wait_for_work(struct telling_thread *thread)
{
	struct hin_telling *t = thread->telling;
	struct timespec until;
	int64_t at = hin_time_now_ns() + (thread->soon ? TELLING_SOON_NS : TELLING_LOOK_NS);

	until.tv_sec = (time_t)(at / HIN_NS_PER_S);
	until.tv_nsec = (long)(at % HIN_NS_PER_S);
	pthread_mutex_lock(&t->lock);
	while (!thread->woken && !t->stop)
		if (pthread_cond_timedwait(&t->wake, &t->lock, &until) != 0)
			break;
	thread->woken = false;
	pthread_mutex_unlock(&t->lock);
}

static void *run(void *user)
{
	struct telling_thread *thread = user;
	struct hin_telling *t = thread->telling;
	struct hin_desk *desk = NULL;

	while (!t->stop) {
		struct hin_error why = { 0 };
		enum hin_code code = HIN_OK;

		if (desk == NULL)
			code = hin_desk_open(&desk, t->desk, HIN_DESK_WRITE, &why);
		if (code == HIN_OK)
			code = thread->look(t, desk, hin_time_now_ns() / 1000, &why);
		if (code != HIN_OK) {
			telling_count(t, failures, 1);
			hin_log_limited(HIN_LOG_ERROR, "telling.failed",
					hin_log_text("error", why.text));
			/* whatever state it is in: begin anew */
			hin_desk_close(desk);
			desk = NULL;
		}
		wait_for_work(thread);
	}
	hin_desk_close(desk);
	return NULL;
}

enum hin_code hin_telling_start(struct hin_telling *t, struct hin_error *err)
{
	struct telling_thread *threads[] = { &t->notices, &t->alerts };

	for (size_t i = 0; i < HIN_COUNT(threads); i++) {
		if (pthread_create(&threads[i]->thread, NULL, run, threads[i]) != 0)
			return hin_fail(err, HIN_ENOMEM, "telling: no thread");
		threads[i]->started = true;
	}
	return HIN_OK;
}

void hin_telling_wake(struct hin_telling *t)
{
	if (t == NULL)
		return;
	pthread_mutex_lock(&t->lock);
	t->notices.woken = t->alerts.woken = true;
	pthread_cond_broadcast(&t->wake);
	pthread_mutex_unlock(&t->lock);
}

void hin_telling_close(struct hin_telling *t)
{
	struct telling_thread *threads[2];

	if (t == NULL)
		return;
	threads[0] = &t->notices;
	threads[1] = &t->alerts;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_broadcast(&t->wake);
	pthread_mutex_unlock(&t->lock);
	for (size_t i = 0; i < HIN_COUNT(threads); i++) {
		if (threads[i]->started)
			pthread_join(threads[i]->thread, NULL);
		hin_mailer_close(threads[i]->mailer);
		hin_webhook_close(threads[i]->hook);
	}
	hin_store_close(t->reader);
	hin_mail_signer_close(t->signer);
	hin_notice_texts_close(t->texts);
	hin_alert_table_fini(&t->table);
	hin_config_fini(&table, &t->s);
	if (t->password != NULL)
		explicit_bzero(t->password, strlen(t->password));
	if (t->secret != NULL)
		explicit_bzero(t->secret, strlen(t->secret));
	free(t->password);
	free(t->secret);
	free(t->desk);
	free(t->store);
	free(t->ledger);
	free(t->host);
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->wake);
	free(t);
}

/* ---- from outside ---- */

const struct hin_telling_settings *hin_telling_settings(const struct hin_telling *t)
{
	return &t->s;
}

struct hin_telling_stats hin_telling_stats(struct hin_telling *t)
{
	struct hin_telling_stats stats = { 0 };

	if (t == NULL)
		return stats;
	pthread_mutex_lock(&t->lock);
	stats = t->stats;
	pthread_mutex_unlock(&t->lock);
	return stats;
}

bool hin_telling_sends(const struct hin_telling *t)
{
	return t->s.send || t->table.count > 0;
}

size_t hin_telling_paths(const struct hin_telling *t, const char *read[8], size_t *reads,
			 const char *write[1])
{
	*reads = 0;
	if (given(t->s.mail_ca))
		read[(*reads)++] = t->s.mail_ca;
	if (t->ledger != NULL)
		read[(*reads)++] = t->ledger;
	read[(*reads)++] = "/usr/share/zoneinfo"; /* of contacts' quiet hours */
	if (!given(t->s.mail_bounces))
		return 0;
	write[0] = t->s.mail_bounces;
	return 1;
}

/* The bytes of the letter that waits with this notice in it. */
static enum hin_code waiting_letter(struct hin_desk *desk, int64_t id, struct hin_buffer *out,
				    struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT l.bytes FROM letter_notice n JOIN letter l ON l.id = n.letter WHERE "
		"n.notice = ?1 AND l.state IN ('waiting', 'sending') ORDER BY l.id LIMIT 1",
		err);
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "i", id);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code == HIN_OK) {
		hin_buffer_add(out, sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0));
		sqlite3_reset(s);
	}
	return code;
}

enum hin_code hin_telling_preview(struct hin_telling *t, struct hin_desk *desk, int64_t id,
				  int64_t now_us, struct hin_buffer *out, bool *final,
				  struct hin_error *err)
{
	char message_id[HIN_MAIL_ADDRESS], sender[HIN_MAIL_ADDRESS], next[16];
	int64_t contact;
	struct telling_contact c;
	sqlite3_stmt *s;
	enum hin_code code = waiting_letter(desk, id, out, err);

	*final = code == HIN_OK;
	if (code != HIN_EOF)
		return code;
	s = hin_desk_statement(desk, "SELECT next, coalesce(contact, 0) FROM notice WHERE id = ?1",
			       err);
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "i", id);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code == HIN_EOF)
		return hin_fail(err, HIN_ENOENT, "there is no notice %" PRId64, id);
	if (code != HIN_OK)
		return code;
	snprintf(next, sizeof(next), "%s", hin_desk_text(s, 0));
	contact = sqlite3_column_int64(s, 1);
	sqlite3_reset(s);
	if (next[0] == '\0' || contact == 0)
		return hin_fail(err, HIN_ENOENT, "notice %" PRId64 " has nothing to go out", id);
	if (!given(t->s.mail_from))
		return hin_fail(err, HIN_EFORMAT, "mail.from: mail needs an address to come from");
	code = telling_contact(desk, contact, &c, err);
	if (code == HIN_OK)
		code = telling_build(t, desk, &c, next, &id, 1, now_us, true, message_id, sender,
				     out, err);
	return code;
}
