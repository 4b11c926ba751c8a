/* pump - acts out of the desk into the ledger; see pump.h */
#include "hub/pump.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "trust/ledger.h"

/* Acts of the desk that are not in the ledger, as far as the desk knows. */
struct pending {
	int64_t ids[HIN_PUMP_GROUP];
	struct hin_act acts[HIN_PUMP_GROUP];
	size_t count;
	int64_t last; /* id of the last row looked at */
};

struct pump {
	struct hin_desk *desk;
	struct hin_ledger *ledger;
	const char *folder;
	struct hin_pump_stats *stats;
	bool certain; /* the desk knows all that this ledger has of it */
	struct pending pending;
};

/* ---- the desk ---- */

static bool take_row(struct hin_act *act, sqlite3_stmt *s)
{
	const void *authority = sqlite3_column_blob(s, 4), *digest = sqlite3_column_blob(s, 5);
	uint8_t bytes[HIN_ACT_BYTES];

	*act = (struct hin_act){ .when_us = sqlite3_column_int64(s, 1),
				 .who = (uint64_t)sqlite3_column_int64(s, 2),
				 .kind = (uint16_t)sqlite3_column_int(s, 3) };
	if (authority != NULL && sqlite3_column_bytes(s, 4) == (int)sizeof(act->authority))
		memcpy(act->authority, authority, sizeof(act->authority));
	if (digest == NULL || sqlite3_column_bytes(s, 5) != (int)sizeof(act->object))
		return false;
	memcpy(act->object, digest, sizeof(act->object));
	return hin_act_encode(bytes, act, NULL) == HIN_OK;
}

/*
 * The next group of pending acts. One that the ledger would refuse (a kind that a newer program
 * wrote) stays where it is, is told, and does not hold up the others.
 */
static enum hin_code read_pending(struct pump *p, struct hin_error *err)
{
	struct pending *g = &p->pending;
	sqlite3_stmt *s =
		hin_desk_statement(p->desk,
				   "SELECT id, time_us, account, kind, authority, digest FROM act "
				   "WHERE ledger IS NULL AND id > ?1 ORDER BY id",
				   err);
	enum hin_code code = s == NULL ? HIN_EFORMAT : hin_desk_bind(p->desk, s, err, "i", g->last);

	g->count = 0;
	while (code == HIN_OK && g->count < HIN_PUMP_GROUP) {
		code = hin_desk_step(p->desk, s, err);
		if (code != HIN_OK)
			break;
		g->last = g->ids[g->count] = sqlite3_column_int64(s, 0);
		if (take_row(&g->acts[g->count], s)) {
			g->count++;
			continue;
		}
		p->stats->failures++;
		hin_log_limited(HIN_LOG_ERROR, "pump.act_refused",
				hin_log_i64("act", sqlite3_column_int64(s, 0)),
				hin_log_i64("kind", sqlite3_column_int64(s, 3)));
	}
	if (s != NULL)
		sqlite3_reset(s);
	return code == HIN_EOF ? HIN_OK : code;
}

static enum hin_code mark(struct pump *p, int64_t id, uint64_t index, struct hin_error *err)
{
	return hin_desk_run(p->desk, err, "UPDATE act SET ledger = ?2 WHERE id = ?1", "ii", id,
			    (int64_t)index);
}

/* Where the group's acts stand, into the desk: `at[i]`, or UINT64_MAX for one that stays. */
static enum hin_code mark_all(struct pump *p, const uint64_t *at, struct hin_error *err)
{
	enum hin_code code = hin_desk_begin(p->desk, err);

	for (size_t i = 0; code == HIN_OK && i < p->pending.count; i++)
		if (at[i] != UINT64_MAX)
			code = mark(p, p->pending.ids[i], at[i], err);
	if (code == HIN_OK)
		return hin_desk_commit(p->desk, err);
	hin_desk_rollback(p->desk);
	return code;
}

/* ---- after a crash ---- */

/* The group's act with this object; salted digests are never the same twice. */
static size_t find_act(const struct pending *g, const uint8_t object[HIN_ACT_DIGEST])
{
	size_t i = 0;

	while (i < g->count && memcmp(g->acts[i].object, object, HIN_ACT_DIGEST) != 0)
		i++;
	return i;
}

/*
 * What a run before this one appended and did not come to note: behind the last act that the desk
 * knows of, whole or not at all. The desk gives groups in the order in which they went, so it can
 * only be acts of the first group.
 */
static enum hin_code find_appended(struct pump *p, uint64_t from, uint64_t size, uint64_t *at,
				   struct hin_error *err)
{
	struct hin_tiles *tiles = NULL;
	const uint8_t *entry;
	size_t bytes;
	enum hin_code code = hin_tiles_open(&tiles, p->folder, size, err);

	for (uint64_t i = from; code == HIN_OK && i < size; i++) {
		struct hin_act act;
		size_t found;

		code = hin_tiles_entry(tiles, i, &entry, &bytes, err);
		if (code != HIN_OK || hin_act_decode(&act, entry, bytes, NULL) != HIN_OK)
			continue; /* an entry of a later version is not one of these */
		found = find_act(&p->pending, act.object);
		if (found < p->pending.count && !hin_act_is_none(act.object)) {
			at[found] = i;
			p->stats->found++;
		}
	}
	hin_tiles_close(tiles);
	return code;
}

static enum hin_code make_certain(struct pump *p, struct hin_error *err)
{
	struct hin_checkpoint head = { 0 };
	uint64_t *at;
	int64_t last;
	enum hin_code code;

	p->pending.last = 0;
	code = read_pending(p, err);
	if (code != HIN_OK || p->pending.count == 0) {
		p->certain = code == HIN_OK;
		return code;
	}
	code = hin_desk_number(p->desk, &last, err, "SELECT coalesce(max(ledger), -1) FROM act",
			       "");
	if (code == HIN_OK)
		code = hin_ledger_publish(p->ledger, err);
	if (code == HIN_OK)
		code = hin_ledger_head(p->ledger, NULL, &head, err);
	if (code != HIN_OK || head.size <= (uint64_t)(last + 1)) {
		p->certain = code == HIN_OK;
		return code;
	}
	at = malloc(p->pending.count * sizeof(*at));
	if (at == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for acts");
	memset(at, 0xff, p->pending.count * sizeof(*at));
	code = find_appended(p, (uint64_t)(last + 1), head.size, at, err);
	if (code == HIN_OK)
		code = mark_all(p, at, err);
	free(at);
	p->certain = code == HIN_OK;
	return code;
}

/* ---- pumping ---- */

static enum hin_code pump_group(struct pump *p, struct hin_error *err)
{
	struct pending *g = &p->pending;
	uint64_t first, *at;
	enum hin_code code;

	at = malloc(g->count * sizeof(*at));
	if (at == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for acts");
	p->certain = false; /* until the desk knows too */
	code = hin_ledger_append_all(p->ledger, g->acts, g->count, &first, err);
	for (size_t i = 0; code == HIN_OK && i < g->count; i++)
		at[i] = first + i;
	if (code == HIN_OK)
		code = mark_all(p, at, err);
	free(at);
	if (code != HIN_OK)
		return code;
	p->certain = true;
	p->stats->pumped += g->count;
	return HIN_OK;
}

static enum hin_code pump_all(struct pump *p, struct hin_error *err)
{
	enum hin_code code = p->certain ? HIN_OK : make_certain(p, err);

	p->pending.last = 0;
	while (code == HIN_OK) {
		code = read_pending(p, err);
		if (code != HIN_OK || p->pending.count == 0)
			return code;
		code = pump_group(p, err);
	}
	return code;
}

enum hin_code hin_pump_once(struct hin_desk *desk, struct hin_ledger *ledger, const char *folder,
			    struct hin_pump_stats *stats, struct hin_error *err)
{
	struct pump *p = calloc(1, sizeof(*p));
	enum hin_code code;

	if (p == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for acts");
	p->desk = desk;
	p->ledger = ledger;
	p->folder = folder;
	p->stats = stats;
	code = pump_all(p, err);
	free(p);
	return code;
}

/* ---- the thread ---- */

struct hin_pump {
	struct hin_pump_settings settings;
	struct pump inner;
	struct hin_pump_stats stats; /* of the thread */
	char *folder;
	pthread_t thread;
	bool runs;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	bool woken, ending;
	struct hin_pump_stats told;
};

static void tell_stats(struct hin_pump *pump)
{
	int64_t pending = 0, oldest = 0;

	if (hin_desk_number(pump->inner.desk, &pending, NULL,
			    "SELECT count(*) FROM act WHERE ledger IS NULL", "") == HIN_OK)
		pump->stats.pending = (uint64_t)pending;
	if (pending == 0 ||
	    hin_desk_number(pump->inner.desk, &oldest, NULL,
			    "SELECT time_us FROM act WHERE ledger IS NULL ORDER BY id LIMIT 1",
			    "") != HIN_OK)
		oldest = 0;
	pump->stats.oldest_us = oldest;
	pthread_mutex_lock(&pump->lock);
	pump->told = pump->stats;
	pthread_mutex_unlock(&pump->lock);
}

static void look(struct hin_pump *pump)
{
	struct hin_error why = { 0 };
	bool changed = false;

	if (pump_all(&pump->inner, &why) != HIN_OK) {
		pump->stats.failures++;
		hin_log_limited(HIN_LOG_ERROR, "pump.acts_wait", hin_log_text("error", why.text));
	}
	if (pump->settings.owners != NULL &&
	    hin_owners_box_refresh(pump->settings.owners, pump->inner.desk,
				   hin_time_now_ns() / HIN_NS_PER_US, &changed, &why) != HIN_OK)
		hin_log_limited(HIN_LOG_WARNING, "pump.owners_not_read",
				hin_log_text("error", why.text));
	if (changed && pump->settings.owners_changed != NULL)
		pump->settings.owners_changed(pump->settings.user);
	tell_stats(pump);
}

/* Wait for a wake; true when it is the end. */
static bool wait_for_more(struct hin_pump *pump)
{
	struct timespec until;
	bool ending;
	int result = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += HIN_PUMP_WAIT_NS / HIN_NS_PER_S;
	pthread_mutex_lock(&pump->lock);
	while (!pump->woken && !pump->ending && result == 0)
		result = pthread_cond_timedwait(&pump->wake, &pump->lock, &until);
	pump->woken = false;
	ending = pump->ending;
	pthread_mutex_unlock(&pump->lock);
	return ending;
}

static void *run(void *user)
{
	struct hin_pump *pump = user;

	do
		look(pump);
	while (!wait_for_more(pump));
	look(pump);
	return NULL;
}

enum hin_code hin_pump_open(struct hin_pump **out, const struct hin_pump_settings *settings,
			    struct hin_error *err)
{
	struct hin_pump *pump = calloc(1, sizeof(*pump));
	pthread_condattr_t monotonic;
	enum hin_code code;

	if (pump == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for acts");
	pthread_mutex_init(&pump->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&pump->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pump->settings = *settings;
	pump->folder = strdup(settings->folder);
	code = pump->folder != NULL
		       ? hin_desk_open(&pump->inner.desk, settings->desk, HIN_DESK_WRITE, err)
		       : hin_fail(err, HIN_ENOMEM, "no memory for acts");
	pump->inner.ledger = settings->ledger;
	pump->inner.folder = pump->folder;
	pump->inner.stats = &pump->stats;
	if (code == HIN_OK && pthread_create(&pump->thread, NULL, run, pump) != 0)
		code = hin_fail(err, HIN_EAGAIN, "no thread for the acts");
	pump->runs = code == HIN_OK;
	if (code != HIN_OK) {
		hin_pump_close(pump);
		return code;
	}
	*out = pump;
	return HIN_OK;
}

void hin_pump_wake(struct hin_pump *pump)
{
	if (pump == NULL)
		return;
	pthread_mutex_lock(&pump->lock);
	pump->woken = true;
	pthread_cond_signal(&pump->wake);
	pthread_mutex_unlock(&pump->lock);
}

void hin_pump_close(struct hin_pump *pump)
{
	if (pump == NULL)
		return;
	if (pump->runs) {
		pthread_mutex_lock(&pump->lock);
		pump->ending = true;
		pthread_cond_signal(&pump->wake);
		pthread_mutex_unlock(&pump->lock);
		pthread_join(pump->thread, NULL);
	}
	hin_desk_close(pump->inner.desk);
	free(pump->folder);
	pthread_cond_destroy(&pump->wake);
	pthread_mutex_destroy(&pump->lock);
	free(pump);
}

struct hin_pump_stats hin_pump_stats(struct hin_pump *pump)
{
	struct hin_pump_stats stats;

	pthread_mutex_lock(&pump->lock);
	stats = pump->told;
	pthread_mutex_unlock(&pump->lock);
	return stats;
}
