/* telling - the settings in force, two threads, and what is seen from outside; see telling.h */
#include "hub/telling/telling.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "hub/case/finding.h"
#include "hub/telling/telling_priv.h"

#define HOUSE_US (3600 * US)
#define COUNT_US (5 * US)
#define KEEP_US (30 * (86400 * US)) /* bytes of letters that were sent */

/* ---- one look ---- */

static int64_t count_of(struct hin_desk *desk, const char *sql)
{
	int64_t count = 0;

	return hin_desk_number(desk, &count, NULL, sql, "") == HIN_OK ? count : 0;
}

/* Figures for the metrics, now and then. */
static void count_all(struct telling *t, struct hin_desk *desk, int64_t now_us)
{
	int64_t waiting, open, held, unowned, lost, alerts, cases;

	if (now_us - t->count_us < COUNT_US && now_us >= t->count_us)
		return;
	t->count_us = now_us;
	waiting = count_of(desk, "SELECT count(*) FROM letter WHERE state IN ('waiting', "
				 "'sending')");
	open = count_of(desk, "SELECT count(*) FROM notice WHERE state = 'sent'");
	held = count_of(desk, "SELECT count(*) FROM notice WHERE state = 'held'");
	unowned = count_of(desk, "SELECT count(*) FROM notice WHERE state = 'no_owner'");
	lost = count_of(desk, "SELECT count(*) FROM letter WHERE state IN ('failed', 'bounced')");
	alerts = count_of(desk, "SELECT count(*) FROM alert WHERE sent_us = 0");
	cases = count_of(desk, "SELECT count(*) FROM case_ WHERE state IN ('new', 'open')");
	pthread_mutex_lock(&t->of->lock);
	t->of->stats.lost = (uint64_t)lost;
	t->of->stats.alerts_waiting = (uint64_t)alerts;
	t->of->stats.cases_open = (uint64_t)cases;
	t->of->stats.waiting = (uint64_t)waiting;
	t->of->stats.open = (uint64_t)open;
	t->of->stats.held = (uint64_t)held;
	t->of->stats.no_owner_now = (uint64_t)unowned;
	pthread_mutex_unlock(&t->of->lock);
}

static enum hin_code keep_house(struct telling *t, struct hin_desk *desk, int64_t now_us,
				struct hin_error *err)
{
	if (now_us - t->house_us < HOUSE_US && now_us >= t->house_us)
		return HIN_OK;
	t->house_us = now_us;
	pthread_mutex_lock(&t->of->lock);
	t->of->stats.slowest_alert_us = 0;
	pthread_mutex_unlock(&t->of->lock);
	return hin_desk_run(desk, err,
			    "UPDATE letter SET bytes = x'' WHERE state IN ('sent', 'dropped') AND "
			    "made_us < ?1 AND length(bytes) > 0",
			    "i", now_us - KEEP_US);
}

enum hin_code telling_notify(struct telling *t, struct hin_desk *desk, int64_t now_us,
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

/* ---- the settings in force ---- */

struct telling *telling_ref(struct hin_telling *of)
{
	struct telling *t;

	pthread_mutex_lock(&of->lock);
	t = of->now;
	t->refs++;
	pthread_mutex_unlock(&of->lock);
	return t;
}

static char *copy_text(const char *text)
{
	return strdup(text != NULL ? text : "");
}

enum hin_code hin_telling_open(struct hin_telling **out, const struct hin_telling_open *how,
			       struct hin_error *err)
{
	struct hin_telling *of = calloc(1, sizeof(*of));
	enum hin_code code = HIN_OK;

	if (of == NULL)
		return hin_fail(err, HIN_ENOMEM, "telling");
	pthread_mutex_init(&of->lock, NULL);
	pthread_cond_init(&of->wake, NULL);
	of->notices = (struct telling_thread){ .of = of, .look = telling_notify };
	of->alerts = (struct telling_thread){ .of = of, .look = telling_alert };
	of->desk = copy_text(how->desk);
	of->host = copy_text(how->hub_name);
	of->store = how->store != NULL ? strdup(how->store) : NULL;
	of->ledger = how->ledger != NULL ? strdup(how->ledger) : NULL;
	if (of->desk == NULL || of->host == NULL)
		code = hin_fail(err, HIN_ENOMEM, "telling");
	if (code == HIN_OK)
		code = telling_new(&of->now, of, how->settings, err);
	if (code != HIN_OK) {
		hin_telling_close(of);
		return code;
	}
	*out = of;
	return HIN_OK;
}

enum hin_code hin_telling_prepare(struct hin_telling *of,
				  const struct hin_telling_settings *settings,
				  struct hin_error *err)
{
	hin_telling_adopt(of, false);
	return telling_new(&of->next, of, settings, err);
}

void hin_telling_adopt(struct hin_telling *of, bool adopt)
{
	struct telling *old = of->next;

	if (old != NULL && adopt) {
		pthread_mutex_lock(&of->lock);
		old = of->now;
		of->now = of->next;
		old->over = true;
		pthread_mutex_unlock(&of->lock);
	}
	of->next = NULL;
	telling_unref(old);
	if (adopt)
		hin_telling_wake(of);
}

/* ---- threads ---- */

static void wait_for_work(struct telling_thread *thread, bool soon)
{
	struct hin_telling *of = thread->of;
	struct timespec until;
	int64_t at = hin_time_now_ns() + (soon ? TELLING_SOON_NS : TELLING_LOOK_NS);

	until.tv_sec = (time_t)(at / HIN_NS_PER_S);
	until.tv_nsec = (long)(at % HIN_NS_PER_S);
	pthread_mutex_lock(&of->lock);
	while (!thread->woken && !of->stop)
		if (pthread_cond_timedwait(&of->wake, &of->lock, &until) != 0)
			break;
	thread->woken = false;
	pthread_mutex_unlock(&of->lock);
}

/* Go over to the newest settings. */
static struct telling *newest(struct telling_thread *thread)
{
	struct telling *before = thread->mine;

	if (before == NULL || before->over) {
		thread->mine = telling_ref(thread->of);
		telling_unref(before);
	}
	return thread->mine;
}

static void *run(void *user)
{
	struct telling_thread *thread = user;
	struct hin_telling *of = thread->of;
	struct hin_desk *desk = NULL;

	while (!of->stop) {
		struct telling *t = newest(thread);
		struct hin_error why = { 0 };
		enum hin_code code = HIN_OK;

		if (desk == NULL)
			code = hin_desk_open(&desk, of->desk, HIN_DESK_WRITE, &why);
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
		wait_for_work(thread, thread == &of->alerts && t->alerts.soon);
	}
	hin_desk_close(desk);
	return NULL;
}

enum hin_code hin_telling_start(struct hin_telling *of, struct hin_error *err)
{
	struct telling_thread *threads[] = { &of->notices, &of->alerts };

	for (size_t i = 0; i < HIN_COUNT(threads); i++) {
		if (pthread_create(&threads[i]->thread, NULL, run, threads[i]) != 0)
			return hin_fail(err, HIN_ENOMEM, "telling: no thread");
		threads[i]->started = true;
	}
	return HIN_OK;
}

void hin_telling_wake(struct hin_telling *of)
{
	if (of == NULL)
		return;
	pthread_mutex_lock(&of->lock);
	of->notices.woken = of->alerts.woken = true;
	pthread_cond_broadcast(&of->wake);
	pthread_mutex_unlock(&of->lock);
}

void hin_telling_close(struct hin_telling *of)
{
	struct telling_thread *threads[2];

	if (of == NULL)
		return;
	threads[0] = &of->notices;
	threads[1] = &of->alerts;
	pthread_mutex_lock(&of->lock);
	of->stop = true;
	pthread_cond_broadcast(&of->wake);
	pthread_mutex_unlock(&of->lock);
	for (size_t i = 0; i < HIN_COUNT(threads); i++) {
		if (threads[i]->started)
			pthread_join(threads[i]->thread, NULL);
		telling_unref(threads[i]->mine);
	}
	telling_unref(of->next);
	telling_unref(of->now);
	free(of->desk);
	free(of->store);
	free(of->ledger);
	free(of->host);
	pthread_mutex_destroy(&of->lock);
	pthread_cond_destroy(&of->wake);
	free(of);
}

/* ---- from outside ---- */

struct hin_telling_stats hin_telling_stats(struct hin_telling *of)
{
	struct hin_telling_stats stats = { 0 };

	if (of == NULL)
		return stats;
	pthread_mutex_lock(&of->lock);
	stats = of->stats;
	stats.sends = hin_telling_sends(&of->now->s);
	pthread_mutex_unlock(&of->lock);
	return stats;
}

bool hin_telling_sends(const struct hin_telling_settings *s)
{
	return s->send || s->alert_to.count > 0;
}

enum hin_code hin_telling_alert(struct hin_telling *of, struct hin_desk *desk, int64_t now_us,
				struct hin_error *err)
{
	struct telling *t = telling_ref(of);
	enum hin_code code = telling_alert(t, desk, now_us, err);

	telling_unref(t);
	return code;
}

enum hin_code hin_telling_notify(struct hin_telling *of, struct hin_desk *desk, int64_t now_us,
				 struct hin_error *err)
{
	struct telling *t = telling_ref(of);
	enum hin_code code = telling_notify(t, desk, now_us, err);

	telling_unref(t);
	return code;
}

enum hin_code hin_telling_dry_run(struct hin_telling *of, struct hin_desk *desk, int64_t now_us,
				  hin_telling_letter_fn call, void *user, struct hin_error *err)
{
	struct telling *t = telling_ref(of);
	enum hin_code code = telling_dry_run(t, desk, now_us, call, user, err);

	telling_unref(t);
	return code;
}
