/*
 * notice_figures - told, fixed, re-appeared, time to fix: counted in one walk; see notice.h. A
 * trouble that an owner is told of by several channels counts once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/telling/notice.h"

struct group {
	struct hin_notice_figure figure;
	int64_t *fixes; /* durations */
	size_t fix_count, fix_size;
};

struct groups {
	struct group *items;
	size_t count, size;
};

static const char *const queries[] = {
#define QUERY(name)                                                                                \
	"SELECT " name ", n.state, n.sent_us, n.fixed_us, n.reappeared FROM notice n "             \
	"LEFT JOIN organisation o ON o.id = n.organisation "                                       \
	"WHERE n.created_us >= ?1 AND (?2 = 0 OR n.created_us < ?2) AND NOT EXISTS (SELECT 1 "     \
	"FROM notice m WHERE m.trouble = n.trouble AND m.organisation IS n.organisation AND "      \
	"m.id < n.id AND m.state <> 'withdrawn') ORDER BY 1, n.id"
	[HIN_NOTICE_ALL] = QUERY("''"),
	[HIN_NOTICE_BY_OWNER] = QUERY("coalesce(o.handle, '')"),
	[HIN_NOTICE_BY_SECTOR] = QUERY("coalesce(o.sector, '')"),
	[HIN_NOTICE_BY_KIND] = QUERY("n.kind"),
};

static struct group *group_of(struct groups *g, const char *name)
{
	struct group *last = g->count > 0 ? &g->items[g->count - 1] : NULL;

	if (last != NULL && strcmp(last->figure.name, name) == 0)
		return last; /* rows come by name */
	if (g->count == g->size) {
		size_t size = g->size > 0 ? g->size * 2 : 16;
		struct group *more = realloc(g->items, size * sizeof(*more));

		if (more == NULL)
			return NULL;
		g->items = more;
		g->size = size;
	}
	last = &g->items[g->count++];
	*last = (struct group){ 0 };
	snprintf(last->figure.name, sizeof(last->figure.name), "%s", name);
	return last;
}

static bool add_fix(struct group *g, int64_t us)
{
	if (g->fix_count == g->fix_size) {
		size_t size = g->fix_size > 0 ? g->fix_size * 2 : 16;
		int64_t *more = realloc(g->fixes, size * sizeof(*more));

		if (more == NULL)
			return false;
		g->fixes = more;
		g->fix_size = size;
	}
	g->fixes[g->fix_count++] = us;
	return true;
}

static bool take(struct groups *groups, sqlite3_stmt *s)
{
	struct group *g = group_of(groups, hin_desk_text(s, 0));
	const char *state = hin_desk_text(s, 1);
	int64_t sent = sqlite3_column_int64(s, 2), fixed = sqlite3_column_int64(s, 3);
	struct hin_notice_figure *f;

	if (g == NULL)
		return false;
	f = &g->figure;
	f->told += sent != 0;
	f->reappeared += (uint64_t)sqlite3_column_int64(s, 4);
	f->no_owner += strcmp(state, "no_owner") == 0;
	f->bounced += strcmp(state, "bounced") == 0;
	f->failed += strcmp(state, "failed") == 0;
	f->waiting += strcmp(state, "queued") == 0 || strcmp(state, "held") == 0;
	f->open += strcmp(state, "sent") == 0;
	if (strcmp(state, "fixed") != 0)
		return true;
	f->fixed++;
	return sent == 0 || fixed < sent || add_fix(g, fixed - sent);
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int by_told(const void *a, const void *b)
{
	const struct hin_notice_figure *x = a, *y = b;

	if (x->told != y->told)
		return x->told < y->told ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void measure(struct group *g)
{
	if (g->fix_count == 0)
		return;
	qsort(g->fixes, g->fix_count, sizeof(*g->fixes), by_number);
	g->figure.median_fix_us = g->fixes[(g->fix_count - 1) / 2];
	if (g->fix_count % 2 == 0) {
		int64_t upper = g->fixes[g->fix_count / 2];

		g->figure.median_fix_us += (upper - g->figure.median_fix_us) / 2;
	}
	g->figure.p90_fix_us = g->fixes[(g->fix_count * 9 - 1) / 10];
}

enum hin_code hin_notice_figures(struct hin_desk *desk, enum hin_notice_by by, int64_t since_us,
				 int64_t until_us, struct hin_notice_figure **out, size_t *count,
				 struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(desk, queries[by], err);
	struct hin_notice_figure *figures = NULL;
	struct groups groups = { 0 };
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "ii", since_us, until_us);
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK)
		if (!take(&groups, s))
			code = hin_fail(err, HIN_ENOMEM, "figures");
	sqlite3_reset(s);
	if (code == HIN_EOF) {
		figures = calloc(groups.count + 1, sizeof(*figures));
		code = figures != NULL ? HIN_OK : hin_fail(err, HIN_ENOMEM, "figures");
	}
	for (size_t i = 0; i < groups.count; i++) {
		if (code == HIN_OK) {
			measure(&groups.items[i]);
			figures[i] = groups.items[i].figure;
		}
		free(groups.items[i].fixes);
	}
	free(groups.items);
	if (code != HIN_OK)
		return code;
	qsort(figures, groups.count, sizeof(*figures), by_told);
	*out = figures;
	*count = groups.count;
	return HIN_OK;
}
