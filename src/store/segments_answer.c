/* segments_answer - the groups of an interval in their order; see segments_group_priv.h */
#include <stdlib.h>

#include "store/segments_group_priv.h"

#define SPARE_BYTES ((size_t)16 << 20) /* a table that is kept for the next interval */

/* A group among those that may be in the answer. */
struct ranked {
	uint64_t rank;
	const uint64_t *record;
};

void hin_store_answer_fini(struct hin_store_answer *answer)
{
	if (answer == NULL)
		return;
	free(answer->groups);
	*answer = (struct hin_store_answer){ 0 };
}

static uint64_t rank_of(const struct hin_grouping *g, const struct hin_groups *t,
			const uint64_t *record)
{
	const uint64_t *at = record + hin_groups_at_count(t);

	switch (g->q->order) {
	case HIN_STORE_PACKETS:
		return t->volume ? at[1] : at[0];
	case HIN_STORE_BYTES:
		return t->volume ? at[2] : at[0];
	case HIN_STORE_DISTINCT:
		return t->distinct ? t->counts[record[t->key]] : at[0];
	default:
		return at[0];
	}
}

/* What a word of a key stands for. */
static struct hin_store_value value_of(const struct hin_grouping *g, unsigned field, uint64_t word)
{
	struct hin_store_value v = { .given = true };

	if (field != HIN_STORE_SENSOR && hin_forms[field].form == HIN_FORM_NUMBER) {
		v.number = word;
	} else if (word == 0) {
		v.given = false;
	} else if (field == HIN_FIELD_TAGS) {
		v.number = word & HIN_WORD_LOW;
	} else if ((word & ~HIN_WORD_LOW) == HIN_WORD_V4) {
		struct hin_addr a = hin_addr_of_v4((uint32_t)word);

		memcpy(v.bytes, a.b, sizeof(a.b));
	} else {
		memcpy(v.bytes, g->interned.items[word & HIN_WORD_LOW].bytes, sizeof(v.bytes));
	}
	return v;
}

/* Order of values; those that are not given first. */
static int compare_values(const struct hin_store_value *a, const struct hin_store_value *b)
{
	if (a->given != b->given)
		return a->given ? 1 : -1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int compare(const struct hin_grouping *g, const struct ranked *a, const struct ranked *b)
{
	if (a->rank != b->rank)
		return a->rank > b->rank ? -1 : 1;
	for (unsigned i = 0; i < g->q->by_count; i++) {
		struct hin_store_value x, y;
		int order;

		if (a->record[i] == b->record[i])
			continue;
		x = value_of(g, g->q->by[i], a->record[i]);
		y = value_of(g, g->q->by[i], b->record[i]);
		order = compare_values(&x, &y);
		if (order != 0)
			return order;
	}
	return 0;
}

static int by_order(const void *a, const void *b, void *g)
{
	return compare(g, a, b);
}

/* Keep the best `limit` in a heap whose top is the last of them. */
static void sift(const struct hin_grouping *g, struct ranked *heap, size_t count, size_t at)
{
	for (;;) {
		size_t child = 2 * at + 1;
		struct ranked swap;

		if (child >= count)
			return;
		if (child + 1 < count && compare(g, &heap[child + 1], &heap[child]) > 0)
			child++;
		if (compare(g, &heap[child], &heap[at]) <= 0)
			return;
		swap = heap[at];
		heap[at] = heap[child];
		heap[child] = swap;
		at = child;
	}
}

static size_t pick(const struct hin_grouping *g, const struct hin_groups *t, struct ranked *out,
		   size_t limit)
{
	unsigned at_count = hin_groups_at_count(t);
	size_t count = 0;

	for (size_t i = 0; i < t->slots; i++) {
		struct ranked r = { .record = t->records + i * t->stride };

		if (r.record[at_count] == 0)
			continue;
		r.rank = rank_of(g, t, r.record);
		if (count < limit) {
			out[count++] = r;
			if (count == limit)
				for (size_t k = limit / 2 + 1; k > 0; k--)
					sift(g, out, count, k - 1);
		} else if (limit > 0 && r.rank >= out[0].rank && compare(g, &r, &out[0]) < 0) {
			out[0] = r;
			sift(g, out, count, 0);
		}
	}
	return count;
}

static enum hin_code answer_room(struct hin_grouping *g, size_t more, struct hin_error *err)
{
	size_t room = g->answer_room, need = g->answer->count + more;
	struct hin_store_group *groups;

	if (need <= room)
		return HIN_OK;
	room = room * 2 > need ? room * 2 : need;
	if (room * sizeof(*groups) > g->store->options.memory_bytes)
		return hin_fail(err, HIN_ELIMIT,
				"%zu groups do not fit the memory: ask for the top ones", need);
	groups = realloc(g->answer->groups, room * sizeof(*groups));
	if (groups == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for %zu groups", need);
	g->answer->groups = groups;
	g->answer_room = room;
	return HIN_OK;
}

/* The totals of all groups, also of those that the limit leaves out. */
static void add_totals(struct hin_grouping *g, const struct hin_groups *t)
{
	struct hin_store_group *total = &g->answer->total;
	unsigned at_count = hin_groups_at_count(t);

	g->answer->groups_found += t->used;
	g->answer->approximate |= t->approximate;
	for (size_t i = 0; i < t->slots; i++) {
		const uint64_t *at = t->records + i * t->stride + at_count;

		total->count += at[0];
		if (t->volume) {
			total->packets += at[1];
			total->bytes += at[2];
		}
	}
}

static enum hin_code answer_interval(struct hin_grouping *g, struct hin_groups *t,
				     struct hin_error *err)
{
	size_t limit = g->q->limit > 0 && g->q->limit < t->used ? g->q->limit : t->used;
	struct ranked *ranked = malloc((limit + 1) * sizeof(*ranked));
	enum hin_code code = answer_room(g, limit, err);
	size_t count;

	if (ranked == NULL)
		code = hin_fail(err, HIN_ENOMEM, "no room for groups");
	if (code != HIN_OK) {
		free(ranked);
		return code;
	}
	if (t->distinct)
		hin_groups_count_values(t);
	count = pick(g, t, ranked, limit);
	qsort_r(ranked, count, sizeof(*ranked), by_order, g);
	for (size_t i = 0; i < count; i++) {
		const uint64_t *record = ranked[i].record, *at = record + hin_groups_at_count(t);
		struct hin_store_group *out = &g->answer->groups[g->answer->count++];

		*out = (struct hin_store_group){ .time_us = t->start_us, .count = at[0] };
		for (unsigned f = 0; f < g->q->by_count; f++)
			out->by[f] = value_of(g, g->q->by[f], record[f]);
		if (t->volume) {
			out->packets = at[1];
			out->bytes = at[2];
		}
		if (t->distinct)
			out->distinct = t->counts[record[t->key]];
	}
	free(ranked);
	add_totals(g, t);
	return HIN_OK;
}

static int by_start(const void *a, const void *b)
{
	const struct hin_groups *x = a, *y = b;

	return x->start_us < y->start_us ? -1 : x->start_us > y->start_us;
}

enum hin_code hin_grouping_close(struct hin_grouping *g, int64_t time_us, struct hin_error *err)
{
	size_t done = 0;
	enum hin_code code = HIN_OK;

	if (g->open_count > 1)
		qsort(g->open, g->open_count, sizeof(*g->open), by_start);
	/* the starts ascend, and so do the ends */
	while (done < g->open_count && code == HIN_OK &&
	       (time_us == INT64_MAX || g->open[done].start_us <= time_us - g->q->interval_us)) {
		code = answer_interval(g, &g->open[done], err);
		if (g->spare_count < HIN_COUNT(g->spare) &&
		    hin_groups_bytes(&g->open[done]) < SPARE_BYTES)
			g->spare[g->spare_count++] = g->open[done];
		else
			hin_groups_fini(&g->open[done]);
		done++;
	}
	if (done > 0) {
		g->open_count -= done;
		memmove(g->open, g->open + done, g->open_count * sizeof(*g->open));
	}
	return code;
}
