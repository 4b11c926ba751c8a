/* over - events that begin, go on and are over: told, kept and forgotten. */
#include <stdlib.h>

#include "telescope/telescope_priv.h"

/* Drop the events of a source whose class was idle; the source itself when nothing is left of it.
 */
static void drop_idle(struct shard *s, uint32_t at, int64_t idle_us)
{
	int64_t last_us[HIN_CLASS_COUNT];
	bool any_idle = false;

	for (unsigned class = 0; class < HIN_CLASS_COUNT; class ++)
		last_us[class] = INT64_MIN;
	for (uint32_t i = source_at(s, at)->head; i != HIN_NONE; i = event_at(s, i)->next) {
		int64_t *last = &last_us[event_class(event_at(s, i))];

		*last = event_at(s, i)->last_us > *last ? event_at(s, i)->last_us : *last;
	}
	for (unsigned class = 0; class < HIN_CLASS_COUNT; class ++)
		any_idle |= last_us[class] != INT64_MIN && last_us[class] < idle_us;
	for (unsigned class = 0; any_idle && class < HIN_CLASS_COUNT; class ++) {
		uint32_t any = source_at(s, at)->any[class];

		if (last_us[class] == INT64_MIN || last_us[class] >= idle_us)
			continue;
		for (uint32_t i = source_at(s, at)->head; i != HIN_NONE;) {
			uint32_t next = event_at(s, i)->next;

			if (event_class(event_at(s, i)) == class && i != any)
				hin_shard_drop_event(s, i);
			i = next;
		}
		if (any != HIN_NONE)
			hin_shard_drop_event(s, any);
	}
	if (source_at(s, at)->head == HIN_NONE && source_at(s, at)->last_us < idle_us)
		hin_shard_drop_source(s, at);
}

/* Append the items of `from` to the same lists of what is over. */
static void keep_over(struct results *over, const struct results *from)
{
	for (size_t i = 0; i < from->events.count; i++)
		hin_results_add_event(over, &hin_results_events(from)[i]);
	for (size_t i = 0; i < from->victims.count; i++)
		hin_results_add_victim(over, &hin_results_victims(from)[i]);
	for (size_t i = 0; i < from->floods.count; i++)
		hin_results_add_flood(over, &over->floods, &hin_results_floods(&from->floods)[i]);
	for (size_t i = 0; i < from->amplifications.count; i++)
		hin_results_add_flood(over, &over->amplifications,
				      &hin_results_floods(&from->amplifications)[i]);
}

static void list_sort(struct result_list *list, size_t item,
		      int (*order)(const void *, const void *))
{
	if (list->count > 0)
		qsort(list->items, list->count, item, order);
}

/* What becomes of an event after it was told. */
enum fate { GOES_ON, FORGOTTEN };

struct teller {
	struct hin_telescope *t;
	enum fate fate;
	int64_t now_us;
	bool closing; /* all that is told is over */
	bool good;    /* the sink said no when not */
};

static void tell_one(struct teller *teller, struct hin_news *news, struct hin_ongoing_item event,
		     int64_t first_us)
{
	struct hin_telescope *t = teller->t;

	event.closed = teller->closing || event.last_us + t->timeout_us <= teller->now_us;
	if (teller->good &&
	    hin_ongoing_tell(&t->ongoing, &news->part, &event, first_us, teller->fate == FORGOTTEN))
		teller->good = t->options.sink.news(t->options.sink.user, news);
}

static void tell_floods(struct teller *teller, struct hin_news *news,
			const struct result_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct hin_flood *f = &hin_results_floods(list)[i];

		news->flood = f;
		tell_one(teller, news,
			 (struct hin_ongoing_item){ .link = f->link,
						    .packets = f->packets,
						    .bytes = f->bytes,
						    .last_us = f->last_us },
			 f->first_us);
	}
}

/* Sort what was judged, so that the order is the same however tables lie, and tell it. */
static bool tell_results(struct hin_telescope *t, struct results *r, int64_t now_us, bool closing,
			 enum fate fate)
{
	struct teller teller = {
		.t = t, .fate = fate, .now_us = now_us, .closing = closing, .good = true
	};
	struct hin_news news = { .type = HIN_NEWS_EVENT };

	if (t->options.sink.news == NULL)
		return true;
	list_sort(&r->events, sizeof(struct hin_event), hin_by_event);
	list_sort(&r->victims, sizeof(struct hin_victim), hin_by_victim);
	list_sort(&r->floods, sizeof(struct hin_flood), hin_by_flood);
	list_sort(&r->amplifications, sizeof(struct hin_flood), hin_by_flood);
	for (size_t i = 0; i < r->events.count; i++) {
		const struct hin_event *e = news.event = &hin_results_events(r)[i];

		tell_one(&teller, &news,
			 (struct hin_ongoing_item){ .link = e->link,
						    .packets = e->packets,
						    .bytes = e->bytes,
						    .last_us = e->last_us },
			 e->first_us);
	}
	news.type = HIN_NEWS_VICTIM;
	for (size_t i = 0; i < r->victims.count; i++) {
		const struct hin_victim *v = news.victim = &hin_results_victims(r)[i];

		tell_one(&teller, &news,
			 (struct hin_ongoing_item){ .link = v->link,
						    .packets = v->packets,
						    .bytes = v->bytes,
						    .last_us = v->last_us },
			 v->first_us);
	}
	news.type = HIN_NEWS_FLOOD;
	tell_floods(&teller, &news, &r->floods);
	news.type = HIN_NEWS_AMPLIFICATION;
	tell_floods(&teller, &news, &r->amplifications);
	return teller.good;
}

/* Tell of all that is known now. */
static bool tell_now(struct hin_telescope *t, int64_t now_us, enum fate fate)
{
	struct hin_tool_stat tools[HIN_SIGN_COUNT] = { 0 };
	struct results now = { .limit = SIZE_MAX / 2 };
	bool good;

	hin_judge(t, INT64_MAX, now_us, &now, tools);
	hin_results_name_evidence(t, &now);
	good = tell_results(t, &now, now_us, false, fate);
	hin_results_fini(&now);
	return good;
}

bool hin_telescope_tell_open(struct hin_telescope *t)
{
	hin_members_finish(t);
	return tell_now(t, t->clock_us, FORGOTTEN);
}

void hin_telescope_update(struct hin_telescope *t, int64_t now_us)
{
	if (t->options.sink.news != NULL && !tell_now(t, now_us, GOES_ON))
		t->failed = true;
}

void hin_telescope_expire(struct hin_telescope *t, int64_t now_us)
{
	int64_t idle_us = now_us - t->timeout_us;
	struct results now = { .limit = SIZE_MAX / 2 };
	int64_t first_us = INT64_MAX;

	for (unsigned i = 0; i < t->options.threads; i++)
		if (t->counters[i].first_us < first_us)
			first_us = t->counters[i].first_us;
	if (idle_us < first_us)
		return; /* nothing can have been idle for so long */
	hin_judge(t, idle_us, now_us, &now, t->over_tools);
	hin_results_name_evidence(t, &now);
	keep_over(&t->over, &now);
	if (!tell_results(t, &now, now_us, true, FORGOTTEN))
		t->failed = true;
	hin_ongoing_expire(&t->ongoing, idle_us - t->timeout_us);
	hin_results_fini(&now);
	for (unsigned i = 0; i < HIN_SHARDS; i++) {
		struct shard *s = &t->shards[i];
		uint32_t count = s->target_buckets * HIN_TARGET_WAYS;

		for (uint32_t at = 0; at < s->sources.used; at++)
			if ((source_at(s, at)->flags & SOURCE_USED) != 0)
				drop_idle(s, at, idle_us);
		for (uint32_t at = 0; at < count; at++)
			if (target_used(s, at) && target_at(s, at)->last_us < idle_us)
				hin_shard_drop_target(s, at);
	}
}
