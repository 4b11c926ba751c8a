/*
 * api_replay - rules over stored observations as a job: one at a time, in a thread of its own that
 * gives way to all others, with its own handles, bounded in memory and time.
 *
 * The thread is there from the start, since nothing new may be started later; it sleeps until there
 * is a job. The last result is kept until the next job or DELETE.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "hub/analyse/overrides.h"
#include "hub/analyse/replay.h"
#include "hub/door/api_rules.h"
#include "trust/act_numbers.h"

#define JOB_NS (15 * HIN_NS_PER_MIN)
#define SUBJECTS 250000u /* in memory: 28 MB */
#define FINDINGS 5000u	 /* in the result */
#define RESULT ((size_t)8 << 20)
#define NICE 19

enum job { JOB_NONE, JOB_WAITS, JOB_RUNS, JOB_DONE, JOB_FAILED, JOB_CANCELLED };

static const char *const job_names[] = {
	"none", "running", "running", "done", "failed", "cancelled"
};

struct api_replay {
	struct hin_api *api;
	pthread_t thread;
	bool started;

	pthread_mutex_t lock; /* of all below but the atomics */
	pthread_cond_t wake;
	bool stopping;
	enum job state;
	int64_t number, account, begun_us, ended_us, since_us, until_us;
	struct hin_analyse_settings settings;
	struct hin_buffer result;
	char why[200];

	_Atomic bool cancelled;
	_Atomic uint64_t blocks_done, blocks, rows;

	/* of the thread */
	int64_t until_ns;
	bool late;
};

/* ---- the thread ---- */

static bool go_on(void *user, uint64_t done, uint64_t whole, uint64_t rows)
{
	struct api_replay *r = user;

	r->blocks_done = done;
	r->blocks = whole;
	r->rows = rows;
	r->late = hin_time_monotonic_ns() > r->until_ns;
	return !r->late && !r->cancelled;
}

/* Owners and leases as they are now; NULL on failure. */
static struct hin_owners_box *load_owners(struct api_replay *r, struct hin_error *err)
{
	const struct hin_owners_settings all = { 0 };
	struct hin_owners_box *owners = NULL;
	struct hin_desk *desk = NULL;
	enum hin_code code = hin_desk_open(&desk, r->api->settings.desk, HIN_DESK_READ, err);

	if (code == HIN_OK)
		code = hin_owners_box_new(&owners, &all, err);
	if (code == HIN_OK)
		code = hin_owners_box_refresh(owners, desk, hin_time_now_ns() / 1000, NULL, err);
	hin_desk_close(desk);
	if (code == HIN_OK)
		return owners;
	hin_owners_box_free(owners);
	return NULL;
}

static enum hin_code run_job(struct api_replay *r, const struct hin_analyse_settings *settings,
			     struct hin_store_range *range, struct hin_buffer *result,
			     struct hin_error *err)
{
	struct hin_owners_box *owners = load_owners(r, err);
	struct hin_replay replay = { 0 };
	enum hin_code code = owners != NULL ? HIN_OK : err->code;

	range->progress = go_on;
	range->user = r;
	r->late = false;
	r->until_ns = hin_time_monotonic_ns() + JOB_NS;
	if (code == HIN_OK)
		code = hin_replay_open(&replay, settings, owners, true, err);
	if (code == HIN_OK)
		code = hin_replay_run(&replay, r->api->settings.store, range, err);
	if (code == HIN_OK && r->late)
		code = hin_fail(err, HIN_ELIMIT, "it took too long: ask for a shorter time");
	if (code == HIN_ELIMIT && !r->late)
		(void)hin_fail(err, code,
			       "it found more than 64 MB: raise thresholds, or ask for "
			       "a shorter time");
	if (code == HIN_OK)
		code = hin_replay_json(&replay, FINDINGS, result, err);
	if (code == HIN_OK && result->failed)
		code = hin_fail(err, HIN_ELIMIT, "the result is too large: ask for a shorter time");
	hin_replay_close(&replay);
	hin_owners_box_free(owners);
	return code;
}

static void do_job(struct api_replay *r)
{
	struct hin_analyse_settings settings = r->settings;
	struct hin_store_range range = { .since_us = r->since_us, .until_us = r->until_us };
	struct hin_buffer result = { .limit = RESULT };
	struct hin_error err = { 0 };
	enum hin_code code;

	r->state = JOB_RUNS;
	pthread_mutex_unlock(&r->lock);
	code = run_job(r, &settings, &range, &result, &err);
	pthread_mutex_lock(&r->lock);
	r->ended_us = hin_time_now_ns() / 1000;
	if (r->cancelled) {
		r->state = JOB_CANCELLED;
	} else if (code == HIN_OK) {
		r->state = JOB_DONE;
		hin_buffer_fini(&r->result);
		r->result = result;
		result = (struct hin_buffer){ 0 };
	} else {
		bool ours = strncmp(err.text, "desk: ", 6) == 0 || code == HIN_ESYS;

		r->state = JOB_FAILED;
		snprintf(r->why, sizeof(r->why), "%s",
			 ours ? "this did not work, and the hub's log says why" : err.text);
		hin_log(HIN_LOG_WARNING, "api.replay_failed", hin_log_text("error", err.text));
	}
	hin_buffer_fini(&result);
}

static void *run(void *user)
{
	struct api_replay *r = user;

	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
	pthread_mutex_lock(&r->lock);
	while (!r->stopping) {
		if (r->state == JOB_WAITS)
			do_job(r);
		else
			pthread_cond_wait(&r->wake, &r->lock);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

enum hin_code api_replay_open(struct api_replay **out, struct hin_api *api, struct hin_error *err)
{
	struct api_replay *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the door");
	r->api = api;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->wake, NULL);
	*out = r; /* closed with the api from here on */
	errno = pthread_create(&r->thread, NULL, run, r);
	if (errno != 0)
		return hin_fail(err, HIN_ESYS, "cannot start a thread");
	r->started = true;
	return HIN_OK;
}

void api_replay_close(struct api_replay *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->stopping = true;
	r->cancelled = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	if (r->started)
		pthread_join(r->thread, NULL);
	hin_buffer_fini(&r->result);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* ---- asked by people ---- */

/* Settings of the request over those in force. */
static bool read_settings(struct api_call *call, struct hin_analyse_settings *now)
{
	json_t *settings = json_object_get(call->body, "settings"), *value;
	struct hin_analyse_settings file = { 0 };
	struct hin_error err = { 0 };
	bool good = true;
	const char *rules = api_body_text(call, "rules", 1000, false, &good), *key, *text;
	enum hin_code code = HIN_OK;

	if (!good || !api_is_settings(call, settings) || !api_rule_settings(call, &file, now))
		return false;
	json_object_foreach(settings, key, value)
	{
		text = hin_arena_printf(&call->arena, "%.100s=%.100s", key,
					json_is_string(value) ? json_string_value(value) : "");
		if (code == HIN_OK && (strncmp(key, "rule.", 5) != 0 || text == NULL))
			code = hin_fail(&err, HIN_EUSAGE, "\"%.80s\" is no setting of a rule", key);
		if (code == HIN_OK)
			code = hin_config_set(&hin_analyse_table, now, text, &err);
	}
	if (code == HIN_OK && rules != NULL && rules[0] != '\0')
		code = hin_replay_choose(now, rules, &err);
	if (now->subjects > SUBJECTS)
		now->subjects = SUBJECTS;
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
	return code == HIN_OK;
}

struct wish {
	int64_t since_us, until_us, number;
	struct hin_analyse_settings settings;
};

static enum hin_code begin(struct api_call *call, void *user, struct hin_buffer *object,
			   struct hin_error *err)
{
	struct api_replay *r = call->api->replay;
	struct wish *w = user;
	const char *rules = json_string_value(json_object_get(call->body, "rules"));
	bool busy;

	api_time(object, "since", w->since_us);
	api_time(object, "until", w->until_us);
	if (rules != NULL)
		api_text(object, "rules", rules);
	pthread_mutex_lock(&r->lock);
	busy = r->state == JOB_WAITS || r->state == JOB_RUNS;
	if (!busy) {
		r->state = JOB_WAITS;
		r->number++;
		r->account = call->who.account.id;
		r->begun_us = call->now_us;
		r->ended_us = 0;
		r->since_us = w->since_us;
		r->until_us = w->until_us;
		r->settings = w->settings;
		r->why[0] = '\0';
		r->cancelled = false;
		r->blocks = r->blocks_done = r->rows = 0;
		hin_buffer_fini(&r->result);
		w->number = r->number;
		pthread_cond_signal(&r->wake);
	}
	pthread_mutex_unlock(&r->lock);
	return busy ? hin_fail(err, HIN_EDENIED, "a replay runs already: wait for it, or end it")
		    : HIN_OK;
}

void api_replay_begin(struct api_call *call)
{
	bool good = api_body_only(call, "since until rules settings");
	struct wish w = { .since_us = good ? api_body_time(call, "since", &good) : 0 };

	w.until_us = api_body_time(call, "until", &good);
	if (!good || !read_settings(call, &w.settings))
		return;
	if (call->api->replay == NULL) {
		api_refuse(call, 409, "no-store", "this hub has no store of observations");
		return;
	}
	if (!api_do_act(call, HIN_ACT_REPLAY, begin, &w))
		return;
	call->status = 202;
	api_open(&call->out, NULL, '{');
	api_number(&call->out, "id", w.number);
	hin_buffer_puts(&call->out, "}\n");
}

void api_replay_get(struct api_call *call)
{
	struct api_replay *r = call->api->replay;
	struct hin_buffer *out = &call->out;

	if (r == NULL) {
		api_refuse(call, 409, "no-store", "this hub has no store of observations");
		return;
	}
	pthread_mutex_lock(&r->lock);
	api_open(out, NULL, '{');
	api_number(out, "id", r->number);
	api_text(out, "state", job_names[r->state]);
	api_id(out, "account", r->account);
	api_time(out, "begun", r->begun_us);
	api_time(out, "ended", r->ended_us);
	api_time(out, "since", r->since_us);
	api_time(out, "until", r->until_us);
	api_open(out, "progress", '{');
	api_number(out, "blocks_done", (int64_t)r->blocks_done);
	api_number(out, "blocks", (int64_t)r->blocks);
	api_number(out, "rows", (int64_t)r->rows);
	hin_buffer_putc(out, '}');
	api_text_or_null(out, "error", r->why);
	api_key(out, "result");
	hin_buffer_puts(out, r->state == JOB_DONE ? hin_buffer_text(&r->result) : "null");
	hin_buffer_puts(out, "}\n");
	pthread_mutex_unlock(&r->lock);
}

/* A job that runs ends soon; one that is over is forgotten. */
void api_replay_end(struct api_call *call)
{
	struct api_replay *r = call->api->replay;

	if (r == NULL) {
		api_refuse(call, 409, "no-store", "this hub has no store of observations");
		return;
	}
	pthread_mutex_lock(&r->lock);
	r->cancelled = true;
	if (r->state != JOB_WAITS && r->state != JOB_RUNS) {
		r->state = JOB_NONE;
		hin_buffer_fini(&r->result);
	}
	pthread_mutex_unlock(&r->lock);
	hin_buffer_puts(&call->out, "{}\n");
}
